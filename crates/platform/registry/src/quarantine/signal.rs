//! What other organizations told of their own delegations, held against the rules when it comes.
//!
//! A partner is heard on what is its own and on nobody else: on delegations that it or somebody of its origin issued, and on DIDs of its
//! origin. What follows holds for chains that begin with it. Nothing that it tells permits anything, and what it takes back lets nobody
//! in again: that is an admin's to do.

use super::{
    RULE, Rule, Then,
    enforce::{HOUR, read_rules, told_as},
    shut::{Link, lift},
};
use crate::{error::RegistryError, partner::Partner, registry::Registry};
use legation_credential::LinkDigest;
use legation_did::{Did, web};
use legation_keys::{base64url, time};
use legation_policy::Target;
use legation_store::{
    Tx, configuration,
    foreign::{self, Lent, ShutOut},
};
use serde_json::json;
use sha2::{Digest, Sha256};

/// The events of CAEP 1.0 that a rule can name.
pub const EVENTS: [&str; 5] = [
    "session-revoked",
    "credential-change",
    "risk-level-change",
    "assurance-level-change",
    "device-compliance-change",
];
/// What stands before them in a token.
pub const CAEP: &str = "https://schemas.openid.net/secevent/caep/event-type/";
/// For how long a token is known, seconds: longer than one is taken, which is an hour.
const KNOWN: i64 = 2 * HOUR;
/// Most tokens of one transmitter that are known; a further one waits at the transmitter.
const MOST_KNOWN: i64 = 10_000;
/// Most of one partner who are shut out at a time.
const MOST_SHUT_OUT: i64 = 10_000;
/// Most own agents that one event concerns.
const MOST_CONCERNED: i64 = 1000;
/// Most delegations of others that are known of one own agent.
const MOST_LENT: i64 = 1000;

/// What a token tells, whose signature holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signal {
    /// The transmitter, its `iss`.
    pub issuer: String,
    /// What it calls the token.
    pub jti: String,
    /// When the token was made, Unix seconds.
    pub issued: i64,
    /// The types of its events by which something is worse than it was, as URLs, and when each was, Unix seconds.
    pub events: Vec<(String, i64)>,
    /// Of whom.
    pub dids: Vec<Did>,
    /// Of which delegation; where it names one it is of that alone.
    pub link: Option<LinkDigest>,
}

