//! A model's description: layers by name, their shapes and parameter counts, and the TOML file that
//! holds it.
//!
//! ```toml
//! name = "small"
//! [input]
//! window = 400        # samples
//! channels = 1
//! [[layer]]
//! name = "conv1"
//! type = "conv1d"     # `LayerKind` has the other types
//! filters = 16
//! kernel = 16
//! activation = "relu" # short for a layer 'conv1.relu' that follows
//! # ...
//! [[output]]
//! layer = "logits"
//! loss = "softmax_cross_entropy"
//! target = "condition"
//! ```
//!
//! A layer reads the one before it, or what `input = ["name"]` says. The format allows any graph;
//! this loader takes one chain with one output and refuses the rest.

use std::borrow::Cow;
use std::fmt;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

mod head;
mod read;

/// The models compiled into the binary: name and TOML text. The first is the default.
const BUILT_IN: [(&str, &str); 6] = [
    ("cnn-lstm", include_str!("../../data/models/cnn-lstm.toml")),
    ("cnn-lstm-flatten", include_str!("../../data/models/cnn-lstm-flatten.toml")),
    ("cnn", include_str!("../../data/models/cnn.toml")),
    ("lstm", include_str!("../../data/models/lstm.toml")),
    ("cnn2d", include_str!("../../data/models/cnn2d.toml")),
    ("cnn2d-lstm", include_str!("../../data/models/cnn2d-lstm.toml")),
];

/// The largest number of filters, units, channels or taps that a file may ask for. With
/// [`LARGEST_WINDOW`] and [`LARGEST_TENSOR`] it keeps every product below far from overflow.
const LARGEST: u64 = 1 << 16;
/// The longest window in samples.
const LARGEST_WINDOW: u64 = 1 << 24;
/// The largest weight tensor in elements (1 GiB of f32).
const LARGEST_TENSOR: u64 = 1 << 28;

/// How a convolution treats the ends of its input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Padding {
    /// Keras' `same`: output length is `ceil(L / stride)`, the odd zero stands on the right.
    Same,
    /// No padding: output length is `floor((L - kernel) / stride) + 1`.
    Valid,
}

impl Padding {
    /// Zeros on the left, zeros on the right and the output length of a convolution over `length`
    /// time steps. The output length is 0 where the kernel is longer than the padded input.
    ///
    /// Keras' `same`: `out = ceil(L / s)`, `total = max((out - 1) s + k - L, 0)`, `floor(total / 2)`
    /// zeros on the left and the rest on the right.
    pub fn of(self, length: usize, kernel: usize, stride: usize) -> (usize, usize, usize) {
        match self {
            Self::Same => {
                let out = length.div_ceil(stride);
                let total = (out.saturating_sub(1) * stride + kernel).saturating_sub(length);
                (total / 2, total - total / 2, out)
            }
            Self::Valid if kernel > length => (0, 0, 0),
            Self::Valid => (0, 0, (length - kernel) / stride + 1),
        }
    }
}

