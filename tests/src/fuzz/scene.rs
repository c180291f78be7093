//! A scene in which a chain is presented: who delegates to whom, what the verifier trusts and knows. Built
//! from decisions; without any it is the good scene, in which the chain holds.

use super::{
    actors::{ACTORS, NOW, SHOP},
    choices::Choices,
    model,
};
use legation_credential::{
    Authority,
    delegation::{CONTEXT_CREDENTIALS, CONTEXT_LEGATION, link_digest},
    presentation::{DATA_URL, ENVELOPED},
    status::{StatusList, StatusListCredential, StatusPurpose},
};
use legation_did::{Purpose, web};
use legation_keys::{Signer, base64url, jws, time};
use legation_verifier::{Evidence, Proof, Trust};
use serde_json::{Value, json};
use std::{
    collections::HashMap,
    sync::{LazyLock, Mutex},
};

pub(crate) const LIST: &str = "https://acme.example/status/1";

/// A JWS in the making, which may be bent before and after it is signed.
#[derive(Clone)]
pub(crate) struct Draft {
    pub(crate) header: Value,
    pub(crate) claims: Value,
    pub(crate) signer: usize,
    /// Names a parent of its own, whatever stands before it.
    pub(crate) own_parent: bool,
    pub(crate) form: Vec<Bend>,
}

/// What is done to the form of a JWS: from here on only that nothing wrong gets through can be said.
#[derive(Clone)]
pub(crate) enum Bend {
    /// A byte of the claims' text is another one.
    Byte(usize, u8),
    /// A byte is put into the claims' text.
    Insert(usize, u8),
    /// The claims' text ends here.
    End(usize),
    /// The first member stands twice, the second time with another value.
    Twice,
    /// A bit of the signature is the other one.
    Flip(usize),
    /// The compact form ends here.
    Cut(usize),
}

/// A document of an organization, as the verifier has it.
#[derive(Clone)]
pub(crate) struct Doc {
    pub(crate) actor: usize,
    pub(crate) fetched_at: i64,
    pub(crate) kind: DocKind,
}

#[derive(Clone, Copy, PartialEq)]
pub(crate) enum DocKind {
    Good,
    /// It names another key.
    Rotated,
    /// The key is for one purpose only.
    Only(Purpose),
    /// The key has ended then.
    Ended(i64),
    /// No document at all.
    Garbage,
}

/// The status list, as the verifier has it.
#[derive(Clone)]
pub(crate) struct List {
    pub(crate) issuer: usize,
    pub(crate) signer: usize,
    pub(crate) fetched_at: i64,
    pub(crate) made: i64,
    pub(crate) until: Option<i64>,
    pub(crate) newest_seen: Option<i64>,
    pub(crate) purpose: StatusPurpose,
    pub(crate) set: Vec<usize>,
}

/// Everything but the trust, which stays the same while a verifier remembers.
#[derive(Clone)]
pub(crate) struct Scene {
    pub(crate) links: Vec<Draft>,
    pub(crate) presentation: Draft,
    /// By the signature of a request instead.
    pub(crate) by_request: bool,
    pub(crate) documents: Vec<Doc>,
    pub(crate) list: Option<List>,
    pub(crate) nonce: String,
    pub(crate) now: i64,
    /// Nothing was done to the form: the model can say exactly what must come out.
    pub(crate) formal: bool,
}

/// Who delegates to whom: the root, and everybody after it.
const PATHS: [&[usize]; 4] = [&[0, 2, 3, 6], &[1, 2, 3, 6, 7], &[1, 5, 2, 4], &[4, 0, 5, 3]];

pub(crate) fn trust(choices: &mut Choices<'_>) -> Trust {
    let mut trust = Trust::new(SHOP);
    trust.max_unrevocable = 86_400;
    let ceiling = json!({"grants": [{"actions": ["a:*", "c", "c/*"], "resources": ["https://shop.example/*", "mcp://tools/x"]}]});
    let ceiling = model::authority(choices, Some(&ceiling));
    let everything = choices.rarely();
    let read = |_| {
        if everything { Authority::everything() } else { Authority::parse(&ceiling.to_string()).unwrap() }
    };
    trust.roots = [0, 1, 4].map(|root| (ACTORS[root].did.clone(), read(root))).into();
    trust.status_issuers = [ACTORS[1].did.clone()].into();
    match choices.below(12) {
        1 => trust.max_unrevocable = choices.number(&[0, 3600, 7200]),
        2 => trust.clock_skew = choices.number(&[0, 1, 600]),
        3 => trust.max_presentation_age = choices.number(&[0, 1, 60, 300]),
        4 => trust.max_document_age = choices.number(&[0, 60, 599, 600]),
        5 => trust.max_status_age = choices.number(&[0, 60, 600, 601, 900]),
        6 => trust.status_issuers.clear(),
        7 => _ = trust.roots.remove(&ACTORS[choices.below(2)].did),
        _ => {}
    }
    trust
}

