//! Why a walk along a chain ended before it was through.

use crate::{Denial, evidence::Need};

/// Why the walk ended: a denial, and the evidence that could still change it.
#[derive(Debug)]
pub(crate) struct Stop {
    pub(crate) denial: Denial,
    pub(crate) needs: Vec<Need>,
}

impl Stop {
    pub(crate) fn need(need: Need, denial: Denial) -> Self {
        Self { denial, needs: vec![need] }
    }

    /// The same, with a need where it has none yet.
    pub(crate) fn or_need(self, need: Need) -> Self {
        if self.needs.is_empty() { Self::need(need, self.denial) } else { self }
    }

    /// Of two stops at one link the one whose rule comes first. Its denial may wait for evidence;
    /// then the other's needs are asked for as well.
    pub(crate) fn before(self, other: Self) -> Self {
        let (mut first, second) =
            if other.denial.code < self.denial.code { (other, self) } else { (self, other) };
        if !first.needs.is_empty() {
            first.needs_too(second.needs);
        }
        first
    }

    /// Takes needs over, each once.
    pub(crate) fn needs_too(&mut self, needs: Vec<Need>) {
        for need in needs {
            if !self.needs.contains(&need) {
                self.needs.push(need);
            }
        }
    }

    pub(crate) fn map(self, change: impl FnOnce(Denial) -> Denial) -> Self {
        Self { denial: change(self.denial), needs: self.needs }
    }
}

impl From<Denial> for Stop {
    fn from(denial: Denial) -> Self {
        Self { denial, needs: Vec::new() }
    }
}
