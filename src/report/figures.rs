//! Loss, accuracy and confusion in words. An accuracy never stands without its split.

use super::{Align, Table};
use crate::train::metrics::by_class;
use crate::train::{EpochRecord, Figures};

/// A share as a percentage.
pub fn percent(share: f64) -> String {
    format!("{:.1} %", 100.0 * share)
}

/// The times of trainings added up: of each the seconds, and how many ran at a time.
pub fn training_minutes(trainings: impl Iterator<Item = (f64, usize)>) -> String {
    let (seconds, at_once): (Vec<f64>, Vec<usize>) = trainings.unzip();
    format!("{:.1} min{}", seconds.iter().sum::<f64>() / 60.0, side_by_side(at_once.into_iter()))
}

/// What to say behind the times of trainings, of which so many ran at a time.
pub fn side_by_side(at_once: impl Iterator<Item = usize>) -> String {
    match at_once.max() {
        Some(most @ 2..) => format!(", up to {most} trainings at a time"),
        _ => String::new(),
    }
}

/// Loss and both accuracies.
pub fn figures(figures: &Figures) -> String {
    format!(
        "loss {:.4}, accuracy {}, balanced accuracy {}",
        figures.loss,
        percent(figures.accuracy),
        percent(figures.balanced_accuracy)
    )
}

/// How windows were divided, in brackets behind a figure: `split by bearing; synthetic; leaky`.
pub fn split_words(split: &str, synthetic: bool, leaky: bool) -> String {
    let words = [Some(split), synthetic.then_some("synthetic"), leaky.then_some("leaky")];
    words.into_iter().flatten().collect::<Vec<_>>().join("; ")
}

/// Loss and accuracy of a part.
fn short((part, figures): (&str, Option<Figures>)) -> Option<String> {
    let Figures { loss, accuracy, .. } = figures?;
    Some(format!("{part} loss {loss:.4}, accuracy {}", percent(accuracy)))
}

/// An epoch on one line; `rated`, with its learning rate.
pub fn epoch(record: &EpochRecord, epochs: usize, rated: bool, split: &str, seconds_left: f64) -> String {
    let parts = [("train", record.train), ("validation", record.validation), ("test", record.test)];
    let parts: Vec<String> = parts.into_iter().filter_map(short).collect();
    let rate = if rated { format!("learning rate {:.1e}, ", record.learning_rate) } else { String::new() };
    let windows = record.train.map_or(0, |figures| figures.windows) as f64;
    format!(
        "epoch {:>width$}/{epochs}  {} ({split})  {rate}{:.1} s, {:.0} windows/s, {seconds_left:.0} s left",
        record.epoch,
        parts.join(" | "),
        record.seconds,
        windows / record.seconds,
        width = epochs.to_string().len()
    )
}

/// What stands beside the bar of the epoch under way: speed and time left; on a second line, what the epoch before came
/// to, since a device is read once an epoch.
pub fn under_way(
    before: Option<&EpochRecord>,
    split: &str,
    windows_per_second: f64,
    seconds_left: f64,
) -> String {
    let pace = format!("{windows_per_second:.0} windows/s, {seconds_left:.0} s left");
    let figures = before.and_then(|record| {
        short(("validation", record.validation)).or_else(|| short(("train", record.train)))
    });
    match figures {
        Some(figures) => format!("{pace}\n{figures} ({split})"),
        None => pace,
    }
}

/// A confusion matrix: a row per true class, a column per predicted one, numbered as the rows are.
pub fn confusion(classes: &[String], rows: &[Vec<u64>]) -> Table {
    let numbers: Vec<String> = (1..=classes.len()).map(|number| number.to_string()).collect();
    let mut columns = vec![("true class \\ taken for", Align::Left)];
    columns.extend(numbers.iter().map(|number| (number.as_str(), Align::Right)));
    columns.push(("found", Align::Right));
    let mut table = Table::new(&columns);
    for ((class, row), (number, figures)) in classes.iter().zip(rows).zip(numbers.iter().zip(by_class(rows)))
    {
        let counts = row.iter().map(u64::to_string);
        let found = figures.recall.map_or("-".to_owned(), percent);
        table.row(std::iter::once(format!("{number} {class}")).chain(counts).chain([found]));
    }
    table
}
