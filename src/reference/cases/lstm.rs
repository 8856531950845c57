//! The walk of an LSTM, forward and back, with units around a workgroup's 256 and what the subgroup variants keep in
//! registers (4 a lane, 32 in all), and sequences around those that walk together.

use super::super::case::{Area, Case, Setup, Values, bits, floats, narrow, wide};
use super::super::compare::{Element, Tolerance};
use super::super::{conv1d, lstm as twin};
use crate::gpu::plan::Slice;
use crate::nn::Tensor;
use crate::nn::conv1d::Finish;
use crate::nn::gradient_sum::GradientSum;
use crate::nn::lstm::{Lstm, LstmBuffers};

/// (batch, steps, units), walked in reverse, sequences of several lengths.
const SIZES: &[((usize, usize, usize), bool, bool)] = &[
    ((1, 1, 1), false, false),
    ((2, 6, 1), false, false),
    ((5, 2, 3), false, false),
    ((2, 6, 3), true, false),
    ((5, 6, 16), false, true),
    ((5, 6, 16), true, true),
    ((2, 50, 32), false, false),
    ((2, 50, 32), true, true),
    ((3, 6, 100), false, true),
    ((1, 2, 100), true, false),
    ((2, 6, 300), false, false),
    ((2, 2, 300), true, true),
    ((9, 3, 4), false, true),
    ((5, 3, 8), true, true),
    ((3, 4, 12), false, true),
    ((3, 4, 28), true, true),
    ((17, 3, 40), false, true),
    ((18, 4, 64), true, true),
    ((2, 3, 136), false, true),
];

pub(super) fn cases() -> Vec<Case> {
    // What `subgroup` leaves to `subgroup_wide`, it takes by the sizes.
    ["standard", "subgroup"].into_iter().flat_map(cases_of).collect()
}

fn cases_of(variant: &'static str) -> Vec<Case> {
    let mut cases = Vec::new();
    for &((batch, steps, units), reverse, several) in SIZES {
        let shape = Lstm { batch, steps, channels: 1, units, reverse };
        let mut name = format!("n{batch} t{steps} h{units}");
        name += if reverse { " reverse" } else { "" };
        name += if several { " lengths" } else { "" };
        // 1, 2, ... steps, and the longest first.
        let length = move |n: usize| if several && n > 0 { n.min(steps) } else { steps } as u32;
        let lengths: Vec<u32> = (0..batch).map(length).collect();
        let walked = lengths.clone();
        cases.push(Case::new("lstm.forward", variant, &name, move || forward(variant, &shape, &walked)));
        for sequence in [true, false] {
            let name = format!("{name} {}", if sequence { "sequence" } else { "last" });
            let lengths = lengths.clone();
            cases.push(Case::new("lstm.backward", variant, name, move || {
                backward(variant, &shape, &lengths, sequence)
            }));
        }
        if shape.walk_projects(variant) {
            let walked = lengths.clone();
            cases.push(Case::new("lstm.forward_one_channel", variant, &name, move || {
                forward_one_channel(variant, &shape, &walked)
            }));
            for sequence in [true, false] {
                let name = format!("{name} {}", if sequence { "sequence" } else { "last" });
                let lengths = lengths.clone();
                cases.push(Case::new("lstm.backward_one_channel", variant, name, move || {
                    backward_one_channel(variant, &shape, &lengths, sequence)
                }));
            }
        }
    }
    cases
}

struct Inputs {
    gates: Vec<f32>,
    w: Vec<f32>,
    state: Vec<f32>,
    dy: Vec<f32>,
    dlast: Vec<f32>,
}

fn inputs(shape: &Lstm) -> Inputs {
    let Lstm { batch, steps, units, .. } = *shape;
    let mut values = Values::new((batch * steps * units) as u64);
    Inputs {
        gates: values.signed(batch * steps * 4 * units, 2.0),
        w: values.signed(4 * units * units, 2.0 / (units as f64).sqrt()),
        state: values.signed(2 * batch * units, 1.0),
        dy: values.signed(batch * steps * units, 1.0),
        dlast: values.signed(2 * batch * units, 1.0),
    }
}

