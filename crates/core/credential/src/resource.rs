//! The normal form of a resource.
//!
//! A resource is compared byte by byte, so it must have one spelling: it equals its own
//! serialization by the WHATWG URL standard. A full URL parser answers that with two dozen
//! crates of Unicode tables, which a partner's service would carry along for the verifier's
//! sake; what is asked here is only whether an ASCII text is already normal, and a property test
//! holds the answer against the `url` crate.

use core::net::{Ipv4Addr, Ipv6Addr};

/// The WHATWG "special" schemes that a resource may have, with their default ports (URL §4.2).
const SPECIAL: [(&str, &str); 5] =
    [("http", "80"), ("https", "443"), ("ws", "80"), ("wss", "443"), ("ftp", "21")];

/// Checks that a resource is in normal form and gives where its path starts; `None` where it
/// has no path with segments, as `urn:isbn:1`.
///
/// Refused besides what URL normalization would change: user info, query, fragment, `*`, `\`,
/// escapes of unreserved characters, of `/`, `\` and controls, of escapes, and of what is not
/// UTF-8, and dot segments, also those that some servers see before a `;` or an escape (`/..;/`).
///
/// # Errors
/// What is wrong, in words that end a sentence about the resource.
///
/// ```
/// use legation_credential::resource::check;
/// assert_eq!(check("https://shop.example/api"), Ok(Some(20)));
/// assert!(check("https://shop.example").is_err(), "the root path is `/`");
/// assert!(check("https://SHOP.example/").is_err());
/// ```
pub fn check(text: &str) -> Result<Option<usize>, &'static str> {
    if text.len() > crate::pattern::MAX_LENGTH {
        return Err("it is longer than 2048 bytes");
    }
    let (scheme, rest) = text.split_once(':').ok_or("it has no scheme, such as `https:`")?;
    check_scheme(scheme)?;
    let special = SPECIAL.iter().find(|(name, _)| *name == scheme);
    match rest.strip_prefix("//") {
        Some(rest) => {
            let path = rest.find('/').unwrap_or(rest.len());
            let (authority, path) = rest.split_at_checked(path).unwrap_or((rest, ""));
            check_authority(scheme, authority, special.map(|(_, port)| *port))?;
            if path.is_empty() && (special.is_some() || scheme == "file") {
                return Err("its path is missing; the root is `/`");
            }
            if scheme == "file" && path.starts_with("//") {
                return Err("its path starts with `//`");
            }
            check_path(path)?;
            Ok(Some(text.len() - path.len()))
        }
        None if special.is_some() || scheme == "file" => Err("`//` and a host must follow the scheme"),
        None => {
            check_path(rest)?;
            match rest {
                "" => Err("nothing follows the scheme"),
                _ => Ok(rest.starts_with('/').then_some(text.len() - rest.len())),
            }
        }
    }
}

/// Checks what stands before the `*` of a pattern: a resource that ends with a border, which is a `/` of its path.
///
/// Where no host follows the scheme, its first `/` is none: `app://any.host/` begins with `app:/`, too. With
/// it as a border a pattern would either reach another host or no longer mean all that begins like it, and
/// patterns are compared, sorted and swept by what they begin with.
pub(crate) fn check_stem(text: &str) -> Result<(), &'static str> {
    let path = check(text)?.and_then(|start| text.split_at_checked(start));
    match path {
        Some((scheme, "/")) if scheme.ends_with(':') => Err(
            "`*` behind the first `/` without a host would reach every host; name a folder, as `app:/a/*`",
        ),
        Some((_, path)) if path.ends_with('/') => Ok(()),
        _ => Err("`*` stands only at the end, directly behind a `/` of the path"),
    }
}

fn check_scheme(scheme: &str) -> Result<(), &'static str> {
    let fits = scheme.starts_with(|first: char| first.is_ascii_lowercase())
        && scheme.bytes().all(|byte| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'+' | b'-' | b'.')
        });
    if fits { Ok(()) } else { Err("its scheme must be lower-case, such as `https`") }
}

fn check_authority(scheme: &str, authority: &str, default_port: Option<&str>) -> Result<(), &'static str> {
    if scheme == "file" {
        return if authority.is_empty() { Ok(()) } else { Err("a `file:` resource has no host") };
    }
    if authority.contains('@') {
        return Err("it must not name a user");
    }
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (authority, None),
    };
    check_host(host, default_port.is_some())?;
    match port {
        None => Ok(()),
        Some(port) if Some(port) == default_port => Err("the default port must be left out"),
        Some(port) => {
            let digits = port.bytes().all(|byte| byte.is_ascii_digit()) && !port.starts_with('0');
            match port.parse::<u16>() {
                Ok(_) if digits => Ok(()),
                _ => Err("its port must be a number from 1 to 65535"),
            }
        }
    }
}

