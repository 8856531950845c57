//! `eval` and `predict`: a trained model at work.

use std::fs;
use std::io::Write;
use std::process::Stdio;

use gpu_bearing::data::sample;
use gpu_bearing::nn::Checkpoint;
use serde_json::Value;

use crate::setup::{RATE, Test, Workshop, failure, signal, success, write_wav};

pub(crate) const TRIALS: &[Test] = &[
    ("eval of a run on its own data gives its summary's test figures", own_data),
    ("eval recognises recordings by content under other names", by_content),
    ("eval scores all windows of new recordings and of --all, and says what leaks", new_and_all),
    ("eval refuses what the model does not know", unknown),
    ("predict --reject says unknown where a recording is less familiar than the validated ones", rejected),
    ("train --leave-out and eval score conditions that the model is not to know", left_out),
    ("predict sets the fault frequencies beside the network", physics),
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
        for further in ["scores", "rejection"] {
            assert!(summary[further].is_object(), "{summary}");
            assert_eq!(evaluation[further], summary[further]);
        }
        // Three bearings a class leave stretches of those trained on to validate: no temperature is taken from these.
        assert_eq!(summary["calibration"]["of_trained_bearings"], true);
        assert!(evaluation["calibration"].is_null());
    }
    let output = success(workshop.run(&["eval", "run", "--reject", "30%"]));
    for line in ["by window: macro F1 ", "by recording: ", "calibration: ", "unknown  at --reject 30 %: "] {
        let line = output.lines().find(|known| known.trim_start().starts_with(line)).expect(line);
        assert!(line.ends_with("(split by bearing)"), "{line}");
    }
    assert!(output.contains(" of 2 right, ") && output.contains("false alarms "), "{output}");
}

/// A share that `--reject` takes is one, whatever its spelling; the threshold turns away what is asked, and says so.
fn rejected() {
    let workshop = trained();
    let file = "data/worn/worn 1/a.wav";
    let predict = |more: &[&str]| {
        let output = success(workshop.run(&[&["predict", "run", "--json", file], more].concat()));
        serde_json::from_str::<Value>(&output).unwrap()
    };
    let plain = predict(&[]);
    assert_eq!(
        (&plain["reject"], &plain["recordings"][0]["condition"]),
        (&Value::Null, &plain["recordings"][0]["nearest"])
    );
    let rejecting = predict(&["--reject", "1%"]);
    assert_eq!(rejecting, predict(&["--reject", "0.01"]));
    // Stretches of the two bearings a class that were trained on.
    assert_eq!(rejecting["reject"]["validation_recordings"], 4);
    assert_eq!(rejecting["reject"]["share"], 0.01);

    // Nothing is as familiar as this.
    let model = workshop.path("run/model.safetensors");
    let kept = Checkpoint::load(&model).unwrap();
    assert_eq!(kept.familiarity.len(), 4);
    assert!(kept.familiarity.is_sorted());
    Checkpoint { familiarity: vec![1e6, 1e7], ..kept.clone() }.save(&model).unwrap();
    let rejecting = predict(&["--reject", "1%"]);
    let recording = &rejecting["recordings"][0];
    assert_eq!(
        (&recording["condition"], &recording["nearest"]),
        (&Value::Null, &plain["recordings"][0]["nearest"])
    );
    assert_eq!(rejecting["reject"]["threshold"], 1e6);
    let output = workshop.run(&["predict", "run", file, "--reject", "1%"]);
    let notes = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        notes.contains("2 validation recordings are too few for 1 %") && notes.contains("1 in 3"),
        "{notes}"
    );
    let line = success(output);
    assert!(line.starts_with(&format!("{file}: unknown (familiarity ")), "{line}");
    assert!(line.contains(" below 1000000.00; nearest: "), "{line}");

    // A run made before this was kept.
    Checkpoint { familiarity: Vec::new(), ..kept }.save(&model).unwrap();
    let known = success(workshop.run(&["predict", "run", file]));
    assert!(!known.contains("unknown"), "{known}");
    for command in [&["predict", "run", file][..], &["eval", "run"]] {
        let error = failure(workshop.run(&[command, &["--reject", "1%"]].concat()), 2);
        assert!(error.contains("run: --reject: ") && error.contains("train again"), "{error}");
    }
    assert_eq!(eval(&workshop, &[])["rejection"], Value::Null);
}

