//! Convolutions, dense layers, and the two products of an LSTM.

use super::super::case::{Case, Setup, Values, bits, floats, wide, words};
use super::super::compare::Tolerance;
use super::super::conv1d as twin;
use super::super::max_pool1d::{self as pool_twin, Pool};
use super::variants;
use crate::gpu::Slice;
use crate::nn::Padding::{self, Same, Valid};
use crate::nn::conv1d::{Conv1d, Finish, POOLS, gradients};
use crate::nn::gradient_sum::GradientSum;

/// (batch, length, channels), filters, kernel, stride, padding.
type Sizes = ((usize, usize, usize), usize, usize, usize, Padding);

/// Batches of 1, 2 and 5, channels and filters around the tiles of 4, 8 and 32, rows that fill no tile.
const SIZES: &[Sizes] = &[
    ((1, 1, 1), 1, 1, 1, Valid),
    ((2, 17, 1), 5, 1, 1, Valid),
    ((5, 7, 33), 17, 1, 1, Valid),
    ((2, 9, 64), 64, 1, 1, Valid),
    ((5, 1, 16), 6, 1, 1, Valid),
    ((1, 13, 8), 33, 2, 1, Same),
    ((2, 11, 3), 5, 3, 1, Same),
    ((5, 17, 16), 33, 3, 1, Same),
    ((2, 37, 1), 16, 16, 1, Same),
    ((2, 5, 3), 8, 16, 1, Same),
    ((1, 4, 5), 3, 7, 1, Same),
    ((2, 19, 17), 64, 4, 1, Same),
    ((2, 12, 3), 5, 3, 2, Same),
    ((2, 13, 3), 5, 3, 2, Same),
    ((1, 21, 33), 17, 5, 2, Same),
    ((2, 11, 3), 8, 5, 3, Same),
    ((2, 10, 5), 3, 2, 3, Same),
    ((5, 23, 8), 16, 4, 3, Same),
    ((2, 7, 5), 1, 9, 2, Same),
    ((2, 9, 3), 5, 3, 1, Valid),
    ((1, 16, 1), 33, 16, 1, Valid),
    ((5, 31, 5), 8, 6, 1, Valid),
    ((2, 14, 17), 33, 4, 2, Valid),
    ((2, 15, 3), 5, 5, 3, Valid),
    ((2, 11, 8), 3, 1, 2, Valid),
    ((5, 16, 1), 17, 2, 3, Valid),
    ((1, 200, 16), 33, 3, 1, Same),
    ((2, 120, 1), 3, 5, 2, Same),
    ((3, 45, 8), 32, 3, 1, Same),
    ((2, 33, 16), 36, 2, 1, Valid),
    ((3, 7, 40), 64, 1, 1, Valid),
    ((2, 27, 24), 16, 5, 2, Same),
    ((1, 131, 1), 20, 8, 1, Same),
    ((2, 50, 2), 12, 12, 3, Valid),
    ((2, 45, 1), 132, 1, 1, Valid),
    ((3, 21, 1), 12, 3, 2, Same),
    ((3, 46, 8), 32, 4, 1, Same),
    ((2, 20, 16), 36, 8, 1, Same),
    ((1, 9, 4), 20, 2, 1, Valid),
];

/// Matrices so large that the tiled variant takes its larger tiles: 64 x 64 and 64 x 32 outputs.
const LARGE: &[(&str, Sizes)] = &[
    ("forward", ((1, 8200, 3), 65, 1, 1, Valid)),
    ("forward", ((2, 1351, 3), 65, 1, 1, Valid)),
    ("input_gradient", ((1, 8200, 65), 3, 1, 1, Valid)),
    ("input_gradient", ((2, 1351, 65), 3, 2, 1, Same)),
    ("weight_gradient", ((1, 17, 65), 515, 16, 1, Same)),
    ("weight_gradient", ((1, 17, 65), 260, 16, 1, Same)),
];

/// Convolutions with a max-pool behind: one window and many, tails, tiles that end within a sequence and that hold
/// several, narrow and wide ones.
const POOLED: &[Sizes] = &[
    ((1, 8, 4), 8, 2, 1, Same),
    ((2, 19, 3), 5, 3, 1, Same),
    ((3, 45, 8), 12, 3, 1, Same),
    ((2, 50, 16), 36, 2, 1, Valid),
    ((2, 50, 1), 36, 1, 1, Valid),
    ((5, 23, 8), 16, 4, 3, Same),
    ((2, 37, 1), 16, 16, 1, Same),
    ((1, 131, 1), 20, 8, 1, Same),
    ((3, 46, 8), 32, 4, 1, Same),
    ((2, 51, 16), 36, 8, 1, Same),
    ((1, 8200, 3), 65, 1, 1, Valid),
    ((2, 1351, 3), 65, 1, 1, Valid),
];

