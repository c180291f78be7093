//! Settling: what a call really cost, by what its provider says.

use crate::{
    access,
    decide::Identified,
    gateway::{Gateway, now},
    openai::{Usage, UsageError},
    record,
};
use legation_credential::Request;
use legation_registry::model::Model;
use legation_store::{Done, NewReceipt, Settle};
use legation_verifier::{
    Actual, Committed, Settled, VerifiedChain,
    receipt::{Settlement, Told},
};
use std::sync::{Arc, OnceLock};

/// What has to be settled.
#[derive(Debug)]
pub(crate) struct Open {
    pub(crate) done: Done<Committed>,
    pub(crate) chain: Arc<VerifiedChain>,
    pub(crate) told: Arc<OnceLock<Told>>,
}

impl Open {
    pub(crate) fn of(done: Done<Committed>, caller: Identified) -> Self {
        Self { done, chain: caller.chain, told: caller.told }
    }
}

/// What of a request of a service flowed through unread.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Passed {
    /// Bytes to the service.
    pub(crate) sent: u64,
    /// Bytes from it.
    pub(crate) received: u64,
    /// Why it ended early; empty where it did not.
    pub(crate) code: String,
}

/// What a call came to.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Outcome {
    /// The provider says what it took.
    Used(Usage),
    /// Nothing was sent, or the provider refused it: it cost nothing.
    Nothing,
    /// The provider refused it, and may charge the prompt all the same: so many tokens at most.
    Prompt(u64),
    /// Nobody knows. It stays as it was reserved.
    Unknown(&'static str),
}

impl Outcome {
    /// By what an answer says, or why it says nothing.
    pub(crate) fn of(usage: Result<Usage, UsageError>) -> Self {
        match usage {
            Ok(usage) => Self::Used(usage),
            Err(error) => Self::Unknown(error.code()),
        }
    }
}

impl Gateway {
    /// Settles a call that was served by the target of an index, if by any. It is asked for before the answer goes out, so that what the same caller asks next finds it done,
    /// and nobody waits for it.
    pub(crate) fn settle(self: &Arc<Self>, open: Open, of: (&Model, Option<usize>), outcome: &Outcome) {
        let (settlement, code) = self.settlement(open, of, outcome);
        let will_be = self.store.settle_later(settlement);
        self.count_settled(will_be, code);
    }

    /// The same, where somebody waits for it.
    pub(crate) async fn settle_now(
        self: &Arc<Self>,
        open: Open,
        of: (&Model, Option<usize>),
        outcome: &Outcome,
    ) {
        let (settlement, code) = self.settlement(open, of, outcome);
        let is_done = self.store.settle(settlement).await.is_ok();
        self.count_settled(is_done, code);
    }

    fn count_settled(&self, is_done: bool, code: &'static str) {
        self.counts.add(match code {
            _ if !is_done => "not_settled",
            "" => "settled",
            code => code,
        });
    }