/// What a walk over x (N, T, 1) takes for the gates.
struct OneChannel {
    x: Vec<f32>,
    w_ih: Vec<f32>,
    b: Vec<f32>,
}

fn one_channel(shape: &Lstm) -> OneChannel {
    let mut values = Values::new((shape.batch * shape.steps + shape.units) as u64);
    OneChannel {
        x: values.signed(shape.batch * shape.steps, 1.0),
        w_ih: values.signed(4 * shape.units, 1.0),
        b: values.signed(4 * shape.units, 1.0),
    }
}

/// Room that a tensor has around it, so that a kernel has to heed its place.
const AROUND: (usize, usize) = (1, 2);

fn forward(variant: &'static str, shape: &Lstm, lengths: &[u32]) -> Setup {
    let Inputs { gates, w, state, .. } = inputs(shape);
    let out = twin::forward(shape, &wide(&gates), &wide(&w), lengths, &wide(&state));
    let (mut setup, w, buffers) = prepare(shape, lengths, &w);
    setup.hold(&buffers.gates, &bits(&gates));
    let activated: Vec<Element> = out
        .gates
        .iter()
        .enumerate()
        .map(|(at, &value)| {
            if walked(shape, lengths, at / (4 * shape.units)) {
                Element::Float(value)
            } else {
                Element::Bits(gates[at].to_bits())
            }
        })
        .collect();
    setup.turn(&buffers.gates, &activated, Tolerance::CHAIN);
    leave_states(&mut setup, shape, lengths, &state, &buffers, &out);
    setup.launch(shape.forward(("case", variant), w, &buffers));
    setup
}

fn forward_one_channel(variant: &'static str, shape: &Lstm, lengths: &[u32]) -> Setup {
    let (Inputs { w, state, .. }, OneChannel { x, w_ih, b }) = (inputs(shape), one_channel(shape));
    let gates = conv1d::forward(&shape.projection(), &wide(&x), &wide(&w_ih), &wide(&b), false);
    let out = twin::forward(shape, &gates, &wide(&w), lengths, &wide(&state));
    let (mut setup, w, buffers) = prepare(shape, lengths, &w);
    let x = setup.input("x", (shape.batch, shape.steps, 1), AROUND, &x);
    let (w_ih, b) = (setup.floats("w_ih", &w_ih), setup.floats("b", &b));
    let places: Vec<usize> =
        (0..gates.len()).filter(|at| walked(shape, lengths, at / (4 * shape.units))).collect();
    let expected: Vec<f64> = places.iter().map(|&place| out.gates[place]).collect();
    setup.leave(Area::from(&buffers.gates).part(places), &floats(&expected), Tolerance::CHAIN);
    leave_states(&mut setup, shape, lengths, &state, &buffers, &out);
    setup.launch(shape.forward_one_channel(("case", variant), (&x, w_ih, b), w, &buffers));
    setup
}

/// What forward leaves besides the gates, from `state`.
fn leave_states(
    setup: &mut Setup,
    shape: &Lstm,
    lengths: &[u32],
    state: &[f32],
    buffers: &LstmBuffers,
    out: &twin::Forward,
) {
    setup.hold(buffers.state, &bits(state));
    setup.leave(buffers.last, &floats(&out.last), Tolerance::CHAIN);
    // Every step of h is written, past a sequence's end with zeros; of c only what backward reads.
    for (area, values, all) in [(h_rows(buffers), &out.h, true), (buffers.c.into(), &out.c, false)] {
        let places = written(shape, lengths, all);
        let expected: Vec<f64> = places.iter().map(|&place| values[place]).collect();
        setup.leave(area.part(places), &floats(&expected), Tolerance::CHAIN);
    }
}

