//! A transaction, as verbs see it.

use crate::{
    connection::Connection,
    error::StoreError,
    value::{Row, Value},
};
use sha2::{Digest, Sha256};

/// What a verb reads and changes, all of it or nothing. It is made by [`crate::Store`] only.
pub struct Tx<'a> {
    connection: &'a mut Connection,
    pub(crate) traces: Traces,
}

/// What a transaction leaves for others to notice.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Traces {
    /// It has raised the epoch of an organization.
    pub(crate) raised: bool,
    /// It has appended an event.
    pub(crate) told: bool,
}

impl Traces {
    pub(crate) fn add(&mut self, other: Self) {
        self.raised |= other.raised;
        self.told |= other.told;
    }
}

/// A change of an organization, as it is told to others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewEvent<'a> {
    /// What happened, such as `agent.suspended`.
    pub kind: &'a str,
    /// To whom or what: an id or a name.
    pub subject: &'a str,
    /// Who did it.
    pub actor: &'a str,
    /// Further members, as JSON.
    pub data: &'a str,
    /// Whether decisions depend on it, so that the epoch is raised.
    pub decides: bool,
}

/// An event as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Its number; they have no gaps.
    pub seq: i64,
    /// When, Unix seconds.
    pub at: i64,
    /// What happened.
    pub kind: String,
    /// To whom or what.
    pub subject: String,
    /// Who did it.
    pub actor: String,
    /// Further members, as JSON.
    pub data: String,
    /// SHA-256 of the event before it.
    pub previous: [u8; 32],
}

const EVENT: &str = "INSERT INTO event (organization, seq, at, kind, subject, actor, data, previous)";

impl Event {
    /// The one that comes after another, whose number and digest are given.
    fn after((seq, previous): (i64, [u8; 32]), new: &NewEvent<'_>, at: i64) -> Self {
        let NewEvent { kind, subject, actor, data, .. } = *new;
        let [kind, subject, actor, data] = [kind, subject, actor, data].map(str::to_owned);
        Self { seq: seq.saturating_add(1), at, kind, subject, actor, data, previous }
    }

    fn row(&self, organization: &str) -> Vec<Value> {
        let Self { seq, at, kind, subject, actor, data, previous } = self;
        vec![
            organization.into(),
            (*seq).into(),
            (*at).into(),
            kind.into(),
            subject.into(),
            actor.into(),
            data.into(),
            (*previous).into(),
        ]
    }

    /// SHA-256 of the event: of its members, each with its length before it.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        let mut digest = Sha256::new_with_prefix("legation event\n");
        let (seq, at) = (self.seq.to_string(), self.at.to_string());
        let texts = [&seq, &at, &self.kind, &self.subject, &self.actor, &self.data];
        for text in texts {
            digest.update(format!("{}\n", text.len()));
            digest.update(text);
        }
        digest.update(self.previous);
        digest.finalize().into()
    }
}

impl core::fmt::Debug for Tx<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Tx")
    }
}

impl<'a> Tx<'a> {
    pub(crate) fn new(connection: &'a mut Connection) -> Self {
        Self { connection, traces: Traces::default() }
    }

