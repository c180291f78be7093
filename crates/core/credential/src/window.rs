//! Windows over which a ledger sums and counts: so many seconds that slide along, or periods of the calendar.
//!
//! Of a moment a window says three things: as which moment it is counted, what lies before the window that it falls
//! into, and when it no longer counts. All are pure functions of Unix seconds: no table of zones, since a fixed
//! offset has one meaning everywhere and always.

use core::fmt;

/// Seconds of a day.
const DAY: i64 = 86_400;
/// Largest offset from UTC either way, in minutes: 14 hours, the largest of any place.
const MAX_OFFSET: i16 = 14 * 60;

/// A window of time. Windows of another kind, length, period or offset are others: of two of them neither is tighter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Window {
    /// The last so many seconds: (now − seconds, now].
    Sliding {
        /// Its length.
        seconds: i64,
    },
    /// The period of the calendar that the moment falls into, at a fixed offset from UTC.
    Calendar {
        /// Which period.
        period: Period,
        /// Minutes east of UTC, within 840 either way.
        offset: i16,
    },
}

/// A period of the calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Period {
    /// From midnight to midnight.
    Day,
    /// From Monday to Sunday.
    Week,
    /// From the first of a month to its last.
    Month,
}

impl Period {
    /// Its name in a constraint.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
        }
    }

    /// The first day of the period that a day falls into. Days are counted from 1970-01-01, a Thursday.
    fn first(self, day: i64) -> i64 {
        match self {
            Self::Day => day,
            Self::Week => day - (day + 3).rem_euclid(7),
            Self::Month => day - (day_of_month(day) - 1),
        }
    }

    /// The first day of the next period.
    fn next(self, first: i64) -> i64 {
        match self {
            Self::Day => first + 1,
            Self::Week => first + 7,
            // 31 days after a first are one of the first days of the month after it, however long this one is.
            Self::Month => self.first(first + 31),
        }
    }
}

