//! Adam, gradient clipping and the sum of partial gradients.

use super::super::adam::{self as adam_twin, Moments};
use super::super::case::{Case, Setup, Values, bits, floats, narrow, wide};
use super::super::compare::Tolerance;
use super::super::{gradient_norm as norm_twin, gradient_sum as sum_twin};
use super::variants;
use crate::gpu::Binding;
use crate::gpu::plan::{ALIGNMENT, aligned};
use crate::nn::adam::{self, Adam, State};
use crate::nn::gradient_sum::GradientSum;

pub(super) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (count, step) in [(1, 1), (75, 1), (200, 2), (1000, 100_000)] {
        for (clip, weight_decay, words) in [
            (None, 0.0, ""),
            (Some(0.25), 0.0, " clip"),
            (None, 0.1, " decay"),
            (Some(0.25), 0.1, " clip decay"),
        ] {
            for variant in variants("adam") {
                let name = format!("n{count} step{step}{words}");
                let make = move || random_update(variant, count, step, clip, weight_decay);
                cases.push(Case::new("adam.update", variant, name, make));
            }
        }
    }
    // Below and above the number of owners of the squares, within the limit and beyond it.
    for (count, limit) in [(1, 10.0), (75, 1.0), (5001, 1.0), (5001, 1000.0)] {
        let name = format!("n{count} limit{limit}");
        for (kernel, entry) in [("gradient_norm.squares", "squares"), ("gradient_norm.scale", "scale")] {
            cases.push(Case::new(kernel, "standard", &name, move || {
                let g = Values::new(3).signed(count, 1.0);
                let clip = norm_twin::scale(&norm_twin::squares(&wide(&g), 1), limit);
                clipping(&g, limit, clip, Some(entry))
            }));
        }
    }
    cases.push(Case::new("gradient_sum.sum", "standard", "tensors of 1, 64, 65 and 130", || {
        sums(&[(1, 2), (64, 1), (65, 7), (130, 3)])
    }));
    cases.push(Case::new("gradient_sum.sum", "standard", "one tensor of 1000", || sums(&[(1000, 64)])));
    cases
}

/// Of a block that decays and one that does not, in turn.
fn random_update(variant: &'static str, count: usize, t: u64, clip: Option<f32>, weight_decay: f64) -> Setup {
    let mut values = Values::new(t);
    let (g, p) = (values.signed(count, 1.0), values.signed(count, 0.1));
    // Moments are zero before the first step.
    let scale = if t == 1 { 0.0 } else { 1.0 };
    let m = values.signed(count, 0.5 * scale);
    let v: Vec<f32> = values.signed(count, 0.4).iter().map(|v| (v + 0.5) * scale as f32).collect();
    let before = Moments { p: wide(&p), m: wide(&m), v: wide(&v) };
    let mut after = before.clone();
    let adam = Adam { weight_decay, ..Adam::default() };
    let decays: Vec<bool> = (0..count.div_ceil(ALIGNMENT)).map(|block| block % 2 == 0).collect();
    let (factor, decaying) = (clip.map_or(1.0, f64::from), |i: usize| decays[i / ALIGNMENT]);
    adam_twin::update(&adam, t, 1e-3, &wide(&g), factor, decaying, &mut after);
    update((&adam, variant), (t, 1e-3), &g, clip, &decays, [&p, &m, &v], &after)
}

