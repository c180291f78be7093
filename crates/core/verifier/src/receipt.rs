//! Receipts: what was decided, why, and on which evidence.
//!
//! The verifier yields bytes; whoever holds a key signs them ([`sign`]); anybody checks them
//! again with the signer's DID document ([`verify`]), months later and without us. A receipt
//! names the presentation and the evidence by their SHA-256, so that whoever kept them can also
//! repeat the decision.

use crate::{
    Denial, LinkDebit, Trust, VerifiedChain, approval::ApprovalUse, evidence::Used, ledger::Committed,
};
use legation_credential::{
    CredentialError, Measure, Request,
    amount::MICROS,
    delegation::check_types,
    error::{malformed, text},
};
use legation_did::{Did, Document, KeyLookupError, KeyUse, Purpose};
use legation_keys::{
    Algorithm, Signer, base64url,
    json::{self, Json, JsonLimits},
    jws,
    secret::SignError,
    time::{self, Round},
};
use serde_json::json;
use sha2::{Digest, Sha256};
use std::{
    borrow::Cow,
    sync::{Arc, OnceLock},
};

mod shared;

pub use shared::{Common, Settlement, Text, join, of_settlement};

/// The `typ` of a signed receipt.
pub const MEDIA_TYPE: &str = "legation-receipt+jwt";
/// The `type` of a receipt.
pub const TYPE: &str = "LegationReceipt";
/// The facts of the largest request take 6.5 megabytes of JSON, the longest chain that limits allow
/// and its debits some ten: whoever asks must not be able to make a receipt that can't be read.
const LIMITS: JsonLimits = JsonLimits { bytes: 32 << 20, depth: 32 };

/// What a receipt is about, as far as it is known: a denial of bytes that could not be read
/// knows neither chain nor request.
#[derive(Clone, Copy, Debug, Default)]
pub struct Subject<'a> {
    /// The presentation as it arrived.
    pub presented: &'a [u8],
    /// The chain, where it verified.
    pub chain: Option<&'a VerifiedChain>,
    /// The request, where there was one.
    pub request: Option<&'a Request>,
    /// The transcript of the handshake that it belongs to, where it does; of a chain that verified,
    /// the chain's own stands.
    pub transcript: Option<&'a str>,
}

/// The receipt of a denial at `now` (Unix seconds): JSON bytes to sign. Of a chain that has not verified it
/// says nothing that only the trust knows ([`Denial::without_trust`]): a receipt is handed to who was denied.
#[must_use]
pub fn of_denial(denial: &Denial, subject: Subject<'_>, trust: &Trust, now: i64) -> Vec<u8> {
    denial_of(denial, (subject, None), None, trust, now)
}

