//! The first admin, by a code that is typed.

use super::{asked::Asked, endpoint::Endpoint, error::ApiError, forms};
use legation_did::Did;
use serde::Deserialize;
use serde_json::{Value, json};

pub(super) const ENDPOINTS: &[Endpoint] = &[Endpoint::make(
    ("/v1/claims", ""),
    "Become the first admin, who may do everything, by the code that the first start printed. It is good once, for an \
     hour. Nothing is signed but the proof that the key of the DID is at hand.",
    ("Claim", "AdminShown"),
    claim,
)
.open()];

#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object")]
struct Claim {
    code: String,
    did: String,
    proof: String,
}

fn claim(asked: &Asked<'_>) -> Result<Value, ApiError> {
    let Claim { code, did, proof } = asked.body()?;
    let did: Did = did
        .parse()
        .map_err(|error: legation_did::DidError| ApiError::bad("value_invalid", error.to_string()))?;
    let admin = asked.registry.claim(&code, &did, &proof, asked.now)?;
    let secured = admin.link.as_ref().map(|link| link.secured.as_str());
    Ok(forms::with(forms::admin(&admin), &[("secured", json!(secured))]))
}
