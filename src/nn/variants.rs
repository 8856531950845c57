//! Which file of a shader runs on which adapter: one table.

use std::collections::BTreeMap;

use crate::gpu::adapter::AdapterInfo;
use crate::gpu::shader::SHADERS;
use crate::{Error, Result};

/// One row of the table.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// The row's name; `--variant` takes it.
    pub name: &'static str,
    /// The adapters it is chosen for.
    pub adapters: &'static str,
    /// Shaders that run in another variant than `standard`, or that no other row has.
    pub shaders: &'static [(&'static str, &'static str)],
    /// Smallest subgroup it needs, in invocations; 0 for none.
    pub subgroup: u32,
    /// Whether it needs 64-bit integers.
    pub int64: bool,
}

/// The table; the last row is standard WGSL and runs everywhere.
pub const ROWS: &[Row] = &[
    Row {
        name: "subgroup",
        adapters: "software adapters with subgroups of at least 8 and 64-bit integers",
        shaders: &[("conv1d", "subgroup"), ("conv1d_max_pool1d", "subgroup")],
        subgroup: 8,
        int64: true,
    },
    Row { name: "standard", adapters: "all others", shaders: &[], subgroup: 0, int64: false },
];

/// The variant of every shader: part of a run's record, since sums differ in their last bits between variants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variants(BTreeMap<&'static str, &'static str>);

impl Row {
    /// The variant of each shader in this row.
    pub fn variants(&self) -> Variants {
        let standard = SHADERS.iter().filter(|file| file.variant == "standard").map(|file| (file.name, file.variant));
        Variants(standard.chain(self.shaders.iter().copied()).collect())
    }

    fn runs_on(&self, adapter: &AdapterInfo) -> bool {
        adapter.subgroup_min >= self.subgroup && (adapter.int64 || !self.int64)
    }
}

impl Variants {
    /// The row for `adapter`, or the row named by `--variant`.
    ///
    /// # Errors
    /// An unknown row, or one that the adapter cannot run.
    pub fn choose(adapter: &AdapterInfo, forced: Option<&str>) -> Result<Self> {
        let Some(name) = forced else {
            let row =
                ROWS.iter().find(|row| row.runs_on(adapter) && (adapter.is_software() || row.subgroup == 0));
            return Ok(row.unwrap_or(&ROWS[ROWS.len() - 1]).variants());
        };
        let row = ROWS.iter().find(|row| row.name == name).ok_or_else(|| {
            let names: Vec<&str> = ROWS.iter().map(|row| row.name).collect();
            Error::input(format!("--variant {name}: unknown; there are: {}", names.join(", ")))
        })?;
        if !row.runs_on(adapter) {
            return Err(Error::input(format!(
                "--variant {name} is for {}; {} is none; leave --variant out",
                row.adapters, adapter.name
            )));
        }
        Ok(row.variants())
    }

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
