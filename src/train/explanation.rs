//! What decided about a recording: the samples of one of its windows, and how often such samples come back.

use serde::Serialize;

use super::attribution::{Attribution, Target, attribute, rivals};
use super::predict::Prediction;
use super::rhythm::{Rhythm, rhythm};
use crate::data::Recording;
use crate::gpu::Gpu;
use crate::nn::Checkpoint;
use crate::{Error, Result};

/// Why a window of a recording is taken for what it is taken for.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Explanation {
    /// The window's number, from 1.
    pub window: usize,
    /// Number of windows of the recording.
    pub windows: usize,
    /// What each of its samples adds.
    #[serde(flatten)]
    pub attribution: Attribution,
    /// How often such samples come back in the windows around it; none of a short recording.
    pub rhythm: Option<Rhythm>,
}

/// Explains window number `window`, from 1, of `recording`, which is at the model's rate and for which `prediction` was
/// made: why its most probable class leads over the next one. `steps` as [`attribute`] takes them.
///
/// # Errors
/// The recording has no such window, or as [`attribute`].
pub fn explain(
    gpu: &Gpu,
    checkpoint: &Checkpoint,
    recording: &Recording,
    prediction: &Prediction,
    window: usize,
    steps: usize,
) -> Result<Explanation> {
    let windows = prediction.windows.len();
    let Some(of_window) = window.checked_sub(1).and_then(|index| prediction.windows.get(index)) else {
        return Err(Error::input(format!(
            "--window {window}: {} has windows 1 to {windows}",
            recording.name
        )));
    };
    let (class, rival) = rivals(&of_window.probabilities);
    let target = Target { start: of_window.start, class, rival };
    let attribution = attribute(gpu, checkpoint, recording, &[target], steps)?.remove(0);
    let rhythm = rhythm(gpu, checkpoint, recording, target)?;
    Ok(Explanation { window, windows, attribution, rhythm })
}
