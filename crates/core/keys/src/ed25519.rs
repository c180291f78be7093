//! Ed25519 verification: one rule, the same for one signature and for many at once.
//!
//! A signature (R, s) of a message M by a key A is valid where
//!
//! - A and R are canonical encodings of points that are not of small order, and s is below the group
//!   order: one signature has one encoding;
//! - `[8]([s]B − R − [k]A)` is the identity, with `k = SHA-512(R ‖ A ‖ M)` (RFC 8032 §5.1.7, the
//!   equation with the cofactor).
//!
//! Without the cofactor many signatures can't be checked at once with the same answer: whoever signs can
//! add to R a point of order 8, which a random combination sees sometimes only. With it both agree,
//! whatever was crafted, except with a probability of 2⁻¹²⁸. Of honest signatures none differs.

use crate::{
    library::Sha512,
    public::{Signature, SignatureInvalid},
};
use curve25519_dalek::{
    EdwardsPoint, Scalar,
    constants::{ED25519_BASEPOINT_POINT, EIGHT_TORSION},
    edwards::{CompressedEdwardsY, VartimeEdwardsPrecomputation},
    traits::VartimePrecomputedMultiscalarMul,
};
use std::sync::{Arc, LazyLock};

/// A public key: the encoding and the point, both known to be in order.
#[derive(Clone)]
pub(crate) struct Key {
    bytes: [u8; 32],
    point: EdwardsPoint,
    /// Multiples of the base point and of this one, 20 KiB.
    table: Option<Arc<VartimeEdwardsPrecomputation>>,
}

impl Key {
    /// Reads a key; `None` where it is no point, another encoding of one, or of small order.
    pub(crate) fn read(bytes: &[u8; 32]) -> Option<Self> {
        point(bytes).map(|point| Self { bytes: *bytes, point, table: None })
    }

    /// The same key with a table of its multiples. (With an `EdwardsBasepointTable` a verification takes as
    /// long, and making one 25 times as long as a verification: each of its 256 points costs an inversion.)
    pub(crate) fn prepared(&self) -> Self {
        let make = || Arc::new(VartimeEdwardsPrecomputation::new([ED25519_BASEPOINT_POINT, self.point]));
        Self { table: Some(self.table.clone().unwrap_or_else(make)), ..self.clone() }
    }

    pub(crate) fn as_bytes(&self) -> &[u8; 32] {
        &self.bytes
    }
}

/// A point of large order in its canonical encoding.
fn point(bytes: &[u8; 32]) -> Option<EdwardsPoint> {
    if !is_canonical(bytes) || SMALL.contains(&without_sign(*bytes)) {
        return None;
    }
    CompressedEdwardsY(*bytes).decompress()
}

/// The y of the eight points of small order, of which pairs differ in the sign of x only. Where x is 0,
/// and both signs would be read, the order is small as well.
static SMALL: LazyLock<[[u8; 32]; 8]> =
    LazyLock::new(|| EIGHT_TORSION.map(|point| without_sign(point.compress().to_bytes())));

/// An encoding without the sign of x, its highest bit (RFC 8032 §5.1.2).
fn without_sign(mut bytes: [u8; 32]) -> [u8; 32] {
    let [.., last] = &mut bytes;
    *last &= 0x7f;
    bytes
}

/// Whether y is below 2^255 − 19: the nineteen encodings above it name a point a second time.
fn is_canonical(bytes: &[u8; 32]) -> bool {
    let [low, middle @ .., high] = bytes;
    *low < 0xed || high & 0x7f != 0x7f || middle.iter().any(|byte| *byte != 0xff)
}

/// The terms of one equation.
struct Equation<'k> {
    r: EdwardsPoint,
    s: Scalar,
    k: Scalar,
    key: &'k Key,
}

impl<'k> Equation<'k> {
    fn read(key: &'k Key, message: &[u8], signature: &Signature) -> Option<Self> {
        let (r_bytes, s_bytes) = signature.split_first_chunk::<32>()?;
        let s = Option::from(Scalar::from_canonical_bytes(*s_bytes.first_chunk::<32>()?))?;
        let r = point(r_bytes)?;
        let mut hash = Sha512::new();
        hash.update(r_bytes);
        hash.update(&key.bytes);
        hash.update(message);
        let k = Scalar::from_bytes_mod_order_wide(&hash.finish());
        Some(Self { r, s, k, key })
    }

