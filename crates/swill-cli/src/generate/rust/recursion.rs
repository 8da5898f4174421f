//! Which types would hold themselves, without a list or a map between.

use super::super::model::{Content, Definition, Kind, Model, Struct, Type};
use std::collections::{BTreeMap, BTreeSet};

/// What each definition holds directly, and what that holds.
#[derive(Debug)]
pub(super) struct Recursion(BTreeMap<String, BTreeSet<String>>);

impl Recursion {
    pub(super) fn of(model: &Model) -> Self {
        let mut held: BTreeMap<String, BTreeSet<String>> =
            model.definitions.iter().map(|it| (it.name.clone(), holds(it))).collect();
        loop {
            let mut changed = false;
            for name in held.keys().cloned().collect::<Vec<_>>() {
                let further: BTreeSet<String> =
                    held[&name].iter().filter_map(|it| held.get(it)).flatten().cloned().collect();
                if let Some(all) = held.get_mut(&name) {
                    let before = all.len();
                    all.extend(further);
                    changed |= all.len() > before;
                }
            }
            if !changed {
                return Self(held);
            }
        }
    }

    /// Whether the definition `from` holds the definition `to`.
    pub(super) fn comes_back(&self, from: &str, to: &str) -> bool {
        from == to || self.0.get(from).is_some_and(|held| held.contains(to))
    }
}

fn holds(definition: &Definition) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let fields = |of: &Struct, found: &mut BTreeSet<String>| {
        of.fields.iter().for_each(|field| walk(&field.ty, found));
    };
    match &definition.kind {
        Kind::Struct(of) => fields(of, &mut found),
        Kind::Alias(ty) => walk(ty, &mut found),
        Kind::Unit => {}
        Kind::Enum(of) => {
            for variant in &of.variants {
                match &variant.content {
                    Content::Unit => {}
                    Content::Value(ty) => walk(ty, &mut found),
                    Content::Fields(of) => fields(of, &mut found),
                }
            }
        }
    }
    found
}

fn walk(ty: &Type, found: &mut BTreeSet<String>) {
    match ty {
        Type::Named(name) => found.extend([name.clone()]),
        Type::Option(ty) | Type::Array(ty, _) | Type::Held(ty, _) => walk(ty, found),
        Type::Tuple(parts) => parts.iter().for_each(|part| walk(part, found)),
        // What is in a list is elsewhere.
        _ => {}
    }
}