/// What a layer computes.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum LayerKind {
    /// 1-D convolution with bias: (L, C) -> (L', filters).
    Conv1d {
        /// Output channels.
        filters: usize,
        /// Taps.
        kernel: usize,
        /// Time steps between two outputs.
        stride: usize,
        /// What stands beyond the ends of the input.
        padding: Padding,
    },
    /// 2-D convolution with bias: (H, W, C) -> (H', W', filters).
    Conv2d {
        /// Output channels.
        filters: usize,
        /// Rows and columns of taps.
        kernel: [usize; 2],
        /// Rows and columns of the image between two outputs.
        stride: [usize; 2],
        /// What stands beyond the edges of the image.
        padding: Padding,
    },
    /// Dense layer at every time step or position: (L, C) -> (L, units).
    Dense {
        /// Output channels.
        units: usize,
    },
    /// max(x, 0).
    Relu,
    /// Maximum over windows of `size` time steps; an incomplete last window is dropped.
    MaxPool1d {
        /// Time steps in a window, and between two windows.
        size: usize,
    },
    /// Mean over windows of `size` time steps; an incomplete last window is dropped.
    AveragePool1d {
        /// Time steps in a window, and between two windows.
        size: usize,
    },
    /// Maximum over windows of `size` rows and columns; incomplete last windows are dropped.
    MaxPool2d {
        /// Rows and columns of a window, and between two windows.
        size: [usize; 2],
    },
    /// Mean over all time steps or positions: (L, C) -> (1, C).
    GlobalAveragePool,
    /// Maximum over all time steps or positions: (L, C) -> (1, C).
    GlobalMaxPool,
    /// The same values, in the same order, as a sequence or an image: `shape = [length, channels]` or `[height, width,
    /// channels]` in a model file. Channels run fastest, then columns, as in Keras.
    Reshape {
        /// The new shape.
        #[serde(serialize_with = "Shape::serialize_axes")]
        shape: Shape,
    },
    /// The same values as one vector: (L, C) -> (1, L * C), in the order of [`LayerKind::Reshape`]. (In PyTorch's
    /// channel-first layout: `x.permute(0, 2, 3, 1).flatten(1)`.)
    Flatten,
    /// Inverted dropout: in training a value is zero with probability `rate`, otherwise scaled by 1 / (1 - rate).
    Dropout {
        /// Probability of a zero, 0 <= rate < 1.
        rate: f64,
    },
    /// LSTM: (T, C) -> (T, units) if `sequence`, otherwise the last step (1, units).
    Lstm {
        /// Width of the hidden state.
        units: usize,
        /// Whether every time step is handed on, or the last alone.
        sequence: bool,
    },
}

impl LayerKind {
    /// The layer's `type` in a model file.
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Conv1d { .. } => "conv1d",
            Self::Conv2d { .. } => "conv2d",
            Self::Dense { .. } => "dense",
            Self::Relu => "relu",
            Self::MaxPool1d { .. } => "max_pool1d",
            Self::AveragePool1d { .. } => "average_pool1d",
            Self::MaxPool2d { .. } => "max_pool2d",
            Self::GlobalAveragePool => "global_average_pool",
            Self::GlobalMaxPool => "global_max_pool",
            Self::Reshape { .. } => "reshape",
            Self::Flatten => "flatten",
            Self::Dropout { .. } => "dropout",
            Self::Lstm { .. } => "lstm",
        }
    }

    /// The layer's output for an input of shape `input`, or why there is none (without the layer's
    /// name).
    fn output(&self, input: Shape) -> Result<Shape, String> {
        let Shape { length, channels, height } = input;
        match *self {
            Self::Conv1d { filters, kernel, stride, padding } => {
                input.as_sequence()?;
                let (left, right, out) = padding.of(length, kernel, stride);
                if out == 0 {
                    return Err(format!(
                        "kernel {kernel} is longer than the padded input {} (length {length} + padding {})",
                        length + left + right,
                        left + right
                    ));
                }
                Ok(Shape::sequence(out, filters))
            }
            Self::Conv2d { filters, kernel, stride, padding } => {
                let sides = input.as_image()?;
                let [height, width] =
                    [0, 1].map(|axis| padding.of(sides[axis], kernel[axis], stride[axis]).2);
                if height * width == 0 {
                    return Err(format!(
                        "kernel {} is larger than the input {}: use a smaller kernel or padding = \"same\"",
                        by(kernel),
                        by(sides)
                    ));
                }
                Ok(Shape::image(height, width, filters))
            }
            Self::Dense { units } => Ok(Shape { length, channels: units, height }),
            Self::Relu | Self::Dropout { .. } => Ok(input),
            Self::MaxPool1d { size } | Self::AveragePool1d { size } => {
                input.as_sequence()?;
                if size > length {
                    return Err(format!("size {size} is longer than the input {length}"));
                }
                Ok(Shape::sequence(length / size, channels))
            }
            Self::MaxPool2d { size } => {
                let sides = input.as_image()?;
                if size[0] > sides[0] || size[1] > sides[1] {
                    return Err(format!(
                        "size {} is larger than the input {}: pool less here or before",
                        by(size),
                        by(sides)
                    ));
                }
                Ok(Shape::image(sides[0] / size[0], sides[1] / size[1], channels))
            }
            Self::GlobalAveragePool | Self::GlobalMaxPool => Ok(Shape::sequence(1, channels)),
            Self::Reshape { shape } => {
                let (new, old) = (shape.values(), input.values());
                if new != old {
                    return Err(format!(
                        "shape {shape} has {new} values, the input {input} has {old}: \
                         choose numbers whose product is {old}"
                    ));
                }
                Ok(shape)
            }
            Self::Flatten => Ok(Shape::sequence(1, input.values())),
            Self::Lstm { units, sequence } => {
                input.as_sequence()?;
                Ok(Shape::sequence(if sequence { length } else { 1 }, units))
            }
        }
    }

    /// Name (without the layer's) and PyTorch shape of every parameter tensor, for an input of
    /// `channels` channels.
    fn parameters(&self, channels: usize) -> Vec<(&'static str, Vec<usize>)> {
        match *self {
            Self::Conv1d { filters, kernel, .. } => {
                vec![("weight", vec![filters, channels, kernel]), ("bias", vec![filters])]
            }
            Self::Conv2d { filters, kernel: [rows, columns], .. } => {
                vec![("weight", vec![filters, channels, rows, columns]), ("bias", vec![filters])]
            }
            Self::Dense { units } => vec![("weight", vec![units, channels]), ("bias", vec![units])],
            Self::Lstm { units, .. } => vec![
                ("weight_ih_l0", vec![4 * units, channels]),
                ("weight_hh_l0", vec![4 * units, units]),
                ("bias_ih_l0", vec![4 * units]),
            ],
            _ => Vec::new(),
        }
    }

    /// Multiply-adds of the layer's matrix products, forward, one window. Positions in the padding
    /// count, as the kernels compute them; element-wise work does not.
    fn multiply_adds(&self, input: Shape, output: Shape) -> u64 {
        let per_step = match *self {
            Self::Conv1d { filters, kernel, .. } => kernel * input.channels * filters,
            Self::Conv2d { filters, kernel, .. } => kernel[0] * kernel[1] * input.channels * filters,
            Self::Dense { units } => input.channels * units,
            Self::Lstm { units, .. } => (input.channels + units) * 4 * units,
            _ => 0,
        };
        let steps = if matches!(self, Self::Lstm { .. }) { input.length } else { output.length };
        per_step as u64 * steps as u64
    }
}

