//! The cryptosuites of Data Integrity proofs of standalone credentials, all of one shape: two hashes are signed,
//! of the proof's configuration and of the document (Data Integrity EdDSA Cryptosuites 1.0 §3.2 and §3.3, ECDSA
//! Cryptosuites 1.0 §3.2).

use crate::{Contexts, LinkedDataError, canonicalize};
use legation_keys::{
    Algorithm, Signer,
    data_integrity::{self, EDDSA_JCS_2022, Hashes, Proof, ProofError, ProofOptions},
    json::{Json, Object},
};
use sha2::{Digest, Sha256};

/// A cryptosuite.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Suite {
    /// Ed25519 over canonical JSON.
    EddsaJcs2022,
    /// Ed25519 over canonical RDF.
    EddsaRdfc2022,
    /// ECDSA over canonical RDF; of its curves P-256 only.
    EcdsaRdfc2019,
}

impl Suite {
    /// All that are known.
    pub const ALL: [Self; 3] = [Self::EddsaJcs2022, Self::EddsaRdfc2022, Self::EcdsaRdfc2019];

    /// Its value of `cryptosuite`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::EddsaJcs2022 => EDDSA_JCS_2022,
            Self::EddsaRdfc2022 => "eddsa-rdfc-2022",
            Self::EcdsaRdfc2019 => "ecdsa-rdfc-2019",
        }
    }

    /// Reads a `cryptosuite`; `None` for one that is not known.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|suite| suite.name() == name)
    }

    /// The algorithm of its keys.
    #[must_use]
    pub fn algorithm(self) -> Algorithm {
        match self {
            Self::EddsaJcs2022 | Self::EddsaRdfc2022 => Algorithm::EdDsa,
            Self::EcdsaRdfc2019 => Algorithm::Es256,
        }
    }

    /// The cryptosuite of a proof.
    ///
    /// # Errors
    /// [`ProofError::Cryptosuite`] for one that is not known.
    pub fn of(proof: &Proof<'_>) -> Result<Self, LinkedDataError> {
        let unknown = || ProofError::Cryptosuite {
            found: proof.cryptosuite.chars().take(120).collect(),
            allowed: "eddsa-jcs-2022, eddsa-rdfc-2022, ecdsa-rdfc-2019",
        };
        Ok(Self::from_name(proof.cryptosuite).ok_or_else(unknown)?)
    }
}

/// What one of a document's proofs signs, by whichever cryptosuite that is known.
///
/// # Errors
/// [`LinkedDataError`].
pub fn hashes(
    document: &Object<'_>,
    proofs: &[Proof<'_>],
    proof: &Proof<'_>,
    contexts: &Contexts,
) -> Result<Hashes, LinkedDataError> {
    if Suite::of(proof)? == Suite::EddsaJcs2022 {
        return Ok(data_integrity::hashes(document, proofs, proof)?);
    }
    let configuration = proof.object.without("proofValue").without("@context");
    let configuration = match document.get("@context") {
        None => configuration,
        Some(context) => configuration.with("@context", context.clone()),
    };
    let signed = data_integrity::signed_document(document, proofs, proof);
    let mut hashes = [0; 64];
    let (first, second) = hashes.split_at_mut(32);
    first.copy_from_slice(&Sha256::digest(canonicalize(&Json::Object(configuration), contexts)?));
    second.copy_from_slice(&Sha256::digest(canonicalize(&Json::Object(signed), contexts)?));
    Ok(hashes)
}

/// Adds a proof to a document, beside those that it has, and gives the document as canonical JSON.
///
/// # Errors
/// [`LinkedDataError`].
pub fn add(
    document: &Object<'_>,
    suite: Suite,
    options: ProofOptions<'_>,
    signer: &dyn Signer,
    contexts: &Contexts,
) -> Result<String, LinkedDataError> {
    let found = signer.public_key().algorithm();
    if found != suite.algorithm() {
        return Err(LinkedDataError::Algorithm { suite: suite.name(), expected: suite.algorithm(), found });
    }
    data_integrity::add_by(suite.name(), document, options, &mut |document, proofs, proof| {
        Ok(signer.sign(&hashes(document, proofs, proof, contexts)?)?)
    })
}
