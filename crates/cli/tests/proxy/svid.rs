//! `legation svid get`, trust domains, and the Workload API of `legation up`.

use crate::{common::Play, running::Up, world::World};
use legation_token::svid::{Bundle, verify::signed};
use std::{
    os::unix::fs::{FileTypeExt, MetadataExt},
    time::SystemTime,
};

const API: &str = "https://api.example";

fn now() -> i64 {
    i64::try_from(SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs()).unwrap()
}

fn world(more: &[&str]) -> World {
    let play = Play::new();
    let up = Up::dev(&play, more, &[]);
    play.key("crm.key");
    let may = "--action crm:read --action svid:issue --resource https://api.example/ --resource https://api.example/*";
    play.json(&format!("team add sales {may}"));
    play.json(&format!("agent add crm --team sales --own-key crm.key {may}"));
    play.json("agent file crm --own-key crm.key --out crm.agent");
    World { play, up }
}

#[test]
fn a_script_gets_an_svid_that_holds_by_the_published_bundle() {
    let world = world(&[]);
    let get = |more: &str| {
        world.play.run(&format!("svid get --key crm.agent --gateway {} {more}", world.gateway()))
    };
    let got = get(&format!("--audience {API}"));
    assert_eq!(got.status, 0, "{got:?}");
    let bundle = Bundle::parse(world.up.text("/.well-known/spiffe-bundle").as_bytes()).unwrap();
    let domain = world.gateway().trim_start_matches("http://").replace(':', "_");
    let svid = signed(got.stdout.trim(), &bundle, &domain).unwrap();
    svid.holds(API, 300, now()).unwrap();
    assert_eq!(svid.claims().id.as_str(), format!("spiffe://{domain}/crm"));
    let json = get(&format!("--audience {API} --json"));
    assert!(json.stdout.contains("\"N_A\"") && json.stdout.contains("spiffe_id"), "{json:?}");
    let refused = get("--audience https://other.example --json");
    assert!(refused.status == 1 && format!("{refused:?}").contains("not_granted"), "{refused:?}");
    world.play.json("agent suspend crm");
    let refused = get(&format!("--audience {API} --json"));
    assert!(refused.status == 1 && format!("{refused:?}").contains("link_suspended"), "{refused:?}");
}

#[test]
fn a_trust_domain_is_written_listed_fetched_and_removed() {
    let world = world(&[]);
    let play = &world.play;
    // Its own bundle, as another organization would have it.
    let endpoint = format!("{}/.well-known/spiffe-bundle", world.gateway());
    play.write(
        "partner.json",
        format!(
            "{{\"name\": \"partner.example\", \"endpoint\": \"{endpoint}\", \
             \"workloads\": [{{\"spiffeId\": \"spiffe://partner.example/ns/crm\", \"agent\": \"crm\"}}]}}"
        ),
    );
    assert_eq!(play.json("trust-domain set partner.json")["set"][0], "partner.example");
    let mut held = serde_json::Value::Null;
    for _ in 0..200 {
        held = play.json("trust-domain list")["trust-domains"][0]["held"].clone();
        if held["fetched"].is_string() {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    assert_eq!(held["keys"], 1, "{held}");
    let told = play.run("trust-domain list");
    assert!(told.stdout.contains("partner.example") && told.stdout.contains(&endpoint), "{told:?}");
    play.write("bad.json", "{\"name\": \"partner.example\"}");
    assert_eq!(play.run("trust-domain set bad.json").status, 2);
    play.json("trust-domain remove partner.example");
    assert_eq!(play.run("trust-domain remove partner.example").status, 1);
}

#[test]
fn the_workload_socket_is_there_while_it_is_served_and_says_what_is_wrong_with_it() {
    let play = Play::new();
    let socket = play.folder.path().join("workload.sock");
    let user = std::fs::metadata(play.folder.path()).unwrap().uid();
    let (path, named) = (socket.display().to_string(), format!("{user}=crm"));
    let up = Up::dev(&play, &["--workload-socket", &path, "--workload", &named], &[]);
    let found = std::fs::symlink_metadata(&socket).unwrap();
    assert!(found.file_type().is_socket() && found.mode() & 0o777 == 0o666, "{found:?}");
    drop(up);
    for (workload, told) in [("crm", "UID=AGENT"), ("x=crm", "UID=AGENT"), ("7=", "UID=AGENT")] {
        let refused = play.run(&format!("up --workload-socket {path} --workload {workload}"));
        assert!(refused.status != 0 && refused.stderr.contains(told), "{refused:?}");
    }
}
