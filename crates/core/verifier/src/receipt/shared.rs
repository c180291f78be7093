//! Receipts of one chain differ in little: when it was, what was taken, what was asked for. Whoever keeps many keeps the
//! rest of their text once ([`Common`]).

use super::{Fixed, Members, TYPE, Told, around_amount, base, object, plain, quoted, request};
use crate::{
    LinkDebit, Trust,
    ledger::{Actual, Committed, Settled},
};
use legation_keys::{base64url, time};
use sha2::{Digest, Sha256};
use std::sync::Arc;

/// Text that receipts have in common: pieces, between which each has its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Common {
    digest: [u8; 32],
    pieces: Vec<u8>,
}

impl Common {
    fn new(pieces: &[String]) -> Self {
        Self::kept(pack(pieces))
    }

    /// What was kept as [`Common::pieces`].
    #[must_use]
    pub fn kept(pieces: Vec<u8>) -> Self {
        Self { digest: Sha256::digest(&pieces).into(), pieces }
    }

    /// SHA-256 of the pieces: what they are kept under.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        self.digest
    }

    /// The pieces, to be kept.
    #[must_use]
    pub fn pieces(&self) -> &[u8] {
        &self.pieces
    }
}

/// A receipt's text: JSON bytes to sign, of which some may be shared with others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    common: Option<Arc<Common>>,
    own: Vec<u8>,
}

impl Text {
    /// A text that shares nothing.
    #[must_use]
    pub fn whole(text: Vec<u8>) -> Self {
        Self { common: None, own: text }
    }

    /// What was kept as [`Text::own`], and what it shares with others.
    #[must_use]
    pub fn kept(common: Option<Arc<Common>>, own: Vec<u8>) -> Self {
        Self { common, own }
    }

    pub(super) fn shared(common: &Arc<Common>, own: &[String]) -> Self {
        Self { common: Some(Arc::clone(common)), own: pack(own) }
    }

    /// What it shares with others.
    #[must_use]
    pub fn common(&self) -> Option<&Arc<Common>> {
        self.common.as_ref()
    }

    /// What is its own, to be kept: the text itself, where it shares nothing.
    #[must_use]
    pub fn own(&self) -> &[u8] {
        &self.own
    }

    /// SHA-256 of the text, by which another receipt can name it.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        Sha256::digest(self.to_bytes()).into()
    }

    /// The text.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let common = self.common.as_ref().map(|common| common.pieces());
        join(common, &self.own).unwrap_or_default()
    }
}

impl From<Vec<u8>> for Text {
    fn from(text: Vec<u8>) -> Self {
        Self::whole(text)
    }
}

/// The text of a receipt that was kept as [`Common::pieces`] and [`Text::own`]. `None` where the two do not belong together.
///
/// ```
/// use legation_verifier::receipt::join;
///
/// assert_eq!(join(None, b"{}"), Some(b"{}".to_vec()));
/// assert_eq!(join(Some(b"{}"), b"{}"), None);
/// ```
#[must_use]
pub fn join(common: Option<&[u8]>, own: &[u8]) -> Option<Vec<u8>> {
    let Some(mut common) = common else { return Some(own.to_vec()) };
    let mut own = own;
    let mut text = Vec::with_capacity(common.len().saturating_add(own.len()));
    loop {
        text.extend_from_slice(piece(&mut common)?);
        match (common.is_empty(), own.is_empty()) {
            (true, true) => return Some(text),
            (false, false) => text.extend_from_slice(piece(&mut own)?),
            _ => return None,
        }
    }
}

/// Takes the first of some pieces.
fn piece<'a>(bytes: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (length, rest) = bytes.split_first_chunk()?;
    let (piece, rest) = rest.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)?;
    *bytes = rest;
    Some(piece)
}

fn pack(pieces: &[String]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(pieces.iter().map(|piece| piece.len() + 4).sum());
    for piece in pieces {
        // The bounds on a receipt are far below.
        bytes.extend(u32::try_from(piece.len()).unwrap_or(u32::MAX).to_be_bytes());
        bytes.extend(piece.as_bytes());
    }
    bytes
}

/// What the receipts of a chain have in common, and for which debits.
#[derive(Debug)]
pub(super) struct Kept {
    audience: String,
    debits: Vec<LinkDebit>,
    /// Whether policies were asked, of which each receipt says its own.
    policy: bool,
    common: Arc<Common>,
}

impl Kept {
    pub(super) fn of(committed: &Committed, fixed: &Fixed, policy: bool, trust: &Trust) -> Self {
        Self {
            audience: trust.audience.clone(),
            debits: committed.debits.clone(),
            policy,
            common: Arc::new(Common::new(&pieces(&committed.debits, fixed, policy, trust))),
        }
    }

    pub(super) fn common(&self) -> &Arc<Common> {
        &self.common
    }

