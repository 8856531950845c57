//! Tests that need no adapter.

#[path = "../goldens/mod.rs"]
mod goldens;

mod bench;
mod catalogue;
mod checkpoint;
mod compare;
mod folder;
mod freeze;
mod head;
mod initialise;
mod lower;
mod mat;
mod metrics;
mod model;
mod order;
mod perturb;
mod protocol;
mod recipe;
mod report;
mod reproduce;
mod resample;
mod schedule;
mod shaders;
mod shell;
mod split;
mod synth;
mod table;
mod tensorboard;
mod twins;
mod variants;
mod wav;
