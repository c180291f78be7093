//! `Signature-Agent` in the requests of others: whose keys are asked for, and whom a signature speaks for.
#![allow(clippy::unwrap_used)] // a test's helpers may stop it

use http::{HeaderMap, HeaderName, HeaderValue};
use legation_http_signature::{
    Message, SignError, Signing, read, sign as sign_ours, signature_base,
    web_bot_auth::{Bot, agents_of, directory_url, identifier, verify},
};
use legation_keys::{Algorithm, PublicKey, SecretKey, Signer, time::Clock};

const NOW: i64 = 1_795_255_200;
const TARGET: &str = "https://shop.example/rooms?night=2";
const A: &str = "https://a.example/keys";

fn key() -> SecretKey {
    SecretKey::generate(Algorithm::EdDsa).unwrap()
}

fn message(headers: &HeaderMap) -> Message<'_> {
    Message { method: "GET", target_uri: TARGET, headers, body: b"" }
}

fn add(headers: &mut HeaderMap, name: &'static str, value: &str) {
    headers.append(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
}

/// Signs over what is listed, under a label, beside what others have signed.
fn sign(headers: &mut HeaderMap, label: &str, covered: &str, key: &SecretKey) {
    sign_with(headers, label, covered, key, "");
}

/// As `sign`, with more parameters.
fn sign_with(headers: &mut HeaderMap, label: &str, covered: &str, key: &SecretKey, more: &str) {
    let id = key.public_key().thumbprint();
    let params = format!(
        "created={NOW};expires={};keyid=\"{id}\";alg=\"ed25519\";tag=\"web-bot-auth\"{more}",
        NOW + 60
    );
    add(headers, "signature-input", &format!("{label}=({covered});{params}"));
    // A component that has no value gets a signature that fits nothing.
    let base = signature_base(&message(headers), label).unwrap_or_default();
    let signature = sfv::BareItem::ByteSequence(key.sign(base.as_bytes()).unwrap().to_vec());
    let text = sfv::ItemSerializer::new().bare_item(&signature).finish();
    add(headers, "signature", &format!("{label}={text}"));
}

fn judge(headers: &HeaderMap, agent: Option<&str>, keys: &[&SecretKey]) -> Result<Bot, &'static str> {
    let keys: Vec<PublicKey> = keys.iter().map(|key| key.public_key().clone()).collect();
    verify(&message(headers), agent, &keys, Clock { now: NOW + 1, skew: 0 }, 60).map_err(|error| error.code())
}

