//! Max and average pooling: windows that leave a tail and windows that do not, ties, batches and channels that
//! fill no workgroup.

use super::super::average_pool1d as average_twin;
use super::super::case::{Case, Setup, Values, wide, words};
use super::super::compare::Tolerance;
use super::super::max_pool1d::{self as max_twin, Pool};
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
];

/// Paddings of the long and of the short tensor.
const LONG: (usize, usize) = (2, 1);
const SHORT: (usize, usize) = (1, 3);

pub(super) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for &shape in SIZES {
        let Pool { batch, length, channels, size } = shape;
        let name = format!("n{batch} l{length} c{channels} size{size}");
        let case = |kernel, name: &str, make: fn(&Pool, bool) -> Setup, flag: bool| {
            Case::new(kernel, "standard", name, move || make(&shape, flag))
        };
        cases.push(case("max_pool1d.forward", &name, max_forward, false));
        cases.push(case("max_pool1d.forward", &format!("{name} ties"), max_forward, true));
        cases.push(case("max_pool1d.backward", &name, max_backward, false));
        cases.push(case("max_pool1d.backward", &format!("{name} relu"), max_backward, true));
        cases.push(Case::new("average_pool1d.forward", "standard", &name, move || average_forward(&shape)));
        cases.push(Case::new("average_pool1d.backward", "standard", &name, move || average_backward(&shape)));
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

fn max_forward(shape: &Pool, ties: bool) -> Setup {
    let (x, _) = values(shape, ties);
    let (y, position) = max_twin::forward(shape, &wide(&x));
    let mut setup = Setup::default();
    let x = setup.input("x", long(shape), LONG, &x);
    let y = setup.output("y", short(shape), SHORT, (&y, Tolerance::EXACT));
    let at = setup.arena.allocate("position", position.len());
    setup.leave(at, &words(&position), Tolerance::EXACT);
    setup.launch(max_pool1d::forward("case", shape.size, &x, &y, at));
    setup
}

fn max_backward(shape: &Pool, relu: bool) -> Setup {
    let (x, dy) = values(shape, false);
    let x = if relu { x.into_iter().map(|value| value.max(0.0)).collect() } else { x };
    let (y, position) = max_twin::forward(shape, &wide(&x));
    let dx = max_twin::backward(shape, &y, &position, &wide(&dy), relu);
    let y: Vec<f32> = y.into_iter().map(|value| value as f32).collect();
    let mut setup = Setup::default();
    let y = setup.input("y_kept", short(shape), SHORT, &y);
    let position = setup.words("position_kept", &position);
    // The layer's own output and its gradient are padded alike.
    let dy = setup.input("dy", short(shape), SHORT, &dy);
    let dx = setup.output("dx", long(shape), LONG, (&dx, Tolerance::EXACT));
    setup.launch(max_pool1d::backward("case", shape.size, (&y, position), &dy, &dx, relu));
    setup
}

fn average_forward(shape: &Pool) -> Setup {
    let (x, _) = values(shape, false);
    let y = average_twin::forward(shape, &wide(&x));
    let mut setup = Setup::default();
    let x = setup.input("x", long(shape), LONG, &x);
    let y = setup.output("y", short(shape), SHORT, (&y, Tolerance::PRODUCT));
    setup.launch(average_pool1d::forward("case", shape.size, &x, &y));
    setup
}

fn average_backward(shape: &Pool) -> Setup {
    let (_, dy) = values(shape, false);
    let dx = average_twin::backward(shape, &wide(&dy));
    let mut setup = Setup::default();
    let dy = setup.input("dy", short(shape), SHORT, &dy);
    let dx = setup.output("dx", long(shape), LONG, (&dx, Tolerance::ROUNDING));
    setup.launch(average_pool1d::backward("case", shape.size, &dy, &dx));
    setup
}
