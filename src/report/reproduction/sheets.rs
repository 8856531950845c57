//! The paper's tables with our figures beside its own.

use crate::report::figures::split_words;
use crate::report::{Align, Table};
use crate::train::reproduce::{Group, Reproduction, RunResult, Statistic, Transfer, paper};

/// A table with what to know beside it.
#[derive(Debug, Clone, PartialEq)]
pub struct Sheet {
    /// What it shows, and where the paper does.
    pub title: String,
    /// Its columns.
    pub columns: Vec<(&'static str, Align)>,
    /// Its rows; the first cell names the row.
    pub rows: Vec<Vec<String>>,
    /// What every figure in it must be read with.
    pub note: String,
}

impl Sheet {
    /// As it stands on the terminal.
    pub fn table(&self) -> Table {
        let mut table = Table::new(&self.columns);
        for row in &self.rows {
            table.row(row);
        }
        table
    }
}

/// All tables whose experiments were run.
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

/// The split of the paper's own rule, as every table that stands on it says.
pub(super) fn paper_split(reproduction: &Reproduction) -> String {
    split_words("split by window", reproduction.synthetic, true)
}

/// The split of the runs divided by time.
fn time_split(reproduction: &Reproduction) -> String {
    split_words("split by time", reproduction.synthetic, true)
}

fn leaks(reproduction: &Reproduction) -> String {
    let rates = if reproduction.synthetic {
        ""
    } else {
        "; the normal recording is sampled at 48 kHz, the others at 12 kHz, so that the rate alone tells it apart"
    };
    format!("{}: windows of one recording are on both sides{rates}", paper_split(reproduction))
}

fn ten_runs(reproduction: &Reproduction) -> Option<Sheet> {
    use paper::ten_runs as theirs;
    let runs = reproduction.improved();
    let over = |figure: fn(&RunResult) -> f64| runs.over(figure);
    let (train_loss, train) = (over(|run| run.train.loss)?, over(|run| run.train.accuracy)?);
    let (test_loss, test) = (over(|run| run.test.loss)?, over(|run| run.test.accuracy)?);
    let loss = |name: &str, theirs: f64, ours: &Statistic| {
        let ours = [ours.mean, ours.max, ours.min].map(|value| format!("{value:.5}"));
        [name.to_owned(), format!("{theirs:.5}")].into_iter().chain(ours).collect()
    };
    let accuracy = |name: &str, theirs: String, ours: &Statistic| {
        vec![name.to_owned(), theirs, spread_percent(ours), percent(ours.min), percent(ours.max)]
    };
    let span = format!(
        "{} ({} to {})",
        percent(theirs::TEST_ACCURACY),
        percent(theirs::WORST_TEST_ACCURACY),
        percent(theirs::BEST_TEST_ACCURACY)
    );
    Some(Sheet {
        title: "The improved CNN-LSTM (Table 3)".to_owned(),
        columns: vec![
            ("figure", Align::Left),
            ("paper, 10 runs", Align::Right),
            ("ours, mean", Align::Right),
            ("worst", Align::Right),
            ("best", Align::Right),
        ],
        rows: vec![
            loss("train loss", theirs::TRAIN_LOSS, &train_loss),
            accuracy("train accuracy", percent(theirs::TRAIN_ACCURACY), &train),
            loss("test loss", theirs::TEST_LOSS, &test_loss),
            accuracy("test accuracy", span, &test),
        ],
        note: format!("ours: {}; {}", runs_of(&runs), leaks(reproduction)),
    })
}

fn dropout(reproduction: &Reproduction) -> Option<Sheet> {
    let sweep = reproduction.dropout();
    let row = |(rate, runs): &(f64, Group<'_>)| {
        let (test, loss) = (runs.over(|run| run.test.accuracy)?, runs.over(|run| run.test.loss)?);
        let best = if *rate == paper::BEST_DROPOUT { "best in the paper" } else { "" };
        Some(vec![
            rate.to_string(),
            spread_percent(&test),
            percent(test.min),
            format!("{:.5}", loss.mean),
            best.to_owned(),
        ])
    };
    let runs = runs_of(&sweep.first()?.1);
    Some(Sheet {
        title: "Dropout (Fig. 4)".to_owned(),
        columns: vec![
            ("rate", Align::Left),
            ("test accuracy", Align::Right),
            ("worst", Align::Right),
            ("test loss", Align::Right),
            ("", Align::Left),
        ],
        rows: sweep.iter().filter_map(row).collect(),
        note: format!("{runs} of each rate; {}", leaks(reproduction)),
    })
}

fn models(reproduction: &Reproduction) -> Option<Sheet> {
    let models = reproduction.models();
    let row = |((model, runs), theirs): (&(&str, Group<'_>), &paper::Model)| {
        let (train, test) = (runs.over(|run| run.train.accuracy)?, runs.over(|run| run.test.accuracy)?);
        let time = runs.over(|run| run.seconds)?;
        let by_time = reproduction.by_time(model).map(|run| percent(run.test.balanced_accuracy));
        Some(vec![
            format!("{} ({model})", theirs.name),
            runs.0.first()?.parameters.to_string(),
            percent(theirs.train_accuracy),
            percent(train.mean),
            percent(theirs.test_accuracy),
            spread_percent(&test),
            percent(test.min),
            seconds(theirs.seconds),
            seconds(time.mean),
            by_time.unwrap_or_else(|| "-".to_owned()),
        ])
    };
    let runs = runs_of(&models.first()?.1);
    Some(Sheet {
        title: "Six models (Table 4)".to_owned(),
        columns: vec![
            ("model", Align::Left),
            ("parameters", Align::Right),
            ("paper, train", Align::Right),
            ("ours, train", Align::Right),
            ("paper, test", Align::Right),
            ("ours, test", Align::Right),
            ("worst", Align::Right),
            ("paper, time", Align::Right),
            ("ours, time", Align::Right),
            ("by time", Align::Right),
        ],
        rows: models.iter().zip(&paper::MODELS).filter_map(row).collect(),
        note: format!(
            "accuracies, mean of {runs} each; {}. By time: balanced accuracy over the test windows of one run on the same \
             recordings, resampled to one rate ({}). Times are of training, on different machines",
            leaks(reproduction),
            time_split(reproduction)
        ),
    })
}

fn transfer(reproduction: &Reproduction) -> Option<Sheet> {
    use paper::transfer as theirs;
    let Transfer { scratch, long, short } = reproduction.transfer();
    let from_scratch = scratch.over(|run| run.seconds)?;
    let row = |name: &str, runs: &Group<'_>, paper: [String; 4]| {
        let (train, test) = (runs.over(|run| run.train.accuracy)?, runs.over(|run| run.test.accuracy)?);
        let time = runs.over(|run| run.seconds)?;
        let [train_accuracy, test_accuracy, paper_time, paper_saved] = paper;
        let saved = if paper_saved == "-" {
            paper_saved.clone()
        } else {
            percent(1.0 - time.mean / from_scratch.mean)
        };
        Some(vec![
            format!("{name}, {} epochs", runs.0.first()?.epochs),
            train_accuracy,
            percent(train.mean),
            test_accuracy,
            spread_percent(&test),
            percent(test.min),
            paper_time,
            seconds(time.mean),
            paper_saved,
            saved,
        ])
    };
    let none = || "-".to_owned();
    let scratch_row = row("from scratch", &scratch, [none(), none(), none(), none()])?;
    let long_row = row(
        "transferred",
        &long,
        [
            percent(theirs::TRAIN_ACCURACY),
            percent(theirs::TEST_ACCURACY),
            seconds(theirs::SECONDS),
            percent(theirs::SAVED),
        ],
    )?;
    let short_row = row(
        "transferred",
        &short,
        [
            none(),
            percent(theirs::TEST_ACCURACY),
            seconds(theirs::SHORT_SECONDS),
            percent(theirs::SHORT_SAVED),
        ],
    )?;
    Some(Sheet {
        title: "Transfer from 1 hp to 3 hp (Table 5)".to_owned(),
        columns: vec![
            ("training at 3 hp", Align::Left),
            ("paper, train", Align::Right),
            ("ours, train", Align::Right),
            ("paper, test", Align::Right),
            ("ours, test", Align::Right),
            ("worst", Align::Right),
            ("paper, time", Align::Right),
            ("ours, time", Align::Right),
            ("paper, saved", Align::Right),
            ("ours, saved", Align::Right),
        ],
        rows: vec![scratch_row, long_row, short_row],
        note: format!(
            "accuracies, mean of {} each; the network of 1 hp is frozen, a dense layer and the output layer learn; saved: of \
             the time from scratch; {}",
            runs_of(&scratch),
            leaks(reproduction)
        ),
    })
}

fn diagnosis(reproduction: &Reproduction) -> Option<Sheet> {
    let diagnosis = reproduction.diagnosis?;
    let spread = diagnosis.seconds;
    Some(Sheet {
        title: "Time of diagnosis".to_owned(),
        columns: vec![
            ("work", Align::Left),
            ("paper", Align::Right),
            ("ours, median", Align::Right),
            ("spread", Align::Right),
        ],
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
    for run in &reproduction.runs {
        let key = (run.protocol, run.load);
        if seen.contains(&key) {
            continue;
        }
        seen.push(key);
        let classes =
            run.classes.iter().map(|class| format!("{} {class}", run.windows.get(class).unwrap_or(&0)));
        let total: usize = run.windows.values().sum();
        rows.push(vec![
            format!("{} hp, --protocol {}", run.load, run.protocol.name()),
            total.to_string(),
            run.train.windows.to_string(),
            run.test.windows.to_string(),
            classes.collect::<Vec<_>>().join(", "),
        ]);
    }
    Sheet {
        title: "Windows".to_owned(),
        columns: vec![
            ("recordings", Align::Left),
            ("windows", Align::Right),
            ("train", Align::Right),
            ("test", Align::Right),
            ("by class", Align::Left),
        ],
        rows,
        note: "the paper: 1800 windows of 400 samples, 300 a class, 1440 to train and 360 to test".to_owned(),
    }
}

fn runs_of(group: &Group<'_>) -> String {
    match group.0.len() {
        1 => "1 run".to_owned(),
        runs => format!("{runs} runs"),
    }
}
