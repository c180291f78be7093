//! Lines of standard input and output, each a message (MCP, basic/transports/stdio).

use tokio::io::{AsyncBufRead, AsyncBufReadExt};

/// Most bytes of a line: what a message of a server has at most.
const MAX_LINE: usize = legation_mcp::reply::LIMITS.bytes;

/// What comes next.
pub(crate) enum Line {
    /// A line, without its end.
    Whole(Vec<u8>),
    /// One that is too long; it was skipped.
    TooLong,
    /// Nothing more.
    End,
}

/// The next line that is not empty.
pub(crate) async fn next(from: &mut (impl AsyncBufRead + Unpin)) -> std::io::Result<Line> {
    let (mut line, mut too_long) = (Vec::new(), false);
    loop {
        let there = from.fill_buf().await?;
        if there.is_empty() {
            return Ok(match line.is_empty() {
                true => Line::End,
                false => Line::Whole(line),
            });
        }
        let end = there.iter().position(|byte| *byte == b'\n');
        let piece = there.get(..end.unwrap_or(there.len())).unwrap_or_default();
        if line.len().saturating_add(piece.len()) > MAX_LINE {
            too_long = true;
            line.clear();
        }
        if !too_long {
            line.extend_from_slice(piece);
        }
        let read = piece.len().saturating_add(usize::from(end.is_some()));
        from.consume(read);
        if end.is_none() {
            continue;
        }
        if too_long {
            return Ok(Line::TooLong);
        }
        if line.last() == Some(&b'\r') {
            line.pop();
        }
        if !line.is_empty() {
            return Ok(Line::Whole(line));
        }
    }
}
