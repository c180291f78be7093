//! A service that serves only agents that it has met.
//!
//! `handshaken_service FOLDER KEY_FILE ROOT_DID [LISTEN_ADDRESS]`. Its did:web is where it listens; its
//! document and its signed card are written to FOLDER, which it publishes. Agents that act for ROOT_DID
//! meet it at `/handshake`, and then `POST /rooms` with a signed request.

#![allow(clippy::print_stdout, reason = "an example talks to its terminal")]

use axum::{Extension, Json, Router, routing::post};
use legation::{
    Authority, Did, Request, Trust,
    agent::{Admitted, Desk, Gate, Identity, Responder, guard, handshake_router},
    agent_card::{Form, Keys, UnverifiedCard, VerifiedCard, extension, sign, verify},
    credential::request::split_query,
    did::web,
    handshake::ChallengeKey,
    host, keystore,
    resolver::{Fetcher, Options},
};
use serde_json::{Value, json};
use std::{
    env,
    error::Error,
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::SystemTime,
};
use tokio::net::TcpListener;

/// Longest life of a link that can't be revoked, in seconds. A real service asks for revocable ones.
const UNREVOCABLE: i64 = 86_400;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut args = env::args().skip(1);
    let usage = "usage: handshaken_service FOLDER KEY_FILE ROOT_DID [LISTEN_ADDRESS]";
    let (Some(folder), Some(key), Some(root)) = (args.next(), args.next(), args.next()) else {
        return Err(usage.into());
    };
    let listen: SocketAddr = args.next().unwrap_or_else(|| "127.0.0.1:8322".to_owned()).parse()?;
    let listener = TcpListener::bind(listen).await?;
    // On one machine, without TLS. A real service has a domain, and serves https.
    let domain = format!("localhost:{}", listener.local_addr()?.port());
    let origin = format!("http://{domain}");

    let me = Identity::new(web::did(&domain)?, Arc::new(keystore::load(Path::new(&key), None)?));
    let folder = PathBuf::from(folder);
    let card = publish(&me, &origin, &folder)?;

    let mut trust = Trust::new(me.did().as_str());
    trust.roots.insert(root.parse::<Did>()?, ceiling(&origin)?);
    trust.max_unrevocable = UNREVOCABLE;
    let fetcher = Fetcher::new(Options { http_on_loopback: true, ..Options::default() })?;
    let desk = Arc::new(Desk::new(me.clone(), trust, fetcher)?);
    let responder = Arc::new(Responder::new(desk.clone(), &card, ChallengeKey::generate()?)?);

    let gate = Gate::new(desk, origin.clone())?.handshaken_only(format!("{origin}/handshake"));
    let rooms = guard(Router::new().route("/{*path}", post(book)), gate, |message| {
        // Which request is which action is the service's to say.
        let (resource, facts) = split_query(message.target_uri)?;
        let action = if resource.ends_with("/rooms") { "a2a:skill:book" } else { "a2a:skill:other" };
        Request::new(action, resource, facts)
    });
    let router = rooms.merge(handshake_router(responder, "/handshake")).merge(host::router(folder));
    println!("{domain} is {}", me.did());
    println!("agents of {root} meet it at {origin}/handshake, and book at {origin}/rooms");
    Ok(host::serve(listener, router, None, std::future::pending()).await?)
}

/// The most that the root may confer here.
fn ceiling(origin: &str) -> Result<Authority, Box<dyn Error>> {
    let grants = json!([{"actions": ["a2a:skill:*"], "resources": [format!("{origin}/*")]}]);
    Ok(Authority::parse(&json!({ "grants": grants }).to_string())?)
}

/// Writes the DID document and the signed card, and gives the card as others will verify it.
fn publish(me: &Identity, origin: &str, folder: &Path) -> Result<VerifiedCard, Box<dyn Error>> {
    let mut card = json!({
        "name": "Rooms", "description": "Books rooms.", "version": "1.0.0",
        "supportedInterfaces": [{"url": origin, "protocolBinding": "HTTP+JSON", "protocolVersion": "1.0"}],
        "capabilities": {}, "skills": [],
        "defaultInputModes": ["application/json"], "defaultOutputModes": ["application/json"],
    });
    extension::declare_identity(&mut card, me.did())?;
    extension::declare_delegation(&mut card, true, Some(&format!("{origin}/handshake")))?;
    let card = sign(&UnverifiedCard::parse(card.to_string().as_bytes())?, me.key_id(), me.signer())?;
    let document = web::document(me.did(), &[me.signer().public_key().clone()]);

    let well_known = folder.join(".well-known");
    fs::create_dir_all(&well_known)?;
    fs::write(well_known.join("did.json"), document.to_json().to_string())?;
    fs::write(well_known.join("agent-card.json"), &card)?;

    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?.as_secs().try_into()?;
    let received = UnverifiedCard::parse(card.as_bytes())?;
    Ok(verify(&received, Keys::Document { document: &document, now }, &[Form::Spec])?)
}

/// A request that was admitted. Whoever sent it gets the receipt; the service keeps it, too.
async fn book(Extension(admitted): Extension<Admitted>) -> Json<Value> {
    println!("permit {} for {}", admitted.agent, admitted.principal);
    Json(json!({"booked": true, "receipt": admitted.receipt}))
}
