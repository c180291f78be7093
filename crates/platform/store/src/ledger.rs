//! The durable ledger: permits are judged by the verifier's own [`MemoryLedger`], of which what they look at is read
//! from the tables, and what has become of it is written back, in one transaction that has the organization's row.

use crate::{
    error::StoreError,
    migrate,
    till::table,
    tx::Tx,
    value::{Row, Value, count},
};
use legation_credential::Window;
use legation_verifier::{
    LedgerLimits, MemoryLedger,
    ledger::parts::{KeptLink, KeptNonce, KeptTotal, Names, Part, Whole},
};
use std::collections::{BTreeMap, BTreeSet};

/// Most nonces and totals that one transaction forgets.
const SWEEP: i64 = 256;
/// How much later than by the clock of a commit something is forgotten, in seconds: whose clock is behind that of
/// another process by less is not refused for want of memory.
pub(crate) const LATER: i64 = 60;

/// What of an organization each commit looks at.
pub(crate) struct Head {
    pub(crate) epoch: i64,
    pub(crate) receipts: i64,
    whole: Whole,
    /// Up to when nobody knows what was taken, Unix seconds.
    unknown: Option<i64>,
}

impl Head {
    /// The ledger of which this part is at hand.
    pub(crate) fn memory(&self, part: Part) -> MemoryLedger {
        let memory = MemoryLedger::of_part(limits(), part);
        match self.unknown {
            Some(moment) => memory.unknown_until(moment),
            None => memory,
        }
    }
}

/// The bounds of a ledger in a store. Of a sliding window fewer moments are kept than in memory, since a total is
/// written whole: those within the 32nd part of it count as one.
#[must_use]
pub fn limits() -> LedgerLimits {
    LedgerLimits {
        moments: 64,
        nonces: 10_000_000,
        totals: 10_000_000,
        totals_per_root: 5_000_000,
        nonces_per_root: 5_000_000,
        ..LedgerLimits::default()
    }
}

/// Locks the organization's row: commits and verbs of one organization go one after another. One that is closed commits
/// nothing.
pub(crate) fn head(tx: &mut Tx<'_>, organization: &str) -> Result<Head, StoreError> {
    match head_closed(tx, organization)? {
        (_, Some(why)) => Err(StoreError::Restored { why }),
        (head, None) => Ok(head),
    }
}

/// As [`head`], also of one that is closed, with the reason for it.
pub(crate) fn head_closed(tx: &mut Tx<'_>, organization: &str) -> Result<(Head, Option<String>), StoreError> {
    let sql = format!(
        "SELECT epoch, receipts, nonces, totals, forgotten, ended, begun, unknown, closed, closed_why, {} \
         FROM organization WHERE id = $1",
        migrate::COMPATIBLE_FROM
    );
    let rows = tx.locked(&sql, &[organization.into()])?;
    let row = rows.first().ok_or_else(|| StoreError::NotFound { what: "such organization".to_owned() })?;
    migrate::must_be_known(row.int(10)?)?;
    let closed = row.maybe_int(8)?;
    let why = closed.map(|_| row.maybe_text(9)).transpose()?.map(Option::unwrap_or_default);
    let head = Head {
        epoch: row.int(0)?,
        receipts: row.int(1)?,
        whole: Whole {
            nonces: row.count(2)?,
            totals: row.count(3)?,
            forgotten: row.maybe_int(4)?,
            ended: row.maybe_int(5)?,
            begun: row.maybe_int(6)?,
        },
        unknown: row.maybe_int(7)?,
    };
    Ok((head, why))
}

/// Writes the head back.
pub(crate) fn set_head(tx: &mut Tx<'_>, organization: &str, head: &Head) -> Result<(), StoreError> {
    let Whole { nonces, totals, forgotten, ended, .. } = head.whole;
    tx.execute(
        "UPDATE organization SET receipts = $2, nonces = $3, totals = $4, forgotten = $5, ended = $6 WHERE id = $1",
        &[organization.into(), head.receipts.into(), count(nonces), count(totals), forgotten.into(), ended.into()],
    )?;
    Ok(())
}

