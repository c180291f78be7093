//! What a policy would have changed: requests that were decided, as receipts have them, decided again with it in its place.

use crate::{error::RegistryError, policies::target_of, registry::Registry};
use legation_credential::{Facts, Possession, Request, Value};
use legation_did::Did;
use legation_keys::{
    base64url,
    json::{self, Json, JsonLimits},
    time::{self, Round},
};
use legation_policy::{Asked, Bound, Document, Kind, Principal, Set, Target};
use legation_store::{StoreError, Tx, holder, link, receipt, receipt::Receipt};
use sha2::{Digest, Sha256};
use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

/// Receipts, and delegations, that are read at a time.
const PAGE: i64 = 1000;
/// Most differences that are told one by one.
const MOST: usize = 1000;
/// Of what a receipt is read.
const LIMITS: JsonLimits = JsonLimits { bytes: 32 << 20, depth: 32 };

/// A policy that is tried out.
#[derive(Clone, Debug)]
pub struct Trial {
    /// It, in place of the one of its name that is bound.
    pub document: Arc<Document>,
    /// Whom it would be bound to; whom the one of its name is bound to, where that is nobody.
    pub targets: Vec<Target>,
}

/// What would have been decided otherwise.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tried {
    /// Requests that were decided again; one that was denied several times counts as often.
    pub requests: i64,
    /// How many of them would have been denied that went through.
    pub denied: i64,
    /// How many of them would have gone through, as far as policies are concerned, that they denied.
    pub through: i64,
    /// Requests that were denied by something else than policies, which no policy changes, or that can't be read.
    pub left_out: i64,
    /// The differences, by agent's DID: how many of each.
    pub by_agent: BTreeMap<String, (i64, i64)>,
    /// The first of them, in order.
    pub differences: Vec<Difference>,
}

/// A request that would have been decided otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The number of its receipt.
    pub seq: i64,
    /// When, Unix seconds.
    pub at: i64,
    /// The agent's name where it has one here, else its DID.
    pub agent: String,
    /// The action.
    pub action: String,
    /// The resource.
    pub resource: String,
    /// `permit`, or the code of the denial.
    pub was: String,
    /// The same with the policy that is tried out.
    pub would: String,
    /// The policies that decide then; those that decided, where it would go through.
    pub policies: Vec<String>,
    /// What is found, for people.
    pub found: String,
}

/// Who agents were, as far as that is known now.
#[derive(Default)]
struct Known {
    by_agent: HashMap<String, Vec<Principal>>,
    /// Whose delegations are, by their digests: read once, where somebody is no agent of the organization.
    links: Option<HashMap<String, String>>,
}

