//! Alerts by webhook: what an operator has to know before somebody is refused. Each is put behind what waits for a webhook in
//! one transaction with the note that it was told, and sent at least once, signed by the organization's key.
//!
//! | alert | what it tells |
//! |---|---|
//! | `budget-80` | 80 % of a budget are taken, once in its window |
//! | `expiry` | an API key or a receiver's token ends within a week, or a delegation within a day that was not renewed |
//! | `stale-status` | a status list was not signed anew in time |
//! | `closed-model` | a call cost more than was reserved for it, and its model takes no more |
//! | `denials` | an agent was denied often within five minutes |
//! | `approval` | a request waits for somebody's approval |
//! | `quarantine` | a rule of quarantine has suspended an agent, or tells of it |

use crate::{Budget, error::RegistryError, registry::Registry, route::origin_of, signals::Outgoing};
use legation_credential::{Window, amount::micros};
use legation_keys::time;
use legation_signer::SealedKey;
use legation_store::{
    StoreError, Tx, api_key,
    approval::Held,
    followed, holder,
    holder::Holder,
    link, organization, receipt, signal,
    subscription::{self, Pending, Subscription},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// What the store calls a webhook.
pub(crate) const KIND: &str = "alert";
/// Most webhooks of an organization, and most alerts that wait for one: what comes then is not told to it.
const MOST: i64 = 100;
const MOST_WAITING: i64 = 1000;
/// How much of a budget is taken when it is told, in percent.
const SHARE: i64 = 80;
/// Within which time calls are looked at whose budgets may have come near their end, seconds: several times as long as it
/// takes until it is looked again.
const RECENT: i64 = 120;
/// How long before an end it is told, seconds: of tokens, and of delegations, which are renewed long before.
const SOON: i64 = 7 * 86_400;
const LATE: i64 = 86_400;
/// What of a status list's hour is left when it is late, seconds: it is signed anew at half.
const STALE: i64 = 900;
/// How often an agent is denied within five minutes when it is told, and for how long it is not told again, seconds.
const DENIALS: (i64, i64) = (50, 300);
const QUIET: i64 = 3600;

/// What is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Alert {
    /// 80 % of a budget are taken.
    #[serde(rename = "budget-80")]
    Budget80,
    /// Something ends soon.
    Expiry,
    /// A status list was not signed anew.
    StaleStatus,
    /// A model is closed.
    ClosedModel,
    /// An agent is denied often.
    Denials,
    /// A request waits for an approval.
    Approval,
    /// A rule of quarantine was broken.
    Quarantine,
}

impl Alert {
    /// All there are.
    pub const ALL: [Self; 7] = [
        Self::Budget80,
        Self::Expiry,
        Self::StaleStatus,
        Self::ClosedModel,
        Self::Denials,
        Self::Approval,
        Self::Quarantine,
    ];

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Budget80 => "budget-80",
            Self::Expiry => "expiry",
            Self::StaleStatus => "stale-status",
            Self::ClosedModel => "closed-model",
            Self::Denials => "denials",
            Self::Approval => "approval",
            Self::Quarantine => "quarantine",
        }
    }
}

/// What a webhook is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Webhook {
    on: Vec<Alert>,
}

/// Something to tell: once, until a moment (Unix seconds).
pub(crate) struct News<'a> {
    pub(crate) alert: Alert,
    /// What it is known by.
    pub(crate) name: String,
    pub(crate) until: i64,
    /// For people.
    pub(crate) message: String,
    pub(crate) data: Value,
    pub(crate) hooks: &'a [(Subscription, Webhook)],
}

/// What a webhook is told, as it is kept.
///
/// # Errors
/// [`RegistryError`].
pub fn told_of(hook: &Subscription) -> Result<Vec<Alert>, RegistryError> {
    Ok(read(hook)?.on)
}

fn read(hook: &Subscription) -> Result<Webhook, RegistryError> {
    serde_json::from_str(&hook.body).map_err(|error| RegistryError::damaged(&hook.id, error))
}

