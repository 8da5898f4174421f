//! Parameters out of arguments.

mod argument;
mod schema;

use crate::{Error, Result, json, nearest};
use argument::{Argument, Content, is_pair, read_named, split};
use schema::Accepts;
use swill_client::Protocol;
use swill_proto::{
    Value,
    spec::{ProcedureSpec, Schema, Spec},
};

pub(crate) use argument::Arguments;

/// What the help says of parameters.
pub(crate) const HELP: &str = "\
Parameters:
  1 2 Ann            by position: each is JSON, or else text
  a=Ann b:=2         by name: `=` for text (or what the description says), `:=` for JSON
  '[1, 2]'           one JSON value: all parameters as a list or a map, or the only one
  @FILE  -           from a file, or from the standard input; also name=@FILE, name:=@FILE
  '{\"$bytes\": \"aGk=\"}'   bytes, in base64, wherever a value stands";

/// What a procedure is known to take, if a description tells.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Known<'s> {
    pub(crate) spec: &'s Spec,
    pub(crate) procedure: &'s ProcedureSpec,
}

impl Known<'_> {
    /// Whether an argument is the only parameter, which is bytes, in base64.
    fn takes_bytes(&self, argument: &str) -> bool {
        match self.procedure.parameters.as_slice() {
            [only] => schema::is_bytes(self.spec, &only.schema) && json::bytes(argument).is_some(),
            _ => false,
        }
    }
}

/// Makes parameters of arguments, in the form in which `protocol` sends them.
///
/// # Errors
///
/// An argument is no JSON where it has to be, its file cannot be read, or the description knows no such name.
pub(crate) fn parameters(
    arguments: &Arguments<'_>,
    known: Option<Known<'_>>,
    protocol: Protocol,
) -> Result<Value> {
    let value = match arguments.written {
        [] => Value::Nil,
        // Base64 ends with the sign that stands behind names.
        [argument] if known.is_some_and(|known| known.takes_bytes(argument)) => {
            alone(arguments.alone(argument)?, known, protocol)?
        }
        pairs if pairs.iter().all(|argument| is_pair(argument)) => {
            let pairs = pairs.iter().filter_map(|argument| split(argument));
            by_name(pairs.collect(), known, protocol)?
        }
        mixed if mixed.iter().any(|argument| is_pair(argument)) => {
            return Err(Error::usage("some parameters have names, and some have not")
                .advice("give all of them by name (`a=1 b=2`) or by position; text with `=` in it is written as '\"a=1\"'"));
        }
        [argument] => alone(arguments.alone(argument)?, known, protocol)?,
        several => {
            let schema =
                |at: usize| known.and_then(|it| it.procedure.parameters.get(at)).map(|it| &it.schema);
            let read =
                |(at, argument): (usize, &String)| value(arguments.alone(argument)?, schema(at), known);
            Value::List(several.iter().enumerate().map(read).collect::<Result<_>>()?)
        }
    };
    Ok(written(value, protocol))
}

/// Makes items of a stream in of arguments, one of each.
///
/// # Errors
///
/// As for [`parameters`].
pub(crate) fn items(
    arguments: &Arguments<'_>,
    known: Option<Known<'_>>,
    protocol: Protocol,
) -> Result<Vec<Value>> {
    let schema = item_schema(known);
    let item = |argument: &String| Ok(written(value(arguments.alone(argument)?, schema, known)?, protocol));
    arguments.written.iter().map(item).collect()
}

/// Makes an item of a line of JSON.
///
/// # Errors
///
/// What is wrong with the line.
pub(crate) fn item(line: &str, known: Option<Known<'_>>, protocol: Protocol) -> Result<Value, String> {
    let parsed = json::parse(line)?;
    Ok(written(fitted(parsed, item_schema(known), known), protocol))
}

fn item_schema(known: Option<Known<'_>>) -> Option<&Schema> {
    known.and_then(|it| it.procedure.items.as_ref()).map(|items| &items.schema)
}

/// Reads `NAME=TEXT` or `NAME:=JSON`, as metadata is given.
///
/// # Errors
///
/// It is neither.
pub(crate) fn metadata(argument: &str) -> Result<(String, Value), String> {
    let (name, content) = split(argument).ok_or("metadata is NAME=TEXT or NAME:=JSON")?;
    let value = match content {
        Content::Text(text) => Value::Text(text.to_owned()),
        Content::Json(text) => json::parse(text)?,
    };
    Ok((name.to_owned(), value))
}

