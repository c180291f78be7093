//! Types what the README tells a newcomer to type, with the command that was built.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test's helpers may stop it

mod common;

use common::readme as commands;
use std::{path::Path, process::Command};

/// Whether a line only prepares the shell, which the test does by itself.
fn prepares(line: &str) -> bool {
    ["cargo build", "export PATH", "mkdir five-minutes"].iter().any(|start| line.starts_with(start))
}

#[test]
fn the_path_that_a_newcomer_types_works_as_written() {
    let commands = commands("Five minutes");
    assert!(commands.iter().filter(|line| line.starts_with("legation ")).count() >= 10);
    let folder = tempfile::tempdir().unwrap();
    // Each line is followed by its exit status, so that one shell keeps its variables.
    let script: String = commands
        .iter()
        .filter(|line| !prepares(line))
        .map(|line| format!("{line}\necho \"status $?\"\n"))
        .collect();
    let command = Path::new(env!("CARGO_BIN_EXE_legation"));
    let path = format!("{}:{}", command.parent().unwrap().display(), std::env::var("PATH").unwrap());
    let output =
        Command::new("bash").arg("-c").arg(&script).current_dir(&folder).env("PATH", path).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let complained = String::from_utf8_lossy(&output.stderr).into_owned();
    let found: Vec<&str> = said.lines().filter_map(|line| line.strip_prefix("status ")).collect();
    let wanted: Vec<&str> = commands
        .iter()
        .filter(|line| !prepares(line))
        .map(|line| line.rsplit_once("# exit ").map_or("0", |(_, status)| status))
        .collect();
    assert_eq!(found, wanted, "{said}\n{complained}");
    assert!(complained.contains("at most 50.00 USD"), "the refusal says what fits: {complained}");
    for wanted in [
        "permit: ",
        "constraint_violated",
        "link_revoked at link 0",
        "revoked: index 42",
        "valid: did:web:shop.example",
        "deny: key_not_found",
    ] {
        assert!(said.contains(wanted), "{wanted} is missing in:\n{said}");
    }
}

/// The first screen: an organization that runs, on other ports than those that may be taken here.
#[test]
fn the_first_screen_works_as_written() {
    let commands = commands("A key that is a delegation");
    assert!(commands.iter().filter(|line| line.starts_with("legation ")).count() >= 4);
    let (port, admin) = (common::free_port(), common::free_port());
    let adapt = |line: &String| {
        let line = line.replace("localhost:8080", &format!("localhost:{port}"));
        line.replace(
            "up --dev ",
            &format!("up --dev --listen 127.0.0.1:{port} --admin-listen 127.0.0.1:{admin} "),
        )
    };
    let lines: Vec<String> = commands
        .iter()
        .filter(|line| !prepares(line) && !line.starts_with("mkdir first-minute"))
        .map(adapt)
        .collect();
    let script = format!("trap 'kill $(jobs -p)' EXIT\n{}\n", lines.join("\n"));
    let folder = tempfile::tempdir().unwrap();
    let command = Path::new(env!("CARGO_BIN_EXE_legation"));
    let path = format!("{}:{}", command.parent().unwrap().display(), std::env::var("PATH").unwrap());
    let output = Command::new("timeout")
        .args(["120", "bash", "-c", &script])
        .current_dir(&folder)
        .env("PATH", path)
        .env_remove("OPENAI_API_KEY")
        .env_remove("OPENAI_BASE_URL")
        .output()
        .unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let complained = String::from_utf8_lossy(&output.stderr).into_owned();
    for wanted in [
        "may spend 0.01 USD/day",
        "This answer is scripted",
        r#""code":"budget_exceeded""#,
        r#""code":"link_suspended""#,
        "settle",
        "LegationReceipt",
    ] {
        assert!(said.contains(wanted), "{wanted} is missing in:\n{said}\n{complained}");
    }
}

/// One decision proved, all of it exported, verified and decided again, and a word of it changed.
#[test]
fn what_was_decided_is_proved_as_written() {
    let commands = commands("Prove it later");
    let (port, admin) = (common::free_port(), common::free_port());
    let adapt = |line: &String| {
        let line = line.replace("localhost:8080", &format!("localhost:{port}"));
        line.replace(
            "up --dev ",
            &format!("up --dev --listen 127.0.0.1:{port} --admin-listen 127.0.0.1:{admin} "),
        )
    };
    let lines: Vec<String> =
        commands.iter().filter(|line| !line.starts_with("mkdir prove-later")).map(adapt).collect();
    assert_eq!(lines.len(), 6, "six typed lines");
    let script = format!("trap 'kill $(jobs -p)' EXIT\n{}\necho \"status $?\"\n", lines.join("\n"));
    let folder = tempfile::tempdir().unwrap();
    let command = Path::new(env!("CARGO_BIN_EXE_legation"));
    let path = format!("{}:{}", command.parent().unwrap().display(), std::env::var("PATH").unwrap());
    let output = Command::new("timeout")
        .args(["120", "bash", "-c", &script])
        .current_dir(&folder)
        .env("PATH", path)
        .env_remove("OPENAI_API_KEY")
        .env_remove("OPENAI_BASE_URL")
        .output()
        .unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let complained = String::from_utf8_lossy(&output.stderr).into_owned();
    for wanted in [
        "This answer is scripted",
        "wrote one.tlog-proof: receipt 1",
        "valid: 1 of ",
        "\"decision\": \"permit\"",
        "wrote all.jsonl",
        "1 decided the same again, 0 differently",
        "NOT VALID",
        "log_changed",
        "status 1",
    ] {
        assert!(said.contains(wanted), "{wanted} is missing in:\n{said}\n{complained}");
    }
}

