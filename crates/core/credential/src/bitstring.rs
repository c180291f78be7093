//! The bits of a status list, and their encoding (Bitstring Status List §3.3–4).

use crate::error::CredentialError;
use flate2::{Compression, bufread::MultiGzDecoder, write::GzEncoder};
use legation_keys::base64url;
use std::io::{Read, Write};

/// Fewest entries of a list, so that an index hides in a crowd (§7.1 of the specification).
pub const MIN_ENTRIES: usize = 131_072;

/// The bits of a status list; index 0 is the left-most bit (§3.1.3).
#[derive(Clone, PartialEq, Eq)]
pub struct StatusList {
    bits: Vec<u8>,
}

impl StatusList {
    /// A list of at least so many entries, all unset; never fewer than [`MIN_ENTRIES`].
    #[must_use]
    pub fn new(entries: usize) -> Self {
        Self { bits: vec![0; entries.max(MIN_ENTRIES).div_ceil(8)] }
    }

    /// How many entries there are.
    #[must_use]
    pub fn entries(&self) -> usize {
        self.bits.len() * 8
    }

    /// Whether a bit is set; `None` beyond the end.
    #[must_use]
    pub fn get(&self, index: usize) -> Option<bool> {
        self.bits.get(index / 8).map(|byte| byte & mask(index) != 0)
    }

    /// Sets or clears a bit; false beyond the end, where nothing changes.
    pub fn set(&mut self, index: usize, value: bool) -> bool {
        let Some(byte) = self.bits.get_mut(index / 8) else { return false };
        if value {
            *byte |= mask(index);
        } else {
            *byte &= !mask(index);
        }
        true
    }

    /// The `encodedList`: multibase base64url of the GZIP of the bits.
    #[must_use]
    pub fn encode(&self) -> String {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        // Writing to a vector does not fail; an empty text is read by nobody.
        let packed = encoder.write_all(&self.bits).and_then(|()| encoder.finish()).unwrap_or_default();
        format!("u{}", base64url::encode(&packed))
    }

    /// Reads an `encodedList`, unpacking at most so many entries.
    ///
    /// # Errors
    /// [`CredentialError::Malformed`] for another encoding, data behind the list, fewer than
    /// [`MIN_ENTRIES`] or more than `most_entries`.
    pub fn decode(encoded: &str, most_entries: usize) -> Result<Self, CredentialError> {
        let wrong = |found: String| CredentialError::Malformed {
            member: "encodedList".to_owned(),
            expected: "`u` and the base64url of a GZIP of enough entries",
            found,
        };
        let packed = encoded.strip_prefix('u').ok_or_else(|| wrong("another multibase prefix".to_owned()))?;
        let packed = base64url::decode(packed).map_err(|error| wrong(error.to_string()))?;
        let most = most_entries / 8;
        let mut bits = Vec::new();
        // A GZIP is of one member or several, one behind the other (RFC 1952 §2.2), and of nothing else behind them.
        let mut unpacked = MultiGzDecoder::new(packed.as_slice()).take(most as u64 + 1);
        unpacked.read_to_end(&mut bits).map_err(|error| wrong(error.to_string()))?;
        if bits.len() > most {
            return Err(wrong(format!("more than {most_entries} entries")));
        }
        if bits.len() * 8 < MIN_ENTRIES {
            return Err(wrong(format!("{} entries, fewer than {MIN_ENTRIES}", bits.len() * 8)));
        }
        Ok(Self { bits })
    }
}

impl core::fmt::Debug for StatusList {
    fn fmt(&self, out: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let set: u32 = self.bits.iter().map(|byte| byte.count_ones()).sum();
        write!(out, "{set} of {} entries set", self.entries())
    }
}

fn mask(index: usize) -> u8 {
    0x80 >> (index % 8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_of_the_specification_is_read() {
        // Bitstring Status List §2.2, example: 131,072 entries, none set.
        let encoded = "uH4sIAAAAAAAAA-3BMQEAAADCoPVPbQwfoAAAAAAAAAAAAAAAAAAAAIC3AYbSVKsAQAAA";
        let list = StatusList::decode(encoded, MIN_ENTRIES).unwrap();
        assert_eq!(list, StatusList::new(0));
    }

    #[test]
    fn index_0_is_the_left_most_bit() {
        let mut list = StatusList::new(0);
        assert!(list.set(0, true) && list.set(9, true));
        assert_eq!((list.bits[0], list.bits[1]), (0x80, 0x40));
        assert_eq!((list.get(9), list.get(10), list.get(MIN_ENTRIES)), (Some(true), Some(false), None));
        assert!(!list.set(MIN_ENTRIES, true));
        assert_eq!(StatusList::decode(&list.encode(), MIN_ENTRIES).unwrap(), list);
        assert!(list.set(9, false) && list.get(9) == Some(false));
    }

    #[test]
    fn a_list_that_inflates_beyond_the_bound_is_refused_without_unpacking_it() {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        for _ in 0..64 {
            encoder.write_all(&vec![0; 1 << 20]).unwrap();
        }
        let bomb = format!("u{}", base64url::encode(&encoder.finish().unwrap()));
        assert!(bomb.len() < 100_000);
        assert!(StatusList::decode(&bomb, 1 << 20).is_err());
    }

    #[test]
    fn members_of_a_gzip_are_one_list() {
        let pack = |bytes: &[u8]| {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
            encoder.write_all(bytes).unwrap();
            encoder.finish().unwrap()
        };
        let mut second = vec![0; MIN_ENTRIES / 8];
        second[0] = 0x80;
        let members = [pack(&[0; MIN_ENTRIES / 8]), pack(&[]), pack(&second)].concat();
        let encoded = format!("u{}", base64url::encode(&members));
        let list = StatusList::decode(&encoded, 2 * MIN_ENTRIES).unwrap();
        assert_eq!(list.entries(), 2 * MIN_ENTRIES);
        assert_eq!((list.get(MIN_ENTRIES - 1), list.get(MIN_ENTRIES)), (Some(false), Some(true)));
        assert!(StatusList::decode(&encoded, 2 * MIN_ENTRIES - 8).is_err(), "the bound is on all of them");
        let cut = format!("u{}", base64url::encode(&members[..members.len() - 4]));
        assert!(StatusList::decode(&cut, 2 * MIN_ENTRIES).is_err(), "each has its checksum");
    }

    #[test]
    fn a_list_that_is_short_or_badly_encoded_is_refused() {
        let pack = |bytes: &[u8]| {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
            encoder.write_all(bytes).unwrap();
            encoder.finish().unwrap()
        };
        let good = pack(&[0; MIN_ENTRIES / 8]);
        for encoded in [
            format!("z{}", base64url::encode(&good)),
            base64url::encode(&good),
            format!("u{}", base64url::encode(&good[..good.len() - 9])),
            format!("u{}", base64url::encode(&[good.as_slice(), b"x"].concat())),
            format!("u{}", base64url::encode(&pack(&[0; 100]))),
            "u".to_owned(),
            String::new(),
        ] {
            assert!(StatusList::decode(&encoded, MIN_ENTRIES).is_err(), "{encoded}");
        }
    }
}
