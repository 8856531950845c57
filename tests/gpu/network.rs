//! Whole networks against PyTorch, and what must hold of any training step.

use gpu_bearing::gpu::{BufferSpec, Gpu, Slice};
use gpu_bearing::nn::adam::Adam;
use gpu_bearing::nn::checkpoint::load_parameters;
use gpu_bearing::nn::gather::Augmentation;
use gpu_bearing::nn::lower::{Capacity, Lowering, Recipe, Task, lower};
use gpu_bearing::nn::network::{Epoch, Network, Options, Snapshot, Trained, Window};
use gpu_bearing::nn::softmax_cross_entropy::Objective;
use gpu_bearing::nn::{Model, ParameterTable, Variants, initialise, tuned};
use libtest_mimic::{Failed, Trial};

use crate::device::{Device, RowTest};
use crate::goldens;

/// Every test here, in every variant that the adapter runs.
pub(crate) fn trials(device: &Device) -> Vec<Trial> {
    let tests: [(&str, RowTest); 21] = [
        ("logits equal PyTorch's", logits),
        ("logits of a model of images equal PyTorch's", image_logits),
        ("gradients of a model of images equal PyTorch's", image_gradients),
        ("a convolution over all steps ends a model as a dense layer does", convolution_at_the_end),
        ("what is read in another shape gives the same gradients", reshaped),
        ("an LSTM over one channel gives the same gradients", lstm_over_one_channel),
        ("ten steps equal PyTorch's", ten_steps),
        ("ten steps with a short batch equal PyTorch's", short_batch_steps),
        ("a short batch does not see its unused rows", unused_rows),
        ("one batch can be learnt by heart", overfit),
        ("the same seed gives the same bits", same_bits),
        ("an epoch in two halves gives the same bits", halves),
        ("an epoch in two halves gives the same bits with every option", halves_with_options),
        ("a batch trains at its own learning rate", learning_rates),
        ("weights decay and biases do not", weight_decay),
        ("class weights count in proportion", class_weights),
        ("windows are augmented in training and not in classification", augmentation),
        ("what is fused gives the chain's gradient", fused),
        ("buffers that share memory and launches that share a pass give the same bits", shared_memory),
        ("clipping bounds the gradients' norm", clipping),
        ("a signal in parts gives the same bits", parts),
    ];
    device.row_trials("network", &tests)
}

/// A model of every layer type, small enough to be compiled and run in a moment.
const EVERY_LAYER: &str = r#"
name = "every-layer"

[input]
window = 240
channels = 1

[[layer]]
name = "image"
type = "reshape"
shape = [20, 12, 1]

[[layer]]
name = "image1"
type = "conv2d"
filters = 3
kernel = [3, 4]
activation = "relu"

[[layer]]
name = "drop0"
type = "dropout"
rate = 0.25

[[layer]]
name = "image2"
type = "conv2d"
filters = 4
kernel = [2, 3]
activation = "relu"

[[layer]]
name = "same"
type = "reshape"
shape = [20, 12, 4]

[[layer]]
name = "image_pool"
type = "max_pool2d"
size = [1, 2]

[[layer]]
name = "sequence"
type = "reshape"
shape = [120, 4]

[[layer]]
name = "conv1"
type = "conv1d"
filters = 5
kernel = 7
stride = 2
activation = "relu"

[[layer]]
name = "drop1"
type = "dropout"
rate = 0.25

[[layer]]
name = "conv2"
type = "conv1d"
filters = 9
kernel = 4
padding = "valid"
activation = "relu"

[[layer]]
name = "pool2"
type = "max_pool1d"
size = 2

[[layer]]
name = "average"
type = "average_pool1d"
size = 2

[[layer]]
name = "relu"
type = "relu"

[[layer]]
name = "max"
type = "max_pool1d"
size = 3

[[layer]]
name = "lstm1"
type = "lstm"
units = 6
sequence = true

[[layer]]
name = "conv3"
type = "conv1d"
filters = 7
kernel = 3
activation = "relu"

[[layer]]
name = "drop2"
type = "dropout"
rate = 0.25

[[layer]]
name = "lstm2"
type = "lstm"
units = 5
sequence = false

[[layer]]
name = "logits"
type = "dense"
units = "classes"

[[output]]
layer = "logits"
loss = "softmax_cross_entropy"
target = "condition"
"#;

pub(crate) const CLASSES: usize = 6;

/// A network of `model` with the windows of some batches, one after the other in one recording.
pub(crate) struct Fixture<'g> {
    pub(crate) network: Network<'g>,
    pub(crate) order: Vec<u32>,
}

impl<'g> Fixture<'g> {
    fn new(
        gpu: &'g Gpu,
        variants: &Variants,
        model: &Model,
        batch: usize,
        rows: &[usize],
    ) -> Result<Self, Failed> {
        Self::with(gpu, model, rows, &options(variants, batch), usize::MAX)
    }

