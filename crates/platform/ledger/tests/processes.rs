//! Processes on one file, of which some are killed: what a ledger in a file has answered holds for all of them.

#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod world;

use legation_agent::ledger::Ledger;
use legation_ledger::{FileLedger, look};
use legation_verifier::Code;
use serde_json::{Value, json};
use std::{
    collections::BTreeSet,
    env,
    fs::{self, File},
    io::Write,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};
use world::{NOW, World, chain_of, code, permit_of, trust};

/// Tells a process that was started by a test what to do: the name of a file.
const TOLD: &str = "LEGATION_LEDGER_TOLD";
/// What stands in the first line of a process's answers.
const READY: &str = "ready";
const PATIENCE: Duration = Duration::from_secs(60);

/// What each of the processes does: it commits one cent for each presentation that it was told, and writes every answer
/// down before it asks anew.
#[tokio::test]
#[ignore = "a process of the tests beside it"]
async fn commits_what_it_was_told() {
    let Some(told) = env::var_os(TOLD).map(PathBuf::from) else { return };
    let json: Value = serde_json::from_slice(&fs::read(&told).unwrap()).unwrap();
    let text = |json: &Value| json.as_str().unwrap().to_owned();
    let trust = trust(text(&json["principal"]).parse().unwrap());
    let mut permits = Vec::new();
    for one in json["presented"].as_array().unwrap() {
        let (nonce, presented) = (text(&one[0]), text(&one[1]));
        let permit = permit_of(&chain_of(&presented, &nonce, &trust, NOW), 1);
        permits.push((nonce, permit));
    }
    let mut answers = File::create(answers_of(&told)).unwrap();
    writeln!(answers, "{READY}").unwrap();
    wait_until(|| Path::new(&text(&json["go"])).exists());
    let ledger = FileLedger::open(text(&json["ledger"]), NOW).unwrap();
    for (nonce, permit) in permits {
        let code = code(ledger.commit(permit, NOW).await);
        writeln!(answers, "{nonce} {}", code.map_or("passed", Code::as_str)).unwrap();
    }
}

fn answers_of(told: &Path) -> PathBuf {
    told.with_extension("answers")
}

fn wait_until(done: impl Fn() -> bool) {
    let since = Instant::now();
    while !done() {
        assert!(since.elapsed() < PATIENCE, "waited for too long");
        thread::sleep(Duration::from_millis(1));
    }
}

