//! Fetching published recordings over HTTP: several at a time, gone on with where a transfer broke off, and under
//! their final names only once size and SHA-256 are right.
//!
//! A file grows as `NAME.part`. Whatever ends the process leaves a `.part` that the next one goes on with.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use serde::Serialize;
use ureq::Agent;
use ureq::http::{Response, header};

use super::catalogue::{self, End, Entry};
use super::{file, protocol};
use crate::{Error, Result};

/// Where the bearing data centre of Case Western Reserve University publishes its files.
pub const CWRU: &str = "https://engineering.case.edu/sites/default/files";

/// The longest pause between two attempts.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// Files that could not be fetched and are named in one message.
const MAX_LISTED: usize = 20;

/// A published file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// Its name, here and below the server's address.
    pub name: String,
    /// Its size.
    pub bytes: u64,
    /// Its SHA-256 in lower-case hex.
    pub sha256: String,
}

impl From<&Entry> for Published {
    fn from(entry: &Entry) -> Self {
        Self { name: format!("{}.mat", entry.number), bytes: entry.bytes, sha256: entry.sha256.clone() }
    }
}

/// From where files are fetched, and with how much patience.
#[derive(Debug, Clone)]
pub struct Source {
    /// Address of the folder that holds the files, without a slash at its end.
    pub address: String,
    /// Files under way at the same time.
    pub parallel: usize,
    /// Attempts without a byte gained after which a file is given up.
    pub attempts: usize,
    /// Pause before the second attempt; it doubles from one to the next.
    pub pause: Duration,
    /// How long a connection may take to come about.
    pub connect_timeout: Duration,
    /// How long the server may send nothing.
    pub read_timeout: Duration,
}

impl Source {
    /// The folder at `address`, with the default patience: four files at a time, five attempts.
    ///
    /// # Errors
    /// If the address is neither `http://` nor `https://`.
    pub fn new(address: &str) -> Result<Self> {
        if !(address.starts_with("http://") || address.starts_with("https://")) {
            return Err(Error::input(format!(
                "'{address}' is no address to fetch from: it begins with https:// or http://"
            )));
        }
        Ok(Self {
            address: address.trim_end_matches('/').to_owned(),
            parallel: 4,
            attempts: 5,
            pause: Duration::from_secs(1),
            connect_timeout: Duration::from_secs(20),
            read_timeout: Duration::from_secs(60),
        })
    }
}

/// What became of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "outcome", content = "reason", rename_all = "lowercase")]
pub enum Outcome {
    /// It was there already, with the published checksum.
    Present,
    /// It was fetched.
    Fetched,
    /// It was not, for this reason.
    Failed(String),
}

/// How far a file is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Event<'a> {
    /// So many of its bytes are here.
    Stands(u64),
    /// An attempt failed for this reason; the next one begins after the pause.
    Pauses(&'a str, Duration),
    /// Nothing more will happen to it.
    Ends(&'a Outcome),
}

/// The entries of the CWRU catalogue that `only` names: official numbers, `paper` (Cao and Ye's 24 recordings, all four
/// loads), `normal`, `drive-end-12k`, `drive-end-48k`, `fan-end-12k`. None named: all, by number.
///
/// # Errors
/// If a name is none of these, or a number is not in the catalogue.
pub fn choose(only: &[String]) -> Result<Vec<&'static Entry>> {
    if only.is_empty() {
        return Ok(catalogue::entries().iter().collect());
    }
    let mut numbers = BTreeSet::new();
    for name in only.iter().map(|name| name.trim()) {
        let series = |end: End, rate: f64| {
            let of_series = move |e: &&Entry| e.fault_end == Some(end) && e.rate_hz == rate;
            catalogue::entries().iter().filter(of_series).map(|entry| entry.number).collect::<Vec<_>>()
        };
        numbers.extend(match name {
            "paper" => (0..=3).map(protocol::numbers).collect::<Result<Vec<_>>>()?.concat(),
            "normal" => {
                let normal = catalogue::entries().iter().filter(|entry| entry.fault_end.is_none());
                normal.map(|entry| entry.number).collect()
            }
            "drive-end-12k" => series(End::Drive, 12_000.0),
            "drive-end-48k" => series(End::Drive, 48_000.0),
            "fan-end-12k" => series(End::Fan, 12_000.0),
            _ => match name.parse().ok().and_then(catalogue::by_number) {
                Some(entry) => vec![entry.number],
                None => {
                    return Err(Error::input(format!(
                        "--only {name}: expected a CWRU number (such as 97 or 105), paper, normal, \
                         drive-end-12k, drive-end-48k or fan-end-12k, with commas between them"
                    )));
                }
            },
        });
    }
    Ok(numbers.into_iter().filter_map(catalogue::by_number).collect())
}

