//! What is found of recordings whose fault experts see plainly, and of those where they see nothing.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Scored;
use crate::data::grade::Grade;

/// The recordings of a grade.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct GradeFigures {
    /// The grade.
    pub grade: Grade,
    /// Recordings whose class was found.
    pub right: u64,
    /// Number of recordings.
    pub of: u64,
}

/// The rows of `recordings` by grade, the clearest first; `grades` by position of the recording. Those without a grade, the
/// healthy ones among them, are not counted.
pub fn by_grade(recordings: &Scored, grades: &[Option<Grade>]) -> Vec<GradeFigures> {
    let rows = recordings.labels().iter().zip(recordings.recordings()).enumerate();
    sum(rows.filter_map(|(row, (&label, &recording))| {
        let right = u64::from(recordings.decision(row).0 == label);
        Some(GradeFigures { grade: grades[recording]?, right, of: 1 })
    }))
}

/// All `figures` of a grade together, the clearest first.
pub fn sum(figures: impl IntoIterator<Item = GradeFigures>) -> Vec<GradeFigures> {
    let mut sums = BTreeMap::new();
    for GradeFigures { grade, right, of } in figures {
        let (all_right, all) = sums.entry(grade).or_insert((0, 0));
        *all_right += right;
        *all += of;
    }
    sums.into_iter().map(|(grade, (right, of))| GradeFigures { grade, right, of }).collect()
}
