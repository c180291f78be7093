//! What is asked, as Cedar sees it. Nothing of a request is read as Cedar: names and values are handed over as they are, so that
//! whatever stands in them is a text.

use crate::{
    principal::{Kind, Principal},
    schema::{KNOWN, family},
};
use cedar_policy::{Context, Entities, Entity, EntityId, EntityTypeName, EntityUid, RestrictedExpression};
use legation_credential::{Amount, Possession, Request, Value};
use std::{
    collections::{HashMap, HashSet},
    sync::LazyLock,
};

/// Facts that have members of their own in the context.
const OWN: [&str; 4] = ["currency", "channel", "domain", "purpose"];
const DAY: i64 = 86_400;

/// A request that a chain permits.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The organization's host, below which its models are.
    pub host: &'a str,
    /// The organization's DID.
    pub organization: &'a str,
    /// Who is known on the path of the chain: the policies of each have to let the request through.
    pub principals: &'a [Principal],
    /// Who acts, a DID.
    pub agent: &'a str,
    /// Whom the chain begins with, a DID.
    pub root: &'a str,
    /// How many links it has.
    pub links: usize,
    /// How the agent is known to be there.
    pub possession: Possession,
    /// How old the oldest status list is that was relied on, seconds.
    pub status_age: Option<i64>,
    /// What is asked.
    pub request: &'a Request,
    /// When, Unix seconds.
    pub at: i64,
}

/// The types of the schema, read once.
struct Types([EntityTypeName; TYPES.len()]);

const TYPES: [&str; 14] = [
    "Organization",
    "Tag",
    "Team",
    "Agent",
    "Admin",
    "Foreign",
    "Group",
    "Host",
    "Model",
    "Resource",
    "Texts",
    "Numbers",
    "Flags",
    "Action",
];

fn uid(kind: &str, id: &str) -> Option<EntityUid> {
    static ALL: LazyLock<Option<Types>> = LazyLock::new(|| {
        let all: Vec<EntityTypeName> = TYPES.iter().map(|name| name.parse().ok()).collect::<Option<_>>()?;
        all.try_into().ok().map(Types)
    });
    let name = ALL.as_ref()?.0.iter().zip(TYPES).find(|(_, name)| *name == kind)?.0;
    Some(EntityUid::from_type_name_and_id(name.clone(), EntityId::new(id)))
}

/// One principal's request.
pub(crate) struct Built {
    pub(crate) request: cedar_policy::Request,
    pub(crate) entities: Entities,
    /// Principal, action and resource with all that they are in: what a scope can name.
    pub(crate) named: Vec<EntityUid>,
}

/// Attributes by their names.
type Members = HashMap<String, RestrictedExpression>;

