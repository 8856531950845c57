//! Fetching from servers on this machine: a good one, and ones that cut off, lie, hang, refuse or show a web page.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use gpu_bearing::data::catalogue;
use gpu_bearing::data::fetch::{Event, Outcome, Published, Source, all_there, choose, fetch};
use sha2::{Digest, Sha256};
use tempfile::TempDir;

/// What a client has asked for.
struct Request {
    path: String,
    /// First byte of its `Range`.
    from: Option<usize>,
    /// Requests before this one.
    before: usize,
}

/// A reply as it goes over the wire, and how long the server then holds the connection in silence.
struct Reply {
    bytes: Vec<u8>,
    silence: Duration,
}

fn reply(status: &str, headers: &str, body: &[u8]) -> Reply {
    let head = format!("HTTP/1.1 {status}\r\nConnection: close\r\n{headers}\r\n");
    Reply { bytes: [head.as_bytes(), body].concat(), silence: Duration::ZERO }
}

/// The file, or the rest of it that was asked for.
fn good(request: &Request, body: &[u8]) -> Reply {
    match request.from {
        None => reply("200 OK", &format!("Content-Length: {}\r\n", body.len()), body),
        Some(from) => {
            let rest = &body[from..];
            let range = format!("bytes {from}-{}/{}", body.len() - 1, body.len());
            let headers = format!("Content-Length: {}\r\nContent-Range: {range}\r\n", rest.len());
            reply("206 Partial Content", &headers, rest)
        }
    }
}

/// A reply of which only the first `bytes` of the body arrive.
fn cut(mut reply: Reply, bytes: usize) -> Reply {
    let head = reply.bytes.windows(4).position(|four| four == b"\r\n\r\n").unwrap() + 4;
    reply.bytes.truncate(head + bytes);
    reply
}

/// A server whose requests are kept, `PATH` or `PATH from BYTE`.
struct Server {
    address: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Server {
    fn new(answer: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}/files", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (seen, answer) = (asked.clone(), Arc::new(answer));
        // Ends with the process.
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (seen, answer) = (seen.clone(), answer.clone());
                thread::spawn(move || serve(stream.unwrap(), &seen, &*answer));
            }
        });
        Self { address, asked }
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

fn serve(mut stream: TcpStream, seen: &Mutex<Vec<String>>, answer: &dyn Fn(&Request) -> Reply) {
    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
    let Some(first) = lines.next() else { return };
    let path = first.split(' ').nth(1).unwrap().to_owned();
    let from = lines.take_while(|line| !line.is_empty()).find_map(|line| {
        line.to_ascii_lowercase().strip_prefix("range: bytes=")?.trim_end_matches('-').parse().ok()
    });
    let before = {
        let mut seen = seen.lock().unwrap();
        seen.push(from.map_or(path.clone(), |from: usize| format!("{path} from {from}")));
        seen.len() - 1
    };
    let reply = answer(&Request { path, from, before });
    let _ = stream.write_all(&reply.bytes);
    thread::sleep(reply.silence);
}

/// Bytes that no other file has.
fn content(seed: u8, length: usize) -> Vec<u8> {
    (0..length).map(|i| ((i as u64 * 2_654_435_761) >> 7) as u8 ^ seed).collect()
}

fn published(name: &str, content: &[u8]) -> Published {
    let sha256 = Sha256::digest(content).iter().map(|byte| format!("{byte:02x}")).collect();
    Published { name: name.into(), bytes: content.len() as u64, sha256 }
}

/// Patience that suits a test.
fn source(address: &str) -> Source {
    Source {
        attempts: 3,
        pause: Duration::from_millis(5),
        connect_timeout: Duration::from_secs(2),
        read_timeout: Duration::from_millis(300),
        ..Source::new(address).unwrap()
    }
}

fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn ignore(_: usize, _: Event<'_>) {}

/// Fetches one file from this server: the folder, and the outcome.
fn fetch_one(server: &Server, file: &Published) -> (TempDir, Outcome) {
    let dir = tempfile::tempdir().unwrap();
    let outcome = fetch_into(dir.path(), server, file);
    (dir, outcome)
}

fn fetch_into(dir: &Path, server: &Server, file: &Published) -> Outcome {
    fetch(std::slice::from_ref(file), &source(&server.address), dir, &ignore).unwrap().remove(0)
}

fn failure(outcome: &Outcome) -> &str {
    let Outcome::Failed(reason) = outcome else { panic!("{outcome:?}") };
    reason
}

#[test]
fn several_files_come_once_and_are_checked() {
    let contents: Vec<Vec<u8>> = (0..9).map(|seed| content(seed, 100_000 + usize::from(seed))).collect();
    let files: Vec<_> = contents.iter().enumerate().map(|(i, c)| published(&format!("{i}.mat"), c)).collect();
    let served = contents.clone();
    let server = Server::new(move |request| {
        let number: usize =
            request.path.trim_start_matches("/files/").trim_end_matches(".mat").parse().unwrap();
        good(request, &served[number])
    });
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("new/folder");
    let stands = Mutex::new(vec![0; 9]);
    let note = |index: usize, event: Event<'_>| {
        if let Event::Stands(bytes) = event {
            stands.lock().unwrap()[index] = bytes;
        }
    };
    let outcomes = fetch(&files, &source(&server.address), &out, &note).unwrap();
    assert_eq!(outcomes, vec![Outcome::Fetched; 9]);
    assert_eq!(*stands.lock().unwrap(), files.iter().map(|file| file.bytes).collect::<Vec<_>>());
    for (file, content) in files.iter().zip(&contents) {
        assert!(fs::read(out.join(&file.name)).unwrap() == *content);
    }
    assert_eq!(names(&out).len(), 9, "no .part is left");
    all_there(&files, &outcomes, &out).unwrap();

    let outcomes = fetch(&files, &source(&server.address), &out, &ignore).unwrap();
    assert_eq!(outcomes, vec![Outcome::Present; 9]);
    assert_eq!(server.asked().len(), 9, "what is there is not asked for again");
}

#[test]
fn a_transfer_that_is_cut_off_goes_on_where_it_stands() {
    let body = content(1, 300_000);
    let file = published("97.mat", &body);
    let served = body.clone();
    let server = Server::new(move |request| match request.before {
        0 => cut(good(request, &served), 120_000),
        1 => cut(good(request, &served), 50_000),
        _ => good(request, &served),
    });
    let (dir, outcome) = fetch_one(&server, &file);
    assert_eq!(outcome, Outcome::Fetched);
    assert!(fs::read(dir.path().join("97.mat")).unwrap() == body);
    assert_eq!(server.asked(), ["/files/97.mat", "/files/97.mat from 120000", "/files/97.mat from 170000"]);
}

#[test]
fn a_part_of_an_earlier_process_is_gone_on_with() {
    let body = content(2, 200_000);
    let file = published("97.mat", &body);
    let served = body.clone();
    let server = Server::new(move |request| good(request, &served));
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("97.mat.part"), &body[..70_000]).unwrap();
    assert_eq!(fetch_into(dir.path(), &server, &file), Outcome::Fetched);
    assert_eq!(server.asked(), ["/files/97.mat from 70000"]);

    // A whole one needs no server, one of something else is begun again.
    for (part, asked) in [(body.clone(), 1), (vec![7; 200_001], 2), (vec![7; 90_000], 4)] {
        fs::remove_file(dir.path().join("97.mat")).unwrap();
        fs::write(dir.path().join("97.mat.part"), part).unwrap();
        assert_eq!(fetch_into(dir.path(), &server, &file), Outcome::Fetched);
        assert_eq!(server.asked().len(), asked, "{:?}", server.asked());
        assert!(fs::read(dir.path().join("97.mat")).unwrap() == body);
    }
}

