//! Initial parameters as Keras draws them, from a seed.
//!
//! * kernels of conv1d, conv2d, dense and the LSTM's input: Glorot uniform, `U(-a, a)` with
//!   `a = sqrt(6 / (fan_in + fan_out))`; for a convolution both fans count every tap (Glorot and Bengio,
//!   "Understanding the difficulty of training deep feedforward neural networks", 2010, eq. 16)
//! * recurrent kernels: orthogonal rows (Saxe, McClelland and Ganguli, "Exact solutions to the nonlinear
//!   dynamics of learning in deep linear neural networks", 2014)
//! * biases: zero, but 1 for the LSTM's forget gate (Jozefowicz, Zaremba and Sutskever, "An empirical
//!   exploration of recurrent network architectures", 2015)
//!
//! All arithmetic is f64 with `libm`, so that a seed gives the same bits on every platform.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use crate::error::Result;
use crate::nn::model::{LayerKind, Model};
use crate::nn::parameters::ParameterTable;

/// The initial parameters of `model` for `seed`: a flat buffer in the device's layout, laid out by
/// [`ParameterTable`], with zeros between the tensors.
///
/// # Errors
/// As [`Model::shapes`].
pub fn initialise(model: &Model, seed: u64) -> Result<Vec<f32>> {
    let table = ParameterTable::new(model)?;
    let mut flat = vec![0.0; table.total_len()];
    let mut stream = Stream::new(seed);
    for entry in table.entries() {
        let values = &mut flat[entry.range()];
        match (&model.layers[entry.layer].kind, entry.device_shape.as_slice()) {
            (_, &[ref taps @ .., inputs, outputs]) if !taps.is_empty() => {
                let taps: usize = taps.iter().product();
                glorot_uniform(taps * inputs, taps * outputs, &mut stream, values);
            }
            (LayerKind::Lstm { units, .. }, &[_, gates]) if entry.name.ends_with(".weight_hh_l0") => {
                orthogonal_rows(*units, gates, &mut stream, values);
            }
            (_, &[inputs, outputs]) => glorot_uniform(inputs, outputs, &mut stream, values),
            // The gates stand in the order i, f, g, o.
            (LayerKind::Lstm { units, .. }, _) => values[*units..2 * units].fill(1.0),
            _ => {} // biases stay zero
        }
    }
    Ok(flat)
}

/// Fills `values` from `U(-a, a)` with `a = sqrt(6 / (fan_in + fan_out))`.
fn glorot_uniform(fan_in: usize, fan_out: usize, stream: &mut Stream, values: &mut [f32]) {
    let limit = (6.0 / (fan_in + fan_out) as f64).sqrt();
    for value in values {
        *value = (limit * (2.0 * stream.uniform() - 1.0)) as f32;
    }
}

/// Fills `values`, a (rows, columns) matrix with no more rows than columns, with orthonormal rows drawn
/// evenly from all such matrices.
///
/// The rows are the transposed Q of the QR decomposition of a Gaussian matrix. Gram-Schmidt gives the
/// one with a positive diagonal of R, which is what the usual correction of Q's signs brings about.
fn orthogonal_rows(rows: usize, columns: usize, stream: &mut Stream, values: &mut [f32]) {
    let mut basis: Vec<Vec<f64>> = Vec::with_capacity(rows);
    for _ in 0..rows {
        let mut row: Vec<f64> = (0..columns).map(|_| stream.gaussian()).collect();
        for other in &basis {
            let along = dot(&row, other);
            row.iter_mut().zip(other).for_each(|(x, y)| *x -= along * y);
        }
        let norm = dot(&row, &row).sqrt();
        row.iter_mut().for_each(|x| *x /= norm);
        basis.push(row);
    }
    for (value, &x) in values.iter_mut().zip(basis.iter().flatten()) {
        *value = x as f32;
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

/// Random numbers of one seed: ChaCha with 8 rounds, the seed as the first 8 bytes of its key.
struct Stream(ChaCha8Rng);

impl Stream {
    fn new(seed: u64) -> Self {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        Self(ChaCha8Rng::from_seed(key))
    }

    /// Uniform on the multiples of 2^-53 in [0, 1).
    fn uniform(&mut self) -> f64 {
        (self.0.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Standard normal, by Box and Muller.
    fn gaussian(&mut self) -> f64 {
        let radius = (-2.0 * libm::log(1.0 - self.uniform())).sqrt();
        radius * libm::cos(std::f64::consts::TAU * self.uniform())
    }
}
