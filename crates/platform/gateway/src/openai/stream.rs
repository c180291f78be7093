//! A streamed answer, which passes while its usage is read.
//!
//! Server-sent events (WHATWG HTML §9.2): lines that end with CR, LF or both, and an event that ends with an empty one.
//! Each event passes unchanged as soon as it is whole. One is left out: the chunk that says nothing but the
//! usage, where the gateway asked for it and the caller did not; SDKs of that caller would find no choice in it.

use super::{
    members::Members,
    usage::{self, Usage, UsageError},
};

/// Most bytes of an event that is looked into. A larger one passes unread.
pub const MAX_EVENT: usize = 1 << 20;
/// Most bytes of memory that are kept for the next event.
const KEPT: usize = 64 << 10;

/// Reads a stream that passes through. Whatever pieces it comes in, the same bytes go on and the same usage is read.
///
/// ```
/// use legation_gateway::openai::Meter;
/// let mut meter = Meter::new(false);
/// assert_eq!(meter.push(b"data: {\"choices\":[{}]}\n\nda"), b"data: {\"choices\":[{}]}\n\n");
/// let rest = b"ta: {\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":2}}\n\ndata: [DONE]\n\n";
/// assert_eq!(meter.push(rest), b"data: [DONE]\n\n");
/// let ended = meter.end();
/// assert!(ended.finished && ended.usage.is_some_and(|usage| usage.output == 2));
/// ```
#[derive(Debug)]
pub struct Meter {
    /// Whether the caller asked for the usage itself.
    wants_usage: bool,
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
    usage: Option<Result<Usage, UsageError>>,
    finished: bool,
    unread: u64,
}

/// What came of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// The bytes that still go to the caller: an event that was cut off.
    pub rest: Vec<u8>,
    /// What the stream said last that it took; `None` where it said nothing, or nothing that can be believed. What
    /// was reserved stays taken then.
    pub usage: Option<Usage>,
    /// Why what it said is not believed.
    pub problem: Option<UsageError>,
    /// Whether it came to its end, `data: [DONE]`.
    pub finished: bool,
    /// How many events were too large to be looked into.
    pub unread: u64,
}

impl Meter {
    /// A meter at the begin of a stream; whether the caller asked for the usage, as [`super::Chat::wants_usage`] tells.
    #[must_use]
    pub fn new(wants_usage: bool) -> Self {
        Self {
            wants_usage,
            event: Vec::new(),
            blank: true,
            after_cr: false,
            passing: false,
            left_out: false,
            begun: false,
            usage: None,
            finished: false,
            unread: 0,
        }
    }

    /// Takes the next bytes of the provider, and gives those that go to the caller now.
    #[must_use]
    pub fn push(&mut self, chunk: &[u8]) -> Vec<u8> {
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
                self.end_event(&mut out);
            }
        }
        out
    }

    /// The end of the stream, wherever it was cut.
    #[must_use]
    pub fn end(mut self) -> Ended {
        let event = core::mem::take(&mut self.event);
        let rest = if self.read(&event) { Vec::new() } else { event };
        let (usage, problem) = match self.usage {
            None => (None, None),
            Some(Ok(usage)) => (Some(usage), None),
            Some(Err(problem)) => (None, Some(problem)),
        };
        Ended { rest, usage, problem, finished: self.finished, unread: self.unread }
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

    fn end_event(&mut self, out: &mut Vec<u8>) {
        if core::mem::take(&mut self.passing) {
            (self.begun, self.left_out) = (true, false);
            return;
        }
        let mut event = core::mem::take(&mut self.event);
        self.left_out = self.read(&event);
        if !self.left_out {
            out.extend_from_slice(&event);
        }
        if event.capacity() <= KEPT {
            event.clear();
            self.event = event;
        }
    }

    /// Reads an event; whether it says nothing but the usage, and nobody but the gateway asked for that.
    fn read(&mut self, event: &[u8]) -> bool {
        let first = !core::mem::replace(&mut self.begun, true);
        let Some(data) = data(event, first) else { return false };
        if data.trim() == "[DONE]" {
            self.finished = true;
            return false;
        }
        // Most chunks need no more than this.
        if !data.contains("\"usage\"") {
            return false;
        }
        let Ok(chunk) = Members::read(data.as_bytes()) else { return false };
        let Some(usage) = chunk.get("usage") else { return false };
        // Some say it in each chunk, as a running sum: the last one counts.
        self.usage = Some(usage::read(usage));
        let inner =
            |text: &'_ str| text.strip_prefix('[')?.strip_suffix(']').map(|inner| inner.trim().is_empty());
        let no_choice = chunk.get("choices").is_none_or(|text| inner(text) == Some(true));
        let nothing_else = no_choice && chunk.get("error").is_none();
        nothing_else && !self.wants_usage
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
