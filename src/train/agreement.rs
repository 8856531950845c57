//! Whether a network and the fault frequencies tell the same of a recording.

use crate::data::classes::is_healthy;
use crate::physics::Fault;

/// Whether the `condition` that a network has decided for and the `verdict` of the envelope spectrum contradict each other:
/// a verdict on a healthy recording, or on another part than those that the condition names. Conditions name parts by
/// their first word, `inner`, `outer`, `ball` or `cage`, as in `outer race @6:00`; one that names none, such as
/// `looseness`, contradicts nothing.
///
/// No verdict contradicts nothing either: a fault may be too young to show its lines. Nor does that on the cage a ball: both
/// change the load once a turn of the cage.
pub fn disagree(condition: &str, verdict: Option<Fault>) -> bool {
    let Some(verdict) = verdict else { return false };
    let condition = condition.to_lowercase();
    let words: Vec<&str> = condition.split(|letter: char| !letter.is_alphanumeric()).collect();
    let named = |fault: &Fault| fault.name().split(' ').next().is_some_and(|part| words.contains(&part));
    let named: Vec<Fault> = Fault::ALL.into_iter().filter(named).collect();
    let ball_by_its_cage = verdict == Fault::Cage && named.contains(&Fault::Ball);
    is_healthy(&condition) || !(named.is_empty() || named.contains(&verdict) || ball_by_its_cage)
}
