//! Times as Unix seconds, read from and written as RFC 3339.

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

/// Reads an XML Schema `dateTimeStamp` (VC Data Model 2.0 §2.1): `YYYY-MM-DDThh:mm:ss`,
/// an optional fraction, and `Z` or an offset, which is required.
///
/// Gives Unix seconds, or `None` where the text is anything else.
///
/// ```
/// use legation_keys::time::{Round, parse};
/// assert_eq!(parse("2026-11-21T10:00:00Z", Round::Down), Some(1_795_255_200));
/// assert_eq!(parse("2026-11-21T11:00:00.5+01:00", Round::Up), Some(1_795_255_201));
/// assert_eq!(parse("2026-11-21T10:00:00", Round::Down), None, "no zone");
/// ```
#[must_use]
pub fn parse(text: &str, round: Round) -> Option<i64> {
    if !is_date_time_stamp(text.as_bytes()) {
        return None;
    }
    let zone = if text.ends_with('Z') { 1 } else { "+00:00".len() };
    let (local, zone) = text.split_at_checked(text.len().checked_sub(zone)?)?;
    let local: DateTime = local.parse().ok()?;
    let moment = local.duration_since(EPOCH);
    let seconds = moment.as_secs() - offset(zone)?;
    // `subsec_nanos` has the sign of the whole, so it is negative before 1970.
    match (round, moment.subsec_nanos()) {
        (Round::Up, nanos) if nanos > 0 => Some(seconds + 1),
        (Round::Down, nanos) if nanos < 0 => Some(seconds - 1),
        _ => Some(seconds),
    }
}

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

/// Whether the text has the shape of a `dateTimeStamp`; the values are the parser's to judge,
/// except a leap second and a lower-case `t` or `z`, which XML Schema does not know.
fn is_date_time_stamp(text: &[u8]) -> bool {
    const SHAPE: &[u8] = b"dddd-dd-ddTdd:dd:dd";
    let Some((head, tail)) = text.split_at_checked(SHAPE.len()) else { return false };
    let fits = head.iter().zip(SHAPE).all(|(byte, shape)| match shape {
        b'd' => byte.is_ascii_digit(),
        literal => byte == literal,
    });
    let no_leap_second = !head.ends_with(b"60");
    let zone = match tail.strip_prefix(b".") {
        Some(fraction) => {
            let digits = fraction.iter().take_while(|byte| byte.is_ascii_digit()).count();
            if !(1..=9).contains(&digits) {
                return false;
            }
            fraction.split_at(digits).1
        }
        None => tail,
    };
    fits && no_leap_second && is_zone(zone)
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
            "2026-11-21T24:00:00Z",
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
