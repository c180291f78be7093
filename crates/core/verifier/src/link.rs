//! One small check per rule. Each gives a denial or nothing; the order is `chain`'s.

use crate::{
    Code, Denial, Proof, Trust,
    chain::Walk,
    evidence::{Evidence, Held, Lack, Need, Used},
    presentation::{Envelope, Link, Presentation, Shown, check_algorithm},
    seal::Seal,
    stop::Stop,
};
use legation_credential::{
    Authority, extend,
    issue::{check_depth, check_window as check_nested},
    presentation::MAX_LIFETIME,
    status::{SignedStatusList, StatusEntry, StatusPurpose},
};
use legation_did::{Did, Document, KeyLookupError, KeyUse, Purpose, key};
use legation_keys::{
    PublicKey, base64url,
    time::{self, Clock},
};
use std::sync::Arc;

/// The first issuer is a root that is trusted; its ceiling starts the effective authority.
pub(crate) fn check_root(link: &Link, trust: &Trust) -> Result<Authority, Denial> {
    let issuer = &link.delegation.issuer;
    trust.roots.get(issuer).cloned().ok_or_else(|| {
        let roots: Vec<&str> = trust.roots.keys().take(4).map(Did::as_str).collect();
        let expected = if roots.is_empty() { "no root is trusted".to_owned() } else { roots.join(", ") };
        Denial::new(Code::RootUntrusted, expected, issuer.as_str())
    })
}

/// Every link names the root's issuer as its principal.
pub(crate) fn check_principal(link: &Link, root: &Did) -> Result<(), Denial> {
    let principal = &link.delegation.principal;
    if principal == root {
        return Ok(());
    }
    Err(Denial::new(Code::PrincipalMismatch, root.as_str(), principal.as_str()))
}

/// The issuer is the subject before it, and `iss` and `kid` are the issuer's.
pub(crate) fn check_issuer(link: &Link, before: Option<&Link>) -> Result<(), Denial> {
    let issuer = &link.delegation.issuer;
    if let Some(subject) = before.map(|before| &before.delegation.terms.subject).filter(|one| *one != issuer)
    {
        return Err(Denial::new(Code::IssuerMismatch, subject.as_str(), issuer.as_str()));
    }
    check_names(Code::IssuerMismatch, issuer, link.claimed_issuer(), &link.seal)?;
    link.more_seals.iter().try_for_each(|seal| check_names(Code::IssuerMismatch, issuer, None, seal))
}

fn check_names(code: Code, did: &Did, claimed: Option<&str>, seal: &Seal) -> Result<(), Denial> {
    if let Some(claimed) = claimed.filter(|claimed| *claimed != did.as_str()) {
        return Err(Denial::new(code, format!("`iss` {did}"), claimed));
    }
    if did.fragment_of(&seal.key_id).is_none() {
        let name = if seal.is_proof() { "verificationMethod" } else { "kid" };
        let expected = format!("a `{name}` that names one key of {did}, such as `{did}#key-1`");
        let found = match did.is(&seal.key_id) {
            true => format!("`{did}`, which names no key: the fragment is missing"),
            false => format!("`{}`", seal.key_id),
        };
        return Err(Denial::new(code, expected, found));
    }
    Ok(())
}

/// A child names the exact bytes of its parent; a root names none.
pub(crate) fn check_parent(link: &Link, before: Option<&Link>) -> Result<(), Denial> {
    let expected = before.map(|before| before.digest);
    if link.delegation.parent == expected {
        return Ok(());
    }
    let words =
        |digest: Option<[u8; 32]>| digest.map_or("no parent".to_owned(), |one| base64url::encode(&one));
    Err(Denial::new(Code::ParentMismatch, words(expected), words(link.delegation.parent)))
}

/// Nobody stands in the chain twice. `earlier` are the links before this one.
pub(crate) fn check_cycle(link: &Link, earlier: &[Arc<Link>]) -> Result<(), Denial> {
    let subject = &link.delegation.terms.subject;
    let seen = link.delegation.issuer == *subject
        || earlier
            .iter()
            .any(|one| one.delegation.issuer == *subject || one.delegation.terms.subject == *subject);
    if !seen {
        return Ok(());
    }
    Err(Denial::new(Code::Cycle, "an agent that is not yet in the chain", subject.as_str()))
}

