//! `gpu-bearing model`: a model's layers, parameters and arithmetic, as in the paper's Table 1.

use std::path::Path;

use gpu_bearing::Result;
use gpu_bearing::nn::model::{Model, Row};
use gpu_bearing::report::{Align, Table};
use gpu_bearing::train::kept_model;
use serde::Serialize;

use super::output;

/// Show a model: layer, output, parameters, arithmetic
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// A built-in model's name, a model file, a run's folder or its .safetensors file [default: the paper's network,
    /// cnn-lstm]
    #[arg(value_name = "NAME|FILE|RUN")]
    model: Option<String>,
    /// Number of conditions that the model tells apart; a run's model has its own
    #[arg(long, value_name = "N", default_value_t = 6)]
    classes: usize,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Description {
    name: String,
    window: usize,
    channels: usize,
    classes: usize,
    layers: Vec<Row>,
    parameters: usize,
    /// Multiply-adds of the products, forward, one window.
    multiply_adds: u64,
}

/// The model of that name, of that file for `classes` conditions, or the one that a run has kept, for its own.
pub(crate) fn load(name: &str, classes: usize) -> Result<Model> {
    let path = Path::new(name);
    if path.is_dir() || path.extension().is_some_and(|extension| extension == "safetensors") {
        return kept_model(path).map(|checkpoint| checkpoint.model);
    }
    Model::load(name, classes)
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let model = match &args.model {
        None => Model::default_for(args.classes)?,
        Some(name) => load(name, args.classes)?,
    };
    let classes = model.classes()?;
    let layers = model.rows()?;
    let description = Description {
        parameters: layers.iter().map(|row| row.parameters).sum(),
        multiply_adds: layers.iter().map(|row| row.multiply_adds).sum(),
        name: model.name,
        window: model.window,
        channels: model.channels,
        classes,
        layers,
    };
    if args.json {
        return output::json(&description);
    }
    output::line(format!(
        "Model {}: window of {} samples, {} channel{}, {} classes",
        description.name,
        description.window,
        description.channels,
        if description.channels == 1 { "" } else { "s" },
        description.classes
    ))?;
    output::line("")?;
    output::line(table(&description))?;
    output::line("")?;
    output::line(
        "Output is time steps x channels of one window, of an image height x width x channels. Multiply-adds are those\n\
         of the layer's products, forward, one window; a training step takes about three times as many.",
    )
}

fn table(description: &Description) -> Table {
    let mut table = Table::new(&[
        ("name", Align::Left),
        ("layer", Align::Left),
        ("output", Align::Right),
        ("parameters", Align::Right),
        ("multiply-adds", Align::Right),
    ]);
    for Row { name, layer, output, parameters, multiply_adds } in &description.layers {
        table.row([
            name.clone(),
            layer.clone(),
            output.to_string(),
            grouped(*parameters as u64),
            grouped(*multiply_adds),
        ]);
    }
    let total =
        ["total", "", "", &grouped(description.parameters as u64), &grouped(description.multiply_adds)];
    table.row(total);
    table
}

/// `348822` as `348 822`.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}
