//! Softmax, cross-entropy and their gradient: full and short batches, large scores.

use super::super::case::{Area, Case, Setup, Values, floats, wide, words};
use super::super::compare::Tolerance;
use super::super::softmax_cross_entropy as twin;
use crate::nn::softmax_cross_entropy::{self, Objective, Results};

/// Batch, rows in use, classes, largest score.
type Sizes = (usize, usize, usize, f64);

/// Label smoothing; whether classes have weights.
const SHAPES: &[(f64, bool)] = &[(0.0, false), (0.1, false), (0.0, true), (0.3, true)];

const SIZES: &[Sizes] = &[
    (1, 1, 2, 1.0),
    (7, 7, 6, 3.0),
    (33, 33, 10, 3.0),
    (9, 5, 6, 3.0),
    (40, 33, 11, 3.0),
    (8, 8, 5, 80.0),
    (35, 1, 3, 80.0),
];

/// Positions of the epoch before this batch and after it.
const BEFORE: usize = 3;
const AFTER: usize = 2;

pub(super) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for &sizes in SIZES {
        let (batch, rows, classes, largest) = sizes;
        let name = format!("n{batch} rows{rows} c{classes} scores{largest}");
        let forward = move || random_forward(sizes);
        cases.push(Case::new("softmax_cross_entropy.forward", "standard", &name, forward));
        for &(label_smoothing, weighted) in SHAPES {
            let name = match (label_smoothing, weighted) {
                (0.0, false) => name.clone(),
                (smoothing, false) => format!("{name} smoothing{smoothing}"),
                (smoothing, true) => format!("{name} smoothing{smoothing} weights"),
            };
            let make = move || {
                let weight = |class: usize| 0.5 + class as f64 % 3.0;
                let class_weights = if weighted { (0..classes).map(weight).collect() } else { Vec::new() };
                random_train(sizes, &Objective { label_smoothing, class_weights })
            };
            cases.push(Case::new("softmax_cross_entropy.train", "standard", name, make));
        }
    }
    cases
}

/// Scores and labels; the scores of unused rows are no numbers.
fn inputs((batch, rows, classes, largest): Sizes) -> (Vec<f32>, Vec<u32>) {
    let mut values = Values::new(classes as u64);
    let mut x = values.signed(batch * classes, largest);
    x[rows * classes..].fill(f32::NAN);
    let mut labels = values.below(batch, classes as u32);
    labels[rows..].fill(0);
    (x, labels)
}

fn random_forward(sizes: Sizes) -> Setup {
    let (batch, rows, classes, _) = sizes;
    let (x, labels) = inputs(sizes);
    let expected = twin::forward(rows, classes, &wide(&x), &labels);
    results((batch, classes), (&x, &labels), &expected, None)
}

fn random_train(sizes: Sizes, objective: &Objective) -> Setup {
    let (batch, rows, classes, _) = sizes;
    let (x, labels) = inputs(sizes);
    let shape = (objective.label_smoothing, &*twin_weights(objective, classes));
    let (expected, dx) = twin::train(rows, batch, classes, &wide(&x), &labels, shape);
    results((batch, classes), (&x, &labels), &expected, Some((&dx, objective)))
}

/// The weights of all classes, also where an objective has none.
pub fn twin_weights(objective: &Objective, classes: usize) -> Vec<f64> {
    if objective.class_weights.is_empty() { vec![1.0; classes] } else { objective.class_weights.clone() }
}

/// The launch that must turn scores and labels into what is `expected` of the rows, and that of training also into `dx`
/// (batch, C) of an objective.
pub fn results(
    (batch, classes): (usize, usize),
    (x, labels): (&[f32], &[u32]),
    expected: &twin::Rows,
    dx: Option<(&[f64], &Objective)>,
) -> Setup {
    let twin::Rows { p, loss, predicted, log_sum_exp } = expected;
    let rows = loss.len();
    let mut setup = Setup::default();
    let total_weight = dx.map_or(f64::NAN, |(_, objective)| {
        twin::total_weight(rows, labels, &twin_weights(objective, classes))
    });
    let step = setup.step(&[BEFORE as u32, rows as u32, 0, 0, 0, 0, 0, (total_weight as f32).to_bits()]);
    let x = setup.input("x", (batch, 1, classes), (0, 0), x);
    let labels = setup.words("labels", labels);
    let positions = BEFORE + rows + AFTER;
    let results = Results {
        p: setup.arena.allocate("p", positions * classes),
        loss: setup.arena.allocate("loss", positions),
        predicted: setup.arena.allocate("predicted", positions),
        log_sum_exp: setup.arena.allocate("log_sum_exp", positions),
    };
    let used = |slice, width: usize| Area::from(slice).part(BEFORE * width..(BEFORE + rows) * width);
    setup.leave(used(results.p, classes), &floats(p), Tolerance::PRODUCT);
    setup.leave(used(results.loss, 1), &floats(loss), Tolerance::PRODUCT);
    setup.leave(used(results.predicted, 1), &words(predicted), Tolerance::EXACT);
    setup.leave(used(results.log_sum_exp, 1), &floats(log_sum_exp), Tolerance::PRODUCT);
    let launch = match dx {
        None => softmax_cross_entropy::forward("case", step, &x, labels, &results),
        Some((dx, objective)) => {
            let dx = setup.output("dx", (batch, 1, classes), (0, 0), (dx, Tolerance::PRODUCT));
            let shaped = (!objective.is_plain()).then(|| {
                (objective.label_smoothing, setup.words("class_weights", &objective.weights(classes)))
            });
            softmax_cross_entropy::train("case", step, &x, labels, &results, &dx, shaped)
        }
    };
    setup.launch(launch);
    setup
}
