//! Plain classifiers of features, to stand beside a network: where a forest on a few features does as well, the network has
//! shown nothing.
//!
//! Both give every class the same weight, however many rows it has. The fits are [smartcore](https://docs.rs/smartcore)'s:
//! its forests do not give probabilities and neither model takes weights, so trees are fitted one by one and vote, and rows
//! are repeated in place of weights.

use std::fmt;
use std::num::NonZero;
use std::thread::{self, ScopedJoinHandle};

use rand::seq::SliceRandom;
use serde::{Deserialize, Serialize};
use smartcore::ensemble::random_forest_classifier::{
    RandomForestClassifier, RandomForestClassifierParameters,
};
use smartcore::linalg::basic::arrays::Array;
use smartcore::linalg::basic::matrix::DenseMatrix;
use smartcore::linear::logistic_regression::{LogisticRegression, LogisticRegressionParameters};

use super::metrics::scored::softmax;
use crate::data::seed::{Purpose, stream};
use crate::{Error, Result};

/// Trees of a forest.
pub const TREES: u64 = 100;
/// scikit-learn's `C` of the logistic regression: the smaller, the closer its weights stay to zero.
pub const C: f64 = 0.05;

type Matrix = DenseMatrix<f64>;
type Tree = RandomForestClassifier<f64, usize, Matrix, Vec<usize>>;

/// A kind of plain classifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Baseline {
    /// [`TREES`] trees, each grown until its leaves are pure, which at every split look at the square root of the
    /// number of features (Breiman 2001).
    ///
    /// Each is fitted to about as many rows as there are, the same number of each class, which is to a tree what balanced
    /// class weights are: a class with too many rows gives random ones, one with too few repeats its own, and of
    /// these as many are drawn with replacement.
    ///
    /// With v of n trees voting for a class of k, its probability is (v + 1) / (n + k): never 0, which no number of trees
    /// can show.
    Forest,
    /// Multinomial logistic regression on features that are scaled by mean and deviation of the training rows.
    ///
    /// It has the least of `C * sum over rows of weight * -log p(label) + 1/2 * sum of squared coefficients`; the
    /// intercepts are free, and a row's weight is rows / (classes * rows of its class). That is scikit-learn's
    /// `LogisticRegression(C=0.05, class_weight="balanced")` behind a `StandardScaler`. Weights are made by
    /// repeating the rows of each class evenly up to the number of the most frequent one: exact where that is a
    /// multiple, otherwise some rows of a class count once more than others.
    Logistic,
}

impl Baseline {
    /// Its name in words.
    pub fn name(self) -> &'static str {
        match self {
            Self::Forest => "random forest",
            Self::Logistic => "logistic regression",
        }
    }
}

impl fmt::Display for Baseline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A classifier that was fitted to rows of features.
#[derive(Debug)]
pub struct Fitted {
    features: usize,
    classes: usize,
    model: Model,
}

#[derive(Debug)]
enum Model {
    /// Trees that name a class.
    Forest(Vec<Tree>),
    Logistic(Logistic),
}

/// Fits a classifier of `kind` to `rows`, a row of features each with its label in `labels`, below `classes`. A class
/// without a row is never found.
///
/// Same arguments, same classifier, on one 64-bit platform. Only a forest depends on `seed`.
///
/// # Errors
/// Rows of fewer than two classes; rows without features, of different lengths, or with a feature that is not a finite
/// number.
///
/// # Panics
/// If there are not as many labels as rows, or a label is not below `classes`.
pub fn fit(kind: Baseline, rows: &[Vec<f64>], labels: &[usize], classes: usize, seed: u64) -> Result<Fitted> {
    assert_eq!(rows.len(), labels.len(), "a label per row");
    let features = rows.first().map_or(0, Vec::len);
    check(rows, features)?;
    let mut by_class = vec![Vec::new(); classes];
    for (row, &label) in labels.iter().enumerate() {
        by_class[label].push(row);
    }
    by_class.retain(|rows| !rows.is_empty());
    if by_class.len() < 2 || features == 0 {
        return Err(Error::input(format!(
            "{kind}: {} rows of {} classes and {features} features: give rows of at least 2 classes and 1 feature",
            rows.len(),
            by_class.len()
        )));
    }
    let model = match kind {
        Baseline::Forest => Model::Forest(forest(rows, labels, &by_class, seed)?),
        Baseline::Logistic => Model::Logistic(Logistic::fit(rows, labels, &by_class)?),
    };
    Ok(Fitted { features, classes, model })
}

