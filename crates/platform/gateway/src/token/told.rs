//! What a caller of the token endpoint gets, in OAuth's words (RFC 6749 §5, RFC 8693 §2.2).

use crate::{access, gateway::Gateway, refused::Refused};
use axum::{body::Body, response::Response};
use http::{HeaderValue, StatusCode, header};
use legation_token::{Claims, Grant, Refused as Told, dpop::DpopError, request};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// An answer, which nobody keeps (RFC 6749 §5.1), with the next nonce of proofs.
pub(crate) fn answer(gateway: &Gateway, nonce: Option<&str>, outcome: Result<Value, Told>) -> Response {
    let (status, body, code) = match &outcome {
        Ok(body) => (200, body.clone(), "permit"),
        Err(refused) => (refused.status(), refused.to_json(), refused.code.as_str()),
    };
    gateway.count(code);
    access::code(code);
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if status == 503 {
        headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    }
    // RFC 6749 §5.2: whoever tried by `Authorization` is told what would do.
    if status == 401 && code == "secret_shown" {
        headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("private_key_jwt"));
    }
    if let Some(nonce) = nonce.and_then(|nonce| HeaderValue::from_str(nonce).ok()) {
        headers.insert("dpop-nonce", nonce);
    }
    response
}

/// A token as it is answered, with that by which the next one is got, where there is such.
pub(super) fn token(claims: &Claims, token: &str, (grant, next): (&Grant, Option<&str>)) -> Value {
    let kind = if claims.key.is_some() { "DPoP" } else { "Bearer" };
    let mut body = json!({
        "access_token": token, "token_type": kind, "expires_in": claims.expires_at.saturating_sub(claims.issued_at),
    });
    if let Some(members) = body.as_object_mut() {
        if matches!(grant, Grant::Exchange { .. }) {
            members.insert("issued_token_type".to_owned(), request::ACCESS_TOKEN.into());
        }
        members.extend(next.map(|next| ("refresh_token".to_owned(), next.into())));
        // RFC 6749 §5.1: a program that is told nothing takes it that it got all that it asked for.
        let given = next.and_then(|_| given(claims));
        members.extend(given.or_else(|| claims.scope()).map(|scope| ("scope".to_owned(), scope.into())));
        // RFC 9396 §7: what was granted.
        let said = claims.to_json();
        let details = said.get("authorization_details").cloned();
        members.extend(details.map(|details| ("authorization_details".to_owned(), details)));
    }
    body
}

/// The actions that a token is for, by their names, whatever they are on and under which limits: what a program is told, and no claim.
fn given(claims: &Claims) -> Option<String> {
    let pairs = claims.authority.pairs().unwrap_or_default().iter();
    let all: BTreeSet<String> = pairs.map(|(action, _)| action.to_string()).collect();
    let all: Vec<String> = all.into_iter().filter(|action| !action.ends_with('*')).collect();
    (!all.is_empty()).then(|| all.join(" "))
}

/// A refusal of the gateway. What is wrong with who asks is `invalid_request` of an exchange (RFC 8693 §2.2.2) and `invalid_client`
/// of an agent that proves itself (RFC 6749 §5.2); what it asks for is `invalid_target` or `invalid_scope`.
pub(crate) fn of(refused: &Refused, grant: Option<&Grant>) -> Told {
    let error = match refused.code.as_str() {
        "scope_not_granted" => "invalid_scope",
        "audience_invalid" | "nothing_granted" | "audience_refused" | "ledger_needed" | "token_too_large" => {
            "invalid_target"
        }
        "not_granted"
        | "missing_fact"
        | "constraint_violated"
        | "approval_required"
        | "policy_denied"
        | "policy_error" => "invalid_target",
        "dpop_replayed" | "dpop_key_mismatch" => "invalid_dpop_proof",
        "input_too_large" => "invalid_request",
        _ => match (refused.status(), grant) {
            (429, _) => "slow_down",
            (503, _) => "temporarily_unavailable",
            (500.., _) => "server_error",
            (_, Some(Grant::Client { .. })) => "invalid_client",
            // What a person has let it do is no longer so.
            (_, Some(Grant::Code { .. } | Grant::Refresh { .. })) => "invalid_grant",
            _ => "invalid_request",
        },
    };
    Told::new(error, refused.code.clone(), refused.message.clone())
}

/// A proof of possession that does not hold.
pub(super) fn of_proof(error: &DpopError) -> Told {
    Told::new(error.oauth(), error.code(), error.to_string())
}
