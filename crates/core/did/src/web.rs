//! did:web: a domain, and the document published there (did:web method specification §2).

use crate::{
    Did, DidError,
    document::{Document, Purpose},
};
use legation_keys::PublicKey;

/// The `https` URL of a did:web document. `None` for another method.
///
/// ```
/// use legation_did::{Did, web};
/// let did: Did = "did:web:example.com%3A3000:user:alice".parse()?;
/// assert_eq!(web::url(&did).as_deref(), Some("https://example.com:3000/user/alice/did.json"));
/// # Ok::<(), legation_did::DidError>(())
/// ```
#[must_use]
pub fn url(did: &Did) -> Option<String> {
    let parts = parts(did)?;
    let path = parts.path.unwrap_or_else(|| "/.well-known".to_owned());
    Some(format!("https://{}{path}/did.json", parts.authority))
}

/// The origin of a did:web: `https://example.com:3000`. `None` for another method.
#[must_use]
pub fn origin(did: &Did) -> Option<String> {
    Some(format!("https://{}", parts(did)?.authority))
}

struct Parts {
    authority: String,
    path: Option<String>,
}

fn parts(did: &Did) -> Option<Parts> {
    if did.method() != "web" {
        return None;
    }
    let (domain, path) = match did.method_specific_id().split_once(':') {
        Some((domain, path)) => (domain, Some(path)),
        None => (did.method_specific_id(), None),
    };
    let path = path.map(|path| path.split(':').map(|segment| format!("/{}", decode(segment))).collect());
    Some(Parts { authority: domain.replace("%3A", ":"), path })
}

/// The did:web of a domain with optional port and path, as people write it:
/// `example.com`, `localhost:8443`, `example.com/agents/mail`.
///
/// # Errors
/// [`DidError::Web`] for an IP address, upper case, an empty or dotted path segment.
///
/// ```
/// use legation_did::web;
/// assert_eq!(web::did("localhost:8443/agents/mail")?.as_str(), "did:web:localhost%3A8443:agents:mail");
/// assert!(web::did("127.0.0.1").is_err());
/// # Ok::<(), legation_did::DidError>(())
/// ```
pub fn did(location: &str) -> Result<Did, DidError> {
    let (authority, path) = match location.split_once('/') {
        Some((authority, path)) => (authority, Some(path)),
        None => (location, None),
    };
    let mut text = format!("did:web:{}", authority.replace(':', "%3A"));
    for segment in path.into_iter().flat_map(|path| path.split('/')) {
        text.push(':');
        text.push_str(&encode(segment));
    }
    text.parse().map_err(|error| match error {
        DidError::Web { reason, .. } => DidError::Web { found: location.to_owned(), reason },
        _ => DidError::Web { found: location.to_owned(), reason: "expected DOMAIN[:PORT][/PATH]" },
    })
}

/// A document for a did:web with these keys, each named by its thumbprint and usable for
/// `assertionMethod` and `authentication`.
#[must_use]
pub fn document(did: &Did, keys: &[PublicKey]) -> Document {
    let mut document = Document::new(did.clone());
    for key in keys {
        let id = crate::method_id(did, key);
        document.add_key(id, key.clone(), &[Purpose::AssertionMethod, Purpose::Authentication]);
    }
    document
}

/// Characters that a path may hold plainly and a DID only escaped (RFC 3986 §3.3).
const SUB_DELIMS: &[u8] = b"!$&'()*+,;=@";

/// Checks the method-specific id, whose characters are already those of a DID.
pub(crate) fn check(id: &str) -> Result<(), &'static str> {
    let mut segments = id.split(':');
    let domain = segments.next().unwrap_or_default();
    let (host, port) = match domain.split_once("%3A") {
        Some((host, port)) => (host, Some(port)),
        None => (domain, None),
    };
    check_host(host)?;
    if let Some(port) = port {
        check_port(port)?;
    }
    // It would be published where the domain's own document is: two DIDs of one URL.
    if segments.clone().eq([".well-known"]) {
        return Err("`.well-known` is where the domain's own DID is published: leave the path out");
    }
    segments.try_for_each(check_segment)
}

fn check_host(host: &str) -> Result<(), &'static str> {
    let label_fits = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    if host.len() > 253 || !host.split('.').all(label_fits) {
        return Err("expected a domain name in lower-case ASCII (an internationalized one as its A-label)");
    }
    // As the WHATWG URL standard §3.5 tells an IPv4 address: by its last label.
    let last = host.rsplit('.').next().unwrap_or_default();
    if last.bytes().all(|byte| byte.is_ascii_digit()) || last.starts_with("0x") {
        return Err("an IP address is no domain name");
    }
    Ok(())
}

