//! What is asked of a token endpoint: a form (RFC 6749 §4.4.2, RFC 8693 §2.1), read strictly.

use crate::{Refused, TokenAlgorithm, svid};
use legation_credential::Pattern;

/// Most bytes of a request: the longest presentation that is read has as many, and is written once more in base64url.
pub const MAX_BODY: usize = 256 << 10;
/// Most parameters, and most bytes of one that is no credential.
const MAX_PARAMETERS: usize = 32;
const MAX_VALUE: usize = 4096;
/// Most actions of a scope.
const MAX_SCOPES: usize = 64;

/// `grant_type` of an exchange (RFC 8693 §2.1).
pub const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
/// `grant_type` of an agent that proves itself (RFC 6749 §4.4).
pub const CLIENT: &str = "client_credentials";
/// `client_assertion_type` (RFC 7523 §2.2).
pub const ASSERTION: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// The types of a presentation as a `subject_token`: any JWT (RFC 8693 §3), and ours.
pub const PRESENTATION: [&str; 2] =
    ["urn:ietf:params:oauth:token-type:jwt", "urn:legation:params:oauth:token-type:vp+jwt"];
/// The type of what is issued.
pub const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
/// The types that may be asked for: an access token is a JWT here.
const REQUESTED: [&str; 3] = [ACCESS_TOKEN, "urn:ietf:params:oauth:token-type:jwt", svid::TOKEN_TYPE];

/// Parameters by which a client would show a secret. Nobody has one here.
pub(crate) const SECRETS: [&str; 4] = ["client_secret", "password", "username", "assertion"];
/// Parameters that mean something here.
const KNOWN: [&str; 12] = [
    "grant_type",
    "subject_token",
    "subject_token_type",
    "requested_token_type",
    "client_assertion",
    "client_assertion_type",
    "client_id",
    "audience",
    "resource",
    "scope",
    "token_signing_alg",
    "actor_token",
];

/// Who asks, and by what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Grant {
    /// A presentation of a chain, a `vp+jwt`.
    Exchange {
        /// The presentation.
        presentation: String,
    },
    /// An agent of the registry, by a JWT that its key signed.
    Client {
        /// The JWT.
        assertion: String,
    },
}

/// A request for a token, well-formed and not yet believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenRequest {
    /// Who asks.
    pub grant: Grant,
    /// `client_id`, where it is said; whoever it is has to be the same.
    pub client_id: Option<String>,
    /// The one service that the token is for: `audience`, or `resource` (RFC 8707).
    pub audience: String,
    /// The actions that it is for; all that are granted where there are none.
    pub scope: Vec<Pattern>,
    /// By which algorithm it is to be signed: `token_signing_alg`, a parameter of ours.
    pub algorithm: Option<TokenAlgorithm>,
    /// Whether a JWT-SVID is asked for: `requested_token_type`, with either grant.
    pub svid: bool,
}

