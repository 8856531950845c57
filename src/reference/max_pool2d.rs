//! Twin of `shaders/max_pool2d.wgsl`.

use super::max_pool1d::{maxima, spread};
use crate::nn::max_pool2d::MaxPool2d;

/// For each output element in order: the input elements of its window, row after row.
fn windows(shape: &MaxPool2d) -> impl Iterator<Item = Vec<usize>> {
    let MaxPool2d { batch, height, width, channels, size: [down, across] } = *shape;
    let [rows, columns] = shape.pooled();
    (0..batch * rows * columns * channels).map(move |index| {
        let (window, c) = (index / channels, index % channels);
        let (row, s) = (window / columns, window % columns);
        let (n, r) = (row / rows, row % rows);
        let pixel = |j, k| ((n * height + r * down + j) * width + s * across + k) * channels + c;
        (0..down).flat_map(|j| (0..across).map(move |k| pixel(j, k))).collect()
    })
}

/// y (N, H / down, W / across, C), and the place in its window of the first element that attains each maximum.
pub fn forward(shape: &MaxPool2d, x: &[f64]) -> (Vec<f64>, Vec<u32>) {
    maxima(windows(shape), x)
}

/// dx: dy where the maximum stood, 0 elsewhere; with `relu` also 0 where y is not positive.
pub fn backward(
    shape: &MaxPool2d,
    y_kept: &[f64],
    position_kept: &[u32],
    dy: &[f64],
    relu: bool,
) -> Vec<f64> {
    let elements = shape.batch * shape.height * shape.width * shape.channels;
    spread(windows(shape), elements, (y_kept, position_kept), dy, relu)
}
