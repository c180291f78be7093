//! The rules of a chain, once more: from the bytes that are sent, in the order of the specification, one
//! line each. Of the code that is tested it uses the signature of a key, the reading of a time, and
//! `extend`, which targets of their own judge.

use super::{
    actors::{ACTORS, SHOP},
    scene::{DocKind, LIST, Scene},
};
use data_encoding::BASE64URL_NOPAD;
use legation_credential::{Authority, extend, status::StatusPurpose};
use legation_did::Purpose;
use legation_keys::{
    PublicKey, Signer,
    time::{self, Round},
};
use legation_verifier::{Proof, Trust};
use serde_json::Value;
use sha2::{Digest, Sha256};

/// A rule that is broken: its code, and the link.
pub(crate) type Broken = (&'static str, Option<usize>);

/// A JWS, taken apart without asking whether it is one that may be read.
struct Parts {
    header: Value,
    claims: Value,
    input: String,
    signature: [u8; 64],
    digest: String,
}

impl Parts {
    fn of(secured: &str) -> Option<Self> {
        let (input, signature) = secured.rsplit_once('.')?;
        let (header, payload) = input.split_once('.')?;
        let decode = |text: &str| BASE64URL_NOPAD.decode(text.as_bytes()).ok();
        let json = |text: &str| serde_json::from_slice(&decode(text)?).ok();
        Some(Self {
            header: json(header)?,
            claims: json(payload)?,
            input: input.to_owned(),
            signature: decode(signature)?.try_into().ok()?,
            digest: BASE64URL_NOPAD.encode(&Sha256::digest(secured)),
        })
    }

    fn text(&self, pointer: &str) -> &str {
        self.claims.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
    }

    fn number(&self, name: &str) -> Option<i64> {
        self.claims.get(name)?.as_i64()
    }

    fn issuer(&self) -> &str {
        let issuer = &self.claims["issuer"];
        issuer.as_str().or_else(|| issuer["id"].as_str()).unwrap_or_default()
    }

    fn subject(&self) -> &str {
        self.text("/credentialSubject/id")
    }

    fn delegation(&self) -> &Value {
        &self.claims["credentialSubject"]["delegation"]
    }

    fn from(&self) -> Option<i64> {
        Some(time::parse(self.text("/validFrom"), Round::Up)?.max(self.number("nbf").unwrap_or(i64::MIN)))
    }

    fn until(&self) -> Option<i64> {
        Some(time::parse(self.text("/validUntil"), Round::Down)?.min(self.number("exp").unwrap_or(i64::MAX)))
    }

    fn authority(&self) -> Option<Authority> {
        let delegation = self.delegation();
        let mut own = serde_json::Map::new();
        for name in ["grants", "constraints"] {
            if let Some(value) = delegation.get(name) {
                own.insert(name.to_owned(), value.clone());
            }
        }
        Authority::parse(&Value::Object(own).to_string()).ok()
    }
}

/// What is judged.
pub(crate) struct Case<'c> {
    pub(crate) scene: &'c Scene,
    pub(crate) trust: &'c Trust,
    pub(crate) links: &'c [String],
    pub(crate) presented: &'c str,
    pub(crate) proof: Option<&'c Proof>,
}

/// The first rule that the chain breaks. Of bytes that nothing can be made of, `malformed`.
pub(crate) fn judge(case: &Case<'_>) -> Result<(), Broken> {
    let malformed = |at| ("malformed", at);
    let read = |(index, text): (usize, &String)| Parts::of(text).ok_or(malformed(Some(index)));
    let links: Vec<Parts> = case.links.iter().enumerate().map(read).collect::<Result<_, _>>()?;
    let presentation = match case.proof {
        Some(_) => None,
        None => Some(Parts::of(case.presented).ok_or(malformed(None))?),
    };
    if links.is_empty() {
        return Err(("chain_empty", None));
    }
    meaning(case, &links)?;
    match (&presentation, case.proof) {
        (Some(presentation), _) => presented(case, presentation, links.last().map_or("", Parts::subject))?,
        (None, Some(proof)) => requested(case, proof)?,
        (None, None) => {}
    }
    for (index, link) in links.iter().enumerate() {
        signed(case, link, link.issuer(), Purpose::AssertionMethod).map_err(|code| (code, Some(index)))?;
    }
    let agent = links.last().map_or("", Parts::subject);
    match (&presentation, case.proof) {
        (Some(presentation), _) => signed(case, presentation, agent, Purpose::Authentication),
        (None, Some(proof)) => proven(case, proof, agent),
        (None, None) => Ok(()),
    }
    .map_err(|code| (code, None))?;
    for (index, link) in links.iter().enumerate() {
        status(case, link).map_err(|code| (code, Some(index)))?;
    }
    Ok(())
}

