//! What happens, top to bottom.

use super::{
    attacks::Scene,
    calls::{Answer, Caller, Order, Signed, send},
    mandate::{BUYER, CEILING, CLERK, PLANNER},
    organization,
    report::{
        Expected::{Deny, Met, Permit},
        Report,
    },
    world::{Party, World},
};
use crate::{files, output::Failure};
use legation_agent::Carry;
use legation_credential::{IssueError, issue, pass_on};
use serde_json::Value;

/// $24 of paper, well within every limit.
pub(super) const PAPER: Order = Order { path: "/api/orders/office/paper", quantity: 2, deliver_to: "berlin" };
/// $2 of pens: what is left of the day's total pays for them.
const PENS: Order = Order { path: "/api/orders/office/pens", quantity: 1, deliver_to: "berlin" };
/// Where Planner's list says whether Buyer is revoked.
const BUYER_INDEX: usize = 94_567;

/// The honest chain: three links, each named by who received it.
pub(super) struct Chain {
    pub(super) planner: String,
    pub(super) buyer: String,
    pub(super) clerk: String,
}

impl Chain {
    fn new(world: &World) -> Result<Self, Failure> {
        let World { acme, planner, buyer, clerk, .. } = world;
        let failed = |error: IssueError| Failure::invalid("issue", error.to_string());
        let terms = world.terms(acme, planner, &PLANNER, 17)?;
        let first = issue(terms, &acme.did, &acme.key_id(), &*acme.key).map_err(failed)?;
        let terms = world.terms(planner, buyer, &BUYER, BUYER_INDEX)?;
        let second = pass_on(&[&first], terms, &planner.key_id(), &*planner.key).map_err(failed)?;
        let terms = world.terms(buyer, clerk, &CLERK, 2)?;
        let third = pass_on(&[&first, &second], terms, &buyer.key_id(), &*buyer.key).map_err(failed)?;
        Ok(Self { planner: first, buyer: second, clerk: third })
    }

    /// Root first.
    pub(super) fn links(&self) -> [&str; 3] {
        [&self.planner, &self.buyer, &self.clerk]
    }
}

/// Plays the story and writes it down.
pub(super) async fn tell(world: &World, report: &mut Report) -> Result<(), Failure> {
    cast(world, report);
    let chain = Chain::new(world)?;
    mandates(report);
    let clerk = Caller::new(world, &world.clerk, &chain.links())?;
    meeting(&clerk, report).await?;
    let captured = work(&clerk, report).await?;
    let scene = Scene { world, chain: &chain, clerk: &clerk, captured: &captured };
    named_attacks(&scene, report).await?;

    report.title("Agents in the chain cheat; what Legation refuses to issue, they write by hand");
    scene.forgeries(report).await?;
    report.title("Chains begin in a way that Shop does not accept");
    scene.roots(report).await?;
    report.title("Clerk asks for more than it was given");
    scene.excesses(report).await?;
    report.title("Many small orders, one total");
    scene.totals(report).await?;
    organization::tell(report).await?;
    revocation(&clerk, report).await?;
    report.sum_up();
    Ok(())
}

/// Two strangers meet, by a domain name.
async fn meeting(clerk: &Caller<'_>, report: &mut Report) -> Result<(), Failure> {
    let world = clerk.world;
    report.title("Two strangers meet");
    let order = clerk.sign(&PAPER, Carry::Chain, files::now())?;
    let answer = send(world, &world.shop, &order).await?;
    let refused = Deny("Shop", "handshake_required", None);
    report.step("Clerk orders from Shop, which has never met it", refused, &answer);
    let domain = &world.globex.domain;
    report.say(&format!(
        "  Clerk knows one thing: the domain name {domain}. It fetches the agent card there and"
    ));
    report
        .say("  the did.json of the DID in it, and believes them where they fit. Then Shop signs a nonce of");
    report.say("  Clerk's, and Clerk signs one of Shop's together with its three links.");
    let (answer, acquaintance) = clerk.meet(domain).await?;
    report.step("Clerk and Shop meet", Met, &answer);
    if let Some(acquaintance) = acquaintance {
        let principal = acquaintance.met.said().get("principal").and_then(Value::as_str).unwrap_or_default();
        report.say(&format!("  Clerk knows: this is {}, as its domain vouches.", acquaintance.met.callee()));
        report.say(&format!("  Shop knows:  this is {}, for {principal}.", shorten(&world.clerk)));
        report.say(
            "  Each holds the other's signature of this very meeting. There is no session: from now on each",
        );
        report.say("  request is signed, and judged anew.");
    }
    Ok(())
}

/// An order with the chain, and one with its digest. The first is what Mallory will have listened to.
async fn work(clerk: &Caller<'_>, report: &mut Report) -> Result<Signed, Failure> {
    let world = clerk.world;
    report.title("A good order");
    let first = clerk.sign(&PAPER, Carry::Chain, files::now())?;
    let answer = send(world, &world.shop, &first).await?;
    report.step("Clerk orders 2 × paper to Berlin, $24", Permit, &answer);
    receipt(&world.clerk, &answer, report);
    let second = clerk.sign(&PENS, Carry::Digest, files::now())?;
    let answer = send(world, &world.shop, &second).await?;
    report.step("Clerk orders pens, $2, and names its chain by a digest", Permit, &answer);
    let bytes = |signed: &Signed| signed.headers.get("agent-delegation").map_or(0, |value| value.len());
    let (long, short) = (bytes(&first), bytes(&second));
    report.say(&format!("  The header Agent-Delegation has {short} bytes now, instead of {long}."));
    Ok(first)
}