    pub(crate) fn with(
        gpu: &'g Gpu,
        model: &Model,
        rows: &[usize],
        options: &Options,
        largest_part: usize,
    ) -> Result<Self, Failed> {
        let mut signals = Vec::new();
        let mut windows = Vec::new();
        for (step, rows) in rows.iter().enumerate() {
            let (x, labels) = goldens::batch(step, *rows, model.window, 1, CLASSES);
            for (row, label) in labels.iter().enumerate() {
                let start = row * model.window;
                let label = *label as usize;
                windows.push(Window { recording: step, start, label, mean: 0.0, scale: 1.0 });
            }
            signals.push(x);
        }
        let signals: Vec<&[f32]> = signals.iter().map(Vec::as_slice).collect();
        let order: Vec<u32> = (0..windows.len() as u32).collect();
        let network =
            Network::with_parts(gpu, model, (&signals, largest_part), &windows, order.len(), options)?;
        Ok(Self { network, order })
    }

    fn train(&mut self, order: &[u32], first_step: usize, optimizer_steps: u64) -> Result<Trained, Failed> {
        let learning_rates = vec![1e-3; order.len()];
        let learning_rates = &learning_rates;
        let epoch = Epoch { order, first_step, optimizer_steps, learning_rates, seed: 7 };
        Ok(self.network.train(&epoch, &|| false, &mut |_| {})?)
    }

    pub(crate) fn whole_epoch(&mut self) -> Result<Trained, Failed> {
        let order = self.order.clone();
        self.train(&order, 0, 0)
    }
}

pub(crate) fn options(variants: &Variants, batch: usize) -> Options {
    Options {
        batch,
        variants: variants.clone(),
        clip_norm: None,
        task: Task::Training,
        recipe: Recipe::default(),
    }
}

pub(crate) fn every_layer() -> Result<Model, Failed> {
    Ok(Model::parse(EVERY_LAYER, "every-layer.toml", CLASSES)?)
}

pub(crate) fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|value| value.to_bits()).collect()
}

fn mean(values: &[f32]) -> f64 {
    values.iter().map(|value| f64::from(*value)).sum::<f64>() / values.len() as f64
}

pub(crate) fn close(what: &str, actual: f64, expected: f64, tolerance: f64) -> Result<(), Failed> {
    // Not `>`: a NaN must fail.
    if (actual - expected).abs() <= tolerance {
        return Ok(());
    }
    Err(format!("{what}: {actual}, expected {expected} within {tolerance}").into())
}

/// A file made by PyTorch gives PyTorch's scores to 1e-4.
fn logits(gpu: &Gpu, variants: &Variants) -> Result<(), Failed> {
    scores(gpu, variants, &Model::default_for(CLASSES)?, "cnn-lstm.pytorch", "cnn-lstm.logits")
}

fn image_logits(gpu: &Gpu, variants: &Variants) -> Result<(), Failed> {
    scores(gpu, variants, &image_model()?, "image.pytorch", "image.step")
}

fn image_model() -> Result<Model, Failed> {
    let path = goldens::path("image.toml");
    Ok(Model::load(path.to_str().ok_or("a path in UTF-8")?, CLASSES)?)
}

fn scores(
    gpu: &Gpu,
    variants: &Variants,
    model: &Model,
    parameters: &str,
    golden: &str,
) -> Result<(), Failed> {
    let bytes = goldens::read(&format!("{golden}.safetensors"));
    let file = safetensors::SafeTensors::deserialize(&bytes).map_err(|e| e.to_string())?;
    let (_, x) = goldens::floats(&file, "x");
    let (_, expected) = goldens::floats(&file, "logits");
    let rows = expected.len() / CLASSES;
    let windows: Vec<Window> = (0..rows)
        .map(|row| Window { recording: 0, start: row * model.window, label: 0, mean: 0.0, scale: 1.0 })
        .collect();
    let mut options = options(variants, 3);
    options.task = Task::Scoring;
    let mut network = Network::new(gpu, model, &[&x], &windows, rows, &options)?;
    let parameters = goldens::path(&format!("{parameters}.safetensors"));
    network.set_parameters(&load_parameters(&parameters, model)?);
    let order: Vec<u32> = (0..rows as u32).collect();
    let results = network.classify(&order, &mut |_| {})?;
    for (row, logits) in expected.chunks(CLASSES).enumerate() {
        let logits: Vec<f64> = logits.iter().map(|x| f64::from(*x)).collect();
        let sum: f64 = logits.iter().map(|x| x.exp()).sum();
        for (class, logit) in logits.iter().enumerate() {
            // The log of a probability is a logit less a term that all classes of the row share.
            let actual = f64::from(results.probabilities[row * CLASSES + class]).ln();
            close(&format!("row {row} class {class}"), actual, logit - sum.ln(), 1e-4)?;
        }
        close(&format!("loss of row {row}"), f64::from(results.loss[row]), sum.ln() - logits[0], 1e-4)?;
        close(&format!("log-sum-exp of row {row}"), f64::from(results.log_sum_exp[row]), sum.ln(), 1e-4)?;
    }
    Ok(())
}

