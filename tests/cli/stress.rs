//! `stress`: a trained model on recordings that get worse.

use serde_json::Value;

use crate::setup::{Test, Workshop, success};

pub(crate) const TRIALS: &[Test] = &[
    ("stress begins with eval's figures and leaves its files", files),
    ("stress is the same for the same seed", seeds),
    ("stress of gain changes nothing where each window is scaled by itself", gain),
];

fn trained(more: &[&str]) -> Workshop {
    let workshop = Workshop::new();
    workshop.train("run", &[&["--epochs", "3", "--learning-rate", "0.01", "--batch", "8"], more].concat());
    workshop
}

fn stress(workshop: &Workshop, more: &[&str]) -> Value {
    serde_json::from_str(&success(workshop.run(&[&["stress", "run", "--json"], more].concat()))).unwrap()
}

fn curve<'a>(stress: &'a Value, name: &str) -> &'a Vec<Value> {
    let curves = stress["curves"].as_array().unwrap();
    curves.iter().find(|curve| curve["perturbation"] == name).unwrap()["points"].as_array().unwrap()
}

fn files() {
    let workshop = trained(&[]);
    let eval: Value = serde_json::from_str(&success(workshop.run(&["eval", "run", "--json"]))).unwrap();
    let stress = stress(&workshop, &[]);
    for (key, value) in eval.as_object().unwrap() {
        assert_eq!(stress[key], *value, "{key}");
    }
    let names: Vec<&Value> =
        stress["curves"].as_array().unwrap().iter().map(|curve| &curve["perturbation"]).collect();
    assert_eq!(names, ["white noise", "pink noise", "low-pass noise", "gain", "clock error"]);
    for name in ["gain", "clock error"] {
        let unchanged = curve(&stress, name).iter().find(|point| point["level"] == 0.0).unwrap();
        assert_eq!(unchanged["figures"], eval["test"], "{name}");
    }
    // Two tones in noise of ten times their power.
    let loss = |point: &Value| point["figures"]["loss"].as_f64().unwrap();
    let noisy = curve(&stress, "white noise");
    assert!(loss(&noisy[0]) > 1.5 * loss(noisy.last().unwrap()), "{noisy:?}");

    let kept = workshop.json("run/stress/stress.json");
    assert_eq!(kept["curves"], stress["curves"]);
    let svg = String::from_utf8(workshop.read("run/stress/stress.svg")).unwrap();
    assert!(svg.contains("(split by bearing)") && svg.contains("clock error"), "{svg}");
    let table = success(workshop.run(&["stress", "run", "--out", "elsewhere"]));
    assert_eq!(table.matches("(split by bearing)").count(), 1 + names.len(), "{table}");
    assert_eq!(workshop.json("elsewhere/stress.json"), kept);
}

fn seeds() {
    let workshop = trained(&[]);
    let [first, again, other] =
        ["4", "4", "5"].map(|seed| stress(&workshop, &["--seed", seed, "--out", "out"])["curves"].clone());
    assert_eq!(first, again);
    assert_ne!(first, other);
}

fn gain() {
    let workshop = trained(&["--scale", "window"]);
    let stress = stress(&workshop, &[]);
    for point in curve(&stress, "gain") {
        let (figures, clean) = (&point["figures"], &stress["test"]);
        assert_eq!(figures["accuracy"], clean["accuracy"], "{point}");
        // Samples are rounded once more.
        let loss = |figures: &Value| figures["loss"].as_f64().unwrap();
        assert!((loss(figures) - loss(clean)).abs() < 1e-5, "{point}");
    }
}
