//! `legation agent file`: what an agent acts by, in one file: with its own key, or of a process whose key the signer keeps.

use super::place::{ask, escape, items, joined, text};
use crate::{
    agent::process,
    args::{AgentFileArgs, KeyArgs},
    files,
    output::{Failure, Output, working},
};
use legation_did::{Did, DidError, method_id};
use legation_keys::Signer;
use legation_keystore::{Overwrite, Protection, save_agent};
use legation_signer::ProcessKey;
use serde_json::json;
use std::path::Path;

pub(crate) fn write(args: &AgentFileArgs) -> Result<Output, Failure> {
    match (&args.own_key, args.user.zip(args.socket.as_deref())) {
        (Some(own_key), _) => with_key(args, own_key),
        (None, Some((user, socket))) => of_process(args, user, socket),
        (None, None) => {
            Err(Failure::usage("name the agent's key by --own-key FILE, or a user by --user UID"))
        }
    }
}

/// The file of a process: nothing in it is secret.
fn of_process(args: &AgentFileArgs, user: u32, socket: &Path) -> Result<Output, Failure> {
    // Whoever reads the file may be in another folder.
    let socket = std::path::absolute(socket).map_err(|error| Failure::file(error.to_string()))?;
    if socket.to_str().is_none() {
        return Err(Failure::usage("the path of the socket is not UTF-8; name another one"));
    }
    let path = format!("/v1/agents/{}/process", escape(&args.agent));
    let answer = ask(&args.data, "POST", &path, Some(&json!({"user": user})))?;
    let written = process::write(&args.out.out, &answer, &socket, overwrite(args));
    written.map_err(|error| unwritten(args, &error.to_string()))?;
    let (file, did) = (args.out.out.display().to_string(), text(&answer, "did"));
    let mut output = Output::done(
        json!({"file": file, "agent": args.agent, "did": did, "user": user, "socket": socket}),
        format!("wrote {file}: {did}, as processes of the user {user} act as it"),
    );
    if ProcessKey::knock(&socket).is_err() {
        let socket = socket.display();
        output.notes.push(format!(
            "no signer answers agents at `{socket}` yet: `legation signer --agent-socket {socket}`"
        ));
    }
    Ok(output)
}

fn overwrite(args: &AgentFileArgs) -> Overwrite {
    if args.out.force { Overwrite::Replace } else { Overwrite::Refuse }
}

fn unwritten(args: &AgentFileArgs, error: &str) -> Failure {
    let hint = if args.out.out.exists() { ", or give --force" } else { "" };
    Failure::file(format!("{error}{hint}"))
}

fn with_key(args: &AgentFileArgs, own_key: &Path) -> Result<Output, Failure> {
    let of = KeyArgs { key: own_key.to_owned(), passphrase_file: args.own_key_passphrase_file.clone() };
    let key = files::load_key(&of)?;
    let passphrase = files::passphrase(args.own_key_passphrase_file.as_deref())?;
    let answer = ask(&args.data, "GET", &format!("/v1/agents/{}/chain", escape(&args.agent)), None)?;
    let did: Did = text(&answer, "did").parse().map_err(|error: DidError| {
        Failure::invalid("agent_malformed", format!("the agent has no DID: {error}"))
    })?;
    let own = method_id(&did, key.public_key());
    if !items(&answer, "keys").iter().any(|id| id.as_str() == Some(&own)) {
        let message = format!(
            "the key in `{}` is not that of `{}`; what the signer keeps in custody is in no file: use an API key, or --user UID",
            own_key.display(),
            args.agent
        );
        return Err(Failure::invalid("another_key", message));
    }
    let chain = joined(&answer, "chain", "~");
    let protection = passphrase.as_ref().map_or(Protection::InsecurePlaintext, Protection::Passphrase);
    let saved = working("writing the agent file", || {
        save_agent(&args.out.out, (&key, &chain), protection, overwrite(args))
    });
    saved.map_err(|error| unwritten(args, &error.to_string()))?;
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