/// Every layer of images, and every way from one shape to another, backward.
fn image_gradients(gpu: &Gpu, variants: &Variants) -> Result<(), Failed> {
    let model = image_model()?.with_dropout(0.0)?;
    let bytes = goldens::read("image.step.safetensors");
    let file = safetensors::SafeTensors::deserialize(&bytes).map_err(|e| e.to_string())?;
    // The golden's batch is that of step 0.
    let rows = goldens::floats(&file, "logits").1.len() / CLASSES;
    let mut fixture = Fixture::new(gpu, variants, &model, rows, &[rows])?;
    fixture.network.set_parameters(&load_parameters(&goldens::path("image.pytorch.safetensors"), &model)?);
    let trained = fixture.whole_epoch()?;
    close("loss", mean(&trained.rows.loss), f64::from(goldens::floats(&file, "loss").1[0]), 1e-5)?;
    let flat = fixture.network.gradients()?;
    for entry in ParameterTable::new(&model)?.entries() {
        let expected = goldens::floats(&file, &format!("grad.{}", entry.name)).1;
        // Of the tensor's largest: what is left of sums in which most cancels is small.
        let largest = expected.iter().fold(0.0_f64, |largest, &g| largest.max(f64::from(g).abs()));
        for (index, (&actual, &expected)) in entry.to_torch(&flat).iter().zip(&expected).enumerate() {
            let name = format!("{} {index}", entry.name);
            close(&name, f64::from(actual), f64::from(expected), 1e-5 * largest)?;
        }
    }
    Ok(())
}

/// A convolution with as many taps as there are steps is a flatten and a dense layer, parameters and all.
/// Layers whose input stands in memory as another number of channels, padding included, which fits no run of the
/// variants that load and store several elements at once.
fn reshaped(gpu: &Gpu, variants: &Variants) -> Result<(), Failed> {
    let layer = |name: &str, rest: &str| format!("[[layer]]\nname = \"{name}\"\n{rest}\n");
    let conv = |name: &str, filters: usize| {
        layer(name, &format!("type = \"conv1d\"\nfilters = {filters}\nkernel = 3\nactivation = \"relu\""))
    };
    let flat =
        [layer("flat", "type = \"flatten\""), layer("logits", "type = \"dense\"\nunits = \"classes\"")]
            .concat();
    let reshape = |shape: &str| layer("shape", &format!("type = \"reshape\"\nshape = {shape}"));
    let pool = layer("pool", "type = \"max_pool1d\"\nsize = 8");
    let dense =
        [layer("flatten", "type = \"flatten\""), layer("dense", "type = \"dense\"\nunits = 8")].concat();
    let lstm = layer("recurrent", "type = \"lstm\"\nunits = 6\nsequence = true");
    let three = layer("pool", "type = \"max_pool1d\"\nsize = 3");
    let two_by_two = layer("pool", "type = \"max_pool2d\"\nsize = [2, 2]");
    let image = layer("image", "type = \"conv2d\"\nfilters = 8\nkernel = [3, 3]\nactivation = \"relu\"");
    let chains = [
        (10, [conv("a", 8), conv("b", 6), dense].concat()),
        (24, [conv("a", 6), reshape("[36, 4]"), conv("b", 8), conv("c", 8)].concat()),
        (64, [conv("a", 12), reshape("[96, 8]"), conv("b", 8), pool.clone()].concat()),
        (32, [conv("a", 6), reshape("[24, 8]"), conv("b", 8), pool].concat()),
        // The LSTM keeps a row of 6 before each sequence: whole runs of channels that begin at no multiple of a run.
        (24, [lstm.clone(), reshape("[36, 4]"), three].concat()),
        (24, [lstm.clone(), reshape("[6, 6, 4]"), two_by_two].concat()),
        (24, [lstm, reshape("[6, 6, 4]"), image].concat()),
    ];
    for (window, chain) in chains {
        same_gradients(gpu, variants, (window, &[chain, flat.clone()].concat()), 5)?;
    }
    Ok(())
}

/// An LSTM whose walk may project its input: at the bottom, and above a layer that learns too. A batch of one has one
/// owner of the projection's gradients.
fn lstm_over_one_channel(gpu: &Gpu, variants: &Variants) -> Result<(), Failed> {
    let layer = |name: &str, rest: &str| format!("[[layer]]\nname = \"{name}\"\n{rest}\n");
    let lstm = layer("lstm", "type = \"lstm\"\nunits = 8\nsequence = true");
    let last = layer("last", "type = \"lstm\"\nunits = 4\nsequence = false");
    let conv = layer("conv", "type = \"conv1d\"\nfilters = 1\nkernel = 3\nactivation = \"relu\"");
    let logits = layer("logits", "type = \"dense\"\nunits = \"classes\"");
    let alone = [last.as_str(), &logits].concat();
    for batch in [5, 1] {
        for below in [[lstm.as_str(), ""], [&conv, &lstm], [&conv, ""]] {
            same_gradients(gpu, variants, (20, &[&below.concat(), alone.as_str()].concat()), batch)?;
        }
    }
    Ok(())
}

