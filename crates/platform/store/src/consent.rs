//! Consents of people, and the codes by which programs get tokens of them.

use crate::{error::StoreError, tx::Tx, value::Row};

/// For how long a code is remembered behind its end, seconds: whoever shows it once more ends what was bought by it. No token lives
/// longer.
const REMEMBERED: i64 = 3600;

/// A consent: who lets which program act for whom, where. What it may do is what the delegation of its agent says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consent {
    /// Its id, which is the name of the agent that acts by it.
    pub id: String,
    /// Who gave it.
    pub person: String,
    /// The `client_id` of the program.
    pub client: String,
    /// What the person was told that the program is called.
    pub client_name: String,
    /// The service that it is for.
    pub audience: String,
    /// When it was given first, and lately, Unix seconds.
    pub created: i64,
    /// When it was given lately, Unix seconds.
    pub changed: i64,
}

const COLUMNS: &str =
    "SELECT id, person, client, client_name, audience, created, changed FROM consent WHERE organization = $1";

fn consent(row: &Row) -> Result<Consent, StoreError> {
    Ok(Consent {
        id: row.text(0)?,
        person: row.text(1)?,
        client: row.text(2)?,
        client_name: row.text(3)?,
        audience: row.text(4)?,
        created: row.int(5)?,
        changed: row.int(6)?,
    })
}

/// Keeps a consent.
///
/// # Errors
/// [`StoreError`].
pub fn add(tx: &mut Tx<'_>, organization: &str, given: &Consent) -> Result<(), StoreError> {
    let Consent { id, person, client, client_name, audience, created, changed } = given;
    tx.execute(
        "INSERT INTO consent (organization, id, person, client, client_name, audience, created, changed) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        &[
            organization.into(),
            id.into(),
            person.into(),
            client.into(),
            client_name.into(),
            audience.into(),
            (*created).into(),
            (*changed).into(),
        ],
    )
    .map(drop)
}

/// Notes that a consent was given again at `now` (Unix seconds).
///
/// # Errors
/// [`StoreError`].
pub fn changed(
    tx: &mut Tx<'_>,
    organization: &str,
    (id, client_name): (&str, &str),
    now: i64,
) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE consent SET changed = $3, client_name = $4 WHERE organization = $1 AND id = $2",
        &[organization.into(), id.into(), now.into(), client_name.into()],
    )
    .map(drop)
}

/// A consent by its id.
///
/// # Errors
/// [`StoreError`].
pub fn get(tx: &mut Tx<'_>, organization: &str, id: &str) -> Result<Option<Consent>, StoreError> {
    let rows = tx.query(&format!("{COLUMNS} AND id = $2"), &[organization.into(), id.into()])?;
    rows.first().map(consent).transpose()
}

/// Consents whose ids come after `after`, in the order of their ids, at most so many; of one person where it is named.
///
/// # Errors
/// [`StoreError`].
pub fn list(
    tx: &mut Tx<'_>,
    organization: &str,
    person: Option<&str>,
    (after, most): (&str, i64),
) -> Result<Vec<Consent>, StoreError> {
    let rows = match person {
        None => tx.query(
            &format!("{COLUMNS} AND id > $2 ORDER BY id LIMIT $3"),
            &[organization.into(), after.into(), most.into()],
        )?,
        Some(person) => tx.query(
            &format!("{COLUMNS} AND person = $2 AND id > $3 ORDER BY id LIMIT $4"),
            &[organization.into(), person.into(), after.into(), most.into()],
        )?,
    };
    rows.iter().map(consent).collect()
}

/// The consents of a person for a program and a service, the last one first.
///
/// # Errors
/// [`StoreError`].
pub fn of(
    tx: &mut Tx<'_>,
    organization: &str,
    (person, client, audience): (&str, &str, &str),
) -> Result<Vec<Consent>, StoreError> {
    let rows = tx.query(
        &format!(
            "{COLUMNS} AND person = $2 AND client = $3 AND audience = $4 ORDER BY created DESC, id DESC LIMIT 1"
        ),
        &[organization.into(), person.into(), client.into(), audience.into()],
    )?;
    rows.iter().map(consent).collect()
}

