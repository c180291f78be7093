//! What a service fetches for, and tells, whoever has not shown a trusted root's signature.

#![allow(clippy::unwrap_used, reason = "tests")]

mod servers;

use legation_credential::{Authority, Occasion, Terms, issue, pass_on, present};
use legation_did::{Did, key, method_id, web};
use legation_keys::{Algorithm, SecretKey, Signer};
use legation_resolver::{SharedEvidence, verify_anew, verify_shared};
use legation_verifier::{Code, Denial, Presentation, Trust, Verifier, parse};
use servers::{Act, Server, Site, answer, fetcher, plain};
use std::sync::Arc;

const NOW: i64 = 1_795_255_200;
const WITHIN: &str =
    r#"{"grants": [{"actions": ["ceiling:book"], "resources": ["https://ceiling.example/a"]}]}"#;

fn secret() -> SecretKey {
    SecretKey::generate(Algorithm::EdDsa).unwrap()
}

/// An organization that is trusted up to a ceiling, by the document at its server, and a service.
struct World {
    site: Site,
    server: Server,
    root: Did,
    key: SecretKey,
    agent: SecretKey,
    verifier: Verifier,
    evidence: SharedEvidence,
}

impl World {
    async fn new() -> Self {
        let site = Site::default();
        let server = plain(Act::Site(Arc::clone(&site))).await;
        let root = server.did();
        let mut trust = Trust::new("shop");
        let ceiling = r#"{"grants": [{"actions": ["ceiling:*"], "resources": ["https://ceiling.example/*"]}],
            "constraints": [{"type": "rate", "seconds": 77, "max": 78},
                {"type": "audience", "allow": ["shop", "did:web:ceiling.example"]}]}"#;
        trust.roots.insert(root.clone(), Authority::parse(ceiling).unwrap());
        trust.roots.insert("did:web:ceiling.example".parse().unwrap(), Authority::everything());
        trust.max_unrevocable = 4000;
        let (key, agent, evidence) = (secret(), secret(), SharedEvidence::new());
        let world = Self { site, server, root, key, agent, verifier: Verifier::new(trust), evidence };
        world.publish(&world.key);
        world
    }

    fn publish(&self, key: &SecretKey) {
        let document = web::document(&self.root, &[key.public_key().clone()]).to_json().to_string();
        let act = answer("application/did+json", &document);
        self.site.lock().unwrap().insert("/.well-known/did.json".to_owned(), act);
    }

    fn asked(&self) -> usize {
        self.server.asked().len()
    }

    /// The agent with one link of this issuer, signed by a key, under the name of a key.
    fn by(&self, issuer: &Did, named: &SecretKey, key: &SecretKey, authority: &str) -> Presentation {
        let holder = key::did(self.agent.public_key());
        let link = issue(terms(&holder, authority), issuer, &method_id(issuer, named.public_key()), key);
        self.shown(&[&link.unwrap()], &self.agent)
    }

    /// By a key that is not the root's, though it says so.
    fn forged(&self, authority: &str) -> Presentation {
        self.by(&self.root, &self.key, &secret(), authority)
    }

    fn honest(&self, authority: &str) -> Presentation {
        self.by(&self.root, &self.key, &self.key, authority)
    }

    fn shown(&self, chain: &[&str], agent: &SecretKey) -> Presentation {
        let holder = key::did(agent.public_key());
        let occasion =
            Occasion { audience: "shop", nonce: "n", issued_at: NOW, expires_at: NOW + 60, transcript: None };
        let key_id = method_id(&holder, agent.public_key());
        let secured = present(chain, &holder, occasion, &key_id, agent).unwrap();
        parse(secured.as_bytes(), self.verifier.trust()).unwrap()
    }

    async fn anew(&self, presentation: &Presentation, now: i64) -> Result<(), Denial> {
        verify_anew(presentation, &self.verifier, &fetcher(), &self.evidence, "n", now).await.map(drop)
    }

    async fn usual(&self, presentation: &Presentation, now: i64) -> Result<(), Denial> {
        verify_shared(presentation, &self.verifier, &fetcher(), &self.evidence, "n", now).await.map(drop)
    }
}

fn terms(to: &Did, authority: &str) -> Terms {
    Terms {
        id: None,
        subject: to.clone(),
        valid_from: NOW,
        valid_until: NOW + 3000,
        max_depth: 3,
        account: None,
        authority: Authority::parse(authority).unwrap(),
        status: vec![],
    }
}

fn code(outcome: Result<(), Denial>) -> Option<Code> {
    outcome.err().map(|denial| denial.code)
}

#[tokio::test]
async fn forged_links_fetch_a_roots_document_once_in_a_while_whoever_asks() {
    let world = Arc::new(World::new().await);
    for second in 0..10 {
        let forged: Vec<_> = (0..20)
            .map(|_| {
                let (world, forged) = (Arc::clone(&world), world.forged(WITHIN));
                tokio::spawn(async move { code(world.anew(&forged, NOW + second).await) })
            })
            .collect();
        for one in forged {
            assert_eq!(one.await.unwrap(), Some(Code::SignatureInvalid));
        }
    }
    assert_eq!(world.asked(), 1, "200 forged links");
    // Whoever shows the root's signature meanwhile has all of it fetched anew.
    let honest = world.honest(WITHIN);
    for asked in 2..5 {
        assert_eq!(code(world.anew(&honest, NOW + 9).await), None);
        assert_eq!(world.asked(), asked);
    }
    assert_eq!(code(world.anew(&world.forged(WITHIN), NOW + 19).await), Some(Code::SignatureInvalid));
    assert_eq!(world.asked(), 5);
}

