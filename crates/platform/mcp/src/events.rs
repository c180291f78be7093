//! A stream of server-sent events (WHATWG HTML §9.2), one by one, however it was cut into pieces.

/// Most bytes of an event: as many as a message may have, and some lines beside it.
pub const MAX_EVENT: usize = crate::reply::LIMITS.bytes + 4096;

/// One event: its lines, without what ends them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Event {
    lines: Vec<String>,
}

impl Event {
    /// Its data: the `data` lines, joined. `None` where it has none: a comment, which keeps a connection open.
    #[must_use]
    pub fn data(&self) -> Option<String> {
        let lines = self.lines.iter().filter_map(|line| field(line, "data"));
        lines.map(str::to_owned).reduce(|mut data, line| {
            data.push('\n');
            data.push_str(&line);
            data
        })
    }

    /// The same event with other data: each line of it is a line of the event.
    #[must_use]
    pub fn with_data(&self, data: &str) -> Self {
        let kept = self.lines.iter().filter(|line| field(line, "data").is_none()).cloned();
        let data = data.split('\n').map(|line| format!("data: {line}"));
        Self { lines: kept.chain(data).collect() }
    }

    /// The event as it is sent.
    #[must_use]
    pub fn written(&self) -> Vec<u8> {
        let mut written = self.lines.join("\n").into_bytes();
        written.extend_from_slice(b"\n\n");
        written
    }
}

fn field<'l>(line: &'l str, name: &str) -> Option<&'l str> {
    match line.split_once(':') {
        Some((field, value)) if field == name => Some(value.strip_prefix(' ').unwrap_or(value)),
        None if line == name => Some(""),
        _ => None,
    }
}

/// Why a stream can't be read on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EventsError {
    /// An event of more than [`MAX_EVENT`] bytes.
    #[error("an event has more than {MAX_EVENT} bytes")]
    TooLarge,
    /// Not UTF-8, which such a stream is.
    #[error("the stream is no UTF-8")]
    Text,
}

/// A stream as it arrives.
#[derive(Debug, Default)]
pub struct Events {
    line: Vec<u8>,
    event: Event,
    held: usize,
    after_cr: bool,
    begun: bool,
}

impl Events {
    /// Takes the next bytes, and gives the events that are whole by them. What is not ended when the stream ends is no event.
    ///
    /// # Errors
    /// [`EventsError`]; nothing behind it can be read.
    pub fn push(&mut self, chunk: &[u8]) -> Result<Vec<Event>, EventsError> {
        let mut whole = Vec::new();
        let mut rest = chunk;
        if core::mem::take(&mut self.after_cr) {
            rest = rest.strip_prefix(b"\n").unwrap_or(rest);
            // An empty chunk leaves it open.
            self.after_cr = chunk.is_empty();
        }
        while let Some(end) = rest.iter().position(|byte| matches!(byte, b'\r' | b'\n')) {
            let (line, behind) = rest.split_at_checked(end).unwrap_or((rest, &[]));
            self.hold(line)?;
            if self.line.is_empty() {
                whole.extend(self.end_event());
            } else {
                self.end_line()?;
            }
            rest = match behind {
                [b'\r', b'\n', rest @ ..] => rest,
                [b'\r'] => {
                    self.after_cr = true;
                    &[]
                }
                [_, rest @ ..] => rest,
                [] => &[],
            };
        }
        self.hold(rest)?;
        Ok(whole)
    }

    fn hold(&mut self, bytes: &[u8]) -> Result<(), EventsError> {
        self.held = self.held.saturating_add(bytes.len());
        if self.held > MAX_EVENT {
            return Err(EventsError::TooLarge);
        }
        self.line.extend_from_slice(bytes);
        Ok(())
    }

    fn end_line(&mut self) -> Result<(), EventsError> {
        let line = core::mem::take(&mut self.line);
        let line = String::from_utf8(line).map_err(|_| EventsError::Text)?;
        let is_first = !core::mem::replace(&mut self.begun, true);
        let line = if is_first { line.strip_prefix('\u{feff}').unwrap_or(&line).to_owned() } else { line };
        // A line takes memory of its own, however short it is.
        self.held = self.held.saturating_add(64);
        self.event.lines.push(line);
        Ok(())
    }

    fn end_event(&mut self) -> Option<Event> {
        self.held = 0;
        let event = core::mem::take(&mut self.event);
        (!event.lines.is_empty()).then_some(event)
    }
}
