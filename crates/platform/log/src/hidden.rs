//! What could be personal is not in a log: in its place stands the digest of a text that holds it and a salt, as in SD-JWT
//! (RFC 9901 §4.2.4.1). Whoever has that text can show it; once it is forgotten, nobody can, and no proof breaks.

use legation_keys::{
    base64url, jcs,
    json::{self, Json, JsonLimits, Object},
    mac,
};
use sha2::{Digest, Sha256};

/// What salts are made of.
pub type Salt = [u8; 32];
/// The member whose value is the digest of what was left out.
pub const DIGEST: &str = "_sd";
/// Most bytes of a disclosure.
const LIMITS: JsonLimits = JsonLimits { bytes: 16 << 20, depth: 8 };

/// What was left out of an entry: base64url of `[salt, where, value]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disclosure(String);

impl Disclosure {
    /// Of a value at a place, such as `request.facts.model`.
    fn new(salt: &Salt, place: &str, value: Json<'_>) -> Self {
        // Each value has a salt of its own, so that showing one says nothing of the others.
        let own = derive(salt, place);
        let own = own.first_chunk::<16>().copied().unwrap_or_default();
        let text = |text: String| Json::String(text.into());
        let all = Json::Array(vec![text(base64url::encode(&own)), text(place.to_owned()), value]);
        Self(base64url::encode(jcs::canonicalize(&all).as_bytes()))
    }

    /// As it was kept or shown.
    #[must_use]
    pub fn of(text: String) -> Self {
        Self(text)
    }

    /// The text, to be kept or shown.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.0
    }

    /// The digest that stands in the entry.
    #[must_use]
    pub fn digest(&self) -> String {
        base64url::encode(&Sha256::digest(&self.0))
    }

    /// Where the value was, and the value as a JSON text. `None` where it is no disclosure.
    #[must_use]
    pub fn read(&self) -> Option<(String, String)> {
        let bytes = base64url::decode(&self.0).ok()?;
        let json = json::parse(&bytes, LIMITS).ok()?;
        match json.as_array()? {
            [Json::String(_), Json::String(place), value] => {
                Some((place.clone().into_owned(), jcs::canonicalize(value)))
            }
            _ => None,
        }
    }
}

/// What other salts are made of, by a name (HMAC with SHA-256): nobody who has it has that which it was made of.
#[must_use]
pub fn derive(salt: &Salt, name: &str) -> Salt {
    mac::sign(salt, name.as_bytes())
}

/// A receipt without what could be personal, and that.
#[must_use]
pub fn hide<'a>(receipt: Json<'a>, salt: &Salt) -> (Json<'a>, Vec<Disclosure>) {
    let mut all = Vec::new();
    let Json::Object(object) = receipt else { return (receipt, all) };
    let hidden = object.try_filter_map(|name, value| {
        Ok::<_, core::convert::Infallible>(Some(match (name, value) {
            ("expected" | "found", value) if value != Json::String("".into()) => {
                digest(salt, name, value, &mut all)
            }
            ("request", Json::Object(request)) => Json::Object(hide_request(request, salt, &mut all)),
            (_, value) => value,
        }))
    });
    let hidden = hidden.map(Json::Object).unwrap_or(Json::Null);
    (hidden, all)
}

fn hide_request<'a>(request: Object<'a>, salt: &Salt, all: &mut Vec<Disclosure>) -> Object<'a> {
    let hidden = request.try_filter_map(|name, value| {
        Ok::<_, core::convert::Infallible>(Some(match (name, value) {
            ("resource", value) => digest(salt, "request.resource", value, all),
            ("facts", Json::Object(facts)) => {
                let each = facts.try_filter_map(|name, value| {
                    let place = format!("request.facts.{name}");
                    Ok::<_, core::convert::Infallible>(Some(digest(salt, &place, value, all)))
                });
                each.map(Json::Object).unwrap_or(Json::Null)
            }
            (_, value) => value,
        }))
    });
    hidden.unwrap_or_default()
}

fn digest<'a>(salt: &Salt, place: &str, value: Json<'_>, all: &mut Vec<Disclosure>) -> Json<'a> {
    let disclosure = Disclosure::new(salt, place, value);
    let object = Object::default().with(DIGEST, Json::String(disclosure.digest().into()));
    all.push(disclosure);
    Json::Object(object)
}

/// Whether an entry has the digest of what is shown, wherever: quicker than [`show`], which puts it into its place.
#[must_use]
pub fn belongs(leaf: &[u8], shown: &Disclosure) -> bool {
    let digest = format!("{{\"{DIGEST}\":\"{}\"}}", shown.digest());
    memchr::memmem::find(leaf, digest.as_bytes()).is_some()
}

/// A receipt with what is shown of it put back, as a JSON text. What is not shown stays a digest.
///
/// # Errors
/// The first disclosure that is none of this receipt's.
pub fn show(receipt: &Json<'_>, disclosures: &[Disclosure]) -> Result<String, Disclosure> {
    let mut shown: serde_json::Value =
        serde_json::from_str(&jcs::canonicalize(receipt)).unwrap_or(serde_json::Value::Null);
    for one in disclosures {
        let found = one.read().and_then(|(place, value)| {
            let value = serde_json::from_str(&value).ok()?;
            let at = at(&mut shown, &place)?;
            let is_of_this = at.get(DIGEST).and_then(serde_json::Value::as_str) == Some(&one.digest());
            is_of_this.then(|| *at = value)
        });
        found.ok_or_else(|| one.clone())?;
    }
    Ok(shown.to_string())
}

/// The member at a place. A fact's name may have dots in it.
fn at<'v>(receipt: &'v mut serde_json::Value, place: &str) -> Option<&'v mut serde_json::Value> {
    match place.strip_prefix("request.") {
        None => receipt.get_mut(place),
        Some("resource") => receipt.get_mut("request")?.get_mut("resource"),
        Some(fact) => receipt.get_mut("request")?.get_mut("facts")?.get_mut(fact.strip_prefix("facts.")?),
    }
}
