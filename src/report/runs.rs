//! Finished runs as they are reported: what their folders hold, figures by class, and where runs differ. As JSON and
//! CSV they keep every bit; an accuracy stands beside its split in each file.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::page::Split;
use crate::Result;
use crate::train::metrics::by_class;
use crate::train::study::Study;
use crate::train::{ClassFigures, EpochRecord, Figures, RunFolder, Summary};

/// A finished run.
#[derive(Debug, Clone, Serialize)]
pub struct Run {
    /// Its folder, as the user named it.
    pub run: String,
    /// As short as tells it from the others.
    #[serde(skip)]
    pub name: String,
    /// Its result.
    #[serde(flatten)]
    pub summary: Summary,
    /// Figures over the test windows, a class each.
    pub by_class: Vec<Class>,
    /// Every epoch.
    pub metrics: Vec<EpochRecord>,
    /// `config.toml`.
    pub config: toml::Table,
    /// What its recordings showed when they were read again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub study: Option<Study>,
}

/// A class with its figures.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Class {
    /// Its name.
    pub class: String,
    /// What the confusion matrix says of it.
    #[serde(flatten)]
    pub figures: ClassFigures,
}

/// Names with values.
pub type Entries = Vec<(String, String)>;

impl Run {
    /// Reads a run's folder.
    ///
    /// # Errors
    /// The run is not finished, or a file of it is missing or damaged.
    pub fn read(folder: &RunFolder) -> Result<Self> {
        let summary = folder.read_summary()?;
        let metrics = folder.read_metrics(summary.epochs)?;
        let config = folder.read_config()?;
        let by_class = (summary.classes.iter().cloned().zip(by_class(&summary.confusion)))
            .map(|(class, figures)| Class { class, figures })
            .collect();
        let run = folder.path().display().to_string();
        Ok(Self { name: run.clone(), run, summary, by_class, metrics, config, study: None })
    }

    /// How the windows of all its figures were divided.
    pub fn split(&self) -> Split {
        let Summary { split, synthetic, leaky, .. } = self.summary;
        Split { name: format!("split by {split}"), synthetic, leaky }
    }

    /// The bearings, fault sizes or loads that were tested on, in words; empty where the split is not by these.
    pub fn held_out(&self) -> Vec<String> {
        let Summary { split, held_out, .. } = &self.summary;
        held_out.iter().map(|group| split.words(group)).collect()
    }

    /// The parts that have windows, with their figures.
    pub fn parts(&self) -> Vec<(&'static str, Figures)> {
        let Summary { train, validation, test, .. } = self.summary;
        let parts = [("train", train), ("validation", validation), ("test", test)];
        parts.into_iter().filter_map(|(part, figures)| Some((part, figures?))).collect()
    }

    /// What the run was and what came of it, but for its figures.
    pub fn facts(&self) -> Entries {
        let summary = &self.summary;
        let mut by_variant = BTreeMap::<&str, Vec<&str>>::new();
        for (shader, variant) in summary.variants.iter().filter(|(_, variant)| *variant != "standard") {
            by_variant.entry(variant).or_default().push(shader);
        }
        let variants: String = (by_variant.iter())
            .map(|(variant, shaders)| format!("{variant} ({}); ", shaders.join(", ")))
            .collect();
        let rate = summary.rate.map_or("as recorded".to_owned(), |rate| format!("{rate} Hz"));
        let facts = [
            ("Model", summary.model.clone()),
            ("Parameters", summary.parameters.to_string()),
            ("Window", format!("{} samples, {rate}", summary.window)),
            ("Classes", summary.classes.join(", ")),
            ("Seed", summary.seed.to_string()),
            ("Epochs trained", summary.epochs.to_string()),
            ("Epoch kept", summary.best_epoch.to_string()),
            ("Training time", format!("{:.1} s", summary.train_seconds)),
            ("Adapter", summary.adapter.clone()),
            ("Shader variants", variants + "standard otherwise"),
            ("Trained by", format!("gpu-bearing {}", summary.version)),
        ];
        facts.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }

    /// The configuration, as `config.toml` spells it.
    pub fn options(&self) -> Entries {
        let words = |value: &toml::Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        self.config.iter().map(|(key, value)| (key.clone(), words(value))).collect()
    }
}

/// Reads the runs and gives them short names.
///
/// # Errors
/// As [`Run::read`].
pub fn read(folders: &[RunFolder]) -> Result<Vec<Run>> {
    let mut runs = folders.iter().map(Run::read).collect::<Result<Vec<_>>>()?;
    let last = |folder: &RunFolder| folder.path().file_name().map(|name| name.to_string_lossy().into_owned());
    let names: Vec<String> = folders.iter().filter_map(last).collect();
    let apart = names.iter().collect::<BTreeSet<_>>().len() == runs.len();
    if apart {
        runs.iter_mut().zip(names).for_each(|(run, name)| run.name = name);
    }
    Ok(runs)
}

