//! Many agents from a file, whatever is in it and however often it breaks off.

use crate::{common::Play, organization};
use serde_json::{Value, json};
use std::{
    io::Write,
    process::{Command, Stdio},
    time::Duration,
};

fn line(name: &str) -> String {
    json!({"name": name, "models": ["standard"], "budgets": ["5USD/day"], "owner": "ada", "purpose": "ci"})
        .to_string()
}

fn count(play: &Play) -> usize {
    play.json("agent list")["agents"].as_array().unwrap().len()
}

#[test]
fn bad_lines_are_told_by_number_and_the_good_ones_are_kept() {
    let play = organization();
    let mut file: Vec<u8> = Vec::new();
    for line in [
        line("one").into_bytes(),
        b"{\"name\":\"two\"".to_vec(),
        b"".to_vec(),
        b"{\"name\":\"\xff\"}".to_vec(),
        line("Not A Name").into_bytes(),
        br#"{"name":"odd","models":["standard"],"colour":"red"}"#.to_vec(),
        br#"{"name":"idle"}"#.to_vec(),
        br#"{"name":"lost","team":"nowhere","models":["standard"]}"#.to_vec(),
        format!("{{\"name\":\"long\",\"purpose\":\"{}\"}}", "x".repeat(70_000)).into_bytes(),
        line("one").into_bytes(),
        br#"{"name":"one","models":["other"]}"#.to_vec(),
        br#"{"name":"broke","models":["standard"],"budgets":["5"]}"#.to_vec(),
        br#"{"name":"twice","models":["standard"],"models":["*"]}"#.to_vec(),
        line("last").into_bytes(),
    ] {
        file.extend(line);
        file.push(b'\n');
    }
    file.pop();
    std::fs::write(play.path("agents.ndjson"), file).unwrap();
    let ran = play.run("agent import agents.ndjson --json");
    assert_eq!(ran.status, 1, "{ran:?}");
    let told = ran.json();
    assert_eq!((&told["lines"], &told["added"], &told["there"]), (&json!(14), &json!(2), &json!(1)));
    let lines: Vec<(i64, &str)> = told["refusedLines"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["line"].as_i64().unwrap(), one["code"].as_str().unwrap()))
        .collect();
    let mut sorted = lines.clone();
    sorted.sort_unstable();
    assert_eq!(
        sorted,
        [
            (2, "line_malformed"),
            (4, "line_malformed"),
            (5, "name_invalid"),
            (6, "body_invalid"),
            (7, "nothing_granted"),
            (8, "not_found"),
            (9, "line_malformed"),
            (11, "already_exists"),
            (12, "budget_invalid"),
            (13, "line_malformed"),
        ]
    );
    assert_eq!(count(&play), 2);
    let text = play.run("agent import agents.ndjson").stdout;
    assert!(text.starts_with("14 lines: 0 agents added, 3 there already, 10 refused\n"), "{text}");
    assert!(text.contains("line 12, `broke`: ") && text.contains("names no window"), "{text}");
    assert!(play.run("agent import nothing.ndjson").stderr.contains("`nothing.ndjson`"));
}

#[test]
fn what_is_exported_is_imported_elsewhere_as_it_was() {
    let (here, there) = (organization(), organization());
    for play in [&here, &there] {
        play.json("team add sales --budget 500USD/month");
    }
    here.json("agent add bot --team sales --models standard --budget 5USD/day --budget 50USD/month --owner ada --valid-for 7d");
    here.json(
        r#"agent add mail --models a,b --max-depth 0 --constraint {"type":"rate","seconds":60,"max":10}"#,
    );
    here.json("agent add gone --models a");
    here.json("agent retire gone");
    // What is raised for a while is raised here, and nowhere else for good.
    here.json("budget raise bot 9USD/day --until 2h");
    assert_eq!(here.json("agent export --out agents.ndjson")["exported"], 2);
    assert_eq!(here.json("agent import agents.ndjson")["there"], 2);
    here.json("budget set bot 5USD/day");
    there.write("agents.ndjson", here.read("agents.ndjson"));
    assert_eq!(there.json("agent import agents.ndjson")["added"], 2);
    assert_eq!(there.run("agent export").stdout, here.run("agent export").stdout);
    for name in ["bot", "mail"] {
        let shown = |play: &Play| {
            let mut shown: Value = play.json(&format!("agent show {name}"));
            for member in ["created", "validUntil", "version"] {
                shown[member] = Value::Null;
            }
            shown
        };
        assert_eq!(shown(&here), shown(&there));
    }
}

#[test]
fn an_import_that_is_killed_is_begun_again_and_adds_each_once() {
    let play = organization();
    let lines: Vec<String> = (0..600).map(|number| line(&format!("bot-{number}"))).collect();
    play.write("agents.ndjson", lines.join("\n"));
    let mut kills = 0;
    for wait in [150, 300, 450] {
        let mut child = Command::new(env!("CARGO_BIN_EXE_legation"))
            .args(["agent", "import", "agents.ndjson"])
            .current_dir(play.folder.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_millis(wait));
        if child.try_wait().unwrap().is_none() {
            child.kill().unwrap();
            kills += 1;
        }
        child.wait().unwrap();
    }
    assert!(kills > 0, "none was killed");
    let told = play.json("agent import agents.ndjson");
    let sum = told["added"].as_i64().unwrap() + told["there"].as_i64().unwrap();
    assert_eq!((sum, &told["refused"]), (600, &json!(0)));
    assert_eq!(count(&play), 600);
    assert_eq!(
        play.json("delegation list")["delegations"].as_array().unwrap().len(),
        601,
        "one for each, and the team's"
    );
    play.json("doctor");
}

/// A gigabyte, of which one line is no text and the next one has no end for most of it: what is kept of it is one line.
#[test]
fn a_gigabyte_with_a_bad_byte_takes_no_more_memory_than_a_line_and_the_good_lines_are_kept() {
    const GIGABYTE: usize = 1 << 30;
    let play = organization();
    let mut child = Command::new(env!("CARGO_BIN_EXE_legation"))
        .args(["agent", "import", "-", "--json"])
        .current_dir(play.folder.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let mut written = 0;
    let mut write = |bytes: &[u8]| {
        written += bytes.len();
        input.write_all(bytes).unwrap();
    };
    // As long as lines may be.
    let spaces = " ".repeat(60_000);
    for number in 0..300 {
        write(format!("{}{spaces}\n", line(&format!("bot-{number}"))).as_bytes());
    }
    write(b"{\"name\":\"b\xffd\",\"models\":[\"standard\"]}\n");
    let block = vec![b'x'; 1 << 20];
    while written < GIGABYTE {
        let left = block.len().min(GIGABYTE - written);
        input.write_all(&block[..left]).unwrap();
        written += left;
    }
    input.write_all(format!("\n{}\n", line("last")).as_bytes()).unwrap();
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    drop(input);
    let output = child.wait_with_output().unwrap();
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&told["lines"], &told["added"], &told["refused"]), (&json!(303), &json!(301), &json!(2)));
    let refused: Vec<&Value> =
        told["refusedLines"].as_array().unwrap().iter().map(|one| &one["line"]).collect();
    assert_eq!(refused, [&json!(301), &json!(302)]);
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let peak: u64 = peak.trim().split(' ').next().unwrap().parse().unwrap();
    assert!(peak < 100 << 10, "{peak} KiB at most");
}
