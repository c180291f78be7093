//! The page: HTML of one file, without scripts, that prints well.

use super::{facts::Facts, picture};
use legation_keys::time;
use serde_json::Value;

const STYLE: &str = "body{font:15px/1.5 system-ui,sans-serif;max-width:760px;margin:2em auto;padding:0 1em;color:#1a1a1a}h1{font-size:1.5em}\
h2{font-size:1.15em;margin-top:2em}table{border-collapse:collapse;width:100%}td,th{border:1px solid #ccc;padding:.4em .6em;\
text-align:left;vertical-align:top}svg{width:100%;height:auto}.permit{fill:#2f6f4f}.deny{fill:#b5483a}path{stroke:#888;fill:none}\
text{font:12px system-ui,sans-serif;fill:#1a1a1a}.small{font-size:9px}section{page-break-inside:avoid}.notice{background:#fff6dd;\
padding:.8em 1em;border-left:4px solid #d9a400}code{word-break:break-all}@media print{body{margin:0;max-width:none}}";

/// A text within HTML. What turns the reading of a line is left out: names are others' words.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for one in text.chars() {
        match one {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            one if legation_verifier::error::misleads(one) => escaped.push('\u{fffd}'),
            one => escaped.push(one),
        }
    }
    escaped
}

pub(super) fn write(all: &Value, facts: &Facts) -> String {
    let text = |pointer: &str| escape(all.pointer(pointer).and_then(Value::as_str).unwrap_or_default());
    let number = |pointer: &str| all.pointer(pointer).and_then(Value::as_u64).unwrap_or_default();
    let mut html = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>Evidence: {title}</title><style>{STYLE}</style></head>\
         <body><h1>Evidence for {title}</h1><p class=\"notice\">{}</p>",
        text("/notice"),
        title = text("/title"),
    );
    html.push_str(&format!(
        "<h2>What it rests on</h2><p>{} entries of the log <code>{}</code>, from {} to {}, verified: every entry, their order, the tree \
         under a signed checkpoint of {} entries. Root <code>{}</code>. Key of the log <code>{}</code>. {}</p>",
        number("/export/entries"),
        text("/export/log"),
        text("/export/from"),
        text("/export/to"),
        number("/export/size"),
        text("/export/root"),
        text("/export/key"),
        if all.pointer("/export/ownWord") == Some(&Value::Bool(true)) {
            "That this is the organization's key is its own word: hold it against the document at its domain."
        } else {
            "The key was held against what the reader knows of the organization."
        },
    ));
    html.push_str(&format!("<h2>Decisions over time</h2>{}", picture::timeline(facts)));
    html.push_str(&format!("<h2>Decisions by agent</h2>{}", picture::by_agent(facts)));
    html.push_str(&format!("<h2>Who acts for whom</h2>{}", picture::delegations(facts)));
    html.push_str(&stops(facts));
    html.push_str("<h2>Point by point</h2>");
    for point in all.get("points").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default() {
        html.push_str(&self::point(point));
    }
    html.push_str("</body></html>");
    html
}

/// Who was stopped, and how long it took until that held.
fn stops(facts: &Facts) -> String {
    let mut html = "<h2>Stops, and how long they took</h2>".to_owned();
    if facts.stops.is_empty() {
        html.push_str("<p>None in this export.</p>");
        return html;
    }
    html.push_str("<table><tr><th>Entry</th><th>When</th><th>What</th><th>Passed after it</th><th>First denial after it</th></tr>");
    for stop in facts.stops.iter().take(200) {
        let denied = stop.denied_at.map_or_else(
            || "it did not try".to_owned(),
            |at| format!("{} s later", at.saturating_sub(stop.at)),
        );
        html.push_str(&format!(
            "<tr><td>{}</td><td>{}</td><td>{} {}</td><td>{}</td><td>{denied}</td></tr>",
            stop.index,
            time::format(stop.at),
            escape(&stop.kind),
            escape(&stop.subject),
            stop.passed_after
        ));
    }
    html.push_str("</table>");
    html
}

fn point(point: &Value) -> String {
    let text = |name: &str| escape(point.get(name).and_then(Value::as_str).unwrap_or_default());
    let entries: Vec<String> = point
        .get("entries")
        .and_then(Value::as_array)
        .map(Vec::as_slice)
        .unwrap_or_default()
        .iter()
        .map(Value::to_string)
        .collect();
    let such_as =
        if entries.is_empty() { String::new() } else { format!(" Such as entries {}.", entries.join(", ")) };
    format!(
        "<section><h3>{}</h3><table><tr><th>It asks</th><td>{}</td></tr><tr><th>The log shows</th><td>{}{such_as}</td></tr>\
         <tr><th>It can't show</th><td>{}</td></tr><tr><th>Who adds what</th><td>{}</td></tr></table></section>",
        text("reference"),
        text("asks"),
        text("shows"),
        text("doesNotShow"),
        text("whoAdds")
    )
}
