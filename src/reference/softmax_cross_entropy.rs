//! Twin of `shaders/softmax_cross_entropy.wgsl`.

/// Probabilities (rows, C), loss and prediction of the first `rows` rows of the scores `x` (N, C).
pub fn forward(rows: usize, classes: usize, x: &[f64], labels: &[u32]) -> (Vec<f64>, Vec<f64>, Vec<u32>) {
    let (mut p, mut loss, mut predicted) = (Vec::new(), Vec::new(), Vec::new());
    for (scores, &label) in x.chunks(classes).zip(labels).take(rows) {
        let mut best = 0;
        for c in 1..classes {
            if scores[c] > scores[best] {
                best = c;
            }
        }
        let sum: f64 = scores.iter().map(|score| (score - scores[best]).exp()).sum();
        p.extend(scores.iter().map(|score| (score - scores[best]).exp() / sum));
        loss.push(sum.ln() - (scores[label as usize] - scores[best]));
        predicted.push(best as u32);
    }
    (p, loss, predicted)
}

/// As [`forward`], and dx (batch, C) of the mean loss over the first `rows` rows; 0 in the others.
pub fn train(
    rows: usize,
    batch: usize,
    classes: usize,
    x: &[f64],
    labels: &[u32],
) -> (Vec<f64>, Vec<f64>, Vec<u32>, Vec<f64>) {
    let (p, loss, predicted) = forward(rows, classes, x, labels);
    let mut dx = vec![0.0; batch * classes];
    for row in 0..rows {
        for c in 0..classes {
            let one = if labels[row] as usize == c { 1.0 } else { 0.0 };
            dx[row * classes + c] = (p[row * classes + c] - one) / rows as f64;
        }
    }
    (p, loss, predicted, dx)
}
