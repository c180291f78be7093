//! A host that runs, asked by an admin who signs.

use super::{
    data_dir::DataDir,
    place::{failed, text},
};
use crate::{
    args::{KeyArgs, PlaceArgs},
    files, network,
    output::Failure,
};
use legation_credential::Delegation;
use legation_did::Did;
use legation_host::{api::ApiError, several::ORGANIZATION};
use legation_http_signature::{AgentDelegation, CompactChain, Message, Signing, join, sign};
use legation_keys::{SecretKey, base64url, secret::random};
use legation_registry::names;
use legation_resolver::{
    Call, Fetcher, Options,
    call::{
        Method,
        header::{CONTENT_TYPE, HeaderMap, HeaderValue},
    },
};
use serde_json::Value;
use std::{
    path::{Path, PathBuf},
    time::Duration,
};

/// For how long a request is good, seconds.
const LIFETIME: i64 = 60;
/// For how long an answer is waited for.
const TIMEOUT: Duration = Duration::from_secs(30);
/// Most bytes of an answer: a thousand of the largest items.
const MOST: usize = 32 << 20;

/// Such a host, and who asks it.
pub(crate) struct Host {
    reached: Reached,
    /// The organization's own origin, for which requests are signed.
    origin: String,
    chain: CompactChain,
    key: SecretKey,
}

/// Where a host is reached, and which organization is meant there, where that is known.
pub(crate) struct Reached {
    url: String,
    organization: Option<Did>,
    fetcher: Fetcher,
}

impl Host {
    /// A host at a URL, with the key and the delegation that arguments name.
    pub(crate) fn new(url: &str, args: &PlaceArgs) -> Result<Self, Failure> {
        let folder = DataDir::of(&args.data);
        let named = |given: &Option<PathBuf>, usual: &str| match given {
            Some(path) => Ok(path.clone()),
            None => Ok(folder.own()?.join(usual)),
        };
        let key = named(&args.key, "admin.key")?;
        let key = files::load_key(&KeyArgs { key, passphrase_file: args.passphrase_file.clone() })?;
        let file = named(&args.delegation, "admin.jwt")?;
        let (chain, organization) = read_chain(&file)?;
        if let Some(named) = folder.named()?.filter(|named| *named != organization) {
            let message =
                format!("`{}` is a delegation of {organization}, and not of {named}", file.display());
            return Err(Failure::usage(message));
        }
        let reached = Reached::at(url, Some(&organization))?;
        let origin = names::origin(&organization);
        Ok(Self { reached, origin, chain, key })
    }

    /// Asks an end point.
    pub(crate) fn ask(&self, method: &str, target: &str, body: &[u8]) -> Result<Value, Failure> {
        self.reached.ask(method, target, self.signed(method, target, body)?, body)
    }

    /// The headers of a request, which is signed for the organization's own origin, wherever it is sent.
    fn signed(&self, method: &str, target: &str, body: &[u8]) -> Result<HeaderMap, Failure> {
        let mut headers = HeaderMap::new();
        headers.insert("agent-delegation", AgentDelegation::Chain(self.chain.clone()).to_header());
        let target_uri = format!("{}{target}", self.origin);
        let nonce = random::<18>().map_err(|error| Failure::network("random", error.to_string()))?;
        let (nonce, created) = (base64url::encode(&nonce), files::now());
        let occasion =
            Signing { created, expires: created.saturating_add(LIFETIME), nonce: &nonce, agent: None };
        let message = Message { method, target_uri: &target_uri, headers: &headers, body };
        let signed = sign(&message, occasion, &self.key)
            .map_err(|error| Failure::usage(format!("the request can't be signed: {error}")))?;
        signed.apply(&mut headers);
        if !body.is_empty() {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        Ok(headers)
    }
}

impl Reached {
    /// A host at a URL.
    pub(crate) fn at(url: &str, organization: Option<&Did>) -> Result<Self, Failure> {
        let url = reached_at(url)?;
        let options = Options {
            timeout: TIMEOUT,
            max_bytes: MOST,
            // Whoever asks has named it.
            allow_private: true,
            http_on_loopback: true,
            ..Options::default()
        };
        let fetcher = Fetcher::new(options).map_err(|error| Failure::file(error.to_string()))?;
        Ok(Self { url, organization: organization.cloned(), fetcher })
    }

