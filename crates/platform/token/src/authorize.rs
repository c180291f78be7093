//! What a program asks of a person: an authorization request (RFC 6749 §4.1.1, RFC 7636, RFC 8707, RFC 9126), read strictly.

use crate::{
    DETAIL, Refused, pkce,
    request::{self, Form},
};
use legation_credential::{Authority, Pattern};
use legation_keys::json::{self, JsonLimits};
use serde_json::{Value, json};

/// Most bytes of a request.
pub const MAX: usize = 8 << 10;
/// What a reference to a request that was pushed begins with (RFC 9126 §2.2).
pub const REFERENCE: &str = "urn:ietf:params:oauth:request_uri:";
/// Bytes of a thumbprint in base64url.
const THUMBPRINT: usize = 43;

/// A request, well-formed as far as somebody can be told that it is not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authorize {
    /// Who asks.
    pub client_id: String,
    /// Where the answer is to go. Whether it may go there, only the program's own word says.
    pub redirect_uri: String,
    /// What comes back as it is.
    pub state: Option<String>,
    /// What is asked, or what is wrong with it, which is told at the address of the answer.
    pub asks: Result<Asks, Refused>,
}

/// What is asked of a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asks {
    /// The service.
    pub audience: String,
    /// The actions; all that the person can give there where there are none.
    pub scope: Vec<Pattern>,
    /// The limits that the program asks for itself, as a delegation writes constraints.
    pub limits: Vec<Value>,
    /// What whoever shows the code has to answer.
    pub challenge: String,
    /// The key that the token is to be bound to (RFC 9449 §10).
    pub key: Option<String>,
}

/// What stands in the address bar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Arrived {
    /// The request itself.
    Whole(Box<Authorize>),
    /// A reference to one that was pushed.
    Pushed {
        /// Who asks.
        client_id: String,
        /// The reference.
        reference: String,
    },
}

/// Reads what stands in the address bar.
///
/// # Errors
/// [`Refused`] of what nobody can be told elsewhere: it goes nowhere but onto a page.
///
/// ```
/// use legation_token::authorize::{Arrived, read};
/// let asked = "response_type=code&client_id=c&redirect_uri=https://app.example/cb&code_challenge_method=S256\
///              &code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&resource=https://api.example/&scope=crm:read&state=x";
/// let Arrived::Whole(asked) = read(asked)? else { panic!() };
/// assert_eq!((asked.client_id.as_str(), asked.asks.is_ok()), ("c", true));
/// let plain = "response_type=code&client_id=c&redirect_uri=https://app.example/cb&code_challenge=x&resource=https://api.example/";
/// let Arrived::Whole(plain) = read(plain)? else { panic!() };
/// assert_eq!(plain.asks.unwrap_err().code, "pkce_method");
/// # Ok::<(), legation_token::Refused>(())
/// ```
pub fn read(query: &str) -> Result<Arrived, Refused> {
    let form = form(query)?;
    let client_id = form.required("client_id")?.to_owned();
    match form.get("request_uri") {
        Some(reference) => Ok(Arrived::Pushed { client_id, reference: reference.to_owned() }),
        None => Ok(Arrived::Whole(Box::new(whole(&form)?))),
    }
}

/// Reads a request that is pushed (RFC 9126 §2.1), which is told at once what is wrong with it.
///
/// # Errors
/// [`Refused`].
pub fn pushed(body: &str) -> Result<Authorize, Refused> {
    let form = form(body)?;
    if form.has("request_uri") {
        return Err(Refused::request("request_uri", "a request that is pushed refers to no other one"));
    }
    let asked = whole(&form)?;
    if let Err(refused) = &asked.asks {
        return Err(refused.clone());
    }
    Ok(asked)
}

fn form(text: &str) -> Result<Form, Refused> {
    if text.len() > MAX {
        return Err(Refused::request("form_invalid", "the request has more than 8192 bytes"));
    }
    Form::read(text.as_bytes())
}