impl Scene {
    pub(crate) fn new(choices: &mut Choices<'_>) -> Self {
        let path = PATHS[choices.below(PATHS.len())];
        let depth = path.len() - 1 - choices.below(path.len() - 1);
        let with_status = choices.below(4) == 3;
        let mut authority: Option<Value> = None;
        let links = (0..depth).map(|index| {
            let own = model::authority(choices, authority.as_ref());
            let draft = link(path, index, depth, &own, with_status);
            authority = Some(own);
            draft
        });
        let links: Vec<Draft> = links.collect();
        let holder = path[depth];
        Self {
            links,
            presentation: presentation(holder),
            by_request: choices.rarely(),
            documents: [1, 5].map(|actor| Doc { actor, fetched_at: NOW - 600, kind: DocKind::Good }).into(),
            list: Some(List {
                issuer: 1,
                signer: 1,
                fetched_at: NOW - 600,
                made: NOW - 900,
                until: None,
                newest_seen: None,
                purpose: StatusPurpose::Revocation,
                set: Vec::new(),
            }),
            nonce: "n-1".to_owned(),
            now: NOW,
            formal: true,
        }
    }

    /// The links as they are sent. Each names the one before it, unless it names one of its own.
    pub(crate) fn secured(&self) -> Vec<String> {
        let mut secured: Vec<String> = Vec::new();
        for draft in &self.links {
            let mut draft = draft.clone();
            let delegation = draft.claims.pointer_mut("/credentialSubject/delegation");
            if let (Some(parent), Some(Value::Object(members)), false) =
                (secured.last(), delegation, draft.own_parent)
            {
                members.insert("parent".to_owned(), base64url::encode(&link_digest(parent)).into());
            }
            secured.push(draft.seal());
        }
        secured
    }

    /// The presentation of these links.
    pub(crate) fn present(&self, links: &[String]) -> String {
        let mut draft = self.presentation.clone();
        let envelope = |link: &String| json!({"@context": [CONTEXT_CREDENTIALS], "type": ENVELOPED, "id": format!("{DATA_URL}{link}")});
        draft.claims["verifiableCredential"] = links.iter().map(envelope).collect();
        draft.seal()
    }

    /// The proof of a request that comes with the links.
    pub(crate) fn proof(&self) -> Proof {
        let draft = &self.presentation;
        let actor = &ACTORS[draft.signer];
        let moment = |name: &str| draft.claims[name].as_i64().unwrap_or(NOW);
        let nonce = draft.claims["nonce"].as_str().unwrap_or("n");
        let mut proof = Proof {
            signing_input: format!("\"@method\": POST\n\"@signature-params\": ();nonce=\"{nonce}\""),
            algorithm: None,
            key_thumbprint: actor.key.public_key().thumbprint(),
            signature: [0; 64],
            nonce: nonce.to_owned(),
            created: moment("iat"),
            expires: moment("exp"),
        };
        proof.signature = actor.key.sign(proof.signing_input.as_bytes()).unwrap();
        for bend in &draft.form {
            if let Bend::Flip(bit) = bend {
                proof.signature[bit / 8 % 64] ^= 1 << (bit % 8);
            }
        }
        proof
    }

    pub(crate) fn evidence(&self) -> Evidence {
        let mut evidence = Evidence::new();
        for doc in &self.documents {
            let _ = evidence.add_document(&ACTORS[doc.actor].did, &doc.bytes(), doc.fetched_at);
        }
        let listed = self.links.iter().any(|link| link.claims.get("credentialStatus").is_some());
        if let Some(list) = self.list.as_ref().filter(|_| listed) {
            evidence.add_status_list(LIST, &list.secured(), list.fetched_at, 1 << 20);
            if let Some(newest) = list.newest_seen {
                evidence.note_status_list(LIST, newest);
            }
        }
        evidence
    }
}

impl Doc {
    fn bytes(&self) -> Vec<u8> {
        let actor = &ACTORS[self.actor];
        let rotated = &ACTORS[7].key;
        let key = if self.kind == DocKind::Rotated { rotated } else { &actor.key };
        let mut json = web::document(&actor.did, &[key.public_key().clone()]).to_json();
        match self.kind {
            DocKind::Garbage => return b"{}".to_vec(),
            DocKind::Only(purpose) => {
                for other in Purpose::ALL.into_iter().filter(|other| *other != purpose) {
                    json[other.member()] = json!([]);
                }
            }
            DocKind::Ended(moment) => json["verificationMethod"][0]["revoked"] = time::format(moment).into(),
            DocKind::Good | DocKind::Rotated => {}
        }
        json.to_string().into_bytes()
    }
}