    /// A settlement, and its code.
    fn settlement(
        self: &Arc<Self>,
        open: Open,
        (model, target): (&Model, Option<usize>),
        outcome: &Outcome,
    ) -> (Settle, &'static str) {
        let Open { done, chain, told } = open;
        let price = model.price_at(target);
        let own =
            target.filter(|index| model.targets.get(*index).is_some_and(|target| target.price.is_some()));
        let request: Request = done.outcome.request().clone();
        let (actual, code) = match outcome {
            Outcome::Nothing => (cost(0, 0), ""),
            Outcome::Unknown(code) => (Actual::default(), *code),
            Outcome::Prompt(tokens) => match price.and_then(|price| price.at_most(*tokens, 0)) {
                Some(micros) => (cost(micros, *tokens), "refused_by_provider"),
                None => (Actual::default(), "usage_out_of_range"),
            },
            Outcome::Used(usage) => match price.and_then(|price| price.cost(usage)) {
                Some(micros) => (used(micros, usage, own), ""),
                // More than can be counted: what was reserved stays, and that is told.
                None => (Actual::default(), "usage_out_of_range"),
            },
        };
        let usage = if let Outcome::Used(usage) = outcome { Some(*usage) } else { None };
        access::settled(actual.amount, usage);
        // Until its receipt was written.
        let span = tracing::info_span!("settle", legation.code = code);
        let (of, digest, name, now) = (done.receipt, done.digest, model.name.clone(), now());
        let (gateway, cost) = (Arc::clone(self), actual.clone());
        let settlement = Settle {
            organization: Arc::clone(&self.organization),
            committed: done.outcome,
            actual,
            now,
            receipt: Box::new(move |settled: &Settled| {
                let _span = span;
                let code = if settled.over.is_empty() { code } else { "over_reserved" };
                if !settled.over.is_empty() {
                    gateway.close(name);
                }
                let currency = record::currency(&request);
                let settlement = Settlement {
                    of: digest,
                    code,
                    actual: &cost,
                    currency: currency.as_deref(),
                    settled,
                    at: now,
                };
                let told = told.get_or_init(|| Told::of(chain));
                let receipt =
                    record::of_settlement((of, &settlement), told, &request, gateway.verifier.trust());
                NewReceipt { holder: gateway.holder_apart(told.chain()), ..receipt }
            }),
        };
        (settlement, code)
    }

    /// Records what of a request flowed through unread, by its bytes. It costs nothing that was not taken before.
    pub(crate) fn settle_passed(self: &Arc<Self>, open: Open, passed: Passed) {
        let Open { done, chain, told } = open;
        let (of, digest, now) = (done.receipt, done.digest, now());
        let (gateway, request) = (Arc::clone(self), done.outcome.request().clone());
        let facts = [("bytesSent".to_owned(), passed.sent), ("bytesReceived".to_owned(), passed.received)];
        let actual = Actual { amount: None, facts: facts.into() };
        let cost = actual.clone();
        let will_be = self.store.settle_later(Settle {
            organization: Arc::clone(&self.organization),
            committed: done.outcome,
            actual,
            now,
            receipt: Box::new(move |settled: &Settled| {
                let (code, actual) = (passed.code.as_str(), &cost);
                let settlement = Settlement { of: digest, code, actual, currency: None, settled, at: now };
                let told = told.get_or_init(|| Told::of(chain));
                let receipt =
                    record::of_settlement((of, &settlement), told, &request, gateway.verifier.trust());
                NewReceipt { holder: gateway.holder_apart(told.chain()), ..receipt }
            }),
        });
        self.counts.add(if will_be { "settled" } else { "not_settled" });
    }

    /// Closes a model whose answers cost more than was reserved for them: its price or its bounds are wrong, and every
    /// further call could be another overrun. It is open again once it is written anew.
    fn close(self: &Arc<Self>, model: String) {
        self.counts.add("over_reserved");
        let gateway = Arc::clone(self);
        let close = move || {
            // Where the store is gone, nothing passes anyway; the next overrun closes it.
            let _ = gateway.registry.close_model(&model, now());
        };
        // This is the store's own thread, which must go on where there is no room for another.
        drop(std::thread::Builder::new().name("close-model".to_owned()).spawn(close));
    }
}

/// What was used, by which the cost is counted again from the log: of nothing it says nothing.
fn used(micros: u64, usage: &Usage, target: Option<usize>) -> Actual {
    let mut actual = cost(micros, usage.tokens());
    let parts = [
        ("inputTokens", usage.input),
        ("cachedTokens", usage.cached),
        ("writtenTokens", usage.written),
        ("outputTokens", usage.output),
        ("otherMicros", usage.other),
        // One with prices of its own, counted from 1.
        ("target", target.map_or(0, |index| index as u64 + 1)),
    ];
    let named = parts.into_iter().filter(|(_, tokens)| *tokens > 0);
    actual.facts.extend(named.map(|(name, tokens)| (name.to_owned(), tokens)));
    actual
}

fn cost(micros: u64, tokens: u64) -> Actual {
    Actual { amount: Some(micros), facts: [("tokens".to_owned(), tokens)].into() }
}
