//! `eval` and `predict`: a trained model at work.

use std::fs;
use std::io::Write;
use std::process::Stdio;

use gpu_bearing::nn::Checkpoint;
use serde_json::Value;

use crate::setup::{RATE, Test, Workshop, failure, signal, success, write_wav};

pub(crate) const TRIALS: &[Test] = &[
    ("eval of a run on its own data gives its summary's test figures", own_data),
    ("eval recognises recordings by content under other names", by_content),
    ("eval scores all windows of new recordings and of --all, and says what leaks", new_and_all),
    ("eval refuses what the model does not know", unknown),
    ("predict gives a line a recording", lines),
    ("predict --json has every window", every_window),
    ("predict reads standard input and skips bad files where asked", standard_input),
    ("predict resamples to the model's rate", other_rate),
    ("predict takes recordings as they are where the model was trained so", as_they_are),
];

fn trained() -> Workshop {
    let workshop = Workshop::new();
    workshop.train("run", &["--epochs", "3", "--learning-rate", "0.01", "--batch", "8"]);
    workshop
}

fn eval(workshop: &Workshop, more: &[&str]) -> Value {
    let output = workshop.run(&[&["eval", "run", "--json"], more].concat());
    serde_json::from_str(&success(output)).unwrap()
}

fn own_data() {
    let workshop = trained();
    let summary = workshop.json("run/summary.json");
    for data in [&[][..], &["--data", "data"]] {
        let evaluation = eval(&workshop, data);
        assert_eq!(evaluation["test"], summary["test"]);
        assert_eq!(evaluation["confusion"], summary["confusion"]);
        assert_eq!(evaluation["left_out"], 2 * 62);
        assert_eq!(evaluation["split"], "split by bearing");
    }
}

fn by_content() {
    let workshop = trained();
    fs::rename(workshop.path("data/worn"), workshop.path("elsewhere")).unwrap();
    fs::create_dir_all(workshop.path("moved/worn")).unwrap();
    fs::create_dir_all(workshop.path("moved/normal")).unwrap();
    for bearing in 1..=3 {
        let from = workshop.path(&format!("elsewhere/worn {bearing}/a.wav"));
        fs::copy(from, workshop.path(&format!("moved/worn/{bearing} renamed.wav"))).unwrap();
        let from = workshop.path(&format!("data/normal/normal {bearing}/a.wav"));
        fs::copy(from, workshop.path(&format!("moved/normal/{bearing} renamed.wav"))).unwrap();
    }
    let evaluation = eval(&workshop, &["--data", "moved"]);
    assert_eq!(evaluation["left_out"], 2 * 62);
    assert_eq!(evaluation["test"]["windows"], 62);
}

fn new_and_all() {
    let workshop = trained();
    let folder = workshop.path("new/worn/worn 9");
    fs::create_dir_all(&folder).unwrap();
    write_wav(&folder.join("a.wav"), RATE, &signal(1000, 0.61));
    let evaluation = eval(&workshop, &["--data", "new"]);
    assert_eq!(
        (evaluation["test"]["windows"].as_u64(), evaluation["left_out"].as_u64()),
        (Some(15), Some(0))
    );
    assert_eq!((&evaluation["split"], &evaluation["leaky"]), (&"new recordings".into(), &false.into()));

    // Another recording of a bearing that was learned from.
    let split = String::from_utf8(workshop.read("run/split.csv")).unwrap();
    let row = split.lines().find(|row| row.contains(",train,worn")).unwrap();
    let bearing = row.split(',').nth(2).unwrap();
    fs::rename(&folder, workshop.path(&format!("new/worn/{bearing}"))).unwrap();
    let evaluation = eval(&workshop, &["--data", "new"]);
    assert_eq!(evaluation["leaky"], true);
    assert!(evaluation["notes"][0].as_str().unwrap().contains("learned from the bearing of"), "{evaluation}");

    let evaluation = eval(&workshop, &["--all"]);
    assert_eq!(evaluation["test"]["windows"], 3 * 62);
    assert_eq!((&evaluation["split"], &evaluation["leaky"]), (&"all windows".into(), &true.into()));
}

