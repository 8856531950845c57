//! The window gather: `shaders/gather.wgsl`. Recordings stand on the device whole; a batch is cut out of them.

use std::collections::BTreeMap;

use super::tensor::Tensor;
use crate::gpu::plan::{Binding, BufferId, Kernel, Launch, Slice, fields};
use crate::gpu::shader::Shader;

/// Words of a window in the shader's table: start, part and label, mean, scale.
pub const WINDOW_WORDS: usize = 4;

/// Words of a window in the shader's table of plays: reach, RMS.
pub const PLAY_WORDS: usize = 2;

/// The farthest that augmentation moves a window, in samples: the shader counts places in 16 bits.
pub const LARGEST_SHIFT: usize = 32_767;

/// Random changes of the windows of a training step, drawn anew at every step.
#[derive(Debug, Clone, PartialEq)]
pub struct Augmentation {
    /// A window is multiplied by a factor that is uniform between 1 less this and 1 more; 0 to below 1.
    pub gain: f64,
    /// Signal-to-noise ratio in dB, if Gaussian noise is added: that of the window's RMS about its mean, before it is
    /// moved, to the noise's.
    pub noise: Option<f64>,
    /// By how many samples each window may move, back and on, each up to [`LARGEST_SHIFT`]; all places are about
    /// equally likely. A moved window keeps the mean and the scale of its own place. Empty: not at all.
    pub reach: Vec<(usize, usize)>,
}

/// Writes the windows of signal part `part` that the batch asks for into `x` (N, L, 1), and their labels; with
/// `augmented`, changed at random within what the table of plays allows.
pub fn forward(
    step: BufferId,
    (signal, part): (Slice, usize),
    (windows, order): (Slice, Slice),
    x: &Tensor,
    labels: Slice,
    augmented: Option<(&Augmentation, Slice)>,
) -> Launch {
    let mut constants = BTreeMap::new();
    if let Some((augmentation, _)) = augmented {
        let noise = augmentation.noise.map_or(0.0, |ratio| 10_f64.powf(-ratio / 20.0));
        constants.extend([("AUGMENT", 1.0), ("GAIN", augmentation.gain), ("NOISE", noise)]);
    }
    assert_eq!(x.channels, 1, "recordings are mono");
    Launch {
        label: "input".to_owned(),
        kernel: Kernel { shader: "gather", variant: "standard", entry: "forward", constants },
        bindings: vec![
            ("step", Binding::PerStep(step)),
            ("signal", Binding::Fixed(signal)),
            ("windows", Binding::Fixed(windows)),
            ("order", Binding::Fixed(order)),
            ("x", Binding::Fixed(x.slice)),
            ("labels", Binding::Fixed(labels)),
            ("plays", Binding::Fixed(augmented.map_or(windows, |(_, plays)| plays))),
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
