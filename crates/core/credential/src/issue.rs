//! Issuing: the first delegation of a principal, and narrower ones of agents.

use crate::{
    authority::{Authority, extend},
    delegation::{Delegation, LIMITS, LinkDigest, MEDIA_TYPE, Terms, link_digest},
    error::CredentialError,
    refusal::Refusal,
    secured::{PURPOSE, Securing, canonical},
};
use legation_did::{Did, key};
use legation_keys::{
    Signer,
    data_integrity::{self, AddProofError, ProofError, ProofOptions},
    json, jws,
    secret::SignError,
    time,
};

/// Why a delegation was not issued.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IssueError {
    /// It would give more than its issuer holds.
    #[error("{0}; what fits: {fits}", fits = .0.fits())]
    Refused(Refusal),
    /// A link of the chain that is to be passed on can't be read.
    #[error("link {index}: {error}")]
    Parent {
        /// Which link, counted from 0 at the root.
        index: usize,
        /// What is wrong with it.
        error: CredentialError,
    },
    /// The links do not follow one another.
    #[error("link {index} does not follow the one before it; give the chain in order, root first")]
    Order {
        /// Which link, counted from 0 at the root.
        index: usize,
    },
    /// There is no link to pass on.
    #[error("there is no delegation to pass on")]
    NoParent,
    /// The key id does not belong to the issuer, or a did:key is to sign with another key.
    #[error("the key `{found}` does not sign for `{issuer}`, who must sign")]
    Key {
        /// The issuer.
        issuer: Did,
        /// The key id.
        found: String,
    },
    /// The time ends before it begins.
    #[error("valid until {}, which is not after {}", time::format(*until), time::format(*from))]
    Window {
        /// From, Unix seconds.
        from: i64,
        /// Until, Unix seconds.
        until: i64,
    },
    /// Its own verifiers would not read it: it says more than fits into a delegation, or what
    /// only a verifier's trust may say.
    #[error("the delegation could not be read by anybody: {0}")]
    Unreadable(CredentialError),
    /// No Data Integrity proof could be made: its cryptosuite is for Ed25519 keys.
    #[error("{0}")]
    Proof(#[from] AddProofError),
    /// The signer did not sign.
    #[error("{0}")]
    Sign(#[from] SignError),
}

/// Issues the first delegation of a chain: `issuer` is the principal.
///
/// `key_id` is the DID URL of the signing key in the issuer's document
/// ([`legation_did::method_id`]). It becomes the header's `kid`, except of a did:key, which is its one key.
///
/// # Errors
/// [`IssueError`].
///
/// ```
/// use legation_credential::{Authority, Delegation, Terms, issue};
/// use legation_keys::{Algorithm, SecretKey, Signer};
/// let key = SecretKey::generate(Algorithm::EdDsa)?;
/// let did = legation_did::key::did(key.public_key());
/// let terms = Terms {
///     id: None,
///     subject: "did:web:agent.example".parse()?,
///     valid_from: 1_795_255_200,
///     valid_until: 1_795_258_800,
///     max_depth: 1, account: None,
///     authority: Authority::parse(r#"{"grants": [{"actions": ["a2a:skill:book"], "resources": ["https://shop.example/*"]}]}"#)?,
///     status: vec![],
/// };
/// let secured = issue(terms, &did, &legation_did::key::method_id(&did), &key)?;
/// assert_eq!(Delegation::read_unverified(&secured)?.principal, did);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn issue(terms: Terms, issuer: &Did, key_id: &str, signer: &dyn Signer) -> Result<String, IssueError> {
    issue_as(Securing::Jwt, terms, issuer, key_id, signer)
}

/// As [`issue`], secured in a way of choice. A proof always names its key.
///
/// # Errors
/// [`IssueError`].
pub fn issue_as(
    securing: Securing,
    terms: Terms,
    issuer: &Did,
    key_id: &str,
    signer: &dyn Signer,
) -> Result<String, IssueError> {
    let delegation = Delegation { issuer: issuer.clone(), principal: issuer.clone(), parent: None, terms };
    sign(delegation, securing, key_id, signer)
}

/// Passes a chain on to `terms.subject`, with at most the authority that the chain holds. The
/// issuer is the subject of the last link.
///
/// `chain` is root first. It is not verified, its holder trusts what it was given; but where
/// it starts after the root, what earlier links limit is not known here, and a verifier may
/// still refuse the result.
///
/// # Errors
/// [`IssueError`]; [`IssueError::Refused`] says what would fit.
pub fn pass_on(
    chain: &[&str],
    terms: Terms,
    key_id: &str,
    signer: &dyn Signer,
) -> Result<String, IssueError> {
    pass_on_as(Securing::Jwt, chain, terms, key_id, signer)
}

/// As [`pass_on`], secured in a way of choice. The links of one chain may be secured in different ways.
///
/// # Errors
/// [`IssueError`].
pub fn pass_on_as(
    securing: Securing,
    chain: &[&str],
    terms: Terms,
    key_id: &str,
    signer: &dyn Signer,
) -> Result<String, IssueError> {
    Above::read(chain)?.pass_on(securing, terms, key_id, signer)
}

/// As [`pass_on`], to several subjects: the chain is read once. Gives what became of each, in their order.
///
/// # Errors
/// [`IssueError`] where the chain can't be passed on to anybody.
pub fn pass_on_all(
    chain: &[&str],
    all: Vec<Terms>,
    key_id: &str,
    signer: &dyn Signer,
) -> Result<Vec<Result<String, IssueError>>, IssueError> {
    let above = Above::read(chain)?;
    Ok(all.into_iter().map(|terms| above.pass_on(Securing::Jwt, terms, key_id, signer)).collect())
}

