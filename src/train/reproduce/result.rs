//! What the runs show together: the content of `reproduction.json`, from which every table and figure is made.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::experiment::{DROPOUT, IMPROVED, LOAD, MODELS, OWN_DROPOUT, TARGET_LOAD};
use super::{Diagnosis, Run};
use crate::data::split::Part;
use crate::train::{Figures, Protocol, RunFolder, Statistic, Summary};
use crate::{Error, Result};

/// A reproduction, finished.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reproduction {
    /// The command that made it.
    pub command: String,
    /// Whether it had fewer runs and epochs than the paper's.
    pub quick: bool,
    /// Whether it ran on the embedded synthetic sample.
    pub synthetic: bool,
    /// The runs, in the order of the plan.
    pub runs: Vec<RunResult>,
    /// The epochs of the runs that are drawn: of each group's last run.
    pub curves: BTreeMap<String, Epochs>,
    /// The time of a diagnosis, if that was asked for.
    pub diagnosis: Option<Diagnosis>,
}

/// One run and its figures.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunResult {
    /// What was run.
    #[serde(flatten)]
    pub run: Run,
    /// Number of the model's parameters.
    pub parameters: usize,
    /// The adapter in words.
    pub adapter: String,
    /// The version of gpu-bearing.
    pub version: String,
    /// Seconds that the epochs took.
    pub seconds: f64,
    /// Trainings at a time meanwhile.
    #[serde(default = "crate::train::run_folder::alone")]
    pub at_once: usize,
    /// Windows of each class, training and test together.
    pub windows: BTreeMap<String, usize>,
    /// The trained network over the training windows, dropout off.
    pub train: Figures,
    /// The trained network over the test windows.
    pub test: Figures,
    /// Names of the classes.
    pub classes: Vec<String>,
    /// Test windows: a row per true class, a column per predicted one.
    pub confusion: Vec<Vec<u64>>,
}

/// Figures after each epoch: training windows with dropout on and each before its own step, test windows.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Epochs {
    /// Mean loss over the training windows in nats.
    pub train_loss: Vec<f64>,
    /// Accuracy over the training windows, 0 to 1.
    pub train_accuracy: Vec<f64>,
    /// Mean loss over the test windows in nats.
    pub test_loss: Vec<f64>,
    /// Accuracy over the test windows, 0 to 1.
    pub test_accuracy: Vec<f64>,
}

impl Epochs {
    /// Reads the epochs of the finished run `name` from its folder below `runs`.
    ///
    /// # Errors
    /// The run is not finished, or a file of its folder is damaged.
    pub fn read(name: &str, runs: &Path) -> Result<Self> {
        let folder = RunFolder::open(&runs.join(name))?;
        let epochs = folder.read_metrics(folder.read_summary()?.epochs)?;
        let mut curve = Self::default();
        for (train, test) in epochs.iter().filter_map(|epoch| epoch.train.zip(epoch.test)) {
            curve.train_loss.push(train.loss);
            curve.train_accuracy.push(train.accuracy);
            curve.test_loss.push(test.loss);
            curve.test_accuracy.push(test.accuracy);
        }
        Ok(curve)
    }
}

impl RunResult {
    /// Reads the figures of the finished `run` from its folder below `runs`.
    ///
    /// # Errors
    /// The run is not finished, or a file of its folder is damaged.
    pub fn read(run: &Run, runs: &Path) -> Result<Self> {
        let folder = RunFolder::open(&runs.join(&run.name))?;
        let Summary {
            adapter,
            version,
            parameters,
            train_seconds,
            at_once,
            train,
            test,
            classes,
            confusion,
            ..
        } = folder.read_summary()?;
        let mut windows = BTreeMap::new();
        for record in folder.read_split()?.into_iter().filter(|record| record.part != Part::Validation) {
            *windows.entry(record.condition).or_default() += 1;
        }
        let (train, test) = train.zip(test).ok_or_else(|| {
            let path = folder.path().display();
            Error::input(format!(
                "{path}: summary.json lacks figures of training or test: remove the folder and run again"
            ))
        })?;
        Ok(Self {
            run: run.clone(),
            parameters,
            adapter,
            version,
            seconds: train_seconds,
            at_once,
            windows,
            train,
            test,
            classes,
            confusion,
        })
    }
}

/// Several runs of one set-up.
#[derive(Debug, Clone)]
pub struct Group<'a>(pub Vec<&'a RunResult>);

