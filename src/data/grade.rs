//! How plainly a published CWRU recording shows its fault, as experts have judged it.
//!
//! Smith and Randall, "Rolling element bearing diagnostics using the Case Western Reserve University data: A benchmark
//! study", Mechanical Systems and Signal Processing 64-65 (2015), 100-131: Table 4 for the grades, Table B2 for the
//! recordings.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The best of three methods by envelope, from the clearest down: of the raw signal, and where that shows P1 or less, of the
/// signal prewhitened by its cepstrum and by the benchmark method with spectral kurtosis.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Grade {
    /// Diagnosable, with the classic symptoms of the fault.
    Y1,
    /// Diagnosable, with other symptoms than the classic ones.
    Y2,
    /// Probably diagnosable: lines where the fault has them, but others dominate.
    P1,
    /// Potentially diagnosable: smeared lines that seem to fit.
    P2,
    /// Not diagnosable for the stated fault, but with another one, such as looseness.
    N1,
    /// Not diagnosable, and all but the same as noise.
    N2,
}

impl Grade {
    /// What it means, in short.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Y1 => "classic symptoms",
            Self::Y2 => "other clear symptoms",
            Self::P1 => "probable",
            Self::P2 => "possible",
            Self::N1 => "another fault shows",
            Self::N2 => "nothing shows",
        }
    }
}

impl fmt::Display for Grade {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}
