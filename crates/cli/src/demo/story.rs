//! What happens, top to bottom.

use super::{
    agent::{Agent, Answer},
    attacks::Scene,
    mandate::{BUYER, CEILING, CLERK, PLANNER},
    report::{
        Expected::{Deny, Permit},
        Report,
    },
    wire::Order,
    world::{Party, World},
};
use crate::{files, output::Failure};
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
        let first = issue(terms, &acme.did, &acme.key_id(), &acme.key).map_err(failed)?;
        let terms = world.terms(planner, buyer, &BUYER, BUYER_INDEX)?;
        let second = pass_on(&[&first], terms, &planner.key_id(), &planner.key).map_err(failed)?;
        let terms = world.terms(buyer, clerk, &CLERK, 2)?;
        let third = pass_on(&[&first, &second], terms, &buyer.key_id(), &buyer.key).map_err(failed)?;
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
    let (chain, agent) = (Chain::new(world)?, Agent::new()?);
    mandates(report);
    let scene = Scene { world, chain: &chain, agent: &agent };

    report.title("A good order");
    report.say("  Shop gives Clerk a challenge. Clerk signs it together with the order, and sends the three");
    report.say("  links along. Shop fetches Acme's did.json and three status lists, and checks all of it.");
    let call = agent.sign(&world.shop, &world.clerk, &chain.links(), &PAPER).await?;
    let answer = agent.send(&world.shop, &call).await?;
    report.step("Clerk orders 2 × paper to Berlin, $24", Permit, &answer);
    receipt(&answer, report);

    report.title("Now the attacks. Each is really made; the code names the rule that Shop refused it by.");
    report.title("Agents in the chain cheat; what Legation refuses to issue, they write by hand");
    scene.forgeries(report).await?;
    report.title("Chains begin in a way that Shop does not accept");
    scene.roots(report).await?;
    report.title("Mallory has listened to Clerk's order");
    scene.thefts(report, &call).await?;
    report.title("Clerk asks for more than it was given");
    scene.excesses(report).await?;
    report.title("Many small orders, one total");
    scene.totals(report).await?;

    report.title("Planner takes Buyer's delegation back");
    let answer = agent.order(&world.shop, &world.clerk, &chain.links(), &PENS).await?;
    report.step("Clerk orders pens, $2", Permit, &answer);
    world.publish_list(&world.planner, files::now(), &[BUYER_INDEX])?;
    report.say("  Planner signs a new status list, Acme's server publishes it. Nobody tells Shop or Clerk.");
    let answer = agent.order(&world.shop, &world.clerk, &chain.links(), &PENS).await?;
    report.step("Clerk orders pens once more", Deny("link_revoked", Some(1)), &answer);

    report.say("");
    let count = report.answers();
    report
        .say(&format!("Shops signed a receipt of each of these {count} answers; all {count} were verified."));
    Ok(())
}

fn cast(world: &World, report: &mut Report) {
    report.say("Who may do what in whose name, and how does the one who is called know?");
    report.title("Who takes part");
    let mut who = |name: &str, what: &str, did: &str| {
        report.say(&format!("  {name:<8} {what:<42} {}", shorten(did)));
    };
    who("Acme", "a company, answers for its agents", world.acme.did.as_str());
    who("Shop", "another company, sells to Acme's agents", world.shop.did.as_str());
    who("Market", "a third one, resells Shop's goods", world.market.did.as_str());
    let mut agent = |party: &Party, what: &str| who(party.name, what, party.did.as_str());
    agent(&world.planner, "an agent, works for Acme");
    agent(&world.buyer, "an agent, works for Planner");
    agent(&world.clerk, "an agent, works for Buyer");
    agent(&world.mallory, "works for nobody, and attacks");
    report.say("  Each has its own key, made a moment ago. The companies run web servers on this machine;");
    report.say("  what they publish is fetched from there, and every order below is a real HTTP request.");
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
fn receipt(answer: &Answer, report: &mut Report) {
    let text = |name: &str| answer.receipt.get(name).and_then(Value::as_str).unwrap_or_default();
    report.say("  Shop's receipt, signed, and verified with the key in Shop's did.json:");
    report.say(&format!(
        "    {} for {} in the name of {}",
        text("decision"),
        shorten(text("agent")),
        text("principal")
    ));
}

/// A did:key is long, and its two ends are enough to tell it apart.
fn shorten(did: &str) -> String {
    let tail: String = did.chars().skip(did.chars().count().saturating_sub(4)).collect();
    match did.strip_prefix("did:key:") {
        Some(key) => format!("did:key:{}…{tail}", key.chars().take(8).collect::<String>()),
        None => did.to_owned(),
    }
}