/// Reads what names say, and what has ended by `ended` (Unix seconds), where that is to be forgotten.
pub(crate) fn load(
    tx: &mut Tx<'_>,
    organization: &str,
    head: &Head,
    names: &Names,
    ended: Option<i64>,
) -> Result<Part, StoreError> {
    let mut part = Part { whole: head.whole, ..Part::default() };
    load_totals(tx, organization, names, ended, &mut part)?;
    load_nonces(tx, organization, names, ended, &mut part)?;
    let mut links: BTreeSet<[u8; 32]> = names.links.clone();
    links.extend(part.totals.iter().map(|total| total.link));
    links.extend(part.nonces.iter().map(|nonce| nonce.link));
    let mut known: BTreeMap<[u8; 32], KeptLink> = BTreeMap::new();
    // A chain has sixteen links at most.
    for _ in 0..32 {
        if links.is_empty() {
            break;
        }
        let keys: Vec<Value> = links.iter().map(|link| (*link).into()).collect();
        let rows = tx.query_in(
            "SELECT link, parent, nonces, totals FROM room WHERE organization = $1 AND link",
            organization,
            &keys,
        )?;
        for row in rows {
            let link = row.digest(0)?;
            let kept =
                KeptLink { link, parent: row.maybe_digest(1)?, nonces: row.count(2)?, totals: row.count(3)? };
            known.insert(link, kept);
        }
        let parents = known.values().filter_map(|kept| kept.parent);
        links = parents.filter(|parent| !known.contains_key(parent)).collect();
    }
    part.links = known.into_values().collect();
    Ok(part)
}

const TOTALS: &str =
    "SELECT name, link, span, moments, forgotten, ends FROM total WHERE organization = $1 AND";

/// A total by its name ([`legation_verifier::ledger::parts::total_name`]); `None` where nothing was ever taken of it, or all
/// of that has left its window.
///
/// # Errors
/// [`StoreError`].
pub fn total(tx: &mut Tx<'_>, organization: &str, name: [u8; 32]) -> Result<Option<KeptTotal>, StoreError> {
    let rows = tx.query(&format!("{TOTALS} name = $2"), &[organization.into(), name.into()])?;
    let mut total = rows.first().map(read_total).transpose()?;
    if let Some(total) = &mut total {
        table::without_free(tx, organization, total)?;
    }
    Ok(total)
}

/// Up to when nobody knows what was taken of an organization's totals, Unix seconds; `None` where all of it is known. Where the
/// window of one reaches back to before that, nothing of it is left.
///
/// # Errors
/// [`StoreError`].
pub fn unknown(tx: &mut Tx<'_>, organization: &str) -> Result<Option<i64>, StoreError> {
    let rows = tx.query("SELECT unknown FROM organization WHERE id = $1", &[organization.into()])?;
    rows.first().map_or(Ok(None), |row| row.maybe_int(0))
}

fn load_totals(
    tx: &mut Tx<'_>,
    organization: &str,
    names: &Names,
    ended: Option<i64>,
    part: &mut Part,
) -> Result<(), StoreError> {
    let keys: Vec<Value> = names.totals.iter().map(|name| (*name).into()).collect();
    let mut rows = tx.query_in(&format!("{TOTALS} name"), organization, &keys)?;
    if let Some(ended) = ended {
        rows.extend(tx.query(
            &format!("{TOTALS} ends <= $2 ORDER BY ends LIMIT $3"),
            &[organization.into(), ended.into(), SWEEP.into()],
        )?);
    }
    let mut totals = BTreeMap::new();
    for row in rows {
        let total = read_total(&row)?;
        totals.insert(total.name, total);
    }
    part.totals = totals.into_values().collect();
    Ok(())
}

