//! Two agents meet by A2A messages through a gateway that stands between: it carries, and is no party to what they say.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod world;

use a2a::{Role, SendMessageRequest, SendMessageResponse};
use axum::{
    Router,
    body::Body,
    http::{Request, header},
};
use http_body_util::BodyExt;
use legation_a2a::{Carried, Interface, URI, carry, find};
use legation_agent::MeetError;
use legation_agent_card::{Form, Keys, UnverifiedCard, verify};
use legation_gateway::{Gateway, router};
use legation_handshake::Message;
use legation_registry::{
    Profile, Registry, init,
    route::{Route, RouteProtocol},
};
use legation_signer::Door;
use legation_store::{Location, Store};
use legation_tests::signer::Signer;
use legation_verifier::receipt;
use std::sync::Arc;
use tempfile::TempDir;
use tower::ServiceExt;
use world::{Party, Shop, grant, now, open};

/// A gateway with a route to a shop, and the key of who may send it messages.
struct Between {
    router: Router,
    key: String,
    _signer: Signer,
    _folder: TempDir,
}

impl Between {
    fn new(shop: &Shop) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let signer = Signer::start(folder.path()).unwrap();
        let location = Location::Sqlite(folder.path().join("store.sqlite"));
        let client = || signer.client(Door::Registry).unwrap();
        let registry = init(Store::open(location.clone()).unwrap(), client(), "acme.example", now()).unwrap();
        let route = Route {
            name: "shop".to_owned(),
            path: "/shop/".to_owned(),
            upstream: format!("{}/", shop.origin),
            protocol: RouteProtocol::A2a,
            ..Route::default()
        };
        registry.put_route(&route, now()).unwrap();
        let (actions, resources) =
            (vec!["a2a:message/send".to_owned()], vec![format!("{}*", route.upstream)]);
        let profile = Profile { actions, resources, ..Profile::default() };
        let team = Profile { actions: vec!["a2a:*".to_owned()], ..profile.clone() };
        registry.add_team("travel", &team, now()).unwrap();
        registry.add_agent("mail", "travel", &profile, now()).unwrap();
        let key = registry.create_key("mail", "test", None, now()).unwrap().secret.to_string();
        let registry = Registry::open(Store::open(location).unwrap(), client(), None).unwrap();
        let gateway = Gateway::new(Arc::new(registry), signer.client(Door::Gateway).unwrap(), false).unwrap();
        Self { router: router(gateway), key, _signer: signer, _folder: folder }
    }

    async fn send(&self, request: axum::http::request::Builder, body: String) -> Vec<u8> {
        let request = request.header(header::AUTHORIZATION, format!("Bearer {}", self.key));
        let answer = self.router.clone().oneshot(request.body(Body::from(body)).unwrap()).await.unwrap();
        answer.into_body().collect().await.unwrap().to_bytes().to_vec()
    }

    /// Carries a message of the handshake to the shop's interface by the gateway's address for it.
    async fn carry(&self, message: Message) -> Result<Message, MeetError> {
        let message = carry(&Carried::Message(message), a2a::Message::new(Role::User, vec![]));
        let request = SendMessageRequest { message, configuration: None, metadata: None, tenant: None };
        let body = serde_json::json!({"jsonrpc": "2.0", "id": 1, "method": "SendMessage", "params": request})
            .to_string();
        let request = Request::post("/shop/a2a").header("a2a-version", "1.0").header("a2a-extensions", URI);
        let answer = self.send(request, body).await;
        let mut answer: serde_json::Value = serde_json::from_slice(&answer).unwrap();
        let result = answer.get_mut("result").map(serde_json::Value::take).unwrap_or_default();
        let Ok(SendMessageResponse::Message(message)) = serde_json::from_value(result) else {
            panic!("{answer}")
        };
        match find(&message).unwrap() {
            Some(Carried::Message(message)) => Ok(message),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_strangers_meet_through_a_gateway_and_the_card_holds_as_it_was_signed() {
    let (acme, alice) = (Party::new(), Party::new());
    let shop = open(&acme.did, true).await;
    let between = tokio::task::block_in_place(|| Between::new(&shop));
    let card = between.send(Request::get("/shop/.well-known/agent-card.json"), String::new()).await;
    assert_eq!(String::from_utf8_lossy(&card), shop.published(), "byte for byte");
    let received = UnverifiedCard::parse(&card).unwrap();
    verify(&received, Keys::Document { document: &shop.document, now: now() }, &Form::ALL).unwrap();

    let (fetched, agent) = (shop.card().await, alice.agent(&[&grant(&acme, &alice.did)]));
    let interface = Interface::of(&fetched.card).unwrap();
    let met = agent.meet_over(fetched, &interface.url, async |one| between.carry(one).await, now()).await;
    let theirs = receipt::verify(met.unwrap().met.receipt(), &shop.document).unwrap();
    assert_eq!((&theirs["principal"], &theirs["decision"]), (&acme.did.as_str().into(), &"valid".into()));

    // Who meets is who has the chain, and not who has the gateway's key.
    let mallory = Party::new();
    let stolen = mallory.agent(&[&grant(&acme, &alice.did)]);
    let fetched = shop.card().await;
    match stolen.meet_over(fetched, &interface.url, async |one| between.carry(one).await, now()).await {
        Err(MeetError::Refused { code, .. }) => assert_eq!(code, "holder_mismatch"),
        other => panic!("{other:?}"),
    }
}
