//! A chain, bent, and a verifier that has seen others: cold and warm give the same answer, which is that
//! of the model, and whatever verifies is within the ceiling and every link.

use super::{
    bend::bend,
    choices::Choices,
    judge::{Case, judge},
    model,
    scene::{Scene, trust},
    warm::Both,
};
use legation_credential::{Authority, Request};
use legation_verifier::{MemoryLedger, Trust, VerifiedChain, authorize};

/// The bytes as decisions: whom the verifier trusts, a scene, and up to three bent presentations, each with the
/// scene bent in another way. Before them the plain scene is presented, and after them once more.
pub fn verify(data: &[u8]) {
    let mut choices = Choices::new(data);
    let trust = trust(&mut choices);
    let scene = Scene::new(&mut choices);
    let mut both = if choices.rarely() { Both::forgetful(&trust) } else { Both::new(&trust) };
    both.ask = choices.rarely();
    present(&scene, &trust, &both, &mut choices);
    let mut bent = scene.clone();
    for _ in 0..=choices.below(3) {
        if choices.flag() {
            bent = scene.clone();
        }
        bend(&mut bent, &mut choices);
        present(&bent, &trust, &both, &mut choices);
    }
    present(&scene, &trust, &both, &mut choices);
}

fn present(scene: &Scene, trust: &Trust, both: &Both<'_>, choices: &mut Choices<'_>) {
    let links = scene.secured();
    let evidence = scene.evidence();
    let (presented, proof) =
        if scene.by_request { (links.join("~"), Some(scene.proof())) } else { (scene.present(&links), None) };
    let outcome = match &proof {
        Some(proof) => both.request(&presented, proof, &evidence, scene.now),
        None => both.present(presented.as_bytes(), &evidence, &scene.nonce, scene.now),
    };
    let case = Case { scene, trust, links: &links, presented: &presented, proof: proof.as_ref() };
    let expected = judge(&case);
    match (&outcome, expected) {
        (Ok(chain), Ok(())) => within(chain, trust, &links, scene.now, choices),
        (Ok(_), Err((code, link))) => panic!("verified, though {code} at {link:?}"),
        (Err(denial), expected) if scene.formal => {
            assert_eq!(Err((denial.code.as_str(), denial.link)), expected, "{denial}");
        }
        (Err(_), _) => {}
    }
}

/// What verified: no wider than the ceiling and each link, by the order and by asking.
fn within(chain: &VerifiedChain, trust: &Trust, links: &[String], now: i64, choices: &mut Choices<'_>) {
    let ceiling = &trust.roots[chain.principal()];
    assert!(chain.effective().is_within(ceiling), "wider than the ceiling");
    let mut all = vec![ceiling.to_json()];
    for (link, secured) in chain.links().iter().zip(links) {
        assert!(chain.effective().is_within(&link.authority), "wider than a link");
        let said = legation_credential::Delegation::read_unverified(secured).unwrap().terms.authority;
        assert_eq!(said, link.authority);
        all.push(said.to_json());
    }
    assert_eq!(chain.links().len(), links.len());
    let mut ledger = MemoryLedger::new();
    for _ in 0..=choices.below(4) {
        let (action, resource, facts) = model::request(choices);
        let request = Request::new(action, resource, model::named(&facts)).unwrap();
        let by_each = all.iter().all(|one| model::permits(one, action, resource, &facts, &trust.audience));
        let decision = authorize(chain, &request, now).into_permit();
        assert_eq!(decision.is_ok(), by_each, "{request:?}: {decision:?} by {all:?}");
        let Ok(permit) = decision else { continue };
        assert!(permit.debits().iter().all(|debit| debit.amount >= 0));
        let fits = permit.debits().iter().all(|debit| debit.amount <= debit.most);
        let first = ledger.to_json()["nonces"].as_array().is_some_and(Vec::is_empty);
        let committed = ledger.commit(permit, now).map(drop);
        assert_eq!(committed.is_ok(), fits && first, "{committed:?}");
    }
    assert!(Authority::everything() != *chain.effective(), "no link can grant everything");
}
