//! Codes by which programs get tokens of consents, and refresh tokens, by which they get the next ones: each buys one, and what comes
//! twice ends what it has bought. Only digests are kept.

use crate::{consents::Consented, error::RegistryError, registry::Registry};
use legation_did::Did;
use legation_keys::{base64url, secret::random};
use legation_store::{
    consent,
    consent::{Code, Consent},
    holder, issued,
    issued::Issued,
};
use serde_json::json;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

/// For how long a code buys a token, seconds.
pub const CODE_LIFE: i64 = 60;
/// For how long a program gets its next token by what it got with the last one, seconds; never longer than the person chose.
pub const REFRESH_LIFE: i64 = 7 * 86_400;
/// Random bytes of a code.
const RANDOM: usize = 32;

/// What a program shows with a code.
#[derive(Clone, Copy, Debug)]
pub struct Redeem<'r> {
    /// By what it asks.
    pub by: By<'r>,
    /// Its `client_id`.
    pub client: &'r str,
    /// The thumbprint of the key that it has proved.
    pub key: Option<&'r str>,
    /// The service that it says the token is for.
    pub audience: Option<&'r str>,
    /// What the token is going to be known by.
    pub token: &'r str,
}

/// By what a program asks for a token.
#[derive(Clone, Copy, Debug)]
pub enum By<'r> {
    /// By the code that it was sent.
    Code {
        /// The code.
        code: &'r str,
        /// Where it was sent to.
        redirect: &'r str,
        /// SHA-256 of its verifier, base64url (RFC 7636 §4.6).
        challenge: &'r str,
    },
    /// By what it got with its last token.
    Refresh(&'r str),
}

impl By<'_> {
    fn digest(self) -> String {
        match self {
            Self::Code { code, .. } => digest("authorization code", code),
            Self::Refresh(token) => digest("refresh token", token),
        }
    }
}

/// Why a code buys nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CodeRefused {
    /// There is none, or it has ended.
    #[error("the code is not known here, or its minute is over; ask the person again")]
    Unknown,
    /// It was shown before.
    #[error(
        "the code was used before, so that what it has bought holds no longer either; ask the person again"
    )]
    Used,
    /// It is another program's.
    #[error("the code was given to another `client_id`")]
    Client,
    /// It was sent to another address.
    #[error("the code was sent to another `redirect_uri` than the one that stands here")]
    Redirect,
    /// The verifier does not answer the challenge.
    #[error("`code_verifier` does not answer the `code_challenge` that the code was asked for with")]
    Verifier,
    /// The token was to be bound to another key.
    #[error("the code is bound to a key by `dpop_jkt`; send a proof of that key in `DPoP`")]
    Key,
    /// It is for another service.
    #[error("the code is for another `resource`")]
    Audience,
}

impl CodeRefused {
    /// The stable code.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Unknown => "code_unknown",
            Self::Used => "code_used",
            Self::Client => "client_mismatch",
            Self::Redirect => "redirect_mismatch",
            Self::Verifier => "pkce_mismatch",
            Self::Key => "dpop_key_mismatch",
            Self::Audience => "audience_mismatch",
        }
    }
}

/// What a code stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redeemed {
    /// The agent that acts by the consent.
    pub agent: Did,
    /// The consent.
    pub consent: String,
    /// The service that the token is for.
    pub audience: String,
    /// By what the code is known.
    pub digest: String,
}

/// What is kept of a secret; one of another kind is none.
fn digest(kind: &str, secret: &str) -> String {
    base64url::encode(&Sha256::new_with_prefix(format!("legation {kind}\n")).chain_update(secret).finalize())
}

fn secret() -> Result<Zeroizing<String>, RegistryError> {
    let random = random::<RANDOM>().map_err(|error| RegistryError::damaged("the random source", error))?;
    Ok(Zeroizing::new(base64url::encode(&random)))
}

