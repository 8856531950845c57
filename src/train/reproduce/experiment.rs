//! The experiments by name, and the runs behind each.

use std::collections::BTreeSet;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::train::transfer::ALL;
use crate::train::{Config, Protocol};

/// One of the paper's experiments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Experiment {
    /// The improved CNN-LSTM ten times (the paper's Table 3, Fig. 5).
    TenRuns,
    /// Four rates of dropout (Fig. 4).
    Dropout,
    /// Six models (Table 4).
    Models,
    /// A network trained at 1 hp put to work at 3 hp (Table 5, Fig. 7).
    Transfer,
    /// The time that diagnosing the test windows takes.
    Diagnosis,
}

impl Experiment {
    /// All of them, in the order in which they are run.
    pub const ALL: [Self; 5] = [Self::TenRuns, Self::Dropout, Self::Models, Self::Transfer, Self::Diagnosis];

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::TenRuns => "ten-runs",
            Self::Dropout => "dropout",
            Self::Models => "models",
            Self::Transfer => "transfer",
            Self::Diagnosis => "diagnosis",
        }
    }
}

/// How often and how long is trained.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extent {
    /// Runs of [`Experiment::TenRuns`].
    pub ten_runs: u64,
    /// Runs of everything else.
    pub runs: u64,
    /// Epochs of a run.
    pub epochs: usize,
    /// Epochs of the shorter transfer.
    pub short_epochs: usize,
}

impl Extent {
    /// The paper's.
    pub const FULL: Self = Self { ten_runs: 10, runs: 5, epochs: 50, short_epochs: 20 };
    /// To see that everything works.
    pub const QUICK: Self = Self { ten_runs: 3, runs: 2, epochs: 5, short_epochs: 2 };
}

/// Motor load of the experiments in hp.
pub(super) const LOAD: u32 = 1;
/// Motor load of the transfer's target in hp.
pub(super) const TARGET_LOAD: u32 = 3;

/// The paper's improved 1D-CNN-LSTM.
pub(super) const IMPROVED: &str = "cnn-lstm";

/// Built-in models in the order of the paper's Table 4.
pub(super) const MODELS: [&str; 6] = [IMPROVED, "cnn-lstm-flatten", "cnn", "lstm", "cnn2d", "cnn2d-lstm"];

/// Rates of the sweep.
pub(super) const DROPOUT: [f64; 4] = [0.2, 0.3, 0.4, 0.5];
/// The improved model's own.
pub(super) const OWN_DROPOUT: f64 = 0.3;

/// Units of the dense layer that the transfer adds; the paper does not give its size. As many as the first LSTM has.
const ADDED_UNITS: usize = 32;

/// One training.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// The name of its folder.
    pub name: String,
    /// A built-in model.
    pub model: String,
    /// Rate of dropout, where it is not the model's own.
    pub dropout: Option<f64>,
    /// The data rule.
    pub protocol: Protocol,
    /// Motor load in hp.
    pub load: u32,
    /// Of parameters, split, order and dropout.
    pub seed: u64,
    /// Epochs.
    pub epochs: usize,
    /// The run whose network goes on here, frozen, with a dense layer more.
    pub from: Option<String>,
}

impl Run {
    fn plain(model: &str, load: u32, seed: u64, epochs: usize) -> Self {
        let protocol = Protocol::Paper;
        let name = format!("{model}-{load}hp-seed-{seed}");
        let model = model.to_owned();
        Self { name, model, dropout: None, protocol, load, seed, epochs, from: None }
    }

    /// The improved model at one of [`DROPOUT`]'s rates.
    fn at_dropout(rate: f64, seed: u64, epochs: usize) -> Self {
        let own = Self::plain(IMPROVED, LOAD, seed, epochs);
        if rate == OWN_DROPOUT {
            return own;
        }
        let name = format!("{IMPROVED}-{LOAD}hp-dropout-{rate}-seed-{seed}");
        Self { name, dropout: Some(rate), ..own }
    }

    /// The same model on the same recordings, resampled and divided by time.
    fn by_time(model: &str, epochs: usize) -> Self {
        let name = format!("{model}-{LOAD}hp-by-time-seed-0");
        Self { name, protocol: Protocol::PaperByTime, ..Self::plain(model, LOAD, 0, epochs) }
    }

    fn transfer(seed: u64, epochs: usize) -> Self {
        let name = format!("transfer-{LOAD}hp-to-{TARGET_LOAD}hp-{epochs}-epochs-seed-{seed}");
        let from = Some(Self::plain(IMPROVED, LOAD, seed, epochs).name);
        Self { name, from, ..Self::plain(IMPROVED, TARGET_LOAD, seed, epochs) }
    }

    /// Its configuration; `base` holds what all runs share, `runs` is the folder of their folders.
    pub(super) fn config(&self, base: &Config, runs: &Path) -> Config {
        Config {
            model: self.from.is_none().then(|| self.model.clone()),
            from: self.from.as_ref().map(|name| runs.join(name)),
            freeze: self.from.as_ref().map(|_| vec![ALL.to_owned()]),
            add_dense: self.from.as_ref().map(|_| ADDED_UNITS),
            dropout: self.dropout,
            protocol: Some(self.protocol),
            split: Some(self.protocol.rule()),
            load: Some(self.load),
            seed: self.seed,
            epochs: self.epochs,
            ..base.clone()
        }
    }
}

/// The runs that `experiments` need, each once. Beside every model stands one run of it divided by time.
pub fn runs(experiments: &[Experiment], extent: &Extent) -> Vec<Run> {
    let Extent { ten_runs, runs, epochs, short_epochs } = *extent;
    let plain = |model, seed| Run::plain(model, LOAD, seed, epochs);
    let mut all: Vec<Run> = Vec::new();
    for experiment in experiments {
        let needed: Vec<Run> = match experiment {
            Experiment::TenRuns => (0..ten_runs).map(|seed| plain(IMPROVED, seed)).collect(),
            Experiment::Dropout => DROPOUT
                .into_iter()
                .flat_map(|rate| (0..runs).map(move |seed| Run::at_dropout(rate, seed, epochs)))
                .collect(),
            Experiment::Models => {
                MODELS.into_iter().flat_map(|model| (0..runs).map(move |seed| plain(model, seed))).collect()
            }
            Experiment::Transfer => (0..runs)
                .flat_map(|seed| {
                    [
                        plain(IMPROVED, seed),
                        Run::plain(IMPROVED, TARGET_LOAD, seed, epochs),
                        Run::transfer(seed, epochs),
                        Run::transfer(seed, short_epochs),
                    ]
                })
                .collect(),
            Experiment::Diagnosis => vec![plain(IMPROVED, 0)],
        };
        for run in needed {
            if all.iter().all(|known| known.name != run.name) {
                all.push(run);
            }
        }
    }
    let models: BTreeSet<String> = all.iter().map(|run| run.model.clone()).collect();
    all.extend(
        MODELS.into_iter().filter(|model| models.contains(*model)).map(|model| Run::by_time(model, epochs)),
    );
    all
}
