//! Twin of `shaders/gradient_norm.wgsl`.

/// The sum of squares of every `owners`-th gradient, an owner each.
pub fn squares(g: &[f64], owners: usize) -> Vec<f64> {
    (0..owners).map(|owner| g.iter().skip(owner).step_by(owners).map(|g| g * g).sum()).collect()
}

/// The factor that clips the gradients to a norm of `limit`, and their norm.
pub fn scale(squares: &[f64], limit: f64) -> [f64; 2] {
    let norm = squares.iter().sum::<f64>().sqrt();
    [(limit / (norm + 1e-6)).min(1.0), norm]
}
