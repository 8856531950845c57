//! `train --from`: a run that starts from a trained model.

use std::fs;

use gpu_bearing::nn::{Checkpoint, ParameterTable};
use serde_json::json;

use crate::setup::{RATE, Test, Workshop, failure, signal, success, write_wav};

pub(crate) const TRIALS: &[Test] = &[
    ("--from keeps window, rate, scaling and what is frozen, and says so", same_classes),
    ("--add-dense gives a model like any other", added_dense),
    ("other classes get an output layer of their own", other_classes),
    #[cfg(unix)]
    ("a transfer that was interrupted is resumed without its source, bit-equal", resumed),
    ("config.toml of a transfer read back gives the same run", config_round_trip),
    ("what the source has learned from leaks, and eval leaves it out", leaks),
    ("recordings are resampled to the source's rate, or refused", rates),
    ("recordings in another unit than the source's are noted", other_unit),
    ("train --from names bad usage and remedies", refusals),
];

/// These need the CWRU recordings, in the folder that `GPU_BEARING_CWRU` names.
pub(crate) const CWRU_TRIALS: &[Test] = &[("the paper's transfer to another load reaches 95 %", paper)];

/// Recordings of another machine, of these conditions with three bearings each.
fn other_machine(workshop: &Workshop, folder: &str, conditions: &[(&str, f64)], rate: u32) {
    for (condition, pitch) in conditions {
        for bearing in 4..=6 {
            let folder = workshop.path(&format!("{folder}/{condition}/{condition} {bearing}"));
            fs::create_dir_all(&folder).unwrap();
            write_wav(&folder.join("a.wav"), rate, &signal(2000, pitch + 0.02 * f64::from(bearing)));
        }
    }
}

/// A source and another machine's recordings of the same conditions.
fn trained() -> Workshop {
    let workshop = Workshop::new();
    workshop.train("source", &["--epochs", "2"]);
    other_machine(&workshop, "other", &[("normal", 0.1), ("worn", 0.7)], RATE);
    workshop
}

fn transfer(workshop: &Workshop, out: &str, more: &[&str]) -> String {
    transfer_to(workshop, "other", out, more)
}

fn transfer_to(workshop: &Workshop, data: &str, out: &str, more: &[&str]) -> String {
    let start = ["train", "--from", "source", "--data", data, "--epochs", "2", "--out", out];
    success(workshop.run(&[&start, more].concat()))
}

fn kept(workshop: &Workshop, run: &str) -> Checkpoint {
    Checkpoint::load(&workshop.path(&format!("{run}/model.safetensors"))).unwrap()
}

/// Layers of which every parameter is the same, bit for bit, in both.
fn same_layers(a: &Checkpoint, b: &Checkpoint) -> Vec<String> {
    let (table, other) = (ParameterTable::new(&a.model).unwrap(), ParameterTable::new(&b.model).unwrap());
    let mut layers: Vec<String> = Vec::new();
    for entry in table.entries() {
        let Some(twin) = other.entries().iter().find(|twin| twin.name == entry.name) else { continue };
        if entry.to_torch(&a.parameters) == twin.to_torch(&b.parameters) {
            layers.push(entry.name.clone());
        }
    }
    layers
}

