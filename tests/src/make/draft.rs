//! The good scene, and steps in it.
//!
//! Acme (did:web, its document in evidence) delegates to ada, ada to bob, bob to carol, who presents
//! the chain to the shop. Every link has a status in Acme's list. A case changes exactly one thing.

use super::{
    actors::{Actor, agent, company},
    sealed::Sealed,
    tricks,
};
use data_encoding::BASE64;
use legation_credential::{
    ApprovalRequest, Request, Value as FactValue,
    delegation::{CONTEXT_CREDENTIALS, CONTEXT_LEGATION, link_digest},
    presentation::{DATA_URL, ENVELOPED},
    secured::{canonical, is_document, to_token},
    status::StatusList,
};
use legation_keys::{
    base64url,
    json::{self, JsonLimits},
    time::{self, Round},
};
use serde_json::{Value, json};
use std::rc::Rc;

pub(crate) const SHOP: &str = "did:web:shop.example";
pub(crate) const ACME: &str = "did:web:acme.example";
pub(crate) const LIST: &str = "https://acme.example/status/1";
pub(crate) const NOW: &str = "2026-11-21T12:00:00Z";
pub(crate) const BOOK: &str = "a2a:skill:book";
pub(crate) const REFUND: &str = "mcp:tools/call:payments.refund";
pub(crate) const ORDER: &str = "https://shop.example/api/orders/17";

type BendEnvelopes = Rc<dyn Fn(&mut Vec<Value>)>;
type BendBytes = Rc<dyn Fn(String) -> Vec<u8>>;

/// A status list as it stands in the evidence.
#[derive(Clone)]
pub(crate) struct List {
    pub(crate) url: String,
    pub(crate) fetched_at: String,
    pub(crate) newest_seen: Option<String>,
    pub(crate) set: Vec<usize>,
    pub(crate) sealed: Sealed,
}

/// A vector in the making.
pub(crate) struct Draft {
    pub(crate) name: String,
    why: String,
    pub(crate) trust: Value,
    pub(crate) documents: Vec<Value>,
    pub(crate) lists: Vec<List>,
    pub(crate) ledger: Option<Value>,
    pub(crate) links: Vec<Sealed>,
    pub(crate) presentation: Sealed,
    pub(crate) now: String,
    pub(crate) nonce: String,
    pub(crate) request: Option<Value>,
    /// Approvals that come with the request. Of what they are is filled in when a step is made, unless it was before.
    pub(crate) approvals: Vec<Sealed>,
    /// For whom the verifier vouches, in place of a presentation.
    pub(crate) vouched: Option<String>,
    /// What is presented, in each other way of securing the same, where there is one.
    pub(crate) twins: Vec<Vec<Vec<u8>>>,
    /// Whether they are made.
    pub(crate) with_twins: bool,
    envelopes: Option<BendEnvelopes>,
    bytes: Option<BendBytes>,
    steps: Vec<Value>,
}

pub(crate) fn seconds(moment: &str) -> i64 {
    time::parse(moment, Round::Down).unwrap()
}

/// What must come of a denied step.
pub(crate) fn deny(code: &str, link: Option<usize>) -> Value {
    match link {
        Some(link) => json!({"decision": "deny", "code": code, "link": link}),
        None => json!({"decision": "deny", "code": code}),
    }
}

pub(crate) fn permit() -> Value {
    json!({"decision": "permit"})
}

/// One delegation without its parent, which is filled in when the chain is built.
pub(crate) fn link(
    index: usize,
    issuer: &Rc<Actor>,
    subject: &str,
    time: (&str, &str),
    delegation: Value,
) -> Sealed {
    let claims = json!({
        "@context": [CONTEXT_CREDENTIALS, CONTEXT_LEGATION],
        "id": format!("urn:uuid:5f0c0000-0000-4000-8000-00000000000{index}"),
        "type": ["VerifiableCredential", "DelegationCredential"],
        "issuer": issuer.did,
        "validFrom": time.0,
        "validUntil": time.1,
        "credentialStatus": {
            "type": "BitstringStatusListEntry", "statusPurpose": "revocation",
            "statusListIndex": (index + 7).to_string(), "statusListCredential": LIST,
        },
        "credentialSubject": {"id": subject, "delegation": delegation},
    });
    Sealed::new("vc+jwt", claims, issuer)
}