impl Registry {
    /// Makes a code that buys one token of a consent, within a minute. Only its digest is kept. The key is the one that the token has to
    /// be bound to, by its thumbprint.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn new_code(
        &self,
        consent: &str,
        (redirect, challenge, key): (&str, &str, Option<&str>),
        now: i64,
    ) -> Result<Zeroizing<String>, RegistryError> {
        let secret = secret()?;
        let code = Code {
            digest: digest("authorization code", &secret),
            consent: consent.to_owned(),
            redirect: redirect.to_owned(),
            challenge: challenge.to_owned(),
            bound_key: key.map(str::to_owned),
            until: now.saturating_add(CODE_LIFE),
            token: None,
            twice: None,
        };
        self.change(|tx| Ok(consent::add_code(tx, &self.id, &code, now)?))?;
        Ok(secret)
    }

    /// Spends a code, for a token that is known by `token` from then on. Whoever shows it once more ends that token (RFC 6749 §4.1.2).
    ///
    /// # Errors
    /// [`RegistryError`]; within, why it buys nothing.
    pub fn redeem(
        &self,
        shown: &Redeem<'_>,
        now: i64,
    ) -> Result<Result<Redeemed, CodeRefused>, RegistryError> {
        let digest = shown.by.digest();
        // Whoever guesses reads, and writes nothing.
        if self.read_open(|tx| consent::code(tx, &self.id, &digest))?.is_none() {
            return Ok(Err(CodeRefused::Unknown));
        }
        // A code that comes twice is written down, too: so it is no error within the transaction.
        self.change(|tx| {
            let Some(code) = consent::code(tx, &self.id, &digest)? else {
                return Ok(Err(CodeRefused::Unknown));
            };
            let Consented { consent, agent } = self.consented(tx, &code.consent)?;
            if let Err(refused) = fits(shown, &code, &consent) {
                return Ok(Err(refused));
            }
            if !consent::spend(tx, &self.id, (&digest, shown.token))? {
                consent::shown_twice(tx, &self.id, &digest, now)?;
                if let Some(token) = &code.token {
                    issued::revoke(tx, &self.id, token, now)?;
                }
                // Of two who have it one has stolen it, or what came of it.
                consent::end_codes(tx, &self.id, &consent.id)?;
                self.tell(tx, ("consent.code-twice", &consent.id), &json!({"client": consent.client}), now)?;
                return Ok(Err(CodeRefused::Used));
            }
            if now >= code.until {
                return Ok(Err(CodeRefused::Unknown));
            }
            let agent = crate::links::read_did(&agent.holder.did)?;
            Ok(Ok(Redeemed {
                agent,
                consent: consent.id,
                audience: consent.audience,
                digest: digest.clone(),
            }))
        })
    }

    /// Keeps what a code has bought, and gives by what the program gets its next token, from a key where it is bound to one; `None` where
    /// the code was shown once more meanwhile.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn keep_bought(
        &self,
        token: &Issued,
        (code, key): (&str, Option<&str>),
        now: i64,
    ) -> Result<Option<Zeroizing<String>>, RegistryError> {
        let next = secret()?;
        self.change(|tx| {
            let spent = consent::code(tx, &self.id, code)?.filter(|code| code.twice.is_none());
            let Some(spent) = spent else { return Ok(None) };
            issued::add(tx, &self.id, token, now)?;
            let until = self.consented(tx, &spent.consent)?.agent.profile.until.unwrap_or(i64::MAX);
            let kept = Code {
                digest: digest("refresh token", &next),
                consent: spent.consent,
                redirect: String::new(),
                challenge: String::new(),
                bound_key: key.map(str::to_owned),
                until: until.min(now.saturating_add(REFRESH_LIFE)),
                token: None,
                twice: None,
            };
            consent::add_code(tx, &self.id, &kept, now)?;
            Ok(Some(next))
        })
    }

    /// The key by which an agent in custody is there now, as a Multikey.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn key_in_custody(&self, did: &Did) -> Result<String, RegistryError> {
        let keys = self.read_open(|tx| {
            let agent = holder::by_did(tx, &self.id, did.as_str())?;
            holder::keys(tx, &self.id, &agent.id)
        })?;
        let key =
            keys.into_iter().next().ok_or_else(|| RegistryError::damaged(did.as_str(), "it has no key"))?;
        Ok(crate::view::read_key(&key)?.to_multikey())
    }
}

/// Whether a code is what it is shown as. Nothing of it is spent where it is not: whoever steals one learns nothing and ends nothing.
fn fits(shown: &Redeem<'_>, code: &Code, consent: &Consent) -> Result<(), CodeRefused> {
    let same = |one: &str, other: &str| {
        aws_lc_rs::constant_time::verify_slices_are_equal(one.as_bytes(), other.as_bytes()).is_ok()
    };
    if consent.client != shown.client {
        return Err(CodeRefused::Client);
    }
    if let By::Code { redirect, challenge, .. } = shown.by {
        if code.redirect != redirect {
            return Err(CodeRefused::Redirect);
        }
        if !same(&code.challenge, challenge) {
            return Err(CodeRefused::Verifier);
        }
    }
    if code.bound_key.as_deref().is_some_and(|key| shown.key != Some(key)) {
        return Err(CodeRefused::Key);
    }
    if shown.audience.is_some_and(|audience| audience != consent.audience) {
        return Err(CodeRefused::Audience);
    }
    Ok(())
}
