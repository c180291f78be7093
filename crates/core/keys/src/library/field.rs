//! Numbers modulo the prime of P-256, p = 2²⁵⁶ - 2²²⁴ + 2¹⁹² + 2⁹⁶ - 1, for WebAssembly: a product of 64 bits is all that it has, where
//! the library takes 128 by a call. Nine limbs of 29 bits leave room for the sums of a product, and p is four powers of two, so that a reduction is shifts.
//!
//! Time depends on no number but in `is_zero`; nothing secret comes here all the same. A number is in Montgomery form, times 2²⁶¹; its limbs are from 0
//! to 2²⁹-1, but for the last one, which is signed; it is between -p and 2p. `tests/vectors/p256.rs` holds each operation to the library.

/// A number modulo p.
#[derive(Clone, Copy)]
pub(crate) struct Element([i64; 9]);

const BITS: u32 = 29;
const MASK: i64 = (1 << BITS) - 1;

const P: [i64; 9] = [0x1fffffff, 0x1fffffff, 0x1fffffff, 0x1ff, 0x0, 0x0, 0x40000, 0x1fe00000, 0xffffff];
/// 2⁵²² mod p: a number times this, reduced, is in Montgomery form.
const SQUARE: Element =
    Element([0xc00, 0x0, 0x1fff0000, 0x1fdfffff, 0x1fbfffff, 0x1fffffff, 0x1fffffff, 0x1ffffffe, 0x13]);

impl Element {
    pub(crate) const ZERO: Self = Self([0; 9]);
    pub(crate) const ONE: Self =
        Self([0x20, 0x0, 0x0, 0x1fffc000, 0x1fffffff, 0x1fffffff, 0x1f7fffff, 0x3ffffff, 0x0]);

    /// Reads a number below p, big-endian.
    pub(crate) fn from_bytes(bytes: &[u8; 32]) -> Self {
        let mut limbs = [0; 9];
        for (index, byte) in bytes.iter().rev().enumerate() {
            // A byte begins in one limb, and may end in the next.
            let (limb, shift) = (index * 8 / 29, index * 8 % 29);
            let wide = i64::from(*byte) << shift;
            if let Some(first) = limbs.get_mut(limb) {
                *first |= if limb == 8 { wide } else { wide & MASK };
            }
            if let Some(next) = limbs.get_mut(limb + 1) {
                *next |= wide >> BITS;
            }
        }
        Self(limbs).multiply(&SQUARE)
    }

    /// Writes the number, below p, big-endian.
    pub(crate) fn to_bytes(self) -> [u8; 32] {
        let one = Self([1, 0, 0, 0, 0, 0, 0, 0, 0]);
        // Between -p and 2p, and so one of three.
        let own = fold(self.multiply(&one).0);
        let limbs = [own, carry(zip(own, P, |one, p| one - p)), carry(zip(own, P, |one, p| one + p))];
        let below = |limbs: &[i64; 9]| {
            matches!((limbs.last(), carry(zip(*limbs, P, |one, p| one - p)).last()), (Some(0..), Some(..0)))
        };
        let limbs = limbs.into_iter().find(below).unwrap_or_default();
        let mut bytes = [0; 32];
        for (index, byte) in bytes.iter_mut().rev().enumerate() {
            let (limb, shift) = (index * 8 / 29, index * 8 % 29);
            let at = |limb: usize| limbs.get(limb).copied().unwrap_or_default();
            let wide = at(limb) >> shift | at(limb + 1) << (BITS as usize - shift);
            *byte = wide.to_le_bytes()[0];
        }
        bytes
    }

    pub(crate) fn is_zero(&self) -> bool {
        let limbs = fold(self.0);
        limbs == [0; 9] || limbs == P
    }

    pub(crate) fn add(&self, other: &Self) -> Self {
        Self(fold(zip(self.0, other.0, |one, other| one + other)))
    }

