//! MATLAB files in: MAT-file level 5, plain and zlib-compressed, either byte order.
//!
//! Written after MathWorks' "MAT-File Format" (level 5). A file is a 128-byte header and a row of elements,
//! each a tag (type, size) and data; a variable is an element of type 14 made of sub-elements (flags,
//! dimensions, name, values), or an element of type 15 that holds such an element compressed. What a tag
//! claims is checked against the bytes that are there before anything is allocated.

use std::fmt;
use std::io::{Cursor, ErrorKind, Read, Seek, SeekFrom};

use flate2::read::ZlibDecoder;

use crate::error::{Error, Result};

/// Data types of elements (the format's `mi` constants).
mod mi {
    pub(super) const INT8: u32 = 1;
    pub(super) const UINT8: u32 = 2;
    pub(super) const INT16: u32 = 3;
    pub(super) const UINT16: u32 = 4;
    pub(super) const INT32: u32 = 5;
    pub(super) const UINT32: u32 = 6;
    pub(super) const SINGLE: u32 = 7;
    pub(super) const DOUBLE: u32 = 9;
    pub(super) const INT64: u32 = 12;
    pub(super) const UINT64: u32 = 13;
    pub(super) const MATRIX: u32 = 14;
    pub(super) const COMPRESSED: u32 = 15;
    pub(super) const UTF8: u32 = 16;
}

const HEADER_BYTES: u64 = 128;
/// MATLAB's own limits are far below; a longer claim is damage.
const MAX_NAME_BYTES: u64 = 4096;
const MAX_DIMENSIONS: u64 = 64;
const CUT_SHORT: &str = "the file is cut short or damaged: copy or export it again";

/// A variable's class as the file numbers it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Class(u8);

impl Class {
    /// double, single, and integers of 8 to 64 bits; others (cells, structs, text, ...) hold no signal.
    pub fn is_numeric(self) -> bool {
        (6..=15).contains(&self.0)
    }

    /// Whether dimensions and a name follow the flags, which holds for all classes but `opaque`.
    fn is_named(self) -> bool {
        (1..=16).contains(&self.0)
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const NAMES: [&str; 16] = [
            "cell", "struct", "object", "char", "sparse", "double", "single", "int8", "uint8", "int16",
            "uint16", "int32", "uint32", "int64", "uint64", "function",
        ];
        f.write_str(usize::from(self.0).checked_sub(1).and_then(|i| NAMES.get(i)).unwrap_or(&"unknown class"))
    }
}

/// A variable's description; its values stay in the file until they are asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variable {
    /// Its name.
    pub name: String,
    /// Its class.
    pub class: Class,
    /// Rows, columns, and further dimensions.
    pub dims: Vec<usize>,
    /// Whether it has an imaginary part.
    pub complex: bool,
    element: Element,
}

impl Variable {
    /// Number of values; saturates where dimensions are absurd.
    pub fn len(&self) -> usize {
        self.dims.iter().fold(1, |product: usize, &dim| product.saturating_mul(dim))
    }

    /// Whether it holds no value.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl fmt::Display for Variable {
    /// `X097_DE_time [243938x1 double]`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let dims: Vec<_> = self.dims.iter().map(ToString::to_string).collect();
        let complex = if self.complex { "complex " } else { "" };
        write!(f, "{} [{} {complex}{}]", self.name, dims.join("x"), self.class)
    }
}

/// Where a variable's element lies in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Element {
    /// First byte after the tag.
    offset: u64,
    /// Bytes after the tag.
    size: u64,
    compressed: bool,
}

/// An open MAT file.
pub struct MatFile<R> {
    reader: R,
    big_endian: bool,
    variables: Vec<Variable>,
}

impl<R: Read + Seek> MatFile<R> {
    /// Checks the header and lists the variables, without reading their values. Nameless arrays (MATLAB's
    /// private workspace) and elements of unknown types are passed over.
    ///
    /// # Errors
    /// Not a MAT file; level 4, or version 7.3 (HDF5); an element that is cut short or contradicts itself;
    /// no variable at all.
    pub fn new(mut reader: R) -> Result<Self> {
        let length = reader.seek(SeekFrom::End(0)).map_err(|cause| unreadable(&cause))?;
        reader.rewind().map_err(|cause| unreadable(&cause))?;
        let mut head = Vec::new();
        reader.by_ref().take(1024).read_to_end(&mut head).map_err(|cause| unreadable(&cause))?;
        let big_endian = check_header(&head)?;

        let mut file = Self { reader, big_endian, variables: Vec::new() };
        let mut position = HEADER_BYTES;
        while position < length {
            position = file.list_element(position, length)?;
        }
        if file.variables.is_empty() {
            return Err(Error::input("the MAT file holds no variable; export it again"));
        }
        Ok(file)
    }

