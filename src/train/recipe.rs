//! What the options make of a training step: weight decay, label smoothing, class weights, augmentation.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::config::Config;
use super::material::Material;
use crate::data::split::Split;
use crate::data::windows::Window;
use crate::nn::adam::Adam;
use crate::nn::gather::Augmentation;
use crate::nn::lower::Recipe;
use crate::nn::softmax_cross_entropy::Objective;
use crate::{Error, Result};

/// How much a window counts in the training loss by its class (`--class-weights`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum ClassWeights {
    /// In inverse proportion to the class's training windows, 1 on average over the windows: scikit-learn's `balanced`.
    Balanced,
    /// These, in the order of the classes.
    Listed(Vec<f64>),
}

impl fmt::Display for ClassWeights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Balanced => f.write_str("balanced"),
            Self::Listed(weights) => {
                let weights: Vec<String> = weights.iter().map(f64::to_string).collect();
                f.write_str(&weights.join(","))
            }
        }
    }
}

impl FromStr for ClassWeights {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        if text == "balanced" {
            return Ok(Self::Balanced);
        }
        let weight = |text: &str| {
            text.trim()
                .parse()
                .ok()
                .filter(|weight: &f64| *weight > 0.0 && (*weight as f32).is_normal())
                .ok_or_else(|| {
                    Error::input(format!(
                        "'{text}' is no weight: give `balanced`, or numbers above 0 as in 1,2.5,1"
                    ))
                })
        };
        Ok(Self::Listed(text.split(',').map(weight).collect::<Result<_>>()?))
    }
}

impl TryFrom<String> for ClassWeights {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

impl From<ClassWeights> for String {
    fn from(weights: ClassWeights) -> Self {
        weights.to_string()
    }
}

impl ClassWeights {
    /// The weight of each class of `split`.
    ///
    /// # Errors
    /// A list that is shorter or longer than that of the classes.
    pub fn of(&self, split: &Split) -> Result<Vec<f64>> {
        let classes = split.classes.len();
        match self {
            Self::Balanced => {
                let mut counts = vec![0_usize; classes];
                split.train.iter().for_each(|window| counts[window.label] += 1);
                let weight = |count: usize| split.train.len() as f64 / (classes * count) as f64;
                Ok(counts.into_iter().map(weight).collect())
            }
            Self::Listed(weights) if weights.len() == classes => Ok(weights.clone()),
            Self::Listed(weights) => Err(Error::input(format!(
                "--class-weights {self}: {} weights for {classes} classes: give one each for {}",
                weights.len(),
                split.classes.join(", ")
            ))),
        }
    }
}

/// What `config` says of a training step on `material`.
pub(super) fn recipe(config: &Config, material: &Material) -> Recipe {
    let gain = config.augment_gain.unwrap_or(0.0);
    let shift = config.augment_shift.unwrap_or(0);
    let stride = config.stride.unwrap_or(material.model.window);
    let augmented = gain > 0.0 || shift > 0 || config.augment_noise.is_some();
    Recipe {
        adam: Adam { weight_decay: config.weight_decay.unwrap_or(0.0), ..Adam::default() },
        objective: Objective {
            label_smoothing: config.label_smoothing.unwrap_or(0.0),
            class_weights: material.class_weights.clone(),
        },
        augmentation: augmented.then(|| Augmentation {
            gain,
            noise: config.augment_noise,
            reach: reach(&material.split.train, stride, shift),
        }),
        frozen: material.frozen(),
    }
}

/// By how many samples, back and on, each of the training `windows` may move, at most by `shift`.
///
/// A window stays between the first and the last start of its run: training windows of one recording that follow each
/// other at the stride. Nothing of another part lies between these, whatever the rule of the split, so that no sample
/// of validation or test is ever trained on.
pub fn reach(windows: &[Window], stride: usize, shift: usize) -> Vec<(usize, usize)> {
    let follows = |a: &Window, b: &Window| a.recording == b.recording && a.start + stride == b.start;
    let room = |run: &[Window]| {
        let (first, last) = (run[0].start, run[run.len() - 1].start);
        let reach = |window: &Window| (shift.min(window.start - first), shift.min(last - window.start));
        run.iter().map(reach).collect::<Vec<_>>()
    };
    windows.chunk_by(follows).flat_map(room).collect()
}
