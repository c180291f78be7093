//! DID documents (DID Core §5, Controlled Identifiers 1.0 §2), as far as signing needs them.

use crate::{Did, DidError, service::Service, syntax::one_spelling};
use legation_keys::{
    Algorithm, PublicKey,
    json::{self, Json, JsonError, JsonLimits, Object},
    public::PublicKeyError,
    time::{self, Round},
};
use serde_json::json;

/// Bounds on a document: no known one comes near, and the parse of the largest takes
/// a fraction of a millisecond.
pub const LIMITS: JsonLimits = JsonLimits { bytes: 64 * 1024, depth: 16 };
/// Most verification methods, most references of one relationship, and most services.
pub const MAX_METHODS: usize = 64;

/// What a key may be used for: the verification relationships that Legation asks about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Sign credentials and status lists (DID Core §5.3.2).
    AssertionMethod,
    /// Prove to be the DID's subject, as in a presentation (DID Core §5.3.1).
    Authentication,
}

impl Purpose {
    /// Every purpose there is.
    pub const ALL: [Self; 2] = [Self::AssertionMethod, Self::Authentication];

    /// The member of a DID document that lists the keys with this purpose.
    #[must_use]
    pub fn member(self) -> &'static str {
        match self {
            Self::AssertionMethod => "assertionMethod",
            Self::Authentication => "authentication",
        }
    }
}

/// A DID document: an id, keys, and what each may be used for.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    id: Did,
    also_known_as: Vec<String>,
    methods: Vec<Method>,
    services: Vec<Service>,
}

#[derive(Clone, Debug, PartialEq)]
struct Method {
    id: String,
    controller: String,
    key: Result<PublicKey, PublicKeyError>,
    purposes: Vec<Purpose>,
    /// Unix seconds from which on the key must not be used: the earlier of `revoked` and
    /// `expires` (Controlled Identifiers 1.0 §2.2).
    ends: Option<i64>,
}

/// Why bytes are not a DID document.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum DocumentError {
    /// Not strict JSON.
    #[error("{0}")]
    Json(#[from] JsonError),
    /// A member is missing or of the wrong kind.
    #[error("`{member}` is missing or not {expected}")]
    Member {
        /// Which one.
        member: &'static str,
        /// What it should be.
        expected: &'static str,
    },
    /// `id` is no DID.
    #[error("{0}")]
    Id(#[from] DidError),
    /// Two verification methods of one id.
    #[error("two verification methods have the id `{id}`")]
    DuplicateMethod {
        /// The id.
        id: String,
    },
    /// More verification methods than [`MAX_METHODS`].
    #[error("more than {MAX_METHODS} verification methods, references or services")]
    TooMany,
}

/// Why a document has no key for a use. The variants stand in the order of the checks.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum KeyLookupError {
    /// No verification method of that id, or one that somebody else controls.
    #[error("the document of `{did}` has no verification method `{id}` of its own")]
    NotFound {
        /// Whose document.
        did: Did,
        /// What was looked for.
        id: String,
    },
    /// The method's key is of a kind that is not supported.
    #[error("`{id}`: {error}")]
    Unusable {
        /// The method.
        id: String,
        /// What is wrong with its key.
        error: PublicKeyError,
    },
    /// The method's key is for another algorithm.
    #[error("`{id}` is a key for {found}, not for {expected}")]
    Algorithm {
        /// The method.
        id: String,
        /// What the signature says.
        expected: Algorithm,
        /// What the key is for.
        found: Algorithm,
    },
    /// There is such a method, but not for this purpose.
    #[error("`{id}` is not listed under `{}`", .purpose.member())]
    Purpose {
        /// The method.
        id: String,
        /// What it would be needed for.
        purpose: Purpose,
    },
    /// The method was revoked or has expired.
    #[error("`{id}` has not been valid since {}", time::format(*.since))]
    Revoked {
        /// The method.
        id: String,
        /// Since when, in Unix seconds.
        since: i64,
    },
}

