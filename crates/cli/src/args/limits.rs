//! The usual limits of a delegation, as people write them; each becomes the constraint that `--constraint` takes as JSON.

use super::duration;
use clap::Args;
use legation_credential::Window;
use legation_registry::{Budget, RegistryError};
use serde_json::{Value, json};

#[derive(Debug, Args)]
pub(crate) struct LimitFlags {
    /// Most money of one action, such as `50.00USD`; once for each currency.
    #[arg(long, value_name = "AMOUNT", value_parser = spend, help_heading = LIMITS)]
    pub(crate) spend: Vec<String>,
    /// Most money in a window, such as `500USD/30d`: so many s, m, h or d that slide along, or a calendar `day`, `week` or
    /// `month`, in UTC or as in `month+02:00`.
    #[arg(long, value_name = "AMOUNT/TIME", value_parser = spend_window, help_heading = LIMITS)]
    pub(crate) spend_window: Vec<String>,
    /// Most actions in a window, such as `10/60s` or `1000/day`.
    #[arg(long, value_name = "N/TIME", value_parser = rate, help_heading = LIMITS)]
    pub(crate) rate: Vec<String>,
    /// The only verifier that may take it; repeat it for several.
    #[arg(long, value_name = "DID", help_heading = LIMITS)]
    pub(crate) audience: Vec<String>,
    /// Most of a fact in a window, such as `tokens=1000000/1d`, or in one action, such as `tokens=4000`.
    #[arg(long, value_name = "FACT=N[/TIME]", value_parser = total, help_heading = LIMITS)]
    pub(crate) total: Vec<String>,
    /// Any constraint as JSON, such as `{"type":"argument","name":"region","oneOf":["eu","us"]}`. The types are `spend`, `total`,
    /// `rate`, `audience`, `argument` and `approval`.
    #[arg(long, value_name = "JSON", help_heading = LIMITS)]
    pub(crate) constraint: Vec<String>,
}

const LIMITS: &str = "Limits";

impl LimitFlags {
    /// All of them as JSON. What was typed as JSON stays as it was typed.
    pub(crate) fn constraints(&self) -> Vec<String> {
        let audience = (!self.audience.is_empty())
            .then(|| json!({"type": "audience", "allow": self.audience}).to_string());
        let flags = [&self.spend, &self.spend_window, &self.rate, &self.total, &self.constraint];
        flags.into_iter().flatten().cloned().chain(audience).collect()
    }
}

fn spend(text: &str) -> Result<String, String> {
    let (amount, currency) = money(text)?;
    Ok(json!({"type": "spend", "currency": currency, "perAction": amount}).to_string())
}

fn spend_window(text: &str) -> Result<String, String> {
    let expected = || "expected an amount and a time, such as 500USD/30d or 500USD/month".to_owned();
    let (amount, time) = text.split_once('/').ok_or_else(expected)?;
    let (amount, currency) = money(amount)?;
    let window = window(time, json!({"amount": amount}))?;
    Ok(json!({"type": "spend", "currency": currency, "window": window}).to_string())
}

fn rate(text: &str) -> Result<String, String> {
    let expected = || "expected a number and a time, such as 10/60s or 1000/day".to_owned();
    let (most, time) = text.split_once('/').ok_or_else(expected)?;
    let most = number(most).ok_or_else(expected)?;
    Ok(window(time, json!({"type": "rate", "max": most}))?.to_string())
}

fn total(text: &str) -> Result<String, String> {
    let expected = || "expected a fact and a number, such as tokens=1000000/1d or tokens=4000".to_owned();
    let (fact, most) = text.split_once('=').filter(|(fact, _)| !fact.is_empty()).ok_or_else(expected)?;
    let Some((most, time)) = most.split_once('/') else {
        let most = number(most).ok_or_else(expected)?;
        return Ok(json!({"type": "total", "fact": fact, "perAction": most}).to_string());
    };
    let most = number(most).ok_or_else(expected)?;
    Ok(json!({"type": "total", "fact": fact, "window": window(time, json!({"sum": most}))?}).to_string())
}

