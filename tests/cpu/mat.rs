//! The MAT reader against files that scipy wrote (tests/fixtures/mat/make.py), cut, altered and made up ones.

use std::io::{Cursor, Read, Seek, SeekFrom, Write};
use std::path::PathBuf;

use gpu_bearing::data::mat::{MatFile, Variable};
use gpu_bearing::data::{ReadOptions, read_file};
use gpu_bearing::{Error, Result};
use proptest::prelude::*;

pub(crate) fn fixture(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/mat").join(name)
}

fn bytes(name: &str) -> Vec<u8> {
    std::fs::read(fixture(name)).expect("the fixtures are committed")
}

/// Every level-5 fixture.
fn fixtures() -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(fixture(""))
        .expect("the fixtures are committed")
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(".mat") && name != "level4.mat" && name != "version73.mat")
        .collect();
    names.sort();
    assert!(names.len() >= 14, "{names:?}");
    names
}

fn open(bytes: &[u8]) -> Result<MatFile<Cursor<&[u8]>>> {
    MatFile::new(Cursor::new(bytes))
}

/// All variables with their values, or the first error.
fn read_all(bytes: &[u8]) -> Result<Vec<(Variable, Option<Vec<f64>>)>> {
    let mut file = open(bytes)?;
    let variables = file.variables().to_vec();
    let mut read = Vec::new();
    for variable in variables {
        let readable = variable.class.is_numeric() && !variable.complex;
        let values = if readable { Some(file.values(&variable)?) } else { None };
        read.push((variable, values));
    }
    Ok(read)
}

fn values(name: &str, variable: &str) -> Vec<f64> {
    let all = read_all(&bytes(name)).unwrap();
    let found = all.into_iter().find(|(v, _)| v.name == variable);
    found.unwrap_or_else(|| panic!("{name} lacks {variable}")).1.unwrap()
}

/// The signal that make.py writes.
fn signal(count: i32) -> Vec<f64> {
    (0..count).map(|i| f64::from(i * 37 % 101 - 50) / 8.0).collect()
}

fn message(result: Result<impl Sized>) -> String {
    let error = result.err().expect("an error");
    assert_eq!(error.exit_code(), 2);
    error.to_string()
}

#[test]
fn plain_and_compressed_files_hold_the_same() {
    for name in ["cwru.mat", "cwru_compressed.mat"] {
        let all = read_all(&bytes(name)).unwrap();
        let listed: Vec<_> = all.iter().map(|(v, _)| v.to_string()).collect();
        assert_eq!(
            listed,
            ["X105_DE_time [40x1 double]", "X105_FE_time [20x1 double]", "X105RPM [1x1 uint16]"],
            "{name}"
        );
        assert_eq!(all[0].1.as_ref().unwrap(), &signal(40));
        assert_eq!(all[2].1.as_ref().unwrap(), &[1797.0]);
    }
}

#[test]
fn every_real_numeric_class_is_read() {
    for name in ["classes.mat", "classes_compressed.mat"] {
        let two = |bits: i32| 2_f64.powi(bits);
        let ends = [
            ("int8", -128.0, 127.0),
            ("uint8", 0.0, 255.0),
            ("int16", -32768.0, 32767.0),
            ("uint16", 0.0, 65535.0),
            ("int32", -two(31), two(31) - 1.0),
            ("uint32", 0.0, two(32) - 1.0),
            ("int64", -two(63), two(63)),
            ("uint64", 0.0, two(64)),
            ("single", -1.5, f64::from(0.1_f32)),
            ("double", -1.5, 0.1),
        ];
        for (class, first, last) in ends {
            assert_eq!(values(name, class), [first, 1.0, 2.0, last], "{name} {class}");
        }
        for (variable, _) in read_all(&bytes(name)).unwrap() {
            assert_eq!(variable.class.to_string(), variable.name);
        }
    }
}

