//! From TOML text to a model, with the line in every error.

use std::fmt;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::{LARGEST, LARGEST_WINDOW, Layer, LayerKind, Model, Padding, Shape, relu_name};
use crate::error::{Error, Result};

/// The loss and the target that an `[[output]]` may name today.
pub(super) const LOSS: &str = "softmax_cross_entropy";
pub(super) const TARGET: &str = "condition";

/// The layer types.
const TYPES: &str = "conv1d, conv2d, dense, relu, max_pool1d, average_pool1d, max_pool2d, global_average_pool, \
                     global_max_pool, reshape, flatten, dropout, lstm";

/// A model file's name and text.
pub(super) struct Source<'a> {
    pub(super) name: &'a str,
    pub(super) text: &'a str,
}

impl Source<'_> {
    /// An error at byte `at` of the text.
    fn error(&self, at: usize, message: impl fmt::Display) -> Error {
        let line = 1 + self.text.bytes().take(at).filter(|&byte| byte == b'\n').count();
        Error::input(format!("{}:{line}: {message}", self.name))
    }
}

/// A table whose keys are taken out one by one; what remains at the end is unknown.
struct Section<'a> {
    source: &'a Source<'a>,
    /// What errors call it: `layer 'conv1'`.
    title: String,
    /// Byte at which it begins.
    at: usize,
    table: DeTable<'a>,
    /// Keys that were asked for: what may stand here.
    known: Vec<&'static str>,
}

impl<'a> Section<'a> {
    fn new(source: &'a Source<'a>, title: &str, value: Spanned<DeValue<'a>>) -> Result<Self> {
        let at = value.span().start;
        match value.into_inner() {
            DeValue::Table(table) => Ok(Self { source, title: title.into(), at, table, known: Vec::new() }),
            other => Err(source.error(at, format!("{title} is {}, not a table", other.type_str()))),
        }
    }

    fn error(&self, at: usize, message: impl fmt::Display) -> Error {
        self.source.error(at, format!("{}: {message}", self.title))
    }

