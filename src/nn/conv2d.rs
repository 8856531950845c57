//! 2-D convolution: `shaders/conv2d.wgsl`. It turns images into bands; every product is a [`super::conv1d`] over those.

use std::collections::BTreeMap;

use super::conv1d::Conv1d;
use super::model::Padding;
use super::tensor::{Tensor, image_places};
use super::variants::for_runs;
use crate::gpu::plan::{Binding, Kernel, Launch, fields};
use crate::gpu::shader::Shader;

/// The geometry of one 2-D convolution over a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Conv2d {
    /// Images, N.
    pub batch: usize,
    /// Rows of an image, H.
    pub height: usize,
    /// Columns of an image, W.
    pub width: usize,
    /// Input channels, C.
    pub channels: usize,
    /// Rows of taps.
    pub kernel: usize,
    /// Input rows between two outputs.
    pub stride: usize,
    /// Zero rows above the image.
    pub top: usize,
    /// Output rows.
    pub rows: usize,
    /// The convolution along the columns: N * rows sequences of W steps with kernel * C channels.
    pub along: Conv1d,
}

impl Conv2d {
    /// The geometry of `filters` filters of `kernel` rows and columns of taps over (N, H, W, C).
    pub fn new(
        [batch, height, width, channels]: [usize; 4],
        filters: usize,
        kernel: [usize; 2],
        stride: [usize; 2],
        padding: Padding,
    ) -> Self {
        let (top, _, rows) = padding.of(height, kernel[0], stride[0]);
        let bands = (batch * rows, width, kernel[0] * channels);
        let along = Conv1d::new(bands, filters, kernel[1], stride[1], padding);
        Self { batch, height, width, channels, kernel: kernel[0], stride: stride[0], top, rows, along }
    }

    /// The bands' sizes: (N * rows, W, kernel * C).
    pub fn bands(&self) -> (usize, usize, usize) {
        (self.along.batch, self.along.length, self.along.channels)
    }

    /// The bands of x (N, H * W, C), with the zeros around them that `bands` has room for.
    pub fn forward(&self, (label, variant): (&str, &'static str), x: &Tensor, bands: &Tensor) -> Launch {
        assert_eq!((bands.batch, bands.length, bands.channels), self.bands(), "{label}: bands");
        let columns = bands.left + bands.length + bands.right;
        let bindings = vec![("x", Binding::Fixed(x.slice)), ("bands", Binding::Fixed(bands.slice))];
        let owners = bands.batch * columns * self.kernel;
        let mut launch =
            self.launch((label, variant), "forward", [x, x, x], (bands.left, columns), bindings, owners);
        launch.bytes = 4 * (x.elements() + bands.batch * columns * bands.channels) as u64;
        launch
    }

    /// dx from the gradient of the bands (N * rows, W, kernel * C), which has no zeros around it; with `below` also
    /// through a ReLU, as [`Conv1d::input_gradient`]. `dx` is (N, H * W, C) or, with padding around each row, (N * H, W, C).
    pub fn input_gradient(
        &self,
        names: (&str, &'static str),
        dbands: &Tensor,
        below: Option<(&Tensor, f64)>,
        dx: &Tensor,
    ) -> Launch {
        let (kept, scale) = below.unwrap_or((dbands, 1.0));
        let bindings = vec![
            ("dbands", Binding::Fixed(dbands.slice)),
            ("x_kept", Binding::Fixed(kept.slice)),
            ("dx", Binding::Fixed(dx.slice)),
        ];
        let owners = self.batch * self.height * self.width;
        let mut launch = self.launch(names, "input_gradient", [kept, dx, kept], (0, 0), bindings, owners);
        let relu = f64::from(u8::from(below.is_some()));
        launch.kernel.constants = BTreeMap::from([("RELU", relu), ("KEPT_SCALE", scale)]);
        launch.flop = dbands.elements() as u64;
        launch.bytes = 4 * (dbands.elements() + dx.elements()) as u64;
        launch
    }

    /// An invocation owns some channels of one of `places`.
    fn launch(
        &self,
        (label, variant): (&str, &'static str),
        entry: &'static str,
        [x, dx, kept]: [&Tensor; 3],
        (left, columns): (usize, usize),
        bindings: Vec<(&'static str, Binding)>,
        places: usize,
    ) -> Launch {
        let [dx_start, dx_row, dx_sequence] = image_places(dx, self.batch, self.width * self.channels);
        let lengths = [self.channels, dx_start, dx_row, dx_sequence];
        let variant = for_runs("conv2d", variant, &lengths, &[x, kept]);
        let constant = |name| Shader::find("conv2d", variant).constant(name);
        let owners = places * self.channels.div_ceil(constant("RUN"));
        Launch {
            label: label.to_owned(),
            kernel: Kernel { shader: "conv2d", variant, entry, constants: BTreeMap::new() },
            bindings,
            shape: fields(&[
                ("batch", self.batch),
                ("height", self.height),
                ("width", self.width),
                ("channels", self.channels),
                ("kernel", self.kernel),
                ("stride", self.stride),
                ("top", self.top),
                ("rows", self.rows),
                ("left", left),
                ("columns", columns),
                ("x_start", x.start()),
                ("x_sequence", x.sequence()),
                ("dx_start", dx_start),
                ("dx_row", dx_row),
                ("dx_sequence", dx_sequence),
                ("kept_start", kept.start()),
                ("kept_sequence", kept.sequence()),
            ]),
            workgroups: owners.div_ceil(constant("WORKGROUP")),
            barriers: 0,
            flop: 0,
            bytes: 0,
        }
    }
}
