//! Periods of the calendar, against a calendar that is walked day by day, and against another library's.

use super::*;

fn all() -> impl Iterator<Item = Window> {
    let offsets = [0, 1, 60, 120, 330, 345, 840, -1, -210, -840];
    [Period::Day, Period::Week, Period::Month]
        .into_iter()
        .flat_map(move |period| offsets.map(|offset| Window::Calendar { period, offset }))
}

/// Year, month and day, one day after another.
struct Date {
    year: i64,
    month: u8,
    day: u8,
}

impl Date {
    fn length(&self) -> u8 {
        let leap = self.year % 4 == 0 && (self.year % 100 != 0 || self.year % 400 == 0);
        match self.month {
            2 => 28 + u8::from(leap),
            4 | 6 | 9 | 11 => 30,
            _ => 31,
        }
    }

    fn step(&mut self) {
        self.day += 1;
        if self.day > self.length() {
            (self.month, self.day) = (self.month + 1, 1);
        }
        if self.month > 12 {
            (self.year, self.month) = (self.year + 1, 1);
        }
    }
}

#[test]
fn each_day_of_nine_hundred_years_is_of_its_day_week_and_month() {
    let mut date = Date { year: 1970, month: 1, day: 1 };
    let (mut week, mut month) = (-3, 0);
    for day in 0..330_000 {
        if day % 7 == 4 {
            week = day;
        }
        if date.day == 1 {
            month = day;
        }
        assert_eq!(day_of_month(day), i64::from(date.day), "{day}");
        for (period, first) in [(Period::Day, day), (Period::Week, week), (Period::Month, month)] {
            assert_eq!(period.first(day), first, "{period:?} of {day}");
        }
        assert_eq!(Period::Month.next(month), month + i64::from(date.length()), "{day}");
        date.step();
    }
    assert!(date.year > 2_870);
}

#[test]
fn a_period_holds_just_the_moments_from_its_beginning_to_its_end() {
    let draw = &mut fastrand::Rng::with_seed(1);
    for case in 0..20_000 {
        // From 1900 on, and the ends of what an `i64` can say.
        let now = match case {
            0 => i64::MAX - 90 * DAY,
            1 => i64::MIN + 90 * DAY,
            _ => draw.i64(-2_208_988_800..8_000_000_000),
        };
        for window in all() {
            let (start, end) = (window.moment(now), window.end(now));
            assert!(start <= now && now < end, "{now} in {window}");
            assert_eq!(window.before(now), start - 1);
            for inside in [start, end - 1] {
                assert_eq!((window.moment(inside), window.end(inside)), (start, end), "{now} in {window}");
            }
            assert_eq!(window.moment(end), end, "{window}");
            assert_eq!(window.end(start - 1), start, "{window}");
        }
    }
}

#[test]
fn periods_begin_when_they_do_at_their_offset() {
    let at = |text: &str| legation_keys::time::parse(text, legation_keys::time::Round::Down).unwrap();
    for (period, offset, now, start, end) in [
        ("day", None, "2026-02-28T23:59:59Z", "2026-02-28T00:00:00Z", "2026-03-01T00:00:00Z"),
        ("day", Some("+14:00"), "2026-02-28T10:00:00Z", "2026-03-01T00:00:00+14:00", "2026-03-01T10:00:00Z"),
        // 2026-11-30 is a Monday.
        ("week", None, "2026-12-06T23:59:59Z", "2026-11-30T00:00:00Z", "2026-12-07T00:00:00Z"),
        ("week", Some("-05:30"), "2026-11-30T05:29:59Z", "2026-11-23T05:30:00Z", "2026-11-30T05:30:00Z"),
        ("month", None, "2028-02-29T12:00:00Z", "2028-02-01T00:00:00Z", "2028-03-01T00:00:00Z"),
        ("month", None, "2100-02-28T12:00:00Z", "2100-02-01T00:00:00Z", "2100-03-01T00:00:00Z"),
        ("month", None, "2026-12-31T23:59:59Z", "2026-12-01T00:00:00Z", "2027-01-01T00:00:00Z"),
        (
            "month",
            Some("+02:00"),
            "2026-11-30T22:00:00Z",
            "2026-12-01T00:00:00+02:00",
            "2027-01-01T00:00:00+02:00",
        ),
    ] {
        let window = Window::calendar(period, offset).unwrap();
        assert_eq!((window.moment(at(now)), window.end(at(now))), (at(start), at(end)), "{window} at {now}");
    }
}

#[test]
fn an_offset_has_one_spelling_and_fourteen_hours_at_most() {
    for (text, offset) in [("+00:00", 0), ("+02:00", 120), ("-14:00", -840), ("+14:00", 840), ("-00:01", -1)]
    {
        assert_eq!(read_offset(text), Some(offset), "{text}");
        assert_eq!(write_offset(offset), text);
    }
    for text in [
        "", "Z", "+", "02:00", "+2:00", "+0200", "+02", "+02:60", "+14:01", "-14:01", "-00:00", "+02:00 ",
        "+0a:00", "−02:00",
    ] {
        assert_eq!(read_offset(text), None, "{text}");
    }
    for period in ["", "Day", "year", "hour", "days"] {
        assert!(Window::calendar(period, None).is_none(), "{period}");
    }
}
