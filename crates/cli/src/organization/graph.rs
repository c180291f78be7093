//! `legation delegation graph`: who delegates to whom, as text, as a picture, as JSON.

use super::{
    holder::{budgets, valid_until},
    place::{Place, joined, text},
};
use crate::{
    args::{GraphArgs, GraphFormat},
    files,
    output::{Failure, Output, one_line},
};
use serde_json::{Value, json};

/// Sizes of the picture, in pixels.
const ROW: usize = 46;
const STEP: usize = 210;
const BOX: (usize, usize) = (560, 36);

pub(crate) fn graph(args: &GraphArgs) -> Result<Output, Failure> {
    let place = Place::of(&args.data)?;
    let organization = place.ask("GET", "/v1/organization", None)?;
    let mut teams = place.all("/v1/teams", &[], "teams")?;
    let agents = place.all("/v1/agents", &[], "agents")?;
    for team in &mut teams {
        let of_team = |agent: &&Value| text(agent, "team") == text(team, "name");
        let own: Vec<Value> = agents.iter().filter(of_team).cloned().collect();
        if let Some(members) = team.as_object_mut() {
            members.insert("agents".to_owned(), own.into());
        }
    }
    let json = json!({"did": text(&organization, "did"), "teams": teams});
    let rows = rows(&json);
    let told = match args.format {
        GraphFormat::Text => as_text(&rows),
        GraphFormat::Svg => as_svg(&rows),
        GraphFormat::Json => format!("{json:#}\n"),
    };
    match files::write_to(&args.to, told.trim_end())? {
        None => Ok(Output::done(json, told)),
        Some(file) => Ok(Output::done(json!({"file": file}), format!("wrote {file}"))),
    }
}

/// One holder of a delegation.
struct Row {
    /// How many delegations lead to it.
    depth: usize,
    /// The row of who delegates to it.
    above: usize,
    is_last: bool,
    name: String,
    /// `active`, `suspended`, `retired`, or `none` where it has no delegation.
    state: String,
    about: String,
}

/// Those that are there, each below who delegates to it.
fn rows(json: &Value) -> Vec<Row> {
    let top = Row {
        depth: 0,
        above: 0,
        is_last: true,
        name: one_line(text(json, "did")),
        state: "active".to_owned(),
        about: String::new(),
    };
    let mut rows = vec![top];
    let list =
        |json: &Value, name: &str| json.get(name).and_then(Value::as_array).cloned().unwrap_or_default();
    let teams = list(json, "teams");
    for (number, team) in teams.iter().enumerate() {
        let place = rows.len();
        rows.push(row(team, (1, 0), number + 1 == teams.len()));
        let agents = list(team, "agents");
        for (number, agent) in agents.iter().enumerate() {
            rows.push(row(agent, (2, place), number + 1 == agents.len()));
        }
    }
    rows
}

fn row(holder: &Value, (depth, above): (usize, usize), is_last: bool) -> Row {
    let has_one = !text(holder, "validUntil").is_empty();
    let state = match text(holder, "state") {
        "active" if !has_one => "none",
        state => state,
    };
    let until = || format!("until {}", valid_until(holder));
    let about = match state {
        "retired" => vec!["retired".to_owned()],
        "none" => vec!["no delegation".to_owned()],
        "active" => vec![joined(holder, "models", ","), budgets(holder), until()],
        state => vec![state.to_owned(), joined(holder, "models", ","), budgets(holder), until()],
    };
    let about = about.into_iter().filter(|one| !one.is_empty()).collect::<Vec<_>>().join("; ");
    let (name, state) = (one_line(text(holder, "name")), state.to_owned());
    Row { depth, above, is_last, name, state, about: one_line(&about) }
}

fn as_text(rows: &[Row]) -> String {
    let mut told = String::new();
    for row in rows {
        let (own, before) = match row.depth {
            0 => ("", ""),
            depth => {
                let is_open = depth > 1 && rows.get(row.above).is_some_and(|above| !above.is_last);
                let before = match (depth, is_open) {
                    (1, _) => "",
                    (_, true) => "│  ",
                    (_, false) => "   ",
                };
                (if row.is_last { "└─ " } else { "├─ " }, before)
            }
        };
        told.push_str(format!("{before}{own}{}  {}", row.name, row.about).trim_end());
        told.push('\n');
    }
    told
}

/// A picture that stands by itself, in light and in dark.
fn as_svg(rows: &[Row]) -> String {
    let height = rows.len() * ROW + 16;
    let width = 2 * STEP + BOX.0 + 16;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" \
         role=\"img\" aria-label=\"who delegates to whom\">\n<style>\n\
         text {{ font: 13px system-ui, sans-serif; fill: #1b1f24 }} .about {{ font-size: 11px; fill: #57606a }}\n\
         rect {{ fill: #ffffff; stroke: #57606a }} path {{ fill: none; stroke: #8c959f }}\n\
         .suspended rect {{ fill: #fff8c5; stroke: #9a6700 }} .none rect, .retired rect {{ fill: #f6f8fa; stroke-dasharray: 4 3 }}\n\
         @media (prefers-color-scheme: dark) {{ text {{ fill: #e6edf3 }} .about {{ fill: #9da7b3 }} rect {{ fill: #161b22 }}\n\
         .suspended rect {{ fill: #3d2e00 }} .none rect, .retired rect {{ fill: #0d1117 }} }}\n</style>\n"
    );
    for (number, row) in rows.iter().enumerate() {
        let (left, top) = (8 + row.depth * STEP, 8 + number * ROW);
        if row.depth > 0 {
            let (from, bottom) = (8 + (row.depth - 1) * STEP + 20, 8 + row.above * ROW + BOX.1);
            svg.push_str(&format!("<path d=\"M{from} {bottom}V{}H{left}\"/>\n", top + BOX.1 / 2));
        }
        svg.push_str(&format!(
            "<g class=\"{}\"><rect x=\"{left}\" y=\"{top}\" width=\"{}\" height=\"{}\" rx=\"6\"/>\
             <text x=\"{}\" y=\"{}\">{}</text><text class=\"about\" x=\"{}\" y=\"{}\">{}</text></g>\n",
            row.state,
            BOX.0,
            BOX.1,
            left + 10,
            top + 15,
            escaped(&row.name),
            left + 10,
            top + 30,
            escaped(&short(&row.about)),
        ));
    }
    svg.push_str("</svg>\n");
    svg
}

/// What fits into a box.
fn short(text: &str) -> String {
    if text.chars().count() <= 90 { text.to_owned() } else { text.chars().take(89).chain(['…']).collect() }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
