//! What `doctor` finds.

use crate::{common::Play, organization, refused, told, with_bot};
use legation_store::{Location, Store, StoreError, link, organization as organizations};
use serde_json::{Value, json};
use std::{fs::Permissions, os::unix::fs::PermissionsExt};

/// What is wrong, or worth a look.
fn found(play: &Play, state: &str) -> Vec<String> {
    let ran = play.run("doctor --json");
    let json = ran.json();
    let checks = json["checks"].as_array().unwrap();
    let wrong = checks.iter().any(|check| check["state"] == "wrong");
    assert_eq!((ran.status == 1, &json["ok"]), (wrong, &json!(!wrong)), "{ran:?}");
    let text =
        |check: &Value| format!("{}: {}", check["check"].as_str().unwrap(), check["text"].as_str().unwrap());
    checks.iter().filter(|check| check["state"] == state).map(text).collect()
}

fn one_wrong(play: &Play, words: &[&str]) {
    let wrong = found(play, "wrong");
    assert_eq!(wrong.len(), 1, "{wrong:?}");
    for word in words {
        assert!(wrong[0].contains(word), "`{word}` is missing in {wrong:?}");
    }
}

fn set_mode(play: &Play, name: &str, mode: u32) {
    std::fs::set_permissions(play.path(name), Permissions::from_mode(mode)).unwrap();
}

#[test]
fn a_new_organization_is_well() {
    let play = with_bot();
    let ran = play.run("doctor");
    assert_eq!(ran.status, 0, "{ran:?}");
    for check in [
        "data folder",
        "sockets",
        "master key",
        "database",
        "store",
        "signer",
        "organization",
        "keys",
        "status list",
        "delegation",
    ] {
        assert!(
            ran.stdout.lines().any(|line| line.starts_with("ok ") && line.contains(check)),
            "{check}: {}",
            ran.stdout
        );
    }
    assert!(
        ran.stdout.contains("did:web:acme.example") && ran.stdout.ends_with("all is well\n"),
        "{}",
        ran.stdout
    );
    assert_eq!(found(&play, "wrong"), [""; 0]);
    assert!(found(&play, "note")[0].contains("legation model set FILE"));
}

#[test]
fn what_others_can_read_is_told_with_the_mode_that_it_needs() {
    let play = organization();
    for (name, mode, wanted) in
        [("legation", 0o755, "chmod 700"), ("legation/store.sqlite", 0o644, "chmod 600")]
    {
        let before = std::fs::metadata(play.path(name)).unwrap().permissions().mode();
        set_mode(&play, name, mode);
        one_wrong(&play, &[name, wanted]);
        set_mode(&play, name, before);
    }
    // Without the key no signer starts either.
    set_mode(&play, "legation/master.key", 0o644);
    let wrong = found(&play, "wrong");
    assert!(
        wrong.iter().any(|text| text.starts_with("master key") && text.contains("chmod 600")),
        "{wrong:?}"
    );
    assert!(wrong.iter().any(|text| text.starts_with("signer")), "{wrong:?}");
}

#[test]
fn a_database_that_is_gone_is_told_and_not_made_anew() {
    let play = organization();
    for name in ["store.sqlite", "store.sqlite-wal", "store.sqlite-shm"] {
        let _ = std::fs::remove_file(play.path(&format!("legation/{name}")));
    }
    one_wrong(&play, &["database", "store.sqlite", "restore it from a backup"]);
    assert!(!play.path("legation/store.sqlite").exists());
}

#[test]
fn a_master_key_that_is_gone_or_another_one_is_found_out() {
    let (play, other) = (organization(), organization());
    std::fs::copy(other.path("legation/master.key"), play.path("legation/master.key")).unwrap();
    one_wrong(&play, &["keys", "is not the one that sealed them", "restore"]);
    refused(&play, "agent add bot --models standard", (3, "sealed_mismatch"), &["master key"]);
    std::fs::remove_file(play.path("legation/master.key")).unwrap();
    let wrong = found(&play, "wrong");
    assert!(
        wrong.iter().any(|text| text.starts_with("master key") && text.contains("can't be opened")),
        "{wrong:?}"
    );
}

