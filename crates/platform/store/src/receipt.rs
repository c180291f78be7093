//! Receipts as they are kept: what was decided, numbered in the organization.

use crate::{
    error::StoreError,
    quarantine::Proved,
    tx::Tx,
    value::{Row, Value},
};
use legation_verifier::receipt::{Common, Text, join};
use std::{collections::BTreeMap, sync::Arc};

/// What was decided or settled, to be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewReceipt {
    /// When, Unix seconds.
    pub at: i64,
    /// `permit`, `deny` or `settle`.
    pub kind: &'static str,
    /// The code of a denial, or of what was odd about a settlement; else empty.
    pub code: String,
    /// The agent's DID.
    pub agent: String,
    /// The resource that was asked for.
    pub resource: String,
    /// What it cost, or at its most, in millionths of a minor unit.
    pub amount: Option<i64>,
    /// The currency of that.
    pub currency: Option<String>,
    /// The number of the receipt that it settles, as [`Done::receipt`](crate::Done::receipt) gave it.
    pub of: Option<i64>,
    /// For whom the agent asked, as it said: personal, and erased with what the receipt was about.
    pub end_user: Option<String>,
    /// The organization's own agent for whom it counts, by its DID, where that is another one: of a child that an agent made itself.
    pub holder: Option<String>,
    /// What the agent proved of a request that was denied, where that counts against it.
    pub proved: Option<Box<Proved>>,
    /// The receipt itself, as bytes to sign.
    pub body: Text,
}

/// A receipt as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// Its number; they have no gaps.
    pub seq: i64,
    /// When, Unix seconds; of several, of the first.
    pub at: i64,
    /// `permit`, `deny` or `settle`.
    pub kind: String,
    /// The code of a denial, or of what was odd about a settlement; else empty.
    pub code: String,
    /// The agent's DID.
    pub agent: String,
    /// The resource that was asked for.
    pub resource: String,
    /// What it cost, or at its most, in millionths of a minor unit.
    pub amount: Option<i64>,
    /// The currency of that.
    pub currency: Option<String>,
    /// The number of the receipt that it settles.
    pub of: Option<i64>,
    /// How often it happened: a denial that repeats is counted.
    pub times: i64,
    /// When it happened last, Unix seconds.
    pub last_at: i64,
    /// The receipt itself.
    pub body: Vec<u8>,
    /// Whether it is in a batch that was signed.
    pub signed: bool,
    /// The organization's own agent for whom it counts, by its DID, where that is another one.
    pub holder: Option<String>,
}

/// Batches are without gaps, so what is not behind the last of them is signed.
const COLUMNS: &str = "SELECT seq, at, kind, code, agent, resource, amount, currency, of_seq, times, last_at, body, \
                       (SELECT pieces FROM receipt_common \
                       WHERE organization = receipt.organization AND digest = receipt.common), \
                       CASE WHEN seq <= (SELECT COALESCE(MAX(last), 0) FROM receipt_batch WHERE organization = $1) \
                       THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END, holder FROM receipt WHERE organization = $1";

/// Receipts to insert, and what they have in common with others.
#[derive(Debug, Default)]
pub(crate) struct Rows {
    rows: Vec<Vec<Value>>,
    commons: BTreeMap<[u8; 32], Arc<Common>>,
}

impl Rows {
    /// Adds one; `of` is the number of the receipt that it settles, if any.
    pub(crate) fn push(&mut self, organization: &str, seq: i64, of: Option<i64>, receipt: &NewReceipt) {
        let common = receipt.body.common();
        self.commons.extend(common.map(|common| (common.digest(), Arc::clone(common))));
        self.rows.push(row(organization, seq, of, receipt));
    }

    /// Inserts them.
    pub(crate) fn insert(self, tx: &mut Tx<'_>, organization: &str) -> Result<(), StoreError> {
        let row = |common: &Arc<Common>| {
            vec![organization.into(), common.digest().into(), common.pieces().to_vec().into()]
        };
        tx.insert_all(
            "INSERT INTO receipt_common (organization, digest, pieces)",
            self.commons.values().map(row).collect(),
            "ON CONFLICT (organization, digest) DO NOTHING",
        )?;
        tx.insert_all(INSERT, self.rows, "")
    }
}

/// One row to insert.
fn row(organization: &str, seq: i64, of: Option<i64>, receipt: &NewReceipt) -> Vec<Value> {
    let NewReceipt { at, kind, code, agent, resource, amount, currency, body, end_user, holder, .. } =
        receipt;
    let (at, common) = (*at, body.common().map(|common| common.digest().to_vec()));
    vec![
        organization.into(),
        seq.into(),
        at.into(),
        (*kind).into(),
        code.into(),
        agent.into(),
        resource.into(),
        (*amount).into(),
        currency.clone().into(),
        of.into(),
        1.into(),
        at.into(),
        body.own().to_vec().into(),
        common.into(),
        end_user.clone().into(),
        holder.clone().into(),
    ]
}

