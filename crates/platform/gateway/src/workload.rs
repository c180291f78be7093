//! The SPIFFE Workload API on a unix socket: processes of this machine have JWT-SVIDs of the agent that they are, and the bundles to check those of
//! others. Who asks says the system, by the user at the other end of the socket, and nothing in the request.
//!
//! | module | what it holds |
//! |---|---|
//! | this | what is answered: an SVID is decided on as at the token endpoint, `svid:issue` on its audience |
//! | `grpc` | the methods over gRPC: `FetchJWTSVID`, `FetchJWTBundles`, `ValidateJWTSVID`. Those of X.509 and WIT-SVIDs are `Unimplemented` |
//! | `messages` | their messages |
//! | `serve` | the socket |

mod grpc;
mod messages;
mod serve;

pub use serve::{WorkloadSocket, WorkloadSocketError};

use crate::{
    decide::{BoxFuture, Cost, Passed, Undecided, Who},
    gateway::{Gateway, now},
    refused::Refused,
    resource::leads_to,
    token::svid::{Making, make},
};
use legation_credential::{Facts, Request, Value};
use legation_did::{Did, Purpose};
use legation_registry::RegistryError;
use legation_store::holder::Kind;
use legation_token::{narrow::resource_of, svid::ISSUE};
use legation_verifier::VerifiedChain;
use std::{collections::HashMap, sync::Arc};

/// Which agent the processes of each user of this machine are, by the user's number and the agent's name.
#[derive(Clone, Debug, Default)]
pub struct Workloads(HashMap<u32, String>);

impl Workloads {
    /// Those users.
    #[must_use]
    pub fn new(users: impl IntoIterator<Item = (u32, String)>) -> Self {
        Self(users.into_iter().collect())
    }

    fn agent(&self, user: u32) -> Option<&str> {
        self.0.get(&user).map(String::as_str)
    }
}

/// An agent, and the key that it has now, as a Multikey.
struct Known {
    did: Did,
    key: String,
}

impl Gateway {
    /// The agent of a name, as the registry has it now.
    async fn agent_named(self: &Arc<Self>, name: &str, now: i64) -> Result<Known, Refused> {
        let (gateway, name) = (Arc::clone(self), name.to_owned());
        let read = self.blocking(move || {
            let shown = gateway.registry.show(Kind::Agent, &name)?;
            let document = gateway.registry.document(&shown.holder.did)?;
            let id = document.usable(Purpose::Authentication, now).next().map(|(id, _)| id.to_owned());
            let key = id.and_then(|id| {
                let mut methods = document.usable(Purpose::Authentication, now);
                let (_, algorithm) = methods.find(|(other, _)| *other == id)?;
                let asked =
                    legation_did::KeyUse { id: &id, algorithm, purpose: Purpose::Authentication, now };
                document.key(asked).ok().map(|key| key.to_multikey())
            });
            let did = shown.holder.did.parse().map_err(|_| RegistryError::NothingGranted)?;
            key.map(|key| Known { did, key }).ok_or(RegistryError::NothingGranted)
        });
        read.await.and_then(|read| read).map_err(|error| match error {
            RegistryError::Store(legation_store::StoreError::NotFound { .. })
            | RegistryError::NothingGranted => {
                Refused::new("svid_nobody", "there is no such agent any more, or it has no key")
            }
            other => Refused::of_registry(&other),
        })
    }

    /// An SVID for a process of an agent: its SPIFFE ID, and the SVID.
    async fn svid_of_process(
        self: &Arc<Self>,
        agent: &str,
        audience: &str,
    ) -> Result<(String, String), Refused> {
        let now = now();
        let Known { did, key } = self.agent_named(agent, now).await?;
        let id = uuid::Uuid::now_v7().to_string();
        let asked = |epoch, _: Arc<VerifiedChain>| -> BoxFuture<'_> {
            let id = id.as_str();
            Box::pin(async move { self.judged_process(epoch, audience, id).await })
        };
        let by = self.registry.did().clone();
        let who = Who::Named { subject: &did, by: &by };
        let Passed { done, caller } = self.decide(who, Cost::Known, &asked).await?;
        done.synced.wait().await.map_err(|_| Refused::store())?;
        let trust = self.verifier.trust();
        let until = now.saturating_add(trust.max_status_age.saturating_sub(caller.status_age));
        let making = Making { audience, id: &id, key, status_until: until, now };
        let (claims, svid) = make(self, &caller, making).await?;
        Ok((claims.id.to_string(), svid))
    }

    async fn judged_process(
        self: &Arc<Self>,
        epoch: i64,
        audience: &str,
        id: &str,
    ) -> Result<Request, Undecided> {
        let configured = self.configured_at(epoch).await?;
        let found = leads_to(&configured, &self.registry.origin(), audience);
        let wrong = |message: String| Refused::new("audience_invalid", message);
        let resource = resource_of(found.as_deref().unwrap_or(audience));
        let resource = resource.map_err(|error| wrong(error.to_string()))?;
        let facts = Facts::from([("token.id".to_owned(), Value::from(id))]);
        Request::new(ISSUE, &resource, facts).map_err(|error| wrong(error.to_string()).into())
    }
}
