//! Twin of `shaders/softmax_cross_entropy.wgsl`.

/// What is known of some rows.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Rows {
    /// Probabilities (rows, C).
    pub p: Vec<f64>,
    /// Cross-entropy.
    pub loss: Vec<f64>,
    /// The likeliest class.
    pub predicted: Vec<u32>,
    /// Log-sum-exp of the scores.
    pub log_sum_exp: Vec<f64>,
}

/// What is known of the first `rows` rows of the scores `x` (N, C).
pub fn forward(rows: usize, classes: usize, x: &[f64], labels: &[u32]) -> Rows {
    let mut found = Rows::default();
    for (scores, &label) in x.chunks(classes).zip(labels).take(rows) {
        let mut best = 0;
        for c in 1..classes {
            if scores[c] > scores[best] {
                best = c;
            }
        }
        let sum: f64 = scores.iter().map(|score| (score - scores[best]).exp()).sum();
        found.p.extend(scores.iter().map(|score| (score - scores[best]).exp() / sum));
        found.loss.push(sum.ln() - (scores[label as usize] - scores[best]));
        found.predicted.push(best as u32);
        found.log_sum_exp.push(scores[best] + sum.ln());
    }
    found
}

/// The loss of the first `rows` rows as PyTorch's `CrossEntropyLoss(class_weights, label_smoothing=smoothing)` has it:
/// `-sum_(r, c) y[r, c] log p[r, c]` by the sum of the rows' class weights.
pub fn batch_loss(rows: usize, x: &[f64], labels: &[u32], (smoothing, class_weights): (f64, &[f64])) -> f64 {
    let classes = class_weights.len();
    let p = forward(rows, classes, x, labels).p;
    let loss = |row: usize| -> f64 {
        let y = goals(labels[row], smoothing, class_weights);
        y.iter().zip(&p[row * classes..]).map(|(y, p)| -y * p.ln()).sum()
    };
    (0..rows).map(loss).sum::<f64>() / total_weight(rows, labels, class_weights)
}

/// The sum of the class weights of the first `rows` rows.
pub fn total_weight(rows: usize, labels: &[u32], class_weights: &[f64]) -> f64 {
    labels[..rows].iter().map(|label| class_weights[*label as usize]).sum()
}

/// What the log-probabilities of a row are multiplied with.
fn goals(label: u32, smoothing: f64, class_weights: &[f64]) -> Vec<f64> {
    let classes = class_weights.len();
    let one = |c: usize| if c == label as usize { 1.0 } else { 0.0 };
    (0..classes)
        .map(|c| class_weights[c] * ((1.0 - smoothing) * one(c) + smoothing / classes as f64))
        .collect()
}

/// As [`forward`], and dx (batch, C) of the [`batch_loss`] over the first `rows` rows; 0 in the others.
pub fn train(
    rows: usize,
    batch: usize,
    classes: usize,
    x: &[f64],
    labels: &[u32],
    (smoothing, class_weights): (f64, &[f64]),
) -> (Rows, Vec<f64>) {
    let found = forward(rows, classes, x, labels);
    let mut dx = vec![0.0; batch * classes];
    let total = total_weight(rows, labels, class_weights);
    for row in 0..rows {
        let y = goals(labels[row], smoothing, class_weights);
        for c in 0..classes {
            dx[row * classes + c] = (found.p[row * classes + c] * y.iter().sum::<f64>() - y[c]) / total;
        }
    }
    (found, dx)
}
