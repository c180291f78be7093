//! What documents are made up by.
#![allow(unreachable_pub)] // a module of each test file
#![allow(clippy::unwrap_used, clippy::indexing_slicing)] // a test's helpers may stop it

/// Numbers that look like chance and are the same in each run (Knuth's linear congruence).
pub struct Chance(pub u64);

impl Chance {
    pub fn below(&mut self, most: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % most
    }

    pub fn one<'a>(&mut self, all: &[&'a str]) -> &'a str {
        all[self.below(all.len())]
    }
}
