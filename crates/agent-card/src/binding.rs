//! The tie between a card, its DID and a domain (DESIGN §4).

use crate::{
    VerifiedCard,
    error::{BindingError, shorten},
};
use legation_did::{Document, web};
use serde_json::Value;
use url::Url;

/// What ties a verified card to the world.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Binding {
    /// The DID is that of a domain, and each interface is there or at a service that its document
    /// names.
    Domain {
        /// The origin of the DID, such as `https://a.example`.
        origin: String,
    },
    /// The DID is a key or of another method: the card is its holder's, and no domain vouches for it.
    KeyOnly,
}

/// Checks that the card's interfaces are where its DID is at home.
///
/// For did:web each `supportedInterfaces[].url` has the DID's own origin or that of a service endpoint
/// of its document. gRPC interfaces may be written `host:port` and count as `https`.
///
/// # Errors
/// [`BindingError`].
pub fn check_binding(card: &VerifiedCard, document: &Document) -> Result<Binding, BindingError> {
    let did = card.did().ok_or(BindingError::NoDid)?;
    if did != document.id() {
        return Err(BindingError::Document { card: did.clone(), document: document.id().clone() });
    }
    let interfaces = card.card().get("supportedInterfaces").and_then(Value::as_array);
    let interfaces =
        interfaces.filter(|interfaces| !interfaces.is_empty()).ok_or(BindingError::NoInterface)?;
    let Some(origin) = web::origin(did) else { return Ok(Binding::KeyOnly) };
    let mut allowed: Vec<String> = document.service_endpoints().filter_map(origin_of).collect();
    allowed.push(origin.clone());
    for (index, interface) in interfaces.iter().enumerate() {
        let text = |name: &str| interface.get(name).and_then(Value::as_str).unwrap_or_default();
        let (url, grpc) = (text("url"), text("protocolBinding") == "GRPC");
        let found =
            if grpc && !url.contains("://") { origin_of(&format!("https://{url}")) } else { origin_of(url) };
        match found {
            Some(found) if allowed.contains(&found) => {}
            found => {
                let found = shorten(found.as_deref().unwrap_or(url));
                return Err(BindingError::Origin { index, found });
            }
        }
    }
    Ok(Binding::Domain { origin })
}

/// The origin of a URL (WHATWG URL §4.7), where it has one that can be compared.
fn origin_of(url: &str) -> Option<String> {
    let origin = Url::parse(url).ok()?.origin();
    origin.is_tuple().then(|| origin.ascii_serialization())
}
