//! The comparison of what a kernel left in a buffer with what it should have left.

/// Bits of outputs before a launch: a NaN that no kernel computes.
pub const POISON: u32 = 0x7fde_adbe;

/// What an element should be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Element {
    /// Exactly these bits: integers, and all that must stay as it was.
    Bits(u32),
    /// This value in f32, within the tolerance.
    Float(f64),
}

/// A float may differ from its expected value by `absolute + relative * |expected|`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tolerance {
    /// The part that counts near zero.
    pub absolute: f64,
    /// The part in proportion to the expected value.
    pub relative: f64,
}

/// The largest differences of floats.
#[derive(Debug, Clone, Copy, Default, PartialEq, serde::Serialize)]
pub struct Worst {
    /// As a share of the tolerance; above 1 fails.
    pub share: f64,
    /// In the unit of the values.
    pub absolute: f64,
}

/// Why a buffer is not as it should be.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Mismatch {
    /// Too few or too many elements.
    #[error("{actual} elements instead of {expected}")]
    Length {
        /// Elements there are.
        actual: usize,
        /// Elements there should be.
        expected: usize,
    },
    /// The kernel did not write an element it owns.
    #[error("element {index} was not written")]
    Unwritten {
        /// Its place in the buffer.
        index: usize,
    },
    /// Padding, a guard, an input or an integer differs.
    #[error("element {index} has the bits {actual:#010x} instead of {expected:#010x}")]
    Bits {
        /// Its place in the buffer.
        index: usize,
        /// Bits it has.
        actual: u32,
        /// Bits it should have.
        expected: u32,
    },
    /// A float is too far off, infinite or not a number.
    #[error("element {index} is {actual} instead of {expected}; {allowed:.1e} is allowed")]
    Value {
        /// Its place in the buffer.
        index: usize,
        /// The value it has.
        actual: f32,
        /// The value it should have.
        expected: f64,
        /// The largest difference allowed.
        allowed: f64,
    },
}

impl Tolerance {
    /// For values that are moved or chosen and not computed with.
    pub const EXACT: Self = Self::of(0.0);
    /// For an operation or two, correctly rounded or nearly so (f32 has 24 bits, 6e-8); zeros are exact.
    pub const ROUNDING: Self = Self { absolute: 0.0, relative: 1e-6 };
    /// For a small step added to a larger number: as rounding, but the sum may come near zero.
    pub const UPDATE: Self = Self { absolute: 1e-8, relative: 1e-6 };
    /// For a product: with operands scaled so that sums are of order 1, a sum of up to a thousand terms in f32
    /// (24 bits, 6e-8) strays by a few 1e-6 whatever its order.
    pub const PRODUCT: Self = Self::of(1e-5);
    /// For long sums, and for the errors that an LSTM's steps hand on to the next.
    pub const CHAIN: Self = Self::of(1e-4);

    /// The same number for both parts.
    const fn of(value: f64) -> Self {
        Self { absolute: value, relative: value }
    }

    fn allowed(self, expected: f64) -> f64 {
        self.absolute + self.relative * expected.abs()
    }
}

impl Worst {
    /// The larger of each.
    #[must_use]
    pub fn max(self, other: Self) -> Self {
        Self { share: self.share.max(other.share), absolute: self.absolute.max(other.absolute) }
    }
}

/// Compares the bits of a buffer with what they should be.
///
/// # Errors
/// The first element that is not as it should be.
pub fn compare(actual: &[u32], expected: &[Element], tolerance: Tolerance) -> Result<Worst, Mismatch> {
    if actual.len() != expected.len() {
        return Err(Mismatch::Length { actual: actual.len(), expected: expected.len() });
    }
    let mut worst = Worst::default();
    for (index, (&actual, &expected)) in actual.iter().zip(expected).enumerate() {
        match expected {
            Element::Bits(expected) if actual == expected => {}
            _ if actual == POISON => return Err(Mismatch::Unwritten { index }),
            Element::Bits(expected) => return Err(Mismatch::Bits { index, actual, expected }),
            Element::Float(expected) => {
                let actual = f32::from_bits(actual);
                let difference = (f64::from(actual) - expected).abs();
                let allowed = tolerance.allowed(expected);
                // Not "greater": a difference that is not a number is no difference within the tolerance.
                let within = difference <= allowed;
                if !within {
                    return Err(Mismatch::Value { index, actual, expected, allowed });
                }
                let share = if difference == 0.0 { 0.0 } else { difference / allowed };
                worst = worst.max(Worst { share, absolute: difference });
            }
        }
    }
    Ok(worst)
}
