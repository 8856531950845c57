//! A network on a device: parameters and recordings up, epochs of batches through it, results down.

use std::cell::Cell;
use std::collections::{BTreeMap, VecDeque};
use std::time::Instant;

use super::adam::{Adam, State};
use super::gather::{LARGEST_SHIFT, WINDOW_WORDS};
use super::lower::{Capacity, Lowered, Lowering, Recipe, Task, lower};
use super::model::Model;
use super::parameters::ParameterTable;
use super::softmax_cross_entropy::Results;
use super::variants::Variants;
use crate::gpu::adapter::AdapterInfo;
use crate::gpu::memory::live_elements;
use crate::gpu::plan::{BufferId, Kernel, Plan, RECORD, Slice, Value};
use crate::gpu::shader::Layout;
use crate::gpu::{Buffers, Compiled, Gpu, Launch, Submission};
use crate::{Error, Result};

/// A window of a recording: the network sees `(signal[start ..] - mean) * scale`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Window {
    /// Index of the recording.
    pub recording: usize,
    /// First sample.
    pub start: usize,
    /// Index of its class.
    pub label: usize,
    /// Subtracted from each sample.
    pub mean: f32,
    /// Multiplied with each sample then.
    pub scale: f32,
}

/// How a network is built.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// Windows of a batch.
    pub batch: usize,
    /// The variant of each shader.
    pub variants: Variants,
    /// Largest global norm of the gradients, if they are clipped.
    pub clip_norm: Option<f64>,
    /// What the network is for.
    pub task: Task,
    /// What a training step does beyond forward and backward.
    pub recipe: Recipe,
}

/// Most windows that are classified at once: more fill no adapter better.
const SCORED_TOGETHER: usize = 128;

/// Most bytes of a tensor while windows are classified, so that long windows and wide layers fit a small device.
const LONGEST_TENSOR: u64 = 32 << 20;

impl Options {
    /// To have `model` classify `windows` windows and nothing else, in few batches of equal size; what a window is taken
    /// for does not depend on that.
    ///
    /// # Errors
    /// A model that cannot be lowered.
    pub fn scoring(info: &AdapterInfo, model: &Model, windows: usize, variants: Variants) -> Result<Self> {
        let options = Self::of(Task::Scoring, 1, variants);
        let limit = LONGEST_TENSOR.min(info.storage_binding_bytes).min(info.buffer_bytes);
        let most = limit / (4 * options.elements_per_window(model)? as u64).max(1);
        let most = (most as usize).clamp(1, SCORED_TOGETHER);
        let batches = windows.div_ceil(most).max(1);
        Ok(Self { batch: windows.div_ceil(batches).max(1), ..options })
    }

    /// Elements that a window adds to the longest of a model's tensors.
    fn elements_per_window(&self, model: &Model) -> Result<usize> {
        let lengths = |batch: usize| -> Result<Vec<usize>> {
            let capacity = Capacity { batch, windows: 2, order: 2, signal_parts: vec![model.window] };
            let lowered = lower(model, &capacity, &self.lowering())?;
            Ok(lowered.arena.buffers.iter().map(|buffer| buffer.len).collect())
        };
        let (one, two) = (lengths(1)?, lengths(2)?);
        // What a sum is cut into may also become fewer.
        Ok(two.iter().zip(&one).map(|(two, one)| two.saturating_sub(*one)).max().unwrap_or(0))
    }

    fn lowering(&self) -> Lowering {
        Lowering {
            variants: self.variants.clone(),
            clip_norm: self.clip_norm,
            task: self.task,
            recipe: self.recipe.clone(),
        }
    }

    fn of(task: Task, batch: usize, variants: Variants) -> Self {
        Self { batch, variants, clip_norm: None, task, recipe: Recipe::default() }
    }

    /// To have the gradient of its input, see [`Network::input_gradients`].
    pub fn explaining(batch: usize, variants: Variants) -> Self {
        Self::of(Task::Explaining, batch, variants)
    }
}