fn backward(variant: &'static str, shape: &Lstm, lengths: &[u32], sequence: bool) -> Setup {
    let (mut setup, w, dy, buffers, _) = prepare_back(shape, lengths, sequence);
    setup.launch(shape.backward(("case", variant), w, dy.as_ref(), &buffers));
    setup
}

fn backward_one_channel(variant: &'static str, shape: &Lstm, lengths: &[u32], sequence: bool) -> Setup {
    let (mut setup, w, dy, buffers, dz) = prepare_back(shape, lengths, sequence);
    let OneChannel { x, .. } = one_channel(shape);
    let columns = 4 * shape.units;
    // An owner for each sequence, whose places are apart as gradient_sum has them.
    let mut sums = GradientSum::default();
    let [dw_ih, db] = [0, 1].map(|_| sums.add(0, columns, shape.batch));
    let partial = setup.arena.allocate("partial", sums.len());
    let [dw_ih, db] = [dw_ih, db].map(|(offset, len)| partial.part(offset, len));
    for n in 0..shape.batch {
        let sequence = Lstm { batch: 1, ..*shape };
        let (x, dz) = (&x[n * shape.steps..][..shape.steps], &dz[n * shape.steps * columns..]);
        let dz = &dz[..shape.steps * columns];
        let (dw, b) = conv1d::weight_gradient(&sequence.projection(), &wide(x), dz, 1).remove(0);
        for (owners, gradient) in [(dw_ih, dw), (db, b)] {
            let own = owners.part(n * (owners.len / shape.batch), columns);
            setup.leave(own, &floats(&gradient), Tolerance::CHAIN);
        }
    }
    let x = setup.input("x", (shape.batch, shape.steps, 1), AROUND, &x);
    let to = (&x, dw_ih, db);
    setup.launch(shape.backward_one_channel(("case", variant), to, w, dy.as_ref(), &buffers));
    setup
}

/// A walk back: the recurrent weights, dy and the buffers, which must hold what the twin makes of them; and the twin's
/// gradient of the gates.
fn prepare_back(
    shape: &Lstm,
    lengths: &[u32],
    sequence: bool,
) -> (Setup, Slice, Option<Tensor>, LstmBuffers, Vec<f64>) {
    let Inputs { gates, w, state, dy, dlast } = inputs(shape);
    let kept = twin::forward(shape, &wide(&gates), &wide(&w), lengths, &wide(&state));
    let (gates, c) = (narrow(&kept.gates), narrow(&kept.c));
    let (dz, dstate) = twin::backward(
        shape,
        &wide(&gates),
        &wide(&w),
        lengths,
        &wide(&c),
        sequence.then(|| wide(&dy)).as_deref(),
        &wide(&dlast),
    );
    let (mut setup, w, buffers) = prepare(shape, lengths, &w);
    setup.hold(&buffers.gates, &bits(&gates));
    setup.turn(&buffers.gates, &floats(&dz), Tolerance::CHAIN);
    setup.hold(buffers.c, &bits(&c));
    setup.hold(buffers.dlast, &bits(&dlast));
    setup.leave(buffers.dstate, &floats(&dstate), Tolerance::CHAIN);
    let dy = sequence.then(|| setup.input("dy", (shape.batch, shape.steps, shape.units), AROUND, &dy));
    (setup, w, dy, buffers, dz)
}

/// A layer's operands: x (N, T, C), W_ih (C, 4H), W_hh (H, 4H), b (4H), lengths (N), and (2, N, H) each the state
/// before the first step and the gradient of that after the last; dy (N, T, H) where the sequence is the output.
#[derive(Debug, Clone)]
#[allow(missing_docs, reason = "the names are the formulas'")]
pub struct LayerInputs {
    pub x: Vec<f32>,
    pub w_ih: Vec<f32>,
    pub w_hh: Vec<f32>,
    pub b: Vec<f32>,
    pub lengths: Vec<u32>,
    pub state: Vec<f32>,
    pub dy: Option<Vec<f32>>,
    pub dlast: Vec<f32>,
}

