//! Eight processes on one PostgreSQL, of which one is killed each second: at the end totals, events and status lists are
//! exactly what was acknowledged.

use crate::{
    chat,
    common::{Play, Ran, free_port},
    running::{self, Up, local},
};
use legation_credential::status::StatusList;
use legation_store::{Location, Store, StoreError, Tx, holder, holder::Kind, link, organization};
use legation_tests::{
    postgres,
    upstream::{Plan, Upstream},
};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

const PROCESSES: usize = 8;
/// How many are killed, one each second.
pub(crate) const KILLS: usize = 10;
/// Callers at a time.
pub(crate) const CALLERS: usize = 16;
const AGENTS: [&str; 4] = ["ann", "ben", "cas", "dan"];
/// A cent, in millionths of a cent.
const CENT: i64 = 1_000_000;

/// How many processes there are, and what may be spent, in cents.
#[derive(Clone, Copy)]
pub(crate) struct Sizes {
    pub(crate) processes: usize,
    /// The budget of the team: less than what its agents have together.
    pub(crate) team: i64,
    /// The budget of an agent.
    pub(crate) agent: i64,
}

pub(crate) const EIGHT: Sizes = Sizes { processes: PROCESSES, team: 300, agent: 100 };

/// What was acknowledged to whoever administers.
#[derive(Default)]
struct Acknowledged {
    added: Vec<String>,
    suspended: Vec<String>,
    revoked: Vec<String>,
    /// The verbs whose command came back with success.
    verbs: usize,
}

pub(crate) fn folder(number: usize) -> String {
    format!("data-{number}")
}

/// An organization with its agents, each with a key; the same folder for each process, as on eight machines.
pub(crate) fn organization(
    play: &Play,
    port: u16,
    upstream: &Upstream,
    url: &str,
    sizes: Sizes,
) -> Vec<String> {
    play.write("database", url);
    private(&play.path("database"), 0o600);
    let run = |arguments: &str| {
        let ran = play.run(&format!("{arguments} --data-dir data-0 --json"));
        assert_eq!(ran.status, 0, "{arguments}: {ran:?}");
        ran.json()
    };
    run(&format!("init localhost:{port} --database-file database"));
    let price = json!({"currency": "USD", "input": 0, "output": 1000});
    let target = json!({"baseUrl": local(&upstream.url()), "model": "gpt-4o"});
    let model = json!({
        "group": "standard", "name": "gpt-4o", "maxOutputTokens": 4096, "maxInputTokens": 128_000, "price": price,
        "targets": [target],
    });
    play.write("model.json", model.to_string());
    run("model set model.json");
    run(&format!("budget set default {}.00USD/30d --team", sizes.team / 100));
    let keys = AGENTS.map(|name| {
        run(&format!("agent add {name} --models * --budget {}.00USD/30d", sizes.agent / 100));
        run(&format!("api-key create {name}"))["secret"].as_str().unwrap().to_owned()
    });
    for number in 1..sizes.processes {
        for file in ["legation.json", "master.key"] {
            play.write(
                &format!("{}/{file}", folder(number)),
                std::fs::read(play.path("data-0").join(file)).unwrap(),
            );
        }
        // As `init` makes a folder.
        std::fs::create_dir_all(play.path(&folder(number)).join("run")).unwrap();
        for (path, mode) in [("", 0o700), ("run", 0o700), ("master.key", 0o600), ("legation.json", 0o600)] {
            private(&play.path(&folder(number)).join(path), mode);
        }
    }
    keys.to_vec()
}

