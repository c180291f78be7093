//! Teams and agents.

use super::{
    admins::gives_no_more,
    asked::{Asked, listed, unfit},
    endpoint::{AFTER, AT, Endpoint, LIMIT, Member},
    error::ApiError,
    forms, policies, previews, quarantine,
};
use axum::http::Method;
use legation_did::Purpose;
use legation_keys::time;
use legation_registry::{Budget, FIRST_TEAM, Find, Imported, NewAgent, Profile, Shown, profile::ALL_GROUPS};
use legation_store::holder::Kind;
use serde::Deserialize;
use serde_json::{Value, json};

const TEAM: Member = Member { name: "team", kind: "string", about: "Those of this team only." };
const BEGINS: Member = Member { name: "begins", kind: "string", about: "Those whose names begin so." };
const TAG: Member = Member { name: "tag", kind: "string", about: "Those with this tag." };
const CAPABILITY: Member =
    Member { name: "capability", kind: "string", about: "Those with this capability." };
/// How long a team's delegation lives by default, and an agent's: seconds.
const TEAM_LIFE: i64 = 365 * 86_400;
/// Most agents of one import.
const MOST_AGENTS: usize = 256;
/// Longest life of a delegation: ten years, in seconds.
const MAX_LIFE: i64 = 315_576_000;

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint::get(
        ("/v1/teams", "admin:teams.list"),
        "The teams.",
        &[BEGINS, TAG, CAPABILITY, AFTER, LIMIT],
        "Teams",
        |asked| list(asked, Kind::Team),
    ),
    Endpoint::make(
        ("/v1/teams", "admin:teams.add"),
        "Add a team. Without models and actions it may call all models.",
        ("AddTeam", "Holder"),
        add_team,
    ),
    Endpoint::get(("/v1/teams/{name}", "admin:teams.show"), "One team.", &[], "HolderShown", |asked| {
        show(asked, Kind::Team)
    }),
    Endpoint::change(
        Method::PUT,
        ("/v1/teams/{name}", "admin:teams.change"),
        "Write down anew what a team is for and what it may do. What was spent stays spent.",
        (Some("SetHolder"), "Holder"),
        |asked| change(asked, Kind::Team),
    ),
    Endpoint::get(
        ("/v1/teams/{name}/history", "admin:teams.show"),
        "A team as it was at a moment: its state, its profile, its delegation, and whether it held.",
        &[AT],
        "HolderAsOf",
        |asked| as_of(asked, Kind::Team),
    ),
    Endpoint::change(
        Method::POST,
        ("/v1/teams/{name}/suspend", "admin:teams.suspend"),
        "Refuse all agents of a team from their next call on, until it is resumed.",
        (None, "HolderState"),
        |asked| Ok(forms::state(&asked.registry.suspend(Kind::Team, asked.name, asked.now)?)),
    ),
    Endpoint::change(
        Method::POST,
        ("/v1/teams/{name}/resume", "admin:teams.resume"),
        "End the suspension of a team.",
        (None, "HolderState"),
        |asked| Ok(forms::state(&asked.registry.resume(Kind::Team, asked.name, asked.now)?)),
    ),
    Endpoint::change(
        Method::POST,
        ("/v1/teams/{name}/retire", "admin:teams.retire"),
        "End a team for good, and all authority of its agents with it.",
        (None, "HolderState"),
        |asked| Ok(forms::state(&asked.registry.retire(Kind::Team, asked.name, asked.now)?)),
    ),
    Endpoint::get(
        ("/v1/agents", "admin:agents.list"),
        "The agents, or those of a team.",
        &[TEAM, BEGINS, TAG, CAPABILITY, AFTER, LIMIT],
        "Agents",
        |asked| list(asked, Kind::Agent),
    ),
    Endpoint::make(
        ("/v1/agents", "admin:agents.add"),
        "Add an agent, whose key the signer keeps, with a delegation of its team.",
        ("AddAgent", "Holder"),
        add_agent,
    ),
    Endpoint::change(
        Method::POST,
        ("/v1/agent-previews", "admin:agents.preview"),
        "What an agent would be given, by the rules that it is added by. Nothing is made.",
        (Some("AddAgent"), "AgentPreview"),
        previews::preview,
    )
    .reading(),
    Endpoint::change(
        Method::POST,
        ("/v1/agent-imports", "admin:agents.add"),
        "Add agents, whose keys the signer keeps. Each that can't be added is refused by itself; those that are there already stay.",
        (Some("ImportAgents"), "ImportedAgents"),
        import,
    ),
    Endpoint::get(
        ("/v1/agents/{name}", "admin:agents.show"),
        "One agent, what is taken of its budgets, and its keys.",
        &[],
        "HolderShown",
        |asked| show(asked, Kind::Agent),
    ),
    Endpoint::change(
        Method::PUT,
        ("/v1/agents/{name}", "admin:agents.change"),
        "Write down anew what an agent is for and what it may do. What was spent stays spent.",
        (Some("SetHolder"), "Holder"),
        |asked| change(asked, Kind::Agent),
    ),
    Endpoint::get(
        ("/v1/agents/{name}/history", "admin:agents.show"),
        "What an agent could do at a moment: its state, its profile, the delegations on its path, and whether they held.",
        &[AT],
        "HolderAsOf",
        |asked| as_of(asked, Kind::Agent),
    ),
    Endpoint::get(
        ("/v1/agents/{name}/chain", "admin:agents.show"),
        "The delegations from the organization to an agent as they hold now, root first: what an agent that keeps its own key presents.",
        &[],
        "Chain",
        |asked| {
            let did = asked.registry.show(Kind::Agent, asked.name)?.holder.did;
            let chain = asked.registry.chain(Kind::Agent, asked.name)?;
            let document = asked.registry.document(&did)?;
            let keys: Vec<&str> =
                document.usable(Purpose::Authentication, asked.now).map(|(id, _)| id).collect();
            Ok(json!({"agent": asked.name, "did": did, "keys": keys, "chain": chain}))
        },
    ),
    Endpoint::change(
        Method::POST,
        ("/v1/agents/{name}/suspend", "admin:agents.suspend"),
        "Refuse an agent from its next call on, until it is resumed.",
        (None, "HolderState"),
        |asked| Ok(forms::state(&asked.registry.suspend(Kind::Agent, asked.name, asked.now)?)),
    ),
    Endpoint::change(
        Method::POST,
        ("/v1/agents/{name}/resume", "admin:agents.resume"),
        "End the suspension of an agent.",
        (None, "HolderState"),
        |asked| Ok(forms::state(&asked.registry.resume(Kind::Agent, asked.name, asked.now)?)),
    ),
    Endpoint::change(
        Method::POST,
        ("/v1/agents/{name}/retire", "admin:agents.retire"),
        "End an agent for good.",
        (None, "HolderState"),
        |asked| Ok(forms::state(&asked.registry.retire(Kind::Agent, asked.name, asked.now)?)),
    ),
];