/// A window's members beside others: a number with a unit, or a period of the calendar, which may have an offset.
fn window(text: &str, mut members: Value) -> Result<Value, String> {
    let expected =
        "expected a number with s, m, h or d, such as 30d, or `day`, `week` or `month`, such as month+02:00";
    let (period, offset) =
        text.split_at_checked(text.find(['+', '-']).unwrap_or(text.len())).unwrap_or((text, ""));
    let offset = Some(offset).filter(|offset| !offset.is_empty());
    let Some(all) = members.as_object_mut() else { return Err(expected.to_owned()) };
    if Window::calendar(period, offset).is_some() {
        all.insert("calendar".to_owned(), period.into());
        all.extend(offset.map(|offset| ("offset".to_owned(), offset.into())));
    } else {
        let seconds = duration(text).map_err(|_| expected.to_owned())?;
        all.insert("seconds".to_owned(), seconds.into());
    }
    Ok(members)
}

/// A whole number that is not negative.
fn number(text: &str) -> Option<i64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|number| digits && *number <= MOST)
}

/// The largest integer that JSON has one reading of.
const MOST: i64 = (1 << 53) - 1;

/// An amount in minor units, with its currency: as a budget says it, which names a window, too.
fn money(text: &str) -> Result<(i64, String), String> {
    match Budget::parse(&format!("{text}/day")) {
        Ok(budget) if !text.contains('/') => Ok((budget.amount, budget.currency)),
        Err(RegistryError::Budget { reason, .. }) if !text.contains('/') => {
            Err(format!("{reason}; write it as in 50.00USD, or in minor units by --constraint"))
        }
        _ => Err("expected an amount and a currency, such as 50.00USD".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // a test's helpers may stop it
    use super::*;
    use legation_credential::Authority;

    /// What the constraints say, in words.
    fn words(constraints: &[String]) -> Vec<String> {
        let authority = format!(
            r#"{{"grants":[{{"actions":["a:b"],"resources":["https://a.example/"]}}],"constraints":[{}]}}"#,
            constraints.join(",")
        );
        let authority = Authority::parse(&authority).unwrap();
        authority.limits().map(|(key, bound)| key.describe(bound)).collect()
    }

    #[test]
    fn each_limit_says_what_was_typed() {
        for (constraint, says) in [
            (spend("50.00USD"), "at most 50.00 USD are spent in one action"),
            (spend("50USD"), "at most 50.00 USD are spent in one action"),
            (spend("0.5 EUR"), "at most 0.50 EUR are spent in one action"),
            (spend("9000JPY"), "at most 9000 JPY are spent in one action"),
            (spend("1.5KWD"), "at most 1.500 KWD are spent in one action"),
            (spend_window("500USD/30d"), "at most 500.00 USD are spent in any 30 days"),
            (spend_window("500USD/month"), "at most 500.00 USD are spent in a calendar month in UTC"),
            (spend_window("5USD/day+02:00"), "at most 5.00 USD are spent in a calendar day at +02:00"),
            (rate("10/60s"), "at most 10 actions happen in any 60 s"),
            (rate("1000/day"), "at most 1000 actions happen in a calendar day in UTC"),
            (total("tokens=1000000/1d"), "`tokens` comes to at most 1000000 in any 24 hours"),
            (total("tokens=4000"), "`tokens` is at most 4000 in one action"),
        ] {
            let words = words(&[constraint.unwrap()]);
            assert!(words.iter().any(|word| word == says), "{says}: {words:?}");
        }
    }

    #[test]
    fn what_could_be_read_in_two_ways_is_refused() {
        for text in [
            "",
            "50",
            "USD",
            "50.USD",
            ".5USD",
            "50.001USD",
            "1.5JPY",
            "50usd",
            "-5USD",
            "5,00USD",
            "50XYZ",
            "1e3USD",
            "5USD/",
        ] {
            assert!(spend(text).is_err(), "{text}");
        }
        for text in ["500USD", "500USD/", "500USD/30", "500/30d", "500USD/year", "500USD/month+25:00"] {
            assert!(spend_window(text).is_err(), "{text}");
        }
        for text in ["10", "10/", "/60s", "x/60s", "10/60", "-1/60s", "+1/60s", "9007199254740992/1d"] {
            assert!(rate(text).is_err(), "{text}");
        }
        for text in ["tokens", "=5", "tokens=", "tokens=5/", "tokens=x/1d"] {
            assert!(total(text).is_err(), "{text}");
        }
    }
}
