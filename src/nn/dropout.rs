//! Inverted dropout: `shaders/dropout.wgsl`.

use std::collections::BTreeMap;

use super::tensor::{Tensor, places};
use crate::gpu::plan::{Binding, BufferId, Kernel, Launch, Value, fields};
use crate::gpu::shader::Shader;

/// One dropout layer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Dropout {
    /// Probability of a zero, 0 <= rate < 1.
    pub rate: f64,
    /// The layer's index in its model: two layers draw different streams.
    pub layer: usize,
}

impl Dropout {
    /// What kept values are multiplied by.
    pub fn scale(&self) -> f64 {
        1.0 / (1.0 - self.rate)
    }

    /// y = x * keep / (1 - rate).
    pub fn forward(&self, label: &str, step: BufferId, x: &Tensor, y: &Tensor) -> Launch {
        let bindings = vec![
            ("step", Binding::PerStep(step)),
            ("x", Binding::Fixed(x.slice)),
            ("y", Binding::Fixed(y.slice)),
        ];
        self.launch(label, "forward", [x, y, y, x], bindings)
    }

    /// dx = dy * keep / (1 - rate), with the same draws.
    pub fn backward(&self, label: &str, step: BufferId, dy: &Tensor, dx: &Tensor) -> Launch {
        let bindings = vec![
            ("step", Binding::PerStep(step)),
            ("dy", Binding::Fixed(dy.slice)),
            ("dx", Binding::Fixed(dx.slice)),
        ];
        self.launch(label, "backward", [dx, dy, dx, dy], bindings)
    }

    fn launch(
        &self,
        label: &str,
        entry: &'static str,
        [x, y, dx, dy]: [&Tensor; 4],
        bindings: Vec<(&'static str, Binding)>,
    ) -> Launch {
        let stretch = Shader::find("dropout", "standard").constant("STRETCH");
        let mut shape = [
            fields(&[("batch", x.batch), ("row", x.length * x.channels), ("layer", self.layer)]),
            places([x, y, dx, dy]),
        ]
        .concat();
        shape.push(("rate", Value::F32(self.rate as f32)));
        shape.push(("scale", Value::F32(self.scale() as f32)));
        Launch {
            label: label.to_owned(),
            kernel: Kernel { shader: "dropout", variant: "standard", entry, constants: BTreeMap::new() },
            bindings,
            shape,
            workgroups: x.batch * (x.length * x.channels).div_ceil(stretch),
            barriers: 0,
            flop: x.elements() as u64,
            bytes: 8 * x.elements() as u64,
        }
    }
}
