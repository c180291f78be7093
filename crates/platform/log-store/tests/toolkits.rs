//! A log in real stores: SeaweedFS, which checks signatures, and moto; and in ones that answer twice, late, wrongly or not at
//! all.
//!
//! Ignored unless asked for: `tests/sdks/install`, then `cargo test --workspace --test toolkits -- --ignored`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr
)]

use legation_keys::{Algorithm, SecretKey, Signer};
use legation_log::{
    Checkpoint, NoteKey, Writer,
    entry::{self, Head, Kind},
    note,
    policy::Policy,
    verify::{self, Asked},
};
use legation_log_store::{Bucket, Push, PushError, Pushed, Settings, pull};
use legation_resolver::{Fetcher, Options};
use std::{
    fs,
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

/// A server that runs, with a bucket `logs`.
struct Server {
    child: Child,
    port: u16,
    _folder: tempfile::TempDir,
}

impl Drop for Server {
    fn drop(&mut self) {
        // SeaweedFS heeds nothing gentler.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn installed() -> PathBuf {
    let place = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../target/sdks/s3").canonicalize();
    place.expect("run tests/sdks/install")
}

/// Ports that are free, below those that a system hands out by itself.
fn ports<const N: usize>() -> [u16; N] {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let free = || loop {
        let next = NEXT.fetch_add(1, Ordering::SeqCst) + usize::try_from(std::process::id()).unwrap() * 64;
        let port = u16::try_from(12_000 + next % 20_000).unwrap();
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    };
    [(); N].map(|()| free())
}

impl Server {
    fn seaweed() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("s3.json");
        let keys = r#"{"identities":[{"name":"t","credentials":[{"accessKey":"key","secretKey":"secret"}],"actions":["Admin","Read","Write","List"]}]}"#;
        fs::write(&config, keys).unwrap();
        let all = ports::<8>();
        let names = [
            "master.port",
            "master.port.grpc",
            "volume.port",
            "volume.port.grpc",
            "filer.port",
            "filer.port.grpc",
            "s3.port",
            "s3.port.grpc",
        ];
        let mut command = Command::new(installed().join("bin/weed"));
        command.args(["server", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-filer", "-s3"]);
        // Two at a time have no port in common; it ends where one is taken.
        command.args(["-s3.port.iceberg=0", "-s3.port.lance=0", "-master.telemetry=false"]);
        command
            .arg(format!("-dir={}", folder.path().display()))
            .arg(format!("-s3.config={}", config.display()));
        command.args(names.iter().zip(all).map(|(name, port)| format!("-{name}={port}")));
        Self::start(command, all[6], folder)
    }

    fn moto() -> Self {
        let [port] = ports::<1>();
        let mut command = Command::new("python3");
        command.args(["-m", "moto.server", "-H", "127.0.0.1", "-p", &port.to_string()]);
        command.env("PYTHONPATH", installed());
        Self::start(command, port, tempfile::tempdir().unwrap())
    }

    fn start(mut command: Command, port: u16, folder: tempfile::TempDir) -> Self {
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let server = Self { child, port, _folder: folder };
        let began = Instant::now();
        // The first object that is written takes SeaweedFS some seconds.
        let mut left = vec!["logs/first", "logs"];
        loop {
            let made = Command::new("curl")
                .args(["-s", "-o", "/dev/null", "-w", "%{http_code}", "-X", "PUT"])
                .args(["--aws-sigv4", "aws:amz:us-east-1:s3", "--user", "key:secret"])
                .arg(format!("http://localhost:{port}/{}", left.last().unwrap()))
                .output()
                .unwrap();
            if made.stdout == b"200" {
                left.pop();
            }
            if left.is_empty() {
                return server;
            }
            assert!(began.elapsed() < Duration::from_secs(180), "{}", String::from_utf8_lossy(&made.stdout));
            thread::sleep(Duration::from_millis(200));
        }
    }
}

/// A log that grows.
struct Log {
    folder: tempfile::TempDir,
    secret: SecretKey,
    key: NoteKey,
}

impl Log {
    fn new() -> Self {
        let secret = SecretKey::generate(Algorithm::EdDsa).unwrap();
        let key = NoteKey::new("acme.example/log/1", note::Kind::Text, secret.public_key()).unwrap();
        Self { folder: tempfile::tempdir().unwrap(), secret, key }
    }

    /// The same log on another machine: it writes the same bytes.
    fn elsewhere(&self, size: i64) -> Self {
        let secret = SecretKey::from_jwk(&self.secret.to_jwk().unwrap()).unwrap();
        let other = Self { folder: tempfile::tempdir().unwrap(), secret, key: self.key.clone() };
        other.grow(size);
        other
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn grow(&self, size: i64) {
        self.grow_with(size, "");
    }

    fn grow_with(&self, size: i64, mark: &str) {
        let mut writer = Writer::open(self.path(), self.key.clone()).unwrap();
        for number in i64::try_from(writer.size()).unwrap()..size {
            let head = Head { at: 1_764_000_000 + number, kind: Kind::Receipt, of: None, seq: number + 1 };
            // One of them is too long for a bundle.
            let fill = if number == 7 { "x".repeat(70_000) } else { mark.to_owned() };
            let text = format!(r#"{{"decision":"permit","fill":"{fill}"}}"#);
            writer.append_any(&entry::receipt(&head, text.as_bytes(), &[7; 32]).unwrap().bytes).unwrap();
        }
        let sign = |next: &Checkpoint| {
            self.key.sign(&next.text(), 0, &self.secret).map(|line| format!("{}\n{line}", next.text()))
        };
        writer.publish(sign).unwrap();
    }

    fn push(&self, port: u16, prefix: &str) -> Push {
        Push::new(bucket(port, prefix), self.key.clone())
    }

    /// What somebody reads out of the store, verified: how many entries; `None` where there is no checkpoint.
    async fn read(&self, port: u16, prefix: &str) -> Option<u64> {
        let folder = tempfile::tempdir().unwrap();
        match pull(&bucket(port, prefix), folder.path()).await {
            Err(PushError::Read(legation_log::ReadError::Missing { .. })) => return None,
            pulled => pulled.unwrap(),
        };
        let policy = Policy::of(Vec::new(), 0);
        let asked = Asked { key: self.key.clone(), policy, against: Vec::new(), most_back: 60 };
        let mut entries = 0;
        let verified = verify::folder(folder.path(), &asked, &mut |_, _, _| entries += 1).unwrap();
        assert_eq!(verified.report.alarms, [], "{prefix}");
        assert_eq!(verified.head.size, entries);
        Some(entries)
    }
}

fn bucket(port: u16, prefix: &str) -> Bucket {
    bucket_within(port, prefix, Duration::from_secs(20))
}

fn bucket_within(port: u16, prefix: &str, timeout: Duration) -> Bucket {
    let settings = Settings {
        endpoint: Some(format!("http://localhost:{port}")),
        region: None,
        key: Some(("key".to_owned(), "secret".to_owned(), None)),
    };
    let options = Options { http_on_loopback: true, max_bytes: 32 << 20, timeout, ..Options::default() };
    Bucket::new(&format!("s3://logs/{prefix}"), &settings, Fetcher::new(options).unwrap()).unwrap()
}

async fn grows_and_is_read(server: &Server) {
    let log = Log::new();
    let mut push = log.push(server.port, "own/2026");
    for size in [1, 3, 256, 300, 700, 700] {
        log.grow(size);
        let pushed = push.push(log.path()).await.unwrap();
        assert_eq!(pushed.size, u64::try_from(size).unwrap());
        assert_eq!(log.read(server.port, "own/2026").await, Some(pushed.size));
    }
    assert_eq!(push.push(log.path()).await.unwrap().objects, 0, "nothing is written twice");
    // Another machine, whose log is behind, and then further.
    let other = log.elsewhere(400);
    let mut theirs = other.push(server.port, "own/2026");
    assert_eq!(theirs.push(other.path()).await, Ok(Pushed { size: 700, objects: 0 }), "it is not set back");
    other.grow(900);
    assert_eq!(theirs.push(other.path()).await.unwrap().size, 900);
    assert_eq!(push.push(log.path()).await.unwrap().size, 900);
    // Both at once: one of them moves the checkpoint, and the other finds that out.
    log.grow(1000);
    other.grow(1100);
    for _ in 0..4 {
        let both = futures::join!(push.push(log.path()), theirs.push(other.path()));
        for one in [both.0, both.1] {
            assert!(matches!(one, Ok(_) | Err(PushError::Moved)), "{one:?}");
        }
    }
    assert_eq!(log.read(server.port, "own/2026").await, Some(1100));
    // Another history, and another log, at the same place.
    let forked = Log { folder: tempfile::tempdir().unwrap(), ..log.elsewhere(0) };
    forked.grow_with(1200, "other");
    let error = forked.push(server.port, "own/2026").push(forked.path()).await.unwrap_err();
    assert_eq!(error, PushError::Forked { size: 1100 });
    let stranger = Log::new();
    stranger.grow(5);
    let error = stranger.push(server.port, "own/2026").push(stranger.path()).await.unwrap_err();
    assert_eq!(error.code(), "checkpoint_unsigned");
    assert_eq!(log.read(server.port, "own/2026").await, Some(1100));
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs tests/sdks/install"]
async fn a_log_grows_in_two_stores_from_two_machines_and_nobody_sets_it_back() {
    for server in [Server::seaweed(), Server::moto()] {
        grows_and_is_read(&server).await;
    }
    let server = Server::seaweed();
    let log = Log::new();
    log.grow(3);
    let settings = Settings {
        endpoint: Some(format!("http://localhost:{}", server.port)),
        region: None,
        key: Some(("key".to_owned(), "wrong".to_owned(), None)),
    };
    let fetcher = Fetcher::new(Options { http_on_loopback: true, ..Options::default() }).unwrap();
    let wrong = Bucket::new("s3://logs/x", &settings, fetcher).unwrap();
    let error = Push::new(wrong, log.key.clone()).push(log.path()).await.unwrap_err();
    assert_eq!(error.code(), "store_refused", "{error}");
    assert!(!error.to_string().contains("Signature="), "{error}");
}

/// What a store does wrong with one request.
#[derive(Clone, Copy, Debug)]
enum Fault {
    /// The request is lost.
    Lost,
    /// It is done, and the answer is lost.
    Unanswered,
    /// It is done twice, and the second is answered.
    Twice,
    /// It is done, and the answer says that it failed.
    Denied,
    /// Nothing is done, and the answer says that it was.
    Lied,
    /// It is done after whoever asked has given up.
    Late,
    /// One bit of what is written, or read, is another one.
    Flipped,
    /// Half of what is written, or read, is there.
    Torn,
}

const FAULTS: [Fault; 8] = [
    Fault::Lost,
    Fault::Unanswered,
    Fault::Twice,
    Fault::Denied,
    Fault::Lied,
    Fault::Late,
    Fault::Flipped,
    Fault::Torn,
];

fn read_all(stream: &mut TcpStream) -> Option<(String, Vec<u8>)> {
    let mut bytes = Vec::new();
    let mut piece = [0; 65_536];
    loop {
        let read = stream.read(&mut piece).ok()?;
        bytes.extend(&piece[..read]);
        let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else {
            if read == 0 {
                return None;
            }
            continue;
        };
        let head = String::from_utf8_lossy(&bytes[..end + 4]).into_owned();
        let length = head.lines().find_map(|line| {
            line.to_ascii_lowercase().strip_prefix("content-length: ")?.trim().parse::<usize>().ok()
        });
        let is_answer = head.starts_with("HTTP/");
        let wanted =
            end + 4 + length.unwrap_or(if is_answer && !head.contains(" 204 ") { usize::MAX / 2 } else { 0 });
        while bytes.len() < wanted {
            match stream.read(&mut piece) {
                Ok(0) | Err(_) => break,
                Ok(read) => bytes.extend(&piece[..read]),
            }
        }
        return Some((head, bytes.split_off(end + 4)));
    }
}

fn with_length(head: &str, length: usize) -> String {
    let lines = head.trim_end().lines().filter(|line| {
        let line = line.to_ascii_lowercase();
        !["content-length:", "connection:", "transfer-encoding:"].iter().any(|name| line.starts_with(name))
    });
    let lines: Vec<&str> = lines.collect();
    format!("{}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n", lines.join("\r\n"))
}

fn spoil(fault: Fault, body: &mut Vec<u8>) {
    let middle = body.len() / 2;
    match fault {
        Fault::Flipped if !body.is_empty() => body[middle] ^= 1,
        Fault::Torn => body.truncate(middle),
        _ => {}
    }
}

fn forward(port: u16, head: &str, body: &[u8]) -> Option<(String, Vec<u8>)> {
    let mut to = TcpStream::connect(("127.0.0.1", port)).ok()?;
    to.write_all(&[with_length(head, body.len()).as_bytes(), body].concat()).ok()?;
    read_all(&mut to)
}

/// In front of a store: the request of a number meets a fault. Gives its port, and how many requests there were.
fn faulty(port: u16, at: usize, fault: Fault) -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let own = listener.local_addr().unwrap().port();
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    thread::spawn(move || {
        for stream in listener.incoming() {
            let counted = Arc::clone(&counted);
            thread::spawn(move || {
                let mut stream = stream.unwrap();
                let Some((head, mut body)) = read_all(&mut stream) else { return };
                let is_it = counted.fetch_add(1, Ordering::SeqCst) == at;
                let fault = is_it.then_some(fault);
                let is_read = head.starts_with("GET");
                if let (Some(fault), false) = (fault, is_read) {
                    spoil(fault, &mut body);
                }
                let answer = match fault {
                    Some(Fault::Lost) => None,
                    Some(Fault::Lied) => Some(("HTTP/1.1 200 OK\r\nETag: \"x\"\r\n".to_owned(), Vec::new())),
                    Some(Fault::Late) => {
                        thread::sleep(Duration::from_millis(2500));
                        forward(port, &head, &body)
                    }
                    Some(Fault::Twice) => {
                        forward(port, &head, &body);
                        forward(port, &head, &body)
                    }
                    Some(Fault::Unanswered) => {
                        forward(port, &head, &body);
                        None
                    }
                    Some(Fault::Denied) => {
                        forward(port, &head, &body);
                        Some(("HTTP/1.1 503 Slow Down\r\n".to_owned(), Vec::new()))
                    }
                    _ => forward(port, &head, &body),
                };
                let Some((head, mut body)) = answer else { return };
                if let (Some(fault), true) = (fault, is_read) {
                    spoil(fault, &mut body);
                }
                let _ = stream.write_all(&[with_length(&head, body.len()).as_bytes(), &body].concat());
            });
        }
    });
    (own, count)
}

/// Each fault, at each request of putting a log that has grown: what is read out of the store verifies at all times, never
/// goes back, and is all of it once the store is in order again.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs tests/sdks/install"]
async fn whatever_a_store_does_wrong_with_any_request_no_checkpoint_says_more_than_is_there() {
    let server = Server::seaweed();
    let small = Log::new();
    small.grow(250);
    let large = small.elsewhere(300);
    let mut number = 0;
    for fault in FAULTS {
        let mut at = 0;
        loop {
            number += 1;
            let prefix = format!("fault/{number}");
            assert_eq!(small.push(server.port, &prefix).push(small.path()).await.unwrap().size, 250);
            let (port, count) = faulty(server.port, at, fault);
            let hasty = bucket_within(port, &prefix, Duration::from_secs(2));
            let pushed = Push::new(hasty, large.key.clone()).push(large.path()).await;
            if count.load(Ordering::SeqCst) <= at {
                assert!(at > 10, "{at} requests");
                break;
            }
            let there = large.read(server.port, &prefix).await.unwrap();
            assert!(there == 250 || there == 300, "{fault:?} at {at}: {there}");
            if let Ok(pushed) = pushed {
                assert_eq!(there, pushed.size, "{fault:?} at {at}: what was told is there");
            }
            // What is wrong with reading alone is told, too, and nothing is written because of it.
            let again = large.push(server.port, &prefix).push(large.path()).await;
            assert_eq!(again.map(|one| one.size), Ok(300), "{fault:?} at {at}: {pushed:?}");
            assert_eq!(large.read(server.port, &prefix).await, Some(300), "{fault:?} at {at}");
            // A request that comes late finds another checkpoint there, and its condition does not hold.
            if matches!(fault, Fault::Late) && at % 5 == 0 {
                tokio::time::sleep(Duration::from_millis(2600)).await;
                assert_eq!(large.read(server.port, &prefix).await, Some(300), "late at {at}");
            }
            at += 1;
        }
    }
}

/// A store that writes whatever condition it is given is not written to.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs tests/sdks/install"]
async fn a_store_without_conditional_writes_is_refused() {
    let server = Server::moto();
    let log = Log::new();
    log.grow(3);
    for ignored in ["if-", "if-none-match", "if-match"] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (own, port) = (listener.local_addr().unwrap().port(), server.port);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let Some((head, body)) = read_all(&mut stream) else { continue };
                let head: Vec<&str> =
                    head.lines().filter(|line| !line.to_ascii_lowercase().starts_with(ignored)).collect();
                let Some((head, body)) = forward(port, &head.join("\r\n"), &body) else { continue };
                let _ = stream.write_all(&[with_length(&head, body.len()).as_bytes(), &body].concat());
            }
        });
        let error = log.push(own, ignored).push(log.path()).await.unwrap_err();
        assert_eq!(error.code(), "store_unconditional", "{ignored}");
        assert_eq!(log.read(server.port, ignored).await, None);
    }
}

/// Of a store that is asked for a log of any size, nothing is believed.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs tests/sdks/install"]
async fn a_store_that_claims_a_log_of_any_size_ends_at_its_first_missing_tile() {
    let server = Server::moto();
    let log = Log::new();
    log.grow(3);
    log.push(server.port, "large").push(log.path()).await.unwrap();
    let root = format!("{}=", "AQEB".repeat(10) + "AQE");
    let claimed = format!("acme.example/log/1\n{}\n{root}\n\n\u{2014} x AAAAAAA=\n", i64::MAX);
    let url = format!("http://localhost:{}/logs/large/checkpoint", server.port);
    let put = Command::new("curl")
        .args(["-sf", "-X", "PUT", "--aws-sigv4", "aws:amz:us-east-1:s3", "--user", "key:secret"])
        .args(["-H", "Content-Type: text/plain", "--data-binary", &claimed, &url])
        .status();
    assert!(put.unwrap().success());
    let folder = tempfile::tempdir().unwrap();
    let error = pull(&bucket(server.port, "large"), folder.path()).await.unwrap_err();
    assert_eq!(error.code(), "tile_missing", "{error}");
}

#[test]
fn a_url_that_names_no_place_in_a_store_is_refused() {
    for wrong in
        ["", "s3://", "logs", "https://x", "s3://a b/c", "s3://logs/../other", "s3://logs/a?b", "s3:///x"]
    {
        let fetcher = Fetcher::new(Options::default()).unwrap();
        let made = Bucket::new(wrong, &Settings::default(), fetcher);
        assert_eq!(made.unwrap_err().code(), "store_url", "{wrong}");
    }
    let fetcher = Fetcher::new(Options::default()).unwrap();
    let settings =
        Settings { key: Some(("key".to_owned(), "canary".to_owned(), None)), ..Settings::default() };
    let made = Bucket::new("s3://logs/acme/2026", &settings, fetcher).unwrap();
    assert!(!format!("{made:?} {settings:?}").contains("canary"));
}
