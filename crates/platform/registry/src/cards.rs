//! Agent cards: signed by the signer, kept in versions, published beside the DID document.

use crate::{
    error::RegistryError,
    names,
    registry::{Registry, must_be_active, named},
};
use legation_agent_card::{
    BindingError, CardError, Form, Keys, UnverifiedCard, check_binding_with, extension, verify,
};
use legation_did::Did;
use legation_signer::{ClientError, SealedKey};
use legation_store::{
    StoreError, Tx, card,
    card::Card,
    holder,
    holder::{Holder, Kind, State},
};
use serde_json::{Value, json};

/// Most bytes of a card.
pub const MAX_CARD: usize = 256 * 1024;

/// The members that every card must have beside its interfaces (A2A 1.0 §4.4.1).
const REQUIRED: [&str; 7] =
    ["name", "description", "version", "capabilities", "defaultInputModes", "defaultOutputModes", "skills"];

/// A card that was signed.
#[derive(Clone, Debug, PartialEq)]
pub struct SignedCard {
    /// Whose it is.
    pub holder: Holder,
    /// The card, as it is published.
    pub card: Card,
    /// What its author may not expect: what others will refuse, or what was left out.
    pub notes: Vec<String>,
}

impl Registry {
    /// Signs an agent's card, or the organization's (whose name is its domain), and publishes it from now on. The card declares the
    /// holder's DID, which is added where it declares none. Who keeps its own key brings its card signed.
    ///
    /// # Errors
    /// [`RegistryError::Card`] for what is no card of the holder, or where the holder keeps its own key and has not signed it;
    /// [`RegistryError::State`] where the holder is not active.
    pub fn set_card(
        &self,
        (kind, name): (Kind, &str),
        text: &str,
        now: i64,
    ) -> Result<SignedCard, RegistryError> {
        self.change(|tx| {
            let (holder, _) = named(tx, &self.id, kind, name)?;
            must_be_active(&holder)?;
            let declared = declared(&holder, text)?;
            let (secured, notes) = self.sign_card(tx, &holder, &declared, now)?;
            self.keep_card(tx, holder, secured, notes, now)
        })
    }

    /// Publishes no card of a holder any more.
    ///
    /// # Errors
    /// [`RegistryError`]; [`StoreError::NotFound`] where it has none.
    pub fn remove_card(&self, (kind, name): (Kind, &str), now: i64) -> Result<Holder, RegistryError> {
        self.change(|tx| {
            let (holder, _) = named(tx, &self.id, kind, name)?;
            self.card_of(tx, &holder, i64::MAX)?;
            card::set(tx, &self.id, &holder.id, ("", now))?;
            self.note(tx, ("card.removed", name), &json!({"kind": kind.name()}), now)?;
            Ok(holder)
        })
    }

    /// A holder's card as of a moment (Unix seconds), by the holder's DID.
    ///
    /// # Errors
    /// [`RegistryError`]; [`StoreError::NotFound`] where it has none.
    pub fn card(&self, did: &str, moment: i64) -> Result<Card, RegistryError> {
        self.store.read(|tx| {
            let holder = holder::by_did(tx, &self.id, did)?;
            self.card_of(tx, &holder, moment)
        })
    }

    /// The card that is published of a holder, by the holder's DID: none of who is retired.
    ///
    /// # Errors
    /// As [`Registry::card`].
    pub fn published_card(&self, did: &str) -> Result<Card, RegistryError> {
        self.read_open(|tx| {
            let holder = holder::by_did(tx, &self.id, did)?;
            match holder.state {
                State::Retired => Err(missing(&holder)),
                State::Active | State::Suspended => self.card_of(tx, &holder, i64::MAX),
            }
        })
    }

    /// Signs a card anew, by the key that its holder has now. With `only`, no signature of before stays. A card that can't be signed
    /// any more is published no more: it must not keep a key from being replaced.
    pub(crate) fn renew_card(
        &self,
        tx: &mut Tx<'_>,
        holder: &Holder,
        only: bool,
        now: i64,
    ) -> Result<(), RegistryError> {
        let Some(found) = card::at(tx, &self.id, &holder.id, i64::MAX)? else { return Ok(()) };
        let mut signed = Err(missing(holder));
        if !only {
            signed = self.sign_card(tx, holder, &found.secured, now);
        }
        // There may be as many signatures as there can be, of keys that were replaced before.
        if signed.is_err() {
            let alone = without_signatures(&found.secured);
            signed = alone.and_then(|text| self.sign_card(tx, holder, &text, now));
        }
        match signed {
            Ok((secured, notes)) => self.keep_card(tx, holder.clone(), secured, notes, now).map(drop),
            Err(RegistryError::Card { .. } | RegistryError::Signer(ClientError::Refused { .. })) => {
                card::set(tx, &self.id, &holder.id, ("", now))?;
                self.note(tx, ("card.removed", &holder.name), &json!({"kind": holder.kind.name()}), now)
            }
            Err(other) => Err(other),
        }
    }

    fn card_of(&self, tx: &mut Tx<'_>, holder: &Holder, moment: i64) -> Result<Card, RegistryError> {
        card::at(tx, &self.id, &holder.id, moment)?.ok_or_else(|| missing(holder))
    }

