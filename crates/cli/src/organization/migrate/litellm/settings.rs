//! Settings that have no counterpart, each with what does that here, if anything.

use super::{Left, member};
use serde_json::{Map, Value};

/// What to say of settings, by the beginning of their names.
const REASONS: [(&str, &str); 22] = [
    ("master_key", "no key is everybody's here: whoever administers has a delegation, `legation admin add`"),
    ("database_", "what was spent before is not counted here"),
    ("store_model", "models are in the store, written by `legation apply`"),
    ("fallbacks", "one model never stands for another one; targets of one model follow each other"),
    ("context_window_fallbacks", "one model never stands for another one"),
    ("content_policy_fallbacks", "one model never stands for another one"),
    ("default_fallbacks", "one model never stands for another one"),
    ("model_group_alias", "a model has one name: write a second model with the same targets"),
    ("guardrails", "prompts are not looked into; policies decide on models, limits and facts"),
    ("callbacks", "spans go to a collector by `legation up --otlp`, decisions are in the log"),
    ("success_callback", "spans go to a collector by `legation up --otlp`, decisions are in the log"),
    ("failure_callback", "spans go to a collector by `legation up --otlp`, decisions are in the log"),
    ("cache", "answers are not kept"),
    ("max_budget", "budgets are of teams and agents: `legation budget set TEAM …`"),
    ("budget_duration", "budgets are of teams and agents: `legation budget set TEAM …`"),
    ("routing_strategy", "targets are drawn by their weights; one that can't be reached is asked last"),
    ("num_retries", "the next target is tried where nothing was sent; callers try again"),
    ("allowed_fails", "a target that failed three times in a row is asked last for ten seconds"),
    ("redis", "any number of gateways share the store"),
    ("alerting", "`legation alert add` tells a webhook"),
    ("custom_auth", "callers show an API key, a token or a signature"),
    ("pass_through_endpoints", "write a route for each"),
];

/// Sections, and what is known of all in them.
pub(super) fn read(config: &Value, left: &mut Left) {
    let Some(sections) = config.as_object() else { return };
    for (section, value) in sections.iter().filter(|(name, _)| *name != "model_list") {
        match (section.as_str(), value) {
            // Their names alone are told where they are used.
            ("environment_variables", Value::Object(all)) => {
                left.add(
                    "environment_variables",
                    format!("{} of them; secrets are set by `legation secret set`", all.len()),
                );
            }
            ("general_settings" | "litellm_settings" | "router_settings", Value::Object(all)) => {
                of_section(section, all, left)
            }
            _ => left.add(member(section).to_owned(), reason(section)),
        }
    }
}

fn of_section(section: &str, all: &Map<String, Value>, left: &mut Left) {
    for name in all.keys() {
        left.add(format!("{section}.{}", member(name)), reason(name));
    }
}

fn reason(name: &str) -> &'static str {
    REASONS
        .iter()
        .find(|(begin, _)| name.starts_with(begin))
        .map_or("nothing here is like it", |(_, why)| why)
}
