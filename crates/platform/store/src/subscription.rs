//! Who is told of events: streams of Security Event Tokens and webhooks of alerts, each with what waits for it, in order.
//! One process at a time sends to one of them, by a lease.

use crate::{
    error::StoreError,
    tx::Tx,
    value::{Row, Value},
};

/// Somebody who is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscription {
    /// Its id.
    pub id: String,
    /// `stream` or `alert`.
    pub kind: String,
    /// Whose it is: of a stream its receiver's id. One has one of a kind.
    pub owner: String,
    /// `enabled`, `paused` or `disabled`.
    pub state: String,
    /// Why it is not enabled, where somebody said it.
    pub reason: String,
    /// Where it is sent to; `None` where it is polled.
    pub url: Option<String>,
    /// Further members, as JSON.
    pub body: String,
    /// When it was made, Unix seconds.
    pub created: i64,
    /// When its owner last asked for a verification, Unix seconds.
    pub asked: Option<i64>,
    /// How much waits for it.
    pub waiting: i64,
    /// How often in a row sending failed.
    pub failures: i64,
}

/// What waits for a subscription.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pending {
    /// Its number, by which it is sent in order; 0 where it has none yet.
    pub seq: i64,
    /// What its reader knows it by.
    pub id: String,
    /// When it came to be, Unix seconds.
    pub at: i64,
    /// What it is.
    pub kind: String,
    /// What it says, as JSON.
    pub body: String,
}

/// What came of sending.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// To which subscription.
    pub subscription: String,
    /// The numbers of what arrived, or never will.
    pub done: Vec<i64>,
    /// Where sending failed, when it is tried again, Unix milliseconds.
    pub again: Option<i64>,
}

const COLUMNS: &str = "SELECT id, kind, owner, state, reason, url, body, created, asked, waiting, failures FROM subscription \
                       WHERE organization = $1";

fn read(row: &Row) -> Result<Subscription, StoreError> {
    Ok(Subscription {
        id: row.text(0)?,
        kind: row.text(1)?,
        owner: row.text(2)?,
        state: row.text(3)?,
        reason: row.text(4)?,
        url: row.maybe_text(5)?,
        body: row.text(6)?,
        created: row.int(7)?,
        asked: row.maybe_int(8)?,
        waiting: row.int(9)?,
        failures: row.int(10)?,
    })
}

/// Adds a subscription, for which nothing waits yet.
///
/// # Errors
/// [`StoreError::Exists`] where its owner has one of that kind.
pub fn add(tx: &mut Tx<'_>, organization: &str, one: &Subscription) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO subscription (organization, id, kind, owner, state, reason, url, body, created, asked, waiting, failures, \
         due, process, leased) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, NULL, 0, 0, 0, '', 0)",
        &[
            organization.into(),
            (&one.id).into(),
            (&one.kind).into(),
            (&one.owner).into(),
            (&one.state).into(),
            (&one.reason).into(),
            one.url.clone().into(),
            (&one.body).into(),
            one.created.into(),
        ],
    )
    .map(drop)
}

/// Writes what its owner decides of a subscription, and what was asked of it. Where it goes from is looked at anew at once.
///
/// # Errors
/// [`StoreError`].
pub fn change(tx: &mut Tx<'_>, organization: &str, one: &Subscription) -> Result<(), StoreError> {
    tx.change_one(
        "UPDATE subscription SET state = $3, reason = $4, url = $5, body = $6, asked = $7, due = 0 \
         WHERE organization = $1 AND id = $2",
        &[
            organization.into(),
            (&one.id).into(),
            (&one.state).into(),
            (&one.reason).into(),
            one.url.clone().into(),
            (&one.body).into(),
            one.asked.into(),
        ],
        "such subscription",
    )
}

/// A subscription by its id.
///
/// # Errors
/// [`StoreError`].
pub fn get(tx: &mut Tx<'_>, organization: &str, id: &str) -> Result<Subscription, StoreError> {
    let rows = tx.query(&format!("{COLUMNS} AND id = $2"), &[organization.into(), id.into()])?;
    read(rows.first().ok_or_else(|| StoreError::NotFound { what: format!("subscription `{id}`") })?)
}

