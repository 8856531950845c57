//! The page of a cross-validation, its tables, and the files beside it.

use std::collections::BTreeSet;

use maud::{Markup, html};

use super::figures::{percent, training_minutes};
use super::runs::{cell, csv};
use super::sheet::{Sheet, columns};
use super::{Align, drawing, ladder, page, scores};
use crate::train::Statistic;
use crate::train::cross_validate::{Classifier, CrossValidation, FoldResult, LOAD_PAIRS};
use crate::train::metrics::by_grade::sum;
use crate::train::metrics::{Scores, Shown};

/// All tables.
pub fn sheets(validation: &CrossValidation) -> Vec<Sheet> {
    let mut sheets = vec![rungs(validation)];
    sheets.extend(alarms(validation));
    sheets.extend(grades(validation));
    for classifier in Classifier::ALL {
        sheets.extend(pairs(validation, classifier));
    }
    sheets
}

/// The page.
pub fn page(validation: &CrossValidation) -> String {
    let CrossValidation { classes, recordings, model, adapter, version, .. } = validation;
    let training = validation.folds.iter().map(|fold| (fold.seconds, fold.at_once));
    let body = html! {
        p { "The same network and the same plain classifiers, on " (recordings) " recordings that were divided in one way \
            after the other. What stays together in a split decides what its figure means." }
        @if validation.synthetic {
            (page::note(&html! { b { "Synthetic: " } "the embedded sample, which is computed." }))
        }
        @for sheet in sheets(validation) {
            h2 { (sheet.title) }
            @if sheet.name == LADDER { (page::figure(&ladder::draw(validation))) }
            (sheet.markup())
        }
        h2 { "What the splits show" }
        (page::glossary(&MEANINGS))
        h2 { "Folds" }
        (folds(validation))
        h2 { "How it was made" }
        (page::list(&[
            ("Model".to_owned(), model.clone()),
            ("Classes".to_owned(), classes.join(", ")),
            ("Limits".to_owned(), limits(validation)),
            ("Plain classifiers".to_owned(), rows(validation)),
            ("Training, all folds".to_owned(), training_minutes(training)),
            ("Adapter".to_owned(), adapter.clone()),
            ("Version".to_owned(), version.clone()),
        ]))
    };
    page::frame(
        "Cross-validation",
        "An accuracy for every way to divide the recordings",
        &body,
        &validation.command,
    )
}

/// The files beside the page, by name.
pub fn files(validation: &CrossValidation) -> Vec<(&'static str, String)> {
    let json = serde_json::to_string_pretty(validation).expect("every key is a string");
    let drawing =
        drawing::file("The ladder of splits", &[(limits(validation), vec![ladder::draw(validation)])]);
    vec![
        ("cross-validation.json", json + "\n"),
        ("folds.csv", folds_csv(validation)),
        ("ladder.svg", drawing),
    ]
}

/// The table that is drawn as well.
const LADDER: &str = "ladder";

/// What a figure of each rung is about.
const MEANINGS: [(&str, &str); 7] = [
    ("bearing", "A bearing that was never seen: what a user needs."),
    ("fault-size", "A defect of another size, of a known kind, on a bearing that was never seen."),
    ("load", "Another motor load, of bearings that were learned from where they ran at several: then leaky."),
    (LOAD_PAIRS, "Learned at one load, tested at another: of the same bearings leaky."),
    ("recording", "Another recording, often of a bearing that was learned from: then leaky."),
    ("time", "Another moment of recordings that were learned from: leaky."),
    ("window", "Windows between those that were learned from: leaky, and nothing beyond fitting."),
];

/// Windows and epochs at most.
pub fn limits(validation: &CrossValidation) -> String {
    let windows = match validation.most_windows {
        Some(most) => format!("at most {most} windows a recording"),
        None => "all windows".to_owned(),
    };
    format!("{windows}, {} epochs", validation.most_epochs)
}

/// Mean and standard deviation; the mean alone of one fold.
fn spread(statistic: Option<Statistic>) -> String {
    let Some(Statistic { runs, mean, deviation, .. }) = statistic else { return "-".to_owned() };
    match runs {
        1 => percent(mean),
        _ => format!("{:.1} ± {:.1} %", 100.0 * mean, 100.0 * deviation),
    }
}

/// A rung with what there is to say against it.
fn rung(validation: &CrossValidation, name: &str) -> String {
    let leaky = validation.leaky_classes(name);
    match leaky.len() {
        0 => name.to_owned(),
        all if all == validation.classes.len() => format!("{name}; leaky"),
        _ => format!("{name}; leaky for {}", leaky.into_iter().collect::<Vec<_>>().join(", ")),
    }
}

