//! ES256 signatures, verified in variable time. The library adds points by formulas that hold for any two, as secrets need it; here all is public, so
//! that the cheaper ones of Jacobian coordinates do, with their exceptions looked at, over numbers as WebAssembly multiplies them best ([`field`]). Keys,
//! scalars and inverses are the library's. `tests/vectors/p256.rs` holds it to Wycheproof and to the library.

#[path = "field.rs"]
pub(crate) mod field;

use field::Element;
use p256::{
    AffinePoint, FieldBytes, NistP256, Scalar,
    ecdsa::{Signature, VerifyingKey},
    elliptic_curve::{
        ff::PrimeField as _,
        hazmat::FieldArithmetic,
        ops::{Invert as _, Reduce},
    },
};
use std::sync::OnceLock;

/// How many bits a digit takes of the scalar before the base point, whose table is made once.
const BASE_WIDTH: usize = 7;
/// And of the one before the key.
const KEY_WIDTH: usize = 5;
/// Digits of a scalar: one more than it has bits, for the last carry.
const DIGITS: usize = 257;

/// Whether the signature (R‖S) is the key's over what has this digest (FIPS 186-5 §6.4.2).
pub(crate) fn verifies(key: &VerifyingKey, digest: &[u8; 32], signature: &[u8; 64]) -> bool {
    // R and S from 1 to n-1.
    let Ok(signature) = Signature::from_slice(signature) else { return false };
    let Some((x, y)) = coordinates(key) else { return false };
    let (r, s) = signature.split_scalars();
    let s_inverse = *s.invert_vartime();
    let hash = <Scalar as Reduce<FieldBytes>>::reduce(&FieldBytes::from(*digest));
    let base = digits(&(hash * s_inverse), BASE_WIDTH);
    let own = digits(&(*r * s_inverse), KEY_WIDTH);
    let table = odd_multiples(x, y, KEY_WIDTH);
    let mut sum = NEUTRAL;
    for (base, own) in base.iter().zip(own.iter()).rev() {
        sum = sum.double().add_digit(base_table(), *base).add_digit(&table, *own);
    }
    let Some(z_inverse) = inverse(&sum.z) else { return false };
    let x = sum.x.multiply(&z_inverse.square());
    <Scalar as Reduce<FieldBytes>>::reduce(&FieldBytes::from(x.to_bytes())) == *r
}

/// The inverse of a number that is not zero.
fn inverse(number: &Element) -> Option<Element> {
    let bytes = FieldBytes::from(number.to_bytes());
    let number = <NistP256 as FieldArithmetic>::FieldElement::from_bytes(&bytes).into_option()?;
    Some(Element::from_bytes(&number.invert_vartime().into_option()?.to_bytes().into()))
}

/// x and y of a key.
fn coordinates(key: &VerifyingKey) -> Option<(Element, Element)> {
    let point = key.to_sec1_point(false);
    let (x, y) = point.as_bytes().last_chunk::<64>()?.split_first_chunk::<32>()?;
    Some((Element::from_bytes(x), Element::from_bytes(y.first_chunk::<32>()?)))
}

/// A point: x = X/Z², y = Y/Z³; the neutral one has Z = 0.
#[derive(Clone, Copy)]
struct Point {
    x: Element,
    y: Element,
    z: Element,
}

const NEUTRAL: Point = Point { x: Element::ONE, y: Element::ONE, z: Element::ZERO };

/// A point of a table, which is never the neutral one: Z, Z² and Z³ are there unless Z = 1.
#[derive(Clone, Copy)]
struct Entry {
    x: Element,
    y: Element,
    z: Option<(Element, Element, Element)>,
}

impl Point {
    /// Twice the point, by `dbl-2001-b` of the Explicit-Formulas Database for a = -3. No point has order 2, and the neutral one stays it.
    fn double(self) -> Self {
        let delta = self.z.square();
        let y_twice = self.y.double();
        // 2·gamma and 4·beta of the database: so the fewest sums are left.
        let gamma = self.y.multiply(&y_twice);
        let beta = self.x.multiply(&gamma.double());
        let third = self.x.sub(&delta).multiply(&self.x.add(&delta));
        let alpha = third.double().add(&third);
        let x = alpha.square().sub(&beta.double());
        let y = alpha.multiply(&beta.sub(&x)).sub(&gamma.square().double());
        Self { x, y, z: y_twice.multiply(&self.z) }
    }

