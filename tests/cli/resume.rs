//! `train --resume`: a run that was stopped ends as one that was not.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use crate::setup::{Test, Workshop, failure, success};

pub(crate) const TRIALS: &[Test] = &[
    #[cfg(unix)]
    ("a run interrupted in mid-epoch and resumed is bit-equal to one that was not", interrupted),
    #[cfg(unix)]
    ("a run that was killed is resumed from its last epoch's end, bit-equal", killed),
    ("a finished run is trained on with more epochs, bit-equal", more_epochs),
    ("resuming refuses other options, a finished run and changed recordings", refused),
];

/// Batches of one window make an epoch long enough to be interrupted in.
const LONG: [&str; 8] = ["--epochs", "3", "--batch", "1", "--stride", "4", "--seed", "3"];

/// Begins a run and waits for the end of its first epoch.
#[cfg(unix)]
fn begin(workshop: &Workshop, out: &str) -> Child {
    let arguments = [&["train", "--data", "data", "--model", "model.toml", "--out", out], &LONG[..]].concat();
    let mut child =
        workshop.command(&arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.as_mut().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().starts_with("epoch 1/3")), "the first epoch ends");
    child
}

#[cfg(unix)]
fn interrupted() {
    let workshop = Workshop::new();
    workshop.train("whole", &LONG);
    let child = begin(&workshop, "parts");
    std::thread::sleep(std::time::Duration::from_millis(150));
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let error = failure(child.wait_with_output().unwrap(), 1);
    assert!(error.contains("interrupted in epoch"), "{error}");
    assert!(!error.contains("after 0 steps"), "not in mid-epoch: {error}");
    assert!(error.contains("go on with: gpu-bearing train --resume parts"), "{error}");
    success(workshop.run(&["train", "--resume", "parts"]));
    workshop.assert_same_run("whole", "parts");
}

#[cfg(unix)]
fn killed() {
    let workshop = Workshop::new();
    workshop.train("whole", &LONG);
    let mut child = begin(&workshop, "parts");
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(!workshop.path("parts/summary.json").exists());
    success(workshop.run(&["train", "--resume", "parts"]));
    workshop.assert_same_run("whole", "parts");
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
    assert!(error.contains("no longer those that the run was started with"), "{error}");
    assert!(workshop.path("run/summary.json").exists());
}
