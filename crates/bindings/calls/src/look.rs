//! What is shown to a verifier, while it is looked at.

use crate::{Failure, input::Asked};
use http::{HeaderMap, HeaderName, HeaderValue};
use legation_credential::Request;
use legation_http_signature::{AgentDelegation, Message, read, read_approvals};
use legation_keys::json::{self, Json};
use legation_verifier::{Code, Denial, Evidence, Need, Presentation, VerifiedChain, Verifier, Vouched};
use sha2::{Digest, Sha256};

/// What is shown.
#[derive(Clone, Copy, Debug)]
pub enum Shown<'s> {
    /// A presentation, and the nonce that it has to answer.
    Presentation {
        /// A `vp+jwt`, or a document.
        bytes: &'s [u8],
        /// The verifier's own challenge.
        nonce: &'s str,
    },
    /// A request that its agent has signed.
    Request {
        /// The method as it was sent.
        method: &'s str,
        /// The whole URL, scheme and authority from the service's own settings.
        url: &'s str,
        /// Names and values.
        headers: &'s [(String, String)],
        /// The body.
        body: &'s [u8],
    },
    /// A chain in compact form, for whose agent the verifier itself vouches.
    Vouched {
        /// The chain, its links joined by `~`.
        chain: &'s str,
        /// The agent.
        agent: &'s str,
        /// By what the verifier knows it; never a secret.
        known_by: &'s str,
    },
}

/// What was shown, while evidence for it is brought.
#[derive(Debug)]
pub struct Look {
    pub(crate) presentation: Result<Presentation, Denial>,
    /// What a receipt names by its SHA-256.
    pub(crate) record: Vec<u8>,
    pub(crate) nonce: String,
    /// What is asked for, where something is.
    pub(crate) request: Option<Result<Request, Denial>>,
    pub(crate) approvals: Vec<String>,
    /// The part of the verifier's evidence that it names, and what was brought since.
    pub(crate) evidence: Evidence,
    pub(crate) brought: Vec<Need>,
    /// How much of that the verifier has taken over.
    pub(crate) shared: usize,
    pub(crate) chain: Option<VerifiedChain>,
    pub(crate) status_entries: usize,
    /// The receipt's bytes, once it was decided: what is permitted is committed once.
    pub(crate) decided: Option<Vec<u8>>,
}

impl Look {
    pub(crate) fn begin(
        shown: Shown<'_>,
        asked: Option<&str>,
        verifier: &Verifier,
        evidence: &Evidence,
        now: i64,
    ) -> Result<Self, Failure> {
        let asked = asked.map(Asked::read).transpose()?;
        let (request, approvals) =
            asked.map_or((None, Vec::new()), |asked| (Some(asked.request), asked.approvals));
        let mut look = Self {
            presentation: Err(Denial::new(Code::Malformed, "something that is shown", "nothing")),
            record: Vec::new(),
            nonce: String::new(),
            request,
            approvals,
            evidence: Evidence::new(),
            brought: Vec::new(),
            shared: 0,
            chain: None,
            status_entries: verifier.trust().limits.status_entries,
            decided: None,
        };
        look.read(shown, verifier, now)?;
        if let Ok(presentation) = &look.presentation {
            look.evidence = evidence.excerpt(presentation);
        }
        Ok(look)
    }

    fn read(&mut self, shown: Shown<'_>, verifier: &Verifier, now: i64) -> Result<(), Failure> {
        match shown {
            Shown::Presentation { bytes, nonce } => {
                self.record = bytes.to_vec();
                nonce.clone_into(&mut self.nonce);
                self.presentation = verifier.parse(bytes);
            }
            Shown::Vouched { chain, agent, known_by } => {
                self.record = chain.as_bytes().to_vec();
                let agent = crate::input::did("agent", agent)?;
                self.presentation =
                    verifier.parse_vouched(chain, Vouched { agent: &agent, known_by, at: now });
            }
            Shown::Request { method, url, headers, body } => {
                let headers = header_map(headers)?;
                if matches!(AgentDelegation::parse(&headers), Ok(AgentDelegation::Digest(_))) {
                    let message = "no delegations are kept here; send them themselves in `Agent-Delegation`";
                    return Err(Failure::new("chain_unknown", message));
                }
                if let Some(name) = repeated(&headers) {
                    return Err(Failure::new(
                        "header_repeated",
                        format!("`{name}` is there more than once; send it once"),
                    ));
                }
                self.presentation =
                    self.read_request(Message { method, target_uri: url, headers: &headers, body }, verifier);
            }
        }
        Ok(())
    }

