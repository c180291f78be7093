//! Evidence: the log, downloaded in parts, each of which is verified without the organization.

use crate::{
    Console,
    client::with_query,
    page::{Visit, page, problem},
    told::{number, text},
};
use axum::{
    extract::{Query, State},
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use maud::html;
use serde::Deserialize;
use serde_json::Value;
use std::sync::Arc;

/// Most entries of a part, as `/v1` has it.
const MOST: i64 = 1000;
const TARGET: &str = "/v1/log-export";

#[derive(Deserialize)]
pub(crate) struct Wanted {
    #[serde(default)]
    log: String,
    #[serde(default)]
    first: String,
    #[serde(default)]
    limit: String,
}

/// What there is to download, and how it is verified.
pub(crate) async fn show(State(console): State<Arc<Console>>, visit: Visit) -> Response {
    let found = match console.get(&visit.asking(), &with_query(TARGET, &[("limit", "1")])).await {
        Ok(found) => found,
        Err(why) => return problem(&visit, &why),
    };
    let (log, size) = (text(&found, "log"), number(&found, "size"));
    let content = html! {
        h1 { "Evidence" }
        p { "Log " code { (log) } " has " (size) " entries. A file of at most " (MOST) " of them is made here, with the delegations, "
            "documents and policies that they name. Values that entries leave out are not in it; " code { "legation log export" } " writes those, too." }
        form method="get" action="/console/evidence/export" {
            input type="hidden" name="log" value=(log);
            label for="first" { "From entry" }
            input id="first" name="first" type="number" min="0" max=(size.saturating_sub(1)) value="0" required;
            label for="limit" { "At most" }
            input id="limit" name="limit" type="number" min="1" max=(MOST) value=(MOST) required;
            button type="submit" { "Download" }
        }
        h2 { "Verify it" }
        p { "On any machine, without this organization and without network:" }
        pre tabindex="0" { "legation log verify FILE" }
        p { "A line that was changed, left out, added or moved does not fit the signed checkpoint in the file, and is told." }
    };
    page(&visit, "Evidence", &content)
}

/// A part, as a file.
pub(crate) async fn export(
    State(console): State<Arc<Console>>,
    visit: Visit,
    Query(Wanted { log, first, limit }): Query<Wanted>,
) -> Response {
    let target = with_query(TARGET, &[("log", &log), ("first", &first), ("limit", &limit)]);
    let mut found = match console.get(&visit.asking(), &target).await {
        Ok(found) => found,
        Err(why) => return problem(&visit, &why),
    };
    let name =
        format!("attachment; filename=\"log-{}-{}.jsonl\"", text(&found, "log"), number(&found, "first"));
    let Some(Value::String(lines)) = found.get_mut("export").map(Value::take) else {
        return problem(&visit, &crate::client::Problem::new(500, "internal", "the export is not there"));
    };
    let mut response =
        ([(header::CONTENT_TYPE, "application/jsonl"), (header::CACHE_CONTROL, "no-store")], lines)
            .into_response();
    let name = HeaderValue::try_from(name).unwrap_or(HeaderValue::from_static("attachment"));
    response.headers_mut().insert(header::CONTENT_DISPOSITION, name);
    response
}