    /// The variables in the file's order, those of classes that hold no signal included.
    pub fn variables(&self) -> &[Variable] {
        &self.variables
    }

    /// Reads a variable's values in the file's order (column by column) and hands each to `sink` with its
    /// index. Integers beyond 2^53 are rounded to f64.
    ///
    /// # Errors
    /// The variable is of a class that holds no signal, or complex; its values are cut short, damaged, or
    /// not as many as its dimensions say.
    pub fn each_value(&mut self, variable: &Variable, sink: impl FnMut(usize, f64)) -> Result<()> {
        self.walk_values(variable, sink).map_err(|e| e.within(format!("variable '{}'", variable.name)))
    }

    /// A variable's values, as [`Self::each_value`].
    ///
    /// # Errors
    /// As [`Self::each_value`].
    pub fn values(&mut self, variable: &Variable) -> Result<Vec<f64>> {
        let mut values = Vec::new();
        self.each_value(variable, |_, value| values.push(value))?;
        Ok(values)
    }

    /// Lists the element whose tag lies at `position`; returns where the next one starts.
    fn list_element(&mut self, position: u64, length: u64) -> Result<u64> {
        let cut_short = |claimed: u64, there: u64| {
            Error::input(format!(
                "{CUT_SHORT} (byte {position}: {claimed} bytes expected, {there} are there)"
            ))
        };
        if length - position < 8 {
            return Err(cut_short(8, length - position));
        }
        self.reader.seek(SeekFrom::Start(position)).map_err(|cause| unreadable(&cause))?;
        let (order, there) = (self.big_endian, length - position - 8);
        let tag = Body { reader: &mut self.reader, left: 8, big_endian: order }.tag()?;
        if tag.small {
            return Ok(position + 8);
        }
        if tag.size > there {
            return Err(cut_short(tag.size, there));
        }
        let compressed = tag.kind == mi::COMPRESSED;
        let element = Element { offset: position + 8, size: tag.size, compressed };
        if !compressed && tag.kind != mi::MATRIX {
            return Ok((element.offset + tag.size + tag.padding).min(length));
        }
        let found = self.open(element).and_then(|mut body| body.variable(element));
        let found = found.map_err(|error| error.within(format!("the variable at byte {position}")))?;
        self.variables.extend(found.filter(|variable| !variable.name.is_empty()));
        Ok(element.offset + tag.size)
    }

    /// The sub-elements of a variable's element, inflated on the way where it is compressed.
    fn open(&mut self, element: Element) -> Result<Body<Box<dyn Read + '_>>> {
        self.reader.seek(SeekFrom::Start(element.offset)).map_err(|cause| unreadable(&cause))?;
        let big_endian = self.big_endian;
        let plain = self.reader.by_ref().take(element.size);
        if !element.compressed {
            return Ok(Body { reader: Box::new(plain), left: element.size, big_endian });
        }
        let mut body =
            Body { reader: Box::new(ZlibDecoder::new(plain)) as Box<dyn Read>, left: 8, big_endian };
        let tag = body.tag()?;
        if tag.kind != mi::MATRIX || tag.small {
            // Nothing but a variable is ever compressed; an empty body has no flags and is passed over.
            return Ok(Body { left: 0, ..body });
        }
        Ok(Body { left: tag.size, ..body })
    }

    fn walk_values(&mut self, variable: &Variable, mut sink: impl FnMut(usize, f64)) -> Result<()> {
        if !variable.class.is_numeric() {
            return Err(Error::input(format!("is of class {}, which holds no signal", variable.class)));
        }
        if variable.complex {
            return Err(Error::input("is complex; save its real part or its magnitude"));
        }
        let mut body = self.open(variable.element)?;
        body.variable(variable.element)?;
        let tag = body.tag()?;
        let width = match tag.kind {
            mi::INT8 | mi::UINT8 => 1,
            mi::INT16 | mi::UINT16 => 2,
            mi::INT32 | mi::UINT32 | mi::SINGLE => 4,
            mi::DOUBLE | mi::INT64 | mi::UINT64 => 8,
            kind => return Err(Error::input(format!("stores its values as unknown type {kind}"))),
        };
        let expected = (variable.len() as u64).saturating_mul(width as u64);
        if tag.size != expected {
            return Err(Error::input(format!(
                "{CUT_SHORT} ({variable} takes {expected} bytes, {} are stored)",
                tag.size
            )));
        }
        let mut buffer = vec![0; 64 * 1024];
        let mut index = 0;
        while index < variable.len() {
            let count = (buffer.len() / width).min(variable.len() - index);
            let chunk = &mut buffer[..count * width];
            body.fill(chunk)?;
            for bytes in chunk.chunks_exact(width) {
                sink(index, number(tag.kind, bytes, body.big_endian));
                index += 1;
            }
        }
        body.skip(tag.padding.min(body.left))?;
        body.finish()
    }
}