/// The subscription of an owner; `None` where it has none of that kind.
///
/// # Errors
/// [`StoreError`].
pub fn of_owner(
    tx: &mut Tx<'_>,
    organization: &str,
    kind: &str,
    owner: &str,
) -> Result<Option<Subscription>, StoreError> {
    let rows = tx.query(
        &format!("{COLUMNS} AND kind = $2 AND owner = $3"),
        &[organization.into(), kind.into(), owner.into()],
    )?;
    rows.first().map(read).transpose()
}

/// Subscriptions of a kind whose ids come after `after`, in the order of their ids, at most so many.
///
/// # Errors
/// [`StoreError`].
pub fn list(
    tx: &mut Tx<'_>,
    organization: &str,
    kind: &str,
    after: &str,
    most: i64,
) -> Result<Vec<Subscription>, StoreError> {
    let rows = tx.query(
        &format!("{COLUMNS} AND kind = $2 AND id > $3 ORDER BY id LIMIT $4"),
        &[organization.into(), kind.into(), after.into(), most.into()],
    )?;
    rows.iter().map(read).collect()
}

/// Takes a subscription away, with what waits for it.
///
/// # Errors
/// [`StoreError::NotFound`].
pub fn remove(tx: &mut Tx<'_>, organization: &str, id: &str) -> Result<(), StoreError> {
    let named = [organization.into(), id.into()];
    for table in ["pending", "subscription_subject"] {
        tx.execute(&format!("DELETE FROM {table} WHERE organization = $1 AND subscription = $2"), &named)?;
    }
    tx.change_one("DELETE FROM subscription WHERE organization = $1 AND id = $2", &named, "such subscription")
}

/// Puts something behind what waits for a subscription, for each pair of a subscription's id and what is put. All that is
/// put by one transaction is numbered in this order.
///
/// # Errors
/// [`StoreError`].
pub fn put(tx: &mut Tx<'_>, organization: &str, all: Vec<(String, Pending)>) -> Result<(), StoreError> {
    let Some(more) = i64::try_from(all.len()).ok().filter(|more| *more > 0) else { return Ok(()) };
    // Whoever puts something next waits here, so that numbers are seen in their order.
    let last = crate::followed::advance(tx, organization, "pending", more)?;
    let mut counts = std::collections::BTreeMap::<String, i64>::new();
    let mut rows: Vec<Vec<Value>> = Vec::new();
    for (seq, (subscription, pending)) in (last.saturating_sub(more).saturating_add(1)..).zip(all) {
        let Pending { id, at, kind, body, .. } = pending;
        *counts.entry(subscription.clone()).or_default() += 1;
        rows.push(vec![
            organization.into(),
            (&subscription).into(),
            seq.into(),
            (&id).into(),
            at.into(),
            (&kind).into(),
            (&body).into(),
        ]);
    }
    tx.insert_all("INSERT INTO pending (organization, subscription, seq, id, at, kind, body)", rows, "")?;
    let mut by_count = std::collections::BTreeMap::<i64, Vec<Value>>::new();
    for (subscription, count) in &counts {
        by_count.entry(*count).or_default().push(subscription.into());
    }
    for (count, ids) in by_count {
        for some in ids.chunks(64) {
            let places: Vec<String> = (3..some.len() + 3).map(|number| format!("${number}")).collect();
            let values: Vec<Value> =
                [organization.into(), count.into()].into_iter().chain(some.iter().cloned()).collect();
            let statement = format!(
                "UPDATE subscription SET waiting = waiting + $2 WHERE organization = $1 AND id IN ({})",
                places.join(", ")
            );
            tx.execute(&statement, &values)?;
        }
    }
    Ok(())
}

/// What waits for a subscription, in order, at most so much.
///
/// # Errors
/// [`StoreError`].
pub fn pending(
    tx: &mut Tx<'_>,
    organization: &str,
    subscription: &str,
    most: i64,
) -> Result<Vec<Pending>, StoreError> {
    let rows = tx.query(
        "SELECT seq, id, at, kind, body FROM pending WHERE organization = $1 AND subscription = $2 ORDER BY seq LIMIT $3",
        &[organization.into(), subscription.into(), most.into()],
    )?;
    rows.iter().map(read_pending).collect()
}

