//! `relatedResource` (Verifiable Credentials Data Model 2.0 §5.3): the digest that an issuer gives of a resource has
//! to be that of the resource, where it is at hand. What is at hand are the contexts that are known here.
//!
//! The section binds whoever makes use of the resource. A verifier does not have to; that a digest which does not fit refuses the whole
//! credential is our choice, since what its terms mean is what was read here.

use crate::problem::{MALFORMED, Problem};
use legation_keys::json::{Json, Object};
use legation_linked_data::{Contexts, contexts::Digests};
use multibase::Base;

/// Multihash codes (one byte each) and lengths: SHA-256 and SHA-384.
const SHA_256: [u8; 2] = [0x12, 32];
const SHA_384: [u8; 2] = [0x20, 48];

pub(crate) fn check(credential: &Object<'_>, contexts: &Contexts) -> Result<(), Problem> {
    let Some(value) = credential.get("relatedResource") else { return Ok(()) };
    let all = value.as_array().unwrap_or_else(|| core::slice::from_ref(value));
    all.iter().try_for_each(|resource| {
        let text = |name| resource.get(name).and_then(Json::as_str);
        let Some(digests) = text("id").and_then(|url| contexts.digests(url)) else { return Ok(()) };
        let fits = text("digestSRI").is_none_or(|found| sri_fits(found, digests))
            && text("digestMultibase").is_none_or(|found| multibase_fits(found, digests));
        let id = text("id").unwrap_or_default();
        let wrong =
            || Problem::new(MALFORMED, "related_resource_mismatch", format!("`{id}` has another digest"));
        fits.then_some(()).ok_or_else(wrong)
    })
}

fn hex(text: &str) -> Option<Vec<u8>> {
    multibase::decode(format!("f{text}")).ok().map(|(_, bytes)| bytes)
}

/// Subresource Integrity: `sha256-` or `sha384-` and base64; any of several separated by spaces.
fn sri_fits(found: &str, Digests { sha256, sha384 }: &Digests) -> bool {
    let encoded = |digest: &str| {
        let bytes = hex(digest).unwrap_or_default();
        [Base::Base64Pad, Base::Base64UrlPad, Base::Base64Url].map(|base| base.encode(&bytes))
    };
    found.split_ascii_whitespace().any(|one| match one.split_once('-') {
        Some(("sha256", value)) => encoded(sha256).iter().any(|digest| digest == value),
        Some(("sha384", value)) => encoded(sha384).iter().any(|digest| digest == value),
        _ => false,
    })
}

/// A multihash in multibase, or, as examples have it, the bare SHA-256.
fn multibase_fits(found: &str, Digests { sha256, sha384 }: &Digests) -> bool {
    let Ok((_, bytes)) = multibase::decode(found) else { return false };
    let (sha256, sha384) = (hex(sha256).unwrap_or_default(), hex(sha384).unwrap_or_default());
    bytes == sha256
        || bytes == [&SHA_256, sha256.as_slice()].concat()
        || bytes == [&SHA_384, sha384.as_slice()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use legation_keys::json::{JsonLimits, parse};

    #[test]
    fn a_digest_of_a_known_context_has_to_be_its_own() {
        let contexts = Contexts::compiled_in();
        let v2 = contexts.digests("https://www.w3.org/ns/credentials/v2").unwrap();
        let (sha256, sha384) = (hex(&v2.sha256).unwrap(), hex(&v2.sha384).unwrap());
        let right = [
            ("digestSRI", format!("sha256-{}", Base::Base64Pad.encode(&sha256))),
            ("digestSRI", format!("sha384-{}", Base::Base64Pad.encode(&sha384))),
            ("digestMultibase", multibase::encode(Base::Base64Url, [&SHA_256, sha256.as_slice()].concat())),
        ];
        let told = |id: &str, name: &str, digest: &str| {
            let text = format!(r#"{{"relatedResource": {{"id": "{id}", "{name}": "{digest}"}}}}"#);
            let limits = JsonLimits { bytes: 4096, depth: 8 };
            check(parse(text.as_bytes(), limits).unwrap().as_object().unwrap(), contexts)
                .map_err(|problem| problem.code)
        };
        for (name, digest) in right {
            assert_eq!(told("https://www.w3.org/ns/credentials/v2", name, &digest), Ok(()));
            let other = "https://www.w3.org/2018/credentials/v1";
            assert_eq!(told(other, name, &digest), Err("related_resource_mismatch"));
            assert_eq!(told("https://a.example/not/at/hand", name, &digest), Ok(()));
        }
        assert!(told("https://www.w3.org/ns/credentials/v2", "digestSRI", "sha512-AAAA").is_err());
    }
}