/// The same of an agent that is known otherwise than by a chain that verified: by a key that stands for it.
#[must_use]
pub fn of_denial_known(denial: &Denial, known: (Subject<'_>, &Did), trust: &Trust, now: i64) -> Vec<u8> {
    of_denial_under(denial, known, None, trust, now)
}

/// The same, where policies were asked beside the chain: `policy` is what there is to say of them, a JSON object.
#[must_use]
pub fn of_denial_under(
    denial: &Denial,
    (subject, agent): (Subject<'_>, &Did),
    policy: Option<&str>,
    trust: &Trust,
    now: i64,
) -> Vec<u8> {
    denial_of(denial, (subject, Some(agent)), policy, trust, now)
}

fn denial_of(
    denial: &Denial,
    (subject, agent): (Subject<'_>, Option<&Did>),
    policy: Option<&str>,
    trust: &Trust,
    now: i64,
) -> Vec<u8> {
    let denial = &denial.clone().without_trust();
    let digest = Sha256::digest(subject.presented.trim_ascii());
    let fixed = subject.chain.map(Fixed::of);
    let mut receipt = base("deny", fixed.as_ref(), subject.request, trust, now);
    receipt.push(("presentation", plain(&base64url::encode(&digest))));
    if let (None, Some(agent)) = (subject.chain, agent) {
        receipt.push(("agent", quoted(agent.as_str())));
    }
    if let (None, Some(transcript)) = (subject.chain, subject.transcript) {
        receipt.push(("transcript", quoted(transcript)));
    }
    receipt.extend(policy.map(|policy| ("policy", Cow::Borrowed(policy))));
    receipt.extend(of_rule(denial));
    object(receipt).into_bytes()
}

/// Which rule is broken.
fn of_rule(denial: &Denial) -> Members<'_> {
    vec![
        ("code", quoted(denial.code.as_str())),
        ("link", number(denial.link)),
        ("expected", quoted(&denial.expected)),
        ("found", quoted(&denial.found)),
    ]
}

/// The receipt of a permit that was committed: JSON bytes to sign.
#[must_use]
pub fn of_permit(committed: &Committed, chain: &VerifiedChain, trust: &Trust) -> Vec<u8> {
    permit(committed, chain, &Fixed::of(chain), None, trust)
}

/// The same, by what was written of the chain before: most of each receipt of a chain is the same.
#[must_use]
pub fn of_permit_told(committed: &Committed, told: &Told, trust: &Trust) -> Text {
    of_permit_under(committed, told, None, trust)
}

/// The same, where policies were asked beside the chain: `policy` is what there is to say of them, a JSON object.
#[must_use]
pub fn of_permit_under(committed: &Committed, told: &Told, policy: Option<&str>, trust: &Trust) -> Text {
    // What was signed or approved, or passed in shadow, is told of one request only.
    if committed.nonce.is_some() || !committed.approvals.is_empty() || committed.shadow.is_some() {
        return Text::whole(permit(committed, &told.chain, &told.fixed, policy, trust));
    }
    let kept = || shared::Kept::of(committed, &told.fixed, policy.is_some(), trust);
    let own = shared::own(committed, policy);
    let known = told.kept.get_or_init(kept);
    if known.fits(committed, policy.is_some(), trust) {
        return Text::shared(known.common(), &own);
    }
    Text::shared(kept().common(), &own)
}

fn permit(
    committed: &Committed,
    chain: &VerifiedChain,
    fixed: &Fixed,
    policy: Option<&str>,
    trust: &Trust,
) -> Vec<u8> {
    let request = Some(&committed.request);
    let mut receipt = base("permit", Some(fixed), request, trust, committed.at);
    receipt.push(("presentation", fixed.presentation.as_str().into()));
    receipt.extend(policy.map(|policy| ("policy", Cow::Borrowed(policy))));
    let debits: Vec<String> = committed.debits.iter().map(debit).collect();
    let mut consumed = vec![("debits", format!("[{}]", debits.join(",")).into())];
    if let Some(nonce) = &committed.nonce {
        consumed.push(("nonce", quoted(&nonce.nonce)));
    }
    if !committed.approvals.is_empty() {
        let approval = |one: &ApprovalUse| json!({"approver": one.approver.as_str(), "digest": base64url::encode(&one.digest)});
        let approvals: serde_json::Value = committed.approvals.iter().map(approval).collect();
        consumed.push(("approvals", approvals.to_string().into()));
        // Of whoever approved and stands in the chain, too, it is there already.
        let more = committed.approved_by.iter().filter(|used| !chain.used.contains(used));
        let evidence: serde_json::Value = chain.used.iter().chain(more).map(Used::to_json).collect();
        receipt.retain(|(name, _)| *name != "evidence");
        receipt.push(("evidence", evidence.to_string().into()));
    }
    receipt.push(("consumed", object(consumed).into()));
    if let Some(denial) = &committed.shadow {
        receipt.push(("shadow", "true".into()));
        receipt.extend(of_rule(denial));
    }
    object(receipt).into_bytes()
}

fn debit(debit: &LinkDebit) -> String {
    let (before, after) = around_amount(debit);
    format!("{before}{}{after}", amount(debit))
}

/// What a debit took, as a member. A limit says whole minor units, and so does an amount that is not said in
/// millionths: no number of a receipt is beyond what every reader of JSON agrees on.
fn amount(debit: &LinkDebit) -> String {
    let unit = unit(debit);
    if debit.amount % unit == 0 {
        format!("\"amount\":{}", debit.amount / unit)
    } else {
        format!("\"amountMicros\":{}", debit.amount)
    }
}

fn unit(debit: &LinkDebit) -> i64 {
    if debit.measure == Measure::Money { MICROS } else { 1 }
}

/// A debit as JSON before and after what it took.
fn around_amount(debit: &LinkDebit) -> (String, String) {
    let before = format!("{{\"account\":\"{}\",", base64url::encode(&debit.account));
    let (limit, link, most) = (quoted(&debit.limit), number(debit.link), debit.most / unit(debit));
    (before, format!(",\"limit\":{limit},\"link\":{link},\"most\":{most}}}"))
}

/// The receipt of a chain that holds, where nothing was asked for but who is there: the decision is
/// `valid`, nothing is authorized and nothing consumed. A handshake ends with one.
#[must_use]
pub fn of_chain(chain: &VerifiedChain, trust: &Trust, now: i64) -> Vec<u8> {
    let fixed = Fixed::of(chain);
    let mut receipt = base("valid", Some(&fixed), None, trust, now);
    receipt.push(("presentation", fixed.presentation.as_str().into()));
    object(receipt).into_bytes()
}

/// Signs a receipt's bytes. `key_id` is one of the signer's `assertionMethod` keys.
///
/// # Errors
/// [`SignError`].
pub fn sign(receipt: &[u8], key_id: &str, signer: &dyn Signer) -> Result<String, SignError> {
    jws::sign(MEDIA_TYPE, key_id, receipt, signer)
}

/// Checks a signed receipt by its signer's DID document and gives what it says. The key is
/// judged as of the receipt's own time: a key that has ended since does not undo what it signed, as
/// long as the document still lists it, and one that ended before then signs nothing.
///
/// The receipt's time is its signer's word. Whoever stole a key can date receipts back to before
/// it was revoked: of a key that has been revoked since, believe only receipts that you can show
/// to have existed before, as a log does.
///
/// # Errors
/// [`ReceiptError`].
pub fn verify(secured: &str, signer: &Document) -> Result<serde_json::Value, ReceiptError> {
    verify_as(secured, signer, MEDIA_TYPE, check_decision)
}

/// Checks what a verifier signed as of its own time: a receipt, or a batch of them.
pub(crate) fn verify_as(
    secured: &str,
    signer: &Document,
    media_type: &'static str,
    check: impl FnOnce(&Json<'_>) -> Result<(), CredentialError>,
) -> Result<serde_json::Value, ReceiptError> {
    let parts = jws::split(secured.trim()).map_err(CredentialError::from)?;
    let header =
        jws::read_header(parts.header, media_type, &Algorithm::ALL, LIMITS).map_err(CredentialError::from)?;
    let algorithm = header.algorithm;
    let key_id = header.required_key_id().map_err(CredentialError::from)?;
    let payload =
        base64url::decode(parts.payload).map_err(jws::JwsError::from).map_err(CredentialError::from)?;
    let receipt = json::parse(&payload, LIMITS).map_err(CredentialError::from)?;
    check(&receipt)?;
    check_signer(&receipt, signer.id())?;
    let now = receipt.get("at").and_then(|at| at.as_str()).and_then(|at| time::parse(at, Round::Down));
    let now = now.ok_or(ReceiptError::NoTime)?;
    let wanted = KeyUse { id: &key_id, algorithm, purpose: Purpose::AssertionMethod, now };
    let key = signer.key(wanted)?;
    let signature = jws::read_signature(parts.signature).map_err(CredentialError::from)?;
    key.verify(parts.signing_input.as_bytes(), &signature).map_err(|_| ReceiptError::Signature)?;
    serde_json::from_slice(&payload).map_err(|_| ReceiptError::NoTime)
}

/// A receipt is of a permit, a valid chain, a peer that was met, a denial, or what a permit really cost; anything else that the key signed is none.
fn check_decision(receipt: &Json<'_>) -> Result<(), CredentialError> {
    let object = receipt.as_object().ok_or_else(|| malformed("the payload", "an object", receipt))?;
    check_types(object, &[TYPE])?;
    match text(object, "decision")? {
        "permit" | "valid" | "met" | "deny" | "settle" => Ok(()),
        other => {
            let expected = "`permit`, `valid`, `met`, `deny` or `settle`";
            Err(malformed("decision", expected, &Json::String(other.into())))
        }
    }
}

/// Where the verifier is called by a DID, that one signs: nobody makes receipts for another.
fn check_signer(receipt: &Json<'_>, signer: &Did) -> Result<(), ReceiptError> {
    let verifier = receipt.get("verifier").and_then(Json::as_str).unwrap_or_default();
    match verifier.parse::<Did>() {
        Ok(verifier) if verifier != *signer => {
            Err(ReceiptError::Signer { expected: verifier, found: signer.clone() })
        }
        _ => Ok(()),
    }
}

/// Why a receipt does not hold.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ReceiptError {
    /// Not a signed receipt.
    #[error("{0}")]
    Format(#[from] CredentialError),
    /// It does not say when it was made.
    #[error("the receipt has no time `at`")]
    NoTime,
    /// It is the receipt of another verifier.
    #[error("the receipt is one of `{expected}`, so `{found}` can't sign it")]
    Signer {
        /// The verifier that it names.
        expected: Did,
        /// Whose document was given.
        found: Did,
    },
    /// The signer's document has no key for it.
    #[error("{0}")]
    Key(#[from] KeyLookupError),
    /// The signature does not fit: the receipt was changed, or somebody else signed it.
    #[error("the signature does not fit; the receipt was changed, or somebody else signed it")]
    Signature,
    /// A batch is of other receipts, or follows another batch.
    #[error(
        "they are not what was signed: a receipt was changed, added, left out or moved, or a batch before them was"
    )]
    Batch,
}

impl ReceiptError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Format(error) => error.code(),
            Self::NoTime => "malformed",
            Self::Signer { .. } => "issuer_mismatch",
            Self::Key(KeyLookupError::Revoked { .. }) => "key_revoked",
            Self::Key(KeyLookupError::Purpose { .. }) => "key_purpose_mismatch",
            Self::Key(KeyLookupError::NotFound { .. }) => "key_not_found",
            Self::Key(_) => "algorithm_key_mismatch",
            Self::Signature => "signature_invalid",
            Self::Batch => "receipts_changed",
        }
    }
}

