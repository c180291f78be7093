//! The token endpoint: what comes of a chain for services that know OAuth, and what does not.

use crate::world::{Answer, World, blocking, both, now, sqlite};
use axum::{
    body::Body,
    http::{Request, header},
};
use legation_agent_card::JwkSet;
use legation_credential::{Facts, Occasion, present};
use legation_did::{Did, method_id};
use legation_keys::{Algorithm, SecretKey, Signer};
use legation_registry::{Profile, proof::prove};
use legation_store::holder::Kind;
use legation_token::{
    Expected, Shown, TokenAlgorithm, VerifiedToken, assertion,
    dpop::{self, Making, Of},
    request::{ASSERTION, CLIENT, EXCHANGE},
    verify,
};
use serde_json::{Value, json};

pub(crate) const ISSUER: &str = "https://acme.example";
pub(crate) const API: &str = "https://api.example";

/// An agent with its own key.
pub(crate) struct Agent {
    pub(crate) name: &'static str,
    pub(crate) did: Did,
    pub(crate) key: SecretKey,
}

pub(crate) fn profile() -> Profile {
    Profile {
        actions: ["crm:read", "crm:write", "token:issue"].map(str::to_owned).to_vec(),
        resources: ["https://api.example/", "https://api.example/*"].map(str::to_owned).to_vec(),
        ..Profile::default()
    }
}

pub(crate) fn agent(world: &World, name: &'static str, profile: &Profile) -> Agent {
    let key = SecretKey::generate(Algorithm::EdDsa).unwrap();
    let team = Profile {
        resources: [API, ISSUER].iter().flat_map(|one| [format!("{one}/"), format!("{one}/*")]).collect(),
        ..self::profile()
    };
    blocking(|| {
        // Where it is there already, it is the same one.
        let _ = world.registry.add_team("crm", &team, now());
        let proof = prove(&key, world.registry.did(), name, now()).unwrap();
        world.registry.add_agent_with_key(name, "crm", profile, &proof, now()).unwrap();
    });
    Agent { name, did: format!("did:web:acme.example:{name}").parse().unwrap(), key }
}

pub(crate) fn escaped(text: &str) -> String {
    text.bytes()
        .map(
            |byte| {
                if byte.is_ascii_alphanumeric() {
                    char::from(byte).to_string()
                } else {
                    format!("%{byte:02X}")
                }
            },
        )
        .collect()
}

pub(crate) fn form(members: &[(&str, &str)]) -> String {
    members.iter().map(|(name, value)| format!("{name}={}", escaped(value))).collect::<Vec<_>>().join("&")
}

pub(crate) fn post(path: &str, body: String, proof: Option<&str>) -> Request<Body> {
    let mut request = Request::post(path).header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    if let Some(proof) = proof {
        request = request.header("dpop", proof);
    }
    request.body(Body::from(body)).unwrap()
}

/// The nonce of a presentation, and that of a proof.
pub(crate) async fn challenge(world: &World, gateway: usize) -> (String, String) {
    let answer = world.send(gateway, post("/token/challenge", String::new(), None)).await;
    assert_eq!(answer.json()["audience"], "did:web:acme.example");
    let dpop = answer.headers["dpop-nonce"].to_str().unwrap().to_owned();
    (answer.json()["nonce"].as_str().unwrap().to_owned(), dpop)
}

impl Agent {
    pub(crate) fn chain(&self, world: &World) -> Vec<String> {
        blocking(|| world.registry.chain(Kind::Agent, self.name)).unwrap()
    }

    fn presented(&self, chain: &[String], audience: &str, nonce: &str) -> String {
        let links: Vec<&str> = chain.iter().map(String::as_str).collect();
        let occasion =
            Occasion { audience, nonce, issued_at: now(), expires_at: now() + 60, transcript: None };
        present(&links, &self.did, occasion, &method_id(&self.did, self.key.public_key()), &self.key).unwrap()
    }

    /// The form of an exchange, with further members.
    pub(crate) fn exchange(&self, world: &World, nonce: &str, more: &[(&str, &str)]) -> String {
        let presented = self.presented(&self.chain(world), "did:web:acme.example", nonce);
        exchange(&presented, more)
    }

    pub(crate) fn asserted(&self, id: &str) -> String {
        let named = (&self.did, method_id(&self.did, self.key.public_key()));
        assertion::make((named.0, &named.1), ISSUER, id, now(), &self.key).unwrap()
    }

