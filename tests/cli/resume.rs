//! `train --resume`: a run that was stopped ends as one that was not.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use gpu_bearing::nn::Checkpoint;
use gpu_bearing::shell::word;

use crate::setup::{MODEL, Test, Workshop, failure, success};

pub(crate) const TRIALS: &[Test] = &[
    #[cfg(unix)]
    ("a run interrupted in mid-epoch and resumed is bit-equal to one that was not", interrupted),
    #[cfg(unix)]
    ("so is one with every training option", interrupted_with_options),
    ("a plateau is counted on, bit-equal", plateau),
    #[cfg(unix)]
    ("a run that was killed is resumed from its last epoch's end, bit-equal", killed),
    ("a finished run is trained on with more epochs, bit-equal", more_epochs),
    ("resuming refuses other options, a finished run and changed recordings", refused),
    ("resuming names the model where that has changed", other_model),
    ("a refused resume writes nothing", finished),
    ("a run without a complete epoch has no kept model, and says so", before_first_step),
];

/// Batches of one window make an epoch long enough to be interrupted in.
const LONG: [&str; 8] = ["--epochs", "3", "--batch", "1", "--stride", "4", "--seed", "3"];

/// All that changes a training step.
const OPTIONS: [&str; 16] = [
    "--schedule",
    "cosine",
    "--warmup",
    "0.5",
    "--weight-decay",
    "0.01",
    "--label-smoothing",
    "0.1",
    "--class-weights",
    "1,2",
    "--augment-gain",
    "0.2",
    "--augment-shift",
    "20",
    "--augment-noise",
    "10",
];

/// Begins a run and waits for the end of its first epoch.
#[cfg(unix)]
fn begin(workshop: &Workshop, out: &str, more: &[&str]) -> Child {
    let arguments =
        [&["train", "--data", "data", "--model", "model.toml", "--out", out], &LONG[..], more].concat();
    let mut child =
        workshop.command(&arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.as_mut().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().starts_with("epoch 1/3")), "the first epoch ends");
    child
}

#[cfg(unix)]
fn interrupted() {
    in_mid_epoch(&[]);
}

#[cfg(unix)]
fn interrupted_with_options() {
    in_mid_epoch(&OPTIONS);
}

#[cfg(unix)]
fn in_mid_epoch(more: &[&str]) {
    let workshop = Workshop::new();
    workshop.train("whole", &[&LONG[..], more].concat());
    let child = begin(&workshop, "parts", more);
    std::thread::sleep(std::time::Duration::from_millis(150));
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let error = failure(child.wait_with_output().unwrap(), 1);
    assert!(error.contains("interrupted in epoch"), "{error}");
    assert!(!error.contains("after 0 steps"), "not in mid-epoch: {error}");
    // As this test has called it, not as it is installed.
    let program = assert_cmd::cargo::cargo_bin("gpu-bearing");
    let command = format!("go on with: {} train --resume parts", word(&program));
    assert!(error.contains(&command), "{error}");
    success(workshop.run(&["train", "--resume", "parts"]));
    workshop.assert_same_run("whole", "parts");
}

#[cfg(unix)]
fn killed() {
    let workshop = Workshop::new();
    workshop.train("whole", &LONG);
    let mut child = begin(&workshop, "parts", &[]);
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(!workshop.path("parts/summary.json").exists());
    success(workshop.run(&["train", "--resume", "parts"]));
    workshop.assert_same_run("whole", "parts");
}

fn plateau() {
    let workshop = Workshop::new();
    // So small a step leaves the loss as it is, so that every epoch but the first stalls.
    let options = ["--schedule", "plateau", "--schedule-epochs", "2", "--learning-rate", "1e-30"];
    let train =
        |out: &str, epochs: &str| workshop.train(out, &[&options[..], &["--epochs", epochs]].concat());
    train("whole", "6");
    // One epoch has stalled.
    train("parts", "2");
    success(workshop.run(&["train", "--resume", "parts", "--epochs", "6"]));
    workshop.assert_same_run("whole", "parts");
    let rates: Vec<f64> =
        workshop.metrics("parts").iter().map(|epoch| epoch["learning_rate"].as_f64().unwrap()).collect();
    let expected = [1e-30, 1e-30, 1e-30, 1e-31, 1e-31, 1e-32];
    assert!(rates.iter().zip(expected).all(|(a, b)| (a / b - 1.0).abs() < 1e-12), "{rates:?}");
}

