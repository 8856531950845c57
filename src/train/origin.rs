//! What a run was started from.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::nn::Checkpoint;

/// What a run was started from, as `last.safetensors` and `summary.json` keep it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Origin {
    /// The run's folder, or a checkpoint.
    pub from: PathBuf,
    /// The model's name there.
    pub model: String,
    /// SHA-256 of the parameters there: f32, little-endian, in PyTorch's layouts and the order of the layers; the same
    /// on every adapter.
    pub sha256: String,
    /// Layers whose parameters stay as they came.
    pub frozen: Vec<String>,
    /// Layers that begin with fresh parameters.
    pub fresh: Vec<String>,
    /// Number of parameters that learn.
    pub learning: usize,
    /// Whether the source has learned from a bearing that is validated or tested on here, or may have.
    pub leaky: bool,
    /// What to say beside every figure.
    pub notes: Vec<String>,
}

impl Origin {
    /// What the run that saved `last` was started from, if from a model.
    pub fn of(last: &Checkpoint) -> Option<Self> {
        let origin = last.training.as_ref()?.trainer.get("origin")?;
        serde_json::from_value(origin.clone()).ok()
    }
}
