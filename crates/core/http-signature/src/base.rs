//! The signature base (RFC 9421 §2.5): the text that is signed.

use crate::{
    Message,
    error::{BaseError, shorten},
    field::{self, Item, Params},
    input,
    message::is_token,
};
use sfv::{BareItem, Key};
use std::borrow::Cow;

/// The signature base of the signature of that label: what the request's own `Signature-Input`
/// says it covers. The signature itself is not looked at.
///
/// ```
/// use http::{HeaderMap, HeaderValue};
/// use legation_http_signature::{Message, signature_base};
///
/// let mut headers = HeaderMap::new();
/// headers.insert("signature-input", HeaderValue::from_static(r#"a=("@method" "@authority");created=1"#));
/// let message = Message { method: "GET", target_uri: "https://shop.example/", headers: &headers, body: b"" };
/// let base = signature_base(&message, "a")?;
/// assert_eq!(base, "\"@method\": GET\n\"@authority\": shop.example\n\
///     \"@signature-params\": (\"@method\" \"@authority\");created=1");
/// assert_eq!(signature_base(&message, "b").unwrap_err().code(), "malformed");
/// # Ok::<(), legation_http_signature::error::BaseError>(())
/// ```
///
/// # Errors
/// [`BaseError`]; a component that is not evaluated here is one.
pub fn signature_base(message: &Message<'_>, label: &str) -> Result<String, BaseError> {
    let inputs = input::read_all(message)?;
    let input = inputs.iter().find(|input| input.label.as_str() == label);
    let input = input.ok_or_else(|| BaseError::NoLabel { label: shorten(label) })?;
    base(message, &input.components, &input.params)
}

/// The signature base over these components, with these parameters.
pub(crate) fn base(message: &Message<'_>, components: &[Item], params: &Params) -> Result<String, BaseError> {
    message.check()?;
    let mut base = String::new();
    for (index, component) in components.iter().enumerate() {
        let identifier = field::item_text(component);
        // §2: a component stands in the list once.
        if components.iter().take(index).any(|earlier| earlier == component) {
            return Err(BaseError::Twice { component: shorten(&identifier) });
        }
        let value = value(message, component)?
            .ok_or_else(|| BaseError::Component { component: shorten(&identifier) })?;
        for part in [&identifier, ": ", &value, "\n"] {
            base.push_str(part);
        }
    }
    base.push_str("\"@signature-params\": ");
    base.push_str(&field::list_text(components, params));
    Ok(base)
}

/// The value of a component; `None` for one that is not evaluated here: an unknown derived one, or
/// one with parameters other than `key` (RFC 9421 §2.1 and §2.4: `sf`, `bs`, `tr`, `req`).
fn value<'a>(message: &Message<'a>, component: &Item) -> Result<Option<Cow<'a, str>>, BaseError> {
    let BareItem::String(name) = &component.value else { return Ok(None) };
    let name = name.as_str();
    if name.starts_with('@') {
        return if component.params.is_empty() { message.derived(name) } else { Ok(None) };
    }
    // §2.1: a header is named in lower case.
    if !is_token(name) || name.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Ok(None);
    }
    match component.params.as_slice() {
        [] => message.field(name).map(Some),
        [(parameter, BareItem::String(key))] if parameter.as_str() == "key" => {
            let dictionary = message.dictionary(name)?;
            let member = field::member(&dictionary, key.as_str());
            let missing = || BaseError::NoMember { header: shorten(name), key: shorten(key.as_str()) };
            Ok(Some(field::member_text(member.ok_or_else(missing)?).into()))
        }
        _ => Ok(None),
    }
}

/// A component without parameters.
pub(crate) fn plain(name: &'static str) -> Item {
    Item { value: BareItem::String(sfv::string_ref(name).to_owned()), params: Vec::new() }
}

/// Whether a component is this one, without parameters.
pub(crate) fn is_plain(component: &Item, name: &str) -> bool {
    component.params.is_empty()
        && matches!(&component.value, BareItem::String(value) if value.as_str() == name)
}

/// A parameter of a signature.
pub(crate) fn parameter(name: &'static str, value: impl Into<BareItem>) -> (Key, BareItem) {
    (sfv::key_ref(name).to_owned(), value.into())
}
