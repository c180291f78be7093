//! An organization that is up on this machine, a service behind a route of it, a person, a program, and a browser.

use axum::{
    body::Body,
    http::{HeaderMap, Request, header},
};
use http_body_util::BodyExt;
use legation_gateway::{Gateway, router};
use legation_host::{Signals, serve, tokens};
use legation_keys::base64url;
use legation_registry::{
    Profile, Registry, init,
    route::{Route, RouteAuth},
};
use legation_signer::Door;
use legation_store::{Location, Store};
use legation_tests::{
    signer::Signer as Running,
    upstream::{Plan, Upstream},
};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::{sync::Arc, time::SystemTime};
use tokio::net::TcpListener;
use tower::ServiceExt;

pub(crate) const BACK: &str = "https://app.example/cb";
pub(crate) const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

pub(crate) fn now() -> i64 {
    i64::try_from(SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs()).unwrap()
}

pub(crate) fn blocking<T>(verb: impl FnOnce() -> T) -> T {
    tokio::task::block_in_place(verb)
}

pub(crate) struct World {
    pub(crate) registry: Arc<Registry>,
    pub(crate) origin: String,
    /// The address of the service.
    pub(crate) at: String,
    pub(crate) upstream: Upstream,
    /// The `client_id` of the program.
    pub(crate) client: String,
    router: axum::Router,
    _folder: tempfile::TempDir,
    _signer: Running,
}

/// What came back.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_default()
    }

    pub(crate) fn told(&self) -> (u16, String) {
        (self.status, self.json()["code"].as_str().unwrap_or_default().to_owned())
    }

    pub(crate) fn location(&self) -> &str {
        self.headers.get(header::LOCATION).map_or("", |to| to.to_str().unwrap())
    }

    /// A member of the query that the browser is led to.
    pub(crate) fn sent(&self, name: &str) -> Option<String> {
        let (_, query) = self.location().split_once('?')?;
        let pairs = legation_token::request::members(query.as_bytes(), 32)?;
        pairs.into_iter().find(|(own, _)| own == name).map(|(_, value)| value)
    }

    /// The value of a hidden field of a page.
    pub(crate) fn hidden(&self, name: &str) -> String {
        let (_, rest) = self.text.split_once(&format!("name=\"{name}\" value=\"")).unwrap();
        rest.split_once('"').unwrap().0.replace("&amp;", "&")
    }
}

pub(crate) fn form(members: &[(&str, &str)]) -> String {
    let one = |(name, value): &(&str, &str)| format!("{name}={}", legation_token::request::escaped(value));
    members.iter().map(one).collect::<Vec<_>>().join("&")
}

pub(crate) fn challenge() -> String {
    base64url::encode(&Sha256::digest(VERIFIER))
}

