//! Forms with files (`multipart/form-data`, RFC 7578), read strictly and written anew: a provider gets what was judged here, in
//! frames of our own, so that it can't find other parts in the same bytes.

use crate::openai::ChatError;
use legation_keys::secret::random;

/// Most parts of a form.
const MAX_PARTS: usize = 64;
/// Most bytes of the headers of a part.
const MAX_HEAD: usize = 2048;
/// Most characters of a file's name that pass.
const MAX_FILE_NAME: usize = 128;

/// A part of a form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Part<'a> {
    pub(crate) name: String,
    /// What its file is called; `None` where it is none.
    pub(crate) file: Option<String>,
    /// Its content type, where it says one.
    pub(crate) kind: Option<String>,
    pub(crate) data: &'a [u8],
}

impl Part<'_> {
    /// The text that a field is.
    pub(crate) fn text(&self) -> Result<&str, ChatError> {
        let wrong = || ChatError::Wrong {
            member: self.name.clone(),
            found: "a file, or no text",
            expected: "a field of text",
        };
        if self.file.is_some() {
            return Err(wrong());
        }
        core::str::from_utf8(self.data).map_err(|_| wrong())
    }
}

/// Reads a form.
///
/// # Errors
/// [`ChatError::Form`].
pub(crate) fn read<'a>(content_type: &str, body: &'a [u8]) -> Result<Vec<Part<'a>>, ChatError> {
    let wrong = |reason| ChatError::Form { reason };
    let boundary = boundary(content_type).ok_or(wrong("its `Content-Type` is no `multipart/form-data`"))?;
    let mark = format!("\r\n--{boundary}");
    let first = mark.trim_ascii_start().as_bytes();
    let mut rest = body.strip_prefix(first).ok_or(wrong("it does not begin with its boundary"))?;
    let mut parts = Vec::new();
    loop {
        if let Some(end) = rest.strip_prefix(b"--") {
            // What stands behind the end would be read by nobody, or by one reader of two.
            return if matches!(end, b"" | b"\r\n") {
                Ok(parts)
            } else {
                Err(wrong("something follows its end"))
            };
        }
        rest = rest.strip_prefix(b"\r\n").ok_or(wrong("a boundary is no line"))?;
        let (head, after) = split(rest, b"\r\n\r\n").ok_or(wrong("a part has no end of its headers"))?;
        let (data, after) = split(after, mark.as_bytes()).ok_or(wrong("a part has no end"))?;
        if head.len() > MAX_HEAD || parts.len() >= MAX_PARTS {
            return Err(wrong("it has more parts, or longer headers in one, than are read"));
        }
        let (name, file, kind) = head_of(head).ok_or(wrong("the headers of a part can't be read"))?;
        parts.push(Part { name, file, kind, data });
        rest = after;
    }
}

fn split<'a>(text: &'a [u8], mark: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let at = text.windows(mark.len()).position(|window| window == mark)?;
    Some((text.get(..at)?, text.get(at.saturating_add(mark.len())..)?))
}

/// The boundary that a content type names (RFC 2046 §5.1.1).
fn boundary(content_type: &str) -> Option<&str> {
    let (kind, parameters) = content_type.split_once(';')?;
    if !kind.trim().eq_ignore_ascii_case("multipart/form-data") {
        return None;
    }
    let mut named = parameters.split(';').filter_map(|one| one.trim().split_once('='));
    let (_, value) = named.find(|(name, _)| name.eq_ignore_ascii_case("boundary"))?;
    let value = value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value);
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"'()+_,-./:=?".contains(&byte);
    ((1..=70).contains(&value.len()) && value.bytes().all(fits)).then_some(value)
}

/// Name, file and content type that the headers of a part say, each once and nothing else.
fn head_of(head: &[u8]) -> Option<(String, Option<String>, Option<String>)> {
    let (mut name, mut file, mut kind) = (None, None, None);
    for line in core::str::from_utf8(head).ok()?.split("\r\n") {
        let (field, value) = line.split_once(':')?;
        let value = value.trim();
        if field.eq_ignore_ascii_case("content-disposition") && name.is_none() {
            let rest = value.strip_prefix("form-data")?;
            (name, file) = disposition(rest)?;
        } else if field.eq_ignore_ascii_case("content-type") && kind.is_none() {
            let fits = |byte: u8| byte.is_ascii_graphic() || byte == b' ';
            kind =
                Some(value).filter(|value| value.len() <= 128 && value.bytes().all(fits)).map(str::to_owned);
            kind.as_ref()?;
        } else {
            return None;
        }
    }
    Some((name?, file, kind))
}

