//! What a server sends: answers, lists that are filtered, and what it asks its client for.

use crate::{message::Id, name};
use legation_credential::Facts;
use legation_keys::{
    Json, jcs,
    json::{self, JsonError, JsonLimits, Object},
};
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// Bounds on a message of a server: results hold pictures and documents.
pub const LIMITS: JsonLimits = JsonLimits { bytes: 16 << 20, depth: 128 };

/// A message of a server.
#[derive(Debug)]
pub struct Reply<'a> {
    /// What it is.
    pub kind: Kind,
    json: Json<'a>,
}

/// What a message of a server is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An answer to the request of this id; an error may have none.
    Answer(Option<Id>),
    /// A request to the client, before 2026-07-28: `sampling/createMessage`, `elicitation/create`, `roots/list`.
    Asks {
        /// Its id.
        id: Id,
        /// The method.
        method: String,
    },
    /// A notification.
    Tells(String),
}

/// Why something of a server does not go on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReplyError {
    /// Not JSON within the bounds, or a member stands twice: two clients could read it differently.
    #[error("the server's message can't be read: {0}")]
    Json(#[from] JsonError),
    /// Not a message of JSON-RPC, or not the list that was asked for.
    #[error("the server's message is not what was asked for: {reason}")]
    Form {
        /// What is wrong.
        reason: &'static str,
    },
}

fn form(reason: &'static str) -> ReplyError {
    ReplyError::Form { reason }
}

/// Reads a message of a server.
///
/// # Errors
/// [`ReplyError`].
pub fn read(text: &[u8]) -> Result<Reply<'_>, ReplyError> {
    let json = json::parse(text, LIMITS)?;
    let message = json.as_object().ok_or_else(|| form("it is no object"))?;
    let id = || message.get("id").and_then(Id::read);
    let kind = match message.get("method") {
        Some(Json::String(method)) if message.get("id").is_some() => {
            let id = id().ok_or_else(|| form("its `id` is neither a text nor an integer"))?;
            Kind::Asks { id, method: method.clone().into_owned() }
        }
        Some(Json::String(method)) => Kind::Tells(method.clone().into_owned()),
        Some(_) => return Err(form("its `method` is no text")),
        None if message.get("result").is_some() == message.get("error").is_some() => {
            return Err(form("it has neither a `method` nor one of `result` and `error`"));
        }
        None => Kind::Answer(id()),
    };
    Ok(Reply { kind, json })
}

impl Reply<'_> {
    pub(crate) fn result(&self) -> Option<&Object<'_>> {
        self.json.get("result").and_then(Json::as_object)
    }

    pub(crate) fn is_error(&self) -> bool {
        self.json.get("error").is_some()
    }

    /// What a result asks the client for before there is an answer (basic/patterns/mrtr): the methods of its `inputRequests`.
    ///
    /// # Errors
    /// [`ReplyError`] where they can't be read.
    pub fn asks_for(&self) -> Result<Vec<&str>, ReplyError> {
        let Some(asked) = self.result().and_then(|result| result.get("inputRequests")) else {
            return Ok(Vec::new());
        };
        let asked = asked.as_object().ok_or_else(|| form("`inputRequests` is no object"))?;
        let method = |(_, one)| Json::get(one, "method").and_then(Json::as_str);
        let methods: Vec<&str> = asked.iter().filter_map(method).collect();
        if methods.len() == asked.len() {
            Ok(methods)
        } else {
            Err(form("one of `inputRequests` has no `method`"))
        }
    }

    /// The lists that a result holds, whatever it answers.
    #[must_use]
    pub fn lists(&self) -> Vec<List> {
        let all = [List::Tools, List::Prompts, List::Resources, List::Templates];
        let is_there =
            |list: &List| self.result().is_some_and(|result| result.get(list.members().0).is_some());
        all.into_iter().filter(is_there).collect()
    }

    /// The tools of a list, each with its definition in canonical form (RFC 8785): what it says, however it is written. Those
    /// whose names no action can have are shown to nobody, and left out.
    #[must_use]
    pub fn definitions(&self) -> Vec<(String, String)> {
        let tools = self.result().and_then(|result| result.get("tools")).and_then(Json::as_array);
        let named = |tool: &Json<'_>| {
            let name = tool.get("name")?.as_str().filter(|name| name::fits(name))?;
            Some((name.to_owned(), jcs::canonicalize(tool)))
        };
        tools.unwrap_or_default().iter().filter_map(named).collect()
    }
}

/// A list that a caller gets a part of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum List {
    /// `tools/list`
    Tools,
    /// `prompts/list`
    Prompts,
    /// `resources/list`
    Resources,
    /// `resources/templates/list`
    Templates,
}

