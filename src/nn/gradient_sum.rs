//! Partial weight gradients of all layers into the flat gradient buffer: `shaders/gradient_sum.wgsl`.

use std::collections::BTreeMap;

use crate::gpu::plan::{ALIGNMENT, Arena, Binding, Kernel, Launch, Slice, aligned, fields};
use crate::gpu::shader::Shader;

/// Collects, while a network is lowered, the tensors whose gradient is cut among several owners.
#[derive(Debug, Default)]
pub struct GradientSum {
    tensors: Vec<Cut>,
}

#[derive(Debug)]
struct Cut {
    offset: usize,
    len: usize,
    splits: usize,
    partial: usize,
}

impl GradientSum {
    /// Notes a tensor of `len` gradients at `offset` of the flat buffer, cut among `splits` owners; returns where
    /// its partial sums will stand: (first element, elements in all).
    pub fn add(&mut self, offset: usize, len: usize, splits: usize) -> (usize, usize) {
        let partial = self.len();
        self.tensors.push(Cut { offset, len, splits, partial });
        (partial, splits * aligned(len))
    }

    /// Elements of all partial sums.
    pub fn len(&self) -> usize {
        self.tensors.last().map_or(0, |cut| cut.partial + cut.splits * aligned(cut.len))
    }

    /// Whether no tensor is cut.
    pub fn is_empty(&self) -> bool {
        self.tensors.is_empty()
    }

    /// The table of blocks as the shader reads it, four words a block.
    pub fn table(&self) -> Vec<u32> {
        let mut words = Vec::new();
        for cut in &self.tensors {
            let stride = aligned(cut.len);
            for block in 0..stride / ALIGNMENT {
                let row =
                    [cut.offset / ALIGNMENT + block, cut.partial + block * ALIGNMENT, cut.splits, stride];
                words.extend(row.map(|word| word as u32));
            }
        }
        words
    }

    /// The one launch that adds all partial sums; `table` holds [`GradientSum::table`].
    pub fn launch(&self, table: Slice, partial: Slice, g: Slice) -> Launch {
        let blocks = table.len / 4;
        Launch {
            label: "sum".to_owned(),
            kernel: Kernel {
                shader: "gradient_sum",
                variant: "standard",
                entry: "sum",
                constants: BTreeMap::new(),
            },
            bindings: vec![
                ("blocks", Binding::Fixed(table)),
                ("partial", Binding::Fixed(partial)),
                ("g", Binding::Fixed(g)),
            ],
            shape: fields(&[("blocks", blocks)]),
            workgroups: blocks.div_ceil(Shader::find("gradient_sum", "standard").constant("BLOCKS")),
            barriers: 0,
            flop: self.len() as u64,
            bytes: 4 * (self.len() + blocks * ALIGNMENT) as u64,
        }
    }

    /// Allocates the table and the partial sums.
    pub fn allocate(&self, arena: &mut Arena) -> (Slice, Slice) {
        (
            arena.allocate("gradient_sum.blocks", self.table().len()),
            arena.allocate("gradient_sum.partial", self.len()),
        )
    }
}
