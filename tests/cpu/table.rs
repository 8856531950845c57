//! The look of tables.

use gpu_bearing::report::{Align, Table, table};

#[test]
fn columns_are_aligned_without_trailing_blanks() {
    let mut table = Table::new(&[("layer", Align::Left), ("parameters", Align::Right)]);
    table.row(["conv1", "272"]).row(["a longer name", "4128"]);
    let expected = "\
layer          parameters
-------------------------
conv1                 272
a longer name        4128";
    assert_eq!(table.to_string(), expected);
}

#[test]
fn long_cells_wrap_within_the_width() {
    let mut table = Table::new(&[("file", Align::Left), ("what is wrong", Align::Left)]);
    table.row(["a.wav".to_owned(), "many words ".repeat(30)]);
    let text = table.to_string();
    assert!(text.lines().count() > 4, "{text}");
    for line in text.lines() {
        assert!(line.chars().count() <= usize::from(table::WIDTH), "{line}");
    }
}
