//! What is done to a scene: to what links and presentation say, who signs them, in which order they stand,
//! what the verifier knows and when it asks. Decision 0 does nothing.

use super::{
    actors::{ACTORS, NOW},
    choices::Choices,
    model,
    scene::{Bend, DocKind, Draft, LIST, Scene, status},
};
use legation_credential::status::StatusPurpose;
use legation_did::Purpose;
use legation_keys::{base64url, time};
use serde_json::{Value, json};

/// Seconds around the borders of the good scene.
const SHIFTS: [i64; 14] = [0, -1, 1, -59, -60, -61, 59, 60, 61, -3600, 3600, -3661, 3661, 100_000];

/// Does some of it.
pub(crate) fn bend(scene: &mut Scene, choices: &mut Choices<'_>) {
    for _ in 0..choices.below(4) {
        match choices.below(8) {
            0 | 1 => one_link(scene, choices),
            2 => order(scene, choices),
            3 => presentation(scene, choices),
            4 => documents(scene, choices),
            5 => list(scene, choices),
            6 => scene.now = NOW + choices.number(&SHIFTS),
            _ => form(scene, choices),
        }
    }
}

fn one_link(scene: &mut Scene, choices: &mut Choices<'_>) {
    if scene.links.is_empty() {
        return;
    }
    let index = choices.below(scene.links.len());
    let link = &mut scene.links[index];
    match choices.below(14) {
        0 => moment(link, "validFrom", choices),
        1 => moment(link, "validUntil", choices),
        2 => link.claims[["nbf", "exp"][choices.below(2)]] = (NOW + choices.number(&SHIFTS)).into(),
        3 => link.claims["iss"] = somebody(choices),
        4 => {
            let actor = choices.below(ACTORS.len());
            link.claims["issuer"] = ACTORS[actor].did.as_str().into();
            if choices.flag() {
                link.signed_by(actor);
            }
        }
        5 if link.claims["issuer"].is_string() => {
            link.claims["issuer"] = json!({"id": link.claims["issuer"], "name": "x"});
        }
        5 => {}
        6 => link.claims["credentialSubject"]["id"] = somebody(choices),
        7 => delegation(link)["principal"] = somebody(choices),
        8 => parent(scene, index, choices),
        9 => delegation(link)["maxDepth"] = choices.below(4).into(),
        10 | 11 => {
            let own = model::authority(choices, Some(&delegation(link).clone()));
            *delegation(link) = own;
        }
        12 => credential_status(link, choices),
        _ => link.signed_by(choices.below(ACTORS.len())),
    }
}

fn somebody(choices: &mut Choices<'_>) -> Value {
    ACTORS[choices.below(ACTORS.len())].did.as_str().into()
}

fn delegation(link: &mut Draft) -> &mut Value {
    &mut link.claims["credentialSubject"]["delegation"]
}

fn moment(link: &mut Draft, member: &str, choices: &mut Choices<'_>) {
    link.claims[member] = time::format(NOW + choices.number(&SHIFTS)).into();
}

fn parent(scene: &mut Scene, index: usize, choices: &mut Choices<'_>) {
    let secured = scene.secured();
    let other = &secured[choices.below(secured.len())];
    let link = &mut scene.links[index];
    link.own_parent = true;
    let digest = legation_credential::delegation::link_digest(other);
    match choices.below(3) {
        0 => delegation(link)["parent"] = base64url::encode(&digest).into(),
        1 => _ = model::members(delegation(link)).remove("parent"),
        _ => delegation(link)["parent"] = base64url::encode(&[7; 32]).into(),
    }
}

fn credential_status(link: &mut Draft, choices: &mut Choices<'_>) {
    let index = [7, 0, 131_071, 131_072][choices.below(4)];
    link.claims["credentialStatus"] = match choices.below(4) {
        0 => status(index, "revocation"),
        1 => status(index, "suspension"),
        2 => json!([status(index, "revocation")]),
        _ => {
            model::members(&mut link.claims).remove("credentialStatus");
            return;
        }
    };
}

fn order(scene: &mut Scene, choices: &mut Choices<'_>) {
    let count = scene.links.len();
    if count == 0 {
        return;
    }
    let (one, other) = (choices.below(count), choices.below(count));
    match choices.below(5) {
        0 => scene.links.swap(one, other),
        1 => _ = scene.links.remove(one),
        2 => scene.links.insert(other, scene.links[one].clone()),
        3 => scene.links.truncate(one),
        _ => {
            // What was signed for its own parent is put behind another one.
            let secured = scene.secured();
            let digest = one
                .checked_sub(1)
                .map(|before| legation_credential::delegation::link_digest(&secured[before]));
            if let Some(digest) = digest {
                scene.links[one].own_parent = true;
                delegation(&mut scene.links[one])["parent"] = base64url::encode(&digest).into();
                scene.links.swap(one, other);
            }
        }
    }
}

