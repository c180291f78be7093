//! Server-sent events (WHATWG HTML §9.2) that pass through: lines that end with CR, LF or both, and an event that ends with
//! an empty one. Each event passes unchanged as soon as it is whole, unless whoever reads it leaves it out.

/// Most bytes of an event that is looked into. A larger one passes unread.
pub(crate) const MAX_EVENT: usize = 1 << 20;
/// Most bytes of memory that are kept for the next event.
const KEPT: usize = 64 << 10;

/// Reads the data of an event; whether that is left out.
pub(crate) type Read<'r> = &'r mut dyn FnMut(&str) -> bool;

/// A stream of events. Whatever pieces it comes in, the same events are read and the same bytes go on.
#[derive(Debug)]
pub(crate) struct Events {
    /// The event that has begun.
    event: Vec<u8>,
    /// Whether nothing stands in the current line yet.
    blank: bool,
    /// Whether the last byte was a CR, to which an LF belongs.
    after_cr: bool,
    /// Whether the event that has begun is too large, and passes unread.
    passing: bool,
    /// Whether the event before was left out.
    left_out: bool,
    /// Whether an event has been read: a byte order mark may stand before the first one.
    begun: bool,
    unread: u64,
}

impl Default for Events {
    fn default() -> Self {
        Self {
            event: Vec::new(),
            blank: true,
            after_cr: false,
            passing: false,
            left_out: false,
            begun: false,
            unread: 0,
        }
    }
}

impl Events {
    /// Takes the next bytes, and gives those that go on now.
    pub(crate) fn push(&mut self, chunk: &[u8], read: Read<'_>) -> Vec<u8> {
        let mut out = Vec::new();
        let mut rest = chunk;
        while let Some((first, behind)) = rest.split_first() {
            if core::mem::take(&mut self.after_cr) && *first == b'\n' {
                self.half_of_line_end(&mut out);
                rest = behind;
                continue;
            }
            let end = rest.iter().position(|byte| matches!(byte, b'\r' | b'\n'));
            let length = end.map_or(rest.len(), |end| end.saturating_add(1));
            let (line, behind) = rest.split_at_checked(length).unwrap_or((rest, &[]));
            rest = behind;
            let ends_event = self.blank && end == Some(0);
            self.hold(line, &mut out);
            self.blank = end.is_some();
            self.after_cr = line.ends_with(b"\r");
            if ends_event {
                self.end_event(&mut out, read);
            }
        }
        out
    }

    /// The end of the stream, wherever it was cut: the bytes that still go on, and how many events passed unread.
    pub(crate) fn end(mut self, read: Read<'_>) -> (Vec<u8>, u64) {
        let event = core::mem::take(&mut self.event);
        let rest = if self.read(&event, read) { Vec::new() } else { event };
        (rest, self.unread)
    }

    /// An LF right after a CR: it belongs to what the CR belonged to.
    fn half_of_line_end(&mut self, out: &mut Vec<u8>) {
        if self.passing || !self.event.is_empty() {
            self.hold(b"\n", out);
        } else if !self.left_out {
            out.push(b'\n');
        }
    }

    fn hold(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        if self.passing {
            out.extend_from_slice(bytes);
            return;
        }
        self.event.extend_from_slice(bytes);
        if self.event.len() > MAX_EVENT {
            self.passing = true;
            self.unread = self.unread.saturating_add(1);
            out.append(&mut self.event);
        }
    }

    fn end_event(&mut self, out: &mut Vec<u8>, read: Read<'_>) {
        if core::mem::take(&mut self.passing) {
            (self.begun, self.left_out) = (true, false);
            return;
        }
        let mut event = core::mem::take(&mut self.event);
        self.left_out = self.read(&event, read);
        if !self.left_out {
            out.extend_from_slice(&event);
        }
        if event.capacity() <= KEPT {
            event.clear();
            self.event = event;
        }
    }

    fn read(&mut self, event: &[u8], read: Read<'_>) -> bool {
        let first = !core::mem::replace(&mut self.begun, true);
        data(event, first).is_some_and(|data| read(&data))
    }
}

/// The data of an event: its `data` lines, joined. `None` where it has none, or is no UTF-8.
fn data(event: &[u8], first: bool) -> Option<String> {
    let text = core::str::from_utf8(event).ok()?;
    let text = if first { text.strip_prefix('\u{feff}').unwrap_or(text) } else { text };
    // Between a CR and its LF stands an empty line, which means nothing here.
    let lines = text.split(['\r', '\n']).filter_map(|line| match line.split_once(':') {
        Some(("data", value)) => Some(value.strip_prefix(' ').unwrap_or(value)),
        None if line == "data" => Some(""),
        _ => None,
    });
    lines.map(str::to_owned).reduce(|mut data, line| {
        data.push('\n');
        data.push_str(&line);
        data
    })
}
