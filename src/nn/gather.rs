//! The window gather: `shaders/gather.wgsl`. Recordings stand on the device whole; a batch is cut out of them.

use std::collections::BTreeMap;

use super::tensor::Tensor;
use crate::gpu::plan::{Binding, BufferId, Kernel, Launch, Slice, fields};
use crate::gpu::shader::Shader;

/// Words of a window in the shader's table: start, part and label, mean, scale.
pub const WINDOW_WORDS: usize = 4;

/// Writes the windows of signal part `part` that the batch asks for into `x` (N, L, 1), and their labels.
pub fn forward(
    step: BufferId,
    (signal, part): (Slice, usize),
    (windows, order): (Slice, Slice),
    x: &Tensor,
    labels: Slice,
) -> Launch {
    assert_eq!(x.channels, 1, "recordings are mono");
    Launch {
        label: "input".to_owned(),
        kernel: Kernel {
            shader: "gather",
            variant: "standard",
            entry: "forward",
            constants: BTreeMap::new(),
        },
        bindings: vec![
            ("step", Binding::PerStep(step)),
            ("signal", Binding::Fixed(signal)),
            ("windows", Binding::Fixed(windows)),
            ("order", Binding::Fixed(order)),
            ("x", Binding::Fixed(x.slice)),
            ("labels", Binding::Fixed(labels)),
        ],
        shape: fields(&[
            ("batch", x.batch),
            ("length", x.length),
            ("x_start", x.start()),
            ("x_sequence", x.sequence()),
            ("part", part),
        ]),
        workgroups: x.batch * x.length.div_ceil(Shader::find("gather", "standard").constant("STRETCH")),
        barriers: 0,
        flop: 2 * x.elements() as u64,
        bytes: 8 * x.elements() as u64,
    }
}
