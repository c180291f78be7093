//! A program that a person has let act: its code is spent, and what is judged is the chain that the consent has delegated.

use super::Shows;
use crate::{
    decide::{Identified, Undecided},
    gateway::Gateway,
    refused::Refused,
    signature::nobody,
};
use legation_registry::{
    RegistryError,
    codes::{By, CodeRefused, Redeem, Redeemed},
    issued,
};
use legation_store::{StoreError, issued::Issued};
use legation_token::{Claims, Grant, Refused as Told, TokenRequest, dpop::Proof};
use legation_verifier::{Denial, Vouched};
use std::sync::Arc;
use tracing::info_span;
use zeroize::Zeroizing;

impl Gateway {
    /// Spends the code of a request, for the token of this id.
    pub(super) async fn spend(
        self: &Arc<Self>,
        asked: &TokenRequest,
        proof: Option<&Proof>,
        id: &str,
        now: i64,
    ) -> Result<Shows, Told> {
        let client = asked.client_id.clone().unwrap_or_default();
        let (gateway, token) = (Arc::clone(self), issued::digest(id));
        let grant = asked.grant.clone();
        let (key, audience) = (proof.map(|proof| proof.thumbprint().to_owned()), asked.audience.clone());
        let shown_by = client.clone();
        let spent = self.blocking(move || {
            let by = match &grant {
                Grant::Code { code, redirect_uri, challenge } => {
                    By::Code { code, redirect: redirect_uri, challenge }
                }
                Grant::Refresh { token } => By::Refresh(token),
                Grant::Exchange { .. } | Grant::Client { .. } => return Ok(Err(CodeRefused::Unknown)),
            };
            let shown = Redeem {
                by,
                client: &shown_by,
                key: key.as_deref(),
                audience: audience.as_deref(),
                token: &token,
            };
            gateway.registry.redeem(&shown, now)
        });
        let spent = spent.await.and_then(|spent| spent);
        let spent =
            spent.map_err(|error| super::told::of(&Refused::of_registry(&error), Some(&asked.grant)))?;
        spent.map(|redeemed| Shows::Code(redeemed, client)).map_err(told)
    }

    /// The agent of a consent: its delegations as they are now. The code that was spent is by what it is there.
    pub(crate) async fn by_consent(
        self: &Arc<Self>,
        redeemed: &Redeemed,
        now: i64,
    ) -> Result<Identified, Undecided> {
        let (gateway, did) = (Arc::clone(self), redeemed.agent.clone());
        let found = self.blocking(move || gateway.registry.chain_of(&did)).await;
        let found = found.map_err(|error| Undecided::Refused(Refused::of_registry(&error)))?;
        let (_, links) = found.map_err(|error| match error {
            RegistryError::Store(StoreError::NotFound { .. }) => nobody(),
            error => Refused::of_registry(&error),
        })?;
        let wrong = |denial: Denial| Undecided::Refused(Refused::from(&denial));
        let secured = links.join("~");
        let known_by = format!("code:{}", redeemed.digest);
        let vouched = Vouched { agent: &redeemed.agent, known_by: &known_by, at: now };
        let presentation = self.verifier.parse_vouched(&secured, vouched).map_err(wrong)?;
        let (epoch, evidence) = self.gathered(&presentation, now).await?;
        let verified = info_span!("verify")
            .in_scope(|| self.verifier.verify(&presentation, &evidence, presentation.nonce(), now));
        let chain = Arc::new(verified.map_err(wrong)?);
        Ok(Identified { secured: Some(secured.into()), ..Identified::new(epoch, chain) })
    }

    /// Keeps of which chain a token is that a code has bought, before anybody has it, and gives by what the program gets the next one. It
    /// ends with the key of the consent's agent.
    pub(super) async fn keep_bought(
        self: &Arc<Self>,
        (caller, redeemed): (&Identified, &Redeemed),
        claims: &Claims,
        now: i64,
    ) -> Result<Zeroizing<String>, Refused> {
        let chain = caller.secured.as_deref();
        let chain = chain.ok_or_else(|| Refused::new("internal", "the chain of the token is not at hand"))?;
        let (gateway, agent, code) = (Arc::clone(self), claims.client_id.clone(), redeemed.digest.clone());
        let bound = claims.key.clone();
        let (id, chain, until) = (issued::digest(&claims.id), chain.to_owned(), claims.expires_at);
        let keep = move || {
            let key = gateway.registry.key_in_custody(&agent)?;
            let issued = Issued { id, agent: agent.to_string(), key, chain, until, revoked: None };
            gateway.registry.keep_bought(&issued, (&code, bound.as_deref()), now)
        };
        match self.blocking(keep).await.and_then(|kept| kept) {
            Ok(Some(next)) => Ok(next),
            Ok(None) => Err(Refused::new(CodeRefused::Used.code(), CodeRefused::Used.to_string())),
            Err(error) => Err(Refused::of_registry(&error)),
        }
    }
}

/// In OAuth's words (RFC 6749 §5.2, RFC 8707 §2.2, RFC 9449 §10).
fn told(refused: CodeRefused) -> Told {
    let error = match refused {
        CodeRefused::Key => "invalid_dpop_proof",
        CodeRefused::Audience => "invalid_target",
        _ => "invalid_grant",
    };
    Told::new(error, refused.code(), refused.to_string())
}
