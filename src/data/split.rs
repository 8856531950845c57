//! Splits: which windows train, which validate, which test, and whether the answer can be trusted.
//!
//! Every class is divided by the same rule for all three parts, drawn from the seed, or as `--holdout` says:
//!
//! | rule | what stays together | what a test figure then shows |
//! |---|---|---|
//! | `bearing` | a physical bearing with all its recordings | a bearing that was never seen |
//! | `fault-size` | all faults of one diameter | a new defect of a known kind |
//! | `load` | all recordings at one motor load | another load, of the same bearings |
//! | `recording` | a recording | other recordings, perhaps of the same bearing |
//! | `time` | three stretches of each recording, a gap of one window between them | another moment of the same recording |
//! | `window` | a stretch one window long | nothing beyond fitting |
//!
//! A class with too few groups is divided by recording, one with too few recordings by time; a split is
//! **leaky** where a bearing that is tested on was learned from, and says so. Where three groups leave none for
//! validation, other recordings of the bearings trained on validate, or other stretches of them.

mod deal;
mod holdout;
mod judge;
mod rule;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use self::deal::{by_time, cells, deal_groups, part_of_cells, validating_recordings};
pub use self::holdout::Holdout;
use self::judge::judge;
pub use self::rule::Rule;
use super::seed::{Purpose, stream};
use super::windows::{Cut, Window, cut};
use super::{Recording, classes};
use crate::{Error, Result};

/// Groups that a class needs to be drawn by them: one for each part.
const PARTS: usize = 3;

/// What a window is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Part {
    /// To fit parameters and scaling.
    Train,
    /// To choose the epoch.
    Validation,
    /// To report; chooses nothing.
    Test,
}

/// Shares of a class's units; the rest trains.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Shares {
    /// Share of units that validate; 0 for no validation part.
    pub validation: f64,
    /// Share of units that test.
    pub test: f64,
}

impl Shares {
    /// 60 : 20 : 20.
    pub const DEFAULT: Self = Self { validation: 0.2, test: 0.2 };

    /// The parts of `units` units: each share rounded, but at least one unit where the share is not zero.
    fn parts(self, units: usize) -> Vec<Part> {
        let (validation, test) = (self.of(units, self.validation), self.of(units, self.test));
        let train = units.saturating_sub(validation + test);
        let mut parts = vec![Part::Validation; validation];
        parts.extend(vec![Part::Test; test]);
        parts.extend(vec![Part::Train; train]);
        parts.truncate(units);
        parts
    }

    /// A share of `units` units, rounded, but at least one unless the share is zero.
    fn of(self, units: usize, share: f64) -> usize {
        if share > 0.0 { ((share * units as f64).round() as usize).max(1) } else { 0 }
    }

    fn drawn(self, units: usize, rng: &mut ChaCha8Rng) -> Vec<Part> {
        let mut parts = self.parts(units);
        parts.shuffle(rng);
        parts
    }

    fn wanted(self) -> impl Iterator<Item = Part> {
        let wanted = |share: f64, part: Part| (share > 0.0).then_some(part);
        let (validation, test) = (wanted(self.validation, Part::Validation), wanted(self.test, Part::Test));
        [Some(Part::Train), validation, test].into_iter().flatten()
    }
}

/// How one class was divided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Division {
    /// The class's name.
    pub class: String,
    /// The rule that was applied to it, which may be weaker than the split's.
    pub rule: Rule,
    /// The rule by which its validation part was divided from its training part, where that is another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validation: Option<Rule>,
    /// Number of bearings known by name.
    pub bearings: usize,
    /// Number of recordings.
    pub recordings: usize,
    /// Whether one of the bearings that it is tested on was learned from, or may have been.
    pub leaky: bool,
}