fn rungs(validation: &CrossValidation) -> Sheet {
    let mut rows = Vec::new();
    for name_of_rung in validation.rungs() {
        for classifier in Classifier::ALL {
            let over =
                |figure: fn(&Scores) -> Option<f64>| validation.statistic(name_of_rung, classifier, figure);
            let Some(balanced) = over(|scores| Some(scores.windows.balanced_accuracy)) else { continue };
            let first = classifier == Classifier::Network;
            rows.push(vec![
                if first { rung(validation, name_of_rung) } else { String::new() },
                if first { balanced.runs.to_string() } else { String::new() },
                classifier.name().to_owned(),
                spread(Some(balanced)),
                percent(balanced.min),
                spread(over(|scores| scores.windows.macro_auroc)),
                spread(over(|scores| Some(scores.recordings.balanced_accuracy))),
            ]);
        }
    }
    Sheet {
        name: LADDER,
        title: "The ladder of splits".to_owned(),
        columns: columns(&[
            ("split by", Align::Left),
            ("folds", Align::Right),
            ("", Align::Left),
            ("balanced accuracy", Align::Right),
            ("worst fold", Align::Right),
            ("macro AUROC", Align::Right),
            ("by recording", Align::Right),
        ]),
        rows,
        note: format!(
            "Mean ± standard deviation over the folds. Balanced accuracy and AUROC are by window, the last column is the \
             balanced accuracy of decisions by recording. Limits: {}; {}.",
            limits(validation),
            self::rows(validation)
        ),
    }
}

/// How long the rows of the plain classifiers are.
fn rows(validation: &CrossValidation) -> String {
    let baselines = || validation.folds.iter().filter_map(|fold| fold.baselines.as_ref());
    let lengths: BTreeSet<usize> = baselines().map(|baselines| baselines.samples).collect();
    let words: Vec<String> = lengths.iter().map(usize::to_string).collect();
    let lines = match baselines().all(|baselines| baselines.fault_frequencies) {
        true => "with lines at the fault frequencies",
        false => "without lines at the fault frequencies, since bearing or speed of a recording is not known",
    };
    match words.len() {
        0 => "no plain classifiers".to_owned(),
        _ => format!("plain classifiers on windows of {} samples, {lines}", words.join(" or ")),
    }
}

/// False alarms and missed faults, all folds together.
fn alarms(validation: &CrossValidation) -> Option<Sheet> {
    let mut rows = Vec::new();
    for name_of_rung in validation.rungs() {
        for classifier in Classifier::ALL {
            let mut counts = [0; 4];
            for alarms in
                validation.of(name_of_rung).filter_map(|fold| classifier.scores(fold)?.alarms.as_ref())
            {
                let of_fold = [alarms.false_alarms, alarms.healthy, alarms.missed_faults, alarms.faulty];
                counts.iter_mut().zip(of_fold).for_each(|(count, of_fold)| *count += of_fold);
            }
            let [false_alarms, healthy, missed, faulty] = counts;
            if healthy + faulty > 0 {
                rows.push(vec![
                    if classifier == Classifier::Network {
                        rung(validation, name_of_rung)
                    } else {
                        String::new()
                    },
                    classifier.name().to_owned(),
                    format!("{false_alarms} of {healthy}"),
                    format!("{missed} of {faulty}"),
                ]);
            }
        }
    }
    (!rows.is_empty()).then(|| Sheet {
        name: "alarms",
        title: "False alarms and missed faults".to_owned(),
        columns: columns(&[
            ("split by", Align::Left),
            ("", Align::Left),
            ("healthy called faulty", Align::Right),
            ("faulty called healthy", Align::Right),
        ]),
        rows,
        note: "Decisions by recording, counted over all folds: a recording that tests in several folds counts in each."
            .to_owned(),
    })
}

/// What is found by grade of the recordings, all folds together.
fn grades(validation: &CrossValidation) -> Option<Sheet> {
    let mut rows = Vec::new();
    for name_of_rung in validation.rungs() {
        let of = Classifier::ALL.map(|classifier| {
            let folds = validation.of(name_of_rung).filter_map(|fold| classifier.scores(fold));
            sum(folds.flat_map(|scores| scores.grades.iter().copied()))
        });
        for (index, grade) in of[0].iter().map(|figures| figures.grade).enumerate() {
            let mut row = vec![
                if index == 0 { rung(validation, name_of_rung) } else { String::new() },
                format!("{grade}, {}", grade.meaning()),
            ];
            row.extend(of.each_ref().map(|figures| {
                let of_grade = figures.iter().find(|figures| figures.grade == grade);
                of_grade.map_or("-".to_owned(), scores::right)
            }));
            rows.push(row);
        }
    }
    let mut headings = vec![("split by", Align::Left), ("grade", Align::Left)];
    headings.extend(Classifier::ALL.map(|classifier| (classifier.name(), Align::Right)));
    (!rows.is_empty()).then(|| Sheet {
        name: "grades",
        title: "By Smith and Randall's grade of the recordings".to_owned(),
        columns: columns(&headings),
        rows,
        note: format!(
            "Decisions by recording whose class was found, counted over all folds: a recording that tests in several folds \
             counts in each. {}",
            scores::GRADES
        ),
    })
}

