//! `legation quarantine`.

use super::{
    place::{Place, ask, escape, joined, number, text},
    table::table,
};
use crate::{
    args::{IdArgs, ListArgs, NameArgs, QuarantineCommand, SetRuleArgs},
    output::{Failure, Output},
};
use serde_json::{Value, json};

pub(crate) fn run(command: &QuarantineCommand) -> Result<Output, Failure> {
    match command {
        QuarantineCommand::Set(args) => set(args),
        QuarantineCommand::List(args) => list(args),
        QuarantineCommand::Lift(args) => lift(args),
        QuarantineCommand::Rules(args) => rules(args),
        QuarantineCommand::Show(args) => show(args),
        QuarantineCommand::Remove(args) => remove(args),
    }
}

fn path(name: &str) -> String {
    format!("/v1/quarantine-rules/{}", escape(name))
}

fn set(args: &SetRuleArgs) -> Result<Output, Failure> {
    let mut rule = json!({
        "name": args.name, "to": args.to, "then": args.then.name(), "mostAgents": args.most_agents,
    });
    if let Some(members) = rule.as_object_mut() {
        let denials =
            args.denials.map(|most| json!({"most": most, "seconds": args.within, "codes": args.code}));
        members.extend(denials.map(|denials| ("denials".to_owned(), denials)));
        members.extend(args.spend.as_ref().map(|spend| ("spend".to_owned(), json!(spend))));
        members.extend(args.new_tool.map(|days| ("newTool".to_owned(), json!({"days": days}))));
        if !args.signal.is_empty() {
            members.insert("signal".to_owned(), json!({"events": args.signal, "from": args.from}));
        }
    }
    let json = ask(&args.data, "PUT", &path(&args.name), Some(&rule))?;
    let told = format!("from now on, whoever is up (`legation up`) holds agents to it: {}", words(&json));
    Ok(Output::done(json, told))
}

/// A rule in a sentence.
fn words(rule: &Value) -> String {
    let whom = match text(rule, "to") {
        "organization" => "an agent".to_owned(),
        to => format!("an agent of {to}"),
    };
    let counts = counts(rule);
    match text(rule, "then") {
        "alert" => format!("{whom} with {counts} is told of"),
        _ => format!("{whom} with {counts} is suspended, at most {} in an hour", number(rule, "mostAgents")),
    }
}

/// What a rule counts.
fn counts(rule: &Value) -> String {
    let of = |name: &str| rule.get(name).cloned().unwrap_or_default();
    let (denials, tool, signal) = (of("denials"), of("newTool"), of("signal"));
    if signal.is_object() {
        let from = match joined(&signal, "from", ", ") {
            all if all.is_empty() => "a partner".to_owned(),
            some => some,
        };
        return format!("a delegation of which {from} told {}", joined(&signal, "events", ", "));
    }
    if denials.is_object() {
        let codes = match joined(&denials, "codes", ", ") {
            all if all.is_empty() => String::new(),
            some => format!(" ({some})"),
        };
        let (most, seconds) = (number(&denials, "most"), number(&denials, "seconds"));
        return format!("more than {most} denials{codes} within {seconds} s");
    }
    if tool.is_object() {
        return format!("a tool that it never used in {} days", number(&tool, "days"));
    }
    format!("more than {} spent", text(rule, "spend"))
}

fn rules(args: &ListArgs) -> Result<Output, Failure> {
    let rules = Place::of(&args.data)?.all("/v1/quarantine-rules", &[], "rules")?;
    let row = |rule: &Value| {
        let cell = |name: &str| text(rule, name).to_owned();
        vec![cell("name"), cell("to"), counts(rule), cell("then"), number(rule, "mostAgents").to_string()]
    };
    let rows: Vec<Vec<String>> = rules.iter().map(row).collect();
    let told = if rows.is_empty() {
        "there is no rule; write one with `legation quarantine set NAME --denials 20 --within 5m`".to_owned()
    } else {
        table(&["NAME", "TO", "COUNTS", "THEN", "MOST AN HOUR"], &rows)
    };
    Ok(Output::done(json!({ "rules": rules }), told))
}

fn show(args: &NameArgs) -> Result<Output, Failure> {
    let json = ask(&args.data, "GET", &path(&args.name), None)?;
    let told = words(&json);
    Ok(Output::done(json, told))
}

fn remove(args: &NameArgs) -> Result<Output, Failure> {
    let json = ask(&args.data, "DELETE", &path(&args.name), None)?;
    let told = format!(
        "the rule `{}` holds no more; whom it has suspended stays so (`legation quarantine list`)",
        args.name
    );
    Ok(Output::done(json, told))
}

fn lift(args: &IdArgs) -> Result<Output, Failure> {
    let json = ask(&args.data, "DELETE", &format!("/v1/quarantine/partners/{}", escape(&args.id)), None)?;
    let told =
        format!("{} may call again, as far as its partner and its delegation let it", text(&json, "subject"));
    Ok(Output::done(json, told))
}

fn list(args: &ListArgs) -> Result<Output, Failure> {
    let place = Place::of(&args.data)?;
    let all = place.all("/v1/quarantine", &[], "quarantined")?;
    let shut = place.all("/v1/quarantine/partners", &[], "shutOut")?;
    let row = |who: &str, one: &Value| {
        let cell = |name: &str| text(one, name).to_owned();
        vec![cell(who), cell("rule"), cell("since"), cell("reason"), cell("lift")]
    };
    let mut rows: Vec<Vec<String>> = all.iter().map(|one| row("agent", one)).collect();
    rows.extend(shut.iter().map(|one| row("subject", one)));
    let told = match rows.is_empty() {
        true => "no rule has suspended an agent that is so still, or shut somebody out".to_owned(),
        false => table(&["WHO", "RULE", "SINCE", "WHY", "TO LIFT IT"], &rows),
    };
    Ok(Output::done(json!({ "quarantined": all, "shutOut": shut }), told))
}
