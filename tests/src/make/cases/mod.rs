//! The cases: one call per vector.

mod approvals;
mod arguments;
mod authority;
mod bytes;
mod chain;
mod claimed;
mod claims;
mod constraints;
mod format;
mod grants;
mod header;
mod keys;
mod ledger;
mod limits;
mod list_proofs;
mod lists;
mod narrowing;
mod nonces;
mod presented;
mod proof_sets;
mod proofs;
mod requests;
mod signatures;
mod status;
mod text;
mod times;
mod vouched;

use super::draft::{Draft, deny, permit};
use serde_json::json;

/// All cases.
pub(crate) struct Book {
    pub(crate) drafts: Vec<Draft>,
    /// Whether each presentation is made in other ways of securing, too.
    twins: bool,
}

/// Every case there is.
pub(crate) fn all(twins: bool) -> Book {
    let mut book = Book { drafts: Vec::new(), twins };
    bytes::add(&mut book);
    text::add(&mut book);
    header::add(&mut book);
    format::add(&mut book);
    claims::add(&mut book);
    claimed::add(&mut book);
    authority::add(&mut book);
    constraints::add(&mut book);
    grants::add(&mut book);
    chain::add(&mut book);
    times::add(&mut book);
    narrowing::add(&mut book);
    limits::add(&mut book);
    presented::add(&mut book);
    keys::add(&mut book);
    signatures::add(&mut book);
    proofs::add(&mut book);
    proof_sets::add(&mut book);
    status::add(&mut book);
    lists::add(&mut book);
    list_proofs::add(&mut book);
    requests::add(&mut book);
    arguments::add(&mut book);
    ledger::add(&mut book);
    nonces::add(&mut book);
    vouched::add(&mut book);
    approvals::add(&mut book);
    book
}

impl Book {
    /// A case of several steps.
    pub(crate) fn story(&mut self, name: &str, why: &str, tell: impl FnOnce(&mut Draft)) {
        assert!(self.drafts.iter().all(|other| other.name != name), "two cases are called {name}");
        let mut draft = Draft::new(name, why);
        draft.with_twins = self.twins;
        tell(&mut draft);
        self.drafts.push(draft);
    }

    /// A case that is denied with `code`, at `link` where it is about one.
    pub(crate) fn deny(
        &mut self,
        name: &str,
        why: &str,
        code: &str,
        link: Option<usize>,
        change: impl FnOnce(&mut Draft),
    ) {
        self.story(name, why, |draft| {
            change(draft);
            draft.step(deny(code, link));
        });
    }

    /// A case whose request is permitted.
    pub(crate) fn permit(&mut self, name: &str, why: &str, change: impl FnOnce(&mut Draft)) {
        self.story(name, why, |draft| {
            change(draft);
            draft.step(permit());
        });
    }

    /// A case whose chain holds, without a request.
    pub(crate) fn valid(&mut self, name: &str, why: &str, change: impl FnOnce(&mut Draft)) {
        self.story(name, why, |draft| {
            draft.request = None;
            change(draft);
            draft.step(json!({"decision": "valid"}));
        });
    }
}
