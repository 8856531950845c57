//! The options of a training: as parsed from the command line or a file, and their check.

use std::path::{Path, PathBuf};

use clap::value_parser;
use gpu_bearing::data::ReadOptions;
use gpu_bearing::data::order::Balance;
use gpu_bearing::data::protocol;
use gpu_bearing::data::split::Rule;
use gpu_bearing::data::windows::Scale;
use gpu_bearing::nn::gather::LARGEST_SHIFT;
use gpu_bearing::train::{ClassWeights, Config, Protocol, Schedule};
use gpu_bearing::{Error, Result};
use serde::de::value::Error as ValueError;
use serde::de::{DeserializeOwned, IntoDeserializer};
use serde::{Deserialize, Serialize};

/// The built-in model that is trained unless another is named.
const MODEL: &str = "cnn-lstm";
const EPOCHS: usize = 20;
const PAPER_EPOCHS: usize = 50;
const PATIENCE: usize = 8;
const BATCH: usize = 32;
const LEARNING_RATE: f64 = 1e-3;
const STEP_EPOCHS: usize = 10;
const PLATEAU_EPOCHS: usize = 3;
/// PyTorch's and Keras' default.
const SCHEDULE_FACTOR: f64 = 0.1;
/// Signal-to-noise ratios in dB beyond which there is only noise, or none that f32 shows.
const NOISE_RANGE: std::ops::RangeInclusive<f64> = -60.0..=120.0;

const MOST_CHANNELS: usize = 65_535;
/// The longest window that a model may have.
pub(crate) const MOST_SAMPLES: usize = 1 << 24;
const MOST_EPOCHS: usize = 1_000_000_000;
/// Windows in a batch: the workgroups that any adapter takes in one dimension.
pub(crate) const MOST_WINDOWS: usize = 65_535;

