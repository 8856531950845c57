//! The model file's format, shapes and the parameter table.

use std::collections::BTreeSet;

use gpu_bearing::gpu::plan::ALIGNMENT;
use gpu_bearing::nn::model::{Model, Row};
use gpu_bearing::nn::parameters::ParameterTable;
use gpu_bearing::nn::{Layer, LayerKind, Padding, Shape};
use safetensors::tensor::SafeTensors;

use crate::goldens;

/// A model file with `layers` between a window of 400 samples and the output layer 'logits'.
fn file(layers: &str) -> String {
    format!(
        "name = \"m\"\n[input]\nwindow = 400\nchannels = 1\n{layers}\n\
         [[output]]\nlayer = \"logits\"\nloss = \"softmax_cross_entropy\"\ntarget = \"condition\"\n"
    )
}

/// The layers that end every small model here: the last LSTM step and the scores. They start at
/// line 5 of [`file`] when nothing stands before them.
const END: &str = "[[layer]]\nname = \"lstm\"\ntype = \"lstm\"\nunits = 3\nsequence = false\n\
                   [[layer]]\nname = \"logits\"\ntype = \"dense\"\nunits = \"classes\"\n";

fn parse(layers: &str) -> Result<Model, String> {
    Model::parse(&file(layers), "m.toml", 4).map_err(|error| error.to_string())
}

/// The error of a model whose first layer is `layer`.
fn refusal(layer: &str) -> String {
    parse(&format!("[[layer]]\nname = \"first\"\n{layer}\n{END}")).expect_err("the layer is wrong")
}

#[test]
fn the_default_model_is_the_papers_table_1() {
    let model = Model::default_for(6).unwrap();
    let rows = model.rows().unwrap();
    let table: Vec<(&str, usize, usize, usize)> = rows
        .iter()
        .map(|Row { name, output, parameters, .. }| {
            (name.as_str(), output.length, output.channels, *parameters)
        })
        .collect();
    assert_eq!(
        table,
        [
            ("input", 400, 1, 0),
            ("conv1", 400, 16, 272),
            ("conv2", 400, 32, 4_128),
            ("pool2", 50, 32, 0),
            ("conv3", 50, 64, 8_256),
            ("pool3", 12, 64, 0),
            ("conv4", 12, 256, 33_024),
            ("pool4", 6, 256, 0),
            ("conv5", 6, 512, 131_584),
            ("pool5", 6, 512, 0),
            ("dense1", 6, 256, 131_328),
            ("dropout", 6, 256, 0),
            ("lstm1", 6, 32, 36_992),
            ("lstm2", 1, 16, 3_136),
            ("logits", 1, 6, 102),
        ]
    );
    assert_eq!(rows[1].layer, "conv1d, 16 filters, kernel 16, relu");
    assert_eq!(rows[1].multiply_adds, 400 * 16 * 16);
    assert_eq!(rows[12].multiply_adds, 6 * (256 + 32) * 128);
    assert_eq!(rows.iter().map(|row| row.parameters).sum::<usize>(), 348_822);
    assert_eq!(ParameterTable::new(&model).unwrap().count(), 348_822);
    assert_eq!(model.classes().unwrap(), 6);
}

