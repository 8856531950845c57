//! Scoring a finished run on recordings, its own or new ones, without the windows that it has learned from.

use std::collections::BTreeSet;
use std::path::Path;

use serde::Serialize;

use super::config::Config;
use super::material::{at_rate, network_windows, read, signals};
use super::metrics::{Figures, Tally};
use super::run_folder::RunFolder;
use super::scaling::restored;
use super::scoring_variants;
use crate::data::folder::Dataset;
use crate::data::split::Part;
use crate::data::split_record::{SplitRecord, scored};
use crate::data::windows::{Cut, cut};
use crate::data::{ReadOptions, Recording, classes};
use crate::gpu::Gpu;
use crate::nn::network::{Network, Options};
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
}

/// Scores the model of the finished run in `folder`, with its `config`, on the recordings of `data`: on the
/// windows that it was neither trained nor validated on, or on `all`.
///
/// # Errors
/// The run is not finished; recordings that cannot be used or whose condition the model does not know; no
/// window left to score.
pub fn evaluate(
    gpu: &Gpu,
    folder: &RunFolder,
    config: &Config,
    data: Option<&Path>,
    options: &ReadOptions,
    all: bool,
) -> Result<Evaluation> {
    let summary = folder.read_summary()?;
    let checkpoint = folder.read_model()?;
    let records = folder.read_split()?;
    let length = checkpoint.model.window;
    let dataset = at_rate(read(data, config, options)?, checkpoint.rate, length, options.skip_bad)?;
    let Dataset { recordings, skipped, .. } = dataset;
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

    let with_windows: BTreeSet<usize> = windows.iter().map(|window| window.recording).collect();
    let own: BTreeSet<&str> = records.iter().map(|record| record.sha256.as_str()).collect();
    let (known, new): (Vec<&Recording>, Vec<&Recording>) = (with_windows.iter())
        .map(|&index| &recordings[index])
        .partition(|recording| own.contains(recording.sha256.as_str()));
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
                "what the run's model was started from may have learned from the same bearings".to_owned(),
            );
        }
    }

    let variants = scoring_variants(&gpu.info, &checkpoint.variants)?;
    let network_options = Options::scoring(config.batch, variants);
    let scaled = network_windows(&recordings, &windows, restored(checkpoint.scaling), length);
    let signals = signals(&recordings);
    let mut network =
        Network::new(gpu, &checkpoint.model, &signals, &scaled, scaled.len(), &network_options)?;
    network.set_parameters(&checkpoint.parameters);
    let order: Vec<u32> = (0..scaled.len() as u32).collect();
    let rows = network.classify(&order, &mut |_| ())?;
    let mut tally = Tally::new(checkpoint.classes.len());
    for ((window, &loss), &predicted) in scaled.iter().zip(&rows.loss).zip(&rows.predicted) {
        tally.add(window.label, predicted as usize, loss);
    }
    Ok(Evaluation {
        adapter: gpu.info.to_string(),
        model: checkpoint.model.name,
        split: verdict.names.join(" and "),
        leaky: verdict.leaky,
        synthetic: data.is_none() || (summary.synthetic && !known.is_empty()),
        notes: verdict.notes,
        recordings: with_windows.len(),
        left_out,
        skipped: skipped.into_iter().map(|(_, error)| error.to_string()).collect(),
        classes: checkpoint.classes,
        test: tally.figures().expect("there is at least one window"),
        confusion: tally.confusion().to_vec(),
    })
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
