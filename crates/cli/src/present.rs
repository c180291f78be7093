//! `legation present`.

use crate::{
    args::PresentArgs,
    delegate::refused,
    files,
    folder::document_in,
    inspect::{Wanted, of_another_kind},
    output::{Failure, Output},
    signed_by::key_id_in,
};
use legation_credential::{
    Delegation, IssueError, Occasion, PresentError, issue::effective, present_as, presentation::MAX_LIFETIME,
};
use legation_did::{Did, document::Purpose, key, method_id};
use legation_keys::{PublicKey, Signer, data_integrity::AddProofError, time};
use legation_verifier::{Trust, presentation::MAX_NONCE};
use serde_json::json;
use std::path::PathBuf;

/// The links of a text: JSON is one, whatever stands in it.
fn links_of(text: &str) -> Vec<&str> {
    if text.starts_with('{') { vec![text] } else { text.split('~').collect() }
}

pub(crate) fn run(args: &PresentArgs) -> Result<Output, Failure> {
    if args.valid_for > MAX_LIFETIME {
        return Err(Failure::usage(format!(
            "a presentation lives at most {MAX_LIFETIME} s; use a shorter --valid-for"
        )));
    }
    check_nonce(&args.nonce)?;
    let texts: Result<Vec<String>, Failure> =
        args.credentials.iter().map(|path| files::read_text(path)).collect();
    let texts = texts?;
    // A file may hold several links, joined as in a header.
    let links = texts.iter().zip(&args.credentials);
    let links: Vec<(&str, &PathBuf)> =
        links.flat_map(|(text, path)| links_of(text).into_iter().map(move |link| (link, path))).collect();
    let chain: Vec<&str> = links.iter().map(|(link, _)| *link).collect();
    let issued_at = args.now.unwrap_or_else(files::now);
    let delegations = read(&links)?;
    check_order(&chain, &delegations, &links)?;
    check_times(&delegations, &links, issued_at)?;
    let Some(holder) = delegations.last().map(|last| last.terms.subject.clone()) else {
        return Err(Failure::usage("give the delegations, root first"));
    };
    let signer = files::load_key(&args.key)?;
    let key_id = key_id(args, &holder, signer.public_key())?;
    let expires_at = issued_at.saturating_add(args.valid_for);
    let occasion =
        Occasion { audience: &args.audience, nonce: &args.nonce, issued_at, expires_at, transcript: None };
    let secured = present_as(args.format.securing(), &chain, &holder, occasion, &key_id, &signer);
    let secured = secured.map_err(|error| match &error {
        PresentError::Sign(_) | PresentError::Proof(AddProofError::Sign(_)) => {
            Failure::network("sign", error.to_string())
        }
        PresentError::Link { error: inner, .. } => Failure::invalid(inner.code(), error.to_string()),
        PresentError::Proof(_) => Failure::usage(error.to_string()),
    })?;
    files::write_private(&args.out, &secured)?;
    let out = args.out.out.display().to_string();
    Ok(Output::done(
        json!({
            "presentation": out, "holder": holder.as_str(), "audience": args.audience,
            "expires": time::format(expires_at), "links": chain.len(), "bytes": secured.len(),
        }),
        format!(
            "wrote {out}\n{holder} presents {} links to {}\nuntil {}",
            chain.len(),
            args.audience,
            time::format(expires_at)
        ),
    ))
}

/// A nonce that no verifier gives, as one that came with a line break out of a file, answers nobody's challenge.
fn check_nonce(nonce: &str) -> Result<(), Failure> {
    let what = match () {
        () if nonce.is_empty() => "the nonce is empty".to_owned(),
        () if nonce.len() > MAX_NONCE => {
            format!("the nonce has {} bytes, at most {MAX_NONCE} are read", nonce.len())
        }
        () if nonce.trim() != nonce || nonce.chars().any(char::is_control) => {
            "the nonce has white space around it, or a line break".to_owned()
        }
        () => return Ok(()),
    };
    Err(Failure::usage(format!("{what}; give the challenge as the verifier gave it")))
}

fn read(links: &[(&str, &PathBuf)]) -> Result<Vec<Delegation>, Failure> {
    let one = |(secured, path): &(&str, &PathBuf)| {
        Delegation::read_unverified(secured).map_err(|error| {
            let other = of_another_kind(secured, Wanted::Delegation).map(|kind| format!(": it is {kind}"));
            let reason = other.unwrap_or_else(|| format!(": {error}"));
            Failure::invalid(error.code(), format!("{} is no delegation{reason}", files::name(path)))
        })
    };
    links.iter().map(one).collect()
}

/// The links follow one another from the root on, and each is within the one before it.
fn check_order(
    chain: &[&str],
    delegations: &[Delegation],
    links: &[(&str, &PathBuf)],
) -> Result<(), Failure> {
    let name = |index: usize| links.get(index).map(|(_, path)| files::name(path)).unwrap_or_default();
    if let Some(first) = delegations.first().filter(|first| first.parent.is_some()) {
        let message = format!(
            "{} is not the root of its chain: it passes on what {} began; give all delegations, root first",
            name(0),
            first.principal
        );
        return Err(Failure::invalid("parent_mismatch", message));
    }
    match effective(chain) {
        Ok(_) => Ok(()),
        Err(IssueError::Order { index }) => {
            let before = index.saturating_sub(1);
            let message = format!(
                "{} (link {index}) does not follow {}, which was given to {}; give the chain in order, root first",
                name(index),
                name(before),
                delegations.get(before).map(|link| link.terms.subject.as_str()).unwrap_or_default()
            );
            Err(Failure::invalid("parent_mismatch", message))
        }
        Err(error) => Err(refused(&error)),
    }
}

/// Every link is valid now: no verifier would take it.
fn check_times(delegations: &[Delegation], links: &[(&str, &PathBuf)], now: i64) -> Result<(), Failure> {
    // As much as clocks may differ for a verifier.
    let skew = Trust::new("").clock_skew;
    for (link, (_, path)) in delegations.iter().zip(links) {
        let (from, until) = (link.terms.valid_from, link.terms.valid_until);
        let name = files::name(path);
        if now >= until {
            let message = format!("{name} ended at {}; have it issued anew", time::format(until));
            return Err(Failure::invalid("expired", message));
        }
        if now.saturating_add(skew) < from {
            let message = format!("{name} begins at {}; wait until then", time::format(from));
            return Err(Failure::invalid("not_yet_valid", message));
        }
    }
    Ok(())
}

/// The name of the holder's key, which its document lists for this where that is at hand.
fn key_id(args: &PresentArgs, holder: &Did, public: &PublicKey) -> Result<String, Failure> {
    let own = key::did(public);
    if holder.method() == "key" && *holder != own {
        let message = format!("the last delegation was given to `{holder}`, but the key is that of `{own}`");
        return Err(Failure::invalid("holder_mismatch", message));
    }
    match &args.did_documents {
        Some(folder) if holder.method() != "key" => {
            key_id_in(&document_in(folder, holder)?, public, Purpose::Authentication)
        }
        _ => Ok(method_id(holder, public)),
    }
}
