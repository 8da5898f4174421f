use crate::Protocol;
use serde::Serialize;
use std::{cell::Cell, ops::Deref};
use swill_proto::{Code, Error, Format, Payload, Result, scan};

/// A buffer that has grown larger than this is not kept.
const LARGEST_KEPT: usize = 64 << 10;

thread_local! {
    static SPARE: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// A written value in a buffer that the thread lends.
#[derive(Debug)]
pub(crate) struct Scratch(Vec<u8>);

impl Scratch {
    pub(crate) fn encode<T: Serialize + ?Sized>(format: Format, value: &T) -> Result<Self> {
        let mut scratch = Self(SPARE.try_with(Cell::take).unwrap_or_default());
        scratch.0.clear();
        Payload::encode_into(format, value, &mut scratch.0)?;
        Ok(scratch)
    }

    /// Parameters as the protocol wants them; `None` if there are none.
    #[inline]
    pub(crate) fn parameters<T: Serialize + ?Sized>(protocol: Protocol, value: &T) -> Result<Option<Self>> {
        let mut scratch = Self::encode(protocol.format(), value)?;
        if !protocol.lists_parameters() {
            return Ok(Some(scratch));
        }
        if scratch.is_null(protocol.format()) {
            return Ok(None);
        }
        scratch.list(protocol.format());
        // Servers would take the whole message for no JSON-RPC, and answer nobody.
        if scratch.0.len() > scan::DEPTH && scan::check(protocol.format(), &scratch.0).is_err() {
            return Err(too_deep());
        }
        Ok(Some(scratch))
    }

    fn is_null(&self, format: Format) -> bool {
        match format {
            Format::MessagePack => *self.0 == [0xc0],
            Format::Json => *self.0 == *b"null",
        }
    }

    /// Makes a list of what is neither a list nor a map.
    fn list(&mut self, format: Format) {
        match (format, self.0.first()) {
            // Lists and maps: the short ones, and those with a length of 16 and 32 bits.
            (Format::MessagePack, Some(0x80..=0x9f | 0xdc..=0xdf)) | (Format::Json, Some(b'[' | b'{')) => {}
            (Format::MessagePack, _) => self.0.insert(0, 0x91),
            (Format::Json, _) => {
                self.0.insert(0, b'[');
                self.0.push(b']');
            }
        }
    }
}

#[cold]
fn too_deep() -> Error {
    let message = format!("the parameters are nested deeper than {} levels; they were not sent", scan::DEPTH);
    Error::new(Code::BAD_REQUEST, message)
}

impl Deref for Scratch {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if self.0.capacity() <= LARGEST_KEPT {
            let buffer = std::mem::take(&mut self.0);
            // The thread may be ending.
            let _ = SPARE.try_with(|spare| spare.set(buffer));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;
    use swill_proto::Value;

    #[derive(Serialize)]
    struct Point {
        x: i32,
    }

    #[test]
    fn parameters_are_a_list_or_a_map() {
        fn check(params: impl Serialize, json: Option<&str>) {
            let written = Scratch::parameters(Protocol::JsonRpc, &params).unwrap();
            assert_eq!(written.as_deref(), json.map(str::as_bytes));
            // The same in the other format.
            let packed = Scratch::parameters(Protocol::JsonRpcMsgpack, &params).unwrap();
            let value =
                |format, bytes: &[u8]| Payload::new(format, bytes).decode::<swill_proto::Value>().unwrap();
            let packed = packed.map(|packed| value(Format::MessagePack, &packed));
            assert_eq!(packed, json.map(|json| value(Format::Json, json.as_bytes())));
            // Elsewhere they are what they are.
            let whole = Scratch::parameters(Protocol::Swill, &params).unwrap().unwrap();
            assert_eq!(&*whole, Payload::encode(Format::MessagePack, &params).unwrap().bytes());
        }
        check((), None);
        check(None::<i32>, None);
        check((1, 2), Some("[1,2]"));
        check([1; 20], Some("[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]"));
        check(Vec::<i32>::new(), Some("[]"));
        check(Point { x: 1 }, Some(r#"{"x":1}"#));
        check(BTreeMap::from([("a", 1)]), Some(r#"{"a":1}"#));
        check("wall", Some(r#"["wall"]"#));
        check("[", Some(r#"["["]"#));
        check(-1, Some("[-1]"));
        check(0.5, Some("[0.5]"));
        check(true, Some("[true]"));
    }

    #[test]
    fn parameters_that_no_server_would_read_are_refused() {
        let nested = |levels: usize| (0..levels).fold(Value::Nil, |value, _| vec![value].into());
        for protocol in [Protocol::JsonRpc, Protocol::JsonRpcMsgpack] {
            assert!(Scratch::parameters(protocol, &nested(scan::DEPTH)).is_ok());
            let error = Scratch::parameters(protocol, &nested(scan::DEPTH + 1)).unwrap_err();
            assert_eq!(error.code(), Code::BAD_REQUEST);
            // Brackets in a text are none.
            assert!(Scratch::parameters(protocol, &"[".repeat(1000)).is_ok());
        }
        // There the server says so, and nothing else suffers.
        assert!(Scratch::parameters(Protocol::Swill, &nested(scan::DEPTH + 1)).is_ok());
    }
}
