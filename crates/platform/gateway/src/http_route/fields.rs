//! Which headers and trailers pass. Only what is listed here, or named by the route, does: whatever says who somebody is comes
//! from the gateway alone, and what is of one connection only (RFC 9110 §7.6.1) ends with it.

use crate::{forward, refused::Refused};
use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use base64_simd::STANDARD;
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use legation_keys::secret::random;
use legation_resolver::FetchError;

/// What of a request's headers a service gets, as far as the caller sends it.
const PASSED: [HeaderName; 19] = [
    header::ACCEPT,
    header::ACCEPT_ENCODING,
    header::ACCEPT_LANGUAGE,
    header::CACHE_CONTROL,
    header::CONTENT_DISPOSITION,
    header::CONTENT_ENCODING,
    header::CONTENT_LANGUAGE,
    header::CONTENT_LOCATION,
    header::CONTENT_RANGE,
    header::CONTENT_TYPE,
    header::IF_MATCH,
    header::IF_MODIFIED_SINCE,
    header::IF_NONE_MATCH,
    header::IF_RANGE,
    header::IF_UNMODIFIED_SINCE,
    header::MAX_FORWARDS,
    header::PRAGMA,
    header::RANGE,
    header::USER_AGENT,
];
/// The same, of names that `http` has no constant for.
const PASSED_TOO: [HeaderName; 5] = [
    HeaderName::from_static("grpc-timeout"),
    HeaderName::from_static("idempotency-key"),
    HeaderName::from_static("last-event-id"),
    HeaderName::from_static("prefer"),
    HeaderName::from_static("priority"),
];
/// What of an answer's headers a caller gets.
const GIVEN: [HeaderName; 19] = [
    header::ACCEPT_RANGES,
    header::AGE,
    header::ALLOW,
    header::CACHE_CONTROL,
    header::CONTENT_DISPOSITION,
    header::CONTENT_ENCODING,
    header::CONTENT_LANGUAGE,
    header::CONTENT_LOCATION,
    header::CONTENT_RANGE,
    header::CONTENT_TYPE,
    header::DATE,
    header::ETAG,
    header::EXPIRES,
    header::LAST_MODIFIED,
    header::LINK,
    header::LOCATION,
    header::PRAGMA,
    header::RETRY_AFTER,
    header::VARY,
];
/// The same, of names that `http` has no constant for, and what trailers may be (RFC 9110 §6.5.1): nothing that says how a
/// message is framed, where it goes, who sent it or how it is kept.
const TRAILING: [HeaderName; 7] = [
    HeaderName::from_static("content-digest"),
    HeaderName::from_static("grpc-encoding"),
    HeaderName::from_static("grpc-message"),
    HeaderName::from_static("grpc-status"),
    HeaderName::from_static("grpc-status-details-bin"),
    HeaderName::from_static("repr-digest"),
    HeaderName::from_static("server-timing"),
];
/// What there may be once only: of two nobody knows which one counts.
const ONCE: [HeaderName; 4] =
    [header::CONTENT_TYPE, header::CONTENT_ENCODING, header::CONTENT_RANGE, header::RANGE];
/// What begins a WebSocket (RFC 6455 §4.1), passed as it came.
const SOCKET_ASKED: [HeaderName; 4] = [
    header::SEC_WEBSOCKET_EXTENSIONS,
    header::SEC_WEBSOCKET_KEY,
    header::SEC_WEBSOCKET_PROTOCOL,
    header::SEC_WEBSOCKET_VERSION,
];
const SOCKET_GIVEN: [HeaderName; 3] =
    [header::SEC_WEBSOCKET_ACCEPT, header::SEC_WEBSOCKET_EXTENSIONS, header::SEC_WEBSOCKET_PROTOCOL];

/// What a caller wants of a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// An answer.
    Answer,
    /// A WebSocket.
    Socket,
}

impl Wanted {
    /// The action that a grant names. A socket is an action of its own: whoever may read must not get what it can write by.
    pub(crate) fn action(self, method: &Method) -> String {
        match self {
            Self::Answer => format!("http:{method}"),
            Self::Socket => "http:WEBSOCKET".to_owned(),
        }
    }
}