fn check_port(port: &str) -> Result<(), &'static str> {
    let digits = port.bytes().all(|byte| byte.is_ascii_digit()) && !port.starts_with('0');
    match (digits, port.parse::<u16>(), port) {
        (_, _, "443") => Err("port 443 is the default: leave it out"),
        (true, Ok(1..), _) => Ok(()),
        _ => Err("expected a port from 1 to 65535 after `%3A`"),
    }
}

fn check_segment(segment: &str) -> Result<(), &'static str> {
    // Some servers cut `;` and what follows off before they resolve dot segments.
    if matches!(segment.split('%').next(), Some("." | "..")) || segment.is_empty() {
        return Err("a path segment is empty or dots only");
    }
    let mut rest = segment;
    while let Some((_, escaped)) = rest.split_once('%') {
        let byte = escaped.get(..2).and_then(|hex| u8::from_str_radix(hex, 16).ok());
        let upper = escaped.get(..2).is_some_and(|hex| !hex.bytes().any(|byte| byte.is_ascii_lowercase()));
        match byte {
            Some(byte) if upper && (byte >= 0x80 || SUB_DELIMS.contains(&byte)) => {}
            _ => return Err("a path segment holds an escape of a character that it may not hold"),
        }
        rest = escaped.get(2..).unwrap_or_default();
    }
    Ok(())
}

/// Sub-delimiters stand plainly in the URL; other escapes stay.
fn decode(segment: &str) -> String {
    SUB_DELIMS.iter().fold(segment.to_owned(), |text, byte| {
        text.replace(&format!("%{byte:02X}"), char::from(*byte).encode_utf8(&mut [0; 4]))
    })
}

fn encode(segment: &str) -> String {
    let mut text = String::with_capacity(segment.len());
    for byte in segment.bytes() {
        if byte >= 0x80 || SUB_DELIMS.contains(&byte) {
            text.push_str(&format!("%{byte:02X}"));
        } else {
            text.push(char::from(byte));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_did_has_the_url_of_the_specification() {
        for (did, url) in [
            ("did:web:w3c-ccg.github.io", "https://w3c-ccg.github.io/.well-known/did.json"),
            ("did:web:w3c-ccg.github.io:user:alice", "https://w3c-ccg.github.io/user/alice/did.json"),
            ("did:web:example.com%3A3000", "https://example.com:3000/.well-known/did.json"),
            ("did:web:example.com%3A3000:user:alice", "https://example.com:3000/user/alice/did.json"),
            ("did:web:example.com:path:some%2Bsubpath", "https://example.com/path/some+subpath/did.json"),
            ("did:web:xn--mnchen-3ya.example", "https://xn--mnchen-3ya.example/.well-known/did.json"),
        ] {
            assert_eq!(super::url(&did.parse().unwrap()).as_deref(), Some(url));
        }
        assert_eq!(super::url(&"did:key:z6Mk".parse().unwrap()), None);
    }

    #[test]
    fn a_did_web_that_could_name_another_place_is_refused() {
        for id in [
            "127.0.0.1",
            "1",
            "2130706433",
            "0x7f.1",
            "example.0x7f",
            "192.168.0.1%3A80",
            "%5B%3A%3A1%5D",
            "Example.com",
            "example.com.",
            "-a.example",
            "a..example",
            "a_b.example",
            "example.com%3A0",
            "example.com%3A65536",
            "example.com%3A080",
            "example.com%3A443",
            "example.com%3A",
            "example.com%2F..",
            "user%40example.com",
            "example.com:..",
            "example.com:.",
            "example.com:.well-known",
            "example.com:..%3B:b",
            "example.com:.%3Ba:b",
            "example.com:a::b",
            "example.com:%2E%2E",
            "example.com:a%2Fb",
            "example.com:a%5Cb",
            "example.com:a%00",
            "example.com:a%3Fq",
            "example.com:a%23f",
            "example.com:a%2f",
            "example.com:a%41",
        ] {
            let text = format!("did:web:{id}");
            assert!(matches!(text.parse::<Did>(), Err(DidError::Web { .. })), "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn a_location_gives_the_did_whose_url_it_is(
            host in "[a-z][a-z0-9]{0,9}(\\.[a-z]{2,5}){0,2}", port in 1_u16.., path in "(/[a-zA-Z0-9_+@é-]{1,8}){0,3}"
        ) {
            proptest::prop_assume!(port != 443);
            let location = format!("{host}:{port}{path}");
            let url = url(&did(&location).unwrap()).unwrap();
            let path = path.replace('é', "%C3%A9");
            let wanted = if path.is_empty() { "/.well-known".to_owned() } else { path };
            proptest::prop_assert_eq!(url, format!("https://{host}:{port}{wanted}/did.json"));
        }
    }
}
