//! DID documents and status lists in a folder.

use crate::{files, output::Failure};
use legation_credential::status::SignedStatusList;
use legation_did::{Did, Document};
use legation_verifier::Evidence;
use std::{
    collections::{HashMap, HashSet},
    path::Path,
};

/// Most files of a folder of documents.
const MAX_FILES: usize = 10_000;

/// Adds every DID document and status list of a folder, as if fetched now.
///
/// Files come in no order, so that two of one name must not depend on it: a backup of a list does not
/// take a revocation back, and two documents of one DID are refused.
pub(crate) fn add_folder(
    folder: &Path,
    evidence: &mut Evidence,
    most: usize,
    now: i64,
) -> Result<(), Failure> {
    let mut documents = HashSet::new();
    let mut lists: HashMap<String, i64> = HashMap::new();
    each_file(folder, &mut |bytes| {
        if let Ok(document) = Document::parse(bytes) {
            if !documents.insert(document.id().clone()) {
                let message = format!("`{}` holds two documents of `{}`", folder.display(), document.id());
                return Err(Failure::file(message));
            }
            let _ = evidence.add_document(document.id(), bytes, now);
        } else if let Ok(text) = core::str::from_utf8(bytes)
            && let Ok(list) = SignedStatusList::parse(text.trim(), most)
        {
            let (id, made) = (list.credential.id, list.credential.valid_from);
            if lists.get(&id).is_none_or(|before| made > *before) {
                evidence.add_status_list(&id, text.trim(), now, most);
                lists.insert(id, made);
            }
        }
        Ok(())
    })
}

/// Reads every file of a folder and the folders in it.
fn each_file(folder: &Path, read: &mut dyn FnMut(&[u8]) -> Result<(), Failure>) -> Result<(), Failure> {
    let mut folders = vec![folder.to_owned()];
    let mut count = 0;
    while let Some(folder) = folders.pop() {
        let failed =
            |error: std::io::Error| Failure::file(format!("`{}` can't be read: {error}", folder.display()));
        for entry in std::fs::read_dir(&folder).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            count += 1;
            if count > MAX_FILES {
                return Err(Failure::file(format!("more than {MAX_FILES} files; name a smaller folder")));
            }
            if path.is_dir() {
                folders.push(path);
            } else {
                read(&files::read(&path)?)?;
            }
        }
    }
    Ok(())
}

/// The document of one DID in a folder of documents.
pub(crate) fn document_in(folder: &Path, did: &Did) -> Result<Document, Failure> {
    let mut found = None;
    each_file(folder, &mut |bytes| {
        if let Some(document) = Document::parse(bytes).ok().filter(|document| document.id() == did) {
            found = Some(document);
        }
        Ok(())
    })?;
    found.ok_or_else(|| Failure::file(format!("`{}` holds no document of `{did}`", folder.display())))
}

/// All DID documents of a folder.
#[cfg(feature = "vc-api")]
pub(crate) fn documents_in(folder: &Path) -> Result<Vec<Document>, Failure> {
    let mut found = Vec::new();
    each_file(folder, &mut |bytes| {
        found.extend(Document::parse(bytes));
        Ok(())
    })?;
    Ok(found)
}
