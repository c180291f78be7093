//! What is asked about a token: whether it holds (RFC 7662), and that it holds no longer (RFC 7009).

use crate::{
    Claims, Refused,
    request::{Form, SECRETS, client_assertion},
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// What is asked about a token, well-formed and not yet believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AboutToken {
    /// The token. Whatever stands here may be no token at all.
    pub token: String,
    /// The JWT by which whoever asks proves itself, where there is one (`private_key_jwt`, RFC 7523).
    pub assertion: Option<String>,
    /// `client_id`, where it is said; whoever asks has to be the same.
    pub client_id: Option<String>,
}

impl AboutToken {
    /// Reads a form (RFC 7662 §2.1, RFC 7009 §2.1). `token_type_hint` is not looked at: there is one kind of token.
    ///
    /// # Errors
    /// [`Refused`] of what is no such form, or shows a secret.
    ///
    /// ```
    /// use legation_token::AboutToken;
    /// let asked = AboutToken::read(b"token=a.b.c&token_type_hint=access_token")?;
    /// assert_eq!((asked.token.as_str(), asked.assertion), ("a.b.c", None));
    /// # Ok::<(), legation_token::Refused>(())
    /// ```
    pub fn read(body: &[u8]) -> Result<Self, Refused> {
        let form = Form::read(body)?;
        if let Some(secret) = SECRETS.into_iter().find(|name| form.has(name)) {
            let message = format!("`{secret}` is not taken: who asks proves itself by its key");
            return Err(Refused::new("invalid_client", "secret_shown", message));
        }
        let shows = form.has("client_assertion") || form.has("client_assertion_type");
        Ok(Self {
            token: form.required("token")?.to_owned(),
            assertion: shows.then(|| client_assertion(&form)).transpose()?,
            client_id: form.get("client_id").map(str::to_owned),
        })
    }
}

/// What a token is known by while it is kept in memory: SHA-256 of its text.
#[must_use]
pub fn digest(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

/// What a service is told of a token that holds (RFC 7662 §2.2): what it says itself.
#[must_use]
pub fn active(claims: &Claims) -> Value {
    let mut told = claims.to_json();
    if let Some(members) = told.as_object_mut() {
        members.insert("active".to_owned(), true.into());
        let kind = if claims.key.is_some() { "DPoP" } else { "Bearer" };
        members.insert("token_type".to_owned(), kind.into());
    }
    told
}

/// What is told of any other: nothing (RFC 7662 §2.2).
#[must_use]
pub fn inactive() -> Value {
    json!({ "active": false })
}
