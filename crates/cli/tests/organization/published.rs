//! What an organization shows: its delegations as a graph, and what it publishes as files.

use crate::{common::Play, with_bot};
use legation_did::{Document, KeyUse, Purpose};
use legation_keys::{Algorithm, base64url, jws};
use serde_json::{Value, json};

fn grown() -> Play {
    let play = with_bot();
    for line in [
        "team add sales --budget 500USD/month",
        "agent add mail --team sales --models standard --budget 5USD/day",
        "agent add crm --team sales --models standard",
        "agent suspend mail",
    ] {
        play.json(line);
    }
    play
}

#[test]
fn who_delegates_to_whom_is_drawn_as_text_as_a_picture_and_as_json() {
    let play = grown();
    let text = play.run("delegation graph").stdout;
    let begins: Vec<&str> = text.lines().map(|line| line.split("  ").next().unwrap()).collect();
    assert_eq!(begins[0], "did:web:acme.example", "{text}");
    assert!(text.contains("├─ default") && text.contains("│  └─ bot"), "{text}");
    assert!(text.contains("└─ sales") && text.contains("   ├─ crm") && text.contains("   └─ mail"), "{text}");
    assert!(text.contains("suspended; standard; 5.00 USD/day; until 20"), "{text}");
    let drawn = play.json("delegation graph --format svg --out graph.svg");
    assert_eq!(drawn["file"], "graph.svg");
    let svg = play.read("graph.svg");
    assert!(svg.starts_with("<svg xmlns=") && svg.trim_end().ends_with("</svg>"), "{svg}");
    assert_eq!((svg.matches("<g class=").count(), svg.matches("<path").count()), (6, 5));
    assert_eq!(svg.matches("<g class=\"suspended\">").count(), 1);
    let graph = play.json("delegation graph");
    assert_eq!(
        (&graph["did"], graph["teams"].as_array().unwrap().len()),
        (&json!("did:web:acme.example"), 2)
    );
    assert_eq!(graph["teams"][1]["agents"][1]["name"], "mail");
    let there = play.run("delegation graph --format svg --out graph.svg");
    assert!(there.status != 0 && there.stderr.contains("--force"), "{there:?}");
}

#[test]
fn what_is_published_is_written_as_a_static_host_serves_it_and_only_what_changed_again() {
    let play = grown();
    let first = play.json("publish --out www");
    assert_eq!(
        (&first["written"], &first["unchanged"]),
        (&json!(13), &json!(0)),
        "six documents, three pairs of lists, and the tie to the domain"
    );
    let read = |path: &str| serde_json::from_str::<Value>(&play.read(path)).unwrap();
    for (path, did) in [
        ("www/.well-known/did.json", "did:web:acme.example"),
        ("www/teams/sales/did.json", "did:web:acme.example:teams:sales"),
        ("www/bot/did.json", "did:web:acme.example:bot"),
    ] {
        assert_eq!(read(path)["id"], did);
    }
    assert_eq!(play.read("www/status/1").split('.').count(), 3, "a compact JWS");
    assert_eq!(play.json("publish --out www")["written"], 0);
    let id = play.json("delegation list bot")["delegations"][0]["id"].as_str().unwrap().to_owned();
    play.json(&format!("delegation revoke {id}"));
    assert_eq!(play.json("publish --out www")["written"], 1, "the list that it is in");
    play.write("file", "");
    let refused = play.run("publish --out file");
    assert!(refused.status == 2 && refused.stderr.contains("can't be made"), "{refused:?}");
}

/// The one credential of the published configuration: its header and its claims, once its signature was seen to hold.
fn linkage(play: &Play) -> (Value, Value) {
    play.json("publish --out www");
    let configuration: Value =
        serde_json::from_str(&play.read("www/.well-known/did-configuration.json")).unwrap();
    assert_eq!(configuration["@context"], "https://identity.foundation/.well-known/did-configuration/v1");
    let all = configuration["linked_dids"].as_array().unwrap();
    assert_eq!(all.len(), 1);
    let parts = jws::split(all[0].as_str().unwrap()).unwrap();
    let read = |text: &str| serde_json::from_slice::<Value>(&base64url::decode(text).unwrap()).unwrap();
    let (header, claims) = (read(parts.header), read(parts.payload));
    let document = Document::parse(play.read("www/.well-known/did.json").as_bytes()).unwrap();
    let wanted = KeyUse {
        id: header["kid"].as_str().unwrap(),
        algorithm: Algorithm::EdDsa,
        purpose: Purpose::AssertionMethod,
        now: claims["nbf"].as_i64().unwrap(),
    };
    let signature = jws::read_signature(parts.signature).unwrap();
    document.key(wanted).unwrap().verify(parts.signing_input.as_bytes(), &signature).unwrap();
    (header, claims)
}

#[test]
fn the_domain_says_which_did_is_its_own_by_the_key_that_the_did_has() {
    let play = with_bot();
    let (header, claims) = linkage(&play);
    assert_eq!(header.as_object().unwrap().keys().collect::<Vec<_>>(), ["alg", "kid"], "and no other member");
    let mut members: Vec<&String> = claims.as_object().unwrap().keys().collect();
    members.sort();
    assert_eq!(members, ["exp", "iss", "nbf", "sub", "vc"]);
    let own = json!("did:web:acme.example");
    assert_eq!((&claims["iss"], &claims["sub"], &claims["vc"]["issuer"]), (&own, &own, &own));
    assert_eq!(claims["vc"]["type"], json!(["VerifiableCredential", "DomainLinkageCredential"]));
    let subject = json!({"id": "did:web:acme.example", "origin": "https://acme.example"});
    assert_eq!(claims["vc"]["credentialSubject"], subject);
    play.json("organization rotate --compromised");
    let (anew, _) = linkage(&play);
    assert_ne!(anew["kid"], header["kid"], "signed anew by the key that is there now");
}
