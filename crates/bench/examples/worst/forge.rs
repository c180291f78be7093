//! Presentations that are well-formed, of any size, and signed by nobody.

use legation_bench::{AUDIENCE, NOW};
use legation_credential::{
    Authority,
    delegation::{CONTEXT_CREDENTIALS, CONTEXT_LEGATION},
};
use legation_did::key;
use legation_keys::{
    SecretKey, Signer, base64url, jcs,
    json::{self, JsonLimits},
    time,
};
use legation_verifier::{Proof, Trust};
use serde_json::{Value, json};

pub(crate) fn actor(index: usize) -> SecretKey {
    let mut seed = [0xab; 32];
    seed.first_chunk_mut::<8>().unwrap().copy_from_slice(&index.to_le_bytes());
    SecretKey::from_ed25519_seed(&seed).unwrap()
}

/// A root that everybody knows, trusted with everything below one host.
pub(crate) fn trust() -> Trust {
    let mut trust = Trust::new(AUDIENCE);
    trust.max_unrevocable = 86_400;
    let ceiling = r#"{"grants": [{"actions": ["a:*"], "resources": ["https://shop.example/*"]}]}"#;
    trust.roots.insert(key::did(actor(0).public_key()), Authority::parse(ceiling).unwrap());
    trust
}

/// A chain that says what `delegation` and `bend` make of it, and that nobody signed.
pub(crate) fn chain(
    links: usize,
    delegation: &dyn Fn(usize) -> Value,
    bend: &dyn Fn(usize, String) -> String,
    signed: bool,
) -> Vec<String> {
    let dids: Vec<String> =
        (0..=links).map(|index| key::did(actor(index).public_key()).to_string()).collect();
    let mut secured: Vec<String> = Vec::new();
    for index in 0..links {
        let mut own = delegation(index);
        own["principal"] = dids.first().unwrap().as_str().into();
        own["maxDepth"] = (links - index).into();
        if let Some(parent) = secured.last() {
            own["parent"] = base64url::encode(&legation_credential::delegation::link_digest(parent)).into();
        }
        let claims = json!({
            "@context": [CONTEXT_CREDENTIALS, CONTEXT_LEGATION],
            "type": ["VerifiableCredential", "DelegationCredential"],
            "issuer": dids.get(index),
            "validFrom": time::format(NOW - 3600), "validUntil": time::format(NOW + 3600),
            "credentialSubject": {"id": dids.get(index + 1), "delegation": own},
        });
        let kid = method(dids.get(index).unwrap());
        secured.push(sealed("vc+jwt", &kid, &bend(index, claims.to_string()), signed.then(|| actor(index))));
    }
    secured
}

/// A chain of documents with so many proofs each, which nobody made, of which each builds on others than the rest
/// where `building`; `more` is put among the claims.
pub(crate) fn documents(links: usize, proofs: usize, building: bool, more: &str) -> Vec<String> {
    let mut chain: Vec<String> = Vec::new();
    for claims in self::chain(links, &|_| narrow(), &|_, claims| claims, false) {
        let payload = base64url::decode(claims.split('.').nth(1).unwrap()).unwrap();
        let mut claims: Value = serde_json::from_slice(&payload).unwrap();
        if let Some(parent) = chain.last() {
            let digest = legation_credential::delegation::link_digest(parent);
            claims["credentialSubject"]["delegation"]["parent"] = base64url::encode(&digest).into();
        }
        let issuer = claims["issuer"].as_str().unwrap().to_owned();
        let id = |index: usize| format!("urn:{index}");
        let all: Vec<Value> = (0..proofs)
            .map(|index| {
                let mut proof = proof_of(&method(&issuer), "assertionMethod");
                proof["id"] = id(index).into();
                if building {
                    proof["previousProof"] = (0..proofs).filter(|other| *other != index).map(id).collect();
                }
                proof
            })
            .collect();
        claims["proof"] = all.into();
        let text = format!("{{{more}{}", claims.to_string().strip_prefix('{').unwrap());
        let limits = JsonLimits { bytes: 1 << 24, depth: 64 };
        chain.push(jcs::canonicalize(&json::parse(text.as_bytes(), limits).unwrap()));
    }
    chain
}

