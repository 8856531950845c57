//! The model file's format, shapes and the parameter table.

use gpu_bearing::nn::model::{Model, Row};
use gpu_bearing::nn::parameters::{ALIGNMENT, ParameterTable};
use gpu_bearing::nn::{LayerKind, Padding, Shape};

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
