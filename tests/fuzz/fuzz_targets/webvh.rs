//! Logs of one did:webvh, bent: whatever verifies says what the genuine one says, as far as it goes.
#![no_main]

use legation_did::Did;
use legation_keys::{
    SecretKey, Signer, jcs,
    json::{self, JsonLimits},
};
use legation_webvh::{At, Content, create, deactivate, update, verify};
use std::sync::OnceLock;

const START: i64 = 1_790_000_000;

struct Genuine {
    did: Did,
    log: String,
}

fn genuine() -> &'static Genuine {
    static GENUINE: OnceLock<Genuine> = OnceLock::new();
    GENUINE.get_or_init(|| {
        let key = |seed: u8| SecretKey::from_ed25519_seed(&[seed; 32]).unwrap();
        let content = |seed: u8| Content::new(&[key(seed).public_key().clone()]);
        let made = create("acme.example", &content(2), &key(1), START).unwrap();
        let mut handed_over = content(3);
        handed_over.next_update_key = Some(key(4).public_key().clone());
        let log = update(&made.did, &made.log, &handed_over, &key(1), START + 60).unwrap();
        let log = update(&made.did, &log, &content(5), &key(4), START + 120).unwrap();
        let log = deactivate(&made.did, &log, &key(4), START + 180).unwrap();
        Genuine { did: made.did, log }
    })
}

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let Genuine { did, log } = genuine();
    let bent = match data.split_first() {
        Some((0, text)) => text.to_vec(),
        Some((_, script)) => bend(log.as_bytes(), script),
        None => log.clone().into_bytes(),
    };
    for at in [At::Latest, At::Time(START + 70), At::Version("2-Qm".to_owned())] {
        if verify(did, &bent, None, &at).is_ok() {
            let (found, genuine) = (entries(&bent), entries(log.as_bytes()));
            assert!(
                genuine.starts_with(&found),
                "a log of another history: {}",
                String::from_utf8_lossy(&bent)
            );
        }
    }
});

/// Steps of five bytes: where, what kind of change, and with what.
fn bend(log: &[u8], script: &[u8]) -> Vec<u8> {
    let mut bytes = log.to_vec();
    for step in script.chunks_exact(5).take(16) {
        let [high, low, kind, length, byte] = *step else { continue };
        let at = usize::from(u16::from_be_bytes([high, low])) % (bytes.len() + 1);
        let end = (at + usize::from(length)).min(bytes.len());
        match kind % 6 {
            0 if at < bytes.len() => bytes[at] = byte,
            1 => bytes.insert(at, byte),
            2 => drop(bytes.drain(at..end)),
            3 => {
                let part = bytes[at..end].to_vec();
                bytes.splice(at..at, part);
            }
            4 => lines(&mut bytes, |lines| {
                let many = lines.len();
                lines.swap(usize::from(length) % many, usize::from(byte) % many);
            }),
            _ => lines(&mut bytes, |lines| {
                lines.remove(usize::from(byte) % lines.len());
            }),
        }
    }
    bytes
}

fn lines(bytes: &mut Vec<u8>, change: impl FnOnce(&mut Vec<Vec<u8>>)) {
    let mut all: Vec<Vec<u8>> = bytes.split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
    change(&mut all);
    *bytes = all.join(&b'\n');
}

/// What the entries say, their proofs included. A proof may stand alone or in a list, and there be repeated.
fn entries(log: &[u8]) -> Vec<String> {
    let limits = JsonLimits { bytes: 1 << 20, depth: 32 };
    let text = core::str::from_utf8(log).unwrap().trim_end();
    let entry = |line: &str| {
        let json = json::parse(line.as_bytes(), limits).unwrap();
        let entry = json.as_object().unwrap();
        let proof = entry.get("proof").unwrap();
        let mut proofs = proof.as_array().unwrap_or_else(|| core::slice::from_ref(proof)).to_vec();
        proofs.dedup();
        jcs::canonicalize(&json::Json::Object(entry.clone().with("proof", json::Json::Array(proofs))))
    };
    text.lines().map(entry).collect()
}
