//! `legation key directory`.

use crate::{
    args::DirectoryArgs,
    did::{public_keys, write_in_site},
    output::{Failure, Output},
};
use legation_http_signature::web_bot_auth::{DIRECTORY_PATH, directory};
use legation_keys::PublicKey;
use serde_json::{Value, json};

pub(crate) fn write(args: &DirectoryArgs) -> Result<Output, Failure> {
    let keys = public_keys(&args.key, &args.passphrase_file)?;
    let text = directory(&keys);
    let path = args.out.join(DIRECTORY_PATH.trim_start_matches('/'));
    write_in_site(&path, &text, args.force)?;
    let json: Value = serde_json::from_str(&text).unwrap_or_default();
    let path = path.display().to_string();
    let thumbprints: Vec<String> = keys.iter().map(PublicKey::thumbprint).collect();
    let shown = format!(
        "wrote {path}\n{}\npublish it at https://HOST{DIRECTORY_PATH}, and name that as the agent of what is signed",
        thumbprints.join("\n")
    );
    Ok(Output::done(json!({"file": path, "directory": json}), shown))
}
