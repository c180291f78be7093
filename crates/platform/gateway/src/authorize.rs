//! Where a program asks a person to let it act (RFC 6749 §4.1, RFC 7636, RFC 8707, RFC 9126, RFC 9207). What the person says yes to is a
//! delegation of its own ([`legation_registry::consents`]); the code that the program gets buys tokens made of that.
//!
//! | module | step |
//! |---|---|
//! | this | what is asked, from the address bar or by a reference; the yes or no; the answer |
//! | `who` | who is signed in; that a form was sent by the page that it belongs to |
//! | `programs` | which program asks: one that an admin told of, or one that tells of itself at its `client_id` |
//! | `offer` | what of what is asked the person can give, and what it gives |
//! | `pushed` | requests that were pushed: sealed, so that nothing is kept for strangers |
//! | `own` | what a person has let programs do, and takes back itself |
//! | `page` | what the person sees |
//!
//! Until somebody is signed in nothing is fetched and nothing is said of the program but what stands in the address bar. Until it is
//! known that an answer may go to an address, nothing goes there.

mod offer;
mod own;
mod page;
mod programs;
mod pushed;
mod who;

pub(crate) use own::{consents, revoke};
pub(crate) use page::style;
pub(crate) use programs::Programs;
pub(crate) use who::{arrive, sign_in, sign_out};

use crate::{
    gateway::{Gateway, now},
    refused::Refused,
    token::{self, Arrived as Sent, proof_at},
};
use axum::response::Response;
use http::{HeaderMap, StatusCode, Uri};
use legation_registry::RegistryError;
use legation_token::{
    Refused as Told,
    authorize::{self, Arrived, Asks, Authorize},
    client::Client,
    redirect,
};
use offer::Offer;
use serde_json::json;
use std::sync::Arc;
use who::{Form, Person};

/// A request of a program that is known, whose answer may go where it says.
struct Known {
    client: Client,
    /// Whether an admin has told of it.
    is_told: bool,
    asked: Authorize,
    /// What a request that was pushed is known by, so that it passes once; until when, Unix seconds.
    once: Option<([u8; 32], i64)>,
}

/// Why there is no page that asks: an error that nobody but the person is told, or one for the program.
enum Stopped {
    Page(StatusCode, String),
    Back(String),
}

impl From<Refused> for Stopped {
    fn from(refused: Refused) -> Self {
        Self::Page(
            StatusCode::from_u16(refused.status()).unwrap_or(StatusCode::SERVICE_UNAVAILABLE),
            refused.message,
        )
    }
}

fn bad(message: impl Into<String>) -> Stopped {
    Stopped::Page(StatusCode::BAD_REQUEST, message.into())
}

/// Shows the person what is asked; whoever is not signed in is asked for a code first.
pub(crate) async fn show(gateway: &Arc<Gateway>, uri: &Uri, headers: &HeaderMap) -> Response {
    let request = uri.query().unwrap_or_default();
    let arrived = match authorize::read(request) {
        Ok(arrived) => arrived,
        Err(refused) => return page::wrong(StatusCode::BAD_REQUEST, &refused.description),
    };
    let person = match gateway.signed_in(headers).await {
        Ok(Some(person)) => person,
        Ok(None) => return page::sign_in(StatusCode::OK, request, Some(claimed(&arrived)), None),
        Err(refused) => return page::stopped(Stopped::from(refused)),
    };
    match gateway.asked(arrived, &person).await {
        Ok((known, asks, offer)) => {
            let form = person.form(request);
            page::ask(&page::Asking {
                person: &person.name,
                organization: &gateway.registry.host(),
                known: &known,
                asks: &asks,
                offer: &offer,
                request,
                form: &form,
            })
        }
        Err(stopped) => page::stopped(stopped),
    }
}

/// Who asks, by its own word.
fn claimed(arrived: &Arrived) -> &str {
    match arrived {
        Arrived::Whole(asked) => &asked.client_id,
        Arrived::Pushed { client_id, .. } => client_id,
    }
}

