//! What a CWRU file's number, content, label and stated rate say about each other.

use super::{Finding, Severity, Subject};
use crate::data::catalogue::{self, Entry};
use crate::data::file::Stated;

/// Of the recording `name`, which is `entry` by its number or content; `sha256` is the file's where it has the size of
/// a published one.
pub(super) fn findings(name: &str, stated: &Stated, entry: &Entry, sha256: Option<&str>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut found = |severity, subject, finding: String, remedy: String| {
        findings.push(Finding::new(severity, subject, finding, vec![name.to_owned()], remedy));
    };
    let number = entry.number;
    match sha256.and_then(catalogue::by_sha256) {
        Some(content) if content.number != number => found(
            Severity::Error,
            Subject::Label,
            format!(
                "named as CWRU {number} ({}), but holds {} ({})",
                entry.condition, content.number, content.condition
            ),
            format!("name it {}.mat", content.number),
        ),
        Some(_) => {}
        None => found(
            Severity::Warning,
            Subject::Checksum,
            "not the file that CWRU publishes under this number (its checksum differs)".to_owned(),
            "fetch it again (`gpu-bearing data fetch cwru`), unless it was cut or saved anew on purpose"
                .to_owned(),
        ),
    }

    let listed = stated.facts.condition.as_deref().map(|label| ("dataset.toml", label));
    // Without a dataset.toml the catalogue decides, and the folders' names stand for what a user believes.
    let folders = name.rsplit_once('/').map_or("", |(folders, _)| folders);
    let folders = folders.split('/').map(|folder| ("its folder", folder));
    let labels = listed.map_or_else(|| folders.collect::<Vec<_>>(), |label| vec![label]);
    for (source, label) in labels {
        if condition_named(label).is_some_and(|condition| condition != entry.condition) {
            found(
                Severity::Error,
                Subject::Label,
                format!("{source} says '{label}', the catalogue says {} of CWRU {number}", entry.condition),
                "correct the label, or the file's name if it holds another recording".to_owned(),
            );
        }
    }
    if let Some(rate) = stated.rate.filter(|rate| *rate != entry.rate_hz) {
        found(
            Severity::Error,
            Subject::Rate,
            format!("dataset.toml says {rate} Hz, the catalogue says {} Hz of CWRU {number}", entry.rate_hz),
            format!("rate = {} in dataset.toml, or leave `rate` out", entry.rate_hz),
        );
    }
    findings
}

/// The catalogue's condition that a label names in full or by the data set's abbreviations (`IR007_1`, `B014`,
/// `OR021@6`); none where it names several or something else, which cannot be judged.
fn condition_named(label: &str) -> Option<&'static str> {
    let label = label.to_lowercase();
    let words: Vec<&str> =
        label.split(|c: char| !c.is_alphabetic()).filter(|word| !word.is_empty()).collect();
    // A letter of a name such as `Set B` is no abbreviation; with a size behind it, or alone, it is.
    let abbreviates = words.len() == 1 && label.starts_with(char::is_alphabetic);
    let names =
        |known: &[&str]| words.iter().any(|word| known.contains(word) && (abbreviates || word.len() > 2));
    let named = [
        ("normal", names(&["normal", "healthy", "baseline"])),
        ("ball", names(&["ball", "balls", "b", "ballfault"])),
        ("inner race", names(&["inner", "ir", "innerrace"])),
        ("outer race", names(&["outer", "or", "outerrace"])),
    ];
    let mut named = named.into_iter().filter(|(_, named)| *named);
    match (named.next(), named.next()) {
        (Some((condition, _)), None) => Some(condition),
        _ => None,
    }
}
