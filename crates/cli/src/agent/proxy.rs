//! `legation agent proxy`: signs what programs send that can't, until it is asked to end.

use super::{Agent, Home, process};
use crate::{
    args::{AgentProxyArgs, SignsArgs},
    network,
    organization::host::gateway_at,
    output::{self, Failure, Output, complain},
    serve,
};
use legation_agent::{
    CallError, Identity,
    proxy::{Door, Gateway, OwnSocket, Proxy, Token},
};
use legation_did::Did;
use legation_host::serve_on;
use legation_keystore::{Passphrase, Protection, replace_agent};
use legation_registry::names;
use legation_resolver::{Fetcher, Options};
use legation_signer::hide_memory;
use serde_json::json;
use std::{
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use tokio::net::TcpListener;

/// For how long an answer may take: as long as a model may answer.
const ANSWER: Duration = Duration::from_secs(600);

/// What signs, ready to be put behind a door.
pub(crate) struct Signs {
    identity: Identity,
    chain: Vec<String>,
    gateway: Gateway,
    fetcher: Fetcher,
    home: Home,
}

impl Signs {
    /// As arguments want it.
    pub(crate) fn new(args: &SignsArgs) -> Result<Self, Failure> {
        let agent = Agent::open(&args.key, args.passphrase_file.as_deref())?;
        // The URL that SDKs are given will do as well.
        let url = args.gateway.trim_end_matches('/');
        let url = gateway_at(url.strip_suffix("/v1").unwrap_or(url), &agent.last.principal)?;
        let gateway = Gateway { url, origin: names::origin(&agent.last.principal) };
        let did = agent.did().clone();
        let Agent { home, key, chain, .. } = agent;
        let options = Options {
            timeout: ANSWER,
            allow_private: args.allow_private,
            // Whoever starts it has named the gateway.
            http_on_loopback: true,
            extra_root_certificates: network::certificates(&args.ca)?,
            ..Options::default()
        };
        let fetcher = Fetcher::new(options).map_err(|error| Failure::file(error.to_string()))?;
        let identity = Identity::new(did, key);
        Ok(Self { identity, chain, gateway, fetcher, home })
    }

    /// Who signs.
    pub(crate) fn did(&self) -> &Did {
        self.identity.did()
    }

    /// The proxy behind a door, whose delegations are renewed while it runs; new ones are put into the agent's file.
    pub(crate) fn start(self, door: Door) -> Result<Arc<Proxy>, Failure> {
        let Self { identity, chain, gateway, fetcher, home } = self;
        let links: Vec<&str> = chain.iter().map(String::as_str).collect();
        let proxy = Proxy::new(identity, &links, gateway, fetcher, door).map_err(|error| failed(&error))?;
        let renewed = Arc::clone(&proxy);
        tokio::spawn(async move {
            let kept = |chain: &str| match &home {
                Home::Key(file, passphrase) => keep(file, passphrase.as_ref(), chain),
                Home::Process(file) => process::keep(file, chain),
            };
            renewed.renew_forever(kept).await;
        });
        Ok(proxy)
    }
}

/// Puts renewed delegations into the file that they came from. Where that can't be, the proxy goes on all the same.
fn keep(file: &Path, passphrase: Option<&Passphrase>, chain: &str) {
    let protection = passphrase.map_or(Protection::InsecurePlaintext, Protection::Passphrase);
    let kept = legation_keystore::load(file, passphrase).map_err(|error| error.to_string());
    let kept = kept
        .and_then(|key| replace_agent(file, (&key, chain), protection).map_err(|error| error.to_string()));
    if let Err(reason) = kept {
        complain(&format!(
            "note: the delegations were renewed, and can't be put into the agent file: {reason}\n"
        ));
    }
}

fn failed(error: &CallError) -> Failure {
    Failure::invalid(error.code(), error.to_string())
}

/// Listens on loopback, at any port where it is 0, and the door for it.
pub(crate) async fn loopback(at: SocketAddr) -> Result<(TcpListener, Door, SocketAddr), Failure> {
    let (listener, address) = serve::listen(at).await?;
    let token = Token::new().map_err(|error| failed(&error))?;
    Ok((listener, Door::Loopback { host: address.to_string(), token }, address))
}

/// What programs are told of a proxy on loopback, by the names of the environment that the SDKs read.
pub(crate) fn environment(address: SocketAddr, token: &str) -> [(&'static str, String); 4] {
    [
        ("OPENAI_BASE_URL", format!("http://{address}/v1")),
        ("OPENAI_API_KEY", token.to_owned()),
        ("ANTHROPIC_BASE_URL", format!("http://{address}")),
        ("ANTHROPIC_API_KEY", token.to_owned()),
    ]
}

/// Where it listens.
enum Place {
    Socket(PathBuf),
    Loopback(SocketAddr),
}

fn place(text: &str) -> Result<Place, Failure> {
    let text = text.strip_prefix("unix:").unwrap_or(text);
    match text.parse::<SocketAddr>() {
        Ok(address) if address.ip() == Ipv4Addr::LOCALHOST => Ok(Place::Loopback(address)),
        Ok(address) => {
            let message = format!(
                "`{address}` may be reached by others; listen at `127.0.0.1:0`, or at the path of a unix socket"
            );
            Err(Failure::usage(message))
        }
        Err(_) if text.contains('/') => Ok(Place::Socket(text.into())),
        Err(_) => {
            let message = format!("`{text}` is neither `127.0.0.1:PORT` nor a path such as `./agent.sock`");
            Err(Failure::usage(message))
        }
    }
}

pub(crate) fn run(args: &AgentProxyArgs, as_json: bool) -> Result<Output, Failure> {
    let place = place(&args.listen)?;
    // What passes through is read by nobody else: the agent's key, prompts.
    hide_memory().map_err(|error| Failure::network("memory", error.to_string()))?;
    let signs = Signs::new(&args.signs)?;
    let (did, url) = (signs.identity.did().clone(), signs.gateway.url.clone());
    let runtime = super::runtime()?;
    runtime.block_on(async {
        let at = match place {
            Place::Loopback(at) => {
                let (listener, door, address) = loopback(at).await?;
                let Door::Loopback { token, .. } = &door else {
                    return Err(Failure::network("listen", "no door"));
                };
                let environment = environment(address, token.reveal());
                tell(&environment, as_json)?;
                begun(&format!("{did} signs at http://{address} for {url}"));
                let router = signs.start(door)?.router();
                serve_on(listener, router, None, ANSWER, serve::stopped()).await
            }
            Place::Socket(path) => {
                let socket = OwnSocket::bind(&path)
                    .map_err(|error| Failure::network(error.code(), error.to_string()))?;
                begun(&format!("{did} signs at the socket `{}` for {url}", path.display()));
                let router = signs.start(Door::Socket)?.router();
                serve_on(socket, router, None, ANSWER, serve::stopped()).await
            }
        };
        at.map_err(|error| Failure::network("listen", error.to_string()))
    })?;
    Ok(Output::done(json!({"signed": did.as_str()}), "stopped"))
}

fn begun(text: &str) {
    output::tell_noticed();
    complain(&format!("{text}; end with Ctrl-C\n"));
}

/// Tells on standard output what programs need, once: lines for a shell, or one object.
fn tell(environment: &[(&'static str, String)], as_json: bool) -> Result<(), Failure> {
    let text = if as_json {
        let members: serde_json::Map<String, serde_json::Value> =
            environment.iter().map(|(name, value)| ((*name).to_owned(), value.as_str().into())).collect();
        format!("{}\n", json!({"environment": members}))
    } else {
        environment.iter().map(|(name, value)| format!("export {name}={value}\n")).collect()
    };
    output::print(&text).map_err(|error| Failure::network("output", error.to_string()))
}
