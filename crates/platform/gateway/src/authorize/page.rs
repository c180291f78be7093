//! What the person sees. Pages run nothing, load nothing but their style, and stand in no frame, so that nobody clicks on what he does not
//! see.

use super::{
    Known, Stopped,
    offer::{LASTS, Offer},
};
use crate::words::{limits, may};
use axum::{body::Body, response::Response};
use http::{HeaderName, HeaderValue, StatusCode, header};
use legation_credential::Authority;
use legation_keys::time;
use legation_registry::Consented;
use legation_store::holder::State;
use legation_token::{authorize::Asks, redirect};
use maud::{DOCTYPE, Markup, html};
use serde_json::{Value, json};

/// What of a page may be loaded and run; where its form may go stands apart.
const POLICY: &str =
    "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'";
const STYLE: &str = include_str!("style.css");

/// What a page that asks is made of.
pub(super) struct Asking<'a> {
    pub(super) person: &'a str,
    pub(super) organization: &'a str,
    pub(super) known: &'a Known,
    pub(super) asks: &'a Asks,
    pub(super) offer: &'a Offer,
    pub(super) request: &'a str,
    pub(super) form: &'a str,
}

pub(crate) fn style() -> Response {
    let mut response = answer(StatusCode::OK, "text/css; charset=utf-8", STYLE.to_owned());
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("max-age=300"));
    response
}

/// Where one signs in: nothing is known of the program yet but its own word.
pub(super) fn sign_in(
    status: StatusCode,
    request: &str,
    claimed: Option<&str>,
    why: Option<&str>,
) -> Response {
    let content = html! {
        h1 { "Sign in" }
        @match claimed {
            Some(claimed) => {
                p { "A program wants to act for you. It calls itself " code { (short(claimed)) } ". Sign in to see what it asks for." }
            }
            None => { p { "Sign in to see what you have let programs do." } }
        }
        @if let Some(why) = why { p.bad id="why" role="alert" { (why) } }
        form method="post" action="sign-in" {
            input type="hidden" name="request" value=(request);
            label for="code" { "Code" }
            input id="code" name="code" aria-invalid=[why.map(|_| "true")] aria-describedby=[why.map(|_| "why")] autocomplete="one-time-code"
                autocapitalize="characters" spellcheck="false" maxlength="64" required autofocus;
            button type="submit" { "Sign in" }
        }
        p.quiet { "Whoever administers your organization makes a code by " code { "legation person code" } ". It is good once and for ten minutes." }
    };
    page(status, "Sign in", &content, "")
}

/// What a program asks for, and what the person may lower.
pub(super) fn ask(asking: &Asking<'_>) -> Response {
    let Asking { person, organization, known, asks, offer, request, form } = asking;
    let to = redirect::source(&known.asked.redirect_uri);
    let is_nothing = offer.items.is_empty() && offer.more.is_empty();
    let content = html! {
        h1 { (known.client.name) " wants to act for you" }
        @if known.is_told {
            p { "Whoever administers " strong { (organization) } " has told of this program." }
        } @else {
            p.bad { "Nobody at " strong { (organization) } " has looked at this program. What it is called is its own word; it stands at " code { (known.client.id) } "." }
        }
        p { "It would act at " code { (asks.audience) } ", as you, " strong { (person) } ". Your browser then goes on to " code { (to) } "." }
        form method="post" action="consent" {
            input type="hidden" name="request" value=(request);
            input type="hidden" name="form" value=(form);
            @if !offer.items.is_empty() {
                fieldset {
                    legend { "It may do this. Take away what you do not want." }
                    @for (action, on) in &offer.items {
                        label.check { input type="checkbox" name="action" value=(action) checked; span { (may(core::slice::from_ref(action), on)) } }
                    }
                }
            }
            @if !offer.more.is_empty() {
                fieldset {
                    legend { "It asks for nothing yet but to connect. Choose what it may do there." }
                    @for (action, on) in &offer.more {
                        label.check { input type="checkbox" name="action" value=(action); span { (may(core::slice::from_ref(action), on)) } }
                    }
                }
            }
            @if let Some(held) = &offer.held { (limits(held)) }
            @if !asks.limits.is_empty() {
                p { "It binds itself, too:" }
                (limits_of(&asks.limits))
            }
            @if !offer.beyond.is_empty() {
                p { "It asks for this, too, and will not get it:" }
                ul { @for (action, why) in &offer.beyond { li { code { (action) } ": " (why) "." } } }
            }
            @if is_nothing {
                p.bad { "You can't give it anything of what it asks for." }
            } @else {
                label for="lasts" { "For how long" }
                select id="lasts" name="lasts" {
                    @for (value, name) in LASTS { option value=(value) selected[value == "7d"] { (name) } }
                }
                label for="budget" { "What it may spend at most, such as " code { "5USD/day" } "; leave it empty for no further limit" }
                input id="budget" name="budget" maxlength="40" spellcheck="false";
            }
            div.acts {
                @if !is_nothing { button.go type="submit" name="act" value="allow" { "Allow" } }
                button type="submit" name="act" value="deny" { "Do not allow" }
            }
        }
        p.quiet {
            "You can take it back at any time, from the next call on: " a href="consents" { "what you have let programs do" } "."
        }
        form method="post" action="sign-out" {
            input type="hidden" name="request" value=(request);
            input type="hidden" name="form" value=(form);
            button type="submit" { "Not " (person) "? Sign out" }
        }
    };
    page(StatusCode::OK, "A program asks", &content, &to)
}

