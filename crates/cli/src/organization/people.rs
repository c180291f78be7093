//! `legation person`, `legation consent`, `legation client`.

use super::{
    holder::body,
    place::{Place, ask, escape, joined, text},
    table::table,
};
use crate::{
    args::{
        AddClientArgs, AddTeamArgs, ClientCommand, ConsentCommand, IdArgs, ListArgs, ListConsentsArgs,
        NameArgs, PersonCommand,
    },
    output::{Failure, Output},
};
use serde_json::{Value, json};

pub(crate) fn person(command: &PersonCommand) -> Result<Output, Failure> {
    match command {
        PersonCommand::Add(args) => add(args),
        PersonCommand::List(args) => list(args),
        PersonCommand::Ceiling(args) => ceiling(args),
        PersonCommand::Code(args) => code(args),
        PersonCommand::Remove(args) => remove(args),
    }
}

pub(crate) fn consent(command: &ConsentCommand) -> Result<Output, Failure> {
    match command {
        ConsentCommand::List(args) => consents(args),
        ConsentCommand::Revoke(args) => revoke(args),
    }
}

pub(crate) fn client(command: &ClientCommand) -> Result<Output, Failure> {
    match command {
        ClientCommand::Add(args) => add_client(args),
        ClientCommand::List(args) => clients(args),
        ClientCommand::Remove(args) => {
            let json = ask(&args.data, "DELETE", &format!("/v1/clients/{}", escape(&args.id)), None)?;
            let told = format!(
                "{} is removed; what people let it do stands until `legation consent revoke`",
                args.id
            );
            Ok(Output::done(json, told))
        }
    }
}

fn add(args: &AddTeamArgs) -> Result<Output, Failure> {
    let json = ask(&args.data, "POST", "/v1/people", Some(&body(&args.profile, args.valid_for)?))?;
    let name = text(&json, "name");
    let more = match json.get("ceiling").is_some_and(Value::is_object) {
        true => format!("`legation person code {name}` makes a code to sign in by"),
        false => format!(
            "it can hand on nothing; `legation person ceiling {name} --action A --resource R` sets what it can"
        ),
    };
    let told = format!("added the person `{name}`\nNext: {more}");
    Ok(Output::done(json, told))
}

fn ceiling(args: &AddTeamArgs) -> Result<Output, Failure> {
    let mut body = body(&args.profile, args.valid_for)?;
    if let Some(members) = body.as_object_mut() {
        members.remove("name");
    }
    let name = &args.profile.name;
    let json = ask(&args.data, "PUT", &format!("/v1/people/{}/ceiling", escape(name)), Some(&body))?;
    Ok(Output::done(json, format!("set what `{name}` can hand on at most")))
}

fn list(args: &ListArgs) -> Result<Output, Failure> {
    let all = Place::of(&args.data)?.all("/v1/people", &[], "people")?;
    let row = |one: &Value| {
        let of = |name: &str| one.get("ceiling").map(|team| joined(team, name, ",")).unwrap_or_default();
        vec![text(one, "name").to_owned(), of("actions"), of("resources"), of("models")]
    };
    let rows: Vec<Vec<String>> = all.iter().map(row).collect();
    let told = match rows.is_empty() {
        true => "there is nobody; add somebody with `legation person add NAME`".to_owned(),
        false => table(&["NAME", "ACTIONS", "RESOURCES", "MODELS"], &rows),
    };
    Ok(Output::done(json!({ "people": all }), told))
}

fn code(args: &NameArgs) -> Result<Output, Failure> {
    let json = ask(&args.data, "POST", &format!("/v1/people/{}/code", escape(&args.name)), None)?;
    let note = format!(
        "{} types it until {} on the page that a program leads to; whoever does is signed in as {} for eight hours",
        args.name,
        text(&json, "until"),
        args.name
    );
    let code = text(&json, "code").to_owned();
    Ok(Output { notes: vec![note], ..Output::done(json, code) })
}

fn remove(args: &NameArgs) -> Result<Output, Failure> {
    let json = ask(&args.data, "DELETE", &format!("/v1/people/{}", escape(&args.name)), None)?;
    Ok(Output::done(json, format!("{} is removed, and all that it let programs do has ended", args.name)))
}

fn consents(args: &ListConsentsArgs) -> Result<Output, Failure> {
    let of: Vec<(&str, &str)> = args.person.iter().map(|person| ("person", person.as_str())).collect();
    let all = Place::of(&args.data)?.all("/v1/consents", &of, "consents")?;
    let row = |one: &Value| {
        let cell = |name: &str| text(one, name).to_owned();
        vec![cell("id"), cell("person"), cell("clientName"), cell("audience"), cell("state"), cell("until")]
    };
    let rows: Vec<Vec<String>> = all.iter().map(row).collect();
    let told = match rows.is_empty() {
        true => "nobody has let a program act".to_owned(),
        false => table(&["ID", "PERSON", "PROGRAM", "AT", "STATE", "UNTIL"], &rows),
    };
    Ok(Output::done(json!({ "consents": all }), told))
}

fn revoke(args: &IdArgs) -> Result<Output, Failure> {
    let json = ask(&args.data, "POST", &format!("/v1/consents/{}/revoke", escape(&args.id)), None)?;
    let told = format!(
        "{} may not act for {} any more, from the next call on",
        text(&json, "clientName"),
        text(&json, "person")
    );
    Ok(Output::done(json, told))
}

fn add_client(args: &AddClientArgs) -> Result<Output, Failure> {
    let body = json!({"name": args.name, "redirects": args.redirect});
    let json = ask(&args.data, "POST", "/v1/clients", Some(&body))?;
    let id = text(&json, "id").to_owned();
    let note = format!("this is the `client_id` of {}; it has no secret", args.name);
    Ok(Output { notes: vec![note], ..Output::done(json, id) })
}

fn clients(args: &ListArgs) -> Result<Output, Failure> {
    let all = Place::of(&args.data)?.all("/v1/clients", &[], "clients")?;
    let row = |one: &Value| {
        vec![text(one, "id").to_owned(), text(one, "name").to_owned(), joined(one, "redirects", ",")]
    };
    let rows: Vec<Vec<String>> = all.iter().map(row).collect();
    let told = match rows.is_empty() {
        true => "no program was added; those whose `client_id` is a URL need not be".to_owned(),
        false => table(&["CLIENT_ID", "NAME", "REDIRECTS"], &rows),
    };
    Ok(Output::done(json!({ "clients": all }), told))
}
