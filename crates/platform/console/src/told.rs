//! Values of `/v1` as people read them.

use legation_host::api::escape;
use maud::{Markup, html};
use serde_json::Value;

/// A text of an object; empty where there is none.
pub(crate) fn text<'v>(json: &'v Value, name: &str) -> &'v str {
    json.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// The items of a list.
pub(crate) fn items<'v>(json: &'v Value, name: &str) -> &'v [Value] {
    json.get(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// The texts of a list.
pub(crate) fn texts(json: &Value, name: &str) -> String {
    items(json, name).iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", ")
}

/// A moment, which a machine reads as well.
pub(crate) fn moment(at: &str) -> Markup {
    html! { time datetime=(at) { (at.trim_end_matches('Z').replace('T', " ")) } }
}

/// A state or a decision, in a colour of its own that says nothing more than its word.
pub(crate) fn badge(word: &str) -> Markup {
    html! { span class={ "badge " (class(word)) } { (word) } }
}

/// Facts in two columns; those that are empty are left out.
pub(crate) fn facts(all: &[(&str, Markup)]) -> Markup {
    html! {
        dl {
            @for (name, value) in all {
                @if !value.0.is_empty() { dt { (name) } dd { (value) } }
            }
        }
    }
}

/// An agent by its name, which leads to its page; whoever has none here stands by its DID.
pub(crate) fn named(agent: &str) -> Markup {
    match agent.is_empty() || agent.starts_with("did:") {
        true => html! { (agent) },
        false => html! { a href={ "/console/agents/" (escape(agent)) } { (agent) } },
    }
}

/// A text as markup.
pub(crate) fn plain(text: &str) -> Markup {
    html! { (text) }
}

/// A text that is written in a machine's words.
pub(crate) fn code(text: &str) -> Markup {
    if text.is_empty() {
        html! {}
    } else {
        html! { code { (text) } }
    }
}

/// A text as a shell takes it for one word.
pub(crate) fn shell(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._/:=@,".contains(&byte);
    match !text.is_empty() && text.bytes().all(plain) {
        true => text.to_owned(),
        false => format!("'{}'", text.replace('\'', "'\\''")),
    }
}

/// What is wrong with a field, at the field: `id` is what the field is described by.
pub(crate) fn wrong(id: &str, why: &crate::client::Problem) -> Markup {
    html! {
        div.wrong id=(id) role="alert" {
            p { (why.message) }
            @match why.rule.as_deref() {
                Some([rule, expected, found]) => {
                    (facts(&[("Rule", code(rule)), ("Expected", plain(expected)), ("Found", plain(found))]))
                }
                None => { p.quiet { "Code " code { (why.code) } } }
            }
        }
    }
}

/// A number of an object; 0 where there is none.
pub(crate) fn number(json: &Value, name: &str) -> i64 {
    json.get(name).and_then(Value::as_i64).unwrap_or_default()
}

/// The class of a word's badge.
pub(crate) fn class(word: &str) -> &'static str {
    match word {
        "active" | "current" | "permit" | "done" => "good",
        "suspended" | "pending" | "replaced" | "shadow" => "held",
        "retired" | "revoked" | "ended" | "deny" => "bad",
        _ => "plain",
    }
}
