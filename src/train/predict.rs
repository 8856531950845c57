//! What a model takes recordings for.

use serde::Serialize;

use super::material::{network_windows, signals};
use super::scaling::restored;
use super::scoring_variants;
use crate::Result;
use crate::data::Recording;
use crate::data::windows::{Cut, cut};
use crate::gpu::Gpu;
use crate::nn::Checkpoint;
use crate::nn::network::{Network, Options};

/// Windows in a batch; the result does not depend on it.
const BATCH: usize = 64;

/// What a recording was taken for.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Prediction {
    /// The recording's name.
    pub recording: String,
    /// The class with the highest mean probability.
    pub condition: String,
    /// Its softmax probability, the mean over the windows, 0 to 1. Not calibrated: not the probability of
    /// being right.
    pub confidence: f64,
    /// Share of windows that were taken for it, 0 to 1.
    pub share: f64,
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
    /// Softmax probability of each class.
    pub probabilities: Vec<f32>,
}

/// Classifies `recordings`, which are at the model's rate, window by window, one window behind the other.
///
/// # Errors
/// A recording shorter than a window, or a device that fails.
pub fn predict(gpu: &Gpu, checkpoint: &Checkpoint, recordings: &[Recording]) -> Result<Vec<Prediction>> {
    let Checkpoint { model, classes, .. } = checkpoint;
    // Nothing is known of the classes; the labels only give a loss, which is not looked at.
    let windows = cut(recordings, &vec![0; recordings.len()], &Cut::whole(model.window))?;
    let scaled = network_windows(recordings, &windows, restored(checkpoint.scaling), model.window);
    let variants = scoring_variants(&gpu.info, &checkpoint.variants)?;
    let options = Options::scoring(BATCH, variants);
    let mut network = Network::new(gpu, model, &signals(recordings), &scaled, scaled.len(), &options)?;
    network.set_parameters(&checkpoint.parameters);
    let order: Vec<u32> = (0..scaled.len() as u32).collect();
    let rows = network.classify(&order, &mut |_| ())?;

    let mut predictions = Vec::with_capacity(recordings.len());
    let probabilities: Vec<&[f32]> = rows.probabilities.chunks_exact(classes.len()).collect();
    for (index, recording) in recordings.iter().enumerate() {
        let of_recording: Vec<usize> =
            (0..windows.len()).filter(|&position| windows[position].recording == index).collect();
        let count = of_recording.len() as f64;
        let mean = |class: usize| {
            of_recording.iter().map(|&position| f64::from(probabilities[position][class])).sum::<f64>()
                / count
        };
        let means: Vec<f64> = (0..classes.len()).map(mean).collect();
        let best =
            (0..classes.len()).fold(0, |best, class| if means[class] > means[best] { class } else { best });
        let taken =
            of_recording.iter().filter(|&&position| rows.predicted[position] as usize == best).count();
        predictions.push(Prediction {
            recording: recording.name.clone(),
            condition: classes[best].clone(),
            confidence: means[best],
            share: taken as f64 / count,
            windows: (of_recording.iter())
                .map(|&position| WindowPrediction {
                    start: windows[position].start,
                    seconds: windows[position].start as f64 / recording.rate,
                    condition: classes[rows.predicted[position] as usize].clone(),
                    probabilities: probabilities[position].to_vec(),
                })
                .collect(),
        });
    }
    Ok(predictions)
}
