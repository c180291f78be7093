//! Where the revocation of a delegation is published: a place that a verifier can fetch, that is within its list, and that
//! no other delegation has.

use super::Asked;
use crate::{args::DelegateArgs, files, list_file::MOST, output::Failure};
use legation_credential::status::{MIN_ENTRIES, SignedStatusList, StatusEntry, StatusPurpose, is_list_url};
use legation_keys::secret::random;
use legation_keystore::Access;
use serde_json::{Value, json};
use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

/// Places for all that is asked for.
pub(super) struct Places {
    pub(super) entries: Vec<Vec<StatusEntry>>,
    pub(super) notes: Vec<String>,
}

/// A place as it was typed: a list, and an index in it.
struct Place {
    list: String,
    index: Option<usize>,
}

pub(super) fn places(args: &DelegateArgs, all: &[Asked]) -> Result<Places, Failure> {
    let typed: Result<Vec<Option<Place>>, Failure> =
        all.iter().map(|one| one.status.as_deref().map(read).transpose()).collect();
    let mut typed = typed?;
    let mut notes = Vec::new();
    match &args.status_list {
        Some(file) => give(file, &mut typed)?,
        None => {
            check_apart(&typed)?;
            let far =
                typed.iter().flatten().filter_map(|place| place.index).any(|index| index >= MIN_ENTRIES);
            if far {
                notes.push(format!(
                    "a list has {MIN_ENTRIES} entries unless it was made with more, and behind its end is no status; \
                     --status-list FILE looks"
                ));
            }
        }
    }
    let mut entries = Vec::with_capacity(all.len());
    for (one, place) in all.iter().zip(typed) {
        let mut own = Vec::new();
        own.extend(place.map(|place| entry(StatusPurpose::Revocation, place)).transpose()?);
        let suspension = one.suspension.as_deref().map(read).transpose()?;
        own.extend(suspension.map(|place| entry(StatusPurpose::Suspension, place)).transpose()?);
        entries.push(own);
    }
    Ok(Places { entries, notes })
}

fn entry(purpose: StatusPurpose, Place { list, index }: Place) -> Result<StatusEntry, Failure> {
    let index = index.ok_or_else(|| {
        Failure::usage(format!(
            "`{list}` names no index: write it as in {list}#42, or give --status-list FILE, which takes a free one"
        ))
    })?;
    Ok(StatusEntry { purpose, list, index })
}

/// `URL#INDEX`, or a URL.
fn read(text: &str) -> Result<Place, Failure> {
    let wrong =
        || Failure::usage(format!("`{text}` is no URL#INDEX, such as https://acme.example/status/1#42"));
    let (list, index) = match text.rsplit_once('#') {
        None => (text, None),
        Some((list, index)) => {
            let digits = index.bytes().all(|byte| byte.is_ascii_digit());
            (list, Some(index.parse::<usize>().ok().filter(|_| digits).ok_or_else(wrong)?))
        }
    };
    if !is_list_url(list) {
        return Err(wrong());
    }
    let is_local = url::Url::parse(list).is_ok_and(|url| url.host_str() == Some("localhost"));
    if list.starts_with("http://") && !is_local {
        let message = format!(
            "`{list}` is not `https`, and verifiers fetch nothing else; `http` is for `localhost` alone"
        );
        return Err(Failure::usage(message));
    }
    if index.is_some_and(|index| index >= MOST) {
        return Err(Failure::usage(format!("no status list is so long that `{text}` would be in it")));
    }
    Ok(Place { list: list.to_owned(), index })
}

/// Whoever revokes one delegation must not revoke another by it.
fn check_apart(typed: &[Option<Place>]) -> Result<(), Failure> {
    let mut seen = BTreeSet::new();
    for place in typed.iter().flatten() {
        if let Some(index) = place.index
            && !seen.insert((place.list.as_str(), index))
        {
            return Err(twice(&place.list, index));
        }
    }
    Ok(())
}

fn twice(list: &str, index: usize) -> Failure {
    let message = format!(
        "`{list}#{index}` was given to another delegation, and who revokes one would revoke both; take another index"
    );
    Failure::invalid("status_invalid", message)
}

/// Gives each delegation a place of its own in the list of a file, and keeps which were given.
fn give(file: &Path, typed: &mut [Option<Place>]) -> Result<(), Failure> {
    let text = files::read_text(file)?;
    let no_list = |reason: String| Failure::file(format!("`{}` is no status list: {reason}", file.display()));
    let list = SignedStatusList::parse(&text, MOST).map_err(|error| no_list(error.to_string()))?.credential;
    for place in typed.iter().flatten() {
        if list.id.as_ref().is_some_and(|id| *id != place.list) {
            let (file, id) = (file.display(), list.id.as_deref().unwrap_or_default());
            return Err(Failure::usage(format!("`{file}` is the list {id}, not {}", place.list)));
        }
    }
    if !list.purposes.contains(&StatusPurpose::Revocation) {
        return Err(Failure::usage(format!("`{}` is a list that revokes nothing", file.display())));
    }
    let bits = &list.list;
    let mut record = file.as_os_str().to_owned();
    record.push(".given");
    let record = PathBuf::from(record);
    files::change(&record, Access::Private, |found| {
        let mut given = read_given(&record, found)?;
        for place in typed.iter_mut().flatten() {
            let index = match place.index {
                Some(index) => index,
                None => {
                    free(bits.entries(), &|index| given.contains(&index) || bits.get(index) != Some(false))?
                }
            };
            match bits.get(index) {
                None => {
                    let message = format!(
                        "`{}#{index}` is behind the end of the list, which has {} entries",
                        place.list,
                        bits.entries()
                    );
                    return Err(Failure::invalid("status_invalid", message));
                }
                Some(true) => {
                    let message =
                        format!("`{}#{index}` is set: what it is given to is revoked already", place.list);
                    return Err(Failure::invalid("link_revoked", message));
                }
                Some(false) if !given.insert(index) => return Err(twice(&place.list, index)),
                Some(false) => place.index = Some(index),
            }
        }
        Ok((json!({"given": given}).to_string(), ()))
    })
}

fn read_given(record: &Path, found: Option<&[u8]>) -> Result<BTreeSet<usize>, Failure> {
    let Some(found) = found else { return Ok(BTreeSet::new()) };
    let json: Option<Value> = serde_json::from_slice(found).ok();
    let all = json.as_ref().and_then(|json| json.get("given")).and_then(Value::as_array);
    let all =
        all.map(|all| all.iter().map(|one| one.as_u64().and_then(|one| usize::try_from(one).ok())).collect());
    all.flatten().ok_or_else(|| {
        let record = record.display();
        Failure::file(format!(
            "`{record}` does not say which indexes were given; restore it, or take an index of your own"
        ))
    })
}

/// A free index, by chance: what stands next to it is then nobody's in particular.
fn free(entries: usize, is_taken: &dyn Fn(usize) -> bool) -> Result<usize, Failure> {
    let bytes: [u8; 8] = random().map_err(|error| Failure::network("random", error.to_string()))?;
    let start = usize::from_le_bytes(bytes) % entries.max(1);
    let free = (start..entries).chain(0..start).find(|index| !is_taken(*index));
    free.ok_or_else(|| {
        Failure::invalid("status_invalid", "the list is full: each index was given; publish another list")
    })
}