/// Lists that were made before: packing is what takes longest.
static LISTS: LazyLock<Mutex<HashMap<String, String>>> = LazyLock::new(Mutex::default);

impl List {
    fn secured(&self) -> String {
        let Self { issuer, signer, made, until, purpose, set, .. } = self;
        let name = format!("{issuer} {signer} {made} {until:?} {purpose:?} {set:?}");
        let mut made = LISTS.lock().unwrap();
        if made.len() > 1000 {
            made.clear();
        }
        made.entry(name).or_insert_with(|| self.make()).clone()
    }

    fn make(&self) -> String {
        let (issuer, signer) = (&ACTORS[self.issuer], &ACTORS[self.signer]);
        let mut credential = StatusListCredential {
            id: Some(LIST.to_owned()),
            issuer: issuer.did.clone(),
            valid_from: self.made,
            valid_until: self.until,
            purposes: vec![self.purpose],
            list: StatusList::new(0),
        };
        for index in &self.set {
            credential.list.set(*index, true);
        }
        jws::sign("vc+jwt", &signer.key_id, credential.to_json().to_string().as_bytes(), &signer.key).unwrap()
    }
}

fn header(typ: &str, signer: usize) -> Value {
    let actor = &ACTORS[signer];
    json!({"alg": actor.key.public_key().algorithm().jose(), "kid": actor.key_id, "typ": typ})
}

fn link(path: &[usize], index: usize, depth: usize, authority: &Value, with_status: bool) -> Draft {
    let (issuer, offset) = (path[index], i64::try_from(index).unwrap());
    let mut delegation = authority.clone();
    let own = model::members(&mut delegation);
    own.insert("principal".to_owned(), ACTORS[path[0]].did.as_str().into());
    own.insert("maxDepth".to_owned(), (depth - 1 - index).into());
    let mut claims = json!({
        "@context": [CONTEXT_CREDENTIALS, CONTEXT_LEGATION],
        "type": ["VerifiableCredential", "DelegationCredential"],
        "issuer": ACTORS[issuer].did.as_str(),
        "validFrom": time::format(NOW - 3600 + offset),
        "validUntil": time::format(NOW + 3600 - offset),
        "credentialSubject": {"id": ACTORS[path[index + 1]].did.as_str(), "delegation": delegation},
    });
    if with_status {
        claims["credentialStatus"] = status(index + 7, "revocation");
    }
    Draft { header: header("vc+jwt", issuer), claims, signer: issuer, own_parent: false, form: Vec::new() }
}

pub(crate) fn status(index: usize, purpose: &str) -> Value {
    json!({
        "type": "BitstringStatusListEntry", "statusPurpose": purpose,
        "statusListIndex": index.to_string(), "statusListCredential": LIST,
    })
}

fn presentation(holder: usize) -> Draft {
    let claims = json!({
        "@context": [CONTEXT_CREDENTIALS],
        "type": ["VerifiablePresentation"],
        "holder": ACTORS[holder].did.as_str(),
        "aud": SHOP,
        "nonce": "n-1",
        "iat": NOW - 10,
        "exp": NOW + 110,
    });
    Draft { header: header("vp+jwt", holder), claims, signer: holder, own_parent: false, form: Vec::new() }
}

impl Draft {
    /// Signed by somebody else, who says so.
    pub(crate) fn signed_by(&mut self, actor: usize) {
        self.signer = actor;
        self.header = header(self.header["typ"].as_str().unwrap(), actor);
    }

    fn seal(&self) -> String {
        let mut text = self.claims.to_string().into_bytes();
        for bend in &self.form {
            match *bend {
                Bend::Byte(at, byte) if !text.is_empty() => {
                    let at = at % text.len();
                    text[at] = byte;
                }
                Bend::Insert(at, byte) => text.insert(at % (text.len() + 1), byte),
                Bend::End(at) => text.truncate(at),
                Bend::Twice if !text.is_empty() => {
                    if let Some((name, _)) = self.claims.as_object().and_then(|members| members.iter().next())
                    {
                        text.splice(1..1, format!("{}:null,", json!(name)).into_bytes());
                    }
                }
                _ => {}
            }
        }
        let input =
            format!("{}.{}", base64url::encode(self.header.to_string().as_bytes()), base64url::encode(&text));
        let mut signature = ACTORS[self.signer].key.sign(input.as_bytes()).unwrap();
        for bend in &self.form {
            if let Bend::Flip(bit) = bend {
                signature[bit / 8 % 64] ^= 1 << (bit % 8);
            }
        }
        let mut secured = format!("{input}.{}", base64url::encode(&signature));
        for bend in &self.form {
            if let Bend::Cut(at) = bend {
                secured.truncate(*at);
            }
        }
        secured
    }
}
