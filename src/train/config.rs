//! What a run is told to do: the effective configuration, with everything checked and filled in.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::data::ReadOptions;
use crate::data::order::Balance;
use crate::data::split::Rule;
use crate::data::windows::Scale;

/// A data rule that fixes several options at once (`--protocol`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// That of Cao and Ye's paper, see [`crate::data::protocol`].
    Paper,
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
    /// Sampling rate to train at in Hz; open: the lowest of the recordings.
    pub target_rate: Option<f64>,
    /// How samples are scaled; open: as the model was trained with that the run starts from, otherwise by the training
    /// windows.
    pub scale: Option<Scale>,
    /// What stays together in the split; open: the strictest that the metadata allows.
    pub split: Option<Rule>,
    /// Whether classes are drawn equally often.
    pub balance: Balance,
    /// Seed of parameters, split, order and dropout.
    pub seed: u64,
    /// Epochs to train at most.
    pub epochs: usize,
    /// Epochs without a better validation loss after which training stops; 0 for never.
    pub patience: usize,
    /// Windows in a step.
    pub batch: usize,
    /// Adam's step size.
    pub learning_rate: f64,
    /// Rate of the model's dropout layers; open: the model's own.
    pub dropout: Option<f64>,
    /// Largest global norm of the gradient; open: not clipped.
    pub clip_norm: Option<f64>,
    /// The adapter's index or a part of its name; open: the best one.
    pub adapter: Option<String>,
    /// The row of the variants' table; open: the adapter's.
    pub variant: Option<String>,
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
}
