//! HTTP/1.1 (RFC 9112), as far as tests need it.

use super::Seen;
use std::{
    io::{self, BufRead, BufReader, ErrorKind, Read, Write},
    net::TcpStream,
};

/// The longest line of a head, in bytes.
const LINE: u64 = 64 * 1024;
/// The most headers.
const HEADERS: usize = 256;
/// The longest body, in bytes.
const BODY: u64 = 64 * 1024 * 1024;

/// The next request of a connection, and whether another may follow; `None` at its end.
///
/// # Errors
///
/// If it is no HTTP/1.1, or larger than the bounds above, or the connection breaks.
pub(super) fn read(reader: &mut BufReader<&TcpStream>) -> io::Result<Option<(Seen, bool)>> {
    let first = line(reader)?;
    if first.is_empty() {
        return Ok(None);
    }
    let mut words = first.split(' ');
    let (Some(method), Some(path), Some(version)) = (words.next(), words.next(), words.next()) else {
        return Err(ErrorKind::InvalidData.into());
    };
    let (method, path) = (method.to_owned(), path.to_owned());
    let mut seen = Seen { method, path, headers: headers(reader)?, body: vec![] };
    let says =
        |name: &str, value: &str| seen.header(name).is_some_and(|found| found.eq_ignore_ascii_case(value));
    let keep = version == "HTTP/1.1" && !says("connection", "close");
    if says("expect", "100-continue") {
        let mut stream: &TcpStream = reader.get_ref();
        stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
    }
    seen.body = if says("transfer-encoding", "chunked") {
        chunks(reader)?
    } else {
        let length = seen.header("content-length").map_or(Ok(0), str::parse);
        exactly(reader, length.map_err(|_| ErrorKind::InvalidData)?)?
    };
    Ok(Some((seen, keep)))
}

/// Whether the other side has closed the connection. What it has sent stays unread.
pub(super) fn is_closed(stream: &TcpStream) -> io::Result<bool> {
    stream.set_nonblocking(true)?;
    let found = stream.peek(&mut [0]);
    stream.set_nonblocking(false)?;
    match found {
        Ok(bytes) => Ok(bytes == 0),
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(false),
        Err(_) => Ok(true),
    }
}

/// A line without its end; empty at the end of the connection too.
fn line(reader: &mut BufReader<&TcpStream>) -> io::Result<String> {
    let mut bytes = Vec::new();
    reader.by_ref().take(LINE).read_until(b'\n', &mut bytes)?;
    if !bytes.is_empty() && !bytes.ends_with(b"\n") {
        return Err(ErrorKind::UnexpectedEof.into());
    }
    let text = String::from_utf8(bytes).map_err(|_| ErrorKind::InvalidData)?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}

fn headers(reader: &mut BufReader<&TcpStream>) -> io::Result<Vec<(String, String)>> {
    let mut found = Vec::new();
    loop {
        let line = line(reader)?;
        if line.is_empty() {
            return Ok(found);
        }
        let (name, value) = line.split_once(':').ok_or(ErrorKind::InvalidData)?;
        found.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        if found.len() > HEADERS {
            return Err(ErrorKind::InvalidData.into());
        }
    }
}

fn exactly(reader: &mut BufReader<&TcpStream>, length: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if length > BODY {
        return Err(ErrorKind::InvalidData.into());
    }
    let read = reader.by_ref().take(length).read_to_end(&mut bytes)?;
    if read as u64 == length { Ok(bytes) } else { Err(ErrorKind::UnexpectedEof.into()) }
}

fn chunks(reader: &mut BufReader<&TcpStream>) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let size = line(reader)?;
        let size = size.split(';').next().unwrap_or_default().trim();
        let size = u64::from_str_radix(size, 16).map_err(|_| ErrorKind::InvalidData)?;
        if size == 0 {
            // What follows the last chunk is read like headers, and told to nobody.
            headers(reader)?;
            return Ok(body);
        }
        if size.saturating_add(body.len() as u64) > BODY {
            return Err(ErrorKind::InvalidData.into());
        }
        body.append(&mut exactly(reader, size)?);
        line(reader)?;
    }
}