fn meaning(case: &Case<'_>, links: &[Parts]) -> Result<(), Broken> {
    let (trust, now) = (case.trust, case.scene.now);
    let root = links[0].issuer();
    let ceiling =
        trust.roots.iter().find(|(did, _)| did.as_str() == root).map(|(_, ceiling)| ceiling.clone());
    let mut effective = ceiling.ok_or(("root_untrusted", Some(0)))?;
    for (index, link) in links.iter().enumerate() {
        let broken = |code| Err((code, Some(index)));
        let before = index.checked_sub(1).map(|before| &links[before]);
        let (Some(from), Some(until)) = (link.from(), link.until()) else { return broken("malformed") };
        if link.delegation()["principal"] != root {
            return broken("principal_mismatch");
        }
        let claimed = link.claims.get("iss").is_none_or(|iss| iss == link.issuer());
        if before.is_some_and(|before| before.subject() != link.issuer())
            || !claimed
            || !names(link, link.issuer())
        {
            return broken("issuer_mismatch");
        }
        let parent = link.delegation().get("parent").and_then(Value::as_str);
        if parent != before.map(|before| before.digest.as_str()) {
            return broken("parent_mismatch");
        }
        let earlier = links[..index].iter().flat_map(|one| [one.issuer(), one.subject()]);
        if earlier.chain([link.issuer()]).any(|one| one == link.subject()) {
            return broken("cycle");
        }
        if now + trust.clock_skew < from {
            return broken("not_yet_valid");
        }
        if now - trust.clock_skew >= until || until <= from {
            return broken("expired");
        }
        if before.is_some_and(|before| before.from() > Some(from) || before.until() < Some(until)) {
            return broken("window_not_nested");
        }
        let depth = |link: &Parts| link.delegation().get("maxDepth").and_then(Value::as_i64).unwrap_or(0);
        if before.is_some_and(|before| depth(before) < 1 || depth(link) > depth(before) - 1) {
            return broken("redelegation_not_permitted");
        }
        let Some(own) = link.authority() else { return broken("malformed") };
        match extend(effective, &own) {
            Ok(narrowed) => effective = narrowed,
            Err(refusal) => return broken(refusal.code()),
        }
        if effective.audience_refused(&trust.audience).is_some() {
            return broken("audience_mismatch");
        }
    }
    Ok(())
}

/// The header's `kid` is of this DID.
fn names(parts: &Parts, did: &str) -> bool {
    let kid = parts.header["kid"].as_str().unwrap_or_default();
    kid.strip_prefix(did).and_then(|rest| rest.strip_prefix('#')).is_some_and(|fragment| !fragment.is_empty())
}

fn presented(case: &Case<'_>, presentation: &Parts, agent: &str) -> Result<(), Broken> {
    let broken = |code| Err((code, None));
    if presentation.text("/aud") != SHOP {
        return broken("audience_mismatch");
    }
    if presentation.text("/nonce") != case.scene.nonce {
        return broken("nonce_mismatch");
    }
    let (Some(made), Some(ends)) = (presentation.number("iat"), presentation.number("exp")) else {
        return broken("malformed");
    };
    fresh(case, made, ends, presentation.number("nbf"))?;
    let claimed = presentation.claims.get("iss").is_none_or(|iss| iss == agent);
    if presentation.text("/holder") != agent || !claimed || !names(presentation, agent) {
        return broken("holder_mismatch");
    }
    Ok(())
}

fn fresh(case: &Case<'_>, made: i64, ends: i64, not_before: Option<i64>) -> Result<(), Broken> {
    let (trust, now) = (case.trust, case.scene.now);
    let begins = not_before.unwrap_or(i64::MIN).max(made);
    let lives = (0..=trust.max_presentation_age.min(300)).contains(&(ends - made));
    if lives && now + trust.clock_skew >= begins && now - trust.clock_skew < ends {
        return Ok(());
    }
    Err(("presentation_stale", None))
}

/// A request is for the nonce that it brings.
fn requested(case: &Case<'_>, proof: &Proof) -> Result<(), Broken> {
    fresh(case, proof.created, proof.expires, None)
}

