//! Class weights: how much the windows of each class count in the training loss.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::data::split::Split;
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
