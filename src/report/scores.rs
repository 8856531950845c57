//! What a test shows beyond loss and accuracy, in words, for pages and cards. An accuracy never stands without its split.

use super::figures::percent;
use crate::train::metrics::bootstrap::{Interval, LEAST_BEARINGS};
use crate::train::metrics::by_grade::GradeFigures;
use crate::train::metrics::calibration::Calibration;
use crate::train::metrics::unknown::resolves;
use crate::train::metrics::{Scores, Shown};
use crate::train::{Baselines, Summary};

/// Takes the figures by window or by recording.
type By = fn(&Scores) -> Shown;

/// What figures are over.
pub const BY: [(&str, By); 2] =
    [("window", |scores| scores.windows), ("recording", |scores| scores.recordings)];

/// The network and what was tested beside it on the same division, by name; nothing of a run that kept fewer figures.
pub fn classifiers(summary: &Summary) -> Vec<(&'static str, &Scores)> {
    let own = summary.scores.iter().map(|scores| ("network", scores));
    let plain = summary.baselines.iter().flat_map(Baselines::by_kind);
    own.chain(plain.map(|(kind, scores)| (kind.name(), scores))).collect()
}

/// False alarms and missed faults, as in `1 of 8`; none where no class is healthy.
pub fn alarm_counts(scores: &Scores) -> Option<[String; 2]> {
    let alarms = scores.alarms.as_ref()?;
    let counts = [(alarms.false_alarms, alarms.healthy), (alarms.missed_faults, alarms.faulty)];
    Some(counts.map(|(count, of)| format!("{count} of {of}")))
}

/// What grades are, and what they do not show.
pub(super) const GRADES: &str = "Grades say how plainly experts see the fault in the envelope (Smith and Randall 2015), from Y1, \
    classic symptoms, down to N1, another fault shows, and N2, nothing does. They go with the condition: of CWRU's faults at \
    the drive end, nearly all of P2 and N1 are balls, and what is found of these is what is found of balls.";

/// How many recordings of a grade were found, as in `62.5 % of 8`.
pub fn right(figures: &GradeFigures) -> String {
    let GradeFigures { right, of, .. } = *figures;
    format!("{} of {of}", percent(right as f64 / of as f64))
}

/// What the grades are; nothing where no recording has one.
pub fn graded(scores: &Scores) -> Option<&'static str> {
    (!scores.grades.is_empty()).then_some(GRADES)
}

/// How far the balanced accuracy would move with other bearings, or why that is not known.
pub fn interval(scores: &Scores, split: &str) -> String {
    match scores.interval {
        Some(Interval { low, high }) => format!(
            "With other bearings of the same kinds, the balanced accuracy by window would lie between {} and {} (95 % \
             interval over bearings; {split}).",
            percent(low),
            percent(high)
        ),
        None => format!(
            "There is no interval over bearings: one needs the name of every bearing tested on, and {LEAST_BEARINGS} or \
             more of them in every class."
        ),
    }
}

/// What the temperature does, or why there is none.
pub fn temperature(calibration: Option<&Calibration>, split: &str) -> String {
    match calibration {
        None => "No temperature was fitted, since no windows validate: how far its confidence can be trusted is not \
                 known."
            .to_owned(),
        Some(calibration) if !calibration.is_used() => format!(
            "Its confidence was left as it is, since {}; expected calibration error over the test windows {} ({split}).",
            left_so(calibration),
            percent(calibration.before.error)
        ),
        Some(Calibration { temperature, before, after, .. }) => format!(
            "A temperature of {:.2}, fitted to the validation windows, takes the expected calibration error over the test \
             windows from {} to {} ({split}).",
            temperature.value,
            percent(before.error),
            percent(after.error)
        ),
    }
}

/// Why a temperature is not used.
pub fn left_so(calibration: &Calibration) -> &'static str {
    if calibration.of_trained_bearings {
        "the validation windows are of the bearings trained on, and easier than new ones"
    } else {
        "the validation windows fit no temperature (all right, or no better than chance)"
    }
}

/// Whether the network is better than the plain classifiers, by window and by recording; nothing without these.
pub fn standing(summary: &Summary, split: &str) -> Vec<String> {
    let all = classifiers(summary);
    let [("network", network), plain @ ..] = &all[..] else { return Vec::new() };
    let sentence = |(by, shown): (&str, By)| {
        let balanced = |scores: &Scores| shown(scores).balanced_accuracy;
        // Of equals, the first.
        let (best, rival) = plain.iter().rev().max_by(|a, b| balanced(a.1).total_cmp(&balanced(b.1)))?;
        let (own, other) = (balanced(network), balanced(rival));
        let [own_words, other_words] = [own, other].map(percent);
        Some(if own_words == other_words {
            format!("By {by}, the {best} is as good as the network: balanced accuracy {own_words} ({split}).")
        } else if own < other {
            format!(
                "By {by}, the {best} is better than the network: balanced accuracy {other_words} against {own_words} \
                 ({split})."
            )
        } else {
            format!(
                "By {by}, the network is better than the plain classifiers: balanced accuracy {own_words} against \
                 {other_words} of the {best} ({split})."
            )
        })
    };
    BY.into_iter().filter_map(sentence).collect()
}

/// What the plain classifiers were given; nothing without these.
pub fn plain_rows(summary: &Summary) -> Option<String> {
    let plain = summary.baselines.as_ref()?;
    let lines = match plain.fault_frequencies {
        true => "with lines at the fault frequencies, since bearing and speed of every recording are known",
        false => "without lines at the fault frequencies, since bearing or speed of a recording is not known",
    };
    Some(format!(
        "The plain classifiers are fitted to {} windows of {} samples, the network's have {}; their features come {lines}.",
        plain.rows, plain.samples, summary.window
    ))
}

/// What is turned away as unknown, of known recordings and of conditions that the run was not to know; nothing where nothing
/// validates.
pub fn turned_away(summary: &Summary, split: &str) -> Vec<String> {
    let Some(rejection) = &summary.rejection else { return Vec::new() };
    let mut sentences = vec![format!(
        "At --reject {}, {} of {} known test recordings are turned away as unknown ({split}).",
        share(rejection.most),
        rejection.known.count,
        rejection.known.of
    )];
    if rejection.unknown.of > 0 {
        let auroc = rejection.auroc.map_or(String::new(), |auroc| format!("; AUROC {}", percent(auroc)));
        sentences.push(format!(
            "Of {}, which it was not to know, {} of {} are turned away{auroc} ({split}).",
            summary.left_out.join(", "),
            rejection.unknown.count,
            rejection.unknown.of
        ));
    }
    let why = unresolved(rejection.validation.of, rejection.most);
    sentences.extend(why.map(|why| format!("The {why}.")));
    sentences
}

/// Why so many known `recordings` do not give the share `most`, if they do not.
pub fn unresolved(recordings: u64, most: f64) -> Option<String> {
    (!resolves(recordings as usize, most)).then(|| {
        format!(
            "{recordings} validation recordings are too few for {}: the threshold is the least familiar of them, and about 1 \
             in {} new known recordings falls below",
            share(most),
            recordings + 1
        )
    })
}

/// A share as the command line takes it.
pub fn share(share: f64) -> String {
    // Twelve digits hide that 0.07 * 100 is no whole number.
    format!("{} %", (share * 1e14).round() / 1e12)
}
