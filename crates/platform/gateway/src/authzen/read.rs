//! What an evaluation asks (AuthZEN 1.0, §5 and §7).

use super::{resource, subject::Named};
use crate::refused::Refused;
use legation_credential::{Facts, Request};
use legation_keys::{
    Json,
    json::{self, JsonLimits, Object},
};
use legation_mcp::arguments;

/// Bounds on the body.
const LIMITS: JsonLimits = JsonLimits { bytes: 1 << 20, depth: 32 };
/// Most evaluations of one request.
const MOST: usize = 1000;

/// One evaluation.
#[derive(Clone, Debug)]
pub(super) struct Asking {
    pub(super) subject: Named,
    /// The request that is judged.
    pub(super) request: Request,
}

/// In which order evaluations are looked at, and where that ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Semantic {
    /// All of them.
    #[default]
    ExecuteAll,
    /// Up to the first denial.
    DenyOnFirstDeny,
    /// Up to the first permit.
    PermitOnFirstPermit,
}

/// All that is asked.
#[derive(Debug)]
pub(super) struct Query {
    pub(super) items: Vec<Result<Asking, Refused>>,
    pub(super) is_batch: bool,
    pub(super) semantic: Semantic,
    pub(super) commit: bool,
}

pub(super) fn wrong(message: &str) -> Refused {
    Refused::new("bad_request", message)
}

/// Reads a body as JSON.
pub(super) fn parse(body: &[u8]) -> Result<Json<'_>, Refused> {
    json::parse(body, LIMITS).map_err(|error| Refused::new(error.code(), error.to_string()))
}

/// Reads a body that asks for one evaluation or several.
pub(super) fn read(body: &[u8], several: bool) -> Result<Query, Refused> {
    let json = parse(body)?;
    let query = json.as_object().ok_or_else(|| wrong("the body is no object"))?;
    let options = match query.get("options") {
        None => None,
        Some(options) => Some(options.as_object().ok_or_else(|| wrong("`options` is no object"))?),
    };
    let commit = match options.and_then(|options| options.get("commit")) {
        None => false,
        Some(Json::Bool(commit)) => *commit,
        Some(_) => return Err(wrong("`options.commit` is neither `true` nor `false`")),
    };
    let semantic = match options.and_then(|options| options.get("evaluations_semantic")).map(Json::as_str) {
        None | Some(Some("execute_all")) => Semantic::ExecuteAll,
        Some(Some("deny_on_first_deny")) => Semantic::DenyOnFirstDeny,
        Some(Some("permit_on_first_permit")) => Semantic::PermitOnFirstPermit,
        Some(_) => return Err(wrong("`options.evaluations_semantic` is not known")),
    };
    let items = match query.get("evaluations").filter(|_| several) {
        None => None,
        Some(items) => Some(items.as_array().ok_or_else(|| wrong("`evaluations` is no array"))?),
    };
    // §7.1: without `evaluations`, or with none, it is a single one.
    let Some(items) = items.filter(|items| !items.is_empty()) else {
        let items = vec![Ok(asking(&|name| query.get(name))?)];
        return Ok(Query { items, is_batch: false, semantic, commit });
    };
    if items.len() > MOST {
        return Err(wrong(&format!("{} evaluations; ask {MOST} at a time at most", items.len())));
    }
    let item = |item: &Json<'_>| {
        let item = item.as_object().ok_or_else(|| wrong("an evaluation is no object"))?;
        // §7.1.1: a member of its own stands in place of the default, whole.
        asking(&|name| item.get(name).or_else(|| query.get(name)))
    };
    Ok(Query { items: items.iter().map(item).collect(), is_batch: true, semantic, commit })
}

fn asking<'j>(member: &dyn Fn(&str) -> Option<&'j Json<'j>>) -> Result<Asking, Refused> {
    let subject = entity("subject", member)?;
    let action = text("action", entity("action", member)?, "name")?;
    let object = entity("resource", member)?;
    let (kind, id) = (text("resource", object, "type")?, text("resource", object, "id")?);
    let subject = Named {
        kind: text("subject", subject, "type")?.to_owned(),
        id: text("subject", subject, "id")?.to_owned(),
    };
    let request = Request::new(action, &resource::name(kind, id), facts(member)?)
        .map_err(|error| wrong(&error.to_string()))?;
    Ok(Asking { subject, request })
}

/// A member that has to be there, and an object.
pub(super) fn entity<'j>(
    name: &str,
    member: &dyn Fn(&str) -> Option<&'j Json<'j>>,
) -> Result<&'j Object<'j>, Refused> {
    member(name).and_then(Json::as_object).ok_or_else(|| wrong(&format!("`{name}` is missing, or no object")))
}

/// A member of that, which has to be a text.
pub(super) fn text<'j>(of: &str, object: &'j Object<'j>, name: &str) -> Result<&'j str, Refused> {
    let text = object.get(name).and_then(Json::as_str).filter(|text| !text.is_empty());
    text.ok_or_else(|| wrong(&format!("`{of}.{name}` is missing, or no text")))
}

/// What is said of the request: `context.facts`, and the `properties` of whoever and whatever is named, as `subject.NAME`.
pub(super) fn facts<'j>(member: &dyn Fn(&str) -> Option<&'j Json<'j>>) -> Result<Facts, Refused> {
    let object = |name: &str, json: &'j Json<'j>| -> Result<&'j Object<'j>, Refused> {
        json.as_object().ok_or_else(|| wrong(&format!("`{name}` is no object")))
    };
    let mut facts = Facts::new();
    if let Some(context) = member("context")
        && let Some(said) = object("context", context)?.get("facts")
    {
        facts = arguments::facts(object("context.facts", said)?).map_err(|reason| wrong(&reason))?;
    }
    for of in ["subject", "action", "resource"] {
        let Some(properties) = member(of).and_then(|entity| entity.get("properties")) else { continue };
        object(&format!("{of}.properties"), properties)?;
        let outer = Object::default().with(of, properties.clone());
        arguments::add_facts(&mut facts, &outer).map_err(|reason| wrong(&reason))?;
    }
    Ok(facts)
}
