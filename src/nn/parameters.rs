//! The one flat table of a model's parameters: where each tensor stands in the device buffers, and
//! how it looks in a file.
//!
//! Parameters, their gradients and Adam's two moments are one flat f32 buffer each, laid out by the
//! same table. PyTorch's layout is the device's with the axes reversed:
//!
//! | layer | parameter | device | PyTorch |
//! |---|---|---|---|
//! | conv1d | `weight` | (kernel, in, out) | (out, in, kernel) |
//! | conv2d | `weight` | (kernel width, kernel height, in, out) | (out, in, kernel height, kernel width) |
//! | dense | `weight` | (in, out) | (out, in) |
//! | all three | `bias` | (out) | (out) |
//! | lstm | `weight_ih_l0` | (in, 4H) | (4H, in) |
//! | lstm | `weight_hh_l0` | (H, 4H) | (4H, H) |
//! | lstm | `bias_ih_l0` | (4H) | (4H), and a second one, `bias_hh_l0`, that is added to it |
//!
//! The LSTM's gates stand in the order i, f, g, o.

use std::ops::Range;

use crate::error::Result;
use crate::gpu::plan::ALIGNMENT;
use crate::nn::model::Model;

/// One tensor of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// PyTorch's name, as in `conv1.weight`.
    pub name: String,
    /// Index of the layer in [`Model::layers`].
    pub layer: usize,
    /// Shape on the device, row-major.
    pub device_shape: Vec<usize>,
    /// First element in the flat buffers, a multiple of [`ALIGNMENT`].
    pub offset: usize,
    /// Number of elements.
    pub len: usize,
}

impl Entry {
    /// The tensor's elements in the flat buffers.
    pub fn range(&self) -> Range<usize> {
        self.offset..self.offset + self.len
    }

    /// The layer's name.
    pub fn layer_name(&self) -> &str {
        self.name.rsplit_once('.').map_or(&self.name, |(layer, _)| layer)
    }

    /// PyTorch's shape: the device's with the axes reversed.
    pub fn torch_shape(&self) -> Vec<usize> {
        self.device_shape.iter().rev().copied().collect()
    }

    /// Whether it is a layer's bias.
    pub fn is_bias(&self) -> bool {
        self.name.rsplit('.').next().is_some_and(|parameter| parameter.starts_with("bias"))
    }

    /// The tensor in PyTorch's layout, out of a flat buffer in the device's.
    pub fn to_torch(&self, flat: &[f32]) -> Vec<f32> {
        reverse_axes(&flat[self.range()], &self.device_shape)
    }

    /// Writes `values`, a tensor in PyTorch's layout, into a flat buffer in the device's.
    pub fn from_torch(&self, values: &[f32], flat: &mut [f32]) {
        flat[self.range()].copy_from_slice(&reverse_axes(values, &self.torch_shape()));
    }

    /// The name of PyTorch's second bias, which is added to this one: an LSTM's `bias_hh_l0`.
    pub fn second_bias(&self) -> Option<String> {
        self.name.strip_suffix(".bias_ih_l0").map(|layer| format!("{layer}.bias_hh_l0"))
    }
}

/// Name, shape and place of every parameter tensor of a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParameterTable {
    entries: Vec<Entry>,
    total_len: usize,
}

impl ParameterTable {
    /// Lays out the parameters of `model` in the order of its layers.
    ///
    /// # Errors
    /// As [`Model::shapes`].
    pub fn new(model: &Model) -> Result<Self> {
        let mut offset = 0;
        let entries = model
            .parameters()?
            .into_iter()
            .map(|spec| {
                let len = spec.shape.iter().product();
                let device_shape = spec.shape.into_iter().rev().collect();
                let entry = Entry { name: spec.name, layer: spec.layer, device_shape, offset, len };
                offset += len.next_multiple_of(ALIGNMENT);
                entry
            })
            .collect();
        Ok(Self { entries, total_len: offset })
    }

    /// The tensors in the order of the layers.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The tensor `<layer>.<parameter>`, as in `entry("lstm1", "weight_hh_l0")`.
    ///
    /// # Panics
    /// If the model has no such tensor: the caller takes the names from the model's own layers.
    pub fn entry(&self, layer: &str, parameter: &str) -> &Entry {
        self.entries
            .iter()
            .find(|entry| {
                entry.name.strip_suffix(parameter).and_then(|rest| rest.strip_suffix('.')) == Some(layer)
            })
            .unwrap_or_else(|| panic!("the model has no parameter '{layer}.{parameter}'"))
    }

    /// The elements of the layers that `wanted` takes by their names, padding included: a range for those that follow
    /// each other.
    pub fn runs(&self, wanted: impl Fn(&str) -> bool) -> Vec<Range<usize>> {
        let mut runs: Vec<Range<usize>> = Vec::new();
        for entry in self.entries.iter().filter(|entry| wanted(entry.layer_name())) {
            let end = entry.offset + entry.len.next_multiple_of(ALIGNMENT);
            match runs.last_mut() {
                Some(run) if run.end == entry.offset => run.end = end,
                _ => runs.push(entry.offset..end),
            }
        }
        runs
    }

    /// Elements of a flat buffer, padding included: a multiple of [`ALIGNMENT`].
    pub fn total_len(&self) -> usize {
        self.total_len
    }

    /// Number of parameters, padding not counted.
    pub fn count(&self) -> usize {
        self.entries.iter().map(|entry| entry.len).sum()
    }
}

/// A row-major tensor with the order of its axes reversed: (a, b, c) becomes (c, b, a).
fn reverse_axes(values: &[f32], shape: &[usize]) -> Vec<f32> {
    let (mut places, mut step) = (vec![0], 1);
    for &size in shape.iter().rev() {
        places = places.iter().flat_map(|at| (0..size).map(move |i| at + i * step)).collect();
        step *= size;
    }
    places.into_iter().map(|at: usize| values[at]).collect()
}
