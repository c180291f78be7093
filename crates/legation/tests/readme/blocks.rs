use legation::{Evidence, MemoryLedger, Request, Trust, authorize, body_facts, parse, verify};

fn book(presented: &[u8], nonce: &str, body: &[u8], evidence: &Evidence, ledger: &mut MemoryLedger, now: i64)
    -> Result<String, Box<dyn std::error::Error>>
{
    let trust = Trust::parse(&std::fs::read("trust.json")?)?;
    let presentation = parse(presented, &trust)?;                           // bytes, strictly
    let chain = verify(&presentation, &trust, evidence, nonce, now)?;       // who, for whom: or one denial
    let facts = body_facts(body, &["amount", "currency"])?;                 // what limits are about: {"amount":1800,…}
    let request = Request::new("a2a:skill:book", "https://shop.example/api/rooms", facts)?;
    let permit = authorize(&chain, &request, now).into_permit()?;           // may they?
    ledger.commit(permit, now)?;                                            // nonce and budgets, once
    Ok(format!("{} acts for {}", chain.agent(), chain.principal()))
}

use legation::agent::{Agent, Desk, Gate, GateError, Identity, Responder, guard, handshake_router};
use legation::resolver::{Call, Fetcher, Options, call::Method};
use legation::credential::request::split_query;
use std::sync::Arc;

async fn caller(me: Identity, chain: &[&str], now: i64) -> Result<u16, Box<dyn std::error::Error>> {
    let agent = Agent::new(me, chain, Fetcher::new(Options::default())?)?;
    let met = agent.meet("shop.example", now).await?;                       // or why not, by a code
    println!("met {}, receipt {}", met.met.callee(), met.met.receipt());
    let (url, body) = ("https://shop.example/api/rooms", br#"{"amount":1800,"currency":"USD"}"#.to_vec());
    let call = Call { method: Method::POST, url, headers: Default::default(), body };
    Ok(agent.call(call, now).await?.status)                                 // signed; 200, or a problem with a code
}

fn service(rooms: axum::Router, responder: Arc<Responder>, desk: Arc<Desk>) -> Result<axum::Router, GateError> {
    let gate = Gate::new(desk, "https://shop.example")?.handshaken_only("https://shop.example/handshake");
    let rooms = guard(rooms, gate, |message| {                              // which request is which action
        let (resource, mut facts) = split_query(message.target_uri)?;
        facts.extend(legation::body_facts(message.body, &["amount", "currency"])?);
        legation::Request::new("a2a:skill:book", resource, facts)
    });
    Ok(rooms.merge(handshake_router(responder, "/handshake")))
}
