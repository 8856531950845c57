//! Twin of `shaders/gather.wgsl`.

use super::pcg4d::{pcg4d, uniform};

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

/// How a window may be augmented.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Play {
    /// Samples by which it may move back.
    pub back: u16,
    /// Samples by which it may move on.
    pub on: u16,
    /// RMS that noise is relative to.
    pub rms: f32,
}

/// The augmentation of a training step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Augmented<'a> {
    /// Counter of the random streams.
    pub counter: u64,
    /// Factors are uniform within 1 -+ this.
    pub gain: f64,
    /// Deviation of the noise in units of a window's RMS.
    pub noise: f64,
    /// One a window.
    pub plays: &'a [Play],
}

/// x (batch, length) and labels (batch): window `order[first + r]` in row r for r < `rows`, zeros in the others.
/// With `augmented`, moved, noisy and scaled.
pub fn forward(
    (first, rows): (usize, usize),
    (batch, length): (usize, usize),
    signal: &[Vec<f64>],
    windows: &[Window],
    order: &[u32],
    augmented: Option<&Augmented<'_>>,
) -> (Vec<f64>, Vec<u32>) {
    let (mut x, mut labels) = (vec![0.0; batch * length], vec![0; batch]);
    for row in 0..rows {
        let number = order[first + row] as usize;
        let window = windows[number];
        let part = &signal[usize::from(window.part)];
        let (start, gain) = match augmented {
            None => (window.start as usize, 1.0),
            Some(augmented) => augmented.place_and_gain(window.start as usize, number, row as u32),
        };
        for t in 0..length {
            let index = row * length + t;
            let noise = augmented.map_or(0.0, |augmented| augmented.noise_at(number, index as u32));
            let value = (part[start + t] - f64::from(window.mean)) * f64::from(window.scale);
            x[index] = gain * (value + noise);
        }
        labels[row] = u32::from(window.label);
    }
    (x, labels)
}

impl Augmented<'_> {
    /// Where window `number`, from `start` on, is read in this row, and what it is multiplied by.
    fn place_and_gain(&self, start: usize, number: usize, row: u32) -> (usize, f64) {
        let [first, second, ..] = pcg4d(self.counter, ROW_STREAM, row);
        let Play { back, on, .. } = self.plays[number];
        let places = usize::from(back) + usize::from(on) + 1;
        let moved = ((second >> 16) as usize * places) >> 16;
        (start - usize::from(back) + moved, 1.0 + self.gain * (2.0 * uniform(first) - 1.0))
    }

    /// The noise of an element of x, by Box and Muller ("A Note on the Generation of Random Normal Deviates", 1958).
    fn noise_at(&self, number: usize, index: u32) -> f64 {
        let [first, second, ..] = pcg4d(self.counter, NOISE_STREAM, index);
        let radius = (-2.0 * (1.0 - uniform(first)).ln()).sqrt();
        let z = radius * (std::f64::consts::TAU * (uniform(second) - 0.5)).cos();
        self.noise * f64::from(self.plays[number].rms) * z
    }
}

/// The streams, which no dropout layer has.
const ROW_STREAM: u32 = u32::MAX;
const NOISE_STREAM: u32 = u32::MAX - 1;
