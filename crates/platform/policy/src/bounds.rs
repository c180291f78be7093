//! How large a text may be. Cedar's reader and what walks its trees recurse, so that depth and length are bounded before it sees
//! the text: by a scan that knows strings and comments, and nothing else.

/// Most bytes of a text.
pub(crate) const MAX_BYTES: usize = 64 << 10;
/// Most statements of a text.
pub(crate) const MAX_STATEMENTS: usize = 256;
/// Deepest nesting of brackets.
pub(crate) const MAX_DEPTH: usize = 24;
/// Most operators of one statement, each of which may be one step deeper.
pub(crate) const MAX_OPERATORS: usize = 400;

/// A text that is too large.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooLarge {
    /// Where that shows, in bytes.
    pub(crate) at: usize,
    /// What there is too much of.
    pub(crate) what: &'static str,
    /// How much there may be.
    pub(crate) most: usize,
}

/// Where each statement of a text begins, in bytes.
pub(crate) fn statements(text: &str) -> Result<Vec<usize>, TooLarge> {
    if text.len() > MAX_BYTES {
        return Err(TooLarge { at: 0, what: "bytes", most: MAX_BYTES });
    }
    let mut scan = Scan { starts: Vec::new(), depth: 0, operators: 0, is_within: false };
    let mut rest = text.bytes().enumerate().peekable();
    while let Some((at, byte)) = rest.next() {
        let next = rest.peek().map(|(_, byte)| *byte);
        match byte {
            b'"' => {
                scan.token(at)?;
                while let Some((_, byte)) = rest.next() {
                    match byte {
                        b'\\' => drop(rest.next()),
                        b'"' => break,
                        _ => {}
                    }
                }
            }
            b'/' if next == Some(b'/') => {
                while rest.next_if(|(_, byte)| !matches!(byte, b'\n' | b'\r')).is_some() {}
            }
            b';' if scan.depth == 0 => scan.is_within = false,
            byte if byte.is_ascii_whitespace() => {}
            byte => {
                scan.token(at)?;
                let word = byte.is_ascii_alphabetic();
                scan.symbol(at, byte)?;
                if word {
                    // `if`, `has`, `like`, `in` and `is` are operators as well; counting every word counts them.
                    while rest.next_if(|(_, byte)| byte.is_ascii_alphanumeric() || *byte == b'_').is_some() {}
                }
            }
        }
    }
    Ok(scan.starts)
}

struct Scan {
    starts: Vec<usize>,
    depth: usize,
    operators: usize,
    is_within: bool,
}

impl Scan {
    /// Something of a statement.
    fn token(&mut self, at: usize) -> Result<(), TooLarge> {
        if self.is_within {
            return Ok(());
        }
        if self.starts.len() >= MAX_STATEMENTS {
            return Err(TooLarge { at, what: "statements", most: MAX_STATEMENTS });
        }
        self.starts.push(at);
        (self.is_within, self.operators, self.depth) = (true, 0, 0);
        Ok(())
    }

    fn symbol(&mut self, at: usize, byte: u8) -> Result<(), TooLarge> {
        match byte {
            b'(' | b'[' | b'{' => self.depth += 1,
            b')' | b']' | b'}' => self.depth = self.depth.saturating_sub(1),
            b'&' | b'|' | b'+' | b'-' | b'*' | b'.' | b'!' | b'<' | b'>' | b'=' | b'i' | b'h' | b'l' => {
                self.operators += 1;
            }
            _ => {}
        }
        if self.depth > MAX_DEPTH {
            return Err(TooLarge { at, what: "brackets within one another", most: MAX_DEPTH });
        }
        if self.operators > MAX_OPERATORS {
            return Err(TooLarge { at, what: "operators in one statement", most: MAX_OPERATORS });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_begin_where_they_do_whatever_strings_and_comments_hold() {
        let text =
            "// a; b\n@id(\"x;\\\";{\")\nforbid (a, b, c);\n\n  permit (a, b, c) when { \"}\" == \"//\" };";
        let starts = statements(text).unwrap();
        let begin: Vec<&str> = starts.iter().filter_map(|start| text.get(*start..*start + 3)).collect();
        assert_eq!(begin, ["@id", "per"]);
    }

    #[test]
    fn what_is_too_large_or_too_deep_is_refused_before_it_is_read() {
        let what = |text: &str| statements(text).map_err(|error| error.what);
        assert_eq!(what(&"x".repeat(MAX_BYTES + 1)), Err("bytes"));
        assert_eq!(what(&"permit(a,b,c);".repeat(257)), Err("statements"));
        assert_eq!(what(&"(".repeat(25)), Err("brackets within one another"));
        // A comment ends with its line, however that ends.
        assert_eq!(what(&format!("// x\r{}", "(".repeat(25))), Err("brackets within one another"));
        assert_eq!(what(&"a&&".repeat(400)), Err("operators in one statement"));
        assert_eq!(what(&"if a then b else ".repeat(500)), Err("operators in one statement"));
        assert_eq!(what(&"a.".repeat(500)), Err("operators in one statement"));
    }
}
