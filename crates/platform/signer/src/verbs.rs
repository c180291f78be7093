//! What is done: each request by itself, with nothing kept from one to the next.

use crate::{
    access_token,
    ask::{self, Answer, Bytes, MAX_NAME, MAX_SECRET, MAX_TOGETHER, OpenSecret, Request, SealSecret, Secret},
    door::Door,
    event,
    master::{Master, OpenError, Place},
    process,
    refused::{Refused, shorten},
    rsa::{self, RsaKey},
    signing, svid, webvh,
};
use legation_keys::{Algorithm, SecretKey, Signer};
use std::panic::{AssertUnwindSafe, catch_unwind};
use zeroize::Zeroizing;

/// Answers one frame, whatever is in it.
pub(crate) fn answer(frame: &[u8], (door, user): (Door, u32), master: &Master) -> Answer {
    guarded(|| {
        let request = Request::read(frame)?;
        if !door.does(&request) {
            return Err(Refused::NotAtThisDoor { verb: request.verb(), door: door.name() });
        }
        perform(request, user, master)
    })
}

/// A mistake in here ends one request, not the process that all others need.
fn guarded(work: impl FnOnce() -> Result<Answer, Refused>) -> Answer {
    // What it may leave half done is its own: the master key is only read.
    let done = catch_unwind(AssertUnwindSafe(work)).unwrap_or(Err(Refused::Internal));
    done.unwrap_or_else(|refused| Answer::from(&refused))
}

fn perform(request: Request, user: u32, master: &Master) -> Result<Answer, Refused> {
    let secured = |secured| Answer::Secured { secured };
    match request {
        Request::Ping {} => Ok(Answer::Pong { version: ask::VERSION }),
        Request::Generate(request) => generate(&request, master),
        Request::GenerateAll(request) => generate_all(request, master),
        Request::Delegate(request) => signing::delegate(&request, master).map(secured),
        Request::DelegateAll(request) => {
            let all = signing::delegate_all(&request, master)?;
            Ok(each(all.into_iter().map(|one| one.map(secured))))
        }
        Request::StatusList(request) => signing::status_list(&request, master).map(secured),
        Request::Receipt(request) => signing::receipt(&request, master).map(secured),
        Request::Card(request) => signing::card(&request, master).map(secured),
        Request::DomainLinkage(request) => signing::domain_linkage(&request, master).map(secured),
        Request::DomainControl(request) => signing::domain_control(&request, master).map(secured),
        Request::SecurityEvent(request) => event::security_event(&request, master).map(secured),
        Request::Alert(request) => event::alert(&request, master).map(secured),
        Request::AccessToken(request) => access_token::access_token(&request, master).map(secured),
        Request::JwtSvid(request) => svid::jwt_svid(&request, master).map(secured),
        Request::Checkpoint(request) => signing::checkpoint(&request, master).map(secured),
        Request::ProcessKey(request) => process::process_key(&request, master),
        Request::SignRequest(request) => process::sign_request(&request, user, master),
        Request::WebvhEntry(request) => webvh::entry(&request, master).map(secured),
        Request::SealSecret(request) => seal_secret(&request, master),
        Request::OpenSecret(request) => open_secret(&request, master),
        Request::ResealKey(key) => reseal(key_place(&key.organization, &key.key_id)?, &key.sealed.0, master),
        Request::ResealSecret(request) => {
            let place = secret_place(&request.organization, &request.name, &request.origin)?;
            reseal(place, &request.sealed.0, master)
        }
    }
}

fn generate(request: &ask::Generate, master: &Master) -> Result<Answer, Refused> {
    let place = key_place(&request.organization, &request.key_id)?;
    if request.algorithm == rsa::ALGORITHM {
        let key = RsaKey::generate()?;
        let sealed = Bytes(master.seal(place, &key.to_pkcs8()?)?);
        return Ok(Answer::Generated { public_jwk: key.public_jwk()?.to_string(), sealed });
    }
    let algorithm = Algorithm::ALL.into_iter().find(|algorithm| algorithm.jose() == request.algorithm);
    let algorithm = algorithm.ok_or_else(|| Refused::Algorithm { found: shorten(&request.algorithm) })?;
    let key = SecretKey::generate(algorithm)?;
    let sealed = Bytes(master.seal(place, key.to_jwk()?.as_bytes())?);
    Ok(Answer::Generated { public_jwk: key.public_key().to_jwk().to_string(), sealed })
}

fn generate_all(request: ask::GenerateAll, master: &Master) -> Result<Answer, Refused> {
    let ask::GenerateAll { organization, key_ids, algorithm } = request;
    few(key_ids.len())?;
    let mut one = ask::Generate { organization, key_id: String::new(), algorithm };
    Ok(each(key_ids.into_iter().map(|key_id| {
        one.key_id = key_id;
        generate(&one, master)
    })))
}

/// Several answers as one.
fn each(answers: impl Iterator<Item = Result<Answer, Refused>>) -> Answer {
    Answer::All { answers: answers.map(|one| one.unwrap_or_else(|refused| Answer::from(&refused))).collect() }
}

/// Refuses more than are done by one request.
pub(crate) fn few(found: usize) -> Result<(), Refused> {
    if found > MAX_TOGETHER { Err(Refused::TooManyTogether { found }) } else { Ok(()) }
}

fn seal_secret(request: &SealSecret, master: &Master) -> Result<Answer, Refused> {
    let place = secret_place(&request.organization, &request.name, &request.origin)?;
    let secret = request.secret.0.as_bytes();
    if !(1..=MAX_SECRET).contains(&secret.len()) {
        return Err(Refused::SecretLength { found: secret.len() });
    }
    Ok(Answer::Sealed { sealed: Bytes(master.seal(place, secret)?) })
}

fn open_secret(request: &OpenSecret, master: &Master) -> Result<Answer, Refused> {
    let place = secret_place(&request.organization, &request.name, &request.origin)?;
    let opened = master.open(place, &request.sealed.0)?;
    // What was sealed here was a text.
    let secret = core::str::from_utf8(&opened).map_err(|_| OpenError::Mismatch)?;
    Ok(Answer::Secret { secret: Secret(Zeroizing::new(secret.to_owned())) })
}

fn reseal(place: Place<'_>, sealed: &[u8], master: &Master) -> Result<Answer, Refused> {
    Ok(Answer::Resealed { sealed: master.reseal(place, sealed)?.map(Bytes) })
}

/// Where a key belongs.
pub(crate) fn key_place<'a>(organization: &'a str, key_id: &'a str) -> Result<Place<'a>, Refused> {
    let (organization, key_id) = (name("organization", organization)?, name("key_id", key_id)?);
    Ok(Place::Key { organization, key_id })
}

fn secret_place<'a>(organization: &'a str, secret: &'a str, origin: &'a str) -> Result<Place<'a>, Refused> {
    Ok(Place::Secret {
        organization: name("organization", organization)?,
        name: name("name", secret)?,
        origin: name("origin", origin)?,
    })
}

pub(crate) fn name<'a>(member: &'static str, text: &'a str) -> Result<&'a str, Refused> {
    match text.len() {
        1..=MAX_NAME => Ok(text),
        found => Err(Refused::Name { member, found }),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
    use super::*;

    #[test]
    fn a_panic_is_an_answer() {
        let Answer::Refused { code, message } = guarded(|| panic!("hunter2")) else { panic!("answered") };
        assert_eq!(code, "internal");
        assert!(!message.contains("hunter2"));
    }
}
