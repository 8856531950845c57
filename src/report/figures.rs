//! Loss, accuracy and confusion in words. An accuracy never stands without its split.

use super::{Align, Table};
use crate::train::metrics::by_class;
use crate::train::{EpochRecord, Figures};

/// A share as a percentage.
pub fn percent(share: f64) -> String {
    format!("{:.1} %", 100.0 * share)
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

/// An epoch on one line.
pub fn epoch(record: &EpochRecord, epochs: usize, split: &str, seconds_left: f64) -> String {
    let short = |part: &str, figures: Option<Figures>| {
        figures
            .map(|figures| format!("{part} loss {:.4}, accuracy {}", figures.loss, percent(figures.accuracy)))
    };
    let parts =
        [short("train", record.train), short("validation", record.validation), short("test", record.test)];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    format!(
        "epoch {:>width$}/{epochs}  {} ({split})  {:.1} s, {seconds_left:.0} s left",
        record.epoch,
        parts.join(" | "),
        record.seconds,
        width = epochs.to_string().len()
    )
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
