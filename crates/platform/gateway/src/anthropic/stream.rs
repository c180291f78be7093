//! A streamed answer, which passes while its usage is read: the prompt's at the begin, the answer's as it ends.

use super::usage;
use crate::{
    members::Members,
    openai::{Ended, Usage, UsageError},
    sse::Events,
};

/// Reads a stream that passes through, unchanged.
///
/// ```
/// use legation_gateway::anthropic::Meter;
/// let mut meter = Meter::default();
/// let _ = meter.push(b"event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"usage\":{\"input_tokens\":9,\"output_tokens\":1}}}\n\n");
/// let _ = meter.push(b"data: {\"type\":\"message_delta\",\"delta\":{},\"usage\":{\"output_tokens\":4}}\n\n");
/// let _ = meter.push(b"data: {\"type\":\"message_stop\"}\n\n");
/// let ended = meter.end();
/// assert!(ended.finished && ended.usage.is_some_and(|usage| (usage.input, usage.output) == (9, 4)));
/// ```
#[derive(Debug, Default)]
pub struct Meter {
    events: Events,
    said: Said,
}

/// What was read of it.
#[derive(Debug, Default)]
struct Said {
    begin: Usage,
    /// What its end said: before that nobody knows how long the answer is.
    end: Option<Result<Usage, UsageError>>,
    finished: bool,
}

impl Meter {
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
        Ended::of(rest, said.end, said.finished)
    }
}

impl Said {
    /// Reads an event. All of them go on.
    fn read(&mut self, data: &str) -> bool {
        // Most events, a word each, need no more than this.
        if !data.contains("\"usage\"") && !data.contains("message_stop") {
            return false;
        }
        let Ok(event) = Members::read(data.as_bytes()) else { return false };
        match event.get("type") {
            Some(r#""message_start""#) => {
                let message = event.get("message").and_then(|text| Members::read(text.as_bytes()).ok());
                let usage = message.as_ref().and_then(|message| message.get("usage"));
                if let Some(Ok(usage)) = usage.map(|text| usage::read(text, &Usage::default())) {
                    self.begin = usage;
                }
            }
            Some(r#""message_delta""#) => {
                self.end = event.get("usage").map(|text| usage::read(text, &self.begin)).or(self.end.take());
            }
            Some(r#""message_stop""#) => self.finished = true,
            _ => {}
        }
        false
    }
}