/// A status list of `issuer` at `url`.
pub(crate) fn list(url: &str, issuer: &Rc<Actor>, purpose: &str) -> List {
    let claims = json!({
        "@context": [CONTEXT_CREDENTIALS],
        "id": url,
        "type": ["VerifiableCredential", "BitstringStatusListCredential"],
        "issuer": issuer.did,
        "validFrom": "2026-11-21T11:45:00Z",
        "credentialSubject": {
            "id": format!("{url}#list"), "type": "BitstringStatusList", "statusPurpose": purpose,
        },
    });
    List {
        url: url.to_owned(),
        fetched_at: "2026-11-21T11:50:00Z".to_owned(),
        newest_seen: None,
        set: Vec::new(),
        sealed: Sealed::new("vc+jwt", claims, issuer),
    }
}

/// The document of an organization, as evidence.
pub(crate) fn document(company: &Actor) -> Value {
    json!({
        "did": company.did,
        "fetchedAt": "2026-11-21T11:30:00Z",
        "document": {
            "@context": ["https://www.w3.org/ns/did/v1", "https://w3id.org/security/jwk/v1"],
            "id": company.did,
            "verificationMethod": [
                {"id": company.kid, "controller": company.did, "type": "JsonWebKey", "publicKeyJwk": company.jwk()},
            ],
            "assertionMethod": [company.kid],
            "authentication": [company.kid],
        },
    })
}

/// The three delegations of the good scene.
fn good_links() -> Vec<Sealed> {
    let (acme, ada, bob) = (company("acme"), agent("ada"), agent("bob"));
    let payments = "mcp:tools/call:payments.*";
    let root = json!({
        "principal": ACME, "maxDepth": 2,
        "grants": [{"actions": [payments, BOOK], "resources": ["https://shop.example/api/*"]}],
        "constraints": [{"type": "spend", "currency": "USD", "perAction": 5000, "actions": [payments]}],
    });
    let middle = json!({
        "principal": ACME, "maxDepth": 1,
        "grants": [{"actions": [payments, BOOK], "resources": ["https://shop.example/api/orders/*"]}],
    });
    let leaf = json!({
        "principal": ACME,
        "grants": [{"actions": [REFUND, BOOK], "resources": ["https://shop.example/api/orders/*"]}],
    });
    vec![
        link(0, &acme, &ada.did, ("2026-11-21T10:00:00Z", "2026-11-28T10:00:00Z"), root),
        link(1, &ada, &bob.did, ("2026-11-21T10:30:00Z", "2026-11-25T10:00:00Z"), middle),
        link(2, &bob, &agent("carol").did, ("2026-11-21T11:00:00Z", "2026-11-22T10:00:00Z"), leaf),
    ]
}

fn good_presentation() -> Sealed {
    let carol = agent("carol");
    let claims = json!({
        "@context": [CONTEXT_CREDENTIALS],
        "type": ["VerifiablePresentation"],
        "holder": carol.did,
        "aud": SHOP,
        "nonce": "n-1",
        "iat": seconds(NOW) - 10,
        "exp": seconds(NOW) + 110,
    });
    Sealed::new("vp+jwt", claims, &carol)
}

impl Draft {
    /// The good scene.
    pub(crate) fn new(name: &str, why: &str) -> Self {
        let acme = company("acme");
        let ceiling = json!({
            "grants": [{"actions": ["mcp:tools/call:*", "a2a:skill:*"], "resources": ["https://shop.example/*"]}],
        });
        Self {
            name: name.to_owned(),
            why: why.to_owned(),
            trust: json!({
                "audience": SHOP,
                "roots": [{"did": ACME, "ceiling": ceiling}],
                "statusIssuers": [ACME],
            }),
            documents: vec![document(&acme)],
            lists: vec![list(LIST, &acme, "revocation")],
            ledger: None,
            links: good_links(),
            presentation: good_presentation(),
            now: NOW.to_owned(),
            nonce: "n-1".to_owned(),
            request: Some(json!({
                "action": REFUND, "resource": ORDER, "facts": {"amount": 1200, "currency": "USD"},
            })),
            approvals: Vec::new(),
            vouched: None,
            twins: Vec::new(),
            with_twins: false,
            envelopes: None,
            bytes: None,
            steps: Vec::new(),
        }
    }

