//! Turning away what is unlike the training data. A score says how familiar a window or a recording is, the higher the more;
//! what it is does not matter here. A threshold is chosen on known validation recordings only, and then looked at on
//! known test recordings and on fault types that training has never seen.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::ranking::auroc;

/// What was turned away of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TurnedAway {
    /// Number with a score below the threshold, or with one that is not a number.
    pub count: u64,
    /// Size of the group.
    pub of: u64,
}

impl TurnedAway {
    /// Share of the group, 0 to 1; none of nothing.
    pub fn share(&self) -> Option<f64> {
        (self.of > 0).then(|| self.count as f64 / self.of as f64)
    }
}

/// The highest of the scores `known` that at most the share `most` (0 to 1) of them lies below. None without a score.
///
/// Fewer than 1 / `most` scores let none of them go: the threshold is then the lowest, and of new known recordings about
/// one in `known.len() + 1` falls below it.
///
/// # Panics
/// If a score is not a number.
pub fn threshold(known: &[f64], most: f64) -> Option<f64> {
    let mut sorted = known.to_vec();
    sorted.sort_by(|a, b| a.partial_cmp(b).expect("a score is a number"));
    let below = (most * sorted.len() as f64).floor() as usize;
    sorted.get(below.min(sorted.len().saturating_sub(1))).copied()
}

/// What `threshold` turns away of `scores`.
pub fn turned_away(scores: &[f64], threshold: f64) -> TurnedAway {
    let kept = scores.iter().filter(|&&score| score >= threshold).count();
    TurnedAway { count: (scores.len() - kept) as u64, of: scores.len() as u64 }
}

/// How familiar every recording is: the mean over its windows of `log_sum_exp`, the log-sum-exp of the network's scores. By
/// position of the recording; `recordings` holds each window's. That is minus the energy of Liu et al.,
/// "Energy-based Out-of-distribution Detection" (2020), at temperature 1: the temperature that calibrates confidences is
/// fitted to another end, and to divide by it would put no two recordings in another order.
///
/// A mean that is not finite becomes [`f64::MIN`]: such a recording is not familiar.
pub fn by_recording(recordings: &[usize], log_sum_exp: &[f32]) -> Vec<f64> {
    let mut sums: BTreeMap<usize, (f64, f64)> = BTreeMap::new();
    for (&recording, &value) in recordings.iter().zip(log_sum_exp) {
        let (sum, count) = sums.entry(recording).or_default();
        *sum += f64::from(value);
        *count += 1.0;
    }
    let mean = |(sum, count): (f64, f64)| if sum.is_finite() { sum / count } else { f64::MIN };
    sums.into_values().map(mean).collect()
}

/// Whether `count` known recordings can resolve the share `most` of them: fewer than 1 / `most` cannot, see
/// [`threshold`].
pub fn resolves(count: usize, most: f64) -> bool {
    most * count as f64 >= 1.0
}

/// How well a score tells the known from the unknown.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Rejection {
    /// The share of known recordings that was allowed to be turned away, 0 to 1.
    pub most: f64,
    /// What is below is turned away; in the score's unit.
    pub threshold: f64,
    /// Of the known validation recordings that the threshold was chosen on.
    pub validation: TurnedAway,
    /// Of the known test recordings: what turning away costs.
    pub known: TurnedAway,
    /// Of the recordings of held-out fault types: what it gains.
    pub unknown: TurnedAway,
    /// Probability that a known test recording has a higher score than an unknown one, whatever the threshold; 0.5 is
    /// chance. None where a group is empty.
    pub auroc: Option<f64>,
}

impl Rejection {
    /// Chooses the threshold on `validation` so that at most the share `most` of it is turned away, and looks at the
    /// `known` and the `unknown` test recordings; for one fault type at a time, give only its recordings. None without
    /// a validation score.
    ///
    /// # Panics
    /// If a score is not a number.
    pub fn of(validation: &[f64], known: &[f64], unknown: &[f64], most: f64) -> Option<Self> {
        let threshold = threshold(validation, most)?;
        Some(Self {
            most,
            threshold,
            validation: turned_away(validation, threshold),
            known: turned_away(known, threshold),
            unknown: turned_away(unknown, threshold),
            auroc: auroc(known, unknown),
        })
    }
}
