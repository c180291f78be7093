//! Agent cards from real servers on loopback: believed, or refused by name.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "the helpers of tests may panic as tests do")]

mod servers;

use legation_agent_card::{Binding, UnverifiedCard, extension, sign};
use legation_did::{Did, Document, key, method_id, web};
use legation_keys::{Algorithm, SecretKey, Signer};
use legation_resolver::{CardFetchError, FetchedCard, Fetcher, Options};
use serde_json::{Value, json};
use servers::{Act, Server, Site, answer, authority, fetcher, options, server};

const CARD: &str = "/.well-known/agent-card.json";
const DOCUMENT: &str = "/.well-known/did.json";

fn new_key() -> SecretKey {
    SecretKey::generate(Algorithm::EdDsa).unwrap()
}

/// A card of that DID with its interface at an origin.
fn card(did: &Did, origin: &str) -> Value {
    let mut card = json!({
        "name": "Agent", "description": "d", "version": "1.0.0",
        "supportedInterfaces": [
            {"url": format!("{origin}/a2a"), "protocolBinding": "JSONRPC", "protocolVersion": "1.0"}],
        "capabilities": {}, "defaultInputModes": ["text/plain"], "defaultOutputModes": ["text/plain"],
        "skills": [{"id": "s", "name": "S", "description": "d", "tags": ["t"]}],
    });
    extension::declare_identity(&mut card, did).unwrap();
    card
}

fn signed(card: &str, did: &Did, key: &SecretKey) -> String {
    let id = method_id(did, key.public_key());
    sign(&UnverifiedCard::parse(card.as_bytes()).unwrap(), &id, key).unwrap()
}

fn document(did: &Did, keys: &[&SecretKey]) -> Act {
    let keys: Vec<_> = keys.iter().map(|key| key.public_key().clone()).collect();
    answer("application/did+json", &web::document(did, &keys).to_json().to_string())
}

/// A server on loopback whose paths are set one by one, and the did:web that it is.
struct World {
    server: Server,
    site: Site,
    did: Did,
    key: SecretKey,
}

impl World {
    async fn new() -> Self {
        let site = Site::default();
        let server = server(|_| Act::Site(site.clone()), None).await;
        let world = Self { did: server.did(), server, site, key: new_key() };
        world.put(DOCUMENT, document(&world.did, &[&world.key]));
        world.put_card(&world.signed());
        world
    }

    fn origin(&self) -> String {
        format!("http://localhost:{}", self.server.port)
    }

    fn put(&self, path: &str, act: Act) {
        self.site.lock().unwrap().insert(path.to_owned(), act);
    }

    fn put_card(&self, text: &str) {
        self.put(CARD, answer("application/json", text));
    }

    fn signed(&self) -> String {
        signed(&card(&self.did, &self.origin()).to_string(), &self.did, &self.key)
    }

    async fn fetch(&self) -> Result<FetchedCard, CardFetchError> {
        fetcher().card(&self.origin(), 0).await
    }

    /// The code of the refusal, and that only the card was asked for.
    async fn refused_at_the_card(&self) -> &'static str {
        let refused = self.fetch().await.unwrap_err();
        assert_eq!(self.server.asked(), [CARD], "{refused}");
        refused.code()
    }
}

#[tokio::test]
async fn a_card_is_believed_with_its_document_and_its_domain() {
    let world = World::new().await;
    let fetched = world.fetch().await.unwrap();
    assert_eq!(fetched.card.did(), Some(&world.did));
    assert_eq!(fetched.document.id(), &world.did);
    assert_eq!(fetched.binding, Binding::Domain { origin: world.origin().replace("http:", "https:") });
    assert_eq!(fetched.signed_text(), world.signed());
    assert_eq!(world.server.asked(), [CARD, DOCUMENT]);
}

#[tokio::test]
async fn a_domain_alone_stands_for_its_well_known_path_and_a_path_for_itself() {
    let world = World::new().await;
    let port = world.server.port;
    for url in [
        format!("localhost:{port}"),
        format!("localhost:{port}/"),
        format!("http://localhost:{port}"),
        format!("http://localhost:{port}/#x"),
        format!("http://localhost:{port}{CARD}"),
        format!("localhost:{port}{CARD}"),
    ] {
        assert!(fetcher().card(&url, 0).await.is_ok(), "{url}");
    }
    assert!(world.server.asked().iter().all(|path| path == CARD || path == DOCUMENT));
    let elsewhere = fetcher().card(&format!("localhost:{port}/agents/mail/agent-card.json"), 0).await;
    assert_eq!(elsewhere.unwrap_err().code(), "http_status");
    for url in
        ["", "file:/etc/passwd", "data:,x", "mailto:a@b.example", "http://shop.example", "a b", "C:\\x"]
    {
        assert_eq!(fetcher().card(url, 0).await.unwrap_err().code(), "url_refused", "{url}");
    }
    let private = fetcher().card("10.0.0.1:8443", 0).await.unwrap_err();
    assert_eq!(private.code(), "address_refused");
}

