//! What was seen of a domain.

use super::{Client, SealedKey};
use crate::{
    ask::{self, Request},
    client_error::ClientError,
};
use legation_did::Did;

/// That a domain was seen to be an organization's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DomainTerms<'a> {
    /// The organization, who says so.
    pub did: &'a Did,
    /// The domain, such as `acme.com`.
    pub domain: &'a str,
    /// How: `file` or `dns`.
    pub method: &'a str,
    /// When, Unix seconds.
    pub seen: i64,
    /// Until when that is relied on, Unix seconds.
    pub valid_until: i64,
}

impl Client {
    /// Signs that a domain was seen to be an organization's, as a `vc+jwt`.
    ///
    /// # Errors
    /// [`ClientError`]; `issuer_mismatch` for what is no domain.
    pub fn domain_control(
        &mut self,
        key: SealedKey<'_>,
        terms: &DomainTerms<'_>,
    ) -> Result<String, ClientError> {
        let DomainTerms { did, domain, method, seen, valid_until } = *terms;
        self.secured(&Request::DomainControl(ask::DomainControl {
            key: key.into(),
            did: did.as_str().to_owned(),
            domain: domain.to_owned(),
            method: method.to_owned(),
            seen,
            valid_until,
        }))
    }
}
