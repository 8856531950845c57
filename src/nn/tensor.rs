//! A tensor on the device: (N, L, C), channel-last, with room for padding around each sequence.

use crate::gpu::plan::{Arena, Slice, Value, fields};

/// Elements of a KiB.
const KIB: usize = 256;

/// Elements of a cache line.
const CACHE_LINE: usize = 16;

/// (N, L, C) with `left` and `right` rows of zeros around each sequence.
///
/// The rows are written by nobody and buffers start at zero, so a convolution reads its padding like any input.
/// Element (n, t, c) stands at `start() + n * sequence() + t * channels + c`. An image is a sequence of its positions,
/// row after row: (N, H * W, C).
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
    /// Elements before and behind those rows, where the padding is no whole number of rows: see [`Tensor::viewed`].
    around: (usize, usize),
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
        Self { slice, batch, length, channels, left, right, around: (0, 0) }
    }

    /// As [`Tensor::allocate`], but scratch with padding: for kernels that write the zeros too.
    pub fn allocate_scratch(
        arena: &mut Arena,
        name: impl Into<String>,
        (batch, length, channels): (usize, usize, usize),
        (left, right): (usize, usize),
    ) -> Self {
        let slice = arena.allocate_scratch(name, batch * (left + length + right) * channels);
        Self { slice, batch, length, channels, left, right, around: (0, 0) }
    }

    /// As [`Tensor::allocate`], with a cache line between two sequences whose rows are whole KiB: a product reads tens of
    /// rows side by side, and a cache has few places for what lies whole KiB apart.
    pub fn allocate_staggered(
        arena: &mut Arena,
        name: impl Into<String>,
        (batch, length, channels): (usize, usize, usize),
        (left, right): (usize, usize),
    ) -> Self {
        let behind = if channels.is_multiple_of(KIB) { CACHE_LINE } else { 0 };
        let len = batch * ((left + length + right) * channels + behind);
        let padded = left + right > 0;
        let slice = if padded { arena.allocate(name, len) } else { arena.allocate_scratch(name, len) };
        Self { slice, batch, length, channels, left, right, around: (0, behind) }
    }

    /// (N, L, C) without padding in an existing slice.
    pub fn dense(slice: Slice, (batch, length, channels): (usize, usize, usize)) -> Self {
        Self { slice, batch, length, channels, left: 0, right: 0, around: (0, 0) }
    }

    /// The same elements as (N, `length`, `channels`): L * C is the same, so that this costs nothing.
    #[must_use]
    pub fn viewed(&self, length: usize, channels: usize) -> Self {
        assert_eq!(length * channels, self.length * self.channels, "a view of a sequence has its elements");
        let before = self.start();
        let behind = self.sequence() - before - length * channels;
        Self {
            length,
            channels,
            left: before / channels,
            right: behind / channels,
            around: (before % channels, behind % channels),
            ..*self
        }
    }

    /// Elements before (0, 0, 0).
    pub fn start(&self) -> usize {
        self.around.0 + self.left * self.channels
    }

    /// Elements from one sequence to the next.
    pub fn sequence(&self) -> usize {
        self.around.0 + (self.left + self.length + self.right) * self.channels + self.around.1
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

/// Where `batch` images with rows of `row` elements stand in a tensor of images (N, H * W, C) or of rows with padding
/// (N * H, W, C): the first element, and the elements from a row to the next and from an image to the next.
///
/// # Panics
/// If the tensor has rows of another length.
pub fn image_places(tensor: &Tensor, batch: usize, row: usize) -> [usize; 3] {
    let rows = tensor.batch / batch;
    match rows {
        1 => [tensor.start(), row, tensor.sequence()],
        _ if tensor.length * tensor.channels != row => {
            panic!("rows of {row} elements in a tensor of other rows")
        }
        _ => [tensor.start(), tensor.sequence(), rows * tensor.sequence()],
    }
}
