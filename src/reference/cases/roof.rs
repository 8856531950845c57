//! The kernels that measure an adapter.

use super::super::case::{Case, Setup, Values, floats, wide};
use super::super::compare::Tolerance;
use super::super::roof as twin;
use crate::gpu::roof;

/// Sums of twelve chains: with |m| near 1 the first values still count at the end, and so do their roundings.
const SUMS: Tolerance = Tolerance { absolute: 1e-5, relative: 1e-5 };

pub(super) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for len in [4, 252, 516] {
        cases.push(Case::new("roof.copy", "standard", format!("n{len}"), move || copy(len)));
    }
    for (len, rounds, m, c) in [(1, 0, 0.5, 1.0), (67, 4, -0.75, 0.25), (130, 36, 0.99, 0.01)] {
        let name = format!("n{len} rounds{rounds} m{m} c{c}");
        cases.push(Case::new("roof.multiply_add", "standard", name, move || {
            multiply_add(len, rounds, (m, c))
        }));
    }
    cases
}

fn copy(len: usize) -> Setup {
    let mut setup = Setup::default();
    let values = Values::new(1).signed(len, 1.0);
    let x = setup.floats("x", &values);
    let y = setup.arena.allocate("y", len);
    setup.leave(y, &floats(&twin::copy(&wide(&values))), Tolerance::EXACT);
    setup.launch(roof::copy(x, y));
    setup
}

fn multiply_add(len: usize, rounds: usize, (m, c): (f32, f32)) -> Setup {
    let mut setup = Setup::default();
    let values = Values::new(2).signed(len, 1.0);
    let x = setup.floats("x", &values);
    let y = setup.arena.allocate("y", len);
    let sums = twin::multiply_add(rounds, (f64::from(m), f64::from(c)), &wide(&values));
    setup.leave(y, &floats(&sums), SUMS);
    setup.launch(roof::multiply_add(x, y, rounds, (m, c)));
    setup
}
