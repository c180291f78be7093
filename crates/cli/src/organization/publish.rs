//! `legation publish`: what an organization publishes, as files for any static host.

use super::data_dir::{DataDir, failed};
use crate::{
    args::PublishSiteArgs,
    files,
    output::{Failure, Output, working},
};
use legation_registry::{Registry, RegistryError, names};
use legation_store::{StoreError, holder::Kind};
use serde_json::json;
use std::path::{Path, PathBuf};

/// Teams or agents that are read at a time.
const PAGE: i64 = 1000;
/// Status lists that are read at a time.
const LISTS: i64 = 64;

/// What was done.
#[derive(Default)]
struct Done {
    written: usize,
    unchanged: usize,
}

pub(crate) fn run(args: &PublishSiteArgs) -> Result<Output, Failure> {
    let folder = DataDir::of(&args.data);
    folder.location()?;
    let signer = folder.signer()?;
    let registry = folder.open(&signer)?;
    // What is closed publishes nothing.
    registry.epoch().map_err(|error| failed(&error))?;
    // Lists that end soon are signed anew: nobody may look at them again for a while.
    registry.renew_lists(files::now()).map_err(|error| failed(&error))?;
    registry.renew_linkage(files::now()).map_err(|error| failed(&error))?;
    registry.follow_document(files::now()).map_err(|error| failed(&error))?;
    let done = working("publishing", || publish(&registry, &args.out))?;
    let (out, Done { written, unchanged }) = (args.out.display().to_string(), done);
    let told = format!(
        "{out}: {written} files written, {unchanged} unchanged\nServe it at {}. Publish again whenever something was revoked, and every half hour: status lists \
         are valid for an hour at most.",
        names::site(registry.did())
    );
    Ok(Output::done(json!({"out": out, "written": written, "unchanged": unchanged}), told))
}

fn publish(registry: &Registry, out: &Path) -> Result<Done, Failure> {
    let mut done = Done::default();
    let path = names::path(registry.did());
    // Below its name, where it has one: the folder is what a host serves at its root.
    let out = &path.map_or_else(|| out.to_owned(), |path| out.join(path));
    let own = registry.did().to_string();
    // Status lists go first: a document that is new has no use for old ones, and what was revoked has to be known soon.
    let mut after = 0;
    loop {
        let lists = registry.lists(after, LISTS).map_err(|error| failed(&error))?;
        let Some(last) = lists.last() else { break };
        after = last.number;
        for list in &lists {
            done.put(&out.join("status").join(list.number.to_string()), &list.secured)?;
        }
    }
    let history = registry.history_did().map_err(|error| failed(&error))?;
    let log = history.map(|_| registry.history_log().map_err(|error| failed(&error))).transpose()?;
    let at = if path.is_some() { out.clone() } else { out.join(".well-known") };
    if let Some(log) = log {
        done.put(&at.join("did.jsonl"), log.trim_end())?;
    }
    done.document(registry, &own, at)?;
    if path.is_none() {
        let configuration = registry.did_configuration().map_err(|error| failed(&error))?;
        done.put(&out.join(".well-known").join("did-configuration.json"), &configuration)?;
    }
    for (kind, folder) in [(Kind::Team, out.join("teams")), (Kind::Agent, out.to_owned())] {
        let mut after = String::new();
        loop {
            let found = registry.list(kind, &after, PAGE).map_err(|error| failed(&error))?;
            for one in &found {
                done.document(registry, &one.holder.did, folder.join(&one.holder.name))?;
            }
            match found.last() {
                Some(last) => after.clone_from(&last.holder.name),
                None => break,
            }
        }
    }
    Ok(done)
}

impl Done {
    /// A document, and the card beside it where there is one.
    fn document(&mut self, registry: &Registry, did: &str, folder: PathBuf) -> Result<(), Failure> {
        let document = registry.document(did).map_err(|error| failed(&error))?;
        self.put(&folder.join("did.json"), &document.to_json().to_string())?;
        let place = folder.join("agent-card.json");
        match registry.published_card(did) {
            Ok(card) => self.put(&place, &card.secured),
            Err(RegistryError::Store(StoreError::NotFound { .. })) => self.take_away(&place),
            Err(error) => Err(failed(&error)),
        }
    }

    /// Takes a file away that was published before.
    fn take_away(&mut self, path: &Path) -> Result<(), Failure> {
        match std::fs::remove_file(path) {
            Ok(()) => self.written += 1,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => {
                return Err(Failure::file(format!("`{}` can't be removed: {error}", path.display())));
            }
        }
        Ok(())
    }

    /// Writes a file whole, where it is not that already: whoever mirrors the folder sees what has changed.
    fn put(&mut self, path: &Path, text: &str) -> Result<(), Failure> {
        if std::fs::read(path).is_ok_and(|there| there.trim_ascii_end() == text.as_bytes()) {
            self.unchanged += 1;
            return Ok(());
        }
        if let Some(folder) = path.parent() {
            let made = std::fs::create_dir_all(folder);
            made.map_err(|error| Failure::file(format!("`{}` can't be made: {error}", folder.display())))?;
        }
        files::write_public(path, text, true)?;
        self.written += 1;
        Ok(())
    }
}
