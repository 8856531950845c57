//! A model lowered to plans: buffers, launches and their bindings, as plain data.
//!
//! Fusion happens in `stages.rs` and here, and nowhere else. The gradient that arrives at a ReLU fused into a product
//! is masked by whoever writes it, or by the pool's backward pass where a pool stands behind. So is the gradient of a
//! dropout right after such a ReLU: where the dropout's output is positive, both have let it pass.
//!
//! A frozen layer has no weight gradient and is left out of Adam's update; below the lowest layer that learns there is
//! no gradient at all. What stands there up to its last layer with parameters extracts features, always the same of
//! the same window: its dropout is off. A dropout between that and the first layer that learns is that layer's own,
//! and stays on.
//!
//! To be explained, a network is lowered without its dropout: all weights are frozen, and the gradient goes down to the
//! input.

use std::collections::BTreeSet;

use super::adam::{self, Adam, State};
use super::conv1d::{self, Conv1d, Finish};
use super::conv1d_max_pool1d::{Peaks, PooledConv1d};
use super::conv2d::Conv2d;
use super::dropout::Dropout;
use super::gather::Augmentation;
use super::gradient_sum::GradientSum;
use super::model::{Model, Padding};
use super::parameters::{Entry, ParameterTable};
use super::softmax_cross_entropy::{self, Objective, Results};
use super::stages::{Kind, Stage, stages};
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

/// What a training step does beyond forward and backward; by default plain Adam on the plain mean cross-entropy.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Recipe {
    /// The optimizer's constants.
    pub adam: Adam,
    /// What is made small.
    pub objective: Objective,
    /// How windows are changed at random, if they are.
    pub augmentation: Option<Augmentation>,
    /// Names of layers whose parameters stay as they are.
    pub frozen: BTreeSet<String>,
}

/// What a network is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Task {
    /// To classify: it has no gradients and no optimizer.
    Scoring,
    /// To learn: it has the gradients of its parameters, and Adam.
    Training,
    /// To be explained: it has the gradient of its input and no other. Dropout is off.
    Explaining,
}

/// How a model is lowered.
#[derive(Debug, Clone, PartialEq)]
pub struct Lowering {
    /// The variant of each shader.
    pub variants: Variants,
    /// Largest global norm of the gradients, if they are clipped.
    pub clip_norm: Option<f64>,
    /// What the network is for.
    pub task: Task,
    /// What a training step does.
    pub recipe: Recipe,
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
    /// How far each window may be augmented, where training does it.
    pub plays: Option<Slice>,
    /// The recordings, in parts.
    pub signals: Vec<Slice>,
    /// The batch's input.
    pub x: Tensor,
    /// Its gradient (N, L, 1), where the network is to be explained.
    pub dx: Option<Tensor>,
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
    /// Gather, forward, backward: gradients of the batch's mean loss, by the parameters or by the input.
    pub gradients: Plan,
    /// Clipping and Adam: a plan of its own, since accumulation and an all-reduce would go in between.
    pub update: Plan,
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
    if table.count() == 0 {
        return Err(Error::input(format!(
            "model '{}' has no layer with parameters, so nothing can learn: add a dense layer",
            model.name
        )));
    }
    let mut arena = Arena::default();
    let io_buffers = IoBuffers::allocate(&mut arena, model, capacity, &table, options)?;
    let explaining = options.task == Task::Explaining;
    let undropped = explaining.then(|| model.without_dropout());
    let stages = stages(undropped.as_ref().unwrap_or(model), capacity.batch, &mut arena)?;
    let x = stages[0].x.viewed(model.window, model.channels);
    let dx = explaining.then(|| {
        let shape = (capacity.batch, model.window, model.channels);
        Tensor::dense(arena.allocate("x.gradient", capacity.batch * model.window), shape)
    });
    let scores = stages[stages.len() - 1].y.viewed(1, model.classes()?);
    let io = io_buffers.with((x, dx), scores);
    let unwritten = arena.allocate("unwritten", 1);
    let first = match options.task {
        Task::Scoring => stages.len(),
        Task::Explaining => 0,
        Task::Training => {
            stages.iter().position(|stage| stage.learns(&options.recipe.frozen)).ok_or_else(|| {
                Error::input(format!(
                    "model '{}': all its layers with parameters are frozen, so nothing would learn: freeze fewer",
                    model.name
                ))
            })?
        }
    };
    let fixed = stages[..first].iter().rposition(Stage::has_parameters).map_or(0, |last| last + 1);
    let mut lowering = Builder { arena, io, table, options, stages: &stages, first, fixed, unwritten };
    let infer = lowering.infer();
    let mut tables = Vec::new();
    let (mut gradients, mut update) = (Plan::default(), Plan::default());
    if options.task != Task::Scoring {
        gradients = lowering.gradients(&mut tables);
    }
    if options.task == Task::Training {
        update = lowering.update(&mut tables);
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
    plays: Option<Slice>,
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
        options: &Lowering,
    ) -> Result<Self> {
        let classes = model.classes()?;
        let steps = capacity.order.div_ceil(capacity.batch);
        let flat = |arena: &mut Arena, name: &str| arena.allocate(name, table.total_len());
        let p = flat(arena, "parameters");
        let state = if options.task == Task::Training {
            State { p, g: flat(arena, "gradients"), m: flat(arena, "moments.m"), v: flat(arena, "moments.v") }
        } else {
            State { p, g: p, m: p, v: p }
        };
        Ok(Self {
            steps: arena.allocate("steps", steps * RECORD).buffer,
            order: arena.allocate("order", capacity.order),
            windows: arena.allocate("windows", capacity.windows * gather::WINDOW_WORDS),
            plays: (options.recipe.augmentation.as_ref())
                .map(|_| arena.allocate("plays", capacity.windows * gather::PLAY_WORDS)),
            signals: capacity.signal_parts.iter().map(|len| arena.allocate("signal", *len)).collect(),
            labels: arena.allocate("labels", capacity.batch),
            results: Results {
                p: arena.allocate("results.p", capacity.order * classes),
                loss: arena.allocate("results.loss", capacity.order),
                predicted: arena.allocate("results.predicted", capacity.order),
                log_sum_exp: arena.allocate("results.log_sum_exp", capacity.order),
            },
            state,
        })
    }

