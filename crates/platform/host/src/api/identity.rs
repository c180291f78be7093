//! Identity providers, and sessions of those whom they know.

use super::{
    admins::actions_of,
    asked::{Asked, listed},
    endpoint::{AFTER, Endpoint, LIMIT},
    error::ApiError,
    forms,
};
use axum::http::Method;
use legation_agent_card::jwks::JwkSet;
use legation_did::Did;
use legation_registry::{
    identity::{self, IdentityError, Provider},
    proof,
};
use legation_resolver::{Fetcher, Options};
use serde::Deserialize;
use serde_json::{Value, json};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::runtime::Handle;

/// How long keys are relied on, and how seldom they are fetched whatever tokens say: seconds.
const MAX_AGE: i64 = 300;
const SELDOM: i64 = 10;
/// Most bytes of a configuration, and of a JWK set.
const MAX_BYTES: usize = 64 << 10;
/// How long a fetch may take.
const PATIENCE: Duration = Duration::from_secs(5);
const JSON: [&str; 2] = ["application/json", "application/jwk-set+json"];

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint::get(
        ("/v1/identity-providers", "admin:identity-providers.list"),
        "The OpenID providers whose groups stand for roles.",
        &[AFTER, LIMIT],
        "IdentityProviders",
        list,
    ),
    Endpoint::change(
        Method::PUT,
        ("/v1/identity-providers/{name}", "admin:identity-providers.set"),
        "Write an OpenID provider whose groups stand for roles, a new one or the next version of one.",
        (Some("IdentityProvider"), "IdentityProvider"),
        set,
    ),
    Endpoint::change(
        Method::DELETE,
        ("/v1/identity-providers/{name}", "admin:identity-providers.remove"),
        "Remove an OpenID provider. Nobody gets another session by it; those that there are end when they end.",
        (None, "Removed"),
        |asked| {
            asked.registry.remove_identity_provider(asked.name, asked.now)?;
            Ok(json!({"removed": asked.name}))
        },
    ),
    Endpoint::make(
        ("/v1/sessions", ""),
        "Become an admin for some hours, by an ID token of a known OpenID provider. Its `nonce` is made of the key of the \
         DID, so that it is of use to nobody else: base64url of the SHA-256 of `legation session`, a line feed, the \
         organization's DID, a line feed, and the did:key.",
        ("Session", "AdminShown"),
        begin,
    )
    .open(),
];

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", expecting = "an object")]
struct Session {
    id_token: String,
    did: String,
    proof: String,
}

fn list(asked: &Asked<'_>) -> Result<Value, ApiError> {
    let page = asked.page()?;
    let all = asked.registry.identity_providers()?;
    let most = usize::try_from(page.most).unwrap_or_default();
    let found: Vec<Provider> =
        all.into_iter().filter(|one| one.name.as_str() > page.after.as_str()).take(most).collect();
    let next = found.last().map(|last| json!(last.name));
    let items = found.iter().map(|one| serde_json::to_value(one).unwrap_or_default()).collect();
    Ok(listed("identity-providers", items, next, page.most))
}

fn set(asked: &Asked<'_>) -> Result<Value, ApiError> {
    let provider: Provider = asked.body()?;
    if asked.name != provider.name {
        let message = format!(
            "the body names `{}` and the path `{}`; write the same in both",
            provider.name, asked.name
        );
        return Err(ApiError::bad("value_invalid", message));
    }
    asked.registry.put_identity_provider(&provider, asked.now)?;
    Ok(serde_json::to_value(&provider).unwrap_or_default())
}

fn begin(asked: &Asked<'_>) -> Result<Value, ApiError> {
    let Session { id_token, did, proof } = asked.body()?;
    let did: Did = did
        .parse()
        .map_err(|error: legation_did::DidError| ApiError::bad("value_invalid", error.to_string()))?;
    let (registry, now) = (asked.registry, asked.now);
    proof::held(&proof, registry.did(), &did, now)?;
    let refused = |error: IdentityError| ApiError::new(403, error.code(), error.to_string());
    let issuer = identity::issuer_of(&id_token).map_err(refused)?;
    let known = registry.identity_providers()?.into_iter().find(|provider| provider.issuer == issuer);
    let provider = known.ok_or_else(|| refused(IdentityError::Issuer { found: issuer }))?;
    let nonce = identity::nonce(registry.did(), &did);
    let verify = |keys: &JwkSet| provider.verify(&id_token, keys, &nonce, now);
    let identity = match provider.keys()? {
        Some(keys) => verify(&keys).map_err(refused)?,
        None => asked.keys.ok_or_else(no_keys)?.verify(&provider.issuer, now, verify)?.map_err(refused)?,
    };
    let admin = registry.add_session(&did, (&provider, &identity), &actions_of(identity.role), now)?;
    let secured = admin.link.as_ref().map(|link| link.secured.as_str());
    Ok(forms::with(forms::admin(&admin), &[("secured", json!(secured))]))
}

