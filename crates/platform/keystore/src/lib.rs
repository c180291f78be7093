//! Keys at rest.
//!
//! | module | what it holds |
//! |---|---|
//! | [`key_file`] | [`save`] and [`load`]: one secret key in one file, encrypted by a passphrase |
//! | [`agent_file`] | [`save_agent`] and [`load_agent`]: a key and the delegations that it acts by, in one file |
//! | [`passphrase`] | [`Passphrase`], which never prints; [`read_passphrase_file`] |
//! | [`file`](mod@file) | [`write_new`]: a file is written whole or not at all, and replaces nothing unasked |
//! | [`change`](mod@change) | [`change()`]: a file that is there is locked, read, changed and written back, by one process at a time |
//!
//! A key file is an [age](https://age-encryption.org/v1) file in ASCII armor that holds the
//! private JWK, so that `age --decrypt` reads it too. Reading one is bounded in bytes and in
//! work: whoever can swap the file can make a load fail, not make it take minutes.
//!
//! ```
//! use legation_keys::{Algorithm, SecretKey, Signer};
//! use legation_keystore::{LoadError, Overwrite, Passphrase, Protection, load, save};
//!
//! let folder = tempfile::tempdir()?;
//! let path = folder.path().join("agent.key");
//! let key = SecretKey::generate(Algorithm::EdDsa)?;
//! let passphrase = Passphrase::new("correct horse battery staple")?;
//!
//! save(&path, &key, Protection::Passphrase(&passphrase), Overwrite::Refuse)?;
//! assert_eq!(load(&path, Some(&passphrase))?.public_key(), key.public_key());
//! assert!(matches!(load(&path, None), Err(LoadError::NeedsPassphrase { .. })));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod agent_file;
pub mod change;
pub mod file;
pub mod key_file;
mod lock;
pub mod passphrase;

pub use agent_file::{AgentFile, load_agent, replace_agent, save_agent};
pub use change::{ChangeError, Rules, change};
pub use file::{Access, Overwrite, WriteError, open_to_others, write_new};
pub use key_file::{LoadError, Protection, SaveError, decrypt_text, encrypt_text, load, load_jwk, save};
pub use passphrase::{Passphrase, PassphraseError, read_passphrase_file, read_secret_line};
