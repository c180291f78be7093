//! What a verifier is set up with, and what it leaves behind: trust, evidence, ledger and receipt files.

use super::{
    actors::{ACTORS, NOW, SHOP_ACTOR},
    choices::parts,
};
use legation_credential::Authority;
use legation_did::Did;
use legation_keys::json::{self, Json, JsonLimits};
use legation_verifier::{Evidence, MemoryLedger, Need, Trust, error::printable, receipt};

/// Any bytes as each of the files; the parts of a text in parts as claims of a receipt.
pub fn settings(data: &[u8]) {
    trust(data);
    evidence(data);
    ledger(data);
    let Ok(text) = core::str::from_utf8(data) else { return };
    signed_receipt(text);
    let shown = printable(text.to_owned());
    assert_eq!(printable(shown.clone()), shown, "what is printable stays as it is");
    assert!(!shown.chars().any(char::is_control), "{shown:?}");
}

fn trust(data: &[u8]) {
    let Ok(trust) = Trust::parse(data) else { return };
    let json = json::parse(data, JsonLimits { bytes: 1 << 20, depth: 32 }).unwrap();
    assert_eq!(json.get("audience").and_then(Json::as_str), Some(trust.audience.as_str()));
    let roots = json.get("roots").and_then(Json::as_array).unwrap();
    assert_eq!(trust.roots.len(), roots.len());
    for root in roots {
        let did = root.get("did").and_then(Json::as_str).unwrap().parse().unwrap();
        let ceiling = &trust.roots[&did];
        let everything = root.get("ceiling").and_then(Json::as_str) == Some("everything");
        assert_eq!(*ceiling == Authority::everything(), everything);
    }
    for (name, seconds, most) in [
        ("clockSkew", trust.clock_skew, 600),
        ("maxPresentationAge", trust.max_presentation_age, 300),
        ("maxUnrevocable", trust.max_unrevocable, 315_576_000),
        ("maxOfflineChild", trust.max_offline_child, 86_400),
        ("maxApprovalAge", trust.max_approval_age, 86_400),
    ] {
        assert!((0..=most).contains(&seconds), "{name} is {seconds}");
        let written = json.get(name).map(|value| value.as_integer());
        assert!(written.is_none_or(|written| written == Some(seconds)), "{name} is {seconds}");
    }
    let limits = trust.limits;
    assert!(limits.chain_links <= 64 && limits.json_depth <= 64 && limits.link_bytes <= 1 << 16);
}

fn evidence(data: &[u8]) {
    let Ok(mut evidence) = Evidence::parse(data, 1 << 18) else { return };
    let json = json::parse(data, JsonLimits { bytes: 64 << 20, depth: 32 }).unwrap();
    for member in ["didDocuments", "statusLists"] {
        assert!(json.get(member).is_none_or(|list| list.as_array().is_some()));
    }
    // Keeping and forgetting works on whatever came out of a file.
    let trust = Trust::new(SHOP_ACTOR.did.as_str());
    evidence.forget(&trust, NOW);
    evidence.add_failure(&Need::Document(ACTORS[1].did.clone()), "none", NOW);
    evidence.forget(&trust, i64::MAX);
}

fn ledger(data: &[u8]) {
    let Ok(json) = serde_json::from_slice::<serde_json::Value>(data) else { return };
    let Some(ledger) = MemoryLedger::from_json(&json) else { return };
    let written = ledger.to_json();
    let again = MemoryLedger::from_json(&written);
    let again = again.unwrap_or_else(|| panic!("{written} is not read again"));
    assert_eq!(sorted(again.to_json()), sorted(written));
}

/// A ledger lists its entries in no order.
fn sorted(mut json: serde_json::Value) -> serde_json::Value {
    for member in ["nonces", "totals"] {
        if let Some(list) = json[member].as_array_mut() {
            list.sort_by_key(serde_json::Value::to_string);
        }
    }
    json
}

fn signed_receipt(text: &str) {
    let (shop, document) = (&*SHOP_ACTOR, SHOP_ACTOR.document());
    // By a key of the shop, if at all.
    if text.len() < 1 << 16
        && let Ok(said) = receipt::verify(text, &document)
    {
        assert!(["permit", "valid", "met", "deny"].iter().any(|decision| said["decision"] == *decision));
    }
    let Some([claims, ..]) = parts(text.as_bytes()).as_deref().map(|all| [all[0]]) else { return };
    let signed = receipt::sign(claims.as_bytes(), &shop.key_id, &shop.key).unwrap();
    if let Ok(said) = receipt::verify(&signed, &document) {
        let json = json::parse(claims.as_bytes(), JsonLimits { bytes: 32 << 20, depth: 32 }).unwrap();
        for member in ["verifier", "decision", "at"] {
            assert_eq!(json.get(member).and_then(Json::as_str), said[member].as_str(), "{member}");
        }
        let signer = json.get("verifier").and_then(Json::as_str).unwrap_or_default().parse::<Did>();
        assert!(signer.is_err() || signer.as_ref() == Ok(&shop.did), "a receipt of {signer:?}");
        // By nobody else, and not with another letter.
        assert!(receipt::verify(&signed, &ACTORS[1].document()).is_err());
        let bent = receipt::sign(claims.as_bytes(), &shop.key_id, &ACTORS[1].key).unwrap();
        assert!(receipt::verify(&bent, &document).is_err());
    }
}