/// The day of the month, from 1, of a day counted from 1970-01-01, in the Gregorian calendar for all time.
///
/// Years are taken to begin in March, so that a leap day is the last of its year; 400 of them have 146,097 days.
fn day_of_month(day: i64) -> i64 {
    let of_era = (day + 719_468).rem_euclid(146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    of_year - (153 * month + 2) / 5 + 1
}

impl Window {
    /// Before every other window in the order of keys.
    pub(crate) const FIRST: Self = Self::Sliding { seconds: i64::MIN };
    /// After every other window.
    pub(crate) const LAST: Self = Self::Calendar { period: Period::Month, offset: i16::MAX };

    /// A window of the calendar, as a constraint names it: `day`, `week` or `month`, in UTC or at an offset such as
    /// `+02:00`; `None` for anything else.
    ///
    /// ```
    /// use legation_credential::Window;
    /// let month = Window::calendar("month", Some("+02:00")).unwrap();
    /// // 2026-11-30T23:00:00Z is 2026-12-01T01:00:00+02:00.
    /// assert_eq!(month.moment(1_796_079_600), 1_796_076_000);
    /// assert!(Window::calendar("month", Some("Europe/Berlin")).is_none());
    /// ```
    #[must_use]
    pub fn calendar(period: &str, offset: Option<&str>) -> Option<Self> {
        let period =
            [Period::Day, Period::Week, Period::Month].into_iter().find(|known| known.name() == period)?;
        let offset = offset.map_or(Some(0), read_offset)?;
        Some(Self::Calendar { period, offset })
    }

    /// Reads a window as it is displayed. `None` where that is none.
    ///
    /// ```
    /// use legation_credential::window::Window;
    ///
    /// for text in ["60 s", "a calendar day in UTC", "a calendar month at +02:00"] {
    ///     assert_eq!(Window::read(text).unwrap().to_string(), text);
    /// }
    /// assert_eq!(Window::read("a calendar month"), None);
    /// ```
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let read = match text.strip_prefix("a calendar ") {
            Some(rest) => match rest.split_once(" at ") {
                Some((period, offset)) => Self::calendar(period, Some(offset)),
                None => Self::calendar(rest.strip_suffix(" in UTC")?, None),
            },
            None => Some(Self::Sliding { seconds: text.strip_suffix(" s")?.parse().ok()? }),
        };
        read.filter(|read| read.to_string() == text)
    }

    /// The moment as which what happens at `now` is counted, Unix seconds: `now` itself, or when its period began.
    #[must_use]
    pub fn moment(self, now: i64) -> i64 {
        match self {
            Self::Sliding { .. } => now,
            Self::Calendar { period, offset } => moment_of(period.first(day_of(now, offset)), offset),
        }
    }

    /// The latest moment that does not count at `now`, Unix seconds.
    #[must_use]
    pub fn before(self, now: i64) -> i64 {
        match self {
            Self::Sliding { seconds } => now.saturating_sub(seconds),
            Self::Calendar { .. } => self.moment(now).saturating_sub(1),
        }
    }

    /// From when on what was counted at a moment no longer is, Unix seconds.
    #[must_use]
    pub fn end(self, moment: i64) -> i64 {
        match self {
            Self::Sliding { seconds } => moment.saturating_add(seconds),
            Self::Calendar { period, offset } => {
                moment_of(period.next(period.first(day_of(moment, offset))), offset)
            }
        }
    }

    /// Of a calendar its offset as it is written; `None` in UTC.
    #[must_use]
    pub fn offset(self) -> Option<String> {
        match self {
            Self::Calendar { offset, .. } if offset != 0 => Some(write_offset(offset)),
            _ => None,
        }
    }

    /// Its members in a constraint.
    pub(crate) fn members(self) -> serde_json::Map<String, serde_json::Value> {
        let mut members = serde_json::Map::new();
        match self {
            Self::Sliding { seconds } => drop(members.insert("seconds".to_owned(), seconds.into())),
            Self::Calendar { period, .. } => {
                drop(members.insert("calendar".to_owned(), period.name().into()))
            }
        }
        if let Some(offset) = self.offset() {
            members.insert("offset".to_owned(), offset.into());
        }
        members
    }
}

/// In words that name it apart from every other window: `60 s`, or `a calendar month at +02:00`.
impl fmt::Display for Window {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sliding { seconds } => write!(out, "{seconds} s"),
            Self::Calendar { period, offset: 0 } => write!(out, "a calendar {} in UTC", period.name()),
            Self::Calendar { period, offset } => {
                write!(out, "a calendar {} at {}", period.name(), write_offset(*offset))
            }
        }
    }
}

/// The day that it is at an offset.
fn day_of(now: i64, offset: i16) -> i64 {
    now.saturating_add(i64::from(offset) * 60).div_euclid(DAY)
}

/// When a day begins at an offset.
fn moment_of(day: i64, offset: i16) -> i64 {
    day.saturating_mul(DAY).saturating_sub(i64::from(offset) * 60)
}

/// `+02:00` as minutes. UTC is no offset or `+00:00`; `-00:00` says that the offset is not known (RFC 3339 §4.3).
fn read_offset(text: &str) -> Option<i16> {
    let [sign, rest @ ..] = text.as_bytes() else { return None };
    let [h, hh, b':', m, mm] = *rest else { return None };
    let digit = |byte: u8| byte.is_ascii_digit().then(|| i16::from(byte - b'0'));
    let (hours, minutes) = (digit(h)? * 10 + digit(hh)?, digit(m)? * 10 + digit(mm)?);
    let offset = hours * 60 + minutes;
    match sign {
        _ if minutes > 59 || offset > MAX_OFFSET => None,
        b'+' => Some(offset),
        b'-' if offset > 0 => Some(-offset),
        _ => None,
    }
}

fn write_offset(offset: i16) -> String {
    let sign = if offset < 0 { '-' } else { '+' };
    format!("{sign}{:02}:{:02}", offset.abs() / 60, offset.abs() % 60)
}

#[cfg(test)]
mod tests;