/// Fails unless a model of `chain`, of windows of `window` samples, has with `variants` the gradients that it has with the
/// standard ones.
fn same_gradients(
    gpu: &Gpu,
    variants: &Variants,
    (window, chain): (usize, &str),
    batch: usize,
) -> Result<(), Failed> {
    let text = format!(
        "name = \"m\"\n[input]\nwindow = {window}\nchannels = 1\n{chain}\
         [[output]]\nlayer = \"logits\"\nloss = \"softmax_cross_entropy\"\ntarget = \"condition\"\n"
    );
    let model = Model::parse(&text, "m.toml", CLASSES)?;
    let gradients = |variants: &Variants| -> Result<_, Failed> {
        let mut fixture = Fixture::new(gpu, variants, &model, batch, &[batch])?;
        fixture.network.set_parameters(&initialise(&model, 3)?);
        fixture.whole_epoch()?;
        Ok(fixture.network.gradients()?)
    };
    let plain = tuned::choose(&gpu.info, Some("standard")).map_err(|e| e.to_string())?;
    let (actual, expected) = (gradients(variants)?, gradients(&plain)?);
    let largest = expected.iter().fold(0.0_f32, |largest, g| largest.max(g.abs()));
    assert!(largest > 1e-3, "there is a gradient");
    for (index, (actual, expected)) in actual.iter().zip(&expected).enumerate() {
        // Two orders of sums of at most some hundred terms.
        let (actual, expected) = (f64::from(*actual), f64::from(*expected));
        close(&format!("{window}: gradient {index}"), actual, expected, 1e-5 * f64::from(largest))?;
    }
    Ok(())
}

fn convolution_at_the_end(gpu: &Gpu, variants: &Variants) -> Result<(), Failed> {
    let gradients = |head: &str| -> Result<_, Failed> {
        let text = format!(
            "name = \"m\"\n[input]\nwindow = 8\nchannels = 1\n\
             [[layer]]\nname = \"first\"\ntype = \"conv1d\"\nfilters = 4\nkernel = 3\n{head}\
             [[output]]\nlayer = \"logits\"\nloss = \"softmax_cross_entropy\"\ntarget = \"condition\"\n"
        );
        let model = Model::parse(&text, "m.toml", CLASSES)?;
        let mut fixture = Fixture::new(gpu, variants, &model, 5, &[5])?;
        let len = ParameterTable::new(&model)?.total_len();
        let parameters: Vec<f32> = (0..len).map(|index| (index * 7 % 11) as f32 / 11.0 - 0.4).collect();
        fixture.network.set_parameters(&parameters);
        fixture.whole_epoch()?;
        Ok(fixture.network.gradients()?)
    };
    let layer = "[[layer]]\nname = \"logits\"\ntype";
    let dense = gradients(&format!(
        "[[layer]]\nname = \"flatten\"\ntype = \"flatten\"\n{layer} = \"dense\"\nunits = 6\n"
    ))?;
    let convolution =
        gradients(&format!("{layer} = \"conv1d\"\nfilters = 6\nkernel = 8\npadding = \"valid\"\n"))?;
    assert!(dense.iter().any(|gradient| *gradient != 0.0), "there is a gradient");
    for (index, (dense, convolution)) in dense.iter().zip(&convolution).enumerate() {
        // Two orders of a sum of 32 terms of order 0.1.
        close(&format!("gradient {index}"), f64::from(*convolution), f64::from(*dense), 1e-6)?;
    }
    Ok(())
}

fn ten_steps(gpu: &Gpu, variants: &Variants) -> Result<(), Failed> {
    against_pytorch(gpu, variants, "full")
}

fn short_batch_steps(gpu: &Gpu, variants: &Variants) -> Result<(), Failed> {
    against_pytorch(gpu, variants, "short")
}

