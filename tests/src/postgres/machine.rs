//! What a server needs of the machine: programs, a folder, a port, a watcher.

use super::PROGRAMS;
use std::{
    env,
    fs::{self, DirBuilder},
    io,
    net::{Ipv4Addr, TcpListener},
    os::unix::{
        fs::{DirBuilderExt, MetadataExt, chown},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::{self, Child, Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
};

/// The user and the group `nobody` of Debian: as root the server refuses to run.
const NOBODY: u32 = 65_534;
/// Ports below those that Linux gives to outgoing connections, which could take a server's while it is down.
const PORTS: std::ops::Range<u32> = 20_000..32_000;

/// The folder of the server's programs: the named one, else the newest of Debian's.
pub(super) fn programs() -> Result<PathBuf, String> {
    let is_whole = |folder: &Path| {
        ["initdb", "postgres", "psql", "pg_isready"].iter().all(|name| folder.join(name).is_file())
    };
    if let Some(named) = env::var_os(PROGRAMS) {
        let named = PathBuf::from(named);
        let missing = || format!("`{}`, of {PROGRAMS}, has no PostgreSQL server and client", named.display());
        return is_whole(&named).then(|| named.clone()).ok_or_else(missing);
    }
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let number = |name: &str| name.parse::<u32>().ok();
    let newest = versions
        .filter_map(|entry| Some((number(entry.file_name().to_str()?)?, entry.path().join("bin"))))
        .filter(|(_, folder)| is_whole(folder))
        .max();
    let how = "PostgreSQL is not installed: run `apt-get install --no-install-recommends postgresql`, or `tests/run`";
    newest
        .map(|(_, folder)| folder)
        .ok_or_else(|| format!("{how}, or name its folder of programs in {PROGRAMS}"))
}

/// Whether this process may do everything. The kernel says whose it is.
fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|found| found.uid() == 0)
}

/// The command, as `nobody` if this process is root's.
pub(super) fn unprivileged(program: PathBuf) -> Command {
    if !is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args([format!("--reuid={NOBODY}"), format!("--regid={NOBODY}")]);
    command.args(["--clear-groups", "--"]).arg(program);
    command
}

/// A new folder that belongs to whoever runs the server.
pub(super) fn new_folder() -> io::Result<PathBuf> {
    static MADE: AtomicU32 = AtomicU32::new(0);
    loop {
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let folder = env::temp_dir().join(format!("legation-postgres-{}-{number}", process::id()));
        match DirBuilder::new().mode(0o700).create(&folder) {
            // Of a process that had the same id, and was killed with its watcher.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
            Ok(()) => {
                if is_root() {
                    chown(&folder, Some(NOBODY), Some(NOBODY))?;
                }
                return folder.canonicalize();
            }
        }
    }
}

/// What stops the server when this process lets go of it, or dies.
pub(super) fn watch(folder: &Path) -> io::Result<Child> {
    let mut command = Command::new("sh");
    command.args(["-c", include_str!("watch.sh"), "sh"]).arg(folder).arg(folder.join("cluster"));
    command.current_dir("/").stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    command.process_group(0).spawn()
}

/// A port of loopback on which nobody listens.
pub(super) fn free_port() -> Result<u16, String> {
    static TRIED: AtomicU32 = AtomicU32::new(0);
    let count = PORTS.end - PORTS.start;
    let candidates = (0..count).map(|_| {
        let next = process::id().wrapping_mul(61).wrapping_add(TRIED.fetch_add(1, Ordering::Relaxed));
        PORTS.start + next % count
    });
    let is_free = |port: &u16| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok();
    let mut free = candidates.filter_map(|port| u16::try_from(port).ok()).filter(is_free);
    free.next().ok_or_else(|| format!("no port of {PORTS:?} is free"))
}

/// Sends a signal to processes, of which some may be gone.
pub(super) fn send(signal: &str, processes: &[u32]) -> Result<(), String> {
    let mut command = Command::new("sh");
    command.args(["-c", r#"[ $# = 0 ] || kill -s "$0" "$@" 2>/dev/null"#, signal]);
    command.args(processes.iter().map(u32::to_string));
    command.status().map(drop).map_err(|error| format!("sh: {error}"))
}

/// What a command prints, or what it says when it fails.
pub(super) fn output(command: &mut Command) -> Result<String, String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.output().map_err(|error| format!("{name}: {error}"))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(String::from_utf8_lossy(&output.stderr).trim_end().to_owned())
}
