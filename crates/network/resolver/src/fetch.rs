//! One GET, within limits.

use crate::{
    error::{FetchError, SetupError},
    guard::{Allowed, GuardedLookup, Refused},
    options::Options,
};
use core::{error::Error, time::Duration};
use legation_credential::secured::is_document;
use legation_did::{Did, Document, document::LIMITS, key, web};
use reqwest::{Certificate, Client, ClientBuilder, Response, StatusCode, Url, header, redirect::Policy};
use std::{
    io,
    sync::{Arc, OnceLock},
};
use url::Host;

/// Content types of a DID document: of DID Core 1.0 §6, of 1.1, and what web servers make of
/// `.json`.
const DOCUMENT_TYPES: [&str; 5] = [
    "application/did",
    "application/did+json",
    "application/did+ld+json",
    "application/json",
    "application/ld+json",
];

/// Content types of a status list secured as a JWT (VC-JOSE-COSE §6.1) or by proofs (VC Data Model 2.0 §C.1), and
/// what servers that do not know them make of it.
const STATUS_LIST_TYPES: [&str; 8] = [
    "application/vc+jwt",
    "application/vc",
    "application/jwt",
    "application/jose",
    "application/ld+json",
    "application/vc+ld+json",
    "application/json",
    "text/plain",
];

/// Bytes of one answer by HTTP/2 that may be under way: what waits for a reader that is slow.
const STREAM_WINDOW: u32 = 256 << 10;
/// The same of all answers on a connection.
const CONNECTION_WINDOW: u32 = 4 << 20;
/// How often a connection by HTTP/2 that is in use is asked whether its other end is still there.
const PING: Duration = Duration::from_secs(20);

/// Most bytes of a URL. A did:web of the longest DID stays below it.
const MAX_URL: usize = 2048;

/// Fetches DID documents, agent cards and status lists. Cloning it is cheap, and clones share connections.
#[derive(Clone, Debug)]
pub struct Fetcher {
    /// For `https`, guarded as the options say; or why there is none.
    web: Result<Client, String>,
    /// For plain `http`, to this machine only.
    loopback: Client,
    /// For `https` to services that requests are passed on to, by HTTP/2 where they speak it; made when the first is.
    passing: Arc<OnceLock<Result<Client, String>>>,
    pub(crate) options: Arc<Options>,
}

impl Fetcher {
    /// Sets up fetching. The system's root certificates are read now. A machine that has none can
    /// still resolve a did:key and fetch from itself; fetching by `https` fails there.
    ///
    /// # Errors
    /// [`SetupError`].
    pub fn new(options: Options) -> Result<Self, SetupError> {
        let roots = roots(&options)?;
        // What is fetched are small files, each from another place: nothing is gained by streams that share a connection.
        let web = web(&options, roots).http1_only().build().map_err(no_client);
        let loopback = client(&options, Allowed::Loopback)
            .tls_certs_only([])
            .build()
            .map_err(|error| SetupError::Client { reason: root_cause(&error) })?;
        Ok(Self { web, loopback, passing: Arc::default(), options: Arc::new(options) })
    }

    /// The DID document of a did:key, which needs no network, or of a did:web.
    ///
    /// # Errors
    /// [`FetchError`].
    pub async fn document(&self, did: &Did) -> Result<Document, FetchError> {
        Ok(self.document_bytes(did).await?.0)
    }

    /// The DID document with its bytes as they were published, for whoever keeps them as evidence.
    ///
    /// # Errors
    /// [`FetchError`].
    pub async fn document_bytes(&self, did: &Did) -> Result<(Document, Vec<u8>), FetchError> {
        if did.method() == "key" {
            let document = key::document(did)?;
            let bytes = document.to_json().to_string().into_bytes();
            return Ok((document, bytes));
        }
        let url =
            web::url(did).ok_or_else(|| FetchError::MethodUnsupported { method: did.method().to_owned() })?;
        let mut url = self.parse(&url)?;
        if self.is_plain(&url) {
            // A did:web is HTTPS; the plain form is this machine talking to itself.
            let _ = url.set_scheme("http");
        }
        let limit = self.options.max_bytes.min(LIMITS.bytes);
        let bytes = self.get(&url, &DOCUMENT_TYPES, limit).await?;
        let document = Document::parse(&bytes)
            .map_err(|error| FetchError::DocumentInvalid { url: url.to_string(), error })?;
        if document.id() != did {
            return Err(FetchError::IdMismatch { did: did.clone(), found: document.id().clone() });
        }
        Ok((document, bytes))
    }

