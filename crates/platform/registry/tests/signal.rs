//! What partners tell of their own delegations, held against the rules.
#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "tests"
)]

mod world;

use legation_did::Did;
use legation_registry::{
    Profile, Registry,
    partner::Partner,
    quarantine::{
        Rule, SignalOf, Then,
        shut::{Link, Out},
        signal::{CAEP, Signal},
    },
};
use legation_store::holder::Kind;
use serde_json::json;
use world::{NOW, World};

const GLOBEX: &str = "did:web:globex.example";

fn did(text: &str) -> Did {
    text.parse().unwrap()
}

fn listening(names: &[&str]) -> World {
    let world = World::new();
    for name in names {
        let partner = json!({
            "name": name, "did": format!("did:web:{name}.example"), "models": ["standard"], "signals": {"secret": name},
        });
        let partner: Partner = serde_json::from_value(partner).unwrap();
        world.registry.put_partner(&partner, NOW).unwrap();
    }
    world
}

fn rule(registry: &Registry, to: &str, most_agents: i64) {
    let signal = SignalOf { events: vec!["session-revoked".to_owned()], from: Vec::new() };
    let rule = Rule {
        name: "told".to_owned(),
        to: to.to_owned(),
        denials: None,
        spend: None,
        new_tool: None,
        signal: Some(signal),
        then: Then::Suspend,
        most_agents,
    };
    registry.put_quarantine_rule(&rule, NOW).unwrap();
}

fn signal(partner: &str, jti: &str, dids: &[&str]) -> Signal {
    Signal {
        issuer: format!("https://{partner}.example"),
        jti: jti.to_owned(),
        issued: NOW,
        events: vec![(format!("{CAEP}session-revoked"), NOW - 5)],
        dids: dids.iter().map(|one| did(one)).collect(),
        link: None,
    }
}

fn link(digest: u8, issuer: &str, subject: &str) -> Link {
    Link { digests: vec![[digest; 32], [digest + 1; 32]], issuer: did(issuer), subject: did(subject) }
}

fn heard(registry: &Registry, partner: &str, all: &[Signal]) -> usize {
    registry.hear_signals(partner, all, NOW).unwrap()
}

#[test]
fn a_token_counts_once_and_is_of_its_issuer() {
    let world = listening(&["globex", "shop"]);
    let own = &world.registry;
    let one = signal("globex", "a", &["did:web:globex.example:bot"]);
    assert_eq!(heard(own, "globex", std::slice::from_ref(&one)), 0, "there is no rule");
    rule(own, "organization", 10);
    assert_eq!(heard(own, "nobody", std::slice::from_ref(&one)), 0);
    let of_link = Signal { link: Some([9; 32]), ..signal("globex", "link", &[]) };
    assert_eq!(heard(own, "shop", &[of_link]), 0, "nor of a delegation that it may have seen");
    assert_eq!(heard(own, "shop", std::slice::from_ref(&one)), 0, "it is another's");
    assert_eq!(
        heard(
            own,
            "globex",
            &[Signal { events: vec![(format!("{CAEP}credential-change"), NOW)], ..one.clone() }]
        ),
        0
    );
    assert_eq!(heard(own, "globex", std::slice::from_ref(&one)), 0, "it was told");
    let next = Signal { jti: "b".to_owned(), ..one };
    assert_eq!(heard(own, "globex", &[next.clone(), next.clone()]), 1);
    let shut = own.shut_out("", 10).unwrap().remove(0);
    assert_eq!((shut.root.as_str(), shut.subject.as_str()), (GLOBEX, "did:web:globex.example:bot"));
    own.let_in(&shut.id, NOW).unwrap();
    assert_eq!(
        world.other_host().hear_signals("globex", &[next], NOW).unwrap(),
        0,
        "told again to another process"
    );
    assert!(own.shut_out("", 10).unwrap().is_empty());
}

#[test]
fn who_is_shut_out_is_so_by_the_word_of_who_issued_and_in_whatever_form() {
    let world = listening(&["globex", "shop"]);
    let own = &world.registry;
    rule(own, "organization", 10);
    let of_link = |partner: &str, jti: &str, digest: u8| Signal {
        link: Some([digest; 32]),
        ..signal(partner, jti, &[])
    };
    heard(
        own,
        "globex",
        &[
            of_link("globex", "a", 8),
            of_link("globex", "b", 20),
            signal("globex", "c", &["did:web:globex.example:buyer"]),
        ],
    );
    let is_out = |root: &str, links: &[Link]| own.is_shut_out(&did(root), links).unwrap() == Some(Out::Told);
    let buyer = "did:web:globex.example:buyer";
    let clerk = "did:web:globex.example:clerk";
    assert!(
        is_out(GLOBEX, &[link(8, GLOBEX, clerk)]) && is_out(GLOBEX, &[link(7, GLOBEX, clerk)]),
        "each form"
    );
    assert!(
        is_out(GLOBEX, &[link(1, GLOBEX, buyer)])
            && is_out(GLOBEX, &[link(1, buyer, "did:key:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK")])
    );
    assert!(!is_out(GLOBEX, &[link(1, GLOBEX, clerk)]));
    // Who is shut out takes part neither below what somebody else issued.
    let elsewhere = "did:web:elsewhere.example:broker";
    assert!(is_out(GLOBEX, &[link(1, GLOBEX, clerk), link(3, clerk, elsewhere), link(5, elsewhere, buyer)]));
    // What somebody else issued, below it or elsewhere, is not its own to speak of.
    let child = "did:web:elsewhere.example:child";
    assert!(!is_out(GLOBEX, &[link(1, GLOBEX, clerk), link(20, child, child)]));
    assert!(!is_out("did:web:shop.example", &[link(8, "did:web:shop.example", child)]));
}

