//! DIDs, DID documents and public keys, in every text that they come in.

use super::choices::parts;
use legation_did::{Did, Document, KeyUse, Purpose, document::MAX_METHODS, key, web};
use legation_keys::{
    Algorithm, PublicKey, SecretKey, Signer,
    json::{self, JsonLimits},
};

/// Any text as a DID, a location of a did:web, a Multikey, a JWK and a DID document; the parts of a text in
/// parts as a document, and ids that are looked up in it.
pub fn names(data: &[u8]) {
    document(data, &[]);
    if let Ok(text) = core::str::from_utf8(data) {
        if let Ok(did) = text.parse() {
            named(&did, text);
        }
        located(text);
        keys(text);
    }
    if let Some([first, ids @ ..]) = parts(data).as_deref() {
        document(first.as_bytes(), ids);
    }
}

fn named(did: &Did, text: &str) {
    assert_eq!((did.as_str(), did.to_string().as_str()), (text, text));
    assert_eq!(format!("did:{}:{}", did.method(), did.method_specific_id()), text);
    assert!(text.len() <= 1024 && text.is_ascii());
    assert_eq!(did.fragment_of(&format!("{text}#k")), Some("k"));
    assert_eq!(did.fragment_of(&format!("{text}:x#k")), None);
    match web::url(did) {
        Some(url) => web_url(did, &url),
        None => assert_ne!(did.method(), "web", "{text}"),
    }
    match key::document(did) {
        Ok(document) => did_key(did, &document),
        Err(_) => assert!(did.method() != "key" || did_key_by_hand(did).is_none(), "{text}"),
    }
}

/// Where a did:web is published: on its own origin, at one path, which it can be written from again.
fn web_url(did: &Did, url: &str) {
    let origin = web::origin(did).unwrap();
    let path = url.strip_prefix(&origin).and_then(|path| path.strip_suffix("/did.json"));
    let path = path.unwrap_or_else(|| panic!("{url} is not on {origin}"));
    // Whether such a label is a name is the resolver's concern.
    if !origin.contains("xn--") {
        let parsed = url::Url::parse(url).unwrap_or_else(|error| panic!("{url}: {error}"));
        assert_eq!(parsed.as_str(), url, "the URL of {did} is read as another");
        assert_eq!(parsed.origin().ascii_serialization(), origin);
        assert!(parsed.query().is_none() && parsed.fragment().is_none() && parsed.username().is_empty());
    }
    let location = origin.strip_prefix("https://").unwrap();
    let location = if path == "/.well-known" { location.to_owned() } else { format!("{location}{path}") };
    // `/.well-known` as a path of its own names the same place: two DIDs of one URL would be two names.
    assert_eq!(web::did(&location).as_ref(), Ok(did), "{url}");
}

/// A did:key is its key, and no other text is.
fn did_key(did: &Did, document: &Document) {
    let by_hand = did_key_by_hand(did).unwrap_or_else(|| panic!("{did} has no key"));
    assert_eq!(key::did(&by_hand), *did);
    for purpose in Purpose::ALL {
        let id = key::method_id(did);
        let wanted = KeyUse { id: &id, algorithm: by_hand.algorithm(), purpose, now: i64::MAX };
        assert_eq!(document.key(wanted), Ok(&by_hand));
    }
}

fn did_key_by_hand(did: &Did) -> Option<PublicKey> {
    PublicKey::from_multikey(did.method_specific_id()).ok().filter(|key| key::did(key) == *did)
}

fn located(text: &str) {
    if let Ok(did) = web::did(text) {
        assert_eq!(did.method(), "web");
        assert_eq!(did.as_str().parse::<Did>().as_ref(), Ok(&did));
        named(&did, did.as_str());
    }
}

fn keys(text: &str) {
    if let Ok(key) = PublicKey::from_multikey(text) {
        assert_eq!(key.to_multikey(), text, "two Multikeys of one key");
        one_key(&key);
    }
    let limits = JsonLimits { bytes: 4096, depth: 8 };
    if let Ok(json) = json::parse(text.as_bytes(), limits)
        && let Some(Ok(key)) = json.as_object().map(PublicKey::from_jwk)
    {
        assert!(json.get("d").is_none(), "a private key is taken for a public one");
        one_key(&key);
    }
    if let Ok(secret) = SecretKey::from_jwk(text) {
        let again = SecretKey::from_jwk(&secret.to_jwk().unwrap()).unwrap();
        assert_eq!(again.public_key(), secret.public_key());
        let signature = secret.sign(text.as_bytes()).unwrap();
        assert!(again.public_key().verify(text.as_bytes(), &signature).is_ok());
        let private = format!("{secret:?}");
        assert!(json::parse(text.as_bytes(), limits).is_ok_and(|json| {
            json.get("d").and_then(|d| d.as_str()).is_some_and(|d| !private.contains(d))
        }));
    }
}

/// A key in each of its forms is the same key.
fn one_key(key: &PublicKey) {
    assert_eq!(PublicKey::from_multikey(&key.to_multikey()).as_ref(), Ok(key));
    let jwk = key.to_jwk().to_string();
    let json = json::parse(jwk.as_bytes(), JsonLimits { bytes: 4096, depth: 4 }).unwrap();
    assert_eq!(PublicKey::from_jwk(json.as_object().unwrap()).as_ref(), Ok(key));
    assert_eq!(key.thumbprint().len(), 43);
    let did = key::did(key);
    assert_eq!(did.as_str().parse::<Did>().as_ref(), Ok(&did));
}

fn document(bytes: &[u8], ids: &[&str]) {
    let Ok(document) = Document::parse(bytes) else { return };
    let text = document.to_json().to_string();
    let again = Document::parse(text.as_bytes()).unwrap_or_else(|error| panic!("{text}: {error}"));
    // What is written has its usable keys only; written again it is the same.
    assert_eq!(again.to_json().to_string(), text);
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    let methods = json["verificationMethod"].as_array().unwrap();
    assert!(
        methods.len() <= MAX_METHODS && document.service_endpoints().count() <= MAX_METHODS * MAX_METHODS
    );
    let own = methods.iter().map(|method| method["id"].as_str().unwrap());
    for id in own.chain(ids.iter().copied()) {
        for algorithm in Algorithm::ALL {
            for purpose in Purpose::ALL {
                look_up(&document, &json, KeyUse { id, algorithm, purpose, now: i64::MIN });
            }
        }
    }
}

/// A key that is found is the one that the text has under this id, listed for this purpose.
fn look_up(document: &Document, json: &serde_json::Value, wanted: KeyUse<'_>) {
    let found = document.key(wanted);
    let Ok(key) = found else { return };
    assert_eq!(key.algorithm(), wanted.algorithm);
    assert!(wanted.id.starts_with(document.id().as_str()));
    let methods = json["verificationMethod"].as_array().unwrap();
    let method = methods.iter().find(|method| method["id"] == wanted.id).unwrap();
    assert_eq!(method["controller"].as_str(), Some(document.id().as_str()));
    let listed = json[wanted.purpose.member()].as_array().unwrap();
    assert!(listed.iter().any(|id| id == wanted.id), "{} is not for {:?}", wanted.id, wanted.purpose);
    let thumbprint = key.thumbprint();
    let by_thumbprint =
        document.key_by_thumbprint(&thumbprint, Some(wanted.algorithm), wanted.purpose, wanted.now);
    assert_eq!(by_thumbprint, Ok(key));
    assert!(document.methods_of(key).any(|id| id == wanted.id));
}