#[test]
fn a_server_without_ranges_or_with_others_is_asked_for_the_whole() {
    let body = content(3, 200_000);
    let file = published("97.mat", &body);
    let whole = |request: &Request, body: &[u8]| {
        good(&Request { from: None, path: request.path.clone(), ..*request }, body)
    };
    let served = body.clone();
    let ignores = Server::new(move |request| whole(request, &served));
    let served = body.clone();
    let refuses = Server::new(move |request| match request.from {
        Some(_) => reply("416 Range Not Satisfiable", "Content-Length: 0\r\n", b""),
        None => whole(request, &served),
    });
    let served = body.clone();
    let other = Server::new(move |request| match request.from {
        Some(from) => {
            good(&Request { from: Some(from - 1), path: request.path.clone(), ..*request }, &served)
        }
        None => whole(request, &served),
    });
    for (server, requests) in [(ignores, 1), (refuses, 2), (other, 2)] {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("97.mat.part"), &body[..70_000]).unwrap();
        assert_eq!(fetch_into(dir.path(), &server, &file), Outcome::Fetched);
        assert_eq!(server.asked().len(), requests);
        assert!(fs::read(dir.path().join("97.mat")).unwrap() == body);
    }
}

#[test]
fn other_content_is_refused_and_not_kept() {
    let file = published("97.mat", &content(4, 100_000));
    let other = content(5, 100_000);
    let server = Server::new(move |request| good(request, &other));
    let (dir, outcome) = fetch_one(&server, &file);
    assert!(failure(&outcome).contains("not the published file: its SHA-256 is "), "{outcome:?}");
    assert!(failure(&outcome).contains("--mirror"));
    assert_eq!(names(dir.path()), [""; 0]);
    assert_eq!(server.asked().len(), 1, "another attempt would fetch the same");
}

#[test]
fn a_wrong_length_is_refused_before_it_is_fetched_and_a_false_one_is_no_end() {
    let body = content(6, 100_000);
    let file = published("97.mat", &body);
    let longer = Server::new(|_| reply("200 OK", "Content-Length: 100001\r\n", &[7; 1000]));
    let (dir, outcome) = fetch_one(&longer, &file);
    assert!(failure(&outcome).contains("offers 100001 bytes, the published file has 100000"), "{outcome:?}");
    assert_eq!(names(dir.path()), [""; 0]);

    // What was promised never comes: attempts gain nothing, and what is here stays for the next command.
    let served = body.clone();
    let never = Server::new(move |request| match request.from {
        None => cut(good(request, &served), 40_000),
        Some(_) => cut(good(request, &served), 0),
    });
    let (dir, outcome) = fetch_one(&never, &file);
    assert!(
        failure(&outcome).contains("after 40000 of 100000 bytes")
            && failure(&outcome).contains("(3 attempts)")
    );
    assert_eq!(names(dir.path()), ["97.mat.part"]);
    assert_eq!(never.asked().len(), 3, "{:?}", never.asked());

    // Without a length the connection's end is the file's.
    let server = Server::new(move |_| reply("200 OK", "", &body));
    assert_eq!(fetch_one(&server, &file).1, Outcome::Fetched);
}

#[test]
fn a_web_page_is_no_file() {
    let page = "<!DOCTYPE html><html><body>Please log in</body></html>";
    let file = published("97.mat", &content(7, page.len()));
    for kind in ["Content-Type: text/html; charset=utf-8\r\n", ""] {
        let headers = format!("Content-Length: {}\r\n{kind}", page.len());
        let server = Server::new(move |_| reply("200 OK", &headers, page.as_bytes()));
        let (dir, outcome) = fetch_one(&server, &file);
        assert!(
            failure(&outcome).contains("a web page in place of the file: most likely a proxy"),
            "{outcome:?}"
        );
        assert_eq!((names(dir.path()).len(), server.asked().len()), (0, 1));
    }
}

#[test]
fn a_silent_server_is_given_up_and_one_that_recovers_is_not() {
    let body = content(8, 100_000);
    let file = published("97.mat", &body);
    let begun = Instant::now();
    let silent = Server::new(|_| Reply { bytes: Vec::new(), silence: Duration::from_secs(20) });
    let (_dir, outcome) = fetch_one(&silent, &file);
    assert!(failure(&outcome).contains("(3 attempts)"), "{outcome:?}");

    let served = body.clone();
    let recovers = Server::new(move |request| match request.before {
        0 => Reply { silence: Duration::from_secs(20), ..cut(good(request, &served), 30_000) },
        1 => reply("503 Service Unavailable", "Content-Length: 0\r\n", b""),
        _ => good(request, &served),
    });
    let (_dir, outcome) = fetch_one(&recovers, &file);
    assert_eq!(outcome, Outcome::Fetched);
    assert_eq!(recovers.asked().last().unwrap(), "/files/97.mat from 30000");
    assert!(begun.elapsed() < Duration::from_secs(10), "the server's silence was waited for");
}

