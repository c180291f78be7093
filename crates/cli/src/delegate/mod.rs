//! `legation delegate`.

mod asked;
mod issuer;
mod status;
mod validity;

use crate::{
    args::{DelegateArgs, OutArgs},
    files,
    output::{Failure, Output},
    words::near,
};
use asked::Asked;
use issuer::Issuer;
use legation_credential::{
    Authority, CredentialError, Delegation, IssueError, Terms, delegation, issue::effective, issue_as,
    pass_on_as,
};
use legation_keys::{Signer, base64url, data_integrity::AddProofError, json, time};
use serde_json::json;

/// The types of constraints, for a name that is nearly one.
const TYPES: [&str; 6] = ["spend", "total", "rate", "audience", "argument", "approval"];

pub(crate) fn run(args: &DelegateArgs) -> Result<Output, Failure> {
    let signer = files::load_key(&args.key)?;
    let chain: Result<Vec<String>, Failure> = args.parent.iter().map(|path| files::read_text(path)).collect();
    let chain = chain?;
    let chain: Vec<&str> = chain.iter().map(String::as_str).collect();
    let issuer = issuer::of(args, &chain, signer.public_key())?;
    let all = asked::all(args)?;
    for one in &all {
        issuer.check_subject(&one.to, &chain)?;
        check_absent(one, args.force)?;
    }
    let places = status::places(args, &all)?;
    // All are issued before any is written: one that is refused leaves nothing behind.
    let mut issued = Vec::with_capacity(all.len());
    for (one, status) in all.iter().zip(places.entries) {
        let (terms, mut notes) = terms(args, one, status, issuer.parent.as_ref())?;
        let authority = terms.authority.clone();
        let secured = sign(args, &issuer, &chain, terms, &signer).map_err(|failure| match &args.batch {
            None => failure,
            Some(_) => {
                Failure { message: format!("`{}`: {}", one.out.display(), failure.message), ..failure }
            }
        })?;
        notes.extend(of_chain(&chain, &authority, one));
        issued.push((secured, notes));
    }
    let mut outputs = Vec::with_capacity(issued.len());
    for (one, (secured, notes)) in all.iter().zip(issued) {
        files::write_private(&OutArgs { out: one.out.clone(), force: args.force }, &secured)?;
        let delegation = Delegation::read_unverified(&secured).map_err(|error| refused_to_read(&error))?;
        let mut output = told(&delegation, &secured, &one.out.display().to_string());
        output.notes = notes;
        outputs.push(output);
    }
    Ok(together(args, outputs, issuer.notes.into_iter().chain(places.notes).collect()))
}

/// One answer for one delegation, or for all of a batch.
fn together(args: &DelegateArgs, mut outputs: Vec<Output>, more: Vec<String>) -> Output {
    let mut notes = more;
    for note in outputs.iter_mut().flat_map(|output| core::mem::take(&mut output.notes)) {
        if !notes.contains(&note) {
            notes.push(note);
        }
    }
    let mut output = match (outputs.pop(), &args.batch) {
        (Some(only), None) => only,
        (last, _) => {
            outputs.extend(last);
            let text: Vec<String> = outputs.iter().map(|output| output.text.replace('\n', ", ")).collect();
            let all: Vec<serde_json::Value> = outputs.into_iter().map(|output| output.json).collect();
            Output::done(json!({"delegations": all}), text.join("\n"))
        }
    };
    output.notes = notes;
    output
}

/// Refuses before anything is signed what could not be written.
fn check_absent(one: &Asked, force: bool) -> Result<(), Failure> {
    if !force && one.out.as_os_str() != "-" && one.out.exists() {
        let out = one.out.display();
        return Err(Failure::file(format!("`{out}` exists; name another file, or give --force")));
    }
    Ok(())
}

fn sign(
    args: &DelegateArgs,
    issuer: &Issuer,
    chain: &[&str],
    terms: Terms,
    signer: &dyn Signer,
) -> Result<String, Failure> {
    let securing = args.format.securing();
    let secured = match chain.is_empty() {
        true => issue_as(securing, terms, &issuer.did, &issuer.key_id, signer),
        false => pass_on_as(securing, chain, terms, &issuer.key_id, signer),
    };
    secured.map_err(|error| refused(&error))
}