/// What one epoch of training runs over.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Epoch<'a> {
    /// Indices into the windows.
    pub order: &'a [u32],
    /// Batches of this epoch already done.
    pub first_step: usize,
    /// Adam steps done before.
    pub optimizer_steps: u64,
    /// Adam's learning rate in each batch of the epoch.
    pub learning_rates: &'a [f64],
    /// Seed of the streams of dropout and augmentation.
    pub seed: u64,
}

/// Results of a run over an order, one row a position.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Rows {
    /// Cross-entropy.
    pub loss: Vec<f32>,
    /// The likeliest class.
    pub predicted: Vec<u32>,
    /// Class probabilities, (positions, classes).
    pub probabilities: Vec<f32>,
    /// Log-sum-exp of the scores; minus this is the energy of Liu et al., "Energy-based Out-of-distribution Detection"
    /// (2020), at temperature 1. A score is this plus the log of its probability.
    pub log_sum_exp: Vec<f32>,
}

/// What [`Network::train`] did.
#[derive(Debug, Clone, PartialEq)]
pub struct Trained {
    /// Batches of the epoch done, the skipped ones included.
    pub steps: usize,
    /// Rows of the positions from `first_step * batch` to `steps * batch`.
    pub rows: Rows,
    /// Where training stands then.
    pub snapshot: Snapshot,
}

/// What a checkpoint keeps of a network, flat in the device's layout ([`ParameterTable`]).
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Snapshot {
    /// The parameters.
    pub parameters: Vec<f32>,
    /// Adam's first moments.
    pub m: Vec<f32>,
    /// Adam's second moments.
    pub v: Vec<f32>,
}

/// What the network handed to the device so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Launches of one training step.
    pub launches_per_step: usize,
    /// Submissions of work.
    pub submits: usize,
    /// Readbacks, each of which drains the queue: one a run over an order, and one a batch of input gradients.
    pub waits: usize,
    /// Waits for an older submission, which keep the queue short.
    pub throttle_waits: usize,
}

/// A model, lowered and compiled, with its recordings on the device.
pub struct Network<'g> {
    gpu: &'g Gpu,
    table: ParameterTable,
    batch: usize,
    classes: usize,
    windows: usize,
    adam: Adam,
    /// The weight of each window's class.
    weights: Vec<f64>,
    /// Of the uniform struct `step`, the same in all shaders.
    step_layout: Layout,
    lowered: Lowered,
    buffers: Buffers,
    infer: Compiled,
    gradients: Compiled,
    update: Compiled,
    counts: Counts,
    waits: Cell<usize>,
    seconds_per_step: Option<f64>,
}

/// Work of one submission in seconds: desktop drivers kill what runs for seconds.
const SUBMISSION_SECONDS: f64 = 0.2;

/// Submissions in flight before the host waits for the oldest.
const IN_FLIGHT: usize = 2;

/// Steps of a submission at most: their launches are recorded before the device starts.
const STEPS_PER_SUBMISSION: f64 = 32.0;

impl<'g> Network<'g> {
    /// Lowers and compiles `model`, uploads the recordings' `signals` and the table of `windows` over them.
    /// Orders of up to `longest_order` positions can be run. Parameters are zero until set.
    ///
    /// # Errors
    /// A model or a capacity that does not fit the adapter.
    pub fn new(
        gpu: &'g Gpu,
        model: &Model,
        signals: &[&[f32]],
        windows: &[Window],
        longest_order: usize,
        options: &Options,
    ) -> Result<Self> {
        let largest_part = (gpu.info.storage_binding_bytes.min(gpu.info.buffer_bytes) / 4) as usize;
        Self::with_parts(gpu, model, (signals, largest_part), windows, longest_order, options)
    }