    /// The claims of a link.
    pub(crate) fn claims(&mut self, index: usize) -> &mut Value {
        &mut self.links[index].claims
    }

    /// What a link says in `delegation`.
    pub(crate) fn delegation(&mut self, index: usize) -> &mut Value {
        &mut self.links[index].claims["credentialSubject"]["delegation"]
    }

    /// Leaves the first so many links; the last subject presents.
    pub(crate) fn only(&mut self, count: usize) {
        let after = self.links.drain(count..).next().unwrap();
        let holder = Rc::clone(&after.signer);
        self.presented_by(&holder);
    }

    /// Leaves Acme's delegation to ada, who presents it.
    pub(crate) fn solo(&mut self) {
        self.only(1);
    }

    /// Makes somebody the holder who signs the presentation.
    pub(crate) fn presented_by(&mut self, holder: &Rc<Actor>) {
        self.presentation.claims["holder"] = holder.did.as_str().into();
        self.presentation.signed_by(holder);
    }

    /// Makes somebody the subject of a link, who issues the next one or presents.
    pub(crate) fn cast(&mut self, index: usize, actor: &Rc<Actor>) {
        self.claims(index)["credentialSubject"]["id"] = actor.did.as_str().into();
        match self.links.get_mut(index + 1) {
            Some(next) => {
                next.claims["issuer"] = actor.did.as_str().into();
                next.signed_by(actor);
            }
            None => self.presented_by(actor),
        }
    }

    /// Makes somebody the trusted root that issues the first link, and the principal of all.
    pub(crate) fn root(&mut self, actor: &Rc<Actor>) {
        self.trust["roots"][0]["did"] = actor.did.as_str().into();
        self.links[0].signed_by(actor);
        self.claims(0)["issuer"] = actor.did.as_str().into();
        for index in 0..self.links.len() {
            self.delegation(index)["principal"] = actor.did.as_str().into();
        }
    }

    /// Sets the constraints of a link.
    pub(crate) fn limits(&mut self, index: usize, constraints: Value) {
        self.delegation(index)["constraints"] = constraints;
    }

    /// Asks for a booking with these facts: the scene's own constraints do not bind it.
    pub(crate) fn book(&mut self, facts: Value) {
        self.request = Some(json!({"action": BOOK, "resource": ORDER, "facts": facts}));
    }

    /// Lets somebody approve the request of whoever presents.
    pub(crate) fn approve(&mut self, approver: &Rc<Actor>) {
        let claims = json!({
            "@context": [CONTEXT_CREDENTIALS, CONTEXT_LEGATION],
            "type": ["VerifiableCredential", "ApprovalCredential"],
            "issuer": approver.did,
            "validFrom": "2026-11-21T11:58:00Z",
            "validUntil": "2026-11-21T12:08:00Z",
            "credentialSubject": {"id": self.presentation.claims["holder"], "approval": {}},
        });
        self.approvals.push(Sealed::new("vc+jwt", claims, approver));
    }

    /// Makes the approvals those of the request as it stands now.
    pub(crate) fn fix_approvals(&mut self) {
        let digest = self.digest_to_approve();
        for one in &mut self.approvals {
            let approval = &mut one.claims["credentialSubject"]["approval"];
            if approval.get("request").is_none() {
                approval["request"] = digest.clone().into();
            }
        }
    }

    /// The digest of what an approver approves.
    fn digest_to_approve(&self) -> String {
        let asked = self.request.clone().unwrap();
        let text = |member: &str| asked[member].as_str().unwrap().to_owned();
        let facts = asked["facts"].as_object().unwrap().iter().map(|(name, value)| {
            let text = value.to_string();
            let value = json::parse(text.as_bytes(), JsonLimits { bytes: 4096, depth: 1 }).unwrap();
            (name.clone(), FactValue::from_json(&value).unwrap())
        });
        let approval = ApprovalRequest {
            request: Request::new(&text("action"), &text("resource"), facts.collect()).unwrap(),
            agent: self.presentation.claims["holder"].as_str().unwrap().parse().unwrap(),
            delegation: link_digest(self.secured().last().unwrap()),
            audience: self.trust["audience"].as_str().unwrap().to_owned(),
        };
        base64url::encode(&approval.digest())
    }