/// What a user may say about a training, on the command line or in a `--config` file (there with `_` for `-`).
#[derive(Debug, Clone, Default, PartialEq, clap::Args, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Options {
    /// Folder of recordings: a folder per condition, or a dataset.toml, or CWRU files [default: the
    /// embedded synthetic sample]
    #[arg(long, value_name = "DIR", help_heading = "Data")]
    pub(crate) data: Option<PathBuf>,
    /// Sampling rate of files that do not state one, such as MAT files, in Hz [default: none]
    #[arg(long, value_name = "HZ", help_heading = "Data")]
    pub(crate) rate: Option<f64>,
    /// Channel of files that have several, counted from 1 [default: the only one]
    #[arg(long, value_name = "N", help_heading = "Data")]
    pub(crate) channel: Option<usize>,
    /// Variable of MAT files [default: the drive-end channel by CWRU's naming, or the only signal]
    #[arg(long, value_name = "NAME", help_heading = "Data")]
    pub(crate) variable: Option<String>,
    /// Bearing whose fault frequencies the plain classifiers beside the network look at: 6205, 6203, or the geometry
    /// N,d,D,ANGLE as `spectrum` takes it [default: CWRU's and the sample's own; otherwise none]
    #[arg(long, value_name = "BEARING", help_heading = "Data")]
    pub(crate) bearing: Option<String>,
    /// Go on without recordings that cannot be used [default: stop and list them]
    #[arg(long, num_args = 0, default_missing_value = "true", help_heading = "Data")]
    pub(crate) skip_bad: Option<bool>,
    /// Sampling rate to train at, in Hz [default: the lowest in the set]
    #[arg(long, value_name = "HZ", help_heading = "Data")]
    pub(crate) target_rate: Option<f64>,
    /// Window in samples [default: the model's, 400 for cnn-lstm]
    #[arg(long, value_name = "SAMPLES", help_heading = "Data")]
    pub(crate) window: Option<usize>,
    /// Samples from one window's start to the next [default: the window, so none overlap]
    #[arg(long, value_name = "SAMPLES", help_heading = "Data")]
    pub(crate) stride: Option<usize>,
    /// Windows of each recording at most, evenly spread over it [default: all]
    #[arg(long, value_name = "N", help_heading = "Data")]
    pub(crate) windows: Option<usize>,
    /// Scaling: train (mean and deviation of the training windows), window (each by its own) or none
    /// [default: train]
    #[arg(long, value_name = "HOW", value_parser = named::<Scale>, help_heading = "Data")]
    pub(crate) scale: Option<Scale>,
    /// What stays together when recordings are divided 60 : 20 : 20 into train, validation and test:
    /// bearing, fault-size, load, recording, time or window [default: bearing where all are known, otherwise recording]
    #[arg(long, value_name = "RULE", value_parser = named::<Rule>, help_heading = "Data")]
    pub(crate) split: Option<Rule>,
    /// What --split bearing, fault-size or load tests on: names of bearings, inches or hp with commas between them;
    /// 0:3 trains on 0 hp alone and tests at 3 hp [default: drawn from the seed]
    #[arg(long, value_name = "GROUPS", help_heading = "Data")]
    pub(crate) holdout: Option<String>,
    /// Conditions that the model is not to know: their recordings take no part in training and its classes, and are
    /// scored as unknown afterwards; names with commas between them, or repeated [default: none]
    #[arg(long, value_name = "CONDITION", value_delimiter = ',', help_heading = "Data")]
    pub(crate) leave_out: Option<Vec<String>>,
    /// Share of known recordings that may be turned away as unknown, as in 1% or 0.01; the threshold is chosen on
    /// validation recordings [default: 5%]
    #[arg(long, value_name = "SHARE", value_parser = share, help_heading = "Data")]
    pub(crate) reject: Option<f64>,
    /// Draw all classes equally often in an epoch: on or off [default: on]
    #[arg(long, value_name = "ON|OFF", value_parser = named::<Balance>, help_heading = "Data")]
    pub(crate) balance: Option<Balance>,
    /// A data rule that fixes several options: paper (six CWRU recordings of one load, window 400, not
    /// scaled, not resampled, 8 : 2 by window, no validation; it leaks and says so), or paper-by-time
    /// (the same, but resampled and divided by time) [default: none]
    #[arg(long, value_name = "NAME", value_parser = named::<Protocol>, help_heading = "Data")]
    pub(crate) protocol: Option<Protocol>,
    /// Motor load that --protocol picks recordings of, 0 to 3 hp [default: 1]
    #[arg(long, value_name = "HP", help_heading = "Data")]
    pub(crate) load: Option<u32>,

    /// Built-in model or model file [default: cnn-lstm]
    #[arg(long, value_name = "NAME|FILE", help_heading = "Training")]
    pub(crate) model: Option<String>,
    /// Start from the kept model of this run, or of a .safetensors file that gpu-bearing has saved, with its window,
    /// sampling rate and scaling; the output layer is a new one where the classes differ [default: fresh parameters]
    #[arg(long, value_name = "RUN|FILE", help_heading = "Training")]
    pub(crate) from: Option<PathBuf>,
    /// Layers of --from whose parameters stay as they are: names with commas between them, or all that came with
    /// it. Dropout among frozen layers at the model's start is off [default: none]
    #[arg(long, value_name = "LAYERS|all", value_delimiter = ',', help_heading = "Training")]
    pub(crate) freeze: Option<Vec<String>>,
    /// Add a dense layer of this many units with ReLU before the output layer of --from, which is a new one then
    /// [default: none]
    #[arg(long, value_name = "UNITS", help_heading = "Training")]
    pub(crate) add_dense: Option<usize>,
    /// Rate of the model's dropout layers, 0 to below 1 [default: the model's, 0.3 for cnn-lstm]
    #[arg(long, value_name = "RATE", help_heading = "Training")]
    pub(crate) dropout: Option<f64>,
    /// Seed of parameters, split, order, dropout and augmentation [default: 0]
    #[arg(long, value_name = "N", value_parser = value_parser!(u64).range(..=i64::MAX as u64), help_heading = "Training")]
    pub(crate) seed: Option<u64>,
    /// Epochs at most [default: 20; 50 with --protocol]
    #[arg(long, value_name = "N", help_heading = "Training")]
    pub(crate) epochs: Option<usize>,
    /// Epochs without a better validation loss after which training stops; 0 for never [default: 8]
    #[arg(long, value_name = "EPOCHS", help_heading = "Training")]
    pub(crate) patience: Option<usize>,
    /// Windows in a step [default: 32]
    #[arg(long, value_name = "WINDOWS", help_heading = "Training")]
    pub(crate) batch: Option<usize>,
    /// Adam's step size [default: 0.001]
    #[arg(long, value_name = "RATE", help_heading = "Training")]
    pub(crate) learning_rate: Option<f64>,
    /// How the learning rate changes: constant; step (times --schedule-factor every --schedule-epochs); cosine (down
    /// half a cosine over the run); plateau (times --schedule-factor after --schedule-epochs without a better
    /// validation loss) [default: constant]
    #[arg(long, value_name = "HOW", value_parser = named::<Schedule>, help_heading = "Training")]
    pub(crate) schedule: Option<Schedule>,
    /// Epochs of --schedule step or plateau [default: 10 of step, 3 of plateau]
    #[arg(long, value_name = "EPOCHS", help_heading = "Training")]
    pub(crate) schedule_epochs: Option<usize>,
    /// Factor of --schedule step or plateau, between 0 and 1 [default: 0.1]
    #[arg(long, value_name = "FACTOR", help_heading = "Training")]
    pub(crate) schedule_factor: Option<f64>,
    /// Learning rate that no --schedule goes below [default: 0]
    #[arg(long, value_name = "RATE", help_heading = "Training")]
    pub(crate) min_learning_rate: Option<f64>,
    /// Epochs, or a part of one, in which the learning rate rises to --learning-rate before the schedule begins
    /// [default: 0]
    #[arg(long, value_name = "EPOCHS", help_heading = "Training")]
    pub(crate) warmup: Option<f64>,
    /// AdamW's weight decay, of weights but not of biases [default: 0]
    #[arg(long, value_name = "DECAY", help_heading = "Training")]
    pub(crate) weight_decay: Option<f64>,
    /// Share of the training target that is spread over all classes, 0 to below 1; losses are shown without it
    /// [default: 0]
    #[arg(long, value_name = "SHARE", help_heading = "Training")]
    pub(crate) label_smoothing: Option<f64>,
    /// What a class counts in the training loss: balanced (by how few windows it has; with --balance off), or a weight
    /// for each as in 1,2.5,1; losses are shown without it [default: 1 each]
    #[arg(long, value_name = "WEIGHTS", value_parser = named::<ClassWeights>, help_heading = "Training")]
    pub(crate) class_weights: Option<ClassWeights>,
    /// Largest global norm of the gradient; a longer one is shortened to it [default: not clipped]
    #[arg(long, value_name = "NORM", help_heading = "Training")]
    pub(crate) clip_norm: Option<f64>,
    /// Write an event file for TensorBoard into the run's folder [default: none]
    #[arg(long, num_args = 0, default_missing_value = "true", help_heading = "Training")]
    pub(crate) tensorboard: Option<bool>,

    /// Multiply each training window by a random factor from 1 - SPREAD to 1 + SPREAD, 0 to below 1 [default: 0]
    #[arg(long, value_name = "SPREAD", help_heading = "Augmentation")]
    pub(crate) augment_gain: Option<f64>,
    /// Move each training window by up to so many samples, among the training windows around it [default: 0]
    #[arg(long, value_name = "SAMPLES", help_heading = "Augmentation")]
    pub(crate) augment_shift: Option<usize>,
    /// Add Gaussian noise to each training window at this signal-to-noise ratio in dB [default: none]
    #[arg(long, value_name = "DB", help_heading = "Augmentation")]
    pub(crate) augment_noise: Option<f64>,

    /// GPU adapter by index or a part of its name; `gpu-bearing devices` lists them [default: the first]
    #[arg(long, value_name = "NAME|INDEX", help_heading = "Device")]
    pub(crate) adapter: Option<String>,
    /// Shader variants, a row of the table that `gpu-bearing devices` shows [default: the adapter's]
    #[arg(long, value_name = "NAME", help_heading = "Device")]
    pub(crate) variant: Option<String>,
}