impl Registry {
    /// Whether what a partner tells is of any rule.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn heeds_signals(&self, partner: &str) -> Result<bool, RegistryError> {
        let rules = self.store.read(|tx| read_rules(tx, &self.id))?;
        Ok(rules.iter().any(|rule| rule.hears(partner)))
    }

    /// Holds what a partner told against the rules, at `now` (Unix seconds), in one transaction: each token once. Gives how often
    /// something followed.
    ///
    /// # Errors
    /// [`RegistryError`]; nothing was done then, and it may come again.
    pub fn hear_signals(&self, partner: &str, all: &[Signal], now: i64) -> Result<usize, RegistryError> {
        if all.is_empty() || !self.heeds_signals(partner)? {
            return Ok(0);
        }
        self.change(|tx| {
            legation_store::organization::must_be_open(tx, &self.id)?;
            // As they are now.
            let partners = configuration::list(tx, &self.id, crate::partner::PARTNER)?;
            let Some(found) = partners.into_iter().find(|one| one.name == partner) else { return Ok(0) };
            let partner: Partner = serde_json::from_str(&found.body)
                .map_err(|error| RegistryError::damaged(&found.name, error))?;
            let Some(issuer) = partner.transmitter() else { return Ok(0) };
            let rules: Vec<Rule> =
                read_rules(tx, &self.id)?.into_iter().filter(|rule| rule.hears(&partner.name)).collect();
            let range = (now.saturating_sub(KNOWN), MOST_KNOWN);
            let known = foreign::heard(tx, &self.id, &issuer, range)?;
            if known.saturating_add(i64::try_from(all.len()).unwrap_or(i64::MAX)) > MOST_KNOWN {
                let reason = format!("it told more than {MOST_KNOWN} within two hours");
                return Err(RegistryError::Value { what: "partner", found: partner.name, reason });
            }
            let mut done = 0;
            for signal in all.iter().filter(|signal| signal.issuer == issuer) {
                let jti = (issuer.as_str(), Sha256::digest(&signal.jti).into());
                if !foreign::hear(tx, &self.id, jti, now)? {
                    continue;
                }
                for rule in &rules {
                    let own = self.by(&format!("{RULE}:{}", rule.name));
                    done += own.signalled(tx, rule, (&partner, signal), now)?;
                }
            }
            Ok(done)
        })
    }

    /// What follows from one token by one rule.
    fn signalled(
        &self,
        tx: &mut Tx<'_>,
        rule: &Rule,
        (partner, signal): (&Partner, &Signal),
        now: i64,
    ) -> Result<usize, RegistryError> {
        let Some((event, at)) = rule.event_in(signal) else { return Ok(0) };
        let Ok(root) = partner.did.parse::<Did>() else { return Ok(0) };
        let mut done = 0;
        for subject in signal.subjects(&root) {
            let reason =
                format!("`{}` told `{event}` of {} about `{subject}`", signal.issuer, time::format(at));
            if rule.target() == Some(Target::Organization) {
                let news = (partner, subject.as_str(), reason.as_str());
                done += usize::from(self.shut_out_by(tx, rule, news, (signal, event, at), now)?);
            }
            let of = (partner.did.as_str(), subject.as_str());
            for did in foreign::lent_to(tx, &self.id, of, (now, MOST_CONCERNED))? {
                let Some(agent) = self.rules_for(tx, &did)? else { continue };
                // What was before somebody resumed it counts no more.
                if agent.is_meant(rule) && signal.issued > agent.counted_from {
                    done += usize::from(self.follow_up(tx, rule, (&agent, &reason), now)?);
                }
            }
        }
        Ok(done)
    }

    /// Shuts somebody of a partner out, or tells of it. Gives whether anything was done.
    fn shut_out_by(
        &self,
        tx: &mut Tx<'_>,
        rule: &Rule,
        (partner, subject, reason): (&Partner, &str, &str),
        (signal, event, at): (&Signal, &str, i64),
        now: i64,
    ) -> Result<bool, RegistryError> {
        let root = partner.did.as_str();
        if rule.then == Then::Suspend && foreign::is_shut_out(tx, &self.id, root, &[subject.to_owned()])? {
            return Ok(false);
        }
        let id = uuid::Uuid::now_v7().to_string();
        let data = json!({
            "rule": rule.name, "partner": partner.name, "subject": subject, "issuer": signal.issuer, "event": event,
            "eventAt": time::format(at), "jti": signal.jti.chars().take(128).collect::<String>(), "reason": reason,
        });
        let with = |name: &str, said: &str| {
            let mut data = data.clone();
            if let Some(members) = data.as_object_mut() {
                members.insert(name.to_owned(), json!(said));
            }
            data
        };
        if rule.then == Then::Suspend && self.has_room_of(tx, rule, root, now)? {
            let one = ShutOut {
                id: id.clone(),
                root: root.to_owned(),
                subject: subject.to_owned(),
                rule: rule.name.clone(),
                reason: reason.to_owned(),
                at: now,
            };
            foreign::shut_out(tx, &self.id, &one)?;
            let data = with("lift", &lift(&id));
            let told = (&*format!("shut-out {id}"), now.saturating_add(1));
            self.tell_shut_out(tx, told, (rule, subject, &data), now)?;
            self.tell(tx, ("quarantine.shut-out", &id), &data, now)?;
            return Ok(true);
        }
        // However much a partner tells, webhooks have room for what others do: that somebody is held back is told once an hour, and
        // the rest 256 times at most.
        let (what, of) = match rule.then {
            Then::Alert => {
                (rule.then.name(), Sha256::digest(subject).first().copied().unwrap_or_default().to_string())
            }
            Then::Suspend => ("held back", String::new()),
        };
        let data = with("what", what);
        let told = (&*format!("{} {of}", told_as(rule, root)), now.saturating_add(HOUR));
        let is_told = self.tell_shut_out(tx, told, (rule, subject, &data), now)?;
        if is_told {
            self.note(tx, ("quarantine.told", subject), &data, now)?;
        }
        Ok(is_told)
    }

    /// Whether a rule may shut out one more of a partner within the hour, and whether there is room for it at all.
    fn has_room_of(&self, tx: &mut Tx<'_>, rule: &Rule, root: &str, now: i64) -> Result<bool, RegistryError> {
        let lately = (now.saturating_sub(HOUR), rule.most_agents);
        let most = foreign::count(tx, &self.id, (root, None), (i64::MIN, MOST_SHUT_OUT))?;
        Ok(foreign::count(tx, &self.id, (root, Some(&rule.name)), lately)? < rule.most_agents
            && most < MOST_SHUT_OUT)
    }

    /// Keeps by which delegations of others own agents call, as a chain shows that was verified and begins with `root`.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn note_lent(&self, root: &Did, links: &[Link], until: i64, now: i64) -> Result<(), RegistryError> {
        let mut all = Vec::new();
        for (index, own) in links.iter().enumerate().filter(|(_, link)| self.is_own(&link.subject)) {
            let above = links.iter().take(index.saturating_add(1));
            for Link { digests, issuer, .. } in above.filter(|link| speaks_of(root, &link.issuer)) {
                all.extend(digests.iter().map(|digest| Lent {
                    agent: own.subject.to_string(),
                    digest: base64url::encode(digest),
                    issuer: issuer.to_string(),
                    root: root.to_string(),
                    until,
                }));
            }
        }
        if all.is_empty() {
            return Ok(());
        }
        Ok(self.store.write(|tx| foreign::lend(tx, &self.id, &all, (MOST_LENT, now)))?)
    }
}

impl Rule {
    /// Whether what a partner tells counts for it.
    fn hears(&self, partner: &str) -> bool {
        let signal = self.signal.as_ref();
        signal.is_some_and(|signal| signal.from.is_empty() || signal.from.iter().any(|one| one == partner))
    }

    /// The first event of a token that it counts, by its short name, and when that was.
    fn event_in<'s>(&self, signal: &'s Signal) -> Option<(&'s str, i64)> {
        let named = &self.signal.as_ref()?.events;
        let mut found = signal.events.iter().filter_map(|(event, at)| Some((event.strip_prefix(CAEP)?, *at)));
        found.find(|(event, _)| named.iter().any(|one| one == event))
    }
}

impl Signal {
    /// Of what it is, as far as a transmitter of this root may speak of it: a delegation by its digest, which counts only where somebody
    /// of the root's origin has issued it; or DIDs of that origin.
    fn subjects(&self, root: &Did) -> Vec<String> {
        match &self.link {
            Some(link) => vec![base64url::encode(link)],
            None => self.dids.iter().filter(|did| speaks_of(root, did)).map(Did::to_string).collect(),
        }
    }
}

/// Whether a partner's transmitter may speak of a DID: one of its own origin.
pub(super) fn speaks_of(root: &Did, did: &Did) -> bool {
    web::origin(root).is_some_and(|origin| web::origin(did) == Some(origin))
}
