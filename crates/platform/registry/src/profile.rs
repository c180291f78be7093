//! What a team or an agent is for, and what it may do: what is written down of it, and the authority that follows.

use crate::{Budget, error::RegistryError};
use legation_credential::Authority;
use legation_mcp::connecting::{with_arguments, with_connecting};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// The group that stands for all models.
pub const ALL_GROUPS: &str = "*";
/// How long a delegation lives by default: 30 days, in seconds. It is renewed long before.
pub const VALID_FOR: i64 = 30 * 86_400;

/// What is written down of a holder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Profile {
    /// What it is for, for people.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub purpose: String,
    /// Who answers for it, for people.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub owner: String,
    /// What it is found by: 1 to 64 bytes each, 64 at most.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// What it can do, for those who look for one, bounded as tags are. It grants nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub capabilities: Vec<String>,
    /// Groups of models that it may call; [`ALL_GROUPS`] is all of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
    /// Further actions, on `resources`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub actions: Vec<String>,
    /// What the actions are on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub resources: Vec<String>,
    /// Further grants, as a delegation writes them: what a person lets a program do ([`crate::consents`]).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub grants: Vec<Value>,
    /// Further constraints, as a delegation writes them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub constraints: Vec<Value>,
    /// What it may spend.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub budgets: Vec<Budget>,
    /// Budgets that stand in place of some of those for a while.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub raises: Vec<Raise>,
    /// How many further links it may make.
    #[serde(default)]
    pub max_depth: u32,
    /// How long each of its delegations lives, seconds.
    pub valid_for: i64,
    /// From when on it has none any more, Unix seconds: a session of an admin.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<i64>,
}

/// Most tags, and most bytes of one.
const MOST_TAGS: usize = 64;

/// How the store has a tag, and a capability.
pub(crate) fn tag_name(tag: &str) -> String {
    format!("tag:{tag}")
}

pub(crate) fn capability_name(capability: &str) -> String {
    format!("capability:{capability}")
}

/// A budget that stands for a while in place of the one of its currency and window.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Raise {
    /// The budget.
    pub budget: Budget,
    /// From when on it no longer does, Unix seconds.
    pub until: i64,
}

impl Default for Profile {
    fn default() -> Self {
        Self {
            purpose: String::new(),
            owner: String::new(),
            tags: Vec::new(),
            capabilities: Vec::new(),
            groups: Vec::new(),
            actions: Vec::new(),
            resources: Vec::new(),
            grants: Vec::new(),
            constraints: Vec::new(),
            budgets: Vec::new(),
            raises: Vec::new(),
            max_depth: 0,
            valid_for: VALID_FOR,
            until: None,
        }
    }
}

impl Profile {
    /// The same as it holds at a moment (Unix seconds): raises that have ended are away.
    pub(crate) fn at(mut self, moment: i64) -> Self {
        self.raises.retain(|raise| moment < raise.until);
        self
    }

    /// What a holder of this is found by, as the store has it.
    ///
    /// # Errors
    /// [`RegistryError::Value`].
    pub(crate) fn found_by(&self) -> Result<Vec<String>, RegistryError> {
        for (what, list) in [("tag", &self.tags), ("capability", &self.capabilities)] {
            if list.len() > MOST_TAGS {
                let reason = format!("there are {}; give {MOST_TAGS} at most", list.len());
                return Err(RegistryError::Value { what, found: "…".to_owned(), reason });
            }
            let fits = |text: &str| (1..=MOST_TAGS).contains(&text.len()) && !text.contains(char::is_control);
            if let Some(found) = list.iter().find(|text| !fits(text)) {
                let found: String = found.chars().filter(|one| !one.is_control()).take(MOST_TAGS).collect();
                let reason = format!("write 1 to {MOST_TAGS} bytes, without control characters");
                return Err(RegistryError::Value { what, found, reason });
            }
        }
        let tags = self.tags.iter().map(|tag| tag_name(tag));
        Ok(tags.chain(self.capabilities.iter().map(|one| capability_name(one))).collect())
    }

