//! Which nonces were used.

use super::{
    MemoryLedger,
    room::{Full, Kind},
};
use crate::{
    Code, Denial, approval::ApprovalUse, authorize::NonceUse, presentation::Account, verified::VerifiedLink,
};
use legation_keys::time;

/// The link of nonces that were kept before they had one; no link's SHA-256.
pub(super) const NO_LINK: Account = [0; 32];

/// A nonce that was used.
#[derive(Clone, Copy, Debug)]
pub(super) struct Remembered {
    /// The last link of its chain.
    pub(super) link: Account,
    /// Until when it is remembered, Unix seconds.
    pub(super) until: i64,
    /// From when on what it stands in is no longer valid, by its own word.
    pub(super) expires_at: i64,
}

impl MemoryLedger {
    pub(super) fn forget_nonces(&mut self, now: i64) {
        let later = self.forget.split_off(&now.saturating_add(1));
        for (key, nonce) in core::mem::replace(&mut self.forget, later).into_values().flatten() {
            if let Some(own) = self.nonces.get_mut(&key) {
                if let Some(one) = own.remove(&nonce) {
                    self.count -= 1;
                    self.forgotten = self.forgotten.max(Some(one.expires_at));
                    self.rooms.change(one.link, Kind::Nonces, false);
                }
                if own.is_empty() {
                    self.nonces.remove(&key);
                }
            }
        }
    }

    /// Whether a nonce was not used, and there is room for it: of its key, of each link that it came through, and in
    /// all.
    pub(super) fn check_nonce(&self, nonce: &NonceUse, links: &[VerifiedLink]) -> Result<(), Denial> {
        let own = self.nonces.get(&nonce.key);
        if own.is_some_and(|own| own.contains_key(&nonce.nonce)) {
            let found = format!("`{}`, used before", nonce.nonce);
            return Err(Denial::new(Code::NonceReplayed, "a nonce that was not used", found));
        }
        if let Some(begun) = self.begun.filter(|begun| nonce.signed_at < *begun) {
            let expected = format!(
                "what was signed at {} or later: what was used before then is not known",
                time::format(begun)
            );
            let found = format!("signed at {}", time::format(nonce.signed_at));
            return Err(Denial::new(Code::PresentationStale, expected, found));
        }
        // The clock, or a thread that waited, may be behind the moment at which it was forgotten; or clocks may
        // differ by more now than when it was used.
        if let Some(expired) = self.forgotten.filter(|expired| nonce.expires_at <= *expired) {
            let expected = format!("a presentation that lives beyond {}", time::format(expired));
            return Err(Denial::new(Code::NonceReplayed, expected, "one whose nonce would be forgotten"));
        }
        let full = |expected| Err(Denial::new(Code::NonceMemoryFull, expected, "none left"));
        let limits = &self.limits;
        let remembered = own.map_or(0, std::collections::HashMap::len);
        if remembered.saturating_add(self.nonces_elsewhere(&nonce.key)) >= limits.nonces_per_key {
            return full(format!(
                "room for a nonce; {} are remembered for this agent",
                limits.nonces_per_key
            ));
        }
        match self.full_of_nonces(links) {
            Some(Full { index: 0, most }) => {
                return full(format!("room for a nonce; {most} are remembered for chains of this root link"));
            }
            Some(Full { index, most }) => {
                return full(format!(
                    "room for a nonce; {most} are remembered for chains through link {index}, its share of what \
                     its siblings leave"
                ));
            }
            None => {}
        }
        if self.count >= limits.nonces {
            return full(format!("room for a nonce; {} are remembered in all", limits.nonces));
        }
        Ok(())
    }

    /// The first link, root first, that may have no more nonces.
    pub(super) fn full_of_nonces(&self, links: &[VerifiedLink]) -> Option<Full> {
        let limits = (self.limits.nonces_per_root, self.limits.share_percent);
        self.rooms.check(links, Kind::Nonces, |_| 1, limits).err()
    }

    /// An approval is used once, as a nonce is.
    pub(super) fn check_approval(
        &self,
        approval: &ApprovalUse,
        links: &[VerifiedLink],
    ) -> Result<(), Denial> {
        self.check_nonce(&approval.nonce(links), links).map_err(|denial| match denial.code {
            Code::NonceReplayed => {
                let found = format!("an approval of {}, used before", approval.approver);
                Denial::new(Code::ApprovalRequired, "an approval that was not used", found)
            }
            // Given before the ledger began: whether it was used is not known.
            Code::PresentationStale => Denial::new(Code::ApprovalRequired, denial.expected, denial.found),
            _ => denial,
        })
    }

    pub(super) fn take_nonce(&mut self, nonce: &NonceUse, links: &[VerifiedLink]) {
        self.rooms.add(links, Kind::Nonces);
        self.remember(nonce, links.last().map_or(NO_LINK, |link| link.signed));
    }

    /// Remembers a nonce of a link, which was counted.
    pub(super) fn remember(&mut self, nonce: &NonceUse, link: Account) {
        let own = self.nonces.entry(nonce.key.clone()).or_default();
        let NonceUse { until, expires_at, .. } = *nonce;
        own.insert(nonce.nonce.clone(), Remembered { link, until, expires_at });
        self.forget.entry(nonce.until).or_default().push((nonce.key.clone(), nonce.nonce.clone()));
        self.count += 1;
    }
}