/// The paper says no more than which models it has; what they became here is counted by hand, and so are the figures in
/// the files' comments.
#[test]
fn the_other_models_of_the_papers_table_4_are_near_table_1() {
    // The convolutions' parameters with six classes, in one dimension and in two.
    let (one, two) = (272 + 4_128 + 8_256 + 33_024 + 131_584, 272 + 4_640 + 8_256 + 65_792 + 131_584);
    let (lstms, logits) = (36_992 + 3_136, 16 * 6 + 6);
    for (name, parameters) in [
        ("cnn-lstm", one + 131_328 + lstms + logits),
        ("cnn-lstm-flatten", one + (6 * 512 + 1) * 256 + (4 * 32 * (32 + 32) + 4 * 32) + 3_136 + logits),
        ("cnn", one + (6 * 512 + 1) * 256 + 257 * 6),
        ("lstm", 4 * 32 * (1 + 32 + 1) + 3_136 + logits),
        ("cnn2d", two + (4 * 512 + 1) * 256 + 257 * 6),
        ("cnn2d-lstm", two + 131_328 + lstms + logits),
    ] {
        let model = Model::load(name, 6).unwrap();
        assert_eq!(model.name, name);
        assert_eq!(ParameterTable::new(&model).unwrap().count(), parameters, "{name}");
    }
    let model = Model::load("cnn2d-lstm", 6).unwrap();
    let rows = model.rows().unwrap();
    let table: Vec<(&str, String, u64)> =
        rows.iter().map(|row| (row.name.as_str(), row.output.to_string(), row.multiply_adds)).collect();
    assert_eq!(
        table[..11],
        [
            ("input", "400 x 1".into(), 0),
            ("image", "20 x 20 x 1".into(), 0),
            ("conv1", "20 x 20 x 16".into(), 400 * 16 * 16),
            ("conv2", "20 x 20 x 32".into(), 400 * 9 * 16 * 32),
            ("pool2", "10 x 10 x 32".into(), 0),
            ("conv3", "10 x 10 x 64".into(), 100 * 4 * 32 * 64),
            ("pool3", "5 x 5 x 64".into(), 0),
            ("conv4", "5 x 5 x 256".into(), 25 * 4 * 64 * 256),
            ("pool4", "2 x 2 x 256".into(), 0),
            ("conv5", "2 x 2 x 512".into(), 4 * 256 * 512),
            ("steps", "4 x 512".into(), 0),
        ]
    );
    assert_eq!(rows[3].layer, "conv2d, 32 filters, kernel 3 x 3, relu");
    assert_eq!(rows[4].layer, "max_pool2d, size 2 x 2");
}

#[test]
fn files_of_the_binary_and_of_the_goldens_are_models() {
    for name in Model::built_in() {
        Model::load(name, 6).unwrap();
    }
    let small = Model::load(goldens::path("small.toml").to_str().unwrap(), 3).unwrap();
    let shapes: Vec<(usize, usize)> =
        small.shapes().unwrap().iter().map(|shape| (shape.length, shape.channels)).collect();
    // conv1 and its relu, mean1, conv2, relu2, pool2, dense1 and its relu, dropout, lstm1, lstm2, logits
    assert_eq!(
        shapes,
        [(25, 5), (25, 5), (12, 5), (10, 7), (10, 7), (3, 7), (3, 6), (3, 6), (3, 6), (3, 5), (1, 3), (1, 3)]
    );
    let error = Model::load("nowhere.toml", 3).unwrap_err().to_string();
    assert_eq!(
        error,
        "nowhere.toml: no such model file, and the built-in models are: \
         cnn-lstm, cnn-lstm-flatten, cnn, lstm, cnn2d, cnn2d-lstm"
    );
}

#[test]
fn an_activation_is_a_layer_of_its_own() {
    let model = Model::default_for(6).unwrap();
    assert_eq!(model.layers[1].name, "conv1.relu");
    assert_eq!(model.layers[1].kind, LayerKind::Relu);
    assert_eq!(model.layers.len(), 14 + 6);
}

#[test]
fn a_model_written_as_toml_reads_back() {
    let small = Model::load(goldens::path("small.toml").to_str().unwrap(), 3).unwrap();
    for name in Model::built_in() {
        let model = Model::load(name, 6).unwrap();
        assert_eq!(Model::parse(&model.to_toml(), "again", 6).unwrap(), model);
    }
    for (model, classes) in [(Model::default_for(6).unwrap(), 6), (small, 3)] {
        let changed = model.with_dropout(0.1 + 0.2).unwrap().with_window(333).unwrap();
        assert_eq!(Model::parse(&changed.to_toml(), "again", classes).unwrap(), changed);
        assert_ne!(changed, model);
    }
}

#[test]
fn inputs_may_be_said_when_they_are_the_layer_before() {
    let with = |first: &str, second: &str| {
        parse(&format!(
            "[[layer]]\nname = \"a\"\ntype = \"dense\"\nunits = 2\nactivation = \"relu\"\n{first}\n\
             [[layer]]\nname = \"b\"\ntype = \"relu\"\n{second}\n{END}"
        ))
    };
    let plain = with("", "").unwrap();
    assert_eq!(with("input = [\"input\"]", "input = [\"a.relu\"]").unwrap(), plain);
    assert_eq!(with("", "input = [\"a\"]").unwrap(), plain);
    assert_eq!(
        with("", "input = [\"input\"]").unwrap_err(),
        "m.toml:14: layer 'b': reads [\"input\"]: only a chain, in which each layer reads the one before it \
         (here 'a.relu'), is supported yet"
    );
    assert_eq!(
        with("", "input = [\"c\"]").unwrap_err(),
        "m.toml:14: layer 'b': input 'c' is no layer before this one"
    );
}

