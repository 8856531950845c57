//! The layers of a model with their tensors, neighbours fused: a ReLU after a product finishes in the product's registers,
//! and so does a max-pool of a usual size after either; what the product itself has computed is never written then. Pools
//! of size 1, dropout of rate 0, reshape and flatten cost nothing: the next layer views the same elements in its own shape.
//! An image is a sequence of its positions, so a global pool is a pool over all of them, and a 2-D convolution of one tap
//! a dense layer; any other gathers bands for a product over those.

use std::collections::BTreeSet;

use super::conv1d::{Conv1d, POOLS};
use super::conv2d::Conv2d;
use super::dropout::Dropout;
use super::lstm::{LARGEST_UNITS, Lstm, LstmBuffers};
use super::max_pool2d::MaxPool2d;
use super::model::{LayerKind, Model, Shape};
use super::tensor::Tensor;
use crate::gpu::plan::{Arena, Slice};
use crate::{Error, Result};

/// What a stage does.
pub(super) enum Kind {
    /// A convolution or a dense layer with what follows it: a ReLU, a max-pool.
    Product {
        conv: Conv1d,
        relu: bool,
        pool: Option<Pool>,
        /// Where it reads bands of images, which are gathered first.
        bands: Option<Box<Bands>>,
    },
    Relu,
    MaxPool {
        size: usize,
        position: Slice,
    },
    MaxPool2d {
        pool: MaxPool2d,
        position: Slice,
    },
    AveragePool {
        size: usize,
    },
    Dropout(Dropout),
    Lstm {
        lstm: Lstm,
        buffers: Box<LstmBuffers>,
        sequence: bool,
    },
}

/// What stands between images and their product.
pub(super) struct Bands {
    pub(super) image: Conv2d,
    pub(super) tensor: Tensor,
}

/// A max-pool that finishes in a product's registers.
#[derive(Clone, Copy)]
pub(super) struct Pool {
    pub(super) size: usize,
    pub(super) position: Slice,
}

/// A layer with its neighbours fused in.
pub(super) struct Stage {
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) x: Tensor,
    pub(super) y: Tensor,
}

impl Stage {
    /// Whether something in it can learn.
    pub(super) fn has_parameters(&self) -> bool {
        matches!(self.kind, Kind::Product { .. } | Kind::Lstm { .. })
    }

    /// Whether something in it does learn, where these layers are frozen.
    pub(super) fn learns(&self, frozen: &BTreeSet<String>) -> bool {
        self.has_parameters() && !frozen.contains(&self.name)
    }
}

/// Zero rows that a layer reads around its input.
fn padding_read(kind: &LayerKind, input: Shape) -> (usize, usize) {
    match *kind {
        LayerKind::Conv1d { kernel, stride, padding, .. } => {
            let (left, right, _) = padding.of(input.length, kernel, stride);
            (left, right)
        }
        _ => (0, 0),
    }
}

/// Whether a layer hands its input on as it is, if perhaps in another shape, and so costs nothing.
fn is_identity(kind: &LayerKind, input: Shape) -> bool {
    match *kind {
        LayerKind::MaxPool1d { size } | LayerKind::AveragePool1d { size } => size == 1,
        LayerKind::MaxPool2d { size } => size == [1, 1],
        LayerKind::GlobalAveragePool | LayerKind::GlobalMaxPool => input.length == 1,
        LayerKind::Reshape { .. } | LayerKind::Flatten => true,
        LayerKind::Dropout { rate } => rate == 0.0,
        _ => false,
    }
}

/// Images keep their sides up to where they are read: [`Model::shapes`] has refused what does not fit.
const CHECKED: &str = "the model's shapes were checked";

/// The bands that a 2-D convolution reads, unless it is a product of pixels.
fn bands(kind: &LayerKind, batch: usize, input: Shape) -> Option<Conv2d> {
    let LayerKind::Conv2d { filters, kernel, stride, padding } = *kind else { return None };
    let [height, width] = input.sides().expect(CHECKED);
    let image = [batch, height, width, input.channels];
    ((kernel, stride) != ([1, 1], [1, 1])).then(|| Conv2d::new(image, filters, kernel, stride, padding))
}

