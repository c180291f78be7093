//! Trust: the verifier's own settings. Nothing in a credential changes any of them.

use legation_credential::{Authority, CredentialError};
use legation_did::{Did, one_spelling, web};
use legation_keys::{
    Algorithm,
    json::{self, Json, JsonLimits, Object},
};
use std::collections::{BTreeMap, BTreeSet};

/// Whom and what a verifier accepts. [`Trust::new`] trusts nobody yet; every other setting has
/// a default that is safe to keep.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trust {
    /// The verifier's own identity, usually its DID: presentations and audience constraints
    /// must name it.
    pub audience: String,
    /// Who may start a chain, each with its ceiling: the most that it may confer here. A
    /// signature proves who delegates, not that it owns the resource.
    pub roots: BTreeMap<Did, Authority>,
    /// Which signature algorithms are accepted; all that are supported by default.
    pub algorithms: Vec<Algorithm>,
    /// Who may sign status lists besides a link's own issuer; nobody by default.
    pub status_issuers: BTreeSet<Did>,
    /// Seconds by which clocks may differ; 60 by default, which synchronized clocks stay far below.
    pub clock_skew: i64,
    /// Most seconds that a presentation may live; 300 by default and at most, since nonces are
    /// remembered for as long.
    pub max_presentation_age: i64,
    /// Most seconds since a DID document was fetched; 3,600 by default: a key that was taken
    /// out of its document is accepted no longer than that.
    pub max_document_age: i64,
    /// Most seconds since a status list was fetched, and since it was made; 3,600 by default:
    /// a revocation shows no later than that, and the life of a presentation after it, since a
    /// chain that holds is not asked about again.
    pub max_status_age: i64,
    /// Longest lifetime, in seconds, of a link that can't be revoked, since no `credentialStatus` of its is for revocation;
    /// 0 by default, so that every link can be.
    pub max_unrevocable: i64,
    /// Longest lifetime, in seconds, of a link without `credentialStatus` whose parent can be revoked; 0 by
    /// default, 86,400 at most. An agent can so make a child's link without asking anybody for a place in a
    /// list, and whoever revokes the agent revokes the child.
    pub max_offline_child: i64,
    /// Whether the verifier may vouch for agents itself ([`crate::parse_vouched`]); `false` by default.
    pub vouched: bool,
    /// Longest lifetime, in seconds, of an approval; 3,600 by default, 86,400 at most. A ledger remembers one that
    /// was used for as long.
    pub max_approval_age: i64,
    /// Who may tell by events that something was revoked or suspended; nobody by default. An event never permits anything:
    /// it only makes evidence be fetched anew before it is too old.
    pub signals: Vec<SignalSource>,
    /// Bounds on what is read at all.
    pub limits: Limits,
}

/// A transmitter of Security Event Tokens (SSF 1.0) that is listened to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignalSource {
    /// Its `iss`, an origin such as `https://acme.example`. It is heard on links whose issuer is a did:web of that origin,
    /// and on no others.
    pub issuer: String,
    /// The URL of its JWK set.
    pub jwks: String,
    /// The types of events that count, as URLs; those of [`SignalSource::EVENTS`] by default.
    pub events: Vec<String>,
}

impl SignalSource {
    /// The events of CAEP 1.0 by which a delegation's end, or its holder's, is told.
    pub const EVENTS: [&'static str; 3] = [
        "https://schemas.openid.net/secevent/caep/event-type/credential-change",
        "https://schemas.openid.net/secevent/caep/event-type/risk-level-change",
        "https://schemas.openid.net/secevent/caep/event-type/session-revoked",
    ];

    /// Whether a DID is the transmitter's own to speak of: a did:web of its origin. On this machine that is plain http.
    #[must_use]
    pub fn speaks_of(&self, did: &Did) -> bool {
        let Some(origin) = web::origin(did) else { return false };
        let host = origin.strip_prefix("https://").unwrap_or_default();
        let local = host == "localhost" || host.starts_with("localhost:");
        self.issuer == origin || local && self.issuer.strip_prefix("http://") == Some(host)
    }
}

