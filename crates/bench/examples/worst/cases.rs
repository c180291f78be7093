//! The cases, each a name and a presentation.

use crate::forge::{
    CLAIMS, LINKS, by_claims, by_links, by_presentation, chain, filled, name, narrow, presented,
};
use serde_json::{Value, json};

pub(crate) fn cases() -> Vec<Case> {
    let mut all = of_grants();
    all.extend(of_constraints());
    all.extend(of_members());
    all.extend(of_values());
    all.extend(of_size());
    all.extend(of_signed());
    all
}

pub(crate) type Case = (String, String);

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
    all.push(("links: types".to_owned(), presented(&chain(LINKS, &|_| narrow(), &many, false), "", false)));
    all
}

/// Chains that somebody who may has signed, once for what they say and once but for the presentation.
fn of_signed() -> Vec<Case> {
    let spends = |link: usize| {
        let one = |index: usize| json!({"type": "spend", "currency": name(index), "perAction": 1, "actions": [format!("a:{link}")]});
        let mut own = narrow();
        own["constraints"] = (0..128).map(one).collect();
        own
    };
    let small = |_: usize| narrow();
    let case = |name: &str, delegation: &dyn Fn(usize) -> Value, last: bool| {
        let links = chain(LINKS, delegation, &|_, claims| claims, true);
        (format!("signed: {name}"), presented(&links, "", last))
    };
    vec![
        case("sixteen small links", &small, true),
        case("sixteen small links, the last signature wrong", &small, false),
        case("128 spends in each link", &spends, true),
        case("128 spends in each link, the last signature wrong", &spends, false),
    ]
}

/// What bytes cost that say nothing.
fn of_size() -> Vec<Case> {
    let [links, presentation] =
        both("one plain text", |index| format!("\"{}\":\"{}\",", name(index), "x".repeat(12_000)));
    let small = ("sixteen small links".to_owned(), by_links(|_| narrow()));
    let dots = ("a text of dots".to_owned(), ".".repeat(520_000));
    vec![links, presentation, small, dots, ("a text of one letter".to_owned(), "A".repeat(520_000))]
}