    /// As [`Network::new`], with recordings in parts of at most `largest_part` samples.
    ///
    /// # Errors
    /// As [`Network::new`], or a part shorter than a window.
    pub fn with_parts(
        gpu: &'g Gpu,
        model: &Model,
        (signals, largest_part): (&[&[f32]], usize),
        windows: &[Window],
        longest_order: usize,
        options: &Options,
    ) -> Result<Self> {
        if options.batch == 0 || windows.is_empty() || longest_order == 0 {
            return Err(Error::input(format!(
                "nothing to run: batch {}, {} windows, order of {longest_order}",
                options.batch,
                windows.len()
            )));
        }
        let parts = Parts::pack(signals, largest_part, model.window)?;
        let capacity = Capacity {
            batch: options.batch,
            windows: windows.len(),
            order: longest_order,
            signal_parts: parts.lengths.clone(),
        };
        let Recipe { adam, ref objective, ref augmentation, .. } = options.recipe;
        let lowered = lower(model, &capacity, &options.lowering())?;
        let buffers = gpu.allocate(&lowered.arena.buffers)?;
        let table = parts.window_table(signals, windows, model.window)?;
        gpu.write(&buffers, lowered.io.windows, &table);
        if let (Some(augmentation), Some(plays)) = (augmentation, lowered.io.plays) {
            let table = parts.play_table(signals, windows, &augmentation.reach, model.window);
            gpu.write(&buffers, plays, &table);
        }
        let weights = windows.iter().map(|window| objective.weight(window.label)).collect();
        for piece in &parts.pieces {
            let to = lowered.io.signals[piece.part].part(piece.at, piece.samples.len());
            gpu.write(&buffers, to, bytemuck::cast_slice(&signals[piece.recording][piece.samples.clone()]));
        }
        for (slice, words) in &lowered.tables {
            gpu.write(&buffers, *slice, words);
        }
        gpu.precompile(&[&lowered.infer, &lowered.gradients, &lowered.update])?;
        // The longer plan first: where it makes room for its operands, the shorter finds it.
        let gradients = gpu.compile(&lowered.gradients, &buffers)?;
        let infer = gpu.compile(&lowered.infer, &buffers)?;
        let update = gpu.compile(&lowered.update, &buffers)?;
        let launches_per_step = gradients.launches() + update.launches();
        Ok(Self {
            gpu,
            table: ParameterTable::new(model)?,
            batch: options.batch,
            classes: model.classes()?,
            windows: windows.len(),
            adam,
            weights,
            step_layout: step_layout()?,
            lowered,
            buffers,
            infer,
            gradients,
            update,
            counts: Counts { launches_per_step, ..Counts::default() },
            waits: Cell::new(0),
            seconds_per_step: None,
        })
    }

    /// Sets the parameters from a flat buffer in the device's layout ([`ParameterTable`]).
    pub fn set_parameters(&self, flat: &[f32]) {
        self.gpu.write(&self.buffers, self.lowered.io.state.p, bytemuck::cast_slice(flat));
    }

    /// The parameters, flat in the device's layout.
    ///
    /// # Errors
    /// What the device reported.
    pub fn parameters(&self) -> Result<Vec<f32>> {
        Ok(self.read(&[self.lowered.io.state.p])?.remove(0))
    }

    /// Sets parameters and moments.
    pub fn restore(&self, snapshot: &Snapshot) {
        self.set_parameters(&snapshot.parameters);
        self.gpu.write(&self.buffers, self.lowered.io.state.m, bytemuck::cast_slice(&snapshot.m));
        self.gpu.write(&self.buffers, self.lowered.io.state.v, bytemuck::cast_slice(&snapshot.v));
    }

    /// The gradients of the last training step.
    ///
    /// # Errors
    /// What the device reported.
    pub fn gradients(&self) -> Result<Vec<f32>> {
        Ok(self.read(&[self.lowered.io.state.g])?.remove(0))
    }

    fn read(&self, slices: &[Slice]) -> Result<Vec<Vec<f32>>> {
        Ok(self.read_words(slices)?.into_iter().map(bytemuck::cast_vec).collect())
    }

