//! How often the samples that decide come back. A fault strikes at a frequency of its own, and a network that has learned
//! the strikes looks at them: the envelope of its attributions then swings at that frequency more than that of the signal.
//! That it swings there at all says nothing, since an attribution is the signal times a slope: with the same slope
//! everywhere it has the signal's own spectrum.

use serde::Serialize;

use super::attribution::{Attribution, Target, attribute};
use crate::Result;
use crate::data::Recording;
use crate::gpu::Gpu;
use crate::nn::Checkpoint;
use crate::physics::envelope::{Spectrum, squared_envelope};

/// Windows in a row that are looked at, where the recording has them.
const WINDOWS: usize = 32;
/// Of fewer, what repeats from window to window is too much of the spectrum.
const LEAST_WINDOWS: usize = 16;
/// Steps from the baseline to a window. So few may miss the margin by a half where a model changes its mind close to the
/// baseline; that moves all samples of a window by about the same share, and their rhythm little.
const STEPS: usize = 64;
/// Highest frequency of the spectra in Hz, where the rate allows it: about five times as often as a race of a bearing of
/// this size is struck.
const HIGHEST_HZ: f64 = 1000.0;

/// The envelope spectrum of the attributions of windows in a row, and that of the signal in the same windows.
///
/// What repeats from window to window is taken off both: a network looks more at some places of a window than at others,
/// whatever the signal, and that is a line at each multiple of the windows' own frequency, `rate / length`. So nothing is
/// left of what the signal itself has there.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Rhythm {
    /// First sample of the first window, at the model's rate.
    pub start: usize,
    /// Number of windows.
    pub windows: usize,
    /// Their length in seconds, all together.
    pub seconds: f64,
    /// Of the attributions.
    pub attribution: Spectrum,
    /// Of the signal.
    pub signal: Spectrum,
}

/// Explains windows of `recording`, which is at the model's rate, in a row around that of `target` by the same classes,
/// whether they were learned from or not; none where the recording is too short to show how often something comes back.
///
/// # Errors
/// As [`attribute`].
pub fn rhythm(
    gpu: &Gpu,
    checkpoint: &Checkpoint,
    recording: &Recording,
    target: Target,
) -> Result<Option<Rhythm>> {
    let length = checkpoint.model.window;
    let before = target.start / length;
    let all = before + (recording.signal.len() - target.start) / length;
    let windows = all.min(WINDOWS);
    if windows < LEAST_WINDOWS {
        return Ok(None);
    }
    let first = before.saturating_sub(windows / 2).min(all - windows);
    let start = target.start - before * length + first * length;
    let targets: Vec<Target> =
        (0..windows).map(|window| Target { start: start + window * length, ..target }).collect();
    let attributions: Vec<f32> = (attribute(gpu, checkpoint, recording, &targets, STEPS)?.into_iter())
        .flat_map(|Attribution { attributions, .. }| attributions)
        .collect();
    let signal = &recording.signal[start..][..attributions.len()];
    Ok(Some(Rhythm::of(start, length, &attributions, signal, recording.rate)))
}

impl Rhythm {
    /// Of the `attributions` of windows of `length` samples in a row, from sample `start` of a recording on, and of its
    /// `signal` there, sampled at `rate` Hz.
    ///
    /// # Panics
    /// If both are not as long, or that is no whole number of windows.
    pub fn of(start: usize, length: usize, attributions: &[f32], signal: &[f32], rate: f64) -> Self {
        assert_eq!(attributions.len(), signal.len(), "an attribution a sample");
        assert_eq!(signal.len() % length, 0, "whole windows");
        let limit = HIGHEST_HZ.min(rate / 4.0);
        let spectrum = |samples: &[f32]| Spectrum::of(swing(samples, length), rate, limit);
        Self {
            start,
            windows: signal.len() / length,
            seconds: signal.len() as f64 / rate,
            attribution: spectrum(attributions),
            signal: spectrum(signal),
        }
    }
}

/// The squared envelope of windows of `length` samples in a row as a share of its mean, less what it is at the same place
/// of the windows in the mean.
fn swing(signal: &[f32], length: usize) -> Vec<f64> {
    let squared = squared_envelope(signal);
    let mean = squared.iter().sum::<f64>() / squared.len() as f64;
    if mean == 0.0 {
        return squared;
    }
    let windows = (squared.len() / length) as f64;
    let of_place: Vec<f64> =
        (0..length).map(|place| squared.iter().skip(place).step_by(length).sum::<f64>() / windows).collect();
    squared.iter().enumerate().map(|(at, e)| (e - of_place[at % length]) / mean).collect()
}