    /// The budgets that hold: those that are raised for a while as they are raised, each with until when.
    pub fn effective(&self) -> impl Iterator<Item = (&Budget, Option<i64>)> {
        self.budgets.iter().map(|budget| {
            let raise = self.raises.iter().find(|raise| raise.budget.stands_for(budget));
            raise.map_or((budget, None), |raise| (&raise.budget, Some(raise.until)))
        })
    }

    /// When the first of its raises ends, or it itself, Unix seconds.
    pub(crate) fn lowered(&self) -> Option<i64> {
        self.raises.iter().map(|raise| raise.until).chain(self.until).min()
    }

    /// The authority that it is delegated, at an organization whose host this is.
    ///
    /// # Errors
    /// [`RegistryError::Authority`]; [`RegistryError::NothingGranted`]; [`RegistryError::Value`] where a group is none, or an action has no
    /// resource.
    pub fn authority(&self, host: &str) -> Result<Authority, RegistryError> {
        let mut grants = self.grants.clone();
        if !self.groups.is_empty() {
            let resources: Vec<String> =
                self.groups.iter().map(|group| group_pattern(host, group)).collect::<Result<_, _>>()?;
            grants.push(json!({"actions": ["model:*"], "resources": resources}));
        }
        if self.actions.is_empty() != self.resources.is_empty() {
            let (given, missing) =
                if self.actions.is_empty() { ("resource", "action") } else { ("action", "resource") };
            let found = self.actions.iter().chain(&self.resources).next().cloned().unwrap_or_default();
            let reason = format!("give at least one {missing} with it");
            return Err(RegistryError::Value { what: given, found, reason });
        }
        if !self.actions.is_empty() {
            let mut actions = self.actions.clone();
            // A client of MCP says hello and asks for lists before it calls anything; one of A2A asks how its tasks stand.
            with_connecting(&mut actions);
            grants.push(json!({"actions": actions, "resources": self.resources}));
        }
        if grants.is_empty() {
            return Err(RegistryError::NothingGranted);
        }
        let budgets = self.effective().map(|(budget, _)| budget.constraint());
        let constraints: Vec<Value> =
            budgets.chain(self.constraints.iter().map(|one| self.bound(one))).collect();
        let mut authority = json!({ "grants": grants });
        if !constraints.is_empty()
            && let Some(members) = authority.as_object_mut()
        {
            members.insert("constraints".to_owned(), constraints.into());
        }
        Ok(Authority::parse(&authority.to_string())?)
    }

    /// A constraint as it is delegated. One on an argument that names no action binds those of the profile that have arguments:
    /// what a client of MCP connects by, or one of A2A follows its tasks by, has none, and would be denied for want of them.
    fn bound(&self, constraint: &Value) -> Value {
        let mut constraint = constraint.clone();
        let has_such = ["mcp:", "a2a:"];
        let is_of_such = |action: &String| has_such.iter().any(|family| action.starts_with(family));
        let is_of_messages = self.actions.iter().any(is_of_such);
        let names_none = constraint.get("type").and_then(Value::as_str) == Some("argument")
            && constraint.get("actions").is_none();
        if let (true, true, Some(members)) = (is_of_messages, names_none, constraint.as_object_mut()) {
            let models = (!self.groups.is_empty()).then(|| "model:*".to_owned());
            let actions: Vec<String> = with_arguments(&self.actions).chain(models).collect();
            members.insert("actions".to_owned(), actions.into());
        }
        constraint
    }

    pub(crate) fn read(text: &str, name: &str) -> Result<Self, RegistryError> {
        serde_json::from_str(text).map_err(|error| RegistryError::damaged(name, error))
    }

    pub(crate) fn write(&self) -> Result<String, RegistryError> {
        serde_json::to_string(self).map_err(|error| RegistryError::damaged("a profile", error))
    }
}

pub(crate) fn group_pattern(host: &str, group: &str) -> Result<String, RegistryError> {
    if group == ALL_GROUPS {
        return Ok(format!("https://{host}/models/*"));
    }
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte);
    if group.is_empty() || group.starts_with(['.', '_', '-']) || !group.bytes().all(fits) {
        let reason =
            "write `a`-`z`, `0`-`9`, `.`, `_`, `-`, the first a letter or digit, or `*` for all".to_owned();
        return Err(RegistryError::Value { what: "group of models", found: group.to_owned(), reason });
    }
    Ok(format!("https://{host}/models/{group}/*"))
}