/// Reads a name as serde spells it, so that command line and file agree.
fn named<T: DeserializeOwned>(text: &str) -> Result<T, ValueError> {
    T::deserialize(text.into_deserializer())
}

/// Reads a share, as in `1%` or `0.01`: at least 0 and below 1.
pub(crate) fn share(text: &str) -> Result<f64> {
    let (number, unit) = match text.strip_suffix('%') {
        Some(percent) => (percent.trim_end(), 100.0),
        None => (text, 1.0),
    };
    let share = number.parse::<f64>().ok().map(|value| value / unit);
    let share = share.filter(|share| (0.0..1.0).contains(share));
    share.ok_or_else(|| Error::input("must be a share of at least 0 and below 1, as in 1% or 0.01"))
}

impl Options {
    /// Reads a `--config` file, such as a run's `config.toml`.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).map_err(|cause| Error::read(path, &cause))?;
        toml::from_str(&text).map_err(|cause| {
            let line = cause.span().map_or(1, |span| text[..span.start].matches('\n').count() + 1);
            Error::input(format!("{}:{line}: {}", path.display(), cause.message()))
        })
    }

    /// These options, and where they are open those of `other`. A stride of `other` that is its window, as every
    /// run saves it, does not outlive that window, nor a model of `other` that these start from a trained one.
    pub(crate) fn or(self, mut other: Self) -> Self {
        if self.window.is_some() && other.stride == other.window {
            other.stride = None;
        }
        if self.from.is_some() {
            other.model = None;
        }
        let mut table = other.table();
        table.extend(self.table());
        table.try_into().expect("what was written is read")
    }

    /// The options that are given, as the command line spells them.
    pub(crate) fn given(&self) -> Vec<String> {
        self.table().keys().map(|key| format!("--{}", key.replace('_', "-"))).collect()
    }

    fn table(&self) -> toml::Table {
        toml::Table::try_from(self).expect("check() has been asked, so that TOML can hold every value")
    }

    /// Checks each value for itself.
    pub(crate) fn check(&self) -> Result<()> {
        for (flag, value) in [
            ("--rate", self.rate),
            ("--target-rate", self.target_rate),
            ("--learning-rate", self.learning_rate),
            ("--clip-norm", self.clip_norm),
        ] {
            if let Some(value) = value.filter(|value| !(value.is_finite() && *value > 0.0)) {
                return Err(Error::input(format!("{flag} {value}: must be above 0")));
            }
        }
        for (flag, value, least, most) in [
            ("--channel", self.channel, 1, MOST_CHANNELS),
            ("--window", self.window, 1, MOST_SAMPLES),
            ("--stride", self.stride, 1, MOST_SAMPLES),
            ("--windows", self.windows, 1, MOST_SAMPLES),
            ("--epochs", self.epochs, 1, MOST_EPOCHS),
            ("--patience", self.patience, 0, MOST_EPOCHS),
            ("--batch", self.batch, 1, MOST_WINDOWS),
            ("--schedule-epochs", self.schedule_epochs, 1, MOST_EPOCHS),
            ("--augment-shift", self.augment_shift, 0, LARGEST_SHIFT),
            ("--add-dense", self.add_dense, 1, MOST_CHANNELS),
        ] {
            if let Some(value) = value {
                bounded(flag, value, least, most)?;
            }
        }
        for (flag, value) in [
            ("--min-learning-rate", self.min_learning_rate),
            ("--warmup", self.warmup),
            ("--weight-decay", self.weight_decay),
        ] {
            if let Some(value) = value.filter(|value| !(value.is_finite() && *value >= 0.0)) {
                return Err(Error::input(format!("{flag} {value}: must be at least 0")));
            }
        }
        for (flag, value) in [
            ("--dropout", self.dropout),
            ("--label-smoothing", self.label_smoothing),
            ("--augment-gain", self.augment_gain),
            ("--reject", self.reject),
        ] {
            if let Some(value) = value.filter(|value| !(0.0..1.0).contains(value)) {
                return Err(Error::input(format!("{flag} {value}: must be at least 0 and below 1")));
            }
        }
        if let Some(factor) = self.schedule_factor.filter(|factor| !(*factor > 0.0 && *factor < 1.0)) {
            return Err(Error::input(format!("--schedule-factor {factor}: must be above 0 and below 1")));
        }
        if let Some(ratio) = self.augment_noise.filter(|ratio| !NOISE_RANGE.contains(ratio)) {
            let (least, most) = NOISE_RANGE.into_inner();
            return Err(Error::input(format!("--augment-noise {ratio}: must be from {least} to {most} dB")));
        }
        for (flag, path) in [("--data", &self.data), ("--from", &self.from)] {
            if let Some(path) = path.as_deref().map(absolute).filter(|path| path.to_str().is_none()) {
                return Err(Error::input(format!(
                    "{flag} {}: the path is not UTF-8, so that config.toml cannot hold it: rename the folder",
                    path.display()
                )));
            }
        }
        Ok(())
    }

    /// Fills in the defaults and checks what can be checked before model and data are known.
    pub(crate) fn validate(self) -> Result<Config> {
        self.check()?;
        let paper = self.protocol.is_some();
        if let Some(protocol) = self.protocol {
            self.check_protocol(protocol)?;
        } else if let Some(load) = self.load {
            return Err(Error::input(format!(
                "--load {load} picks recordings for --protocol: add that, or leave --load out"
            )));
        }
        self.check_from()?;
        let schedule = self.schedule.unwrap_or(Schedule::Constant);
        let (schedule_epochs, schedule_factor) = match schedule {
            Schedule::Constant | Schedule::Cosine => (None, None),
            Schedule::Step => (Some(STEP_EPOCHS), Some(SCHEDULE_FACTOR)),
            Schedule::Plateau => (Some(PLATEAU_EPOCHS), Some(SCHEDULE_FACTOR)),
        };
        let config = Config {
            data: self.data.map(|folder| absolute(&folder)),
            rate: self.rate,
            channel: self.channel,
            variable: self.variable,
            bearing: self.bearing,
            skip_bad: self.skip_bad.unwrap_or(false),
            protocol: self.protocol,
            load: paper.then_some(self.load.unwrap_or(protocol::LOAD)),
            model: match self.from {
                Some(_) => None,
                None => Some(self.model.map_or_else(|| MODEL.to_owned(), model_path)),
            },
            from: self.from.map(|path| absolute(&path)),
            freeze: self.freeze,
            add_dense: self.add_dense,
            window: if paper { Some(protocol::WINDOW) } else { self.window },
            stride: if paper { Some(protocol::WINDOW) } else { self.stride },
            windows: self.windows,
            target_rate: self.target_rate,
            scale: if paper { Some(Scale::None) } else { self.scale },
            split: self.protocol.map_or(self.split, |protocol| Some(protocol.rule())),
            holdout: self.holdout,
            leave_out: self.leave_out,
            reject: self.reject,
            balance: self.balance.unwrap_or(if paper { Balance::Off } else { Balance::On }),
            seed: self.seed.unwrap_or(0),
            epochs: self.epochs.unwrap_or(if paper { PAPER_EPOCHS } else { EPOCHS }),
            patience: self.patience.unwrap_or(if paper { 0 } else { PATIENCE }),
            batch: self.batch.unwrap_or(BATCH),
            learning_rate: self.learning_rate.unwrap_or(LEARNING_RATE),
            dropout: self.dropout,
            clip_norm: self.clip_norm,
            schedule,
            schedule_epochs: self.schedule_epochs.or(schedule_epochs),
            schedule_factor: self.schedule_factor.or(schedule_factor),
            min_learning_rate: self.min_learning_rate,
            warmup: self.warmup,
            weight_decay: self.weight_decay,
            label_smoothing: self.label_smoothing,
            class_weights: self.class_weights,
            augment_gain: self.augment_gain,
            augment_shift: self.augment_shift,
            augment_noise: self.augment_noise,
            adapter: self.adapter,
            variant: self.variant,
            tensorboard: self.tensorboard.unwrap_or(false),
        };
        config.named_bearing().map_err(|error| error.within("--bearing"))?;
        if let (Some(windows), Some(1..)) = (config.windows, config.augment_shift) {
            return Err(Error::input(format!(
                "--windows {windows}: windows that stand apart cannot be moved among each other: leave it out, or \
                 --augment-shift"
            )));
        }
        check_schedule(&config)?;
        check_class_weights(&config)?;
        Ok(config)
    }

    /// Refuses another model beside one to start from, and what is about such a model without one.
    fn check_from(&self) -> Result<()> {
        if let (Some(from), Some(model)) = (&self.from, &self.model) {
            return Err(Error::input(format!(
                "--from {} brings its own model: leave --model {model} out, or --from",
                from.display()
            )));
        }
        let flag = match self {
            Self { from: None, freeze: Some(_), .. } => "--freeze",
            Self { from: None, add_dense: Some(_), .. } => "--add-dense",
            _ => return Ok(()),
        };
        Err(Error::input(format!(
            "{flag} is about a model to start from: add --from RUN, or leave {flag} out"
        )))
    }

    /// Refuses what contradicts a data rule; its own values may be given, as a saved configuration does.
    fn check_protocol(&self, protocol: Protocol) -> Result<()> {
        let refuse = |what: String, why: &str| {
            let name = protocol.name();
            Err(Error::input(format!("--protocol {name} {why}: leave {what} out, or the protocol")))
        };
        if let Some(patience) = self.patience.filter(|patience| *patience > 0) {
            return refuse(format!("--patience {patience}"), "has no validation set to stop early by");
        }
        for (flag, value) in [("--window", self.window), ("--stride", self.stride)] {
            if let Some(value) = value.filter(|value| *value != protocol::WINDOW) {
                return refuse(format!("{flag} {value}"), "has windows of 400 samples, one behind the other");
            }
        }
        if let Some(windows) = self.windows {
            return refuse(format!("--windows {windows}"), "takes all windows");
        }
        if let Some(groups) = &self.holdout {
            return refuse(format!("--holdout {groups}"), "draws what it tests on");
        }
        if let Some(conditions) = &self.leave_out {
            return refuse(format!("--leave-out {}", conditions.join(",")), "has six conditions");
        }
        if let Some(share) = self.reject {
            return refuse(format!("--reject {share}"), "has no validation set to choose a threshold on");
        }
        if let Some(rate) = self.target_rate.filter(|_| protocol == Protocol::Paper) {
            return refuse(format!("--target-rate {rate}"), "does not resample");
        }
        if self.scale.is_some_and(|scale| scale != Scale::None) {
            return refuse("--scale".to_owned(), "does not scale");
        }
        if self.balance.is_some_and(|balance| balance != Balance::Off) {
            return refuse("--balance on".to_owned(), "takes every window once in an epoch");
        }
        match self.split.filter(|rule| *rule != protocol.rule()) {
            Some(rule) => refuse(format!("--split {rule}"), &format!("divides by {}", protocol.rule())),
            None => Ok(()),
        }
    }
}

