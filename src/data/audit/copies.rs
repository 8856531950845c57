//! Samples that stand in more than one place: the same signal under two names, a stretch of one recording in another,
//! shifted, multiplied (a sign change too) or resampled, and a stretch that one recording repeats.
//!
//! Sampling and gain leave the ratios of neighbouring sample differences alone. So every sample difference that is
//! the largest within [`REACH`] samples on either side is a landmark, and its signature tells of each of its
//! [`NEIGHBOURS`] on either side whether, as a share of the landmark, it is below -0.3, above 0.3 or between. Two
//! recordings with several equal signatures at one distance are candidates. What is reported is then measured: the
//! longest run of [`BLOCK`]s whose sample differences correlate by [`LEAST_CORRELATION`] at least.
//!
//! Recordings of a higher rate than the lowest are looked at a second time at that rate, so that a copy that was
//! resampled is found.

use std::collections::HashMap;

use super::{Finding, Heard, Severity, Subject};
use crate::data::resample::resample;

/// A landmark is the largest sample difference within so many on either side.
const REACH: usize = 24;
/// Differences on either side that a signature tells of: three to the power of 32 fits 64 bits.
const NEIGHBOURS: usize = 16;
/// Beyond this share of the landmark a neighbour counts as large. Quantisation and rounding turn few over.
const LARGE: f32 = 0.3;
/// A signature that occurs more often tells nothing: a tone without noise has the same one everywhere.
const CROWD: usize = 32;
/// Equal signatures at one distance that make a candidate.
const LEAST_VOTES: u32 = 3;
/// Samples that are correlated at a time.
const BLOCK: usize = 64;
/// Blocks that a reported stretch has at least: 512 samples.
const LEAST_BLOCKS: usize = 8;
/// Turns of one machine correlate by less (by 0.99 within CWRU 145), a copy saved with 16 bits by more.
const LEAST_CORRELATION: f64 = 0.999;
/// The same of a copy that was resampled, by whatever filter.
const LEAST_RESAMPLED: f64 = 0.99;
/// Recordings that a finding describes one by one.
const MAX_DESCRIBED: usize = 2;

/// Samples that two recordings share, or one holds twice.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shared {
    /// Positions of the recordings, the earlier first.
    pub(super) a: usize,
    pub(super) b: usize,
    /// Where the stretch begins in each, in samples.
    start_a: usize,
    start_b: usize,
    /// Its length in samples.
    samples: usize,
    /// What the second one's samples are multiplied by to give the first one's.
    gain: f64,
    /// The rate in Hz that the recordings were brought to, where they were not compared as they are.
    resampled: Option<f64>,
    /// The signals are equal, sample for sample, from start to end.
    whole: bool,
}

impl Shared {
    /// What is shared, in words.
    pub(super) fn words(&self, recordings: &[Heard]) -> String {
        let (a, b) = (&recordings[self.a].name, &recordings[self.b].name);
        if self.whole {
            return format!("{a} and {b} hold the same samples");
        }
        let (start_a, start_b, samples) = (self.start_a, self.start_b, self.samples);
        let mut words = if self.a == self.b {
            format!("{a} repeats {samples} samples from sample {start_b} on at {start_a}")
        } else {
            format!("{samples} samples of {b} from sample {start_b} on stand in {a} from sample {start_a} on")
        };
        if (self.gain - 1.0).abs() > 0.001 {
            words += &format!(", times {:.4}", self.gain);
        }
        if let Some(rate) = self.resampled {
            words += &format!(" (both at {rate} Hz)");
        }
        words
    }
}

/// A signal as it is compared.
struct Version {
    recording: usize,
    resampled: Option<f64>,
    /// Each sample less the one before.
    differences: Vec<f32>,
}

