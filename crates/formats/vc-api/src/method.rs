//! A key that the caller vouches for.

use crate::{
    issue::LIMITS,
    key::VerifyingKey,
    problem::{MALFORMED, Problem},
};
use legation_keys::json::{self, Json};

/// A verification method (Controlled Identifiers 1.0 §2.2) that is believed as it stands: its key is its
/// controller's. So credentials of issuers that no DID names can be verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Method {
    id: String,
    controller: String,
    key: VerifyingKey,
    /// What `kid` the key has besides: its own and its thumbprint (RFC 7638).
    names: Vec<String>,
}

impl Method {
    /// Reads one: `id`, `controller`, and `publicKeyJwk` or `publicKeyMultibase`.
    ///
    /// # Errors
    /// [`Problem`] where it is none, or its key is of no algorithm that is known here.
    ///
    /// ```
    /// use legation_vc_api::Method;
    /// let text = r#"{"id": "https://issuer.example/#1", "type": "Multikey", "controller": "https://issuer.example/",
    ///     "publicKeyMultibase": "z6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooWp"}"#;
    /// assert!(Method::parse(text.as_bytes()).is_ok());
    /// assert_eq!(Method::parse(b"{}").unwrap_err().code, "malformed");
    /// ```
    pub fn parse(text: &[u8]) -> Result<Self, Problem> {
        let wrong = |detail: String| Problem::new(MALFORMED, "malformed", detail);
        let json = json::parse(text, LIMITS)?;
        let member = |name: &str| {
            let found = json.get(name).and_then(Json::as_str).map(str::to_owned);
            found.ok_or_else(|| wrong(format!("a verification method has `{name}`, a text; there is none")))
        };
        let (id, controller) = (member("id")?, member("controller")?);
        let jwk = json.get("publicKeyJwk").and_then(Json::as_object);
        let key = match jwk {
            Some(jwk) => VerifyingKey::from_jwk(jwk),
            None => VerifyingKey::from_multikey(&member("publicKeyMultibase")?),
        };
        let key = key.map_err(|error| wrong(error.to_string()))?;
        let own = jwk.and_then(|jwk| jwk.get("kid")).and_then(Json::as_str).map(str::to_owned);
        let names = own.into_iter().chain([key.thumbprint()]).collect();
        Ok(Self { id, controller, key, names })
    }

    pub(crate) fn is_named(&self, key_id: &str) -> bool {
        self.id == key_id || self.names.iter().any(|name| name == key_id)
    }

    /// Whose key it is.
    pub(crate) fn controller(&self) -> &str {
        &self.controller
    }

    pub(crate) fn key(&self) -> &VerifyingKey {
        &self.key
    }
}
