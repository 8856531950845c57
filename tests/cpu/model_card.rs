//! The model card says what the summary says, and no accuracy without its split.

use std::fs;

use gpu_bearing::report::{model_card, scores};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::report::{epochs, full_summary, run, summary, write_run};

fn card(summary: &Value) -> String {
    model_card::text(&run(summary, &epochs()))
}

#[test]
fn the_card_has_the_figures_of_the_summary() {
    let card = card(&full_summary());
    let split = "split by recording; synthetic; leaky";
    for part in [
        "# Model card: tiny",
        "windows of 64 samples at 8000 Hz (8 ms)",
        "of 1234 parameters",
        "**Recordings:** 21, of the embedded sample. They are **synthetic**",
        "**Windows:** 40 train, 40 validation, 40 test; split by recording; synthetic; leaky, seed 5.",
        "| normal | 7 | 2 | recording; **leaky** | 90.0 % |",
        "| absent | 7 | 2 | recording | – |",
        "**Note:** a note \\< here",
        &format!("| network | 40 windows; {split} | 61.1 % | 61.2 % | 61.3 % | 61.4 % |"),
        &format!("| random forest | 40 windows; {split} | 75.5 % | 75.6 % | 75.7 % | 75.8 % |"),
        &format!("| logistic regression | 9 recordings; {split} | 62.2 % | 62.3 % | 62.4 % | 62.5 % |"),
        "the random forest is better than the network",
        "By recording, 1 of 3 healthy ones are false alarms, 2 of 6 faulty ones are missed",
        "from 36.5 % to 12.2 %",
        "The figures of normal are leaky",
        "resampled to 8000 Hz, so that nothing above 4000 Hz counts",
        "gpu-bearing 0.0.9 on an adapter, seed 5",
        "to epoch 3 in 1.2 s; the model kept is that after epoch 2",
        "gpu-bearing predict RUN FILE...",
    ] {
        assert!(card.contains(part), "{part}\n{card}");
    }
    let bare = |line: &&str| line.contains("accuracy") && line.contains(" % ") && !line.contains(split);
    assert_eq!(card.lines().find(bare), None);
    // A class's name stays text: no tag, no cell of its own.
    assert!(card.contains("\\<script\\>") && !card.replace("\\<", "").contains('<'), "{card}");
}

#[test]
fn an_earlier_run_has_a_card_of_what_it_kept() {
    let card = card(&summary());
    assert!(card.contains(
        "Accuracy 72.5 %, balanced accuracy 36.2 % over 40 test windows (split by recording; synthetic; leaky)."
    ));
    assert!(scores::classifiers(&run(&summary(), &epochs()).summary).is_empty());
    for word in ["NaN", "forest", "temperature", "Tested on"] {
        assert!(!card.contains(word), "{word}: {card}");
    }
}

#[test]
fn limits_say_what_the_split_does_not_show() {
    let mut new = full_summary();
    (new["leaky"], new["split"], new["synthetic"]) = (json!(false), json!("bearing"), json!(false));
    (new["rate"], new["held_out"]) = (Value::Null, json!(["A | B"]));
    new["classes"] = json!(["worn", "cracked", "absent"]);
    let text = card(&new);
    for part in [
        "about bearings that were never seen, of the kinds",
        "None of its classes is healthy",
        "taken at the rates they have",
        "**Tested on:** A \\| B (split by bearing).",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
    assert!(!text.contains("computed signals") && !text.contains("are leaky: they"), "{text}");
    new["test"] = Value::Null;
    assert!(card(&new).contains("It was not tested"));
}

#[test]
fn the_card_goes_into_the_folder_and_away_when_the_run_goes_on() {
    let folder = TempDir::new().unwrap();
    let run = write_run(folder.path(), &full_summary(), &epochs(), "");
    model_card::write(&run).unwrap();
    assert!(fs::read_to_string(folder.path().join("model-card.md")).unwrap().starts_with("# Model card"));
    run.remove_summary().unwrap();
    assert!(!run.model_card().exists() && !run.is_finished());
    run.remove_summary().unwrap();
}
