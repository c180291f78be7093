//! The files of keys that are read: lines of JSON, a JSON list, or CSV. No message holds a value of them but a name.

use crate::output::Failure;
use legation_keys::json::{self, JsonLimits};
use serde_json::{Map, Value};
use zeroize::Zeroizing;

/// Most keys of a file.
const MOST: usize = 100_000;
/// Of what JSON is read.
const LIMITS: JsonLimits = JsonLimits { bytes: 64 << 20, depth: 12 };

/// Objects of a file, each with its number from 1.
pub(super) type Rows = Vec<(usize, Map<String, Value>)>;

/// Reads the rows of a text.
pub(super) fn read(text: &Zeroizing<String>) -> Result<Rows, Failure> {
    let begin = text.trim_start_matches('\u{feff}').trim_start();
    let rows = match begin.as_bytes().first() {
        Some(b'[') => list(begin)?,
        Some(b'{') => lines(begin)?,
        Some(_) => csv(begin)?,
        None => return Err(Failure::file("the file is empty; expected a key on each line".to_owned())),
    };
    if rows.len() > MOST {
        return Err(Failure::file(format!("there are {} keys, at most {MOST} are read", rows.len())));
    }
    Ok(rows)
}

/// One JSON text, read strictly. What is wrong is told by its place, since what stands there may be a key.
pub(super) fn parse(text: &str, what: &str) -> Result<Value, Failure> {
    let wrong = || Failure::file(format!("{what} is no JSON, or says a member twice"));
    json::parse(text.as_bytes(), LIMITS).map_err(|_| wrong())?;
    serde_json::from_str(text).map_err(|_| wrong())
}

fn object(value: Value, number: usize) -> Result<(usize, Map<String, Value>), Failure> {
    match value {
        Value::Object(members) => Ok((number, members)),
        _ => Err(Failure::file(format!("key {number} is no object"))),
    }
}

fn list(text: &str) -> Result<Rows, Failure> {
    let Value::Array(all) = parse(text, "the file")? else {
        return Err(Failure::file("the file is no list".to_owned()));
    };
    (1..).zip(all).map(|(number, one)| object(one, number)).collect()
}

fn lines(text: &str) -> Result<Rows, Failure> {
    let all = (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty());
    all.map(|(number, line)| object(parse(line, &format!("line {number}"))?, number)).collect()
}

fn csv(text: &str) -> Result<Rows, Failure> {
    let mut all = (1_usize..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty());
    let Some((_, header)) = all.next() else { return Ok(Vec::new()) };
    let header = cells(header).ok_or_else(|| Failure::file("the header is no CSV".to_owned()))?;
    let header: Vec<String> = header.iter().map(|name| name.trim().to_lowercase()).collect();
    if !header.iter().any(|name| name == "name") {
        // What stands there may be a key: it is not told.
        return Err(Failure::file(
            "the file is no JSON, and as CSV its first line names no column `name`".to_owned(),
        ));
    }
    let mut rows = Rows::new();
    for (number, line) in all {
        let wrong = |reason: String| Failure::file(format!("line {number}: {reason}"));
        let cells = cells(line).ok_or_else(|| wrong("a quote does not end".to_owned()))?;
        if cells.len() != header.len() {
            return Err(wrong(format!("it has {} cells, the header {}", cells.len(), header.len())));
        }
        let mut row = Map::new();
        for (name, cell) in header.iter().zip(cells).filter(|(_, cell)| !cell.trim().is_empty()) {
            let cell = cell.trim();
            let value = match name.as_str() {
                "models" => cell.split([';', ' ']).filter(|one| !one.is_empty()).collect::<Vec<_>>().into(),
                _ => Value::from(cell),
            };
            row.insert(name.clone(), value);
        }
        rows.push((number, row));
    }
    Ok(rows)
}

/// The cells of a line; a quoted one may hold commas, and quotes that are doubled (RFC 4180 §2). None spans lines.
fn cells(line: &str) -> Option<Vec<String>> {
    let (mut all, mut cell, mut quoted) = (Vec::new(), String::new(), false);
    let mut letters = line.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '"' if quoted && letters.peek() == Some(&'"') => {
                letters.next();
                cell.push('"');
            }
            '"' => quoted = !quoted,
            ',' if !quoted => all.push(core::mem::take(&mut cell)),
            other => cell.push(other),
        }
    }
    all.push(cell);
    (!quoted).then_some(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn csv_has_quotes_and_commas() {
        assert_eq!(cells(r#"a,"b, ""c""",d"#).unwrap(), ["a", r#"b, "c""#, "d"]);
        assert_eq!(cells(r#"a,"b"#), None);
    }
}
