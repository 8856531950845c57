//! A model's description: layers by name, their shapes and parameter counts.

/// How a convolution treats the ends of its input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Padding {
    /// Keras' `same`: output length is `ceil(L / stride)`, the odd zero stands on the right.
    Same,
    /// No padding: output length is `floor((L - kernel) / stride) + 1`.
    Valid,
}

/// What a layer computes.
#[derive(Debug, Clone, PartialEq)]
pub enum LayerKind {
    /// 1-D convolution with bias: (L, C) -> (L', filters).
    Conv1d { filters: usize, kernel: usize, stride: usize, padding: Padding },
    /// Dense layer at every time step: (L, C) -> (L, units).
    Dense { units: usize },
    /// max(x, 0).
    Relu,
    /// Maximum over windows of `size` time steps; an incomplete last window is dropped.
    MaxPool1d { size: usize },
    /// Mean over windows of `size` time steps; an incomplete last window is dropped.
    AveragePool1d { size: usize },
    /// Inverted dropout: in training a value is zero with probability `rate`, otherwise scaled by 1 / (1 - rate).
    Dropout { rate: f64 },
    /// LSTM: (T, C) -> (T, units) if `sequence`, otherwise the last step (1, units).
    Lstm { units: usize, sequence: bool },
}

/// One named layer of a chain.
#[derive(Debug, Clone, PartialEq)]
pub struct Layer {
    /// Unique name; parameters are called `<name>.weight` and so on.
    pub name: String,
    /// What it computes.
    pub kind: LayerKind,
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
