//! Logs that receipts and events are carried over to, and in which order.
//!
//! The order is kept here before anything is written to a log: a segment says which events, receipts and counts come next.
//! So whoever carries over, however often it dies and on however many machines, writes the same log.

use crate::{
    error::StoreError,
    organization, receipt,
    receipt::Receipt,
    tx::{Event, Tx},
    value::{Row, Value},
};
use std::collections::BTreeMap;

/// A log of an organization.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    /// Its name.
    pub name: String,
    /// What its checkpoints call it.
    pub origin: String,
    /// What its key is called in the signer.
    pub key_id: String,
    /// Its public key.
    pub public_jwk: String,
    /// Its private key, which opens in the signer only.
    pub sealed: Vec<u8>,
    /// What the organization signed of it.
    pub about: String,
    /// How often the organization had been opened again when it began: a store that was put back begins another log.
    pub era: i64,
    /// When it began, Unix seconds.
    pub began: i64,
    /// When it was closed, Unix seconds.
    pub ended: Option<i64>,
    /// How many entries have a place in it.
    pub size: i64,
    /// How many of them were published last.
    pub published: i64,
    /// The root of those.
    pub root: [u8; 32],
}

/// Entries that follow one another in a log: some events, receipts and counts after a number up to another, in the order of
/// their time, the counts last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Its number.
    pub number: i64,
    /// The log.
    pub log: String,
    /// The index of its first entry.
    pub first: i64,
    /// How many entries it has.
    pub entries: i64,
    /// Its events: after this number, up to that one.
    pub events: (i64, i64),
    /// Its receipts, the same.
    pub receipts: (i64, i64),
    /// Its counts, the same.
    pub counts: (i64, i64),
    /// What the salts of its receipts are made of; `None` once some of them were erased.
    pub salt: Option<[u8; 32]>,
}

/// How often a denial happened, once it no longer repeats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count {
    /// Its number.
    pub number: i64,
    /// The number of the denial.
    pub of: i64,
    /// How often.
    pub times: i64,
    /// When last, Unix seconds.
    pub last: i64,
}

/// For how long a denial may still repeat, seconds: a minute, and a minute for clocks.
const REPEATS: i64 = 120;
/// Most counts of a segment.
const COUNTS: i64 = 256;

const LOG: &str = "SELECT name, origin, key_id, public_jwk, sealed, about, began, ended, size, published, root, \
                   era FROM log WHERE organization = $1";
const SEGMENT: &str = "SELECT number, log, first, entries, events, events_to, receipts, receipts_to, counts, counts_to, \
                       salt FROM log_segment WHERE organization = $1";

fn read(row: &Row) -> Result<Log, StoreError> {
    Ok(Log {
        name: row.text(0)?,
        origin: row.text(1)?,
        key_id: row.text(2)?,
        public_jwk: row.text(3)?,
        sealed: row.bytes(4)?,
        about: row.text(5)?,
        began: row.int(6)?,
        ended: row.maybe_int(7)?,
        size: row.int(8)?,
        published: row.int(9)?,
        root: row.digest(10)?,
        era: row.int(11)?,
    })
}

fn read_segment(row: &Row) -> Result<Segment, StoreError> {
    Ok(Segment {
        number: row.int(0)?,
        log: row.text(1)?,
        first: row.int(2)?,
        entries: row.int(3)?,
        events: (row.int(4)?, row.int(5)?),
        receipts: (row.int(6)?, row.int(7)?),
        counts: (row.int(8)?, row.int(9)?),
        salt: row.maybe_digest(10)?,
    })
}

/// Adds a log.
///
/// # Errors
/// [`StoreError::Exists`] where there is one of that name.
pub fn add(tx: &mut Tx<'_>, organization: &str, log: &Log) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO log (organization, name, origin, key_id, public_jwk, sealed, about, began, ended, size, \
         published, root, era) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
        &[
            organization.into(),
            (&log.name).into(),
            (&log.origin).into(),
            (&log.key_id).into(),
            (&log.public_jwk).into(),
            log.sealed.clone().into(),
            (&log.about).into(),
            log.began.into(),
            log.ended.into(),
            log.size.into(),
            log.published.into(),
            log.root.into(),
            log.era.into(),
        ],
    )
    .map(drop)
}

