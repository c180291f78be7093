//! Whose the tasks and contexts are that a message names. Another agent's do not exist (A2A 1.0 §13.1).

use crate::{
    gateway::{Gateway, now},
    refused::Refused,
};
use legation_did::Did;
use legation_mcp::a2a::{Message, Operation};
use legation_registry::{a2a::Named, route::Route};
use legation_store::approval::Held;
use std::sync::Arc;

/// What a message names, and to whom it is known.
struct Known {
    named: Vec<(Named, String)>,
    owners: Vec<Option<String>>,
}

impl Gateway {
    async fn known(self: &Arc<Self>, route: &Route, message: &Message) -> Result<Known, Refused> {
        let tasks = message.tasks.iter().map(|id| (Named::Task, id.clone()));
        let named: Vec<_> =
            tasks.chain(message.context.iter().map(|id| (Named::Context, id.clone()))).collect();
        if named.is_empty() {
            return Ok(Known { named, owners: Vec::new() });
        }
        let (gateway, route, asked) = (Arc::clone(self), route.name.clone(), named.clone());
        let owners = self.blocking(move || gateway.registry.a2a_owners(&route, &asked)).await;
        let owners = owners.and_then(|owners| owners).map_err(|error| Refused::of_registry(&error))?;
        Ok(Known { named, owners })
    }

    /// Holds that a caller may name what a message names: its own tasks and contexts, its own requests that wait for an approval,
    /// and a context that is nobody's, which clients may begin (§3.4.1).
    pub(super) async fn may_name(
        self: &Arc<Self>,
        route: &Route,
        message: &Message,
        caller: &Did,
    ) -> Result<(), Refused> {
        let Known { named, owners } = self.known(route, message).await?;
        for ((kind, id), owner) in named.iter().zip(&owners) {
            match (kind, owner.as_deref()) {
                (_, Some(owner)) if owner == caller.as_str() => {}
                (Named::Context, None) => {}
                (Named::Task, None) if may_wait(message) && self.held_of(caller, id).await?.is_some() => {}
                _ => return Err(unknown(*kind)),
            }
        }
        Ok(())
    }

    /// The caller's request that waits for an approval, where that is what a message is about.
    pub(super) async fn asks_about(
        self: &Arc<Self>,
        message: &Message,
        caller: &Did,
        route: &Route,
    ) -> Result<Option<Held>, Refused> {
        if !may_wait(message) {
            return Ok(None);
        }
        let Known { named, owners } = self.known(route, message).await?;
        for ((_, id), owner) in named.iter().zip(&owners) {
            if owner.is_none()
                && let Some(held) = self.held_of(caller, id).await?
            {
                return Ok(Some(held));
            }
        }
        Ok(None)
    }

    async fn held_of(self: &Arc<Self>, caller: &Did, id: &str) -> Result<Option<Held>, Refused> {
        let (gateway, caller, id) = (Arc::clone(self), caller.clone(), id.to_owned());
        let held = self.blocking(move || gateway.registry.held_of(&caller, &id)).await;
        held.and_then(|held| held).map_err(|error| Refused::of_registry(&error))
    }

    /// Keeps that tasks and contexts are a caller's, and says whether they are.
    pub(super) async fn keep(
        self: &Arc<Self>,
        route: &Route,
        named: Vec<(Named, String)>,
        caller: &Did,
    ) -> Result<bool, Refused> {
        if named.is_empty() {
            return Ok(true);
        }
        let (gateway, route, caller) = (Arc::clone(self), route.name.clone(), caller.clone());
        let kept = self.blocking(move || gateway.registry.begin_a2a(&route, &named, &caller, now())).await;
        kept.and_then(|kept| kept).map_err(|error| Refused::of_registry(&error))
    }
}

/// Whether a message can be about a request that waits: one more message to it, or how it stands.
fn may_wait(message: &Message) -> bool {
    message.operation.is_message() || matches!(message.operation, Operation::Get | Operation::Subscribe)
}

pub(super) fn unknown(kind: Named) -> Refused {
    let what = match kind {
        Named::Task => "task",
        Named::Context => "context",
    };
    Refused::new("task_unknown", format!("there is no such {what}; begin one by a message that names none"))
}
