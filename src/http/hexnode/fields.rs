//! The members of a body, read as Django REST framework (DRF) reads them and refused in its words (hexnode.md 5).
//!
//! Members stay raw JSON until a field is read, so that an integer of any length can be read, and printed, exactly.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};
use serde_json::value::RawValue;
use unicode_normalization::UnicodeNormalization;
use uuid::Uuid;

use crate::engine::model::NodeName;

const REQUIRED: &str = "This field is required.";
const NULL: &str = "This field may not be null.";
const BLANK: &str = "This field may not be blank.";
const NOT_A_STRING: &str = "Not a valid string.";
const NOT_A_VALUE: &str = "Enter a valid value.";
const NOT_A_UUID: &str = "Must be a valid UUID.";
const NOT_AN_INTEGER: &str = "A valid integer is required.";
/// What DRF says to a text of more than 1,000 characters where an integer should be.
const LONG_INTEGER: &str = "String value too large.";
const NO_ITEMS: &str = "This list may not be empty.";

/// Ids in one call at most.
const MAX_IDS: usize = 10_000;
/// Characters of a text at most.
const MAX_TEXT: usize = 255;

/// The members of a body that is an object; of a name that stands there twice the last counts, as in Python.
pub(super) struct Members(BTreeMap<String, Box<RawValue>>);

/// Why a body has no members.
pub(super) enum NotMembers {
    /// Not JSON; the reason.
    Syntax(String),
    Null,
    /// Another type, by its Python name.
    Other(&'static str),
}

/// What is wrong with one field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fault {
    Field(String),
    /// What is wrong with the items of a list, by position.
    Items(Vec<(usize, &'static str)>),
}

/// What is wrong with the fields of a body: one member each, in the order in which they were read.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct FieldErrors(Vec<(&'static str, Fault)>);

/// An integer that names a file, whether or not there is one.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum FileId {
    Id(i64),
    /// Decimal digits, perhaps behind a `-`, of an integer that no id will ever reach.
    Beyond(String),
}

impl Members {
    pub(super) fn parse(body: &[u8]) -> Result<Self, NotMembers> {
        let syntax = |error: serde_json::Error| NotMembers::Syntax(error.to_string());
        let whole: &RawValue = serde_json::from_slice(body).map_err(syntax)?;
        match python_type(whole) {
            "dict" => serde_json::from_str(whole.get()).map(Self).map_err(syntax),
            "NoneType" => Err(NotMembers::Null),
            other => Err(NotMembers::Other(other)),
        }
    }

    pub(super) fn get(&self, name: &str) -> Option<&RawValue> {
        self.0.get(name).map(Box::as_ref)
    }

    pub(super) fn required(&self, name: &str) -> Result<&RawValue, Fault> {
        self.get(name).ok_or_else(|| REQUIRED.into())
    }
}

/// A list of integer ids: each once, in the order in which they were first named.
pub(super) fn file_ids(raw: &RawValue) -> Result<Vec<FileId>, Fault> {
    let items: Vec<&RawValue> = match python_type(raw) {
        "NoneType" => return Err(NULL.into()),
        "list" => serde_json::from_str(raw.get()).map_err(|_| NOT_A_VALUE)?,
        other => return Err(format!("Expected a list of items but got type \"{other}\".").into()),
    };
    // Counted first: a refusal must not name a hundred thousand positions.
    match items.len() {
        0 => return Err(NO_ITEMS.into()),
        count if count > MAX_IDS => {
            return Err(format!("Ensure this field has no more than {MAX_IDS} elements.").into());
        }
        _ => {}
    }
    let (mut ids, mut faults) = (Vec::new(), Vec::new());
    for (position, item) in items.into_iter().enumerate() {
        match integer(item) {
            Ok(id) => ids.push(id),
            Err(fault) => faults.push((position, fault)),
        }
    }
    if !faults.is_empty() {
        return Err(Fault::Items(faults));
    }
    let mut seen = std::collections::HashSet::new();
    ids.retain(|id| seen.insert(id.clone()));
    Ok(ids)
}

/// DRF takes a number without a fraction, or its text. Python's `1_000` and digits of other scripts are refused: what
/// is deleted for good is named in plain figures.
fn integer(raw: &RawValue) -> Result<FileId, &'static str> {
    let text = raw.get();
    match python_type(raw) {
        "NoneType" => Err(NULL),
        "int" => plain_integer(text).ok_or(NOT_AN_INTEGER),
        "float" => plain_integer(text).or_else(|| scientific_integer(text)).ok_or(NOT_AN_INTEGER),
        "str" => match string(raw) {
            Some(text) if text.chars().count() > 1_000 => Err(LONG_INTEGER),
            Some(text) => plain_integer(text.trim()).ok_or(NOT_AN_INTEGER),
            None => Err(NOT_AN_INTEGER),
        },
        _ => Err(NOT_AN_INTEGER),
    }
}

