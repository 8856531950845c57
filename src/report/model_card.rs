//! The model card: what a run's model is, what it was trained on, how it scores, what it cannot do. One page of Markdown,
//! which stays with the model.
//!
//! After Mitchell et al. (2019), "Model Cards for Model Reporting".

use super::figures::percent;
use super::runs::Run;
use super::scores::{
    BY, alarm_counts, classifiers, graded, interval, plain_rows, right, standing, temperature, turned_away,
};
use crate::Result;
use crate::data::classes::is_healthy;
use crate::data::split::{Division, Rule};
use crate::train::metrics::by_grade::GradeFigures;
use crate::train::metrics::{Scores, Shown};
use crate::train::{Origin, RunFolder, Summary};

/// Writes the card of a finished run into its folder.
///
/// # Errors
/// The run is not finished or damaged, or the card cannot be written.
pub fn write(folder: &RunFolder) -> Result<()> {
    folder.write_model_card(&text(&Run::read(folder)?))
}

/// The card.
pub fn text(run: &Run) -> String {
    let parts = [
        format!("# Model card: {}\n", escaped(&run.summary.model)),
        what_it_is(run),
        "## What it was trained on\n".to_owned(),
        trained_on(run),
        "## How it scores\n".to_owned(),
        scores(run),
        "## What it cannot do\n".to_owned(),
        list(&limits(&run.summary)),
        "## How it was made\n".to_owned(),
        list(&made(run)),
    ];
    parts.join("\n")
}

fn what_it_is(run: &Run) -> String {
    let Summary { model, parameters, window, rate, classes, origin, .. } = &run.summary;
    let names: Vec<String> = classes.iter().map(|class| escaped(class)).collect();
    let taken = match rate {
        Some(rate) => {
            format!("windows of {window} samples at {rate} Hz ({:.0} ms)", 1000.0 * *window as f64 / rate)
        }
        None => format!("windows of {window} samples, at whatever rate they were recorded"),
    };
    let mut entries = vec![
        format!(
            "**Takes** {taken} of one vibration channel; a recording is cut into windows, which decide together."
        ),
        format!("**Tells apart** {} classes: {}.", classes.len(), names.join(", ")),
        format!("**Is** the network {} of {parameters} parameters.", escaped(model)),
    ];
    if let Some(Origin { from, model, .. }) = origin {
        let from = escaped(&from.display().to_string());
        entries.push(format!("**Was started from** the trained model {} in {from}.", escaped(model)));
    }
    list(&entries)
}

fn trained_on(run: &Run) -> String {
    let Summary { synthetic, seed, divisions, notes, .. } = &run.summary;
    let recordings: usize = divisions.iter().map(|division| division.recordings).sum();
    let data = run.config.get("data").and_then(toml::Value::as_str);
    let source = match data {
        Some(folder) if !synthetic => format!("the folder {}", escaped(folder)),
        _ => "the embedded sample. They are **synthetic**: computed, not measured on a machine".to_owned(),
    };
    let windows: Vec<String> =
        run.parts().iter().map(|(part, figures)| format!("{} {part}", figures.windows)).collect();
    let mut entries = vec![
        format!("**Recordings:** {recordings}, of {source}."),
        format!("**Windows:** {}; {}, seed {seed}.", windows.join(", "), run.split().words()),
    ];
    let held_out: Vec<String> = run.held_out().iter().map(|group| escaped(group)).collect();
    if !held_out.is_empty() {
        entries.push(format!("**Tested on:** {} ({}).", held_out.join(", "), run.split().words()));
    }
    entries.extend(notes.iter().map(|note| format!("**Note:** {}", escaped(note))));
    let mut text = list(&entries);
    if !divisions.is_empty() {
        text += &format!(
            "\n| class | recordings | bearings known by name | divided by | found of its test windows ({}) |\n",
            run.split().words()
        );
        text += "|---|---:|---:|---|---:|\n";
        for Division { class, rule, bearings, recordings, leaky, .. } in divisions {
            let found = run.by_class.iter().find(|of| of.class == *class).and_then(|of| of.figures.recall);
            let leaky = if *leaky { "; **leaky**" } else { "" };
            text += &format!(
                "| {} | {recordings} | {bearings} | {rule}{leaky} | {} |\n",
                escaped(class),
                found.map_or("–".to_owned(), percent)
            );
        }
    }
    text
}

