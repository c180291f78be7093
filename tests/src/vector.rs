//! The format of a vector, and its loader.
//!
//! ```json
//! { "name": "…", "why": "the fault and who would exploit it, or why it must pass",
//!   "trust": {…}, "evidence": {…}, "ledger": {"noncesPerKey": 2},
//!   "steps": [ { "now": "2026-11-21T12:00:00Z", "nonce": "…", "presentation": "…",
//!     "request": { "action": "…", "resource": "…", "facts": { "amount": 100 } },
//!     "expect": { "decision": "deny", "code": "…", "link": 1 } } ] }
//! ```
//!
//! - `trust` and `evidence` are what [`Trust::parse`] and [`Evidence::parse`] read.
//! - `ledger` is there only where a case needs bounds other than the defaults.
//! - `presentationBase64` stands in for `presentation` where the bytes are no text, and
//!   `presentationRepeat`, pairs of a text and how often it stands, where they are many.
//! - With `vouched`, a DID, the presentation is a chain in compact form, and the verifier itself vouches for
//!   that agent.
//! - `approvals` come with the request, each a compact JWS or a document as text.
//! - Without `request` nothing is authorized and the decision is `valid`. `code` and `link`
//!   stand only in a denial; `link` only where it is about a link.
//!
//! The steps of one vector share one ledger and happen in order.

use core::fmt;
use data_encoding::BASE64;
use legation_credential::{Facts, Request, Value as FactValue};
use legation_did::Did;
use legation_keys::{
    json::{self, JsonLimits},
    time::{self, Round},
};
use legation_verifier::{
    Code, Denial, Evidence, LedgerLimits, Presentation, Trust, Verifier, Vouched, parse, parse_vouched,
};
use serde_json::Value;
use std::{
    fs,
    path::{Path, PathBuf},
};

/// A case: a verifier's settings and evidence, and what is presented to it.
#[derive(Clone, Debug)]
pub struct Vector {
    /// Its name, which is its file's name.
    pub name: String,
    /// The fault and who would exploit it, or why it must pass.
    pub why: String,
    /// The verifier's settings.
    pub trust: Trust,
    /// The same as JSON, for the command's `--trust`.
    pub trust_text: String,
    /// The verifier's evidence.
    pub evidence: Evidence,
    /// The same as JSON, for the command's `--evidence`.
    pub evidence_text: String,
    /// Bounds of the ledger; the defaults where there are none.
    pub ledger: Option<LedgerLimits>,
    /// What happens, in order.
    pub steps: Vec<Step>,
}

/// One presentation, perhaps with a request, and what must come of it.
#[derive(Clone, Debug)]
pub struct Step {
    /// The moment, Unix seconds.
    pub now: i64,
    /// The same as RFC 3339, for the command's `--now`.
    pub now_text: String,
    /// The verifier's challenge.
    pub nonce: String,
    /// What is presented, byte for byte.
    pub presentation: Vec<u8>,
    /// For whom the verifier vouches; the presentation is a compact chain then.
    pub vouched: Option<Did>,
    /// What is asked for.
    pub request: Option<RequestParts>,
    /// Approvals that come with the request.
    pub approvals: Vec<String>,
    /// What must come of it.
    pub expect: Outcome,
}

/// A request as it is asked for, before anybody has judged its form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestParts {
    /// The action.
    pub action: String,
    /// The resource.
    pub resource: String,
    /// Name and value of each fact, the value as JSON.
    pub facts: Vec<(String, String)>,
}

/// What comes of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The request was authorized and committed.
    Permit,
    /// The chain holds; nothing was asked for.
    Valid,
    /// It was denied.
    Deny {
        /// Why.
        code: Code,
        /// At which link, if at one.
        link: Option<usize>,
    },
}

/// Why a file is no vector.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {reason}", file.display())]
pub struct LoadError {
    /// The file.
    pub file: PathBuf,
    /// What is wrong with it.
    pub reason: String,
}

impl Step {
    /// Reads what is presented.
    ///
    /// # Errors
    /// A [`Denial`].
    pub fn read(&self, trust: &Trust) -> Result<Presentation, Denial> {
        match self.vouched() {
            None => parse(&self.presentation, trust),
            Some(vouched) => parse_vouched(&self.compact(), vouched, trust),
        }
    }

    /// The same by a verifier that remembers.
    ///
    /// # Errors
    /// A [`Denial`].
    pub fn read_by(&self, verifier: &Verifier) -> Result<Presentation, Denial> {
        match self.vouched() {
            None => verifier.parse(&self.presentation),
            Some(vouched) => verifier.parse_vouched(&self.compact(), vouched),
        }
    }

    fn vouched(&self) -> Option<Vouched<'_>> {
        self.vouched.as_ref().map(|agent| Vouched { agent, known_by: "corpus", at: self.now })
    }

    fn compact(&self) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(&self.presentation)
    }
}