/// `101`, `+101`, `-101`, `0101`, `101.`, `101.00`
fn plain_integer(text: &str) -> Option<FileId> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let negative = whole.starts_with('-');
    let digits = whole.strip_prefix(['-', '+']).unwrap_or(whole);
    if digits.is_empty()
        || !digits.bytes().all(|byte| byte.is_ascii_digit())
        || !fraction.bytes().all(|byte| byte == b'0')
    {
        return None;
    }
    let digits = digits.trim_start_matches('0');
    let text = match (negative, digits) {
        (_, "") => "0".to_owned(),
        (true, digits) => format!("-{digits}"),
        (false, digits) => digits.to_owned(),
    };
    Some(text.parse().map_or(FileId::Beyond(text), FileId::Id))
}

/// `1e2`, up to where Python itself stops to print such a number as an integer.
fn scientific_integer(text: &str) -> Option<FileId> {
    let number: f64 = text.parse().ok()?;
    (number.fract() == 0.0 && number.abs() < 1e16).then_some(FileId::Id(number as i64))
}

/// A file's name: `echo` as it was sent, and the name that it makes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FileName {
    pub(super) echo: String,
    pub(super) name: NodeName,
}

pub(super) fn file_name(raw: &RawValue) -> Result<FileName, Fault> {
    let echo = text(raw)?;
    if echo.trim().is_empty() {
        return Err(BLANK.into());
    }
    // Counted as the name's own rule counts: after normalization.
    at_most(echo.nfc().count())?;
    let name = NodeName::parse(&echo).map_err(|_| NOT_A_VALUE)?;
    Ok(FileName { echo, name })
}

/// `type/subtype`, perhaps with parameters.
pub(super) fn media_type(raw: &RawValue) -> Result<String, Fault> {
    let text = text(raw)?;
    at_most(text.chars().count())?;
    match is_media_type(&text) {
        true => Ok(text),
        false => Err(NOT_A_VALUE.into()),
    }
}

/// In the forms that Python takes: with or without hyphens, in braces, behind `urn:uuid:`, in any case.
pub(super) fn uuid(raw: &RawValue) -> Result<Uuid, Fault> {
    if python_type(raw) == "NoneType" {
        return Err(NULL.into());
    }
    string(raw).and_then(|text| Uuid::parse_str(&text).ok()).ok_or_else(|| NOT_A_UUID.into())
}

fn text(raw: &RawValue) -> Result<String, Fault> {
    match python_type(raw) {
        "NoneType" => Err(NULL.into()),
        _ => string(raw).ok_or_else(|| NOT_A_STRING.into()),
    }
}

fn at_most(characters: usize) -> Result<(), Fault> {
    match characters > MAX_TEXT {
        true => Err(format!("Ensure this field has no more than {MAX_TEXT} characters.").into()),
        false => Ok(()),
    }
}

fn string(raw: &RawValue) -> Option<String> {
    serde_json::from_str(raw.get()).ok()
}

fn is_media_type(text: &str) -> bool {
    let mut parts = text.split(';').map(str::trim);
    let essence = parts.next().and_then(|essence| essence.split_once('/'));
    text.trim() == text
        && essence.is_some_and(|(kind, subtype)| is_token(kind) && is_token(subtype))
        && parts.all(|parameter| {
            parameter
                .split_once('=')
                .is_some_and(|(name, value)| is_token(name) && (is_token(value) || is_quoted(value)))
        })
}

/// RFC 9110, section 5.6.2.
fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

fn is_quoted(text: &str) -> bool {
    text.strip_prefix('"')
        .and_then(|text| text.strip_suffix('"'))
        .is_some_and(|text| text.bytes().all(|byte| matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\'))
}

/// The name of the type that Python's parser makes of a value.
fn python_type(raw: &RawValue) -> &'static str {
    let text = raw.get();
    match text.as_bytes().first() {
        Some(b'{') => "dict",
        Some(b'[') => "list",
        Some(b'"') => "str",
        Some(b't' | b'f') => "bool",
        Some(b'n') | None => "NoneType",
        Some(_) if text.contains(['.', 'e', 'E']) => "float",
        Some(_) => "int",
    }
}

impl FieldErrors {
    /// Notes what is wrong with a field and goes on with the next, so that one answer names all.
    pub(super) fn note<T>(&mut self, field: &'static str, value: Result<T, Fault>) -> Option<T> {
        value.map_err(|fault| self.0.push((field, fault))).ok()
    }
}

impl From<&str> for Fault {
    fn from(text: &str) -> Self {
        Fault::Field(text.to_owned())
    }
}

impl From<String> for Fault {
    fn from(text: String) -> Self {
        Fault::Field(text)
    }
}

impl Serialize for Fault {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Fault::Field(text) => [text].serialize(serializer),
            Fault::Items(items) => serializer.collect_map(items.iter().map(|(position, text)| (position, [text]))),
        }
    }
}

impl Serialize for FieldErrors {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(field, fault)| (field, fault)))
    }
}

impl Serialize for FileId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            FileId::Id(id) => serializer.serialize_i64(*id),
            FileId::Beyond(digits) => {
                RawValue::from_string(digits.clone()).map_err(serde::ser::Error::custom)?.serialize(serializer)
            }
        }
    }
}

#[cfg(test)]
mod tests;