fn scores(run: &Run) -> String {
    let split = run.split().words();
    let Some(own) = &run.summary.scores else {
        return match run.parts().pop() {
            Some((part, figures)) => format!(
                "Accuracy {}, balanced accuracy {} over {} {part} windows ({split}).\n",
                percent(figures.accuracy),
                percent(figures.balanced_accuracy),
                figures.windows
            ),
            None => "It was not tested.\n".to_owned(),
        };
    };
    let mut text = "| | over the test | accuracy | balanced accuracy | macro F1 | macro AUROC |\n".to_owned();
    text += "|---|---|---:|---:|---:|---:|\n";
    for (by, shown) in BY {
        for (name, scores) in classifiers(&run.summary) {
            let Shown { rows, accuracy, balanced_accuracy, macro_f1, macro_auroc } = shown(scores);
            let shares = [accuracy, balanced_accuracy, macro_f1].map(percent).join(" | ");
            let auroc = macro_auroc.map_or("–".to_owned(), percent);
            text += &format!("| {name} | {rows} {by}s; {split} | {shares} | {auroc} |\n");
        }
    }
    let mut entries = standing(&run.summary, &split);
    entries.extend(plain_rows(&run.summary));
    if let Some([false_alarms, missed]) = alarm_counts(own) {
        entries.push(format!(
            "By recording, {false_alarms} healthy ones are false alarms, {missed} faulty ones are missed ({split})."
        ));
    }
    if let Some(given) = graded(own) {
        let found = |(name, scores): &(&str, &Scores)| {
            let of = |figures: &GradeFigures| format!("{} {}", figures.grade, right(figures));
            format!("{name} {}", scores.grades.iter().map(of).collect::<Vec<_>>().join(", "))
        };
        let found: Vec<String> = classifiers(&run.summary).iter().map(found).collect();
        entries.push(format!("Recordings found by grade: {} ({split}). {given}", found.join("; ")));
    }
    entries.push(interval(own, &split));
    entries.push(temperature(run.summary.calibration.as_ref(), &split));
    let away = turned_away(&run.summary, &split);
    entries.extend((!away.is_empty()).then(|| escaped(&away.join(" "))));
    format!("{text}\n{}", list(&entries))
}

/// What a user must not expect.
fn limits(summary: &Summary) -> Vec<String> {
    let Summary { classes, divisions, split, leaky, synthetic, rate, window, test, .. } = summary;
    let mut limits = Vec::new();
    if *synthetic {
        limits.push(
            "It has learned from computed signals: for trying out the program, not for use on a machine."
                .to_owned(),
        );
    }
    if test.is_none() {
        limits.push("It was not tested: nothing is known of new recordings.".to_owned());
    }
    limits.push(about(*split, *leaky).to_owned());
    let of_known: Vec<String> =
        divisions.iter().filter(|division| division.leaky).map(|division| escaped(&division.class)).collect();
    if !of_known.is_empty() && of_known.len() < classes.len() {
        limits.push(format!(
            "The figures of {} are leaky: tested on bearings that were, or may have been, learned from.",
            of_known.join(", ")
        ));
    }
    limits.push(format!(
        "It knows its {} classes only: any other fault or combination of faults is taken for one of these, \
         unless `predict --reject` turns it away as unfamiliar.",
        classes.len()
    ));
    if !classes.iter().any(|class| is_healthy(class)) {
        limits.push(
            "None of its classes is healthy: it says which fault, not whether there is one.".to_owned(),
        );
    }
    limits.push(
        "It knows the machine, the speeds, the loads and the sensor position of its recordings; elsewhere it is untested, \
         and an accuracy there may be far lower."
            .to_owned(),
    );
    limits.push(match rate {
        Some(rate) => format!(
            "Recordings of a higher rate are resampled to {rate} Hz, so that nothing above {} Hz counts; a lower rate is \
             refused, and so is a recording shorter than {window} samples there.",
            rate / 2.0
        ),
        None => format!(
            "Its recordings were taken at the rates they have: one of another rate looks to it like another signal. A \
             recording shorter than {window} samples is refused."
        ),
    });
    limits
}

/// What the test figures of a split are about.
fn about(split: Rule, leaky: bool) -> &'static str {
    match (split, leaky) {
        (Rule::FaultSize, false) => {
            "Its test figures are about defects of another size, of known kinds, on bearings that were never seen."
        }
        (_, false) => {
            "Its test figures are about bearings that were never seen, of the kinds that it was trained on."
        }
        (Rule::Bearing | Rule::FaultSize, true) => {
            "Its test figures are leaky: some are about bearings that were, or may have been, learned from, and say \
             little about new ones."
        }
        (Rule::Load, true) => {
            "Its test figures are leaky: they are about another load of bearings that were learned from, and say little \
             about new ones."
        }
        (Rule::Recording, true) => {
            "Its test figures are leaky: they are about other recordings, some of bearings that were, or may have been, \
             learned from, and say little about new ones."
        }
        (Rule::Time, true) => {
            "Its test figures are leaky: they are about other moments of recordings that were learned from, and say \
             little about new bearings."
        }
        (Rule::Window, true) => {
            "Its test figures are leaky: they are about windows between those that were learned from, and show nothing \
             beyond fitting."
        }
    }
}

fn made(run: &Run) -> Vec<String> {
    let Summary { version, adapter, seed, epochs, best_epoch, train_seconds, .. } = &run.summary;
    vec![
        format!("**By** gpu-bearing {} on {}, seed {seed}.", escaped(version), escaped(adapter)),
        format!(
            "**Trained** to epoch {epochs} in {train_seconds:.1} s; the model kept is that after epoch {best_epoch}."
        ),
        "**Use it** (RUN is this folder): `gpu-bearing predict RUN FILE...`; on recordings whose classes are known \
         `gpu-bearing eval RUN --data DIR`."
            .to_owned(),
        "**Make it again:** `gpu-bearing train --config RUN/config.toml --out NEW`. **All figures:** `gpu-bearing report \
         RUN`; this page is made of `summary.json` and `config.toml`."
            .to_owned(),
    ]
}

fn list(entries: &[String]) -> String {
    entries.iter().map(|entry| format!("- {entry}\n")).collect()
}

/// `text` as Markdown that shows it as it stands, on one line.
fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for c in text.chars() {
        if "\\`*_[]<>|&#~".contains(c) {
            escaped.push('\\');
        }
        escaped.push(if c.is_control() { ' ' } else { c });
    }
    escaped
}
