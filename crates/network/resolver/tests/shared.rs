//! What holders of one delegation can make a service fetch, keep and forget: nothing that others need.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "the helpers of tests may panic as tests do")]

mod servers;

use legation_credential::{
    Authority, Occasion, Terms, issue, pass_on, present,
    status::{StatusEntry, StatusList, StatusListCredential, StatusPurpose},
};
use legation_did::{Did, key, method_id};
use legation_keys::{Algorithm, SecretKey, Signer, jws};
use legation_resolver::{SharedEvidence, shared::TURNS, verify_anew, verify_shared};
use legation_verifier::{Code, Denial, Presentation, Trust, VerifiedChain, Verifier, parse};
use servers::{Act, Server, Site, answer, fetcher, plain};
use std::{sync::Arc, time::Duration};

const NOW: i64 = 1_795_255_200;

struct Party {
    did: Did,
    key: SecretKey,
}

impl Party {
    fn new() -> Self {
        let key = SecretKey::generate(Algorithm::EdDsa).unwrap();
        Self { did: key::did(key.public_key()), key }
    }

    fn key_id(&self) -> String {
        method_id(&self.did, self.key.public_key())
    }

    /// A link to somebody; its status is in these lists.
    fn link(&self, chain: &[&str], to: &Self, lists: &[String]) -> String {
        let status =
            |list: &String| StatusEntry { purpose: StatusPurpose::Revocation, list: list.clone(), index: 7 };
        let depth = u32::try_from(chain.len()).unwrap();
        let terms = Terms {
            id: None,
            subject: to.did.clone(),
            valid_from: NOW,
            valid_until: NOW + 3000,
            max_depth: 3 - depth,
            account: None,
            authority: Authority::parse(r#"{"grants": []}"#).unwrap(),
            status: lists.iter().map(status).collect(),
        };
        match chain {
            [] => issue(terms, &self.did, &self.key_id(), &self.key).unwrap(),
            chain => pass_on(chain, terms, &self.key_id(), &self.key).unwrap(),
        }
    }

    fn present(&self, chain: &[&str], trust: &Trust) -> Presentation {
        let occasion =
            Occasion { audience: "shop", nonce: "n", issued_at: NOW, expires_at: NOW + 60, transcript: None };
        let secured = present(chain, &self.did, occasion, &self.key_id(), &self.key).unwrap();
        parse(secured.as_bytes(), trust).unwrap()
    }

    /// A list of nobody revoked.
    fn list(&self, url: &str, made: i64) -> Act {
        let list = StatusListCredential {
            id: Some(url.to_owned()),
            issuer: self.did.clone(),
            valid_from: made,
            valid_until: None,
            purposes: vec![StatusPurpose::Revocation],
            list: StatusList::new(0),
        };
        let payload = list.to_json().to_string();
        answer(
            "application/jwt",
            &jws::sign("vc+jwt", &self.key_id(), payload.as_bytes(), &self.key).unwrap(),
        )
    }
}

/// A company that is trusted, its two delegates, one of whom may mean ill, and a server of lists.
struct World {
    site: Site,
    server: Server,
    company: Party,
    honest: Party,
    mallory: Party,
    trust: Trust,
    evidence: SharedEvidence,
}

impl World {
    async fn new() -> Self {
        let site = Site::default();
        let server = plain(Act::Site(Arc::clone(&site))).await;
        let company = Party::new();
        let mut trust = Trust::new("shop");
        trust.roots.insert(company.did.clone(), Authority::everything());
        trust.max_unrevocable = 4000;
        let evidence = SharedEvidence::new();
        Self { site, server, company, honest: Party::new(), mallory: Party::new(), trust, evidence }
    }

    fn url(&self, name: &str) -> String {
        format!("http://localhost:{}/{name}", self.server.port)
    }

    /// Publishes a list of this issuer.
    fn publish(&self, issuer: &Party, name: &str) -> String {
        let url = self.url(name);
        self.site.lock().unwrap().insert(format!("/{name}"), issuer.list(&url, NOW));
        url
    }

    fn asked(&self, name: &str) -> usize {
        self.server.asked().iter().filter(|path| path.starts_with(&format!("/{name}"))).count()
    }

    async fn verify(&self, presentation: &Presentation, now: i64) -> Result<VerifiedChain, Denial> {
        verify_shared(presentation, &Verifier::new(self.trust.clone()), &fetcher(), &self.evidence, "n", now)
            .await
    }

