//! Max and average pooling: windows that leave a tail and windows that do not, ties, batches and channels that
//! fill no workgroup.

use super::super::average_pool1d as average_twin;
use super::super::case::{Case, Setup, Values, narrow, wide, words};
use super::super::compare::Tolerance;
use super::super::max_pool1d::{self as max_twin, Pool};
use super::variants;
use crate::nn::{average_pool1d, max_pool1d};

const SIZES: &[Pool] = &[
    Pool { batch: 1, length: 1, channels: 1, size: 1 },
    Pool { batch: 2, length: 19, channels: 5, size: 1 },
    Pool { batch: 5, length: 19, channels: 3, size: 2 },
    Pool { batch: 2, length: 20, channels: 17, size: 2 },
    Pool { batch: 2, length: 17, channels: 5, size: 3 },
    Pool { batch: 1, length: 23, channels: 33, size: 4 },
    Pool { batch: 2, length: 23, channels: 1, size: 8 },
    Pool { batch: 5, length: 8, channels: 3, size: 8 },
    Pool { batch: 2, length: 19, channels: 4, size: 2 },
    Pool { batch: 3, length: 23, channels: 36, size: 4 },
    Pool { batch: 1, length: 14, channels: 8, size: 3 },
];

/// Padding of the long tensor.
const LONG: (usize, usize) = (2, 1);

/// Padding of the short tensor: none for windows of an even size, where what follows a sequence is the next one and
/// not a row of zeros.
fn padding(shape: &Pool) -> (usize, usize) {
    if shape.size.is_multiple_of(2) { (0, 0) } else { (1, 3) }
}

pub(super) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for &shape in SIZES {
        let Pool { batch, length, channels, size } = shape;
        let name = format!("n{batch} l{length} c{channels} size{size}");
        for variant in variants("max_pool1d") {
            let case = |kernel, name: &str, make: fn(&'static str, &Pool, bool) -> Setup, flag: bool| {
                Case::new(kernel, variant, name, move || make(variant, &shape, flag))
            };
            cases.push(case("max_pool1d.forward", &name, random_max_forward, false));
            cases.push(case("max_pool1d.forward", &format!("{name} ties"), random_max_forward, true));
            cases.push(case("max_pool1d.backward", &name, random_max_backward, false));
            cases.push(case("max_pool1d.backward", &format!("{name} relu"), random_max_backward, true));
        }
        cases.push(Case::new("average_pool1d.forward", "standard", &name, move || {
            random_average_forward(&shape)
        }));
        cases.push(Case::new("average_pool1d.backward", "standard", &name, move || {
            random_average_backward(&shape)
        }));
    }
    cases
}

fn long(shape: &Pool) -> (usize, usize, usize) {
    (shape.batch, shape.length, shape.channels)
}

fn short(shape: &Pool) -> (usize, usize, usize) {
    (shape.batch, shape.pooled(), shape.channels)
}

/// Values of the long tensor and gradients of the short one; with `ties` of three values only.
fn values(shape: &Pool, ties: bool) -> (Vec<f32>, Vec<f32>) {
    let mut values = Values::new(shape.size as u64);
    let count = shape.batch * shape.length * shape.channels;
    let x = if ties {
        values.below(count, 3).into_iter().map(|value| value as f32 - 1.0).collect()
    } else {
        values.signed(count, 1.0)
    };
    (x, values.signed(shape.batch * shape.pooled() * shape.channels, 1.0))
}

fn random_max_forward(variant: &'static str, shape: &Pool, ties: bool) -> Setup {
    let (x, _) = values(shape, ties);
    let (y, position) = max_twin::forward(shape, &wide(&x));
    max_forward(variant, shape, &x, &y, &position)
}

fn random_max_backward(variant: &'static str, shape: &Pool, relu: bool) -> Setup {
    let (x, dy) = values(shape, false);
    let x = if relu { x.into_iter().map(|value| value.max(0.0)).collect() } else { x };
    let (y, position) = max_twin::forward(shape, &wide(&x));
    let dx = max_twin::backward(shape, &y, &position, &wide(&dy), relu);
    max_backward(variant, shape, &narrow(&y), &position, &dy, relu, &dx)
}

fn random_average_forward(shape: &Pool) -> Setup {
    let (x, _) = values(shape, false);
    average_forward(shape, &x, &average_twin::forward(shape, &wide(&x)))
}

fn random_average_backward(shape: &Pool) -> Setup {
    let (_, dy) = values(shape, false);
    average_backward(shape, &dy, &average_twin::backward(shape, &wide(&dy)))
}

/// The launch that must turn x into `y` and `position`.
pub fn max_forward(variant: &'static str, shape: &Pool, x: &[f32], y: &[f64], position: &[u32]) -> Setup {
    let mut setup = Setup::default();
    let x = setup.input("x", long(shape), LONG, x);
    let y = setup.output("y", short(shape), padding(shape), (y, Tolerance::EXACT));
    let at = setup.arena.allocate("position", position.len());
    setup.leave(at, &words(position), Tolerance::EXACT);
    setup.launch(max_pool1d::forward(("case", variant), shape.size, &x, &y, at));
    setup
}

/// The launch that must turn dy into `dx`.
pub fn max_backward(
    variant: &'static str,
    shape: &Pool,
    y_kept: &[f32],
    position_kept: &[u32],
    dy: &[f32],
    relu: bool,
    dx: &[f64],
) -> Setup {
    let mut setup = Setup::default();
    let y = setup.input("y_kept", short(shape), padding(shape), y_kept);
    let position = setup.words("position_kept", position_kept);
    // The layer's own output and its gradient are padded alike.
    let dy = setup.input("dy", short(shape), padding(shape), dy);
    let dx = setup.output("dx", long(shape), LONG, (dx, Tolerance::EXACT));
    setup.launch(max_pool1d::backward(("case", variant), shape.size, (&y, position), &dy, &dx, relu));
    setup
}

/// The launch that must turn x into `y`.
pub fn average_forward(shape: &Pool, x: &[f32], y: &[f64]) -> Setup {
    let mut setup = Setup::default();
    let x = setup.input("x", long(shape), LONG, x);
    let y = setup.output("y", short(shape), padding(shape), (y, Tolerance::PRODUCT));
    setup.launch(average_pool1d::forward("case", shape.size, &x, &y));
    setup
}

/// The launch that must turn dy into `dx`.
pub fn average_backward(shape: &Pool, dy: &[f32], dx: &[f64]) -> Setup {
    let mut setup = Setup::default();
    let dy = setup.input("dy", short(shape), padding(shape), dy);
    let dx = setup.output("dx", long(shape), LONG, (dx, Tolerance::ROUNDING));
    setup.launch(average_pool1d::backward("case", shape.size, &dy, &dx));
    setup
}