/// What a key is needed for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyUse<'a> {
    /// The verification method, as a DID URL.
    pub id: &'a str,
    /// The algorithm of the signature.
    pub algorithm: Algorithm,
    /// What it was signed for.
    pub purpose: Purpose,
    /// The moment, Unix seconds.
    pub now: i64,
}

impl Document {
    /// A document without keys.
    #[must_use]
    pub fn new(id: Did) -> Self {
        Self { id, also_known_as: Vec::new(), methods: Vec::new(), services: Vec::new() }
    }

    /// Adds another name of the subject (DID Core §5.1.3).
    pub fn add_also_known_as(&mut self, name: String) {
        if !self.also_known_as.contains(&name) {
            self.also_known_as.push(name);
        }
    }

    /// The other names that the subject says it has (DID Core §5.1.3). Whose they are, their own documents say.
    pub fn also_known_as(&self) -> impl Iterator<Item = &str> {
        self.also_known_as.iter().map(String::as_str)
    }

    /// Adds a key that the document's subject controls. `id` is a DID URL of the document's DID.
    pub fn add_key(&mut self, id: String, key: PublicKey, purposes: &[Purpose]) {
        let controller = self.id.to_string();
        self.methods.push(Method { id, controller, key: Ok(key), purposes: purposes.to_vec(), ends: None });
    }

    /// Adds a service, or a further endpoint to the one of that id (DID Core §5.4: ids are unique,
    /// endpoints a set). `id` is a DID URL of the document's DID.
    pub fn add_service(&mut self, id: String, kind: String, endpoint: String) {
        let Some(service) = self.services.iter_mut().find(|service| service.id == id) else {
            self.services.push(Service { id, kinds: vec![kind], endpoints: vec![endpoint] });
            return;
        };
        for (texts, text) in [(&mut service.kinds, kind), (&mut service.endpoints, endpoint)] {
            if !texts.contains(&text) {
                texts.push(text);
            }
        }
    }

    /// The URLs at which the subject says that its services are (DID Core §5.4).
    pub fn service_endpoints(&self) -> impl Iterator<Item = &str> {
        self.services.iter().flat_map(|service| &service.endpoints).map(String::as_str)
    }

    /// Whose document it is.
    #[must_use]
    pub fn id(&self) -> &Did {
        &self.id
    }

    /// Reads a document. Keys of unsupported kinds stay in it, unusable, since a document may
    /// hold keys for others.
    ///
    /// # Errors
    /// [`DocumentError`].
    ///
    /// ```
    /// use legation_did::{Document, DocumentError};
    /// let document = Document::parse(br#"{"id": "did:web:example.com"}"#)?;
    /// assert_eq!(document.id().as_str(), "did:web:example.com");
    /// assert!(matches!(Document::parse(b"{}"), Err(DocumentError::Member { member: "id", .. })));
    /// # Ok::<(), DocumentError>(())
    /// ```
    pub fn parse(bytes: &[u8]) -> Result<Self, DocumentError> {
        Self::from_json(&json::parse(bytes, LIMITS)?)
    }

    /// Reads a document that is part of a larger JSON text.
    ///
    /// # Errors
    /// [`DocumentError`].
    pub fn from_json(json: &Json<'_>) -> Result<Self, DocumentError> {
        let object = json
            .as_object()
            .ok_or(DocumentError::Member { member: "(the document)", expected: "an object" })?;
        let mut document = Self::new(text(object, "id")?.parse()?);
        for method in array(object, "verificationMethod")? {
            document.push(method_of(&document.id, method)?)?;
        }
        for purpose in Purpose::ALL {
            for entry in array(object, purpose.member())? {
                document.relate(entry, purpose)?;
            }
        }
        // What is no text names nobody, and does no harm.
        let names = object.get("alsoKnownAs").and_then(Json::as_array).unwrap_or_default();
        document.also_known_as = names.iter().filter_map(Json::as_str).map(str::to_owned).collect();
        let read = |service| Service::read(&document.id, service);
        document.services = array(object, "service")?.iter().filter_map(read).collect();
        Ok(document)
    }

