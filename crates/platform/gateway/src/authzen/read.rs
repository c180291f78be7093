//! What an evaluation asks (AuthZEN 1.0, §5 and §7).

use crate::refused::Refused;
use legation_credential::{Facts, Request};
use legation_did::Did;
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
    pub(super) subject: Did,
    action: String,
    resource: String,
    facts: Facts,
}

impl Asking {
    /// The request that is judged.
    pub(super) fn request(&self) -> Result<Request, Refused> {
        Request::new(&self.action, &self.resource, self.facts.clone())
            .map_err(|error| wrong(&error.to_string()))
    }
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

fn wrong(message: &str) -> Refused {
    Refused::new("bad_request", message)
}

/// Reads a body.
pub(super) fn read(body: &[u8], several: bool) -> Result<Query, Refused> {
    let json = json::parse(body, LIMITS).map_err(|error| Refused::new(error.code(), error.to_string()))?;
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
    let object = |name: &str| -> Result<&'j Object<'j>, Refused> {
        member(name)
            .and_then(Json::as_object)
            .ok_or_else(|| wrong(&format!("`{name}` is missing, or no object")))
    };
    let text = |of: &str, object: &'j Object<'j>, name: &str| {
        let text = object.get(name).and_then(Json::as_str).filter(|text| !text.is_empty());
        text.ok_or_else(|| wrong(&format!("`{of}.{name}` is missing, or no text")))
    };
    let (subject, action, resource) = (object("subject")?, object("action")?, object("resource")?);
    text("subject", subject, "type")?;
    text("resource", resource, "type")?;
    let did = text("subject", subject, "id")?;
    let did: Did = did.parse().map_err(|_| wrong("`subject.id` is no DID; name an agent by its DID"))?;
    let facts = match member("context") {
        None => Facts::new(),
        Some(context) => {
            let context = context.as_object().ok_or_else(|| wrong("`context` is no object"))?;
            match context.get("facts") {
                None => Facts::new(),
                Some(facts) => {
                    let facts = facts.as_object().ok_or_else(|| wrong("`context.facts` is no object"))?;
                    arguments::facts(facts).map_err(|reason| wrong(&reason))?
                }
            }
        }
    };
    let action = text("action", action, "name")?.to_owned();
    let asking =
        Asking { subject: did, action, resource: text("resource", resource, "id")?.to_owned(), facts };
    asking.request()?;
    Ok(asking)
}