/// Bounds on the input. What is larger is denied before it is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Most bytes of a presentation; 65,536 by default: 16 links of ordinary size, twice over. It bounds
    /// what anybody can make a verifier do before a signature is looked at. Documents with proofs, links or
    /// presentation, have no base64 around them and count twice.
    pub presentation_bytes: usize,
    /// Most bytes of one link as it is sent; 32,768 by default, above the header limit of every
    /// common server.
    pub link_bytes: usize,
    /// Deepest nesting of JSON; 16 by default. A delegation needs seven.
    pub json_depth: usize,
    /// Most links, and most proofs of all links that are documents; 16 by default, the depth up to which the cost
    /// is measured.
    pub chain_links: usize,
    /// Most pairs of action and resource that all links together write, those that others cover included;
    /// 1,024 by default. An ordinary link has a handful.
    pub chain_pairs: usize,
    /// Most limits of all links together; 256 by default. An ordinary link has three or four, a `spend`
    /// counting as up to three; each limit stays in force for all links below, and is looked at there.
    pub chain_constraints: usize,
    /// Most entries of a status list; 16,777,216 by default, which unpacks to two megabytes.
    pub status_entries: usize,
    /// Most bytes of evidence that is kept between verifications; 67,108,864 by default: some
    /// thirty of the largest status lists, or thousands of ordinary ones.
    pub evidence_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            presentation_bytes: 64 * 1024,
            link_bytes: 32 * 1024,
            json_depth: 16,
            chain_links: 16,
            chain_pairs: 1024,
            chain_constraints: 256,
            status_entries: 1 << 24,
            evidence_bytes: 64 << 20,
        }
    }
}

impl Trust {
    /// Trust of a verifier that is called `audience`, with no roots yet.
    ///
    /// ```
    /// use legation_credential::Authority;
    /// use legation_verifier::Trust;
    /// let mut trust = Trust::new("did:web:shop.example");
    /// let ceiling = Authority::parse(r#"{"grants": [{"actions": ["a2a:skill:book"], "resources": ["https://shop.example/*"]}]}"#)?;
    /// trust.roots.insert("did:web:acme.example".parse()?, ceiling);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn new(audience: &str) -> Self {
        Self {
            audience: one_spelling(audience).into_owned(),
            roots: BTreeMap::new(),
            algorithms: Algorithm::ALL.to_vec(),
            status_issuers: BTreeSet::new(),
            clock_skew: 60,
            max_presentation_age: 300,
            max_document_age: 3600,
            max_status_age: 3600,
            max_unrevocable: 0,
            max_offline_child: 0,
            vouched: false,
            max_approval_age: 3600,
            signals: Vec::new(),
            limits: Limits::default(),
        }
    }

    /// Reads the settings from JSON, as `schemas/trust.schema.json` describes them. `audience`
    /// and `roots` are required; a member that is not known is refused, since a misspelt setting
    /// would silently be its default.
    ///
    /// # Errors
    /// [`TrustError`].
    ///
    /// ```
    /// use legation_verifier::Trust;
    /// let trust = Trust::parse(br#"{
    ///   "audience": "did:web:shop.example",
    ///   "roots": [{"did": "did:web:acme.example", "ceiling": {
    ///     "grants": [{"actions": ["a2a:skill:book"], "resources": ["https://shop.example/*"]}]}}],
    ///   "maxStatusAge": 600
    /// }"#)?;
    /// assert_eq!(trust.max_status_age, 600);
    /// assert!(Trust::parse(br#"{"audience": "x", "roots": [], "maxStatusAgee": 600}"#).is_err());
    /// # Ok::<(), legation_verifier::trust::TrustError>(())
    /// ```
    pub fn parse(text: &[u8]) -> Result<Self, TrustError> {
        let json =
            json::parse(text, JsonLimits { bytes: 1 << 20, depth: 32 }).map_err(CredentialError::from)?;
        let object = json.as_object().ok_or_else(|| wrong("(the file)", "an object"))?;
        known(object, &[MEMBERS, &NUMBERS.map(|(name, ..)| name)].concat())?;
        let audience = object.get("audience").and_then(Json::as_str);
        let mut trust = Self::new(audience.ok_or_else(|| wrong("audience", "a text"))?);
        for root in array(object, "roots")?.ok_or_else(|| wrong("roots", "an array of objects"))? {
            let (did, ceiling) = read_root(root)?;
            // The second would silently replace the ceiling of the first.
            if trust.roots.insert(did, ceiling).is_some() {
                return Err(wrong("roots", "an array that names each DID once"));
            }
        }
        if let Some(names) = array(object, "algorithms")? {
            let read = |name: &Json<'_>| name.as_str().and_then(Algorithm::from_jose);
            let all: Option<Vec<_>> = names.iter().map(read).collect();
            trust.algorithms = all.ok_or_else(|| wrong("algorithms", "an array of `EdDSA` and `ES256`"))?;
        }
        for did in array(object, "statusIssuers")?.unwrap_or_default() {
            trust.status_issuers.insert(read_did(Some(did), "statusIssuers")?);
        }
        for (name, most, expected, field) in NUMBERS {
            if let Some(value) = object.get(name) {
                let number = value.as_integer().filter(|number| (0..=most).contains(number));
                *field(&mut trust) = number.ok_or_else(|| wrong(name, expected))?;
            }
        }
        if let Some(vouched) = object.get("vouched") {
            trust.vouched = match vouched {
                Json::Bool(vouched) => *vouched,
                _ => return Err(wrong("vouched", "`true` or `false`")),
            };
        }
        let sources = array(object, "signals")?.unwrap_or_default();
        if sources.len() > MOST_SOURCES {
            return Err(wrong("signals", "an array of at most 256"));
        }
        for source in sources {
            let source = read_source(source)?;
            // Of two it would be anybody's guess whose keys count.
            if trust.signals.iter().any(|other| other.issuer == source.issuer) {
                return Err(wrong("signals", "an array that names each issuer once"));
            }
            trust.signals.push(source);
        }
        if let Some(limits) = object.get("limits") {
            trust.limits = read_limits(limits)?;
        }
        Ok(trust)
    }
}