/// The logs of an organization, the oldest first.
///
/// # Errors
/// [`StoreError`].
pub fn all(tx: &mut Tx<'_>, organization: &str) -> Result<Vec<Log>, StoreError> {
    let rows = tx.query(&format!("{LOG} ORDER BY began, name"), &[organization.into()])?;
    rows.iter().map(read).collect()
}

/// Closes a log at `at` (Unix seconds): nothing comes into it any more.
///
/// # Errors
/// [`StoreError`].
pub fn close(tx: &mut Tx<'_>, organization: &str, name: &str, at: i64) -> Result<(), StoreError> {
    tx.change_one(
        "UPDATE log SET ended = $3 WHERE organization = $1 AND name = $2",
        &[organization.into(), name.into(), at.into()],
        "such log",
    )
}

/// Up to which numbers events and receipts are in a log that was published; `None` where there is no log.
///
/// # Errors
/// [`StoreError`].
pub fn published(tx: &mut Tx<'_>, organization: &str) -> Result<Option<(i64, i64)>, StoreError> {
    if all(tx, organization)?.is_empty() {
        return Ok(None);
    }
    let rows = tx.query(
        "SELECT COALESCE(MAX(log_segment.events_to), 0), COALESCE(MAX(log_segment.receipts_to), 0) FROM log_segment \
         JOIN log ON log.organization = log_segment.organization AND log.name = log_segment.log \
         WHERE log_segment.organization = $1 AND log_segment.first + log_segment.entries <= log.published",
        &[organization.into()],
    )?;
    rows.first().map(|row| Ok((row.int(0)?, row.int(1)?))).transpose()
}

/// Keeps the key of a log as it was sealed anew.
///
/// # Errors
/// [`StoreError`].
pub fn set_sealed(
    tx: &mut Tx<'_>,
    organization: &str,
    name: &str,
    sealed: Vec<u8>,
) -> Result<(), StoreError> {
    tx.change_one(
        "UPDATE log SET sealed = $3 WHERE organization = $1 AND name = $2",
        &[organization.into(), name.into(), sealed.into()],
        "such log",
    )
}

/// Notes what of a log was published: size and root.
///
/// # Errors
/// [`StoreError`].
pub fn set_published(
    tx: &mut Tx<'_>,
    organization: &str,
    name: &str,
    (size, root): (i64, [u8; 32]),
) -> Result<(), StoreError> {
    tx.change_one(
        "UPDATE log SET published = CASE WHEN published > $3 THEN published ELSE $3 END, \
         root = CASE WHEN published > $3 THEN root ELSE $4 END WHERE organization = $1 AND name = $2",
        &[organization.into(), name.into(), size.into(), root.into()],
        "such log",
    )
}

/// The segment that was made last.
///
/// # Errors
/// [`StoreError`].
pub fn last(tx: &mut Tx<'_>, organization: &str) -> Result<Option<Segment>, StoreError> {
    let rows = tx.query(&format!("{SEGMENT} ORDER BY number DESC LIMIT 1"), &[organization.into()])?;
    rows.first().map(read_segment).transpose()
}

/// The segments of a log that have entries from an index on, in order, at most so many.
///
/// # Errors
/// [`StoreError`].
pub fn segments(
    tx: &mut Tx<'_>,
    organization: &str,
    log: &str,
    (index, most): (i64, i64),
) -> Result<Vec<Segment>, StoreError> {
    let rows = tx.query(
        &format!("{SEGMENT} AND log = $2 AND first + entries > $3 ORDER BY first LIMIT $4"),
        &[organization.into(), log.into(), index.into(), most.into()],
    )?;
    rows.iter().map(read_segment).collect()
}

/// The segment that a receipt is in; `None` where it has no place in a log yet.
///
/// # Errors
/// [`StoreError`].
pub fn of_receipt(tx: &mut Tx<'_>, organization: &str, seq: i64) -> Result<Option<Segment>, StoreError> {
    one(tx, organization, seq, "receipts_to >= $2 AND receipts < $2 ORDER BY receipts_to LIMIT 1")
}

/// The segment that an event is in; `None` where it has no place in a log yet.
///
/// # Errors
/// [`StoreError`].
pub fn of_event(tx: &mut Tx<'_>, organization: &str, seq: i64) -> Result<Option<Segment>, StoreError> {
    one(tx, organization, seq, "events_to >= $2 AND events < $2 ORDER BY events_to LIMIT 1")
}

