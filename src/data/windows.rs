//! Windows: pieces of recordings by reference, and how their samples are scaled.

use serde::{Deserialize, Serialize};

use super::Recording;
use crate::{Error, Result};

/// A piece of a recording; its length is the model's and is kept elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Position of the recording in its list.
    pub recording: usize,
    /// First sample, at the working rate.
    pub start: usize,
    /// Position of the recording's condition in the list of classes.
    pub label: usize,
}

/// How recordings are cut into windows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cut {
    /// Samples of a window.
    pub length: usize,
    /// Samples from one window's start to the next one's.
    pub stride: usize,
    /// Windows of a recording at most, evenly spread over it; none: all.
    pub most: Option<usize>,
}

impl Cut {
    /// Windows of `length` samples, one behind the other.
    pub fn whole(length: usize) -> Self {
        Self { length, stride: length, most: None }
    }
}

/// Cuts every recording into windows; a rest shorter than a window is left out. `labels` holds one label a recording.
///
/// # Errors
/// If length or stride is zero, or a recording is shorter than a window.
pub fn cut(recordings: &[Recording], labels: &[usize], cut: &Cut) -> Result<Vec<Window>> {
    let Cut { length, stride, most } = *cut;
    if length == 0 || stride == 0 {
        return Err(Error::input(format!(
            "--window {length} and --stride {stride}: both must be at least 1 sample"
        )));
    }
    let mut windows = Vec::new();
    for (index, (recording, &label)) in recordings.iter().zip(labels).enumerate() {
        let samples = recording.signal.len();
        if samples < length {
            return Err(Error::input(format!(
                "{}: {samples} samples at {} Hz are fewer than a window of {length}: record longer, or leave it out",
                recording.name, recording.rate
            )));
        }
        let all = (samples - length) / stride + 1;
        let count = most.map_or(all, |most| most.min(all));
        let starts = (0..count).map(|window| window * all / count * stride);
        windows.extend(starts.map(|start| Window { recording: index, start, label }));
    }
    Ok(windows)
}

/// How a window's samples are scaled before the network sees them (`--scale`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scale {
    /// By mean and deviation of all training windows.
    Train,
    /// By each window's own mean and deviation.
    Window,
    /// Not at all.
    None,
}

/// A [`Scale`] with its figures: what a trained model stores and applies to every window.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Scaling {
    /// By these two, in the recordings' unit.
    Train {
        /// Mean of the training windows' samples.
        mean: f64,
        /// Standard deviation of the training windows' samples (divided by their number).
        deviation: f64,
    },
    /// By each window's own mean and deviation.
    Window,
    /// Not at all.
    None,
}

impl Scaling {
    /// The figures of `scale` over the training `windows` of `length` samples.
    pub fn fit(scale: Scale, recordings: &[Recording], windows: &[Window], length: usize) -> Self {
        match scale {
            Scale::Train => {
                let pieces = windows.iter().map(|window| samples(recordings, window, length));
                let (mean, deviation) = mean_and_deviation(pieces);
                Self::Train { mean, deviation }
            }
            Scale::Window => Self::Window,
            Scale::None => Self::None,
        }
    }

    /// (mean, 1 / deviation) of one window: the network's input is `(x - mean) * (1 / deviation)`.
    pub fn figures(&self, window: &[f32]) -> (f32, f32) {
        let (mean, deviation) = match *self {
            Self::Train { mean, deviation } => (mean, deviation),
            Self::Window => mean_and_deviation(std::iter::once(window)),
            Self::None => (0.0, 1.0),
        };
        (mean as f32, (1.0 / deviation) as f32)
    }

    /// [`Scaling::figures`] of every window of `length` samples, in order.
    pub fn all_figures(
        &self,
        recordings: &[Recording],
        windows: &[Window],
        length: usize,
    ) -> Vec<(f32, f32)> {
        windows.iter().map(|window| self.figures(samples(recordings, window, length))).collect()
    }
}

/// The samples of one window.
pub fn samples<'a>(recordings: &'a [Recording], window: &Window, length: usize) -> &'a [f32] {
    &recordings[window.recording].signal[window.start..window.start + length]
}

/// Mean and population deviation in f64, in two passes so that a large offset costs no digits.
///
/// A deviation of no more than the samples' own rounding is that of silence (a sensor without a signal, or
/// an offset alone): it counts as 1, so that silence stays silence instead of becoming amplified noise.
fn mean_and_deviation<'a>(pieces: impl Iterator<Item = &'a [f32]> + Clone) -> (f64, f64) {
    let samples = || pieces.clone().flatten().map(|&x| f64::from(x));
    let count = samples().count().max(1) as f64;
    let mean = samples().sum::<f64>() / count;
    let deviation = (samples().map(|x| (x - mean) * (x - mean)).sum::<f64>() / count).sqrt();
    let silent =
        deviation <= mean.abs() * f64::from(f32::EPSILON) || deviation < f64::from(f32::MIN_POSITIVE);
    (mean, if silent { 1.0 } else { deviation })
}