/// Refuses what a schedule does not use, or cannot work with.
fn check_schedule(config: &Config) -> Result<()> {
    let varies = matches!(config.schedule, Schedule::Step | Schedule::Plateau);
    for (given, option, used, by) in [
        (config.schedule_epochs.is_some(), "--schedule-epochs", varies, "step or plateau"),
        (config.schedule_factor.is_some(), "--schedule-factor", varies, "step or plateau"),
        (
            config.min_learning_rate.is_some(),
            "--min-learning-rate",
            config.schedule != Schedule::Constant,
            "step, cosine or plateau",
        ),
    ] {
        if given && !used {
            return Err(Error::input(format!("{option} is for --schedule {by}: add that, or leave it out")));
        }
    }
    let base = config.learning_rate;
    if let Some(least) = config.min_learning_rate.filter(|least| *least >= base) {
        return Err(Error::input(format!(
            "--min-learning-rate {least}: must be below --learning-rate {base}"
        )));
    }
    let epochs = config.epochs;
    if let Some(warmup) = config.warmup.filter(|warmup| *warmup >= epochs as f64) {
        return Err(Error::input(format!(
            "--warmup {warmup}: must be shorter than the run of --epochs {epochs}"
        )));
    }
    if config.schedule == Schedule::Plateau && config.protocol.is_some() {
        return Err(Error::input(
            "--protocol has no validation set to find a plateau in: leave --schedule plateau out, or the protocol",
        ));
    }
    Ok(())
}

