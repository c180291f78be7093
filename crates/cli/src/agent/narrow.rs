//! `legation agent narrow`: a child of an agent, made offline, in one file.

use super::Agent;
use crate::{
    args::NarrowArgs,
    delegate::{check_constraints, refused, refused_to_read},
    files,
    organization::data_dir::failed,
    output::{Failure, Output, working},
};
use legation_credential::{
    Authority, Terms,
    delegation::{Delegation, link_digest},
    pass_on,
};
use legation_did::{key, method_id};
use legation_keys::{Algorithm, SecretKey, Signer, base64url, time};
use legation_keystore::{Overwrite, Protection, save_agent};
use legation_registry::Budget;
use serde_json::{Value, json};

/// What gateways take of a child that was made offline, seconds.
const GATEWAYS_TAKE: i64 = 4 * 3600;

pub(crate) fn run(args: &NarrowArgs) -> Result<Output, Failure> {
    let authority = |parent: &Agent| authority(args, parent);
    let parent = Agent::open(&args.from, args.passphrase_file.as_deref())?;
    files::check_named(&args.out.out)?;
    let passphrase = files::passphrase(args.out_passphrase_file.as_deref())?;
    let child = SecretKey::generate(Algorithm::EdDsa)
        .map_err(|error| Failure::network("random", error.to_string()))?;
    let now = files::now();
    let asked = now.saturating_add(args.valid_for);
    let valid_until = asked.min(parent.last.terms.valid_until);
    if valid_until <= now {
        let ended = time::format(parent.last.terms.valid_until);
        let message = format!("the delegation of `{}` has ended ({ended}); get it anew first", parent.did());
        return Err(Failure::invalid("expired", message));
    }
    let terms = Terms {
        id: None,
        subject: key::did(child.public_key()),
        valid_from: now.max(parent.last.terms.valid_from),
        valid_until,
        max_depth: 0,
        account: None,
        authority: authority(&parent)?,
        status: Vec::new(),
    };
    let links: Vec<&str> = parent.chain.iter().map(String::as_str).collect();
    let key_id = method_id(parent.did(), parent.key.public_key());
    let link = pass_on(&links, terms, &key_id, &*parent.key).map_err(|error| refused(&error))?;
    let chain = format!("{}~{link}", parent.chain.join("~"));
    let protection = passphrase.as_ref().map_or(Protection::InsecurePlaintext, Protection::Passphrase);
    let overwrite = if args.out.force { Overwrite::Replace } else { Overwrite::Refuse };
    let saved = working("writing the agent file", || {
        save_agent(&args.out.out, (&child, &chain), protection, overwrite)
    });
    saved.map_err(|error| {
        let hint = if args.out.out.exists() { ", or give --force" } else { "" };
        Failure::file(format!("{error}{hint}"))
    })?;
    let mut output = told(args, &parent, &link, passphrase.is_some())?;
    if valid_until < asked {
        output.notes.push(format!("it ends with its parent, at {}", time::format(valid_until)));
    }
    Ok(output)
}

/// What the child may: what its parent may, less what is asked to be left out.
fn authority(args: &NarrowArgs, parent: &Agent) -> Result<Authority, Failure> {
    check_constraints(&args.constraint)?;
    let grants: Vec<Value> = if args.action.is_empty() {
        let pairs = parent.authority.pairs().unwrap_or_default().iter();
        pairs.map(|(action, resource)| json!({"actions": [action.to_string()], "resources": [resource.to_string()]})).collect()
    } else {
        vec![json!({"actions": args.action, "resources": args.resource})]
    };
    let budget = |text: &String| Budget::parse(text).map_err(|error| failed(&error));
    let budgets: Vec<Budget> = args.budget.iter().map(budget).collect::<Result<_, _>>()?;
    let mut constraints: Vec<String> = budgets.iter().map(|one| one.constraint().to_string()).collect();
    if !args.model.is_empty() {
        let models =
            json!({"type": "argument", "name": "model", "oneOf": args.model, "actions": ["model:*"]});
        constraints.push(models.to_string());
    }
    constraints.extend(args.constraint.iter().cloned());
    let text = format!(r#"{{"grants": {}, "constraints": [{}]}}"#, json!(grants), constraints.join(","));
    Authority::parse(&text).map_err(|error| refused_to_read(&error))
}

fn told(args: &NarrowArgs, parent: &Agent, link: &str, encrypted: bool) -> Result<Output, Failure> {
    let said = Delegation::read_unverified(link)
        .map_err(|error| Failure::invalid(error.code(), error.to_string()))?;
    let (file, digest) = (args.out.out.display().to_string(), base64url::encode(&link_digest(link)));
    let until = time::format(said.terms.valid_until);
    let json = json!({
        "file": file, "did": said.terms.subject.as_str(), "parent": parent.did().as_str(), "digest": digest,
        "validUntil": until, "encrypted": encrypted,
    });
    let text = format!(
        "wrote {file}\n{} acts for {}\nvalid until {until}\ndigest {digest}, by which `legation delegation block` ends it",
        said.terms.subject,
        parent.did()
    );
    let mut output = Output::done(json, text);
    if !encrypted {
        output.notes.push(format!("`{file}` is not encrypted: whoever reads it can act as the child"));
    }
    if said.terms.valid_until.saturating_sub(said.terms.valid_from) > GATEWAYS_TAKE {
        output.notes.push(
            "it lives for more than four hours, and gateways take none made offline that does".to_owned(),
        );
    }
    if parent.last.terms.status.is_empty() {
        output.notes.push(
            "its parent was made offline, too, and can't be revoked: gateways take no child of it".to_owned(),
        );
    }
    Ok(output)
}