/// Everything that `recordings` share; of two recordings the stretch with the most equal signatures.
pub(super) fn find(recordings: &[Heard]) -> Vec<Shared> {
    let mut shared = Vec::new();
    let mut first: HashMap<&str, usize> = HashMap::new();
    let mut distinct = Vec::new();
    for (index, recording) in recordings.iter().enumerate() {
        match first.get(recording.sha256.as_str()) {
            Some(&a) => {
                let samples = recording.signal.len();
                shared.push(Shared {
                    a,
                    b: index,
                    start_a: 0,
                    start_b: 0,
                    samples,
                    gain: 1.0,
                    resampled: None,
                    whole: true,
                });
            }
            None => {
                first.insert(&recording.sha256, index);
                distinct.push(index);
            }
        }
    }

    let versions = versions(recordings, &distinct);
    let mut found: HashMap<(usize, usize), Shared> = HashMap::new();
    for ((a, b), distance) in candidates(&versions) {
        let (version_a, version_b) = (&versions[a], &versions[b]);
        if let Some((start_a, start_b, samples, gain)) = measure(version_a, version_b, distance) {
            let (a, b) = (version_a.recording, version_b.recording);
            let resampled = version_a.resampled.or(version_b.resampled);
            // As they are goes before resampled.
            let stretch = Shared { a, b, start_a, start_b, samples, gain, resampled, whole: false };
            let kept = found.entry((a, b)).or_insert(stretch);
            if kept.resampled.is_some() && resampled.is_none() {
                *kept = stretch;
            }
        }
    }
    shared.extend(found.into_values());
    shared.sort_by_key(|shared| (shared.a, shared.b));
    shared
}

/// The distinct recordings as they are, then those of a higher rate at the lowest one.
fn versions(recordings: &[Heard], distinct: &[usize]) -> Vec<Version> {
    let differences = |signal: &[f32]| signal.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let as_is = distinct.iter().map(|&recording| Version {
        recording,
        resampled: None,
        differences: differences(&recordings[recording].signal),
    });
    let lowest = recordings.iter().filter_map(|recording| recording.rate).min_by(f64::total_cmp);
    let lowered = distinct.iter().filter_map(|&recording| {
        let (lowest, rate) = (lowest?, recordings[recording].rate?);
        let signal =
            (rate > lowest).then(|| resample(&recordings[recording].signal, rate, lowest).ok())??;
        Some(Version { recording, resampled: Some(lowest), differences: differences(&signal) })
    });
    as_is.chain(lowered).collect()
}

/// Pairs of versions of different recordings, or a version with itself, that may share a stretch, and by how many
/// samples its place in the first lies behind that in the second.
fn candidates(versions: &[Version]) -> Vec<((usize, usize), isize)> {
    let mut places: HashMap<u64, Vec<(usize, usize)>> = HashMap::new();
    for (index, version) in versions.iter().enumerate() {
        for (signature, place) in landmarks(&version.differences) {
            places.entry(signature).or_default().push((index, place));
        }
    }
    let mut votes: HashMap<((usize, usize), isize), u32> = HashMap::new();
    for places in places.values().filter(|places| places.len() <= CROWD) {
        for (position, &(a, place_a)) in places.iter().enumerate() {
            for &(b, place_b) in &places[position + 1..] {
                if a == b && versions[a].resampled.is_none() {
                    // Within a recording the later place is the repetition.
                    *votes.entry(((a, a), place_b as isize - place_a as isize)).or_default() += 1;
                } else if versions[a].recording != versions[b].recording {
                    *votes.entry(((a, b), place_a as isize - place_b as isize)).or_default() += 1;
                }
            }
        }
    }
    let mut best: HashMap<(usize, usize), (u32, isize)> = HashMap::new();
    for ((pair, distance), count) in votes {
        if count >= LEAST_VOTES {
            // Among equals by distance, so that every run of the program reports the same.
            let most = best.entry(pair).or_insert((count, distance));
            *most = (*most).max((count, distance));
        }
    }
    let mut candidates: Vec<_> = best.into_iter().map(|(pair, (_, distance))| (pair, distance)).collect();
    candidates.sort_unstable();
    candidates
}

/// Signature and place of every landmark.
fn landmarks(differences: &[f32]) -> Vec<(u64, usize)> {
    let mut landmarks = Vec::new();
    let mut place = REACH;
    while place + REACH < differences.len() {
        let size = differences[place].abs();
        // The next larger one rules out this one, and all between them.
        if let Some(step) = (1..=REACH).find(|&step| differences[place + step].abs() > size) {
            place += step;
            continue;
        }
        if (1..=REACH).all(|step| differences[place - step].abs() < size) {
            landmarks.push((signature(differences, place), place));
        }
        place += 1;
    }
    landmarks
}

fn signature(differences: &[f32], place: usize) -> u64 {
    let landmark = differences[place];
    let digit = |at: usize| match differences[at] / landmark {
        share if share > LARGE => 2,
        share if share < -LARGE => 0,
        _ => 1,
    };
    let around = (place - NEIGHBOURS..place).chain(place + 1..=place + NEIGHBOURS);
    around.fold(0, |signature, at| 3 * signature + digit(at))
}

