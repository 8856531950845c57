//! How far a training is, or many of them: bars where a person looks on, and a line an epoch of a training everywhere.

use std::collections::HashMap;
use std::mem;
use std::time::Instant;

use gpu_bearing::Result;
use gpu_bearing::report::figures::{epoch, under_way};
use gpu_bearing::train::queue::Training;
use gpu_bearing::train::{Config, EpochRecord, Schedule, Trainer};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::output::Screen;

/// The progress of a training since this process took it up.
pub(crate) struct Progress<'a> {
    bar: ProgressBar,
    config: &'a Config,
    /// Training windows of an epoch.
    windows: usize,
    split: &'a str,
    begun: Instant,
    /// Windows trained on before.
    before: usize,
    last: Option<EpochRecord>,
}

impl<'a> Progress<'a> {
    /// Of `trainer`, which is about to go on over so many `windows` an epoch; `split` says in words how windows were
    /// divided.
    pub(crate) fn begin(trainer: &Trainer<'_>, config: &'a Config, windows: usize, split: &'a str) -> Self {
        Self {
            bar: bar("{prefix} [{bar:20}] {pos}/{len}  {msg}"),
            config,
            windows,
            split,
            begun: Instant::now(),
            before: trainer.epoch() * windows + trainer.step() * config.batch,
            last: trainer.metrics().last().cloned(),
        }
    }

    /// `done` of the `of` steps of epoch number `epoch` (from 1) are done.
    pub(crate) fn step(&mut self, epoch: usize, done: usize, of: usize) {
        let in_epoch = self.windows.min(done * self.config.batch);
        let (per_second, left) = self.pace((epoch - 1) * self.windows + in_epoch);
        self.bar.set_length(of as u64);
        self.bar.set_prefix(format!("epoch {epoch}/{}", self.config.epochs));
        self.bar.set_message(under_way(self.last.as_ref(), self.split, per_second, left));
        self.bar.set_position(done as u64);
    }

    /// An epoch is complete: prints its line.
    pub(crate) fn epoch(&mut self, record: &EpochRecord, screen: Screen) -> Result<()> {
        let (_, left) = self.pace(record.epoch * self.windows);
        let rated = self.config.schedule != Schedule::Constant || self.config.warmup.is_some();
        let line = epoch(record, self.config.epochs, rated, self.split, left);
        self.last = Some(record.clone());
        self.bar.suspend(|| screen.line(line))
    }

    /// Windows a second since this process began, and seconds that the rest takes at that pace, after `done` windows of
    /// the run.
    fn pace(&self, done: usize) -> (f64, f64) {
        let per_second = (done - self.before) as f64 / self.begun.elapsed().as_secs_f64();
        (per_second, (self.config.epochs * self.windows - done) as f64 / per_second)
    }

    /// Takes the bar away.
    pub(crate) fn end(self) {
        self.bar.finish_and_clear();
    }
}

/// The progress of many trainings, on standard error and only where that is a terminal: all of them, and each that is under
/// way.
pub(crate) struct Trainings<'a> {
    bars: MultiProgress,
    all: ProgressBar,
    trainings: &'a [Training],
    at_once: usize,
    states: Vec<State>,
    /// Seconds and epochs of those finished, by kind.
    known: HashMap<Kind, (f64, usize)>,
}

/// What takes about as long as each other: the built-in model, and whether it is that of another run.
type Kind = (Option<String>, bool);

enum State {
    Waiting,
    UnderWay(ProgressBar, Instant),
    Finished,
}

impl<'a> Trainings<'a> {
    /// Of `trainings` that are to come, `at_once` at a time, in `things`, a plural.
    pub(crate) fn new(things: &str, trainings: &'a [Training], at_once: usize) -> Self {
        let bars = MultiProgress::new();
        let all = bars.add(bar("[{bar:20}] {pos}/{len} {prefix}{msg}").with_prefix(things.to_owned()));
        all.set_length(trainings.len() as u64);
        let states = trainings.iter().map(|_| State::Waiting).collect();
        Self { bars, all, trainings, at_once, states, known: HashMap::new() }
    }

