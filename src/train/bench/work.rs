//! The work that is measured: training steps and a classification over windows of noise.

use std::collections::BTreeSet;
use std::time::Instant;

use super::TEST_WINDOWS;
use crate::Result;
use crate::gpu::{Gpu, Launch};
use crate::nn::lower::{Recipe, Task};
use crate::nn::network::{Epoch, Network, Options, Window};
use crate::nn::{Model, Variants, initialise};

/// A model on a device with windows to train on.
pub(in crate::train) struct Work<'g> {
    pub(super) network: Network<'g>,
    /// Samples of the windows, which lie end to end.
    pub(super) signal: Vec<f32>,
    /// The parameters before the first step, flat in the device's layout.
    pub(super) parameters: Vec<f32>,
    batch: usize,
    order: Vec<u32>,
}

const LEARNING_RATE: f64 = 1e-3;

/// Windows of noise: what a kernel costs does not depend on what is in them.
fn noise(samples: usize) -> Vec<f32> {
    let mut state = 1_u32;
    (0..samples)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / (1 << 23) as f32 - 1.0
        })
        .collect()
}

/// Windows that lie end to end, over and over.
fn windows(count: usize, model: &Model) -> Result<Vec<Window>> {
    let classes = model.classes()?;
    let window = |index: usize| Window {
        recording: 0,
        start: index % TEST_WINDOWS * model.window,
        label: index % TEST_WINDOWS % classes,
        mean: 0.0,
        scale: 1.0,
    };
    Ok((0..count).map(window).collect())
}

fn epoch<'a>(order: &'a [u32], learning_rates: &'a [f64]) -> Epoch<'a> {
    Epoch { order, first_step: 0, optimizer_steps: 0, learning_rates, seed: 0 }
}

impl<'g> Work<'g> {
    /// Lowers and compiles `model` with the layers `frozen`; an epoch has up to `steps` batches of `batch` windows, which are window, label
    /// 0, 1, 2, ... over and over.
    pub(in crate::train) fn new(
        gpu: &'g Gpu,
        model: &Model,
        (steps, batch): (usize, usize),
        variants: &Variants,
        frozen: &BTreeSet<String>,
    ) -> Result<Self> {
        let count = steps * batch;
        let signal = noise(TEST_WINDOWS * model.window);
        let windows = windows(count, model)?;
        let recipe = Recipe { frozen: frozen.clone(), ..Recipe::default() };
        let options =
            Options { batch, variants: variants.clone(), clip_norm: None, task: Task::Training, recipe };
        let network = Network::new(gpu, model, &[&signal], &windows, count, &options)?;
        let parameters = initialise(model, 0)?;
        network.set_parameters(&parameters);
        Ok(Self { network, signal, parameters, batch, order: (0..count as u32).collect() })
    }

    /// Milliseconds of a training step, from an epoch of `steps`: gather, forward, backward, Adam and the epoch's
    /// readback.
    pub(in crate::train) fn step_ms(&mut self, steps: usize) -> Result<f64> {
        let start = Instant::now();
        let learning_rates = vec![LEARNING_RATE; steps];
        let epoch = epoch(&self.order[..steps * self.batch], &learning_rates);
        self.network.train(&epoch, &|| false, &mut |_| {})?;
        Ok(milliseconds(start) / steps as f64)
    }

    /// Seconds of each of [`Work::launches`].
    pub(super) fn time_launches(&mut self) -> Result<Vec<f64>> {
        self.network.time_step(&epoch(&self.order[..self.batch], &[LEARNING_RATE]))
    }

    /// The launches of a training step.
    pub(in crate::train) fn launches(&self) -> impl Iterator<Item = &Launch> {
        self.network.step_plans().into_iter().flat_map(|plan| &plan.launches)
    }
}

/// A model that only classifies, as `predict` sets it up.
pub(super) struct Scoring<'g> {
    network: Network<'g>,
    order: Vec<u32>,
}

impl<'g> Scoring<'g> {
    /// Lowers and compiles `model`, with the parameters that [`Work`] begins with.
    pub(super) fn new(gpu: &'g Gpu, model: &Model, variants: &Variants) -> Result<Self> {
        let signal = noise(TEST_WINDOWS * model.window);
        let windows = windows(TEST_WINDOWS, model)?;
        let options = Options::scoring(&gpu.info, model, TEST_WINDOWS, variants.clone())?;
        let network = Network::new(gpu, model, &[&signal], &windows, TEST_WINDOWS, &options)?;
        network.set_parameters(&initialise(model, 0)?);
        Ok(Self { network, order: (0..TEST_WINDOWS as u32).collect() })
    }

    /// Milliseconds of classifying [`TEST_WINDOWS`] windows, readback included, and their probabilities.
    pub(super) fn classify(&mut self) -> Result<(f64, Vec<f32>)> {
        let start = Instant::now();
        let rows = self.network.classify(&self.order, &mut |_| {})?;
        Ok((milliseconds(start), rows.probabilities))
    }
}

pub(super) fn milliseconds(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1e3
}
