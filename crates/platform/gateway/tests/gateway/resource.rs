//! Routes that take identity tokens.

use crate::{
    quarantine::counted,
    tokens::{Agent, ISSUER, agent, challenge, post, proof},
    world::{Answer, World, blocking, both, local, now, sqlite},
};
use axum::{
    body::Body,
    http::{Method, Request},
};
use legation_keys::{Algorithm, SecretKey, Signer, base64url};
use legation_registry::{
    Profile,
    issued::digest,
    route::{Route, RouteAuth, RouteProtocol},
};
use legation_store::holder::Kind;
use legation_tests::upstream::{Plan, Upstream};
use legation_token::dpop::{self, Making};
use serde_json::{Value, json};

const CRM: &str = "https://acme.example/crm/";

/// An organization with three routes to one service: one that takes all, one that takes bound tokens alone, one that takes none.
pub(crate) struct Routed {
    pub(crate) world: World,
    pub(crate) upstream: Upstream,
    at: String,
}

pub(crate) fn routed(world: World) -> Routed {
    let upstream = Upstream::always(Plan::body(200, "text/plain", "from the service")).unwrap();
    let at = format!("{}/v1/", local(&upstream.origin()));
    let all = vec![RouteAuth::Signature, RouteAuth::ApiKey, RouteAuth::Token, RouteAuth::BearerToken];
    blocking(|| {
        for (name, auth) in [("crm", all), ("strict", vec![RouteAuth::Token]), ("plain", Vec::new())] {
            let (path, name) = (format!("/{name}/"), name.to_owned());
            let route = Route { name, path, upstream: at.clone(), auth, ..Route::default() };
            world.registry.put_route(&route, now()).unwrap();
        }
    });
    Routed { world, upstream, at }
}

impl Routed {
    pub(crate) fn profile(&self) -> Profile {
        Profile {
            actions: ["http:GET", "http:POST", "token:issue"].map(str::to_owned).to_vec(),
            resources: vec![self.at.clone(), format!("{}*", self.at)],
            ..Profile::default()
        }
    }

    /// The team that agents of these tests are in has all of it.
    pub(crate) fn agent(&self, name: &'static str, profile: &Profile) -> Agent {
        blocking(|| {
            let team = Profile { constraints: Vec::new(), max_depth: 2, ..self.profile() };
            let _ = self.world.registry.add_team("crm", &team, now());
        });
        agent(&self.world, name, profile)
    }

    pub(crate) async fn token(&self, agent: &Agent, audience: &str, more: &[(&str, &str)]) -> String {
        let mut members = vec![("audience", audience)];
        members.extend(more);
        token_of(&agent.ask(&self.world, &members).await)
    }

    /// A token that is bound to a key.
    pub(crate) async fn bound(&self, agent: &Agent, audience: &str, key: &SecretKey) -> String {
        let (nonce, given) = challenge(&self.world, 0).await;
        let body = agent.exchange(&self.world, &nonce, &[("audience", audience)]);
        let made = proof(key, Some(&given), &uuid(), "https://acme.example/token");
        token_of(&self.world.send(0, post("/token", body, Some(&made))).await)
    }
}

fn token_of(answer: &Answer) -> String {
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()["access_token"].as_str().unwrap().to_owned()
}

fn uuid() -> String {
    base64url::encode(&legation_keys::secret::random::<16>().unwrap())
}

pub(crate) fn get(path: &str, token: &str) -> Request<Body> {
    Request::get(path).header("authorization", format!("Bearer {token}")).body(Body::empty()).unwrap()
}

/// A proof of a key for a request with a token.
fn shown(key: &SecretKey, (method, url): (&str, &str), token: Option<&str>) -> String {
    dpop::make(&Making { method, url, id: &uuid(), nonce: None, token, now: now() }, key).unwrap()
}

pub(crate) fn with_proof(path: &str, token: &str, proof: &str) -> Request<Body> {
    let request = Request::get(path).header("authorization", format!("DPoP {token}")).header("dpop", proof);
    request.body(Body::empty()).unwrap()
}

