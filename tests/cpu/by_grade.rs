//! What is found by grade of the recordings.

use gpu_bearing::data::grade::Grade;
use gpu_bearing::report::cross_validation::sheets;
use gpu_bearing::report::{conclusion, model_card, run_page};
use gpu_bearing::train::Scored;
use gpu_bearing::train::metrics::by_grade::{GradeFigures, by_grade, sum};
use serde_json::{Value, json};

use crate::ladder::validation;
use crate::report::{epochs, full_summary, run};

fn figures(grade: Grade, right: u64, of: u64) -> GradeFigures {
    GradeFigures { grade, right, of }
}

#[test]
fn recordings_are_counted_by_their_grade() {
    let mut scored = Scored::new(2);
    let rows = [(1, 0, [0.2, 0.8]), (1, 2, [0.9, 0.1]), (1, 3, [0.4, 0.6]), (0, 5, [0.7, 0.3])];
    for (label, recording, row) in rows {
        scored.push(label, recording, row);
    }
    // By position of the recording; the last one is healthy, and the others have no window.
    let grades = [Some(Grade::Y2), Some(Grade::Y1), Some(Grade::N1), Some(Grade::Y2), Some(Grade::Y1), None];
    assert_eq!(by_grade(&scored, &grades), [figures(Grade::Y2, 2, 2), figures(Grade::N1, 0, 1)]);
    assert_eq!(by_grade(&scored, &[None; 6]), []);
}

#[test]
fn grades_of_several_folds_add_up_the_clearest_first() {
    let folds = [figures(Grade::P2, 1, 4), figures(Grade::Y1, 3, 3), figures(Grade::P2, 2, 4)];
    assert_eq!(sum(folds), [figures(Grade::Y1, 3, 3), figures(Grade::P2, 3, 8)]);
}

#[test]
fn the_table_sums_the_folds_of_each_rung() {
    let mut validation = validation();
    assert!(sheets(&validation).iter().all(|sheet| sheet.name != "grades"), "no recording is graded");
    for fold in &mut validation.folds[..2] {
        fold.network.grades = vec![figures(Grade::Y1, 3, 4), figures(Grade::N1, 1, 5)];
        fold.baselines.as_mut().unwrap().forest.grades = vec![figures(Grade::Y1, 4, 4)];
    }
    let sheets = sheets(&validation);
    let sheet = sheets.iter().find(|sheet| sheet.name == "grades").unwrap();
    assert_eq!(
        sheet.rows,
        [
            ["bearing", "Y1, classic symptoms", "75.0 % of 8", "100.0 % of 8", "-"],
            ["", "N1, another fault shows", "20.0 % of 10", "-", "-"],
        ]
    );
}

#[test]
fn a_grade_is_written_by_its_name() {
    assert_eq!(json!(figures(Grade::Y1, 1, 2)), json!({ "grade": "Y1", "right": 1, "of": 2 }));
}

#[test]
fn page_card_and_terminal_show_grades_where_there_are_some() {
    let mut summary = full_summary();
    let parts = |summary: &Value| {
        let run = run(summary, &epochs());
        let own = run.summary.scores.as_ref().unwrap();
        [
            run_page::page(std::slice::from_ref(&run), "gpu-bearing report"),
            model_card::text(&run),
            conclusion::lines(own, None, "split by bearing").join("\n"),
        ]
    };
    let without = parts(&summary);
    let words = ["by grade", "other clear symptoms"];
    assert!(without.iter().all(|text| words.iter().all(|word| !text.contains(word))), "{without:?}");
    summary["scores"]["grades"] = json!([{ "grade": "Y2", "right": 3, "of": 4 }]);
    let [page, card, lines] = parts(&summary);
    assert!(page.contains("Y2, other clear symptoms") && page.contains("75.0 % of 4"), "{page}");
    assert!(card.contains("found by grade: network Y2 75.0 % of 4"), "{card}");
    assert!(lines.contains("right by grade: 3 of 4 Y2 (other clear symptoms) (split by bearing)"), "{lines}");
}
