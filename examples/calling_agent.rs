//! An agent that meets another one by its domain name, and calls it.
//!
//! `calling_agent DOMAIN KEY_FILE CHAIN_FILE [PATH…]`. CHAIN_FILE holds the agent's links, root first, one
//! a line. Each PATH of the domain is called with `POST`; `/rooms` by default. Exit: 0 where all was
//! permitted, 1 where something was refused.

#![allow(clippy::print_stdout, reason = "an example talks to its terminal")]

use legation::{
    Document, Signer,
    agent::{Agent, Identity, MeetError},
    did::key,
    keystore,
    resolver::{Call, Fetcher, Options, Reply, call::Method},
    verifier::receipt,
};
use serde_json::Value;
use std::{env, error::Error, fs, path::Path, process::ExitCode, sync::Arc, time::SystemTime};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<ExitCode, Box<dyn Error>> {
    let mut args = env::args().skip(1);
    let usage = "usage: calling_agent DOMAIN KEY_FILE CHAIN_FILE [PATH…]";
    let (Some(domain), Some(key), Some(chain)) = (args.next(), args.next(), args.next()) else {
        return Err(usage.into());
    };
    let mut paths: Vec<String> = args.collect();
    if paths.is_empty() {
        paths.push("/rooms".to_owned());
    }
    let secret = keystore::load(Path::new(&key), None)?;
    let me = Identity::new(key::did(secret.public_key()), Arc::new(secret));
    let (links, options) =
        (fs::read_to_string(chain)?, Options { http_on_loopback: true, ..Options::default() });
    let agent = Agent::new(me, &links.split_whitespace().collect::<Vec<_>>(), Fetcher::new(options)?)?;

    // The card, its DID and the domain belong together, and each has signed a nonce of the other.
    let met = match agent.meet(&domain, now()?).await {
        Ok(met) => met,
        Err(MeetError::Refused { code, expected, found, receipt, .. }) => {
            println!(
                "{domain} refuses to meet: {code}: expected {expected}, found {found}\nreceipt {receipt}"
            );
            return Ok(ExitCode::FAILURE);
        }
        Err(error) => {
            println!("not met: {}: {error}", error.code());
            return Ok(ExitCode::FAILURE);
        }
    };
    println!("met {}\ntheir receipt {}\nmy receipt {}", met.met.callee(), met.met.receipt(), met.receipt);

    let mut exit = ExitCode::SUCCESS;
    // The card says where: its interface has the domain's origin, as the binding was checked.
    let interface = met.card.card.card().pointer("/supportedInterfaces/0/url").and_then(Value::as_str);
    let origin = interface.unwrap_or_default().trim_end_matches('/');
    for path in paths {
        let (url, body) = (format!("{origin}{path}"), br#"{"nights":2}"#.to_vec());
        let call = Call { method: Method::POST, url: &url, headers: Default::default(), body };
        let reply = agent.call(call, now()?).await?;
        println!("POST {url}: {} {}", reply.status, told(&reply, &met.card.document)?);
        if reply.status != 200 {
            exit = ExitCode::FAILURE;
        }
    }
    Ok(exit)
}

/// What the service signed about a request, once the signature is verified with its document.
fn told(reply: &Reply, service: &Document) -> Result<String, Box<dyn Error>> {
    let answer: Value = serde_json::from_slice(&reply.body)?;
    let Some(signed) = answer.get("receipt").and_then(Value::as_str) else {
        return Ok(format!("without a receipt: {answer}"));
    };
    let said = receipt::verify(signed, service)?;
    let text = |name: &str| said.get(name).and_then(Value::as_str).unwrap_or_default();
    Ok(format!("{} {}\nreceipt {signed}", text("decision"), text("code")).replace(" \n", "\n"))
}

fn now() -> Result<i64, Box<dyn Error>> {
    Ok(SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?.as_secs().try_into()?)
}
