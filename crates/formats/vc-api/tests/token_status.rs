//! Credentials whose status stands in a Token Status List (IETF), over real HTTPS: what each list says of them, and
//! what is no list.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)] // a test's helpers may stop it

mod world;

use flate2::{Compression, write::ZlibEncoder};
use legation_did::key;
use legation_keys::{Algorithm, SecretKey, Signer, base64url};
use legation_resolver::Options;
use serde_json::{Value, json};
use std::{
    io::{Read as _, Write as _},
    net::TcpListener,
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use world::{
    World,
    site::{Answer, Site, credential, token},
};

const TYPE: &str = "application/statuslist+jwt";
const SECOND: Duration = Duration::from_secs(1);

fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs().try_into().unwrap()
}

/// Sixteen statuses of four bits: 0 to 15.
const STATUSES: [u8; 8] = [0x10, 0x32, 0x54, 0x76, 0x98, 0xba, 0xdc, 0xfe];

fn packed(bytes: &[u8]) -> String {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    base64url::encode(&encoder.finish().unwrap())
}

/// Somebody who issues, by a did:key.
struct Issuer {
    key: SecretKey,
    did: String,
    key_id: String,
}

impl Issuer {
    fn new(algorithm: Algorithm) -> Self {
        let key = SecretKey::generate(algorithm).unwrap();
        let did = key::did(key.public_key());
        Self { key_id: key::method_id(&did), did: did.to_string(), key }
    }

    fn credential(&self, index: &Value, uri: &str) -> Value {
        let status = json!({"status": {"status_list": {"idx": index, "uri": uri}}});
        credential(&self.did, &self.key_id, &self.key, &status)
    }
}

/// What is published, before it is signed.
struct Published<'a> {
    header: Value,
    claims: Value,
    by: &'a Issuer,
    other: &'a Issuer,
    answer: Answer,
}

fn published<'a>(by: &'a Issuer, other: &'a Issuer, uri: &str) -> Published<'a> {
    Published {
        header: json!({"alg": by.key.public_key().algorithm().jose(), "kid": by.key_id, "typ": "statuslist+jwt"}),
        claims: json!({
            "sub": uri, "iat": now() - 10, "exp": now() + 600, "ttl": 300,
            "status_list": {"bits": 4, "lst": packed(&STATUSES)},
        }),
        by,
        other,
        answer: Answer::new(TYPE, ""),
    }
}

impl Published<'_> {
    /// As it is answered; an answer that is made already stays.
    fn answer(self) -> Answer {
        let body = token(&self.header, &self.claims, &self.by.key).into_bytes();
        if self.answer.body.is_empty() { Answer { body, ..self.answer } } else { self.answer }
    }
}

