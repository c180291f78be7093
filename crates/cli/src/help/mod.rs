//! What `--help` says beside the options: an example that works as typed, how a command ends, and what this build lacks.
//! Completions and manual pages are made of the same.

mod examples;
pub(crate) mod pages;

use crate::args::Cli;
use clap::{Command, CommandFactory};

/// How every command ends.
const EXIT: &str = "Exit status:
  0  done, valid or permitted
  1  denied or invalid
  2  wrong arguments, or a file that can't be read or written
  3  the network or the storage failed";
/// How one ends that runs a program.
const EXIT_OF_RUN: &str = "Exit status:
  that of the program; 128 and the number of the signal where one ended it
  2  wrong arguments, or a file that can't be read
  3  the proxy did not start";
/// Commands that a build has only with a feature.
const FEATURES: [(&str, &str, bool); 5] = [
    ("did create webvh", "webvh", cfg!(feature = "webvh")),
    ("did update", "webvh", cfg!(feature = "webvh")),
    ("credential", "vc-api", cfg!(feature = "vc-api")),
    ("credential issue", "vc-api", cfg!(feature = "vc-api")),
    ("credential verify", "vc-api", cfg!(feature = "vc-api")),
];

/// The whole command line.
pub(crate) fn command() -> Command {
    helped(Cli::command(), "")
}

/// A command and all below it, each with its example and its ends. `path` is its name without `legation`.
fn helped(command: Command, path: &str) -> Command {
    let names: Vec<String> = command.get_subcommands().map(|one| one.get_name().to_owned()).collect();
    let mut command = marked(command, path);
    if names.is_empty() {
        if path == "serve" && cfg!(not(feature = "vc-api")) {
            command = command.mut_arg("vc_api", |arg| {
                let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
                arg.help(format!("{help} {}", lacking("vc-api")))
            });
        }
        let example = examples::of(path).map(|lines| format!("Example:\n{lines}\n\n")).unwrap_or_default();
        let exit = if path == "run" { EXIT_OF_RUN } else { EXIT };
        return command.after_help(format!("{example}{exit}"));
    }
    for name in names {
        let below = format!("{path} {name}");
        command = command.mut_subcommand(&name, |one| helped(one, below.trim_start()));
    }
    command
}

/// What is said of what a build can't do.
fn lacking(feature: &str) -> String {
    format!("[not in this build: made with `--features {feature}`]")
}

/// Says of a command that this build can't do it.
fn marked(command: Command, path: &str) -> Command {
    let lacks = FEATURES.iter().find(|(name, _, has)| *name == path && !has);
    match (lacks, command.get_about().map(ToString::to_string)) {
        (Some((_, feature, _)), Some(about)) => command.about(format!("{about} {}", lacking(feature))),
        _ => command,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // a test's helpers may stop it
    use super::*;

    /// The names of all commands that do something.
    fn leaves(command: &Command, path: &str, all: &mut Vec<String>) {
        let below: Vec<&Command> = command.get_subcommands().filter(|one| one.get_name() != "help").collect();
        if below.is_empty() {
            all.push(path.trim_start().to_owned());
        }
        for one in below {
            leaves(one, &format!("{path} {}", one.get_name()), all);
        }
    }

    #[test]
    fn each_command_has_an_example_that_is_read_and_each_example_a_command() {
        let (mut all, mut wrong) = (Vec::new(), Vec::new());
        leaves(&Cli::command(), "", &mut all);
        for path in &all {
            let lines = examples::lines(path);
            if lines.is_empty() {
                wrong.push(format!("`{path}` has no example"));
            }
            for line in &lines {
                let words = examples::words(line);
                if let Err(error) = Cli::command().try_get_matches_from(&words) {
                    wrong.push(format!("{line}: {error}"));
                }
                let whole = examples::of(path).unwrap_or_default().replace('\\', "");
                let shown = whole.split_whitespace().collect::<Vec<_>>().join(" ");
                if !shown.contains(line) {
                    wrong.push(format!("{line} is shown as {shown}"));
                }
                let mut left = words.iter().map(String::as_str);
                if !path.split(' ').all(|part| left.any(|word| word == part)) {
                    wrong.push(format!("{line} is no example of `{path}`"));
                }
            }
        }
        let unknown = examples::all().filter(|path| !all.iter().any(|one| one == path));
        wrong.extend(unknown.map(|path| format!("`{path}` is no command")));
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }

    #[test]
    fn each_help_has_its_example_and_how_it_ends() {
        let mut command = command();
        command.build();
        let key = command.find_subcommand_mut("key").unwrap().find_subcommand_mut("generate").unwrap();
        let help = key.render_long_help().to_string();
        assert!(
            help.contains("Example:\n  legation key generate") && help.contains("1  denied or invalid"),
            "{help}"
        );
    }
}
