//! Who gets to a signer, and which process it is.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::*;
use legation_keys::Algorithm;
use legation_signer::{Client, ClientError, Door, Master, ServeError, serve};
use rustix::process::{DumpableBehavior, Resource, dumpable_behavior, getrlimit};
use std::{
    fs,
    os::unix::net::{UnixListener, UnixStream},
    path::Path,
    time::{Duration, Instant},
};

/// What a signer says that is not to serve: it would stop at once.
fn refused(folder: &Path) -> ServeError {
    let master = folder.join("master");
    let master = if master.exists() { Master::load(&master) } else { Master::create(&master) };
    serve(folder, None, master.unwrap(), || true).unwrap_err()
}

#[test]
fn a_folder_that_others_get_into_is_refused() {
    let folder = folder();
    for bad in [0o755, 0o750, 0o710, 0o701, 0o770, 0o777] {
        set_mode(folder.path(), bad);
        let error = refused(folder.path());
        assert_eq!(error, ServeError::FolderMode { path: folder.path().to_owned(), mode: bad });
        assert!(!folder.path().join("registry.sock").exists());
    }
    set_mode(folder.path(), 0o700);
    let inner = folder.path().join("inner");
    assert_eq!(
        serve(&inner, None, Master::load(&folder.path().join("master")).unwrap(), || true)
            .unwrap_err()
            .code(),
        "folder_unusable"
    );
    // A link could be turned elsewhere later.
    fs::create_dir(&inner).unwrap();
    set_mode(&inner, 0o700);
    let link = folder.path().join("link");
    std::os::unix::fs::symlink(&inner, &link).unwrap();
    assert_eq!(
        serve(&link, None, Master::load(&folder.path().join("master")).unwrap(), || true).unwrap_err().code(),
        "folder_unusable"
    );
}

#[test]
fn the_folder_of_another_user_is_refused() {
    let folder = folder();
    let root = rustix::process::geteuid().is_root();
    // Only root can give a folder away; everybody else has one of root at hand.
    let path = if root {
        Master::create(&folder.path().join("master")).unwrap();
        std::os::unix::fs::chown(folder.path(), Some(65_534), None).unwrap();
        folder.path()
    } else {
        Path::new("/")
    };
    let master = Master::create(&tempfile::tempdir().unwrap().path().join("master")).unwrap();
    assert_eq!(serve(path, None, master, || true).unwrap_err().code(), "folder_not_ours");
}

#[test]
fn the_sockets_are_for_their_owner_and_go_with_the_process() {
    let running = Running::start();
    let sockets = Door::ALL.map(|door| running.socket(door));
    for socket in &sockets {
        assert_eq!(mode(socket), 0o600);
    }
    let (folder, ended) = running.stop();
    assert_eq!(ended, Ok(()));
    assert!(sockets.iter().all(|socket| !socket.exists()));
    let gone = Client::connect(&Door::Registry.socket(folder.path())).unwrap_err();
    assert_eq!(gone.code(), "signer_unreachable");
}

#[test]
fn of_two_signers_in_one_folder_the_second_is_refused_and_the_first_goes_on() {
    let running = Running::start();
    let error = refused(running.folder.path());
    assert_eq!(error.code(), "already_running");
    assert!(error.to_string().contains("another process"), "{error}");
    assert_eq!(running.at(Door::Registry).ping().unwrap(), 1);
    assert_eq!(running.at(Door::Gateway).ping().unwrap(), 1);
    // Whoever removes sockets does not make room for a second one beside it.
    for door in Door::ALL {
        fs::remove_file(running.socket(door)).unwrap();
    }
    let lock = running.folder.path().join("signer.lock");
    assert_eq!(refused(running.folder.path()), ServeError::Running { path: lock });
}

