//! Max pooling over images: windows that leave edges and windows that do not, ties, images of one row.

use super::super::case::{Case, Setup, Values, narrow, wide, words};
use super::super::compare::Tolerance;
use super::super::max_pool2d as twin;
use super::variants;
use crate::nn::max_pool2d::MaxPool2d;

const SIZES: &[MaxPool2d] = &[
    MaxPool2d { batch: 1, height: 1, width: 1, channels: 1, size: [1, 1] },
    MaxPool2d { batch: 2, height: 6, width: 8, channels: 5, size: [2, 2] },
    MaxPool2d { batch: 3, height: 5, width: 7, channels: 17, size: [2, 2] },
    MaxPool2d { batch: 2, height: 7, width: 11, channels: 3, size: [3, 2] },
    MaxPool2d { batch: 1, height: 1, width: 9, channels: 4, size: [1, 4] },
    MaxPool2d { batch: 5, height: 4, width: 3, channels: 2, size: [4, 3] },
    MaxPool2d { batch: 2, height: 7, width: 5, channels: 36, size: [3, 2] },
];

pub(super) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for &shape in SIZES {
        let MaxPool2d { batch, height, width, channels, size: [down, across] } = shape;
        let name = format!("n{batch} h{height} w{width} c{channels} size{down}x{across}");
        for variant in variants("max_pool2d") {
            for (ties, end) in [(false, ""), (true, " ties")] {
                let name = format!("{name}{end}");
                cases.push(Case::new("max_pool2d.forward", variant, name, move || {
                    let x = values(&shape, ties);
                    let (y, position) = twin::forward(&shape, &wide(&x));
                    forward(variant, &shape, &x, &y, &position)
                }));
            }
            for (relu, by_rows) in [(false, false), (false, true), (true, false), (true, true)] {
                let end = [if relu { " relu" } else { "" }, if by_rows { " by rows" } else { "" }].concat();
                cases.push(Case::new("max_pool2d.backward", variant, format!("{name}{end}"), move || {
                    random_backward(variant, &shape, relu, by_rows)
                }));
            }
        }
    }
    cases
}

fn long(shape: &MaxPool2d) -> (usize, usize, usize) {
    (shape.batch, shape.height * shape.width, shape.channels)
}

fn short(shape: &MaxPool2d) -> (usize, usize, usize) {
    (shape.batch, shape.pooled().iter().product(), shape.channels)
}

/// Values of the images; with `ties` of three values only.
fn values(shape: &MaxPool2d, ties: bool) -> Vec<f32> {
    let (n, l, c) = long(shape);
    let mut values = Values::new(c as u64);
    if ties {
        return values.below(n * l * c, 3).into_iter().map(|value| value as f32 - 1.0).collect();
    }
    values.signed(n * l * c, 1.0)
}

fn random_backward(variant: &'static str, shape: &MaxPool2d, relu: bool, by_rows: bool) -> Setup {
    let x: Vec<f32> =
        values(shape, false).into_iter().map(|value| if relu { value.max(0.0) } else { value }).collect();
    let (y, position) = twin::forward(shape, &wide(&x));
    let dy = Values::new(7).signed(y.len(), 1.0);
    let dx = twin::backward(shape, &y, &position, &wide(&dy), relu);
    backward(variant, shape, (&narrow(&y), &position), &dy, relu, by_rows, &dx)
}

/// The launch that must turn x into `y` and `position`.
pub fn forward(variant: &'static str, shape: &MaxPool2d, x: &[f32], y: &[f64], position: &[u32]) -> Setup {
    let mut setup = Setup::default();
    let x = setup.input("x", long(shape), (2, 1), x);
    let y = setup.output("y", short(shape), (1, 3), (y, Tolerance::EXACT));
    let at = setup.arena.allocate("position", position.len());
    setup.leave(at, &words(position), Tolerance::EXACT);
    setup.launch(shape.forward(("case", variant), &x, &y, at));
    setup
}

/// The launch that must turn dy into `dx`, which has padding around each image or each row.
pub fn backward(
    variant: &'static str,
    shape: &MaxPool2d,
    (y_kept, position_kept): (&[f32], &[u32]),
    dy: &[f32],
    relu: bool,
    by_rows: bool,
    dx: &[f64],
) -> Setup {
    let mut setup = Setup::default();
    let y = setup.input("y_kept", short(shape), (1, 3), y_kept);
    let position = setup.words("position_kept", position_kept);
    let dy = setup.input("dy", short(shape), (0, 2), dy);
    let rows = (shape.batch * shape.height, shape.width, shape.channels);
    let dx_sizes = if by_rows { rows } else { long(shape) };
    let dx = setup.output("dx", dx_sizes, (1, 2), (dx, Tolerance::EXACT));
    setup.launch(shape.backward(("case", variant), (&y, position), &dy, &dx, relu));
    setup
}
