//! Who an agent is: its card, its domain, and the keys of its document.

use super::Scene;
use crate::{
    demo::{
        report::{Expected::Deny, Expected::Met, Report},
        shop::{self, failed},
    },
    output::Failure,
};
use serde_json::Value;

impl Scene<'_> {
    /// Shop's own card, on another domain.
    pub(in crate::demo) async fn other_domain(&self, report: &mut Report) -> Result<(), Failure> {
        let Self { world, clerk, .. } = self;
        world.mallory_site.publish_card(&self.card()?)?;
        let (answer, _) = clerk.meet(&world.mallory_site.domain).await?;
        let refused = Deny("Clerk", "card_domain_mismatch", None);
        report.step("Mallory publishes Shop's card at her domain", refused, &answer);
        Ok(())
    }

    /// Shop's card as its domain serves it, without what the SDKs leave out of their canonical form.
    pub(in crate::demo) async fn altered_card(&self, report: &mut Report) -> Result<(), Failure> {
        let Self { world, clerk, .. } = self;
        let mut card: Value = serde_json::from_str(&self.card()?).map_err(failed)?;
        card.as_object_mut().and_then(|members| members.remove("securityRequirements"));
        world.globex.publish_card(&card.to_string())?;
        let (answer, _) = clerk.meet(&world.globex.domain).await?;
        let refused = Deny("Clerk", "card_form", None);
        report.step("A cache takes the security requirement off Shop's card", refused, &answer);
        world.globex.publish_card(&self.card()?)
    }

    /// Shop's old key was stolen, and Shop takes it out of its document.
    pub(in crate::demo) async fn withdrawn_key(&self, report: &mut Report) -> Result<(), Failure> {
        let Self { world, clerk, .. } = self;
        let by = |key| shop::card(&world.shop, &world.globex, &[key]);
        world.globex.publish_card(&by(&world.old_key)?)?;
        let (answer, _) = clerk.meet(&world.globex.domain).await?;
        report.step("Before: a card by the old key is Shop's card", Met, &answer);

        world.globex.publish_keys(&[&world.shop])?;
        report.say("  Globex publishes Shop's did.json without that key. Nobody tells Clerk.");
        let (answer, _) = clerk.meet(&world.globex.domain).await?;
        let refused = Deny("Clerk", "key_not_found", None);
        report.step("A cache goes on serving the card by the old key", refused, &answer);

        world.globex.publish_card(&by(&world.shop)?)?;
        let answer = clerk.meet_through("/old-key").await?;
        report.step("Mallory answers Clerk's hello by the old key", refused, &answer);
        Ok(())
    }

    /// The card as Shop publishes it while it changes keys.
    fn card(&self) -> Result<String, Failure> {
        let world = self.world;
        shop::card(&world.shop, &world.globex, &[&world.old_key, &world.shop])
    }
}
