//! Cards of A2A agents behind routes, as whoever calls through the gateway uses them.
//!
//! An agent's own card passes byte for byte, since its signature is over its addresses, too. Where messages go to the gateway in place of
//! the agent, a card of its own says so: signed by the organization, which answers for the gateway and not for the agent, and naming the
//! very card that it was made of.

use crate::{
    error::RegistryError,
    registry::{Registry, named},
    route::{Route, RouteProtocol},
};
use legation_agent_card::{Form, UnverifiedCard, extension};
use legation_keys::base64url;
use legation_store::{StoreError, Tx, configuration, holder::Kind};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// The extension by which such a card names the one that it was made of: `params.card` is its address, `params.digest` the SHA-256 of
/// its bytes, base64url. Whoever trusts the agent verifies that card by the agent's key, and holds its bytes against the digest.
pub const OVERLAY: &str = "https://w3id.org/legation/a2a/overlay/v1";
const KIND: &str = "card-overlay";
/// What the agent says of how callers show who they are: they show it to the gateway.
const OF_CALLERS: [&str; 2] = ["securitySchemes", "securityRequirements"];

/// A card for those who call through the gateway.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Overlay {
    /// The signed card.
    pub card: String,
    /// The digest of the agent's own card.
    pub of: String,
}

impl Registry {
    /// Makes and signs the card for those who call a route's agent through the gateway, of the agent's own as it stands at
    /// `.well-known/agent-card.json` there, byte for byte. That card is for whoever asks for this to have looked at.
    ///
    /// # Errors
    /// [`RegistryError::Card`] for what is no card of A2A 1.0, or has no address that passes behind the route; a route that is not there
    /// or is none of A2A.
    pub fn set_card_overlay(&self, route: &str, card: &str, now: i64) -> Result<Overlay, RegistryError> {
        self.change(|tx| {
            let route = self.a2a_route(tx, route)?;
            let (organization, _) = named(tx, &self.id, Kind::Organization, self.did().method_specific_id())?;
            let digest = base64url::encode(&Sha256::digest(card));
            let text = self.overlaid(&route, (card, &digest))?;
            let (card, _) = self.sign_card(tx, &organization, &text, now)?;
            let overlay = Overlay { card, of: digest };
            let body = serde_json::to_string(&overlay);
            let body = body.map_err(|error| RegistryError::damaged(&route.name, error))?;
            configuration::put(tx, &self.id, KIND, &route.name, &body)?;
            self.note(tx, ("route.card_overlaid", &route.name), &json!({"of": overlay.of}), now)?;
            Ok(overlay)
        })
    }

    /// The card for those who call a route's agent through the gateway.
    ///
    /// # Errors
    /// [`RegistryError`]; [`StoreError::NotFound`] where there is none.
    pub fn card_overlay(&self, route: &str) -> Result<Overlay, RegistryError> {
        let items = self.store.read(|tx| configuration::list(tx, &self.id, KIND))?;
        let missing = || {
            let what = format!("card overlay of the route `{}`", route.chars().take(80).collect::<String>());
            RegistryError::from(StoreError::NotFound { what })
        };
        let found = items.into_iter().find(|item| item.name == route).ok_or_else(missing)?;
        serde_json::from_str(&found.body).map_err(|error| RegistryError::damaged(route, error))
    }

    /// Forgets it, where there is one.
    pub(crate) fn forget_card_overlay(&self, tx: &mut Tx<'_>, route: &str) -> Result<(), StoreError> {
        match configuration::remove(tx, &self.id, KIND, route) {
            Ok(()) | Err(StoreError::NotFound { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn a2a_route(&self, tx: &mut Tx<'_>, name: &str) -> Result<Route, RegistryError> {
        let found = self.route(tx, name)?;
        found.filter(|route| route.protocol == RouteProtocol::A2a).ok_or_else(|| {
            let what = format!("route `{}` of A2A", name.chars().take(80).collect::<String>());
            StoreError::NotFound { what }.into()
        })
    }

    /// What is signed: the agent's card with the gateway's addresses in place of its own, and the organization's name in place of
    /// the agent's.
    fn overlaid(&self, route: &Route, (card, digest): (&str, &str)) -> Result<String, RegistryError> {
        let read = UnverifiedCard::parse(card.as_bytes()).map_err(crate::cards::wrong)?;
        let text = read.without_signatures().canonical(Form::Spec);
        // Read strictly before; this reading is for writing.
        let mut card: Value = serde_json::from_str(&text).unwrap_or_default();
        let through = format!("{}{}", self.origin(), route.path);
        let moved = |interface: &mut Value| {
            let url = interface.get("url").and_then(Value::as_str).unwrap_or_default();
            let url = match url.strip_prefix(&route.upstream) {
                // An address of HTTP+JSON stands before paths, so that it may have no `/` at its end.
                None if route.upstream.strip_suffix('/') == Some(url) => {
                    through.strip_suffix('/').map(str::to_owned)
                }
                rest => rest.map(|rest| format!("{through}{rest}")),
            };
            // Other bindings do not pass the gateway.
            let url = url.filter(|_| passes(interface));
            if let (Some(url), Some(members)) = (&url, interface.as_object_mut()) {
                members.insert("url".to_owned(), url.as_str().into());
            }
            url.is_some()
        };
        let interfaces = card.get_mut("supportedInterfaces").and_then(Value::as_array_mut);
        let count = interfaces.map_or(0, |interfaces| {
            interfaces.retain_mut(moved);
            interfaces.len()
        });
        if count == 0 {
            let reason = format!(
                "it has no address of JSON-RPC, or of HTTP+JSON 1.0, that begins with `{}`",
                route.upstream
            );
            return Err(RegistryError::Card { code: "no_interface", reason });
        }
        if let Some(members) = card.as_object_mut() {
            members.retain(|name, _| !OF_CALLERS.contains(&name.as_str()));
        }
        for skill in card.get_mut("skills").and_then(Value::as_array_mut).into_iter().flatten() {
            if let Some(members) = skill.as_object_mut() {
                members.remove("securityRequirements");
            }
        }
        let original = format!("{}.well-known/agent-card.json", route.upstream);
        let says = json!({"uri": OVERLAY, "params": {"card": original, "digest": digest}});
        self.declared_in(card, says)
    }

    /// The card with what it is made of, and the organization's DID. What the agent says of itself in these extensions it says in its
    /// own card.
    fn declared_in(&self, mut card: Value, says: Value) -> Result<String, RegistryError> {
        let own = [extension::IDENTITY, extension::DELEGATION, OVERLAY];
        let capabilities = card.get_mut("capabilities").and_then(Value::as_object_mut);
        if let Some(capabilities) = capabilities {
            let extensions = capabilities.entry("extensions").or_insert_with(|| json!([]));
            if let Some(extensions) = extensions.as_array_mut() {
                let is_other = |one: &Value| !own.iter().any(|uri| one.get("uri") == Some(&(*uri).into()));
                extensions.retain(is_other);
                extensions.push(says);
            }
        }
        extension::declare_identity(&mut card, self.did()).map_err(crate::cards::wrong)?;
        Ok(card.to_string())
    }
}

/// Whether messages to an interface pass the gateway: by JSON-RPC, and by HTTP+JSON of 1.0.
fn passes(interface: &Value) -> bool {
    let says = |name: &str| interface.get(name).and_then(Value::as_str).unwrap_or_default();
    match says("protocolBinding") {
        "JSONRPC" => true,
        "HTTP+JSON" => says("protocolVersion") == "1.0",
        _ => false,
    }
}
