//! The handshake: each message is read as it is written, and two agents meet only where nothing was bent.

use super::{
    actors::{ACTORS, Actor, NOW, SHOP_ACTOR},
    choices::{Choices, parts},
};
use data_encoding::BASE64URL_NOPAD;
use legation_credential::{Authority, Terms, issue};
use legation_did::Document;
use legation_handshake::{
    Answer, Callee, ChallengeKey, Ended, Hello, MAX_ENVELOPE, Message, Peer, begin, conclude, transcript,
};
use legation_keys::jws;
use legation_verifier::{Evidence, MemoryLedger, Trust, receipt, verify};
use serde_json::Value;
use std::sync::LazyLock;

const ENDPOINT: &str = "https://shop.example/handshake";
const CARD: [u8; 32] = [7; 32];
const AUTHORITY: &str =
    r#"{"grants":[{"actions":["a2a:skill:book"],"resources":["https://shop.example/*"]}]}"#;

/// Any bytes as a message; the parts of a text as claims of a challenge and a presentation; the bytes as
/// decisions, by which two agents meet and somebody stands between them.
pub fn handshake(data: &[u8]) {
    message(data);
    if let Some([challenge, presentation, ..]) = parts(data).as_deref() {
        answered(challenge, presentation);
    }
    meeting(&mut Choices::new(data));
}

fn message(data: &[u8]) {
    let Ok(message) = Message::parse(data, MAX_ENVELOPE) else { return };
    let written = message.to_json().to_string();
    assert_eq!(Message::parse(written.as_bytes(), 2 * MAX_ENVELOPE).as_ref(), Ok(&message));
    assert!(written.contains(&format!("\"{}\"", message.kind())) && data.len() <= MAX_ENVELOPE);
    let callee = callee();
    match message {
        Message::Hello(hello) => {
            let challenge = callee.challenge(&hello, &SHOP_ACTOR.key_id, &SHOP_ACTOR.key, NOW);
            assert_eq!(challenge.is_ok(), hello.caller != SHOP_ACTOR.did, "{hello:?}");
        }
        Message::Presentation(answer) => {
            assert!(callee.open(&answer, &TRUST, NOW).is_err(), "nobody was asked")
        }
        Message::Challenge(challenge) => {
            let begun = begin(ACTORS[2].did.clone()).unwrap();
            assert!(begun.receive(&challenge, peer(&SHOP_ACTOR.document()), 60, NOW).is_err());
        }
        Message::Receipt(text) => {
            let _ = receipt::verify(&text, &SHOP_ACTOR.document());
        }
    }
}

/// Whatever claims are signed as a challenge: the callee takes none that it did not give.
fn answered(challenge: &str, presentation: &str) {
    let shop = &*SHOP_ACTOR;
    let challenge =
        jws::sign("legation-challenge+jwt", &shop.key_id, challenge.as_bytes(), &shop.key).unwrap();
    let answer = Answer { challenge: challenge.clone(), presentation: presentation.to_owned() };
    assert!(callee().open(&answer, &TRUST, NOW).is_err());
    let begun = begin(ACTORS[2].did.clone()).unwrap();
    assert!(begun.receive(&challenge, peer(&shop.document()), 60, NOW).is_err());
}

static TRUST: LazyLock<Trust> = LazyLock::new(|| {
    let mut trust = Trust::new(SHOP_ACTOR.did.as_str());
    trust.roots.insert(ACTORS[0].did.clone(), Authority::parse(AUTHORITY).unwrap());
    trust.max_unrevocable = 86_400;
    trust
});

static LINK: LazyLock<String> = LazyLock::new(|| {
    let (root, agent) = (&ACTORS[0], &ACTORS[2]);
    let terms = Terms {
        id: None,
        subject: agent.did.clone(),
        valid_from: NOW - 60,
        valid_until: NOW + 3600,
        max_depth: 0,
        account: None,
        authority: Authority::parse(AUTHORITY).unwrap(),
        status: vec![],
    };
    issue(terms, &root.did, &root.key_id, &root.key).unwrap()
});

fn callee() -> Callee {
    Callee::new(SHOP_ACTOR.did.clone(), ENDPOINT.to_owned(), CARD, ChallengeKey::from_bytes([3; 32]))
}

fn peer(document: &Document) -> Peer<'_> {
    Peer { document, endpoint: ENDPOINT, card: CARD }
}

/// Where in the exchange something is bent, and how: `None` where it is not.
struct Bending<'c, 'd> {
    choices: &'c mut Choices<'d>,
    bent: bool,
}

