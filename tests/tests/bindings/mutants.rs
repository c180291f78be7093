//! Cases of the corpus, changed by chance: at another moment, a byte changed, cut or doubled. What comes of them is whatever comes of them
//! natively.

use legation_tests::Vector;

/// How many.
const MANY: usize = 1500;

/// Numbers that are the same in each run (xorshift64*).
struct Chance(u64);

impl Chance {
    fn below(&mut self, most: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        usize::try_from(self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33).unwrap() % most.max(1)
    }
}

/// Changed cases, each with a name of its own.
pub(super) fn mutants(vectors: &[Vector]) -> Vec<Vector> {
    let mut chance = Chance(0x1e9a_7104);
    // What is large would take up most of the time, and is in the corpus as it is.
    let small: Vec<&Vector> =
        vectors.iter().filter(|one| one.steps.iter().all(|step| step.presentation.len() < 20_000)).collect();
    let changed = |number: usize| {
        let mut vector = small[chance.below(small.len())].clone();
        let kind = chance.below(4);
        let step = chance.below(vector.steps.len());
        let step = &mut vector.steps[step];
        let at = chance.below(step.presentation.len());
        match kind {
            0 => step.now += i64::try_from(chance.below(2_000_000)).unwrap() - 1_000_000,
            1 => step.presentation[at] ^= 1 << chance.below(8),
            2 => step.presentation.truncate(at),
            _ => step.presentation.insert(at, step.presentation[at]),
        }
        vector.name = format!("{} {number}", vector.name);
        vector
    };
    (0..MANY).map(changed).collect()
}
