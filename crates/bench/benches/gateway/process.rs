//! Processes that end when what started them does.

use crate::machine::Folders;
use std::{
    env,
    fs::File,
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    os::unix::process::CommandExt,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

/// How long something may take to start, or to end.
const PATIENCE: Duration = Duration::from_secs(120);

/// A process in a group of its own.
pub(crate) struct Running(Child);

impl Running {
    pub(crate) fn id(&self) -> u32 {
        self.0.id()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let group = format!("-{}", self.0.id());
        let started = Instant::now();
        let _ = Command::new("kill").args(["-TERM", "--", &group]).status();
        while !matches!(self.0.try_wait(), Ok(Some(_))) && started.elapsed() < Duration::from_secs(10) {
            thread::sleep(Duration::from_millis(20));
        }
        let _ = Command::new("kill").args(["-KILL", "--", &group]).stderr(Stdio::null()).status();
        let _ = self.0.wait();
    }
}

/// Starts a command whose output goes to a log. It ends when this process does, however that ends.
pub(crate) fn start(folders: &Folders, log: &str, command: &Command) -> Running {
    let log = File::create(folders.work.join("logs").join(log)).unwrap();
    let mut bound = Command::new("setpriv");
    bound.args(["--pdeathsig", "TERM", "--"]).arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => bound.env(name, value),
            None => bound.env_remove(name),
        };
    }
    if let Some(folder) = command.get_current_dir() {
        bound.current_dir(folder);
    }
    bound.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log).process_group(0);
    Running(bound.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}")))
}

/// Starts this program with other arguments.
pub(crate) fn ourselves(folders: &Folders, args: &[&str]) -> Running {
    start(folders, &format!("{}.log", args[0]), Command::new(env::current_exe().unwrap()).args(args))
}

pub(crate) fn free_address() -> SocketAddr {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap()
}

/// Waits until something listens.
pub(crate) fn wait_for(address: SocketAddr) {
    let started = Instant::now();
    while TcpStream::connect(address).is_err() {
        assert!(started.elapsed() < PATIENCE, "nothing listens at {address}; see target/bench-gateway/logs");
        thread::sleep(Duration::from_millis(20));
    }
}
