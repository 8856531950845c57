//! Twin of `shaders/relu.wgsl`.

/// y = max(x, 0).
pub fn forward(x: &[f64]) -> Vec<f64> {
    x.iter().map(|x| x.max(0.0)).collect()
}

/// dx = dy where y is positive, otherwise 0.
pub fn backward(y_kept: &[f64], dy: &[f64]) -> Vec<f64> {
    y_kept.iter().zip(dy).map(|(&y, &dy)| if y > 0.0 { dy } else { 0.0 }).collect()
}
