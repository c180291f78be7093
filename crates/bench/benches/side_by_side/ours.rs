//! Legation: a presentation and a signed request, the chain new and known.

use crate::{Group, assert_works};
use criterion::BenchmarkId;
use legation_bench::{Chain, NOW, charge};
use legation_verifier::{
    Decision, Denial, Evidence, Presentation, Verifier, authorize, parse, parse_request, verify,
};
use std::hint::black_box;

/// Whether the request is permitted, the request itself being read as well.
fn permits(
    chain: &Chain,
    verifier: Option<&Verifier>,
    evidence: &Evidence,
    presentation: Result<Presentation, Denial>,
    nonce: &str,
) -> bool {
    let verified = presentation.and_then(|presentation| match verifier {
        Some(verifier) => verifier.verify(&presentation, evidence, nonce, NOW),
        None => verify(&presentation, &chain.trust, evidence, nonce, NOW),
    });
    let request = charge().unwrap();
    verified.is_ok_and(|verified| matches!(authorize(&verified, &request, NOW), Decision::Permit(_)))
}

pub(crate) fn bench(group: &mut Group<'_>, chain: &Chain) {
    let evidence = Evidence::new();
    let verifier = Verifier::new(chain.trust.clone());
    let (presented, again) = (chain.present("n-1").unwrap(), chain.present("n-2").unwrap());
    let (compact, proof) = chain.request("n-3").unwrap();

    let cold = |bytes: &[u8]| permits(chain, None, &evidence, parse(bytes, &chain.trust), "n-1");
    let warm = |bytes: &[u8]| permits(chain, Some(&verifier), &evidence, verifier.parse(bytes), "n-2");
    let text = |bytes: &[u8]| core::str::from_utf8(bytes).unwrap().to_owned();
    let cold_request = |compact: &str| {
        permits(chain, None, &evidence, parse_request(compact, proof.clone(), &chain.trust), "n-3")
    };
    let warm_request = |compact: &str| {
        let presentation = verifier.parse_request(compact, proof.clone());
        permits(chain, Some(&verifier), &evidence, presentation, "n-3")
    };
    assert_works("cold", presented.as_bytes(), cold);
    assert_works("cold-request", compact.as_bytes(), |bytes| cold_request(&text(bytes)));
    assert_works("warm", again.as_bytes(), warm);
    assert_works("warm-request", compact.as_bytes(), |bytes| warm_request(&text(bytes)));

    let depth = chain.links.len();
    group.bench_function(BenchmarkId::new("cold", depth), |bencher| {
        bencher.iter(|| assert!(cold(black_box(presented.as_bytes()))));
    });
    group.bench_function(BenchmarkId::new("cold-request", depth), |bencher| {
        bencher.iter(|| assert!(cold_request(black_box(&compact))));
    });
    group.bench_function(BenchmarkId::new("warm", depth), |bencher| {
        bencher.iter(|| assert!(warm(black_box(again.as_bytes()))));
    });
    group.bench_function(BenchmarkId::new("warm-request", depth), |bencher| {
        bencher.iter(|| assert!(warm_request(black_box(&compact))));
    });
}
