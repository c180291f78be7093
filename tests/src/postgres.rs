//! A PostgreSQL server for tests: the real one, with a folder and a port of its own.
//!
//! It is stopped and its folder removed when its [`Postgres`] is dropped, and when the process dies that
//! started it, however that dies: a watcher beside it sees the end of a pipe that only that process holds.
//!
//! Its texts are ordered by a language's rules (ICU, `en-US`), as on most servers, where the programs can do
//! that: code that takes the server's order for the order of bytes is to fail here, and not at a customer's.
//! What is committed is flushed, as PostgreSQL does by itself; `start_with(&["fsync=off"])` is faster.
//!
//! Who can connect to loopback on this machine is its superuser: nothing of value belongs into it.

mod machine;
mod standby;

use machine::{free_port, new_folder, output, programs, send, unprivileged, watch};
use std::{
    env,
    fs::{self, File},
    io::{self, Write},
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

/// Names the folder of the server's programs, where it is not Debian's.
pub const PROGRAMS: &str = "LEGATION_TEST_POSTGRES_BIN";
/// Where this is `required`, no test is skipped for want of a server. `tests/run` sets it.
pub const REQUIRED: &str = "LEGATION_TEST_POSTGRES";

/// How long a server may take to start, to recover, or to end.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running server. Dropping it stops it and removes its folder.
#[derive(Debug)]
pub struct Postgres {
    programs: PathBuf,
    /// As the kernel spells it, so that `/proc/*/cwd` can be compared with it.
    folder: PathBuf,
    port: u16,
    settings: Vec<String>,
    server: Option<Child>,
    watcher: Child,
    databases: AtomicU32,
}

/// The server that all tests of a process share, started by the first that asks. It ends with the process.
///
/// # Errors
///
/// As [`Postgres::start`].
pub fn shared() -> Result<&'static Postgres, String> {
    static SHARED: OnceLock<Result<Postgres, String>> = OnceLock::new();
    SHARED.get_or_init(Postgres::start).as_ref().map_err(Clone::clone)
}

/// Whether a test that needs a server can run. If not, the test's name and the reason are told on standard
/// error, also where the test's output is captured. Where a server is [required](REQUIRED) it is always true,
/// so that starting one fails.
#[must_use]
pub fn is_at_hand() -> bool {
    let Err(why) = programs() else { return true };
    if env::var(REQUIRED).is_ok_and(|value| value == "required") {
        return true;
    }
    let thread = thread::current();
    let _ = writeln!(io::stderr(), "{} is skipped: {why}", thread.name().unwrap_or("a test"));
    false
}

impl Postgres {
    /// A new server with nothing in it, on a free port of 127.0.0.1.
    ///
    /// # Errors
    ///
    /// What is missing and how to install it; or what failed, with the end of the server's log.
    pub fn start() -> Result<Self, String> {
        Self::start_with(&[])
    }

    /// The same with settings of its own, as in `max_connections=5`.
    ///
    /// # Errors
    ///
    /// As [`Postgres::start`].
    pub fn start_with(settings: &[&str]) -> Result<Self, String> {
        let programs = programs()?;
        let folder = new_folder().map_err(|error| format!("a folder for PostgreSQL: {error}"))?;
        let watcher = watch(&folder).map_err(|error| format!("sh: {error}"))?;
        let settings = settings.iter().map(|setting| (*setting).to_owned()).collect();
        let databases = AtomicU32::new(0);
        let mut made = Self { programs, folder, port: 0, settings, server: None, watcher, databases };
        made.initialize()?;
        made.port = free_port()?;
        let mut done = made.launch();
        // Somebody else was faster.
        for _ in 0..10 {
            if !done.as_ref().is_err_and(|why| why.contains("could not bind")) {
                break;
            }
            made.port = free_port()?;
            done = made.launch();
        }
        done.map(|()| made)
    }

