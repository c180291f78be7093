//! What was written wrong on the command line, in one line: what is wrong, what would do, and where to read more.

use crate::args::Cli;
use clap::{
    Command, CommandFactory, Error,
    error::{ContextKind, ContextValue, ErrorKind},
};

/// A usage error on one line.
pub(crate) fn one_line(error: &Error) -> String {
    let cli = Cli::command();
    let (name, meant) = meant(&cli);
    if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        let all: Vec<String> = meant
            .get_subcommands()
            .filter(|one| !one.is_hide_set())
            .map(|one| format!("`{}`", one.get_name()))
            .collect();
        return match name.contains(' ') {
            true => format!("`{name}` needs a command: {}; see `{name} --help`", all.join(", ")),
            false => "a command is missing; see `legation --help`".to_owned(),
        };
    }
    if let Some(missing) = missing(error, &name) {
        return format!("{missing}; see `{name} --help`");
    }
    let text = error.to_string();
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let said: Vec<&str> =
        lines.take_while(|line| !line.starts_with("Usage:") && !line.starts_with("For more")).collect();
    let said = said.join(" ");
    format!("{}; see `{name} --help`", said.strip_prefix("error: ").unwrap_or(&said))
}

/// What may stand in place of what is missing: of a command, as clap names both.
const ALTERNATIVES: [(&str, &str, &str); 15] = [
    ("delegate", "--to <DID>", "--batch <FILE>"),
    ("delegate", "--action <ACTION>", "--batch <FILE>"),
    ("delegate", "--resource <URL>", "--batch <FILE>"),
    ("delegate", "--out <FILE>", "--batch <FILE>"),
    ("verify", "--nonce <NONCE>", "--vouched <DID>"),
    ("agent file", "--own-key <FILE>", "--user <UID>"),
    ("restore", "<FILE>", "--reopen"),
    ("migrate shadow", "<AGENT>...", "--all"),
    ("migrate enforce", "<AGENT>...", "--all"),
    ("mcp approve", "<TOOL>...", "--all"),
    ("did update", "--key <FILE>", "--end"),
    ("log erase", "--receipt <SEQ>", "--agent <AGENT>"),
    ("admin login", "--id-token <FILE>", "--nonce"),
    ("policy unbind", "--to <WHOM>", "--all"),
    ("policy test", "<FILE>", "--name <NAME>"),
];

/// What is missing, each with what may stand in its place.
fn missing(error: &Error, name: &str) -> Option<String> {
    if error.kind() != ErrorKind::MissingRequiredArgument {
        return None;
    }
    let Some(ContextValue::Strings(all)) = error.get(ContextKind::InvalidArg) else { return None };
    let with_other = |missing: &String| {
        let path = name.strip_prefix("legation ").unwrap_or_default();
        let other = ALTERNATIVES.iter().find(|(of, first, _)| *of == path && first == missing);
        other.map_or_else(|| missing.clone(), |(_, _, other)| format!("{missing} (or {other})"))
    };
    let all: Vec<String> = all.iter().map(with_other).collect();
    Some(format!("the following required arguments were not provided: {}", all.join(", ")))
}

/// The command that was meant, as far as its names could be read: `legation log push`.
fn meant(cli: &Command) -> (String, &Command) {
    let (mut name, mut command) = ("legation".to_owned(), cli);
    // What is no text is the name of no command.
    let arguments = std::env::args_os().skip(1).map(|argument| argument.into_string().unwrap_or_default());
    for argument in arguments.filter(|argument| !argument.starts_with('-')) {
        let Some(found) = command.find_subcommand(&argument) else { break };
        name = format!("{name} {}", found.get_name());
        command = found;
    }
    (name, command)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // a test's helpers may stop it
    use super::*;

    /// What is said to be missing.
    fn complaint(path: &str, given: &[&str]) -> Vec<String> {
        let words = ["legation"].into_iter().chain(path.split(' ')).chain(given.iter().copied());
        let Err(error) = Cli::command().try_get_matches_from(words) else { return Vec::new() };
        match error.get(ContextKind::InvalidArg) {
            Some(ContextValue::Strings(all)) => all.clone(),
            _ => Vec::new(),
        }
    }

    #[test]
    fn what_may_stand_in_place_of_another_does() {
        for (path, first, other) in ALTERNATIVES {
            let option = other.split(' ').next().unwrap();
            let value = match other {
                "--vouched <DID>" => Some("did:web:a.example"),
                "--user <UID>" => Some("1001"),
                _ => other.contains('<').then_some("x"),
            };
            let given: Vec<&str> = [Some(option), value].into_iter().flatten().collect();
            // Some commands want a place first, which is told before.
            let places: &[&str] = match path {
                "mcp approve" | "policy unbind" => &["x"],
                "did update" => &["did:web:a.example"],
                "admin login" => &["--host", "https://a.example"],
                _ => &[],
            };
            let before = complaint(path, places);
            assert!(before.iter().any(|one| one == first), "{path}: {first}: {before:?}");
            let after = complaint(path, &[places, &given].concat());
            assert!(!after.iter().any(|one| one == first), "{path}: {other}: {after:?}");
        }
    }
}