/// The parameters `; name="…"; filename="…"`. Quotes in them are written as `%22` (RFC 7578 §4.2 and HTML).
fn disposition(mut rest: &str) -> Option<(Option<String>, Option<String>)> {
    let (mut name, mut file) = (None, None);
    while !rest.is_empty() {
        let (key, after) = rest.strip_prefix(';')?.trim_start().split_once("=\"")?;
        let (value, after) = after.split_once('"')?;
        if value.contains(['\\', '\r', '\n', '\0']) {
            return None;
        }
        match key {
            "name" if name.is_none() => name = Some(value.to_owned()),
            "filename" if file.is_none() => file = Some(value.to_owned()),
            _ => return None,
        }
        rest = after.trim_start();
    }
    name.as_ref()?;
    Some((name, file))
}

/// Writes parts as a form: its content type, and its bytes. `None` where there is no randomness for its boundary.
pub(crate) fn write(parts: &[Part<'_>]) -> Option<(String, Vec<u8>)> {
    let drawn: String = random::<16>().ok()?.iter().map(|byte| format!("{byte:02x}")).collect();
    let boundary = format!("legation-{drawn}");
    let mut body = Vec::with_capacity(parts.iter().map(|part| part.data.len() + 256).sum());
    for Part { name, file, kind, data } in parts {
        let file = file.as_ref().map_or(String::new(), |file| format!("; filename=\"{}\"", file_name(file)));
        let kind = kind.as_ref().map_or(String::new(), |kind| format!("\r\nContent-Type: {kind}"));
        let head =
            format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"{file}{kind}\r\n\r\n");
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(data);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
    Some((format!("multipart/form-data; boundary={boundary}"), body))
}

/// A file's name as it passes: its last characters, of which its ending says what it is.
fn file_name(name: &str) -> String {
    let fits = |one: &char| one.is_ascii_alphanumeric() || "._- ".contains(*one);
    let kept: Vec<char> = name.chars().filter(fits).collect();
    let kept: String =
        kept.get(kept.len().saturating_sub(MAX_FILE_NAME)..).unwrap_or_default().iter().collect();
    if kept.trim_matches(['.', ' ']).is_empty() { "file".to_owned() } else { kept }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
    use super::*;

    const KIND: &str = "multipart/form-data; boundary=b";

    fn part<'a>(name: &str, file: Option<&str>, data: &'a [u8]) -> Part<'a> {
        Part { name: name.to_owned(), file: file.map(str::to_owned), kind: None, data }
    }

    #[test]
    fn what_is_written_is_read_as_it_was_whatever_is_in_it() {
        let hostile = b"\r\n--b\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nother\r\n--b--";
        let parts =
            [part("model", None, b"small"), part("file", Some("a b.mp3"), hostile), part("e", None, b"")];
        let (kind, body) = write(&parts).unwrap();
        assert_eq!(read(&kind, &body).unwrap(), parts);
        for (name, passes) in [
            ("../../etc/x.mp3", "....etcx.mp3"),
            ("a\u{202e}3pm.wav", "a3pm.wav"),
            ("…", "file"),
            ("..", "file"),
        ] {
            assert_eq!(file_name(name), passes);
        }
    }

    #[test]
    fn what_two_readers_could_read_differently_is_refused() {
        let whole = "--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n--b--";
        assert_eq!(read(KIND, whole.as_bytes()).unwrap(), [part("a", None, b"1")]);
        assert_eq!(read(&KIND.replace("=b", "=\"b\""), whole.as_bytes()).unwrap().len(), 1);
        let changed = |from: &str, to: &str| whole.replace(from, to);
        for body in [
            String::new(),
            format!("before\r\n{whole}"),
            format!("{whole}after"),
            whole.strip_suffix("--").unwrap().to_owned(),
            changed("--b\r\n", "--b \r\n"),
            changed("\r\n", "\n"),
            changed("form-data", "attachment"),
            changed("name=\"a\"", "name=a"),
            changed("name=\"a\"", "name=\"a\"; name=\"b\""),
            changed("name=\"a\"", "name=\"a\"; filename*=utf-8''x"),
            changed("name=\"a\"", "name=\"a\\\"; filename=\\\"x\""),
            changed("\r\n\r\n", "\r\nContent-Transfer-Encoding: base64\r\n\r\n"),
            changed("\r\n\r\n", "\r\nContent-Disposition: form-data; name=\"c\"\r\n\r\n"),
        ] {
            assert!(read(KIND, body.as_bytes()).is_err(), "{body:?}");
        }
        for kind in
            ["multipart/mixed; boundary=b", "multipart/form-data", "multipart/form-data; boundary=", "x"]
        {
            assert!(read(kind, whole.as_bytes()).is_err(), "{kind}");
        }
        let many = "--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n\r\n".repeat(MAX_PARTS + 1);
        assert!(read(KIND, format!("{many}--b--").as_bytes()).is_err());
    }
}