#[test]
fn a_wrong_file_is_refused_with_its_line() {
    let text = file(END);
    let change = |from: &str, to: &str| {
        assert!(text.contains(from), "{from}");
        Model::parse(&text.replacen(from, to, 1), "m.toml", 4).unwrap_err().to_string()
    };
    assert_eq!(parse(END).unwrap().layers.len(), 2);
    for (from, to, error) in [
        ("name = \"m\"", "name = \"m\nx\"", "m.toml:1: "),
        ("window = 400", "window = ", "m.toml:3: "),
        ("name = \"m\"", "", "m.toml:1: model: 'name' is missing"),
        ("name = \"m\"", "name = \"a/b\"", "m.toml:1: model: name 'a/b' may only have letters"),
        ("window = 400\n", "", "m.toml:2: [input]: 'window' is missing"),
        (
            "channels = 1",
            "channels = 1\nrate = 3",
            "m.toml:5: [input]: unknown key 'rate', known are: window",
        ),
        ("units = 3", "unit = 3", "m.toml:5: layer 'lstm': 'units' is missing"),
        ("units = 3", "units = 3\nkernel = 2", "m.toml:9: layer 'lstm': unknown key 'kernel', known are: "),
        (
            "units = 3",
            "units = 0",
            "m.toml:8: layer 'lstm': 'units' is 0, but has to be a whole number from 1 ",
        ),
        ("units = 3", "units = 2.5", "m.toml:8: layer 'lstm': 'units' is 2.5, but has to be a whole number"),
        (
            "sequence = false",
            "sequence = 0",
            "m.toml:9: layer 'lstm': 'sequence' is integer, not true or false",
        ),
        (
            "type = \"lstm\"",
            "type = \"gru\"",
            "m.toml:7: layer 'lstm': unknown type 'gru', known are: conv1d",
        ),
        (
            "name = \"lstm\"",
            "name = \"logits\"",
            "m.toml:11: layer 'logits': a second layer is called 'logits'",
        ),
        ("name = \"lstm\"", "name = \"adam.m\"", "m.toml:6: [[layer]]: name 'adam.m' is taken"),
        ("\"classes\"", "5", "m.toml:16: [[output]]: layer 'logits' gives 5 scores, but there are 4 classes"),
        ("\"classes\"", "\"many\"", "m.toml:13: layer 'logits': 'units' is \"many\", but has to be"),
        (
            "layer = \"logits\"",
            "layer = \"lstm\"",
            "m.toml:16: [[output]]: the output is layer 'lstm', but layers",
        ),
        ("layer = \"logits\"", "layer = \"end\"", "m.toml:16: [[output]]: there is no layer 'end'"),
        (
            "softmax_cross_entropy",
            "mse",
            "m.toml:17: [[output]]: loss 'mse' is not supported yet, only 'soft",
        ),
        ("\"condition\"", "\"speed\"", "m.toml:18: [[output]]: target 'speed' is not supported yet"),
        (
            "[[output]]",
            "[[output]]\n[[output]]",
            "m.toml:15: 2 outputs: only models with one are supported yet",
        ),
        ("[[output]]", "[other]", "m.toml:1: model: 'output' is missing"),
    ] {
        let found = change(from, to);
        assert!(found.starts_with(error), "{from} -> {to}:\n{found}\n{error}");
    }
}