fn load_nonces(
    tx: &mut Tx<'_>,
    organization: &str,
    names: &Names,
    ended: Option<i64>,
    part: &mut Part,
) -> Result<(), StoreError> {
    const COLUMNS: &str =
        "SELECT signer, nonce, link, until, expires_at FROM nonce WHERE organization = $1 AND";
    let mut rows = Vec::new();
    for (signer, nonce) in &names.nonces {
        let parameters = [organization.into(), signer.into(), nonce.into()];
        rows.extend(tx.query(&format!("{COLUMNS} signer = $2 AND nonce = $3"), &parameters)?);
    }
    if let Some(ended) = ended {
        rows.extend(tx.query(
            &format!("{COLUMNS} until <= $2 ORDER BY until LIMIT $3"),
            &[organization.into(), ended.into(), SWEEP.into()],
        )?);
    }
    let mut nonces = BTreeMap::new();
    for row in rows {
        let one = KeptNonce {
            key: row.text(0)?,
            nonce: row.text(1)?,
            link: row.digest(2)?,
            until: row.int(3)?,
            expires_at: row.int(4)?,
        };
        nonces.insert((one.key.clone(), one.nonce.clone()), one);
    }
    part.nonces = nonces.into_values().collect();
    let signers: BTreeSet<&String> =
        names.nonces.iter().map(|(signer, _)| signer).chain(part.nonces.iter().map(|one| &one.key)).collect();
    let signers: Vec<Value> = signers.into_iter().map(Value::from).collect();
    let rows = tx.query_in(
        "SELECT signer, nonces FROM nonce_count WHERE organization = $1 AND signer",
        organization,
        &signers,
    )?;
    let counts = rows.iter().map(|row| Ok((row.text(0)?, row.count(1)?)));
    let counts: BTreeMap<String, usize> = counts.collect::<Result<_, StoreError>>()?;
    part.keys = counts.into_iter().collect();
    Ok(())
}

/// Writes what has become of a part, and takes its whole over into the head.
pub(crate) fn save(
    tx: &mut Tx<'_>,
    organization: &str,
    head: &mut Head,
    before: &Part,
    ledger: &MemoryLedger,
) -> Result<(), StoreError> {
    let after = ledger.part();
    head.whole = after.whole;
    save_totals(tx, organization, before, &after)?;
    save_nonces(tx, organization, before, &after)?;
    let old: BTreeMap<_, _> = before.links.iter().map(|link| (link.link, link)).collect();
    let new: BTreeSet<_> = after.links.iter().map(|link| link.link).collect();
    for link in old.keys().filter(|link| !new.contains(*link)) {
        tx.execute(
            "DELETE FROM room WHERE organization = $1 AND link = $2",
            &[organization.into(), (*link).into()],
        )?;
    }
    let changed = after.links.iter().filter(|link| old.get(&link.link) != Some(link));
    let row = |link: &KeptLink| {
        vec![
            organization.into(),
            link.link.into(),
            link.parent.into(),
            count(link.nonces),
            count(link.totals),
        ]
    };
    tx.insert_all(
        "INSERT INTO room (organization, link, parent, nonces, totals)",
        changed.map(row).collect(),
        "ON CONFLICT (organization, link) DO UPDATE SET nonces = excluded.nonces, totals = excluded.totals",
    )
}

fn save_totals(tx: &mut Tx<'_>, organization: &str, before: &Part, after: &Part) -> Result<(), StoreError> {
    let old: BTreeMap<_, _> = before.totals.iter().map(|total| (total.name, total)).collect();
    let new: BTreeSet<_> = after.totals.iter().map(|total| total.name).collect();
    for name in old.keys().filter(|name| !new.contains(*name)) {
        tx.execute(
            "DELETE FROM total WHERE organization = $1 AND name = $2",
            &[organization.into(), (*name).into()],
        )?;
    }
    let changed = after.totals.iter().filter(|total| old.get(&total.name) != Some(total));
    let row = |total: &KeptTotal| {
        vec![
            organization.into(),
            total.name.into(),
            total.link.into(),
            write_window(total.window).into(),
            write_moments(&total.moments).into(),
            total.forgotten.into(),
            total.ends.into(),
        ]
    };
    tx.insert_all(
        "INSERT INTO total (organization, name, link, span, moments, forgotten, ends)",
        changed.map(row).collect(),
        "ON CONFLICT (organization, name) DO UPDATE SET link = excluded.link, span = excluded.span, \
         moments = excluded.moments, forgotten = excluded.forgotten, ends = excluded.ends",
    )
}

