//! Models, routes and secrets of upstreams.

use crate::{error::RegistryError, holders::ANOTHER, model::Model, registry::Registry, route::Route};
use legation_store::{Tx, configuration, configuration::Secret, mcp};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::json;

const MODEL: &str = "model";
const ROUTE: &str = "route";
const CLOSED: &str = "closed-model";
/// Most bytes of the name of a secret.
const MAX_NAME: usize = 64;

impl Registry {
    /// Writes a model, a new one or the next version of the one of its name.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn put_model(&self, model: &Model, now: i64) -> Result<(), RegistryError> {
        let wrong = |error: crate::model::ModelError| RegistryError::Value {
            what: "model",
            found: model.name.clone(),
            reason: error.to_string(),
        };
        model.validate().map_err(wrong)?;
        self.change(|tx| {
            // What is decided and counted by it later is replayed by what the log says of it.
            let mut told = json!({"group": model.group, "price": model.price});
            if let (Some(told), of_targets) = (told.as_object_mut(), model.target_prices())
                && !of_targets.is_empty()
            {
                told.insert("targetPrices".to_owned(), json!(of_targets));
            }
            self.put(tx, (MODEL, &model.name), (model, &told), now)?;
            match configuration::remove(tx, &self.id, CLOSED, &model.name) {
                Ok(()) => self.tell(tx, ("model.opened", &model.name), &json!({}), now),
                Err(legation_store::StoreError::NotFound { .. }) => Ok(()),
                Err(error) => Err(error.into()),
            }
        })
    }

    /// Closes a model whose answers cost more than is reserved for them, until it is written anew.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn close_model(&self, name: &str, now: i64) -> Result<(), RegistryError> {
        self.change(|tx| {
            configuration::put(tx, &self.id, CLOSED, name, "{}")?;
            self.tell_closed(tx, name, now)?;
            self.tell(tx, ("model.closed", name), &json!({"why": "over_reserved"}), now)
        })
    }

    /// The names of the models that are closed.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn closed_models(&self) -> Result<Vec<String>, RegistryError> {
        let closed = self.store.read(|tx| configuration::list(tx, &self.id, CLOSED))?;
        Ok(closed.into_iter().map(|item| item.name).collect())
    }

    /// The models, in the order of their names.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn models(&self) -> Result<Vec<Model>, RegistryError> {
        self.all(MODEL)
    }

    /// Writes a route, a new one or the next version of the one of its name.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn put_route(&self, route: &Route, now: i64) -> Result<(), RegistryError> {
        route.validate()?;
        self.change(|tx| {
            if let Some(taken) = self.below(tx)?.iter().find(|name| is_below(route, name)) {
                return Err(RegistryError::Taken { found: taken.clone(), by: ANOTHER.to_owned() });
            }
            // A card is signed for the very addresses that a route had.
            let same = |before: &Route| {
                (&before.path, &before.upstream, before.protocol)
                    == (&route.path, &route.upstream, route.protocol)
            };
            if !self.route(tx, &route.name)?.is_some_and(|before| same(&before)) {
                self.forget_card_overlay(tx, &route.name)?;
            }
            self.put(tx, (ROUTE, &route.name), (route, &json!({})), now)
        })
    }

    /// The route of a name, where there is one.
    pub(crate) fn route(&self, tx: &mut Tx<'_>, name: &str) -> Result<Option<Route>, RegistryError> {
        let found = configuration::list(tx, &self.id, ROUTE)?.into_iter().find(|item| item.name == name);
        let read = |item: configuration::Item| {
            serde_json::from_str(&item.body).map_err(|error| RegistryError::damaged(&item.name, error))
        };
        found.map(read).transpose()
    }

    /// The routes, in the order of their names.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn routes(&self) -> Result<Vec<Route>, RegistryError> {
        self.all(ROUTE)
    }

    /// Removes a route.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn remove_route(&self, name: &str, now: i64) -> Result<(), RegistryError> {
        self.change(|tx| {
            configuration::remove(tx, &self.id, ROUTE, name)?;
            mcp::forget_tools(tx, &self.id, name)?;
            self.forget_card_overlay(tx, name)?;
            self.tell(tx, ("route.removed", name), &json!({}), now)
        })
    }

    /// Removes a model.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn remove_model(&self, name: &str, now: i64) -> Result<(), RegistryError> {
        self.change(|tx| {
            configuration::remove(tx, &self.id, MODEL, name)?;
            self.tell(tx, ("model.removed", name), &json!({}), now)
        })
    }

    pub(crate) fn put(
        &self,
        tx: &mut Tx<'_>,
        (kind, name): (&str, &str),
        (item, told): (&impl Serialize, &serde_json::Value),
        now: i64,
    ) -> Result<(), RegistryError> {
        let body = serde_json::to_string(item).map_err(|error| RegistryError::damaged(name, error))?;
        configuration::put(tx, &self.id, kind, name, &body)?;
        self.tell(tx, (&format!("{kind}.set"), name), told, now)
    }

    pub(crate) fn all<T: DeserializeOwned>(&self, kind: &str) -> Result<Vec<T>, RegistryError> {
        let items = self.store.read(|tx| configuration::list(tx, &self.id, kind))?;
        items
            .iter()
            .map(|item| {
                serde_json::from_str(&item.body).map_err(|error| RegistryError::damaged(&item.name, error))
            })
            .collect()
    }

    /// Sets the secret of an upstream. It goes to this origin and to no other.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn set_secret(&self, name: &str, origin: &str, secret: &str, now: i64) -> Result<(), RegistryError> {
        let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte);
        if name.is_empty() || name.len() > MAX_NAME || !name.bytes().all(fits) {
            let reason = "write 1 to 64 of `a`-`z`, `0`-`9`, `.`, `_`, `-`".to_owned();
            return Err(RegistryError::Value { what: "name of a secret", found: name.to_owned(), reason });
        }
        let origin = crate::route::origin_of(origin)?;
        if secret.is_empty() || !secret.bytes().all(|byte| byte.is_ascii_graphic()) {
            let reason = "it is sent in a header: printable characters without spaces".to_owned();
            return Err(RegistryError::Value { what: "secret", found: "(not shown)".to_owned(), reason });
        }
        self.change(|tx| {
            // Under the lock: whoever seals all anew must not miss it.
            let sealed = self.signer().seal_secret(&self.id, name, &origin, secret)?;
            let secret = Secret { name: name.to_owned(), origin: origin.clone(), sealed, created: now };
            configuration::put_secret(tx, &self.id, &secret)?;
            self.tell(tx, ("secret.set", name), &json!({"origin": origin}), now)
        })
    }

    /// The secrets by name and origin; what they are is not told.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn secrets(&self) -> Result<Vec<Secret>, RegistryError> {
        Ok(self.store.read(|tx| configuration::secrets(tx, &self.id))?)
    }

    /// Removes a secret.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn remove_secret(&self, name: &str, now: i64) -> Result<(), RegistryError> {
        self.change(|tx| {
            configuration::remove_secret(tx, &self.id, name)?;
            self.tell(tx, ("secret.removed", name), &json!({}), now)
        })
    }
}

/// Whether a route's path begins with a name.
fn is_below(route: &Route, name: &str) -> bool {
    route.path.strip_prefix('/').and_then(|path| path.split('/').next()) == Some(name)
}

/// The names of an organization's routes whose paths begin with a name.
pub(crate) fn routes_below(
    tx: &mut Tx<'_>,
    organization: &str,
    name: &str,
) -> Result<Vec<String>, RegistryError> {
    let mut found = Vec::new();
    for item in configuration::list(tx, organization, ROUTE)? {
        let route: Route =
            serde_json::from_str(&item.body).map_err(|error| RegistryError::damaged(&item.name, error))?;
        if is_below(&route, name) {
            found.push(item.name);
        }
    }
    Ok(found)
}