    fn proof(&self, nonce: Option<&str>, id: &str) -> String {
        proof(&self.key, nonce, id, "https://acme.example/token")
    }

    /// A token for the API, or why there is none.
    pub(crate) async fn ask(&self, world: &World, more: &[(&str, &str)]) -> Answer {
        let (nonce, _) = challenge(world, 0).await;
        world.send(0, post("/token", self.exchange(world, &nonce, more), None)).await
    }
}

fn exchange(presented: &str, more: &[(&str, &str)]) -> String {
    let mut members = vec![
        ("grant_type", EXCHANGE),
        ("subject_token", presented),
        ("subject_token_type", "urn:ietf:params:oauth:token-type:jwt"),
    ];
    if more.iter().all(|(name, _)| *name != "audience") {
        members.push(("audience", API));
    }
    members.extend(more);
    form(&members)
}

fn client(assertion: &str, more: &[(&str, &str)]) -> String {
    let mut members = vec![
        ("grant_type", CLIENT),
        ("client_assertion", assertion),
        ("client_assertion_type", ASSERTION),
        ("resource", API),
    ];
    members.extend(more);
    form(&members)
}

pub(crate) fn proof(key: &SecretKey, nonce: Option<&str>, id: &str, url: &str) -> String {
    dpop::make(&Making { method: "POST", url, id, nonce, token: None, now: now() }, key).unwrap()
}

/// `error` and `code`.
pub(crate) fn told(answer: &Answer) -> (u16, String, String) {
    let json = answer.json();
    let text = |name: &str| json[name].as_str().unwrap_or_default().to_owned();
    (answer.status.as_u16(), text("error"), text("code"))
}

pub(crate) fn is(answer: &Answer, status: u16, error: &str, code: &str) {
    assert_eq!(told(answer), (status, error.to_owned(), code.to_owned()), "{}", answer.text());
    assert_eq!(answer.headers[header::CACHE_CONTROL], "no-store");
}

fn keys(world: &World) -> JwkSet {
    let jwks = blocking(|| world.registry.jwks(now())).unwrap();
    JwkSet::parse(jwks.to_string().as_bytes()).unwrap()
}