/// Recordings divided into training, validation and test windows.
#[derive(Debug, Clone, PartialEq)]
pub struct Split {
    /// The rule that was asked for, or the strictest one applied where no class could follow it.
    pub rule: Rule,
    /// The bearings, fault sizes in inch or loads in hp that are tested on, where the rule is by these.
    pub held_out: Vec<String>,
    /// The seed that it was drawn from.
    pub seed: u64,
    /// The classes; a window's label is a position in this list.
    pub classes: Vec<String>,
    /// How each class was divided, in the order of `classes`.
    pub divisions: Vec<Division>,
    /// Windows to train on.
    pub train: Vec<Window>,
    /// Windows to choose the epoch by; empty where the protocol has none.
    pub validation: Vec<Window>,
    /// Windows to report on.
    pub test: Vec<Window>,
    /// Number of windows in no part, since they would overlap two parts or lie in a gap.
    pub left_out: usize,
    /// Whether a bearing that is tested on was, or may have been, learned from. Goes on every output.
    pub leaky: bool,
    /// What to say beside every result: the classes that were divided by a weaker rule, and why it leaks.
    pub notes: Vec<String>,
}

/// How recordings are to be divided.
#[derive(Debug, Clone, PartialEq)]
pub struct Scheme {
    /// What stays together.
    pub rule: Rule,
    /// Which groups test; none: they are drawn.
    pub holdout: Option<Holdout>,
    /// How windows are cut.
    pub cut: Cut,
    /// The parts' shares of what is drawn.
    pub shares: Shares,
    /// The seed to draw from.
    pub seed: u64,
}

impl Scheme {
    /// 60 : 20 : 20 by `rule`, drawn from the seed.
    pub fn drawn(rule: Rule, cut: Cut, seed: u64) -> Self {
        Self { rule, holdout: None, cut, shares: Shares::DEFAULT, seed }
    }
}

impl Split {
    /// Divides `recordings`, all at the working rate; classes by [`classes::classes`].
    ///
    /// # Errors
    /// As [`Split::divide`] and [`classes::classes`].
    pub fn draw(recordings: &[Recording], scheme: &Scheme) -> Result<Self> {
        Self::divide(recordings, classes::classes(recordings)?, scheme)
    }

