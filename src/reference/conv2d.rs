//! Twin of `shaders/conv2d.wgsl`: images to bands, and the bands' gradient back. What is between is conv1d's.

use crate::nn::conv2d::Conv2d;

/// The bands (N * rows, W, kernel * C) of x (N, H, W, C), without the zeros around them.
pub fn forward(shape: &Conv2d, x: &[f64]) -> Vec<f64> {
    places(shape).map(|place| place.map_or(0.0, |pixel| x[pixel])).collect()
}

/// dx (N, H, W, C) from the gradient of the bands; with `below`, x_kept and a factor, also through the ReLU that made
/// x_kept and the dropout that multiplied what it has kept by the factor.
pub fn input_gradient(shape: &Conv2d, dbands: &[f64], below: Option<(&[f64], f64)>) -> Vec<f64> {
    let mut dx = vec![0.0; shape.batch * shape.height * shape.width * shape.channels];
    for (place, gradient) in places(shape).zip(dbands) {
        if let Some(pixel) = place {
            dx[pixel] += gradient;
        }
    }
    if let Some((x_kept, scale)) = below {
        for (dx, &x) in dx.iter_mut().zip(x_kept) {
            *dx = if x > 0.0 { *dx * scale } else { 0.0 };
        }
    }
    dx
}

/// The element of the images that stands at each place of the bands, unless it lies beyond an edge.
fn places(shape: &Conv2d) -> impl Iterator<Item = Option<usize>> {
    let Conv2d { batch, height, width, channels, kernel, stride, top, rows, .. } = *shape;
    (0..batch * rows * width * kernel * channels).map(move |index| {
        let (tap, i) = (index / channels, index % channels);
        let (column, j) = (tap / kernel, tap % kernel);
        let (band, q) = (column / width, column % width);
        let (n, r) = (band / rows, band % rows);
        let p = (r * stride + j).checked_sub(top).filter(|&p| p < height)?;
        Some(((n * height + p) * width + q) * channels + i)
    })
}
