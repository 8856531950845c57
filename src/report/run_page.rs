//! The page of one finished run, or of several side by side, and the files that go with it.

mod files;
mod glossary;
mod scores;
mod study;

use maud::{Markup, html};

pub use self::files::files;
use self::glossary::GLOSSARY;
use super::figures::percent;
use super::page::{self, Split};
use super::plot::Panel;
use super::runs::{Class, Entries, Run, differences};
use super::{Align, confusion, curves};
use crate::train::{ClassFigures, Figures};

/// The most classes whose table stands beside their confusion matrix.
const MOST_BESIDE: usize = 8;

/// The page; `command` is what made it.
pub fn page(runs: &[Run], command: &str) -> String {
    let highest_loss = curves::highest_loss(runs);
    let facts: Vec<Entries> = runs.iter().map(Run::facts).collect();
    let options: Vec<Entries> = runs.iter().map(Run::options).collect();
    let one = runs.len() == 1;
    let body = html! {
        @if one { (headline(&runs[0])) } @else { (comparison(runs)) }
        @for run in runs {
            @if !one { h2.run { "Run " (run.name) @if run.name != run.run { " " code.soft { (run.run) } } } }
            (notes(run))
            h3 { "Learning curves" }
            (learning_curves(run, highest_loss))
            (by_class(run))
            h3 { "Loss and accuracy by part" }
            (parts(run))
            (scores::sections(run))
            (study::sections(run))
        }
        h2 { @if one { "The run" } @else { "The runs" } }
        (settings(runs, &facts))
        h3 { "config.toml" }
        (settings(runs, &options))
        h2 { "How to read the figures" }
        (page::glossary(&GLOSSARY))
    };
    let title = match runs {
        [run] => format!("{}, run {}", run.summary.model, run.name),
        _ => format!("{} runs side by side", runs.len()),
    };
    page::frame(if one { "Training report" } else { "Comparison of trainings" }, &title, &body, command)
}

/// The figures to see first: those over the test windows, or else over what there is.
fn headline(run: &Run) -> Markup {
    let Some((part, figures)) = run.parts().pop() else { return html! {} };
    let split = run.split().marked();
    html! {
        div.cards {
            (page::card(&format!("Accuracy, {part}"), &percent(figures.accuracy), &split))
            (page::card(&format!("Balanced accuracy, {part}"), &percent(figures.balanced_accuracy), &split))
            (page::card(&format!("Loss, {part}"), &format!("{:.4}", figures.loss), &html! { "nats, cross-entropy" }))
            (page::card(&format!("Windows, {part}"), &figures.windows.to_string(),
                &html! { (run.summary.window) " samples each" }))
        }
    }
}

/// The runs' figures in one table, and their curves in one plot.
fn comparison(runs: &[Run]) -> Markup {
    let columns = [
        ("Run", Align::Left),
        ("Over", Align::Left),
        ("Accuracy", Align::Right),
        ("Balanced", Align::Right),
        ("Loss", Align::Right),
        ("Model", Align::Left),
    ];
    let row = |run: &Run| {
        let (part, figures) = run.parts().pop()?;
        let [over, accuracy, balanced, loss] = figures_cells(part, &figures, &run.split());
        Some(vec![html! { (run.name) }, over, accuracy, balanced, loss, html! { (run.summary.model) }])
    };
    let rows: Vec<Vec<Markup>> = runs.iter().filter_map(row).collect();
    let splits_differ = runs.iter().any(|run| run.split() != runs[0].split());
    html! {
        (page::table(&columns, &rows))
        @if splits_differ {
            (page::note(&html! {
                "The splits differ, so these accuracies answer different questions: do not rank the runs by them."
            }))
        }
        (scores::comparison(runs))
        h3 { "Learning curves of all runs" }
        (plots(&curves::of_runs(runs)))
    }
}

