//! What files say there is to be.

use super::{KINDS, name_of};
use crate::output::Failure;
use serde_json::{Map, Value};
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

/// Most bytes of a file.
const MAX_BYTES: u64 = 16 << 20;

/// What is wanted of each kind, by its name.
pub(crate) type Wanted = BTreeMap<(&'static str, String), Value>;

/// Reads the `.toml` and `.json` files of a folder.
pub(crate) fn read(folder: &Path) -> Result<Wanted, Failure> {
    let unreadable =
        |error: std::io::Error| Failure::file(format!("`{}` can't be read: {error}", folder.display()));
    let mut paths: Vec<PathBuf> = Vec::new();
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.extension().is_some_and(|extension| extension == "toml" || extension == "json") {
            paths.push(path);
        }
    }
    paths.sort();
    if paths.is_empty() {
        return Err(Failure::file(format!("there is no `.toml` or `.json` file in `{}`", folder.display())));
    }
    let mut wanted = Wanted::new();
    for path in &paths {
        let wrong = |reason: String| Failure::file(format!("`{}`: {reason}", path.display()));
        let length = fs::metadata(path).map_err(|error| wrong(error.to_string()))?.len();
        if length > MAX_BYTES {
            return Err(wrong(format!("it has {length} bytes, at most {MAX_BYTES} are read")));
        }
        let text = fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
        let is_toml = path.extension().is_some_and(|extension| extension == "toml");
        let json: Value = if is_toml {
            toml::from_str(&text).map_err(|error| wrong(error.to_string()))?
        } else {
            serde_json::from_str(&text).map_err(|error| wrong(error.to_string()))?
        };
        add(&mut wanted, json, folder).map_err(wrong)?;
    }
    Ok(wanted)
}

fn add(wanted: &mut Wanted, json: Value, folder: &Path) -> Result<(), String> {
    let Value::Object(members) = json else { return Err("expected a table".to_owned()) };
    for (name, list) in members {
        let kind = KINDS.iter().map(|(kind, ..)| *kind).find(|kind| *kind == name);
        let kind = kind.ok_or_else(|| {
            let kinds: Vec<String> = KINDS.iter().map(|(kind, ..)| format!("`[[{kind}]]`")).collect();
            format!("`{name}` means nothing here; write {}", kinds.join(", "))
        })?;
        let Value::Array(list) = list else { return Err(format!("write `[[{kind}]]` for each {kind}")) };
        for one in list {
            let mut one = camel(one);
            if kind == "policy" {
                with_text(&mut one, folder)?;
            }
            let own = name_of(&one).to_owned();
            if own.is_empty() {
                return Err(format!("a {kind} has no `name`"));
            }
            if wanted.insert((kind, own.clone()), one).is_some() {
                return Err(format!("the {kind} `{own}` is said twice"));
            }
        }
    }
    Ok(())
}

/// Puts the text of a policy in place of the file that has it, which stands in the folder.
fn with_text(policy: &mut Value, folder: &Path) -> Result<(), String> {
    let Some(members) = policy.as_object_mut() else { return Ok(()) };
    let Some(file) = members.remove("file") else { return Ok(()) };
    let name = file.as_str().ok_or("`file` is no text")?;
    if members.contains_key("text") {
        return Err("a policy has a `file` or a `text`, not both".to_owned());
    }
    let path = folder.join(name);
    let unreadable = |reason: String| format!("`{}` can't be read: {reason}", path.display());
    let length = fs::metadata(&path).map_err(|error| unreadable(error.to_string()))?.len();
    if length > MAX_BYTES {
        return Err(unreadable(format!("it has {length} bytes, at most {MAX_BYTES} are read")));
    }
    let text = fs::read_to_string(&path).map_err(|error| unreadable(error.to_string()))?;
    members.insert("text".to_owned(), text.into());
    Ok(())
}

/// Names with dashes as the API writes them: `base-url` is `baseUrl`. Constraints are written as delegations have them.
fn camel(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            let one = |(name, value): (String, Value)| {
                if name == "constraints" { (name, value) } else { (camel_name(&name), camel(value)) }
            };
            Value::Object(members.into_iter().map(one).collect::<Map<_, _>>())
        }
        Value::Array(list) => Value::Array(list.into_iter().map(camel).collect()),
        other => other,
    }
}

fn camel_name(name: &str) -> String {
    let mut parts = name.split('-');
    let mut camel = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let mut letters = part.chars();
        camel.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        camel.push_str(letters.as_str());
    }
    camel
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_dashes_are_those_of_the_api() {
        assert_eq!(camel_name("base-url"), "baseUrl");
        assert_eq!(camel_name("max-output-tokens"), "maxOutputTokens");
        assert_eq!(camel_name("name"), "name");
        assert_eq!(camel_name("a-"), "a");
    }
}
