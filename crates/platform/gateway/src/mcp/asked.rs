//! What a request to an MCP server is, as the action and the facts that it is judged by.

use super::tools::definition_of;
use crate::{decide::Undecided, gateway::Gateway, models::Configured, refused::Refused, rpc::from_own_page};
use http::HeaderMap;
use legation_credential::{Facts, Request};
use legation_http_signature::Message as HttpMessage;
use legation_mcp::{Message, headers, message};
use legation_registry::route::Route;
use legation_verifier::VerifiedChain;
use sha2::{Digest, Sha256};
use std::{sync::Arc, time::Instant};

/// The fact that says whether the definition of a tool is the one that was looked at. No argument can set it
/// ([`legation_mcp::arguments::OWN`]).
pub(crate) const DEFINITION: &str = "mcp.definition";
/// Most bytes of a session's id.
const MAX_SESSION: usize = 1024;

/// What a request is.
#[derive(Clone, Debug)]
pub(crate) enum Verb {
    /// One message of JSON-RPC.
    Post(Box<Message>),
    /// The stream of what the server says by itself, before 2026-07-28.
    Stream,
    /// The end of a session, before 2026-07-28.
    End,
}

/// What somebody asks an MCP server for.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) verb: Verb,
    /// The session that it is in, before 2026-07-28.
    pub(crate) session: Option<String>,
}

impl Asked {
    /// The message, where it is one.
    pub(crate) fn message(&self) -> Option<&Message> {
        match &self.verb {
            Verb::Post(message) => Some(message),
            Verb::Stream | Verb::End => None,
        }
    }

    fn action(&self) -> Result<String, Refused> {
        match &self.verb {
            Verb::Post(message) => {
                message.action().map_err(|error| Refused::new(error.code(), error.to_string()))
            }
            Verb::Stream => Ok("mcp:session/stream".to_owned()),
            Verb::End => Ok("mcp:session/end".to_owned()),
        }
    }
}

/// Reads what a request is, and holds its headers against its body.
pub(crate) fn read(http: &HttpMessage<'_>, host: &str) -> Result<Asked, Refused> {
    from_own_page(http.headers, host, "an MCP server")?;
    let verb = match http.method {
        "POST" => {
            let read = message::read(http.body);
            let read = read.map_err(|error| Refused::new(error.code(), error.to_string()))?;
            headers::hold(http.headers, &read).map_err(|error| Refused::new("header_mismatch", error))?;
            Verb::Post(Box::new(read))
        }
        "GET" => Verb::Stream,
        "DELETE" => Verb::End,
        _ => return Err(Refused::new("method_not_allowed", "an MCP server takes POST, GET and DELETE")),
    };
    let message = match &verb {
        Verb::Post(message) => Some(&**message),
        _ => None,
    };
    let session = match headers::is_stateless(http.headers, message) {
        // These versions have no sessions; a header of that name means nothing (Earlier Streamable HTTP Revisions).
        true => None,
        false => session(http.headers)?,
    };
    Ok(Asked { verb, session })
}

/// The session that headers name.
pub(crate) fn session(headers: &HeaderMap) -> Result<Option<String>, Refused> {
    let mut named = headers.get_all(headers::SESSION).iter();
    let Some(session) = named.next() else { return Ok(None) };
    let text = session.to_str().ok().filter(|text| {
        let visible = text.bytes().all(|byte| byte.is_ascii_graphic());
        named.next().is_none() && visible && (1..=MAX_SESSION).contains(&text.len())
    });
    // 2025-11-25, basic/transports, Session Management: visible ASCII.
    let wrong = || Refused::new("bad_request", "`Mcp-Session-Id` stands twice, or is no id of a session");
    text.map(|text| Some(text.to_owned())).ok_or_else(wrong)
}

/// The request that is judged: the message's action on the server's own URL, with the arguments as facts.
pub(crate) async fn request(
    gateway: &Arc<Gateway>,
    (asked, body): (&Asked, &[u8]),
    (route, url): (&Route, &str),
    (configured, chain): (&Configured, &VerifiedChain),
) -> Result<Request, Undecided> {
    if url.contains('?') {
        return Err(Refused::new("bad_request", "the address of an MCP server has no query here").into());
    }
    if let Some(session) = &asked.session {
        gateway.in_session(route, session, chain).await?;
    }
    // Whoever declines does not want it any more, also where somebody has granted it meanwhile.
    if asked.message().is_some_and(|message| message.brings == message::Brings::Declined) {
        return Err(Refused::new("approval_refused", message::DECLINED).into());
    }
    let mut facts = asked.message().map(|message| message.facts.clone()).unwrap_or_default();
    add_definition(&mut facts, asked, route, configured);
    let wrong = |error: legation_credential::RequestError| Refused::new("bad_request", error.to_string());
    let request = Request::new(&asked.action()?, url, facts).map_err(wrong)?;
    let digest = asked.message().map_or_else(|| Sha256::digest(body).into(), |message| message.digest);
    Ok(request.with_body(digest))
}

fn add_definition(facts: &mut Facts, asked: &Asked, route: &Route, configured: &Configured) {
    let call = asked.message().filter(|message| message.method.as_deref() == Some("tools/call"));
    if let Some(tool) = call.and_then(|message| message.named.as_deref()) {
        facts.insert(DEFINITION.to_owned(), definition_of(configured, &route.name, tool).into());
    }
}

impl Gateway {
    /// Holds that a session is the caller's. Another agent's does not exist, as the one of a server that was started anew: the
    /// client then begins another (2025-11-25, basic/transports, Session Management).
    async fn in_session(
        self: &Arc<Self>,
        route: &Route,
        session: &str,
        chain: &VerifiedChain,
    ) -> Result<(), Refused> {
        let (agent, at) = (chain.agent(), Instant::now());
        let named = (route.name.clone(), session.to_owned());
        if self.sessions.is_of(&named, agent, at) {
            return Ok(());
        }
        let (gateway, asked) = (Arc::clone(self), named.clone());
        let owner = self.blocking(move || gateway.registry.mcp_session(&asked.0, &asked.1)).await;
        let owner = owner.and_then(|owner| owner).map_err(|error| Refused::of_registry(&error))?;
        if owner.as_deref() == Some(agent.as_str()) {
            self.sessions.remember(named, agent, at);
            return Ok(());
        }
        Err(Refused::new("session_unknown", "there is no such session; begin one by `initialize`"))
    }
}
