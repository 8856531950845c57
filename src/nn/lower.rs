//! A model lowered to plans: buffers, launches and their bindings, as plain data.
//!
//! Fusion happens here and nowhere else: a ReLU after a product finishes in the product's registers, and so does a
//! max-pool of a usual size after either; what the product itself has computed is never written then. The gradient
//! that arrives at such a ReLU is masked by whoever writes it, or by the pool's backward pass where a pool stands
//! behind. So is the gradient of a dropout right after such a ReLU: where the dropout's output is positive, both have
//! let it pass. Pools of size 1 and dropout of rate 0 cost nothing.
//!
//! A frozen layer has no weight gradient and is left out of Adam's update; below the lowest layer that learns there is
//! no gradient at all. What stands there up to its last layer with parameters extracts features, always the same of
//! the same window: its dropout is off. A dropout between that and the first layer that learns is that layer's own,
//! and stays on.

use std::collections::BTreeSet;

use super::adam::{self, Adam, State};
use super::conv1d::{Conv1d, Finish, POOLS};
use super::conv1d_max_pool1d::{Peaks, PooledConv1d};
use super::dropout::Dropout;
use super::gradient_sum::GradientSum;
use super::lstm::{LARGEST_UNITS, Lstm, LstmBuffers};
use super::model::{LayerKind, Model, Shape};
use super::parameters::{Entry, ParameterTable};
use super::softmax_cross_entropy::{self, Results};
use super::tensor::Tensor;
use super::variants::Variants;
use super::{average_pool1d, gather, max_pool1d, relu};
use crate::gpu::memory;
use crate::gpu::plan::{Arena, BufferId, Launch, Plan, RECORD, Slice};
use crate::{Error, Result};

/// What a network must hold.
#[derive(Debug, Clone, PartialEq)]
pub struct Capacity {
    /// Windows of a batch, N.
    pub batch: usize,
    /// Windows in the table.
    pub windows: usize,
    /// Positions of the longest order.
    pub order: usize,
    /// Samples of each part of the signal.
    pub signal_parts: Vec<usize>,
}

/// How a model is lowered.
#[derive(Debug, Clone, PartialEq)]
pub struct Lowering {
    /// The variant of each shader.
    pub variants: Variants,
    /// Largest global norm of the gradients, if they are clipped.
    pub clip_norm: Option<f64>,
    /// Whether the network is trained; otherwise it has no gradients and no optimizer.
    pub training: bool,
    /// Names of layers whose parameters stay as they are.
    pub frozen: BTreeSet<String>,
    /// The optimizer's constants.
    pub adam: Adam,
}

/// The buffers that the host writes and reads.
#[derive(Debug, Clone, PartialEq)]
pub struct Io {
    /// One record a step.
    pub steps: BufferId,
    /// Window indices of an epoch, in order.
    pub order: Slice,
    /// The table of windows.
    pub windows: Slice,
    /// The recordings, in parts.
    pub signals: Vec<Slice>,
    /// The batch's input.
    pub x: Tensor,
    /// The batch's labels.
    pub labels: Slice,
    /// The batch's scores.
    pub scores: Tensor,
    /// Results by position of the order.
    pub results: Results,
    /// Parameters, gradients and moments; without training only `p` counts.
    pub state: State,
}

/// A lowered model.
#[derive(Debug, Clone, PartialEq)]
pub struct Lowered {
    /// Its buffers.
    pub arena: Arena,
    /// Where the host finds what.
    pub io: Io,
    /// Tables that are written once.
    pub tables: Vec<(Slice, Vec<u32>)>,
    /// Gather, forward without dropout, results.
    pub infer: Plan,
    /// Gather, forward, backward: gradients of the batch's mean loss.
    pub gradients: Plan,
    /// Clipping and Adam: a plan of its own, since accumulation and an all-reduce would go in between.
    pub update: Plan,
}