impl RequestParts {
    /// The request, or the denial that stands for its being refused.
    ///
    /// # Errors
    /// `resource_not_normalized` or `malformed`.
    pub fn to_request(&self) -> Result<Request, Denial> {
        let mut facts = Facts::new();
        for (name, value) in &self.facts {
            let limits = JsonLimits { bytes: 1 << 16, depth: 2 };
            let value =
                json::parse(value.as_bytes(), limits).ok().and_then(|json| FactValue::from_json(&json));
            let wrong = || Denial::new(Code::Malformed, "a value that a fact can have", format!("`{name}`"));
            facts.insert(name.clone(), value.ok_or_else(wrong)?);
        }
        Request::new(&self.action, &self.resource, facts).map_err(Denial::from)
    }

    /// The arguments by which the command is asked the same.
    ///
    /// ```
    /// let parts = legation_tests::RequestParts {
    ///     action: "a2a:skill:book".into(), resource: "https://shop.example/".into(),
    ///     facts: vec![("currency".into(), "\"USD\"".into())],
    /// };
    /// let wanted =
    ///     ["--action", "a2a:skill:book", "--resource", "https://shop.example/", "--fact", "currency=\"USD\""];
    /// assert_eq!(parts.arguments(), wanted);
    /// ```
    #[must_use]
    pub fn arguments(&self) -> Vec<String> {
        let named = [("--action", &self.action), ("--resource", &self.resource)];
        let mut all: Vec<String> =
            named.iter().flat_map(|(name, value)| [(*name).into(), (*value).clone()]).collect();
        for (name, value) in &self.facts {
            all.extend(["--fact".to_owned(), format!("{name}={value}")]);
        }
        all
    }
}

impl From<Denial> for Outcome {
    fn from(denial: Denial) -> Self {
        Self::Deny { code: denial.code, link: denial.link }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Permit => out.write_str("permit"),
            Self::Valid => out.write_str("valid"),
            Self::Deny { code, link: None } => write!(out, "deny {code}"),
            Self::Deny { code, link: Some(link) } => write!(out, "deny {code} at link {link}"),
        }
    }
}

/// Where the vectors are.
#[must_use]
pub fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors")
}

/// Every vector, sorted by name.
///
/// # Errors
/// [`LoadError`] for the first file that is none.
pub fn load_all() -> Result<Vec<Vector>, LoadError> {
    let directory = directory();
    let wrong = |error: std::io::Error| LoadError { file: directory.clone(), reason: error.to_string() };
    let mut files = Vec::new();
    for entry in fs::read_dir(&directory).map_err(wrong)? {
        let path = entry.map_err(wrong)?.path();
        if path.extension().is_some_and(|extension| extension == "json") {
            files.push(path);
        }
    }
    files.sort();
    files.iter().map(|file| load(file)).collect()
}

/// One vector.
///
/// # Errors
/// [`LoadError`]; also where the name is not the file's.
pub fn load(file: &Path) -> Result<Vector, LoadError> {
    let read = || {
        let text = fs::read(file).map_err(|error| error.to_string())?;
        let vector = Vector::parse(&text)?;
        match file.file_stem().and_then(|stem| stem.to_str()) {
            Some(stem) if stem == vector.name => Ok(vector),
            _ => Err(format!("the name `{}` is not the file's", vector.name)),
        }
    };
    read().map_err(|reason| LoadError { file: file.to_owned(), reason })
}

impl Vector {
    /// Reads a vector.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub fn parse(text: &[u8]) -> Result<Self, String> {
        // Strictly first: a member that stands twice would hide what is tested.
        json::parse(text, JsonLimits { bytes: 4 << 20, depth: 32 }).map_err(|error| error.to_string())?;
        let file: Value = serde_json::from_slice(text).map_err(|error| error.to_string())?;
        known(&file, &["name", "why", "trust", "evidence", "ledger", "steps"])?;
        let (trust_text, evidence_text) =
            (member(&file, "trust")?.to_string(), member(&file, "evidence")?.to_string());
        let trust = Trust::parse(trust_text.as_bytes()).map_err(|error| format!("trust: {error}"))?;
        let evidence = Evidence::parse(evidence_text.as_bytes(), trust.limits.status_entries)
            .map_err(|error| format!("evidence: {error}"))?;
        let steps = member(&file, "steps")?.as_array().ok_or("`steps` is no array")?;
        Ok(Self {
            name: text_of(&file, "name")?,
            why: text_of(&file, "why")?,
            trust,
            trust_text,
            evidence,
            evidence_text,
            ledger: file.get("ledger").map(read_ledger).transpose()?,
            steps: steps.iter().map(read_step).collect::<Result<_, _>>()?,
        })
    }
}

