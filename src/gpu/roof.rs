//! The roof of an adapter: the most that it moves and computes, by `shaders/roof.wgsl`.

use std::collections::BTreeMap;
use std::time::Instant;

use serde::{Deserialize, Serialize};

use super::adapter::Gpu;
use super::executor::{Buffers, Compiled};
use super::plan::{Arena, Binding, Kernel, Launch, Plan, Slice, Value, fields};
use super::shader::Shader;
use crate::Result;

/// The most that an adapter does in a second.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Roof {
    /// Bytes read and written, in GB/s.
    pub gb_per_s: f64,
    /// Floating-point operations in GFLOP/s; a multiply-add counts two.
    pub gflop_per_s: f64,
}

/// What holds a launch to its floor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Bound {
    /// Its multiply-adds.
    Arithmetic,
    /// Its bytes.
    Memory,
}

impl Roof {
    /// The least seconds that a launch can take, and why: its arithmetic or its bytes, whichever takes longer.
    pub fn floor(&self, launch: &Launch) -> (f64, Bound) {
        let arithmetic = launch.flop as f64 / (self.gflop_per_s * 1e9);
        let memory = launch.bytes as f64 / (self.gb_per_s * 1e9);
        if arithmetic > memory { (arithmetic, Bound::Arithmetic) } else { (memory, Bound::Memory) }
    }
}

/// y = x, four elements an invocation.
///
/// # Panics
/// Unless both have as many elements, a multiple of four.
pub fn copy(x: Slice, y: Slice) -> Launch {
    assert!(x.len == y.len && x.len.is_multiple_of(4), "{} to {} elements", x.len, y.len);
    launch("copy", [("x4", x), ("y4", y)], x.len / 4, 0, (0.0, 0.0))
}

/// Each y is the sum of twelve chains of `4 * rounds` multiply-adds by `m` and `c` that start at x + 0, 1, ... 11.
///
/// # Panics
/// Unless x and y have as many elements.
pub fn multiply_add(x: Slice, y: Slice, rounds: usize, (m, c): (f32, f32)) -> Launch {
    assert_eq!(x.len, y.len);
    launch("multiply_add", [("x", x), ("y", y)], y.len, rounds, (m, c))
}

fn launch(
    entry: &'static str,
    operands: [(&'static str, Slice); 2],
    count: usize,
    rounds: usize,
    (m, c): (f32, f32),
) -> Launch {
    let kernel = Kernel { shader: "roof", variant: "standard", entry, constants: BTreeMap::new() };
    let mut shape = fields(&[("count", count), ("rounds", rounds)]);
    shape.extend([("m", Value::F32(m)), ("c", Value::F32(c))]);
    Launch {
        label: "roof".to_owned(),
        kernel,
        bindings: operands.map(|(name, slice)| (name, Binding::Fixed(slice))).to_vec(),
        shape,
        workgroups: count.div_ceil(Shader::find("roof", "standard").constant("WORKGROUP")),
        barriers: 0,
        flop: 2 * 12 * 4 * (rounds * count) as u64,
        bytes: 4 * operands.iter().map(|(_, slice)| slice.len as u64).sum::<u64>(),
    }
}

/// Elements copied: 128 MiB there and as much back, beyond the caches of most adapters.
const COPIED: usize = 32 << 20;
/// Invocations that multiply: enough for the largest GPU.
const CHAINS: usize = 1 << 18;
const ROUNDS: usize = 32;
/// A submission is timed that lasts as long, so that what a submission costs by itself does not count.
const SECONDS: f64 = 0.05;
/// Most runs of the launch in one submission.
const RUNS: usize = 1 << 12;
/// The fastest of as many submissions counts: others had the machine with them.
const TRIES: usize = 9;

impl Gpu {
    /// Measures what this adapter moves and computes at most; takes a second or two.
    ///
    /// # Errors
    /// No memory for the copy, or what the device reported.
    pub fn measure_roof(&self) -> Result<Roof> {
        let largest = self.info.storage_binding_bytes.min(self.info.buffer_bytes) / 4;
        let elements = COPIED.min(largest as usize / 4 * 4);
        let moved = self.per_second(elements, copy, |launch| launch.bytes)?;
        let computed =
            self.per_second(CHAINS, |x, y| multiply_add(x, y, ROUNDS, (0.5, 1.0)), |launch| launch.flop)?;
        Ok(Roof { gb_per_s: moved / 1e9, gflop_per_s: computed / 1e9 })
    }

    /// How much of `what` a launch from `elements` to as many does in a second.
    fn per_second(
        &self,
        elements: usize,
        launch: impl Fn(Slice, Slice) -> Launch,
        what: impl Fn(&Launch) -> u64,
    ) -> Result<f64> {
        let mut arena = Arena::default();
        let (x, y) = (arena.allocate("roof.x", elements), arena.allocate("roof.y", elements));
        let plan = Plan { launches: vec![launch(x, y)] };
        let buffers: Buffers = self.allocate(&arena.buffers)?;
        let compiled = self.compile(&plan, &buffers)?;
        let mut runs = 1;
        while runs < RUNS && self.seconds(&compiled, runs)? < SECONDS {
            runs *= 2;
        }
        let mut fastest = f64::INFINITY;
        for _ in 0..TRIES {
            fastest = fastest.min(self.seconds(&compiled, runs)?);
        }
        Ok((what(&plan.launches[0]) * runs as u64) as f64 / fastest)
    }

    /// Seconds of one submission of so many runs.
    fn seconds(&self, compiled: &Compiled, runs: usize) -> Result<f64> {
        let start = Instant::now();
        self.wait(&self.submit(&vec![(compiled, 0); runs]))?;
        Ok(start.elapsed().as_secs_f64())
    }
}
