//! Delegations, chains of them, and presentations.

use super::{Told, Wrong, relative};
use crate::explain;
use legation_credential::{
    CredentialError, Delegation,
    delegation::link_digest,
    secured::{canonical, decode_token, is_document},
    status::{StatusEntry, StatusPurpose},
};
use legation_keys::{
    base64url,
    json::{self, Json},
    jws, time,
};
use legation_verifier::{Trust, parse};
use serde_json::{Value, json};

fn unreadable(error: &CredentialError) -> Wrong {
    (error.code(), error.to_string())
}

pub(super) fn delegation(text: &str, now: i64) -> Result<Told, Wrong> {
    let delegation = Delegation::read_unverified(text).map_err(|error| unreadable(&error))?;
    let digest = link_digest(&canonical(text).map_err(|error| unreadable(&error))?);
    let digest = base64url::encode(&digest);
    let mut lines = sentences(&delegation, now);
    lines.push(format!("Its digest, by which a child names it, is {digest}."));
    Ok(Told::new(lines, facts(&delegation, Some(&digest), is_document(text))))
}

pub(super) fn chain(text: &str, now: i64) -> Result<Told, Wrong> {
    let links: Result<Vec<Told>, Wrong> = text
        .split('~')
        .enumerate()
        .map(|(index, token)| {
            let at = |(code, reason): Wrong| (code, format!("link {index}: {reason}"));
            let link = decode_token(token).map_err(|error| at(unreadable(&error)))?;
            delegation(&link, now).map_err(at)
        })
        .collect();
    let links = links?;
    let mut lines = Vec::new();
    for (index, link) in links.iter().enumerate() {
        lines.push(format!("Link {index}:"));
        lines.extend(link.lines.iter().cloned());
    }
    let links: Vec<Value> = links.into_iter().map(|link| link.json).collect();
    Ok(Told::new(lines, json!({"links": links})))
}

pub(super) fn presentation(text: &str, now: i64) -> Result<Told, Wrong> {
    let denied = |denial: legation_verifier::Denial| {
        (denial.code.as_str(), format!("expected {}, found {}", denial.expected, denial.found))
    };
    let presentation = parse(text.as_bytes(), &Trust::new("")).map_err(denied)?;
    let (audience, expires) = envelope(text);
    let holder = presentation.claimed_agent();
    let mut lines = vec![
        format!("{holder} presents a chain of delegations, to answer the nonce `{}`.", presentation.nonce()),
        format!("It is for {}.", audience.as_deref().unwrap_or("nobody that it names")),
    ];
    if let Some(expires) = expires {
        let over = if now >= expires { ": that is over" } else { "" };
        lines.push(format!("It is to be shown before {}{over}.", time::format(expires)));
    }
    let mut links = Vec::new();
    for (index, (delegation, digest)) in presentation.claims().zip(presentation.link_digests()).enumerate() {
        lines.push(format!("Link {index}:"));
        lines.extend(sentences(delegation, now));
        links.push(facts(delegation, Some(&base64url::encode(&digest)), false));
    }
    let json = json!({
        "holder": holder.as_str(), "audience": audience, "nonce": presentation.nonce(),
        "expires": expires.map(time::format), "transcript": presentation.transcript(), "links": links,
    });
    Ok(Told::new(lines, json))
}

/// For whom a presentation is, and until when, by its own word: claims of a JWS, or members of a proof.
fn envelope(text: &str) -> (Option<String>, Option<i64>) {
    let payload = match is_document(text) {
        true => text.as_bytes().to_vec(),
        false => {
            jws::split(text).ok().and_then(|parts| base64url::decode(parts.payload).ok()).unwrap_or_default()
        }
    };
    let Ok(json) = json::parse(&payload, super::LIMITS) else { return (None, None) };
    let proof = match json.get("proof") {
        Some(Json::Array(proofs)) => proofs.first(),
        one => one,
    };
    let text_of = |value: Option<&Json<'_>>| value.and_then(Json::as_str).map(str::to_owned);
    let audience = text_of(json.get("aud")).or_else(|| text_of(proof.and_then(|proof| proof.get("domain"))));
    let ends = proof.and_then(|proof| proof.get("expires")).and_then(Json::as_str);
    let ends = ends.and_then(|ends| time::parse(ends, time::Round::Down));
    let expires = json.get("exp").and_then(|exp| time::numeric_date(exp, time::Round::Down)).or(ends);
    (audience, expires)
}

/// What a delegation says, a sentence or a limit each.
fn sentences(delegation: &Delegation, now: i64) -> Vec<String> {
    let terms = &delegation.terms;
    let mut lines = vec![format!("{} delegates to {}.", delegation.issuer, terms.subject)];
    lines.push(match &delegation.parent {
        None => "It is the first link of its chain: its issuer is the principal.".to_owned(),
        Some(parent) => format!(
            "It passes on what {} began, under the link with the digest {}.",
            delegation.principal,
            base64url::encode(parent)
        ),
    });
    lines.extend(explain::authority(&terms.authority).lines().map(str::to_owned));
    if delegation.parent.is_some() {
        lines.push("Whatever limits stand in the links before it hold for it, too.".to_owned());
    }
    let (from, until) = (terms.valid_from, terms.valid_until);
    let relative = relative(from, until, now);
    lines.push(format!("It is valid from {} until {}{relative}.", time::format(from), time::format(until)));
    lines.push(match terms.max_depth {
        0 => "It may not be passed on.".to_owned(),
        1 => "It may be passed on, once.".to_owned(),
        depth => format!("It may be passed on, over at most {depth} further links."),
    });
    if let Some(account) = &terms.account {
        lines.push(format!("Its totals are counted on the account `{account}` of its issuer."));
    }
    lines.extend(terms.status.iter().map(status));
    if !terms.status.iter().any(|entry| entry.purpose == StatusPurpose::Revocation) {
        lines.push("It names no list that could revoke it; verifiers refuse that by default.".to_owned());
    }
    lines
}

fn status(entry: &StatusEntry) -> String {
    let what = match entry.purpose {
        StatusPurpose::Revocation => "Whether it is revoked",
        StatusPurpose::Suspension => "Whether it is suspended",
        StatusPurpose::Refresh => "Whether there is a newer one",
        StatusPurpose::Message => "What else is to be known of it",
    };
    format!("{what} stands at index {} of {}.", entry.index, entry.list)
}

fn facts(delegation: &Delegation, digest: Option<&str>, is_document: bool) -> Value {
    let terms = &delegation.terms;
    let status = |entry: &StatusEntry| json!({"purpose": entry.purpose.name(), "list": entry.list, "index": entry.index});
    let limits: Vec<String> = terms.authority.limits().map(|(key, bound)| key.describe(bound)).collect();
    json!({
        "issuer": delegation.issuer.as_str(),
        "subject": terms.subject.as_str(),
        "principal": delegation.principal.as_str(),
        "parent": delegation.parent.map(|parent| base64url::encode(&parent)),
        "digest": digest,
        "id": terms.id,
        "validFrom": time::format(terms.valid_from),
        "validUntil": time::format(terms.valid_until),
        "maxDepth": terms.max_depth,
        "account": terms.account,
        "authority": terms.authority.to_json(),
        "limits": limits,
        "status": terms.status.iter().map(status).collect::<Vec<_>>(),
        "securedBy": if is_document { "eddsa-jcs-2022" } else { "jws" },
    })
}