    fn read_request(&mut self, message: Message<'_>, verifier: &Verifier) -> Result<Presentation, Denial> {
        // That only their digest came was told by `look` already.
        let AgentDelegation::Chain(chain) = AgentDelegation::parse(message.headers)? else {
            return Err(Denial::new(Code::Malformed, "delegations", "their digest"));
        };
        let proof = read(&message)?;
        self.record = proof.record(chain.as_str()).into_bytes();
        let presentation = verifier.parse_request(chain.as_str(), proof)?;
        presentation.nonce().clone_into(&mut self.nonce);
        self.approvals.extend(read_approvals(message.headers)?.into_iter().map(str::to_owned));
        if !message.body.is_empty()
            && let Some(Ok(request)) = self.request.take_if(|request| request.is_ok())
        {
            self.request = Some(Ok(request.with_body(Sha256::digest(message.body).into())));
        }
        Ok(presentation)
    }

    /// Brings a DID document, as it was fetched at `at` (Unix seconds).
    ///
    /// # Errors
    /// Where `did` is none. A document that can't be read is kept as the reason of a denial.
    pub fn add_document(&mut self, did: &str, bytes: &[u8], at: i64) -> Result<(), Failure> {
        let did = crate::input::did("did", did)?;
        let _ = self.evidence.add_document(&did, bytes, at);
        self.brought.push(Need::Document(did));
        Ok(())
    }

    /// Brings a status list, as it was fetched at `at` (Unix seconds).
    pub fn add_status_list(&mut self, url: &str, text: &str, at: i64) {
        self.evidence.add_status_list(url, text, at, self.status_entries);
        self.brought.push(Need::StatusList(url.to_owned()));
    }

    /// Says that a document (by its DID) or a status list (by its URL) could not be fetched at `at` (Unix seconds), and why.
    pub fn add_failure(&mut self, what: &str, reason: &str, at: i64) {
        let need = match what.parse() {
            Ok(did) => Need::Document(did),
            Err(_) => Need::StatusList(what.to_owned()),
        };
        self.evidence.add_failure(&need, reason, at);
        self.brought.push(need);
    }
}

/// Most headers of a request.
const MAX_HEADERS: usize = 256;

/// A header that there may be one of (RFC 9112 §3.2, RFC 9110 §8.3 and §11.6.2) and that is there more than once: what stands in
/// front of a service may have judged the other one.
fn repeated(headers: &HeaderMap) -> Option<&'static str> {
    ["host", "content-type", "authorization"]
        .into_iter()
        .find(|name| headers.get_all(*name).iter().nth(1).is_some())
}

/// Headers as a JSON array of pairs of texts.
///
/// # Errors
/// Where it is something else.
pub fn headers(text: &str) -> Result<Vec<(String, String)>, Failure> {
    let wrong = || Failure::input("headers", "a list of pairs of texts, of names and values");
    let json = json::parse(text.as_bytes(), crate::input::LIMITS).map_err(|_| wrong())?;
    let pair = |one: &Json<'_>| match one.as_array()? {
        [Json::String(name), Json::String(value)] => Some((name.to_string(), value.to_string())),
        _ => None,
    };
    json.as_array().ok_or_else(wrong)?.iter().map(|one| pair(one).ok_or_else(wrong)).collect()
}

/// The headers as one map.
pub(crate) fn header_map(headers: &[(String, String)]) -> Result<HeaderMap, Failure> {
    if headers.len() > MAX_HEADERS {
        return Err(Failure::input("headers", "at most 256 headers"));
    }
    let mut map = HeaderMap::with_capacity(headers.len());
    for (name, value) in headers {
        let shown: String = name.chars().take(80).collect();
        let wrong = || Failure::new("input", format!("`{shown}` is no header that can be sent"));
        let key = HeaderName::from_bytes(name.as_bytes()).map_err(|_| wrong())?;
        // A server gives the bytes of a header as Latin-1.
        let bytes: Result<Vec<u8>, _> = value.chars().map(u8::try_from).collect();
        let value = bytes.ok().and_then(|bytes| HeaderValue::from_bytes(&bytes).ok());
        map.append(key, value.ok_or_else(wrong)?);
    }
    Ok(map)
}
