//! The scaling of samples between its two homes: as computed from the windows, and as stored with a model.

use crate::data::windows::Scaling;
use crate::nn;

/// The scaling as a checkpoint keeps it.
pub(super) fn stored(scaling: Scaling) -> nn::Scaling {
    match scaling {
        Scaling::Train { mean, deviation } => nn::Scaling::Train { mean, deviation },
        Scaling::Window => nn::Scaling::Window,
        Scaling::None => nn::Scaling::None,
    }
}

/// The scaling that a checkpoint keeps.
pub(super) fn restored(scaling: nn::Scaling) -> Scaling {
    match scaling {
        nn::Scaling::Train { mean, deviation } => Scaling::Train { mean, deviation },
        nn::Scaling::Window => Scaling::Window,
        nn::Scaling::None => Scaling::None,
    }
}
