//! How the cost of a training step grows with the work: batch, window and LSTM units.

use std::collections::BTreeSet;

use serde::Serialize;

use super::work::Work;
use super::{STEPS, Spread};
use crate::Result;
use crate::gpu::Gpu;
use crate::nn::{LayerKind, Model, Variants};

/// A training step of one size.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Point {
    /// Windows of the batch, samples of the window, or units.
    pub size: usize,
    /// Milliseconds of a step.
    pub step_ms: Spread,
    /// Its floating-point operations.
    pub flop: u64,
}

/// Steps of growing size, all else alike.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Series {
    /// What grows, with its unit: `batch (windows)`.
    pub what: &'static str,
    /// By size.
    pub points: Vec<Point>,
}

impl Point {
    /// Milliseconds a GFLOP, by the median.
    pub fn ms_per_gflop(&self) -> f64 {
        self.step_ms.median / (self.flop as f64 / 1e9)
    }
}

impl Series {
    /// The largest factor by which the time a GFLOP grows from a size to a larger one; at least 1.
    pub fn growth(&self) -> f64 {
        let mut least = f64::INFINITY;
        self.points.iter().map(Point::ms_per_gflop).fold(1.0, |growth, cost| {
            least = least.min(cost);
            f64::max(growth, cost / least)
        })
    }
}

const BATCHES: [usize; 7] = [8, 16, 32, 64, 128, 256, 512];
const WINDOWS: [usize; 5] = [400, 800, 1600, 3200, 6400];
const UNITS: [usize; 4] = [16, 32, 64, 128];

/// The batch where another size grows.
const BATCH: usize = 32;

/// Repeats behind a point.
const REPEATS: usize = 3;

/// Milliseconds that an epoch of several steps may take, so that the large ones do not take minutes.
const EPOCH_MS: f64 = 400.0;

/// Measures `model` in all sizes; one without an LSTM has no series of units. `progress` is told each size done.
///
/// # Errors
/// A window that does not fit the model, or what the device reported.
pub fn scaling(
    gpu: &Gpu,
    model: &Model,
    variants: &Variants,
    progress: &mut dyn FnMut(&str, usize),
) -> Result<Vec<Series>> {
    let mut series =
        |what: &'static str, sizes: &[usize], sized: &dyn Fn(usize) -> Result<(Model, usize)>| {
            let points = sizes
                .iter()
                .map(|&size| {
                    let (model, batch) = sized(size)?;
                    let point = point(gpu, &model, (size, batch), variants)?;
                    progress(what, size);
                    Ok(point)
                })
                .collect::<Result<_>>()?;
            Ok(Series { what, points })
        };
    let mut all = vec![
        series("batch (windows)", &BATCHES, &|batch| Ok((model.clone(), batch)))?,
        series("window (samples)", &WINDOWS, &|window| Ok((model.with_window(window)?, BATCH)))?,
    ];
    if model.layers.iter().any(|layer| matches!(layer.kind, LayerKind::Lstm { .. })) {
        all.push(series("LSTM units", &UNITS, &|units| Ok((with_units(model, units), BATCH)))?);
    }
    Ok(all)
}

/// The model with `units` in every LSTM.
fn with_units(model: &Model, units: usize) -> Model {
    let mut model = model.clone();
    for layer in &mut model.layers {
        if let LayerKind::Lstm { units: old, .. } = &mut layer.kind {
            *old = units;
        }
    }
    model
}

fn point(gpu: &Gpu, model: &Model, (size, batch): (usize, usize), variants: &Variants) -> Result<Point> {
    let mut work = Work::new(gpu, model, (STEPS, batch), variants, &BTreeSet::new())?;
    work.step_ms(1)?;
    let steps = ((EPOCH_MS / work.step_ms(1)?) as usize).clamp(1, STEPS);
    let times = (0..REPEATS).map(|_| work.step_ms(steps)).collect::<Result<_>>()?;
    Ok(Point { size, step_ms: Spread::of(times), flop: work.launches().map(|launch| launch.flop).sum() })
}