/// Members of an object with their values as JSON.
type Members<'a> = Vec<(&'static str, Cow<'a, str>)>;

fn base<'a>(
    decision: &'static str,
    chain: Option<&'a Fixed>,
    request: Option<&Request>,
    trust: &Trust,
    now: i64,
) -> Members<'a> {
    let mut receipt = vec![
        ("type", plain(TYPE)),
        ("decision", plain(decision)),
        ("at", plain(&time::format(now))),
        ("verifier", quoted(&trust.audience)),
    ];
    if let Some(chain) = chain {
        receipt.extend(chain.members.iter().map(|(name, value)| (*name, Cow::Borrowed(value.as_str()))));
    }
    if let Some(request) = request {
        receipt.push(("request", self::request(request).into()));
    }
    receipt
}

fn request(request: &Request) -> String {
    let mut facts = String::new();
    for (name, value) in request.facts() {
        let comma = if facts.is_empty() { "" } else { "," };
        facts.extend([comma, &quoted(name), ":", &value.to_json().to_string()]);
    }
    object(vec![
        ("action", quoted(request.action())),
        ("facts", format!("{{{facts}}}").into()),
        ("resource", quoted(request.resource())),
    ])
}

/// A chain with what every receipt of it says, written once.
#[derive(Debug)]
pub struct Told {
    chain: Arc<VerifiedChain>,
    fixed: Fixed,
    kept: OnceLock<shared::Kept>,
    settles: OnceLock<(String, Arc<Common>)>,
}

