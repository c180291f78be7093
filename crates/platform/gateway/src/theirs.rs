//! Receipts of others: a service behind a route answers with its own (`Legation-Receipt`), or an agent hands in what it was answered
//! elsewhere. Each is held against its signer's document and kept (`legation_registry::theirs`); no answer waits for that.

use crate::{
    access, answer,
    gateway::{Gateway, STORE, now},
    refused::Refused,
    router::identified,
};
use axum::response::Response;
use http::HeaderMap;
use legation_did::{Did, Document};
use legation_http_signature::{Message, RECEIPT};
use legation_keys::{
    Json,
    json::{self, JsonLimits},
    time,
};
use legation_registry::{
    RegistryError,
    route::origin_of,
    theirs::{Arrived, MAX_BYTES, is_at, signer_of},
};
use legation_store::theirs::Theirs;
use serde_json::{Value, json};
use std::sync::Arc;
use tracing::Instrument;

/// Bounds on what is handed in.
const LIMITS: JsonLimits = JsonLimits { bytes: MAX_BYTES + 256, depth: 4 };

/// Keeps a receipt that an agent hands in, as it says for whom.
pub(crate) async fn hand_in(gateway: &Arc<Gateway>, message: &Message<'_>) -> Result<Response, Refused> {
    let (caller, _) = identified(gateway, message, now()).await?;
    access::take_turn(gateway, gateway.holder(&caller.chain).as_str())?;
    let json =
        json::parse(message.body, LIMITS).map_err(|error| Refused::new(error.code(), error.to_string()))?;
    let secured = json.get("receipt").and_then(Json::as_str).filter(|text| !text.is_empty());
    let secured = secured.ok_or_else(|| Refused::new("bad_request", "`receipt` is missing, or no text"))?;
    let whose = (caller.chain.agent(), gateway.holder(&caller.chain));
    let kept = gateway.keep_theirs(whose, None, secured.trim().to_owned()).await?;
    Ok(answer::whole(200, "application/json", told(&kept).to_string().into_bytes()))
}

fn told(kept: &Theirs) -> Value {
    json!({
        "seq": kept.seq, "state": kept.state, "signer": kept.signer,
        // Why a document was not to be had would tell what there is at other addresses.
        "reason": if kept.state == "unresolved" { "its signer's document was not to be had" } else { kept.reason.as_str() },
        "decision": kept.decision, "saidAt": kept.said_at.map(time::format),
    })
}

impl Gateway {
    /// Keeps the receipt that a service answered an agent with, where it did, beside everything else.
    pub(crate) fn note_theirs(self: &Arc<Self>, whose: (&Did, &Did), url: &str, headers: &HeaderMap) {
        let mut given = headers.get_all(RECEIPT).iter();
        let (Some(secured), None) = (given.next(), given.next()) else { return };
        let Some(secured) = secured.to_str().ok().filter(|text| text.len() <= MAX_BYTES) else { return };
        // More than that at a time is a service that plays; what agents were answered with they can hand in.
        let Ok(place) = Arc::clone(&self.theirs).try_acquire_owned() else { return };
        let Ok(origin) = origin_of(url) else { return };
        let (gateway, secured) = (Arc::clone(self), secured.to_owned());
        let (agent, holder) = (whose.0.clone(), whose.1.clone());
        let kept = async move {
            let _ = gateway.keep_theirs((&agent, &holder), Some(&origin), secured).await;
            drop(place);
        };
        tokio::spawn(kept.in_current_span());
    }

    async fn keep_theirs(
        self: &Arc<Self>,
        (agent, holder): (&Did, &Did),
        origin: Option<&str>,
        secured: String,
    ) -> Result<Theirs, Refused> {
        let (gateway, agent, holder) = (Arc::clone(self), agent.clone(), holder.clone());
        let (whose, text) = ((agent.clone(), holder.clone()), secured.clone());
        let looked =
            self.blocking(move || gateway.registry.may_keep_theirs((&whose.0, &whose.1), &text, now()));
        // One that is there already, or that there is no room for, is neither fetched for nor written.
        if let Some(known) = looked.await.and_then(|looked| looked).map_err(refused)? {
            return Ok(known);
        }
        // A service makes nobody fetch from elsewhere: what others have signed than who answered is foreign, whatever they are.
        let fetches =
            origin.is_none_or(|origin| signer_of(&secured).is_ok_and(|signer| is_at(&signer, origin)));
        let document =
            if fetches { self.of_signer(&secured).await } else { Err("it is another's".to_owned()) };
        let (gateway, origin) = (Arc::clone(self), origin.map(str::to_owned));
        let kept = self.blocking(move || {
            let (now, document) = (now(), document.as_ref().map_err(String::clone));
            let arrived =
                Arrived { agent: &agent, holder: &holder, origin: origin.as_deref(), secured: &secured };
            gateway.registry.keep_theirs(gateway.registry.judge_theirs(arrived, document, now), now)
        });
        kept.await.and_then(|kept| kept).map_err(refused)
    }

    /// The document of whoever says that it signed a receipt.
    async fn of_signer(self: &Arc<Self>, secured: &str) -> Result<Document, String> {
        let signer = signer_of(secured)?;
        if self.registry.is_own(&signer) {
            let (gateway, did) = (Arc::clone(self), signer.clone());
            let read = self.blocking(move || gateway.registry.document(did.as_str())).await;
            return read.and_then(|read| read).map_err(|error| error.to_string());
        }
        let fetched = tokio::time::timeout(STORE, self.foreign.fetcher.document(&signer)).await;
        match fetched {
            Ok(Ok(document)) => Ok(document),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err(format!("the document of `{signer}` did not come in time")),
        }
    }
}

fn refused(error: RegistryError) -> Refused {
    match error {
        RegistryError::Value { reason, .. } => Refused::new("too_many_kept", reason),
        error => Refused::of_registry(&error),
    }
}
