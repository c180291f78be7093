//! Whether a trusted root's signature was shown: before it was, nothing is fetched but that root's own
//! document, and nothing of the trust is told.

use crate::{
    Code, Denial, Evidence, Presentation, Trust,
    chain::Walk,
    link::{check_key, check_root, signature_denial},
    presentation::check_algorithm,
};
use legation_did::Purpose;
use legation_keys::{public::Signed, verify_all};

/// Whether the first link is signed by a root that trust names, by its document in `evidence` at `now` (Unix
/// seconds). Nothing else is judged, neither what the link says nor who presents it: it is for a service that
/// decides how much it does for a stranger, and tells it, before anything else holds.
///
/// # Errors
/// The [`Denial`] of the first link that a chain would meet whose other rules all hold: `root_untrusted`, or
/// one of the codes of keys and signatures. It tells nothing of the trust.
pub fn root_signed(
    presentation: &Presentation,
    trust: &Trust,
    evidence: &Evidence,
    now: i64,
) -> Result<(), Denial> {
    let Some(root) = presentation.links.first() else {
        return Err(Denial::new(Code::ChainEmpty, "at least one link", "none"));
    };
    let at_root = |denial: Denial| denial.at(0).without_trust();
    check_root(root, trust).map_err(at_root)?;
    let mut ignore = |_| {};
    let mut walk = Walk::new(presentation, trust, evidence, now, None, &mut ignore);
    let seals: Vec<_> = core::iter::once(&root.seal).chain(&root.more_seals).collect();
    let mut keys = Vec::with_capacity(seals.len());
    for seal in &seals {
        check_algorithm(seal.algorithm, trust).map_err(at_root)?;
        let key = check_key(&root.delegation.issuer, seal, Purpose::AssertionMethod, &mut walk);
        keys.push(key.map_err(|stop| at_root(stop.denial))?);
    }
    let signed: Vec<Signed<'_>> = seals
        .iter()
        .zip(&keys)
        .map(|(seal, key)| Signed {
            key,
            message: seal.signing_input(),
            sha256: None,
            signature: &seal.signature,
        })
        .collect();
    verify_all(&signed).map_err(|index| {
        let key = seals.get(index).map_or("its issuer", |seal| seal.key_id.as_str());
        at_root(signature_denial(key))
    })
}
