//! A run's folder: what a training leaves behind.
//!
//! | file | holds |
//! |---|---|
//! | `config.toml` | the effective configuration; `train --config` reads it |
//! | `split.csv` | which window of which recording is in which part |
//! | `inherited.csv` | the same of the models that it was started from, if it was: what these have learned from |
//! | `metrics.jsonl` | a line an epoch, [`EpochRecord`] |
//! | `model.safetensors` | the kept model: best by validation loss, or the last epoch's where nothing validates |
//! | `last.safetensors` | where training stands, Adam's moments included; `train --resume` reads it |
//! | `summary.json` | the result, [`Summary`]; written when the run is finished |
//! | `model-card.md` | the same to read, on one page; the command line writes it when the run is finished |
//! | `events.out.tfevents.gpu-bearing` | with `--tensorboard`: the epochs' figures for TensorBoard |

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::baselines::Baselines;
use super::config::{Config, Protocol};
use super::metrics::calibration::Calibration;
use super::metrics::unknown::Rejection;
use super::metrics::{Figures, Scores};
use super::origin::Origin;
use crate::data::split::{Division, Rule};
use crate::data::split_record::{self, SplitRecord};
use crate::nn::Checkpoint;
use crate::shell::word;
use crate::write::replace;
use crate::{Error, Result};

/// A run's folder, which exists.
#[derive(Debug, Clone)]
pub struct RunFolder {
    path: PathBuf,
}

/// One line of `metrics.jsonl`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EpochRecord {
    /// From 1.
    pub epoch: usize,
    /// What stayed together in the split that the figures are over.
    pub split: Rule,
    /// Over the windows trained on in this epoch, dropout and augmentation on, each before its own step. The loss is
    /// the plain cross-entropy here too, whatever label smoothing and class weights make of what is trained for.
    pub train: Option<Figures>,
    /// After the epoch.
    pub validation: Option<Figures>,
    /// After the epoch; only where nothing validates. Chooses nothing.
    pub test: Option<Figures>,
    /// Adam's step size, at the epoch's last step.
    pub learning_rate: f64,
    /// Seconds that the epoch took, classification included.
    pub seconds: f64,
}

/// `summary.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// The version of gpu-bearing.
    pub version: String,
    /// The adapter in words.
    pub adapter: String,
    /// The variant of each shader.
    pub variants: BTreeMap<String, String>,
    /// The model's name.
    pub model: String,
    /// Number of its parameters.
    pub parameters: usize,
    /// What the run was started from, if from a trained model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
    /// Window in samples.
    pub window: usize,
    /// Sampling rate in Hz that recordings were resampled to; none where they were taken as they are.
    pub rate: Option<f64>,
    /// Whether the recordings are the embedded sample.
    pub synthetic: bool,
    /// The data rule, where one fixed the options.
    pub protocol: Option<Protocol>,
    /// What stayed together in the split.
    pub split: Rule,
    /// The bearings, fault sizes in inch or loads in hp that were tested on, where the split is by these.
    #[serde(default)]
    pub held_out: Vec<String>,
    /// Whether a bearing that was tested on was, or may have been, learned from.
    pub leaky: bool,
    /// How each class was divided.
    pub divisions: Vec<Division>,
    /// What to say beside every figure.
    pub notes: Vec<String>,
    /// The seed.
    pub seed: u64,
    /// Epochs trained.
    pub epochs: usize,
    /// The epoch whose model was kept, from 1.
    pub best_epoch: usize,
    /// Seconds that the epochs took.
    pub train_seconds: f64,
    /// Trainings at a time, this one among them, when it ended: seconds of one are longer beside others.
    #[serde(default = "alone")]
    pub at_once: usize,
    /// Names of the classes.
    pub classes: Vec<String>,
    /// The kept model over all training windows, dropout off.
    pub train: Option<Figures>,
    /// The kept model over the validation windows.
    pub validation: Option<Figures>,
    /// The kept model over the test windows.
    pub test: Option<Figures>,
    /// Test windows: a row per true class, a column per predicted one.
    pub confusion: Vec<Vec<u64>>,
    /// The kept model over the test windows: further figures, by window and by recording.
    #[serde(default)]
    pub scores: Option<Scores>,
    /// What a temperature fitted to the validation windows does for the test windows; none where nothing validates.
    #[serde(default)]
    pub calibration: Option<Calibration>,
    /// What plain classifiers score on the same division; none where the recordings were not brought to one rate.
    #[serde(default)]
    pub baselines: Option<Baselines>,
    /// Conditions that took no part in training and its classes.
    #[serde(default)]
    pub left_out: Vec<String>,
    /// What is turned away as unknown of the test recordings, and of those of the conditions left out; none where nothing
    /// validates.
    #[serde(default)]
    pub rejection: Option<Rejection>,
}

