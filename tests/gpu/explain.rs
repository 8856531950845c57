//! The gradient of a network's input, which explains what it has found: against the network's own loss.

use gpu_bearing::gpu::Gpu;
use gpu_bearing::nn::network::{Network, Options, Window};
use gpu_bearing::nn::{Model, Variants, initialise};
use libtest_mimic::{Failed, Trial};

use crate::device::{Device, RowTest};
use crate::goldens;
use crate::network::{CLASSES, bits, close, every_layer};

/// Every test here, in every variant that the adapter runs.
pub(crate) fn trials(device: &Device) -> Vec<Trial> {
    let tests: [(&str, RowTest); 3] = [
        ("input gradients are the slopes of the loss", slopes),
        ("a window's input gradient is its own, whatever its batch", own),
        ("integrated gradients add up to the loss between baseline and window", complete),
    ];
    device.row_trials("explain", &tests)
}

const ROWS: usize = 3;

/// Models that begin with each kind of layer, alone and with what is fused behind it; some leave a tail unread.
fn models() -> Result<Vec<Model>, Failed> {
    let layer = |name: &str, rest: &str| format!("[[layer]]\nname = \"{name}\"\ntype = {rest}\n");
    let head = layer("flat", "\"flatten\"") + &layer("logits", "\"dense\"\nunits = \"classes\"");
    let conv = |kernel: usize, rest: &str| {
        layer("conv", &format!("\"conv1d\"\nfilters = 8\nkernel = {kernel}\n{rest}"))
    };
    let relu = "activation = \"relu\"";
    let shaped = |shape: &str| layer("shape", &format!("\"reshape\"\nshape = {shape}"));
    let dropout = layer("dropout", "\"dropout\"\nrate = 0.5");
    let chains = [
        (66, conv(8, &format!("stride = 4\npadding = \"valid\"\n{relu}"))),
        (64, conv(5, relu) + &layer("pool", "\"max_pool1d\"\nsize = 8")),
        (192, shaped("[24, 8]") + &conv(3, relu) + &layer("pool", "\"max_pool1d\"\nsize = 8")),
        (
            64,
            dropout.clone()
                + &conv(3, relu)
                + &dropout.replace("dropout\"\nt", "again\"\nt")
                + &layer("dense", "\"dense\"\nunits = 8"),
        ),
        (64, shaped("[16, 4]") + &layer("lstm", "\"lstm\"\nunits = 8\nsequence = true")),
        (65, layer("pool", "\"max_pool1d\"\nsize = 3")),
        (65, layer("pool", "\"average_pool1d\"\nsize = 3") + &conv(3, relu)),
        (64, layer("relu", "\"relu\"") + &conv(3, "")),
        (72, shaped("[9, 8, 1]") + &layer("pool", "\"max_pool2d\"\nsize = [2, 2]")),
        (
            72,
            shaped("[9, 8, 1]")
                + &layer(
                    "image",
                    &format!("\"conv2d\"\nfilters = 8\nkernel = [3, 3]\nstride = [2, 2]\n{relu}"),
                ),
        ),
    ];
    let parse = |(window, chain): (usize, String)| {
        let text = format!(
            "name = \"m\"\n[input]\nwindow = {window}\nchannels = 1\n{chain}{head}\
             [[output]]\nlayer = \"logits\"\nloss = \"softmax_cross_entropy\"\ntarget = \"condition\"\n"
        );
        Model::parse(&text, "m.toml", CLASSES).map_err(Failed::from)
    };
    let every_layer = std::iter::once(every_layer());
    every_layer.chain(chains.into_iter().map(parse)).collect()
}

/// The windows of `signal`, one behind the other, in recording `recording`.
fn windows(recording: usize, length: usize, labels: &[u32]) -> Vec<Window> {
    let window = |(row, label): (usize, &u32)| Window {
        recording,
        start: row * length,
        label: *label as usize,
        mean: 0.25,
        scale: 1.5,
    };
    labels.iter().enumerate().map(window).collect()
}

fn network<'g>(
    gpu: &'g Gpu,
    model: &Model,
    signals: &[&[f32]],
    windows: &[Window],
    options: &Options,
) -> Result<Network<'g>, Failed> {
    let network = Network::new(gpu, model, signals, windows, windows.len(), options)?;
    // Larger than usual, so that something arrives at the input of many layers.
    let parameters: Vec<f32> = initialise(model, 3)?.iter().map(|p| 1.5 * p).collect();
    network.set_parameters(&parameters);
    Ok(network)
}

