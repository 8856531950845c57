//! Training, evaluation and prediction: what happens between recordings and a run's folder.

mod agreement;
pub mod attribution;
pub mod baseline;
pub mod baselines;
mod bearing;
pub mod bench;
mod carry_out;
mod class_weights;
mod classified;
pub mod config;
pub mod cross_validate;
pub mod evaluate;
pub mod explanation;
mod left_out;
pub mod material;
pub mod metrics;
mod origin;
pub mod predict;
pub mod queue;
pub mod recipe;
pub mod reproduce;
pub mod rhythm;
pub mod run_folder;
mod scaling;
pub mod schedule;
mod statistic;
pub mod stress;
pub mod study;
pub mod trainer;
pub mod transfer;
pub mod tune;

pub use agreement::disagree;
pub use baseline::Baseline;
pub use baselines::Baselines;
pub use bearing::bearing_of;
pub use class_weights::ClassWeights;
pub use config::{Config, Protocol};
pub use evaluate::{Evaluation, evaluate};
pub use material::Material;
pub use metrics::{ClassFigures, Figures, Scored, Tally};
pub use origin::Origin;
pub use predict::{Prediction, least_familiar, predict};
pub use run_folder::{EpochRecord, RunFolder, Summary, kept_model};
pub use schedule::{LearningRate, Schedule};
pub use statistic::Statistic;
pub use stress::{Stress, stress};
pub use trainer::{Event, Outcome, Trainer};
pub use transfer::Transfer;

use std::collections::BTreeMap;

use crate::Result;
use crate::gpu::adapter::AdapterInfo;
use crate::nn::variants::ROWS;
use crate::nn::{Variants, tuned};

/// The shader variants that are on record, if this version has them and the adapter can run them.
fn recorded_variants(adapter: &AdapterInfo, record: &BTreeMap<String, String>) -> Option<Variants> {
    let row = ROWS.iter().find(|row| variant_names(&row.variants()) == *record)?;
    row.lack(adapter).is_none().then(|| row.variants())
}

/// The shader variants to score a model with: those it was trained with, otherwise the adapter's.
fn scoring_variants(adapter: &AdapterInfo, record: &BTreeMap<String, String>) -> Result<Variants> {
    recorded_variants(adapter, record).map_or_else(|| tuned::choose(adapter, None), Ok)
}

/// Shader and variant, as a run records them.
fn variant_names(variants: &Variants) -> BTreeMap<String, String> {
    variants.iter().map(|(shader, variant)| (shader.to_owned(), variant.to_owned())).collect()
}
