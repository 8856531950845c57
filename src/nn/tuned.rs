//! The rows of the variants' table that `gpu-bearing tune` has found fastest, by adapter, in a small TOML file.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use etcetera::BaseStrategy;
use serde::{Deserialize, Serialize};

use super::variants::{ROWS, Row, Variants};
use crate::gpu::adapter::AdapterInfo;
use crate::{Error, Result, write};

/// Names another file than the one in the user's configuration folder.
const FILE: &str = "GPU_BEARING_TUNE";

const HEAD: &str = "# The fastest variants on this machine's adapters. `gpu-bearing tune` writes this file,\n\
                    # `gpu-bearing tune --reset` removes it.\n\n";

/// The file.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Choices {
    #[serde(default)]
    adapter: Vec<Choice>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Choice {
    name: String,
    /// Another version of a driver may be fastest in another row.
    driver: String,
    /// The row's name.
    variant: String,
}

impl Choice {
    fn of(adapter: &AdapterInfo, row: &Row) -> Self {
        let driver = format!("{} {}", adapter.driver, adapter.driver_info);
        Self { name: adapter.name.clone(), driver, variant: row.name.to_owned() }
    }

    fn is_for(&self, other: &Self) -> bool {
        (&self.name, &self.driver) == (&other.name, &other.driver)
    }
}

/// Where the choices are kept: the file that `GPU_BEARING_TUNE` names, otherwise `gpu-bearing/tune.toml` in the user's
/// configuration folder.
///
/// # Errors
/// The user has no such folder.
pub fn path() -> Result<PathBuf> {
    if let Some(file) = std::env::var_os(FILE).filter(|file| !file.is_empty()) {
        return Ok(file.into());
    }
    let folders = etcetera::choose_base_strategy().map_err(|cause| {
        Error::failed(format!("no folder to keep the choice in ({cause}): name a file with {FILE}=FILE"))
    })?;
    Ok(folders.config_dir().join("gpu-bearing").join("tune.toml"))
}

/// The variants for `adapter`: of the row named by `--variant`, otherwise of the one kept here, otherwise of the table's.
///
/// # Errors
/// An unknown row, one that the adapter cannot run, or a kept choice that cannot be read.
pub fn choose(adapter: &AdapterInfo, forced: Option<&str>) -> Result<Variants> {
    let row = match forced {
        Some(name) => Row::named(name, adapter)?,
        None => row(adapter)?.unwrap_or_else(|| Row::of(adapter)),
    };
    Ok(row.variants())
}

/// The row kept for `adapter`, if there is one.
///
/// # Errors
/// A file that cannot be read or understood, or a row that this version or the adapter does not have.
pub fn row(adapter: &AdapterInfo) -> Result<Option<&'static Row>> {
    let Ok(path) = path() else { return Ok(None) };
    let here = Choice::of(adapter, &ROWS[ROWS.len() - 1]);
    let Some(kept) = read(&path)?.adapter.into_iter().find(|kept| kept.is_for(&here)) else {
        return Ok(None);
    };
    let row = ROWS.iter().find(|row| row.name == kept.variant && row.runs_on(adapter));
    row.map(Some).ok_or_else(|| {
        Error::input(format!(
            "{}: variant '{}' cannot be had on {}: choose anew with gpu-bearing tune, or forget with gpu-bearing \
             tune --reset",
            path.display(),
            kept.variant,
            adapter.name
        ))
    })
}

/// Keeps `row` for `adapter`; returns in which file.
///
/// # Errors
/// A file that is there and cannot be understood, or that cannot be written.
pub fn keep(adapter: &AdapterInfo, row: &Row) -> Result<PathBuf> {
    let path = path()?;
    let choice = Choice::of(adapter, row);
    let mut choices = read(&path)?;
    choices.adapter.retain(|kept| !kept.is_for(&choice));
    choices.adapter.push(choice);
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(|cause| Error::write(folder, &cause))?;
    }
    let text = toml::to_string(&choices).expect("choices are strings");
    write::replace(&path, format!("{HEAD}{text}").as_bytes())?;
    Ok(path)
}

/// Forgets the choices of all adapters; returns the file that held them, if there was one.
///
/// # Errors
/// The file cannot be removed.
pub fn forget() -> Result<Option<PathBuf>> {
    let path = path()?;
    match std::fs::remove_file(&path) {
        Ok(()) => Ok(Some(path)),
        Err(cause) if cause.kind() == ErrorKind::NotFound => Ok(None),
        Err(cause) => Err(Error::write(&path, &cause)),
    }
}

fn read(path: &Path) -> Result<Choices> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(cause) if cause.kind() == ErrorKind::NotFound => return Ok(Choices::default()),
        Err(cause) => return Err(Error::read(path, &cause)),
    };
    toml::from_str(&text).map_err(|cause| {
        let line = cause.span().map_or(1, |span| text[..span.start].matches('\n').count() + 1);
        Error::input(format!(
            "{}:{line}: {}: gpu-bearing tune --reset removes the file",
            path.display(),
            cause.message()
        ))
    })
}