/// Fetches `files` into the folder `out`, which is made where it is missing, and tells `tell` how far each file is, by
/// its position in `files`. What is there with the right checksum is not fetched again. One outcome a file.
///
/// Where no file could be reached and the server has never answered, the rest is not tried.
///
/// # Errors
/// If the folder cannot be made. What befalls a single file is its outcome; see [`all_there`].
pub fn fetch(
    files: &[Published],
    source: &Source,
    out: &Path,
    tell: &(dyn Fn(usize, Event<'_>) + Sync),
) -> Result<Vec<Outcome>> {
    fs::create_dir_all(out).map_err(|cause| Error::write(out, &cause))?;
    let agent: Agent = Agent::config_builder()
        .timeout_connect(Some(source.connect_timeout))
        .timeout_per_read(Some(source.read_timeout))
        .http_status_as_error(false)
        .user_agent(concat!("gpu-bearing/", env!("CARGO_PKG_VERSION")))
        .build()
        .into();
    let session =
        Session { agent, source, out, answered: AtomicBool::new(false), lost: AtomicBool::new(false) };
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(file) = files.get(index) else { return done };
            let outcome = session.file(file, &|event| tell(index, event));
            tell(index, Event::Ends(&outcome));
            done.push((index, outcome));
        }
    };
    let mut outcomes: Vec<(usize, Outcome)> = thread::scope(|scope| {
        let workers: Vec<_> = (0..source.parallel.max(1)).map(|_| scope.spawn(work)).collect();
        workers.into_iter().flat_map(|worker| worker.join().expect("a worker does not panic")).collect()
    });
    outcomes.sort_by_key(|(index, _)| *index);
    Ok(outcomes.into_iter().map(|(_, outcome)| outcome).collect())
}

/// Whether all of `files` are in the folder `out` now.
///
/// # Errors
/// If some are not: each with its reason, and how to go on.
pub fn all_there(files: &[Published], outcomes: &[Outcome], out: &Path) -> Result<()> {
    let failed: Vec<_> = (files.iter().zip(outcomes))
        .filter_map(|(file, outcome)| match outcome {
            Outcome::Failed(reason) => Some(format!("\n  {}: {reason}", file.name)),
            Outcome::Present | Outcome::Fetched => None,
        })
        .collect();
    if failed.is_empty() {
        return Ok(());
    }
    let mut message = format!(
        "{} of {} files could not be fetched into {}; the same command goes on with what is missing:{}",
        failed.len(),
        files.len(),
        out.display(),
        failed.iter().take(MAX_LISTED).map(String::as_str).collect::<String>()
    );
    if failed.len() > MAX_LISTED {
        message += &format!("\n  ... and {} more", failed.len() - MAX_LISTED);
    }
    Err(Error::failed(message))
}

/// Why an attempt failed.
enum Trouble {
    /// Another attempt may do better.
    Passing(String),
    /// No attempt will.
    Lasting(String),
}

use Trouble::{Lasting, Passing};

/// What the files that are fetched share.
struct Session<'a> {
    agent: Agent,
    source: &'a Source,
    out: &'a Path,
    /// The server has answered at least once.
    answered: AtomicBool,
    /// A file was given up before the server ever answered.
    lost: AtomicBool,
}

/// A file under way.
struct Transfer<'a> {
    file: &'a Published,
    part: PathBuf,
    /// What is here of it was not all received at one go.
    continued: bool,
    /// A whole file put together from several goes had the wrong checksum.
    was_wrong: bool,
}

