//! What the words on the page of a run mean.

/// What the words on the page mean.
pub(super) const GLOSSARY: [(&str, &str); 16] = [
    (
        "Split",
        "What stayed on one side when the windows were divided. By bearing, a test figure is about bearings that were \
         never seen; by recording, time or window, about bearings that may be known.",
    ),
    (
        "Leaky",
        "The same bearing is, or may be, on both sides of the split: recognising it is enough for a high accuracy.",
    ),
    (
        "Train, validation, test",
        "Train windows fit the parameters; validation windows choose the epoch; test windows choose nothing and are \
         only reported.",
    ),
    (
        "Learning curves",
        "Train: over the windows of the epoch while it went on, dropout on. The others: after it. Dotted: the epoch \
         whose model was kept. All other figures are that model's, dropout off.",
    ),
    ("Loss", "Mean cross-entropy in nats; guessing among C classes costs ln C."),
    (
        "Accuracy, balanced",
        "Share of the windows whose class was found; the mean over the classes of the share found in each, so that a \
         frequent class weighs no more.",
    ),
    (
        "Confusion matrix",
        "A row is a true class; a cell has a count of windows and its share of the row, and the stronger its shade, \
         the larger the share. Outlined: right answers.",
    ),
    (
        "Precision, recall, F1, support",
        "Share of the windows taken for a class that are of it; share of the windows of the class that were found; \
         their harmonic mean; number of windows of the class. A dash stands for 0 / 0.",
    ),
    (
        "By recording",
        "One decision a recording, by the mean log-probability of its windows, as an operator hears one alarm. A false \
         alarm is a healthy recording called faulty, a missed fault a faulty one called healthy; which fault does not \
         count. Its plot: both, where a recording is called healthy only with a P(healthy) above the threshold.",
    ),
    (
        "Macro F1, macro AUROC",
        "Means over the classes: of F1, and of the probability that a window of the class gets a higher probability of \
         it than a window of another; 50 % is chance. AUROC asks for the order alone, not for the decision.",
    ),
    (
        "Interval over bearings",
        "Holds 95 % of the figures of resamples in which bearings are drawn, not windows, since windows of one bearing \
         are alike.",
    ),
    (
        "Confidence, temperature",
        "The probability of the class that was decided for. The calibration error is its mean distance from the share \
         of right answers, bin by bin. A temperature divides the logits so that they agree on the validation windows; \
         decisions stay.",
    ),
    (
        "Turned away as unknown",
        "A recording that is less familiar, by the energy of the network's scores, than nearly all that the run was \
         validated on gets no answer from predict --reject. What it costs is the share of known recordings turned away; \
         what it gains, the share of faults that the run was not to know.",
    ),
    (
        "What decided",
        "Integrated gradients: what each sample adds to the lead of the class over the next one, from a constant signal to \
         the window. The spectrum is that of their squared envelope, beside the signal's: attributions are large where the \
         signal is, so only a line that is higher than the signal's own says that the network looks at the strikes. What \
         repeats from window to window is taken off both, which leaves nothing at multiples of the windows' own frequency.",
    ),
    (
        "Grade",
        "How plainly experts see the fault in the recording's envelope (Smith and Randall 2015): Y1 and Y2 clearly, P1 and \
         P2 partly, N1 another fault instead, N2 nothing. That a fault of the last ones was named is no sign that it was seen.",
    ),
    (
        "Plain classifiers",
        "A random forest and a logistic regression on features that engineers use: statistics of the signal, bands of the \
         spectrum and of the envelope's, lines at the fault frequencies where these are known.",
    ),
];
