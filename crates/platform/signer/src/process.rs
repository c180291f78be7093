//! Keys of agents whose processes run as other users of this machine: sealed for one of them, and opened for nobody else. They have
//! requests signed with them and nothing else, so that a process that is taken over can act while it runs, and takes no key along.

use crate::{
    access_token::now,
    ask::{self, Answer, Bytes},
    master::{Master, Place},
    refused::Refused,
    verbs::{key_place, name},
};
use legation_http_signature::read_base;
use legation_keys::{SecretKey, Signer, secret::SecretKeyError};
use std::sync::OnceLock;
use zeroize::Zeroizing;

/// How old a request may be, seconds.
const PAST: i64 = 60;
/// How far ahead it may be, seconds: whoever asks has the clock of this machine.
const AHEAD: i64 = 2;
/// The number by which Linux tells of every user that it can't name here (user_namespaces(7)), where it says no other.
const OVERFLOW: u32 = 65_534;

/// Whether a number stands for no user, or for several.
fn is_nobodys(user: u32) -> bool {
    static NAMELESS: OnceLock<u32> = OnceLock::new();
    let nameless = NAMELESS.get_or_init(|| {
        let said = std::fs::read_to_string("/proc/sys/kernel/overflowuid");
        said.ok().and_then(|text| text.trim().parse().ok()).unwrap_or(OVERFLOW)
    });
    user == u32::MAX || user == *nameless
}

/// Seals a key for the processes of a user.
pub(crate) fn process_key(request: &ask::ProcessKey, master: &Master) -> Result<Answer, Refused> {
    let ask::ProcessKey { key, user } = request;
    if is_nobodys(*user) {
        return Err(Refused::NobodysUser { found: *user });
    }
    let opened = master.open(key_place(&key.organization, &key.key_id)?, &key.sealed.0)?;
    read(&opened)?;
    Ok(Answer::Sealed { sealed: Bytes(master.seal(place(key, *user)?, &opened)?) })
}

/// Signs a request for a process of a user: a signature base that names this very key, and begins now.
pub(crate) fn sign_request(
    request: &ask::SignRequest,
    user: u32,
    master: &Master,
) -> Result<Answer, Refused> {
    let ask::SignRequest { key, base } = request;
    if is_nobodys(user) {
        return Err(Refused::NobodysUser { found: user });
    }
    let asked = read_base(base)?;
    let opened = master.open(place(key, user)?, &key.sealed.0)?;
    let secret = read(&opened)?;
    if secret.public_key().thumbprint() != asked.key_thumbprint {
        return Err(Refused::RequestKey { found: asked.key_thumbprint });
    }
    // A signature of tomorrow would outlive the moment in which the process may have it.
    let ahead = asked.created.saturating_sub(now());
    if !(-PAST..=AHEAD).contains(&ahead) {
        return Err(Refused::RequestTime { found: asked.created });
    }
    Ok(Answer::Signature { signature: Bytes(secret.sign(base.as_bytes())?.to_vec()) })
}

fn place(key: &ask::Key, user: u32) -> Result<Place<'_>, Refused> {
    let organization = name("organization", &key.organization)?;
    Ok(Place::ProcessKey { organization, key_id: name("key_id", &key.key_id)?, user })
}

fn read(opened: &Zeroizing<Vec<u8>>) -> Result<SecretKey, Refused> {
    let jwk = core::str::from_utf8(opened).map_err(|_| SecretKeyError::NotAKey)?;
    Ok(SecretKey::from_jwk(jwk)?)
}
