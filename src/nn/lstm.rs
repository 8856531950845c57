//! The recurrent part of an LSTM layer: `shaders/lstm.wgsl` and its variants. Its input projection is a
//! [`super::conv1d`], but where the walk [does it too](Lstm::walk_projects).

use std::collections::BTreeMap;

use super::conv1d::Conv1d;
use super::tensor::Tensor;
use crate::gpu::plan::{Arena, Binding, Kernel, Launch, Slice, fields_with};
use crate::gpu::shader::Shader;

/// The geometry of one LSTM layer over a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lstm {
    /// Sequences, N.
    pub batch: usize,
    /// Time steps, T.
    pub steps: usize,
    /// Input channels.
    pub channels: usize,
    /// Width of the hidden state, H.
    pub units: usize,
    /// Walk from the last step to the first.
    pub reverse: bool,
}

/// What forward leaves for backward, and the states at both ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LstmBuffers {
    /// (N, T, 4H): the input projection, then the activated gates, then the gradient of the projection.
    pub gates: Tensor,
    /// (N, T, H) with a row on each side for the initial state.
    pub h: Tensor,
    /// (N, T + 2, H), as h.
    pub c: Slice,
    /// (N): steps of each sequence, at most T.
    pub lengths: Slice,
    /// (2, N, H): h and c before the first step.
    pub state: Slice,
    /// (2, N, H): h and c after the last step.
    pub last: Slice,
    /// (2, N, H): gradient of `last`.
    pub dlast: Slice,
    /// (2, N, H): gradient of `state`.
    pub dstate: Slice,
}

/// Most units that fit WebGPU's 16 KiB of workgroup memory (backward: two generations of 4H gradients).
pub const LARGEST_UNITS: usize = 512;

/// Fields of the shape that only the entries for one channel use.
const ONE_CHANNEL_PLACES: [&str; 4] = ["x_start", "x_sequence", "d_sequence", "db_start"];

/// Invocations of a workgroup at most, WebGPU's default limit.
const LARGEST_WORKGROUP: usize = 256;

impl LstmBuffers {
    /// New buffers for one layer; `padding` is what the next layer reads around h.
    pub fn allocate(arena: &mut Arena, name: &str, lstm: &Lstm, padding: (usize, usize)) -> Self {
        let Lstm { batch, steps, units, .. } = *lstm;
        let states = 2 * batch * units;
        let gates = Tensor::allocate(arena, format!("{name}.gates"), (batch, steps, 4 * units), (0, 0));
        let around = (padding.0.max(1), padding.1.max(1));
        Self {
            gates,
            h: Tensor::allocate(arena, format!("{name}.h"), (batch, steps, units), around),
            c: arena.allocate(format!("{name}.c"), batch * (steps + 2) * units),
            lengths: arena.allocate_filled(format!("{name}.lengths"), batch, steps as u32),
            state: arena.allocate(format!("{name}.state"), states),
            last: arena.allocate(format!("{name}.last"), states),
            dlast: arena.allocate(format!("{name}.dlast"), states),
            dstate: arena.allocate(format!("{name}.dstate"), states),
        }
    }
}

impl Lstm {
    /// The product that projects the input onto the gates.
    pub fn projection(&self) -> Conv1d {
        Conv1d::dense((self.batch, self.steps, self.channels), 4 * self.units)
    }

    /// The product h * W_hh, of which only the weight gradient is launched: the walk computes it step by step.
    pub fn recurrence(&self) -> Conv1d {
        Conv1d::dense((self.batch, self.steps, self.units), 4 * self.units)
    }

    /// The step of h, counted from the step of dy, that meets it in the recurrent weights' gradient.
    pub fn previous(&self) -> isize {
        if self.reverse { 1 } else { -1 }
    }

    /// Whether `variant` walks and projects in one launch: `subgroup` does with an input of one channel, of which a step
    /// reads less than of its projection.
    pub fn walk_projects(&self, variant: &'static str) -> bool {
        self.channels == 1 && self.walk(variant).variant == "subgroup"
    }

