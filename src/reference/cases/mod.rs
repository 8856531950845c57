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
use crate::nn::variants::ROWS;

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

/// The variants of a shader that carry a row's name; the others stand in for one of these where the sizes ask for it.
pub fn variants(shader: &str) -> impl Iterator<Item = &'static str> {
    let files = SHADERS.iter().filter(move |file| file.name == shader).map(|file| file.variant);
    files.filter(|variant| ROWS.iter().any(|row| row.name == *variant))
}
