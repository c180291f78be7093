//! Who is signed in, by a code that an admin made and that was typed once; and that a form was sent by a page of ours.

use super::{Stopped, claimed, page};
use crate::gateway::{Gateway, now};
use crate::refused::Refused;
use axum::{extract::Request, response::Response};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use legation_keys::base64url;
use legation_registry::{RegistryError, people::SESSION_LIFE};
use legation_token::{authorize, request};
use sha2::{Digest, Sha256};
use std::sync::Arc;

/// The cookie of whoever is signed in. Over TLS its name makes browsers hold that it is of this host alone (RFC 6265bis).
const COOKIE: &str = "legation-person";
const COOKIE_TLS: &str = "__Host-legation-person";
/// Most bytes of a form, and most of its members.
const MAX_BODY: usize = 32 << 10;
const MAX_MEMBERS: usize = 128;
/// Most characters of a code that are looked at.
const MAX_CODE: usize = 64;

/// Who is signed in.
pub(super) struct Person {
    pub(super) name: String,
    cookie: String,
}

impl Person {
    /// What a form has to bring along, for this very request: nobody else can know it, since nobody else has the cookie.
    pub(super) fn form(&self, request: &str) -> String {
        let begin = Sha256::new_with_prefix("legation consent form\n").chain_update(&self.cookie);
        base64url::encode(&begin.chain_update("\n").chain_update(request).finalize())
    }
}

/// A form that somebody has sent.
pub(crate) struct Form {
    pub(super) headers: HeaderMap,
    members: Vec<(String, String)>,
}

impl Form {
    /// A member of it; the first one of several.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.members.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }

    pub(super) fn all<'f>(&'f self, name: &'f str) -> impl Iterator<Item = &'f str> {
        self.members.iter().filter(move |(own, _)| own == name).map(|(_, value)| value.as_str())
    }

    /// Whether the page that showed this request to this person has sent it.
    pub(super) fn is_of(&self, gateway: &Gateway, person: &Person, request: &str) -> bool {
        self.is_own(gateway) && self.get("form") == Some(person.form(request).as_str())
    }

    /// Whether a page of this host has sent it: browsers say so themselves (Fetch Metadata), and those that do not, by `Origin`.
    pub(super) fn is_own(&self, gateway: &Gateway) -> bool {
        let text = |name: HeaderName| self.headers.get(name).and_then(|value| value.to_str().ok());
        if let Some(site) = text(HeaderName::from_static("sec-fetch-site")) {
            return site == "same-origin";
        }
        let site = legation_registry::names::site(gateway.registry.did());
        text(header::ORIGIN).is_none_or(|origin| origin.eq_ignore_ascii_case(&site))
    }
}

/// Reads a form, of which nobody knows yet whose it is: beside as many as sign, and as shortly.
pub(crate) async fn arrive(gateway: &Arc<Gateway>, sent: Request) -> Result<Form, Response> {
    let (parts, body) = sent.into_parts();
    let body = gateway.bodies.signed((body, MAX_BODY)).await;
    let body = body.map_err(|refused| page::stopped(Stopped::from(refused)))?;
    let members = request::members(&body, MAX_MEMBERS);
    let members = members.ok_or_else(|| page::wrong(StatusCode::BAD_REQUEST, "That is no form of ours."))?;
    Ok(Form { headers: parts.headers, members })
}

/// The cookie that a browser sends. Of two that are called so nobody knows whose the other one is.
fn cookie(headers: &HeaderMap, tls: bool) -> Option<String> {
    let name = if tls { COOKIE_TLS } else { COOKIE };
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    let pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let mut found = pairs.filter(|(found, _)| *found == name).map(|(_, value)| value.to_owned());
    let first = found.next();
    first.filter(|_| found.next().is_none())
}

fn is_by_tls(gateway: &Gateway) -> bool {
    gateway.registry.origin().starts_with("https://")
}

