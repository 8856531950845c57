//! What a division is worth: which classes have a bearing in test that was learned from, and what to say about it.

use std::collections::{BTreeMap, BTreeSet};

use super::{Division, Part, Rule};
use crate::data::windows::Window;
use crate::data::{Recording, counted};

/// The divisions of all classes, and the notes on them. `rules` holds for each class the rule that it followed and the
/// one that its validation part followed, if another one.
pub(super) fn judge(
    recordings: &[Recording],
    classes: &[String],
    class_recordings: &[Vec<usize>],
    asked: Rule,
    rules: &[(Rule, Option<Rule>)],
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
    let on_both_sides = |r: usize| {
        let parts = &stands_in[&identity(r)];
        parts.contains(&Part::Test) && parts.len() > 1
    };

    let mut divisions = Vec::new();
    let mut notes = Vec::new();
    let mut followed: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let mut validated: BTreeMap<Rule, Vec<&str>> = BTreeMap::new();
    for ((class, own), &(rule, validation)) in classes.iter().zip(class_recordings).zip(rules) {
        let bearings: BTreeSet<&str> =
            own.iter().filter_map(|&r| recordings[r].facts.bearing.as_deref()).collect();
        let leak = if own.iter().any(|&r| on_both_sides(r)) {
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
            let known = if asked == Rule::Bearing {
                counted(bearings.len(), "bearing") + ", "
            } else {
                String::new()
            };
            notes.push(format!(
                "{class}: divided by {rule}, not by {asked} ({known}{}): {}",
                counted(own.len(), "recording"),
                leak.unwrap_or("no bearing is on both sides")
            ));
        }
        if let Some(validation) = validation {
            validated.entry(validation).or_default().push(class);
        }
        divisions.push(Division {
            class: class.clone(),
            rule,
            validation,
            bearings: bearings.len(),
            recordings: own.len(),
            leaky: leak.is_some(),
        });
    }
    for (leak, named) in followed {
        notes.push(format!("{}: divided by {asked}: {leak}", named.join(", ")));
    }
    for (rule, named) in validated {
        let what =
            if rule == Rule::Recording { "other recordings" } else { "other stretches of the recordings" };
        notes.push(format!(
            "validation of {}: {what} of the bearings trained on, since there are too few to spare one",
            named.join(", ")
        ));
    }
    (divisions, notes)
}