impl TokenRequest {
    /// Reads the body of a request. Parameters that are not known are ignored, none may stand twice (RFC 6749 §3.2).
    ///
    /// # Errors
    /// [`Refused`] with an error of RFC 6749 §5.2 or RFC 8693 §2.2.2.
    ///
    /// ```
    /// use legation_token::{Grant, TokenRequest};
    /// let body = "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Atoken-exchange&subject_token=a.b.c\
    ///             &subject_token_type=urn:ietf:params:oauth:token-type:jwt&audience=https://api.example";
    /// let request = TokenRequest::read(body.as_bytes())?;
    /// assert_eq!(request.grant, Grant::Exchange { presentation: "a.b.c".to_owned() });
    /// assert_eq!(TokenRequest::read(b"grant_type=password").unwrap_err().error, "unsupported_grant_type");
    /// # Ok::<(), legation_token::Refused>(())
    /// ```
    pub fn read(body: &[u8]) -> Result<Self, Refused> {
        let form = Form::read(body)?;
        let grant = match form.required("grant_type")? {
            EXCHANGE => exchange(&form)?,
            CLIENT => client(&form)?,
            _ => {
                let message = format!("the grants that are known are `{EXCHANGE}` and `{CLIENT}`");
                return Err(Refused::new("unsupported_grant_type", "grant_unknown", message));
            }
        };
        if let Some(secret) = SECRETS.into_iter().find(|name| form.has(name)) {
            let message = format!(
                "`{secret}` is not taken: an agent proves itself by its key and has no secret to show"
            );
            return Err(Refused::new("invalid_client", "secret_shown", message));
        }
        // Whoever asks for less by it must not get all (RFC 9396 §5).
        if form.has("authorization_details") {
            let message = "`authorization_details` is not read here; ask for less by `scope`";
            return Err(Refused::new("invalid_authorization_details", "authorization_details", message));
        }
        let svid = is_svid(&form)?;
        Ok(Self {
            svid,
            grant,
            client_id: form.get("client_id").map(str::to_owned),
            audience: audience(&form)?,
            scope: scope(form.get("scope").unwrap_or_default())?,
            algorithm: form.get("token_signing_alg").map(algorithm).transpose()?,
        })
    }
}

fn exchange(form: &Form) -> Result<Grant, Refused> {
    let token = form.required("subject_token")?;
    let kind = form.required("subject_token_type")?;
    if !PRESENTATION.contains(&kind) {
        let message = format!(
            "`subject_token` is a presentation of a chain, whose `subject_token_type` is `{}`: no other token is exchanged, \
             since none but a chain gives authority",
            PRESENTATION.join("` or `")
        );
        return Err(Refused::request("subject_token_type", message));
    }
    if form.has("actor_token") || form.has("actor_token_type") {
        let message = "`actor_token` is not taken: who acts is whoever signed the presentation";
        return Err(Refused::request("actor_token", message));
    }
    if form.get("requested_token_type").is_some_and(|wanted| !REQUESTED.contains(&wanted)) {
        let message = format!("`requested_token_type` is `{ACCESS_TOKEN}` or `{}`", svid::TOKEN_TYPE);
        return Err(Refused::request("requested_token_type", message));
    }
    // A second credential would be a second answer to who asks.
    if form.has("client_assertion") {
        let message = "a presentation shows who asks; leave `client_assertion` out";
        return Err(Refused::request("client_assertion", message));
    }
    Ok(Grant::Exchange { presentation: token.to_owned() })
}

/// Whether an SVID is asked for. It says who somebody is, by the algorithm that all its readers know, and binds no key.
fn is_svid(form: &Form) -> Result<bool, Refused> {
    if form.get("requested_token_type") != Some(svid::TOKEN_TYPE) {
        return Ok(false);
    }
    match ["scope", "token_signing_alg"].into_iter().find(|name| form.has(name)) {
        None => Ok(true),
        Some(name) => {
            let message =
                format!("a JWT-SVID says who you are, by ES256, and not what you may do: leave `{name}` out");
            Err(Refused::request("svid_parameter", message))
        }
    }
}

fn client(form: &Form) -> Result<Grant, Refused> {
    Ok(Grant::Client { assertion: client_assertion(form)? })
}

/// The JWT by which a client proves itself (RFC 7521 §4.2).
pub(crate) fn client_assertion(form: &Form) -> Result<String, Refused> {
    let wrong = |code: &str, message: String| Refused::new("invalid_client", code, message);
    let Some(assertion) = form.get("client_assertion") else {
        let message =
            "an agent proves itself by `client_assertion`, a JWT that its key signed (`private_key_jwt`)";
        return Err(wrong("client_assertion", message.to_owned()));
    };
    if form.get("client_assertion_type") != Some(ASSERTION) {
        return Err(wrong("client_assertion_type", format!("`client_assertion_type` is `{ASSERTION}`")));
    }
    Ok(assertion.to_owned())
}

