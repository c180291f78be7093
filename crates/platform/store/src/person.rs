//! People who let programs act for them: who they are, by what they sign in, and which programs are known.

use crate::{
    error::StoreError,
    tx::Tx,
    value::{Row, Value},
};

/// Most codes of one person that may still be typed, and most of its sessions.
const MOST: i64 = 20;

/// A person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// Its name.
    pub name: String,
    /// Since when it is there, Unix seconds.
    pub created: i64,
}

/// What a person shows; only its digest is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Secret {
    /// A code that is typed once.
    Code,
    /// The cookie of whoever is signed in.
    Session,
}

impl Secret {
    fn name(self) -> &'static str {
        match self {
            Self::Code => "code",
            Self::Session => "session",
        }
    }
}

/// A program that an admin has told of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Client {
    /// Its `client_id`.
    pub id: String,
    /// What people are told that it is called.
    pub name: String,
    /// Where answers go, as a JSON array of URLs.
    pub redirects: String,
    /// Since when it is there, Unix seconds.
    pub created: i64,
}

/// Adds a person.
///
/// # Errors
/// [`StoreError::Exists`] where there is one of this name.
pub fn add(tx: &mut Tx<'_>, organization: &str, person: &Person) -> Result<(), StoreError> {
    if get(tx, organization, &person.name)?.is_some() {
        return Err(StoreError::Exists { what: format!("the person `{}`", person.name) });
    }
    tx.execute(
        "INSERT INTO person (organization, name, created) VALUES ($1, $2, $3)",
        &[organization.into(), person.name.as_str().into(), person.created.into()],
    )
    .map(drop)
}

fn person(row: &Row) -> Result<Person, StoreError> {
    Ok(Person { name: row.text(0)?, created: row.int(1)? })
}

/// A person by its name.
///
/// # Errors
/// [`StoreError`].
pub fn get(tx: &mut Tx<'_>, organization: &str, name: &str) -> Result<Option<Person>, StoreError> {
    let rows = tx.query(
        "SELECT name, created FROM person WHERE organization = $1 AND name = $2",
        &[organization.into(), name.into()],
    )?;
    rows.first().map(person).transpose()
}

/// People whose names come after `after`, in the order of their names, at most so many.
///
/// # Errors
/// [`StoreError`].
pub fn list(tx: &mut Tx<'_>, organization: &str, after: &str, most: i64) -> Result<Vec<Person>, StoreError> {
    let rows = tx.query(
        "SELECT name, created FROM person WHERE organization = $1 AND name > $2 ORDER BY name LIMIT $3",
        &[organization.into(), after.into(), most.into()],
    )?;
    rows.iter().map(person).collect()
}

/// Takes a person away, with all by which it could sign in.
///
/// # Errors
/// [`StoreError`].
pub fn remove(tx: &mut Tx<'_>, organization: &str, name: &str) -> Result<(), StoreError> {
    let of: [Value; 2] = [organization.into(), name.into()];
    tx.execute("DELETE FROM person_secret WHERE organization = $1 AND person = $2", &of)?;
    tx.execute("DELETE FROM person WHERE organization = $1 AND name = $2", &of).map(drop)
}

/// Keeps the digest of a secret of a person until a moment (Unix seconds), and says whether there was room for it: those that have
/// ended go first, and of sessions the one that ends first.
///
/// # Errors
/// [`StoreError`].
pub fn put_secret(
    tx: &mut Tx<'_>,
    organization: &str,
    (kind, digest): (Secret, &str),
    (person, until): (&str, i64),
    now: i64,
) -> Result<bool, StoreError> {
    tx.execute(
        "DELETE FROM person_secret WHERE organization = $1 AND until <= $2",
        &[organization.into(), now.into()],
    )?;
    let rows = tx.query(
        "SELECT COUNT(*) FROM person_secret WHERE organization = $1 AND kind = $2 AND person = $3",
        &[organization.into(), kind.name().into(), person.into()],
    )?;
    if rows.first().map_or(Ok(0), |row| row.int(0))? >= MOST {
        if kind == Secret::Code {
            return Ok(false);
        }
        tx.execute(
            "DELETE FROM person_secret WHERE organization = $1 AND kind = $2 AND person = $3 AND until = \
             (SELECT MIN(until) FROM person_secret WHERE organization = $1 AND kind = $2 AND person = $3)",
            &[organization.into(), kind.name().into(), person.into()],
        )?;
    }
    tx.execute(
        "INSERT INTO person_secret (organization, kind, digest, person, until) VALUES ($1, $2, $3, $4, $5)",
        &[organization.into(), kind.name().into(), digest.into(), person.into(), until.into()],
    )?;
    Ok(true)
}

