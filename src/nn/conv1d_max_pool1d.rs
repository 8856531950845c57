//! The gradients of a convolution from those of the max-pool behind it: `shaders/conv1d_max_pool1d.subgroup.wgsl`.
//!
//! A pool of 8 passes one gradient in eight on; kernels that know which need an eighth of the arithmetic.

use std::collections::BTreeMap;

use super::conv1d::{Conv1d, complete, splits};
use super::tensor::Tensor;
use super::variants::Variants;
use crate::gpu::plan::{Binding, Kernel, Launch, Slice};
use crate::gpu::shader::Shader;

const SHADER: &str = "conv1d_max_pool1d";

/// Weight-gradient sums are cut until this many subgroups are at work.
const SUBGROUPS_WANTED: usize = 64;

/// A convolution and the max-pool behind it, in a geometry that the shader takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PooledConv1d {
    conv: Conv1d,
    pooled: usize,
    relu: bool,
    variant: &'static str,
}

/// What the pool's backward keeps and is given.
#[derive(Debug, Clone, Copy)]
pub struct Peaks<'a> {
    /// The pool's output (N, T, C_out).
    pub y: &'a Tensor,
    /// Where in its window each maximum stood.
    pub position: Slice,
    /// The gradient of the pool's output.
    pub dy: &'a Tensor,
}

impl PooledConv1d {
    /// `conv`, ending in a ReLU if `relu`, and a max-pool of `size` steps behind it; none where the variants lack
    /// the shader or it lacks the geometry.
    pub fn new(variants: &Variants, conv: Conv1d, relu: bool, size: usize) -> Option<Self> {
        let variant = variants.offered(SHADER)?;
        let file = Shader::find(SHADER, variant);
        let (lanes, run) = (file.constant("LANES"), file.constant("RUN"));
        let fits = size == lanes
            && conv.kernel <= lanes
            && conv.stride == 1
            && conv.steps >= size
            && conv.channels.is_multiple_of(run)
            && conv.filters.is_multiple_of(run);
        fits.then_some(Self { conv, pooled: conv.steps / size, relu, variant })
    }

    /// Owners among which the weight gradient's sum over windows is cut.
    pub fn splits(&self) -> usize {
        splits(SUBGROUPS_WANTED, self.tiles(), self.conv.batch * self.pooled)
    }

    /// dx; with `below` also through a ReLU, as [`Conv1d::input_gradient`].
    pub fn input_gradient(
        &self,
        label: &str,
        peaks: &Peaks,
        w: Slice,
        below: Option<(&Tensor, f64)>,
        dx: &Tensor,
    ) -> Launch {
        let (kept, scale) = below.unwrap_or((dx, 1.0));
        let shape = [
            ("dx_start", dx.start()),
            ("dx_sequence", dx.sequence()),
            ("kept_start", kept.start()),
            ("kept_sequence", kept.sequence()),
        ];
        let x_kept = below.map_or(w, |(kept, _)| kept.slice);
        let bindings = vec![
            ("w", Binding::Fixed(w)),
            ("x_kept", Binding::Fixed(x_kept)),
            ("dx", Binding::Fixed(dx.slice)),
        ];
        let workgroups = self.conv.batch * (self.conv.channels / self.constant("RUN"));
        let mut launch = self.launch(label, "input_gradient", peaks, bindings, &shape, workgroups);
        launch.kernel.constants.insert("INPUT_RELU", f64::from(u8::from(below.is_some())));
        launch.kernel.constants.insert("KEPT_SCALE", scale);
        launch
    }

    /// dw and db, cut among `splits` owners whose sums stand `dw.len / splits` elements apart.
    pub fn weight_gradient(
        &self,
        label: &str,
        peaks: &Peaks,
        x: &Tensor,
        (dw, db): (Slice, Slice),
        splits: usize,
    ) -> Launch {
        let shape = [
            ("x_start", x.start() - self.conv.left * self.conv.channels),
            ("x_sequence", x.sequence()),
            ("splits", splits),
            ("dw_split", dw.len / splits),
            ("db_split", db.len / splits),
        ];
        let bindings =
            vec![("x", Binding::Fixed(x.slice)), ("dw", Binding::Fixed(dw)), ("db", Binding::Fixed(db))];
        self.launch(label, "weight_gradient", peaks, bindings, &shape, splits * self.tiles())
    }

    fn constant(&self, name: &str) -> usize {
        Shader::find(SHADER, self.variant).constant(name)
    }

    /// Subgroups that share the weights.
    fn tiles(&self) -> usize {
        self.conv.channels / self.constant("RUN") * self.conv.filters.div_ceil(self.constant("SUM_FILTERS"))
    }

    fn launch(
        &self,
        label: &str,
        entry: &'static str,
        peaks: &Peaks,
        mut bindings: Vec<(&'static str, Binding)>,
        places: &[(&'static str, usize)],
        workgroups: usize,
    ) -> Launch {
        let Self { conv, pooled, .. } = *self;
        bindings.extend([
            ("y_kept", Binding::Fixed(peaks.y.slice)),
            ("position_kept", Binding::Fixed(peaks.position)),
            ("dy", Binding::Fixed(peaks.dy.slice)),
        ]);
        let mut shape = vec![
            ("batch", conv.batch),
            ("length", conv.length),
            ("pooled", pooled),
            ("channels", conv.channels),
            ("filters", conv.filters),
            ("kernel", conv.kernel),
            ("left", conv.left),
            ("rows", conv.steps + conv.kernel - 1),
            ("y_start", peaks.y.start()),
            ("y_sequence", peaks.y.sequence()),
            ("dy_start", peaks.dy.start()),
            ("dy_sequence", peaks.dy.sequence()),
        ];
        shape.extend(places);
        let constants = BTreeMap::from([("RELU", f64::from(u8::from(self.relu)))]);
        let windows = conv.batch * pooled * conv.filters;
        Launch {
            label: label.to_owned(),
            kernel: Kernel { shader: SHADER, variant: self.variant, entry, constants },
            bindings,
            shape: complete(shape),
            workgroups,
            barriers: 0,
            flop: 2 * (windows * conv.depth()) as u64,
            bytes: 4
                * (3 * windows + conv.depth() * conv.filters + conv.batch * conv.length * conv.channels)
                    as u64,
        }
    }
}