fn same_classes() {
    let workshop = trained();
    let output = transfer(&workshop, "run", &["--freeze", "lstm1,conv1"]);
    for part in ["frozen   conv1, lstm1\n", "source: tiny, parameters ", "parameters, of which 10 learn\n"] {
        assert!(output.contains(part), "{part}: {output}");
    }
    assert!(!output.contains("fresh ") && !output.contains("leaky"), "{output}");
    let (source, run) = (kept(&workshop, "source"), kept(&workshop, "run"));
    assert_eq!(run.model, source.model);
    assert_eq!((run.rate, run.scaling), (source.rate, source.scaling));
    let expected =
        ["conv1.weight", "conv1.bias", "lstm1.weight_ih_l0", "lstm1.weight_hh_l0", "lstm1.bias_ih_l0"];
    assert_eq!(same_layers(&source, &run), expected);
    let origin = &workshop.json("run/summary.json")["origin"];
    assert_eq!((&origin["frozen"], &origin["fresh"]), (&json!(["conv1", "lstm1"]), &json!([])));
    assert_eq!((&origin["learning"], &origin["leaky"]), (&json!(10), &json!(false)));
    assert_eq!(origin["sha256"].as_str().unwrap().len(), 64);
    let config: toml::Table = String::from_utf8(workshop.read("run/config.toml")).unwrap().parse().unwrap();
    assert_eq!(config["from"].as_str(), Some(workshop.path("source").to_str().unwrap()));
    assert!(!config.contains_key("model") && config["scale"].as_str() == Some("train"), "{config}");
    // Without --freeze everything learns, from where the source stands.
    transfer(&workshop, "free", &[]);
    assert_eq!(same_layers(&source, &kept(&workshop, "free")), [""; 0]);
    assert_eq!(workshop.json("free/summary.json")["origin"]["learning"], 178);
}

fn added_dense() {
    let workshop = trained();
    let output = transfer(&workshop, "run", &["--freeze", "all", "--add-dense", "8", "--dropout", "0.1"]);
    for part in [
        "frozen   conv1, lstm1\n",
        "fresh    head1, logits\n",
        "model    tiny+dense, 226 parameters, of which 58 learn\n",
        "note     the model's dropout lies among frozen layers, where it is off: --dropout changes nothing\n",
    ] {
        assert!(output.contains(part), "{part}: {output}");
    }
    let model = success(workshop.run(&["model", "run"]));
    assert!(model.contains("Model tiny+dense") && model.contains("dense, 8 units, relu"), "{model}");
    success(workshop.run(&["predict", "run", "other/worn/worn 4/a.wav"]));
    let evaluation: serde_json::Value =
        serde_json::from_str(&success(workshop.run(&["eval", "run", "--json"]))).unwrap();
    assert_eq!(evaluation["test"], workshop.json("run/summary.json")["test"]);
    let frozen = success(workshop.run(&["bench", "--plan", "--model", "run", "--freeze", "conv1,lstm1"]));
    assert!(frozen.starts_with("tiny+dense, batch 32, conv1, lstm1 frozen: "), "{frozen}");
    success(workshop.run(&["train", "--resume", "run", "--epochs", "3"]));
    // A transfer of a transfer, from a file.
    let file =
        ["train", "--from", "run/model.safetensors", "--data", "other", "--epochs", "1", "--out", "next"];
    let output = success(workshop.run(&[&file[..], &["--add-dense", "4"]].concat()));
    assert!(
        output.contains("model    tiny+dense+dense") && output.contains("fresh    head2, logits"),
        "{output}"
    );
    assert!(output.contains("has learned from is not known"), "{output}");
    assert_eq!(workshop.json("next/summary.json")["leaky"], true);
}

fn other_classes() {
    let workshop = trained();
    other_machine(&workshop, "three", &[("normal", 0.1), ("cracked", 0.4), ("worn", 0.7)], RATE);
    let output = transfer_to(&workshop, "three", "run", &["--freeze", "all"]);
    let note = "note     the output layer 'logits' is new: the model that training starts from tells apart normal, worn; \
                here they are normal, cracked, worn\n";
    assert!(output.contains(note), "{output}");
    assert!(output.contains("fresh    logits\n"), "{output}");
    let run = kept(&workshop, "run");
    assert_eq!(run.classes, ["normal", "cracked", "worn"]);
    assert_eq!((run.model.name.as_str(), run.model.classes().unwrap()), ("tiny", 3));
}