    /// Walks the sequences; `buffers.gates` holds the input projection.
    pub fn forward(&self, name: (&str, &'static str), w: Slice, buffers: &LstmBuffers) -> Launch {
        self.launch(name, "forward", &buffers.h, None, Self::forward_bindings(w, buffers), &[])
    }

    /// Projects x (N, T, 1) by `w_ih` and `b`, and walks the sequences.
    pub fn forward_one_channel(
        &self,
        name: (&str, &'static str),
        (x, w_ih, b): (&Tensor, Slice, Slice),
        w: Slice,
        buffers: &LstmBuffers,
    ) -> Launch {
        let mut bindings = Self::forward_bindings(w, buffers);
        bindings.extend([
            ("x", Binding::Fixed(x.slice)),
            ("w_ih", Binding::Fixed(w_ih)),
            ("b", Binding::Fixed(b)),
        ]);
        let places = [("x_start", x.start()), ("x_sequence", x.sequence())];
        self.launch(name, "forward_one_channel", &buffers.h, None, bindings, &places)
    }

    fn forward_bindings(w: Slice, buffers: &LstmBuffers) -> Vec<(&'static str, Binding)> {
        vec![
            ("gates", Binding::Fixed(buffers.gates.slice)),
            ("w", Binding::Fixed(w)),
            ("lengths", Binding::Fixed(buffers.lengths)),
            ("state", Binding::Fixed(buffers.state)),
            ("h", Binding::Fixed(buffers.h.slice)),
            ("c", Binding::Fixed(buffers.c)),
            ("last", Binding::Fixed(buffers.last)),
        ]
    }

    /// Walks back; `dy` is the gradient of the whole sequence, without it only `buffers.dlast` counts.
    pub fn backward(
        &self,
        name: (&str, &'static str),
        w: Slice,
        dy: Option<&Tensor>,
        buffers: &LstmBuffers,
    ) -> Launch {
        self.launch(name, "backward", &buffers.h, dy, Self::backward_bindings(w, dy, buffers), &[])
    }

    /// Walks back; leaves also `dw_ih` and `db` from x (N, T, 1), cut among the sequences, whose sums stand
    /// `dw_ih.len / N` elements apart.
    ///
    /// # Panics
    /// If `db` does not stand behind `dw_ih` in one buffer, or is not as long.
    pub fn backward_one_channel(
        &self,
        name: (&str, &'static str),
        (x, dw_ih, db): (&Tensor, Slice, Slice),
        w: Slice,
        dy: Option<&Tensor>,
        buffers: &LstmBuffers,
    ) -> Launch {
        assert!(dw_ih.buffer == db.buffer && dw_ih.offset < db.offset && dw_ih.len == db.len);
        let db_start = db.offset - dw_ih.offset;
        let dprojection = Slice { len: db_start + db.len, ..dw_ih };
        let mut bindings = Self::backward_bindings(w, dy, buffers);
        bindings.extend([("x", Binding::Fixed(x.slice)), ("dprojection", Binding::Fixed(dprojection))]);
        let places = [
            ("x_start", x.start()),
            ("x_sequence", x.sequence()),
            ("d_sequence", dw_ih.len / self.batch),
            ("db_start", db_start),
        ];
        self.launch(name, "backward_one_channel", &buffers.h, dy, bindings, &places)
    }

    fn backward_bindings(
        w: Slice,
        dy: Option<&Tensor>,
        buffers: &LstmBuffers,
    ) -> Vec<(&'static str, Binding)> {
        // Every binding must be given: without dy it reads dlast a second time.
        vec![
            ("gates", Binding::Fixed(buffers.gates.slice)),
            ("w", Binding::Fixed(w)),
            ("lengths", Binding::Fixed(buffers.lengths)),
            ("c", Binding::Fixed(buffers.c)),
            ("dy", Binding::Fixed(dy.map_or(buffers.dlast, |dy| dy.slice))),
            ("dlast", Binding::Fixed(buffers.dlast)),
            ("dstate", Binding::Fixed(buffers.dstate)),
        ]
    }

    fn launch(
        &self,
        (label, variant): (&str, &'static str),
        entry: &'static str,
        h: &Tensor,
        dy: Option<&Tensor>,
        bindings: Vec<(&'static str, Binding)>,
        places: &[(&'static str, usize)],
    ) -> Launch {
        let walk = self.walk(variant);
        let mut shape = vec![
            ("batch", self.batch),
            ("steps", self.steps),
            ("h_start", h.start()),
            ("h_sequence", h.sequence()),
            ("dy_start", dy.map_or(0, Tensor::start)),
            ("dy_sequence", dy.map_or(0, Tensor::sequence)),
            ("has_dy", usize::from(dy.is_some())),
            ("reverse", usize::from(self.reverse)),
        ];
        shape.extend(places);
        let cells = (self.batch * self.steps * self.units) as u64;
        // A channel costs the projection, and its weights' gradient, as much as a unit costs the walk.
        let projected = u64::from(!places.is_empty());
        let moved = if entry == "forward_one_channel" { 6 } else { 10 };
        Launch {
            label: label.to_owned(),
            kernel: Kernel { shader: "lstm", variant: walk.variant, entry, constants: walk.constants },
            bindings,
            shape: fields_with(shape, &ONE_CHANNEL_PLACES),
            workgroups: self.batch.div_ceil(walk.sequences),
            barriers: walk.barriers,
            flop: 2 * cells * 4 * (self.units as u64 + projected),
            bytes: 4 * (cells * moved + (4 * self.units * self.units) as u64),
        }
    }

    /// How `variant` walks, or `standard` where that lacks the geometry.
    ///
    /// `subgroup` keeps the recurrent weights in registers; units that are too many it leaves to `subgroup_wide`.
    fn walk(&self, variant: &'static str) -> Walk {
        let units = ("UNITS", self.units as f64);
        let narrow = Shader::find("lstm", "subgroup");
        let wide = Shader::find("lstm", "subgroup_wide");
        let columns = narrow.constant("COLUMNS");
        let fits = self.units.is_multiple_of(columns) && self.units <= narrow.constant("LARGEST_UNITS");
        if variant == "subgroup" && fits {
            let lanes = (self.units / columns).next_power_of_two();
            let sequences = narrow.constant("WORKGROUP") / lanes;
            let constants = BTreeMap::from([units, ("LANES", lanes as f64)]);
            return Walk { variant, sequences, barriers: 0, constants };
        }
        if variant == "subgroup" && self.units.is_multiple_of(wide.constant("RUN")) {
            let (sequences, barriers) = (wide.constant("ROWS"), 2 * self.steps);
            return Walk { variant: wide.variant, sequences, barriers, constants: BTreeMap::from([units]) };
        }
        let workgroup = ("WORKGROUP", self.units.min(LARGEST_WORKGROUP) as f64);
        let constants = BTreeMap::from([units, workgroup]);
        Walk { variant: "standard", sequences: 1, barriers: self.steps, constants }
    }
}

/// How a workgroup walks through time.
struct Walk {
    variant: &'static str,
    /// Sequences of a workgroup.
    sequences: usize,
    barriers: usize,
    constants: BTreeMap<&'static str, f64>,
}
