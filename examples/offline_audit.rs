//! Months later: is this receipt genuine, and would we decide the same again?
//!
//! `offline_audit [RECEIPT SIGNER PRESENTATION EVIDENCE TRUST]`, all of them files, except that the
//! signer may be a did:key. Without arguments it audits the samples. No network, no clock: it
//! decides as of the time then. Ends with 1 where anything differs.

#![allow(clippy::print_stdout, reason = "an example talks to its terminal")]

use legation::{
    Denial, Document, Evidence, Facts, Request, Trust, VerifiedChain, authorize,
    credential::Value,
    did::key,
    keys::{
        base64url,
        json::{self, Json, JsonLimits},
        time::{self, Round},
    },
    parse,
    verifier::{Code, Used, receipt},
    verify,
};
use sha2::{Digest, Sha256};
use std::{env, error::Error, fs, process::ExitCode};

const SAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../did-documents/");

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let args: Vec<String> = env::args().skip(1).collect();
    let samples = ["receipt.jwt", "shop.example.did.json", "presentation.jwt", "evidence.json", "trust.json"];
    let samples = samples.map(|name| format!("{SAMPLES}{name}"));
    let [receipt, signer, presentation, evidence, trust] = match args.as_slice() {
        [] => samples,
        _ => args.try_into().map_err(|_| "expected RECEIPT SIGNER PRESENTATION EVIDENCE TRUST")?,
    };
    let signer = match signer.starts_with("did:key:") {
        true => key::document(&signer.parse()?)?,
        false => Document::parse(&fs::read(signer)?)?,
    };
    let told = match receipt::verify(&fs::read_to_string(receipt)?, &signer) {
        Ok(told) => told,
        Err(error) => {
            println!("✗ not genuine: {error}");
            return Ok(ExitCode::FAILURE);
        }
    };
    let text = |name: &str| told.get(name).and_then(|value| value.as_str()).unwrap_or_default();
    println!("genuine: {} decided `{}` at {}", signer.id(), text("decision"), text("at"));

    let presented = fs::read(presentation)?;
    let trust = Trust::parse(&fs::read(trust)?)?;
    let evidence = Evidence::parse(&fs::read(evidence)?, trust.limits.status_entries)?;
    let at = time::parse(text("at"), Round::Down).ok_or("the receipt has no time")?;
    let again = decide(&presented, &trust, &evidence, told.get("request"), at);
    let used = again.chain.as_ref().map(|chain| chain.evidence().iter().map(Used::to_json).collect());
    let digest = base64url::encode(&Sha256::digest(presented.trim_ascii()));
    let checks = [
        ("the presentation is the one it names", digest == text("presentation")),
        ("the verifier is the one it names", trust.audience == text("verifier")),
        ("the evidence is what it names", used.as_ref() == told.get("evidence")),
        ("the decision is the same again", same(&again.outcome, text("code"), told.get("request").is_some())),
    ];
    for (check, holds) in checks {
        println!("{} {check}", if holds { "✓" } else { "✗" });
    }
    if let Err(denial) = &again.outcome {
        println!("  again: {denial}");
    }
    Ok(ExitCode::from(u8::from(!checks.iter().all(|(_, holds)| *holds))))
}

struct Again {
    chain: Option<VerifiedChain>,
    outcome: Result<(), Denial>,
}

/// The whole decision, up to the ledger, whose state then is not kept.
fn decide(
    presented: &[u8],
    trust: &Trust,
    evidence: &Evidence,
    request: Option<&serde_json::Value>,
    at: i64,
) -> Again {
    let chain = parse(presented, trust)
        .and_then(|presentation| verify(&presentation, trust, evidence, presentation.nonce(), at));
    match (chain, request.and_then(read_request)) {
        (Ok(chain), Some(request)) => {
            let outcome = authorize(&chain, &request, at).into_permit().map(|_| ());
            Again { chain: Some(chain), outcome }
        }
        (Ok(chain), None) => Again { chain: Some(chain), outcome: Ok(()) },
        (Err(denial), _) => Again { chain: None, outcome: Err(denial) },
    }
}

fn read_request(told: &serde_json::Value) -> Option<Request> {
    let text = told.to_string();
    let told = json::parse(text.as_bytes(), JsonLimits { bytes: 1 << 20, depth: 4 }).ok()?;
    let member = |name: &str| told.get(name).and_then(Json::as_str);
    let facts = told.get("facts")?.as_object()?.iter();
    let facts: Option<Facts> =
        facts.map(|(name, value)| Some((name.to_owned(), Value::from_json(value)?))).collect();
    Request::new(member("action")?, member("resource")?, facts?).ok()
}

/// What the ledger denied was permitted up to there, and a request that could not be read is not
/// in the receipt: of these only the chain is judged again.
fn same(again: &Result<(), Denial>, code: &str, asked: bool) -> bool {
    let ledger = [Code::NonceReplayed, Code::NonceMemoryFull, Code::BudgetExceeded, Code::RateExceeded];
    let permitted = code.is_empty() || ledger.iter().any(|one| one.as_str() == code);
    match again {
        Ok(()) => permitted || !asked,
        Err(denial) => denial.code.as_str() == code,
    }
}
