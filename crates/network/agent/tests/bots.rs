//! An agent as a bot of Web Bot Auth, over real HTTP: the one signature is the delegation's proof for who asks for one,
//! and says which bot came to who asks for that, by the keys that a host serves.

#![allow(clippy::unwrap_used, reason = "tests")]

mod world;

use axum::{Router, body::Bytes, extract::State, http::Uri, routing::any};
use http::{HeaderMap, Method};
use legation_agent::Agent;
use legation_http_signature::{
    Message,
    web_bot_auth::{
        DIRECTORY_PATH, DIRECTORY_TYPE, agents_of, directory, directory_url, read_directory, verify,
    },
};
use legation_keys::{Algorithm, PublicKey, Signer, time::Clock};
use legation_resolver::Call;
use std::path::Path;
use tempfile::TempDir;
use tokio::net::TcpListener;
use world::{Party, fetcher, grant, now, open};

async fn serve(router: impl FnOnce(&str) -> Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("localhost:{}", listener.local_addr().unwrap().port());
    let router = router(&origin);
    tokio::spawn(legation_host::serve(listener, router, None, core::future::pending()));
    origin
}

fn publish(folder: &Path, keys: &[&Party]) {
    let path = folder.join(DIRECTORY_PATH.trim_start_matches('/'));
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let keys: Vec<PublicKey> = keys.iter().map(|party| party.key.public_key().clone()).collect();
    std::fs::write(path, directory(&keys)).unwrap();
}

/// The site of whoever runs a bot.
async fn site() -> (String, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let origin = serve(|_| legation_host::router(folder.path().to_owned())).await;
    (origin, folder)
}

/// A service that lets bots in and nobody else: it answers with the bot's identifier, or the code.
async fn asks_for_a_bot(
    State(origin): State<String>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> String {
    let target = format!("http://{origin}{uri}");
    let message = Message { method: method.as_str(), target_uri: &target, headers: &headers, body: &body };
    let agents = match agents_of(&message) {
        Ok(agents) => agents,
        Err(error) => return error.code().to_owned(),
    };
    let Some(agent) = agents.first() else { return "nobody".to_owned() };
    let url = directory_url(agent).unwrap();
    let keys = match fetcher().file(&url, &[DIRECTORY_TYPE], 64 << 10).await {
        Ok(bytes) => read_directory(&bytes).unwrap(),
        Err(error) => return error.code().to_owned(),
    };
    match verify(&message, Some(agent), &keys, Clock { now: now(), skew: 0 }, 300) {
        Ok(bot) => bot.agent.unwrap_or_default(),
        Err(error) => error.code().to_owned(),
    }
}

async fn bots_only() -> String {
    serve(|origin| Router::new().fallback(any(asks_for_a_bot)).with_state(origin.to_owned())).await
}

async fn told(agent: &Agent, url: &str) -> String {
    let call = Call { method: Method::POST, url, headers: HeaderMap::new(), body: b"two beds".to_vec() };
    let reply = agent.call(call, now()).await.unwrap();
    assert_eq!(reply.status, 200);
    String::from_utf8(reply.body).unwrap()
}

#[tokio::test]
async fn one_signature_serves_who_asks_for_a_delegation_and_who_asks_for_a_bot() {
    let (bots, (site, folder)) = (bots_only().await, site().await);
    let url = format!("http://{bots}/rooms?night=2");
    for algorithm in Algorithm::ALL {
        let (acme, alice, next) = (Party::new(), Party::of(algorithm), Party::new());
        let shop = open(&acme.did, false).await;
        let link = grant(&acme, &alice.did, &shop.origin);
        assert_eq!(
            told(&alice.agent(&[&link]), &url).await,
            "signature_invalid",
            "no bot without a directory"
        );
        // By the URL of the directory, and as verifiers of earlier drafts want it: it is the same bot.
        let bot = format!("https://{site}{DIRECTORY_PATH}");
        for named in [bot.clone(), format!("{bot}?v=2"), format!("https://{site}")] {
            publish(folder.path(), &[&alice]);
            let agent = alice.agent(&[&link]).with_directory(&named).unwrap();
            assert_eq!(told(&agent, &url).await, bot, "{named}");
            let wanted = format!("{} for {}: two beds", alice.did, acme.did);
            assert_eq!(told(&agent, &shop.goods()).await, wanted, "the same agent, as who it is");
            publish(folder.path(), &[&next, &alice]);
            assert_eq!(told(&agent, &url).await, bot, "while keys are rotated");
            publish(folder.path(), &[&next]);
            assert_eq!(told(&agent, &url).await, "key_not_found", "the key is gone");
            std::fs::remove_file(folder.path().join(DIRECTORY_PATH.trim_start_matches('/'))).unwrap();
            assert_eq!(told(&agent, &url).await, "http_status");
        }
    }
}

/// Whoever names the directory of somebody else is told by its keys.
#[tokio::test]
async fn a_bot_does_not_pass_as_another() {
    let (bots, (site, folder)) = (bots_only().await, site().await);
    let (acme, alice, mallory) = (Party::new(), Party::new(), Party::new());
    publish(folder.path(), &[&alice]);
    let link = grant(&acme, &mallory.did, "https://shop.example");
    let agent = mallory.agent(&[&link]).with_directory(&format!("https://{site}{DIRECTORY_PATH}")).unwrap();
    assert_eq!(told(&agent, &format!("http://{bots}/rooms")).await, "key_not_found");
}

#[test]
fn a_directory_is_an_https_url() {
    let (acme, alice) = (Party::new(), Party::new());
    let link = grant(&acme, &alice.did, "https://shop.example");
    for url in [
        "",
        "agent.example",
        "http://agent.example/",
        "https://user@agent.example/",
        "https://a.example/a/../b",
    ] {
        assert_eq!(alice.agent(&[&link]).with_directory(url).unwrap_err().code(), "malformed", "{url}");
    }
}