/// What to say beside every figure of a run.
fn notes(run: &Run) -> Markup {
    let held_out = run.held_out();
    html! {
        @if !held_out.is_empty() {
            p { b { "Tested on: " } (held_out.join(", ")) " (" (run.split().marked()) ")" }
        }
        @if run.summary.leaky {
            (page::note(&html! {
                b { "Leaky: " } "the same bearing is, or may be, on both sides of the split. These figures can come \
                from recognising the bearing, and say little about a bearing that was never seen."
            }))
        }
        @if run.summary.synthetic {
            p { b { "Synthetic: " } "the recordings are the computed sample, not measured on a machine." }
        }
        @for note in &run.summary.notes { (page::note(&html! { (note) })) }
    }
}

/// Loss and accuracy over the epochs; `highest_loss` as [`curves::highest_loss`] gives it.
fn learning_curves(run: &Run, highest_loss: f64) -> Markup {
    plots(&curves::of_run(run, highest_loss))
}

fn plots(panels: &[Panel]) -> Markup {
    let figures: Vec<Markup> = panels.iter().map(|panel| page::figure(&panel.draw())).collect();
    page::side_by_side(&figures)
}

/// The confusion matrix over the test windows and the figures by class; nothing without test windows.
fn by_class(run: &Run) -> Markup {
    if tested(run) == 0 {
        return html! {};
    }
    let matrix = page::figure(&confusion::draw(&run.summary.classes, &run.summary.confusion));
    let parts = [matrix, classes(run)];
    html! {
        h3 { "Test windows by class" }
        p.soft { (tested(run)) " windows, " (run.split().marked()) }
        @if run.by_class.len() <= MOST_BESIDE { (page::side_by_side(&parts)) } @else { @for part in parts { (part) } }
    }
}

/// Precision, recall, F1 and support of each class.
fn classes(run: &Run) -> Markup {
    let columns = [
        ("Class", Align::Left),
        ("Precision", Align::Right),
        ("Recall", Align::Right),
        ("F1", Align::Right),
        ("Support", Align::Right),
    ];
    let row = |(number, Class { class, figures }): (usize, &Class)| {
        let ClassFigures { precision, recall, f1, support } = *figures;
        let mut row = vec![html! { (number + 1) " " (class) }];
        row.extend([precision, recall, f1].map(|share| html! { (share.map_or("–".to_owned(), percent)) }));
        row.push(html! { (support) });
        row
    };
    let rows: Vec<Vec<Markup>> = run.by_class.iter().enumerate().map(row).collect();
    page::table(&columns, &rows)
}

/// Loss and accuracies of the kept model by part.
fn parts(run: &Run) -> Markup {
    let columns = [
        ("Over", Align::Left),
        ("Accuracy", Align::Right),
        ("Balanced", Align::Right),
        ("Loss", Align::Right),
    ];
    let row = |(part, figures): &(&str, Figures)| figures_cells(part, figures, &run.split()).to_vec();
    page::table(&columns, &run.parts().iter().map(row).collect::<Vec<_>>())
}

/// What the figures are over, then accuracy, balanced accuracy and loss: an accuracy never stands without its split.
fn figures_cells(part: &str, figures: &Figures, split: &Split) -> [Markup; 4] {
    [
        html! { (figures.windows) " " (part) " windows, " (split.marked()) },
        html! { (percent(figures.accuracy)) },
        html! { (percent(figures.balanced_accuracy)) },
        html! { (format!("{:.4}", figures.loss)) },
    ]
}

/// What differs between the runs in a table, a column a run, and what does not once.
fn settings(runs: &[Run], lists: &[Entries]) -> Markup {
    let (differ, same) = differences(lists);
    let mut columns = vec![("What differs", Align::Left)];
    columns.extend(runs.iter().map(|run| (run.name.as_str(), Align::Left)));
    let row = |(name, values): &(String, Vec<Option<String>>)| {
        let mut row = vec![html! { (name) }];
        row.extend(values.iter().map(|value| html! { (value.as_deref().unwrap_or("–")) }));
        row
    };
    let rows: Vec<Vec<Markup>> = differ.iter().map(row).collect();
    html! {
        @if !rows.is_empty() { (page::table(&columns, &rows)) }
        @if runs.len() > 1 { p.soft { "The same in all runs:" } }
        (page::list(&same))
    }
}

fn tested(run: &Run) -> u64 {
    run.summary.confusion.iter().flatten().sum()
}