/// Trainings at a time where a record does not say: versions before ran one after the other.
pub(super) fn alone() -> usize {
    1
}

/// The kept model of the run in the folder `path`, or the checkpoint in that file.
///
/// # Errors
/// There is neither, or no epoch of the run is complete.
pub fn kept_model(path: &Path) -> Result<Checkpoint> {
    if path.is_dir() { RunFolder::open(path)?.read_model() } else { Checkpoint::load(path) }
}

impl RunFolder {
    /// Makes a new run's folder: `out`, or the first free one of `runs/001`, `runs/002`, ...
    ///
    /// # Errors
    /// `out` has something in it, or the folder cannot be made.
    pub fn create(out: Option<&Path>) -> Result<Self> {
        let Some(path) = out else { return Self::create_numbered(Path::new("runs")) };
        fs::create_dir_all(path).map_err(|cause| unwritable(path, &cause))?;
        let mut entries = fs::read_dir(path).map_err(|cause| Error::read(path, &cause))?;
        if entries.next().is_some() {
            return Err(Error::input(format!(
                "{}: is not empty: choose another folder with --out, or go on with the run in it by --resume {}",
                path.display(),
                word(path)
            )));
        }
        Ok(Self { path: path.to_owned() })
    }

    fn create_numbered(runs: &Path) -> Result<Self> {
        fs::create_dir_all(runs).map_err(|cause| unwritable(runs, &cause))?;
        for number in 1.. {
            let path = runs.join(format!("{number:03}"));
            match fs::create_dir(&path) {
                Ok(()) => return Ok(Self { path }),
                Err(cause) if cause.kind() == ErrorKind::AlreadyExists => {}
                Err(cause) => return Err(unwritable(&path, &cause)),
            }
        }
        unreachable!("there are more numbers than folders")
    }

    /// Takes the folder away again, where a run could not start and nothing is in it.
    pub fn discard_if_empty(&self) {
        // This fails where something is in it, which is as it should be.
        let _ = fs::remove_dir(&self.path);
    }

    /// The folder of a run that was started.
    ///
    /// # Errors
    /// There is no run.
    pub fn open(path: &Path) -> Result<Self> {
        if !path.join("config.toml").is_file() {
            return Err(Error::input(format!(
                "{}: is no run's folder (it has no config.toml): give the folder that `train` named at its end",
                path.display()
            )));
        }
        Ok(Self { path: path.to_owned() })
    }

