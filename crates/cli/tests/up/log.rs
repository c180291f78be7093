//! The log of an organization that runs: verified, proved, exported, found, summed up, decided again.

use crate::{
    chat,
    common::{Play, Ran, free_port},
    running::{self, Up, local},
};
use legation_tests::{
    postgres,
    upstream::{Plan, Upstream},
};
use serde_json::{Value, json};
use std::{
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

/// An organization with four calls that passed and some that did not, all of it in its log.
fn played() -> (Play, Up, Upstream) {
    let upstream = Upstream::always(Plan::says("hello").tokens(10, 1000)).unwrap();
    let play = Play::new();
    let env = [("OPENAI_API_KEY", "sk-x".to_owned()), ("OPENAI_BASE_URL", local(&upstream.url()))];
    let up = Up::dev(&play, &["--budget", "0.06USD/day"], &env);
    for _ in 0..4 {
        assert_eq!(up.post(&up.key, &chat(1000)).0, 200);
    }
    assert_eq!(up.post(&up.key, &chat(16_000)).0, 429);
    carried(&play, 9);
    (play, up, upstream)
}

/// Waits until the log has so many receipts.
pub(crate) fn carried(play: &Play, receipts: u64) {
    let begin = Instant::now();
    loop {
        let ran = play.run("log verify --json");
        let kinds = |ran: &Ran| ran.json()["kinds"].clone();
        let count = |kinds: &Value| {
            kinds["receipt"].as_u64().unwrap_or(0) + kinds["settlement"].as_u64().unwrap_or(0)
        };
        if ran.status == 0 && count(&kinds(&ran)) >= receipts {
            return;
        }
        assert!(begin.elapsed() < Duration::from_secs(30), "{ran:?}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn a_log_is_verified_by_itself_and_its_checkpoint_and_hashes_are_published_and_its_entries_are_not() {
    let (play, up, _upstream) = played();
    let verified = play.run("log verify --json");
    assert_eq!(verified.status, 0, "{verified:?}");
    let json = verified.json();
    assert_eq!((json["valid"].clone(), json["ownWord"].clone()), (true.into(), true.into()));
    assert!(json["warnings"][0].as_str().unwrap().contains("--did-documents"), "{json}");
    let name = json["log"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
    let get = |path: &str| {
        let url = format!("http://127.0.0.1:{}/log/{name}/{path}", up.port);
        let output = Command::new("curl").args(["-s", "-i", "--path-as-is", &url]).output().unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let checkpoint = get("checkpoint");
    assert!(
        checkpoint.starts_with("HTTP/1.1 200") && checkpoint.contains("text/plain; charset=utf-8"),
        "{checkpoint}"
    );
    let size = json["size"].as_u64().unwrap();
    assert!(get(&format!("tile/0/000.p/{size}")).starts_with("HTTP/1.1 200"));
    for secret in [
        &format!("tile/entries/000.p/{size}"),
        "lock",
        "../../store.sqlite",
        "did.json",
        "tile/0/..",
        "tile/0/000.p/0",
    ] {
        assert!(get(secret).starts_with("HTTP/1.1 404"), "{secret}");
    }
    // With the document from the domain itself nothing is the log's own word.
    let document = Command::new("curl")
        .args(["-s", &format!("http://127.0.0.1:{}/.well-known/did.json", up.port)])
        .output()
        .unwrap();
    play.write("trusted/did.json", document.stdout);
    let json = play.json("log verify --did-documents trusted");
    assert_eq!((json["ownWord"].clone(), json["valid"].clone()), (false.into(), true.into()));
}

/// Four permits and a budget that was too small are decided the same again: the chains by documents and status lists as they
/// were, the budget by what was taken of it, the costs by their price.
fn replays_whole(replayed: &Value) {
    let counts = ["same", "different", "verified", "unverified", "priced"].map(|name| replayed[name].clone());
    assert_eq!(counts, [5, 0, 5, 0, 4].map(Value::from), "{replayed}");
}

#[test]
fn a_receipt_is_proved_by_a_few_kilobytes_and_an_export_is_verified_elsewhere_by_the_command_alone() {
    let (play, up, _upstream) = played();
    let list = play.json("receipt list");
    assert!(list["receipts"].as_array().unwrap().len() >= 9);
    let proved = play.json("log prove 1 --out one.tlog-proof");
    assert!(proved["bytes"].as_u64().unwrap() < 16_000, "{proved}");
    play.json("log prove event:1 --out event.tlog-proof");
    play.json("log prove 1 --no-values --out bare.tlog-proof");
    play.json("log export --out all.jsonl");
    drop(up);
    // A machine with nothing but the files.
    let auditor = Play::new();
    for file in ["one.tlog-proof", "event.tlog-proof", "bare.tlog-proof", "all.jsonl"] {
        std::fs::copy(play.path(file), auditor.path(file)).unwrap();
    }
    let one = auditor.json("log verify one.tlog-proof");
    assert_eq!((one["seq"].clone(), one["entry"]["decision"].clone()), (1.into(), "permit".into()));
    assert_eq!(one["entry"]["request"]["facts"]["model"], "gpt-4o");
    assert_eq!(auditor.json("log verify event.tlog-proof")["entry"]["kind"], "organization.added");
    assert!(
        auditor.json("log verify bare.tlog-proof")["entry"]["request"]["facts"]["model"]["_sd"].is_string()
    );
    let all = auditor.json("log verify all.jsonl");
    assert_eq!(all["entries"], all["size"]);
    assert!(all["attached"].as_u64().unwrap() >= 6, "delegations, documents, lists, models: {all}");
    let key = all["key"].as_str().unwrap();
    assert_eq!(auditor.json(&format!("log verify all.jsonl --key {key}"))["ownWord"], false);
    replays_whole(&auditor.json("log replay all.jsonl"));
    let totals = auditor.json("log spend all.jsonl");
    let taken: Vec<i64> = totals["totals"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["amountMicros"].as_i64().unwrap())
        .collect();
    // Four answers of 1,000 tokens at 10 USD a million, and their prompts at 2.50.
    assert_eq!(taken, [4 * (1_000_000 + 2500)], "{totals}");
    let found = auditor.json("log search all.jsonl --code budget_exceeded");
    assert_eq!(found["found"], 1, "{found}");
    let link = one["entry"]["chain"][1].as_str().unwrap();
    assert_eq!(auditor.json(&format!("log search all.jsonl --delegation {link} --code permit"))["found"], 4);
    assert_eq!(auditor.json("log search all.jsonl --resource https://nowhere.example/")["found"], 0);
}

#[test]
fn policies_that_were_bound_then_decide_again_and_one_that_was_changed_since_is_none_of_them() {
    let (play, up, _upstream) = played();
    play.write("no-mini.cedar", r#"forbid (principal, action, resource == Model::"gpt-4o-mini");"#);
    play.json("policy put no-mini.cedar");
    play.json("policy bind no-mini --to agent:assistant");
    // What is bound and unbound within one second can't be told apart from what was bound around it.
    std::thread::sleep(Duration::from_millis(1100));
    let mini =
        json!({"model": "gpt-4o-mini", "max_tokens": 10, "messages": [{"role": "user", "content": "Hi"}]});
    assert_eq!(up.post(&up.key, &mini).0, 403);
    assert_eq!(up.post(&up.key, &chat(1000)).0, 200);
    std::thread::sleep(Duration::from_millis(1100));
    play.json("policy unbind no-mini --to agent:assistant");
    play.write("no-mini.cedar", "forbid (principal, action, resource);");
    play.json("policy put no-mini.cedar");
    carried(&play, 12);
    play.json("log export --out all.jsonl");
    let whole = play.read("all.jsonl");
    for replayed in [play.json("log replay all.jsonl"), play.json("log replay")] {
        let counts = ["same", "different", "verified", "policies", "policiesMissing"]
            .map(|name| replayed[name].clone());
        assert_eq!(counts, [7, 0, 7, 2, 0].map(Value::from), "{replayed}");
    }
    // What was bound is known by its digest: another text is another set, and none is told as missing.
    let other = whole.replace(
        "forbid (principal, action, resource == Model::",
        "permit (principal, action, resource == Model::",
    );
    let without: String = whole
        .lines()
        .filter(|line| !line.contains("\"attached\":\"policies\""))
        .map(|line| format!("{line}\n"))
        .collect();
    for changed in [other, without] {
        assert!(changed != whole);
        play.write("changed.jsonl", format!("{}\n", changed.trim_end()));
        let replayed = play.json("log replay changed.jsonl");
        assert_eq!(
            (replayed["policies"].clone(), replayed["policiesMissing"].clone()),
            (0.into(), 2.into()),
            "{replayed}"
        );
    }
    // Whoever was asked for was another one than policies forbid it to.
    let other = whole.replace("\"name\":\"assistant\",\"tags\"", "\"name\":\"another\",\"tags\"");
    assert!(other != whole);
    play.write("changed.jsonl", format!("{}\n", other.trim_end()));
    let ran = play.run("log replay changed.jsonl --json");
    let difference = &ran.json()["differences"][0];
    assert_eq!(
        (ran.status, difference["recorded"].clone(), difference["now"].clone()),
        (1, "policy_denied".into(), "permit".into())
    );
}

#[test]
fn an_export_is_verified_and_replayed_on_a_machine_without_any_network() {
    let (play, up, _upstream) = played();
    play.json("log export --out all.jsonl");
    play.json("log prove 1 --out one.tlog-proof");
    drop(up);
    let auditor = Play::new();
    for file in ["all.jsonl", "one.tlog-proof"] {
        std::fs::copy(play.path(file), auditor.path(file)).unwrap();
    }
    // A network of its own, in which not even the loopback is up: whatever connects fails, and so does whoever needs it to.
    let alone = |command: &[&str]| {
        let mut unshare = Command::new("unshare");
        unshare.args(["--map-root-user", "--net", "--"]).args(command).current_dir(auditor.folder.path());
        unshare.output().unwrap()
    };
    let reached = alone(&["sh", "-c", "cat /proc/net/dev | grep -cv lo:"]);
    assert!(
        reached.status.success(),
        "namespaces of the network: {}",
        String::from_utf8_lossy(&reached.stderr)
    );
    assert_eq!(String::from_utf8_lossy(&reached.stdout).trim(), "2", "two lines of a heading, and no device");
    for command in [
        &["log", "verify", "all.jsonl", "--json"][..],
        &["log", "verify", "one.tlog-proof", "--json"],
        &["log", "replay", "all.jsonl", "--json"],
        &["evidence", "all.jsonl", "--framework", "soc2", "--out", "soc2.html", "--json"],
    ] {
        let ran = alone(&[&[env!("CARGO_BIN_EXE_legation")], command].concat());
        assert!(ran.status.success(), "{command:?}: {}", String::from_utf8_lossy(&ran.stdout));
    }
}

#[test]
fn a_replay_names_what_is_different_and_says_what_is_missing() {
    let (play, _up, _upstream) = played();
    play.json("log export --out all.jsonl");
    let whole = play.read("all.jsonl");
    let replays = |changed: &str| {
        assert!(changed != whole, "nothing was changed");
        play.write("changed.jsonl", format!("{}\n", changed.trim_end()));
        // Whoever changes it is found by `log verify`, too.
        play.run("log replay changed.jsonl --json")
    };
    let now = |ran: &Ran| ran.json()["differences"][0]["now"].as_str().unwrap().to_owned();
    // A cost that is not what its tokens cost.
    let ran = replays(&whole.replacen("\"amountMicros\":1002500", "\"amountMicros\":1002499", 1));
    assert_eq!((ran.status, now(&ran)), (1, "a cost of 1002500".to_owned()), "{ran:?}");
    // A total that is said to hold less than its authority has it.
    let ran = replays(&whole.replace("\"most\":6", "\"most\":1"));
    assert_eq!(ran.status, 1, "{ran:?}");
    assert!(now(&ran).starts_with("permit that takes from `spend USD in"), "{ran:?}");
    // An authority that the chain does not give.
    let ran = replays(&whole.replace("/models/*\"]", "/*\"]"));
    assert_eq!((ran.status, now(&ran)), (1, "authority_widened".to_owned()), "{ran:?}");
    // A status list, a document or a delegation that is not there is told as missing, and nothing is believed to have been there.
    for kind in ["statusList", "document", "delegation"] {
        let without: String = whole
            .lines()
            .filter(|line| !line.contains(&format!("\"attached\":\"{kind}")))
            .map(|line| format!("{line}\n"))
            .collect();
        let json = replays(&without).json();
        let counts = ["same", "different", "verified", "unverified"].map(|name| json[name].clone());
        assert_eq!(counts, [5, 0, 0, 5].map(Value::from), "{kind}: {json}");
    }
    // One that was changed is another one.
    let json = replays(&whole.replace("\"statusListThen\",\"id\"", "\"statusListThen\",\"of\"")).json();
    assert_eq!(json["verified"], 5, "its digest names it: {json}");
    // Who is stopped afterwards changes nothing of what was right then: lists are as they were.
    play.json("agent suspend assistant");
    let begin = Instant::now();
    while play.json("log search --code agent.suspended")["found"] == 0 {
        assert!(begin.elapsed() < Duration::from_secs(20));
        std::thread::sleep(Duration::from_millis(100));
    }
    play.json("log export --out later.jsonl");
    replays_whole(&play.json("log replay later.jsonl"));
}

#[test]
fn the_own_log_is_searched_by_an_agents_name_replayed_and_exported_by_time() {
    let (play, _up, _upstream) = played();
    let found = play.json("log search --agent assistant --code permit");
    assert_eq!(found["found"], 4, "{found}");
    assert_eq!(found["entries"][0]["entry"]["request"]["facts"]["model"], "gpt-4o", "shown from the store");
    assert_eq!(play.json("log search --code agent.added")["found"], 1);
    replays_whole(&play.json("log replay"));
    let spent = play.json("log spend");
    assert_eq!(spent["totals"].as_array().unwrap().len(), 1, "{spent}");
    assert_eq!(spent["totals"][0]["open"], 0);
    let last = found["entries"][3]["at"].as_str().unwrap();
    play.json(&format!("log export --from {last} --out late.jsonl"));
    let late = play.json("log verify late.jsonl");
    assert!(
        late["entries"].as_u64().unwrap() < late["size"].as_u64().unwrap() || late["from"] == late["to"],
        "{late}"
    );
    for (wrong, exit, code) in [
        ("log prove 99 --out x", 1, "not_in_log"),
        ("log prove x --out x", 2, "usage"),
        ("log verify nowhere", 2, "file"),
        ("log verify legation/legation.json", 1, "export_malformed"),
        ("log export --out late.jsonl", 2, "file"),
        ("log verify --key x", 2, "usage"),
        ("log verify --log nowhere", 2, "file"),
    ] {
        let ran = play.run(&format!("{wrong} --json"));
        assert_eq!((ran.status, ran.json()["error"].clone()), (exit, code.into()), "{wrong}: {ran:?}");
    }
}

#[test]
fn a_log_that_was_killed_again_and_again_has_every_receipt_once() {
    let upstream = Upstream::always(Plan::says("hello").tokens(1, 1)).unwrap();
    let play = Play::new();
    let env = [("OPENAI_API_KEY", "sk-x".to_owned()), ("OPENAI_BASE_URL", local(&upstream.url()))];
    let mut up = Up::dev(&play, &["--budget", "5USD/day"], &env);
    let mut passed = 0;
    for round in 0..6_u64 {
        for _ in 0..5 {
            passed += u64::from(up.post(&up.key, &chat(1)).0 == 200);
        }
        std::thread::sleep(Duration::from_millis(130 * round));
        up.kill();
        up = Up::again(&play, up.port, &["--dev"], &env);
    }
    assert_eq!(passed, 30);
    // Each permit with its settlement, but for those that were killed before theirs was written.
    carried(&play, 54);
    let verified = play.json("log verify");
    assert_eq!(verified["alarms"], json!([]));
    let receipts = play.json("receipt list --last 1000")["receipts"].as_array().unwrap().len();
    carried(&play, receipts as u64);
    let kinds = &play.json("log verify")["kinds"];
    let counted = kinds["receipt"].as_u64().unwrap() + kinds["settlement"].as_u64().unwrap();
    assert_eq!((counted, kinds["receipt"].clone()), (receipts as u64, 30.into()));
}

#[test]
fn evidence_says_what_an_export_shows_and_what_it_cant_and_none_is_made_of_one_that_does_not_verify() {
    let (play, up, _upstream) = played();
    play.json("agent suspend assistant");
    for _ in 0..3 {
        assert_ne!(up.post(&up.key, &chat(10)).0, 200);
    }
    let keys = play.json("api-key list assistant");
    let key = keys["keys"][0]["id"].as_str().unwrap_or_else(|| panic!("{keys}"));
    play.json(&format!("api-key block {key}"));
    assert_ne!(up.post(&up.key, &chat(10)).0, 200);
    carried(&play, 11);
    play.json("log export --out all.jsonl");
    for (framework, point) in [
        ("eu-ai-act", "Article 12(1)"),
        ("soc2", "CC6.1"),
        ("nist-ai-rmf", "MANAGE 2.4"),
        ("gdpr", "Article 17"),
    ] {
        let file = format!("{framework}.html");
        let json = play.json(&format!("evidence all.jsonl --framework {framework} --out {file}"));
        let points = json["points"].as_array().unwrap();
        assert!(points.iter().any(|one| one["reference"] == point), "{json}");
        assert!(points.iter().all(|one| one["doesNotShow"].as_str().unwrap().len() > 5), "{json}");
        let html = play.read(&file);
        assert!(
            html.contains("evidence and no verdict") && html.contains("<svg") && !html.contains("<script")
        );
    }
    let json = play.json("evidence all.jsonl --framework eu-ai-act --out again.html");
    let stop = &json["summary"]["stops"][0];
    assert_eq!(
        (stop["event"].clone(), stop["passedAfter"].clone()),
        ("agent.suspended".into(), 0.into()),
        "{json}"
    );
    // Who tries again after a stop is seen to be denied: at once, by that agent's own receipt.
    let (stopped, denied) = (stop["at"].as_str().unwrap(), stop["firstDenialAfter"].as_str().unwrap());
    assert!(denied >= stopped && !denied.is_empty(), "{json}");
    let blocked = &json["summary"]["stops"][1];
    assert_eq!(
        (blocked["event"].clone(), blocked["passedAfter"].clone()),
        ("api-key.blocked".into(), 0.into())
    );
    assert!(blocked["firstDenialAfter"].as_str().unwrap() >= blocked["at"].as_str().unwrap(), "{json}");
    assert!(play.read("again.html").contains(" s later"), "how long it took is told");
    let agents = json["summary"]["agents"].as_array().unwrap();
    let own: u64 = agents
        .iter()
        .filter(|one| one["agent"].as_str().unwrap().ends_with(":assistant"))
        .map(|one| one["denials"].as_u64().unwrap())
        .sum();
    assert!(own >= 3, "each denial is of the agent that asked: {json}");
    assert_eq!(json["summary"]["permits"]["count"], 4);
    let changed = play.read("all.jsonl").replacen("permit", "deny", 9);
    play.write("changed.jsonl", format!("{changed}\n"));
    let ran = play.run("evidence changed.jsonl --framework soc2 --out bad.html --json");
    assert_eq!((ran.status, ran.json()["error"].clone()), (1, "evidence_invalid".into()), "{ran:?}");
    assert!(!play.path("bad.html").exists());
}

#[test]
fn what_an_agent_asked_for_is_erased_and_the_log_verifies_and_says_so() {
    let (play, _up, _upstream) = played();
    let begin = Instant::now();
    loop {
        let erased = play.json("log erase --agent assistant --reason request-17");
        if erased["left"] == 0 || erased["erased"].as_u64().unwrap() >= 9 {
            break;
        }
        assert!(begin.elapsed() < Duration::from_secs(20), "{erased}");
        std::thread::sleep(Duration::from_millis(200));
    }
    let replayed = play.json("log replay");
    assert_eq!((replayed["same"].clone(), replayed["erased"].clone()), (0.into(), 5.into()), "{replayed}");
    assert_eq!(replayed["verified"], 5, "what was asked for is gone, and chains still verify: {replayed}");
    let found = play.json("log search --code permit");
    assert_eq!(found["found"], 4);
    assert!(!found.to_string().contains("gpt-4o"), "{found}");
    carried(&play, 9);
    let begin = Instant::now();
    while play.json("log search --code receipts.erased")["found"] == 0 {
        assert!(begin.elapsed() < Duration::from_secs(20));
        std::thread::sleep(Duration::from_millis(100));
    }
    assert_eq!(play.json("log verify")["alarms"], json!([]));
    play.json("receipt show 1");
}

#[test]
fn two_machines_on_one_postgresql_write_one_log_each_in_a_folder_of_its_own() {
    if !postgres::is_at_hand() {
        return;
    }
    let upstream = Upstream::always(Plan::says("hello").tokens(1, 1)).unwrap();
    let (play, other) = (Play::new(), Play::new());
    play.write("database", postgres::shared().unwrap().database("logs").unwrap());
    let port = free_port();
    assert_eq!(play.run(&format!("init localhost:{port} --database-file database")).status, 0);
    let env = [("OPENAI_API_KEY", "sk-x".to_owned()), ("OPENAI_BASE_URL", local(&upstream.url()))];
    let one = Up::again(&play, port, &["--dev", "--budget", "5USD/day"], &env);
    // The second machine has the same keys and an empty disk.
    for file in ["legation.json", "master.key"] {
        std::fs::create_dir_all(other.path("legation/run")).unwrap();
        std::fs::copy(play.path("legation").join(file), other.path("legation").join(file)).unwrap();
    }
    for folder in ["legation", "legation/run"] {
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o700);
        std::fs::set_permissions(other.path(folder), mode).unwrap();
    }
    let two = Up::again(&other, free_port(), &[], &env);
    for round in 0..10 {
        let port = if round % 2 == 0 { one.port } else { two.port };
        assert_eq!(running::try_post(port, &one.key, &chat(1)).unwrap().0, 200);
    }
    carried(&play, 20);
    carried(&other, 20);
    let log = play.path("legation/log").join(year(&play)).join("checkpoint");
    std::fs::copy(log, other.path("theirs")).unwrap();
    let verified = other.json("log verify --against theirs");
    assert_eq!(verified["alarms"], json!([]), "{verified}");
    assert_eq!(verified["kinds"]["receipt"], 10);
}

/// A witness that runs.
struct Witness {
    child: Child,
    port: u16,
    key: String,
}

impl Witness {
    fn start(play: &Play, name: &str, log: &str) -> Self {
        Self::at(play, name, log, free_port())
    }

    fn at(play: &Play, name: &str, log: &str, port: u16) -> Self {
        if !play.path(&format!("{name}.key")).exists() {
            play.key(&format!("{name}.key"));
        }
        let key =
            play.json(&format!("log witness key --name {name}.example --key {name}.key"))["key"].clone();
        let child = Command::new(env!("CARGO_BIN_EXE_legation"))
            .args([
                "log",
                "witness",
                "serve",
                "--name",
                &format!("{name}.example"),
                "--key",
                &format!("{name}.key"),
            ])
            .args([
                "--log",
                log,
                "--state",
                &format!("{name}-state"),
                "--listen",
                &format!("127.0.0.1:{port}"),
            ])
            .current_dir(play.folder.path())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let begin = Instant::now();
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(begin.elapsed() < Duration::from_secs(20));
            std::thread::sleep(Duration::from_millis(20));
        }
        Self { child, port, key: key.as_str().unwrap().to_owned() }
    }

    fn ask(&self, play: &Play) -> Ran {
        let Self { port, key, .. } = self;
        play.run(&format!("log witness ask http://localhost:{port} --key {key} --http-on-loopback --json"))
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn witnesses_sign_what_grows_and_nothing_else_and_a_verifier_asks_for_as_many_as_it_wants() {
    let (play, up, _upstream) = played();
    let log = play.json("log verify")["key"].as_str().unwrap().to_owned();
    let (one, two) = (Witness::start(&play, "one", &log), Witness::start(&play, "two", &log));
    let asks = |rest: &str| {
        let ran = play.run(&format!("log verify --witness {} --witness {} {rest} --json", one.key, two.key));
        (ran.status, ran.json())
    };
    assert_eq!(asks("").0, 1, "unwitnessed");
    assert_eq!(one.ask(&play).status, 0);
    let (status, json) = asks("--quorum 1");
    assert_eq!((status, json["witnessed"].clone()), (0, true.into()), "{json}");
    let (status, json) = asks("");
    assert_eq!(
        (status, json["alarms"][0]["code"].clone()),
        (1, "unwitnessed".into()),
        "one is too few: {json}"
    );
    assert_eq!(two.ask(&play).status, 0);
    // It grows, and they sign again, by a proof from where they were.
    assert_eq!(up.post(&up.key, &chat(10)).0, 200);
    carried(&play, 11);
    for witness in [&one, &two] {
        let ran = witness.ask(&play);
        assert_eq!(ran.status, 0, "{ran:?}");
    }
    assert_eq!(asks("").0, 0);
    // Who signs again replaces what it signed before: a note has no room for more and more.
    let witnessed = || {
        let note = play.path("legation/log").join(year(&play)).join("witnessed");
        std::fs::read_to_string(note).unwrap().lines().filter(|line| line.contains(" one.example ")).count()
    };
    for _ in 0..2 {
        std::thread::sleep(Duration::from_millis(1100));
        assert_eq!(one.ask(&play).status, 0);
    }
    assert_eq!((witnessed(), asks("").0), (1, 0));
    play.json("log export --out seen.jsonl");
    let ran = play.run(&format!("log verify seen.jsonl --witness {} --witness {}", one.key, two.key));
    assert_eq!(ran.status, 0, "{ran:?}");
    // A checkpoint that was seen stands against a log that is shorter, or another one.
    std::fs::copy(play.path("legation/log").join(year(&play)).join("checkpoint"), play.path("seen.note"))
        .unwrap();
    assert_eq!(asks("--against seen.note").0, 0);
    let stranger = Witness::start(&play, "three", &one_of(&log));
    let ran = stranger.ask(&play);
    assert_eq!(
        (ran.status, ran.json()["error"].clone()),
        (3, "witness_refused".into()),
        "another log: {ran:?}"
    );
}

#[test]
fn an_organization_that_is_up_asks_its_witnesses_itself() {
    let (play, up, upstream) = played();
    let env = [("OPENAI_API_KEY", "sk-x".to_owned()), ("OPENAI_BASE_URL", local(&upstream.url()))];
    let (port, key) = (up.port, up.key.clone());
    let log = play.json("log verify")["key"].as_str().unwrap().to_owned();
    drop(up);
    let (one, two) = (Witness::start(&play, "one", &log), Witness::start(&play, "two", &log));
    let line =
        |name: &str, one: &Witness| format!("witness {name} {} http://localhost:{}\n", one.key, one.port);
    let policy = format!("{}{}group both all a b\nquorum both\n", line("a", &one), line("b", &two));
    play.write("witnesses", &policy);
    let ran = play.run("up --witnesses nowhere --json");
    assert_eq!((ran.status, ran.json()["error"].clone()), (2, "file".into()), "{ran:?}");
    play.write(
        "no-url",
        policy
            .replace("http://", "")
            .replace(&format!("localhost:{}", one.port), "")
            .replace(&format!("localhost:{}", two.port), ""),
    );
    let ran = play.run("up --witnesses no-url --json");
    assert!(ran.json()["message"].as_str().unwrap().contains("has a URL"), "{ran:?}");
    let up = Up::again(&play, port, &["--dev", "--witnesses", "witnesses"], &env);
    assert_eq!(up.post(&key, &chat(1000)).0, 200);
    carried(&play, 11);
    let size = || play.json("log verify")["size"].as_u64().unwrap();
    let signed = || {
        let note = std::fs::read_to_string(play.path("legation/log").join(year(&play)).join("witnessed"))
            .unwrap_or_default();
        let size: u64 = note.lines().nth(1).and_then(|size| size.parse().ok()).unwrap_or(0);
        let ran = play.run("log verify --policy witnesses --json");
        (size, ran.status == 0 && ran.json()["witnessed"] == true)
    };
    let all_sign = |size: u64| {
        let begin = Instant::now();
        while signed().0 < size || !signed().1 {
            assert!(begin.elapsed() < Duration::from_secs(30), "{:?} of {size}", signed());
            std::thread::sleep(Duration::from_millis(200));
        }
    };
    all_sign(size());
    // One is gone: the log goes on, and what both have signed is not given up for what one has.
    let before = size();
    drop(two);
    assert_eq!(up.post(&key, &chat(1000)).0, 429);
    carried(&play, 12);
    std::thread::sleep(Duration::from_secs(3));
    assert!(size() > before);
    assert_eq!(signed(), (before, true));
    let two = Witness::at(
        &play,
        "two",
        &log,
        policy.split("localhost:").nth(2).unwrap().split_whitespace().next().unwrap().parse().unwrap(),
    );
    all_sign(size());
    // Everybody may read what they signed.
    let url = format!("http://127.0.0.1:{port}/log/{}/witnessed", year(&play));
    let read = Command::new("curl").args(["-s", &url]).output().unwrap();
    let read = String::from_utf8(read.stdout).unwrap();
    assert!(read.contains("one.example") && read.contains("two.example"), "{read}");
    drop((one, two));
}

/// Somebody who answers each request with the same.
fn says(status: &str, body: Vec<u8>) -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut read = [0; 65_536];
            // The whole request comes at once, or the rest is of no interest.
            let _ = std::io::Read::read(&mut stream, &mut read);
            let _ = std::io::Write::write_all(&mut stream, &[head.as_bytes(), &body].concat());
        }
    });
    port
}

#[test]
fn a_witness_that_lies_is_told_and_nothing_of_it_is_kept() {
    let (play, _up, _upstream) = played();
    play.key("liar.key");
    let key =
        play.json("log witness key --name liar.example --key liar.key")["key"].as_str().unwrap().to_owned();
    let secret = legation_keystore::load(&play.path("liar.key"), None).unwrap();
    let own = legation_log::NoteKey::parse(&key).unwrap();
    let other = own.sign("another.example/log\n7\nAAAA\n", 1_764_000_000, &secret).unwrap();
    let ask = |port: u16| {
        play.run(&format!("log witness ask http://localhost:{port} --key {key} --http-on-loopback --json"))
    };
    for (status, body, code) in [
        ("200 OK", other.into_bytes(), "signature_invalid"),
        ("200 OK", b"yes\n".to_vec(), "signature_invalid"),
        ("200 OK", vec![b'x'; 3 << 20], "signature_invalid"),
        ("409 Conflict", b"99999999\n".to_vec(), "log_cut"),
        ("409 Conflict", b"it is another one\n".to_vec(), "log_forked"),
        ("409 Conflict", b"0\n".to_vec(), "log_forked"),
        ("422 Unprocessable Content", b"no\n".to_vec(), "log_forked"),
        ("302 Found", Vec::new(), "redirect_refused"),
        ("500 Internal Server Error", b"\x1b[31m".to_vec(), "witness_refused"),
    ] {
        let ran = ask(says(status, body.clone()));
        assert_eq!(
            ran.json()["error"],
            code,
            "{status} {:?}: {ran:?}",
            String::from_utf8_lossy(&body).get(..20)
        );
        assert_ne!(ran.status, 0);
    }
    assert!(!play.path("legation/log").join(year(&play)).join("witnessed").exists());
}

fn year(play: &Play) -> String {
    play.json("log verify")["log"].as_str().unwrap().rsplit('/').next().unwrap().to_owned()
}

/// The key of a log of somebody else.
fn one_of(log: &str) -> String {
    let key = legation_log::NoteKey::parse(log).unwrap();
    legation_log::NoteKey::new("other.example/log/1", key.kind(), key.public_key()).unwrap().to_string()
}
