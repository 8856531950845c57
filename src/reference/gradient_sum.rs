//! Twin of `shaders/gradient_sum.wgsl`.

/// The sum over the owners of one tensor: element i of each stands `stride` after that of the one before.
pub fn sum(partial: &[f64], len: usize, splits: usize, stride: usize) -> Vec<f64> {
    (0..len).map(|i| (0..splits).map(|split| partial[split * stride + i]).sum()).collect()
}
