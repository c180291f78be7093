//! A key and its delegations in one file.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use legation_keys::{Algorithm, SecretKey, Signer};
use legation_keystore::{
    ChangeError, LoadError, Overwrite, Passphrase, Protection, SaveError, load, load_agent, replace_agent,
    save, save_agent,
};
use std::fs;

const CHAIN: &str = "eyJh.eyJp.c2ln~eyJh.eyJx.c2lo";

#[test]
fn an_agent_comes_back_from_its_file_and_its_key_alone_as_well() {
    let passphrase = Passphrase::new("correct horse battery staple").unwrap();
    for algorithm in Algorithm::ALL {
        for protection in [Protection::InsecurePlaintext, Protection::Passphrase(&passphrase)] {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("bot.agent");
            let key = SecretKey::generate(algorithm).unwrap();
            save_agent(&path, (&key, CHAIN), protection, Overwrite::Refuse).unwrap();
            let agent = load_agent(&path, Some(&passphrase)).unwrap();
            assert_eq!((agent.key.public_key(), agent.chain.as_deref()), (key.public_key(), Some(CHAIN)));
            assert_eq!(load(&path, Some(&passphrase)).unwrap().public_key(), key.public_key());
            let again = save_agent(&path, (&key, CHAIN), protection, Overwrite::Refuse).unwrap_err();
            assert!(matches!(again, SaveError::Write(_)), "{again}");
            replace_agent(&path, (&key, "eyJh.eyJp.c2ln"), protection).unwrap();
            let agent = load_agent(&path, Some(&passphrase)).unwrap();
            assert_eq!(agent.chain.as_deref(), Some("eyJh.eyJp.c2ln"));
            let other = SecretKey::generate(algorithm).unwrap();
            let refused = replace_agent(&path, (&other, CHAIN), protection).unwrap_err();
            assert!(matches!(refused, ChangeError::Refused(SaveError::AnotherKey)), "{refused}");
        }
    }
}

#[cfg(unix)]
#[test]
fn nobody_else_may_read_it() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bot.agent");
    let key = SecretKey::generate(Algorithm::EdDsa).unwrap();
    save_agent(&path, (&key, CHAIN), Protection::InsecurePlaintext, Overwrite::Refuse).unwrap();
    let mode = || fs::metadata(&path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(), 0o600);
    replace_agent(&path, (&key, CHAIN), Protection::InsecurePlaintext).unwrap();
    assert_eq!(mode(), 0o600);
}

#[test]
fn what_is_no_agent_is_told_and_nothing_of_it_is_shown() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bot.agent");
    let key = SecretKey::generate(Algorithm::EdDsa).unwrap();
    for chain in ["", "ey\"J", "a b", "{}"] {
        let refused = save_agent(&path, (&key, chain), Protection::InsecurePlaintext, Overwrite::Refuse);
        assert_eq!(refused.unwrap_err(), SaveError::Chain, "{chain}");
    }
    save(&path, &key, Protection::InsecurePlaintext, Overwrite::Refuse).unwrap();
    assert_eq!(load_agent(&path, None).unwrap().chain, None, "a plain key file");
    let jwk = fs::read_to_string(&path).unwrap().trim().to_owned();
    let open = jwk.strip_suffix('}').unwrap();
    for text in [
        format!("{open},\"chain\":[]}}"),
        format!("{open},\"chain\":\"a\",\"chain\":\"b\"}}"),
        format!("{open},\"a\\\"b\":\"c\",\"chain\":\"a\"}}"),
        "{\"chain\":\"a\"}".to_owned(),
        "[]".to_owned(),
        String::new(),
    ] {
        fs::write(&path, &text).unwrap();
        let error = load_agent(&path, None).unwrap_err();
        assert!(matches!(error, LoadError::NotAKey { .. }), "{text}: {error}");
    }
}
