//! Key files on a disk: what is written can be read, and nothing else can.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "the helpers of tests may panic as tests do")]

use age::{
    Encryptor,
    armor::{ArmoredWriter, Format},
    secrecy::SecretString,
};
use legation_keys::{Algorithm, SecretKey, Signer};
use legation_keystore::{
    LoadError, Overwrite, Passphrase, Protection, SaveError, WriteError, key_file::MAX_BYTES, load, save,
};
use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
};
use tempfile::TempDir;

const SECRET: &str = "correct horse battery staple";

fn saved(algorithm: Algorithm, protected: bool) -> (TempDir, PathBuf, SecretKey) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("agent.key");
    let key = SecretKey::generate(algorithm).unwrap();
    let passphrase = Passphrase::new(SECRET).unwrap();
    let protection =
        if protected { Protection::Passphrase(&passphrase) } else { Protection::InsecurePlaintext };
    save(&path, &key, protection, Overwrite::Refuse).unwrap();
    (folder, path, key)
}

fn open(path: &Path, passphrase: &str) -> Result<SecretKey, LoadError> {
    load(path, Some(&Passphrase::new(passphrase).unwrap()))
}

#[test]
fn a_key_comes_back_from_its_file() {
    for algorithm in Algorithm::ALL {
        let (_folder, path, key) = saved(algorithm, true);
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.starts_with("-----BEGIN AGE ENCRYPTED FILE-----"));
        let again = open(&path, SECRET).unwrap();
        assert_eq!(again.public_key(), key.public_key());
        let signature = again.sign(b"m").unwrap();
        assert!(key.public_key().verify(b"m", &signature).is_ok());

        let (_folder, path, key) = saved(algorithm, false);
        assert_eq!(load(&path, None).unwrap().public_key(), key.public_key());
        assert_eq!(open(&path, "unused").unwrap().public_key(), key.public_key());
    }
}

#[test]
fn an_encrypted_file_opens_by_its_passphrase_only() {
    let (_folder, path, _) = saved(Algorithm::EdDsa, true);
    assert_eq!(load(&path, None).unwrap_err(), LoadError::NeedsPassphrase { path: path.clone() });
    for wrong in ["x", "correct horse battery staple ", "Correct horse battery staple"] {
        assert_eq!(open(&path, wrong).unwrap_err(), LoadError::WrongPassphrase { path: path.clone() });
    }
}

#[test]
fn a_truncated_or_changed_file_is_damaged() {
    let (_folder, path, _) = saved(Algorithm::EdDsa, true);
    let whole = fs::read(&path).unwrap();
    for length in [40, 100, 200, whole.len() / 2, whole.len() - 60, whole.len() - 5] {
        fs::write(&path, &whole[..length]).unwrap();
        let refused = open(&path, SECRET).unwrap_err();
        assert!(matches!(refused, LoadError::Damaged { .. }), "{length}: {refused}");
    }
    let mut changed = whole.clone();
    let last_line = whole.len() - 60;
    changed[last_line] = if changed[last_line] == b'A' { b'B' } else { b'A' };
    fs::write(&path, changed).unwrap();
    assert!(matches!(open(&path, SECRET).unwrap_err(), LoadError::Damaged { .. }));
}

#[test]
fn what_is_no_key_file_is_refused_for_its_own_reason() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    assert!(matches!(load(&path, None).unwrap_err(), LoadError::Open { .. }));
    assert!(matches!(load(folder.path(), None).unwrap_err(), LoadError::Open { .. }));
    fs::write(&path, vec![b' '; MAX_BYTES + 1]).unwrap();
    assert_eq!(load(&path, None).unwrap_err(), LoadError::TooLarge { path: path.clone() });
    for content in [b"".as_slice(), b"{}", b"\xff\xfe", b"-----BEGIN PRIVATE KEY-----", &[b' '; MAX_BYTES]] {
        fs::write(&path, content).unwrap();
        assert!(matches!(load(&path, None).unwrap_err(), LoadError::NotAKey { .. }));
    }
    fs::write(&path, encrypted(b"{}", 2)).unwrap();
    assert!(matches!(open(&path, SECRET).unwrap_err(), LoadError::NotAKey { .. }));
}

fn encrypted(content: &[u8], work_factor: u8) -> Vec<u8> {
    let mut recipient = age::scrypt::Recipient::new(SecretString::from(SECRET));
    recipient.set_work_factor(work_factor);
    to(&recipient, content)
}

