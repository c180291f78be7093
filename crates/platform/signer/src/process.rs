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
use zeroize::Zeroizing;

/// By how much the clock of whoever asks may differ, seconds.
const CLOCKS: i64 = 60;

/// Seals a key for the processes of a user.
pub(crate) fn process_key(request: &ask::ProcessKey, master: &Master) -> Result<Answer, Refused> {
    let ask::ProcessKey { key, user } = request;
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
    let asked = read_base(base)?;
    let opened = master.open(place(key, user)?, &key.sealed.0)?;
    let secret = read(&opened)?;
    if secret.public_key().thumbprint() != asked.key_thumbprint {
        return Err(Refused::RequestKey { found: asked.key_thumbprint });
    }
    // A signature of tomorrow would outlive the moment in which the process may have it.
    let apart = asked.created.saturating_sub(now()).checked_abs();
    if apart.is_none_or(|apart| apart > CLOCKS) {
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
