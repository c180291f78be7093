//! What an agent does with its own key: makes narrower agents, signs what programs send.

pub(crate) mod narrow;
pub(crate) mod process;
pub(crate) mod proxy;
pub(crate) mod run;

use crate::{
    files::{self, look_who_reads},
    output::{Failure, working},
    passphrase::to_open,
};
use legation_credential::{Authority, Delegation, issue::effective};
use legation_did::Did;
use legation_keys::Signer;
use legation_keystore::{LoadError, Passphrase, load_agent};
use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

/// Where an agent's file is, and how it is read.
pub(crate) enum Home {
    /// A file that holds the key, too, and what encrypts it.
    Key(PathBuf, Option<Passphrase>),
    /// A file of a process, whose key the signer keeps.
    Process(PathBuf),
}

/// An agent out of its file.
pub(crate) struct Agent {
    pub(crate) home: Home,
    pub(crate) key: Arc<dyn Signer + Send + Sync>,
    /// The delegations, root first.
    pub(crate) chain: Vec<String>,
    /// The last of them, as far as it says it; nothing of it is verified here.
    pub(crate) last: Delegation,
    /// What the agent has by them.
    pub(crate) authority: Authority,
}

impl Agent {
    /// The agent of a file.
    pub(crate) fn open(file: &Path, passphrase_file: Option<&Path>) -> Result<Self, Failure> {
        if let Some(process) = process::read(file)? {
            return Self::of(Home::Process(file.to_owned()), Arc::new(process.key), &process.chain, file);
        }
        let mut passphrase = files::passphrase(passphrase_file)?;
        look_who_reads(file, "agent file");
        let load = |passphrase: Option<&Passphrase>| {
            working("opening the agent file", || load_agent(file, passphrase))
        };
        let mut loaded = load(passphrase.as_ref());
        if matches!(loaded, Err(LoadError::NeedsPassphrase { .. }))
            && let Some(asked) = to_open(file)?
        {
            loaded = load(Some(&asked));
            passphrase = Some(asked);
        }
        let loaded = loaded.map_err(|error| {
            let hint = match error {
                LoadError::NeedsPassphrase { .. } => " with --passphrase-file FILE",
                _ => "",
            };
            Failure::file(format!("{error}{hint}"))
        })?;
        let at = file.display();
        let chain = loaded.chain.ok_or_else(|| {
            Failure::file(format!(
                "`{at}` holds a key and no delegations; `legation agent file AGENT --own-key {at}` writes both"
            ))
        })?;
        Self::of(Home::Key(file.to_owned(), passphrase), Arc::new(loaded.key), &chain, file)
    }

    fn of(home: Home, key: Arc<dyn Signer + Send + Sync>, chain: &str, file: &Path) -> Result<Self, Failure> {
        let chain: Vec<String> = chain.split('~').map(str::to_owned).collect();
        let links: Vec<&str> = chain.iter().map(String::as_str).collect();
        let (last, authority) = effective(&links).map_err(|error| {
            Failure::file(format!("the delegations in `{}` can't be used: {error}", file.display()))
        })?;
        Ok(Self { home, key, chain, last, authority })
    }

    /// Who it is.
    pub(crate) fn did(&self) -> &Did {
        &self.last.terms.subject
    }
}

/// The runtime that a proxy runs on.
pub(crate) fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.map_err(|error| Failure::network("runtime", format!("the runtime did not start: {error}")))
}