/// The launch that must turn parameters and moments into `after`, where blocks that are in `decays` do; behind them stand zeros up to a multiple of 4, as
/// in the flat buffers of a network.
pub fn update(
    (adam, variant): (&Adam, &'static str),
    (t, learning_rate): (u64, f64),
    g: &[f32],
    clip: Option<f32>,
    decays: &[bool],
    [p, m, v]: [&[f32]; 3],
    after: &Moments,
) -> Setup {
    let mut setup = Setup::default();
    let (step_size, second_scale) = adam.corrections(t, learning_rate);
    let decay = learning_rate * adam.weight_decay;
    let [step_size, second_scale, decay] =
        [step_size, second_scale, decay].map(|value| (value as f32).to_bits());
    let step = setup.step(&[0, 0, 0, 0, step_size, second_scale, decay]);
    let whole = g.len().next_multiple_of(4);
    // Where parameters decay, these are not the first.
    let first = if adam.weight_decay == 0.0 { 0 } else { ALIGNMENT };
    let filled = |values: &[f32]| [&vec![1.0; first], values, &vec![0.0; whole - values.len()]].concat();
    let g = setup.floats("g", &filled(g)).part(first, whole);
    let clip = clip.map(|factor| setup.floats("clip", &[factor, f32::NAN]));
    let turned = |setup: &mut Setup, name, before: &[f32], after: &[f64]| {
        let slice = setup.floats(name, &filled(before)).part(first, whole);
        let after = [after, &vec![0.0; whole - after.len()]].concat();
        setup.turn(slice, &floats(&after), Tolerance::UPDATE);
        slice
    };
    let p = turned(&mut setup, "p", p, &after.p);
    let m = turned(&mut setup, "m", m, &after.m);
    let v = turned(&mut setup, "v", v, &after.v);
    let decays = (adam.weight_decay != 0.0).then(|| {
        let numbers = decays.iter().map(|decays| f32::from(u8::from(*decays)));
        setup.floats("decays", &std::iter::once(f32::NAN).chain(numbers).collect::<Vec<_>>())
    });
    setup.launch(adam.update(variant, step, &State { p, g, m, v }, clip, decays));
    setup
}

/// The launches that must turn gradients into squares, one an owner, and these into `clip`: factor and norm.
/// With `only` one of the two, the other's part being given.
pub fn clipping(g: &[f32], limit: f64, clip: [f64; 2], only: Option<&str>) -> Setup {
    let mut setup = Setup::default();
    let slice = setup.floats("g", g);
    let (launches, clip_slice) = adam::clip(&mut setup.arena, slice, limit);
    let launches = launches.into_iter().filter(|launch| only.is_none_or(|only| only == launch.kernel.entry));
    for launch in launches {
        for (name, binding) in &launch.bindings {
            let Binding::Fixed(bound) = *binding else { continue };
            let squares = || norm_twin::squares(&wide(g), bound.len);
            match *name {
                "squares_out" => setup.leave(bound, &floats(&squares()), Tolerance::PRODUCT),
                "squares_in" if only.is_some() => setup.hold(bound, &bits(&narrow(&squares()))),
                _ => {}
            }
        }
        if launch.kernel.entry == "scale" {
            setup.leave(clip_slice, &floats(&clip), Tolerance::PRODUCT);
        }
        setup.launch(launch);
    }
    setup
}

/// Tensors of so many gradients, each cut among so many owners, with a block between two that is nobody's.
fn sums(tensors: &[(usize, usize)]) -> Setup {
    let mut setup = Setup::default();
    let mut sum = GradientSum::default();
    let mut offset = 0;
    let mut places = Vec::new();
    for &(len, splits) in tensors {
        places.push((offset, sum.add(offset, len, splits).0));
        offset += aligned(len) + aligned(1);
    }
    let (table, partial) = sum.allocate(&mut setup.arena);
    let g = setup.arena.allocate("g", offset);
    setup.hold(table, &sum.table());
    let mut values = Values::new(4);
    for (&(len, splits), (offset, first)) in tensors.iter().zip(places) {
        let stride = aligned(len);
        let mut owned = values.signed(splits * stride, 1.0);
        for owner in owned.chunks_mut(stride) {
            owner[len..].fill(0.0);
        }
        setup.hold(partial.part(first, splits * stride), &bits(&owned));
        // Whole blocks are summed: what follows a tensor's last element is a sum of zeros.
        let total = sum_twin::sum(&wide(&owned), stride, splits, stride);
        setup.leave(g.part(offset, stride), &floats(&total), Tolerance::PRODUCT);
    }
    setup.launch(sum.launch(table, partial, g));
    setup
}
