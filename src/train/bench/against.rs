//! Ours and PyTorch's times for the same work, pair by pair.

use std::collections::BTreeSet;
use std::path::Path;

use serde::Serialize;

use super::peer::Peer;
use super::work::{Scoring, Work};
use super::{STEPS, Spread, TEST_WINDOWS};
use crate::gpu::Gpu;
use crate::nn::{Model, Variants};
use crate::{Error, Result};

/// The recurrent network by itself: its step is bound by time steps, not by arithmetic.
const ALONE: &str = "lstm";

/// Largest difference of a probability that two orders of f32 summation may make: measured below 1e-7, while a
/// padding that is off by one makes 5e-4.
const SAME: f32 = 1e-5;

/// One piece of work done by both.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Pairs {
    /// The work, as in `training step of cnn-lstm, batch 32`.
    pub work: String,
    /// Our times in milliseconds.
    pub ours_ms: Spread,
    /// The peer's.
    pub theirs_ms: Spread,
    /// Ours by theirs, of each pair.
    pub ratio: Spread,
    /// The setting that the peer found fastest.
    pub setting: String,
}

/// A comparison with PyTorch on the processor.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Against {
    /// Our adapter.
    pub adapter: String,
    /// PyTorch's version.
    pub torch: String,
    /// Python's version.
    pub python: String,
    /// Cores that PyTorch may use.
    pub cores: usize,
    /// Pairs behind each figure.
    pub repeats: usize,
    /// Largest difference between the probabilities that the two give for the same windows.
    pub largest_difference: f32,
    /// The training step and the classification of the model, then the training step of the LSTM alone.
    pub pairs: Vec<Pairs>,
}

/// Measures `model` and the LSTM alone at `batch` here and in `python`'s PyTorch, taking turns; `progress` is told
/// what comes next.
///
/// # Errors
/// No PyTorch, results that are not the same, or what the device reported.
pub fn against(
    gpu: &Gpu,
    model: &Model,
    (batch, repeats): (usize, usize),
    variants: &Variants,
    python: &Path,
    progress: &mut dyn FnMut(&str),
) -> Result<Against> {
    let mut peer = Peer::start(python)?;
    let versions = peer.versions.clone();
    progress(&format!("PyTorch {} (Python {})", versions.torch, versions.python));
    let mut against = Against {
        adapter: gpu.info.to_string(),
        torch: versions.torch,
        python: versions.python,
        cores: versions.cores,
        repeats,
        largest_difference: 0.0,
        pairs: Vec::new(),
    };
    let alone = Model::load(ALONE, model.classes()?)?;
    let models = if model.name == alone.name { vec![model] } else { vec![model, &alone] };
    for (index, model) in models.into_iter().enumerate() {
        progress(&format!("{}: setting up both sides ...", model.name));
        let mut work = Work::new(gpu, model, (STEPS, batch), variants, &BTreeSet::new())?;
        let mut scoring = Scoring::new(gpu, model, variants)?;
        let (_, probabilities) = scoring.classify()?;
        let theirs = peer.prepare(model, &work, (STEPS, batch))?;
        against.largest_difference =
            against.largest_difference.max(difference(&model.name, &probabilities, &theirs.probabilities)?);
        work.step_ms(STEPS)?;
        progress(&format!("{}: {repeats} pairs ...", model.name));
        let (mut steps, mut classifications) = (Vec::new(), Vec::new());
        for _ in 0..repeats {
            steps.push((work.step_ms(STEPS)?, peer.step_ms(&theirs)?));
            if index == 0 {
                classifications.push((scoring.classify()?.0, peer.classify_ms(&theirs)?));
            }
        }
        let step = format!("training step of {}, batch {batch}", model.name);
        against.pairs.push(Pairs::of(step, &steps, theirs.train.to_string()));
        if index == 0 {
            let classify = format!("classify {TEST_WINDOWS} windows, {}", model.name);
            against.pairs.push(Pairs::of(classify, &classifications, theirs.classify.to_string()));
        }
    }
    Ok(against)
}

impl Pairs {
    /// From (ours, theirs) in milliseconds, in the order in which they were measured.
    ///
    /// # Panics
    /// Without a pair.
    pub fn of(work: String, pairs: &[(f64, f64)], setting: String) -> Self {
        let spread = |of: fn(&(f64, f64)) -> f64| Spread::of(pairs.iter().map(of).collect());
        Self {
            work,
            ours_ms: spread(|pair| pair.0),
            theirs_ms: spread(|pair| pair.1),
            ratio: spread(|pair| pair.0 / pair.1),
            setting,
        }
    }
}

/// The largest difference of two programs' probabilities for the same windows and parameters.
///
/// # Errors
/// If they do not compute the same.
fn difference(model: &str, ours: &[f32], theirs: &[f32]) -> Result<f32> {
    let differences = ours.iter().zip(theirs).map(|(a, b)| (a - b).abs());
    let largest = differences.fold(0.0, f32::max);
    // f32::max drops a NaN, so the values are asked too.
    if ours.len() != theirs.len() || largest > SAME || ours.iter().chain(theirs).any(|p| !p.is_finite()) {
        return Err(Error::failed(format!(
            "{model}: PyTorch's probabilities differ from ours by up to {largest}, so that times would not compare; \
             `gpu-bearing check` tests our side"
        )));
    }
    Ok(largest)
}
