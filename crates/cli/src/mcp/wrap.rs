//! `legation mcp wrap -- CMD`: an MCP server of standard input and output. Each message to it is decided by the gateway of the
//! agent's organization, as if it stood behind that, before the server sees it.

use super::{
    decide::{Decider, Denied},
    lines::{Line, next},
};
use crate::{
    agent::{proxy::Signs, run::exit, runtime},
    args::WrapArgs,
    output::{self, Failure, Output, complain},
};
use legation_agent::proxy::{Door, Token};
use legation_credential::Facts;
use legation_mcp::{
    Id, Message, message,
    reply::{self, Kind, List},
    told,
};
use legation_signer::hide_memory;
use serde_json::{Value, json};
use std::{
    collections::HashMap,
    path::Path,
    process::Stdio,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{
    io::{AsyncWriteExt, BufReader},
    process::{Child, ChildStdin, ChildStdout, Command},
    sync::mpsc,
};

/// Most requests whose answers are waited for.
const MOST_OPEN: usize = 10_000;
/// How long a server has to end once nobody speaks to it any more.
const LAST: Duration = Duration::from_secs(5);

pub(crate) fn run(args: &WrapArgs) -> Result<Output, Failure> {
    let (program, arguments) = args.command.split_first().ok_or_else(|| Failure::usage("give a program"))?;
    let server = match &args.server {
        Some(server) => server.clone(),
        None => {
            let name = Path::new(program).file_name().unwrap_or_default().to_string_lossy().to_lowercase();
            format!("mcp://{name}/")
        }
    };
    legation_credential::Request::new("mcp:ping", &server, Facts::new()).map_err(|error| {
        Failure::usage(format!(
            "`{server}` can't be granted: {error}; name the server by --server mcp://NAME/"
        ))
    })?;
    hide_memory().map_err(|error| Failure::network("memory", error.to_string()))?;
    let signs = Signs::new(&args.signs)?;
    let agent = signs.did().clone();
    output::tell_noticed();
    let runtime = runtime()?;
    let status = runtime.block_on(async {
        let token = Token::new().map_err(|error| Failure::invalid(error.code(), error.to_string()))?;
        // Nobody listens at it: what asks is this process.
        let proxy = signs.start(Door::Loopback { host: "localhost".to_owned(), token })?;
        let mut command = Command::new(program);
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let child = command.spawn().map_err(|error| {
            Failure::usage(format!("`{}` can't be run: {error}", program.to_string_lossy()))
        })?;
        between(Arc::new(Decider { proxy, agent, server }), child).await
    })?;
    runtime.shutdown_background();
    let exit = exit(status);
    Ok(Output { exit, ..Output::done(json!({"exit": exit}), "") })
}

/// Requests whose answers are waited for, each with what it asked for.
type Open = Arc<Mutex<HashMap<String, Message>>>;

/// Stands between a client and its server until one of them ends.
async fn between(decider: Arc<Decider>, mut child: Child) -> Result<std::process::ExitStatus, Failure> {
    let lost = |_| Failure::network("program", "the server is lost");
    let (Some(to_server), Some(from_server)) = (child.stdin.take(), child.stdout.take()) else {
        return Err(Failure::network("program", "the server has no standard input and output"));
    };
    let open: Open = Arc::default();
    let (to_client, mut for_client) = mpsc::channel::<String>(64);
    let (to_child, mut for_child) = mpsc::channel::<String>(64);
    let written = tokio::spawn(async move {
        let mut out = tokio::io::stdout();
        while let Some(line) = for_client.recv().await {
            if out.write_all(line.as_bytes()).await.is_err() || out.flush().await.is_err() {
                return;
            }
        }
    });
    tokio::spawn(async move {
        let mut server: ChildStdin = to_server;
        while let Some(line) = for_child.recv().await {
            if server.write_all(line.as_bytes()).await.is_err() || server.flush().await.is_err() {
                return;
            }
        }
    });
    let from_client = Side {
        decider: Arc::clone(&decider),
        open: Arc::clone(&open),
        to_client: to_client.clone(),
        to_child: to_child.clone(),
    };
    let of_server = Side { decider, open, to_client, to_child };
    let mut client = tokio::spawn(async move { from_client.client().await });
    let server = tokio::spawn(async move { of_server.server(from_server).await });
    tokio::select! {
        status = child.wait() => {
            client.abort();
            // What it said last goes on.
            let _ = server.await;
            let _ = written.await;
            return status.map_err(lost);
        }
        _ = &mut client => {}
    }
    // The client is gone; its server sees the end of its input, once nobody holds it any more.
    server.abort();
    match tokio::time::timeout(LAST, child.wait()).await {
        Ok(status) => status.map_err(lost),
        Err(_) => {
            child.kill().await.map_err(lost)?;
            child.wait().await.map_err(lost)
        }
    }
}

struct Side {
    decider: Arc<Decider>,
    open: Open,
    to_client: mpsc::Sender<String>,
    to_child: mpsc::Sender<String>,
}

fn line(json: &Value) -> String {
    format!("{json}\n")
}

fn error(id: Option<&Id>, code: i64, denied: &Denied) -> Value {
    told::error(id, code, &shown(denied))
}

fn shown(denied: &Denied) -> told::Denied<'_> {
    let Denied { code, message, cure, retry_after, approval, .. } = denied;
    told::Denied {
        code,
        message,
        cure: cure.as_deref(),
        retry_after: *retry_after,
        approval: approval.as_deref(),
    }
}

impl Side {
    /// What the client says.
    async fn client(self) {
        let mut input = BufReader::new(tokio::io::stdin());
        while let Ok(read) = next(&mut input).await {
            let text = match read {
                Line::Whole(text) => text,
                Line::TooLong => {
                    complain("note: a message of the client is too long, and was left out\n");
                    continue;
                }
                Line::End => return,
            };
            if self.pass(text).await.is_none() {
                return;
            }
        }
    }

