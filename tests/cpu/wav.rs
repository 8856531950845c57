//! The WAV reader against files that hound writes, cut and altered ones.

use std::io::Cursor;

use gpu_bearing::Result;
use gpu_bearing::data::wav;
use gpu_bearing::data::{ReadOptions, read_wav_from};
use hound::{SampleFormat, WavSpec, WavWriter};
use proptest::prelude::*;

pub(crate) fn integers(channels: u16, bits: u16, samples: &[i32]) -> Vec<u8> {
    let spec =
        WavSpec { channels, sample_rate: 25600, bits_per_sample: bits, sample_format: SampleFormat::Int };
    let mut out = Cursor::new(Vec::new());
    let mut writer = WavWriter::new(&mut out, spec).unwrap();
    for &sample in samples {
        writer.write_sample(sample).unwrap();
    }
    writer.finalize().unwrap();
    out.into_inner()
}

pub(crate) fn floats(samples: &[f32]) -> Vec<u8> {
    let spec =
        WavSpec { channels: 1, sample_rate: 12000, bits_per_sample: 32, sample_format: SampleFormat::Float };
    let mut out = Cursor::new(Vec::new());
    let mut writer = WavWriter::new(&mut out, spec).unwrap();
    for &sample in samples {
        writer.write_sample(sample).unwrap();
    }
    writer.finalize().unwrap();
    out.into_inner()
}

fn message(result: Result<impl Sized>) -> String {
    let error = result.err().expect("an error");
    assert_eq!(error.exit_code(), 2);
    error.to_string()
}

#[test]
fn integers_of_every_width_are_scaled_to_one() {
    for bits in [8, 16, 24, 32] {
        let most = i32::MAX >> (32 - bits);
        let half = most / 2 + 1;
        let bytes = integers(1, bits, &[-most - 1, -half, 0, half, most]);
        let (signal, format) = wav::read(&bytes[..], None).unwrap();
        assert_eq!(signal[..4], [-1.0, -0.5, 0.0, 0.5], "{bits} bits");
        let largest = (f64::from(most) / (f64::from(most) + 1.0)) as f32;
        assert_eq!(signal[4], largest, "{bits} bits");
        assert_eq!((format.rate, format.channels, format.bits, format.float), (25600.0, 1, bits, false));
        assert_eq!(format.samples, Some(5));
    }
}

#[test]
fn floats_are_kept_as_they_are() {
    let samples = [0.1, -7.5, 1e-30, 3.0];
    let (signal, format) = wav::read(&floats(&samples)[..], None).unwrap();
    assert_eq!(signal, samples);
    assert!(format.float);
}

#[test]
fn channels_are_counted_from_one() {
    let bytes = integers(3, 16, &[1, 2, 3, 4, 5, 6]);
    let of = |channel| wav::read(&bytes[..], channel).map(|(signal, _)| signal);
    let scaled = |values: [f32; 2]| values.map(|v| v / 32768.0).to_vec();
    assert_eq!(of(Some(1)).unwrap(), scaled([1.0, 4.0]));
    assert_eq!(of(Some(3)).unwrap(), scaled([3.0, 6.0]));
    assert!(message(of(None)).contains("has 3 channels: choose one with --channel 1 to --channel 3"));
    assert!(message(of(Some(4))).contains("--channel 4: there are 3 channels"));
    assert!(message(of(Some(0))).contains("counted from 1"));
}

#[test]
fn a_wav_cut_at_any_byte_is_an_error() {
    let whole = integers(2, 24, &(0..40).collect::<Vec<_>>());
    for cut in 0..whole.len() {
        let text = message(wav::read(&whole[..cut], Some(1)));
        let expected = if cut == 0 { "empty (0 bytes)" } else { "cut short" };
        assert!(text.contains(expected), "cut at {cut}: {text}");
    }
    let text = message(wav::read(&whole[..whole.len() - 1], Some(1)));
    assert!(text.contains("claims 20 samples a channel and it ends after 19"), "{text}");
}

#[test]
fn a_stream_whose_writer_did_not_know_its_length_is_read_to_its_end() {
    let mut bytes = integers(2, 16, &[1, 2, 3, 4, 5, 6]);
    let at = bytes.windows(4).position(|four| four == b"data").unwrap();
    for claim in [0x7FFF_F000_u32, 0x8000_0000, u32::MAX] {
        bytes[at + 4..at + 8].copy_from_slice(&claim.to_le_bytes());
        let (signal, format) = wav::read(&bytes[..], Some(2)).unwrap();
        assert_eq!(signal, [2.0, 4.0, 6.0].map(|v| v / 32768.0));
        assert_eq!(format.samples, None);
    }
    bytes[at + 4..at + 8].copy_from_slice(&1200_u32.to_le_bytes());
    assert!(message(wav::read(&bytes[..], Some(2))).contains("cut short"));
}

#[test]
fn other_files_are_refused() {
    assert!(
        message(wav::read(&b"MATLAB 5.0 MAT-file"[..], None)).contains("not a readable WAV: no RIFF tag")
    );
    let mut bytes = floats(&[1.0, 2.0]);
    let at = bytes.windows(4).position(|four| four == b"fmt ").unwrap();
    bytes[at + 8..at + 10].copy_from_slice(&[2, 0]); // ADPCM
    assert!(message(wav::read(&bytes[..], None)).contains("8 to 32 bit integer and 32-bit float"));
    let mut bytes = integers(1, 16, &[1, 2]);
    let at = bytes.windows(4).position(|four| four == b"fmt ").unwrap();
    bytes[at + 12..at + 20].fill(0); // sampling rate and bytes a second
    assert!(message(wav::read(&bytes[..], None)).contains("sampling rate of 0 Hz"));
}

#[test]
fn a_stream_becomes_a_recording_or_an_error_that_names_it() {
    let options = ReadOptions::default();
    let read = |samples: &[f32], options: &ReadOptions| {
        read_wav_from(&floats(samples)[..], "standard input", options)
    };
    let recording = read(&[0.0, 1.0, -1.0], &options).unwrap();
    assert_eq!((recording.rate, recording.name.as_str()), (12000.0, "standard input"));
    assert_eq!(recording.facts, gpu_bearing::data::Facts::default());

    let text = message(read(&[0.0, 1.0, f32::NAN], &options));
    assert!(text.starts_with("standard input: sample 2 (from 0) is NaN"), "{text}");
    assert!(message(read(&[0.25; 9], &options)).contains("constant (all 9 samples are 0.25)"));
    assert!(message(read(&[], &options)).contains("holds no sample"));
    let other = ReadOptions { rate: Some(48000.0), ..ReadOptions::default() };
    assert_eq!(read(&[0.0, 1.0], &other).unwrap().rate, 12000.0, "the header goes before --rate");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn altered_files_never_panic(
        float: bool,
        changes in prop::collection::vec((0_usize..120, any::<u8>()), 1..8),
    ) {
        let mut bytes = if float { floats(&[0.5; 12]) } else { integers(2, 24, &[1; 24]) };
        for (at, value) in changes {
            let at = at % bytes.len();
            bytes[at] = value;
        }
        let _ = wav::read(&bytes[..], Some(1));
    }
}
