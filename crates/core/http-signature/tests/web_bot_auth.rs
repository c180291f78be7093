//! Web Bot Auth: the draft's own examples, a request of ours as one, and what is none.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)] // a test's helpers may stop it

use http::{HeaderMap, HeaderValue};
use legation_http_signature::{
    AgentDelegation, Message, SignError, Signing, join, read, sign,
    web_bot_auth::{self, agents_of, directory, directory_url, read_directory, verify},
};
use legation_keys::{Algorithm, PublicKey, SecretKey, Signer, time::Clock};
use serde_json::Value;

const NOW: i64 = 1_795_255_200;
const TARGET: &str = "https://shop.example/rooms?night=2";
const AGENT: &str = "https://agent.example/.well-known/http-message-signatures-directory";

/// What is no https URL that has one spelling.
const NO_AGENTS: [&str; 16] = [
    "",
    "agent",
    "agent.example",
    "//agent.example",
    "http://agent.example",
    "HTTPS://agent.example",
    "https://",
    "https:///keys",
    "https://user@agent.example",
    "https://good.example\\.agent.example",
    "https://agent.example/keys#1",
    "https://agent.example/a b",
    "https://agent.example/a/../keys",
    "https://agent.example/%6beys",
    "https://agent.example:0/",
    "data:application/json,{}",
];

fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
    pairs.iter().map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_str(value).unwrap())).collect()
}

/// The examples: four signatures by Ed25519, which verify, and four by RSA, whose key is none here.
#[test]
fn the_examples_of_the_draft_are_answered() {
    let file: Value = serde_json::from_str(include_str!("web-bot-auth.json")).unwrap();
    let (mut verified, mut others) = (0, 0);
    for case in file["cases"].as_array().unwrap() {
        let text = |name: &str| case[name].as_str();
        let mut pairs = vec![
            ("signature", text("signature").unwrap()),
            ("signature-input", text("signatureInput").unwrap()),
        ];
        pairs.extend(text("signatureAgent").map(|agent| ("signature-agent", agent)));
        let keys = read_directory(format!("{{\"keys\": [{}]}}", case["key"]).as_bytes()).unwrap();
        let (created, expires) = (case["created"].as_i64().unwrap(), case["expires"].as_i64().unwrap());
        let judge = |pairs: &[(&'static str, &str)], target: &str, now: i64| {
            let headers = headers(pairs);
            let message = Message { method: "GET", target_uri: target, headers: &headers, body: b"" };
            let agents = agents_of(&message).map_err(|error| error.code())?;
            let agent = agents.first().map(String::as_str);
            verify(&message, agent, &keys, Clock { now, skew: 0 }, expires - created)
                .map_err(|error| error.code())
        };
        let target = text("targetUrl").unwrap();
        let told = judge(&pairs, target, created + 1);
        if keys.is_empty() {
            assert_eq!(told, Err("key_not_found"));
            others += 1;
            continue;
        }
        let bot = told.unwrap();
        let directory = format!("https://signature-agent.test{}", web_bot_auth::DIRECTORY_PATH);
        let agent = text("signatureAgent").map(|_| directory);
        assert_eq!((bot.agent, bot.expires), (agent, expires));
        verified += 1;
        assert_eq!(judge(&pairs, target, expires), Err("presentation_stale"));
        assert_eq!(judge(&pairs, target, created - 1), Err("presentation_stale"));
        assert_eq!(judge(&pairs, "https://other.example/", created + 1), Err("signature_invalid"));
        // A directory that is named and not signed would be anybody's.
        let mut named = pairs.clone();
        named.retain(|(name, _)| *name != "signature-agent");
        named.push(("signature-agent", "a=\"https://mallory.example\""));
        assert!(judge(&named, target, created + 1).is_err());
    }
    assert_eq!((verified, others), (4, 4));
}

/// A signed request, and the headers that it has.
fn signed(key: &SecretKey, agent: Option<&str>) -> HeaderMap {
    let chain = AgentDelegation::Chain(join(&["eyJh.eyJp.c2ln"]).unwrap());
    let mut headers = HeaderMap::new();
    headers.insert("agent-delegation", chain.to_header());
    let occasion = Signing { created: NOW, expires: NOW + 60, nonce: "n-1", agent };
    let message = Message { method: "POST", target_uri: TARGET, headers: &headers, body: b"{}" };
    sign(&message, occasion, key).unwrap().apply(&mut headers);
    headers
}

#[test]
fn a_request_of_ours_passes_as_one_of_web_bot_auth() {
    for algorithm in Algorithm::ALL {
        let key = SecretKey::generate(algorithm).unwrap();
        let keys = read_directory(directory(core::slice::from_ref(key.public_key())).as_bytes()).unwrap();
        assert_eq!(keys, [key.public_key().clone()]);
        let headers = signed(&key, Some(AGENT));
        let message = Message { method: "POST", target_uri: TARGET, headers: &headers, body: b"{}" };
        // The one signature answers for both: the delegation's proof and the bot.
        let proof = read(&message).unwrap();
        assert!(key.public_key().verify(proof.signing_input.as_bytes(), &proof.signature).is_ok());
        assert_eq!(agents_of(&message).unwrap(), [AGENT]);
        assert_eq!(directory_url(AGENT).as_deref(), Some(AGENT));
        let bot = verify(&message, Some(AGENT), &keys, Clock { now: NOW + 1, skew: 0 }, 60).unwrap();
        assert_eq!((bot.agent.as_deref(), bot.nonce.as_deref()), (Some(AGENT), Some("n-1")));
        assert_eq!(bot.key_thumbprint, key.public_key().thumbprint());
        let code = |message: &Message<'_>, keys: &[PublicKey], most| {
            verify(message, None, keys, Clock { now: NOW + 1, skew: 0 }, most).unwrap_err().code()
        };
        assert_eq!(code(&message, &[], 60), "key_not_found");
        assert_eq!(code(&message, &keys, 59), "presentation_stale");
        let elsewhere = Message { target_uri: "https://other.example/rooms?night=2", ..message };
        assert_eq!(code(&elsewhere, &keys, 60), "signature_invalid");
        let mut other = headers.clone();
        other.insert("signature-agent", HeaderValue::from_static("legation=\"https://mallory.example\""));
        assert_eq!(code(&Message { headers: &other, ..message }, &keys, 60), "signature_invalid");
    }
}

