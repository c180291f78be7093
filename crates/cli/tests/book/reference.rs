//! The pages that are written of what was built: each command's help, and the HTTP API.

use crate::pages::Page;
use serde_json::Value;
use std::{collections::BTreeSet, fmt::Write as _, process::Command};

/// Where the document of the API is in the site.
pub(crate) const OPENAPI: &str = "reference/openapi.json";
/// Most levels of commands.
const DEEPEST: usize = 4;

/// All of them, and the document of the API.
pub(crate) fn pages() -> (Vec<Page>, Value) {
    let api = legation_host::api::openapi::document("https://acme.example");
    let mut pages = commands();
    pages.push(Page { path: "reference/api.md".to_owned(), text: api_page(&api) });
    (pages, api)
}

/// What a command says of itself.
fn help(path: &[String]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_legation"));
    let output = command.args(path).arg("--help").output().unwrap();
    assert!(output.status.success(), "{path:?} --help");
    String::from_utf8(output.stdout).unwrap()
}

/// The names of the commands below one, by its help.
fn below(help: &str) -> Vec<String> {
    let lines = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let lines = lines.take_while(|line| line.starts_with(' '));
    // A name stands two columns in; what goes on in the next line stands further.
    let names = lines.filter_map(|line| line.strip_prefix("  ").filter(|rest| !rest.starts_with(' ')));
    let names = names.filter_map(|rest| rest.split_whitespace().next());
    names.filter(|name| *name != "help").map(str::to_owned).collect()
}

/// A page for each command of the first level, with all below it, and an index.
fn commands() -> Vec<Page> {
    let top = help(&[]);
    let names = below(&top);
    let mut index = "# Commands\n\nEach with its help, as `--help` says it.\n\n".to_owned();
    let mut pages = Vec::new();
    for name in &names {
        let mut text = String::new();
        let about = section(std::slice::from_ref(name), &mut text);
        writeln!(index, "- [`legation {name}`]({name}.md): {about}").unwrap();
        pages.push(Page { path: format!("reference/commands/{name}.md"), text });
    }
    write!(index, "\n```text\n{}\n```\n", top.trim_end()).unwrap();
    pages.push(Page { path: "reference/commands/README.md".to_owned(), text: index });
    pages
}

/// Writes a command and all below it. Gives what it is for.
fn section(path: &[String], text: &mut String) -> String {
    assert!(path.len() <= DEEPEST, "{path:?}");
    let help = help(path);
    let level = "#".repeat(path.len());
    write!(text, "{level} legation {}\n\n```text\n{}\n```\n\n", path.join(" "), help.trim_end()).unwrap();
    for name in below(&help) {
        section(&[path, &[name]].concat(), text);
    }
    help.lines().next().unwrap_or_default().to_owned()
}

fn words<'v>(value: &'v Value, member: &str) -> &'v str {
    value.get(member).and_then(Value::as_str).unwrap_or_default()
}

/// The name of the schema that a content has.
fn schema(value: &Value) -> Option<&str> {
    let content = value.get("content")?.as_object()?.values().next()?;
    words(content.get("schema")?, "$ref").rsplit('/').next()
}

fn api_page(api: &Value) -> String {
    let mut text = format!(
        "# The HTTP API\n\n{} Whole, as OpenAPI 3.1: [openapi.json](openapi.json), which a host serves at `/openapi.json`.\n\n{}\n\n",
        words(&api["info"], "description"),
        words(&api["components"]["securitySchemes"]["signature"], "description"),
    );
    for (path, methods) in api["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            write!(text, "## `{} {path}`\n\n{}\n\n", method.to_uppercase(), words(operation, "summary"))
                .unwrap();
            write!(text, "{}\n\n", words(operation, "description")).unwrap();
            for parameter in operation["parameters"].as_array().unwrap() {
                let place = words(parameter, "in");
                writeln!(
                    text,
                    "- `{}` ({place}) {}",
                    words(parameter, "name"),
                    words(parameter, "description")
                )
                .unwrap();
            }
            if let Some(body) = operation.get("requestBody").and_then(schema) {
                writeln!(text, "- body: [`{body}`](#{})", crate::pages::slug(body)).unwrap();
            }
            for (status, answer) in operation["responses"].as_object().unwrap() {
                if let Some(name) = schema(answer).filter(|name| !name.is_empty()) {
                    writeln!(text, "- {status}: [`{name}`](#{})", crate::pages::slug(name)).unwrap();
                }
            }
            text.push('\n');
        }
    }
    for (name, schema) in api["components"]["schemas"].as_object().unwrap() {
        let json = serde_json::to_string_pretty(schema).unwrap();
        write!(text, "## {name}\n\n```json\n{json}\n```\n\n").unwrap();
    }
    text
}

#[test]
fn every_command_and_every_end_point_has_its_part() {
    let (pages, api) = pages();
    let of = |path: &str| {
        let page = pages.iter().find(|page| page.path == format!("reference/{path}.md")).expect(path);
        page.text.clone()
    };
    assert!(pages.len() > 40, "{} pages", pages.len());
    // Two levels down, with its example and how it ends.
    let agents = of("commands/agent");
    for wanted in [
        "## legation agent narrow\n",
        "### legation agent card set\n",
        "Example:\n  legation agent add",
        "Exit status:",
    ] {
        assert!(agents.contains(wanted), "{wanted}");
    }
    // The manual pages are made of the same tree, one for each command.
    let folder = tempfile::tempdir().unwrap();
    let mut man = Command::new(env!("CARGO_BIN_EXE_legation"));
    assert!(man.args(["man", "--out"]).arg(folder.path()).output().unwrap().status.success());
    let names = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name());
    let manual: BTreeSet<String> =
        names.map(|name| name.into_string().unwrap().trim_end_matches(".1").to_owned()).collect();
    let headings = pages.iter().flat_map(|page| page.text.lines()).filter(|line| line.starts_with('#'));
    let headings = headings.filter_map(|line| line.trim_start_matches('#').strip_prefix(" legation "));
    let told: BTreeSet<String> =
        headings.map(|path| format!("legation-{}", path.replace(' ', "-"))).collect();
    assert!(told.len() > 150, "{} commands", told.len());
    let missing: Vec<_> = manual.difference(&told).filter(|name| *name != "legation").collect();
    assert!(missing.is_empty(), "{missing:?}");
    let api_page = of("api");
    let paths = api["paths"].as_object().unwrap();
    assert!(paths.len() > 50, "{}", paths.len());
    for (path, methods) in paths {
        for method in methods.as_object().unwrap().keys() {
            assert!(
                api_page.contains(&format!("## `{} {path}`\n", method.to_uppercase())),
                "{method} {path}"
            );
        }
    }
}
