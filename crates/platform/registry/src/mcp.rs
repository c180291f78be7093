//! MCP servers behind the gateway: whose a session is, and which definitions of their tools were looked at.

use crate::{error::RegistryError, registry::Registry};
use legation_did::Did;
use legation_keys::base64url;
use legation_store::mcp::{self, Tool};
use serde_json::json;
use sha2::{Digest, Sha256};
use std::collections::HashMap;

/// Most tools of one route that are kept.
const MOST_TOOLS: usize = 2000;
/// Most bytes of a definition that is kept. Of a larger one its beginning is.
const MAX_DEFINITION: usize = 64 << 10;

/// The definition of a tool, as its server wrote it in one list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// The tool's name.
    pub name: String,
    /// Its definition in canonical form.
    pub definition: String,
}

impl Listed {
    /// The digest by which it is approved, base64url of the SHA-256.
    #[must_use]
    pub fn digest(&self) -> String {
        base64url::encode(&Sha256::digest(&self.definition))
    }

    fn kept(&self) -> &str {
        let end = self.definition.len().min(MAX_DEFINITION);
        let end = (0..=end).rev().find(|end| self.definition.is_char_boundary(*end)).unwrap_or_default();
        self.definition.get(..end).unwrap_or_default()
    }
}

impl Registry {
    /// Keeps that a session of a route's server is an agent's, and says whether it is: it may be another's already.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn begin_mcp_session(
        &self,
        route: &str,
        session: &str,
        agent: &Did,
        now: i64,
    ) -> Result<bool, RegistryError> {
        let digest = session_digest(route, session);
        let owner =
            self.store.write(|tx| mcp::begin_session(tx, &self.id, (&digest, agent.as_str()), now))?;
        Ok(owner.as_deref() == Some(agent.as_str()))
    }

    /// Whose a session is; `None` where it is nobody's here.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn mcp_session(&self, route: &str, session: &str) -> Result<Option<String>, RegistryError> {
        let digest = session_digest(route, session);
        Ok(self.store.read(|tx| mcp::session(tx, &self.id, &digest))?)
    }

    /// The tools that servers have listed, of all routes.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn mcp_tools(&self) -> Result<Vec<Tool>, RegistryError> {
        Ok(self.store.read(|tx| mcp::tools(tx, &self.id))?)
    }

    /// The tools of a route whose names come after `after`, each with its definition as it was found last, at most so many.
    ///
    /// # Errors
    /// [`RegistryError::Store`]; a route that is not there.
    pub fn mcp_tools_of(
        &self,
        route: &str,
        after: &str,
        most: i64,
    ) -> Result<Vec<(Tool, String)>, RegistryError> {
        self.known_route(route)?;
        Ok(self.store.read(|tx| mcp::defined(tx, (&self.id, route), (after, most)))?)
    }

    /// Keeps what a server says of its tools. One that is new, or is another than it was, is told by an event: what a model
    /// reads there can change what it does.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn mcp_listed(&self, route: &str, listed: &[Listed], now: i64) -> Result<(), RegistryError> {
        self.change(|tx| {
            let known = mcp::tools(tx, &self.id)?.into_iter().filter(|tool| tool.route == route);
            let mut known: HashMap<String, Tool> = known.map(|tool| (tool.name.clone(), tool)).collect();
            let (mut new, mut changed) = (Vec::new(), Vec::new());
            for one in listed {
                let found = one.digest();
                let tool = match known.get(&one.name) {
                    Some(tool) if tool.found == found => continue,
                    Some(tool) => {
                        if !tool.changed {
                            changed.push((one.name.clone(), tool.digest.clone(), found.clone()));
                        }
                        Tool { found, changed: true, at: now, ..tool.clone() }
                    }
                    None if known.len() >= MOST_TOOLS => continue,
                    None => {
                        new.push(one.name.as_str());
                        let (route, name) = (route.to_owned(), one.name.clone());
                        Tool {
                            route,
                            name,
                            digest: found.clone(),
                            found,
                            approved: false,
                            changed: false,
                            at: now,
                        }
                    }
                };
                mcp::put_tool(tx, &self.id, &tool, one.kept())?;
                known.insert(one.name.clone(), tool);
            }
            if !new.is_empty() {
                self.tell(tx, ("mcp.tools_seen", route), &json!({"tools": new}), now)?;
            }
            for (name, before, found) in changed {
                let data = json!({"tool": name, "before": before, "found": found});
                self.tell(tx, ("mcp.tool_changed", route), &data, now)?;
            }
            Ok(())
        })
    }

    /// Approves tools of a route, each by the digest of the definition that was looked at.
    ///
    /// # Errors
    /// [`RegistryError::Value`] where a tool was not listed, or was found with another definition since.
    pub fn approve_mcp_tools(
        &self,
        route: &str,
        approved: &[(String, String)],
        now: i64,
    ) -> Result<(), RegistryError> {
        self.known_route(route)?;
        self.change(|tx| {
            let known =
                mcp::defined(tx, (&self.id, route), ("", i64::try_from(MOST_TOOLS).unwrap_or(i64::MAX)))?;
            for (name, digest) in approved {
                let wrong = |reason: &str| RegistryError::Value {
                    what: "tool",
                    found: name.chars().take(80).collect(),
                    reason: reason.to_owned(),
                };
                let found = known.iter().find(|(tool, _)| tool.name == *name);
                let (tool, definition) = found.ok_or_else(|| wrong("the server has not listed it"))?;
                if tool.found != *digest {
                    return Err(wrong("its server describes it in another way now; look at it again"));
                }
                let tool =
                    Tool { digest: digest.clone(), approved: true, changed: false, at: now, ..tool.clone() };
                mcp::put_tool(tx, &self.id, &tool, definition)?;
            }
            let names: Vec<&str> = approved.iter().map(|(name, _)| name.as_str()).collect();
            self.tell(tx, ("mcp.tools_approved", route), &json!({"tools": names}), now)
        })
    }

    fn known_route(&self, route: &str) -> Result<(), RegistryError> {
        if self.routes()?.iter().any(|known| known.name == route) {
            return Ok(());
        }
        let what = format!("route `{}`", route.chars().take(80).collect::<String>());
        Err(legation_store::StoreError::NotFound { what }.into())
    }
}

/// What a session is kept by: its id opens it, and stays with who has it.
fn session_digest(route: &str, session: &str) -> String {
    base64url::encode(&Sha256::new().chain_update(route).chain_update([0]).chain_update(session).finalize())
}