/// A layer with its neighbours fused in.
enum Kind {
    /// A convolution or a dense layer with what follows it: a ReLU, a max-pool.
    Product {
        conv: Conv1d,
        relu: bool,
        pool: Option<Pool>,
    },
    Relu,
    MaxPool {
        size: usize,
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

/// A max-pool that finishes in a product's registers.
#[derive(Clone, Copy)]
struct Pool {
    size: usize,
    position: Slice,
}

struct Stage {
    name: String,
    kind: Kind,
    x: Tensor,
    y: Tensor,
}

impl Stage {
    fn has_parameters(&self) -> bool {
        matches!(self.kind, Kind::Product { .. } | Kind::Lstm { .. })
    }

    fn learns(&self, frozen: &BTreeSet<String>) -> bool {
        self.has_parameters() && !frozen.contains(&self.name)
    }
}

/// Lowers `model` for the given capacity.
///
/// # Errors
/// A layer that does not fit: the message names it. Training with every layer frozen.
pub fn lower(model: &Model, capacity: &Capacity, options: &Lowering) -> Result<Lowered> {
    if model.channels != 1 {
        return Err(Error::input(format!(
            "model '{}' takes {} channels, recordings are read one channel at a time: set channels = 1 under [input]",
            model.name, model.channels
        )));
    }
    let table = ParameterTable::new(model)?;
    let mut arena = Arena::default();
    let io_buffers = IoBuffers::allocate(&mut arena, model, capacity, &table, options.training)?;
    let stages = stages(model, capacity.batch, &mut arena)?;
    let x = stages[0].x;
    let scores = stages[stages.len() - 1].y;
    let io = io_buffers.with(x, scores);
    let unwritten = arena.allocate("unwritten", 1);
    let first = match stages.iter().position(|stage| stage.learns(&options.frozen)) {
        Some(first) => first,
        None if options.training => {
            return Err(Error::input(format!(
                "model '{}': all its layers with parameters are frozen, so nothing would learn: freeze fewer",
                model.name
            )));
        }
        None => stages.len(),
    };
    let fixed = stages[..first].iter().rposition(Stage::has_parameters).map_or(0, |last| last + 1);
    let mut lowering = Builder { arena, io, table, options, stages: &stages, first, fixed, unwritten };
    let infer = lowering.infer();
    let mut tables = Vec::new();
    let (mut gradients, mut update) = (Plan::default(), Plan::default());
    if options.training {
        gradients = lowering.gradients(&mut tables);
        update = lowering.update();
    }
    let Builder { mut arena, io, .. } = lowering;
    let training = gradients.launches.iter().chain(&update.launches);
    memory::share(&mut arena, &[infer.launches.iter().collect(), training.collect()]);
    Ok(Lowered { arena, io, tables, infer, gradients, update })
}

/// [`Io`] before the input and output tensors are known.
struct IoBuffers {
    steps: BufferId,
    order: Slice,
    windows: Slice,
    signals: Vec<Slice>,
    labels: Slice,
    results: Results,
    state: State,
}

impl IoBuffers {
    fn allocate(
        arena: &mut Arena,
        model: &Model,
        capacity: &Capacity,
        table: &ParameterTable,
        training: bool,
    ) -> Result<Self> {
        let classes = model.classes()?;
        let steps = capacity.order.div_ceil(capacity.batch);
        let flat = |arena: &mut Arena, name: &str| arena.allocate(name, table.total_len());
        let p = flat(arena, "parameters");
        let state = if training {
            State { p, g: flat(arena, "gradients"), m: flat(arena, "moments.m"), v: flat(arena, "moments.v") }
        } else {
            State { p, g: p, m: p, v: p }
        };
        Ok(Self {
            steps: arena.allocate("steps", steps * RECORD).buffer,
            order: arena.allocate("order", capacity.order),
            windows: arena.allocate("windows", capacity.windows * gather::WINDOW_WORDS),
            signals: capacity.signal_parts.iter().map(|len| arena.allocate("signal", *len)).collect(),
            labels: arena.allocate("labels", capacity.batch),
            results: Results {
                p: arena.allocate("results.p", capacity.order * classes),
                loss: arena.allocate("results.loss", capacity.order),
                predicted: arena.allocate("results.predicted", capacity.order),
            },
            state,
        })
    }

    fn with(self, x: Tensor, scores: Tensor) -> Io {
        let Self { steps, order, windows, signals, labels, results, state } = self;
        Io { steps, order, windows, signals, x, labels, scores, results, state }
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

/// Whether a layer hands its input on as it is, and so costs nothing.
fn is_identity(kind: &LayerKind) -> bool {
    match *kind {
        LayerKind::MaxPool1d { size } | LayerKind::AveragePool1d { size } => size == 1,
        LayerKind::Dropout { rate } => rate == 0.0,
        _ => false,
    }
}

/// The chain of stages with their tensors.
fn stages(model: &Model, batch: usize, arena: &mut Arena) -> Result<Vec<Stage>> {
    let shapes = model.shapes()?;
    let input_of = |index: usize| if index == 0 { model.input() } else { shapes[index - 1] };
    let layers: Vec<usize> =
        (0..model.layers.len()).filter(|i| !is_identity(&model.layers[*i].kind)).collect();
    // Zero rows around the input of each of `layers`. Dropout hands its input on when it is off.
    let mut paddings = vec![(0, 0); layers.len() + 1];
    for (place, index) in layers.iter().enumerate().rev() {
        paddings[place] = match model.layers[*index].kind {
            LayerKind::Dropout { .. } => paddings[place + 1],
            ref kind => padding_read(kind, input_of(*index)),
        };
    }
    let input = model.input();
    let mut x = Tensor::allocate(arena, "x", (batch, input.length, input.channels), paddings[0]);
    let mut stages = Vec::new();
    let mut place = 0;
    while place < layers.len() {
        let index = layers[place];
        let layer = &model.layers[index];
        let next = |end: usize| layers.get(end).map(|next| &model.layers[*next].kind);
        let product = matches!(layer.kind, LayerKind::Conv1d { .. } | LayerKind::Dense { .. });
        let mut end = place + 1;
        let relu = product && next(end) == Some(&LayerKind::Relu);
        end += usize::from(relu);
        let pool = match next(end) {
            Some(LayerKind::MaxPool1d { size }) if product && POOLS.contains(size) => Some(*size),
            _ => None,
        };
        end += usize::from(pool.is_some());
        let shape = shapes[layers[end - 1]];
        let rows = (batch, x.length, x.channels);
        let output = |arena: &mut Arena| {
            Tensor::allocate(arena, layer.name.as_str(), (batch, shape.length, shape.channels), paddings[end])
        };
        let position = |arena: &mut Arena, y: &Tensor| {
            arena.allocate_scratch(format!("{}.position", layer.name), y.elements())
        };
        let product = |arena: &mut Arena, conv: Conv1d| {
            let y = output(arena);
            let pool = pool.map(|size| Pool { size, position: position(arena, &y) });
            (Kind::Product { conv, relu, pool }, y)
        };
        let (kind, y) = match layer.kind {
            LayerKind::Conv1d { filters, kernel, stride, padding } => {
                product(arena, Conv1d::new(rows, filters, kernel, stride, padding))
            }
            LayerKind::Dense { units } => product(arena, Conv1d::dense(rows, units)),
            LayerKind::Relu => (Kind::Relu, output(arena)),
            LayerKind::MaxPool1d { size } => {
                let y = output(arena);
                (Kind::MaxPool { size, position: position(arena, &y) }, y)
            }
            LayerKind::AveragePool1d { size } => (Kind::AveragePool { size }, output(arena)),
            LayerKind::Dropout { rate } => (Kind::Dropout(Dropout { rate, layer: index }), output(arena)),
            LayerKind::Lstm { units, sequence } => {
                if units > LARGEST_UNITS {
                    return Err(Error::input(format!(
                        "lstm '{}': {units} units; at most {LARGEST_UNITS} fit the memory of a workgroup",
                        layer.name
                    )));
                }
                let lstm = Lstm { batch, steps: x.length, channels: x.channels, units, reverse: false };
                let around = if sequence { paddings[end] } else { (0, 0) };
                let buffers = Box::new(LstmBuffers::allocate(arena, &layer.name, &lstm, around));
                let y = if sequence {
                    buffers.h
                } else {
                    Tensor::dense(buffers.last.part(0, batch * units), (batch, 1, units))
                };
                if !sequence && paddings[end] != (0, 0) {
                    return Err(Error::input(format!(
                        "lstm '{}' hands on one step, the convolution after it wants padding around it; \
                         use kernel = 1 or a dense layer",
                        layer.name
                    )));
                }
                (Kind::Lstm { lstm, buffers, sequence }, y)
            }
        };
        stages.push(Stage { name: layer.name.clone(), kind, x, y });
        x = y;
        place = end;
    }
    Ok(stages)
}

struct Builder<'a> {
    arena: Arena,
    io: Io,
    table: ParameterTable,
    options: &'a Lowering,
    stages: &'a [Stage],
    /// The lowest stage that learns: below it nobody asks for a gradient.
    first: usize,
    /// Stages that extract features, always the same: those up to the last one with parameters below `first`.
    fixed: usize,
    /// What a kernel binds that can write more than it is asked for.
    unwritten: Slice,
}

impl Builder<'_> {
    fn product(&self) -> &'static str {
        self.options.variants.of("conv1d")
    }

    fn walk(&self) -> &'static str {
        self.options.variants.of("lstm")
    }

