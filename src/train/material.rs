//! What a run trains on: recordings at one rate, divided into windows, with their scaling.

use std::collections::BTreeSet;
use std::path::Path;

use super::config::{Config, Protocol};
use super::left_out;
use super::transfer::{Source, Transfer};
use crate::data::folder::{self, Dataset};
use crate::data::protocol::{self, paper_recordings, paper_split, sample_recordings};
use crate::data::resample::{to_rate, working_rate};
use crate::data::split::{Holdout, Part, Rule, Scheme, Split};
use crate::data::windows::{self, Cut, Scale, Scaling};
use crate::data::{ReadOptions, Recording, classes, sample};
use crate::nn::network;
use crate::nn::{Checkpoint, Model};
use crate::{Error, Result};

/// The model to train, and what it is trained on.
#[derive(Debug, Clone)]
pub struct Material {
    /// The network, for the classes of the recordings.
    pub model: Model,
    /// All at the working rate, but for those of the paper's protocol, which are not resampled.
    pub recordings: Vec<Recording>,
    /// Those of conditions that the run is not to know, at the same rate; in none of the parts.
    pub left_out: Vec<Recording>,
    /// What `--skip-bad` left out: name and reason.
    pub skipped: Vec<(String, Error)>,
    /// The rate in Hz that the recordings were resampled to; none by the paper's protocol.
    pub rate: Option<f64>,
    /// The windows of each part.
    pub split: Split,
    /// Fitted on the training windows, or that of the model that training starts from.
    pub scaling: Scaling,
    /// Weight of each class in the training loss; empty: 1 each.
    pub class_weights: Vec<f64>,
    /// The trained model that training starts from, if it does.
    pub transfer: Option<Transfer>,
}

impl Material {
    /// Reads, resamples, divides and scales as `config` says, and fills in what it leaves open. A run that goes on
    /// gives its `last` checkpoint.
    ///
    /// # Errors
    /// Recordings that cannot be used, a model that does not fit, a division that leaves a part empty.
    pub fn load(config: &mut Config, last: Option<&Checkpoint>) -> Result<Self> {
        let source = Source::open(config, last)?;
        if let Some(source) = &source {
            source.settle(config)?;
        }
        let window = settle_windows(config)?;
        let dataset = read(config.data.as_deref(), config, &config.read_options())?;
        let resampled = source.as_ref().and_then(|source| source.resampling_note(&dataset.recordings));
        let (Dataset { recordings, skipped, .. }, rate) = at_working_rate(dataset, config, window)?;
        let (recordings, left_out) = left_out::part(recordings, config)?;

        let mut split = match config.protocol {
            Some(protocol) => paper_split(&recordings, protocol.rule(), config.seed)?,
            None => {
                config.split.get_or_insert_with(|| Rule::strictest(&recordings));
                self::split(config, &recordings)?
            }
        };
        let scale = *config.scale.get_or_insert(Scale::Train);
        let (mut model, scaling, transfer) = match source {
            Some(source) => {
                let scaling = source.scaling();
                let (model, transfer) = source.transfer(config, &recordings, &split)?;
                split.leaky |= transfer.origin.leaky;
                split.notes.extend(resampled.into_iter().chain(transfer.origin.notes.iter().cloned()));
                (model, scaling, Some(transfer))
            }
            None => {
                let name = config.model.as_deref().unwrap_or_default();
                let model = Model::load(name, split.classes.len())?.with_window(window)?;
                (model, Scaling::fit(scale, &recordings, &split.train, window), None)
            }
        };
        if let Some(rate) = config.dropout {
            model = model.with_dropout(rate).map_err(|error| error.within("--dropout"))?;
        }
        let class_weights =
            config.class_weights.as_ref().map_or(Ok(Vec::new()), |weights| weights.of(&split))?;
        config.target_rate = rate;
        Ok(Self { model, recordings, left_out, skipped, rate, split, scaling, class_weights, transfer })
    }

    /// Names of the layers whose parameters stay as they came.
    pub(super) fn frozen(&self) -> BTreeSet<String> {
        self.transfer.iter().flat_map(|transfer| transfer.origin.frozen.iter().cloned()).collect()
    }

    /// The windows of all parts as the network takes them: train, then validation, then test.
    pub fn windows(&self) -> Vec<network::Window> {
        [Part::Train, Part::Validation, Part::Test]
            .into_iter()
            .flat_map(|part| {
                network_windows(&self.recordings, self.split.part(part), self.scaling, self.model.window)
            })
            .collect()
    }
}