fn more_epochs() {
    let workshop = Workshop::new();
    workshop.train("whole", &["--epochs", "3", "--patience", "0"]);
    workshop.train("parts", &["--epochs", "2", "--patience", "0"]);
    success(workshop.run(&["train", "--resume", "parts", "--epochs", "3"]));
    workshop.assert_same_run("whole", "parts");
}

fn refused() {
    let workshop = Workshop::new();
    workshop.train("run", &["--epochs", "1"]);
    let error = failure(workshop.run(&["train", "--resume", "run", "--batch", "4", "--scale", "none"]), 2);
    assert!(error.contains("leave out --batch, --scale"), "{error}");
    let error = failure(workshop.run(&["train", "--resume", "run"]), 2);
    assert!(error.contains("the run is finished, 1 of 1 epochs"), "{error}");
    let error = failure(workshop.run(&["train", "--resume", "run", "--out", "other"]), 2);
    assert!(error.contains("cannot be used with"), "{error}");
    let file = workshop.path("data/worn/worn 1/a.wav");
    crate::setup::write_wav(&file, crate::setup::RATE, &crate::setup::signal(2000, 0.7));
    let error = failure(workshop.run(&["train", "--resume", "run", "--epochs", "2"]), 2);
    assert!(error.contains("the recordings are no longer what the run was started with"), "{error}");
    assert!(workshop.path("run/summary.json").exists());
}

fn other_model() {
    let workshop = Workshop::new();
    workshop.train("run", &["--epochs", "1"]);
    fs::write(workshop.path("model.toml"), MODEL.replace("filters = 4", "filters = 5")).unwrap();
    let error = failure(workshop.run(&["train", "--resume", "run", "--epochs", "2"]), 2);
    assert!(error.contains("run: the model is no longer what the run was started with"), "{error}");
}

fn finished() {
    let workshop = Workshop::new();
    workshop.train("run", &["--epochs", "1"]);
    fs::remove_file(workshop.path("run/model.safetensors")).unwrap();
    let before = workshop.read("run/config.toml");
    failure(workshop.run(&["train", "--resume", "run"]), 2);
    assert!(!workshop.path("run/model.safetensors").exists(), "the refusal has written nothing");
    assert_eq!(workshop.read("run/config.toml"), before);
    assert!(workshop.path("run/summary.json").exists());
}

/// A run that was interrupted before its first step has no kept model, and gets none by being resumed.
fn before_first_step() {
    let workshop = Workshop::new();
    workshop.train("my run", &["--epochs", "1"]);
    let last = workshop.path("my run/last.safetensors");
    let mut checkpoint = Checkpoint::load(&last).unwrap();
    let state = checkpoint.training.as_mut().unwrap();
    (state.epoch, state.step_in_epoch, state.optimizer_steps) = (0, 0, 0);
    state.trainer["best"] = serde_json::Value::Null;
    checkpoint.save(&last).unwrap();
    for file in ["model.safetensors", "summary.json", "metrics.jsonl"] {
        fs::remove_file(workshop.path("my run").join(file)).unwrap();
    }
    // So large a step that the first epoch does not end well.
    let config = String::from_utf8(workshop.read("my run/config.toml")).unwrap();
    fs::write(workshop.path("my run/config.toml"), config.replace("0.001", "1e38")).unwrap();
    let error = failure(workshop.run(&["train", "--resume", "my run"]), 1);
    assert!(error.contains("epoch 1: the loss is not finite"), "{error}");
    let predict = ["predict", "my run", "data/worn/worn 1/a.wav"];
    let error = failure(workshop.run(&predict), 2);
    assert!(error.contains("my run: the run has no kept model yet"), "{error}");
    #[cfg(unix)]
    assert!(error.contains("go on with `train --resume 'my run'`"), "{error}");

    fs::remove_file(last).unwrap();
    let error = failure(workshop.run(&predict), 2);
    assert!(error.contains("no kept model yet") && error.contains("start again with"), "{error}");
    let error = failure(workshop.run(&["train", "--resume", "my run"]), 2);
    assert!(error.contains("no last.safetensors to go on from: start again with"), "{error}");
}