fn read_step(step: &Value) -> Result<Step, String> {
    let members = [
        "now",
        "nonce",
        "presentation",
        "presentationBase64",
        "presentationRepeat",
        "vouched",
        "approvals",
        "request",
        "expect",
    ];
    known(step, &members)?;
    let approvals = step.get("approvals").map(read_texts).transpose()?.unwrap_or_default();
    let vouched = step.get("vouched").map(|_| text_of(step, "vouched")).transpose()?;
    let vouched = vouched.map(|did| did.parse()).transpose().map_err(|error| format!("vouched: {error}"))?;
    let now_text = text_of(step, "now")?;
    let now = time::parse(&now_text, Round::Down).ok_or_else(|| format!("`{now_text}` is no time"))?;
    let expect = read_outcome(member(step, "expect")?)?;
    let request = step.get("request").map(read_request).transpose()?;
    Ok(Step {
        now,
        now_text,
        nonce: text_of(step, "nonce")?,
        presentation: read_bytes(step)?,
        vouched,
        approvals,
        request,
        expect,
    })
}

fn read_texts(list: &Value) -> Result<Vec<String>, String> {
    let texts = list.as_array().ok_or("`approvals` is no array")?.iter();
    texts.map(|text| text.as_str().map(str::to_owned).ok_or("an approval is no text".to_owned())).collect()
}

fn read_bytes(step: &Value) -> Result<Vec<u8>, String> {
    let forms = (step.get("presentation"), step.get("presentationBase64"), step.get("presentationRepeat"));
    match forms {
        (Some(Value::String(text)), None, None) => Ok(text.clone().into_bytes()),
        (None, Some(Value::String(text)), None) => {
            BASE64.decode(text.as_bytes()).map_err(|error| format!("presentationBase64: {error}"))
        }
        (None, None, Some(Value::Array(runs))) => {
            let mut bytes = Vec::new();
            for run in runs {
                let text =
                    run.get(0).and_then(Value::as_str).ok_or("presentationRepeat: a text is missing")?;
                let times =
                    run.get(1).and_then(Value::as_u64).ok_or("presentationRepeat: a number is missing")?;
                (0..times).for_each(|_| bytes.extend_from_slice(text.as_bytes()));
            }
            Ok(bytes)
        }
        _ => Err("exactly one form of the presentation must be there".to_owned()),
    }
}

fn read_request(request: &Value) -> Result<RequestParts, String> {
    known(request, &["action", "resource", "facts"])?;
    let facts = request.get("facts").and_then(Value::as_object).into_iter().flatten();
    Ok(RequestParts {
        action: text_of(request, "action")?,
        resource: text_of(request, "resource")?,
        facts: facts.map(|(name, value)| (name.clone(), value.to_string())).collect(),
    })
}

fn read_outcome(expect: &Value) -> Result<Outcome, String> {
    known(expect, &["decision", "code", "link"])?;
    let link = expect.get("link").filter(|link| !link.is_null());
    match (text_of(expect, "decision")?.as_str(), expect.get("code"), link) {
        ("permit", None, None) => Ok(Outcome::Permit),
        ("valid", None, None) => Ok(Outcome::Valid),
        ("deny", Some(Value::String(name)), link) => {
            let code = Code::from_name(name).ok_or_else(|| format!("there is no code `{name}`"))?;
            let index = |link: &Value| link.as_u64().and_then(|link| usize::try_from(link).ok());
            let link = link.map(|link| index(link).ok_or("`link` is no index")).transpose()?;
            Ok(Outcome::Deny { code, link })
        }
        _ => Err(format!("`expect` is {expect}")),
    }
}

fn read_ledger(ledger: &Value) -> Result<LedgerLimits, String> {
    known(ledger, &["noncesPerKey", "noncesPerRoot", "nonces", "totals", "moments"])?;
    let mut limits = LedgerLimits::default();
    let fields = [
        ("noncesPerKey", &mut limits.nonces_per_key),
        ("noncesPerRoot", &mut limits.nonces_per_root),
        ("nonces", &mut limits.nonces),
        ("totals", &mut limits.totals),
        ("moments", &mut limits.moments),
    ];
    for (name, field) in fields {
        if let Some(value) = ledger.get(name) {
            let number = value.as_u64().and_then(|number| usize::try_from(number).ok());
            *field = number.ok_or_else(|| format!("`{name}` is no number"))?;
        }
    }
    Ok(limits)
}

fn member<'v>(object: &'v Value, name: &str) -> Result<&'v Value, String> {
    object.get(name).ok_or_else(|| format!("`{name}` is missing"))
}

fn text_of(object: &Value, name: &str) -> Result<String, String> {
    let text = member(object, name)?.as_str();
    text.map(str::to_owned).ok_or_else(|| format!("`{name}` is no text"))
}

/// A misspelt member would silently test something else.
fn known(object: &Value, names: &[&str]) -> Result<(), String> {
    let members = object.as_object().ok_or("an object is missing")?;
    match members.keys().find(|name| !names.contains(&name.as_str())) {
        None => Ok(()),
        Some(name) => Err(format!("the member `{name}` is not known")),
    }
}
