//! What a stranger made by other tools, and what a folder holds that is wrong: judged as its specification has it, and
//! told of. Each folder of `strangers` is the site of `did:web:acme.example` and what was presented.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)] // a test's helpers may stop it

mod common;

use common::{Play, Ran};
use std::{
    fs,
    path::{Path, PathBuf},
};

const VERIFY: &str = "verify p.jwt --principal did:web:acme.example --audience did:web:shop.example --nonce n1 \
    --did-documents site --action a2a:skill:book --resource https://shop.example/api/rooms --now 2026-11-29T14:31:00Z --json";

fn strangers() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/strangers")
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let (path, name) = entry.map(|entry| (entry.path(), entry.file_name())).unwrap();
        match path.is_dir() {
            true => copy(&path, &to.join(name)),
            false => drop(fs::copy(&path, to.join(name)).unwrap()),
        }
    }
}

fn play(name: &str) -> Play {
    let play = Play::new();
    copy(&strangers().join(name), play.folder.path());
    play
}

#[test]
fn chains_that_other_tools_made_pass() {
    for name in [
        // DID Core §3.2.2: relative DID URLs.
        "doc-relative-ref-only",
        "doc-relative-vm-id-only",
        // RFC 7519 §2: a NumericDate may have a fraction.
        "exp-fraction",
        "vp-iat-fraction",
        // VC Data Model 2.0 §4.4: the `id` of a list.
        "list-no-id",
    ] {
        let ran = play(name).run(VERIFY);
        assert_eq!((ran.status, &ran.json()["decision"]), (0, &"permit".into()), "{name}: {ran:?}");
    }
}

/// RFC 1952 §2.2: the members of a GZIP are one stream. The bit that is set is in the second of two; whoever read only the first
/// would find no such entry.
#[test]
fn a_bit_in_the_second_member_of_a_list_revokes() {
    let (code, found) = denied(&play("two-members").run(VERIFY));
    assert_eq!(code, "link_revoked");
    assert!(found.contains("131080"), "{found}");
}

/// The denial, with what was found.
fn denied(ran: &Ran) -> (String, String) {
    let json = ran.json();
    assert_eq!(ran.status, 1, "{ran:?}");
    (json["code"].as_str().unwrap().to_owned(), json["found"].as_str().unwrap().to_owned())
}

#[test]
fn a_document_that_is_there_and_wrong_is_told_as_such() {
    let place = "site/.well-known/did.json";
    let good = play("list-no-id").read(place);
    for (text, told) in [
        (good.replace("\"id\": \"did:web:acme.example#k\"", "\"id\": 7"), "`id` is missing or not a string"),
        (good.replace("\"controller\"", "\"id\""), "stands twice"),
        (good.replace("acme.example", "other.example"), "a document of `did:web:other.example`"),
        ("<html>404</html>".to_owned(), "not JSON"),
    ] {
        let play = play("list-no-id");
        play.write(place, &text);
        let (code, found) = denied(&play.run(VERIFY));
        assert_eq!(code, "did_unresolved");
        assert!(found.contains(told), "{text}: {found}");
    }
    // In a folder of many sites a document stands in that of its own, or says whose it is.
    for place in ["site/acme.example/.well-known/did.json", "site/whatever.json"] {
        let play = play("list-no-id");
        fs::remove_dir_all(play.path("site/.well-known")).unwrap();
        let (code, found) = denied(&play.run(VERIFY));
        assert_eq!((code.as_str(), found.as_str()), ("did_unresolved", "no evidence of it"));
        play.write(place, good.replace("\"id\": \"did:web:acme.example#k\"", "\"id\": 7"));
        let (_, found) = denied(&play.run(VERIFY));
        assert!(found.contains("`id` is missing"), "{place}: {found}");
    }
}

#[test]
fn a_list_that_is_there_and_wrong_is_told_as_such() {
    let place = "site/status/1";
    let good = play("two-members").read(place);
    let (claims, signature) = good.rsplit_once('.').unwrap();
    for (text, code, told) in [
        ("<html>404</html>".to_owned(), "status_invalid", "JWS"),
        (format!("{claims}.{}", signature.get(2..).unwrap()), "status_invalid", ""),
        (String::new(), "status_invalid", ""),
    ] {
        let play = play("two-members");
        play.write(place, &text);
        let (found_code, found) = denied(&play.run(VERIFY));
        assert_eq!(found_code, code, "{text}: {found}");
        assert!(found.contains(told) && found != "no evidence of it", "{text}: {found}");
    }
    let play = play("two-members");
    fs::remove_file(play.path(place)).unwrap();
    let (code, found) = denied(&play.run(VERIFY));
    assert_eq!((code.as_str(), found.as_str()), ("status_unavailable", "no evidence of it"));
    // It says itself which list it is, wherever it stands.
    play.write("site/moved", format!("{claims}.{}", signature.get(2..).unwrap()));
    assert_eq!(denied(&play.run(VERIFY)).0, "status_invalid");
}

/// A list without a name is that of the URL at which it stands, in the folder of its site and nowhere else.
#[test]
fn a_list_without_an_id_is_known_by_its_place() {
    let play = play("list-no-id");
    fs::create_dir_all(play.path("site/acme.example/status")).unwrap();
    fs::rename(play.path("site/status/1"), play.path("site/acme.example/status/1")).unwrap();
    assert_eq!(play.run(VERIFY).json()["decision"], "permit");
    fs::rename(play.path("site/acme.example/status/1"), play.path("site/acme.example/status/2")).unwrap();
    assert_eq!(denied(&play.run(VERIFY)).0, "status_unavailable");
}

#[cfg(feature = "vc-api")]
#[test]
fn a_credential_with_a_context_that_is_not_known_here_is_valid_with_a_warning() {
    let play = play("open-badge");
    let told = play.json("credential verify vc.jwt --did-documents site --now 2026-11-29T14:31:00Z");
    assert_eq!(told["verified"], true);
    let warnings = told["warnings"].as_array().unwrap();
    assert!(warnings.len() == 1 && warnings[0].as_str().unwrap().contains("context-3.0.3.json"), "{told}");
    play.write("site/.well-known/did.json", r#"{"id": "did:web:acme.example", "service": 7}"#);
    let ran = play.run("credential verify vc.jwt --did-documents site");
    assert!(ran.status == 2 && ran.stderr.contains("`service` is missing or not an array"), "{ran:?}");
}
