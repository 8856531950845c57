//! The window gather: overlapping windows of two parts of a signal, full and short batches, a padded input; as they
//! are, moved, scaled and noisy.

use super::super::case::{Case, Setup, Values, wide, words};
use super::super::compare::Tolerance;
use super::super::gather::{self as twin, Augmented, Play, Window};
use crate::nn::gather::{self, Augmentation};

/// Gain, whether windows move, signal-to-noise ratio in dB.
type Changes = (f64, bool, Option<f64>);

/// Noise of up to a deviation of 6 times a gain of up to 1.5, with a logarithm that may be wrong by 2^-21 where it is
/// nearly 0 (which gives a radius of 1e-3) and a cosine by 2^-11: WGSL allows these. Other draws differ by some 1.
const NOISE: Tolerance = Tolerance { absolute: 3e-2, relative: 1e-5 };

pub(super) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (batch, rows, length) in [(1, 1, 1), (5, 5, 33), (7, 4, 64), (3, 1, 100), (2, 1, 600)] {
        for padding in [(0, 0), (3, 5)] {
            let name = format!("n{batch} rows{rows} l{length} padding{}+{}", padding.0, padding.1);
            let mut case = |name: String, changes: Option<Changes>| {
                let make = move || random(batch, rows, length, padding, changes);
                cases.push(Case::new("gather.forward", "standard", name, make));
            };
            case(name.clone(), None);
            case(format!("{name} gain"), Some((0.5, false, None)));
            case(format!("{name} shift"), Some((0.0, true, None)));
            case(format!("{name} noise"), Some((0.0, false, Some(-3.0))));
            case(format!("{name} gain shift noise"), Some((0.25, true, Some(0.0))));
        }
    }
    cases
}

fn random(
    batch: usize,
    rows: usize,
    length: usize,
    padding: (usize, usize),
    changes: Option<Changes>,
) -> Setup {
    const PARTS: usize = 2;
    const WINDOWS: usize = 11;
    const FIRST: usize = 4;
    // Both words are in use.
    const COUNTER: u64 = (3 << 32) + 11;
    let mut values = Values::new(length as u64);
    let signal: Vec<Vec<f32>> = (0..PARTS).map(|part| values.signed(3 * length + part, 5.0)).collect();
    let starts = values.below(WINDOWS, 2 * length as u32);
    let scaling = values.signed(2 * WINDOWS, 2.0);
    let windows: Vec<Window> = (0..WINDOWS)
        .map(|index| Window {
            start: starts[index],
            part: (index % PARTS) as u16,
            // Labels use all of their 16 bits.
            label: (index * 6000) as u16,
            mean: scaling[index],
            scale: scaling[WINDOWS + index],
        })
        .collect();
    let order = values.below(FIRST + batch, WINDOWS as u32);
    let parts: Vec<Vec<f64>> = signal.iter().map(|part| wide(part)).collect();
    // A window may move to both ends of its part.
    let play = |window: &Window| Play {
        back: window.start as u16,
        on: (parts[usize::from(window.part)].len() - length - window.start as usize) as u16,
        rms: 1.0 + window.mean.abs(),
    };
    let mut plays: Vec<Play> = windows.iter().map(play).collect();
    let augmentation = changes.map(|(gain, moves, noise)| {
        if !moves {
            plays.iter_mut().for_each(|play| (play.back, play.on) = (0, 0));
        }
        Augmentation { gain, noise, reach: Vec::new() }
    });
    let augmented = changes.map(|(gain, _, noise)| Augmented {
        counter: COUNTER,
        gain,
        noise: noise.map_or(0.0, |ratio| 10_f64.powf(-ratio / 20.0)),
        plays: &plays,
    });
    let (x, labels) =
        twin::forward((FIRST, rows), (batch, length), &parts, &windows, &order, augmented.as_ref());
    let table: Vec<u32> = windows
        .iter()
        .flat_map(|window| {
            let part_label = u32::from(window.part) << 16 | u32::from(window.label);
            [window.start, part_label, window.mean.to_bits(), window.scale.to_bits()]
        })
        .collect();
    let mut setup = Setup::default();
    let step = setup.step(&[FIRST as u32, rows as u32, COUNTER as u32, (COUNTER >> 32) as u32]);
    let table = setup.words("windows", &table);
    let order = setup.words("order", &order);
    let noisy = changes.is_some_and(|(.., noise)| noise.is_some());
    let tolerance = if noisy { NOISE } else { Tolerance::PRODUCT };
    let x = setup.output("x", (batch, length, 1), padding, (&x, tolerance));
    let labels_at = setup.arena.allocate("labels", batch);
    setup.leave(labels_at, &words(&labels), Tolerance::EXACT);
    let augmented = augmentation.as_ref().map(|augmentation| {
        let words = |play: &Play| [u32::from(play.back) << 16 | u32::from(play.on), play.rms.to_bits()];
        (augmentation, setup.words("plays", &plays.iter().flat_map(words).collect::<Vec<_>>()))
    });
    for (part, samples) in signal.iter().enumerate() {
        let samples = setup.floats("signal", samples);
        setup.launch(gather::forward(step, (samples, part), (table, order), &x, labels_at, augmented));
    }
    setup
}
