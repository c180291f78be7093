//! The members of a JSON object, each as it is written.
//!
//! A request is read strictly (`legation_keys::json`) and judged by that; what passes is forwarded in its own bytes, so
//! that no number is rounded and no schema rewritten. An answer is only looked into: of megabytes nothing but a few
//! members is read, and no tree is built.

use core::fmt;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};
use serde_json::value::RawValue;

/// Members in the order of the text; no name stands twice.
pub(crate) struct Members<'a>(Vec<(String, &'a RawValue)>);

/// Most members that are looked at. The objects that are read here have a dozen.
const MAX_MEMBERS: usize = 256;

impl<'a> Members<'a> {
    /// The members of the object that fills the whole text. The error says where, and nothing of what is there.
    pub(crate) fn read(text: &'a [u8]) -> Result<Self, String> {
        let at = |error: serde_json::Error| format!("at line {}, column {}", error.line(), error.column());
        serde_json::from_slice(text).map_err(at)
    }

    /// The text of a member; `None` where there is none, or it is `null`.
    pub(crate) fn get(&self, name: &str) -> Option<&'a str> {
        let (_, value) = self.0.iter().find(|(member, _)| member == name)?;
        Some(value.get()).filter(|text| *text != "null")
    }

    /// All of them that are not `null` and not among `names`, as they came: `"name":text` with commas between. Their names are
    /// known to need no escapes.
    pub(crate) fn written_without(&self, names: &[&str]) -> String {
        let mut written = String::new();
        for (name, text) in self.iter().filter(|(name, _)| !names.contains(name)) {
            if !written.is_empty() {
                written.push(',');
            }
            written.extend(["\"", name, "\":", text]);
        }
        written
    }

    /// All of them that are not `null`.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &'a str)> {
        let members = self.0.iter().map(|(name, value)| (name.as_str(), value.get()));
        members.filter(|(_, text)| *text != "null")
    }
}

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Reader)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Members<'de>;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut items: A) -> Result<Members<'de>, A::Error> {
        let mut members: Vec<(String, &'de RawValue)> = Vec::new();
        while let Some((name, value)) = items.next_entry::<String, &'de RawValue>()? {
            if members.len() >= MAX_MEMBERS || members.iter().any(|(member, _)| *member == name) {
                return Err(A::Error::custom("a member stands twice, or there are too many"));
            }
            members.push((name, value));
        }
        Ok(Members(members))
    }
}