const MEMBERS: &[&str] =
    &["audience", "roots", "algorithms", "statusIssuers", "vouched", "signals", "limits"];

type Number = (&'static str, i64, &'static str, fn(&mut Trust) -> &mut i64);

/// The settings in seconds, each with its largest value, and what is expected in words.
const NUMBERS: [Number; 7] = [
    ("clockSkew", 600, "seconds from 0 to 600", |trust| &mut trust.clock_skew),
    ("maxPresentationAge", 300, "seconds from 0 to 300", |trust| &mut trust.max_presentation_age),
    ("maxDocumentAge", 31_536_000, "seconds from 0 to 31536000", |trust| &mut trust.max_document_age),
    ("maxStatusAge", 31_536_000, "seconds from 0 to 31536000", |trust| &mut trust.max_status_age),
    ("maxUnrevocable", 315_576_000, "seconds from 0 to 315576000", |trust| &mut trust.max_unrevocable),
    ("maxOfflineChild", 86_400, "seconds from 0 to 86400", |trust| &mut trust.max_offline_child),
    ("maxApprovalAge", 86_400, "seconds from 0 to 86400", |trust| &mut trust.max_approval_age),
];

/// Why trust settings can't be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TrustError {
    /// Not JSON, or a ceiling that is no authority.
    #[error("{0}")]
    Credential(#[from] CredentialError),
    /// A setting is missing or not what it should be.
    #[error("the setting `{name}` must be {expected}")]
    Setting {
        /// Its name.
        name: &'static str,
        /// What it should be.
        expected: &'static str,
    },
    /// A setting that does not exist.
    #[error("there is no setting `{found}`; there are {known}")]
    Unknown {
        /// What stands there.
        found: String,
        /// The settings there are.
        known: String,
    },
}

fn wrong(name: &'static str, expected: &'static str) -> TrustError {
    TrustError::Setting { name, expected }
}

fn known(object: &Object<'_>, names: &[&str]) -> Result<(), TrustError> {
    match object.unknown_member(names) {
        None => Ok(()),
        Some(found) => {
            Err(TrustError::Unknown { found: found.chars().take(80).collect(), known: names.join(", ") })
        }
    }
}

fn array<'o, 'a>(object: &'o Object<'a>, name: &'static str) -> Result<Option<&'o [Json<'a>]>, TrustError> {
    match object.get(name) {
        None => Ok(None),
        Some(value) => value.as_array().map(Some).ok_or_else(|| wrong(name, "an array")),
    }
}

fn read_did(json: Option<&Json<'_>>, name: &'static str) -> Result<Did, TrustError> {
    json.and_then(Json::as_str).and_then(|text| text.parse().ok()).ok_or_else(|| wrong(name, "a DID"))
}

/// A root and its ceiling. `"ceiling": "everything"` must be written out: leaving the ceiling
/// away would confer the most by saying the least.
fn read_root(json: &Json<'_>) -> Result<(Did, Authority), TrustError> {
    let object = json.as_object().ok_or_else(|| wrong("roots", "an array of objects"))?;
    known(object, &["did", "ceiling"])?;
    let ceiling = match object.get("ceiling") {
        Some(Json::String(text)) if text == "everything" => Authority::everything(),
        Some(Json::Object(ceiling)) => {
            known(ceiling, &["grants", "constraints"])?;
            Authority::from_members(ceiling)?
        }
        _ => return Err(wrong("ceiling", "an object with `grants` and `constraints`, or `everything`")),
    };
    Ok((read_did(object.get("did"), "did")?, ceiling))
}

/// Most sources of signals, and most types of events of one.
const MOST_SOURCES: usize = 256;

/// A URL of `https`, or of plain `http` on this machine.
fn is_secure(url: &str) -> bool {
    let rest = url.strip_prefix("https://").or_else(|| {
        let rest = url.strip_prefix("http://localhost")?;
        rest.starts_with([':', '/']).then_some(rest)
    });
    rest.is_some_and(|rest| !rest.is_empty())
        && url.len() <= 2048
        && url.bytes().all(|byte| byte.is_ascii_graphic())
}

/// An origin of `https`, or of plain `http` on this machine.
fn is_origin(url: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte);
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let secure = url.strip_prefix("https://").is_some_and(|rest| !rest.is_empty() && rest.bytes().all(fits));
    let local = url.strip_prefix("http://localhost");
    url.len() <= 2048
        && (secure || local.is_some_and(|rest| rest.is_empty() || rest.strip_prefix(':').is_some_and(digits)))
}

