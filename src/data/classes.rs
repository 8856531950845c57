//! The classes of a set of recordings: their names, their order, and each recording's label.

use super::Recording;
use crate::{Error, Result};

/// The recording's condition.
///
/// # Errors
/// If it is unknown; the message names the file.
pub fn condition(recording: &Recording) -> Result<&str> {
    recording.facts.condition.as_deref().ok_or_else(|| {
        Error::input(format!(
            "{}: the condition is not known: put the file in a folder named after it, or name it in dataset.toml",
            recording.name
        ))
    })
}

/// The conditions of `recordings`, each once: the healthy one first, the others by name. A class's label
/// is its position.
///
/// # Errors
/// If a recording's condition is unknown, or if there are fewer than two conditions.
pub fn classes(recordings: &[Recording]) -> Result<Vec<String>> {
    let mut classes = recordings.iter().map(condition).collect::<Result<Vec<_>>>()?;
    classes.sort_by_key(|name| (!is_healthy(name), *name));
    classes.dedup();
    if classes.len() < 2 {
        return Err(Error::input(format!(
            "{} recordings of {} ({}): telling conditions apart needs at least 2",
            recordings.len(),
            if classes.is_empty() { "no condition" } else { "one condition" },
            classes.first().unwrap_or(&"none"),
        )));
    }
    Ok(classes.into_iter().map(str::to_owned).collect())
}

/// The label of every recording: the position of its condition in `classes`.
///
/// # Errors
/// If a recording's condition is unknown or not one of `classes`.
pub fn labels(recordings: &[Recording], classes: &[String]) -> Result<Vec<usize>> {
    recordings
        .iter()
        .map(|recording| {
            let name = condition(recording)?;
            classes.iter().position(|class| class == name).ok_or_else(|| {
                Error::input(format!(
                    "{}: condition '{name}' is not one of the {} classes: {}",
                    recording.name,
                    classes.len(),
                    classes.join(", ")
                ))
            })
        })
        .collect()
}

/// Whether `condition` is that of a bearing without a fault.
pub(crate) fn is_healthy(condition: &str) -> bool {
    ["normal", "healthy"].iter().any(|name| condition.eq_ignore_ascii_case(name))
}