    /// The approvals as they are sent.
    fn sealed_approvals(&self) -> Vec<String> {
        let mut scene = self.clone_scene();
        scene.trust.clone_from(&self.trust);
        scene.request.clone_from(&self.request);
        scene.approvals.clone_from(&self.approvals);
        scene.fix_approvals();
        scene.approvals.iter().map(Sealed::seal).collect()
    }

    /// Lets the verifier vouch for the agent at the end of the chain, as its trust allows.
    pub(crate) fn vouch(&mut self) {
        self.trust["vouched"] = true.into();
        let agent = self.presentation.claims["holder"].as_str().unwrap();
        self.vouched = Some(agent.to_owned());
        self.nonce = String::new();
    }

    /// Sets the fields of the request.
    pub(crate) fn ask(&mut self, member: &str, value: Value) {
        self.request.as_mut().unwrap()[member] = value;
    }

    /// Moves to another time of day, with a fresh presentation for a nonce of its own.
    pub(crate) fn at(&mut self, time: &str, nonce: &str) {
        self.now = format!("2026-11-21T{time}Z");
        self.presentation.claims["iat"] = seconds(&self.now).into();
        self.presentation.claims["exp"] = (seconds(&self.now) + 60).into();
        self.nonce = nonce.to_owned();
        self.presentation.claims["nonce"] = nonce.into();
    }

    /// Changes the envelopes before the presentation is signed.
    pub(crate) fn envelopes(&mut self, bend: impl Fn(&mut Vec<Value>) + 'static) {
        self.envelopes = Some(Rc::new(bend));
    }

    /// Changes the bytes that are sent.
    pub(crate) fn bytes(&mut self, bend: impl Fn(String) -> Vec<u8> + 'static) {
        self.bytes = Some(Rc::new(bend));
    }

    /// The secured links. Each names the one before it as its parent, unless the case says
    /// otherwise.
    pub(crate) fn secured(&self) -> Vec<String> {
        let mut secured: Vec<String> = Vec::new();
        for link in &self.links {
            let mut link = link.clone();
            let delegation = link.claims.pointer_mut("/credentialSubject/delegation");
            if let (Some(parent), Some(Value::Object(delegation)), false) =
                (secured.last(), delegation, link.own_parent)
            {
                delegation.insert("parent".to_owned(), base64url::encode(&link_digest(parent)).into());
            }
            secured.push(canonical(&link.seal()).unwrap().into_owned());
        }
        secured
    }

    /// The bytes that are presented.
    pub(crate) fn present(&self) -> Vec<u8> {
        if self.vouched.is_some() {
            let links: Vec<String> = self.secured().iter().map(|link| to_token(link).into_owned()).collect();
            let compact = links.join("~");
            return self.bytes.as_ref().map_or(compact.clone().into_bytes(), |bend| bend(compact.clone()));
        }
        let envelope = |link: &String| match is_document(link) {
            true => serde_json::from_str(link).unwrap(),
            false => {
                json!({"@context": [CONTEXT_CREDENTIALS], "type": ENVELOPED, "id": format!("{DATA_URL}{link}")})
            }
        };
        let mut presentation = self.presentation.clone();
        let mut envelopes: Vec<Value> = self.secured().iter().map(envelope).collect();
        if let Some(bend) = &self.envelopes {
            bend(&mut envelopes);
        }
        if presentation.claims.get("verifiableCredential").is_none() {
            presentation.claims["verifiableCredential"] = envelopes.into();
        }
        let compact = presentation.seal();
        self.bytes.as_ref().map_or(compact.clone().into_bytes(), |bend| bend(compact.clone()))
    }

