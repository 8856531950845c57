//! Splits: which windows train, which validate, which test, and whether the answer can be trusted.
//!
//! Every class is divided on its own, by the same rule for all three parts, drawn from the seed:
//!
//! | rule | unit that stays together | what a test figure then shows |
//! |---|---|---|
//! | `bearing` | a physical bearing with all its recordings | a bearing that was never seen |
//! | `recording` | a recording | other recordings, perhaps of the same bearing |
//! | `time` | three stretches of each recording, a gap of one window between them | another moment of the same recording |
//! | `window` | a stretch one window long | nothing beyond fitting |
//!
//! A class with too few bearings is divided by recording, one with too few recordings by time; a split is
//! **leaky** where a bearing stands on both sides, and says so.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::seed::{Purpose, stream};
use super::windows::{Window, cut};
use super::{Recording, classes};
use crate::{Error, Result};

/// Units that a class needs: one for each part.
const PARTS: usize = 3;

/// What stays together in a split (`--split`), strictest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Rule {
    /// All recordings of one physical bearing.
    Bearing,
    /// One recording.
    Recording,
    /// One of three stretches of a recording, with a gap of one window between them.
    Time,
    /// A stretch as long as a window.
    Window,
}

impl Rule {
    /// The strictest rule that the metadata allows: by bearing where every recording's bearing is known.
    pub fn strictest(recordings: &[Recording]) -> Self {
        if recordings.iter().all(|recording| recording.facts.bearing.is_some()) {
            Self::Bearing
        } else {
            Self::Recording
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bearing => "bearing",
            Self::Recording => "recording",
            Self::Time => "time",
            Self::Window => "window",
        })
    }
}

impl FromStr for Rule {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        [Self::Bearing, Self::Recording, Self::Time, Self::Window]
            .into_iter()
            .find(|rule| rule.to_string() == name)
            .ok_or_else(|| {
                Error::input(format!("split '{name}': expected bearing, recording, time or window"))
            })
    }
}

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
        let part =
            |share: f64| if share > 0.0 { ((share * units as f64).round() as usize).max(1) } else { 0 };
        let (validation, test) = (part(self.validation), part(self.test));
        let train = units.saturating_sub(validation + test);
        let mut parts = vec![Part::Validation; validation];
        parts.extend(vec![Part::Test; test]);
        parts.extend(vec![Part::Train; train]);
        parts.truncate(units);
        parts
    }

    fn drawn(self, units: usize, rng: &mut ChaCha8Rng) -> Vec<Part> {
        let mut parts = self.parts(units);
        parts.shuffle(rng);
        parts
    }

    fn wanted(self) -> impl Iterator<Item = Part> {
        let validation = (self.validation > 0.0).then_some(Part::Validation);
        [Some(Part::Train), validation, Some(Part::Test)].into_iter().flatten()
    }
}

/// How one class was divided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Division {
    /// The class's name.
    pub class: String,
    /// The rule that was applied to it, which may be weaker than the split's.
    pub rule: Rule,
    /// Number of bearings known by name.
    pub bearings: usize,
    /// Number of recordings.
    pub recordings: usize,
    /// Whether one of its bearings stands in more than one part, or may do so.
    pub leaky: bool,
}

/// Recordings divided into training, validation and test windows.
#[derive(Debug, Clone, PartialEq)]
pub struct Split {
    /// The rule that was asked for, or the strictest one applied where no class could follow it.
    pub rule: Rule,
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
    /// Whether the same bearing is, or may be, on both sides. Goes on every output.
    pub leaky: bool,
    /// What to say beside every result: the classes that were divided by a weaker rule, and why it leaks.
    pub notes: Vec<String>,
}

impl Split {
    /// Divides `recordings`, all at the working rate, into windows of `length` samples every `stride`
    /// samples, 60 : 20 : 20; classes by [`classes::classes`], by [`Rule::strictest`] unless `rule` is given.
    ///
    /// # Errors
    /// As [`Split::divide`] and [`classes::classes`].
    pub fn draw(
        recordings: &[Recording],
        rule: Option<Rule>,
        length: usize,
        stride: usize,
        seed: u64,
    ) -> Result<Self> {
        let rule = rule.unwrap_or_else(|| Rule::strictest(recordings));
        Self::divide(recordings, classes::classes(recordings)?, rule, length, stride, Shares::DEFAULT, seed)
    }