fn read_source(json: &Json<'_>) -> Result<SignalSource, TrustError> {
    const EXPECTED: &str = "an array of objects with `issuer`, `jwks` and, where not all count, `events`";
    let object = json.as_object().ok_or_else(|| wrong("signals", EXPECTED))?;
    known(object, &["issuer", "jwks", "events"])?;
    let url = |name: &'static str| {
        let found = object.get(name).and_then(Json::as_str).filter(|url| is_secure(url));
        found.map(str::to_owned).ok_or_else(|| wrong(name, "a URL that begins with `https://`"))
    };
    let issuer = object.get("issuer").and_then(Json::as_str).filter(|issuer| is_origin(issuer));
    let issuer =
        issuer.ok_or_else(|| wrong("issuer", "an origin, such as `https://acme.example`, without a path"))?;
    let (issuer, jwks) = (issuer.to_owned(), url("jwks")?);
    let Some(events) = array(object, "events")? else {
        let events = SignalSource::EVENTS.map(str::to_owned).to_vec();
        return Ok(SignalSource { issuer, jwks, events });
    };
    let read = |event: &Json<'_>| event.as_str().filter(|event| is_secure(event)).map(str::to_owned);
    let events: Option<Vec<String>> = events.iter().map(read).collect();
    let events = events.filter(|events| (1..=MOST_SOURCES).contains(&events.len()));
    let events = events.ok_or_else(|| wrong("events", "an array of URLs, one at least"))?;
    Ok(SignalSource { issuer, jwks, events })
}

type Limit = (&'static str, u64, &'static str, fn(&mut Limits) -> &mut usize);

/// The limits, each with its largest value, and what is expected in words. The values are no `usize`: where
/// that has 32 bits, what does not fit into it is refused when it is read, and this compiles.
const LIMITS: [Limit; 8] = [
    ("presentationBytes", 16 << 20, "a number from 1 to 16777216", |limits| &mut limits.presentation_bytes),
    ("linkBytes", 64 * 1024, "a number from 1 to 65536", |limits| &mut limits.link_bytes),
    ("jsonDepth", 64, "a number from 1 to 64", |limits| &mut limits.json_depth),
    ("chainLinks", 64, "a number from 1 to 64", |limits| &mut limits.chain_links),
    ("chainPairs", 16_384, "a number from 1 to 16384", |limits| &mut limits.chain_pairs),
    ("chainConstraints", 8192, "a number from 1 to 8192", |limits| &mut limits.chain_constraints),
    ("statusEntries", 1 << 28, "a number from 1 to 268435456", |limits| &mut limits.status_entries),
    ("evidenceBytes", 1_u64 << 36, "a number from 1 to 68719476736", |limits| &mut limits.evidence_bytes),
];

fn read_limits(json: &Json<'_>) -> Result<Limits, TrustError> {
    let object = json.as_object().ok_or_else(|| wrong("limits", "an object"))?;
    known(object, &LIMITS.map(|(name, ..)| name))?;
    let mut limits = Limits::default();
    for (name, most, expected, field) in LIMITS {
        if let Some(value) = object.get(name) {
            let number = value.as_integer().and_then(|number| u64::try_from(number).ok());
            let number = number.filter(|number| (1..=most).contains(number));
            let number = number.ok_or_else(|| wrong(name, expected))?;
            // Where 32 bits are all there is, more than they hold is as good as all.
            *field(&mut limits) = usize::try_from(number).unwrap_or(usize::MAX);
        }
    }
    Ok(limits)
}
