//! An authority in plain words, a sentence each: for people who read what somebody may do, in the console and where they are asked.

use legation_credential::Authority;
use maud::{Markup, html};
use serde_json::Value;

/// What an authority says: what may be done, and within which limits.
#[must_use]
pub fn sentences(authority: &Authority) -> Markup {
    let json = authority.to_json();
    let grants = json.get("grants").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let list = |grant: &Value, name: &str| -> Vec<String> {
        let all = grant.get(name).and_then(Value::as_array);
        all.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
    };
    html! {
        ul.may {
            @for grant in grants { li { (may(&list(grant, "actions"), &list(grant, "resources"))) } }
            @if grants.is_empty() { li { "May do nothing." } }
        }
        (limits(authority))
    }
}

/// What a grant says.
#[must_use]
pub fn may(actions: &[String], resources: &[String]) -> Markup {
    html! { "May do " (several(actions)) " on " (several(resources)) "." }
}

/// Within which limits an authority is.
#[must_use]
pub fn limits(authority: &Authority) -> Markup {
    html! {
        @if authority.limits().next().is_some() {
            p { "As long as:" }
            ul.limits { @for (key, bound) in authority.limits() { li { (key.describe(bound)) } } }
        }
    }
}

fn several(all: &[String]) -> Markup {
    html! {
        @for (place, one) in all.iter().enumerate() {
            @if place > 0 { (if place + 1 == all.len() { " and " } else { ", " }) }
            code { (one) }
        }
    }
}
