//! JWT-SVIDs: made for agents, and taken at routes, of the organization's own trust domain and of others that it relies on.

use crate::{
    resource::{Routed, get, routed},
    tokens::{Agent, challenge, is, post},
    world::{World, blocking, both, now, sqlite},
};
use legation_keys::{Algorithm, SecretKey, Signer, base64url};
use legation_registry::{
    Profile,
    route::{Route, RouteAuth},
    trust::{TrustDomain, Workload},
};
use legation_store::holder::Kind;
use legation_token::svid::{Bundle, TOKEN_TYPE, bundle, verify::signed};
use serde_json::{Value, json};
use std::time::Duration;

pub(crate) const HERE: &str = "https://acme.example/svid/";
const THERE: &str = "https://acme.example/second/";
const ID: &str = "spiffe://partner.example/ns/crm";

/// Two routes that take SVIDs, beside those that take tokens.
pub(crate) fn with_routes(world: World) -> Routed {
    let routed = routed(world);
    let upstream = blocking(|| routed.world.registry.routes()).unwrap()[0].upstream.clone();
    for name in ["svid", "second"] {
        let route = Route {
            name: name.to_owned(),
            path: format!("/{name}/"),
            upstream: upstream.clone(),
            auth: vec![RouteAuth::Svid],
            ..Route::default()
        };
        blocking(|| routed.world.registry.put_route(&route, now())).unwrap();
    }
    routed
}

fn profile(routed: &Routed) -> Profile {
    let mut profile = routed.profile();
    profile.actions.push("svid:issue".to_owned());
    profile
}

pub(crate) fn agent(routed: &Routed, name: &'static str) -> Agent {
    let profile = profile(routed);
    let team = Profile { max_depth: 2, ..profile.clone() };
    blocking(|| {
        let _ = routed.world.registry.add_team("crm", &team, now());
    });
    routed.agent(name, &profile)
}

async fn svid(routed: &Routed, agent: &Agent, audience: &str) -> String {
    let answer =
        agent.ask(&routed.world, &[("audience", audience), ("requested_token_type", TOKEN_TYPE)]).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let json = answer.json();
    assert_eq!(
        (json["token_type"].as_str(), json["issued_token_type"].as_str()),
        (Some("N_A"), Some(TOKEN_TYPE))
    );
    json["access_token"].as_str().unwrap().to_owned()
}

fn part(text: &str, number: usize) -> Value {
    serde_json::from_slice(&base64url::decode(text.split('.').nth(number).unwrap()).unwrap()).unwrap()
}