impl Session<'_> {
    fn file(&self, file: &Published, tell: &dyn Fn(Event<'_>)) -> Outcome {
        let path = self.out.join(&file.name);
        match standing(&path, file) {
            Ok(true) => {
                tell(Event::Stands(file.bytes));
                return Outcome::Present;
            }
            Ok(false) => {}
            Err(reason) => return Outcome::Failed(reason),
        }
        if self.lost.load(Ordering::Relaxed) {
            return Outcome::Failed("not tried, since the server cannot be reached".into());
        }
        let part = self.out.join(format!("{}.part", file.name));
        let mut transfer = Transfer { file, part, continued: false, was_wrong: false };
        let mut fruitless = 0;
        let mut pause = self.source.pause;
        let mut most = transfer.length();
        loop {
            let reason = match self.attempt(&mut transfer, tell) {
                Ok(()) => match fs::rename(&transfer.part, &path) {
                    Ok(()) => return Outcome::Fetched,
                    Err(cause) => return Outcome::Failed(Error::write(&path, &cause).to_string()),
                },
                Err(Lasting(reason)) => return Outcome::Failed(reason),
                Err(Passing(reason)) => reason,
            };
            // What was received and discarded before is no gain when it comes again.
            if transfer.length() > most {
                (most, fruitless, pause) = (transfer.length(), 0, self.source.pause);
            }
            fruitless += 1;
            if fruitless >= self.source.attempts {
                if !self.answered.load(Ordering::Relaxed) {
                    self.lost.store(true, Ordering::Relaxed);
                }
                return Outcome::Failed(format!("{reason} ({fruitless} attempts)"));
            }
            tell(Event::Pauses(&reason, pause));
            thread::sleep(pause);
            pause = (2 * pause).min(LONGEST_PAUSE);
        }
    }

    /// Receives what is missing of a file and checks the whole.
    fn attempt(&self, transfer: &mut Transfer<'_>, tell: &dyn Fn(Event<'_>)) -> Result<(), Trouble> {
        let file = transfer.file;
        if transfer.length() > file.bytes {
            transfer.discard()?;
        }
        transfer.continued = transfer.length() > 0;
        if transfer.length() < file.bytes {
            self.receive(transfer, tell)?;
        }
        tell(Event::Stands(file.bytes));
        let found = file::sha256(&transfer.part).map_err(|cause| broken(&transfer.part, &cause))?;
        if found == file.sha256 {
            let sync = File::open(&transfer.part).and_then(|part| part.sync_all());
            return sync.map_err(|cause| broken(&transfer.part, &cause));
        }
        transfer.discard()?;
        tell(Event::Stands(0));
        // Pieces may stem from different versions of a file, so what is put together from them gets a second
        // chance.
        if transfer.continued && !transfer.was_wrong {
            transfer.was_wrong = true;
            return Err(Passing(
                "put together from several goes, it had the wrong checksum; from its start again".into(),
            ));
        }
        Err(Lasting(format!(
            "what the server sent is not the published file: its SHA-256 is {found}, published is {}; nothing of \
             it was kept: try another source with --mirror",
            file.sha256
        )))
    }

    fn receive(&self, transfer: &mut Transfer<'_>, tell: &dyn Fn(Event<'_>)) -> Result<(), Trouble> {
        let file = transfer.file;
        let mut have = transfer.length();
        let mut request = self.agent.get(format!("{}/{}", self.source.address, file.name));
        if have > 0 {
            request = request.header(header::RANGE, format!("bytes={have}-"));
        }
        let response = request.call().map_err(unanswered)?;
        self.answered.store(true, Ordering::Relaxed);
        if is_page(&response) {
            return Err(web_page());
        }
        let total = match response.status().as_u16() {
            200 => {
                // The whole file, whatever was asked for.
                transfer.discard()?;
                transfer.continued = false;
                have = 0;
                response.body().content_length()
            }
            206 => match content_range(&response) {
                Some((first, total)) if first == have => total,
                _ => {
                    transfer.discard()?;
                    return Err(Passing(
                        "the server answered with another range; from its start again".into(),
                    ));
                }
            },
            416 if have > 0 => {
                transfer.discard()?;
                return Err(Passing(format!("the server cannot go on at byte {have}; from its start again")));
            }
            status => return Err(refused(status)),
        };
        if let Some(total) = total.filter(|total| *total != file.bytes) {
            transfer.discard()?;
            return Err(Lasting(format!(
                "the server offers {total} bytes, the published file has {}: it is another file or was changed: \
                 try another source with --mirror",
                file.bytes
            )));
        }

        let written = |cause: &std::io::Error| broken(&transfer.part, cause);
        let mut part = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&transfer.part)
            .map_err(|cause| written(&cause))?;
        let mut reader = response.into_body().into_reader();
        let mut buffer = vec![0; 64 * 1024];
        tell(Event::Stands(have));
        while have < file.bytes {
            let count = match reader.read(&mut buffer) {
                Ok(0) => {
                    return Err(Passing(format!("the transfer ended after {have} of {} bytes", file.bytes)));
                }
                Ok(count) => count,
                Err(cause) if cause.kind() == ErrorKind::Interrupted => continue,
                Err(cause) => {
                    return Err(Passing(format!(
                        "the transfer broke off after {have} of {} bytes: {cause}",
                        file.bytes
                    )));
                }
            };
            if have == 0 && looks_like_page(&buffer[..count]) {
                transfer.discard()?;
                return Err(web_page());
            }
            let wanted = count.min((file.bytes - have) as usize);
            part.write_all(&buffer[..wanted]).map_err(|cause| written(&cause))?;
            have += wanted as u64;
            tell(Event::Stands(have));
        }
        Ok(())
    }
}

