//! What a model takes recordings for.

use serde::Serialize;

use super::classified::{Classified, unlabelled};
use super::metrics::unknown::threshold;
use crate::data::Recording;
use crate::data::windows::{Cut, Window};
use crate::gpu::Gpu;
use crate::nn::Checkpoint;
use crate::{Error, Result};

/// What a recording was taken for.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Prediction {
    /// The recording's name.
    pub recording: String,
    /// The class that was decided for: that with the highest mean log-probability over the windows, see
    /// [`super::metrics::Scored::by_recording`]. None where the recording is less familiar than the caller's least:
    /// unknown.
    pub condition: Option<String>,
    /// The same class, whether the recording is familiar or not.
    pub nearest: String,
    /// Its probability, 0 to 1, from the windows' at the checkpoint's temperature. Without one it is not calibrated: not
    /// the probability of being right.
    pub confidence: f64,
    /// Share of windows that were taken for it, 0 to 1.
    pub share: f64,
    /// Mean over the windows of the log-sum-exp of the scores, see [`super::metrics::unknown::by_recording`].
    pub familiarity: f64,
    /// Every window.
    pub windows: Vec<WindowPrediction>,
}

/// What a window was taken for.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct WindowPrediction {
    /// First sample, at the model's rate.
    pub start: usize,
    /// The same in seconds.
    pub seconds: f64,
    /// The class with the highest probability.
    pub condition: String,
    /// Probability of each class, at the checkpoint's temperature.
    pub probabilities: Vec<f32>,
}

/// Classifies `recordings`, which are at the model's rate, window by window, one window behind the other. A recording
/// that is less familiar than `least` is unknown; without one, none is.
///
/// # Errors
/// A recording shorter than a window, or a device that fails.
pub fn predict(
    gpu: &Gpu,
    checkpoint: &Checkpoint,
    recordings: &[Recording],
    least: Option<f64>,
) -> Result<Vec<Prediction>> {
    let windows = unlabelled(recordings, &Cut::whole(checkpoint.model.window))?;
    let classified = Classified::by(gpu, checkpoint, recordings, &windows)?;
    Ok(taken_for(checkpoint, recordings, &windows, &classified, least))
}

/// What `recordings`, each of which has one of the `windows`, are taken for by what the model makes of these.
pub(super) fn taken_for(
    checkpoint: &Checkpoint,
    recordings: &[Recording],
    windows: &[Window],
    classified: &Classified,
    least: Option<f64>,
) -> Vec<Prediction> {
    let classes = &checkpoint.classes;
    let scored = classified.calibrated(checkpoint);
    let decided = scored.by_recording();

    let mut predictions = Vec::with_capacity(recordings.len());
    // The rows by recording are the recordings.
    for (index, recording) in recordings.iter().enumerate() {
        let (best, confidence) = decided.decision(index);
        let familiarity = classified.familiarity[index];
        let own = (0..windows.len()).filter(|&row| windows[row].recording == index);
        let windows: Vec<WindowPrediction> = own
            .map(|row| WindowPrediction {
                start: windows[row].start,
                seconds: windows[row].start as f64 / recording.rate,
                condition: classes[scored.decision(row).0].clone(),
                probabilities: scored.probabilities(row).iter().map(|&p| p as f32).collect(),
            })
            .collect();
        let taken = windows.iter().filter(|window| window.condition == classes[best]).count();
        let familiar = least.is_none_or(|least| familiarity >= least);
        predictions.push(Prediction {
            recording: recording.name.clone(),
            condition: familiar.then(|| classes[best].clone()),
            nearest: classes[best].clone(),
            confidence,
            share: taken as f64 / windows.len() as f64,
            familiarity,
            windows,
        });
    }
    predictions
}

/// The least familiarity of recordings that are not to be turned away, where at most the share `most` (0 to 1) of the
/// known ones may be: see [`threshold`].
///
/// # Errors
/// The checkpoint does not know how familiar validation recordings are.
pub fn least_familiar(checkpoint: &Checkpoint, most: f64) -> Result<f64> {
    threshold(&checkpoint.familiarity, most).ok_or_else(|| {
        Error::input(
            "--reject: the run has kept nothing to choose a threshold by, since nothing validates in it, it is not \
             finished, or an earlier version trained it: train again with a validation part, or leave --reject out",
        )
    })
}