impl World {
    pub(crate) async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let domain = format!("localhost:{}", listener.local_addr().unwrap().port());
        let folder = tempfile::tempdir().unwrap();
        let signer = Running::start(folder.path()).unwrap();
        let upstream = Upstream::always(Plan::body(200, "text/plain", "from the service")).unwrap();
        let at = format!("{}/v1/", upstream.origin().replace("127.0.0.1", "localhost"));
        let (registry, gateway, signals) = blocking(|| {
            let store = Store::open(Location::Sqlite(folder.path().join("store.sqlite"))).unwrap();
            let registry =
                Arc::new(init(store, signer.client(Door::Registry).unwrap(), &domain, now()).unwrap());
            let auth = vec![RouteAuth::Token, RouteAuth::BearerToken];
            let route = Route {
                name: "crm".to_owned(),
                path: "/crm/".to_owned(),
                upstream: at.clone(),
                auth,
                ..Route::default()
            };
            registry.put_route(&route, now()).unwrap();
            let client = || signer.client(Door::Gateway).unwrap();
            let gateway = Gateway::new(Arc::clone(&registry), client(), false).unwrap();
            let signals = Signals::new(Arc::clone(&registry), client(), true).unwrap();
            (registry, gateway, signals)
        });
        let router = router(gateway).merge(tokens(&registry)).merge(signals.router());
        let served = router.clone();
        tokio::spawn(async move { serve(listener, served, None, std::future::pending()).await });
        let origin = registry.origin();
        let mut world = Self {
            registry,
            origin,
            at,
            upstream,
            client: String::new(),
            router,
            _folder: folder,
            _signer: signer,
        };
        world.client = blocking(|| {
            world.registry.add_person("anna", Some(&world.ceiling()), now()).unwrap();
            let redirects = [BACK, "http://127.0.0.1/cb"].map(str::to_owned);
            world.registry.add_client("Notes", &redirects, now()).unwrap().id
        });
        world
    }

    pub(crate) fn ceiling(&self) -> Profile {
        Profile {
            actions: ["http:GET", "http:POST"].map(str::to_owned).to_vec(),
            resources: vec![self.at.clone(), format!("{}*", self.at)],
            ..Profile::default()
        }
    }

    pub(crate) fn crm(&self) -> String {
        format!("{}/crm/", self.origin)
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        let text = String::from_utf8(body.to_vec()).unwrap();
        Answer { status: parts.status.as_u16(), headers: parts.headers, text }
    }

    pub(crate) async fn post(&self, path: &str, body: String) -> Answer {
        let request = Request::post(path).header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        self.send(request.body(Body::from(body)).unwrap()).await
    }

    /// A browser in which somebody has signed in.
    pub(crate) async fn browser(&self, person: &str) -> Browser<'_> {
        let code = blocking(|| self.registry.new_person_code(person, now())).unwrap();
        let asked = self.asks(&[]);
        let sent = form(&[("request", &asked), ("code", &code)]);
        let answer = self.post("/oauth/sign-in", sent).await;
        assert_eq!(answer.status, 303, "{}", answer.text);
        let cookie = answer.headers[header::SET_COOKIE].to_str().unwrap();
        assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax"), "{cookie}");
        Browser { world: self, cookie: cookie.split(';').next().unwrap().to_owned() }
    }

    /// What the program asks, with further members in place of its own; one that is empty is left out.
    pub(crate) fn asks(&self, more: &[(&str, &str)]) -> String {
        let (crm, challenge) = (self.crm(), challenge());
        let mut all = vec![
            ("response_type", "code"),
            ("client_id", self.client.as_str()),
            ("redirect_uri", BACK),
            ("scope", "http:GET http:POST"),
            ("resource", crm.as_str()),
            ("state", "a state"),
            ("code_challenge", challenge.as_str()),
            ("code_challenge_method", "S256"),
        ];
        all.retain(|(name, _)| more.iter().all(|(other, _)| other != name));
        all.extend(more.iter().filter(|(_, value)| !value.is_empty()));
        form(&all)
    }

    /// What the program shows for a token.
    pub(crate) async fn buy(&self, code: &str, more: &[(&str, &str)]) -> Answer {
        let crm = self.crm();
        let mut all = vec![
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", BACK),
            ("client_id", self.client.as_str()),
            ("code_verifier", VERIFIER),
            ("resource", crm.as_str()),
        ];
        all.retain(|(name, _)| more.iter().all(|(other, _)| other != name));
        all.extend(more.iter().filter(|(_, value)| !value.is_empty()));
        self.post("/token", form(&all)).await
    }

    /// A call of the service with a token.
    pub(crate) async fn call(&self, method: &str, token: &str) -> Answer {
        let request = Request::builder().method(method).uri("/crm/things");
        let request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        self.send(request.body(Body::empty()).unwrap()).await
    }
}

/// A browser with the cookie of a person.
pub(crate) struct Browser<'w> {
    pub(crate) world: &'w World,
    pub(crate) cookie: String,
}

impl Browser<'_> {
    pub(crate) async fn open(&self, request: &str) -> Answer {
        let asked = Request::get(format!("/oauth/authorize?{request}")).header(header::COOKIE, &self.cookie);
        self.world.send(asked.body(Body::empty()).unwrap()).await
    }

    pub(crate) async fn post(&self, members: &[(&str, &str)], headers: &[(&'static str, &str)]) -> Answer {
        let mut asked = Request::post("/oauth/consent").header(header::COOKIE, &self.cookie);
        for (name, value) in headers {
            asked = asked.header(*name, *value);
        }
        self.world.send(asked.body(Body::from(form(members))).unwrap()).await
    }

    /// Opens the page and allows these actions.
    pub(crate) async fn allows(&self, request: &str, actions: &[&str]) -> Answer {
        let page = self.open(request).await;
        assert_eq!(page.status, 200, "{} {}", page.location(), page.text);
        let (asked, token) = (page.hidden("request"), page.hidden("form"));
        let mut members = vec![("request", asked.as_str()), ("form", token.as_str()), ("act", "allow")];
        members.extend(actions.iter().map(|action| ("action", *action)));
        self.post(&members, &[("sec-fetch-site", "same-origin")]).await
    }

    /// The code of a consent to these actions.
    pub(crate) async fn code(&self, request: &str, actions: &[&str]) -> String {
        let answer = self.allows(request, actions).await;
        assert_eq!(answer.status, 303, "{}", answer.text);
        answer.sent("code").unwrap_or_else(|| panic!("{}", answer.location()))
    }

    /// A token that such a code has bought.
    pub(crate) async fn token(&self, actions: &[&str]) -> String {
        let code = self.code(&self.world.asks(&[]), actions).await;
        let answer = self.world.buy(&code, &[]).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer.json()["access_token"].as_str().unwrap().to_owned()
    }
}