/// A tag: the element's type, its bytes, and the bytes that fill it up to the next boundary.
struct Tag {
    kind: u32,
    size: u64,
    padding: u64,
    small: bool,
}

/// The inside of an element: a reader, and how many bytes the element has left.
struct Body<R> {
    reader: R,
    left: u64,
    big_endian: bool,
}

impl<R: Read> Body<R> {
    fn fill(&mut self, bytes: &mut [u8]) -> Result<()> {
        let (needed, left) = (bytes.len() as u64, self.left);
        if needed > left {
            return Err(Error::input(format!(
                "{CUT_SHORT} ({needed} bytes expected, its element has {left})"
            )));
        }
        self.reader.read_exact(bytes).map_err(|cause| match cause.kind() {
            ErrorKind::UnexpectedEof | ErrorKind::InvalidInput | ErrorKind::InvalidData => {
                Error::input(format!("{CUT_SHORT} ({cause})"))
            }
            _ => unreadable(&cause),
        })?;
        self.left -= needed;
        Ok(())
    }

    fn word(&mut self) -> Result<u32> {
        let mut bytes = [0; 4];
        self.fill(&mut bytes)?;
        Ok(if self.big_endian { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) })
    }

    /// Skips a padding or a small part; `bytes` is at most [`MAX_NAME_BYTES`].
    fn skip(&mut self, bytes: u64) -> Result<()> {
        self.fill(&mut vec![0; bytes as usize])
    }

    fn tag(&mut self) -> Result<Tag> {
        let first = self.word()?;
        let (kind, small_size) = (first & 0xFFFF, u64::from(first >> 16));
        if small_size > 4 {
            return Err(Error::input(format!("{CUT_SHORT} (a small element claims {small_size} bytes)")));
        }
        if small_size > 0 {
            return Ok(Tag { kind, size: small_size, padding: 4 - small_size, small: true });
        }
        let size = u64::from(self.word()?);
        Ok(Tag { kind: first, size, padding: (8 - size % 8) % 8, small: false })
    }

    /// Flags, dimensions and name; `None` for an element without content. Afterwards the body stands at the
    /// values.
    fn variable(&mut self, element: Element) -> Result<Option<Variable>> {
        if self.left == 0 {
            return Ok(None);
        }
        let flags = self.tag()?;
        if flags.kind != mi::UINT32 || flags.size != 8 {
            return Err(Error::input(format!("{CUT_SHORT} (no array flags)")));
        }
        let word = self.word()?;
        self.word()?; // room for non-zeros of sparse arrays
        let class = Class((word & 0xFF) as u8);
        let complex = word & 0x0800 != 0;
        if !class.is_named() {
            return Ok(None);
        }

        let shape = self.tag()?;
        if shape.kind != mi::INT32 || shape.size % 4 != 0 || shape.size / 4 > MAX_DIMENSIONS {
            return Err(Error::input(format!("{CUT_SHORT} (no dimensions)")));
        }
        let mut dims = Vec::new();
        for _ in 0..shape.size / 4 {
            let dim = self.word()?;
            if dim > i32::MAX as u32 {
                return Err(Error::input(format!("{CUT_SHORT} (dimension {})", dim as i32)));
            }
            dims.push(dim as usize);
        }
        self.skip(shape.padding)?;

        let name = self.tag()?;
        if !matches!(name.kind, mi::INT8 | mi::UINT8 | mi::UTF8) || name.size > MAX_NAME_BYTES {
            return Err(Error::input(format!("{CUT_SHORT} (no name)")));
        }
        let mut text = vec![0; name.size as usize];
        self.fill(&mut text)?;
        self.skip(name.padding)?;
        let name = String::from_utf8_lossy(&text).into_owned();
        Ok(Some(Variable { name, class, dims, complex, element }))
    }

    /// Nothing may follow the values: neither inside the element nor, where it was compressed, in the
    /// stream, whose checksum is verified at its end.
    fn finish(&mut self) -> Result<()> {
        let mut beyond = [0];
        let more = self.reader.read(&mut beyond).map_err(|e| Error::input(format!("{CUT_SHORT} ({e})")))?;
        if self.left > 0 || more > 0 {
            return Err(Error::input(format!("{CUT_SHORT} (bytes follow the values)")));
        }
        Ok(())
    }
}

