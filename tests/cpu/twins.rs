//! The f64 twins of the shaders: their gradients are those of their own forward passes (central differences), and
//! their values PyTorch's.

use gpu_bearing::nn::Padding;
use gpu_bearing::nn::conv1d::Conv1d;
use gpu_bearing::nn::conv2d::Conv2d;
use gpu_bearing::nn::lstm::Lstm;
use gpu_bearing::nn::max_pool2d::MaxPool2d;
use gpu_bearing::reference::adam::Moments;
use gpu_bearing::reference::case::{Values, wide};
use gpu_bearing::reference::cases::lstm::{LayerInputs, layer_twins};
use gpu_bearing::reference::cases::output;
use gpu_bearing::reference::gather::{self, Augmented, Play, Window};
use gpu_bearing::reference::max_pool1d::Pool;
use gpu_bearing::reference::{
    adam, average_pool1d, conv1d, conv2d, dropout, gradient_norm, lstm, max_pool1d, max_pool2d, relu,
    softmax_cross_entropy,
};

use crate::goldens::{Golden, kernels};

/// The first word of pcg4d of (1, 2, 3, 4), computed in Python from the paper's listing.
const PCG4D: u32 = 0x3622_cd16;

fn random(seed: u64, len: usize) -> Vec<f64> {
    wide(&Values::new(seed).signed(len, 1.0))
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Fails unless `gradient` is that of `loss` at `at`, by central differences. Their error is about
/// h^2 + 1e-16 / h, 1e-10 with h = 1e-5.
#[track_caller]
fn assert_gradient(name: &str, at: &[f64], gradient: &[f64], loss: impl Fn(&[f64]) -> f64) {
    const H: f64 = 1e-5;
    assert_eq!(at.len(), gradient.len(), "{name}");
    let mut moved = at.to_vec();
    for i in 0..at.len() {
        moved[i] = at[i] + H;
        let above = loss(&moved);
        moved[i] = at[i] - H;
        let below = loss(&moved);
        moved[i] = at[i];
        let measured = (above - below) / (2.0 * H);
        let difference = (measured - gradient[i]).abs();
        assert!(
            difference <= 1e-7 * (1.0 + measured.abs()),
            "{name}, element {i}: {} instead of {measured}",
            gradient[i]
        );
    }
}

/// Fails unless `actual` is the golden, which was computed in f64 and rounded to f32 once: half a unit in the 24th
/// bit, and what two orders of an f64 sum differ by.
#[track_caller]
fn assert_golden(golden: &Golden, tensor: &str, actual: &[f64]) {
    assert_golden_within(golden, tensor, actual, 1e-12, 1e-7);
}

#[track_caller]
fn assert_golden_within(golden: &Golden, tensor: &str, actual: &[f64], absolute: f64, relative: f64) {
    let expected = golden.wide(tensor);
    assert_eq!(actual.len(), expected.len(), "{} {tensor}", golden.name);
    for (i, (actual, expected)) in actual.iter().zip(&expected).enumerate() {
        let allowed = relative * expected.abs() + absolute;
        assert!(
            (actual - expected).abs() <= allowed,
            "{} {tensor}, element {i}: {actual} instead of {expected}",
            golden.name
        );
    }
}

#[test]
fn conv1d_gradients_are_those_of_its_forward_pass() {
    for (n, l, c, f, k, s, padding) in [
        (2, 7, 3, 4, 3, 1, Padding::Same),
        (2, 8, 2, 3, 4, 2, Padding::Same),
        (1, 3, 2, 2, 6, 1, Padding::Same),
        (2, 11, 2, 3, 2, 3, Padding::Same),
        (2, 9, 3, 2, 4, 2, Padding::Valid),
        (2, 10, 1, 2, 5, 3, Padding::Valid),
    ] {
        let shape = Conv1d::new((n, l, c), f, k, s, padding);
        let (x, w, b) = (random(1, n * l * c), random(2, k * c * f), random(3, f));
        let dy = random(4, n * shape.steps * f);
        let name = format!("{shape:?}");
        let dx = conv1d::input_gradient(&shape, &dy, &w, None);
        assert_gradient(&name, &x, &dx, |x| dot(&conv1d::forward(&shape, x, &w, &b, false), &dy));
        let rectified = relu::forward(&x);
        let below = conv1d::input_gradient(&shape, &dy, &w, Some((&rectified, 1.0)));
        assert_gradient(&name, &x, &below, |x| {
            dot(&conv1d::forward(&shape, &relu::forward(x), &w, &b, false), &dy)
        });
        // A dropout between the ReLU and the product.
        let dropped = |x: &[f64]| dropout::forward(7, 3, 0.3, &relu::forward(x));
        let below = conv1d::input_gradient(&shape, &dy, &w, Some((&dropped(&x), 1.0 / (1.0 - 0.3))));
        assert_gradient(&name, &x, &below, |x| {
            dot(&conv1d::forward(&shape, &dropped(x), &w, &b, false), &dy)
        });
        for splits in [1, 3] {
            let owners = conv1d::weight_gradient(&shape, &x, &dy, splits);
            assert_eq!(owners.len(), splits);
            let mut dw = vec![0.0; w.len()];
            let mut db = vec![0.0; b.len()];
            for (owned_dw, owned_db) in owners {
                dw.iter_mut().zip(owned_dw).for_each(|(sum, value)| *sum += value);
                db.iter_mut().zip(owned_db).for_each(|(sum, value)| *sum += value);
            }
            assert_gradient(&name, &w, &dw, |w| dot(&conv1d::forward(&shape, &x, w, &b, false), &dy));
            assert_gradient(&name, &b, &db, |b| dot(&conv1d::forward(&shape, &x, &w, b, false), &dy));
        }
    }
}

/// Bands, and the convolution along them.
fn convolve_images(shape: &Conv2d, x: &[f64], w: &[f64], b: &[f64]) -> Vec<f64> {
    conv1d::forward(&shape.along, &conv2d::forward(shape, x), w, b, false)
}

#[test]
fn conv2d_gradients_are_those_of_its_forward_pass() {
    for (sizes, f, kernel, stride, padding) in [
        ([2, 4, 5, 2], 3, [3, 2], [1, 1], Padding::Same),
        ([1, 2, 3, 3], 2, [4, 5], [1, 1], Padding::Same),
        ([2, 7, 5, 1], 3, [3, 2], [2, 3], Padding::Same),
        ([2, 5, 4, 2], 2, [3, 3], [1, 1], Padding::Valid),
        ([1, 8, 7, 2], 3, [2, 3], [3, 2], Padding::Valid),
    ] {
        let shape = Conv2d::new(sizes, f, kernel, stride, padding);
        let along = &shape.along;
        let x = random(1, sizes.iter().product());
        let (w, b) = (random(2, along.depth() * f), random(3, f));
        let dy = random(4, along.batch * along.steps * f);
        let name = format!("{shape:?}");
        let dbands = conv1d::input_gradient(along, &dy, &w, None);
        let dx = conv2d::input_gradient(&shape, &dbands, None);
        assert_gradient(&name, &x, &dx, |x| dot(&convolve_images(&shape, x, &w, &b), &dy));
        // A ReLU below, and a dropout between.
        let dropped = |x: &[f64]| dropout::forward(7, 3, 0.3, &relu::forward(x));
        let below = conv2d::input_gradient(&shape, &dbands, Some((&dropped(&x), 1.0 / (1.0 - 0.3))));
        assert_gradient(&name, &x, &below, |x| dot(&convolve_images(&shape, &dropped(x), &w, &b), &dy));
        let (dw, db) = conv1d::weight_gradient(along, &conv2d::forward(&shape, &x), &dy, 1).remove(0);
        assert_gradient(&name, &w, &dw, |w| dot(&convolve_images(&shape, &x, w, &b), &dy));
        assert_gradient(&name, &b, &db, |b| dot(&convolve_images(&shape, &x, &w, b), &dy));
    }
}

#[test]
fn a_fused_relu_is_a_relu_after_the_product() {
    let shape = Conv1d::new((2, 7, 3), 4, 3, 1, Padding::Same);
    let (x, w, b) = (random(1, 2 * 7 * 3), random(2, 3 * 3 * 4), random(3, 4));
    let plain = conv1d::forward(&shape, &x, &w, &b, false);
    assert!(plain.iter().any(|&y| y < 0.0) && plain.iter().any(|&y| y > 0.0));
    assert_eq!(conv1d::forward(&shape, &x, &w, &b, true), relu::forward(&plain));
}

#[test]
fn pooling_and_relu_gradients_are_those_of_their_forward_passes() {
    for size in [1, 2, 3, 4] {
        let shape = Pool { batch: 2, length: 11, channels: 3, size };
        let x = random(5, 2 * 11 * 3);
        let dy = random(6, 2 * shape.pooled() * 3);
        let (y, position) = max_pool1d::forward(&shape, &x);
        let name = format!("{shape:?}");
        let dx = max_pool1d::backward(&shape, &y, &position, &dy, false);
        assert_gradient(&name, &x, &dx, |x| dot(&max_pool1d::forward(&shape, x).0, &dy));
        // With a ReLU below, of which y is the maximum.
        let rectified = relu::forward(&x);
        let (y, position) = max_pool1d::forward(&shape, &rectified);
        let dx = max_pool1d::backward(&shape, &y, &position, &dy, true);
        assert_gradient(&name, &x, &dx, |x| dot(&max_pool1d::forward(&shape, &relu::forward(x)).0, &dy));
        let dx = average_pool1d::backward(&shape, &dy);
        assert_gradient(&name, &x, &dx, |x| dot(&average_pool1d::forward(&shape, x), &dy));
    }
    for size in [[1, 1], [2, 2], [3, 2]] {
        let shape = MaxPool2d { batch: 2, height: 7, width: 5, channels: 3, size };
        let x = random(5, 2 * 7 * 5 * 3);
        let name = format!("{shape:?}");
        let (y, position) = max_pool2d::forward(&shape, &x);
        let dy = random(6, y.len());
        let dx = max_pool2d::backward(&shape, &y, &position, &dy, false);
        assert_gradient(&name, &x, &dx, |x| dot(&max_pool2d::forward(&shape, x).0, &dy));
        let (y, position) = max_pool2d::forward(&shape, &relu::forward(&x));
        let dx = max_pool2d::backward(&shape, &y, &position, &dy, true);
        assert_gradient(&name, &x, &dx, |x| dot(&max_pool2d::forward(&shape, &relu::forward(x)).0, &dy));
    }
    let (x, dy) = (random(7, 50), random(8, 50));
    let dx = relu::backward(&relu::forward(&x), &dy);
    assert_gradient("relu", &x, &dx, |x| dot(&relu::forward(x), &dy));
}

#[test]
fn lstm_gradients_are_those_of_its_forward_pass() {
    let (batch, steps, units) = (3, 5, 4);
    let lengths = [5, 2, 1];
    for reverse in [false, true] {
        for sequence in [true, false] {
            let shape = Lstm { batch, steps, channels: 1, units, reverse };
            let (gates, w) = (random(9, batch * steps * 4 * units), random(10, 4 * units * units));
            let (state, dlast) = (random(11, 2 * batch * units), random(12, 2 * batch * units));
            let dy = random(13, batch * steps * units);
            let loss = |gates: &[f64], state: &[f64]| {
                let out = lstm::forward(&shape, gates, &w, &lengths, state);
                let mut loss = dot(&out.last, &dlast);
                for (n, &length) in lengths.iter().enumerate().filter(|_| sequence) {
                    let count = length as usize * units;
                    let h = &out.h[(n * (steps + 2) + 1) * units..][..count];
                    loss += dot(h, &dy[n * steps * units..][..count]);
                }
                loss
            };
            let kept = lstm::forward(&shape, &gates, &w, &lengths, &state);
            let dy = sequence.then_some(dy.as_slice());
            let (dz, dstate) = lstm::backward(&shape, &kept.gates, &w, &lengths, &kept.c, dy, &dlast);
            let name = format!("reverse {reverse}, sequence {sequence}");
            assert_gradient(&name, &gates, &dz, |gates| loss(gates, &state));
            assert_gradient(&name, &state, &dstate, |state| loss(&gates, state));
        }
    }
}

#[test]
fn softmax_gradient_is_that_of_the_mean_loss() {
    let (batch, rows, classes) = (5, 3, 4);
    let (x, labels) = (random(14, batch * classes), [1, 0, 3, 2, 2]);
    let (.., dx) = softmax_cross_entropy::train(rows, batch, classes, &x, &labels, (0.0, &[1.0; 4]));
    assert_gradient("softmax", &x, &dx, |x| {
        softmax_cross_entropy::forward(rows, classes, x, &labels).loss.iter().sum::<f64>() / rows as f64
    });
    let shape = (0.2, &[0.5, 1.5, 3.0, 1.0][..]);
    let (.., dx) = softmax_cross_entropy::train(rows, batch, classes, &x, &labels, shape);
    assert_gradient("shaped softmax", &x, &dx, |x| {
        softmax_cross_entropy::batch_loss(rows, x, &labels, shape)
    });
}

#[test]
fn dropout_drops_at_its_rate_and_keeps_the_mean() {
    const COUNT: usize = 100_000;
    let ones = vec![1.0; COUNT];
    for rate in [0.1, 0.5, 0.9] {
        let y = dropout::forward(7, 3, rate, &ones);
        let dropped = y.iter().filter(|&&y| y == 0.0).count() as f64 / COUNT as f64;
        // Five standard deviations of a binomial share.
        let spread = 5.0 * (rate * (1.0 - rate) / COUNT as f64).sqrt();
        assert!((dropped - rate).abs() < spread, "rate {rate}: {dropped} dropped");
        let mean = y.iter().sum::<f64>() / COUNT as f64;
        assert!((mean - 1.0).abs() < spread / (1.0 - rate), "rate {rate}: mean {mean}");
    }
    assert_eq!(dropout::forward(7, 3, 0.0, &ones), ones);
}

#[test]
fn dropout_draws_anew_for_every_step_layer_and_element() {
    let draws = |counter, layer| dropout::forward(counter, layer, 0.5, &[1.0; 1000]);
    let first = draws(1, 0);
    assert_eq!(first, draws(1, 0));
    for (counter, layer) in [(2, 0), (1, 1), (1 + (1 << 32), 0)] {
        let same = first.iter().zip(draws(counter, layer)).filter(|(a, b)| **a == *b).count();
        assert!((400..600).contains(&same), "step {counter}, layer {layer}: {same} of 1000 the same");
    }
}

/// The stream must be the same on every machine and in every release: runs are resumed.
#[test]
fn dropout_draws_pcg4d() {
    // The draw is the first word's upper 24 bits, so it lies between these two rates.
    let draw = f64::from(PCG4D >> 8) / f64::from(1 << 24);
    assert!(dropout::keeps((2 << 32) + 1, 3, 4, draw as f32));
    assert!(!dropout::keeps((2 << 32) + 1, 3, 4, (draw + 2f64.powi(-24)) as f32));
}

/// A batch of `rows` windows that stand in the middle of a ramp of 1 a sample, augmented at step `counter`.
fn augmented(counter: u64, rows: usize, length: usize, gain: f64, noise: f64, play: Play) -> Vec<f64> {
    let start = u32::from(play.back);
    let ramp: Vec<f64> =
        (0..usize::from(play.back) + length + usize::from(play.on)).map(|i| i as f64).collect();
    let window = Window { start, part: 0, label: 0, mean: 0.0, scale: 1.0 };
    let augmented = Augmented { counter, gain, noise, plays: &[play] };
    gather::forward((0, rows), (rows, length), &[ramp], &[window], &vec![0; rows], Some(&augmented)).0
}

#[test]
fn augmentation_draws_what_it_says() {
    const ROWS: usize = 10_000;
    // The ramp's first sample is where the window begins.
    let play = Play { back: 3, on: 6, rms: 2.0 };
    let mut places = [0_usize; 10];
    augmented(1, ROWS, 1, 0.0, 0.0, play).iter().for_each(|&start| places[start as usize] += 1);
    // Five standard deviations of a tenth of the rows.
    assert!(places.iter().all(|count| count.abs_diff(ROWS / 10) < 150), "{places:?}");

    let still = Play { back: 0, on: 0, rms: 2.0 };
    let gains: Vec<f64> = augmented(1, ROWS, 2, 0.25, 0.0, still).chunks(2).map(|row| row[1]).collect();
    assert!(gains.iter().all(|gain| (0.75..1.25).contains(gain)));
    let mean = gains.iter().sum::<f64>() / ROWS as f64;
    // A uniform value's deviation is its range by the root of 12.
    assert!((mean - 1.0).abs() < 5.0 * 0.5 / (12.0 * ROWS as f64).sqrt(), "{mean}");

    let noise: Vec<f64> = augmented(1, ROWS, 4, 0.0, 0.5, still);
    let noise: Vec<f64> = noise.iter().enumerate().map(|(i, x)| x - (i % 4) as f64).collect();
    let count = noise.len() as f64;
    let moment = |power: i32| noise.iter().map(|x| x.powi(power)).sum::<f64>() / count;
    // Half an RMS of 2: the moments of a normal variable of deviation 1, within five of their own deviations.
    for (power, expected, deviation) in [(1, 0.0, 1.0), (2, 1.0, 2_f64), (3, 0.0, 15.0), (4, 3.0, 96.0)] {
        let (moment, spread) = (moment(power), 5.0 * (deviation / count).sqrt());
        assert!((moment - expected).abs() < spread, "moment {power}: {moment}");
    }
    let lagged = noise.windows(2).map(|pair| pair[0] * pair[1]).sum::<f64>() / count;
    assert!(lagged.abs() < 5.0 / count.sqrt(), "{lagged}");
}

#[test]
fn augmentation_draws_anew_for_every_step() {
    let play = Play { back: 500, on: 500, rms: 1.0 };
    let batch = |counter| augmented(counter, 50, 3, 0.5, 0.5, play);
    assert_eq!(batch(1), batch(1));
    for counter in [2, 1 + (1 << 32)] {
        assert!(batch(1).iter().zip(batch(counter)).all(|(a, b)| *a != b), "step {counter}");
    }
}

#[test]
fn twins_agree_with_pytorch() {
    for golden in kernels() {
        match golden.op() {
            "conv1d" | "dense" => {
                let shape = golden.conv1d();
                let (x, w, dy) = (golden.wide("x"), golden.wide("w"), golden.wide("dy"));
                assert_golden(&golden, "y", &conv1d::forward(&shape, &x, &w, &golden.wide("b"), false));
                assert_golden(&golden, "dx", &conv1d::input_gradient(&shape, &dy, &w, None));
                let (dw, db) = conv1d::weight_gradient(&shape, &x, &dy, 1).remove(0);
                assert_golden(&golden, "dw", &dw);
                assert_golden(&golden, "db", &db);
            }
            "conv2d" => {
                let shape = golden.conv2d();
                let (x, w, dy) = (golden.wide("x"), golden.wide("w"), golden.wide("dy"));
                assert_golden(&golden, "y", &convolve_images(&shape, &x, &w, &golden.wide("b")));
                let dbands = conv1d::input_gradient(&shape.along, &dy, &w, None);
                assert_golden(&golden, "dx", &conv2d::input_gradient(&shape, &dbands, None));
                let bands = conv2d::forward(&shape, &x);
                let (dw, db) = conv1d::weight_gradient(&shape.along, &bands, &dy, 1).remove(0);
                assert_golden(&golden, "dw", &dw);
                assert_golden(&golden, "db", &db);
            }
            "relu" => {
                let y = relu::forward(&golden.wide("x"));
                assert_golden(&golden, "y", &y);
                assert_golden(&golden, "dx", &relu::backward(&y, &golden.wide("dy")));
            }
            "max_pool1d" | "global_max_pool" => {
                let shape = golden.pool();
                let (y, position) = max_pool1d::forward(&shape, &golden.wide("x"));
                assert_golden(&golden, "y", &y);
                assert_eq!(position, golden.integers("position"), "{}", golden.name);
                let dx = max_pool1d::backward(&shape, &y, &position, &golden.wide("dy"), false);
                assert_golden(&golden, "dx", &dx);
            }
            "max_pool2d" => {
                let shape = golden.pool2d();
                let (y, position) = max_pool2d::forward(&shape, &golden.wide("x"));
                assert_golden(&golden, "y", &y);
                assert_eq!(position, golden.integers("position"), "{}", golden.name);
                let dx = max_pool2d::backward(&shape, &y, &position, &golden.wide("dy"), false);
                assert_golden(&golden, "dx", &dx);
            }
            "average_pool1d" | "global_average_pool" => {
                let shape = golden.pool();
                assert_golden(&golden, "y", &average_pool1d::forward(&shape, &golden.wide("x")));
                assert_golden(&golden, "dx", &average_pool1d::backward(&shape, &golden.wide("dy")));
            }
            "lstm" => lstm_agrees(&golden),
            "softmax_cross_entropy" => {
                let labels = golden.integers("labels");
                let x = golden.wide("logits");
                let (batch, classes) = (labels.len(), x.len() / labels.len());
                let found = softmax_cross_entropy::forward(batch, classes, &x, labels);
                assert_golden(&golden, "p", &found.p);
                assert_golden(&golden, "loss", &found.loss);
                for (row, log_sum_exp) in found.log_sum_exp.iter().enumerate() {
                    let expected = golden.wide("loss")[row] + x[row * classes + labels[row] as usize];
                    // The loss is kept in f32.
                    let allowed = 1e-12 + 1e-7 * golden.wide("loss")[row];
                    assert!((log_sum_exp - expected).abs() <= allowed, "{} row {row}", golden.name);
                }
                let rows = golden.size("rows");
                let correct = found.predicted.iter().zip(labels).take(rows).filter(|(a, b)| a == b).count();
                assert_eq!(correct, golden.size("correct"), "{}", golden.name);
                let objective = golden.objective();
                let shape = (objective.label_smoothing, &*output::twin_weights(&objective, classes));
                let mean = softmax_cross_entropy::batch_loss(rows, &x, labels, shape);
                assert!((mean - golden.number("mean_loss").unwrap()).abs() < 1e-12, "{}", golden.name);
                let (.., dx) = softmax_cross_entropy::train(rows, batch, classes, &x, labels, shape);
                assert_golden(&golden, "dlogits", &dx);
            }
            "adam" => {
                let mut state = Moments { p: golden.wide("p"), m: golden.wide("m"), v: golden.wide("v") };
                let learning_rate = golden.number("learning_rate").unwrap();
                let step = golden.size("step") as u64;
                let (g, decays) = (golden.wide("g"), |i: usize| i < 64);
                adam::update(&golden.adam(), step, learning_rate, &g, 1.0, decays, &mut state);
                assert_golden(&golden, "p1", &state.p);
                assert_golden(&golden, "m1", &state.m);
                assert_golden(&golden, "v1", &state.v);
            }
            "clip_by_norm" => {
                let parts = ["0", "1", "2"].map(|part| golden.wide(&format!("g{part}")));
                let limit = golden.scalars["max_norm"].as_f64().unwrap();
                let squares = gradient_norm::squares(&parts.concat(), 5);
                let [factor, norm] = gradient_norm::scale(&squares, limit);
                assert!((norm - golden.scalars["norm"].as_f64().unwrap()).abs() < 1e-12);
                for (index, part) in parts.iter().enumerate() {
                    let clipped: Vec<f64> = part.iter().map(|g| g * factor).collect();
                    assert_golden(&golden, &format!("clipped{index}"), &clipped);
                }
            }
            op => panic!("{op}: no such operation"),
        }
    }
}

fn lstm_agrees(golden: &Golden) {
    let shape = golden.lstm();
    let (dy, dlast) = golden.lstm_gradients();
    let narrow = gpu_bearing::reference::case::narrow;
    let inputs = LayerInputs {
        x: golden.narrow("x").to_vec(),
        w_ih: golden.narrow("w_ih").to_vec(),
        w_hh: golden.narrow("w_hh").to_vec(),
        b: golden.narrow("b").to_vec(),
        lengths: golden.integers("lengths").to_vec(),
        state: [golden.narrow("h0"), golden.narrow("c0")].concat(),
        dy: dy.as_deref().map(narrow),
        dlast: narrow(&dlast),
    };
    // A layer whose output is its last step gets the sum of two gradients there, rounded to f32.
    let assert_lstm = |tensor: &str, values: &[f64]| assert_golden_within(golden, tensor, values, 1e-6, 1e-6);
    let (outputs, ..) = layer_twins(&shape, &inputs);
    if inputs.dy.is_some() {
        assert_lstm("y", &outputs.y);
    }
    let (hn, cn) = outputs.last.split_at(shape.batch * shape.units);
    assert_lstm("hn", hn);
    assert_lstm("cn", cn);
    for (tensor, values) in
        [("dx", &outputs.dx), ("dw_ih", &outputs.dw_ih), ("dw_hh", &outputs.dw_hh), ("db", &outputs.db)]
    {
        assert_lstm(tensor, values);
    }
    let (dh0, dc0) = outputs.dstate.split_at(shape.batch * shape.units);
    assert_lstm("dh0", dh0);
    assert_lstm("dc0", dc0);
}
