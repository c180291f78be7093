//! Bytes as a row of decisions, for targets that build what they test.

/// Decisions from bytes. Where no bytes are left every decision is 0, and 0 is always the choice that
/// changes nothing: short inputs give plain cases, and each byte more bends something.
pub(crate) struct Choices<'d>(&'d [u8]);

impl<'d> Choices<'d> {
    pub(crate) fn new(data: &'d [u8]) -> Self {
        Self(data)
    }

    pub(crate) fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    /// A number below `count`, which is at most 256.
    pub(crate) fn below(&mut self, count: usize) -> usize {
        usize::from(self.byte()) % count.max(1)
    }

    pub(crate) fn flag(&mut self) -> bool {
        self.below(2) == 1
    }

    /// True for one byte in sixteen.
    pub(crate) fn rarely(&mut self) -> bool {
        self.below(16) == 15
    }

    pub(crate) fn pick<'a, T: ?Sized>(&mut self, all: &[&'a T]) -> &'a T {
        all[self.below(all.len())]
    }

    pub(crate) fn number(&mut self, all: &[i64]) -> i64 {
        all[self.below(all.len())]
    }

    /// Up to 255 bytes, as many as the next byte says.
    pub(crate) fn bytes(&mut self) -> &'d [u8] {
        let count = usize::from(self.byte()).min(self.0.len());
        let (taken, rest) = self.0.split_at(count);
        self.0 = rest;
        taken
    }
}

/// The parts of an input that is text in several parts, divided by lines of `---`.
pub(crate) fn parts(data: &[u8]) -> Option<Vec<&str>> {
    Some(core::str::from_utf8(data).ok()?.split("\n---\n").collect())
}
