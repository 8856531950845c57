//! The page of a cross-validation and its drawing.

use gpu_bearing::report::{cross_validation, ladder};
use gpu_bearing::train::cross_validate::CrossValidation;
use serde_json::{Value, json};

use crate::report::scores;

/// Two clean folds by bearing, one by load that is leaky for a class, one by window that is leaky for all.
pub(crate) fn validation() -> CrossValidation {
    let fold = |rung: &str, number: usize, clean: &[&str], share: f64| -> Value {
        json!({
            "rung": rung, "run": format!("{rung}-{number:02}"), "holdout": null, "seed": 1, "held_out": ["B1"],
            "leaky": clean.len() < 2, "clean_classes": clean, "windows": [60, 20, 40], "epochs": 2, "seconds": 3.0,
            "network": scores(share), "baselines": {
                "samples": 4096, "fault_frequencies": true, "rows": 30, "forest": scores(0.6), "logistic": scores(0.5),
            },
        })
    };
    let mut last = fold("window", 1, &[], 0.899);
    last["baselines"] = Value::Null;
    let folds = [
        fold("bearing", 1, &["normal", "worn & torn"], 0.499),
        fold("bearing", 2, &["normal", "worn & torn"], 0.699),
        fold("load", 1, &["normal"], 0.799),
        last,
    ];
    serde_json::from_value(json!({
        "command": "gpu-bearing cross-validate", "version": "0", "adapter": "an adapter", "synthetic": true,
        "model": "tiny", "recordings": 12, "classes": ["normal", "worn & torn"], "most_windows": 60, "most_epochs": 2,
        "folds": folds,
    }))
    .unwrap()
}

#[test]
fn the_ladder_draws_every_fold_and_marks_leaky_rungs() {
    let svg = ladder::draw(&validation()).body.into_string();
    // Three classifiers on three folds, the network alone on one.
    assert_eq!(svg.matches("<circle").count(), 10, "{svg}");
    assert_eq!(svg.matches("class=\"paper\"").count(), 2, "{svg}");
    for part in [
        ">leaky for worn &amp; torn<",
        ">leaky<",
        "bearing-02, network: 70.0 %",
        // The network's bar by bearing: 0.6 of 300.
        "width=\"180\" height=\"14\"",
        "(synthetic)",
    ] {
        assert!(svg.contains(part), "{part}: {svg}");
    }
    // Mean 0.6 with a deviation of 0.1414 along 68 + 300 x.
    assert!(svg.contains("x1=\"205.6\" x2=\"290.4\""), "{svg}");
}

#[test]
fn the_page_holds_the_drawing_and_a_file_beside_it() {
    let page = cross_validation::page(&validation());
    assert_eq!(page.matches("<figure").count(), 1);
    let files = cross_validation::files(&validation());
    let (_, svg) = files.iter().find(|file| file.0 == "ladder.svg").unwrap();
    assert!(
        svg.starts_with("<svg ") && svg.contains("leaky for worn &amp; torn") && svg.contains("2 epochs"),
        "{svg}"
    );
}
