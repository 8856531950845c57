//! Scoring a finished run on recordings, its own or new ones, without the windows that it has learned from.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::Serialize;

use super::classified::{Classified, familiarity, temperature};
use super::config::{Config, REJECT};
use super::material::{at_rate, read};
use super::metrics::calibration::Calibration;
use super::metrics::unknown::Rejection;
use super::metrics::{Figures, Scores};
use super::predict::least_familiar;
use super::run_folder::RunFolder;
use crate::data::folder::Dataset;
use crate::data::split::Part;
use crate::data::split_record::{SplitRecord, scored};
use crate::data::windows::{Cut, Window, cut};
use crate::data::{ReadOptions, Recording, classes};
use crate::gpu::Gpu;
use crate::nn::Checkpoint;
use crate::{Error, Result};

/// What an evaluation shows.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Evaluation {
    /// The adapter in words.
    pub adapter: String,
    /// The model's name.
    pub model: String,
    /// What the figures are over: the run's split for its own recordings, `new recordings`, or both.
    pub split: String,
    /// Whether the same bearing, or a window that was trained on, is or may be among those scored.
    pub leaky: bool,
    /// Whether recordings of the embedded sample are among those scored.
    pub synthetic: bool,
    /// What to say beside the figures.
    pub notes: Vec<String>,
    /// Number of recordings with a window scored.
    pub recordings: usize,
    /// Windows left out, since the run has learned from them or they overlap such.
    pub left_out: usize,
    /// What `--skip-bad` left out.
    pub skipped: Vec<String>,
    /// Names of the classes.
    pub classes: Vec<String>,
    /// Over the windows scored.
    pub test: Figures,
    /// A row per true class, a column per predicted one.
    pub confusion: Vec<Vec<u64>>,
    /// Further figures over the same windows and their recordings, as a run's summary has them.
    pub scores: Scores,
    /// What the checkpoint's temperature does for these windows; none where it has none.
    pub calibration: Option<Calibration>,
    /// What is turned away as unknown of the recordings scored, and of those of conditions that the run left out; none
    /// where it does not know how familiar its validation recordings are.
    pub rejection: Option<Rejection>,
    /// The conditions that the run left out and that are among the recordings.
    pub unknown: Vec<String>,
}

/// Scores the model of the finished run in `folder`, with its `config`, on the recordings of `data`: on the
/// windows that it was neither trained nor validated on, or on `all`. Recordings of conditions that the run left out are
/// looked at as unknown; `reject` is the share of known ones that may be turned away, otherwise the run's.
///
/// # Errors
/// The run is not finished, or cannot turn away though `reject` asks for it; recordings that cannot be used or whose
/// condition the model does not know; no window left to score.
pub fn evaluate(
    gpu: &Gpu,
    folder: &RunFolder,
    config: &Config,
    data: Option<&Path>,
    options: &ReadOptions,
    all: bool,
    reject: Option<f64>,
) -> Result<Evaluation> {
    let subject = Subject::open(folder, config, data, options, all)?;
    if let Some(most) = reject {
        least_familiar(&subject.checkpoint, most).map_err(|error| error.within(folder.path().display()))?;
    }
    subject.evaluation(gpu, reject)
}

/// A finished run with the windows that it is to be scored on.
pub(super) struct Subject {
    pub(super) checkpoint: Checkpoint,
    /// How the run has cut its own recordings.
    cut: Cut,
    seed: u64,
    /// The run's own share of known recordings that may be turned away.
    reject: f64,
    verdict: Verdict,
    synthetic: bool,
    left_out: usize,
    skipped: Vec<String>,
    /// At the model's rate, each with a window to be scored.
    pub(super) recordings: Vec<Recording>,
    /// Of these recordings.
    pub(super) windows: Vec<Window>,
    /// At the model's rate, of conditions that the run left out.
    unknown: Vec<Recording>,
}

impl Subject {
    /// As [`evaluate`] takes them.
    pub(super) fn open(
        folder: &RunFolder,
        config: &Config,
        data: Option<&Path>,
        options: &ReadOptions,
        all: bool,
    ) -> Result<Self> {
        let summary = folder.read_summary()?;
        let checkpoint = folder.read_model()?;
        let records = folder.read_split()?;
        let length = checkpoint.model.window;
        let dataset = at_rate(read(data, config, options)?, checkpoint.rate, length, options.skip_bad)?;
        let Dataset { recordings, skipped, .. } = dataset;
        let (unknown, recordings): (Vec<Recording>, Vec<Recording>) =
            recordings.into_iter().partition(|recording| config.leaves_out(recording));
        if recordings.is_empty() {
            return Err(Error::input(format!(
                "all {} recordings are of conditions that the run left out: give some that it knows as well, or see what \
                 `predict --reject` says of these",
                unknown.len()
            )));
        }
        let labels = classes::labels(&recordings, &checkpoint.classes)?;
        let every = Cut { length, stride: config.stride.unwrap_or(length), most: None };
        let windows = cut(&recordings, &labels, &every)?;
        let total = windows.len();
        let learned = folder.read_learned()?;
        let fair = scored(&recordings, &windows, learned.as_ref().unwrap_or(&records));
        if fair.windows.is_empty() && !all {
            return Err(Error::input(format!(
                "all {total} windows were trained or validated on, or lie in a gap beside such: give other recordings, \
             or score them nevertheless with --all"
            )));
        }
        let used = fair.left_out;
        let (windows, left_out) = if all { (windows, 0) } else { (fair.windows, used) };

        let (recordings, windows) = with_windows(recordings, windows);
        let own: BTreeSet<&str> = records.iter().map(|record| record.sha256.as_str()).collect();
        let (known, new): (Vec<&Recording>, Vec<&Recording>) =
            recordings.iter().partition(|recording| own.contains(recording.sha256.as_str()));
        let mut verdict = Verdict::default();
        if all && used > 0 {
            verdict.leaks(
                "all windows",
                format!("{used} of {total} windows were trained or validated on, or lie beside such"),
            );
        } else if !known.is_empty() {
            verdict.names.push(format!("split by {}", summary.split));
            verdict.leaky |= summary.leaky;
            verdict.notes.extend(summary.notes);
        }
        if !new.is_empty() {
            verdict.judge_new(&new, &fair.bearing_seen, learned.as_ref().unwrap_or(&records));
            if learned.is_none() {
                verdict.leaky = true;
                verdict.notes.push(
                    "what the run's model was started from may have learned from the same bearings"
                        .to_owned(),
                );
            }
        }

        Ok(Self {
            cut: Cut { most: config.windows, ..every },
            seed: summary.seed,
            reject: config.reject.unwrap_or(REJECT),
            synthetic: data.is_none() || (summary.synthetic && !known.is_empty()),
            checkpoint,
            verdict,
            left_out,
            skipped: skipped.into_iter().map(|(_, error)| error.to_string()).collect(),
            recordings,
            windows,
            unknown,
        })
    }

