//! The folder of an organization's data.
//!
//! | file | what it holds |
//! |---|---|
//! | `legation.json` | where the database is |
//! | `store.sqlite` | the database, where it is no PostgreSQL |
//! | `master.key` | the signer's one secret: without it nothing that it sealed opens again |
//! | `admin.key`, `admin.jwt` | key and delegation of the first admin |
//! | `log` | the logs of what was decided and changed |
//! | `organizations` | a folder for each organization that was added to the first: its `admin.key`, `admin.jwt` and `log` |
//! | `run` | the sockets of the signer; a process that finds none there has its own in a folder below |

mod several;

pub(crate) use several::domains;

use crate::{
    args::{DataArgs, FolderArgs},
    files,
    output::Failure,
};
use legation_registry::{Registry, RegistryError};
use legation_signer::{Client, Door};
use legation_store::{Location, Store, organization};
use serde_json::{Value, json};
use std::{
    fs::{DirBuilder, Permissions},
    os::unix::{
        fs::{DirBuilderExt, PermissionsExt},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::Arc,
    thread::sleep,
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// For how long a signer is waited for.
const STARTING: Duration = Duration::from_secs(20);

/// Such a folder.
#[derive(Debug)]
pub(crate) struct DataDir {
    path: PathBuf,
    /// Which of its organizations is meant.
    organization: Option<String>,
}

impl DataDir {
    /// The folder that arguments name, and which organization of it is meant.
    pub(crate) fn of(args: &DataArgs) -> Self {
        Self { organization: args.organization.clone(), ..Self::whole(&args.folder) }
    }

    /// The folder that arguments name, with all that is in it.
    pub(crate) fn whole(args: &FolderArgs) -> Self {
        Self::at(&args.data_dir)
    }

    /// One at a path.
    pub(crate) fn at(path: &Path) -> Self {
        Self { path: path.to_owned(), organization: None }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn master(&self) -> PathBuf {
        self.path.join("master.key")
    }

    /// The folder of the signer's sockets.
    pub(crate) fn run(&self) -> PathBuf {
        self.path.join("run")
    }

    fn settings(&self) -> PathBuf {
        self.path.join("legation.json")
    }

    /// Whether there is an organization in it.
    pub(crate) fn is_there(&self) -> bool {
        self.settings().exists()
    }

    /// Makes the folder, the master key and the settings. What somebody began who did not get as far as an organization
    /// is gone on with.
    pub(crate) fn create(&self, database_file: Option<&Path>) -> Result<(), Failure> {
        let begun = self.is_there();
        if begun && self.has_organization()? {
            let message = format!(
                "`{}` holds an organization already; use another --data-dir, or add this one to it by --beside",
                self.path.display()
            );
            return Err(Failure::file(message));
        }
        self.make_folders()?;
        if !self.master().exists() {
            legation_signer::Master::create(&self.master())
                .map_err(|error| Failure::file(error.to_string()))?;
        }
        self.write_settings(database_file, begun)
    }

    /// Makes the folder of what is restored, and its settings.
    pub(crate) fn settle(&self, database_file: Option<&Path>) -> Result<(), Failure> {
        self.make_folders()?;
        self.write_settings(database_file, false)
    }

    fn make_folders(&self) -> Result<(), Failure> {
        for folder in [self.path.clone(), self.run()] {
            DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(&folder)
                .map_err(|error| Failure::file(format!("`{}` can't be made: {error}", folder.display())))?;
        }
        Ok(())
    }

    fn write_settings(&self, database_file: Option<&Path>, force: bool) -> Result<(), Failure> {
        let database = match database_file {
            None => json!({"sqlite": "store.sqlite"}),
            Some(file) => {
                let file = std::path::absolute(file).map_err(|error| Failure::file(error.to_string()))?;
                // It is read before it is written down.
                read_url(&file)?;
                json!({"postgresUrlFile": file})
            }
        };
        let settings = json!({ "database": database });
        files::write_public(&self.settings(), &format!("{settings:#}"), force)
    }

    /// Takes the settings back, where there came to be no organization.
    pub(crate) fn give_up(&self) {
        let _ = std::fs::remove_file(self.settings());
    }

    fn has_organization(&self) -> Result<bool, Failure> {
        let all = self.store()?.read(|tx| organization::all(tx, 1));
        let all = all.map_err(|error| Failure::network(error.code(), error.to_string()))?;
        Ok(!all.is_empty())
    }

    /// Where the database is.
    pub(crate) fn location(&self) -> Result<Location, Failure> {
        if !self.is_there() {
            let message = format!(
                "there is no organization in `{}`; make one with `legation init DOMAIN`, or try one with `legation up --dev`",
                self.path.display()
            );
            return Err(Failure::file(message));
        }
        let settings = self.settings();
        let wrong = || Failure::file(format!("`{}` does not say where the database is", settings.display()));
        let json: Value = serde_json::from_slice(&files::read(&settings)?).map_err(|_| wrong())?;
        let database = json.get("database").ok_or_else(wrong)?;
        if let Some(file) = database.get("sqlite").and_then(Value::as_str) {
            return Ok(Location::Sqlite(self.path.join(file)));
        }
        let file = database.get("postgresUrlFile").and_then(Value::as_str).ok_or_else(wrong)?;
        Ok(Location::Postgres(read_url(Path::new(file))?))
    }

    /// The store.
    pub(crate) fn store(&self) -> Result<Arc<Store>, Failure> {
        let location = self.location()?;
        let opened = match location {
            Location::Sqlite(_) => Store::open(location),
            Location::Postgres(_) => Store::open_with(location, Some(self.path.join("aside"))),
        };
        opened.map_err(|error| Failure::network(error.code(), error.to_string()))
    }

    /// The signer of this folder: the one that runs, or one of this process alone, which ends with what is returned.
    ///
    /// Two that are started at once would want the same sockets, and the first to end would leave the other without a
    /// signer; a signer keeps nothing, so there may be any number of them.
    pub(crate) fn signer(&self) -> Result<Signer, Failure> {
        if answers(&self.run()) {
            return Ok(Signer { run: self.run(), own: None });
        }
        let failed = |error: std::io::Error| {
            Failure::network("signer", format!("the signer can't be started: {error}"))
        };
        // Its name is short, since the path of a socket has some 100 bytes at most.
        let mut folder = tempfile::Builder::new();
        folder.prefix("").rand_bytes(6).permissions(Permissions::from_mode(0o700));
        let run = folder.tempdir_in(self.run()).map_err(failed)?;
        let child = start(&self.path, run.path()).map_err(failed)?;
        let own = Own { child, data: self.path.clone(), run };
        let mut signer = Signer { run: own.run.path().to_owned(), own: Some(own) };
        let started = Instant::now();
        while !answers(&signer.run) {
            let ended = signer.own.as_mut().and_then(|own| own.child.try_wait().ok()).flatten();
            if ended.is_some() || started.elapsed() > STARTING {
                return Err(Failure::network(
                    "signer",
                    "the signer did not start; what it says stands above",
                ));
            }
            sleep(Duration::from_millis(5));
        }
        Ok(signer)
    }

    /// The organization, for verbs.
    pub(crate) fn open(&self, signer: &Signer) -> Result<Registry, Failure> {
        let client = signer.client(Door::Registry)?;
        Registry::open(self.store()?, client, self.organization.as_deref()).map_err(|error| failed(&error))
    }
}

/// Whether a signer answers at the sockets of a folder.
fn answers(run: &Path) -> bool {
    Client::connect(&Door::Registry.socket(run)).is_ok_and(|mut client| client.ping().is_ok())
}

/// A signer that runs.
#[derive(Debug)]
pub(crate) struct Signer {
    run: PathBuf,
    /// Where we started it.
    own: Option<Own>,
}

/// A signer of our own.
#[derive(Debug)]
struct Own {
    child: Child,
    /// The folder of the organization's data.
    data: PathBuf,
    /// Where its sockets are.
    run: TempDir,
}

/// Starts a signer that ends with us.
fn start(data: &Path, run: &Path) -> std::io::Result<Child> {
    // Also where another version was installed in our place since we began.
    let running = Path::new("/proc/self/exe");
    let program = if running.exists() { running.to_owned() } else { std::env::current_exe()? };
    let mut command = Command::new(program);
    command
        .arg0("legation")
        .args(["signer", "--until-stdin-ends", "--data-dir"])
        .arg(data)
        .arg("--run")
        .arg(run);
    // Ctrl-C is for us: what is under way may still need it.
    command.process_group(0).stdin(Stdio::piped()).stdout(Stdio::null()).spawn()
}

impl Signer {
    /// Whether it ran before we asked.
    pub(crate) fn was_there(&self) -> bool {
        self.own.is_none()
    }

    pub(crate) fn client(&self, door: Door) -> Result<Client, Failure> {
        Client::connect(&door.socket(&self.run))
            .map_err(|error| Failure::network(error.code(), error.to_string()))
    }
}

impl Signer {
    /// Starts it again where it is ours and has ended. Whoever asks it connects again by itself.
    pub(crate) fn keep(&mut self) -> Result<(), Failure> {
        let failed = |error: std::io::Error| {
            Failure::network("signer", format!("the signer can't be started: {error}"))
        };
        if let Some(own) = &mut self.own
            && own.child.try_wait().map_err(failed)?.is_some()
        {
            own.child = start(&own.data, &self.run).map_err(failed)?;
        }
        Ok(())
    }

    /// Ends it where it is ours.
    pub(crate) fn stop(&mut self) {
        self.own = None;
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        // Its standard input ends, and with it the signer.
        drop(self.child.stdin.take());
        drop(self.child.wait());
    }
}

/// How a verb of the registry that changed nothing is told.
pub(crate) fn failed(error: &RegistryError) -> Failure {
    let (code, message) = (error.code().to_owned(), error.to_string());
    match error {
        RegistryError::Store(
            legation_store::StoreError::Unavailable { .. } | legation_store::StoreError::Restored { .. },
        )
        | RegistryError::Signer(_) => Failure::network(&code, message),
        RegistryError::Name { .. }
        | RegistryError::Domain { .. }
        | RegistryError::Budget { .. }
        | RegistryError::NothingGranted
        | RegistryError::Several { .. }
        | RegistryError::Taken { .. }
        | RegistryError::Duration { .. }
        | RegistryError::Authority(_)
        | RegistryError::Value { .. } => Failure { exit: 2, code, message },
        _ => Failure::invalid(&code, message),
    }
}

fn read_url(file: &Path) -> Result<String, Failure> {
    files::look_who_reads(file, "file of the database URL");
    files::read_text(file)
}