/// Interrupted, and the source is gone by then.
#[cfg(unix)]
fn resumed() {
    use std::io::{BufRead, BufReader};
    use std::process::{Command, Stdio};
    let workshop = trained();
    let start = ["train", "--from", "source", "--data", "other", "--freeze", "all", "--add-dense", "4"];
    let long = ["--epochs", "3", "--batch", "1", "--stride", "4", "--seed", "3", "--out"];
    success(workshop.run(&[&start[..], &long, &["whole"]].concat()));
    let mut command = workshop.command(&[&start[..], &long, &["parts"]].concat());
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.as_mut().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().starts_with("epoch 1/3")), "the first epoch ends");
    std::thread::sleep(std::time::Duration::from_millis(100));
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let error = failure(child.wait_with_output().unwrap(), 1);
    assert!(error.contains("interrupted in epoch"), "{error}");
    fs::rename(workshop.path("source"), workshop.path("elsewhere")).unwrap();
    let output = success(workshop.run(&["train", "--resume", "parts"]));
    assert!(output.contains("frozen   conv1, lstm1\n"), "{output}");
    workshop.assert_same_run("whole", "parts");

    let config = String::from_utf8(workshop.read("parts/config.toml")).unwrap();
    fs::write(workshop.path("parts/config.toml"), config.replace("\"conv1\", ", "")).unwrap();
    let error = failure(workshop.run(&["train", "--resume", "parts", "--epochs", "4"]), 2);
    assert!(error.contains("`from` or `freeze` in config.toml is no longer"), "{error}");
}

fn config_round_trip() {
    let workshop = trained();
    transfer(&workshop, "first", &["--freeze", "all", "--add-dense", "4", "--seed", "7"]);
    success(workshop.run(&["train", "--config", "first/config.toml", "--out", "second"]));
    workshop.assert_same_run("first", "second");
    // The source's own options are no obstacle.
    let own =
        ["train", "--config", "source/config.toml", "--from", "source", "--out", "third", "--epochs", "1"];
    success(workshop.run(&own));
}

fn leaks() {
    let workshop = trained();
    // Another seed, another division: what was learned from is tested on now.
    let again =
        ["train", "--from", "source", "--data", "data", "--epochs", "1", "--seed", "1", "--out", "again"];
    let output = success(workshop.run(&again));
    assert!(output.contains("note     the model that training starts from has learned from "), "{output}");
    assert!(output.contains("split by bearing; leaky"), "{output}");
    assert_eq!(workshop.json("again/summary.json")["leaky"], true);
    // Of another machine nothing is known to the source, but the new run does know the source's recordings.
    transfer(&workshop, "run", &[]);
    let evaluation: serde_json::Value =
        serde_json::from_str(&success(workshop.run(&["eval", "run", "--data", "data", "--json"]))).unwrap();
    let source: serde_json::Value =
        serde_json::from_str(&success(workshop.run(&["eval", "source", "--json"]))).unwrap();
    assert_eq!(evaluation["left_out"], 4 * 31, "{evaluation}");
    assert_eq!(evaluation["test"]["windows"], source["test"]["windows"]);
    assert_eq!(evaluation["leaky"], false, "{evaluation}");
}

fn rates() {
    let workshop = trained();
    let conditions = [("normal", 0.1), ("worn", 0.7)];
    other_machine(&workshop, "fast", &conditions, 2 * RATE);
    other_machine(&workshop, "slow", &conditions, RATE / 2);
    let output = transfer_to(&workshop, "fast", "run", &[]);
    assert!(
        output.contains("note     resampled to the model's 8000 Hz: 6 recordings from 16000 Hz\n"),
        "{output}"
    );
    assert_eq!(workshop.json("run/summary.json")["rate"], 8000.0);
    let slow = ["train", "--from", "source", "--data", "slow"];
    let error = failure(workshop.run(&slow), 2);
    for part in ["recorded at 4000 Hz, below the model's rate of 8000 Hz", "--target-rate 4000 or lower"] {
        assert!(error.contains(part), "{part}: {error}");
    }
}

