//! The two extensions by which a card says who it is and what it asks for (A2A §4.6).

use crate::{
    binding,
    error::{CardError, shorten},
};
use legation_did::Did;
use legation_keys::Json;
use serde_json::{Value, json};

/// Declares the agent's DID, in `params.did`.
pub const IDENTITY: &str = "https://w3id.org/legation/a2a/identity/v1";
/// Declares that the agent understands delegation credentials; `required` where it serves nobody
/// without one. `params.handshake` is the URL where its handshake is spoken.
pub const DELEGATION: &str = "https://w3id.org/legation/a2a/delegation/v1";

/// Declares the agent's DID in a card that is to be signed; replaces an earlier declaration.
///
/// Not required: a caller that does not know the extension may ignore it.
///
/// # Errors
/// [`CardError::Kind`] where the card, its `capabilities` or their `extensions` are of another kind.
///
/// ```
/// use legation_agent_card::extension;
/// let mut card = serde_json::json!({"name": "A"});
/// extension::declare_identity(&mut card, &"did:web:a.example".parse()?)?;
/// assert_eq!(card["capabilities"]["extensions"][0]["uri"], extension::IDENTITY);
/// assert!(extension::declare_identity(&mut serde_json::json!([]), &"did:web:a.example".parse()?).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn declare_identity(card: &mut Value, did: &Did) -> Result<(), CardError> {
    declare(card, json!({"uri": IDENTITY, "params": {"did": did.as_str()}}))
}

/// Most bytes of the URL of a handshake.
pub const MAX_HANDSHAKE: usize = 2048;

/// Declares that delegation credentials are understood; replaces an earlier declaration.
///
/// `required` says that nobody is served without one, `handshake` where the handshake is spoken: a
/// URL of `https`, or of `http` for trying things out on one machine.
///
/// # Errors
/// As [`declare_identity`], and [`CardError::Handshake`].
///
/// ```
/// use legation_agent_card::extension;
/// let mut card = serde_json::json!({"name": "A"});
/// extension::declare_delegation(&mut card, true, Some("https://a.example/handshake"))?;
/// let declared = &card["capabilities"]["extensions"][0];
/// assert_eq!(declared["params"]["handshake"], "https://a.example/handshake");
/// assert!(extension::declare_delegation(&mut card, true, Some("/handshake")).is_err());
/// # Ok::<(), legation_agent_card::CardError>(())
/// ```
pub fn declare_delegation(
    card: &mut Value,
    required: bool,
    handshake: Option<&str>,
) -> Result<(), CardError> {
    let mut extension = json!({"uri": DELEGATION});
    if let Some(members) = extension.as_object_mut() {
        if required {
            members.insert("required".to_owned(), true.into());
        }
        if let Some(url) = handshake {
            members.insert("params".to_owned(), json!({"handshake": endpoint(url)?}));
        }
    }
    declare(card, extension)
}

fn declare(card: &mut Value, extension: Value) -> Result<(), CardError> {
    let wrong =
        |at: &str, expected| CardError::Kind { at: at.to_owned(), expected, found: "of another kind" };
    let card = card.as_object_mut().ok_or_else(|| wrong("", "an object"))?;
    let capabilities = card.entry("capabilities").or_insert_with(|| json!({}));
    let capabilities = capabilities.as_object_mut().ok_or_else(|| wrong("capabilities", "an object"))?;
    let extensions = capabilities.entry("extensions").or_insert_with(|| json!([]));
    let extensions = extensions.as_array_mut().ok_or_else(|| wrong("capabilities.extensions", "an array"))?;
    let is_other = |other: &Value| other.get("uri") != extension.get("uri");
    // An earlier one is replaced in its place: what is declared again unchanged leaves the canonical
    // text, and with it the signatures of other keys, as they are.
    let place = extensions.iter().position(|other| !is_other(other)).unwrap_or(extensions.len());
    extensions.retain(is_other);
    extensions.insert(place, extension);
    Ok(())
}

/// The declarations of an extension in a form of a card.
fn declared<'c, 'a>(form: &'c Json<'a>, uri: &str) -> impl Iterator<Item = &'c Json<'a>> {
    let extensions = form.get("capabilities").and_then(|capabilities| capabilities.get("extensions"));
    let extensions = extensions.and_then(Json::as_array).unwrap_or_default();
    extensions.iter().filter(move |one| one.get("uri").and_then(Json::as_str) == Some(uri))
}

/// The DID that a card declares.
pub(crate) fn did(form: &Json<'_>) -> Result<Option<Did>, CardError> {
    let mut identities = declared(form, IDENTITY);
    let Some(identity) = identities.next() else { return Ok(None) };
    if identities.next().is_some() {
        return Err(CardError::TwoDids);
    }
    let did = identity.get("params").and_then(|params| params.get("did")).and_then(Json::as_str);
    let did = did.ok_or(CardError::Did(None))?;
    did.parse().map(Some).map_err(|error| CardError::Did(Some(error)))
}

/// What a card says in the delegation extension.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Delegation {
    pub(crate) required: bool,
    pub(crate) handshake: Option<String>,
}

/// The delegation extension, where the card declares it.
pub(crate) fn delegation(form: &Json<'_>) -> Result<Option<Delegation>, CardError> {
    let mut declarations = declared(form, DELEGATION);
    let Some(declaration) = declarations.next() else { return Ok(None) };
    if declarations.next().is_some() {
        return Err(CardError::TwoDelegations);
    }
    let required = declaration.get("required") == Some(&Json::Bool(true));
    let handshake = match declaration.get("params").and_then(|params| params.get("handshake")) {
        None => None,
        Some(Json::String(url)) => Some(endpoint(url)?.to_owned()),
        Some(other) => return Err(CardError::Handshake { found: other.kind().to_owned() }),
    };
    Ok(Some(Delegation { required, handshake }))
}

/// A URL where a handshake can be spoken: it has an origin, which can be held against that of a DID.
fn endpoint(url: &str) -> Result<&str, CardError> {
    let parsed = (url.len() <= MAX_HANDSHAKE).then(|| binding::parsed(url)).flatten();
    match parsed {
        Some(parsed) if matches!(parsed.scheme(), "https" | "http") => Ok(url),
        _ => Err(CardError::Handshake { found: format!("`{}`", shorten(url)) }),
    }
}