fn one(tx: &mut Tx<'_>, organization: &str, seq: i64, rule: &str) -> Result<Option<Segment>, StoreError> {
    let rows = tx.query(&format!("{SEGMENT} AND {rule}"), &[organization.into(), seq.into()])?;
    rows.first().map(read_segment).transpose()
}

/// Up to where everything has a place: numbers of events, receipts and counts.
type Ends = (i64, i64, i64);

fn ends(last: Option<&Segment>) -> Ends {
    last.map_or((0, 0, 0), |last| (last.events.1, last.receipts.1, last.counts.1))
}

/// Whether something has no place in a log yet, at `now` (Unix seconds).
///
/// # Errors
/// [`StoreError`].
pub fn has_more(tx: &mut Tx<'_>, organization: &str, now: i64) -> Result<bool, StoreError> {
    let (events, receipts, _) = ends(last(tx, organization)?.as_ref());
    let known = organization::get(tx, organization)?;
    Ok(known.events > events
        || known.receipts > receipts
        || !repeated(tx, organization, (0, receipts), now)?.is_empty())
}

/// Denials that happened several times, no longer repeat and were not counted yet.
fn repeated(
    tx: &mut Tx<'_>,
    organization: &str,
    (number, receipts): (i64, i64),
    now: i64,
) -> Result<Vec<Count>, StoreError> {
    let rows = tx.query(
        "SELECT seq, times, last_at, at FROM receipt WHERE organization = $1 AND times > 1 AND seq > \
         (SELECT COALESCE(MAX(of_seq), 0) FROM log_count WHERE organization = $1) AND seq <= $2 ORDER BY seq LIMIT $3",
        &[organization.into(), receipts.into(), COUNTS.into()],
    )?;
    let mut counts = Vec::new();
    for row in &rows {
        // What comes after one that may still repeat waits for it.
        if row.int(3)?.saturating_add(REPEATS) > now {
            break;
        }
        let next = number.saturating_add(1 + i64::try_from(counts.len()).unwrap_or(i64::MAX));
        counts.push(Count { number: next, of: row.int(0)?, times: row.int(1)?, last: row.int(2)? });
    }
    Ok(counts)
}

/// Gives what has no place yet its place in a log: at most so many events and receipts, at `now` (Unix seconds). `salt` is
/// what the salts of the receipts are made of. `None` where there is nothing.
///
/// # Errors
/// [`StoreError`].
pub fn place(
    tx: &mut Tx<'_>,
    organization: &str,
    log: &str,
    (most, salt): (i64, [u8; 32]),
    now: i64,
) -> Result<Option<Segment>, StoreError> {
    organization::lock(tx, organization)?;
    let rows = tx.query(&format!("{LOG} AND name = $2"), &[organization.into(), log.into()])?;
    let missing = || StoreError::NotFound { what: format!("log `{log}`") };
    let log = read(rows.first().ok_or_else(missing)?)?;
    if log.ended.is_some() {
        return Ok(None);
    }
    let before = last(tx, organization)?;
    let (events, receipts, counted) = ends(before.as_ref());
    let times = |tx: &mut Tx<'_>, table: &str, after: i64| -> Result<Vec<i64>, StoreError> {
        let rows = tx.query(
            &format!("SELECT at FROM {table} WHERE organization = $1 AND seq > $2 ORDER BY seq LIMIT $3"),
            &[organization.into(), after.into(), most.into()],
        )?;
        rows.iter().map(|row| row.int(0)).collect()
    };
    let (of_events, of_receipts) = (times(tx, "event", events)?, times(tx, "receipt", receipts)?);
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    let taken: Vec<bool> = merged(&of_events, &of_receipts).into_iter().take(most).collect();
    let number_of = |is_event: bool| {
        i64::try_from(taken.iter().filter(|one| **one == is_event).count()).unwrap_or(i64::MAX)
    };
    let (events, receipts) = ((events, events + number_of(true)), (receipts, receipts + number_of(false)));
    let counts = repeated(tx, organization, (counted, receipts.1), now)?;
    tx.insert_all(
        "INSERT INTO log_count (organization, number, of_seq, times, last_at)",
        counts
            .iter()
            .map(|one| {
                vec![organization.into(), one.number.into(), one.of.into(), one.times.into(), one.last.into()]
            })
            .collect(),
        "",
    )?;
    let entries = i64::try_from(taken.len() + counts.len()).unwrap_or(i64::MAX);
    let segment = Segment {
        number: before.map_or(1, |before| before.number + 1),
        log: log.name,
        first: log.size,
        entries,
        events,
        receipts,
        counts: (counted, counts.last().map_or(counted, |last| last.number)),
        salt: Some(salt),
    };
    if entries == 0 {
        return Ok(None);
    }
    add_segment(tx, organization, &segment)?;
    Ok(Some(segment))
}

