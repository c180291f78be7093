//! The official OpenAI SDK, as it is: what it makes of the calls that it is asked for.

use serde_json::Value;
use std::{path::Path, process::Command};

/// Runs calls, as `sdks/openai_calls.py` writes them, against the server at `base` (`http://…/v1`) with a key. Gives what
/// came of each.
///
/// # Errors
///
/// Where `sdks/install` has not been run; else what the script said.
pub fn openai(base: &str, key: &str, calls: &str) -> Result<Vec<Value>, String> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let place = here.join("../target/sdks");
    if !place.join("installed").exists() {
        return Err("the SDKs are missing: run tests/sdks/install".to_owned());
    }
    let mut command = Command::new("python3");
    command.arg(here.join("sdks/openai_calls.py")).args(calls.split_whitespace());
    command.env("PYTHONPATH", place.join("python")).env("OPENAI_BASE_URL", base).env("OPENAI_API_KEY", key);
    let output = command.output().map_err(|error| format!("python3: {error}"))?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    let told = String::from_utf8_lossy(&output.stdout);
    told.lines()
        .map(|line| serde_json::from_str(line).map_err(|error| format!("`{line}`: {error}")))
        .collect()
}
