//! Another output layer, another dense layer, and what a model that starts from another has learned from.

use gpu_bearing::data::split::Part;
use gpu_bearing::data::split_record::{SplitRecord, with_inherited};
use gpu_bearing::nn::{LayerKind, Model};

#[test]
fn a_dense_layer_stands_before_the_output_layer() {
    let old = Model::default_for(6).unwrap();
    let model = old.with_head(4, Some(32)).unwrap();
    assert_eq!((model.name.as_str(), model.classes().unwrap()), ("cnn-lstm+dense", 4));
    let rows = model.rows().unwrap();
    let last: Vec<(&str, &str, usize)> = (rows[rows.len() - 2..].iter())
        .map(|row| (row.name.as_str(), row.layer.as_str(), row.parameters))
        .collect();
    assert_eq!(last, [("head1", "dense, 32 units, relu", 16 * 32 + 32), ("logits", "dense, 4 units", 132)]);
    assert_eq!(model.layers[..old.layers.len() - 1], old.layers[..old.layers.len() - 1]);
    // As a checkpoint keeps it.
    assert_eq!(Model::parse(&model.to_toml(), "model", 4).unwrap(), model);
    let again = model.with_head(4, Some(8)).unwrap();
    assert_eq!(again.name, "cnn-lstm+dense+dense");
    assert!(again.layers.iter().any(|layer| layer.name == "head2"));
}

#[test]
fn other_classes_change_the_output_layer_alone() {
    let model = Model::default_for(6).unwrap().with_head(3, None).unwrap();
    assert_eq!(model, Model::default_for(3).unwrap());
}

#[test]
fn only_a_dense_output_layer_is_replaced() {
    let mut model = Model::default_for(6).unwrap();
    model.layers.last_mut().unwrap().kind = LayerKind::Lstm { units: 6, sequence: false };
    let error = model.with_head(3, None).unwrap_err().to_string();
    assert!(error.contains("model 'cnn-lstm' ends with 'logits' of type lstm"), "{error}");
}

fn record(recording: &str, start: usize, part: Part) -> SplitRecord {
    SplitRecord {
        recording: recording.to_owned(),
        sha256: recording.to_owned(),
        bearing: None,
        start,
        part,
        condition: "worn".to_owned(),
    }
}

#[test]
fn a_test_window_stays_one_where_neither_model_has_learned_from_its_recording() {
    use Part::{Test, Train, Validation};
    let inherited = [
        record("shared", 0, Train),
        record("shared", 64, Test),
        record("shared", 128, Validation),
        record("held out", 0, Test),
    ];
    let own = vec![
        record("shared", 0, Test),
        record("shared", 64, Test),
        record("shared", 100, Test),
        record("held out", 0, Test),
        record("held out", 64, Test),
        record("new", 0, Train),
    ];
    let expected = [&own[1], &own[3], &own[4], &own[5], &inherited[0], &inherited[2]].map(Clone::clone);
    assert_eq!(with_inherited(own, &inherited), expected);
}
