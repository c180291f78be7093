//! The tokens that an answer says it took.
//!
//! `input_tokens` are those beside the cache; what was read from it and written to it stand beside them, and all three
//! together are the prompt. Thinking is part of `output_tokens`.

use crate::openai::{
    Usage, UsageError,
    usage::{absent, count, of_member, read_object},
};

/// The usage that a whole answer says.
///
/// # Errors
/// [`UsageError`].
///
/// ```
/// use legation_gateway::anthropic::usage::of_answer;
/// let usage = of_answer(br#"{"content":[],"usage":{"input_tokens":12,"cache_read_input_tokens":100,"output_tokens":7}}"#)?;
/// assert_eq!((usage.input, usage.cached, usage.output), (112, 100, 7));
/// # Ok::<(), legation_gateway::openai::UsageError>(())
/// ```
pub fn of_answer(body: &[u8]) -> Result<Usage, UsageError> {
    of_member(body, |text| read(text, &Usage::default()))
}

/// Reads the text of a `usage`. What the end of a stream leaves out stands as its begin has said it.
pub(super) fn read(text: &str, before: &Usage) -> Result<Usage, UsageError> {
    let usage = read_object(text)?;
    let plain_before = before.input.saturating_sub(before.cached).saturating_sub(before.written);
    let plain = match count(&usage, "input_tokens", "input_tokens")? {
        Some(tokens) => tokens,
        None if *before == Usage::default() => return Err(absent("input_tokens")),
        None => plain_before,
    };
    let of = |name: &'static str, before: u64| Ok(count(&usage, name, name)?.unwrap_or(before));
    let cached = of("cache_read_input_tokens", before.cached)?;
    let written = of("cache_creation_input_tokens", before.written)?;
    let output = count(&usage, "output_tokens", "output_tokens")?.ok_or_else(|| absent("output_tokens"))?;
    let input = plain.saturating_add(cached).saturating_add(written);
    Ok(Usage { input, cached, written, output, other: 0 })
}
