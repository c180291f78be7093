//! What a JSON text weighs beside its bytes, by its marks: how many values it holds, and how many tokens its structure
//! may come to when a provider writes it anew.

/// Most tokens that a provider's own way of writing adds for each `{ } [ ] , :`: a line break and an indentation, or
/// the words of a chat template around a message. Templates that indent (Llama 3.1) take four at 64 levels.
const PER_MARK: u64 = 4;
/// Most tokens that a number written with an exponent grows by: `1e15` is read as a float and written as
/// `1000000000000000.0`, which some tokenizers take digit by digit.
const PER_EXPONENT: u64 = 20;

/// Counts over a text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Weight {
    /// No fewer than the values of the text but one: each follows a comma, or is the first of its array or object.
    pub(crate) values: u64,
    marks: u64,
    exponents: u64,
}

impl Weight {
    /// Weighs a JSON text, without asking whether it is one: what stands in strings has no weight here.
    pub(crate) fn of(text: &[u8]) -> Self {
        let mut weight = Self::default();
        let (mut inside, mut escaped) = (false, false);
        let mut before = [0_u8; 2];
        for &byte in text {
            if inside {
                inside = escaped || byte != b'"';
                escaped = !escaped && byte == b'\\';
                continue;
            }
            inside = byte == b'"';
            weight.values += u64::from(matches!(byte, b',' | b'[' | b'{'));
            weight.marks += u64::from(matches!(byte, b',' | b'[' | b'{' | b':' | b']' | b'}'));
            let exponent = matches!(before, [b'0'..=b'9', b'e' | b'E']);
            weight.exponents += u64::from(exponent && matches!(byte, b'0'..=b'9' | b'+' | b'-'));
            let [_, last] = before;
            before = [last, byte];
        }
        weight
    }

    /// Tokens that the structure may come to, beside those of the bytes.
    pub(crate) fn tokens(self) -> u64 {
        self.marks.saturating_mul(PER_MARK).saturating_add(self.exponents.saturating_mul(PER_EXPONENT))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_in_a_string_has_no_weight() {
        for (text, values, marks, exponents) in [
            (r#""a,b:{[\",1e5]}""#, 0, 0, 0),
            (r#"{"a\\":[1e5,2E-7,3e+1]}"#, 4, 7, 3),
            (r#"{"a":"\\","b":1}"#, 2, 5, 0),
            ("1.5", 0, 0, 0),
            ("", 0, 0, 0),
            ("[", 1, 1, 0),
        ] {
            let wanted = Weight { values, marks, exponents };
            assert_eq!(Weight::of(text.as_bytes()), wanted, "{text}");
        }
        assert_eq!(Weight::of(b"[1e5,2]").tokens(), 3 * 4 + 20);
    }
}
