//! A chain that holds.

use crate::{
    evidence::Used,
    presentation::{Account, Link},
};
use legation_credential::{
    Authority, LinkDigest, Possession, Refusal, Situation, delegation::account_digest, extend,
};
use legation_did::Did;
use sha2::{Digest, Sha256};
use std::sync::Arc;

/// A chain that holds: every link was signed by who it says, narrows the one before it, is valid
/// and not revoked, and its last subject has just proved to be there, or the verifier itself vouches for it
/// ([`VerifiedChain::possession`]). Nothing else can make one.
///
/// It says who acts for whom within which limits. Whether a request is within them is
/// [`crate::authorize()`]'s question.
#[derive(Clone, Debug)]
pub struct VerifiedChain {
    pub(crate) principal: Did,
    pub(crate) agent: Did,
    pub(crate) agent_key: String,
    pub(crate) audience: String,
    pub(crate) ceiling: Authority,
    pub(crate) effective: Authority,
    pub(crate) links: Arc<[VerifiedLink]>,
    pub(crate) nonce: String,
    /// By what the verifier knows the agent, where it vouches for it.
    pub(crate) known_by: Option<Arc<str>>,
    /// What was presented; receipts name it by its SHA-256.
    pub(crate) presented: Arc<str>,
    pub(crate) transcript: Option<String>,
    pub(crate) signed_at: i64,
    pub(crate) nonce_until: i64,
    pub(crate) valid_until: i64,
    pub(crate) clock_skew: i64,
    pub(crate) used: Vec<Used>,
}

/// One link of a chain that holds.
#[derive(Clone, Debug)]
pub struct VerifiedLink {
    /// Who delegated.
    pub issuer: Did,
    /// To whom.
    pub subject: Did,
    /// SHA-256 of the link as it was presented.
    pub digest: LinkDigest,
    /// SHA-256 of what was signed: what stands for this very link, however its signature is encoded.
    pub signed: Account,
    /// What its totals are counted on: the account that it names, of its issuer, else itself.
    pub account: Account,
    /// From which moment on it is no longer valid, Unix seconds.
    pub valid_until: i64,
    /// What this link itself says; the chain's [`VerifiedChain::effective`] is what counts.
    pub authority: Authority,
}

impl VerifiedChain {
    /// Who granted the first authority and answers for the chain.
    #[must_use]
    pub fn principal(&self) -> &Did {
        &self.principal
    }

    /// Who presented it.
    #[must_use]
    pub fn agent(&self) -> &Did {
        &self.agent
    }

    /// How the agent is known to be there: it has signed, or the verifier vouches for it.
    #[must_use]
    pub fn possession(&self) -> Possession {
        if self.known_by.is_some() { Possession::Vouched } else { Possession::Signed }
    }

    /// What is known of every request by this chain.
    pub(crate) fn situation(&self) -> Situation<'_> {
        Situation { possession: Some(self.possession()), ..Situation::at(&self.audience) }
    }

    /// What the agent may do: the ceiling narrowed by every link.
    #[must_use]
    pub fn effective(&self) -> &Authority {
        &self.effective
    }

    /// The same chain, of which less may be used: its effective authority narrowed to another one that is within it, such as what an
    /// identity token that was made of it says. Totals are taken from the links as before.
    ///
    /// # Errors
    /// [`Refusal`] where that would widen it.
    pub fn narrow(&self, to: &Authority) -> Result<Self, Refusal> {
        let effective = extend(self.effective.clone(), to)?;
        Ok(Self { effective, ..self.clone() })
    }

    /// The links, root first.
    #[must_use]
    pub fn links(&self) -> &[VerifiedLink] {
        &self.links
    }

    /// The evidence that was relied on. Where the next verification has evidence of its own, keep
    /// the times of status lists for [`crate::Evidence::note_status_list`].
    #[must_use]
    pub fn evidence(&self) -> &[Used] {
        &self.used
    }

    /// SHA-256 of what was presented.
    pub(crate) fn digest(&self) -> [u8; 32] {
        Sha256::digest(self.presented.as_bytes()).into()
    }

    /// The moment from which on some link or the presentation is no longer valid, Unix seconds.
    #[must_use]
    pub fn valid_until(&self) -> i64 {
        self.valid_until
    }
}

impl VerifiedLink {
    pub(crate) fn of(link: &Link) -> Self {
        let named = link.delegation.terms.account.as_ref();
        let named = named.map(|name| account_digest(&link.delegation.issuer, name));
        Self {
            issuer: link.delegation.issuer.clone(),
            subject: link.delegation.terms.subject.clone(),
            digest: link.digest,
            signed: link.account,
            account: named.unwrap_or(link.account),
            valid_until: link.delegation.terms.valid_until,
            authority: link.delegation.terms.authority.clone(),
        }
    }
}
