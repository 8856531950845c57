//! Plain classifiers on the same division as the network: what a few features of the physics are worth without it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::baseline::{Baseline, fit};
use super::bearing::bearing_of;
use super::metrics::{Scored, Scores};
use crate::Result;
use crate::data::Recording;
use crate::data::split::{Part, Split};
use crate::data::windows::{Window, samples};
use crate::physics::features::LEAST_SAMPLES;
use crate::physics::{Bearing, Features};

/// Samples of a row, the longest first: a spectrum of 8192 at 12 kHz has a line every 1.5 Hz.
const LENGTHS: [usize; 5] = [8192, 4096, 2048, 1024, 512];
/// Rows of every class that a length has to leave for training, and for the test.
const LEAST_ROWS: [usize; 2] = [8, 3];

/// What plain classifiers score on a run's test part.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Baselines {
    /// Samples of a row, which stands for a window: longer than the network's where the division leaves room.
    pub samples: usize,
    /// Whether the features hold lines at the fault frequencies: bearing and speed of every recording are known.
    pub fault_frequencies: bool,
    /// Rows that they were fitted to.
    pub rows: usize,
    /// The random forest.
    pub forest: Scores,
    /// The logistic regression.
    pub logistic: Scores,
}

impl Baselines {
    /// Each by its kind.
    pub fn by_kind(&self) -> [(Baseline, &Scores); 2] {
        [(Baseline::Forest, &self.forest), (Baseline::Logistic, &self.logistic)]
    }

    /// Fits both to the training part of `split`, of `recordings` at `rate` Hz in windows of `window` samples, and scores
    /// them on its test part; none where there is nothing to fit or to test, or a window is too short to describe.
    /// `named` is the bearing of recordings that do not say theirs.
    ///
    /// # Errors
    /// A fit that fails.
    pub fn of(
        recordings: &[Recording],
        rate: f64,
        split: &Split,
        window: usize,
        named: Option<&Bearing>,
        seed: u64,
    ) -> Result<Option<Self>> {
        let stretches = stretches(split, window);
        let enough = |length: &usize| {
            [Part::Train, Part::Test].into_iter().zip(LEAST_ROWS).all(|(part, least)| {
                let rows = rows(&stretches, part, *length);
                let of = |label: usize| rows.iter().filter(|row| row.label == label).count();
                (0..split.classes.len()).all(|label| of(label) >= least)
            })
        };
        let longer = LENGTHS.into_iter().filter(|length| *length > window).find(enough);
        let length = longer.unwrap_or(window);
        if length < LEAST_SAMPLES {
            return Ok(None);
        }

        let bearings: Option<Vec<Bearing>> = (recordings.iter())
            .map(|recording| recording.facts.rpm.and_then(|_| bearing_of(recording, named)))
            .collect();
        let features = Features::new(length, rate)?;
        // Without fault frequencies the bearing is not looked at.
        let any = Bearing::skf_6205();
        let of_row = |row: &Window| {
            let bearing = bearings.as_ref().map(|bearings| &bearings[row.recording]);
            let rpm = bearing.and(recordings[row.recording].facts.rpm);
            features.of(samples(recordings, row, length), rpm, bearing.unwrap_or(&any))
        };
        let [train, test] = [Part::Train, Part::Test].map(|part| rows(&stretches, part, length));
        if train.is_empty() || test.is_empty() {
            return Ok(None);
        }
        let [train_rows, test_rows] =
            [&train, &test].map(|rows| rows.iter().map(of_row).collect::<Vec<Vec<f64>>>());
        let labels: Vec<usize> = train.iter().map(|row| row.label).collect();
        let score = |kind: Baseline| -> Result<Option<Scores>> {
            let fitted = fit(kind, &train_rows, &labels, split.classes.len(), seed)?;
            let mut scored = Scored::new(split.classes.len());
            for (row, probabilities) in test.iter().zip(fitted.probabilities(&test_rows)?) {
                scored.push(row.label, row.recording, probabilities);
            }
            Ok(Scores::of(&scored, &split.classes, recordings, seed))
        };
        let (forest, logistic) = (score(Baseline::Forest)?, score(Baseline::Logistic)?);
        Ok(forest.zip(logistic).map(|(forest, logistic)| Self {
            samples: length,
            fault_frequencies: bearings.is_some(),
            rows: train.len(),
            forest,
            logistic,
        }))
    }
}

/// A piece of a recording whose windows are all of one part.
struct Stretch {
    part: Part,
    recording: usize,
    label: usize,
    /// First sample.
    start: usize,
    /// Behind the last sample.
    end: usize,
}

/// The stretches between windows of other parts. `length` is the windows'.
fn stretches(split: &Split, length: usize) -> Vec<Stretch> {
    let mut windows: BTreeMap<(usize, usize), (Part, usize)> = BTreeMap::new();
    for part in [Part::Train, Part::Validation, Part::Test] {
        for window in split.part(part) {
            windows.insert((window.recording, window.start), (part, window.label));
        }
    }
    let mut stretches: Vec<Stretch> = Vec::new();
    for ((recording, start), (part, label)) in windows {
        let end = start + length;
        match stretches.last_mut() {
            Some(last) if (last.recording, last.part) == (recording, part) => last.end = end,
            _ => stretches.push(Stretch { part, recording, label, start, end }),
        }
    }
    stretches
}

/// Rows of `length` samples of a part; those to train on begin every half of that, those to test on do not overlap.
fn rows(stretches: &[Stretch], part: Part, length: usize) -> Vec<Window> {
    let step = if part == Part::Train { (length / 2).max(1) } else { length };
    let of_part = stretches.iter().filter(|stretch| stretch.part == part);
    of_part
        .flat_map(|stretch| {
            let starts = (stretch.start..(stretch.end + 1).saturating_sub(length)).step_by(step);
            starts.map(|start| Window { recording: stretch.recording, start, label: stretch.label })
        })
        .collect()
}
