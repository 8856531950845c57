//! Kernels, and whole LSTM layers, against the values that PyTorch computed.

use std::sync::Arc;

use gpu_bearing::reference::adam::Moments;
use gpu_bearing::reference::case::{Case, Setup, narrow};
use gpu_bearing::reference::cases::lstm::{LayerInputs, LayerOutputs};
use gpu_bearing::reference::cases::{
    conv1d, conv2d, lstm, output, pointwise, pooling, pooling2d, update, variants,
};
use gpu_bearing::reference::softmax_cross_entropy::Rows;
use libtest_mimic::{Failed, Trial};

use crate::device::Device;
use crate::goldens::{Golden, kernels};

pub(crate) fn trials(device: &Device) -> Vec<Trial> {
    let mut trials = Vec::new();
    for golden in kernels() {
        let golden = Arc::new(golden);
        for case in cases(&golden) {
            let name = format!("PyTorch {case}");
            trials.push(device.variant_trial(case.variant, name, move |gpu| match case.run(gpu) {
                Ok(_) => Ok(()),
                Err(error) => Err(Failed::from(error.to_string())),
            }));
        }
    }
    trials
}

/// The launches of a golden in every variant.
fn cases(golden: &Arc<Golden>) -> Vec<Case> {
    let case = |kernel, variant, make: fn(&Golden, &'static str) -> Setup| {
        let golden_of = Arc::clone(golden);
        Case::new(kernel, variant, &golden.name, move || make(&golden_of, variant))
    };
    let each = |shader, kernel, make: fn(&Golden, &'static str) -> Setup| {
        variants(shader).map(|variant| (kernel, variant, make)).collect::<Vec<_>>()
    };
    let conv1d = |kernel, make: fn(&Golden, &'static str) -> Setup| each("conv1d", kernel, make);
    let standard = |kernel, make: fn(&Golden, &'static str) -> Setup| vec![(kernel, "standard", make)];
    let cases = match golden.op() {
        "conv1d" | "dense" => [
            conv1d("conv1d.forward", |g, variant| {
                let operands = (g.narrow("x"), g.narrow("w"), g.narrow("b"));
                conv1d::forward(variant, &g.conv1d(), 0, operands, false, &g.wide("y"))
            }),
            conv1d("conv1d.input_gradient", |g, variant| {
                let operands = (g.narrow("dy"), g.narrow("w"));
                conv1d::input_gradient(variant, &g.conv1d(), 0, operands, None, &g.wide("dx"))
            }),
            conv1d("conv1d.weight_gradient", |g, variant| {
                let operands = (g.narrow("x"), g.narrow("dy"));
                conv1d::weight_gradient(variant, &g.conv1d(), operands, &[(g.wide("dw"), g.wide("db"))])
            }),
        ]
        .concat(),
        "conv2d" => [
            conv1d("conv2d", |g, variant| {
                let operands = (g.narrow("x"), g.narrow("w"), g.narrow("b"));
                conv2d::forward(variant, &g.conv2d(), operands, &g.wide("y"))
            }),
            conv1d("conv2d gradients", |g, variant| {
                let operands = (g.narrow("x"), g.narrow("w"), g.narrow("dy"));
                let gradients = [g.wide("dx"), g.wide("dw"), g.wide("db")];
                conv2d::gradients(variant, &g.conv2d(), operands, &gradients)
            }),
        ]
        .concat(),
        "relu" => [
            standard("relu.forward", |g, _| {
                pointwise::relu_forward(g.sizes("x"), g.narrow("x"), &g.wide("y"))
            }),
            standard("relu.backward", |g, _| {
                pointwise::relu_backward(g.sizes("x"), g.narrow("y"), g.narrow("dy"), &g.wide("dx"))
            }),
        ]
        .concat(),
        "max_pool1d" | "global_max_pool" => [
            each("max_pool1d", "max_pool1d.forward", |g, variant| {
                pooling::max_forward(variant, &g.pool(), g.narrow("x"), &g.wide("y"), g.integers("position"))
            }),
            each("max_pool1d", "max_pool1d.backward", |g, variant| {
                let kept = (g.narrow("y"), g.integers("position"));
                pooling::max_backward(
                    variant,
                    &g.pool(),
                    kept.0,
                    kept.1,
                    g.narrow("dy"),
                    false,
                    &g.wide("dx"),
                )
            }),
        ]
        .concat(),
        "max_pool2d" => [
            each("max_pool2d", "max_pool2d.forward", |g, variant| {
                pooling2d::forward(variant, &g.pool2d(), g.narrow("x"), &g.wide("y"), g.integers("position"))
            }),
            each("max_pool2d", "max_pool2d.backward", |g, variant| {
                let kept = (g.narrow("y"), g.integers("position"));
                pooling2d::backward(variant, &g.pool2d(), kept, g.narrow("dy"), false, true, &g.wide("dx"))
            }),
        ]
        .concat(),
        "average_pool1d" | "global_average_pool" => [
            standard("average_pool1d.forward", |g, _| {
                pooling::average_forward(&g.pool(), g.narrow("x"), &g.wide("y"))
            }),
            standard("average_pool1d.backward", |g, _| {
                pooling::average_backward(&g.pool(), g.narrow("dy"), &g.wide("dx"))
            }),
        ]
        .concat(),
        "lstm" => conv1d("lstm", |g, variant| {
            let (inputs, outputs) = lstm_layer(g);
            let walk = variants("lstm").find(|walk| *walk == variant).unwrap_or("standard");
            lstm::layer((variant, walk), &g.lstm(), &inputs, &outputs)
        }),
        "softmax_cross_entropy" => [
            standard("softmax_cross_entropy.forward", |g, _| softmax(g, false)),
            standard("softmax_cross_entropy.train", |g, _| softmax(g, true)),
        ]
        .concat(),
        "adam" => each("adam", "adam.update", |g, variant| {
            let after = Moments { p: g.wide("p1"), m: g.wide("m1"), v: g.wide("v1") };
            let before = [g.narrow("p"), g.narrow("m"), g.narrow("v")];
            let step = (g.size("step") as u64, g.number("learning_rate").expect("a number"));
            // The first block decays and the second does not.
            update::update((&g.adam(), variant), step, g.narrow("g"), None, &[true, false], before, &after)
        }),
        "clip_by_norm" => standard("gradient_norm", |g, _| {
            let parts = [g.narrow("g0"), g.narrow("g1"), g.narrow("g2")].concat();
            let number = |name: &str| g.scalars[name].as_f64().expect(name);
            // The largest gradient gives the factor with the fewest digits lost.
            let largest =
                (0..parts.len()).max_by(|&a, &b| parts[a].abs().total_cmp(&parts[b].abs())).unwrap();
            let clipped = [g.wide("clipped0"), g.wide("clipped1"), g.wide("clipped2")].concat();
            let clip = [clipped[largest] / f64::from(parts[largest]), number("norm")];
            update::clipping(&parts, number("max_norm"), clip, None)
        }),
        op => panic!("{op}: no such operation"),
    };
    cases.into_iter().map(|(kernel, variant, make)| case(kernel, variant, make)).collect()
}

fn softmax(golden: &Golden, train: bool) -> Setup {
    let labels = golden.integers("labels");
    let (batch, rows) = (labels.len(), golden.size("rows"));
    let scores = golden.narrow("logits");
    let classes = scores.len() / batch;
    let predicted: Vec<u32> = scores
        .chunks(classes)
        .map(|row| row.iter().position(|score| row.iter().all(|other| score >= other)))
        .map(|class| class.expect("a largest score") as u32)
        .collect();
    let (p, loss) = (golden.wide("p"), golden.wide("loss"));
    let score = |row: usize| f64::from(scores[row * classes + labels[row] as usize]);
    let expected = Rows {
        p: p[..rows * classes].to_vec(),
        loss: loss[..rows].to_vec(),
        predicted: predicted[..rows].to_vec(),
        log_sum_exp: (0..rows).map(|row| loss[row] + score(row)).collect(),
    };
    let (dx, objective) = (golden.wide("dlogits"), golden.objective());
    let dx = train.then_some((&*dx, &objective));
    output::results((batch, classes), (scores, labels), &expected, dx)
}

fn lstm_layer(golden: &Golden) -> (LayerInputs, LayerOutputs) {
    let (dy, dlast) = golden.lstm_gradients();
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
    let y = if inputs.dy.is_some() {
        golden.wide("y")
    } else {
        // The golden's output is the last step alone; the steps before it are the twin's.
        lstm::layer_twins(&golden.lstm(), &inputs).0.y
    };
    let outputs = LayerOutputs {
        y,
        last: [golden.wide("hn"), golden.wide("cn")].concat(),
        dx: golden.wide("dx"),
        dw_ih: golden.wide("dw_ih"),
        dw_hh: golden.wide("dw_hh"),
        db: golden.wide("db"),
        dstate: [golden.wide("dh0"), golden.wide("dc0")].concat(),
    };
    (inputs, outputs)
}
