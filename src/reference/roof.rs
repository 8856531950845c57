//! Twin of `shaders/roof.wgsl`.

/// y = x.
pub fn copy(x: &[f64]) -> Vec<f64> {
    x.to_vec()
}

/// Each y is the sum of twelve chains that start at x + 0, 1, ... 11 and take `4 * rounds` steps a = m a + c.
pub fn multiply_add(rounds: usize, (m, c): (f64, f64), x: &[f64]) -> Vec<f64> {
    let chain = |first: f64| (0..4 * rounds).fold(first, |a, _| m * a + c);
    x.iter().map(|x| (0..12).map(|j| chain(x + f64::from(j))).sum()).collect()
}