impl Gateway {
    /// Who is signed in. Whoever shows no cookie is nobody, without a look at the store.
    pub(super) async fn signed_in(self: &Arc<Self>, headers: &HeaderMap) -> Result<Option<Person>, Refused> {
        let Some(cookie) = cookie(headers, is_by_tls(self)) else { return Ok(None) };
        let (gateway, shown) = (Arc::clone(self), cookie.clone());
        let name = self.blocking(move || gateway.registry.signed_in(&shown, now())).await;
        let name = name.and_then(|name| name).map_err(|error| Refused::of_registry(&error))?;
        Ok(name.map(|name| Person { name, cookie }))
    }
}

/// Whoever types a code that holds is signed in, and led back to what is asked.
pub(crate) async fn sign_in(gateway: &Arc<Gateway>, form: &Form) -> Response {
    let request = form.get("request").unwrap_or_default();
    // Whoever looks at its consents is asked by nobody.
    let (arrived, next) = match authorize::read(request) {
        Ok(arrived) => (Some(arrived), format!("authorize?{request}")),
        Err(_) if request.is_empty() => (None, "consents".to_owned()),
        Err(_) => return page::wrong(StatusCode::BAD_REQUEST, "That is no form of ours."),
    };
    let again = |status, why| page::sign_in(status, request, arrived.as_ref().map(claimed), Some(why));
    if !form.is_own(gateway) {
        return again(StatusCode::FORBIDDEN, "The form was sent by another site. Type the code here.");
    }
    let Ok(_turn) = gateway.programs.signing_in.try_acquire() else {
        return again(StatusCode::SERVICE_UNAVAILABLE, "Too many are signing in at once. Try again.");
    };
    let code: String = form.get("code").unwrap_or_default().chars().take(MAX_CODE).collect();
    let own = Arc::clone(gateway);
    let signed = gateway.blocking(move || own.registry.sign_in(&code, now())).await;
    match signed.and_then(|signed| signed) {
        Ok((_, secret)) => set_cookie(gateway, page::led(&next), &secret, SESSION_LIFE),
        Err(RegistryError::Claim) => {
            let why = "That is no code that holds: it was typed before, has ended, or is another one. Ask for a new one.";
            again(StatusCode::FORBIDDEN, why)
        }
        Err(error) => page::stopped(Stopped::from(Refused::of_registry(&error))),
    }
}

/// Signs out, and shows where one signs in.
pub(crate) async fn sign_out(gateway: &Arc<Gateway>, form: &Form) -> Response {
    let request = form.get("request").unwrap_or_default();
    let (Ok(arrived), Ok(Some(person))) = (authorize::read(request), gateway.signed_in(&form.headers).await)
    else {
        return page::wrong(StatusCode::BAD_REQUEST, "Nobody is signed in here.");
    };
    if !form.is_of(gateway, &person, request) {
        return page::wrong(StatusCode::FORBIDDEN, "The form was sent by another site, or is an old one.");
    }
    let (own, cookie) = (Arc::clone(gateway), person.cookie.clone());
    let ended = gateway.blocking(move || own.registry.sign_out(&cookie)).await.and_then(|ended| ended);
    match ended {
        Ok(()) => {
            set_cookie(gateway, page::sign_in(StatusCode::OK, request, Some(claimed(&arrived)), None), "", 0)
        }
        Err(error) => page::stopped(Stopped::from(Refused::of_registry(&error))),
    }
}

/// `Lax`, since a person comes here from the program's own page.
fn set_cookie(gateway: &Gateway, mut response: Response, value: &str, life: i64) -> Response {
    let (name, more) = if is_by_tls(gateway) { (COOKIE_TLS, "; Secure") } else { (COOKIE, "") };
    let value = format!("{name}={value}; Path=/{more}; HttpOnly; SameSite=Lax; Max-Age={life}");
    if let Ok(value) = HeaderValue::try_from(value) {
        response.headers_mut().insert(header::SET_COOKIE, value);
    }
    response
}
