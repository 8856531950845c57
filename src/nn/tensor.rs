//! A tensor on the device: (N, L, C), channel-last, with room for padding around each sequence.

use crate::gpu::Slice;
use crate::gpu::plan::Arena;

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
    /// A new tensor of zeros.
    pub fn allocate(
        arena: &mut Arena,
        name: impl Into<String>,
        (batch, length, channels): (usize, usize, usize),
        (left, right): (usize, usize),
    ) -> Self {
        let slice = arena.allocate(name, batch * (left + length + right) * channels);
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
