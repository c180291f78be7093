//! Denials that count against an agent, each once; and who was put in quarantine.
//!
//! A denied request uses up no nonce, so that whoever captured one can send it again. What counts is therefore what the agent
//! proved, by the digest of it: sent again it is the same. A request that has passed is none that was denied, however often it
//! is sent afterwards.

use crate::{
    error::StoreError,
    tx::Tx,
    value::{Row, Value},
};
use std::{collections::HashMap, sync::Arc};

/// For how long a denial is known, seconds: the longest window of a rule, and longer than anything that was signed is fresh.
pub const KNOWN: i64 = 86_400;
/// Most denials of one agent that are known. What is older than the newest of them counts no more.
const MOST_OF_ONE: i64 = 10_000;
/// Most denials of one agent that a process counts in a minute. In seven minutes, which is as long as anything that was signed is
/// fresh, they are fewer than are known, so that none is forgotten while it could be sent again.
const MOST_IN_A_MINUTE: u32 = 1200;
/// After how many of an agent it is looked whether there are too many.
const LOOK_AFTER: u32 = 64;
/// Most agents whose counts a process remembers.
const COUNTING: usize = 10_000;

/// What an agent has proved that was denied: its own signature over the request, or its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proved {
    /// The organization's own agent for whom it counts, by its DID.
    pub agent: String,
    /// SHA-256 of what was signed; of a request that came with a key something of its own.
    pub digest: [u8; 32],
    /// Whose key signed, and the nonce; `None` where a key was shown.
    pub nonce: Option<(String, String)>,
}

/// A denial to count.
pub(crate) struct Denied {
    pub(crate) proved: Proved,
    pub(crate) code: String,
    pub(crate) at: i64,
}

/// How many of an agent were counted: in which minute, how many in it, and how many since it was looked last. All of it may be
/// lost.
#[derive(Debug, Default)]
pub(crate) struct Counting(HashMap<(Arc<str>, String), (i64, u32, u32)>);

impl Counting {
    /// Whether one more of an agent is counted.
    fn has_room(&mut self, organization: &str, agent: &str, at: i64) -> bool {
        if self.0.len() >= COUNTING {
            self.0.clear();
        }
        let (minute, name) = (at.div_euclid(60), (organization.into(), agent.to_owned()));
        let (of, count, _) = self.0.entry(name).or_default();
        if *of != minute {
            (*of, *count) = (minute, 0);
        }
        *count < MOST_IN_A_MINUTE
    }

    /// Counts one that is new, and says whether it is to be looked for too many of its agent. What is sent again takes no
    /// room from what is new.
    fn added(&mut self, organization: &str, agent: &str) -> bool {
        let Some((_, count, since)) = self.0.get_mut(&(organization.into(), agent.to_owned())) else {
            return false;
        };
        (*count, *since) = (count.saturating_add(1), since.saturating_add(1));
        let is_due = *since >= LOOK_AFTER;
        if is_due {
            *since = 0;
        }
        is_due
    }
}

/// Counts denials, each once.
pub(crate) fn count(
    tx: &mut Tx<'_>,
    organization: &str,
    denied: Vec<Denied>,
    counting: &mut Counting,
) -> Result<(), StoreError> {
    for Denied { proved: Proved { agent, digest, nonce }, code, at } in denied {
        if !counting.has_room(organization, &agent, at) || has_passed(tx, organization, nonce)? {
            continue;
        }
        let row: [Value; 5] =
            [organization.into(), (&agent).into(), digest.into(), (&code).into(), at.into()];
        let added = tx.execute(
            "INSERT INTO denial (organization, agent, digest, code, at) VALUES ($1, $2, $3, $4, $5) \
             ON CONFLICT (organization, agent, digest) DO NOTHING",
            &row,
        )?;
        if added > 0 && counting.added(organization, &agent) {
            tx.execute(
                "DELETE FROM denial WHERE organization = $1 AND agent = $2 AND (at < $3 OR at < \
                 (SELECT at FROM denial WHERE organization = $1 AND agent = $2 ORDER BY at DESC LIMIT 1 OFFSET $4))",
                &[organization.into(), (&agent).into(), at.saturating_sub(KNOWN).into(), MOST_OF_ONE.into()],
            )?;
        }
    }
    Ok(())
}

/// Whether what was signed with a nonce has passed before: it is sent again by whoever saw it then.
fn has_passed(
    tx: &mut Tx<'_>,
    organization: &str,
    nonce: Option<(String, String)>,
) -> Result<bool, StoreError> {
    let Some((signer, nonce)) = nonce else { return Ok(false) };
    let rows = tx.query(
        "SELECT until FROM nonce WHERE organization = $1 AND signer = $2 AND nonce = $3",
        &[organization.into(), signer.into(), nonce.into()],
    )?;
    Ok(!rows.is_empty())
}

/// The agents that were denied something after a moment (Unix seconds), by their DIDs, at most so many.
///
/// # Errors
/// [`StoreError`].
pub fn denied_after(
    tx: &mut Tx<'_>,
    organization: &str,
    after: i64,
    most: i64,
) -> Result<Vec<String>, StoreError> {
    let rows = tx.query(
        "SELECT DISTINCT agent FROM denial WHERE organization = $1 AND at > $2 ORDER BY agent LIMIT $3",
        &[organization.into(), after.into(), most.into()],
    )?;
    rows.iter().map(|row| row.text(0)).collect()
}

