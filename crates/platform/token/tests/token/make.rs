use crate::{AUDIENCE, ISSUER, NOW, key};
use legation_credential::{Authority, Occasion, Terms, issue, pass_on, present};
use legation_did::{Did, key as did_key};
use legation_keys::{Algorithm, SecretKey, Signer};
use legation_token::{Claims, Issue, Narrowed, narrow, narrow::Ask, of_chain};
use legation_verifier::{Evidence, Trust, VerifiedChain, parse, verify};
use serde_json::json;

fn did(key: &SecretKey) -> Did {
    did_key::did(key.public_key())
}

fn terms(subject: &Did, (valid_for, max_depth): (i64, u32), actions: &[&str]) -> Terms {
    let grants = json!({"grants": [{"actions": actions, "resources": ["https://api.example/*", "https://api.example/"]}]});
    Terms {
        id: None,
        subject: subject.clone(),
        valid_from: NOW,
        valid_until: NOW + valid_for,
        max_depth,
        account: None,
        authority: Authority::parse(&grants.to_string()).unwrap(),
        status: vec![],
    }
}

/// A company, its team and an agent of it, whose link ends after so long.
fn chain(valid_for: i64) -> (VerifiedChain, [Did; 3]) {
    let keys = [key(Algorithm::EdDsa), key(Algorithm::EdDsa), key(Algorithm::Es256)];
    let [company, team, agent] = [did(&keys[0]), did(&keys[1]), did(&keys[2])];
    let first = issue(
        terms(&team, (86_400, 1), &["crm:*", "token:issue"]),
        &company,
        &did_key::method_id(&company),
        &keys[0],
    )
    .unwrap();
    let second = pass_on(
        &[&first],
        terms(&agent, (valid_for, 0), &["crm:read", "token:issue"]),
        &did_key::method_id(&team),
        &keys[1],
    )
    .unwrap();
    let occasion =
        Occasion { audience: ISSUER, nonce: "n", issued_at: NOW, expires_at: NOW + 60, transcript: None };
    let presented =
        present(&[&first, &second], &agent, occasion, &did_key::method_id(&agent), &keys[2]).unwrap();
    let mut trust = Trust::new(ISSUER);
    trust.roots.insert(company.clone(), Authority::everything());
    trust.max_unrevocable = 86_400;
    let presentation = parse(presented.as_bytes(), &trust).unwrap();
    let chain = verify(&presentation, &trust, &Evidence::new(), "n", NOW).unwrap();
    (chain, [company, team, agent])
}

fn narrowed(chain: &VerifiedChain) -> Narrowed {
    narrow(chain.effective(), Ask { audience: AUDIENCE, scope: &[], ledger: ISSUER, leads_to: None }).unwrap()
}

fn made<'i>(narrowed: &'i Narrowed) -> Issue<'i> {
    Issue {
        issuer: ISSUER,
        audience: AUDIENCE,
        narrowed,
        id: "t-1",
        key: Some("BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc"),
        status_until: NOW + 3600,
        now: NOW,
    }
}

#[test]
fn a_token_says_whose_it_is_by_whom_and_what_the_leaf_may_do() {
    let (chain, [company, team, agent]) = chain(3600);
    let narrowed = narrowed(&chain);
    let claims = of_chain(&chain, made(&narrowed)).unwrap();
    let json = claims.to_json();
    assert_eq!(
        (json["sub"].as_str(), json["client_id"].as_str()),
        (Some(company.as_str()), Some(agent.as_str()))
    );
    assert_eq!(json["act"], json!({"sub": agent.as_str(), "act": {"sub": team.as_str()}}));
    assert_eq!((json["exp"].as_i64(), json["iat"].as_i64()), (Some(NOW + 300), Some(NOW)));
    assert_eq!(json["scope"], "crm:read");
    let details = &json["authorization_details"];
    assert_eq!(details.as_array().map(Vec::len), Some(1));
    assert_eq!(
        details[0]["grants"],
        json!([{"actions": ["crm:read"], "resources": ["https://api.example/", "https://api.example/*"]}])
    );
    assert_eq!(details[0]["chain"], details[0]["links"][1]);
    assert_eq!(Claims::read(json.to_string().as_bytes()), Ok(claims));
}

/// Whichever is first: the chain's end, five minutes, until when its status may be relied on.
#[test]
fn a_token_ends_with_what_it_was_made_of() {
    let ends = |valid_for: i64, status: i64| {
        let (chain, _) = chain(valid_for);
        let narrowed = narrowed(&chain);
        of_chain(&chain, Issue { status_until: NOW + status, ..made(&narrowed) })
            .map(|claims| claims.expires_at - NOW)
    };
    assert_eq!(ends(3600, 3600), Ok(300));
    assert_eq!(ends(120, 3600), Ok(120));
    assert_eq!(ends(3600, 45), Ok(45));
    assert_eq!(ends(3600, 0).unwrap_err().code(), "expired");
}

#[test]
fn what_was_narrowed_from_another_chain_goes_into_no_token_of_this_one() {
    let (chain, _) = chain(3600);
    let wider = json!({"grants": [{"actions": ["crm:write"], "resources": ["https://api.example/*"]}]});
    let other = Narrowed { authority: Authority::parse(&wider.to_string()).unwrap(), ..narrowed(&chain) };
    assert_eq!(of_chain(&chain, made(&other)).unwrap_err().code(), "token_widened");
    let own = narrowed(&chain);
    assert_eq!(of_chain(&chain, Issue { id: "", ..made(&own) }).unwrap_err().code(), "malformed");
    let long = format!("https://api.example/{}", "x".repeat(9000));
    assert_eq!(
        of_chain(&chain, Issue { audience: &long, ..made(&own) }).unwrap_err().code(),
        "token_too_large"
    );
}
