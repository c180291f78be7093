//! URLs that are the same (RFC 9449 §4.3, by RFC 3986 §6.2.2 and §6.2.3): case of scheme and host, the default port, an empty path,
//! dot segments, and escapes of what needs none. Query and fragment do not count.

use url::Url;

/// The normal form of an http(s) URL; `None` for anything else.
pub(super) fn normal(text: &str) -> Option<String> {
    // A parser of browsers would leave these out, or take them for what they are not.
    if text.bytes().any(|byte| byte.is_ascii_control() || matches!(byte, b' ' | b'\\')) {
        return None;
    }
    let url = Url::parse(text).ok()?;
    let is_web = matches!(url.scheme(), "https" | "http");
    if !is_web || !url.username().is_empty() || url.password().is_some() {
        return None;
    }
    let port = url.port().map_or(String::new(), |port| format!(":{port}"));
    Some(format!("{}://{}{port}{}", url.scheme(), url.host_str()?, unescaped(url.path())))
}

/// A path whose escapes of unreserved characters are undone, and whose others have capitals.
fn unescaped(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    let mut rest = path;
    while let Some((before, escape)) = rest.split_once('%') {
        out.push_str(before);
        let byte = escape.get(..2).and_then(|hex| u8::from_str_radix(hex, 16).ok());
        let digits = escape.get(..2).is_some_and(|hex| hex.bytes().all(|byte| byte.is_ascii_hexdigit()));
        match byte.filter(|_| digits) {
            Some(byte) if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) => {
                out.push(char::from(byte))
            }
            Some(byte) => out.push_str(&format!("%{byte:02X}")),
            None => {
                out.push('%');
                rest = escape;
                continue;
            }
        }
        rest = escape.get(2..).unwrap_or_default();
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_is_one_url_has_one_form_and_what_is_another_has_another() {
        let own = normal("https://api.example/a/b~c").unwrap();
        for same in [
            "https://API.example:443/a/b~c?x=1#y",
            "HTTPS://api.example/a/./x/../b%7Ec",
            "https://api.example/%61/b%7ec",
        ] {
            assert_eq!(normal(same), Some(own.clone()), "{same}");
        }
        for other in [
            "http://api.example/a/b~c",
            "https://api.example/a/b~c/",
            "https://api.example:8443/a/b~c",
            "https://evil.example/a/b~c",
            "https://api.example/a%2Fb~c",
            "https://api.example/A/b~c",
            "https://api.example",
        ] {
            assert_ne!(normal(other), Some(own.clone()), "{other}");
        }
        for none in [
            "",
            "api.example/a",
            "ftp://api.example/a",
            "https://u@api.example/a",
            "https://api.example\\a",
            "https://api\n.example/",
        ] {
            assert_eq!(normal(none), None, "{none:?}");
        }
        assert_eq!(normal("https://api.example"), normal("https://api.example/?q"));
    }
}