/// One argument: all parameters, or the only one.
fn alone(argument: Argument, known: Option<Known<'_>>, protocol: Protocol) -> Result<Value> {
    let Some(it) = known else {
        return value(argument, None, None);
    };
    match it.procedure.parameters.as_slice() {
        [only] => {
            let value = value(argument, Some(&only.schema), known)?;
            Ok(if takes_whole(protocol) { value } else { Value::List(vec![value]) })
        }
        several => {
            let first = several.first().map(|parameter| &parameter.schema);
            match value(argument, None, None)? {
                Value::List(list) => {
                    let schemas = several.iter().map(|it| Some(&it.schema)).chain(std::iter::repeat(None));
                    let fit = |(value, schema)| fitted(value, schema, known);
                    Ok(Value::List(list.into_iter().zip(schemas).map(fit).collect()))
                }
                Value::Map(entries) => {
                    let schema = |name: &Value| {
                        several.iter().find(|it| Some(it.name.as_str()) == name.as_str()).map(|it| &it.schema)
                    };
                    let fit = |(name, value)| {
                        let value = fitted(value, schema(&name), known);
                        (name, value)
                    };
                    Ok(Value::Map(entries.into_iter().map(fit).collect()))
                }
                single if several.is_empty() => Ok(single),
                single => Ok(Value::List(vec![fitted(single, first, known)])),
            }
        }
    }
}

