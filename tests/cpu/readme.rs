//! The README's figures of the reproduction are those of `data/reproduction.json`.

use std::path::Path;

use gpu_bearing::report::reproduction::sheets;
use gpu_bearing::train::reproduce::{Extent, Reproduction};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn reproduction() -> Reproduction {
    Reproduction::load(&root().join("data/reproduction.json")).unwrap()
}

/// The rows of a table of the reproduction.
fn rows(reproduction: &Reproduction, name: &str) -> Vec<Vec<String>> {
    sheets(reproduction).into_iter().find(|sheet| sheet.name == name).unwrap().rows
}

/// The rows of the README's tables.
fn expected(reproduction: &Reproduction) -> Vec<String> {
    let mut expected = Vec::new();
    for pair in rows(reproduction, "models").chunks(2) {
        let [theirs, ours] = pair else { panic!("the paper's row and ours: {pair:?}") };
        let model = ours[0].split(',').next().unwrap();
        expected.push(format!("| `{model}` | {} | {} | {} | {} |", theirs[3], ours[3], ours[4], ours[6]));
    }
    let ten = rows(reproduction, "ten-runs");
    let (theirs, ours) = (&ten[6], &ten[7]);
    expected.push(format!("| test accuracy of ten runs, mean | {} | {} |", theirs[2], ours[2]));
    expected.push(format!("| the same, worst | {} | {} |", theirs[3], ours[3]));
    let transfer = rows(reproduction, "transfer");
    expected.push(format!("| from scratch at 3 hp, test accuracy | - | {} |", transfer[0][3]));
    for (pair, epochs) in transfer[1..].chunks(2).zip([Extent::FULL.epochs, Extent::FULL.short_epochs]) {
        let (theirs, ours) = (&pair[0], &pair[1]);
        expected
            .push(format!("| transferred in {epochs} epochs, test accuracy | {} | {} |", theirs[3], ours[3]));
        expected.push(format!("| time saved by that | {} | {} |", theirs[6], ours[6]));
    }
    let diagnosis = &rows(reproduction, "diagnosis")[0];
    expected.push(format!("| diagnosis of {} | {} | {} |", diagnosis[0], diagnosis[1], diagnosis[2]));
    expected
}

#[test]
fn the_figures_of_the_reproduction_are_those_of_its_file() {
    let reproduction = reproduction();
    assert!(!reproduction.quick && !reproduction.synthetic);
    assert_eq!(reproduction.runs.len(), 71);
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    let expected = expected(&reproduction);
    let missing: Vec<&String> = expected.iter().filter(|row| !readme.contains(*row)).collect();
    assert!(missing.is_empty(), "README.md lacks\n{missing:#?}");
}