    fn parameter(&self, stage: &Stage, name: &str) -> Slice {
        let entry = self.table.entry(&stage.name, name);
        self.io.state.p.part(entry.offset, entry.len)
    }

    fn gather(&self, plan: &mut Plan) {
        for (part, signal) in self.io.signals.iter().enumerate() {
            plan.launches.push(gather::forward(
                self.io.steps,
                (*signal, part),
                (self.io.windows, self.io.order),
                &self.io.x,
                self.io.labels,
            ));
        }
    }

    /// The layers' forward passes, from stage `training_from` on with dropout and what a backward pass reads; returns
    /// where the scores stand.
    fn forward(&self, plan: &mut Plan, training_from: usize) -> Tensor {
        let variant = self.product();
        // Dropout that is off hands its input on.
        let mut handed_on = None;
        for (index, stage) in self.stages.iter().enumerate() {
            let training = index >= training_from;
            let name = stage.name.as_str();
            let x = &handed_on.take().unwrap_or(stage.x);
            let weights = |w: &str, b: &str| (self.parameter(stage, w), self.parameter(stage, b));
            match &stage.kind {
                Kind::Product { conv, relu, pool } => {
                    let (w, b) = weights("weight", "bias");
                    let finish = Finish {
                        relu: *relu,
                        pool: pool.map_or(1, |pool| pool.size),
                        keep_position: training && pool.is_some(),
                    };
                    let to = (&stage.y, pool.map_or(self.unwritten, |pool| pool.position));
                    plan.launches.push(conv.forward((name, variant), (x, w, b), to, finish));
                }
                Kind::Relu => plan.launches.push(relu::forward(name, x, &stage.y)),
                Kind::MaxPool { size, position } => {
                    plan.launches.push(max_pool1d::forward(name, *size, x, &stage.y, *position));
                }
                Kind::AveragePool { size } => {
                    plan.launches.push(average_pool1d::forward(name, *size, x, &stage.y));
                }
                Kind::Dropout(dropout) if training => {
                    plan.launches.push(dropout.forward(name, self.io.steps, x, &stage.y));
                }
                Kind::Dropout(_) => handed_on = Some(*x),
                Kind::Lstm { lstm, buffers, .. } => {
                    let (w, b) = weights("weight_ih_l0", "bias_ih_l0");
                    let projection = lstm.projection();
                    let to = (&buffers.gates, self.unwritten);
                    plan.launches.push(projection.forward((name, variant), (x, w, b), to, Finish::PLAIN));
                    let recurrent = self.parameter(stage, "weight_hh_l0");
                    plan.launches.push(lstm.forward((name, self.walk()), recurrent, buffers));
                }
            }
        }
        handed_on.unwrap_or(self.io.scores)
    }

