//! What should be refused. Each attack is made for real, over HTTP, by somebody who holds all
//! that such an attacker can hold and nothing else.

use super::{
    agent::{Agent, Answer},
    mandate::{BUYER, CLERK, Mandate, PLANNER, dollars},
    report::{
        Expected::{Deny, Permit},
        Report,
    },
    story::{Chain, PAPER},
    wire::{Call, Order},
    world::{Party, World},
};
use crate::output::Failure;
use legation_credential::{Delegation, Terms, delegation, issue, pass_on};
use legation_keys::{base64url, jws};
use serde_json::Value;

const CHAIR: Order = Order { path: "/api/orders/office/chair", quantity: 1, deliver_to: "berlin" };

/// What an attack needs: everybody, the honest chain, and a way to call.
pub(super) struct Scene<'a> {
    pub(super) world: &'a World,
    pub(super) chain: &'a Chain,
    pub(super) agent: &'a Agent,
}

impl Scene<'_> {
    /// Links made up by somebody inside the chain.
    pub(super) async fn forgeries(&self, report: &mut Report) -> Result<(), Failure> {
        let Self { world, chain, .. } = self;
        let (buyer, clerk, mallory) = (&world.buyer, &world.clerk, &world.mallory);

        let wide = Mandate { per_order: 5 * CLERK.per_order, ..CLERK };
        let title = format!(
            "Buyer gives Clerk {} an order, and holds {}",
            dollars(wide.per_order),
            dollars(BUYER.per_order)
        );
        let link = self.by_hand(buyer, buyer, &chain.buyer, world.terms(buyer, clerk, &wide, 3)?)?;
        let answer = self.order(clerk, &[&chain.planner, &chain.buyer, &link], &PAPER).await?;
        report.step(&title, Deny("constraint_widened", Some(2)), &answer);

        let link = self.by_hand(buyer, mallory, &chain.buyer, world.terms(buyer, mallory, &CLERK, 3)?)?;
        let answer = self.order(mallory, &[&chain.planner, &chain.buyer, &link], &PAPER).await?;
        report.step(
            "Mallory writes a link to herself in Buyer's name",
            Deny("signature_invalid", Some(2)),
            &answer,
        );

        let link = self.by_hand(clerk, clerk, &chain.clerk, world.terms(buyer, mallory, &CLERK, 3)?)?;
        let whole = [chain.links().as_slice(), &[&link]].concat();
        let answer = self.order(mallory, &whole, &PAPER).await?;
        let expected = Deny("redelegation_not_permitted", Some(3));
        report.step("Clerk hires a helper, which nobody let it do", expected, &answer);

        let mut old = world.terms(buyer, clerk, &CLERK, 3)?;
        old.valid_until = world.now.saturating_sub(3600);
        let link = pass_on(&[&chain.planner, &chain.buyer], old, &buyer.key_id(), &buyer.key);
        let link = link.map_err(|error| Failure::invalid("issue", error.to_string()))?;
        let answer = self.order(clerk, &[&chain.planner, &chain.buyer, &link], &PAPER).await?;
        report.step("Clerk uses a delegation that ended an hour ago", Deny("expired", Some(2)), &answer);
        Ok(())
    }

    /// Roots that can't confer what they sign.
    pub(super) async fn roots(&self, report: &mut Report) -> Result<(), Failure> {
        let Self { world, .. } = self;
        let (acme, clerk, mallory) = (&world.acme, &world.clerk, &world.mallory);

        let link = first(mallory, world.terms(acme, clerk, &PLANNER, 3)?)?;
        let answer = self.order(clerk, &[&link], &PAPER).await?;
        report.step("Mallory starts a chain of her own", Deny("root_untrusted", Some(0)), &answer);

        let refunds = Mandate { actions: "shop:refunds.pay", paths: "/api/refunds/*", ..PLANNER };
        let link = first(acme, world.terms(acme, clerk, &refunds, 3)?)?;
        let order = Order { path: "/api/refunds/all", ..PAPER };
        let answer = self.order(clerk, &[&link], &order).await?;
        report.step("Acme itself grants refunds, which are Shop's", Deny("action_widened", Some(0)), &answer);

        let mut terms = world.terms(acme, clerk, &PLANNER, 3)?;
        terms.status.clear();
        let answer = self.order(clerk, &[&first(acme, terms)?], &PAPER).await?;
        report.step("Acme grants what nobody could ever revoke", Deny("status_missing", Some(0)), &answer);
        Ok(())
    }

    /// Somebody listened to Clerk's first order, and intercepts the next one.
    pub(super) async fn thefts(&self, report: &mut Report, captured: &Call) -> Result<(), Failure> {
        let Self { world, chain, agent } = self;

        let answer = agent.send(&world.shop, captured).await?;
        report.step("Mallory sends Clerk's order a second time", Deny("nonce_replayed", None), &answer);

        let stolen = links_of(captured)?;
        let stolen: Vec<&str> = stolen.iter().map(String::as_str).collect();
        let answer = self.order(&world.mallory, &stolen, &PAPER).await?;
        report.step(
            "Mallory presents Clerk's links with her own key",
            Deny("holder_mismatch", None),
            &answer,
        );

        // Market has just given this challenge; the call is Clerk's, byte for byte.
        let challenge = agent.challenge(&world.market).await?;
        let answer = agent.send(&world.market, &Call { challenge, ..captured.clone() }).await?;
        report.step(
            "Mallory sends Clerk's order to Market instead",
            Deny("audience_mismatch", Some(0)),
            &answer,
        );

        let sent = agent.sign(&world.shop, &world.clerk, &chain.links(), &PAPER).await?;
        let order = Order { quantity: 8, ..PAPER };
        let swapped = Call { order: order.body(), ..sent };
        let answer = agent.send(&world.shop, &swapped).await?;
        report.step("Mallory intercepts an order, and turns 2 into 8", Deny("nonce_mismatch", None), &answer);
        Ok(())
    }

    /// Clerk is who it says, and asks for too much.
    pub(super) async fn excesses(&self, report: &mut Report) -> Result<(), Failure> {
        let Self { world, chain, .. } = self;
        let clerk = &world.clerk;
        let links = chain.links();

        let order = Order { path: "/api/orders/it/laptop", ..PAPER };
        let answer = self.order(clerk, &links, &order).await?;
        report.step("Clerk orders laptops, not office goods", Deny("not_granted", None), &answer);

        let order = Order { path: "/api/orders/office/..%2f..%2frefunds%2fall", ..PAPER };
        let answer = self.order(clerk, &links, &order).await?;
        report.step(
            "Clerk hides `../../refunds` in the path",
            Deny("resource_not_normalized", None),
            &answer,
        );

        let order = Order { quantity: 10, ..PAPER };
        let answer = self.order(clerk, &links, &order).await?;
        report.step(
            "Clerk orders 10 × paper: $120 in one order of $100",
            Deny("constraint_violated", None),
            &answer,
        );

        let order = Order { deliver_to: "lisbon", ..PAPER };
        let answer = self.order(clerk, &links, &order).await?;
        report.step("Clerk sends the goods to Lisbon", Deny("constraint_violated", None), &answer);
        Ok(())
    }

    /// Many small orders, and a second agent, against one total.
    pub(super) async fn totals(&self, report: &mut Report) -> Result<(), Failure> {
        let Self { world, chain, .. } = self;
        for nth in ["first", "second", "third"] {
            let answer = self.order(&world.clerk, &chain.links(), &CHAIR).await?;
            report.step(&format!("Clerk orders the {nth} chair, $90"), Permit, &answer);
        }
        let answer = self.order(&world.clerk, &chain.links(), &CHAIR).await?;
        report.step(
            "Clerk orders a fourth: $384 on Buyer's day of $300",
            Deny("budget_exceeded", Some(1)),
            &answer,
        );

        let (buyer, second) = (&world.buyer, Party::agent("Second clerk")?);
        let terms = world.terms(buyer, &second, &CLERK, 4)?;
        let link = pass_on(&[&chain.planner, &chain.buyer], terms, &buyer.key_id(), &buyer.key);
        let link = link.map_err(|error| Failure::invalid("issue", error.to_string()))?;
        let answer = self.order(&second, &[&chain.planner, &chain.buyer, &link], &CHAIR).await?;
        let title = "Buyer sends a second clerk to get a second $300";
        report.step(title, Deny("budget_exceeded", Some(1)), &answer);
        Ok(())
    }

    async fn order(&self, who: &Party, chain: &[&str], order: &Order) -> Result<Answer, Failure> {
        self.agent.order(&self.world.shop, who, chain, order).await
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
        jws::sign(delegation::MEDIA_TYPE, &issuer.key_id(), payload.as_bytes(), &signer.key)
            .map_err(|error| Failure::network("sign", error.to_string()))
    }
}

/// A first link.
fn first(issuer: &Party, terms: Terms) -> Result<String, Failure> {
    issue(terms, &issuer.did, &issuer.key_id(), &issuer.key)
        .map_err(|error| Failure::invalid("issue", error.to_string()))
}

/// The links that stand in a captured presentation: it is signed, not secret.
fn links_of(call: &Call) -> Result<Vec<String>, Failure> {
    let payload = jws::split(&call.presentation).ok().and_then(|parts| base64url::decode(parts.payload).ok());
    let payload: Option<Value> = payload.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    let links = payload.as_ref().and_then(|json| json.get("verifiableCredential")).and_then(Value::as_array);
    let link = |envelope: &Value| Some(envelope.get("id")?.as_str()?.split_once(',')?.1.to_owned());
    let links: Option<Vec<String>> = links.and_then(|links| links.iter().map(link).collect());
    links.ok_or_else(|| Failure::invalid("malformed", "the captured presentation can't be read"))
}