impl Asked<'_> {
    /// As Cedar sees it, for one of the principals. What can't be built can't be evaluated.
    pub(crate) fn build(&self, principal: &Principal) -> Result<Built, String> {
        self.try_build(principal).ok_or_else(|| "the request can't be put as policies see it".to_owned())
    }

    fn try_build(&self, principal: &Principal) -> Option<Built> {
        let mut all = Vec::new();
        let mut named = Vec::new();
        let who = self.principal(principal, &mut all, &mut named)?;
        let action = action(self.request.action(), &mut all, &mut named)?;
        let resource = self.resource(&mut all, &mut named)?;
        let context = self.context(principal, &mut all)?;
        let entities = Entities::from_entities(all, None).ok()?;
        let request = cedar_policy::Request::new(who, action, resource, context, None).ok()?;
        Some(Built { request, entities, named })
    }

    fn principal(
        &self,
        principal: &Principal,
        all: &mut Vec<Entity>,
        named: &mut Vec<EntityUid>,
    ) -> Option<EntityUid> {
        let home = if principal.kind == Kind::Foreign { self.root } else { self.organization };
        let home = uid("Organization", home)?;
        let tags: Vec<EntityUid> = principal.tags.iter().map(|tag| uid("Tag", tag)).collect::<Option<_>>()?;
        let team = match &principal.team {
            Some(team) => Some(uid("Team", team)?),
            None => None,
        };
        let parents: HashSet<EntityUid> = tags.iter().chain(&team).cloned().chain([home]).collect();
        let who = uid(principal.kind.name(), &principal.name)?;
        let attributes = members([("name", text(&principal.name)), ("did", text(&principal.did))]);
        named.push(who.clone());
        named.extend(parents.iter().cloned());
        all.push(Entity::new(who.clone(), attributes, parents).ok()?);
        Some(who)
    }

    /// A model of the organization, or whatever else is there.
    fn resource(&self, all: &mut Vec<Entity>, named: &mut Vec<EntityUid>) -> Option<EntityUid> {
        let url = self.request.resource();
        let (host, path) = host_and_path(url);
        let mut parents = HashSet::new();
        if !host.is_empty() {
            parents.insert(uid("Host", host)?);
        }
        let model = url.strip_prefix("https://").and_then(|rest| rest.strip_prefix(self.host));
        let model =
            model.and_then(|rest| rest.strip_prefix("/models/")).and_then(|rest| rest.split_once('/'));
        let (what, attributes) = match model.filter(|(group, name)| !group.is_empty() && is_name(name)) {
            Some((group, name)) => {
                parents.insert(uid("Group", group)?);
                let said = [("name", text(name)), ("group", text(group)), ("url", text(url))];
                (uid("Model", name)?, members(said))
            }
            None => {
                let said = [("url", text(url)), ("host", text(host)), ("path", text(path))];
                (uid("Resource", url)?, members(said))
            }
        };
        named.push(what.clone());
        named.extend(parents.iter().cloned());
        all.push(Entity::new(what.clone(), attributes, parents).ok()?);
        Some(what)
    }

    fn context(&self, principal: &Principal, all: &mut Vec<Entity>) -> Option<Context> {
        let facts = self.request.facts();
        let of_day = self.at.rem_euclid(DAY);
        let mut said = members([
            ("action", text(self.request.action())),
            ("at", number(self.at)),
            ("hour", number(of_day / 3600)),
            ("minute", number(of_day / 60 % 60)),
            // 1970 began on a Thursday.
            ("weekday", number((self.at.div_euclid(DAY) + 3).rem_euclid(7) + 1)),
            ("agent", text(self.agent)),
            ("child", flag(self.agent != principal.did)),
            ("root", text(self.root)),
            ("foreign", flag(self.root != self.organization)),
            ("links", number(i64::try_from(self.links).ok()?)),
            ("possession", text(self.possession.name())),
        ]);
        let own = |name: &str| match facts.get(name) {
            Some(Value::Text(value)) => Some((name.to_owned(), text(value))),
            _ => None,
        };
        said.extend(OWN.into_iter().filter_map(own));
        said.extend(Amount::of(facts).map(|amount| ("amountMicros".to_owned(), number(amount.micros))));
        said.extend(self.status_age.map(|age| ("statusAge".to_owned(), number(age))));
        let (mut texts, mut numbers, mut flags) = (Vec::new(), Vec::new(), Vec::new());
        for (name, value) in facts {
            match value {
                Value::Text(value) => texts.push((name.clone(), text(value))),
                Value::Integer(value) => numbers.push((name.clone(), number(*value))),
                Value::Bool(value) => flags.push((name.clone(), flag(*value))),
            }
        }
        for (member, kind, facts) in
            [("text", "Texts", texts), ("number", "Numbers", numbers), ("flag", "Flags", flags)]
        {
            let these = uid(kind, "request")?;
            said.insert(member.to_owned(), RestrictedExpression::new_entity_uid(these.clone()));
            all.push(Entity::new_with_tags(these, [], [], facts).ok()?);
        }
        Context::from_pairs(said).ok()
    }
}

/// The action, in its family.
fn action(found: &str, all: &mut Vec<Entity>, named: &mut Vec<EntityUid>) -> Option<EntityUid> {
    let family = uid("Action", family(found))?;
    named.push(family.clone());
    if !KNOWN.contains(&found) {
        all.push(Entity::new_no_attrs(family.clone(), HashSet::new()));
        return Some(family);
    }
    let known = uid("Action", found)?;
    named.push(known.clone());
    all.push(Entity::new_no_attrs(known.clone(), HashSet::from([family])));
    Some(known)
}

/// What a URL has between its scheme and its path, and the path; nothing where it has no host.
fn host_and_path(url: &str) -> (&str, &str) {
    let Some((_, rest)) = url.split_once("://") else { return ("", url) };
    match rest.find('/').and_then(|at| rest.split_at_checked(at)) {
        Some((host, path)) => (host, path),
        None => (rest, ""),
    }
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && !text.contains('/')
}

fn members<const N: usize>(said: [(&str, RestrictedExpression); N]) -> Members {
    said.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn text(value: &str) -> RestrictedExpression {
    RestrictedExpression::new_string(value.to_owned())
}

fn number(value: i64) -> RestrictedExpression {
    RestrictedExpression::new_long(value)
}

fn flag(value: bool) -> RestrictedExpression {
    RestrictedExpression::new_bool(value)
}
