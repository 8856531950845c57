//! The page of a reproduction, and the files beside it.

use std::collections::BTreeSet;

use maud::{Markup, html};

use super::sheets::{paper_split, percent, runs_of, sheets, split, time_split};
use crate::nn::Model;
use crate::report::confusion;
use crate::report::drawing::{self, Drawing};
use crate::report::figures::training_minutes;
use crate::report::page;
use crate::report::plot::{Curve, Panel, Scale};
use crate::report::runs::csv;
use crate::train::reproduce::{Experiment, Group, Reproduction, RunResult, paper};

/// The paper whose experiments these are.
const PAPER: &str =
    "Cao and Ye, “Application of Improved CNN-LSTM Model in Fault Diagnosis of Rolling Bearings”";

/// The page.
pub fn page(reproduction: &Reproduction) -> String {
    let figures = figures(reproduction);
    let training = reproduction.runs.iter().map(|run| (run.seconds, run.at_once));
    let body = html! {
        p { "The experiments of " (PAPER) ", run again with gpu-bearing. The figures that the paper prints stand beside ours." }
        (warnings(reproduction))
        (cards(reproduction))
        @for sheet in sheets(reproduction) {
            h2 { (sheet.title) }
            (sheet.markup())
            @if sheet.name == Experiment::Models.name() { (descriptions(reproduction)) }
            @for figure in figures.iter().filter(|figure| sheet.name == figure.experiment.name()) {
                (figure.inline())
            }
        }
        h2 { "How it was made" }
        (page::list(&[
            ("Adapter".to_owned(), distinct(reproduction, |run| &run.adapter)),
            ("Version".to_owned(), distinct(reproduction, |run| &run.version)),
            ("Runs".to_owned(), reproduction.runs.len().to_string()),
            ("Training, all runs".to_owned(), training_minutes(training)),
        ]))
    };
    page::frame("Reproduction", "A CNN-LSTM for bearing faults, reproduced", &body, &reproduction.command)
}

/// The files beside the page, by name.
pub fn files(reproduction: &Reproduction) -> Vec<(&'static str, String)> {
    let json = serde_json::to_string_pretty(reproduction).expect("every key is a string");
    let mut files = vec![("reproduction.json", json + "\n"), ("runs.csv", runs_csv(reproduction))];
    for figure in figures(reproduction) {
        let rows: Vec<(String, Vec<Drawing>)> = match figure.drawings[0].0.is_empty() {
            true => vec![(String::new(), figure.drawings.into_iter().map(|(_, drawing)| drawing).collect())],
            false => figure.drawings.into_iter().map(|(heading, drawing)| (heading, vec![drawing])).collect(),
        };
        files.push((figure.file, drawing::file(&figure.title, &rows)));
    }
    files
}

/// What must be known before any figure is read.
fn warnings(reproduction: &Reproduction) -> Markup {
    html! {
        @if reproduction.quick {
            (page::note(&html! { b { "Quick: " } "fewer runs and epochs than the paper’s, to see that everything works." }))
        }
        @if reproduction.synthetic {
            (page::note(&html! {
                b { "Synthetic: " } "on the embedded sample, which is computed. A rehearsal: to reproduce the paper, name the \
                folder of the CWRU recordings with --data."
            }))
        }
        (page::note(&html! {
            b { "Leaky: " } "the paper’s split mixes windows of one recording between training and test"
            @if !reproduction.synthetic {
                ", and its normal recording is sampled at 48 kHz while the others are at 12 kHz"
            }
            ". Accuracies near 100 % by that rule say nothing about a bearing \
            that was never seen. Beside them stands what the same models score when the recordings are resampled to one rate \
            and divided by time; it is still the same bearing on both sides."
        }))
    }
}

