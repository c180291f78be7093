//! Who may do what: each mandate once, as the words of the story and as an authority.

use super::{site::Site, world::Party};
use crate::output::Failure;
use legation_credential::Authority;
use serde_json::{Value, json};

const DAY: i64 = 86_400;

/// What one party lets another do at the shop. What it leaves out stays as it was inherited.
pub(super) struct Mandate {
    /// Which actions.
    pub(super) actions: &'static str,
    /// On which paths of the shop.
    pub(super) paths: &'static str,
    /// Most cents of one order.
    pub(super) per_order: i64,
    /// So many days, and most cents in them.
    pub(super) total: Option<(i64, i64)>,
    /// Most calls in a minute.
    pub(super) per_minute: Option<i64>,
    /// Only at the shop.
    pub(super) at_shop_only: bool,
    /// Where goods may be sent.
    pub(super) deliver_to: &'static [&'static str],
    /// How often it may be passed on.
    pub(super) max_depth: u32,
}

const NONE: Mandate = Mandate {
    actions: "shop:orders.*",
    paths: "/api/orders/*",
    per_order: 0,
    total: None,
    per_minute: None,
    at_shop_only: false,
    deliver_to: &[],
    max_depth: 0,
};

/// The most that anybody may do at the shop in Acme's name, whatever Acme signs.
pub(super) const CEILING: Mandate = Mandate { per_order: 100_000, total: Some((1, 500_000)), ..NONE };

/// Acme → Planner.
pub(super) const PLANNER: Mandate = Mandate {
    per_order: 50_000,
    total: Some((7, 100_000)),
    per_minute: Some(60),
    at_shop_only: true,
    max_depth: 2,
    ..NONE
};

/// Planner → Buyer.
pub(super) const BUYER: Mandate = Mandate {
    actions: "shop:orders.place",
    per_order: 20_000,
    total: Some((1, 30_000)),
    deliver_to: &["berlin", "lisbon"],
    max_depth: 1,
    ..NONE
};

/// Buyer → Clerk.
pub(super) const CLERK: Mandate = Mandate {
    actions: "shop:orders.place",
    paths: "/api/orders/office/*",
    per_order: 10_000,
    deliver_to: &["berlin"],
    ..NONE
};

impl Mandate {
    /// The mandate as an authority on the goods of a shop, which stand on a site.
    pub(super) fn authority(&self, shop: &Party, site: &Site) -> Result<Authority, Failure> {
        let mut spend = json!({"type": "spend", "currency": "USD", "perAction": self.per_order});
        if let (Some((days, amount)), Some(spend)) = (self.total, spend.as_object_mut()) {
            spend.insert("window".to_owned(), json!({"seconds": days * DAY, "amount": amount}));
        }
        let mut constraints = vec![spend];
        if let Some(most) = self.per_minute {
            constraints.push(json!({"type": "rate", "seconds": 60, "max": most}));
        }
        if self.at_shop_only {
            constraints.push(json!({"type": "audience", "allow": [shop.did.as_str()]}));
        }
        if !self.deliver_to.is_empty() {
            constraints.push(json!({"type": "argument", "name": "deliverTo", "oneOf": self.deliver_to}));
        }
        let resource = format!("{}{}", site.origin, self.paths);
        let grants = json!([{"actions": [self.actions], "resources": [resource]}]);
        let authority: Value = json!({"grants": grants, "constraints": constraints});
        Authority::parse(&authority.to_string())
            .map_err(|error| Failure::invalid(error.code(), error.to_string()))
    }

    /// The mandate in words.
    pub(super) fn words(&self) -> String {
        let mut parts = vec![self.paths.to_owned(), format!("{} an order", dollars(self.per_order))];
        match self.total {
            Some((1, amount)) => parts.push(format!("{} a day", dollars(amount))),
            Some((7, amount)) => parts.push(format!("{} a week", dollars(amount))),
            Some((days, amount)) => parts.push(format!("{} in {days} days", dollars(amount))),
            None => {}
        }
        if let Some(most) = self.per_minute {
            parts.push(format!("{most} a minute"));
        }
        if self.at_shop_only {
            parts.push("only at Shop".to_owned());
        }
        if !self.deliver_to.is_empty() {
            parts.push(format!("to {}", self.deliver_to.join(" or ")));
        }
        parts.join(", ")
    }
}

/// Cents as people write them.
pub(super) fn dollars(cents: i64) -> String {
    let whole = cents / 100;
    let whole =
        if whole < 1000 { whole.to_string() } else { format!("{},{:03}", whole / 1000, whole % 1000) };
    match cents % 100 {
        0 => format!("${whole}"),
        cents => format!("${whole}.{cents:02}"),
    }
}
