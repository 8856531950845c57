//! 2-D convolutions: images to bands and back alone, and whole layers with the products between.

use super::super::case::{Case, Setup, Values, floats, wide};
use super::super::compare::Tolerance;
use super::super::conv1d as conv_twin;
use super::super::conv2d as twin;
use super::variants;
use crate::nn::Padding::{self, Same, Valid};
use crate::nn::Tensor;
use crate::nn::conv1d::Finish;
use crate::nn::conv2d::Conv2d;

/// (batch, height, width, channels), rows of taps, rows of stride, padding.
type Sizes = ([usize; 4], usize, usize, Padding);

/// Channels around the runs of 4, kernels longer than the image, rows that a stride skips, images of one row.
const SIZES: &[Sizes] = &[
    ([1, 1, 1, 1], 1, 1, Valid),
    ([2, 5, 7, 1], 4, 1, Same),
    ([3, 6, 5, 3], 3, 1, Same),
    ([2, 7, 4, 4], 3, 1, Valid),
    ([2, 3, 6, 5], 5, 1, Same),
    ([1, 9, 3, 17], 2, 2, Same),
    ([2, 8, 5, 8], 3, 2, Valid),
    ([2, 11, 2, 6], 2, 3, Same),
    ([1, 1, 9, 7], 3, 1, Same),
    ([5, 10, 10, 16], 2, 1, Same),
];

/// The factor of a dropout between the convolution and the ReLU below.
const KEPT_SCALE: f64 = 1.0 / (1.0 - 0.3);

pub(super) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (index, &([n, h, w, c], kernel, stride, padding)) in SIZES.iter().enumerate() {
        let shape = Conv2d::new([n, h, w, c], 1, [kernel, 1], [stride, 1], padding);
        let name = format!("n{n} h{h} w{w} c{c} k{kernel} s{stride} {padding:?}").to_lowercase();
        let seed = index as u64;
        for variant in variants("conv2d") {
            for around in [(0, 0), (1, 2)] {
                let name = format!("{name} zeros{}+{}", around.0, around.1);
                let make = move || bands(variant, &shape, seed, around);
                cases.push(Case::new("conv2d.forward", variant, name, make));
            }
        }
        for (relu_scale, end) in [(None, ""), (Some(1.0), " relu"), (Some(KEPT_SCALE), " relu dropout")] {
            for by_rows in [false, true] {
                let name = format!("{name}{end}{}", if by_rows { " by rows" } else { "" });
                for variant in variants("conv2d") {
                    cases.push(Case::new("conv2d.input_gradient", variant, &name, move || {
                        image(variant, &shape, seed, relu_scale, by_rows)
                    }));
                }
            }
        }
    }
    cases
}

/// Values of the images.
fn pixels(shape: &Conv2d) -> usize {
    shape.batch * shape.height * shape.width * shape.channels
}

/// (N, H * W, C).
fn sizes(shape: &Conv2d) -> (usize, usize, usize) {
    (shape.batch, shape.height * shape.width, shape.channels)
}

/// The launch that must turn x into bands with `around` zeros before and behind each.
fn bands(variant: &'static str, shape: &Conv2d, seed: u64, around: (usize, usize)) -> Setup {
    let x = Values::new(seed).signed(pixels(shape), 1.0);
    let mut setup = Setup::default();
    let bands = output_bands(&mut setup, shape, &x, around);
    let x = setup.input("x", sizes(shape), (2, 1), &x);
    setup.launch(shape.forward(("case", variant), &x, &bands));
    setup
}

/// The launch that must turn the bands' gradient into dx, which has padding around each image or each row.
fn image(variant: &'static str, shape: &Conv2d, seed: u64, relu_scale: Option<f64>, by_rows: bool) -> Setup {
    let mut values = Values::new(seed);
    let (n, l, c) = shape.bands();
    let dbands = values.signed(n * l * c, 1.0);
    // What a ReLU leaves: zeros among positive values.
    let kept: Vec<f32> = values.signed(pixels(shape), 1.0).into_iter().map(|value| value.max(0.0)).collect();
    let wide_kept = wide(&kept);
    let below = relu_scale.map(|scale| (wide_kept.as_slice(), scale));
    let dx = twin::input_gradient(shape, &wide(&dbands), below);
    let mut setup = Setup::default();
    let dbands = setup.input("dbands", shape.bands(), (0, 0), &dbands);
    let kept = relu_scale.map(|scale| (setup.input("x_kept", sizes(shape), (1, 2), &kept), scale));
    let rows = (shape.batch * shape.height, shape.width, shape.channels);
    let dx_sizes = if by_rows { rows } else { sizes(shape) };
    let dx = setup.output("dx", dx_sizes, (1, 3), (&dx, Tolerance::PRODUCT));
    let below = kept.as_ref().map(|(kept, scale)| (kept, *scale));
    setup.launch(shape.input_gradient(("case", variant), &dbands, below, &dx));
    setup
}

