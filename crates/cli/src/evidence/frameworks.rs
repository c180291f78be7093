//! What frameworks ask for, point by point, and what of it an export can show. Each point says what it can't, and who has to
//! add what: nobody is compliant by a log.

use super::facts::{Facts, Seen};
use crate::args::Framework;

/// What stands at the top of every page.
pub(super) const NOTICE: &str = "This is evidence and no verdict: it says what the log proves for each point, what it can't, and \
                                 who has to add what. Whether a rule is met is judged by people who know the rest.";

/// One article or criterion.
pub(super) struct Point {
    pub(super) reference: &'static str,
    /// What it asks for, in our words.
    pub(super) asks: &'static str,
    /// What the export shows, and by which entries.
    pub(super) shows: fn(&Facts) -> (String, Vec<u64>),
    pub(super) does_not_show: &'static str,
    pub(super) who_adds: &'static str,
}

pub(super) fn title(framework: Framework) -> &'static str {
    match framework {
        Framework::EuAiAct => "EU AI Act (Regulation (EU) 2024/1689)",
        Framework::Soc2 => "SOC 2 (AICPA Trust Services Criteria 2017)",
        Framework::NistAiRmf => "NIST AI Risk Management Framework 1.0",
        Framework::Gdpr => "GDPR (Regulation (EU) 2016/679)",
    }
}

pub(super) fn points(framework: Framework) -> &'static [Point] {
    match framework {
        Framework::EuAiAct => EU_AI_ACT,
        Framework::Soc2 => SOC2,
        Framework::NistAiRmf => NIST,
        Framework::Gdpr => GDPR,
    }
}

fn records(facts: &Facts) -> (String, Vec<u64>) {
    let all = facts.permits.count.saturating_add(facts.denials.count);
    let text = format!(
        "{all} decisions were recorded as they were made, {} of them permits, with {} settlements and {} kinds of events, in one order \
         under signed checkpoints: none was left out between the first and the last entry, moved or changed since.",
        facts.permits.count,
        facts.settlements.count,
        facts.events.len()
    );
    (text, facts.permits.entries.clone())
}

fn stops(facts: &Facts) -> (String, Vec<u64>) {
    let denied = facts.stops.iter().filter(|stop| stop.denied_at.is_some()).count();
    let passed: u64 = facts.stops.iter().map(|stop| stop.passed_after).sum();
    let text = format!(
        "{} times somebody stopped an agent, a team, a key or a delegation. After {denied} of them it tried again and was denied; {passed} \
         calls passed between a stop and the first denial after it.",
        facts.stops.len()
    );
    (text, facts.stops.iter().map(|stop| stop.index).take(5).collect())
}

fn approved(facts: &Facts) -> (String, Vec<u64>) {
    let Seen { count, entries } = &facts.approvals;
    (
        format!("{count} permits were approved by a person's or another's signature over the very request."),
        entries.clone(),
    )
}

fn oversight(facts: &Facts) -> (String, Vec<u64>) {
    let ((stopped, mut entries), (approved, more)) = (stops(facts), approved(facts));
    entries.extend(more);
    (format!("{stopped} {approved}"), entries)
}

fn limits(facts: &Facts) -> (String, Vec<u64>) {
    let over = facts.codes.iter().filter(|(code, _)| {
        ["budget_exceeded", "rate_exceeded", "constraint_violated"].contains(&code.as_str())
    });
    let over: u64 = over.map(|(_, seen)| seen.count).sum();
    let text = format!(
        "{} permits were counted against a limit of each delegation above them; {over} requests were denied by a limit.",
        facts.debits.count
    );
    (text, facts.debits.entries.clone())
}

fn access(facts: &Facts) -> (String, Vec<u64>) {
    let text = format!(
        "Each of {} decisions names the agent, by a DID of its own, the chain of delegations from the organization to it, and the \
         effective authority that was judged; {} agents were seen.",
        facts.permits.count.saturating_add(facts.denials.count),
        facts.agents.len()
    );
    (text, facts.permits.entries.clone())
}

