//! A model server for tests, in the shape of OpenAI's interface: real sockets, scripted words.
//!
//! A script says for each request what it gets, by a [`Plan`]: an answer, an error, nothing at all. What it
//! has seen is kept, to be looked at. It takes HTTP/1.1 on a port of 127.0.0.1, keeps connections alive, and
//! ends when it is dropped.
//!
//! | module | what it holds |
//! |---|---|
//! | [`plan`] | what a request gets |
//! | `answer` | the plan as bytes of OpenAI's interface |
//! | `interfaces` | the same of the other interfaces: responses, embeddings, Anthropic's messages |
//! | `wire` | HTTP/1.1, as far as it is needed |

mod answer;
mod interfaces;
pub mod plan;
mod wire;

use answer::Answer;
pub use plan::Plan;
use std::{
    collections::HashMap,
    io::{self, BufReader, ErrorKind, Write},
    net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

/// A request that arrived whole.
#[derive(Clone, Debug)]
pub struct Seen {
    /// As it was sent: `POST`.
    pub method: String,
    /// With its query: `/v1/chat/completions`.
    pub path: String,
    /// In the order in which they came, their names in small letters.
    pub headers: Vec<(String, String)>,
    /// Without the framing of its chunks.
    pub body: Vec<u8>,
}

impl Seen {
    /// The first header of that name, which is given in small letters.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The body as JSON, `null` if it is none.
    #[must_use]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

/// A running server.
#[derive(Debug)]
pub struct Upstream {
    address: SocketAddr,
    shared: Arc<Shared>,
    listener: Option<JoinHandle<()>>,
}

/// What all connections share.
#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    /// Told of each change.
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    seen: Vec<Seen>,
    connections: usize,
    abandoned: usize,
    let_go: bool,
    stopped: bool,
}

impl Upstream {
    /// Starts a server that gives each request what `script` says of it and of its number, the first being 0.
    ///
    /// # Errors
    ///
    /// If no port is free.
    pub fn start(script: impl Fn(&Seen, usize) -> Plan + Send + Sync + 'static) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let shared = Arc::<Shared>::default();
        let (for_all, script) = (Arc::clone(&shared), Arc::new(script));
        let serve = move |stream: &TcpStream, shared: &Shared| serve(stream, shared, &*script);
        let listener = thread::Builder::new().spawn(move || listen(&listener, &for_all, &Arc::new(serve)))?;
        Ok(Self { address, shared, listener: Some(listener) })
    }

    /// Starts a server that gives each request the same.
    ///
    /// # Errors
    ///
    /// If no port is free.
    pub fn always(plan: Plan) -> io::Result<Self> {
        Self::start(move |_, _| plan.clone())
    }

    /// The base URL as the SDKs take it: `http://127.0.0.1:PORT/v1`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("{}/v1", self.origin())
    }

    /// The same without its path.
    #[must_use]
    pub fn origin(&self) -> String {
        format!("http://{}", self.address)
    }

    /// All requests that arrived whole, in their order. Each is there before its answer begins.
    #[must_use]
    pub fn requests(&self) -> Vec<Seen> {
        self.shared.state().seen.clone()
    }

    /// How many of them.
    #[must_use]
    pub fn count(&self) -> usize {
        self.shared.state().seen.len()
    }

    /// How many connections were opened.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.shared.state().connections
    }

    /// How many answers were not waited for: whoever asked closed the connection before their end.
    #[must_use]
    pub fn abandoned(&self) -> usize {
        self.shared.state().abandoned
    }

    /// Whether so many requests have arrived, after waiting for them for `at_most`.
    #[must_use]
    pub fn wait_for(&self, count: usize, at_most: Duration) -> bool {
        self.wait_until(at_most, |state| state.seen.len() >= count)
    }

    /// Whether so many answers were [abandoned](Self::abandoned), after waiting for it for `at_most`.
    #[must_use]
    pub fn wait_for_abandoned(&self, count: usize, at_most: Duration) -> bool {
        self.wait_until(at_most, |state| state.abandoned >= count)
    }

    /// From now on nothing hangs: answers that do go on, and later ones don't begin to.
    pub fn let_go(&self) {
        self.shared.change(|state| state.let_go = true);
    }

    fn wait_until(&self, at_most: Duration, holds: impl Fn(&State) -> bool) -> bool {
        let waits = |state: &mut State| !holds(state);
        let waited = self.shared.changed.wait_timeout_while(self.shared.state(), at_most, waits);
        let (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        holds(&state)
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.shared.change(|state| state.stopped = true);
        // Wakes the listener, which then ends the connections.
        let _ = TcpStream::connect(self.address);
        if let Some(listener) = self.listener.take() {
            let _ = listener.join();
        }
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        // A script that panicked holds nothing of it.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change<T>(&self, how: impl FnOnce(&mut State) -> T) -> T {
        let given = how(&mut self.state());
        self.changed.notify_all();
        given
    }

    /// Waits until `holds`, or for `at_most`, whichever is first.
    ///
    /// # Errors
    ///
    /// If the server is stopped or the other side closes the connection meanwhile.
    fn wait(&self, stream: &TcpStream, at_most: Duration, holds: fn(&State) -> bool) -> io::Result<()> {
        /// How often it is looked whether somebody still waits.
        const LOOK: Duration = Duration::from_millis(10);
        let started = Instant::now();
        loop {
            let state = self.state();
            let left = at_most.saturating_sub(started.elapsed());
            if state.stopped {
                return Err(ErrorKind::Interrupted.into());
            }
            if holds(&state) || left.is_zero() {
                return Ok(());
            }
            let waits = |state: &mut State| !state.stopped && !holds(state);
            drop(self.changed.wait_timeout_while(state, left.min(LOOK), waits));
            if wire::is_closed(stream)? {
                return Err(ErrorKind::ConnectionAborted.into());
            }
        }
    }
}

