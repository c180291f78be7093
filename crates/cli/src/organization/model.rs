//! `legation model`.

use super::{
    place::{Place, ask, escape, items, text},
    table::table,
};
use crate::{
    args::{FileArgs, ListArgs, ModelCommand, NameArgs},
    files,
    output::{Failure, Output},
};
use legation_credential::{amount::micros, money::money};
use legation_registry::model::{Model, Price, Target};
use serde_json::{Value, json};

/// Most models in one file.
const MOST: usize = 1000;

pub(crate) fn run(command: &ModelCommand) -> Result<Output, Failure> {
    match command {
        ModelCommand::Set(args) => set(args),
        ModelCommand::List(args) => list(args),
        ModelCommand::Remove(args) => remove(args),
    }
}

fn set(args: &FileArgs) -> Result<Output, Failure> {
    let models = read(args)?;
    // All are looked at before one is written.
    for model in &models {
        model.validate().map_err(|error| {
            Failure::file(format!(
                "`{}`: the model `{}` can't be used: {error}",
                args.file.display(),
                model.name
            ))
        })?;
    }
    let (place, mut problems) = (Place::of(&args.data)?, Vec::new());
    for model in &models {
        let body = serde_json::to_value(model).unwrap_or_default();
        let set = place.ask("PUT", &path(&model.name), Some(&body))?;
        problems.extend(items(&set, "problems").iter().filter_map(Value::as_str).map(str::to_owned));
    }
    let names: Vec<&str> = models.iter().map(|model| model.name.as_str()).collect();
    let mut output = Output::done(json!({ "set": names }), format!("set {}", names.join(", ")));
    output.notes.extend(problems);
    Ok(output)
}

fn path(name: &str) -> String {
    format!("/v1/models/{}", escape(name))
}

fn read(args: &FileArgs) -> Result<Vec<Model>, Failure> {
    let file = args.file.display();
    let wrong = |reason: &str| Failure::file(format!("`{file}` {reason}"));
    let json: Value = serde_json::from_slice(&files::read(&args.file)?)
        .map_err(|error| wrong(&format!("is no JSON: {error}")))?;
    let all = match json {
        Value::Array(all) => all,
        one => vec![one],
    };
    if all.is_empty() || all.len() > MOST {
        return Err(wrong(&format!("holds {} models; expected 1 to {MOST}", all.len())));
    }
    let model = |(index, one): (usize, Value)| {
        let name =
            one.get("name").and_then(Value::as_str).map(|name| format!(" `{name}`")).unwrap_or_default();
        serde_json::from_value::<Model>(one).map_err(|error| {
            // The reader names the types of this program.
            let reason = ["Model", "Target", "Price", "ImagePrice"]
                .into_iter()
                .fold(error.to_string(), |text, name| text.replace(&format!("struct {name}"), "an object"));
            wrong(&format!("holds as number {} no model{name}: {reason}", index + 1))
        })
    };
    all.into_iter().enumerate().map(model).collect()
}

/// A price for people, of a million tokens.
fn price(price: &Price) -> String {
    // Millionths of a minor unit for a token are minor units for a million.
    let amount = |price: u64| i64::try_from(price).map_or(i64::MAX, micros);
    let currency = &price.currency;
    let told = |price: u64| money(amount(price), currency);
    let mut text = format!("{} in, {} out", told(price.input), told(price.output));
    // Those of one image, one character and one second are millionths of a minor unit.
    let one = |price: u64| money(i64::try_from(price).unwrap_or(i64::MAX), currency);
    if let Some(dearest) = price.image(None, None) {
        text.push_str(&format!("; an image {}", one(dearest)));
    }
    for (what, price) in [("a character", price.character), ("a second", price.second)] {
        text.extend(price.map(|price| format!("; {what} {}", one(price))));
    }
    text
}

fn list(args: &ListArgs) -> Result<Output, Failure> {
    let models = Place::of(&args.data)?.all("/v1/models", &[], "models")?;
    let rows: Vec<Vec<String>> = models.iter().map(row).collect();
    let told = if rows.is_empty() {
        "there is no model; set some with `legation model set FILE`".to_owned()
    } else {
        table(&["NAME", "GROUP", "STATE", "PRICE OF A MILLION TOKENS", "AT"], &rows)
    };
    Ok(Output::done(json!({ "models": models }), told))
}

fn row(model: &Value) -> Vec<String> {
    let cell = |name: &str| text(model, name).to_owned();
    let cost = model.get("price").and_then(|cost| serde_json::from_value::<Price>(cost.clone()).ok());
    let targets = items(model, "targets").iter().any(|target| target.get("price").is_some());
    let at = |target: &Value| Target::new(text(target, "baseUrl"), "").origin().to_owned();
    let at: Vec<String> = items(model, "targets").iter().map(at).collect();
    let cost = match (cost.as_ref().map(price), targets) {
        (Some(cost), false) => cost,
        (Some(cost), true) => format!("{cost}; by target"),
        (None, true) => "by target".to_owned(),
        (None, false) => "none".to_owned(),
    };
    vec![cell("name"), cell("group"), cell("state"), cost, at.join(", ")]
}

fn remove(args: &NameArgs) -> Result<Output, Failure> {
    let json = ask(&args.data, "DELETE", &path(&args.name), None)?;
    Ok(Output::done(json, format!("removed the model `{}`", args.name)))
}
