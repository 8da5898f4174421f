//! How the protocol of a connection finds procedures: by name, or by path.

use crate::{
    Procedure,
    service::{BuildError, Registered, Service},
};
use swill_proto::{Directory, Found, ProcedureId, Routed, Value};

/// The paths by which procedures can be called.
#[derive(Default)]
pub(crate) struct Paths(matchit::Router<Target>);

#[derive(Clone)]
struct Target {
    found: Found,
    /// The parameters that are no text, by name.
    typed: Vec<(&'static str, Type)>,
}

/// What the text of a path is read as.
#[derive(Clone, Copy)]
enum Type {
    Integer,
    Number,
    Boolean,
}

impl Paths {
    pub(crate) fn new(procedures: &[Registered]) -> Result<Self, BuildError> {
        let mut router = matchit::Router::new();
        for (id, Registered { procedure, .. }) in (0_u32..).zip(procedures) {
            for path in procedure.paths() {
                let found = Found { id: ProcedureId(id), shape: procedure.shape() };
                let target = Target { found, typed: typed(procedure) };
                let bad = |why: String| {
                    let name = procedure.name();
                    BuildError::BadPath(format!("the path `{path}` of `{name}` cannot be called: {why}"))
                };
                router.insert(path, target).map_err(|error| bad(error.to_string()))?;
                let has = |name: &str| procedure.parameters().iter().any(|parameter| parameter.name == name);
                if let Some(name) = named(path).find(|name| !has(name)) {
                    return Err(bad(format!("there is no parameter `{name}`")));
                }
            }
        }
        Ok(Self(router))
    }

    fn route(&self, path: &str) -> Option<Routed> {
        let matched = self.0.at(path).ok()?;
        let arguments = matched.params.iter().map(|(name, text)| {
            let ty = matched.value.typed.iter().find(|(typed, _)| *typed == name).map(|(_, ty)| *ty);
            (name.to_owned(), read(text, ty))
        });
        Some(Routed { found: matched.value.found, arguments: arguments.collect() })
    }
}

/// The parameters that a path names.
fn named(path: &str) -> impl Iterator<Item = &str> {
    // Two braces are one that is meant as it is.
    let parts = path.split("{{").flat_map(|part| part.split('{').skip(1));
    parts.filter_map(|part| Some(part.split_once('}')?.0.trim_start_matches('*')))
}

/// The parameters of a procedure whose schema says that they are no text.
fn typed(procedure: &Procedure) -> Vec<(&'static str, Type)> {
    let schemas = procedure.schemas();
    let types = procedure.parameters().iter().zip(&schemas.input).filter_map(|(parameter, schema)| {
        let ty = match schema.get("type")?.as_str()? {
            "integer" => Type::Integer,
            "number" => Type::Number,
            "boolean" => Type::Boolean,
            _ => return None,
        };
        Some((parameter.name, ty))
    });
    types.collect()
}

/// A part of a path as a value. What cannot be read as its type stays text, and is refused where its type is known.
fn read(text: &str, ty: Option<Type>) -> Value {
    let read = match ty {
        Some(Type::Integer) => {
            let negative = text.parse::<i64>().ok().map(Value::from);
            negative.or_else(|| text.parse::<u64>().ok().map(Value::from))
        }
        Some(Type::Number) => text.parse::<f64>().ok().map(Value::from),
        Some(Type::Boolean) => text.parse::<bool>().ok().map(Value::from),
        None => None,
    };
    read.unwrap_or_else(|| Value::from(text))
}

impl Directory for Service {
    #[inline]
    fn find(&self, name: &str) -> Option<Found> {
        self.names.get(name).copied()
    }

    fn route(&self, path: &str) -> Option<Routed> {
        self.paths.route(path)
    }

    fn parameters(&self, procedure: ProcedureId) -> Vec<&str> {
        let registered = self.get(procedure);
        registered.map_or_else(Vec::new, |it| it.procedure.parameters().iter().map(|it| it.name).collect())
    }

    fn names(&self) -> Vec<&str> {
        Self::names(self).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{App, Module};

    #[test]
    fn parameters_in_paths_have_the_types_of_the_procedure() {
        let rooms = Module::new().handle(
            "enter",
            ["room", "seat", "price", "window"],
            async |_: String, _: u64, _: f64, _: bool| {},
        );
        let rooms = rooms.procedures().next().unwrap().clone().path("/rooms/{room}/{seat}/{price}/{window}");
        let (service, ..) = App::new().module(Module::new().procedure(rooms)).build().unwrap();
        let arguments = |path| Directory::route(&*service, path).map(|it| it.arguments);
        let name = |name: &str| name.to_owned();
        assert_eq!(
            arguments("/rooms/7/7/7/true"),
            Some(vec![
                (name("room"), Value::from("7")),
                (name("seat"), Value::from(7)),
                (name("price"), Value::from(7.0)),
                (name("window"), Value::from(true)),
            ])
        );
        let max = arguments("/rooms/7/18446744073709551615/x/x").unwrap();
        assert_eq!(max[1].1, Value::from(u64::MAX));
        assert_eq!(max[2].1, Value::from("x"));
        assert_eq!(arguments("/rooms/7/7"), None);
    }

    #[test]
    fn a_path_is_well_formed_and_names_parameters() {
        for (path, why) in [
            ("/{a}{b}", Some("")),
            ("/rooms/{room}/{seat}", Some("`seat`")),
            ("/rooms/{*rest}", Some("`rest`")),
            ("/rooms/{room}/{{seat}}", None),
            ("/rooms/{*room}", None),
            ("/rooms", None),
        ] {
            let enter = Module::new().handle("enter", ["room"], async |_: String| {});
            let enter = enter.procedures().next().unwrap().clone().path(path);
            let built = App::new().module(Module::new().procedure(enter)).build().map(drop);
            match (built, why) {
                (Ok(()), None) => {}
                (Err(BuildError::BadPath(text)), Some(why)) => assert!(text.contains(why), "{path}: {text}"),
                (other, _) => panic!("{path}: {other:?}"),
            }
        }
    }
}
