//! Adam and AdamW over the flat parameter buffer, with gradient clipping: `shaders/adam.wgsl`,
//! `shaders/gradient_norm.wgsl`.

use std::collections::BTreeMap;

use super::parameters::ParameterTable;
use crate::gpu::plan::{ALIGNMENT, Arena, Binding, BufferId, Kernel, Launch, Slice, Value, fields};
use crate::gpu::shader::Shader;

/// Adam's constants: PyTorch's formula with Keras' epsilon.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Adam {
    /// Decay of the first moment.
    pub beta1: f64,
    /// Decay of the second moment.
    pub beta2: f64,
    /// Added to the root of the second moment.
    pub epsilon: f64,
    /// AdamW's weight decay, decoupled from the gradient: a step takes this times the learning rate of every weight
    /// from it. Biases do not decay. 0 for plain Adam.
    pub weight_decay: f64,
}

impl Default for Adam {
    fn default() -> Self {
        Self { beta1: 0.9, beta2: 0.999, epsilon: 1e-7, weight_decay: 0.0 }
    }
}

/// The flat buffers of parameters, gradients and the two moments, all of one length, a multiple of 4.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct State {
    /// Parameters.
    pub p: Slice,
    /// Gradients.
    pub g: Slice,
    /// First moments.
    pub m: Slice,
    /// Second moments.
    pub v: Slice,
}

impl State {
    /// The same elements of all four.
    ///
    /// # Panics
    /// If they do not lie inside.
    #[must_use]
    pub fn part(&self, run: std::ops::Range<usize>) -> Self {
        let [p, g, m, v] = [self.p, self.g, self.m, self.v].map(|flat| flat.part(run.start, run.len()));
        Self { p, g, m, v }
    }
}

impl Adam {
    /// What the shader reads of step `t` (from 1) at `learning_rate`: learning rate / (1 - beta1^t) and
    /// 1 / sqrt(1 - beta2^t), in f64 so that they are right at step 1 and at step 100 000.
    pub fn corrections(&self, t: u64, learning_rate: f64) -> (f64, f64) {
        // 1 - beta^t as -expm1(t ln beta) loses no digits for small t.
        let rest = |beta: f64| -(t as f64 * beta.ln()).exp_m1();
        (learning_rate / rest(self.beta1), 1.0 / rest(self.beta2).sqrt())
    }

    /// One update of the parameters in `state`; with `clip` (see [`clip`]) of clipped gradients, with `decays` (see
    /// [`decays`]; of all parameters) and weight decay.
    pub fn update(
        &self,
        variant: &'static str,
        step: BufferId,
        state: &State,
        clip: Option<Slice>,
        decays: Option<Slice>,
    ) -> Launch {
        let count = state.p.len;
        let constant = |name| Shader::find("adam", variant).constant(name);
        let (workgroup, fours, block) = (constant("WORKGROUP"), constant("FOURS"), constant("BLOCK"));
        Launch {
            label: "update".to_owned(),
            kernel: Kernel {
                shader: "adam",
                variant,
                entry: "update",
                constants: BTreeMap::from([
                    ("CLIP", f64::from(u8::from(clip.is_some()))),
                    ("DECAY", f64::from(u8::from(decays.is_some()))),
                    ("BETA1", self.beta1),
                    ("BETA2", self.beta2),
                    ("BETA1_REST", 1.0 - self.beta1),
                    ("BETA2_REST", 1.0 - self.beta2),
                    ("EPSILON", self.epsilon),
                ]),
            },
            bindings: vec![
                ("step", Binding::PerStep(step)),
                ("g", Binding::Fixed(state.g)),
                ("clip", Binding::Fixed(clip.unwrap_or(state.g))),
                ("p", Binding::Fixed(state.p)),
                ("m", Binding::Fixed(state.m)),
                ("v", Binding::Fixed(state.v)),
                ("decays", Binding::Fixed(decays.unwrap_or(state.g))),
            ],
            shape: fields(&[("count", count), ("first_block", state.p.offset / block)]),
            workgroups: (count / 4).div_ceil(workgroup * fours),
            barriers: 0,
            flop: 12 * count as u64,
            bytes: 28 * count as u64,
        }
    }
}

/// Which parameters decay, as the shader reads it: 1 for weights and 0 for biases, one f32 a block.
pub fn decays(table: &ParameterTable) -> Vec<u32> {
    let block = Shader::find("adam", "standard").constant("BLOCK");
    assert_eq!(block, ALIGNMENT, "a block lies within one tensor");
    let mut decays = vec![0; table.total_len().div_ceil(block)];
    for entry in table.entries().iter().filter(|entry| !entry.is_bias()) {
        decays[entry.offset / block..entry.range().end.div_ceil(block)].fill(1_f32.to_bits());
    }
    decays
}

/// Partial sums of squares of the gradient norm.
const OWNERS: usize = 2048;

/// The two launches that compute the clipping factor of gradients `g` at a largest norm of `limit`, and where
/// they leave it: (factor, norm).
pub fn clip(arena: &mut Arena, g: Slice, limit: f64) -> (Vec<Launch>, Slice) {
    let squares = arena.allocate("gradient_norm.squares", OWNERS);
    let clip = arena.allocate("gradient_norm.clip", 2);
    let launch = |entry: &'static str, bindings, workgroups| {
        let mut shape = fields(&[("count", g.len), ("owners", OWNERS)]);
        shape.push(("limit", Value::F32(limit as f32)));
        Launch {
            label: "clip".to_owned(),
            kernel: Kernel {
                shader: "gradient_norm",
                variant: "standard",
                entry,
                constants: BTreeMap::new(),
            },
            bindings,
            shape,
            workgroups,
            barriers: usize::from(entry == "scale"),
            flop: 2 * g.len as u64,
            bytes: 4 * g.len as u64,
        }
    };
    let workgroup = Shader::find("gradient_norm", "standard").constant("WORKGROUP");
    let sum = vec![("g", Binding::Fixed(g)), ("squares_out", Binding::Fixed(squares))];
    let scale = vec![("squares_in", Binding::Fixed(squares)), ("clip", Binding::Fixed(clip))];
    (vec![launch("squares", sum, OWNERS / workgroup), launch("scale", scale, 1)], clip)
}
