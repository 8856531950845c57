//! The paper's tables with our figures beside its own.

use crate::report::Align;
use crate::report::figures::side_by_side;
use crate::report::page::Split;
use crate::report::sheet::{Sheet, columns};
use crate::train::reproduce::{Experiment, Group, Reproduction, RunResult, TransferGroups, paper};
use crate::train::{Protocol, Statistic};

/// All tables whose runs there are.
pub fn sheets(reproduction: &Reproduction) -> Vec<Sheet> {
    let all = [ten_runs(reproduction), dropout(reproduction), models(reproduction), transfer(reproduction)];
    let mut sheets: Vec<Sheet> = all.into_iter().flatten().collect();
    sheets.extend(diagnosis(reproduction));
    sheets.push(windows(reproduction));
    sheets
}

/// A share as the paper prints it.
pub(super) fn percent(share: f64) -> String {
    format!("{:.2} %", 100.0 * share)
}

/// Mean and standard deviation; the mean alone of one run.
fn spread_percent(statistic: &Statistic) -> String {
    match statistic.runs {
        1 => percent(statistic.mean),
        _ => format!("{:.2} ± {:.2} %", 100.0 * statistic.mean, 100.0 * statistic.deviation),
    }
}

fn seconds(value: f64) -> String {
    format!("{value:.1} s")
}

/// How a protocol divides windows, which stands beside every accuracy.
pub fn split(protocol: Protocol, synthetic: bool) -> Split {
    Split { name: format!("split by {}", protocol.rule()), synthetic, leaky: true }
}

/// The split of the paper's own rule.
pub(super) fn paper_split(reproduction: &Reproduction) -> Split {
    split(Protocol::Paper, reproduction.synthetic)
}

/// The split of the runs divided by time.
pub(super) fn time_split(reproduction: &Reproduction) -> Split {
    split(Protocol::PaperByTime, reproduction.synthetic)
}

fn leaks(reproduction: &Reproduction) -> String {
    let rates = if reproduction.synthetic {
        ""
    } else {
        "; the normal recording is sampled at 48 kHz, the others at 12 kHz, so that the rate alone tells it apart"
    };
    format!("{}: windows of one recording are on both sides{rates}", paper_split(reproduction).words())
}

/// Mean, worst and best of a loss.
fn losses(ours: &Statistic) -> [String; 3] {
    [ours.mean, ours.max, ours.min].map(|value| format!("{value:.5}"))
}

/// Mean with spread, worst and best of an accuracy.
fn accuracies(ours: &Statistic) -> [String; 3] {
    [spread_percent(ours), percent(ours.min), percent(ours.max)]
}

fn ten_runs(reproduction: &Reproduction) -> Option<Sheet> {
    use paper::ten_runs as theirs;
    let runs = reproduction.improved();
    let over = |figure: fn(&RunResult) -> f64| runs.over(figure);
    let (train_loss, train) = (over(|run| run.train.loss)?, over(|run| run.train.accuracy)?);
    let (test_loss, test) = (over(|run| run.test.loss)?, over(|run| run.test.accuracy)?);
    let mut rows = Vec::new();
    let mut pair = |figure: &str, theirs: [String; 3], ours: [String; 3]| {
        let row = |first: &str, whose: String, cells: [String; 3]| {
            [first.to_owned(), whose].into_iter().chain(cells).collect::<Vec<_>>()
        };
        rows.push(row(figure, "paper, 10 runs".to_owned(), theirs));
        rows.push(row("", format!("ours, {}", runs_of(&runs)), ours));
    };
    let mean = |mean: String| [mean, none(), none()];
    pair("train loss", mean(format!("{:.5}", theirs::TRAIN_LOSS)), losses(&train_loss));
    // The paper gives three digits here.
    pair("train accuracy", mean(format!("{:.3} %", 100.0 * theirs::TRAIN_ACCURACY)), accuracies(&train));
    pair("test loss", mean(format!("{:.5}", theirs::TEST_LOSS)), losses(&test_loss));
    let theirs = [theirs::TEST_ACCURACY, theirs::WORST_TEST_ACCURACY, theirs::BEST_TEST_ACCURACY];
    pair("test accuracy", theirs.map(percent), accuracies(&test));
    Some(Sheet {
        name: Experiment::TenRuns.name(),
        title: "The improved CNN-LSTM (Table 3)".to_owned(),
        columns: columns(&[
            ("figure", Align::Left),
            ("whose", Align::Left),
            ("mean", Align::Right),
            ("worst", Align::Right),
            ("best", Align::Right),
        ]),
        rows,
        note: leaks(reproduction),
    })
}