/// One value of data type `kind`; `bytes` has that type's width.
fn number(kind: u32, bytes: &[u8], big_endian: bool) -> f64 {
    let mut le = [0; 8];
    le[..bytes.len()].copy_from_slice(bytes);
    if big_endian {
        le[..bytes.len()].reverse();
    }
    let [a, b, c, d, ..] = le;
    match kind {
        mi::INT8 => f64::from(a as i8),
        mi::UINT8 => f64::from(a),
        mi::INT16 => f64::from(i16::from_le_bytes([a, b])),
        mi::UINT16 => f64::from(u16::from_le_bytes([a, b])),
        mi::INT32 => f64::from(i32::from_le_bytes([a, b, c, d])),
        mi::UINT32 => f64::from(u32::from_le_bytes([a, b, c, d])),
        mi::SINGLE => f64::from(f32::from_le_bytes([a, b, c, d])),
        mi::INT64 => i64::from_le_bytes(le) as f64,
        mi::UINT64 => u64::from_le_bytes(le) as f64,
        _ => f64::from_le_bytes(le),
    }
}

/// Whether the file is big-endian; an error for everything but level 5. `head` is the file's first 1024
/// bytes, or all of it.
fn check_header(head: &[u8]) -> Result<bool> {
    const RESAVE: &str = "load it in MATLAB or Octave and save it again with `save -v7`";
    if head.is_empty() {
        return Err(Error::input("the file is empty (0 bytes)"));
    }
    // MATLAB puts 512 bytes of its own before the HDF5 signature.
    let hdf5 = |at: usize| head.get(at..at + 8) == Some(b"\x89HDF\r\n\x1a\n");
    if hdf5(0) || hdf5(512) || head.starts_with(b"MATLAB 7.3") {
        return Err(Error::input(format!(
            "a MAT file of version 7.3 (HDF5), which cannot be read: {RESAVE}"
        )));
    }
    if is_level_4(head) {
        return Err(Error::input(format!("a MAT file of level 4, which cannot be read: {RESAVE}")));
    }
    if head.len() < HEADER_BYTES as usize {
        return Err(Error::input(format!(
            "not a MAT file, or cut short: {} bytes, its header alone takes {HEADER_BYTES}; copy or export it \
             again",
            head.len()
        )));
    }
    let (version, big_endian) = match &head[126..128] {
        b"IM" => (u16::from_le_bytes([head[124], head[125]]), false),
        b"MI" => (u16::from_be_bytes([head[124], head[125]]), true),
        _ => return Err(Error::input("not a MAT file (no level-5 header)")),
    };
    match version {
        0x0100 => Ok(big_endian),
        0x0200 => {
            Err(Error::input(format!("a MAT file of version 7.3 (HDF5), which cannot be read: {RESAVE}")))
        }
        other => Err(Error::input(format!("a MAT file of unknown version {other:#06x}: {RESAVE}"))),
    }
}

/// Level 4 has no signature: its first word spells number format, order and type in decimal digits, and
/// rows, columns, imaginary flag and name length follow.
fn is_level_4(head: &[u8]) -> bool {
    let words = |big: bool| -> Option<[u32; 5]> {
        let mut cursor = Cursor::new(head);
        let mut words = [0; 5];
        for word in &mut words {
            let mut bytes = [0; 4];
            cursor.read_exact(&mut bytes).ok()?;
            *word = if big { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) };
        }
        Some(words)
    };
    [false, true].into_iter().filter_map(words).any(|[kind, rows, columns, imaginary, name]| {
        let digits = [kind / 1000, kind / 100 % 10, kind / 10 % 10, kind % 10];
        let known = digits[0] <= 4 && digits[1] == 0 && digits[2] <= 5 && digits[3] <= 2;
        known
            && imaginary <= 1
            && (1..=256).contains(&name)
            && rows <= i32::MAX as u32
            && columns <= i32::MAX as u32
    })
}

fn unreadable(cause: &std::io::Error) -> Error {
    Error::input(format!("cannot be read: {cause}"))
}