/// Products whose two gradients `subgroup` computes in one launch: channels and filters in whole runs, and both of few
/// or both of many.
const BOTH: &[Sizes] = &[
    ((1, 9, 4), 4, 1, 1, Valid),
    ((2, 9, 64), 64, 1, 1, Valid),
    ((3, 7, 40), 64, 1, 1, Valid),
    ((2, 50, 8), 12, 3, 1, Same),
    ((5, 23, 8), 16, 4, 3, Same),
    ((2, 131, 20), 36, 8, 1, Same),
    ((2, 14, 24), 36, 4, 2, Valid),
];

pub(super) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (index, &(input, filters, kernel, stride, padding)) in BOTH.iter().enumerate() {
        let shape = Conv1d::new(input, filters, kernel, stride, padding);
        let (n, l, c) = input;
        for splits in [1, 3] {
            let name = format!("n{n} l{l} c{c} f{filters} k{kernel} s{stride} {padding:?} splits{splits}");
            cases.push(Case::new("conv1d.gradients", "subgroup", name.to_lowercase(), move || {
                both_gradients("subgroup", &shape, index as u64, splits)
            }));
        }
    }
    for variant in variants("conv1d") {
        for (index, &(input, filters, kernel, stride, padding)) in POOLED.iter().enumerate() {
            let shape = Conv1d::new(input, filters, kernel, stride, padding);
            let (n, l, c) = input;
            for pool in POOLS {
                for (relu, keep_position, end) in
                    [(false, true, ""), (true, true, " relu"), (true, false, " relu, position not kept")]
                {
                    let finish = Finish { relu, pool, keep_position };
                    let name =
                        format!("n{n} l{l} c{c} f{filters} k{kernel} s{stride} {padding:?} pool{pool}{end}");
                    cases.push(Case::new("conv1d.forward", variant, name.to_lowercase(), move || {
                        pooled_forward(variant, &shape, index, finish)
                    }));
                }
            }
        }
        for (index, &(input, filters, kernel, stride, padding)) in SIZES.iter().enumerate() {
            let shape = Conv1d::new(input, filters, kernel, stride, padding);
            let (n, l, c) = input;
            let name = format!("n{n} l{l} c{c} f{filters} k{kernel} s{stride} {padding:?}").to_lowercase();
            let seed = index as u64;
            for relu in [false, true] {
                let name = if relu { format!("{name} relu") } else { name.clone() };
                // Every other case has tensors with more padding than this layer reads.
                let extra = usize::from((index % 2 == 0) != relu);
                cases.push(Case::new("conv1d.forward", variant, &name, move || {
                    random_forward(variant, &shape, seed, extra, relu)
                }));
                cases.push(Case::new("conv1d.input_gradient", variant, &name, move || {
                    random_input_gradient(variant, &shape, seed, extra, relu.then_some(1.0))
                }));
            }
            let dropped = format!("{name} relu dropout");
            cases.push(Case::new("conv1d.input_gradient", variant, dropped, move || {
                random_input_gradient(variant, &shape, seed, 1, Some(1.0 / (1.0 - 0.3)))
            }));
            for splits in [1, 3] {
                cases.push(Case::new(
                    "conv1d.weight_gradient",
                    variant,
                    format!("{name} splits{splits}"),
                    move || random_weight_gradient(variant, &shape, seed, splits),
                ));
            }
        }
        for (index, &(entry, (input, filters, kernel, stride, padding))) in LARGE.iter().enumerate() {
            let shape = Conv1d::new(input, filters, kernel, stride, padding);
            let (n, l, c) = input;
            let name = format!("n{n} l{l} c{c} f{filters} k{kernel} s{stride} large");
            let seed = index as u64;
            cases.push(match entry {
                "forward" => Case::new("conv1d.forward", variant, name, move || {
                    random_forward(variant, &shape, seed, 0, true)
                }),
                "input_gradient" => Case::new("conv1d.input_gradient", variant, name, move || {
                    random_input_gradient(variant, &shape, seed, 0, Some(1.0))
                }),
                _ => Case::new("conv1d.weight_gradient", variant, name, move || {
                    random_weight_gradient(variant, &shape, seed, 1)
                }),
            });
        }
        for (batch, length, units, first_step) in [(2, 7, 5, -1), (5, 9, 33, -1), (2, 7, 3, 1)] {
            let name = format!("n{batch} l{length} h{units} first{first_step}");
            cases.push(Case::new("conv1d.weight_gradient", variant, name, move || {
                shifted_weight_gradient(variant, (batch, length, units), first_step)
            }));
        }
        for (batch, length) in [(2, 131), (5, 77)] {
            let shape = Conv1d::new((batch, length, 3), 5, 3, 1, Same);
            cases.push(Case::new(
                "conv1d.weight_gradient",
                variant,
                format!("n{batch} l{length} c3 f5 k3 s1 same, summed"),
                move || summed_weight_gradient(variant, &shape),
            ));
        }
    }
    cases
}