#[test]
fn a_model_that_can_not_be_called_is_told_with_what_to_do() {
    let play = organization();
    told(&play, "secret set provider --origin https://other.example.com", "sk-1");
    told(&play, "secret set idle --origin https://api.example.com", "sk-2");
    let target =
        |secret: &str| json!([{"baseUrl": "https://api.example.com/v1", "model": "m", "secret": secret}]);
    let model = |name: &str, secret: &str| {
        json!({"group": "g", "name": name, "targets": target(secret), "maxOutputTokens": 1, "maxInputTokens": 1,
            "price": {"currency": "USD", "input": 1, "output": 1}})
    };
    let mut unpriced = model("unpriced", "provider");
    unpriced.as_object_mut().unwrap().remove("price");
    unpriced["targets"][0].as_object_mut().unwrap().remove("secret");
    play.write(
        "models.json",
        json!([model("elsewhere", "provider"), model("missing", "none"), unpriced]).to_string(),
    );
    let set = play.json("model set models.json");
    assert_eq!(set["warnings"].as_array().unwrap().len(), 3, "{set}");
    let wrong = found(&play, "wrong").join("\n");
    for word in [
        "`elsewhere` runs at https://api.example.com, but its secret `provider` goes to https://other.example.com",
        "legation secret set none --origin https://api.example.com",
        "`unpriced` has no price",
    ] {
        assert!(wrong.contains(word), "`{word}` is missing in {wrong}");
    }
    assert!(found(&play, "note").iter().any(|text| text.contains("`idle` is used by no model")));
}

#[test]
fn what_is_stale_ended_or_ends_soon_is_told_by_name() {
    let play = with_bot();
    play.json("agent add brief --models standard --valid-for 1s");
    std::thread::sleep(std::time::Duration::from_millis(1100));
    let id = play.json("delegation list brief")["delegations"][0]["id"].as_str().unwrap().to_owned();
    one_wrong(&play, &["the agent `brief`", "ended at", &format!("legation delegation renew {id}")]);
    assert_eq!(play.json("delegation list brief")["delegations"][0]["state"], "ended");
    play.json("agent retire brief");
    assert_eq!(found(&play, "wrong"), [""; 0], "who is retired needs none");
    play.json("agent add soon --models standard --valid-for 11s");
    one_wrong(&play, &["the agent `soon`", "was not renewed"]);
    play.json("agent retire soon");
    // A list that nobody signed for an hour.
    let store = Store::open(Location::Sqlite(play.path("legation/store.sqlite"))).unwrap();
    store
        .write(|tx| -> Result<(), StoreError> {
            let organization = organizations::all(tx, 1)?.remove(0);
            let mut list = link::lists(tx, &organization.id, 0, 1)?.remove(0);
            (list.valid_from, list.valid_until) = (1_699_996_400, 1_700_000_000);
            link::put_list(tx, &organization.id, &list)
        })
        .unwrap();
    drop(store);
    one_wrong(&play, &["https://acme.example/status/1", "stale since 2023-11-14T22:13:20Z", "legation up"]);
}

/// What a certificate's file says of its end.
#[test]
fn what_ends_soon_is_told_clock_room_and_certificate() {
    let play = organization();
    let ran = play.run("doctor");
    for check in ["storage", "clock", "integrity"] {
        assert!(
            ran.stdout.lines().any(|line| line.starts_with("ok ") && line.contains(check)),
            "{check}: {ran:?}"
        );
    }
    let certificate = |name: &str, days: i64| {
        let mut params = rcgen::CertificateParams::new(vec!["acme.example".to_owned()]).unwrap();
        let key = rcgen::KeyPair::generate().unwrap();
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
        let day = i64::try_from(now / 86_400).unwrap() + days;
        let (year, month, day) = civil(day);
        params.not_before = rcgen::date_time_ymd(2020, 1, 1);
        params.not_after = rcgen::date_time_ymd(year, month, day);
        play.write(name, params.self_signed(&key).unwrap().pem());
    };
    for (name, days, state, word) in [
        ("long.pem", 90, "ok", "until"),
        ("soon.pem", 5, "note", "ends at"),
        ("past.pem", -3, "wrong", "ended at"),
    ] {
        certificate(name, days);
        let ran = play.run(&format!("doctor --json --tls-cert {name}"));
        let checks = ran.json()["checks"].clone();
        let found =
            checks.as_array().unwrap().iter().find(|one| one["check"] == "certificate").unwrap().clone();
        assert_eq!(found["state"], state, "{found}");
        assert!(found["text"].as_str().unwrap().contains(word), "{found}");
    }
    let ran = play.run("doctor --tls-cert legation/legation.json");
    assert!(ran.status == 1 && ran.stdout.contains("is no certificate in PEM"), "{ran:?}");
    // A key whose time is long past.
    play.json("organization rotate --every 1h");
    let database = rusqlite::Connection::open(play.path("legation/store.sqlite")).unwrap();
    database.execute_batch("UPDATE rotation SET due = due - 86400").unwrap();
    one_wrong(&play, &["that of the organization `acme.example` was to be replaced at", "legation up"]);
}

/// Year, month and day of a day since 1970 (the proleptic Gregorian calendar).
fn civil(days: i64) -> (i32, u8, u8) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year + era * 400 + i64::from(month <= 2);
    (i32::try_from(year).unwrap(), u8::try_from(month).unwrap(), u8::try_from(day).unwrap())
}
