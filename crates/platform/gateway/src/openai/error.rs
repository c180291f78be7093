//! A refusal as the provider's SDKs read one: `{"error": {"message", "type", "param", "code"}}`, with our code.
//!
//! The SDKs (Python 2.x, Node 6.x) try again after 408, 409, 429 and anything from 500, twice by default, unless the answer
//! says `x-should-retry: false`. A budget that is used up is not refilled by asking again, and what may have been
//! carried out must not be carried out twice. So every refusal says so, but 503, which is only answered where nothing
//! was sent and the gateway expects to be well again, and the 429 of whoever has too many calls open; both say when by
//! `Retry-After`.

use legation_verifier::Code;
use serde_json::json;

/// The type of errors that the caller has to mend, in OpenAI's words.
const INVALID: &str = "invalid_request_error";
const PERMISSION: &str = "permission_error";
const QUOTA: &str = "insufficient_quota";
const RATE: &str = "rate_limit_error";
const SERVER: &str = "server_error";

/// Seconds after which a caller of a service that is not there asks again, where nobody knows better.
const RETRY_AFTER: u32 = 1;

/// The status and the type of an error with one of our codes. What is not listed is a fault of ours: 500, and not tried
/// again, since nobody knows what was done.
///
/// | status | of what |
/// |---|---|
/// | 400 | a request that does not pass as it stands |
/// | 401 | a key that is not known, has ended or is blocked, or a delegation behind it that is not valid |
/// | 403 | a model that is not granted, a constraint, a policy, an approval that is lacking, a model without a price |
/// | 404 | a model that the organization does not have, or a path |
/// | 413 | a body that is too large |
/// | 429 | a budget or a rate that is used up, too many calls of one agent at a time |
/// | 502 | the provider failed after it was asked |
/// | 503 | store, lease or status list are out of reach, or the provider before it was asked |
#[must_use]
pub fn status_and_type(code: &str) -> (u16, &'static str) {
    match code {
        "input_too_large" => (413, INVALID),
        "duplicate_member" | "json_too_deep" | "malformed" | "too_many_values" | "unknown_member" => {
            (400, INVALID)
        }
        "unsupported_member" | "unbounded_input" | "missing_member" | "wrong_member" => (400, INVALID),
        "out_of_range"
        | "two_limits"
        | "answer_too_long"
        | "too_dear"
        | "bad_request"
        | "other_protocol"
        | "version_unsupported" => (400, INVALID),
        "search_not_exact" => (400, INVALID),
        "api_key_missing" | "api_key_unknown" | "api_key_expired" | "api_key_blocked" => (401, INVALID),
        // What is shown at a route that takes identity tokens.
        "auth_not_taken" | "token_unknown" | "token_revoked" | "token_unbound" | "dpop_missing" => {
            (401, INVALID)
        }
        "dpop_stale" | "dpop_url_mismatch" | "dpop_method_mismatch" | "dpop_token_mismatch" => (401, INVALID),
        "svid_nobody" | "svid_header" | "svid_too_long" | "spiffe_id_invalid" | "trust_domain_unknown" => {
            (401, INVALID)
        }
        "credentials_several" => (400, INVALID),
        "no_delegation" | "unconfirmed" | "chain_unknown" | "client_unknown" => (401, INVALID),
        // What is asked for of a token, and how it is shown that it may be.
        "audience_invalid" | "nothing_granted" | "scope_not_granted" | "audience_refused" => (400, INVALID),
        "ledger_needed" | "token_too_large" | "dpop_replayed" | "dpop_key_mismatch" => (400, INVALID),
        // What a proxy that asks does not say; what it should say, whoever runs it mends.
        "body_unseen" => (400, INVALID),
        "body_partial" => (413, INVALID),
        "raw_headers_missing" | "raw_body_missing" | "proxy_misconfigured" => (500, SERVER),
        "model_not_found" | "not_found" | "unknown_host" | "not_renewable" => (404, INVALID),
        "batch" | "unfit_name" | "unfit_arguments" | "header_mismatch" => (400, INVALID),
        "method_unknown" => (400, INVALID),
        "session_unknown" | "task_unknown" => (404, INVALID),
        "origin_denied" => (403, PERMISSION),
        "method_not_allowed" => (405, INVALID),
        "unpriced" | "approval_refused" | "push_denied" => (403, PERMISSION),
        "too_many_kept" => (403, QUOTA),
        "budget_exceeded" => (429, QUOTA),
        "rate_exceeded" | "too_many_calls" => (429, RATE),
        "upstream_failed" | "upstream_timeout" => (502, SERVER),
        "store_unavailable" | "store_restored" | "lease_expired" | "signer_unreachable"
        | "signer_timed_out" | "signer_gone" | "route_closed" | "overloaded" => (503, SERVER),
        "upstream_unreachable" => (503, SERVER),
        // The evidence of the organization itself: whoever runs it has to mend that, and the caller can wait.
        "did_unresolved" | "did_stale" | "status_unavailable" | "status_stale" | "nonce_memory_full" => {
            (503, SERVER)
        }
        // Every other code of a denial.
        code => match Code::from_name(code).map(Code::http_status) {
            Some(403) => (403, PERMISSION),
            Some(status) => (status, INVALID),
            None => (500, SERVER),
        },
    }
}

