//! Where a page and the files beside it go, without harm to what is there.

use std::fs;
use std::path::{Path, PathBuf};

use super::page::is_page;
use crate::write::replace;
use crate::{Error, Result};

/// The page's name in a folder.
const PAGE: &str = "index.html";

/// Writes `page`, alone where `out` ends in `.html`, otherwise into the folder `out` with the files `beside` it. An
/// earlier page of ours is replaced. Returns where the page is.
///
/// # Errors
/// Something else is there, or a file cannot be written.
pub fn write(out: &Path, page: &str, beside: &[(&str, String)]) -> Result<PathBuf> {
    let alone = out.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("html"));
    let (folder, page_path) = match alone {
        true => (out.parent().filter(|folder| !folder.as_os_str().is_empty()), out.to_owned()),
        false => (Some(out), out.join(PAGE)),
    };
    refuse_other_things(out, &page_path, alone)?;
    if let Some(folder) = folder {
        fs::create_dir_all(folder).map_err(|cause| {
            Error::input(format!(
                "{}: cannot be made: {cause}; choose another place with --out",
                folder.display()
            ))
        })?;
    }
    if !alone {
        for (name, text) in beside {
            replace(&out.join(name), text.as_bytes())?;
        }
    }
    // Last, so that it never shows what is not beside it yet.
    replace(&page_path, page.as_bytes())?;
    Ok(page_path)
}

fn refuse_other_things(out: &Path, page: &Path, alone: bool) -> Result<()> {
    if fs::read(page).is_ok_and(|bytes| is_page(&String::from_utf8_lossy(&bytes))) {
        return Ok(());
    }
    let what = if alone {
        out.exists().then_some("is there already, and is no report")
    } else if out.is_file() {
        Some("is a file, and no .html")
    } else {
        let empty = fs::read_dir(out).map_or(true, |mut entries| entries.next().is_none());
        (!empty).then_some("has things in it, and is no report's folder")
    };
    what.map_or(Ok(()), |what| {
        Err(Error::input(format!(
            "{}: {what}: choose another folder or .html file with --out",
            out.display()
        )))
    })
}