impl Fitted {
    /// The probability of each class (0 to 1) for each of `rows`, in f64.
    ///
    /// # Errors
    /// Rows that have not as many features as those of the fit, or with a feature that is not a finite number.
    pub fn probabilities(&self, rows: &[Vec<f64>]) -> Result<Vec<Vec<f64>>> {
        check(rows, self.features)?;
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        match &self.model {
            Model::Forest(trees) => self.votes(trees, rows),
            Model::Logistic(model) => {
                Ok(rows.iter().map(|row| model.probabilities(row, self.classes)).collect())
            }
        }
    }

    fn votes(&self, trees: &[Tree], rows: &[Vec<f64>]) -> Result<Vec<Vec<f64>>> {
        let rows = matrix(rows.iter())?;
        let mut votes = vec![vec![1.0; self.classes]; rows.shape().0];
        for tree in trees {
            for (votes, class) in votes.iter_mut().zip(tree.predict(&rows).map_err(failed)?) {
                votes[class] += 1.0;
            }
        }
        let all = (trees.len() + self.classes) as f64;
        votes.iter_mut().flatten().for_each(|votes| *votes /= all);
        Ok(votes)
    }
}

/// Trees, each one a forest of its own that samples rows and features by its own seed.
fn forest(rows: &[Vec<f64>], labels: &[usize], by_class: &[Vec<usize>], seed: u64) -> Result<Vec<Tree>> {
    let each = rows.len().div_ceil(by_class.len());
    let tree = |number: u64| {
        let mut rng = stream(seed, Purpose::Forest, number);
        let mut drawn = Vec::with_capacity(each * by_class.len());
        for class in by_class {
            let mut shuffled = class.clone();
            shuffled.shuffle(&mut rng);
            drawn.extend(spread(&shuffled, each));
        }
        let parameters = RandomForestClassifierParameters::default()
            .with_n_trees(1)
            .with_seed(rand::Rng::next_u64(&mut rng));
        let (rows, labels) = (matrix(drawn.iter().map(|&row| &rows[row]))?, of(labels, &drawn));
        Tree::fit(&rows, &labels, parameters).map_err(failed)
    };
    // A tree depends on its number only, and votes add up in any order: how many threads there are does not show.
    let workers = thread::available_parallelism().map_or(1, NonZero::get);
    thread::scope(|scope| {
        let tree = &tree;
        let start = |worker| scope.spawn(move || (worker..TREES).step_by(workers).map(tree).collect());
        let started: Vec<ScopedJoinHandle<'_, Result<Vec<Tree>>>> = (0..workers as u64).map(start).collect();
        let grown = started.into_iter().map(|worker| worker.join().expect("a tree does not panic"));
        Ok(grown.collect::<Result<Vec<_>>>()?.into_iter().flatten().collect())
    })
}

#[derive(Debug)]
struct Logistic {
    /// Mean and deviation of every feature.
    scaling: Vec<(f64, f64)>,
    /// The class of each row of `weights`.
    classes: Vec<usize>,
    /// Coefficients of the scaled features and, last, the intercept.
    weights: Vec<Vec<f64>>,
}