#[test]
fn packed_values_and_small_elements_are_read_in_either_byte_order() {
    for name in ["packed.mat", "packed_big_endian.mat"] {
        assert_eq!(values(name, "i8"), [-128.0, 0.0, 127.0], "{name}");
        assert_eq!(values(name, "u8"), [0.0, 7.0, 255.0], "{name}");
        assert_eq!(values(name, "i16"), [-32768.0, 32767.0], "{name}");
        assert_eq!(values(name, "u16"), [0.0, 1.0, 65535.0], "{name}");
        assert_eq!(values(name, "i32"), [-2147483648.0], "{name}");
        assert_eq!(values(name, "a_longer_name"), signal(40), "{name}");
    }
    assert_eq!(values("compressed_big_endian.mat", "squeezed"), signal(40));
}

#[test]
fn other_classes_are_listed_and_passed_over() {
    for name in ["others.mat", "others_compressed.mat"] {
        let mut file = MatFile::new(Cursor::new(bytes(name))).unwrap();
        let variables = file.variables().to_vec();
        let listed: Vec<_> = variables.iter().map(ToString::to_string).collect();
        assert_eq!(
            listed,
            [
                "cells [1x2 cell]",
                "fields [1x1 struct]",
                "text [1x14 char]",
                "sparse [3x3 sparse]",
                "complex [2x1 complex double]",
                "one [1x1 double]",
                "nothing [0x0 double]",
                "wave [3x1 int32]"
            ],
            "{name}"
        );
        assert_eq!(file.values(&variables[7]).unwrap(), [5.0, -6.0, 7.0]);
        assert_eq!(
            message(file.values(&variables[0])),
            "variable 'cells': is of class cell, which holds no signal"
        );
        assert!(message(file.values(&variables[4])).contains("is complex; save its real part"));
    }
    let private = read_all(&bytes("private.mat")).unwrap();
    assert_eq!(private.len(), 1, "nameless, opaque and unknown elements are passed over");
    assert_eq!(private[0].1.as_ref().unwrap(), &signal(4));
}

#[test]
fn other_versions_and_other_files_are_refused_with_the_remedy() {
    let message = |bytes: &[u8]| message(open(bytes));
    assert!(message(&bytes("version73.mat")).contains("version 7.3 (HDF5)"));
    assert!(message(&bytes("version73.mat")).contains("save -v7"));
    assert!(message(b"\x89HDF\r\n\x1a\n and so on").contains("version 7.3"));
    assert!(message(&bytes("level4.mat")).contains("level 4"));
    assert!(message(&bytes("level4.mat")).contains("save -v7"));
    assert!(message(b"").contains("empty (0 bytes)"));
    assert!(message(b"RIFF1234WAVE").contains("not a MAT file, or cut short"));
    assert!(message(&[b'x'; 4000]).contains("not a MAT file"));
    assert!(message(&[0; 4000]).contains("not a MAT file"));
    assert!(message(&bytes("cwru.mat")[..128]).contains("holds no variable"));
    let mut unknown = bytes("cwru.mat");
    unknown[124..126].copy_from_slice(&[0, 7]);
    assert!(message(&unknown).contains("unknown version 0x0700"));
}

/// Where the top-level elements of a file end: a file cut there is whole, with fewer variables.
fn ends(bytes: &[u8]) -> Vec<usize> {
    let big = &bytes[126..128] == b"MI";
    let mut at = 128;
    let mut ends = Vec::new();
    while at < bytes.len() {
        let size: [u8; 4] = bytes[at + 4..at + 8].try_into().unwrap();
        let kind = bytes[at..at + 4].iter().max().unwrap();
        let size = if big { u32::from_be_bytes(size) } else { u32::from_le_bytes(size) } as usize;
        at += 8 + if matches!(kind, 14 | 15) { size } else { size.next_multiple_of(8) };
        ends.push(at);
    }
    ends
}

