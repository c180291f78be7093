//! One of the organizations that are up: what is served for it, and what is done for it meanwhile.

use super::{keeper, limits, log, log_store, scripted, witnesses};
use crate::{
    args::{NetworkArgs, UpArgs},
    files,
    organization::data_dir::{DataDir, Signer, failed},
    output::{Failure, complain},
};
use axum::Router;
use legation_did::Did;
use legation_gateway::Gateway;
use legation_host::{Listening, Signals, api::Settings, logs, published, several, spiffe, tokens};
use legation_log::policy::Policy;
use legation_registry::{Registry, names};
use legation_signer::Door;
use legation_store::StoreError;
use std::{
    path::PathBuf,
    sync::{Arc, Mutex},
};
use zeroize::Zeroizing;

/// What to do about another master key.
const OTHER_MASTER: &str = "the master key is not the one that sealed what is kept: put back the `master.key` that was kept apart; where \
                            nobody has it, `legation master-key lost`";

/// Such an organization.
pub(super) struct Organization {
    pub(super) registry: Arc<Registry>,
    pub(super) gateway: Arc<Gateway>,
    pub(super) signals: Arc<Signals>,
    /// What it hears of partners.
    pub(super) listening: Arc<Listening>,
    /// The folder of its own files.
    own: PathBuf,
    /// Whoever is the first admin types it.
    pub(super) claim: Option<Zeroizing<String>>,
}

impl Organization {
    /// What is due is done before anybody asks. What is closed answers so until it is opened.
    pub(super) fn begin(
        registry: Registry,
        (folder, signer): (&DataDir, &Signer),
        args: &UpArgs,
    ) -> Result<Self, Failure> {
        let own = folder.of_organization(registry.did());
        let registry = Arc::new(registry);
        let gateway = Gateway::new(Arc::clone(&registry), signer.client(Door::Gateway)?, args.allow_private)
            .map_err(|error| Failure::network("gateway", error.to_string()))?;
        gateway.limit(limits(&args.limits));
        if args.require_dpop {
            gateway.require_dpop();
        }
        let signals = Signals::new(Arc::clone(&registry), signer.client(Door::Gateway)?, args.allow_private)
            .map_err(|error| Failure::network("signals", error.to_string()))?;
        let listening = Listening::new(
            Arc::clone(&gateway),
            Arc::clone(&registry),
            signer.client(Door::Gateway)?,
            args.allow_private,
        )
        .map_err(|error| Failure::network("signals", error.to_string()))?;
        if !args.dev
            && registry.models().is_ok_and(|models| models.iter().any(|model| model.name == scripted::NAME))
        {
            complain("note: the model `scripted` answers under `legation up --dev` only\n");
        }
        let closed = registry.closed().map_err(|error| failed(&error))?;
        let claim = match &closed {
            Some(why) => {
                complain(&format!("note: {}\n", StoreError::Restored { why: why.clone() }));
                None
            }
            None => {
                // A master key that opens nothing is told before anybody calls.
                registry.check_keys().map_err(|error| match error.code() {
                    "sealed_mismatch" => Failure::network("sealed_mismatch", OTHER_MASTER),
                    _ => failed(&error),
                })?;
                keeper::look(&registry).map_err(|error| failed(&error))?;
                let claim = || registry.new_claim(files::now()).map_err(|error| failed(&error));
                if args.dev { None } else { claim()? }
            }
        };
        Ok(Self { registry, gateway, signals, listening, own, claim })
    }

    pub(super) fn did(&self) -> &Did {
        self.registry.did()
    }

    fn logs(&self) -> PathBuf {
        self.own.join(legation_registry::log::FOLDER)
    }

    /// Begins what is done again and again, on threads of its own.
    pub(super) fn keep(
        &self,
        folder: &DataDir,
        args: &UpArgs,
        witnesses: Option<&Policy>,
        signer: &Arc<Mutex<Signer>>,
    ) -> Result<(), Failure> {
        log::start(&self.registry, self.logs())?;
        if let Some(url) = &args.log_store {
            let network =
                NetworkArgs { allow_private: args.allow_private, http_on_loopback: true, ca: Vec::new() };
            let mut url = url.trim_end_matches('/').to_owned();
            if self.own != folder.path() {
                // As in the folder, so that logs of the same year do not meet. A store knows few characters.
                url.push_str(&format!("/organizations/{}", self.registry.host().replace(':', "_")));
            }
            log_store::start(url, self.logs(), network)?;
        }
        if let Some(witnesses) = witnesses {
            witnesses::start(witnesses.clone(), self.logs(), args.allow_private)?;
        }
        keeper::start(&self.registry, signer)
    }

    /// What callers reach, and what everybody does.
    fn public(&self) -> Router {
        let told = |name, routes| legation_gateway::told(Arc::clone(&self.gateway), name, routes);
        let pages =
            published(Arc::clone(&self.registry)).merge(tokens(&self.registry)).merge(logs(self.logs()));
        let pages = pages.merge(spiffe(Arc::clone(&self.registry)));
        legation_gateway::router(Arc::clone(&self.gateway))
            .merge(told("published", pages))
            .merge(told("signals", self.signals.router().merge(self.listening.router())))
    }

    fn administration(&self, args: &UpArgs) -> Router {
        let logs = Some(self.logs());
        let settings = Settings { allow_private: args.allow_private, logs, ..Settings::default() };
        legation_host::api::api_with(Arc::clone(&self.gateway), Arc::clone(&self.registry), settings)
    }
}

/// What callers reach of all, and what everybody does.
pub(super) fn public(all: &[Organization]) -> Router {
    match all {
        // Of one by a name below a domain all is below that name, also where it is alone.
        [one] if names::path(one.did()).is_none() => one.public(),
        all => {
            several::by_host(all.iter().map(|one| (one.did().clone(), one.public())).collect(), whose(all))
        }
    }
}

/// What admins reach of all; and of each alone, for whoever is signed in there.
pub(super) fn administration(all: &[Organization], args: &UpArgs) -> (Router, Vec<(Arc<Registry>, Router)>) {
    let each: Vec<(Arc<Registry>, Router)> =
        all.iter().map(|one| (Arc::clone(&one.registry), one.administration(args))).collect();
    let router = match each.as_slice() {
        [(_, router)] => router.clone(),
        each => {
            let each = each.iter().map(|(registry, router)| (registry.did().clone(), router.clone()));
            several::administered(each.collect(), whose(all))
        }
    };
    (router, each)
}

/// Whose a request is where its host names nobody: by its chain, or by its key.
fn whose(all: &[Organization]) -> several::Whose {
    let gateways: Arc<[Arc<Gateway>]> = all.iter().map(|one| Arc::clone(&one.gateway)).collect();
    Arc::new(move |headers| {
        let gateways = Arc::clone(&gateways);
        Box::pin(async move { legation_gateway::whose(&gateways, &headers).await })
    })
}
