//! `legation agent file`: what an agent with its own key acts by, in one file.

use super::place::{ask, escape, items, joined, text};
use crate::{
    args::{AgentFileArgs, KeyArgs},
    files,
    output::{Failure, Output, working},
};
use legation_did::{Did, DidError, method_id};
use legation_keys::Signer;
use legation_keystore::{Overwrite, Protection, save_agent};
use serde_json::json;

pub(crate) fn write(args: &AgentFileArgs) -> Result<Output, Failure> {
    let of = KeyArgs { key: args.own_key.clone(), passphrase_file: args.own_key_passphrase_file.clone() };
    let key = files::load_key(&of)?;
    let passphrase = files::passphrase(args.own_key_passphrase_file.as_deref())?;
    let answer = ask(&args.data, "GET", &format!("/v1/agents/{}/chain", escape(&args.agent)), None)?;
    let did: Did = text(&answer, "did").parse().map_err(|error: DidError| {
        Failure::invalid("agent_malformed", format!("the agent has no DID: {error}"))
    })?;
    let own = method_id(&did, key.public_key());
    if !items(&answer, "keys").iter().any(|id| id.as_str() == Some(&own)) {
        let message = format!(
            "the key in `{}` is not that of `{}`; what the signer keeps in custody is in no file: use an API key",
            args.own_key.display(),
            args.agent
        );
        return Err(Failure::invalid("another_key", message));
    }
    let chain = joined(&answer, "chain", "~");
    let protection = passphrase.as_ref().map_or(Protection::InsecurePlaintext, Protection::Passphrase);
    let overwrite = if args.out.force { Overwrite::Replace } else { Overwrite::Refuse };
    let saved = working("writing the agent file", || {
        save_agent(&args.out.out, (&key, &chain), protection, overwrite)
    });
    saved.map_err(|error| {
        let hint = if args.out.out.exists() { ", or give --force" } else { "" };
        Failure::file(format!("{error}{hint}"))
    })?;
    let (file, links) = (args.out.out.display().to_string(), items(&answer, "chain").len());
    let mut output = Output::done(
        json!({"file": file, "agent": args.agent, "did": did.as_str(), "links": links, "encrypted": passphrase.is_some()}),
        format!("wrote {file}: {did}, with {links} delegations"),
    );
    if passphrase.is_none() {
        output.notes.push(format!("`{file}` is not encrypted: whoever reads it can act as the agent"));
    }
    Ok(output)
}
