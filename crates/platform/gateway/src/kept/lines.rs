//! The requests of a batch: JSON objects, a line each, read strictly, and each as its own end point reads it.

use crate::{
    asked::{Asked, Endpoint},
    members::Members,
    openai::ChatError,
};
use http::HeaderMap;
use legation_registry::model::{Model, Target};
use sha2::{Digest, Sha256};
use std::collections::HashSet;

/// Most lines of a file.
pub(super) const MAX_LINES: usize = 10_000;
/// Most bytes of a line.
const MAX_LINE: usize = 4 << 20;
/// Longest name that a line gives itself.
const MAX_NAME: usize = 256;

/// One request.
#[derive(Debug)]
pub(super) struct Line {
    /// What it calls itself; no other line does.
    pub(super) name: String,
    pub(super) at: Endpoint,
    pub(super) asked: Asked,
    /// SHA-256 of the request, as it is written.
    pub(super) digest: [u8; 32],
}

/// Why a file is none of requests: the number of the line, and what is wrong there.
#[derive(Debug)]
pub(super) struct Wrong {
    pub(super) number: usize,
    pub(super) error: ChatError,
}

/// Reads them all: of one end point and one model.
pub(super) fn read(text: &[u8]) -> Result<Vec<Line>, Wrong> {
    let mut lines: Vec<Line> = Vec::new();
    let mut names = HashSet::new();
    for (index, text) in text.split(|byte| *byte == b'\n').enumerate() {
        if text.trim_ascii().is_empty() {
            continue;
        }
        let number = index.saturating_add(1);
        let wrong = |error| Wrong { number, error };
        let other = |member: &str, found, expected| {
            wrong(ChatError::Wrong { member: member.to_owned(), found, expected })
        };
        if lines.len() >= MAX_LINES {
            return Err(wrong(ChatError::Form { reason: "a file has at most 10,000 lines" }));
        }
        let line = one(text).map_err(wrong)?;
        if let Some(first) = lines.first() {
            if first.at != line.at {
                return Err(other("url", "another one than in the first line", "the same in all lines"));
            }
            if first.asked.model() != line.asked.model() {
                return Err(other(
                    "body.model",
                    "another one than in the first line",
                    "the same in all lines",
                ));
            }
        }
        if !names.insert(line.name.clone()) {
            return Err(other("custom_id", "that of another line", "a name that no other line has"));
        }
        lines.push(line);
    }
    match lines.is_empty() {
        true => Err(Wrong { number: 1, error: ChatError::Form { reason: "the file has no request" } }),
        false => Ok(lines),
    }
}

fn one(text: &[u8]) -> Result<Line, ChatError> {
    if text.len() > MAX_LINE {
        return Err(ChatError::Form { reason: "a line has more than 4 MiB" });
    }
    let unreadable = |_| ChatError::Form { reason: "a line is no JSON object" };
    let members = Members::read(text).map_err(unreadable)?;
    let known = ["body", "custom_id", "method", "url"];
    if let Some((name, _)) = members.iter().find(|(name, _)| !known.contains(name)) {
        return Err(ChatError::Unknown { member: crate::openai::refusal::shorten(name) });
    }
    let missing = |member: &str, expected| ChatError::Missing { member: member.to_owned(), expected };
    let string = |member: &str| -> Option<String> { serde_json::from_str(members.get(member)?).ok() };
    let name = string("custom_id").filter(|name| (1..=MAX_NAME).contains(&name.len()));
    let name = name.ok_or_else(|| missing("custom_id", "a name of 1 to 256 bytes"))?;
    if string("method").as_deref() != Some("POST") {
        return Err(missing("method", "`POST`"));
    }
    let expected = "`/v1/chat/completions`, `/v1/responses` or `/v1/embeddings`";
    let at = string("url").as_deref().and_then(Endpoint::of_batch).ok_or_else(|| missing("url", expected))?;
    let body = members.get("body").ok_or_else(|| missing("body", "a request"))?;
    let asked = at.read(&HeaderMap::new(), body.as_bytes())?;
    if asked.meter().is_some() {
        let reason = "nothing of a batch is streamed";
        return Err(ChatError::Unsupported { member: "body.stream".to_owned(), reason });
    }
    Ok(Line { name, at, asked, digest: Sha256::digest(body).into() })
}

/// The lines as a target gets them.
pub(super) fn write(lines: &[Line], target: &Target, model: &Model) -> Result<Vec<u8>, ChatError> {
    let mut text = Vec::new();
    for line in lines {
        let (_, body) = line.asked.body(target, model)?;
        let name = serde_json::Value::from(line.name.as_str());
        let head = format!(r#"{{"custom_id":{name},"method":"POST","url":"/v1/{}","body":"#, line.at.path());
        text.extend_from_slice(head.as_bytes());
        text.extend_from_slice(&body);
        text.extend_from_slice(b"}\n");
    }
    Ok(text)
}
