//! Rows of labels and probabilities: what every figure beside the running ones is computed from.

use std::collections::BTreeMap;

/// The least probability that a logarithm is taken of. Softmax in f32 gives 0 for what is less likely than this, and
/// one such window must not decide for all the others.
pub const LEAST_PROBABILITY: f64 = f32::MIN_POSITIVE as f64;

/// Classified rows, a row per window or per recording: each one's true class, the recording it is of, and a
/// probability per class.
#[derive(Debug, Clone, PartialEq)]
pub struct Scored {
    classes: usize,
    labels: Vec<usize>,
    recordings: Vec<usize>,
    /// (rows, classes), row by row.
    probabilities: Vec<f64>,
}

impl Scored {
    /// No row yet, over `classes` classes.
    pub fn new(classes: usize) -> Self {
        Self { classes, labels: Vec::new(), recordings: Vec::new(), probabilities: Vec::new() }
    }

    /// Adds a row of class `label`, of the recording at position `recording` of the caller's list, with a probability
    /// (0 to 1) for each class.
    ///
    /// # Panics
    /// If the label is not below the number of classes, or there are not as many probabilities as classes.
    pub fn push(&mut self, label: usize, recording: usize, probabilities: impl IntoIterator<Item = f64>) {
        assert!(label < self.classes, "label {label} of {} classes", self.classes);
        self.labels.push(label);
        self.recordings.push(recording);
        self.probabilities.extend(probabilities);
        assert_eq!(self.probabilities.len(), self.labels.len() * self.classes, "a probability per class");
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// Number of classes.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// The true class of every row.
    pub fn labels(&self) -> &[usize] {
        &self.labels
    }

    /// The recording of every row.
    pub fn recordings(&self) -> &[usize] {
        &self.recordings
    }

    /// The probability of each class at `row`.
    pub fn probabilities(&self, row: usize) -> &[f64] {
        &self.probabilities[row * self.classes..][..self.classes]
    }

    /// The most probable class of `row`, the first of equals, and its probability: the confidence.
    pub fn decision(&self, row: usize) -> (usize, f64) {
        let probabilities = self.probabilities(row);
        let best = (1..self.classes)
            .fold(0, |best, class| if probabilities[class] > probabilities[best] { class } else { best });
        (best, probabilities[best])
    }

    /// Number of rows: a row per true class, a column per predicted one. [`super::confusion`] has its figures.
    pub fn confusion(&self) -> Vec<Vec<u64>> {
        let mut confusion = vec![vec![0; self.classes]; self.classes];
        for (row, &label) in self.labels.iter().enumerate() {
            confusion[label][self.decision(row).0] += 1;
        }
        confusion
    }

    /// One row per recording, by position: the softmax of the mean over its windows of log p. That is their product
    /// taken to the power 1 / windows, so that a recording is no surer of itself for being longer.
    ///
    /// # Panics
    /// If two rows of a recording differ in their label.
    pub fn by_recording(&self) -> Self {
        let mut rows: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for (row, &recording) in self.recordings.iter().enumerate() {
            rows.entry(recording).or_default().push(row);
        }
        let mut decided = Self::new(self.classes);
        for (recording, rows) in rows {
            let label = self.labels[rows[0]];
            assert!(
                rows.iter().all(|&row| self.labels[row] == label),
                "recording {recording} has two labels"
            );
            let mean = |class: usize| {
                let logs = rows.iter().map(|&row| log(self.probabilities(row)[class]));
                logs.sum::<f64>() / rows.len() as f64
            };
            let means: Vec<f64> = (0..self.classes).map(mean).collect();
            decided.push(label, recording, softmax(&means));
        }
        decided
    }

    /// The rows with every row's probabilities as `change` makes them.
    pub fn map(&self, change: impl Fn(&[f64]) -> Vec<f64>) -> Self {
        let mut changed = Self::new(self.classes);
        for row in 0..self.len() {
            changed.push(self.labels[row], self.recordings[row], change(self.probabilities(row)));
        }
        changed
    }
}

/// The logarithm of a probability of at least [`LEAST_PROBABILITY`].
pub(super) fn log(probability: f64) -> f64 {
    probability.max(LEAST_PROBABILITY).ln()
}

/// exp(x) / sum exp(x).
pub(crate) fn softmax(x: &[f64]) -> Vec<f64> {
    let highest = x.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let powers: Vec<f64> = x.iter().map(|x| (x - highest).exp()).collect();
    let sum: f64 = powers.iter().sum();
    powers.into_iter().map(|power| power / sum).collect()
}