    /// The folder of a run that may have been started; it is made where it is missing.
    ///
    /// # Errors
    /// The folder cannot be made.
    pub fn open_or_create(path: &Path) -> Result<Self> {
        fs::create_dir_all(path).map_err(|cause| unwritable(path, &cause))?;
        Ok(Self { path: path.to_owned() })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The effective configuration.
    pub fn config(&self) -> PathBuf {
        self.path.join("config.toml")
    }

    /// The kept model.
    pub fn model(&self) -> PathBuf {
        self.path.join("model.safetensors")
    }

    /// Where training stands.
    pub fn last(&self) -> PathBuf {
        self.path.join("last.safetensors")
    }

    fn metrics(&self) -> PathBuf {
        self.path.join("metrics.jsonl")
    }

    fn split(&self) -> PathBuf {
        self.path.join("split.csv")
    }

    fn inherited(&self) -> PathBuf {
        self.path.join("inherited.csv")
    }

    fn summary(&self) -> PathBuf {
        self.path.join("summary.json")
    }

    /// What the kept model is and can do, to read.
    pub fn model_card(&self) -> PathBuf {
        self.path.join("model-card.md")
    }

    /// Whether the run has come to its end.
    pub fn is_finished(&self) -> bool {
        self.summary().exists()
    }

    /// Writes `config.toml`.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn write_config(&self, config: &Config) -> Result<()> {
        let text = toml::to_string(config).expect("options are strings, numbers and booleans");
        self.written(replace(&self.config(), text.as_bytes()))
    }

    /// Reads `config.toml` as it stands.
    ///
    /// # Errors
    /// If the file cannot be read or is no TOML.
    pub fn read_config(&self) -> Result<toml::Table> {
        let path = self.config();
        let text = fs::read_to_string(&path).map_err(|cause| Error::read(&path, &cause))?;
        toml::from_str(&text)
            .map_err(|cause| Error::input(format!("{}: {}", path.display(), cause.message())))
    }

