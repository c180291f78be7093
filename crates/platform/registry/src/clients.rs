//! Programs that ask people for their consent and that an admin has told of: what each is called and where answers go. Those whose
//! `client_id` is a URL tell that of themselves, and are not here.

use crate::{error::RegistryError, registry::Registry};
use legation_keys::{base64url, secret::random};
use legation_store::{
    StoreError,
    person::{self, Client},
};
use serde_json::json;

/// Most characters of a name, and most addresses.
const MAX_NAME: usize = 80;
const MOST: usize = 8;

impl Registry {
    /// Adds a program, whose redirects were looked at before, and gives its `client_id`.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn add_client(&self, name: &str, redirects: &[String], now: i64) -> Result<Client, RegistryError> {
        let wrong = |what, found: &str, reason: &str| {
            Err(RegistryError::Value { what, found: found.to_owned(), reason: reason.to_owned() })
        };
        if name.is_empty() || name.chars().count() > MAX_NAME || name.chars().any(char::is_control) {
            return wrong(
                "name of a program",
                "…",
                "write 1 to 80 characters, none of them a control character",
            );
        }
        if redirects.is_empty() || redirects.len() > MOST {
            return wrong("redirect", "nothing", "name 1 to 8 of them");
        }
        let id = random::<12>().map_err(|error| RegistryError::damaged("the random source", error))?;
        let client = Client {
            id: format!("client-{}", base64url::encode(&id)),
            name: name.to_owned(),
            redirects: json!(redirects).to_string(),
            created: now,
        };
        self.change(|tx| {
            person::add_client(tx, &self.id, &client)?;
            self.note(tx, ("client.added", &client.id), &json!({"name": name, "redirects": redirects}), now)
        })?;
        Ok(client)
    }

    /// A program by its `client_id`; `None` where none is known by it.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn client(&self, id: &str) -> Result<Option<Client>, RegistryError> {
        Ok(self.read_open(|tx| person::client_of(tx, &self.id, id))?)
    }

    /// Programs whose ids come after `after`, in the order of their ids, at most so many.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn clients(&self, after: &str, most: i64) -> Result<Vec<Client>, RegistryError> {
        Ok(self.store.read(|tx| person::clients(tx, &self.id, after, most))?)
    }

    /// Takes a program away: it can ask nobody any more. What people let it do ends with their consents.
    ///
    /// # Errors
    /// [`RegistryError`]; [`StoreError::NotFound`].
    pub fn remove_client(&self, id: &str, now: i64) -> Result<(), RegistryError> {
        self.change(|tx| {
            if !person::remove_client(tx, &self.id, id)? {
                return Err(StoreError::NotFound { what: format!("program `{id}`") }.into());
            }
            self.note(tx, ("client.removed", id), &json!({}), now)
        })
    }
}
