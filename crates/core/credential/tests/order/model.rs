//! An authority as the wire writes it, before anything is made of it: what the generators draw,
//! and what `naive` judges.

use core::fmt::Write;
use legation_credential::{Authority, Value, Window};
use serde_json::Value as Json;

#[derive(Clone, Debug, Default)]
pub(crate) struct Model {
    pub(crate) grants: Vec<Grant>,
    pub(crate) constraints: Vec<Constraint>,
}

#[derive(Clone, Debug)]
pub(crate) struct Grant {
    pub(crate) actions: Vec<String>,
    pub(crate) resources: Vec<String>,
}

#[derive(Clone, Debug)]
pub(crate) struct Constraint {
    pub(crate) actions: Option<Vec<String>>,
    pub(crate) rule: Rule,
}

/// The members of a window that say how long it is, as they are written: `"seconds":60`.
pub(crate) type Span = String;

/// The one spelling of a window.
pub(crate) fn span(window: Window) -> Span {
    match (window, window.offset()) {
        (Window::Sliding { seconds }, _) => format!(r#""seconds":{seconds}"#),
        (Window::Calendar { period, .. }, None) => format!(r#""calendar":"{}""#, period.name()),
        (Window::Calendar { period, .. }, Some(offset)) => {
            format!(r#""calendar":"{}","offset":"{offset}""#, period.name())
        }
    }
}

fn read_span(json: &Json) -> Span {
    let member = |name: &str| json.get(name).map(|value| format!(r#""{name}":{value}"#));
    ["seconds", "calendar", "offset"].into_iter().filter_map(member).collect::<Vec<_>>().join(",")
}

#[derive(Clone, Debug)]
pub(crate) enum Rule {
    Spend {
        currency: String,
        per_action: Option<i64>,
        /// Window and amount.
        window: Option<(Span, i64)>,
    },
    Total {
        fact: String,
        per_action: Option<i64>,
        /// Window and sum.
        window: Option<(Span, i64)>,
    },
    Rate {
        window: Span,
        max: i64,
    },
    Audience(Vec<String>),
    Argument {
        name: String,
        test: Test,
    },
    Approval {
        above: i64,
        currency: String,
        /// One, or how many of which.
        approver: String,
    },
}

#[derive(Clone, Debug)]
pub(crate) enum Test {
    Equals(Value),
    OneOf(Vec<Value>),
    NotOneOf(Vec<Value>),
    Prefix(String),
    Min(i64),
    Max(i64),
    Rank { rank: Value, order: Vec<Value> },
}

impl Test {
    /// The member of a constraint that says it.
    pub(crate) fn member(&self) -> &'static str {
        match self {
            Self::Equals(_) => "equals",
            Self::OneOf(_) => "oneOf",
            Self::NotOneOf(_) => "notOneOf",
            Self::Prefix(_) => "prefix",
            Self::Min(_) => "min",
            Self::Max(_) => "max",
            Self::Rank { .. } => "rank",
        }
    }

    /// The order of a rank.
    pub(crate) fn order(&self) -> &[Value] {
        match self {
            Self::Rank { order, .. } => order,
            _ => &[],
        }
    }
}

/// An array of what a closure writes of each. No text here needs an escape.
fn list<T>(out: &mut String, all: &[T], write: impl Fn(&mut String, &T)) {
    out.push('[');
    for (at, one) in all.iter().enumerate() {
        out.push_str(if at == 0 { "" } else { "," });
        write(out, one);
    }
    out.push(']');
}

fn quoted(out: &mut String, text: &str) {
    out.push('"');
    out.push_str(text);
    out.push('"');
}

fn plain(out: &mut String, value: &Value) {
    match value {
        Value::Bool(value) => write!(out, "{value}").unwrap(),
        Value::Integer(value) => write!(out, "{value}").unwrap(),
        Value::Text(text) => quoted(out, text),
    }
}

impl Constraint {
    fn write(&self, out: &mut String) {
        match &self.rule {
            Rule::Spend { currency, per_action, window } => {
                write!(out, r#"{{"type":"spend","currency":"{currency}""#).unwrap();
                if let Some(most) = per_action {
                    write!(out, r#","perAction":{most}"#).unwrap();
                }
                if let Some((span, amount)) = window {
                    write!(out, r#","window":{{{span},"amount":{amount}}}"#).unwrap();
                }
            }
            Rule::Total { fact, per_action, window } => {
                write!(out, r#"{{"type":"total","fact":"{fact}""#).unwrap();
                if let Some(most) = per_action {
                    write!(out, r#","perAction":{most}"#).unwrap();
                }
                if let Some((span, sum)) = window {
                    write!(out, r#","window":{{{span},"sum":{sum}}}"#).unwrap();
                }
            }
            Rule::Rate { window, max } => {
                write!(out, r#"{{"type":"rate",{window},"max":{max}"#).unwrap();
            }
            Rule::Audience(allow) => {
                out.push_str(r#"{"type":"audience","allow":"#);
                list(out, allow, |out, text| quoted(out, text));
            }
            Rule::Argument { name, test } => {
                write!(out, r#"{{"type":"argument","name":"{name}","{}":"#, test.member()).unwrap();
                match test {
                    Test::Equals(value) | Test::Rank { rank: value, .. } => plain(out, value),
                    Test::OneOf(values) | Test::NotOneOf(values) => list(out, values, plain),
                    Test::Prefix(prefix) => quoted(out, prefix),
                    Test::Min(number) | Test::Max(number) => write!(out, "{number}").unwrap(),
                }
                if let Test::Rank { order, .. } = test {
                    out.push_str(r#","order":"#);
                    list(out, order, plain);
                }
            }
            Rule::Approval { above, currency, approver } => {
                let kind = r#"{"type":"approval""#;
                write!(out, r#"{kind},"above":{above},"currency":"{currency}""#).unwrap();
                match approver.split_once(' ') {
                    None => write!(out, r#","approver":"{approver}""#).unwrap(),
                    Some((threshold, all)) => {
                        let all: Vec<String> = all.split(' ').map(str::to_owned).collect();
                        write!(out, r#","threshold":{threshold},"approvers":"#).unwrap();
                        list(out, &all, |out, text| quoted(out, text));
                    }
                }
            }
        }
        if let Some(actions) = &self.actions {
            out.push_str(r#","actions":"#);
            list(out, actions, |out, text| quoted(out, text));
        }
        out.push('}');
    }

    fn read(json: &Json) -> Self {
        let text = |name: &str| json[name].as_str().unwrap().to_owned();
        let number = |name: &str| json[name].as_i64().unwrap();
        let window = |most: &str| {
            let window = json.get("window")?;
            Some((read_span(window), window[most].as_i64().unwrap()))
        };
        let rule = match json["type"].as_str().unwrap() {
            "spend" => Rule::Spend {
                currency: text("currency"),
                per_action: json.get("perAction").and_then(Json::as_i64),
                window: window("amount"),
            },
            "total" => Rule::Total {
                fact: text("fact"),
                per_action: json.get("perAction").and_then(Json::as_i64),
                window: window("sum"),
            },
            "rate" => Rule::Rate { window: read_span(json), max: number("max") },
            "audience" => Rule::Audience(texts(&json["allow"])),
            "argument" => Rule::Argument { name: text("name"), test: read_test(json) },
            "approval" => Rule::Approval {
                above: number("above"),
                currency: text("currency"),
                approver: match json.get("approvers") {
                    None => text("approver"),
                    Some(all) => format!("{} {}", number("threshold"), texts(all).join(" ")),
                },
            },
            other => panic!("{other}"),
        };
        Self { actions: json.get("actions").map(texts), rule }
    }
}

fn read_test(json: &Json) -> Test {
    let members = json.as_object().unwrap();
    let (operator, operand) = members
        .iter()
        .find(|(name, _)| !["type", "name", "actions", "order"].contains(&name.as_str()))
        .unwrap();
    let values = |json: &Json| json.as_array().unwrap().iter().map(value).collect();
    match operator.as_str() {
        "equals" => Test::Equals(value(operand)),
        "oneOf" => Test::OneOf(values(operand)),
        "notOneOf" => Test::NotOneOf(values(operand)),
        "prefix" => Test::Prefix(operand.as_str().unwrap().to_owned()),
        "min" => Test::Min(operand.as_i64().unwrap()),
        "max" => Test::Max(operand.as_i64().unwrap()),
        "rank" => Test::Rank { rank: value(operand), order: values(&json["order"]) },
        other => panic!("{other}"),
    }
}

fn value(json: &Json) -> Value {
    match json {
        Json::Bool(value) => Value::Bool(*value),
        Json::Number(number) => Value::Integer(number.as_i64().unwrap()),
        Json::String(text) => text.as_str().into(),
        other => panic!("{other}"),
    }
}

fn texts(json: &Json) -> Vec<String> {
    json.as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect()
}

impl Model {
    /// One grant of an action on a resource, under these constraints.
    pub(crate) fn limited(constraints: &[Json]) -> Self {
        let grant = Grant { actions: vec!["a".to_owned()], resources: vec!["https://s.example/".to_owned()] };
        Self { grants: vec![grant], constraints: constraints.iter().map(Constraint::read).collect() }
    }

    /// What an authority writes.
    pub(crate) fn of(authority: &Authority) -> Self {
        let json = authority.to_json();
        let grants = json["grants"].as_array().unwrap().iter();
        let grants = grants
            .map(|grant| Grant { actions: texts(&grant["actions"]), resources: texts(&grant["resources"]) });
        let constraints = json["constraints"].as_array().unwrap().iter().map(Constraint::read);
        Self { grants: grants.collect(), constraints: constraints.collect() }
    }

    /// Its text, written by hand: millions of them are read.
    pub(crate) fn text(&self) -> String {
        let mut out = String::with_capacity(1024);
        out.push_str(r#"{"grants":"#);
        list(&mut out, &self.grants, |out, grant| {
            out.push_str(r#"{"actions":"#);
            list(out, &grant.actions, |out, text| quoted(out, text));
            out.push_str(r#","resources":"#);
            list(out, &grant.resources, |out, text| quoted(out, text));
            out.push('}');
        });
        out.push_str(r#","constraints":"#);
        list(&mut out, &self.constraints, |out, one| one.write(out));
        out.push('}');
        out
    }

    pub(crate) fn authority(&self) -> Authority {
        Authority::parse(&self.text()).unwrap()
    }
}