/// What a layer makes of them, in the same shapes.
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs, reason = "the names are the formulas'")]
pub struct LayerOutputs {
    pub y: Vec<f64>,
    pub last: Vec<f64>,
    pub dx: Vec<f64>,
    pub dw_ih: Vec<f64>,
    pub dw_hh: Vec<f64>,
    pub db: Vec<f64>,
    pub dstate: Vec<f64>,
}

/// What the twins make of a layer: the outputs, c (N, T + 2, H) and the gradient of the gates (N, T, 4H).
pub fn layer_twins(shape: &Lstm, inputs: &LayerInputs) -> (LayerOutputs, Vec<f64>, Vec<f64>) {
    let Lstm { batch, steps, units, .. } = *shape;
    let (x, w_ih, w_hh) = (wide(&inputs.x), wide(&inputs.w_ih), wide(&inputs.w_hh));
    let projection = shape.projection();
    let gates = conv1d::forward(&projection, &x, &w_ih, &wide(&inputs.b), false);
    let kept = twin::forward(shape, &gates, &w_hh, &inputs.lengths, &wide(&inputs.state));
    let dy = inputs.dy.as_deref().map(wide);
    let (dz, dstate) = twin::backward(
        shape,
        &kept.gates,
        &w_hh,
        &inputs.lengths,
        &kept.c,
        dy.as_deref(),
        &wide(&inputs.dlast),
    );
    let (dw_ih, db) = conv1d::weight_gradient(&projection, &x, &dz, 1).remove(0);
    let rows = |first: usize| -> Vec<f64> {
        let sequence = |n: usize| &kept.h[(n * (steps + 2) + first) * units..][..steps * units];
        (0..batch).flat_map(sequence).copied().collect()
    };
    let before = rows(if shape.reverse { 2 } else { 0 });
    let dw_hh = conv1d::weight_gradient(&shape.recurrence(), &before, &dz, 1).remove(0).0;
    let mut y = rows(1);
    for (place, y) in y.iter_mut().enumerate() {
        if !walked(shape, &inputs.lengths, place / units) {
            *y = 0.0;
        }
    }
    let dx = conv1d::input_gradient(&projection, &dz, &w_ih, None);
    (LayerOutputs { y, last: kept.last, dx, dw_ih, dw_hh, db, dstate }, kept.c, dz)
}

