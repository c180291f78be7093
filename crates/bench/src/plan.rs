//! What a chain is made of.

use crate::AUDIENCE;
use legation_did::Did;
use legation_keys::Algorithm;

/// What a chain is made of; [`Plan::ordinary`] and what is to differ from it.
#[derive(Clone, Debug)]
pub struct Plan {
    /// What each link confers, root first, as JSON. There are as many links.
    pub authorities: Vec<String>,
    /// The most that the root may confer here, as JSON.
    pub ceiling: String,
    /// By what all sign.
    pub algorithm: Algorithm,
    /// The URL of the list in which each link has its status; `None` for links that can't be revoked.
    pub status: Option<String>,
    /// Bytes by which the id of each link is longer than it must be; `None` for links without an id.
    pub padding: Option<usize>,
    /// The did:web of the principal; `None` for a did:key.
    pub organization: Option<Did>,
    /// Which principal it starts from.
    pub principal: u64,
    /// Which agents follow.
    pub agents: u64,
}

impl Plan {
    /// So many links that allow payments up to an amount, a total and a rate, to one verifier, each link a
    /// cent less than the one before it. After the root a link says what it narrows; what it leaves out stays
    /// inherited, as `legation delegate` has it.
    #[must_use]
    pub fn ordinary(links: u8) -> Self {
        let narrower = |most: i64| {
            format!(
                r#"{{"grants": [{{"actions": ["mcp:tools/call:payments.*", "a2a:skill:book"],
                                "resources": ["https://shop.example/api/*"]}}],
                    "constraints": [{{"type": "spend", "currency": "USD", "perAction": {most},
                                     "actions": ["mcp:tools/call:payments.*"]}}]}}"#
            )
        };
        let rest = (1..i64::from(links)).map(|index| narrower(5000 - index));
        Self {
            authorities: [authority(5000)].into_iter().chain(rest).collect(),
            ceiling: authority(10_000),
            algorithm: Algorithm::EdDsa,
            status: None,
            padding: None,
            organization: None,
            principal: 0,
            agents: 0,
        }
    }

    /// The same with an id in each link, and all limits said again in each.
    #[must_use]
    pub fn full(links: u8) -> Self {
        Self {
            authorities: (0..i64::from(links)).map(|index| authority(5000 - index)).collect(),
            padding: Some(0),
            ..Self::ordinary(links)
        }
    }

    /// So many links, each with so many constraints beside its audience, all on other arguments.
    #[must_use]
    pub fn constrained(links: u8, constraints: usize) -> Self {
        let one =
            |index: usize| format!(r#"{{"type": "argument", "name": "a{index}", "oneOf": ["x", "y"]}}"#);
        let all: Vec<String> = (0..constraints).map(one).collect();
        let grants =
            r#"[{"actions": ["mcp:tools/call:payments.*"], "resources": ["https://shop.example/api/*"]}]"#;
        let authority = format!(r#"{{"grants": {grants}, "constraints": [{}]}}"#, all.join(", "));
        let ceiling = format!(r#"{{"grants": {grants}}}"#);
        Self { authorities: vec![authority; links.into()], ceiling, ..Self::ordinary(links) }
    }

    /// So many links, each with so many resources of some eighty bytes.
    #[must_use]
    pub fn wide(links: u8, resources: usize) -> Self {
        let one =
            |index: usize| format!(r#""https://shop.example/api/{}/{index:03}/*""#, "folder/".repeat(7));
        let all: Vec<String> = (0..resources).map(one).collect();
        let authority = format!(
            r#"{{"grants": [{{"actions": ["mcp:tools/call:payments.*"], "resources": [{}]}}]}}"#,
            all.join(", ")
        );
        Self {
            ceiling: authority.clone(),
            authorities: vec![authority; links.into()],
            ..Self::ordinary(links)
        }
    }
}

/// An ordinary authority, as JSON: payments of at most so many cents each.
#[must_use]
pub fn authority(per_action: i64) -> String {
    format!(
        r#"{{"grants": [{{"actions": ["mcp:tools/call:payments.*", "a2a:skill:book"],
                        "resources": ["https://shop.example/api/*"]}}],
            "constraints": [
                {{"type": "spend", "currency": "USD", "perAction": {per_action},
                  "window": {{"seconds": 2592000, "amount": 20000}}, "actions": ["mcp:tools/call:payments.*"]}},
                {{"type": "rate", "seconds": 60, "max": 60}},
                {{"type": "audience", "allow": ["{AUDIENCE}"]}}]}}"#
    )
}