/// A name with its value in each list, none where a list lacks it.
pub type Difference = (String, Vec<Option<String>>);

/// What differs between `lists`, and what is the same in all of them.
pub fn differences(lists: &[Entries]) -> (Vec<Difference>, Entries) {
    let mut names = Vec::new();
    for (name, _) in lists.iter().flatten() {
        if !names.contains(name) {
            names.push(name.clone());
        }
    }
    let (mut differ, mut same) = (Vec::new(), Vec::new());
    for name in names {
        let of = |list: &Entries| list.iter().find(|entry| entry.0 == name).map(|entry| entry.1.clone());
        let values: Vec<Option<String>> = lists.iter().map(of).collect();
        match &values[0] {
            Some(value) if values.iter().all(|other| other == &values[0]) => same.push((name, value.clone())),
            _ => differ.push((name, values)),
        }
    }
    (differ, same)
}

/// What `--json` prints and `figures.json` holds.
#[derive(Debug, Serialize)]
pub struct Document<'a> {
    /// The version of gpu-bearing that reports.
    pub version: &'static str,
    /// Options whose values differ, with the value of each run.
    pub differences: BTreeMap<String, Vec<Option<String>>>,
    /// The runs.
    pub runs: &'a [Run],
}

/// The figures of all runs.
pub fn document(runs: &[Run]) -> Document<'_> {
    let options: Vec<Entries> = runs.iter().map(Run::options).collect();
    let differences = differences(&options).0.into_iter().collect();
    Document { version: env!("CARGO_PKG_VERSION"), differences, runs }
}

/// A line an epoch of each run.
pub fn epochs_csv(runs: &[Run]) -> String {
    let parts = ["train", "validation", "test"];
    let columns = ["loss", "accuracy", "balanced_accuracy", "windows"];
    let figures = parts.iter().flat_map(|part| columns.map(|column| format!("{part}_{column}")));
    let mut header = ["run", "split", "epoch"].map(str::to_owned).to_vec();
    header.extend(figures.chain(["learning_rate".to_owned(), "seconds".to_owned()]));
    let lines = runs.iter().flat_map(|run| {
        run.metrics.iter().map(|record| {
            let mut line = vec![run.run.clone(), run.split().words(), record.epoch.to_string()];
            for part in [record.train, record.validation, record.test] {
                line.extend(part.map_or_else(Default::default, |figures| {
                    let Figures { loss, accuracy, balanced_accuracy, windows } = figures;
                    [
                        loss.to_string(),
                        accuracy.to_string(),
                        balanced_accuracy.to_string(),
                        windows.to_string(),
                    ]
                }));
            }
            line.extend([record.learning_rate.to_string(), record.seconds.to_string()]);
            line
        })
    });
    csv(std::iter::once(header).chain(lines))
}

/// A line a class of each run.
pub fn classes_csv(runs: &[Run]) -> String {
    let header =
        ["run", "split", "class", "precision", "recall", "f1", "support"].map(str::to_owned).to_vec();
    let lines = runs.iter().flat_map(|run| {
        run.by_class.iter().map(move |Class { class, figures }| {
            let ClassFigures { precision, recall, f1, support } = *figures;
            let known = [run.run.clone(), run.split().words(), class.clone()];
            let figures = [cell(precision), cell(recall), cell(f1), support.to_string()];
            [known.to_vec(), figures.to_vec()].concat()
        })
    });
    csv(std::iter::once(header).chain(lines))
}

/// A line a cell of each run's confusion matrix.
pub fn confusion_csv(runs: &[Run]) -> String {
    let header = ["run", "split", "true_class", "taken_for", "windows", "share"].map(str::to_owned).to_vec();
    let mut lines = vec![header];
    for run in runs {
        let Summary { classes, confusion, .. } = &run.summary;
        for (class, row) in classes.iter().zip(confusion) {
            let of: u64 = row.iter().sum();
            for (taken_for, &count) in classes.iter().zip(row) {
                let share = if of == 0 { String::new() } else { (count as f64 / of as f64).to_string() };
                let names = [&run.run, &run.split().words(), class, taken_for].map(String::clone);
                lines.push([names.to_vec(), vec![count.to_string(), share]].concat());
            }
        }
    }
    csv(lines)
}

/// Lines of cells as CSV.
pub(super) fn csv(lines: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    for line in lines {
        writer.write_record(line).expect("every line has the header's fields, and memory takes them");
    }
    String::from_utf8(writer.into_inner().expect("memory takes every line")).expect("the fields were text")
}

/// A figure as a cell of CSV; empty where there is none.
pub(super) fn cell(figure: Option<impl ToString>) -> String {
    figure.map_or_else(String::new, |figure| figure.to_string())
}
