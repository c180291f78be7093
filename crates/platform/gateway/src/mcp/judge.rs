//! What a server says, message by message.

use super::{asked::Verb, forward::Going, told};
use crate::{
    access,
    decide::{Identified, Undecided},
    gateway::now,
    policy::Rules,
    record,
    refused::Refused,
    rpc::{Judges, failed},
};
use http::{HeaderMap, HeaderValue, header};
use legation_credential::{Facts, Request};
use legation_mcp::{
    Id, Message, headers,
    reply::{self, Kind, List, Reply},
};
use legation_resolver::{Call, call::Method};
use legation_verifier::{Code, Denial, authorize, receipt::Subject};
use std::sync::Arc;

/// Most requests to its client that a server is told of in one answer that they do not go on: each costs a request of ours.
const MOST_TOLD: usize = 64;

/// Judges the messages of one answer.
pub(super) struct Judge {
    going: Going,
    told: usize,
}

impl Judges for Judge {
    async fn judged(&mut self, text: &str) -> Result<Option<String>, Refused> {
        self.message(text).await
    }

    fn ended(&self, refused: &Refused) -> String {
        self.going.gateway.count(&refused.code);
        access::code(&refused.code);
        format!("data: {}\n\n", told::body(self.message_asked(), refused))
    }
}

impl Judge {
    pub(super) fn new(going: Going) -> Self {
        Self { going, told: 0 }
    }

    /// The message that is answered, where it is one.
    fn message_asked(&self) -> Option<&Message> {
        self.going.asked.message()
    }

    async fn message(&mut self, text: &str) -> Result<Option<String>, Refused> {
        let said = reply::read(text.as_bytes()).map_err(|error| failed(&error.to_string()))?;
        match &said.kind {
            Kind::Tells(_) => Ok(Some(text.to_owned())),
            Kind::Asks { id, method } => match self.may(&format!("mcp:{method}")).await? {
                None => Ok(Some(text.to_owned())),
                Some(_) if self.told >= MOST_TOLD => Err(failed("it asks its client for too much")),
                Some(denial) => {
                    self.told += 1;
                    self.tell_server(id, &Refused::from(&denial));
                    Ok(None)
                }
            },
            Kind::Answer(id) => self.answer(id.as_ref(), &said, text).await,
        }
    }

    async fn answer(&self, id: Option<&Id>, said: &Reply<'_>, text: &str) -> Result<Option<String>, Refused> {
        let asked = match (self.message_asked(), &self.going.asked.verb) {
            (Some(message), _) if id == message.id.as_ref() || id.is_none() => Some(message),
            // A stream goes on with what was answered to requests before it (2025-11-25, Resumability): which, nobody knows here.
            (None, Verb::Stream) if self.going.asked.session.is_some() => None,
            _ => return Ok(None),
        };
        for method in said.asks_for().map_err(|error| failed(&error.to_string()))? {
            if let Some(denial) = self.may(&format!("mcp:{method}")).await? {
                return Ok(asked.map(|asked| told::body(Some(asked), &Refused::from(&denial)).to_string()));
            }
        }
        let lists: Vec<List> = match asked {
            Some(message) => message.method.as_deref().and_then(List::of).into_iter().collect(),
            None => said.lists(),
        };
        let mut text = text.to_owned();
        let ruled = if lists.is_empty() { None } else { self.rules().await? };
        for list in lists {
            if list == List::Tools {
                self.going.gateway.listed(&self.going.route.name, said).await?;
            }
            let filtered = reply::filter(&text, list, &mut |item| self.shows(list, item, ruled.as_ref()));
            text = filtered.map_err(|error| failed(&error.to_string()))?;
        }
        Ok(Some(text))
    }

    /// Whether the caller may use what a list names, for some arguments: neither its chain nor a policy denies it whatever they are.
    fn shows(&self, list: List, item: &str, ruled: Option<&(Identified, Rules)>) -> bool {
        let (action, facts) = list.asked(item);
        let Ok(request) = Request::new(&action, &self.going.url, facts) else { return false };
        let (caller, now) = (&self.going.caller, now());
        let denied = authorize(&caller.chain, &request, now).into_permit().err();
        let denied = denied.filter(|denial| !list.shows(denial.code.as_str())).or_else(|| {
            let (caller, rules) = ruled?;
            let gateway = &self.going.gateway;
            let is_out = gateway.is_ruled_out(caller, rules, (&request, list == List::Resources), now);
            is_out.then(|| Denial::new(Code::PolicyDenied, "what policies let through", "what one forbids"))
        });
        denied.is_none_or(|denial| caller.watched(&request, Err(denial), now).is_ok())
    }

