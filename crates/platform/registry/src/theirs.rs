//! Receipts of others: what a service signed of what an agent of the organization sent. Each is held against its signer's document and
//! against who answered, and kept whatever came of it, since a receipt that is wrong says something, too.
//!
//! | state | what it means |
//! |---|---|
//! | `verified` | who signed it is who answered, and it is of this agent |
//! | `wrong` | it is no receipt, was changed, or its key signs none |
//! | `foreign` | it holds, and is of another agent, another verifier, another time, or the organization's own |
//! | `unresolved` | its signer's document was not to be had; whoever hands it in again has it looked at again |
//!
//! What it is of is the other side's word: its actions and resources are named as that side names them.

use crate::{error::RegistryError, registry::Registry};
use legation_did::{Did, Document};
use legation_keys::{
    Algorithm, base64url,
    json::JsonLimits,
    jws,
    time::{self, Round},
};
use legation_store::{
    Tx,
    theirs::{self, Theirs},
};
use legation_verifier::receipt::{self, ReceiptError};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// Most bytes of one: what fits into a header, and room for those that are handed in.
pub const MAX_BYTES: usize = 8 << 10;
/// For how long they are kept, seconds: a year.
const KEPT: i64 = 366 * 86_400;
/// Most of one agent and its children within a day.
const MOST_A_DAY: i64 = 5_000;
/// How far apart an answer and its receipt may be, seconds, and how far the other clock may be ahead.
const APART: i64 = 300;
/// Bounds on its header.
const HEADER: JsonLimits = JsonLimits { bytes: 8 << 10, depth: 4 };
/// Most characters of what is wrong with it.
const MAX_REASON: usize = 300;

/// A receipt as it arrived.
#[derive(Clone, Copy, Debug)]
pub struct Arrived<'a> {
    /// Who sent what was answered so.
    pub agent: &'a Did,
    /// Among whose it is counted.
    pub holder: &'a Did,
    /// The origin that answered; `None` where the agent handed it in.
    pub origin: Option<&'a str>,
    /// The receipt.
    pub secured: &'a str,
}

/// Who says that it signed a receipt, by the key that it names.
///
/// # Errors
/// A sentence: it names none.
pub fn signer_of(secured: &str) -> Result<Did, String> {
    let parts = jws::split(secured).map_err(|error| error.to_string())?;
    let header = jws::read_header(parts.header, receipt::MEDIA_TYPE, &Algorithm::ALL, HEADER);
    let key = header.and_then(jws::Header::required_key_id).map_err(|error| error.to_string())?;
    let did = key.split('#').next().unwrap_or_default();
    did.parse().map_err(|_| format!("its key `{key}` is nobody's"))
}

impl Registry {
    /// Holds a receipt against its signer's document, at `now` (Unix seconds).
    #[must_use]
    pub fn judge_theirs(
        &self,
        arrived: Arrived<'_>,
        document: Result<&Document, String>,
        now: i64,
    ) -> Theirs {
        let mut theirs = Theirs {
            seq: 0,
            digest: base64url::encode(&Sha256::digest(arrived.secured)),
            agent: arrived.agent.to_string(),
            holder: arrived.holder.to_string(),
            origin: arrived.origin.unwrap_or_default().to_owned(),
            at: now,
            signer: signer_of(arrived.secured).map(|did| did.to_string()).unwrap_or_default(),
            decision: String::new(),
            code: String::new(),
            said_at: None,
            state: String::new(),
            reason: String::new(),
            secured: arrived.secured.to_owned(),
        };
        let (state, reason) = match self.judged(arrived, document, &mut theirs, now) {
            Ok(()) => ("verified", String::new()),
            Err(found) => found,
        };
        state.clone_into(&mut theirs.state);
        theirs.reason = reason.chars().filter(|one| !one.is_control()).take(MAX_REASON).collect();
        theirs
    }

    fn judged(
        &self,
        arrived: Arrived<'_>,
        document: Result<&Document, String>,
        theirs: &mut Theirs,
        now: i64,
    ) -> Result<(), (&'static str, String)> {
        let signer = signer_of(arrived.secured).map_err(|reason| ("wrong", reason))?;
        if let Some(origin) = arrived.origin.filter(|origin| !is_at(&signer, origin)) {
            return Err(("foreign", format!("`{origin}` answered with it, and `{signer}` signed it")));
        }
        let document = document.map_err(|reason| ("unresolved", reason))?;
        let said = receipt::verify(arrived.secured, document).map_err(|error| match error {
            ReceiptError::Signer { .. } => ("foreign", error.to_string()),
            error => ("wrong", error.to_string()),
        })?;
        let text = |name: &str| said.get(name).and_then(Value::as_str).unwrap_or_default();
        text("decision").clone_into(&mut theirs.decision);
        text("code").chars().take(64).collect::<String>().clone_into(&mut theirs.code);
        theirs.said_at = time::parse(text("at"), Round::Down);
        if self.is_own(&signer) {
            return Err(("foreign", "it is the organization's own".to_owned()));
        }
        if text("agent") != arrived.agent.as_str() {
            let whose = match text("agent") {
                "" => "it does not say of which agent it is".to_owned(),
                other => format!("it is of another agent, `{other}`"),
            };
            return Err(("foreign", whose));
        }
        let said_at = theirs.said_at.unwrap_or(i64::MAX);
        if said_at > now.saturating_add(APART) {
            return Err(("wrong", "it is of a time to come".to_owned()));
        }
        if arrived.origin.is_some() && said_at < now.saturating_sub(APART) {
            return Err(("foreign", "it is of another request: it is too old for this answer".to_owned()));
        }
        Ok(())
    }

