//! Checkpoints: bit-exact round trips, files made by PyTorch, files that are wrong.

use std::collections::BTreeMap;
use std::path::Path;

use gpu_bearing::nn::checkpoint::load_parameters;
use gpu_bearing::nn::{Checkpoint, LayerKind, Model, ParameterTable, Scaling, TrainingState, initialise};
use safetensors::tensor::{Dtype, SafeTensors, TensorView};

use crate::goldens;

fn small() -> Model {
    Model::load(goldens::path("small.toml").to_str().unwrap(), 3).unwrap()
}

/// A checkpoint in which no two figures are alike.
fn checkpoint(training: bool) -> Checkpoint {
    let model = small();
    let seed = u64::MAX - 5;
    let state = TrainingState {
        epoch: 3,
        step_in_epoch: 17,
        optimizer_steps: 152,
        m: initialise(&model, 1).unwrap(),
        v: initialise(&model, 2).unwrap(),
        trainer: serde_json::json!({ "best": { "epoch": 2, "loss": 0.1 + 0.2 }, "sum": 1e-7_f64 / 3.0 }),
    };
    let mut parameters = initialise(&model, seed).unwrap();
    parameters[ParameterTable::new(&model).unwrap().entry("lstm1", "bias_ih_l0").offset] = -0.0;
    Checkpoint {
        parameters,
        model,
        classes: ["normal", "ball", "outer \"race\""].map(String::from).to_vec(),
        rate: Some(12_000.1),
        scaling: Scaling::Train { mean: 0.1 + 0.2, deviation: 1.0 / 3.0 },
        temperature: Some(0.7 + 0.1),
        familiarity: vec![-0.1, 0.1 + 0.2],
        seed,
        variants: BTreeMap::from([("conv1d".into(), "subgroup".into()), ("lstm".into(), "plain".into())]),
        version: "0.1.0".into(),
        training: training.then_some(state),
    }
}

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|value| value.to_bits()).collect()
}

#[test]
fn a_checkpoint_reads_back_bit_for_bit() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    for scaling in [Scaling::Train { mean: 1e-300, deviation: 0.7 }, Scaling::Window, Scaling::None] {
        for training in [true, false] {
            let saved = Checkpoint { scaling, ..checkpoint(training) };
            saved.save(&path).unwrap();
            let loaded = Checkpoint::load(&path).unwrap();
            assert_eq!(loaded, saved);
            assert_eq!(bits(&loaded.parameters), bits(&saved.parameters));
        }
    }
    let names: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["model.safetensors"], "no temporary file stays behind");
}

#[test]
fn equal_checkpoints_are_equal_files() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| {
        let path = folder.path().join(name);
        checkpoint(true).save(&path).unwrap();
        std::fs::read(path).unwrap()
    };
    assert_eq!(file("a"), file("b"));
}

#[test]
fn a_saved_file_has_pytorchs_names_and_shapes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    checkpoint(false).save(&path).unwrap();
    let (ours, theirs) = (std::fs::read(&path).unwrap(), goldens::read("small.pytorch.safetensors"));
    let shapes = |file: &[u8]| -> BTreeMap<String, Vec<usize>> {
        let file = SafeTensors::deserialize(file).unwrap();
        file.iter().map(|(name, tensor)| (name.to_owned(), tensor.shape().to_vec())).collect()
    };
    assert_eq!(shapes(&ours), shapes(&theirs));
    let file = SafeTensors::deserialize(&ours).unwrap();
    assert_eq!(goldens::floats(&file, "lstm1.bias_hh_l0").1, [0.0; 20]);
}

#[test]
fn writing_into_a_missing_folder_names_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gone/model.safetensors");
    let error = checkpoint(false).save(&path).unwrap_err().to_string();
    assert!(error.starts_with(&format!("{}: cannot be written: ", path.display())), "{error}");
}