/// The header; what is covered of it under the label `sig`; whether the signature speaks for A; and else the code, or none
/// where it speaks for nobody but its key.
type Case = (&'static str, &'static str, Result<(), &'static str>);

const OWN: &str = "\"signature-agent\";key=\"sig\"";
const OTHER: &str = "\"signature-agent\";key=\"b\"";
const WHOLE: &str = "\"signature-agent\"";
const NOBODY: Result<(), &str> = Err("");
const MALFORMED: Result<(), &str> = Err("malformed");
const UNBOUND: Result<(), &str> = Err("request_binding_mismatch");

const CASES: &[Case] = &[
    ("sig=\"https://a.example/keys\"", OWN, Ok(())),
    // The key is the signer's to choose, and its own: the label may be changed on the way.
    ("b=\"https://a.example/keys\"", OTHER, Ok(())),
    ("sig=\"https://a.example/keys\", b=\"https://b.example/\"", OWN, Ok(())),
    ("sig=\"https://b.example/\", b=\"https://a.example/keys\"", OTHER, Ok(())),
    ("sig=\"https://a.example/keys\", b=?1;x=(", OWN, MALFORMED),
    ("sig=\"https://a.example/keys\", b=(1 2), c, d=\"no URL\";type=x", OWN, Ok(())),
    // One spelling.
    ("sig=\"https://A.example:443/keys\"", OWN, Ok(())),
    ("sig=\"https://a.example/keys?version=2\"", OWN, Ok(())),
    ("sig=\"https://a.example/keys/\"", OWN, Err("key_not_found")),
    ("sig=\"https://a.example:444/keys\"", OWN, Err("key_not_found")),
    // Another's member beside the own, whichever is covered first.
    (
        "b=\"https://b.example/\", sig=\"https://a.example/keys\"",
        "\"signature-agent\";key=\"b\" \"signature-agent\";key=\"sig\"",
        Ok(()),
    ),
    (
        "b=\"https://b.example/\", sig=\"https://a.example/keys\"",
        "\"signature-agent\";key=\"sig\" \"signature-agent\";key=\"b\"",
        Ok(()),
    ),
    (
        "b=\"https://a.example/keys\", c=\"https://a.example/keys\"",
        "\"signature-agent\";key=\"b\" \"signature-agent\";key=\"c\"",
        MALFORMED,
    ),
    // Parameters: the member is passed over, whatever they mean.
    ("sig=\"https://a.example/keys\";type=jwks_uri", OWN, NOBODY),
    ("sig=\"https://a.example/keys\";type=directory", OWN, NOBODY),
    ("sig=\"https://a.example/keys\";unknown", OWN, NOBODY),
    ("sig=no-url;unknown", OWN, NOBODY),
    // The form of the first drafts.
    ("\"https://a.example/keys\"", WHOLE, Ok(())),
    ("\"https://a.example/keys\";type=cimd", WHOLE, NOBODY),
    ("\"https://a.example/keys\"", OWN, MALFORMED),
    ("\"https://a.example/keys\", \"https://b.example/\"", WHOLE, MALFORMED),
    ("sig=\"https://a.example/keys\"", WHOLE, MALFORMED),
    // What is not covered, or not there.
    ("sig=\"https://a.example/keys\"", "\"@method\"", UNBOUND),
    ("\"https://a.example/keys\"", "\"@method\"", UNBOUND),
    ("sig=\"https://a.example/keys\"", OTHER, UNBOUND),
    ("sig=\"https://a.example/keys\"", "\"signature-agent\";sf", MALFORMED),
    ("sig=\"https://a.example/keys\"", "\"signature-agent\";key=\"sig\";req", MALFORMED),
    ("sig=\"https://a.example/keys\"", "\"signature-agent\";name=\"sig\"", MALFORMED),
    ("sig=\"https://a.example/keys\"", "\"signature-agent\";key=sig", MALFORMED),
    ("sig=\"https://a.example/keys\"", "\"Signature-Agent\";key=\"sig\"", UNBOUND),
    // No string.
    ("sig=https", OWN, MALFORMED),
    ("sig", OWN, MALFORMED),
    ("sig=7", OWN, MALFORMED),
    ("sig=:aHR0cHM6Ly9hLmV4YW1wbGUv:", OWN, MALFORMED),
    ("sig=(\"https://a.example/keys\")", OWN, MALFORMED),
    ("sig=\"https://a.example/keys\", sig=\"https://b.example/\"", OWN, MALFORMED),
    ("sig=\"https://a.example/keys", OWN, MALFORMED),
    ("", OWN, UNBOUND),
    // No https URL.
    ("sig=\"a.example\"", OWN, MALFORMED),
    ("sig=\"http://a.example/keys\"", OWN, MALFORMED),
    ("sig=\"data:application/json,{}\"", OWN, MALFORMED),
    ("sig=\"https://a.example@b.example/keys\"", OWN, MALFORMED),
    ("sig=\"https://a.example/x/../keys\"", OWN, MALFORMED),
    ("sig=\"https://a.example/%6beys\"", OWN, MALFORMED),
    ("sig=\"https://a.example/keys#k\"", OWN, MALFORMED),
    ("sig=\"https://b.example\\\\@a.example/keys\"", OWN, MALFORMED),
];

#[test]
fn a_signature_speaks_for_the_member_that_it_covers() {
    let (key, other) = (key(), key());
    for (header, covered, expected) in CASES {
        let mut headers = HeaderMap::new();
        add(&mut headers, "signature-agent", header);
        sign(&mut headers, "sig", &format!("\"@authority\" {covered}"), &key);
        let told = judge(&headers, Some(A), &[&key]);
        let named = agents_of(&message(&headers)).map_err(|error| error.code());
        match expected {
            Ok(()) => {
                assert_eq!(told.unwrap().agent.as_deref(), Some(A), "{header} {covered}");
                assert_eq!(named.unwrap().len(), 1, "{header}");
                assert_eq!(judge(&headers, Some(A), &[&other]), Err("key_not_found"), "{header}");
            }
            // Known by its key alone, it is verified and speaks for no URL.
            Err("" | "key_not_found") => {
                assert_eq!(told, Err("key_not_found"), "{header} {covered}");
                assert_eq!(named.unwrap().is_empty(), *expected == NOBODY, "{header}");
                assert_eq!(judge(&headers, None, &[&key]).unwrap().agent, None, "{header}");
            }
            Err(code) => {
                assert_eq!(told, Err(*code), "{header} {covered}");
                assert_eq!(named, Err(*code), "{header} {covered}");
                assert_eq!(judge(&headers, None, &[&key]), Err(*code), "{header} {covered}");
            }
        }
    }
}

/// A bot that has keys at its own URL, and says that it is another one.
#[test]
fn a_key_of_one_url_does_not_speak_for_another() {
    let (mallory, alice) = (key(), key());
    let mut headers = HeaderMap::new();
    add(&mut headers, "signature-agent", "sig=\"https://a.example/keys\"");
    sign(&mut headers, "sig", &format!("\"@authority\" {OWN}"), &mallory);
    assert_eq!(judge(&headers, Some(A), &[&alice]), Err("key_not_found"));
    assert_eq!(judge(&headers, Some("https://mallory.example/keys"), &[&mallory]), Err("key_not_found"));
    // What names no URL is nobody's, also where the request names none.
    let mut nameless = HeaderMap::new();
    sign(&mut nameless, "sig", "\"@authority\"", &mallory);
    assert_eq!(judge(&nameless, None, &[&mallory]).unwrap().agent, None);
    for agent in ["", "no URL", "http://a.example/keys", "a.example", A] {
        for headers in [&headers, &nameless] {
            assert_eq!(
                judge(headers, Some(agent), &[&mallory]).is_ok(),
                agent == A && headers != &nameless,
                "{agent}"
            );
        }
    }
}

/// A browser that is run for somebody's agent signs after it, and covers what the agent signed.
#[test]
fn each_of_several_signatures_stands_for_itself() {
    let (agent, browser) = (key(), key());
    let mut headers = HeaderMap::new();
    add(
        &mut headers,
        "signature-agent",
        "agent=\"https://a.example/keys\", browser=\"https://b.example/keys\"",
    );
    sign(&mut headers, "agent", "\"@authority\" \"signature-agent\";key=\"agent\"", &agent);
    let inner =
        "\"signature-agent\";key=\"agent\" \"signature-input\";key=\"agent\" \"signature\";key=\"agent\"";
    sign(
        &mut headers,
        "browser",
        &format!("\"@authority\" {inner} \"signature-agent\";key=\"browser\""),
        &browser,
    );
    let b = "https://b.example/keys";
    assert_eq!(agents_of(&message(&headers)).unwrap(), [A, b]);
    for (name, key, other) in [(A, &agent, &browser), (b, &browser, &agent)] {
        let bot = judge(&headers, Some(name), &[key]).unwrap();
        assert_eq!((bot.agent.as_deref(), bot.key_thumbprint), (Some(name), key.public_key().thumbprint()));
        assert_eq!(judge(&headers, Some(name), &[other]), Err("key_not_found"));
        assert_eq!(judge(&headers, None, &[key]).unwrap().key_thumbprint, key.public_key().thumbprint());
    }
    // One that can't be read takes no other with it; where none can be read, its error is told.
    sign(&mut headers, "late", "\"@authority\"", &key());
    assert_eq!(agents_of(&message(&headers)).unwrap(), [A, b]);
    assert!(judge(&headers, Some(b), &[&browser]).is_ok());
    // The signature within is changed: it no longer verifies, nor does the one that covers it.
    let text = headers.get("signature").unwrap().to_str().unwrap().to_owned();
    let other = if text.contains("agent=:A") { 'B' } else { 'A' };
    let changed: String = text.chars().enumerate().map(|(at, c)| if at == 7 { other } else { c }).collect();
    let lines: Vec<HeaderValue> = headers.get_all("signature").iter().skip(1).cloned().collect();
    headers.insert("signature", HeaderValue::from_str(&changed).unwrap());
    for line in lines {
        headers.append("signature", line);
    }
    for (name, key) in [(A, &agent), (b, &browser)] {
        assert_eq!(judge(&headers, Some(name), &[key]), Err("signature_invalid"), "{name}");
    }
}

#[test]
fn a_directory_is_where_the_url_says_and_at_an_origin_under_well_known() {
    const WELL_KNOWN: &str = "https://a.example/.well-known/http-message-signatures-directory";
    for (agent, expected) in [
        ("https://a.example", Some(WELL_KNOWN)),
        ("https://a.example/", Some(WELL_KNOWN)),
        (WELL_KNOWN, Some(WELL_KNOWN)),
        (A, Some(A)),
        // What a host shows for a query is not what stands behind its name.
        ("https://a.example/?x", Some(WELL_KNOWN)),
        ("https://a.example?x", Some(WELL_KNOWN)),
        ("https://A.example:443", Some(WELL_KNOWN)),
        ("https://A.example:443/keys?x", Some("https://A.example:443/keys?x")),
        (
            "https://a.example:8443",
            Some("https://a.example:8443/.well-known/http-message-signatures-directory"),
        ),
        ("https://a.example//", Some("https://a.example//")),
        ("http://a.example", None),
        ("https://a.example#x", None),
        ("a.example", None),
        ("", None),
    ] {
        assert_eq!(directory_url(agent).as_deref(), expected, "{agent}");
    }
}

/// The spellings of one directory are one bot: whoever has blocked it has blocked it in all of them.
#[test]
fn a_bot_is_told_by_its_directory_however_that_is_spelled() {
    let key = key();
    let well_known = "https://a.example/.well-known/http-message-signatures-directory";
    for (one, spellings) in [
        (A, ["https://a.example/keys", "https://a.example/keys?1", "https://A.EXAMPLE:443/keys?2"]),
        (well_known, ["https://a.example", "https://A.example:443/?x", well_known]),
    ] {
        let mut headers = HeaderMap::new();
        for (label, spelling) in ["x", "y", "z"].into_iter().zip(spellings) {
            add(&mut headers, "signature-agent", &format!("{label}=\"{spelling}\""));
        }
        for label in ["x", "y", "z"] {
            sign(&mut headers, label, &format!("\"@authority\" \"signature-agent\";key=\"{label}\""), &key);
        }
        assert_eq!(agents_of(&message(&headers)).unwrap(), [spellings[0]], "fetched once, as it is sent");
        for spelling in spellings {
            let mut headers = HeaderMap::new();
            add(&mut headers, "signature-agent", &format!("sig=\"{spelling}\""));
            sign(&mut headers, "sig", &format!("\"@authority\" {OWN}"), &key);
            for asked in spellings.into_iter().chain([one]) {
                let bot = judge(&headers, Some(asked), &[&key]).unwrap();
                assert_eq!(bot.agent.as_deref(), Some(one), "{spelling} by {asked}");
            }
            assert_eq!(identifier(spelling).as_deref(), Some(one), "{spelling}");
            let fetched = directory_url(spelling).unwrap();
            assert_eq!(identifier(&fetched).as_deref(), Some(one), "{spelling}");
        }
        assert_eq!(identifier(one).as_deref(), Some(one));
    }
}

/// A request of ours at last, as it is signed in a row of others.
fn sign_last(headers: &mut HeaderMap, key: &SecretKey) -> Result<(), SignError> {
    headers.insert("agent-delegation", HeaderValue::from_static("eyJh.eyJp.c2ln"));
    let occasion =
        Signing { created: NOW, expires: NOW + 60, nonce: "n-1", agent: Some("https://us.example/keys") };
    sign_ours(&message(headers), occasion, key)?.apply(headers);
    Ok(())
}

#[test]
fn our_signature_leaves_those_of_others_as_they_are() {
    let (ours, theirs) = (key(), key());
    for line in ["b=\"https://a.example/keys\"", "c, b=\"https://a.example/keys\"; x=1", "b=?1"] {
        let mut headers = HeaderMap::new();
        add(&mut headers, "signature-agent", line);
        sign(&mut headers, "b", &format!("\"@authority\" {OTHER}"), &theirs);
        let before = signature_base(&message(&headers), "b").unwrap();
        sign_last(&mut headers, &ours).unwrap();
        assert_eq!(signature_base(&message(&headers), "b").unwrap(), before, "{line}");
        assert_eq!(headers.get("signature-agent").unwrap(), line);
        let bot = judge(&headers, Some("https://us.example/keys"), &[&ours]).unwrap();
        assert_eq!(bot.key_thumbprint, ours.public_key().thumbprint());
        assert!(read(&message(&headers)).is_ok());
        if !line.contains(['?', ';']) {
            assert_eq!(judge(&headers, Some(A), &[&theirs]).unwrap().agent.as_deref(), Some(A));
        }
    }
    // An empty line is no member.
    let mut headers = HeaderMap::new();
    add(&mut headers, "signature-agent", "");
    sign_last(&mut headers, &ours).unwrap();
    assert!(judge(&headers, Some("https://us.example/keys"), &[&ours]).is_ok());
}

#[test]
fn a_signature_agent_to_which_nothing_can_be_added_is_left_alone() {
    let (ours, theirs) = (key(), key());
    for (line, covered) in [
        // Ours is there, or no dictionary is.
        ("legation=\"https://a.example/keys\"", "\"signature-agent\";key=\"legation\""),
        ("legation=\"https://a.example/keys\"", "\"@authority\""),
        ("\"https://a.example/keys\"", WHOLE),
        ("\"https://a.example/keys\"", "\"@authority\""),
        ("b=\"https://a.example/keys\", b", "\"@authority\""),
        // Another has signed that there is this one and no more.
        ("b=\"https://a.example/keys\"", WHOLE),
        ("b=\"https://a.example/keys\"", "\"signature-agent\";sf"),
    ] {
        let mut headers = HeaderMap::new();
        add(&mut headers, "signature-agent", line);
        sign(&mut headers, "b", covered, &theirs);
        let before = headers.get_all("signature-agent").iter().cloned().collect::<Vec<_>>();
        let error = sign_last(&mut headers, &ours).unwrap_err();
        assert!(matches!(error, SignError::SignatureAgent { .. }), "{line} {covered}: {error}");
        assert_eq!(error.code(), "already_signed");
        assert_eq!(headers.get_all("signature-agent").iter().cloned().collect::<Vec<_>>(), before);
    }
}

/// What is not known might say for whom the signature is, or what for.
#[test]
fn a_signature_with_other_parameters_than_those_of_the_rfc_is_not_taken() {
    let key = key();
    for (more, expected) in [
        ("", Ok(())),
        (";nonce=\"n\"", Ok(())),
        (";wimse-aud=\"https://other.example\"", MALFORMED),
        (";x", MALFORMED),
    ] {
        let mut headers = HeaderMap::new();
        sign_with(&mut headers, "sig", "\"@authority\"", &key, more);
        assert_eq!(judge(&headers, None, &[&key]).map(drop), expected, "{more}");
    }
}