/// The layer in a few words, as a table shows it: `conv1d, 16 filters, kernel 16`.
impl fmt::Display for LayerKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.type_name())?;
        match *self {
            Self::Conv1d { filters, kernel, stride, padding } => {
                write!(f, ", {filters} filters, kernel {kernel}")?;
                if stride != 1 {
                    write!(f, ", stride {stride}")?;
                }
                if padding == Padding::Valid {
                    f.write_str(", valid")?;
                }
                Ok(())
            }
            Self::Conv2d { filters, kernel, stride, padding } => {
                write!(f, ", {filters} filters, kernel {}", by(kernel))?;
                if stride != [1, 1] {
                    write!(f, ", stride {}", by(stride))?;
                }
                if padding == Padding::Valid {
                    f.write_str(", valid")?;
                }
                Ok(())
            }
            Self::Dense { units } => write!(f, ", {units} units"),
            Self::Relu
            | Self::GlobalAveragePool
            | Self::GlobalMaxPool
            | Self::Reshape { .. }
            | Self::Flatten => Ok(()),
            Self::MaxPool1d { size } | Self::AveragePool1d { size } => write!(f, ", size {size}"),
            Self::MaxPool2d { size } => write!(f, ", size {}", by(size)),
            Self::Dropout { rate } => write!(f, ", rate {rate}"),
            Self::Lstm { units, sequence } => {
                write!(f, ", {units} units, {}", if sequence { "whole sequence" } else { "last step" })
            }
        }
    }
}

/// One named layer of a chain.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Layer {
    /// Unique name; parameters are called `<name>.weight` and so on.
    pub name: String,
    /// What it computes.
    #[serde(flatten)]
    pub kind: LayerKind,
}

/// One window at some point of the chain: a sequence of time steps, or an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Shape {
    /// Time steps; of an image its positions, height times width, row after row.
    pub length: usize,
    /// Values at each time step or position.
    pub channels: usize,
    /// Rows of an image; none for a sequence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub height: Option<usize>,
}

impl Shape {
    /// (L, C).
    pub fn sequence(length: usize, channels: usize) -> Self {
        Self { length, channels, height: None }
    }