fn random_forward(variant: &'static str, shape: &Conv1d, seed: u64, extra: usize, relu: bool) -> Setup {
    let mut values = Values::new(seed);
    let x = values.signed(shape.batch * shape.length * shape.channels, 1.0);
    let w = weights(shape, &mut values);
    let b = values.signed(shape.filters, 1.0);
    let y = twin::forward(shape, &wide(&x), &wide(&w), &wide(&b), relu);
    forward(variant, shape, extra, (&x, &w, &b), relu, &y)
}

/// Sums of small integers, which are exact whatever their order: windows with several maxima are frequent.
fn pooled_forward(variant: &'static str, shape: &Conv1d, index: usize, finish: Finish) -> Setup {
    let mut values = Values::new(index as u64);
    let mut small =
        |count| -> Vec<f32> { values.below(count, 3).into_iter().map(|value| value as f32 - 1.0).collect() };
    let x = small(shape.batch * shape.length * shape.channels);
    let (w, b) = (small(shape.depth() * shape.filters), small(shape.filters));
    let steps = twin::forward(shape, &wide(&x), &wide(&w), &wide(&b), finish.relu);
    let pool = Pool { batch: shape.batch, length: shape.steps, channels: shape.filters, size: finish.pool };
    let (y, position) = pool_twin::forward(&pool, &steps);
    finished(variant, shape, index % 2, (&x, &w, &b), finish, (&y, Tolerance::EXACT), &position)
}

fn random_input_gradient(
    variant: &'static str,
    shape: &Conv1d,
    seed: u64,
    extra: usize,
    relu_scale: Option<f64>,
) -> Setup {
    let mut values = Values::new(seed);
    let dy = values.signed(shape.batch * shape.steps * shape.filters, 1.0);
    let w = weights(shape, &mut values);
    let kept = values.signed(shape.batch * shape.length * shape.channels, 1.0);
    // What a ReLU leaves: zeros among positive values.
    let kept: Vec<f32> = kept.into_iter().map(|value| value.max(0.0)).collect();
    let wide_kept = wide(&kept);
    let below = relu_scale.map(|scale| (wide_kept.as_slice(), scale));
    let dx = twin::input_gradient(shape, &wide(&dy), &wide(&w), below);
    input_gradient(variant, shape, extra, (&dy, &w), relu_scale.map(|scale| (kept.as_slice(), scale)), &dx)
}

fn random_weight_gradient(variant: &'static str, shape: &Conv1d, seed: u64, splits: usize) -> Setup {
    let mut values = Values::new(seed);
    let (x, dy) = operands(shape, &mut values);
    let sums = twin::weight_gradient(shape, &wide(&x), &wide(&dy), splits);
    weight_gradient(variant, shape, (&x, &dy), &sums)
}

/// Both gradients in one launch, the input's through the ReLU that x comes out of.
fn both_gradients(variant: &'static str, shape: &Conv1d, seed: u64, splits: usize) -> Setup {
    let mut values = Values::new(seed);
    let (x, dy) = operands(shape, &mut values);
    let x: Vec<f32> = x.into_iter().map(|value| value.max(0.0)).collect();
    let w = weights(shape, &mut values);
    let dx = twin::input_gradient(shape, &wide(&dy), &wide(&w), Some((&wide(&x), 1.0)));
    let sums = twin::weight_gradient(shape, &wide(&x), &wide(&dy), splits);
    let mut setup = Setup::default();
    let sizes = (shape.batch, shape.length, shape.channels);
    let x = setup.input("x", sizes, (shape.left + 1, shape.right), &x);
    let (left, right) = shape.gradient_padding();
    let dy = setup.input("dy", (shape.batch, shape.steps, shape.filters), (left, right + 1), &dy);
    let w = setup.floats("w", &w);
    let to = owned(&mut setup, &sums);
    let dx = setup.output("dx", sizes, (1, 0), (&dx, Tolerance::PRODUCT));
    let of_weights = shape.weight_gradient(("case", variant), (&x, 0), &dy, to, splits);
    let of_input = shape.input_gradient(("case", variant), (&dy, w), Some((&x, 1.0)), &dx);
    setup.launch(gradients(&of_weights, &of_input).expect("one launch for both"));
    setup
}

