//! The contexts that are compiled in.

/// A context that is known: its URL, its text, and the SHA-256 and SHA-384 of the file that is published there,
/// whose layout is its own; no digests where it is not published as one file.
pub(super) struct Known {
    pub(super) url: &'static str,
    pub(super) text: &'static str,
    pub(super) digests: Option<(&'static str, &'static str)>,
}

macro_rules! known {
    ($url:literal, $file:literal, $digests:expr) => {
        Known { url: $url, text: include_str!(concat!("../../contexts/", $file)), digests: $digests }
    };
}

pub(super) const KNOWN: [Known; 11] = [
    known!(
        "https://www.w3.org/2018/credentials/v1",
        "credentials-v1.json",
        Some((
            "ab4ddd9a531758807a79a5b450510d61ae8d147eab966cc9a200c07095b0cdcc",
            "82c3b3eab863754bbfd2b9f17d8d6db9f61169f301cbf0b05e1fc4beb5f5c51dd4d2e888c274f49c3fbb2408f61faed1",
        ))
    ),
    known!(
        "https://www.w3.org/ns/credentials/v2",
        "credentials-v2.json",
        Some((
            "59955ced6697d61e03f2b2556febe5308ab16842846f5b586d7f1f7adec92734",
            "97f1eb8e5042356c805fdd61afa2c557663785e0794dcafa21e138fd38def18cb360133c221aa31d6896a6bf3e65b614",
        ))
    ),
    known!(
        "https://www.w3.org/ns/credentials/examples/v2",
        "credentials-examples-v2.json",
        Some((
            "57393fbc69d6efb9b9b5dc9cb6b9880b0944360abfe2eaf459c9e58cf2279d7c",
            "ccd35b4135824944a2d1b6f3edd6ee6be45c10dbfb0ba16f966609d58f88ef6ec7b0f387773c042cc60ef4ccfaf0cdba",
        ))
    ),
    known!(
        "https://www.w3.org/ns/credentials/undefined-terms/v2",
        "credentials-undefined-terms-v2.json",
        Some((
            "82dab514ba44eb18f5d1b0f638c5e140c6a556fbfb5089601bdc0fa5eb8b2581",
            "b2a66ccddba70ba67ad99c2ff52e60558df0063cea51c4ca886e25d9ea73cfabb878baf92dc2ad2bda26c31391850d68",
        ))
    ),
    known!("https://www.w3.org/ns/credentials/status/v1", "credentials-status-v1.json", None),
    known!(
        "https://w3id.org/security/data-integrity/v1",
        "data-integrity-v1.json",
        Some((
            "b5d829bd09aa7c42abc6efa0c8ed7635313b5487f37ccfce3ecd149ca9418554",
            "1f7b51154c2cb596b804d3eedeabb7678c7ea4d36f5201496a681dbd868d5dc0cb90a8839f5142ccdc91fdb92c5adcf2",
        ))
    ),
    known!(
        "https://w3id.org/security/data-integrity/v2",
        "data-integrity-v2.json",
        Some((
            "67f21e6e33a6c14e5ccfd2fc7865f7474fb71a04af7e94136cb399dfac8ae8f4",
            "0ee2d7626717f8b07cd449b525d5e2b71fe27209fc99e53089e0169dd2944d793feea4526fc60bb9cca1cd96512391f6",
        ))
    ),
    known!(
        "https://w3id.org/security/multikey/v1",
        "multikey-v1.json",
        Some((
            "ba2c182de2d92f7e47184bcca8fcf0beaee6d3986c527bf664c195bbc7c58597",
            "0fa51641d12fb8c701b2e6a9492556f25d32bb4af84a96f11808f0a623b972434dd18a8f1f1865bc68d8ee046c4e5a3e",
        ))
    ),
    known!(
        "https://w3id.org/security/jwk/v1",
        "jwk-v1.json",
        Some((
            "0f14b62f6071aafe00df265770ea0c7508e118247d79b7d861a406d2aa00bece",
            "762dc55ce79f361e3bbeb7d3cb0ddb3e44b8e2885261f8283183959d1aaa33904af6a8005059ed9641500eab7d8ddae5",
        ))
    ),
    known!("https://www.w3.org/ns/did/v1", "did-v1.json", None),
    Known {
        url: "https://w3id.org/legation/v1",
        text: include_str!("../../../../../schemas/legation-v1.jsonld"),
        digests: None,
    },
];
