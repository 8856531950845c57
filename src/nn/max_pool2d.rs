//! Max pooling over images: `shaders/max_pool2d.wgsl`.

use std::collections::BTreeMap;

use super::tensor::{Tensor, image_places};
use super::variants::for_runs;
use crate::gpu::plan::{Binding, Kernel, Launch, Slice, fields};
use crate::gpu::shader::Shader;

/// The geometry of one pooling layer over a batch; incomplete last windows are dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MaxPool2d {
    /// Images, N.
    pub batch: usize,
    /// Rows of an image, H.
    pub height: usize,
    /// Columns of an image, W.
    pub width: usize,
    /// Channels, C.
    pub channels: usize,
    /// Rows and columns of a window, and between two windows.
    pub size: [usize; 2],
}

impl MaxPool2d {
    /// Rows and columns of the output.
    pub fn pooled(&self) -> [usize; 2] {
        [self.height / self.size[0], self.width / self.size[1]]
    }

    /// y = the maximum of each window of x (N, H * W, C); `position`, as large as y without padding, keeps where in its
    /// window it stood, row after row.
    pub fn forward(&self, names: (&str, &'static str), x: &Tensor, y: &Tensor, position: Slice) -> Launch {
        let bindings = vec![
            ("x", Binding::Fixed(x.slice)),
            ("y", Binding::Fixed(y.slice)),
            ("position", Binding::Fixed(position)),
        ];
        self.launch(names, "forward", [x, y, x, y], bindings, y.batch * y.length)
    }

    /// dx from dy: to where the maximum stood. With `relu` also through the ReLU below the pool. `dx` is (N, H * W, C) or,
    /// with padding around each row, (N * H, W, C).
    pub fn backward(
        &self,
        names: (&str, &'static str),
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
        let [down, across] = self.size;
        let windows = self.batch * self.height.div_ceil(down) * self.width.div_ceil(across);
        let mut launch = self.launch(names, "backward", [y, y, dx, dy], bindings, windows);
        launch.kernel.constants = BTreeMap::from([("RELU", f64::from(u8::from(relu)))]);
        launch
    }

    /// An invocation owns one of `windows` in some channels.
    fn launch(
        &self,
        (label, variant): (&str, &'static str),
        entry: &'static str,
        [x, y, dx, dy]: [&Tensor; 4],
        bindings: Vec<(&'static str, Binding)>,
        windows: usize,
    ) -> Launch {
        let [pooled_height, pooled_width] = self.pooled();
        let [dx_start, dx_row, dx_sequence] = image_places(dx, self.batch, self.width * self.channels);
        let lengths = [self.channels, dx_start, dx_row, dx_sequence];
        let variant = for_runs("max_pool2d", variant, &lengths, &[x, y, dy]);
        let constant = |name| Shader::find("max_pool2d", variant).constant(name);
        let pixels = self.batch * self.height * self.width * self.channels;
        Launch {
            label: label.to_owned(),
            kernel: Kernel { shader: "max_pool2d", variant, entry, constants: BTreeMap::new() },
            bindings,
            shape: fields(&[
                ("batch", self.batch),
                ("height", self.height),
                ("width", self.width),
                ("channels", self.channels),
                ("down", self.size[0]),
                ("across", self.size[1]),
                ("pooled_height", pooled_height),
                ("pooled_width", pooled_width),
                ("x_start", x.start()),
                ("x_sequence", x.sequence()),
                ("y_start", y.start()),
                ("y_sequence", y.sequence()),
                ("dx_start", dx_start),
                ("dx_row", dx_row),
                ("dx_sequence", dx_sequence),
                ("dy_start", dy.start()),
                ("dy_sequence", dy.sequence()),
            ]),
            workgroups: (windows * self.channels / constant("RUN")).div_ceil(constant("WORKGROUP")),
            barriers: 0,
            flop: pixels as u64,
            bytes: 4 * (pixels + 2 * y.elements()) as u64,
        }
    }
}
