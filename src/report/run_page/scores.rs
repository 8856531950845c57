//! Sections of a run's page beyond loss and accuracy by window: by recording, ranking, confidence, and what plain
//! classifiers do. A run that kept fewer figures has none of them.

use maud::{Markup, html};

use super::plots;
use crate::report::figures::percent;
use crate::report::page::{self, Split};
use crate::report::runs::Run;
use crate::report::scores::{
    BY, alarm_counts, classifiers, graded, interval, plain_rows, right, standing, temperature, turned_away,
};
use crate::report::{Align, alarms, reliability};
use crate::train::metrics::Scores;
use crate::train::metrics::by_grade::GradeFigures;
use crate::train::metrics::calibration::{Calibration, Reliability};

/// All of them.
pub(super) fn sections(run: &Run) -> Markup {
    let Some(scores) = &run.summary.scores else { return html! {} };
    html! {
        h3 { "By recording" }
        (by_recording(scores, run))
        h3 { "Ranking" }
        (ranking(scores, run))
        h3 { "Confidence" }
        (confidence(run))
        (unknown(run))
        h3 { "Plain classifiers on the same split" }
        (plain(run))
    }
}

/// The runs' decisions by recording in one table, with those of the plain classifiers.
pub(super) fn comparison(runs: &[Run]) -> Markup {
    let columns = [
        ("Run", Align::Left),
        ("Over", Align::Left),
        ("Balanced", Align::Right),
        ("False alarms", Align::Right),
        ("Missed faults", Align::Right),
        ("Forest, balanced", Align::Right),
        ("Logistic, balanced", Align::Right),
    ];
    let row = |run: &Run| {
        let scores = run.summary.scores.as_ref()?;
        let balanced = |scores: Option<&Scores>| {
            let share = scores.map(|scores| scores.recordings.balanced_accuracy);
            html! { (share.map_or("–".to_owned(), percent)) }
        };
        let plain = run.summary.baselines.as_ref();
        let [false_alarms, missed] = counts(scores);
        Some(vec![
            html! { (run.name) },
            over(scores.recordings.rows, "recordings", &run.split()),
            balanced(Some(scores)),
            false_alarms,
            missed,
            balanced(plain.map(|plain| &plain.forest)),
            balanced(plain.map(|plain| &plain.logistic)),
        ])
    };
    let rows: Vec<Vec<Markup>> = runs.iter().filter_map(row).collect();
    html! { @if !rows.is_empty() { h3 { "By recording" } (page::table(&columns, &rows)) } }
}

/// The decisions of the run, and the threshold that could be set instead.
fn by_recording(scores: &Scores, run: &Run) -> Markup {
    let columns = [
        ("Over", Align::Left),
        ("Accuracy", Align::Right),
        ("Balanced", Align::Right),
        ("False alarms", Align::Right),
        ("Missed faults", Align::Right),
    ];
    let [false_alarms, missed] = counts(scores);
    let row = vec![
        over(scores.recordings.rows, "test recordings", &run.split()),
        html! { (percent(scores.recordings.accuracy)) },
        html! { (percent(scores.recordings.balanced_accuracy)) },
        false_alarms,
        missed,
    ];
    html! {
        (page::table(&columns, &[row]))
        (by_grade(run))
        @match &scores.alarms {
            Some(counted) => (plots(&[alarms::panel(counted, &run.split().words())])),
            None => p.soft { "No class is called healthy or normal, so that there are no false alarms to count." },
        }
    }
}

/// What network and plain classifiers find by grade; nothing where no recording has one.
fn by_grade(run: &Run) -> Markup {
    let all = classifiers(&run.summary);
    let Some(given) = all.first().and_then(|(_, scores)| graded(scores)) else { return html! {} };
    let mut columns = vec![("Grade", Align::Left)];
    columns.extend(all.iter().map(|(name, _)| (*name, Align::Right)));
    let row = |figures: &GradeFigures| {
        let mut row = vec![html! { (figures.grade) ", " (figures.grade.meaning()) }];
        row.extend(all.iter().map(|(_, scores)| {
            let of_grade = scores.grades.iter().find(|of| of.grade == figures.grade);
            html! { (of_grade.map_or("–".to_owned(), right)) }
        }));
        row
    };
    let rows: Vec<Vec<Markup>> = all[0].1.grades.iter().map(row).collect();
    html! {
        (page::table(&columns, &rows))
        p.soft { "Recordings whose class was found, " (run.split().marked()) ". " (given) }
    }
}

