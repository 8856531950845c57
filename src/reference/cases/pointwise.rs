//! ReLU and dropout.

use super::super::case::{Case, Setup, Values, wide};
use super::super::compare::Tolerance;
use super::super::{dropout as dropout_twin, relu as relu_twin};
use crate::nn::dropout::Dropout;
use crate::nn::relu;

/// (N, L, C).
pub type Sizes = (usize, usize, usize);

const SIZES: &[Sizes] = &[(1, 1, 1), (2, 17, 5), (5, 13, 33)];

/// Rate, layer, counter: the counter's high word is in use too.
const DRAWS: &[(f64, usize, u64)] =
    &[(0.0, 0, 1), (0.1, 3, 7), (0.5, 1, 0), (0.5, 2, (5 << 32) + 9), (0.9, 12, u64::MAX)];

pub(super) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for &sizes in SIZES {
        let (n, l, c) = sizes;
        let name = format!("n{n} l{l} c{c}");
        cases.push(Case::new("relu.forward", "standard", &name, move || random_relu_forward(sizes)));
        cases.push(Case::new("relu.backward", "standard", &name, move || random_relu_backward(sizes)));
        for &(rate, layer, counter) in DRAWS {
            let name = format!("{name} rate{rate} layer{layer} counter{counter}");
            for (kernel, backward) in [("dropout.forward", false), ("dropout.backward", true)] {
                cases.push(Case::new(kernel, "standard", &name, move || {
                    dropout(sizes, Dropout { rate, layer }, counter, backward)
                }));
            }
        }
    }
    cases
}

fn values((batch, length, channels): Sizes, seed: u64) -> Vec<f32> {
    Values::new(seed).signed(batch * length * channels, 1.0)
}

fn random_relu_forward(sizes: Sizes) -> Setup {
    let x = values(sizes, 1);
    relu_forward(sizes, &x, &relu_twin::forward(&wide(&x)))
}

fn random_relu_backward(sizes: Sizes) -> Setup {
    let y: Vec<f32> = values(sizes, 1).into_iter().map(|value| value.max(0.0)).collect();
    let dy = values(sizes, 2);
    relu_backward(sizes, &y, &dy, &relu_twin::backward(&wide(&y), &wide(&dy)))
}

/// The launch that must turn x into `y`.
pub fn relu_forward(sizes: Sizes, x: &[f32], y: &[f64]) -> Setup {
    let mut setup = Setup::default();
    let x = setup.input("x", sizes, (1, 2), x);
    let y = setup.output("y", sizes, (3, 0), (y, Tolerance::EXACT));
    setup.launch(relu::forward("case", &x, &y));
    setup
}

/// The launch that must turn dy into `dx`.
pub fn relu_backward(sizes: Sizes, y_kept: &[f32], dy: &[f32], dx: &[f64]) -> Setup {
    let mut setup = Setup::default();
    let y = setup.input("y_kept", sizes, (1, 0), y_kept);
    let dy = setup.input("dy", sizes, (0, 2), dy);
    let dx = setup.output("dx", sizes, (2, 1), (dx, Tolerance::EXACT));
    setup.launch(relu::backward("case", &y, &dy, &dx));
    setup
}

fn dropout(sizes: Sizes, layer: Dropout, counter: u64, backward: bool) -> Setup {
    let x = values(sizes, counter);
    let y = dropout_twin::forward(counter, layer.layer as u32, layer.rate, &wide(&x));
    let mut setup = Setup::default();
    let step = setup.step(&[0, 0, counter as u32, (counter >> 32) as u32, 0, 0]);
    let from = setup.input(if backward { "dy" } else { "x" }, sizes, (1, 2), &x);
    let name = if backward { "dx" } else { "y" };
    let to = setup.output(name, sizes, (0, 1), (&y, Tolerance::ROUNDING));
    setup.launch(if backward {
        layer.backward("case", step, &from, &to)
    } else {
        layer.forward("case", step, &from, &to)
    });
    setup
}
