//! `explain`: which samples decided.

use serde_json::Value;

use crate::setup::{RATE, Test, Workshop, failure, signal, success, write_wav};

pub(crate) const TRIALS: &[Test] = &[
    ("explain gives attributions that add up to the margin, and draws them", adds_up),
    ("explain gives nothing to samples that are as the baseline", baseline),
    ("explain refuses a window that is not there", no_window),
];

fn trained(more: &[&str]) -> Workshop {
    let workshop = Workshop::new();
    workshop.train("run", &[&["--epochs", "3", "--learning-rate", "0.01", "--batch", "8"], more].concat());
    workshop
}

fn explain(workshop: &Workshop, file: &str, more: &[&str]) -> Value {
    let output = workshop.run(&[&["explain", "run", file, "--json"], more].concat());
    serde_json::from_str(&success(output)).unwrap()
}

fn attributions(explained: &Value) -> Vec<f64> {
    explained["attributions"].as_array().unwrap().iter().map(|a| a.as_f64().unwrap()).collect()
}

fn adds_up() {
    let workshop = trained(&[]);
    let file = "data/worn/worn 1/a.wav";
    let predicted: Value =
        serde_json::from_str(&success(workshop.run(&["predict", "run", "--json", file]))).unwrap();
    let windows = predicted["recordings"][0]["windows"].as_array().unwrap();
    for number in [1, 9] {
        let explained =
            explain(&workshop, file, &["--window", &number.to_string(), "--out", "a.svg", "--steps", "1024"]);
        assert_eq!(explained["start"], 64 * (number - 1));
        let window = &windows[number - 1];
        assert_eq!(explained["class"], window["condition"]);
        let probabilities: Vec<f64> =
            window["probabilities"].as_array().unwrap().iter().map(|p| p.as_f64().unwrap()).collect();
        let margin = (probabilities[0] / probabilities[1]).ln().abs();
        let close = |a: &Value, b: f64| (a.as_f64().unwrap() - b).abs() < 1e-3 * b.abs() + 1e-4;
        assert!(close(&explained["margin"], margin), "{explained} of {margin}");
        let values = attributions(&explained);
        assert_eq!(values.len(), 64);
        let difference =
            explained["margin"].as_f64().unwrap() - explained["baseline_margin"].as_f64().unwrap();
        // Midpoints miss where in a step a ReLU or a maximum changes sides.
        let sum: f64 = values.iter().sum();
        assert!((sum - difference).abs() < 0.02 * difference.abs() + 2e-3, "{sum} of {difference}");
    }
    let svg = String::from_utf8(workshop.read("a.svg")).unwrap();
    assert!(svg.contains("worn over normal by a margin of") && svg.contains("time in the window"), "{svg}");
    assert!(svg.contains("31 windows in a row") && !svg.contains("BPFO"), "{svg}");
    let machine = ["--bearing", "6205", "--rpm", "1800", "--out", "b.svg", "--steps", "16"];
    let explained = explain(&workshop, file, &machine);
    assert_eq!(explained["rhythm"]["windows"], 31);
    let [of_attribution, of_signal] =
        ["attribution", "signal"].map(|of| explained["rhythm"][of]["amplitudes"].as_array().unwrap().len());
    assert!(of_attribution == of_signal && of_signal > 100, "{of_signal}");
    assert!(String::from_utf8(workshop.read("b.svg")).unwrap().contains(">BPFO</text>"));
    let most = explain(&workshop, file, &[]);
    let number = most["window"].as_u64().unwrap();
    assert!(workshop.path(&format!("a-window-{number}.svg")).is_file());
    let every = (1..=windows.len()).map(|number| {
        let probabilities = windows[number - 1]["probabilities"].as_array().unwrap();
        (probabilities[0].as_f64().unwrap() / probabilities[1].as_f64().unwrap()).ln().abs()
    });
    assert!((every.fold(0.0, f64::max) - most["margin"].as_f64().unwrap()).abs() < 1e-2, "{most}");
}

/// Silence with a stretch of the worn tone in the second window: where nothing is scaled, silence is the baseline.
fn baseline() {
    let workshop = trained(&["--scale", "none"]);
    let mut samples = vec![0.0; 128];
    samples[88..104].copy_from_slice(&signal(16, 0.64));
    write_wav(&workshop.path("stretch.wav"), RATE, &samples);
    let values = attributions(&explain(&workshop, "stretch.wav", &["--window", "2"]));
    let counted = |range: std::ops::Range<usize>| values[range].iter().filter(|a| **a != 0.0).count();
    // A maximum may have been elsewhere.
    assert!(counted(24..40) > 8, "{values:?}");
    assert_eq!(counted(0..64), counted(24..40), "{values:?}");
}

fn no_window() {
    let workshop = trained(&[]);
    let error = failure(workshop.run(&["explain", "run", "data/worn/worn 1/a.wav", "--window", "32"]), 2);
    assert!(error.contains("--window 32") && error.contains("windows 1 to 31"), "{error}");
}
