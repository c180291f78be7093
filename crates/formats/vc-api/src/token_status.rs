//! The claim `status` of a JWT: its status in a Token Status List (IETF, draft-ietf-oauth-status-list-21, §8.3), which
//! the credential's own issuer has to have signed, or one whom the caller names. A status that can't be looked up, or
//! whose meaning is not known, is no good status.
//!
//! The list is fetched for each verification, so that its `ttl`, which bounds how long a copy may be kept after it was fetched
//! (§13.7), never runs out here. Redirects are not followed, which the draft recommends: a list's URL says who answers.

use crate::{
    issue::signer_of,
    key::{KeyAlgorithm, Seal},
    problem::{Problem, STATUS, STATUS_RETRIEVAL},
    status::{MAX_ENTRIES, foreign},
    verify::{CREDENTIAL, Verification},
};
use legation_credential::token_status::{MEDIA_TYPE, StatusListToken, StatusReference, TokenStatus};
use legation_did::Purpose;
use legation_keys::{json::Object, time::Clock};

/// A list by any algorithm that a credential may be signed by.
pub(crate) type Token = StatusListToken<KeyAlgorithm>;

/// Most bytes of a list: two megabytes of statuses that can't be packed, in base64url.
const MAX_BYTES: usize = 4 << 20;

fn invalid(detail: String) -> Problem {
    Problem::new(STATUS, "status_invalid", detail)
}

/// Checks the status that the claims of a credential that is a JWT refer to, where they do.
pub(crate) async fn check(verification: &Verification<'_>, credential: &Object<'_>) -> Result<(), Problem> {
    let Some(reference) = StatusReference::from_claims(credential)? else { return Ok(()) };
    let fetched = &verification.fetched.tokens;
    let list = fetched.once(&reference.uri, fetch(verification, &reference.uri)).await?;
    check_claims(&list, &reference.uri, verification.clock())?;
    check_issuer(verification, &list, credential).await?;
    is_valid(&list, &reference)
}

async fn fetch(verification: &Verification<'_>, uri: &str) -> Result<Token, Problem> {
    verification.fetched.count(STATUS_RETRIEVAL, "status_unavailable", uri)?;
    // §8.1 and §8.2: it is asked for by its type, and answered with it.
    let kind = format!("application/{MEDIA_TYPE}");
    let fetched = verification.service.fetcher().file(uri, &[&kind], MAX_BYTES).await;
    let bytes =
        fetched.map_err(|error| Problem::new(STATUS_RETRIEVAL, "status_unavailable", error.to_string()))?;
    let text = String::from_utf8(bytes).map_err(|_| invalid(format!("the list at {uri} is no text")))?;
    Token::parse_by(text.trim(), MAX_ENTRIES / 8, KeyAlgorithm::from_jose)
        .map_err(|error| invalid(format!("the list at {uri} can't be read: {error}")))
}

/// What the list says of itself: where it stands, and that it is of now (§8.3, steps 3 and 4).
fn check_claims(list: &Token, uri: &str, clock: Clock) -> Result<(), Problem> {
    if list.uri != uri {
        let found: String = list.uri.chars().take(200).collect();
        return Err(invalid(format!("the list at {uri} is that of another URL: its `sub` is {found}")));
    }
    if list.expires_at.is_some_and(|end| clock.has_ended(end)) {
        return Err(invalid(format!("the list at {uri} has expired")));
    }
    if !clock.has_begun(list.issued_at.max(list.not_before.unwrap_or(list.issued_at))) {
        return Err(invalid(format!("the list at {uri} is of a time to come")));
    }
    Ok(())
}

/// That whoever signed the list is believed. Whose key it is said to be is looked at first: nobody
/// else's document is fetched.
async fn check_issuer(
    verification: &Verification<'_>,
    list: &Token,
    credential: &Object<'_>,
) -> Result<(), Problem> {
    let issuer = signer_of(credential, CREDENTIAL);
    let named = |problem: Problem| {
        let detail = format!("the list at {}: {}", list.uri, problem.detail);
        Problem { detail, ..problem }
    };
    let by = verification.who(&list.key_id).map_err(named)?;
    if !verification.service.believes_list(&by, issuer) {
        return Err(foreign(&list.uri, &by, issuer));
    }
    let key = verification.key(&list.key_id, list.algorithm, Purpose::AssertionMethod).await?;
    let (message, signature) = list.signed();
    let seal = Seal::new(list.algorithm, signature).map_err(|error| invalid(error.to_string()))?;
    let unfit = |_| invalid(format!("the signature of the list at {} is not by {}", list.uri, list.key_id));
    key.verify(message, &seal).map_err(unfit)
}

fn is_valid(list: &Token, reference: &StatusReference) -> Result<(), Problem> {
    let StatusReference { uri, index } = reference;
    let Some(status) = list.list.get(*index) else {
        let entries = list.list.entries();
        return Err(invalid(format!("the list at {uri} has no entry {index}: it has {entries}")));
    };
    let stands = |code, what| {
        Err(Problem::new(STATUS, code, format!("the credential is {what} at {uri}, entry {index}")))
    };
    match status {
        TokenStatus::Valid => Ok(()),
        TokenStatus::Invalid => stands("link_revoked", "invalid"),
        TokenStatus::Suspended => stands("link_suspended", "suspended"),
        // §7.1: what the others mean is agreed on elsewhere, or not yet.
        TokenStatus::Other(status) => {
            Err(invalid(format!("the status {status} at {uri}, entry {index}, has no meaning here")))
        }
    }
}