fn dropout(reproduction: &Reproduction) -> Option<Sheet> {
    let sweep = reproduction.dropout();
    let row = |(rate, runs): &(f64, Group<'_>)| {
        let (test, loss) = (runs.over(|run| run.test.accuracy)?, runs.over(|run| run.test.loss)?);
        let best = if *rate == paper::BEST_DROPOUT { "best in the paper" } else { "" };
        let mut row = vec![rate.to_string(), runs_of(runs)];
        row.extend(accuracies(&test));
        row.extend([format!("{:.5}", loss.mean), best.to_owned()]);
        Some(row)
    };
    sweep.first()?;
    Some(Sheet {
        name: Experiment::Dropout.name(),
        title: "Dropout (Fig. 4)".to_owned(),
        columns: columns(&[
            ("rate", Align::Left),
            ("ours", Align::Left),
            ("test accuracy", Align::Right),
            ("worst", Align::Right),
            ("best", Align::Right),
            ("test loss", Align::Right),
            ("", Align::Left),
        ]),
        rows: sweep.iter().filter_map(row).collect(),
        note: leaks(reproduction),
    })
}

fn models(reproduction: &Reproduction) -> Option<Sheet> {
    let models = reproduction.models();
    models.first()?;
    let mut rows = Vec::new();
    for ((model, runs), theirs) in models.iter().zip(&paper::MODELS) {
        let (train, test) = (runs.over(|run| run.train.accuracy)?, runs.over(|run| run.test.accuracy)?);
        let time = runs.over(|run| run.seconds)?;
        let by_time = reproduction.by_time(model).map(|run| percent(run.test.balanced_accuracy));
        rows.push(vec![
            theirs.name.to_owned(),
            "paper, 5 runs".to_owned(),
            percent(theirs.train_accuracy),
            percent(theirs.test_accuracy),
            none(),
            seconds(theirs.seconds),
            none(),
        ]);
        rows.push(vec![
            format!("{model}, {} parameters", runs.0.first()?.parameters),
            format!("ours, {}", runs_of(runs)),
            percent(train.mean),
            spread_percent(&test),
            percent(test.min),
            seconds(time.median),
            by_time.unwrap_or_else(none),
        ]);
    }
    Some(Sheet {
        name: Experiment::Models.name(),
        title: "Six models (Table 4)".to_owned(),
        columns: columns(&[
            ("model", Align::Left),
            ("whose", Align::Left),
            ("train", Align::Right),
            ("test", Align::Right),
            ("worst", Align::Right),
            ("time", Align::Right),
            ("by time", Align::Right),
        ]),
        rows,
        note: format!(
            "mean accuracy; {}. By time: balanced accuracy over the test windows of one run on the same recordings, \
             resampled to one rate ({}). Time: of training, ours the median{}, on different machines",
            leaks(reproduction),
            time_split(reproduction).words(),
            side_by_side(reproduction.runs.iter().map(|run| run.at_once))
        ),
    })
}