    fn push(&mut self, method: Method) -> Result<(), DocumentError> {
        if self.methods.iter().any(|other| other.id == method.id) {
            return Err(DocumentError::DuplicateMethod { id: method.id });
        }
        if self.methods.len() >= MAX_METHODS {
            return Err(DocumentError::TooMany);
        }
        self.methods.push(method);
        Ok(())
    }

    /// One entry of a relationship: the id of a method, or a method of its own that is for this
    /// purpose only (DID Core §5.3). A reference to nothing is of no use and does no harm.
    fn relate(&mut self, entry: &Json<'_>, purpose: Purpose) -> Result<(), DocumentError> {
        match entry {
            Json::String(reference) => {
                let id = self.id.resolve(reference);
                if let Some(method) = self.methods.iter_mut().find(|method| method.id == id)
                    && !method.purposes.contains(&purpose)
                {
                    method.purposes.push(purpose);
                }
                Ok(())
            }
            embedded => {
                let method = method_of(&self.id, embedded)?;
                self.push(Method { purposes: vec![purpose], ..method })
            }
        }
    }

    /// The key for a use.
    ///
    /// # Errors
    /// [`KeyLookupError`], in the order of its variants. A method whose `controller` is another
    /// DID is not found: its key answers for somebody else.
    pub fn key(&self, wanted: KeyUse<'_>) -> Result<&PublicKey, KeyLookupError> {
        // What asks is no part of the document: a relative reference there would be one to something else.
        let url = self.id.fragment_of(wanted.id).map(|_| self.id.resolve(wanted.id));
        let own =
            |method: &&Method| Some(&method.id) == url.as_ref() && method.controller == self.id.as_str();
        let method = self.methods.iter().find(own);
        let id = || wanted.id.to_owned();
        let none = || KeyLookupError::NotFound { did: self.id.clone(), id: id() };
        let method = method.ok_or_else(none)?;
        let key = method.key.as_ref();
        let key = key.map_err(|error| KeyLookupError::Unusable { id: id(), error: error.clone() })?;
        let (expected, found) = (wanted.algorithm, key.algorithm());
        if expected != found {
            return Err(KeyLookupError::Algorithm { id: id(), expected, found });
        }
        if !method.purposes.contains(&wanted.purpose) {
            return Err(KeyLookupError::Purpose { id: id(), purpose: wanted.purpose });
        }
        match method.ends {
            Some(since) if since <= wanted.now => Err(KeyLookupError::Revoked { id: id(), since }),
            _ => Ok(key),
        }
    }

    /// The ids of the methods that can be used for a purpose at `now` (Unix seconds), each with the
    /// algorithm of its key.
    pub fn usable(&self, purpose: Purpose, now: i64) -> impl Iterator<Item = (&str, Algorithm)> {
        self.methods.iter().filter_map(move |method| {
            let algorithm = method.key.as_ref().ok()?.algorithm();
            self.key(KeyUse { id: &method.id, algorithm, purpose, now }).ok()?;
            Some((method.id.as_str(), algorithm))
        })
    }

    /// The key of a thumbprint (RFC 7638) for a purpose, as [`Document::key`] judges it; `algorithm` is
    /// that of the signature, where it says one. Of several methods that hold the key, one that may be
    /// used suffices.
    ///
    /// # Errors
    /// [`KeyLookupError`], of the first method that holds the key; [`KeyLookupError::NotFound`] where
    /// none does.
    pub fn key_by_thumbprint(
        &self,
        thumbprint: &str,
        algorithm: Option<Algorithm>,
        purpose: Purpose,
        now: i64,
    ) -> Result<&PublicKey, KeyLookupError> {
        let mut first = None;
        for method in &self.methods {
            let Ok(key) = &method.key else { continue };
            if key.thumbprint() != thumbprint {
                continue;
            }
            let algorithm = algorithm.unwrap_or(key.algorithm());
            match self.key(KeyUse { id: &method.id, algorithm, purpose, now }) {
                Ok(key) => return Ok(key),
                Err(error) => first = first.or(Some(error)),
            }
        }
        let nothing = || KeyLookupError::NotFound { did: self.id.clone(), id: thumbprint.to_owned() };
        Err(first.unwrap_or_else(nothing))
    }