fn denied(facts: &Facts) -> (String, Vec<u64>) {
    let codes: Vec<String> =
        facts.codes.iter().map(|(code, seen)| format!("{code} ({})", seen.count)).collect();
    let text = format!(
        "{} requests were denied, by these rules: {}.",
        facts.denials.count,
        if codes.is_empty() { "none".to_owned() } else { codes.join(", ") }
    );
    (text, facts.denials.entries.clone())
}

fn joined(facts: &Facts) -> (String, Vec<u64>) {
    let seen = facts.of_events(&["agent.*", "team.*", "api-key.*", "admin.*"]);
    let text = format!(
        "{} changes of agents, teams, API keys and admins, each with who made it and when.",
        seen.count
    );
    (text, seen.entries)
}

fn changed(facts: &Facts) -> (String, Vec<u64>) {
    let seen =
        facts.of_events(&["model.*", "route.*", "policy.*", "secret.*", "key.*", "budget.*", "delegation.*"]);
    let text = format!(
        "{} changes of models, routes, policies, secrets, keys, budgets and delegations, by {} actors.",
        seen.count,
        facts.actors.len()
    );
    (text, seen.entries)
}

fn hidden(facts: &Facts) -> (String, Vec<u64>) {
    let text = format!(
        "What requests were about stands in the log as salted digests: {} values are shown in this export, {} are not. No prompt and no \
         answer is in it.",
        facts.values_shown, facts.values_hidden
    );
    (text, Vec::new())
}

fn erased(facts: &Facts) -> (String, Vec<u64>) {
    let seen = facts.of_events(&["receipts.erased"]);
    (
        format!(
            "{} times values of receipts were erased; the log says when, by whom and why, and still verifies.",
            seen.count
        ),
        seen.entries,
    )
}

fn nothing(_: &Facts) -> (String, Vec<u64>) {
    ("Nothing.".to_owned(), Vec::new())
}

const EU_AI_ACT: &[Point] = &[
    Point {
        reference: "Article 9",
        asks: "A system for managing risks over the whole life of the AI system.",
        shows: nothing,
        does_not_show: "Which risks were found and how they are treated.",
        who_adds: "The provider: the risk management file. Limits and denials below can be cited in it.",
    },
    Point {
        reference: "Article 12(1)",
        asks: "Events are recorded automatically over the lifetime of the system.",
        shows: records,
        does_not_show: "What happened inside the model, and whatever did not pass the gateway.",
        who_adds: "The provider: logs of the model itself. The deployer: that all traffic passes the gateway.",
    },
    Point {
        reference: "Article 12(2)(a)",
        asks: "Records let one identify situations that may be a risk.",
        shows: denied,
        does_not_show: "Whether a denied request was a risk, or a permitted one harmless.",
        who_adds: "The deployer: what was done about them.",
    },
    Point {
        reference: "Article 12(2)(b)",
        asks: "Records help monitoring after the system is on the market.",
        shows: limits,
        does_not_show: "How good answers were.",
        who_adds: "The provider: the monitoring plan (Article 72).",
    },
    Point {
        reference: "Article 14",
        asks: "People can oversee the system, and stop it.",
        shows: oversight,
        does_not_show: "Whether those people understood what they approved, and had the time.",
        who_adds: "The deployer: who oversees, and their training (Article 26(2)).",
    },
    Point {
        reference: "Article 15(5)",
        asks: "It withstands attempts of others to change its use.",
        shows: access,
        does_not_show: "Attacks on the model by what it reads.",
        who_adds: "The provider: tests of robustness and security.",
    },
    Point {
        reference: "Articles 19 and 26(6)",
        asks: "Logs are kept for at least six months.",
        shows: |facts| {
            let days = facts.to.zip(facts.from).map_or(0, |(to, from)| to.saturating_sub(from) / 86_400);
            (
                format!("The export spans {days} days, complete between its first and its last entry."),
                Vec::new(),
            )
        },
        does_not_show: "That copies are kept, and for how long.",
        who_adds: "Provider and deployer: the rule for keeping exports, and where they are.",
    },
    Point {
        reference: "Article 26(5)",
        asks: "The deployer monitors operation and suspends it where there is a risk.",
        shows: stops,
        does_not_show: "Whether the provider and the authority were told.",
        who_adds: "The deployer: those notices.",
    },
];

