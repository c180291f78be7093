//! Which statements could apply to a request: by what their scopes name. What a scope names and the request is not in can't apply,
//! and can't fail either, since Cedar looks at the scope first.

use cedar_policy::{ActionConstraint, EntityUid, Policy, PrincipalConstraint, ResourceConstraint};
use std::collections::HashMap;

/// Statements by number.
#[derive(Debug, Default)]
pub(crate) struct Index {
    by: HashMap<EntityUid, Vec<u32>>,
    /// Those whose scope names nothing.
    always: Vec<u32>,
}

impl Index {
    /// Each statement is found by that part of its scope which fewest others share.
    pub(crate) fn of<'p>(policies: impl Iterator<Item = &'p Policy> + Clone) -> Self {
        let mut shared: HashMap<EntityUid, usize> = HashMap::new();
        for named in policies.clone().flat_map(scope).flatten() {
            *shared.entry(named).or_default() += 1;
        }
        let mut index = Self::default();
        for (number, policy) in (0_u32..).zip(policies) {
            let cost =
                |part: &Vec<EntityUid>| part.iter().filter_map(|named| shared.get(named)).sum::<usize>();
            match scope(policy).into_iter().filter(|part| !part.is_empty()).min_by_key(cost) {
                Some(part) => {
                    part.into_iter().for_each(|named| index.by.entry(named).or_default().push(number))
                }
                None => index.always.push(number),
            }
        }
        index
    }

    /// Those that could apply to what is in all of these, in order.
    pub(crate) fn candidates(&self, named: &[EntityUid]) -> Vec<u32> {
        let mut found = self.always.clone();
        found.extend(named.iter().filter_map(|one| self.by.get(one)).flatten());
        found.sort_unstable();
        found.dedup();
        found
    }
}

/// Whether the scope of a statement could fit what is in all of these. It may say so of one that names a group as if it were one of its
/// members, and never says no of one that fits.
pub(crate) fn could_apply(policy: &Policy, named: &[EntityUid]) -> bool {
    scope(policy).iter().all(|part| part.is_empty() || part.iter().any(|one| named.contains(one)))
}

/// What each part of a scope names: one of each part that names something has to be there.
fn scope(policy: &Policy) -> [Vec<EntityUid>; 3] {
    let principal = match policy.principal_constraint() {
        PrincipalConstraint::In(one) | PrincipalConstraint::Eq(one) | PrincipalConstraint::IsIn(_, one) => {
            vec![one]
        }
        PrincipalConstraint::Any | PrincipalConstraint::Is(_) => Vec::new(),
    };
    let action = match policy.action_constraint() {
        ActionConstraint::Any => Vec::new(),
        ActionConstraint::Eq(one) => vec![one],
        ActionConstraint::In(some) => some,
    };
    let resource = match policy.resource_constraint() {
        ResourceConstraint::In(one) | ResourceConstraint::Eq(one) | ResourceConstraint::IsIn(_, one) => {
            vec![one]
        }
        ResourceConstraint::Any | ResourceConstraint::Is(_) => Vec::new(),
    };
    [principal, action, resource]
}