fn cards(reproduction: &Reproduction) -> Markup {
    let (paper, time) = (paper_split(reproduction).marked(), time_split(reproduction).marked());
    let (ten, transferred) = (reproduction.improved(), reproduction.transfer().long);
    html! {
        div.cards {
            @if let Some(test) = ten.over(|run| run.test.accuracy) {
                (page::card(&format!("test accuracy, {}", runs_of(&ten)), &percent(test.mean), &html! {
                    "paper: " (percent(paper::ten_runs::TEST_ACCURACY)) "; " (paper)
                }))
            }
            @if let Some(run) = reproduction.improved_by_time() {
                (page::card("balanced test accuracy, resampled, 1 run", &percent(run.test.balanced_accuracy), &time))
            }
            @if let Some(test) = transferred.over(|run| run.test.accuracy) {
                (page::card(&format!("test accuracy, transferred to 3 hp, {}", runs_of(&transferred)), &percent(test.mean), &html! {
                    "paper: " (percent(paper::transfer::TEST_ACCURACY)) "; " (paper)
                }))
            }
            @if let Some(diagnosis) = &reproduction.diagnosis {
                (page::card(&format!("diagnosis of {} windows", diagnosis.windows),
                    &format!("{:.2} s", diagnosis.seconds.median),
                    &html! { "paper: below " (paper::DIAGNOSIS_SECONDS) " s" }))
            }
        }
    }
}

/// What the models are, and how they were chosen where the paper gives no more than a name.
fn descriptions(reproduction: &Reproduction) -> Markup {
    let described: Vec<(&str, String)> = reproduction
        .models()
        .iter()
        .filter_map(|(model, _)| Some((*model, Model::description(model)?)))
        .collect();
    page::glossary(&described.iter().map(|(model, text)| (*model, text.as_str())).collect::<Vec<_>>())
}

/// Drawings with their caption, and where they stand.
struct Figure {
    /// The experiment whose table it stands below.
    experiment: Experiment,
    title: String,
    caption: String,
    /// Each with its heading, if it needs one.
    drawings: Vec<(String, Drawing)>,
    file: &'static str,
}

impl Figure {
    fn inline(&self) -> Markup {
        let part = |(heading, drawing): &(String, Drawing)| {
            html! {
                @if !heading.is_empty() { h4 { (heading) } }
                (page::figure(drawing))
            }
        };
        html! {
            h3 { (self.title) }
            (page::side_by_side(&self.drawings.iter().map(part).collect::<Vec<_>>()))
            p.soft { (self.caption) }
        }
    }
}

fn figures(reproduction: &Reproduction) -> Vec<Figure> {
    let split = paper_split(reproduction).words();
    let mut figures = Vec::new();
    let ten = reproduction.improved();
    if let Some(drawings) = curves(reproduction, &[("", &ten)], &split) {
        figures.push(Figure {
            experiment: Experiment::TenRuns,
            title: format!("Loss and accuracy of the last run of {} (Fig. 5)", ten.0.len()),
            caption: CURVES.to_owned(),
            drawings,
            file: "fig5.svg",
        });
    }
    let sweep = reproduction.dropout();
    if !sweep.is_empty() {
        let points = |figure: &dyn Fn(&Group<'_>) -> Option<f64>| {
            sweep.iter().filter_map(|(rate, runs)| Some((100.0 * rate, figure(runs)?))).collect::<Vec<_>>()
        };
        let error =
            points(&|runs| runs.over(|run| 100.0 * (1.0 - run.test.accuracy)).map(|error| error.mean));
        let loss = points(&|runs| runs.over(|run| run.test.loss).map(|loss| loss.mean));
        let panel = |title: String, points: Vec<(f64, f64)>| {
            let curves = vec![Curve { name: String::new(), points }];
            let top = Panel::highest(&curves);
            let x = "dropout, %".to_owned();
            (String::new(), Panel { title, x, scale: Scale::Counted, top, curves, mark: None }.draw())
        };
        figures.push(Figure {
            experiment: Experiment::Dropout,
            title: "Error and loss over the rate of dropout (Fig. 4)".to_owned(),
            caption: "Means over the runs of each rate. The error is what the accuracy lacks to 100 %."
                .to_owned(),
            drawings: vec![
                panel(format!("test error, % ({split})"), error),
                panel("test loss, nats".to_owned(), loss),
            ],
            file: "fig4.svg",
        });
    }
    let matrices: Vec<(String, Drawing)> =
        reproduction.models().iter().filter_map(|(name, runs)| matrix(name, runs)).collect();
    if !matrices.is_empty() {
        figures.push(Figure {
            experiment: Experiment::Models,
            title: "What the six models took the test windows for".to_owned(),
            caption: format!(
                "All runs of a model together, {split}; in the order of the table. A row is a true class."
            ),
            drawings: matrices,
            file: "confusion.svg",
        });
    }
    let transfer = reproduction.transfer();
    let groups = [("transferred", &transfer.long), ("from scratch", &transfer.scratch)];
    if let Some(drawings) = curves(reproduction, &groups, &split) {
        figures.push(Figure {
            experiment: Experiment::Transfer,
            title: "Loss and accuracy at 3 hp, last run of each (Fig. 7)".to_owned(),
            caption: CURVES.to_owned(),
            drawings,
            file: "fig7.svg",
        });
    }
    figures
}