/// Recordings of a condition that the model is not to know are in no part, and are scored as unknown.
fn left_out() {
    let workshop = Workshop::new();
    for bearing in 1..=2 {
        let folder = workshop.path(&format!("data/cracked/cracked {bearing}"));
        fs::create_dir_all(&folder).unwrap();
        write_wav(&folder.join("a.wav"), RATE, &signal(2000, 1.5 + 0.1 * f64::from(bearing)));
    }
    let options = ["--epochs", "2", "--leave-out", "cracked", "--reject", "0.4"];
    let output = workshop.train("run", &options);
    assert!(output.contains("left out cracked: 2 recordings"), "{output}");
    let line = output.lines().find(|line| line.starts_with("unknown  at --reject 40 %: ")).unwrap();
    assert!(
        line.contains(" of 2 known recordings turned away, and ") && line.contains(" of 2 of cracked"),
        "{line}"
    );

    let summary = workshop.json("run/summary.json");
    assert_eq!(summary["classes"], serde_json::json!(["normal", "worn"]));
    assert_eq!(summary["left_out"], serde_json::json!(["cracked"]));
    let rejection = &summary["rejection"];
    assert_eq!(rejection["most"], 0.4);
    for (group, of) in [("validation", 4), ("known", 2), ("unknown", 2)] {
        assert_eq!(rejection[group]["of"], of, "{group}");
    }
    assert!(!String::from_utf8(workshop.read("run/split.csv")).unwrap().contains("cracked"));
    let evaluation = eval(&workshop, &[]);
    assert_eq!(&evaluation["rejection"], rejection);
    assert_eq!(evaluation["unknown"], serde_json::json!(["cracked"]));
    assert_eq!(evaluation["recordings"], 2);

    success(workshop.run(&["train", "--config", "run/config.toml", "--out", "again"]));
    workshop.assert_same_run("run", "again");

    let train = ["train", "--data", "data", "--model", "model.toml", "--leave-out"];
    for (names, says) in [
        ("crack", "--leave-out crack: no recording is of that condition; there are normal, cracked, worn"),
        ("cracked,worn", "--leave-out cracked,worn: 3 recordings of one condition (normal)"),
    ] {
        let error = failure(workshop.run(&[&train[..], &[names]].concat()), 2);
        assert!(error.contains(says), "{error}");
    }
    assert!(!workshop.path("runs").exists(), "no run is left behind");
}