fn check_host(host: &str, special: bool) -> Result<(), &'static str> {
    if let Some(inner) = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        return match inner.parse::<Ipv6Addr>() {
            Ok(address) if address.to_string() == inner && !inner.contains('.') => Ok(()),
            _ => Err("its IPv6 address is not in the short form of RFC 5952"),
        };
    }
    let label_fits = |label: &str| {
        !label.is_empty()
            && label
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_'))
    };
    if !host.split('.').all(label_fits) {
        return Err("its host must be a lower-case ASCII domain name (an A-label) or an IP address");
    }
    // URL §3.5: a host that ends in a number is an IPv4 address.
    let last = host.rsplit('.').next().unwrap_or_default();
    let number = last.bytes().all(|byte| byte.is_ascii_digit())
        || last.strip_prefix("0x").is_some_and(|hex| hex.bytes().all(|byte| byte.is_ascii_hexdigit()));
    if special && number && !host.parse::<Ipv4Addr>().is_ok_and(|address| address.to_string() == host) {
        return Err("its IPv4 address is not four decimal numbers");
    }
    Ok(())
}

fn check_path(path: &str) -> Result<(), &'static str> {
    let mut bytes = path.as_bytes().iter();
    let mut plain = Vec::new();
    while let Some(byte) = bytes.next() {
        match byte {
            b'%' => {
                let value = read_escape(bytes.next(), bytes.next())?;
                check_escape(value, bytes.as_slice())?;
                plain.push(value);
                continue;
            }
            b'*' => return Err("`*` stands only at the end of a pattern"),
            b'?' => return Err("a query is not part of a resource; match it by facts named `query.NAME`"),
            b'#' => return Err("a fragment is not part of a resource"),
            b'/' | b':' | b'@' | b'-' | b'.' | b'_' | b'~' => {}
            b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'+' | b',' | b';' | b'=' => {}
            other if other.is_ascii_alphanumeric() => {}
            _ => return Err("it holds a character that a URL path must escape"),
        }
        plain.push(*byte);
    }
    // Some readers take other bytes for a long-winded `.` or `/`, such as `%C0%AE`.
    if core::str::from_utf8(&plain).is_err() {
        return Err("its escapes are not UTF-8");
    }
    // Some servers cut path parameters off before they resolve dot segments, and some proxies
    // unescape the `;` for them; others drop spaces behind the dots.
    let dotted = |segment: &str| matches!(segment.split([';', '%']).next(), Some("." | ".."));
    if path.split('/').any(dotted) { Err("it holds a `.` or `..` segment") } else { Ok(()) }
}

fn read_escape(high: Option<&u8>, low: Option<&u8>) -> Result<u8, &'static str> {
    let digit = |byte: Option<&u8>| byte.and_then(|byte| char::from(*byte).to_digit(16));
    match (digit(high), digit(low)) {
        (Some(high), Some(low)) => u8::try_from(high * 16 + low).map_err(|_| "it holds no escape"),
        _ => Err("`%` must be followed by two hexadecimal digits"),
    }
}

