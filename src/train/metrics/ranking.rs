//! How well a score puts one group above another, whatever the threshold.

use serde::Serialize;

use super::Scored;

/// Area under the receiver operating characteristic: the probability that a score of `positive` is above one of
/// `negative`, ties counting half; 0.5 is chance. None where a group is empty.
///
/// From the rank sum (Mann and Whitney 1947): (R - n (n + 1) / 2) / (n m), with the mean rank of equal scores.
///
/// # Panics
/// If a score is not a number.
pub fn auroc(positive: &[f64], negative: &[f64]) -> Option<f64> {
    if positive.is_empty() || negative.is_empty() {
        return None;
    }
    let mut scores: Vec<(f64, bool)> = (positive.iter().map(|&score| (score, true)))
        .chain(negative.iter().map(|&score| (score, false)))
        .collect();
    scores.sort_by(|a, b| a.0.partial_cmp(&b.0).expect("a score is a number"));
    let mut below = 0.0;
    let mut rank_sum = 0.0;
    for equal in scores.chunk_by(|a, b| a.0 == b.0) {
        let count = equal.len() as f64;
        let of_positive = equal.iter().filter(|(_, positive)| *positive).count() as f64;
        rank_sum += of_positive * (below + (count + 1.0) / 2.0);
        below += count;
    }
    let (n, m) = (positive.len() as f64, negative.len() as f64);
    Some((rank_sum - n * (n + 1.0) / 2.0) / (n * m))
}

/// AUROC of each class against the rest, and their mean.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MacroAuroc {
    /// Mean over the classes that have one, 0 to 1; a frequent class weighs no more.
    pub mean: f64,
    /// Of each class by its own probability; none where no row is of the class, or every row is.
    pub by_class: Vec<Option<f64>>,
    /// Number of classes without one.
    pub left_out: usize,
}

/// AUROC of each class against the rest: scikit-learn's `roc_auc_score(multi_class="ovr", average="macro")` over the
/// classes that are present. None where fewer than two are.
pub fn macro_auroc(scored: &Scored) -> Option<MacroAuroc> {
    let of_class = |class: usize| {
        let (mut positive, mut negative) = (Vec::new(), Vec::new());
        for (row, &label) in scored.labels().iter().enumerate() {
            let group = if label == class { &mut positive } else { &mut negative };
            group.push(scored.probabilities(row)[class]);
        }
        auroc(&positive, &negative)
    };
    let by_class: Vec<Option<f64>> = (0..scored.classes()).map(of_class).collect();
    let known: Vec<f64> = by_class.iter().copied().flatten().collect();
    (!known.is_empty()).then(|| MacroAuroc {
        mean: known.iter().sum::<f64>() / known.len() as f64,
        left_out: by_class.len() - known.len(),
        by_class,
    })
}
