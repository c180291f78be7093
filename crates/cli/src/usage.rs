//! What was written wrong on the command line, in one line: what is wrong, what would do, and where to read more.

use crate::args::Cli;
use clap::{Command, CommandFactory, Error, error::ErrorKind};

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
    let text = error.to_string();
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let said: Vec<&str> =
        lines.take_while(|line| !line.starts_with("Usage:") && !line.starts_with("For more")).collect();
    let said = said.join(" ");
    format!("{}; see `{name} --help`", said.strip_prefix("error: ").unwrap_or(&said))
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