/// The link is valid now, give or take the clocks' difference.
pub(crate) fn check_window(link: &Link, skew: i64, now: i64) -> Result<(), Denial> {
    let terms = &link.delegation.terms;
    let clock = Clock { now, skew };
    if !clock.has_begun(terms.valid_from) {
        let found = format!("now is {}", time::format(now));
        return Err(Denial::new(
            Code::NotYetValid,
            format!("not before {}", time::format(terms.valid_from)),
            found,
        ));
    }
    if clock.has_ended(terms.valid_until) {
        let found = format!("now is {}", time::format(now));
        return Err(Denial::new(Code::Expired, format!("before {}", time::format(terms.valid_until)), found));
    }
    // The clocks' difference must not make a time for a link that has none: its lifetime of
    // nothing would be short enough to need no status.
    if terms.valid_until <= terms.valid_from {
        let (from, until) = (time::format(terms.valid_from), time::format(terms.valid_until));
        return Err(Denial::new(Code::Expired, "an end after the beginning", format!("{from} to {until}")));
    }
    Ok(())
}

/// The link's time is within its parent's.
pub(crate) fn check_nesting(link: &Link, before: Option<&Link>) -> Result<(), Denial> {
    let Some(before) = before else { return Ok(()) };
    Ok(check_nested(&before.delegation.terms, &link.delegation.terms)?)
}

/// The parent may be passed on, this often.
pub(crate) fn check_redelegation(link: &Link, before: Option<&Link>) -> Result<(), Denial> {
    let Some(before) = before else { return Ok(()) };
    Ok(check_depth(&before.delegation.terms, &link.delegation.terms)?)
}

/// The link narrows what is effective so far.
pub(crate) fn check_attenuation(link: &Link, effective: Authority) -> Result<Authority, Denial> {
    Ok(extend(effective, &link.delegation.terms.authority)?)
}

/// The audience constraints so far admit this verifier.
pub(crate) fn check_audience(effective: &Authority, trust: &Trust) -> Result<(), Denial> {
    match effective.audience_refused(&trust.audience) {
        None => Ok(()),
        Some(limit) => Err(Denial::new(Code::AudienceMismatch, limit, trust.audience.as_str())),
    }
}

/// The presentation is for this verifier. A signed request is for whom its
/// `@target-uri` names, which was held against the service's own origin when it was read. Whom the verifier
/// vouches for has signed nothing.
pub(crate) fn check_presented_to(presentation: &Presentation, trust: &Trust) -> Result<(), Denial> {
    let Shown::Envelope(envelope) = &presentation.shown else { return Ok(()) };
    if envelope.audience == trust.audience {
        return Ok(());
    }
    let found = envelope.audience.chars().take(120).collect::<String>();
    Err(Denial::new(Code::AudienceMismatch, trust.audience.as_str(), found))
}

/// The presentation answers this challenge.
pub(crate) fn check_nonce(presentation: &Presentation, nonce: &str) -> Result<(), Denial> {
    if presentation.nonce == nonce {
        return Ok(());
    }
    Err(Denial::new(Code::NonceMismatch, format!("the nonce `{nonce}`"), presentation.nonce.as_str()))
}

/// The presentation is made now, for a short time.
pub(crate) fn check_freshness(presentation: &Presentation, trust: &Trust, now: i64) -> Result<(), Denial> {
    let Presentation { issued_at, expires_at, .. } = *presentation;
    let not_before = match &presentation.shown {
        Shown::Envelope(envelope) => envelope.not_before,
        Shown::Request(_) | Shown::Vouched(_) => None,
    };
    let stale = |expected: String, found: String| Err(Denial::new(Code::PresentationStale, expected, found));
    let lifetime = expires_at.saturating_sub(issued_at);
    let most = trust.max_presentation_age.min(MAX_LIFETIME);
    if !(0..=most).contains(&lifetime) {
        return stale(format!("a lifetime of at most {most} s"), format!("{lifetime} s"));
    }
    let begins = not_before.map_or(issued_at, |not_before| not_before.max(issued_at));
    let clock = Clock { now, skew: trust.clock_skew };
    if !clock.has_begun(begins) || clock.has_ended(expires_at) {
        return stale(
            format!("{} to {}", time::format(begins), time::format(expires_at)),
            format!("now is {}", time::format(now)),
        );
    }
    Ok(())
}

/// Where the verifier vouches for the agent, its trust lets it.
pub(crate) fn check_vouching(presentation: &Presentation, trust: &Trust) -> Result<(), Denial> {
    let Shown::Vouched(vouching) = &presentation.shown else { return Ok(()) };
    if trust.vouched {
        return Ok(());
    }
    let found = format!("{} vouched for by the verifier", vouching.agent);
    Err(Denial::new(Code::VouchingNotAllowed, "an agent that signs", found))
}

