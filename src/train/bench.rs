//! What a training step and a classification cost on an adapter, launch by launch.

use std::time::Instant;

use serde::Serialize;

use crate::gpu::Gpu;
use crate::gpu::plan::Launch;
use crate::gpu::profile::Clock;
use crate::nn::network::{Epoch, Network, Options, Window};
use crate::nn::{Model, Variants, initialise};
use crate::{Error, Result};

/// Windows classified at once: the paper's test set.
pub const TEST_WINDOWS: usize = 360;

/// Training steps timed together, as an epoch of that many batches.
const STEPS: usize = 10;

/// Milliseconds over several repeats.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Spread {
    /// The median.
    pub median: f64,
    /// The fastest.
    pub min: f64,
    /// The slowest.
    pub max: f64,
}

/// Launches of one kernel in a training step, together.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct KernelCost {
    /// Shader and entry point, as in `conv1d.forward`.
    pub name: String,
    /// The shader's file: `standard` or `subgroup`.
    pub variant: &'static str,
    /// Launches in a step.
    pub launches: usize,
    /// Their time in milliseconds, the median of the repeats.
    pub ms: f64,
    /// Their floating-point operations.
    pub flop: u64,
    /// Bytes they must move at least.
    pub bytes: u64,
}

/// The costs of one model on one adapter.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Bench {
    /// Name, type, backend and driver.
    pub adapter: String,
    /// The model's name.
    pub model: String,
    /// Windows of a batch.
    pub batch: usize,
    /// Repeats behind each figure.
    pub repeats: usize,
    /// One training step within an epoch: gather, forward, backward, Adam.
    pub train_step_ms: Spread,
    /// Classifying [`TEST_WINDOWS`] windows, readback included.
    pub infer_360_ms: Spread,
    /// From the uploaded recordings to the end of the first step, compilation included.
    pub first_step_ms: f64,
    /// Launches of a training step.
    pub launches_per_step: usize,
    /// Submissions of an epoch of the timed length.
    pub submits_per_epoch: usize,
    /// Drained waits of such an epoch.
    pub waits_per_epoch: usize,
    /// Steps of such an epoch.
    pub steps_per_epoch: usize,
    /// Device memory in bytes.
    pub device_bytes: u64,
    /// How the kernels were timed.
    pub clock: Clock,
    /// By kernel, the dearest first.
    pub kernels: Vec<KernelCost>,
}

impl Spread {
    fn of(mut values: Vec<f64>) -> Self {
        values.sort_by(f64::total_cmp);
        let median = f64::midpoint(values[(values.len() - 1) / 2], values[values.len() / 2]);
        Self { median, min: values[0], max: values[values.len() - 1] }
    }
}

/// Windows of noise: what a kernel costs does not depend on what is in them.
fn noise(samples: usize) -> Vec<f32> {
    let mut state = 1_u32;
    (0..samples)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / (1 << 23) as f32 - 1.0
        })
        .collect()
}

/// Measures `model` at `batch`; `progress` is told each repeat done.
///
/// # Errors
/// No repeats, or what the device reported.
pub fn bench(
    gpu: &Gpu,
    model: &Model,
    batch: usize,
    repeats: usize,
    variants: &Variants,
    progress: &mut dyn FnMut(usize),
) -> Result<Bench> {
    if repeats == 0 || batch == 0 {
        return Err(Error::input("--repeats and --batch have to be at least 1"));
    }
    let count = TEST_WINDOWS.max(STEPS * batch);
    let signal = noise(TEST_WINDOWS * model.window);
    let classes = model.classes()?;
    let windows: Vec<Window> = (0..count)
        .map(|index| Window {
            recording: 0,
            start: index % TEST_WINDOWS * model.window,
            label: index % classes,
            mean: 0.0,
            scale: 1.0,
        })
        .collect();
    let order: Vec<u32> = (0..count as u32).collect();
    let (train_order, test_order) = (&order[..STEPS * batch], &order[..TEST_WINDOWS]);
    let options = Options { batch, variants: variants.clone(), clip_norm: None, training: true };
    let epoch = |order| Epoch { order, first_step: 0, optimizer_steps: 0, learning_rate: 1e-3, seed: 0 };

    let start = Instant::now();
    let mut network = Network::new(gpu, model, &[&signal], &windows, count, &options)?;
    network.set_parameters(&initialise(model, 0)?);
    network.train(&epoch(&train_order[..batch]), &|| false, &mut |_| {})?;
    let first_step_ms = milliseconds(start);
    // Once more unmeasured: the classification's kernels too, and the submissions find their length.
    network.train(&epoch(train_order), &|| false, &mut |_| {})?;
    network.classify(test_order, &mut |_| {})?;

    let (mut steps, mut inferences, mut launches) = (Vec::new(), Vec::new(), Vec::new());
    let mut of_epoch = (0, 0);
    for repeat in 0..repeats {
        let before = network.counts();
        let start = Instant::now();
        network.train(&epoch(train_order), &|| false, &mut |_| {})?;
        steps.push(milliseconds(start) / STEPS as f64);
        let after = network.counts();
        of_epoch = (after.submits - before.submits, after.waits - before.waits);
        let start = Instant::now();
        network.classify(test_order, &mut |_| {})?;
        inferences.push(milliseconds(start));
        launches.push(network.time_step(&epoch(train_order))?);
        progress(repeat + 1);
    }
    Ok(Bench {
        adapter: gpu.info.to_string(),
        model: model.name.clone(),
        batch,
        repeats,
        train_step_ms: Spread::of(steps),
        infer_360_ms: Spread::of(inferences),
        first_step_ms,
        launches_per_step: network.counts().launches_per_step,
        submits_per_epoch: of_epoch.0,
        waits_per_epoch: of_epoch.1,
        steps_per_epoch: STEPS,
        device_bytes: network.device_bytes(),
        clock: gpu.clock(),
        kernels: by_kernel(network.step_plans().iter().flat_map(|plan| &plan.launches), &launches),
    })
}

fn milliseconds(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1e3
}

/// Adds up the launches of each kernel; `seconds` holds one list a repeat.
fn by_kernel<'a>(launches: impl Iterator<Item = &'a Launch>, seconds: &[Vec<f64>]) -> Vec<KernelCost> {
    let mut kernels: Vec<KernelCost> = Vec::new();
    for (index, launch) in launches.enumerate() {
        let ms = Spread::of(seconds.iter().map(|repeat| repeat[index] * 1e3).collect()).median;
        let name = format!("{}.{}", launch.kernel.shader, launch.kernel.entry);
        let variant = launch.kernel.variant;
        let found = kernels.iter().position(|kernel| kernel.name == name && kernel.variant == variant);
        let place = found.unwrap_or_else(|| {
            kernels.push(KernelCost { name, variant, launches: 0, ms: 0.0, flop: 0, bytes: 0 });
            kernels.len() - 1
        });
        let kernel = &mut kernels[place];
        kernel.launches += 1;
        kernel.ms += ms;
        kernel.flop += launch.flop;
        kernel.bytes += launch.bytes;
    }
    kernels.sort_by(|a, b| b.ms.total_cmp(&a.ms));
    kernels
}
