//! TensorBoard's event file, read back frame by frame.

use gpu_bearing::data::split::Rule;
use gpu_bearing::report::tensorboard::{Events, FILE, crc32c};
use gpu_bearing::train::{EpochRecord, Figures};

fn record(epoch: usize) -> EpochRecord {
    let figures =
        |share: f64| Figures { loss: 3.0 * share, accuracy: share, balanced_accuracy: 0.5, windows: 7 };
    EpochRecord {
        epoch,
        split: Rule::Bearing,
        train: Some(figures(0.25)),
        validation: Some(figures(0.125 * epoch as f64)),
        test: None,
        learning_rate: 0.5,
        seconds: 2.0,
    }
}

/// An event: time, step, and its tags with their values, or the file's version.
#[derive(Debug, PartialEq)]
struct Event {
    time: f64,
    step: u64,
    version: Option<String>,
    values: Vec<(String, f32)>,
}

/// A field of a protocol buffer: its number, and a number or bytes.
enum Field {
    Number(u64),
    Bytes(Vec<u8>),
}

fn fields(mut rest: &[u8]) -> Vec<(u8, Field)> {
    fn varint(rest: &mut &[u8]) -> u64 {
        let end = rest.iter().position(|byte| byte & 0x80 == 0).unwrap();
        let number = rest[..=end].iter().rev().fold(0, |number, byte| number << 7 | u64::from(byte & 0x7f));
        *rest = &rest[end + 1..];
        number
    }
    fn take<'a>(rest: &mut &'a [u8], count: usize) -> &'a [u8] {
        let (front, back) = rest.split_at(count);
        *rest = back;
        front
    }
    let mut fields = Vec::new();
    while !rest.is_empty() {
        let key = varint(&mut rest);
        let field = match key & 7 {
            0 => Field::Number(varint(&mut rest)),
            1 => Field::Number(u64::from_le_bytes(take(&mut rest, 8).try_into().unwrap())),
            2 => {
                let count = varint(&mut rest) as usize;
                Field::Bytes(take(&mut rest, count).to_vec())
            }
            5 => Field::Number(u32::from_le_bytes(take(&mut rest, 4).try_into().unwrap()).into()),
            kind => panic!("wire type {kind}"),
        };
        fields.push(((key >> 3) as u8, field));
    }
    fields
}

fn events(file: &[u8]) -> Vec<Event> {
    let masked = |bytes: &[u8]| {
        let crc = crc32c(bytes);
        crc.rotate_right(15).wrapping_add(0xa282_ead8)
    };
    let mut rest = file;
    let mut events = Vec::new();
    while !rest.is_empty() {
        let length = u64::from_le_bytes(rest[..8].try_into().unwrap()) as usize;
        let of_length = u32::from_le_bytes(rest[8..12].try_into().unwrap());
        assert_eq!(of_length, masked(&rest[..8]));
        let content = &rest[12..12 + length];
        let of_content = u32::from_le_bytes(rest[12 + length..16 + length].try_into().unwrap());
        assert_eq!(of_content, masked(content));
        rest = &rest[16 + length..];
        let mut event = Event { time: 0.0, step: 0, version: None, values: Vec::new() };
        for field in fields(content) {
            match field {
                (1, Field::Number(bits)) => event.time = f64::from_bits(bits),
                (2, Field::Number(step)) => event.step = step,
                (3, Field::Bytes(text)) => event.version = Some(String::from_utf8(text).unwrap()),
                (5, Field::Bytes(summary)) => {
                    event.values = fields(&summary).into_iter().map(value).collect()
                }
                (number, _) => panic!("field {number}"),
            }
        }
        events.push(event);
    }
    events
}

fn value((number, field): (u8, Field)) -> (String, f32) {
    let (1, Field::Bytes(value)) = (number, field) else { panic!("no value") };
    match &fields(&value)[..] {
        [(1, Field::Bytes(tag)), (2, Field::Number(bits))] => {
            (String::from_utf8(tag.clone()).unwrap(), f32::from_bits(*bits as u32))
        }
        _ => panic!("no tag with a simple value"),
    }
}

/// Rocksoft's check value.
#[test]
fn crc32c_is_castagnolis() {
    assert_eq!(crc32c(b"123456789"), 0xe306_9283);
    assert_eq!(crc32c(b""), 0);
}

#[test]
fn an_event_file_holds_every_epoch() {
    let folder = tempfile::TempDir::new().unwrap();
    let read = || events(&std::fs::read(folder.path().join(FILE)).unwrap());
    let mut file = Events::begin(folder.path(), "split by bearing; leaky", &[record(1)]).unwrap();
    file.add(&record(200)).unwrap();
    let written = read();
    assert_eq!(written.len(), 3);
    assert_eq!(written[0].version.as_deref(), Some("brain.Event:2"));
    assert!(written[0].time > 1.7e9, "seconds since 1970");
    assert_eq!((written[1].step, written[2].step), (1, 200));
    assert_eq!(written[2].time - written[0].time, 4.0);
    let expected = [
        ("learning rate", 0.5),
        ("seconds", 2.0),
        ("loss (split by bearing; leaky)/train", 0.75),
        ("accuracy (split by bearing; leaky)/train", 0.25),
        ("balanced accuracy (split by bearing; leaky)/train", 0.5),
        ("loss (split by bearing; leaky)/validation", 0.375),
        ("accuracy (split by bearing; leaky)/validation", 0.125),
        ("balanced accuracy (split by bearing; leaky)/validation", 0.5),
    ];
    assert_eq!(written[1].values, expected.map(|(tag, value)| (tag.to_owned(), value)));

    // A run that goes on begins the file anew with what is complete.
    Events::begin(folder.path(), "split by bearing", &[record(1), record(2)]).unwrap();
    assert_eq!(read().iter().map(|event| event.step).collect::<Vec<_>>(), [0, 1, 2]);
}
