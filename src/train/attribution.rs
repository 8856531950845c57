//! Which samples of a window decided: integrated gradients (Sundararajan, Taly and Yan, "Axiomatic Attribution for Deep
//! Networks", 2017), through the network's own backward pass.
//!
//! What is explained is a logit margin: the score of a class less that of another one. It is the difference of two
//! cross-entropies, whose gradients the network gives, and it does not saturate as a probability does where the model
//! is sure.

use serde::Serialize;

use super::material::signals;
use super::predict::{Prediction, WindowPrediction};
use super::scaling::restored;
use super::scoring_variants;
use crate::data::Recording;
use crate::gpu::Gpu;
use crate::nn::Checkpoint;
use crate::nn::network::{Network, Options, Window};
use crate::{Error, Result};

/// Steps from the baseline to a window where nobody asks for more. A model that is sure may change its mind within a
/// hundredth of the way, right beside the baseline: 64 steps, which often do, can then be off by half.
pub const STEPS: usize = 512;

/// Windows in a batch; the result does not depend on it.
const BATCH: usize = 64;

/// What to explain about a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Target {
    /// The window's first sample, at the model's rate.
    pub start: usize,
    /// The class that is explained.
    pub class: usize,
    /// The class that it is set against.
    pub rival: usize,
}

/// Which samples of a window speak for a class, against another one.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Attribution {
    /// First sample, at the model's rate.
    pub start: usize,
    /// The same in seconds.
    pub seconds: f64,
    /// The class that is explained.
    pub class: String,
    /// The class that it is set against.
    pub rival: String,
    /// Logit of the class less that of the rival.
    pub margin: f64,
    /// The same of the baseline: a window that is constant at the mean that scaling takes off.
    pub baseline_margin: f64,
    /// What each sample adds to the margin, baseline to window; they sum up to the difference of both margins, but for
    /// the error of the steps.
    pub attributions: Vec<f32>,
}

impl Attribution {
    /// The smallest share of the samples, 0 to 1, that holds half of all attribution, whatever its sign.
    pub fn half(&self) -> f64 {
        let mut sizes: Vec<f64> = self.attributions.iter().map(|a| f64::from(a.abs())).collect();
        sizes.sort_by(|a, b| b.total_cmp(a));
        let half = sizes.iter().sum::<f64>() / 2.0;
        let mut sum = 0.0;
        let enough = sizes.iter().take_while(|size| {
            let missing = sum < half;
            sum += **size;
            missing
        });
        enough.count() as f64 / sizes.len() as f64
    }
}

/// The position of the window whose class wins by the largest margin, of those that are taken for what the recording is.
pub fn most_decisive(prediction: &Prediction) -> usize {
    let margin = |window: &WindowPrediction| {
        let (class, rival) = rivals(&window.probabilities);
        let log = |class: usize| f64::from(window.probabilities[class]).ln();
        (window.condition == prediction.nearest, log(class) - log(rival))
    };
    let margins: Vec<(bool, f64)> = prediction.windows.iter().map(margin).collect();
    let order = |a: &usize, b: &usize| {
        let ((a_same, a), (b_same, b)) = (margins[*a], margins[*b]);
        a_same.cmp(&b_same).then(a.total_cmp(&b))
    };
    // Of equals the first.
    (0..margins.len()).rev().max_by(order).unwrap_or(0)
}

/// The likeliest class and the next one.
pub fn rivals(probabilities: &[f32]) -> (usize, usize) {
    let best_but = |other: Option<usize>| {
        let classes = (0..probabilities.len()).rev().filter(|class| Some(*class) != other);
        classes.max_by(|a, b| probabilities[*a].total_cmp(&probabilities[*b])).unwrap_or(0)
    };
    let best = best_but(None);
    (best, best_but(Some(best)))
}

/// Explains windows of `recording`, which is at the model's rate, by the gradients at the middles of `steps` equal steps
/// from the baseline to the window.
///
/// # Errors
/// A window that does not fit the recording, no steps, or a device that fails.
pub fn attribute(
    gpu: &Gpu,
    checkpoint: &Checkpoint,
    recording: &Recording,
    targets: &[Target],
    steps: usize,
) -> Result<Vec<Attribution>> {
    let Checkpoint { model, classes, .. } = checkpoint;
    if steps == 0 {
        return Err(Error::input("--steps 0: there must be a step from the baseline to the window"));
    }
    let scaling = restored(checkpoint.scaling);
    // The path from a baseline of zero to a window is the window at other scales.
    let path = |target: &Target| {
        let samples = target.start..target.start + model.window;
        let samples = recording.signal.get(samples).ok_or_else(|| {
            Error::input(format!(
                "{}: has no {} samples from sample {} on",
                recording.name, model.window, target.start
            ))
        })?;
        let (mean, scale) = scaling.figures(samples);
        let middle = |step: usize| (step as f32 + 0.5) / steps as f32;
        let shares: Vec<f32> = (0..steps).map(middle).chain([0.0, 1.0]).collect();
        let window = |label: usize, share: f32| Window {
            recording: 0,
            start: target.start,
            label,
            mean,
            scale: share * scale,
        };
        let of = |label: usize| shares.iter().map(move |share| window(label, *share)).collect::<Vec<_>>();
        Ok([of(target.class), of(target.rival)].concat())
    };
    let paths: Vec<Vec<Window>> = targets.iter().map(path).collect::<Result<_>>()?;
    let windows = paths.concat();
    if windows.is_empty() {
        return Ok(Vec::new());
    }
    let places = 2 * (steps + 2);
    let options = Options::explaining(BATCH, scoring_variants(&gpu.info, &checkpoint.variants)?);
    let recordings = std::slice::from_ref(recording);
    let mut network = Network::new(gpu, model, &signals(recordings), &windows, places, &options)?;
    network.set_parameters(&checkpoint.parameters);
    let mut attributions = Vec::with_capacity(targets.len());
    for (index, (target, path)) in targets.iter().zip(&paths).enumerate() {
        let first = (index * places) as u32;
        let order: Vec<u32> = (first..first + places as u32).collect();
        let (rows, gradients) = network.input_gradients(&order, &mut |_| ())?;
        // A cross-entropy is what all classes share less the score of its own.
        let margin = |place: usize| f64::from(rows.loss[steps + 2 + place]) - f64::from(rows.loss[place]);
        let slope = |at: usize| {
            let of = |place: usize| f64::from(gradients[place * model.window + at]);
            (0..steps).map(|step| of(steps + 2 + step) - of(step)).sum::<f64>() / steps as f64
        };
        let Window { mean, scale, .. } = path[steps + 1];
        let attribution = |at: usize| {
            let x = (recording.signal[target.start + at] - mean) * scale;
            (slope(at) * f64::from(x)) as f32
        };
        attributions.push(Attribution {
            start: target.start,
            seconds: target.start as f64 / recording.rate,
            class: classes[target.class].clone(),
            rival: classes[target.rival].clone(),
            margin: margin(steps + 1),
            baseline_margin: margin(steps),
            attributions: (0..model.window).map(attribution).collect(),
        });
    }
    Ok(attributions)
}
