//! Twin of `shaders/max_pool1d.wgsl`.

/// The sizes of a pooling layer; an incomplete last window is dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pool {
    /// Sequences, N.
    pub batch: usize,
    /// Input steps, L.
    pub length: usize,
    /// Channels, C.
    pub channels: usize,
    /// Steps of a window.
    pub size: usize,
}

impl Pool {
    /// Output steps.
    pub fn pooled(&self) -> usize {
        self.length / self.size
    }

    /// For each output element in order: its index, and the input elements of its window.
    pub(super) fn windows(self) -> impl Iterator<Item = (usize, Vec<usize>)> {
        let Self { batch, length, channels, size } = self;
        (0..batch * self.pooled() * channels).map(move |index| {
            let (row, c) = (index / channels, index % channels);
            let (n, t) = (row / (length / size), row % (length / size));
            (index, (0..size).map(|j| (n * length + t * size + j) * channels + c).collect())
        })
    }
}

/// y (N, L / size, C), and the place in its window of the first element that attains each maximum.
pub fn forward(shape: &Pool, x: &[f64]) -> (Vec<f64>, Vec<u32>) {
    maxima(shape.windows().map(|(_, window)| window), x)
}

/// dx: dy where the maximum stood, 0 elsewhere; with `relu` also 0 where y is not positive.
pub fn backward(shape: &Pool, y_kept: &[f64], position_kept: &[u32], dy: &[f64], relu: bool) -> Vec<f64> {
    let elements = shape.batch * shape.length * shape.channels;
    spread(shape.windows().map(|(_, window)| window), elements, (y_kept, position_kept), dy, relu)
}

/// Of each window of elements of `x`: its maximum, and the place in it of the first element that attains that.
pub(super) fn maxima(windows: impl Iterator<Item = Vec<usize>>, x: &[f64]) -> (Vec<f64>, Vec<u32>) {
    windows
        .map(|window| {
            let mut at = 0;
            for j in 1..window.len() {
                if x[window[j]] > x[window[at]] {
                    at = j;
                }
            }
            (x[window[at]], at as u32)
        })
        .unzip()
}

/// The gradient of `elements` elements of x from `dy`, one a window; `kept` are the maxima and their places.
pub(super) fn spread(
    windows: impl Iterator<Item = Vec<usize>>,
    elements: usize,
    (y_kept, position_kept): (&[f64], &[u32]),
    dy: &[f64],
    relu: bool,
) -> Vec<f64> {
    let mut dx = vec![0.0; elements];
    for (index, window) in windows.enumerate() {
        if !relu || y_kept[index] > 0.0 {
            dx[window[position_kept[index] as usize]] = dy[index];
        }
    }
    dx
}