/// The holder is the agent that the last link names, and `iss` and `kid` are the holder's. So is the one that
/// is vouched for. A signed request names no holder: its key is looked up in that agent's document.
pub(crate) fn check_holder(presentation: &Presentation) -> Result<(), Denial> {
    let agent = &presentation.agent;
    let other = |holder: &Did| Err(Denial::new(Code::HolderMismatch, agent.as_str(), holder.as_str()));
    match &presentation.shown {
        Shown::Envelope(Envelope { holder, .. }) if holder != agent => other(holder),
        Shown::Envelope(Envelope { holder, claimed_issuer, seal, .. }) => {
            check_names(Code::HolderMismatch, holder, claimed_issuer.as_deref(), seal)
        }
        Shown::Vouched(vouching) if vouching.agent != *agent => other(&vouching.agent),
        Shown::Vouched(_) | Shown::Request(_) => Ok(()),
    }
}

/// The key that a seal names, in its signer's current document.
pub(crate) fn check_key(
    did: &Did,
    seal: &Seal,
    purpose: Purpose,
    walk: &mut Walk<'_>,
) -> Result<PublicKey, Stop> {
    let (key, used) = key_of(did, seal, purpose, walk.sources())?;
    used.into_iter().for_each(|used| walk.rely_on(used));
    Ok(key)
}

/// What a key is looked up in.
#[derive(Clone, Copy)]
pub(crate) struct Sources<'s> {
    pub(crate) trust: &'s Trust,
    pub(crate) evidence: &'s Evidence,
    pub(crate) now: i64,
}

/// The key that a seal names, with the evidence that says so.
pub(crate) fn key_of(
    did: &Did,
    seal: &Seal,
    purpose: Purpose,
    sources: Sources<'_>,
) -> Result<(PublicKey, Option<Used>), Stop> {
    // The key of a did:key is the DID itself, and is for every purpose. What does not fit is told below.
    if did.method() == "key"
        && let Ok(key) = key::public_key(did)
        && is_of_key(seal, did, &key)
    {
        return Ok((key, None));
    }
    let wanted = KeyUse { id: &seal.key_id, algorithm: seal.algorithm, purpose, now: sources.now };
    look_up(did, &|document| document.key(wanted).cloned(), sources)
}

/// The key that signed a request, in the agent's current document.
pub(crate) fn check_proof_key(agent: &Did, proof: &Proof, walk: &mut Walk<'_>) -> Result<PublicKey, Stop> {
    let (now, purpose) = (walk.now, Purpose::Authentication);
    let lookup = |document: &Document| {
        document.key_by_thumbprint(&proof.key_thumbprint, proof.algorithm, purpose, now).cloned()
    };
    let key = find_key(agent, &lookup, walk)?;
    // The signature need not say its algorithm (RFC 9421 §2.3); then the key does.
    check_algorithm(key.algorithm(), walk.trust)?;
    Ok(key)
}

/// Whether a seal names the key of this did:key, for its algorithm.
pub(crate) fn is_of_key(seal: &Seal, did: &Did, key: &PublicKey) -> bool {
    seal.algorithm == key.algorithm() && did.fragment_of(&seal.key_id) == Some(did.method_specific_id())
}

/// Whether a proof names this key, for its algorithm.
pub(crate) fn is_of_thumbprint(proof: &Proof, key: &PublicKey) -> bool {
    let algorithm = proof.algorithm.is_none_or(|algorithm| algorithm == key.algorithm());
    algorithm && proof.key_thumbprint == key.thumbprint()
}

/// What finds a key in a document.
type Lookup<'l> = dyn Fn(&Document) -> Result<PublicKey, KeyLookupError> + 'l;

/// A key, from the DID itself or from evidence that is fresh enough.
fn find_key(did: &Did, lookup: &Lookup<'_>, walk: &mut Walk<'_>) -> Result<PublicKey, Stop> {
    let (key, used) = look_up(did, lookup, walk.sources())?;
    used.into_iter().for_each(|used| walk.rely_on(used));
    Ok(key)
}

