//! `cross-validate`: every way to divide the recordings.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::setup::{Test, Workshop, failure, success};

pub(crate) const TRIALS: &[Test] = &[
    ("a cross-validation runs each fold once, and its page shows what the runs have", every_split),
    ("a fold is the run that train makes of its options", one_fold),
    #[cfg(unix)]
    ("an interrupted cross-validation ends as one that was not", interrupted),
    ("a cross-validation refuses splits that are unknown or not possible, and options of its own", refused),
];

const SMALL: [&str; 8] = ["--data", "data", "--model", "model.toml", "--epochs", "2", "--bearing", "6205"];

fn every_split() {
    let workshop = Workshop::new();
    let command = [&["cross-validate", "--draws", "2", "--json"][..], &SMALL].concat();
    let figures: Value = serde_json::from_str(&success(workshop.run(&command))).unwrap();
    let folds = figures["folds"].as_array().unwrap();
    let of = |split: &str| folds.iter().filter(|fold| fold["rung"] == split).count();
    // Neither load nor fault size is known; three bearings in each of two classes make nine choices.
    assert_eq!(["bearing", "fault-size", "load", "recording", "time", "window"].map(of), [9, 0, 0, 2, 2, 2]);
    for fold in folds {
        let run = format!("cross-validation/folds/{}", fold["run"].as_str().unwrap());
        let summary = workshop.json(&format!("{run}/summary.json"));
        assert_eq!(fold["network"], summary["scores"]);
        assert_eq!(fold["baselines"], summary["baselines"]);
        assert_eq!(fold["held_out"], summary["held_out"]);
        assert_eq!(fold["windows"][2], summary["test"]["windows"]);
        assert_eq!(fold["leaky"], Value::Bool(fold["rung"] != "bearing" && fold["rung"] != "recording"));
        for classifier in ["forest", "logistic"] {
            assert!(fold["baselines"][classifier]["windows"]["balanced_accuracy"].as_f64().unwrap() > 0.4);
        }
    }
    let tested: BTreeSet<String> = folds.iter().map(|fold| fold["held_out"].to_string()).collect();
    assert_eq!(tested.len(), 9 + 1, "nine pairs of bearings, and nothing by name in the draws");

    let page = String::from_utf8(workshop.read("cross-validation/report/index.html")).unwrap();
    for part in
        ["bearing", "time; leaky", "window; leaky", "random forest", "normal 1, worn 2", "cross-validate"]
    {
        assert!(page.contains(part), "{part}");
    }
    assert_eq!(workshop.json("cross-validation/report/cross-validation.json"), figures);
    let csv = String::from_utf8(workshop.read("cross-validation/report/folds.csv")).unwrap();
    assert_eq!(csv.lines().count(), 1 + 3 * 15);

    // Nothing is left to run.
    let again: Value = serde_json::from_str(&success(workshop.run(&command))).unwrap();
    assert_eq!(again, figures);
    // Another number of epochs is another cross-validation.
    let error = failure(workshop.run(&[&command[..], &["--seed", "1"]].concat()), 2);
    assert!(error.contains("choose another folder with --out"), "{error}");
}

fn one_fold() {
    let workshop = Workshop::new();
    success(workshop.run(&[&["cross-validate", "bearing", "--windows", "5"][..], &SMALL].concat()));
    let fold = ["--epochs", "2", "--bearing", "6205", "--windows", "5"];
    let split = ["--split", "bearing", "--holdout", "normal 2,worn 1"];
    let printed = workshop.train("alone", &[&fold[..], &split].concat());
    assert!(printed.contains("tested   normal 2, worn 1"), "{printed}");
    workshop.assert_same_run("alone", "cross-validation/folds/bearing-04");
}

#[cfg(unix)]
fn interrupted() {
    let workshop = Workshop::new();
    let long = [
        &["cross-validate", "time", "--draws", "2", "--epochs", "60", "--patience", "0", "--jobs", "1"][..],
        &SMALL[..4],
    ];
    let command = [&long.concat()[..], &["--out", "parts"]].concat();
    success(workshop.run(&[&long.concat()[..], &["--out", "whole"]].concat()));
    let mut child = workshop.command(&command);
    let mut child = child.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.as_mut().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().starts_with("  1/2")), "the first fold ends");
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let error = failure(child.wait_with_output().unwrap(), 1);
    assert!(error.contains("interrupted in time-02 (epoch "), "{error}");
    assert!(error.contains(": 1 of 2 folds are finished; go on with: "), "{error}");
    assert!(error.contains("cross-validate time --draws 2"), "{error}");
    assert!(!workshop.path("parts/report").exists());
    success(workshop.run(&command));
    for fold in ["time-01", "time-02"] {
        workshop.assert_same_run(&format!("whole/folds/{fold}"), &format!("parts/folds/{fold}"));
    }
}

fn refused() {
    let workshop = Workshop::new();
    let error = |more: &[&str]| failure(workshop.run(&[&["cross-validate"][..], more, &SMALL].concat()), 2);
    let message = error(&["loads"]);
    assert!(message.contains("bearing, fault-size, load, load-pairs, recording, time, window"), "{message}");
    let message = error(&["load"]);
    assert!(message.contains("--split load: the load of normal/normal 1/a.wav is not known"), "{message}");
    let message = error(&["--split", "time", "--holdout", "3"]);
    assert!(message.contains("leave out --holdout, --split"), "{message}");
    assert!(!workshop.path("cross-validation").exists());

    // Of several at a time, the fold that fails is named, and there is no page.
    let far = ["time", "--draws", "3", "--jobs", "2", "--learning-rate", "1e38", "--out", "far"];
    let message = failure(workshop.run(&[&["cross-validate"][..], &far, &SMALL].concat()), 1);
    assert!(message.contains("error: time-0") && message.contains("the loss is not finite"), "{message}");
    assert!(!workshop.path("far/report").exists());
}
