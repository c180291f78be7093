//! Why a delegation would give more than its issuer holds.

use crate::limit::Limit;
use legation_keys::time;

/// One rule of narrowing that a link breaks. [`Refusal::fits`] says what would have fitted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The link is valid outside its parent's time.
    #[error("valid from {} to {}, outside the parent's time", time::format(found.0), time::format(found.1))]
    WindowNotNested {
        /// From and until, Unix seconds.
        found: (i64, i64),
        /// The parent's from and until.
        fits: (i64, i64),
    },
    /// The parent may not be passed on, or not as often.
    #[error("{} is more than the parent permits", self.found())]
    RedelegationNotPermitted {
        /// The link's `maxDepth`.
        found: u32,
        /// The parent's.
        parent: u32,
    },
    /// An action that the parent does not hold.
    #[error("the parent does not hold the action `{found}`")]
    ActionWidened {
        /// The action.
        found: String,
        /// The parent's actions.
        fits: Vec<String>,
    },
    /// A resource that the parent does not hold for this action.
    #[error("the parent does not hold `{action}` on `{found}`")]
    ResourceWidened {
        /// The resource.
        found: String,
        /// The action that it is granted for.
        action: String,
        /// The parent's resources for that action.
        fits: Vec<String>,
    },
    /// A constraint that is looser than the inherited one.
    #[error("the constraint that {found} is looser than the inherited one")]
    ConstraintWidened {
        /// What the link says.
        found: Box<Limit>,
        /// The loosest that fits.
        fits: Box<Limit>,
    },
}

impl Refusal {
    /// The stable code, as a denial has it.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::WindowNotNested { .. } => "window_not_nested",
            Self::RedelegationNotPermitted { .. } => "redelegation_not_permitted",
            Self::ActionWidened { .. } => "action_widened",
            Self::ResourceWidened { .. } => "resource_widened",
            Self::ConstraintWidened { .. } => "constraint_widened",
        }
    }

    /// What the link asked for.
    #[must_use]
    pub fn found(&self) -> String {
        match self {
            Self::WindowNotNested { found, .. } => window(*found),
            Self::RedelegationNotPermitted { parent: 0, .. } => "a further delegation".to_owned(),
            Self::RedelegationNotPermitted { found, .. } => format!("maxDepth {found}"),
            Self::ActionWidened { found, .. } => found.clone(),
            Self::ConstraintWidened { found, .. } => found.to_string(),
            Self::ResourceWidened { found, action, .. } => format!("{action} on {found}"),
        }
    }

    /// The most that would have fitted, in words.
    #[must_use]
    pub fn fits(&self) -> String {
        match self {
            Self::WindowNotNested { fits, .. } => format!("within {}", window(*fits)),
            Self::RedelegationNotPermitted { parent, .. } => match parent.checked_sub(1) {
                Some(most) => format!("maxDepth at most {most}"),
                None => "a parent with a maxDepth of at least 1".to_owned(),
            },
            Self::ConstraintWidened { fits, .. } => fits.to_string(),
            Self::ActionWidened { fits, .. } if fits.is_empty() => "no action at all".to_owned(),
            Self::ActionWidened { fits, .. } => format!("within {}", fits.join(", ")),
            Self::ResourceWidened { fits, action, .. } => format!("{action} within {}", fits.join(", ")),
        }
    }
}

fn window((from, until): (i64, i64)) -> String {
    format!("{} to {}", time::format(from), time::format(until))
}
