//! What is told of an agent that broke a rule: to webhooks, in the words of whoever has to do something about it.

use super::Rule;
use crate::{
    alerts::{Alert, News},
    error::RegistryError,
    registry::Registry,
};
use legation_store::Tx;
use serde_json::{Value, json};

impl Registry {
    /// Tells that an agent has broken a rule of quarantine, in the transaction that does what follows: what that was, `suspend`,
    /// `alert` or `held back`. Gives whether it had not been told.
    pub(crate) fn tell_quarantine(
        &self,
        tx: &mut Tx<'_>,
        (name, until): (&str, i64),
        (rule, agent, reason, what): (&Rule, &str, &str, &str),
        now: i64,
    ) -> Result<bool, RegistryError> {
        let hooks = self.hooks(tx)?;
        let Rule { name: rule, most_agents, .. } = rule;
        let follows = match what {
            "suspend" => format!(
                "it is suspended; look at it by `legation agent activity {agent}`, and lift it by `legation agent resume {agent}`"
            ),
            "alert" => format!(
                "look at it by `legation agent activity {agent}`, and stop it by `legation agent suspend {agent}`"
            ),
            _ => format!(
                "it is not suspended, since the rule has suspended {most_agents} agents within an hour, which is its most: is it \
                 too low? Stop the agent by `legation agent suspend {agent}`"
            ),
        };
        let news = News {
            alert: Alert::Quarantine,
            name: name.to_owned(),
            until,
            message: format!("`{agent}` broke the rule `{rule}`: {reason}; {follows}"),
            data: json!({"agent": agent, "rule": rule, "reason": reason, "what": what}),
            hooks: &hooks,
        };
        self.tell_news(tx, news, now)
    }

    /// Tells that somebody of a partner was shut out by a rule, or why not, in the transaction that does so. Gives whether it had not
    /// been told.
    pub(super) fn tell_shut_out(
        &self,
        tx: &mut Tx<'_>,
        (name, until): (&str, i64),
        (rule, subject, data): (&Rule, &str, &Value),
        now: i64,
    ) -> Result<bool, RegistryError> {
        let hooks = self.hooks(tx)?;
        let Rule { name: rule, most_agents, .. } = rule;
        let text = |name: &str| data.get(name).and_then(Value::as_str).unwrap_or_default();
        let follows = match (text("lift"), text("what")) {
            ("", "alert") => {
                "its calls pass on; end its partner's entry, or block its delegation, to stop it".to_owned()
            }
            ("", _) => format!(
                "it is not shut out, since the rule has shut out {most_agents} of that partner within an hour, which is its most"
            ),
            (lift, _) => format!("it is shut out; lift it by `{lift}`"),
        };
        let news = News {
            alert: Alert::Quarantine,
            name: name.to_owned(),
            until,
            message: format!(
                "`{subject}` of the partner `{}` broke the rule `{rule}`: {}; {follows}",
                text("partner"),
                text("reason")
            ),
            data: data.clone(),
            hooks: &hooks,
        };
        self.tell_news(tx, news, now)
    }
}