fn by_name(pairs: Vec<(&str, Content<'_>)>, known: Option<Known<'_>>, protocol: Protocol) -> Result<Value> {
    let Some(it) = known else {
        let entry =
            |(name, content)| Ok((Value::Text(String::from(name)), value(read_named(content)?, None, None)?));
        return Ok(Value::Map(pairs.into_iter().map(entry).collect::<Result<_>>()?));
    };
    let entry = |name: &str, content, schema| {
        Ok((Value::Text(name.to_owned()), value(read_named(content)?, schema, known)?))
    };
    let parameters = it.procedure.parameters.as_slice();
    let unknown =
        pairs.iter().map(|(name, _)| *name).find(|name| parameters.iter().all(|it| it.name != *name));
    if let Some(unknown) = unknown {
        // The members of the only parameter.
        if let [only] = parameters
            && let Some(members) = schema::members(it.spec, &only.schema)
        {
            let entries = pairs.into_iter().map(|(name, content)| entry(name, content, members.get(name)));
            let map = Value::Map(entries.collect::<Result<_>>()?);
            return Ok(if takes_whole(protocol) { map } else { Value::List(vec![map]) });
        }
        return Err(unknown_name(unknown, it.procedure));
    }
    let schema = |name: &str| parameters.iter().find(|it| it.name == name).map(|it| &it.schema);
    let mut entries = Vec::with_capacity(pairs.len());
    for (name, content) in pairs {
        entries.push(entry(name, content, schema(name))?);
    }
    match (parameters, entries.as_mut_slice()) {
        ([_], [(_, value)]) if takes_whole(protocol) => Ok(std::mem::take(value)),
        _ => Ok(Value::Map(entries)),
    }
}

fn unknown_name(unknown: &str, procedure: &ProcedureSpec) -> Error {
    let names: Vec<&str> = procedure.parameters.iter().map(|it| it.name.as_str()).collect();
    let error = Error::usage(format!("`{}` has no parameter `{unknown}`", procedure.name));
    match (nearest::nearest(unknown, names.iter().copied()), names.as_slice()) {
        (Some(meant), _) => error.advice(format!("did you mean `{meant}`?")),
        (None, []) => error.advice("it takes no parameters"),
        (None, names) => error.advice(format!("it takes `{}`", names.join("`, `"))),
    }
}

/// Whether the only parameter of a procedure is sent without a list or a map around it.
fn takes_whole(protocol: Protocol) -> bool {
    protocol == Protocol::Swill
}

/// In the form in which a protocol writes values.
fn written(value: Value, protocol: Protocol) -> Value {
    match protocol {
        Protocol::JsonRpc => json::for_json(value),
        _ => value,
    }
}

/// What an argument means where `schema` says what is wanted.
fn value(argument: Argument, schema: Option<&Schema>, known: Option<Known<'_>>) -> Result<Value> {
    let accepts = match (schema, known) {
        (Some(schema), Some(known)) => schema::accepts(known.spec, schema),
        _ => Accepts::ANYTHING,
    };
    let wrong = |text: &str, why: String| {
        let shown: String = text.chars().take(60).collect();
        Error::usage(format!("`{shown}` cannot be read as JSON: {why}"))
    };
    let value = match argument {
        Argument::Bytes(bytes) => return Ok(Value::Bytes(bytes)),
        Argument::Json(text) => json::parse(&text).map_err(|why| wrong(&text, why))?,
        Argument::Text(text) if schema.is_none() || accepts.is_text() => Value::Text(text),
        Argument::Loose(text) if accepts.is_text() && !text.trim_start().starts_with(['"', '{']) => {
            Value::Text(text)
        }
        Argument::Text(text) | Argument::Loose(text) => match json::parse(&text) {
            Ok(value) => value,
            Err(why) if text.trim_start().starts_with(['"', '{', '[']) => return Err(wrong(&text, why)),
            // A number that JSON refuses would not become what was meant.
            Err(why) if json::too_large(&text) == Some(text.trim()) => return Err(wrong(&text, why)),
            Err(_) => Value::Text(text),
        },
    };
    Ok(fitted(value, schema, known))
}

fn fitted(value: Value, schema: Option<&Schema>, known: Option<Known<'_>>) -> Value {
    match (schema, known) {
        (Some(schema), Some(known)) => schema::fitted(known.spec, schema, value),
        _ => value,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use swill_proto::spec::{Info, ParameterSpec};

    fn procedure(parameters: &[(&str, Schema)]) -> ProcedureSpec {
        let mut procedure = ProcedureSpec::new("it", swill_proto::Shape::SINGLE, json!({ "type": "null" }));
        procedure.parameters =
            parameters.iter().map(|(name, schema)| ParameterSpec::new(*name, schema.clone())).collect();
        procedure
    }

    fn spec() -> Spec {
        let mut spec = Spec::new(Info::default());
        let user = json!({ "type": "object", "properties": {
            "name": { "type": "string" },
            "age": { "type": "integer" },
            "photo": { "type": "string", "contentEncoding": "base64" },
        }});
        spec.definitions.insert("User".into(), user);
        spec
    }

    fn made(arguments: &[&str], parameters: Option<&[(&str, Schema)]>, protocol: Protocol) -> Result<String> {
        let arguments: Vec<String> = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        let (spec, procedure) = (spec(), parameters.map(procedure));
        let known = procedure.as_ref().map(|procedure| Known { spec: &spec, procedure });
        let arguments = Arguments { written: &arguments, input: b"[3]".to_vec() };
        super::parameters(&arguments, known, protocol).map(|value| json::line(&value))
    }

    #[test]
    fn without_a_description_arguments_are_json_or_text() {
        for (arguments, expected) in [
            (&[][..], "null"),
            (&["[1, 2]"], "[1,2]"),
            (&["5"], "5"),
            (&["-"], "[3]"),
            (&["Ann"], r#""Ann""#),
            (&["-1", "2.5", "true", "Ann Lee"], r#"[-1,2.5,true,"Ann Lee"]"#),
            (&["a=1", "b:=2", "c=x=y"], r#"{"a":"1","b":2,"c":"x=y"}"#),
            (&[r#""a=1""#], r#""a=1""#),
            (&["18446744073709551615"], "18446744073709551615"),
            (&[r#"{"$bytes":"aGk="}"#], r#"{"$bytes":"aGk="}"#),
        ] {
            assert_eq!(made(arguments, None, Protocol::Swill).unwrap(), expected, "{arguments:?}");
        }
    }

    #[test]
    fn a_description_says_what_arguments_are() {
        let integer = || json!({ "type": "integer" });
        let text = || json!({ "type": ["string", "null"] });
        let user = || json!({ "$ref": "#/$defs/User" });
        let list = || json!({ "type": "array", "items": integer() });
        let bytes = || json!({ "type": "string", "contentEncoding": "base64" });
        let two = [("a", integer()), ("name", text())];
        for (arguments, parameters, swill, json_rpc) in [
            (&["1", "2"][..], &two[..], r#"[1,"2"]"#, r#"[1,"2"]"#),
            (&["name=null", "a=5"], &two, r#"{"name":"null","a":5}"#, r#"{"name":"null","a":5}"#),
            (&["1"], &two, "[1]", "[1]"),
            (&["[1]"], &two, "[1]", "[1]"),
            (&["5"], &two[1..], r#""5""#, r#"["5"]"#),
            (&["name=5"], &two[1..], r#""5""#, r#"{"name":"5"}"#),
            (&["[1,2]"], &[("numbers", list())], "[1,2]", "[[1,2]]"),
            (
                &["name=Ann", "age=5"],
                &[("user", user())],
                r#"{"name":"Ann","age":5}"#,
                r#"[{"name":"Ann","age":5}]"#,
            ),
            (&["data=aGk="], &[("data", bytes())], r#"{"$bytes":"aGk="}"#, r#"{"data":"aGk="}"#),
            (&["aGk="], &[("data", bytes())], r#"{"$bytes":"aGk="}"#, r#"["aGk="]"#),
            (
                &[r#"{"photo":"aGk="}"#],
                &[("user", user())],
                r#"{"photo":{"$bytes":"aGk="}}"#,
                r#"[{"photo":"aGk="}]"#,
            ),
        ] {
            assert_eq!(made(arguments, Some(parameters), Protocol::Swill).unwrap(), swill, "{arguments:?}");
            assert_eq!(
                made(arguments, Some(parameters), Protocol::JsonRpc).unwrap(),
                json_rpc,
                "{arguments:?}"
            );
        }
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        let two = [("first", json!({ "type": "integer" })), ("name", json!({ "type": "string" }))];
        for (arguments, parameters, why) in [
            (&["a=1", "2"][..], None, "some parameters have names"),
            (&["{a: 1}"], None, "cannot be read as JSON"),
            (&["a:=x"], None, "cannot be read as JSON"),
            (&["18446744073709551616"], None, "64 bits"),
            (&["@/no/such/file"], None, "/no/such/file: "),
            (&["frist=1"], Some(&two[..]), "has no parameter `frist`"),
        ] {
            let error = made(arguments, parameters, Protocol::Swill).unwrap_err();
            assert!(error.to_string().contains(why), "{arguments:?}: {error}");
        }
    }
}
