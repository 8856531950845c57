//! Initial parameters: what Keras' rules promise, and the same bits for the same seed.

use gpu_bearing::nn::{Model, ParameterTable, initialise};
use sha2::{Digest, Sha256};

fn default_model() -> (Model, ParameterTable) {
    let model = Model::default_for(6).unwrap();
    let table = ParameterTable::new(&model).unwrap();
    (model, table)
}

#[test]
fn kernels_are_glorot_uniform() {
    let (model, table) = default_model();
    let flat = initialise(&model, 5).unwrap();
    for (layer, parameter, fans) in [
        ("conv1", "weight", 16 * (1 + 16)),
        ("conv2", "weight", 8 * (16 + 32)),
        ("conv4", "weight", 2 * (64 + 256)),
        ("dense1", "weight", 512 + 256),
        ("lstm1", "weight_ih_l0", 256 + 4 * 32),
    ] {
        let values = &flat[table.entry(layer, parameter).range()];
        let limit = (6.0 / f64::from(fans)).sqrt();
        let n = values.len() as f64;
        let mean = values.iter().map(|&x| f64::from(x)).sum::<f64>() / n;
        let variance = values.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>() / n;
        let largest = values.iter().fold(0.0_f64, |largest, &x| largest.max(f64::from(x).abs()));
        // Five standard errors: the deviation of one value is limit / sqrt(3), that of its square
        // limit^2 sqrt(4 / 45).
        assert!(mean.abs() < 5.0 * limit / (3.0 * n).sqrt(), "{layer}: mean {mean}");
        let spread = limit.powi(2) * (4.0_f64 / 45.0 / n).sqrt();
        assert!((variance - limit.powi(2) / 3.0).abs() < 5.0 * spread, "{layer}: variance {variance}");
        assert!(largest <= limit * (1.0 + 1e-7) && largest > limit * (1.0 - 20.0 / n), "{layer}: {largest}");
    }
}

#[test]
fn recurrent_kernels_have_orthonormal_rows() {
    let (model, table) = default_model();
    let flat = initialise(&model, 5).unwrap();
    for (layer, hidden) in [("lstm1", 32), ("lstm2", 16)] {
        let w = &flat[table.entry(layer, "weight_hh_l0").range()];
        let row = |index: usize| &w[index * 4 * hidden..][..4 * hidden];
        for i in 0..hidden {
            for j in 0..hidden {
                let dot: f64 = row(i).iter().zip(row(j)).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum();
                // The rows were rounded to f32 once.
                assert!((dot - f64::from(u8::from(i == j))).abs() < 1e-6, "{layer} {i} {j}: {dot}");
            }
        }
        let positive = w.iter().filter(|&&x| x > 0.0).count() as f64 / w.len() as f64;
        assert!((positive - 0.5).abs() < 0.1, "{layer}: {positive} of the values are positive");
    }
}

#[test]
fn biases_are_zero_but_for_the_forget_gate() {
    let (model, table) = default_model();
    let flat = initialise(&model, 5).unwrap();
    for entry in table.entries().iter().filter(|entry| entry.name.contains("bias")) {
        let forget = match entry.name.as_str() {
            "lstm1.bias_ih_l0" => 32..64,
            "lstm2.bias_ih_l0" => 16..32,
            _ => 0..0,
        };
        for (index, &value) in flat[entry.range()].iter().enumerate() {
            assert_eq!(value, f32::from(u8::from(forget.contains(&index))), "{} {index}", entry.name);
        }
    }
}

/// The sum is of this program's own output: it changes only if the rule or the order of the draws does.
#[test]
fn a_seed_gives_the_same_bytes() {
    let (model, _) = default_model();
    let bytes = |seed| -> Vec<u8> {
        initialise(&model, seed).unwrap().iter().flat_map(|value| value.to_le_bytes()).collect()
    };
    assert_ne!(bytes(0), bytes(1));
    let sum: String = Sha256::digest(bytes(0)).iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(sum, "69c2d254245a811e91b3c7a4b58e5b36e16f0220d065acb91788b6eb7c8c5b51");
}