fn add_segment(tx: &mut Tx<'_>, organization: &str, segment: &Segment) -> Result<(), StoreError> {
    let Segment { number, log, first, entries, events, receipts, counts, salt } = segment;
    let values: Vec<Value> = vec![
        organization.into(),
        (*number).into(),
        log.into(),
        (*first).into(),
        (*entries).into(),
        events.0.into(),
        events.1.into(),
        receipts.0.into(),
        receipts.1.into(),
        counts.0.into(),
        counts.1.into(),
        (*salt).into(),
    ];
    tx.insert_all(
        "INSERT INTO log_segment (organization, number, log, first, entries, events, events_to, receipts, \
         receipts_to, counts, counts_to, salt)",
        vec![values],
        "",
    )?;
    tx.change_one(
        "UPDATE log SET size = size + $3 WHERE organization = $1 AND name = $2",
        &[organization.into(), log.into(), (*entries).into()],
        "such log",
    )
}

/// What is next of two rows of times, by turns: `true` for one of the first. Of the same time the first goes first.
fn merged(events: &[i64], receipts: &[i64]) -> Vec<bool> {
    let (mut events, mut receipts) = (events, receipts);
    let mut order = Vec::new();
    loop {
        let is_event = match (events.first(), receipts.first()) {
            (None, None) => return order,
            (Some(event), Some(receipt)) => event <= receipt,
            (event, _) => event.is_some(),
        };
        let row = if is_event { &mut events } else { &mut receipts };
        *row = row.get(1..).unwrap_or_default();
        order.push(is_event);
    }
}

/// What the values of a receipt are hidden by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hidden {
    /// What the salts of its segment are made of.
    Segment,
    /// What its own salts are made of: others of the segment were erased.
    Own([u8; 32]),
    /// Nothing any more: they were erased. Its leaf stays.
    Erased(Vec<u8>),
}

/// An entry of a segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// A change of the organization.
    Event(Event),
    /// A decision, or what it really cost; and what its values are hidden by.
    Receipt(Box<Receipt>, Hidden),
    /// How often a denial happened.
    Count(Count),
}

/// The entries of a segment, in their order.
///
/// # Errors
/// [`StoreError`].
pub fn entries(tx: &mut Tx<'_>, organization: &str, segment: &Segment) -> Result<Vec<Entry>, StoreError> {
    let between = |(from, to): (i64, i64)| (from, to.saturating_sub(from));
    let (from, count) = between(segment.events);
    let events = if count > 0 { tx.events(organization, from, count)? } else { Vec::new() };
    let (from, count) = between(segment.receipts);
    let receipts = if count > 0 { receipt::after(tx, organization, from, count)? } else { Vec::new() };
    let mut hidden = hidden(tx, organization, segment)?;
    let times = |one: &Event| one.at;
    let order = merged(
        &events.iter().map(times).collect::<Vec<_>>(),
        &receipts.iter().map(|one| one.at).collect::<Vec<_>>(),
    );
    let (mut events, mut receipts) = (events.into_iter(), receipts.into_iter());
    let next = |is_event: bool| {
        if is_event {
            return events.next().map(Entry::Event);
        }
        receipts.next().map(|one| {
            let by = hidden.remove(&one.seq).unwrap_or(Hidden::Segment);
            Entry::Receipt(Box::new(one), by)
        })
    };
    let mut all: Vec<Entry> = order.into_iter().filter_map(next).collect();
    let rows = tx.query(
        "SELECT number, of_seq, times, last_at FROM log_count WHERE organization = $1 AND number > $2 AND number <= $3 \
         ORDER BY number",
        &[organization.into(), segment.counts.0.into(), segment.counts.1.into()],
    )?;
    for row in &rows {
        let count = Count { number: row.int(0)?, of: row.int(1)?, times: row.int(2)?, last: row.int(3)? };
        all.push(Entry::Count(count));
    }
    match i64::try_from(all.len()) {
        Ok(found) if found == segment.entries => Ok(all),
        _ => Err(StoreError::unavailable(format!(
            "of segment {} of a log entries are missing",
            segment.number
        ))),
    }
}