    fn read_words(&self, slices: &[Slice]) -> Result<Vec<Vec<u32>>> {
        self.waits.set(self.waits.get() + 1);
        self.gpu.read(&self.buffers, slices)
    }

    /// The first parameter tensor, otherwise gradient tensor, that holds a NaN or an infinity.
    ///
    /// # Errors
    /// What the device reported.
    pub fn first_non_finite(&self) -> Result<Option<String>> {
        for (what, flat) in [("gradient of ", self.gradients()?), ("", self.parameters()?)] {
            let bad = self.table.entries().iter().find(|e| flat[e.range()].iter().any(|v| !v.is_finite()));
            if let Some(entry) = bad {
                return Ok(Some(format!("{what}{}", entry.name)));
            }
        }
        Ok(None)
    }

    /// One epoch of training, or what is left of it.
    ///
    /// `interrupted` is asked between submissions; what was handed to the device is finished. `progress` is told
    /// the batches done.
    ///
    /// # Errors
    /// An order that does not fit, or what the device reported.
    pub fn train(
        &mut self,
        epoch: &Epoch<'_>,
        interrupted: &dyn Fn() -> bool,
        progress: &mut dyn FnMut(usize),
    ) -> Result<Trained> {
        self.upload_epoch(epoch)?;
        let total = epoch.order.len().div_ceil(self.batch);
        let steps = self.run(epoch.first_step..total, true, interrupted, progress)?;
        // One readback drains the queue: results and checkpoint together.
        let State { p, m, v, .. } = self.lowered.io.state;
        let positions = epoch.first_step * self.batch..(steps * self.batch).min(epoch.order.len());
        let more = [p, m, v];
        let (rows, mut state) = self.rows(positions, &more)?;
        let mut next = || state.next().map(bytemuck::cast_vec).unwrap_or_default();
        let snapshot = Snapshot { parameters: next(), m: next(), v: next() };
        progress(steps);
        Ok(Trained { steps, rows, snapshot })
    }

    fn upload_epoch(&self, epoch: &Epoch<'_>) -> Result<()> {
        let stream = epoch.seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let adam = self.adam;
        let optimizer = |step: usize| {
            // Records of batches already done are not read.
            let t = epoch.optimizer_steps + step.saturating_sub(epoch.first_step) as u64 + 1;
            let learning_rate = epoch.learning_rates[step];
            let (step_size, second_scale) = adam.corrections(t, learning_rate);
            let decay = learning_rate * adam.weight_decay;
            Update { counter: stream.wrapping_add(t), step_size, second_scale, decay }
        };
        self.upload(epoch.order, &optimizer)
    }

    /// Classifies the windows of `order`, dropout off.
    ///
    /// # Errors
    /// An order that does not fit, or what the device reported.
    pub fn classify(&mut self, order: &[u32], progress: &mut dyn FnMut(usize)) -> Result<Rows> {
        self.upload(order, &|_| Update::default())?;
        let steps = self.run(0..order.len().div_ceil(self.batch), false, &|| false, progress)?;
        let (rows, _) = self.rows(0..order.len(), &[])?;
        progress(steps);
        Ok(rows)
    }

    /// The gradient of each window's own cross-entropy towards its label by the window's scaled samples, dropout off:
    /// what the windows of `order` give, and the gradients (positions, window). The parameters stay as they are.
    ///
    /// # Errors
    /// A network not built with [`Options::explaining`]; an order that does not fit, or what the device reported.
    pub fn input_gradients(
        &mut self,
        order: &[u32],
        progress: &mut dyn FnMut(usize),
    ) -> Result<(Rows, Vec<f32>)> {
        let Some(dx) = self.lowered.io.dx else {
            return Err(Error::failed(
                "a network that was not lowered to be explained has no input gradients",
            ));
        };
        self.upload(order, &|_| Update::default())?;
        let mut gradients = Vec::with_capacity(order.len() * dx.length);
        for (step, rows) in order.chunks(self.batch).enumerate() {
            self.gpu.submit(&[(&self.gradients, step)]);
            self.counts.submits += 1;
            gradients.append(&mut self.read(&[dx.slice.part(0, rows.len() * dx.length)])?[0]);
            progress(step + 1);
        }
        let (rows, _) = self.rows(0..order.len(), &[])?;
        Ok((rows, gradients))
    }