/// The recordings of a folder or of the embedded sample that `config` is about: of the paper's protocols their six.
pub(super) fn read(data: Option<&Path>, config: &Config, options: &ReadOptions) -> Result<Dataset> {
    let load = config.load.unwrap_or(protocol::LOAD);
    let whole = |recordings| Dataset { recordings, skipped: Vec::new() };
    match (data, config.protocol) {
        (Some(folder), Some(_)) => {
            let mut dataset = protocol::load(folder, load, options)?;
            dataset.recordings =
                paper_recordings(&dataset.recordings, load).map_err(|e| e.within(folder.display()))?;
            Ok(dataset)
        }
        (Some(folder), None) => folder::load(folder, options),
        (None, Some(_)) => sample_recordings(load).map(whole),
        (None, None) => sample::recordings().map(whole),
    }
}

/// Fills in window and stride where they are open, and returns the window, in samples.
///
/// # Errors
/// A model that cannot be read.
pub(super) fn settle_windows(config: &mut Config) -> Result<usize> {
    let window = match config.window {
        Some(window) => window,
        // Without a model, what training starts from has filled in the window.
        None => Model::window_of(config.model.as_deref().unwrap_or_default())?,
    };
    config.window = Some(window);
    config.stride.get_or_insert(window);
    Ok(window)
}

/// The division of `recordings` by `config`, in which rule, window and stride are filled in.
///
/// # Errors
/// As [`Holdout::read`] and [`Split::draw`].
pub(super) fn split(config: &Config, recordings: &[Recording]) -> Result<Split> {
    let filled_in = "is filled in";
    let rule = config.split.expect(filled_in);
    let holdout = config.holdout.as_deref();
    let holdout = holdout.map(|names| Holdout::read(names, rule, recordings)).transpose()?;
    let (length, stride) = (config.window.expect(filled_in), config.stride.expect(filled_in));
    let cut = Cut { length, stride, most: config.windows };
    Split::draw(recordings, &Scheme { holdout, ..Scheme::drawn(rule, cut, config.seed) })
}

/// The recordings at the rate to train at; those of the paper's protocol as they are.
pub(super) fn at_working_rate(
    dataset: Dataset,
    config: &Config,
    window: usize,
) -> Result<(Dataset, Option<f64>)> {
    if config.protocol == Some(Protocol::Paper) {
        return Ok((dataset, None));
    }
    if config.protocol.is_none() {
        classes::classes(&dataset.recordings)?;
    }
    let rate = Some(working_rate(&dataset.recordings, config.target_rate)?);
    Ok((at_rate(dataset, rate, window, config.skip_bad)?, rate))
}

/// Resamples every recording to `rate` Hz; without one they stay as they are.
///
/// # Errors
/// Recordings of a lower rate, or with fewer samples than `window`; with `skip_bad` they are left out, unless
/// that leaves nothing.
pub fn at_rate(dataset: Dataset, rate: Option<f64>, window: usize, skip_bad: bool) -> Result<Dataset> {
    dataset.each(skip_bad, |recording| {
        let recording = match rate {
            Some(rate) => to_rate(recording, rate)?,
            None => recording,
        };
        if recording.signal.len() < window {
            return Err(Error::input(format!(
                "{}: {} samples at {} Hz are fewer than a window of {window}: record longer, or choose a \
                 smaller --window when training",
                recording.name,
                recording.signal.len(),
                recording.rate
            )));
        }
        Ok(recording)
    })
}

/// `windows` of `length` samples with the figures that `scaling` gives them.
pub(super) fn network_windows(
    recordings: &[Recording],
    windows: &[windows::Window],
    scaling: Scaling,
    length: usize,
) -> Vec<network::Window> {
    let figures = scaling.all_figures(recordings, windows, length);
    (windows.iter().zip(figures))
        .map(|(window, (mean, scale))| network::Window {
            recording: window.recording,
            start: window.start,
            label: window.label,
            mean,
            scale,
        })
        .collect()
}

/// The signals of `recordings`, as the network takes them.
pub(super) fn signals(recordings: &[Recording]) -> Vec<&[f32]> {
    recordings.iter().map(|recording| recording.signal.as_slice()).collect()
}
