//! Twin of `shaders/average_pool1d.wgsl`.

pub use super::max_pool1d::Pool;

/// y (N, L / size, C): the mean of each window.
pub fn forward(shape: &Pool, x: &[f64]) -> Vec<f64> {
    shape.windows().map(|(_, window)| window.iter().map(|&i| x[i]).sum::<f64>() / shape.size as f64).collect()
}

/// dx: an equal share of dy for each step of its window, 0 in the dropped tail.
pub fn backward(shape: &Pool, dy: &[f64]) -> Vec<f64> {
    let mut dx = vec![0.0; shape.batch * shape.length * shape.channels];
    for (index, window) in shape.windows() {
        for i in window {
            dx[i] = dy[index] / shape.size as f64;
        }
    }
    dx
}