/// A process that was started; it does not outlive the test.
struct Process {
    child: Child,
    told: PathBuf,
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Process {
    /// Starts one that waits for [`go`].
    fn start(world: &World, name: &str, nonces: &[String]) -> Self {
        let told = world.folder.path().join(format!("{name}.told"));
        let presented: Vec<_> =
            nonces.iter().map(|nonce| json!([nonce, world.presented(nonce, NOW)])).collect();
        let json = json!({
            "principal": world.principal.as_str(), "presented": presented, "ledger": world.path(),
            "go": world.folder.path().join("go"),
        });
        fs::write(&told, json.to_string()).unwrap();
        let child = Command::new(env::current_exe().unwrap())
            .args(["--exact", "--ignored", "--nocapture", "commits_what_it_was_told"])
            .env(TOLD, &told)
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        Self { child, told }
    }

    /// Which lines it has written whole.
    fn lines(&self) -> Vec<String> {
        let text = fs::read_to_string(answers_of(&self.told)).unwrap_or_default();
        let whole = text.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n'));
        whole.map(str::to_owned).collect()
    }

    /// Its answers so far: each nonce, and what the ledger said.
    fn answers(&self) -> Vec<(String, String)> {
        let split = |line: &String| {
            let (nonce, said) = line.split_once(' ')?;
            Some((nonce.to_owned(), said.to_owned()))
        };
        self.lines().iter().filter_map(split).collect()
    }

    /// All its answers, once it has ended by itself.
    fn ended(mut self) -> Vec<(String, String)> {
        assert!(self.child.wait().unwrap().success());
        self.answers()
    }
}

/// Lets processes begin, as soon as all of them are ready.
fn go(world: &World, all: &[Process]) {
    wait_until(|| all.iter().all(|one| one.lines().first().is_some_and(|line| line == READY)));
    fs::write(world.folder.path().join("go"), "").unwrap();
}

/// The nonces that a ledger knows.
fn known(world: &World) -> BTreeSet<String> {
    let json = look(&world.path()).unwrap().to_json();
    json["nonces"].as_array().unwrap().iter().map(|one| one[1].as_str().unwrap().to_owned()).collect()
}

fn nonces(name: &str, count: usize) -> Vec<String> {
    (0..count).map(|number| format!("{name}-{number}")).collect()
}

/// What two processes were answered that began at once.
fn answers_of_two(world: &World, asked: &[Vec<String>; 2]) -> Vec<(String, String)> {
    let start = |at: usize| Process::start(world, &format!("process {at}"), &asked[at]);
    let all = [start(0), start(1)];
    go(world, &all);
    all.into_iter().flat_map(Process::ended).collect()
}

fn count(answers: &[(String, String)], wanted: &str) -> usize {
    answers.iter().filter(|(_, said)| said == wanted).count()
}

#[test]
fn of_the_commits_of_two_processes_as_many_pass_as_there_is_room_for() {
    const EACH: usize = 30;
    const ROOM: usize = 40;
    let world = World::with_room(ROOM);
    let answers = answers_of_two(&world, &[nonces("a", EACH), nonces("b", EACH)]);
    assert_eq!(answers.len(), 2 * EACH);
    assert_eq!(count(&answers, "passed"), ROOM, "{answers:?}");
    assert_eq!(count(&answers, "budget_exceeded"), 2 * EACH - ROOM, "{answers:?}");
    let passed = answers.into_iter().filter(|(_, said)| said == "passed").map(|(nonce, _)| nonce);
    assert_eq!(known(&world), passed.collect());
}

#[test]
fn of_two_processes_that_are_asked_by_one_nonce_it_passes_one() {
    const EACH: usize = 20;
    let world = World::with_room(2 * EACH);
    let answers = answers_of_two(&world, &[nonces("a", EACH), nonces("a", EACH)]);
    for nonce in nonces("a", EACH) {
        let mut said: Vec<_> =
            answers.iter().filter(|(asked, _)| *asked == nonce).map(|(_, said)| said.as_str()).collect();
        said.sort_unstable();
        assert_eq!(said, ["nonce_replayed", "passed"], "{nonce}");
    }
    assert_eq!(known(&world).len(), EACH);
}

#[tokio::test]
async fn a_process_that_is_killed_leaves_a_ledger_that_knows_what_it_has_answered() {
    const ROUNDS: usize = 24;
    const EACH: usize = 100;
    const ROOM: usize = ROUNDS * EACH + 1;
    let world = World::with_room(ROOM);
    let mut interrupted = 0;
    for round in 0..ROUNDS {
        let name = format!("round {round}");
        let asked = nonces(&name.replace(' ', "-"), EACH);
        let mut process = [Process::start(&world, &name, &asked)];
        go(&world, &process);
        // Ever later, and at another place of a commit.
        wait_until(|| process[0].answers().len() >= 2 * round);
        thread::sleep(Duration::from_micros(100).saturating_mul(u32::try_from(round).unwrap()));
        process[0].child.kill().unwrap(); // SIGKILL
        process[0].child.wait().unwrap();
        let answers = process[0].answers();
        assert_eq!(count(&answers, "passed"), answers.len(), "{name}: {answers:?}");
        interrupted += usize::from(answers.len() < EACH);

        let since = Instant::now();
        let ledger = FileLedger::open(world.path(), NOW).unwrap();
        assert!(since.elapsed() < Duration::from_secs(8), "{name}: nobody waits for the dead");
        for (nonce, _) in &answers {
            let again = code(ledger.commit(world.permit(nonce, 1), NOW).await);
            assert_eq!(again, Some(Code::NonceReplayed), "{name}: {nonce}");
        }
        // Of what was asked last the answer may be lost. It counts then, and so does no other.
        let known = known(&world).into_iter().filter(|nonce| asked.contains(nonce)).count();
        assert!((answers.len()..=answers.len() + 1).contains(&known), "{name}: {known} of {answers:?}");
    }
    assert!(interrupted > ROUNDS / 2, "{interrupted} were killed in the middle");
    let left = i64::try_from(ROOM - known(&world).len()).unwrap();
    let ledger = FileLedger::open(world.path(), NOW).unwrap();
    assert_eq!(code(ledger.commit(world.permit("all", left), NOW).await), None);
    assert_eq!(code(ledger.commit(world.permit("one more", 1), NOW).await), Some(Code::BudgetExceeded));
    let all = fs::read_dir(world.folder.path()).unwrap();
    let hidden =
        all.map(|entry| entry.unwrap().file_name()).filter(|name| name.as_encoded_bytes()[0] == b'.');
    assert_eq!(hidden.count(), 0, "neither locks nor halves stay behind");
}
