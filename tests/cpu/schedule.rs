//! Learning-rate schedules against PyTorch's, and what `--resume` relies on.

use gpu_bearing::train::{LearningRate, Schedule};

use crate::goldens;

/// Of make.py's `schedules`.
const BASE: LearningRate = LearningRate {
    base: 0.01,
    schedule: Schedule::Constant,
    period: 1,
    factor: 0.5,
    least: 0.0,
    warmup: 0.0,
    epochs: 12,
};

#[test]
fn schedules_are_pytorchs() {
    let golden: serde_json::Value = serde_json::from_slice(&goldens::read("schedules.json")).unwrap();
    let list = |name: &str| -> Vec<f64> {
        golden[name].as_array().unwrap().iter().map(|value| value.as_f64().unwrap()).collect()
    };
    let losses = list("plateau_losses");
    let step = LearningRate { schedule: Schedule::Step, period: 3, ..BASE };
    let cosine = LearningRate { schedule: Schedule::Cosine, least: 1e-4, ..BASE };
    let plateau = LearningRate { schedule: Schedule::Plateau, period: 2, least: 4e-3, ..BASE };
    for (name, rate) in [
        ("step", step),
        ("cosine", cosine),
        ("plateau", plateau),
        ("warm_step", LearningRate { warmup: 2.0, ..step }),
        ("warm_cosine", LearningRate { warmup: 2.0, ..cosine }),
    ] {
        let expected = list(name);
        let actual: Vec<f64> = (0..12).flat_map(|epoch| rate.of_epoch(epoch, 5, &losses[..epoch])).collect();
        assert_eq!(actual.len(), expected.len());
        for (batch, (actual, expected)) in actual.iter().zip(&expected).enumerate() {
            // PyTorch multiplies step by step.
            let same = (actual - expected).abs() <= 1e-12 * expected;
            assert!(same, "{name}, batch {batch}: {actual} instead of {expected}");
        }
    }
}

#[test]
fn a_constant_rate_is_the_same_number_throughout() {
    for epoch in [0, 1, 1000] {
        assert_eq!(BASE.of_epoch(epoch, 3, &[1.0, 2.0, 3.0]), [0.01; 3]);
    }
}

#[test]
fn a_warmup_may_end_in_mid_epoch() {
    let rate = LearningRate { warmup: 1.5, ..BASE };
    let rates = [rate.of_epoch(0, 4, &[]), rate.of_epoch(1, 4, &[])].concat();
    for (batch, (actual, share)) in rates.iter().zip([1, 2, 3, 4, 5, 6, 6, 6]).enumerate() {
        assert!((actual - 0.01 * f64::from(share) / 6.0).abs() < 1e-17, "batch {batch}: {actual}");
    }
}

#[test]
fn losses_of_the_warmup_are_no_plateau() {
    let rate = LearningRate { schedule: Schedule::Plateau, warmup: 2.0, ..BASE };
    assert_eq!(rate.of_epoch(2, 1, &[1.0, 2.0]), [0.01]);
    assert_eq!(rate.of_epoch(4, 1, &[1.0, 2.0, 3.0, 4.0]), [0.005]);
}