#[test]
fn a_wrong_layer_is_refused_with_its_line() {
    for (layer, error) in [
        (
            "type = \"conv1d\"\nfilters = 2\nkernel = 401\npadding = \"valid\"",
            "m.toml:5: conv1d 'first': kernel 401 is longer than the padded input 400 (length 400 + padding 0)",
        ),
        (
            "type = \"conv1d\"\nfilters = 2\nkernel = 3\npadding = \"causal\"",
            "m.toml:10: layer 'first': unknown padding 'causal', known are: same, valid",
        ),
        (
            "type = \"dense\"\nunits = 3\nactivation = \"tanh\"",
            "m.toml:9: layer 'first': unknown activation 'tanh', known is: relu",
        ),
        (
            "type = \"max_pool1d\"\nsize = 401",
            "m.toml:5: max_pool1d 'first': size 401 is longer than the input 400",
        ),
        ("type = \"dropout\"\nrate = 1", "m.toml:8: layer 'first': 'rate' is 1, outside 0 <= rate < 1"),
        ("type = \"dropout\"\nrate = nan", "m.toml:8: layer 'first': 'rate' is nan, outside 0 <= rate < 1"),
        ("type = \"dropout\"\nrate = \"0.5\"", "m.toml:8: layer 'first': 'rate' is \"0.5\", outside"),
        (
            "type = \"conv2d\"\nfilters = 2\nkernel = 3",
            "m.toml:5: conv2d 'first': reads an image, the input 400 x 1 is a sequence: put a reshape to height, width",
        ),
        (
            "type = \"conv2d\"\nfilters = 2\nkernel = [3, 3, 1]",
            "m.toml:9: layer 'first': 'kernel' has 3 numbers, but has to be [rows, columns]",
        ),
        (
            "type = \"conv2d\"\nfilters = 2\nkernel = \"3\"",
            "m.toml:9: layer 'first': 'kernel' is string, not an array",
        ),
        (
            "type = \"max_pool2d\"\nsize = [2, 0]",
            "m.toml:8: layer 'first': 'size' is 0, but has to be a whole number from 1",
        ),
        (
            "type = \"reshape\"\nshape = [400]",
            "m.toml:8: layer 'first': 'shape' has 1 numbers, but has to be [length, channels] or [height, width, ",
        ),
        (
            "type = \"reshape\"\nshape = [20, 21, 1]",
            "m.toml:5: reshape 'first': shape 20 x 21 x 1 has 420 values, the input 400 x 1 has 400: choose numbers",
        ),
        (
            "type = \"reshape\"\nshape = [20, 20, 1]",
            "m.toml:9: lstm 'lstm': reads a sequence, the input 20 x 20 x 1 is an image: put a flatten, a global pool",
        ),
        (
            "type = \"conv1d\"\nfilters = 60000\nkernel = 60000",
            "m.toml:5: conv1d 'first': weight [60000, 1, 60000] has 3600000000 elements, more than",
        ),
    ] {
        let found = refusal(layer);
        assert!(found.starts_with(error), "{found}\n{error}");
    }
    let image = "type = \"reshape\"\nshape = [20, 20, 1]\n[[layer]]\nname = \"second\"\n";
    for (layer, error) in [
        (
            "type = \"conv2d\"\nfilters = 2\nkernel = [21, 3]\npadding = \"valid\"",
            "m.toml:9: conv2d 'second': kernel 21 x 3 is larger than the input 20 x 20: use a smaller kernel or padding",
        ),
        (
            "type = \"conv2d\"\nfilters = 60000\nkernel = [60000, 60000]",
            "m.toml:9: conv2d 'second': weight [60000, 1, 60000, 60000] has 216000000000000 elements, more than",
        ),
        (
            "type = \"max_pool2d\"\nsize = [2, 21]",
            "m.toml:9: max_pool2d 'second': size 2 x 21 is larger than the input 20 x 20: pool less here or before",
        ),
    ] {
        let found = refusal(&format!("{image}{layer}"));
        assert!(found.starts_with(error), "{found}\n{error}");
    }
    let error = parse("[[layer]]\nname = \"logits\"\ntype = \"dense\"\nunits = 4").unwrap_err();
    assert!(
        error.starts_with(
            "m.toml:5: dense 'logits': the output has 400 time steps of 4 scores, a classifier needs 1"
        ),
        "{error}"
    );
    let error = Model::parse(&file(END), "m.toml", 1).unwrap_err().to_string();
    assert_eq!(error, "a classifier has 2 to 65536 classes, not 1");
}