/// A code that buys one token, or what a program gets with a token to get the next one by: that has no address and no challenge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Code {
    /// SHA-256 of the code, base64url.
    pub digest: String,
    /// The consent that it is of.
    pub consent: String,
    /// Where it was sent to.
    pub redirect: String,
    /// The challenge that whoever shows it answers (RFC 7636).
    pub challenge: String,
    /// The thumbprint of the key that the token is bound to, where one was named (RFC 9449 §10).
    pub bound_key: Option<String>,
    /// Until when it buys one, Unix seconds.
    pub until: i64,
    /// What the token that it has bought is known by.
    pub token: Option<String>,
    /// When it was shown once more, Unix seconds.
    pub twice: Option<i64>,
}

/// Keeps a code, and takes away those that ended long before `now` (Unix seconds).
///
/// # Errors
/// [`StoreError`].
pub fn add_code(tx: &mut Tx<'_>, organization: &str, code: &Code, now: i64) -> Result<(), StoreError> {
    tx.execute(
        "DELETE FROM authorization_code WHERE organization = $1 AND until < $2",
        &[organization.into(), now.saturating_sub(REMEMBERED).into()],
    )?;
    let Code { digest, consent, redirect, challenge, bound_key, until, .. } = code;
    tx.execute(
        "INSERT INTO authorization_code (organization, digest, consent, redirect, challenge, bound_key, until, token, twice) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, NULL, NULL)",
        &[
            organization.into(),
            digest.into(),
            consent.into(),
            redirect.into(),
            challenge.into(),
            bound_key.as_deref().into(),
            (*until).into(),
        ],
    )
    .map(drop)
}

/// A code by its digest.
///
/// # Errors
/// [`StoreError`].
pub fn code(tx: &mut Tx<'_>, organization: &str, digest: &str) -> Result<Option<Code>, StoreError> {
    let rows = tx.query(
        "SELECT digest, consent, redirect, challenge, bound_key, until, token, twice FROM authorization_code \
         WHERE organization = $1 AND digest = $2",
        &[organization.into(), digest.into()],
    )?;
    let code = |row: &Row| {
        Ok(Code {
            digest: row.text(0)?,
            consent: row.text(1)?,
            redirect: row.text(2)?,
            challenge: row.text(3)?,
            bound_key: row.maybe_text(4)?,
            until: row.int(5)?,
            token: row.maybe_text(6)?,
            twice: row.maybe_int(7)?,
        })
    };
    rows.first().map(code).transpose()
}

/// Notes which token a code has bought. Whether it had bought none before says who of two that show it at once gets one.
///
/// # Errors
/// [`StoreError`].
pub fn spend(tx: &mut Tx<'_>, organization: &str, (digest, token): (&str, &str)) -> Result<bool, StoreError> {
    let spent = tx.execute(
        "UPDATE authorization_code SET token = $3 WHERE organization = $1 AND digest = $2 AND token IS NULL",
        &[organization.into(), digest.into(), token.into()],
    )?;
    Ok(spent == 1)
}

/// Notes that a code was shown once more at `now` (Unix seconds).
///
/// # Errors
/// [`StoreError`].
pub fn shown_twice(tx: &mut Tx<'_>, organization: &str, digest: &str, now: i64) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE authorization_code SET twice = $3 WHERE organization = $1 AND digest = $2",
        &[organization.into(), digest.into(), now.into()],
    )
    .map(drop)
}

/// Ends all codes of a consent that have bought nothing yet.
///
/// # Errors
/// [`StoreError`].
pub fn end_codes(tx: &mut Tx<'_>, organization: &str, consent: &str) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE authorization_code SET until = 0 WHERE organization = $1 AND consent = $2 AND token IS NULL",
        &[organization.into(), consent.into()],
    )
    .map(drop)
}