/// The person says yes or no. What is given is judged by the order of delegations when it is signed, whatever the form says.
pub(crate) async fn decide(gateway: &Arc<Gateway>, form: &Form) -> Response {
    let request = form.get("request").unwrap_or_default();
    let Ok(arrived) = authorize::read(request) else {
        return page::wrong(StatusCode::BAD_REQUEST, "The form is not the one of a page of ours.");
    };
    let person = match gateway.signed_in(&form.headers).await {
        Ok(Some(person)) => person,
        Ok(None) => return page::sign_in(StatusCode::FORBIDDEN, request, Some(claimed(&arrived)), None),
        Err(refused) => return page::stopped(Stopped::from(refused)),
    };
    if !form.is_of(gateway, &person, request) {
        let message = "The form was sent by another site, or is an old one. Nothing was allowed.";
        return page::wrong(StatusCode::FORBIDDEN, message);
    }
    let said = match gateway.asked(arrived, &person).await {
        Ok((known, asks, offer)) => gateway.said((&known, &asks, &offer), &person, form).await,
        Err(stopped) => Err(stopped),
    };
    match said {
        Ok(back) => page::led(&back),
        Err(stopped) => page::stopped(stopped),
    }
}

/// Takes a request that is pushed (RFC 9126), and gives a reference to it. Nothing is kept, and nothing fetched.
pub(crate) async fn push(gateway: &Arc<Gateway>, sent: &Sent) -> Response {
    let now = now();
    let outcome = pushed_by(gateway, sent, now).await;
    let is_good = outcome.is_ok();
    let nonce = match gateway.nonces(now).await {
        Ok(nonces) => nonces.make(legation_token::nonce::Purpose::Dpop, now).ok(),
        Err(_) => None,
    };
    let mut response = token::told::answer(gateway, nonce.as_deref(), outcome);
    if is_good {
        // RFC 9126 §2.2.
        *response.status_mut() = StatusCode::CREATED;
    }
    response
}

async fn pushed_by(gateway: &Arc<Gateway>, sent: &Sent, now: i64) -> Result<serde_json::Value, Told> {
    let text = core::str::from_utf8(&sent.body)
        .map_err(|_| Told::request("form_invalid", "the body is no form in UTF-8"))?;
    let nonces = gateway.nonces(now).await.map_err(|refused| token::told::of(&refused, None))?;
    let shows_key = sent.headers.contains_key("dpop");
    let proof =
        if shows_key { proof_at(gateway, (&sent.headers, "/oauth/par"), &nonces, now)? } else { None };
    let asked = authorize::pushed(text)?;
    let said = asked.asks.as_ref().ok().and_then(|asks| asks.key.as_deref());
    let key = proof.as_ref().map(legation_token::dpop::Proof::thumbprint);
    // RFC 9449 §10.1.
    if let (Some(said), Some(key)) = (said, key)
        && said != key
    {
        let message = "`dpop_jkt` names another key than the one that the proof is of";
        return Err(Told::new("invalid_dpop_proof", "dpop_key_mismatch", message));
    }
    let bound = key.filter(|_| said.is_none()).map(|key| format!("&dpop_jkt={key}"));
    let whole = format!("{text}{}", bound.unwrap_or_default());
    let (reference, until) = pushed::seal(&nonces, &whole, now)
        .map_err(|()| Told::new("server_error", "internal", "the request could not be sealed"))?;
    Ok(json!({"request_uri": reference, "expires_in": until.saturating_sub(now)}))
}

impl Gateway {
    /// What is asked of a person, by a program that is known, and what of it the person can give.
    async fn asked(
        self: &Arc<Self>,
        arrived: Arrived,
        person: &Person,
    ) -> Result<(Known, Asks, Offer), Stopped> {
        let known = self.known_program(arrived).await?;
        let asks = match known.asked.asks.clone() {
            Ok(asks) => asks,
            Err(refused) => return Err(self.at_once(&known, &refused)),
        };
        match self.offer(&known.client.id, &person.name, &asks).await? {
            Ok(offer) => Ok((known, asks, offer)),
            Err(refused) => Err(self.at_once(&known, &refused)),
        }
    }

    /// Tells why nobody is asked: the program, where an admin has told of it. Of any other a link would lead the person wherever whoever
    /// wrote it wants (RFC 9700 §4.11.2), so that the person alone is told.
    fn at_once(&self, known: &Known, refused: &Told) -> Stopped {
        if known.is_told { self.back(known, refused) } else { bad(refused.description.clone()) }
    }