fn to(recipient: &dyn age::Recipient, content: &[u8]) -> Vec<u8> {
    let encryptor = Encryptor::with_recipients(std::iter::once(recipient)).unwrap();
    let armor = ArmoredWriter::wrap_output(Vec::new(), Format::AsciiArmor).unwrap();
    let mut stream = encryptor.wrap_output(armor).unwrap();
    stream.write_all(content).unwrap();
    stream.finish().unwrap().finish().unwrap()
}

#[test]
fn a_file_that_would_cost_minutes_is_refused_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("hostile.key");
    // Only the number in the header matters here, so it is changed after the fact: making such
    // a file honestly would cost this test what it would cost a reader.
    let mut binary = Vec::new();
    let mut recipient = age::scrypt::Recipient::new(SecretString::from(SECRET));
    recipient.set_work_factor(10);
    let encryptor = Encryptor::with_recipients(std::iter::once(&recipient as &dyn age::Recipient)).unwrap();
    let mut stream = encryptor.wrap_output(&mut binary).unwrap();
    stream.write_all(b"{}").unwrap();
    stream.finish().unwrap();
    let header = binary.windows(4).position(|bytes| bytes == b" 10\n").unwrap();
    for required in [19, 30, 63, 99, 255] {
        fs::write(&path, with_work(&binary, header, &required.to_string())).unwrap();
        let started = std::time::Instant::now();
        assert_eq!(open(&path, SECRET).unwrap_err(), LoadError::TooMuchWork { path: path.clone(), required });
        assert!(started.elapsed().as_secs() < 5);
    }
    for nonsense in ["0", "1", "010", "256", "-1", "x", "", "18446744073709551616"] {
        fs::write(&path, with_work(&binary, header, nonsense)).unwrap();
        assert!(open(&path, SECRET).is_err(), "{nonsense}");
    }
}

/// The file with another number in place of the `10` that follows the space at `header`.
fn with_work(file: &[u8], header: usize, digits: &str) -> Vec<u8> {
    let (before, rest) = file.split_at(header + 1);
    [before, digits.as_bytes(), rest.get(2..).unwrap()].concat()
}

#[test]
fn a_file_for_another_kind_of_recipient_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x25519.key");
    fs::write(&path, to(&age::x25519::Identity::generate().to_public(), b"{}")).unwrap();
    assert!(matches!(open(&path, SECRET).unwrap_err(), LoadError::Damaged { .. }));
}

#[test]
fn a_key_is_never_overwritten_unasked() {
    let (_folder, path, key) = saved(Algorithm::EdDsa, false);
    let other = SecretKey::generate(Algorithm::EdDsa).unwrap();
    let refused = save(&path, &other, Protection::InsecurePlaintext, Overwrite::Refuse);
    assert_eq!(refused, Err(SaveError::Write(WriteError::Exists { path: path.clone() })));
    assert_eq!(load(&path, None).unwrap().public_key(), key.public_key());
    save(&path, &other, Protection::InsecurePlaintext, Overwrite::Replace).unwrap();
    assert_eq!(load(&path, None).unwrap().public_key(), other.public_key());
}

#[cfg(unix)]
#[test]
fn a_key_file_is_readable_by_its_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    for protected in [true, false] {
        let (folder, path, _) = saved(Algorithm::EdDsa, protected);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}

#[test]
fn no_message_holds_anything_secret() {
    let (_folder, path, key) = saved(Algorithm::EdDsa, false);
    let jwk: serde_json::Value = serde_json::from_str(&key.to_jwk().unwrap()).unwrap();
    let secret = jwk["d"].as_str().unwrap();
    let text = fs::read_to_string(&path).unwrap();
    // The private part alone, and cut off: both reach the reader, neither its message.
    for content in [secret.to_owned(), text.replace("Ed25519", "Ed448"), text.replace('}', "")] {
        fs::write(&path, content).unwrap();
        let refused = load(&path, None).unwrap_err();
        assert!(!format!("{refused} {refused:?}").contains(secret));
    }
    let passphrase = Passphrase::new(SECRET).unwrap();
    let shown = format!("{passphrase:?} {:?}", Protection::Passphrase(&passphrase));
    assert!(!shown.contains("horse"));
    let (_folder, path, _) = saved(Algorithm::EdDsa, true);
    let refused = open(&path, "wrong horse").unwrap_err();
    assert!(!format!("{refused} {refused:?}").contains("horse"));
}
