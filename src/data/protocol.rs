//! `--protocol paper`: the data rule of Cao and Ye, "Application of Improved CNN-LSTM Model in Fault Diagnosis
//! of Rolling Bearings", on the recordings of the CWRU bearing data centre or, to rehearse, of the sample; and
//! `--protocol paper-by-time`: the same recordings without the two flaws of that rule.

use std::path::Path;

use super::folder::{self, Dataset};
use super::split::{Rule, Scheme, Shares, Split};
use super::windows::Cut;
use super::{ReadOptions, Recording, sample};
use crate::{Error, Result};

/// Window and stride in samples: about one shaft turn at 12 kHz and 1772 rpm.
pub const WINDOW: usize = 400;

/// Motor load in hp, where none is chosen.
pub const LOAD: u32 = 1;

/// Samples taken from the start of each recording, or what is there.
const SAMPLES: usize = 120_000;

/// 8 : 2, no validation.
const SHARES: Shares = Shares { validation: 0.0, test: 0.2 };

/// The paper's conditions in its label order, each with its CWRU file numbers at 0, 1, 2 and 3 hp: the
/// 0.007 inch drive-end faults at 12 kHz and the normal recordings.
const CONDITIONS: [(&str, [u32; 4]); 6] = [
    ("normal", [97, 98, 99, 100]),
    ("ball", [118, 119, 120, 121]),
    ("inner race", [105, 106, 107, 108]),
    ("outer race @3:00", [144, 145, 146, 147]),
    ("outer race @6:00", [130, 131, 132, 133]),
    ("outer race @12:00", [156, 158, 159, 160]),
];

/// Reads the paper's recordings at `load` hp out of a folder that may hold more, good or bad; those that are
/// not there are missing in the result, for [`paper_recordings`] to name.
///
/// # Errors
/// If the load is none of the four; as [`folder::load`] for these recordings alone.
pub fn load(dir: &Path, load: u32, options: &ReadOptions) -> Result<Dataset> {
    folder::load_cwru(dir, &numbers(load)?, options)
}

/// The CWRU numbers of the paper's recordings at `load` hp (0 to 3), in its label order.
///
/// # Errors
/// If the load is none of the four.
pub fn numbers(load: u32) -> Result<[u32; 6]> {
    match load {
        0..=3 => Ok(CONDITIONS.map(|(_, numbers)| numbers[load as usize])),
        _ => Err(Error::input(format!("--load {load}: the CWRU recordings were made at 0, 1, 2 and 3 hp"))),
    }
}

/// The paper's six recordings at `load` hp (0 to 3), picked from `recordings` by their CWRU numbers: cut to
/// their first 120 000 samples, conditions renamed to the paper's, in its order. They are not resampled:
/// the normal one is sampled at 48 kHz, the others at 12 kHz.
///
/// # Errors
/// If the load is none of the four, or recordings are missing; the message lists the missing numbers.
pub fn paper_recordings(recordings: &[Recording], load: u32) -> Result<Vec<Recording>> {
    let mut picked = Vec::new();
    let mut missing = Vec::new();
    for ((condition, _), number) in CONDITIONS.into_iter().zip(numbers(load)?) {
        match recordings.iter().find(|recording| recording.facts.cwru == Some(number)) {
            Some(found) => {
                let mut recording = found.clone();
                recording.signal.truncate(SAMPLES);
                recording.facts.condition = Some(condition.to_owned());
                picked.push(recording);
            }
            None => missing.push(format!("{number}.mat ({condition})")),
        }
    }
    if missing.is_empty() {
        Ok(picked)
    } else {
        Err(Error::input(format!(
            "the paper's protocol at {load} hp needs {} of the CWRU recordings and lacks {}: {}: fetch these from the CWRU \
             bearing data centre",
            CONDITIONS.len(),
            missing.len(),
            missing.join(", ")
        )))
    }
}

/// Six recordings of the embedded sample that stand in for the paper's at `load` hp (0 to 3): of each condition the
/// first bearing that ran at this load.
///
/// # Errors
/// If the load is none of the four.
pub fn sample_recordings(load: u32) -> Result<Vec<Recording>> {
    numbers(load)?;
    let mut picked: Vec<Recording> = Vec::new();
    for recording in sample::recordings()? {
        let facts = &recording.facts;
        let taken = picked.iter().any(|picked| picked.facts.condition == facts.condition);
        if facts.load == Some(f64::from(load)) && !taken {
            picked.push(recording);
        }
    }
    Ok(picked)
}

/// Windows of 400 samples of [`paper_recordings`] or [`sample_recordings`], a class a recording in their order, 8 : 2
/// from the seed without a validation part. Divided by window it is the paper's split, by time its remedy. Leaky either
/// way, and says so.
///
/// # Errors
/// As [`Split::divide`].
pub fn paper_split(recordings: &[Recording], rule: Rule, seed: u64) -> Result<Split> {
    let classes = recordings.iter().filter_map(|recording| recording.facts.condition.clone()).collect();
    let scheme = Scheme { rule, holdout: None, cut: Cut::whole(WINDOW), shares: SHARES, seed };
    let mut split = Split::divide(recordings, classes, &scheme)?;
    if recordings.iter().any(|recording| recording.rate != recordings[0].rate) {
        let rates: Vec<String> = recordings.iter().map(|r| format!("{} at {} Hz", r.name, r.rate)).collect();
        split.notes.push(format!(
            "not resampled, so that classes can be told apart by their sampling rates: {}",
            rates.join(", ")
        ));
    }
    Ok(split)
}