    /// The status list at a URL as it is secured: a compact JWS, or a document in JSON. Its signatures and what it
    /// says are the verifier's to check.
    ///
    /// # Errors
    /// [`FetchError`].
    pub async fn status_list(&self, url: &str) -> Result<String, FetchError> {
        let url = self.parse(url)?;
        let bytes = self.get(&url, &STATUS_LIST_TYPES, self.options.max_bytes).await?;
        secured_text(bytes).ok_or_else(|| FetchError::StatusListInvalid { url: url.to_string() })
    }

    /// The bytes of a file of one of these content types, at most `limit` of them and never more than
    /// [`Options::max_bytes`](crate::Options::max_bytes). A did:web's host that is this machine is spoken with as for its document.
    ///
    /// # Errors
    /// [`FetchError`].
    pub async fn file(&self, url: &str, types: &[&str], limit: usize) -> Result<Vec<u8>, FetchError> {
        let mut url = self.parse(url)?;
        if self.is_plain(&url) {
            let _ = url.set_scheme("http");
        }
        self.get(&url, types, limit.min(self.options.max_bytes)).await
    }

    /// Judges a URL before anything is looked up.
    pub(crate) fn parse(&self, text: &str) -> Result<Url, FetchError> {
        let refused = |reason| {
            // What stands before an `@` may be a password, which no message may hold.
            let shown = text.rsplit_once('@').map_or(text, |(_, rest)| rest);
            FetchError::UrlRefused { url: shown.chars().take(200).collect(), reason }
        };
        if text.len() > MAX_URL {
            return Err(refused("it has more than 2048 bytes"));
        }
        let url = Url::parse(text).map_err(|_| refused("it is no URL; expected `https://HOST/PATH`"))?;
        match url.scheme() {
            "https" => {}
            "http" if self.is_plain(&url) => {}
            "http" => return Err(refused("it is not secure; use `https`")),
            _ => return Err(refused("only `https` is fetched")),
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(refused("it holds a user name or password; remove them"));
        }
        // An address in a URL is never looked up, so the guard would not see it.
        let literal = match url.host() {
            Some(Host::Ipv4(address)) => Some(address.into()),
            Some(Host::Ipv6(address)) => Some(address.into()),
            Some(Host::Domain(_)) => None,
            None => return Err(refused("it has no host")),
        };
        let allowed = if self.options.allow_private { Allowed::Anywhere } else { Allowed::Public };
        literal.map_or(Ok(()), |address| allowed.check_literal(address)).map_err(address_refused)?;
        Ok(url)
    }

    /// Whether a URL's host is one that plain `http` is spoken with.
    pub(crate) fn is_plain(&self, url: &Url) -> bool {
        self.options.http_on_loopback && is_local(url)
    }

    /// The client for a URL that [`parse`](Self::parse) has judged.
    pub(crate) fn client_for(&self, url: &Url) -> Result<&Client, FetchError> {
        match (url.scheme(), &self.web) {
            ("http", _) => Ok(&self.loopback),
            (_, Ok(web)) => Ok(web),
            (_, Err(reason)) => Err(FetchError::Tls { url: url.to_string(), reason: reason.clone() }),
        }
    }

    /// The client for a URL of a service that requests are passed on to.
    pub(crate) fn client_to_pass(&self, url: &Url) -> Result<&Client, FetchError> {
        if url.scheme() == "http" {
            return Ok(&self.loopback);
        }
        let made = self.passing.get_or_init(|| {
            let roots = roots(&self.options).map_err(|error| error.to_string())?;
            let client = web(&self.options, roots)
                .http2_initial_stream_window_size(STREAM_WINDOW)
                .http2_initial_connection_window_size(CONNECTION_WINDOW)
                .http2_keep_alive_interval(PING);
            client.build().map_err(no_client)
        });
        made.as_ref().map_err(|reason| FetchError::Tls { url: url.to_string(), reason: reason.clone() })
    }

    pub(crate) async fn get(&self, url: &Url, types: &[&str], limit: usize) -> Result<Vec<u8>, FetchError> {
        let request = self.client_for(url)?.get(url.clone()).header(header::ACCEPT, types.join(", "));
        let response = request.send().await.map_err(|error| self.failed(url, &error))?;
        check_head(url, &response, types)?;
        self.body(url, response, limit).await
    }