    pub(crate) fn sub(&self, other: &Self) -> Self {
        Self(fold(zip(self.0, other.0, |one, other| one - other)))
    }

    pub(crate) fn double(&self) -> Self {
        self.add(self)
    }

    pub(crate) fn neg(&self) -> Self {
        Self::ZERO.sub(self)
    }

    /// The product. Nine products of 29 bits twice are below 2⁶², and what a reduction adds is below 2⁵⁵.
    pub(crate) fn multiply(&self, other: &Self) -> Self {
        let [a0, a1, a2, a3, a4, a5, a6, a7, a8] = self.0;
        let [b0, b1, b2, b3, b4, b5, b6, b7, b8] = other.0;
        let t0 = a0 * b0;
        let t1 = a0 * b1 + a1 * b0;
        let t2 = a0 * b2 + a1 * b1 + a2 * b0;
        let t3 = a0 * b3 + a1 * b2 + a2 * b1 + a3 * b0;
        let t4 = a0 * b4 + a1 * b3 + a2 * b2 + a3 * b1 + a4 * b0;
        let t5 = a0 * b5 + a1 * b4 + a2 * b3 + a3 * b2 + a4 * b1 + a5 * b0;
        let t6 = a0 * b6 + a1 * b5 + a2 * b4 + a3 * b3 + a4 * b2 + a5 * b1 + a6 * b0;
        let t7 = a0 * b7 + a1 * b6 + a2 * b5 + a3 * b4 + a4 * b3 + a5 * b2 + a6 * b1 + a7 * b0;
        let t8 = a0 * b8 + a1 * b7 + a2 * b6 + a3 * b5 + a4 * b4 + a5 * b3 + a6 * b2 + a7 * b1 + a8 * b0;
        let t9 = a1 * b8 + a2 * b7 + a3 * b6 + a4 * b5 + a5 * b4 + a6 * b3 + a7 * b2 + a8 * b1;
        let t10 = a2 * b8 + a3 * b7 + a4 * b6 + a5 * b5 + a6 * b4 + a7 * b3 + a8 * b2;
        let t11 = a3 * b8 + a4 * b7 + a5 * b6 + a6 * b5 + a7 * b4 + a8 * b3;
        let t12 = a4 * b8 + a5 * b7 + a6 * b6 + a7 * b5 + a8 * b4;
        let t13 = a5 * b8 + a6 * b7 + a7 * b6 + a8 * b5;
        let t14 = a6 * b8 + a7 * b7 + a8 * b6;
        let t15 = a7 * b8 + a8 * b7;
        let t16 = a8 * b8;
        reduce([t0, t1, t2, t3, t4, t5, t6, t7, t8, t9, t10, t11, t12, t13, t14, t15, t16])
    }

    /// The square: what stands twice in it is multiplied once.
    pub(crate) fn square(&self) -> Self {
        let [a0, a1, a2, a3, a4, a5, a6, a7, a8] = self.0;
        let [d0, d1, d2, d3, d4, d5, d6, d7] =
            [2 * a0, 2 * a1, 2 * a2, 2 * a3, 2 * a4, 2 * a5, 2 * a6, 2 * a7];
        let t0 = a0 * a0;
        let t1 = d0 * a1;
        let t2 = d0 * a2 + a1 * a1;
        let t3 = d0 * a3 + d1 * a2;
        let t4 = d0 * a4 + d1 * a3 + a2 * a2;
        let t5 = d0 * a5 + d1 * a4 + d2 * a3;
        let t6 = d0 * a6 + d1 * a5 + d2 * a4 + a3 * a3;
        let t7 = d0 * a7 + d1 * a6 + d2 * a5 + d3 * a4;
        let t8 = d0 * a8 + d1 * a7 + d2 * a6 + d3 * a5 + a4 * a4;
        let t9 = d1 * a8 + d2 * a7 + d3 * a6 + d4 * a5;
        let t10 = d2 * a8 + d3 * a7 + d4 * a6 + a5 * a5;
        let t11 = d3 * a8 + d4 * a7 + d5 * a6;
        let t12 = d4 * a8 + d5 * a7 + a6 * a6;
        let t13 = d5 * a8 + d6 * a7;
        let t14 = d6 * a8 + a7 * a7;
        let t15 = d7 * a8;
        let t16 = a8 * a8;
        reduce([t0, t1, t2, t3, t4, t5, t6, t7, t8, t9, t10, t11, t12, t13, t14, t15, t16])
    }
}

