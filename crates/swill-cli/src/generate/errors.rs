//! The errors that procedures announce. Those that are the same everywhere are one.

use super::{
    model::{Failure, Module, Procedure},
    names::pascal,
    reader::{Place, Reader},
};
use std::collections::BTreeMap;
use swill_proto::spec::ProcedureSpec;

/// Errors as they come, each under the name of its procedure.
#[derive(Debug, Default)]
pub(crate) struct Failures(BTreeMap<String, (String, Failure)>);

/// Reads the errors of a procedure, and returns the names under which [`Failures`] keeps them.
pub(crate) fn read(reader: &mut Reader<'_>, spec: &ProcedureSpec, place: Place<'_>) -> Vec<String> {
    let mut names = vec![];
    for error in &spec.errors {
        let own = named(&error.name);
        let (text, base) = (format!("{}, error `{}`", place.text, error.name), format!("{own}Data"));
        let data = error.data.as_ref().map(|schema| reader.ty(schema, Place { text: &text, name: &base }));
        let failure = Failure {
            name: own.clone(),
            doc: error.doc.trim().to_owned(),
            message: error.message.clone(),
            code: error.code,
            json_rpc_code: error.code_in_json_rpc(),
            data,
        };
        let full = format!("{}{own}", place.name);
        if !names.contains(&full) {
            names.push(full.clone());
        }
        reader.failures.0.insert(full, (own, failure));
    }
    names
}

/// `SoldOut` -> `SoldOutError`
fn named(name: &str) -> String {
    let name = pascal(name);
    if name.ends_with("Error") { name } else { format!("{name}Error") }
}

impl Failures {
    /// The errors by their names: short ones, but where procedures mean different things by the same name.
    pub(crate) fn finish(self, root: &mut Module) -> Vec<Failure> {
        let mut kinds: BTreeMap<&str, Vec<&Failure>> = BTreeMap::new();
        for (own, failure) in self.0.values() {
            let kinds = kinds.entry(own).or_default();
            if !kinds.contains(&failure) {
                kinds.push(failure);
            }
        }
        let short: BTreeMap<&String, String> = self
            .0
            .iter()
            .map(|(full, (own, _))| {
                let alone = kinds.get(own.as_str()).is_some_and(|kinds| kinds.len() == 1);
                (full, if alone { own.clone() } else { full.clone() })
            })
            .collect();
        rename(root, &|full| short.get(&full.to_owned()).cloned().unwrap_or_else(|| full.to_owned()));
        let all = self.0.iter().map(|(full, (_, failure))| {
            let name = short.get(full).unwrap_or(full).clone();
            (name.clone(), Failure { name, ..failure.clone() })
        });
        all.collect::<BTreeMap<_, _>>().into_values().collect()
    }
}

fn rename(module: &mut Module, new: &dyn Fn(&str) -> String) {
    let rename_errors = |procedure: &mut Procedure| {
        procedure.errors.iter_mut().for_each(|name| *name = new(name));
    };
    module.procedures.iter_mut().for_each(rename_errors);
    module.modules.iter_mut().for_each(|module| rename(module, new));
}
