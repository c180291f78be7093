//! What somebody whom nobody trusts can make a verifier do: presentations of an accepted size whose signatures
//! are worthless, each made to cost as much as can be in one way, beside an ordinary one that verifies.
//!
//! `cargo run --release -p legation-bench --example worst` prints them, the worst first. With the name of one and
//! a number it repeats that one, for a profiler.
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::indexing_slicing)]

use legation_bench::{AUDIENCE, Chain, NOW};
use legation_credential::{
    Authority,
    delegation::{CONTEXT_CREDENTIALS, CONTEXT_LEGATION},
};
use legation_did::{Document, key};
use legation_keys::{SecretKey, Signer, base64url, time};
use legation_verifier::{Evidence, Trust, parse, verify};
use serde_json::{Value, json};
use std::{
    hint::black_box,
    time::{Duration, Instant},
};

/// Most links, and what their claims may take each: as base64url twice over, all together stay below 64 KiB.
const LINKS: usize = 2;
const CLAIMS: usize = 17_000;
/// Most bytes of a presentation's claims beside its links.
const ROOM: usize = 43_000;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let (only, times) = (arguments.next(), arguments.next().map_or(0, |times| times.parse().unwrap()));
    let chain = Chain::new(3).unwrap();
    let ordinary = chain.present("n-1").unwrap();
    let typical = cost(ordinary.as_bytes(), &chain.trust);
    let mut all: Vec<(String, Cost)> = Vec::new();
    for (name, presented) in cases() {
        let trust = trust();
        if only.as_ref().is_some_and(|only| *only != name) {
            continue;
        }
        let cost = cost(presented.as_bytes(), &trust);
        for _ in 0..times {
            black_box(judged(black_box(presented.as_bytes()), &trust));
        }
        all.push((name, cost));
    }
    all.sort_by_key(|(_, cost)| core::cmp::Reverse(cost.parse + cost.verify));
    println!("{:>44} {:>8} {:>9} {:>9} {:>7}  answer", "case", "bytes", "parse µs", "verify µs", "ratio");
    let row = |name: &str, cost: &Cost| {
        let (parse, verify) = (micros(cost.parse), micros(cost.verify));
        let ratio = (parse + verify) / (micros(typical.parse) + micros(typical.verify));
        println!("{name:>44} {:>8} {parse:>9.0} {verify:>9.0} {ratio:>7.1}  {}", cost.bytes, cost.answer);
    };
    row("ordinary, three links, valid", &typical);
    all.iter().for_each(|(name, cost)| row(name, cost));
    if only.is_none() {
        documents(&typical);
    }
}

struct Cost {
    bytes: usize,
    parse: Duration,
    verify: Duration,
    answer: String,
}

fn micros(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e6
}

/// The least of some runs: what others do on the machine only adds to it.
fn cost(presented: &[u8], trust: &Trust) -> Cost {
    let mut best = (Duration::MAX, Duration::MAX);
    let mut answer = String::new();
    for _ in 0..15 {
        let (parse, verify, said) = judged(presented, trust);
        best = (best.0.min(parse), best.1.min(verify));
        answer = said;
    }
    Cost { bytes: presented.len(), parse: best.0, verify: best.1, answer }
}

fn judged(presented: &[u8], trust: &Trust) -> (Duration, Duration, String) {
    let started = Instant::now();
    let presentation = parse(presented, trust);
    let parsed = started.elapsed();
    let started = Instant::now();
    let outcome = presentation.and_then(|one| verify(&one, trust, &Evidence::new(), "n-1", NOW).map(drop));
    let verified = started.elapsed();
    let answer = outcome.map_or_else(
        |denial| {
            format!("{}{}", denial.code, denial.link.map_or(String::new(), |link| format!(" at {link}")))
        },
        |()| "valid".to_owned(),
    );
    (parsed, verified, answer)
}

fn actor(index: usize) -> SecretKey {
    let mut seed = [0xab; 32];
    seed.first_chunk_mut::<8>().unwrap().copy_from_slice(&index.to_le_bytes());
    SecretKey::from_ed25519_seed(&seed).unwrap()
}

