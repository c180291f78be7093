//! Reading a signature base back: for whoever holds a key, and is asked to sign one that somebody else wrote.

use crate::{
    MAX_COMPONENTS,
    base::is_plain,
    error::{ReadBaseError, ReadError},
    field::{self, Item, Member, Value},
    input::{self, Parameters},
    message::AGENT_DELEGATION,
};
use legation_keys::Algorithm;

/// What the last line of a base begins with (RFC 9421 §2.5).
const PARAMS: &str = "\"@signature-params\": ";
/// What must be covered, as [`read()`](crate::read()) wants it.
const COVERED: [&str; 3] = ["@method", "@target-uri", AGENT_DELEGATION];

/// What a signature base says that is a signed request of an agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestBase {
    /// The request's method.
    pub method: String,
    /// The URL that it goes to.
    pub target_uri: String,
    /// When it is signed, Unix seconds.
    pub created: i64,
    /// When the signature ends, Unix seconds.
    pub expires: i64,
    /// The RFC 7638 thumbprint of the key that is to sign.
    pub key_thumbprint: String,
    /// The algorithm that it is to sign by, where that is said.
    pub algorithm: Option<Algorithm>,
}

/// Reads the text that [`sign()`](crate::sign()) gives to a [`Signer`](legation_keys::Signer): nothing else that a key could be
/// asked to sign is such a text. Each line is a component in the order in which the last line lists them, and that line is as
/// RFC 9421 writes it.
///
/// ```
/// use legation_http_signature::read_base;
///
/// assert_eq!(read_base("eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJtZSJ9").unwrap_err().code(), "malformed");
/// ```
///
/// # Errors
/// [`ReadBaseError`], the first rule that is broken: form, coverage, parameters.
pub fn read_base(text: &str) -> Result<RequestBase, ReadBaseError> {
    let (lines, last) = text.rsplit_once('\n').ok_or_else(|| wrong("it has one line"))?;
    let listed =
        last.strip_prefix(PARAMS).ok_or_else(|| wrong("its last line is not `@signature-params`"))?;
    let (components, params) = list(listed)?;
    let lines: Vec<&str> = lines.split('\n').take(MAX_COMPONENTS + 1).collect();
    if lines.len() != components.len() {
        return Err(wrong("its lines are not the components that it lists"));
    }
    let mut found = [None; COVERED.len()];
    for (line, component) in lines.iter().zip(&components) {
        let value = line.strip_prefix(&field::item_text(component)).and_then(|rest| rest.strip_prefix(": "));
        let value = value.ok_or_else(|| wrong("its lines are not the components that it lists"))?;
        if components.iter().filter(|other| *other == component).count() > 1 {
            return Err(wrong("a component stands twice"));
        }
        for (name, slot) in COVERED.iter().zip(&mut found) {
            if is_plain(component, name) {
                *slot = Some(value);
            }
        }
    }
    for (component, slot) in COVERED.iter().zip(found) {
        if slot.is_none() {
            return Err(ReadError::Uncovered { component }.into());
        }
    }
    let Parameters { created, expires, key_thumbprint, algorithm, .. } = params;
    let [method, target_uri, _] = found.map(|value| value.unwrap_or_default().to_owned());
    Ok(RequestBase { method, target_uri, created, expires, key_thumbprint, algorithm })
}

/// The components and parameters of the last line, which has to be written as they are written here.
fn list(text: &str) -> Result<(Vec<Item>, Parameters), ReadBaseError> {
    let mut dictionary = field::dictionary(&format!("a={text}")).map_err(wrong)?;
    let (Some((_, Member { value: Value::List(components), params })), true) =
        (dictionary.pop(), dictionary.is_empty())
    else {
        return Err(wrong("its last line is no list of components"));
    };
    if field::list_text(&components, &params) != text {
        return Err(wrong("its last line is not as RFC 9421 writes it"));
    }
    let parameters = input::parameters(&params)?;
    Ok((components, parameters))
}

fn wrong(reason: impl ToString) -> ReadBaseError {
    ReadBaseError::Form { reason: reason.to_string() }
}
