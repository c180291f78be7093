//! A folder that holds several organizations: which one is meant, and where its own files are.
//!
//! The files of the first organization stay where they were, in the folder itself; `legation.json` says whose they are. Each other one
//! has a folder of its own below `organizations`.

use super::{DataDir, Signer, failed};
use crate::{files, output::Failure};
use legation_did::Did;
use legation_registry::{Registry, RegistryError, names, registry::MOST};
use legation_signer::Door;
use legation_store::{
    Store,
    organization::{self, Organization},
};
use serde_json::{Value, json};
use std::{
    fs::{self, DirBuilder},
    os::unix::fs::DirBuilderExt,
    path::PathBuf,
};

/// The folder of the organizations that came later.
const OTHERS: &str = "organizations";
/// Whose files lie in the folder itself.
const FIRST: &str = "organization";

impl DataDir {
    /// The organization that is named, where one is.
    pub(crate) fn named(&self) -> Result<Option<Did>, Failure> {
        let named = self.organization.as_deref().map(names::organization).transpose();
        named.map_err(|error| failed(&error))
    }

    /// The folder of an organization's own files.
    pub(crate) fn of_organization(&self, did: &Did) -> PathBuf {
        let own = self.others().join(did.method_specific_id());
        let is_first = match self.first() {
            Some(first) => first == did.method_specific_id(),
            // There was one alone, or nobody knows which came first.
            None => !own.exists(),
        };
        if is_first { self.path.clone() } else { own }
    }

    /// The folder of the own files of the organization that is meant.
    pub(crate) fn own(&self) -> Result<PathBuf, Failure> {
        if let Some(did) = self.named()? {
            return Ok(self.of_organization(&did));
        }
        let mut all: Vec<String> = self.first().into_iter().collect();
        let others = fs::read_dir(self.others()).into_iter().flatten();
        all.extend(others.filter_map(|entry| entry.ok()?.file_name().into_string().ok()));
        all.sort();
        all.dedup();
        if all.len() < 2 {
            return Ok(self.path.clone());
        }
        let did = |domain: &String| format!("did:web:{domain}").parse().ok().map(|did| names::host(&did));
        let domains = all.iter().filter_map(did).collect();
        Err(failed(&RegistryError::Several { named: None, domains }))
    }

    /// The folder of the logs of the organization that is meant.
    pub(crate) fn logs(&self) -> Result<PathBuf, Failure> {
        Ok(self.own()?.join(legation_registry::log::FOLDER))
    }

    /// All organizations of the folder, or the one that is named.
    pub(crate) fn open_all(&self, signer: &Signer) -> Result<Vec<Registry>, Failure> {
        let store = self.store()?;
        if self.organization.is_some() {
            let client = signer.client(Door::Registry)?;
            let one = Registry::open(store, client, self.organization.as_deref());
            return Ok(vec![one.map_err(|error| failed(&error))?]);
        }
        let clients = || signer.client(Door::Registry).map_err(Unopened::Failure);
        let all = Registry::open_all(&store, clients).map_err(Unopened::told)?;
        self.settle_own(all.iter().map(Registry::did), all.len() > 1)?;
        Ok(all)
    }

    fn organizations(&self) -> Result<Vec<Organization>, Failure> {
        let all = self.store()?.read(|tx| organization::all(tx, MOST));
        all.map_err(|error| Failure::network(error.code(), error.to_string()))
    }

    /// Makes room for one more organization beside those that there are.
    pub(crate) fn make_room(&self, did: &Did) -> Result<(), Failure> {
        let all = self.organizations()?;
        if all.iter().any(|one| one.domain == did.method_specific_id()) {
            let message = format!("`{}` holds {did} already", self.path.display());
            return Err(Failure::file(message));
        }
        match all.as_slice() {
            [] => {
                let place = self.path.display();
                return Err(Failure::usage(format!(
                    "there is no organization in `{place}` yet; leave --beside out"
                )));
            }
            [one] if self.first().is_none() => self.set_first(&one.domain)?,
            _ => {}
        }
        self.settle_own([did], true)
    }

    /// Each organization but the first has a folder of its own, so that no two write into one.
    fn settle_own<'d>(&self, all: impl IntoIterator<Item = &'d Did>, several: bool) -> Result<(), Failure> {
        let first = self.first();
        for did in all {
            let domain = did.method_specific_id();
            if first.as_deref().map_or(!several, |first| first == domain) {
                continue;
            }
            let own = self.others().join(domain);
            let made = DirBuilder::new().recursive(true).mode(0o700).create(&own);
            made.map_err(|error| Failure::file(format!("`{}` can't be made: {error}", own.display())))?;
        }
        Ok(())
    }

    /// The same of a folder of what was restored, by the domains that the store has.
    pub(crate) fn make_own(&self, domains: &[String]) -> Result<(), Failure> {
        let did = |domain: &String| {
            format!("did:web:{}", domain.strip_prefix("did:web:").unwrap_or(domain)).parse()
        };
        let all: Vec<Did> = domains.iter().filter_map(|domain| did(domain).ok()).collect();
        self.settle_own(&all, all.len() > 1)
    }

    fn others(&self) -> PathBuf {
        self.path.join(OTHERS)
    }

    /// Whose files lie in the folder itself, where that was written down.
    fn first(&self) -> Option<String> {
        let settings: Value = serde_json::from_slice(&fs::read(self.settings()).ok()?).ok()?;
        settings.get(FIRST)?.as_str().map(str::to_owned)
    }

    fn set_first(&self, domain: &str) -> Result<(), Failure> {
        let wrong = || Failure::file(format!("`{}` can't be read", self.settings().display()));
        let mut settings: Value =
            serde_json::from_slice(&files::read(&self.settings())?).map_err(|_| wrong())?;
        settings.as_object_mut().ok_or_else(wrong)?.insert(FIRST.to_owned(), json!(domain));
        files::write_public(&self.settings(), &format!("{settings:#}"), true)
    }
}

/// The domains of all organizations of a store, as people write them.
pub(crate) fn domains(store: &Store) -> Result<Vec<String>, Failure> {
    let all = store.read(|tx| organization::all(tx, MOST));
    let all = all.map_err(|error| Failure::network(error.code(), error.to_string()))?;
    let did = |domain: &String| format!("did:web:{domain}").parse().ok().map(|did| names::host(&did));
    Ok(all.iter().filter_map(|one| did(&one.domain)).collect())
}

/// Why organizations were not opened.
enum Unopened {
    Registry(RegistryError),
    Failure(Failure),
}

impl From<RegistryError> for Unopened {
    fn from(error: RegistryError) -> Self {
        Self::Registry(error)
    }
}

impl Unopened {
    fn told(self) -> Failure {
        match self {
            Self::Registry(error) => failed(&error),
            Self::Failure(failure) => failure,
        }
    }
}
