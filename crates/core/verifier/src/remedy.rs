//! What would have passed: the smallest change that takes a denial away, as data.
//!
//! A [`Denial`] stays as small as it is. What it leaves out is found again from what was judged, when
//! somebody asks. Nothing here is part of a decision.

mod bytes;
mod commit;
mod keys;
mod meaning;
mod request;
mod said;
mod status;

use crate::{Code, Denial, Evidence, MemoryLedger, Need, Party, Phase, Presentation, Trust, VerifiedChain};
use legation_credential::{
    Pattern, Request, Value,
    limit::{Bound, LimitKey},
};
use legation_did::{Did, Purpose};

/// What was judged. What is not known stays `None`, and what depends on it has no remedy.
#[derive(Clone, Copy, Debug)]
pub struct Case<'a> {
    /// The presentation as it arrived.
    pub presented: &'a [u8],
    /// The same, where it could be read.
    pub presentation: Option<&'a Presentation>,
    /// The verifier's settings.
    pub trust: &'a Trust,
    /// The evidence it was judged with.
    pub evidence: &'a Evidence,
    /// The verifier's challenge. A remedy may say it, as [`Denial::expected`] does: it is for the
    /// verifier's side.
    pub nonce: &'a str,
    /// The moment it was judged by, Unix seconds.
    pub now: i64,
    /// The chain, where it verified.
    pub chain: Option<&'a VerifiedChain>,
    /// The request, where there was one.
    pub request: Option<&'a Request>,
    /// The ledger that denied the commit.
    pub ledger: Option<&'a MemoryLedger>,
}

/// Changes that together would have let the rule pass. Rules after it were not reached, and may deny then.
/// A link that is issued anew has new bytes, so that those below it are issued anew with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remedy {
    /// Who can make them: of each change's own link, where it is the issuer.
    pub by: Party,
    /// At least one.
    pub changes: Vec<Change>,
}

/// One thing that would have to be otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Index of the link that it is about, 0 at the root.
    pub link: Option<usize>,
    /// What is changed.
    pub what: What,
    /// To what.
    pub to: To,
}