#[test]
fn flags_that_do_not_fit_the_model_are_refused() {
    let model = Model::default_for(6).unwrap();
    assert_eq!(model.with_window(64).unwrap().shapes().unwrap().last(), Some(&Shape::sequence(1, 6)));
    assert_eq!(
        model.with_window(63).unwrap_err().to_string(),
        "model 'cnn-lstm' with a window of 63 samples: max_pool1d 'pool4': size 2 is longer than the input 1"
    );
    assert!(model.with_window(0).is_err());
    assert!(model.with_dropout(1.0).is_err());
    assert!(model.with_dropout(f64::NAN).is_err());
    assert!(parse(END).unwrap().with_dropout(0.5).unwrap_err().to_string().contains("has no dropout layer"));
}

/// Keras' rule, from the positions it reads: the first output's window starts `left` before the input and
/// the last one's ends `right` after it, unless the stride skips the end.
#[test]
fn padding_is_keras() {
    assert_eq!(Padding::Same.of(400, 16, 1), (7, 8, 400));
    assert_eq!(Padding::Same.of(400, 3, 2), (0, 1, 200));
    assert_eq!(Padding::Same.of(10, 2, 3), (0, 1, 4));
    assert_eq!(Padding::Same.of(9, 1, 2), (0, 0, 5));
    assert_eq!(Padding::Same.of(4, 7, 1), (3, 3, 4));
    assert_eq!(Padding::Valid.of(5, 5, 3), (0, 0, 1));
    assert_eq!(Padding::Valid.of(11, 4, 2), (0, 0, 4));
    assert_eq!(Padding::Valid.of(4, 5, 1), (0, 0, 0));
    for length in 1..30 {
        for kernel in 1..12 {
            for stride in 1..5 {
                let (left, right, out) = Padding::Same.of(length, kernel, stride);
                assert_eq!(out, length.div_ceil(stride));
                assert!(left <= right && right <= left + 1);
                assert!((out - 1) * stride + kernel <= left + length + right, "the last window fits");
                let (_, _, out) = Padding::Valid.of(length, kernel, stride);
                let fits = (0..length).step_by(stride).filter(|start| start + kernel <= length).count();
                assert_eq!(out, fits);
            }
        }
    }
}

#[test]
fn the_parameter_table_has_no_overlap_and_is_aligned() {
    let model = Model::load(goldens::path("small.toml").to_str().unwrap(), 3).unwrap();
    let table = ParameterTable::new(&model).unwrap();
    let mut end = 0;
    for entry in table.entries() {
        assert_eq!(entry.offset % ALIGNMENT, 0);
        assert!(entry.offset >= end && entry.offset < end + ALIGNMENT, "{}", entry.name);
        assert_eq!(entry.len, entry.device_shape.iter().product::<usize>());
        end = entry.offset + entry.len;
    }
    assert_eq!(table.total_len(), end.next_multiple_of(ALIGNMENT));
    assert_eq!(table.entry("conv1", "weight").device_shape, [4, 2, 5]);
    assert_eq!(table.entry("conv1", "weight").torch_shape(), [5, 2, 4]);
    assert_eq!(table.entry("dense1", "weight").device_shape, [7, 6]);
    assert_eq!(table.entry("lstm1", "weight_ih_l0").device_shape, [6, 20]);
    assert_eq!(table.entry("lstm1", "weight_hh_l0").device_shape, [5, 20]);
    assert_eq!(table.entry("lstm1", "bias_ih_l0").second_bias().unwrap(), "lstm1.bias_hh_l0");
    assert_eq!(table.entry("dense1", "bias").second_bias(), None);
}

#[test]
fn a_conv2d_weight_goes_to_pytorchs_layout() {
    let model = Model::load(goldens::path("image.toml").to_str().unwrap(), 6).unwrap();
    let table = ParameterTable::new(&model).unwrap();
    let flat: Vec<f32> = (0..table.total_len()).map(|index| index as f32).collect();
    let entry = table.entry("conv2", "weight");
    let (rows, columns, inputs, outputs) = (3, 2, 5, 8);
    assert_eq!(entry.device_shape, [columns, rows, inputs, outputs]);
    let torch = entry.to_torch(&flat);
    for (j, k, i, o) in [(0, 0, 0, 0), (1, 0, 0, 0), (0, 1, 0, 0), (0, 0, 1, 0), (0, 0, 0, 1), (2, 1, 4, 7)] {
        let device = flat[entry.offset + ((k * rows + j) * inputs + i) * outputs + o];
        assert_eq!(torch[((o * inputs + i) * rows + j) * columns + k], device, "row {j}, column {k}");
    }
}

