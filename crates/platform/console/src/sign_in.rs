//! Signing in by a code that is typed, and out.

use crate::{
    Console,
    client::now,
    page::{COOKIE, COOKIE_TLS, Visit, is_own, open_page},
    session::Fresh,
};
use axum::{
    Form,
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Redirect, Response},
};
use legation_host::api::actions_of;
use legation_registry::{RegistryError, console::SESSION_LIFE};
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
        @if let Some(why) = why { p.bad role="alert" { (why) } }
        form.sign-in method="post" action="/console/sign-in" {
            label for="code" { "Code" }
            input id="code" name="code" autocomplete="one-time-code" autocapitalize="characters" spellcheck="false"
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
    headers: HeaderMap,
    Form(Typed { code }): Form<Typed>,
) -> Response {
    if !is_own(&headers) {
        return form(StatusCode::FORBIDDEN, Some("The form was sent by another site. Type the code here."));
    }
    let code: String = code.chars().take(MAX_CODE).collect();
    let own = Arc::clone(&console);
    let begun = tokio::task::spawn_blocking(move || begin(&own, &code)).await;
    match begun {
        Ok(Ok(cookie)) => {
            let name = if console.tls { COOKIE_TLS } else { COOKIE };
            let secure = if console.tls { "; Secure" } else { "" };
            let value =
                format!("{name}={cookie}; Path=/; HttpOnly; SameSite=Strict; Max-Age={SESSION_LIFE}{secure}");
            let mut response = Redirect::to("/console").into_response();
            if let Ok(value) = HeaderValue::try_from(value) {
                response.headers_mut().insert(header::SET_COOKIE, value);
            }
            response
        }
        Ok(Err(why)) => form(StatusCode::FORBIDDEN, Some(&why)),
        Err(_) => form(StatusCode::SERVICE_UNAVAILABLE, Some("It could not be looked at. Try again.")),
    }
}

fn begin(console: &Console, code: &str) -> Result<String, String> {
    let fresh = Fresh::new()?;
    let begun = console.registry.begin_console_session(code, &fresh.did, actions_of, now());
    let (admin, role) = begun.map_err(|error| match error {
        RegistryError::Claim => {
            "That is no code that holds: it was typed before, has ended, or is another one. Make a new one."
                .to_owned()
        }
        other => other.to_string(),
    })?;
    let secured = admin.link.as_ref().map_or("", |link| link.secured.as_str());
    let life = Duration::from_secs(u64::try_from(SESSION_LIFE).unwrap_or_default());
    console.sessions.begin(fresh, (secured, role), life)
}

#[derive(Deserialize)]
pub(crate) struct Out {
    form: String,
}

/// Ends a session: its key is nobody's any more.
pub(crate) async fn sign_out(
    State(console): State<Arc<Console>>,
    visit: Visit,
    Form(Out { form: brought }): Form<Out>,
) -> Response {
    if !is_own(&visit.headers) || brought != visit.session.form {
        return form(StatusCode::FORBIDDEN, Some("The form was sent by another site, or is an old one."));
    }
    console.sessions.end(&visit.cookie);
    let (name, secure) = if console.tls { (COOKIE_TLS, "; Secure") } else { (COOKIE, "") };
    let session = Arc::clone(&visit.session);
    // Where the store can't be written to, nobody has the key all the same.
    drop(
        tokio::task::spawn_blocking(move || console.registry.end_console_session(&session.did, now())).await,
    );
    let mut response = Redirect::to("/console/sign-in").into_response();
    if let Ok(value) =
        HeaderValue::try_from(format!("{name}=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0{secure}"))
    {
        response.headers_mut().insert(header::SET_COOKIE, value);
    }
    response
}