/// What is delegated, and what there is to say about it.
fn terms(
    args: &DelegateArgs,
    one: &Asked,
    status: Vec<legation_credential::status::StatusEntry>,
    parent: Option<&Delegation>,
) -> Result<(Terms, Vec<String>), Failure> {
    check_constraints(&one.constraints)?;
    let grant = json!({"actions": one.actions, "resources": one.resources});
    let authority = format!(r#"{{"grants": [{grant}], "constraints": [{}]}}"#, one.constraints.join(","));
    let authority = Authority::parse(&authority).map_err(|error| refused_to_read(&error))?;
    let (valid_from, valid_until, notes) = validity::of(args, one, parent)?;
    let terms = Terms {
        id: one.id.clone(),
        subject: one.to.clone(),
        valid_from,
        valid_until,
        max_depth: one.max_depth,
        account: one.account.clone(),
        authority,
        status,
    };
    Ok((terms, notes))
}

/// Constraints go in as they were typed, so that a member given twice is refused and not lost.
pub(crate) fn check_constraints(constraints: &[String]) -> Result<(), Failure> {
    for text in constraints {
        match json::parse(text.as_bytes(), delegation::LIMITS) {
            Err(error @ json::JsonError::Malformed { .. }) => {
                return Err(Failure::usage(format!("the constraint `{text}` is no JSON: {error}")));
            }
            Err(error) => return Err(refused_to_read(&error.into())),
            Ok(_) => {}
        }
    }
    Ok(())
}

pub(crate) fn refused_to_read(error: &CredentialError) -> Failure {
    let meant = match error {
        CredentialError::UnknownConstraint { found } => near(found, TYPES.into_iter()),
        _ => None,
    };
    let meant = meant.map_or(String::new(), |meant| format!("; did you mean `{meant}`?"));
    Failure::invalid(error.code(), format!("{error}{meant}"))
}

pub(crate) fn refused(error: &IssueError) -> Failure {
    match error {
        IssueError::Refused(refusal) => Failure::invalid(refusal.code(), error.to_string()),
        IssueError::Unreadable(inner) | IssueError::Parent { error: inner, .. } => {
            Failure::invalid(inner.code(), error.to_string())
        }
        IssueError::Order { .. } => Failure::invalid("parent_mismatch", error.to_string()),
        IssueError::Key { .. } | IssueError::Window { .. } | IssueError::NoParent => {
            Failure::usage(error.to_string())
        }
        IssueError::Proof(AddProofError::Sign(_)) | IssueError::Sign(_) => {
            Failure::network("sign", error.to_string())
        }
        IssueError::Proof(_) => Failure::usage(error.to_string()),
    }
}

fn told(delegation: &Delegation, secured: &str, out: &str) -> Output {
    let terms = &delegation.terms;
    let json = json!({
        "credential": out,
        "digest": base64url::encode(&legation_credential::delegation::link_digest(secured)),
        "issuer": delegation.issuer.as_str(),
        "subject": terms.subject.as_str(),
        "principal": delegation.principal.as_str(),
        "validFrom": time::format(terms.valid_from),
        "validUntil": time::format(terms.valid_until),
        "status": terms.status.iter().map(|entry| format!("{}#{}", entry.list, entry.index)).collect::<Vec<_>>(),
        "bytes": secured.len(),
    });
    let text = format!(
        "wrote {out}\n{} delegates to {}\nvalid until {}",
        delegation.issuer,
        terms.subject,
        time::format(terms.valid_until)
    );
    Output::done(json, text)
}

/// What the issuer should know before handing it out.
fn of_chain(chain: &[&str], authority: &Authority, one: &Asked) -> Vec<String> {
    let mut notes = Vec::new();
    let root = chain.first().map(|root| Delegation::read_unverified(root));
    if let Some(Ok(first)) = &root
        && first.parent.is_some()
    {
        notes.push(
            "the chain given starts after its root, so what earlier links limit was not checked; repeat --parent from the root"
                .to_owned(),
        );
    }
    let effective = effective(chain).map(|(_, effective)| effective).ok();
    let single = authority.has_single_audience() || effective.is_some_and(|held| held.has_single_audience());
    if authority.is_cumulative() && !single {
        notes.push(
            "a total without a single audience counts at each verifier anew; add --audience DID".to_owned(),
        );
    }
    if one.status.is_none() {
        notes.push("without --status it can't be revoked; verifiers refuse that by default".to_owned());
    }
    notes
}
