//! What is spent, as a gateway that runs counts it: budgets, spend, receipts.

use crate::{
    common::{Play, free_port},
    refused,
};
use serde_json::{Value, json};
use std::{
    io::{Read, Write},
    net::TcpStream,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

/// `legation up --dev` with its scripted model, ended when the test is.
struct Up {
    child: Child,
    port: u16,
}

impl Up {
    fn start(play: &Play) -> Self {
        let port = free_port();
        let child = Command::new(env!("CARGO_BIN_EXE_legation"))
            .args(["up", "--dev", "--listen", &format!("127.0.0.1:{port}"), "--admin-listen", "127.0.0.1:0"])
            .current_dir(play.folder.path())
            .env_remove("OPENAI_API_KEY")
            .env_remove("OPENAI_BASE_URL")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let up = Self { child, port };
        let begin = Instant::now();
        while up.request("GET", "/healthz", "", "").is_none() {
            assert!(begin.elapsed() < Duration::from_secs(30), "it does not come up");
            thread::sleep(Duration::from_millis(50));
        }
        up
    }

    /// The status of an answer, once there is one.
    fn request(&self, method: &str, path: &str, key: &str, body: &str) -> Option<u16> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: localhost:{}\r\nAuthorization: Bearer {key}\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
            self.port,
            body.len()
        );
        stream.write_all(request.as_bytes()).ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        answer.split(' ').nth(1)?.parse().ok()
    }

    fn ask(&self, key: &str) -> u16 {
        self.ask_for(key, "")
    }

    fn ask_for(&self, key: &str, user: &str) -> u16 {
        let messages = json!([{"role": "user", "content": "hello"}]);
        let body = json!({"model": "scripted", "messages": messages, "max_tokens": 20, "user": user});
        self.request("POST", "/v1/chat/completions", key, &body.to_string()).unwrap()
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits until a command's JSON is as it should be: settling and signing go on behind an answer.
fn wait(play: &Play, command: &str, is_so: impl Fn(&Value) -> bool) -> Value {
    let begin = Instant::now();
    loop {
        let json = play.json(command);
        if is_so(&json) {
            return json;
        }
        assert!(begin.elapsed() < Duration::from_secs(20), "{command}: {json}");
        thread::sleep(Duration::from_millis(100));
    }
}

fn key_of(play: &Play, agent: &str) -> String {
    play.json(&format!("api-key create {agent}"))["secret"].as_str().unwrap().to_owned()
}

#[test]
fn what_calls_cost_stands_in_budgets_spend_and_receipts() {
    let play = Play::new();
    let up = Up::start(&play);
    // While it runs, commands change the same folder.
    play.json("agent add bot --models standard --budget 5USD/day --budget 100USD/1h");
    let key = key_of(&play, "bot");
    assert_eq!((up.ask(&key), up.ask(&key)), (200, 200));

    let list = wait(&play, "receipt list bot", |list| list["receipts"].as_array().unwrap().len() == 4);
    let settled: Vec<&Value> =
        list["receipts"].as_array().unwrap().iter().filter(|one| one["decision"] == "settle").collect();
    assert_eq!(settled.len(), 2);
    let cost: i64 = settled.iter().map(|one| one["amountMicros"].as_i64().unwrap()).sum();
    assert!(cost > 0);
    for one in list["receipts"].as_array().unwrap() {
        assert_eq!(
            (&one["agent"], &one["model"], &one["currency"]),
            (&json!("bot"), &json!("scripted"), &json!("USD"))
        );
    }

    // What the gateway judges the next call by is what is shown.
    for budget in play.json("budget show bot")["budgets"].as_array().unwrap() {
        assert_eq!(budget["takenMicros"], json!(cost), "{budget}");
    }
    assert_eq!(play.json("agent show bot")["budgets"][0]["takenMicros"], json!(cost));
    assert_eq!(up.ask_for(&key, "alice, of sales"), 200);
    let by_user = wait(&play, "spend --by end-user", |json| json["spent"].as_array().unwrap().len() == 2);
    let mut users: Vec<&str> =
        by_user["spent"].as_array().unwrap().iter().map(|one| one["endUser"].as_str().unwrap()).collect();
    users.sort_unstable();
    assert_eq!(users, ["", "alice, of sales"]);
    let csv = play.run("spend --by end-user,agent --csv").stdout;
    assert!(csv.starts_with("end-user,agent,currency,calls,amount\n"), "{csv}");
    assert!(csv.contains("\"alice, of sales\",bot,USD,1,"), "{csv}");
    let cost = by_user["spent"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["amountMicros"].as_i64().unwrap())
        .sum::<i64>();
    let spent = play.json("spend --by agent");
    assert_eq!(
        spent["spent"],
        json!([{"agent": "bot", "currency": "USD", "calls": 3, "amountMicros": cost, "amount": settled_text(cost)}])
    );
    assert_eq!(play.json("spend --by model")["spent"][0]["model"], "scripted");
    let of_teams = play.json("spend --by team,model");
    assert_eq!(
        (&of_teams["spent"][0]["team"], &of_teams["spent"][0]["model"]),
        (&json!("default"), &json!("scripted"))
    );
    let csv = play.run("spend --since 7d --csv").stdout;
    assert_eq!(csv.lines().next().unwrap(), "agent,model,currency,calls,amount");
    assert!(csv.lines().nth(1).unwrap().starts_with("bot,scripted,USD,3,0."), "{csv}");
    assert!(play.run("spend").stdout.contains(" since "));

    // A raised budget keeps what was taken.
    play.json("budget raise bot 6USD/day");
    assert_eq!(play.json("budget show bot")["budgets"][1]["takenMicros"], json!(cost));

    // Blocked while it runs: refused on the next call, and that has a receipt.
    let id = play.json("api-key list bot")["keys"][0]["id"].as_str().unwrap().to_owned();
    play.json(&format!("api-key block {id}"));
    assert_eq!(up.ask(&key), 401);
    assert_eq!(up.ask(&key), 401);
    let text = play.run("receipt list bot --last 1").stdout;
    assert!(text.contains("deny ×2") && text.contains("api_key_blocked"), "{text}");
}

fn settled_text(micros: i64) -> String {
    legation_credential::money::money(micros, "USD")
}

#[test]
fn a_signed_receipt_is_written_so_that_anybody_can_verify_it() {
    let play = Play::new();
    let up = Up::start(&play);
    play.json("agent add bot --models standard --budget 5USD/day");
    assert_eq!(up.ask(&key_of(&play, "bot")), 200);
    let list = wait(&play, "receipt list bot", |list| {
        let all = list["receipts"].as_array().unwrap();
        all.len() == 2 && all.iter().all(|one| one["signed"] == true)
    });
    let did = format!("did:web:localhost%3A{}", up.port);
    for one in list["receipts"].as_array().unwrap() {
        let (seq, kind) = (one["seq"].as_i64().unwrap(), one["decision"].as_str().unwrap());
        let shown = play.json(&format!("receipt show {seq}"));
        assert_eq!((&shown["receipt"]["decision"], &shown["agent"]), (&json!(kind), &json!("bot")));
        let written = play.json(&format!("receipt show {seq} --out {kind}.jwt"));
        assert_eq!(written["file"], json!(format!("{kind}.jwt")));
        refused(&play, &format!("receipt show {seq} --out {kind}.jwt"), (2, "file"), &["--force"]);
        let verified = play
            .json(&format!("receipt verify {kind}.jwt --signer {did} --allow-private --http-on-loopback"));
        assert_eq!(verified["receipt"], shown["receipt"]);
    }
    refused(&play, "receipt show 999", (1, "not_found"), &["receipt 999"]);
    refused(&play, "receipt show 0", (2, "usage"), &[]);
    refused(&play, "receipt list nobody", (1, "not_found"), &["agent `nobody`"]);
    refused(&play, "receipt list --last 0", (2, "usage"), &[]);
    assert!(play.run("receipt list").stdout.contains("at most "), "a permit says the most that it may cost");
}

#[test]
fn where_nothing_was_spent_that_is_said() {
    let play = crate::with_bot();
    assert!(play.run("spend --since 1h").stdout.starts_with("nothing was spent since 20"));
    assert_eq!(play.json("spend")["spent"], json!([]));
    assert_eq!(play.run("spend --csv").stdout, "agent,model,currency,calls,amount\n");
    assert_eq!(play.run("receipt list").stdout, "there is no receipt yet\n");
    refused(&play, "spend --since yesterday", (2, "usage"), &["7d"]);
    refused(&play, "spend --by user", (2, "usage"), &["team", "agent", "model"]);
}
