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
    let bindings = vec![
        ("step", Binding::PerStep(step)),
        ("x", Binding::Fixed(x.slice)),
        ("labels", Binding::Fixed(labels)),
        ("p", Binding::Fixed(results.p)),
        ("loss", Binding::Fixed(results.loss)),
        ("predicted", Binding::Fixed(results.predicted)),
    ];
    launch(label, "forward", x, bindings)
}

/// The gradient of the batch's mean loss by the scores.
pub fn backward(label: &str, step: BufferId, p: Slice, labels: Slice, dx: &Tensor) -> Launch {
    let bindings = vec![
        ("step", Binding::PerStep(step)),
        ("labels", Binding::Fixed(labels)),
        ("p_kept", Binding::Fixed(p)),
        ("dx", Binding::Fixed(dx.slice)),
    ];
    launch(label, "backward", dx, bindings)
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
        flop: 5 * x.elements() as u64,
        bytes: 8 * x.elements() as u64,
    }
}
