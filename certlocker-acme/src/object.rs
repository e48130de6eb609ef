//! JSON objects, and nothing else that a derived struct would be read from.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};

/// A value that stands as an object: derived structs read from arrays too, member by member, and
/// nothing in ACME is written so.
pub(crate) struct Object<T>(pub(crate) T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Members(PhantomData)).map(Self)
    }
}

struct Members<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for Members<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<T, A::Error> {
        T::deserialize(MapAccessDeserializer::new(members))
    }
}

/// Reads a text that is one object.
pub(crate) fn from_slice<'de, T: Deserialize<'de>>(json: &'de [u8]) -> serde_json::Result<T> {
    serde_json::from_slice(json).map(|Object(value)| value)
}

/// Reads a list of objects.
pub(crate) fn list<'de, T, D>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    let list = Vec::<Object<T>>::deserialize(deserializer)?;
    Ok(list.into_iter().map(|Object(value)| value).collect())
}

/// Whether a member is there, with any value: `null` too.
pub(crate) fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    IgnoredAny::deserialize(deserializer).map(|_| true)
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    struct Named {
        #[serde(default, deserialize_with = "present")]
        crit: bool,
        name: String,
    }

    #[test]
    fn an_array_is_no_object_though_a_derived_struct_reads_from_it() {
        assert!(serde_json::from_slice::<Named>(br#"[null, "a"]"#).is_ok());
        let refused = from_slice::<Named>(br#"[null, "a"]"#)
            .unwrap_err()
            .to_string();
        assert!(refused.contains("expected an object"), "{refused}");
    }

    #[test]
    fn a_member_that_is_null_is_present() {
        let named: Named = from_slice(br#"{"name": "a", "crit": null}"#).unwrap();
        assert!(named.crit && named.name == "a");
        assert!(!from_slice::<Named>(br#"{"name": "a"}"#).unwrap().crit);
    }
}
