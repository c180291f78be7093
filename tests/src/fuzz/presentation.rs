//! Presentations and compact chains as they arrive: what is read is what was sent, and nothing that
//! nobody signed is believed.

use super::{
    actors::{ACTORS, NOW, SHOP},
    choices::parts,
    warm::Both,
};
use legation_credential::{
    Authority, Delegation,
    secured::{canonical, from_token, to_token},
};
use legation_keys::{base64url, json::JsonLimits};
use legation_verifier::{Evidence, Presentation, Proof, Trust, parse, parse_request};
use std::sync::LazyLock;

/// Everybody may start a chain here, with everything: nothing is refused before its form is judged.
pub(crate) static OPEN_TRUST: LazyLock<Trust> = LazyLock::new(|| {
    let mut trust = Trust::new(SHOP);
    trust.max_unrevocable = 315_576_000;
    trust.roots = ACTORS.iter().map(|actor| (actor.did.clone(), Authority::everything())).collect();
    trust
});

/// The bytes as a presentation and as a compact chain. The parts of a text: the header and the claims of a
/// presentation, and the claims of its links, which are encoded and put in the place of `@0`, `@1`, ….
pub fn presentation(data: &[u8]) {
    judged(data);
    let Ok(text) = core::str::from_utf8(data) else { return };
    compact(text);
    unverified(text);
    if text.contains(PROOF_MARK) {
        let [link, presentation] = ["assertionMethod", "authentication"].map(|purpose| proved(text, purpose));
        judged(presentation.as_bytes());
        unverified(&link);
        if let Ok(canonical) = canonical(&link) {
            compact(&to_token(&canonical));
        }
    }
    let all = parts(data).unwrap_or_default();
    let [header, claims, links @ ..] = all.as_slice() else { return };
    let links: Vec<String> = links.iter().map(|claims| sealed(LINK_HEADER, claims)).collect();
    let claims = links
        .iter()
        .enumerate()
        .fold((*claims).to_owned(), |claims, (index, link)| claims.replace(&format!("@{index}"), link));
    judged(sealed(header, &claims).as_bytes());
    compact(&links.join("~"));
}

/// What stands for a proof in a text.
const PROOF_MARK: &str = "@p";

/// The text with proofs, of which nobody made the signature.
fn proved(text: &str, purpose: &str) -> String {
    let value = multibase::encode(multibase::Base::Base58Btc, [1; 64]);
    let proof = format!(
        r#"{{"type":"DataIntegrityProof","cryptosuite":"eddsa-jcs-2022","verificationMethod":"did:key:z6Mk#z6Mk","proofPurpose":"{purpose}","proofValue":"{value}"}}"#
    );
    text.replace(PROOF_MARK, &proof)
}

const LINK_HEADER: &str = r#"{"alg":"EdDSA","kid":"did:key:z6Mk#z6Mk","typ":"vc+jwt"}"#;

/// A compact JWS whose signature nobody made.
fn sealed(header: &str, claims: &str) -> String {
    let encode = |text: &str| base64url::encode(text.as_bytes());
    format!("{}.{}.{}", encode(header), encode(claims), base64url::encode(&[1; 64]))
}

fn judged(bytes: &[u8]) {
    let trust = &*OPEN_TRUST;
    let Ok(presentation) = parse(bytes, trust) else {
        Both::new(trust).parse(bytes);
        return;
    };
    read(&presentation, bytes.len());
    // Around it there may be white space, and nothing else.
    let spaced = [b" \n".as_slice(), bytes, b"\r\n"].concat();
    assert!(parse(&spaced, trust).is_ok());
    assert!(parse(&[bytes, b"A"].concat(), trust).is_err(), "a signature of 65 bytes");
    let both = Both::new(trust);
    let evidence = Evidence::new();
    let told = both.present(bytes, &evidence, presentation.nonce(), NOW);
    if told.is_ok() {
        assert!(both.present(bytes, &evidence, "another nonce", NOW).is_err());
    }
    // The same links are the same chain in compact form, where a document takes a third more.
    let links: Vec<String> = presentation.secured_links().collect();
    if links.join("~").len() + 100 > trust.limits.presentation_bytes {
        return;
    }
    let again = parse_request(&links.join("~"), proof(), trust).unwrap();
    assert!(again.claims().eq(presentation.claims()));
    assert!(again.secured_links().eq(links.iter().cloned()));
}

fn compact(text: &str) {
    let trust = &*OPEN_TRUST;
    let Ok(presentation) = parse_request(text, proof(), trust) else { return };
    read(&presentation, text.len());
    let links: Vec<String> = presentation.secured_links().collect();
    assert_eq!(links.join("~"), text, "what is kept of a chain is not what was sent");
    Both::new(trust).request(text, &proof(), &Evidence::new(), NOW).unwrap_err();
}

fn read(presentation: &Presentation, bytes: usize) {
    let limits = &OPEN_TRUST.limits;
    let links: Vec<String> = presentation.secured_links().collect();
    assert!((1..=limits.chain_links).contains(&links.len()) && bytes <= limits.presentation_bytes);
    assert!((1..=128).contains(&presentation.nonce().len()));
    for (token, claims) in links.iter().zip(presentation.claims()) {
        let json_limits = JsonLimits { bytes: limits.link_bytes, depth: limits.json_depth };
        let secured = from_token(token, json_limits).unwrap();
        assert!(secured.len() <= limits.link_bytes);
        assert_eq!(to_token(&secured), *token, "one link, two texts");
        // The holder's own look at the link sees the same.
        assert_eq!(Delegation::read_unverified(&secured).as_ref(), Ok(claims));
        assert!(claims.terms.status.len() <= 4);
    }
    let last = presentation.claims().last().unwrap();
    assert_eq!(presentation.claimed_agent(), &last.terms.subject);
}

fn unverified(text: &str) {
    if let Ok(delegation) = Delegation::read_unverified(text) {
        let (again, _) = legation_credential::issue::effective(&[text]).unwrap();
        assert_eq!(again, delegation);
    }
}

/// A proof that nobody made.
fn proof() -> Proof {
    Proof {
        signing_input: "\"@method\": GET".to_owned(),
        algorithm: None,
        key_thumbprint: ACTORS[0].key_id.clone(),
        signature: [1; 64],
        nonce: "n".to_owned(),
        created: NOW,
        expires: NOW + 60,
    }
}