/// What does not hang on a threshold, and how far the accuracy would move.
fn ranking(scores: &Scores, run: &Run) -> Markup {
    let columns = [("Over", Align::Left), ("Macro F1", Align::Right), ("Macro AUROC", Align::Right)];
    let rows = BY.map(|(by, shown)| {
        let shown = shown(scores);
        vec![
            over(shown.rows, &format!("test {by}s"), &run.split()),
            html! { (percent(shown.macro_f1)) },
            auroc(shown.macro_auroc),
        ]
    });
    html! {
        (page::table(&columns, &rows))
        p { (interval(scores, &run.split().words())) }
    }
}

/// Whether the confidence is the share of right answers, before and after the temperature.
fn confidence(run: &Run) -> Markup {
    let (split, calibration) = (run.split().words(), run.summary.calibration.as_ref());
    let drawings: Vec<Markup> = calibration
        .map(reliabilities)
        .unwrap_or_default()
        .iter()
        .map(|(what, reliability)| page::figure(&reliability::draw(what, &split, reliability)))
        .collect();
    html! {
        p { (temperature(calibration, &split)) }
        (page::side_by_side(&drawings))
    }
}

/// What is turned away; nothing where nothing validates.
fn unknown(run: &Run) -> Markup {
    let sentences = turned_away(&run.summary, &run.split().words());
    html! {
        @if !sentences.is_empty() {
            h3 { "Turned away as unknown" }
            p { (sentences.join(" ")) }
        }
    }
}

/// The network beside the plain classifiers.
fn plain(run: &Run) -> Markup {
    let Some(given) = plain_rows(&run.summary) else {
        return html! { p { "None were fitted: recordings were not brought to one rate, or leave a class without a row." } };
    };
    let columns =
        [("", Align::Left), ("Over", Align::Left), ("Balanced", Align::Right), ("Macro AUROC", Align::Right)];
    let all = classifiers(&run.summary);
    let rows: Vec<Vec<Markup>> = (BY.into_iter())
        .flat_map(|(by, shown)| all.iter().map(move |(name, scores)| (*name, by, shown(scores))))
        .map(|(name, by, shown)| {
            vec![
                html! { (name) },
                over(shown.rows, &format!("{by}s"), &run.split()),
                html! { (percent(shown.balanced_accuracy)) },
                auroc(shown.macro_auroc),
            ]
        })
        .collect();
    html! {
        (page::table(&columns, &rows))
        @for sentence in standing(&run.summary, &run.split().words()) { p { (sentence) } }
        p.soft { (given) }
    }
}

/// What there is to draw of `calibration`, with what it is of: a temperature that is not used is not drawn.
pub(super) fn reliabilities(calibration: &Calibration) -> Vec<(String, &Reliability)> {
    let Calibration { temperature, before, after, .. } = calibration;
    let mut drawn = vec![("test windows as trained".to_owned(), before)];
    if calibration.is_used() {
        drawn.push((format!("test windows at temperature {:.2}", temperature.value), after));
    }
    drawn
}

fn over(rows: usize, of: &str, split: &Split) -> Markup {
    html! { (rows) " " (of) ", " (split.marked()) }
}

fn counts(scores: &Scores) -> [Markup; 2] {
    match alarm_counts(scores) {
        Some(counts) => counts.map(|count| html! { (count) }),
        None => [html! { "–" }, html! { "–" }],
    }
}

fn auroc(share: Option<f64>) -> Markup {
    html! { (share.map_or("–".to_owned(), percent)) }
}