/// A row for the load learned from, a column for the load tested at.
fn pairs(validation: &CrossValidation, classifier: Classifier) -> Option<Sheet> {
    let folds: Vec<(&str, &str, &Shown)> = (validation.of(LOAD_PAIRS))
        .filter_map(|fold| {
            let (from, to) = fold.holdout.as_deref()?.split_once(':')?;
            Some((from, to, &classifier.scores(fold)?.windows))
        })
        .collect();
    if folds.is_empty() {
        return None;
    }
    let loads: BTreeSet<&str> = folds.iter().map(|(from, ..)| *from).collect();
    let mut headings = vec![("learned at \\ tested at".to_owned(), Align::Left)];
    headings.extend(loads.iter().map(|load| (format!("{load} hp"), Align::Right)));
    let cell = |from: &str, to: &str| {
        let fold = folds.iter().find(|fold| (fold.0, fold.1) == (from, to));
        fold.map_or("-".to_owned(), |(.., shown)| percent(shown.balanced_accuracy))
    };
    Some(Sheet {
        name: "pairs",
        title: format!("From one load to another: {}", classifier.name()),
        columns: headings,
        rows: (loads.iter())
            .map(|from| {
                std::iter::once(format!("{from} hp")).chain(loads.iter().map(|to| cell(from, to))).collect()
            })
            .collect(),
        note: format!(
            "Balanced accuracy by window (split by {}). Limits: {}.",
            rung(validation, LOAD_PAIRS),
            limits(validation)
        ),
    })
}

fn folds(validation: &CrossValidation) -> Markup {
    let headings = [
        ("fold", Align::Left),
        ("tested on", Align::Left),
        ("train, validation, test", Align::Right),
        ("network", Align::Right),
        ("forest", Align::Right),
        ("logistic", Align::Right),
    ];
    let row = |fold: &FoldResult| {
        let [train, validated, test] = fold.windows;
        let mut row = vec![
            html! { (fold.run) },
            html! { (tested(fold)) @if fold.leaky { " " span.mark.leaky { "leaky" } } },
            html! { (train) ", " (validated) ", " (test) },
        ];
        row.extend(Classifier::ALL.map(|classifier| {
            let scores = classifier.scores(fold);
            html! { (scores.map_or("-".to_owned(), |scores| percent(scores.windows.balanced_accuracy))) }
        }));
        row
    };
    let rows: Vec<Vec<Markup>> = validation.folds.iter().map(row).collect();
    html! {
        (page::table(&headings, &rows))
        p.soft { "Balanced accuracy by window. Every fold is a run that eval, predict and report take." }
    }
}

/// What a fold tested on.
fn tested(fold: &FoldResult) -> String {
    match (&fold.holdout, fold.held_out.is_empty()) {
        (Some(pair), _) if pair.contains(':') => format!("{} hp", pair.replace(':', " hp to ")),
        (_, false) => fold.held_out.join(", "),
        (_, true) => format!("drawn, seed {}", fold.seed),
    }
}

fn folds_csv(validation: &CrossValidation) -> String {
    let header = [
        "split",
        "run",
        "tested_on",
        "seed",
        "leaky",
        "classifier",
        "windows",
        "accuracy",
        "balanced_accuracy",
        "macro_f1",
        "macro_auroc",
        "recordings",
        "recording_accuracy",
        "recording_balanced_accuracy",
        "recording_macro_auroc",
    ];
    let mut lines = vec![header.map(str::to_owned).to_vec()];
    for fold in &validation.folds {
        for classifier in Classifier::ALL {
            let Some(scores) = classifier.scores(fold) else { continue };
            let (windows, recordings) = (scores.windows, scores.recordings);
            lines.push(vec![
                fold.rung.clone(),
                fold.run.clone(),
                tested(fold),
                fold.seed.to_string(),
                fold.leaky.to_string(),
                classifier.name().to_owned(),
                windows.rows.to_string(),
                windows.accuracy.to_string(),
                windows.balanced_accuracy.to_string(),
                windows.macro_f1.to_string(),
                cell(windows.macro_auroc),
                recordings.rows.to_string(),
                recordings.accuracy.to_string(),
                recordings.balanced_accuracy.to_string(),
                cell(recordings.macro_auroc),
            ]);
        }
    }
    csv(lines)
}
