//! A remedy in words and as JSON.

use super::{Change, Remedy, To, What};
use crate::{Need, Party, error::printable};
use core::fmt;
use legation_credential::{
    Pattern, Value,
    amount::micros_of,
    limit::{Bound, Limit, LimitKind},
    money::money,
};
use legation_keys::time;
use serde_json::{Value as Json, json};

impl Remedy {
    /// The remedy as data, as `schemas/verdict.schema.json` describes it: `by`, the `changes`, and the same
    /// in words as `text`.
    #[must_use]
    pub fn to_json(&self) -> Json {
        let by = match self.by {
            Party::Operator => "operator",
            other => other.name(),
        };
        let changes: Vec<Json> = self.changes.iter().map(Change::to_json).collect();
        json!({"by": by, "changes": changes, "text": self.to_string()})
    }
}

impl Change {
    fn to_json(&self) -> Json {
        let (what, name) = self.what.names();
        let mut json = json!({"link": self.link, "what": what});
        let mut set = |member: &str, value: Json| {
            if let Some(members) = json.as_object_mut() {
                members.insert(member.to_owned(), value);
            }
        };
        if let Some(name) = name {
            set("name", name);
        }
        match &self.to {
            To::Bound(bound) => {
                let (member, value) = self.bound_json(bound);
                set(member, value);
            }
            To::Absent => set("absent", true.into()),
            To::Once => set("once", true.into()),
            To::Present => set("present", true.into()),
            To::Include(value) => set("include", value.to_json()),
            To::Texts(texts) => set("exactly", texts.as_slice().into()),
            To::Pairs(pairs) => set("within", pairs.iter().map(pair_json).collect()),
        }
        json
    }

    fn bound_json(&self, bound: &Bound) -> (&'static str, Json) {
        let number = |number: i64| match &self.what {
            What::Time(_) | What::Evidence(_) | What::List(..) | What::Now => time::format(number).into(),
            _ => number.into(),
        };
        let list = |values: &std::collections::BTreeSet<Value>| values.iter().map(Value::to_json).collect();
        match bound {
            Bound::Most(index) if ranked(&self.what, *index).is_some() => {
                ("atMost", ranked(&self.what, *index).map_or(Json::Null, Value::to_json))
            }
            Bound::Most(most) => ("atMost", number(*most)),
            Bound::Least(least) => ("atLeast", number(*least)),
            Bound::OneOf(values) => ("oneOf", list(values)),
            Bound::NotOneOf(values) => ("noneOf", list(values)),
            Bound::Prefix(prefix) => ("startsWith", prefix.as_str().into()),
        }
    }
}

/// The value of a rank at an index of its order.
fn ranked(what: &What, index: i64) -> Option<&Value> {
    let What::Constraint(key) = what else { return None };
    let LimitKind::Rank { order, .. } = &key.kind else { return None };
    order.get(usize::try_from(index).ok()?)
}

fn pair_json((action, resource): &(Pattern, Pattern)) -> Json {
    json!({"action": action.to_string(), "resource": resource.to_string()})
}

impl What {
    /// Its kind, and which one of the kind.
    fn names(&self) -> (&'static str, Option<Json>) {
        match self {
            Self::Bytes => ("bytes", None),
            Self::Depth => ("depth", None),
            Self::Links => ("links", None),
            Self::Padding => ("padding", None),
            Self::Header(name) => ("header", Some(name.as_str().into())),
            Self::Member(name) => ("member", Some(name.as_str().into())),
            Self::Time(name) => ("time", Some((*name).into())),
            Self::Envelope(name) => ("envelope", Some((*name).into())),
            Self::Grant { action, resource } => {
                ("grant", Some(pair_json(&(action.clone(), resource.clone()))))
            }
            Self::Constraint(key) => ("constraint", Some(key.to_json())),
            Self::Asked => ("request", None),
            Self::Fact(name) | Self::Amount(name, _) => ("fact", Some(name.as_str().into())),
            Self::Root(did) => ("root", Some(did.as_str().into())),
            Self::Relationship(did, purpose) => {
                ("document", Some(json!({"did": did.as_str(), "member": purpose.member()})))
            }
            Self::Evidence(Need::Document(did)) => ("evidence", Some(did.as_str().into())),
            Self::Evidence(Need::StatusList(url)) => ("evidence", Some(url.as_str().into())),
            Self::List(url, member) => ("list", Some(json!({"url": url, "member": member}))),
            Self::Now => ("now", None),
        }
    }
}

