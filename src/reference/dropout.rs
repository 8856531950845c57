//! Twin of `shaders/dropout.wgsl`.

use super::pcg4d::{pcg4d, uniform};

/// Whether dropout of layer `layer` keeps element `element` at step `counter`: a draw of at least `rate`.
pub fn keeps(counter: u64, layer: u32, element: u32, rate: f32) -> bool {
    let [word, ..] = pcg4d(counter, layer, element);
    // 24 bits, which f32 holds exactly.
    uniform(word) as f32 >= rate
}

/// y = x * keep / (1 - rate). Backward is the same function of dy.
pub fn forward(counter: u64, layer: u32, rate: f64, x: &[f64]) -> Vec<f64> {
    let factor = |element: usize| {
        if keeps(counter, layer, element as u32, rate as f32) { 1.0 / (1.0 - rate) } else { 0.0 }
    };
    x.iter().enumerate().map(|(element, x)| x * factor(element)).collect()
}
