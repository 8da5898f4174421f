//! What a client serves to its server: procedures by name, with their types erased when they are registered.

use crate::Client;
use serde::{Serialize, de::DeserializeOwned};
use std::{collections::HashMap, fmt, future::Future, pin::Pin};
use swill_proto::{Directory, Error, Format, Found, Payload, ProcedureId, Result, Shape};

/// The handlers of a client, in the order in which they were registered.
#[derive(Default)]
pub(crate) struct Handlers {
    list: Vec<Handler>,
    places: HashMap<Box<str>, u32>,
}

/// One of them.
pub(crate) struct Handler {
    pub(crate) name: Box<str>,
    /// It calls back.
    pub(crate) wants_client: bool,
    start: Box<Start>,
}

/// Takes the parameters out of what came over the wire, and begins.
type Start = dyn Fn(Option<&Payload<'_>>, Format, Option<Client>) -> Result<Running> + Send + Sync;

/// A handler at work. It ends with its answer, written.
pub(crate) type Running = Pin<Box<dyn Future<Output = Result<Vec<u8>>> + Send>>;

impl Handlers {
    /// Adds a handler, which is handed a client if it wants one. Whether its name was free.
    pub(crate) fn insert<P, R, F, A>(&mut self, name: &str, wants_client: bool, handler: F) -> bool
    where
        F: Fn(P, Option<Client>) -> Result<A> + Send + Sync + 'static,
        A: Future<Output = Result<R>> + Send + 'static,
        P: DeserializeOwned,
        R: Serialize,
    {
        let place = self.list.len() as u32;
        if self.places.insert(name.into(), place).is_some() {
            return false;
        }
        let start = move |payload: Option<&Payload<'_>>, format, client| -> Result<Running> {
            let running = handler(parameters(payload, format)?, client)?;
            Ok(Box::pin(async move {
                let mut answer = Vec::new();
                Payload::encode_into(format, &running.await?, &mut answer)?;
                Ok(answer)
            }))
        };
        self.list.push(Handler { name: name.into(), wants_client, start: Box::new(start) });
        true
    }

    pub(crate) fn get(&self, id: ProcedureId) -> Option<&Handler> {
        self.list.get(id.0 as usize)
    }
}

impl Handler {
    /// Begins a call. Nothing has run yet.
    ///
    /// # Errors
    ///
    /// Code 422 if the parameters do not fit.
    pub(crate) fn start(
        &self,
        payload: Option<&Payload<'_>>,
        format: Format,
        client: Option<Client>,
    ) -> Result<Running> {
        (self.start)(payload, format, client)
    }
}

impl Directory for Handlers {
    fn find(&self, name: &str) -> Option<Found> {
        let place = *self.places.get(name)?;
        Some(Found { id: ProcedureId(place), shape: Shape::SINGLE })
    }

    fn names(&self) -> Vec<&str> {
        self.list.iter().map(|handler| &*handler.name).collect()
    }
}

/// Reads parameters. None at all are an empty list, an empty map or null, whichever the type takes.
fn parameters<P: DeserializeOwned>(payload: Option<&Payload<'_>>, format: Format) -> Result<P> {
    let (list, map, null): (&[u8], &[u8], &[u8]) = match format {
        Format::Json => (b"[]", b"{}", b"null"),
        Format::MessagePack => (b"\x90", b"\x80", b"\xc0"),
    };
    let given = match payload {
        Some(payload) if ![list, map, null].contains(&payload.bytes()) => return payload.decode(),
        Some(payload) => payload.bytes(),
        None => list,
    };
    let result = Payload::new(format, given).decode();
    [list, map, null].into_iter().filter(|nothing| *nothing != given).fold(result, |result, nothing| {
        // Of all errors, that about what really came says most.
        result.or_else(|error: Error| Payload::new(format, nothing).decode().map_err(|_| error))
    })
}

impl fmt::Debug for Handlers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.names()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;
    use std::{collections::BTreeMap, fmt::Debug};
    use swill_proto::Value;

    #[derive(Debug, Deserialize, PartialEq)]
    struct Point {
        x: i32,
        #[serde(default)]
        y: Option<i32>,
    }

    #[derive(Debug, Deserialize, PartialEq)]
    struct Options {
        depth: Option<u8>,
    }

    fn read<P: DeserializeOwned>(json: Option<&str>) -> Result<P> {
        let payload = json.map(|json| Payload::new(Format::Json, json.as_bytes()));
        let result = parameters(payload.as_ref(), Format::Json);
        let value = json.map(value);
        let packed = value.map(|value| Payload::encode(Format::MessagePack, &value).unwrap());
        assert_eq!(parameters::<P>(packed.as_ref(), Format::MessagePack).is_ok(), result.is_ok(), "{json:?}");
        result
    }

    fn value(json: &str) -> Value {
        Payload::new(Format::Json, json.as_bytes()).decode().unwrap()
    }

    #[track_caller]
    fn reads<P: DeserializeOwned + Debug + PartialEq>(json: impl Into<Option<&'static str>>, expected: &P) {
        assert_eq!(read::<P>(json.into()).unwrap(), *expected);
    }

    #[test]
    fn lists_maps_and_nothing_become_parameters() {
        reads(r#"["wall"]"#, &("wall".to_owned(),));
        reads("[1, 2]", &(1, 2));
        reads("[1, 2]", &Point { x: 1, y: Some(2) });
        reads(r#"{"y": 2, "x": 1}"#, &Point { x: 1, y: Some(2) });
        reads(r#"{"x": 1}"#, &Point { x: 1, y: None });
        reads(r#"{"a": 1}"#, &BTreeMap::from([("a".to_owned(), 1)]));
        for nothing in [None, Some("[]"), Some("{}"), Some("null")] {
            reads(nothing, &());
            reads(nothing, &Options { depth: None });
            reads(nothing, &BTreeMap::<String, i32>::new());
            reads(nothing, &Vec::<i32>::new());
        }
    }

    #[test]
    fn what_does_not_fit_is_refused_with_its_place() {
        for json in [r#"["wall", 1]"#, "[1]", "[]", r#"{"wall": "x"}"#] {
            assert_eq!(read::<(String,)>(Some(json)).unwrap_err().code().0, 422, "{json}");
        }
        let error = read::<Point>(Some(r#"{"x": "one"}"#)).unwrap_err();
        assert_eq!((error.code().0, error.parameter()), (422, Some("x")));
        assert_eq!(read::<()>(Some("[1]")).unwrap_err().code().0, 422);
    }

    #[test]
    fn a_name_is_taken_once() {
        let mut handlers = Handlers::default();
        assert!(handlers.insert("colour", false, |(): (), _| Ok(async { Ok("red") })));
        assert!(!handlers.insert("colour", false, |(): (), _| Ok(async { Ok("blue") })));
        assert_eq!(format!("{handlers:?}"), r#"["colour"]"#);
    }
}
