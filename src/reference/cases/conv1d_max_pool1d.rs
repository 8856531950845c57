//! The gradients of a convolution from those of a max-pool of 8 behind it: the twin goes through the tensor between
//! them, of which the kernels never hear.

use super::super::case::{Case, Setup, Values, floats, narrow, wide};
use super::super::compare::Tolerance;
use super::super::conv1d as conv_twin;
use super::super::max_pool1d::{self as pool_twin, Pool};
use crate::nn::Padding::{self, Same, Valid};
use crate::nn::conv1d::Conv1d;
use crate::nn::conv1d_max_pool1d::{Peaks, PooledConv1d};
use crate::nn::variants::ROWS;

/// Steps of a window.
const SIZE: usize = 8;

/// Windows that a subgroup takes at once: an owner of a weight gradient has whole strips.
const STRIP: usize = 4;

/// The factor of a dropout between the convolution and the ReLU below.
const KEPT_SCALE: f64 = 1.0 / (1.0 - 0.3);

/// (batch, length, channels), filters, kernel, padding.
type Sizes = ((usize, usize, usize), usize, usize, Padding);

/// One window and many, tails, taps that leave lanes idle, more filters than a subgroup holds at once.
const SIZES: &[Sizes] = &[
    ((1, 8, 8), 8, 1, Same),
    ((2, 16, 8), 8, 8, Same),
    ((3, 50, 16), 32, 8, Same),
    ((2, 121, 8), 16, 5, Same),
    ((2, 70, 24), 8, 8, Valid),
    ((1, 63, 16), 24, 3, Valid),
    ((2, 33, 8), 40, 4, Same),
];

pub(super) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for row in ROWS.iter().filter(|row| row.variants().offered("conv1d_max_pool1d").is_some()) {
        for &(input, filters, kernel, padding) in SIZES {
            let conv = Conv1d::new(input, filters, kernel, 1, padding);
            let (n, l, c) = input;
            for relu in [false, true] {
                let pooled =
                    PooledConv1d::new(&row.variants(), conv, relu, SIZE).expect("a geometry that fits");
                let ends = if relu { " relu" } else { "" };
                let name = format!("n{n} l{l} c{c} f{filters} k{kernel} {padding:?}{ends}").to_lowercase();
                cases.push(Case::new("conv1d_max_pool1d.input_gradient", row.name, &name, move || {
                    input_gradient(&conv, &pooled, relu)
                }));
                for splits in [1, 3] {
                    let name = format!("{name} splits{splits}");
                    cases.push(Case::new("conv1d_max_pool1d.weight_gradient", row.name, name, move || {
                        weight_gradient(&conv, &pooled, relu, splits)
                    }));
                }
            }
        }
    }
    cases
}

/// What the pool kept and is given, and the gradient of what it pooled.
struct Pooled {
    pool: Pool,
    y: Vec<f32>,
    position: Vec<u32>,
    dy: Vec<f32>,
    between: Vec<f64>,
}

impl Pooled {
    fn new(conv: &Conv1d, values: &mut Values, relu: bool) -> Self {
        let pool = Pool { batch: conv.batch, length: conv.steps, channels: conv.filters, size: SIZE };
        let steps = values.signed(conv.batch * conv.steps * conv.filters, 1.0);
        // Below zero as often as not, so that windows without a positive step occur.
        let steps: Vec<f64> = wide(&steps).into_iter().map(|step| step - 0.8).collect();
        let steps = if relu { steps.into_iter().map(|step| step.max(0.0)).collect() } else { steps };
        let (y, position) = pool_twin::forward(&pool, &steps);
        let dy = values.signed(y.len(), 1.0);
        let between = pool_twin::backward(&pool, &y, &position, &wide(&dy), relu);
        Self { pool, y: narrow(&y), position, dy, between }
    }

    /// The launch's view of it, with padding around y and dy.
    fn hold(&self, setup: &mut Setup) -> (crate::nn::Tensor, crate::gpu::Slice, crate::nn::Tensor) {
        let sizes = (self.pool.batch, self.pool.pooled(), self.pool.channels);
        let y = setup.input("y_kept", sizes, (1, 2), &self.y);
        let position = setup.words("position_kept", &self.position);
        (y, position, setup.input("dy", sizes, (0, 1), &self.dy))
    }
}

fn input_gradient(conv: &Conv1d, fused: &PooledConv1d, relu: bool) -> Setup {
    let mut values = Values::new(conv.length as u64);
    let pooled = Pooled::new(conv, &mut values, relu);
    let w = values.signed(conv.depth() * conv.filters, (conv.depth() as f64).sqrt().recip());
    let kept = values.signed(conv.batch * conv.length * conv.channels, 1.0);
    let kept: Vec<f32> = kept.into_iter().map(|value| value.max(0.0)).collect();
    let wide_kept = wide(&kept);
    let below = relu.then_some((wide_kept.as_slice(), KEPT_SCALE));
    let dx = conv_twin::input_gradient(conv, &pooled.between, &wide(&w), below);
    let mut setup = Setup::default();
    let (y, position, dy) = pooled.hold(&mut setup);
    let w = setup.floats("w", &w);
    let sizes = (conv.batch, conv.length, conv.channels);
    let kept = relu.then(|| setup.input("x_kept", sizes, (1, 2), &kept));
    let dx = setup.output("dx", sizes, (0, 1), (&dx, Tolerance::PRODUCT));
    let peaks = Peaks { y: &y, position, dy: &dy };
    setup.launch(fused.input_gradient("case", &peaks, w, kept.as_ref().map(|kept| (kept, KEPT_SCALE)), &dx));
    setup
}

fn weight_gradient(conv: &Conv1d, fused: &PooledConv1d, relu: bool, splits: usize) -> Setup {
    let mut values = Values::new(conv.length as u64);
    let pooled = Pooled::new(conv, &mut values, relu);
    let x = values.signed(conv.batch * conv.length * conv.channels, 1.0);
    let strips = pooled.pool.pooled().div_ceil(STRIP);
    let share = (conv.batch * strips).div_ceil(splits);
    let owner = |split: usize| {
        let mut own = pooled.between.clone();
        for (index, value) in own.iter_mut().enumerate() {
            let step = index / conv.filters;
            let strip = step / conv.steps * strips + (step % conv.steps / (STRIP * SIZE)).min(strips - 1);
            if strip / share != split {
                *value = 0.0;
            }
        }
        conv_twin::weight_gradient(conv, &wide(&x), &own, 1).remove(0)
    };
    let (dw, db): (Vec<_>, Vec<_>) = (0..splits).map(owner).unzip();
    let mut setup = Setup::default();
    let (y, position, dy) = pooled.hold(&mut setup);
    let sizes = (conv.batch, conv.length, conv.channels);
    let x = setup.input("x", sizes, (conv.left + 1, conv.right), &x);
    let mut owned = |name, sums: &[f64]| {
        let slice = setup.arena.allocate(name, sums.len());
        setup.leave(slice, &floats(sums), Tolerance::PRODUCT);
        slice
    };
    let (dw, db) = (owned("dw", &dw.concat()), owned("db", &db.concat()));
    let peaks = Peaks { y: &y, position, dy: &dy };
    setup.launch(fused.weight_gradient("case", &peaks, &x, (dw, db), splits));
    setup
}