/// The chain's scores for `x` (L, C), in f64 as the definitions say, from flat parameters in the device's
/// layout: does the table read what PyTorch wrote?
fn scores(model: &Model, flat: &[f32], x: &[f32]) -> Vec<f64> {
    let table = ParameterTable::new(model).unwrap();
    let mut input = model.input();
    let mut x: Vec<f64> = x.iter().copied().map(f64::from).collect();
    for (layer, output) in model.layers.iter().zip(model.shapes().unwrap()) {
        let parameter = |name: &str| -> Vec<f64> {
            flat[table.entry(&layer.name, name).range()].iter().copied().map(f64::from).collect()
        };
        let (length, channels) = (input.length, input.channels);
        let mut y = vec![0.0; output.length * output.channels];
        match layer.kind {
            LayerKind::Conv1d { filters, kernel, stride, padding } => {
                let (w, b, left) =
                    (parameter("weight"), parameter("bias"), padding.of(length, kernel, stride).0);
                for (index, y) in y.iter_mut().enumerate() {
                    let (step, filter) = (index / filters, index % filters);
                    *y = b[filter];
                    for tap in 0..kernel {
                        let Some(time) = (step * stride + tap).checked_sub(left).filter(|&t| t < length)
                        else {
                            continue;
                        };
                        for channel in 0..channels {
                            *y += x[time * channels + channel]
                                * w[(tap * channels + channel) * filters + filter];
                        }
                    }
                }
            }
            LayerKind::Conv2d { filters, kernel, stride, padding } => {
                let (w, b) = (parameter("weight"), parameter("bias"));
                let (sides, output) = (input.sides().unwrap(), output.sides().unwrap());
                let before = [0, 1].map(|axis| padding.of(sides[axis], kernel[axis], stride[axis]).0);
                for (index, y) in y.iter_mut().enumerate() {
                    let (place, filter) = (index / filters, index % filters);
                    let at = [place / output[1], place % output[1]];
                    *y = b[filter];
                    for tap in 0..kernel[0] * kernel[1] {
                        let taps = [tap / kernel[1], tap % kernel[1]];
                        let [p, q] = [0, 1].map(|axis| {
                            let position = (at[axis] * stride[axis] + taps[axis]).checked_sub(before[axis]);
                            position.filter(|&p| p < sides[axis])
                        });
                        let (Some(p), Some(q)) = (p, q) else { continue };
                        for channel in 0..channels {
                            let weight = (taps[1] * kernel[0] + taps[0]) * channels + channel;
                            *y += x[(p * sides[1] + q) * channels + channel] * w[weight * filters + filter];
                        }
                    }
                }
            }
            LayerKind::Dense { units } => {
                let (w, b) = (parameter("weight"), parameter("bias"));
                for (index, y) in y.iter_mut().enumerate() {
                    let (step, unit) = (index / units, index % units);
                    let row = &x[step * channels..][..channels];
                    *y = b[unit] + row.iter().enumerate().map(|(i, x)| x * w[i * units + unit]).sum::<f64>();
                }
            }
            LayerKind::Relu => y = x.iter().map(|&x| x.max(0.0)).collect(),
            LayerKind::Dropout { .. } | LayerKind::Reshape { .. } | LayerKind::Flatten => y.clone_from(&x),
            LayerKind::GlobalMaxPool | LayerKind::GlobalAveragePool => {
                for (channel, y) in y.iter_mut().enumerate() {
                    let values = x.iter().skip(channel).step_by(channels).copied();
                    *y = match layer.kind {
                        LayerKind::GlobalMaxPool => values.fold(f64::NEG_INFINITY, f64::max),
                        _ => values.sum::<f64>() / length as f64,
                    };
                }
            }
            LayerKind::MaxPool2d { size } => {
                let (width, columns) = (input.sides().unwrap()[1], output.sides().unwrap()[1]);
                for (index, y) in y.iter_mut().enumerate() {
                    let (place, channel) = (index / channels, index % channels);
                    let (p, q) = (place / columns * size[0], place % columns * size[1]);
                    let pixel = |j: usize| (p + j / size[1]) * width + q + j % size[1];
                    let window = (0..size[0] * size[1]).map(|j| x[pixel(j) * channels + channel]);
                    *y = window.fold(f64::NEG_INFINITY, f64::max);
                }
            }
            LayerKind::MaxPool1d { size } | LayerKind::AveragePool1d { size } => {
                for (index, y) in y.iter_mut().enumerate() {
                    let (step, channel) = (index / channels, index % channels);
                    let window = (0..size).map(|i| x[(step * size + i) * channels + channel]);
                    *y = match layer.kind {
                        LayerKind::MaxPool1d { .. } => window.fold(f64::NEG_INFINITY, f64::max),
                        _ => window.sum::<f64>() / size as f64,
                    };
                }
            }
            LayerKind::Lstm { units, sequence } => {
                let [w_ih, w_hh, b] = ["weight_ih_l0", "weight_hh_l0", "bias_ih_l0"].map(parameter);
                let (mut h, mut c) = (vec![0.0; units], vec![0.0; units]);
                let sigmoid = |z: f64| 1.0 / (1.0 + (-z).exp());
                for step in 0..length {
                    let row = &x[step * channels..][..channels];
                    let gates: Vec<f64> = (0..4 * units)
                        .map(|gate| {
                            let from = |values: &[f64], w: &[f64]| -> f64 {
                                values.iter().enumerate().map(|(i, x)| x * w[i * 4 * units + gate]).sum()
                            };
                            b[gate] + from(row, &w_ih) + from(&h, &w_hh)
                        })
                        .collect();
                    for unit in 0..units {
                        let [i, f, g, o] = [0, 1, 2, 3].map(|gate| gates[gate * units + unit]);
                        c[unit] = sigmoid(f) * c[unit] + sigmoid(i) * g.tanh();
                        h[unit] = sigmoid(o) * c[unit].tanh();
                    }
                    let place = if sequence { step * units } else { 0 };
                    y[place..place + units].copy_from_slice(&h);
                }
            }
        }
        (input, x) = (output, y);
    }
    x
}

