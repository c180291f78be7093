//! A document: a text with one statement or more, read and held against the schema.

use crate::{
    bounds,
    schema::{self, validator},
};
use cedar_policy::{Effect, Policy, PolicyId, PolicySet, ValidationMode};
use core::fmt;
use miette::Diagnostic;
use sha2::{Digest, Sha256};

/// Most bytes of a name.
pub const MAX_NAME: usize = 64;

/// A version of a policy, as it decides.
#[derive(Clone, Debug)]
pub struct Document {
    name: String,
    version: i64,
    digest: [u8; 32],
    pub(crate) statements: Vec<Statement>,
}

/// One `permit` or `forbid`.
#[derive(Clone, Debug)]
pub(crate) struct Statement {
    pub(crate) policy: Policy,
    /// The line that it begins in, from 1.
    pub(crate) line: usize,
}

impl Statement {
    pub(crate) fn permits(&self) -> bool {
        self.policy.effect() == Effect::Permit
    }
}

/// Why a text is no policy. Line and column are counted from 1, the column in characters.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    /// The name can't be one.
    #[error(
        "`{found}` can't be the name of a policy: write 1 to 64 of `a`-`z`, `0`-`9`, `.`, `_`, `-`, the first a letter or digit"
    )]
    Name {
        /// What was given, shortened.
        found: String,
    },
    /// It holds nothing.
    #[error(
        "the policy holds no statement; write at least one `forbid (principal, action, resource) when {{ … }};`"
    )]
    Empty,
    /// There is too much of something.
    #[error("{place}: more than {most} {what}; write several policies, or a simpler one")]
    TooLarge {
        /// Where that shows.
        place: Place,
        /// Of what.
        what: &'static str,
        /// How much there may be.
        most: usize,
    },
    /// It is not Cedar.
    #[error("{place}: {reason}")]
    Syntax {
        /// Where.
        place: Place,
        /// What is wrong.
        reason: String,
    },
    /// It says something that no request has, or that is always or never so.
    #[error("{place}: {reason}")]
    Schema {
        /// Where.
        place: Place,
        /// What is wrong, and what can be written.
        reason: String,
    },
    /// It is a template, of which nothing is filled in here.
    #[error(
        "{place}: a template has slots, which nothing fills here; write the principal and the resource themselves"
    )]
    Template {
        /// Where.
        place: Place,
    },
}

impl TextError {
    /// A stable name of the error.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Name { .. } => "name_invalid",
            Self::Empty | Self::Syntax { .. } | Self::Template { .. } => "policy_syntax",
            Self::TooLarge { .. } => "policy_too_large",
            Self::Schema { .. } => "policy_invalid",
        }
    }
}

/// A place in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The line, from 1.
    pub line: usize,
    /// The column, from 1, in characters.
    pub column: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "line {}, column {}", self.line, self.column)
    }
}

impl Place {
    fn of(text: &str, at: usize) -> Self {
        let before = text.get(..at).unwrap_or(text);
        let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        Self { line, column }
    }
}

impl Document {
    /// Reads a text and holds it against the schema, strictly.
    ///
    /// # Errors
    /// [`TextError`], the first that is found.
    ///
    /// ```
    /// use legation_policy::Document;
    /// let text = "forbid (principal, action, resource)\nwhen { context.amountMicros > 5 };";
    /// let error = Document::parse("small-sums", 1, text).unwrap_err();
    /// assert_eq!(error.code(), "policy_invalid");
    /// assert!(error.to_string().starts_with("line 2, column 8"), "{error}");
    /// ```
    pub fn parse(name: &str, version: i64, text: &str) -> Result<Self, TextError> {
        let document = Self::read(name, version, text)?;
        document.hold(text)?;
        Ok(document)
    }

