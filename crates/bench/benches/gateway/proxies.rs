//! Yardsticks: nginx as a plain proxy, Envoy as a plain proxy and with `jwt_authn` (ES256, keys from its configuration, as by
//! default without its cache of tokens).

use crate::{
    machine::Folders,
    peer::Peer,
    process::{self, Running},
};
use legation_keys::{Algorithm, SecretKey, Signer, jws};
use serde_json::{Value, json};
use std::{
    fs,
    net::SocketAddr,
    path::Path,
    process::Command,
    time::{SystemTime, UNIX_EPOCH},
};

pub(crate) struct Proxy {
    pub(crate) peer: Peer,
    _running: Running,
}

/// Starts those that are installed.
pub(crate) fn start(folders: &Folders, upstream: SocketAddr) -> Vec<Proxy> {
    let mut started = Vec::new();
    if Path::new("/usr/sbin/nginx").exists() {
        started.push(nginx(folders, upstream));
    }
    if folders.work.join("envoy/bin/envoy").exists() {
        let key = SecretKey::generate(Algorithm::Es256).unwrap();
        started.push(envoy(folders, upstream, None));
        started.push(envoy(folders, upstream, Some(&key)));
    }
    started
}

fn nginx(folders: &Folders, upstream: SocketAddr) -> Proxy {
    let address = process::free_address();
    let config = fs::read_to_string(folders.own.join("nginx.conf")).unwrap();
    let config = config.replace("LISTEN", &address.to_string()).replace("UPSTREAM", &upstream.to_string());
    let home = folders.work.join("nginx");
    fs::create_dir_all(&home).unwrap();
    fs::write(home.join("nginx.conf"), config).unwrap();
    let mut command = Command::new("/usr/sbin/nginx");
    command.arg("-p").arg(&home).args(["-c", "nginx.conf", "-e", "stderr"]);
    let running = process::start(folders, "nginx.log", &command);
    process::wait_for(address);
    Proxy { peer: Peer::plain("nginx, plain proxy", address), _running: running }
}

fn envoy(folders: &Folders, upstream: SocketAddr, key: Option<&SecretKey>) -> Proxy {
    let address = process::free_address();
    let name = if key.is_some() { "envoy-jwt" } else { "envoy" };
    let config = fs::read_to_string(folders.own.join("envoy.yaml")).unwrap();
    let mut config = config.replace("LISTEN_PORT", &address.port().to_string());
    config = config.replace("UPSTREAM_PORT", &upstream.port().to_string());
    let (before, after) = (config.find("# jwt_authn begins"), config.find("# jwt_authn ends"));
    let mut peer = Peer::plain("Envoy, plain proxy", address);
    if let Some(key) = key {
        let (jwks, token) = token(key);
        config = config.replace("JWKS", &format!("'{jwks}'"));
        peer = Peer::plain("Envoy, jwt_authn ES256", address).with_bearer(token);
    } else {
        config.replace_range(before.unwrap()..after.unwrap(), "");
    }
    let file = folders.work.join(format!("{name}.yaml"));
    fs::write(&file, config).unwrap();
    let mut command = Command::new(folders.work.join("envoy/bin/envoy"));
    command.arg("-c").arg(&file).args([
        "--concurrency",
        "2",
        "--log-level",
        "error",
        "--use-dynamic-base-id",
    ]);
    let running = process::start(folders, &format!("{name}.log"), &command);
    process::wait_for(address);
    Proxy { peer, _running: running }
}

/// The keys that are accepted, and a token of one of them.
fn token(key: &SecretKey) -> (Value, String) {
    let mut jwk = key.public_key().to_jwk();
    jwk["kid"] = "bench".into();
    jwk["alg"] = "ES256".into();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let claims = json!({"iss": "https://bench.example", "sub": "agent", "aud": "gateway", "iat": now, "exp": now + 86_400});
    (json!({"keys": [jwk]}), jws::sign("JWT", "bench", claims.to_string().as_bytes(), key).unwrap())
}