#[tokio::test]
async fn a_card_is_believed_over_tls_that_is_trusted() {
    let (authority, site, key) = (authority("localhost"), Site::default(), new_key());
    let server = server(|_| Act::Site(site.clone()), Some(authority.acceptor.clone())).await;
    let (did, origin) = (server.did(), format!("https://localhost:{}", server.port));
    let text = signed(&card(&did, &origin).to_string(), &did, &key);
    site.lock().unwrap().insert(CARD.to_owned(), answer("application/a2a+json; charset=utf-8", &text));
    site.lock().unwrap().insert(DOCUMENT.to_owned(), document(&did, &[&key]));
    let trusting = Options {
        allow_private: true,
        http_on_loopback: false,
        extra_root_certificates: vec![authority.pem.clone()],
        ..options()
    };
    let fetched = Fetcher::new(trusting.clone()).unwrap().card(&origin, 0).await.unwrap();
    assert_eq!(fetched.binding, Binding::Domain { origin: origin.clone() });
    let guarded = Fetcher::new(Options { allow_private: false, ..trusting }).unwrap();
    assert_eq!(guarded.card(&origin, 0).await.unwrap_err().code(), "address_refused");
    assert_eq!(fetcher().card_bytes(&origin).await.unwrap_err().code(), "address_refused");
}

#[tokio::test]
async fn a_card_of_another_domain_makes_nobody_fetch_from_there() {
    let (world, victim) = (World::new().await, World::new().await);
    // A true card of the victim, republished by somebody else.
    world.put_card(&victim.signed());
    assert_eq!(world.refused_at_the_card().await, "card_domain_mismatch");
    assert_eq!(victim.server.asked(), Vec::<String>::new(), "no document was fetched");
}

#[tokio::test]
async fn a_card_that_names_a_private_address_makes_nobody_connect_there() {
    let world = World::new().await;
    for domain in ["intranet.example", "localhost%3A1", "localhost"] {
        let did: Did = format!("did:web:{domain}").parse().unwrap();
        world.put_card(&signed(&card(&did, &world.origin()).to_string(), &did, &world.key));
        assert_eq!(world.fetch().await.unwrap_err().code(), "card_domain_mismatch", "{domain}");
    }
    // From a file the card's own word decides, within the guard.
    let victim = World::new().await;
    let guarded = Fetcher::new(Options { http_on_loopback: false, ..options() }).unwrap();
    let refused = guarded.card_at_hand(victim.signed().into_bytes(), 0).await.unwrap_err();
    assert_eq!(refused.code(), "address_refused");
    assert_eq!(victim.server.asked(), Vec::<String>::new());
    assert!(fetcher().card_at_hand(victim.signed().into_bytes(), 0).await.is_ok());
}

#[tokio::test]
async fn plain_http_is_the_domain_of_a_did_on_this_machine_only_and_only_when_allowed() {
    let world = World::new().await;
    // An interface of another port, or of another name of this machine, is another origin.
    for origin in ["http://localhost:1", "http://a.localhost", "http://127.0.0.1:80", "http://shop.example"] {
        world.put_card(&signed(&card(&world.did, origin).to_string(), &world.did, &world.key));
        assert_eq!(world.fetch().await.unwrap_err().code(), "card_origin_mismatch", "{origin}");
    }
    let closed = Fetcher::new(Options { http_on_loopback: false, allow_private: true, ..options() }).unwrap();
    assert_eq!(closed.card(&world.origin(), 0).await.unwrap_err().code(), "url_refused");
    // A did:key needs no network; with it there is no domain whose plain form could count.
    let own = key::did(world.key.public_key());
    let text = signed(&card(&own, "http://localhost:1").to_string(), &own, &world.key);
    assert_eq!(closed.card_at_hand(text.into_bytes(), 0).await.unwrap().binding, Binding::KeyOnly);
}

#[tokio::test]
async fn a_card_of_a_did_key_is_its_holders_wherever_it_stands() {
    let world = World::new().await;
    let did = key::did(world.key.public_key());
    world.put_card(&signed(&card(&did, "https://anywhere.example").to_string(), &did, &world.key));
    let fetched = world.fetch().await.unwrap();
    assert_eq!((fetched.binding, fetched.card.did()), (Binding::KeyOnly, Some(&did)));
    assert_eq!(world.server.asked(), [CARD]);
}

