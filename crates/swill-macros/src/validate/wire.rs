//! What serde's attributes say about names.

use syn::{Attribute, Ident, LitStr, Meta, Result, Token, ext::IdentExt, punctuated::Punctuated};

/// The names of a field on the wire.
#[derive(Default)]
pub(crate) struct Names {
    pub(crate) renamed: Option<String>,
    pub(crate) aliases: Vec<String>,
    pub(crate) flattened: bool,
}

/// How the fields of a struct are renamed, whether the struct itself is, and what is asked of its type parameters.
#[derive(Default)]
pub(crate) struct Container {
    pub(crate) rename_all: Option<String>,
    pub(crate) renamed: bool,
    pub(crate) bound_in: Option<String>,
    pub(crate) bound_out: Option<String>,
}

impl Names {
    pub(crate) fn read(attributes: &[Attribute]) -> Result<Self> {
        let mut names = Self::default();
        each(attributes, &mut |meta| {
            match meta {
                Meta::Path(path) if path.is_ident("flatten") => names.flattened = true,
                Meta::NameValue(_) if meta.path().is_ident("alias") => names.aliases.extend(text(meta)),
                _ if meta.path().is_ident("rename") => {
                    names.renamed = incoming(meta).or_else(|| names.renamed.take())
                }
                _ => {}
            }
            Ok(())
        })?;
        Ok(names)
    }

    /// The name of a field.
    pub(crate) fn name(&self, ident: &Ident, container: &Container) -> String {
        match (&self.renamed, &container.rename_all) {
            (Some(name), _) => name.clone(),
            (None, Some(case)) => recased(&ident.unraw().to_string(), case),
            (None, None) => ident.unraw().to_string(),
        }
    }
}

impl Container {
    pub(crate) fn read(attributes: &[Attribute]) -> Result<Self> {
        let mut container = Self::default();
        each(attributes, &mut |meta| {
            if meta.path().is_ident("rename_all") {
                container.rename_all = incoming(meta).or_else(|| container.rename_all.take());
            }
            if meta.path().is_ident("bound") {
                container.bound_in = way(meta, "deserialize").or_else(|| container.bound_in.take());
                container.bound_out = way(meta, "serialize").or_else(|| container.bound_out.take());
            }
            container.renamed |= meta.path().is_ident("rename");
            Ok(())
        })?;
        Ok(container)
    }
}

fn each(attributes: &[Attribute], read: &mut dyn FnMut(&Meta) -> Result<()>) -> Result<()> {
    for attribute in attributes.iter().filter(|it| it.path().is_ident("serde")) {
        let metas = attribute.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated)?;
        metas.iter().try_for_each(&mut *read)?;
    }
    Ok(())
}

/// `key = "text"`
fn text(meta: &Meta) -> Option<String> {
    let Meta::NameValue(pair) = meta else { return None };
    let syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(text), .. }) = &pair.value else { return None };
    Some(text.value())
}

/// `key = "text"` or `key(deserialize = "text")`
fn incoming(meta: &Meta) -> Option<String> {
    way(meta, "deserialize")
}

/// The same for one of both ways.
fn way(meta: &Meta, way: &str) -> Option<String> {
    let Meta::List(list) = meta else { return text(meta) };
    let mut said = None;
    let _ = list.parse_nested_meta(|key| {
        let text: LitStr = key.value()?.parse()?;
        if key.path.is_ident(way) {
            said = Some(text.value());
        }
        Ok(())
    });
    said
}

/// A name of a field in another case, as serde writes it.
fn recased(name: &str, case: &str) -> String {
    let pascal = || -> String {
        let capital = |word: &str| {
            let mut letters = word.chars();
            let first = letters.next().map(|it| it.to_ascii_uppercase());
            first.into_iter().chain(letters).collect::<String>()
        };
        name.split('_').map(capital).collect()
    };
    match case {
        "UPPERCASE" | "SCREAMING_SNAKE_CASE" => name.to_ascii_uppercase(),
        "PascalCase" => pascal(),
        "camelCase" => {
            let pascal = pascal();
            let mut letters = pascal.chars();
            let first = letters.next().map(|it| it.to_ascii_lowercase());
            first.into_iter().chain(letters).collect()
        }
        "kebab-case" => name.replace('_', "-"),
        "SCREAMING-KEBAB-CASE" => name.to_ascii_uppercase().replace('_', "-"),
        _ => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::recased;

    #[test]
    fn names_are_recased_as_serde_does() {
        let cases = [
            ("lowercase", "first_name"),
            ("UPPERCASE", "FIRST_NAME"),
            ("PascalCase", "FirstName"),
            ("camelCase", "firstName"),
            ("snake_case", "first_name"),
            ("SCREAMING_SNAKE_CASE", "FIRST_NAME"),
            ("kebab-case", "first-name"),
            ("SCREAMING-KEBAB-CASE", "FIRST-NAME"),
        ];
        for (case, name) in cases {
            assert_eq!(recased("first_name", case), name, "{case}");
        }
    }
}