/// Refuses to make up for rare classes twice.
fn check_class_weights(config: &Config) -> Result<()> {
    if config.class_weights == Some(ClassWeights::Balanced) && config.balance == Balance::On {
        return Err(Error::input(
            "--class-weights balanced: --balance on already draws all classes equally often: add --balance off, or \
             leave --class-weights out",
        ));
    }
    Ok(())
}

/// So that the configuration still holds when it is read from elsewhere.
pub(crate) fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

fn model_path(name_or_path: String) -> String {
    let path = Path::new(&name_or_path);
    let absolute = path.is_file().then(|| absolute(path).into_os_string().into_string());
    absolute.and_then(Result::ok).unwrap_or(name_or_path)
}

/// Refuses a folder for runs that their configurations could not name.
pub(crate) fn refuse_non_utf8(out: &Path) -> Result<()> {
    match out.to_str() {
        Some(_) => Ok(()),
        None => Err(Error::input(format!(
            "--out {}: the path is not UTF-8, so that config.toml cannot hold it: choose another folder",
            out.display()
        ))),
    }
}

/// Refuses a number outside `least` to `most`.
pub(crate) fn bounded(flag: &str, value: usize, least: usize, most: usize) -> Result<()> {
    if value < least {
        return Err(Error::input(format!("{flag} {value}: must be at least {least}")));
    }
    if value > most {
        return Err(Error::input(format!("{flag} {value}: must be at most {most}")));
    }
    Ok(())
}

