//! The window gather: overlapping windows of two parts of a signal, full and short batches, a padded input.

use super::super::case::{Case, Setup, Values, wide, words};
use super::super::compare::Tolerance;
use super::super::gather::{self as twin, Window};
use crate::nn::gather;

pub(super) fn cases() -> Vec<Case> {
    [(1, 1, 1), (5, 5, 33), (7, 4, 64), (3, 1, 100), (2, 1, 600)]
        .into_iter()
        .flat_map(|(batch, rows, length)| {
            [(0, 0), (3, 5)].map(|padding| {
                let name = format!("n{batch} rows{rows} l{length} padding{}+{}", padding.0, padding.1);
                Case::new("gather.forward", "standard", name, move || random(batch, rows, length, padding))
            })
        })
        .collect()
}

fn random(batch: usize, rows: usize, length: usize, padding: (usize, usize)) -> Setup {
    const PARTS: usize = 2;
    const WINDOWS: usize = 11;
    const FIRST: usize = 4;
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
    let (x, labels) = twin::forward((FIRST, rows), (batch, length), &parts, &windows, &order);
    let table: Vec<u32> = windows
        .iter()
        .flat_map(|window| {
            let part_label = u32::from(window.part) << 16 | u32::from(window.label);
            [window.start, part_label, window.mean.to_bits(), window.scale.to_bits()]
        })
        .collect();
    let mut setup = Setup::default();
    let step = setup.step(&[FIRST as u32, rows as u32, 0, 0, 0, 0]);
    let table = setup.words("windows", &table);
    let order = setup.words("order", &order);
    let x = setup.output("x", (batch, length, 1), padding, (&x, Tolerance::PRODUCT));
    let labels_at = setup.arena.allocate("labels", batch);
    setup.leave(labels_at, &words(&labels), Tolerance::EXACT);
    for (part, samples) in signal.iter().enumerate() {
        let samples = setup.floats("signal", samples);
        setup.launch(gather::forward(step, (samples, part), (table, order), &x, labels_at));
    }
    setup
}
