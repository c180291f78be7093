//! What is asked about: a URL, or a thing that its service names by a type and an id.
//!
//! Delegations name resources by URLs. What is none is `authzen://TYPE/ID` there, its id as a path: `{"type":"record","id":"record-1"}` is
//! `authzen://record/record-1`, and `authzen://record/*` are all records. No URL that anything is reached at begins so.

use legation_credential::resource::check;
use std::fmt::Write as _;

/// The type of what is named by its URL.
pub(super) const URL: &str = "url";
/// How the name of everything else begins.
const SCHEME: &str = "authzen://";

/// How grants name a resource.
pub(super) fn name(kind: &str, id: &str) -> String {
    let has_path = || check(id).is_ok_and(|path| path.is_some());
    if kind == URL || has_path() {
        return id.to_owned();
    }
    let mut name = stem(kind);
    for byte in id.bytes() {
        // RFC 3986 §3.3 without `*`, which is for patterns.
        match byte {
            b'/' | b':' | b'@' | b'-' | b'.' | b'_' | b'~' => name.push(byte.into()),
            b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'+' | b',' | b';' | b'=' => name.push(byte.into()),
            other if other.is_ascii_alphanumeric() => name.push(other.into()),
            // Writing to a text can't fail.
            other => drop(write!(name, "%{other:02X}")),
        }
    }
    name
}

/// How the names of a type begin; those of [`URL`] as none of the others do.
fn stem(kind: &str) -> String {
    let mut stem = SCHEME.to_owned();
    for byte in kind.bytes() {
        match byte {
            // A type with a `/` in it is not the type before that, with an id that begins by the rest.
            b'-' | b'.' | b'_' | b'~' => stem.push(byte.into()),
            other if other.is_ascii_alphanumeric() => stem.push(other.into()),
            // Writing to a text can't fail.
            other => drop(write!(stem, "%{other:02X}")),
        }
    }
    stem.push('/');
    stem
}

/// The id of a resource, where it is of that type.
pub(super) fn id(kind: &str, name: &str) -> Option<String> {
    if kind == URL {
        return (!name.starts_with(SCHEME)).then(|| name.to_owned());
    }
    unescaped(name.strip_prefix(&stem(kind))?)
}

fn unescaped(text: &str) -> Option<String> {
    let mut parts = text.split('%');
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        let (hex, rest) = part.split_at_checked(2)?;
        bytes.push(u8::from_str_radix(hex, 16).ok()?);
        bytes.extend_from_slice(rest.as_bytes());
    }
    String::from_utf8(bytes).ok()
}

/// Whether what stands before a `*` leads to resources of that type.
pub(super) fn leads_to(kind: &str, open: &str) -> bool {
    match kind == URL {
        true => !open.starts_with(SCHEME),
        false => open.starts_with(&stem(kind)) || stem(kind).starts_with(open),
    }
}