    /// The body of an answer, within a limit.
    pub(crate) async fn body(
        &self,
        url: &Url,
        mut response: Response,
        limit: usize,
    ) -> Result<Vec<u8>, FetchError> {
        let too_large = || FetchError::TooLarge { url: url.to_string(), limit };
        // What the server says of the length may only shorten this; it is counted all the same.
        let most = u64::try_from(limit).unwrap_or(u64::MAX);
        if response.content_length().is_some_and(|length| length > most) {
            return Err(too_large());
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.failed(url, &error))? {
            if chunk.len() > limit.saturating_sub(body.len()) {
                return Err(too_large());
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    pub(crate) fn failed(&self, url: &Url, error: &reqwest::Error) -> FetchError {
        let url = url.to_string();
        if let Some(refused) = find::<Refused>(error) {
            return address_refused(refused.clone());
        }
        if error.is_timeout() {
            return FetchError::Timeout { url, limit: self.options.timeout };
        }
        match find::<rustls::Error>(error) {
            Some(tls) => FetchError::Tls { url, reason: tls.to_string() },
            None => FetchError::Unreachable { url, reason: root_cause(error) },
        }
    }
}

/// Whether a URL's host is named as this very machine (RFC 6761 §6.3).
pub(crate) fn is_local(url: &Url) -> bool {
    url.domain().is_some_and(|host| host == "localhost" || host.ends_with(".localhost"))
}

/// The certificates that are trusted beside the system's.
fn roots(options: &Options) -> Result<Vec<Certificate>, SetupError> {
    let mut roots = Vec::new();
    for (index, pem) in options.extra_root_certificates.iter().enumerate() {
        let wrong = |reason: String| SetupError::Certificate { position: index + 1, reason };
        let found = Certificate::from_pem_bundle(pem).map_err(|error| wrong(root_cause(&error)))?;
        if found.is_empty() {
            return Err(wrong("it holds no certificate".to_owned()));
        }
        roots.extend(found);
    }
    Ok(roots)
}

/// A client for `https`.
fn web(options: &Options, roots: Vec<Certificate>) -> ClientBuilder {
    let allowed = if options.allow_private { Allowed::Anywhere } else { Allowed::Public };
    client(options, allowed).https_only(true).tls_certs_merge(roots)
}

fn no_client(error: reqwest::Error) -> String {
    format!("{}; install root certificates", root_cause(&error))
}

/// What all clients have in common.
fn client(options: &Options, allowed: Allowed) -> ClientBuilder {
    Client::builder()
        .user_agent(concat!("legation/", env!("CARGO_PKG_VERSION")))
        .timeout(options.timeout)
        .connect_timeout(options.connect_timeout)
        .redirect(Policy::none())
        .referer(false)
        // A proxy would look names up by itself, and connect past the guard.
        .no_proxy()
        .dns_resolver(GuardedLookup(allowed))
}

/// Judges status and headers, before the body is read.
fn check_head(url: &Url, response: &Response, types: &[&str]) -> Result<(), FetchError> {
    let url = || url.to_string();
    let status = response.status();
    if status.is_redirection() {
        return Err(FetchError::RedirectRefused { url: url(), status: status.as_u16() });
    }
    if status != StatusCode::OK {
        return Err(FetchError::HttpStatus { url: url(), status: status.as_u16() });
    }
    let text = |name| match response.headers().get(name) {
        Some(value) => value.to_str().unwrap_or("(not ASCII)").trim().to_ascii_lowercase(),
        None => String::new(),
    };
    let encoding = text(header::CONTENT_ENCODING);
    if !matches!(encoding.as_str(), "" | "identity") {
        return Err(FetchError::ContentEncoding { url: url(), found: encoding });
    }
    let found = text(header::CONTENT_TYPE);
    let essence = found.split(';').next().unwrap_or_default().trim_end();
    if !types.contains(&essence) {
        let expected = types.iter().map(|kind| format!("`{kind}`")).collect::<Vec<_>>().join(", ");
        return Err(FetchError::ContentType { url: url(), found, expected });
    }
    Ok(())
}

/// The text, where it has the shape of a compact JWS or of a JSON object. White space around it comes from editors.
fn secured_text(bytes: Vec<u8>) -> Option<String> {
    let text = String::from_utf8(bytes).ok()?;
    let is_part = |part: &str| {
        !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    };
    let inner = text.trim_ascii();
    let is_jws = inner.split('.').count() == 3 && inner.split('.').all(is_part);
    (is_jws || is_document(inner)).then(|| inner.to_owned())
}

fn address_refused(refused: Refused) -> FetchError {
    let Refused { host, address, kind } = refused;
    FetchError::AddressRefused { host, address, kind }
}

/// The first error of type `E` among an error and its causes.
fn find<'e, E: Error + 'static>(error: &'e (dyn Error + 'static)) -> Option<&'e E> {
    core::iter::successors(Some(error), |error| cause(*error)).find_map(|error| error.downcast_ref())
}

/// What the innermost error says: the outer ones repeat the URL.
fn root_cause(error: &(dyn Error + 'static)) -> String {
    core::iter::successors(Some(error), |error| cause(*error))
        .last()
        .map_or_else(String::new, ToString::to_string)
}

fn cause<'e>(error: &'e (dyn Error + 'static)) -> Option<&'e (dyn Error + 'static)> {
    // An I/O error hides the error it was made of from `source`, and shows that one's instead.
    match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        Some(inner) => Some(inner),
        None => error.source(),
    }
}
