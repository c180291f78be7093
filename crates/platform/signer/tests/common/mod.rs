//! A signer in a folder of its own, in a thread of the test.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, dead_code)]

use legation_credential::{Authority, Terms};
use legation_did::Did;
use legation_signer::{Client, Door, Generated, Master, SealedKey, ServeError, serve};
use serde_json::Value;
use std::{
    io::{Read, Write},
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

/// 2026-11-21T10:00:00Z
pub(crate) const NOW: i64 = 1_795_255_200;
pub(crate) const ACME: &str = "acme";

pub(crate) struct Running {
    pub(crate) folder: tempfile::TempDir,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<Result<(), ServeError>>>,
}

impl Running {
    pub(crate) fn start() -> Self {
        let folder = folder();
        Master::create(&folder.path().join("master")).unwrap();
        Self::start_in(folder)
    }

    pub(crate) fn start_in(folder: tempfile::TempDir) -> Self {
        let master = Master::load(&folder.path().join("master")).unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let (path, asked) = (folder.path().to_owned(), Arc::clone(&stop));
        let thread = thread::spawn(move || serve(&path, None, master, || asked.load(Ordering::Relaxed)));
        let running = Self { folder, stop, thread: Some(thread) };
        soon(|| Door::ALL.iter().all(|door| UnixStream::connect(running.socket(*door)).is_ok()));
        running
    }

    pub(crate) fn socket(&self, door: Door) -> PathBuf {
        door.socket(self.folder.path())
    }

    pub(crate) fn at(&self, door: Door) -> Client {
        Client::connect(&self.socket(door)).unwrap()
    }

    pub(crate) fn raw(&self, door: Door) -> UnixStream {
        let stream = UnixStream::connect(self.socket(door)).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream.set_write_timeout(Some(Duration::from_secs(20))).unwrap();
        stream
    }

    pub(crate) fn stop(mut self) -> (tempfile::TempDir, Result<(), ServeError>) {
        let ended = self.end();
        let other = folder();
        (std::mem::replace(&mut self.folder, other), ended.unwrap())
    }

    fn end(&mut self) -> Option<Result<(), ServeError>> {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.take().map(|thread| thread.join().unwrap())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.end();
    }
}

/// A folder of mode 700.
pub(crate) fn folder() -> tempfile::TempDir {
    use std::os::unix::fs::PermissionsExt;
    tempfile::Builder::new().permissions(std::fs::Permissions::from_mode(0o700)).tempdir().unwrap()
}

/// Waits until something is so, for ten seconds at most.
pub(crate) fn soon(is_so: impl Fn() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < Duration::from_secs(10), "it never came to be");
        thread::sleep(Duration::from_millis(5));
    }
}

pub(crate) fn frame(json: &[u8]) -> Vec<u8> {
    [u32::try_from(json.len()).unwrap().to_be_bytes().as_slice(), json].concat()
}

/// Sends a frame as it is and gives the answer, if there is one.
pub(crate) fn exchange(stream: &mut UnixStream, json: &[u8]) -> Option<Value> {
    stream.write_all(&frame(json)).ok()?;
    answer(stream)
}

/// The next answer; `None` where the connection ended.
pub(crate) fn answer(stream: &mut UnixStream) -> Option<Value> {
    let mut head = [0; 4];
    if let Err(ended) = stream.read_exact(&mut head) {
        assert_ne!(ended.kind(), std::io::ErrorKind::WouldBlock, "neither an answer nor an end");
        return None;
    }
    let mut body = vec![0; u32::from_be_bytes(head) as usize];
    stream.read_exact(&mut body).ok()?;
    Some(serde_json::from_slice(&body).unwrap())
}

/// The code of an answer that refuses.
pub(crate) fn code(answer: &Value) -> &str {
    answer["refused"]["code"].as_str().unwrap_or("(none)")
}

pub(crate) fn did(text: &str) -> Did {
    text.parse().unwrap()
}

pub(crate) fn key<'a>(key_id: &'a str, made: &'a Generated) -> SealedKey<'a> {
    SealedKey { organization: ACME, key_id, sealed: &made.sealed }
}

pub(crate) fn authority(actions: &str) -> Authority {
    Authority::parse(&format!(
        r#"{{"grants": [{{"actions": ["{actions}"], "resources": ["https://shop.example/*"]}}]}}"#
    ))
    .unwrap()
}

pub(crate) fn terms(subject: &Did, max_depth: u32) -> Terms {
    Terms {
        id: Some("urn:uuid:01890a5d-ac96-774b-bcce-b302099a8057".to_owned()),
        subject: subject.clone(),
        valid_from: NOW,
        valid_until: NOW + 3600,
        max_depth,
        account: Some("team-a".to_owned()),
        authority: authority("a2a:skill:book"),
        status: vec![],
    }
}

pub(crate) fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

pub(crate) fn set_mode(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}