/// The launches that must turn x, w and b into `y`, as a network lowers them.
pub fn forward(
    variant: &'static str,
    shape: &Conv2d,
    (x, w, b): (&[f32], &[f32], &[f32]),
    y: &[f64],
) -> Setup {
    let along = &shape.along;
    let mut setup = Setup::default();
    let bands = output_bands(&mut setup, shape, x, (along.left, along.right));
    let x = setup.input("x", sizes(shape), (0, 0), x);
    let (w, b) = (setup.floats("w", w), setup.floats("b", b));
    let rows = (along.batch, along.steps, along.filters);
    let y = setup.output("y", rows, (0, 0), (y, Tolerance::PRODUCT));
    let unwritten = setup.arena.allocate("unwritten", 1);
    setup.launch(shape.forward(("bands", own(variant)), &x, &bands));
    setup.launch(along.forward(("case", variant), (&bands, w, b), (&y, unwritten), Finish::PLAIN));
    setup
}

/// The launches that must turn x, w and dy into `dx`, `dw` and `db`, as a network lowers them.
pub fn gradients(
    variant: &'static str,
    shape: &Conv2d,
    (x, w, dy): (&[f32], &[f32], &[f32]),
    [dx, dw, db]: &[Vec<f64>; 3],
) -> Setup {
    let along = &shape.along;
    let mut setup = Setup::default();
    let bands = output_bands(&mut setup, shape, x, (along.left, along.right));
    let x = setup.input("x", sizes(shape), (0, 0), x);
    let dbands = conv_twin::input_gradient(along, &wide(dy), &wide(w), None);
    let dbands = setup.output("dbands", shape.bands(), (0, 0), (&dbands, Tolerance::PRODUCT));
    let w = setup.floats("w", w);
    let rows = (along.batch, along.steps, along.filters);
    let dy = setup.input("dy", rows, along.gradient_padding(), dy);
    let mut owned = |name, sums: &[f64]| {
        let slice = setup.arena.allocate(name, sums.len());
        setup.leave(slice, &floats(sums), Tolerance::PRODUCT);
        slice
    };
    let (dw, db) = (owned("dw", dw), owned("db", db));
    let dx = setup.output("dx", sizes(shape), (0, 0), (dx, Tolerance::PRODUCT));
    setup.launch(shape.forward(("bands", own(variant)), &x, &bands));
    setup.launch(along.weight_gradient(("case", variant), (&bands, 0), &dy, (dw, db), 1));
    setup.launch(along.input_gradient(("case", variant), (&dy, w), None, &dbands));
    setup.launch(shape.input_gradient(("case", own(variant)), &dbands, None, &dx));
    setup
}

/// The variant that a row with `variant` of conv1d has of conv2d.
fn own(variant: &'static str) -> &'static str {
    variants("conv2d").find(|own| *own == variant).unwrap_or("standard")
}

/// A tensor in which a launch must leave the bands of x, with `around` zeros before and behind each.
fn output_bands(setup: &mut Setup, shape: &Conv2d, x: &[f32], around: (usize, usize)) -> Tensor {
    let zeros = |count: usize| vec![0.0; count * shape.along.channels];
    let expected: Vec<f64> = twin::forward(shape, &wide(x))
        .chunks(shape.along.length * shape.along.channels)
        .flat_map(|band| [zeros(around.0), band.to_vec(), zeros(around.1)].concat())
        .collect();
    let bands = Tensor::allocate_scratch(&mut setup.arena, "bands", shape.bands(), around);
    setup.leave(bands.slice, &floats(&expected), Tolerance::EXACT);
    bands
}
