//! `legation secret`.

use super::{
    place::{Place, ask, escape, text},
    table::table,
};
use crate::{
    args::{ListArgs, NameArgs, SecretCommand, SetSecretArgs},
    output::{Failure, Output, complain},
};
use serde_json::{Value, json};
use std::io::{IsTerminal, Read, stdin};
use zeroize::Zeroizing;

/// Most bytes that are read: more than any secret has, which the signer bounds.
const MOST: u64 = 64 * 1024;

pub(crate) fn run(command: &SecretCommand) -> Result<Output, Failure> {
    match command {
        SecretCommand::Set(args) => set(args),
        SecretCommand::List(args) => list(args),
        SecretCommand::Remove(args) => remove(args),
    }
}

fn set(args: &SetSecretArgs) -> Result<Output, Failure> {
    let line = read_line()?;
    let body = json!({"origin": args.origin, "secret": line.as_str()});
    let json = ask(&args.data, "PUT", &path(&args.name), Some(&body))?;
    let (name, origin) = (&args.name, &args.origin);
    let told = format!("the secret `{name}` is kept; it goes to {origin} and nowhere else");
    Ok(Output::done(json, told))
}

fn path(name: &str) -> String {
    format!("/v1/secrets/{}", escape(name))
}

/// The one line of standard input.
fn read_line() -> Result<Zeroizing<String>, Failure> {
    let failed = |error: std::io::Error| Failure::file(format!("standard input can't be read: {error}"));
    let mut text = Zeroizing::new(Vec::with_capacity(4096));
    let mut input = stdin().lock();
    if input.is_terminal() {
        complain("The secret, which will be seen here as it is typed: ");
        std::io::BufRead::read_until(&mut (&mut input).take(MOST), b'\n', &mut text).map_err(failed)?;
    } else {
        input.take(MOST + 1).read_to_end(&mut text).map_err(failed)?;
    }
    let line = text.strip_suffix(b"\n").unwrap_or(&text);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    // What is wrong with it is told without a part of it.
    if line.is_empty() {
        return Err(Failure::usage("standard input is empty; write the secret into it, one line"));
    }
    if line.contains(&b'\n') || text.len() as u64 > MOST {
        return Err(Failure::usage(
            "standard input has more than one line, or a very long one; give the secret alone",
        ));
    }
    let line =
        core::str::from_utf8(line).map_err(|_| Failure::usage("the secret on standard input is no text"))?;
    Ok(Zeroizing::new(line.to_owned()))
}

fn list(args: &ListArgs) -> Result<Output, Failure> {
    let secrets = Place::of(&args.data)?.all("/v1/secrets", &[], "secrets")?;
    let row = |secret: &Value| ["name", "origin", "set"].map(|name| text(secret, name).to_owned()).to_vec();
    let rows: Vec<Vec<String>> = secrets.iter().map(row).collect();
    let told = if rows.is_empty() {
        "there is no secret; set one with `legation secret set NAME --origin URL`".to_owned()
    } else {
        table(&["NAME", "ORIGIN", "SET"], &rows)
    };
    Ok(Output::done(json!({ "secrets": secrets }), told))
}

fn remove(args: &NameArgs) -> Result<Output, Failure> {
    let json = ask(&args.data, "DELETE", &path(&args.name), None)?;
    Ok(Output::done(json, format!("removed the secret `{}`", args.name)))
}