impl fmt::Display for Remedy {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::new();
        let mut before = None;
        for change in &self.changes {
            if before != Some(change.link) {
                let who = match (self.by, change.link) {
                    (Party::Issuer, Some(link)) => format!("the issuer of link {link}"),
                    (by, _) => format!("the {}", by.name()),
                };
                text.push_str(if text.is_empty() { "" } else { "; " });
                text.push_str(&format!("{who}: {change}"));
            } else {
                text.push_str(&format!(", {change}"));
            }
            before = Some(change.link);
        }
        // Names and values of a chain are a stranger's words.
        out.write_str(&printable(text))
    }
}

impl fmt::Display for Change {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let to = &self.to;
        match &self.what {
            What::Bytes => write!(out, "its bytes {to}"),
            What::Depth => write!(out, "the levels of its JSON {to}"),
            What::Links => write!(out, "the links {to}"),
            What::Padding => write!(out, "the `=` of its base64url {to}"),
            What::Header(name) => write!(out, "`{name}` of the header {to}"),
            What::Member(name) => write!(out, "`{name}` {to}"),
            What::Time(name) => write!(out, "`{name}` must be {}", Moment(to)),
            What::Envelope(name) => write!(out, "`{name}` of the link's envelope {to}"),
            What::Grant { action, resource } => write!(out, "the grant of {action} on {resource} {to}"),
            What::Constraint(key) => match to {
                To::Bound(bound) => {
                    let limit = Limit { key: key.clone(), bound: bound.clone() };
                    write!(out, "the constraint must be that {limit}")
                }
                _ => {
                    let json = key.to_json();
                    let kind = json.get("type").and_then(Json::as_str).unwrap_or_default();
                    write!(out, "the `{kind}` constraint {to}")
                }
            },
            What::Asked => write!(out, "the action and the resource {to}"),
            What::Fact(name) => write!(out, "the fact `{name}` {to}"),
            What::Amount(name, currency) => {
                write!(out, "the fact `{name}` {to}")?;
                match to {
                    To::Bound(Bound::Most(number) | Bound::Least(number)) => {
                        let micros = micros_of(name, *number).unwrap_or(*number);
                        write!(out, " ({})", money(micros, currency))
                    }
                    _ => Ok(()),
                }
            }
            What::Root(did) => write!(out, "`roots` of the trust must name {did}, if it is to be trusted"),
            What::Relationship(did, purpose) => {
                write!(out, "`{}` in the document of {did} {to}", purpose.member())
            }
            What::Evidence(need) => {
                match need {
                    Need::Document(did) => write!(out, "the document of {did}")?,
                    Need::StatusList(url) => write!(out, "the status list {url}")?,
                }
                match to {
                    To::Bound(_) => write!(out, " as it was fetched {}", Moment(to)),
                    _ => out.write_str(" must be at hand and in order"),
                }
            }
            What::List(url, name) => write!(out, "`{name}` of the list {url} must be {}", Moment(to)),
            What::Now => write!(out, "a new presentation {}", Moment(to)),
        }
    }
}

impl fmt::Display for To {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bound(bound) => write!(out, "must be {bound}"),
            Self::Absent => out.write_str("must be left out"),
            Self::Once => out.write_str("must stand once"),
            Self::Present => out.write_str("must be given"),
            Self::Include(value) => write!(out, "must name {value}, too"),
            Self::Texts(texts) => write!(out, "must be exactly [{}]", texts.join(", ")),
            Self::Pairs(pairs) if pairs.is_empty() => out.write_str("must be left out"),
            Self::Pairs(pairs) => {
                let pairs: Vec<String> =
                    pairs.iter().map(|(action, resource)| format!("{action} on {resource}")).collect();
                write!(out, "must be within {}", pairs.join(" or "))
            }
        }
    }
}

/// A bound of Unix seconds, written as times.
struct Moment<'t>(&'t To);

impl fmt::Display for Moment<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            To::Bound(Bound::Most(most)) => write!(out, "{} or earlier", time::format(*most)),
            To::Bound(Bound::Least(least)) => write!(out, "{} or later", time::format(*least)),
            other => write!(out, "{other}"),
        }
    }
}