/// What a new team or agent is for, and what it may do.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", expecting = "an object")]
pub(super) struct Add {
    pub(super) name: String,
    pub(super) team: Option<String>,
    #[serde(default)]
    purpose: String,
    #[serde(default)]
    owner: String,
    #[serde(default)]
    tags: Vec<String>,
    #[serde(default)]
    capabilities: Vec<String>,
    #[serde(default)]
    models: Vec<String>,
    #[serde(default)]
    actions: Vec<String>,
    #[serde(default)]
    resources: Vec<String>,
    #[serde(default)]
    constraints: Vec<Value>,
    #[serde(default)]
    budgets: Vec<String>,
    #[serde(default)]
    max_depth: u32,
    valid_for: Option<i64>,
    /// Of an agent that keeps its own key: the proof of it.
    pub(super) key_proof: Option<String>,
}

impl Add {
    pub(super) fn profile(self, life: i64) -> Result<Profile, ApiError> {
        let valid_for = self.valid_for.unwrap_or(life);
        if !(1..=MAX_LIFE).contains(&valid_for) {
            let message = format!("`validFor` is {valid_for}; expected seconds from 1 to {MAX_LIFE}");
            return Err(ApiError::bad("value_invalid", message));
        }
        let budgets = self.budgets.iter().map(|text| Budget::parse(text)).collect::<Result<_, _>>()?;
        Ok(Profile {
            purpose: self.purpose,
            owner: self.owner,
            tags: self.tags,
            capabilities: self.capabilities,
            groups: self.models,
            actions: self.actions,
            resources: self.resources,
            grants: Vec::new(),
            constraints: self.constraints,
            budgets,
            until: None,
            raises: Vec::new(),
            max_depth: self.max_depth,
            valid_for,
        })
    }
}