    fn with(self, (x, dx): (Tensor, Option<Tensor>), scores: Tensor) -> Io {
        let Self { steps, order, windows, plays, signals, labels, results, state } = self;
        Io { steps, order, windows, plays, signals, x, dx, labels, scores, results, state }
    }
}

struct Builder<'a> {
    arena: Arena,
    io: Io,
    table: ParameterTable,
    options: &'a Lowering,
    stages: &'a [Stage],
    /// The lowest stage that learns, or the first if the input's gradient is asked for: below it there is none.
    first: usize,
    /// Stages that extract features, always the same: those up to the last one with parameters below `first`.
    fixed: usize,
    /// What a kernel binds that can write more than it is asked for.
    unwritten: Slice,
}

impl Builder<'_> {
    /// The variant of `shader`.
    fn variant(&self, shader: &str) -> &'static str {
        self.options.variants.of(shader)
    }

    fn parameter(&self, stage: &Stage, name: &str) -> Slice {
        let entry = self.table.entry(&stage.name, name);
        self.io.state.p.part(entry.offset, entry.len)
    }

    fn gather(&self, plan: &mut Plan, training: bool) {
        let augmentation = self.options.recipe.augmentation.as_ref().filter(|_| training);
        for (part, signal) in self.io.signals.iter().enumerate() {
            plan.launches.push(gather::forward(
                self.io.steps,
                (*signal, part),
                (self.io.windows, self.io.order),
                &self.io.x,
                self.io.labels,
                augmentation.zip(self.io.plays),
            ));
        }
    }

    /// The layers' forward passes, from stage `training_from` on with dropout and what a backward pass reads; returns
    /// where the scores stand.
    fn forward(&self, plan: &mut Plan, training_from: usize) -> Tensor {
        let variant = self.variant("conv1d");
        // Dropout that is off hands its input on.
        let mut handed_on = None;
        for (index, stage) in self.stages.iter().enumerate() {
            let training = index >= training_from;
            let name = stage.name.as_str();
            let Tensor { length, channels, .. } = stage.x;
            let x = &handed_on.take().map_or(stage.x, |x: Tensor| x.viewed(length, channels));
            let weights = |w: &str, b: &str| (self.parameter(stage, w), self.parameter(stage, b));
            match &stage.kind {
                Kind::Product { conv, relu, pool, bands } => {
                    let (w, b) = weights("weight", "bias");
                    let (x, y) = if let Some(bands) = bands {
                        plan.launches.push(bands.image.forward(
                            (name, self.variant("conv2d")),
                            x,
                            &bands.tensor,
                        ));
                        let rows = (conv.batch, conv.steps, conv.filters);
                        (&bands.tensor, Tensor::dense(stage.y.slice, rows))
                    } else {
                        (x, stage.y)
                    };
                    let finish = Finish {
                        relu: *relu,
                        pool: pool.map_or(1, |pool| pool.size),
                        keep_position: training && pool.is_some(),
                    };
                    let to = (&y, pool.map_or(self.unwritten, |pool| pool.position));
                    plan.launches.push(conv.forward((name, variant), (x, w, b), to, finish));
                }
                Kind::Relu => plan.launches.push(relu::forward(name, x, &stage.y)),
                Kind::MaxPool { size, position } => {
                    plan.launches.push(max_pool1d::forward(
                        (name, self.variant("max_pool1d")),
                        *size,
                        x,
                        &stage.y,
                        *position,
                    ));
                }
                Kind::MaxPool2d { pool, position } => {
                    plan.launches.push(pool.forward(
                        (name, self.variant("max_pool2d")),
                        x,
                        &stage.y,
                        *position,
                    ));
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
                    let recurrent = self.parameter(stage, "weight_hh_l0");
                    let walk = (name, self.variant("lstm"));
                    if lstm.walk_projects(walk.1) {
                        plan.launches.push(lstm.forward_one_channel(walk, (x, w, b), recurrent, buffers));
                    } else {
                        let to = (&buffers.gates, self.unwritten);
                        let projection = lstm.projection();
                        plan.launches.push(projection.forward((name, variant), (x, w, b), to, Finish::PLAIN));
                        plan.launches.push(lstm.forward(walk, recurrent, buffers));
                    }
                }
            }
        }
        let scores = self.io.scores;
        handed_on.map_or(scores, |x: Tensor| x.viewed(1, scores.channels))
    }

    fn infer(&self) -> Plan {
        let mut plan = Plan::default();
        self.gather(&mut plan, false);
        let scores = self.forward(&mut plan, self.stages.len());
        let Io { steps, labels, results, .. } = &self.io;
        plan.launches.push(softmax_cross_entropy::forward("loss", *steps, &scores, *labels, results));
        plan
    }

    /// The gradient tensor of a stage's output, with the padding that the stage's own backward reads; where that stands
    /// around each row of an image, only if `from`, the stage that writes the gradient, can leave room for it.
    fn output_gradient(&mut self, index: usize, from: Option<usize>, input_gradient_wanted: bool) -> Tensor {
        let stage = &self.stages[index];
        let y = stage.y;
        let from = from.map(|from| &self.stages[from].kind);
        // Whoever reads images writes their gradient by rows, with room between them where these are the rows here.
        let writes_rows_of = match from {
            Some(Kind::Product { bands: Some(bands), .. }) => Some([bands.image.height, bands.image.width]),
            Some(Kind::MaxPool2d { pool, .. }) => Some([pool.height, pool.width]),
            _ => None,
        };
        let padding = match &stage.kind {
            Kind::Product { conv, bands: Some(bands), .. } => {
                let name = format!("{}.gradient", stage.name);
                let rows = (conv.batch, conv.steps, conv.filters);
                if input_gradient_wanted && writes_rows_of == Some([bands.image.rows, conv.steps]) {
                    return Tensor::allocate(&mut self.arena, name, rows, conv.gradient_padding());
                }
                (0, 0)
            }
            Kind::Product { conv, pool: None, .. } if input_gradient_wanted => conv.gradient_padding(),
            Kind::Lstm { lstm, buffers, sequence: false } => {
                let slice = buffers.dlast.part(0, lstm.batch * lstm.units);
                return Tensor::dense(slice, (lstm.batch, 1, lstm.units));
            }
            _ => (0, 0),
        };
        let shape = (y.batch, y.length, y.channels);
        let staggered = matches!(stage.kind, Kind::Product { bands: None, .. }) && from.is_some();
        let allocate = if staggered { Tensor::allocate_staggered } else { Tensor::allocate };
        allocate(&mut self.arena, format!("{}.gradient", stage.name), shape, padding)
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
        let variant = self.variant("conv1d");
        let mut plan = Plan::default();
        let learning = self.options.task == Task::Training;
        self.gather(&mut plan, learning);
        let scores = self.forward(&mut plan, self.fixed);
        let products: Vec<Vec<WeightGradient>> = (self.stages.iter().enumerate())
            .map(|(index, stage)| match learning && stage.learns(&self.options.recipe.frozen) {
                true => WeightGradient::of(stage, self.pooled(index), self.variant("lstm")),
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
        let (first, asked_for) = (self.first, self.io.dx);
        let passes_on = |index: usize| index > first || asked_for.is_some();
        let top = self.stages.len() - 1;
        let mut dy = self.output_gradient(top, None, passes_on(top));
        let g = self.io.state.g;
        let raw = self.before_relu(top, dy);
        let shaped = self.shaped(scores.channels, tables);
        let Io { steps, labels, results, .. } = &self.io;
        plan.launches
            .push(softmax_cross_entropy::train("loss", *steps, &scores, *labels, results, &raw, shaped));
        self.mask(&mut plan, top, raw, dy);
        let mut index = top;
        loop {
            let stage = &self.stages[index];
            let name = stage.name.as_str();
            if let Kind::Lstm { lstm, buffers, sequence } = &stage.kind {
                let walk = (name, self.variant("lstm"));
                let w = self.parameter(stage, "weight_hh_l0");
                let dy = sequence.then_some(&dy);
                let mut learning = products[index].iter().zip(&targets[index]);
                let projection = learning.find(|(product, _)| matches!(product.kernel, Gradient::Walk));
                plan.launches.push(match projection {
                    Some((product, (dw, Some(db)))) => {
                        let to = (&product.x, slice(dw, g), slice(db, g));
                        lstm.backward_one_channel(walk, to, w, dy, buffers)
                    }
                    _ => lstm.backward(walk, w, dy, buffers),
                });
            }
            dy = self.unpooled(&mut plan, index, dy, passes_on(index));
            dy = self.by_rows(&mut plan, index, dy, passes_on(index));
            for (product, (w, b)) in products[index].iter().zip(&targets[index]) {
                let splits = product.splits(variant);
                let db = b.as_ref().map_or(unused, |b| slice(b, g));
                let to = (slice(w, g), db);
                plan.launches.push(match &product.kernel {
                    Gradient::Walk => continue,
                    Gradient::Pooled(pooled) => {
                        pooled.weight_gradient(name, &self.peaks(index, &dy), &product.x, to, splits)
                    }
                    Gradient::Product => {
                        let dy =
                            if let Kind::Lstm { buffers, .. } = &stage.kind { &buffers.gates } else { &dy };
                        let x = (&product.x, product.first_step);
                        product.conv.weight_gradient((name, variant), x, dy, to, splits)
                    }
                });
            }
            let below = self.below(index).filter(|_| index > first);
            let Some(below) = below else { break };
            let dx = self.output_gradient(below, Some(index), passes_on(below));
            self.input_gradient(&mut plan, index, &dy, dx);
            (index, dy) = (below, dx);
        }
        if let Some(dx) = asked_for {
            self.input_gradient(&mut plan, index, &dy, dx);
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
        let Kind::Product { conv, relu, pool: Some(pool), .. } = &stage.kind else { return dy };
        if self.pooled(index).is_some() {
            return dy;
        }
        let padding = if input_gradient_wanted { conv.gradient_padding() } else { (0, 0) };
        let shape = (conv.batch, conv.steps, conv.filters);
        let name = format!("{}.unpooled_gradient", stage.name);
        let spread = Tensor::allocate_staggered(&mut self.arena, name, shape, padding);
        let kept = (&stage.y, pool.position);
        plan.launches.push(max_pool1d::backward(
            (&stage.name, self.variant("max_pool1d")),
            pool.size,
            kept,
            &dy,
            &spread,
            *relu,
        ));
        spread
    }

    /// The gradient of a product over bands by rows of the image, with the padding that its own backward reads.
    fn by_rows(&mut self, plan: &mut Plan, index: usize, dy: Tensor, input_gradient_wanted: bool) -> Tensor {
        let stage = &self.stages[index];
        let Kind::Product { conv, bands: Some(bands), .. } = &stage.kind else { return dy };
        let rows = (conv.batch, conv.steps, conv.filters);
        let padding = if input_gradient_wanted { conv.gradient_padding() } else { (0, 0) };
        if (dy.left, dy.right) == padding {
            return if padding == (0, 0) { Tensor::dense(dy.slice, rows) } else { dy };
        }
        let name = format!("{}.padded_gradient", stage.name);
        let padded = Tensor::allocate_scratch(&mut self.arena, name, rows, padding);
        // Bands of one row are the rows themselves.
        let pixels = [bands.image.batch, bands.image.rows, conv.steps, conv.filters];
        let single = Conv2d::new(pixels, conv.filters, [1, 1], [1, 1], Padding::Valid);
        plan.launches.push(single.forward((&stage.name, self.variant("conv2d")), &dy, &padded));
        padded
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
        if index < 2 || !matches!(above, Kind::Product { .. } | Kind::Lstm { .. }) {
            return None;
        }
        match self.stages[index - 1].kind {
            Kind::Dropout(dropout) if self.ends_in_relu(index - 2) => Some(dropout),
            _ => None,
        }
    }

    /// The stage whose output's gradient stage `index` writes; none where that is the input's.
    fn below(&self, index: usize) -> Option<usize> {
        index.checked_sub(if self.fused_dropout(index).is_some() { 2 } else { 1 })
    }

    /// The gradient `dx` from that of stage `index`'s output: of the output of [`Builder::below`], through its ReLU if
    /// one is fused, or of the input.
    fn input_gradient(&mut self, plan: &mut Plan, index: usize, dy: &Tensor, dx: Tensor) {
        let stage = &self.stages[index];
        let name = stage.name.as_str();
        let variant = self.variant("conv1d");
        let below = self.below(index);
        let masked = below.is_some_and(|below| self.ends_in_relu(below));
        let scale = self.fused_dropout(index).map_or(1.0, |dropout| dropout.scale());
        let relu = masked.then_some((&stage.x, scale));
        let viewed = |dx: Tensor| dx.viewed(stage.x.length, stage.x.channels);
        match &stage.kind {
            Kind::Product { conv, bands: Some(bands), .. } => {
                let image = &bands.image;
                let w = self.parameter(stage, "weight");
                let dbands = format!("{name}.bands_gradient");
                let dbands = Tensor::allocate(&mut self.arena, dbands, image.bands(), (0, 0));
                push_input_gradient(plan, conv.input_gradient((name, variant), (dy, w), None, &dbands));
                plan.launches.push(image.input_gradient((name, self.variant("conv2d")), &dbands, relu, &dx));
            }
            Kind::Product { conv, .. } => {
                let w = self.parameter(stage, "weight");
                if let Some(pooled) = self.pooled(index) {
                    plan.launches.push(pooled.input_gradient(name, &self.peaks(index, dy), w, relu, &dx));
                } else {
                    push_input_gradient(plan, conv.input_gradient((name, variant), (dy, w), relu, &dx));
                }
            }
            Kind::Lstm { lstm, buffers, .. } => {
                let operands = (&buffers.gates, self.parameter(stage, "weight_ih_l0"));
                let projection = lstm.projection();
                push_input_gradient(plan, projection.input_gradient((name, variant), operands, relu, &dx));
            }
            Kind::MaxPool { size, position } => {
                let kept = (&stage.y, *position);
                plan.launches.push(max_pool1d::backward(
                    (name, self.variant("max_pool1d")),
                    *size,
                    kept,
                    dy,
                    &viewed(dx),
                    masked,
                ));
            }
            Kind::MaxPool2d { pool, position } => {
                let kept = (&stage.y, *position);
                plan.launches.push(pool.backward((name, self.variant("max_pool2d")), kept, dy, &dx, masked));
            }
            kind => {
                let raw = below.map_or(dx, |below| self.before_relu(below, dx));
                plan.launches.push(match kind {
                    Kind::AveragePool { size } => average_pool1d::backward(name, *size, dy, &viewed(raw)),
                    Kind::Dropout(dropout) => dropout.backward(name, self.io.steps, dy, &raw),
                    _ => relu::backward(name, &stage.y, dy, &raw),
                });
                if let Some(below) = below {
                    self.mask(plan, below, raw, dx);
                }
            }
        }
    }

    /// Stage `index`, if it is a convolution whose gradients can come from those of the max-pool that finishes it.
    fn pooled(&self, index: usize) -> Option<PooledConv1d> {
        let Kind::Product { conv, relu, pool: Some(pool), .. } = self.stages[index].kind else { return None };
        // It loads and stores whole runs of channels: they must stand as they were written.
        let written = index.checked_sub(1).map_or(1, |below| self.stages[below].y.channels);
        if written != conv.channels {
            return None;
        }
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

    /// Label smoothing and the table of class weights, unless the objective is plain.
    fn shaped(&mut self, classes: usize, tables: &mut Vec<(Slice, Vec<u32>)>) -> Option<(f64, Slice)> {
        let objective = &self.options.recipe.objective;
        if objective.is_plain() {
            return None;
        }
        let weights = self.arena.allocate("class_weights", classes);
        tables.push((weights, objective.weights(classes)));
        Some((objective.label_smoothing, weights))
    }

    /// The table of what decays, if anything does.
    fn decays(&mut self, tables: &mut Vec<(Slice, Vec<u32>)>) -> Option<Slice> {
        if self.options.recipe.adam.weight_decay == 0.0 {
            return None;
        }
        let table = adam::decays(&self.table);
        let decays = self.arena.allocate("decays", table.len());
        tables.push((decays, table));
        Some(decays)
    }

    fn update(&mut self, tables: &mut Vec<(Slice, Vec<u32>)>) -> Plan {
        let mut launches: Vec<Launch> = Vec::new();
        let state = self.io.state;
        let learning = self.table.runs(|layer| !self.options.recipe.frozen.contains(layer));
        let clip = self.options.clip_norm.map(|limit| {
            // Of the frozen layers in between nobody has written a gradient: it is zero.
            let all = learning[0].start..learning[learning.len() - 1].end;
            let (clipping, factor) = adam::clip(&mut self.arena, state.part(all).g, limit);
            launches.extend(clipping);
            factor
        });
        let decays = self.decays(tables);
        let variant = self.variant("adam");
        let adam = self.options.recipe.adam;
        let update = |run| adam.update(variant, self.io.steps, &state.part(run), clip, decays);
        launches.extend(learning.into_iter().map(update));
        Plan { launches }
    }
}

/// Adds the input gradient of a product to `plan`: to the weight gradient just before it where one kernel computes both.
fn push_input_gradient(plan: &mut Plan, input: Launch) {
    let both = plan.launches.last().and_then(|weights| conv1d::gradients(weights, &input));
    if both.is_some() {
        plan.launches.pop();
    }
    plan.launches.push(both.unwrap_or(input));
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
    kernel: Gradient,
}

/// What computes the gradient of a product's weights.
enum Gradient {
    /// The product's own kernel.
    Product,
    /// That of the product and the max-pool behind it.
    Pooled(PooledConv1d),
    /// The LSTM's walk, which has projected its input too.
    Walk,
}

impl WeightGradient {
    /// Owners among which its sum is cut.
    fn splits(&self, variant: &'static str) -> usize {
        match &self.kernel {
            Gradient::Product => self.conv.splits(variant),
            Gradient::Pooled(pooled) => pooled.splits(),
            Gradient::Walk => self.conv.batch,
        }
    }

    /// Those of `stage`; `pooled` is its product with the pool behind it, `walk` the variant of an LSTM.
    fn of(stage: &Stage, pooled: Option<PooledConv1d>, walk: &'static str) -> Vec<Self> {
        match &stage.kind {
            Kind::Product { conv, bands, .. } => {
                let x = bands.as_ref().map_or(stage.x, |bands| bands.tensor);
                let kernel = pooled.map_or(Gradient::Product, Gradient::Pooled);
                vec![Self { conv: *conv, x, first_step: 0, w: "weight", b: Some("bias"), kernel }]
            }
            // The projection's stands last, beside its input gradient.
            Kind::Lstm { lstm, buffers, .. } => vec![
                Self {
                    conv: lstm.recurrence(),
                    x: buffers.h,
                    first_step: lstm.previous(),
                    w: "weight_hh_l0",
                    b: None,
                    kernel: Gradient::Product,
                },
                Self {
                    conv: lstm.projection(),
                    x: stage.x,
                    first_step: 0,
                    w: "weight_ih_l0",
                    b: Some("bias_ih_l0"),
                    kernel: if lstm.walk_projects(walk) { Gradient::Walk } else { Gradient::Product },
                },
            ],
            _ => Vec::new(),
        }
    }
}
