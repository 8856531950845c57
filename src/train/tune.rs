//! Which row of the variants' table trains fastest on an adapter.

use std::collections::BTreeSet;

use serde::Serialize;

use super::bench::Spread;
use super::bench::work::Work;
use crate::gpu::Gpu;
use crate::nn::Model;
use crate::nn::variants::{ROWS, Row};
use crate::{Error, Result};

/// Training steps timed together.
const STEPS: usize = 3;

/// What a training step costs in one row of the table.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RowCost {
    /// The row's name.
    pub variant: &'static str,
    /// Milliseconds of a step: the median of the repeats.
    pub ms: f64,
    /// The fastest repeat.
    pub fastest_ms: f64,
    /// The slowest repeat.
    pub slowest_ms: f64,
    /// Launches of a step.
    pub launches: usize,
    /// Their workgroups, all together; where a shader deals its tiles out, its tiles.
    pub workgroups: usize,
    /// Their barriers, all together: in each launch those that one workgroup passes.
    pub barriers: usize,
}

/// The table's rows that `gpu` can run, the fastest first, by the time of a training step of `model` at `batch`.
///
/// Rows take turns, so that whatever else the machine does meets all of them.
///
/// # Errors
/// No repeats, a model that does not fit, or what the device reported.
pub fn tune(
    gpu: &Gpu,
    model: &Model,
    batch: usize,
    repeats: usize,
    progress: &mut dyn FnMut(&Row),
) -> Result<Vec<RowCost>> {
    if repeats == 0 || batch == 0 {
        return Err(Error::input("--repeats and --batch have to be at least 1"));
    }
    let mut contenders = Vec::new();
    for row in ROWS.iter().filter(|row| row.lack(&gpu.info).is_none()) {
        progress(row);
        let mut work = Work::new(gpu, model, (STEPS, batch), &row.variants(), &BTreeSet::new())?;
        // Once unmeasured: drivers put off work to the first run.
        work.step_ms(STEPS)?;
        contenders.push((row, work, Vec::new()));
    }
    for _ in 0..repeats {
        for (_, work, ms) in &mut contenders {
            ms.push(work.step_ms(STEPS)?);
        }
    }
    let mut costs: Vec<RowCost> =
        contenders.into_iter().map(|(row, work, ms)| RowCost::of(row, &work, ms)).collect();
    costs.sort_by(|a, b| a.ms.total_cmp(&b.ms));
    Ok(costs)
}

impl RowCost {
    fn of(row: &Row, work: &Work<'_>, ms: Vec<f64>) -> Self {
        let Spread { median, min, max } = Spread::of(ms);
        Self {
            variant: row.name,
            ms: median,
            fastest_ms: min,
            slowest_ms: max,
            launches: work.launches().count(),
            workgroups: work.launches().map(|launch| launch.workgroups).sum(),
            barriers: work.launches().map(|launch| launch.barriers).sum(),
        }
    }
}
