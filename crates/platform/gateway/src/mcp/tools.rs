//! Definitions of tools: one that is new or has changed is kept and told. What follows from it is for constraints and policies,
//! by the fact `mcp.definition`.

use crate::{
    decide::Undecided,
    gateway::{Gateway, now},
    models::Configured,
    refused::Refused,
};
use legation_mcp::reply::Reply;
use legation_registry::mcp::Listed;
use std::sync::Arc;

/// What is known of one that its server describes in another way than the one that was looked at.
pub(crate) const CHANGED: &str = "changed";

/// What is known of the definition of a tool: `approved`, `seen` (listed, and the same since), `changed` since, or `unlisted`.
pub(super) fn definition_of(configured: &Configured, route: &str, tool: &str) -> &'static str {
    match configured.tool(route, tool) {
        None => "unlisted",
        Some(tool) if tool.changed => CHANGED,
        Some(tool) if tool.approved => "approved",
        Some(_) => "seen",
    }
}

impl Gateway {
    /// Keeps what a server says of its tools, where that is not known already. Until it is kept, nothing of the list goes on.
    pub(super) async fn listed(self: &Arc<Self>, route: &str, reply: &Reply<'_>) -> Result<(), Refused> {
        let listed: Vec<Listed> =
            reply.definitions().into_iter().map(|(name, definition)| Listed { name, definition }).collect();
        let epoch = self.epoch().await?;
        let is_known = match self.configured_at(epoch).await {
            Ok(configured) => listed
                .iter()
                .all(|one| configured.tool(route, &one.name).is_some_and(|tool| tool.found == one.digest())),
            Err(Undecided::Changed) => false,
            Err(Undecided::Refused(refused)) => return Err(refused),
        };
        if is_known {
            return Ok(());
        }
        let (gateway, route) = (Arc::clone(self), route.to_owned());
        let kept = self.blocking(move || gateway.registry.mcp_listed(&route, &listed, now())).await;
        kept.and_then(|kept| kept).map_err(|error| Refused::of_registry(&error))
    }
}