#[test]
fn a_missing_file_fails_alone_and_is_named() {
    let body = content(9, 10_000);
    let files = [published("97.mat", &body), published("98.mat", &body)];
    let server = Server::new(move |request| match request.path.as_str() {
        "/files/98.mat" => {
            reply("404 Not Found", "Content-Type: text/html\r\nContent-Length: 4\r\n", b"gone")
        }
        _ => good(request, &body),
    });
    let dir = tempfile::tempdir().unwrap();
    let outcomes = fetch(&files, &source(&server.address), dir.path(), &ignore).unwrap();
    assert_eq!(outcomes[0], Outcome::Fetched);
    assert_eq!(server.asked().len(), 2, "404 is not tried again");
    let error = all_there(&files, &outcomes, dir.path()).unwrap_err();
    assert_eq!(error.exit_code(), 1);
    let text = error.to_string();
    assert!(
        text.contains("1 of 2 files could not be fetched") && text.contains("the same command goes on"),
        "{text}"
    );
    assert!(text.contains("98.mat: the server has no such file (status 404)"), "{text}");
}

#[test]
fn where_no_server_answers_the_rest_is_not_tried() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let files: Vec<_> = (0..20u8).map(|i| published(&format!("{i}.mat"), &content(i, 100))).collect();
    let source = Source { parallel: 1, ..source(&format!("http://{closed}")) };
    let dir = tempfile::tempdir().unwrap();
    let outcomes = fetch(&files, &source, dir.path(), &ignore).unwrap();
    assert!(failure(&outcomes[0]).contains("(3 attempts)"), "{outcomes:?}");
    assert!(outcomes[1..].iter().all(|outcome| failure(outcome).starts_with("not tried")), "{outcomes:?}");
}

#[test]
fn another_file_under_the_name_is_left_alone() {
    let body = content(10, 1000);
    let file = published("98.mat", &body);
    let served = body.clone();
    let server = Server::new(move |request| good(request, &served));
    let dir = tempfile::tempdir().unwrap();
    for own in [&b"an excerpt"[..], &[7; 1000]] {
        fs::write(dir.path().join("98.mat"), own).unwrap();
        let outcome = fetch_into(dir.path(), &server, &file);
        assert!(failure(&outcome).contains("another file of this name is there already"), "{outcome:?}");
        assert_eq!(fs::read(dir.path().join("98.mat")).unwrap(), own);
    }
    assert_eq!(server.asked(), [""; 0]);
}

#[test]
fn numbers_and_series_choose_from_the_catalogue() {
    let numbers = |only: &[&str]| -> Vec<u32> {
        let only: Vec<String> = only.iter().map(|name| (*name).to_owned()).collect();
        choose(&only).unwrap().into_iter().map(|entry| entry.number).collect()
    };
    assert_eq!(numbers(&["105", "97", " 105"]), [97, 105]);
    assert_eq!(numbers(&["normal"]), [97, 98, 99, 100]);
    assert_eq!(numbers(&["paper"]).len(), 24);
    let series = ["normal", "drive-end-12k", "drive-end-48k", "fan-end-12k"];
    assert_eq!(series.map(|name| numbers(&[name]).len()), [4, 60, 52, 45]);
    assert_eq!(numbers(&series).len(), catalogue::entries().len());
    assert_eq!(numbers(&[]).len(), catalogue::entries().len());
    for wrong in ["113", "drive-end", ""] {
        let text = choose(&[wrong.to_owned()]).unwrap_err().to_string();
        assert!(text.starts_with(&format!("--only {wrong}: expected a CWRU number")), "{text}");
    }
    assert!(Source::new("ftp://x").is_err());
    assert_eq!(Source::new("http://x/y/").unwrap().address, "http://x/y");
}
