//! Times as Unix seconds: read from RFC 3339 and from the NumericDates of JSON Web Tokens, written as RFC 3339, and
//! judged by a clock. Whoever asks whether something is valid yet or still asks here.

use crate::json::{Json, MAX_INTEGER};
use jiff::{SignedDuration, civil::DateTime};

/// The beginning of Unix time. Moments are counted from it as civil times in UTC, because jiff's
/// own `Timestamp` ends a day before the year 9999 does, whose last second is a common "never".
const EPOCH: DateTime = DateTime::constant(1970, 1, 1, 0, 0, 0, 0);

/// Which way a fraction of a second is rounded: a start moves later, an end moves
/// earlier, so that rounding never lengthens a validity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Round {
    /// To the next whole second.
    Up,
    /// To the whole second before.
    Down,
}

/// A verifier's clock, by which validities are judged: they begin and end (RFC 7519 §4.1.4 and §4.1.5, VC Data Model
/// 2.0 §4.9) give or take as much as clocks may differ.
///
/// ```
/// use legation_keys::time::Clock;
/// let clock = Clock { now: 1000, skew: 60 };
/// assert!(clock.has_begun(1060) && !clock.has_begun(1061));
/// assert!(clock.has_ended(940) && !clock.has_ended(941));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clock {
    /// Now, Unix seconds.
    pub now: i64,
    /// Seconds by which clocks may differ.
    pub skew: i64,
}

impl Clock {
    /// Whether what is valid from this moment on (Unix seconds) is so by now.
    #[must_use]
    pub fn has_begun(self, from: i64) -> bool {
        self.now.saturating_add(self.skew) >= from
    }

    /// Whether what is valid before this moment (Unix seconds), and at it no longer, is so no longer.
    #[must_use]
    pub fn has_ended(self, until: i64) -> bool {
        self.now.saturating_sub(self.skew) >= until
    }
}

/// Reads a NumericDate (RFC 7519 §2): seconds since 1970, which may have a fraction. Gives Unix seconds, or `None` for
/// what is no number, or one that no integer up to 2^53 − 1 is near.
///
/// ```
/// use legation_keys::{json::{JsonLimits, parse}, time::{Round, numeric_date}};
/// let half = parse(b"1795255200.5", JsonLimits { bytes: 20, depth: 1 })?;
/// assert_eq!(numeric_date(&half, Round::Up), Some(1_795_255_201));
/// assert_eq!(numeric_date(&half, Round::Down), Some(1_795_255_200));
/// # Ok::<(), legation_keys::json::JsonError>(())
/// ```
#[must_use]
pub fn numeric_date(json: &Json<'_>, round: Round) -> Option<i64> {
    match json {
        Json::Integer(seconds) => Some(*seconds),
        Json::OtherNumber(number) => whole(match round {
            Round::Up => number.value().ceil(),
            Round::Down => number.value().floor(),
        }),
        _ => None,
    }
}

/// An integer that a double holds exactly.
#[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation)]
fn whole(value: f64) -> Option<i64> {
    (value.abs() <= MAX_INTEGER as f64).then_some(value as i64)
}

/// Reads an XML Schema `dateTimeStamp` (VC Data Model 2.0 §2.1): `YYYY-MM-DDThh:mm:ss`,
/// an optional fraction, and `Z` or an offset, which is required. The end of a day may be written as its hour 24 (XML
/// Schema 1.1 part 2 §3.3.7.2).
///
/// Gives Unix seconds, or `None` where the text is anything else.
///
/// ```
/// use legation_keys::time::{Round, parse};
/// assert_eq!(parse("2026-11-21T10:00:00Z", Round::Down), Some(1_795_255_200));
/// assert_eq!(parse("2026-11-21T11:00:00.5+01:00", Round::Up), Some(1_795_255_201));
/// assert_eq!(parse("2026-11-20T24:00:00Z", Round::Down), parse("2026-11-21T00:00:00Z", Round::Down));
/// assert_eq!(parse("2026-11-21T10:00:00", Round::Down), None, "no zone");
/// ```
#[must_use]
pub fn parse(text: &str, round: Round) -> Option<i64> {
    let (local, fraction, zone) = parts(text)?;
    let has_fraction = fraction.bytes().any(|digit| digit != b'0');
    let (local, further): (DateTime, i64) = match local.strip_suffix(END_OF_DAY) {
        Some(_) if has_fraction => return None,
        Some(date) => (format!("{date}T00:00:00").parse().ok()?, DAY),
        None => (local.parse().ok()?, 0),
    };
    let seconds = local.duration_since(EPOCH).as_secs() + further - offset(zone)?;
    Some(if has_fraction && round == Round::Up { seconds + 1 } else { seconds })
}