    /// The sum, by `add-1998-cmo-2`, or `madd` where the other's Z is 1.
    fn add(self, other: &Entry) -> Self {
        if self.z.is_zero() {
            return other.point();
        }
        let square = self.z.square();
        let (x, y) = match &other.z {
            None => (self.x, self.y),
            Some((_, square, cube)) => (self.x.multiply(square), self.y.multiply(cube)),
        };
        let h = other.x.multiply(&square).sub(&x);
        let r = other.y.multiply(&self.z.multiply(&square)).sub(&y);
        if h.is_zero() {
            // The same point, or its negative.
            return if r.is_zero() { self.double() } else { NEUTRAL };
        }
        let h_square = h.square();
        let h_cube = h.multiply(&h_square);
        let v = x.multiply(&h_square);
        let x_sum = r.square().sub(&h_cube).sub(&v.double());
        let y_sum = r.multiply(&v.sub(&x_sum)).sub(&y.multiply(&h_cube));
        let z = self.z.multiply(&h);
        Self { x: x_sum, y: y_sum, z: other.z.map_or(z, |(other, ..)| z.multiply(&other)) }
    }

    fn add_digit(self, table: &[Entry], digit: i8) -> Self {
        let Some(entry) = table.get(usize::from(digit.unsigned_abs() / 2)) else { return self };
        match digit {
            0 => self,
            1.. => self.add(entry),
            _ => self.add(&Entry { y: entry.y.neg(), ..*entry }),
        }
    }

    fn entry(self) -> Entry {
        let square = self.z.square();
        Entry { x: self.x, y: self.y, z: Some((self.z, square, self.z.multiply(&square))) }
    }

    /// The same with Z = 1. It costs an inversion.
    fn affine(self) -> Option<Entry> {
        let inverse = inverse(&self.z)?;
        let square = inverse.square();
        let y = self.y.multiply(&square.multiply(&inverse));
        Some(Entry { x: self.x.multiply(&square), y, z: None })
    }
}

impl Entry {
    fn point(&self) -> Point {
        Point { x: self.x, y: self.y, z: self.z.map_or(Element::ONE, |(z, ..)| z) }
    }
}

/// P, 3P, 5P… for digits of `width` bits.
fn odd_multiples(x: Element, y: Element, width: usize) -> Vec<Entry> {
    let one = Point { x, y, z: Element::ONE };
    let twice = one.double().entry();
    let mut table = vec![Entry { x, y, z: None }];
    let mut last = one;
    for _ in 1..1 << (width - 2) {
        last = last.add(&twice);
        table.push(last.entry());
    }
    table
}

fn base_table() -> &'static [Entry] {
    static TABLE: OnceLock<Vec<Entry>> = OnceLock::new();
    TABLE.get_or_init(|| {
        let Some((x, y)) =
            VerifyingKey::from_affine(AffinePoint::GENERATOR).ok().as_ref().and_then(coordinates)
        else {
            return Vec::new();
        };
        let table = odd_multiples(x, y, BASE_WIDTH);
        table.iter().map(|entry| entry.point().affine().unwrap_or(*entry)).collect()
    })
}

/// The scalar in digits, each zero or odd, of magnitude below 2^(width-1), of `width` in a row at most one that is not zero.
fn digits(scalar: &Scalar, width: usize) -> [i8; DIGITS] {
    let bytes = scalar.to_repr();
    let bit = |at: usize| {
        bytes.get(31_usize.wrapping_sub(at / 8)).map_or(0, |byte| i16::from(byte >> (at % 8) & 1))
    };
    let mut digits = [0; DIGITS];
    let (mut at, mut carry) = (0, 0);
    while at < DIGITS {
        if bit(at) == carry {
            at += 1;
            continue;
        }
        let word = carry + (0..width).map(|index| bit(at + index) << index).sum::<i16>();
        carry = word >> (width - 1) & 1;
        if let (Some(digit), Ok(word)) = (digits.get_mut(at), i8::try_from(word - (carry << width))) {
            *digit = word;
        }
        at += width;
    }
    digits
}