/// The status and the code that a request with this bearer comes to.
pub(crate) async fn sent(routed: &Routed, gateway: usize, path: &str, text: &str) -> (u16, String) {
    routed.world.send(gateway, get(path, text)).await.told()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_svid_says_who_an_agent_is_by_the_bundle_of_its_trust_domain_and_nothing_of_what_it_may_do() {
    let routed = with_routes(sqlite());
    let crm = agent(&routed, "crm");
    let text = svid(&routed, &crm, HERE).await;
    let (head, claims) = (part(&text, 0), part(&text, 1));
    let names: Vec<&str> = head.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(names, ["alg", "kid", "typ"]);
    assert_eq!((head["alg"].as_str(), head["typ"].as_str()), (Some("ES256"), Some("JWT")));
    assert_eq!(claims["sub"], "spiffe://acme.example/crm");
    assert_eq!(claims["aud"], json!([HERE]));
    assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 300);
    assert!(claims.get("authorization_details").is_none() && claims.get("scope").is_none());
    let document = blocking(|| routed.world.registry.spiffe_bundle(now())).unwrap();
    assert_eq!(document["keys"][0]["use"], "jwt-svid");
    let bundle = Bundle::parse(document.to_string().as_bytes()).unwrap();
    signed(&text, &bundle, "acme.example").unwrap().holds(HERE, 300, now()).unwrap();
    // Its key signs no access tokens, so that neither is taken for the other.
    let jwks = blocking(|| routed.world.registry.jwks(now())).unwrap();
    assert!(!jwks.to_string().contains(head["kid"].as_str().unwrap()), "{jwks}");
    // What was decided is recorded, as an action of its own.
    let bodies = routed.world.bodies();
    assert!(bodies.last().unwrap().to_string().contains("svid:issue"), "{bodies:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_may_have_no_svid_or_asks_for_more_than_one_says_gets_none() {
    let routed = with_routes(sqlite());
    let crm = agent(&routed, "crm");
    let bare = routed.agent("bare", &routed.profile());
    let asked = [("audience", HERE), ("requested_token_type", TOKEN_TYPE)];
    // `token:issue` is another thing.
    is(&bare.ask(&routed.world, &asked).await, 400, "invalid_target", "not_granted");
    for (more, code) in
        [(("scope", "http:GET"), "svid_parameter"), (("token_signing_alg", "EdDSA"), "svid_parameter")]
    {
        let members = [asked[0], asked[1], more];
        is(&crm.ask(&routed.world, &members).await, 400, "invalid_request", code);
    }
    let (nonce, given) = challenge(&routed.world, 0).await;
    let proof = crate::tokens::proof(&crm.key, Some(&given), "once", "https://acme.example/token");
    let body = crm.exchange(&routed.world, &nonce, &asked);
    let answer = routed.world.send(0, post("/token", body, Some(&proof))).await;
    is(&answer, 400, "invalid_dpop_proof", "svid_unbound");
    is(
        &crm.ask(&routed.world, &[("audience", "no uri"), asked[1]]).await,
        400,
        "invalid_target",
        "audience_invalid",
    );
    let other = [("audience", "https://other.example/"), asked[1]];
    is(&crm.ask(&routed.world, &other).await, 400, "invalid_target", "not_granted");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_svid_of_an_own_agent_passes_at_its_route_until_agent_key_or_svid_is_no_more() {
    for mut world in both() {
        blocking(|| world.add_gateway());
        let routed = with_routes(world);
        let crm = agent(&routed, "crm");
        let text = svid(&routed, &crm, HERE).await;
        assert_eq!(sent(&routed, 0, "/svid/x", &text).await.0, 200, "{}", routed.world.engine);
        assert_eq!(sent(&routed, 1, "/svid/x", &text).await.0, 200);
        let bodies = routed.world.bodies();
        let receipt = bodies.last().unwrap().to_string();
        assert!(receipt.contains("svid:") && receipt.contains("did:web:acme.example:crm"), "{receipt}");
        assert!(!receipt.contains(&text));
        // At another route it is somebody else's, and at one that takes no SVIDs it is nothing.
        assert_eq!(sent(&routed, 0, "/second/x", &text).await, (401, "audience_mismatch".to_owned()));
        for path in ["/crm/x", "/strict/x", "/plain/x"] {
            assert_eq!(
                sent(&routed, 0, path, &text).await,
                (401, "auth_not_taken".to_owned()),
                "{path}: which service it is for is no matter there"
            );
        }
        // And a token is no SVID.
        let token = routed.token(&crm, HERE, &[]).await;
        assert_eq!(sent(&routed, 0, "/svid/x", &token).await, (401, "auth_not_taken".to_owned()));
        let count = routed.upstream.count();
        routed.world.suspend("crm");
        for gateway in [0, 1] {
            assert_eq!(sent(&routed, gateway, "/svid/x", &text).await, (401, "link_suspended".to_owned()));
        }
        blocking(|| routed.world.registry.resume(Kind::Agent, "crm", now())).unwrap();
        assert_eq!(sent(&routed, 1, "/svid/x", &text).await.0, 200);
        let form = crate::tokens::form(&[("token", &text)]);
        assert_eq!(routed.world.send(0, post("/token/revoke", form, None)).await.status, 200);
        for gateway in [0, 1] {
            assert_eq!(sent(&routed, gateway, "/svid/x", &text).await, (401, "token_revoked".to_owned()));
        }
        assert_eq!(routed.upstream.count(), count + 1);
        let gone = agent(&routed, "gone");
        let text = svid(&routed, &gone, HERE).await;
        blocking(|| routed.world.registry.retire(Kind::Agent, "gone", now())).unwrap();
        for gateway in [0, 1] {
            assert_eq!(sent(&routed, gateway, "/svid/x", &text).await.0, 401);
        }
    }
}

/// Another trust domain, with the key that signs for it.
struct Partner {
    name: &'static str,
    key: SecretKey,
}

impl Partner {
    fn new(name: &'static str) -> Self {
        Self { name, key: SecretKey::generate(Algorithm::Es256).unwrap() }
    }

    fn bundle(&self) -> Value {
        let mut key = self.key.public_key().to_jwk();
        key["kid"] = json!("k");
        key["use"] = json!("jwt-svid");
        bundle::document(&[key], 1, 300)
    }

    fn trust(&self, workloads: &[(&str, &str)]) -> TrustDomain {
        let workload =
            |(id, agent): &(&str, &str)| Workload { spiffe_id: (*id).to_owned(), agent: (*agent).to_owned() };
        TrustDomain {
            name: self.name.to_owned(),
            bundle: Some(self.bundle()),
            endpoint: None,
            workloads: workloads.iter().map(workload).collect(),
            max_life: 3600,
        }
    }

    fn svid(&self, claims: &Value) -> String {
        self.signed(&json!({"alg": "ES256", "kid": "k", "typ": "JWT"}), claims)
    }

    fn signed(&self, head: &Value, claims: &Value) -> String {
        let part = |value: &Value| base64url::encode(value.to_string().as_bytes());
        let input = format!("{}.{}", part(head), part(claims));
        format!("{input}.{}", base64url::encode(&self.key.sign(input.as_bytes()).unwrap()))
    }
}

fn claims(id: &str) -> Value {
    json!({"sub": id, "aud": [HERE], "exp": now() + 300, "iat": now()})
}

/// What has come is seen within a fifth of a second; what is gone, at once.
fn rely(routed: &Routed, domain: &TrustDomain) {
    blocking(|| {
        routed.world.registry.put_trust_domain(domain, now()).unwrap();
        std::thread::sleep(Duration::from_millis(250));
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_workload_of_another_trust_domain_is_the_agent_that_was_named_for_it_and_has_its_chain() {
    for mut world in both() {
        blocking(|| world.add_gateway());
        let routed = with_routes(world);
        agent(&routed, "crm");
        let partner = Partner::new("partner.example");
        let text = partner.svid(&claims(ID));
        assert_eq!(sent(&routed, 0, "/svid/x", &text).await, (401, "trust_domain_unknown".to_owned()));
        rely(&routed, &partner.trust(&[]));
        for gateway in [0, 1] {
            assert_eq!(sent(&routed, gateway, "/svid/x", &text).await, (401, "svid_nobody".to_owned()));
        }
        rely(&routed, &partner.trust(&[(ID, "crm")]));
        for gateway in [0, 1] {
            assert_eq!(sent(&routed, gateway, "/svid/x", &text).await.0, 200, "{}", routed.world.engine);
        }
        // Who it is gives it nothing that the agent does not have.
        let wider = routed.world.send(0, {
            let mut request = get("/svid/x", &text);
            *request.method_mut() = axum::http::Method::DELETE;
            request
        });
        assert_eq!(wider.await.told(), (403, "not_granted".to_owned()));
        routed.world.suspend("crm");
        assert_eq!(sent(&routed, 1, "/svid/x", &text).await, (401, "link_suspended".to_owned()));
        blocking(|| routed.world.registry.resume(Kind::Agent, "crm", now())).unwrap();
        assert_eq!(sent(&routed, 1, "/svid/x", &text).await.0, 200);
        // Whoever is named no more, is nobody on its next call, and so is a trust domain that is taken away, or its key.
        rely(&routed, &partner.trust(&[]));
        for gateway in [0, 1] {
            assert_eq!(sent(&routed, gateway, "/svid/x", &text).await, (401, "svid_nobody".to_owned()));
        }
        let renewed = Partner::new("partner.example");
        rely(&routed, &renewed.trust(&[(ID, "crm")]));
        for gateway in [0, 1] {
            assert_eq!(sent(&routed, gateway, "/svid/x", &text).await, (401, "signature_invalid".to_owned()));
        }
        let text = renewed.svid(&claims(ID));
        assert_eq!(sent(&routed, 0, "/svid/x", &text).await.0, 200);
        blocking(|| routed.world.registry.remove_trust_domain("partner.example", now())).unwrap();
        for gateway in [0, 1] {
            assert_eq!(
                sent(&routed, gateway, "/svid/x", &text).await,
                (401, "trust_domain_unknown".to_owned())
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_svid_of_a_workload_that_was_named_opens_nothing() {
    let routed = with_routes(sqlite());
    let crm = agent(&routed, "crm");
    let (partner, other) = (Partner::new("partner.example"), Partner::new("other.example"));
    rely(&routed, &partner.trust(&[(ID, "crm")]));
    rely(&routed, &other.trust(&[("spiffe://other.example/x", "crm")]));
    let own = svid(&routed, &crm, HERE).await;
    let with = |patch: Value| {
        let mut made = claims(ID);
        patch.as_object().unwrap().iter().for_each(|(name, value)| made[name] = value.clone());
        made
    };
    let head = |patch: Value| {
        let mut made = json!({"alg": "ES256", "kid": "k", "typ": "JWT"});
        patch.as_object().unwrap().iter().for_each(|(name, value)| made[name] = value.clone());
        made
    };
    let forged = {
        let mut parts: Vec<&str> = own.split('.').collect();
        parts[2] = "AAAA";
        parts.join(".")
    };
    let good = claims(ID);
    for (text, code) in [
        // One trust domain says who somebody of another one is, and of ours.
        (other.svid(&good), "signature_invalid"),
        (partner.svid(&with(json!({"sub": "spiffe://other.example/x"}))), "signature_invalid"),
        (partner.svid(&with(json!({"sub": "spiffe://acme.example/crm"}))), "key_not_found"),
        (partner.svid(&with(json!({"sub": "spiffe://partner.example/ns/crm2"}))), "svid_nobody"),
        (partner.svid(&with(json!({"sub": "spiffe://partner.example/ns/CRM"}))), "svid_nobody"),
        (partner.svid(&with(json!({"sub": "spiffe://partner.example/ns/x/../crm"}))), "spiffe_id_invalid"),
        (partner.svid(&with(json!({"sub": "spiffe://Partner.example/ns/crm"}))), "spiffe_id_invalid"),
        (partner.svid(&with(json!({"sub": "spiffe://partner.example/ns/crm/"}))), "spiffe_id_invalid"),
        (partner.svid(&with(json!({"sub": "SPIFFE://partner.example/ns/crm"}))), "spiffe_id_invalid"),
        (partner.svid(&with(json!({"aud": [THERE]}))), "audience_mismatch"),
        (partner.svid(&with(json!({"aud": [HERE, THERE]}))), "audience_mismatch"),
        (partner.svid(&with(json!({"exp": now() - 1}))), "expired"),
        (partner.svid(&with(json!({"exp": now() + 3700}))), "svid_too_long"),
        (partner.signed(&head(json!({"cty": "x"})), &good), "svid_header"),
        (partner.signed(&head(json!({"typ": "at+jwt"})), &good), "type_mismatch"),
        (partner.signed(&head(json!({"alg": "none"})), &good), "algorithm_not_allowed"),
        (partner.signed(&head(json!({"alg": "HS256"})), &good), "algorithm_not_allowed"),
        (partner.signed(&head(json!({"kid": "other"})), &good), "key_not_found"),
        (forged, "signature_invalid"),
    ] {
        assert_eq!(sent(&routed, 0, "/svid/x", &text).await, (401, code.to_owned()), "{}", part(&text, 1));
    }
    assert_eq!(routed.upstream.count(), 0);
    // By the key of SVIDs, of our own trust domain, but never issued: whoever could sign would still be nobody.
    assert_eq!(sent(&routed, 0, "/svid/x", &own).await.0, 200);
    let mut beside = get("/svid/x", &own);
    beside.headers_mut().insert("x-api-key", "legation_x".parse().unwrap());
    assert_eq!(routed.world.send(0, beside).await.told(), (400, "credentials_several".to_owned()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_no_trust_domain_can_be_is_not_written_and_an_old_bundle_not_kept() {
    let routed = with_routes(sqlite());
    agent(&routed, "crm");
    let partner = Partner::new("partner.example");
    let put = |domain: &TrustDomain| blocking(|| routed.world.registry.put_trust_domain(domain, now()));
    let good = partner.trust(&[(ID, "crm")]);
    let endpoint = Some("https://partner.example/bundle".to_owned());
    for bad in [
        TrustDomain { name: "acme.example".to_owned(), workloads: Vec::new(), ..good.clone() },
        TrustDomain { name: "Partner.example".to_owned(), workloads: Vec::new(), ..good.clone() },
        TrustDomain { bundle: None, ..good.clone() },
        TrustDomain { endpoint: endpoint.clone(), ..good.clone() },
        TrustDomain { bundle: None, endpoint: Some("http://partner.example/".to_owned()), ..good.clone() },
        TrustDomain { bundle: Some(json!({"keys": 1})), ..good.clone() },
        TrustDomain { max_life: 1, ..good.clone() },
        partner.trust(&[("spiffe://other.example/x", "crm")]),
        partner.trust(&[(ID, "crm"), (ID, "crm")]),
        partner.trust(&[(ID, "nobody")]),
    ] {
        assert!(put(&bad).is_err(), "{bad:?}");
    }
    let fetched = TrustDomain { bundle: None, endpoint, ..good };
    put(&fetched).unwrap();
    let registry = &routed.world.registry;
    let due = || blocking(|| registry.bundles_due(now())).unwrap().len();
    assert_eq!(due(), 1);
    // Nothing is fetched because somebody shows something.
    let text = partner.svid(&claims(ID));
    assert_eq!(sent(&routed, 0, "/svid/x", &text).await, (401, "bundle_stale".to_owned()));
    let keep = |document: &Value, at: i64| {
        blocking(|| registry.keep_bundle(&fetched, document.to_string().as_bytes(), at))
    };
    let numbered = |number: i64| {
        let mut document = partner.bundle();
        document["spiffe_sequence"] = json!(number);
        document
    };
    keep(&numbered(5), now()).unwrap();
    tokio::time::sleep(Duration::from_millis(250)).await;
    assert_eq!((due(), sent(&routed, 0, "/svid/x", &text).await.0), (0, 200));
    assert!(keep(&numbered(4), now()).is_err() && keep(&json!({"keys": []}), now()).is_err());
    assert!(keep(&json!([]), now()).is_err());
    assert_eq!(sent(&routed, 0, "/svid/x", &text).await.0, 200);
    let epoch = blocking(|| registry.epoch()).unwrap();
    keep(&numbered(5), now()).unwrap();
    assert_eq!(blocking(|| registry.epoch()).unwrap(), epoch, "the same bundle changes nothing");
    let mut withdrawn = bundle::document(&[], 6, 300);
    withdrawn["more"] = json!(true);
    keep(&withdrawn, now()).unwrap();
    assert_eq!(sent(&routed, 0, "/svid/x", &text).await, (401, "key_not_found".to_owned()));
    // One that could not be had for a day is relied on no more.
    let domain = blocking(|| registry.trust_domains()).unwrap().remove(0);
    keep(&numbered(7), now() - 86_400).unwrap();
    assert!(blocking(|| registry.bundle_of(&domain, now())).unwrap().is_none());
}