fn transfer(reproduction: &Reproduction) -> Option<Sheet> {
    use paper::transfer as theirs;
    let TransferGroups { scratch, long, short } = reproduction.transfer();
    let from_scratch = scratch.over(|run| run.seconds)?.median;
    let ours = |how: &str, runs: &Group<'_>| {
        let (train, test) = (runs.over(|run| run.train.accuracy)?, runs.over(|run| run.test.accuracy)?);
        let time = runs.over(|run| run.seconds)?.median;
        let saved = 1.0 - time / from_scratch;
        Some(vec![
            format!("{how}, {} epochs", runs.0.first()?.run.epochs),
            format!("ours, {}", runs_of(runs)),
            percent(train.mean),
            spread_percent(&test),
            percent(test.min),
            seconds(time),
            if runs.0.iter().all(|result| result.run.from.is_some()) { percent(saved) } else { none() },
        ])
    };
    let paper = |epochs: usize, train: String, time: f64, saved: f64| {
        let test = percent(theirs::TEST_ACCURACY);
        let first = format!("transferred, {epochs} epochs");
        vec![first, "paper, 5 runs".to_owned(), train, test.clone(), test, seconds(time), percent(saved)]
    };
    Some(Sheet {
        name: Experiment::Transfer.name(),
        title: "Transfer from 1 hp to 3 hp (Table 5)".to_owned(),
        columns: columns(&[
            ("training at 3 hp", Align::Left),
            ("whose", Align::Left),
            ("train", Align::Right),
            ("test", Align::Right),
            ("worst", Align::Right),
            ("time", Align::Right),
            ("saved", Align::Right),
        ]),
        rows: vec![
            ours("from scratch", &scratch)?,
            paper(theirs::EPOCHS, percent(theirs::TRAIN_ACCURACY), theirs::SECONDS, theirs::SAVED),
            ours("transferred", &long)?,
            paper(theirs::SHORT_EPOCHS, none(), theirs::SHORT_SECONDS, theirs::SHORT_SAVED),
            ours("transferred", &short)?,
        ],
        note: format!(
            "mean accuracy; the network of 1 hp is frozen, a dense layer and the output layer learn. Time: of training, ours the median{}. \
             Saved: of the time from scratch; {}",
            side_by_side(reproduction.runs.iter().map(|run| run.at_once)),
            leaks(reproduction)
        ),
    })
}

/// Where there is no figure.
fn none() -> String {
    "-".to_owned()
}

fn diagnosis(reproduction: &Reproduction) -> Option<Sheet> {
    let diagnosis = reproduction.diagnosis.as_ref()?;
    let spread = diagnosis.seconds;
    Some(Sheet {
        name: Experiment::Diagnosis.name(),
        title: "Time of diagnosis".to_owned(),
        columns: columns(&[
            ("work", Align::Left),
            ("paper", Align::Right),
            ("ours, median", Align::Right),
            ("spread", Align::Right),
        ]),
        rows: vec![vec![
            format!("all {} test windows", diagnosis.windows),
            format!("below {:.0} s", paper::DIAGNOSIS_SECONDS),
            format!("{:.3} s", spread.median),
            format!("{:.3} to {:.3} s", spread.min, spread.max),
        ]],
        note: "from the list of windows to their classes, the model loaded and compiled; different machines"
            .to_owned(),
    })
}

/// How many windows of each class there are at each load, by either rule.
fn windows(reproduction: &Reproduction) -> Sheet {
    let mut rows: Vec<Vec<String>> = Vec::new();
    let mut seen = Vec::new();
    for result in &reproduction.runs {
        let run = &result.run;
        let key = (run.protocol, run.load);
        if seen.contains(&key) {
            continue;
        }
        seen.push(key);
        let classes =
            result.classes.iter().map(|class| format!("{} {class}", result.windows.get(class).unwrap_or(&0)));
        let total: usize = result.windows.values().sum();
        rows.push(vec![
            format!("{} hp, --protocol {}", run.load, run.protocol.name()),
            total.to_string(),
            result.train.windows.to_string(),
            result.test.windows.to_string(),
            classes.collect::<Vec<_>>().join(", "),
        ]);
    }
    Sheet {
        name: "windows",
        title: "Windows".to_owned(),
        columns: columns(&[
            ("recordings", Align::Left),
            ("windows", Align::Right),
            ("train", Align::Right),
            ("test", Align::Right),
            ("by class", Align::Left),
        ]),
        rows,
        note: "the paper: 1800 windows of 400 samples, 300 a class, 1440 to train and 360 to test".to_owned(),
    }
}

/// How many runs stand behind a figure.
pub(super) fn runs_of(group: &Group<'_>) -> String {
    match group.0.len() {
        1 => "1 run".to_owned(),
        runs => format!("{runs} runs"),
    }
}