    fn holds(&self) -> bool {
        let expected = match &self.key.table {
            Some(table) => table.vartime_multiscalar_mul([self.s, -self.k]),
            None => EdwardsPoint::vartime_double_scalar_mul_basepoint(&self.k, &-self.key.point, &self.s),
        };
        // Of small order is what eight times itself is the identity.
        (expected - self.r).is_small_order()
    }
}

/// Verifies one signature.
pub(crate) fn verify(key: &Key, message: &[u8], signature: &Signature) -> Result<(), SignatureInvalid> {
    match Equation::read(key, message, signature) {
        Some(equation) if equation.holds() => Ok(()),
        _ => Err(SignatureInvalid),
    }
}

/// A signature to be verified with others.
#[derive(Clone, Copy)]
pub(crate) struct Signed<'a> {
    pub(crate) key: &'a Key,
    pub(crate) message: &'a [u8],
    pub(crate) signature: &'a Signature,
}

/// Multiples of the base point, made once: 64 points, 8 KiB.
static BASE: LazyLock<VartimeEdwardsPrecomputation> =
    LazyLock::new(|| VartimeEdwardsPrecomputation::new([ED25519_BASEPOINT_POINT]));

/// Verifies many signatures as one equation: the sum of all, each times a coefficient that nobody can
/// choose. Where it does not hold, each is verified by itself; gives the index of the first that fails.
pub(crate) fn verify_all(all: &[Signed<'_>]) -> Result<(), usize> {
    let mut equations = Vec::with_capacity(all.len());
    for (index, one) in all.iter().enumerate() {
        match Equation::read(one.key, one.message, one.signature) {
            Some(equation) => equations.push(equation),
            // Those before it may fail, too, and come first.
            None => return Err(first_failing(&equations).unwrap_or(index)),
        }
    }
    match equations.as_slice() {
        [] => Ok(()),
        [one] if one.holds() => Ok(()),
        many if many.len() > 1 && sum_holds(many, all) => Ok(()),
        _ => first_failing(&equations).map_or(Ok(()), Err),
    }
}

fn first_failing(equations: &[Equation<'_>]) -> Option<usize> {
    equations.iter().position(|equation| !equation.holds())
}

/// Whether `[8](Σ zᵢ([sᵢ]B − Rᵢ − [kᵢ]Aᵢ))` is the identity.
fn sum_holds(equations: &[Equation<'_>], all: &[Signed<'_>]) -> bool {
    let coefficients = coefficients(equations, all);
    let mut base = Scalar::ZERO;
    let mut scalars = Vec::with_capacity(2 * equations.len());
    let mut points = Vec::with_capacity(2 * equations.len());
    for (equation, z) in equations.iter().zip(&coefficients) {
        base += z * equation.s;
        scalars.extend([*z, z * equation.k]);
        points.extend([Some(-equation.r), Some(-equation.key.point)]);
    }
    let sum = BASE.optional_mixed_multiscalar_mul([base], scalars, points);
    sum.is_some_and(|sum| sum.is_small_order())
}

/// 128-bit coefficients from a hash over all that is verified: nobody can know one before everything is
/// fixed, and the same signatures always get the same ones. The first is 1.
///
/// Each kᵢ stands for Rᵢ, Aᵢ and the message, of which it is a hash.
fn coefficients(equations: &[Equation<'_>], all: &[Signed<'_>]) -> Vec<Scalar> {
    let mut seed = Sha512::new();
    seed.update(b"legation ed25519 batch v1");
    for (equation, one) in equations.iter().zip(all) {
        seed.update(equation.k.as_bytes());
        seed.update(one.signature);
        seed.update(&one.key.bytes);
    }
    let seed = seed.finish();
    let coefficient = |index: usize| {
        let mut hash = Sha512::new();
        hash.update(&seed);
        hash.update(&u64::try_from(index).unwrap_or(u64::MAX).to_le_bytes());
        let mut bytes = [0; 32];
        for (to, from) in bytes.iter_mut().zip(hash.finish().iter().take(16)) {
            *to = *from;
        }
        Scalar::from_bytes_mod_order(bytes)
    };
    (0..equations.len()).map(|index| if index == 0 { Scalar::ONE } else { coefficient(index) }).collect()
}
