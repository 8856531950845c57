"""Makes metrics.json beside it with scikit-learn: python tests/goldens/metrics.py

Needs scikit-learn, scipy and numpy. What it writes is committed; run it again only to change a case.

scored     rows of probabilities over four classes, the last of which no row is of, and what they show
logistic   by number of classes: rows of features to fit, rows to classify, and their probabilities
sets       two sets of rows to fit and to classify for the forest, with scikit-learn's accuracies

scikit-learn has no calibration error and no temperature: the first is numpy's, after Guo et al. 2017; the second is
scipy's minimum of scikit-learn's log loss.
"""

import json
import pathlib

import numpy
from scipy.optimize import minimize_scalar
from scipy.special import softmax
from sklearn import metrics
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

HERE = pathlib.Path(__file__).parent
random = numpy.random.default_rng(0)


def listed(values, digits=6):
    return numpy.round(values, digits).tolist()


def calibration_error(labels, probabilities, bins=15):
    confidence, right = probabilities.max(1), probabilities.argmax(1) == labels
    edges = numpy.linspace(0, 1, bins + 1)
    error = 0.0
    for low, high in zip(edges[:-1], edges[1:]):
        inside = (confidence > low) & (confidence <= high)
        if inside.any():
            error += inside.mean() * abs(right[inside].mean() - confidence[inside].mean())
    return error


def log_loss(labels, probabilities, temperature):
    scaled = softmax(numpy.log(probabilities) / temperature, axis=1)
    return metrics.log_loss(labels, scaled, labels=range(probabilities.shape[1]))


def scored(rows=120, classes=4):
    """Too sure of itself. In steps of 1 / 47: there are ties, and no confidence lies where two bins meet."""
    labels = random.choice(classes - 1, rows, p=[0.6, 0.3, 0.1])
    logits = 2.5 * random.standard_normal((rows, classes))
    logits[numpy.arange(rows), labels] += 3.0
    probabilities = (random.multinomial(47 - classes, softmax(logits, axis=1)) + 1) / 47
    named = probabilities.argmax(1)
    by_class = [metrics.roc_auc_score(labels == label, probabilities[:, label]) for label in range(classes - 1)]
    best = minimize_scalar(
        lambda log_t: log_loss(labels, probabilities, numpy.exp(log_t)), bracket=(-1, 1), options={"xtol": 1e-12}
    )
    temperature = numpy.exp(best.x)
    scaled = softmax(numpy.log(probabilities) / temperature, axis=1)
    assert 1 < temperature < 20 and set(named) == set(range(classes))
    return {
        "labels": labels.tolist(),
        "probabilities": probabilities.tolist(),
        "auroc": by_class,
        "macro_auroc": numpy.mean(by_class),
        "macro_f1": metrics.f1_score(labels, named, average="macro"),
        "accuracy": metrics.accuracy_score(labels, named),
        "balanced_accuracy": metrics.recall_score(labels, named, labels=range(classes - 1), average="macro"),
        "temperature": temperature,
        "error_before": calibration_error(labels, probabilities),
        "error_after": calibration_error(labels, scaled),
    }


def features(counts):
    """Overlapping classes in five features of unlike units, the last constant."""
    labels = numpy.repeat(range(len(counts)), counts)
    centres = random.standard_normal((len(counts), 4))
    rows = (centres[labels] + random.standard_normal((len(labels), 4))) * [1, 100, 0.01, 1] + [0, 50, 0, -3]
    return listed(numpy.hstack([rows, numpy.full((len(labels), 1), 7.0)])), labels.tolist()


def logistic(counts):
    rows, labels = features(counts)
    test = [listed(row) for row in numpy.array(rows)[:: len(rows) // 10] * 1.25]
    model = make_pipeline(
        StandardScaler(), LogisticRegression(C=0.05, class_weight="balanced", tol=1e-10, max_iter=10_000)
    )
    model.fit(rows, labels)
    return {"rows": rows, "labels": labels, "test": test, "probabilities": model.predict_proba(test).tolist()}


def separable(counts):
    labels = numpy.repeat(range(len(counts)), counts)
    rows = random.uniform(-1, 1, (len(labels), 4))
    rows[:, 1] += 3 * labels
    return rows, labels


def exclusive_or(rows):
    """Class 1 where the signs of the first two features differ: no feature alone says anything."""
    rows = random.uniform(-1, 1, (rows, 3))
    return rows, (rows[:, 0] > 0) ^ (rows[:, 1] > 0)


def trial(train, test):
    model = RandomForestClassifier(300, class_weight="balanced_subsample", random_state=0).fit(*train)
    return {
        "rows": listed(train[0], 4),
        "labels": train[1].astype(int).tolist(),
        "test": listed(test[0], 4),
        "test_labels": test[1].astype(int).tolist(),
        "accuracy": model.score(*test),
    }


golden = {
    "scored": scored(),
    "logistic": [logistic([40, 20]), logistic([48, 24, 12])],
    "sets": {
        "separable": trial(separable([60, 30, 10]), separable([20, 20, 20])),
        "exclusive_or": trial(exclusive_or(200), exclusive_or(200)),
    },
}
(HERE / "metrics.json").write_text(json.dumps(golden) + "\n")