    fn keep_card(
        &self,
        tx: &mut Tx<'_>,
        holder: Holder,
        secured: String,
        notes: Vec<String>,
        now: i64,
    ) -> Result<SignedCard, RegistryError> {
        let version = card::set(tx, &self.id, &holder.id, (&secured, now))?;
        let told = json!({"kind": holder.kind.name(), "version": version});
        self.note(tx, ("card.signed", &holder.name), &told, now)?;
        Ok(SignedCard { holder, card: Card { version, at: now, secured }, notes })
    }

    pub(crate) fn sign_card(
        &self,
        tx: &mut Tx<'_>,
        holder: &Holder,
        text: &str,
        now: i64,
    ) -> Result<(String, Vec<String>), RegistryError> {
        let key = holder::keys(tx, &self.id, &holder.id)?.into_iter().next();
        let key = key.ok_or_else(|| RegistryError::damaged(&holder.name, "it has no key"))?;
        let Some(sealed) = key.sealed.as_deref() else {
            // It signs its card itself, by `legation card sign`; that is checked as others will.
            let unsigned = |reason: String| RegistryError::Card {
                code: "signature_missing",
                reason: format!("the agent keeps its own key, and the card is not signed by it: {reason}"),
            };
            let notes = self.surprises(tx, holder, (text, text), unsigned, now)?;
            return Ok((text.to_owned(), notes));
        };
        let did: Did = holder.did.parse().map_err(|error| RegistryError::damaged(&holder.name, error))?;
        let sealed = SealedKey { organization: &self.id, key_id: &key.key_id, sealed };
        let secured = self.signer().card(sealed, &did, text)?;
        let damaged = |reason: String| RegistryError::damaged("the signed card", reason);
        let notes = self.surprises(tx, holder, (text, &secured), damaged, now)?;
        Ok((secured, notes))
    }

    /// Verifies what was signed as others do, and tells what they will not take.
    fn surprises(
        &self,
        tx: &mut Tx<'_>,
        holder: &Holder,
        (text, secured): (&str, &str),
        unsigned: impl FnOnce(String) -> RegistryError,
        now: i64,
    ) -> Result<Vec<String>, RegistryError> {
        let document = self.document_of(tx, holder)?;
        let received = UnverifiedCard::parse(secured.as_bytes()).map_err(wrong)?;
        let verified = verify(&received, Keys::Document { document: &document, now }, &Form::ALL)
            .map_err(|error| unsigned(error.to_string()))?;
        let mut notes = Vec::new();
        // On one machine it is published by plain http.
        match check_binding_with(&verified, &document, &[names::site(&self.did)]) {
            Ok(_) => {}
            Err(error @ BindingError::NoInterface) => {
                return Err(RegistryError::Card { code: error.code(), reason: error.to_string() });
            }
            Err(error) => notes.push(format!("{error}; callers refuse the card")),
        }
        let missing: Vec<_> =
            REQUIRED.into_iter().filter(|name| verified.card().get(*name).is_none()).collect();
        if !missing.is_empty() {
            notes.push(format!("A2A requires members that the card lacks: {}", missing.join(", ")));
        }
        let before = UnverifiedCard::parse(text.as_bytes()).map_err(wrong)?;
        if !before.dropped().is_empty() {
            let dropped = before.dropped();
            notes.push(format!("A2A 1.0 does not know these members, which are left out: {dropped}"));
        }
        Ok(notes)
    }
}

fn missing(holder: &Holder) -> RegistryError {
    let what = format!("card of the {} `{}`", holder.kind.name(), holder.name);
    StoreError::NotFound { what }.into()
}

/// The card, which declares its holder's DID.
fn declared(holder: &Holder, text: &str) -> Result<String, RegistryError> {
    if text.len() > MAX_CARD {
        let reason = format!("it has {} bytes; at most {MAX_CARD} are read", text.len());
        return Err(RegistryError::Card { code: "too_large", reason });
    }
    let card = UnverifiedCard::parse(text.as_bytes()).map_err(wrong)?;
    let did: Did = holder.did.parse().map_err(|error| RegistryError::damaged(&holder.name, error))?;
    match card.claimed_did().map_err(wrong)? {
        Some(claimed) if claimed == did => Ok(text.to_owned()),
        Some(claimed) => {
            let reason = format!("it declares the DID `{claimed}`, and the holder is `{did}`");
            Err(RegistryError::Card { code: "issuer_mismatch", reason })
        }
        None => {
            // Read strictly before; this reading is for writing.
            let mut card: Value = serde_json::from_str(text).unwrap_or_default();
            extension::declare_identity(&mut card, &did).map_err(wrong)?;
            without_signatures(&card.to_string())
        }
    }
}

fn without_signatures(text: &str) -> Result<String, RegistryError> {
    let card = UnverifiedCard::parse(text.as_bytes()).map_err(wrong)?.without_signatures();
    Ok(card.canonical(Form::Spec))
}

pub(crate) fn wrong(error: CardError) -> RegistryError {
    let hint = if error == CardError::Legacy { "; write it as one of A2A 1.0" } else { "" };
    RegistryError::Card { code: error.code(), reason: format!("{error}{hint}") }
}