/// The ten that every version of the demo must show.
async fn named_attacks(scene: &Scene<'_>, report: &mut Report) -> Result<(), Failure> {
    report.title(
        "Now the attacks. Each is really made, by somebody who holds no more than such an attacker can.",
    );
    report.attack("relay", "Relay: Mallory passes on what was meant for another");
    scene.relay(report).await?;
    report.attack("reflection", "Reflection: an agent is shown its own words");
    scene.reflection(report).await?;
    report.attack("replay", "Replay: what was said once is said again");
    scene.replay(report).await?;
    report.attack("stolen_chain", "Stolen chain: links are signed, not secret, and no use without the key");
    scene.stolen_chain(report).await?;
    report.attack("card_domain", "A card whose DID and domain disagree");
    scene.other_domain(report).await?;
    report.attack("altered_card", "A card altered in a member that the SDKs leave out of what they sign");
    scene.altered_card(report).await?;
    report.attack("old_nonce", "An old nonce: what was good ten minutes ago");
    scene.old_nonce(report).await?;
    report.attack("changed_body", "A body changed after signing");
    scene.changed_body(report).await?;
    report.attack("downgraded_algorithm", "A downgraded algorithm");
    scene.downgrade(report).await?;
    report.attack("withdrawn_key", "A key that is no longer in the DID document: Mallory has stolen it");
    scene.withdrawn_key(report).await
}

async fn revocation(clerk: &Caller<'_>, report: &mut Report) -> Result<(), Failure> {
    let world = clerk.world;
    report.title("Planner takes Buyer's delegation back");
    report.step("Clerk orders pens, $2", Permit, &clerk.order(&PENS).await?);
    world.publish_list(&world.planner, files::now(), &[BUYER_INDEX])?;
    report.say("  Planner signs a new status list, Acme's server publishes it. Nobody tells Shop or Clerk.");
    let answer = clerk.order(&PENS).await?;
    report.step("Clerk orders pens once more", Deny("Shop", "link_revoked", Some(1)), &answer);
    Ok(())
}

fn cast(world: &World, report: &mut Report) {
    report.say("Who may do what in whose name, and how do two agents that never met know it of each other?");
    report.title("Who takes part");
    let mut who = |party: &Party, what: &str| {
        report.say(&format!("  {:<8} {what:<42} {}", party.name, shorten(party)));
    };
    who(&world.acme, "a company, answers for its agents");
    who(&world.planner, "an agent, works for Acme");
    who(&world.buyer, "an agent, works for Planner");
    who(&world.clerk, "an agent, works for Buyer");
    who(&world.shop, "an agent of Globex, sells office goods");
    who(&world.market, "a service of Globex, sells the same");
    who(&world.mallory, "works for nobody, and attacks");
    let domain = &world.globex.domain;
    report.say(&format!("  Globex, another company, owns the domain {domain}. Each has its own key, made a"));
    report.say("  moment ago. Their web servers run on this machine; all below are real HTTP requests.");
    report.say("  ✓ went through; ✗ was refused: by whom, and by which rule.");
}

fn mandates(report: &mut Report) {
    report.title("Who was given what");
    let mut line = |who: &str, words: String| report.say(&format!("  {who:<23} {words}"));
    line("Shop's ceiling for Acme", CEILING.words());
    line("link 0  Acme → Planner", PLANNER.words());
    line("link 1  Planner → Buyer", BUYER.words());
    line("link 2  Buyer → Clerk", CLERK.words());
    report.say("  Each link is a credential signed by its giver. What it leaves out stays as it was before;");
    report.say("  it can only narrow. Whatever Acme signs, Shop grants no more than its own ceiling.");
    report.say("  All are dated a week back, end in 23 days, and can be revoked at any moment.");
}

/// What the receipt of a permit says.
fn receipt(agent: &Party, answer: &Answer, report: &mut Report) {
    let said = |name: &str| answer.receipt.as_ref().and_then(|receipt| receipt.get(name)?.as_str());
    let text = |name: &str| said(name).unwrap_or_default();
    let who = if text("agent") == agent.did.as_str() { shorten(agent) } else { text("agent").to_owned() };
    report.say("  Shop's receipt, signed, and verified with the key in Shop's did.json:");
    report.say(&format!("    {} for {who} in the name of {}", text("decision"), text("principal")));
}

/// A did:key is long, and its two ends are enough to tell it apart.
fn shorten(party: &Party) -> String {
    let did = party.did.as_str();
    let tail: String = did.chars().skip(did.chars().count().saturating_sub(4)).collect();
    match did.strip_prefix("did:key:") {
        Some(key) => format!("did:key:{}…{tail}", key.chars().take(8).collect::<String>()),
        None => did.to_owned(),
    }
}
