//! Softmax, cross-entropy, prediction and their gradient: `shaders/softmax_cross_entropy.wgsl`.

use std::collections::BTreeMap;

use super::tensor::Tensor;
use crate::gpu::plan::{Binding, BufferId, Kernel, Launch, Slice, fields};
use crate::gpu::shader::Shader;

/// Where an epoch's results stand, a row each position of its order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Results {
    /// (positions, classes): class probabilities.
    pub p: Slice,
    /// (positions): cross-entropy.
    pub loss: Slice,
    /// (positions): the likeliest class.
    pub predicted: Slice,
    /// (positions): log-sum-exp of the scores.
    pub log_sum_exp: Slice,
}

/// What training makes small: the cross-entropy as PyTorch's `CrossEntropyLoss` shapes it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Objective {
    /// Share of the target that is spread evenly over all classes (`label_smoothing`), 0 to below 1.
    pub label_smoothing: f64,
    /// Weight of each class (`weight`), above 0; empty: 1 each. A batch's mean is over the sum of its rows' weights.
    pub class_weights: Vec<f64>,
}

impl Objective {
    /// Whether it is the plain mean cross-entropy.
    pub fn is_plain(&self) -> bool {
        self.label_smoothing == 0.0 && self.class_weights.is_empty()
    }

    /// The weights of `classes` classes as the shader reads them.
    pub fn weights(&self, classes: usize) -> Vec<u32> {
        (0..classes).map(|class| (self.weight(class) as f32).to_bits()).collect()
    }

    /// The weight of `class`; 1 where none is given.
    pub fn weight(&self, class: usize) -> f64 {
        self.class_weights.get(class).copied().unwrap_or(1.0)
    }
}

/// Probabilities, loss, prediction and log-sum-exp of each row of the scores `x` (N, 1, C).
pub fn forward(label: &str, step: BufferId, x: &Tensor, labels: Slice, results: &Results) -> Launch {
    launch(label, "forward", x, bindings(step, x, labels, results), BTreeMap::new())
}

/// As [`forward`], and the gradient `dx` (N, 1, C) of the batch's mean loss by the scores; with `shaped`, of an
/// [`Objective`] with this label smoothing and these [`Objective::weights`].
pub fn train(
    label: &str,
    step: BufferId,
    x: &Tensor,
    labels: Slice,
    results: &Results,
    dx: &Tensor,
    shaped: Option<(f64, Slice)>,
) -> Launch {
    let mut bindings = bindings(step, x, labels, results);
    bindings.push(("dx", Binding::Fixed(dx.slice)));
    bindings.push(("class_weights", Binding::Fixed(shaped.map_or(x.slice, |(_, weights)| weights))));
    let mut constants = BTreeMap::new();
    if let Some((smoothing, _)) = shaped {
        constants.extend([("SHAPED", 1.0), ("SMOOTHING", smoothing)]);
    }
    launch(label, "train", x, bindings, constants)
}

fn bindings(step: BufferId, x: &Tensor, labels: Slice, results: &Results) -> Vec<(&'static str, Binding)> {
    vec![
        ("step", Binding::PerStep(step)),
        ("x", Binding::Fixed(x.slice)),
        ("labels", Binding::Fixed(labels)),
        ("p", Binding::Fixed(results.p)),
        ("loss", Binding::Fixed(results.loss)),
        ("predicted", Binding::Fixed(results.predicted)),
        ("log_sum_exp", Binding::Fixed(results.log_sum_exp)),
    ]
}

fn launch(
    label: &str,
    entry: &'static str,
    x: &Tensor,
    bindings: Vec<(&'static str, Binding)>,
    constants: BTreeMap<&'static str, f64>,
) -> Launch {
    assert_eq!((x.length, x.left, x.right), (1, 0, 0), "{label}: one row of scores a window");
    Launch {
        label: label.to_owned(),
        kernel: Kernel { shader: "softmax_cross_entropy", variant: "standard", entry, constants },
        bindings,
        shape: fields(&[("batch", x.batch), ("classes", x.channels)]),
        workgroups: x.batch.div_ceil(Shader::find("softmax_cross_entropy", "standard").constant("WORKGROUP")),
        barriers: 0,
        flop: 5 * x.elements() as u64,
        bytes: if entry == "train" { 12 } else { 8 } * x.elements() as u64,
    }
}