/// The hour 24, which has no minutes.
const END_OF_DAY: &str = "T24:00:00";
/// The seconds of a day.
const DAY: i64 = 86_400;

/// The seconds by which a zone is ahead of UTC; its shape is known to be right.
fn offset(zone: &str) -> Option<i64> {
    let Some((hours, minutes)) = zone.get(1..).and_then(|zone| zone.split_once(':')) else { return Some(0) };
    let (hours, minutes): (i64, i64) = (hours.parse().ok()?, minutes.parse().ok()?);
    let seconds = (hours * 60 + minutes) * 60;
    match (minutes, zone.starts_with('-')) {
        (60.., _) => None,
        (_, behind) => Some(if behind { -seconds } else { seconds }),
    }
}

/// Writes Unix seconds as RFC 3339 in UTC. A time outside the years −9999 to 9999 is
/// written as its number of seconds.
///
/// ```
/// assert_eq!(legation_keys::time::format(1_795_255_200), "2026-11-21T10:00:00Z");
/// ```
#[must_use]
pub fn format(seconds: i64) -> String {
    EPOCH
        .checked_add(SignedDuration::from_secs(seconds))
        .map_or_else(|_| seconds.to_string(), |time| format!("{time}Z"))
}

/// A `dateTimeStamp` as its local time to the second, the digits of its fraction, of which there may be any number, and
/// its zone; the values are the parser's to judge, except a leap second and a lower-case `t` or `z`, which XML Schema does
/// not know.
fn parts(text: &str) -> Option<(&str, &str, &str)> {
    const SHAPE: &[u8] = b"dddd-dd-ddTdd:dd:dd";
    let (local, tail) = text.split_at_checked(SHAPE.len())?;
    let fits = local.bytes().zip(SHAPE).all(|(byte, shape)| match shape {
        b'd' => byte.is_ascii_digit(),
        literal => byte == *literal,
    });
    let (fraction, zone) = match tail.strip_prefix('.') {
        Some(tail) => {
            let digits = tail.bytes().take_while(u8::is_ascii_digit).count();
            tail.split_at_checked(digits).filter(|_| digits > 0)?
        }
        None => ("", tail),
    };
    (fits && !local.ends_with("60") && is_zone(zone.as_bytes())).then_some((local, fraction, zone))
}