    /// Divides `recordings` into given `classes`.
    ///
    /// # Errors
    /// If a recording's class is unknown or it is shorter than a window, if two recordings hold the same
    /// samples, if the rule needs what is not known of them, or if a class has too few windows to give
    /// every part one.
    pub fn divide(recordings: &[Recording], classes: Vec<String>, scheme: &Scheme) -> Result<Self> {
        let Scheme { rule, holdout, cut: Cut { length, stride, .. }, shares, seed } = scheme.clone();
        let labels = classes::labels(recordings, &classes)?;
        refuse_copies(recordings)?;
        rule.refuse_unknown(recordings)?;
        let windows = cut(recordings, &labels, &scheme.cut)?;

        let class_recordings: Vec<Vec<usize>> = (0..classes.len())
            .map(|label| (0..recordings.len()).filter(|&r| labels[r] == label).collect())
            .collect();
        let groups = if rule.is_grouped() {
            deal_groups(recordings, &class_recordings, rule, holdout.as_ref(), shares, seed)
        } else {
            vec![None; recordings.len()]
        };

        let mut rules = Vec::new();
        let mut parts: Vec<Option<Part>> = vec![None; windows.len()];
        for (label, own) in class_recordings.iter().enumerate() {
            let mut rng = stream(seed, Purpose::Split, label as u64);
            let reached: BTreeSet<Part> = own.iter().filter_map(|&r| groups[r]).collect();
            let applied = match rule {
                _ if rule.is_grouped() && reached.contains(&Part::Train) && reached.contains(&Part::Test) => {
                    rule
                }
                Rule::Window => Rule::Window,
                Rule::Time => Rule::Time,
                _ if own.len() >= PARTS => Rule::Recording,
                _ => Rule::Time,
            };
            let mut of_recordings: Vec<Option<Part>> = own.iter().map(|&r| groups[r]).collect();
            let mut validation = applied;
            if applied.is_grouped() && shares.validation > 0.0 && !reached.contains(&Part::Validation) {
                let trains = |r: &usize| groups[*r] == Some(Part::Train);
                let training: Vec<usize> = own.iter().copied().filter(trains).collect();
                let chosen = validating_recordings(recordings, &training, shares, &mut rng);
                validation = if chosen.is_empty() { Rule::Time } else { Rule::Recording };
                for (part, r) in of_recordings.iter_mut().zip(own) {
                    if chosen.contains(r) {
                        *part = Some(Part::Validation);
                    }
                }
            }
            rules.push((applied, Some(validation).filter(|validation| *validation != applied)));

            let mut dealt = match applied {
                Rule::Recording => shares.drawn(own.len(), &mut rng),
                Rule::Window => {
                    let cells = own.iter().map(|&r| cells(&recordings[r], length, stride)).sum();
                    shares.drawn(cells, &mut rng)
                }
                _ => Vec::new(),
            }
            .into_iter();
            for (&r, part) in own.iter().zip(of_recordings) {
                // The windows of a recording are consecutive.
                let first = windows.partition_point(|window| window.recording < r);
                let count = windows.partition_point(|window| window.recording <= r) - first;
                let of_recording = match applied {
                    Rule::Recording => vec![dealt.next(); count],
                    Rule::Time => by_time(count, length, stride, shares, &mut rng),
                    Rule::Window => {
                        let cells: Vec<Part> =
                            dealt.by_ref().take(cells(&recordings[r], length, stride)).collect();
                        let starts = windows[first..first + count].iter().map(|window| window.start);
                        starts.map(|start| part_of_cells(start, &cells, length, stride)).collect()
                    }
                    _ if validation == Rule::Time && part == Some(Part::Train) => {
                        by_time(count, length, stride, Shares { test: 0.0, ..shares }, &mut rng)
                    }
                    _ => vec![part; count],
                };
                parts[first..first + count].copy_from_slice(&of_recording);
            }
        }

        let select = |part: Part| -> Vec<Window> {
            windows.iter().zip(&parts).filter(|(_, p)| **p == Some(part)).map(|(window, _)| *window).collect()
        };
        let (divisions, notes) =
            judge(recordings, &classes, &class_recordings, rule, &rules, &windows, &parts);
        let followed = rules.iter().map(|(applied, _)| *applied);
        let applied = followed.clone().find(|applied| *applied == rule).or(followed.min()).unwrap_or(rule);
        let tested = (0..recordings.len()).filter(|&r| groups[r] == Some(Part::Test));
        let held_out: BTreeSet<String> = tested.filter_map(|r| applied.group(&recordings[r])).collect();
        let split = Self {
            rule: applied,
            held_out: held_out.into_iter().collect(),
            seed,
            train: select(Part::Train),
            validation: select(Part::Validation),
            test: select(Part::Test),
            left_out: parts.iter().filter(|part| part.is_none()).count(),
            leaky: divisions.iter().any(|division| division.leaky),
            classes,
            divisions,
            notes,
        };
        split.refuse_empty_parts(shares, windows.len())?;
        Ok(split)
    }

    /// The windows of one part.
    pub fn part(&self, part: Part) -> &[Window] {
        match part {
            Part::Train => &self.train,
            Part::Validation => &self.validation,
            Part::Test => &self.test,
        }
    }

    fn refuse_empty_parts(&self, shares: Shares, total: usize) -> Result<()> {
        for part in shares.wanted() {
            for (label, division) in self.divisions.iter().enumerate() {
                if !self.part(part).iter().any(|window| window.label == label) {
                    return Err(Error::input(format!(
                        "class '{}': {} recordings divided by {} leave no window for the {part} part \
                         ({total} windows in all classes, {} left out): record longer, or choose a smaller \
                         --window or a larger --stride",
                        division.class, division.recordings, division.rule, self.left_out
                    )));
                }
            }
        }
        Ok(())
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Train => "train",
            Self::Validation => "validation",
            Self::Test => "test",
        })
    }
}

fn refuse_copies(recordings: &[Recording]) -> Result<()> {
    let mut seen = BTreeMap::new();
    for recording in recordings {
        if let Some(first) = seen.insert(&recording.sha256, &recording.name) {
            return Err(Error::input(format!(
                "{first} and {} hold the same samples, which would stand on both sides of a split: \
                 leave one of them out",
                recording.name
            )));
        }
    }
    Ok(())
}
