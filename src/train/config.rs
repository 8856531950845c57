//! What a run is told to do: the effective configuration, with everything checked and filled in.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::class_weights::ClassWeights;
use super::schedule::{LearningRate, Schedule};
use crate::Result;
use crate::data::order::Balance;
use crate::data::split::Rule;
use crate::data::windows::Scale;
use crate::data::{ReadOptions, Recording};
use crate::physics::Bearing;

/// Share of known recordings that may be turned away as unknown, unless another is given.
pub const REJECT: f64 = 0.05;

/// A data rule that fixes several options at once (`--protocol`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Protocol {
    /// That of Cao and Ye's paper, see [`crate::data::protocol`]: recordings as they are, divided by window.
    Paper,
    /// The same recordings, resampled to one rate and divided by time.
    PaperByTime,
}

impl Protocol {
    /// What stays together in its split.
    pub fn rule(self) -> Rule {
        match self {
            Self::Paper => Rule::Window,
            Self::PaperByTime => Rule::Time,
        }
    }

    /// Its name, as the command line spells it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Paper => "paper",
            Self::PaperByTime => "paper-by-time",
        }
    }
}

/// The configuration of a run, as `config.toml` holds it. What depends on model and data is open until
/// [`super::Material::load`] fills it in.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Config {
    /// Folder of the recordings; none for the embedded sample.
    pub data: Option<PathBuf>,
    /// Sampling rate in Hz of files that do not state one.
    pub rate: Option<f64>,
    /// Channel of files that have several, counted from 1.
    pub channel: Option<usize>,
    /// Variable of MAT files.
    pub variable: Option<String>,
    /// The bearing whose fault frequencies the plain classifiers look at; open: that of CWRU's recordings and of the
    /// sample, otherwise none.
    pub bearing: Option<String>,
    /// Whether to go on without recordings that cannot be used.
    pub skip_bad: bool,
    /// A data rule that fixes several options.
    pub protocol: Option<Protocol>,
    /// Motor load in hp that the paper's protocol picks.
    pub load: Option<u32>,
    /// Name of a built-in model, or path of a model file; none where the run starts from a trained model.
    pub model: Option<String>,
    /// The run's folder or the checkpoint whose model the run starts from.
    pub from: Option<PathBuf>,
    /// Layers of that model whose parameters stay as they came, or `all`, which is resolved to their names.
    pub freeze: Option<Vec<String>>,
    /// Units of a dense layer that is added to that model before its output layer.
    pub add_dense: Option<usize>,
    /// Window in samples; open: the model's.
    pub window: Option<usize>,
    /// Samples from one window's start to the next; open: the window.
    pub stride: Option<usize>,
    /// Windows of a recording at most; open: all.
    pub windows: Option<usize>,
    /// Sampling rate to train at in Hz; open: the lowest of the recordings.
    pub target_rate: Option<f64>,
    /// How samples are scaled; open: as the model was trained with that the run starts from, otherwise by the training
    /// windows.
    pub scale: Option<Scale>,
    /// What stays together in the split; open: the strictest that the metadata allows.
    pub split: Option<Rule>,
    /// Names of what is held out to test on, see [`crate::data::split::Holdout::read`]; open: drawn from the seed.
    pub holdout: Option<String>,
    /// Conditions that take no part in training and its classes, and are scored as unknown afterwards; open: none.
    pub leave_out: Option<Vec<String>>,
    /// Share of known recordings that may be turned away as unknown; open: [`REJECT`].
    pub reject: Option<f64>,
    /// Whether classes are drawn equally often.
    pub balance: Balance,
    /// Seed of parameters, split, order, dropout and augmentation.
    pub seed: u64,
    /// Epochs to train at most.
    pub epochs: usize,
    /// Epochs without a better validation loss after which training stops; 0 for never.
    pub patience: usize,
    /// Windows in a step.
    pub batch: usize,
    /// Adam's step size.
    pub learning_rate: f64,
    /// How it changes.
    pub schedule: Schedule,
    /// Epochs of the schedules `step` and `plateau`.
    pub schedule_epochs: Option<usize>,
    /// What these two multiply the learning rate by.
    pub schedule_factor: Option<f64>,
    /// What no schedule goes below; open: 0.
    pub min_learning_rate: Option<f64>,
    /// Epochs in which the learning rate first rises; open: none.
    pub warmup: Option<f64>,
    /// Share of each weight, times the learning rate, that a step takes from it; open: nothing.
    pub weight_decay: Option<f64>,
    /// Share of the training target that is spread over all classes; open: nothing.
    pub label_smoothing: Option<f64>,
    /// How much a class counts in the training loss; open: as much as any.
    pub class_weights: Option<ClassWeights>,
    /// Training windows are multiplied by a factor within 1 -+ this; open: they are not.
    pub augment_gain: Option<f64>,
    /// Samples by which training windows are moved at most; open: they are not.
    pub augment_shift: Option<usize>,
    /// Signal-to-noise ratio in dB of the noise that is added to training windows; open: none is.
    pub augment_noise: Option<f64>,
    /// Rate of the model's dropout layers; open: the model's own.
    pub dropout: Option<f64>,
    /// Largest global norm of the gradient; open: not clipped.
    pub clip_norm: Option<f64>,
    /// The adapter's index or a part of its name; open: the best one.
    pub adapter: Option<String>,
    /// The row of the variants' table; open: the adapter's.
    pub variant: Option<String>,
    /// Whether the run's folder gets an event file for TensorBoard.
    pub tensorboard: bool,
}

impl Config {
    /// How the recordings' files are read.
    pub fn read_options(&self) -> ReadOptions {
        ReadOptions {
            rate: self.rate,
            channel: self.channel,
            variable: self.variable.clone(),
            skip_bad: self.skip_bad,
        }
    }

    /// The bearing of recordings that do not say theirs: the one given, or that of the sample.
    ///
    /// # Errors
    /// What is given is no bearing.
    pub fn named_bearing(&self) -> Result<Option<Bearing>> {
        let given = self.bearing.as_deref().map(str::parse).transpose()?;
        Ok(given.or_else(|| self.data.is_none().then(Bearing::skf_6205)))
    }

    /// Whether `recording` is of a condition that the run is not to know.
    pub(super) fn leaves_out(&self, recording: &Recording) -> bool {
        let condition = recording.facts.condition.as_ref();
        condition.is_some_and(|condition| self.leave_out.iter().flatten().any(|name| name == condition))
    }

    /// The learning rate with its schedule.
    pub fn scheduled_learning_rate(&self) -> LearningRate {
        LearningRate {
            base: self.learning_rate,
            schedule: self.schedule,
            period: self.schedule_epochs.unwrap_or(1),
            factor: self.schedule_factor.unwrap_or(1.0),
            least: self.min_learning_rate.unwrap_or(0.0),
            warmup: self.warmup.unwrap_or(0.0),
            epochs: self.epochs,
        }
    }
}