#[test]
fn a_file_made_by_pytorch_gives_its_logits() {
    let image = Model::load(goldens::path("image.toml").to_str().unwrap(), 6).unwrap();
    for (model, parameters, golden) in [
        (Model::default_for(6).unwrap(), "cnn-lstm.pytorch.safetensors", "cnn-lstm.logits.safetensors"),
        (small(), "small.pytorch.safetensors", "small.step.safetensors"),
        (image, "image.pytorch.safetensors", "image.step.safetensors"),
    ] {
        let flat = load_parameters(&goldens::path(parameters), &model).unwrap();
        let golden = goldens::read(golden);
        let golden = SafeTensors::deserialize(&golden).unwrap();
        let (shape, x) = goldens::floats(&golden, "x");
        let (_, logits) = goldens::floats(&golden, "logits");
        let classes = logits.len() / shape[0];
        for (x, logits) in x.chunks(shape[1] * shape[2]).zip(logits.chunks(classes)) {
            for (ours, &theirs) in scores(&model, &flat, x).iter().zip(logits) {
                // PyTorch's own f32 sums over a few thousand products.
                assert!((ours - f64::from(theirs)).abs() < 1e-5, "{ours} {theirs}");
            }
        }
    }
}

#[test]
fn the_goldens_batches_are_repeated_exactly() {
    for (name, step, window, channels, classes) in
        [("small.step.safetensors", 0, 50, 2, 3), ("cnn-lstm.logits.safetensors", 100, 400, 1, 6)]
    {
        let golden = goldens::read(name);
        let golden = SafeTensors::deserialize(&golden).unwrap();
        let (shape, x) = goldens::floats(&golden, "x");
        let (ours, labels) = goldens::batch(step, shape[0], window, channels, classes);
        assert_eq!(bits(&ours), bits(&x), "{name}");
        if golden.tensor("labels").is_ok() {
            assert_eq!(goldens::integers(&golden, "labels").1, labels);
        }
    }
}

/// Tensors of a file that a test changes before it is written: name to type, shape and bytes.
type Tensors = BTreeMap<String, (Dtype, Vec<usize>, Vec<u8>)>;

/// The error of reading PyTorch's small file after `change`.
fn refusal(change: impl FnOnce(&mut Tensors)) -> String {
    let bytes = goldens::read("small.pytorch.safetensors");
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let mut tensors: Tensors = file
        .iter()
        .map(|(name, tensor)| {
            (name.to_owned(), (tensor.dtype(), tensor.shape().to_vec(), tensor.data().to_vec()))
        })
        .collect();
    change(&mut tensors);
    let views = tensors
        .iter()
        .map(|(name, (dtype, shape, bytes))| (name, TensorView::new(*dtype, shape.clone(), bytes).unwrap()));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.safetensors");
    std::fs::write(&path, safetensors::serialize(views, None).unwrap()).unwrap();
    strip(&load_parameters(&path, &small()).unwrap_err().to_string(), &path)
}

/// The message after the file's name.
fn strip(message: &str, path: &Path) -> String {
    message.strip_prefix(&format!("{}: ", path.display())).expect("the file's name comes first").to_owned()
}