/// What a request wants, by its method and headers, and by the protocol that a stream of HTTP/2 is to speak.
///
/// # Errors
/// `method_not_allowed` of what opens a connection or shows what arrived, `bad_request` of what could be read in two ways.
pub(crate) fn wanted(
    method: &Method,
    headers: &HeaderMap,
    protocol: Option<&str>,
) -> Result<Wanted, Refused> {
    let is_tunnel = *method == Method::CONNECT && protocol == Some("websocket");
    if protocol.is_some() && !is_tunnel {
        return Err(Refused::new(
            "method_not_allowed",
            "of the protocols of a stream only `websocket` is passed on",
        ));
    }
    if !is_tunnel && matches!(*method, Method::CONNECT | Method::TRACE) {
        return Err(Refused::new("method_not_allowed", format!("`{method}` is not passed on")));
    }
    if let Some(name) = ONCE.iter().find(|name| headers.get_all(*name).iter().nth(1).is_some()) {
        return Err(Refused::new("bad_request", format!("`{name}` is there more than once; send it once")));
    }
    let is_once = |name| headers.get_all(name).iter().count() == 1;
    if is_tunnel {
        // What HTTP/1.1 proves by a key, a stream of its own does (RFC 8441 §5).
        return if is_once(header::SEC_WEBSOCKET_VERSION) && !headers.contains_key(header::SEC_WEBSOCKET_KEY) {
            Ok(Wanted::Socket)
        } else {
            let message =
                "a WebSocket in HTTP/2 begins with one `Sec-WebSocket-Version` and no `Sec-WebSocket-Key`";
            Err(Refused::new("bad_request", message))
        };
    }
    let is_socket = *method == Method::GET
        && names(headers, &header::CONNECTION).any(|name| name == "upgrade")
        && names(headers, &header::UPGRADE).eq(["websocket"]);
    if !is_socket {
        // Any other protocol is not offered to the service, which then answers by this one (RFC 9110 §7.8).
        return Ok(Wanted::Answer);
    }
    if !is_once(header::SEC_WEBSOCKET_KEY) || !is_once(header::SEC_WEBSOCKET_VERSION) {
        let message = "a WebSocket begins with one `Sec-WebSocket-Key` and one `Sec-WebSocket-Version`";
        return Err(Refused::new("bad_request", message));
    }
    Ok(Wanted::Socket)
}

/// The members of a list in a header, in small letters.
fn names<'h>(headers: &'h HeaderMap, name: &HeaderName) -> impl Iterator<Item = String> + 'h {
    let lines = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    let each = lines.flat_map(|line| line.split(',')).map(|one| one.trim().to_ascii_lowercase());
    each.filter(|one| !one.is_empty())
}

/// Copies some headers, but none that the connection is said to be the end of.
fn copy<'n>(
    from: &HeaderMap,
    into: &mut HeaderMap,
    listed: impl Iterator<Item = &'n HeaderName>,
    named: &[String],
) {
    let ended: Vec<String> = names(from, &header::CONNECTION).collect();
    let named = named.iter().filter_map(|name| HeaderName::try_from(name.as_str()).ok());
    for name in listed.cloned().chain(named) {
        if into.contains_key(&name) || ended.iter().any(|ended| ended == name.as_str()) {
            continue;
        }
        for value in from.get_all(&name) {
            into.append(name.clone(), value.clone());
        }
    }
}

/// What a service gets of a request's headers; `named` are those that the route names beside.
pub(crate) fn to_upstream(asked: &HeaderMap, named: &[String], wanted: Wanted) -> HeaderMap {
    let mut headers = HeaderMap::new();
    copy(asked, &mut headers, PASSED.iter().chain(&PASSED_TOO), named);
    if !headers.contains_key(header::ACCEPT_ENCODING) {
        headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    }
    if wanted == Wanted::Socket {
        copy(asked, &mut headers, SOCKET_ASKED.iter(), &[]);
        headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
        headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
        return headers;
    }
    // Whoever reads trailers says so by a field of the connection, which is said anew for the next one (RFC 9110 §10.1.4).
    if names(asked, &header::TE).any(|one| one == "trailers") {
        headers.insert(header::TE, HeaderValue::from_static("trailers"));
    }
    announce(asked, &mut headers, named);
    headers
}

