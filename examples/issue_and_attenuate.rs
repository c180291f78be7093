//! A company delegates to its agent, the agent to a helper, each time less. What would be more
//! is refused before it is signed, in words that say what would fit. The library only.

#![allow(clippy::print_stdout, reason = "an example talks to its terminal")]

use legation::{
    Algorithm, Authority, Did, SecretKey, Signer, Terms,
    credential::{IssueError, issue::effective},
    did::key,
    issue, pass_on,
};
use std::{
    error::Error,
    time::{Duration, SystemTime},
};

fn main() -> Result<(), Box<dyn Error>> {
    let company = SecretKey::generate(Algorithm::EdDsa)?;
    let agent = SecretKey::generate(Algorithm::EdDsa)?;
    let helper = SecretKey::generate(Algorithm::Es256)?;
    let [principal, agent_did, helper_did] =
        [&company, &agent, &helper].map(|key| key::did(key.public_key()));

    // All of the shop's payments, up to 50 EUR each and 200 EUR a month, by mail.
    let first = terms(
        &agent_did,
        1,
        r#"{
            "grants": [{"actions": ["mcp:tools/call:payments.*"], "resources": ["https://shop.example/api/*"]}],
            "constraints": [
                {"type": "spend", "currency": "EUR", "perAction": 5000, "window": {"seconds": 2592000, "amount": 20000}},
                {"type": "argument", "name": "channel", "oneOf": ["email"]}
            ]
        }"#,
    )?;
    let first = issue(first, &principal, &key::method_id(&principal), &company)?;

    // Refunds only, up to 10 EUR. What it leaves out, the channel and the month, stays inherited.
    let narrower = r#"{
        "grants": [{"actions": ["mcp:tools/call:payments.refund"], "resources": ["https://shop.example/api/*"]}],
        "constraints": [{"type": "spend", "currency": "EUR", "perAction": 1000}]
    }"#;
    let agent_key = key::method_id(&agent_did);
    let second = pass_on(&[&first], terms(&helper_did, 0, narrower)?, &agent_key, &agent)?;
    let (_, authority) = effective(&[&first, &second])?;
    println!("{helper_did} acts for {principal} and may effectively\n{:#}", authority.to_json());

    // More than the agent holds itself.
    for wider in [
        r#"{"grants": [{"actions": ["mcp:tools/call:users.delete"], "resources": ["https://shop.example/api/*"]}]}"#,
        r#"{"grants": [{"actions": ["mcp:tools/call:payments.*"], "resources": ["https://bank.example/*"]}]}"#,
        r#"{"grants": [], "constraints": [{"type": "spend", "currency": "EUR", "perAction": 9000}]}"#,
    ] {
        match pass_on(&[&first], terms(&helper_did, 0, wider)?, &agent_key, &agent) {
            Err(IssueError::Refused(refusal)) => {
                println!("refused: {}\n  {refusal}\n  what fits: {}", refusal.code(), refusal.fits());
            }
            other => return Err(format!("expected a refusal, found {other:?}").into()),
        }
    }
    Ok(())
}

/// An hour, from now on. Without a status the link can't be revoked, so it lives no longer.
fn terms(subject: &Did, max_depth: u32, authority: &str) -> Result<Terms, Box<dyn Error>> {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?;
    let until = now + Duration::from_secs(3600);
    Ok(Terms {
        id: None,
        subject: subject.clone(),
        valid_from: i64::try_from(now.as_secs())?,
        valid_until: i64::try_from(until.as_secs())?,
        max_depth,
        account: None,
        authority: Authority::parse(authority)?,
        status: vec![],
    })
}
