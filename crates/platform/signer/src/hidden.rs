//! Keeping the memory of the process its own.

use rustix::process::{Resource, Rlimit, setrlimit};

/// From now on this process leaves no core dump. On Linux no other process of its user can look into its memory
/// either (prctl(2), `PR_SET_DUMPABLE`): a dump that is piped to a program ignores the limit (core(5)), and a debugger
/// needs none. Only root still can.
///
/// # Errors
/// What the system says.
pub fn hide_memory() -> std::io::Result<()> {
    setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })?;
    #[cfg(target_os = "linux")]
    rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable)?;
    Ok(())
}
