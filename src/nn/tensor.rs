//! A tensor on the device: (N, L, C), channel-last, with room for padding around each sequence.

use crate::gpu::plan::{Arena, Slice, Value, fields};

/// (N, L, C) with `left` and `right` rows of zeros around each sequence.
///
/// The rows are written by nobody and buffers start at zero, so a convolution reads its padding like any input.
/// Element (n, t, c) stands at `start() + n * sequence() + t * channels + c`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tensor {
    /// Where it stands.
    pub slice: Slice,
    /// Sequences, N.
    pub batch: usize,
    /// Time steps, L.
    pub length: usize,
    /// Channels, C.
    pub channels: usize,
    /// Zero rows before the first step.
    pub left: usize,
    /// Zero rows after the last step.
    pub right: usize,
}

impl Tensor {
    /// A new tensor. With padding it starts as zeros; without it is scratch, whose elements a plan must write before it
    /// reads them.
    pub fn allocate(
        arena: &mut Arena,
        name: impl Into<String>,
        (batch, length, channels): (usize, usize, usize),
        (left, right): (usize, usize),
    ) -> Self {
        let len = batch * (left + length + right) * channels;
        let padded = left + right > 0;
        let slice = if padded { arena.allocate(name, len) } else { arena.allocate_scratch(name, len) };
        Self { slice, batch, length, channels, left, right }
    }

    /// (N, L, C) without padding in an existing slice.
    pub fn dense(slice: Slice, (batch, length, channels): (usize, usize, usize)) -> Self {
        Self { slice, batch, length, channels, left: 0, right: 0 }
    }

    /// Elements before (0, 0, 0).
    pub fn start(&self) -> usize {
        self.left * self.channels
    }

    /// Elements from one sequence to the next.
    pub fn sequence(&self) -> usize {
        (self.left + self.length + self.right) * self.channels
    }

    /// Elements without padding.
    pub fn elements(&self) -> usize {
        self.batch * self.length * self.channels
    }
}

/// Where the tensors of a pointwise or pooling layer stand, as fields of its shader's `Shape`.
///
/// Forward uses x and y, backward dx and dy (and y, where it is kept); the others may be any tensor.
pub fn places([x, y, dx, dy]: [&Tensor; 4]) -> Vec<(&'static str, Value)> {
    fields(&[
        ("x_start", x.start()),
        ("x_sequence", x.sequence()),
        ("y_start", y.start()),
        ("y_sequence", y.sequence()),
        ("dx_start", dx.start()),
        ("dx_sequence", dx.sequence()),
        ("dy_start", dy.start()),
        ("dy_sequence", dy.sequence()),
    ])
}
