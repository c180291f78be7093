//! A second server that follows a first one, and takes its place.

use super::{PATIENCE, Postgres, free_port, new_folder, output, watch};
use std::{
    sync::atomic::AtomicU32,
    thread,
    time::{Duration, Instant},
};

impl Postgres {
    /// A standby of this server, on a free port: from when this returns, what is committed here is flushed there before
    /// anybody is told (`synchronous_standby_names`).
    ///
    /// # Errors
    ///
    /// As [`Postgres::start`]; where it does not follow in time.
    pub fn standby(&self) -> Result<Self, String> {
        let folder = new_folder().map_err(|error| format!("a folder for PostgreSQL: {error}"))?;
        let watcher = watch(&folder).map_err(|error| format!("sh: {error}"))?;
        let programs = self.programs.clone();
        let (settings, databases) = (self.settings.clone(), AtomicU32::new(0));
        let mut made =
            Self { programs, folder, port: free_port()?, settings, server: None, watcher, databases };
        let mut copy = made.program("pg_basebackup");
        copy.args(["--host=127.0.0.1", "--username=postgres", "--write-recovery-conf", "--checkpoint=fast"]);
        copy.arg(format!("--port={}", self.port)).arg("--pgdata").arg(made.cluster());
        output(&mut copy)?;
        made.launch()?;
        let sql = "ALTER SYSTEM SET synchronous_standby_names = '*'";
        self.psql(&self.url(), sql)?;
        self.psql(&self.url(), "SELECT pg_reload_conf()")?;
        let begin = Instant::now();
        while self.psql(&self.url(), "SELECT sync_state FROM pg_stat_replication")? != "sync" {
            if begin.elapsed() > PATIENCE {
                return Err("the standby does not follow".to_owned());
            }
            thread::sleep(Duration::from_millis(20));
        }
        Ok(made)
    }

    /// A standby takes the place of the server that it followed: from when this returns it can be written to, and waits for no
    /// standby of its own.
    ///
    /// # Errors
    ///
    /// What the server says.
    pub fn promote(&self) -> Result<(), String> {
        // It was copied before its predecessor was told to wait for it.
        let done = self.psql(&self.url(), "SELECT pg_promote()")?;
        if done == "t" { Ok(()) } else { Err(format!("the standby did not take over: {done}")) }
    }

    /// A URL of a database that is this server's or another's, whichever takes what is written.
    #[must_use]
    pub fn url_with(&self, other: &Self, database: &str) -> String {
        let (one, two) = (self.port, other.port);
        format!(
            "postgres://postgres@127.0.0.1:{one},127.0.0.1:{two}/{database}?target_session_attrs=read-write"
        )
    }
}
