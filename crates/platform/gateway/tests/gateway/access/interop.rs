//! The decisions of the interop scenarios of AuthZEN (`vectors/authzen`): the Todo application and the gateway in front of it. Each of its users
//! is an agent, whose roles are tags; who owns a Todo comes with the request.

use super::Asked;
use legation_registry::Profile;
use serde_json::Value;

/// The users: how their ids differ, the agents' names, their addresses, their roles.
const USERS: [(&str, &str, &str, &[&str]); 5] = [
    ("DA2M", "rick", "rick@the-citadel.com", &["admin", "evil_genius", "editor"]),
    ("DE2M", "morty", "morty@the-citadel.com", &["editor"]),
    ("DI2M", "summer", "summer@the-smiths.com", &["editor"]),
    ("DM2M", "beth", "beth@the-smiths.com", &["viewer"]),
    ("DQ2M", "jerry", "jerry@the-smiths.com", &["viewer"]),
];

/// Todos are changed by who owns them; by an `evil_genius`, too, and deleted by an `admin`.
fn policy() -> String {
    let owns = |(_, name, address, _): &(&str, &str, &str, &[&str])| {
        format!(r#"(principal == Agent::"{name}" && context.text.getTag("resource.ownerID") == "{address}")"#)
    };
    let owner: Vec<String> = USERS.iter().map(owns).collect();
    let owner = owner.join(" || ");
    let rule = |action: &str, role: &str| {
        format!(
            r#"forbid (principal, action, resource) when {{ context.action == "{action}" && !(principal in Tag::"{role}") }}
               unless {{ context.text.hasTag("resource.ownerID") && ({owner}) }};"#
        )
    };
    [rule("can_update_todo", "evil_genius"), rule("can_delete_todo", "admin")].join("\n")
}

fn texts(all: &[&str]) -> Vec<String> {
    all.iter().map(|one| (*one).to_owned()).collect()
}

const READS: [&str; 3] = ["can_read_user", "can_read_todos", "GET"];
const WRITES: [&str; 6] = ["can_create_todo", "can_update_todo", "can_delete_todo", "POST", "PUT", "DELETE"];

fn scenario() -> Asked {
    let asked = Asked::new();
    let team = Profile {
        actions: texts(&[READS.as_slice(), WRITES.as_slice()].concat()),
        resources: texts(&["authzen://todo/*", "authzen://user/*", "authzen://route/*"]),
        ..Profile::default()
    };
    asked.users(&team, &policy());
    for (_, name, _, roles) in USERS {
        let actions = if roles.contains(&"editor") { team.actions.clone() } else { texts(&READS) };
        let tags = texts(&[roles, &["user", "identity"]].concat());
        asked.user(name, &Profile { actions, tags, ..team.clone() });
    }
    asked
}

/// The request with the agent's name in place of the user's id.
fn named(request: &Value) -> Value {
    let mut request = request.clone();
    let id = request["subject"]["id"].as_str().unwrap().to_owned();
    let user = USERS.iter().find(|(part, ..)| id.contains(part)).unwrap();
    request["subject"]["id"] = user.1.into();
    request
}

async fn holds(text: &str) -> usize {
    let (asked, all): (Asked, Value) = (scenario(), serde_json::from_str(text).unwrap());
    let gate = asked.gate();
    let mut seen = 0;
    for (path, of) in [("evaluation", "evaluation"), ("evaluations", "evaluations")] {
        for case in all[of].as_array().into_iter().flatten() {
            let answer = asked.at(path, &gate, &named(&case["request"])).await;
            assert_eq!(answer.status, 200, "{case}");
            match case["expected"].as_array() {
                None => assert_eq!(answer.json()["decision"], case["expected"], "{case}"),
                Some(expected) => {
                    let decided = answer.json()["evaluations"].clone();
                    let decided = decided.as_array().unwrap().iter().map(|one| &one["decision"]);
                    assert!(decided.eq(expected.iter().map(|one| &one["decision"])), "{case}");
                }
            }
            seen += 1;
        }
    }
    seen
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_todo_application_gets_what_it_expects() {
    assert_eq!(holds(include_str!("../../vectors/authzen/todo-decisions-1_0-02.json")).await, 43);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_gateway_in_front_of_it_gets_what_it_expects() {
    assert_eq!(holds(include_str!("../../vectors/authzen/gateway-decisions.json")).await, 25);
}