    /// The ids of the methods whose key is `key`, with any purpose.
    pub fn methods_of<'d>(&'d self, key: &'d PublicKey) -> impl Iterator<Item = &'d str> {
        self.methods
            .iter()
            .filter(move |method| method.key.as_ref() == Ok(key))
            .map(|method| method.id.as_str())
    }

    /// Writes the document: did:key methods as `Multikey`, all others as `JsonWebKey`, which
    /// VC-JOSE-COSE §3.4 asks for. Keys of unsupported kinds are left out.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        let multikey = self.id.method() == "key";
        let suite = if multikey {
            "https://w3id.org/security/multikey/v1"
        } else {
            "https://w3id.org/security/jwk/v1"
        };
        let methods: Vec<_> = self
            .methods
            .iter()
            .filter_map(|method| {
                let key = method.key.as_ref().ok()?;
                let mut json = json!({"id": method.id, "controller": method.controller});
                let (kind, member, value) = if multikey {
                    ("Multikey", "publicKeyMultibase", key.to_multikey().into())
                } else {
                    ("JsonWebKey", "publicKeyJwk", key.to_jwk())
                };
                let object = json.as_object_mut()?;
                object.insert("type".to_owned(), kind.into());
                object.insert(member.to_owned(), value);
                Some(json)
            })
            .collect();
        let mut json = json!({
            "@context": ["https://www.w3.org/ns/did/v1", suite],
            "id": self.id.as_str(),
            "verificationMethod": methods,
        });
        for purpose in Purpose::ALL {
            let ids: Vec<_> = self
                .methods
                .iter()
                .filter(|method| method.key.is_ok() && method.purposes.contains(&purpose))
                .map(|method| method.id.as_str())
                .collect();
            if let Some(object) = json.as_object_mut() {
                object.insert(purpose.member().to_owned(), ids.into());
            }
        }
        if let (false, Some(object)) = (self.also_known_as.is_empty(), json.as_object_mut()) {
            object.insert("alsoKnownAs".to_owned(), self.also_known_as.as_slice().into());
        }
        if let (false, Some(object)) = (self.services.is_empty(), json.as_object_mut()) {
            object.insert("service".to_owned(), self.services.iter().map(Service::to_json).collect());
        }
        json
    }
}

fn method_of(did: &Did, json: &Json<'_>) -> Result<Method, DocumentError> {
    let object = json
        .as_object()
        .ok_or(DocumentError::Member { member: "verificationMethod", expected: "an array of objects" })?;
    let end = |member: &'static str| match object.get(member) {
        None => Ok(None),
        Some(value) => value
            .as_str()
            .and_then(|text| time::parse(text, Round::Down))
            .map(Some)
            .ok_or(DocumentError::Member { member, expected: "a time with zone" }),
    };
    let ends = [end("revoked")?, end("expires")?].into_iter().flatten().min();
    let method = Method {
        id: did.resolve(text(object, "id")?),
        controller: one_spelling(text(object, "controller")?).into_owned(),
        key: key_of(object, text(object, "type")?),
        purposes: Vec::new(),
        ends,
    };
    Ok(method)
}

/// The key, by the method's type. The 2020 types still stand in many documents.
fn key_of(object: &Object<'_>, kind: &str) -> Result<PublicKey, PublicKeyError> {
    match kind {
        "Multikey" | "Ed25519VerificationKey2020" => {
            let text = object.get("publicKeyMultibase").and_then(Json::as_str);
            PublicKey::from_multikey(text.ok_or(PublicKeyError::Missing { member: "publicKeyMultibase" })?)
        }
        "JsonWebKey" | "JsonWebKey2020" => {
            let jwk = object.get("publicKeyJwk").and_then(Json::as_object);
            PublicKey::from_jwk(jwk.ok_or(PublicKeyError::Missing { member: "publicKeyJwk" })?)
        }
        other => Err(PublicKeyError::Unsupported { found: crate::syntax::shorten(other) }),
    }
}