    /// Asks for what nobody has to sign.
    pub(crate) fn ask_openly(&self, method: &str, target: &str, body: &Value) -> Result<Value, Failure> {
        let mut headers = HeaderMap::new();
        let body = if body.is_null() { String::new() } else { body.to_string() };
        if !body.is_empty() {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        self.ask(method, target, headers, body.as_bytes())
    }

    /// Asks an end point.
    fn ask(&self, method: &str, target: &str, mut headers: HeaderMap, body: &[u8]) -> Result<Value, Failure> {
        let named = self.organization.as_ref().and_then(|did| HeaderValue::from_str(did.as_str()).ok());
        // A host of one alone does not look at it.
        named.map(|named| headers.insert(ORGANIZATION, named));
        let url = format!("{}{target}", self.url);
        let verb = Method::from_bytes(method.as_bytes())
            .map_err(|_| Failure::usage(format!("`{method}` is no method")))?;
        let call = Call { method: verb, url: &url, headers, body: body.to_vec() };
        let reply = network::wait("asking the host", self.fetcher.call(call))?
            .map_err(|error| Failure::network(error.code(), error.to_string()))?;
        let unknown = || {
            let message = format!("`{}` answers nothing that is known; is it the admin address?", self.url);
            Failure::network("host_unknown", message)
        };
        let json: Value = serde_json::from_slice(&reply.body).map_err(|_| unknown())?;
        if reply.status < 300 {
            return Ok(json);
        }
        // Problem details; whoever answers otherwise is somebody else.
        match (text(&json, "code"), text(&json, "detail")) {
            ("", _) | (_, "") => Err(unknown()),
            (code, message) => {
                let (code, message) = (code.to_owned(), message.to_owned());
                Err(failed(&ApiError { status: reply.status, code, message, retry_after: None, rule: None }))
            }
        }
    }
}

/// A URL without its last slash. What listens on this machine is told by its name, for which plain http will do.
pub(crate) fn reached_at(url: &str) -> Result<String, Failure> {
    let url = url.trim_end_matches('/');
    let origin =
        legation_registry::route::origin_of(url).map_err(|error| Failure::usage(error.to_string()))?;
    if origin != url {
        return Err(Failure::usage(format!("`{url}` has a path; give the address alone, `{origin}`")));
    }
    Ok(origin.replacen("http://127.0.0.1", "http://localhost", 1))
}

/// The URL of an organization's gateway, by that of the host where it is: below the organization's name, where it has one below a
/// domain.
pub(crate) fn gateway_at(url: &str, organization: &Did) -> Result<String, Failure> {
    let url = url.trim_end_matches('/');
    let path = names::path(organization).filter(|_| organization.method() == "web");
    let Some(path) = path else { return reached_at(url) };
    let path = format!("/{}", path.replace(':', "/"));
    Ok(format!("{}{path}", reached_at(url.strip_suffix(&path).unwrap_or(url))?))
}

/// The chain of a file, root first, and the organization with which it begins.
fn read_chain(file: &Path) -> Result<(CompactChain, Did), Failure> {
    let text = files::read_text(file)?;
    let wrong = |reason: String| {
        Failure::file(format!("`{}` is no delegation of an admin: {reason}", file.display()))
    };
    let separated = |one: char| one == '~' || one.is_ascii_whitespace();
    let links: Vec<&str> = text.split(separated).filter(|link| !link.is_empty()).collect();
    let root = links.first().copied().unwrap_or_default();
    let root = Delegation::read_unverified(root).map_err(|error| wrong(error.to_string()))?;
    let chain = join(&links).map_err(|error| wrong(error.to_string()))?;
    Ok((chain, root.issuer))
}
