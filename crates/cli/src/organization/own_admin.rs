//! Becoming an admin by one's own key: by a code that is typed, or by an ID token.

use super::{
    data_dir::DataDir,
    first_admin,
    host::Reached,
    place::{items, text},
};
use crate::{
    args::{ClaimArgs, LoginArgs, OwnAdminArgs},
    files,
    output::{Failure, Output},
};
use legation_did::Did;
use legation_keys::{SecretKey, Signer as _};
use serde_json::{Value, json};
use std::{
    fs::DirBuilder,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
};

/// Whoever becomes an admin at a host.
struct Own {
    reached: Reached,
    /// The organization there.
    organization: Did,
    key: SecretKey,
    did: Did,
    key_file: PathBuf,
    /// Where its delegation is kept.
    delegation: PathBuf,
}

pub(crate) fn claim(args: &ClaimArgs) -> Result<Output, Failure> {
    let own = Own::of(&args.own, false)?;
    let body = json!({"code": args.code, "did": own.did.as_str(), "proof": own.proof()?});
    let answer = own.reached.ask_openly("POST", "/v1/claims", &body)?;
    own.keep(&answer, false)
}

pub(crate) fn login(args: &LoginArgs) -> Result<Output, Failure> {
    let own = Own::of(&args.own, true)?;
    let Some(file) = &args.id_token else {
        let nonce = legation_registry::identity::nonce(&own.organization, &own.did);
        return Ok(Output::done(json!({"nonce": nonce, "did": own.did.as_str()}), nonce));
    };
    let file = if file.as_os_str() == "-" { Path::new("/dev/stdin") } else { file.as_path() };
    let token = files::read_text(file)?;
    let body = json!({"idToken": token.trim(), "did": own.did.as_str(), "proof": own.proof()?});
    let answer = own.reached.ask_openly("POST", "/v1/sessions", &body)?;
    own.keep(&answer, true)
}

impl Own {
    /// The key is read, or made, before anything is asked; a delegation that is there is not written over unless `again`.
    fn of(args: &OwnAdminArgs, again: bool) -> Result<Self, Failure> {
        let data = DataDir::of(&args.data);
        let folder = &data.own()?;
        let named =
            |given: &Option<PathBuf>, usual: &str| given.clone().unwrap_or_else(|| folder.join(usual));
        let (key_file, delegation) = (named(&args.key, "admin.key"), named(&args.delegation, "admin.jwt"));
        if !again && delegation.exists() {
            let message = format!(
                "`{}` is there already; name another file by --delegation, or another folder by --data-dir",
                delegation.display()
            );
            return Err(Failure::file(message));
        }
        let named = data.named()?;
        let reached = Reached::at(&args.host, named.as_ref())?;
        let organization = organization(&reached, &args.host)?;
        if let Some(named) = named.filter(|named| *named != organization) {
            let message = format!("`{}` is a host of {organization}, and not of {named}", args.host);
            return Err(Failure::usage(message));
        }
        if args.key.is_none() || args.delegation.is_none() {
            make_folder(folder)?;
        }
        let key = first_admin::key_in(&key_file, args.passphrase_file.as_deref())?;
        let did = legation_did::key::did(key.public_key());
        Ok(Self { reached, organization, key, did, key_file, delegation })
    }

    /// That the key is at hand, for this organization.
    fn proof(&self) -> Result<String, Failure> {
        legation_registry::proof::prove(&self.key, &self.organization, self.did.as_str(), files::now())
            .map_err(|error| Failure::usage(error.to_string()))
    }

    fn keep(&self, answer: &Value, again: bool) -> Result<Output, Failure> {
        files::write_public(&self.delegation, text(answer, "secured"), again)?;
        let (key, delegation) = (self.key_file.display(), self.delegation.display());
        let told = format!(
            "{} is an admin of {} until {}, by the key in `{key}` and the delegation in `{delegation}`",
            self.did,
            self.organization,
            text(answer, "validUntil"),
        );
        let json = json!({
            "organization": self.organization.as_str(), "did": self.did.as_str(), "key": self.key_file,
            "delegation": self.delegation, "actions": answer.get("actions"), "validUntil": answer.get("validUntil"),
        });
        Ok(Output::done(json, told))
    }
}

/// Which organization a host is of, as it says itself.
fn organization(reached: &Reached, url: &str) -> Result<Did, Failure> {
    let document = reached.ask_openly("GET", "/openapi.json", &Value::Null)?;
    let origin = items(&document, "servers").first().map_or("", |server| text(server, "url"));
    let domain = origin.split_once("://").map_or("", |(_, domain)| domain);
    legation_registry::names::organization(domain).map_err(|_| {
        Failure::network("host_unknown", format!("`{url}` does not say of which organization it is"))
    })
}

fn make_folder(folder: &Path) -> Result<(), Failure> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(|error| Failure::file(format!("`{}` can't be made: {error}", folder.display())))
}