const INSERT: &str = "INSERT INTO receipt (organization, seq, at, kind, code, agent, resource, amount, currency, \
                      of_seq, times, last_at, body, common, end_user, holder)";

/// A receipt's text, of what of it is its own and what it has in common with others. Where the two do not fit any more, what
/// is there: whoever holds it against its batch is told.
fn text(row: &Row, own: usize, common: usize) -> Result<Vec<u8>, StoreError> {
    let (own, common) = (row.bytes(own)?, row.maybe_bytes(common)?);
    Ok(join(common.as_deref(), &own).unwrap_or(own))
}

/// Counts that what a receipt tells happened once more.
pub(crate) fn count_again(tx: &mut Tx<'_>, organization: &str, seq: i64, at: i64) -> Result<(), StoreError> {
    tx.change_one(
        "UPDATE receipt SET times = times + 1, last_at = $3 WHERE organization = $1 AND seq = $2",
        &[organization.into(), seq.into(), at.into()],
        "such receipt",
    )
}

fn read(row: &Row) -> Result<Receipt, StoreError> {
    Ok(Receipt {
        seq: row.int(0)?,
        at: row.int(1)?,
        kind: row.text(2)?,
        code: row.text(3)?,
        agent: row.text(4)?,
        resource: row.text(5)?,
        amount: row.maybe_int(6)?,
        currency: row.maybe_text(7)?,
        of: row.maybe_int(8)?,
        times: row.int(9)?,
        last_at: row.int(10)?,
        body: text(row, 11, 12)?,
        signed: row.int(13)? != 0,
        holder: row.maybe_text(14)?,
    })
}

/// Receipts after a number, in order, at most so many.
///
/// # Errors
/// [`StoreError`].
pub fn after(tx: &mut Tx<'_>, organization: &str, seq: i64, most: i64) -> Result<Vec<Receipt>, StoreError> {
    let rows = tx.query(
        &format!("{COLUMNS} AND seq > $2 ORDER BY seq LIMIT $3"),
        &[organization.into(), seq.into(), most.into()],
    )?;
    rows.iter().map(read).collect()
}

/// The latest receipts, the latest first, at most so many; of one agent where a DID is given.
///
/// # Errors
/// [`StoreError`].
pub fn latest(
    tx: &mut Tx<'_>,
    organization: &str,
    agent: Option<&str>,
    most: i64,
) -> Result<Vec<Receipt>, StoreError> {
    let rows = match agent {
        Some(agent) => tx.query(
            &format!("{COLUMNS} AND agent = $2 ORDER BY seq DESC LIMIT $3"),
            &[organization.into(), agent.into(), most.into()],
        )?,
        None => {
            tx.query(&format!("{COLUMNS} ORDER BY seq DESC LIMIT $2"), &[organization.into(), most.into()])?
        }
    };
    rows.iter().map(read).collect()
}

/// The receipts of an agent before a number, the latest first, at most so many.
///
/// # Errors
/// [`StoreError`].
pub fn before(
    tx: &mut Tx<'_>,
    organization: &str,
    agent: &str,
    (seq, most): (i64, i64),
) -> Result<Vec<Receipt>, StoreError> {
    let rows = tx.query(
        &format!("{COLUMNS} AND agent = $2 AND seq < $3 ORDER BY seq DESC LIMIT $4"),
        &[organization.into(), agent.into(), seq.into(), most.into()],
    )?;
    rows.iter().map(read).collect()
}

/// Receipts that were signed together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// The number of the first.
    pub first: i64,
    /// The number of the last.
    pub last: i64,
    /// The batch, signed.
    pub secured: String,
}

const BATCHES: &str = "SELECT first, last, secured FROM receipt_batch WHERE organization = $1";

/// The last batch; or with `of`, the one that a receipt is in.
///
/// # Errors
/// [`StoreError`].
pub fn batch(tx: &mut Tx<'_>, organization: &str, of: Option<i64>) -> Result<Option<Batch>, StoreError> {
    let rows = tx.query(
        &format!("{BATCHES} AND first <= $2 ORDER BY first DESC LIMIT 1"),
        &[organization.into(), of.unwrap_or(i64::MAX).into()],
    )?;
    let Some(row) = rows.first() else { return Ok(None) };
    let batch = Batch { first: row.int(0)?, last: row.int(1)?, secured: row.text(2)? };
    Ok(Some(batch).filter(|batch| of.is_none_or(|seq| seq <= batch.last)))
}