/// A root that everybody knows, trusted with everything below one host.
fn trust() -> Trust {
    let mut trust = Trust::new(AUDIENCE);
    trust.max_unrevocable = 86_400;
    let ceiling = r#"{"grants": [{"actions": ["a:*"], "resources": ["https://shop.example/*"]}]}"#;
    trust.roots.insert(key::did(actor(0).public_key()), Authority::parse(ceiling).unwrap());
    trust
}

/// A chain that says what `delegation` and `bend` make of it, and that nobody signed.
fn chain(
    links: usize,
    delegation: &dyn Fn(usize) -> Value,
    bend: &dyn Fn(usize, String) -> String,
) -> Vec<String> {
    let dids: Vec<String> =
        (0..=links).map(|index| key::did(actor(index).public_key()).to_string()).collect();
    let mut secured: Vec<String> = Vec::new();
    for index in 0..links {
        let mut own = delegation(index);
        own["principal"] = dids.first().unwrap().as_str().into();
        own["maxDepth"] = (links - index).into();
        if let Some(parent) = secured.last() {
            own["parent"] = base64url::encode(&legation_credential::delegation::link_digest(parent)).into();
        }
        let claims = json!({
            "@context": [CONTEXT_CREDENTIALS, CONTEXT_LEGATION],
            "type": ["VerifiableCredential", "DelegationCredential"],
            "issuer": dids.get(index),
            "validFrom": time::format(NOW - 3600), "validUntil": time::format(NOW + 3600),
            "credentialSubject": {"id": dids.get(index + 1), "delegation": own},
        });
        let kid = method(dids.get(index).unwrap());
        secured.push(sealed("vc+jwt", &kid, &bend(index, claims.to_string())));
    }
    secured
}

fn method(did: &str) -> String {
    format!("{did}#{}", did.strip_prefix("did:key:").unwrap())
}

fn sealed(typ: &str, kid: &str, claims: &str) -> String {
    let header = json!({"alg": "EdDSA", "kid": kid, "typ": typ}).to_string();
    // A canonical R and a small S: it is read, and is wrong.
    let mut signature = [0; 64];
    signature.first_chunk_mut::<32>().unwrap().copy_from_slice(&POINT);
    let parts = [header.as_bytes(), claims.as_bytes(), &signature];
    parts.map(base64url::encode).join(".")
}

/// The base point of Ed25519.
const POINT: [u8; 32] = {
    let mut bytes = [0x66; 32];
    bytes[0] = 0x58;
    bytes
};

/// The presentation of links by the last one's subject; `more` is put among its claims.
fn presented(links: &[String], more: &str) -> String {
    let holder = key::did(actor(links.len()).public_key()).to_string();
    let envelope = |link: &String| json!({"@context": [CONTEXT_CREDENTIALS], "type": "EnvelopedVerifiableCredential", "id": format!("data:application/vc+jwt,{link}")});
    let claims = json!({
        "@context": [CONTEXT_CREDENTIALS], "type": ["VerifiablePresentation"], "holder": holder, "aud": AUDIENCE,
        "nonce": "n-1", "iat": NOW, "exp": NOW + 60,
        "verifiableCredential": links.iter().map(envelope).collect::<Vec<_>>(),
    });
    let claims = format!("{{{more}{}", claims.to_string().strip_prefix('{').unwrap());
    sealed("vp+jwt", &method(&holder), &claims)
}

fn narrow() -> Value {
    json!({"grants": [{"actions": ["a:b"], "resources": ["https://shop.example/x"]}]})
}

/// As many pieces as fit, each made of its number.
fn filled(room: usize, piece: impl Fn(usize) -> String) -> String {
    let mut text = String::new();
    for index in 0.. {
        let next = piece(index);
        if text.len() + next.len() > room {
            break;
        }
        text.push_str(&next);
    }
    text
}

/// Sixteen links that each say this.
fn by_links(delegation: impl Fn(usize) -> Value) -> String {
    presented(&chain(LINKS, &delegation, &|_, claims| claims), "")
}

/// Sixteen links with this among their claims.
fn by_claims(piece: &dyn Fn(usize) -> String) -> String {
    let more = filled(CLAIMS - 900, piece);
    let bend = |_, claims: String| format!("{{{more}{}", claims.strip_prefix('{').unwrap());
    presented(&chain(LINKS, &|_| narrow(), &bend), "")
}

