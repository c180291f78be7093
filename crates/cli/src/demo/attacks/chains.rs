//! Who an agent acts for: links made up by somebody inside the chain, and roots that confer nothing.

use super::Scene;
use crate::{
    demo::{
        calls::{Answer, Caller},
        mandate::{BUYER, CLERK, Mandate, PLANNER, dollars},
        report::{Expected::Deny, Report},
        world::Party,
    },
    output::Failure,
};
use legation_credential::{Delegation, Terms, delegation, issue, pass_on};
use legation_keys::jws;

impl Scene<'_> {
    /// Links made up by somebody inside the chain.
    pub(in crate::demo) async fn forgeries(&self, report: &mut Report) -> Result<(), Failure> {
        let Self { world, chain, .. } = self;
        let (buyer, clerk, mallory) = (&world.buyer, &world.clerk, &world.mallory);

        let wide = Mandate { per_order: 5 * CLERK.per_order, ..CLERK };
        let title = format!(
            "Buyer gives Clerk {} an order, and holds {}",
            dollars(wide.per_order),
            dollars(BUYER.per_order)
        );
        let link = self.by_hand(buyer, buyer, &chain.buyer, world.terms(buyer, clerk, &wide, 3)?)?;
        let answer = self.meet(clerk, &[&chain.planner, &chain.buyer, &link]).await?;
        report.step(&title, Deny("Shop", "constraint_widened", Some(2)), &answer);

        let link = self.by_hand(buyer, mallory, &chain.buyer, world.terms(buyer, mallory, &CLERK, 3)?)?;
        let answer = self.meet(mallory, &[&chain.planner, &chain.buyer, &link]).await?;
        let refused = Deny("Shop", "signature_invalid", Some(2));
        report.step("Mallory writes a link to herself in Buyer's name", refused, &answer);

        let link = self.by_hand(clerk, clerk, &chain.clerk, world.terms(buyer, mallory, &CLERK, 3)?)?;
        let whole = [chain.links().as_slice(), &[&link]].concat();
        let answer = self.meet(mallory, &whole).await?;
        let refused = Deny("Shop", "redelegation_not_permitted", Some(3));
        report.step("Clerk hires a helper, which nobody let it do", refused, &answer);

        let mut old = world.terms(buyer, clerk, &CLERK, 3)?;
        old.valid_until = world.now.saturating_sub(3600);
        let link = pass_on(&[&chain.planner, &chain.buyer], old, &buyer.key_id(), &*buyer.key);
        let link = link.map_err(|error| Failure::invalid("issue", error.to_string()))?;
        let answer = self.meet(clerk, &[&chain.planner, &chain.buyer, &link]).await?;
        let refused = Deny("Shop", "expired", Some(2));
        report.step("Clerk uses a delegation that ended an hour ago", refused, &answer);
        Ok(())
    }

    /// Roots that can't confer what they sign.
    pub(in crate::demo) async fn roots(&self, report: &mut Report) -> Result<(), Failure> {
        let Self { world, .. } = self;
        let (acme, clerk, mallory) = (&world.acme, &world.clerk, &world.mallory);

        let link = first(mallory, world.terms(acme, clerk, &PLANNER, 3)?)?;
        let answer = self.meet(clerk, &[&link]).await?;
        let refused = Deny("Shop", "root_untrusted", Some(0));
        report.step("Mallory starts a chain of her own", refused, &answer);

        let refunds = Mandate { actions: "shop:refunds.pay", paths: "/api/refunds/*", ..PLANNER };
        let link = first(acme, world.terms(acme, clerk, &refunds, 3)?)?;
        let answer = self.meet(clerk, &[&link]).await?;
        let refused = Deny("Shop", "action_widened", Some(0));
        report.step("Acme itself grants refunds, which are Shop's", refused, &answer);

        let mut terms = world.terms(acme, clerk, &PLANNER, 3)?;
        terms.status.clear();
        let answer = self.meet(clerk, &[&first(acme, terms)?]).await?;
        let refused = Deny("Shop", "status_missing", Some(0));
        report.step("Acme grants what nobody could ever revoke", refused, &answer);
        Ok(())
    }

    /// Somebody meets Shop with a chain.
    async fn meet(&self, who: &Party, chain: &[&str]) -> Result<Answer, Failure> {
        let world = self.world;
        Ok(Caller::new(world, who, chain)?.meet(&world.globex.domain).await?.0)
    }

    /// A link under `parent` that says `issuer` and is signed by `signer`. It is written by hand,
    /// since Legation's own issuing refuses to make it.
    fn by_hand(&self, issuer: &Party, signer: &Party, parent: &str, terms: Terms) -> Result<String, Failure> {
        let link = Delegation {
            issuer: issuer.did.clone(),
            principal: self.world.acme.did.clone(),
            parent: Some(delegation::link_digest(parent)),
            terms,
        };
        let payload = link.to_json().to_string();
        jws::sign(delegation::MEDIA_TYPE, &issuer.key_id(), payload.as_bytes(), &*signer.key)
            .map_err(|error| Failure::network("sign", error.to_string()))
    }
}

/// A first link.
fn first(issuer: &Party, terms: Terms) -> Result<String, Failure> {
    issue(terms, &issuer.did, &issuer.key_id(), &*issuer.key)
        .map_err(|error| Failure::invalid("issue", error.to_string()))
}
