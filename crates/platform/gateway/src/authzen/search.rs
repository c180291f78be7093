//! Searches (AuthZEN 1.0, §8): who may do something, where somebody may do it, and what. Only what can be listed whole is
//! answered; everything else is refused (`search_not_exact`), since half an answer looks like a whole one.
//!
//! | wanted | what is looked at | what can't be listed |
//! |---|---|---|
//! | subjects | the agents of the organization of that type, by their names | nothing. What an agent made itself (a child) and agents of partners are not known by name, and no evaluation by name knows them |
//! | resources | those that the subject's delegation names for the action | a grant that ends with `*` and leads to resources of that type |
//! | actions | those that it names on the resource | a grant of actions that ends with `*` |
//!
//! Each of them is judged as an evaluation of the same `context` and `properties` is, so that a constraint on a fact that nobody says
//! leaves it out. A page looks at so many at a time ([`LOOKED_AT`]): it may hold fewer than it could, and still have a next one.

use super::{
    page::{self, Page},
    read::{entity, facts, parse, text, wrong},
    resource,
    subject::{AGENT, Named},
};
use crate::{
    authzen::Endpoint,
    decide::Identified,
    gateway::{Gateway, now},
    refused::Refused,
};
use legation_credential::{Facts, Pattern, Request};
use legation_keys::json::Object;
use legation_registry::Find;
use legation_store::holder::Kind;
use serde_json::{Value, json};
use std::{collections::BTreeSet, sync::Arc};

/// What is searched for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// Who may do it.
    Subjects,
    /// Where somebody may do it.
    Resources,
    /// What somebody may do there.
    Actions,
}

/// How many agents are looked at for a page: the delegations of each are read and verified.
const LOOKED_AT: usize = 100;

/// Answers a search.
pub(super) async fn run(
    gateway: &Arc<Gateway>,
    body: &[u8],
    asks: &Identified,
    wanted: Wanted,
) -> Result<Value, Refused> {
    let json = parse(body)?;
    let query = json.as_object().ok_or_else(|| wrong("the body is no object"))?;
    let page = Page::read(query, Endpoint::Search(wanted).route())?;
    let facts = facts(&|name| query.get(name))?;
    match wanted {
        Wanted::Subjects => subjects(gateway, (query, facts), asks, &page).await,
        Wanted::Resources => resources(gateway, (query, facts), asks, &page).await,
        Wanted::Actions => actions(gateway, (query, facts), asks, &page).await,
    }
}

fn request(action: &str, resource: &str, facts: &Facts) -> Result<Request, Refused> {
    Request::new(action, resource, facts.clone()).map_err(|error| wrong(&error.to_string()))
}

/// The type and the id of what is named whole.
fn whole<'j>(name: &str, query: &'j Object<'j>) -> Result<(&'j str, &'j str), Refused> {
    let object = entity(name, &|name| query.get(name))?;
    Ok((text(name, object, "type")?, text(name, object, "id")?))
}

fn action<'j>(query: &'j Object<'j>) -> Result<&'j str, Refused> {
    text("action", entity("action", &|name| query.get(name))?, "name")
}

/// The chain of the subject that a search names; `None` where there is nobody of that name, which finds nothing.
async fn subject(
    gateway: &Arc<Gateway>,
    query: &Object<'_>,
    asks: &Identified,
    now: i64,
) -> Result<Option<Identified>, Refused> {
    let (kind, id) = whole("subject", query)?;
    let named = Named { kind: kind.to_owned(), id: id.to_owned() };
    let Ok(mut found) = gateway.asked_about(asks, &named, now).await? else { return Ok(None) };
    // Whom policies are asked for is read once.
    found.principals = Some(gateway.principals(&found).await?);
    Ok(Some(found))
}