/// A connection that is closed when its thread ends, even by a panic of the script.
struct Closes(Arc<TcpStream>);

impl Drop for Closes {
    fn drop(&mut self) {
        let _ = self.0.shutdown(Shutdown::Both);
    }
}

/// A thread for each connection, until the server is stopped.
fn listen<F>(listener: &TcpListener, shared: &Arc<Shared>, serve: &Arc<F>)
where
    F: Fn(&TcpStream, &Shared) -> io::Result<()> + Send + Sync + 'static,
{
    let mut open: HashMap<SocketAddr, (Closes, JoinHandle<()>)> = HashMap::new();
    for stream in listener.incoming() {
        if shared.state().stopped {
            break;
        }
        open.retain(|_, (_, thread)| !thread.is_finished());
        let Ok(stream) = stream.map(Arc::new) else { continue };
        let Ok(peer) = stream.peer_addr() else { continue };
        shared.change(|state| state.connections += 1);
        let (shared, serve, in_thread) = (Arc::clone(shared), Arc::clone(serve), Closes(Arc::clone(&stream)));
        let run = move || drop(serve(&in_thread.0, &shared));
        // Thousands of them are to fit.
        if let Ok(thread) = thread::Builder::new().stack_size(256 * 1024).spawn(run) {
            open.insert(peer, (Closes(stream), thread));
        }
    }
    for (closes, thread) in open.into_values() {
        drop(closes);
        let _ = thread.join();
    }
}

/// Answers the requests of a connection, until one side has enough of it.
fn serve(stream: &TcpStream, shared: &Shared, script: &dyn Fn(&Seen, usize) -> Plan) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream);
    while let Some((seen, keep)) = wire::read(&mut reader)? {
        let number = shared.change(|state| {
            state.seen.push(seen.clone());
            state.seen.len() - 1
        });
        let plan = script(&seen, number);
        match deliver(stream, shared, &plan, &plan.answer(&seen, number)) {
            Ok(true) if keep => {}
            Ok(_) => break,
            // It was stopped.
            Err(error) if error.kind() == ErrorKind::Interrupted => break,
            Err(error) => {
                shared.change(|state| state.abandoned += 1);
                return Err(error);
            }
        }
    }
    Ok(())
}

/// Sends an answer as the plan has it, and says whether it was sent whole.
fn deliver(mut stream: &TcpStream, shared: &Shared, plan: &Plan, answer: &Answer) -> io::Result<bool> {
    shared.wait(stream, plan.before, |_| false)?;
    let mut stop = plan.stop.map(|stop| (stop.hangs, answer.offset(stop.at)));
    let mut sent = 0;
    for (index, part) in answer.parts.iter().enumerate() {
        // The head and the first event go out together.
        if index > 1 {
            shared.wait(stream, plan.between, |_| false)?;
        }
        let room = stop.map_or(part.len(), |(_, at)| part.len().min(at.saturating_sub(sent)));
        let (now, later) = part.split_at(room);
        stream.write_all(now)?;
        if !later.is_empty() {
            if stop.is_some_and(|(hangs, _)| !hangs) {
                return Ok(false);
            }
            shared.wait(stream, Duration::MAX, |state| state.let_go)?;
            stream.write_all(later)?;
            stop = None;
        }
        sent += part.len();
    }
    Ok(true)
}
