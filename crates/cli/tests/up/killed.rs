//! Verbs that are killed at each of their writes: either all of it is there, or nothing.

use crate::common::Play;
use legation_store::{Location, Store, StoreError, api_key, configuration, holder, link, organization};
use std::{
    fs,
    os::unix::process::ExitStatusExt,
    path::Path,
    process::{Command, Stdio},
    sync::Arc,
};

/// Whether what a verb does has been done.
type IsDone = fn(&mut legation_store::Tx<'_>, &str) -> Result<bool, StoreError>;

/// What is done, and how it shows.
const VERBS: [(&[&str], &str, IsDone); 6] = [
    (&["agent", "add", "new", "--models", "*"], "", |tx, id| {
        Ok(holder::list(tx, id, holder::Kind::Agent, "", 10)?.iter().any(|agent| agent.name == "new"))
    }),
    (&["agent", "suspend", "mail"], "", |tx, id| {
        let mail = holder::by_name(tx, id, holder::Kind::Agent, "mail")?;
        Ok(mail.state == holder::State::Suspended)
    }),
    (&["api-key", "create", "mail"], "", |tx, id| Ok(api_key::list(tx, id, None, 10)?.len() == 1)),
    (&["budget", "set", "mail", "7USD/day"], "", |tx, id| {
        let mail = holder::by_name(tx, id, holder::Kind::Agent, "mail")?;
        Ok(link::of_holder(tx, id, &mail.id, 10)?.len() == 2)
    }),
    (&["team", "rotate", "default", "--compromised"], "", |tx, id| {
        let team = holder::by_name(tx, id, holder::Kind::Team, "default")?;
        Ok(holder::all_keys(tx, id, &team.id)?.len() == 2)
    }),
    (&["secret", "set", "openai", "--origin", "https://api.openai.com"], "sk-x\n", |tx, id| {
        Ok(configuration::secrets(tx, id)?.len() == 1)
    }),
];

/// The calls by which something gets onto a disk.
pub(crate) const WRITES: &str = "pwrite64,fdatasync,fsync,ftruncate,unlink";

/// Whether there is strace; where not, the test says so.
pub(crate) fn has_strace(test: &str) -> bool {
    if Command::new("strace").arg("-V").stdout(Stdio::null()).status().is_ok() {
        return true;
    }
    eprintln!("SKIPPED {test}: there is no strace; `tests/run` installs it");
    false
}

/// Runs a command that is killed at the so many-th of some calls.
pub(crate) fn run_killed(
    play: &Play,
    calls: &str,
    at: usize,
    arguments: &[&str],
    input: fs::File,
) -> std::process::ExitStatus {
    let ended = Command::new("strace")
        .args(["-qq", "-o", "/dev/null", "-e", &format!("trace={calls}")])
        .args(["-e", &format!("inject={calls}:signal=KILL:when={at}")])
        .arg(env!("CARGO_BIN_EXE_legation"))
        .args(arguments)
        .current_dir(play.folder.path())
        .stdin(input)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .unwrap();
    // strace ends as its child did.
    let is_killed = ended.signal() == Some(9) || ended.code() == Some(137);
    assert!(is_killed || ended.success(), "{arguments:?} {at}: {ended:?}");
    ended
}

pub(crate) fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to);
            fs::set_permissions(&to, fs::metadata(entry.path()).unwrap().permissions()).unwrap();
        } else if entry.file_type().unwrap().is_file() {
            fs::copy(entry.path(), &to).unwrap();
        }
    }
}

/// The number of events, and whether the verb is done.
fn look(folder: &Path, is_done: IsDone) -> (i64, bool) {
    let store: Arc<Store> = Store::open(Location::Sqlite(folder.join("store.sqlite"))).unwrap();
    let seen = store.read(|tx| {
        let one = organization::all(tx, 1)?.remove(0);
        let events = tx.events(&one.id, 0, 1000)?;
        assert!(events.windows(2).all(|pair| pair[1].previous == pair[0].digest()));
        Ok::<_, StoreError>((one.events, is_done(tx, &one.id)?))
    });
    seen.unwrap()
}

#[test]
fn a_verb_that_is_killed_at_any_of_its_writes_has_done_all_of_it_or_nothing() {
    if !has_strace("a_verb_that_is_killed_at_any_of_its_writes…") {
        return;
    }
    let play = Play::new();
    for made in ["init acme.example --data-dir base", "agent add mail --models * --data-dir base"] {
        let ran = play.run(made);
        assert_eq!(ran.status, 0, "{ran:?}");
    }
    for (number, (verb, input, is_done)) in VERBS.iter().enumerate() {
        let (before, done) = look(&play.path("base"), *is_done);
        assert!(!done, "{verb:?}");
        play.write("input", input);
        let mut kills = 0;
        for at in 1..200 {
            let name = format!("killed-{number}-{at}");
            copy(&play.path("base"), &play.path(&name));
            fs::set_permissions(play.path(&name), fs::metadata(play.path("base")).unwrap().permissions())
                .unwrap();
            let arguments = [verb, &["--data-dir", &name][..]].concat();
            let input = fs::File::open(play.path("input")).unwrap();
            let ended = run_killed(&play, WRITES, at, &arguments, input);
            let (events, done) = look(&play.path(&name), *is_done);
            assert_eq!(events - before, i64::from(done), "{verb:?} killed at write {at}: {events} events");
            if ended.success() {
                assert!(done, "{verb:?} was acknowledged");
                break;
            }
            kills += 1;
        }
        assert!(kills > 3, "{verb:?} was killed {kills} times only");
        let doctor = play.run(&format!("doctor --data-dir killed-{number}-2"));
        assert_eq!(doctor.status, 0, "{doctor:?}");
    }
}