fn no_keys() -> ApiError {
    let message =
        "the keys of this provider are fetched by `legation up`; ask there, or write them into `jwks`";
    ApiError::new(503, "keys_unavailable", message)
}

/// Keys of identity providers that were fetched.
#[derive(Debug)]
pub(crate) struct Keys {
    fetcher: Fetcher,
    held: Mutex<HashMap<String, Held>>,
}

#[derive(Clone, Debug, Default)]
struct Held {
    set: Option<Arc<JwkSet>>,
    fetched_at: i64,
    tried_at: i64,
}

impl Keys {
    /// None yet. `private` says that providers may be at private addresses.
    pub(crate) fn new(private: bool) -> Option<Self> {
        let options = Options {
            timeout: PATIENCE,
            max_bytes: MAX_BYTES,
            allow_private: private,
            http_on_loopback: private,
            ..Options::default()
        };
        Some(Self { fetcher: Fetcher::new(options).ok()?, held: Mutex::default() })
    }

    /// Verifies by the keys of an issuer, which are fetched where there are none, where they are too old, and where one is not
    /// known; seldom, since whoever shows a token may have made that up. It blocks.
    fn verify<T>(
        &self,
        issuer: &str,
        now: i64,
        verify: impl Fn(&JwkSet) -> Result<T, IdentityError>,
    ) -> Result<Result<T, IdentityError>, ApiError> {
        let mut held = self.get(issuer);
        let is_fresh = (0..=MAX_AGE).contains(&now.saturating_sub(held.fetched_at));
        let outcome = held.set.as_ref().filter(|_| is_fresh).map(|set| verify(set));
        if !matches!(outcome, None | Some(Err(IdentityError::Key(_)))) {
            return outcome.ok_or_else(no_keys);
        }
        if (0..SELDOM).contains(&now.saturating_sub(held.tried_at)) {
            let message =
                format!("the keys of `{issuer}` could not be had a moment ago; ask again in {SELDOM} s");
            return outcome.ok_or_else(|| ApiError::new(503, "keys_unavailable", message));
        }
        held.tried_at = now;
        self.put(issuer, held.clone());
        let set = self.fetch(issuer).map_err(|reason| {
            let message = format!("the keys of `{issuer}` can't be had: {reason}");
            ApiError::new(503, "keys_unavailable", message)
        })?;
        let outcome = verify(&set);
        self.put(issuer, Held { set: Some(Arc::new(set)), fetched_at: now, tried_at: now });
        Ok(outcome)
    }

    fn get(&self, issuer: &str) -> Held {
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.get(issuer).cloned().unwrap_or(Held { tried_at: i64::MIN, ..Held::default() })
    }

    /// Only of issuers that the organization names.
    fn put(&self, issuer: &str, new: Held) {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).insert(issuer.to_owned(), new);
    }

    /// OpenID Connect Discovery 1.0 §4.
    fn fetch(&self, issuer: &str) -> Result<JwkSet, String> {
        let file = |url: &str| {
            let runtime = Handle::try_current().map_err(|error| error.to_string())?;
            runtime.block_on(self.fetcher.file(url, &JSON, MAX_BYTES)).map_err(|error| error.to_string())
        };
        let url = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
        let configuration: Value = serde_json::from_slice(&file(&url)?).map_err(|error| error.to_string())?;
        let text = |name: &str| configuration.get(name).and_then(Value::as_str).unwrap_or_default();
        if text("issuer") != issuer {
            return Err("its configuration is of another issuer".to_owned());
        }
        JwkSet::parse(&file(text("jwks_uri"))?).map_err(|error| error.to_string())
    }
}