    /// Uploads an order and one record a step.
    fn upload(&self, order: &[u32], optimizer: &dyn Fn(usize) -> Update) -> Result<()> {
        let io = &self.lowered.io;
        if order.len() > io.order.len || order.iter().any(|window| *window as usize >= self.windows) {
            return Err(Error::failed(format!(
                "an order of {} windows, room for {} positions and {} windows",
                order.len(),
                io.order.len,
                self.windows
            )));
        }
        let steps = order.len().div_ceil(self.batch);
        let mut records = vec![0u32; steps * RECORD];
        for (step, record) in records.chunks_mut(RECORD).enumerate() {
            let first = step * self.batch;
            let rows = &order[first..order.len().min(first + self.batch)];
            let weight = |window: &u32| self.weights[*window as usize];
            let Update { counter, step_size, second_scale, decay } = optimizer(step);
            // An explained window's loss is its own, and no part of a mean.
            let total_weight = match io.dx {
                Some(_) => 1.0,
                None => rows.iter().map(weight).sum::<f64>(),
            };
            let fields = [
                ("first", Value::U32(first as u32)),
                ("rows", Value::U32(rows.len() as u32)),
                ("counter_low", Value::U32(counter as u32)),
                ("counter_high", Value::U32((counter >> 32) as u32)),
                ("step_size", Value::F32(step_size as f32)),
                ("second_scale", Value::F32(second_scale as f32)),
                ("decay", Value::F32(decay as f32)),
                ("total_weight", Value::F32(total_weight as f32)),
            ];
            self.step_layout.write(&fields, record)?;
        }
        let whole = Slice { buffer: io.steps, offset: 0, len: records.len() };
        self.gpu.write(&self.buffers, whole, &records);
        self.gpu.write(&self.buffers, io.order, order);
        Ok(())
    }

    /// Submits steps in order, as many a submission as fill [`SUBMISSION_SECONDS`]; returns the step reached.
    fn run(
        &mut self,
        steps: std::ops::Range<usize>,
        training: bool,
        interrupted: &dyn Fn() -> bool,
        progress: &mut dyn FnMut(usize),
    ) -> Result<usize> {
        let mut next = steps.start;
        let mut in_flight: VecDeque<(Submission, usize, usize)> = VecDeque::new();
        let mut free_since = Instant::now();
        while next < steps.end && !interrupted() {
            let fitting = self
                .seconds_per_step
                .map_or(1.0, |seconds| (SUBMISSION_SECONDS / seconds).clamp(1.0, STEPS_PER_SUBMISSION));
            let end = steps.end.min(next + fitting as usize);
            let work: Vec<(&Compiled, usize)> = (next..end)
                .flat_map(|step| {
                    let plans: &[&Compiled] =
                        if training { &[&self.gradients, &self.update] } else { &[&self.infer] };
                    plans.iter().map(move |plan| (*plan, step)).collect::<Vec<_>>()
                })
                .collect();
            in_flight.push_back((self.gpu.submit(&work), next, end));
            self.counts.submits += 1;
            next = end;
            if in_flight.len() >= IN_FLIGHT
                && let Some((oldest, from, to)) = in_flight.pop_front()
            {
                self.gpu.wait(&oldest)?;
                self.counts.throttle_waits += 1;
                let seconds = free_since.elapsed().as_secs_f64() / (to - from) as f64;
                self.seconds_per_step = Some(seconds);
                free_since = Instant::now();
                progress(to);
            }
        }
        Ok(next)
    }