/// A token for a service that knows OAuth, and none for another one or once the agent was stopped.
#[test]
fn a_service_that_only_knows_oauth_is_served_as_written() {
    let commands = commands("For services that only know OAuth");
    let (port, admin) = (common::free_port(), common::free_port());
    let adapt = |line: &String| {
        let line = line.replace("localhost:8080", &format!("localhost:{port}"));
        line.replace(
            "up --dev ",
            &format!("up --dev --listen 127.0.0.1:{port} --admin-listen 127.0.0.1:{admin} "),
        )
    };
    let typed: Vec<&String> = commands.iter().filter(|line| !line.starts_with("mkdir for-oauth")).collect();
    let lines: Vec<String> =
        typed.iter().map(|line| format!("{}\necho \"status $?\"", adapt(line))).collect();
    let script = format!("trap 'kill $(jobs -p)' EXIT\n{}\n", lines.join("\n"));
    let folder = tempfile::tempdir().unwrap();
    let command = Path::new(env!("CARGO_BIN_EXE_legation"));
    let path = format!("{}:{}", command.parent().unwrap().display(), std::env::var("PATH").unwrap());
    let output = Command::new("timeout")
        .args(["120", "bash", "-c", &script])
        .current_dir(&folder)
        .env("PATH", path)
        .env_remove("OPENAI_API_KEY")
        .env_remove("OPENAI_BASE_URL")
        .output()
        .unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let complained = String::from_utf8_lossy(&output.stderr).into_owned();
    let found: Vec<&str> = said.lines().filter_map(|line| line.strip_prefix("status ")).collect();
    let wanted: Vec<&str> =
        typed.iter().map(|line| line.rsplit_once("# exit ").map_or("0", |(_, status)| status)).collect();
    assert_eq!(found, wanted, "{said}\n{complained}");
    for wanted in [r#""scope":"crm:read""#, r#""type":"legation_delegation""#, r#""token_endpoint""#] {
        assert!(said.contains(wanted), "{wanted} is missing in:\n{said}\n{complained}");
    }
    assert!(complained.contains("nothing is granted at"), "{complained}");
    assert!(complained.contains("suspended"), "{complained}");
}

/// An organization on a port of its own, from an empty folder to a call that is denied.
#[test]
fn an_organization_runs_as_written() {
    let commands = commands("Run your organization");
    assert!(commands.iter().filter(|line| line.starts_with("legation ")).count() >= 12);
    let (port, admin) = (common::free_port(), common::free_port());
    let adapt = |line: &String| {
        let line = line.replace("localhost:8080", &format!("localhost:{port}"));
        let line = line.replace("localhost%3A8080", &format!("localhost%3A{port}"));
        line.replace(
            "legation up ",
            &format!("legation up --listen 127.0.0.1:{port} --admin-listen 127.0.0.1:{admin} "),
        )
    };
    // Each line is followed by its exit status; what goes on beside has none.
    let told = |line: String| if line.ends_with('&') { line } else { format!("{line}\necho \"status $?\"") };
    let lines: Vec<String> = commands.iter().map(adapt).map(told).collect();
    let script = format!("trap 'kill $(jobs -p)' EXIT\n{}\n", lines.join("\n"));
    let folder = tempfile::tempdir().unwrap();
    let command = Path::new(env!("CARGO_BIN_EXE_legation"));
    let path = format!("{}:{}", command.parent().unwrap().display(), std::env::var("PATH").unwrap());
    let output = Command::new("timeout")
        .args(["120", "bash", "-c", &script])
        .current_dir(&folder)
        .env("PATH", path)
        .output()
        .unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let complained = String::from_utf8_lossy(&output.stderr).into_owned();
    let found: Vec<&str> = said.lines().filter_map(|line| line.strip_prefix("status ")).collect();
    let wanted: Vec<&str> = commands
        .iter()
        .filter(|line| !line.ends_with('&'))
        .map(|line| line.rsplit_once("# exit ").map_or("0", |(_, status)| status))
        .collect();
    assert_eq!(found, wanted, "{said}\n{complained}");
    for wanted in ["is ready in legation", "the card of `Buyer`", "2 delegations", "permit", "link_revoked"] {
        assert!(said.contains(wanted), "{wanted} is missing in:\n{said}\n{complained}");
    }
    assert!(!complained.contains("callers refuse"), "{complained}");
}

#[test]
fn the_two_commands_of_the_readme_are_those_that_continuous_integration_runs() {
    let script =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.ci/run")).unwrap();
    let commands = commands("Try it");
    assert_eq!(commands.len(), 2);
    for command in commands {
        assert!(script.lines().any(|line| line.ends_with(&command)), "{command} is not in .ci/run");
    }
}
