//! Twin of `shaders/adam.wgsl`.

use crate::nn::adam::Adam;

/// Parameters and their two moments.
#[derive(Debug, Clone, PartialEq)]
pub struct Moments {
    /// Parameters.
    pub p: Vec<f64>,
    /// First moments.
    pub m: Vec<f64>,
    /// Second moments.
    pub v: Vec<f64>,
}

/// Step `t` (from 1) of gradients `g` times `clip`, written as Kingma and Ba do (Algorithm 1 of "Adam: A Method
/// for Stochastic Optimization", 2015), and those of them that decay as Loshchilov and Hutter do (Algorithm 2 of
/// "Decoupled Weight Decay Regularization", 2019).
pub fn update(
    adam: &Adam,
    t: u64,
    learning_rate: f64,
    g: &[f64],
    clip: f64,
    decays: impl Fn(usize) -> bool,
    state: &mut Moments,
) {
    let rest = |beta: f64| 1.0 - beta.powf(t as f64);
    for i in 0..g.len() {
        let gradient = g[i] * clip;
        state.m[i] = adam.beta1 * state.m[i] + (1.0 - adam.beta1) * gradient;
        state.v[i] = adam.beta2 * state.v[i] + (1.0 - adam.beta2) * gradient * gradient;
        let first = state.m[i] / rest(adam.beta1);
        let second = state.v[i] / rest(adam.beta2);
        if decays(i) {
            state.p[i] *= 1.0 - learning_rate * adam.weight_decay;
        }
        state.p[i] -= learning_rate * first / (second.sqrt() + adam.epsilon);
    }
}
