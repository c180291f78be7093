//! The organization's models and routes, as of an epoch.

use crate::{decide::Undecided, gateway::Gateway, refused::Refused};
use legation_registry::{model::Model, route::Route};
use std::sync::{Arc, Mutex, PoisonError};

/// What is configured.
#[derive(Debug)]
pub(crate) struct Configured {
    pub(crate) epoch: i64,
    pub(crate) models: Vec<Arc<Model>>,
    pub(crate) routes: Vec<Route>,
    /// Models that are closed, by name.
    pub(crate) closed: Vec<String>,
}

/// What is configured, once it was read.
#[derive(Debug, Default)]
pub(crate) struct Catalog(Mutex<Option<Arc<Configured>>>);

impl Catalog {
    pub(crate) fn forget(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

impl Gateway {
    /// What was configured at an epoch: what is decided together must have been so together.
    pub(crate) async fn configured_at(self: &Arc<Self>, epoch: i64) -> Result<Arc<Configured>, Undecided> {
        let known = self.catalog.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
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
            Ok::<_, legation_registry::RegistryError>(Configured { epoch, models, routes, closed })
        });
        let read = Arc::new(read.await.and_then(|read| read).map_err(|error| Refused::of_registry(&error))?);
        *self.catalog.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&read));
        if read.epoch == epoch { Ok(read) } else { Err(Undecided::Changed) }
    }
}
