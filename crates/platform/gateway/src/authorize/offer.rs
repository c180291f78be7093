//! What of what is asked a person can give, by the order that tokens are narrowed by, and what it gives of that.

use super::{Known, Stopped, who::Form};
use crate::{
    gateway::{Gateway, now},
    refused::Refused,
    resource::leads_to,
};
use legation_credential::{Authority, Pattern};
use legation_mcp::connecting::{CONNECTING, FOLLOWING, with_arguments, with_connecting};
use legation_registry::{Budget, consents::Given, duration};
use legation_token::{
    ISSUE, Narrowed, Refused as Told,
    authorize::Asks,
    narrow,
    narrow::{Ask, NarrowError},
};
use serde_json::{Value, json};
use std::{collections::BTreeMap, sync::Arc};

/// For how long a person can let a program act, and what is chosen where it says nothing.
pub(super) const LASTS: [(&str, &str); 4] =
    [("1h", "an hour"), ("1d", "a day"), ("7d", "a week"), ("30d", "30 days")];

/// What a person can give.
pub(super) struct Offer {
    /// Actions that are asked for, or were given before, each with what it is on.
    pub(super) items: BTreeMap<String, Vec<String>>,
    /// What is not asked for, where a program asks for nothing but to connect: it has not seen yet what there is.
    pub(super) more: BTreeMap<String, Vec<String>>,
    /// What only connects a program to a server: it comes along with what the server is asked for.
    along: BTreeMap<String, Vec<String>>,
    /// What is asked for and is not the person's to give, with the reason.
    pub(super) beyond: Vec<(String, String)>,
    /// Under which limits all of it is.
    pub(super) held: Option<Authority>,
    /// The resource on which tokens are bought.
    resource: String,
}

/// What a person gives.
pub(super) struct Gives {
    person: String,
    client: (String, String),
    audience: String,
    grants: Vec<Value>,
    constraints: Vec<Value>,
    budget: Option<Budget>,
    lasts: i64,
}

impl Gives {
    pub(super) fn of(&self) -> Given<'_> {
        Given {
            person: &self.person,
            client: (&self.client.0, &self.client.1),
            audience: &self.audience,
            grants: self.grants.clone(),
            constraints: self.constraints.clone(),
            budget: self.budget.clone(),
            lasts: self.lasts,
        }
    }
}

impl Gateway {
    /// What a person can give of what is asked. Within: what the program is told.
    pub(super) async fn offer(
        self: &Arc<Self>,
        client: &str,
        person: &str,
        asks: &Asks,
    ) -> Result<Result<Offer, Told>, Stopped> {
        let (gateway, person, client) = (Arc::clone(self), person.to_owned(), client.to_owned());
        let audience = asks.audience.clone();
        let read = self.blocking(move || {
            let ceiling = gateway.registry.ceiling(&person, now())?;
            Ok((ceiling, gateway.registry.given_before(&person, &client, &audience)?))
        });
        let (ceiling, before) =
            read.await.and_then(|read| read).map_err(|error| Refused::of_registry(&error))?;
        let configured = self.configured_lately().await?;
        let origin = self.registry.origin();
        let leads_to = leads_to(&configured, &origin, &asks.audience);
        let ask =
            Ask { audience: &asks.audience, scope: &[], ledger: &origin, leads_to: leads_to.as_deref() };
        Ok(Offer::of(ceiling.as_ref(), ask, (&asks.scope, &before))
            .map_err(|error| Told::new("invalid_target", error.code(), error.to_string())))
    }
}

impl Offer {
    fn of(
        ceiling: Option<&Authority>,
        ask: Ask<'_>,
        (scope, before): (&[Pattern], &[String]),
    ) -> Result<Self, NarrowError> {
        let resource = narrow::resource_of(ask.leads_to.unwrap_or(ask.audience))?;
        let (items, more, along) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        let mut offer = Self { items, more, along, beyond: Vec::new(), held: None, resource };
        let nothing = "your organization has not given you that, so you can't hand it on";
        let Some(ceiling) = ceiling else {
            offer.beyond = scope.iter().map(|one| (one.to_string(), nothing.to_owned())).collect();
            return Ok(offer);
        };
        let wanted: Vec<&[Pattern]> = if scope.is_empty() { vec![&[]] } else { scope.chunks(1).collect() };
        for one in wanted {
            match narrow(ceiling, Ask { scope: one, ..ask }) {
                Ok(narrowed) => offer.add(&narrowed),
                Err(NarrowError::Nothing { .. } | NarrowError::Scope { .. }) => {
                    offer.beyond.extend(one.iter().map(|one| (one.to_string(), nothing.to_owned())));
                }
                Err(error) => offer.beyond.extend(one.iter().map(|one| (one.to_string(), error.to_string()))),
            }
        }
        // A program that asks for one thing more keeps what it has, unless the person takes it away.
        let kept = |action: &&String| !scope.is_empty() && !offer.items.contains_key(*action);
        let kept: Vec<Pattern> =
            before.iter().filter(kept).filter_map(|one| Pattern::action(one).ok()).collect();
        for one in kept.chunks(1) {
            if let Ok(narrowed) = narrow(ceiling, Ask { scope: one, ..ask }) {
                offer.add(&narrowed);
            }
        }
        offer.connect(ceiling, ask);
        Ok(offer)
    }

