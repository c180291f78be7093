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

/// Checks that the card's interfaces, and the handshake where it declares one, are where its DID is at
/// home.
///
/// For did:web each `supportedInterfaces[].url` has the DID's own origin or that of a service endpoint
/// of its document, and so has the handshake. gRPC interfaces may be written `host:port` and count as
/// `https`.
///
/// # Errors
/// [`BindingError`].
pub fn check_binding(card: &VerifiedCard, document: &Document) -> Result<Binding, BindingError> {
    check_binding_with(card, document, &[])
}

/// As [`check_binding`], with further origins at which the caller takes the DID to be at home, written
/// as `https://a.example:8443`: `http://localhost:8080` while trying things out on one machine, where
/// did:web means `https://localhost:8080`.
///
/// # Errors
/// [`BindingError`].
pub fn check_binding_with(
    card: &VerifiedCard,
    document: &Document,
    origins: &[String],
) -> Result<Binding, BindingError> {
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
    allowed.extend_from_slice(origins);
    for (index, interface) in interfaces.iter().enumerate() {
        let text = |name: &str| interface.get(name).and_then(Value::as_str).unwrap_or_default();
        let (url, grpc) = (text("url"), text("protocolBinding") == "GRPC");
        let at = if grpc && !url.contains("://") { &format!("https://{url}") } else { url };
        is_among(at, &allowed).map_err(|found| BindingError::Origin { index, found })?;
    }
    if let Some(url) = card.handshake() {
        is_among(url, &allowed).map_err(|found| BindingError::Handshake { found })?;
    }
    Ok(Binding::Domain { origin })
}

/// Whether a URL has one of these origins; where not, what to tell of it.
fn is_among(url: &str, allowed: &[String]) -> Result<(), String> {
    match origin_of(url) {
        Some(found) if allowed.contains(&found) => Ok(()),
        found => Err(shorten(found.as_deref().unwrap_or(url))),
    }
}

/// The origin of a URL (WHATWG URL §4.7), where it has one that can be compared.
fn origin_of(url: &str) -> Option<String> {
    // Where a host ends, readers by RFC 3986 and by WHATWG differ on these only.
    if url.bytes().any(|byte| byte == b'\\' || byte <= b' ' || byte == 0x7f) {
        return None;
    }
    let origin = parsed(url)?.origin();
    origin.is_tuple().then(|| origin.ascii_serialization())
}

/// A URL whose host is written as a did:web has it and as DNS asks for it: in ASCII, international names by their A-labels (RFC 3986 §3.2.2,
/// RFC 5890 §2.3.2.1). What another spelling would be mapped to takes tables of Unicode, which are not of one version everywhere.
pub(crate) fn parsed(url: &str) -> Option<Url> {
    let (_, rest) = url.split_once(':')?;
    let authority = rest.trim_start_matches(['/', '\\']).split(['/', '\\', '?', '#']).next()?;
    let host = authority.rsplit('@').next()?;
    (host.is_ascii() && !host.contains('%')).then(|| Url::parse(url).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::origin_of;

    #[test]
    fn a_host_is_written_as_dns_has_it() {
        let own = Some("https://xn--bcher-kva.example");
        for url in
            ["https://xn--bcher-kva.example/a", "HTTPS://XN--bcher-KVA.example:443/b\u{fc}cher?\u{fc}#\u{fc}"]
        {
            assert_eq!(origin_of(url).as_deref(), own, "{url}");
        }
        for url in [
            "https://b\u{fc}cher.example/a",
            "https://b%C3%BCcher.example/a",
            "https:///b\u{fc}cher.example/a",
            "https://me@b\u{fc}cher.example/a",
            "https://\u{ff41}.example/",
            "https://a\u{3002}example/",
        ] {
            assert_eq!(origin_of(url), None, "{url}");
        }
    }
}