    /// The program that asks. Its answer may go where it says.
    async fn known_program(self: &Arc<Self>, arrived: Arrived) -> Result<Known, Stopped> {
        let (asked, once) = match arrived {
            Arrived::Whole(asked) => (*asked, None),
            Arrived::Pushed { client_id, reference } => {
                let (asked, once) = self.unsealed(&client_id, &reference).await?;
                (asked, Some(once))
            }
        };
        let (client, is_told) = self.program(&asked.client_id).await?;
        if !client.takes(&asked.redirect_uri) {
            let message = "The address that the answer is to go to is none that this program has told of. Nothing was sent there.";
            return Err(bad(message));
        }
        Ok(Known { client, is_told, asked, once })
    }

    /// A request that was pushed: by this program, lately, and not answered yet.
    async fn unsealed(
        self: &Arc<Self>,
        client_id: &str,
        reference: &str,
    ) -> Result<(Authorize, ([u8; 32], i64)), Stopped> {
        let now = now();
        let nonces = self.nonces(now).await?;
        let opened = pushed::open(&nonces, reference, now);
        let unknown =
            "The request that the program pushed is not known here, or too old. Begin again at the program.";
        let (text, id, until) = opened.ok_or_else(|| bad(unknown))?;
        let asked = authorize::pushed(&text).map_err(|refused| bad(refused.description))?;
        if asked.client_id != client_id {
            return Err(bad("The request was pushed by another program."));
        }
        let gateway = Arc::clone(self);
        let shown = self.blocking(move || gateway.registry.was_shown(&id)).await.and_then(|shown| shown);
        if shown.map_err(|error| Refused::of_registry(&error))? {
            return Err(bad("The request was answered already. Begin again at the program."));
        }
        Ok((asked, (id, until)))
    }

    /// What the person said, carried out: the address that its browser goes to.
    async fn said(
        self: &Arc<Self>,
        (known, asks, offer): (&Known, &Asks, &Offer),
        person: &Person,
        form: &Form,
    ) -> Result<String, Stopped> {
        let allows = form.get("act") == Some("allow");
        let given =
            if allows { Some(offer.given((known, asks), &person.name, form).map_err(bad)?) } else { None };
        if let Some((id, until)) = known.once {
            let (gateway, now) = (Arc::clone(self), now());
            let first = self.blocking(move || gateway.registry.first_shown(&id, until, now)).await;
            if !first.and_then(|first| first).map_err(|error| Refused::of_registry(&error))? {
                return Err(bad("The request was answered already. Begin again at the program."));
            }
        }
        let Some(given) = given else {
            let refused = Told::new("access_denied", "access_denied", "the person said no");
            return Err(self.back(known, &refused));
        };
        let (gateway, sent_to) = (Arc::clone(self), known.asked.redirect_uri.clone());
        let (challenge, key) = (asks.challenge.clone(), asks.key.clone());
        let consented = self.blocking(move || {
            let now = now();
            let consented = gateway.registry.consent(&given.of(), now)?;
            gateway.registry.new_code(&consented.consent.id, (&sent_to, &challenge, key.as_deref()), now)
        });
        let code = consented.await.and_then(|code| code).map_err(|error| match error {
            RegistryError::Wider { .. } | RegistryError::State { .. } | RegistryError::Authority(_) => {
                Stopped::Page(StatusCode::FORBIDDEN, format!("It was not allowed: {error}"))
            }
            error => Refused::of_registry(&error).into(),
        })?;
        Ok(self.answer(known, &[("code", &code)]))
    }

    /// The address of an answer, which says whose it is (RFC 9207).
    fn answer(&self, known: &Known, members: &[(&str, &str)]) -> String {
        let issuer = self.registry.origin();
        let state = known.asked.state.as_deref().map(|state| ("state", state));
        let members: Vec<(&str, &str)> =
            members.iter().copied().chain(state).chain([("iss", issuer.as_str())]).collect();
        redirect::with(&known.asked.redirect_uri, &members)
    }

    /// Tells the program why there is nothing for it (RFC 6749 §4.1.2.1).
    fn back(&self, known: &Known, refused: &Told) -> Stopped {
        let told = refused.to_json();
        let text =
            |name: &str| told.get(name).and_then(serde_json::Value::as_str).unwrap_or_default().to_owned();
        let (error, description) = (text("error"), text("error_description"));
        Stopped::Back(self.answer(known, &[("error", &error), ("error_description", &description)]))
    }
}
