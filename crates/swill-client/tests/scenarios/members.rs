//! The members of a JSON object, taken one by one: what is left over at the end is unknown, and an error.

use serde_json::{Map, Value as Json};

pub(crate) type Wrong<T> = Result<T, String>;

pub(crate) struct Members(Map<String, Json>);

impl Members {
    pub(crate) fn of(json: Json) -> Wrong<Self> {
        match json {
            Json::Object(members) => Ok(Self(members)),
            other => Err(format!("not an object: {other}")),
        }
    }

    /// `None` if it is not there; a null that is there is a null.
    pub(crate) fn json(&mut self, name: &str) -> Option<Json> {
        self.0.remove(name)
    }

    pub(crate) fn needed(&mut self, name: &str) -> Wrong<Json> {
        self.json(name).ok_or_else(|| format!("`{name}` is missing"))
    }

    pub(crate) fn text(&mut self, name: &str) -> Wrong<String> {
        self.maybe_text(name)?.ok_or_else(|| format!("`{name}` is missing"))
    }

    pub(crate) fn maybe_text(&mut self, name: &str) -> Wrong<Option<String>> {
        match self.json(name) {
            None => Ok(None),
            Some(Json::String(text)) => Ok(Some(text)),
            Some(other) => Err(format!("`{name}` is no text: {other}")),
        }
    }

    pub(crate) fn number(&mut self, name: &str) -> Wrong<Option<u64>> {
        match self.json(name) {
            None => Ok(None),
            Some(json) => json.as_u64().map(Some).ok_or_else(|| format!("`{name}` is no number: {json}")),
        }
    }

    /// `None` if it is not there, `Some(None)` if it is null.
    pub(crate) fn number_or_null(&mut self, name: &str) -> Wrong<Option<Option<u64>>> {
        match self.0.get(name) {
            Some(Json::Null) => {
                self.0.remove(name);
                Ok(Some(None))
            }
            _ => Ok(self.number(name)?.map(Some)),
        }
    }

    pub(crate) fn flag(&mut self, name: &str) -> Wrong<bool> {
        match self.json(name) {
            None => Ok(false),
            Some(Json::Bool(flag)) => Ok(flag),
            Some(other) => Err(format!("`{name}` is neither true nor false: {other}")),
        }
    }

    pub(crate) fn list(&mut self, name: &str) -> Wrong<Vec<Json>> {
        match self.needed(name)? {
            Json::Array(list) => Ok(list),
            other => Err(format!("`{name}` is no list: {other}")),
        }
    }

    pub(crate) fn texts(&mut self, name: &str) -> Wrong<Vec<String>> {
        let text = |json: Json| json.as_str().map(str::to_owned).ok_or_else(|| format!("`{name}`: {json}"));
        self.list(name)?.into_iter().map(text).collect()
    }

    /// The members that are left, for a map whose names are anybody's choice.
    pub(crate) fn rest(&mut self) -> Map<String, Json> {
        std::mem::take(&mut self.0)
    }

    pub(crate) fn end(self) -> Wrong<()> {
        match self.0.keys().next() {
            None => Ok(()),
            Some(name) => Err(format!("`{name}` is unknown")),
        }
    }
}