impl<'a> Group<'a> {
    /// A figure over the runs; none without a run.
    pub fn over(&self, figure: impl Fn(&RunResult) -> f64) -> Option<Statistic> {
        Statistic::of(self.0.iter().map(|run| figure(run)))
    }

    /// The run with the highest seed: the last of the paper's ten.
    pub fn last(&self) -> Option<&'a RunResult> {
        self.0.iter().max_by_key(|result| result.run.seed).copied()
    }
}

/// The runs of the transfer from 1 hp to 3 hp.
#[derive(Debug, Clone)]
pub struct TransferGroups<'a> {
    /// From scratch at 3 hp.
    pub scratch: Group<'a>,
    /// From the network of 1 hp, for as many epochs.
    pub long: Group<'a>,
    /// From the network of 1 hp, for fewer epochs.
    pub short: Group<'a>,
}

impl Reproduction {
    /// Reads a `reproduction.json`.
    ///
    /// # Errors
    /// The file cannot be read, or does not hold a reproduction.
    pub fn load(path: &Path) -> Result<Self> {
        let text = fs::read_to_string(path).map_err(|cause| Error::read(path, &cause))?;
        serde_json::from_str(&text).map_err(|cause| {
            Error::input(format!(
                "{}: is no reproduction.json of this version: {cause}; it lies beside the page of a reproduction",
                path.display()
            ))
        })
    }

    /// The names of the runs whose epochs are drawn.
    pub fn drawn(&self) -> Vec<String> {
        let TransferGroups { scratch, long, .. } = self.transfer();
        [self.improved(), scratch, long]
            .iter()
            .filter_map(|group| Some(group.last()?.run.name.clone()))
            .collect()
    }

    fn group(&self, wanted: impl Fn(&RunResult) -> bool) -> Group<'_> {
        Group(self.runs.iter().filter(|run| wanted(run)).collect())
    }

    /// Runs of `model` from scratch with its own rate of dropout, by the paper's rule at `load` hp.
    fn plain(&self, model: &str, load: u32) -> Group<'_> {
        self.group(|result| {
            let run = &result.run;
            let changed = run.dropout.is_some() || run.from.is_some();
            run.model == model && run.load == load && run.protocol == Protocol::Paper && !changed
        })
    }

    /// The improved CNN-LSTM at 1 hp: the ten runs.
    pub fn improved(&self) -> Group<'_> {
        self.plain(IMPROVED, LOAD)
    }

    /// Each rate of dropout with its runs, equally many of each; empty where the sweep was not run.
    pub fn dropout(&self) -> Vec<(f64, Group<'_>)> {
        let at = |rate| match rate == OWN_DROPOUT {
            true => self.improved(),
            false => self.group(|result| result.run.dropout == Some(rate)),
        };
        even(DROPOUT.map(|rate| (rate, at(rate))).into())
    }

    /// Each model of the paper's Table 4, in its order, with its runs, equally many of each; empty where these were not
    /// run.
    pub fn models(&self) -> Vec<(&'static str, Group<'_>)> {
        even(MODELS.map(|model| (model, self.plain(model, LOAD))).into())
    }

    /// The run of `model` on resampled recordings divided by time.
    pub fn by_time(&self, model: &str) -> Option<&RunResult> {
        self.runs
            .iter()
            .find(|result| result.run.model == model && result.run.protocol == Protocol::PaperByTime)
    }

    /// The improved CNN-LSTM's.
    pub fn improved_by_time(&self) -> Option<&RunResult> {
        self.by_time(IMPROVED)
    }

    /// The transfer's runs; groups are empty where it was not run.
    pub fn transfer(&self) -> TransferGroups<'_> {
        let transfers = || self.runs.iter().filter(|result| result.run.from.is_some());
        let longest = transfers().map(|result| result.run.epochs).max().unwrap_or(0);
        let (long, short) = transfers().partition(|result| result.run.epochs == longest);
        TransferGroups { scratch: self.plain(IMPROVED, TARGET_LOAD), long: Group(long), short: Group(short) }
    }
}

/// The groups, cut to as many runs as the smallest has, so that figures beside each other come from equally many.
/// None where one is empty.
fn even<T>(mut groups: Vec<(T, Group<'_>)>) -> Vec<(T, Group<'_>)> {
    let fewest = groups.iter().map(|(_, group)| group.0.len()).min().unwrap_or(0);
    if fewest == 0 {
        return Vec::new();
    }
    groups.iter_mut().for_each(|(_, group)| group.0.truncate(fewest));
    groups
}