fn presentation(scene: &mut Scene, choices: &mut Choices<'_>) {
    let draft = &mut scene.presentation;
    match choices.below(10) {
        0 => draft.claims["aud"] = choices.pick(&model::AUDIENCES).into(),
        1 => draft.claims["nonce"] = ["n-2", "n-1 ", "n-1"][choices.below(3)].into(),
        2 => draft.claims["iat"] = (NOW + choices.number(&SHIFTS)).into(),
        3 => draft.claims["exp"] = (NOW + choices.number(&SHIFTS)).into(),
        4 => draft.claims["nbf"] = (NOW + choices.number(&SHIFTS)).into(),
        5 => draft.claims["holder"] = somebody(choices),
        6 => draft.claims["iss"] = somebody(choices),
        7 => draft.signed_by(choices.below(ACTORS.len())),
        8 => scene.nonce = "n-2".to_owned(),
        _ => {
            // Whoever the last link names.
            let last = scene.links.last().map(|link| link.claims["credentialSubject"]["id"].clone());
            let actor =
                ACTORS.iter().position(|actor| last.as_ref().is_some_and(|did| *did == actor.did.as_str()));
            if let Some(actor) = actor {
                draft.claims["holder"] = ACTORS[actor].did.as_str().into();
                draft.signed_by(actor);
            }
        }
    }
}

fn documents(scene: &mut Scene, choices: &mut Choices<'_>) {
    let index = choices.below(2);
    match choices.below(8) {
        0 => scene.documents.clear(),
        1 => scene.documents.iter_mut().for_each(|doc| doc.fetched_at = NOW + choices.number(&SHIFTS)),
        2 => set(scene, index, DocKind::Rotated),
        3 => set(scene, index, DocKind::Only(Purpose::ALL[choices.below(2)])),
        4 => set(scene, index, DocKind::Ended(NOW + choices.number(&SHIFTS))),
        5 => set(scene, index, DocKind::Garbage),
        _ => set(scene, index, DocKind::Good),
    }
}

fn set(scene: &mut Scene, index: usize, kind: DocKind) {
    if let Some(doc) = scene.documents.get_mut(index) {
        doc.kind = kind;
    }
}

fn list(scene: &mut Scene, choices: &mut Choices<'_>) {
    let Some(list) = &mut scene.list else { return };
    match choices.below(9) {
        0 => list.set.push([7, 8, 9, 0][choices.below(4)]),
        1 => list.issuer = choices.below(ACTORS.len()),
        2 => list.signer = choices.below(ACTORS.len()),
        3 => {
            (list.issuer, list.signer) = [(0, 0), (5, 5), (4, 4), (2, 2)][choices.below(4)];
        }
        4 => list.fetched_at = NOW + choices.number(&SHIFTS),
        5 => list.made = NOW + choices.number(&SHIFTS),
        6 => list.until = Some(NOW + choices.number(&SHIFTS)),
        7 => {
            list.newest_seen = Some(list.made + [0, 1, -1][choices.below(3)]);
            if choices.flag() {
                list.purpose = StatusPurpose::Suspension;
            }
        }
        _ => scene.list = None,
    }
}

/// Things after which only one direction can be told: what passes must hold.
fn form(scene: &mut Scene, choices: &mut Choices<'_>) {
    let count = scene.links.len();
    let index = choices.below(count + 1);
    scene.formal = false;
    let draft = if index < count { &mut scene.links[index] } else { &mut scene.presentation };
    let at = choices.below(256) + 256 * choices.below(8);
    match choices.below(14) {
        0 => draft.form.push(Bend::Byte(at, choices.byte())),
        1 => draft.form.push(Bend::Insert(at, choices.byte())),
        2 => draft.form.push(Bend::End(at)),
        3 => draft.form.push(Bend::Twice),
        4 => draft.form.push(Bend::Flip(at)),
        5 => draft.form.push(Bend::Cut(at)),
        6 => draft.header["alg"] = ["none", "HS256", "ES256", "EdDSA", "Ed25519"][choices.below(5)].into(),
        7 => draft.header["typ"] = ["JWT", "vp+jwt", "vc+jwt", "application/vc+jwt"][choices.below(4)].into(),
        8 => draft.header["kid"] = ACTORS[choices.below(ACTORS.len())].key_id.as_str().into(),
        9 => draft.header[["jwk", "crit", "b64", "x5c", "extra"][choices.below(5)]] = json!([]),
        10 => draft.signer = choices.below(ACTORS.len()),
        11 => {
            let names: Vec<String> = model::members(&mut draft.claims).keys().cloned().collect();
            model::members(&mut draft.claims).remove(&names[choices.below(names.len())]);
        }
        12 => {
            draft.claims[["extra", "vc", "vp", "@context", "type", "credentialStatus"][choices.below(6)]] =
                json!(LIST)
        }
        _ if index < count => {
            let name = ["extra", "grants", "constraints", "parent", "maxDepth"][choices.below(5)];
            let value = [json!(null), json!([]), json!({}), json!(-1), json!(1.0), json!("x")];
            delegation(draft)[name] = value[choices.below(6)].clone();
        }
        _ => {}
    }
}
