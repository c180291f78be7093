//! Totals of the calendar against a model that keeps everything and tells periods by the dates as they are printed:
//! over months, leap days, offsets, and clocks that go back.

use super::*;
use crate::window::BEHIND;
use fastrand::Rng;
use legation_credential::{Facts, Measure, Window, window::Period};
use legation_keys::time;

/// The period that a moment falls into, by its date.
fn period_of(window: Window, now: i64) -> String {
    let Window::Calendar { period, offset } = window else { panic!("{window}") };
    let local = now + i64::from(offset) * 60;
    let date = time::format(local);
    match period {
        Period::Day => date.chars().take(10).collect(),
        Period::Month => date.chars().take(7).collect(),
        // 1970-01-05 was the first Monday.
        Period::Week => ((local - 4 * 86_400).div_euclid(7 * 86_400)).to_string(),
    }
}

fn permit(nonce: usize, window: Window, amount: i64, most: i64) -> Permit {
    let debit = LinkDebit {
        account: [1; 32],
        link: Some(0),
        limit: format!("spend USD in {window}"),
        measure: Measure::Money,
        window,
        amount,
        most,
    };
    Permit {
        request: Request::new("a", "https://a.example/", Facts::new()).unwrap(),
        nonce: Some(NonceUse {
            key: "k".to_owned(),
            nonce: nonce.to_string(),
            root: [0; 32],
            until: i64::MAX,
            signed_at: 0,
            expires_at: i64::MAX,
        }),
        approvals: Vec::new(),
        approved_by: Vec::new(),
        links: tests::links(&[1]),
        debits: vec![debit],
        valid_until: i64::MAX,
        shadow: None,
    }
}

/// How a clock goes on: mostly by hours, sometimes by weeks, sometimes to the very border of a day.
fn step(draw: &mut Rng, now: i64) -> i64 {
    match draw.u8(..12) {
        0..=4 => now + draw.i64(0..20_000),
        5 | 6 => now + draw.i64(0..30 * 86_400),
        7 | 8 => (now.div_euclid(1_800) + 1) * 1_800 - draw.i64(0..2),
        9 => now - draw.i64(0..=BEHIND),
        10 => now - draw.i64(0..5 * 86_400),
        _ => now,
    }
}

#[test]
fn no_period_of_the_calendar_holds_more_than_its_most() {
    let (mut taken, mut refused, mut exact, mut back) = (0, 0, 0, 0);
    for case in 0..3_000 {
        let draw = &mut Rng::with_seed(case);
        let period = [Period::Day, Period::Week, Period::Month][draw.usize(..3)];
        let offset = [0, 120, -210, 840, -840, 345][draw.usize(..6)];
        let window = Window::Calendar { period, offset };
        // 1999-12 to 2040-01: leap years that a century has and has not are the window's own tests.
        let mut now = draw.i64(944_006_400..2_208_988_800);
        let (mut latest, most) = (now, draw.i64(1..20));
        let mut ledger = MemoryLedger::new();
        let mut events: Vec<(String, i64)> = Vec::new();
        let mut steady = true;
        for nonce in 0..40 {
            now = step(draw, now);
            steady &= now >= latest;
            latest = latest.max(now);
            if draw.u8(..8) == 0 {
                ledger = MemoryLedger::from_json(&ledger.to_json()).unwrap();
            }
            if draw.u8(..8) == 0 {
                ledger.forget_totals(now);
            }
            let amount = draw.i64(0..8);
            let own = period_of(window, now);
            let sum: i64 = events.iter().filter(|(at, _)| *at == own).map(|(_, amount)| amount).sum();
            match ledger.commit(permit(nonce, window, amount, most), now) {
                Ok(_) => {
                    assert!(sum + amount <= most, "case {case}: {sum} and {amount} of {most} in {own}");
                    events.push((own, amount));
                    taken += 1;
                }
                Err(denial) => {
                    assert_eq!(denial.code, Code::BudgetExceeded);
                    assert!(!steady || sum + amount > most, "case {case}: {denial} with {sum} in {own}");
                    refused += 1;
                }
            }
            let kept = ledger.totals.values().map(|held| held.total.moments.len()).max();
            assert!(kept <= Some(2), "case {case}: {kept:?} periods are kept");
            exact += usize::from(steady);
            back += usize::from(!steady);
        }
    }
    for count in [taken, refused, exact, back] {
        assert!(count > 5_000, "{taken} {refused} {exact} {back}");
    }
}
