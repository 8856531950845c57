//! What a set of classified windows shows, in f64 on the host: functions of their arguments only.
//!
//! [`tally`] counts while windows come in. Everything else reads [`Scored`]: rows of labels and probabilities, a row per
//! window or, after [`Scored::by_recording`], a row per recording.
//!
//! | file | what it shows |
//! |---|---|
//! | [`confusion`] | figures by class, accuracy, balanced accuracy, macro F1 |
//! | [`ranking`] | how well a score orders two groups: AUROC, one class against the rest |
//! | [`alarms`] | false alarms and missed faults |
//! | [`by_grade`] | what is found of faults that experts see, and of those that they do not |
//! | [`bootstrap`] | how far a figure would move with other bearings |
//! | [`calibration`] | whether a confidence is the share of right answers, and a temperature that mends it |
//! | [`scores`] | all figures of a test together |
//! | [`unknown`] | turning away what is unlike the training data |

pub mod alarms;
pub mod bootstrap;
pub mod by_grade;
pub mod calibration;
pub mod confusion;
pub mod ranking;
pub mod scored;
pub mod scores;
pub mod tally;
pub mod unknown;

pub use confusion::{ClassFigures, by_class};
pub use scored::Scored;
pub use scores::{Scores, Shown};
pub use tally::{Figures, Tally};
