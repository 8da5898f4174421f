//! Events: JSON objects with a `type`.

use super::{frame::Frame, wire::take};
use swill_proto::Value;

/// Whether a message looks like one.
pub(super) fn is_one(value: &Value) -> bool {
    value.get("type").is_some_and(|name| name.as_str().is_some())
}

/// What a message says; `None` if it is none of this protocol.
pub(super) fn message(value: Value) -> Option<Vec<Frame>> {
    let Value::Map(mut members) = value else { return None };
    let frame = match (take(&mut members, "type"), take(&mut members, "errors")) {
        (Some(Value::Text(name)), errors) => {
            members.extend(errors.map(|errors| (Value::Text("errors".to_owned()), errors)));
            Frame::new("event").procedure(name).payload(Value::Map(members))
        }
        (None, Some(errors)) => Frame::new("error").payload(errors),
        _ => return None,
    };
    Some(vec![frame])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json;

    #[test]
    fn types_are_names() {
        let said = |text: &str| {
            let frame = message(json::parse(text).unwrap())?.remove(0);
            Some((frame.kind, frame.procedure, frame.payload.as_ref().map(json::line)))
        };
        assert_eq!(
            said(r#"{"type":"add","a":1}"#),
            Some(("event", Some("add".into()), Some(r#"{"a":1}"#.into())))
        );
        assert_eq!(said(r#"{"errors":[1]}"#), Some(("error", None, Some("[1]".into()))));
        assert_eq!(said(r#"{"a":1}"#), None);
        assert_eq!(said("[]"), None);
    }
}
