//! What a person has let programs do, as it sees it itself, and takes it back.

use super::{
    Stopped, page,
    who::{Form, Person},
};
use crate::{
    gateway::{Gateway, now},
    refused::Refused,
};
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use legation_registry::{Consented, RegistryError};
use legation_store::StoreError;
use std::sync::Arc;

/// What the form of this page has to bring along is made of, in place of a request.
const PAGE: &str = "consents";
/// Most consents of a page.
const MOST: i64 = 200;

/// Shows a person what it has let programs do; whoever is not signed in is asked for a code first.
pub(crate) async fn consents(gateway: &Arc<Gateway>, headers: &HeaderMap) -> Response {
    let person = match gateway.signed_in(headers).await {
        Ok(Some(person)) => person,
        Ok(None) => return page::sign_in(StatusCode::OK, "", None, None),
        Err(refused) => return page::stopped(Stopped::from(refused)),
    };
    match gateway.given_by(&person).await {
        Ok(all) => page::consents(&person.name, &all, &person.form(PAGE)),
        Err(refused) => page::stopped(Stopped::from(refused)),
    }
}

/// Takes a consent of whoever is signed in back; it shows what is left.
pub(crate) async fn revoke(gateway: &Arc<Gateway>, form: &Form) -> Response {
    let person = match gateway.signed_in(&form.headers).await {
        Ok(Some(person)) => person,
        Ok(None) => return page::sign_in(StatusCode::FORBIDDEN, "", None, None),
        Err(refused) => return page::stopped(Stopped::from(refused)),
    };
    if !form.is_of(gateway, &person, PAGE) {
        let message = "The form was sent by another site, or is an old one. Nothing was taken back.";
        return page::wrong(StatusCode::FORBIDDEN, message);
    }
    let (own, name) = (Arc::clone(gateway), person.name.clone());
    let id = form.get("id").unwrap_or_default().to_owned();
    let revoked = gateway.blocking(move || own.registry.take_back(&name, &id, now())).await;
    match revoked.and_then(|revoked| revoked) {
        Ok(_) => page::led(PAGE),
        Err(RegistryError::Store(StoreError::NotFound { .. })) => {
            page::wrong(StatusCode::NOT_FOUND, "There is no such consent of yours.")
        }
        Err(error) => page::stopped(Stopped::from(Refused::of_registry(&error))),
    }
}

impl Gateway {
    async fn given_by(self: &Arc<Self>, person: &Person) -> Result<Vec<Consented>, Refused> {
        let (gateway, name) = (Arc::clone(self), person.name.clone());
        let all = self.blocking(move || gateway.registry.consents(Some(&name), ("", MOST))).await;
        all.and_then(|all| all).map_err(|error| Refused::of_registry(&error))
    }
}