    fn take(&mut self, key: &'static str) -> Option<Spanned<DeValue<'a>>> {
        self.known.push(key);
        self.table.remove(key)
    }

    fn require(&mut self, key: &'static str) -> Result<Spanned<DeValue<'a>>> {
        self.take(key).ok_or_else(|| self.error(self.at, format!("'{key}' is missing")))
    }

    /// A string and where it stands.
    fn string(&mut self, key: &'static str) -> Result<(String, usize)> {
        let value = self.require(key)?;
        self.as_string(key, &value)
    }

    fn as_string(&self, key: &str, value: &Spanned<DeValue<'_>>) -> Result<(String, usize)> {
        let at = value.span().start;
        match value.get_ref().as_str() {
            Some(text) => Ok((text.to_owned(), at)),
            None => Err(self.error(at, format!("'{key}' is {}, not a string", value.get_ref().type_str()))),
        }
    }

    /// A whole number from 1 to `largest`.
    fn size(&self, key: &str, value: &Spanned<DeValue<'_>>, largest: u64) -> Result<usize> {
        let number = value
            .get_ref()
            .as_integer()
            .and_then(|integer| u64::from_str_radix(integer.as_str(), integer.radix()).ok())
            .filter(|number| (1..=largest).contains(number));
        number.map(|number| number as usize).ok_or_else(|| {
            let at = value.span();
            let found = self.source.text.get(at.clone()).unwrap_or_default();
            self.error(
                at.start,
                format!("'{key}' is {found}, but has to be a whole number from 1 to {largest}"),
            )
        })
    }

    fn required_size(&mut self, key: &'static str, largest: u64) -> Result<usize> {
        let value = self.require(key)?;
        self.size(key, &value, largest)
    }

    fn size_or(&mut self, key: &'static str, default: usize) -> Result<usize> {
        self.take(key).map_or(Ok(default), |value| self.size(key, &value, LARGEST))
    }

    /// Rows and columns: `[rows, columns]`, or one number for both.
    fn pair(&self, key: &str, value: &Spanned<DeValue<'_>>) -> Result<[usize; 2]> {
        if value.get_ref().as_integer().is_some() {
            return Ok([self.size(key, value, LARGEST)?; 2]);
        }
        let numbers = self.sizes(key, value)?;
        <[usize; 2]>::try_from(numbers.as_slice()).map_err(|_| {
            let message = format!("'{key}' has {} numbers, but has to be [rows, columns]", numbers.len());
            self.error(value.span().start, message)
        })
    }

    fn required_pair(&mut self, key: &'static str) -> Result<[usize; 2]> {
        let value = self.require(key)?;
        self.pair(key, &value)
    }

    /// An array of whole numbers from 1 to [`LARGEST`].
    fn sizes(&self, key: &str, value: &Spanned<DeValue<'_>>) -> Result<Vec<usize>> {
        match value.get_ref() {
            DeValue::Array(numbers) => numbers.iter().map(|number| self.size(key, number, LARGEST)).collect(),
            other => {
                let message = format!("'{key}' is {}, not an array", other.type_str());
                Err(self.error(value.span().start, message))
            }
        }
    }

    /// The elements of an array of tables, or of an array of anything else.
    fn array(&mut self, key: &'static str) -> Result<(Vec<Spanned<DeValue<'a>>>, usize)> {
        let value = self.require(key)?;
        let at = value.span().start;
        match value.into_inner() {
            DeValue::Array(array) => Ok((array.into_iter().collect(), at)),
            other => Err(self.error(at, format!("'{key}' is {}, not an array", other.type_str()))),
        }
    }

    /// Refuses what was not asked for.
    fn finish(self) -> Result<()> {
        let unknown = self.table.keys().min_by_key(|key| key.span().start);
        unknown.map_or(Ok(()), |key| {
            Err(self.error(
                key.span().start,
                format!("unknown key '{}', known are: {}", key.get_ref(), self.known.join(", ")),
            ))
        })
    }
}

/// The window of a model file, whatever its layers.
pub(super) fn window(source: &Source<'_>) -> Result<usize> {
    let mut root = root(source)?;
    Ok(input(source, &mut root)?.0)
}

fn root<'a>(source: &'a Source<'_>) -> Result<Section<'a>> {
    let (root, errors) = DeTable::parse_recoverable(source.text);
    let place = |error: &toml::de::Error| error.span().map_or(0, |span| span.start);
    if let Some(error) = errors.iter().min_by_key(|error| place(error)) {
        return Err(source.error(place(error), error.message()));
    }
    let at = root.span();
    Section::new(source, "model", Spanned::new(at, DeValue::Table(root.into_inner())))
}

/// Window and channels.
fn input(source: &Source<'_>, root: &mut Section<'_>) -> Result<(usize, usize)> {
    let mut input = Section::new(source, "[input]", root.require("input")?)?;
    let window = input.required_size("window", LARGEST_WINDOW)?;
    let channels = input.required_size("channels", LARGEST)?;
    input.finish()?;
    Ok((window, channels))
}

pub(super) fn model(source: &Source<'_>, classes: usize) -> Result<Model> {
    let mut root = root(source)?;
    let (name, at) = root.string("name")?;
    check_name(&root, &name, at)?;
    let (window, channels) = input(source, &mut root)?;

    let mut model = Model { name, window, channels, layers: Vec::new() };
    let mut places = Vec::new();
    let (layers, layers_at) = root.array("layer")?;
    for value in layers {
        let place = value.span().start;
        layer(source, value, classes, &mut model.layers)?;
        places.resize(model.layers.len(), place);
    }
    let Some(last) = model.layers.last() else {
        return Err(root.error(layers_at, "there is no layer"));
    };

    let (outputs, outputs_at) = root.array("output")?;
    root.finish()?;
    let count = outputs.len();
    let [value] = <[_; 1]>::try_from(outputs).map_err(|_| {
        source.error(outputs_at, format!("{count} outputs: only models with one are supported yet"))
    })?;
    let mut output = Section::new(source, "[[output]]", value)?;
    let (output_layer, output_at) = output.string("layer")?;
    expect(&mut output, "loss", LOSS)?;
    expect(&mut output, "target", TARGET)?;
    if output_layer != last.name {
        let message = if model.layers.iter().any(|layer| layer.name == output_layer) {
            format!(
                "the output is layer '{output_layer}', but layers follow it up to '{}': \
                 only one chain with its output at the end is supported yet",
                last.name
            )
        } else {
            format!("there is no layer '{output_layer}'")
        };
        return Err(output.error(output_at, message));
    }

    let shapes = model.trace().map_err(|fault| source.error(places[fault.layer], fault.message))?;
    let scores = shapes[shapes.len() - 1].channels;
    if scores != classes {
        return Err(output.error(
            output_at,
            format!(
                "layer '{output_layer}' gives {scores} scores, but there are {classes} classes: \
                 write units = \"classes\""
            ),
        ));
    }
    output.finish()?;
    Ok(model)
}

/// Reads one `[[layer]]` and adds it, with the ReLU of its shorthand, to `layers`.
fn layer(
    source: &Source<'_>,
    value: Spanned<DeValue<'_>>,
    classes: usize,
    layers: &mut Vec<Layer>,
) -> Result<()> {
    let mut section = Section::new(source, "[[layer]]", value)?;
    let (name, name_at) = section.string("name")?;
    check_name(&section, &name, name_at)?;
    section.title = format!("layer '{name}'");
    let (kind_name, kind_at) = section.string("type")?;
    check_input(&mut section, layers)?;

    let mut activation = None;
    let kind = match kind_name.as_str() {
        "conv1d" => {
            activation = section.take("activation");
            LayerKind::Conv1d {
                filters: section.required_size("filters", LARGEST)?,
                kernel: section.required_size("kernel", LARGEST)?,
                stride: section.size_or("stride", 1)?,
                padding: padding(&mut section)?,
            }
        }
        "conv2d" => {
            activation = section.take("activation");
            LayerKind::Conv2d {
                filters: section.required_size("filters", LARGEST)?,
                kernel: section.required_pair("kernel")?,
                stride: section.take("stride").map_or(Ok([1, 1]), |value| section.pair("stride", &value))?,
                padding: padding(&mut section)?,
            }
        }
        "dense" => {
            activation = section.take("activation");
            LayerKind::Dense { units: units(&mut section, classes)? }
        }
        "relu" => LayerKind::Relu,
        "max_pool1d" => LayerKind::MaxPool1d { size: section.required_size("size", LARGEST)? },
        "average_pool1d" => LayerKind::AveragePool1d { size: section.required_size("size", LARGEST)? },
        "max_pool2d" => LayerKind::MaxPool2d { size: section.required_pair("size")? },
        "global_average_pool" => LayerKind::GlobalAveragePool,
        "global_max_pool" => LayerKind::GlobalMaxPool,
        "reshape" => LayerKind::Reshape { shape: shape(&mut section)? },
        "flatten" => LayerKind::Flatten,
        "dropout" => LayerKind::Dropout { rate: rate(&mut section)? },
        "lstm" => LayerKind::Lstm {
            units: section.required_size("units", LARGEST / 4)?,
            sequence: sequence(&mut section)?,
        },
        other => {
            return Err(section.error(kind_at, format!("unknown type '{other}', known are: {TYPES}")));
        }
    };
    let relu = match activation {
        None => None,
        Some(value) => {
            let (activation, at) = section.as_string("activation", &value)?;
            if activation != "relu" {
                let message = format!("unknown activation '{activation}', known is: relu");
                return Err(section.error(at, message));
            }
            Some(Layer { name: relu_name(&name), kind: LayerKind::Relu })
        }
    };
    for layer in std::iter::once(Layer { name, kind }).chain(relu) {
        if layers.iter().any(|other| other.name == layer.name) {
            return Err(section.error(name_at, format!("a second layer is called '{}'", layer.name)));
        }
        layers.push(layer);
    }
    section.finish()
}

/// A name becomes part of tensor and file names.
fn check_name(section: &Section<'_>, name: &str, at: usize) -> Result<()> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '+' | '.');
    if name.is_empty() || !name.chars().all(plain) {
        let message = format!("name '{name}' may only have letters, digits, '_', '-', '+' and '.'");
        return Err(section.error(at, message));
    }
    if name == "input" || name == "adam" || name.starts_with("adam.") {
        return Err(section.error(at, format!("name '{name}' is taken: choose another")));
    }
    Ok(())
}

/// `input = ["name"]` may only say what is so anyway: the layer before, or `input` for the first.
fn check_input(section: &mut Section<'_>, before: &[Layer]) -> Result<()> {
    if !section.table.contains_key("input") {
        section.known.push("input");
        return Ok(());
    }
    let (names, at) = section.array("input")?;
    let names = names
        .iter()
        .map(|value| Ok(section.as_string("input", value)?.0))
        .collect::<Result<Vec<String>>>()?;
    // The shorthand's ReLU answers to its layer's name.
    let previous = before.last().map_or("input", |layer| layer.name.as_str());
    let short = previous.strip_suffix(".relu").unwrap_or(previous);
    if let [name] = names.as_slice()
        && (name == previous || name == short)
    {
        return Ok(());
    }
    if let Some(name) =
        names.iter().find(|&name| name != "input" && before.iter().all(|layer| layer.name != *name))
    {
        return Err(section.error(at, format!("input '{name}' is no layer before this one")));
    }
    Err(section.error(
        at,
        format!(
            "reads {names:?}: only a chain, in which each layer reads the one before it \
             (here '{previous}'), is supported yet"
        ),
    ))
}

fn padding(section: &mut Section<'_>) -> Result<Padding> {
    let Some(value) = section.take("padding") else { return Ok(Padding::Same) };
    let (padding, at) = section.as_string("padding", &value)?;
    match padding.as_str() {
        "same" => Ok(Padding::Same),
        "valid" => Ok(Padding::Valid),
        other => Err(section.error(at, format!("unknown padding '{other}', known are: same, valid"))),
    }
}

fn shape(section: &mut Section<'_>) -> Result<Shape> {
    let value = section.require("shape")?;
    match section.sizes("shape", &value)?[..] {
        [length, channels] => Ok(Shape::sequence(length, channels)),
        [height, width, channels] => Ok(Shape::image(height, width, channels)),
        ref other => Err(section.error(
            value.span().start,
            format!(
                "'shape' has {} numbers, but has to be [length, channels] or [height, width, channels]",
                other.len()
            ),
        )),
    }
}

fn units(section: &mut Section<'_>, classes: usize) -> Result<usize> {
    let value = section.require("units")?;
    if value.get_ref().as_str() == Some("classes") {
        return Ok(classes);
    }
    section.size("units", &value, LARGEST)
}

fn rate(section: &mut Section<'_>) -> Result<f64> {
    let value = section.require("rate")?;
    let text = match value.get_ref() {
        DeValue::Float(float) => float.as_str(),
        DeValue::Integer(integer) => integer.as_str(),
        _ => "",
    };
    text.parse().ok().filter(|rate| (0.0..1.0).contains(rate)).ok_or_else(|| {
        let found = section.source.text.get(value.span()).unwrap_or_default();
        section.error(value.span().start, format!("'rate' is {found}, outside 0 <= rate < 1"))
    })
}

fn sequence(section: &mut Section<'_>) -> Result<bool> {
    let value = section.require("sequence")?;
    value.get_ref().as_bool().ok_or_else(|| {
        let found = value.get_ref().type_str();
        section.error(value.span().start, format!("'sequence' is {found}, not true or false"))
    })
}

/// A key that has one possible value today.
fn expect(section: &mut Section<'_>, key: &'static str, only: &str) -> Result<()> {
    let (value, at) = section.string(key)?;
    if value == only {
        return Ok(());
    }
    Err(section.error(at, format!("{key} '{value}' is not supported yet, only '{only}' is")))
}