impl Told {
    /// Writes it.
    #[must_use]
    pub fn of(chain: Arc<VerifiedChain>) -> Self {
        Self { fixed: Fixed::of(&chain), chain, kept: OnceLock::new(), settles: OnceLock::new() }
    }

    /// The chain.
    #[must_use]
    pub fn chain(&self) -> &VerifiedChain {
        &self.chain
    }
}

/// What every receipt of a chain says.
#[derive(Debug)]
struct Fixed {
    members: Vec<(&'static str, String)>,
    presentation: String,
}

impl Fixed {
    fn of(chain: &VerifiedChain) -> Self {
        let links: Vec<String> = chain.links.iter().map(|link| base64url::encode(&link.digest)).collect();
        let evidence: serde_json::Value = chain.used.iter().map(Used::to_json).collect();
        let mut members = vec![
            ("principal", quoted(chain.principal.as_str())),
            ("agent", quoted(chain.agent.as_str())),
            ("possession", plain(chain.possession().name())),
            ("chain", serde_json::Value::from(links).to_string().into()),
            ("effective", chain.effective.to_json().to_string().into()),
            ("evidence", evidence.to_string().into()),
        ];
        members.extend(chain.known_by.as_deref().map(|known_by| ("knownBy", quoted(known_by))));
        members.extend(chain.transcript.as_deref().map(|transcript| ("transcript", quoted(transcript))));
        let members = members.into_iter().map(|(name, value)| (name, value.into_owned())).collect();
        Self { members, presentation: plain(&base64url::encode(&chain.digest())).into_owned() }
    }
}

/// An object, its members in the order of their names.
fn object(mut members: Members<'_>) -> String {
    members.sort_unstable_by_key(|(name, _)| *name);
    let length: usize = members.iter().map(|(name, value)| name.len() + value.len() + 4).sum();
    let mut text = String::with_capacity(length + 2);
    text.push('{');
    for (name, value) in &members {
        text.extend([if text.len() == 1 { "\"" } else { ",\"" }, *name, "\":", &**value]);
    }
    text.push('}');
    text
}

fn number(number: Option<usize>) -> Cow<'static, str> {
    number.map_or("null".into(), |number| number.to_string().into())
}

/// A text as JSON.
fn quoted(text: &str) -> Cow<'static, str> {
    serde_json::Value::from(text).to_string().into()
}

/// A text in which nothing needs an escape.
fn plain(text: &str) -> Cow<'static, str> {
    format!("\"{text}\"").into()
}
