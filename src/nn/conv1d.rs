//! Convolution, dense layers and input projections: `shaders/conv1d.wgsl`, every product of the network.

use std::collections::BTreeMap;

use super::model::Padding;
use super::tensor::Tensor;
use super::variants::for_runs;
use crate::gpu::plan::{Binding, Kernel, Launch, Slice, fields_with};
use crate::gpu::shader::Shader;

/// The geometry of one convolution over a batch.
///
/// A dense layer at every time step is one with kernel 1 and stride 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Conv1d {
    /// Sequences, N.
    pub batch: usize,
    /// Input steps, L.
    pub length: usize,
    /// Input channels.
    pub channels: usize,
    /// Output channels.
    pub filters: usize,
    /// Taps.
    pub kernel: usize,
    /// Input steps between two outputs.
    pub stride: usize,
    /// Zero rows before the first step.
    pub left: usize,
    /// Zero rows after the last step.
    pub right: usize,
    /// Output steps.
    pub steps: usize,
}

/// What forward does with its outputs before they leave the registers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Finish {
    /// Takes them through a ReLU.
    pub relu: bool,
    /// Then keeps the largest of each `pool` steps, as a max-pool: 1 keeps all, otherwise one of [`POOLS`].
    pub pool: usize,
    /// Keeps the places of the largest for backward.
    pub keep_position: bool,
}

impl Finish {
    /// Leaves the outputs as they are.
    pub const PLAIN: Self = Self { relu: false, pool: 1, keep_position: false };
}

/// Sizes of a max-pool that forward can finish with: in every variant a tile holds whole windows of them.
pub const POOLS: [usize; 3] = [2, 4, 8];

/// Weight-gradient sums are cut until this many tiles are at work, so that small layers fill an adapter too.
const TILES_WANTED: usize = 64;
/// As [`TILES_WANTED`] where a tile is a workgroup: a large GPU has about this many cores that each take one.
const WORKGROUPS_WANTED: usize = 128;

/// Most operations of a product that `small` takes, in well under a millisecond.
const SMALL: u64 = 1 << 17;

/// Fields of `shape` of which each launch uses some; the others say what is multiplied with what.
const PLACES: [&str; 13] = [
    "x_start",
    "x_sequence",
    "y_start",
    "y_sequence",
    "dx_start",
    "dx_sequence",
    "kept_start",
    "kept_sequence",
    "dy_start",
    "dy_sequence",
    "splits",
    "dw_split",
    "db_split",
];

/// Lanes of a workgroup of the tiled variant, down and across, the largest first: 256, 128 and 64.
const LANES: [(usize, usize); 3] = [(16, 16), (16, 8), (8, 8)];

/// Most lanes down: 12 KiB of workgroup memory, of the 16 that every adapter has.
const HIGHEST: usize = 32;

/// Fewest rows a cut of the weight-gradient sum is worth.
const ROWS_PER_SPLIT: usize = 64;

impl Conv1d {
    /// The geometry of `filters` filters of `kernel` taps over (batch, length, channels).
    pub fn new(
        (batch, length, channels): (usize, usize, usize),
        filters: usize,
        kernel: usize,
        stride: usize,
        padding: Padding,
    ) -> Self {
        let (left, right, steps) = padding.of(length, kernel, stride);
        Self { batch, length, channels, filters, kernel, stride, left, right, steps }
    }

    /// The geometry of a dense layer of `units` at every time step.
    pub fn dense(input: (usize, usize, usize), units: usize) -> Self {
        Self::new(input, units, 1, 1, Padding::Valid)
    }

    /// Rows of the weight matrix: taps times input channels.
    pub fn depth(&self) -> usize {
        self.kernel * self.channels
    }