/// Along directions in which every sample goes up or down: a gradient in the wrong place gives another slope.
fn slopes(gpu: &Gpu, variants: &Variants) -> Result<(), Failed> {
    const DIRECTIONS: usize = 6;
    for (index, model) in models()?.iter().enumerate() {
        let length = model.window;
        let (signal, labels) = goldens::batch(index, ROWS, length, 1, CLASSES);
        let order: Vec<u32> = (0..ROWS as u32).collect();
        // Two batches, the second one short.
        let explaining = Options::explaining(2, variants.clone());
        let table = windows(0, length, &labels);
        let mut explained = network(gpu, model, &[&signal], &table, &explaining)?;
        let (rows, gradients) = explained.input_gradients(&order, &mut |_| {})?;
        assert_eq!(gradients.len(), ROWS * length);
        let norm = |row: usize| -> f64 {
            gradients[row * length..][..length].iter().map(|g| f64::from(*g).powi(2)).sum::<f64>().sqrt()
        };
        assert!((0..ROWS).all(|row| norm(row) > 1e-3), "model {index}: there is a gradient");
        let up = |direction: usize, at: usize| {
            let draw = (at as u64 * 7919 + direction as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            ((draw ^ draw >> 31).wrapping_mul(0x94d0_49bb_1331_11eb) >> 63) == 1
        };
        // So little that few units pass a kink, and enough that the loss moves by a hundred times its rounding.
        let step = |row: usize| (1e-3 / norm(row)).min(3e-4);
        let mut signals = Vec::new();
        let mut table = Vec::new();
        for direction in 0..DIRECTIONS {
            for sign in [1.0, -1.0] {
                table.extend(windows(signals.len(), length, &labels));
                let moved = signal.iter().enumerate().map(|(at, sample)| {
                    let way = if up(direction, at) { sign } else { -sign };
                    // In the scaled domain.
                    (f64::from(*sample) + way * step(at / length) / 1.5) as f32
                });
                signals.push(moved.collect::<Vec<f32>>());
            }
        }
        let signals: Vec<&[f32]> = signals.iter().map(Vec::as_slice).collect();
        let scoring = Options::scoring(&gpu.info, model, table.len(), variants.clone())?;
        let mut scoring = network(gpu, model, &signals, &table, &scoring)?;
        let losses = scoring.classify(&(0..table.len() as u32).collect::<Vec<_>>(), &mut |_| {})?.loss;
        let mut classified = network(gpu, model, &[&signal], &windows(0, length, &labels), &explaining)?;
        let plain = classified.classify(&order, &mut |_| {})?;
        let mut errors = Vec::new();
        for row in 0..ROWS {
            // One computes a pool in the registers of a product and the other does not.
            let name = format!("model {index} row {row}");
            close(&name, f64::from(rows.loss[row]), f64::from(plain.loss[row]), 1e-5)?;
            for direction in 0..DIRECTIONS {
                let loss = |side: usize| f64::from(losses[(2 * direction + side) * ROWS + row]);
                let expected = (loss(0) - loss(1)) / (2.0 * step(row));
                let slope: f64 = (row * length..(row + 1) * length)
                    .map(|at| f64::from(gradients[at]) * if up(direction, at) { 1.0 } else { -1.0 })
                    .sum();
                errors.push((slope - expected).abs() / norm(row));
            }
        }
        // A gradient in the wrong place is off by its own length. One unit of a hundred that passes a kink all the same
        // gives its row another slope on one side.
        errors.sort_by(f64::total_cmp);
        close(&format!("model {index}, median"), errors[errors.len() / 2], 0.0, 0.015)?;
        close(&format!("model {index}, worst"), errors[errors.len() - 1], 0.0, 0.2)?;
    }
    Ok(())
}

/// Alone in a batch, and among others, which are of other classes: the same bits, for a batch of one has no mean.
fn own(gpu: &Gpu, variants: &Variants) -> Result<(), Failed> {
    let model = every_layer()?;
    let (signal, labels) = goldens::batch(0, ROWS, model.window, 1, CLASSES);
    let table = windows(0, model.window, &labels);
    let options = Options::explaining(ROWS, variants.clone());
    let mut network = network(gpu, &model, &[&signal], &table, &options)?;
    let before = network.parameters()?;
    let (_, together) = network.input_gradients(&[0, 1, 2], &mut |_| {})?;
    for row in 0..ROWS {
        let (rows, alone) = network.input_gradients(&[row as u32], &mut |_| {})?;
        assert_eq!(rows.loss.len(), 1);
        assert_eq!(bits(&alone), bits(&together[row * model.window..][..model.window]), "row {row}");
    }
    assert_eq!(bits(&network.parameters()?), bits(&before), "nothing learns");
    Ok(())
}

/// The gradients at the middles of equal steps from a baseline of zero, times the window (Sundararajan et al. 2017).
fn complete(gpu: &Gpu, variants: &Variants) -> Result<(), Failed> {
    const STEPS: usize = 64;
    for (index, model) in models()?.iter().enumerate() {
        let (signal, labels) = goldens::batch(index, 1, model.window, 1, CLASSES);
        let window = windows(0, model.window, &labels)[0];
        let at = |share: f32| Window { scale: window.scale * share, ..window };
        let shares = (0..STEPS).map(|step| (step as f32 + 0.5) / STEPS as f32).chain([0.0, 1.0]);
        let table: Vec<Window> = shares.map(at).collect();
        let options = Options::explaining(16, variants.clone());
        let mut network = network(gpu, model, &[&signal], &table, &options)?;
        let order: Vec<u32> = (0..table.len() as u32).collect();
        let (rows, gradients) = network.input_gradients(&order, &mut |_| {})?;
        let path = &gradients[..STEPS * model.window];
        let sum: f64 = (path.iter().enumerate())
            .map(|(at, g)| {
                let x = (signal[at % model.window] - window.mean) * window.scale;
                f64::from(*g) * f64::from(x) / STEPS as f64
            })
            .sum();
        let expected = f64::from(rows.loss[STEPS + 1]) - f64::from(rows.loss[STEPS]);
        // Midpoints miss where in a step a ReLU or a maximum changes sides.
        close(&format!("model {index}"), sum, expected, 2e-3 + 0.01 * expected.abs())?;
    }
    Ok(())
}
