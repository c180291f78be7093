//! What all pages have: who visits, the head, the navigation, and what the browser may do with them.

use crate::{
    Console,
    client::{Asking, Problem},
    session::Session,
};
use axum::{
    extract::FromRequestParts,
    http::{Extensions, HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, header, request::Parts},
    response::{IntoResponse, Redirect, Response},
};
use maud::{DOCTYPE, Markup, html};
use std::sync::Arc;

/// The cookie of a session. Over TLS its name makes browsers hold that it is of this host alone (RFC 6265bis, cookie name prefixes).
pub(crate) const COOKIE: &str = "legation-console";
pub(crate) const COOKIE_TLS: &str = "__Host-legation-console";

/// Nothing is run, nothing is loaded but the style, forms go nowhere else, no other page shows this one.
const POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// On a page that follows what is decided: one script of ours runs, asks this origin alone, and can write no markup
/// (W3C Trusted Types).
const FOLLOWING: &str = "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

const PAGES: [(&str, &str); 8] = [
    ("/console", "Overview"),
    ("/console/agents", "Agents"),
    ("/console/delegate", "Delegate"),
    ("/console/decisions", "Decisions"),
    ("/console/policies", "Policies"),
    ("/console/approvals", "Approvals"),
    ("/console/spend", "Spend"),
    ("/console/evidence", "Evidence"),
];

/// Who visits, and is signed in. Whoever is not is led to where one signs in.
pub(crate) struct Visit {
    pub(crate) session: Arc<Session>,
    pub(crate) cookie: String,
    /// Whether its form was sent by a page of this host.
    pub(crate) is_own: bool,
    from: Extensions,
}

impl Visit {
    pub(crate) fn asking(&self) -> Asking<'_> {
        Asking { session: &self.session, from: &self.from }
    }

    /// Refuses a form that no page of this session has sent.
    pub(crate) fn must_be_own(&self, form: &str) -> Result<(), Problem> {
        if self.is_own && form == self.session.form {
            return Ok(());
        }
        let message = "the form was sent by another site, or is an old one; go back and send it again";
        Err(Problem::new(403, "form_denied", message))
    }
}

impl FromRequestParts<Arc<Console>> for Visit {
    type Rejection = Redirect;

    async fn from_request_parts(parts: &mut Parts, console: &Arc<Console>) -> Result<Self, Redirect> {
        let signed_in = cookie(&parts.headers, console.tls)
            .and_then(|cookie| console.sessions.get(&cookie).map(|session| (session, cookie)));
        let Some((session, cookie)) = signed_in else { return Err(Redirect::to("/console/sign-in")) };
        let (is_own, from) = (is_own(&parts.headers, &parts.uri), parts.extensions.clone());
        Ok(Self { session, cookie, is_own, from })
    }
}

/// The cookie of a session, where the browser sends one. Of two that are called so nobody knows whose the other one is.
pub(crate) fn cookie(headers: &HeaderMap, tls: bool) -> Option<String> {
    let named = |name: &str| {
        let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
        let pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
        let mut found = pairs.filter(|(found, _)| *found == name).map(|(_, value)| value.to_owned());
        let first = found.next();
        first.filter(|_| found.next().is_none())
    };
    named(COOKIE_TLS).or_else(|| if tls { None } else { named(COOKIE) })
}

/// Whether a form was sent by a page of this host: browsers say so themselves (Fetch Metadata), and those that do not, by `Origin`.
pub(crate) fn is_own(headers: &HeaderMap, uri: &Uri) -> bool {
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(site) = text(HeaderName::from_static("sec-fetch-site")) {
        return site == "same-origin";
    }
    // HTTP/2 names the host in its target (RFC 9113 §8.3.1).
    let host = uri.authority().map(|host| host.as_str()).or_else(|| text(header::HOST));
    let of_origin = |origin: &str| {
        origin
            .split_once("://")
            .is_some_and(|(_, from)| host.is_some_and(|host| from.eq_ignore_ascii_case(host)))
    };
    text(header::ORIGIN).is_none_or(of_origin)
}

/// Whether a browser says that it reaches the console by TLS, which a proxy speaks for it.
pub(crate) fn is_by_tls(headers: &HeaderMap) -> bool {
    headers.get(header::ORIGIN).is_some_and(|origin| origin.as_bytes().starts_with(b"https://"))
}

/// A page of somebody who is signed in.
pub(crate) fn page(visit: &Visit, title: &str, content: &Markup) -> Response {
    let session = &visit.session;
    let head = html! {
        nav aria-label="Pages" {
            @for (path, name) in PAGES {
                a href=(path) aria-current=[(name == title).then_some("page")] { (name) }
            }
        }
        form.who method="post" action="/console/sign-out" {
            input type="hidden" name="form" value=(session.form);
            span { "signed in as " (session.role.name()) }
            button type="submit" { "Sign out" }
        }
    };
    answer(StatusCode::OK, document(title, &head, content))
}

/// The same, where a form is shown again with what is wrong in it.
pub(crate) fn page_again(visit: &Visit, title: &str, content: &Markup, why: &Problem) -> Response {
    refused(page(visit, title, content), why)
}

/// The same, with the script that follows what is decided.
pub(crate) fn page_that_follows(visit: &Visit, title: &str, content: &Markup) -> Response {
    let script = html! { (content) script src="/console/live.js" defer {} };
    let mut response = page(visit, title, &script);
    let policy = HeaderValue::from_static(FOLLOWING);
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    response
}

/// With the status of what went wrong, and when to ask again.
fn refused(mut response: Response, why: &Problem) -> Response {
    *response.status_mut() = StatusCode::from_u16(why.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    if let Some(after) = &why.retry_after {
        response.headers_mut().insert(header::RETRY_AFTER, after.clone());
    }
    response
}

/// A page of anybody.
pub(crate) fn open_page(status: StatusCode, title: &str, content: &Markup) -> Response {
    answer(status, document(title, &html! {}, content))
}

/// Why there is nothing to show, as a page.
pub(crate) fn problem(visit: &Visit, problem: &Problem) -> Response {
    let content = html! {
        h1 { "That did not work" }
        p { (problem.message) }
        p.quiet { "Code " code { (problem.code) } ", status " (problem.status) }
        p { a href="/console" { "Back to the overview" } " or " a href="/console/sign-in" { "sign in anew" } }
    };
    refused(page(visit, "That did not work", &content), problem)
}

fn document(title: &str, head: &Markup, content: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) " · Legation" }
                link rel="icon" type="image/svg+xml" href="/console/icon.svg";
                link rel="stylesheet" href="/console/style.css";
            }
            body {
                a.skip href="#content" { "To the content" }
                header { strong { "Legation" } (head) }
                main id="content" { (content) }
            }
        }
    }
}

fn answer(status: StatusCode, markup: Markup) -> Response {
    let kind = [(header::CONTENT_TYPE, "text/html; charset=utf-8"), (header::CACHE_CONTROL, "no-store")];
    (status, kind, markup.into_string()).into_response()
}

/// What the browser is told of all that comes from here. Without a referrer from its own pages it would not say of a form
/// where it comes from (the Fetch standard, `Origin`).
pub(crate) async fn secure(mut response: Response) -> Response {
    if !response.headers().contains_key(header::CONTENT_SECURITY_POLICY) {
        response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    }
    for (name, value) in [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "same-origin"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}