    fn infer(&self) -> Plan {
        let mut plan = Plan::default();
        self.gather(&mut plan);
        let scores = self.forward(&mut plan, self.stages.len());
        let Io { steps, labels, results, .. } = &self.io;
        plan.launches.push(softmax_cross_entropy::forward("loss", *steps, &scores, *labels, results));
        plan
    }

    /// The gradient tensor of a stage's output, with the padding that the stage's own backward reads.
    fn output_gradient(&mut self, index: usize, input_gradient_wanted: bool) -> Tensor {
        let stage = &self.stages[index];
        let y = stage.y;
        let padding = match &stage.kind {
            Kind::Product { conv, pool: None, .. } if input_gradient_wanted => conv.gradient_padding(),
            Kind::Lstm { lstm, buffers, sequence: false } => {
                let slice = buffers.dlast.part(0, lstm.batch * lstm.units);
                return Tensor::dense(slice, (lstm.batch, 1, lstm.units));
            }
            _ => (0, 0),
        };
        let shape = (y.batch, y.length, y.channels);
        Tensor::allocate(&mut self.arena, format!("{}.gradient", stage.name), shape, padding)
    }

    /// Where the gradient of a parameter is written: the flat buffer, or partial sums if it is cut.
    fn owners(cuts: &mut GradientSum, entry: &Entry, splits: usize) -> Target {
        if splits == 1 {
            Target::Flat(entry.offset, entry.len)
        } else {
            let (offset, len) = cuts.add(entry.offset, entry.len, splits);
            Target::Partial(offset, len)
        }
    }