fn text<'o>(object: &'o Object<'_>, member: &'static str) -> Result<&'o str, DocumentError> {
    object.get(member).and_then(Json::as_str).ok_or(DocumentError::Member { member, expected: "a string" })
}

fn array<'o, 'a>(object: &'o Object<'a>, member: &'static str) -> Result<&'o [Json<'a>], DocumentError> {
    match object.get(member) {
        None => Ok(&[]),
        Some(value) => match value.as_array() {
            Some(entries) if entries.len() > MAX_METHODS => Err(DocumentError::TooMany),
            Some(entries) => Ok(entries),
            None => Err(DocumentError::Member { member, expected: "an array" }),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use legation_keys::{SecretKey, Signer};

    const MULTIKEY: &str = "z6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooWp";

    fn with_method(extra: &str, relations: &str) -> Document {
        let text = format!(
            r##"{{"id":"did:web:a.example","verificationMethod":[{{"id":"did:web:a.example#k",
            "type":"Multikey","controller":"did:web:a.example","publicKeyMultibase":"{MULTIKEY}"{extra}}}]{relations}}}"##
        );
        Document::parse(text.as_bytes()).unwrap()
    }

    fn wanted(id: &str, purpose: Purpose, now: i64) -> KeyUse<'_> {
        KeyUse { id, algorithm: Algorithm::EdDsa, purpose, now }
    }

    #[test]
    fn a_document_is_read_as_it_was_written() {
        for algorithm in Algorithm::ALL {
            let key = SecretKey::generate(algorithm).unwrap().public_key().clone();
            let did: Did = "did:web:a.example:agent".parse().unwrap();
            for document in [
                crate::web::document(&did, std::slice::from_ref(&key)),
                crate::key::document(&crate::key::did(&key)).unwrap(),
            ] {
                let again = Document::parse(document.to_json().to_string().as_bytes()).unwrap();
                assert_eq!(again, document);
                let id = again.methods_of(&key).next().unwrap().to_owned();
                let wanted = KeyUse { algorithm, ..wanted(&id, Purpose::Authentication, 0) };
                assert_eq!(again.key(wanted), Ok(&key));
            }
        }
    }

    #[test]
    fn a_key_serves_only_its_purposes_its_time_and_its_controller() {
        let id = "did:web:a.example#k";
        let document = with_method("", r##","assertionMethod":["did:web:a.example#k"]"##);
        assert!(document.key(wanted(id, Purpose::AssertionMethod, 0)).is_ok());
        assert!(matches!(
            document.key(wanted(id, Purpose::Authentication, 0)),
            Err(KeyLookupError::Purpose { .. })
        ));
        for other in ["#k", "did:web:a.example", "did:web:b.example#k", "did:web:a.example#j"] {
            assert!(
                matches!(
                    document.key(wanted(other, Purpose::AssertionMethod, 0)),
                    Err(KeyLookupError::NotFound { .. })
                ),
                "{other}"
            );
        }
        for end in ["revoked", "expires"] {
            let ended = with_method(
                &format!(r#","{end}":"1970-01-01T00:01:00Z""#),
                r##","assertionMethod":["did:web:a.example#k"]"##,
            );
            assert!(ended.key(wanted(id, Purpose::AssertionMethod, 59)).is_ok());
            assert!(matches!(
                ended.key(wanted(id, Purpose::AssertionMethod, 60)),
                Err(KeyLookupError::Revoked { since: 60, .. })
            ));
        }
        let other = KeyUse { algorithm: Algorithm::Es256, ..wanted(id, Purpose::AssertionMethod, 0) };
        assert!(matches!(document.key(other), Err(KeyLookupError::Algorithm { .. })));
        let foreign = format!(
            r##"{{"id":"did:web:a.example","assertionMethod":[{{"id":"did:web:a.example#k","type":"Multikey",
            "controller":"did:web:evil.example","publicKeyMultibase":"{MULTIKEY}"}}]}}"##
        );
        let foreign = Document::parse(foreign.as_bytes()).unwrap();
        assert!(matches!(
            foreign.key(wanted(id, Purpose::AssertionMethod, 0)),
            Err(KeyLookupError::NotFound { .. })
        ));
    }

    #[test]
    fn an_embedded_method_has_the_purpose_it_stands_under() {
        let text = format!(
            r##"{{"id":"did:web:a.example","authentication":[{{"id":"did:web:a.example#k","type":"Multikey",
            "controller":"did:web:a.example","publicKeyMultibase":"{MULTIKEY}"}}]}}"##
        );
        let document = Document::parse(text.as_bytes()).unwrap();
        assert!(document.key(wanted("did:web:a.example#k", Purpose::Authentication, 0)).is_ok());
        assert!(document.key(wanted("did:web:a.example#k", Purpose::AssertionMethod, 0)).is_err());
    }

    #[test]
    fn a_relative_url_is_of_the_documents_own_did() {
        let whole = "did:web:a.example#k";
        for (id, reference) in [("#k", whole), (whole, "#k"), ("#k", "#k")] {
            let text = format!(
                r##"{{"id":"did:web:a.example","verificationMethod":[{{"id":"{id}","type":"Multikey",
                "controller":"did:web:a.example","publicKeyMultibase":"{MULTIKEY}"}}],"assertionMethod":["{reference}"],
                "service":[{{"id":"#s","type":"A","serviceEndpoint":"https://b.example"}}]}}"##
            );
            let document = Document::parse(text.as_bytes()).unwrap();
            assert!(document.key(wanted(whole, Purpose::AssertionMethod, 0)).is_ok(), "{id} {reference}");
            // Who asks is outside of the document.
            let outside = document.key(wanted("#k", Purpose::AssertionMethod, 0));
            assert!(matches!(outside, Err(KeyLookupError::NotFound { .. })));
            let json = document.to_json();
            assert_eq!(json["verificationMethod"][0]["id"], whole, "written whole");
            assert_eq!(json["service"][0]["id"], "did:web:a.example#s");
        }
    }

    #[test]
    fn a_key_of_another_kind_stays_but_cannot_be_used() {
        let text = r##"{"id":"did:web:a.example","assertionMethod":[{"id":"did:web:a.example#k",
            "type":"EcdsaSecp256k1VerificationKey2019","controller":"did:web:a.example"}]}"##;
        let document = Document::parse(text.as_bytes()).unwrap();
        assert!(matches!(
            document.key(wanted("did:web:a.example#k", Purpose::AssertionMethod, 0)),
            Err(KeyLookupError::Unusable { .. })
        ));
    }

    #[test]
    fn a_document_that_is_ambiguous_or_too_large_is_refused() {
        let method = format!(
            r##"{{"id":"did:web:a.example#k","type":"Multikey","controller":"did:web:a.example","publicKeyMultibase":"{MULTIKEY}"}}"##
        );
        let twice = format!(r#"{{"id":"did:web:a.example","verificationMethod":[{method},{method}]}}"#);
        assert!(matches!(Document::parse(twice.as_bytes()), Err(DocumentError::DuplicateMethod { .. })));
        let many =
            format!(r#"{{"id":"did:web:a.example","verificationMethod":[{}]}}"#, vec![method; 65].join(","));
        assert!(matches!(Document::parse(many.as_bytes()), Err(DocumentError::TooMany)));
        assert!(matches!(Document::parse(br#"{"id":"x"}"#), Err(DocumentError::Id(_))));
        assert!(matches!(
            Document::parse(br#"{"id":"did:web:a.example","id":"did:web:b.example"}"#),
            Err(DocumentError::Json(_))
        ));
        assert!(matches!(Document::parse(&[b' '; 70_000]), Err(DocumentError::Json(_))));
    }
}