    /// Reads the results of some positions and `more` slices in one readback.
    fn rows(
        &self,
        positions: std::ops::Range<usize>,
        more: &[Slice],
    ) -> Result<(Rows, impl Iterator<Item = Vec<u32>> + use<>)> {
        let results = &self.lowered.io.results;
        // Slices begin at any element here: they are copied, not bound.
        let cut = |slice: Slice, width: usize| Slice {
            buffer: slice.buffer,
            offset: positions.start * width,
            len: positions.len() * width,
        };
        let mut slices = vec![
            cut(results.loss, 1),
            cut(results.predicted, 1),
            cut(results.p, self.classes),
            cut(results.log_sum_exp, 1),
        ];
        slices.extend(more);
        let mut words = self.read_words(&slices)?.into_iter();
        let mut next = || words.next().unwrap_or_default();
        let rows = Rows {
            loss: bytemuck::cast_vec(next()),
            predicted: next(),
            probabilities: bytemuck::cast_vec(next()),
            log_sum_exp: bytemuck::cast_vec(next()),
        };
        Ok((rows, words))
    }

    /// Launches, submissions and waits so far.
    pub fn counts(&self) -> Counts {
        Counts { waits: self.waits.get(), ..self.counts }
    }

    /// Device memory in bytes.
    pub fn device_bytes(&self) -> u64 {
        self.buffers.bytes()
    }

    /// Most bytes of device memory that hold something at the same time in a training step: what the host writes and
    /// reads, the optimizer's state, and each tensor from its first launch to its last.
    pub fn live_bytes(&self) -> u64 {
        let io = &self.lowered.io;
        let State { p, g, m, v } = io.state;
        let Results { p: probabilities, loss, predicted, log_sum_exp } = io.results;
        let results = [probabilities, loss, predicted, log_sum_exp];
        let slices = [io.order, io.windows, io.labels, p, g, m, v].into_iter().chain(results);
        let tables = self.lowered.tables.iter().map(|(slice, _)| *slice).chain(io.plays);
        let held = slices.chain(io.signals.iter().copied()).chain(tables).map(|slice| slice.buffer);
        let held: Vec<BufferId> = held.chain([io.steps]).collect();
        let launches: Vec<&Launch> = self.step_plans().into_iter().flat_map(|plan| &plan.launches).collect();
        4 * live_elements(&self.lowered.arena, &launches, &held) as u64
    }

    /// Seconds of each launch of a training step, gradients then update, at the first step of `epoch`.
    ///
    /// # Errors
    /// What the device reported.
    pub fn time_step(&mut self, epoch: &Epoch<'_>) -> Result<Vec<f64>> {
        self.upload_epoch(epoch)?;
        let mut seconds = self.gpu.time_launches(&self.gradients, epoch.first_step)?;
        seconds.extend(self.gpu.time_launches(&self.update, epoch.first_step)?);
        Ok(seconds)
    }

    /// The plans of a training step: gradients, then update.
    pub fn step_plans(&self) -> [&Plan; 2] {
        [&self.lowered.gradients, &self.lowered.update]
    }
}

/// What a step's record says beside its place in the order.
#[derive(Default)]
struct Update {
    /// Counter of the random streams.
    counter: u64,
    /// Adam's, as [`Adam::corrections`] gives them.
    step_size: f64,
    second_scale: f64,
    /// Learning rate times weight decay.
    decay: f64,
}

/// The layout of a step's record, as the gather reads it.
fn step_layout() -> Result<Layout> {
    let kernel =
        Kernel { shader: "gather", variant: "standard", entry: "forward", constants: BTreeMap::new() };
    let step = kernel.reflect()?.bindings.into_iter().find(|binding| binding.name == "step");
    step.and_then(|binding| binding.layout)
        .ok_or_else(|| Error::failed(format!("{kernel}: no uniform `step`")))
}