/// A chain that is passed on.
struct Above {
    parent: Delegation,
    effective: Authority,
    digest: LinkDigest,
}

impl Above {
    fn read(chain: &[&str]) -> Result<Self, IssueError> {
        let (parent, effective) = effective(chain)?;
        let index = chain.len().saturating_sub(1);
        let secured = chain.last().ok_or(IssueError::NoParent)?;
        let secured = canonical(secured).map_err(|error| IssueError::Parent { index, error })?;
        Ok(Self { parent, effective, digest: link_digest(&secured) })
    }

    fn pass_on(
        &self,
        securing: Securing,
        terms: Terms,
        key_id: &str,
        signer: &dyn Signer,
    ) -> Result<String, IssueError> {
        let Self { parent, effective, digest } = self;
        check_window(&parent.terms, &terms).map_err(IssueError::Refused)?;
        check_depth(&parent.terms, &terms).map_err(IssueError::Refused)?;
        extend(effective.clone(), &terms.authority).map_err(IssueError::Refused)?;
        let delegation = Delegation {
            issuer: parent.terms.subject.clone(),
            principal: parent.principal.clone(),
            parent: Some(*digest),
            terms,
        };
        sign(delegation, securing, key_id, signer)
    }
}

/// The last link of a chain and what its subject effectively holds, as far as the links tell.
///
/// # Errors
/// [`IssueError`] where a link can't be read, does not follow the one before it, or widens it.
pub fn effective(chain: &[&str]) -> Result<(Delegation, Authority), IssueError> {
    let mut effective = Authority::everything();
    let mut last: Option<(Delegation, LinkDigest)> = None;
    for (index, secured) in chain.iter().enumerate() {
        let unreadable = |error| IssueError::Parent { index, error };
        let link = Delegation::read_unverified(secured).map_err(unreadable)?;
        // A link that was a file ends in a line break, which is no part of what its child names.
        let digest = link_digest(&canonical(secured).map_err(unreadable)?);
        if let Some((before, digest_before)) = &last {
            let follows = link.issuer == before.terms.subject
                && link.parent.as_ref() == Some(digest_before)
                && link.principal == before.principal;
            if !follows {
                return Err(IssueError::Order { index });
            }
        }
        effective = extend(effective, &link.terms.authority).map_err(IssueError::Refused)?;
        last = Some((link, digest));
    }
    last.map(|(link, _)| (link, effective)).ok_or(IssueError::NoParent)
}

/// A child is valid only while its parent is.
///
/// # Errors
/// [`Refusal::WindowNotNested`].
pub fn check_window(parent: &Terms, child: &Terms) -> Result<(), Refusal> {
    if child.valid_from >= parent.valid_from && child.valid_until <= parent.valid_until {
        return Ok(());
    }
    Err(Refusal::WindowNotNested {
        found: (child.valid_from, child.valid_until),
        fits: (parent.valid_from, parent.valid_until),
    })
}

/// A parent must permit a child, and the child at most one link less than itself.
///
/// # Errors
/// [`Refusal::RedelegationNotPermitted`].
pub fn check_depth(parent: &Terms, child: &Terms) -> Result<(), Refusal> {
    if parent.max_depth > child.max_depth {
        return Ok(());
    }
    Err(Refusal::RedelegationNotPermitted { found: child.max_depth, parent: parent.max_depth })
}

fn sign(
    delegation: Delegation,
    securing: Securing,
    key_id: &str,
    signer: &dyn Signer,
) -> Result<String, IssueError> {
    let Terms { valid_from: from, valid_until: until, .. } = delegation.terms;
    if until <= from {
        return Err(IssueError::Window { from, until });
    }
    let payload = delegation.to_json().to_string();
    check_readable(payload.as_bytes()).map_err(IssueError::Unreadable)?;
    secure(&delegation.issuer, &payload, securing, key_id, signer)
}

/// Secures a credential of `issuer`, whose key `key_id` names.
pub(crate) fn secure(
    issuer: &Did,
    payload: &str,
    securing: Securing,
    key_id: &str,
    signer: &dyn Signer,
) -> Result<String, IssueError> {
    let own = issuer.method() != "key" || *issuer == key::did(signer.public_key());
    if !own || issuer.fragment_of(key_id).is_none() {
        return Err(IssueError::Key { issuer: issuer.clone(), found: key_id.to_owned() });
    }
    match (securing, issuer.method()) {
        // The issuer is the key: naming it again in each link is what fills a request's headers.
        (Securing::Jwt, "key") => Ok(jws::sign_unnamed(MEDIA_TYPE, payload.as_bytes(), signer)?),
        (Securing::Jwt, _) => Ok(jws::sign(MEDIA_TYPE, key_id, payload.as_bytes(), signer)?),
        (Securing::EddsaJcs2022, _) => {
            let document = json::parse(payload.as_bytes(), LIMITS).map_err(CredentialError::from);
            let document = document.map_err(IssueError::Unreadable)?;
            let object = document.as_object().ok_or(AddProofError::Proof(ProofError::Missing))?;
            let options =
                ProofOptions { verification_method: key_id, purpose: PURPOSE, ..ProofOptions::default() };
            Ok(data_integrity::add(object, options, signer)?)
        }
    }
}

/// A credential that is denied everywhere is better refused here, where its issuer can mend it.
fn check_readable(payload: &[u8]) -> Result<(), CredentialError> {
    Delegation::from_claims(&json::parse(payload, LIMITS)?).map(|_| ())
}
