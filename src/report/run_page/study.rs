//! Sections of a run's page that take its recordings: how it bears what goes wrong with them, and what decided about some.

use std::path::Path;

use maud::{Markup, html};

use super::plots;
use crate::report::attribution;
use crate::report::figures::percent;
use crate::report::page::{self, Split};
use crate::report::runs::Run;
use crate::report::spectrum::{spectrum, verdict};
use crate::report::stress::panel;
use crate::shell::word;
use crate::train::study::{Example, Study};
use crate::train::{Evaluation, disagree};

/// Both; a hint how to get them where there is no study.
pub(super) fn sections(run: &Run) -> Markup {
    let Some(Study { stress, examples }) = &run.study else {
        return html! {
            p.soft {
                "Noise, what decided and envelope spectra: " code { "gpu-bearing report " (word(Path::new(&run.run))) " --full" }
            }
        };
    };
    html! {
        h3 { "Under stress" }
        p {
            "All windows that the run has not learned from, of recordings that get worse, " (split(&stress.clean).marked())
            ". Without: balanced accuracy " (percent(stress.clean.test.balanced_accuracy)) ", accuracy "
            (percent(stress.clean.test.accuracy)) "."
        }
        @for note in stress.clean.notes.iter().chain(&stress.clean.skipped) { (page::note(&html! { (note) })) }
        (plots(&stress.curves.iter().map(panel).collect::<Vec<_>>()))
        h3 { "What decided" }
        p.soft {
            "Of each condition the recording tested on whose true class got the lowest probability: the hardest one. The \
             ground shows by colour which samples of its most decisive window speak for the class that it is taken for; the \
             spectrum below, how often such samples come back, in windows around it, learned from or not."
        }
        @for example in examples { (self::example(example)) }
    }
}

/// How the windows of a study were divided.
pub(super) fn split(clean: &Evaluation) -> Split {
    Split { name: clean.split.clone(), synthetic: clean.synthetic, leaky: clean.leaky }
}

fn example(example: &Example) -> Markup {
    let Example { recording, condition, prediction, explanation, machine, evidence } = example;
    let right = prediction.nearest == *condition;
    html! {
        h4 { (recording.name) }
        p {
            (condition) ", taken for " @if right { (prediction.nearest) } @else { b { (prediction.nearest) } }
            " with a confidence of " (percent(prediction.confidence)) " by " (prediction.windows.len()) " windows."
            @if let Some(evidence) = evidence {
                " Physics: " (verdict(evidence))
                @if disagree(&prediction.nearest, evidence.verdict) { ", which contradicts the network" }
                "."
            }
        }
        @for drawing in attribution::drawings(explanation, recording, machine.as_ref()) { (page::figure(&drawing)) }
        @if let (Some(evidence), Some((bearing, _))) = (evidence, machine) {
            (page::figure(&spectrum(bearing, evidence)))
        }
    }
}