/// What is changed of the list, the index, and the code; none where the credential is valid.
type Case = (&'static str, u32, &'static str, fn(&mut Published<'_>));

const CASES: &[Case] = &[
    ("valid", 0, "", |_| {}),
    ("revoked", 1, "link_revoked", |_| {}),
    ("suspended", 2, "link_suspended", |_| {}),
    ("specific to an application", 3, "status_invalid", |_| {}),
    ("not registered", 4, "status_invalid", |_| {}),
    ("specific to an application, the last", 15, "status_invalid", |_| {}),
    ("behind the end", 16, "status_invalid", |_| {}),
    ("far behind the end", u32::MAX, "status_invalid", |_| {}),
    ("without `exp` and `ttl`", 0, "", |list| {
        for name in ["exp", "ttl"] {
            list.claims.as_object_mut().unwrap().remove(name);
        }
    }),
    // `ttl` bounds how long a copy is kept; this one was fetched now.
    ("made longer ago than `ttl`", 0, "", |list| {
        list.claims["iat"] = json!(now() - 1000);
        list.claims["ttl"] = json!(1);
    }),
    ("claims that are not known", 0, "", |list| list.claims["aggregation"] = json!({"a": [1]})),
    ("the long form of the type", 0, "", |list| list.header["typ"] = json!(TYPE)),
    ("a content type with a parameter", 0, "", |list| {
        list.answer.content_type = "Application/StatusList+JWT; charset=utf-8";
    }),
    ("expired", 0, "status_invalid", |list| list.claims["exp"] = json!(now() - 61)),
    ("expired within the difference of clocks", 0, "", |list| list.claims["exp"] = json!(now() - 5)),
    ("of a time to come", 0, "status_invalid", |list| list.claims["iat"] = json!(now() + 120)),
    ("not before a time to come", 0, "status_invalid", |list| list.claims["nbf"] = json!(now() + 120)),
    ("`ttl` zero", 0, "status_invalid", |list| list.claims["ttl"] = json!(0)),
    ("`ttl` below zero", 0, "status_invalid", |list| list.claims["ttl"] = json!(-1)),
    ("`ttl` a text", 0, "status_invalid", |list| list.claims["ttl"] = json!("300")),
    ("times with fractions", 0, "", |list| {
        list.claims["iat"] = json!(now() as f64 - 10.25);
        list.claims["exp"] = json!(now() as f64 + 600.5);
        list.claims["ttl"] = json!(300.5);
    }),
    ("`exp` a text", 0, "status_invalid", |list| list.claims["exp"] = json!("tomorrow")),
    ("no `iat`", 0, "status_invalid", |list| _ = list.claims.as_object_mut().unwrap().remove("iat")),
    ("no `sub`", 0, "status_invalid", |list| _ = list.claims.as_object_mut().unwrap().remove("sub")),
    ("`sub` is another list", 0, "status_invalid", |list| {
        list.claims["sub"] = json!(format!("{}2", list.claims["sub"].as_str().unwrap()));
    }),
    ("another issuer's, by that issuer", 0, "status_invalid", |list| {
        list.header["kid"] = json!(list.other.key_id);
        list.header["alg"] = json!(list.other.key.public_key().algorithm().jose());
        list.by = list.other;
    }),
    ("the issuer's by name, signed by another", 0, "status_invalid", |list| list.by = list.other),
    ("by a key that the issuer does not have", 0, "key_not_found", |list| {
        let did = list.by.did.clone();
        list.header["kid"] = json!(format!("{did}#another"));
    }),
    // Nobody's document is fetched for a list that is not the issuer's.
    ("a site's that would be asked for its document", 0, "status_invalid", |list| {
        list.header["kid"] = json!("did:web:localhost%3A1#k");
    }),
    ("no DID's key", 0, "malformed", |list| list.header["kid"] = json!("https://a.example/key")),
    ("no `kid`", 0, "status_invalid", |list| _ = list.header.as_object_mut().unwrap().remove("kid")),
    ("a `jwk` of its own", 0, "status_invalid", |list| {
        list.header["jwk"] = list.other.key.public_key().to_jwk();
    }),
    ("a critical header", 0, "status_invalid", |list| list.header["crit"] = json!(["exp"])),
    ("the algorithm `none`", 0, "status_invalid", |list| list.header["alg"] = json!("none")),
    ("a shared secret", 0, "status_invalid", |list| list.header["alg"] = json!("HS256")),
    ("the type of a credential", 0, "status_invalid", |list| list.header["typ"] = json!("vc+jwt")),
    ("no type", 0, "status_invalid", |list| _ = list.header.as_object_mut().unwrap().remove("typ")),
    ("bits that no byte holds", 0, "status_invalid", |list| list.claims["status_list"]["bits"] = json!(3)),
    ("no list", 0, "status_invalid", |list| list.claims["status_list"] = json!([])),
    ("a list that is not packed", 0, "status_invalid", |list| {
        list.claims["status_list"]["lst"] = json!(base64url::encode(&STATUSES));
    }),
    ("a list that is cut off", 0, "status_invalid", |list| {
        let whole = base64url::decode(&packed(&STATUSES)).unwrap();
        list.claims["status_list"]["lst"] = json!(base64url::encode(&whole[..whole.len() - 3]));
    }),
    ("an empty list", 0, "status_invalid", |list| list.claims["status_list"]["lst"] = json!(packed(&[]))),
    ("two megabytes", 0, "", |list| {
        list.claims["status_list"]["lst"] = json!(packed(&vec![0; 2 << 20]));
    }),
    ("a byte more than two megabytes", 0, "status_invalid", |list| {
        list.claims["status_list"]["lst"] = json!(packed(&vec![0; (2 << 20) + 1]));
    }),
    // Some 250 KB that inflate a thousandfold.
    ("a quarter of a gigabyte", 0, "status_invalid", |list| {
        list.claims["status_list"]["lst"] = json!(packed(&vec![0; 256 << 20]));
    }),
    ("not found", 0, "status_unavailable", |list| list.answer.status = 404),
    ("broken", 0, "status_unavailable", |list| list.answer.status = 500),
    ("no content", 0, "status_unavailable", |list| list.answer.status = 204),
    ("elsewhere", 0, "status_unavailable", |list| {
        list.answer.status = 302;
        list.answer.location = Some("/lists/valid");
    }),
    ("as a page", 0, "status_unavailable", |list| list.answer.content_type = "text/html"),
    ("as a list in CBOR", 0, "status_unavailable", |list| {
        list.answer.content_type = "application/statuslist+cwt";
    }),
    ("as a credential", 0, "status_unavailable", |list| list.answer.content_type = "application/vc+jwt"),
    ("more than is read", 0, "status_unavailable", |list| list.answer.body = vec![b'a'; (4 << 20) + 1]),
    ("no token", 0, "status_invalid", |list| list.answer.body = b"{}".to_vec()),
    ("no text", 0, "status_invalid", |list| list.answer.body = vec![0xff, 0xfe]),
    ("a token and more", 0, "status_invalid", |list| list.answer.body = b"eyJh.eyJi.c2ln~".to_vec()),
];

#[tokio::test]
async fn each_list_gets_its_answer() {
    let site = Site::open().await;
    let world = site.world();
    for algorithm in Algorithm::ALL {
        let (issuer, other) = (Issuer::new(algorithm), Issuer::new(algorithm));
        for (name, index, code, change) in CASES {
            let path = format!("lists/{}", name.replace(' ', "-").replace(['`', ','], ""));
            let uri = format!("{}/{path}", site.origin);
            let mut list = published(&issuer, &other, &uri);
            change(&mut list);
            site.put(&path, list.answer());
            let told = world.verify(&issuer.credential(&json!(index), &uri)).await;
            let status = if code.is_empty() { 200 } else { 400 };
            assert_eq!(told, (status, (*code).to_owned()), "{name} {algorithm:?}");
            assert_eq!(site.asked(), [(path, TYPE.to_owned())], "{name}: one question, for a list");
        }
    }
}

/// What a credential may not refer to: nobody is asked.
#[tokio::test]
async fn a_reference_that_is_none_asks_nobody() {
    let site = Site::open().await;
    let (world, issuer) = (site.world(), Issuer::new(Algorithm::EdDsa));
    let uri = format!("{}/list", site.origin);
    for (index, uri, code) in [
        (json!(-1), uri.as_str(), "malformed"),
        (json!(1.5), &uri, "malformed"),
        (json!("1"), &uri, "malformed"),
        (json!(null), &uri, "malformed"),
        (json!(1u64 << 53), &uri, "malformed"),
        (json!(0), "", "status_unavailable"),
        (json!(0), "list", "status_unavailable"),
        (json!(0), "file:///etc/passwd", "status_unavailable"),
        (json!(0), "http://localhost:1/list", "status_unavailable"),
        (json!(0), "https://user@localhost:1/list", "status_unavailable"),
    ] {
        let told = world.verify(&issuer.credential(&index, uri)).await;
        assert_eq!(told, (400, code.to_owned()), "{index} {uri}");
    }
    // A credential that is no longer valid is refused as that, whatever its status.
    let status = json!({"exp": now() - 100, "status": {"status_list": {"idx": 0, "uri": uri}}});
    let ended = credential(&issuer.did, &issuer.key_id, &issuer.key, &status);
    assert_eq!(world.verify(&ended).await, (400, "expired".to_owned()));
    assert_eq!(site.asked(), []);
}

/// A server that has nothing, hangs up in the middle of its answer, or says nothing at all.
#[tokio::test]
async fn a_server_that_goes_away_leaves_no_status() {
    let issuer = Issuer::new(Algorithm::EdDsa);
    let world = World::with(Options { http_on_loopback: true, timeout: SECOND, ..Options::default() });
    let half = format!("HTTP/1.1 200 OK\r\nContent-Type: {TYPE}\r\nContent-Length: 9000\r\n\r\neyJh.eyJi");
    for (name, answer, waits) in
        [("hangs up at once", "", false), ("hangs up halfway", half.as_str(), false), ("hangs", "", true)]
    {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let uri = format!("https://localhost:{}/list", listener.local_addr().unwrap().port());
        let answer = answer.to_owned();
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = [0; 1024];
            let read = stream.read(&mut request).unwrap();
            stream.write_all(answer.as_bytes()).unwrap();
            if waits {
                std::thread::sleep(2 * SECOND);
            }
            read
        });
        let told = world.verify(&issuer.credential(&json!(0), &uri)).await;
        assert_eq!(told, (400, "status_unavailable".to_owned()), "{name}");
        assert!(server.join().unwrap() > 0, "{name}: it was asked");
        // And gone: nobody listens there any more.
        let told = world.verify(&issuer.credential(&json!(0), &uri)).await;
        assert_eq!(told, (400, "status_unavailable".to_owned()), "{name}, gone");
    }
}