    /// Samples of a window.
    pub(super) fn length(&self) -> usize {
        self.checkpoint.model.window
    }

    /// What the model takes `windows` of `recordings` for, which are its own or what was made of them.
    pub(super) fn score(
        &self,
        gpu: &Gpu,
        recordings: &[Recording],
        windows: &[Window],
    ) -> Result<Classified> {
        Classified::by(gpu, &self.checkpoint, recordings, windows)
    }

    /// The evaluation on its own windows; `reject` is the share of known recordings that may be turned away, otherwise
    /// the run's.
    pub(super) fn evaluation(&self, gpu: &Gpu, reject: Option<f64>) -> Result<Evaluation> {
        let classified = self.score(gpu, &self.recordings, &self.windows)?;
        classified.refuse_non_finite(&self.recordings)?;
        let Classified { tally, scored, familiarity: known } = classified;
        let Self { checkpoint, verdict, recordings, .. } = self;
        let unknown: BTreeSet<&String> =
            self.unknown.iter().filter_map(|recording| recording.facts.condition.as_ref()).collect();
        let unknown_familiarity = familiarity(gpu, checkpoint, &self.unknown, &self.cut)?;
        let most = reject.unwrap_or(self.reject);
        let some = "there is at least one window";
        Ok(Evaluation {
            adapter: gpu.info.to_string(),
            model: checkpoint.model.name.clone(),
            split: verdict.names.join(" and "),
            leaky: verdict.leaky,
            synthetic: self.synthetic,
            notes: verdict.notes.clone(),
            recordings: recordings.len(),
            left_out: self.left_out,
            skipped: self.skipped.clone(),
            classes: checkpoint.classes.clone(),
            test: tally.figures().expect(some),
            confusion: tally.confusion().to_vec(),
            scores: Scores::of(&scored, &checkpoint.classes, recordings, self.seed).expect(some),
            calibration: temperature(checkpoint)
                .and_then(|temperature| Calibration::at(temperature, &scored)),
            rejection: Rejection::of(&checkpoint.familiarity, &known, &unknown_familiarity, most),
            unknown: unknown.into_iter().cloned().collect(),
        })
    }
}

/// The recordings that have a window, and the windows in these.
fn with_windows(recordings: Vec<Recording>, mut windows: Vec<Window>) -> (Vec<Recording>, Vec<Window>) {
    let used: BTreeSet<usize> = windows.iter().map(|window| window.recording).collect();
    let places: BTreeMap<usize, usize> = used.iter().enumerate().map(|(place, &old)| (old, place)).collect();
    windows.iter_mut().for_each(|window| window.recording = places[&window.recording]);
    let kept = recordings.into_iter().enumerate().filter(|(index, _)| used.contains(index));
    (kept.map(|(_, recording)| recording).collect(), windows)
}

/// What the figures are over, and whether they can be trusted.
#[derive(Default)]
struct Verdict {
    names: Vec<String>,
    leaky: bool,
    notes: Vec<String>,
}

impl Verdict {
    fn leaks(&mut self, name: &str, why: String) {
        self.names.push(name.to_owned());
        self.leaky = true;
        self.notes.push(why);
    }

    /// Recordings that the run has not seen are new only if their bearings are.
    fn judge_new(&mut self, new: &[&Recording], bearing_seen: &[String], records: &[SplitRecord]) {
        self.names.push("new recordings".to_owned());
        if !bearing_seen.is_empty() {
            self.leaky = true;
            self.notes.push(format!("the run has learned from the bearing of {}", bearing_seen.join(", ")));
        }
        let unknown = new.iter().filter(|recording| recording.facts.bearing.is_none()).count();
        let learned_from_unknown =
            records.iter().any(|record| record.part != Part::Test && record.bearing.is_none());
        if unknown > 0 || learned_from_unknown {
            self.leaky = true;
            self.notes.push(format!(
                "the bearings of {} are not known, so the run may have learned from the same ones",
                if unknown > 0 {
                    format!("{unknown} new recordings")
                } else {
                    "the run's recordings".to_owned()
                }
            ));
        }
    }
}
