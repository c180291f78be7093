//! Entries: the leaves of a log. Each is RFC 8785 JSON of four or five members in a fixed order, so that what decides on
//! order stands at its ends: `{"at":…,"entry":{…},"kind":"receipt","seq":…}`.
//!
//! | kind | what `entry` is | numbered among |
//! |---|---|---|
//! | `receipt` | a decision, in the verifier's own form | receipts |
//! | `settlement` | what a permit really cost; `of` is the permit's number | receipts |
//! | `count` | how often a denial happened, once it no longer repeats; `of` is the denial's number | counts |
//! | `event` | a change of the organization | events |
//!
//! What could be personal in a receipt (the resource, the facts, what was expected and found) is not in it, but its digest
//! with a salt ([`hide`]): it can be forgotten, and nothing of the log changes.

use crate::hidden::{Disclosure, Salt, hide};
use legation_keys::{
    base64url, jcs,
    json::{self, Json, JsonError, JsonLimits, Object},
};

/// Bounds on an entry when it is read: what does not fit into a bundle stands apart.
pub const LIMITS: JsonLimits = JsonLimits { bytes: 32 << 20, depth: 40 };

/// What an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A decision.
    Receipt,
    /// What a permit really cost.
    Settlement,
    /// How often a denial happened.
    Count,
    /// A change of the organization.
    Event,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::Receipt, Self::Settlement, Self::Count, Self::Event];

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Receipt => "receipt",
            Self::Settlement => "settlement",
            Self::Count => "count",
            Self::Event => "event",
        }
    }
}

/// What every entry says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// When it happened, Unix seconds.
    pub at: i64,
    /// What it is.
    pub kind: Kind,
    /// The number of the receipt that it is about.
    pub of: Option<i64>,
    /// Its number among its kind, without gaps.
    pub seq: i64,
}

/// A leaf, and what was left out of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Leaf {
    /// The entry as it stands in the log.
    pub bytes: Vec<u8>,
    /// What it says the digests of.
    pub disclosures: Vec<Disclosure>,
}

/// The leaf of a receipt or a settlement, by its text. Salts are made of `salt`.
///
/// # Errors
/// [`JsonError`] where it is no JSON.
pub fn receipt(head: &Head, text: &[u8], salt: &Salt) -> Result<Leaf, JsonError> {
    let (hidden, disclosures) = hide(json::parse(text, LIMITS)?, salt);
    // The permit that a settlement is of is named by its number: its text, which is hashed for what is signed at once, has
    // values in it that may be few enough to be tried out.
    let hidden = match hidden {
        Json::Object(object) if head.kind == Kind::Settlement => Json::Object(object.without("of")),
        other => other,
    };
    Ok(Leaf { bytes: write(head, &hidden), disclosures })
}

/// An event as a log says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event<'e> {
    /// What happened.
    pub kind: &'e str,
    /// To whom or what.
    pub subject: &'e str,
    /// Who did it.
    pub actor: &'e str,
    /// Further members, a JSON text.
    pub data: &'e str,
    /// SHA-256 of the event before it.
    pub previous: [u8; 32],
}

/// The leaf of an event.
#[must_use]
pub fn event(seq: i64, at: i64, event: &Event<'_>) -> Vec<u8> {
    let text = |text: &str| Json::String(text.to_owned().into());
    // The text itself: it is what the next event names by its digest.
    let object = Object::default()
        .with("actor", text(event.actor))
        .with("data", text(event.data))
        .with("kind", text(event.kind))
        .with("previous", text(&base64url::encode(&event.previous)))
        .with("subject", text(event.subject));
    write(&Head { at, kind: Kind::Event, of: None, seq }, &Json::Object(object))
}

/// The leaf of how often a denial happened: its number, how often, and when last (Unix seconds).
#[must_use]
pub fn count(seq: i64, of: i64, times: i64, last: i64) -> Vec<u8> {
    let object = Object::default().with("times", Json::Integer(times));
    write(&Head { at: last, kind: Kind::Count, of: Some(of), seq }, &Json::Object(object))
}

/// What stands in place of an entry that is too long for a bundle: its digest.
#[must_use]
pub fn apart(head: &Head, leaf: &[u8]) -> Vec<u8> {
    let digest = <sha2::Sha256 as sha2::Digest>::digest(leaf);
    let object = Object::default()
        .with("bytes", Json::Integer(i64::try_from(leaf.len()).unwrap_or(i64::MAX)))
        .with("sha256", Json::String(base64url::encode(&digest).into()));
    write(head, &Json::Object(object))
}