fn whole(form: &Form) -> Result<Authorize, Refused> {
    Ok(Authorize {
        client_id: form.required("client_id")?.to_owned(),
        redirect_uri: form.required("redirect_uri")?.to_owned(),
        state: form.get("state").map(str::to_owned),
        asks: asks(form),
    })
}

fn asks(form: &Form) -> Result<Asks, Refused> {
    match form.required("response_type")? {
        "code" => {}
        _ => {
            let message = "the only `response_type` is `code`";
            return Err(Refused::new("unsupported_response_type", "response_type", message));
        }
    }
    if !matches!(form.get("response_mode"), None | Some("query")) {
        return Err(Refused::request("response_mode", "the only `response_mode` is `query`"));
    }
    // What is signed by the program would say something else than what stands here.
    if form.has("request") {
        return Err(Refused::new(
            "request_not_supported",
            "request",
            "`request` is not read; push the request",
        ));
    }
    if form.get("prompt").is_some_and(|prompt| prompt.split(' ').any(|one| one == "none")) {
        let message = "a person is asked each time; leave out `prompt=none`";
        return Err(Refused::new("interaction_required", "prompt", message));
    }
    let challenge = pkce::checked(form.get("code_challenge"), form.get("code_challenge_method"))?;
    let key = form.get("dpop_jkt").map(str::to_owned);
    if key.as_ref().is_some_and(|key| key.len() != THUMBPRINT) {
        return Err(Refused::request("dpop_jkt", "`dpop_jkt` is the thumbprint of a key, 43 characters"));
    }
    let audience = request::audience(form)?;
    let Detail { actions, constraints } =
        form.get("authorization_details").map_or(Ok(Detail::default()), |text| detail(text, &audience))?;
    let scope = match form.get("scope") {
        Some(_) if !actions.is_empty() => {
            return Err(wrong("name actions in `scope` or in `authorization_details`, and not in both"));
        }
        scope => request::scope(scope.unwrap_or(&actions.join(" ")))?,
    };
    Ok(Asks { audience, scope, limits: constraints, challenge, key })
}

/// What a program asks for in more than a scope (RFC 9396).
#[derive(Default)]
struct Detail {
    actions: Vec<String>,
    constraints: Vec<Value>,
}

fn wrong(message: impl Into<String>) -> Refused {
    Refused::new("invalid_authorization_details", "authorization_details", message)
}

/// Reads the one entry: what is asked for beside it could not be told apart by whoever reads it.
fn detail(text: &str, audience: &str) -> Result<Detail, Refused> {
    let known = "`authorization_details` is one entry with `type` `legation_delegation`, and `actions`, `constraints`, `locations` where there are some";
    // No member twice: of two nobody knows which one is meant.
    json::parse(text.as_bytes(), JsonLimits { bytes: MAX, depth: 16 }).map_err(|_| wrong(known))?;
    let all: Value = serde_json::from_str(text).map_err(|_| wrong(known))?;
    let one = match all.as_array().map(Vec::as_slice) {
        Some([one]) => one.as_object(),
        _ => None,
    };
    let one = one.ok_or_else(|| wrong(known))?;
    let is_known = |name: &String| ["type", "locations", "actions", "constraints"].contains(&name.as_str());
    if one.get("type").and_then(Value::as_str) != Some(DETAIL) || !one.keys().all(is_known) {
        return Err(wrong(known));
    }
    let list = |name: &str| match one.get(name) {
        None => Some(Vec::new()),
        Some(list) => list.as_array().cloned(),
    };
    let texts = |name: &str| -> Option<Vec<String>> {
        list(name)?.iter().map(|text| text.as_str().map(str::to_owned)).collect()
    };
    let (locations, actions) = (texts("locations"), texts("actions"));
    let is_there = locations.is_some_and(|all| all.iter().all(|location| location == audience));
    let read = actions.zip(list("constraints")).filter(|_| is_there).ok_or_else(|| wrong(known))?;
    let one = Detail { actions: read.0, constraints: read.1 };
    let bounds = json!({"grants": [], "constraints": one.constraints}).to_string();
    Authority::parse(&bounds).map_err(|error| wrong(format!("its constraints can't be read: {error}")))?;
    Ok(one)
}
