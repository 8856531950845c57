//! What a confusion matrix says: a row per true class, a column per predicted one.

use serde::{Deserialize, Serialize};

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

/// Share of the rows whose class was found, 0 to 1; none without a row.
pub fn accuracy(confusion: &[Vec<u64>]) -> Option<f64> {
    let rows: u64 = confusion.iter().flatten().sum();
    let right: u64 = (0..confusion.len()).map(|class| confusion[class][class]).sum();
    (rows > 0).then(|| right as f64 / rows as f64)
}

/// Mean recall over the classes that are present, 0 to 1, as scikit-learn's `balanced_accuracy_score`; none without a
/// row.
pub fn balanced_accuracy(confusion: &[Vec<u64>]) -> Option<f64> {
    mean(by_class(confusion).into_iter().filter_map(|class| class.recall))
}

/// Mean F1 over the classes that are present or were named, 0 to 1, as scikit-learn's `f1_score(average="macro")`:
/// a class that is never found counts as 0, one that is neither present nor named does not count. None without a row.
pub fn macro_f1(confusion: &[Vec<u64>]) -> Option<f64> {
    mean(by_class(confusion).into_iter().filter_map(|class| class.f1))
}

/// The mean; none of nothing.
fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let values: Vec<f64> = values.collect();
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}
