//! Requests that wait for somebody's approval. What is held is what is decided on: action, resource, facts, and of the body its
//! digest alone. Whoever approves signs the digest of all of it, so that what passes later is this request, once.

use crate::{error::RegistryError, registry::Registry};
use legation_credential::{Approval, ApprovalRequest, approval::MAX_BYTES};
use legation_did::Did;
use legation_keys::{
    base64url,
    json::{self, JsonLimits},
    jws, time,
};
use legation_store::{StoreError, approval, approval::Held};
use serde_json::json;

/// For how long a request is held, seconds. As long a refusal is remembered.
pub const HELD: i64 = 3600;
/// Most requests of one agent of the organization, and of the children that it made, that wait.
const MOST_WAITING: i64 = 100;

impl Registry {
    /// Holds a request until somebody has decided on it, and says how far that is. One that is asked again is the same; one
    /// that was used, or ended, is asked anew. `holder` is the organization's own agent that it counts for: whoever makes itself
    /// children has no more that waits by them.
    ///
    /// # Errors
    /// [`RegistryError`]; [`RegistryError::Value`] where too many of the agent wait.
    pub fn hold(
        &self,
        asked: &ApprovalRequest,
        (holder, why): (&Did, &str),
        now: i64,
    ) -> Result<Held, RegistryError> {
        let digest = base64url::encode(&asked.digest());
        let is_open = |held: &Held| held.state != "used" && now < held.until;
        let known = self.store.read(|tx| approval::of(tx, &self.id, &digest))?;
        if let Some(known) = known.filter(is_open) {
            return Ok(known);
        }
        let agent = asked.agent.to_string();
        self.change(|tx| {
            if let Some(known) = approval::of(tx, &self.id, &digest)?.filter(is_open) {
                return Ok(known);
            }
            // A day later nobody asks what became of it; the receipts say that.
            approval::forget(tx, &self.id, holder.as_str(), now.saturating_sub(86_400))?;
            if approval::waiting(tx, &self.id, holder.as_str(), (now, MOST_WAITING))?
                >= usize::try_from(MOST_WAITING).unwrap_or(0)
            {
                let reason = "too many of its requests wait for an approval already".to_owned();
                return Err(RegistryError::Value { what: "agent", found: agent.clone(), reason });
            }
            let held = Held {
                id: uuid::Uuid::now_v7().to_string(),
                digest: digest.clone(),
                agent: agent.clone(),
                holder: holder.to_string(),
                state: "pending".to_owned(),
                asked: now,
                until: now.saturating_add(HELD),
                request: asked.to_json().to_string(),
                why: why.to_owned(),
                decided_by: String::new(),
                reason: String::new(),
            };
            approval::put(tx, &self.id, &held)?;
            self.note(tx, ("approval.asked", &held.id), &json!({"agent": agent}), now)?;
            self.tell_held(tx, &held, now)?;
            Ok(held)
        })
    }

