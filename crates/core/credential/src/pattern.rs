//! Patterns for actions and resources: exact, or everything behind a border.

use crate::resource;
use core::fmt;
use std::sync::Arc;

/// Most bytes of an action or of a resource.
pub const MAX_LENGTH: usize = 2048;

/// An action or a resource as a grant names it: one value, or with a trailing `*` every value
/// that starts with what stands before it and goes on.
///
/// The `*` stands directly behind a border, so that `payments.*` never reaches `paymentsx`, and
/// `https://shop.example/*` never another host. It matches any non-empty rest, further borders
/// included; but `app:/*`, which would reach `app://any.host/`, is no pattern. Patterns of this kind either contain one another or have nothing in common, which
/// is what makes the order on authorities decidable by looking.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pattern {
    /// Shared: a pair of many is made of few patterns.
    stem: Arc<str>,
    open: bool,
}

/// Why a text is no pattern, or no value that a request may name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// Not an action.
    #[error("`{found}` is no action: {reason}")]
    Action {
        /// The text, shortened.
        found: String,
        /// What is wrong and what would do.
        reason: &'static str,
    },
    /// Not a resource in normal form.
    #[error("`{found}` is no resource in normal form: {reason}")]
    Resource {
        /// The text, shortened.
        found: String,
        /// What is wrong and what would do.
        reason: &'static str,
    },
}

impl Pattern {
    /// Reads an action pattern, such as `a2a:skill:book` or `mcp:tools/call:payments.*`.
    /// Borders are `:`, `.` and `/`.
    ///
    /// # Errors
    /// [`PatternError::Action`].
    ///
    /// ```
    /// use legation_credential::Pattern;
    /// assert!(Pattern::action("mcp:tools/call:payments.*").is_ok());
    /// assert!(Pattern::action("mcp:tools/call:pay*").is_err());
    /// assert!(Pattern::action("*").is_err());
    /// ```
    pub fn action(text: &str) -> Result<Self, PatternError> {
        let wrong = |reason| PatternError::Action { found: shorten(text), reason };
        let (stem, open) = split_star(text);
        check_action(stem).map_err(wrong)?;
        if open && !stem.ends_with([':', '.', '/']) {
            return Err(wrong("`*` stands only at the end, directly behind `:`, `.` or `/`"));
        }
        Ok(Self { stem: stem.into(), open })
    }

    /// Reads a resource pattern, such as `https://shop.example/api/*`. The only border is a `/`
    /// of the path; where there is no host, not the first one, since `app:/` is how `app://any.host/`
    /// begins, too. See [`resource::check`] for the normal form.
    ///
    /// # Errors
    /// [`PatternError::Resource`].
    ///
    /// ```
    /// use legation_credential::Pattern;
    /// assert!(Pattern::resource("https://shop.example/*").is_ok());
    /// assert!(Pattern::resource("https://shop.*").is_err());
    /// assert!(Pattern::resource("https://shop.example/a/../b").is_err());
    /// ```
    pub fn resource(text: &str) -> Result<Self, PatternError> {
        let wrong = |reason| PatternError::Resource { found: shorten(text), reason };
        let (stem, open) = split_star(text);
        if open { resource::check_stem(stem) } else { resource::check(stem).map(drop) }.map_err(wrong)?;
        Ok(Self { stem: stem.into(), open })
    }

    /// Whether a value is meant by this pattern.
    #[must_use]
    pub fn matches(&self, value: &str) -> bool {
        if self.open {
            value.len() > self.stem.len() && value.starts_with(&*self.stem)
        } else {
            value == &*self.stem
        }
    }

    /// The one value that it means; `None` where it ends with a `*`.
    #[must_use]
    pub fn exact(&self) -> Option<&str> {
        (!self.open).then_some(&*self.stem)
    }

    /// Whether everything that `other` means is meant by this pattern.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        match (self.open, other.open) {
            (true, true) => other.stem.starts_with(&*self.stem),
            (_, false) => self.matches(&other.stem),
            (false, true) => false,
        }
    }

    /// What both mean: of two patterns one contains the other, or they have nothing in common.
    pub(crate) fn common<'p>(&'p self, other: &'p Self) -> Option<&'p Self> {
        if self.covers(other) {
            return Some(other);
        }
        other.covers(self).then_some(self)
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}{}", self.stem, if self.open { "*" } else { "" })
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "`{self}`")
    }
}

/// The normal form of a set of patterns: sorted, and none covered by another.
///
/// What an open pattern covers starts with its stem and so stands directly behind it: one look
/// at the last one kept is enough. A credential is read before its signature is verified, so its
/// sender must not be able to make this work grow with the square of what was sent.
pub(crate) fn normalize(mut patterns: Vec<Pattern>) -> Vec<Pattern> {
    patterns.sort_unstable();
    patterns.dedup();
    let mut open: Option<Pattern> = None;
    patterns.retain(|pattern| {
        if open.as_ref().is_some_and(|open| open.covers(pattern)) {
            return false;
        }
        if pattern.open {
            open = Some(pattern.clone());
        }
        true
    });
    patterns
}

