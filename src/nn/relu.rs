//! ReLU on its own: `shaders/relu.wgsl`. Most ReLUs are fused into the product before and the gradient after them.

use std::collections::BTreeMap;

use super::tensor::{Tensor, places};
use crate::gpu::plan::{Binding, Kernel, Launch, fields};
use crate::gpu::shader::Shader;

/// y = max(x, 0).
pub fn forward(label: &str, x: &Tensor, y: &Tensor) -> Launch {
    launch(
        label,
        "forward",
        [x, y, y, x],
        vec![("x", Binding::Fixed(x.slice)), ("y", Binding::Fixed(y.slice))],
    )
}

/// dx = dy where y is positive, otherwise 0.
pub fn backward(label: &str, y: &Tensor, dy: &Tensor, dx: &Tensor) -> Launch {
    let bindings = vec![
        ("y_kept", Binding::Fixed(y.slice)),
        ("dy", Binding::Fixed(dy.slice)),
        ("dx", Binding::Fixed(dx.slice)),
    ];
    launch(label, "backward", [y, y, dx, dy], bindings)
}

fn launch(
    label: &str,
    entry: &'static str,
    [x, y, dx, dy]: [&Tensor; 4],
    bindings: Vec<(&'static str, Binding)>,
) -> Launch {
    let operands = bindings.len() as u64;
    Launch {
        label: label.to_owned(),
        kernel: Kernel { shader: "relu", variant: "standard", entry, constants: BTreeMap::new() },
        bindings,
        shape: [fields(&[("batch", x.batch), ("row", x.length * x.channels)]), places([x, y, dx, dy])]
            .concat(),
        workgroups: x.elements().div_ceil(Shader::find("relu", "standard").constant("WORKGROUP")),
        barriers: 0,
        flop: x.elements() as u64,
        bytes: 4 * operands * x.elements() as u64,
    }
}