    /// Presents the scene as it stands now, and says what must come of it.
    pub(crate) fn step(&mut self, expect: Value) {
        let mut step = json!({"now": self.now, "nonce": self.nonce, "expect": expect});
        let bytes = self.present();
        match core::str::from_utf8(&bytes).map(|text| (text, tricks::runs(text))) {
            Ok((_, Some(runs))) => step["presentationRepeat"] = json!(runs),
            Ok((text, None)) => step["presentation"] = text.into(),
            Err(_) => step["presentationBase64"] = BASE64.encode(&bytes).into(),
        }
        if !self.approvals.is_empty() {
            step["approvals"] = self.sealed_approvals().into();
        }
        if let Some(agent) = &self.vouched {
            step["vouched"] = agent.as_str().into();
        }
        if let Some(request) = &self.request {
            step["request"] = request.clone();
        }
        if self.with_twins {
            self.twins.push(self.other_ways());
        }
        self.steps.push(step);
    }

    /// The same presentation with proofs in place of JWS: of all links, of every second one, of the presentation
    /// too. None where the case is about the form.
    fn other_ways(&self) -> Vec<Vec<u8>> {
        let plain = self.links.iter().chain([&self.presentation]).all(Sealed::is_plain);
        let claims = &self.presentation.claims;
        let usual = claims["aud"].is_string()
            && claims["nonce"].is_string()
            && ["iat", "exp"].iter().all(|claim| claims[claim].is_i64());
        // With `arbitrary_precision` a `Value` holds no object that has the member by which it writes numbers.
        let nameless = |sealed: &Sealed| !sealed.claims.to_string().contains("$serde_json::private");
        // An approval is of one chain, byte for byte.
        let approved = !self.approvals.is_empty();
        if approved
            || !plain
            || !self.links.iter().all(nameless)
            || self.bytes.is_some()
            || self.envelopes.is_some()
        {
            return Vec::new();
        }
        // Where the verifier vouches, nothing is signed around the links.
        let usual = usual && self.vouched.is_none();
        let ways = [(1, 0, false), (2, 0, false), (2, 1, false), (1, 0, true), (usize::MAX, 1, true)];
        let make = |(step, first, presentation): (usize, usize, bool)| {
            let mut other = Self { twins: Vec::new(), steps: Vec::new(), ..self.clone_scene() };
            for (index, link) in other.links.iter_mut().enumerate() {
                if index % step == first {
                    link.by_proof(json!({}));
                }
            }
            if presentation {
                other.presentation.by_proof(json!({}));
            }
            other.present()
        };
        ways.into_iter().filter(|(.., presentation)| usual || !presentation).map(make).collect()
    }

    fn clone_scene(&self) -> Self {
        let mut scene = Self::new(&self.name, &self.why);
        scene.links.clone_from(&self.links);
        scene.presentation = self.presentation.clone();
        scene.vouched.clone_from(&self.vouched);
        scene
    }

    pub(crate) fn evidence(&self) -> Value {
        let lists = self.lists.iter().map(|list| {
            let mut sealed = list.sealed.clone();
            let subject = &mut sealed.claims["credentialSubject"];
            if subject.get("encodedList").is_none() {
                let mut bits = StatusList::new(0);
                assert!(list.set.iter().all(|index| bits.set(*index, true)));
                subject["encodedList"] = bits.encode().into();
            }
            let mut json =
                json!({"url": list.url, "fetchedAt": list.fetched_at, "credential": sealed.seal()});
            if let Some(newest) = &list.newest_seen {
                json["newestSeen"] = newest.as_str().into();
            }
            json
        });
        json!({"didDocuments": self.documents, "statusLists": lists.collect::<Vec<_>>()})
    }

    /// The file, in the order in which a reader wants it.
    pub(crate) fn to_text(&self) -> String {
        assert!(!self.steps.is_empty(), "{} has no step", self.name);
        let mut members = vec![
            ("name", json!(self.name)),
            ("why", json!(self.why)),
            ("trust", self.trust.clone()),
            ("evidence", self.evidence()),
        ];
        members.extend(self.ledger.clone().map(|ledger| ("ledger", ledger)));
        members.push(("steps", json!(self.steps)));
        let write = |(name, value): (&str, Value)| {
            format!("  \"{name}\": {}", serde_json::to_string_pretty(&value).unwrap().replace('\n', "\n  "))
        };
        format!("{{\n{}\n}}\n", members.into_iter().map(write).collect::<Vec<_>>().join(",\n"))
    }
}