#[test]
fn an_own_agent_is_suspended_by_what_it_was_lent_and_never_by_its_name() {
    let world = listening(&["globex", "shop"]);
    let own = &world.registry;
    rule(own, "organization", 10);
    for name in ["mail", "other"] {
        let profile = Profile { groups: vec!["*".to_owned()], ..Profile::default() };
        own.add_agent(name, "default", &profile, NOW).unwrap();
    }
    let [mail, other] = ["mail", "other"].map(|name| own.show(Kind::Agent, name).unwrap().holder.did);
    heard(own, "globex", &[signal("globex", "a", &[&mail, "did:web:acme.example"])]);
    assert_eq!((own.quarantined("", 10).unwrap().len(), own.shut_out("", 10).unwrap().len()), (0, 0));
    // Two links of the partner's down to it, and one below of its own.
    let team = "did:web:globex.example:teams:sales";
    let links = [link(30, GLOBEX, team), link(40, team, &mail), link(50, &mail, &other)];
    own.note_lent(&did(GLOBEX), &links, NOW + 600, NOW).unwrap();
    let of = |partner: &str, jti: &str, digest: u8| Signal {
        link: Some([digest; 32]),
        ..signal(partner, jti, &[])
    };
    assert_eq!(heard(own, "shop", &[of("shop", "a", 40)]), 1, "what it names there is nobody's");
    heard(own, "globex", &[of("globex", "b", 50)]);
    assert!(own.quarantined("", 10).unwrap().is_empty(), "that link is none of its own");
    heard(own, "globex", &[of("globex", "c", 31)]);
    let held: Vec<String> = own.quarantined("", 10).unwrap().into_iter().map(|one| one.agent).collect();
    assert_eq!(held, ["mail", "other"], "all that is below");
    own.resume(Kind::Agent, "mail", NOW + 10).unwrap();
    let late = Signal { issued: NOW + 5, ..of("globex", "d", 41) };
    own.hear_signals("globex", &[late], NOW + 20).unwrap();
    assert!(
        own.quarantine_of("mail").unwrap().is_none(),
        "what was told before it was resumed counts no more"
    );
    let fresh = Signal { issued: NOW + 20, ..signal("globex", "e", &[team]) };
    own.hear_signals("globex", &[fresh], NOW + 20).unwrap();
    assert!(own.quarantine_of("mail").unwrap().is_some(), "who issued it is suspended");
}

#[test]
fn an_own_agent_that_is_suspended_calls_with_nobodys_delegations() {
    let world = listening(&["globex"]);
    let own = &world.registry;
    let profile = Profile { groups: vec!["*".to_owned()], ..Profile::default() };
    own.add_agent("mail", "default", &profile, NOW).unwrap();
    let mail = own.show(Kind::Agent, "mail").unwrap().holder.did;
    let lent =
        [link(30, GLOBEX, "did:web:globex.example:bot"), link(40, "did:web:globex.example:bot", &mail)];
    let out = || own.is_shut_out(&did(GLOBEX), &lent).unwrap();
    assert_eq!(out(), None);
    for (kind, name) in [(Kind::Agent, "mail"), (Kind::Team, "default")] {
        own.suspend(kind, name, NOW).unwrap();
        assert_eq!(out(), Some(Out::Stopped), "{name}");
        own.resume(kind, name, NOW).unwrap();
        assert_eq!(out(), None);
    }
    let unknown = link(50, GLOBEX, "did:web:acme.example:nobody");
    assert_eq!(own.is_shut_out(&did(GLOBEX), &[unknown]).unwrap(), None);
}

#[test]
fn a_rule_for_a_team_shuts_nobody_out_who_is_none_of_it() {
    let world = listening(&["globex"]);
    rule(&world.registry, "team:default", 10);
    assert_eq!(
        heard(&world.registry, "globex", &[signal("globex", "a", &["did:web:globex.example:bot"])]),
        0
    );
    assert!(world.registry.shut_out("", 10).unwrap().is_empty());
}

#[test]
fn a_flood_of_one_partner_takes_no_room_of_another() {
    let world = listening(&["globex", "shop"]);
    let own = &world.registry;
    rule(own, "organization", 2);
    let told = |number: usize| signal("globex", &format!("j{number}"), &[&format!("{GLOBEX}:bot-{number}")]);
    let flood: Vec<Signal> = (0..50).map(told).collect();
    heard(own, "globex", &flood);
    assert_eq!(own.shut_out("", 100).unwrap().len(), 2);
    assert_eq!(heard(own, "shop", &[signal("shop", "a", &["did:web:shop.example:bot"])]), 1);
    assert_eq!(own.shut_out("", 100).unwrap().len(), 3);
    // More than are known wait at their transmitter, and nobody else's do.
    let many: Vec<Signal> = (100..10_060).map(told).collect();
    let refused = own.hear_signals("globex", &many, NOW).unwrap_err();
    assert!(refused.to_string().contains("10000"), "{refused}");
    assert_eq!(heard(own, "shop", &[signal("shop", "b", &["did:web:shop.example:clerk"])]), 1);
}
