//! `legation evidence`: what an export proves for people who must show it, article by article, and what it can't.

mod facts;
mod frameworks;
mod page;
mod picture;

use crate::{
    args::{EvidenceArgs, Framework},
    files,
    log::{Audited, audited},
    output::{Failure, Output},
};
use facts::Facts;
use serde_json::{Value, json};

pub(crate) fn run(args: &EvidenceArgs) -> Result<Output, Failure> {
    let mut facts = Facts::default();
    let Audited { json: verified, is_valid, notes } =
        audited(&args.file, &args.anchor, &mut |index, leaf, shown| facts.add(index, leaf, shown))?;
    if !is_valid {
        let first = verified.pointer("/alarms/0/message").and_then(Value::as_str).unwrap_or_default();
        let text = format!("the export does not verify, so it is evidence of nothing: {first}");
        return Err(Failure::invalid("evidence_invalid", text));
    }
    let points = frameworks::points(args.framework);
    let told: Vec<Value> = points
        .iter()
        .map(|point| {
            let (shows, entries) = (point.shows)(&facts);
            json!({
                "reference": point.reference, "asks": point.asks, "shows": shows, "entries": entries,
                "doesNotShow": point.does_not_show, "whoAdds": point.who_adds,
            })
        })
        .collect();
    let all = json!({
        "framework": args.framework.name(), "title": frameworks::title(args.framework), "export": verified,
        "summary": facts.to_json(), "points": told,
        "notice": frameworks::NOTICE,
    });
    let html = page::write(&all, &facts);
    files::write_public(&args.out.out, &html, args.out.force)?;
    let file = args.out.out.display().to_string();
    let text = format!(
        "wrote {file}: {} points of {}\n{}",
        points.len(),
        frameworks::title(args.framework),
        frameworks::NOTICE
    );
    let mut json = all;
    if let Some(members) = json.as_object_mut() {
        members.insert("file".to_owned(), file.into());
    }
    Ok(Output { notes, ..Output::done(json, text) })
}

impl Framework {
    fn name(self) -> &'static str {
        match self {
            Self::EuAiAct => "eu-ai-act",
            Self::Soc2 => "soc2",
            Self::NistAiRmf => "nist-ai-rmf",
            Self::Gdpr => "gdpr",
        }
    }
}
