//! Which row of the variants' table trains fastest on an adapter.

use std::time::Instant;

use serde::Serialize;

use crate::gpu::Gpu;
use crate::nn::network::{Epoch, Network, Options, Window};
use crate::nn::variants::{ROWS, Row};
use crate::nn::{Model, initialise};
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
    /// Their workgroups, all together.
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
    // What a step costs does not depend on what is in its windows.
    let signal = vec![0.5; model.window];
    let windows = [Window { recording: 0, start: 0, label: 0, mean: 0.0, scale: 1.0 }];
    let order = vec![0; STEPS * batch];
    let epoch = Epoch { order: &order, first_step: 0, optimizer_steps: 0, learning_rate: 1e-3, seed: 0 };
    let parameters = initialise(model, 0)?;
    let mut contenders = Vec::new();
    for row in ROWS {
        if row.lack(&gpu.info).is_some() {
            continue;
        }
        let variants = row.variants();
        progress(row);
        let options = Options { batch, variants, clip_norm: None, training: true };
        let mut network = Network::new(gpu, model, &[&signal], &windows, order.len(), &options)?;
        network.set_parameters(&parameters);
        // Once unmeasured: drivers put off work to the first run.
        network.train(&epoch, &|| false, &mut |_| {})?;
        contenders.push((row, network, Vec::new()));
    }
    for _ in 0..repeats {
        for (_, network, ms) in &mut contenders {
            let start = Instant::now();
            network.train(&epoch, &|| false, &mut |_| {})?;
            ms.push(start.elapsed().as_secs_f64() * 1e3 / STEPS as f64);
        }
    }
    let mut costs: Vec<RowCost> =
        contenders.into_iter().map(|(row, network, ms)| RowCost::of(row, &network, ms)).collect();
    costs.sort_by(|a, b| a.ms.total_cmp(&b.ms));
    Ok(costs)
}

impl RowCost {
    fn of(row: &Row, network: &Network<'_>, mut ms: Vec<f64>) -> Self {
        ms.sort_by(f64::total_cmp);
        let launches = || network.step_plans().into_iter().flat_map(|plan| &plan.launches);
        Self {
            variant: row.name,
            ms: f64::midpoint(ms[(ms.len() - 1) / 2], ms[ms.len() / 2]),
            fastest_ms: ms[0],
            slowest_ms: ms[ms.len() - 1],
            launches: launches().count(),
            workgroups: launches().map(|launch| launch.workgroups).sum(),
            barriers: launches().map(|launch| launch.barriers).sum(),
        }
    }
}
