//! `--holdout`: which groups of a split test.

use std::collections::BTreeSet;

use super::Rule;
use crate::data::Recording;
use crate::{Error, Result};

/// The groups that test, and those that may be learned from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holdout {
    /// Names of the groups that test.
    pub test: BTreeSet<String>,
    /// Names of the groups that are learned from; none: all others.
    pub learn: Option<BTreeSet<String>>,
}

impl Holdout {
    /// Reads names of groups of `rule` with commas between them, each known among `recordings`. Of loads also `0:3`,
    /// which learns at 0 hp and tests at 3 hp.
    ///
    /// # Errors
    /// If the rule has no groups to hold out, a name is of no group, or nothing is left to learn from.
    pub fn read(text: &str, rule: Rule, recordings: &[Recording]) -> Result<Self> {
        if !rule.is_grouped() {
            return Err(Error::input(format!(
                "--holdout {text}: --split {rule} draws what it tests on: use --split bearing, fault-size or load, or \
                 leave --holdout out"
            )));
        }
        let known: BTreeSet<String> =
            recordings.iter().filter_map(|recording| rule.group(recording)).collect();
        let groups = |names: &str| -> Result<BTreeSet<String>> {
            names.split(',').map(|name| group(name.trim(), text, rule, &known)).collect()
        };
        let (learn, test) = match text.split_once(':').filter(|_| rule == Rule::Load) {
            Some((learn, test)) => (Some(groups(learn)?), groups(test)?),
            None => (None, groups(text)?),
        };
        let nothing_left = match &learn {
            Some(learn) => !learn.is_disjoint(&test),
            None => test.len() == known.len(),
        };
        if nothing_left {
            return Err(Error::input(format!(
                "--holdout {text}: what is tested on cannot be learned from: hold out fewer of {}",
                listed(rule, &known)
            )));
        }
        Ok(Self { test, learn })
    }

    /// Whether a group takes part in no way.
    pub(super) fn leaves_out(&self, group: &str) -> bool {
        !self.test.contains(group) && self.learn.as_ref().is_some_and(|learn| !learn.contains(group))
    }
}

/// The known group that `name` means: numbers by their value.
fn group(name: &str, text: &str, rule: Rule, known: &BTreeSet<String>) -> Result<String> {
    let same = |known: &str| match (rule, name.parse::<f64>(), known.parse::<f64>()) {
        (Rule::FaultSize | Rule::Load, Ok(name), Ok(known)) => name == known,
        _ => name == known,
    };
    known.iter().find(|known| same(known)).cloned().ok_or_else(|| {
        Error::input(format!(
            "--holdout {text}: there is no {rule} '{name}' among the recordings; there are {}",
            listed(rule, known)
        ))
    })
}

fn listed(rule: Rule, groups: &BTreeSet<String>) -> String {
    let words: Vec<String> = groups.iter().map(|group| rule.words(group)).collect();
    words.join(", ")
}
