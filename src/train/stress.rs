//! How a finished run bears what goes wrong with recordings: its figures over the windows of an evaluation, again under
//! each perturbation.

use std::path::Path;

use serde::Serialize;

use super::config::Config;
use super::evaluate::{Evaluation, Subject};
use super::metrics::Figures;
use super::run_folder::RunFolder;
use crate::Result;
use crate::data::ReadOptions;
use crate::data::perturb::Perturbation;
use crate::gpu::Gpu;

/// What a stress test shows.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Stress {
    /// Without any perturbation: what `eval` gives.
    #[serde(flatten)]
    pub clean: Evaluation,
    /// Seed of the noise.
    pub seed: u64,
    /// One a perturbation.
    pub curves: Vec<Curve>,
}

/// Figures under more and less of a perturbation.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Curve {
    /// What was done to the recordings.
    pub perturbation: &'static str,
    /// What the levels are, with the unit.
    pub quantity: &'static str,
    /// By level, ascending; without levels that leave no window.
    pub points: Vec<Point>,
}

/// Figures under a perturbation of one level.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Point {
    /// In the curve's unit.
    pub level: f64,
    /// Over all windows that still fit their recordings.
    pub figures: Figures,
}

/// Scores the finished run in `folder`, with its `config`, on the recordings of `data` as they are and under every
/// [`Perturbation`], each at its levels; noise is drawn from `seed`. Before each evaluation `progress` is told how many
/// are done, and of how many.
///
/// The windows are those that [`super::evaluate()`] scores without `all`. Perturbations come before scaling.
///
/// # Errors
/// As [`super::evaluate()`].
pub fn stress(
    gpu: &Gpu,
    folder: &RunFolder,
    config: &Config,
    data: Option<&Path>,
    options: &ReadOptions,
    seed: u64,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<Stress> {
    let subject = Subject::open(folder, config, data, options, false)?;
    stressed(gpu, &subject, seed, progress)
}

/// As [`stress`] of the recordings and windows of `subject`.
pub(super) fn stressed(
    gpu: &Gpu,
    subject: &Subject,
    seed: u64,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<Stress> {
    let levels: usize = Perturbation::ALL.iter().map(|perturbation| perturbation.levels().len()).sum();
    let (mut done, of) = (0, levels + 1);
    progress(done, of);
    let clean = subject.evaluation(gpu, None)?;
    let mut point = |perturbation: Perturbation, level: f64| {
        done += 1;
        progress(done, of);
        let (recordings, windows) =
            perturbation.apply(level, &subject.recordings, &subject.windows, subject.length(), seed)?;
        if windows.is_empty() {
            return Ok(None);
        }
        let figures = subject.score(gpu, &recordings, &windows)?.tally.figures();
        Ok(figures.map(|figures| Point { level, figures }))
    };
    let mut curve = |perturbation: Perturbation| {
        let points = perturbation.levels().iter().filter_map(|&level| point(perturbation, level).transpose());
        let (name, quantity) = (perturbation.name(), perturbation.quantity());
        Ok(Curve { perturbation: name, quantity, points: points.collect::<Result<_>>()? })
    };
    let curves = Perturbation::ALL.into_iter().map(&mut curve).collect::<Result<_>>()?;
    Ok(Stress { clean, seed, curves })
}