    /// The policies as they are now, and the caller as of them: an answer may go on for long.
    async fn rules(&self) -> Result<Option<(Identified, Rules)>, Refused> {
        let Going { gateway, .. } = &self.going;
        for _ in 0..4 {
            let caller = self.caller_now().await?;
            match gateway.rules(&caller).await {
                Ok(rules) => return Ok(rules.map(|rules| (caller, rules))),
                Err(Undecided::Changed) => gateway.forget(),
                Err(Undecided::Refused(refused)) => return Err(refused),
            }
        }
        Err(changing())
    }

    /// The caller as of the latest epoch.
    async fn caller_now(&self) -> Result<Identified, Refused> {
        let Going { gateway, caller, .. } = &self.going;
        let epoch = gateway.epoch().await?;
        let principals = caller.principals.clone().filter(|_| epoch == caller.epoch);
        Ok(Identified { epoch, principals, ..caller.clone() })
    }

    /// Whether the caller may do something more, which a server asks for: sampling, elicitation. It is asked of the chain and of
    /// the policies, as they are now; a denial is recorded.
    async fn may(&self, action: &str) -> Result<Option<Denial>, Refused> {
        let Going { gateway, url, caller, .. } = &self.going;
        let wrong = |_| failed("it asks for something that has no name");
        let (request, now) = (Request::new(action, url, Facts::new()).map_err(wrong)?, now());
        let (denial, policy) = match authorize(&caller.chain, &request, now).into_permit() {
            Err(denial) => (Some(denial), None),
            Ok(_) => self.asks_policies(&request, now).await?,
        };
        let Some(denial) = denial else { return Ok(None) };
        let chain = &caller.chain;
        let subject =
            Subject { presented: b"", chain: Some(chain), request: Some(&request), transcript: None };
        let about = (subject, policy.as_deref());
        let receipt = record::of_denial(&denial, about, chain.agent(), gateway.verifier.trust(), now);
        gateway.record_denial(receipt).await?;
        gateway.count(denial.code.as_str());
        Ok(Some(denial))
    }

    /// What the policies say now: an answer may go on for long.
    async fn asks_policies(
        &self,
        request: &Request,
        now: i64,
    ) -> Result<(Option<Denial>, Option<String>), Refused> {
        let Going { gateway, .. } = &self.going;
        for _ in 0..4 {
            let caller = self.caller_now().await?;
            match gateway.asks_policies(&caller, request, now).await {
                Ok(said) => return Ok((said.denial, said.receipt)),
                Err(Undecided::Changed) => gateway.forget(),
                Err(Undecided::Refused(refused)) => return Err(refused),
            }
        }
        Err(changing())
    }

    /// Tells the server that its client does not get what it asks for, so that it does not wait.
    fn tell_server(&self, id: &Id, refused: &Refused) {
        let Going { gateway, url, route, asked, .. } = &self.going;
        let (gateway, url, route) = (Arc::clone(gateway), url.clone(), route.clone());
        let (session, body) = (asked.session.clone(), told::not_asked(id, refused).to_string());
        tokio::spawn(async move {
            let mut sent = HeaderMap::new();
            sent.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
            let accepted = HeaderValue::from_static("application/json, text/event-stream");
            sent.insert(header::ACCEPT, accepted);
            if let Some(session) = session.and_then(|session| HeaderValue::from_str(&session).ok()) {
                sent.insert(headers::SESSION, session);
            }
            let _ = gateway.with_secret(&route, &mut sent).await;
            let call = Call { method: Method::POST, url: &url, headers: sent, body: body.into_bytes() };
            // A server that does not take it waits until its own time is over.
            let _ = gateway.fetcher.call(call).await;
        });
    }
}

fn changing() -> Refused {
    Refused::new("overloaded", "the organization is changing all the time; try again")
}
