//! Fault types that a run is not to know (`--leave-out`), so that one can see whether it turns them away.

use super::config::Config;
use crate::data::{Recording, classes};
use crate::{Error, Result};

/// Parts `recordings` into those that the run of `config` may know, and those of the conditions that it leaves out.
///
/// # Errors
/// No recording is of such a condition, or fewer than two other conditions are left.
pub(super) fn part(recordings: Vec<Recording>, config: &Config) -> Result<(Vec<Recording>, Vec<Recording>)> {
    let Some(names) = &config.leave_out else { return Ok((recordings, Vec::new())) };
    let all = classes::classes(&recordings)?;
    if let Some(unknown) = names.iter().find(|name| !all.contains(name)) {
        return Err(Error::input(format!(
            "--leave-out {unknown}: no recording is of that condition; there are {}",
            all.join(", ")
        )));
    }
    let (left_out, known): (Vec<Recording>, Vec<Recording>) =
        recordings.into_iter().partition(|recording| config.leaves_out(recording));
    if known.is_empty() {
        return Err(Error::input(format!(
            "--leave-out {}: leaves no recording to train on",
            names.join(",")
        )));
    }
    classes::classes(&known).map_err(|error| error.within(format!("--leave-out {}", names.join(","))))?;
    Ok((known, left_out))
}
