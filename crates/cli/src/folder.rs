//! DID documents and status lists in a folder.
//!
//! A file is known by the name that it gives itself, its `id`, and by where it stands: in the folder of a site, or in one
//! that is called as its host. So what is there and wrong is told as such, as it would be of a site.

use crate::{files, output::Failure};
use legation_credential::status::SignedStatusList;
use legation_did::{Did, Document, web};
use legation_keys::{
    base64url,
    json::{self, JsonLimits},
    jws,
};
use legation_verifier::{Evidence, Need};
use std::{
    collections::{HashMap, HashSet},
    path::{Path, PathBuf},
};

/// Most files of a folder of documents.
const MAX_FILES: usize = 10_000;
/// Bounds on a file that is looked at for its name.
const LIMITS: JsonLimits = JsonLimits { bytes: 4 << 20, depth: 16 };

/// The files of a folder that were looked at.
pub(crate) struct Folder {
    files: Vec<PathBuf>,
    root: PathBuf,
    /// Those that are no document and no list with a name, by the name that they give themselves.
    wrong: Vec<(String, PathBuf)>,
}

/// Adds every DID document and status list of a folder, as if fetched now.
///
/// Files come in no order, so that two of one name must not depend on it: a backup of a list does not
/// take a revocation back, and two documents of one DID are refused.
pub(crate) fn add_folder(
    folder: &Path,
    evidence: &mut Evidence,
    most: usize,
    now: i64,
) -> Result<Folder, Failure> {
    let mut documents = HashSet::new();
    let mut lists: HashMap<String, i64> = HashMap::new();
    let mut looked_at = Folder::of(folder);
    each_file(folder, &mut |path, bytes| {
        looked_at.files.push(path.to_owned());
        if let Ok(document) = Document::parse(bytes) {
            if !documents.insert(document.id().clone()) {
                let message = format!("`{}` holds two documents of `{}`", folder.display(), document.id());
                return Err(Failure::file(message));
            }
            let _ = evidence.add_document(document.id(), bytes, now);
        } else if let Ok(text) = core::str::from_utf8(bytes)
            && let Ok(list) = SignedStatusList::parse(text.trim(), most)
        {
            // One without a name is known by where it stands.
            let made = list.credential.valid_from;
            if let Some(id) = list.credential.id
                && lists.get(&id).is_none_or(|before| made > *before)
            {
                evidence.add_status_list(&id, text.trim(), now, most);
                lists.insert(id, made);
            }
        } else {
            looked_at.wrong.extend(claimed_name(bytes).map(|name| (name, path.to_owned())));
        }
        Ok(())
    })?;
    Ok(looked_at)
}

impl Folder {
    fn of(root: &Path) -> Self {
        Self { files: Vec::new(), root: root.to_owned(), wrong: Vec::new() }
    }

    /// Adds what a verification still asks for and a file here is for, however wrong that is: the verifier tells what.
    pub(crate) fn supply(
        &self,
        evidence: &mut Evidence,
        needs: impl Fn(&Evidence) -> Vec<Need>,
        most: usize,
        now: i64,
    ) -> Result<(), Failure> {
        let mut tried = HashSet::new();
        while let Some(need) = needs(evidence).into_iter().find(|need| !tried.contains(need)) {
            match (&need, self.file_for(&need)) {
                (_, None) => {}
                (Need::Document(did), Some(path)) => {
                    drop(evidence.add_document(did, &files::read(path)?, now))
                }
                (Need::StatusList(url), Some(path)) => {
                    let bytes = files::read(path)?;
                    evidence.add_status_list(url, String::from_utf8_lossy(&bytes).trim(), now, most);
                }
            }
            tried.insert(need);
        }
        Ok(())
    }

    /// The file that says to be what is needed, or stands where it would.
    fn file_for(&self, need: &Need) -> Option<&Path> {
        let is_its = |name: &str| match need {
            Need::Document(did) => did.is(name),
            Need::StatusList(url) => name == url,
        };
        let named = self.wrong.iter().find(|(name, _)| is_its(name)).map(|(_, path)| path);
        let at = || match need {
            Need::Document(did) => self.at(&web::url(did)?),
            Need::StatusList(url) => self.at(url),
        };
        named.or_else(at).map(PathBuf::as_path)
    }

    /// The file at a URL's path: of this folder, or of one in it that is called as the URL's host.
    fn at(&self, url: &str) -> Option<&PathBuf> {
        let (_, location) = url.split_once("://")?;
        let (_, path) = location.split_once('/')?;
        let stands = |file: &&PathBuf| {
            let place = file.strip_prefix(&self.root).unwrap_or(file);
            place == Path::new(path) || place.ends_with(location)
        };
        self.files.iter().find(stands)
    }
}

/// The `id` of a document, or of what a JWS secures.
fn claimed_name(bytes: &[u8]) -> Option<String> {
    let text = core::str::from_utf8(bytes).ok()?.trim();
    let payload = match text.starts_with('{') {
        true => text.as_bytes().to_vec(),
        false => base64url::decode(jws::split(text).ok()?.payload).ok()?,
    };
    Some(json::parse(&payload, LIMITS).ok()?.get("id")?.as_str()?.to_owned())
}

/// What is done with a file of the folder: its path and what it holds.
type Read<'r> = dyn FnMut(&Path, &[u8]) -> Result<(), Failure> + 'r;

/// Reads every file of a folder and the folders in it.
fn each_file(folder: &Path, read: &mut Read<'_>) -> Result<(), Failure> {
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
                read(&path, &files::read(&path)?)?;
            }
        }
    }
    Ok(())
}

/// The document of one DID in a folder of documents.
pub(crate) fn document_in(folder: &Path, did: &Did) -> Result<Document, Failure> {
    let mut found = None;
    let mut looked_at = Folder::of(folder);
    each_file(folder, &mut |path, bytes| {
        looked_at.files.push(path.to_owned());
        match Document::parse(bytes) {
            Ok(document) if document.id() == did => found = Some(document),
            Ok(_) => {}
            Err(_) => looked_at.wrong.extend(claimed_name(bytes).map(|name| (name, path.to_owned()))),
        }
        Ok(())
    })?;
    match (found, looked_at.file_for(&Need::Document(did.clone()))) {
        (Some(document), _) => Ok(document),
        (None, Some(path)) => Err(wrong(path, did)),
        (None, None) => Err(Failure::file(format!("`{}` holds no document of `{did}`", folder.display()))),
    }
}

/// What is wrong with a file that is to be the document of a DID.
fn wrong(path: &Path, did: &Did) -> Failure {
    let told = match files::read(path).map(|bytes| Document::parse(&bytes)) {
        Err(failure) => return failure,
        Ok(Ok(other)) => format!("it is that of `{}`", other.id()),
        Ok(Err(error)) => error.to_string(),
    };
    Failure::file(format!("`{}` is no document of `{did}`: {told}", path.display()))
}

/// All DID documents of a folder. One that gives itself the name of a DID and can't be read is told of: whoever hands it
/// over does not want another fetched in its place.
#[cfg(feature = "vc-api")]
pub(crate) fn documents_in(folder: &Path) -> Result<Vec<Document>, Failure> {
    let mut found = Vec::new();
    each_file(folder, &mut |path, bytes| {
        match Document::parse(bytes) {
            Ok(document) => found.push(document),
            Err(_) => {
                if let Some(did) = claimed_name(bytes).and_then(|name| name.parse::<Did>().ok()) {
                    return Err(wrong(path, &did));
                }
            }
        }
        Ok(())
    })?;
    Ok(found)
}
