//! Who goes where: groups, recordings and stretches dealt to train, validation and test.

use std::collections::{BTreeMap, BTreeSet};

use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use super::{Holdout, PARTS, Part, Rule, Shares};
use crate::data::Recording;
use crate::data::seed::{Purpose, stream};

/// The part of each group of `rule`, by the recording's position; none where a recording has no group, where its class
/// has too few of them, or where the holdout leaves it out.
///
/// Bearings are dealt class by class. A bearing may stand in several classes (recorded healthy, later damaged) and is
/// dealt once, so the class with the fewest bearings chooses first and later ones fill up what is missing to their
/// shares. Loads and fault sizes are dealt once for all classes.
pub(super) fn deal_groups(
    recordings: &[Recording],
    class_recordings: &[Vec<usize>],
    rule: Rule,
    holdout: Option<&Holdout>,
    shares: Shares,
    seed: u64,
) -> Vec<Option<Part>> {
    let groups: Vec<Option<String>> = recordings.iter().map(|recording| rule.group(recording)).collect();
    let of = |positions: &[usize]| -> BTreeSet<&str> {
        let named = positions.iter().filter_map(|&r| groups[r].as_deref());
        named.filter(|group| holdout.is_none_or(|holdout| !holdout.leaves_out(group))).collect()
    };
    let mut queue: Vec<(usize, BTreeSet<&str>)> = match rule {
        Rule::Bearing => class_recordings.iter().map(|own| of(own)).enumerate().collect(),
        _ => vec![(0, of(&(0..recordings.len()).collect::<Vec<_>>()))],
    };
    let enough = if holdout.is_some() { 2 } else { PARTS };
    queue.retain(|(_, groups)| groups.len() >= enough);
    queue.sort_by_key(|(label, groups)| (groups.len(), *label));

    let mut dealt: BTreeMap<&str, Part> = BTreeMap::new();
    for (label, names) in queue {
        let held_out: Vec<&str> =
            names.iter().copied().filter(|name| holdout.is_some_and(|h| h.test.contains(*name))).collect();
        let tests = if holdout.is_some() { held_out.len() } else { shares.of(names.len(), shares.test) };
        // Of two groups left, one is too dear for validation: training would be left with the other.
        let spare = names.len() - tests >= PARTS;
        let shares = if spare { shares } else { Shares { validation: 0.0, ..shares } };
        let mut parts = shares.parts(names.len());
        if holdout.is_some() {
            dealt.extend(held_out.into_iter().map(|name| (name, Part::Test)));
            parts.retain(|part| *part != Part::Test);
        }
        let mut open = Vec::new();
        for name in names {
            match dealt.get(name) {
                None => open.push(name),
                Some(taken) => {
                    if let Some(position) = parts.iter().position(|part| part == taken) {
                        parts.remove(position);
                    }
                }
            }
        }
        parts.resize(parts.len().max(open.len()), Part::Train);
        // Validation and test stand first, so that they are filled before train grows.
        parts.truncate(open.len());
        parts.shuffle(&mut stream(seed, Purpose::Split, label as u64));
        dealt.extend(open.into_iter().zip(parts));
    }
    groups.iter().map(|group| dealt.get(group.as_deref()?).copied()).collect()
}

/// Which of the recordings that train validate instead, drawn: a share of them as large as validation's of all, and of
/// each bearing at least one is left. None of them where no bearing has two.
pub(super) fn validating_recordings(
    recordings: &[Recording],
    training: &[usize],
    shares: Shares,
    rng: &mut ChaCha8Rng,
) -> BTreeSet<usize> {
    let mut left: BTreeMap<Option<&str>, usize> = BTreeMap::new();
    let bearing = |r: usize| recordings[r].facts.bearing.as_deref();
    for &r in training.iter().filter(|&&r| bearing(r).is_some()) {
        *left.entry(bearing(r)).or_default() += 1;
    }
    let wanted = shares.of(training.len(), shares.validation / (1.0 - shares.test));
    let mut drawn = training.to_vec();
    drawn.shuffle(rng);
    let mut chosen = BTreeSet::new();
    for r in drawn {
        if let Some(left) = left.get_mut(&bearing(r)).filter(|left| **left > 1)
            && chosen.len() < wanted
        {
            *left -= 1;
            chosen.insert(r);
        }
    }
    chosen
}

/// The parts of a recording's `count` windows when it is divided by time: one stretch a part, in drawn
/// order, at least `length` samples apart. A recording too short for that trains as a whole.
pub(super) fn by_time(
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
pub(super) fn cells(recording: &Recording, length: usize, stride: usize) -> usize {
    let cell = length.max(stride);
    (recording.signal.len() + cell - length) / cell
}

/// The part of the window at `start`: that of the cells which it touches, or none where they differ. So
/// overlapping windows are kept within a part and dropped across parts.
pub(super) fn part_of_cells(start: usize, cells: &[Part], length: usize, stride: usize) -> Option<Part> {
    let cell = |sample: usize| cells[(sample / length.max(stride)).min(cells.len() - 1)];
    let first = cell(start);
    (first == cell(start + length - 1)).then_some(first)
}