async fn subjects(
    gateway: &Arc<Gateway>,
    (query, facts): (&Object<'_>, Facts),
    asks: &Identified,
    page: &Page,
) -> Result<Value, Refused> {
    let kind = text("subject", entity("subject", &|name| query.get(name))?, "type")?;
    let (of, id) = whole("resource", query)?;
    let request = request(action(query)?, &resource::name(of, id), &facts)?;
    let now = now();
    gateway.may_ask(asks, now).await?;
    let (reader, tag, after) = (Arc::clone(gateway), kind.to_owned(), page.after.clone());
    let read = gateway.blocking(move || {
        let find = Find { tag: (tag != AGENT).then_some(tag.as_str()), ..Find::default() };
        let most = i64::try_from(LOOKED_AT + 1).unwrap_or(i64::MAX);
        reader.registry.find(Kind::Agent, find, &after, most)
    });
    let found = read.await.and_then(|read| read).map_err(|error| Refused::of_registry(&error))?;
    let (mut results, mut last) = (Vec::new(), page.after.as_str());
    for (looked, shown) in found.iter().enumerate() {
        if results.len() >= page.limit || looked == LOOKED_AT {
            return Ok(page.told(results, Some(last)));
        }
        last = &shown.holder.name;
        let did = shown.holder.did.parse().map_err(|_| Refused::store())?;
        if let Ok(subject) = gateway.vouched(&did, asks, now).await?
            && gateway.would_pass(&subject, &request, now).await?.is_none()
        {
            // By its DID, which everybody knows an agent by, or as those of the type are named.
            let id = if kind == AGENT { &shown.holder.did } else { &shown.holder.name };
            results.push(json!({"type": kind, "id": id}));
        }
    }
    Ok(page.told(results, None))
}

async fn resources(
    gateway: &Arc<Gateway>,
    (query, facts): (&Object<'_>, Facts),
    asks: &Identified,
    page: &Page,
) -> Result<Value, Refused> {
    let action = action(query)?;
    let kind = text("resource", entity("resource", &|name| query.get(name))?, "type")?;
    let now = now();
    let Some(subject) = subject(gateway, query, asks, now).await? else {
        return Ok(page.told(Vec::new(), None));
    };
    let pairs = subject.chain.effective().pairs().ok_or_else(|| not_exact("everything", "resources"))?;
    let mut named = BTreeSet::new();
    for (_, resource) in pairs.iter().filter(|(granted, _)| granted.matches(action)) {
        match resource.exact() {
            Some(exact) => {
                let Some(id) = resource::id(kind, exact) else { continue };
                // An evaluation of that id is about another name: what is told here has to be what is answered there.
                if resource::name(kind, &id) != exact {
                    return Err(not_exact(exact, "resources"));
                }
                named.insert(exact);
            }
            None if leads_to(kind, resource) => return Err(not_exact(&resource.to_string(), "resources")),
            None => {}
        }
    }
    let asked = |resource: &str| request(action, resource, &facts);
    let told = |resource: &str| json!({"type": kind, "id": resource::id(kind, resource)});
    walk(gateway, &subject, page, (&named, &asked, &told), now).await
}

fn leads_to(kind: &str, resource: &Pattern) -> bool {
    resource::leads_to(kind, resource.to_string().trim_end_matches('*'))
}

async fn actions(
    gateway: &Arc<Gateway>,
    (query, facts): (&Object<'_>, Facts),
    asks: &Identified,
    page: &Page,
) -> Result<Value, Refused> {
    let (kind, id) = whole("resource", query)?;
    let name = resource::name(kind, id);
    let now = now();
    let Some(subject) = subject(gateway, query, asks, now).await? else {
        return Ok(page.told(Vec::new(), None));
    };
    let pairs = subject.chain.effective().pairs().ok_or_else(|| not_exact("everything", "actions"))?;
    let mut named = BTreeSet::new();
    for (action, _) in pairs.iter().filter(|(_, granted)| granted.matches(&name)) {
        named.insert(action.exact().ok_or_else(|| not_exact(&action.to_string(), "actions"))?);
    }
    let asked = |action: &str| request(action, &name, &facts);
    let told = |action: &str| json!({ "name": action });
    walk(gateway, &subject, page, (&named, &asked, &told), now).await
}

fn not_exact(granted: &str, what: &str) -> Refused {
    let message = format!(
        "`{granted}` is granted, so that the {what} can't be listed whole; ask about each of them at `/access/v1/evaluations`"
    );
    Refused::new("search_not_exact", message)
}

/// A request for one of what is looked at, and how that is told.
type Each<'a> = (
    &'a BTreeSet<&'a str>,
    &'a (dyn Fn(&str) -> Result<Request, Refused> + Sync),
    &'a (dyn Fn(&str) -> Value + Sync),
);

/// Judges what a delegation names, in its order, from the begin of the page on.
async fn walk(
    gateway: &Arc<Gateway>,
    subject: &Identified,
    page: &Page,
    (named, asked, told): Each<'_>,
    now: i64,
) -> Result<Value, Refused> {
    let (mut results, mut last) = (Vec::new(), page.after.as_str());
    let behind = named.iter().copied().filter(|one| *one > page.after.as_str());
    for (looked, one) in behind.enumerate() {
        if results.len() >= page.limit || looked == page::MOST {
            return Ok(page.told(results, Some(last)));
        }
        last = one;
        if gateway.would_pass(subject, &asked(one)?, now).await?.is_none() {
            results.push(told(one));
        }
    }
    Ok(page.told(results, None))
}