/// Judges an escaped byte by what it is and, for a `%`, by what follows it.
fn check_escape(value: u8, next: &[u8]) -> Result<(), &'static str> {
    match value {
        b'/' | b'\\' => Err("it holds an escaped `/` or `\\`"),
        b'-' | b'.' | b'_' | b'~' => Err("it escapes a character that needs no escape"),
        plain if plain.is_ascii_alphanumeric() => Err("it escapes a character that needs no escape"),
        control if control.is_ascii_control() => Err("it holds an escaped control character"),
        // A proxy that unescapes once too often makes `..` of `%252e%252e`.
        b'%' if next.iter().take(2).filter(|byte| byte.is_ascii_hexdigit()).count() == 2 => {
            Err("it escapes an escape")
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use url::Url;

    #[test]
    fn what_could_reach_another_place_is_refused() {
        for text in [
            "",
            "shop.example/api",
            "https:/shop.example/",
            "https:shop.example",
            "https:///x",
            "https://shop.example",
            "https://Shop.example/",
            "HTTPS://shop.example/",
            "https://user@shop.example/",
            "https://shop.example:443/",
            "https://shop.example:/",
            "https://shop.example:080/",
            "https://shop.example:99999/",
            "https://shop.example/x/../../admin",
            "https://shop.example/x/./y",
            "https://shop.example/..",
            "https://shop.example/x/%2e%2e/admin",
            "https://shop.example/x/..;/admin",
            "https://shop.example/x/..;a=b/admin",
            "https://shop.example/x/..%3b/admin",
            "https://shop.example/x/..%3Ba=b/admin",
            "https://shop.example/x/.%3B/admin",
            "https://shop.example/x/..%20/admin",
            "https://shop.example/x/%252e%252e/admin",
            "https://shop.example/x/%25252e/admin",
            "https://shop.example/a%252fb",
            "https://shop.example/a%00",
            "https://shop.example/a%0D%0Ab",
            "https://shop.example/a%7f",
            "https://shop.example/x/%c0%ae%c0%ae/admin",
            "https://shop.example/a%c0%afb",
            "https://shop.example/%e0%80%af/",
            "https://shop.example/%C3/%A9",
            "https://shop.example/%C3x%A9",
            "https://shop.example/%ff",
            "https://shop.example/a%2fb",
            "https://shop.example/a%2Fb",
            "https://shop.example/a%5cb",
            "https://shop.example/%61",
            "https://shop.example/%",
            "https://shop.example/%4",
            "https://shop.example/a\\b",
            "https://shop.example/a b",
            "https://shop.example/a?b",
            "https://shop.example/a#b",
            "https://shop.example/*",
            "https://shop.example/é",
            "https://münchen.example/",
            "https://127.1/",
            "https://0x7f000001/",
            "https://2130706433/",
            "https://127.0.0.01/",
            "https://1.2.3.4.5/",
            "https://[::0001]/",
            "https://[::ffff:1.2.3.4]/",
            "https://[::1/",
            "https://shop.example./",
            "https://shop..example/",
            "file://host/x",
            "urn:",
            "x:..",
        ] {
            assert!(check(text).is_err(), "{text}");
        }
    }

    #[test]
    fn ordinary_resources_are_normal() {
        for text in [
            "https://shop.example/",
            "https://shop.example:8443/api/orders;v=1/a+b,c=d/~x/%20%C3%A9",
            "https://shop.example/100%25/%25x/%E2%82%ACx%F0%9F%98%80/a..b/...",
            "http://127.0.0.1:3000/",
            "https://[::1]:8443/x",
            "https://[::1]/x",
            "https://xn--mnchen-3ya.example/",
            "mcp://server/tool",
            "mcp://server",
            "urn:isbn:0451450523",
            "mailto:a@b.example",
            "file:///data/in",
        ] {
            assert!(check(text).is_ok(), "{text}");
            assert_eq!(Url::parse(text).unwrap().as_str(), text);
        }
    }

    #[test]
    fn where_the_path_begins_is_told_where_there_is_one() {
        let long = |bytes: usize| format!("{:a<bytes$}", "app:/");
        for (text, path) in [
            ("https://shop.example/api", Some(20)),
            ("mcp://server", Some(12)),
            ("file:///data", Some(7)),
            ("app:/a/b", Some(4)),
            ("urn:isbn:1", None),
            (&long(2048), Some(4)),
        ] {
            assert_eq!(check(text), Ok(path), "{text}");
        }
        assert_eq!(check(&long(2049)), Err("it is longer than 2048 bytes"));
        assert!(check("https://a.example/?q").unwrap_err().starts_with("a query is not part"));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20_000))]
        #[test]
        fn what_is_accepted_is_its_own_serialization(
            text in "(https?|ws|ftp|file|mcp|urn):(//)?[a-z0-9.:\\[\\]@%xA-F_-]{0,12}(/[a-zA-Z0-9._~%;:@2eE5cCfF\\\\!$&'()+,=-]{0,6}){0,4}"
        ) {
            if check(&text).is_ok() && !text.contains("xn--") {
                let url = Url::parse(&text);
                prop_assert!(url.is_ok(), "{} does not parse", text);
                let url = url.unwrap();
                prop_assert_eq!(url.as_str(), text.as_str());
                prop_assert!(url.query().is_none() && url.fragment().is_none());
                prop_assert!(url.username().is_empty() && url.password().is_none());
            }
        }

        #[test]
        fn no_text_makes_it_panic(text in ".{0,60}") {
            let _ = check(&text);
        }
    }
}