    /// (H, W, C).
    pub fn image(height: usize, width: usize, channels: usize) -> Self {
        Self { length: height * width, channels, height: Some(height) }
    }

    /// Values in all.
    pub fn values(&self) -> usize {
        self.length * self.channels
    }

    /// The sizes as model files and tables have them: `[length, channels]` or `[height, width, channels]`.
    fn axes(&self) -> Vec<usize> {
        let positions = self.sides().map_or(vec![self.length], Vec::from);
        [positions, vec![self.channels]].concat()
    }

    fn serialize_axes<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.axes().serialize(serializer)
    }

    /// Height and width of an image; none for a sequence.
    pub fn sides(&self) -> Option<[usize; 2]> {
        self.height.map(|height| [height, self.length / height])
    }

    fn as_image(&self) -> Result<[usize; 2], String> {
        self.sides().ok_or_else(|| {
            format!(
                "reads an image, the input {self} is a sequence: \
                 put a reshape to height, width, channels before it"
            )
        })
    }

    fn as_sequence(&self) -> Result<(), String> {
        if self.height.is_none() {
            return Ok(());
        }
        Err(format!(
            "reads a sequence, the input {self} is an image: \
             put a flatten, a global pool or a reshape to length, channels before it"
        ))
    }
}

/// `400 x 16`, or `20 x 20 x 16` of an image.
impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let axes: Vec<String> = self.axes().iter().map(usize::to_string).collect();
        f.write_str(&axes.join(" x "))
    }
}

/// `4 x 4`.
fn by([rows, columns]: [usize; 2]) -> String {
    format!("{rows} x {columns}")
}

/// One parameter tensor of a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParameterSpec {
    /// Index of the layer in [`Model::layers`].
    pub layer: usize,
    /// PyTorch's name, as in `conv1.weight` or `lstm1.weight_hh_l0`.
    pub name: String,
    /// PyTorch's shape: convolution (out, in, kernel) or (out, in, kernel height, kernel width), dense (out, in), LSTM (4H, in), (4H, H), (4H).
    pub shape: Vec<usize>,
}

/// One row of a model's table, as in the paper's Table 1.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Row {
    /// The layer's name; `input` for the window itself.
    pub name: String,
    /// The layer in words; an activation given by the shorthand stands with its layer.
    pub layer: String,
    /// What it hands on.
    pub output: Shape,
    /// Number of its parameters.
    pub parameters: usize,
    /// Multiply-adds of its products, forward, one window.
    pub multiply_adds: u64,
}

/// A chain of layers from a window to class scores (logits); softmax cross-entropy follows.
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    /// The model's name, as in `cnn-lstm`.
    pub name: String,
    /// Input length in samples.
    pub window: usize,
    /// Input channels.
    pub channels: usize,
    /// The layers in order; the last gives one row of `classes` scores.
    pub layers: Vec<Layer>,
}

/// The text of a built-in model or of a model file.
fn text(name_or_path: &str) -> Result<Cow<'static, str>> {
    if let Some((_, text)) = BUILT_IN.iter().find(|(name, _)| *name == name_or_path) {
        return Ok(Cow::Borrowed(text));
    }
    let path = Path::new(name_or_path);
    std::fs::read_to_string(path).map(Cow::Owned).map_err(|cause| match cause.kind() {
        std::io::ErrorKind::NotFound => Error::input(format!(
            "{name_or_path}: no such model file, and the built-in models are: {}",
            Model::built_in().collect::<Vec<_>>().join(", ")
        )),
        _ => Error::read(path, &cause),
    })
}

impl Model {
    /// The paper's network for `classes` conditions: window 400, one channel, 348 822 parameters with
    /// six classes.
    ///
    /// # Errors
    /// If `classes` is less than 2 or too large.
    pub fn default_for(classes: usize) -> Result<Self> {
        let (name, text) = BUILT_IN[0];
        Self::parse(text, name, classes)
    }