/// An error that is answered.
#[derive(Clone, Copy, Debug)]
pub struct ErrorShape<'a> {
    /// Our stable code.
    pub code: &'a str,
    /// What is wrong and what the caller can do, in a sentence. It goes to the caller as it is.
    pub message: &'a str,
    /// The member of the request that it is about.
    pub param: Option<&'a str>,
    /// By what the request is found in the log.
    pub request_id: Option<&'a str>,
    /// Seconds after which to ask again: of a 503, or of a window that frees what was asked for.
    pub retry_after: Option<u32>,
    /// The status that it is answered with, where that is another one than the code's.
    pub status: Option<u16>,
}

impl<'a> ErrorShape<'a> {
    /// An error with no more than a code and a message.
    #[must_use]
    pub fn new(code: &'a str, message: &'a str) -> Self {
        Self { code, message, param: None, request_id: None, retry_after: None, status: None }
    }

    /// The status that it is answered with.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.status.unwrap_or_else(|| status_and_type(self.code).0)
    }

    /// The body.
    ///
    /// ```
    /// use legation_gateway::openai::ErrorShape;
    /// let error = ErrorShape::new("budget_exceeded", "5.00 USD of 5.00 USD are used up until tomorrow");
    /// assert_eq!(error.status(), 429);
    /// let body: serde_json::Value = serde_json::from_slice(&error.body()).unwrap();
    /// assert_eq!(body["error"]["code"], "budget_exceeded");
    /// assert_eq!(body["error"]["type"], "insufficient_quota");
    /// assert_eq!(body["error"]["message"], "5.00 USD of 5.00 USD are used up until tomorrow");
    /// ```
    #[must_use]
    pub fn body(&self) -> Vec<u8> {
        let (_, kind) = status_and_type(self.code);
        let error = json!({"message": self.message, "type": kind, "param": self.param, "code": self.code});
        json!({"error": error}).to_string().into_bytes()
    }

    /// The headers, names in lower case.
    #[must_use]
    pub fn headers(&self) -> Vec<(&'static str, String)> {
        let mut headers =
            vec![("content-type", "application/json".to_owned()), ("cache-control", "no-store".to_owned())];
        match self.status() {
            // Asked again it may well pass: some other call ends.
            429 if self.code == "too_many_calls" => {
                headers.push(("retry-after", self.retry_after.unwrap_or(RETRY_AFTER).to_string()));
            }
            503 => headers.push(("retry-after", self.retry_after.unwrap_or(RETRY_AFTER).to_string())),
            _ => {
                headers.push(("x-should-retry", "false".to_owned()));
                // For whoever plans ahead: SDKs do not wait so long.
                headers.extend(self.retry_after.map(|seconds| ("retry-after", seconds.to_string())));
            }
        }
        if self.status() == 401 {
            // RFC 9110 §11.6.1.
            headers.push(("www-authenticate", "Bearer".to_owned()));
        }
        // SDKs show it with the error. What is no visible ASCII can be no header.
        let id =
            self.request_id.filter(|id| !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_graphic()));
        headers.extend(id.map(|id| ("x-request-id", id.to_owned())));
        headers
    }

    /// The same as an event of a stream that has begun, whose status is long gone: SDKs raise it.
    #[must_use]
    pub fn event(&self) -> Vec<u8> {
        [b"data: ".as_slice(), &self.body(), b"\n\n"].concat()
    }
}
