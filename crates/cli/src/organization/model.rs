//! `legation model`.

use super::{data_dir::with, table::table};
use crate::{
    args::{FileArgs, ListArgs, ModelCommand, NameArgs},
    files,
    output::{Failure, Output},
};
use legation_credential::{amount::micros, money::money};
use legation_registry::model::{Model, Price};
use legation_store::configuration::Secret;
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
    let secrets = with(&args.data, |registry| {
        models.iter().try_for_each(|model| registry.put_model(model, files::now()))?;
        registry.secrets()
    })?;
    let names: Vec<&str> = models.iter().map(|model| model.name.as_str()).collect();
    let mut output = Output::done(json!({ "set": names }), format!("set {}", names.join(", ")));
    output.notes.extend(models.iter().flat_map(|model| problems(model, &secrets)));
    Ok(output)
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
            let reason = ["Model", "Target", "Price"]
                .into_iter()
                .fold(error.to_string(), |text, name| text.replace(&format!("struct {name}"), "an object"));
            wrong(&format!("holds as number {} no model{name}: {reason}", index + 1))
        })
    };
    all.into_iter().enumerate().map(model).collect()
}

/// Why a model can't be called, each with what to do.
pub(crate) fn problems(model: &Model, secrets: &[Secret]) -> Vec<String> {
    let name = &model.name;
    let mut found = Vec::new();
    if model.price.is_none() {
        found.push(format!(
            "the model `{name}` has no price, so that no call of it passes; set it anew with a `price`"
        ));
    }
    for target in &model.targets {
        let (Some(wanted), origin) = (&target.secret, target.origin()) else { continue };
        match secrets.iter().find(|secret| secret.name == *wanted) {
            None => found.push(format!(
                "the model `{name}` wants the secret `{wanted}`, which is not there; \
                 set it with `legation secret set {wanted} --origin {origin}`"
            )),
            Some(secret) if secret.origin != origin => found.push(format!(
                "the model `{name}` runs at {origin}, but its secret `{wanted}` goes to {} only; \
                 set it anew with `legation secret set {wanted} --origin {origin}`, or another one by its own name",
                secret.origin
            )),
            Some(_) => {}
        }
    }
    found
}

/// A price for people, of a million tokens.
fn price(price: &Price) -> String {
    // Millionths of a minor unit for a token are minor units for a million.
    let amount = |price: u64| i64::try_from(price).map_or(i64::MAX, micros);
    let currency = &price.currency;
    format!("{} in, {} out", money(amount(price.input), currency), money(amount(price.output), currency))
}

fn list(args: &ListArgs) -> Result<Output, Failure> {
    let (models, closed) = with(&args.data, |registry| Ok((registry.models()?, registry.closed_models()?)))?;
    let state = |model: &Model| if closed.contains(&model.name) { "closed" } else { "open" };
    let row = |model: &Model| {
        let targets: Vec<&str> = model.targets.iter().map(legation_registry::model::Target::origin).collect();
        vec![
            model.name.clone(),
            model.group.clone(),
            state(model).to_owned(),
            model.price.as_ref().map_or("none".to_owned(), price),
            targets.join(", "),
        ]
    };
    let rows: Vec<Vec<String>> = models.iter().map(row).collect();
    let text = if rows.is_empty() {
        "there is no model; set some with `legation model set FILE`".to_owned()
    } else {
        table(&["NAME", "GROUP", "STATE", "PRICE OF A MILLION TOKENS", "AT"], &rows)
    };
    let one = |model: &Model| {
        let mut json = serde_json::to_value(model).unwrap_or_default();
        if let Some(members) = json.as_object_mut() {
            members.insert("state".to_owned(), state(model).into());
        }
        json
    };
    Ok(Output::done(json!({"models": models.iter().map(one).collect::<Vec<Value>>()}), text))
}

fn remove(args: &NameArgs) -> Result<Output, Failure> {
    with(&args.data, |registry| registry.remove_model(&args.name, files::now()))?;
    Ok(Output::done(json!({"removed": args.name}), format!("removed the model `{}`", args.name)))
}
