//! Max pooling: `shaders/max_pool1d.wgsl`.

use std::collections::BTreeMap;

use super::tensor::{Tensor, places};
use super::variants::for_runs;
use crate::gpu::plan::{Binding, Kernel, Launch, Slice, fields};
use crate::gpu::shader::Shader;

/// y = the maximum of each window of `size` steps; `position` (N, L / size, C) keeps where it stood.
pub fn forward(
    (label, variant): (&str, &'static str),
    size: usize,
    x: &Tensor,
    y: &Tensor,
    position: Slice,
) -> Launch {
    let bindings = vec![
        ("x", Binding::Fixed(x.slice)),
        ("y", Binding::Fixed(y.slice)),
        ("position", Binding::Fixed(position)),
    ];
    launch((label, variant), "forward", size, [x, y, x, y], bindings, (y.batch * y.length, y.channels))
}

/// dx from dy: to where the maximum stood. With `relu` also through the ReLU below the pool.
pub fn backward(
    (label, variant): (&str, &'static str),
    size: usize,
    (y, position): (&Tensor, Slice),
    dy: &Tensor,
    dx: &Tensor,
    relu: bool,
) -> Launch {
    let bindings = vec![
        ("y_kept", Binding::Fixed(y.slice)),
        ("position_kept", Binding::Fixed(position)),
        ("dy", Binding::Fixed(dy.slice)),
        ("dx", Binding::Fixed(dx.slice)),
    ];
    let windows = Shader::find("max_pool1d", variant).constant("WINDOWS");
    let blocks = dx.batch * dx.length.div_ceil(size).div_ceil(windows);
    let mut launch =
        launch((label, variant), "backward", size, [dx, y, dx, dy], bindings, (blocks, dx.channels));
    launch.kernel.constants = BTreeMap::from([("RELU", f64::from(u8::from(relu)))]);
    launch
}

/// An invocation owns one of `blocks` in some of `channels`.
fn launch(
    (label, variant): (&str, &'static str),
    entry: &'static str,
    size: usize,
    [x, y, dx, dy]: [&Tensor; 4],
    bindings: Vec<(&'static str, Binding)>,
    (blocks, channels): (usize, usize),
) -> Launch {
    let variant = for_runs("max_pool1d", variant, &[channels], &[x, y, dx, dy]);
    let constant = |name| Shader::find("max_pool1d", variant).constant(name);
    Launch {
        label: label.to_owned(),
        kernel: Kernel { shader: "max_pool1d", variant, entry, constants: BTreeMap::new() },
        bindings,
        shape: [
            fields(&[
                ("batch", x.batch),
                ("length", x.length),
                ("pooled", y.length),
                ("channels", x.channels),
                ("size", size),
            ]),
            places([x, y, dx, dy]),
        ]
        .concat(),
        workgroups: (blocks * channels / constant("RUN")).div_ceil(constant("WORKGROUP")),
        barriers: 0,
        flop: x.elements() as u64,
        bytes: 4 * (x.elements() + 2 * y.elements()) as u64,
    }
}