    /// The URL of the database `postgres`, which every server has.
    #[must_use]
    pub fn url(&self) -> String {
        self.url_of("postgres")
    }

    /// Makes an empty database and gives its URL. Its name begins with `name` and is no other's.
    ///
    /// # Errors
    ///
    /// If `name` has other characters than `a` to `z`, digits and `_`, or more than 48; or what the server says.
    pub fn database(&self, name: &str) -> Result<String, String> {
        let plain = |one: u8| one.is_ascii_lowercase() || one.is_ascii_digit() || one == b'_';
        if name.is_empty() || name.len() > 48 || !name.bytes().all(plain) {
            return Err(format!("`{name}`: a name has 1 to 48 of a-z, 0-9 and _"));
        }
        let name = format!("{name}_{}", self.databases.fetch_add(1, Ordering::Relaxed) + 1);
        self.psql(&self.url(), &format!("create database {name}"))?;
        Ok(self.url_of(&name))
    }

    /// Runs SQL by `psql` and gives what it prints: a line for each row, `|` between columns.
    ///
    /// # Errors
    ///
    /// What `psql` says.
    pub fn psql(&self, url: &str, sql: &str) -> Result<String, String> {
        output(self.psql_command(url).args(["-c", sql])).map(|text| text.trim_end().to_owned())
    }

    /// The same `psql` as a command, for whoever wants a session of several statements (`-c` for each), or one
    /// that does not end by itself.
    #[must_use]
    pub fn psql_command(&self, url: &str) -> Command {
        let mut command = self.program("psql");
        command.args(["-XAtq", "-v", "ON_ERROR_STOP=1", "-d", url]);
        command
    }

    /// The folder of its own: `cluster`, and `log` of what it said since it started last.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Kills every process of the server at once, as a power cut would end them, though not the machine.
    ///
    /// # Errors
    ///
    /// If one of them does not go away.
    pub fn crash(&mut self) -> Result<(), String> {
        let started = Instant::now();
        loop {
            self.signal("KILL")?;
            thread::sleep(Duration::from_millis(2));
            if self.processes().is_empty() {
                break;
            }
            if started.elapsed() > PATIENCE {
                return Err("PostgreSQL can't be killed".to_owned());
            }
        }
        self.server
            .take()
            .map_or(Ok(()), |mut server| server.wait().map(drop).map_err(|error| error.to_string()))
    }

    /// Stops the server as an administrator does: sessions are ended, what they have not committed is undone.
    ///
    /// # Errors
    ///
    /// If it does not end.
    pub fn stop(&mut self) -> Result<(), String> {
        let Some(mut server) = self.server.take() else { return Ok(()) };
        self.signal("CONT")?;
        send("INT", &[server.id()])?;
        let started = Instant::now();
        while server.try_wait().map_err(|error| error.to_string())?.is_none() {
            if started.elapsed() > PATIENCE {
                self.server = Some(server);
                return Err(format!("PostgreSQL does not end: {}", self.log_end()));
            }
            thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }

    /// Starts the server again, after a crash or not, with all that was committed, at the same URL.
    ///
    /// # Errors
    ///
    /// If it does not end or does not start, with the end of its log.
    pub fn restart(&mut self) -> Result<(), String> {
        self.stop()?;
        self.launch()
    }

    /// The server hangs: connections are neither refused nor answered, until [`go_on`](Self::go_on).
    ///
    /// # Errors
    ///
    /// If there is no `sh`.
    pub fn stop_answering(&mut self) -> Result<(), String> {
        self.signal("STOP")?;
        // The first may have started one more before it stopped.
        self.signal("STOP")
    }

    /// It answers again, what was sent meanwhile too.
    ///
    /// # Errors
    ///
    /// If there is no `sh`.
    pub fn go_on(&mut self) -> Result<(), String> {
        self.signal("CONT")
    }

    fn url_of(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}", self.port)
    }

    fn cluster(&self) -> PathBuf {
        self.folder.join("cluster")
    }

