//! The files beside the page of runs: its drawings, and every figure as CSV and JSON. A file of figures that no run has is
//! left out.

use super::scores::reliabilities;
use super::study::split;
use super::tested;
use crate::report::drawing::{self, Drawing};
use crate::report::plot::Panel;
use crate::report::runs::{self, Run, cell, csv};
use crate::report::scores::{BY, classifiers};
use crate::report::{alarms, attribution, confusion, curves, reliability, stress};
use crate::train::stress::{Curve, Point};
use crate::train::study::{Example, Study};

/// The files, by name.
pub fn files(runs: &[Run]) -> Vec<(&'static str, String)> {
    let highest_loss = curves::highest_loss(runs);
    let drawn = |panels: [Panel; 2]| panels.iter().map(Panel::draw).collect();
    let heading = |run: &Run| if runs.len() == 1 { String::new() } else { run.name.clone() };
    let mut plots: Vec<(String, Vec<Drawing>)> =
        runs.iter().map(|run| (heading(run), drawn(curves::of_run(run, highest_loss)))).collect();
    if runs.len() > 1 {
        plots.insert(0, ("all runs".to_owned(), drawn(curves::of_runs(runs))));
    }
    let matrix = |run: &Run| {
        let words = format!("{} test windows, {}", tested(run), run.split().words());
        let heading = [heading(run), words].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>();
        (heading.join(": "), vec![confusion::draw(&run.summary.classes, &run.summary.confusion)])
    };
    let matrices: Vec<(String, Vec<Drawing>)> = runs.iter().map(matrix).collect();
    let json = serde_json::to_string_pretty(&runs::document(runs)).expect("every key is a string");
    let mut files = vec![
        ("curves.svg", drawing::file("Learning curves", &plots)),
        ("confusion.svg", drawing::file("Confusion matrix", &matrices)),
        ("epochs.csv", runs::epochs_csv(runs)),
        ("classes.csv", runs::classes_csv(runs)),
        ("confusion.csv", runs::confusion_csv(runs)),
        ("figures.json", json + "\n"),
    ];

    let of_alarms = |run: &Run| {
        let alarms = run.summary.scores.as_ref()?.alarms.as_ref()?;
        Some((heading(run), vec![alarms::panel(alarms, &run.split().words()).draw()]))
    };
    let of_confidence = |run: &Run| {
        let drawn = reliabilities(run.summary.calibration.as_ref()?);
        let split = run.split().words();
        Some((heading(run), drawn.iter().map(|(what, of)| reliability::draw(what, &split, of)).collect()))
    };
    let thresholds: Vec<(String, Vec<Drawing>)> = runs.iter().filter_map(of_alarms).collect();
    let confidences: Vec<(String, Vec<Drawing>)> = runs.iter().filter_map(of_confidence).collect();
    if runs.iter().any(|run| run.summary.scores.is_some()) {
        files.push(("scores.csv", scores_csv(runs)));
    }
    if !thresholds.is_empty() {
        files.push(("alarms.svg", drawing::file("False alarms and missed faults", &thresholds)));
        files.push(("alarms.csv", alarms_csv(runs)));
    }
    if !confidences.is_empty() {
        files.push(("reliability.svg", drawing::file("Confidence and right answers", &confidences)));
        files.push(("reliability.csv", reliability_csv(runs)));
    }
    let studied = || runs.iter().filter_map(|run| Some((run, run.study.as_ref()?)));
    if studied().next().is_some() {
        let rows = |(run, study): (&Run, &Study)| stress::rows(&heading(run), &study.stress);
        files.push((
            "stress.svg",
            drawing::file("Under stress", &studied().flat_map(rows).collect::<Vec<_>>()),
        ));
        files.push(("stress.csv", stress_csv(studied())));
        files.push(("examples.svg", drawing::file("What decided", &examples(studied(), &heading))));
    }
    files
}

/// What decided about the examples, each under its run's heading and its recording's name.
fn examples<'a>(
    studied: impl Iterator<Item = (&'a Run, &'a Study)>,
    heading: &dyn Fn(&Run) -> String,
) -> Vec<(String, Vec<Drawing>)> {
    let mut rows = Vec::new();
    for (run, study) in studied {
        for Example { recording, condition, prediction, explanation, machine, .. } in &study.examples {
            let what = format!("{}: {condition}, taken for {}", recording.name, prediction.nearest);
            let parts: Vec<String> =
                [heading(run), what].into_iter().filter(|part| !part.is_empty()).collect();
            let drawings = attribution::drawings(explanation, recording, machine.as_ref());
            rows.extend(drawing::under(parts.join(", "), drawings.into_iter().map(|drawing| vec![drawing])));
        }
    }
    rows
}