impl Registry {
    /// Adds a webhook, which is told of `on`, or of all where nothing is named.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn add_alert(&self, url: &str, on: &[Alert], now: i64) -> Result<Subscription, RegistryError> {
        origin_of(url)?;
        let wrong = |reason: &str| RegistryError::Value {
            what: "URL of a webhook",
            found: url.chars().take(200).collect(),
            reason: reason.to_owned(),
        };
        if url.len() > 2048 || !url.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(wrong("write it in up to 2048 visible ASCII characters"));
        }
        let on = if on.is_empty() { Alert::ALL.to_vec() } else { on.to_vec() };
        let body = serde_json::to_string(&Webhook { on })
            .map_err(|error| RegistryError::damaged("a webhook", error))?;
        let id = uuid::Uuid::now_v7().to_string();
        let hook = Subscription {
            kind: KIND.to_owned(),
            owner: id.clone(),
            state: "enabled".to_owned(),
            reason: String::new(),
            url: Some(url.to_owned()),
            body,
            created: now,
            asked: None,
            waiting: 0,
            failures: 0,
            id,
        };
        self.change(|tx| {
            let there = subscription::list(tx, &self.id, KIND, "", MOST)?;
            if i64::try_from(there.len()).unwrap_or(MOST) >= MOST {
                return Err(wrong("there are 100 webhooks, which is the most; remove one"));
            }
            if there.iter().any(|one| one.url.as_deref() == Some(url)) {
                return Err(StoreError::Exists { what: format!("a webhook `{url}`") }.into());
            }
            subscription::add(tx, &self.id, &hook)?;
            // Where it leads may be a secret of its own, as of chat services.
            self.note(tx, ("alert.added", &hook.id), &json!({"origin": origin_of(url)?}), now)
        })?;
        Ok(hook)
    }

    /// The webhooks whose ids come after `after`, at most so many.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn alerts(&self, after: &str, most: i64) -> Result<Vec<Subscription>, RegistryError> {
        Ok(self.store.read(|tx| subscription::list(tx, &self.id, KIND, after, most))?)
    }

    /// Takes a webhook away, with what waits for it.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn remove_alert(&self, id: &str, now: i64) -> Result<Subscription, RegistryError> {
        self.change(|tx| {
            let hook = subscription::get(tx, &self.id, id)?;
            if hook.kind != KIND {
                return Err(StoreError::NotFound { what: format!("webhook `{id}`") }.into());
            }
            subscription::remove(tx, &self.id, id)?;
            self.note(tx, ("alert.removed", id), &json!({}), now)?;
            Ok(hook)
        })
    }

    /// Looks what there is to tell, and puts it behind what waits for the webhooks. Gives how much it was. Any number of
    /// processes may look: each thing is told once.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn look_out(&self, now: i64) -> Result<usize, RegistryError> {
        // What was put back tells nothing before it is opened.
        let hooks = self.store.read(|tx| match organization::get(tx, &self.id)?.closed {
            Some(_) => Ok(Vec::new()),
            None => self.hooks(tx),
        })?;
        let on = |alert: Alert| hooks.iter().any(|(_, hook)| hook.on.contains(&alert));
        let mut all = Vec::new();
        if on(Alert::Budget80) {
            all.extend(self.budgets_near(now, &hooks)?);
        }
        self.store.read(|tx| -> Result<(), RegistryError> {
            if on(Alert::Expiry) {
                all.extend(self.ending(tx, now, &hooks)?);
            }
            if on(Alert::StaleStatus) {
                all.extend(self.stale(tx, now, &hooks)?);
            }
            if on(Alert::Denials) {
                all.extend(self.denied(tx, now, &hooks)?);
            }
            all.retain(|news| !followed::was_told(tx, &self.id, &news.name, now).unwrap_or(false));
            Ok(())
        })?;
        if all.is_empty() {
            return Ok(0);
        }
        self.store.write(|tx| {
            followed::forget(tx, &self.id, now)?;
            let mut told = 0;
            for news in all {
                told += usize::from(self.tell_news(tx, news, now)?);
            }
            Ok(told)
        })
    }

    pub(crate) fn hooks(&self, tx: &mut Tx<'_>) -> Result<Vec<(Subscription, Webhook)>, RegistryError> {
        let hooks = subscription::list(tx, &self.id, KIND, "", MOST)?;
        hooks.into_iter().map(|hook| read(&hook).map(|read| (hook, read))).collect()
    }

    /// Tells that a model was closed, in the transaction that closes it.
    pub(crate) fn tell_closed(&self, tx: &mut Tx<'_>, model: &str, now: i64) -> Result<(), RegistryError> {
        let hooks = self.hooks(tx)?;
        let news = News {
            alert: Alert::ClosedModel,
            // Each time anew: it was written anew in between.
            name: format!("closed-model {model} {now}"),
            until: now.saturating_add(1),
            message: format!(
                "the model `{model}` takes no more calls: one cost more than was reserved for it; mend its bounds or prices, \
                 and write it anew by `legation model set`"
            ),
            data: json!({"model": model}),
            hooks: &hooks,
        };
        self.tell_news(tx, news, now).map(drop)
    }

    /// Tells that a request waits for an approval, in the transaction that holds it.
    pub(crate) fn tell_held(&self, tx: &mut Tx<'_>, held: &Held, now: i64) -> Result<(), RegistryError> {
        let hooks = self.hooks(tx)?;
        let Held { id, agent, until, why, .. } = held;
        let news = News {
            alert: Alert::Approval,
            name: format!("approval {id}"),
            until: *until,
            message: format!("a request of {agent} waits for an approval; see `legation approval show {id}`"),
            data: json!({"approval": id, "agent": agent, "why": why, "until": time::format(*until)}),
            hooks: &hooks,
        };
        self.tell_news(tx, news, now).map(drop)
    }

    pub(crate) fn tell_news(&self, tx: &mut Tx<'_>, news: News<'_>, now: i64) -> Result<bool, RegistryError> {
        let News { alert, name, until, message, data, hooks } = news;
        if !followed::tell_once(tx, &self.id, &name, (now, until.max(now.saturating_add(1))))? {
            return Ok(false);
        }
        let mut put = Vec::new();
        for (hook, wanted) in hooks {
            // As it is now: others may have put something there.
            let Ok(there) = subscription::get(tx, &self.id, &hook.id) else { continue };
            if !wanted.on.contains(&alert) || there.waiting >= MOST_WAITING {
                continue;
            }
            let id = uuid::Uuid::now_v7().to_string();
            let body = json!({
                "type": "LegationAlert", "id": id, "organization": self.did.as_str(), "audience": there.url,
                "at": time::format(now), "alert": alert.name(), "message": message, "data": data,
            });
            let kind = alert.name().to_owned();
            put.push((hook.id.clone(), Pending { seq: 0, id, at: now, kind, body: body.to_string() }));
        }
        subscription::put(tx, &self.id, put)?;
        Ok(true)
    }

    /// Budgets of which most is taken, of those who spent something lately and of all above them.
    fn budgets_near<'a>(
        &self,
        now: i64,
        hooks: &'a [(Subscription, Webhook)],
    ) -> Result<Vec<News<'a>>, RegistryError> {
        let spent = self.spent(now.saturating_sub(RECENT))?;
        let agents: BTreeSet<String> = spent.into_iter().map(|spent| spent.agent).collect();
        let mut all = Vec::new();
        for did in agents {
            let found = self.store.read(|tx| holder::by_did(tx, &self.id, &did));
            let Ok(agent) = found else { continue };
            for budgeted in self.budgets(agent.kind, &agent.name, now)? {
                let Holder { kind, name, id, .. } = &budgeted.holder;
                for taken in &budgeted.budgets {
                    let most = micros(taken.budget.amount);
                    // What can't be said any more lets nothing pass.
                    let is_near = taken.micros.is_none_or(|spent| {
                        i128::from(spent) * 100 >= i128::from(most) * i128::from(SHARE) && most > 0
                    });
                    if !is_near {
                        continue;
                    }
                    let Budget { currency, window, .. } = &taken.budget;
                    let until = window_end(window, now);
                    all.push(News {
                        alert: Alert::Budget80,
                        // A raised one is another threshold.
                        name: format!("budget-80 {id} {currency} {window} {most}"),
                        until,
                        message: format!(
                            "{SHARE} % of the budget {} of the {} `{name}` are taken; raise it by `legation budget raise {name}`",
                            taken.budget, kind.name()
                        ),
                        data: json!({
                            "kind": kind.name(), "name": name, "budget": taken.budget.to_string(),
                            "takenMicros": taken.micros, "until": time::format(until),
                        }),
                        hooks,
                    });
                }
            }
        }
        Ok(all)
    }

    /// What ends soon and is not renewed by itself.
    fn ending<'a>(
        &self,
        tx: &mut Tx<'_>,
        now: i64,
        hooks: &'a [(Subscription, Webhook)],
    ) -> Result<Vec<News<'a>>, RegistryError> {
        let mut all = Vec::new();
        let mut news = |what: String, id: &str, ends: i64, remedy: String| {
            all.push(News {
                alert: Alert::Expiry,
                name: format!("expiry {id} {ends}"),
                until: ends.saturating_add(1),
                message: format!("{what} ends at {}; {remedy}", time::format(ends)),
                data: json!({"what": what, "id": id, "ends": time::format(ends)}),
                hooks,
            });
        };
        for key in api_key::ending(tx, &self.id, (now, now.saturating_add(SOON)), 1000)? {
            let agent = holder::get(tx, &self.id, &key.holder)?.name;
            let remedy = format!("replace it by `legation api-key rotate {}`", key.id);
            news(format!("the API key {} of `{agent}`", key.id), &key.id, key.expires.unwrap_or(now), remedy);
        }
        for receiver in signal::receivers(tx, &self.id, "", crate::signals::MOST_RECEIVERS)? {
            if (now..now.saturating_add(SOON)).contains(&receiver.expires) {
                let remedy = "give it another one by `legation signals receiver add`".to_owned();
                news(
                    format!("the token of the receiver `{}`", receiver.name),
                    &receiver.id,
                    receiver.expires,
                    remedy,
                );
            }
        }
        for link in link::ending(tx, &self.id, now.saturating_add(LATE), 1000)? {
            let life = link.valid_until.saturating_sub(link.valid_from);
            // Those that live but a day or so are renewed within hours.
            if now < link.valid_until && life > 3 * LATE {
                let holder = holder::get(tx, &self.id, &link.holder)?;
                let what =
                    format!("the delegation {} of the {} `{}`", link.id, holder.kind.name(), holder.name);
                let remedy = "it was not renewed; `legation doctor` tells why".to_owned();
                news(what, &link.id, link.valid_until, remedy);
            }
        }
        Ok(all)
    }

    fn stale<'a>(
        &self,
        tx: &mut Tx<'_>,
        now: i64,
        hooks: &'a [(Subscription, Webhook)],
    ) -> Result<Vec<News<'a>>, RegistryError> {
        let late = link::lists_ending(tx, &self.id, now.saturating_add(STALE), 1000)?;
        let Some(first) = late.first() else { return Ok(Vec::new()) };
        Ok(vec![News {
            alert: Alert::StaleStatus,
            name: "stale-status".to_owned(),
            until: now.saturating_add(QUIET),
            message: format!(
                "{} status lists were not signed anew, the first of which ends at {}: services of others then deny; look at \
                 the signer, or run `legation doctor`",
                late.len(),
                time::format(first.valid_until)
            ),
            data: json!({"lists": late.len(), "ends": time::format(first.valid_until)}),
            hooks,
        }])
    }

    fn denied<'a>(
        &self,
        tx: &mut Tx<'_>,
        now: i64,
        hooks: &'a [(Subscription, Webhook)],
    ) -> Result<Vec<News<'a>>, RegistryError> {
        let (most, within) = DENIALS;
        let last = organization::get(tx, &self.id)?.receipts;
        let denied = receipt::denied(tx, &self.id, last, now.saturating_sub(within))?;
        let often = denied.into_iter().filter(|(_, times)| *times >= most);
        let news = |(agent, times): (String, i64)| News {
            alert: Alert::Denials,
            name: format!("denials {agent}"),
            until: now.saturating_add(QUIET),
            message: format!(
                "`{agent}` was denied {times} times within {within} s; `legation receipt list` tells why"
            ),
            data: json!({"agent": agent, "times": times, "seconds": within}),
            hooks,
        };
        Ok(often.map(news).collect())
    }

    /// An alert as it is sent, with a signature over it: a detached JWS (RFC 7515, appendix F) of the organization's key.
    pub(crate) fn sign_alert(&self, pending: &Pending) -> Result<Outgoing, RegistryError> {
        let key = self.store.read(|tx| -> Result<_, RegistryError> {
            let top = self.top(tx)?;
            Ok(holder::keys(tx, &self.id, &top.id)?.into_iter().next())
        })?;
        let key = key.ok_or_else(|| RegistryError::damaged("the organization", "it has no key"))?;
        let sealed = key.sealed.as_deref().unwrap_or_default();
        let key = SealedKey { organization: &self.id, key_id: &key.key_id, sealed };
        let signed = self.signer().alert(key, &self.did, &pending.body)?;
        let (header, rest) = signed.split_once('.').unwrap_or_default();
        let signature = rest.split_once('.').map_or("", |(_, signature)| signature);
        Ok(Outgoing { body: pending.body.clone(), signature: Some(format!("{header}..{signature}")) })
    }
}

/// When a budget's window is over in which something is taken now, Unix seconds.
fn window_end(window: &str, now: i64) -> i64 {
    let window = match window.parse() {
        Ok(seconds) => Some(Window::Sliding { seconds }),
        Err(_) => Window::calendar(window, None),
    };
    window.map_or(now, |window| window.end(window.moment(now)))
}
