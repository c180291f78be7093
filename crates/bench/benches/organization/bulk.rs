//! Many agents at once, beside their rows inserted bare and their keys and signatures made bare.

use crate::{Report, world::World};
use legation_keys::{Algorithm, SecretKey, Signer};
use rusqlite::{Connection, params_from_iter, types::Value};
use std::{
    fmt::Write as _,
    fs,
    io::Write as _,
    process::Stdio,
    thread,
    time::{Duration, Instant},
};

/// Rows of one transaction: as many agents as the command adds in one.
const TOGETHER: i64 = 256;
/// Bytes of a delegation that are signed.
const SIGNED: usize = 1300;

pub(crate) fn measure(world: &World, agents: u32, report: &mut Report) {
    let path = world.work.join("agents.ndjson");
    let mut file = std::io::BufWriter::new(fs::File::create(&path).unwrap());
    for number in 0..agents {
        let tag = number % 50;
        writeln!(
            file,
            r#"{{"name":"agent-{number:07}","team":"default","models":["*"],"budgets":["5USD/day"],"tags":["t{tag}"],"owner":"ada","purpose":"mail"}}"#
        )
        .unwrap();
    }
    file.into_inner().unwrap().sync_all().unwrap();
    world.json("init localhost --data-dir bulk");
    let begin = Instant::now();
    let mut command = world.command("agent import agents.ndjson --data-dir bulk --json");
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut most = 0;
    while child.try_wait().unwrap().is_none() {
        most = most.max(memory(child.id()));
        thread::sleep(Duration::from_millis(20));
    }
    let took = begin.elapsed().as_secs_f64();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let added: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(added["added"], agents);
    let rows = rows(world);
    let signatures = signatures(agents);
    let ratio = (rows + signatures) / took;
    #[allow(clippy::cast_precision_loss)]
    let megabytes = most as f64 / 1024.0;
    for (what, number) in [
        ("s", took),
        ("agents/s", f64::from(agents) / took),
        ("MB at most", megabytes),
        ("rows bare s", rows),
        ("keys and signatures bare s", signatures),
        ("bare ÷ ours", ratio),
    ] {
        report.add("bulk", what, number);
    }
    let mut found = String::new();
    write!(found, "{:.0} a second, {ratio:.2} of the yardstick; {megabytes:.0} MB", f64::from(agents) / took)
        .unwrap();
    report.row(&format!("{agents} agents registered"), &found, "≥ 0.5; ≤ 512 MB");
}

/// KiB that a process has at most had in memory.
fn memory(id: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|number| number.parse().ok()).unwrap_or_default()
}

/// Seconds that the same rows take, inserted into the same tables with the same indices.
fn rows(world: &World) -> f64 {
    let from = Connection::open(world.work.join("bulk/store.sqlite")).unwrap();
    let path = world.work.join("bare.sqlite");
    let mut to = Connection::open(&path).unwrap();
    to.execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;").unwrap();
    let mut schema = from
        .prepare("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%' ORDER BY type DESC")
        .unwrap();
    let statements: Vec<String> =
        schema.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    for statement in statements {
        to.execute_batch(&statement).unwrap();
    }
    // Whose all rows are: the tables refer to it.
    let all = read(&from, "organization", 1);
    let marks = vec!["?"; all[0].len()].join(",");
    to.execute(&format!("INSERT INTO organization VALUES ({marks})"), params_from_iter(&all[0])).unwrap();
    let tables = ["holder", "holder_key", "holder_version", "holder_tag", "link", "event"];
    let most: i64 = tables
        .iter()
        .map(|table| {
            from.query_row(&format!("SELECT MAX(rowid) FROM {table}"), [], |row| row.get(0)).unwrap()
        })
        .max()
        .unwrap();
    let mut took = Duration::ZERO;
    let mut first = 0;
    while first <= most {
        let rows: Vec<(usize, Vec<Vec<Value>>)> =
            tables.iter().enumerate().map(|(number, table)| (number, read(&from, table, first))).collect();
        let begin = Instant::now();
        let transaction = to.transaction().unwrap();
        for (number, rows) in &rows {
            let Some(columns) = rows.first().map(Vec::len) else { continue };
            let marks = vec!["?"; columns].join(",");
            let mut insert = transaction
                .prepare_cached(&format!("INSERT INTO {} VALUES ({marks})", tables[*number]))
                .unwrap();
            for row in rows {
                insert.execute(params_from_iter(row)).unwrap();
            }
        }
        transaction.commit().unwrap();
        took += begin.elapsed();
        first += TOGETHER;
    }
    took.as_secs_f64()
}

fn read(from: &Connection, table: &str, first: i64) -> Vec<Vec<Value>> {
    let mut select =
        from.prepare_cached(&format!("SELECT * FROM {table} WHERE rowid >= ? AND rowid < ?")).unwrap();
    let columns = select.column_count();
    let rows = select
        .query_map([first, first + TOGETHER], |row| (0..columns).map(|column| row.get(column)).collect())
        .unwrap();
    rows.map(Result::unwrap).collect()
}

/// Seconds that as many keys take, made and signed with once each.
fn signatures(agents: u32) -> f64 {
    let signer = SecretKey::generate(Algorithm::EdDsa).unwrap();
    let message = [b'x'; SIGNED];
    let begin = Instant::now();
    for _ in 0..agents {
        std::hint::black_box(SecretKey::generate(Algorithm::EdDsa).unwrap());
        std::hint::black_box(signer.sign(&message).unwrap());
    }
    begin.elapsed().as_secs_f64()
}
