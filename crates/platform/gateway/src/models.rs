//! The organization's models and routes, as of an epoch.

use crate::{
    decide::Undecided,
    foreign::{Admitted, admitted},
    gateway::{Gateway, now},
    refused::Refused,
};
use legation_policy::Set;
use legation_registry::{
    model::Model,
    route::{Route, RouteProtocol},
};
use legation_store::mcp::Tool;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

/// What is configured.
#[derive(Debug)]
pub(crate) struct Configured {
    pub(crate) epoch: i64,
    pub(crate) models: Vec<Arc<Model>>,
    pub(crate) routes: Vec<Route>,
    /// Models that are closed, by name.
    pub(crate) closed: Vec<String>,
    pub(crate) policies: Arc<Set>,
    /// Other organizations whose agents may call.
    pub(crate) partners: Vec<Arc<Admitted>>,
    /// Agents that are only watched, by their DIDs, and until when, Unix seconds.
    shadows: HashMap<String, i64>,
    /// What MCP servers have listed, by route and name.
    tools: HashMap<String, HashMap<String, Tool>>,
}

impl Configured {
    /// A tool that the MCP server of a route has listed.
    pub(crate) fn tool(&self, route: &str, name: &str) -> Option<&Tool> {
        self.tools.get(route)?.get(name)
    }

    /// Until when the agent of this DID is in shadow, Unix seconds; `None` where it is enforced.
    pub(crate) fn shadow_of(&self, agent: &str, now: i64) -> Option<i64> {
        self.shadows.get(agent).copied().filter(|until| now < *until)
    }
}

/// What is configured, once it was read.
#[derive(Debug, Default)]
pub(crate) struct Catalog {
    configured: Mutex<Option<Arc<Configured>>>,
    /// Policies as they were put together last: most changes are of something else.
    policies: Mutex<Option<Arc<Set>>>,
    /// Partners, likewise.
    partners: Mutex<Vec<Arc<Admitted>>>,
}

impl Catalog {
    pub(crate) fn forget(&self) {
        *self.configured.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

impl Gateway {
    /// What was configured at an epoch: what is decided together must have been so together.
    pub(crate) async fn configured_at(self: &Arc<Self>, epoch: i64) -> Result<Arc<Configured>, Undecided> {
        let known = self.catalog.configured.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(known) = known.filter(|known| known.epoch == epoch) {
            return Ok(known);
        }
        let gateway = Arc::clone(self);
        let read = self.blocking(move || {
            // The epoch first: what changes while the rest is read makes this too old, and never too new.
            let epoch = gateway.registry.epoch()?;
            let models = gateway.registry.models()?.into_iter().map(Arc::new).collect();
            let routes = gateway.registry.routes()?;
            let closed = gateway.registry.closed_models()?;
            let known = gateway.catalog.policies.lock().unwrap_or_else(PoisonError::into_inner).clone();
            let policies = gateway.registry.policy_set(known.as_ref())?;
            *gateway.catalog.policies.lock().unwrap_or_else(PoisonError::into_inner) =
                Some(Arc::clone(&policies));
            let before = gateway.catalog.partners.lock().unwrap_or_else(PoisonError::into_inner).clone();
            let own = (gateway.host.as_str(), gateway.registry.did());
            // Whom a rule had shut out since the backup nobody knows, until somebody confirms the organization.
            let partners = match gateway.registry.is_confirmed()? {
                true => gateway.registry.partners()?,
                false => Vec::new(),
            };
            let partners = admitted(&partners, own, &routes, &before)?;
            gateway.catalog.partners.lock().unwrap_or_else(PoisonError::into_inner).clone_from(&partners);
            let shadows = gateway.registry.shadows(now())?;
            let shadows = shadows.into_iter().map(|(did, one)| (did, one.until)).collect();
            let mut tools: HashMap<String, HashMap<String, Tool>> = HashMap::new();
            if routes.iter().any(|route| route.protocol == RouteProtocol::Mcp) {
                for tool in gateway.registry.mcp_tools()? {
                    tools.entry(tool.route.clone()).or_default().insert(tool.name.clone(), tool);
                }
            }
            Ok::<_, legation_registry::RegistryError>(Configured {
                epoch,
                models,
                routes,
                closed,
                policies,
                partners,
                shadows,
                tools,
            })
        });
        let read = Arc::new(read.await.and_then(|read| read).map_err(|error| Refused::of_registry(&error))?);
        *self.catalog.configured.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&read));
        if read.epoch == epoch { Ok(read) } else { Err(Undecided::Changed) }
    }
}
