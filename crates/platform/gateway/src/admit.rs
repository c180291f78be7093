//! A request of an admin: decided as any other, by a signature and the chain behind it.

use crate::{
    decide::{Cost, Passed, Who},
    gateway::Gateway,
    refused::Refused,
};
use legation_credential::{Authority, Request};
use legation_did::Did;
use legation_http_signature::Message;
use std::sync::Arc;

/// A signed request that passes: its nonce is used, its receipt is on the disk.
#[derive(Clone, Debug, PartialEq)]
pub struct Admitted {
    /// Who signed it.
    pub agent: Did,
    /// What its chain lets it do, of which the request is a part.
    pub authority: Authority,
    /// The number of the receipt.
    pub receipt: i64,
}

impl Gateway {
    /// Decides on a signed request as what `request` says it is: an action on a resource. It is committed with its nonce
    /// under the organization's epoch, and its receipt is on the disk before this returns.
    ///
    /// # Errors
    /// [`Refused`]; [`Refused::status`] is what to answer with.
    pub async fn admit(
        self: &Arc<Self>,
        message: &Message<'_>,
        request: &Request,
    ) -> Result<Admitted, Refused> {
        let asked = |_, _| -> crate::decide::BoxFuture<'_> { Box::pin(async { Ok(request.clone()) }) };
        let decided = self.decide(Who::Signed(message), Cost::Known, &asked).await;
        self.counts.add(decided.as_ref().map_or_else(|refused| refused.code.as_str(), |_| "permit"));
        let Passed { done, caller } = decided?;
        done.synced.wait().await.map_err(|_| Refused::store())?;
        let authority = caller.chain.effective().clone();
        Ok(Admitted { agent: caller.chain.agent().clone(), authority, receipt: done.receipt })
    }
}
