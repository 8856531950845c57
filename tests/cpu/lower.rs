//! The plans of a lowered model: how many launches they take, and that these fit every adapter.

use std::collections::BTreeSet;

use gpu_bearing::gpu::Launch;
use gpu_bearing::nn::Model;
use gpu_bearing::nn::adam::Adam;
use gpu_bearing::nn::lower::{Capacity, Lowering, lower};
use gpu_bearing::nn::variants::{ROWS, Row};

const CLASSES: usize = 6;

/// The launches of a training step of the default model.
fn training_step(row: &Row, batch: usize) -> Vec<Launch> {
    let capacity = Capacity { batch, windows: batch, order: batch, signal_parts: vec![4000] };
    let options =
        Lowering { variants: row.variants(), clip_norm: None, training: true, adam: Adam::default() };
    let lowered = lower(&Model::default_for(CLASSES).unwrap(), &capacity, &options).unwrap();
    [lowered.gradients.launches, lowered.update.launches].concat()
}

/// On a fast adapter a launch costs more than most kernels' work at batch 32.
#[test]
fn a_training_step_takes_few_launches() {
    for row in ROWS {
        let launches = training_step(row, 32).len();
        assert!(launches <= 40, "{}: {launches} launches, dropout included", row.name);
    }
}

/// Constants such as a tile's size are chosen when a model is lowered: here at small, usual and large batches.
#[test]
fn every_kernel_of_a_training_step_fits_the_default_limits() {
    for row in ROWS {
        for batch in [1, 32, 512] {
            for launch in training_step(row, batch) {
                let entry = launch.kernel.reflect().unwrap();
                let invocations: u32 = entry.workgroup_size.iter().product();
                let bytes = entry.workgroup_memory;
                assert!(invocations <= 256, "{} of '{}': {invocations}", launch.kernel, launch.label);
                assert!(bytes <= 16 << 10, "{} of '{}': {bytes} bytes", launch.kernel, launch.label);
            }
        }
    }
}

/// A large GPU has some hundred cores, and each wants a workgroup of its own at least.
#[test]
fn the_tiled_variant_fills_a_gpu() {
    let tiled = ROWS.iter().find(|row| row.name == "tiled").unwrap();
    let mut sizes = BTreeSet::new();
    for batch in [32, 512] {
        for launch in training_step(tiled, batch).iter().filter(|launch| launch.kernel.shader == "conv1d") {
            let [lanes @ .., _] = launch.kernel.reflect().unwrap().workgroup_size;
            sizes.insert(lanes);
            // A product this small is done before a second core could help.
            if launch.flop > 5_000_000 {
                let (kernel, groups) = (&launch.kernel, launch.workgroups);
                assert!(groups >= 24, "{kernel} of '{}': {groups} workgroups", launch.label);
            }
        }
    }
    assert!(sizes.contains(&[8, 8]) && sizes.contains(&[16, 16]), "{sizes:?}");
}
