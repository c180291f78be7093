//! Money as people write it: `50.00 USD`.
//!
//! Limits and requests say minor units, since integers have one meaning. How many of them make a unit is the
//! currency's, by ISO 4217; of a code that is not in its list nobody here knows it, and minor units are said as such.

use crate::amount::MICROS;

/// Currencies whose minor unit is not the hundredth, by its exponent (ISO 4217, list one, as of 2026).
const EXCEPTIONS: [(u32, &str); 3] = [
    (0, "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"),
    (3, "BHD IQD JOD KWD LYD OMR TND"),
    (4, "CLF UYW"),
];
/// Currencies of which a hundred minor units make a unit. What has no minor unit at all (gold, `XXX`) is in no list.
const HUNDREDTHS: &str = "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE CHF \
CHW CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR \
ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR \
MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN \
SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST XCD XCG YER ZAR ZMW ZWG";

/// How many digits of a currency's unit its minor units are; `None` for a code that ISO 4217 does not list.
#[must_use]
pub fn exponent(currency: &str) -> Option<u32> {
    let lists = |codes: &str| codes.split(' ').any(|code| code == currency);
    let exception = EXCEPTIONS.iter().find(|(_, codes)| lists(codes)).map(|(exponent, _)| *exponent);
    exception.or_else(|| lists(HUNDREDTHS).then_some(2))
}

/// An amount in millionths of a minor unit, in words. No digit is left out that is not a zero behind the minor unit.
///
/// ```
/// use legation_credential::money::money;
/// assert_eq!(money(5_000_000_000, "USD"), "50.00 USD");
/// assert_eq!(money(250_000, "USD"), "0.0025 USD");
/// assert_eq!(money(9_000_000_000, "JPY"), "9000 JPY");
/// assert_eq!(money(5_000_000_000, "POINTS"), "5000 minor units of POINTS");
/// ```
#[must_use]
pub fn money(micros: i64, currency: &str) -> String {
    match exponent(currency) {
        Some(exponent) => format!("{} {currency}", decimal(micros, exponent)),
        None => format!("{} minor units of {currency}", decimal(micros, 0)),
    }
}

/// So many millionths of minor units as units of 10 to the exponent of them, with at least the digits of a minor unit.
fn decimal(micros: i64, exponent: u32) -> String {
    let unit = MICROS.unsigned_abs().saturating_mul(10_u64.pow(exponent));
    let (whole, rest) = (micros.unsigned_abs() / unit, micros.unsigned_abs() % unit);
    let sign = if micros < 0 { "-" } else { "" };
    let least = usize::try_from(exponent).unwrap_or(0);
    let mut digits = format!("{rest:0width$}", width = least + 6);
    while digits.len() > least && digits.ends_with('0') {
        digits.pop();
    }
    let point = if digits.is_empty() { "" } else { "." };
    format!("{sign}{whole}{point}{digits}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_is_written_by_the_currency_s_exponent() {
        for (micros, currency, written) in [
            (0, "USD", "0.00 USD"),
            (1, "USD", "0.00000001 USD"),
            (12_345_000_000, "EUR", "123.45 EUR"),
            (5_000_000_000, "JPY", "5000 JPY"),
            (1_500_000, "JPY", "1.5 JPY"),
            (1_234_000_000, "KWD", "1.234 KWD"),
            (1_000_000, "CLF", "0.0001 CLF"),
            (1_000_000, "XXX", "1 minor units of XXX"),
            (2_500_000, "TOKENS", "2.5 minor units of TOKENS"),
            (-12_345_000_000, "EUR", "-123.45 EUR"),
            (i64::MAX, "USD", "92233720368.54775807 USD"),
            (i64::MIN, "JPY", "-9223372036854.775808 JPY"),
        ] {
            assert_eq!(money(micros, currency), written);
        }
    }

    #[test]
    fn no_code_is_listed_twice() {
        let all: Vec<&str> = EXCEPTIONS
            .iter()
            .map(|(_, codes)| *codes)
            .chain([HUNDREDTHS])
            .flat_map(|codes| codes.split(' '))
            .collect();
        let mut once = all.clone();
        once.sort_unstable();
        once.dedup();
        assert_eq!(once.len(), all.len());
        assert!(all.iter().all(|code| code.len() == 3));
    }
}