    /// A chain of the company → mallory → a new agent, with these lists in the second link.
    fn passed_on(&self, root: &str, lists: &[String]) -> Presentation {
        let agent = Party::new();
        let link = self.mallory.link(&[root], &agent, lists);
        agent.present(&[root, &link], &self.trust)
    }
}

#[tokio::test]
async fn a_flood_by_one_root_link_pushes_out_nothing_of_another_nor_of_the_root() {
    let mut world = World::new().await;
    world.trust.limits.evidence_bytes = 200_000;
    let companys = world.publish(&world.company, "company");
    let (root, other) = (
        world.company.link(&[], &world.honest, std::slice::from_ref(&companys)),
        world.company.link(&[], &world.mallory, &[companys]),
    );
    let honests = world.publish(&world.honest, "honest");
    let agent = Party::new();
    let link = world.honest.link(&[&root], &agent, &[honests]);
    let honest = agent.present(&[&root, &link], &world.trust);
    world.verify(&honest, NOW).await.unwrap();
    for round in 0..10 {
        let lists: Vec<String> =
            (0..4).map(|index| world.publish(&world.mallory, &format!("mallory/{round}/{index}"))).collect();
        world.verify(&world.passed_on(&other, &lists), NOW + 1).await.unwrap();
    }
    assert_eq!(world.asked("mallory"), 40);
    // Some seconds later, so that only what is still held is not asked for again.
    world.verify(&honest, NOW + 30).await.unwrap();
    assert_eq!((world.asked("company"), world.asked("honest")), (1, 1));
    let again = vec![world.url("mallory/0/0")];
    world.verify(&world.passed_on(&other, &again), NOW + 30).await.unwrap();
    assert_eq!(world.asked("mallory/0/0"), 2, "the flood did push its own out");
}

#[tokio::test]
async fn a_verification_holds_what_it_fetched_however_little_is_kept() {
    let mut world = World::new().await;
    world.trust.limits.evidence_bytes = 1;
    let lists: Vec<String> = (0..3).map(|index| world.publish(&world.mallory, &format!("{index}"))).collect();
    let root = world.company.link(&[], &world.mallory, &[]);
    let presentation = world.passed_on(&root, &lists);
    for _ in 0..2 {
        world.verify(&presentation, NOW).await.unwrap();
    }
}

#[tokio::test]
async fn what_can_not_be_had_is_not_tried_again_at_once() {
    let world = World::new().await;
    let root = world.company.link(&[], &world.mallory, &[]);
    // Nothing there, something that is no list, and a list that is too old.
    world.site.lock().unwrap().insert("/junk".to_owned(), answer("application/jwt", "a.b.c"));
    let old = world.mallory.list(&world.url("old"), NOW - 10_000);
    world.site.lock().unwrap().insert("/old".to_owned(), old);
    for (name, code) in
        [("none", Code::StatusUnavailable), ("junk", Code::StatusInvalid), ("old", Code::StatusStale)]
    {
        let presentation = world.passed_on(&root, &[world.url(name)]);
        for second in 0..10 {
            let denial = world.verify(&presentation, NOW + second).await.unwrap_err();
            assert_eq!((denial.code, denial.link), (code, Some(1)), "{name}");
        }
        assert_eq!(world.asked(name), 1, "{name}");
        world.verify(&presentation, NOW + 10).await.unwrap_err();
        assert_eq!(world.asked(name), 2, "{name}");
    }
    // Once mended it serves.
    world.publish(&world.mallory, "none");
    let presentation = world.passed_on(&root, &[world.url("none")]);
    assert!(world.verify(&presentation, NOW + 19).await.is_err());
    assert!(world.verify(&presentation, NOW + 20).await.is_ok());
}

#[tokio::test]
async fn one_verification_fetches_no_more_lists_than_a_chain_may_have_links() {
    let mut world = World::new().await;
    world.trust.limits.chain_links = 2;
    let root = world.company.link(&[], &world.mallory, &[]);
    let lists: Vec<String> = (0..4).map(|index| world.publish(&world.mallory, &format!("{index}"))).collect();
    let presentation = world.passed_on(&root, &lists);
    let denial = world.verify(&presentation, NOW).await.unwrap_err();
    assert_eq!((denial.code, denial.link), (Code::StatusUnavailable, Some(1)));
    assert!(denial.expected.contains("/2"), "{denial}");
    assert_eq!(denial.found, "not fetched: 2 status lists are the most for one verification");
    assert_eq!(world.asked(""), 2);
    let anew = verify_anew(
        &presentation,
        &Verifier::new(world.trust.clone()),
        &fetcher(),
        &world.evidence,
        "n",
        NOW,
    )
    .await;
    assert_eq!(anew.unwrap_err().code, Code::StatusUnavailable);
    assert_eq!(world.asked(""), 4);
}

#[tokio::test]
async fn one_root_link_has_few_fetches_at_a_time_and_others_do_not_wait_for_it() {
    let world = Arc::new(World::new().await);
    let root = world.company.link(&[], &world.mallory, &[]);
    for index in 0..20 {
        world.site.lock().unwrap().insert(format!("/slow/{index}"), Act::Silent);
        let presentation = world.passed_on(&root, &[world.url(&format!("slow/{index}"))]);
        let world = Arc::clone(&world);
        tokio::spawn(async move { world.verify(&presentation, NOW).await.map(|_| ()) });
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(world.asked("slow"), TURNS);
    let list = world.publish(&world.company, "honest");
    let link = world.company.link(&[], &world.honest, &[list]);
    let honest = world.honest.present(&[&link], &world.trust);
    let verified = tokio::time::timeout(Duration::from_millis(500), world.verify(&honest, NOW)).await;
    assert!(verified.expect("waits for nobody").is_ok());
}

#[tokio::test]
async fn an_older_list_is_refused_and_replaces_no_newer_one_that_still_serves() {
    let world = World::new().await;
    let list = world.publish(&world.company, "list");
    let root = world.company.link(&[], &world.honest, std::slice::from_ref(&list));
    let presentation = world.honest.present(&[&root], &world.trust);
    world.verify(&presentation, NOW).await.unwrap();
    // Whoever serves the list serves one from before it.
    let older = world.company.list(&list, NOW - 5);
    world.site.lock().unwrap().insert("/list".to_owned(), older);
    let anew = verify_anew(
        &presentation,
        &Verifier::new(world.trust.clone()),
        &fetcher(),
        &world.evidence,
        "n",
        NOW + 1,
    )
    .await;
    assert_eq!(anew.unwrap_err().code, Code::StatusStale);
    assert!(world.verify(&presentation, NOW + 2).await.is_ok(), "the newer one is still held");
    world.site.lock().unwrap().clear();
    let anew = verify_anew(
        &presentation,
        &Verifier::new(world.trust.clone()),
        &fetcher(),
        &world.evidence,
        "n",
        NOW + 30,
    )
    .await;
    assert_eq!(anew.unwrap_err().code, Code::StatusUnavailable);
    assert!(world.verify(&presentation, NOW + 30).await.is_ok(), "and after a failure");
}
