//! Who may have a stream of the organization's events, and which streams there are. The streams themselves are their
//! receivers' ([`crate::signals`]).

use super::{
    asked::{Asked, listed},
    endpoint::{AFTER, Endpoint, LIMIT},
    error::ApiError,
    forms,
};
use axum::http::Method;
use legation_keys::time;
use legation_registry::signals::Scope;
use legation_store::signal::Receiver;
use serde::Deserialize;
use serde_json::{Value, json};

/// How long a token lives where nobody says it: 90 days, in seconds.
const USUAL: i64 = 90 * 86_400;
/// How long at the most: a year, in seconds.
const MOST: i64 = 365 * 86_400;

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint::get(
        ("/v1/signals/receivers", "admin:signals.list"),
        "Who may have a stream of events. Their tokens are not kept.",
        &[AFTER, LIMIT],
        "Receivers",
        list,
    ),
    Endpoint::make(
        ("/v1/signals/receivers", "admin:signals.add"),
        "Let somebody have a stream of events. Its token is in this answer and nowhere else.",
        ("AddReceiver", "NewReceiver"),
        add,
    )
    .with_secret(),
    Endpoint::change(
        Method::DELETE,
        ("/v1/signals/receivers/{id}", "admin:signals.remove"),
        "Take a receiver away, with its token, its stream and what waits for it.",
        (None, "Receiver"),
        |asked| Ok(receiver(&asked.registry.remove_receiver(asked.name, asked.now)?, asked.now)),
    ),
    Endpoint::get(
        ("/v1/signals/streams", "admin:signals.streams"),
        "The streams of all receivers, and how much waits for each.",
        &[AFTER, LIMIT],
        "Streams",
        streams,
    ),
];

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", expecting = "an object")]
struct Add {
    name: String,
    audience: Option<String>,
    #[serde(default)]
    scopes: Vec<String>,
    expires_in: Option<i64>,
}

fn receiver(receiver: &Receiver, now: i64) -> Value {
    json!({
        "id": receiver.id, "name": receiver.name, "audience": receiver.audience,
        "scopes": receiver.scopes.split(' ').collect::<Vec<_>>(), "hint": receiver.hint,
        "state": if now < receiver.expires { "active" } else { "expired" },
        "created": time::format(receiver.created), "expires": time::format(receiver.expires),
    })
}

fn list(asked: &Asked<'_>) -> Result<Value, ApiError> {
    let page = asked.page()?;
    let found = asked.registry.receivers(&page.after, page.most)?;
    let next = found.last().map(|last| json!(last.id));
    Ok(listed("receivers", found.iter().map(|one| receiver(one, asked.now)).collect(), next, page.most))
}

fn add(asked: &Asked<'_>) -> Result<Value, ApiError> {
    let add: Add = asked.body()?;
    let wrong = |message: String| ApiError::bad("value_invalid", message);
    let valid_for = add.expires_in.unwrap_or(USUAL);
    if !(1..=MOST).contains(&valid_for) {
        return Err(wrong(format!("`expiresIn` is {valid_for}; expected seconds from 1 to {MOST}")));
    }
    let scope = |name: &String| {
        let known = Scope::ALL.into_iter().find(|scope| scope.name() == name);
        known.ok_or_else(|| {
            wrong(format!("the scope `{name}` is not known; there are `ssf.read` and `ssf.manage`"))
        })
    };
    let scopes: Vec<Scope> = add.scopes.iter().map(scope).collect::<Result<_, _>>()?;
    let named = (add.name.as_str(), add.audience.as_deref());
    let made = asked.registry.add_receiver(named, &scopes, valid_for, asked.now)?;
    let more = [
        ("secret", json!(made.secret.as_str())),
        ("configuration", json!(format!("{}/.well-known/ssf-configuration", asked.registry.origin()))),
    ];
    Ok(forms::with(receiver(&made.receiver, asked.now), &more))
}

fn streams(asked: &Asked<'_>) -> Result<Value, ApiError> {
    let page = asked.page()?;
    let found = asked.registry.streams(&page.after, page.most)?;
    let next = found.last().map(|last| json!(last.subscription.id));
    let stream = |shown: &legation_registry::signals::Shown| {
        let stream = &shown.subscription;
        json!({
            "id": stream.id, "receiver": stream.owner, "state": stream.state, "reason": stream.reason,
            "url": stream.url, "waiting": stream.waiting, "failures": stream.failures,
            "created": time::format(stream.created),
        })
    };
    Ok(listed("streams", found.iter().map(stream).collect(), next, page.most))
}