fn add_team(asked: &Asked<'_>) -> Result<Value, ApiError> {
    let add: Add = asked.body()?;
    if add.key_proof.is_some() {
        return Err(ApiError::bad("body_invalid", "the signer keeps a team's key; leave out `keyProof`"));
    }
    if add.team.is_some() {
        return Err(ApiError::bad("body_invalid", "a team has no `team`; leave it out"));
    }
    let name = add.name.clone();
    let mut profile = add.profile(TEAM_LIFE)?;
    // A team bounds its agents; one of which nothing is said bounds them by its budgets alone.
    if profile.groups.is_empty() && profile.actions.is_empty() && profile.resources.is_empty() {
        profile.groups.push(ALL_GROUPS.to_owned());
    }
    gives_no_more(asked, &profile)?;
    asked.registry.add_team(&name, &profile, asked.now)?;
    Ok(forms::holder(&asked.registry.show(Kind::Team, &name)?))
}

fn add_agent(asked: &Asked<'_>) -> Result<Value, ApiError> {
    let add: Add = asked.body()?;
    let (name, team, proof) = (add.name.clone(), add.team.clone(), add.key_proof.clone());
    let team = team.as_deref().unwrap_or(FIRST_TEAM);
    let profile = add.profile(legation_registry::profile::VALID_FOR)?;
    gives_no_more(asked, &profile)?;
    match proof {
        Some(proof) => asked.registry.add_agent_with_key(&name, team, &profile, &proof, asked.now)?,
        None => asked.registry.add_agent(&name, team, &profile, asked.now)?,
    };
    Ok(forms::holder(&asked.registry.show(Kind::Agent, &name)?))
}

fn change(asked: &Asked<'_>, kind: Kind) -> Result<Value, ApiError> {
    let before = asked.registry.show(kind, asked.name)?;
    // Who administers more than oneself is no other's to change.
    gives_no_more(asked, &before.profile)?;
    if !before.profile.grants.is_empty() {
        let message = "what a person lets a program do is that person's to say; take the consent back, or lower the person's ceiling";
        return Err(ApiError::new(409, "wrong_state", message));
    }
    let mut body: Value = asked.body()?;
    match body.as_object_mut() {
        Some(members) if !members.contains_key("name") => {
            members.insert("name".to_owned(), asked.name.into());
        }
        _ => {
            return Err(ApiError::bad(
                "body_invalid",
                "expected an object without `name`, which stands in the path",
            ));
        }
    }
    let add: Add = serde_json::from_value(body).map_err(|error| unfit("the body", &error))?;
    if add.key_proof.is_some() {
        return Err(ApiError::bad(
            "body_invalid",
            "a key is brought when an agent is added; leave out `keyProof`",
        ));
    }
    if add.team.is_some() && add.team != before.parent {
        let message = "an agent stays in its team, whose budget it has spent of; add another one there";
        return Err(ApiError::new(409, "wrong_state", message));
    }
    let mut profile = add.profile(before.profile.valid_for)?;
    if kind == Kind::Team && profile.groups.is_empty() && profile.actions.is_empty() {
        profile.groups.push(ALL_GROUPS.to_owned());
    }
    gives_no_more(asked, &profile)?;
    asked.registry.set_profile((kind, asked.name), &profile, asked.now)?;
    Ok(forms::holder(&asked.registry.show(kind, asked.name)?))
}

/// Agents to add. Each is read by itself, so that one that is none keeps no other from being added.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object")]
struct Import {
    agents: Vec<Value>,
}