    fn gradients(&mut self, tables: &mut Vec<(Slice, Vec<u32>)>) -> Plan {
        let variant = self.product();
        let mut plan = Plan::default();
        self.gather(&mut plan);
        let scores = self.forward(&mut plan, self.fixed);
        let products: Vec<Vec<WeightGradient>> = (self.stages.iter().enumerate())
            .map(|(index, stage)| match stage.learns(&self.options.frozen) {
                true => WeightGradient::of(stage, self.pooled(index)),
                false => Vec::new(),
            })
            .collect();
        let mut cuts = GradientSum::default();
        let targets: Vec<Vec<(Target, Option<Target>)>> = (self.stages.iter().zip(&products))
            .map(|(stage, products)| {
                let mut of = |product: &WeightGradient| {
                    let splits = product.splits(variant);
                    let w = Self::owners(&mut cuts, self.table.entry(&stage.name, product.w), splits);
                    let entry = |name| self.table.entry(&stage.name, name);
                    (w, product.b.map(|b| Self::owners(&mut cuts, entry(b), splits)))
                };
                products.iter().map(&mut of).collect()
            })
            .collect();
        let (blocks, partial) = cuts.allocate(&mut self.arena);
        let unused = self.unused_bias(&products, variant);
        let slice = |target: &Target, g: Slice| match *target {
            Target::Flat(offset, len) => g.part(offset, len),
            Target::Partial(offset, len) => partial.part(offset, len),
        };
        let first = self.first;
        let top = self.stages.len() - 1;
        let mut dy = self.output_gradient(top, top > first);
        let g = self.io.state.g;
        let raw = self.before_relu(top, dy);
        let Io { steps, labels, results, .. } = &self.io;
        plan.launches.push(softmax_cross_entropy::train("loss", *steps, &scores, *labels, results, &raw));
        self.mask(&mut plan, top, raw, dy);
        let mut index = top;
        loop {
            let stage = &self.stages[index];
            let name = stage.name.as_str();
            if let Kind::Lstm { lstm, buffers, sequence } = &stage.kind {
                let w = self.parameter(stage, "weight_hh_l0");
                plan.launches.push(lstm.backward((name, self.walk()), w, sequence.then_some(&dy), buffers));
            }
            dy = self.unpooled(&mut plan, index, dy, index > first);
            for (product, (w, b)) in products[index].iter().zip(&targets[index]) {
                let splits = product.splits(variant);
                let db = b.as_ref().map_or(unused, |b| slice(b, g));
                let to = (slice(w, g), db);
                plan.launches.push(if let Some(pooled) = &product.pooled {
                    pooled.weight_gradient(name, &self.peaks(index, &dy), &product.x, to, splits)
                } else {
                    let dy = if let Kind::Lstm { buffers, .. } = &stage.kind { &buffers.gates } else { &dy };
                    let x = (&product.x, product.first_step);
                    product.conv.weight_gradient((name, variant), x, dy, to, splits)
                });
            }
            if index == first {
                break;
            }
            let below = self.below(index);
            let dx = self.output_gradient(below, below > first);
            self.input_gradient(&mut plan, index, &dy, dx);
            (index, dy) = (below, dx);
        }
        if !cuts.is_empty() {
            tables.push((blocks, cuts.table()));
            plan.launches.push(cuts.launch(blocks, partial, g));
        }
        plan
    }

