//! `tune`: the fastest variant is kept for the adapter, and later commands use it.

use std::fs;

use crate::setup::{Test, Workshop, failure, success};

pub(crate) const TRIALS: &[Test] = &[
    ("tune keeps the fastest variant, devices shows it, --reset forgets it", kept),
    ("train uses what tune has kept, --variant goes before it, and resuming keeps the run's", used),
    ("a tune file that cannot be used is named with its remedy", unusable),
];

const TUNE: [&str; 6] = ["tune", "--model", "model.toml", "--repeats", "1", "--json"];

fn device(workshop: &Workshop) -> (String, bool) {
    let devices = success(workshop.run(&["devices", "--json"]));
    let devices: serde_json::Value = serde_json::from_str(&devices).unwrap();
    (devices[0]["variant"].as_str().unwrap().to_owned(), devices[0]["tuned"].as_bool().unwrap())
}

/// Tunes, then changes the choice to one that the table does not make for this adapter; returns that.
fn keep_another(workshop: &Workshop) -> String {
    let (table, _) = device(workshop);
    let other = if table == "standard" { "tiled" } else { "standard" };
    success(workshop.run(&TUNE));
    let text = String::from_utf8(workshop.read("tune.toml")).unwrap();
    let kept = text.lines().find(|line| line.starts_with("variant = ")).unwrap();
    fs::write(workshop.path("tune.toml"), text.replace(kept, &format!("variant = \"{other}\""))).unwrap();
    other.to_owned()
}

fn conv1d(workshop: &Workshop, run: &str) -> String {
    workshop.json(&format!("{run}/summary.json"))["variants"]["conv1d"].as_str().unwrap().to_owned()
}

fn kept() {
    let workshop = Workshop::new();
    let (table, tuned) = device(&workshop);
    assert!(!tuned);
    let report: serde_json::Value = serde_json::from_str(&success(workshop.run(&TUNE))).unwrap();
    let variants = report["variants"].as_array().unwrap();
    assert_eq!(report["kept"], variants[0]["variant"]);
    assert!(variants.iter().any(|row| row["variant"] == table.as_str()), "{variants:?}");
    let ms: Vec<f64> = variants.iter().map(|row| row["ms"].as_f64().unwrap()).collect();
    assert!(ms.is_sorted() && ms[0] > 0.0, "{ms:?}");
    assert_eq!(device(&workshop), (report["kept"].as_str().unwrap().to_owned(), true));
    // Tuning again replaces the choice.
    success(workshop.run(&TUNE));
    let text = String::from_utf8(workshop.read("tune.toml")).unwrap();
    assert_eq!(text.matches("[[adapter]]").count(), 1, "{text}");
    assert!(success(workshop.run(&["tune", "--reset"])).contains("tune.toml"));
    assert_eq!(device(&workshop), (table, false));
    assert_eq!(success(workshop.run(&["tune", "--reset"])), "nothing was kept\n");
}

fn used() {
    let workshop = Workshop::new();
    let (table, _) = device(&workshop);
    let other = keep_another(&workshop);
    workshop.train("kept", &["--epochs", "1"]);
    assert_eq!(conv1d(&workshop, "kept"), other);
    workshop.train("forced", &["--epochs", "1", "--variant", &table]);
    assert_eq!(conv1d(&workshop, "forced"), table);
    success(workshop.run(&["tune", "--reset"]));
    success(workshop.run(&["train", "--resume", "kept", "--epochs", "2"]));
    assert_eq!(conv1d(&workshop, "kept"), other);
    let notes = workshop.json("kept/summary.json")["notes"].to_string();
    assert!(!notes.contains("resumed after"), "the same adapter and variants: {notes}");
}

fn unusable() {
    let workshop = Workshop::new();
    workshop.train("run", &["--epochs", "1"]);
    keep_another(&workshop);
    let text = String::from_utf8(workshop.read("tune.toml")).unwrap();
    let variant = text.lines().find(|line| line.starts_with("variant = ")).unwrap();
    let train = ["train", "--data", "data", "--model", "model.toml", "--out", "new"];
    for (broken, message) in [
        (text.replace("[[adapter]]", "[[adapter]"), "tune.toml:4: "),
        (text.replace("driver = ", "diver = "), "tune.toml:6: "),
        (text.replace(variant, "variant = \"magic\""), "tune.toml: variant 'magic' cannot be had on "),
    ] {
        fs::write(workshop.path("tune.toml"), broken).unwrap();
        let error = failure(workshop.run(&train), 2);
        assert!(error.contains(message) && error.contains("tune --reset"), "{error}");
        assert!(!workshop.path("new").exists(), "nothing is begun");
    }
    // A run has variants of its own.
    success(workshop.run(&["train", "--resume", "run", "--epochs", "2"]));
    success(workshop.run(&["tune", "--reset"]));
    workshop.train("new", &["--epochs", "1"]);
}
