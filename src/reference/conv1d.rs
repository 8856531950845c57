//! Twin of `shaders/conv1d.wgsl` and its variants.

use crate::nn::conv1d::Conv1d;

/// y (N, steps, C_out) = x (N, L, C_in) * w (kernel, C_in, C_out) + b (C_out), then ReLU if `relu`.
pub fn forward(shape: &Conv1d, x: &[f64], w: &[f64], b: &[f64], relu: bool) -> Vec<f64> {
    let mut y = Vec::with_capacity(shape.batch * shape.steps * shape.filters);
    for n in 0..shape.batch {
        for t in 0..shape.steps {
            for o in 0..shape.filters {
                let mut sum = b[o];
                for tap in 0..shape.kernel {
                    if let Some(p) = position(shape, t, tap) {
                        for i in 0..shape.channels {
                            sum += x[input(shape, n, p, i)] * w[weight(shape, tap, i, o)];
                        }
                    }
                }
                y.push(if relu { sum.max(0.0) } else { sum });
            }
        }
    }
    y
}

/// dx (N, L, C_in) from dy (N, steps, C_out); with `below`, x_kept and a factor, also through the ReLU that made
/// x_kept and the dropout that multiplied what it has kept by the factor.
pub fn input_gradient(shape: &Conv1d, dy: &[f64], w: &[f64], below: Option<(&[f64], f64)>) -> Vec<f64> {
    let mut dx = vec![0.0; shape.batch * shape.length * shape.channels];
    for n in 0..shape.batch {
        for t in 0..shape.steps {
            for tap in 0..shape.kernel {
                if let Some(p) = position(shape, t, tap) {
                    for i in 0..shape.channels {
                        for o in 0..shape.filters {
                            dx[input(shape, n, p, i)] +=
                                dy[output(shape, n, t, o)] * w[weight(shape, tap, i, o)];
                        }
                    }
                }
            }
        }
    }
    if let Some((x_kept, scale)) = below {
        for (dx, &x) in dx.iter_mut().zip(x_kept) {
            *dx = if x > 0.0 { *dx * scale } else { 0.0 };
        }
    }
    dx
}

/// dw (kernel, C_in, C_out) and db (C_out) from x and dy, a pair for each of `splits` owners of equal shares of
/// the sum over (n, t); the last share may be smaller or empty.
pub fn weight_gradient(shape: &Conv1d, x: &[f64], dy: &[f64], splits: usize) -> Vec<(Vec<f64>, Vec<f64>)> {
    let total = shape.batch * shape.steps;
    let share = total.div_ceil(splits);
    let owner = |split: usize| {
        let mut dw = vec![0.0; shape.depth() * shape.filters];
        let mut db = vec![0.0; shape.filters];
        for m in split * share..((split + 1) * share).min(total) {
            let (n, t) = (m / shape.steps, m % shape.steps);
            for o in 0..shape.filters {
                let gradient = dy[output(shape, n, t, o)];
                db[o] += gradient;
                for tap in 0..shape.kernel {
                    if let Some(p) = position(shape, t, tap) {
                        for i in 0..shape.channels {
                            dw[weight(shape, tap, i, o)] += x[input(shape, n, p, i)] * gradient;
                        }
                    }
                }
            }
        }
        (dw, db)
    };
    (0..splits).map(owner).collect()
}

/// The input step under a tap, unless it lies in the padding.
fn position(shape: &Conv1d, t: usize, tap: usize) -> Option<usize> {
    (t * shape.stride + tap).checked_sub(shape.left).filter(|&p| p < shape.length)
}

fn input(shape: &Conv1d, n: usize, p: usize, i: usize) -> usize {
    (n * shape.length + p) * shape.channels + i
}

fn output(shape: &Conv1d, n: usize, t: usize, o: usize) -> usize {
    (n * shape.steps + t) * shape.filters + o
}

fn weight(shape: &Conv1d, tap: usize, i: usize, o: usize) -> usize {
    (tap * shape.channels + i) * shape.filters + o
}
