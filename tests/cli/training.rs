//! `train`: what a run leaves behind and says.

use std::fs;

use serde_json::json;

use crate::setup::{MODEL, RATE, Test, Workshop, failure, signal, success, write_wav};

pub(crate) const TRIALS: &[Test] = &[
    ("a run's folder holds what the README lists", folder),
    ("an accuracy never stands without its split", accuracy_with_split),
    ("config.toml read back gives the same run", config_round_trip),
    ("each training option changes what is learnt, and at 0 nothing", training_options),
    ("a schedule's learning rates stand in metrics.jsonl and on the lines", schedule),
    ("class weights are shown, and the balanced ones follow the windows", class_weights),
    ("--tensorboard leaves an event file that a resumed run goes on with", tensorboard),
    ("the command line goes before the configuration file", command_line_first),
    ("a saved stride does not outlive its window", stride_of_another_window),
    ("training without recordings takes the synthetic sample and says so", sample),
    ("--json prints one document", one_document),
    ("a model file may state the number of classes", stated_classes),
    ("devices lists the variants that --variant takes", devices),
    ("training stops when validation no longer improves", patience),
    ("a loss that is not finite names epoch and tensor and keeps the last checkpoint", non_finite),
    ("runs are numbered where no folder is named", numbered),
    ("--skip-bad goes on without bad recordings and names them", skip_bad),
    ("recordings of several rates are trained at the lowest", rates),
    ("a closed pipe does not stop training", closed_pipe),
    ("standard output that cannot be written is an error", full_output),
];

/// These need the CWRU recordings, in the folder that `GPU_BEARING_CWRU` names.
pub(crate) const CWRU_TRIALS: &[Test] = &[
    ("the paper's protocol reaches 99 % within 15 epochs", paper),
    ("CWRU by bearing names what leaks", by_bearing),
];

