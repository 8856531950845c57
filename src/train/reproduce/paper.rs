//! What the paper reports, to stand beside our figures: Cao and Ye, "Application of Improved CNN-LSTM Model in Fault
//! Diagnosis of Rolling Bearings". Accuracies are shares, 0 to 1; losses are cross-entropies in nats; times are seconds
//! on its authors' machine.

/// Table 3: the mean of ten runs.
pub mod ten_runs {
    /// Mean loss over the training windows.
    pub const TRAIN_LOSS: f64 = 0.00203;
    /// Mean accuracy over the training windows.
    pub const TRAIN_ACCURACY: f64 = 0.999_93;
    /// Mean loss over the test windows.
    pub const TEST_LOSS: f64 = 0.00836;
    /// Mean accuracy over the test windows.
    pub const TEST_ACCURACY: f64 = 0.998_33;
    /// The worst run's.
    pub const WORST_TEST_ACCURACY: f64 = 0.9917;
    /// The best run's.
    pub const BEST_TEST_ACCURACY: f64 = 1.0;
}

/// A row of Table 4: the mean of five runs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Model {
    /// What the paper calls it.
    pub name: &'static str,
    /// Mean accuracy over the training windows.
    pub train_accuracy: f64,
    /// Mean accuracy over the test windows.
    pub test_accuracy: f64,
    /// Mean training time in seconds.
    pub seconds: f64,
}

/// Table 4.
pub const MODELS: [Model; 6] = [
    Model { name: "improved 1D-CNN-LSTM", train_accuracy: 0.9999, test_accuracy: 0.9983, seconds: 48.89 },
    Model { name: "traditional 1D-CNN-LSTM", train_accuracy: 0.9968, test_accuracy: 0.9972, seconds: 52.78 },
    Model { name: "1D-CNN", train_accuracy: 0.9993, test_accuracy: 0.9972, seconds: 40.28 },
    Model { name: "LSTM", train_accuracy: 0.9833, test_accuracy: 0.9806, seconds: 510.24 },
    Model { name: "2D-CNN", train_accuracy: 0.9992, test_accuracy: 0.9883, seconds: 25.00 },
    Model { name: "2D-CNN-LSTM", train_accuracy: 0.9994, test_accuracy: 0.99, seconds: 35.54 },
];

/// Table 5 and its text: transfer from 1 hp to 3 hp, the mean of five runs.
pub mod transfer {
    /// Epochs of the longer training.
    pub const EPOCHS: usize = 50;
    /// Epochs of the shorter one.
    pub const SHORT_EPOCHS: usize = 20;
    /// Mean accuracy over the training windows, 50 epochs.
    pub const TRAIN_ACCURACY: f64 = 0.997_48;
    /// Accuracy over the test windows in every run, after 50 epochs and after 20.
    pub const TEST_ACCURACY: f64 = 0.9972;
    /// Mean training time of the longer one in seconds.
    pub const SECONDS: f64 = 18.02;
    /// Share of the time of training from scratch that it saves.
    pub const SAVED: f64 = 0.6313;
    /// Mean training time of the shorter one in seconds.
    pub const SHORT_SECONDS: f64 = 8.43;
    /// Share of the time of training from scratch that this saves.
    pub const SHORT_SAVED: f64 = 0.8276;
}

/// The rate of dropout that did best in the sweep of Fig. 4, by accuracy and by loss.
pub const BEST_DROPOUT: f64 = 0.3;

/// Seconds within which all test windows are diagnosed.
pub const DIAGNOSIS_SECONDS: f64 = 1.0;
