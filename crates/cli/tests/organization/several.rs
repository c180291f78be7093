//! Several organizations of one folder: how one is added, which one a command means, and what concerns them all.

use crate::{common::Play, organization, refused};
use serde_json::{Value, json};
use std::os::unix::fs::PermissionsExt;

/// One at `acme.example`, one at `b.example`.
fn two() -> Play {
    let play = organization();
    let made = play.run("init b.example --beside");
    assert!(made.status == 0 && made.stdout.contains("started again"), "{made:?}");
    play
}

#[test]
fn one_more_is_added_only_where_that_is_said_and_each_has_its_own_admin() {
    let play = organization();
    let before = play.read("legation/admin.jwt");
    refused(&play, "init b.example", (2, "file"), &["--beside", "--data-dir"]);
    refused(&play, "init b.example --beside --data-dir none", (2, "file"), &["legation init"]);
    refused(&play, "init acme.example --beside", (2, "file"), &["did:web:acme.example already"]);
    let made = play.json("init b.example --beside");
    assert_eq!(made["did"], "did:web:b.example");
    let own = play.path("legation/organizations/b.example");
    assert_eq!(std::fs::metadata(&own).unwrap().permissions().mode() & 0o777, 0o700);
    let mode = std::fs::metadata(own.join("admin.key")).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o600);
    assert_eq!(play.read("legation/admin.jwt"), before, "the first one's stays");
    for (of, path) in
        [("acme.example", "legation/admin.jwt"), ("b.example", "legation/organizations/b.example/admin.jwt")]
    {
        let admins = play.json(&format!("admin list --organization {of}"))["admins"].clone();
        assert_eq!(admins.as_array().unwrap().len(), 1, "{admins}");
        assert!(play.json(&format!("admin show {} --organization {of}", admins[0]["did"].as_str().unwrap()))
            ["secured"].as_str().is_some_and(|secured| secured == play.read(path)));
    }
}

#[test]
fn each_command_says_which_one_it_means_by_an_option_or_by_the_environment() {
    let play = two();
    for command in
        ["agent list", "team list", "admin list", "publish --out www", "delegation graph", "receipt list"]
    {
        refused(
            &play,
            command,
            (2, "organization_unnamed"),
            &["--organization", "`acme.example`", "`b.example`"],
        );
    }
    refused(
        &play,
        "agent list --organization c.example",
        (2, "no_organization"),
        &["`c.example`", "`b.example`"],
    );
    refused(&play, "agent list --organization /", (2, "domain_invalid"), &[]);
    for of in ["b.example", "did:web:b.example"] {
        assert_eq!(play.json(&format!("agent list --organization {of}"))["agents"], json!([]));
    }
    let by_environment = std::process::Command::new(env!("CARGO_BIN_EXE_legation"))
        .args(["agent", "add", "bot", "--models", "*", "--json"])
        .env("LEGATION_ORGANIZATION", "b.example")
        .current_dir(play.folder.path())
        .output()
        .unwrap();
    let added: Value = serde_json::from_slice(&by_environment.stdout).unwrap();
    assert_eq!(added["did"], "did:web:b.example:bot");
    refused(&play, "agent show bot --organization acme.example", (1, "not_found"), &["`bot`"]);
    // With one alone nothing has to be said, and nothing else may be.
    let one = organization();
    one.json("agent list");
    refused(&one, "agent list --organization b.example", (2, "no_organization"), &["`acme.example`"]);
}

#[test]
fn no_organization_is_published_in_the_place_of_an_agent_or_a_route_nor_they_in_its() {
    let play = organization();
    for wrong in
        ["acme.example/", "acme.example/a/b", "acme.example/teams", "acme.example/token", "acme.example/.."]
    {
        let ran = play.run(&format!("init {wrong} --beside --json"));
        assert_eq!(ran.status, 2, "{wrong}: {ran:?}");
    }
    play.json("agent add bot --models *");
    refused(&play, "init acme.example/bot --beside", (2, "name_taken"), &["`bot`", "an agent"]);
    play.json("agent retire bot --organization acme.example");
    refused(&play, "init acme.example/bot --beside", (2, "name_taken"), &["`bot`"]);
    play.write(
        "files/shop.toml",
        "[[route]]\nname = \"shop\"\npath = \"/shop/api/\"\nupstream = \"https://shop.example/\"\n",
    );
    play.json("apply --files files");
    refused(&play, "init acme.example/shop --beside", (2, "name_taken"), &["`shop`", "route"]);
    play.json("init acme.example/sales --beside");
    let of = "--organization acme.example";
    refused(
        &play,
        &format!("agent add sales --models * {of}"),
        (1, "name_taken"),
        &["`sales`", "another organization"],
    );
    play.write(
        "agents.ndjson",
        "{\"name\":\"sales\",\"models\":[\"*\"]}\n{\"name\":\"good\",\"models\":[\"*\"]}\n",
    );
    let imported = play.run(&format!("agent import agents.ndjson {of} --json"));
    assert!(imported.stdout.contains("name_taken") || imported.stderr.contains("taken"), "{imported:?}");
    play.json(&format!("agent show good {of}"));
    refused(&play, &format!("agent show sales {of}"), (1, "not_found"), &[]);
    play.write(
        "files/sales.toml",
        "[[route]]\nname = \"sales\"\npath = \"/sales/api/\"\nupstream = \"https://shop.example/\"\n",
    );
    let applied = play.run(&format!("apply --files files {of} --json"));
    assert!(applied.status != 0 && applied.stdout.contains("another organization"), "{applied:?}");
    // Below its own name it has what it wants, and `sales` of another domain is nobody's.
    play.json("agent add bot --models * --organization acme.example/sales");
    play.json("init b.example --beside");
    play.json("agent add sales --models * --organization b.example");
}