/// A JWT's own times are numbers of seconds; what is none is no time that never passes.
#[tokio::test]
async fn a_time_that_is_no_number_of_seconds_is_refused() {
    let (world, issuer) = (World::new(), Issuer::new(Algorithm::EdDsa));
    for (name, value) in
        [("exp", json!("1")), ("exp", json!(1e300)), ("nbf", json!([])), ("exp", json!(null))]
    {
        let claims = json!({name: value});
        let secured = credential(&issuer.did, &issuer.key_id, &issuer.key, &claims);
        assert_eq!(world.verify(&secured).await, (400, "malformed".to_owned()), "{claims}");
    }
    // A fraction is one of a time (RFC 7519 §2), of the credential and of its list.
    let half = |seconds: i64| json!(now() as f64 + seconds as f64 + 0.5);
    for (claims, wanted) in [
        (json!({"nbf": half(-10), "exp": half(600)}), (200, "")),
        (json!({"exp": half(-100)}), (400, "expired")),
        (json!({"nbf": half(100)}), (400, "not_yet_valid")),
    ] {
        let secured = credential(&issuer.did, &issuer.key_id, &issuer.key, &claims);
        assert_eq!(world.verify(&secured).await, (wanted.0, wanted.1.to_owned()), "{claims}");
    }
}

/// Of whom a key is said to be that is no DID's, is told of the list, and not as if it were the credential's.
#[tokio::test]
async fn a_list_whose_key_is_no_did_s_is_named() {
    let site = Site::open().await;
    let (world, issuer) = (site.world(), Issuer::new(Algorithm::EdDsa));
    let uri = format!("{}/list", site.origin);
    let mut list = published(&issuer, &issuer, &uri);
    list.header["kid"] = json!("https://a.example/key");
    site.put("list", list.answer());
    let body = json!({"verifiableCredential": issuer.credential(&json!(0), &uri)});
    let (status, told) = world.post("/credentials/verify", &body).await;
    assert_eq!(status, 400);
    assert!(told["detail"].as_str().unwrap().contains(&uri), "{told}");
}
