//! What a training step and a classification cost on an adapter, launch by launch.

use std::collections::BTreeSet;
use std::time::Instant;

use serde::{Deserialize, Serialize};

use crate::gpu::Gpu;
use crate::gpu::plan::Launch;
use crate::gpu::profile::Clock;
use crate::gpu::roof::Roof;
use crate::nn::{Model, ParameterTable, Variants};
use crate::{Error, Result};

mod against;
mod compare;
pub mod forecast;
mod memory;
mod peer;
pub mod scaling;
pub(super) mod work;

pub use against::{Against, Pairs, against};
pub use compare::Change;
use work::{Scoring, Work, milliseconds};

/// Windows classified at once: the paper's test set.
pub const TEST_WINDOWS: usize = 360;

/// Training steps timed together, as an epoch of that many batches.
const STEPS: usize = 10;

/// Milliseconds, or a ratio, over several repeats.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    /// The median.
    pub median: f64,
    /// The least.
    pub min: f64,
    /// The largest.
    pub max: f64,
}

/// Launches of one kernel in a training step, together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct KernelCost {
    /// Shader and entry point, as in `conv1d.forward`.
    pub name: String,
    /// The shader's file among its variants, as in `standard`.
    pub variant: String,
    /// Launches in a step.
    pub launches: usize,
    /// Their time in milliseconds, the median of the repeats.
    pub ms: f64,
    /// Their floating-point operations.
    pub flop: u64,
    /// Bytes they must move at least.
    pub bytes: u64,
    /// Milliseconds that they would take under the adapter's roof.
    pub floor_ms: f64,
}

impl KernelCost {
    /// Share of the roof: the floor by the time. Above 1 where data comes from a cache that the roof's copy exceeds.
    pub fn roof_share(&self) -> f64 {
        self.floor_ms / self.ms
    }
}

/// What is measured; two measurements of the same subject can be compared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subject {
    /// The model's name.
    pub model: String,
    /// Its window in samples.
    pub window: usize,
    /// Its parameters.
    pub parameters: usize,
    /// Multiply-adds of its products, forward, one window.
    pub multiply_adds: u64,
    /// Windows in a batch.
    pub batch: usize,
    /// Layers whose parameters stay as they are.
    #[serde(default)]
    pub frozen: BTreeSet<String>,
}

impl Subject {
    /// `model` at `batch` with the layers `frozen`.
    ///
    /// # Errors
    /// If the model's layers do not fit each other.
    pub fn new(model: &Model, batch: usize, frozen: &BTreeSet<String>) -> Result<Self> {
        Ok(Self {
            model: model.name.clone(),
            window: model.window,
            parameters: ParameterTable::new(model)?.count(),
            multiply_adds: model.rows()?.iter().map(|row| row.multiply_adds).sum(),
            batch,
            frozen: frozen.clone(),
        })
    }
}

impl std::fmt::Display for Subject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { model, window, parameters, batch, frozen, .. } = self;
        write!(
            f,
            "{model} (window {window}, {parameters} parameters) at batch {batch}{}",
            with_frozen(frozen)
        )
    }
}

/// `, conv1, dense1 frozen`, or nothing.
pub fn with_frozen(layers: &BTreeSet<String>) -> String {
    let names: Vec<&str> = layers.iter().map(String::as_str).collect();
    if names.is_empty() { String::new() } else { format!(", {} frozen", names.join(", ")) }
}

/// The figures of a bench.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Bench {
    /// What was measured.
    #[serde(flatten)]
    pub subject: Subject,
    /// The adapter.
    pub adapter: String,
    /// Repeats behind each figure.
    pub repeats: usize,
    /// A training step (gather, forward, backward, Adam), from an epoch of several; the epoch's readback included.
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
    /// Device memory of all buffers that training takes, in bytes.
    pub device_bytes: u64,
    /// Most bytes of it that hold something at the same time in a training step.
    pub live_bytes: u64,
    /// Most memory of this process in bytes, where the system says so, the classifying network's included; the roof was
    /// measured later.
    pub process_bytes: Option<u64>,
    /// How the kernels were timed.
    pub clock: Clock,
    /// The most that the adapter moves and computes.
    pub roof: Roof,
    /// By kernel, the dearest first.
    pub kernels: Vec<KernelCost>,
}