/// The fault frequencies are looked for in the recording as it was read, and stand beside the network's answer.
fn physics() {
    let workshop = trained();
    let sample = sample::recordings().unwrap();
    let spall = sample.iter().find(|recording| recording.name == "outer-race/5.wav").unwrap();
    write_wav(&workshop.path("spall.wav"), spall.rate as u32, &spall.signal);
    // What the model takes it for is not known here; whatever it is, it is not an outer race.
    let model = workshop.path("run/model.safetensors");
    let kept = Checkpoint::load(&model).unwrap();
    let named = |classes: [&str; 2]| {
        Checkpoint { classes: classes.map(String::from).to_vec(), ..kept.clone() }.save(&model).unwrap();
    };
    let rpm = spall.facts.rpm.unwrap().to_string();
    let machine = ["--bearing", "6205", "--rpm", &rpm];
    let predict = |more: &[&str]| workshop.run(&[&["predict", "run", "spall.wav"], more].concat());

    let line = success(predict(&[]));
    assert!(!line.contains("physics"), "{line}");
    let line = success(predict(&machine));
    assert!(line.contains("; physics: outer race (score "), "{line}");
    named(["normal", "ball"]);
    let line = success(predict(&machine));
    assert!(line.trim_end().ends_with("; network and physics disagree"), "{line}");
    named(["outer race", "outer race @6:00"]);
    let document: Value =
        serde_json::from_str(&success(predict(&[&machine[..], &["--json"]].concat()))).unwrap();
    let physics = &document["recordings"][0]["physics"];
    assert_eq!((&physics["verdict"], &physics["disagrees"]), (&"outer race".into(), &false.into()));
    assert!(physics["score"].as_f64().unwrap() > 8.0, "{physics}");

    for (arguments, says) in [
        (&["--bearing", "6205"][..], "spall.wav: its shaft speed is unknown"),
        (&["--rpm", &rpm], "spall.wav: which bearing was it"),
        (&["--rpm", "0", "--bearing", "6205"], "--rpm 0: must be above 0"),
        (&["--bearing", "62", "--rpm", &rpm], "--bearing: bearing 62"),
    ] {
        let error = failure(predict(arguments), 2);
        assert!(error.contains(says), "{error}");
    }
    // Too few turns to tell.
    let output = workshop.run(&[&["predict", "run", "data/worn/worn 1/a.wav"], &machine[..]].concat());
    assert!(
        String::from_utf8_lossy(&output.stderr).contains("a.wav: no physics: 2000 samples"),
        "{output:?}"
    );
    assert!(!success(output).contains("physics"));
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
        assert!(line.contains("(confidence ") && line.contains("calibrated; "), "{line}");
        assert!(line.contains("of 31 windows"), "{line}");
    }
    let by_file = success(workshop.run(&["predict", "run/model.safetensors", files[0], files[1]]));
    assert_eq!(by_file, output);
}

fn every_window() {
    let workshop = trained();
    let model = workshop.path("run/model.safetensors");
    let kept = Checkpoint::load(&model).unwrap();
    let predict = |temperature: Option<f64>| -> Value {
        Checkpoint { temperature, ..kept.clone() }.save(&model).unwrap();
        let output = success(workshop.run(&["predict", "run", "--json", "data/worn/worn 1/a.wav"]));
        serde_json::from_str(&output).unwrap()
    };
    let document = predict(None);
    assert_eq!(document["confidence"], "softmax, not calibrated");
    let recording = &document["recordings"][0];
    let windows = recording["windows"].as_array().unwrap();
    assert_eq!(windows.len(), 31);
    let taken = windows.iter().filter(|w| w["condition"] == recording["condition"]).count() as f64 / 31.0;
    assert_eq!(recording["share"].as_f64(), Some(taken));
    let log_odds = |window: &Value| {
        let [p, q] = [0, 1].map(|class| window["probabilities"][class].as_f64().unwrap());
        assert!((p + q - 1.0).abs() < 1e-5, "{window}");
        (p / q).ln()
    };
    assert_eq!(windows[1]["seconds"], 64.0 / f64::from(RATE));
    // The mean log-probability decides: of two classes, that of the log odds.
    let of_mean = |document: &Value| {
        let windows = document["recordings"][0]["windows"].as_array().unwrap();
        let mean = windows.iter().map(log_odds).sum::<f64>() / windows.len() as f64;
        1.0 / (1.0 + (-mean.abs()).exp())
    };
    let confidence = |document: &Value| document["recordings"][0]["confidence"].as_f64().unwrap();
    assert!((of_mean(&document) - confidence(&document)).abs() < 1e-5, "{document}");

    // A temperature of 2 halves the log odds of every window, and takes no window for another class.
    let cooler = predict(Some(2.0));
    assert_eq!((&cooler["temperature"], &document["temperature"]), (&2.0.into(), &Value::Null));
    assert_eq!(cooler["confidence"], "softmax, calibrated on validation windows");
    assert!((of_mean(&cooler) - confidence(&cooler)).abs() < 1e-5, "{cooler}");
    for (before, after) in windows.iter().zip(cooler["recordings"][0]["windows"].as_array().unwrap()) {
        assert!((log_odds(before) / 2.0 - log_odds(after)).abs() < 1e-3, "{before} {after}");
        assert_eq!(before["condition"], after["condition"]);
    }
    let line = success(workshop.run(&["predict", "run", "data/worn/worn 1/a.wav"]));
    assert!(line.contains(", calibrated; "), "{line}");
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
