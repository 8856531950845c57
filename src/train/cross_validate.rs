//! The same network on one set of recordings, divided in one way after the other: the ladder of splits, from windows of
//! the same recording to bearings that were never seen.
//!
//! Every fold is an ordinary run in a folder of its own; one that is finished is not run again, one that was interrupted
//! goes on. The figures are read from the runs' folders.

use std::collections::BTreeSet;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::baseline::Baseline;
use super::baselines::Baselines;
use super::left_out;
use super::material::{at_working_rate, read, settle_windows, split};
use super::metrics::Scores;
use super::{Config, Figures, RunFolder, Statistic, Summary};
use crate::data::folds::{self, Fold};
use crate::data::split::Rule;
use crate::data::windows::Scale;
use crate::data::{Recording, classes};
use crate::{Error, Result};

/// One way of dividing: its folds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rung {
    /// The rule's name; of pairs of loads `load-pairs`.
    pub name: String,
    /// The divisions.
    pub folds: Vec<Fold>,
}

/// The rung of every ordered pair of loads.
pub const LOAD_PAIRS: &str = "load-pairs";

/// The rungs that `names` name, or all that the metadata allow, the strictest first; `draws` folds where they are drawn.
///
/// # Errors
/// A name that is none, or a rung that the metadata do not allow.
pub fn ladder(recordings: &[Recording], base: &Config, names: &[String], draws: u64) -> Result<Vec<Rung>> {
    let seed = base.seed;
    classes::classes(recordings)?;
    let rungs = Rule::ALL.map(|rule| (rule.name(), rule)).into_iter();
    let all = rungs.flat_map(|(name, rule)| {
        let pairs = (rule == Rule::Load).then_some((LOAD_PAIRS, rule));
        [(name, rule)].into_iter().chain(pairs)
    });
    let folds = |name: &str, rule: Rule| match name {
        LOAD_PAIRS => folds::load_pairs(recordings, seed),
        _ => folds::folds(recordings, rule, draws, seed),
    };
    let rung = |(name, rule): (&'static str, Rule)| -> Option<Result<Rung>> {
        if !names.is_empty() && !names.iter().any(|wanted| wanted == name) {
            return None;
        }
        let allowed = rule.refuse_unknown(recordings).and_then(|()| folds(name, rule)).and_then(|folds| {
            refuse_impossible(recordings, base, &folds)?;
            Ok(folds)
        });
        // What nobody asked for by name is left out where it cannot be had.
        if names.is_empty() && allowed.is_err() {
            return None;
        }
        Some(allowed.map(|folds| Rung { name: name.to_owned(), folds }))
    };
    let known: Vec<(&str, Rule)> = all.collect();
    if let Some(unknown) = names.iter().find(|name| known.iter().all(|(known, _)| known != name)) {
        let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
        return Err(Error::input(format!("--split {unknown}: there are {}", names.join(", "))));
    }
    known.into_iter().filter_map(rung).collect()
}

/// The recordings that `config` is about and does not leave out, at the rate that it will train at; fills in all that a run
/// would, so that folds of other options are told apart.
///
/// # Errors
/// As [`super::Material::load`].
pub fn recordings(config: &mut Config) -> Result<Vec<Recording>> {
    let window = settle_windows(config)?;
    config.scale.get_or_insert(Scale::Train);
    let dataset = read(config.data.as_deref(), config, &config.read_options())?;
    let (dataset, rate) = at_working_rate(dataset, config, window)?;
    config.target_rate = rate;
    Ok(left_out::part(dataset.recordings, config)?.0)
}

/// Divides `recordings` as the folds will be, which takes no time, so that none is refused after hours.
fn refuse_impossible(recordings: &[Recording], base: &Config, folds: &[Fold]) -> Result<()> {
    folds.iter().try_for_each(|fold| split(&config(base, fold), recordings).map(|_| ()))
}

impl Rung {
    /// The name of the folder of fold number `index`.
    pub fn folder(&self, index: usize) -> String {
        format!("{}-{:02}", self.name, index + 1)
    }
}

/// The configuration of a fold; `base` holds what all share.
pub fn config(base: &Config, fold: &Fold) -> Config {
    Config { split: Some(fold.rule), holdout: fold.holdout.clone(), seed: fold.seed, ..base.clone() }
}

