//! Requests that need an approval: held until somebody has decided, and passed once when they are asked again.

use crate::{
    decide::{Identified, Undecided, Who},
    gateway::{Gateway, now},
    refused::Refused,
};
use legation_credential::{Authority, Request, limit::LimitKind};
use legation_did::Did;
use legation_http_signature::read_approvals;
use legation_registry::RegistryError;
use legation_verifier::{
    Code, Denial, Evidence, Permit, approval_request, authorize_approved, evidence::Need, gather_approvals,
    verify_approvals,
};
use std::sync::Arc;

/// Whether an action may need an approval, by the limits of a chain: of such a request the body is bound, too.
pub(crate) fn may_need(authority: &Authority, action: &str) -> bool {
    authority
        .limits_on(action)
        .any(|(key, _)| matches!(key.kind, LimitKind::Approval { .. } | LimitKind::ApprovalCurrency { .. }))
}

impl Gateway {
    /// The permit of a request that needs approvals: by those that came with it, and those that were given to it here. Without
    /// enough of them the request is held.
    pub(crate) async fn approved(
        self: &Arc<Self>,
        caller: &Identified,
        request: &Request,
        who: Who<'_>,
        now: i64,
    ) -> Result<Permit, Undecided> {
        let asked = approval_request(&caller.chain, request);
        let (gateway, digest) = (Arc::clone(self), asked.digest());
        let held =
            self.blocking(move || gateway.registry.held_request(&digest, now)).await.and_then(|held| held);
        let held = held.map_err(|error| Refused::of_registry(&error))?;
        // What was used is no approval any more, and the ledger would say so.
        let (state, mut given) = match held {
            Some((held, _)) if held.state == "used" => (Some(held), Vec::new()),
            Some((held, given)) => (Some(held), given),
            None => (None, Vec::new()),
        };
        if let Who::Signed(message) = who {
            let sent = read_approvals(message.headers);
            let sent = sent.map_err(|error| Refused::new(error.code(), error.to_string()))?;
            given.extend(sent.into_iter().map(str::to_owned));
        }
        if let Some(held) = state.as_ref().filter(|held| held.state == "refused") {
            let reason = if held.reason.is_empty() { String::new() } else { format!(": {}", held.reason) };
            let refused = Refused {
                approval: Some(held.id.clone()),
                ..Refused::new("approval_refused", format!("the request was looked at and refused{reason}"))
            };
            return Err(self.not_asked(caller, refused, now).await);
        }
        let given: Vec<&str> = given.iter().map(String::as_str).collect();
        let evidence = self.of_approvers(caller, request, &given, now).await?;
        let trust = self.verifier.trust();
        let approvals = verify_approvals(&given, &caller.chain, request, trust, &evidence, now);
        let denial = match authorize_approved(&caller.chain, request, &approvals, now).into_permit() {
            Ok(permit) => return Ok(permit),
            Err(denial) => denial,
        };
        match self.denied(caller, (request, None), &denial, now).await {
            Undecided::Refused(refused) if denial.code == Code::ApprovalRequired => {
                Err(self.hold(asked, self.holder(&caller.chain), (&denial, refused), now).await.into())
            }
            undecided => Err(undecided),
        }
    }

    /// Holds a request, and tells where it is decided.
    async fn hold(
        self: &Arc<Self>,
        asked: legation_credential::ApprovalRequest,
        holder: &Did,
        (denial, refused): (&Denial, Refused),
        now: i64,
    ) -> Refused {
        let holder = holder.clone();
        let (gateway, why) = (Arc::clone(self), format!("{}; found {}", denial.expected, denial.found));
        let held = self
            .blocking(move || gateway.registry.hold(&asked, (&holder, &why), now))
            .await
            .and_then(|held| held);
        match held {
            Ok(held) => {
                let message = format!(
                    "{}. It waits as approval `{}`; once that is granted, the same request passes",
                    refused.message, held.id
                );
                Refused { approval: Some(held.id), message, ..refused }
            }
            Err(RegistryError::Value { reason, .. }) => {
                Refused { message: format!("{}; {reason}", refused.message), ..refused }
            }
            Err(error) => Refused::of_registry(&error),
        }
    }

    /// The documents of approvers of the organization's own. A did:key needs none, and nobody makes us fetch one.
    async fn of_approvers(
        self: &Arc<Self>,
        caller: &Identified,
        request: &Request,
        given: &[&str],
        now: i64,
    ) -> Result<Evidence, Refused> {
        let mut evidence = Evidence::new();
        let trust = self.verifier.trust();
        let needs = gather_approvals(given, &caller.chain, request, trust, &evidence, now);
        for need in needs {
            let Need::Document(did) = need else { continue };
            if !self.registry.is_own(&did) {
                continue;
            }
            let (gateway, named) = (Arc::clone(self), did.clone());
            let document = self.blocking(move || gateway.registry.document(named.as_str())).await;
            if let Ok(document) = document.map_err(|error| Refused::of_registry(&error))? {
                // What can't be read is missing, and told as such.
                let _ = evidence.add_document(&did, document.to_json().to_string().as_bytes(), now);
            }
        }
        Ok(evidence)
    }

    /// Notes that what was approved of a request is used up. The ledger has it already; this is for those who look at the list.
    pub(crate) fn note_used(self: &Arc<Self>, digest: Option<[u8; 32]>) {
        let Some(digest) = digest else { return };
        let gateway = Arc::clone(self);
        tokio::spawn(async move {
            let noted = Arc::clone(&gateway);
            let _ = gateway.blocking(move || noted.registry.use_approval(&digest, now())).await;
        });
    }
}
