//! What is denied whatever its arguments are, at whatever moment: what a list of tools need not show. Only statements that ask for
//! neither are looked at, and a `permit` that asks for them could fit; so nothing is left out that some call could do.

use super::Set;
use crate::{asked::Asked, index, principal::Target};
use cedar_policy::{Authorizer, Decision, EntityUid, Policy};
use serde_json::Value;
use std::{collections::BTreeSet, sync::OnceLock};

/// What of the context is the same for each call of an agent on a connection: what it is called for, and who calls.
const KNOWN: [&str; 7] = ["action", "agent", "child", "root", "foreign", "links", "possession"];

/// Whether a statement asks for anything else, of each by its number, once that was looked at.
#[derive(Debug, Default)]
pub(super) struct Open(Vec<OnceLock<bool>>);

impl Open {
    pub(super) fn of(statements: usize) -> Self {
        Self((0..statements).map(|_| OnceLock::new()).collect())
    }
}

impl Set {
    /// Whether a request is denied whatever facts it has and whenever it is made: those that it has here are not looked at.
    ///
    /// ```
    /// # use legation_credential::{Facts, Possession, Request};
    /// # use legation_policy::{Asked, Bound, Document, Kind, Principal, Set, Target};
    /// # let did = "did:web:acme.example:agents:bot";
    /// # let bot = [Principal::of_did(Kind::Agent, did)];
    /// let denies = |text: &str, tool: &str| {
    ///     let document = std::sync::Arc::new(Document::parse("tools", 1, text).unwrap());
    ///     let set = Set::of([Bound { document, target: Target::Organization }]);
    ///     let call = format!("mcp:tools/call:{tool}");
    ///     let request = Request::new(&call, "https://tools.example/mcp", Facts::new()).unwrap();
    ///     # let asked = Asked {
    ///     #     host: "acme.example", organization: "did:web:acme.example", principals: &bot, agent: did,
    ///     #     root: "did:web:acme.example", links: 2, possession: Possession::Vouched, status_age: None,
    ///     #     request: &request, at: 1_800_000_000,
    ///     # };
    ///     set.denies_always(&asked)
    /// };
    /// let text = r#"forbid (principal, action, resource) when { context.action == "mcp:tools/call:delete" };"#;
    /// assert!(denies(text, "delete") && !denies(text, "list"));
    /// let text = r#"forbid (principal, action, resource) unless { context.flag.hasTag("sure") };"#;
    /// assert!(!denies(text, "delete"), "it depends on an argument");
    /// ```
    #[must_use]
    pub fn denies_always(&self, asked: &Asked<'_>) -> bool {
        !self.is_empty()
            && asked.principals.iter().any(|principal| {
                let targets = Target::all_of(principal);
                let Ok(built) = asked.build(principal) else { return true };
                let mut slice = self.index.candidates(&built.named);
                slice.retain(|number| self.is_bound(*number, &targets));
                let (open, slice): (Vec<u32>, Vec<u32>) =
                    slice.into_iter().partition(|number| self.is_open(*number));
                let could = open.into_iter().filter(|number| self.could_permit(*number, &built.named));
                let mut fits: BTreeSet<usize> = could.filter_map(|number| self.document(number)).collect();
                let Some(set) = self.put_together(slice) else { return true };
                let answer = Authorizer::new().is_authorized(&built.request, &set, &built.entities);
                if answer.decision() == Decision::Deny || answer.diagnostics().errors().next().is_some() {
                    return true;
                }
                let reasons = answer.diagnostics().reason().filter_map(|id| self.numbers.get(id));
                fits.extend(reasons.filter_map(|number| self.document(*number)));
                let mut lists = targets.iter().filter_map(|target| self.lists.get(target)).flatten();
                lists.any(|list| !fits.contains(list))
            })
    }

    /// Whether a statement asks for an argument, or for the moment.
    fn is_open(&self, number: u32) -> bool {
        let Some((_, statement)) = self.statement(number) else { return true };
        let known = usize::try_from(number).ok().and_then(|number| self.open.0.get(number));
        known.is_none_or(|known| *known.get_or_init(|| is_open(&statement.policy)))
    }

    fn could_permit(&self, number: u32, named: &[EntityUid]) -> bool {
        let statement = self.statement(number).map(|(_, statement)| statement);
        statement.is_some_and(|one| one.permits() && index::could_apply(&one.policy, named))
    }
}

/// What can't be looked at asks for everything.
fn is_open(policy: &Policy) -> bool {
    policy.to_json().map_or(true, |json| json.get("conditions").is_some_and(asks))
}

/// Whether an expression of Cedar's JSON form asks of the context for something that is not [`KNOWN`], or hands on all of it.
fn asks(expression: &Value) -> bool {
    match expression {
        Value::Array(all) => all.iter().any(asks),
        Value::Object(members) => members.iter().any(|(operator, operands)| match operator.as_str() {
            "Var" => operands == "context",
            "." | "has" if is_context(operands) => {
                let attribute = operands.get("attr").and_then(Value::as_str);
                attribute.is_none_or(|attribute| !KNOWN.contains(&attribute))
            }
            _ => asks(operands),
        }),
        _ => false,
    }
}

fn is_context(operands: &Value) -> bool {
    operands.pointer("/left/Var").is_some_and(|named| named == "context")
}
