//! What is asked for: one delegation by the options, or one for each line of a file.

use crate::{
    args::{self, DelegateArgs},
    files,
    output::Failure,
};
use legation_did::Did;
use legation_keys::json::{self, JsonLimits};
use serde_json::Value;
use std::path::PathBuf;

/// Most bytes of a line, and how deep it may nest.
const LIMITS: JsonLimits = JsonLimits { bytes: 64 * 1024, depth: 16 };
/// Most lines of a file.
const MOST: usize = 10_000;
/// What a line may say.
const MEMBERS: [&str; 12] = [
    "to",
    "out",
    "action",
    "resource",
    "constraint",
    "id",
    "validFor",
    "validUntil",
    "maxDepth",
    "account",
    "status",
    "suspension",
];

/// One delegation that is asked for.
pub(super) struct Asked {
    pub(super) to: Did,
    pub(super) out: PathBuf,
    pub(super) actions: Vec<String>,
    pub(super) resources: Vec<String>,
    pub(super) constraints: Vec<String>,
    pub(super) id: Option<String>,
    pub(super) valid_for: Option<i64>,
    pub(super) valid_until: Option<i64>,
    pub(super) max_depth: u32,
    pub(super) account: Option<String>,
    pub(super) status: Option<String>,
    pub(super) suspension: Option<String>,
}

/// All that are asked for.
pub(super) fn all(args: &DelegateArgs) -> Result<Vec<Asked>, Failure> {
    let Some(path) = &args.batch else {
        let (Some(to), Some(out)) = (&args.to, &args.out) else {
            return Err(Failure::usage("give --to and --out, or --batch"));
        };
        return Ok(vec![by_options(args, to.clone(), out.clone())]);
    };
    let (text, name) = (files::read_text(path)?, files::name(path));
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let mut all: Vec<Asked> = Vec::new();
    for (index, line) in lines {
        let at = |reason: String| Failure::file(format!("{name}, line {}: {reason}", index + 1));
        let one = of_line(args, line).map_err(at)?;
        if all.iter().any(|other| other.out == one.out) {
            return Err(at(format!("`{}` is the file of another line, too", one.out.display())));
        }
        all.push(one);
        if all.len() > MOST {
            return Err(at(format!("more than {MOST} lines; give them in parts")));
        }
    }
    if all.is_empty() {
        return Err(Failure::file(format!("{name} has no line")));
    }
    Ok(all)
}

fn by_options(args: &DelegateArgs, to: Did, out: PathBuf) -> Asked {
    Asked {
        to,
        out,
        actions: args.action.clone(),
        resources: args.resource.clone(),
        constraints: args.limits.constraints(),
        id: args.id.clone(),
        valid_for: args.valid_for,
        valid_until: args.valid_until,
        max_depth: args.max_depth,
        account: args.account.clone(),
        status: args.status.clone(),
        suspension: args.suspension.clone(),
    }
}

/// A line, read strictly: what is misspelt must not be left out.
fn of_line(args: &DelegateArgs, line: &str) -> Result<Asked, String> {
    let strict = json::parse(line.as_bytes(), LIMITS).map_err(|error| error.to_string())?;
    let object =
        strict.as_object().ok_or("expected an object, such as {\"to\":\"did:key:…\",\"out\":\"a.jwt\"}")?;
    if let Some(unknown) = object.unknown_member(&MEMBERS) {
        return Err(format!("`{unknown}` is not known; known are {}", MEMBERS.join(", ")));
    }
    let json: Value = serde_json::from_str(line).map_err(|error| error.to_string())?;
    let line = Line(&json);
    let required = |name: &str| line.text(name)?.ok_or_else(|| format!("`{name}` is missing"));
    let mut asked = by_options(args, args::read_did(&required("to")?)?, required("out")?.into());
    asked.actions = line.texts("action")?.unwrap_or(asked.actions);
    asked.resources = line.texts("resource")?.unwrap_or(asked.resources);
    if asked.actions.is_empty() || asked.resources.is_empty() {
        return Err("it grants nothing: give `action` and `resource` in the line, or as options".to_owned());
    }
    asked.constraints.extend(line.constraints()?);
    asked.id = line.text("id")?.map(|id| args::url(&id)).transpose()?;
    if let Some(time) = line.text("validFor")? {
        (asked.valid_for, asked.valid_until) = (Some(args::duration(&time)?), None);
    }
    if let Some(time) = line.text("validUntil")? {
        if json.get("validFor").is_some() {
            return Err("it says both `validFor` and `validUntil`".to_owned());
        }
        (asked.valid_for, asked.valid_until) = (None, Some(args::moment(&time)?));
    }
    if let Some(depth) = json.get("maxDepth") {
        let depth = depth.as_u64().and_then(|depth| u32::try_from(depth).ok());
        asked.max_depth = depth.ok_or("`maxDepth` is no number that is not negative")?;
    }
    asked.account = line.text("account")?.or(asked.account);
    asked.status = line.text("status")?.or(asked.status);
    asked.suspension = line.text("suspension")?.or(asked.suspension);
    Ok(asked)
}

/// A line that was read.
struct Line<'l>(&'l Value);

impl Line<'_> {
    fn text(&self, name: &str) -> Result<Option<String>, String> {
        match self.0.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(_) => Err(format!("`{name}` is no text")),
        }
    }

    /// A text, or an array of texts.
    fn texts(&self, name: &str) -> Result<Option<Vec<String>>, String> {
        let Some(Value::Array(all)) = self.0.get(name) else {
            return Ok(self.text(name)?.map(|text| vec![text]));
        };
        let all: Option<Vec<String>> = all.iter().map(|one| one.as_str().map(str::to_owned)).collect();
        all.map(Some).ok_or_else(|| format!("`{name}` is no array of texts"))
    }

    /// One constraint, or an array of them.
    fn constraints(&self) -> Result<Vec<String>, String> {
        match self.0.get("constraint") {
            None => Ok(Vec::new()),
            Some(one @ Value::Object(_)) => Ok(vec![one.to_string()]),
            Some(Value::Array(all)) if all.iter().all(Value::is_object) => {
                Ok(all.iter().map(Value::to_string).collect())
            }
            Some(_) => Err("`constraint` is no object and no array of objects".to_owned()),
        }
    }
}