#[test]
fn wrong_tensors_are_refused_by_name() {
    assert_eq!(
        refusal(|tensors| tensors.get_mut("lstm1.weight_hh_l0").unwrap().1 = vec![5, 20]),
        "tensor 'lstm1.weight_hh_l0' is [5, 20], this model needs [20, 5]"
    );
    assert_eq!(
        refusal(|tensors| drop(tensors.remove("conv2.bias"))),
        "tensor 'conv2.bias' is missing, model 'small' needs it with shape [7]"
    );
    assert_eq!(
        refusal(|tensors| drop(tensors.remove("lstm2.bias_hh_l0"))),
        "tensor 'lstm2.bias_hh_l0' is missing, model 'small' needs it with shape [12]"
    );
    for name in ["conv3.weight", "adam.m.conv1.weight"] {
        assert_eq!(
            refusal(|tensors| drop(tensors.insert(name.into(), (Dtype::F32, vec![1], vec![0; 4])))),
            format!("tensor '{name}' belongs to no layer of model 'small'")
        );
    }
    for (dtype, size) in [(Dtype::F16, 2), (Dtype::F64, 8)] {
        assert_eq!(
            refusal(|tensors| drop(tensors.insert("conv1.bias".into(), (dtype, vec![5], vec![0; 5 * size])))),
            format!(
                "tensor 'conv1.bias' is {dtype:?}, only F32 is read: convert it, in PyTorch with .float()"
            )
        );
    }
    for (value, word) in [(f32::NAN, "NaN"), (f32::NEG_INFINITY, "-inf")] {
        assert_eq!(
            refusal(|tensors| {
                let bytes = &mut tensors.get_mut("conv1.bias").unwrap().2;
                bytes[12..16].copy_from_slice(&value.to_le_bytes());
            }),
            format!(
                "tensor 'conv1.bias' holds {word} at element 3 of 5: the training that wrote it had diverged"
            )
        );
    }
}

#[test]
fn broken_files_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("m.safetensors");
    checkpoint(true).save(&path).unwrap();
    let whole = std::fs::read(&path).unwrap();
    let refusal = |bytes: &[u8]| {
        std::fs::write(&path, bytes).unwrap();
        strip(&Checkpoint::load(&path).unwrap_err().to_string(), &path)
    };
    // Cut at every byte of the first kilobyte, and then at steps that are no multiple of an element.
    for end in (0..1024).chain((1024..whole.len()).step_by(61)) {
        let error = refusal(&whole[..end]);
        assert!(error.starts_with("is truncated"), "{end}: {error}");
    }
    let mut longer = whole.clone();
    longer.push(0);
    assert!(refusal(&longer).starts_with("is truncated, or has bytes behind its last tensor"));
    assert!(
        refusal(b"PK\x03\x04 this is a zip archive, as torch.save writes it").contains("no safetensors file")
    );
    assert!(
        refusal(&goldens::read("small.pytorch.safetensors"))
            .starts_with("has no 'gpu_bearing' metadata, so model")
    );

    // A wrong value of the same length, so that the file's structure stays whole.
    let edit = |from: &str, to: &str| {
        assert_eq!(from.len(), to.len());
        let at = whole.windows(from.len()).position(|window| window == from.as_bytes()).expect(from);
        let mut bytes = whole.clone();
        bytes[at..at + to.len()].copy_from_slice(to.as_bytes());
        refusal(&bytes)
    };
    for (from, to, error) in [
        ("12000.1", "-1200.1", "the 'gpu_bearing' metadata is broken: a sampling rate of -1200.1 Hz"),
        ("0.3333333333333333", "0.0000000000000000", "the 'gpu_bearing' metadata is broken: scaling by mean"),
        ("version", "Version", "the 'gpu_bearing' metadata is broken: missing field `version`"),
        ("filters = 5", "filters = 0", "model:10: layer 'conv1': 'filters' is 0, but has to be"),
        ("filters = 5", "filters = 6", "tensor 'conv1.weight' is [5, 2, 4], this model needs [6, 2, 4]"),
    ] {
        let found = edit(from, to);
        assert!(found.starts_with(error), "{from} -> {to}:\n{found}\n{error}");
    }
    std::fs::remove_file(&path).unwrap();
    let error = strip(&Checkpoint::load(&path).unwrap_err().to_string(), &path);
    assert!(error.starts_with("cannot be read: "), "{error}");
}
