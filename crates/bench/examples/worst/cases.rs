//! The cases: each can be made of any number of links and of any size, and is fitted to what is accepted.

use crate::forge::{chain, documents, filled, name, narrow};
use serde_json::{Value, json};

/// Something that costs more than it should.
pub(crate) struct Case {
    pub(crate) name: String,
    /// The largest size that is tried.
    pub(crate) most: usize,
    pub(crate) make: Make,
}

/// What is made of a number of links and a size.
type Make = Box<dyn Fn(usize, usize) -> Sent>;

/// A chain, and what stands among the claims of a presentation of it.
pub(crate) struct Sent {
    pub(crate) links: Vec<String>,
    pub(crate) more: String,
    /// Whether all is signed by who should; of the presentation, whether it is, too.
    pub(crate) signed: (bool, bool),
}

/// More than any limit of bytes that a verifier might have.
const ROOM: usize = 1 << 19;

pub(crate) fn cases() -> Vec<Case> {
    let mut all = of_grants();
    all.extend(of_constraints());
    all.extend(of_members());
    all.extend(of_values());
    all.extend(of_signed());
    all.extend(of_documents());
    all
}

/// Documents with proofs, filled up with tiny values or a text.
fn of_documents() -> Vec<Case> {
    let mut all = Vec::new();
    for element in ["[[[[[[[[]]]]]]]]", "[]", "1e20", "\"\\n\""] {
        for (proofs, building) in [(1, false), (8, false), (8, true)] {
            let how = if building { "building on each other" } else { "beside each other" };
            let text = move |size| format!("\"x\":[{}0],", filled(size, |_| format!("{element},")));
            all.push(case(
                format!("documents: arrays of {element}, {proofs} proofs {how}"),
                ROOM,
                move |links, size| {
                    let links = documents(links, proofs, building, &text(size));
                    Sent { links, more: String::new(), signed: (false, false) }
                },
            ));
        }
    }
    all.push(case("documents: short names, 8 proofs building on each other", ROOM, |links, size| {
        let text = filled(size, |index| format!("\"{}\":0,", name(index)));
        Sent { links: documents(links, 8, true, &text), more: String::new(), signed: (false, false) }
    }));
    all
}

fn case(name: impl Into<String>, most: usize, make: impl Fn(usize, usize) -> Sent + 'static) -> Case {
    Case { name: name.into(), most, make: Box::new(make) }
}

/// Links of which each says this, by its index and the size.
fn saying(links: usize, delegation: &dyn Fn(usize) -> Value, signed: (bool, bool)) -> Sent {
    let links = chain(links, delegation, &|_, claims| claims, signed.0);
    Sent { links, more: String::new(), signed }
}

/// So many texts with one long beginning.
fn texts(start: &str, count: usize, length: usize) -> Vec<String> {
    let middle = "a".repeat(length.saturating_sub(start.len() + 3));
    (0..count).map(|index| format!("{start}{middle}{index:03}")).collect()
}

/// Pairs of actions and resources; the size is that of each text.
fn of_grants() -> Vec<Case> {
    let counts = [(1, 256), (256, 1), (16, 16), (2, 128), (128, 2), (8, 32), (32, 8)];
    let of = |(actions, resources): (usize, usize)| {
        case(format!("grants: {actions} actions x {resources} resources"), 2000, move |links, length| {
            let grant = json!({
                "actions": texts("a:", actions, length),
                "resources": texts("https://shop.example/", resources, length),
            });
            saying(links, &|_| json!({"grants": [grant]}), (false, false))
        })
    };
    let mut all: Vec<Case> = counts.map(of).into();
    // Of those that one covers little is left in the normal form, and what is left is what a chain's sum counts.
    for (actions, resources) in [(15, 17), (7, 31), (31, 7), (1, 255)] {
        let name = format!("grants: {actions} actions x {resources} resources, all but one covered");
        all.push(case(name, 2000, move |links, length| {
            let mut actions = texts("a:", actions, length);
            let mut resources = texts("https://shop.example/", resources, length);
            actions[0] = "a:*".into();
            resources[0] = "https://shop.example/*".into();
            saying(
                links,
                &|_| json!({"grants": [{"actions": actions, "resources": resources}]}),
                (false, false),
            )
        }));
    }
    all
}

