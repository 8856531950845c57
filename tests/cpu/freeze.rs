//! What frozen layers cost: no gradient, and no place in Adam's update.

use gpu_bearing::gpu::Launch;
use gpu_bearing::nn::lower::Lowered;
use gpu_bearing::nn::variants::ROWS;
use gpu_bearing::nn::{Model, ParameterTable};

use crate::lower::{CLASSES, lowered_with};

/// All layers with parameters but the output layer.
const BODY: [&str; 8] = ["conv1", "conv2", "conv3", "conv4", "conv5", "dense1", "lstm1", "lstm2"];

fn step(lowered: &Lowered) -> Vec<&Launch> {
    [&lowered.gradients, &lowered.update].into_iter().flat_map(|plan| &plan.launches).collect()
}

/// What the launches of a layer compute, `gradients` both of a product's.
fn entries<'a>(launches: &[&'a Launch], label: &str) -> Vec<&'a str> {
    let computed = |launch: &&'a Launch| match launch.kernel.entry {
        "gradients" => vec!["weight_gradient", "input_gradient"],
        entry => vec![entry],
    };
    launches.iter().filter(|launch| launch.label == label).flat_map(computed).collect()
}

fn flop(launches: &[&Launch]) -> u64 {
    launches.iter().map(|launch| launch.flop).sum()
}

#[test]
fn only_the_output_layer_learns_at_the_cost_of_a_classification() {
    for row in ROWS {
        let (whole, lowered) = (
            lowered_with(row, "cnn-lstm", 32, &[]).unwrap(),
            lowered_with(row, "cnn-lstm", 32, &BODY).unwrap(),
        );
        let (whole, infer): (_, Vec<&Launch>) = (step(&whole), lowered.infer.launches.iter().collect());
        let launches = step(&lowered);
        for layer in BODY {
            let entries = entries(&launches, layer);
            assert!(entries.iter().all(|entry| *entry == "forward"), "{}: {layer}: {entries:?}", row.name);
        }
        assert_eq!(entries(&launches, "dropout"), [""; 0], "{}: dropout is off", row.name);
        // The classification's launches (the loss with its gradient), and the output layer's own.
        let more: Vec<&str> = launches[infer.len()..].iter().map(|launch| launch.kernel.entry).collect();
        assert!(
            more == ["weight_gradient", "update"] || more == ["weight_gradient", "sum", "update"],
            "{}: {more:?}",
            row.name
        );
        let [of_whole, of_frozen, of_infer] = [&whole, &launches, &infer].map(|launches| flop(launches));
        assert!(of_frozen < of_infer + of_infer / 100, "{}: {of_frozen}, {of_infer}", row.name);
        assert!(2 * of_frozen < of_whole, "{}: {of_frozen} of {of_whole}", row.name);
    }
}

#[test]
fn below_the_lowest_layer_that_learns_there_is_no_gradient() {
    for row in ROWS {
        let lowered = lowered_with(row, "cnn-lstm", 32, &["conv1", "conv2", "conv3"]).unwrap();
        let launches = step(&lowered);
        for layer in ["conv1", "conv2", "conv3"] {
            assert_eq!(entries(&launches, layer), ["forward"], "{}: {layer}", row.name);
        }
        let (lowest, above) = (entries(&launches, "conv4"), entries(&launches, "conv5"));
        assert!(lowest.contains(&"weight_gradient") && !lowest.contains(&"input_gradient"), "{lowest:?}");
        assert!(above.contains(&"weight_gradient") && above.contains(&"input_gradient"), "{above:?}");
        assert_eq!(entries(&launches, "dropout"), ["forward"], "{}: above conv4 it is on", row.name);
    }
}

#[test]
fn a_frozen_layer_in_the_middle_hands_the_gradient_on() {
    let model = Model::default_for(CLASSES).unwrap();
    let table = ParameterTable::new(&model).unwrap();
    for row in ROWS {
        let lowered = lowered_with(row, "cnn-lstm", 32, &["dense1", "lstm1"]).unwrap();
        let launches = step(&lowered);
        assert_eq!(entries(&launches, "dense1"), ["forward", "input_gradient"], "{}", row.name);
        assert!(!entries(&launches, "lstm1").contains(&"weight_gradient"), "{}", row.name);
        assert!(entries(&launches, "lstm1").contains(&"input_gradient"), "{}", row.name);
        // Adam goes over what lies before and what lies behind.
        let updates: Vec<_> = lowered.update.launches.iter().map(|launch| launch.bindings.clone()).collect();
        assert_eq!(updates.len(), 2, "{}", row.name);
        let runs = table.runs(|layer| layer != "dense1" && layer != "lstm1");
        let frozen = table.entry("dense1", "weight").offset..table.entry("lstm2", "weight_ih_l0").offset;
        assert_eq!(runs, [0..frozen.start, frozen.end..table.total_len()]);
    }
}

#[test]
fn nothing_left_to_learn_is_refused() {
    let frozen = [&BODY[..], &["logits"]].concat();
    let error = lowered_with(&ROWS[0], "cnn-lstm", 32, &frozen).unwrap_err().to_string();
    assert!(error.contains("model 'cnn-lstm'") && error.contains("freeze fewer"), "{error}");
}
