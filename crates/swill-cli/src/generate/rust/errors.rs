//! Errors: an enum for each procedure that announces some.

use super::{
    super::{
        model::{Failure, Kind, Procedure, Type},
        names::{Scope, pascal, snake},
        text::{Text, about_error},
    },
    RESERVED, Rust, doc, quoted,
};

/// Under this name the scope knows the errors of a procedure.
pub(super) fn error_key(path: &str) -> String {
    format!("error {path}")
}

/// An error as a variant.
struct Case<'m> {
    error: &'m Failure,
    ident: String,
    /// The types of what it holds.
    holds: Vec<String>,
}

impl Rust<'_> {
    pub(super) fn errors(&self, text: &mut Text) {
        let modules = self.model.root.all();
        let failing = modules.iter().flat_map(|module| &module.procedures).filter(|it| !it.errors.is_empty());
        for procedure in failing {
            text.line("");
            self.error(text, procedure);
        }
        if !self.model.errors.is_empty() {
            text.lines(DATA);
        }
    }

    fn cases(&self, procedure: &Procedure) -> Vec<Case<'_>> {
        let mut scope = Scope::without(&[RESERVED, &["Other"]]);
        let errors = procedure.errors.iter().filter_map(|name| self.model.error(name));
        let cases = errors.map(|error| {
            // What all of them have in common is in the name of the enum.
            let short = error.name.strip_prefix(&pascal(&procedure.path)).unwrap_or(&error.name);
            let short = short.strip_suffix("Error").filter(|it| !it.is_empty()).unwrap_or(short);
            let holds = match &error.data {
                None => vec![],
                Some(ty) => match ty.plain() {
                    Type::Tuple(parts) if parts.len() > 1 => {
                        parts.iter().map(|it| self.ty(it, None)).collect()
                    }
                    ty => vec![self.ty(ty, None)],
                },
            };
            Case { error, ident: scope.give(&error.name, short), holds }
        });
        cases.collect()
    }

    fn error(&self, text: &mut Text, procedure: &Procedure) {
        let name = self.scope.of(&error_key(&procedure.path)).to_owned();
        let cases = self.cases(procedure);
        doc(text, &[format!("What `{}` fails with.", procedure.path)]);
        text.line("#[derive(Debug)]");
        text.block(format!("pub enum {name} {{"), |text| {
            for case in &cases {
                doc(text, &about_error(case.error));
                match case.holds.is_empty() {
                    true => text.line(format!("{},", case.ident)),
                    false => text.line(format!("{}({}),", case.ident, case.holds.join(", "))),
                }
            }
            text.line("/// Anything else.");
            text.line("Other(Error),");
        });
        text.line("}");
        text.blank();
        text.block(format!("impl From<Error> for {name} {{"), |text| {
            text.block("fn from(error: Error) -> Self {", |text| {
                cases.iter().for_each(|case| self.recognise(text, case));
                text.line("Self::Other(error)");
            });
            text.line("}");
        });
        text.line("}");
        text.blank();
        text.block(format!("impl From<{name}> for Error {{"), |text| {
            text.block(format!("fn from(error: {name}) -> Self {{"), |text| {
                text.line("let message = error.to_string();");
                text.block("match error {", |text| {
                    cases.iter().for_each(|case| self.turn_back(text, &name, case));
                    text.line(format!("{name}::Other(error) => error,"));
                });
                text.line("}");
            });
            text.line("}");
        });
        text.line("}");
        text.blank();
        text.block(format!("impl fmt::Display for {name} {{"), |text| {
            text.block("fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {", |text| {
                text.block("match self {", |text| {
                    cases.iter().for_each(|case| self.display(text, case));
                    text.line("Self::Other(error) => error.fmt(f),");
                });
                text.line("}");
            });
            text.line("}");
        });
        text.line("}");
    }

    fn recognise(&self, text: &mut Text, case: &Case<'_>) {
        let error = case.error;
        let code = match error.code == error.json_rpc_code {
            true => error.code.to_string(),
            false => format!("{} | {}", error.code, error.json_rpc_code),
        };
        let names = held_names(case.holds.len());
        let made = match &names[..] {
            [] => case.ident.clone(),
            names => format!("{}({})", case.ident, names.join(", ")),
        };
        let pattern = match &names[..] {
            [] => "None".to_owned(),
            [one] => format!("Some({one})"),
            many => format!("Some(({}))", many.join(", ")),
        };
        let read = if names.is_empty() { "error.data()" } else { "data(&error)" };
        text.block(format!("if let ({code}, {pattern}) = (error.code().0, {read}) {{"), |text| {
            text.line(format!("return Self::{made};"));
        });
        text.line("}");
    }

    fn turn_back(&self, text: &mut Text, name: &str, case: &Case<'_>) {
        let made = format!("Self::new({}, message)", case.error.code);
        let names = held_names(case.holds.len());
        match &names[..] {
            [] => text.line(format!("{name}::{} => {made},", case.ident)),
            [one] => text.line(format!("{name}::{}({one}) => {made}.with_data({one}),", case.ident)),
            many => {
                let many = many.join(", ");
                text.block(format!("{name}::{}({many}) => {{", case.ident), |text| {
                    text.line(format!("{made}.with_data(({many}))"));
                });
                text.line("}");
            }
        }
    }

    /// Writes the message, with what it says of the data in its place.
    fn display(&self, text: &mut Text, case: &Case<'_>) {
        let names = held_names(case.holds.len());
        let mut arguments: Vec<String> = vec![];
        let mut pattern = String::new();
        let mut rest = case.error.message.as_str();
        while let Some((before, after)) = rest.split_once('{') {
            pattern.push_str(&before.replace('}', "}}"));
            let Some((inside, behind)) = after.split_once('}') else { break };
            match self.placed(case, inside, &names) {
                Some(argument) => {
                    pattern.push_str("{}");
                    arguments.push(argument);
                }
                None => pattern.push_str(&format!("{{{{{inside}}}}}")),
            }
            rest = behind;
        }
        pattern.push_str(&rest.replace('}', "}}").replace('{', "{{"));
        let bound: Vec<String> = names
            .iter()
            .map(|name| {
                let is_used = arguments.iter().any(|it| it == name || it.starts_with(&format!("{name}.")));
                if is_used { name.clone() } else { "_".to_owned() }
            })
            .collect();
        let case_pattern = match bound.is_empty() {
            true => format!("Self::{}", case.ident),
            false => format!("Self::{}({})", case.ident, bound.join(", ")),
        };
        let text_and_arguments = [vec![quoted(&pattern)], arguments].concat().join(", ");
        text.line(format!("{case_pattern} => write!(f, {text_and_arguments}),"));
    }

    /// The value that stands for what is in the braces of a message, if it can be shown.
    fn placed(&self, case: &Case<'_>, inside: &str, names: &[String]) -> Option<String> {
        let data = case.error.data.as_ref()?.plain();
        if let Ok(at) = inside.parse::<usize>() {
            let ty = match data {
                Type::Tuple(parts) if parts.len() > 1 => parts.get(at)?,
                ty if at == 0 => ty,
                _ => return None,
            };
            return self.is_shown(ty).then(|| names.get(at).cloned()).flatten();
        }
        let Type::Named(name) = data else { return None };
        let Some(Kind::Struct(of)) = self.model.definition(name).map(|it| &it.kind) else { return None };
        let mut scope = Scope::without(&[RESERVED]);
        for field in &of.fields {
            let given = scope.give(&field.name, snake(&field.name));
            if field.name == inside && field.required && self.is_shown(&field.ty) {
                return Some(format!("{}.{given}", names.first()?));
            }
        }
        None
    }

    fn is_shown(&self, ty: &Type) -> bool {
        let ty = ty.plain();
        self.is_copied(ty) && !matches!(ty, Type::Null | Type::Option(_))
            || matches!(ty, Type::Text | Type::DateTime | Type::Date | Type::Time | Type::Uuid)
    }
}

fn held_names(count: usize) -> Vec<String> {
    match count {
        0 => vec![],
        1 => vec!["data".into()],
        many => (0..many).map(|at| format!("data_{at}")).collect(),
    }
}

const DATA: &str = "
fn data<T: DeserializeOwned>(error: &Error) -> Option<T> {
    error.data()?.deserialize().ok()
}
";