#[test]
fn a_tensor_goes_to_pytorchs_layout_and_back() {
    let model = Model::load(goldens::path("small.toml").to_str().unwrap(), 3).unwrap();
    let table = ParameterTable::new(&model).unwrap();
    let flat: Vec<f32> = (0..table.total_len()).map(|index| index as f32).collect();
    let entry = table.entry("conv1", "weight");
    let torch = entry.to_torch(&flat);
    let (taps, inputs, outputs) = (4, 2, 5);
    for (k, i, o) in [(0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1), (3, 1, 4), (2, 1, 3)] {
        let device = flat[entry.offset + (k * inputs + i) * outputs + o];
        assert_eq!(torch[(o * inputs + i) * taps + k], device, "tap {k}, input {i}, output {o}");
    }
    let mut back = flat.clone();
    for entry in table.entries() {
        back[entry.range()].fill(f32::NAN);
        entry.from_torch(&entry.to_torch(&flat), &mut back);
    }
    assert_eq!(back, flat);
}

/// PyTorch's lengths are the model's: a layer with each golden's scalars gives the golden's output shape.
#[test]
fn goldens_have_the_shapes_that_layers_say() {
    let bytes = goldens::read("kernels.safetensors");
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let mut seen = BTreeSet::new();
    for (case, scalars) in goldens::cases(&bytes) {
        let number = |name: &str| scalars[name].as_u64().unwrap() as usize;
        let pair = |name: &str| [0, 1].map(|axis| scalars[name][axis].as_u64().unwrap() as usize);
        let shape = |name: &str| goldens::floats(&file, &format!("{case}.{name}")).0;
        let op = scalars["op"].as_str().unwrap();
        let kind = match op {
            "conv1d" => {
                let [kernel, _, filters] = shape("w")[..] else { panic!("{case}") };
                let padding = if scalars["padding"] == "same" { Padding::Same } else { Padding::Valid };
                LayerKind::Conv1d { filters, kernel, stride: number("stride"), padding }
            }
            "conv2d" => {
                let [columns, rows, _, filters] = shape("w")[..] else { panic!("{case}") };
                let padding = if scalars["padding"] == "same" { Padding::Same } else { Padding::Valid };
                LayerKind::Conv2d { filters, kernel: [rows, columns], stride: pair("stride"), padding }
            }
            "dense" => LayerKind::Dense { units: shape("w")[1] },
            "relu" => LayerKind::Relu,
            "max_pool1d" => LayerKind::MaxPool1d { size: number("size") },
            "average_pool1d" => LayerKind::AveragePool1d { size: number("size") },
            "max_pool2d" => LayerKind::MaxPool2d { size: pair("size") },
            "global_average_pool" => LayerKind::GlobalAveragePool,
            "global_max_pool" => LayerKind::GlobalMaxPool,
            "lstm" => {
                LayerKind::Lstm { units: shape("w_hh")[0], sequence: scalars["sequence"].as_bool().unwrap() }
            }
            _ => continue,
        };
        let (x, mut y) = (shape("x"), shape("y"));
        if y.len() == 2 {
            y.insert(1, 1); // the last step, without its axis
        }
        // A model's input is a sequence.
        let (first, window) = match x[1..] {
            [height, width, channels] => {
                (LayerKind::Reshape { shape: Shape::image(height, width, channels) }, height * width)
            }
            _ => (LayerKind::Relu, x[1]),
        };
        let last = LayerKind::Flatten;
        let layers = [first, kind, last].into_iter().enumerate();
        let layers = layers.map(|(index, kind)| Layer { name: format!("{case}{index}"), kind }).collect();
        let model = Model { name: case.clone(), window, channels: x[x.len() - 1], layers };
        let axes: Vec<String> = y[1..].iter().map(usize::to_string).collect();
        assert_eq!(model.shapes().unwrap()[1].to_string(), axes.join(" x "), "{case}");
        seen.insert(op.to_owned());
    }
    assert_eq!(seen.len(), 10);
}
