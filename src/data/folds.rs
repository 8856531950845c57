//! The folds of a cross-validation: one division of the recordings after the other, each testing on other ones.

use std::collections::BTreeSet;

use super::split::Rule;
use super::{Recording, classes};
use crate::{Error, Result};

/// Choices of one bearing a class beyond which they are drawn instead of all taken.
pub const MOST_CHOICES: usize = 30;

/// One division: what a run's `--split`, `--holdout` and `--seed` say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fold {
    /// What stays together.
    pub rule: Rule,
    /// Names of the groups that test; none: drawn from the seed.
    pub holdout: Option<String>,
    /// The seed.
    pub seed: u64,
}

impl Fold {
    fn holding_out(rule: Rule, groups: String, seed: u64) -> Self {
        Self { rule, holdout: Some(groups), seed }
    }
}

/// The folds by `rule`: every load or fault size in turn; every choice of one bearing a class, where these are no more
/// than [`MOST_CHOICES`]; otherwise `draws` divisions, drawn from the seeds from `seed` on.
///
/// # Errors
/// If a condition is unknown, or fewer than two groups are.
pub fn folds(recordings: &[Recording], rule: Rule, draws: u64, seed: u64) -> Result<Vec<Fold>> {
    match rule {
        Rule::Load | Rule::FaultSize => {
            let groups = groups(recordings, rule)?;
            Ok(groups.into_iter().map(|group| Fold::holding_out(rule, group, seed)).collect())
        }
        Rule::Bearing => {
            let choices = choices(recordings)?;
            let few = 2..=MOST_CHOICES;
            if !choices
                .iter()
                .try_fold(1usize, |count, own| count.checked_mul(own.len()))
                .is_some_and(|count| few.contains(&count))
            {
                return Ok(drawn(rule, draws, seed));
            }
            let mut all = vec![Vec::new()];
            for own in &choices {
                all = (all.iter())
                    .flat_map(|chosen| own.iter().map(move |name| [&chosen[..], &[name.as_str()]].concat()))
                    .collect();
            }
            Ok(all.into_iter().map(|chosen| Fold::holding_out(rule, chosen.join(","), seed)).collect())
        }
        Rule::Recording | Rule::Time | Rule::Window => Ok(drawn(rule, draws, seed)),
    }
}

/// Every ordered pair of loads: trained at the one, tested at the other.
///
/// # Errors
/// If fewer than two loads are known.
pub fn load_pairs(recordings: &[Recording], seed: u64) -> Result<Vec<Fold>> {
    let loads = groups(recordings, Rule::Load)?;
    let pairs = loads.iter().flat_map(|from| loads.iter().map(move |to| (from, to)));
    Ok(pairs
        .filter(|(from, to)| from != to)
        .map(|(from, to)| Fold::holding_out(Rule::Load, format!("{from}:{to}"), seed))
        .collect())
}

fn drawn(rule: Rule, draws: u64, seed: u64) -> Vec<Fold> {
    (seed..seed.saturating_add(draws)).map(|seed| Fold { rule, holdout: None, seed }).collect()
}

/// The groups of `rule`, by name.
fn groups(recordings: &[Recording], rule: Rule) -> Result<BTreeSet<String>> {
    let groups: BTreeSet<String> = recordings.iter().filter_map(|recording| rule.group(recording)).collect();
    match groups.len() {
        0 | 1 => Err(Error::input(format!(
            "--split {rule}: {} {rule} is known of {} recordings, and 2 are needed to hold one out: name them in dataset.toml",
            groups.len(),
            recordings.len()
        ))),
        _ => Ok(groups),
    }
}

/// The bearings of each class that has several.
fn choices(recordings: &[Recording]) -> Result<Vec<BTreeSet<String>>> {
    let names = classes::classes(recordings)?;
    let labels = classes::labels(recordings, &names)?;
    let of = |label: usize| -> BTreeSet<String> {
        let own = recordings.iter().zip(&labels).filter(|(_, own)| **own == label);
        own.filter_map(|(recording, _)| Rule::Bearing.group(recording)).collect()
    };
    Ok((0..names.len()).map(of).filter(|bearings| bearings.len() > 1).collect())
}