/// What hides the values of those receipts of a segment that is not what its others are hidden by.
fn hidden(
    tx: &mut Tx<'_>,
    organization: &str,
    segment: &Segment,
) -> Result<BTreeMap<i64, Hidden>, StoreError> {
    let between = [organization.into(), segment.receipts.0.into(), segment.receipts.1.into()];
    let mut all = BTreeMap::new();
    let sql = "SELECT receipt, salt FROM log_salt WHERE organization = $1 AND receipt > $2 AND receipt <= $3";
    for row in tx.query(sql, &between)? {
        all.insert(row.int(0)?, Hidden::Own(row.digest(1)?));
    }
    let sql =
        "SELECT receipt, leaf FROM log_erased WHERE organization = $1 AND receipt > $2 AND receipt <= $3";
    for row in tx.query(sql, &between)? {
        all.insert(row.int(0)?, Hidden::Erased(row.bytes(1)?));
    }
    Ok(all)
}

/// A receipt whose values are erased.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Erased {
    /// Its number.
    pub seq: i64,
    /// Its leaf, which stays.
    pub leaf: Vec<u8>,
    /// The hash of its text as a leaf (RFC 9162), by which its batch is still verified.
    pub hash: [u8; 32],
    /// Its text without the values.
    pub body: Vec<u8>,
}

/// Takes the values of receipts of a segment away, for good. `kept` are the salts of its other receipts: what those were made
/// of goes.
///
/// # Errors
/// [`StoreError`].
pub fn erase(
    tx: &mut Tx<'_>,
    organization: &str,
    segment: &Segment,
    (erased, kept): (&[Erased], &[(i64, [u8; 32])]),
) -> Result<(), StoreError> {
    organization::lock(tx, organization)?;
    let row = |(seq, salt): &(i64, [u8; 32])| vec![organization.into(), (*seq).into(), (*salt).into()];
    tx.insert_all(
        "INSERT INTO log_salt (organization, receipt, salt)",
        kept.iter().map(row).collect(),
        "ON CONFLICT (organization, receipt) DO NOTHING",
    )?;
    tx.change_one(
        "UPDATE log_segment SET salt = NULL WHERE organization = $1 AND number = $2",
        &[organization.into(), segment.number.into()],
        "such segment",
    )?;
    for one in erased {
        let key = [organization.into(), one.seq.into()];
        tx.execute("DELETE FROM log_salt WHERE organization = $1 AND receipt = $2", &key)?;
        tx.execute(
            "INSERT INTO log_erased (organization, receipt, leaf, hash) VALUES ($1, $2, $3, $4)",
            &[organization.into(), one.seq.into(), one.leaf.clone().into(), one.hash.into()],
        )?;
        tx.change_one(
            "UPDATE receipt SET body = $3, common = NULL, resource = '', end_user = NULL \
             WHERE organization = $1 AND seq = $2",
            &[organization.into(), one.seq.into(), one.body.clone().into()],
            "such receipt",
        )?;
        // Whom it was for stands beside its settlement, too.
        tx.execute(
            "UPDATE receipt SET end_user = NULL WHERE organization = $1 AND of_seq = $2 AND end_user IS NOT NULL",
            &key,
        )?;
    }
    Ok(())
}

/// The hashes, as leaves, of receipts' texts whose values were erased, after a number and up to another.
///
/// # Errors
/// [`StoreError`].
pub fn erased_hashes(
    tx: &mut Tx<'_>,
    organization: &str,
    (after, to): (i64, i64),
) -> Result<BTreeMap<i64, [u8; 32]>, StoreError> {
    let rows = tx.query(
        "SELECT receipt, hash FROM log_erased WHERE organization = $1 AND receipt > $2 AND receipt <= $3",
        &[organization.into(), after.into(), to.into()],
    )?;
    rows.iter().map(|row| Ok((row.int(0)?, row.digest(1)?))).collect()
}