fn save_nonces(tx: &mut Tx<'_>, organization: &str, before: &Part, after: &Part) -> Result<(), StoreError> {
    let name = |one: &KeptNonce| (one.key.clone(), one.nonce.clone());
    let old: BTreeMap<_, _> = before.nonces.iter().map(|one| (name(one), one)).collect();
    let new: BTreeMap<_, _> = after.nonces.iter().map(|one| (name(one), one)).collect();
    // One that had ended and was used anew is another one: it is remembered from now on.
    for (signer, nonce) in old.iter().filter(|(name, one)| new.get(*name) != Some(one)).map(|(name, _)| name)
    {
        tx.execute(
            "DELETE FROM nonce WHERE organization = $1 AND signer = $2 AND nonce = $3",
            &[organization.into(), signer.into(), nonce.into()],
        )?;
    }
    let added = after.nonces.iter().filter(|one| old.get(&name(one)) != Some(one));
    let row = |one: &KeptNonce| {
        vec![
            organization.into(),
            (&one.key).into(),
            (&one.nonce).into(),
            one.link.into(),
            one.until.into(),
            one.expires_at.into(),
        ]
    };
    // Not `ON CONFLICT`: a nonce that is there already must fail, whatever was read.
    tx.insert_all(
        "INSERT INTO nonce (organization, signer, nonce, link, until, expires_at)",
        added.map(row).collect(),
        "",
    )?;
    let counts: BTreeMap<_, _> = before.keys.iter().cloned().collect();
    for (signer, nonces) in after.keys.iter().filter(|(signer, nonces)| counts.get(signer) != Some(nonces)) {
        if *nonces == 0 {
            let sql = "DELETE FROM nonce_count WHERE organization = $1 AND signer = $2";
            tx.execute(sql, &[organization.into(), signer.into()])?;
            continue;
        }
        tx.execute(
            "INSERT INTO nonce_count (organization, signer, nonces) VALUES ($1, $2, $3) \
             ON CONFLICT (organization, signer) DO UPDATE SET nonces = excluded.nonces",
            &[organization.into(), signer.into(), count(*nonces)],
        )?;
    }
    Ok(())
}

fn read_total(row: &Row) -> Result<KeptTotal, StoreError> {
    let wrong = || StoreError::unavailable("a total can't be read");
    Ok(KeptTotal {
        name: row.digest(0)?,
        link: row.digest(1)?,
        window: read_window(&row.text(2)?).ok_or_else(wrong)?,
        moments: read_moments(&row.bytes(3)?).ok_or_else(wrong)?,
        forgotten: row.maybe_int(4)?,
        ends: row.int(5)?,
    })
}

/// `3600`, or `day`, or `month+02:00`.
fn write_window(window: Window) -> String {
    match window {
        Window::Sliding { seconds } => seconds.to_string(),
        Window::Calendar { period, .. } => {
            format!(
                "{} {}",
                period.name(),
                window.offset().map_or(String::new(), |offset| offset.to_string())
            )
        }
    }
}

fn read_window(text: &str) -> Option<Window> {
    if let Ok(seconds) = text.parse() {
        return Some(Window::Sliding { seconds });
    }
    let (period, offset) = text.split_once(' ')?;
    Window::calendar(period, Some(offset).filter(|offset| !offset.is_empty()))
}

fn write_moments(moments: &[(i64, i64)]) -> Vec<u8> {
    moments
        .iter()
        .flat_map(|(moment, amount)| [moment.to_be_bytes(), amount.to_be_bytes()])
        .flatten()
        .collect()
}

fn read_moments(bytes: &[u8]) -> Option<Vec<(i64, i64)>> {
    let mut numbers = bytes.chunks_exact(8).map(|some| some.try_into().ok().map(i64::from_be_bytes));
    let mut moments = Vec::with_capacity(bytes.len() / 16);
    while let Some(moment) = numbers.next() {
        moments.push((moment?, numbers.next()??));
    }
    bytes.len().is_multiple_of(16).then_some(moments)
}