    /// Writes `split.csv`.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn write_split(&self, records: &[SplitRecord]) -> Result<()> {
        self.written(split_record::write(&self.split(), records))
    }

    /// Reads `split.csv`.
    ///
    /// # Errors
    /// If the file cannot be read or a row is not a record.
    pub fn read_split(&self) -> Result<Vec<SplitRecord>> {
        split_record::read(&self.split())
    }

    /// Writes `inherited.csv`.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn write_inherited(&self, records: &[SplitRecord]) -> Result<()> {
        self.written(split_record::write(&self.inherited(), records))
    }

    /// The records of all that the run's model has learned from: its own, and those of the models that it was started
    /// from. None where these are not known, since such a model was given without its run's folder.
    ///
    /// # Errors
    /// If a file cannot be read or a row is not a record.
    pub fn read_learned(&self) -> Result<Option<Vec<SplitRecord>>> {
        let own = self.read_split()?;
        if self.inherited().exists() {
            return Ok(Some(split_record::with_inherited(own, &split_record::read(&self.inherited())?)));
        }
        Ok((!self.read_config()?.contains_key("from")).then_some(own))
    }

    /// Writes `metrics.jsonl`.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn write_metrics(&self, epochs: &[EpochRecord]) -> Result<()> {
        let lines: Vec<String> = epochs.iter().map(|record| json(record) + "\n").collect();
        self.written(replace(&self.metrics(), lines.concat().as_bytes()))
    }

    /// Reads the first `epochs` lines of `metrics.jsonl`.
    ///
    /// # Errors
    /// If the file cannot be read, a line is not a record, or there are fewer.
    pub fn read_metrics(&self, epochs: usize) -> Result<Vec<EpochRecord>> {
        if epochs == 0 {
            return Ok(Vec::new());
        }
        let path = self.metrics();
        let text = fs::read_to_string(&path).map_err(|cause| Error::read(&path, &cause))?;
        let records: Vec<EpochRecord> = (text.lines().take(epochs).enumerate())
            .map(|(index, line)| {
                serde_json::from_str(line).map_err(|cause| {
                    Error::input(format!("{}:{}: is no epoch's record: {cause}", path.display(), index + 1))
                })
            })
            .collect::<Result<_>>()?;
        if records.len() < epochs {
            return Err(Error::input(format!(
                "{}: has {} lines, but the run stands after epoch {epochs}: the files are not of one run",
                path.display(),
                records.len()
            )));
        }
        Ok(records)
    }

    /// Writes `summary.json`.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn write_summary(&self, summary: &Summary) -> Result<()> {
        let text = serde_json::to_string_pretty(summary).expect("every key of the summary is a string");
        self.written(replace(&self.summary(), (text + "\n").as_bytes()))
    }

    /// Reads `summary.json`.
    ///
    /// # Errors
    /// The run is not finished, or the file is not a summary, or one whose figures do not fit together.
    pub fn read_summary(&self) -> Result<Summary> {
        let path = self.summary();
        let text = fs::read_to_string(&path).map_err(|cause| match cause.kind() {
            ErrorKind::NotFound => Error::input(format!(
                "{}: the run is not finished: finish it with `train --resume {}`",
                self.path.display(),
                word(&self.path)
            )),
            _ => Error::read(&path, &cause),
        })?;
        let summary: Summary = serde_json::from_str(&text)
            .map_err(|cause| Error::input(format!("{}: is no summary: {cause}", path.display())))?;
        let (classes, rows) = (summary.classes.len(), summary.confusion.len());
        if rows != classes || summary.confusion.iter().any(|row| row.len() != classes) {
            return Err(Error::input(format!(
                "{}: its confusion matrix of {rows} rows does not fit its {classes} classes: is it damaged?",
                path.display()
            )));
        }
        Ok(summary)
    }

    /// Writes `model-card.md`.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn write_model_card(&self, text: &str) -> Result<()> {
        self.written(replace(&self.model_card(), text.as_bytes()))
    }

    /// Takes `summary.json` and `model-card.md` away, since the run goes on.
    ///
    /// # Errors
    /// If a file cannot be removed.
    pub fn remove_summary(&self) -> Result<()> {
        for path in [self.model_card(), self.summary()] {
            match fs::remove_file(&path) {
                Err(cause) if cause.kind() != ErrorKind::NotFound => return Err(Error::write(&path, &cause)),
                _ => (),
            }
        }
        Ok(())
    }

    /// Reads the kept model.
    ///
    /// # Errors
    /// No epoch is complete yet, or the file is no checkpoint.
    pub fn read_model(&self) -> Result<Checkpoint> {
        let path = self.model();
        if !path.exists() {
            return Err(Error::input(format!(
                "{}: the run has no kept model yet, since no epoch is complete: {}",
                self.path.display(),
                if self.last().exists() { self.go_on() } else { self.start_again() }
            )));
        }
        Checkpoint::load(&path)
    }

    /// Reads where training stands.
    ///
    /// # Errors
    /// Nothing was saved yet, or the file is no checkpoint.
    pub fn read_last(&self) -> Result<Checkpoint> {
        let path = self.last();
        if !path.exists() {
            return Err(Error::input(format!(
                "{}: there is no last.safetensors to go on from: {}",
                self.path.display(),
                self.start_again()
            )));
        }
        Checkpoint::load(&path)
    }

    fn go_on(&self) -> String {
        format!("go on with `train --resume {}`", word(&self.path))
    }

    fn start_again(&self) -> String {
        format!("start again with `train --config {}`", word(&self.config()))
    }

    /// Writes a checkpoint.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn write_checkpoint(&self, path: &Path, checkpoint: &Checkpoint) -> Result<()> {
        self.written(checkpoint.save(path))
    }

    /// What to do where a file could not be written.
    fn written(&self, result: Result<()>) -> Result<()> {
        result.map_err(|error| match error {
            Error::Failed(message) => {
                let remedy = if self.last().exists() {
                    format!("make room or allow writing there, then `train --resume {}`", word(&self.path))
                } else {
                    "make room or allow writing there, or choose another folder with --out".to_owned()
                };
                Error::Failed(format!("{message}; {remedy}"))
            }
            error @ Error::Input(_) => error,
        })
    }
}

fn unwritable(path: &Path, cause: &std::io::Error) -> Error {
    Error::input(format!(
        "{}: the run's folder cannot be made there: {cause}; choose another one with --out",
        path.display()
    ))
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("every key of a record is a string")
}