/// The key that `kid` names, where it may be used for this.
fn signed(case: &Case<'_>, parts: &Parts, did: &str, purpose: Purpose) -> Result<(), &'static str> {
    let actor = actor(did).ok_or("did_unresolved")?;
    let key = key(case, actor, purpose, |key_id, key| {
        if parts.header["kid"] != *key_id {
            return Err("key_not_found");
        }
        let (alg, wanted) = (parts.header["alg"].as_str().unwrap_or_default(), key.algorithm().jose());
        if alg == wanted || (alg, wanted) == ("Ed25519", "EdDSA") {
            Ok(())
        } else {
            Err("algorithm_key_mismatch")
        }
    })?;
    key.verify(parts.input.as_bytes(), &parts.signature).map_err(|_| "signature_invalid")
}

fn proven(case: &Case<'_>, proof: &Proof, agent: &str) -> Result<(), &'static str> {
    let actor = actor(agent).ok_or("did_unresolved")?;
    let key = key(case, actor, Purpose::Authentication, |_, key| {
        if key.thumbprint() == proof.key_thumbprint { Ok(()) } else { Err("key_not_found") }
    })?;
    key.verify(proof.signing_input.as_bytes(), &proof.signature).map_err(|_| "signature_invalid")
}

fn actor(did: &str) -> Option<usize> {
    ACTORS.iter().position(|actor| actor.did.as_str() == did)
}

/// The one key of an actor, as its document has it. `fits` is asked before its purpose and its end are.
fn key(
    case: &Case<'_>,
    actor: usize,
    purpose: Purpose,
    fits: impl Fn(&str, &PublicKey) -> Result<(), &'static str>,
) -> Result<PublicKey, &'static str> {
    let (own, scene) = (&ACTORS[actor], case.scene);
    if own.did.method() == "key" {
        fits(&own.key_id, own.key.public_key())?;
        return Ok(own.key.public_key().clone());
    }
    let doc = scene.documents.iter().find(|doc| doc.actor == actor).ok_or("did_unresolved")?;
    if doc.kind == DocKind::Garbage {
        return Err("did_unresolved");
    }
    let age = scene.now - doc.fetched_at;
    if age + case.trust.clock_skew < 0 || age > case.trust.max_document_age {
        return Err("did_stale");
    }
    let key = if doc.kind == DocKind::Rotated { &ACTORS[7].key } else { &own.key }.public_key();
    fits(&format!("{}#{}", own.did, key.thumbprint()), key)?;
    match doc.kind {
        DocKind::Only(only) if only != purpose => Err("key_purpose_mismatch"),
        DocKind::Ended(moment) if moment <= scene.now => Err("key_revoked"),
        _ => Ok(key.clone()),
    }
}

/// The one status that a link has.
fn status(case: &Case<'_>, link: &Parts) -> Result<(), &'static str> {
    let (trust, scene) = (case.trust, case.scene);
    let lifetime = link.until().unwrap_or(i64::MAX).saturating_sub(link.from().unwrap_or(0));
    let entry = match link.claims.get("credentialStatus") {
        None => {
            return if lifetime <= trust.max_unrevocable { Ok(()) } else { Err("status_missing") };
        }
        Some(Value::Array(all)) => &all[0],
        Some(one) => one,
    };
    // What can only be suspended can't be revoked.
    if entry["statusPurpose"] != "revocation" && lifetime > trust.max_unrevocable {
        return Err("status_missing");
    }
    if entry["statusListCredential"] != LIST {
        return Err("status_unavailable");
    }
    let list = scene.list.as_ref().ok_or("status_unavailable")?;
    let issuer = &ACTORS[list.issuer];
    let purpose = entry["statusPurpose"].as_str().and_then(StatusPurpose::from_name);
    let may = issuer.did.as_str() == link.issuer() || trust.status_issuers.contains(&issuer.did);
    let index: usize =
        entry["statusListIndex"].as_str().and_then(|text| text.parse().ok()).unwrap_or(usize::MAX);
    // The header's `kid` is that of who signed, whoever is said to have issued it.
    let signer = &ACTORS[list.signer];
    let key = key(case, list.issuer, Purpose::AssertionMethod, |key_id, key| {
        let fits = signer.key_id == key_id && signer.key.public_key() == key;
        if fits { Ok(()) } else { Err("key_not_found") }
    });
    if purpose != Some(list.purpose) || !may || key.is_err() || index >= 131_072 {
        return Err("status_invalid");
    }
    for since in [list.fetched_at, list.made] {
        let age = scene.now - since;
        if age + trust.clock_skew < 0 || age > trust.max_status_age {
            return Err("status_stale");
        }
    }
    let over = list.until.is_some_and(|until| scene.now - trust.clock_skew >= until);
    if over || list.newest_seen.is_some_and(|newest| newest > list.made) {
        return Err("status_stale");
    }
    match (list.set.contains(&index), list.purpose) {
        (true, StatusPurpose::Revocation) => Err("link_revoked"),
        (true, StatusPurpose::Suspension) => Err("link_suspended"),
        (false, _) | (true, StatusPurpose::Refresh | StatusPurpose::Message) => Ok(()),
    }
}