#[test]
fn a_request_without_an_agent_is_none_of_web_bot_auth() {
    let key = SecretKey::generate(Algorithm::EdDsa).unwrap();
    let headers = signed(&key, None);
    assert!(!headers.contains_key("signature-agent"));
    let message = Message { method: "POST", target_uri: TARGET, headers: &headers, body: b"{}" };
    assert_eq!(agents_of(&message).unwrap_err(), web_bot_auth::BotError::NoSignature);
}

/// What does not say where keys are is not sent.
#[test]
fn an_agent_that_is_no_https_url_is_not_signed() {
    let key = SecretKey::generate(Algorithm::EdDsa).unwrap();
    let mut headers = HeaderMap::new();
    headers.insert("agent-delegation", HeaderValue::from_static("eyJh.eyJp.c2ln"));
    let message = Message { method: "GET", target_uri: TARGET, headers: &headers, body: b"" };
    for agent in NO_AGENTS {
        let occasion = Signing { created: NOW, expires: NOW + 60, nonce: "n-1", agent: Some(agent) };
        let told = sign(&message, occasion, &key).unwrap_err();
        assert_eq!(told.code(), "malformed", "{agent}");
        assert!(matches!(told, SignError::Agent { .. }), "{agent}: {told}");
        assert_eq!(directory_url(agent), None, "{agent}");
    }
}

#[test]
fn a_directory_keeps_the_keys_that_are_known_and_no_others() {
    let key = SecretKey::generate(Algorithm::EdDsa).unwrap().public_key().clone();
    let known = directory(core::slice::from_ref(&key));
    let more = known.replacen(
        '[',
        r#"[{"kty":"RSA","n":"AQAB","e":"AQAB"},{"kty":"OKP","crv":"Ed25519","x":"AA"},7,"#,
        1,
    );
    assert_eq!(read_directory(more.as_bytes()).unwrap(), [key]);
    let many = format!(r#"{{"keys":[{}7]}}"#, "7,".repeat(64));
    for text in ["", "[]", "{}", r#"{"keys":{}}"#, r#"{"keys":[],"keys":[]}"#, &many] {
        assert!(read_directory(text.as_bytes()).is_err(), "{text}");
    }
}
