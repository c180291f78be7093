//! People who let programs act for them, by the command.

use crate::{organization, refused};
use serde_json::json;

#[test]
fn a_person_is_added_with_a_ceiling_or_without_and_a_program_gets_no_secret() {
    let play = organization();
    assert!(play.run("person list").stdout.contains("there is nobody"));
    assert!(play.run("person add bert").stdout.contains("it can hand on nothing"));
    assert_eq!(play.json("person list")["people"][0]["ceiling"], json!(null));
    let ceiling = "--action crm:read --resource https://crm.example/*";
    assert!(play.run(&format!("person add anna {ceiling}")).stdout.contains("legation person code anna"));
    let anna = play.json(&format!("person ceiling bert {ceiling}"));
    assert_eq!(anna["ceiling"]["actions"], json!(["crm:read", "token:issue"]));
    let code = play.run("person code anna").stdout;
    assert_eq!(code.trim().len(), 14, "{code}");
    assert_eq!(play.json("person code anna")["person"], "anna");
    refused(&play, "person code nobody", (1, "not_found"), &[]);
    let id = play.run("client add Notes --redirect http://127.0.0.1/cb").stdout.trim().to_owned();
    assert_eq!(play.json("client list")["clients"][0]["id"], json!(id));
    refused(&play, "client add Evil --redirect javascript:alert(1)", (2, "value_invalid"), &[]);
    assert!(play.run("consent list").stdout.contains("nobody has let a program act"));
    assert_eq!(play.json("consent list --person anna")["consents"], json!([]));
    refused(&play, "consent revoke consent-1", (1, "not_found"), &[]);
    play.run(&format!("client remove {id}"));
    play.run("person remove anna");
    assert_eq!(play.json("person list")["people"].as_array().unwrap().len(), 1);
}