fn proof_of(kid: &str, purpose: &str) -> Value {
    json!({
        "type": "DataIntegrityProof", "cryptosuite": "eddsa-jcs-2022", "verificationMethod": kid, "proofPurpose": purpose,
        "proofValue": multibase::encode(multibase::Base::Base58Btc, [POINT, [0; 32]].concat()),
    })
}

/// A presentation of documents that is one itself.
pub(crate) fn presented_document(links: &[String], more: &str) -> String {
    let holder = key::did(actor(links.len()).public_key()).to_string();
    let mut proof = proof_of(&method(&holder), "authentication");
    for (name, value) in [
        ("domain", AUDIENCE.to_owned()),
        ("challenge", "n-1".to_owned()),
        ("created", time::format(NOW)),
        ("expires", time::format(NOW + 60)),
    ] {
        proof[name] = value.into();
    }
    let claims = json!({
        "@context": [CONTEXT_CREDENTIALS], "type": ["VerifiablePresentation"], "holder": holder, "proof": proof,
        "verifiableCredential": links.iter().map(|link| serde_json::from_str(link).unwrap()).collect::<Vec<Value>>(),
    });
    format!("{{{more}{}", claims.to_string().strip_prefix('{').unwrap())
}

fn method(did: &str) -> String {
    format!("{did}#{}", did.strip_prefix("did:key:").unwrap())
}

fn sealed(typ: &str, kid: &str, claims: &str, signer: Option<SecretKey>) -> String {
    let header = json!({"alg": "EdDSA", "kid": kid, "typ": typ}).to_string();
    let input = [header.as_bytes(), claims.as_bytes()].map(base64url::encode).join(".");
    let signature = match signer {
        Some(key) => key.sign(input.as_bytes()).unwrap(),
        // A canonical R and a small S: it is read, and is wrong.
        None => [POINT, [0; 32]].concat().try_into().unwrap(),
    };
    format!("{input}.{}", base64url::encode(&signature))
}

/// The base point of Ed25519.
const POINT: [u8; 32] = {
    let mut bytes = [0x66; 32];
    bytes[0] = 0x58;
    bytes
};

/// The presentation of links by the last one's subject; `more` is put among its claims.
pub(crate) fn presented(links: &[String], more: &str, signed: bool) -> String {
    let holder = key::did(actor(links.len()).public_key()).to_string();
    let envelope = |link: &String| match link.starts_with('{') {
        true => serde_json::from_str(link).unwrap(),
        false => {
            json!({"@context": [CONTEXT_CREDENTIALS], "type": "EnvelopedVerifiableCredential", "id": format!("data:application/vc+jwt,{link}")})
        }
    };
    let claims = json!({
        "@context": [CONTEXT_CREDENTIALS], "type": ["VerifiablePresentation"], "holder": holder, "aud": AUDIENCE,
        "nonce": "n-1", "iat": NOW, "exp": NOW + 60,
        "verifiableCredential": links.iter().map(envelope).collect::<Vec<_>>(),
    });
    let claims = format!("{{{more}{}", claims.to_string().strip_prefix('{').unwrap());
    sealed("vp+jwt", &method(&holder), &claims, signed.then(|| actor(links.len())))
}

pub(crate) fn narrow() -> Value {
    json!({"grants": [{"actions": ["a:b"], "resources": ["https://shop.example/x"]}]})
}

/// So many bytes of pieces, each made of its number.
pub(crate) fn filled(room: usize, piece: impl Fn(usize) -> String) -> String {
    let mut text = String::new();
    for index in 0.. {
        let next = piece(index);
        if text.len() + next.len() > room {
            break;
        }
        text.push_str(&next);
    }
    text
}

/// A signed request with this chain, by the last one's subject, whose signature is worthless.
pub(crate) fn proof(links: usize) -> Proof {
    Proof {
        signing_input: "\"@method\": POST".to_owned(),
        algorithm: None,
        key_thumbprint: actor(links).public_key().thumbprint(),
        signature: [POINT, [0; 32]].concat().try_into().unwrap(),
        nonce: "n-1".to_owned(),
        created: NOW,
        expires: NOW + 60,
    }
}

/// Another name for each number, all of one length.
pub(crate) fn name(index: usize) -> String {
    let letter = |place: usize| {
        char::from(b'A' + u8::try_from(index / 26_usize.pow(u32::try_from(place).unwrap()) % 26).unwrap())
    };
    [letter(3), letter(2), letter(1), letter(0)].iter().collect()
}
