//! `legation completions` and `legation man`.

use crate::{
    args::{CompletionsArgs, ManArgs},
    files,
    output::{Failure, Output},
    stream,
};
use clap::Command;
use serde_json::json;
use std::path::Path;

pub(crate) fn completions(args: &CompletionsArgs, as_json: bool) -> Result<Output, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut super::command(), "legation", &mut script);
    let script = String::from_utf8_lossy(&script).into_owned();
    if as_json {
        return Ok(Output::done(json!({"shell": args.shell.to_string(), "script": script}), ""));
    }
    // A script is no text for people: it goes out as it is.
    stream::write(script.trim_end())?;
    Ok(Output::done(json!({}), ""))
}

pub(crate) fn man(args: &ManArgs) -> Result<Output, Failure> {
    let mut command = super::command().disable_help_subcommand(true);
    command.build();
    let mut pages = Vec::new();
    write(&command, &args.out, &mut pages)?;
    let out = args.out.display();
    let text = format!("wrote {} pages to {out}; `man {out}/legation.1` shows the first", pages.len());
    Ok(Output::done(json!({"folder": out.to_string(), "pages": pages}), text))
}

/// The page of a command and those below it.
fn write(command: &Command, folder: &Path, pages: &mut Vec<String>) -> Result<(), Failure> {
    for below in command.get_subcommands().filter(|one| !one.is_hide_set()) {
        write(below, folder, pages)?;
    }
    let page = clap_mangen::Man::new(command.clone()).manual("Legation");
    let mut text = Vec::new();
    page.render(&mut text).map_err(|error| Failure::network("storage", error.to_string()))?;
    let (name, text) = (page.get_filename(), String::from_utf8_lossy(&text).into_owned());
    let path = folder.join(&name);
    files::make_folder(&path)?;
    files::write_public(&path, text.trim_end(), true)?;
    pages.push(name);
    Ok(())
}