/// The codes of what an agent was denied after a moment (Unix seconds), the newest first, as far as they are among `codes`, at most
/// so many.
///
/// # Errors
/// [`StoreError`].
pub fn denials(
    tx: &mut Tx<'_>,
    organization: &str,
    (agent, codes): (&str, &[String]),
    (after, most): (i64, i64),
) -> Result<Vec<String>, StoreError> {
    let places: Vec<String> = (5..codes.len().saturating_add(5)).map(|number| format!("${number}")).collect();
    let mut values: Vec<Value> = vec![organization.into(), agent.into(), after.into(), most.into()];
    values.extend(codes.iter().map(Value::from));
    let rows = tx.query(
        &format!(
            "SELECT code FROM denial WHERE organization = $1 AND agent = $2 AND at > $3 AND code IN ({}) \
             ORDER BY at DESC LIMIT $4",
            places.join(", ")
        ),
        &values,
    )?;
    rows.iter().map(|row| row.text(0)).collect()
}

/// Forgets denials that no rule counts any more at `now` (Unix seconds).
///
/// # Errors
/// [`StoreError`].
pub fn forget(tx: &mut Tx<'_>, organization: &str, now: i64) -> Result<(), StoreError> {
    tx.execute(
        "DELETE FROM denial WHERE organization = $1 AND at < $2",
        &[organization.into(), now.saturating_sub(KNOWN).into()],
    )
    .map(drop)
}

/// Whether there are such denials.
///
/// # Errors
/// [`StoreError`].
pub fn is_due(tx: &mut Tx<'_>, organization: &str, now: i64) -> Result<bool, StoreError> {
    let rows = tx.query(
        "SELECT at FROM denial WHERE organization = $1 AND at < $2 LIMIT 1",
        &[organization.into(), now.saturating_sub(KNOWN).into()],
    )?;
    Ok(!rows.is_empty())
}

/// What is known of a holder's quarantine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quarantine {
    /// The holder's id.
    pub holder: String,
    /// The rule that suspended it; empty where none did since it was resumed.
    pub rule: String,
    /// Why, for people.
    pub reason: String,
    /// When, Unix seconds.
    pub at: i64,
    /// What was before counts no more: when it was resumed last, Unix seconds.
    pub counted_from: i64,
}

const COLUMNS: &str = "SELECT holder, rule, reason, at, counted_from FROM quarantine WHERE organization = $1";

fn read(row: &Row) -> Result<Quarantine, StoreError> {
    Ok(Quarantine {
        holder: row.text(0)?,
        rule: row.text(1)?,
        reason: row.text(2)?,
        at: row.int(3)?,
        counted_from: row.int(4)?,
    })
}

/// Writes it.
///
/// # Errors
/// [`StoreError`].
pub fn put(tx: &mut Tx<'_>, organization: &str, one: &Quarantine) -> Result<(), StoreError> {
    let Quarantine { holder, rule, reason, at, counted_from } = one;
    tx.execute(
        "INSERT INTO quarantine (organization, holder, rule, reason, at, counted_from) VALUES ($1, $2, $3, $4, $5, $6) \
         ON CONFLICT (organization, holder) DO UPDATE SET rule = excluded.rule, reason = excluded.reason, \
         at = excluded.at, counted_from = excluded.counted_from",
        &[
            organization.into(),
            holder.into(),
            rule.into(),
            reason.into(),
            (*at).into(),
            (*counted_from).into(),
        ],
    )
    .map(drop)
}

/// That of a holder; `None` where it never had anything to do with any.
///
/// # Errors
/// [`StoreError`].
pub fn of(tx: &mut Tx<'_>, organization: &str, holder: &str) -> Result<Option<Quarantine>, StoreError> {
    let rows = tx.query(&format!("{COLUMNS} AND holder = $2"), &[organization.into(), holder.into()])?;
    rows.first().map(read).transpose()
}

/// Those that a rule has put there and nobody has resumed, whose holders' ids come after `after`, in their order, at most so many.
///
/// # Errors
/// [`StoreError`].
pub fn list(
    tx: &mut Tx<'_>,
    organization: &str,
    after: &str,
    most: i64,
) -> Result<Vec<Quarantine>, StoreError> {
    let rows = tx.query(
        &format!("{COLUMNS} AND holder > $2 AND rule <> '' ORDER BY holder LIMIT $3"),
        &[organization.into(), after.into(), most.into()],
    )?;
    rows.iter().map(read).collect()
}

/// How many a rule has put there after a moment (Unix seconds), who are there still; counted up to `most`.
///
/// # Errors
/// [`StoreError`].
pub fn by_rule(
    tx: &mut Tx<'_>,
    organization: &str,
    rule: &str,
    (after, most): (i64, i64),
) -> Result<usize, StoreError> {
    let rows = tx.query(
        "SELECT holder FROM quarantine WHERE organization = $1 AND rule = $2 AND at > $3 LIMIT $4",
        &[organization.into(), rule.into(), after.into(), most.into()],
    )?;
    Ok(rows.len())
}