fn jti(token: &str) -> String {
    let payload = base64url::decode(token.split('.').nth(1).unwrap()).unwrap();
    let claims: Value = serde_json::from_slice(&payload).unwrap();
    claims["jti"].as_str().unwrap().to_owned()
}

fn challenges(answer: &Answer) -> Vec<String> {
    answer.headers.get_all("www-authenticate").iter().map(|one| one.to_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_passes_at_its_route_as_its_chain_does_and_goes_no_further() {
    for mut world in both() {
        blocking(|| world.add_gateway());
        let routed = routed(world);
        let mail = routed.agent("mail", &routed.profile());
        for audience in [CRM, "https://acme.example/crm", "https://acme.example/crm/models"] {
            let token = routed.token(&mail, audience, &[]).await;
            for gateway in [0, 1] {
                let answer = routed.world.send(gateway, get("/crm/models?page=2", &token)).await;
                assert_eq!(
                    (answer.status.as_u16(), answer.text().as_str()),
                    (200, "from the service"),
                    "{audience}"
                );
            }
            let seen = routed.upstream.requests();
            let seen = seen.last().unwrap();
            assert_eq!((seen.path.as_str(), seen.header("authorization")), ("/v1/models?page=2", None));
            // The receipt says by which token, and not which one it is.
            let bodies = routed.world.bodies();
            let text = bodies.last().unwrap().to_string();
            assert!(text.contains(&format!("token:{}", digest(&jti(&token)))), "{text}");
            assert!(!text.contains(&token) && text.contains("did:web:acme.example:mail"), "{text}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_is_revoked_suspended_or_used_up_is_so_on_the_next_call_with_a_token() {
    for mut world in both() {
        blocking(|| world.add_gateway());
        let routed = routed(world);
        let rate = json!({"type": "rate", "seconds": 600, "max": 3});
        let mail = routed.agent("mail", &Profile { constraints: vec![rate], ..routed.profile() });
        // The request for a token counts, too.
        let token = routed.token(&mail, CRM, &[]).await;
        let send = async |gateway| routed.world.send(gateway, get("/crm/x", &token)).await;
        assert_eq!((send(0).await.status.as_u16(), send(1).await.status.as_u16()), (200, 200));
        assert_eq!(send(0).await.told(), (429, "rate_exceeded".to_owned()));
        assert_eq!(send(1).await.told(), (429, "rate_exceeded".to_owned()));
        let free = routed.agent("free", &routed.profile());
        let token = routed.token(&free, CRM, &[]).await;
        let send = async |gateway| routed.world.send(gateway, get("/crm/x", &token)).await;
        assert_eq!((send(0).await.status.as_u16(), send(1).await.status.as_u16()), (200, 200));
        let count = routed.upstream.count();
        routed.world.suspend("free");
        for gateway in [0, 1] {
            assert_eq!(send(gateway).await.told(), (401, "link_suspended".to_owned()));
        }
        blocking(|| routed.world.registry.resume(Kind::Agent, "free", now())).unwrap();
        assert_eq!((send(0).await.status.as_u16(), send(1).await.status.as_u16()), (200, 200));
        let all = blocking(|| routed.world.registry.delegations(Some((Kind::Agent, "free")))).unwrap();
        let (_, link) = all.into_iter().find(|(_, link)| link.state == "current").unwrap();
        blocking(|| routed.world.registry.revoke(&link.id, "", now())).unwrap();
        for gateway in [0, 1] {
            let answer = send(gateway).await;
            assert_eq!(answer.told(), (401, "link_revoked".to_owned()), "{}", routed.world.engine);
            assert!(challenges(&answer)[0].contains("error=\"invalid_token\""), "{:?}", challenges(&answer));
        }
        assert_eq!(routed.upstream.count(), count + 2);
        assert!(
            routed.world.receipts().iter().any(|(kind, code, _)| kind == "deny" && code == "link_revoked")
        );
        let gone = routed.agent("gone", &routed.profile());
        let token = routed.token(&gone, CRM, &[]).await;
        blocking(|| routed.world.registry.retire(Kind::Agent, "gone", now())).unwrap();
        assert_eq!(routed.world.send(0, get("/crm/x", &token)).await.status, 401);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_that_says_less_than_its_chain_lets_no_more_pass_and_tells_what_it_lacks() {
    let routed = routed(sqlite());
    let mail = routed.agent("mail", &routed.profile());
    let token = routed.token(&mail, CRM, &[("scope", "http:GET")]).await;
    assert_eq!(routed.world.send(0, get("/crm/x", &token)).await.status, 200);
    let send = async |method: &str, token: &str| {
        let request = Request::builder()
            .method(method)
            .uri("/crm/x")
            .header("authorization", format!("Bearer {token}"));
        routed.world.send(0, request.body(Body::from("{}")).unwrap()).await
    };
    let lacking = send("POST", &token).await;
    assert_eq!(lacking.told(), (403, "not_granted".to_owned()));
    let told = challenges(&lacking);
    assert_eq!(told.len(), 2, "{told:?}");
    for one in &told {
        assert!(one.contains("error=\"insufficient_scope\"") && one.contains("scope=\"http:POST\""), "{one}");
        assert!(
            one.contains(
                "resource_metadata=\"https://acme.example/.well-known/oauth-protected-resource/crm/\""
            ),
            "{one}"
        );
    }
    // By the scope that it was told it gets a token that passes.
    let more = routed.token(&mail, CRM, &[("scope", "http:GET http:POST")]).await;
    assert_eq!(send("POST", &more).await.status, 200);
    // What a token leaves out counts against nobody, and what its chain lacks no token brings.
    assert_eq!(counted(&routed.world, "mail"), 0);
    let never = send("DELETE", &more).await;
    assert_eq!(counted(&routed.world, "mail"), 1);
    assert_eq!(never.told(), (403, "not_granted".to_owned()));
    assert!(challenges(&never).is_empty(), "{:?}", challenges(&never));
    // A token for one place is none for another behind the same route.
    let narrow = routed.token(&mail, "https://acme.example/crm/models", &[]).await;
    let elsewhere = routed.world.send(0, get("/crm/x", &narrow)).await;
    assert_eq!(elsewhere.told(), (401, "audience_mismatch".to_owned()));
    // An agent that is only watched passes by no token what the token leaves out.
    blocking(|| routed.world.registry.shadow("mail", now() + 3600, now())).unwrap();
    assert_eq!(send("POST", &token).await.told(), (403, "not_granted".to_owned()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bound_token_passes_by_a_proof_of_its_key_for_this_very_request_and_once_in_all_processes() {
    for mut world in both() {
        blocking(|| world.add_gateway());
        let routed = routed(world);
        let signed = json!({"type": "argument", "name": "possession", "equals": "signed"});
        let mail = routed.agent("mail", &routed.profile());
        let own = routed.agent("own", &Profile { constraints: vec![signed], ..routed.profile() });
        let other = SecretKey::generate(Algorithm::Es256).unwrap();
        let url = "https://acme.example/strict/x";
        let strict = "https://acme.example/strict/";
        for (agent, key) in [(&mail, &other), (&own, &own.key)] {
            let token = routed.bound(agent, strict, key).await;
            let send = async |gateway: usize, path: &str, proof: &str| {
                routed.world.send(gateway, with_proof(path, &token, proof)).await.told()
            };
            let good = shown(key, ("GET", url), Some(&token));
            assert_eq!(
                send(0, "/strict/x?page=1", &good).await.0,
                200,
                "{} {}",
                agent.name,
                routed.world.engine
            );
            for gateway in [0, 1] {
                let (status, code) = send(gateway, "/strict/x?page=1", &good).await;
                assert_eq!(status, 401);
                assert!(["nonce_replayed", "dpop_replayed"].contains(&code.as_str()), "{code}");
            }
            // Of what was denied, too: it names neither the body nor the query that it may come with next.
            let denied = shown(key, ("DELETE", url), Some(&token));
            let remove = || {
                let mut request = with_proof("/strict/x", &token, &denied);
                *request.method_mut() = Method::DELETE;
                request
            };
            assert_eq!(routed.world.send(0, remove()).await.told().0, 403);
            assert_eq!(routed.world.send(1, remove()).await.told(), (401, "dpop_replayed".to_owned()));
            for (proof, code) in [
                (shown(key, ("POST", url), Some(&token)), "dpop_method_mismatch"),
                (shown(key, ("GET", "https://acme.example/strict/y"), Some(&token)), "dpop_url_mismatch"),
                (shown(key, ("GET", "https://evil.example/strict/x"), Some(&token)), "dpop_url_mismatch"),
                (shown(key, ("GET", url), None), "dpop_token_mismatch"),
                (shown(key, ("GET", url), Some("other")), "dpop_token_mismatch"),
                (
                    shown(&SecretKey::generate(Algorithm::EdDsa).unwrap(), ("GET", url), Some(&token)),
                    "dpop_key_mismatch",
                ),
                ("x".to_owned(), "malformed"),
            ] {
                assert_eq!(send(0, "/strict/x", &proof).await, (401, code.to_owned()));
            }
            let mut twice = with_proof("/strict/x", &token, &shown(key, ("GET", url), Some(&token)));
            twice.headers_mut().append("dpop", shown(key, ("GET", url), Some(&token)).parse().unwrap());
            assert_eq!(routed.world.send(0, twice).await.told(), (401, "dpop_several".to_owned()));
            // Without a proof it is nobody's, and this route takes none that is bound to no key.
            let crm = routed.bound(agent, CRM, key).await;
            assert_eq!(
                routed.world.send(0, get("/crm/x", &crm)).await.told(),
                (401, "dpop_missing".to_owned())
            );
            let request = Request::get("/strict/x").header("authorization", format!("DPoP {token}"));
            let bare = routed.world.send(0, request.body(Body::empty()).unwrap()).await;
            assert_eq!(bare.told(), (401, "dpop_missing".to_owned()));
            assert!(challenges(&bare)[0].starts_with("DPoP algs=\"ES256 EdDSA\""), "{:?}", challenges(&bare));
            // An agent that signs by its own key is known to be there; of another key the gateway vouches.
            let bodies = routed.world.bodies();
            let passed = bodies
                .iter()
                .rev()
                .find(|body| body["decision"] == "permit" && body["request"]["action"] == "http:GET");
            assert!(passed.unwrap().to_string().contains(&digest(&jti(&token))), "{}", passed.unwrap());
        }
        let unbound = routed.token(&mail, strict, &[]).await;
        assert_eq!(
            routed.world.send(0, get("/strict/x", &unbound)).await.told(),
            (401, "auth_not_taken".to_owned())
        );
        // A proof beside a token that is bound to nothing makes it no better.
        let crm = routed.token(&mail, CRM, &[]).await;
        let url = "https://acme.example/crm/x";
        let shown = shown(&mail.key, ("GET", url), Some(&crm));
        let answer = routed.world.send(0, with_proof("/crm/x", &crm, &shown)).await;
        assert_eq!(answer.told(), (401, "token_unbound".to_owned()));
    }
}

/// A token with other parts in place of its own, which nobody has signed, or by another key.
fn forged(token: &str, head: &Value, key: Option<&SecretKey>) -> String {
    let payload = token.split('.').nth(1).unwrap();
    let input = format!("{}.{payload}", base64url::encode(head.to_string().as_bytes()));
    let signature =
        key.map(|key| base64url::encode(&key.sign(input.as_bytes()).unwrap())).unwrap_or_default();
    format!("{input}.{signature}")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_token_of_this_organization_for_this_route_opens_nothing() {
    let routed = routed(sqlite());
    let mail = routed.agent("mail", &routed.profile());
    let good = routed.token(&mail, CRM, &[]).await;
    let head: Value =
        serde_json::from_slice(&base64url::decode(good.split('.').next().unwrap()).unwrap()).unwrap();
    let (kid, evil) = (head["kid"].clone(), SecretKey::generate(Algorithm::Es256).unwrap());
    let jwk = evil.public_key().to_jwk();
    let foreign = {
        let other = self::routed(sqlite());
        let mail = other.agent("mail", &other.profile());
        other.token(&mail, CRM, &[]).await
    };
    let jwks = blocking(|| routed.world.registry.jwks(now())).unwrap();
    let event_key =
        jwks["keys"].as_array().unwrap().iter().map(|key| key["kid"].clone()).find(|other| *other != kid);
    let with = |more: Value| {
        let mut all = json!({"alg": "ES256", "typ": "at+jwt", "kid": kid});
        all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        all
    };
    let cases = [
        (forged(&good, &with(json!({"typ": "JWT"})), Some(&evil)), "type_mismatch"),
        (forged(&good, &with(json!({"typ": "dpop+jwt"})), Some(&evil)), "type_mismatch"),
        (forged(&good, &with(json!({"alg": "none"})), None), "algorithm_not_allowed"),
        (forged(&good, &with(json!({"alg": "HS256"})), Some(&evil)), "algorithm_not_allowed"),
        (forged(&good, &with(json!({"alg": "EdDSA"})), Some(&evil)), "algorithm_not_allowed"),
        (forged(&good, &with(json!({"jwk": jwk})), Some(&evil)), "key_in_header"),
        (
            forged(&good, &with(json!({"jku": "https://evil.example/jwks.json"})), Some(&evil)),
            "key_in_header",
        ),
        (forged(&good, &with(json!({"crit": ["x"], "x": 1})), Some(&evil)), "crit_unknown"),
        (forged(&good, &with(json!({})), Some(&evil)), "signature_invalid"),
        (forged(&good, &with(json!({"kid": evil.public_key().thumbprint()})), Some(&evil)), "key_not_found"),
        (forged(&good, &with(json!({"kid": event_key})), Some(&evil)), "key_not_found"),
        (foreign, "key_not_found"),
        (format!("{}.{}", good.rsplit_once('.').unwrap().0, "A".repeat(86)), "signature_invalid"),
        (routed.token(&mail, "https://acme.example/strict/", &[]).await, "audience_mismatch"),
        (routed.token(&mail, &routed.at, &[]).await, "audience_mismatch"),
    ];
    for (token, code) in cases {
        let answer = routed.world.send(0, get("/crm/x", &token)).await;
        assert_eq!(answer.told(), (401, code.to_owned()), "{token}");
        assert!(
            challenges(&answer).iter().all(|one| one.contains("error=\"invalid_token\"")),
            "{:?}",
            challenges(&answer)
        );
    }
    // What shows who it is in two ways, or in a URL.
    let mut twice = get("/crm/x", &good);
    twice.headers_mut().append("authorization", format!("Bearer {good}").parse().unwrap());
    let mut beside = get("/crm/x", &good);
    beside.headers_mut().append("x-api-key", "legation_x".parse().unwrap());
    for request in [twice, beside, get(&format!("/crm/x?access_token={good}"), &good)] {
        assert_eq!(routed.world.send(0, request).await.told(), (400, "credentials_several".to_owned()));
    }
    let in_url = Request::get(format!("/crm/x?access_token={good}")).body(Body::empty()).unwrap();
    assert_eq!(routed.world.send(0, in_url).await.told(), (401, "api_key_missing".to_owned()));
    // Where no route takes a token it is nothing, and nothing is said of routes.
    for path in ["/plain/x", "/nowhere/x", "/v1/self/budget"] {
        let answer = routed.world.send(0, get(path, &good)).await;
        assert_eq!(answer.status, 401, "{path}");
        assert!(challenges(&answer).iter().all(|one| !one.contains("resource_metadata")), "{path}");
    }
    assert_eq!(routed.upstream.count(), 0);
    assert_eq!(routed.world.send(0, get("/crm/x", &good)).await.status, 200);
    // Keys that others may have are gone at once.
    blocking(|| routed.world.registry.rotate((Kind::Organization, "acme.example"), true, now())).unwrap();
    assert_eq!(routed.world.send(0, get("/crm/x", &good)).await.status, 401);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_route_takes_what_it_names_and_nothing_else() {
    let routed = routed(sqlite());
    let mail = routed.agent("mail", &routed.profile());
    let key = blocking(|| {
        routed.world.registry.add_agent("bot", "crm", &routed.profile(), now()).unwrap();
        routed.world.registry.create_key("bot", "test", None, now()).unwrap().secret.to_string()
    });
    let told = async |path: &str, token: &str| routed.world.send(0, get(path, token)).await.told();
    assert_eq!(told("/crm/x", &key).await.0, 200);
    assert_eq!(told("/plain/x", &key).await.0, 200);
    assert_eq!(told("/strict/x", &key).await, (401, "auth_not_taken".to_owned()));
    let token = routed.token(&mail, CRM, &[]).await;
    assert_eq!(told("/crm/x", &token).await.0, 200);
    // As soon as the route takes no tokens any more, it takes none.
    let route = Route {
        name: "crm".to_owned(),
        path: "/crm/".to_owned(),
        upstream: routed.at.clone(),
        ..Route::default()
    };
    blocking(|| routed.world.registry.put_route(&route, now())).unwrap();
    assert_eq!(told("/crm/x", &token).await, (401, "auth_not_taken".to_owned()));
    assert_eq!(told("/crm/x", &key).await.0, 200);
    let twice = Route { auth: vec![RouteAuth::Token, RouteAuth::Token], ..route };
    assert!(blocking(|| routed.world.registry.put_route(&twice, now())).is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_shows_no_token_is_told_where_to_get_one_and_for_what() {
    let routed = routed(sqlite());
    let bare = |path: &str| Request::get(path).body(Body::empty()).unwrap();
    let answer = routed.world.send(0, bare("/crm/models?x=1")).await;
    assert_eq!(answer.told(), (401, "api_key_missing".to_owned()));
    let at = "resource_metadata=\"https://acme.example/.well-known/oauth-protected-resource/crm/\"";
    assert_eq!(
        challenges(&answer),
        [
            format!("Bearer {at}, scope=\"http:GET\""),
            format!("DPoP algs=\"ES256 EdDSA\", {at}, scope=\"http:GET\"")
        ]
    );
    assert_eq!(answer.headers["access-control-expose-headers"], "WWW-Authenticate");
    for path in ["/plain/x", "/nowhere"] {
        assert_eq!(challenges(&routed.world.send(0, bare(path)).await), ["Bearer"], "{path}");
    }
    let told = async |path: &str| {
        let answer =
            routed.world.send(0, bare(&format!("/.well-known/oauth-protected-resource{path}"))).await;
        (answer.status.as_u16(), answer.json())
    };
    for (path, bound) in [("/crm/", false), ("/crm", false), ("/crm/models", false), ("/strict/", true)] {
        let (status, json) = told(path).await;
        assert_eq!((status, &json["resource"]), (200, &json!(format!("{ISSUER}{path}"))), "{json}");
        assert_eq!(json["authorization_servers"], json!([ISSUER]));
        assert_eq!(json["dpop_bound_access_tokens_required"], bound, "{json}");
        assert_eq!(json["bearer_methods_supported"], json!(["header"]));
    }
    // Of two nobody knows which one is meant; what takes none is not there.
    for path in ["", "/plain/", "/nowhere/", "/crm/%2e%2e/x"] {
        assert_eq!(told(path).await.0, 404, "{path}");
    }
    blocking(|| routed.world.registry.remove_route("strict", now())).unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
    assert_eq!(told("").await.1["resource"], CRM);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_mcp_server_behind_a_route_is_called_by_a_token_for_its_very_url() {
    let world = sqlite();
    let upstream = Upstream::start(|seen, _| {
        let asked = seen.json();
        let result = match asked["method"].as_str() {
            Some("tools/list") => json!({"tools": [
                {"name": "book", "inputSchema": {"type": "object"}}, {"name": "cancel", "inputSchema": {"type": "object"}},
            ]}),
            _ => json!({"content": [{"type": "text", "text": "done"}]}),
        };
        Plan::body(200, "application/json", json!({"jsonrpc": "2.0", "id": asked["id"], "result": result}).to_string())
    })
    .unwrap();
    let at = format!("{}/", local(&upstream.origin()));
    let route = Route {
        name: "hotel".to_owned(),
        path: "/hotel/".to_owned(),
        upstream: at.clone(),
        protocol: RouteProtocol::Mcp,
        auth: vec![RouteAuth::Token, RouteAuth::BearerToken],
        ..Route::default()
    };
    let url = format!("{at}mcp");
    let may = Profile {
        actions: ["mcp:tools/list", "mcp:tools/call:book", "mcp:tools/call:cancel", "token:issue"]
            .map(str::to_owned)
            .to_vec(),
        resources: vec![url],
        ..Profile::default()
    };
    blocking(|| {
        world.registry.put_route(&route, now()).unwrap();
        world.registry.add_team("crm", &may, now()).unwrap();
    });
    let mail = agent(&world, "mail", &may);
    let resource = "https://acme.example/hotel/mcp";
    let ask = async |token: Option<&str>, method: &str, name: Option<&str>| {
        let params = name.map_or(json!({}), |name| json!({"name": name, "arguments": {}}));
        let body = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).to_string();
        let mut request = Request::post("/hotel/mcp").header("content-type", "application/json");
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        } else {
            request = request.header("mcp-method", method).header("mcp-name", name.unwrap_or_default());
        }
        world.send(0, request.body(Body::from(body)).unwrap()).await
    };
    let stranger = ask(None, "tools/call", Some("book")).await;
    assert_eq!(stranger.status, 401);
    let told = challenges(&stranger);
    assert_eq!(
        told[0],
        "Bearer resource_metadata=\"https://acme.example/.well-known/oauth-protected-resource/hotel/mcp\", \
         scope=\"mcp:tools/call:book\""
    );
    // A path is not repeated where it would end what it is quoted in.
    let quoted = Request::post("/hotel/mcp\",x=\"y").body(Body::empty()).unwrap();
    let quoted = challenges(&world.send(0, quoted).await);
    assert!(!quoted.is_empty() && quoted.iter().all(|one| !one.contains("x=\"y")), "{quoted:?}");
    let metadata = world
        .send(0, Request::get("/.well-known/oauth-protected-resource/hotel/mcp").body(Body::empty()).unwrap())
        .await;
    assert_eq!(metadata.json()["resource"], resource);
    let scope = "mcp:tools/list mcp:tools/call:book";
    let token = token_of(&mail.ask(&world, &[("audience", resource), ("scope", scope)]).await);
    let called = ask(Some(&token), "tools/call", Some("book")).await;
    assert_eq!(called.json()["result"]["content"][0]["text"], "done", "{}", called.text());
    // What it lacks it may ask for; a list shows what the token lets be called, and not what its chain does.
    let lacking = ask(Some(&token), "tools/call", Some("cancel")).await;
    assert_eq!(lacking.status, 403, "{}", lacking.text());
    assert!(
        challenges(&lacking)[0].contains("error=\"insufficient_scope\", scope=\"mcp:tools/call:cancel\""),
        "{:?}",
        challenges(&lacking)
    );
    let listed = ask(Some(&token), "tools/list", None).await.json();
    assert_eq!(listed["result"]["tools"].as_array().unwrap().len(), 1, "{listed}");
    // What the chain lacks is told to the model, as ever.
    let never = ask(Some(&token), "tools/call", Some("refund")).await;
    assert_eq!((never.status.as_u16(), challenges(&never).len()), (200, 0), "{}", never.text());
    assert!(never.text().contains("not_granted"), "{}", never.text());
    let whole = token_of(&mail.ask(&world, &[("audience", resource)]).await);
    let listed = ask(Some(&whole), "tools/list", None).await.json();
    assert_eq!(listed["result"]["tools"].as_array().unwrap().len(), 2, "{listed}");
    assert!(upstream.requests().iter().all(|seen| seen.header("authorization").is_none()));
}
