//! `#[swill::validate]`: a struct whose values are checked wherever they are decoded.
//!
//! serde's derives are moved to a struct of the same shape (serde calls that a remote one), so that the struct itself
//! can have implementations that decode, and then check.

pub(crate) mod constraint;
mod wire;

use crate::{expand::ours, parse::Errors};
use constraint::{Constraint, checks, description, ends_in};
use proc_macro2::{Group, TokenStream, TokenTree};
use quote::{ToTokens, format_ident, quote};
use syn::{
    Attribute, Error, Expr, Field, Fields, GenericParam, Generics, Ident, Item, ItemStruct, Member, Meta,
    Path, Result, Token, WherePredicate, parse::Parser, parse_quote, punctuated::Punctuated,
};
use wire::{Container, Names};

/// What `#[swill::validate(...)]` says.
#[derive(Default)]
struct Keys {
    all: bool,
    with: Vec<Expr>,
}

pub(crate) fn validate(
    arguments: TokenStream,
    item: TokenStream,
    errors: &mut Errors,
) -> Option<TokenStream> {
    let mut keys = Keys::default();
    let parser = syn::meta::parser(|key| {
        match () {
            () if key.path.is_ident("all") => keys.all = true,
            () if key.path.is_ident("with") => keys.with.push(key.value()?.parse()?),
            () => return Err(key.error("unknown key: there are `all` and `with = path::to::method`")),
        }
        Ok(())
    });
    errors.take(parser.parse2(arguments));

    let mut item = errors.take(syn::parse2(item).and_then(|item| match item {
        Item::Struct(item) => Ok(item),
        other => Err(Error::new_spanned(other, "`#[swill::validate]` goes on a struct, above its derives")),
    }))?;
    // Before anything is taken off: what serde's derives see.
    let mut shadow = item.clone();
    let derives = errors.take(Derives::take_off(&mut item))?;
    let container = errors.take(Container::read(&item.attrs)).unwrap_or_default();

    let value = ours("value");
    let mut checked = Vec::new();
    let fields: Vec<Member> = item.fields.members().collect();
    for (field, member) in item.fields.iter_mut().zip(&fields) {
        let constraints = constraint::take_off(&mut field.attrs, errors);
        let names = errors.take(Names::read(&field.attrs)).unwrap_or_default();
        if names.flattened && !constraints.is_empty() {
            errors.add(&*field, "a flattened field has no name: put constraints on the fields of its struct");
        }
        if let Some(description) = description(&constraints).filter(|_| derives.schema) {
            field.attrs.push(parse_quote!(#[schemars(transform = #description)]));
        }
        checked.extend(check(&constraints, field, member, fields.len(), &names, &container, &value));
        if !derives.keeps_serde {
            field.attrs.retain(|it| !it.path().is_ident("serde"));
        }
    }
    if !derives.keeps_serde {
        item.attrs.retain(|it| !it.path().is_ident("serde"));
    }

    let name = &item.ident;
    let (generics, types, conditions) = item.generics.split_for_impl();
    let (found, all) = (ours("found"), keys.all);
    let whole = keys.with.iter().map(|function| match function {
        Expr::Closure(_) => quote!(#found.whole(self, #function);),
        path => quote!(#found.whole(self, |#value| #path(#value));),
    });
    let serde = serde(&item, &mut shadow, &derives, &container);
    Some(quote! {
        #item

        #[automatically_derived]
        #[allow(clippy::all, clippy::pedantic, reason = "written by a macro")]
        impl #generics ::swill::validation::Validate for #name #types #conditions {
            const ALL: bool = #all;

            fn validate(&self, #found: &mut ::swill::validation::Findings<'_>) {
                let _ = &#found;
                #(#checked)*
                #(#whole)*
            }
        }

        #serde
    })
}

/// The check of one field.
fn check(
    constraints: &[Constraint],
    field: &Field,
    member: &Member,
    count: usize,
    names: &Names,
    container: &Container,
    value: &Ident,
) -> Option<TokenStream> {
    if constraints.is_empty() {
        return None;
    }
    let found = ours("found");
    let checks = checks(constraints, value, Some(&field.ty), None);
    let conditions = field.attrs.iter().filter(|it| it.path().is_ident("cfg"));
    let check = match member {
        Member::Named(ident) => {
            let (name, aliases) = (names.name(ident, container), &names.aliases);
            quote!(#found.field(#name, &[#(#aliases),*], |#found| { let #value = &self.#member; #checks });)
        }
        // A struct around one value is that value on the wire.
        Member::Unnamed(_) if count == 1 => quote!({ let #value = &self.#member; #checks }),
        Member::Unnamed(index) => {
            let index = index.index as usize;
            quote!(#found.element(#index, |#found| { let #value = &self.#member; #checks });)
        }
    };
    Some(quote!(#(#conditions)* #check))
}

/// The derives of the struct that concern this macro.
struct Derives {
    deserialize: Option<Path>,
    serialize: Option<Path>,
    schema: bool,
    /// Whether a derive is left that may understand serde's attributes.
    keeps_serde: bool,
}

/// Derives that understand no attributes of serde's.
const PLAIN: [&str; 9] =
    ["Debug", "Clone", "Copy", "PartialEq", "Eq", "PartialOrd", "Ord", "Hash", "Default"];

impl Derives {
    fn take_off(item: &mut ItemStruct) -> Result<Self> {
        let mut derives = Self { deserialize: None, serialize: None, schema: false, keeps_serde: false };
        for attribute in item.attrs.iter_mut().filter(|it| it.path().is_ident("derive")) {
            let paths = attribute.parse_args_with(Punctuated::<Path, Token![,]>::parse_terminated)?;
            let mut kept = Vec::new();
            for path in paths {
                if ends_in(&path, "Deserialize") {
                    derives.deserialize = Some(path);
                } else if ends_in(&path, "Serialize") {
                    derives.serialize = Some(path);
                } else {
                    derives.schema |= ends_in(&path, "JsonSchema");
                    derives.keeps_serde |= !PLAIN.iter().any(|plain| ends_in(&path, plain));
                    kept.push(path);
                }
            }
            *attribute = parse_quote!(#[derive(#(#kept),*)]);
        }
        if derives.deserialize.is_none() && derives.serialize.is_none() {
            return Err(Error::new_spanned(
                &item.ident,
                "nothing to check: write `#[swill::validate]` above `#[derive(Deserialize)]` or `#[derive(Serialize)]`",
            ));
        }
        if let (Some(lifetime), Some(_)) = (item.generics.lifetimes().next(), &derives.deserialize) {
            return Err(Error::new_spanned(
                lifetime,
                "what is checked when it comes owns all it contains: write `String` for `&str`",
            ));
        }
        Ok(derives)
    }
}

/// The struct that has serde's derives, and the implementations that use it.
fn serde(
    item: &ItemStruct,
    shadow: &mut ItemStruct,
    derives: &Derives,
    container: &Container,
) -> TokenStream {
    let name = &item.ident;
    let (_, types, _) = item.generics.split_for_impl();
    let own = quote!(#name #types);
    let serde_only = |attributes: &mut Vec<Attribute>| {
        attributes.retain(|it| it.path().is_ident("serde") || it.path().is_ident("cfg"));
        for attribute in attributes {
            if attribute.path().is_ident("serde") {
                *attribute = with_self(attribute.to_token_stream(), &own);
            }
        }
    };
    serde_only(&mut shadow.attrs);
    shadow.attrs.iter_mut().for_each(|attribute| with_default(attribute, &own));
    if let Fields::Named(_) | Fields::Unnamed(_) = shadow.fields {
        for field in shadow.fields.iter_mut() {
            serde_only(&mut field.attrs);
            let ty = field.ty.to_token_stream();
            field.ty = replaced(ty, &own).map_or_else(|| field.ty.clone(), |ty| parse_quote!(#ty));
        }
    }
    shadow.ident = format_ident!("Unchecked{name}");
    let (remote, shape) = (name.to_string(), &shadow.ident);
    let renamed = (!container.renamed).then(|| quote!(, rename = #remote));
    let wanted = derives.deserialize.iter().chain(&derives.serialize);
    let (all_types, value) = (&types, ours("value"));

    let deserialize = derives.deserialize.iter().map(|_| {
        let bound = |it: &Ident| quote!(#it: ::swill::validation::Deserialize<'de>);
        let mut generics = with_bounds(&item.generics, container.bound_in.as_deref(), &bound);
        generics.params.insert(0, parse_quote!('de));
        let (generics, _, conditions) = generics.split_for_impl();
        quote! {
            #[automatically_derived]
            impl #generics ::swill::validation::Deserialize<'de> for #name #all_types #conditions {
                fn deserialize<__D: ::swill::validation::Deserializer<'de>>(
                    deserializer: __D,
                ) -> ::core::result::Result<Self, __D::Error> {
                    let #value: Self = #shape::deserialize(deserializer)?;
                    ::swill::validation::decoded(#value)
                }
            }
        }
    });
    let serialize = derives.serialize.iter().map(|_| {
        let bound = |it: &Ident| quote!(#it: ::swill::validation::Serialize);
        let generics = with_bounds(&item.generics, container.bound_out.as_deref(), &bound);
        let (generics, _, conditions) = generics.split_for_impl();
        quote! {
            #[automatically_derived]
            impl #generics ::swill::validation::Serialize for #name #all_types #conditions {
                fn serialize<__S: ::swill::validation::Serializer>(
                    &self,
                    serializer: __S,
                ) -> ::core::result::Result<__S::Ok, __S::Error> {
                    if ::core::cfg!(debug_assertions) {
                        ::swill::validation::encodable(self)?;
                    }
                    #shape::serialize(self, serializer)
                }
            }
        }
    });
    quote! {
        const _: () = {
            #[derive(#(#wanted),*)]
            #[serde(remote = #remote #renamed)]
            #[allow(dead_code, reason = "it only lends its shape")]
            #shadow

            #(#deserialize)*
            #(#serialize)*
        };
    }
}

/// The generics with a bound for each type, or with those that serde was told instead.
fn with_bounds(generics: &Generics, told: Option<&str>, bound: &dyn Fn(&Ident) -> TokenStream) -> Generics {
    let mut generics = generics.clone();
    let types: Vec<_> = generics.type_params().map(|it| it.ident.clone()).collect();
    // What is no bound is for serde to refuse.
    let told = told
        .and_then(|text| Punctuated::<WherePredicate, Token![,]>::parse_terminated.parse_str(text).ok())
        .map(|told| told.into_iter().collect());
    let bounds: Vec<WherePredicate> = told.unwrap_or_else(|| {
        types
            .iter()
            .map(|ident| {
                let bound = bound(ident);
                parse_quote!(#bound)
            })
            .collect()
    });
    if !bounds.is_empty() {
        generics.make_where_clause().predicates.extend(bounds);
    }
    for parameter in &mut generics.params {
        if let GenericParam::Type(parameter) = parameter {
            parameter.default = None;
        }
    }
    generics
}

/// The tokens with the struct's own name for `Self`, which elsewhere is another. `None` if nothing changes.
fn replaced(tokens: TokenStream, own: &TokenStream) -> Option<TokenStream> {
    let mut changed = false;
    let tokens = tokens
        .into_iter()
        .flat_map(|token| match token {
            TokenTree::Ident(ident) if ident == "Self" => {
                changed = true;
                own.clone()
            }
            TokenTree::Group(group) => {
                let inner = replaced(group.stream(), own);
                changed |= inner.is_some();
                let mut new = Group::new(group.delimiter(), inner.unwrap_or_else(|| group.stream()));
                new.set_span(group.span());
                TokenTree::Group(new).into()
            }
            other => other.into(),
        })
        .collect();
    changed.then_some(tokens)
}

/// An attribute of serde's on a struct, whose default is that of the struct, not of its shape.
fn with_default(attribute: &mut Attribute, own: &TokenStream) {
    if !attribute.path().is_ident("serde") {
        return;
    }
    let Ok(mut keys) = attribute.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated) else {
        return;
    };
    let path = quote!(<#own as ::core::default::Default>::default).to_string();
    for key in keys.iter_mut().filter(|key| matches!(key, Meta::Path(path) if path.is_ident("default"))) {
        *key = parse_quote!(default = #path);
    }
    *attribute = parse_quote!(#[serde(#keys)]);
}

/// An attribute of serde's, in whose texts `Self` is the struct.
fn with_self(attribute: TokenStream, own: &TokenStream) -> Attribute {
    fn rewrite(tokens: TokenStream, own: &str) -> TokenStream {
        let token = |token| match token {
            TokenTree::Literal(literal) => {
                let text = syn::parse2::<syn::LitStr>(literal.to_token_stream());
                match text.ok().map(|text| (text.value(), text.span())) {
                    Some((text, span)) if text.starts_with("Self::") => {
                        syn::LitStr::new(&text.replacen("Self", &format!("<{own}>"), 1), span)
                            .into_token_stream()
                    }
                    _ => literal.into_token_stream(),
                }
            }
            TokenTree::Group(group) => {
                let mut new = Group::new(group.delimiter(), rewrite(group.stream(), own));
                new.set_span(group.span());
                new.into_token_stream()
            }
            other => other.into_token_stream(),
        };
        tokens.into_iter().map(token).collect()
    }
    let tokens = rewrite(attribute, &own.to_string());
    parse_quote!(#tokens)
}