fn import(asked: &Asked<'_>) -> Result<Value, ApiError> {
    let Import { agents } = asked.body()?;
    if agents.len() > MOST_AGENTS {
        let message = format!("there are {} agents; import {MOST_AGENTS} at a time", agents.len());
        return Err(ApiError::bad("body_invalid", message));
    }
    let name = |agent: &Value| agent.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
    let names: Vec<String> = agents.iter().map(name).collect();
    let new = |agent: Value| {
        let add: Add = serde_json::from_value(agent).map_err(|error| unfit("the agent", &error))?;
        if add.key_proof.is_some() {
            return Err(ApiError::bad("body_invalid", "who brings its key is added by itself"));
        }
        let (name, team) = (add.name.clone(), add.team.clone().unwrap_or_else(|| FIRST_TEAM.to_owned()));
        let profile = add.profile(legation_registry::profile::VALID_FOR)?;
        gives_no_more(asked, &profile)?;
        Ok(NewAgent { name, team, profile })
    };
    let read: Vec<Result<NewAgent, ApiError>> = agents.into_iter().map(new).collect();
    let good: Vec<NewAgent> = read.iter().filter_map(|one| one.as_ref().ok().cloned()).collect();
    let mut done = asked.registry.import_agents(&good, asked.now)?.into_iter();
    let result = |(name, read): (String, Result<NewAgent, ApiError>)| {
        let outcome = read.map(|_| done.next());
        let refused = |error: ApiError| json!({"name": name, "result": "refused", "code": error.code, "message": error.message});
        match outcome {
            Ok(Some(Imported::Added(holder))) => json!({"name": name, "result": "added", "did": holder.did}),
            Ok(Some(Imported::There(holder))) => json!({"name": name, "result": "there", "did": holder.did}),
            Ok(Some(Imported::Refused(error))) => refused(error.into()),
            Ok(None) => refused(ApiError::bad("internal", "it was not reached")),
            Err(error) => refused(error),
        }
    };
    let agents: Vec<Value> = names.into_iter().zip(read).map(result).collect();
    Ok(json!({ "agents": agents }))
}

fn list(asked: &Asked<'_>, kind: Kind) -> Result<Value, ApiError> {
    let page = asked.page()?;
    let query = |name: &str| asked.query(name);
    let by = Find {
        begins: query("begins").unwrap_or_default(),
        tag: query("tag"),
        capability: query("capability"),
    };
    let many = [query("team"), by.tag, by.capability].into_iter().flatten().count();
    if many > 1 || query("team").is_some() && !by.begins.is_empty() {
        let message = "look for a team, a tag or a capability, one at a time; but for a team's, names may begin so, too";
        return Err(ApiError::bad("query_invalid", message));
    }
    let found = match query("team") {
        // A team that is not there has no agents, and is told as missing.
        Some(team) => asked.registry.list_of_team(team, &page.after, page.most)?,
        None => asked.registry.find(kind, by, &page.after, page.most)?,
    };
    let next = found.last().map(|last| json!(last.holder.name));
    let name = if kind == Kind::Team { "teams" } else { "agents" };
    Ok(listed(name, found.iter().map(forms::holder).collect(), next, page.most))
}

fn as_of(asked: &Asked<'_>, kind: Kind) -> Result<Value, ApiError> {
    let at = asked.moment("at")?.unwrap_or(asked.now);
    let past = asked.registry.as_of(kind, asked.name, at)?;
    forms::as_of(&past, at)
}

fn show(asked: &Asked<'_>, kind: Kind) -> Result<Value, ApiError> {
    let Asked { registry, name, now, .. } = *asked;
    let shown: Shown = registry.show(kind, name)?;
    let budgets = registry.budgets(kind, name, now)?.into_iter().next();
    let budgets: Vec<Value> = budgets.iter().flat_map(|own| &own.budgets).map(forms::taken).collect();
    let policies: Vec<Value> = registry.policies_of(kind, name)?.iter().map(policies::binding).collect();
    let more = [("budgets", budgets.into()), ("policies", policies.into())];
    let json = forms::with(forms::holder(&shown), &more);
    if kind != Kind::Agent {
        return Ok(json);
    }
    let keys = registry.list_keys(Some(name))?;
    let keys: Vec<Value> = keys.iter().map(|(agent, key)| forms::key(agent, key, now)).collect();
    let shadow = registry.shadows(now)?.remove(&shown.holder.did);
    let shadow = shadow.map_or(Value::Null, |one| json!(time::format(one.until)));
    let held = registry.quarantine_of(name)?.map_or(Value::Null, |one| quarantine::quarantined(&one));
    Ok(forms::with(json, &[("keys", keys.into()), ("shadow", shadow), ("quarantine", held)]))
}