    /// Runs a verb whose changes are taken back where it fails, while those before it stay. Gives what it gave.
    ///
    /// # Errors
    /// [`StoreError`] where it can't even be taken back.
    pub fn attempt<T, E>(
        &mut self,
        verb: impl FnOnce(&mut Tx<'_>) -> Result<T, E>,
    ) -> Result<Result<T, E>, StoreError> {
        self.connection.batch("SAVEPOINT attempt")?;
        let mut within = Tx::new(self.connection);
        let outcome = verb(&mut within);
        let traces = within.traces;
        self.traces.add(traces);
        self.connection.batch(match &outcome {
            Ok(_) => "RELEASE SAVEPOINT attempt",
            Err(_) => "ROLLBACK TO SAVEPOINT attempt; RELEASE SAVEPOINT attempt",
        })?;
        Ok(outcome)
    }

    pub(crate) fn connection(&mut self) -> &mut Connection {
        self.connection
    }

    pub(crate) fn query(&mut self, sql: &str, parameters: &[Value]) -> Result<Vec<Row>, StoreError> {
        self.connection.query(sql, parameters)
    }

    pub(crate) fn locked(&mut self, sql: &str, parameters: &[Value]) -> Result<Vec<Row>, StoreError> {
        self.connection.locked(sql, parameters)
    }

    pub(crate) fn execute(&mut self, sql: &str, parameters: &[Value]) -> Result<u64, StoreError> {
        self.connection.execute(sql, parameters)
    }

    /// Runs a statement that changes one row; `what` is told where there is none.
    pub(crate) fn change_one(
        &mut self,
        sql: &str,
        parameters: &[Value],
        what: &str,
    ) -> Result<(), StoreError> {
        match self.execute(sql, parameters)? {
            0 => Err(StoreError::NotFound { what: what.to_owned() }),
            _ => Ok(()),
        }
    }

    /// Runs a statement for rows of the same width: `head` up to `VALUES`, and `tail` after it. Several go in one
    /// statement, in few sizes, so that it stays prepared.
    pub(crate) fn insert_all(
        &mut self,
        head: &str,
        rows: Vec<Vec<Value>>,
        tail: &str,
    ) -> Result<(), StoreError> {
        let mut left = rows.into_iter().peekable();
        while left.peek().is_some() {
            let size = [64, 16, 4, 1].into_iter().find(|size| left.len() >= *size).unwrap_or(1);
            let taken: Vec<Vec<Value>> = left.by_ref().take(size).collect();
            let mut number = 0;
            let mut places = |row: &Vec<Value>| {
                let row: Vec<String> = row
                    .iter()
                    .map(|_| {
                        number += 1;
                        format!("${number}")
                    })
                    .collect();
                format!("({})", row.join(", "))
            };
            let places: Vec<String> = taken.iter().map(&mut places).collect();
            let values: Vec<Value> = taken.into_iter().flatten().collect();
            self.execute(&format!("{head} VALUES {} {tail}", places.join(", ")), &values)?;
        }
        Ok(())
    }

    /// Queries for as many keys as there are, some at a time: `head`, then `IN (…)`, with the organization as `$1`.
    pub(crate) fn query_in(
        &mut self,
        head: &str,
        organization: &str,
        keys: &[Value],
    ) -> Result<Vec<Row>, StoreError> {
        let mut rows = Vec::new();
        for some in keys.chunks(64) {
            // Few sizes, so that it stays prepared: the last key stands several times.
            let size = [1, 4, 16, 64].into_iter().find(|size| some.len() <= *size).unwrap_or(64);
            let padding = some.last().into_iter().cycle().take(size - some.len());
            let values: Vec<Value> =
                core::iter::once(organization.into()).chain(some.iter().chain(padding).cloned()).collect();
            let places: Vec<String> = (2..size + 2).map(|number| format!("${number}")).collect();
            rows.extend(self.query(&format!("{head} IN ({})", places.join(", ")), &values)?);
        }
        Ok(rows)
    }

    /// Appends an event at `at` (Unix seconds) and gives its number. Verbs of one organization that append wait for
    /// one another.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn append(&mut self, organization: &str, event: &NewEvent<'_>, at: i64) -> Result<i64, StoreError> {
        let decides = event.decides;
        let event = Event::after(self.last(organization)?, event, at);
        self.insert_all(EVENT, vec![event.row(organization)], "")?;
        self.told(organization, (event.seq, event.digest()), decides.into())?;
        Ok(event.seq)
    }

    /// Appends events that have one time and one author, in their order, as [`Tx::append`] appends one.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn append_all(
        &mut self,
        organization: &str,
        events: &[NewEvent<'_>],
        at: i64,
    ) -> Result<(), StoreError> {
        let (mut seq, mut previous) = self.last(organization)?;
        let (mut rows, mut raised) = (Vec::with_capacity(events.len()), 0_i64);
        for new in events {
            let event = Event::after((seq, previous), new, at);
            (seq, previous) = (event.seq, event.digest());
            raised = raised.saturating_add(new.decides.into());
            rows.push(event.row(organization));
        }
        self.insert_all(EVENT, rows, "")?;
        self.told(organization, (seq, previous), raised)
    }

    /// The number of the last event and its digest; nobody else appends until the transaction ends.
    fn last(&mut self, organization: &str) -> Result<(i64, [u8; 32]), StoreError> {
        let rows = self
            .locked("SELECT events, event_digest FROM organization WHERE id = $1", &[organization.into()])?;
        let row =
            rows.first().ok_or_else(|| StoreError::NotFound { what: "such organization".to_owned() })?;
        Ok((row.int(0)?, row.digest(1)?))
    }

    fn told(
        &mut self,
        organization: &str,
        (seq, digest): (i64, [u8; 32]),
        raised: i64,
    ) -> Result<(), StoreError> {
        self.execute(
            "UPDATE organization SET events = $2, event_digest = $3, epoch = epoch + $4 WHERE id = $1",
            &[organization.into(), seq.into(), digest.into(), raised.into()],
        )?;
        self.traces.add(Traces { raised: raised > 0, told: true });
        Ok(())
    }

    /// Events after a number, at most so many, in order.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn events(&mut self, organization: &str, after: i64, most: i64) -> Result<Vec<Event>, StoreError> {
        let rows = self.query(
            "SELECT seq, at, kind, subject, actor, data, previous FROM event \
             WHERE organization = $1 AND seq > $2 ORDER BY seq LIMIT $3",
            &[organization.into(), after.into(), most.into()],
        )?;
        let event = |row: &Row| {
            Ok(Event {
                seq: row.int(0)?,
                at: row.int(1)?,
                kind: row.text(2)?,
                subject: row.text(3)?,
                actor: row.text(4)?,
                data: row.text(5)?,
                previous: row.digest(6)?,
            })
        };
        rows.iter().map(event).collect()
    }
}
