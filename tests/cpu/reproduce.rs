//! The paper's experiments: which runs they need, and that the page shows what the runs have shown.

use std::collections::{BTreeMap, BTreeSet};

use gpu_bearing::report::reproduction::{files, page, sheets};
use gpu_bearing::train::Statistic;
use gpu_bearing::train::bench::Spread;
use gpu_bearing::train::reproduce::{
    Diagnosis, Epochs, Experiment, Extent, Reproduction, Run, RunResult, runs,
};
use gpu_bearing::train::{Figures, Protocol};

fn names(runs: &[Run]) -> BTreeSet<&str> {
    runs.iter().map(|run| run.name.as_str()).collect()
}

#[test]
fn an_experiment_that_two_tables_share_runs_once() {
    let all = runs(&Experiment::ALL, &Extent::FULL);
    let by_time = all.iter().filter(|run| run.protocol == Protocol::PaperByTime).count();
    assert_eq!((all.len() - by_time, by_time), (65, 6));
    assert_eq!(names(&all).len(), all.len(), "every run has a folder of its own");

    // Dropout 0.3 and the first of the six models are among the ten runs.
    let ten = runs(&[Experiment::TenRuns], &Extent::FULL);
    assert_eq!(ten.len(), 10 + 1);
    let with_dropout = runs(&[Experiment::TenRuns, Experiment::Dropout], &Extent::FULL);
    assert_eq!(with_dropout.len(), 10 + 15 + 1);
}

#[test]
fn every_transfer_stands_behind_the_run_that_it_starts_from() {
    for extent in [Extent::FULL, Extent::QUICK] {
        for experiments in [vec![Experiment::Transfer], Experiment::ALL.to_vec()] {
            let all = runs(&experiments, &extent);
            for (index, run) in all.iter().enumerate() {
                let Some(from) = &run.from else { continue };
                let source = all.iter().position(|run| run.name == *from).unwrap();
                assert!(source < index, "{} before {from}", run.name);
                assert_eq!((all[source].load, run.load), (1, 3));
            }
        }
    }
}

#[test]
fn a_statistic_has_mean_sample_deviation_and_ends() {
    let statistic = Statistic::of([2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0]).unwrap();
    assert_eq!((statistic.runs, statistic.mean, statistic.min, statistic.max), (8, 5.0, 2.0, 9.0));
    assert_eq!(statistic.median, 4.5);
    assert_eq!(Statistic::of([7.0, 1.0, 2.0]).unwrap().median, 2.0);
    assert!((statistic.deviation - (32.0f64 / 7.0).sqrt()).abs() < 1e-15);
    assert_eq!(Statistic::of([3.0]).unwrap().deviation, 0.0);
    assert_eq!(Statistic::of([]), None);
}

/// A reproduction whose every run has figures of its own.
fn finished(experiments: &[Experiment]) -> Reproduction {
    let result = |(index, run): (usize, &Run)| {
        let figures = |of: u64, wrong: u64| Figures {
            loss: 0.001 * (index + 1) as f64,
            accuracy: 1.0 - wrong as f64 / of as f64,
            balanced_accuracy: 0.9 - wrong as f64 / of as f64,
            windows: of,
        };
        RunResult {
            run: run.clone(),
            parameters: 1000 + index,
            adapter: "lavapipe".to_owned(),
            version: "0.1.0".to_owned(),
            seconds: if run.from.is_some() { 25.0 } else { 100.0 },
            at_once: 1 + usize::from(run.from.is_some()),
            windows: BTreeMap::from([("normal".to_owned(), 281), ("a <b> & c".to_owned(), 300)]),
            train: figures(400, 0),
            test: figures(100, index as u64 % 3),
            classes: vec!["normal".to_owned(), "a <b> & c".to_owned()],
            confusion: vec![vec![50, 0], vec![index as u64 % 3, 50 - index as u64 % 3]],
        }
    };
    let mut reproduction = Reproduction {
        command: "gpu-bearing reproduce --data cwru".to_owned(),
        quick: false,
        synthetic: false,
        runs: runs(experiments, &Extent::FULL).iter().enumerate().map(result).collect(),
        curves: BTreeMap::new(),
        diagnosis: Some(Diagnosis {
            adapter: "lavapipe".to_owned(),
            windows: 356,
            seconds: Spread::of(vec![0.2, 0.25, 0.4]),
        }),
    };
    let curve = Epochs {
        train_loss: vec![1.5, 0.1],
        train_accuracy: vec![0.5, 0.99],
        test_loss: vec![1.2, 0.2],
        test_accuracy: vec![0.6, 0.98],
    };
    reproduction.curves = reproduction.drawn().into_iter().map(|name| (name, curve.clone())).collect();
    reproduction
}