/// One link, and this among the claims of the presentation.
fn by_presentation(piece: &dyn Fn(usize) -> String) -> String {
    presented(&chain(1, &|_| narrow(), &|_, claims| claims), &filled(ROOM, piece))
}

/// Another name for each number, all of one length.
fn name(index: usize) -> String {
    let letter = |place: usize| {
        char::from(b'A' + u8::try_from(index / 26_usize.pow(u32::try_from(place).unwrap()) % 26).unwrap())
    };
    [letter(3), letter(2), letter(1), letter(0)].iter().collect()
}

fn cases() -> Vec<Case> {
    let mut all = of_grants();
    all.extend(of_constraints());
    all.extend(of_members());
    all.extend(of_values());
    all.extend(of_size());
    all
}

type Case = (String, String);

/// So many texts with one long beginning.
fn texts(start: &str, count: usize, length: usize) -> Vec<String> {
    let middle = "a".repeat(length.saturating_sub(start.len() + 3));
    (0..count).map(|index| format!("{start}{middle}{index:03}")).collect()
}

fn of_grants() -> Vec<Case> {
    let sizes = [(1, 5, 256, 60), (256, 60, 1, 24), (16, 500, 16, 500), (2, 80, 128, 120), (128, 120, 2, 80)];
    let case = |(actions, of_actions, resources, of_resources)| {
        let name = format!("grants: {actions} actions x {resources} resources");
        let grant = json!({
            "actions": texts("a:", actions, of_actions),
            "resources": texts("https://shop.example/", resources, of_resources),
        });
        (name, by_links(move |_| json!({"grants": [grant]})))
    };
    sizes.map(case).into()
}

fn of_constraints() -> Vec<Case> {
    let numbers = || (0..226).collect::<Vec<_>>();
    let case = |name: &str, count: usize, one: &dyn Fn(usize, usize) -> Value| {
        let presented = by_links(|link| {
            let mut own = narrow();
            own["constraints"] = (0..count).map(|index| one(link, index)).collect();
            own
        });
        (format!("constraints: {name}"), presented)
    };
    vec![
        case(
            "128 arguments, other names in each link",
            128,
            &|link, index| json!({"type": "argument", "name": format!("{link}-{index}"), "max": 1}),
        ),
        case(
            "128 arguments, the same in each link",
            128,
            &|_, index| json!({"type": "argument", "name": format!("{index}"), "max": 1}),
        ),
        case("128 spends, other actions in each link", 128, &|link, index| {
            let window = json!({"seconds": 60, "amount": 1});
            json!({"type": "spend", "currency": name(index), "perAction": 1, "window": window, "actions": [format!("a:{link}")]})
        }),
        case("128 spends, each of other actions", 128, &|link, index| {
            let window = json!({"seconds": 60, "amount": 1});
            json!({"type": "spend", "currency": "USD", "perAction": 1, "window": window, "actions": [format!("a:{link}.{index}")]})
        }),
        case(
            "128 approvals of other approvers",
            128,
            &|link, index| json!({"type": "approval", "currency": "USD", "above": 1, "approver": format!("did:x:{link}-{index}")}),
        ),
        case(
            "oneOf, the same in each link",
            17,
            &|_, index| json!({"type": "argument", "name": format!("{index}"), "oneOf": numbers()}),
        ),
        case(
            "oneOf, other names in each link",
            17,
            &|link, index| json!({"type": "argument", "name": format!("{link}-{index}"), "oneOf": numbers()}),
        ),
        case(
            "order of many values",
            17,
            &|link, index| json!({"type": "argument", "name": format!("{link}-{index}"), "rank": 0, "order": numbers()}),
        ),
        case("40 with 30 actions each", 40, &|link, index| {
            let actions: Vec<String> = (0..30).map(|one| format!("a:{link}.{one}")).collect();
            json!({"type": "rate", "seconds": index + 1, "max": 1, "actions": actions})
        }),
        case(
            "128 with one long action",
            128,
            &|_, index| json!({"type": "rate", "seconds": index + 1, "max": 1, "actions": [format!("a:{}", "b".repeat(60))]}),
        ),
    ]
}

