//! Signing in by a code that is typed, and out.

use crate::{
    Console,
    client::now,
    page::{COOKIE, COOKIE_TLS, Visit, cookie, is_by_tls, is_own, open_page},
    session::{Fresh, Session},
};
use axum::{
    Form,
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, Uri, header},
    response::{IntoResponse, Redirect, Response},
};
use legation_host::api::actions_of;
use legation_registry::RegistryError;
use maud::html;
use serde::Deserialize;
use std::{sync::Arc, time::Duration};

/// Most characters of a code that are looked at.
const MAX_CODE: usize = 64;

/// The form.
pub(crate) async fn page() -> Response {
    form(StatusCode::OK, None)
}

fn form(status: StatusCode, why: Option<&str>) -> Response {
    let content = html! {
        h1 { "Sign in" }
        @if let Some(why) = why { p.bad id="why" role="alert" { (why) } }
        form.sign-in method="post" action="/console/sign-in" {
            label for="code" { "Code" }
            input id="code" name="code" aria-invalid=[why.map(|_| "true")] aria-describedby=[why.map(|_| "why")] autocomplete="one-time-code" autocapitalize="characters" spellcheck="false"
                maxlength=(MAX_CODE) required autofocus;
            button type="submit" { "Sign in" }
        }
        p.quiet {
            "A code is made by " code { "legation console" } ", is good once and for ten minutes. Dashes and case do not matter."
        }
    };
    open_page(status, "Sign in", &content)
}

#[derive(Deserialize)]
pub(crate) struct Typed {
    code: String,
}

/// Whoever types a code that holds is signed in.
pub(crate) async fn sign_in(
    State(console): State<Arc<Console>>,
    uri: Uri,
    headers: HeaderMap,
    Form(Typed { code }): Form<Typed>,
) -> Response {
    if !is_own(&headers, &uri) {
        return form(StatusCode::FORBIDDEN, Some("The form was sent by another site. Type the code here."));
    }
    let Ok(_turn) = console.signing_in.try_acquire() else {
        return form(StatusCode::SERVICE_UNAVAILABLE, Some("Too many are signing in at once. Try again."));
    };
    let code: String = code.chars().take(MAX_CODE).collect();
    let own = Arc::clone(&console);
    let begun = tokio::task::spawn_blocking(move || begin(&own, &code)).await;
    match begun {
        Ok(Ok((began, life))) => {
            // Whoever signs in anew is not signed in twice.
            let before = cookie(&headers, console.tls);
            if let Some((cookie, session)) =
                before.and_then(|cookie| console.sessions.get(&cookie).map(|session| (cookie, session)))
            {
                end(&console, &cookie, session).await;
            }
            led("/console", &console, &headers, (&began, life))
        }
        Ok(Err(why)) => form(StatusCode::FORBIDDEN, Some(&why)),
        Err(_) => form(StatusCode::SERVICE_UNAVAILABLE, Some("It could not be looked at. Try again.")),
    }
}

/// To another page, with the cookie of a session set for so many seconds.
fn led(to: &str, console: &Console, headers: &HeaderMap, (cookie, life): (&str, u64)) -> Response {
    // `__Host-` has a path of its own: all (RFC 6265bis, cookie name prefixes).
    let (name, more) = match console.tls || is_by_tls(headers) {
        true => (COOKIE_TLS, "Path=/; Secure"),
        false => (COOKIE, "Path=/console"),
    };
    let mut response = Redirect::to(to).into_response();
    let value = format!("{name}={cookie}; {more}; HttpOnly; SameSite=Strict; Max-Age={life}");
    if let Ok(value) = HeaderValue::try_from(value) {
        response.headers_mut().insert(header::SET_COOKIE, value);
    }
    response
}

/// The cookie of a new session, and how many seconds it lives.
fn begin(console: &Console, code: &str) -> Result<(String, u64), String> {
    let fresh = Fresh::new()?;
    let mut begun = Err(RegistryError::Claim);
    // Whose code it is nobody says.
    for of in &console.all {
        match of.registry.begin_console_session(code, &fresh.did, actions_of, now()) {
            Ok(began) => {
                begun = Ok((of, began));
                break;
            }
            Err(RegistryError::Claim) => {}
            Err(other) => begun = Err(other),
        }
    }
    let (of, (admin, role)) = begun.map_err(|error| match error {
        RegistryError::Claim => {
            "That is no code that holds: it was typed before, has ended, or is another one. Make a new one."
                .to_owned()
        }
        other => other.to_string(),
    })?;
    let (secured, until) =
        admin.link.as_ref().map_or(("", 0), |link| (link.secured.as_str(), link.valid_until));
    let life = u64::try_from(until.saturating_sub(now())).unwrap_or_default();
    let did = fresh.did.clone();
    let cookie = console.sessions.begin(of, fresh, (secured, role), Duration::from_secs(life));
    // Nobody has its key.
    let cookie = cookie.inspect_err(|_| drop(of.registry.end_console_session(&did, now())));
    cookie.map(|cookie| (cookie, life))
}

/// Ends a session. Where the store can't be written to, nobody has its key all the same.
async fn end(console: &Console, cookie: &str, session: Arc<Session>) {
    console.sessions.end(cookie);
    drop(
        tokio::task::spawn_blocking(move || session.of.registry.end_console_session(&session.did, now()))
            .await,
    );
}

#[derive(Deserialize)]
pub(crate) struct Out {
    form: String,
}

/// Ends a session: its key is nobody's any more.
pub(crate) async fn sign_out(
    State(console): State<Arc<Console>>,
    visit: Visit,
    headers: HeaderMap,
    Form(Out { form: brought }): Form<Out>,
) -> Response {
    if !visit.is_own || brought != visit.session.form {
        return form(StatusCode::FORBIDDEN, Some("The form was sent by another site, or is an old one."));
    }
    end(&console, &visit.cookie, Arc::clone(&visit.session)).await;
    led("/console/sign-in", &console, &headers, ("", 0))
}
