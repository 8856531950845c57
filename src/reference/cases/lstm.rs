//! The walk of an LSTM, forward and back, with units below, at and above a workgroup's 256.

use super::super::case::{Area, Case, Setup, Values, bits, floats, narrow, wide};
use super::super::compare::{Element, Tolerance};
use super::super::lstm as twin;
use crate::gpu::plan::Slice;
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
];

pub(super) fn cases() -> Vec<Case> {
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
        cases.push(Case::new("lstm.forward", "standard", &name, move || forward(&shape, &walked)));
        for sequence in [true, false] {
            let name = format!("{name} {}", if sequence { "sequence" } else { "last" });
            let lengths = lengths.clone();
            cases.push(Case::new("lstm.backward", "standard", name, move || {
                backward(&shape, &lengths, sequence)
            }));
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

fn forward(shape: &Lstm, lengths: &[u32]) -> Setup {
    let Inputs { gates, w, state, .. } = inputs(shape);
    let out = twin::forward(shape, &wide(&gates), &wide(&w), lengths, &wide(&state));
    let (mut setup, w, buffers) = prepare(shape, lengths, &w);
    setup.hold(buffers.state, &bits(&state));
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
    setup.leave(buffers.last, &floats(&out.last), Tolerance::CHAIN);
    // Every step of h is written, past a sequence's end with zeros; of c only what backward reads.
    for (area, values, all) in [(h_rows(&buffers), &out.h, true), (buffers.c.into(), &out.c, false)] {
        let places = written(shape, lengths, all);
        let expected: Vec<f64> = places.iter().map(|&place| values[place]).collect();
        setup.leave(area.part(places), &floats(&expected), Tolerance::CHAIN);
    }
    setup.launch(shape.forward("case", w, &buffers));
    setup
}

fn backward(shape: &Lstm, lengths: &[u32], sequence: bool) -> Setup {
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
    let dy = sequence.then(|| setup.input("dy", (shape.batch, shape.steps, shape.units), (1, 2), &dy));
    setup.launch(shape.backward("case", w, dy.as_ref(), &buffers));
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