/// Whether one of the patterns, which are in normal form, covers another: only the last one that is not
/// behind it can.
pub(crate) fn covered_by(normal: &[Pattern], other: &Pattern) -> bool {
    let place = normal.partition_point(|pattern| pattern <= other);
    place.checked_sub(1).and_then(|place| normal.get(place)).is_some_and(|pattern| pattern.covers(other))
}

/// Checks an action that is named exactly: visible ASCII without `*`.
pub(crate) fn check_action(text: &str) -> Result<(), &'static str> {
    match text {
        "" => Err("it is empty"),
        _ if text.len() > MAX_LENGTH => Err("it is longer than 2048 bytes"),
        _ if text.contains('*') => Err("`*` stands only at the end of a pattern"),
        _ if !text.bytes().all(|byte| byte.is_ascii_graphic()) => {
            Err("only visible ASCII characters may stand in it")
        }
        _ => Ok(()),
    }
}

fn split_star(text: &str) -> (&str, bool) {
    text.strip_suffix('*').map_or((text, false), |stem| (stem, true))
}

/// At most 120 characters of a text, for a message.
pub(crate) fn shorten(text: &str) -> String {
    match text.char_indices().nth(120) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_that_is_not_behind_a_border_is_refused() {
        for text in ["*", "pay*", "a*b", "a:*:b", "a:**", "", "a b", "a\u{e9}", "a\n"] {
            assert!(Pattern::action(text).is_err(), "{text}");
        }
        for text in [
            "https://shop.*",
            "https://*",
            "https://*.example/",
            "https:*",
            "*",
            "https://shop.example*",
            "https://shop.example/a*",
            "https://shop.example/*/a",
            "https://shop.example:*",
            "urn:isbn:*",
            "app:/*",
            "app:a/*",
            "app:a:/*",
        ] {
            assert!(Pattern::resource(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_star_behind_a_scheme_alone_would_reach_every_host() {
        let told = Pattern::resource("app:/*").unwrap_err().to_string();
        assert!(told.contains("would reach every host"), "{told}");
        // Behind a host, `file:`, which has none, or the first segment it reaches none.
        for text in ["app://host/*", "file:///*", "app:/a/*", "app:/:/*", "https://shop.example/a:/*"] {
            assert_eq!(Pattern::resource(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn a_star_means_a_rest_that_is_not_empty() {
        let pattern = Pattern::resource("https://shop.example/api/*").unwrap();
        assert!(pattern.matches("https://shop.example/api/orders/1"));
        assert!(!pattern.matches("https://shop.example/api/"));
        assert!(!pattern.matches("https://shop.example/api"));
        assert!(!pattern.matches("https://shop.example/apis/x"));
        assert!(!pattern.covers(&Pattern::resource("https://shop.example/api/").unwrap()));
        assert!(pattern.covers(&pattern));
    }

    #[test]
    fn a_normal_form_has_no_pattern_that_another_covers() {
        let read = |texts: &[&str]| texts.iter().map(|text| Pattern::action(text).unwrap()).collect();
        assert_eq!(normalize(read(&["b", "a.b.*", "a.*", "b", "a.c"])), normalize(read(&["a.*", "b"])));
    }

    proptest::proptest! {
        #[test]
        fn a_normal_form_keeps_what_no_other_pattern_covers(
            texts in proptest::collection::vec("[ab][.:/ab]{0,3}\\*?", 0..8)
        ) {
            let all: Vec<Pattern> = texts.iter().filter_map(|text| Pattern::action(text).ok()).collect();
            let covered = |one: &Pattern| all.iter().any(|other| other != one && other.covers(one));
            let mut kept: Vec<Pattern> = all.iter().filter(|one| !covered(one)).cloned().collect();
            kept.sort();
            kept.dedup();
            for text in ["a", "a.", "ab", "b:a", "b/"] {
                let one = Pattern::action(text).unwrap();
                proptest::prop_assert_eq!(covered_by(&kept, &one), all.iter().any(|other| other.covers(&one)));
            }
            proptest::prop_assert_eq!(normalize(all), kept);
        }

        #[test]
        fn covering_is_containing(one in "[ab.]{0,4}\\*?", other in "[ab.]{0,4}\\*?", value in "[ab.]{1,6}") {
            if let (Ok(one), Ok(other)) = (Pattern::action(&one), Pattern::action(&other)) {
                if one.covers(&other) && other.matches(&value) {
                    proptest::prop_assert!(one.matches(&value));
                }
                // Antisymmetric: what contains each other is the same.
                proptest::prop_assert_eq!(one.covers(&other) && other.covers(&one), one == other);
            }
        }

        #[test]
        fn a_pattern_prints_as_it_was_read(text in "[a-c:./]{1,6}\\*?") {
            if let Ok(pattern) = Pattern::action(&text) {
                proptest::prop_assert_eq!(pattern.to_string(), text);
            }
        }
    }
}