#[test]
fn the_tables_show_the_mean_over_the_runs_behind_them() {
    let reproduction = finished(&Experiment::ALL);
    let sheets = sheets(&reproduction);
    let titles: Vec<&str> = sheets.iter().map(|sheet| sheet.title.as_str()).collect();
    assert_eq!(titles.len(), 6, "{titles:?}");

    // Ten runs with 0, 1, 2, 0, 1, 2, 0, 1, 2, 0 of 100 windows wrong.
    let accuracy = &sheets[0].rows[6..];
    assert_eq!(accuracy[0], ["test accuracy", "paper, 10 runs", "99.83 %", "99.17 %", "100.00 %"]);
    assert_eq!(accuracy[1], ["", "ours, 10 runs", "99.10 ± 0.88 %", "98.00 %", "100.00 %"]);
    assert!(sheets[0].note.starts_with("split by window; leaky"), "{}", sheets[0].note);

    // The rate that the ten runs share has no more runs than the others.
    assert_eq!(sheets[1].rows.iter().map(|row| row[1].as_str()).collect::<Vec<_>>(), ["5 runs"; 4]);

    // Only transfers had another training beside them.
    let times = |note: &str| note.contains("ours the median, up to 2 trainings at a time");
    assert!(sheets.iter().any(|sheet| times(&sheet.note)), "{sheets:#?}");

    // Six models; the first from five of the ten runs: 0, 1, 2, 0, 1 wrong.
    let models = &sheets[2].rows;
    assert_eq!(models.len(), 2 * 6);
    assert_eq!(
        models[0],
        ["improved 1D-CNN-LSTM", "paper, 5 runs", "99.99 %", "99.83 %", "-", "48.9 s", "-"]
    );
    assert_eq!(
        models[1][..5],
        ["cnn-lstm, 1000 parameters", "ours, 5 runs", "100.00 %", "99.20 ± 0.84 %", "98.00 %"]
    );
    assert!(models.iter().skip(1).step_by(2).all(|row| row[6] != "-"), "each has its run by time");

    let transfer: Vec<[&str; 2]> =
        sheets[3].rows.iter().map(|row| [row[5].as_str(), row[6].as_str()]).collect();
    let saved = [["18.0 s", "63.13 %"], ["25.0 s", "75.00 %"], ["8.4 s", "82.76 %"], ["25.0 s", "75.00 %"]];
    assert_eq!(transfer, [[["100.0 s", "-"]].as_slice(), &saved].concat());
}

#[test]
fn the_page_shows_the_tables_cells_and_says_that_they_leak() {
    let reproduction = finished(&Experiment::ALL);
    let page = page(&reproduction);
    let escaped = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    for sheet in sheets(&reproduction) {
        for cell in sheet.rows.iter().flatten().chain([&sheet.title, &sheet.note]) {
            assert!(page.contains(&escaped(cell)), "{cell}");
        }
    }
    assert!(page.contains("leaky") && page.contains("48 kHz"));
    assert!(!page.contains("a <b>"), "class names are escaped");
    assert!(!page.contains("NaN"));

    let files = files(&reproduction);
    let names: Vec<&str> = files.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, ["reproduction.json", "runs.csv", "fig5.svg", "fig4.svg", "confusion.svg", "fig7.svg"]);
    assert_eq!(serde_json::from_str::<Reproduction>(&files[0].1).unwrap(), reproduction, "nothing is lost");
    assert_eq!(files[1].1.lines().count(), 1 + 71);
}

#[test]
fn a_part_of_the_experiments_makes_a_page_of_its_own() {
    let part = Reproduction { diagnosis: None, ..finished(&[Experiment::TenRuns]) };
    let titles: Vec<String> = sheets(&part).into_iter().map(|sheet| sheet.title).collect();
    assert_eq!(titles, ["The improved CNN-LSTM (Table 3)", "Windows"]);
    assert!(!page(&part).contains("Table 4"));
}
