//! `legation log replay`.

use super::{
    policies::{Again, Policies},
    prices::Prices,
    source::{Own, attachments, each, folder},
};
use crate::{
    args::ReplayArgs,
    organization::data_dir::{DataDir, failed},
    output::{Failure, Output},
};
use legation_log::{
    entry::{self, Kind},
    replay::{
        Chain, Replay, Replayed,
        attached::{Attached, Named},
    },
};
use serde_json::{Value, json};

/// Most differences that are told; what comes after is counted.
const MOST: usize = 100;

#[derive(Default)]
struct Sums {
    same: u64,
    erased: u64,
    beyond: u64,
    different: u64,
    verified: u64,
    unverified: u64,
    priced: u64,
    by_policies: u64,
    policies_missing: u64,
    told: Vec<Value>,
}

pub(crate) fn run(args: &ReplayArgs) -> Result<Output, Failure> {
    let (mut attached, mut prices, mut policies) =
        (Attached::default(), Prices::default(), Policies::default());
    let mut take = |one: &Value| {
        attached.add(one);
        prices.attached(one);
        policies.attached(one);
    };
    match &args.file {
        Some(file) => attachments(file, &mut take)?,
        None => {
            let mut named = Named::default();
            each(None, &args.of, &mut |index, leaf, _| {
                if let Ok((_, entry)) = entry::read(index, leaf) {
                    named.add(&entry);
                }
                Ok(())
            })?;
            let own = Own::open(&DataDir::of(&args.of.data), &folder(&args.of)?)?;
            own.registry.evidence(&named).map_err(|error| failed(&error))?.iter().for_each(take);
        }
    }
    let (mut replay, mut sums) = (Replay::new(attached), Sums::default());
    each(args.file.as_deref(), &args.of, &mut |index, leaf, shown| {
        let Some(head) = entry::head(leaf).filter(|head| args.at.is_none_or(|at| head.at <= at)) else {
            return Ok(());
        };
        let shown = if head.kind == Kind::Receipt { shown()? } else { Vec::new() };
        let replayed = replay.entry(index, leaf, &shown);
        let (replayed, chain) =
            replayed.map_err(|error| Failure::invalid("entry_malformed", error.to_string()))?;
        match head.kind {
            Kind::Receipt => {
                prices.permit(head.seq, leaf, &shown);
                let asked = if replayed == Replayed::Same { policies.again(leaf, &shown) } else { None };
                let replayed = sums.policies(replayed, asked);
                sums.add(index, head.seq, replayed, chain);
            }
            Kind::Settlement => {
                if let Some(replayed) = prices.settlement(head.of.unwrap_or_default(), leaf) {
                    sums.price(index, head.seq, replayed);
                }
            }
            Kind::Event => prices.event(leaf),
            Kind::Count => {}
        }
        Ok(())
    })?;
    Ok(sums.told())
}

impl Sums {
    fn add(&mut self, index: u64, seq: i64, replayed: Replayed, chain: Option<Chain>) {
        match chain {
            Some(Chain::Verified) => self.verified = self.verified.saturating_add(1),
            Some(Chain::Missing) => self.unverified = self.unverified.saturating_add(1),
            None => {}
        }
        let count = match replayed {
            Replayed::Same => &mut self.same,
            Replayed::Erased => &mut self.erased,
            Replayed::Beyond => &mut self.beyond,
            Replayed::Different { recorded, now } => return self.differs(index, seq, &recorded, &now),
        };
        *count = count.saturating_add(1);
    }

    /// What a decision comes to where policies were asked again.
    fn policies(&mut self, replayed: Replayed, asked: Option<Again>) -> Replayed {
        match asked {
            Some(Again::Decided(different @ Replayed::Different { .. })) => return different,
            Some(Again::Decided(_)) => self.by_policies = self.by_policies.saturating_add(1),
            Some(Again::Missing) => self.policies_missing = self.policies_missing.saturating_add(1),
            None => {}
        }
        replayed
    }

    fn price(&mut self, index: u64, seq: i64, replayed: Replayed) {
        match replayed {
            Replayed::Different { recorded, now } => self.differs(index, seq, &recorded, &now),
            _ => self.priced = self.priced.saturating_add(1),
        }
    }

    fn differs(&mut self, index: u64, seq: i64, recorded: &str, now: &str) {
        self.different = self.different.saturating_add(1);
        if self.told.len() < MOST {
            self.told.push(json!({"index": index, "seq": seq, "recorded": recorded, "now": now}));
        }
    }

    fn told(self) -> Output {
        let Self {
            same,
            erased,
            beyond,
            different,
            verified,
            unverified,
            priced,
            by_policies,
            policies_missing,
            told,
        } = self;
        let mut text = format!(
            "{same} decided the same again, {different} differently, {erased} erased or not shown, {beyond} that rest on more than \
             is recorded\n{verified} by delegations, documents and status lists as they were; of {unverified} some of these are \
             missing\n{by_policies} by the policies that were bound; of {policies_missing} these are missing\n{priced} costs counted again by \
             their prices\n"
        );
        for one in &told {
            let text_of = |name: &str| one.get(name).map(ToString::to_string).unwrap_or_default();
            text.push_str(&format!(
                "receipt {}: recorded {}, now {}\n",
                text_of("seq"),
                text_of("recorded"),
                text_of("now")
            ));
        }
        let json = json!({
            "same": same, "different": different, "erased": erased, "beyond": beyond, "verified": verified,
            "unverified": unverified, "priced": priced, "policies": by_policies,
            "policiesMissing": policies_missing, "differences": told,
        });
        Output { exit: u8::from(different > 0), ..Output::done(json, text) }
    }
}