    /// What only connects is asked for by everybody, and comes along. A program that asks for nothing else has not seen what there is:
    /// then the person may choose of all that it has.
    fn connect(&mut self, ceiling: &Authority, ask: Ask<'_>) {
        let offer = self;
        for action in CONNECTING.iter().chain(&FOLLOWING) {
            let own = offer.items.remove(*action);
            let read = || {
                let scope = [Pattern::action(action).ok()?];
                Some(pairs(&narrow(ceiling, Ask { scope: &scope, ..ask }).ok()?.authority))
            };
            let along = own.map(|own| BTreeMap::from([((*action).to_owned(), own)])).or_else(read);
            offer.along.extend(along.unwrap_or_default());
        }
        if offer.items.is_empty()
            && offer.beyond.is_empty()
            && let Ok(narrowed) = narrow(ceiling, ask)
        {
            offer.more = pairs(&narrowed.authority);
            offer.more.retain(|action, _| !offer.along.contains_key(action));
            offer.held = Some(narrowed.authority);
        }
    }

    fn add(&mut self, narrowed: &Narrowed) {
        for (action, mut on) in pairs(&narrowed.authority) {
            self.items.entry(action).or_default().append(&mut on);
        }
        // Limits of the person's own are the same for all that it gives, but those of one action.
        let more =
            narrowed.authority.limits().count() > self.held.as_ref().map_or(0, |held| held.limits().count());
        if self.held.is_none() || more {
            self.held = Some(narrowed.authority.clone());
        }
    }

    fn offered(&self, action: &str) -> Option<&Vec<String>> {
        self.items.get(action).or_else(|| self.more.get(action))
    }

    /// What the form says that a person gives: of what it was offered, and of nothing else.
    pub(super) fn given(
        &self,
        (known, asks): (&Known, &Asks),
        person: &str,
        form: &Form,
    ) -> Result<Gives, String> {
        let chosen: Vec<String> = form.all("action").map(str::to_owned).collect();
        if chosen.is_empty() {
            return Err("You chose nothing that the program may do. Choose something, or say no.".to_owned());
        }
        if let Some(other) = chosen.iter().find(|action| self.offered(action).is_none()) {
            return Err(format!("`{other}` is not yours to give, or the program has not asked for it."));
        }
        let mut actions = chosen;
        with_connecting(&mut actions);
        let grant = |action: &String| {
            let on = self.offered(action).or_else(|| self.along.get(action))?;
            Some(json!({"actions": [action], "resources": on}))
        };
        let mut grants: Vec<Value> = actions.iter().filter_map(grant).collect();
        grants.push(json!({"actions": [ISSUE], "resources": [self.resource]}));
        let lasts = form.get("lasts").unwrap_or("7d");
        if !LASTS.iter().any(|(value, _)| *value == lasts) {
            return Err("Choose for how long.".to_owned());
        }
        let budget = form.get("budget").map(str::trim).filter(|budget| !budget.is_empty());
        Ok(Gives {
            person: person.to_owned(),
            client: (known.client.id.clone(), known.client.name.clone()),
            audience: asks.audience.clone(),
            grants,
            constraints: asks.limits.iter().map(|limit| bound(limit, &actions)).collect(),
            budget: budget.map(Budget::parse).transpose().map_err(|error| error.to_string())?,
            lasts: duration(lasts).map_err(|error| error.to_string())?,
        })
    }
}

/// A limit that a program asks for itself. One on an argument that names no action binds those of the program that have arguments: what
/// only connects it has none, and would be denied for want of them.
fn bound(limit: &Value, actions: &[String]) -> Value {
    let mut limit = limit.clone();
    let is_of_arguments = limit.get("type").and_then(Value::as_str) == Some("argument");
    if let (true, Some(members)) = (is_of_arguments && limit.get("actions").is_none(), limit.as_object_mut())
    {
        let all: Vec<String> =
            with_arguments(actions).filter(|one| !CONNECTING.contains(&one.as_str())).collect();
        members.insert("actions".to_owned(), all.into());
    }
    limit
}

/// The actions of an authority, each with what it is on.
fn pairs(authority: &Authority) -> BTreeMap<String, Vec<String>> {
    let mut all: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (action, resource) in authority.pairs().unwrap_or_default() {
        all.entry(action.to_string()).or_default().push(resource.to_string());
    }
    all
}
