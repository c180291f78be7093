//! Settling: what a call really cost, by what its provider says.

use crate::{
    gateway::{Gateway, now},
    openai::{Usage, UsageError},
    record,
};
use legation_credential::Request;
use legation_registry::model::Model;
use legation_store::{Done, Settle};
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
    /// Settles a call. It is asked for before the answer goes out, so that what the same caller asks next finds it done,
    /// and nobody waits for it.
    pub(crate) fn settle(self: &Arc<Self>, open: Open, model: &Model, outcome: &Outcome) {
        let Open { done, chain, told } = open;
        let request: Request = done.outcome.request().clone();
        let (actual, code) = match outcome {
            Outcome::Nothing => (cost(0, 0), ""),
            Outcome::Unknown(code) => (Actual::default(), *code),
            Outcome::Prompt(tokens) => match model.price.as_ref().and_then(|price| price.at_most(*tokens, 0))
            {
                Some(micros) => (cost(micros, *tokens), "refused_by_provider"),
                None => (Actual::default(), "usage_out_of_range"),
            },
            Outcome::Used(usage) => match model.price.as_ref().and_then(|price| price.cost(usage)) {
                Some(micros) => (cost(micros, usage.tokens()), ""),
                // More than can be counted: what was reserved stays, and that is told.
                None => (Actual::default(), "usage_out_of_range"),
            },
        };
        let (of, digest, name, now) = (done.receipt, done.digest, model.name.clone(), now());
        let (gateway, cost) = (Arc::clone(self), actual.clone());
        let will_be = self.store.settle_later(Settle {
            organization: Arc::clone(&self.organization),
            committed: done.outcome,
            actual,
            now,
            receipt: Box::new(move |settled: &Settled| {
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
                record::of_settlement((of, &settlement), told, &request, gateway.verifier.trust())
            }),
        });
        self.counts.add(match code {
            _ if !will_be => "not_settled",
            "" => "settled",
            code => code,
        });
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

fn cost(micros: u64, tokens: u64) -> Actual {
    Actual { amount: Some(micros), facts: [("tokens".to_owned(), tokens)].into() }
}
