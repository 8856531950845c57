//! Randomness on the host: one seed, one independent stream a purpose.

use std::f64::consts::TAU;

use rand::Rng;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

/// What random numbers are drawn for. Two purposes never share a stream, so that drawing more for
/// one leaves the others as they were. The numbers are part of every stored seed's meaning: they never change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Which units of a class go to train, validation and test; the index is the class.
    Split = 0,
    /// The order of an epoch's windows; the index is the epoch.
    Order = 1,
    /// The cycle in which a class's windows are drawn; the index is the class.
    Balance = 2,
    /// Synthetic signals; the index is the recording.
    Synth = 4,
    /// Which bearings a figure is computed over again; the index is the resample.
    Bootstrap = 5,
    /// Which rows a tree of a random forest is fitted to; the index is the tree.
    Forest = 6,
    /// Noise added to recordings; the index is the recording, and above it the noise's colour.
    Noise = 7,
}

/// The random stream of `purpose` number `index` (below 2^56): a function of its arguments only, on
/// every platform.
pub fn stream(seed: u64, purpose: Purpose, index: u64) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream((purpose as u64) << 56 | index);
    rng
}

/// A number in [0, 1): the upper 53 of 64 random bits.
pub fn uniform(rng: &mut ChaCha8Rng) -> f64 {
    (rng.next_u64() >> 11) as f64 / (1u64 << 53) as f64
}

/// A number from the standard normal distribution (Box and Muller).
pub fn normal(rng: &mut ChaCha8Rng) -> f64 {
    let radius = libm::sqrt(-2.0 * libm::log(1.0 - uniform(rng)));
    radius * libm::cos(TAU * uniform(rng))
}
