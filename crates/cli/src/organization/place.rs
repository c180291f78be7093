//! Where an organization is that a command acts on: in a folder, or at a host that runs. Both are asked by the same end
//! points and answer the same, so that what is printed is, too.

use super::{
    data_dir::{DataDir, Signer},
    host::Host,
};
use crate::{args::PlaceArgs, files, output::Failure};
use legation_host::api::ApiError;
pub(crate) use legation_host::api::escape;
use legation_registry::Registry;
use serde_json::Value;

/// Most items that are asked for at a time.
const PAGE: &str = "1000";

/// Such a place.
pub(crate) enum Place {
    Folder(Box<Folder>),
    Host(Box<Host>),
}

/// An organization of a folder, and a signer for it.
pub(crate) struct Folder {
    registry: Registry,
    /// It may be one of our own, which ends with us.
    _signer: Signer,
}

impl Place {
    /// The place that arguments name.
    pub(crate) fn of(args: &PlaceArgs) -> Result<Self, Failure> {
        if let Some(url) = &args.host {
            return Ok(Self::Host(Box::new(Host::new(url, args)?)));
        }
        let folder = DataDir::of(&args.data);
        // Before anything is started.
        folder.location()?;
        let signer = folder.signer()?;
        let registry = folder.open(&signer)?;
        Ok(Self::Folder(Box::new(Folder { registry, _signer: signer })))
    }

    /// Asks an end point: a path, with a query where it has one.
    pub(crate) fn ask(&self, method: &str, target: &str, body: Option<&Value>) -> Result<Value, Failure> {
        let body = body.map(Value::to_string).unwrap_or_default();
        match self {
            Self::Host(host) => host.ask(method, target, body.as_bytes()),
            Self::Folder(folder) => {
                let now = files::now();
                legation_host::api::ask(&folder.registry, method, target, body.as_bytes(), now)
                    .map_err(|error| failed(&error))
            }
        }
    }

    /// All items of a list, read page by page.
    pub(crate) fn all(&self, path: &str, query: &[(&str, &str)], list: &str) -> Result<Vec<Value>, Failure> {
        let mut found = Vec::new();
        self.each(path, query, list, |page| {
            found.extend(page);
            Ok(())
        })?;
        Ok(found)
    }

    /// Each page of a list.
    pub(crate) fn each(
        &self,
        path: &str,
        query: &[(&str, &str)],
        list: &str,
        mut of_page: impl FnMut(Vec<Value>) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let mut after = String::new();
        loop {
            let mut members = query.to_vec();
            members.push(("limit", PAGE));
            if !after.is_empty() {
                members.push(("after", &after));
            }
            let mut page = self.ask("GET", &target(path, &members), None)?;
            if let Some(Value::Array(items)) = page.get_mut(list).map(Value::take) {
                of_page(items)?;
            }
            match page.get("next") {
                Some(Value::String(next)) => after.clone_from(next),
                Some(next) if !next.is_null() => after = next.to_string(),
                _ => return Ok(()),
            }
        }
    }
}

/// Asks one end point of the place that arguments name.
pub(crate) fn ask(
    args: &PlaceArgs,
    method: &str,
    target: &str,
    body: Option<&Value>,
) -> Result<Value, Failure> {
    Place::of(args)?.ask(method, target, body)
}

/// A path with a query.
pub(crate) fn target(path: &str, query: &[(&str, &str)]) -> String {
    let members: Vec<String> =
        query.iter().map(|(name, value)| format!("{name}={}", escape(value))).collect();
    if members.is_empty() { path.to_owned() } else { format!("{path}?{}", members.join("&")) }
}

/// How it is told that an end point did nothing.
pub(crate) fn failed(error: &ApiError) -> Failure {
    let exit = match error.status {
        400 | 413 | 422 => 2,
        500.. => 3,
        _ => 1,
    };
    Failure { exit, code: error.code.clone(), message: error.message.clone() }
}

/// An answer with the file that something of it was written to.
pub(crate) fn with_file(mut json: Value, file: String) -> Value {
    if let Some(members) = json.as_object_mut() {
        members.insert("file".to_owned(), file.into());
    }
    json
}

/// A number of an answer; 0 where there is none.
pub(crate) fn number(json: &Value, name: &str) -> i64 {
    json.get(name).and_then(Value::as_i64).unwrap_or_default()
}

/// A member that is a text; empty where it is none.
pub(crate) fn text<'v>(json: &'v Value, name: &str) -> &'v str {
    json.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// A member that is a list of texts, joined.
pub(crate) fn joined(json: &Value, name: &str, by: &str) -> String {
    let all = items(json, name).iter().filter_map(Value::as_str);
    all.collect::<Vec<_>>().join(by)
}

/// A member that is a list.
pub(crate) fn items<'v>(json: &'v Value, name: &str) -> &'v [Value] {
    json.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_user_types_stays_within_its_segment() {
        assert_eq!(escape("a/b?c=d&e #%é"), "a%2Fb%3Fc%3Dd%26e%20%23%25%C3%A9");
        assert_eq!(escape("did:key:z6Mk"), "did:key:z6Mk");
        assert_eq!(target("/v1/agents", &[("team", "a&b"), ("limit", "1")]), "/v1/agents?team=a%26b&limit=1");
    }
}