fn unknown() {
    let workshop = trained();
    fs::create_dir_all(workshop.path("new/cracked")).unwrap();
    write_wav(&workshop.path("new/cracked/a.wav"), RATE, &signal(1000, 0.3));
    let error = failure(workshop.run(&["eval", "run", "--data", "new"]), 2);
    assert!(
        error.contains("cracked/a.wav: condition 'cracked' is not one of the 2 classes: normal, worn"),
        "{error}"
    );

    // Nothing but what was trained on.
    let split = String::from_utf8(workshop.read("run/split.csv")).unwrap();
    let row = split.lines().find(|row| row.contains(",train,worn")).unwrap();
    fs::create_dir_all(workshop.path("seen/worn")).unwrap();
    fs::copy(workshop.path("data").join(row.split(',').next().unwrap()), workshop.path("seen/worn/a.wav"))
        .unwrap();
    let error = failure(workshop.run(&["eval", "run", "--data", "seen"]), 2);
    assert!(error.contains("all 31 windows") && error.contains("--all"), "{error}");

    fs::remove_file(workshop.path("run/summary.json")).unwrap();
    let error = failure(workshop.run(&["eval", "run"]), 2);
    assert!(error.contains("not finished") && error.contains("train --resume run"), "{error}");
}

fn lines() {
    let workshop = trained();
    let files = ["data/worn/worn 1/a.wav", "data/normal/normal 2/a.wav"];
    let output = success(workshop.run(&["predict", "run", files[0], files[1]]));
    let lines: Vec<&str> = output.lines().collect();
    assert_eq!(lines.len(), 2);
    for (line, file) in lines.iter().zip(files) {
        assert!(line.starts_with(&format!("{file}: ")), "{line}");
        assert!(line.contains("softmax confidence") && line.contains("not calibrated"), "{line}");
        assert!(line.contains("of 31 windows"), "{line}");
    }
    let by_file = success(workshop.run(&["predict", "run/model.safetensors", files[0], files[1]]));
    assert_eq!(by_file, output);
}

fn every_window() {
    let workshop = trained();
    let output = success(workshop.run(&["predict", "run", "--json", "data/worn/worn 1/a.wav"]));
    let document: Value = serde_json::from_str(&output).unwrap();
    assert_eq!(document["confidence"], "softmax, not calibrated");
    let recording = &document["recordings"][0];
    let windows = recording["windows"].as_array().unwrap();
    assert_eq!(windows.len(), 31);
    let class =
        document["classes"].as_array().unwrap().iter().position(|c| *c == recording["condition"]).unwrap();
    let mean = windows.iter().map(|w| w["probabilities"][class].as_f64().unwrap()).sum::<f64>() / 31.0;
    assert!((mean - recording["confidence"].as_f64().unwrap()).abs() < 1e-6);
    let taken = windows.iter().filter(|w| w["condition"] == recording["condition"]).count() as f64 / 31.0;
    assert_eq!(recording["share"].as_f64(), Some(taken));
    for window in windows {
        let sum: f64 = window["probabilities"].as_array().unwrap().iter().map(|p| p.as_f64().unwrap()).sum();
        assert!((sum - 1.0).abs() < 1e-5, "{window}");
    }
    assert_eq!(windows[1]["seconds"], 64.0 / f64::from(RATE));
}

fn standard_input() {
    let workshop = trained();
    fs::write(workshop.path("bad.wav"), b"RIFF").unwrap();
    let file = "data/worn/worn 1/a.wav";
    let mut child = workshop
        .command(&["predict", "run", "-", "bad.wav", "--skip-bad"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(&workshop.read(file)).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(String::from_utf8_lossy(&output.stderr).contains("skipped  bad.wav: "), "{output:?}");
    let piped = success(output);
    let named = success(workshop.run(&["predict", "run", file]));
    assert_eq!(piped.strip_prefix("standard input"), named.strip_prefix(file));
}

fn other_rate() {
    let workshop = trained();
    // The same tone, sampled twice as often.
    write_wav(&workshop.path("twice.wav"), 2 * RATE, &signal(4000, 0.31));
    let output = success(workshop.run(&["predict", "run", "--json", "twice.wav"]));
    let document: Value = serde_json::from_str(&output).unwrap();
    assert_eq!(document["recordings"][0]["windows"].as_array().unwrap().len(), 31);
    assert_eq!(document["rate"], f64::from(RATE));
}

fn as_they_are() {
    let workshop = trained();
    let file = workshop.path("run/model.safetensors");
    let model = Checkpoint { rate: None, ..Checkpoint::load(&file).unwrap() };
    model.save(&file).unwrap();
    write_wav(&workshop.path("twice.wav"), 2 * RATE, &signal(4000, 0.31));
    let output = workshop.run(&["predict", "run", "twice.wav"]);
    let notes = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!(notes.matches("none is resampled").count(), 1, "{notes}");
    assert!(success(output).contains("of 62 windows"));
}
