//! What the options make of a training step: weight decay, label smoothing, class weights, augmentation, frozen layers.

use super::config::Config;
use super::material::Material;
use crate::data::windows::Window;
use crate::nn::adam::Adam;
use crate::nn::gather::Augmentation;
use crate::nn::lower::Recipe;
use crate::nn::softmax_cross_entropy::Objective;

/// What `config` says of a training step on `material`.
pub(super) fn recipe(config: &Config, material: &Material) -> Recipe {
    let gain = config.augment_gain.unwrap_or(0.0);
    let shift = config.augment_shift.unwrap_or(0);
    let stride = config.stride.unwrap_or(material.model.window);
    let augmented = gain > 0.0 || shift > 0 || config.augment_noise.is_some();
    Recipe {
        adam: Adam { weight_decay: config.weight_decay.unwrap_or(0.0), ..Adam::default() },
        objective: Objective {
            label_smoothing: config.label_smoothing.unwrap_or(0.0),
            class_weights: material.class_weights.clone(),
        },
        augmentation: augmented.then(|| Augmentation {
            gain,
            noise: config.augment_noise,
            reach: reach(&material.split.train, stride, shift),
        }),
        frozen: material.frozen(),
    }
}

/// By how many samples, back and on, each of the training `windows` may move, at most by `shift`.
///
/// A window stays between the first and the last start of its run: training windows of one recording that follow each
/// other at the stride. Nothing of another part lies between these, whatever the rule of the split, so that no sample
/// of validation or test is ever trained on.
pub fn reach(windows: &[Window], stride: usize, shift: usize) -> Vec<(usize, usize)> {
    let follows = |a: &Window, b: &Window| a.recording == b.recording && a.start + stride == b.start;
    let room = |run: &[Window]| {
        let (first, last) = (run[0].start, run[run.len() - 1].start);
        let reach = |window: &Window| (shift.min(window.start - first), shift.min(last - window.start));
        run.iter().map(reach).collect::<Vec<_>>()
    };
    windows.chunk_by(follows).flat_map(room).collect()
}