impl Bending<'_, '_> {
    /// Bends `value`, for one decision in eight.
    fn some<T>(&mut self, value: T, bend: impl FnOnce(&mut Choices<'_>, &mut T)) -> T {
        let mut value = value;
        if self.choices.below(8) == 7 {
            bend(self.choices, &mut value);
            self.bent = true;
        }
        value
    }
}

fn meeting(choices: &mut Choices<'_>) {
    let mut all = Bending { choices, bent: false };
    let (shop, agent, callee) = (&*SHOP_ACTOR, &ACTORS[2], callee());
    let document = shop.document();
    let begun = begin(agent.did.clone()).unwrap();
    let hello = all.some(begun.hello().clone(), bend_hello);
    let Ok(challenge) = callee.challenge(&hello, &shop.key_id, &shop.key, NOW) else {
        return assert!(all.bent);
    };
    let challenge = all.some(challenge, bend_challenge);
    let endpoint = all.some(ENDPOINT, |_, endpoint| *endpoint = "https://shop.example/other");
    let card = all.some(CARD, |choices, card| card[0] ^= 1 << choices.below(8));
    let later = all.some(0, |choices, later| *later = choices.number(&[121, 400, -61, -400]));
    let peer = Peer { document: &document, endpoint, card };
    let Ok(challenged) = begun.receive(&challenge, peer, 60, NOW + later) else { return assert!(all.bent) };
    let signer = all.some(agent, |choices, signer| *signer = &ACTORS[[0, 3, 6, 7][choices.below(4)]]);
    let answered = challenged.answer(&[&LINK], &agent.key_id, &signer.key, NOW + later).unwrap();
    let answer = all.some(answered.message().clone(), bend_answer);
    let moment = all.some(NOW, |choices, moment| *moment += choices.number(&[121, 400, -71, -400]));
    let mut ledger = MemoryLedger::new();
    let told = concluded(&callee, &answer, &mut ledger, moment);
    assert!(told.outcome.is_err() || told.outcome.as_ref().is_ok_and(|chain| chain.agent() == &agent.did));
    if told.outcome.is_ok() {
        let again = concluded(&callee, &answer, &mut ledger, moment);
        assert_eq!(again.outcome.map(drop).unwrap_err().code.as_str(), "nonce_replayed");
    }
    let receipt_bytes = all.some(told.receipt, bend_receipt);
    let signed_by = all.some(shop, |choices, by| *by = &ACTORS[choices.below(8)]);
    let signed = receipt::sign(&receipt_bytes, &shop.key_id, &signed_by.key).unwrap();
    let met = matches!(answered.finish(&signed, &document), Ok(Ended::Met(_)));
    assert_eq!(met, !all.bent, "met, though something was bent; or not, though nothing was");
}

fn concluded(
    callee: &Callee,
    answer: &Answer,
    ledger: &mut MemoryLedger,
    now: i64,
) -> legation_handshake::Concluded {
    let outcome = callee.open(answer, &TRUST, now).and_then(|opened| {
        let presentation = opened.presentation();
        assert_eq!(presentation.transcript(), Some(transcript(&answer.challenge).as_str()));
        verify(presentation, &TRUST, &Evidence::new(), presentation.nonce(), now)
    });
    conclude(outcome, answer, &TRUST, ledger, now)
}

fn bend_hello(choices: &mut Choices<'_>, hello: &mut Hello) {
    match choices.below(3) {
        0 => hello.caller = ACTORS[[0, 1, 3, 4][choices.below(4)]].did.clone(),
        1 => hello.caller = SHOP_ACTOR.did.clone(),
        _ => hello.nonce = format!("{}x", hello.nonce.split_at(24).0),
    }
}

/// Changed claims, signed by the shop or by another, or the text itself.
fn bend_challenge(choices: &mut Choices<'_>, challenge: &mut String) {
    let payload = challenge.split('.').nth(1).unwrap();
    let mut claims: Value =
        serde_json::from_slice(&BASE64URL_NOPAD.decode(payload.as_bytes()).unwrap()).unwrap();
    let signer: &Actor = if choices.flag() { &ACTORS[choices.below(8)] } else { &SHOP_ACTOR };
    let was = claims.clone();
    match choices.below(8) {
        0 => claims["iss"] = ACTORS[choices.below(8)].did.as_str().into(),
        1 => claims["aud"] = ACTORS[[0, 1, 3][choices.below(3)]].did.as_str().into(),
        2 => claims["endpoint"] = "https://shop.example/".into(),
        3 => claims["callerNonce"] = "AAAAAAAAAAAAAAAAAAAAAAAA".into(),
        4 => claims["nonce"] = BASE64URL_NOPAD.encode(choices.bytes()).into(),
        5 => claims["card"] = BASE64URL_NOPAD.encode(&[8; 32]).into(),
        6 => claims["exp"] = (NOW + 300).into(),
        _ => claims["extra"] = true.into(),
    }
    // A hello that was bent may have named the same before.
    if claims == was {
        claims["extra"] = true.into();
    }
    *challenge =
        jws::sign("legation-challenge+jwt", &SHOP_ACTOR.key_id, claims.to_string().as_bytes(), &signer.key)
            .unwrap();
}

fn bend_answer(choices: &mut Choices<'_>, answer: &mut Answer) {
    let text = if choices.flag() { &mut answer.challenge } else { &mut answer.presentation };
    let at = (choices.below(256) * 8 + choices.below(8)) % text.len();
    let byte = if text.as_bytes()[at] == b'A' { "B" } else { "A" };
    text.replace_range(at..=at, byte);
}

fn bend_receipt(choices: &mut Choices<'_>, receipt: &mut Vec<u8>) {
    let mut said: Value = serde_json::from_slice(receipt).unwrap();
    match choices.below(7) {
        0 => said["decision"] = ["deny", "permit", "met", "x"][choices.below(4)].into(),
        1 => said["transcript"] = transcript("another").into(),
        2 => said["presentation"] = transcript("another").into(),
        3 => said["verifier"] = ACTORS[choices.below(8)].did.as_str().into(),
        4 => said["agent"] = ACTORS[[0, 1, 3][choices.below(3)]].did.as_str().into(),
        5 => said["at"] = "2026-11-20T12:00:00Z".into(),
        _ => said["type"] = "x".into(),
    }
    *receipt = said.to_string().into_bytes();
}
