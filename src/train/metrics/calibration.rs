//! Whether a confidence is the share of right answers, and temperature scaling, which mends it (Guo et al. 2017,
//! "On Calibration of Modern Neural Networks").

use serde::{Deserialize, Serialize};

use super::Scored;
use super::scored::{log, softmax};

/// Bins of equal width over the confidences 0 to 1, as many as Guo et al. have.
pub const BINS: usize = 15;
/// Least and highest temperature that a fit may give: beyond, a softmax is a step, or flat.
pub const TEMPERATURES: (f64, f64) = (0.05, 20.0);
/// The fit's 1 / T is within this share of the best.
const TOLERANCE: f64 = 1e-12;

/// By how much a model's logits are too large.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Temperature {
    /// T, unit-free: above 1 where the model was too sure, below where it was not sure enough.
    pub value: f64,
    /// Whether the best lies at or beyond an end of [`TEMPERATURES`], as it does where every validation row is right: the
    /// rows then do not say how sure the model may be, and its probabilities are better left as they are.
    pub clamped: bool,
}

impl Temperature {
    /// Fits T to `validation`: the least mean over its rows of -log softmax(log p / T) at the true class. The mean is
    /// convex in 1 / T, so its slope is zero at one place only, which is found by halving. None without a row.
    pub fn fit(validation: &Scored) -> Option<Self> {
        if validation.is_empty() {
            return None;
        }
        let logs: Vec<Vec<f64>> = (0..validation.len())
            .map(|row| validation.probabilities(row).iter().map(|&probability| log(probability)).collect())
            .collect();
        // Of the negative log-likelihood over b = 1 / T: the sum of (mean of log p under the scaled softmax) - (log p of
        // the true class).
        let slope = |b: f64| -> f64 {
            let of_row = |(logs, &label): (&Vec<f64>, &usize)| {
                let scaled: Vec<f64> = logs.iter().map(|log| b * log).collect();
                let mean: f64 = softmax(&scaled).iter().zip(logs).map(|(share, log)| share * log).sum();
                mean - logs[label]
            };
            logs.iter().zip(validation.labels()).map(of_row).sum()
        };
        let (mut low, mut high) = (1.0 / TEMPERATURES.1, 1.0 / TEMPERATURES.0);
        if slope(low) >= 0.0 {
            return Some(Self { value: TEMPERATURES.1, clamped: true });
        }
        if slope(high) <= 0.0 {
            return Some(Self { value: TEMPERATURES.0, clamped: true });
        }
        while high - low > TOLERANCE * low {
            let middle = f64::midpoint(low, high);
            *(if slope(middle) < 0.0 { &mut low } else { &mut high }) = middle;
        }
        Some(Self { value: 1.0 / f64::midpoint(low, high), clamped: false })
    }

    /// softmax(log p / T): the classes keep their order, so that no decision changes. Of a recording, scale its windows
    /// before [`Scored::by_recording`], or fit to recordings in the first place.
    pub fn apply(&self, scored: &Scored) -> Scored {
        scored.map(|row| softmax(&row.iter().map(|&p| log(p) / self.value).collect::<Vec<f64>>()))
    }
}

/// Rows whose confidence falls into one bin.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Bin {
    /// Number of rows.
    pub count: u64,
    /// Mean confidence, 0 to 1; none without a row.
    pub confidence: Option<f64>,
    /// Share of rows whose class was found, 0 to 1; none without a row.
    pub accuracy: Option<f64>,
}

/// Confidence against the share of right answers. The confidence is the probability of the class that was decided for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reliability {
    /// [`BINS`] bins by confidence; bin i holds those above i / 15 up to and with (i + 1) / 15.
    pub bins: Vec<Bin>,
    /// Expected calibration error, 0 to 1: the mean over rows of |accuracy - mean confidence| of their bin.
    pub error: f64,
}

impl Reliability {
    /// Of the rows of `scored`; none without a row.
    pub fn of(scored: &Scored) -> Option<Self> {
        if scored.is_empty() {
            return None;
        }
        let mut sums = [(0_u64, 0.0, 0_u64); BINS];
        for (row, &label) in scored.labels().iter().enumerate() {
            let (class, confidence) = scored.decision(row);
            let bin = ((confidence * BINS as f64).ceil() as usize).clamp(1, BINS) - 1;
            let (count, sum, right) = &mut sums[bin];
            *count += 1;
            *sum += confidence;
            *right += u64::from(class == label);
        }
        let gap = |&(_, sum, right): &(u64, f64, u64)| (right as f64 - sum).abs();
        let error = sums.iter().map(gap).sum::<f64>() / scored.len() as f64;
        let bin = |(count, sum, right): (u64, f64, u64)| {
            let mean = |sum: f64| (count > 0).then(|| sum / count as f64);
            Bin { count, confidence: mean(sum), accuracy: mean(right as f64) }
        };
        Some(Self { bins: sums.into_iter().map(bin).collect(), error })
    }
}

/// What temperature scaling does for a test.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Calibration {
    /// Fitted to the validation rows.
    pub temperature: Temperature,
    /// Whether these are of the bearings that were trained on while the test's are not: they are easier, and a temperature
    /// fitted to them makes a model too sure of new bearings.
    #[serde(default)]
    pub of_trained_bearings: bool,
    /// Of the test rows as they are.
    pub before: Reliability,
    /// Of the test rows at that temperature.
    pub after: Reliability,
}

impl Calibration {
    /// Fits a temperature to `validation` and looks at `test` before and after; none where either has no row.
    pub fn of(validation: &Scored, test: &Scored) -> Option<Self> {
        Self::at(Temperature::fit(validation)?, test)
    }

    /// Looks at `test` before and after a temperature that was fitted elsewhere; none where it has no row.
    pub fn at(temperature: Temperature, test: &Scored) -> Option<Self> {
        let after = Reliability::of(&temperature.apply(test))?;
        Some(Self { temperature, of_trained_bearings: false, before: Reliability::of(test)?, after })
    }

    /// Whether the temperature is one to go by: otherwise the probabilities are better left as they are.
    pub fn is_used(&self) -> bool {
        !self.temperature.clamped && !self.of_trained_bearings
    }
}