/// The chain of stages with their tensors.
pub(super) fn stages(model: &Model, batch: usize, arena: &mut Arena) -> Result<Vec<Stage>> {
    let shapes = model.shapes()?;
    let input_of = |index: usize| if index == 0 { model.input() } else { shapes[index - 1] };
    let layers: Vec<usize> =
        (0..model.layers.len()).filter(|i| !is_identity(&model.layers[*i].kind, input_of(*i))).collect();
    // What stands before each of `layers`, shaped as its own layer gave it.
    let before = |place: usize| if place == 0 { model.input() } else { shapes[layers[place - 1]] };
    // Zero rows around that. Dropout hands its input on when it is off.
    let mut paddings = vec![(0, 0); layers.len() + 1];
    for (place, index) in layers.iter().enumerate().rev() {
        let input = input_of(*index);
        let (left, right) = match model.layers[*index].kind {
            LayerKind::Dropout { .. } => paddings[place + 1],
            ref kind => padding_read(kind, input),
        };
        let rows = |own: usize| (own * input.channels).div_ceil(before(place).channels);
        paddings[place] = (rows(left), rows(right));
    }
    let input = model.input();
    let mut x = Tensor::allocate(arena, "x", (batch, input.length, input.channels), paddings[0]);
    let mut stages = Vec::new();
    let mut place = 0;
    while place < layers.len() {
        let index = layers[place];
        let layer = &model.layers[index];
        let input = input_of(index);
        x = x.viewed(input.length, input.channels);
        // What reads a tensor in another shape is not fused.
        let next = |end: usize| {
            let next = layers.get(end).filter(|next| input_of(**next) == before(end));
            next.map(|next| &model.layers[*next].kind)
        };
        let image = bands(&layer.kind, batch, input);
        let product = matches!(
            layer.kind,
            LayerKind::Conv1d { .. } | LayerKind::Conv2d { .. } | LayerKind::Dense { .. }
        );
        let mut end = place + 1;
        let relu = product && next(end) == Some(&LayerKind::Relu);
        end += usize::from(relu);
        let pool = match next(end) {
            Some(LayerKind::MaxPool1d { size }) => Some(*size),
            Some(LayerKind::GlobalMaxPool) => Some(before(end).length),
            _ => None,
        };
        let pool = pool.filter(|size| product && image.is_none() && POOLS.contains(size));
        end += usize::from(pool.is_some());
        let shape = shapes[layers[end - 1]];
        let rows = (batch, x.length, x.channels);
        let sizes = (batch, shape.length, shape.channels);
        // Bands give rows, and an LSTM its last step, without padding around them.
        let last_step = matches!(layer.kind, LayerKind::Lstm { sequence: false, .. });
        let plain = image.is_some() || last_step;
        let around = if plain { (0, 0) } else { paddings[end] };
        // The scores, and what is read by rows of images, stand one behind the other.
        let behind = plain || end == layers.len();
        let allocate = if behind { Tensor::allocate } else { Tensor::allocate_staggered };
        let output = |arena: &mut Arena| allocate(arena, layer.name.as_str(), sizes, around);
        let position = |arena: &mut Arena, y: &Tensor| {
            arena.allocate_scratch(format!("{}.position", layer.name), y.elements())
        };
        let product = |arena: &mut Arena, conv: Conv1d| {
            let y = output(arena);
            let pool = pool.map(|size| Pool { size, position: position(arena, &y) });
            let bands = image.map(|image| {
                let around = (conv.left, conv.right);
                let name = format!("{}.bands", layer.name);
                let tensor = Tensor::allocate_scratch(arena, name, image.bands(), around);
                Box::new(Bands { image, tensor })
            });
            (Kind::Product { conv, relu, pool, bands }, y)
        };
        let max_pool = |arena: &mut Arena, size: usize| {
            let y = output(arena);
            (Kind::MaxPool { size, position: position(arena, &y) }, y)
        };
        let (kind, y) = match layer.kind {
            LayerKind::Conv1d { filters, kernel, stride, padding } => {
                product(arena, Conv1d::new(rows, filters, kernel, stride, padding))
            }
            LayerKind::Conv2d { filters, .. } => {
                let conv = image.map_or_else(|| Conv1d::dense(rows, filters), |image| image.along);
                product(arena, conv)
            }
            LayerKind::Dense { units } => product(arena, Conv1d::dense(rows, units)),
            LayerKind::Relu => (Kind::Relu, output(arena)),
            LayerKind::MaxPool1d { size } => max_pool(arena, size),
            LayerKind::GlobalMaxPool => max_pool(arena, x.length),
            LayerKind::MaxPool2d { size } => {
                let y = output(arena);
                let [height, width] = input.sides().expect(CHECKED);
                let pool = MaxPool2d { batch, height, width, channels: x.channels, size };
                (Kind::MaxPool2d { pool, position: position(arena, &y) }, y)
            }
            LayerKind::AveragePool1d { size } => (Kind::AveragePool { size }, output(arena)),
            LayerKind::GlobalAveragePool => (Kind::AveragePool { size: x.length }, output(arena)),
            LayerKind::Reshape { .. } | LayerKind::Flatten => unreachable!("they hand their input on"),
            LayerKind::Dropout { rate } => (Kind::Dropout(Dropout { rate, layer: index }), output(arena)),
            LayerKind::Lstm { units, sequence } => {
                if units > LARGEST_UNITS {
                    return Err(Error::input(format!(
                        "lstm '{}': {units} units; at most {LARGEST_UNITS} fit the memory of a workgroup",
                        layer.name
                    )));
                }
                let lstm = Lstm { batch, steps: x.length, channels: x.channels, units, reverse: false };
                let buffers = Box::new(LstmBuffers::allocate(arena, &layer.name, &lstm, around));
                let y = if sequence {
                    buffers.h
                } else {
                    Tensor::dense(buffers.last.part(0, batch * units), (batch, 1, units))
                };
                (Kind::Lstm { lstm, buffers, sequence }, y)
            }
        };
        // The loss gives the scores' gradient without the padding that a convolution of several taps reads around it.
        let last = match &kind {
            Kind::Product { conv, relu: false, pool: None, bands: None } if end == layers.len() => {
                conv.gradient_padding() != (0, 0)
            }
            _ => false,
        };
        stages.push(Stage { name: layer.name.clone(), kind, x, y });
        x = y;
        if around != paddings[end] || last {
            // The mean over each single step: a copy, of the output or of its gradient, with the room that is lacking.
            let name = format!("{}.padded", layer.name);
            let y = Tensor::allocate(arena, name.as_str(), sizes, paddings[end]);
            stages.push(Stage { name, kind: Kind::AveragePool { size: 1 }, x, y });
            x = y;
        }
        place = end;
    }
    Ok(stages)
}