    /// Whether a receipt of an agent, which is counted among those of a holder, has to be looked at: it is given where it is kept already.
    ///
    /// # Errors
    /// As [`Registry::keep_theirs`].
    pub fn may_keep_theirs(
        &self,
        (agent, holder): (&Did, &Did),
        secured: &str,
        now: i64,
    ) -> Result<Option<Theirs>, RegistryError> {
        let digest = base64url::encode(&Sha256::digest(secured));
        self.store.read(|tx| {
            let known = theirs::of(tx, &self.id, (agent.as_str(), &digest))?;
            let known = known.filter(|known| known.state != "unresolved");
            if known.is_none() {
                self.holds_more(tx, holder.as_str(), now)?;
            }
            Ok(known)
        })
    }

    fn holds_more(&self, tx: &mut Tx<'_>, holder: &str, now: i64) -> Result<(), RegistryError> {
        let lately = theirs::since(tx, &self.id, (holder, now.saturating_sub(86_400)), MOST_A_DAY)?;
        if i64::try_from(lately).unwrap_or(i64::MAX) >= MOST_A_DAY {
            let reason = format!("more than {MOST_A_DAY} of the agent came within a day");
            return Err(RegistryError::Value { what: "receipt", found: holder.to_owned(), reason });
        }
        Ok(())
    }

    /// Keeps a receipt that was judged, and gives it with its number. One that the agent has already stays as it is, unless it
    /// could not be looked at before.
    ///
    /// # Errors
    /// [`RegistryError`]; [`RegistryError::Value`] where too many of the agent came within a day.
    pub fn keep_theirs(&self, judged: Theirs, now: i64) -> Result<Theirs, RegistryError> {
        self.change(|tx| {
            let known = theirs::of(tx, &self.id, (&judged.agent, &judged.digest))?;
            let seq = match known {
                Some(known) if known.state != "unresolved" || judged.state == "unresolved" => return Ok(known),
                Some(known) => known.seq,
                None => 0,
            };
            theirs::forget(tx, &self.id, now.saturating_sub(KEPT))?;
            self.holds_more(tx, &judged.holder, now)?;
            let kept = Theirs { seq, ..judged };
            let seq = theirs::put(tx, &self.id, &kept)?;
            // By its digest the log says that there was this receipt by then, whatever becomes of the key that signed it.
            let told = json!({
                "agent": kept.agent, "signer": kept.signer, "state": kept.state, "sha256": kept.digest, "decision": kept.decision,
            });
            self.note(tx, ("their-receipt.kept", &seq.to_string()), &told, now)?;
            Ok(Theirs { seq, ..kept })
        })
    }

    /// Receipts of others, the latest first, of an agent where one is named, at most so many.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn theirs(&self, agent: Option<&str>, most: i64) -> Result<Vec<Theirs>, RegistryError> {
        let did = |name: &str| crate::names::holder(&self.did, legation_store::holder::Kind::Agent, name);
        let agent = match agent {
            Some(did) if did.starts_with("did:") => Some(did.to_owned()),
            Some(name) => Some(did(name)?.to_string()),
            None => None,
        };
        Ok(self.store.read(|tx| theirs::latest(tx, &self.id, agent.as_deref(), most))?)
    }

    /// One receipt of others by its number.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn their_receipt(&self, seq: i64) -> Result<Theirs, RegistryError> {
        Ok(self.store.read(|tx| theirs::get(tx, &self.id, seq))?)
    }
}

/// Whether who signed it is at the origin that answered.
#[must_use]
pub fn is_at(signer: &Did, origin: &str) -> bool {
    host_of(signer).is_some_and(|host| Some(host.as_str()) == host_in(origin))
}

/// The host, with its port, that a did:web is of.
fn host_of(did: &Did) -> Option<String> {
    let host = did.method_specific_id().split(':').next().filter(|_| did.method() == "web")?;
    Some(host.replace("%3A", ":"))
}

fn host_in(origin: &str) -> Option<&str> {
    origin.split_once("://").map(|(_, host)| host)
}