impl Registry {
    /// Decides the requests of receipts since `since` (Unix seconds) again, with a policy in place of the one of its name. Where a
    /// receipt does not say which team and tags an agent had, since nothing was bound then, those of today count.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn try_policy(&self, trial: &Trial, since: i64) -> Result<Tried, RegistryError> {
        let set = self.with(trial)?;
        let (mut tried, mut known, mut after) = (Tried::default(), Known::default(), 0);
        loop {
            let receipts = self.store.read(|tx| receipt::after(tx, &self.id, after, PAGE))?;
            let Some(last) = receipts.last() else { return Ok(tried) };
            after = last.seq;
            for one in receipts.iter().filter(|one| one.last_at >= since && one.kind != "settle") {
                self.again(&set, one, &mut known, &mut tried)?;
            }
        }
    }

    /// All that is bound, with a policy in place of the one of its name.
    fn with(&self, trial: &Trial) -> Result<Set, RegistryError> {
        let name = trial.document.name();
        let bound = self.policy_set(None)?;
        let mut all = Vec::new();
        for (document, targets) in bound.documents().filter(|(document, _)| document.name() != name) {
            all.extend(
                targets.iter().map(|target| Bound { document: Arc::clone(document), target: target.clone() }),
            );
        }
        let mut targets = trial.targets.clone();
        if targets.is_empty() {
            let now = self.bindings(None)?;
            targets.extend(now.iter().filter(|one| one.name == name).filter_map(target_of));
        }
        if targets.is_empty() {
            targets.push(Target::Organization);
        }
        all.extend(targets.into_iter().map(|target| Bound { document: Arc::clone(&trial.document), target }));
        Ok(Set::of(all))
    }

    fn again(
        &self,
        set: &Set,
        one: &Receipt,
        known: &mut Known,
        tried: &mut Tried,
    ) -> Result<(), RegistryError> {
        // What passed in shadow is what it would have been.
        let was = if one.kind == "permit" && one.code.is_empty() { "permit" } else { one.code.as_str() };
        let is_of_policies = ["permit", "policy_denied", "policy_error"].contains(&was);
        let json = json::parse(&one.body, LIMITS).ok().filter(|_| is_of_policies);
        let Some((json, request)) = json.and_then(|json| request(&json).map(|request| (json, request)))
        else {
            tried.left_out = tried.left_out.saturating_add(one.times);
            return Ok(());
        };
        let text = |name: &str| json.get(name).and_then(Json::as_str).unwrap_or_default();
        let chain: Vec<&str> = json
            .get("chain")
            .and_then(Json::as_array)
            .unwrap_or_default()
            .iter()
            .filter_map(Json::as_str)
            .collect();
        // Who it was, where that is said: teams and tags change.
        let said = json.get("policy").and_then(|policy| policy.get("of")).and_then(Json::as_array);
        let said: Option<Vec<Principal>> =
            said.and_then(|all| all.iter().map(Principal::from_json).collect());
        let principals = match said.filter(|all| !all.is_empty()) {
            Some(said) => said,
            None => self.who(&one.agent, &chain, text("principal"), known)?,
        };
        let signed = text("possession") == Possession::Signed.name();
        let (host, organization) = (self.host(), self.did.as_str());
        let verdict = set.decide(&Asked {
            host: &host,
            organization,
            principals: &principals,
            agent: &one.agent,
            root: text("principal"),
            links: chain.len(),
            possession: if signed { Possession::Signed } else { Possession::Vouched },
            status_age: status_age(&json, one.at),
            request: &request,
            at: one.at,
        });
        tried.requests = tried.requests.saturating_add(one.times);
        let would = verdict.code().unwrap_or("permit");
        if (was == "permit") == verdict.is_through() {
            return Ok(());
        }
        let agent = principals.last().map_or(&one.agent, |last| &last.name).clone();
        let count = tried.by_agent.entry(agent.clone()).or_default();
        let (all, own) = if was == "permit" {
            (&mut tried.denied, &mut count.0)
        } else {
            (&mut tried.through, &mut count.1)
        };
        (*all, *own) = (all.saturating_add(one.times), own.saturating_add(one.times));
        if tried.differences.len() < MOST {
            let decided =
                json.get("policy").and_then(|policy| policy.get("decided")).and_then(Json::as_array);
            let decided = decided.unwrap_or_default().iter().filter_map(Json::as_str).map(str::to_owned);
            tried.differences.push(Difference {
                seq: one.seq,
                at: one.at,
                agent,
                action: request.action().to_owned(),
                resource: request.resource().to_owned(),
                was: was.to_owned(),
                would: would.to_owned(),
                policies: if verdict.is_through() { decided.collect() } else { verdict.policies.clone() },
                found: verdict.told().1,
            });
        }
        Ok(())
    }

    /// Who on the path of a chain policies are asked for.
    fn who(
        &self,
        agent: &str,
        chain: &[&str],
        root: &str,
        known: &mut Known,
    ) -> Result<Vec<Principal>, RegistryError> {
        if root != self.did.as_str() {
            return Ok(vec![Principal::of_did(Kind::Foreign, agent)]);
        }
        // A child that an agent made itself acts by more than one path, should two agents share it.
        let acts: Did = agent.parse().map_err(|error| RegistryError::damaged("a receipt", error))?;
        let key = if self.is_own(&acts) { agent.to_owned() } else { chain.join(" ") };
        if let Some(found) = known.by_agent.get(&key) {
            return Ok(found.clone());
        }
        let found = self.store.read(|tx| {
            let mut path = Vec::new();
            match holder::by_did(tx, &self.id, agent) {
                Ok(found) => path.push(found),
                Err(StoreError::NotFound { .. }) => {
                    let links = match known.links.take() {
                        Some(links) => links,
                        None => self.all_links(tx)?,
                    };
                    for holder in chain.iter().filter_map(|digest| links.get(*digest)) {
                        path.push(holder::get(tx, &self.id, holder)?);
                    }
                    known.links = Some(links);
                }
                Err(error) => return Err(error.into()),
            }
            self.principals(tx, &path, &acts)
        })?;
        known.by_agent.insert(key, found.clone());
        Ok(found)
    }

    /// Whose each delegation is, by its digest.
    fn all_links(&self, tx: &mut Tx<'_>) -> Result<HashMap<String, String>, RegistryError> {
        let (mut all, mut after) = (HashMap::new(), String::new());
        loop {
            let links = link::all_after(tx, &self.id, &after, PAGE)?;
            let Some(last) = links.last() else { return Ok(all) };
            after.clone_from(&last.id);
            for link in links {
                all.insert(base64url::encode(&Sha256::digest(&link.secured)), link.holder);
            }
        }
    }
}

/// What was asked for.
fn request(receipt: &Json<'_>) -> Option<Request> {
    let request = receipt.get("request")?;
    let mut facts = Facts::new();
    for (name, value) in request.get("facts")?.as_object()?.iter() {
        facts.insert(name.to_owned(), Value::from_json(value)?);
    }
    let text = |name: &str| request.get(name).and_then(Json::as_str);
    Request::new(text("action")?, text("resource")?, facts).ok()
}

/// How old the oldest status list was, seconds.
fn status_age(receipt: &Json<'_>, at: i64) -> Option<i64> {
    let used = receipt.get("evidence").and_then(Json::as_array).unwrap_or_default();
    let lists = used.iter().filter(|one| one.get("validFrom").is_some());
    let fetched = lists.filter_map(|one| time::parse(one.get("fetchedAt")?.as_str()?, Round::Down));
    fetched.map(|fetched| at.saturating_sub(fetched).max(0)).max()
}