/// A line a level of each perturbation of each run.
fn stress_csv<'a>(studied: impl Iterator<Item = (&'a Run, &'a Study)>) -> String {
    let header = [
        "run",
        "split",
        "perturbation",
        "quantity",
        "level",
        "balanced_accuracy",
        "accuracy",
        "loss",
        "windows",
    ];
    let mut lines = vec![header.map(str::to_owned).to_vec()];
    for (run, study) in studied {
        let split = split(&study.stress.clean).words();
        for Curve { perturbation, quantity, points } in &study.stress.curves {
            lines.extend(points.iter().map(|Point { level, figures }| {
                vec![
                    run.run.clone(),
                    split.clone(),
                    (*perturbation).to_owned(),
                    (*quantity).to_owned(),
                    level.to_string(),
                    figures.balanced_accuracy.to_string(),
                    figures.accuracy.to_string(),
                    figures.loss.to_string(),
                    figures.windows.to_string(),
                ]
            }));
        }
    }
    csv(lines)
}

/// A line by window and one by recording of each classifier of each run. The interval is by window, alarms are by
/// recording.
fn scores_csv(runs: &[Run]) -> String {
    let header = [
        "run",
        "split",
        "classifier",
        "by",
        "rows",
        "accuracy",
        "balanced_accuracy",
        "interval_low",
        "interval_high",
        "macro_f1",
        "macro_auroc",
        "false_alarms",
        "healthy",
        "missed_faults",
        "faulty",
    ];
    let mut lines = vec![header.map(str::to_owned).to_vec()];
    for run in runs {
        for (name, scores) in classifiers(&run.summary) {
            for (by, shown) in BY {
                let shown = shown(scores);
                let interval = scores.interval.filter(|_| by == "window");
                let alarms = scores.alarms.as_ref().filter(|_| by == "recording");
                lines.push(vec![
                    run.run.clone(),
                    run.split().words(),
                    name.to_owned(),
                    by.to_owned(),
                    shown.rows.to_string(),
                    shown.accuracy.to_string(),
                    shown.balanced_accuracy.to_string(),
                    cell(interval.map(|interval| interval.low)),
                    cell(interval.map(|interval| interval.high)),
                    shown.macro_f1.to_string(),
                    cell(shown.macro_auroc),
                    cell(alarms.map(|alarms| alarms.false_alarms)),
                    cell(alarms.map(|alarms| alarms.healthy)),
                    cell(alarms.map(|alarms| alarms.missed_faults)),
                    cell(alarms.map(|alarms| alarms.faulty)),
                ]);
            }
        }
    }
    csv(lines)
}

/// A line a threshold of each run's network, by recording.
fn alarms_csv(runs: &[Run]) -> String {
    let header = ["run", "split", "threshold", "false_alarms", "healthy", "missed_faults", "faulty"];
    let mut lines = vec![header.map(str::to_owned).to_vec()];
    for run in runs {
        let Some(alarms) = run.summary.scores.as_ref().and_then(|scores| scores.alarms.as_ref()) else {
            continue;
        };
        lines.extend(alarms.curve.iter().map(|point| {
            vec![
                run.run.clone(),
                run.split().words(),
                point.threshold.to_string(),
                point.false_alarms.to_string(),
                alarms.healthy.to_string(),
                point.missed_faults.to_string(),
                alarms.faulty.to_string(),
            ]
        }));
    }
    csv(lines)
}

/// A line a bin of each run's reliability, as trained (temperature 1) and at the fitted temperature.
fn reliability_csv(runs: &[Run]) -> String {
    let header = ["run", "split", "temperature", "above", "up_to", "windows", "confidence", "accuracy"];
    let mut lines = vec![header.map(str::to_owned).to_vec()];
    for run in runs {
        let Some(calibration) = &run.summary.calibration else { continue };
        let stages = [(1.0, &calibration.before), (calibration.temperature.value, &calibration.after)];
        let shown = if calibration.is_used() { 2 } else { 1 };
        for (temperature, reliability) in stages.into_iter().take(shown) {
            let of = reliability.bins.len() as f64;
            lines.extend(reliability.bins.iter().enumerate().map(|(index, bin)| {
                vec![
                    run.run.clone(),
                    run.split().words(),
                    temperature.to_string(),
                    (index as f64 / of).to_string(),
                    ((index + 1) as f64 / of).to_string(),
                    bin.count.to_string(),
                    cell(bin.confidence),
                    cell(bin.accuracy),
                ]
            }));
        }
    }
    csv(lines)
}