fn look_up(did: &Did, lookup: &Lookup<'_>, sources: Sources<'_>) -> Result<(PublicKey, Option<Used>), Stop> {
    let Sources { trust, evidence, now } = sources;
    if did.method() == "key" {
        let unresolved = |error: legation_did::DidError| {
            Denial::new(Code::DidUnresolved, "a did:key of a supported kind", error.to_string())
        };
        let document = key::document(did).map_err(unresolved)?;
        return lookup(&document).map(|key| (key, None)).map_err(|error| Denial::from(error).into());
    }
    let need = || Need::Document(did.clone());
    let missing = |found: &str| Denial::new(Code::DidUnresolved, format!("the document of {did}"), found);
    let Some(held) = evidence.document(did) else {
        return Err(Stop::need(need(), missing("no evidence of it")));
    };
    let document = match &held.item {
        Ok(document) => document,
        Err(lack) => return Err(Stop::need(need(), missing(lack.reason()))),
    };
    if let Err(denial) = check_age(Code::DidStale, held.fetched_at, trust.max_document_age, trust, now) {
        return Err(Stop::need(need(), denial));
    }
    let found = lookup(document).map_err(Denial::from)?;
    let (digest, fetched_at) = (held.digest, held.fetched_at);
    Ok((found, Some(Used { id: did.to_string(), digest, fetched_at, valid_from: None })))
}

/// Evidence is no older than so many seconds, and not from the future.
fn check_age(code: Code, since: i64, most: i64, trust: &Trust, now: i64) -> Result<(), Denial> {
    let age = now.saturating_sub(since);
    if (Clock { now, skew: trust.clock_skew }).has_begun(since) && age <= most {
        return Ok(());
    }
    Err(Denial::new(code, format!("at most {most} s old"), format!("{age} s, from {}", time::format(since))))
}

/// A signature that is not its key's.
pub(crate) fn signature_denial(key: &str) -> Denial {
    Denial::new(Code::SignatureInvalid, format!("a signature by {key}"), "one that does not fit")
}

/// Most seconds that a link may live which can't be revoked itself. A child that was made offline has no list
/// to stand in; whoever revokes its parent revokes it, where the parent has a list.
pub(crate) fn longest_without_status(before: Option<&Link>, trust: &Trust) -> i64 {
    match before.is_some_and(is_revocable) {
        true => trust.max_unrevocable.max(trust.max_offline_child),
        false => trust.max_unrevocable,
    }
}

/// Whether a link can be revoked by its own status. What can only be suspended may come back.
fn is_revocable(link: &Link) -> bool {
    link.delegation.terms.status.iter().any(|entry| entry.purpose == StatusPurpose::Revocation)
}

/// The link is not revoked and not suspended, by a list that may say so and is fresh.
pub(crate) fn check_status(link: &Link, before: Option<&Link>, walk: &mut Walk<'_>) -> Result<(), Stop> {
    if walk.evidence.is_blocked(link) {
        return Err(
            Denial::new(Code::LinkRevoked, "a link that is not revoked", "blocked by its digest").into()
        );
    }
    let terms = &link.delegation.terms;
    // Suspended is not revoked: who can only do that can't end the link.
    if !is_revocable(link) {
        let lifetime = terms.valid_until.saturating_sub(terms.valid_from);
        let most = longest_without_status(before, walk.trust);
        if lifetime > most {
            let expected = match most {
                0 => "a link that can be revoked".to_owned(),
                most => format!("a link that can be revoked, or lives at most {most} s"),
            };
            let found = format!("no status that could revoke it, for {lifetime} s");
            return Err(Denial::new(Code::StatusMissing, expected, found).into());
        }
    }
    // All are judged, and the first rule of the order answers, however they are listed.
    let judge = |entry| check_status_entry(entry, &link.delegation.issuer, walk).err();
    let ending = terms.status.iter().filter(|entry| entry.purpose.is_ending());
    ending.filter_map(judge).reduce(Stop::before).map_or(Ok(()), Err)
}

fn check_status_entry(entry: &StatusEntry, issuer: &Did, walk: &mut Walk<'_>) -> Result<(), Stop> {
    let need = || Need::StatusList(entry.list.clone());
    let unavailable =
        |found: &str| Denial::new(Code::StatusUnavailable, format!("the list {}", entry.list), found);
    let Some(held) = walk.evidence.status_list(&entry.list) else {
        return Err(Stop::need(need(), unavailable("no evidence of it")));
    };
    match &held.item {
        Err(Lack::Unavailable(reason)) => Err(Stop::need(need(), unavailable(reason))),
        Err(Lack::Unreadable(reason)) => {
            Err(Stop::need(need(), Denial::new(Code::StatusInvalid, "a status list", reason.as_str())))
        }
        Ok(signed) => {
            let age = walk.now.saturating_sub(held.fetched_at);
            let outcome = check_status_list(entry, issuer, held, signed, walk);
            // Whatever is wrong with a list that was fetched long ago, its issuer may have mended.
            let old = age > walk.trust.max_status_age;
            outcome.map_err(|stop| if old { stop.or_need(need()) } else { stop })
        }
    }
}