fn against_pytorch(gpu: &Gpu, variants: &Variants, case: &str) -> Result<(), Failed> {
    let golden: serde_json::Value =
        serde_json::from_slice(&goldens::read("ten_steps.json")).map_err(|e| e.to_string())?;
    let list = |name: &str| golden[case][name].as_array().cloned().unwrap_or_default();
    let rows: Vec<usize> = list("rows").iter().filter_map(|v| v.as_u64()).map(|v| v as usize).collect();
    let losses: Vec<f64> = list("losses").iter().filter_map(serde_json::Value::as_f64).collect();
    assert!(rows.len() == 11 && losses.len() == 11, "ten_steps.json: eleven steps");
    let model = Model::default_for(CLASSES)?.with_dropout(0.0)?;
    let mut fixture = Fixture::new(gpu, variants, &model, 32, &rows)?;
    let parameters = load_parameters(&goldens::path("cnn-lstm.pytorch.safetensors"), &model)?;
    fixture.network.set_parameters(&parameters);
    let mut first = 0;
    for (step, rows) in rows.iter().enumerate() {
        let order: Vec<u32> = (first..first + *rows as u32).collect();
        first += *rows as u32;
        let trained = fixture.train(&order, 0, step as u64)?;
        // PyTorch in f32 differs from PyTorch in f64 by 2e-6 in the first ten losses and by 6e-5 in the
        // eleventh; another order of summation is another f32 run.
        let tolerance = if step < 10 { 2e-5 } else { 3e-4 };
        close(&format!("loss of step {}", step + 1), mean(&trained.rows.loss), losses[step], tolerance)?;
    }
    Ok(())
}

/// The rows that a short batch leaves unused hold NaN from a batch before; the gradient must not see them.
fn unused_rows(gpu: &Gpu, variants: &Variants) -> Result<(), Failed> {
    let model = every_layer()?;
    let parameters = initialise(&model, 3)?;
    // A batch of 5, with room for 8 and only for 5.
    let mut gradients = Vec::new();
    for batch in [8, 5] {
        let mut fixture = Fixture::new(gpu, variants, &model, batch, &[8, 5])?;
        if batch == 8 {
            let mut poisoned = parameters.clone();
            poisoned.iter_mut().for_each(|value| *value = f32::NAN);
            fixture.network.set_parameters(&poisoned);
            let trained = fixture.train(&(0..8).collect::<Vec<u32>>(), 0, 0)?;
            assert!(
                trained.rows.loss.iter().all(|loss| loss.is_nan()),
                "the poison spreads through the batch"
            );
        }
        let zeros = vec![0.0; parameters.len()];
        let (parameters, m, v) = (parameters.clone(), zeros.clone(), zeros);
        fixture.network.restore(&Snapshot { parameters, m, v });
        let trained = fixture.train(&(8..13).collect::<Vec<u32>>(), 0, 1)?;
        gradients.push((trained.rows, fixture.network.gradients()?));
    }
    let [(rows, gradient), (alone_rows, alone)] = &gradients[..] else { unreachable!("two runs") };
    assert_eq!(bits(&rows.loss), bits(&alone_rows.loss), "losses");
    for (index, (a, b)) in gradient.iter().zip(alone).enumerate() {
        // Sums over more rows of zeros are cut differently: 1e-5 of a product.
        close(&format!("gradient {index}"), f64::from(*a), f64::from(*b), 1e-6 + 1e-5 * f64::from(b.abs()))?;
    }
    Ok(())
}

fn overfit(gpu: &Gpu, variants: &Variants) -> Result<(), Failed> {
    let model = Model::default_for(CLASSES)?.with_dropout(0.0)?;
    let mut fixture = Fixture::new(gpu, variants, &model, 12, &[12])?;
    fixture.network.set_parameters(&initialise(&model, 1)?);
    let order = fixture.order.clone();
    let mut last = f64::INFINITY;
    for step in 0..150 {
        last = mean(&fixture.train(&order, 0, step)?.rows.loss);
        // Guessing costs ln 6 = 1.79.
        if last < 0.1 {
            return Ok(());
        }
    }
    Err(format!("loss {last} after 150 steps on one batch of 12").into())
}

fn same_bits(gpu: &Gpu, variants: &Variants) -> Result<(), Failed> {
    let model = every_layer()?;
    let run = || -> Result<_, Failed> {
        let mut fixture = Fixture::new(gpu, variants, &model, 4, &[4, 4, 4, 3])?;
        fixture.network.set_parameters(&initialise(&model, 5)?);
        let trained = fixture.whole_epoch()?;
        assert_eq!(trained.steps, 4);
        assert_eq!(fixture.network.counts().waits, 1, "one drained readback an epoch");
        assert!(trained.snapshot.parameters == fixture.network.parameters()?, "the snapshot is the end's");
        Ok((bits(&trained.rows.loss), bits(&fixture.network.parameters()?)))
    };
    let (first, second) = (run()?, run()?);
    assert!(first == second, "two runs of one seed differ");
    let untrained = bits(&initialise(&model, 5)?);
    assert!(first.1 != untrained, "training changes the parameters");
    Ok(())
}

fn halves(gpu: &Gpu, variants: &Variants) -> Result<(), Failed> {
    in_halves(gpu, &options(variants, 4))
}

