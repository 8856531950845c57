//! The plans of a lowered model: how many launches they take, and that these fit every adapter.

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
        let most = if row.name == "subgroup" { 45 } else { 43 };
        let launches = training_step(row, 32).len();
        assert!(launches <= most, "{}: {launches} launches, dropout included", row.name);
    }
}
