//! Consent is a delegation: what a person lets a program do is delegated by the person's own key to an agent that acts for the program
//! and nothing else. Its key is in custody, since such programs have none. So the order of delegations holds the person to its ceiling,
//! and a consent that is taken back is a delegation that is revoked.

use crate::{
    Budget, Profile,
    error::RegistryError,
    holders::Shown,
    people::team_of,
    registry::{Registry, must_be_active, named},
};
use legation_did::Did;
use legation_keys::{base64url, secret::random};
use legation_store::{
    StoreError, Tx, consent,
    consent::{Code, Consent},
    holder::{self, Kind, State},
    issued,
    issued::Issued,
    link,
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

/// For how long a code buys a token, seconds.
pub const CODE_LIFE: i64 = 60;
/// For how long a program gets its next token by what it got with the last one, seconds; never longer than the person chose.
pub const REFRESH_LIFE: i64 = 7 * 86_400;
/// Random bytes of a code.
const RANDOM: usize = 32;

/// What a person lets a program do.
#[derive(Clone, Debug)]
pub struct Given<'g> {
    /// Who lets it.
    pub person: &'g str,
    /// The `client_id` of the program, and what it is called.
    pub client: (&'g str, &'g str),
    /// The service that it is for.
    pub audience: &'g str,
    /// What it may do, as a delegation writes grants.
    pub grants: Vec<Value>,
    /// What it may spend.
    pub budget: Option<Budget>,
    /// For how long, seconds.
    pub lasts: i64,
}

/// A consent as it is now.
#[derive(Clone, Debug, PartialEq)]
pub struct Consented {
    /// Who let which program act.
    pub consent: Consent,
    /// The agent that acts by it.
    pub agent: Shown,
}

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

fn missing(id: &str) -> RegistryError {
    StoreError::NotFound { what: format!("consent `{id}`") }.into()
}

impl Registry {
    /// Delegates what a person lets a program do. Whoever let it act at this service before says so anew, and what was said before
    /// ends.
    ///
    /// # Errors
    /// [`RegistryError`]; [`RegistryError::Wider`] where the person itself has less.
    pub fn consent(&self, given: &Given<'_>, now: i64) -> Result<Consented, RegistryError> {
        let (client, client_name) = given.client;
        let profile = Profile {
            purpose: format!("acts for {client_name} (`{client}`), as {} lets it", given.person),
            owner: given.person.to_owned(),
            grants: given.grants.clone(),
            budgets: given.budget.iter().cloned().collect(),
            valid_for: given.lasts,
            until: Some(now.saturating_add(given.lasts)),
            ..Profile::default()
        };
        self.by_person(given.person).change(|tx| {
            let own = self.by_person(given.person);
            self.person_in(tx, given.person)?;
            let before =
                consent::of(tx, &self.id, (given.person, client, given.audience))?.into_iter().next();
            if let Some(before) = before {
                let (agent, _) = named(tx, &self.id, Kind::Agent, &before.id)?;
                if agent.state != State::Retired {
                    // Who was suspended is not there again by being asked for anew.
                    must_be_active(&agent)?;
                    consent::changed(tx, &self.id, (&before.id, client_name), now)?;
                    own.keep_profile(tx, &agent, &profile, ("consent.changed", json!({})), now)?;
                    if link::current(tx, &self.id, &agent.id).is_err() {
                        let agent = holder::get(tx, &self.id, &agent.id)?;
                        own.issue(tx, &agent, now)?;
                    }
                    return self.consented(tx, &before.id);
                }
            }
            let id = uuid::Uuid::now_v7().simple().to_string();
            let id = format!("consent-{}", &id.get(..32).unwrap_or(&id));
            let kept = Consent {
                id: id.clone(),
                person: given.person.to_owned(),
                client: client.to_owned(),
                client_name: client_name.to_owned(),
                audience: given.audience.to_owned(),
                created: now,
                changed: now,
            };
            own.add_agent_in(tx, (&id, &team_of(given.person)), &profile, None, now)?;
            consent::add(tx, &self.id, &kept)?;
            let told = json!({"person": given.person, "client": client, "audience": given.audience});
            own.tell(tx, ("consent.given", &id), &told, now)?;
            self.consented(tx, &id)
        })
    }

    fn consented(&self, tx: &mut Tx<'_>, id: &str) -> Result<Consented, RegistryError> {
        let consent = consent::get(tx, &self.id, id)?.ok_or_else(|| missing(id))?;
        let agent = holder::by_name(tx, &self.id, Kind::Agent, id)?;
        Ok(Consented { consent, agent: self.shown(tx, agent)? })
    }

    /// A consent by its id.
    ///
    /// # Errors
    /// [`RegistryError`]; [`StoreError::NotFound`].
    pub fn consent_of(&self, id: &str) -> Result<Consented, RegistryError> {
        self.store.read(|tx| self.consented(tx, id))
    }

    /// Consents whose ids come after `after`, in the order of their ids, at most so many; of one person where it is named.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn consents(&self, person: Option<&str>, page: (&str, i64)) -> Result<Vec<Consented>, RegistryError> {
        self.store.read(|tx| {
            let found = consent::list(tx, &self.id, person, page)?;
            found.iter().map(|one| self.consented(tx, &one.id)).collect()
        })
    }

    /// The actions that a person lets a program do at a service now.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn given_before(
        &self,
        person: &str,
        client: &str,
        audience: &str,
    ) -> Result<Vec<String>, RegistryError> {
        self.read_open(|tx| {
            let before = consent::of(tx, &self.id, (person, client, audience))?.into_iter().next();
            let Some(before) = before else { return Ok(Vec::new()) };
            let agent = self.consented(tx, &before.id)?.agent;
            let is_there = agent.holder.state == State::Active;
            let grants = agent.profile.grants.iter().filter(|_| is_there);
            let actions = grants.filter_map(|grant| grant.get("actions").and_then(Value::as_array)).flatten();
            Ok(actions.filter_map(|action| action.as_str().map(str::to_owned)).collect())
        })
    }

    /// Takes a consent back: its delegation is revoked, from the next call on. Gives whether it held until then.
    ///
    /// # Errors
    /// [`RegistryError`]; [`StoreError::NotFound`].
    pub fn revoke_consent(&self, id: &str, now: i64) -> Result<bool, RegistryError> {
        self.end_consent(id, None, now)
    }

    /// The same, by the person who has given it; those of others are not there.
    ///
    /// # Errors
    /// [`RegistryError`]; [`StoreError::NotFound`].
    pub fn take_back(&self, person: &str, id: &str, now: i64) -> Result<bool, RegistryError> {
        self.by_person(person).end_consent(id, Some(person), now)
    }

    fn end_consent(&self, id: &str, by: Option<&str>, now: i64) -> Result<bool, RegistryError> {
        self.change(|tx| {
            let before = self.consented(tx, id)?;
            if by.is_some_and(|person| before.consent.person != person) {
                return Err(missing(id));
            }
            if before.agent.holder.state == State::Retired {
                return Ok(false);
            }
            self.set_state_in(tx, (Kind::Agent, id), State::Retired, None, now)?;
            self.tell(tx, ("consent.revoked", id), &json!({"person": before.consent.person}), now)?;
            Ok(true)
        })
    }

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