/// Weight decay, a shaped objective and augmentation, for four batches of up to 4 windows.
fn every_option() -> Recipe {
    Recipe {
        adam: Adam { weight_decay: 0.1, ..Adam::default() },
        objective: Objective {
            label_smoothing: 0.1,
            class_weights: (1..=CLASSES).map(|class| class as f64).collect(),
        },
        // The first two windows of a batch of 4 may move.
        augmentation: Some(Augmentation {
            gain: 0.2,
            noise: Some(6.0),
            reach: [(0, 70), (50, 50), (0, 0), (0, 0)].repeat(4),
        }),
        frozen: Default::default(),
    }
}

fn halves_with_options(gpu: &Gpu, variants: &Variants) -> Result<(), Failed> {
    in_halves(gpu, &Options { recipe: every_option(), ..options(variants, 4) })
}

fn in_halves(gpu: &Gpu, options: &Options) -> Result<(), Failed> {
    let model = every_layer()?;
    let new = || -> Result<_, Failed> {
        let fixture = Fixture::with(gpu, &model, &[4, 4, 4, 3], options, usize::MAX)?;
        fixture.network.set_parameters(&initialise(&model, 5)?);
        Ok(fixture)
    };
    let mut whole = new()?;
    let expected = whole.whole_epoch()?;
    let mut first = new()?;
    let order = first.order.clone();
    let asked = std::cell::Cell::new(0);
    let learning_rates = &[1e-3; 4];
    let epoch = Epoch { order: &order, first_step: 0, optimizer_steps: 0, learning_rates, seed: 7 };
    let interrupted = || asked.replace(asked.get() + 1) >= 2;
    let begun = first.network.train(&epoch, &interrupted, &mut |_| {})?;
    assert!(begun.steps > 0 && begun.steps < 4, "interrupted in mid-epoch: {} steps", begun.steps);
    // Another network goes on with what the first one had.
    let mut second = new()?;
    second.network.restore(&begun.snapshot);
    let ended = second.train(&order, begun.steps, begun.steps as u64)?;
    let losses: Vec<f32> = begun.rows.loss.iter().chain(&ended.rows.loss).copied().collect();
    assert_eq!(bits(&losses), bits(&expected.rows.loss), "losses");
    assert!(bits(&second.network.parameters()?) == bits(&whole.network.parameters()?), "parameters differ");
    Ok(())
}

/// A network of four batches with these options, some parameters in it.
fn with_recipe<'g>(gpu: &'g Gpu, variants: &Variants, recipe: Recipe) -> Result<Fixture<'g>, Failed> {
    let model = every_layer()?;
    let options = Options { recipe, ..options(variants, 4) };
    let fixture = Fixture::with(gpu, &model, &[4, 4, 4, 3], &options, usize::MAX)?;
    let mut parameters = initialise(&model, 5)?;
    // Biases that are not zero, so that it shows if they decay.
    for entry in ParameterTable::new(&model)?.entries().iter().filter(|entry| entry.is_bias()) {
        parameters[entry.range()].fill(0.5);
    }
    fixture.network.set_parameters(&parameters);
    Ok(fixture)
}

/// A batch at a rate of 0 changes nothing, also not by decay.
fn learning_rates(gpu: &Gpu, variants: &Variants) -> Result<(), Failed> {
    let recipe = Recipe { adam: every_option().adam, ..Recipe::default() };
    let train = |learning_rates: &[f64]| -> Result<_, Failed> {
        let mut fixture = with_recipe(gpu, variants, recipe.clone())?;
        let order = &fixture.order[..4 * learning_rates.len()];
        let epoch = Epoch { order, first_step: 0, optimizer_steps: 0, learning_rates, seed: 7 };
        Ok(bits(&fixture.network.train(&epoch, &|| false, &mut |_| {})?.snapshot.parameters))
    };
    let one = train(&[1e-3])?;
    assert!(train(&[1e-3, 0.0, 0.0])? == one, "a rate of 0 trains");
    assert!(train(&[1e-3, 1e-3])? != one, "the second batch does not train");
    assert!(train(&[2e-3])? != one, "the rate does not count");
    Ok(())
}

fn weight_decay(gpu: &Gpu, variants: &Variants) -> Result<(), Failed> {
    let step = |recipe: Recipe| -> Result<_, Failed> {
        let mut fixture = with_recipe(gpu, variants, recipe)?;
        let before = fixture.network.parameters()?;
        Ok((before, fixture.train(&[0, 1, 2, 3], 0, 0)?.snapshot.parameters))
    };
    let (before, plain) = step(Recipe::default())?;
    let (_, decayed) = step(Recipe { adam: every_option().adam, ..Recipe::default() })?;
    for entry in ParameterTable::new(&every_layer()?)?.entries() {
        // A tenth, times the learning rate.
        let share = if entry.is_bias() { 0.0 } else { 1e-4 };
        for i in entry.range() {
            let expected = f64::from(plain[i]) - share * f64::from(before[i]);
            close(&format!("{} element {i}", entry.name), f64::from(decayed[i]), expected, 1e-7)?;
        }
    }
    Ok(())
}