/// What a caller gets of an answer's headers.
pub(crate) fn to_caller(given: &HeaderMap, named: &[String], is_head: bool) -> HeaderMap {
    let mut headers = HeaderMap::new();
    copy(given, &mut headers, GIVEN.iter().chain(&TRAILING), named);
    if is_head {
        // Of an answer without a body nothing else says it.
        copy(given, &mut headers, [header::CONTENT_LENGTH].iter(), &[]);
    }
    announce(given, &mut headers, named);
    headers
}

/// Says which trailers will follow, of those that pass: HTTP/1.1 sends no others.
fn announce(from: &HeaderMap, into: &mut HeaderMap, named: &[String]) {
    let passes = |name: &String| is_trailing(name, named);
    let following: Vec<String> = names(from, &header::TRAILER).filter(passes).collect();
    if let Ok(value) = HeaderValue::try_from(following.join(", "))
        && !following.is_empty()
    {
        into.insert(header::TRAILER, value);
    }
}

fn is_trailing(name: &str, named: &[String]) -> bool {
    TRAILING.iter().any(|known| known.as_str() == name) || named.iter().any(|known| known == name)
}

/// What passes of trailers, either way.
pub(crate) fn trailers(mut trailers: HeaderMap, named: &[String]) -> HeaderMap {
    let others: Vec<HeaderName> =
        trailers.keys().filter(|name| !is_trailing(name.as_str(), named)).cloned().collect();
    for name in others {
        trailers.remove(name);
    }
    trailers
}

/// Begins a WebSocket by HTTP/1.1 for a caller who has a stream of HTTP/2: with a key of our own (RFC 6455 §4.1), which is given.
pub(crate) fn begin_socket(headers: &mut HeaderMap) -> Result<String, Refused> {
    let random = random::<16>().map_err(|_| Refused::new("internal", "the system gave no randomness"))?;
    let key = STANDARD.encode_to_string(random);
    let value = HeaderValue::try_from(&key).map_err(|_| Refused::new("internal", "no key was made"))?;
    headers.insert(header::SEC_WEBSOCKET_KEY, value);
    Ok(key)
}

/// What a service has to answer to a key (RFC 6455 §4.2.2).
fn accepts(key: &str) -> String {
    let text = format!("{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
    STANDARD.encode_to_string(digest(&SHA1_FOR_LEGACY_USE_ONLY, text.as_bytes()))
}

/// The service has begun no WebSocket.
pub(crate) fn not_switched() -> Refused {
    let reason = "it did not begin a WebSocket".to_owned();
    forward::lost(&FetchError::Unreachable { url: String::new(), reason })
}

/// The headers of an answer that begins a WebSocket; `key` is ours where the caller has a stream of HTTP/2.
///
/// # Errors
/// `upstream_failed` where the service switched to something that nobody asked for.
pub(crate) fn switched(given: &HeaderMap, key: Option<&str>) -> Result<HeaderMap, Refused> {
    let accepted = |key: &str| {
        let said: Vec<_> = given.get_all(header::SEC_WEBSOCKET_ACCEPT).iter().collect();
        matches!(said.as_slice(), [one] if one.as_bytes() == accepts(key).as_bytes())
    };
    if !names(given, &header::UPGRADE).eq(["websocket"]) || !key.is_none_or(accepted) {
        return Err(not_switched());
    }
    let mut headers = HeaderMap::new();
    if key.is_some() {
        copy(given, &mut headers, SOCKET_GIVEN.iter().skip(1), &[]);
        return Ok(headers);
    }
    copy(given, &mut headers, SOCKET_GIVEN.iter(), &[]);
    headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    Ok(headers)
}