#[test]
fn a_file_cut_at_any_byte_is_an_error_or_whole_with_fewer_variables() {
    for name in fixtures() {
        let whole = bytes(&name);
        let all = format!("{:?}", read_all(&whole).unwrap()); // text, so that NaN equals NaN
        let boundaries = ends(&whole);
        assert_eq!(boundaries.last(), Some(&whole.len()), "{name}");
        for cut in 0..whole.len() {
            match read_all(&whole[..cut]) {
                Err(Error::Input(_)) => {}
                Err(other) => panic!("{name} cut at {cut}: {other}"),
                Ok(some) => {
                    assert!(boundaries.contains(&cut), "{name} cut at {cut} within an element is read");
                    let some = format!("{some:?}");
                    assert!(all.starts_with(some.trim_end_matches(']')), "{name} cut at {cut}");
                }
            }
        }
    }
}

#[test]
fn a_change_in_compressed_values_is_noticed() {
    let whole = bytes("compressed_big_endian.mat");
    let good = read_all(&whole).unwrap();
    for at in 136..whole.len() {
        let mut altered = whole.clone();
        altered[at] ^= 0x10;
        if let Ok(read) = read_all(&altered) {
            // Some bits of a deflate stream carry nothing: then the values must be the same.
            assert_eq!(read, good, "byte {at}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn altered_files_never_panic(
        which in any::<prop::sample::Index>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
    ) {
        let names = fixtures();
        let mut bytes = bytes(&names[which.index(names.len())]);
        for (at, value) in changes {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        let _ = read_all(&bytes);
    }

    #[test]
    fn random_bytes_after_a_header_never_panic(tail in prop::collection::vec(any::<u8>(), 0..400), big: bool) {
        let name = if big { "packed_big_endian.mat" } else { "packed.mat" };
        let mut bytes = bytes(name)[..128].to_vec();
        bytes.extend(tail);
        let _ = read_all(&bytes);
    }
}

/// Counts the bytes that are read from a file.
struct Counting<R> {
    inner: R,
    read: u64,
}

impl<R: Read> Read for Counting<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.read += count as u64;
        Ok(count)
    }
}

impl<R: Seek> Seek for Counting<R> {
    fn seek(&mut self, to: SeekFrom) -> std::io::Result<u64> {
        self.inner.seek(to)
    }
}

/// A file with one compressed uint8 variable that claims `rows` values and stores `claimed`, followed by
/// `zeros` bytes of zeros in the compressed stream.
fn bomb(rows: u32, claimed: u32, zeros: usize) -> Vec<u8> {
    let mut inner = Vec::new();
    let words =
        [14, claimed.saturating_add(48), 6, 8, 9, 0, 5, 8, rows, 1, 1 << 16 | 1, u32::from(b'x'), 2, claimed];
    inner.extend(words.iter().flat_map(|word: &u32| word.to_le_bytes()));
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(&inner).unwrap();
    for _ in 0..zeros / 65536 {
        encoder.write_all(&[0; 65536]).unwrap();
    }
    let squeezed = encoder.finish().unwrap();
    let mut file = bytes("cwru.mat")[..128].to_vec();
    file.extend([15, squeezed.len() as u32].iter().flat_map(|word: &u32| word.to_le_bytes()));
    file.extend(squeezed);
    file
}

#[test]
fn a_compressed_bomb_is_refused_before_it_is_inflated() {
    // The frame itself is right: 16 zeros, honestly declared, are read.
    let honest = bomb(65536, 65536, 65536);
    assert_eq!(read_all(&honest).unwrap()[0].1.as_ref().unwrap(), &vec![0.0; 65536]);

    // Declares ten values and goes on for 64 MiB: the reader stops after the tenth.
    let endless = bomb(10, 10, 64 << 20);
    let mut counting = Counting { inner: Cursor::new(&endless), read: 0 };
    let mut file = MatFile::new(&mut counting).unwrap();
    let variable = file.variables()[0].clone();
    assert!(message(file.each_value(&variable, |_, _| ())).contains("cut short or damaged"));
    let (read, there) = (counting.read, endless.len() as u64);
    assert!(read < there / 2, "{read} of {there} bytes were inflated");

    // Claims more than its dimensions, and dimensions beyond what a recording may have.
    assert!(
        message(read_all(&bomb(10, 1 << 30, 64 << 20))).contains("takes 10 bytes, 1073741824 are stored")
    );
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("long.mat");
    std::fs::write(&path, bomb(1 << 30, 1 << 30, 64 << 20)).unwrap();
    let options = ReadOptions { rate: Some(12000.0), ..ReadOptions::default() };
    assert!(message(read_file(&path, &options)).contains("longer than 268435456 samples"));

    // A claim without the bytes ends where the bytes end.
    assert!(message(read_all(&bomb(1 << 28, 1 << 28, 0))).contains("cut short or damaged"));
}

fn read(name: &str, options: &ReadOptions) -> Result<gpu_bearing::data::Recording> {
    read_file(&fixture(name), &ReadOptions { rate: options.rate.or(Some(1000.0)), ..options.clone() })
}

#[test]
fn the_variable_is_chosen_by_name_by_cwru_naming_or_as_the_only_vector() {
    let variable = |name: &str| ReadOptions { variable: Some(name.into()), ..ReadOptions::default() };
    let of = |name: &str, options: &ReadOptions| read(name, options).unwrap().signal;
    let de = of("cwru.mat", &ReadOptions::default());
    assert_eq!(de.len(), 40);
    assert_eq!(de[..3], [-6.25, -1.625, 3.0]);
    assert_eq!(of("cwru.mat", &variable("X105_FE_time")).len(), 20);
    assert_eq!(of("cwru.mat", &variable("FE_time")).len(), 20);
    assert_eq!(of("others.mat", &ReadOptions::default()), [5.0, -6.0, 7.0]);
    assert_eq!(read("cwru.mat", &ReadOptions::default()).unwrap().facts.rpm, Some(1797.0));

    let missing = message(read("cwru.mat", &variable("BA_time")));
    assert!(missing.contains("has no variable 'BA_time'"), "{missing}");
    assert!(missing.contains("X105_FE_time [20x1 double]"), "{missing}");
    let open = message(read("classes.mat", &ReadOptions::default()));
    assert!(open.contains("--variable: int8 [4x1 int8], uint8"), "{open}");
    let two = message(read("neighbour.mat", &ReadOptions::default()));
    assert!(two.contains("several variables are named DE_time"), "{two}");
    let cell = message(read("others.mat", &variable("cells")));
    assert!(cell.contains("class cell"), "{cell}");
    let empty = message(read("others.mat", &variable("nothing")));
    assert!(empty.contains("holds no sample"), "{empty}");
}

#[test]
fn the_smaller_extent_of_a_matrix_counts_channels() {
    let options = |channel, variable: Option<&str>| ReadOptions {
        channel,
        variable: variable.map(Into::into),
        ..ReadOptions::default()
    };
    // Row by row 0..15: columns are channels of 5 samples, rows are channels of 5 samples.
    let tall = read("channels.mat", &options(Some(2), None)).unwrap();
    assert_eq!(tall.signal, [1.0, 4.0, 7.0, 10.0, 13.0]);
    let wide = read("channels_wide.mat", &options(Some(2), Some("wide"))).unwrap();
    assert_eq!(wide.signal, [5.0, 6.0, 7.0, 8.0, 9.0]);
    // The vector goes before the matrix.
    assert_eq!(read("channels_wide.mat", &options(None, None)).unwrap().signal, [0.0, 1.0, 2.0, 3.0]);

    let open = message(read("channels.mat", &options(None, None)));
    assert!(open.contains("has 3 channels") && open.contains("--channel"), "{open}");
    let beyond = message(read("channels.mat", &options(Some(4), None)));
    assert!(beyond.contains("--channel 4: there are 3 channels"), "{beyond}");
    assert!(message(read("channels.mat", &options(Some(0), None))).contains("counted from 1"));
}

#[test]
fn values_that_are_not_finite_as_32_bit_floats_are_refused() {
    let nan = message(read("nan.mat", &ReadOptions::default()));
    assert!(nan.contains("sample 2 (from 0) is NaN, with 2 of 5 samples not finite"), "{nan}");
    let huge = message(read("huge.mat", &ReadOptions::default()));
    assert!(huge.contains("sample 1 (from 0) is inf"), "{huge}");
}