#[test]
fn of_many_that_begin_at_once_where_one_has_died_one_serves() {
    let folder = folder();
    Master::create(&folder.path().join("master")).unwrap();
    for door in Door::ALL {
        // Nobody listens any more, the file stays: as after kill -9.
        drop(UnixListener::bind(door.socket(folder.path())).unwrap());
    }
    let began = Instant::now();
    let serving = std::thread::scope(|scope| {
        let all: Vec<_> = (0..8)
            .map(|_| {
                let master = Master::load(&folder.path().join("master")).unwrap();
                let path = folder.path();
                scope
                    .spawn(move || serve(path, None, master, || began.elapsed() > Duration::from_millis(600)))
            })
            .collect();
        soon(|| {
            Client::connect(&Door::Gateway.socket(folder.path()))
                .is_ok_and(|mut client| client.ping().is_ok())
        });
        all.into_iter().map(|one| one.join().unwrap()).filter(|ended| ended.is_ok()).count()
    });
    assert_eq!(serving, 1);
}

#[test]
fn the_socket_of_a_living_process_and_what_is_no_socket_stay_as_they_are() {
    let folder = folder();
    let path = Door::Gateway.socket(folder.path());
    // It listens and answers nothing.
    let living = UnixListener::bind(&path).unwrap();
    assert_eq!(refused(folder.path()), ServeError::Running { path: path.clone() });
    assert!(UnixStream::connect(&path).is_ok());
    assert!(!Door::Registry.socket(folder.path()).exists(), "what was begun is undone");
    drop(living);
    fs::remove_file(&path).unwrap();
    fs::write(&path, b"precious").unwrap();
    assert_eq!(refused(folder.path()), ServeError::NotASocket { path: path.clone() });
    assert_eq!(fs::read(&path).unwrap(), b"precious");
}

#[test]
fn a_client_connects_again_when_the_signer_was_started_anew_and_says_so_when_it_was_not() {
    let running = Running::start();
    let mut client = running.at(Door::Registry);
    let made = client.generate(ACME, "k", Algorithm::EdDsa).unwrap();
    let (folder, ended) = running.stop();
    assert_eq!(ended, Ok(()));
    let gone = client.ping().unwrap_err();
    assert!(matches!(gone, ClientError::Unreachable { .. }), "{gone:?}");
    let running = Running::start_in(folder);
    assert_eq!(client.ping().unwrap(), 1);
    let (folder, _) = running.stop();
    let running = Running::start_in(folder);
    // What was sealed before opens, and the connection that was kept is dead.
    let acme = did("did:web:acme.example");
    assert!(client.delegate(key("k", &made), &acme, &[], &terms(&acme, 0)).is_ok());
    drop(running);
}

#[test]
fn a_signer_stops_while_connections_are_open_and_half_asked() {
    use std::io::Write;
    let running = Running::start();
    let idle = running.raw(Door::Gateway);
    let mut half = running.raw(Door::Registry);
    half.write_all(&[0, 0, 1, 0, b'{']).unwrap();
    let began = Instant::now();
    assert_eq!(running.stop().1, Ok(()));
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    drop((idle, half));
}

#[test]
fn the_memory_of_the_process_is_its_own() {
    let running = Running::start();
    let core = getrlimit(Resource::Core);
    assert_eq!((core.current, core.maximum), (Some(0), Some(0)));
    assert_eq!(dumpable_behavior().unwrap(), DumpableBehavior::NotDumpable);
    drop(running);
}

#[test]
fn a_client_that_nobody_accepts_gives_up() {
    // A process that is stopped: its backlog fills, and it answers nothing.
    let folder = folder();
    let path = folder.path().join("stopped.sock");
    let _stopped = UnixListener::bind(&path).unwrap();
    let mut client = Client::connect(&path).unwrap();
    let began = Instant::now();
    assert_eq!(client.ping().unwrap_err().code(), "signer_timed_out");
    let elapsed = began.elapsed();
    assert!(elapsed > Duration::from_secs(9) && elapsed < Duration::from_secs(15), "{elapsed:?}");
}