impl Logistic {
    fn fit(rows: &[Vec<f64>], labels: &[usize], by_class: &[Vec<usize>]) -> Result<Self> {
        let scaling: Vec<(f64, f64)> =
            (0..rows[0].len()).map(|feature| mean_and_deviation(rows, feature)).collect();
        let scaled: Vec<Vec<f64>> = rows.iter().map(|row| scale(row, &scaling)).collect();
        let most = by_class.iter().map(Vec::len).max().expect("there are classes");
        let drawn: Vec<usize> = by_class.iter().flat_map(|class| spread(class, most)).collect();
        // smartcore minimises the sum over rows + alpha / 2 * the squares, with weights of 1 on what was repeated.
        let alpha = drawn.len() as f64 / rows.len() as f64 / C;
        let model: LogisticRegression<f64, usize, Matrix, Vec<usize>> = LogisticRegression::fit(
            &matrix(drawn.iter().map(|&row| &scaled[row]))?,
            &of(labels, &drawn),
            LogisticRegressionParameters::default().with_alpha(alpha),
        )
        .map_err(failed)?;
        let (coefficients, intercept) = (model.coefficients(), model.intercept());
        let mut weights: Vec<Vec<f64>> = (0..coefficients.shape().0)
            .map(|row| {
                let coefficients = (0..scaling.len()).map(|feature| *coefficients.get((row, feature)));
                coefficients.chain([*intercept.get((row, 0))]).collect()
            })
            .collect();
        if model.classes().len() == 2 {
            // Of two classes, the second's logit is fitted and the first's is 0.
            weights.insert(0, vec![0.0; scaling.len() + 1]);
        }
        Ok(Self { scaling, classes: model.classes().clone(), weights })
    }

    /// The softmax over the classes of the fit; the others have 0.
    fn probabilities(&self, row: &[f64], classes: usize) -> Vec<f64> {
        let scaled = scale(row, &self.scaling);
        let logit = |weights: &Vec<f64>| {
            let (intercept, coefficients) = weights.split_last().expect("an intercept");
            intercept + coefficients.iter().zip(&scaled).map(|(weight, x)| weight * x).sum::<f64>()
        };
        let logits: Vec<f64> = self.weights.iter().map(logit).collect();
        let mut probabilities = vec![0.0; classes];
        for (&class, probability) in self.classes.iter().zip(softmax(&logits)) {
            probabilities[class] = probability;
        }
        probabilities
    }
}

/// Mean and population deviation of a feature; a deviation of 1 where it is constant.
fn mean_and_deviation(rows: &[Vec<f64>], feature: usize) -> (f64, f64) {
    let count = rows.len() as f64;
    let mean = rows.iter().map(|row| row[feature]).sum::<f64>() / count;
    let variance = rows.iter().map(|row| (row[feature] - mean).powi(2)).sum::<f64>() / count;
    (mean, if variance > 0.0 { variance.sqrt() } else { 1.0 })
}

fn scale(row: &[f64], scaling: &[(f64, f64)]) -> Vec<f64> {
    row.iter().zip(scaling).map(|(x, (mean, deviation))| (x - mean) / deviation).collect()
}

/// `count` of `rows`, in order and evenly: each once or not at all, or each as often as any other but for one time.
fn spread(rows: &[usize], count: usize) -> impl Iterator<Item = usize> {
    (0..count).map(move |place| rows[place * rows.len() / count])
}

fn of(labels: &[usize], rows: &[usize]) -> Vec<usize> {
    rows.iter().map(|&row| labels[row]).collect()
}

fn matrix<'a>(rows: impl Iterator<Item = &'a Vec<f64>>) -> Result<Matrix> {
    Matrix::from_2d_vec(&rows.cloned().collect()).map_err(failed)
}

fn check(rows: &[Vec<f64>], features: usize) -> Result<()> {
    for (index, row) in rows.iter().enumerate() {
        if row.len() != features {
            return Err(Error::input(format!(
                "row {index} has {} features where {features} are expected: give every row the same ones",
                row.len()
            )));
        }
        if let Some(feature) = row.iter().position(|value| !value.is_finite()) {
            return Err(Error::input(format!(
                "row {index}: feature {feature} is {}: leave out what cannot be computed of every row",
                row[feature]
            )));
        }
    }
    Ok(())
}

fn failed(cause: smartcore::error::Failed) -> Error {
    Error::failed(format!("a baseline could not be fitted: {cause}"))
}
