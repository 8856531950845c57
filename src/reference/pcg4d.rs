//! The random numbers that shaders count: they are integers, and these repeat them bit for bit.

/// A value in [0, 1) with 24 random bits.
pub(super) fn uniform(word: u32) -> f64 {
    f64::from(word >> 8) / 16_777_216.0
}

/// pcg4d (Jarzynski and Olano, "Hash Functions for GPU Rendering", 2020) of (counter's low word, its high word, stream,
/// index).
pub(super) fn pcg4d(counter: u64, stream: u32, index: u32) -> [u32; 4] {
    let words = [counter as u32, (counter >> 32) as u32, stream, index];
    let mut v = words.map(|word| word.wrapping_mul(1_664_525).wrapping_add(1_013_904_223));
    for round in 0..2 {
        for (sum, a, b) in [(0, 1, 3), (1, 2, 0), (2, 0, 1), (3, 1, 2)] {
            v[sum] = v[sum].wrapping_add(v[a].wrapping_mul(v[b]));
        }
        if round == 0 {
            v = v.map(|word| word ^ (word >> 16));
        }
    }
    v
}