    /// Zero rows that the input gradient reads around each sequence of dy.
    pub fn gradient_padding(&self) -> (usize, usize) {
        let before = |phase: usize| {
            let first_tap = (phase + self.left) % self.stride;
            let taps = (self.kernel + self.stride - 1 - first_tap) / self.stride;
            taps.saturating_sub(1 + (phase + self.left) / self.stride)
        };
        let positions = self.length.div_ceil(self.stride);
        let latest = positions - 1 + self.left.div_ceil(self.stride);
        ((0..self.stride).map(before).max().unwrap_or(0), (latest + 1).saturating_sub(self.steps))
    }

    /// The subgroup variant loads and stores whole runs. Where `lengths` and the places of `tensors` are none, it leaves
    /// small products to `small`, which is compiled in a fourth of the time of `standard`.
    fn variant(&self, variant: &'static str, lengths: &[usize], tensors: &[&Tensor]) -> &'static str {
        match variant {
            "subgroup" => match for_runs("conv1d", variant, lengths, tensors) {
                "standard" if self.flop() <= SMALL => "small",
                fitting => fitting,
            },
            variant => variant,
        }
    }

    /// What the subgroup variant must be told of the runs that it loads of x.
    fn shifted(&self, x: &Tensor) -> (&'static str, usize) {
        let start = x.start() - self.left * self.channels;
        let places = [start, x.sequence(), self.stride * self.channels, self.depth()];
        ("SHIFTED", usize::from(places.iter().any(|place| !place.is_multiple_of(run()))))
    }

    /// The tiles of the weight gradient.
    fn gradient_tiles(&self, variant: &'static str) -> Tiles {
        let mut tiles = Tiles::of(self.variant(variant, &[self.filters], &[]), self.depth(), self.filters);
        if tiles.variant == "subgroup" {
            // With fewer lanes side by side it takes more outputs a turn, not more rows; low tiles where high ones would
            // stand empty for an eighth or more.
            let depth = self.depth();
            let runs = match tiles.columns / Shader::find("conv1d", tiles.variant).constant("COLUMNS") {
                _ if depth <= run() => 1,
                8 if 8 * depth.next_multiple_of(8 * run()) <= 9 * depth.next_multiple_of(4 * run()) => 8,
                _ => 4,
            };
            tiles.rows = runs * run();
            // A high tile is the work of two.
            tiles.wanted = TILES_WANTED / (runs / 4).max(1);
            tiles.constants.push(("RUNS", runs));
        }
        tiles
    }

    /// Owners among which the weight gradient's sum over N * steps is cut.
    pub fn splits(&self, variant: &'static str) -> usize {
        let tiles = self.gradient_tiles(variant);
        let count = tiles.count(self.depth(), self.filters);
        splits(tiles.wanted, count, self.batch * self.steps)
    }

    /// y = x * w + b, then `finish`: with a pool (N, steps / pool, C_out), otherwise (N, steps, C_out).
    ///
    /// `position` is as large as y without padding if it is kept; otherwise nobody writes it, and it may be any
    /// buffer that the launch does not bind else.
    pub fn forward(
        &self,
        (label, variant): (&str, &'static str),
        (x, w, b): (&Tensor, Slice, Slice),
        (y, position): (&Tensor, Slice),
        finish: Finish,
    ) -> Launch {
        assert!(x.left >= self.left && x.right >= self.right, "{label}: x lacks padding");
        let Finish { relu, pool, keep_position } = finish;
        let used = Self { steps: self.steps / pool * pool, ..*self };
        let rows = self.batch * used.steps;
        let mut tiles = Tiles::of(self.variant(variant, &[self.filters], &[]), rows, self.filters);
        if tiles.variant == "subgroup" {
            tiles.constants.push(self.shifted(x));
        }
        let mut kernel = tiles.kernel("forward", relu);
        kernel.constants.insert("POOL", pool as f64);
        kernel.constants.insert("KEEP_POSITION", f64::from(u8::from(keep_position)));
        let mut shape = used.shape();
        shape.extend([
            ("x_start", x.start() - self.left * self.channels),
            ("x_sequence", x.sequence()),
            ("y_start", y.start()),
            ("y_sequence", y.sequence()),
        ]);
        let results = rows / pool * self.filters * if keep_position { 2 } else { 1 };
        Launch {
            label: label.to_owned(),
            kernel,
            bindings: vec![
                ("x", Binding::Fixed(x.slice)),
                ("w", Binding::Fixed(w)),
                ("b", Binding::Fixed(b)),
                ("y", Binding::Fixed(y.slice)),
                ("position", Binding::Fixed(position)),
            ],
            shape: complete(shape),
            workgroups: tiles.workgroups(tiles.count(rows, self.filters)),
            barriers: tiles.barriers(1, self.depth()) + tiles.pool_barriers(pool),
            flop: used.flop(),
            bytes: self.bytes(results),
        }
    }

    /// dx from dy; with `below` (the layer's input, where it comes out of a ReLU, and 1) also through that ReLU. A
    /// dropout may stand between: then its output and its factor 1 / (1 - rate).
    pub fn input_gradient(
        &self,
        (label, variant): (&str, &'static str),
        (dy, w): (&Tensor, Slice),
        below: Option<(&Tensor, f64)>,
        dx: &Tensor,
    ) -> Launch {
        let (left, right) = self.gradient_padding();
        assert!(dy.left >= left && dy.right >= right, "{label}: dy lacks padding");
        let rows = self.batch * self.length.div_ceil(self.stride);
        let (kept, scale) = below.unwrap_or((dy, 1.0));
        // dx and its mask stand as the layer below wrote them, perhaps of another number of channels.
        let variant = self.variant(variant, &[self.filters, self.channels], &[dx, kept]);
        let tiles = Tiles::of(variant, self.stride * rows, self.channels);
        let mut kernel = tiles.kernel("input_gradient", below.is_some());
        if scale != 1.0 {
            kernel.constants.insert("KEPT_SCALE", scale);
        }
        let mut shape = self.shape();
        shape.extend([
            ("dx_start", dx.start()),
            ("dx_sequence", dx.sequence()),
            ("kept_start", kept.start()),
            ("kept_sequence", kept.sequence()),
            ("dy_start", dy.start()),
            ("dy_sequence", dy.sequence()),
        ]);
        Launch {
            label: label.to_owned(),
            kernel,
            bindings: vec![
                ("dy", Binding::Fixed(dy.slice)),
                ("w", Binding::Fixed(w)),
                ("x_kept", Binding::Fixed(kept.slice)),
                ("dx", Binding::Fixed(dx.slice)),
            ],
            shape: complete(shape),
            workgroups: tiles.workgroups(self.stride * tiles.count(rows, self.channels)),
            barriers: tiles.barriers(self.kernel.div_ceil(self.stride), self.filters),
            flop: self.flop(),
            bytes: self.bytes(self.batch * self.steps * self.filters),
        }
    }

    /// dw and db from x and dy, cut among `splits` owners whose sums stand `dw.len / splits` elements apart.
    ///
    /// `first_step` shifts x against dy in time: the recurrent weights of an LSTM see h of the step before.
    pub fn weight_gradient(
        &self,
        (label, variant): (&str, &'static str),
        (x, first_step): (&Tensor, isize),
        dy: &Tensor,
        (dw, db): (Slice, Slice),
        splits: usize,
    ) -> Launch {
        let start = x.start() as isize + (first_step - self.left as isize) * self.channels as isize;
        assert!(start >= 0 && x.right >= self.right, "{label}: x lacks padding");
        let mut tiles = self.gradient_tiles(variant);
        if tiles.variant == "subgroup" {
            tiles.constants.push(self.shifted(x));
        }
        let mut shape = self.shape();
        shape.extend([
            ("x_start", start.unsigned_abs()),
            ("x_sequence", x.sequence()),
            ("dy_start", dy.start()),
            ("dy_sequence", dy.sequence()),
            ("splits", splits),
            ("dw_split", dw.len / splits),
            ("db_split", db.len / splits),
        ]);
        Launch {
            label: label.to_owned(),
            kernel: tiles.kernel("weight_gradient", false),
            bindings: vec![
                ("x", Binding::Fixed(x.slice)),
                ("dy", Binding::Fixed(dy.slice)),
                ("dw", Binding::Fixed(dw)),
                ("db", Binding::Fixed(db)),
            ],
            shape: complete(shape),
            workgroups: tiles.workgroups(splits * tiles.count(self.depth(), self.filters)),
            barriers: tiles.barriers(1, (self.batch * self.steps).div_ceil(splits)),
            flop: self.flop(),
            bytes: self.bytes(self.batch * self.steps * self.filters),
        }
    }

    fn shape(&self) -> Vec<(&'static str, usize)> {
        vec![
            ("batch", self.batch),
            ("length", self.length),
            ("steps", self.steps),
            ("depth", self.depth()),
            ("channels", self.channels),
            ("filters", self.filters),
            ("kernel", self.kernel),
            ("stride", self.stride),
            ("left", self.left),
            ("x_step", self.stride * self.channels),
        ]
    }

    /// Each of the three products takes a multiply-add for every output, tap and input channel.
    fn flop(&self) -> u64 {
        2 * (self.batch * self.steps * self.depth() * self.filters) as u64
    }

    /// Each of the three products touches an input, a weight and `outputs` elements of an output tensor once.
    fn bytes(&self, outputs: usize) -> u64 {
        let x = self.batch * self.length * self.channels;
        let w = self.depth() * self.filters;
        4 * (x + w + outputs) as u64
    }
}

/// The weight gradient and the input gradient of one product as one launch, whose outputs have the same bits; none
/// where the two are not of one product with one dy, their tiles are not equally wide, or their variant has no kernel
/// for both.
///
/// A software adapter waits for every launch before it begins the next, also for one that the next does not need.
pub fn gradients(weights: &Launch, input: &Launch) -> Option<Launch> {
    let entries = (weights.kernel.entry, input.kernel.entry);
    let dealt = |launch: &Launch| (launch.kernel.shader, launch.kernel.variant) == ("conv1d", "subgroup");
    if entries != ("weight_gradient", "input_gradient") || !dealt(weights) || !dealt(input) {
        return None;
    }
    let field = |launch: &Launch, name: &str| {
        launch.shape.iter().find(|(field, _)| *field == name).map(|&(_, value)| value)
    };
    let dy = |launch: &Launch| launch.bindings.iter().find(|(name, _)| *name == "dy").copied();
    let own_place = |name: &str| PLACES.contains(&name) && !name.starts_with("dy_");
    let one_product =
        weights.shape.iter().all(|&(name, value)| own_place(name) || field(input, name) == Some(value));
    let lanes = |launch: &Launch| launch.kernel.constants["LANES"];
    (one_product && dy(weights) == dy(input) && lanes(weights) == lanes(input)).then(|| {
        let mut both = input.clone();
        both.kernel.entry = "gradients";
        for (name, value) in &weights.kernel.constants {
            both.kernel.constants.entry(name).or_insert(*value);
        }
        both.bindings.extend(weights.bindings.iter().filter(|(name, _)| *name != "dy"));
        for (name, value) in &mut both.shape {
            if value.bits() == 0 {
                *value = field(weights, name).expect("shapes are complete");
            }
        }
        both.workgroups += weights.workgroups;
        both.flop += weights.flop;
        both.bytes += weights.bytes;
        both
    })
}

/// Owners of a sum over `rows`, so that with `tiles` tiles each about `wanted` are at work together.
pub(super) fn splits(wanted: usize, tiles: usize, rows: usize) -> usize {
    wanted.div_ceil(tiles).min((rows / ROWS_PER_SPLIT).max(1))
}

/// The fields of `shape`; those that a launch does not use are zero.
pub(super) fn complete(shape: Vec<(&'static str, usize)>) -> Vec<(&'static str, crate::gpu::Value)> {
    fields_with(shape, &PLACES)
}

/// How a variant cuts a matrix of outputs into tiles.
struct Tiles {
    variant: &'static str,
    rows: usize,
    columns: usize,
    per_workgroup: usize,
    /// Tiles that should be at work together.
    wanted: usize,
    /// Terms of a sum between two barriers, where operands are shared in workgroup memory.
    slice: Option<usize>,
    /// What the kernel must be told of them.
    constants: Vec<(&'static str, usize)>,
}

impl Tiles {
    /// The tiles for a matrix of `rows` x `columns`.
    fn of(variant: &'static str, rows: usize, columns: usize) -> Self {
        let file = Shader::find("conv1d", variant);
        let (height, width) = (file.constant("ROWS"), file.constant("COLUMNS"));
        match variant {
            "subgroup" => {
                let workgroup = file.constant("WORKGROUP");
                let lanes = if columns > width * workgroup / 2 { workgroup } else { workgroup / 2 };
                Self {
                    variant,
                    rows: height,
                    columns: lanes * width,
                    per_workgroup: 1,
                    wanted: TILES_WANTED,
                    slice: None,
                    constants: vec![("LANES", lanes)],
                }
            }
            "tiled" => {
                let of_lanes = |(down, across): (usize, usize)| {
                    // A narrow matrix takes higher tiles, up to what fits the workgroup's memory.
                    let needed = columns.div_ceil(width).next_power_of_two().clamp(2, across);
                    let down = (down * across / needed).min(HIGHEST);
                    Self {
                        variant,
                        rows: down * height,
                        columns: needed * width,
                        per_workgroup: 1,
                        wanted: WORKGROUPS_WANTED,
                        slice: Some(file.constant("SLICE")),
                        constants: vec![("DOWN", down), ("ACROSS", needed)],
                    }
                };
                // The larger a tile, the fewer loads a multiply-add; the more tiles, the more cores at work.
                let sizes = LANES.map(of_lanes);
                let place = sizes.iter().position(|tiles| tiles.count(rows, columns) >= WORKGROUPS_WANTED);
                sizes.into_iter().nth(place.unwrap_or(LANES.len() - 1)).expect("a place in the list")
            }
            _ => Self {
                variant,
                rows: height,
                columns: width,
                per_workgroup: file.constant("WORKGROUP"),
                wanted: TILES_WANTED,
                slice: None,
                constants: Vec::new(),
            },
        }
    }

    fn count(&self, rows: usize, columns: usize) -> usize {
        rows.div_ceil(self.rows) * columns.div_ceil(self.columns)
    }

    fn workgroups(&self, tiles: usize) -> usize {
        tiles.div_ceil(self.per_workgroup)
    }

    /// Barriers of `sums` of `terms` each at most: one a slice, and one before them.
    fn barriers(&self, sums: usize, terms: usize) -> usize {
        self.slice.map_or(0, |slice| 1 + sums * terms.div_ceil(slice))
    }

    /// Barriers around the exchange between two lanes that share a window of `pool` rows.
    fn pool_barriers(&self, pool: usize) -> usize {
        let own = Shader::find("conv1d", self.variant).constant("ROWS");
        if self.slice.is_some() && pool > own { 2 } else { 0 }
    }

    fn kernel(&self, entry: &'static str, relu: bool) -> Kernel {
        let mut constants = BTreeMap::from([("RELU", f64::from(u8::from(relu)))]);
        constants.extend(self.constants.iter().map(|&(name, value)| (name, value as f64)));
        Kernel { shader: "conv1d", variant: self.variant, entry, constants }
    }
}

/// Elements that the subgroup variant loads at once.
fn run() -> usize {
    Shader::find("conv1d", "subgroup").constant("RUN")
}