fn is_zone(zone: &[u8]) -> bool {
    match zone {
        b"Z" => true,
        // XML Schema knows offsets up to 14 hours.
        [b'+' | b'-', hour1, hour2, b':', minute1, minute2] => {
            let digits = [hour1, hour2, minute1, minute2].iter().all(|byte| byte.is_ascii_digit());
            digits && [*hour1, *hour2, *minute1, *minute2] <= *b"1400"
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_that_is_no_date_time_stamp_is_refused() {
        for text in [
            "",
            "2026-11-21",
            "2026-11-21T10:00:00",
            "2026-11-21 10:00:00Z",
            "2026-11-21t10:00:00Z",
            "2026-11-21T10:00:00z",
            "2026-11-21T10:00Z",
            "2026-13-21T10:00:00Z",
            "2026-02-30T10:00:00Z",
            "2026-11-21T24:00:01Z",
            "2026-11-21T24:00:00.1Z",
            "2026-11-21T24:01:00Z",
            "2026-11-21T25:00:00Z",
            "2026-11-31T24:00:00Z",
            "2026-11-21T24:00:00",
            "2026-11-21T10:00:60Z",
            "2026-11-21T10:00:00.Z",
            "2026-11-21T10:00:00+0100",
            "2026-11-21T10:00:00+14:01",
            "2026-11-21T10:00:00-15:00",
            "2026-11-21T10:00:00+1:00",
            "2026-11-21T10:00:00+001:00",
            "2026-11-21T10:00:00Z[UTC]",
            "2026-11-21T10:00:00+01:00[Europe/Berlin]",
            "+2026-11-21T10:00:00Z",
            "2026-11-21T10:00:00é",
        ] {
            assert_eq!(parse(text, Round::Down), None, "{text}");
        }
    }

    #[test]
    fn the_last_second_of_the_year_9999_is_a_time() {
        assert_eq!(parse("9999-12-31T23:59:59Z", Round::Down), Some(253_402_300_799));
        assert_eq!(parse("9999-12-31T23:59:59-01:00", Round::Down), Some(253_402_304_399));
        assert_eq!(format(253_402_300_799), "9999-12-31T23:59:59Z");
        assert_eq!(format(253_402_300_800), "253402300800");
    }

    #[test]
    fn an_offset_is_taken_off() {
        assert_eq!(parse("1970-01-01T00:00:00+05:30", Round::Down), Some(-19_800));
        assert_eq!(parse("1970-01-01T00:00:00-14:00", Round::Down), Some(50_400));
        assert_eq!(parse("1970-01-01T00:00:00.5+00:01", Round::Up), Some(-59));
        for zone in ["+14:01", "+24:00", "-00:60", "+99:99"] {
            assert_eq!(parse(&format!("1970-01-01T00:00:00{zone}"), Round::Down), None, "{zone}");
        }
    }

    #[test]
    fn a_fraction_never_lengthens_a_validity() {
        assert_eq!(parse("1970-01-01T00:00:00.1Z", Round::Up), Some(1));
        assert_eq!(parse("1970-01-01T00:00:00.1Z", Round::Down), Some(0));
        assert_eq!(parse("1969-12-31T23:59:59.9Z", Round::Up), Some(0));
        assert_eq!(parse("1969-12-31T23:59:59.9Z", Round::Down), Some(-1));
    }

    #[test]
    fn the_end_of_a_day_is_the_beginning_of_the_next() {
        assert_eq!(parse("1970-01-01T24:00:00Z", Round::Down), Some(86_400));
        assert_eq!(parse("1970-01-01T24:00:00.000Z", Round::Up), Some(86_400));
        assert_eq!(parse("1970-01-01T24:00:00+01:00", Round::Up), Some(82_800));
        assert_eq!(parse("9999-12-31T24:00:00Z", Round::Down), Some(253_402_300_800));
    }

    #[test]
    fn a_fraction_has_any_number_of_digits() {
        assert_eq!(parse("1970-01-01T00:00:00.0000000001Z", Round::Up), Some(1));
        assert_eq!(parse("1970-01-01T00:00:00.9999999999Z", Round::Down), Some(0));
        assert_eq!(parse("1970-01-01T00:00:00.0000000000Z", Round::Up), Some(0));
    }

    #[test]
    fn a_numeric_date_may_have_a_fraction_which_never_lengthens_a_validity() {
        let read = |text: &str, round| {
            let limits = crate::json::JsonLimits { bytes: 100, depth: 2 };
            numeric_date(&crate::json::parse(text.as_bytes(), limits).unwrap(), round)
        };
        for (text, up, down) in [
            ("7", 7, 7),
            ("7.0", 7, 7),
            ("7.25", 8, 7),
            ("-7.25", -7, -8),
            ("-0", 0, 0),
            ("1e3", 1000, 1000),
            ("1796479200.5", 1_796_479_201, 1_796_479_200),
            ("9007199254740991", MAX_INTEGER, MAX_INTEGER),
        ] {
            assert_eq!((read(text, Round::Up), read(text, Round::Down)), (Some(up), Some(down)), "{text}");
        }
        for text in ["9007199254740992", "-9007199254740992", "1e300", "\"7\"", "null", "true", "[7]", "{}"] {
            assert_eq!((read(text, Round::Up), read(text, Round::Down)), (None, None), "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn what_is_written_is_read_again(seconds in -62_167_219_200_i64..253_402_300_799) {
            proptest::prop_assert_eq!(parse(&format(seconds), Round::Down), Some(seconds));
            proptest::prop_assert_eq!(parse(&format(seconds), Round::Up), Some(seconds));
        }

        #[test]
        fn no_text_makes_it_panic(text in ".{0,40}") {
            let _ = parse(&text, Round::Up);
        }
    }
}
