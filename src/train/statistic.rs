//! A figure over several runs.

/// A figure over several runs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Statistic {
    /// Runs.
    pub runs: usize,
    /// Their mean.
    pub mean: f64,
    /// Their sample standard deviation; 0 for one run.
    pub deviation: f64,
    /// The one in the middle, or between both in the middle.
    pub median: f64,
    /// The least.
    pub min: f64,
    /// The largest.
    pub max: f64,
}

impl Statistic {
    /// Over `values`; none without any.
    pub fn of(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        let (&min, &max) = (values.first()?, values.last()?);
        let runs = values.len();
        let mean = values.iter().sum::<f64>() / runs as f64;
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        let deviation = if runs > 1 { (squares / (runs - 1) as f64).sqrt() } else { 0.0 };
        let median = 0.5 * (values[(runs - 1) / 2] + values[runs / 2]);
        Some(Self { runs, mean, deviation, median, min, max })
    }
}