fn read_pending(row: &Row) -> Result<Pending, StoreError> {
    Ok(Pending {
        seq: row.int(0)?,
        id: row.text(1)?,
        at: row.int(2)?,
        kind: row.text(3)?,
        body: row.text(4)?,
    })
}

/// Forgets what waits for a subscription.
///
/// # Errors
/// [`StoreError`].
pub fn clear(tx: &mut Tx<'_>, organization: &str, subscription: &str) -> Result<(), StoreError> {
    let named = [organization.into(), subscription.into()];
    tx.execute("DELETE FROM pending WHERE organization = $1 AND subscription = $2", &named)?;
    tx.execute("UPDATE subscription SET waiting = 0 WHERE organization = $1 AND id = $2", &named).map(drop)
}

/// Forgets what a subscription's reader has got, by what it knows it by. Gives how much of it waited.
///
/// # Errors
/// [`StoreError`].
pub fn acknowledge<'a>(
    tx: &mut Tx<'_>,
    organization: &str,
    subscription: &str,
    ids: impl Iterator<Item = &'a str>,
) -> Result<i64, StoreError> {
    let mut count = 0_i64;
    for id in ids {
        let gone = tx.execute(
            "DELETE FROM pending WHERE organization = $1 AND subscription = $2 AND id = $3",
            &[organization.into(), subscription.into(), id.into()],
        )?;
        count = count.saturating_add(i64::try_from(gone).unwrap_or_default());
    }
    less(tx, organization, subscription, count)?;
    Ok(count)
}

fn less(tx: &mut Tx<'_>, organization: &str, subscription: &str, count: i64) -> Result<(), StoreError> {
    if count == 0 {
        return Ok(());
    }
    tx.execute(
        "UPDATE subscription SET waiting = waiting - $3 WHERE organization = $1 AND id = $2",
        &[organization.into(), subscription.into(), count.into()],
    )
    .map(drop)
}

const DUE: &str = " AND url IS NOT NULL AND waiting > 0 AND state <> 'paused' AND due <= $2 AND (leased <= $2 OR process = $3)";

/// Whether there is something that [`claim`] would give.
///
/// # Errors
/// [`StoreError`].
pub fn is_due(tx: &mut Tx<'_>, organization: &str, process: &str, now: i64) -> Result<bool, StoreError> {
    let parameters = [organization.into(), now.into(), process.into()];
    Ok(!tx.query(&format!("{COLUMNS}{DUE} LIMIT 1"), &parameters)?.is_empty())
}

/// Takes those of the subscriptions for a process that something is to be sent to, except `busy`, until `until`, each with
/// the first of what waits for it, at most `most`. Times are Unix milliseconds.
///
/// # Errors
/// [`StoreError`].
pub fn claim(
    tx: &mut Tx<'_>,
    organization: &str,
    process: &str,
    (now, until): (i64, i64),
    most: i64,
    busy: &dyn Fn(&str) -> bool,
) -> Result<Vec<(Subscription, Vec<Pending>)>, StoreError> {
    let parameters = [organization.into(), now.into(), process.into()];
    let rows = tx.locked(&format!("{COLUMNS}{DUE} ORDER BY id"), &parameters)?;
    let found: Vec<Subscription> = rows.iter().map(read).collect::<Result<_, _>>()?;
    let found: Vec<Subscription> = found.into_iter().filter(|one| !busy(&one.id)).collect();
    let ids: Vec<Value> = found.iter().map(|one| (&one.id).into()).collect();
    for some in ids.chunks(64) {
        let first = [organization.into(), process.into(), until.into()];
        let places: Vec<String> = (4..some.len() + 4).map(|number| format!("${number}")).collect();
        let values: Vec<Value> = first.into_iter().chain(some.iter().cloned()).collect();
        let places = places.join(", ");
        tx.execute(
            &format!(
                "UPDATE subscription SET process = $2, leased = $3 WHERE organization = $1 AND id IN ({places})"
            ),
            &values,
        )?;
    }
    // Of most of them little waits, and all of it is read at once.
    let (few, many): (Vec<&Subscription>, Vec<&Subscription>) =
        found.iter().partition(|one| one.waiting <= most);
    let few: Vec<Value> = few.iter().map(|one| (&one.id).into()).collect();
    let rows = tx.query_in(
        "SELECT seq, id, at, kind, body, subscription FROM pending WHERE organization = $1 AND subscription",
        organization,
        &few,
    )?;
    let mut waiting = std::collections::BTreeMap::<String, Vec<Pending>>::new();
    for row in &rows {
        waiting.entry(row.text(5)?).or_default().push(read_pending(row)?);
    }
    for one in many {
        waiting.insert(one.id.clone(), pending(tx, organization, &one.id, most)?);
    }
    let mut claimed = Vec::new();
    for one in found {
        let mut pending = waiting.remove(&one.id).unwrap_or_default();
        pending.sort_by_key(|pending| pending.seq);
        claimed.push((one, pending));
    }
    Ok(claimed)
}