/// Room for `sums`, dw and db of each owner, which must be left there.
fn owned(setup: &mut Setup, sums: &[(Vec<f64>, Vec<f64>)]) -> (Slice, Slice) {
    let (dw, db): (Vec<_>, Vec<_>) = sums.iter().map(|(dw, db)| (dw.as_slice(), db.as_slice())).unzip();
    let mut room = |name, sums: &[f64]| {
        let slice = setup.arena.allocate(name, sums.len());
        setup.leave(slice, &floats(sums), Tolerance::PRODUCT);
        slice
    };
    (room("dw", &dw.concat()), room("db", &db.concat()))
}

/// Weights that keep sums over taps and channels of order 1.
fn weights(shape: &Conv1d, values: &mut Values) -> Vec<f32> {
    values.signed(shape.depth() * shape.filters, (shape.depth() as f64).sqrt().recip())
}

/// x, and dy that keeps sums over sequences and steps of order 1.
fn operands(shape: &Conv1d, values: &mut Values) -> (Vec<f32>, Vec<f32>) {
    let rows = shape.batch * shape.steps;
    let x = values.signed(shape.batch * shape.length * shape.channels, 1.0);
    (x, values.signed(rows * shape.filters, (rows as f64).sqrt().recip()))
}

/// The launch that must turn x, w and b into `y`; `extra` more padding rows than the layer reads.
pub fn forward(
    variant: &'static str,
    shape: &Conv1d,
    extra: usize,
    (x, w, b): (&[f32], &[f32], &[f32]),
    relu: bool,
    y: &[f64],
) -> Setup {
    let finish = Finish { relu, ..Finish::PLAIN };
    finished(variant, shape, extra, (x, w, b), finish, (y, Tolerance::PRODUCT), &[])
}

/// As [`forward`], with any finish: also the launch that must leave `position`, if it keeps it.
fn finished(
    variant: &'static str,
    shape: &Conv1d,
    extra: usize,
    (x, w, b): (&[f32], &[f32], &[f32]),
    finish: Finish,
    y: (&[f64], Tolerance),
    position: &[u32],
) -> Setup {
    let mut setup = Setup::default();
    let padding = (shape.left + extra, shape.right + 2 * extra);
    let x = setup.input("x", (shape.batch, shape.length, shape.channels), padding, x);
    let (w, b) = (setup.floats("w", w), setup.floats("b", b));
    let sizes = (shape.batch, shape.steps / finish.pool, shape.filters);
    let y = setup.output("y", sizes, (2 * extra, extra), y);
    let at = setup.arena.allocate("position", position.len().max(1));
    if finish.keep_position {
        setup.leave(at, &words(position), Tolerance::EXACT);
    }
    setup.launch(shape.forward(("case", variant), (&x, w, b), (&y, at), finish));
    setup
}

/// The launch that must turn dy and w into `dx`; `extra` more padding rows than the layer reads.
pub fn input_gradient(
    variant: &'static str,
    shape: &Conv1d,
    extra: usize,
    (dy, w): (&[f32], &[f32]),
    below: Option<(&[f32], f64)>,
    dx: &[f64],
) -> Setup {
    let mut setup = Setup::default();
    let (left, right) = shape.gradient_padding();
    let padding = (left + 2 * extra, right + extra);
    let dy = setup.input("dy", (shape.batch, shape.steps, shape.filters), padding, dy);
    let w = setup.floats("w", w);
    let sizes = (shape.batch, shape.length, shape.channels);
    let below = below.map(|(kept, scale)| (setup.input("x_kept", sizes, (extra, 3 * extra), kept), scale));
    let below = below.as_ref().map(|(kept, scale)| (kept, *scale));
    let dx = setup.output("dx", sizes, (extra, 0), (dx, Tolerance::PRODUCT));
    setup.launch(shape.input_gradient(("case", variant), (&dy, w), below, &dx));
    setup
}

