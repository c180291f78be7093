//! One defect per line, beside the neighbour that passes, and the code that names it.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod world;

use legation_http_signature::AgentDelegation;
use legation_verifier::{Code, Denial};
use world::{Request, signed};

/// What happens to a signed request, and what `read` says then.
type Defect = (&'static str, fn(&mut Request), Result<(), &'static str>);

/// What the request says of its signature, and an alteration of it.
fn input(request: &mut Request, from: &str, to: &str) {
    request.replace("signature-input", from, to);
}

fn components(count: usize) -> String {
    (0..count).map(|number| format!("\"x{number}\"")).collect::<Vec<_>>().join(" ")
}

fn parameters(count: usize) -> String {
    (0..count).map(|number| format!(";a{number}")).collect()
}

const UNBOUND: Result<(), &str> = Err("request_binding_mismatch");
const MALFORMED: Result<(), &str> = Err("malformed");
const STALE: Result<(), &str> = Err("presentation_stale");
const TOO_LARGE: Result<(), &str> = Err("input_too_large");
const ALGORITHM: Result<(), &str> = Err("algorithm_not_allowed");
/// Nothing is wrong with the form; the signature does not fit.
const UNSIGNED: Result<(), &str> = Err("signature_invalid");

const REQUEST: &[Defect] = &[
    ("as it was signed", |_| {}, Ok(())),
    ("another body", |r| r.body = br#"{"beds":9}"#.to_vec(), UNBOUND),
    ("no body", |r| r.body.clear(), UNBOUND),
    ("another method", |r| r.method = "PUT".into(), UNSIGNED),
    ("the method in lower case", |r| r.method = "post".into(), UNSIGNED),
    ("no method", |r| r.method.clear(), MALFORMED),
    ("a method of 64 characters", |r| r.method = "A".repeat(64), UNSIGNED),
    ("a method of 65 characters", |r| r.method = "A".repeat(65), MALFORMED),
    ("a method with a line break", |r| r.method = "POST\n\"@authority\": x".into(), MALFORMED),
    ("another query", |r| r.target("https://shop.example/rooms?night=3"), UNSIGNED),
    ("no query", |r| r.target("https://shop.example/rooms"), UNSIGNED),
    ("an empty query more", |r| r.target("https://shop.example/rooms?night=2&"), UNSIGNED),
    ("a trailing slash", |r| r.target("https://shop.example/rooms/?night=2"), UNSIGNED),
    ("the host in upper case", |r| r.target("https://SHOP.example/rooms?night=2"), UNSIGNED),
    ("the default port", |r| r.target("https://shop.example:443/rooms?night=2"), UNSIGNED),
    ("another scheme", |r| r.target("http://shop.example/rooms?night=2"), UNSIGNED),
    ("a scheme that is not HTTP", |r| r.target("ftp://shop.example/rooms"), MALFORMED),
    ("no host", |r| r.target("https:///rooms"), MALFORMED),
    ("a port without a host", |r| r.target("https://:443/rooms"), MALFORMED),
    ("a user", |r| r.target("https://me@shop.example/rooms?night=2"), MALFORMED),
    ("a fragment", |r| r.target("https://shop.example/rooms?night=2#a"), MALFORMED),
    ("a path only", |r| r.target("/rooms?night=2"), MALFORMED),
    ("a target with a line break", |r| r.target("https://shop.example/\n?night=2"), MALFORMED),
    ("a target outside ASCII", |r| r.target("https://shop.example/zimmer/schön"), MALFORMED),
    ("a target of 1 MB", |r| r.target(&format!("https://shop.example/{}", "a".repeat(1 << 20))), TOO_LARGE),
    ("another chain", |r| r.set("agent-delegation", "eyJh.eyJp.c2lo"), UNSIGNED),
    ("a header that nobody covers", |r| r.set("accept", "x"), Ok(())),
    ("white space around a value", |r| r.set("agent-delegation", " eyJh.eyJp.c2ln\t"), Ok(())),
];

const HEADERS: &[Defect] = &[
    ("no Agent-Delegation", |r| r.drop("agent-delegation"), UNBOUND),
    ("Agent-Delegation twice", |r| r.add("agent-delegation", "eyJh.eyJp.c2ln"), MALFORMED),
    (
        "Agent-Delegation of 1 MB",
        |r| r.set("agent-delegation", &format!("eyJh.eyJp.{}", "a".repeat(1 << 20))),
        TOO_LARGE,
    ),
    ("Agent-Delegation outside ASCII", |r| r.set_bytes("agent-delegation", b"eyJh.eyJp.\xc3\xa9"), MALFORMED),
    ("no Signature-Input", |r| r.drop("signature-input"), UNBOUND),
    ("Signature-Input of 1 MB", |r| r.set("signature-input", &"a".repeat(1 << 20)), TOO_LARGE),
    ("Signature-Input that is no dictionary", |r| r.set("signature-input", "(\"@method\""), MALFORMED),
    ("Signature-Input outside ASCII", |r| r.set_bytes("signature-input", b"a=(\"\xff\")"), MALFORMED),
    ("no list of components", |r| r.add("signature-input", "other=1"), MALFORMED),
    ("one label twice", |r| r.add("signature-input", "legation=()"), MALFORMED),
    (
        "two signatures over agent-delegation",
        |r| r.add("signature-input", "b=(\"agent-delegation\")"),
        MALFORMED,
    ),
    (
        "somebody else's signature",
        |r| {
            r.add("signature-input", "proxy=(\"@authority\" \"x\";bs);alg=\"hmac-sha256\";own");
            r.add("signature", "proxy=:AAAA:");
        },
        Ok(()),
    ),
    ("nine signatures", |r| (0..8).for_each(|n| r.add("signature-input", &format!("p{n}=()"))), MALFORMED),
    ("eight signatures", |r| (0..7).for_each(|n| r.add("signature-input", &format!("p{n}=()"))), Ok(())),
    ("16 parameters", |r| r.add("signature-input", &format!("p=(){}", parameters(16))), Ok(())),
    ("17 parameters", |r| r.add("signature-input", &format!("p=(){}", parameters(17))), MALFORMED),
    ("another label", |r| r.both("legation=", "sig1="), Ok(())),
    ("no Signature", |r| r.drop("signature"), UNBOUND),
    ("another label in Signature", |r| r.replace("signature", "legation=", "sig1="), MALFORMED),
    ("a signature twice", |r| r.add("signature", "legation=:AAAA:"), MALFORMED),
    ("a signature of 3 bytes", |r| r.set("signature", "legation=:AAAA:"), MALFORMED),
    ("a signature that is text", |r| r.set("signature", "legation=\"AAAA\""), MALFORMED),
    ("a signature that is a list", |r| r.set("signature", "legation=(:AAAA:)"), MALFORMED),
    ("a signature with parameters", |r| r.append_text("signature", ";a"), MALFORMED),
    ("a Signature of 17 KB", |r| r.add("signature", &format!("b=\"{}\"", "a".repeat(17 << 10))), TOO_LARGE),
];

const COMPONENTS: &[Defect] = &[
    ("agent-delegation uncovered", |r| input(r, " \"agent-delegation\"", ""), UNBOUND),
    ("a member of agent-delegation only", |r| input(r, "delegation\"", "delegation\";key=\"a\""), UNBOUND),
    ("@method uncovered", |r| input(r, "\"@method\" ", ""), UNBOUND),
    ("@target-uri uncovered", |r| input(r, "\"@target-uri\" ", ""), UNBOUND),
    ("the body uncovered", |r| input(r, "\"content-digest\" ", ""), UNBOUND),
    ("a digest covered only", |r| input(r, "digest\"", "digest\";key=\"sha-256\""), UNBOUND),
    ("a component twice", |r| input(r, "(", "(\"@method\" "), MALFORMED),
    ("a covered header that is not there", |r| input(r, "(", "(\"x-tenant\" "), UNBOUND),
    ("a member that is not there", |r| input(r, "(", "(\"content-digest\";key=\"md5\" "), UNBOUND),
    ("a member of no dictionary", |r| input(r, "(", "(\"content-type\";key=\"a\" "), MALFORMED),
    ("a derived component nobody knows", |r| input(r, "(", "(\"@mood\" "), MALFORMED),
    ("the status of a request", |r| input(r, "(", "(\"@status\" "), MALFORMED),
    ("the parameters as a component", |r| input(r, "(", "(\"@signature-params\" "), MALFORMED),
    ("one query parameter", |r| input(r, "(", "(\"@query-param\";name=\"night\" "), MALFORMED),
    ("the method of the request's request", |r| input(r, "(", "(\"@method\";req "), MALFORMED),
    ("a trailer", |r| input(r, "(", "(\"content-type\";tr "), MALFORMED),
    ("a header as bytes", |r| input(r, "(", "(\"content-type\";bs "), MALFORMED),
    ("a header as structured field", |r| input(r, "(", "(\"content-digest\";sf "), MALFORMED),
    ("a member by another name", |r| input(r, "(", "(\"content-digest\";name=\"sha-256\" "), MALFORMED),
    (
        "a member and another parameter",
        |r| input(r, "(", "(\"content-digest\";key=\"sha-256\";sf "),
        MALFORMED,
    ),
    ("a header in upper case", |r| input(r, "(", "(\"Content-Type\" "), MALFORMED),
    ("a header without a name", |r| input(r, "(", "(\"\" "), MALFORMED),
    ("a header with a quote in its name", |r| input(r, "(", "(\"a\\\"b\" "), MALFORMED),
    ("a component that is a token", |r| input(r, "(", "(content-type "), MALFORMED),
    (
        "a component with a parameter twice",
        |r| input(r, "(", "(\"content-digest\";key=\"a\";key=\"a\" "),
        MALFORMED,
    ),
    // It comes to looking for the headers.
    ("32 components", |r| input(r, "(", &format!("({} ", components(28))), UNBOUND),
    ("33 components", |r| input(r, "(", &format!("({} ", components(29))), MALFORMED),
    (
        "a covered header outside ASCII",
        |r| {
            r.set_bytes("x-name", b"\xc3\xa9");
            input(r, "(", "(\"x-name\" ");
        },
        MALFORMED,
    ),
    (
        "a covered header of 17 KB",
        |r| {
            r.set("x-name", &"a".repeat(17 << 10));
            input(r, "(", "(\"x-name\" ");
        },
        TOO_LARGE,
    ),
    (
        "the components in another order",
        |r| input(r, "\"@method\" \"@target-uri\"", "\"@target-uri\" \"@method\""),
        UNSIGNED,
    ),
];

const PARAMETERS: &[Defect] = &[
    ("created twice", |r| input(r, ";created=", ";created=1;created="), MALFORMED),
    ("created as text", |r| input(r, "created=1795255200", "created=\"1795255200\""), MALFORMED),
    ("created as decimal", |r| input(r, "created=1795255200", "created=1795255200.0"), MALFORMED),
    ("created as date", |r| input(r, "created=1795255200", "created=@1795255200"), MALFORMED),
    ("created later", |r| input(r, "created=1795255200", "created=1795255201"), UNSIGNED),
    ("no created", |r| input(r, ";created=1795255200", ""), STALE),
    ("no expires", |r| input(r, ";expires=1795255260", ""), STALE),
    ("expires as it is created", |r| input(r, "expires=1795255260", "expires=1795255200"), STALE),
    ("expires before it is created", |r| input(r, "expires=1795255260", "expires=1795255199"), STALE),
    ("expires 300 s later", |r| input(r, "expires=1795255260", "expires=1795255500"), UNSIGNED),
    ("expires 301 s later", |r| input(r, "expires=1795255260", "expires=1795255501"), STALE),
    (
        "times at the ends of the range",
        |r| {
            input(
                r,
                "created=1795255200;expires=1795255260",
                "created=-999999999999999;expires=999999999999999",
            );
        },
        STALE,
    ),
    ("no nonce", |r| input(r, ";nonce=\"n-1\"", ""), MALFORMED),
    ("an empty nonce", |r| input(r, "\"n-1\"", "\"\""), MALFORMED),
    ("a nonce of 128 characters", |r| input(r, "n-1", &"n".repeat(128)), UNSIGNED),
    ("a nonce of 129 characters", |r| input(r, "n-1", &"n".repeat(129)), MALFORMED),
    ("a nonce that is a number", |r| input(r, "\"n-1\"", "1"), MALFORMED),
    (
        "a nonce that closes its quotes",
        |r| input(r, "\"n-1\";keyid=", "\"n-1\\\";keyid=\\\"\";keyid="),
        UNSIGNED,
    ),
    ("no keyid", |r| input(r, ";keyid=\"", ";tag=\""), MALFORMED),
    ("a short keyid", |r| input(r, "keyid=\"", "keyid=\"a\";tag=\""), MALFORMED),
    ("a keyid one longer", |r| input(r, "keyid=\"", "keyid=\"A"), MALFORMED),
    (
        "a keyid that is no base64url",
        |r| {
            input(r, "keyid=\"", "keyid=\"kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4=\";tag=\"");
        },
        MALFORMED,
    ),
    (
        "another key's thumbprint",
        |r| {
            input(r, "keyid=\"", "keyid=\"kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k\";tag=\"");
        },
        UNSIGNED,
    ),
    ("no alg", |r| input(r, ";alg=\"ed25519\"", ""), UNSIGNED),
    ("a shared secret", |r| input(r, "ed25519", "hmac-sha256"), ALGORITHM),
    ("RSA", |r| input(r, "ed25519", "rsa-pss-sha512"), ALGORITHM),
    ("the name of JOSE", |r| input(r, "ed25519", "EdDSA"), ALGORITHM),
    ("P-384", |r| input(r, "ed25519", "ecdsa-p384-sha384"), ALGORITHM),
    // The verifier holds it against the key.
    ("another key's algorithm", |r| input(r, "ed25519", "ecdsa-p256-sha256"), UNSIGNED),
    ("alg as token", |r| input(r, "\"ed25519\"", "ed25519"), MALFORMED),
    ("alg twice", |r| input(r, ";alg=", ";alg=\"ecdsa-p256-sha256\";alg="), MALFORMED),
    ("a tag that was not signed", |r| r.append_text("signature-input", ";tag=\"web-bot-auth\""), UNSIGNED),
    ("a tag as token", |r| r.append_text("signature-input", ";tag=web-bot-auth"), MALFORMED),
    ("a parameter nobody knows", |r| r.append_text("signature-input", ";audience=\"x\""), MALFORMED),
];

#[test]
fn each_defect_has_its_code() {
    let tables = [REQUEST, HEADERS, COMPONENTS, PARAMETERS];
    for (defect, apply, expected) in tables.into_iter().flatten() {
        let mut request = signed();
        apply(&mut request);
        let found = request.judged().map(drop).map_err(|denial| denial.code.as_str());
        assert_eq!(found, *expected, "{defect}");
    }
}

#[test]
fn a_content_digest_is_that_of_the_body_under_every_known_algorithm() {
    let sha256 = world::digest_of("sha-256", world::BODY);
    let sha512 = world::digest_of("sha-512", world::BODY);
    let cases = [
        ("as signed", sha256.clone(), Ok(())),
        ("SHA-512", sha512.clone(), Ok(())),
        ("both", format!("{sha512}, {sha256}"), Ok(())),
        ("one that is not known beside it", format!("md5=:AAAA:, {sha256}"), Ok(())),
        ("only one that is not known", "md5=:AAAA:".to_owned(), Err("request_binding_mismatch")),
        ("none", String::new(), Err("request_binding_mismatch")),
        (
            "the first right, the second wrong",
            format!("{sha256}, {}", world::digest_of("sha-512", b"x")),
            Err("request_binding_mismatch"),
        ),
        (
            "the first wrong, the second right",
            format!("{}, {sha512}", world::digest_of("sha-256", b"x")),
            Err("request_binding_mismatch"),
        ),
        ("cut short", "sha-256=:AAAA:".to_owned(), Err("request_binding_mismatch")),
        ("as text", "sha-256=\"AAAA\"".to_owned(), Err("malformed")),
        ("twice", format!("{}, {sha256}", world::digest_of("sha-256", b"x")), Err("malformed")),
        ("no dictionary", "=".to_owned(), Err("malformed")),
    ];
    for (name, digest, expected) in cases {
        let mut request = world::unsigned();
        request.set("content-digest", &digest);
        request.sign_as_it_is();
        assert_eq!(request.judged().map(drop).map_err(|denial| denial.code.as_str()), expected, "{name}");
    }
}

#[test]
fn a_signature_may_cover_more_and_carry_a_tag() {
    let mut request = world::unsigned();
    request.set("content-digest", &world::digest_of("sha-256", world::BODY));
    request.set("signature-agent", "sig1=\"https://agent.example\";type=x, other=(1 2);a");
    request.set("x-empty", "");
    request.set("x-many", "a");
    request.add("x-many", " b ");
    let more = [
        "\"@authority\"",
        "\"@scheme\"",
        "\"@path\"",
        "\"@query\"",
        "\"@request-target\"",
        "\"signature-agent\";key=\"sig1\"",
        "\"signature-agent\";key=\"other\"",
        "\"x-empty\"",
        "\"x-many\"",
    ];
    request.sign_over(&more.join(" "), ";tag=\"web-bot-auth\"");
    let base = request.judged().unwrap();
    let lines = "\"@authority\": shop.example\n\"@scheme\": https\n\"@path\": /rooms\n\"@query\": ?night=2\n\
        \"@request-target\": /rooms?night=2\n\"signature-agent\";key=\"sig1\": \"https://agent.example\";type=x\n\
        \"signature-agent\";key=\"other\": (1 2);a\n\"x-empty\": \n\"x-many\": a, b\n";
    assert!(base.contains(lines), "{base}");
    request.set("signature-agent", "sig1=\"https://other.example\";type=x, other=(1 2);a");
    assert_eq!(request.judged().unwrap_err().code.as_str(), "signature_invalid");
    request.set("signature-agent", "sig1=1, sig1=2");
    assert_eq!(request.judged().unwrap_err().code.as_str(), "malformed");
}

#[test]
fn the_parts_of_the_target_are_those_of_the_rfc() {
    for (target, uri, authority, path, query, request_target) in [
        ("https://Shop.Example:443", "https://Shop.Example:443/", "shop.example", "/", "?", "/"),
        ("http://shop.example:80/?", "http://shop.example:80/?", "shop.example", "/", "?", "/?"),
        (
            "http://a.example:443/a%2fb",
            "http://a.example:443/a%2fb",
            "a.example:443",
            "/a%2fb",
            "?",
            "/a%2fb",
        ),
        ("https://[::1]:8443?a?b=/c", "https://[::1]:8443/?a?b=/c", "[::1]:8443", "/", "?a?b=/c", "/?a?b=/c"),
    ] {
        let mut request = world::unsigned();
        request.target(target);
        let list = "(\"@target-uri\" \"@authority\" \"@path\" \"@query\" \"@request-target\")";
        request.set("signature-input", &format!("a={list}"));
        let base = legation_http_signature::signature_base(&request.message(), "a").unwrap();
        let expected = format!(
            "\"@target-uri\": {uri}\n\"@authority\": {authority}\n\"@path\": {path}\n\"@query\": {query}\n\
            \"@request-target\": {request_target}\n\"@signature-params\": {list}"
        );
        assert_eq!(base, expected, "{target}");
    }
}

#[test]
fn a_refusal_becomes_a_denial_that_says_what_is_wrong() {
    let mut request = signed();
    request.drop("signature-input");
    let denial = request.judged().unwrap_err();
    assert_eq!(denial.code, Code::RequestBindingMismatch);
    assert_eq!(denial.found, "the request has no header `signature-input`");
    let denial = Denial::from(AgentDelegation::parse(&http::HeaderMap::new()).unwrap_err());
    assert_eq!((denial.code, denial.link), (Code::ChainEmpty, None));
}
