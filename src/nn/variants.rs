//! Which file of a shader runs on which adapter: one table.

use std::collections::BTreeMap;

use super::tensor::Tensor;
use crate::gpu::adapter::{AdapterInfo, AdapterType};
use crate::gpu::shader::{SHADERS, Shader};
use crate::{Error, Result};

/// One row of the table.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// The row's name; `--variant` takes it.
    pub name: &'static str,
    /// The adapters it is chosen for, in words.
    pub adapters: &'static str,
    /// The types of adapter it is chosen for; none for all.
    pub types: &'static [AdapterType],
    /// Shaders that run in another variant than `standard`, or that no other row has.
    pub shaders: &'static [(&'static str, &'static str)],
    /// Smallest subgroup it needs, in invocations; 0 for none.
    pub subgroup: u32,
    /// Whether it needs 64-bit integers.
    pub int64: bool,
    /// Whether it reads buffers through textures that share their memory.
    pub shared_memory: bool,
}

/// The table; the first row for an adapter's type that it can run is chosen. The last one is standard WGSL.
///
/// `subgroup` was timed on Mesa's software adapter. No GPU has timed `tiled` yet: its place rests on counts (loads,
/// barriers, workgroups), and `gpu-bearing tune` puts the adapter at hand to the test.
pub const ROWS: &[Row] = &[
    Row {
        name: "tiled",
        adapters: "GPUs; not timed on one yet",
        types: &[AdapterType::Discrete, AdapterType::Integrated, AdapterType::Virtual],
        shaders: &[("conv1d", "tiled")],
        subgroup: 0,
        int64: false,
        shared_memory: false,
    },
    Row {
        name: "subgroup",
        adapters: "Mesa's software adapter (subgroups of 8)",
        types: &[AdapterType::Software],
        shaders: &[
            ("adam", "subgroup"),
            ("conv1d", "subgroup"),
            ("conv1d_max_pool1d", "subgroup"),
            ("conv2d", "subgroup"),
            ("lstm", "subgroup"),
            ("max_pool1d", "subgroup"),
            ("max_pool2d", "subgroup"),
        ],
        subgroup: 8,
        int64: true,
        shared_memory: true,
    },
    Row {
        name: "standard",
        adapters: "all others",
        types: &[],
        shaders: &[],
        subgroup: 0,
        int64: false,
        shared_memory: false,
    },
];

/// The variant of every shader: part of a run's record, since sums differ in their last bits between variants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variants(BTreeMap<&'static str, &'static str>);

impl Row {
    /// The variant of each shader in this row.
    pub fn variants(&self) -> Variants {
        let standard =
            SHADERS.iter().filter(|file| file.variant == "standard").map(|file| (file.name, file.variant));
        Variants(standard.chain(self.shaders.iter().copied()).collect())
    }

    /// The row that `--variant` names, for `adapter`.
    ///
    /// # Errors
    /// There is none of that name, or the adapter cannot run it.
    pub fn named(name: &str, adapter: &AdapterInfo) -> Result<&'static Self> {
        let row = ROWS.iter().find(|row| row.name == name).ok_or_else(|| {
            let names: Vec<&str> = ROWS.iter().map(|row| row.name).collect();
            Error::input(format!("--variant {name}: unknown; there are: {}", names.join(", ")))
        })?;
        match row.lack(adapter) {
            None => Ok(row),
            Some(lack) => Err(Error::input(format!("--variant {name} {lack}; leave --variant out"))),
        }
    }

    /// The row of the table for an adapter.
    pub fn of(adapter: &AdapterInfo) -> &'static Self {
        let fits = |row: &&Self| row.types.is_empty() || row.types.contains(&adapter.kind);
        ROWS.iter().filter(fits).find(|row| row.runs_on(adapter)).unwrap_or(&ROWS[ROWS.len() - 1])
    }

    /// Whether the adapter has what the row needs.
    pub(super) fn runs_on(&self, adapter: &AdapterInfo) -> bool {
        self.lack(adapter).is_none()
    }

    /// What the row needs and the adapter lacks, in words.
    pub fn lack(&self, adapter: &AdapterInfo) -> Option<String> {
        let (needed, there) = (self.subgroup, adapter.subgroup_min);
        if there < needed {
            return Some(format!("needs subgroups of at least {needed}, {} has {there}", adapter.name));
        }
        if self.int64 && !adapter.int64 {
            return Some(format!("needs 64-bit integers, {} has none", adapter.name));
        }
        (self.shared_memory && !adapter.shares_memory)
            .then(|| format!("needs textures that share memory with buffers, {} has none", adapter.name))
    }
}

/// `variant` of `shader`, or `standard` where not all of `lengths`, and of the places of `tensors`, are whole runs.
pub(super) fn for_runs(
    shader: &str,
    variant: &'static str,
    lengths: &[usize],
    tensors: &[&Tensor],
) -> &'static str {
    let run = Shader::find(shader, variant).constant("RUN");
    let places = tensors.iter().flat_map(|tensor| [tensor.start(), tensor.sequence()]);
    let whole = lengths.iter().copied().chain(places).all(|length| length.is_multiple_of(run));
    if whole { variant } else { "standard" }
}

impl Variants {
    /// The variant of one shader.
    pub fn of(&self, shader: &str) -> &'static str {
        self.0.get(shader).copied().unwrap_or("standard")
    }

    /// The variant of a shader that not every row has.
    pub fn offered(&self, shader: &str) -> Option<&'static str> {
        self.0.get(shader).copied()
    }

    /// Shader and variant, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        self.0.iter().map(|(shader, variant)| (*shader, *variant))
    }
}
