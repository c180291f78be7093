//! Where a token endpoint and its keys are found: Authorization Server Metadata (RFC 8414), and the same as OpenID Connect
//! Discovery 1.0 has it, which is what cloud providers read who take the tokens of others.

use crate::{DETAIL, TokenAlgorithm, dpop, pkce, request};
use serde_json::{Value, json};

/// The well-known part of the URL of a resource's metadata (RFC 9728 §3).
pub const PROTECTED_RESOURCE: &str = "/.well-known/oauth-protected-resource";

/// An http(s) URL as its origin and its path.
fn split(url: &str) -> (&str, &str) {
    let authority = url.find("://").map_or(0, |at| at.saturating_add(3));
    let path = url
        .get(authority..)
        .and_then(|rest| rest.find('/'))
        .map_or(url.len(), |at| authority.saturating_add(at));
    url.split_at_checked(path).unwrap_or((url, ""))
}

/// Where an issuer's metadata are: RFC 8414 §3.1 puts the well-known part before the path of the issuer, OpenID Connect Discovery
/// §4 behind it. An issuer without a path has one of each at its root.
///
/// ```
/// use legation_token::metadata::well_known;
/// assert_eq!(well_known("https://acme.example"), [
///     "https://acme.example/.well-known/oauth-authorization-server",
///     "https://acme.example/.well-known/openid-configuration",
/// ]);
/// assert_eq!(well_known("https://acme.example/a/b"), [
///     "https://acme.example/.well-known/oauth-authorization-server/a/b",
///     "https://acme.example/a/b/.well-known/openid-configuration",
/// ]);
/// ```
#[must_use]
pub fn well_known(issuer: &str) -> [String; 2] {
    let issuer = issuer.strip_suffix('/').unwrap_or(issuer);
    let (origin, path) = split(issuer);
    [
        format!("{origin}/.well-known/oauth-authorization-server{path}"),
        format!("{issuer}/.well-known/openid-configuration"),
    ]
}

/// Where the metadata of a resource are: the well-known part before its path (RFC 9728 §3.1).
///
/// ```
/// use legation_token::metadata::resource_metadata;
/// assert_eq!(resource_metadata("https://acme.example/crm/"), "https://acme.example/.well-known/oauth-protected-resource/crm/");
/// assert_eq!(resource_metadata("https://acme.example"), "https://acme.example/.well-known/oauth-protected-resource");
/// ```
#[must_use]
pub fn resource_metadata(resource: &str) -> String {
    let (origin, path) = split(resource);
    format!("{origin}{PROTECTED_RESOURCE}{path}")
}

/// The metadata of a resource at which tokens of an issuer are taken (RFC 9728 §2); `bound` says whether none but those that are bound
/// to a key are.
#[must_use]
pub fn protected_resource(resource: &str, issuer: &str, bound: bool) -> Value {
    json!({
        "resource": resource,
        "authorization_servers": [issuer],
        "bearer_methods_supported": ["header"],
        "dpop_signing_alg_values_supported": dpop::ALGORITHMS.map(legation_keys::Algorithm::jose),
        "dpop_bound_access_tokens_required": bound,
        "authorization_details_types_supported": [DETAIL],
    })
}

/// The metadata of an issuer, which is an origin. Both documents say the same.
///
/// `id_token` is among the `response_types_supported`, as issuers of workload identities write it (Kubernetes), since readers of such
/// documents demand it: a person is asked by `code` alone.
#[must_use]
pub fn metadata(issuer: &str) -> Value {
    let at = |path: &str| format!("{issuer}{path}");
    let algorithms = TokenAlgorithm::ALL.map(TokenAlgorithm::jose);
    let of_agents = dpop::ALGORITHMS.map(legation_keys::Algorithm::jose);
    json!({
        "issuer": issuer,
        "authorization_endpoint": at("/oauth/authorize"),
        "pushed_authorization_request_endpoint": at("/oauth/par"),
        "code_challenge_methods_supported": [pkce::METHOD],
        "authorization_response_iss_parameter_supported": true,
        "client_id_metadata_document_supported": true,
        "response_modes_supported": ["query"],
        "token_endpoint": at("/token"),
        "introspection_endpoint": at("/token/introspect"),
        "introspection_endpoint_auth_methods_supported": ["private_key_jwt"],
        "introspection_endpoint_auth_signing_alg_values_supported": of_agents,
        "revocation_endpoint": at("/token/revoke"),
        "revocation_endpoint_auth_methods_supported": ["private_key_jwt", "none"],
        "revocation_endpoint_auth_signing_alg_values_supported": of_agents,
        "jwks_uri": at("/.well-known/jwks.json"),
        "grant_types_supported": [request::EXCHANGE, request::CLIENT, request::CODE, request::REFRESH],
        "token_endpoint_auth_methods_supported": ["private_key_jwt", "none"],
        "token_endpoint_auth_signing_alg_values_supported": of_agents,
        "dpop_signing_alg_values_supported": of_agents,
        "authorization_details_types_supported": [DETAIL],
        "response_types_supported": ["code", "id_token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": algorithms,
        "claims_supported": ["iss", "sub", "aud", "exp", "iat", "jti", "client_id", "act", "scope", "cnf", "authorization_details"],
        "legation_challenge_endpoint": at("/token/challenge"),
        "legation_token_signing_alg_values_supported": algorithms,
    })
}