/// The launch that must turn x and dy into `sums`: dw and db of each owner.
pub fn weight_gradient(
    variant: &'static str,
    shape: &Conv1d,
    (x, dy): (&[f32], &[f32]),
    sums: &[(Vec<f64>, Vec<f64>)],
) -> Setup {
    let mut setup = Setup::default();
    let x = setup.input("x", (shape.batch, shape.length, shape.channels), (shape.left + 1, shape.right), x);
    let dy = setup.input("dy", (shape.batch, shape.steps, shape.filters), (0, 1), dy);
    let to = owned(&mut setup, sums);
    setup.launch(shape.weight_gradient(("case", variant), (&x, 0), &dy, to, sums.len()));
    setup
}

/// The gradient of an LSTM's recurrent weights: the h that meets dy at step t is that of step t + `first_step`,
/// and the initial state stands in what is padding elsewhere.
fn shifted_weight_gradient(
    variant: &'static str,
    (batch, length, units): (usize, usize, usize),
    first_step: isize,
) -> Setup {
    let shape = Conv1d::dense((batch, length, units), 4 * units);
    let mut values = Values::new(1);
    let (_, dy) = operands(&shape, &mut values);
    let rows = length + 2;
    let h = values.signed(batch * rows * units, 1.0);
    let met: Vec<f32> = (0..batch)
        .flat_map(|n| {
            let first = (n * rows).checked_add_signed(1 + first_step).expect("a row of h") * units;
            h[first..first + length * units].to_vec()
        })
        .collect();
    let (dw, db) = twin::weight_gradient(&shape, &wide(&met), &wide(&dy), 1).remove(0);
    let mut setup = Setup::default();
    let x = setup.tensor("h", (batch, length, units), (1, 1));
    setup.hold(x.slice, &bits(&h));
    let dy = setup.input("dy", (batch, length, 4 * units), (0, 0), &dy);
    let dw_slice = setup.arena.allocate("dw", dw.len());
    setup.leave(dw_slice, &floats(&dw), Tolerance::PRODUCT);
    let db_slice = setup.arena.allocate("db", db.len());
    setup.leave(db_slice, &floats(&db), Tolerance::PRODUCT);
    setup.launch(shape.weight_gradient(("case", variant), (&x, first_step), &dy, (dw_slice, db_slice), 1));
    setup
}

/// The weight gradient as a network lowers it: cut as the layer asks, then added up into the flat gradients.
fn summed_weight_gradient(variant: &'static str, shape: &Conv1d) -> Setup {
    let mut values = Values::new(2);
    let (x, dy) = operands(shape, &mut values);
    let splits = shape.splits(variant);
    let (weights, biases) = (shape.depth() * shape.filters, shape.filters);
    let owners = twin::weight_gradient(shape, &wide(&x), &wide(&dy), splits);
    let (dw, db) = twin::weight_gradient(shape, &wide(&x), &wide(&dy), 1).remove(0);
    let mut setup = Setup::default();
    let x = setup.input("x", (shape.batch, shape.length, shape.channels), (shape.left, shape.right), &x);
    let dy = setup.input("dy", (shape.batch, shape.steps, shape.filters), (0, 0), &dy);
    let mut sum = GradientSum::default();
    let bias_offset = crate::gpu::plan::aligned(weights);
    let (dw_first, dw_len) = sum.add(0, weights, splits);
    let (db_first, db_len) = sum.add(bias_offset, biases, splits);
    let (table, partial) = sum.allocate(&mut setup.arena);
    setup.hold(table, &sum.table());
    for (split, (dw, db)) in owners.iter().enumerate() {
        let dw_at = partial.part(dw_first + split * dw_len / splits, weights);
        let db_at = partial.part(db_first + split * db_len / splits, biases);
        setup.leave(dw_at, &floats(dw), Tolerance::PRODUCT);
        setup.leave(db_at, &floats(db), Tolerance::PRODUCT);
    }
    let total = bias_offset + crate::gpu::plan::aligned(biases);
    let g = setup.arena.allocate("g", total);
    // Between the tensors stand sums of nothing.
    let mut flat = vec![0.0; total];
    flat[..weights].copy_from_slice(&dw);
    flat[bias_offset..][..biases].copy_from_slice(&db);
    setup.leave(g, &floats(&flat), Tolerance::PRODUCT);
    let (dw, db) = (partial.part(dw_first, dw_len), partial.part(db_first, db_len));
    setup.launch(shape.weight_gradient(("case", variant), (&x, 0), &dy, (dw, db), splits));
    setup.launch(sum.launch(table, partial, g));
    setup
}