/// A fold and its figures.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FoldResult {
    /// The rung.
    pub rung: String,
    /// The run's folder below that of all folds.
    pub run: String,
    /// What `--holdout` said; none where it was drawn.
    pub holdout: Option<String>,
    /// The seed.
    pub seed: u64,
    /// The groups that were tested on, where the rule has some.
    pub held_out: Vec<String>,
    /// Whether a bearing that was tested on was, or may have been, learned from.
    pub leaky: bool,
    /// Classes that could be divided by the rule without such a leak.
    pub clean_classes: Vec<String>,
    /// Windows trained, validated and tested on.
    pub windows: [u64; 3],
    /// Epochs trained.
    pub epochs: usize,
    /// Seconds that they took.
    pub seconds: f64,
    /// Trainings at a time meanwhile.
    #[serde(default = "crate::train::run_folder::alone")]
    pub at_once: usize,
    /// The network.
    pub network: Scores,
    /// Plain classifiers on the same division.
    pub baselines: Option<Baselines>,
}

impl FoldResult {
    /// Reads the finished run of fold number `index` of `rung` below `folders`.
    ///
    /// # Errors
    /// The run is not finished or damaged.
    pub fn read(rung: &Rung, index: usize, folders: &Path) -> Result<Self> {
        let run = rung.folder(index);
        let Fold { holdout, seed, .. } = rung.folds[index].clone();
        let folder = RunFolder::open(&folders.join(&run))?;
        let summary = folder.read_summary()?;
        let count = |figures: Option<Figures>| figures.map_or(0, |figures| figures.windows);
        let windows = [summary.train, summary.validation, summary.test].map(count);
        let Summary { held_out, leaky, divisions, epochs, train_seconds, at_once, scores, baselines, .. } =
            summary;
        let Some(network) = scores else {
            return Err(Error::input(format!(
                "{}: was trained by a version that kept fewer figures: choose another folder with --out",
                folder.path().display()
            )));
        };
        let clean = divisions.into_iter().filter(|division| !division.leaky);
        Ok(Self {
            rung: rung.name.clone(),
            run,
            holdout,
            seed,
            held_out,
            leaky,
            clean_classes: clean.map(|division| division.class).collect(),
            windows,
            epochs,
            seconds: train_seconds,
            at_once,
            network,
            baselines,
        })
    }
}

/// What stands beside each other in a cross-validation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Classifier {
    /// The run's own.
    Network,
    /// The random forest.
    Forest,
    /// The logistic regression.
    Logistic,
}

impl Classifier {
    /// All, in the order in which they are shown.
    pub const ALL: [Self; 3] = [Self::Network, Self::Forest, Self::Logistic];

    /// Its name in words.
    pub fn name(self) -> &'static str {
        match self {
            Self::Network => "network",
            Self::Forest => Baseline::Forest.name(),
            Self::Logistic => Baseline::Logistic.name(),
        }
    }

    /// What it scores on a fold.
    pub fn scores(self, fold: &FoldResult) -> Option<&Scores> {
        match self {
            Self::Network => Some(&fold.network),
            Self::Forest => fold.baselines.as_ref().map(|baselines| &baselines.forest),
            Self::Logistic => fold.baselines.as_ref().map(|baselines| &baselines.logistic),
        }
    }
}

/// A cross-validation, finished: the content of `cross-validation.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CrossValidation {
    /// The command that made it.
    pub command: String,
    /// The version of gpu-bearing.
    pub version: String,
    /// The adapter in words.
    pub adapter: String,
    /// Whether it ran on the embedded synthetic sample.
    pub synthetic: bool,
    /// The model's name.
    pub model: String,
    /// Number of recordings.
    pub recordings: usize,
    /// Names of the classes.
    pub classes: Vec<String>,
    /// Windows of a recording at most; none: all.
    pub most_windows: Option<usize>,
    /// Epochs at most.
    pub most_epochs: usize,
    /// The folds, in the order in which they were carried out.
    pub folds: Vec<FoldResult>,
}

impl CrossValidation {
    /// The names of its rungs, in order.
    pub fn rungs(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.folds.iter().map(|fold| fold.rung.as_str()).collect();
        names.dedup();
        names
    }

    /// The folds of a rung.
    pub fn of<'a>(&'a self, rung: &'a str) -> impl Iterator<Item = &'a FoldResult> + Clone {
        self.folds.iter().filter(move |fold| fold.rung == rung)
    }

    /// Classes that a fold of the rung tests on bearings which were, or may have been, learned from.
    pub fn leaky_classes<'a>(&'a self, rung: &'a str) -> BTreeSet<&'a str> {
        let of_fold = |fold: &'a FoldResult| {
            self.classes.iter().filter(|class| !fold.clean_classes.contains(class)).map(String::as_str)
        };
        self.of(rung).flat_map(of_fold).collect()
    }

    /// A figure of a classifier over the folds of a rung; none where no fold has it.
    pub fn statistic(
        &self,
        rung: &str,
        classifier: Classifier,
        figure: impl Fn(&Scores) -> Option<f64>,
    ) -> Option<Statistic> {
        Statistic::of(self.of(rung).filter_map(|fold| classifier.scores(fold)).filter_map(figure))
    }
}