    /// Reads a text that was held against this very schema before ([`schema::digest`]).
    ///
    /// # Errors
    /// [`TextError`].
    pub fn read(name: &str, version: i64, text: &str) -> Result<Self, TextError> {
        check_name(name)?;
        let large = |error: bounds::TooLarge| TextError::TooLarge {
            place: Place::of(text, error.at),
            what: error.what,
            most: error.most,
        };
        let starts = bounds::statements(text).map_err(large)?;
        let set: PolicySet = text.parse().map_err(|errors: cedar_policy::ParseErrors| {
            let first = errors.iter().next();
            first.map_or(TextError::Empty, |error| TextError::Syntax {
                place: place(text, error),
                reason: told(error),
            })
        })?;
        if set.templates().next().is_some() {
            return Err(TextError::Template {
                place: Place::of(text, starts.first().copied().unwrap_or_default()),
            });
        }
        if set.policies().next().is_none() {
            return Err(TextError::Empty);
        }
        let mut statements = Vec::new();
        for (index, start) in starts.iter().enumerate() {
            let policy = set.policy(&PolicyId::new(format!("policy{index}")));
            let place = Place::of(text, *start);
            // The scan and Cedar see the same statements, or it is refused: a line that is told would be another's.
            let policy = policy.ok_or_else(|| TextError::Syntax {
                place,
                reason: "what begins here is no statement".to_owned(),
            })?;
            let id = PolicyId::new(format!("{name}@{version}#{index}"));
            statements.push(Statement { policy: policy.new_id(id), line: place.line });
        }
        if statements.len() != set.policies().count() {
            return Err(TextError::Syntax {
                place: Place::of(text, 0),
                reason: "it can't be told apart".to_owned(),
            });
        }
        Ok(Self { name: name.to_owned(), version, digest: Sha256::digest(text).into(), statements })
    }

    fn hold(&self, text: &str) -> Result<(), TextError> {
        let start = Place::of(text, 0);
        let wrong = |place: Place, reason: String| TextError::Schema { place, reason };
        let set = PolicySet::from_policies(self.statements.iter().map(|one| one.policy.clone()))
            .map_err(|error| wrong(start, error.to_string()))?;
        let validator = validator().ok_or_else(|| wrong(start, "there is no schema".to_owned()))?;
        let result = validator.validate(&set, ValidationMode::Strict);
        if let Some(error) = result.validation_errors().next() {
            return Err(wrong(place(text, error), told(error)));
        }
        // Such as one that can never apply, or letters that look like others.
        if let Some(warning) = result.validation_warnings().next() {
            return Err(wrong(place(text, warning), told(warning)));
        }
        Ok(())
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its version, from 1.
    #[must_use]
    pub fn version(&self) -> i64 {
        self.version
    }

    /// SHA-256 of its text.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        self.digest
    }

    /// Name and version, as receipts name it: `no-pii@3`.
    #[must_use]
    pub fn label(&self) -> String {
        format!("{}@{}", self.name, self.version)
    }

    /// Whether it lists what is allowed: what none of its `permit` names is denied.
    #[must_use]
    pub fn lists(&self) -> bool {
        self.statements.iter().any(Statement::permits)
    }
}

/// Whether a name can be one of a policy.
///
/// # Errors
/// [`TextError::Name`].
pub fn check_name(name: &str) -> Result<(), TextError> {
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte);
    if (1..=MAX_NAME).contains(&name.len()) && name.bytes().all(fits) && !name.starts_with(['.', '_', '-']) {
        return Ok(());
    }
    Err(TextError::Name { found: name.chars().filter(|one| !one.is_control()).take(MAX_NAME).collect() })
}

/// Whether a text that was kept was held against the schema of this program.
#[must_use]
pub fn is_current(schema: &[u8]) -> bool {
    schema == schema::digest()
}

/// Where Cedar says that it is.
fn place(text: &str, error: &dyn Diagnostic) -> Place {
    let label = error.labels().and_then(|mut labels| labels.next());
    Place::of(text, label.map_or(0, |label| label.offset()))
}

/// What Cedar says, in one line; without the id, which nobody wrote.
fn told(error: &dyn Diagnostic) -> String {
    let mut told = error.to_string();
    if let Some(rest) = told.strip_prefix("for policy `").and_then(|rest| rest.split_once("`, ")) {
        told = rest.1.to_owned();
    }
    let label = error
        .labels()
        .and_then(|mut labels| labels.next())
        .and_then(|label| label.label().map(str::to_owned));
    let help = error.help().map(|help| help.to_string());
    for more in [label, help].into_iter().flatten() {
        told = format!("{told}; {more}");
    }
    told.replace('\n', " ")
}
