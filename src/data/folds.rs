//! The folds of a cross-validation: one division of the recordings after the other, each testing on other ones.

use std::collections::BTreeSet;

use rand::RngExt;

use super::seed::{Purpose, stream};
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

/// The folds by `rule`: every load or fault size in turn; every choice of one bearing a class that has several, where these
/// are no more than [`MOST_CHOICES`], otherwise `draws` of them; by other rules `draws` divisions. What is drawn is drawn
/// from the seeds from `seed` on.
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
            let number = choices.iter().try_fold(1usize, |count, own| count.checked_mul(own.len()));
            let chosen = match number.is_some_and(|number| number <= MOST_CHOICES) {
                true => all(&choices),
                false => (seed..end(seed, draws)?).map(|seed| one_each(&choices, seed)).collect(),
            };
            // A bearing may stand in several classes: what is left of each to learn from must be one at least.
            let leaves_some = |chosen: &BTreeSet<&str>| {
                choices.iter().all(|own| own.iter().any(|name| !chosen.contains(name.as_str())))
            };
            let chosen: BTreeSet<BTreeSet<&str>> = chosen.into_iter().filter(leaves_some).collect();
            let join = |names: BTreeSet<&str>| names.into_iter().collect::<Vec<_>>().join(",");
            Ok(chosen.into_iter().map(|names| Fold::holding_out(rule, join(names), seed)).collect())
        }
        Rule::Recording | Rule::Time | Rule::Window => {
            Ok((seed..end(seed, draws)?).map(|seed| Fold { rule, holdout: None, seed }).collect())
        }
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

/// Behind the last of `draws` seeds from `seed` on; a TOML file holds them up to 2^63.
fn end(seed: u64, draws: u64) -> Result<u64> {
    seed.checked_add(draws).filter(|end| *end <= 1 << 63).ok_or_else(|| {
        Error::input(format!("--seed {seed}: leaves no room for {draws} seeds: choose a smaller one"))
    })
}

/// Every choice of one bearing a class.
fn all(choices: &[BTreeSet<String>]) -> Vec<BTreeSet<&str>> {
    let mut all = vec![BTreeSet::new()];
    for own in choices {
        let with = |name| {
            all.iter().map(move |chosen: &BTreeSet<&str>| {
                let mut more = chosen.clone();
                more.insert(name);
                more
            })
        };
        all = own.iter().map(String::as_str).flat_map(with).collect();
    }
    all
}

/// One bearing a class, drawn.
fn one_each(choices: &[BTreeSet<String>], seed: u64) -> BTreeSet<&str> {
    let mut drawn = BTreeSet::new();
    for (own, label) in choices.iter().zip(0..) {
        let number = stream(seed, Purpose::Split, label).random_range(0..own.len());
        drawn.extend(own.iter().map(String::as_str).nth(number));
    }
    drawn
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
    let choices: Vec<BTreeSet<String>> = (0..names.len()).map(of).filter(|own| own.len() > 1).collect();
    if choices.is_empty() {
        return Err(Error::input(
            "--split bearing: every class has one bearing at most, and 2 are needed to hold one out: name them in \
             dataset.toml, or record more",
        ));
    }
    if let Some(name) = choices.iter().flatten().find(|name| name.contains(',')) {
        return Err(Error::input(format!(
            "--split bearing: bearing '{name}': a comma stands between the names that are held out, so that none may have one: \
             rename it"
        )));
    }
    Ok(choices)
}
