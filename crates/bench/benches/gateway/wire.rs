//! HTTP/1.1, as little of it as a load client and a scripted upstream need: one message at a time on a connection
//! that is kept, by plain sockets that block. What is measured is to be the gateway and not the client.

use std::{
    io::{self, Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

/// How long an answer is waited for.
const PATIENCE: Duration = Duration::from_secs(90);

/// A connection with what was read of it.
pub(crate) struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
    /// Where the next message begins in it.
    used: usize,
}

/// A message: its head, and where its body is in the connection's buffer.
pub(crate) struct Message {
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Message {
    /// A header's value; names are compared in lower case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.split("\r\n").skip(1);
        lines.find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    /// The second word of the first line: a path, or a status.
    pub(crate) fn second(&self) -> &str {
        self.head.split([' ', '\r']).nth(1).unwrap_or_default()
    }
}

impl Connection {
    pub(crate) fn open(address: SocketAddr) -> io::Result<Self> {
        Self::of(TcpStream::connect(address)?)
    }

    pub(crate) fn of(stream: TcpStream) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Self { stream, buffer: Vec::with_capacity(8192), used: 0 })
    }

    pub(crate) fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)
    }

    /// The next message; `None` where the other side has ended the connection before it began one.
    pub(crate) fn receive(&mut self) -> io::Result<Option<Message>> {
        self.buffer.drain(..self.used);
        self.used = 0;
        let end = loop {
            if let Some(at) = find(&self.buffer, b"\r\n\r\n") {
                break at;
            }
            if self.read()? == 0 {
                return if self.buffer.is_empty() { Ok(None) } else { Err(broken("a head")) };
            }
        };
        let head = String::from_utf8_lossy(&self.buffer[..end]).into_owned();
        let mut message = Message { head, body: Vec::new() };
        let start = end + 4;
        let end = match message.header("content-length").map(str::parse::<usize>) {
            Some(Ok(length)) => {
                while self.buffer.len() < start + length {
                    self.more()?;
                }
                start + length
            }
            Some(Err(_)) => return Err(broken("a length")),
            None if message.header("transfer-encoding").is_some() => loop {
                // No JSON that is passed here holds this.
                if let Some(at) = find(&self.buffer[start..], b"0\r\n\r\n") {
                    break start + at + 5;
                }
                self.more()?;
            },
            None => start,
        };
        message.body = self.buffer[start..end].to_vec();
        self.used = end;
        Ok(Some(message))
    }

    fn more(&mut self) -> io::Result<()> {
        if self.read()? == 0 { Err(broken("a body")) } else { Ok(()) }
    }

    fn read(&mut self) -> io::Result<usize> {
        let had = self.buffer.len();
        self.buffer.resize(had + 8192, 0);
        let read = self.stream.read(&mut self.buffer[had..]);
        self.buffer.truncate(had + *read.as_ref().unwrap_or(&0));
        read
    }
}

fn broken(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, format!("{what} broke off"))
}

fn find(text: &[u8], what: &[u8]) -> Option<usize> {
    text.windows(what.len()).position(|window| window == what)
}
