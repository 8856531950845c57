//! The plain classifiers, against scikit-learn's on small sets.

use gpu_bearing::train::Baseline;
use gpu_bearing::train::baseline::fit;
use serde_json::Value;

use crate::goldens;

fn golden() -> Value {
    serde_json::from_slice(&goldens::read("metrics.json")).unwrap()
}

fn rows(value: &Value) -> Vec<Vec<f64>> {
    serde_json::from_value(value.clone()).unwrap()
}

fn labels(value: &Value) -> Vec<usize> {
    serde_json::from_value(value.clone()).unwrap()
}

/// Position of the highest.
fn named(probabilities: &[f64]) -> usize {
    (0..probabilities.len()).max_by(|&a, &b| probabilities[a].total_cmp(&probabilities[b])).unwrap()
}

#[test]
fn logistic_regression_is_scikit_learns() {
    for case in golden()["logistic"].as_array().unwrap() {
        let labels = labels(&case["labels"]);
        let classes = labels.iter().max().unwrap() + 1;
        let fitted = fit(Baseline::Logistic, &rows(&case["rows"]), &labels, classes, 0).unwrap();
        let actual = fitted.probabilities(&rows(&case["test"])).unwrap();
        let expected = rows(&case["probabilities"]);
        assert_eq!(actual.len(), expected.len());
        for (actual, expected) in actual.iter().flatten().zip(expected.iter().flatten()) {
            // Both stop where the gradient is small: 1e-8 there, 1e-10 of the mean here.
            assert!((actual - expected).abs() < 1e-7, "{actual} instead of {expected}");
        }
    }
}

#[test]
fn a_forest_finds_what_scikit_learns_forest_finds() {
    for (name, case) in golden()["sets"].as_object().unwrap() {
        let truth = labels(&case["test_labels"]);
        let classes = truth.iter().max().unwrap() + 1;
        let fitted =
            fit(Baseline::Forest, &rows(&case["rows"]), &labels(&case["labels"]), classes, 5).unwrap();
        let probabilities = fitted.probabilities(&rows(&case["test"])).unwrap();
        for row in &probabilities {
            assert!(
                (row.iter().sum::<f64>() - 1.0).abs() < 1e-12 && row.iter().all(|&share| share > 0.0),
                "{row:?}"
            );
        }
        let right = probabilities.iter().zip(&truth).filter(|(row, label)| named(row) == **label).count();
        let (accuracy, expected) = (right as f64 / truth.len() as f64, case["accuracy"].as_f64().unwrap());
        // Other random trees: six rows of 200.
        assert!((accuracy - expected).abs() <= 0.03, "{name}: {accuracy} instead of {expected}");
    }
}

#[test]
fn a_forest_is_a_function_of_its_seed() {
    let case = &golden()["sets"]["exclusive_or"];
    let probabilities = |seed: u64| {
        let fitted = fit(Baseline::Forest, &rows(&case["rows"]), &labels(&case["labels"]), 2, seed).unwrap();
        fitted.probabilities(&rows(&case["test"])).unwrap()
    };
    let first = probabilities(1);
    assert_eq!(first, probabilities(1));
    assert_ne!(first, probabilities(2));
}

#[test]
fn a_frequent_class_weighs_no_more() {
    // A feature that says nothing, and nine times as many rows of class 0.
    let features: Vec<Vec<f64>> = (0..200).map(|row| vec![f64::from(row % 2)]).collect();
    let labels: Vec<usize> = (0..200).map(|row| usize::from(row % 20 < 2)).collect();
    for kind in [Baseline::Forest, Baseline::Logistic] {
        let fitted = fit(kind, &features, &labels, 2, 3).unwrap();
        for row in fitted.probabilities(&features[..2]).unwrap() {
            // About a half: a tree without a majority names the first class. Unbalanced it would be 0.1 or less.
            assert!(row[1] > 0.25, "{kind}: {row:?}");
        }
    }
}

#[test]
fn a_class_without_rows_is_not_found() {
    let features: Vec<Vec<f64>> = (0..40).map(|row| vec![f64::from(row), -f64::from(row)]).collect();
    let labels: Vec<usize> = (0..40).map(|row| if row < 20 { 3 } else { 1 }).collect();
    for kind in [Baseline::Forest, Baseline::Logistic] {
        let rows = fit(kind, &features, &labels, 5, 3)
            .unwrap()
            .probabilities(&[vec![1.0, -1.0], vec![38.0, -38.0]])
            .unwrap();
        assert_eq!((rows[0].len(), named(&rows[0]), named(&rows[1])), (5, 3, 1), "{kind}");
        assert!([0, 2, 4].iter().all(|&class| rows[0][class] < 0.01), "{kind}: {rows:?}");
    }
}

#[test]
fn rows_that_cannot_be_used_are_named() {
    let good = vec![vec![0.0, 1.0], vec![1.0, 0.0]];
    let error = |rows: &[Vec<f64>], labels: &[usize]| {
        fit(Baseline::Forest, rows, labels, 2, 0).expect_err("it cannot be fitted").to_string()
    };
    assert!(error(&good, &[1, 1]).contains("2 rows of 1 classes"));
    assert!(error(&[], &[]).contains("0 rows of 0 classes"));
    assert!(error(&[vec![], vec![]], &[0, 1]).contains("0 features"));
    assert!(
        error(&[vec![0.0, 1.0], vec![1.0]], &[0, 1]).contains("row 1 has 1 features where 2 are expected")
    );
    assert!(error(&[vec![0.0, 1.0], vec![f64::NAN, 1.0]], &[0, 1]).contains("row 1: feature 0 is NaN"));
    let fitted = fit(Baseline::Logistic, &good, &[0, 1], 2, 0).unwrap();
    assert!(fitted.probabilities(&[vec![1.0]]).is_err());
    assert_eq!(fitted.probabilities(&[]).unwrap(), Vec::<Vec<f64>>::new());
}
