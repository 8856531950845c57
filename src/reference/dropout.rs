//! Twin of `shaders/dropout.wgsl`. The draws are integers and repeat the shader's bit for bit.

/// Whether dropout of layer `layer` keeps element `element` at step `counter`: a draw of at least `rate`.
pub fn keeps(counter: u64, layer: u32, element: u32, rate: f32) -> bool {
    draw(counter, layer, element) >= rate
}

/// y = x * keep / (1 - rate). Backward is the same function of dy.
pub fn forward(counter: u64, layer: u32, rate: f64, x: &[f64]) -> Vec<f64> {
    let factor = |element: usize| {
        if keeps(counter, layer, element as u32, rate as f32) { 1.0 / (1.0 - rate) } else { 0.0 }
    };
    x.iter().enumerate().map(|(element, x)| x * factor(element)).collect()
}

/// A value in [0, 1) with 24 random bits: the first word of pcg4d (Jarzynski and Olano, "Hash Functions for GPU
/// Rendering", 2020) of (counter's low word, its high word, layer, element).
fn draw(counter: u64, layer: u32, element: u32) -> f32 {
    let words = [counter as u32, (counter >> 32) as u32, layer, element];
    let [mut x, mut y, mut z, mut w] =
        words.map(|word| word.wrapping_mul(1_664_525).wrapping_add(1_013_904_223));
    for round in 0..2 {
        x = x.wrapping_add(y.wrapping_mul(w));
        y = y.wrapping_add(z.wrapping_mul(x));
        z = z.wrapping_add(x.wrapping_mul(y));
        w = w.wrapping_add(y.wrapping_mul(z));
        if round == 0 {
            [x, y, z, w] = [x, y, z, w].map(|word| word ^ (word >> 16));
        }
    }
    (x >> 8) as f32 / 16_777_216.0
}