/// The digest of the entry that stands apart, base64url, where this is the one in its place.
#[must_use]
pub fn apart_digest(leaf: &[u8]) -> Option<String> {
    // Most entries are longer, and are not read.
    if leaf.len() > 300 {
        return None;
    }
    let (_, entry) = read(0, leaf).ok()?;
    let object = entry.as_object().filter(|object| object.len() == 2)?;
    object.get("bytes").and_then(Json::as_integer)?;
    let digest = object.get("sha256").and_then(Json::as_str)?;
    base64url::decode_array::<32>(digest).ok().map(|_| digest.to_owned())
}

/// Whether an entry is the one whose digest stands in the log in its place.
#[must_use]
pub fn stands_for(leaf: &[u8], whole: &[u8]) -> bool {
    head(whole).is_some_and(|head| apart(&head, whole) == leaf)
}

fn write(head: &Head, entry: &Json<'_>) -> Vec<u8> {
    let Head { at, kind, of, seq } = head;
    let of = of.map_or(String::new(), |of| format!(",\"of\":{of}"));
    let mut leaf = format!("{{\"at\":{at},\"entry\":").into_bytes();
    leaf.extend(jcs::canonicalize(entry).into_bytes());
    leaf.extend(format!(",\"kind\":\"{}\"{of},\"seq\":{seq}}}", kind.name()).into_bytes());
    leaf
}

/// Reads what stands at the ends of an entry, and nothing between. `None` where that is no entry.
///
/// ```
/// use legation_log::entry::{Kind, head};
///
/// let found = head(br#"{"at":7,"entry":{"times":3},"kind":"count","of":5,"seq":1}"#).unwrap();
/// assert_eq!((found.at, found.kind, found.of, found.seq), (7, Kind::Count, Some(5), 1));
/// assert_eq!(head(br#"{"at":7,"entry":{"times":3},"kind":"count","of":05,"seq":1}"#), None);
/// ```
#[must_use]
pub fn head(leaf: &[u8]) -> Option<Head> {
    let rest = leaf.strip_prefix(b"{\"at\":")?;
    let end = rest.iter().take(20).position(|byte| *byte == b',')?;
    let (at, rest) = rest.split_at_checked(end)?;
    let rest = rest.strip_prefix(b",\"entry\":{")?.strip_suffix(b"}")?;
    let (rest, seq) = last_number(rest, b",\"seq\":")?;
    let (rest, of) = match last_number(rest, b",\"of\":") {
        Some((rest, of)) => (rest, Some(of)),
        None => (rest, None),
    };
    let named = |kind: &Kind| {
        let suffix = format!("}},\"kind\":\"{}\"", kind.name());
        rest.ends_with(suffix.as_bytes())
    };
    let kind = Kind::ALL.into_iter().find(named)?;
    Some(Head { at: number(at)?, kind, of, seq })
}

/// A number that ends some bytes, with what is before its name.
fn last_number<'l>(bytes: &'l [u8], name: &[u8]) -> Option<(&'l [u8], i64)> {
    let digits = bytes.iter().rev().take(20).take_while(|byte| byte.is_ascii_digit()).count();
    let (rest, digits) = bytes.split_at_checked(bytes.len().checked_sub(digits)?)?;
    Some((rest.strip_suffix(name)?, number(digits)?))
}

/// A number in the one form that RFC 8785 gives it.
fn number(digits: &[u8]) -> Option<i64> {
    let text = core::str::from_utf8(digits).ok()?;
    text.parse().ok().filter(|number: &i64| number.to_string() == text)
}

/// Why an entry is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("entry {index} is none: {reason}")]
pub struct EntryError {
    /// Its index in the log.
    pub index: u64,
    /// What is wrong.
    pub reason: String,
}

/// Reads an entry whole: strict, canonical JSON. Gives the object that it holds.
///
/// # Errors
/// [`EntryError`].
pub fn read(index: u64, leaf: &[u8]) -> Result<(Head, Json<'_>), EntryError> {
    let wrong = |reason: String| EntryError { index, reason };
    let json = json::parse(leaf, LIMITS).map_err(|error| wrong(error.to_string()))?;
    let head = head(leaf).ok_or_else(|| wrong("its members are not those of an entry".to_owned()))?;
    if jcs::canonicalize(&json).as_bytes() != leaf {
        return Err(wrong("it is not in canonical form".to_owned()));
    }
    let members = if head.of.is_some() { 5 } else { 4 };
    match json {
        Json::Object(object) if object.len() == members => {
            let entry = object.get("entry").cloned().unwrap_or(Json::Null);
            Ok((head, entry))
        }
        _ => Err(wrong("its members are not those of an entry".to_owned())),
    }
}