/// Constraints; the size is how many each link has.
fn of_constraints() -> Vec<Case> {
    let of = |name: &str, one: fn(usize, usize) -> Value| {
        case(format!("constraints: {name}"), 128, move |links, count| {
            saying(links, &|link| constrained(link, count, one), (false, false))
        })
    };
    vec![
        of(
            "arguments, other names in each link",
            |link, index| json!({"type": "argument", "name": format!("{link}-{index}"), "max": 1}),
        ),
        of(
            "arguments, the same in each link",
            |_, index| json!({"type": "argument", "name": format!("{index}"), "max": 1}),
        ),
        of("spends, other actions in each link", |link, index| spend(&name(index), &format!("a:{link}"))),
        of("spends, each of other actions", |link, index| spend("USD", &format!("a:{link}.{index}"))),
        of(
            "approvals of other approvers",
            |link, index| json!({"type": "approval", "currency": "USD", "above": 1, "approver": format!("did:x:{link}-{index}")}),
        ),
        of(
            "oneOf, the same in each link",
            |_, index| json!({"type": "argument", "name": format!("{index}"), "oneOf": numbers()}),
        ),
        of(
            "oneOf, other names in each link",
            |link, index| json!({"type": "argument", "name": format!("{link}-{index}"), "oneOf": numbers()}),
        ),
        of(
            "order of many values",
            |link, index| json!({"type": "argument", "name": format!("{link}-{index}"), "rank": 0, "order": numbers()}),
        ),
        of("30 actions each", |link, index| {
            let actions: Vec<String> = (0..30).map(|one| format!("a:{link}.{one}")).collect();
            json!({"type": "rate", "seconds": index + 1, "max": 1, "actions": actions})
        }),
        of(
            "one long action",
            |_, index| json!({"type": "rate", "seconds": index + 1, "max": 1, "actions": [format!("a:{}", "b".repeat(60))]}),
        ),
    ]
}

fn constrained(link: usize, count: usize, one: fn(usize, usize) -> Value) -> Value {
    let mut own = narrow();
    own["constraints"] = (0..count).map(|index| one(link, index)).collect();
    own
}

fn numbers() -> Vec<usize> {
    (0..226).collect()
}

fn spend(currency: &str, action: &str) -> Value {
    let window = json!({"seconds": 60, "amount": 1});
    json!({"type": "spend", "currency": currency, "perAction": 1, "window": window, "actions": [action]})
}

/// The same among the claims of each link, and among those of the presentation; the size is in bytes.
fn both(name: &str, text: impl Fn(usize) -> String + Copy + 'static) -> [Case; 2] {
    let in_links = case(format!("links: {name}"), ROOM, move |links, size| {
        let more = text(size);
        let bend = |_, claims: String| format!("{{{more}{}", claims.strip_prefix('{').unwrap());
        let links = chain(links, &|_| narrow(), &bend, false);
        Sent { links, more: String::new(), signed: (false, false) }
    });
    let in_presentation = case(format!("presentation: {name}"), ROOM, move |links, size| {
        let links = chain(links, &|_| narrow(), &|_, claims| claims, false);
        Sent { links, more: text(size), signed: (false, false) }
    });
    [in_links, in_presentation]
}

fn of_members() -> Vec<Case> {
    fn object(count: usize, index: usize) -> String {
        let members = filled(9 * count, |index| format!("\"{}\":0,", name(index)));
        format!("\"{}\":{{{members}\"x\":0}},", name(index))
    }
    let mut all = Vec::new();
    all.extend(both("short names", |size| filled(size, |index| format!("\"{}\":0,", name(index)))));
    all.extend(both("long names", |size| {
        filled(size, |index| format!("\"{}{index:05}\":0,", "x".repeat(200)))
    }));
    all.extend(both("escaped names", |size| filled(size, |index| format!("\"\\u0041{index:05}\":0,"))));
    all.extend(both("objects of 8 members", |size| filled(size, |index| object(7, index))));
    all.extend(both("objects of 9 members", |size| filled(size, |index| object(8, index))));
    all
}

fn of_values() -> Vec<Case> {
    let arrays =
        ["[]", "{}", "\"\"", "0", "1e-300", "123456789.123456789e-200", "[[[[[[[[]]]]]]]]", "\"\\n\""];
    let mut all = Vec::new();
    for element in arrays {
        let list = move |size| format!("\"x\":[{}0],", filled(size, |_| format!("{element},")));
        all.extend(both(&format!("arrays of {element}"), list));
    }
    for number in ["0.#", "1.#e-9", "0.0000#e300"] {
        let digits = move |size| format!("\"x\":{},", number.replace('#', &"7".repeat(size + 1)));
        all.extend(both(&format!("a number {number}"), digits));
    }
    all.extend(both("an escaped text", |size| format!("\"x\":\"{}\",", "\\u0041".repeat(size / 6))));
    all.extend(both("a plain text", |size| format!("\"x\":\"{}\",", "x".repeat(size))));
    all.push(case("links: types", ROOM, |links, size| {
        let types = filled(size, |_| "\"\",".to_owned());
        let many = |_: usize, claims: String| claims.replace("[\"Verif", &format!("[{types}\"Verif"));
        let links = chain(links, &|_| narrow(), &many, false);
        Sent { links, more: String::new(), signed: (false, false) }
    }));
    all
}

/// Chains that somebody who may has signed, with a presentation that is signed as well or is not.
fn of_signed() -> Vec<Case> {
    let mut all = Vec::new();
    for (words, last) in [("all of it", true), ("all but the last", false)] {
        all.push(case(format!("signed, {words}: spends"), 128, move |links, count| {
            let spends =
                |link| constrained(link, count, |link, index| spend(&name(index), &format!("a:{link}")));
            saying(links, &spends, (true, last))
        }));
        all.push(case(format!("signed, {words}: 16 actions x 16 resources"), 2000, move |links, length| {
            let (actions, resources) = (texts("a:", 16, length), texts("https://shop.example/", 16, length));
            saying(
                links,
                &|_| json!({"grants": [{"actions": actions, "resources": resources}]}),
                (true, last),
            )
        }));
    }
    all
}