    /// Divides `recordings` into given `classes` by `rule` with given `shares`.
    ///
    /// # Errors
    /// If a recording's class is unknown or it is shorter than a window, if two recordings hold the same
    /// samples, if the rule is `bearing` and a bearing is unknown, or if a class has too few windows to give
    /// every part one.
    pub fn divide(
        recordings: &[Recording],
        classes: Vec<String>,
        rule: Rule,
        length: usize,
        stride: usize,
        shares: Shares,
        seed: u64,
    ) -> Result<Self> {
        let labels = classes::labels(recordings, &classes)?;
        refuse_copies(recordings)?;
        if rule == Rule::Bearing {
            refuse_unknown_bearings(recordings)?;
        }
        let windows = cut(recordings, &labels, length, stride)?;

        let class_recordings: Vec<Vec<usize>> = (0..classes.len())
            .map(|label| (0..recordings.len()).filter(|&r| labels[r] == label).collect())
            .collect();
        let bearings = if rule == Rule::Bearing {
            deal_bearings(recordings, &class_recordings, shares, seed)
        } else {
            BTreeMap::new()
        };

        let mut rules = Vec::new();
        let mut parts: Vec<Option<Part>> = vec![None; windows.len()];
        for (label, own) in class_recordings.iter().enumerate() {
            let mut rng = stream(seed, Purpose::Split, label as u64);
            let part_of = |r: usize| bearings.get(bearing(&recordings[r])).copied();
            let reached: BTreeSet<Part> = own.iter().filter_map(|&r| part_of(r)).collect();
            let rule = match rule {
                Rule::Bearing if shares.wanted().all(|part| reached.contains(&part)) => Rule::Bearing,
                Rule::Bearing | Rule::Recording if own.len() >= PARTS => Rule::Recording,
                Rule::Bearing | Rule::Recording | Rule::Time => Rule::Time,
                Rule::Window => Rule::Window,
            };
            rules.push(rule);

            let mut dealt = match rule {
                Rule::Recording => shares.drawn(own.len(), &mut rng),
                Rule::Window => {
                    let cells = own.iter().map(|&r| cells(&recordings[r], length, stride)).sum();
                    shares.drawn(cells, &mut rng)
                }
                Rule::Bearing | Rule::Time => Vec::new(),
            }
            .into_iter();
            for &r in own {
                // The windows of a recording are consecutive.
                let first = windows.partition_point(|window| window.recording < r);
                let count = windows.partition_point(|window| window.recording <= r) - first;
                let of_recording = match rule {
                    Rule::Bearing => vec![part_of(r); count],
                    Rule::Recording => vec![dealt.next(); count],
                    Rule::Time => by_time(count, length, stride, shares, &mut rng),
                    Rule::Window => {
                        let cells: Vec<Part> =
                            dealt.by_ref().take(cells(&recordings[r], length, stride)).collect();
                        let starts = windows[first..first + count].iter().map(|window| window.start);
                        starts.map(|start| part_of_cells(start, &cells, length, stride)).collect()
                    }
                };
                parts[first..first + count].copy_from_slice(&of_recording);
            }
        }

        let select = |part: Part| -> Vec<Window> {
            windows.iter().zip(&parts).filter(|(_, p)| **p == Some(part)).map(|(window, _)| *window).collect()
        };
        let (divisions, notes) =
            judge(recordings, &classes, &class_recordings, rule, &rules, &windows, &parts);
        let split = Self {
            rule: if rules.contains(&rule) { rule } else { rules.into_iter().min().unwrap_or(rule) },
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

/// The bearing's name; empty where it is unknown.
fn bearing(recording: &Recording) -> &str {
    recording.facts.bearing.as_deref().unwrap_or_default()
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

fn refuse_unknown_bearings(recordings: &[Recording]) -> Result<()> {
    let mut unknown = recordings.iter().filter(|recording| recording.facts.bearing.is_none());
    match unknown.next() {
        None => Ok(()),
        Some(first) => Err(Error::input(format!(
            "--split bearing: the bearing of {} is not known, nor that of {} more of {} recordings: name them \
             in dataset.toml, or use --split recording",
            first.name,
            unknown.count(),
            recordings.len()
        ))),
    }
}

/// The part of every bearing of a class that has enough of them.
///
/// A bearing may stand in several classes (recorded healthy, later damaged) and is dealt once, so the class
/// with the fewest bearings chooses first and later ones fill up what is missing to their shares.
fn deal_bearings<'a>(
    recordings: &'a [Recording],
    class_recordings: &[Vec<usize>],
    shares: Shares,
    seed: u64,
) -> BTreeMap<&'a str, Part> {
    let mut queue: Vec<(usize, BTreeSet<&str>)> = class_recordings
        .iter()
        .map(|own| own.iter().map(|&r| bearing(&recordings[r])).collect::<BTreeSet<_>>())
        .enumerate()
        .filter(|(_, bearings)| bearings.len() >= PARTS)
        .collect();
    queue.sort_by_key(|(label, bearings)| (bearings.len(), *label));

    let mut dealt = BTreeMap::new();
    for (label, bearings) in queue {
        let mut parts = shares.parts(bearings.len());
        let mut open = Vec::new();
        for name in bearings {
            match dealt.get(name) {
                None => open.push(name),
                Some(taken) => {
                    if let Some(position) = parts.iter().position(|part| part == taken) {
                        parts.remove(position);
                    }
                }
            }
        }
        // Validation and test stand first, so that they are filled before train grows.
        parts.truncate(open.len());
        parts.shuffle(&mut stream(seed, Purpose::Split, label as u64));
        dealt.extend(open.into_iter().zip(parts));
    }
    dealt
}

/// The parts of a recording's `count` windows when it is divided by time: one stretch a part, in drawn
/// order, at least `length` samples apart. A recording too short for that trains as a whole.
fn by_time(
    count: usize,
    length: usize,
    stride: usize,
    shares: Shares,
    rng: &mut ChaCha8Rng,
) -> Vec<Option<Part>> {
    let mut order: Vec<Part> = shares.wanted().collect();
    order.shuffle(rng);
    let gap = (2 * length).div_ceil(stride) - 1;
    let usable = count.saturating_sub(gap * (order.len() - 1));
    if usable < order.len() {
        return vec![Some(Part::Train); count];
    }
    let dealt = shares.parts(usable);
    let mut parts = Vec::with_capacity(count);
    for part in order {
        if !parts.is_empty() {
            parts.extend(vec![None; gap]);
        }
        parts.extend(dealt.iter().filter(|p| **p == part).map(|p| Some(*p)));
    }
    parts
}

/// Number of cells into which a recording is cut when it is divided by window: stretches one window long
/// (one stride, where that is longer). The last one takes in the rest.
fn cells(recording: &Recording, length: usize, stride: usize) -> usize {
    let cell = length.max(stride);
    (recording.signal.len() + cell - length) / cell
}

/// The part of the window at `start`: that of the cells which it touches, or none where they differ. So
/// overlapping windows are kept within a part and dropped across parts.
fn part_of_cells(start: usize, cells: &[Part], length: usize, stride: usize) -> Option<Part> {
    let cell = |sample: usize| cells[(sample / length.max(stride)).min(cells.len() - 1)];
    let first = cell(start);
    (first == cell(start + length - 1)).then_some(first)
}

/// Looks at what was dealt: which classes have a bearing in more than one part, and what to say about it.
fn judge(
    recordings: &[Recording],
    classes: &[String],
    class_recordings: &[Vec<usize>],
    asked: Rule,
    rules: &[Rule],
    windows: &[Window],
    parts: &[Option<Part>],
) -> (Vec<Division>, Vec<String>) {
    // A recording without a known bearing is at least the same bearing as itself.
    let identity = |r: usize| match &recordings[r].facts.bearing {
        Some(name) => (name.as_str(), 0),
        None => ("", r + 1),
    };
    let mut stands_in: BTreeMap<_, BTreeSet<Part>> = BTreeMap::new();
    for (window, part) in windows.iter().zip(parts) {
        stands_in.entry(identity(window.recording)).or_default().extend(*part);
    }

    let mut divisions = Vec::new();
    let mut notes = Vec::new();
    let mut followed: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for ((class, own), &rule) in classes.iter().zip(class_recordings).zip(rules) {
        let bearings: BTreeSet<&str> =
            own.iter().filter_map(|&r| recordings[r].facts.bearing.as_deref()).collect();
        let leak = if own.iter().any(|&r| stands_in[&identity(r)].len() > 1) {
            Some("the same bearing is on both sides")
        } else if own.iter().any(|&r| recordings[r].facts.bearing.is_none()) {
            Some("the bearings are not known, so the same one may be on both sides")
        } else {
            None
        };
        if rule == asked {
            if let Some(leak) = leak {
                followed.entry(leak).or_default().push(class);
            }
        } else {
            let known =
                if asked == Rule::Bearing { plural(bearings.len(), "bearing") + ", " } else { String::new() };
            notes.push(format!(
                "{class}: divided by {rule}, not by {asked} ({known}{}): {}",
                plural(own.len(), "recording"),
                leak.unwrap_or("no bearing is on both sides")
            ));
        }
        divisions.push(Division {
            class: class.clone(),
            rule,
            bearings: bearings.len(),
            recordings: own.len(),
            leaky: leak.is_some(),
        });
    }
    for (leak, named) in followed {
        notes.push(format!("{}: divided by {asked}: {leak}", named.join(", ")));
    }
    (divisions, notes)
}

fn plural(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}
