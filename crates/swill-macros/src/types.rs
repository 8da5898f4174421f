//! What can be seen of types, and of docs, in the tokens alone.

use proc_macro2::{TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::{
    Attribute, Expr, ExprLit, GenericArgument, Lit, Meta, PathArguments, PathSegment, Type, TypeParamBound,
};

/// A type without the parentheses, visible or not, that may be around it.
pub(crate) fn plain(ty: &Type) -> &Type {
    match ty {
        Type::Group(group) => plain(&group.elem),
        Type::Paren(paren) => plain(&paren.elem),
        ty => ty,
    }
}

/// `Name<T, ..>` -> `T`
pub(crate) fn generic<'t>(ty: &'t Type, name: &str) -> Option<&'t Type> {
    let Type::Path(path) = plain(ty) else { return None };
    arguments(path.path.segments.last()?, name)?.find_map(|argument| match argument {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    })
}

/// `Result<T, E>` -> `E`
pub(crate) fn error_of(ty: &Type) -> Option<&Type> {
    let Type::Path(path) = plain(ty) else { return None };
    let mut types = arguments(path.path.segments.last()?, "Result")?.filter_map(|argument| match argument {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    });
    types.nth(1)
}

/// `impl Stream<Item = T>` -> `T`
pub(crate) fn stream_item(ty: &Type) -> Option<&Type> {
    let Type::ImplTrait(it) = plain(ty) else { return None };
    it.bounds.iter().find_map(|bound| {
        let TypeParamBound::Trait(bound) = bound else { return None };
        arguments(bound.path.segments.last()?, "Stream")?.find_map(|argument| match argument {
            GenericArgument::AssocType(item) => Some(&item.ty),
            _ => None,
        })
    })
}

fn arguments<'t>(
    segment: &'t PathSegment,
    name: &str,
) -> Option<impl Iterator<Item = &'t GenericArgument> + use<'t>> {
    match &segment.arguments {
        PathArguments::AngleBracketed(generics) if segment.ident == name => Some(generics.args.iter()),
        _ => None,
    }
}

/// Whether a type contains a reference or a lifetime other than `'static`.
pub(crate) fn borrows(ty: TokenStream) -> bool {
    let mut lifetime = false;
    ty.into_iter().any(|token| match token {
        TokenTree::Group(group) => borrows(group.stream()),
        TokenTree::Punct(punct) => {
            lifetime = punct.as_char() == '\'';
            punct.as_char() == '&'
        }
        TokenTree::Ident(ident) => std::mem::take(&mut lifetime) && ident != "static",
        TokenTree::Literal(_) => false,
    })
}

/// The doc comments as one expression, which may contain `include_str!(..)`.
pub(crate) fn doc(attributes: &[Attribute]) -> Option<TokenStream> {
    let docs = attributes.iter().filter(|attribute| attribute.path().is_ident("doc"));
    let texts = docs.filter_map(|attribute| match &attribute.meta {
        Meta::NameValue(pair) => Some(&pair.value),
        _ => None,
    });
    let mut texts = texts.map(|text| match text {
        Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => {
            let text = text.value();
            let lines = text.lines().map(|line| line.strip_prefix(' ').unwrap_or(line).trim_end());
            lines.collect::<Vec<_>>().join("\n").into_token_stream()
        }
        other => other.to_token_stream(),
    });
    let (first, others) = (texts.next()?, texts);
    Some(quote!(::core::concat!(#first #(, "\n", #others)*)))
}