fn held(world: &World, answer: &Answer, audience: &str) -> VerifiedToken {
    assert_eq!(answer.status, 200, "{}", answer.text());
    let json = answer.json();
    let expected = Expected { issuer: ISSUER, audience, algorithms: &TokenAlgorithm::ALL };
    verify(json["access_token"].as_str().unwrap(), Shown::Bearer, &keys(world), &expected, now()).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_presentation_is_exchanged_once_for_a_token_that_says_what_its_chain_does_there() {
    for mut world in both() {
        blocking(|| world.add_gateway());
        let mail = agent(&world, "mail", &profile());
        let (nonce, _) = challenge(&world, 0).await;
        let body = mail.exchange(&world, &nonce, &[]);
        // The other process knows the nonce, too.
        let answer = world.send(1, post("/token", body.clone(), None)).await;
        let token = held(&world, &answer, API);
        let json = answer.json();
        assert_eq!((json["token_type"].as_str(), json["expires_in"].as_i64()), (Some("Bearer"), Some(300)));
        assert_eq!(json["issued_token_type"], "urn:ietf:params:oauth:token-type:access_token");
        assert_eq!(json["scope"], "crm:read crm:write");
        assert_eq!((token.principal().as_str(), token.agent()), ("did:web:acme.example", &mail.did));
        assert_eq!(token.claims().actors, ["did:web:acme.example:mail", "did:web:acme.example:teams:crm"]);
        let may = |action: &str, resource: &str| {
            token.permits(&legation_credential::Request::new(action, resource, Facts::new()).unwrap()).is_ok()
        };
        assert!(may("crm:read", "https://api.example/1") && !may("token:issue", "https://api.example/"));
        // What was decided is recorded, with the token's id.
        let bodies = world.bodies();
        let receipt = bodies.last().unwrap();
        assert_eq!((bodies.len(), receipt["decision"].as_str()), (1, Some("permit")), "{}", world.engine);
        let text = receipt.to_string();
        assert!(text.contains("token:issue") && text.contains("https://api.example/"), "{text}");
        assert!(text.contains(&token.claims().id), "{text}");
        // A second time it passes nowhere.
        for gateway in [0, 1] {
            let again = world.send(gateway, post("/token", body.clone(), None)).await;
            is(&again, 400, "invalid_request", "nonce_replayed");
        }
        let expected =
            Expected { issuer: ISSUER, audience: "https://other.example", algorithms: &TokenAlgorithm::ALL };
        let elsewhere =
            verify(json["access_token"].as_str().unwrap(), Shown::Bearer, &keys(&world), &expected, now());
        assert_eq!(elsewhere.unwrap_err().code(), "audience_mismatch");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_not_presented_here_and_now_is_exchanged_for_nothing() {
    let world = sqlite();
    let (mail, other) = (agent(&world, "mail", &profile()), agent(&world, "other", &profile()));
    let (good, dpop) = challenge(&world, 0).await;
    let chain = mail.chain(&world);
    let send = async |presented: String| world.send(0, post("/token", exchange(&presented, &[]), None)).await;
    let own = "did:web:acme.example";
    // Nonces that nobody made here, for anything else, or long ago.
    for nonce in ["n-1", dpop.as_str(), &good.to_uppercase(), &format!("{good}x")] {
        is(&send(mail.presented(&chain, own, nonce)).await, 400, "invalid_request", "nonce_unknown");
    }
    // For another verifier, by another key, of another chain.
    is(
        &send(mail.presented(&chain, "did:web:shop.example", &good)).await,
        400,
        "invalid_request",
        "audience_mismatch",
    );
    let stolen =
        Agent { name: "mail", did: mail.did.clone(), key: SecretKey::generate(Algorithm::EdDsa).unwrap() };
    assert_eq!(told(&send(stolen.presented(&chain, own, &good)).await).0, 400);
    assert_eq!(told(&send(other.presented(&chain, own, &good)).await).0, 400);
    let root = SecretKey::generate(Algorithm::EdDsa).unwrap();
    let stranger = legation_did::key::did(root.public_key());
    let theirs = Agent { name: "mail", did: stranger.clone(), key: root };
    assert_eq!(told(&send(theirs.presented(&chain, own, &good)).await).0, 400);
    for text in ["", "a.b.c", "x", &mail.asserted("a-1")] {
        let answer = world.send(0, post("/token", exchange(text, &[]), None)).await;
        assert_eq!(
            (answer.status.as_u16(), told(&answer).1.as_str()),
            (400, "invalid_request"),
            "{}",
            answer.text()
        );
    }
    // Of strangers nothing is recorded.
    assert!(world.receipts().iter().all(|(kind, _, _)| kind != "permit"), "{:?}", world.receipts());
    is(
        &world
            .send(0, post("/token", mail.exchange(&world, &good, &[("client_id", other.did.as_str())]), None))
            .await,
        401,
        "invalid_client",
        "client_mismatch",
    );
    assert_eq!(mail.ask(&world, &[("client_id", mail.did.as_str())]).await.status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_of_the_registry_gets_a_token_by_its_key_alone_and_once_for_each_assertion() {
    for mut world in both() {
        blocking(|| world.add_gateway());
        let mail = agent(&world, "mail", &profile());
        let body = client(&mail.asserted("a-1"), &[]);
        let answer = world.send(0, post("/token", body.clone(), None)).await;
        assert_eq!(held(&world, &answer, API).agent(), &mail.did);
        assert_eq!(answer.json()["issued_token_type"], Value::Null);
        for gateway in [0, 1] {
            is(
                &world.send(gateway, post("/token", body.clone(), None)).await,
                401,
                "invalid_client",
                "nonce_replayed",
            );
        }
        // Who has seen what was asked about a token gets none by it.
        for path in ["/token/introspect", "/token/revoke"] {
            let seen = mail.asserted(path);
            let about = [("token", "x"), ("client_assertion", &seen), ("client_assertion_type", ASSERTION)];
            assert_eq!(world.send(0, post(path, form(&about), None)).await.status, 200, "{path}");
            let again = world.send(1, post("/token", client(&seen, &[]), None)).await;
            is(&again, 401, "invalid_client", "nonce_replayed");
        }
        // Nobody learns which agents there are: an agent with another key, one in custody, one that is not there.
        let custody = Agent {
            name: "bot",
            did: "did:web:acme.example:bot".parse().unwrap(),
            key: SecretKey::generate(Algorithm::EdDsa).unwrap(),
        };
        blocking(|| world.registry.add_agent("bot", "crm", &profile(), now())).unwrap();
        let forged = Agent {
            name: "mail",
            did: mail.did.clone(),
            key: SecretKey::generate(Algorithm::EdDsa).unwrap(),
        };
        let nobody = Agent {
            name: "nobody",
            did: "did:web:acme.example:nobody".parse().unwrap(),
            key: SecretKey::generate(Algorithm::EdDsa).unwrap(),
        };
        let foreign = Agent {
            name: "x",
            did: "did:web:other.example:x".parse().unwrap(),
            key: SecretKey::generate(Algorithm::EdDsa).unwrap(),
        };
        let mut answers = Vec::new();
        for one in [&custody, &forged, &nobody, &foreign] {
            answers.push(world.send(0, post("/token", client(&one.asserted("a-2"), &[]), None)).await.text());
        }
        assert!(answers[0].contains("client_unknown"), "{}", answers[0]);
        assert!(answers.iter().all(|one| *one == answers[0]), "{answers:?}");
        // For another server.
        let moved =
            assertion::make((&mail.did, "k"), "https://evil.example", "a-3", now(), &mail.key).unwrap();
        is(
            &world.send(0, post("/token", client(&moved, &[]), None)).await,
            401,
            "invalid_client",
            "audience_mismatch",
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_revoked_suspended_or_never_granted_buys_no_token() {
    let world = sqlite();
    let mail = agent(&world, "mail", &profile());
    is(
        &mail.ask(&world, &[("audience", "https://other.example")]).await,
        400,
        "invalid_target",
        "nothing_granted",
    );
    is(&mail.ask(&world, &[("audience", "api.example")]).await, 400, "invalid_target", "audience_invalid");
    is(&mail.ask(&world, &[("scope", "crm:delete")]).await, 400, "invalid_scope", "scope_not_granted");
    let less = mail.ask(&world, &[("scope", "crm:read")]).await;
    assert_eq!((less.json()["scope"].as_str(), less.status.as_u16()), (Some("crm:read"), 200));
    // Whatever is granted there, that it leaves as a token is granted by itself.
    let without = Profile { actions: vec!["crm:read".to_owned()], ..profile() };
    let quiet = agent(&world, "quiet", &without);
    is(&quiet.ask(&world, &[]).await, 400, "invalid_target", "not_granted");
    blocking(|| world.registry.suspend(Kind::Agent, "mail", now())).unwrap();
    is(&mail.ask(&world, &[]).await, 400, "invalid_request", "link_suspended");
    is(
        &world.send(0, post("/token", client(&mail.asserted("a-1"), &[]), None)).await,
        401,
        "invalid_client",
        "link_suspended",
    );
    blocking(|| world.registry.resume(Kind::Agent, "mail", now())).unwrap();
    assert_eq!(mail.ask(&world, &[]).await.status, 200);
    let chain = mail.chain(&world);
    let all = blocking(|| world.registry.delegations(Some((Kind::Agent, "mail")))).unwrap();
    let (_, link) = all.into_iter().find(|(_, link)| link.state == "current").unwrap();
    blocking(|| world.registry.revoke(&link.id, "", now())).unwrap();
    let (nonce, _) = challenge(&world, 0).await;
    let presented = mail.presented(&chain, "did:web:acme.example", &nonce);
    is(
        &world.send(0, post("/token", exchange(&presented, &[]), None)).await,
        400,
        "invalid_request",
        "link_revoked",
    );
    is(
        &world.send(0, post("/token", client(&mail.asserted("a-2"), &[]), None)).await,
        401,
        "invalid_client",
        "no_delegation",
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_total_rides_in_no_token_but_one_for_the_gateway_that_takes_from_it() {
    let world = sqlite();
    let rate = json!({"type": "rate", "seconds": 60, "max": 10, "actions": ["crm:*"]});
    let resources =
        ["https://api.example/", "https://api.example/*", "https://acme.example/", "https://acme.example/*"];
    let bound =
        Profile { constraints: vec![rate], resources: resources.map(str::to_owned).to_vec(), ..profile() };
    let mail = agent(&world, "mail", &bound);
    is(&mail.ask(&world, &[]).await, 400, "invalid_target", "ledger_needed");
    let own = mail.ask(&world, &[("audience", ISSUER)]).await;
    let token = held(&world, &own, ISSUER);
    assert_eq!(token.claims().ledger.as_deref(), Some(ISSUER));
    assert!(token.authority().is_cumulative());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_is_bound_to_the_key_that_was_proved_under_a_nonce_of_the_server() {
    let world = sqlite();
    let mail = agent(&world, "mail", &profile());
    let send = async |nonce: &str, proof: &str| {
        world.send(0, post("/token", mail.exchange(&world, nonce, &[]), Some(proof))).await
    };
    let (nonce, _) = challenge(&world, 0).await;
    // Without a nonce it is told one, and the presentation is not used up by that.
    let first = send(&nonce, &mail.proof(None, "p-1")).await;
    is(&first, 400, "use_dpop_nonce", "dpop_nonce");
    let given = first.headers["dpop-nonce"].to_str().unwrap().to_owned();
    is(&send(&nonce, &mail.proof(Some(&nonce), "p-1")).await, 400, "use_dpop_nonce", "dpop_nonce");
    let proof_of_mail = mail.proof(Some(&given), "p-2");
    let answer = send(&nonce, &proof_of_mail).await;
    assert_eq!(
        (answer.status.as_u16(), answer.json()["token_type"].as_str()),
        (200, Some("DPoP")),
        "{}",
        answer.text()
    );
    assert!(answer.headers.contains_key("dpop-nonce"));
    let token = answer.json()["access_token"].as_str().unwrap().to_owned();
    let expected = Expected { issuer: ISSUER, audience: API, algorithms: &TokenAlgorithm::ALL };
    let keys = keys(&world);
    assert_eq!(verify(&token, Shown::Bearer, &keys, &expected, now()).unwrap_err().code(), "dpop_missing");
    let made = dpop::make(
        &Making { method: "GET", url: API, id: "r-1", nonce: None, token: Some(&token), now: now() },
        &mail.key,
    )
    .unwrap();
    let checked =
        dpop::check(&[&made], &Of { method: "GET", url: API, token: Some(&token), nonce: None }, now())
            .unwrap();
    assert!(verify(&token, Shown::Proved(&checked), &keys, &expected, now()).is_ok());
    // A proof passes once, is of this URL and this method, and stands there once.
    let (nonce, _) = challenge(&world, 0).await;
    is(&send(&nonce, &proof_of_mail).await, 400, "invalid_dpop_proof", "dpop_replayed");
    let moved = proof(&mail.key, Some(&given), "p-3", "https://acme.example/other");
    is(&send(&nonce, &moved).await, 400, "invalid_dpop_proof", "dpop_url_mismatch");
    is(&send(&nonce, "x").await, 400, "invalid_dpop_proof", "malformed");
    let mut twice =
        post("/token", mail.exchange(&world, &nonce, &[]), Some(&mail.proof(Some(&given), "p-4")));
    twice.headers_mut().append("dpop", mail.proof(Some(&given), "p-5").parse().unwrap());
    is(&world.send(0, twice).await, 400, "invalid_dpop_proof", "dpop_several");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_proofs_are_required_nobody_gets_a_bearer_token() {
    let world = sqlite();
    let mail = agent(&world, "mail", &profile());
    world.require_dpop();
    is(&mail.ask(&world, &[]).await, 400, "invalid_dpop_proof", "dpop_missing");
    let asserted = world.send(0, post("/token", client(&mail.asserted("a-1"), &[]), None)).await;
    is(&asserted, 400, "invalid_dpop_proof", "dpop_missing");
    let (_, given) = challenge(&world, 0).await;
    let body = client(&mail.asserted("a-1"), &[]);
    let bound = world.send(0, post("/token", body, Some(&mail.proof(Some(&given), "p-1")))).await;
    assert_eq!(
        (bound.status.as_u16(), bound.json()["token_type"].as_str()),
        (200, Some("DPoP")),
        "{}",
        bound.text()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_chain_that_asks_that_the_agent_signs_gives_no_token_that_others_could_show() {
    let world = sqlite();
    let signed = json!({"type": "argument", "name": "possession", "equals": "signed"});
    let mail = agent(&world, "mail", &Profile { constraints: vec![signed], ..profile() });
    is(&mail.ask(&world, &[]).await, 400, "invalid_dpop_proof", "dpop_key_mismatch");
    let (nonce, given) = challenge(&world, 0).await;
    let other = SecretKey::generate(Algorithm::Es256).unwrap();
    let of_other = proof(&other, Some(&given), "p-1", "https://acme.example/token");
    let refused = world.send(0, post("/token", mail.exchange(&world, &nonce, &[]), Some(&of_other))).await;
    is(&refused, 400, "invalid_dpop_proof", "dpop_key_mismatch");
    let (nonce, given) = challenge(&world, 0).await;
    let bound = world
        .send(0, post("/token", mail.exchange(&world, &nonce, &[]), Some(&mail.proof(Some(&given), "p-2"))))
        .await;
    assert_eq!(
        (bound.status.as_u16(), bound.json()["token_type"].as_str()),
        (200, Some("DPoP")),
        "{}",
        bound.text()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_of_tokens_are_published_replaced_with_an_overlap_and_gone_where_others_have_them() {
    for world in both() {
        let mail = agent(&world, "mail", &profile());
        let mut before = Vec::new();
        for algorithm in TokenAlgorithm::ALL {
            let answer = mail.ask(&world, &[("token_signing_alg", algorithm.jose())]).await;
            held(&world, &answer, API);
            before.push(answer);
        }
        let kids = |jwks: &Value| -> Vec<String> {
            jwks["keys"]
                .as_array()
                .unwrap()
                .iter()
                .map(|key| key["kid"].as_str().unwrap().to_owned())
                .collect()
        };
        let published = || blocking(|| world.registry.jwks(now())).unwrap();
        let first = published();
        let algorithms: Vec<&str> =
            first["keys"].as_array().unwrap().iter().map(|key| key["alg"].as_str().unwrap()).collect();
        for algorithm in TokenAlgorithm::ALL {
            assert!(algorithms.contains(&algorithm.jose()), "{first}");
        }
        assert!(
            first["keys"].as_array().unwrap().iter().all(|key| key.get("d").is_none() && key["use"] == "sig")
        );
        blocking(|| world.registry.rotate((Kind::Organization, "acme.example"), false, now())).unwrap();
        // What was signed before holds until its end, and what is signed now is of another key.
        before.iter().for_each(|answer| drop(held(&world, answer, API)));
        held(&world, &mail.ask(&world, &[]).await, API);
        let second = published();
        assert!(kids(&first).iter().filter(|kid| kids(&second).contains(kid)).count() >= 3, "{second}");
        assert!(kids(&second).len() > kids(&first).len());
        blocking(|| world.registry.rotate((Kind::Organization, "acme.example"), true, now())).unwrap();
        let third = published();
        let answer = before.first().unwrap().json();
        let header = answer["access_token"].as_str().unwrap().split('.').next().unwrap().to_owned();
        let header: Value =
            serde_json::from_slice(&legation_keys::base64url::decode(&header).unwrap()).unwrap();
        assert!(!kids(&third).contains(&header["kid"].as_str().unwrap().to_owned()), "{third}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_request_for_a_token_is_answered_in_oauths_words_and_costs_nothing() {
    let world = sqlite();
    let mail = agent(&world, "mail", &profile());
    let plain = Request::post("/token").body(Body::from("grant_type=client_credentials")).unwrap();
    is(&world.send(0, plain).await, 400, "invalid_request", "form_invalid");
    is(
        &world.send(0, post("/token", "grant_type=password".to_owned(), None)).await,
        400,
        "unsupported_grant_type",
        "grant_unknown",
    );
    let large = format!("x={}", "y".repeat(300 << 10));
    is(&world.send(0, post("/token", large, None)).await, 400, "invalid_request", "input_too_large");
    let (nonce, _) = challenge(&world, 0).await;
    let mut basic = post("/token", mail.exchange(&world, &nonce, &[]), None);
    basic.headers_mut().insert(header::AUTHORIZATION, "Basic YTpi".parse().unwrap());
    let refused = world.send(0, basic).await;
    is(&refused, 401, "invalid_client", "secret_shown");
    assert!(refused.headers.contains_key(header::WWW_AUTHENTICATE));
    // RFC 8693 §2.1, RFC 8707 §2: one service, however it is named.
    is(
        &mail.ask(&world, &[("resource", "https://other.example")]).await,
        400,
        "invalid_target",
        "audience_several",
    );
    assert_eq!(mail.ask(&world, &[("resource", API)]).await.status, 200);
    let get = Request::get("/token").body(Body::empty()).unwrap();
    assert_eq!(world.send(0, get).await.status, 405);
}
