//! `Signature-Agent` (§5.2.1): the URL of a signer's keys, as a signature covers it.

use super::{error::BotError, key_directory::DIRECTORY_PATH};
use crate::{
    LABEL, Message,
    base::plain,
    error::{BaseError, SignError, shorten},
    field::{self, Item, Member, Params, Value},
    input::Input,
    message::SIGNATURE_AGENT,
};
use http::{HeaderMap, HeaderValue};
use legation_credential::resource;
use sfv::BareItem;

fn wrong(reason: &str) -> BotError {
    BotError::Base(BaseError::Field { header: SIGNATURE_AGENT.to_owned(), reason: reason.to_owned() })
}

/// The URL in the member that a signature covers; `None` where the request has no such header, or the member has
/// parameters.
pub(super) fn covered_member(message: &Message<'_>, input: &Input) -> Result<Option<String>, BotError> {
    if !message.headers.contains_key(SIGNATURE_AGENT) {
        return Ok(None);
    }
    let component = covered_component(input)?;
    let (value, params) = match component.params.as_slice() {
        [] => {
            let line = message.field(SIGNATURE_AGENT)?;
            let item = field::item(&line).map_err(|_| wrong("no string, and no member of it is covered"))?;
            (item.value, item.params)
        }
        [(name, BareItem::String(key))] if name.as_str() == "key" => {
            let dictionary = message.dictionary(SIGNATURE_AGENT)?;
            let missing =
                || BaseError::NoMember { header: SIGNATURE_AGENT.to_owned(), key: shorten(key.as_str()) };
            match field::member(&dictionary, key.as_str()).ok_or_else(missing)?.clone() {
                Member { value: Value::Item(value), params } => (value, params),
                Member { .. } => return Err(wrong("the member is a list")),
            }
        }
        _ => return Err(wrong("it is covered in a way that is not understood here")),
    };
    url(&value, &params)
}

fn url(value: &BareItem, params: &Params) -> Result<Option<String>, BotError> {
    match value {
        // A member with parameters is passed over, whatever they and it mean.
        _ if !params.is_empty() => Ok(None),
        BareItem::String(url) if identifier(url.as_str()).is_some() => Ok(Some(url.as_str().to_owned())),
        _ => Err(wrong("no string that is an https URL")),
    }
}

/// The component that counts: the one, or of several the one under the signature's own label.
fn covered_component(input: &Input) -> Result<&Item, BotError> {
    let of_agent =
        |item: &&Item| matches!(&item.value, BareItem::String(name) if name.as_str() == SIGNATURE_AGENT);
    let own = |item: &&Item| {
        item.params
            .iter()
            .any(|(_, key)| matches!(key, BareItem::String(key) if key.as_str() == input.label.as_str()))
    };
    let mut covered = input.components.iter().filter(of_agent);
    match (covered.next(), covered.next()) {
        (None, _) => Err(BotError::Uncovered { component: SIGNATURE_AGENT }),
        (Some(one), None) => Ok(one),
        _ => {
            let found = input.components.iter().filter(of_agent).find(own);
            found.ok_or_else(|| wrong("several members are covered, none under the signature's label"))
        }
    }
}

/// The identifier of an agent: its [`directory_url`](super::directory_url) with the host in small letters and without
/// default port and query (§5.5), so that one directory is one agent, however it is spelled. `None` for what is no https
/// URL, or whose path is not in normal form. An identifier is its own.
///
/// Who is on a list, has an allowance or is blocked is told by it. Whoever runs a site can publish keys at any number of
/// paths: to block all of them, block the host.
///
/// ```
/// use legation_http_signature::web_bot_auth::identifier;
/// assert_eq!(identifier("https://A.example:443/keys?v=2").as_deref(), Some("https://a.example/keys"));
/// let of_a_host = "https://a.example/.well-known/http-message-signatures-directory";
/// assert_eq!(identifier("https://a.example").as_deref(), Some(of_a_host));
/// assert_eq!(identifier("http://a.example/keys"), None);
/// ```
#[must_use]
pub fn identifier(agent: &str) -> Option<String> {
    let headers = HeaderMap::new();
    let message = Message { method: "GET", target_uri: agent, headers: &headers, body: b"" };
    message.check().ok()?;
    let part = |name| message.derived(name).ok().flatten();
    let path = part("@path")?;
    let path = if path == "/" { DIRECTORY_PATH } else { &*path };
    let identifier = format!("{}://{}{path}", part("@scheme")?, part("@authority")?);
    (identifier.starts_with("https://") && resource::check(&identifier).is_ok()).then_some(identifier)
}

/// Whether a URL, which has an identifier, names a host and no path.
pub(super) fn is_host(url: &str) -> bool {
    let headers = HeaderMap::new();
    let message = Message { method: "GET", target_uri: url, headers: &headers, body: b"" };
    matches!(message.derived("@path"), Ok(Some(path)) if path == "/")
}

/// `Signature-Agent` with the signer's own member.
pub(crate) fn header(agent: &str) -> Result<HeaderValue, SignError> {
    let none = || SignError::Agent { found: shorten(agent) };
    identifier(agent).ok_or_else(none)?;
    let url = sfv::String::try_from(agent.to_owned()).map_err(|_| none())?;
    let member = Member { value: Value::Item(BareItem::String(url)), params: Vec::new() };
    let text = field::dictionary_text(sfv::key_ref(LABEL), &member);
    HeaderValue::try_from(text).map_err(|_| none())
}

/// The component that is the signer's own member of `Signature-Agent`.
pub(crate) fn own_member() -> Item {
    let key = (sfv::key_ref("key").to_owned(), BareItem::String(sfv::string_ref(LABEL).to_owned()));
    Item { params: vec![key], ..plain(SIGNATURE_AGENT) }
}
