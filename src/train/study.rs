//! A finished run looked at once more on its recordings: how it bears what goes wrong with them, and of each condition one
//! recording with all that is known of it.

use std::path::Path;

use serde::Serialize;

use super::attribution::{STEPS, most_decisive};
use super::bearing::bearing_of;
use super::config::Config;
use super::evaluate::Subject;
use super::explanation::{Explanation, explain};
use super::material::read;
use super::predict::{Prediction, taken_for};
use super::run_folder::RunFolder;
use super::stress::{Stress, stressed};
use crate::Result;
use crate::data::{ReadOptions, Recording};
use crate::gpu::Gpu;
use crate::physics::{Bearing, Evidence, diagnose};

/// What was found.
#[derive(Debug, Clone, Serialize)]
pub struct Study {
    /// How the run bears noise and the like.
    pub stress: Stress,
    /// One a condition.
    #[serde(skip)]
    pub examples: Vec<Example>,
}

/// A recording that was tested on.
#[derive(Debug, Clone)]
pub struct Example {
    /// At the model's rate.
    pub recording: Recording,
    /// Its condition.
    pub condition: String,
    /// What it is taken for by the windows that the run has not learned from.
    pub prediction: Prediction,
    /// What decided in the most decisive one of these.
    pub explanation: Explanation,
    /// Its bearing and shaft speed in rpm, where both are known.
    pub machine: Option<(Bearing, f64)>,
    /// What its envelope spectrum shows at its own rate; none where the machine is not known or the signal is too short.
    pub evidence: Option<Evidence>,
}

/// Looks at the finished run in `folder`, with its `config`, on the windows that [`super::evaluate()`] scores of the recordings
/// of `data`: [`super::stress()`] with noise drawn from the run's seed, and of each condition the recording whose true class got the
/// lowest probability, the hardest one. `progress` is told before each evaluation and each of these recordings how many are
/// done, and of how many.
///
/// # Errors
/// As [`super::evaluate()`].
pub fn study(
    gpu: &Gpu,
    folder: &RunFolder,
    config: &Config,
    data: Option<&Path>,
    options: &ReadOptions,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<Study> {
    let subject = Subject::open(folder, config, data, options, false)?;
    let more = subject.checkpoint.classes.len();
    let mut evaluations = 0;
    let stress = stressed(gpu, &subject, config.seed, &mut |done, of| {
        evaluations = of;
        progress(done, of + more);
    })?;
    let as_read = read(data, config, options)?.recordings;
    let named = config.named_bearing()?;
    let examples = examples(gpu, &subject, &as_read, named.as_ref(), &mut |done| {
        progress(evaluations + done, evaluations + more);
    })?;
    Ok(Study { stress, examples })
}

/// The hardest recording of each condition; `as_read` are the recordings at their own rates, `named` is the bearing of those
/// that do not say theirs. `progress` is told before each how many are done.
fn examples(
    gpu: &Gpu,
    subject: &Subject,
    as_read: &[Recording],
    named: Option<&Bearing>,
    progress: &mut dyn FnMut(usize),
) -> Result<Vec<Example>> {
    let Subject { checkpoint, recordings, windows, .. } = subject;
    let classified = subject.score(gpu, recordings, windows)?;
    let decided = classified.calibrated(checkpoint).by_recording();
    let labels = decided.labels();
    // Of equals, the first.
    let hardest = |label: usize| {
        let of_class = (0..labels.len()).filter(|&row| labels[row] == label);
        let probability = |row: usize| decided.probabilities(row)[label];
        of_class.min_by(|&a, &b| probability(a).total_cmp(&probability(b)))
    };
    let predictions = taken_for(checkpoint, recordings, windows, &classified, None);
    let example = |(done, row): (usize, usize)| {
        progress(done);
        let (recording, prediction) = (recordings[row].clone(), predictions[row].clone());
        let number = most_decisive(&prediction) + 1;
        let explanation = explain(gpu, checkpoint, &recording, &prediction, number, STEPS)?;
        let original = as_read.iter().find(|original| original.sha256 == recording.sha256);
        let machine = bearing_of(&recording, named).zip(recording.facts.rpm);
        let evidence = machine.as_ref().zip(original).and_then(|((bearing, rpm), original)| {
            diagnose(&original.signal, original.rate, *rpm, bearing).ok()
        });
        let condition = checkpoint.classes[labels[row]].clone();
        Ok(Example { recording, condition, prediction, explanation, machine, evidence })
    };
    (0..checkpoint.classes.len()).filter_map(hardest).enumerate().map(example).collect()
}