impl List {
    /// The list that a method asks for.
    #[must_use]
    pub fn of(method: &str) -> Option<Self> {
        match method {
            "tools/list" => Some(Self::Tools),
            "prompts/list" => Some(Self::Prompts),
            "resources/list" => Some(Self::Resources),
            "resources/templates/list" => Some(Self::Templates),
            _ => None,
        }
    }

    /// What using an item is: the action, and what is known of its facts.
    #[must_use]
    pub fn asked(self, item: &str) -> (String, Facts) {
        let read = || "mcp:resources/read".to_owned();
        match self {
            Self::Tools => (format!("mcp:tools/call:{item}"), Facts::new()),
            Self::Prompts => (format!("mcp:prompts/get:{item}"), Facts::new()),
            Self::Resources => (read(), [("uri".to_owned(), item.into())].into()),
            Self::Templates => (read(), Facts::new()),
        }
    }

    /// Whether an item is shown all the same, where that was denied with a code: all but a resource has arguments, which nobody
    /// knows yet.
    #[must_use]
    pub fn shows(self, code: &str) -> bool {
        self != Self::Resources && code != "not_granted"
    }

    /// The member of the result that has the items, and the member of an item by which it is asked for.
    fn members(self) -> (&'static str, &'static str) {
        match self {
            Self::Tools => ("tools", "name"),
            Self::Prompts => ("prompts", "name"),
            Self::Resources => ("resources", "uri"),
            Self::Templates => ("resourceTemplates", "uriTemplate"),
        }
    }

    /// Whether its items are called by their names.
    fn is_called(self) -> bool {
        matches!(self, Self::Tools | Self::Prompts)
    }
}

/// Leaves of a list what `may` says yes to. What stays is as the server wrote it. Tools and prompts whose names are alike
/// ([`name::seen`]), and those that no action can name, are left out: nobody could tell which one is meant.
///
/// From 2026-07-28 on, a list that depends on who asks says `"cacheScope":"private"` (server/utilities/caching).
///
/// # Errors
/// [`ReplyError`] where the result is no such list. An error of the server is given back as it is.
pub fn filter(text: &str, list: List, may: &mut dyn FnMut(&str) -> bool) -> Result<String, ReplyError> {
    let reply = read(text.as_bytes())?;
    if reply.json.get("error").is_some() {
        return Ok(text.to_owned());
    }
    let (member, key) = list.members();
    let result = reply.result().ok_or_else(|| form("its `result` is no object"))?;
    let items = result.get(member).and_then(Json::as_array).ok_or_else(|| form("the list is missing"))?;
    let keys: Vec<&str> = items
        .iter()
        .map(|item| item.get(key).and_then(Json::as_str).ok_or_else(|| form("an item has no name")))
        .collect::<Result<_, _>>()?;
    let mut alike: BTreeMap<String, usize> = BTreeMap::new();
    for key in &keys {
        *alike.entry(name::seen(key)).or_default() += 1;
    }
    let is_plain = |key: &str| name::fits(key) && alike.get(&name::seen(key)) == Some(&1);
    let kept: Vec<bool> = keys.iter().map(|key| (!list.is_called() || is_plain(key)) && may(key)).collect();
    let is_private = result.get("resultType").is_some();
    with_items(text, member, &kept, |result| {
        if is_private {
            result.insert("cacheScope".to_owned(), serde_json::value::to_raw_value("private")?);
        }
        Ok(())
    })
}

/// The members of a result, as they were written.
pub(crate) type Members = BTreeMap<String, Box<RawValue>>;

/// The message with the items that are kept, and what `edit` makes of the rest of its result.
pub(crate) fn with_items(
    text: &str,
    member: &str,
    kept: &[bool],
    edit: impl FnOnce(&mut Members) -> Result<(), serde_json::Error>,
) -> Result<String, ReplyError> {
    let written = || {
        let mut message: Members = serde_json::from_str(text)?;
        let result = message.get("result").map_or("{}", |result| result.get());
        let result = result_with_items(result, member, kept, edit)?;
        message.insert("result".to_owned(), serde_json::value::to_raw_value(&result)?);
        serde_json::to_string(&message)
    };
    written().map_err(|_: serde_json::Error| form("it was read, and can't be read again"))
}

/// The same of a result by itself.
pub(crate) fn result_with_items(
    text: &str,
    member: &str,
    kept: &[bool],
    edit: impl FnOnce(&mut Members) -> Result<(), serde_json::Error>,
) -> Result<Members, serde_json::Error> {
    let mut result: Members = serde_json::from_str(text)?;
    let items = result.get(member).map_or("[]", |items| items.get());
    let items: Vec<&RawValue> = serde_json::from_str(items)?;
    let items: Vec<&RawValue> =
        items.into_iter().zip(kept).filter(|(_, kept)| **kept).map(|(one, _)| one).collect();
    let items = serde_json::value::to_raw_value(&items)?;
    result.insert(member.to_owned(), items);
    edit(&mut result)?;
    Ok(result)
}