/// What is changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// The number of bytes.
    Bytes,
    /// How deep its JSON is nested.
    Depth,
    /// The number of links.
    Links,
    /// The `=` at the end of its base64url.
    Padding,
    /// A member of the JWS header.
    Header(String),
    /// A member of what was signed.
    Member(String),
    /// A member that holds a time; its bound is in Unix seconds.
    Time(&'static str),
    /// A member of the object around a link.
    Envelope(&'static str),
    /// A grant.
    Grant {
        /// The action.
        action: Pattern,
        /// The resource.
        resource: Pattern,
    },
    /// A constraint's bound.
    Constraint(LimitKey),
    /// The action and the resource that are asked for.
    Asked,
    /// A fact about the request.
    Fact(String),
    /// The fact that says the amount, and in which currency.
    Amount(String, String),
    /// A trusted root.
    Root(Did),
    /// A list of keys in a DID document.
    Relationship(Did, Purpose),
    /// Evidence that was fetched; its bound is the time of the fetch.
    Evidence(Need),
    /// A time in the status list of this URL.
    List(String, &'static str),
    /// The moment of verification: one has to wait, and presents anew then; evidence is of then, too.
    Now,
}

/// To what it is changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum To {
    /// Within this bound, as near as can be to what it was.
    Bound(Bound),
    /// It is not there.
    Absent,
    /// It is there once.
    Once,
    /// It is there.
    Present,
    /// It names this, too.
    Include(Value),
    /// Exactly these texts in this order.
    Texts(Vec<String>),
    /// Within one of these pairs of action and resource; of none, it is not there.
    Pairs(Vec<(Pattern, Pattern)>),
}

/// What would have passed in place of a denial; `None` where no change of what is known would surely have
/// passed, as where a signature does not fit or a link was revoked. [`Code::cure`] says what there is to do then.
///
/// It weakens nothing: each change keeps to what the link before, the trust and the format permit.
///
/// ```
/// # use legation_credential::{Authority, Occasion, Terms, issue, present};
/// # use legation_keys::{Algorithm, SecretKey, Signer};
/// use legation_verifier::{Case, Evidence, Trust, parse, remedy, verify};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let key = SecretKey::from_ed25519_seed(&[1; 32])?;
/// # let did = legation_did::key::did(key.public_key());
/// # let agent = SecretKey::from_ed25519_seed(&[2; 32])?;
/// # let holder = legation_did::key::did(agent.public_key());
/// # let terms = Terms { id: None, subject: holder.clone(), valid_from: 0, valid_until: 60, max_depth: 0, account: None,
/// #     authority: Authority::parse(r#"{"grants": []}"#)?, status: vec![] };
/// # let link = issue(terms, &did, &legation_did::key::method_id(&did), &key)?;
/// # let occasion = Occasion { audience: "shop", nonce: "n-1", issued_at: 0, expires_at: 60, transcript: None };
/// # let presented = present(&[&link], &holder, occasion, &legation_did::key::method_id(&holder), &agent)?;
/// # let presented = presented.as_bytes();
/// # let (mut trust, evidence) = (Trust::new("shop"), Evidence::new());
/// # trust.roots.insert(did, Authority::everything());
/// let presentation = parse(presented, &trust)?;
/// let denial = verify(&presentation, &trust, &evidence, "n-2", 10).unwrap_err();
/// let case = Case {
///     presented, presentation: Some(&presentation), trust: &trust, evidence: &evidence, nonce: "n-2", now: 10,
///     chain: None, request: None, ledger: None,
/// };
/// assert_eq!(remedy(&denial, &case).unwrap().to_string(), r#"the holder: `nonce` must be "n-2""#);
/// # Ok(())
/// # }
/// ```
#[must_use]
pub fn remedy(denial: &Denial, case: &Case<'_>) -> Option<Remedy> {
    let found = match denial.code {
        // A chain that was kept until it ended, or a request that could not be read.
        Code::Expired if denial.link.is_none() => None,
        code => match code.phase() {
            Phase::Bytes => bytes::remedy(denial, case),
            Phase::Meaning => meaning::remedy(denial, case),
            Phase::Keys => keys::remedy(denial, case),
            Phase::Status => status::remedy(denial, case),
            Phase::Request => request::remedy(denial, case),
            Phase::Commit => commit::remedy(denial, case),
        },
    };
    found.filter(|remedy| !remedy.changes.is_empty())
}

impl Remedy {
    fn new(by: Party, changes: Vec<Change>) -> Option<Self> {
        Some(Self { by, changes })
    }

    fn one(by: Party, link: Option<usize>, what: What, to: To) -> Option<Self> {
        Self::new(by, vec![Change { link, what, to }])
    }
}

/// Who signs: a link's issuer, or the holder.
fn signer(link: Option<usize>) -> Party {
    if link.is_some() { Party::Issuer } else { Party::Holder }
}

/// A fact of a request, told as money where it is its amount.
fn fact_of(request: &Request, name: &str) -> What {
    match (request.amount(), request.facts().get("currency")) {
        (Some(amount), Some(Value::Text(currency))) if amount.fact == name => {
            What::Amount(name.to_owned(), currency.clone())
        }
        _ => What::Fact(name.to_owned()),
    }
}

/// What names the key of a link, or of the presentation itself.
fn key_name(link: Option<usize>, case: &Case<'_>) -> What {
    match case.presentation.is_some_and(|presentation| presentation.is_by_proof(link)) {
        true => member("proof.verificationMethod"),
        false => What::Header("kid".to_owned()),
    }
}

fn member(name: &str) -> What {
    What::Member(name.to_owned())
}

/// Exactly this text.
fn exactly(text: &str) -> To {
    To::Bound(Bound::OneOf([text.into()].into()))
}

fn one_of<'t>(texts: impl IntoIterator<Item = &'t str>) -> To {
    To::Bound(Bound::OneOf(texts.into_iter().map(Value::from).collect()))
}

fn most(most: i64) -> To {
    To::Bound(Bound::Most(most))
}

fn least(least: i64) -> To {
    To::Bound(Bound::Least(least))
}

/// A number of bytes or levels as a bound has it.
fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
