//! Budgets as people write them: `5USD/day`.

use crate::error::RegistryError;
use legation_credential::Window;
use legation_credential::{amount::MAX_AMOUNT, money};
use serde::{Deserialize, Serialize};
use serde_json::json;

/// Longest window, in seconds: ten years.
const MAX_SECONDS: i64 = 315_576_000;

/// The most that may be spent in a window.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Budget {
    /// How much, in minor units (cents, for USD).
    pub amount: i64,
    /// ISO 4217 code.
    pub currency: String,
    /// `day`, `week` or `month` of the calendar, in UTC; or a number of seconds that slide along.
    pub window: String,
}

impl Budget {
    /// Reads `5USD/day`, `0.50EUR/month`, `100USD/3600s` or `20USD/24h`.
    ///
    /// # Errors
    /// [`RegistryError::Budget`].
    ///
    /// ```
    /// use legation_registry::Budget;
    /// let budget = Budget::parse("0.01USD/day")?;
    /// assert_eq!((budget.amount, budget.to_string().as_str()), (1, "0.01 USD/day"));
    /// assert_eq!(Budget::parse("0.001USD/day").unwrap_err().code(), "budget_invalid");
    /// # Ok::<(), legation_registry::RegistryError>(())
    /// ```
    pub fn parse(text: &str) -> Result<Self, RegistryError> {
        let wrong =
            |reason: &str| RegistryError::Budget { found: text.to_owned(), reason: reason.to_owned() };
        let (money, window) = text.split_once('/').ok_or_else(|| wrong("it names no window"))?;
        let money = money.trim();
        let letters = money.find(|one: char| one.is_ascii_alphabetic()).unwrap_or(money.len());
        let (number, currency) = money.split_at_checked(letters).unwrap_or((money, ""));
        let currency = currency.trim().to_owned();
        let exponent = money::exponent(&currency).ok_or_else(|| wrong("its currency is not known"))?;
        let amount = minor_units(number.trim(), exponent)
            .ok_or_else(|| wrong("its amount is no number, or has more decimals than the currency"))?;
        if amount > MAX_AMOUNT {
            return Err(wrong("it is more than any limit can say"));
        }
        let window = read_window(window.trim()).ok_or_else(|| wrong("its window is not known"))?;
        Ok(Self { amount, currency, window })
    }

    /// Its window.
    pub(crate) fn span(&self) -> Option<Window> {
        match self.window.parse() {
            Ok(seconds) => Some(Window::Sliding { seconds }),
            Err(_) => Window::calendar(&self.window, None),
        }
    }

    /// Whether it is of the same currency and window as another, so that one stands in place of the other.
    #[must_use]
    pub fn stands_for(&self, other: &Self) -> bool {
        (&self.currency, &self.window) == (&other.currency, &other.window)
    }

    /// The constraint that a delegation says it with.
    #[must_use]
    pub fn constraint(&self) -> serde_json::Value {
        let window = match self.window.parse::<i64>() {
            Ok(seconds) => json!({"seconds": seconds, "amount": self.amount}),
            Err(_) => json!({"calendar": self.window, "amount": self.amount}),
        };
        json!({"type": "spend", "currency": self.currency, "window": window})
    }
}

impl core::fmt::Display for Budget {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let seconds = if self.window.parse::<i64>().is_ok() { "s" } else { "" };
        let micros = legation_credential::amount::micros(self.amount);
        write!(f, "{}/{}{seconds}", money::money(micros, &self.currency), self.window)
    }
}

fn minor_units(number: &str, exponent: u32) -> Option<i64> {
    let (whole, decimals) = number.split_once('.').unwrap_or((number, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty()
        || !digits(whole)
        || !digits(decimals)
        || (number.contains('.') && decimals.is_empty())
    {
        return None;
    }
    let missing = usize::try_from(exponent).ok()?.checked_sub(decimals.len())?;
    format!("{whole}{decimals}{}", "0".repeat(missing)).parse().ok()
}

fn read_window(text: &str) -> Option<String> {
    if ["day", "week", "month"].contains(&text) {
        return Some(text.to_owned());
    }
    read_seconds(text).map(|seconds| seconds.to_string())
}

fn read_seconds(text: &str) -> Option<i64> {
    let unit = text.chars().last()?;
    let each = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        'd' => 86_400,
        _ => return None,
    };
    let number = text.strip_suffix(unit)?;
    if !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let seconds = number.parse::<i64>().ok()?.checked_mul(each)?;
    (1..=MAX_SECONDS).contains(&seconds).then_some(seconds)
}

/// Reads a length of time, `30d`, `12h`, `90m` or `45s`, in seconds.
///
/// # Errors
/// [`RegistryError::Duration`].
pub fn duration(text: &str) -> Result<i64, RegistryError> {
    read_seconds(text).ok_or_else(|| RegistryError::Duration { found: text.to_owned() })
}
