//! The official SDKs of OpenAI and of Anthropic, as they are: what they make of the calls that they are asked for.

use serde_json::Value;
use std::{
    path::{Path, PathBuf},
    process::Command,
};

/// Runs calls, as `sdks/openai_calls.py` writes them, against the server at `base` (`http://…/v1`) with a key. Gives what
/// came of each.
///
/// # Errors
///
/// Where `sdks/install` has not been run; else what the script said.
pub fn openai(base: &str, key: &str, calls: &str) -> Result<Vec<Value>, String> {
    told(program(&[], "openai", calls)?.env("OPENAI_BASE_URL", base).env("OPENAI_API_KEY", key))
}

/// The same of Anthropic's, by `sdks/anthropic_calls.py`, against the server at `base` (`http://…`).
///
/// # Errors
///
/// As [`openai`].
pub fn anthropic(base: &str, key: &str, calls: &str) -> Result<Vec<Value>, String> {
    told(program(&[], "anthropic", calls)?.env("ANTHROPIC_BASE_URL", base).env("ANTHROPIC_API_KEY", key))
}

/// The program that makes calls with the SDK of `openai` or `anthropic`, which finds where to by its environment. `before`
/// is what runs it, as in `legation run -- …`.
///
/// # Errors
///
/// Where `sdks/install` has not been run.
pub fn program(before: &[&str], sdk: &str, calls: &str) -> Result<Command, String> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let place = here.join("../target/sdks");
    if !place.join("installed").exists() {
        return Err("the SDKs are missing: run tests/sdks/install".to_owned());
    }
    let script: PathBuf = here.join(format!("sdks/{sdk}_calls.py"));
    let mut line = before.iter().copied().chain(["python3"]);
    let mut command = Command::new(line.next().unwrap_or_default());
    command.args(line).arg(script).args(calls.split_whitespace()).env("PYTHONPATH", place.join("python"));
    Ok(command)
}

/// What came of each call of such a program.
///
/// # Errors
///
/// What the script said.
pub fn told(command: &mut Command) -> Result<Vec<Value>, String> {
    let output = command.output().map_err(|error| format!("python3: {error}"))?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    let told = String::from_utf8_lossy(&output.stdout);
    told.lines()
        .map(|line| serde_json::from_str(line).map_err(|error| format!("`{line}`: {error}")))
        .collect()
}