    /// Passes a message on that is permitted. `None` where nobody reads any more.
    async fn pass(&self, text: Vec<u8>) -> Option<()> {
        let unfit = |error: legation_mcp::MessageError| {
            let denied = Denied {
                code: error.code().to_owned(),
                message: error.to_string(),
                cure: None,
                retry_after: None,
                approval: None,
                always: false,
            };
            (error.rpc_code(), denied)
        };
        let message = match message::read(&text) {
            Ok(message) => message,
            Err(wrong) => {
                let (code, denied) = unfit(wrong);
                return self.to_client.send(line(&error(None, code, &denied))).await.ok();
            }
        };
        let action = match message.action() {
            Ok(action) => action,
            Err(wrong) => {
                let (code, denied) = unfit(wrong);
                return self.to_client.send(line(&error(message.id.as_ref(), code, &denied))).await.ok();
            }
        };
        // Whoever declines does not want it any more, also where somebody has granted it meanwhile.
        if message.brings == message::Brings::Declined {
            let (code, why) = ("approval_refused", message::DECLINED);
            let denied = told::Denied { code, message: why, cure: None, retry_after: None, approval: None };
            return self.to_client.send(line(&told::denied(&message, 403, &denied))).await.ok();
        }
        if let Err(denied) = self.decider.commit(&action, &message.facts).await {
            if !message.is_request() {
                complain(&format!("note: `{action}` was not passed on: {}\n", denied.message));
                return Some(());
            }
            return self.to_client.send(line(&told::denied(&message, 403, &shown(&denied)))).await.ok();
        }
        if let Some(id) = message.id.as_ref().filter(|_| message.is_request()) {
            let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
            if open.len() >= MOST_OPEN {
                open.clear();
            }
            open.insert(id.to_string(), message.clone());
        }
        let mut text = String::from_utf8(message::sent_on(&message, &text).into_owned()).ok()?;
        text.push('\n');
        self.to_child.send(text).await.ok()
    }

    /// What the server says.
    async fn server(self, from: ChildStdout) {
        let mut output = BufReader::new(from);
        while let Ok(read) = next(&mut output).await {
            let text = match read {
                Line::Whole(text) => text,
                Line::TooLong => {
                    complain("note: a message of the server is too long, and was left out\n");
                    continue;
                }
                Line::End => return,
            };
            let Ok(text) = String::from_utf8(text) else {
                complain("note: the server said something that is no UTF-8, which was left out\n");
                continue;
            };
            let passed = match self.judge(&text).await {
                Ok(Some(passed)) => self.to_client.send(format!("{passed}\n")).await.is_ok(),
                Ok(None) => true,
                Err(reason) => {
                    complain(&format!("note: a message of the server was left out: {reason}\n"));
                    true
                }
            };
            if !passed {
                return;
            }
        }
    }

    /// What goes on of a message of the server.
    async fn judge(&self, text: &str) -> Result<Option<String>, String> {
        let said = reply::read(text.as_bytes()).map_err(|error| error.to_string())?;
        match &said.kind {
            Kind::Tells(_) => Ok(Some(text.to_owned())),
            Kind::Asks { id, method } => {
                let asked = [(format!("mcp:{method}"), Facts::new())];
                match self.first(&asked).await {
                    None => Ok(Some(text.to_owned())),
                    Some(denied) => {
                        // JSON-RPC 2.0 §5.1: the method is not available.
                        let _ = self.to_child.send(line(&error(Some(id), -32601, &denied))).await;
                        Err(format!("`{method}` is not granted to its client"))
                    }
                }
            }
            Kind::Answer(None) => Ok(Some(text.to_owned())),
            Kind::Answer(Some(id)) => {
                let asked = self.open.lock().unwrap_or_else(PoisonError::into_inner).remove(&id.to_string());
                let asked = asked.ok_or("it answers nothing that was asked")?;
                self.answer(&asked, &said, text).await.map(Some)
            }
        }
    }

    async fn answer(&self, asked: &Message, said: &reply::Reply<'_>, text: &str) -> Result<String, String> {
        let more = said.asks_for().map_err(|error| error.to_string())?;
        let more: Vec<(String, Facts)> =
            more.iter().map(|method| (format!("mcp:{method}"), Facts::new())).collect();
        if let Some(denied) = self.first(&more).await {
            return Ok(told::denied(asked, 403, &shown(&denied)).to_string());
        }
        let Some(list) = asked.method.as_deref().and_then(List::of) else { return Ok(text.to_owned()) };
        let mut names = Vec::new();
        let wrong = |error: reply::ReplyError| error.to_string();
        reply::filter(text, list, &mut |name| {
            names.push(name.to_owned());
            true
        })
        .map_err(wrong)?;
        let asked_for: Vec<(String, Facts)> = names.iter().map(|name| list.asked(name)).collect();
        let decided = match self.decider.look(&asked_for).await {
            Ok(decided) => decided,
            Err(denied) => return Ok(told::denied(asked, 403, &shown(&denied)).to_string()),
        };
        let shows = |denied: &Denied| list.shows(&denied.code) && !denied.always;
        let mut shown = decided.iter().map(|decided| decided.as_ref().map_or_else(shows, |()| true));
        reply::filter(text, list, &mut |_| shown.next().unwrap_or(false)).map_err(wrong)
    }

    /// The first denial of several actions.
    async fn first(&self, asked: &[(String, Facts)]) -> Option<Denied> {
        if asked.is_empty() {
            return None;
        }
        match self.decider.look(asked).await {
            Ok(decided) => decided.into_iter().find_map(Result::err),
            Err(denied) => Some(denied),
        }
    }
}
