//! Times a training step of the paper's model in burn on wgpu, to set beside `gpu-bearing bench`. From the
//! repository's root:
//!
//! ```text
//! cargo run --release --locked --manifest-path peers/burn/Cargo.toml
//! ```
//!
//! The step is forward, backward and Adam at batch 32, the loss read back each time, as burn's own training loop
//! does; its input is on the device beforehand. The first steps compile and tune burn's kernels.

use std::time::Instant;

use burn::module::Module;
use burn::nn::conv::{Conv1d, Conv1dConfig};
use burn::nn::loss::CrossEntropyLossConfig;
use burn::nn::pool::{MaxPool1d, MaxPool1dConfig};
use burn::nn::{Dropout, DropoutConfig, Linear, LinearConfig, Lstm, LstmConfig, PaddingConfig1d};
use burn::optim::{AdamConfig, GradientsParams};
use burn::tensor::activation::relu;
use burn::tensor::{Device, Distribution, Int, Tensor};

const BATCH: usize = 32;
const WINDOW: usize = 400;
const CLASSES: usize = 6;

/// Steps that are not counted, and those that are.
const WARM_UP: usize = 8;
const STEPS: usize = 9;

/// data/models/cnn-lstm.toml.
#[derive(Module, Debug)]
struct CnnLstm {
    conv1: Conv1d,
    conv2: Conv1d,
    pool2: MaxPool1d,
    conv3: Conv1d,
    pool3: MaxPool1d,
    conv4: Conv1d,
    pool4: MaxPool1d,
    conv5: Conv1d,
    dense1: Linear,
    dropout: Dropout,
    lstm1: Lstm,
    lstm2: Lstm,
    logits: Linear,
}

impl CnnLstm {
    fn new(device: &Device) -> Self {
        let conv = |channels, filters, kernel| {
            Conv1dConfig::new(channels, filters, kernel).with_padding(PaddingConfig1d::Same).init(device)
        };
        let pool = |size| MaxPool1dConfig::new(size).init();
        Self {
            conv1: conv(1, 16, 16),
            conv2: conv(16, 32, 8),
            pool2: pool(8),
            conv3: conv(32, 64, 4),
            pool3: pool(4),
            conv4: conv(64, 256, 2),
            pool4: pool(2),
            conv5: conv(256, 512, 1),
            dense1: LinearConfig::new(512, 256).init(device),
            dropout: DropoutConfig::new(0.3).init(),
            lstm1: LstmConfig::new(256, 32, true).init(device),
            lstm2: LstmConfig::new(32, 16, true).init(device),
            logits: LinearConfig::new(16, CLASSES).init(device),
        }
    }

    /// (N, 1, L) -> (N, classes)
    fn forward(&self, x: Tensor<3>) -> Tensor<2> {
        let x = relu(self.conv1.forward(x));
        let x = self.pool2.forward(relu(self.conv2.forward(x)));
        let x = self.pool3.forward(relu(self.conv3.forward(x)));
        let x = self.pool4.forward(relu(self.conv4.forward(x)));
        let x = relu(self.conv5.forward(x)).swap_dims(1, 2);
        let x = self.dropout.forward(relu(self.dense1.forward(x)));
        let (x, _) = self.lstm1.forward(x, None);
        let (_, last) = self.lstm2.forward(x, None);
        self.logits.forward(last.hidden)
    }
}

fn main() {
    let device = Device::wgpu(Default::default()).autodiff();
    println!("burn 0.22, {device:?}, batch {BATCH}");
    let mut model = CnnLstm::new(&device);
    let mut adam = AdamConfig::new().with_epsilon(1e-7).init();
    let cross_entropy = CrossEntropyLossConfig::new().init(&device);
    let x = Tensor::<3>::random([BATCH, 1, WINDOW], Distribution::Normal(0.0, 1.0), &device);
    let labels: [i32; BATCH] = std::array::from_fn(|row| (row % CLASSES) as i32);
    let labels = Tensor::<1, Int>::from_ints(labels, &device);

    let mut milliseconds = Vec::with_capacity(WARM_UP + STEPS);
    for _ in 0..WARM_UP + STEPS {
        let start = Instant::now();
        let loss = cross_entropy.forward(model.forward(x.clone()), labels.clone());
        let gradients = GradientsParams::from_grads(loss.backward(), &model);
        model = adam.step(1e-3, model, gradients);
        let _: f32 = loss.into_scalar();
        milliseconds.push(start.elapsed().as_secs_f64() * 1e3);
    }
    println!("first step        {:9.1} ms, compilation and tuning included", milliseconds[0]);
    let counted = &mut milliseconds[WARM_UP..];
    counted.sort_by(f64::total_cmp);
    println!(
        "training step     {:9.1} ms ({:.1} to {:.1}), median of {STEPS} after {WARM_UP}",
        counted[STEPS / 2],
        counted[0],
        counted[STEPS - 1]
    );
}
