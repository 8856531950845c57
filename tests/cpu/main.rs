//! Tests that need no adapter.

#[path = "../goldens/mod.rs"]
mod goldens;

mod agreement;
mod alarms;
mod audit;
mod baseline;
mod baselines;
mod bench;
mod bootstrap;
mod calibration;
mod catalogue;
mod checkpoint;
mod compare;
mod fetch;
mod folder;
mod folds;
mod freeze;
mod head;
mod initialise;
mod ladder;
mod lower;
mod mat;
mod metrics;
mod model;
mod model_card;
mod order;
mod perturb;
mod physics;
mod protocol;
mod recipe;
mod report;
mod reproduce;
mod resample;
mod schedule;
mod scored;
mod shaders;
mod shell;
mod split;
mod synth;
mod table;
mod tensorboard;
mod twins;
mod unknown;
mod variants;
mod wav;