/// Weights of 2 for all are weights of 1; a weight counts as often as it says, in a batch of two classes.
fn class_weights(gpu: &Gpu, variants: &Variants) -> Result<(), Failed> {
    let gradient = |class_weights: Vec<f64>, order: &[u32]| -> Result<_, Failed> {
        let objective = Objective { label_smoothing: 0.0, class_weights };
        // Without dropout, so that a window gives the same wherever it stands in a batch.
        let model = every_layer()?.with_dropout(0.0)?;
        let options = Options { recipe: Recipe { objective, ..Recipe::default() }, ..options(variants, 4) };
        let mut fixture = Fixture::with(gpu, &model, &[4], &options, usize::MAX)?;
        fixture.network.set_parameters(&initialise(&model, 5)?);
        let trained = fixture.train(order, 0, 0)?;
        Ok((fixture.network.gradients()?, trained.rows.loss))
    };
    let same = |what: &str, (a, _): &(Vec<f32>, Vec<f32>), (b, _): &(Vec<f32>, Vec<f32>)| {
        a.iter().zip(b).enumerate().try_for_each(|(index, (a, b))| {
            let tolerance = 1e-6 + 1e-5 * f64::from(b.abs());
            close(&format!("{what}, gradient {index}"), f64::from(*a), f64::from(*b), tolerance)
        })
    };
    let plain = gradient(Vec::new(), &[0, 1, 2, 3])?;
    let doubled = gradient(vec![2.0; CLASSES], &[0, 1, 2, 3])?;
    same("all weights 2", &doubled, &plain)?;
    assert_eq!(bits(&doubled.1), bits(&plain.1), "losses are shown without weights");
    let mut weights = vec![1.0; CLASSES];
    weights[1] = 3.0;
    let weighted = gradient(weights, &[0, 1])?;
    same("class 1 three times", &weighted, &gradient(Vec::new(), &[0, 1, 1, 1])?)
}

fn augmentation(gpu: &Gpu, variants: &Variants) -> Result<(), Failed> {
    let recipe = Recipe { augmentation: every_option().augmentation, ..Recipe::default() };
    let losses = |recipe: Recipe| -> Result<_, Failed> {
        let mut fixture = with_recipe(gpu, variants, recipe)?;
        let order = fixture.order.clone();
        let classified = bits(&fixture.network.classify(&order, &mut |_| {})?.loss);
        let trained = bits(&fixture.whole_epoch()?.rows.loss);
        Ok((classified, trained))
    };
    let (plain, augmented) = (losses(Recipe::default())?, losses(recipe.clone())?);
    assert_eq!(plain.0, augmented.0, "classification");
    assert!(plain.1.iter().zip(&augmented.1).all(|(a, b)| a != b), "training");
    assert_eq!(losses(recipe)?, augmented, "two runs of one seed");
    Ok(())
}

/// A second ReLU changes nothing. Behind a product's own it keeps the pool from being fused, behind a dropout the
/// dropout's gradient.
fn fused(gpu: &Gpu, variants: &Variants) -> Result<(), Failed> {
    let layer = |name: &str| format!("[[layer]]\nname = \"{name}\"\n");
    let relu = |name: &str| format!("{}type = \"relu\"\n\n", layer(name));
    // Moved, not added: a dropout's stream depends on its place among the layers.
    let chained = EVERY_LAYER
        .replace(&relu("relu"), "")
        .replace(&layer("pool2"), &(relu("relu") + &layer("pool2")))
        .replace(&format!("{}type = \"reshape\"\nshape = [20, 12, 4]\n\n", layer("same")), "")
        .replace(&layer("image2"), &(relu("image_relu") + &layer("image2")))
        .replace(&layer("lstm2"), &(relu("second") + &layer("lstm2")));
    assert_eq!(chained.matches("type = \"relu\"").count(), 3, "{chained}");
    assert_eq!(chained.matches("type = \"reshape\"").count(), 2, "{chained}");
    let gradients = |text: &str| -> Result<_, Failed> {
        let model = Model::parse(text, "every-layer.toml", CLASSES)?;
        let mut fixture = Fixture::new(gpu, variants, &model, 6, &[6])?;
        fixture.network.set_parameters(&initialise(&model, 5)?);
        fixture.whole_epoch()?;
        Ok(bits(&fixture.network.gradients()?))
    };
    assert!(gradients(EVERY_LAYER)? == gradients(&chained)?, "gradients differ");
    Ok(())
}