    /// The gradient of stage `index`'s own product from that of its output: where a max-pool finishes the product and
    /// no kernel takes the pool's gradient as it is, spread over the pool's windows.
    fn unpooled(&mut self, plan: &mut Plan, index: usize, dy: Tensor, input_gradient_wanted: bool) -> Tensor {
        let stage = &self.stages[index];
        let Kind::Product { conv, relu, pool: Some(pool) } = &stage.kind else { return dy };
        if self.pooled(index).is_some() {
            return dy;
        }
        let padding = if input_gradient_wanted { conv.gradient_padding() } else { (0, 0) };
        let shape = (conv.batch, conv.steps, conv.filters);
        let name = format!("{}.unpooled_gradient", stage.name);
        let spread = Tensor::allocate(&mut self.arena, name, shape, padding);
        let kept = (&stage.y, pool.position);
        plan.launches.push(max_pool1d::backward(&stage.name, pool.size, kept, &dy, &spread, *relu));
        spread
    }

    /// Where a product without bias leaves the sums of dy that its kernel computes all the same.
    fn unused_bias(&mut self, products: &[Vec<WeightGradient>], variant: &'static str) -> Slice {
        let without = products.iter().flatten().filter(|product| product.b.is_none());
        let len = without.map(|product| product.conv.splits(variant) * product.conv.filters).max();
        self.arena.allocate("unused_bias_gradient", len.unwrap_or(1))
    }

    /// The dropout below stage `index` whose backward pass the stage's own kernel does: one right after a fused ReLU.
    fn fused_dropout(&self, index: usize) -> Option<Dropout> {
        let above = &self.stages[index].kind;
        if !matches!(above, Kind::Product { .. } | Kind::Lstm { .. }) {
            return None;
        }
        match self.stages[index - 1].kind {
            Kind::Dropout(dropout) if index > 1 && self.ends_in_relu(index - 2) => Some(dropout),
            _ => None,
        }
    }

    /// The stage whose output's gradient stage `index` writes.
    fn below(&self, index: usize) -> usize {
        index - if self.fused_dropout(index).is_some() { 2 } else { 1 }
    }

    /// The gradient `dx` from that of stage `index`'s output: of the output of [`Builder::below`], through its ReLU if
    /// one is fused.
    fn input_gradient(&mut self, plan: &mut Plan, index: usize, dy: &Tensor, dx: Tensor) {
        let stage = &self.stages[index];
        let name = stage.name.as_str();
        let variant = self.product();
        let masked = self.ends_in_relu(self.below(index));
        let scale = self.fused_dropout(index).map_or(1.0, |dropout| dropout.scale());
        let relu = masked.then_some((&stage.x, scale));
        match &stage.kind {
            Kind::Product { conv, .. } => {
                let w = self.parameter(stage, "weight");
                plan.launches.push(if let Some(pooled) = self.pooled(index) {
                    pooled.input_gradient(name, &self.peaks(index, dy), w, relu, &dx)
                } else {
                    conv.input_gradient((name, variant), (dy, w), relu, &dx)
                });
            }
            Kind::Lstm { lstm, buffers, .. } => {
                let operands = (&buffers.gates, self.parameter(stage, "weight_ih_l0"));
                let projection = lstm.projection();
                plan.launches.push(projection.input_gradient((name, variant), operands, relu, &dx));
            }
            Kind::MaxPool { size, position } => {
                let kept = (&stage.y, *position);
                plan.launches.push(max_pool1d::backward(name, *size, kept, dy, &dx, masked));
            }
            kind => {
                let raw = self.before_relu(index - 1, dx);
                plan.launches.push(match kind {
                    Kind::AveragePool { size } => average_pool1d::backward(name, *size, dy, &raw),
                    Kind::Dropout(dropout) => dropout.backward(name, self.io.steps, dy, &raw),
                    _ => relu::backward(name, &stage.y, dy, &raw),
                });
                self.mask(plan, index - 1, raw, dx);
            }
        }
    }