fn folder() {
    let workshop = Workshop::new();
    workshop.train("run", &["--epochs", "2", "--seed", "5"]);
    let mut names: Vec<String> = fs::read_dir(workshop.path("run"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    let expected = [
        "config.toml",
        "last.safetensors",
        "metrics.jsonl",
        "model-card.md",
        "model.safetensors",
        "split.csv",
        "summary.json",
    ];
    assert_eq!(names, expected);

    let summary = workshop.json("run/summary.json");
    assert_eq!(summary["model"], "tiny");
    assert_eq!(summary["parameters"], 4 * 5 + 4 + 16 * 4 + 16 * 4 + 16 + 4 * 2 + 2);
    assert_eq!(summary["split"], "bearing");
    assert_eq!((&summary["leaky"], &summary["synthetic"]), (&json!(false), &json!(false)));
    assert_eq!((&summary["epochs"], &summary["seed"]), (&json!(2), &json!(5)));
    assert_eq!(summary["classes"], json!(["normal", "worn"]));
    assert!(summary["train_seconds"].as_f64().unwrap() > 0.0);
    assert!(!summary["adapter"].as_str().unwrap().is_empty());
    // 2000 samples hold 31 windows of 64; one of three bearings a class tests, and of each of the others 24 windows
    // train, 6 validate and one lies between.
    for (part, windows) in [("train", 4 * 24), ("validation", 4 * 6), ("test", 2 * 31)] {
        assert_eq!(summary[part]["windows"], windows, "{part}");
        for figure in ["loss", "accuracy", "balanced_accuracy"] {
            assert!(summary[part][figure].is_f64(), "{part} {figure}");
        }
    }
    let counted: u64 = summary["confusion"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|row| row.as_array().unwrap())
        .map(|n| n.as_u64().unwrap())
        .sum();
    assert_eq!(counted, 62);

    let metrics = workshop.metrics("run");
    assert_eq!(metrics.len(), 2);
    assert_eq!((&metrics[1]["epoch"], &metrics[1]["learning_rate"]), (&json!(2), &json!(0.001)));
    assert_eq!(metrics[1]["split"], "bearing");
    // The kept model's figures are those of its epoch.
    let best = summary["best_epoch"].as_u64().unwrap() as usize;
    assert_eq!(metrics[best - 1]["validation"], summary["validation"]);

    let split = String::from_utf8(workshop.read("run/split.csv")).unwrap();
    assert_eq!(split.lines().next(), Some("recording,sha256,bearing,start,part,condition"));
    assert_eq!(split.lines().count(), 1 + 4 * 30 + 2 * 31);
}

fn accuracy_with_split() {
    let workshop = Workshop::new();
    let output = workshop.train("run", &["--epochs", "2", "--split", "time"]);
    let lines: Vec<&str> = output.lines().filter(|line| line.contains("accuracy")).collect();
    // Two epochs, the test, by window, by recording, plain classifiers.
    assert!(lines.len() >= 5, "{output}");
    for line in lines {
        assert!(line.contains("split by time; leaky"), "{line}");
    }
    assert!(
        output.contains("note     normal, worn: divided by time: the same bearing is on both sides"),
        "{output}"
    );
    assert!(output.contains("adapter  "), "{output}");
    assert!(output.contains("gpu-bearing predict run FILE"), "{output}");
}

fn config_round_trip() {
    let workshop = Workshop::new();
    let options = [
        "--epochs",
        "2",
        "--seed",
        "9",
        "--scale",
        "window",
        "--batch",
        "7",
        "--stride",
        "50",
        "--dropout",
        "0.4",
        "--clip-norm",
        "0.5",
        "--learning-rate",
        "0.01",
        "--balance",
        "off",
        "--schedule",
        "plateau",
        "--schedule-epochs",
        "1",
        "--min-learning-rate",
        "1e-5",
        "--warmup",
        "0.5",
        "--weight-decay",
        "0.01",
        "--label-smoothing",
        "0.1",
        "--class-weights",
        "1,2.5",
        "--augment-gain",
        "0.2",
        "--augment-shift",
        "20",
        "--augment-noise",
        "10",
        "--reject",
        "10%",
    ];
    workshop.train("first", &options);
    success(workshop.run(&["train", "--config", "first/config.toml", "--out", "second"]));
    workshop.assert_same_run("first", "second");
    workshop.train("other", &["--epochs", "2", "--seed", "8"]);
    assert!(workshop.read("first/model.safetensors") != workshop.read("other/model.safetensors"));
}

fn training_options() {
    let workshop = Workshop::new();
    let train = |out: &str, more: &[&str]| {
        workshop.train(out, &[&["--epochs", "1"], more].concat());
        (workshop.read(&format!("{out}/model.safetensors")), workshop.metrics(out))
    };
    let plain = train("plain", &[]);
    let zeros = ["--warmup", "0", "--weight-decay", "0", "--label-smoothing", "0", "--augment-gain", "0"];
    assert!(
        train("zeros", &[&zeros[..], &["--augment-shift", "0"]].concat()) == plain,
        "0 changes something"
    );
    for option in [
        ["--schedule", "cosine"],
        ["--warmup", "0.9"],
        ["--weight-decay", "0.1"],
        ["--label-smoothing", "0.1"],
        ["--class-weights", "1,2"],
        ["--augment-gain", "0.1"],
        ["--augment-shift", "9"],
        ["--augment-noise", "-3"],
    ] {
        assert!(train(&option[0][2..], &option).0 != plain.0, "{option:?} changes nothing");
    }
}

fn schedule() {
    let workshop = Workshop::new();
    let options =
        ["--epochs", "3", "--schedule", "step", "--schedule-epochs", "1", "--schedule-factor", "0.5"];
    let output = workshop.train("run", &options);
    let rates: Vec<_> =
        workshop.metrics("run").iter().map(|epoch| epoch["learning_rate"].as_f64().unwrap()).collect();
    assert_eq!(rates, [0.001, 0.0005, 0.00025]);
    let lines: Vec<&str> = output.lines().filter(|line| line.starts_with("epoch ")).collect();
    for (line, rate) in lines.iter().zip(["1.0e-3", "5.0e-4", "2.5e-4"]) {
        assert!(line.contains(&format!("learning rate {rate}, ")), "{line}");
        assert!(line.contains(" windows/s, "), "{line}");
    }
    assert_eq!(lines.len(), 3);
}

fn class_weights() {
    let workshop = Workshop::new();
    let output = workshop.train("run", &["--epochs", "1", "--class-weights", "1, 2.5"]);
    assert!(output.contains("weights  normal 1.000, worn 2.500"), "{output}");
    // A second recording of every bearing of one condition, half as long: 31 windows, and 31 and 15.
    for bearing in 1..=3 {
        let file = workshop.path(&format!("data/worn/worn {bearing}/b.wav"));
        write_wav(&file, RATE, &signal(1000, 0.9 + 0.02 * f64::from(bearing)));
    }
    let options = ["--epochs", "1", "--class-weights", "balanced", "--balance", "off"];
    let output = workshop.train("balanced", &options);
    // 109 windows by 2 classes: 24 of each of two recordings, and 31 of one with 15 of two.
    assert!(output.contains("weights  normal 1.135, worn 0.893"), "{output}");
    let options = ["train", "--data", "data", "--model", "model.toml", "--class-weights", "1,2,3"];
    let error = failure(workshop.run(&options), 2);
    assert!(
        error.contains("--class-weights 1,2,3: 3 weights for 2 classes: give one each for normal, worn"),
        "{error}"
    );
    assert!(!workshop.path("runs").exists(), "no run is left behind");
}

fn tensorboard() {
    let workshop = Workshop::new();
    workshop.train("run", &["--epochs", "1", "--tensorboard", "--split", "time"]);
    let first = workshop.read("run/events.out.tfevents.gpu-bearing");
    let tag = b"accuracy (split by time; leaky)/validation";
    let count = |file: &[u8]| file.windows(tag.len()).filter(|bytes| bytes == tag).count();
    // Once more as the balanced accuracy's.
    assert_eq!(count(&first), 2);
    success(workshop.run(&["train", "--resume", "run", "--epochs", "3"]));
    assert_eq!(count(&workshop.read("run/events.out.tfevents.gpu-bearing")), 6);
}

fn command_line_first() {
    let workshop = Workshop::new();
    fs::write(workshop.path("my.toml"), "epochs = 1\nbatch = 16\nscale = \"none\"\n").unwrap();
    workshop.train("run", &["--config", "my.toml", "--batch", "8"]);
    let config: toml::Table = String::from_utf8(workshop.read("run/config.toml")).unwrap().parse().unwrap();
    assert_eq!(config["epochs"].as_integer(), Some(1));
    assert_eq!(config["batch"].as_integer(), Some(8));
    assert_eq!(config["scale"].as_str(), Some("none"));
}

fn stride_of_another_window() {
    let workshop = Workshop::new();
    workshop.train("first", &["--epochs", "1"]);
    let again = ["train", "--config", "first/config.toml", "--window", "32", "--out", "second"];
    let output = success(workshop.run(&again));
    assert!(output.contains("windows  32 samples every 32:"), "{output}");
}

fn sample() {
    let workshop = Workshop::new();
    let output = success(workshop.run(&[
        "train",
        "--model",
        "model.toml",
        "--epochs",
        "1",
        "--stride",
        "640",
        "--out",
        "run",
    ]));
    for line in output.lines().filter(|line| line.contains("accuracy")) {
        assert!(line.contains("synthetic"), "{line}");
    }
    assert_eq!(workshop.json("run/summary.json")["synthetic"], true);
    let evaluation = success(workshop.run(&["eval", "run"]));
    assert!(evaluation.contains("synthetic"), "{evaluation}");
    success(workshop.run(&["data", "synth", "copy"]));
    let evaluation = success(workshop.run(&["eval", "run", "--data", "copy"]));
    assert!(evaluation.contains("synthetic"), "known by content: {evaluation}");
}

fn one_document() {
    let workshop = Workshop::new();
    let output = workshop.train("run", &["--epochs", "1", "--json"]);
    let document: serde_json::Value = serde_json::from_str(&output).unwrap();
    assert_eq!(document["run"], "run");
    assert_eq!(document["test"], workshop.json("run/summary.json")["test"]);
}

fn stated_classes() {
    let workshop = Workshop::new();
    let cracked = workshop.path("data/cracked");
    fs::create_dir_all(&cracked).unwrap();
    write_wav(&cracked.join("a.wav"), RATE, &signal(4000, 1.3));
    fs::write(workshop.path("model.toml"), MODEL.replace("units = \"classes\"", "units = 3")).unwrap();
    workshop.train("run", &["--epochs", "1"]);
    assert_eq!(workshop.json("run/summary.json")["classes"], json!(["normal", "cracked", "worn"]));
}

fn devices() {
    let output = success(Workshop::new().run(&["devices"]));
    let table = output.split("Picked without --adapter").nth(1).unwrap();
    for row in gpu_bearing::nn::variants::ROWS {
        // Many shaders take several lines, whose first columns are empty.
        let mut lines = table.lines().skip_while(|line| !line.starts_with(row.name));
        let first = lines.next().unwrap();
        let more = lines.take_while(|line| line.starts_with("  "));
        let text = std::iter::once(first).chain(more).collect::<Vec<_>>().join("\n");
        assert!(text.contains(row.adapters), "{text}");
        assert!(row.shaders.iter().all(|(shader, _)| text.contains(shader)), "{text}");
    }
}

fn patience() {
    let workshop = Workshop::new();
    // So small a step leaves the loss as it is, so that no epoch is better than the first.
    workshop.train("run", &["--epochs", "9", "--patience", "2", "--learning-rate", "1e-30"]);
    let summary = workshop.json("run/summary.json");
    assert_eq!((&summary["epochs"], &summary["best_epoch"]), (&json!(3), &json!(1)));
}

fn non_finite() {
    let workshop = Workshop::new();
    workshop.train("run", &["--epochs", "1"]);
    let good = workshop.read("run/last.safetensors");
    let config = String::from_utf8(workshop.read("run/config.toml")).unwrap();
    fs::write(workshop.path("run/config.toml"), config.replace("0.001", "1e38")).unwrap();
    let error = failure(workshop.run(&["train", "--resume", "run", "--epochs", "2"]), 1);
    let parts =
        ["epoch 2: the loss is not finite, first in ", "1.weight", "stands after epoch 1", "--learning-rate"];
    for part in parts {
        assert!(error.contains(part), "{part}: {error}");
    }
    assert!(workshop.read("run/last.safetensors") == good);
}

fn numbered() {
    let workshop = Workshop::new();
    for _ in 0..2 {
        success(workshop.run(&["train", "--data", "data", "--model", "model.toml", "--epochs", "1"]));
    }
    assert!(workshop.path("runs/001/summary.json").exists());
    assert!(workshop.path("runs/002/summary.json").exists());
}

fn skip_bad() {
    let workshop = Workshop::new();
    fs::write(workshop.path("data/worn/worn 3/b.wav"), b"RIFF").unwrap();
    let output = workshop.train("run", &["--epochs", "1", "--skip-bad"]);
    assert!(output.contains("skipped  worn/worn 3/b.wav: "), "{output}");
    // The run's own folder, however it is written, is read as it was for training.
    for data in [&[][..], &["--data", "data"], &["--data", "data/../data/normal/.."]] {
        let evaluation = success(workshop.run(&[&["eval", "run"], data].concat()));
        assert!(evaluation.contains("skipped  worn/worn 3/b.wav: "), "{data:?}: {evaluation}");
    }
}

fn rates() {
    let workshop = Workshop::new();
    let file = workshop.path("data/normal/normal 1/a.wav");
    crate::setup::write_wav(&file, 2 * crate::setup::RATE, &crate::setup::signal(4000, 0.05));
    workshop.train("run", &["--epochs", "1"]);
    assert_eq!(workshop.json("run/summary.json")["rate"], 8000.0);
    let lower = workshop.train("lower", &["--epochs", "1", "--target-rate", "4000"]);
    assert!(lower.contains("4000 Hz"), "{lower}");
    assert_eq!(workshop.json("lower/summary.json")["rate"], 4000.0);
}

fn closed_pipe() {
    let workshop = Workshop::new();
    let mut child = workshop
        .command(&["train", "--data", "data", "--model", "model.toml", "--out", "run", "--epochs", "1"])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    assert!(child.wait().unwrap().success());
    assert!(workshop.path("run/summary.json").exists());
}

fn full_output() {
    let Ok(full) = fs::OpenOptions::new().write(true).open("/dev/full") else { return };
    let workshop = Workshop::new();
    let output = workshop
        .command(&["train", "--data", "data", "--model", "model.toml", "--out", "run", "--epochs", "1"])
        .stdout(full)
        .output()
        .unwrap();
    let error = failure(output, 1);
    assert!(error.contains("standard output: cannot be written: No space left"), "{error}");
}

fn paper() {
    let workshop = Workshop::new();
    let cwru = std::env::var("GPU_BEARING_CWRU").unwrap();
    let options = ["--protocol", "paper", "--data", &cwru, "--epochs", "15", "--out", "run"];
    let output = success(workshop.run(&[&["train"], &options[..]].concat()));
    assert!(output.contains("leaky"), "{output}");
    let best = (workshop.metrics("run").iter())
        .map(|epoch| epoch["test"]["accuracy"].as_f64().unwrap())
        .fold(0.0, f64::max);
    assert!(best >= 0.99, "{best}");
    let summary = workshop.json("run/summary.json");
    assert!(summary["validation"].is_null());
    assert_eq!((&summary["best_epoch"], &summary["leaky"]), (&json!(15), &json!(true)));
    assert_eq!(workshop.metrics("run")[14]["test"], summary["test"]);
    let evaluation: serde_json::Value =
        serde_json::from_str(&success(workshop.run(&["eval", "run", "--data", &cwru, "--json"]))).unwrap();
    assert_eq!(evaluation["test"], summary["test"]);
}

fn by_bearing() {
    let workshop = Workshop::new();
    let cwru = std::env::var("GPU_BEARING_CWRU").unwrap();
    let options =
        ["--data", &cwru, "--model", "model.toml", "--stride", "6400", "--epochs", "1", "--out", "run"];
    let output = success(workshop.run(&[&["train"], &options[..]].concat()));
    let summary = workshop.json("run/summary.json");
    assert_eq!(summary["classes"], json!(["normal", "ball", "inner race", "outer race"]));
    assert_eq!((&summary["split"], &summary["leaky"]), (&json!("bearing"), &json!(true)));
    assert!(output.contains("note     normal: divided by"), "{output}");
}
