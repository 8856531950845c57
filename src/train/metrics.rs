//! What a set of classified windows shows: loss, accuracy, balanced accuracy, confusion, figures by class.

use serde::{Deserialize, Serialize};

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

/// What a confusion matrix says of one class. Shares are unit-free, 0 to 1, and none where they would divide by zero.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ClassFigures {
    /// Share of the windows taken for the class that are of it: TP / (TP + FP).
    pub precision: Option<f64>,
    /// Share of the windows of the class that were taken for it: TP / (TP + FN).
    pub recall: Option<f64>,
    /// Harmonic mean of both: 2 TP / (2 TP + FP + FN).
    pub f1: Option<f64>,
    /// Number of windows of the class.
    pub support: u64,
}

/// The figures of each class of a `confusion` matrix: a row per true class, a column per predicted one.
pub fn by_class(confusion: &[Vec<u64>]) -> Vec<ClassFigures> {
    let share = |part: u64, of: u64| (of > 0).then(|| part as f64 / of as f64);
    let figures = |class: usize| {
        let found = confusion[class][class];
        let support = confusion[class].iter().sum();
        let taken = confusion.iter().map(|row| row[class]).sum();
        ClassFigures {
            precision: share(found, taken),
            recall: share(found, support),
            f1: share(2 * found, taken + support),
            support,
        }
    };
    (0..confusion.len()).map(figures).collect()
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
        if windows == 0 {
            return None;
        }
        let right: u64 = (0..self.confusion.len()).map(|class| self.confusion[class][class]).sum();
        let recalls: Vec<f64> =
            by_class(&self.confusion).into_iter().filter_map(|class| class.recall).collect();
        Some(Figures {
            loss: self.loss / windows as f64,
            accuracy: right as f64 / windows as f64,
            balanced_accuracy: recalls.iter().sum::<f64>() / recalls.len() as f64,
            windows,
        })
    }

    /// Whether every loss so far was a number.
    pub fn is_finite(&self) -> bool {
        self.loss.is_finite()
    }
}