/// The bodies of receipts after a number, in order, at most so many.
///
/// # Errors
/// [`StoreError`].
pub fn bodies(tx: &mut Tx<'_>, organization: &str, seq: i64, most: i64) -> Result<Vec<Vec<u8>>, StoreError> {
    let rows = tx.query(
        "SELECT body, (SELECT pieces FROM receipt_common \
         WHERE organization = receipt.organization AND digest = receipt.common) \
         FROM receipt WHERE organization = $1 AND seq > $2 ORDER BY seq LIMIT $3",
        &[organization.into(), seq.into(), most.into()],
    )?;
    rows.iter().map(|row| text(row, 0, 1)).collect()
}

/// Keeps a batch. Where another process has signed from the same receipt on, its batch stays.
pub(crate) fn add_batch(tx: &mut Tx<'_>, organization: &str, batch: Batch) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO receipt_batch (organization, first, last, secured) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (organization, first) DO NOTHING",
        &[organization.into(), batch.first.into(), batch.last.into(), batch.secured.into()],
    )?;
    Ok(())
}

/// What was spent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spent {
    /// The agent's DID.
    pub agent: String,
    /// The resource.
    pub resource: String,
    /// The currency.
    pub currency: String,
    /// How many calls.
    pub calls: i64,
    /// Millionths of a minor unit.
    pub amount: i64,
    /// For whom, as the agent said; empty where it said nothing, or that was not asked for.
    pub end_user: String,
}

/// What settled calls cost since a moment (Unix seconds), by agent, resource and currency, the dearest first.
///
/// # Errors
/// [`StoreError`].
pub fn spent(tx: &mut Tx<'_>, organization: &str, since: i64) -> Result<Vec<Spent>, StoreError> {
    // `SUM` of BIGINT is another type in PostgreSQL.
    let rows = tx.query(
        "SELECT agent, resource, currency, CAST(COUNT(*) AS BIGINT), CAST(SUM(amount) AS BIGINT) FROM receipt \
         WHERE organization = $1 AND kind = 'settle' AND at >= $2 AND currency IS NOT NULL AND amount IS NOT NULL \
         GROUP BY agent, resource, currency ORDER BY 5 DESC, 1, 2",
        &[organization.into(), since.into()],
    )?;
    let spent = |row: &Row| {
        Ok(Spent {
            agent: row.text(0)?,
            resource: row.text(1)?,
            currency: row.text(2)?,
            calls: row.int(3)?,
            amount: row.int(4)?,
            end_user: String::new(),
        })
    };
    rows.iter().map(spent).collect()
}

/// The same by end user, too: at most `most` lines, the dearest.
///
/// # Errors
/// [`StoreError`].
pub fn spent_by_end_user(
    tx: &mut Tx<'_>,
    organization: &str,
    since: i64,
    most: i64,
) -> Result<Vec<Spent>, StoreError> {
    let rows = tx.query(
        "SELECT agent, resource, currency, COALESCE(end_user, ''), CAST(COUNT(*) AS BIGINT), \
         CAST(SUM(amount) AS BIGINT) FROM receipt \
         WHERE organization = $1 AND kind = 'settle' AND at >= $2 AND currency IS NOT NULL AND amount IS NOT NULL \
         GROUP BY agent, resource, currency, COALESCE(end_user, '') ORDER BY 6 DESC, 1, 2, 4 LIMIT $3",
        &[organization.into(), since.into(), most.into()],
    )?;
    let spent = |row: &Row| {
        Ok(Spent {
            agent: row.text(0)?,
            resource: row.text(1)?,
            currency: row.text(2)?,
            end_user: row.text(3)?,
            calls: row.int(4)?,
            amount: row.int(5)?,
        })
    };
    rows.iter().map(spent).collect()
}

/// How often each agent was denied since a moment (Unix seconds), as far as the ten thousand receipts up to number `last` tell.
///
/// # Errors
/// [`StoreError`].
pub fn denied(
    tx: &mut Tx<'_>,
    organization: &str,
    last: i64,
    since: i64,
) -> Result<Vec<(String, i64)>, StoreError> {
    let rows = tx.query(
        "SELECT agent, CAST(SUM(times) AS BIGINT) FROM receipt \
         WHERE organization = $1 AND seq > $2 AND kind = 'deny' AND last_at >= $3 GROUP BY agent ORDER BY 2 DESC, 1 LIMIT 1000",
        &[organization.into(), last.saturating_sub(10_000).into(), since.into()],
    )?;
    rows.iter().map(|row| Ok((row.text(0)?, row.int(1)?))).collect()
}