    /// The names of the models compiled into the binary.
    pub fn built_in() -> impl Iterator<Item = &'static str> {
        BUILT_IN.iter().map(|(name, _)| *name)
    }

    /// What the built-in model `name` is and how it was chosen: the comment at the head of its file.
    pub fn description(name: &str) -> Option<String> {
        let (_, text) = BUILT_IN.iter().find(|(built_in, _)| *built_in == name)?;
        let lines: Vec<&str> = text.lines().map_while(|line| line.strip_prefix("# ")).collect();
        Some(lines.join(" "))
    }

    /// The built-in model of that name, otherwise the model file at that path, for `classes` conditions.
    ///
    /// # Errors
    /// If it is neither, or if the file is not a model this loader takes.
    pub fn load(name_or_path: &str, classes: usize) -> Result<Self> {
        Self::parse(&text(name_or_path)?, name_or_path, classes)
    }

    /// The window in samples of the model that [`Model::load`] would read. The number of classes, which may not
    /// be known before the recordings are cut into windows, does not matter.
    ///
    /// # Errors
    /// If there is no such model, or if the file is no TOML with a model's `[input]`.
    pub fn window_of(name_or_path: &str) -> Result<usize> {
        read::window(&read::Source { name: name_or_path, text: &text(name_or_path)? })
    }

    /// Reads a model file's `text` for `classes` conditions; `source_name` stands in errors.
    ///
    /// # Errors
    /// `<source_name>:<line>: ...` for broken TOML, unknown or missing keys, values out of range,
    /// shapes that do not fit, and for graphs other than one chain with one output.
    pub fn parse(text: &str, source_name: &str, classes: usize) -> Result<Self> {
        if !(2..=LARGEST).contains(&(classes as u64)) {
            return Err(Error::input(format!("a classifier has 2 to {LARGEST} classes, not {classes}")));
        }
        read::model(&read::Source { name: source_name, text }, classes)
    }

    /// The model as a TOML file in which everything is written out: [`Model::parse`] gives it back.
    pub fn to_toml(&self) -> String {
        #[derive(Serialize)]
        struct File<'a> {
            name: &'a str,
            input: Input,
            layer: &'a [Layer],
            output: [Output<'a>; 1],
        }
        #[derive(Serialize)]
        struct Input {
            window: usize,
            channels: usize,
        }
        #[derive(Serialize)]
        struct Output<'a> {
            layer: &'a str,
            loss: &'static str,
            target: &'static str,
        }
        let file = File {
            name: &self.name,
            input: Input { window: self.window, channels: self.channels },
            layer: &self.layers,
            output: [Output {
                layer: self.layers.last().map_or("", |layer| &layer.name),
                loss: read::LOSS,
                target: read::TARGET,
            }],
        };
        toml::to_string(&file).expect("strings, numbers and tables are always valid TOML")
    }

    /// The model over windows of `window` samples (`--window`).
    ///
    /// # Errors
    /// If a layer does not fit that length.
    pub fn with_window(&self, window: usize) -> Result<Self> {
        let context = || format!("model '{}' with a window of {window} samples", self.name);
        if window == 0 || window as u64 > LARGEST_WINDOW {
            return Err(Error::input(format!("a window has 1 to {LARGEST_WINDOW} samples")).within(context()));
        }
        let model = Self { window, ..self.clone() };
        model.shapes().map_err(|error| error.within(context()))?;
        Ok(model)
    }

    /// The model with its dropout off.
    #[must_use]
    pub fn without_dropout(&self) -> Self {
        let mut model = self.clone();
        for layer in &mut model.layers {
            if let LayerKind::Dropout { rate } = &mut layer.kind {
                *rate = 0.0;
            }
        }
        model
    }

    /// The model with `rate` in every dropout layer (`--dropout`).
    ///
    /// # Errors
    /// If the rate is outside `0 <= rate < 1` or the model has no dropout layer.
    pub fn with_dropout(&self, rate: f64) -> Result<Self> {
        if !(0.0..1.0).contains(&rate) {
            return Err(Error::input(format!("dropout rate {rate} is outside 0 <= rate < 1")));
        }
        let mut model = self.clone();
        let mut found = false;
        for layer in &mut model.layers {
            if let LayerKind::Dropout { rate: old } = &mut layer.kind {
                *old = rate;
                found = true;
            }
        }
        if !found {
            return Err(Error::input(format!(
                "model '{}' has no dropout layer whose rate could be {rate}: leave the dropout rate out",
                self.name
            )));
        }
        Ok(model)
    }

    /// The shape of one input window.
    pub fn input(&self) -> Shape {
        Shape::sequence(self.window, self.channels)
    }

    /// The output shape of each layer, in order. The last has length 1 and a channel per class.
    ///
    /// # Errors
    /// If a layer does not fit its input, a tensor is too large, or the last layer gives more than
    /// one row of scores.
    pub fn shapes(&self) -> Result<Vec<Shape>> {
        self.trace().map_err(|fault| Error::input(fault.message))
    }

    /// Number of classes: the last layer's channels.
    ///
    /// # Errors
    /// As [`Model::shapes`].
    pub fn classes(&self) -> Result<usize> {
        Ok(self.shapes()?.last().map_or(0, |shape| shape.channels))
    }

    /// Every parameter tensor in the order of the layers, in PyTorch's names and shapes.
    ///
    /// # Errors
    /// As [`Model::shapes`].
    pub fn parameters(&self) -> Result<Vec<ParameterSpec>> {
        let shapes = self.shapes()?;
        let inputs = std::iter::once(self.input()).chain(shapes);
        Ok(self
            .layers
            .iter()
            .zip(inputs)
            .enumerate()
            .flat_map(|(index, (layer, input))| {
                layer.kind.parameters(input.channels).into_iter().map(move |(parameter, shape)| {
                    ParameterSpec { layer: index, name: format!("{}.{parameter}", layer.name), shape }
                })
            })
            .collect())
    }

    /// The model's table, as the paper's Table 1: the input, then a row per layer.
    ///
    /// # Errors
    /// As [`Model::shapes`].
    pub fn rows(&self) -> Result<Vec<Row>> {
        let shapes = self.shapes()?;
        let mut input = self.input();
        let mut rows = vec![Row {
            name: "input".into(),
            layer: "input".into(),
            output: input,
            parameters: 0,
            multiply_adds: 0,
        }];
        for (layer, output) in self.layers.iter().zip(shapes) {
            match rows.last_mut() {
                Some(row) if layer.kind == LayerKind::Relu && layer.name == relu_name(&row.name) => {
                    row.layer.push_str(", relu");
                }
                _ => rows.push(Row {
                    name: layer.name.clone(),
                    layer: layer.kind.to_string(),
                    output,
                    parameters: layer
                        .kind
                        .parameters(input.channels)
                        .iter()
                        .map(|(_, shape)| shape.iter().product::<usize>())
                        .sum(),
                    multiply_adds: layer.kind.multiply_adds(input, output),
                }),
            }
            input = output;
        }
        Ok(rows)
    }

    /// The output shape of each layer, or the first layer at fault.
    fn trace(&self) -> Result<Vec<Shape>, Fault> {
        let mut shape = self.input();
        let mut shapes = Vec::with_capacity(self.layers.len());
        for (index, layer) in self.layers.iter().enumerate() {
            let fault = |message: String| Fault {
                layer: index,
                message: format!("{} '{}': {message}", layer.kind.type_name(), layer.name),
            };
            for (parameter, dimensions) in layer.kind.parameters(shape.channels) {
                let elements = dimensions.iter().fold(1, |product: u64, &n| product.saturating_mul(n as u64));
                if elements > LARGEST_TENSOR {
                    return Err(fault(format!(
                        "{parameter} {dimensions:?} has {elements} elements, more than the {LARGEST_TENSOR} a tensor may have"
                    )));
                }
            }
            shape = layer.kind.output(shape).map_err(fault)?;
            shapes.push(shape);
        }
        if let Some(layer) = self.layers.last()
            && shape.length != 1
        {
            return Err(Fault {
                layer: self.layers.len() - 1,
                message: format!(
                    "{} '{}': the output has {} {} of {} scores, a classifier needs 1: put a flatten, \
                     a global pool or an lstm with sequence = false before it",
                    layer.kind.type_name(),
                    layer.name,
                    shape.length,
                    if shape.height.is_some() { "positions" } else { "time steps" },
                    shape.channels
                ),
            });
        }
        Ok(shapes)
    }
}

/// A layer that does not fit.
struct Fault {
    layer: usize,
    message: String,
}

/// The name of the ReLU that `activation = "relu"` on layer `name` stands for.
fn relu_name(name: &str) -> String {
    format!("{name}.relu")
}
