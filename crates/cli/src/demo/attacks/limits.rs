//! What an agent may do, tried out by agents that are who they say.

use super::Scene;
use crate::{
    demo::{
        calls::{Caller, Order},
        mandate::CLERK,
        report::{
            Expected::{Deny, Met, Permit},
            Report,
        },
        story::PAPER,
        world::Party,
    },
    output::Failure,
};
use legation_credential::pass_on;

const CHAIR: Order = Order { path: "/api/orders/office/chair", quantity: 1, deliver_to: "berlin" };

impl Scene<'_> {
    /// Clerk asks for too much.
    pub(in crate::demo) async fn excesses(&self, report: &mut Report) -> Result<(), Failure> {
        for (title, order, code) in [
            (
                "Clerk orders laptops, not office goods",
                Order { path: "/api/orders/it/laptop", ..PAPER },
                "not_granted",
            ),
            (
                "Clerk hides `../../refunds` in the path",
                Order { path: "/api/orders/office/..%2f..%2frefunds%2fall", ..PAPER },
                "resource_not_normalized",
            ),
            (
                "Clerk orders 10 × paper: $120 in one order of $100",
                Order { quantity: 10, ..PAPER },
                "constraint_violated",
            ),
            (
                "Clerk sends the goods to Lisbon",
                Order { deliver_to: "lisbon", ..PAPER },
                "constraint_violated",
            ),
        ] {
            report.step(title, Deny("Shop", code, None), &self.clerk.order(&order).await?);
        }
        Ok(())
    }

    /// Many small orders, and a second agent, against one total.
    pub(in crate::demo) async fn totals(&self, report: &mut Report) -> Result<(), Failure> {
        let Self { world, chain, clerk, .. } = self;
        for nth in ["first", "second", "third"] {
            let answer = clerk.order(&CHAIR).await?;
            report.step(&format!("Clerk orders the {nth} chair, $90"), Permit, &answer);
        }
        let refused = Deny("Shop", "budget_exceeded", Some(1));
        let answer = clerk.order(&CHAIR).await?;
        report.step("Clerk orders a fourth: $386 on Buyer's day of $300", refused, &answer);

        let (buyer, second) = (&world.buyer, Party::agent("Second clerk")?);
        let terms = world.terms(buyer, &second, &CLERK, 4)?;
        let link = pass_on(&[&chain.planner, &chain.buyer], terms, &buyer.key_id(), &*buyer.key);
        let link = link.map_err(|error| Failure::invalid("issue", error.to_string()))?;
        let second = Caller::new(world, &second, &[&chain.planner, &chain.buyer, &link])?;
        let (answer, _) = second.meet(&world.globex.domain).await?;
        report.step("Buyer sends a second clerk, who meets Shop", Met, &answer);
        let answer = second.order(&CHAIR).await?;
        report.step("The second clerk wants a second $300", refused, &answer);
        Ok(())
    }
}
