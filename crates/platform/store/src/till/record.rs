//! What stands in a journal: frames, each with a record.

use crate::receipt::NewReceipt;
use legation_verifier::receipt::{Common, Text};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::{borrow::Cow, sync::Arc};

/// Most bytes of a frame. What is longer is none, so that nothing is believed of a length that was not written whole.
const LONGEST: usize = 64 << 20;
/// Bytes before a record: its length, its number, and what of a SHA-256 shows that it was written whole.
const HEAD: usize = 4 + 8 + 8;

/// A record.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Record<'a> {
    /// What receipts have in common, before the first of them.
    Common { digest: [u8; 32], pieces: Cow<'a, [u8]> },
    /// What was committed or settled.
    Entry(Entry<'a>),
    /// The same, and for whom.
    EntryFor { entry: Entry<'a>, end_user: Cow<'a, str> },
}

/// What was committed or settled.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Entry<'a> {
    /// Its number in the process.
    pub(crate) number: u64,
    /// By how much more is used of totals, by their names.
    pub(crate) used: Vec<([u8; 32], i64)>,
    at: i64,
    settles: bool,
    code: Cow<'a, str>,
    agent: Cow<'a, str>,
    resource: Cow<'a, str>,
    amount: Option<i64>,
    currency: Option<Cow<'a, str>>,
    of: Option<i64>,
    own: Cow<'a, [u8]>,
    common: Option<[u8; 32]>,
    /// Beside it, in a record of its own kind: those that were written before there was one are read as they are.
    #[serde(skip)]
    pub(crate) end_user: Option<Cow<'a, str>>,
}

impl<'a> Entry<'a> {
    pub(crate) fn new(number: u64, used: Vec<([u8; 32], i64)>, receipt: &'a NewReceipt) -> Self {
        let NewReceipt { at, kind, code, agent, resource, amount, currency, of, body, .. } = receipt;
        Self {
            number,
            used,
            at: *at,
            settles: *kind == "settle",
            code: code.into(),
            agent: agent.into(),
            resource: resource.into(),
            amount: *amount,
            currency: currency.as_deref().map(Cow::from),
            of: *of,
            own: body.own().into(),
            common: body.common().map(|common| common.digest()),
            end_user: receipt.end_user.as_deref().map(Cow::from),
        }
    }

    /// The receipt; `None` where what it has in common with others is not there.
    pub(crate) fn receipt(self, common: impl Fn(&[u8; 32]) -> Option<Arc<Common>>) -> Option<NewReceipt> {
        let common = match self.common {
            Some(digest) => Some(common(&digest)?),
            None => None,
        };
        Some(NewReceipt {
            at: self.at,
            kind: if self.settles { "settle" } else { "permit" },
            code: self.code.into_owned(),
            agent: self.agent.into_owned(),
            resource: self.resource.into_owned(),
            amount: self.amount,
            currency: self.currency.map(Cow::into_owned),
            of: self.of,
            end_user: self.end_user.map(Cow::into_owned),
            // No denial is written there, and nothing of an agent that signs, as all do that are none of the organization's.
            proved: None,
            holder: None,
            body: Text::kept(common, self.own.into_owned()),
        })
    }
}

/// Appends a frame.
pub(crate) fn write(out: &mut Vec<u8>, number: u64, record: &Record<'_>) -> Result<(), postcard::Error> {
    let payload = postcard::to_allocvec(record)?;
    let length = u32::try_from(payload.len()).map_err(|_| postcard::Error::SerializeBufferFull)?;
    out.extend(length.to_be_bytes());
    out.extend(number.to_be_bytes());
    out.extend(check(number, &payload));
    out.extend(payload);
    Ok(())
}

/// The frames of a journal, with their numbers, up to the first that was not written whole, or stood there before: numbers
/// rise.
pub(crate) fn read(mut bytes: &[u8]) -> Vec<(u64, Record<'_>)> {
    let (mut records, mut last) = (Vec::new(), 0);
    while let Some((number, record, rest)) = first(bytes).filter(|(number, ..)| *number > last) {
        records.push((number, record));
        (bytes, last) = (rest, number);
    }
    records
}

fn first(bytes: &[u8]) -> Option<(u64, Record<'_>, &[u8])> {
    let (head, rest) = bytes.split_at_checked(HEAD)?;
    let (length, head) = head.split_first_chunk::<4>()?;
    let (number, found) = head.split_first_chunk::<8>()?;
    let (length, number) = (u32::from_be_bytes(*length), u64::from_be_bytes(*number));
    let length = usize::try_from(length).ok().filter(|length| *length <= LONGEST)?;
    let (payload, rest) = rest.split_at_checked(length)?;
    let record = (found == check(number, payload)).then(|| postcard::from_bytes(payload).ok())??;
    Some((number, record, rest))
}

fn check(number: u64, payload: &[u8]) -> [u8; 8] {
    let digest = Sha256::new_with_prefix(number.to_be_bytes()).chain_update(payload).finalize();
    digest.first_chunk().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

    use super::*;

    #[test]
    fn a_journal_that_was_cut_or_changed_anywhere_gives_what_stands_before() {
        let receipt = |code: &str| NewReceipt {
            at: 7,
            kind: "settle",
            code: code.to_owned(),
            agent: "did:web:acme.example:mail".to_owned(),
            resource: "https://acme.example/models/standard/small".to_owned(),
            amount: Some(-1),
            currency: None,
            of: Some(-3),
            end_user: None,
            proved: None,
            holder: None,
            body: Text::whole(b"{}".to_vec()),
        };
        let (one, other) = (receipt("one"), receipt("other"));
        let mut bytes = Vec::new();
        write(&mut bytes, 5, &Record::Common { digest: [1; 32], pieces: Cow::from(b"x".as_slice()) })
            .unwrap();
        let mut ends = vec![0, bytes.len()];
        for (number, receipt) in [(6, &one), (7, &other)] {
            write(&mut bytes, number, &Record::Entry(Entry::new(number, vec![([2; 32], 9)], receipt)))
                .unwrap();
            ends.push(bytes.len());
        }
        assert_eq!(read(&bytes).iter().map(|(number, _)| *number).collect::<Vec<_>>(), [5, 6, 7]);
        for cut in 0..bytes.len() {
            let whole = ends.iter().filter(|end| **end > 0 && **end <= cut).count();
            assert_eq!(read(&bytes[..cut]).len(), whole, "cut at {cut}");
            let mut changed = bytes.clone();
            changed[cut] ^= 0x41;
            assert_eq!(read(&changed).len(), whole, "changed at {cut}");
        }
        // Written over from the beginning, what stood behind is not read.
        let mut anew = Vec::new();
        write(&mut anew, 8, &Record::Entry(Entry::new(8, vec![([2; 32], 9)], &one))).unwrap();
        anew.extend(&bytes[ends[2]..]);
        assert_eq!(read(&anew).len(), 1);
        let Some((_, Record::Entry(entry))) = read(&bytes).pop() else { panic!() };
        assert_eq!(entry.receipt(|_| None).unwrap(), other);
    }
}
