//! How far a training is: a bar where a person looks on, and a line an epoch everywhere.

use std::time::Instant;

use gpu_bearing::Result;
use gpu_bearing::report::figures::{epoch, under_way};
use gpu_bearing::train::{Config, EpochRecord, Schedule, Trainer};
use indicatif::{ProgressBar, ProgressStyle};

use super::output::Screen;

/// The progress of a training since this process took it up.
pub(crate) struct Progress<'a> {
    /// Drawn on standard error, and only where that is a terminal.
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
        let style = ProgressStyle::with_template("{prefix} [{bar:20}] {pos}/{len}  {msg}");
        let style = style.expect("the template is valid").progress_chars("##-");
        Self {
            bar: ProgressBar::no_length().with_style(style),
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