#[test]
fn what_is_published_as_files_of_one_by_a_name_lies_below_that_name() {
    let play = organization();
    play.json("init acme.example/sales --beside");
    for of in ["acme.example", "acme.example/sales"] {
        play.json(&format!("agent add bot --models * --organization {of}"));
        play.json(&format!("publish --out www --organization {of}"));
    }
    let id = |path: &str| serde_json::from_str::<Value>(&play.read(path)).unwrap()["id"].clone();
    for (path, did) in [
        ("www/.well-known/did.json", "did:web:acme.example"),
        ("www/bot/did.json", "did:web:acme.example:bot"),
        ("www/sales/did.json", "did:web:acme.example:sales"),
        ("www/sales/bot/did.json", "did:web:acme.example:sales:bot"),
        ("www/sales/teams/default/did.json", "did:web:acme.example:sales:teams:default"),
    ] {
        assert_eq!(id(path), did);
    }
    assert!(play.path("www/sales/status/1").exists() && !play.path("www/sales/.well-known").exists());
}

#[test]
fn the_master_key_of_all_is_replaced_and_all_of_them_are_backed_up_and_come_back_apart() {
    let play = two();
    let works = |data: &str, name: &str| {
        for of in ["acme.example", "b.example"] {
            play.json(&format!("agent add {name} --models * --organization {of} --data-dir {data}"));
        }
    };
    works("legation", "before");
    play.json("master-key rotate");
    works("legation", "after");
    play.json("backup all.backup");
    let restored = play.json("restore all.backup --data-dir again");
    assert_eq!(restored["domains"], json!(["acme.example", "b.example"]));
    std::fs::copy(play.path("legation/master.key"), play.path("again/master.key")).unwrap();
    refused(&play, "restore --reopen --data-dir again", (2, "organization_unnamed"), &["`b.example`"]);
    play.json("restore --reopen --all --data-dir again --organization b.example");
    // The other one stays closed for as long as nobody opens it.
    let closed = play.run("agent add x --models * --data-dir again --organization acme.example --json");
    assert_eq!(closed.json()["error"], "store_restored", "{closed:?}");
    play.json("restore --reopen --all --data-dir again --organization acme.example");
    works("again", "later");
    for of in ["acme.example", "b.example"] {
        assert!(
            play.path(&format!("again/organizations/{of}")).is_dir(),
            "none writes into the other's folder"
        );
    }
    play.json("admin recover --data-dir again --organization b.example");
    assert!(play.path("again/organizations/b.example/admin.key").exists());
    std::fs::remove_file(play.path("again/master.key")).unwrap();
    let lost = play.json("master-key lost --make-keys-anew --data-dir again");
    assert!(lost["keys"].as_u64() > Some(8), "{lost}");
    works("again", "anew");
    refused(&play, "master-key lost --make-keys-anew --data-dir again", (1, "not_lost"), &[]);
}

#[test]
fn one_that_is_not_made_leaves_no_folder_behind() {
    let play = organization();
    play.json("agent add sales --models *");
    let made = play.run("init acme.example/sales --beside --json");
    assert_eq!(made.json()["error"], "name_taken", "{made:?}");
    assert!(std::fs::read_dir(play.path("legation/organizations")).unwrap().next().is_none());
    // What needs to know whose files are meant goes on as with one.
    assert_eq!(play.run("log verify").status, play.run("log verify --organization acme.example").status);
    assert_eq!(play.run("agent list").status, 0);
}

#[test]
fn the_master_key_is_not_replaced_while_one_of_them_is_closed() {
    let play = two();
    play.json("backup all.backup");
    play.json("restore all.backup --data-dir again");
    std::fs::copy(play.path("legation/master.key"), play.path("again/master.key")).unwrap();
    play.json("restore --reopen --all --data-dir again --organization acme.example");
    let refused = play.run("master-key rotate --data-dir again --json");
    assert_eq!(refused.json()["error"], "store_restored", "{refused:?}");
    assert!(!play.path("again/master.key.new").exists(), "nothing was begun");
    play.json("restore --reopen --all --data-dir again --organization b.example");
    play.json("master-key rotate --data-dir again");
}
