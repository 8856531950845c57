//! What a network takes windows for, with everything that is computed from it.

use super::material::{network_windows, signals};
use super::metrics::calibration::Temperature;
use super::metrics::unknown::by_recording;
use super::metrics::{Scored, Tally};
use super::scaling::restored;
use super::scoring_variants;
use crate::data::Recording;
use crate::data::windows::{self, Cut};
use crate::gpu::Gpu;
use crate::nn::Checkpoint;
use crate::nn::network::{Network, Options, Rows, Window};
use crate::{Error, Result};

/// Windows that a network has classified, in the order in which they were given.
pub(super) struct Classified {
    /// Loss and decisions by window.
    pub(super) tally: Tally,
    /// The windows' softmax probabilities as the network gives them, at temperature 1.
    pub(super) scored: Scored,
    /// How familiar each recording is that has a window, by its position, see [`by_recording`].
    pub(super) familiarity: Vec<f64>,
}

impl Classified {
    /// `rows` are what the network says of `windows`, over so many `classes`.
    pub(super) fn new(windows: &[Window], rows: &Rows, classes: usize) -> Self {
        let mut tally = Tally::new(classes);
        let mut scored = Scored::new(classes);
        for (index, window) in windows.iter().enumerate() {
            tally.add(window.label, rows.predicted[index] as usize, rows.loss[index]);
            let row = &rows.probabilities[index * classes..][..classes];
            scored.push(window.label, window.recording, row.iter().copied().map(f64::from));
        }
        let familiarity = by_recording(scored.recordings(), &rows.log_sum_exp);
        Self { tally, scored, familiarity }
    }

    /// The windows' probabilities at the temperature of `checkpoint`, if it has one.
    pub(super) fn calibrated(&self, checkpoint: &Checkpoint) -> Scored {
        temperature(checkpoint)
            .map_or_else(|| self.scored.clone(), |temperature| temperature.apply(&self.scored))
    }

    /// Refuses probabilities that are no numbers, which recordings far beyond those trained on bring about.
    ///
    /// # Errors
    /// There is one; names the recording, of `recordings`.
    pub(super) fn refuse_non_finite(&self, recordings: &[Recording]) -> Result<()> {
        let rows = &self.scored;
        let bad = (0..rows.len()).find(|&row| rows.probabilities(row).iter().any(|p| !p.is_finite()));
        bad.map_or(Ok(()), |row| {
            let Recording { name, signal, .. } = &recordings[rows.recordings()[row]];
            let peak = signal.iter().fold(0.0, |peak: f32, sample| peak.max(sample.abs()));
            Err(Error::input(format!(
                "{name}: the network's answer is not a number; its largest sample is {peak:e}: is it in another unit than \
                 the others, or damaged? Leave it out"
            )))
        })
    }

    /// What the model of `checkpoint` takes `windows` of `recordings` for, which are at its rate.
    ///
    /// # Errors
    /// A device that lacks memory or fails.
    pub(super) fn by(
        gpu: &Gpu,
        checkpoint: &Checkpoint,
        recordings: &[Recording],
        windows: &[windows::Window],
    ) -> Result<Self> {
        let Checkpoint { model, classes, variants, scaling, parameters, .. } = checkpoint;
        let variants = scoring_variants(&gpu.info, variants)?;
        let options = Options::scoring(&gpu.info, model, windows.len(), variants)?;
        let scaled = network_windows(recordings, windows, restored(*scaling), model.window);
        let mut network = Network::new(gpu, model, &signals(recordings), &scaled, scaled.len(), &options)?;
        network.set_parameters(parameters);
        let order: Vec<u32> = (0..scaled.len() as u32).collect();
        let rows = network.classify(&order, &mut |_| ())?;
        Ok(Self::new(&scaled, &rows, classes.len()))
    }
}

/// How familiar `recordings` are to the model of `checkpoint`, each by its windows, see [`by_recording`]; their classes do
/// not matter.
///
/// # Errors
/// As [`Classified::by`], or a recording shorter than a window.
pub(super) fn familiarity(
    gpu: &Gpu,
    checkpoint: &Checkpoint,
    recordings: &[Recording],
    cut: &Cut,
) -> Result<Vec<f64>> {
    if recordings.is_empty() {
        return Ok(Vec::new());
    }
    Ok(Classified::by(gpu, checkpoint, recordings, &unlabelled(recordings, cut)?)?.familiarity)
}

/// The windows of recordings whose classes are not known; the label only gives a loss, which is not looked at.
///
/// # Errors
/// A recording shorter than a window.
pub(super) fn unlabelled(recordings: &[Recording], cut: &Cut) -> Result<Vec<windows::Window>> {
    windows::cut(recordings, &vec![0; recordings.len()], cut)
}

/// The temperature that the model of `checkpoint` goes by, if it has one.
pub(super) fn temperature(checkpoint: &Checkpoint) -> Option<Temperature> {
    checkpoint.temperature.map(|value| Temperature { value, clamped: false })
}
