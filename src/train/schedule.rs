//! Learning-rate schedules: the learning rate of every batch, a function of the options and of the validation losses so
//! far. Nothing else is remembered, so that a resumed run goes on as if it had never stopped.

use serde::{Deserialize, Serialize};

/// How the learning rate changes once it is warmed up (`--schedule`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Schedule {
    /// Not at all.
    Constant,
    /// Times `factor` every `period` epochs: PyTorch's `StepLR`.
    Step,
    /// Down half a cosine to `least` at the last epoch's end, batch by batch: PyTorch's `CosineAnnealingLR`, Keras'
    /// `CosineDecay`. A run that is resumed with more epochs goes on along the longer curve.
    Cosine,
    /// Times `factor` after every `period` epochs without a better validation loss, counted anew then: PyTorch's and
    /// Keras' `ReduceLROnPlateau`. Better is what is better for `--patience` too, by however little.
    Plateau,
}

/// A learning rate with its schedule.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LearningRate {
    /// At the start; with a warm-up, at its end.
    pub base: f64,
    /// What happens to it.
    pub schedule: Schedule,
    /// Epochs of `step` and `plateau`, at least 1.
    pub period: usize,
    /// Factor of `step` and `plateau`, below 1.
    pub factor: f64,
    /// No schedule goes below.
    pub least: f64,
    /// Epochs in which the rate first rises in equal steps, batch by batch, to `base`: PyTorch's `LinearLR`. The
    /// schedule begins behind them.
    pub warmup: f64,
    /// Epochs of the run.
    pub epochs: usize,
}

impl LearningRate {
    /// The learning rate of each of the `batches` batches of epoch number `epoch` (from 0), where the epochs before had
    /// these validation `losses`.
    pub fn of_epoch(&self, epoch: usize, batches: usize, losses: &[f64]) -> Vec<f64> {
        let warm = (self.warmup * batches as f64).round() as usize;
        let reductions = self.reductions(losses);
        (epoch * batches..(epoch + 1) * batches)
            .map(|batch| match batch.checked_sub(warm) {
                None => self.base * (batch + 1) as f64 / warm as f64,
                Some(batch) => self.after_warmup(batch, batches, warm, reductions),
            })
            .collect()
    }

    /// `batch` is counted from the end of the warm-up, which was `warm` batches long.
    fn after_warmup(&self, batch: usize, batches: usize, warm: usize, reductions: usize) -> f64 {
        let reduced = |times: usize| (self.base * self.factor.powf(times as f64)).max(self.least);
        match self.schedule {
            Schedule::Constant => self.base,
            Schedule::Step => reduced(batch / (self.period * batches)),
            Schedule::Plateau => reduced(reductions),
            Schedule::Cosine => {
                let share = batch as f64 / (self.epochs * batches - warm) as f64;
                let fallen = (1.0 - (std::f64::consts::PI * share).cos()) / 2.0;
                self.base + (self.least - self.base) * fallen
            }
        }
    }

    /// How often `plateau` has reduced the rate after epochs with these validation losses.
    fn reductions(&self, losses: &[f64]) -> usize {
        let (mut best, mut stalled, mut reductions) = (f64::INFINITY, 0, 0);
        for &loss in losses.iter().skip(self.warmup.ceil() as usize) {
            if loss < best {
                (best, stalled) = (loss, 0);
                continue;
            }
            stalled += 1;
            if stalled == self.period {
                (stalled, reductions) = (0, reductions + 1);
            }
        }
        reductions
    }
}