const SOC2: &[Point] = &[
    Point {
        reference: "CC6.1",
        asks: "Access to protected things is limited by logical means.",
        shows: access,
        does_not_show: "Access that does not pass the gateway; the upstream's own accounts.",
        who_adds: "Management: that upstreams are reachable through the gateway only.",
    },
    Point {
        reference: "CC6.2",
        asks: "Users are registered and authorized before they get credentials, and removed after.",
        shows: joined,
        does_not_show: "Who approved it outside, and reviews of access.",
        who_adds: "Management: tickets of requests and periodic reviews.",
    },
    Point {
        reference: "CC6.3",
        asks: "Access is authorized, changed and removed by roles and least privilege.",
        shows: limits,
        does_not_show: "Whether what was granted is the least that is needed.",
        who_adds: "Owners of agents: why each grant is needed.",
    },
    Point {
        reference: "CC6.6",
        asks: "Measures against threats from outside.",
        shows: denied,
        does_not_show: "What unknown callers tried: they are counted, and not recorded.",
        who_adds: "Operations: metrics of the gateway, and those of the network.",
    },
    Point {
        reference: "CC7.2",
        asks: "Systems are monitored for what is unusual.",
        shows: denied,
        does_not_show: "That somebody looked.",
        who_adds: "Operations: alerts, and what came of them.",
    },
    Point {
        reference: "CC7.3 and CC7.4",
        asks: "Incidents are judged and answered.",
        shows: stops,
        does_not_show: "How the incident was judged, and whom it was told.",
        who_adds: "Operations: the incident's record.",
    },
    Point {
        reference: "CC8.1",
        asks: "Changes are authorized, recorded and made under control.",
        shows: changed,
        does_not_show: "Tests and approvals before the change.",
        who_adds: "Engineering: reviews of the files that were applied.",
    },
    Point {
        reference: "PI1.3",
        asks: "Processing is complete, accurate and as authorized, and is recorded.",
        shows: records,
        does_not_show: "Accuracy of what models answered.",
        who_adds: "Management: quality of the service.",
    },
];

const NIST: &[Point] = &[
    Point {
        reference: "GOVERN 1.4 and 2.1",
        asks: "Roles and lines of responsibility are documented.",
        shows: access,
        does_not_show: "Policies of the organization.",
        who_adds: "Leadership: roles and policies.",
    },
    Point {
        reference: "MEASURE 2.4",
        asks: "The system is monitored in production.",
        shows: denied,
        does_not_show: "Quality, bias and safety of answers.",
        who_adds: "Whoever measures the model.",
    },
    Point {
        reference: "MEASURE 2.8",
        asks: "Risks of transparency and accountability are examined.",
        shows: records,
        does_not_show: "How they were examined.",
        who_adds: "Risk management.",
    },
    Point {
        reference: "MANAGE 2.4",
        asks: "There are means to stop a system that acts otherwise than intended.",
        shows: stops,
        does_not_show: "When it should have been stopped and was not.",
        who_adds: "Operations.",
    },
];

const GDPR: &[Point] = &[
    Point {
        reference: "Article 5(1)(c)",
        asks: "No more personal data than needed.",
        shows: hidden,
        does_not_show: "What upstreams and providers keep.",
        who_adds: "The controller: contracts with processors.",
    },
    Point {
        reference: "Article 5(2)",
        asks: "The controller can show that it complies.",
        shows: records,
        does_not_show: "The purpose, and its legal basis.",
        who_adds: "The controller: the record of processing (Article 30).",
    },
    Point {
        reference: "Article 17",
        asks: "Personal data are erased where a person may ask for it.",
        shows: erased,
        does_not_show: "Backups and exports that were made before.",
        who_adds: "The controller: how long those are kept.",
    },
    Point {
        reference: "Article 32",
        asks: "Processing is secure.",
        shows: access,
        does_not_show: "Security of the machines.",
        who_adds: "The controller: technical measures.",
    },
];
