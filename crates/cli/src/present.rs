//! `legation present`.

use crate::{
    args::PresentArgs,
    files,
    output::{Failure, Output},
};
use legation_credential::{Delegation, Occasion, PresentError, present_as, presentation::MAX_LIFETIME};
use legation_did::{key, method_id};
use legation_keys::{Signer, data_integrity::AddProofError, time};
use serde_json::json;

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
    let signer = files::load_key(&args.key)?;
    let texts: Result<Vec<String>, Failure> =
        args.credentials.iter().map(|path| files::read_text(path)).collect();
    let texts = texts?;
    // A file may hold several links, joined as in a header.
    let links = texts.iter().zip(&args.credentials);
    let links: Vec<(&str, _)> =
        links.flat_map(|(text, path)| links_of(text).into_iter().map(move |link| (link, path))).collect();
    let chain: Vec<&str> = links.iter().map(|(link, _)| *link).collect();
    let mut holder = None;
    for (secured, path) in &links {
        let delegation = Delegation::read_unverified(secured).map_err(|error| {
            Failure::invalid(error.code(), format!("`{}` is no delegation: {error}", path.display()))
        })?;
        holder = Some(delegation.terms.subject);
    }
    let Some(holder) = holder else { return Err(Failure::usage("give the delegations, root first")) };
    let own = key::did(signer.public_key());
    if holder.method() == "key" && holder != own {
        let message = format!("the last delegation was given to `{holder}`, but the key is that of `{own}`");
        return Err(Failure::invalid("holder_mismatch", message));
    }
    let issued_at = args.now.unwrap_or_else(files::now);
    let expires_at = issued_at.saturating_add(args.valid_for);
    let occasion =
        Occasion { audience: &args.audience, nonce: &args.nonce, issued_at, expires_at, transcript: None };
    let key_id = method_id(&holder, signer.public_key());
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