/// The one service: of several each could hand the token on to the others.
fn audience(form: &Form) -> Result<String, Refused> {
    let mut all = form.all("audience").chain(form.all("resource")).collect::<Vec<_>>();
    // Whoever says both means one.
    all.dedup();
    match all.as_slice() {
        [one] if !one.is_empty() => Ok((*one).to_owned()),
        [] | [_] => {
            let message = "name the service that the token is for by `resource` or `audience`";
            Err(Refused::new("invalid_target", "audience_missing", message))
        }
        _ => {
            let message = "a token is for one service; ask for each service once";
            Err(Refused::new("invalid_target", "audience_several", message))
        }
    }
}

fn scope(text: &str) -> Result<Vec<Pattern>, Refused> {
    let wrong = |message: String| Refused::new("invalid_scope", "scope_invalid", message);
    let mut scopes: Vec<&str> = text.split(' ').filter(|scope| !scope.is_empty()).collect();
    scopes.sort_unstable();
    scopes.dedup();
    if scopes.len() > MAX_SCOPES {
        return Err(wrong(format!("{} scopes, at most {MAX_SCOPES} are read", scopes.len())));
    }
    let read = |scope: &&str| {
        Pattern::action(scope).map_err(|error| wrong(format!("a scope is an action: {error}")))
    };
    scopes.iter().map(read).collect()
}

fn algorithm(name: &str) -> Result<TokenAlgorithm, Refused> {
    TokenAlgorithm::from_jose(name).ok_or_else(|| {
        let known = TokenAlgorithm::ALL.map(TokenAlgorithm::jose).join("`, `");
        Refused::request("algorithm_not_allowed", format!("tokens are signed by `{known}`"))
    })
}

/// A form (`application/x-www-form-urlencoded`).
pub(crate) struct Form(Vec<(String, String)>);

impl Form {
    pub(crate) fn read(body: &[u8]) -> Result<Self, Refused> {
        let wrong = |message: &str| Refused::request("form_invalid", message);
        if body.len() > MAX_BODY {
            return Err(wrong("the body has more than 262144 bytes"));
        }
        let body = core::str::from_utf8(body).map_err(|_| wrong("the body is no form in UTF-8"))?;
        let mut all: Vec<(String, String)> = Vec::new();
        for pair in body.split('&').filter(|pair| !pair.is_empty()) {
            if all.len() >= MAX_PARAMETERS {
                return Err(wrong("the body has more than 32 parameters"));
            }
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let read = || Some((unescaped(name)?, unescaped(value)?));
            let (name, value) = read()
                .ok_or_else(|| wrong("the body has an escape that is none, or text that is no UTF-8"))?;
            let is_long = !matches!(name.as_str(), "subject_token" | "client_assertion" | "token")
                && value.len() > MAX_VALUE;
            if is_long || name.len() > MAX_VALUE {
                return Err(wrong("a parameter has more than 4096 bytes"));
            }
            // §3.2: what has no value counts as left out.
            if value.is_empty() {
                continue;
            }
            let may_repeat = matches!(name.as_str(), "audience" | "resource");
            if !may_repeat && all.iter().any(|(other, _)| *other == name) {
                let known = KNOWN.iter().find(|known| **known == name).copied().unwrap_or("a parameter");
                return Err(Refused::request("parameter_twice", format!("`{known}` stands there twice")));
            }
            all.push((name, value));
        }
        Ok(Self(all))
    }

    fn all<'f>(&'f self, name: &'f str) -> impl Iterator<Item = &'f str> {
        self.0.iter().filter(move |(own, _)| own == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    pub(crate) fn required(&self, name: &'static str) -> Result<&str, Refused> {
        self.get(name).ok_or_else(|| Refused::request("parameter_missing", format!("`{name}` is missing")))
    }
}

/// A name or a value as its reader sees it; `None` for an escape that is none.
fn unescaped(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => u8::try_from(digit(rest.next())? * 16 + digit(rest.next())?).ok()?,
            other => other,
        });
    }
    String::from_utf8(bytes).ok().filter(|text| !text.contains('\0'))
}
