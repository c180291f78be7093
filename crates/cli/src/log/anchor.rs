//! By what a log is believed to be an organization's: its DID document, or the log's key itself.

use crate::{args::AnchorArgs, folder::document_in, output::Failure};
use legation_did::Document;
use legation_log::{NoteKey, about};

/// Why a log's key is believed.
pub(super) struct Anchored {
    pub(super) key: NoteKey,
    /// The organization, where it is known.
    pub(super) organization: Option<String>,
    /// In words, and whether it is the log's own word.
    pub(super) by: String,
    pub(super) is_own_word: bool,
}

/// The key of a log, by what the organization says of it and a DID document that came along.
pub(super) fn key(args: &AnchorArgs, about: &str, document: &str) -> Result<Anchored, Failure> {
    if let Some(key) = &args.key {
        let key = NoteKey::parse(key).map_err(|error| Failure::usage(error.to_string()))?;
        let by = format!("the key of `{}`, as given", key.name());
        return Ok(Anchored { key, organization: None, by, is_own_word: false });
    }
    let wrong = |error: about::AboutError| Failure::invalid(error.code(), error.to_string());
    let said = about::read(about).map_err(wrong)?;
    let (document, is_own_word) = match &args.did_documents {
        Some(folder) => (document_in(folder, &said.organization)?, false),
        None => {
            let missing =
                "no DID document came with it; give one with --did-documents, or the log's key with --key";
            let document = Document::parse(document.as_bytes());
            (document.map_err(|_| Failure::invalid("did_unresolved", missing))?, true)
        }
    };
    let said = about::verify(about, &document).map_err(wrong)?;
    let by = match is_own_word {
        false => format!("the document of `{}`", said.organization),
        true => format!("the document of `{}` that came with it", said.organization),
    };
    Ok(Anchored { key: said.key, organization: Some(said.organization.to_string()), by, is_own_word })
}
