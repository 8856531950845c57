//! Twin of `shaders/lstm.wgsl`.

use crate::nn::lstm::Lstm;

/// What forward leaves.
#[derive(Debug, Clone, PartialEq)]
pub struct Forward {
    /// (N, T, 4H): the activated gates i, f, g, o; the projection as it came past a sequence's end.
    pub gates: Vec<f64>,
    /// (N, T + 2, H): row t + 1 is h of step t, the row before the first step the initial state; 0 elsewhere.
    pub h: Vec<f64>,
    /// (N, T + 2, H): the same of c.
    pub c: Vec<f64>,
    /// (2, N, H): h and c after the last step.
    pub last: Vec<f64>,
}

/// Walks sequences of `lengths[n]` steps from `state` (2, N, H); `gates` (N, T, 4H) holds the input's projection,
/// `w` is W_hh (H, 4H).
pub fn forward(shape: &Lstm, gates: &[f64], w: &[f64], lengths: &[u32], state: &[f64]) -> Forward {
    let Lstm { batch, steps, units, .. } = *shape;
    let rows = batch * (steps + 2) * units;
    let mut out = Forward {
        gates: gates.to_vec(),
        h: vec![0.0; rows],
        c: vec![0.0; rows],
        last: vec![0.0; 2 * batch * units],
    };
    for n in 0..batch {
        let mut h = state[n * units..][..units].to_vec();
        let mut c = state[(batch + n) * units..][..units].to_vec();
        let walk = walk(shape, lengths[n] as usize);
        let before = row(shape, n, before(shape, lengths[n] as usize));
        out.h[before..][..units].copy_from_slice(&h);
        out.c[before..][..units].copy_from_slice(&c);
        for &t in &walk {
            let z = (n * steps + t) * 4 * units;
            let sum = |gate: usize, j: usize| {
                let recurrent: f64 = (0..units).map(|k| h[k] * w[k * 4 * units + gate * units + j]).sum();
                gates[z + gate * units + j] + recurrent
            };
            let mut value = vec![0.0; units];
            for j in 0..units {
                let (i, f) = (sigmoid(sum(0, j)), sigmoid(sum(1, j)));
                let (g, o) = (sum(2, j).tanh(), sigmoid(sum(3, j)));
                c[j] = f * c[j] + i * g;
                value[j] = o * c[j].tanh();
                for (gate, activated) in [i, f, g, o].into_iter().enumerate() {
                    out.gates[z + gate * units + j] = activated;
                }
            }
            h = value;
            let at = row(shape, n, t + 1);
            out.h[at..][..units].copy_from_slice(&h);
            out.c[at..][..units].copy_from_slice(&c);
        }
        out.last[n * units..][..units].copy_from_slice(&h);
        out.last[(batch + n) * units..][..units].copy_from_slice(&c);
    }
    out
}

/// The gradient of the projection (N, T, 4H), 0 past a sequence's end, and of the state before the first step
/// (2, N, H), from the activated `gates`, `c` (N, T + 2, H), `dy` (N, T, H) and `dlast` (2, N, H).
pub fn backward(
    shape: &Lstm,
    gates: &[f64],
    w: &[f64],
    lengths: &[u32],
    c: &[f64],
    dy: Option<&[f64]>,
    dlast: &[f64],
) -> (Vec<f64>, Vec<f64>) {
    let Lstm { batch, steps, units, .. } = *shape;
    let mut dz = vec![0.0; batch * steps * 4 * units];
    let mut dstate = dlast.to_vec();
    for n in 0..batch {
        for &t in walk(shape, lengths[n] as usize).iter().rev() {
            let z = (n * steps + t) * 4 * units;
            let previous = row(shape, n, if shape.reverse { t + 2 } else { t });
            for j in 0..units {
                let [i, f, g, o] = [0, 1, 2, 3].map(|gate| gates[z + gate * units + j]);
                let tanh_c = c[row(shape, n, t + 1) + j].tanh();
                let dh = dstate[n * units + j] + dy.map_or(0.0, |dy| dy[(n * steps + t) * units + j]);
                let dc = dstate[(batch + n) * units + j] + dh * o * (1.0 - tanh_c * tanh_c);
                dz[z + j] = dc * g * i * (1.0 - i);
                dz[z + units + j] = dc * c[previous + j] * f * (1.0 - f);
                dz[z + 2 * units + j] = dc * i * (1.0 - g * g);
                dz[z + 3 * units + j] = dh * tanh_c * o * (1.0 - o);
                dstate[(batch + n) * units + j] = dc * f;
            }
            for j in 0..units {
                dstate[n * units + j] = (0..4 * units).map(|k| w[j * 4 * units + k] * dz[z + k]).sum();
            }
        }
    }
    (dz, dstate)
}

/// The row of a sequence of h or c, counted from the row before its step 0, that holds its initial state.
pub fn before(shape: &Lstm, length: usize) -> usize {
    if shape.reverse { length + 1 } else { 0 }
}

/// The steps in walking order.
fn walk(shape: &Lstm, length: usize) -> Vec<usize> {
    if shape.reverse { (0..length).rev().collect() } else { (0..length).collect() }
}

fn row(shape: &Lstm, n: usize, row: usize) -> usize {
    (n * (shape.steps + 2) + row) * shape.units
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}
