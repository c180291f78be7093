//! Who asks, and whom policies are bound to.

use core::{fmt, str::FromStr};
use legation_keys::json::Json;
use serde_json::{Value, json};

/// What kind of principal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// An agent of the organization.
    Agent,
    /// Who administers it.
    Admin,
    /// Whoever comes from another organization.
    Foreign,
}

impl Kind {
    /// As the schema has it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Agent => "Agent",
            Self::Admin => "Admin",
            Self::Foreign => "Foreign",
        }
    }
}

/// Somebody on the path of a chain on whom policies are asked. A child that an agent made itself is that agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// What kind.
    pub kind: Kind,
    /// An agent's name; a DID of anybody else.
    pub name: String,
    /// Its DID.
    pub did: String,
    /// The team that it is in.
    pub team: Option<String>,
    /// Its tags, and its team's.
    pub tags: Vec<String>,
}

impl Principal {
    /// An administrator, or whoever else has no more than a DID.
    #[must_use]
    pub fn of_did(kind: Kind, did: &str) -> Self {
        Self { kind, name: did.to_owned(), did: did.to_owned(), team: None, tags: Vec::new() }
    }

    /// As receipts say it.
    #[must_use]
    pub fn to_json(&self) -> Value {
        json!({"did": self.did, "kind": self.kind.name(), "name": self.name, "tags": self.tags, "team": self.team})
    }

    /// As a receipt says it.
    #[must_use]
    pub fn from_json(json: &Json<'_>) -> Option<Self> {
        let text = |name: &str| json.get(name).and_then(Json::as_str);
        let kind = [Kind::Agent, Kind::Admin, Kind::Foreign]
            .into_iter()
            .find(|kind| text("kind") == Some(kind.name()))?;
        let tags = json.get("tags")?.as_array()?.iter().map(|tag| tag.as_str().map(str::to_owned));
        Some(Self {
            kind,
            name: text("name")?.to_owned(),
            did: text("did")?.to_owned(),
            team: text("team").map(str::to_owned),
            tags: tags.collect::<Option<_>>()?,
        })
    }
}

/// Whom a policy is bound to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Target {
    /// Everybody.
    Organization,
    /// The agents of a team.
    Team(String),
    /// The agents that have a tag, or whose team has it.
    Tag(String),
    /// One agent, with all that it delegates to.
    Agent(String),
}

impl Target {
    /// What kind: `organization`, `team`, `tag`, `agent`.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Organization => "organization",
            Self::Team(_) => "team",
            Self::Tag(_) => "tag",
            Self::Agent(_) => "agent",
        }
    }

    /// The name of team, tag or agent; empty of the organization.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Organization => "",
            Self::Team(name) | Self::Tag(name) | Self::Agent(name) => name,
        }
    }

    /// Of its kind and name.
    #[must_use]
    pub fn of(kind: &str, name: &str) -> Option<Self> {
        match (kind, name) {
            ("organization", "") => Some(Self::Organization),
            (_, "") => None,
            ("team", name) => Some(Self::Team(name.to_owned())),
            ("tag", name) => Some(Self::Tag(name.to_owned())),
            ("agent", name) => Some(Self::Agent(name.to_owned())),
            _ => None,
        }
    }

    /// All that a policy on a principal may be bound to.
    pub(crate) fn all_of(principal: &Principal) -> Vec<Self> {
        let mut all = vec![Self::Organization];
        all.extend(principal.team.clone().map(Self::Team));
        all.extend(principal.tags.iter().cloned().map(Self::Tag));
        if principal.kind == Kind::Agent {
            all.push(Self::Agent(principal.name.clone()));
        }
        all
    }
}

/// A text that names nobody whom a policy could be bound to.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is nobody to bind a policy to; write `organization`, `team:NAME`, `tag:NAME` or `agent:NAME`")]
pub struct TargetError(String);

impl FromStr for Target {
    type Err = TargetError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (kind, name) = text.split_once(':').unwrap_or((text, ""));
        Self::of(kind, name)
            .ok_or_else(|| TargetError(text.chars().filter(|one| !one.is_control()).take(80).collect()))
    }
}

impl fmt::Display for Target {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            "" => out.write_str(self.kind()),
            name => write!(out, "{}:{name}", self.kind()),
        }
    }
}
