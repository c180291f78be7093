//! `legation run -- CMD`: a program whose calls of models leave signed by an agent's key.

use super::{
    proxy::{Signs, environment, loopback},
    runtime,
};
use crate::{
    args::RunArgs,
    output::{self, Failure, Output},
};
use legation_agent::proxy::Door;
use legation_host::serve_on;
use rustix::process::{DumpableBehavior, Pid, Signal, kill_process, set_dumpable_behavior};
use serde_json::json;
use std::{
    io::IsTerminal,
    net::{Ipv4Addr, SocketAddr},
    os::unix::process::ExitStatusExt,
    process::ExitStatus,
    time::Duration,
};
use tokio::{
    process::{Child, Command},
    signal::unix::{SignalKind, signal},
    sync::mpsc,
};

/// For how long a request that has begun may go on when its connection has lived for its time.
const LAST_REQUEST: Duration = Duration::from_secs(600);
/// What is passed on to the program.
const SIGNALS: [Signal; 6] =
    [Signal::INT, Signal::QUIT, Signal::TERM, Signal::HUP, Signal::USR1, Signal::USR2];
/// What a terminal sends to a program itself, as to all that run in it.
const OF_A_TERMINAL: [Signal; 2] = [Signal::INT, Signal::QUIT];

pub(crate) fn run(args: &RunArgs) -> Result<Output, Failure> {
    // The agent's key is in the memory of this process; of the program's own memory nothing is said.
    #[cfg(target_os = "linux")]
    set_dumpable_behavior(DumpableBehavior::NotDumpable)
        .map_err(|error| Failure::network("memory", error.to_string()))?;
    let signs = Signs::new(&args.signs)?;
    output::tell_noticed();
    let runtime = runtime()?;
    let status = runtime.block_on(async {
        let (listener, door, address) = loopback(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await?;
        let mut command = program(args, &door, address)?;
        // Signals that come from here on wait, and are passed on once there is somebody to pass them on to.
        let signals = signals()?;
        let router = signs.start(door)?.router();
        tokio::spawn(serve_on(listener, router, None, LAST_REQUEST, std::future::pending()));
        let child = command.spawn().map_err(|error| {
            let name =
                args.command.first().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
            Failure::usage(format!("`{name}` can't be run: {error}"))
        })?;
        wait(child, signals).await
    })?;
    // Nobody waits for connections that are still open.
    runtime.shutdown_background();
    let exit = exit(status);
    Ok(Output { exit, ..Output::done(json!({"exit": exit}), "") })
}

/// The program with its environment: where it calls models, and the token of this run as its API key.
fn program(args: &RunArgs, door: &Door, address: SocketAddr) -> Result<Command, Failure> {
    let Door::Loopback { token, .. } = door else { return Err(Failure::network("listen", "no door")) };
    let (name, arguments) = args.command.split_first().ok_or_else(|| Failure::usage("give a program"))?;
    let mut command = Command::new(name);
    command.args(arguments).envs(environment(address, token.reveal()));
    // A token of the SDK's own would be sent beside the key.
    command.env_remove("ANTHROPIC_AUTH_TOKEN");
    // A proxy of the network is not asked for what is on this machine.
    for name in ["NO_PROXY", "no_proxy"] {
        let own = address.ip().to_string();
        let others = std::env::var(name).ok().filter(|others| !others.is_empty());
        command.env(name, others.map_or(own.clone(), |others| format!("{own},{others}")));
    }
    Ok(command)
}

/// Signals, as they come.
fn signals() -> Result<mpsc::Receiver<Signal>, Failure> {
    let (send, receive) = mpsc::channel(16);
    for passed in SIGNALS {
        let mut coming = signal(SignalKind::from_raw(passed.as_raw()))
            .map_err(|error| Failure::network("signals", format!("signals can't be passed on: {error}")))?;
        let send = send.clone();
        tokio::spawn(
            async move { while coming.recv().await.is_some() && send.send(passed).await.is_ok() {} },
        );
    }
    Ok(receive)
}

/// Waits for the program, and passes on the signals that come meanwhile.
async fn wait(mut child: Child, mut signals: mpsc::Receiver<Signal>) -> Result<ExitStatus, Failure> {
    let id = child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
    let in_terminal = std::io::stdin().is_terminal();
    loop {
        tokio::select! {
            status = child.wait() => {
                return status.map_err(|error| Failure::network("program", format!("the program is lost: {error}")));
            }
            Some(passed) = signals.recv() => {
                let has_it = in_terminal && OF_A_TERMINAL.contains(&passed);
                if let Some(id) = id.filter(|_| !has_it) {
                    // It may have ended just now.
                    let _ = kill_process(id, passed);
                }
            }
        }
    }
}

/// The exit status of a program, as shells tell it where a signal has ended it.
pub(crate) fn exit(status: ExitStatus) -> u8 {
    let code = status.code().or_else(|| status.signal().map(|signal| signal.saturating_add(128)));
    code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1)
}
