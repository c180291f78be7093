//! Who may use a proxy: not a page in a browser, and not another user of the machine.

use crate::world::{World, exchange, send, told};
use serde_json::json;
use std::{
    fs::Permissions,
    os::unix::{fs::PermissionsExt, net::UnixStream, process::CommandExt},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

#[test]
fn without_the_token_of_the_run_at_the_very_host_or_from_a_page_nothing_passes() {
    let world = World::new(&[]);
    let (proxy, other) = (world.proxy("mail.agent"), world.proxy("mail.agent"));
    let (host, bearer) = (proxy.host(), proxy.bearer());
    let models = |headers: &str| told(send(proxy.port, "GET /v1/models", headers, ""));
    assert_eq!(models(&format!("{host}{bearer}")).0, 200);
    assert_eq!(models(&format!("{host}x-api-key: {}\r\n", proxy.token)).0, 200);
    let code = |code: &str, status: u16| (status, code.to_owned());
    assert_eq!(models(&host), code("token_missing", 401));
    assert_eq!(models(&format!("{host}{}", other.bearer())), code("token_missing", 401), "of another run");
    assert_eq!(
        models(&format!("{host}authorization: Bearer {}\r\n", world.up.key)),
        code("token_missing", 401)
    );
    // DNS rebinding: a page of another name that points here.
    for name in
        [format!("localhost:{}", proxy.port), format!("evil.example:{}", proxy.port), "127.0.0.1".to_owned()]
    {
        assert_eq!(models(&format!("host: {name}\r\n{bearer}")), code("host_refused", 403), "{name}");
    }
    for page in ["origin: http://evil.example\r\n", "origin: null\r\n", "sec-fetch-site: cross-site\r\n"] {
        assert_eq!(models(&format!("{host}{bearer}{page}")), code("browser_refused", 403), "{page}");
    }
    let preflight = "origin: http://evil.example\r\naccess-control-request-method: POST\r\n";
    let asked = send(proxy.port, "OPTIONS /v1/chat/completions", &format!("{host}{preflight}"), "");
    assert_eq!(told(asked), code("browser_refused", 403));
    // The token of a run means nothing to the gateway.
    let at_gateway = format!("host: localhost:{}\r\n{bearer}", world.up.port);
    assert_eq!(told(send(world.up.port, "GET /v1/models", &at_gateway, "")), code("api_key_unknown", 401));
}

#[test]
fn a_socket_is_its_owners_alone_and_is_gone_with_the_proxy() {
    let world = World::new(&[]);
    let path = world.play.path("agent.sock");
    let mut child = world.start("mail.agent", "./agent.sock", Stdio::null());
    let begin = Instant::now();
    while !path.exists() {
        assert!(begin.elapsed() < Duration::from_secs(20), "it does not listen");
        std::thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let models = |headers: &str| {
        let mut stream = UnixStream::connect(&path).unwrap();
        exchange(&mut stream, "GET /v1/models", headers, "")
    };
    assert_eq!(models("host: agent\r\n").1["data"][0]["id"], "scripted");
    assert_eq!(told(models("host: agent\r\norigin: null\r\n")), (403, "browser_refused".to_owned()));
    // Another proxy does not take it away, and nothing that is no socket is.
    let second = world.play.run(&format!(
        "agent proxy --key mail.agent --gateway {} --listen ./agent.sock --json",
        world.gateway()
    ));
    assert_eq!(second.json()["error"], "already_running", "{second:?}");
    let file = world.play.run(&format!(
        "agent proxy --key mail.agent --gateway {} --listen ./mail.key --json",
        world.gateway()
    ));
    assert_eq!(file.json()["error"], "not_a_socket", "{file:?}");
    for address in ["0.0.0.0:0", "192.0.2.1:80", "nowhere"] {
        let open = world
            .play
            .run(&format!("agent proxy --key mail.agent --gateway {} --listen {address}", world.gateway()));
        assert_eq!(open.status, 2, "{open:?}");
    }
    others(&world, &path);
    // As a shell ends it.
    let ended = Command::new("sh").args(["-c", &format!("kill {}", child.0.id())]).status().unwrap();
    assert!(ended.success() && child.0.wait().unwrap().success());
    assert!(!path.exists(), "it is removed");
}

/// Another user gets in neither by the mode nor, where somebody has opened that, by who it is.
fn others(world: &World, path: &std::path::Path) {
    let is_root = Command::new("id").arg("-u").output().unwrap().stdout == b"0\n";
    if !is_root {
        eprintln!("note: only root can be another user; what the mode says was tested, and not who connects");
        return;
    }
    std::fs::set_permissions(world.play.folder.path(), Permissions::from_mode(0o755)).unwrap();
    let script = "use Socket; socket(S, PF_UNIX, SOCK_STREAM, 0); connect(S, sockaddr_un($ARGV[0])) or die $!; \
                  syswrite(S, qq(GET /v1/models HTTP/1.1\r\nhost: a\r\n\r\n)); sysread(S, $b, 100); print $b";
    let as_nobody = || {
        let mut command = Command::new("perl");
        let output = command.args(["-e", script]).arg(path).uid(65534).output().unwrap();
        (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    let (said, error) = as_nobody();
    assert!(said.is_empty() && error.contains("Permission denied"), "{said} {error}");
    std::fs::set_permissions(path, Permissions::from_mode(0o666)).unwrap();
    let (said, error) = as_nobody();
    // It is connected, and the connection ends without a word.
    assert!(said.is_empty() && error.is_empty(), "{said} {error}");
}

#[test]
fn what_is_no_request_for_the_gateway_goes_nowhere() {
    let world = World::new(&[]);
    let proxy = world.proxy("mail.agent");
    let own = format!("{}{}", proxy.host(), proxy.bearer());
    let status = |line: &str, more: &str, body: &str| send(proxy.port, line, &format!("{own}{more}"), body).0;
    assert_eq!(status("TRACE /v1/models", "", ""), 405);
    assert_eq!(status("GET http://evil.example/v1/models", "", ""), 400, "another host in the target");
    assert_eq!(status("CONNECT evil.example:443", "", ""), 400);
    assert_eq!(status("POST /v1/chat/completions", "content-encoding: gzip\r\n", "{}"), 415);
    let twice = "content-type: application/json\r\ncontent-type: text/plain\r\n";
    assert_eq!(status("POST /v1/chat/completions", twice, "{}"), 400);
    // Signatures of others, cookies and identities do not go on.
    let forged = "signature: a=:b:\r\nsignature-input: a=()\r\nagent-delegation: ey\r\ncookie: a=b\r\nx-forwarded-user: root\r\n";
    assert_eq!(status("GET /v1/models", forged, ""), 200);
    for path in ["/v1/../admin", "/v1/%2e%2e/x", "//evil.example/v1/models", "/v1/files/file-1", "/v1/self/x"]
    {
        let status = status(&format!("GET {path}"), "", "");
        assert!((400..500).contains(&status), "{path}: {status}");
    }
    // The gateway is not there.
    let lone = world.play.run("agent proxy --key mail.agent --gateway ftp://localhost --json");
    assert_eq!(lone.status, 2, "{lone:?}");
    let json = json!({});
    assert_eq!(proxy.chat(&json).0, 200);
    drop(world.up);
    assert_eq!(told(proxy.chat(&json)), (503, "gateway_unreachable".to_owned()));
}