    /// Stage `index`, if it is a convolution whose gradients can come from those of the max-pool that finishes it.
    fn pooled(&self, index: usize) -> Option<PooledConv1d> {
        let Kind::Product { conv, relu, pool: Some(pool) } = self.stages[index].kind else { return None };
        PooledConv1d::new(&self.options.variants, conv, relu, pool.size)
    }

    /// What the max-pool that finishes stage `index` kept, with the gradient `dy` of its output.
    fn peaks<'b>(&'b self, index: usize, dy: &'b Tensor) -> Peaks<'b> {
        let stage = &self.stages[index];
        let Kind::Product { pool: Some(pool), .. } = stage.kind else {
            unreachable!("a pooled convolution has its pool")
        };
        Peaks { y: &stage.y, position: pool.position, dy }
    }

    /// Whether the gradient of stage `index`'s output must be masked on arrival: a pool's own backward pass does it
    /// otherwise.
    fn ends_in_relu(&self, index: usize) -> bool {
        matches!(self.stages[index].kind, Kind::Product { relu: true, pool: None, .. })
    }

    /// Where a kernel that cannot mask leaves the gradient of stage `index`'s output, bound for `dy`.
    fn before_relu(&mut self, index: usize, dy: Tensor) -> Tensor {
        if !self.ends_in_relu(index) {
            return dy;
        }
        let shape = (dy.batch, dy.length, dy.channels);
        Tensor::allocate(&mut self.arena, format!("{}.relu_gradient", self.stages[index].name), shape, (0, 0))
    }

    /// Takes the gradient `raw` through the ReLU fused into stage `index`, if there is one.
    fn mask(&self, plan: &mut Plan, index: usize, raw: Tensor, dy: Tensor) {
        if self.ends_in_relu(index) {
            let stage = &self.stages[index];
            plan.launches.push(relu::backward(&stage.name, &stage.y, &raw, &dy));
        }
    }

    fn update(&mut self) -> Plan {
        let mut launches: Vec<Launch> = Vec::new();
        let state = self.io.state;
        let learning = self.table.runs(|layer| !self.options.frozen.contains(layer));
        let clip = self.options.clip_norm.map(|limit| {
            // Of the frozen layers in between nobody has written a gradient: it is zero.
            let all = learning[0].start..learning[learning.len() - 1].end;
            let (clipping, factor) = adam::clip(&mut self.arena, state.part(all).g, limit);
            launches.extend(clipping);
            factor
        });
        let update = |run| self.options.adam.update(self.io.steps, &state.part(run), clip);
        launches.extend(learning.into_iter().map(update));
        Plan { launches }
    }
}

/// Where a weight gradient goes: (first element, elements).
enum Target {
    Flat(usize, usize),
    Partial(usize, usize),
}

/// One product whose weights learn.
struct WeightGradient {
    conv: Conv1d,
    x: Tensor,
    first_step: isize,
    w: &'static str,
    b: Option<&'static str>,
    /// Where the gradient comes from a max-pool behind the product.
    pooled: Option<PooledConv1d>,
}

impl WeightGradient {
    /// Owners among which its sum is cut.
    fn splits(&self, variant: &'static str) -> usize {
        self.pooled.map_or_else(|| self.conv.splits(variant), |pooled| pooled.splits())
    }

    fn of(stage: &Stage, pooled: Option<PooledConv1d>) -> Vec<Self> {
        match &stage.kind {
            Kind::Product { conv, .. } => {
                vec![Self { conv: *conv, x: stage.x, first_step: 0, w: "weight", b: Some("bias"), pooled }]
            }
            Kind::Lstm { lstm, buffers, .. } => vec![
                Self {
                    conv: lstm.projection(),
                    x: stage.x,
                    first_step: 0,
                    w: "weight_ih_l0",
                    b: Some("bias_ih_l0"),
                    pooled: None,
                },
                Self {
                    conv: lstm.recurrence(),
                    x: buffers.h,
                    first_step: lstm.previous(),
                    w: "weight_hh_l0",
                    b: None,
                    pooled: None,
                },
            ],
            _ => Vec::new(),
        }
    }
}
