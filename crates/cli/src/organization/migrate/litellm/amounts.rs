//! Money and windows of LiteLLM: dollars as decimals, durations that begin with the calendar.

use serde_json::Value;

/// A decimal number times a power of ten, as a whole number, rounded up where `up` is said and down otherwise. Exact: no float is
/// calculated with. `None` where it is no number that is not negative, or too large.
pub(super) fn scaled(value: &Value, power: i32, up: bool) -> Option<u64> {
    let text = match value {
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.trim().to_owned(),
        _ => return None,
    };
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
        None => (text.as_str(), 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits: String = format!("{whole}{fraction}");
    if digits.is_empty() || digits.len() > 30 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let number: u128 = digits.parse().ok()?;
    let places = i32::try_from(fraction.len()).ok()?;
    let shift = exponent.checked_add(power)?.checked_sub(places)?;
    let ten = 10_u128.checked_pow(shift.unsigned_abs().min(38))?;
    let result = if shift >= 0 {
        number.checked_mul(ten)?
    } else if up {
        number.div_ceil(ten)
    } else {
        number / ten
    };
    u64::try_from(result).ok()
}

/// A budget of so many dollars in a duration, as ours are written. LiteLLM's days, weeks and months begin with the calendar's, in
/// UTC; one without a duration never begins again, for which ten years stand.
pub(super) fn budget(most: &Value, duration: Option<&str>) -> Option<String> {
    let cents = scaled(most, 2, false)?;
    let (whole, rest) = (cents / 100, cents % 100);
    Some(format!("{whole}.{rest:02}USD/{}", window(duration)?))
}

fn window(duration: Option<&str>) -> Option<String> {
    let Some(duration) = duration else { return Some("3650d".to_owned()) };
    match duration {
        "1d" | "24h" | "daily" => return Some("day".to_owned()),
        "7d" | "1w" | "weekly" => return Some("week".to_owned()),
        "30d" | "1mo" | "monthly" => return Some("month".to_owned()),
        _ => {}
    }
    let end = duration.find(|one: char| !one.is_ascii_digit())?;
    let (number, unit) = duration.split_at_checked(end)?;
    let number: u64 = number.parse().ok().filter(|number| (1..=100_000).contains(number))?;
    match unit {
        "s" | "m" | "h" | "d" => Some(format!("{number}{unit}")),
        "w" => Some(format!("{}d", number.checked_mul(7)?)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn decimals_are_exact_and_a_price_is_never_too_low() {
        let price = |value: Value| scaled(&value, 8, true);
        assert_eq!(price(json!(2.5e-6)), Some(250));
        assert_eq!(price(json!(0.00000015)), Some(15));
        assert_eq!(price(json!("0.000000151")), Some(16));
        assert_eq!(price(json!(1e-12)), Some(1));
        assert_eq!(price(json!(0)), Some(0));
        for wrong in [json!(-1), json!("sk-1"), json!(1e40), json!(null), json!("")] {
            assert_eq!(price(wrong.clone()), None, "{wrong}");
        }
    }

    #[test]
    fn budgets_have_the_windows_that_litellm_resets_them_by() {
        let of = |most: Value, duration: Option<&str>| budget(&most, duration).unwrap();
        assert_eq!(of(json!(10.5), Some("30d")), "10.50USD/month");
        assert_eq!(of(json!(0.009), Some("1d")), "0.00USD/day");
        assert_eq!(of(json!(100), None), "100.00USD/3650d");
        assert_eq!(of(json!(1), Some("90m")), "1.00USD/90m");
        assert_eq!(budget(&json!(1), Some("sometimes")), None);
    }
}
