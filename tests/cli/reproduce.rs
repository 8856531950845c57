//! `reproduce`: the paper's experiments, rehearsed on the sample.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::setup::{Test, Workshop, failure, success};

pub(crate) const TRIALS: &[Test] = &[
    ("a quick reproduction runs every experiment, and its page shows what the runs have", rehearsal),
    #[cfg(unix)]
    ("an interrupted reproduction ends as one that was not", interrupted),
    ("a reproduction refuses a folder of runs with other options, and unknown experiments", refused),
];

fn rehearsal() {
    let workshop = Workshop::new();
    let command = ["reproduce", "--quick", "--out", "all", "--json"];
    let figures: Value = serde_json::from_str(&success(workshop.run(&command))).unwrap();
    assert_eq!((&figures["quick"], &figures["synthetic"]), (&Value::Bool(true), &Value::Bool(true)));
    let runs = figures["runs"].as_array().unwrap();
    assert_eq!(runs.len(), 31);
    for run in runs {
        let name = run["name"].as_str().unwrap();
        let summary = workshop.json(&format!("all/runs/{name}/summary.json"));
        for key in ["train", "test", "confusion", "epochs", "parameters"] {
            assert_eq!(run[key], summary[key], "{key} of {name}");
        }
        assert_eq!(run["seconds"], summary["train_seconds"]);
        if let Some(from) = run["from"].as_str() {
            let origin = summary["origin"]["from"].as_str().unwrap();
            assert!(origin.ends_with(from), "{origin}");
        }
    }
    assert_eq!(workshop.json("all/report/reproduction.json"), figures);
    let page = String::from_utf8(workshop.read("all/report/index.html")).unwrap();
    for part in ["Table 3", "Fig. 4", "Table 4", "Table 5", "leaky", "synthetic", "Quick"] {
        assert!(page.contains(part), "{part}");
    }

    // The same page from its figures alone.
    let figures_alone = ["reproduce", "--figures", "all/report/reproduction.json"];
    let printed = success(workshop.run(&[&figures_alone[..], &["--out", "again"]].concat()));
    assert!(printed.contains("Six models (Table 4)") && printed.ends_with("page  again/report/index.html\n"));
    assert_eq!(workshop.read("again/report/index.html"), workshop.read("all/report/index.html"));
    assert!(!success(workshop.run(&figures_alone)).contains("page "));
    let other = ["reproduce", "--figures", "all/runs/cnn2d-1hp-seed-0/summary.json"];
    assert!(failure(workshop.run(&other), 2).contains("summary.json: is no reproduction.json"));

    // Every run is one that the other commands take.
    let run = "all/runs/cnn2d-1hp-seed-0";
    let evaluation: Value = serde_json::from_str(&success(workshop.run(&["eval", run, "--json"]))).unwrap();
    assert_eq!(evaluation["test"], workshop.json(&format!("{run}/summary.json"))["test"]);

    // Nothing is left to run: only the time of a diagnosis is measured anew.
    let again: Value = serde_json::from_str(&success(workshop.run(&command))).unwrap();
    assert_eq!(again["runs"], figures["runs"]);
}

#[cfg(unix)]
fn interrupted() {
    let workshop = Workshop::new();
    // A transfer among them, whose source is another run.
    let command = ["reproduce", "transfer", "--quick", "--out", "parts", "--jobs", "3"];
    // One training at a time, and then three: they do not disturb each other, and a transfer waits for its source.
    success(workshop.run(&[&command[..6], &["1"]].concat()));
    // Under one name, since a transfer's files name the folder of its source.
    std::fs::rename(workshop.path("parts"), workshop.path("whole")).unwrap();

    let mut child = workshop.command(&command);
    let mut child = child.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.as_mut().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().starts_with("  2/9")), "the runs before the first transfer end");
    std::thread::sleep(std::time::Duration::from_millis(1000));
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let error = failure(child.wait_with_output().unwrap(), 1);
    assert!(error.contains("interrupted in ") && error.contains(" of 9 runs are finished"), "{error}");
    assert!(error.matches("(epoch ").count() > 1, "several were under way: {error}");
    assert!(
        error.contains("go on with: ") && error.contains("reproduce transfer --quick --out parts"),
        "{error}"
    );
    assert!(!workshop.path("parts/report").exists());

    success(workshop.run(&command));
    for run in workshop.json("whole/report/reproduction.json")["runs"].as_array().unwrap() {
        let name = run["name"].as_str().unwrap();
        workshop.assert_same_run(&format!("whole/runs/{name}"), &format!("parts/runs/{name}"));
    }
}

fn refused() {
    let workshop = Workshop::new();
    success(workshop.run(&["reproduce", "diagnosis", "--quick", "--out", "one"]));
    // Refused before any other run is begun with these options.
    let missing = workshop.path("one/runs/cnn-lstm-1hp-by-time-seed-0");
    std::fs::remove_dir_all(&missing).unwrap();
    let error = failure(workshop.run(&["reproduce", "diagnosis", "--out", "one", "--jobs", "2"]), 2);
    assert!(!missing.exists());
    assert!(error.contains("begun with epochs 5, now it is 50: choose another folder with --out"), "{error}");
    // As a process leaves it that was killed before it had written a configuration.
    std::fs::create_dir(&missing).unwrap();
    success(workshop.run(&["reproduce", "diagnosis", "--quick", "--out", "one"]));
    assert!(missing.join("summary.json").exists());
    let error =
        failure(workshop.run(&["reproduce", "diagnosis", "--quick", "--out", "one", "--data", "data"]), 2);
    assert!(error.contains("lacks 6"), "{error}");
    let error = failure(workshop.run(&["reproduce", "dropouts"]), 2);
    assert!(error.contains("ten-runs, dropout, models, transfer, diagnosis"), "{error}");
}