    /// The training at a place was taken up.
    pub(crate) fn begin(&mut self, place: usize) {
        let name = self.trainings[place].name().into_owned();
        let bar = self.bars.add(bar("[{bar:20}] {prefix}  {msg}").with_prefix(name));
        self.states[place] = State::UnderWay(bar, Instant::now());
    }

    /// `done` of the `of` steps of its epoch number `epoch` (from 1) are done.
    pub(crate) fn step(&self, place: usize, epoch: usize, done: usize, of: usize) {
        let epochs = self.trainings[place].config.epochs;
        if let State::UnderWay(bar, _) = &self.states[place] {
            bar.set_length((epochs * of) as u64);
            bar.set_message(format!("epoch {epoch}/{epochs}"));
            bar.set_position(((epoch - 1) * of + done) as u64);
        }
        let left = self.seconds_left().map(|seconds| format!(", {:.0} min left", (seconds / 60.0).ceil()));
        self.all.set_message(left.unwrap_or_default());
    }

    /// It is finished after so many `seconds` of training: prints `line`.
    pub(crate) fn finish(&mut self, place: usize, seconds: f64, line: String, screen: Screen) -> Result<()> {
        if let State::UnderWay(bar, _) = mem::replace(&mut self.states[place], State::Finished) {
            bar.finish_and_clear();
        }
        let Training { config, .. } = &self.trainings[place];
        let known = self.known.entry(kind(config)).or_default();
        *known = (known.0 + seconds, known.1 + config.epochs);
        self.all.inc(1);
        self.bars.suspend(|| screen.line(line))
    }

    /// Seconds until all are finished, by the time that an epoch of others of the kind took, or of any where there is none.
    fn seconds_left(&self) -> Option<f64> {
        let any = self.known.values().fold((0.0, 0), |sum, known| (sum.0 + known.0, sum.1 + known.1));
        if any.1 == 0 {
            return None;
        }
        let left = |(training, state): (&Training, &State)| {
            let (seconds, epochs) = *self.known.get(&kind(&training.config)).unwrap_or(&any);
            let whole = training.config.epochs as f64 * seconds / epochs as f64;
            match state {
                State::Waiting => whole,
                State::UnderWay(_, since) => (whole - since.elapsed().as_secs_f64()).max(0.0),
                State::Finished => 0.0,
            }
        };
        let left: Vec<f64> = self.trainings.iter().zip(&self.states).map(left).collect();
        let longest = left.iter().copied().fold(0.0, f64::max);
        Some((left.iter().sum::<f64>() / self.at_once as f64).max(longest))
    }

    /// Takes the bars away.
    pub(crate) fn end(&self) {
        drop(self.bars.clear());
    }
}

fn kind(config: &Config) -> Kind {
    (config.model.clone(), config.from.is_some())
}

/// How many of a known number are done, on standard error and only where that is a terminal.
pub(crate) struct Count(ProgressBar);

impl Count {
    /// Of what is counted, in the plural.
    pub(crate) fn new(things: &str) -> Self {
        Self(bar("[{bar:20}] {pos}/{len} {prefix}").with_prefix(things.to_owned()))
    }

    /// So many are done.
    pub(crate) fn show(&self, done: usize, of: usize) {
        self.0.set_length(of as u64);
        self.0.set_position(done as u64);
    }

    /// Takes the bar away.
    pub(crate) fn end(self) {
        self.0.finish_and_clear();
    }
}

/// A bar that is drawn on standard error, and only where that is a terminal.
pub(crate) fn bar(template: &str) -> ProgressBar {
    let style = ProgressStyle::with_template(template).expect("the template is valid");
    ProgressBar::no_length().with_style(style.progress_chars("##-"))
}
