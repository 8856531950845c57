//! The table of cases: sizes that are odd, not square and no multiple of a tile, and everything a layer can be.

pub mod conv1d;
pub mod conv1d_max_pool1d;
pub mod conv2d;
pub mod gather;
pub mod lstm;
pub mod output;
pub mod pointwise;
pub mod pooling;
pub mod pooling2d;
mod roof;
pub mod update;

use super::case::Case;
use crate::gpu::shader::SHADERS;

/// Every case, in every variant of its shader.
pub fn cases() -> Vec<Case> {
    [
        conv1d::cases(),
        conv1d_max_pool1d::cases(),
        conv2d::cases(),
        lstm::cases(),
        pooling::cases(),
        pooling2d::cases(),
        pointwise::cases(),
        output::cases(),
        update::cases(),
        gather::cases(),
        roof::cases(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// The variants of a shader.
pub fn variants(shader: &str) -> impl Iterator<Item = &'static str> {
    SHADERS.iter().filter(move |file| file.name == shader).map(|file| file.variant)
}