/// Whose secret it is, where it holds at `now` (Unix seconds).
///
/// # Errors
/// [`StoreError`].
pub fn of_secret(
    tx: &mut Tx<'_>,
    organization: &str,
    (kind, digest): (Secret, &str),
    now: i64,
) -> Result<Option<String>, StoreError> {
    let rows = tx.query(
        "SELECT person FROM person_secret WHERE organization = $1 AND kind = $2 AND digest = $3 AND until > $4",
        &[organization.into(), kind.name().into(), digest.into(), now.into()],
    )?;
    rows.first().map(|row| row.text(0)).transpose()
}

/// Takes a secret away. Whether it was there says who of two that show it at once comes first.
///
/// # Errors
/// [`StoreError`].
pub fn take_secret(
    tx: &mut Tx<'_>,
    organization: &str,
    (kind, digest): (Secret, &str),
) -> Result<bool, StoreError> {
    let taken = tx.execute(
        "DELETE FROM person_secret WHERE organization = $1 AND kind = $2 AND digest = $3",
        &[organization.into(), kind.name().into(), digest.into()],
    )?;
    Ok(taken == 1)
}

/// Adds a program.
///
/// # Errors
/// [`StoreError`].
pub fn add_client(tx: &mut Tx<'_>, organization: &str, client: &Client) -> Result<(), StoreError> {
    let Client { id, name, redirects, created } = client;
    tx.execute(
        "INSERT INTO oauth_client (organization, id, name, redirects, created) VALUES ($1, $2, $3, $4, $5)",
        &[organization.into(), id.into(), name.into(), redirects.into(), (*created).into()],
    )
    .map(drop)
}

fn client(row: &Row) -> Result<Client, StoreError> {
    Ok(Client { id: row.text(0)?, name: row.text(1)?, redirects: row.text(2)?, created: row.int(3)? })
}

/// A program by its `client_id`.
///
/// # Errors
/// [`StoreError`].
pub fn client_of(tx: &mut Tx<'_>, organization: &str, id: &str) -> Result<Option<Client>, StoreError> {
    let rows = tx.query(
        "SELECT id, name, redirects, created FROM oauth_client WHERE organization = $1 AND id = $2",
        &[organization.into(), id.into()],
    )?;
    rows.first().map(client).transpose()
}

/// Programs whose ids come after `after`, in the order of their ids, at most so many.
///
/// # Errors
/// [`StoreError`].
pub fn clients(
    tx: &mut Tx<'_>,
    organization: &str,
    after: &str,
    most: i64,
) -> Result<Vec<Client>, StoreError> {
    let rows = tx.query(
        "SELECT id, name, redirects, created FROM oauth_client WHERE organization = $1 AND id > $2 ORDER BY id LIMIT $3",
        &[organization.into(), after.into(), most.into()],
    )?;
    rows.iter().map(client).collect()
}

/// Takes a program away, and says whether it was there.
///
/// # Errors
/// [`StoreError`].
pub fn remove_client(tx: &mut Tx<'_>, organization: &str, id: &str) -> Result<bool, StoreError> {
    let removed = tx.execute(
        "DELETE FROM oauth_client WHERE organization = $1 AND id = $2",
        &[organization.into(), id.into()],
    )?;
    Ok(removed == 1)
}
