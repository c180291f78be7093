//! What an organization publishes, from its store: DID documents and status lists. All of it is static and signed, or
//! stands on its own domain: anybody may mirror it.

use crate::{
    api::endpoint::unescape,
    fresh::{Fresh, problem},
    location::Kind,
    problem::Problem,
    router::{answer, open_to_web_pages},
};
use axum::{
    Router,
    extract::{Path, State},
    http::{HeaderMap, Uri},
    middleware::map_response,
    response::Response,
    routing::get,
};
use legation_keys::time::{self, Round};
use legation_registry::{Registry, RegistryError, names};
use sha2::{Digest, Sha256};
use std::sync::Arc;

/// `/.well-known/did.json`, `/.well-known/did.jsonl` where there is a did:webvh, `/teams/NAME/did.json`, `/NAME/did.json` (each with `?versionTime=TIME` as it was), `/status/NUMBER`, `/.well-known/did-configuration.json`, `/.well-known/agent-card.json` and
/// `/NAME/agent-card.json` of an organization. Of one by a name below a domain, all of it is below that name, and its own document, log and
/// card are `did.json`, `did.jsonl` and `agent-card.json` there, as its did:web says.
pub fn published(registry: Arc<Registry>) -> Router {
    let (document, log, card) = match names::path(registry.did()) {
        None => ("/.well-known/did.json", "/.well-known/did.jsonl", "/.well-known/agent-card.json"),
        Some(_) => ("/did.json", "/did.jsonl", "/agent-card.json"),
    };
    Router::new()
        .route(document, get(own))
        .route(log, get(history))
        .route("/teams/{name}/did.json", get(team))
        .route("/{name}/did.json", get(agent))
        .route("/status/{number}", get(status))
        .route("/.well-known/did-configuration.json", get(configuration))
        .route(card, get(own_card))
        .route("/{name}/agent-card.json", get(agent_card))
        .layer(map_response(open_to_web_pages))
        .with_state(Fresh::new(registry))
}

type Publishes = State<Arc<Fresh>>;
type Told = Result<Response, Problem>;

async fn own(State(fresh): Publishes, at: Uri, headers: HeaderMap) -> Told {
    let did = fresh.registry().did().to_string();
    document(&fresh, did, (&at, &headers)).await
}

async fn history(State(fresh): Publishes, at: Uri, headers: HeaderMap) -> Told {
    let log = |registry: &Registry| Ok(registry.history_log()?.into_bytes());
    tell(&fresh, Kind::Log, (&at, &headers), log).await
}

async fn team(State(fresh): Publishes, Path(name): Path<String>, at: Uri, headers: HeaderMap) -> Told {
    let did = format!("{}:teams:{name}", fresh.registry().did());
    document(&fresh, did, (&at, &headers)).await
}

async fn agent(State(fresh): Publishes, Path(name): Path<String>, at: Uri, headers: HeaderMap) -> Told {
    let did = format!("{}:{name}", fresh.registry().did());
    document(&fresh, did, (&at, &headers)).await
}

async fn status(State(fresh): Publishes, Path(number): Path<i64>, at: Uri, headers: HeaderMap) -> Told {
    let list = move |registry: &Registry| Ok(registry.status_list(number)?.into_bytes());
    tell(&fresh, Kind::StatusList, (&at, &headers), list).await
}

async fn configuration(State(fresh): Publishes, at: Uri, headers: HeaderMap) -> Told {
    let configuration = |registry: &Registry| Ok(registry.did_configuration()?.into_bytes());
    tell(&fresh, Kind::Configuration, (&at, &headers), configuration).await
}

async fn own_card(State(fresh): Publishes, at: Uri, headers: HeaderMap) -> Told {
    let did = fresh.registry().did().to_string();
    card(&fresh, did, (&at, &headers)).await
}

async fn agent_card(State(fresh): Publishes, Path(name): Path<String>, at: Uri, headers: HeaderMap) -> Told {
    let did = format!("{}:{name}", fresh.registry().did());
    card(&fresh, did, (&at, &headers)).await
}

async fn card(fresh: &Arc<Fresh>, did: String, asked: (&Uri, &HeaderMap)) -> Told {
    let card = move |registry: &Registry| Ok(registry.published_card(&did)?.secured.into_bytes());
    tell(fresh, Kind::AgentCard, asked, card).await
}

async fn document(fresh: &Arc<Fresh>, did: String, asked: (&Uri, &HeaderMap)) -> Told {
    if let Some(at) = version_time(asked.0)? {
        return document_as_of(fresh, did, at, asked.1).await;
    }
    let document = move |registry: &Registry| Ok(registry.document(&did)?.to_json().to_string().into_bytes());
    tell(fresh, Kind::Document, asked, document).await
}

/// A document as it was, by DID Core's parameter `versionTime` (§3.2.1). It is read anew each time: whoever asks chooses the moment, and
/// must not choose what is remembered.
async fn document_as_of(fresh: &Arc<Fresh>, did: String, at: i64, headers: &HeaderMap) -> Told {
    let own = Arc::clone(fresh);
    let read = move || Ok(own.registry().document_as_of(&did, at)?.to_json().to_string().into_bytes());
    let read = tokio::task::spawn_blocking(read).await.map_err(|_| Problem::Storage)?;
    let bytes = read.map_err(|error: RegistryError| problem(&error))?;
    let digest = Sha256::digest(&bytes).into();
    answer(Kind::Document, bytes.into(), digest, headers)
}

/// The moment that a document is asked for, Unix seconds; `None` where nobody says one.
fn version_time(at: &Uri) -> Result<Option<i64>, Problem> {
    let pairs = at.query().unwrap_or_default().split('&');
    let mut said = pairs.filter_map(|pair| pair.strip_prefix("versionTime="));
    let Some(text) = said.next() else { return Ok(None) };
    let moment = unescape(text).and_then(|text| time::parse(&text, Round::Down));
    moment.filter(|_| said.next().is_none()).map(Some).ok_or(Problem::VersionTime)
}

/// Tells a page, by its path.
async fn tell(
    fresh: &Arc<Fresh>,
    kind: Kind,
    (at, headers): (&Uri, &HeaderMap),
    make: impl FnOnce(&Registry) -> Result<Vec<u8>, RegistryError> + Send + 'static,
) -> Told {
    let page = fresh.page(at.path(), make).await?;
    answer(kind, page.bytes, page.digest, headers)
}
