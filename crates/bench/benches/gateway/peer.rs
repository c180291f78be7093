//! Something to measure, as its callers see it.

use crate::wire::{Connection, Message};
use std::{
    fmt::Write,
    io,
    net::SocketAddr,
    time::{Duration, Instant},
};

/// How long something may take until it answers as it should.
const PATIENCE: Duration = Duration::from_secs(120);

/// Most tokens of an answer in every call, which is also how many it has.
pub(crate) const TOKENS: u64 = 2000;
/// What a token of an answer costs, in US cents for a million. One of a prompt costs nothing: it is not known before a
/// call how many there are, and here what is reserved for a call is to be what it costs.
pub(crate) const PRICE: u64 = 1000;
/// What a call costs, in US cents.
pub(crate) const CENTS: u64 = TOKENS * PRICE / 1_000_000;

#[derive(Clone)]
pub(crate) struct Peer {
    pub(crate) name: String,
    /// Connections are spread over these.
    pub(crate) addresses: Vec<SocketAddr>,
    /// Whether it passes a path on as it is, so that it says the delay; else the model's name does.
    plain: bool,
    pub(crate) bearer: String,
}

impl Peer {
    /// The upstream itself, or what passes everything on.
    pub(crate) fn plain(name: &str, address: SocketAddr) -> Self {
        let (name, bearer) = (name.to_owned(), "none".to_owned());
        Self { name, addresses: vec![address], plain: true, bearer }
    }

    /// A gateway with models `m0`, `m20` and `m300`.
    pub(crate) fn gateway(name: &str, addresses: Vec<SocketAddr>, bearer: &str) -> Self {
        Self { name: name.to_owned(), addresses, plain: false, bearer: bearer.to_owned() }
    }

    pub(crate) fn with_bearer(self, bearer: String) -> Self {
        Self { bearer, ..self }
    }

    /// A call of a chat completion with a prompt of 1 KB, as it is sent.
    pub(crate) fn request(&self, delay: u64) -> Vec<u8> {
        self.asking(delay, "")
    }

    /// The same, of which the answer is streamed.
    pub(crate) fn streaming(&self, delay: u64) -> Vec<u8> {
        self.asking(delay, r#""stream":true,"#)
    }

    fn asking(&self, delay: u64, more: &str) -> Vec<u8> {
        let prompt = "It is a prompt of some hundred words, as one of an agent may be. ".repeat(16);
        let body = format!(
            r#"{{"model":"m{delay}",{more}"max_tokens":{TOKENS},"messages":[{{"role":"user","content":"{prompt}"}}]}}"#
        );
        let path = if self.plain {
            format!("/{delay}/v1/chat/completions")
        } else {
            "/v1/chat/completions".to_owned()
        };
        let mut request = format!("POST {path} HTTP/1.1\r\nHost: {}\r\n", self.addresses[0]);
        write!(request, "Authorization: Bearer {}\r\nContent-Type: application/json\r\n", self.bearer)
            .unwrap();
        write!(request, "Content-Length: {}\r\n\r\n{body}", body.len()).unwrap();
        request.into_bytes()
    }

    /// A client that has the connection with a number.
    pub(crate) fn client(&self, number: usize, delay: u64) -> Client {
        let address = self.addresses[number % self.addresses.len()];
        Client::of(address, self.request(delay))
    }

    /// Calls until it answers as it should, and then some times more.
    pub(crate) fn warm_up(&self) {
        let started = Instant::now();
        for number in 0..self.addresses.len() * 2 {
            let mut client = self.client(number, 0);
            let mut told = String::new();
            let mut good = 0;
            while good < 50 {
                match client.call() {
                    Ok((200, _)) => good += 1,
                    Ok((status, body)) => told = format!("{status} {}", String::from_utf8_lossy(&body)),
                    Err(error) => told = error.to_string(),
                }
                assert!(started.elapsed() < PATIENCE, "{} does not answer: {told}", self.name);
            }
        }
    }
}

/// One connection, opened when it is needed.
pub(crate) struct Client {
    address: SocketAddr,
    connection: Option<Connection>,
    request: Vec<u8>,
}

impl Client {
    /// One that sends the same request again and again.
    pub(crate) fn of(address: SocketAddr, request: Vec<u8>) -> Self {
        Self { address, connection: None, request }
    }

    /// One answer, with its head.
    pub(crate) fn message(&mut self) -> io::Result<Message> {
        self.once()?.ok_or_else(|| io::Error::other("no answer"))
    }

    pub(crate) fn connect(&mut self) -> io::Result<()> {
        self.connection = Some(Connection::open(self.address)?);
        Ok(())
    }

    /// The status and the body of an answer.
    pub(crate) fn call(&mut self) -> io::Result<(u16, Vec<u8>)> {
        let answer = self.again()?;
        Ok((answer.second().parse().unwrap_or(0), answer.body))
    }

    fn again(&mut self) -> io::Result<Message> {
        // A connection that the other side ended between two calls is opened again, once.
        let kept = self.connection.is_some();
        match self.once() {
            Ok(None) if kept => self.once()?.ok_or_else(|| io::Error::other("no answer")),
            Ok(None) => Err(io::Error::other("no answer")),
            Err(error) if kept && error.kind() == io::ErrorKind::BrokenPipe => {
                self.once()?.ok_or_else(|| io::Error::other("no answer"))
            }
            Ok(Some(answer)) => Ok(answer),
            Err(error) => Err(error),
        }
    }

    fn once(&mut self) -> io::Result<Option<Message>> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => Connection::open(self.address)?,
        };
        connection.send(&self.request)?;
        let Some(message) = connection.receive()? else { return Ok(None) };
        if !message.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close")) {
            self.connection = Some(connection);
        }
        Ok(Some(message))
    }
}
