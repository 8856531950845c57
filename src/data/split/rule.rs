//! What stays together in a split.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::data::Recording;
use crate::{Error, Result};

/// What stays together in a split (`--split`), strictest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rule {
    /// All recordings of one physical bearing.
    Bearing,
    /// All recordings of one fault diameter: another defect of the same kind is tested on.
    FaultSize,
    /// All recordings at one motor load.
    Load,
    /// One recording.
    Recording,
    /// One of three stretches of a recording, with a gap of one window between them.
    Time,
    /// A stretch as long as a window.
    Window,
}

impl Rule {
    /// All of them, strictest first.
    pub const ALL: [Self; 6] =
        [Self::Bearing, Self::FaultSize, Self::Load, Self::Recording, Self::Time, Self::Window];

    /// The strictest rule that the metadata allows: by bearing where every recording's bearing is known.
    pub fn strictest(recordings: &[Recording]) -> Self {
        if recordings.iter().all(|recording| recording.facts.bearing.is_some()) {
            Self::Bearing
        } else {
            Self::Recording
        }
    }

    /// Its name, as the command line spells it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Bearing => "bearing",
            Self::FaultSize => "fault-size",
            Self::Load => "load",
            Self::Recording => "recording",
            Self::Time => "time",
            Self::Window => "window",
        }
    }

    /// Whether recordings stay together in groups that have names: bearings, fault sizes, loads.
    pub fn is_grouped(self) -> bool {
        matches!(self, Self::Bearing | Self::FaultSize | Self::Load)
    }

    /// The group that a recording belongs to, as `--holdout` spells it; none where it is unknown, or where the rule has
    /// no groups.
    pub fn group(self, recording: &Recording) -> Option<String> {
        let facts = &recording.facts;
        match self {
            Self::Bearing => facts.bearing.clone(),
            Self::FaultSize => facts.fault_size.map(|inch| inch.to_string()),
            Self::Load => facts.load.map(|hp| hp.to_string()),
            Self::Recording | Self::Time | Self::Window => None,
        }
    }

    /// A group in words: `0.007 inch`, `3 hp`.
    pub fn words(self, group: &str) -> String {
        let unit = match self {
            Self::FaultSize => " inch",
            Self::Load => " hp",
            _ => "",
        };
        format!("{group}{unit}")
    }

    /// Refuses recordings that this rule cannot divide, since the groups are not known.
    ///
    /// # Errors
    /// If the rule is by bearing or load and a recording's is unknown, or by fault size and none is known.
    pub fn refuse_unknown(self, recordings: &[Recording]) -> Result<()> {
        let unknown: Vec<&Recording> =
            recordings.iter().filter(|recording| self.group(recording).is_none()).collect();
        let what = match self {
            Self::Bearing => "bearing",
            Self::Load => "load",
            // A healthy bearing has no fault, so there the class is divided by another rule.
            Self::FaultSize if unknown.len() == recordings.len() => "fault size",
            _ => return Ok(()),
        };
        let Some(first) = unknown.first() else { return Ok(()) };
        let others = match unknown.len() - 1 {
            0 => String::new(),
            more => format!(", nor that of {more} more of {} recordings", recordings.len()),
        };
        Err(Error::input(format!(
            "--split {self}: the {what} of {} is not known{others}: name it in dataset.toml, or use --split recording",
            first.name
        )))
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
