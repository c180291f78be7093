//! A streamed answer, which passes while its usage is read.
//!
//! One event is left out: the chunk that says nothing but the usage, where the gateway asked for it and the caller did
//! not; SDKs of that caller would find no choice in it.

use super::usage::{self, Usage, UsageError};
use crate::{members::Members, sse::Events};

/// Most bytes of an event that is looked into. A larger one passes unread.
pub const MAX_EVENT: usize = crate::sse::MAX_EVENT;

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
    events: Events,
    said: Said,
}

/// What was read of a stream.
#[derive(Debug)]
struct Said {
    /// Whether the caller asked for the usage itself.
    wants_usage: bool,
    usage: Option<Result<Usage, UsageError>>,
    finished: bool,
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

impl Ended {
    /// What came of it, by what it said.
    pub(crate) fn of(
        (rest, unread): (Vec<u8>, u64),
        usage: Option<Result<Usage, UsageError>>,
        finished: bool,
    ) -> Self {
        let (usage, problem) = match usage {
            None => (None, None),
            Some(Ok(usage)) => (Some(usage), None),
            Some(Err(problem)) => (None, Some(problem)),
        };
        Self { rest, usage, problem, finished, unread }
    }
}

impl Meter {
    /// A meter at the begin of a stream; whether the caller asked for the usage, as [`super::Chat::wants_usage`] tells.
    #[must_use]
    pub fn new(wants_usage: bool) -> Self {
        Self { events: Events::default(), said: Said { wants_usage, usage: None, finished: false } }
    }

    /// Takes the next bytes of the provider, and gives those that go to the caller now.
    #[must_use]
    pub fn push(&mut self, chunk: &[u8]) -> Vec<u8> {
        let Self { events, said } = self;
        events.push(chunk, &mut |data| said.read(data))
    }

    /// The end of the stream, wherever it was cut.
    #[must_use]
    pub fn end(self) -> Ended {
        let Self { events, mut said } = self;
        let rest = events.end(&mut |data| said.read(data));
        Ended::of(rest, said.usage, said.finished)
    }
}

impl Said {
    /// Reads an event; whether it says nothing but the usage, and nobody but the gateway asked for that.
    fn read(&mut self, data: &str) -> bool {
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