/// Which signal of a file is read, and at which rate.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct SignalArgs {
    /// Sampling rate of files that do not state one, such as MAT files, in Hz [default: of a run's own recordings the
    /// run's, otherwise none]
    #[arg(long, value_name = "HZ")]
    rate: Option<f64>,
    /// Channel of files that have several, counted from 1 [default: the run's, or the only one]
    #[arg(long, value_name = "N")]
    channel: Option<usize>,
    /// Variable of MAT files [default: the run's, the drive-end channel by CWRU's naming, or the only signal]
    #[arg(long, value_name = "NAME")]
    variable: Option<String>,
}

impl SignalArgs {
    pub(crate) fn options(self) -> ReadOptions {
        let Self { rate, channel, variable } = self;
        ReadOptions { rate, channel, variable, skip_bad: false }
    }
}

/// How recordings are read, where nothing is trained.
#[derive(Debug, clap::Args)]
pub(crate) struct ReadArgs {
    #[command(flatten)]
    signal: SignalArgs,
    /// Go on without recordings that cannot be used [default: stop and list them]
    #[arg(long)]
    skip_bad: bool,
}

impl ReadArgs {
    pub(crate) fn options(self) -> ReadOptions {
        ReadOptions { skip_bad: self.skip_bad, ..self.signal.options() }
    }
}