/// What a round of Montgomery's reduction adds: `u·p·2^(29·i)` makes limb `i` zero, since p is -1 in its lowest 29 bits (HAC 14.32).
macro_rules! round {
    ($t0:ident, $t1:ident, $t3:ident, $t6:ident, $t7:ident, $t8:ident) => {
        let u = $t0 & MASK;
        $t1 += $t0 >> BITS;
        $t3 += u << 9;
        $t6 += u << 18;
        $t7 -= u << 21;
        $t8 += u << 24;
    };
}

/// A product of two numbers, divided by 2²⁶¹.
#[rustfmt::skip]
fn reduce(t: [i64; 17]) -> Element {
    let [t0, mut t1, mut t2, mut t3, mut t4, mut t5, mut t6, mut t7, mut t8, mut t9, mut t10, mut t11, mut t12, mut t13, mut t14, mut t15, mut t16] = t;
    round!(t0, t1, t3, t6, t7, t8);
    round!(t1, t2, t4, t7, t8, t9);
    round!(t2, t3, t5, t8, t9, t10);
    round!(t3, t4, t6, t9, t10, t11);
    round!(t4, t5, t7, t10, t11, t12);
    round!(t5, t6, t8, t11, t12, t13);
    round!(t6, t7, t9, t12, t13, t14);
    round!(t7, t8, t10, t13, t14, t15);
    round!(t8, t9, t11, t14, t15, t16);
    Element(carry([t9, t10, t11, t12, t13, t14, t15, t16, 0]))
}

fn zip(one: [i64; 9], other: [i64; 9], work: impl Fn(i64, i64) -> i64) -> [i64; 9] {
    let [a0, a1, a2, a3, a4, a5, a6, a7, a8] = one;
    let [b0, b1, b2, b3, b4, b5, b6, b7, b8] = other;
    [
        work(a0, b0),
        work(a1, b1),
        work(a2, b2),
        work(a3, b3),
        work(a4, b4),
        work(a5, b5),
        work(a6, b6),
        work(a7, b7),
        work(a8, b8),
    ]
}

/// The same number with limbs of 29 bits, but for the last one.
fn carry([a0, a1, a2, a3, a4, a5, a6, a7, a8]: [i64; 9]) -> [i64; 9] {
    let a1 = a1 + (a0 >> BITS);
    let a2 = a2 + (a1 >> BITS);
    let a3 = a3 + (a2 >> BITS);
    let a4 = a4 + (a3 >> BITS);
    let a5 = a5 + (a4 >> BITS);
    let a6 = a6 + (a5 >> BITS);
    let a7 = a7 + (a6 >> BITS);
    let a8 = a8 + (a7 >> BITS);
    [a0 & MASK, a1 & MASK, a2 & MASK, a3 & MASK, a4 & MASK, a5 & MASK, a6 & MASK, a7 & MASK, a8]
}

/// The number less so many p that it is between 0 and p, give or take p / 2²²: how many, the highest limb says, which ends at bit 256.
fn fold([a0, a1, a2, a3, a4, a5, a6, a7, a8]: [i64; 9]) -> [i64; 9] {
    let q = a8 >> 24;
    carry([a0 + q, a1, a2, a3 - (q << 9), a4, a5, a6 - (q << 18), a7 + (q << 21), a8 - (q << 24)])
}