/// Writes what came of sending, and gives the subscription back.
///
/// # Errors
/// [`StoreError`].
pub fn settle(
    tx: &mut Tx<'_>,
    organization: &str,
    process: &str,
    outcome: &Outcome,
) -> Result<(), StoreError> {
    let Outcome { subscription, done, again } = outcome;
    let mut count = 0_i64;
    for seq in done {
        let gone = tx.execute(
            "DELETE FROM pending WHERE organization = $1 AND subscription = $2 AND seq = $3",
            &[organization.into(), subscription.into(), (*seq).into()],
        )?;
        count = count.saturating_add(i64::try_from(gone).unwrap_or_default());
    }
    less(tx, organization, subscription, count)?;
    let named = [organization.into(), subscription.into(), process.into()];
    tx.execute(
        "UPDATE subscription SET process = '', leased = 0 WHERE organization = $1 AND id = $2 AND process = $3",
        &named,
    )?;
    let (failures, due) = match again {
        Some(due) => ("failures + 1", *due),
        None => ("0", 0),
    };
    tx.execute(
        &format!(
            "UPDATE subscription SET failures = {failures}, due = $3 WHERE organization = $1 AND id = $2"
        ),
        &[organization.into(), subscription.into(), due.into()],
    )
    .map(drop)
}

/// Notes a subject that a subscription is not told of, or no longer.
///
/// # Errors
/// [`StoreError`].
pub fn leave_out(
    tx: &mut Tx<'_>,
    organization: &str,
    subscription: &str,
    subject: &str,
    leaves: bool,
) -> Result<(), StoreError> {
    let parameters = [organization.into(), subscription.into(), subject.into()];
    let statement = if leaves {
        "INSERT INTO subscription_subject (organization, subscription, subject) VALUES ($1, $2, $3) \
         ON CONFLICT (organization, subscription, subject) DO NOTHING"
    } else {
        "DELETE FROM subscription_subject WHERE organization = $1 AND subscription = $2 AND subject = $3"
    };
    tx.execute(statement, &parameters).map(drop)
}

/// The subjects that a subscription is not told of, at most so many.
///
/// # Errors
/// [`StoreError`].
pub fn left_out(
    tx: &mut Tx<'_>,
    organization: &str,
    subscription: &str,
    most: i64,
) -> Result<Vec<String>, StoreError> {
    let rows = tx.query(
        "SELECT subject FROM subscription_subject WHERE organization = $1 AND subscription = $2 ORDER BY subject LIMIT $3",
        &[organization.into(), subscription.into(), most.into()],
    )?;
    rows.iter().map(|row| row.text(0)).collect()
}

/// The subscriptions that are not told of all subjects.
///
/// # Errors
/// [`StoreError`].
pub fn leaving_out(tx: &mut Tx<'_>, organization: &str) -> Result<Vec<String>, StoreError> {
    let rows = tx.query(
        "SELECT DISTINCT subscription FROM subscription_subject WHERE organization = $1",
        &[organization.into()],
    )?;
    rows.iter().map(|row| row.text(0)).collect()
}
