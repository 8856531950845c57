//! Average pooling: `shaders/average_pool1d.wgsl`.

use std::collections::BTreeMap;

use super::tensor::{Tensor, places};
use crate::gpu::plan::{Binding, Kernel, Launch, fields};
use crate::gpu::shader::Shader;

/// y = the mean of each window of `size` steps.
pub fn forward(label: &str, size: usize, x: &Tensor, y: &Tensor) -> Launch {
    launch(label, "forward", size, x, y, y.elements())
}

/// dx from dy: an equal share to each step of the window, 0 in the dropped tail.
pub fn backward(label: &str, size: usize, dy: &Tensor, dx: &Tensor) -> Launch {
    launch(label, "backward", size, dx, dy, dx.elements())
}

/// `long` has L steps, `short` L / size: input and output forward, their gradients backward.
fn launch(
    label: &str,
    entry: &'static str,
    size: usize,
    long: &Tensor,
    short: &Tensor,
    owners: usize,
) -> Launch {
    let names = if entry == "forward" { ["x", "y"] } else { ["dx", "dy"] };
    Launch {
        label: label.to_owned(),
        kernel: Kernel { shader: "average_pool1d", variant: "standard", entry, constants: BTreeMap::new() },
        bindings: vec![(names[0], Binding::Fixed(long.slice)), (names[1], Binding::Fixed(short.slice))],
        shape: [
            fields(&[
                ("batch", long.batch),
                ("length", long.length),
                ("pooled", short.length),
                ("channels", long.channels),
                ("size", size),
            ]),
            places([long, short, long, short]),
        ]
        .concat(),
        workgroups: owners.div_ceil(Shader::find("average_pool1d", "standard").constant("WORKGROUP")),
        barriers: 0,
        flop: long.elements() as u64,
        bytes: 4 * (long.elements() + short.elements()) as u64,
    }
}