/// Recordings packed into parts of the signal, each small enough to be bound.
///
/// A recording longer than a part is cut into pieces that overlap by a window less one sample, so that every
/// window lies inside one piece.
struct Parts {
    lengths: Vec<usize>,
    pieces: Vec<Piece>,
    /// The first piece of each recording.
    first_pieces: Vec<usize>,
    /// Samples from one piece's start to the next.
    stride: usize,
}

/// A run of a recording's samples inside a part.
struct Piece {
    part: usize,
    /// First sample in the part.
    at: usize,
    recording: usize,
    samples: std::ops::Range<usize>,
}

impl Parts {
    fn pack(signals: &[&[f32]], largest: usize, window: usize) -> Result<Self> {
        if largest < window {
            return Err(Error::input(format!(
                "a window of {window} samples; this adapter binds {largest} at once: use a smaller --window"
            )));
        }
        let stride = largest.saturating_add(1) - window;
        let mut parts = Self { lengths: vec![0], pieces: Vec::new(), first_pieces: Vec::new(), stride };
        for (recording, signal) in signals.iter().enumerate() {
            parts.first_pieces.push(parts.pieces.len());
            let mut from = 0_usize;
            loop {
                let samples = from..signal.len().min(from.saturating_add(largest));
                let done = samples.end == signal.len();
                parts.add(recording, samples, largest);
                if done {
                    break;
                }
                from += stride;
            }
        }
        Ok(parts)
    }

    fn add(&mut self, recording: usize, samples: std::ops::Range<usize>, largest: usize) {
        let mut part = self.lengths.len() - 1;
        if self.lengths[part] + samples.len() > largest {
            self.lengths.push(0);
            part += 1;
        }
        let at = self.lengths[part];
        self.lengths[part] += samples.len();
        self.pieces.push(Piece { part, at, recording, samples });
    }

    /// The table that the gather reads.
    fn window_table(&self, signals: &[&[f32]], windows: &[Window], length: usize) -> Result<Vec<u32>> {
        let mut words = Vec::with_capacity(windows.len() * WINDOW_WORDS);
        for window in windows {
            let samples = signals[window.recording].len();
            if window.start + length > samples {
                return Err(Error::failed(format!(
                    "window {} + {length} of recording {} reaches past its {samples} samples",
                    window.start, window.recording
                )));
            }
            let piece = self.piece(window);
            words.extend([
                (piece.at + window.start - piece.samples.start) as u32,
                (piece.part << 16 | window.label) as u32,
                window.mean.to_bits(),
                window.scale.to_bits(),
            ]);
        }
        Ok(words)
    }

    /// The piece that holds a window.
    fn piece(&self, window: &Window) -> &Piece {
        let first = self.first_pieces[window.recording];
        let end = self.first_pieces.get(window.recording + 1).copied().unwrap_or(self.pieces.len());
        // The last piece may be long enough for windows past its stride.
        &self.pieces[(first + window.start / self.stride).min(end - 1)]
    }

    /// The table by which the gather augments: no window leaves its piece.
    fn play_table(
        &self,
        signals: &[&[f32]],
        windows: &[Window],
        reach: &[(usize, usize)],
        length: usize,
    ) -> Vec<u32> {
        let play = |(index, window): (usize, &Window)| {
            let samples = &self.piece(window).samples;
            let (back, on) = reach.get(index).copied().unwrap_or_default();
            let back = back.min(window.start - samples.start).min(LARGEST_SHIFT);
            let on = on.min(samples.end - window.start - length).min(LARGEST_SHIFT);
            let rms = deviation(&signals[window.recording][window.start..][..length]);
            [(back << 16 | on) as u32, ((rms * f64::from(window.scale)) as f32).to_bits()]
        };
        windows.iter().enumerate().flat_map(play).collect()
    }
}

/// RMS of samples about their mean.
fn deviation(samples: &[f32]) -> f64 {
    let count = samples.len() as f64;
    let mean = samples.iter().map(|&x| f64::from(x)).sum::<f64>() / count;
    (samples.iter().map(|&x| (f64::from(x) - mean).powi(2)).sum::<f64>() / count).sqrt()
}
