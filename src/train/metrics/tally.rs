//! What is counted while windows come in: loss, accuracy, balanced accuracy and the confusion matrix.

use serde::{Deserialize, Serialize};

use super::confusion::{accuracy, balanced_accuracy};

/// Figures over a set of windows, all unit-free.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Figures {
    /// Mean cross-entropy in nats.
    pub loss: f64,
    /// Share of windows whose class was found, 0 to 1.
    pub accuracy: f64,
    /// Mean over the classes present of the share found in each, 0 to 1: a frequent class weighs no more.
    pub balanced_accuracy: f64,
    /// Number of windows.
    pub windows: u64,
}

/// Sums over classified windows. They are taken one window after the other, so that a tally put aside and
/// continued gives the same bits as one that was not.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Tally {
    loss: f64,
    confusion: Vec<Vec<u64>>,
}

impl Tally {
    /// An empty tally over `classes` classes.
    pub fn new(classes: usize) -> Self {
        Self { loss: 0.0, confusion: vec![vec![0; classes]; classes] }
    }

    /// Adds a window of class `label` that was taken for `predicted`.
    pub fn add(&mut self, label: usize, predicted: usize, loss: f32) {
        self.loss += f64::from(loss);
        self.confusion[label][predicted] += 1;
    }

    /// Number of windows: a row per true class, a column per predicted one.
    pub fn confusion(&self) -> &[Vec<u64>] {
        &self.confusion
    }

    /// The figures, or none without a window.
    pub fn figures(&self) -> Option<Figures> {
        let windows: u64 = self.confusion.iter().flatten().sum();
        Some(Figures {
            loss: self.loss / windows as f64,
            accuracy: accuracy(&self.confusion)?,
            balanced_accuracy: balanced_accuracy(&self.confusion)?,
            windows,
        })
    }

    /// Whether every loss so far was a number.
    pub fn is_finite(&self) -> bool {
        self.loss.is_finite()
    }
}