    /// A program that the environment of whoever tests does not lead elsewhere.
    fn program(&self, name: &str) -> Command {
        let mut command = unprivileged(self.programs.join(name));
        for (name, _) in env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("PG")) {
            command.env_remove(name);
        }
        command.env("LC_ALL", "C").env("HOME", &self.folder);
        command.current_dir(&self.folder).stdin(Stdio::null());
        command
    }

    fn initialize(&self) -> Result<(), String> {
        let initdb = |more: &[&str]| {
            let mut command = self.program("initdb");
            command.args([
                "--username=postgres",
                "--auth=trust",
                "--no-sync",
                "--encoding=UTF8",
                "--locale=C",
            ]);
            output(command.args(more).arg("--pgdata").arg(self.cluster()))
        };
        // Only 15 and later know ICU here, if they were built with it.
        initdb(&["--locale-provider=icu", "--icu-locale=en-US"]).or_else(|_| initdb(&[])).map(drop)
    }

    /// Starts the server, and returns when it answers.
    fn launch(&mut self) -> Result<(), String> {
        let log = File::create(self.folder.join("log")).map_err(|error| error.to_string())?;
        let copy = log.try_clone().map_err(|error| error.to_string())?;
        let mut command = self.program("postgres");
        // From its first moment on it works in the cluster's folder, by which its processes are known.
        command.current_dir(self.cluster()).arg("-D").arg(self.cluster());
        let own = ["listen_addresses=127.0.0.1", "unix_socket_directories=", "shared_buffers=16MB"];
        // Files in the cluster's folder, which go with it.
        let own = own.into_iter().chain(["dynamic_shared_memory_type=mmap"]).map(str::to_owned);
        for setting in own.chain(self.settings.iter().cloned()).chain([format!("port={}", self.port)]) {
            command.arg("-c").arg(setting);
        }
        // A group of its own: what a terminal sends to the tests is not for it.
        command.stdout(copy).stderr(log).process_group(0);
        self.server = Some(command.spawn().map_err(|error| format!("postgres: {error}"))?);
        let started = Instant::now();
        loop {
            if let Some(server) = &mut self.server
                && let Some(status) = server.try_wait().map_err(|error| error.to_string())?
            {
                self.server = None;
                return Err(format!("PostgreSQL ended with {status}: {}", self.log_end()));
            }
            let mut ready = self.program("pg_isready");
            ready.args(["-q", "-t", "5", "-h", "127.0.0.1", "-p", &self.port.to_string()]);
            if ready.status().map_err(|error| format!("pg_isready: {error}"))?.success() {
                return Ok(());
            }
            if started.elapsed() > PATIENCE {
                return Err(format!("PostgreSQL does not start: {}", self.log_end()));
            }
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// The last lines of the server's log.
    fn log_end(&self) -> String {
        let text = fs::read_to_string(self.folder.join("log")).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines.get(lines.len().saturating_sub(20)..).unwrap_or_default().join("\n")
    }

    /// All processes of the server that live, the first of them first.
    fn processes(&self) -> Vec<u32> {
        let cluster = self.cluster();
        let works_here = |id: &u32| fs::read_link(format!("/proc/{id}/cwd")).is_ok_and(|at| at == cluster);
        let names = fs::read_dir("/proc").into_iter().flatten().flatten().map(|entry| entry.file_name());
        let ids = names.filter_map(|name| name.to_str().and_then(|name| name.parse().ok()));
        let mut found: Vec<u32> = ids.filter(works_here).collect();
        let first = self.server.as_ref().map(Child::id);
        found.sort_by_key(|id| Some(*id) != first);
        found
    }

    fn signal(&self, name: &str) -> Result<(), String> {
        send(name, &self.processes())
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // Waiting closes its pipe first, on which it stops the server.
        let _ = self.watcher.wait();
        if let Some(mut server) = self.server.take() {
            let _ = server.kill();
            let _ = server.wait();
        }
    }
}
