//! Routes that take identity tokens and JWT-SVIDs: what a request shows, whom it stands for, and what is told of where to get one.
//!
//! | module | what it holds |
//! |---|---|
//! | this | what a request shows; for which resource a token has to be |
//! | `caller` | whom a token stands for: the chain that it was made of, as it holds now, narrowed to what the token says |
//! | `svid` | whom a JWT-SVID stands for: the agent of its SPIFFE ID, by the chain that the registry has |
//! | `told` | the metadata of a route (RFC 9728), and what whoever lacks a token or a scope is told (RFC 6750 §3) |
//!
//! A token stands for a proof of possession, and never for authority: what is judged is the chain that it was made of. So whatever
//! was revoked, suspended or used up is so on its next call.

mod caller;
mod svid;
pub(crate) mod told;

pub(crate) use caller::{KnownToken, Tokens};
pub(crate) use svid::{KnownSvid, Svids};

use crate::{decide::Who, models::Configured, refused::Refused};
use http::{HeaderMap, HeaderValue, header::AUTHORIZATION};
use legation_keys::{
    Json, base64url,
    json::{self, JsonLimits},
    jws,
};
use legation_registry::route::{Route, RouteAuth};
use legation_token::{
    TokenError,
    dpop::{self, DpopError, Proof},
    svid::verify::{claims_of, is_svid},
};
use std::sync::{Arc, OnceLock, atomic::AtomicBool};

/// Bounds on a header and a payload that are read before anything of them is believed.
const UNREAD: JsonLimits = JsonLimits { bytes: 16 << 10, depth: 80 };

/// An identity token as a request shows it, not believed yet.
pub(crate) struct Presented {
    token: String,
    /// Whether it is shown by `Authorization: DPoP`.
    by_proof: bool,
    /// Whether it says that it is an SVID.
    is_svid: bool,
    /// The values of all `DPoP` headers; `None` where one is no text.
    proofs: Option<Vec<String>>,
    method: String,
    /// The request's URL as callers know it.
    url: String,
    /// Its path below the organization's origin.
    path: String,
    /// The proof, once it was held against the request.
    proof: OnceLock<Proof>,
    /// Whether it was asked already whether the proof was shown before.
    counted: AtomicBool,
    /// The token, once it is known.
    of: OnceLock<Arc<KnownToken>>,
    /// The SVID, likewise.
    svid: OnceLock<Arc<KnownSvid>>,
}

impl core::fmt::Debug for Presented {
    fn fmt(&self, out: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        out.debug_struct("Presented").field("by_proof", &self.by_proof).finish_non_exhaustive()
    }
}

impl Presented {
    /// What a request shows; `None` where that is no token. Of a token and something else beside it nobody knows which one is meant.
    pub(crate) fn read(
        (method, url, path): (&str, &str, &str),
        query: Option<&str>,
        headers: &HeaderMap,
    ) -> Result<Option<Self>, Refused> {
        let Some((by_proof, token)) = headers.get_all(AUTHORIZATION).iter().find_map(token_of) else {
            return Ok(None);
        };
        let wrong =
            |code: &str, message: &str| Err(Refused::new(code, message).challenged("invalid_request"));
        if headers.get_all(AUTHORIZATION).iter().count() > 1 || headers.contains_key("x-api-key") {
            return wrong(
                "credentials_several",
                "show who you are in one way: one `Authorization`, and nothing beside it",
            );
        }
        // RFC 6750 §2.3: what stands in a URL stands in logs.
        let names_token = |pair: &str| pair.split('=').next() == Some("access_token");
        if query.is_some_and(|query| query.split('&').any(names_token)) {
            return wrong("credentials_several", "a token is shown in `Authorization`, and in no URL");
        }
        let proofs: Option<Vec<String>> =
            headers.get_all("dpop").iter().map(|one| one.to_str().ok().map(str::to_owned)).collect();
        Ok(Some(Self {
            token: token.to_owned(),
            by_proof,
            is_svid: !by_proof && is_svid(token),
            proofs,
            method: method.to_owned(),
            url: url.to_owned(),
            path: path.to_owned(),
            proof: OnceLock::new(),
            counted: AtomicBool::new(false),
            of: OnceLock::new(),
            svid: OnceLock::new(),
        }))
    }

    /// The token, once it is known.
    pub(crate) fn of(&self) -> Option<&Arc<KnownToken>> {
        self.of.get()
    }

    /// The SVID, once it is known.
    pub(crate) fn svid(&self) -> Option<&Arc<KnownSvid>> {
        self.svid.get()
    }

    /// What a route has to take for it.
    pub(crate) fn auth(&self) -> RouteAuth {
        if self.is_svid {
            return RouteAuth::Svid;
        }
        if self.by_proof { RouteAuth::Token } else { RouteAuth::BearerToken }
    }

