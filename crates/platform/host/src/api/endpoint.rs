//! One end point, and the table of all of them. The table mounts them and is what they are described by, so that nothing
//! is served that is not described, nor the other way round.

use super::{
    admins, alerts, approvals, asked::Asked, budgets, cards, claims, configured, console, delegations,
    domains, error::ApiError, exports, holders, identity, keys, mcp, migration, overlays, people, policies,
    processes, quarantine, rotation, signals, told, trust_domains,
};
use axum::http::Method;
use legation_credential::request::split_query;
use legation_registry::Registry;
use serde_json::Value;
use std::collections::BTreeMap;

/// One end point.
pub(crate) struct Endpoint {
    pub(crate) method: Method,
    /// Its path, with at most one variable.
    pub(crate) path: &'static str,
    /// What a delegation has to grant.
    pub(crate) action: &'static str,
    /// What it does, in a sentence.
    pub(crate) summary: &'static str,
    /// What may stand in its query.
    pub(crate) query: &'static [Member],
    /// The schema of its body.
    pub(crate) body: Option<&'static str>,
    /// The schema of its answer.
    pub(crate) answer: &'static str,
    /// The status of an answer.
    pub(crate) status: u16,
    /// Whether a secret stands in the answer, which is then given once.
    pub(crate) secret: bool,
    /// Whether it is answered as a stream to whoever asks for one.
    pub(crate) streams: bool,
    /// Whether nobody has to sign for it: what is in the body says who may.
    pub(crate) open: bool,
    /// Whether it changes nothing, although it is asked by a body: no transaction has to hold it together.
    pub(crate) only_reads: bool,
    /// Whether it asks others, whom nobody is to wait for: its verbs are not one transaction.
    pub(crate) alone: bool,
    /// What it does. It blocks.
    pub(crate) run: fn(&Asked<'_>) -> Result<Value, ApiError>,
}

/// A member of a query.
pub(crate) struct Member {
    pub(crate) name: &'static str,
    /// `string` or `integer`.
    pub(crate) kind: &'static str,
    pub(crate) about: &'static str,
}

/// Behind which item a part of a list begins.
pub(crate) const AFTER: Member = Member {
    name: "after",
    kind: "string",
    about: "Begin behind this item: the `next` of the answer before.",
};
/// The moment that an answer is of.
pub(crate) const AT: Member =
    Member { name: "at", kind: "string", about: "As of this moment (RFC 3339); by default as of now." };
/// How many items an answer has.
pub(crate) const LIMIT: Member =
    Member { name: "limit", kind: "integer", about: "Most items of the answer: 1 to 1000, by default 100." };

impl Endpoint {
    /// One that reads.
    pub(crate) const fn get(
        (path, action): (&'static str, &'static str),
        summary: &'static str,
        query: &'static [Member],
        answer: &'static str,
        run: fn(&Asked<'_>) -> Result<Value, ApiError>,
    ) -> Self {
        let method = Method::GET;
        Self {
            method,
            path,
            action,
            summary,
            query,
            body: None,
            answer,
            status: 200,
            secret: false,
            streams: false,
            open: false,
            only_reads: false,
            alone: false,
            run,
        }
    }

    /// One that changes what is there.
    pub(crate) const fn change(
        method: Method,
        (path, action): (&'static str, &'static str),
        summary: &'static str,
        (body, answer): (Option<&'static str>, &'static str),
        run: fn(&Asked<'_>) -> Result<Value, ApiError>,
    ) -> Self {
        Self {
            method,
            path,
            action,
            summary,
            query: &[],
            body,
            answer,
            status: 200,
            secret: false,
            streams: false,
            open: false,
            only_reads: false,
            alone: false,
            run,
        }
    }

    /// One that makes something.
    pub(crate) const fn make(
        (path, action): (&'static str, &'static str),
        summary: &'static str,
        (body, answer): (&'static str, &'static str),
        run: fn(&Asked<'_>) -> Result<Value, ApiError>,
    ) -> Self {
        let body = Some(body);
        let (method, query) = (Method::POST, &[] as &[Member]);
        Self {
            method,
            path,
            action,
            summary,
            query,
            body,
            answer,
            status: 201,
            secret: false,
            streams: false,
            open: false,
            only_reads: false,
            alone: false,
            run,
        }
    }

    /// The same, whose answer holds a secret.
    pub(crate) const fn with_secret(mut self) -> Self {
        self.secret = true;
        self
    }

    /// The same, which asks others.
    pub(crate) const fn alone(mut self) -> Self {
        self.alone = true;
        self
    }

    /// The same, for which nobody has to sign.
    pub(crate) const fn open(mut self) -> Self {
        self.open = true;
        self
    }

    /// The same, which is a stream for whoever asks for one.
    pub(crate) const fn or_stream(mut self) -> Self {
        self.streams = true;
        self
    }

    /// The same, which changes nothing.
    pub(crate) const fn reading(mut self) -> Self {
        self.only_reads = true;
        self
    }

    /// Whether it changes nothing.
    pub(crate) fn reads(&self) -> bool {
        self.only_reads || self.method == Method::GET
    }

    /// Whether it may be asked again by an idempotency key: whatever else changes something can be asked again as it is.
    pub(crate) fn is_once(&self) -> bool {
        self.method == Method::POST && !self.open && !self.alone && !self.reads()
    }

    /// What stands in a path for the variable, where the path is this one's; empty where it has none.
    pub(crate) fn name_in(&self, path: &str) -> Option<String> {
        let (mut wanted, mut found) = (self.path.split('/'), path.split('/'));
        let mut name = String::new();
        loop {
            match (wanted.next(), found.next()) {
                (None, None) => return Some(name),
                (Some(variable), Some(text)) if variable.starts_with('{') && !text.is_empty() => {
                    name = unescape(text)?;
                }
                (Some(wanted), Some(found)) if wanted == found => {}
                _ => return None,
            }
        }
    }
}

/// All end points.
pub(crate) fn all() -> impl Iterator<Item = &'static Endpoint> {
    let tables: [&'static [Endpoint]; 25] = [
        holders::ENDPOINTS,
        budgets::ENDPOINTS,
        keys::ENDPOINTS,
        rotation::ENDPOINTS,
        processes::ENDPOINTS,
        cards::ENDPOINTS,
        delegations::ENDPOINTS,
        configured::ENDPOINTS,
        trust_domains::ENDPOINTS,
        policies::ENDPOINTS,
        mcp::ENDPOINTS,
        quarantine::ENDPOINTS,
        overlays::ENDPOINTS,
        migration::ENDPOINTS,
        approvals::ENDPOINTS,
        admins::ENDPOINTS,
        claims::ENDPOINTS,
        console::ENDPOINTS,
        identity::ENDPOINTS,
        domains::ENDPOINTS,
        people::ENDPOINTS,
        signals::ENDPOINTS,
        alerts::ENDPOINTS,
        told::ENDPOINTS,
        exports::ENDPOINTS,
    ];
    tables.into_iter().flatten()
}

/// The action that a delegation has to grant for a request, where there is such an end point.
#[must_use]
pub fn action(method: &str, path: &str) -> Option<&'static str> {
    let fits = |one: &&Endpoint| one.method.as_str() == method && one.name_in(path).is_some();
    all().filter(|one| !one.open).find(fits).map(|endpoint| endpoint.action)
}

/// Asks an end point as whoever holds the organization's data: `target` is its path and query, `now` is in Unix seconds. All
/// that it changes is changed in one transaction. It blocks.
///
/// # Errors
/// [`ApiError`], as the API answers it.
pub fn ask(
    registry: &Registry,
    method: &str,
    target: &str,
    body: &[u8],
    now: i64,
) -> Result<Value, ApiError> {
    let path = target.split('?').next().unwrap_or_default();
    let named = all().filter(|one| one.method.as_str() == method);
    let found = named.filter_map(|one| one.name_in(path).map(|name| (one, name))).next();
    let (endpoint, name) = found.ok_or_else(ApiError::nothing_here)?;
    let query = query(endpoint, target)?;
    let run = |registry: &Registry| {
        (endpoint.run)(&Asked {
            registry,
            name: &name,
            query: &query,
            body,
            authority: None,
            keys: None,
            domains: None,
            logs: None,
            now,
        })
    };
    if endpoint.reads() || endpoint.alone { run(registry) } else { registry.together(run) }
}

/// The query of a request, of which each member is known.
pub(crate) fn query(endpoint: &Endpoint, target: &str) -> Result<BTreeMap<String, String>, ApiError> {
    let wrong = |message: String| ApiError::bad("query_invalid", message);
    let (_, facts) = split_query(target).map_err(|error| wrong(error.to_string()))?;
    let mut query = BTreeMap::new();
    for (name, value) in facts {
        let name = name.strip_prefix("query.").unwrap_or(&name);
        let known = endpoint.query.iter().any(|member| member.name == name);
        match value {
            legation_credential::Value::Text(value) if known && !value.contains('\0') => {
                query.insert(name.to_owned(), value);
            }
            _ => {
                return Err(wrong(format!("the query has `{name}`, which means nothing here; leave it out")));
            }
        }
    }
    Ok(query)
}

/// A segment of a path as its reader sees it.
pub(crate) fn unescape(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => u8::try_from(digit(rest.next())? * 16 + digit(rest.next())?).ok()?,
            other => other,
        });
    }
    // No database has a text with a null character in it.
    String::from_utf8(bytes).ok().filter(|text| !text.contains('\0'))
}
