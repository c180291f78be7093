//! `legation delegate`.

use crate::{
    args::DelegateArgs,
    files,
    output::{Failure, Output},
};
use legation_credential::{
    Authority, CredentialError, Delegation, IssueError, Terms, delegation,
    issue::effective,
    issue_as, pass_on_as,
    status::{StatusEntry, StatusPurpose, is_list_url},
};
use legation_did::{Did, key, method_id};
use legation_keys::{PublicKey, Signer, base64url, data_integrity::AddProofError, json, time};
use serde_json::json;

pub(crate) fn run(args: &DelegateArgs) -> Result<Output, Failure> {
    let signer = files::load_key(&args.key)?;
    let chain: Result<Vec<String>, Failure> = args.parent.iter().map(|path| files::read_text(path)).collect();
    let chain = chain?;
    let chain: Vec<&str> = chain.iter().map(String::as_str).collect();
    let terms = terms(args)?;
    let authority = terms.authority.clone();
    let issuer = issuer(args, &chain, signer.public_key())?;
    let key_id = method_id(&issuer, signer.public_key());
    let securing = args.format.securing();
    let secured = if chain.is_empty() {
        issue_as(securing, terms, &issuer, &key_id, &signer)
    } else {
        pass_on_as(securing, &chain, terms, &key_id, &signer)
    };
    let secured = secured.map_err(|error| refused(&error))?;
    files::write_private(&args.out, &secured)?;
    let delegation = Delegation::read_unverified(&secured)
        .map_err(|error| Failure::invalid(error.code(), error.to_string()))?;
    let mut output = told(&delegation, &secured, &args.out.out.display().to_string());
    output.notes = notes(args, &chain, &authority);
    Ok(output)
}

fn terms(args: &DelegateArgs) -> Result<Terms, Failure> {
    check_constraints(&args.constraint)?;
    let grant = json!({"actions": args.action, "resources": args.resource});
    let authority = format!(r#"{{"grants": [{grant}], "constraints": [{}]}}"#, args.constraint.join(","));
    let authority = Authority::parse(&authority).map_err(|error| refused_to_read(&error))?;
    let entries = [(StatusPurpose::Revocation, &args.status), (StatusPurpose::Suspension, &args.suspension)];
    let status: Result<Vec<StatusEntry>, Failure> = entries
        .into_iter()
        .filter_map(|(purpose, text)| text.as_deref().map(|text| status_entry(purpose, text)))
        .collect();
    let from = args.valid_from.unwrap_or_else(files::now);
    Ok(Terms {
        id: args.id.clone(),
        subject: args.to.clone(),
        valid_from: from,
        valid_until: from.saturating_add(args.valid_for),
        max_depth: args.max_depth,
        account: args.account.clone(),
        authority,
        status: status?,
    })
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
    Failure::invalid(error.code(), error.to_string())
}

fn status_entry(purpose: StatusPurpose, text: &str) -> Result<StatusEntry, Failure> {
    let wrong =
        || Failure::usage(format!("`{text}` is no URL#INDEX, such as https://acme.example/status/1#42"));
    let (list, index) = text.rsplit_once('#').ok_or_else(wrong)?;
    let index =
        index.parse().ok().filter(|_| index.bytes().all(|byte| byte.is_ascii_digit())).ok_or_else(wrong)?;
    if !is_list_url(list) {
        return Err(wrong());
    }
    Ok(StatusEntry { purpose, list: list.to_owned(), index })
}

/// Who issues: the named one, the subject of the chain, or the key itself.
fn issuer(args: &DelegateArgs, chain: &[&str], public: &PublicKey) -> Result<Did, Failure> {
    let own = key::did(public);
    let issuer = match chain.last() {
        None => args.issuer.clone().unwrap_or_else(|| own.clone()),
        Some(parent) => {
            let parent = Delegation::read_unverified(parent).map_err(|error| {
                Failure::invalid(error.code(), format!("the parent is no delegation: {error}"))
            })?;
            let subject = parent.terms.subject;
            if let Some(named) = args.issuer.as_ref().filter(|named| **named != subject) {
                let message = format!("the parent was given to `{subject}`, so `{named}` can't pass it on");
                return Err(Failure::invalid("issuer_mismatch", message));
            }
            subject
        }
    };
    if issuer.method() == "key" && issuer != own {
        let message = format!("the key is that of `{own}`, but `{issuer}` must sign");
        return Err(Failure::invalid("issuer_mismatch", message));
    }
    Ok(issuer)
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
fn notes(args: &DelegateArgs, chain: &[&str], authority: &Authority) -> Vec<String> {
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
            "a total without a single audience counts at each verifier anew; add {\"type\":\"audience\",\"allow\":[\"DID\"]}"
                .to_owned(),
        );
    }
    if args.status.is_none() {
        notes.push("without --status it can't be revoked; verifiers refuse that by default".to_owned());
    }
    notes
}