/// The scaling is the source's: in another unit the network would see other numbers than it knows.
fn other_unit() {
    let workshop = trained();
    for (condition, pitch) in [("normal", 0.1), ("worn", 0.7)] {
        for bearing in 4..=6 {
            let samples: Vec<f32> = signal(2000, pitch).iter().map(|x| 100.0 * x + bearing as f32).collect();
            let folder = workshop.path(&format!("loud/{condition}/{condition} {bearing}"));
            fs::create_dir_all(&folder).unwrap();
            write_wav(&folder.join("a.wav"), RATE, &samples);
        }
    }
    let output = transfer_to(&workshop, "loud", "run", &[]);
    assert!(
        output.contains("note     the training windows deviate by 7.") && output.contains("convert"),
        "{output}"
    );
}

fn refusals() {
    let workshop = trained();
    for (arguments, says) in [
        (
            &["--from", "source", "--model", "lstm"][..],
            "--from source brings its own model: leave --model lstm out",
        ),
        (&["--from", "source", "--window", "32"], "--window 32: the layers of "),
        (&["--from", "source", "--target-rate", "4000"], "know 8000 Hz: leave --target-rate out, or --from"),
        (&["--from", "source", "--scale", "none"], "know samples scaled by 'train': leave --scale out"),
        (
            &["--from", "source", "--freeze", "conv9"],
            "--freeze conv9: no layer with parameters that came with 'tiny'",
        ),
        (&["--from", "source", "--freeze", "pool1"], "those are conv1, lstm1, logits, or all of them"),
        (
            &["--from", "source", "--freeze", "all"],
            "nothing would learn: freeze fewer, or add a layer with --add-dense",
        ),
        (
            &["--from", "source", "--freeze", "logits", "--add-dense", "4"],
            "--freeze logits: this layer begins with fresh",
        ),
        (&["--from", "source", "--add-dense", "0"], "--add-dense 0: must be at least 1"),
        (
            &["--from", "source", "--protocol", "paper"],
            "--protocol paper does not resample: leave the protocol out",
        ),
        (&["--from", "missing"], "--from: "),
        (&["--from", "data"], "is no run's folder"),
        (&["--freeze", "all"], "--freeze is about a model to start from: add --from RUN"),
        (&["--add-dense", "4"], "--add-dense is about a model to start from: add --from RUN"),
        (&["--resume", "source", "--from", "source"], "leave out --data, --from"),
    ] {
        let error = failure(workshop.run(&[&["train", "--data", "other"], arguments].concat()), 2);
        assert!(error.contains(says), "{arguments:?} should say '{says}':\n{error}");
    }
    assert!(!workshop.path("runs").exists(), "a refusal leaves no run behind");
}

fn paper() {
    let workshop = Workshop::new();
    let cwru = std::env::var("GPU_BEARING_CWRU").unwrap();
    let train = ["train", "--protocol", "paper", "--data", &cwru, "--epochs", "10", "--out"];
    success(workshop.run(&[&train[..], &["source"]].concat()));
    let more = ["run", "--from", "source", "--freeze", "all", "--add-dense", "32", "--load", "3"];
    let output = success(workshop.run(&[&train[..], &more].concat()));
    assert!(output.contains("has learned from the bearing of 100.mat, "), "{output}");
    assert!(output.contains("of which 742 learn"), "{output}");
    let summary = workshop.json("run/summary.json");
    // After ten epochs instead of fifty the figure hangs on the last bits of the sums: 97.8 and 99.2 % were seen.
    assert!(summary["test"]["accuracy"].as_f64().unwrap() >= 0.95, "{summary}");
    assert_eq!(summary["leaky"], true);
    let without = ["train", "--from", "source", "--data", &cwru];
    let error = failure(workshop.run(&without), 2);
    assert!(
        error.contains("add --protocol paper, or start from a run that was trained without it"),
        "{error}"
    );
}