impl Transfer<'_> {
    /// Bytes of it that are here.
    fn length(&self) -> u64 {
        fs::metadata(&self.part).map_or(0, |metadata| metadata.len())
    }

    fn discard(&self) -> Result<(), Trouble> {
        match fs::remove_file(&self.part) {
            Err(cause) if cause.kind() != ErrorKind::NotFound => Err(broken(&self.part, &cause)),
            _ => Ok(()),
        }
    }
}

/// Whether the published file stands there already; another one under its name is not touched, and the reason to fail.
fn standing(path: &Path, file: &Published) -> Result<bool, String> {
    let bytes = match fs::metadata(path) {
        Ok(metadata) => metadata.len(),
        Err(cause) if cause.kind() == ErrorKind::NotFound => return Ok(false),
        Err(cause) => return Err(Error::read(path, &cause).to_string()),
    };
    let other = |what: String| {
        format!(
            "another file of this name is there already ({what}): move it away, or choose another folder with \
             --out"
        )
    };
    if bytes != file.bytes {
        return Err(other(format!("{bytes} bytes, published are {}", file.bytes)));
    }
    match file::sha256(path) {
        Ok(found) if found == file.sha256 => Ok(true),
        Ok(found) => Err(other(format!("its SHA-256 is {found}, published is {}", file.sha256))),
        Err(cause) => Err(Error::read(path, &cause).to_string()),
    }
}

fn broken(path: &Path, cause: &std::io::Error) -> Trouble {
    Lasting(Error::write(path, cause).to_string())
}

/// Why there was no answer. A wrong address or certificate stays wrong; everything else may pass.
fn unanswered(cause: ureq::Error) -> Trouble {
    use ureq::Error as Cause;
    match cause {
        Cause::BadUri(_) | Cause::InvalidProxyUrl | Cause::Http(_) | Cause::Rustls(_) => Lasting(format!(
            "cannot be asked for: {cause}: check the address, the proxy and the certificates"
        )),
        Cause::Timeout(_) => Passing(format!("the server does not answer in time ({cause})")),
        _ => Passing(format!(
            "the server cannot be reached ({cause}): is this machine connected, or does it need a proxy (HTTPS_PROXY)?"
        )),
    }
}

/// What a status other than success says.
fn refused(status: u16) -> Trouble {
    match status {
        404 | 410 => Lasting(format!(
            "the server has no such file (status {status}): the files may have moved: try another source with \
             --mirror"
        )),
        // Too slow, too many requests, and what a server says of itself.
        408 | 429 | 500..=599 => Passing(format!("the server is not ready (status {status})")),
        _ => Lasting(format!("the server refuses (status {status}): try another source with --mirror")),
    }
}

fn web_page() -> Trouble {
    Lasting(
        "the server answered with a web page in place of the file: most likely a proxy or network asks for a login, \
         or the files have moved: open the address in a browser, or try another source with --mirror"
            .into(),
    )
}

fn is_page<T>(response: &Response<T>) -> bool {
    let kind = response.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    response.status().is_success()
        && kind.is_some_and(|kind| kind.to_ascii_lowercase().starts_with("text/html"))
}

/// Whether a file that was not declared as one begins like a web page.
fn looks_like_page(start: &[u8]) -> bool {
    let text = String::from_utf8_lossy(&start[..start.len().min(256)]).trim_start().to_ascii_lowercase();
    text.starts_with("<!doctype html") || text.starts_with("<html")
}

/// First byte and, where it is given, the whole file's length of `Content-Range: bytes FIRST-LAST/TOTAL`.
fn content_range<T>(response: &Response<T>) -> Option<(u64, Option<u64>)> {
    let range = response.headers().get(header::CONTENT_RANGE)?.to_str().ok()?;
    let (range, total) = range.strip_prefix("bytes ")?.split_once('/')?;
    Some((range.split_once('-')?.0.parse().ok()?, total.parse().ok()))
}