    /// Whether it is that of a receipt: it debits the same limits.
    pub(super) fn fits(&self, committed: &Committed, policy: bool, trust: &Trust) -> bool {
        let same = |(one, other): (&LinkDebit, &LinkDebit)| {
            (one.account, one.link, one.most) == (other.account, other.link, other.most)
                && (&one.limit, &one.measure) == (&other.limit, &other.measure)
        };
        self.audience == trust.audience
            && self.policy == policy
            && self.debits.len() == committed.debits.len()
            && self.debits.iter().zip(&committed.debits).all(same)
    }
}

/// What settling came to, for its receipt.
#[derive(Clone, Copy, Debug)]
pub struct Settlement<'a> {
    /// SHA-256 of the text of the permit's receipt.
    pub of: [u8; 32],
    /// What was odd about it; else empty.
    pub code: &'a str,
    /// What it really cost.
    pub actual: &'a Actual,
    /// In which currency, where it is money.
    pub currency: Option<&'a str>,
    /// What came of it.
    pub settled: &'a Settled,
    /// When, Unix seconds.
    pub at: i64,
}

/// The receipt of a settlement: what a call that was permitted really cost.
#[must_use]
pub fn of_settlement(settlement: &Settlement<'_>, told: &Told, trust: &Trust) -> Text {
    let Settlement { of, code, actual, currency, settled, at } = *settlement;
    let over = settled.over.iter().map(|over| {
        let (limit, cost, beyond) = (quoted(&over.debit.limit), over.cost, over.beyond);
        format!("{{\"beyond\":{beyond},\"cost\":{cost},\"limit\":{limit}}}")
    });
    let facts = actual.facts.iter().map(|(name, fact)| format!("{}:{fact}", quoted(name)));
    let own = [
        actual.amount.map_or("null".to_owned(), |amount| amount.to_string()),
        time::format(at),
        quoted(code).into_owned(),
        currency.map_or("null".into(), quoted).into_owned(),
        facts.collect::<Vec<_>>().join(","),
        base64url::encode(&of),
        over.collect::<Vec<_>>().join(","),
    ];
    let common = || {
        let agent = quoted(told.chain.agent.as_str());
        Arc::new(Common::new(&[
            format!("{{\"agent\":{agent},\"amountMicros\":"),
            ",\"at\":\"".to_owned(),
            "\",\"code\":".to_owned(),
            ",\"currency\":".to_owned(),
            ",\"decision\":\"settle\",\"facts\":{".to_owned(),
            "},\"of\":\"".to_owned(),
            "\",\"over\":[".to_owned(),
            format!("],\"type\":\"{TYPE}\",\"verifier\":{}}}", quoted(&trust.audience)),
        ]))
    };
    let (audience, kept) = told.settles.get_or_init(|| (trust.audience.clone(), common()));
    if *audience == trust.audience { Text::shared(kept, &own) } else { Text::shared(&common(), &own) }
}

/// What stands where a receipt has its own; no control stands in JSON unescaped.
const OWN: &str = "\u{0}";

fn pieces(debits: &[LinkDebit], fixed: &Fixed, policy: bool, trust: &Trust) -> Vec<String> {
    let debit = |debit: &LinkDebit| {
        let (before, after) = around_amount(debit);
        format!("{before}{OWN}{after}")
    };
    let debits: Vec<String> = debits.iter().map(debit).collect();
    let mut members: Members<'_> = base("permit", Some(fixed), None, trust, 0);
    members.retain(|(name, _)| *name != "at");
    members.extend([("at", OWN.into()), ("request", OWN.into())]);
    members.extend(policy.then(|| ("policy", OWN.into())));
    members.push(("presentation", fixed.presentation.as_str().into()));
    members.push(("consumed", format!("{{\"debits\":[{}]}}", debits.join(",")).into()));
    object(members).split(OWN).map(str::to_owned).collect()
}

/// What is a receipt's own, in the order in which it stands.
pub(super) fn own(committed: &Committed, policy: Option<&str>) -> Vec<String> {
    let at = plain(&time::format(committed.at)).into_owned();
    let amounts = committed.debits.iter().map(super::amount);
    let policy = policy.map(str::to_owned);
    core::iter::once(at).chain(amounts).chain(policy).chain([request(&committed.request)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_that_do_not_belong_together_give_nothing() {
        let common = pack(&["{\"a\":".to_owned(), ",\"b\":".to_owned(), "}".to_owned()]);
        let own = pack(&["1".to_owned(), "2".to_owned()]);
        assert_eq!(join(Some(&common), &own).unwrap(), br#"{"a":1,"b":2}"#);
        for end in 0..own.len() {
            assert_eq!(join(Some(&common), &own[..end]), None, "{end}");
        }
        for end in 0..common.len() {
            assert_eq!(join(Some(&common[..end]), &own), None, "{end}");
        }
        assert_eq!(join(Some(&common), &pack(&["1".to_owned()])), None);
        assert_eq!(join(Some(&[255; 4]), b""), None);
    }
}
