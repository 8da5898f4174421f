//! Constraints on values: what [`#[swill::validate]`](crate::validate) and `#[valid(...)]` expand to.
//!
//! A type says what its values hold to in [`Validate`]. [`decoded`] checks a value that has just been decoded: it is
//! the last line of a `Deserialize`. [`Described`] writes the same constraints into a JSON Schema.

pub use serde::{Deserialize, Deserializer, Serialize, Serializer};
pub use swill_proto::validation::{Findings, Length, Number, Pattern, Validate, Zoned, decoded, encodable};
pub use swill_proto::{Expected, Rule, Step, Violation};

use schemars::Schema;
use serde_json::{Map, Value as Json};
use std::ops::{Bound, RangeBounds};
use swill_proto::Value;

/// A JSON Schema into which constraints are written.
///
/// ```
/// use swill::{schemars, validation::Described};
///
/// let mut schema = schemars::json_schema!({ "type": "array", "items": { "type": "integer" } });
/// let mut described = Described::new(&mut schema);
/// described.length(1..=5);
/// described.each(|each| each.ge(0));
/// assert_eq!(
///     serde_json::to_value(&schema)?,
///     serde_json::json!({
///         "type": "array", "minItems": 1, "maxItems": 5, "items": { "type": "integer", "minimum": 0 },
///     }),
/// );
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug)]
pub struct Described<'s>(&'s mut Map<String, Json>);

impl<'s> Described<'s> {
    /// Writes into this schema.
    pub fn new(schema: &'s mut Schema) -> Self {
        Self(schema.ensure_object())
    }

    /// `exclusiveMinimum`.
    pub fn gt(&mut self, limit: impl Number) {
        self.limit("exclusiveMinimum", limit.to_value());
    }

    /// `minimum`.
    pub fn ge(&mut self, limit: impl Number) {
        self.limit("minimum", limit.to_value());
    }

    /// `exclusiveMaximum`.
    pub fn lt(&mut self, limit: impl Number) {
        self.limit("exclusiveMaximum", limit.to_value());
    }

    /// `maximum`.
    pub fn le(&mut self, limit: impl Number) {
        self.limit("maximum", limit.to_value());
    }

    /// `multipleOf`.
    pub fn multiple_of(&mut self, number: impl Number) {
        self.limit("multipleOf", number.to_value());
    }

    /// `minLength` and `maxLength`, or the same of items or properties.
    pub fn length(&mut self, range: impl RangeBounds<usize>) {
        let (least, most) = if self.is("array") {
            ("minItems", "maxItems")
        } else if self.is("object") {
            ("minProperties", "maxProperties")
        } else {
            ("minLength", "maxLength")
        };
        let start = match range.start_bound() {
            Bound::Included(&start) => start,
            Bound::Excluded(&start) => start.saturating_add(1),
            Bound::Unbounded => 0,
        };
        if start > 0 {
            self.0.insert(least.into(), start.into());
        }
        let end = match range.end_bound() {
            Bound::Included(&end) => Some(end),
            // Where nothing is short enough, nothing is what a schema can say, too.
            Bound::Excluded(&end) => Some(end.saturating_sub(1)),
            Bound::Unbounded => None,
        };
        if let Some(end) = end {
            self.0.insert(most.into(), end.into());
        }
    }

    /// `pattern`, anchored at the start.
    pub fn regex(&mut self, pattern: &str) {
        let anchored = match pattern.starts_with('^') && !pattern.contains('|') {
            true => pattern.to_owned(),
            false => format!("^(?:{pattern})"),
        };
        self.0.insert("pattern".into(), anchored.into());
    }

    /// `format`: a point in time.
    pub fn date_time(&mut self) {
        self.0.insert("format".into(), "date-time".into());
    }

    /// `default`.
    pub fn default(&mut self, value: impl Serialize) {
        if let Ok(value) = serde_json::to_value(value) {
            self.0.insert("default".into(), value);
        }
    }

    /// What holds for each element of a list or tuple.
    pub fn each(&mut self, mut describe: impl FnMut(&mut Described<'_>)) {
        let items = self.0.entry("items").or_insert(Json::Bool(true));
        if items.is_object() || *items == Json::Bool(true) {
            below(items, &mut describe);
        }
        if let Some(Json::Array(elements)) = self.0.get_mut("prefixItems") {
            elements.iter_mut().for_each(|element| below(element, &mut describe));
            // A tuple says by itself that nothing follows.
            if self.0.get("items").and_then(|items| items.get("type")).is_none() {
                self.0.remove("items");
            }
        }
    }

    /// What holds for each key of a map.
    pub fn keys(&mut self, mut describe: impl FnMut(&mut Described<'_>)) {
        let names = Json::Object(Map::from_iter([("type".to_owned(), "string".into())]));
        below(self.0.entry("propertyNames").or_insert(names), &mut describe);
    }

    /// What holds for each value of a map.
    pub fn values(&mut self, mut describe: impl FnMut(&mut Described<'_>)) {
        below(self.0.entry("additionalProperties").or_insert(Json::Bool(true)), &mut describe);
    }

    fn limit(&mut self, key: &str, limit: Value) {
        if let Ok(limit) = serde_json::to_value(limit) {
            self.0.insert(key.into(), limit);
        }
    }

    /// Whether the value is of a type, or null.
    fn is(&self, ty: &str) -> bool {
        match self.0.get("type") {
            Some(Json::String(own)) => own == ty,
            Some(Json::Array(own)) => own.iter().any(|own| own == ty),
            _ => false,
        }
    }
}

fn below(schema: &mut Json, describe: &mut impl FnMut(&mut Described<'_>)) {
    if let Ok(schema) = <&mut Schema>::try_from(schema) {
        describe(&mut Described::new(schema));
    }
}
