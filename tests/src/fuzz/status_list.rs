//! Status lists: what is unpacked stays within the bound, and a bit is the bit that was published.

use super::{
    actors::ACTORS,
    choices::{Choices, parts},
};
use flate2::{Compression, write::GzEncoder};
use legation_credential::{
    Securing,
    status::{MIN_ENTRIES, SignedStatusList, StatusEntry, StatusList},
};
use legation_keys::{
    Signer, base64url,
    json::{self, JsonLimits},
};
use std::io::Write;

/// Twice the shortest list.
const MOST: usize = 2 * MIN_ENTRIES;

/// Any bytes as an `encodedList`, as the bytes inside one, as a secured list and its claims, and as an entry.
pub fn status_list(data: &[u8]) {
    packed(data);
    unpacked(data);
    let Ok(text) = core::str::from_utf8(data) else { return };
    encoded(text);
    entry(text);
    signed(text);
    if let Some(all @ [_, _, ..]) = parts(data).as_deref() {
        sealed(all);
    }
}

fn encoded(text: &str) {
    let Ok(list) = StatusList::decode(text, MOST) else { return };
    assert!((MIN_ENTRIES..=MOST).contains(&list.entries()));
    assert_eq!(list.get(list.entries()), None);
    let again = StatusList::decode(&list.encode(), MOST).unwrap();
    assert!(again == list, "a list is another one after it is written");
    // One entry less is refused.
    assert!(StatusList::decode(text, list.entries() - 1).is_err());
}

/// The bytes as GZIP.
fn packed(data: &[u8]) {
    encoded(&format!("u{}", base64url::encode(data)));
}

/// The bytes as bits, repeated to length, and one more bit set.
fn unpacked(data: &[u8]) {
    let mut choices = Choices::new(data);
    let bytes = match choices.below(4) {
        0 => MIN_ENTRIES / 8,
        1 => MIN_ENTRIES / 8 - 1,
        2 => MOST / 8,
        _ => MOST / 8 + 1,
    };
    let pattern = choices.bytes();
    let bits: Vec<u8> = pattern.iter().copied().cycle().take(bytes).collect();
    if bits.is_empty() {
        return;
    }
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(&bits).unwrap();
    let list = StatusList::decode(&format!("u{}", base64url::encode(&encoder.finish().unwrap())), MOST);
    assert_eq!(list.is_ok(), (MIN_ENTRIES / 8..=MOST / 8).contains(&bytes), "{bytes} bytes");
    let Ok(mut list) = list else { return };
    let index = choices.below(256) * 256 + choices.below(256);
    let expected = bits[index / 8] & (0x80 >> (index % 8)) != 0;
    assert_eq!(list.get(index), Some(expected));
    assert!(list.set(index, !expected));
    assert_eq!(list.get(index), Some(!expected));
    let neighbours = [index.wrapping_sub(1), index + 1];
    for other in neighbours.into_iter().filter(|other| *other < list.entries()) {
        assert_eq!(list.get(other), Some(bits[other / 8] & (0x80 >> (other % 8)) != 0));
    }
}

fn entry(text: &str) {
    let Ok(json) = json::parse(text.as_bytes(), JsonLimits { bytes: 1 << 14, depth: 8 }) else { return };
    let Ok(entry) = StatusEntry::from_json(&json) else { return };
    let written = entry.to_json().to_string();
    let json = json::parse(written.as_bytes(), JsonLimits { bytes: 1 << 14, depth: 8 }).unwrap();
    assert_eq!(StatusEntry::from_json(&json).as_ref(), Ok(&entry));
    assert!(legation_credential::status::is_list_url(&entry.list));
}

fn signed(secured: &str) -> Option<SignedStatusList> {
    let list = SignedStatusList::parse(secured, MOST).ok()?;
    assert!(!list.is_verified(), "nobody has looked at the signature yet");
    let credential = &list.credential;
    assert!((MIN_ENTRIES..=MOST).contains(&credential.list.entries()));
    // What it says, written and secured in either way, is read as the same.
    let key = &ACTORS[0];
    let times = [Some(credential.valid_from), credential.valid_until];
    if times.into_iter().flatten().all(|time| (-62_167_219_200..=253_402_300_799).contains(&time)) {
        for securing in [Securing::Jwt, Securing::EddsaJcs2022] {
            let again = credential.secure(securing, &key.key_id, &key.key).unwrap();
            let read = SignedStatusList::parse(&again, MOST);
            let read = read.unwrap_or_else(|error| panic!("{again}: {error}"));
            assert!(read.credential == *credential && read.securing == securing, "{again}");
            assert!(read.verify(&[ACTORS[2].key.public_key().clone()]).is_err());
            assert!(read.verify(&[key.key.public_key().clone()]).is_ok() && read.is_verified());
        }
    }
    Some(list)
}

/// Header and claims as text, sealed. Three dots as the list stand for a list that is good.
fn sealed(all: &[&str]) {
    let good = StatusList::new(0).encode();
    let part =
        |index: usize| base64url::encode(all[index].replace("\"...\"", &format!("\"{good}\"")).as_bytes());
    let input = format!("{}.{}", part(0), part(1));
    let signer = &ACTORS[0];
    let signature = signer.key.sign(input.as_bytes()).unwrap();
    let secured = format!("{input}.{}", base64url::encode(&signature));
    if let Some(list) = signed(&secured) {
        let fits = list.seals[0].algorithm == signer.key.public_key().algorithm();
        assert_eq!(list.verify(&[signer.key.public_key().clone()]).is_ok(), fits);
        assert!(list.verify(&[ACTORS[3].key.public_key().clone()]).is_err());
    }
}