    /// How far a request is that was held, and what approvers have signed of it.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn held_request(
        &self,
        digest: &[u8; 32],
        now: i64,
    ) -> Result<Option<(Held, Vec<String>)>, RegistryError> {
        let digest = base64url::encode(digest);
        Ok(self.store.read(|tx| {
            let held = approval::of(tx, &self.id, &digest)?.filter(|held| now < held.until);
            let Some(held) = held else { return Ok::<_, StoreError>(None) };
            let given = approval::given(tx, &self.id, &held.id)?;
            Ok(Some((held, given.into_iter().map(|(_, secured)| secured).collect())))
        })?)
    }

    /// The requests in a state whose ids come after `after`, the oldest first, at most so many.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn approvals(&self, state: &str, after: &str, most: i64) -> Result<Vec<Held>, RegistryError> {
        Ok(self.store.read(|tx| approval::list(tx, (&self.id, state), (after, most)))?)
    }

    /// One request, and who has approved it so far.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub fn approval(&self, id: &str) -> Result<(Held, Vec<String>), RegistryError> {
        self.store.read(|tx| {
            let held = approval::get(tx, &self.id, id)?.ok_or_else(|| missing(id))?;
            let given = approval::given(tx, &self.id, id)?;
            Ok((held, given.into_iter().map(|(approver, _)| approver).collect()))
        })
    }

    /// Keeps an approval that somebody signed of a request that is held. Whether it counts is judged when the request comes
    /// again, by the limits of its chain; what can be said before is said here.
    ///
    /// # Errors
    /// [`RegistryError::Value`] where it is of something else, or ended; [`StoreError::NotFound`].
    pub fn grant_approval(&self, id: &str, text: &str, now: i64) -> Result<Held, RegistryError> {
        let wrong = |reason: String| RegistryError::Value {
            what: "approval",
            found: text.chars().take(40).collect(),
            reason,
        };
        let given = read(text).map_err(|reason| wrong(reason.to_owned()))?;
        self.change(|tx| {
            let mut held = open(approval::get(tx, &self.id, id)?, id, now)?;
            let Approval { issuer, request, valid_until, .. } = &given;
            if base64url::encode(request) != held.digest {
                return Err(wrong("it is of another request".to_owned()));
            }
            if *valid_until <= now {
                return Err(wrong(format!("it ended at {}", time::format(*valid_until))));
            }
            approval::give(tx, &self.id, (id, issuer.as_str(), text), now)?;
            "granted".clone_into(&mut held.state);
            // Whoever brought it. Who signed it is held against the signature when the request comes again.
            held.decided_by.clone_from(&self.actor);
            approval::put(tx, &self.id, &held)?;
            self.note(tx, ("approval.granted", id), &json!({"claimed": issuer.as_str()}), now)?;
            Ok(held)
        })
    }

    /// Refuses a request that is held: it is denied as long as it would be held.
    ///
    /// # Errors
    /// [`RegistryError::Value`] where it was decided already; [`StoreError::NotFound`].
    pub fn refuse_approval(&self, id: &str, reason: &str, now: i64) -> Result<Held, RegistryError> {
        self.change(|tx| {
            let mut held = open(approval::get(tx, &self.id, id)?, id, now)?;
            "refused".clone_into(&mut held.state);
            held.reason = reason.chars().take(500).collect();
            held.until = now.saturating_add(HELD);
            approval::put(tx, &self.id, &held)?;
            self.note(tx, ("approval.refused", id), &json!({"reason": held.reason}), now)?;
            Ok(held)
        })
    }

    /// Notes that a request has passed: what was approved of it is used up.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn use_approval(&self, digest: &[u8; 32], now: i64) -> Result<(), RegistryError> {
        let digest = base64url::encode(digest);
        self.change(|tx| {
            let Some(mut held) = approval::of(tx, &self.id, &digest)? else { return Ok(()) };
            "used".clone_into(&mut held.state);
            approval::put(tx, &self.id, &held)?;
            self.note(tx, ("approval.used", &held.id), &json!({}), now)
        })
    }
}

/// One that can still be decided on.
fn open(held: Option<Held>, id: &str, now: i64) -> Result<Held, RegistryError> {
    let held = held.ok_or_else(|| missing(id))?;
    let wrong = |reason: &str| RegistryError::Value {
        what: "approval",
        found: id.to_owned(),
        reason: reason.to_owned(),
    };
    match held.state.as_str() {
        _ if now >= held.until => Err(wrong("it was not decided in time; the agent has to ask again")),
        "pending" | "granted" => Ok(held),
        "refused" => Err(wrong("it was refused already")),
        _ => Err(wrong("what was approved is used already")),
    }
}

fn missing(id: &str) -> StoreError {
    StoreError::NotFound { what: format!("approval `{}`", id.chars().take(80).collect::<String>()) }
}

/// What an approval says, which nobody has verified yet.
fn read(text: &str) -> Result<Approval, &'static str> {
    const FORM: &str = "expected a compact JWS, as `legation approve` writes it";
    if text.len() > MAX_BYTES {
        return Err("it is too long");
    }
    let parts = jws::split(text).map_err(|_| FORM)?;
    let payload = base64url::decode(parts.payload).map_err(|_| FORM)?;
    let claims = json::parse(&payload, JsonLimits { bytes: MAX_BYTES, depth: 16 }).map_err(|_| FORM)?;
    Approval::from_claims(&claims).map_err(|_| "it is no approval of a request")
}
