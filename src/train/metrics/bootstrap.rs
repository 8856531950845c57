//! Intervals by the bootstrap, over bearings: windows of one bearing are alike, so that resampling windows would make
//! a figure look far surer than it is.

use std::collections::BTreeMap;

use rand::RngExt;
use serde::{Deserialize, Serialize};

use super::Scored;
use crate::data::seed::{Purpose, stream};

/// Bearings that every class needs: fewer have too few ways of being drawn to say how a figure spreads.
pub const LEAST_BEARINGS: usize = 5;
/// Number of resamples; Efron and Tibshirani (1993) ask for 1000 or more for the percentiles of an interval.
pub const RESAMPLES: usize = 1000;
/// What the interval is to hold.
const COVERAGE: f64 = 0.95;

/// A 95 % interval, in the figure's unit.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// The 2.5th percentile of the resampled figures.
    pub low: f64,
    /// The 97.5th.
    pub high: f64,
}

/// How `figure` of `scored` would spread over other bearings of the same kinds: the percentile bootstrap (Efron 1979).
/// Within each class, as many bearings as it has are drawn with replacement, each with all its rows.
///
/// `bearings` names the physical bearing of each recording, by the recording's position. A recording that is drawn
/// twice stands twice, under numbers of its own, so that `figure` may itself go by recording; `bearings` does not
/// fit these. Two figures with the same `seed` see the same resamples.
///
/// None where a bearing is not known, where a class that has rows has fewer than [`LEAST_BEARINGS`] bearings, or where
/// there is no figure: list the folds or the bearings instead.
pub fn interval(
    scored: &Scored,
    bearings: &[Option<String>],
    seed: u64,
    figure: impl Fn(&Scored) -> Option<f64>,
) -> Option<Interval> {
    let classes = rows_by_bearing(scored, bearings)?;
    if classes.is_empty() || classes.iter().any(|bearings| bearings.len() < LEAST_BEARINGS) {
        return None;
    }
    let resampled = |number: usize| figure(&resample(scored, &classes, seed, number as u64));
    let mut figures = (0..RESAMPLES).map(resampled).collect::<Option<Vec<f64>>>()?;
    figures.sort_by(f64::total_cmp);
    let rest = (1.0 - COVERAGE) / 2.0;
    Some(Interval { low: quantile(&figures, rest), high: quantile(&figures, 1.0 - rest) })
}

/// The rows of each bearing of each class that has any; none where a bearing is not known.
fn rows_by_bearing(scored: &Scored, bearings: &[Option<String>]) -> Option<Vec<Vec<Vec<usize>>>> {
    let mut classes: BTreeMap<usize, BTreeMap<&str, Vec<usize>>> = BTreeMap::new();
    for (row, (&label, &recording)) in scored.labels().iter().zip(scored.recordings()).enumerate() {
        let bearing = bearings[recording].as_deref()?;
        classes.entry(label).or_default().entry(bearing).or_default().push(row);
    }
    Some(classes.into_values().map(|bearings| bearings.into_values().collect()).collect())
}

/// Resample number `number`: a function of its arguments only.
fn resample(scored: &Scored, classes: &[Vec<Vec<usize>>], seed: u64, number: u64) -> Scored {
    let mut rng = stream(seed, Purpose::Bootstrap, number);
    let mut drawn = Scored::new(scored.classes());
    let mut recordings = 0;
    for bearings in classes {
        for _ in bearings {
            let mut numbers = BTreeMap::new();
            for &row in &bearings[rng.random_range(0..bearings.len())] {
                let recording = *numbers.entry(scored.recordings()[row]).or_insert_with(|| {
                    recordings += 1;
                    recordings - 1
                });
                drawn.push(scored.labels()[row], recording, scored.probabilities(row).iter().copied());
            }
        }
    }
    drawn
}

/// The value below which the share `part` of `sorted` lies, between neighbours by a straight line: numpy's default.
fn quantile(sorted: &[f64], part: f64) -> f64 {
    let place = part * (sorted.len() - 1) as f64;
    let (below, above) = (sorted[place.floor() as usize], sorted[place.ceil() as usize]);
    below + (above - below) * place.fract()
}
