//! `legation card verify` and `legation card fetch`.

use super::told::{self, Denied};
use crate::{
    args::{FetchCardArgs, VerifyCardArgs},
    files,
    folder::document_in,
    network,
    output::{Failure, Output, pretty},
};
use legation_agent_card::{
    Binding, Form, JwkSet, Keys, UnverifiedCard, VerifiedCard, check_binding_with, error::LIMITS, verify,
};
use legation_did::key;
use legation_resolver::{CardFetchError, FetchedCard, card::loopback_origin};
use std::path::Path;

/// A card that is believed, with what ties it to the world; or the rule that it breaks.
type Verdict = Result<(VerifiedCard, Option<Binding>), Denied>;

pub(crate) fn run(args: &VerifyCardArgs) -> Result<Output, Failure> {
    let now = args.now.unwrap_or_else(files::now);
    let verdict = match (&args.jwks, &args.did_documents) {
        (Some(jwks), _) => by_key_set(args, jwks)?,
        (None, Some(folder)) => by_folder(args, folder, now)?,
        (None, None) => by_network(args, now)?,
    };
    Ok(match verdict {
        Ok((card, binding)) => told::verified(&card, binding.as_ref()),
        Err(denied) => told::denied(&denied),
    })
}

pub(crate) fn fetch(args: &FetchCardArgs) -> Result<Output, Failure> {
    let now = args.now.unwrap_or_else(files::now);
    let fetcher = network::fetcher(&args.network)?;
    let fetched = match believed(network::wait("fetching the card", fetcher.card(&args.url, now))?)? {
        Ok(fetched) => fetched,
        Err(denied) => return Ok(told::denied(&denied)),
    };
    if let Some(out) = &args.out {
        files::write_public(out, &fetched.signed_text(), args.force)?;
    }
    let mut output = told::verified(&fetched.card, Some(&fetched.binding));
    output.text = pretty(fetched.card.card());
    Ok(output)
}

/// With the keys of a set; the DID that the card may declare has no say.
fn by_key_set(args: &VerifyCardArgs, jwks: &Path) -> Result<Verdict, Failure> {
    let set = JwkSet::parse(&files::read(jwks)?)
        .map_err(|error| Failure::file(format!("`{}` holds no JWK set: {error}", jwks.display())))?;
    let bytes = if is_url(&args.source) {
        let fetcher = network::fetcher(&args.network)?;
        network::wait("fetching the card", fetcher.card_bytes(&args.source))?
            .map_err(|error| network::failed(&error))?
    } else {
        read(&args.source)?
    };
    Ok(UnverifiedCard::parse(&bytes)
        .map_err(|error| Denied::new(error.code(), error))
        .and_then(|card| Ok(verify(&card, Keys::JwkSet(&set), &Form::ALL)?))
        .map(|card| (card, None)))
}

/// With documents from files.
fn by_folder(args: &VerifyCardArgs, folder: &Path, now: i64) -> Result<Verdict, Failure> {
    if is_url(&args.source) {
        return Err(Failure::usage("with --did-documents nothing is fetched; name a file instead of a URL"));
    }
    let bytes = read(&args.source)?;
    let card = match UnverifiedCard::parse(&bytes) {
        Ok(card) => card,
        Err(error) => return Ok(Err(Denied::new(error.code(), error))),
    };
    if card.signature_count() == 0 {
        return Ok(Err(Denied::new(CardFetchError::Unsigned.code(), CardFetchError::Unsigned)));
    }
    let did = match card.claimed_did() {
        Ok(Some(did)) => did,
        Ok(None) => return Ok(Err(Denied::new(CardFetchError::NoDid.code(), CardFetchError::NoDid))),
        Err(error) => return Ok(Err(Denied::new(error.code(), error))),
    };
    let document = match did.method() {
        "key" => match key::document(&did) {
            Ok(document) => document,
            Err(error) => return Ok(Err(Denied::new("card_did_malformed", error))),
        },
        _ => document_in(folder, &did)?,
    };
    let card = match verify(&card, Keys::Document { document: &document, now }, &Form::ALL) {
        Ok(card) => card,
        Err(error) => return Ok(Err(error.into())),
    };
    let plain = loopback_origin(&did).filter(|_| args.network.http_on_loopback);
    Ok(match check_binding_with(&card, &document, plain.as_slice()) {
        Ok(binding) => Ok((card, Some(binding))),
        Err(error) => Err(Denied::new(error.code(), error)),
    })
}

/// With the document that is published at this moment.
fn by_network(args: &VerifyCardArgs, now: i64) -> Result<Verdict, Failure> {
    let outcome = if is_url(&args.source) {
        let fetcher = network::fetcher(&args.network)?;
        network::wait("fetching the card", fetcher.card(&args.source, now))?
    } else {
        let bytes = read(&args.source)?;
        let fetcher = network::fetcher(&args.network)?;
        network::wait("resolving the DID", fetcher.card_at_hand(bytes, now))?
    };
    Ok(believed(outcome)?.map(|fetched| (fetched.card, Some(fetched.binding))))
}

/// Tells what the network withheld from what the card lacks.
fn believed(outcome: Result<FetchedCard, CardFetchError>) -> Result<Result<FetchedCard, Denied>, Failure> {
    match outcome {
        Ok(fetched) => Ok(Ok(fetched)),
        Err(CardFetchError::Fetch(error)) => Err(network::failed(&error)),
        Err(CardFetchError::Document { did, error }) => {
            let failure = network::failed(&error);
            Err(Failure { message: format!("the document of `{did}`: {}", failure.message), ..failure })
        }
        Err(CardFetchError::Verify(error)) => Ok(Err(error.into())),
        Err(error) => Ok(Err(Denied::new(error.code(), error))),
    }
}

fn is_url(source: &str) -> bool {
    source.contains("://")
}

/// Reads a card from a file; a little more than a card may have, so that the limit is told by name.
fn read(source: &str) -> Result<Vec<u8>, Failure> {
    let path = Path::new(source);
    if !path.exists() {
        let message = format!(
            "`{source}` can't be read: there is no such file; for a domain's card name `https://DOMAIN`"
        );
        return Err(Failure::file(message));
    }
    let mut bytes = files::read(path)?;
    bytes.truncate(LIMITS.bytes + 1);
    Ok(bytes)
}