impl Spread {
    /// Of at least one value.
    ///
    /// # Panics
    /// Without a value.
    pub fn of(mut values: Vec<f64>) -> Self {
        values.sort_by(f64::total_cmp);
        let median = f64::midpoint(values[(values.len() - 1) / 2], values[values.len() / 2]);
        Self { median, min: values[0], max: values[values.len() - 1] }
    }
}

/// Measures `model` at `batch` with the layers `frozen`; `progress` is told each repeat done.
///
/// # Errors
/// No repeats, or what the device reported.
pub fn bench(
    gpu: &Gpu,
    model: &Model,
    batch: usize,
    repeats: usize,
    variants: &Variants,
    frozen: &BTreeSet<String>,
    progress: &mut dyn FnMut(usize),
) -> Result<Bench> {
    if repeats == 0 || batch == 0 {
        return Err(Error::input("--repeats and --batch have to be at least 1"));
    }
    let start = Instant::now();
    let mut work = Work::new(gpu, model, (STEPS, batch), variants, frozen)?;
    work.step_ms(1)?;
    let first_step_ms = milliseconds(start);
    // Once more unmeasured: the submissions find their length.
    work.step_ms(STEPS)?;
    let mut scoring = Scoring::new(gpu, model, variants)?;
    scoring.classify()?;

    let (mut steps, mut inferences, mut launches) = (Vec::new(), Vec::new(), Vec::new());
    let mut of_epoch = (0, 0);
    for repeat in 0..repeats {
        let before = work.network.counts();
        steps.push(work.step_ms(STEPS)?);
        let after = work.network.counts();
        of_epoch = (after.submits - before.submits, after.waits - before.waits);
        inferences.push(scoring.classify()?.0);
        launches.push(work.time_launches()?);
        progress(repeat + 1);
    }
    let process_bytes = memory::peak_process_bytes();
    let roof = gpu.measure_roof()?;
    Ok(Bench {
        subject: Subject::new(model, batch, frozen)?,
        adapter: gpu.info.to_string(),
        repeats,
        train_step_ms: Spread::of(steps),
        infer_360_ms: Spread::of(inferences),
        first_step_ms,
        launches_per_step: work.network.counts().launches_per_step,
        submits_per_epoch: of_epoch.0,
        waits_per_epoch: of_epoch.1,
        steps_per_epoch: STEPS,
        device_bytes: work.network.device_bytes(),
        live_bytes: work.network.live_bytes(),
        process_bytes,
        clock: gpu.clock(),
        roof,
        kernels: by_kernel(work.launches(), &launches, &roof),
    })
}

/// Shader and entry point, as in `conv1d.forward`.
fn kernel_name(launch: &Launch) -> String {
    format!("{}.{}", launch.kernel.shader, launch.kernel.entry)
}

/// Adds up the launches of each kernel; `seconds` holds one list a repeat.
fn by_kernel<'a>(
    launches: impl Iterator<Item = &'a Launch>,
    seconds: &[Vec<f64>],
    roof: &Roof,
) -> Vec<KernelCost> {
    let mut kernels: Vec<KernelCost> = Vec::new();
    for (index, launch) in launches.enumerate() {
        let ms = Spread::of(seconds.iter().map(|repeat| repeat[index] * 1e3).collect()).median;
        let (name, variant) = (kernel_name(launch), launch.kernel.variant);
        let found = kernels.iter().position(|kernel| kernel.name == name && kernel.variant == variant);
        let place = found.unwrap_or_else(|| {
            let variant = variant.to_owned();
            kernels.push(KernelCost {
                name,
                variant,
                launches: 0,
                ms: 0.0,
                flop: 0,
                bytes: 0,
                floor_ms: 0.0,
            });
            kernels.len() - 1
        });
        let kernel = &mut kernels[place];
        kernel.launches += 1;
        kernel.ms += ms;
        kernel.flop += launch.flop;
        kernel.bytes += launch.bytes;
        kernel.floor_ms += roof.floor(launch).0 * 1e3;
    }
    kernels.sort_by(|a, b| b.ms.total_cmp(&a.ms));
    kernels
}