    /// The proof that it is shown with, held against this request (RFC 9449 §4.3); `None` of what is shown by `Bearer`.
    fn proved(&self, now: i64) -> Result<Option<&Proof>, Refused> {
        if !self.by_proof {
            return Ok(None);
        }
        if let Some(proof) = self.proof.get() {
            return Ok(Some(proof));
        }
        let proofs = self.proofs.as_ref().ok_or(DpopError::Several).map_err(|error| of_proof(&error))?;
        let proofs: Vec<&str> = proofs.iter().map(String::as_str).collect();
        let of = dpop::Of { method: &self.method, url: &self.url, token: Some(&self.token), nonce: None };
        let proof = dpop::check(&proofs, &of, now).map_err(|error| of_proof(&error))?;
        Ok(Some(self.proof.get_or_init(|| proof)))
    }
}

/// A token in a value of `Authorization`, and whether it comes with a proof. What is shown by `Bearer` and has not the form of a JWT is
/// an API key.
fn token_of(value: &HeaderValue) -> Option<(bool, &str)> {
    let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
    let token = token.trim();
    if scheme.eq_ignore_ascii_case("dpop") {
        return Some((true, token));
    }
    (scheme.eq_ignore_ascii_case("bearer") && is_jwt(token)).then_some((false, token))
}

fn is_jwt(text: &str) -> bool {
    let Ok(parts) = jws::split(text) else { return false };
    let Ok(head) = base64url::decode(parts.header) else { return false };
    json::parse(&head, UNREAD).is_ok_and(|head| head.get("alg").is_some())
}

/// Whether a request shows a token.
pub(crate) fn shows_token(headers: &HeaderMap) -> bool {
    headers.get_all(AUTHORIZATION).iter().any(|value| token_of(value).is_some())
}

/// Whose token a request shows, by the token's own word.
pub(crate) fn claimed_issuer(headers: &HeaderMap) -> Option<String> {
    let (_, token) = headers.get_all(AUTHORIZATION).iter().find_map(token_of)?;
    let payload = base64url::decode(jws::split(token).ok()?.payload).ok()?;
    let claims = json::parse(&payload, UNREAD).ok()?;
    claims.get("iss").and_then(Json::as_str).map(str::to_owned)
}

/// A token that does not hold (RFC 6750 §3.1).
fn of_token(error: &TokenError) -> Refused {
    Refused::new(error.code(), error.to_string()).challenged("invalid_token")
}

/// A proof of possession that does not hold (RFC 9449 §7.1).
fn of_proof(error: &DpopError) -> Refused {
    Refused::new(error.code(), error.to_string()).challenged(error.oauth())
}

/// Whom a token that a request shows is for, by its own word, where it is an SVID.
pub(crate) fn claimed_audience(headers: &HeaderMap) -> Option<String> {
    let (_, token) = headers.get_all(AUTHORIZATION).iter().find_map(token_of)?;
    claims_of(token).ok().map(|claims| claims.audience)
}

fn not_taken(presented: &Presented) -> Refused {
    let message = format!(
        "no route here takes a token that is shown so (`{}`); whoever runs the gateway names in `auth` of a route what it takes",
        presented.auth().told()
    );
    Refused::new("auth_not_taken", message).challenged("invalid_token")
}

/// Holds that a route takes what a caller shows.
pub(crate) fn is_taken(route: &Route, who: Who<'_>) -> Result<(), Refused> {
    let auth = match who {
        Who::Key(_) => RouteAuth::ApiKey,
        Who::Signed(_) => RouteAuth::Signature,
        // Held against the very route that it goes to, which an address may name in two ways.
        Who::Token(presented) => presented.auth(),
        _ => return Ok(()),
    };
    if route.takes(auth) {
        return Ok(());
    }
    let message = format!(
        "this route takes no `{}`; whoever runs the gateway names in `auth` of a route what it takes",
        auth.told()
    );
    Err(Refused::new("auth_not_taken", message))
}

/// The route at a path that takes tokens, the URL that the path leads to, and the route's own path.
pub(crate) fn taking<'c>(configured: &'c Configured, path: &str) -> Option<(&'c Route, String)> {
    let (route, url) = crate::http_route::route_of(configured, path)?;
    route.takes_tokens().then_some((route, url))
}

/// The resources that a token for a request may be for: its route, with and without the last `/`, and its very URL.
fn resources(origin: &str, route: &Route, path: &str) -> [String; 3] {
    let own = format!("{origin}{}", route.path);
    [own.trim_end_matches('/').to_owned(), own, format!("{origin}{path}")]
}

/// Where an audience leads to that is at a route which takes tokens: grants name that URL.
pub(crate) fn leads_to(configured: &Configured, origin: &str, audience: &str) -> Option<String> {
    let path = audience.strip_prefix(origin).filter(|path| path.starts_with('/'))?;
    if path.contains(['?', '#']) {
        return None;
    }
    taking(configured, path).map(|(_, url)| url)
}