fn check_status_list(
    entry: &StatusEntry,
    issuer: &Did,
    held: &Held<Arc<SignedStatusList>>,
    signed: &SignedStatusList,
    walk: &mut Walk<'_>,
) -> Result<(), Stop> {
    let trust = walk.trust;
    let invalid = |expected: &str, found: String| Denial::new(Code::StatusInvalid, expected, found);
    let list = &signed.credential;
    if let Some(other) = list.id.as_ref().filter(|id| **id != entry.list) {
        return Err(invalid(&format!("the list {}", entry.list), other.clone()).into());
    }
    if !list.purposes.contains(&entry.purpose) {
        return Err(
            invalid(&format!("a list for {}", entry.purpose.name()), "other purposes".to_owned()).into()
        );
    }
    if list.issuer != *issuer && !trust.status_issuers.contains(&list.issuer) {
        return Err(invalid(&format!("a list of {issuer}"), list.issuer.to_string()).into());
    }
    check_status_signatures(signed, walk)?;
    let Some(set) = list.list.get(entry.index) else {
        let expected = format!("an index below {}", list.list.entries());
        return Err(invalid(&expected, entry.index.to_string()).into());
    };
    check_status_age(entry, list.valid_from, list.valid_until, held.fetched_at, walk)?;
    walk.rely_on(Used {
        id: entry.list.clone(),
        digest: held.digest,
        fetched_at: held.fetched_at,
        valid_from: Some(list.valid_from),
    });
    let found = format!("index {} of {} is set", entry.index, entry.list);
    match (set, entry.purpose) {
        (true, StatusPurpose::Revocation) => {
            Err(Denial::new(Code::LinkRevoked, "a link that is not revoked", found).into())
        }
        (true, StatusPurpose::Suspension) => {
            Err(Denial::new(Code::LinkSuspended, "a link that is not suspended", found).into())
        }
        (false, _) | (true, StatusPurpose::Message | StatusPurpose::Refresh) => Ok(()),
    }
}

/// Every signature of a list is by a current key of its issuer, and by an algorithm that trust allows.
fn check_status_signatures(signed: &SignedStatusList, walk: &mut Walk<'_>) -> Result<(), Stop> {
    let invalid = |expected: &str, found: String| Denial::new(Code::StatusInvalid, expected, found);
    let (algorithms, now) = (&walk.trust.algorithms, walk.now);
    if let Some(seal) = signed.seals.iter().find(|seal| !algorithms.contains(&seal.algorithm)) {
        return Err(invalid("a list signed by an allowed algorithm", seal.algorithm.to_string()).into());
    }
    let mut keys = Vec::with_capacity(signed.seals.len());
    for seal in &signed.seals {
        let (id, algorithm) = (&seal.key_id, seal.algorithm);
        let wanted = KeyUse { id, algorithm, purpose: Purpose::AssertionMethod, now };
        let lookup = |document: &Document| document.key(wanted).cloned();
        keys.push(find_key(&signed.credential.issuer, &lookup, walk).map_err(|stop| {
            stop.map(|denial| invalid("a list signed by a current key of its issuer", denial.to_string()))
        })?);
    }
    signed.verify(&keys).map_err(|_| {
        let names: Vec<&str> = signed.seals.iter().map(|seal| seal.key_id.as_str()).collect();
        let found = "a signature that does not fit".to_owned();
        invalid(&format!("a list signed by {}", names.join(" and ")), found).into()
    })
}

/// The list is fresh by its fetch and by its own date, still valid, and not older than one that
/// was already seen. A stale list is worth another fetch.
fn check_status_age(
    entry: &StatusEntry,
    made: i64,
    until: Option<i64>,
    fetched_at: i64,
    walk: &Walk<'_>,
) -> Result<(), Stop> {
    let (trust, now) = (walk.trust, walk.now);
    let clock = Clock { now, skew: trust.clock_skew };
    let stop = |denial| Stop::need(Need::StatusList(entry.list.clone()), denial);
    for since in [fetched_at, made] {
        check_age(Code::StatusStale, since, trust.max_status_age, trust, now).map_err(stop)?;
    }
    if let Some(until) = until.filter(|until| clock.has_ended(*until)) {
        let found = format!("valid until {}", time::format(until));
        return Err(stop(Denial::new(Code::StatusStale, "a list that is still valid", found)));
    }
    if let Some(newest) = walk.evidence.newest_status(&entry.list).filter(|newest| *newest > made) {
        let expected = format!("a list no older than the one of {}", time::format(newest));
        return Err(stop(Denial::new(Code::StatusStale, expected, format!("one of {}", time::format(made)))));
    }
    Ok(())
}
