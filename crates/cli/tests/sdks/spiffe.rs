//! The SPIFFE client for Python at the Workload API of `legation up`.

use crate::{
    common::{Play, typed::root},
    running::Up,
};
use serde_json::{Value, json};
use std::{os::unix::fs::MetadataExt, process::Command};

#[test]
#[ignore = "needs tests/sdks/install"]
fn the_python_client_has_svids_and_bundles_from_the_socket_and_finds_them_good() {
    let play = Play::new();
    // gRPC's C library says the whole path as the authority, which is one where it ends as a host behind an `@` does.
    let socket = play.folder.path().join("workload@localhost");
    let user = std::fs::metadata(play.folder.path()).unwrap().uid();
    let (path, named) = (socket.display().to_string(), format!("{user}=crm"));
    let _up = Up::dev(&play, &["--workload-socket", &path, "--workload", &named], &[]);
    let may = "--action crm:read --action svid:issue --resource https://api.example/ --resource https://api.example/*";
    play.json(&format!("team add sales {may}"));
    play.json(&format!("agent add crm --team sales {may}"));
    let asked = json!({"socket": path, "audience": "https://api.example", "other": "https://other.example"});
    let place = root("target/sdks");
    assert!(place.join("installed").exists(), "the SDKs are missing: run tests/sdks/install");
    let output = Command::new("python3")
        .arg(root("tests/sdks/spiffe_workload.py"))
        .arg(asked.to_string())
        .env("PYTHONPATH", place.join("python"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(told["id"].as_str().unwrap().ends_with("/crm"), "{told}");
    assert_eq!(told["same"], true, "{told}");
    for refused in ["other", "denied", "several", "boss", "x509"] {
        assert_ne!(told[refused], "", "{refused}: {told}");
    }
}