/// Training steps and classifications in turn, once as lowered and once with memory for every buffer.
fn shared_memory(gpu: &Gpu, variants: &Variants) -> Result<(), Failed> {
    const ROWS: usize = 5;
    let model = every_layer()?;
    let capacity =
        Capacity { batch: ROWS, windows: ROWS, order: ROWS, signal_parts: vec![ROWS * model.window] };
    let (clip_norm, recipe) = (Some(0.1), Recipe::default());
    let lowering = Lowering { variants: variants.clone(), clip_norm, task: Task::Training, recipe };
    let lowered = lower(&model, &capacity, &lowering)?;
    let (x, labels) = goldens::batch(0, ROWS, model.window, 1, CLASSES);
    let parameters = initialise(&model, 5)?;
    let run = |specs: &[BufferSpec]| -> Result<_, Failed> {
        let buffers = gpu.allocate(specs)?;
        let io = &lowered.io;
        let window = |(row, label)| [(row * model.window) as u32, label, 0, 1_f32.to_bits()];
        let windows: Vec<u32> = labels.iter().copied().enumerate().flat_map(window).collect();
        // First position, rows, the dropout's counter, Adam's step size, second scale and decay, the rows' weight.
        let record = [0, ROWS as u32, 7, 0, 1e-3_f32.to_bits(), 1_f32.to_bits(), 0, (ROWS as f32).to_bits()];
        gpu.write(&buffers, Slice { buffer: io.steps, offset: 0, len: record.len() }, &record);
        gpu.write(&buffers, io.signals[0], &bits(&x));
        gpu.write(&buffers, io.windows, &windows);
        gpu.write(&buffers, io.order, &(0..ROWS as u32).collect::<Vec<u32>>());
        gpu.write(&buffers, io.state.p, &bits(&parameters));
        for (slice, words) in &lowered.tables {
            gpu.write(&buffers, *slice, words);
        }
        let gradients = gpu.compile(&lowered.gradients, &buffers)?;
        let (infer, update) =
            (gpu.compile(&lowered.infer, &buffers)?, gpu.compile(&lowered.update, &buffers)?);
        let order = [&infer, &gradients, &update, &gradients, &update, &infer, &gradients, &update, &infer];
        gpu.submit(&order.map(|plan| (plan, 0)));
        Ok((gpu.read(&buffers, &[io.results.loss, io.results.p, io.state.p, io.state.m])?, buffers.bytes()))
    };
    let mut apart = lowered.arena.buffers.clone();
    apart.iter_mut().enumerate().for_each(|(index, buffer)| buffer.memory = index);
    let ((shared, bytes), (unshared, more)) = (run(&lowered.arena.buffers)?, run(&apart)?);
    assert!(shared == unshared, "sharing memory changes results");
    assert!(bytes < more, "{bytes} bytes shared, {more} without");
    assert!(shared[2] != bits(&parameters) && shared[0].iter().any(|loss| *loss != 0), "the plans ran");
    Ok(())
}

fn clipping(gpu: &Gpu, variants: &Variants) -> Result<(), Failed> {
    let model = every_layer()?;
    let table = ParameterTable::new(&model)?;
    let parameters = initialise(&model, 2)?;
    let run = |clip_norm: Option<f64>| -> Result<_, Failed> {
        let options = Options { clip_norm, ..options(variants, 6) };
        let mut fixture = Fixture::with(gpu, &model, &[6], &options, usize::MAX)?;
        fixture.network.set_parameters(&parameters);
        let trained = fixture.whole_epoch()?;
        Ok((fixture.network.gradients()?, trained.snapshot.m))
    };
    let (gradient, unclipped) = run(None)?;
    let squares = |flat: &[f32]| -> f64 {
        table.entries().iter().flat_map(|e| &flat[e.range()]).map(|g| f64::from(*g).powi(2)).sum()
    };
    let norm = squares(&gradient).sqrt();
    let limit = norm / 3.0;
    let (_, clipped) = run(Some(limit))?;
    // The first moment after one step is 0.1 of the gradient that Adam saw.
    close("norm with clipping", squares(&clipped).sqrt() * 10.0, limit, 1e-4 * limit)?;
    close("norm without clipping", squares(&unclipped).sqrt() * 10.0, norm, 1e-4 * norm)
}

fn parts(gpu: &Gpu, variants: &Variants) -> Result<(), Failed> {
    let model = every_layer()?;
    let run = |largest_part: usize| -> Result<_, Failed> {
        let mut fixture = Fixture::with(gpu, &model, &[4, 4, 3], &options(variants, 4), largest_part)?;
        fixture.network.set_parameters(&initialise(&model, 5)?);
        let launches = fixture.network.counts().launches_per_step;
        Ok((bits(&fixture.whole_epoch()?.rows.loss), launches))
    };
    let (whole, launches) = run(usize::MAX)?;
    let (cut, more_launches) = run(4 * model.window)?;
    assert_eq!(more_launches, launches + 2, "one gather a part");
    assert_eq!(whole, cut, "losses");
    // Recordings longer than a part are cut into overlapping pieces.
    let (pieces, _) = run(model.window + 7)?;
    assert_eq!(whole, pieces, "losses of recordings in pieces");
    Ok(())
}
