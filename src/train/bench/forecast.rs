//! What a training step would cost on an adapter that is not at hand, from the plan's counts alone.

use std::collections::BTreeSet;

use serde::Serialize;

use super::kernel_name;
use crate::Result;
use crate::gpu::Launch;
use crate::gpu::adapter::{AdapterInfo, AdapterType};
use crate::gpu::roof::{Bound, Roof};
use crate::nn::lower::{Capacity, Lowering, Recipe, Task, lower};
use crate::nn::{Model, tuned};

/// An adapter as its data sheet has it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Figures {
    /// What it is called in the output.
    pub name: &'static str,
    /// Memory bandwidth and arithmetic.
    pub roof: Roof,
    /// What each launch costs besides, in microseconds.
    pub launch_us: f64,
}

/// Three classes of GPUs with round figures of their kind: f32 arithmetic outside of matrix units.
pub const CLASSES: [Figures; 3] = [
    class("integrated", 50.0, 1_000.0, 10.0),
    class("laptop", 250.0, 8_000.0, 6.0),
    class("large", 1_500.0, 40_000.0, 5.0),
];

const fn class(name: &'static str, gb_per_s: f64, gflop_per_s: f64, launch_us: f64) -> Figures {
    Figures { name, roof: Roof { gb_per_s, gflop_per_s }, launch_us }
}

/// A term of the cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Term {
    /// Multiply-adds.
    Arithmetic,
    /// Bytes to and from memory.
    Memory,
    /// The launches by themselves.
    Launches,
}

/// What launches would cost on one adapter.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Cost {
    /// Milliseconds of the launches that their arithmetic holds up.
    pub arithmetic_ms: f64,
    /// Milliseconds of those that their bytes hold up.
    pub memory_ms: f64,
    /// Milliseconds that launching takes.
    pub launches_ms: f64,
}

impl Cost {
    /// The floor of `launches` one after the other: each takes as long as its arithmetic or its bytes, whichever
    /// takes longer, and its launch.
    pub fn of<'a>(launches: impl IntoIterator<Item = &'a Launch>, adapter: &Figures) -> Self {
        let mut cost = Self::default();
        for launch in launches {
            let (seconds, bound) = adapter.roof.floor(launch);
            match bound {
                Bound::Arithmetic => cost.arithmetic_ms += seconds * 1e3,
                Bound::Memory => cost.memory_ms += seconds * 1e3,
            }
            cost.launches_ms += adapter.launch_us * 1e-3;
        }
        cost
    }

    /// Milliseconds in all.
    pub fn total_ms(&self) -> f64 {
        self.arithmetic_ms + self.memory_ms + self.launches_ms
    }

    /// The largest term.
    pub fn dominant(&self) -> Term {
        if self.launches_ms >= self.arithmetic_ms.max(self.memory_ms) {
            Term::Launches
        } else if self.arithmetic_ms >= self.memory_ms {
            Term::Arithmetic
        } else {
            Term::Memory
        }
    }
}

/// A kernel of the step on each adapter.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct KernelForecast {
    /// Shader and entry point, as in `conv1d.forward`.
    pub name: String,
    /// The shader's file among its variants.
    pub variant: &'static str,
    /// Launches in a step.
    pub launches: usize,
    /// Their floating-point operations.
    pub flop: u64,
    /// Bytes they must move at least.
    pub bytes: u64,
    /// Their cost, in the order of the adapters.
    pub costs: Vec<Cost>,
}

/// What a training step would cost.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Forecast {
    /// The model's name.
    pub model: String,
    /// Windows in a batch.
    pub batch: usize,
    /// Layers whose parameters stay as they are.
    pub frozen: BTreeSet<String>,
    /// The adapters.
    pub adapters: Vec<Figures>,
    /// The step's cost on each.
    pub steps: Vec<Cost>,
    /// By kernel, in the order of the step.
    pub kernels: Vec<KernelForecast>,
}

/// Counts a training step of `model` at `batch` with the layers `frozen`, in the variants that a discrete GPU gets or those of the row
/// `variant`; needs no adapter.
///
/// # Errors
/// A model that cannot be trained, or an unknown variant.
pub fn forecast(
    model: &Model,
    batch: usize,
    variant: Option<&str>,
    frozen: &BTreeSet<String>,
    adapters: Vec<Figures>,
) -> Result<Forecast> {
    let capacity = Capacity { batch, windows: batch, order: batch, signal_parts: vec![batch * model.window] };
    let variants = tuned::choose(&discrete(), variant)?;
    let recipe = Recipe { frozen: frozen.clone(), ..Recipe::default() };
    let lowering = Lowering { variants, clip_norm: None, task: Task::Training, recipe };
    let lowered = lower(model, &capacity, &lowering)?;
    let launches: Vec<&Launch> =
        [&lowered.gradients, &lowered.update].into_iter().flat_map(|plan| &plan.launches).collect();
    let steps = adapters.iter().map(|adapter| Cost::of(launches.iter().copied(), adapter)).collect();
    let mut kernels: Vec<KernelForecast> = Vec::new();
    for launch in &launches {
        let (name, variant) = (kernel_name(launch), launch.kernel.variant);
        if kernels.iter().any(|kernel| kernel.name == name && kernel.variant == variant) {
            continue;
        }
        let same: Vec<&Launch> = launches
            .iter()
            .copied()
            .filter(|other| kernel_name(other) == name && other.kernel.variant == variant)
            .collect();
        kernels.push(KernelForecast {
            name,
            variant,
            launches: same.len(),
            flop: same.iter().map(|launch| launch.flop).sum(),
            bytes: same.iter().map(|launch| launch.bytes).sum(),
            costs: adapters.iter().map(|adapter| Cost::of(same.iter().copied(), adapter)).collect(),
        });
    }
    Ok(Forecast { model: model.name.clone(), batch, frozen: frozen.clone(), adapters, steps, kernels })
}

/// A GPU with common limits, for which the variants are chosen.
fn discrete() -> AdapterInfo {
    AdapterInfo {
        index: 0,
        name: "a discrete GPU".into(),
        kind: AdapterType::Discrete,
        backend: "Vulkan".into(),
        driver: String::new(),
        driver_info: String::new(),
        subgroup_min: 32,
        subgroup_max: 32,
        timestamps: true,
        f16: true,
        int64: false,
        shares_memory: false,
        storage_binding_bytes: 1 << 30,
        buffer_bytes: 1 << 30,
        uniform_binding_bytes: 1 << 16,
        storage_buffers: 8,
        workgroup_invocations: 256,
        workgroup_bytes: 16 << 10,
    }
}
