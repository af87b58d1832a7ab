//! JSON as this dialect reads it: names in any case, and no name twice in one object (onlyoffice.md 3.1, 5).

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{Error, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Map, Number, Value};

/// A value whose names are in lower case, each once.
pub(super) struct Strict(pub(super) Value);

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StrictVisitor)
    }
}

struct StrictVisitor;

impl<'de> Visitor<'de> for StrictVisitor {
    type Value = Strict;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<Strict, E> {
        Ok(Strict(Value::Null))
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Strict, E> {
        Ok(Strict(value.into()))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Strict, E> {
        Ok(Strict(value.into()))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Strict, E> {
        Ok(Strict(value.into()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Strict, E> {
        Ok(Strict(Number::from_f64(value).map_or(Value::Null, Value::Number)))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Strict, E> {
        Ok(Strict(text.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Strict, A::Error> {
        let mut list = Vec::new();
        while let Some(Strict(item)) = items.next_element()? {
            list.push(item);
        }
        Ok(Strict(Value::Array(list)))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Strict, A::Error> {
        let mut members = Map::new();
        while let Some((name, Strict(value))) = entries.next_entry::<String, Strict>()? {
            if members.insert(name.to_lowercase(), value).is_some() {
                return Err(A::Error::custom("a name that stands there twice"));
            }
        }
        Ok(Strict(Value::Object(members)))
    }
}

/// The same for a value that came in another form. `None`: a name twice in other letters.
pub(super) fn lower(members: Map<String, Value>) -> Option<Map<String, Value>> {
    let mut lowered = Map::new();
    for (name, value) in members {
        let value = match value {
            Value::Object(members) => Value::Object(lower(members)?),
            Value::Array(items) => Value::Array(items.into_iter().map(lower_value).collect::<Option<_>>()?),
            other => other,
        };
        if lowered.insert(name.to_lowercase(), value).is_some() {
            return None;
        }
    }
    Some(lowered)
}

fn lower_value(value: Value) -> Option<Value> {
    match value {
        Value::Object(members) => lower(members).map(Value::Object),
        other => Some(other),
    }
}