#[tokio::test]
async fn a_card_that_proves_nothing_makes_nobody_fetch_a_document() {
    let world = World::new().await;
    let unsigned = card(&world.did, &world.origin());
    let mut anonymous: Value = serde_json::from_str(&world.signed()).unwrap();
    anonymous.as_object_mut().unwrap().remove("capabilities");
    for (text, code) in [
        (unsigned.to_string(), "card_unsigned"),
        (anonymous.to_string(), "card_did_missing"),
        (r#"{"url":"https://a.example","protocolVersion":"0.3.0"}"#.to_owned(), "card_legacy"),
        ("{}".to_owned(), "card_unsigned"),
        ("not json".to_owned(), "malformed"),
        (world.signed().replacen('{', r#"{"name":"A","#, 1), "duplicate_member"),
        (world.signed().replace(world.did.as_str(), "did:web:127.0.0.1"), "card_did_malformed"),
        (world.signed().replace(world.did.as_str(), "did:ion:abc"), "method_unsupported"),
    ] {
        world.put_card(&text);
        world.server.log.lock().unwrap().clear();
        assert_eq!(world.refused_at_the_card().await, code, "{text}");
    }
}

#[tokio::test]
async fn a_card_that_was_changed_or_signed_by_a_stranger_is_refused() {
    let world = World::new().await;
    world.put_card(&world.signed().replace("Agent", "Other"));
    assert_eq!(world.fetch().await.unwrap_err().code(), "signature_invalid");
    let text = signed(&card(&world.did, &world.origin()).to_string(), &world.did, &new_key());
    world.put_card(&text);
    assert_eq!(world.fetch().await.unwrap_err().code(), "key_not_found");
    // Under the id of the true key.
    let id = method_id(&world.did, world.key.public_key());
    let unsigned = card(&world.did, &world.origin()).to_string();
    let forged = sign(&UnverifiedCard::parse(unsigned.as_bytes()).unwrap(), &id, &new_key()).unwrap();
    world.put_card(&forged);
    assert_eq!(world.fetch().await.unwrap_err().code(), "signature_invalid");
}

#[tokio::test]
async fn a_key_is_rotated_without_a_moment_at_which_the_card_does_not_verify() {
    let world = World::new().await;
    let (did, old, new) = (&world.did, &world.key, new_key());
    let (old_id, new_id) = (method_id(did, old.public_key()), method_id(did, new.public_key()));
    let by_old = world.signed();
    let verified_by = async || world.fetch().await.map(|fetched| fetched.card.key_id().to_owned());
    assert_eq!(verified_by().await, Ok(old_id.clone()));

    world.put(DOCUMENT, document(did, &[old, &new]));
    assert_eq!(verified_by().await, Ok(old_id), "the new key stands in the document first");
    let by_both = signed(&by_old, did, &new);
    world.put_card(&by_both);
    assert!(verified_by().await.is_ok());

    world.put(DOCUMENT, document(did, &[&new]));
    assert_eq!(verified_by().await, Ok(new_id.clone()), "the old key is gone");
    world.put_card(&by_old);
    let refused = world.fetch().await.unwrap_err();
    assert_eq!(refused.code(), "key_not_found", "a copy that has the old signature only: {refused}");
    let card = UnverifiedCard::parse(by_both.as_bytes()).unwrap().without_signatures();
    world.put_card(&sign(&card, &new_id, &new).unwrap());
    assert_eq!(verified_by().await, Ok(new_id));
}

#[tokio::test]
async fn the_document_is_that_of_the_moment() {
    let world = World::new().await;
    let other = Document::new("did:web:other.example".parse().unwrap()).to_json().to_string();
    for (act, code) in [
        (answer("application/did+json", &other), "id_mismatch"),
        (answer("text/html", "x"), "content_type"),
        (Act::Send("HTTP/1.1 500 X\r\nContent-Length: 0\r\n\r\n".to_owned()), "http_status"),
        (document(&world.did, &[]), "key_not_found"),
    ] {
        world.put(DOCUMENT, act);
        assert_eq!(world.fetch().await.unwrap_err().code(), code);
    }
}

#[tokio::test]
async fn a_hostile_answer_is_no_card() {
    let world = World::new().await;
    let target = World::new().await;
    let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n";
    let large = 100 << 20;
    for (act, code) in [
        (
            Act::Send(format!(
                "HTTP/1.1 302 Found\r\nLocation: {}{CARD}\r\nContent-Length: 0\r\n\r\n",
                target.origin()
            )),
            "redirect_refused",
        ),
        (Act::Drip(format!("{head}Content-Length: {large}\r\n\r\n")), "too_large"),
        (Act::Endless(format!("{head}\r\n")), "too_large"),
        (Act::Drip(format!("{head}\r\n")), "timeout"),
        (Act::Silent, "timeout"),
        (answer("text/html", &world.signed()), "content_type"),
        (answer("application/jose+json", &world.signed()), "content_type"),
        (
            Act::Send(format!("{head}Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{{}}")),
            "content_encoding",
        ),
        (Act::Send("HTTP/1.1 404 X\r\nContent-Length: 0\r\n\r\n".to_owned()), "http_status"),
    ] {
        world.put(CARD, act);
        world.server.log.lock().unwrap().clear();
        assert_eq!(world.refused_at_the_card().await, code);
    }
    assert_eq!(target.server.asked(), Vec::<String>::new());
    // The limit is that of a card, also where the options allow more.
    world.put(CARD, answer("application/json", &" ".repeat((256 << 10) + 1)));
    let generous = Fetcher::new(Options { max_bytes: 4 << 20, ..options() }).unwrap();
    assert_eq!(generous.card(&world.origin(), 0).await.unwrap_err().code(), "too_large");
}

#[test]
fn fetching_a_card_can_be_moved_between_threads() {
    fn is_send(_: impl Send) {}
    let fetcher = fetcher();
    is_send(fetcher.card("https://a.example", 0));
}