/// What a person has let programs do.
pub(super) fn consents(person: &str, all: &[Consented], form: &str) -> Response {
    let content = html! {
        h1 { "What " (person) " has let programs do" }
        @if all.is_empty() { p { "Nothing." } }
        @for Consented { consent, agent } in all.iter().rev() {
            section {
                h2 { (consent.client_name) " at " code { (consent.audience) } }
                ul { @for grant in &agent.profile.grants { li { (may(&texts(grant, "actions"), &texts(grant, "resources"))) } } }
                (limits_of(&agent.profile.constraints))
                @for budget in &agent.profile.budgets { p { "It may spend at most " (budget) "." } }
                @if agent.holder.state == State::Retired {
                    p.quiet { "It may do nothing any more." }
                } @else {
                    p.quiet { "Until " (agent.profile.until.map(time::format).unwrap_or_default()) "." }
                    form method="post" action="revoke" {
                        input type="hidden" name="form" value=(form);
                        input type="hidden" name="id" value=(consent.id);
                        button type="submit" { "Take it back" }
                    }
                }
            }
        }
    };
    page(StatusCode::OK, "What programs may do", &content, "")
}

/// Constraints as sentences.
fn limits_of(constraints: &[Value]) -> Markup {
    let bounds = Authority::parse(&json!({"grants": [], "constraints": constraints}).to_string());
    html! { @if let Ok(bounds) = bounds { (limits(&bounds)) } }
}

fn texts(grant: &Value, name: &str) -> Vec<String> {
    let all = grant.get(name).and_then(Value::as_array);
    all.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// What is wrong, told to the person alone.
pub(super) fn wrong(status: StatusCode, message: &str) -> Response {
    let content = html! { h1 { "That did not work" } p role="alert" { (message) } };
    page(status, "That did not work", &content, "")
}

pub(super) fn stopped(stopped: Stopped) -> Response {
    match stopped {
        Stopped::Page(status, message) => wrong(status, &message),
        Stopped::Back(to) => led(&to),
    }
}

/// To another page, by GET (RFC 9110 §15.4.4): what was posted here is not sent on.
pub(super) fn led(to: &str) -> Response {
    let mut response = page(StatusCode::SEE_OTHER, "Going on", &html! {}, "");
    match HeaderValue::try_from(to) {
        Ok(to) => drop(response.headers_mut().insert(header::LOCATION, to)),
        Err(_) => return wrong(StatusCode::BAD_REQUEST, "The address that the answer is to go to is none."),
    }
    response
}

fn page(status: StatusCode, title: &str, content: &Markup, goes_on_to: &str) -> Response {
    let whole = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) " · Legation" }
                link rel="stylesheet" href="style.css";
            }
            body { main { (content) } }
        }
    };
    let mut response = answer(status, "text/html; charset=utf-8", whole.into_string());
    // What follows a form is held against this, too (Content Security Policy Level 3, §6.4.2).
    let policy = format!("{POLICY} {goes_on_to}");
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::try_from(policy.trim_end()).unwrap_or(HeaderValue::from_static(POLICY)),
    );
    headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    // Without a referrer a browser would not say of a form where it comes from (the Fetch standard, `Origin`).
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    headers.insert(
        HeaderName::from_static("cross-origin-opener-policy"),
        HeaderValue::from_static("same-origin"),
    );
    response
}

fn answer(status: StatusCode, kind: &'static str, body: String) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

fn short(text: &str) -> String {
    text.chars().take(200).collect()
}