/// The launches of a whole layer, forward and back, that must make `outputs` of `inputs`; the variants of
/// its products and of its walk.
pub fn layer(
    (products, walk): (&'static str, &'static str),
    shape: &Lstm,
    inputs: &LayerInputs,
    outputs: &LayerOutputs,
) -> Setup {
    let (_, c, dz) = layer_twins(shape, inputs);
    let (mut setup, w_hh, buffers) = prepare(shape, &inputs.lengths, &inputs.w_hh);
    let sizes = (shape.batch, shape.steps, shape.channels);
    let x = setup.input("x", sizes, (0, 0), &inputs.x);
    let (w_ih, b) = (setup.floats("w_ih", &inputs.w_ih), setup.floats("b", &inputs.b));
    setup.hold(buffers.state, &bits(&inputs.state));
    setup.hold(buffers.dlast, &bits(&inputs.dlast));
    setup.leave(&buffers.gates, &floats(&dz), Tolerance::CHAIN);
    setup.leave(buffers.last, &floats(&outputs.last), Tolerance::CHAIN);
    setup.leave(buffers.dstate, &floats(&outputs.dstate), Tolerance::CHAIN);
    let places = written(shape, &inputs.lengths, false);
    let expected: Vec<f64> = places.iter().map(|&place| c[place]).collect();
    setup.leave(Area::from(buffers.c).part(places), &floats(&expected), Tolerance::CHAIN);
    setup.leave(&buffers.h, &floats(&outputs.y), Tolerance::CHAIN);
    // The initial state, which for a short reversed sequence stands where y would be zero.
    for n in 0..shape.batch {
        let row = n * (shape.steps + 2) + twin::before(shape, inputs.lengths[n] as usize);
        let area = h_rows(&buffers).part(row * shape.units..(row + 1) * shape.units);
        let state = &inputs.state[n * shape.units..][..shape.units];
        setup.leave(area, &floats(&wide(state)), Tolerance::CHAIN);
    }
    let dy =
        inputs.dy.as_ref().map(|dy| setup.input("dy", (shape.batch, shape.steps, shape.units), (0, 0), dy));
    let mut gradient = |name: &str, values: &[f64]| {
        let slice = setup.arena.allocate(name, values.len());
        setup.leave(slice, &floats(values), Tolerance::CHAIN);
        slice
    };
    let dw_ih = gradient("dw_ih", &outputs.dw_ih);
    let dw_hh = gradient("dw_hh", &outputs.dw_hh);
    let db = [gradient("db", &outputs.db), gradient("db of the recurrence", &outputs.db)];
    let dx = setup.output("dx", sizes, (0, 0), (&outputs.dx, Tolerance::CHAIN));
    let (projection, recurrence, name) = (shape.projection(), shape.recurrence(), ("case", products));
    let unwritten = setup.arena.allocate("unwritten", 1);
    setup.launch(projection.forward(name, (&x, w_ih, b), (&buffers.gates, unwritten), Finish::PLAIN));
    setup.launch(shape.forward(("case", walk), w_hh, &buffers));
    setup.launch(shape.backward(("case", walk), w_hh, dy.as_ref(), &buffers));
    setup.launch(projection.weight_gradient(name, (&x, 0), &buffers.gates, (dw_ih, db[0]), 1));
    let h = (&buffers.h, shape.previous());
    setup.launch(recurrence.weight_gradient(name, h, &buffers.gates, (dw_hh, db[1]), 1));
    setup.launch(projection.input_gradient(name, (&buffers.gates, w_ih), None, &dx));
    setup
}

/// Buffers of the layer, with more padding around h than the walk needs.
fn prepare(shape: &Lstm, lengths: &[u32], w: &[f32]) -> (Setup, Slice, LstmBuffers) {
    let mut setup = Setup::default();
    let w = setup.floats("w", w);
    let buffers = LstmBuffers::allocate(&mut setup.arena, "lstm", shape, (2, 3));
    setup.hold(buffers.lengths, lengths);
    (setup, w, buffers)
}

/// Whether row (n, t) lies before its sequence's end.
fn walked(shape: &Lstm, lengths: &[u32], row: usize) -> bool {
    row % shape.steps < lengths[row / shape.steps] as usize
}

/// Row r of sequence n of (N, T + 2, H) among the rows of h, which has more padding.
fn h_rows(buffers: &LstmBuffers) -> Area {
    let h = &buffers.h;
    let whole = Area::from(h.slice);
    let sequence = |n: usize| {
        let first = h.start() - h.channels + n * h.sequence();
        first..first + (h.length + 2) * h.channels
    };
    whole.part((0..h.batch).flat_map(sequence))
}

/// Elements of (N, T + 2, H) that forward writes: the initial state, and the steps, `all` or up to the end.
fn written(shape: &Lstm, lengths: &[u32], all: bool) -> Vec<usize> {
    let rows = shape.steps + 2;
    let is_written = |n: usize, row: usize| {
        let length = lengths[n] as usize;
        row == twin::before(shape, length) || (1..=if all { shape.steps } else { length }).contains(&row)
    };
    (0..shape.batch * rows * shape.units)
        .filter(|place| {
            let row = place / shape.units;
            is_written(row / rows, row % rows)
        })
        .collect()
}