/// The longest stretch over which `b`, moved by `distance`, correlates with `a`: starts in both, samples, gain.
fn measure(a: &Version, b: &Version, distance: isize) -> Option<(usize, usize, usize, f64)> {
    let (from_a, from_b) = if a.recording == b.recording {
        // A recording against itself: `a` is read at the later place.
        (distance as usize, 0)
    } else {
        (distance.max(0) as usize, (-distance).max(0) as usize)
    };
    let as_is = a.resampled.is_none() && b.resampled.is_none();
    let least = if as_is { LEAST_CORRELATION } else { LEAST_RESAMPLED };
    let (a, b) = (a.differences.get(from_a..)?, b.differences.get(from_b..)?);
    let mut longest = 0..0;
    let mut run = 0..0;
    for (block, (x, y)) in a.chunks_exact(BLOCK).zip(b.chunks_exact(BLOCK)).enumerate() {
        if correlation(x, y).abs() < least {
            run = block + 1..block + 1;
            continue;
        }
        run.end = block + 1;
        if run.len() > longest.len() {
            longest = run.clone();
        }
    }
    if longest.len() < LEAST_BLOCKS {
        return None;
    }
    let (start, samples) = (longest.start * BLOCK, longest.len() * BLOCK);
    let (x, y) = (&a[start..start + samples], &b[start..start + samples]);
    Some((from_a + start, from_b + start, samples, product(x, y) / product(y, y)))
}

fn product(x: &[f32], y: &[f32]) -> f64 {
    x.iter().zip(y).map(|(&x, &y)| f64::from(x) * f64::from(y)).sum()
}

/// Between -1 and 1; 0 where one of them is silent.
fn correlation(x: &[f32], y: &[f32]) -> f64 {
    let power = product(x, x) * product(y, y);
    if power > 0.0 { product(x, y) / power.sqrt() } else { 0.0 }
}

/// A finding for each set of recordings that hang together.
pub(super) fn findings(recordings: &[Heard], shared: &[Shared]) -> Vec<Finding> {
    let mut findings = Vec::new();
    // Each recording's set is named by one of its members.
    let mut set: Vec<usize> = (0..recordings.len()).collect();
    for shared in shared {
        let (a, b) = (set[shared.a], set[shared.b]);
        set.iter_mut().filter(|of| **of == b).for_each(|of| *of = a);
    }
    for root in 0..recordings.len() {
        let within: Vec<&Shared> =
            shared.iter().filter(|shared| set[shared.a] == root && shared.a != shared.b).collect();
        if within.is_empty() {
            continue;
        }
        let members: Vec<usize> = (0..recordings.len()).filter(|&index| set[index] == root).collect();
        let described: Vec<_> =
            within.iter().take(MAX_DESCRIBED).map(|shared| shared.words(recordings)).collect();
        let more = within.len() - described.len();
        let more = if more > 0 { format!("; and {more} more such pairs") } else { String::new() };
        let bearing = |index: usize| (&recordings[index].facts.bearing, &recordings[index].facts.condition);
        // A split by bearing keeps copies of one bearing together; training refuses equal signals anyway.
        let harmless = bearing(members[0]).0.is_some()
            && members.iter().all(|&member| bearing(member) == bearing(members[0]))
            && !within.iter().any(|shared| shared.whole);
        let (severity, remedy) = if harmless {
            (Severity::Warning, "leave the copies out, or train with --split bearing only")
        } else {
            (Severity::Error, "leave the copies out: they would stand on both sides of a split")
        };
        findings.push(Finding::new(
            severity,
            Subject::Copy,
            described.join("; ") + &more,
            members.iter().map(|&member| recordings[member].name.clone()).collect(),
            remedy,
        ));
    }
    for repeated in shared.iter().filter(|shared| shared.a == shared.b) {
        let seconds = recordings[repeated.a].rate.map_or_else(String::new, |rate| {
            format!(
                " ({:.2} of {:.2} s)",
                repeated.samples as f64 / rate,
                recordings[repeated.a].signal.len() as f64 / rate
            )
        });
        findings.push(Finding::new(
            Severity::Warning,
            Subject::Copy,
            repeated.words(recordings) + &seconds,
            vec![recordings[repeated.a].name.clone()],
            "cut it before the repetition, or do not divide it by time or window",
        ));
    }
    findings
}
