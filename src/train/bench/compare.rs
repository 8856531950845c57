//! A measurement beside an earlier one.

use std::path::Path;

use super::{Bench, KernelCost};
use crate::{Error, Result};

/// The same work before and after, in milliseconds; of a kernel that only one of the two has, the other is none.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// The work: `training step`, `classify 360`, or a kernel's name.
    pub work: String,
    /// The earlier time.
    pub before_ms: Option<f64>,
    /// The new time.
    pub after_ms: Option<f64>,
}

impl Change {
    /// After by before: below 1 is faster.
    pub fn ratio(&self) -> Option<f64> {
        Some(self.after_ms? / self.before_ms?)
    }
}

impl Bench {
    /// Reads what `bench --json` printed.
    ///
    /// # Errors
    /// A file that cannot be read or holds something else.
    pub fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).map_err(|cause| Error::read(path, &cause))?;
        serde_json::from_str(&text).map_err(|cause| {
            Error::input(format!(
                "{}: is not what `gpu-bearing bench --json` of this version prints ({cause}); measure again: \
                 gpu-bearing bench --json > FILE",
                path.display()
            ))
        })
    }

    /// Whether this measured the same model at the same batch; adapters may differ, which the reader is told.
    ///
    /// # Errors
    /// With both, if not; `path` is where this was read.
    pub fn check_subject(&self, subject: &super::Subject, path: &Path) -> Result<()> {
        if self.subject == *subject {
            return Ok(());
        }
        Err(Error::input(format!(
            "{}: measured {}, this run {subject}: give the same --model and --batch",
            path.display(),
            self.subject
        )))
    }

    /// This measurement after `before`: the step, the classification, then every kernel, the dearest first.
    pub fn changes_from(&self, before: &Self) -> Vec<Change> {
        let change = |work: &str, before_ms, after_ms| Change { work: work.to_owned(), before_ms, after_ms };
        let whole = |work, of: fn(&Self) -> f64| change(work, Some(of(before)), Some(of(self)));
        let mut changes = vec![
            whole("training step", |bench| bench.train_step_ms.median),
            whole("classify 360", |bench| bench.infer_360_ms.median),
        ];
        for KernelCost { name, .. } in self.kernels.iter().chain(&before.kernels) {
            if !changes.iter().any(|change| change.work == *name) {
                changes.push(change(name, before.kernel_ms(name), self.kernel_ms(name)));
            }
        }
        changes
    }

    /// Milliseconds of a kernel in all of its variants.
    fn kernel_ms(&self, name: &str) -> Option<f64> {
        let mut of_name = self.kernels.iter().filter(|kernel| kernel.name == name).peekable();
        of_name.peek()?;
        Some(of_name.map(|kernel| kernel.ms).sum())
    }
}