const CURVES: &str = "Train: over the windows of the epoch while it went on, dropout on. Test: after the epoch; it chooses nothing, \
    the last epoch’s network is kept.";

/// Loss and accuracy over the epochs of the last run of each group.
fn curves(
    reproduction: &Reproduction,
    groups: &[(&str, &Group<'_>)],
    split: &str,
) -> Option<Vec<(String, Drawing)>> {
    let mut losses = Vec::new();
    let mut accuracies = Vec::new();
    for (name, group) in groups {
        let curve = reproduction.curves.get(&group.last()?.run.name)?;
        let named = |part: &str| format!("{name} {part}").trim_start().to_owned();
        let over = |values: &[f64], unit: f64| {
            values.iter().enumerate().map(|(epoch, value)| (epoch as f64 + 1.0, unit * value)).collect()
        };
        for (part, loss, accuracy) in [
            ("test", &curve.test_loss, &curve.test_accuracy),
            ("train", &curve.train_loss, &curve.train_accuracy),
        ] {
            losses.push(Curve { name: named(part), points: over(loss, 1.0) });
            accuracies.push(Curve { name: named(part), points: over(accuracy, 100.0) });
        }
    }
    let panel = |title: String, top, curves| {
        let x = "epoch".to_owned();
        (String::new(), Panel { title, x, scale: Scale::Counted, top, curves, mark: None }.draw())
    };
    let highest = Panel::highest(&losses);
    Some(vec![
        panel("loss, nats".to_owned(), highest, losses),
        panel(format!("accuracy, % ({split})"), 100.0, accuracies),
    ])
}

/// The confusion matrix over all runs of a model.
fn matrix(name: &str, runs: &Group<'_>) -> Option<(String, Drawing)> {
    let first = runs.0.first()?;
    let classes = 0..first.classes.len();
    let cell = |row: usize, column: usize| runs.0.iter().map(|run| run.confusion[row][column]).sum();
    let sum: Vec<Vec<u64>> =
        classes.clone().map(|row| classes.clone().map(|column| cell(row, column)).collect()).collect();
    let drawing = confusion::draw(&first.classes, &sum);
    Some((name.to_owned(), Drawing { label: format!("confusion matrix of {name}"), ..drawing }))
}

/// A row a run.
fn runs_csv(reproduction: &Reproduction) -> String {
    let head = "run,model,parameters,protocol,load_hp,dropout,seed,epochs,from,train_seconds,train_loss,train_accuracy,\
                test_loss,test_accuracy,test_balanced_accuracy,test_windows,split";
    let row = |result: &RunResult| {
        let run = &result.run;
        vec![
            run.name.clone(),
            run.model.clone(),
            result.parameters.to_string(),
            run.protocol.name().to_owned(),
            run.load.to_string(),
            run.dropout.map(|rate| rate.to_string()).unwrap_or_default(),
            run.seed.to_string(),
            run.epochs.to_string(),
            run.from.clone().unwrap_or_default(),
            result.seconds.to_string(),
            result.train.loss.to_string(),
            result.train.accuracy.to_string(),
            result.test.loss.to_string(),
            result.test.accuracy.to_string(),
            result.test.balanced_accuracy.to_string(),
            result.test.windows.to_string(),
            split(run.protocol, reproduction.synthetic).words(),
        ]
    };
    let head = head.split(',').map(str::to_owned).collect();
    csv(std::iter::once(head).chain(reproduction.runs.iter().map(row)))
}

/// What the runs have there, each once.
fn distinct<'a>(reproduction: &'a Reproduction, of: impl Fn(&'a RunResult) -> &'a String) -> String {
    let values: BTreeSet<&str> = reproduction.runs.iter().map(|run| of(run).as_str()).collect();
    values.into_iter().collect::<Vec<_>>().join("; ")
}
