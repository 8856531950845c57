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
}

/// Probabilities, loss and prediction of each row of the scores `x` (N, 1, C).
pub fn forward(label: &str, step: BufferId, x: &Tensor, labels: Slice, results: &Results) -> Launch {
    launch(label, "forward", x, bindings(step, x, labels, results))
}

/// As [`forward`], and the gradient `dx` (N, 1, C) of the batch's mean loss by the scores.
pub fn train(
    label: &str,
    step: BufferId,
    x: &Tensor,
    labels: Slice,
    results: &Results,
    dx: &Tensor,
) -> Launch {
    let mut bindings = bindings(step, x, labels, results);
    bindings.push(("dx", Binding::Fixed(dx.slice)));
    launch(label, "train", x, bindings)
}

fn bindings(step: BufferId, x: &Tensor, labels: Slice, results: &Results) -> Vec<(&'static str, Binding)> {
    vec![
        ("step", Binding::PerStep(step)),
        ("x", Binding::Fixed(x.slice)),
        ("labels", Binding::Fixed(labels)),
        ("p", Binding::Fixed(results.p)),
        ("loss", Binding::Fixed(results.loss)),
        ("predicted", Binding::Fixed(results.predicted)),
    ]
}

fn launch(label: &str, entry: &'static str, x: &Tensor, bindings: Vec<(&'static str, Binding)>) -> Launch {
    assert_eq!((x.length, x.left, x.right), (1, 0, 0), "{label}: one row of scores a window");
    Launch {
        label: label.to_owned(),
        kernel: Kernel {
            shader: "softmax_cross_entropy",
            variant: "standard",
            entry,
            constants: BTreeMap::new(),
        },
        bindings,
        shape: fields(&[("batch", x.batch), ("classes", x.channels)]),
        workgroups: x.batch.div_ceil(Shader::find("softmax_cross_entropy", "standard").constant("WORKGROUP")),
        barriers: 0,
        flop: 5 * x.elements() as u64,
        bytes: if entry == "train" { 12 } else { 8 } * x.elements() as u64,
    }
}