fn private(path: &std::path::Path, mode: u32) {
    use std::{fs, os::unix::fs::PermissionsExt};
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// Calls until it is to end; counts what was answered with success.
pub(crate) fn call(
    ports: &[u16],
    keys: &[String],
    caller: usize,
    (ends, passed): (&AtomicBool, &AtomicUsize),
) {
    for turn in caller.. {
        if ends.load(Ordering::Relaxed) {
            return;
        }
        match running::try_post(ports[turn % ports.len()], &keys[(turn / 3) % keys.len()], &chat(1000)) {
            Some((200, _)) => drop(passed.fetch_add(1, Ordering::Relaxed)),
            // It is dead just now.
            None => thread::sleep(Duration::from_millis(5)),
            // The budget is used up, or the process has not heard of the epoch yet.
            Some((429 | 503, _)) => thread::sleep(Duration::from_millis(10)),
            Some((status, answer)) => panic!("{status}: {answer}"),
        }
    }
}

/// Adds agents, and suspends one and revokes another's delegation of each three, until it is to end.
fn administer(play: &Play, ends: &AtomicBool, acknowledged: &Mutex<Acknowledged>) {
    let run = |arguments: &str| -> Option<Value> {
        let ran: Ran = play.run(&format!("{arguments} --data-dir data-0 --json"));
        (ran.status == 0).then(|| ran.json())
    };
    for number in 0.. {
        if ends.load(Ordering::Relaxed) {
            return;
        }
        let name = format!("agent-{number}");
        let added = run(&format!("agent add {name} --models *"));
        let mut done = acknowledged.lock().unwrap();
        if added.is_none() {
            continue;
        }
        done.verbs += 1;
        done.added.push(name.clone());
        match number % 3 {
            1 if run(&format!("agent suspend {name}")).is_some() => {
                done.verbs += 1;
                done.suspended.push(name);
            }
            2 => {
                let links = play.json(&format!("delegation list {name} --data-dir data-0"));
                let id = links["delegations"][0]["id"].as_str().unwrap().to_owned();
                if run(&format!("delegation revoke {id}")).is_some() {
                    done.verbs += 1;
                    done.revoked.push(id);
                }
            }
            _ => {}
        }
    }
}

#[test]
fn of_eight_on_one_postgresql_one_is_killed_each_second_and_in_the_end_all_of_it_agrees() {
    if !postgres::is_at_hand() {
        return;
    }
    let answers = Plan::says("hello").tokens(1, 1000).after(Duration::from_millis(30));
    let upstream = Upstream::always(answers).unwrap();
    let play = Play::new();
    let port = free_port();
    let url = postgres::shared().unwrap().database("eight").unwrap();
    let keys = organization(&play, port, &upstream, &url, EIGHT);
    let up = |number: usize, port: u16| Up::again(&play, port, &["--data-dir", &folder(number)], &[]);
    let ports: Vec<u16> = (0..PROCESSES).map(|number| if number == 0 { port } else { free_port() }).collect();
    let mut ups: Vec<Up> = ports.iter().enumerate().map(|(number, port)| up(number, *port)).collect();
    let (ends, passed) = (AtomicBool::new(false), AtomicUsize::new(0));
    let acknowledged = Mutex::new(Acknowledged::default());
    thread::scope(|scope| {
        for caller in 0..CALLERS {
            let (ports, keys, told) = (&ports, &keys, (&ends, &passed));
            scope.spawn(move || call(ports, keys, caller, told));
        }
        scope.spawn(|| administer(&play, &ends, &acknowledged));
        for kill in 0..KILLS {
            let begin = Instant::now();
            let number = kill * 3 % PROCESSES;
            ups[number].kill();
            ups[number] = up(number, ports[number]);
            thread::sleep(Duration::from_secs(1).saturating_sub(begin.elapsed()));
        }
        ends.store(true, Ordering::Relaxed);
    });
    let acknowledged = acknowledged.into_inner().unwrap();
    let passed = i64::try_from(passed.into_inner()).unwrap();
    assert!(passed > 50, "{passed} calls passed");
    assert!(acknowledged.revoked.len() > 1 && acknowledged.suspended.len() > 1, "little was administered");
    // What the last that died had in memory has been carried over by its successor, and leases have ended.
    thread::sleep(Duration::from_secs(2));
    let store = Store::open(Location::Postgres(play.read("database"))).unwrap();
    let id = store.read(|tx| Ok::<_, StoreError>(organization::all(tx, 1)?.remove(0).id)).unwrap();
    spent(&play, &upstream, passed, EIGHT, CALLERS * KILLS);
    store
        .read(|tx| {
            events(tx, &id, &acknowledged);
            Ok::<_, StoreError>(())
        })
        .unwrap();
    let lists = store.read(|tx| Ok::<_, StoreError>(statuses(tx, &id, &acknowledged))).unwrap();
    for up in &ups {
        for (path, secured) in &lists {
            assert!(up.text(path) == *secured, "{path} is published by each as it is kept");
        }
    }
    for number in 0..PROCESSES {
        let doctor = play.run(&format!("doctor --data-dir {}", folder(number)));
        assert_eq!(doctor.status, 0, "{doctor:?}");
    }
}

/// Totals are what receipts say, and receipts what callers and the provider saw; nothing is overspent. Gives
/// how many calls were never settled, at most `most`.
pub(crate) fn spent(play: &Play, upstream: &Upstream, passed: i64, sizes: Sizes, most: usize) -> i64 {
    let url = play.read("database");
    let sql = "SELECT p.agent, CAST(SUM(COALESCE(s.amount, p.amount)) AS BIGINT), COUNT(*), COUNT(s.seq) FROM receipt p \
               LEFT JOIN receipt s ON s.organization = p.organization AND s.kind = 'settle' AND s.of_seq = p.seq \
               WHERE p.kind = 'permit' AND p.currency IS NOT NULL GROUP BY p.agent ORDER BY p.agent";
    let rows = postgres::shared().unwrap().psql(&url, sql).unwrap();
    let mut of: BTreeMap<String, [i64; 3]> = BTreeMap::new();
    for row in rows.lines() {
        let mut cells = row.split('|');
        let agent = cells.next().unwrap().rsplit(':').next().unwrap().to_owned();
        let numbers: Vec<i64> = cells.map(|cell| cell.parse().unwrap()).collect();
        of.insert(agent, [numbers[0], numbers[1], numbers[2]]);
    }
    let of_all = |place: usize| of.values().map(|numbers| numbers[place]).sum::<i64>();
    for name in AGENTS {
        let shown = play.json(&format!("budget show {name} --data-dir data-0"));
        let taken = shown["budgets"][0]["takenMicros"].as_i64().unwrap();
        assert!(taken <= sizes.agent * CENT, "{name} has overspent: {taken}");
        assert_eq!(taken, of.get(name).map_or(0, |numbers| numbers[0]), "{name}: total and receipts");
        let team = shown["above"][0]["budgets"][0]["takenMicros"].as_i64().unwrap();
        assert!(team <= sizes.team * CENT, "the team has overspent: {team}");
        assert_eq!(team, of_all(0), "the team's total, and the receipts of its agents");
    }
    let (permits, settled) = (of_all(1), of_all(2));
    let sent = i64::try_from(upstream.count()).unwrap();
    assert!(passed <= sent && sent <= permits, "{passed} were answered, {sent} sent, {permits} permitted");
    // What a process was about to settle when it was killed stays reserved.
    let open = permits - settled;
    assert!((0..=i64::try_from(most).unwrap()).contains(&open), "{open} were never settled");
    open
}

/// Events have no gap, each names the one before, and each acknowledged verb is there, once.
fn events(tx: &mut Tx<'_>, id: &str, acknowledged: &Acknowledged) {
    let mut all = Vec::new();
    loop {
        let next = tx.events(id, all.len().try_into().unwrap(), 1000).unwrap();
        if next.is_empty() {
            break;
        }
        all.extend(next);
    }
    assert!(all.iter().enumerate().all(|(number, event)| event.seq == i64::try_from(number).unwrap() + 1));
    assert!(all.windows(2).all(|pair| pair[1].previous == pair[0].digest()));
    let times = |kind: &str, subject: &str| {
        all.iter().filter(|event| event.kind == kind && event.subject == subject).count()
    };
    for (kind, subjects) in [
        ("agent.added", &acknowledged.added),
        ("agent.suspended", &acknowledged.suspended),
        ("delegation.revoked", &acknowledged.revoked),
    ] {
        for subject in subjects {
            assert_eq!(times(kind, subject), 1, "{kind} {subject}");
        }
    }
}

/// The lists say of each delegation what the store does; gives them as they are published, by their paths.
fn statuses(tx: &mut Tx<'_>, id: &str, acknowledged: &Acknowledged) -> Vec<(String, String)> {
    let lists = link::lists(tx, id, 0, 1000).unwrap();
    let mut expected: BTreeSet<(String, usize)> = BTreeSet::new();
    for kind in [Kind::Team, Kind::Agent, Kind::Admin] {
        for holder in holder::list(tx, id, kind, "", 10_000).unwrap() {
            for link in link::of_holder(tx, id, &holder.id, 100).unwrap() {
                let said = legation_credential::Delegation::read_unverified(&link.secured).unwrap();
                let suspended = holder.state == holder::State::Suspended && link.state == "current";
                for entry in said.terms.status {
                    let is_set = match entry.purpose.name() {
                        "revocation" => link.state == "revoked",
                        _ => suspended,
                    };
                    if is_set {
                        expected.insert((entry.list, entry.index));
                    }
                }
                if acknowledged.revoked.contains(&link.id) {
                    assert_eq!(link.state, "revoked");
                }
                if acknowledged.suspended.contains(&holder.name) {
                    assert!(suspended, "{}", holder.name);
                }
            }
        }
    }
    let mut found = BTreeSet::new();
    for list in &lists {
        let payload = legation_keys::base64url::decode(list.secured.split('.').nth(1).unwrap()).unwrap();
        let credential: Value = serde_json::from_slice(&payload).unwrap();
        let subject = credential.get("vc").unwrap_or(&credential)["credentialSubject"].clone();
        let bits = StatusList::decode(subject["encodedList"].as_str().unwrap(), 1 << 20).unwrap();
        let set = (0..bits.entries()).filter(|index| bits.get(*index) == Some(true));
        found.extend(set.map(|index| (list.url.clone(), index)));
    }
    assert_eq!(found, expected, "what the lists say, and what is kept");
    assert!(found.len() >= acknowledged.revoked.len() + acknowledged.suspended.len());
    let path = |url: &str| format!("/status/{}", url.rsplit('/').next().unwrap());
    lists.iter().map(|list| (path(&list.url), list.secured.clone())).collect()
}
