//! `legation agent import`: a line of JSON for each agent.

use super::place::{Place, items, number, text};
use crate::{
    args::ImportArgs,
    output::{Failure, Output, counter, one_line},
};
use legation_keys::json::{self, JsonLimits};
use serde_json::{Value, json};
use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read},
};

/// Most bytes of a line.
const LINE: u64 = 64 << 10;
/// An agent is flat but for its constraints.
const LIMITS: JsonLimits = JsonLimits { bytes: LINE as usize, depth: 8 };
/// Agents of one transaction, and bytes of one request.
const TOGETHER: usize = 256;
const BYTES: usize = 512 << 10;
/// Refused lines that are told one by one.
const TOLD: usize = 1000;
/// What became of the lines.
#[derive(Default)]
struct Count {
    lines: u64,
    added: u64,
    there: u64,
    refused: u64,
    told: Vec<Value>,
}

pub(crate) fn import(args: &ImportArgs) -> Result<Output, Failure> {
    let place = Place::of(&args.data)?;
    let unreadable =
        |error: io::Error| Failure::file(format!("`{}` can't be read: {error}", args.file.display()));
    let input: Box<dyn Read> = if args.file.as_os_str() == "-" {
        Box::new(io::stdin())
    } else {
        Box::new(File::open(&args.file).map_err(unreadable)?)
    };
    let mut input = BufReader::new(input);
    let (mut count, shown) = (Count::default(), counter());
    let (mut batch, mut bytes) = (Vec::new(), 0);
    loop {
        let line = line(&mut input).map_err(unreadable)?;
        let is_end = line.is_none();
        if let Some(line) = line {
            count.lines += 1;
            match line.and_then(|line| agent(&line)) {
                Ok(None) => {}
                Ok(Some((agent, length))) => {
                    bytes += length;
                    batch.push((count.lines, agent));
                }
                Err(reason) => count.refuse(count.lines, "", "line_malformed", &reason),
            }
        }
        if batch.len() >= TOGETHER || bytes >= BYTES || is_end {
            send(&place, core::mem::take(&mut batch), &mut count)?;
            bytes = 0;
            shown.set_message(format!(
                "{} lines, {} added, {} refused",
                count.lines, count.added, count.refused
            ));
        }
        if is_end {
            break;
        }
    }
    shown.finish_and_clear();
    Ok(count.output())
}

/// The next line, or what is wrong with it; `None` at the end.
fn line(input: &mut impl BufRead) -> io::Result<Option<Result<Vec<u8>, String>>> {
    let mut line = Vec::new();
    if input.by_ref().take(LINE + 1).read_until(b'\n', &mut line)? == 0 {
        return Ok(None);
    }
    if line.last() != Some(&b'\n') && line.len() as u64 > LINE {
        // The rest of it is passed over, without being kept.
        loop {
            let rest = input.fill_buf()?;
            let end = rest.iter().position(|byte| *byte == b'\n');
            let (used, is_over) = (end.map_or(rest.len(), |end| end + 1), end.is_some() || rest.is_empty());
            input.consume(used);
            if is_over {
                return Ok(Some(Err(format!("it has more than {LINE} bytes"))));
            }
        }
    }
    Ok(Some(Ok(line)))
}

/// The agent of a line, and how long it is; `None` of an empty line.
fn agent(line: &[u8]) -> Result<Option<(Value, usize)>, String> {
    if line.trim_ascii().is_empty() {
        return Ok(None);
    }
    let wrong = |error: &dyn core::fmt::Display| format!("it is no JSON: {error}");
    // Strictly: of a member that is there twice nobody knows which one is meant.
    json::parse(line.trim_ascii(), LIMITS).map_err(|error| wrong(&error))?;
    match serde_json::from_slice::<Value>(line).map_err(|error| wrong(&error))? {
        agent @ Value::Object(_) => Ok(Some((agent, line.len()))),
        _ => Err("it is no JSON object".to_owned()),
    }
}

/// Sends some agents.
fn send(place: &Place, batch: Vec<(u64, Value)>, count: &mut Count) -> Result<(), Failure> {
    if batch.is_empty() {
        return Ok(());
    }
    let agents: Vec<&Value> = batch.iter().map(|(_, agent)| agent).collect();
    let answer = place.ask("POST", "/v1/agent-imports", Some(&json!({ "agents": agents })))?;
    for ((line, _), result) in batch.iter().zip(items(&answer, "agents")) {
        match text(result, "result") {
            "added" => count.added += 1,
            "there" => count.there += 1,
            _ => count.refuse(*line, text(result, "name"), text(result, "code"), text(result, "message")),
        }
    }
    Ok(())
}

impl Count {
    fn refuse(&mut self, line: u64, name: &str, code: &str, message: &str) {
        self.refused += 1;
        if self.told.len() < TOLD {
            self.told.push(json!({"line": line, "name": name, "code": code, "message": message}));
        }
    }

    fn output(self) -> Output {
        let Self { lines, added, there, refused, told } = self;
        let mut said =
            format!("{lines} lines: {added} agents added, {there} there already, {refused} refused\n");
        for one in &told {
            let name = match text(one, "name") {
                "" => String::new(),
                name => format!(", `{}`", one_line(name)),
            };
            let (line, message) = (number(one, "line"), one_line(text(one, "message")));
            said.push_str(&format!("line {line}{name}: {message}\n"));
        }
        let more = refused.saturating_sub(told.len() as u64);
        if more > 0 {
            said.push_str(&format!("and {more} more\n"));
        }
        let json =
            json!({"lines": lines, "added": added, "there": there, "refused": refused, "refusedLines": told});
        let output = Output::done(json, said);
        if refused == 0 { output } else { Output { exit: 1, ..output } }
    }
}
