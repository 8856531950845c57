//! `report`: finished runs as pages.

use std::fs;

use serde_json::Value;

use crate::setup::{Test, Workshop, failure, success};

pub(crate) const TRIALS: &[Test] = &[
    ("report shows a run on the sample set with its own figures", of_sample),
    ("report sets several runs side by side", side_by_side),
    ("report --full shows stress and what decided", full),
    ("report refuses unfinished runs and what it would overwrite", refusals),
];

const FILES: [&str; 12] = [
    "alarms.csv",
    "alarms.svg",
    "classes.csv",
    "confusion.csv",
    "confusion.svg",
    "curves.svg",
    "epochs.csv",
    "figures.json",
    "index.html",
    "reliability.csv",
    "reliability.svg",
    "scores.csv",
];

fn percent(share: &Value) -> String {
    format!("{:.1} %", 100.0 * share.as_f64().unwrap())
}

fn text(workshop: &Workshop, name: &str) -> String {
    String::from_utf8(workshop.read(name)).unwrap()
}

fn of_sample() {
    let workshop = Workshop::new();
    success(workshop.run(&["train", "--model", "model.toml", "--epochs", "3", "--out", "a run"]));
    let output = success(workshop.run(&["report", "a run"]));
    assert!(output.contains("(split by bearing; synthetic)"), "{output}");
    assert!(output.ends_with("page  a run/report/index.html\n"), "{output}");
    let mut names: Vec<String> = fs::read_dir(workshop.path("a run/report"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, FILES);

    let page = text(&workshop, "a run/report/index.html");
    let summary = workshop.json("a run/summary.json");
    for part in ["train", "validation", "test"] {
        for share in ["accuracy", "balanced_accuracy"] {
            assert!(page.contains(&percent(&summary[part][share])), "{part} {share}");
        }
    }
    for by in ["windows", "recordings"] {
        for classifier in ["scores", "baselines/forest", "baselines/logistic"] {
            let share = summary.pointer(&format!("/{classifier}/{by}/balanced_accuracy")).unwrap();
            assert!(page.contains(&percent(share)), "{classifier} {by}");
        }
    }
    let card = text(&workshop, "a run/model-card.md");
    assert!(card.contains(&percent(&summary["scores"]["recordings"]["macro_f1"])), "{card}");
    for count in summary["confusion"].as_array().unwrap().iter().flat_map(|row| row.as_array().unwrap()) {
        assert!(page.contains(&format!(">{count}</text>")), "{count}");
    }
    assert!(page.contains("report 'a run'"), "{page}");
    assert!(page.contains("synthetic") && !page.contains("<script"), "{page}");
    let svg = text(&workshop, "a run/report/curves.svg");
    // Loss and accuracy, for training and validation, over three epochs.
    assert_eq!((svg.matches("<polyline").count(), svg.matches("<circle").count()), (4, 12), "{svg}");
    assert!(!svg.contains("NaN"), "{svg}");

    // Again to the same place, and as JSON, which is what the file holds.
    let json = success(workshop.run(&["report", "a run", "--json"]));
    assert_eq!(json, text(&workshop, "a run/report/figures.json"));
    let document: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(document["runs"][0]["test"], summary["test"]);
    assert_eq!(document["runs"][0]["by_class"].as_array().unwrap().len(), 6);
}

fn full() {
    let workshop = Workshop::new();
    success(workshop.run(&["train", "--model", "model.toml", "--epochs", "2", "--out", "run"]));
    let bare = success(workshop.run(&["report", "run", "--out", "bare.html"]));
    assert!(
        !bare.contains("stress") && text(&workshop, "bare.html").contains("gpu-bearing report run --full")
    );
    success(workshop.run(&["report", "run", "--full"]));
    let page = text(&workshop, "run/report/index.html");
    for part in
        ["Under stress", "white noise, accuracy in %", "What decided", "of the attribution", "Physics: "]
    {
        assert!(page.contains(part), "{part}");
    }
    // One recording a condition, each tested on.
    let summary = workshop.json("run/summary.json");
    let classes = summary["classes"].as_array().unwrap();
    assert_eq!(page.matches(", taken for ").count(), classes.len());
    let examples = text(&workshop, "run/report/examples.svg");
    for class in classes {
        assert!(examples.contains(&format!("{}, taken for ", class.as_str().unwrap())), "{class}");
    }
    let stress = text(&workshop, "run/report/stress.csv");
    assert_eq!(
        stress.lines().filter(|line| line.contains("split by bearing; synthetic,white noise,")).count(),
        5
    );
    let document = workshop.json("run/report/figures.json");
    assert_eq!(
        document["runs"][0]["study"]["stress"]["test"], summary["test"],
        "without stress, that of the run"
    );
    let error = failure(workshop.run(&["report", "run", "--data", "data"]), 2);
    assert!(error.contains("--full"), "{error}");
}

fn side_by_side() {
    let workshop = Workshop::new();
    workshop.train("one", &["--epochs", "2"]);
    workshop.train("two", &["--epochs", "2", "--split", "time", "--learning-rate", "0.01"]);
    let output = success(workshop.run(&["report", "one", "two"]));
    assert!(output.contains("two  test loss") && output.contains("(split by time; leaky)"), "{output}");
    assert!(output.ends_with("page  report/index.html\n"), "{output}");
    let document = workshop.json("report/figures.json");
    let differ: Vec<&String> = document["differences"].as_object().unwrap().keys().collect();
    assert_eq!(differ, ["learning_rate", "split"]);
    let page = text(&workshop, "report/index.html");
    assert!(page.contains("The splits differ") && page.contains("class=\"mark leaky\""), "{page}");

    success(workshop.run(&["report", "two", "one", "--out", "both.html"]));
    assert!(text(&workshop, "both.html").contains("2 runs side by side"));
    assert!(!workshop.path("epochs.csv").exists());
}

fn refusals() {
    let workshop = Workshop::new();
    workshop.train("run", &["--epochs", "1"]);
    let refused = |arguments: &[&str]| failure(workshop.run(&[&["report"], arguments].concat()), 2);
    let error = refused(&["run", "--out", "run"]);
    assert!(error.contains("run: has things in it, and is no report's folder"), "{error}");
    let error = refused(&["run", "--out", "model.toml"]);
    assert!(error.contains("model.toml: is a file"), "{error}");
    let error = refused(&["run", "data"]);
    assert!(error.contains("data: is no run's folder"), "{error}");
    assert!(refused(&[]).contains("<RUN>"));
    fs::write(workshop.path("run/metrics.jsonl"), "{}\n").unwrap();
    let error = refused(&["run"]);
    assert!(error.contains("metrics.jsonl:1: is no epoch's record"), "{error}");
    fs::remove_file(workshop.path("run/summary.json")).unwrap();
    let error = refused(&["run"]);
    assert!(error.contains("not finished") && error.contains("train --resume run"), "{error}");
    assert!(!workshop.path("run/report").exists());
}
