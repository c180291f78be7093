//! What is done for whoever has not shown a trusted root's signature, and told to it.

use super::{RETRY_AFTER, Work, keep, obtain};
use crate::SharedEvidence;
use legation_did::Did;
use legation_verifier::{Denial, Evidence, Need, root_signed};

/// How a root's signature was shown.
enum Shown {
    /// By the document that was at hand.
    AtHand,
    /// By the one that was fetched for it just now.
    Anew,
}

impl Work<'_> {
    /// What a denial tells: nothing of the trust to whoever has not shown the root's signature. That one is
    /// told what is wrong with the signature, so that not even the code says what a ceiling holds.
    pub(super) async fn told(&self, denial: Denial, evidence: &SharedEvidence) -> Denial {
        if !denial.tells_trust() {
            return denial;
        }
        match self.root() {
            Some(root) if self.trust.roots.contains_key(root) => match self.show_root(root, evidence).await {
                Ok(_) => denial,
                Err(unsigned) => unsigned,
            },
            _ => denial.without_trust(),
        }
    }

    /// Whether this need is the root's document, and nothing has shown yet that the root signed.
    pub(super) fn is_of_root(&self, need: &Need) -> bool {
        !self.shown && matches!(need, Need::Document(did) if Some(did) == self.root())
    }

    /// Whether the root's document is to be fetched anew for this verification. Where the root's signature is
    /// not shown, it makes do with what there is, which denies; where it is shown by a document that came just
    /// now, that one serves.
    pub(super) async fn show(&mut self, need: &Need, evidence: &SharedEvidence) -> bool {
        let Some(root) = self.root() else { return false };
        let shown = self.show_root(root, evidence).await;
        self.shown = shown.is_ok();
        if matches!(shown, Ok(Shown::AtHand)) {
            return true;
        }
        if !self.own.take_since(need, &evidence.read(), i64::MIN) {
            let reason = match shown {
                Err(denial) => denial.found,
                Ok(_) => "it was forgotten at once".to_owned(),
            };
            self.own.add_failure(need, &reason, self.now);
        }
        false
    }

    fn root(&self) -> Option<&Did> {
        self.presentation.claims().next().map(|link| &link.issuer)
    }

    /// Whether the root link is signed by the root: by its document at hand, else by one that is fetched, unless
    /// that was done or tried a moment ago. Others who ask for the same wait for it.
    async fn show_root(&self, root: &Did, evidence: &SharedEvidence) -> Result<Shown, Denial> {
        let at_hand = || {
            let own = evidence.read().excerpt(self.presentation);
            (root_signed(self.presentation, self.trust, &own, self.now), own)
        };
        let (found, _) = at_hand();
        if found.is_ok() || root.method() == "key" {
            return found.map(|()| Shown::AtHand);
        }
        let asked_for = evidence.asked_for(root);
        let mut last = asked_for.lock().await;
        let (need, recent) = (Need::Document(root.clone()), self.now.saturating_sub(RETRY_AFTER));
        let (found, own) = at_hand();
        let tried = last.is_some_and(|last| self.now.abs_diff(last) < RETRY_AFTER.unsigned_abs());
        if found.is_ok() || tried || Evidence::new().take_since(&need, &own, recent) {
            return found.map(|()| Shown::AtHand);
        }
        *last = Some(self.now);
        let fetched = obtain(&need, self.fetcher).await;
        let is_there = fetched.is_ok();
        let mut new = Evidence::new();
        keep(&need, fetched, self.trust, &mut new, self.now);
        if is_there {
            // What fails here takes nothing from those who make do with what is at hand.
            evidence.write().add_for(&need, self.presentation, &new, self.trust, self.now);
        }
        root_signed(self.presentation, self.trust, &new, self.now).map(|()| Shown::Anew)
    }
}
