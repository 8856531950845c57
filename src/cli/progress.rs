//! How far a training is, or the trainings of a reproduction: a bar where a person looks on, and a line an epoch of a
//! training everywhere.

use std::time::Instant;

use gpu_bearing::Result;
use gpu_bearing::report::figures::{epoch, under_way};
use gpu_bearing::train::{Config, EpochRecord, Event, Schedule, Trainer};
use indicatif::{ProgressBar, ProgressStyle};

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

/// The progress of a run among all, on standard error and only where that is a terminal.
pub(crate) struct RunBar {
    bar: ProgressBar,
    epochs: usize,
    begun: Instant,
    /// Seconds that this run and those behind it will take.
    left: Option<f64>,
}

impl RunBar {
    /// Of the run `name`, number `index` of `of`, over so many `epochs`; with those behind it, it will take the seconds
    /// `left`, where that is known.
    pub(crate) fn new(name: &str, (index, of): (usize, usize), epochs: usize, left: Option<f64>) -> Self {
        let bar = bar("{prefix} [{bar:20}] {msg}");
        bar.set_prefix(format!("{:>3}/{of}  {name}", index + 1));
        Self { bar, epochs, begun: Instant::now(), left }
    }

    /// What the run has come to.
    pub(crate) fn show(&self, event: &Event<'_>) {
        if let Event::Step { epoch, done, of, .. } = *event {
            let left = self.left.map_or(String::new(), |seconds| {
                let seconds = (seconds - self.begun.elapsed().as_secs_f64()).max(0.0);
                format!(", {:.0} min left in all", (seconds / 60.0).ceil())
            });
            self.bar.set_length((self.epochs * of) as u64);
            self.bar.set_message(format!("epoch {epoch}/{}{left}", self.epochs));
            self.bar.set_position(((epoch - 1) * of + done) as u64);
        }
    }

    /// Takes the bar away.
    pub(crate) fn end(self) {
        self.bar.finish_and_clear();
    }
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
