//! Twin of `shaders/gather.wgsl`.

/// One window of a recording.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Window {
    /// First sample, counted in its part of the signal.
    pub start: u32,
    /// The part of the signal.
    pub part: u16,
    /// The class.
    pub label: u16,
    /// Subtracted from every sample.
    pub mean: f32,
    /// Multiplies the difference.
    pub scale: f32,
}

/// x (batch, length) and labels (batch): window `order[first + r]` in row r for r < `rows`, zeros in the others.
pub fn forward(
    (first, rows): (usize, usize),
    (batch, length): (usize, usize),
    signal: &[Vec<f64>],
    windows: &[Window],
    order: &[u32],
) -> (Vec<f64>, Vec<u32>) {
    let (mut x, mut labels) = (vec![0.0; batch * length], vec![0; batch]);
    for row in 0..rows {
        let window = windows[order[first + row] as usize];
        let part = &signal[usize::from(window.part)];
        for t in 0..length {
            x[row * length + t] =
                (part[window.start as usize + t] - f64::from(window.mean)) * f64::from(window.scale);
        }
        labels[row] = u32::from(window.label);
    }
    (x, labels)
}