#[tokio::test]
async fn a_link_that_an_honest_service_meets_first_costs_one_fetch() {
    let world = World::new().await;
    assert_eq!(code(world.anew(&world.honest(WITHIN), NOW).await), None);
    assert_eq!(world.asked(), 1, "what showed the signature serves");
}

#[tokio::test]
async fn a_server_that_fails_is_tried_once_in_a_while_and_takes_nothing_from_others() {
    let world = World::new().await;
    let honest = world.honest(WITHIN);
    assert_eq!(code(world.usual(&honest, NOW).await), None);
    world.site.lock().unwrap().clear();
    for second in 10..20 {
        assert!(world.anew(&world.forged(WITHIN), NOW + second).await.is_err());
    }
    assert_eq!(world.asked(), 2);
    assert_eq!(code(world.usual(&honest, NOW + 20).await), None, "the document at hand still serves");
    assert_eq!(code(world.anew(&honest, NOW + 20).await), Some(Code::DidUnresolved), "but not anew");
}

#[tokio::test]
async fn a_key_that_is_new_is_shown_by_the_document_as_it_is_now() {
    let mut world = World::new().await;
    assert_eq!(code(world.anew(&world.honest(WITHIN), NOW).await), None);
    let old = world.honest(WITHIN);
    world.key = secret();
    world.publish(&world.key);
    let new = world.honest(WITHIN);
    assert_eq!(code(world.anew(&new, NOW + 5).await), Some(Code::KeyNotFound), "asked for a moment ago");
    assert_eq!(code(world.anew(&new, NOW + 10).await), None);
    assert_eq!(code(world.anew(&old, NOW + 11).await), Some(Code::KeyNotFound));
}

#[tokio::test]
async fn ceilings_and_roots_are_told_only_to_whoever_shows_a_roots_signature() {
    let world = World::new().await;
    let wider = [
        (
            r#"{"grants": [{"actions": ["x"], "resources": ["https://ceiling.example/a"]}]}"#,
            Code::ActionWidened,
        ),
        (
            r#"{"grants": [{"actions": ["ceiling:x"], "resources": ["https://x.example/"]}]}"#,
            Code::ResourceWidened,
        ),
        (
            r#"{"grants": [], "constraints": [{"type": "rate", "seconds": 77, "max": 79}]}"#,
            Code::ConstraintWidened,
        ),
        (
            r#"{"grants": [], "constraints": [{"type": "audience", "allow": ["did:web:ceiling.example"]}]}"#,
            Code::AudienceMismatch,
        ),
    ];
    let tells = |denial: &Denial| {
        // A port or a key may have these digits, too.
        let mut words = denial.expected.split_whitespace().filter(|word| !word.starts_with("did:"));
        words.any(|word| ["ceiling", "77", "78"].iter().any(|own| word.contains(own)))
    };
    for (authority, expected) in wider {
        for (second, anew) in [(0, false), (0, true), (20, true), (40, false)] {
            let ask = async |presentation: Presentation| {
                let now = NOW + second;
                let outcome = if anew {
                    world.anew(&presentation, now).await
                } else {
                    world.usual(&presentation, now).await
                };
                outcome.unwrap_err()
            };
            let forged = ask(world.forged(authority)).await;
            assert_eq!((forged.code, forged.link), (Code::SignatureInvalid, Some(0)), "{forged}");
            assert!(!tells(&forged), "{forged}");
            let honest = ask(world.honest(authority)).await;
            assert_eq!((honest.code, honest.link), (expected, Some(0)), "{honest}");
            assert!(tells(&honest), "{honest}");
        }
    }
    assert!(world.asked() <= 3, "told by the document at hand");
    // A link below a root's own is told as much, if that one is the root's.
    let (mallory, agent) = (secret(), secret());
    let below = |root_key: &SecretKey| {
        let (from, to) = (key::did(mallory.public_key()), key::did(agent.public_key()));
        let root_id = method_id(&world.root, world.key.public_key());
        let all = r#"{"grants": [{"actions": ["ceiling:*"], "resources": ["https://ceiling.example/*"]}]}"#;
        let first = issue(terms(&from, all), &world.root, &root_id, root_key).unwrap();
        // No wider than its parent, but than the ceiling.
        let wide = r#"{"grants": [], "constraints": [{"type": "rate", "seconds": 77, "max": 79}]}"#;
        let wide = Terms { max_depth: 0, ..terms(&to, wide) };
        let second = pass_on(&[&first], wide, &method_id(&from, mallory.public_key()), &mallory).unwrap();
        world.shown(&[&first, &second], &agent)
    };
    let denial = world.usual(&below(&world.key), NOW).await.unwrap_err();
    assert_eq!((denial.code, denial.link, tells(&denial)), (Code::ConstraintWidened, Some(1), true));
    let denial = world.usual(&below(&secret()), NOW).await.unwrap_err();
    assert_eq!((denial.code, denial.link, tells(&denial)), (Code::SignatureInvalid, Some(0), false));
    // Who is trusted is told to nobody.
    let stranger = secret();
    let did = key::did(stranger.public_key());
    let denial = world.usual(&world.by(&did, &stranger, &stranger, WITHIN), NOW).await.unwrap_err();
    assert_eq!((denial.code, denial.expected.as_str()), (Code::RootUntrusted, "a root that is trusted here"));
}
