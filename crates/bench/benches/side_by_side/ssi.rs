//! `ssi`: one credential at a time, Legation's links with the `kid` that it needs to find a key.

use crate::{Group, assert_works};
use criterion::BenchmarkId;
use did_method_key::DIDKey;
use futures::FutureExt as _;
use legation_bench::{Chain, NOW};
use ssi_claims_core::{VerificationParameters, chrono::DateTime};
use ssi_dids_core::{DIDResolver as _, VerificationMethodDIDResolver};
use ssi_jws::JwsSlice;
use ssi_vc_jose_cose::JoseVc;
use ssi_verification_methods::AnyJwkMethod;
use std::hint::black_box;

type Parameters = VerificationParameters<VerificationMethodDIDResolver<DIDKey, AnyJwkMethod>>;

/// Whether one credential is valid. Nothing is fetched, so that nothing has to be waited for.
fn is_valid(secured: &[u8], parameters: &Parameters) -> bool {
    let Ok(jws) = JwsSlice::new(secured) else { return false };
    let Ok(credential) = JoseVc::decode_any(jws) else { return false };
    let outcome = credential.verify(parameters).now_or_never().unwrap();
    matches!(outcome, Ok(Ok(())))
}

pub(crate) fn bench(group: &mut Group<'_>, chain: &Chain) {
    let now = DateTime::from_timestamp(NOW, 0).unwrap();
    let parameters = VerificationParameters::from_resolver(DIDKey.into_vm_resolver()).with_date_time(now);
    let links = chain.links_with_key_ids().unwrap();
    for link in &links {
        assert_works("ssi", link.as_bytes(), |link| is_valid(link, &parameters));
    }
    let depth = links.len();
    group.bench_function(BenchmarkId::new("ssi", depth), |bencher| {
        bencher.iter(|| assert!(is_valid(black_box(links[0].as_bytes()), &parameters)));
    });
    group.bench_function(BenchmarkId::new("ssi-times", depth), |bencher| {
        bencher.iter(|| {
            for link in links.iter().chain([&links[0]]) {
                assert!(is_valid(black_box(link.as_bytes()), &parameters));
            }
        });
    });
}