/// The same among the claims of each link, and among those of the presentation.
fn both(name: &str, piece: impl Fn(usize) -> String) -> [Case; 2] {
    [
        (format!("links: {name}"), by_claims(&piece)),
        (format!("presentation: {name}"), by_presentation(&piece)),
    ]
}

fn of_members() -> Vec<Case> {
    let object = |count: usize| filled(9 * count, |index| format!("\"{}\":0,", name(index)));
    let of = |count: usize| {
        let members = object(count);
        move |index: usize| format!("\"{}\":{{{members}\"x\":0}},", name(index))
    };
    [
        both("short names", |index| format!("\"{}\":0,", name(index))),
        both("long names", |index| format!("\"{}{index:05}\":0,", "x".repeat(200))),
        both("escaped names", |index| format!("\"\\u0041{index:05}\":0,")),
        both("objects of 8 members", of(7)),
        both("objects of 9 members", of(8)),
        both("escaped texts", |index| format!("\"{}\":\"{}\",", name(index), "\\u0041".repeat(2000))),
    ]
    .concat()
}

fn of_values() -> Vec<Case> {
    let arrays =
        ["[]", "{}", "\"\"", "0", "1e-300", "123456789.123456789e-200", "[[[[[[[[]]]]]]]]", "\"\\n\""];
    let mut all = Vec::new();
    for element in arrays {
        let list = filled(12_000, |_| format!("{element},"));
        all.extend(both(&format!("arrays of {element}"), |index| format!("\"{}\":[{list}0],", name(index))));
    }
    let digits = "7".repeat(12_000);
    for number in ["0.#", "#e-9", "0.0000#e300"] {
        let value = number.replace('#', &digits);
        all.extend(both(&format!("numbers {number}"), |index| format!("\"{}\":{value},", name(index))));
    }
    let types = filled(CLAIMS - 1200, |_| "\"\",".to_owned());
    let many = |_: usize, claims: String| claims.replace("[\"Verif", &format!("[{types}\"Verif"));
    all.push(("links: types".to_owned(), presented(&chain(LINKS, &|_| narrow(), &many), "")));
    all
}

/// What bytes cost that say nothing.
fn of_size() -> Vec<Case> {
    let [links, presentation] =
        both("one plain text", |index| format!("\"{}\":\"{}\",", name(index), "x".repeat(12_000)));
    let small = ("sixteen small links".to_owned(), by_links(|_| narrow()));
    let dots = ("a text of dots".to_owned(), ".".repeat(64_000));
    vec![links, presentation, small, dots, ("a text of one letter".to_owned(), "A".repeat(64_000))]
}

/// Documents are read after somebody whom the verifier trusts has named them; they cost beside, and once.
fn documents(typical: &Cost) {
    let did = "did:web:a.example";
    let method = |index: usize| {
        let jwk = if index.is_multiple_of(2) {
            json!({"kty": "EC", "crv": "P-256", "x": "qOYF-EwxLo5QoyDlETySjOHZwzcVqSZXenjH3ufL8hQ", "y": "hqzcFhYg4as3THoIX15Akt9DJwt1vYl-5UY1mw9D6zc"})
        } else {
            actor(index).public_key().to_jwk()
        };
        json!({"id": format!("{did}#{index}"), "type": "JsonWebKey", "controller": did, "publicKeyJwk": jwk})
    };
    let ids: Vec<String> = (0..64).map(|index| format!("{did}#{index}")).collect();
    let document = json!({
        "id": did, "verificationMethod": (0..64).map(method).collect::<Vec<_>>(), "assertionMethod": ids, "authentication": ids,
    });
    let text = document.to_string();
    let started = Instant::now();
    for _ in 0..20 {
        assert!(black_box(Document::parse(black_box(text.as_bytes()))).is_ok());
    }
    let each = micros(started.elapsed()) / 20.0;
    let ratio = each / (micros(typical.parse) + micros(typical.verify));
    println!("{:>44} {:>8} {each:>9.0} {:>9} {ratio:>7.1}", "a document of 64 keys", text.len(), "");
}
