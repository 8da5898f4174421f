//! `#[valid(...)]`: what is asked of a value, and how that is checked and described.

use crate::{
    expand::ours,
    parse::Errors,
    types::{generic, plain},
};
use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::{
    Attribute, Error, Expr, ExprLit, ExprUnary, Ident, Lit, LitFloat, LitInt, LitStr, Path, Result, Type,
    UnOp, meta::ParseNestedMeta, parenthesized, spanned::Spanned,
};

/// One thing that is asked of a value.
pub(crate) struct Constraint {
    at: Span,
    kind: Kind,
}

enum Kind {
    Limit(&'static str, Expr),
    Length(Expr),
    Regex(LitStr),
    Timezone(LitStr),
    Predicate(Expr),
    With(Expr),
    Each(Vec<Constraint>),
    Keys(Vec<Constraint>),
    Values(Vec<Constraint>),
}

const LIMITS: [&str; 5] = ["gt", "ge", "lt", "le", "multiple_of"];

const KNOWN: &str = "unknown constraint: there are `gt`, `ge`, `lt`, `le`, `multiple_of`, `length`, `regex`, `predicate`, \
                     `timezone`, `with`, `each`, `keys` and `values`";

/// Takes `#[valid(...)]` off.
pub(crate) fn take_off(attributes: &mut Vec<Attribute>, errors: &mut Errors) -> Vec<Constraint> {
    let mut constraints = Vec::new();
    for attribute in attributes.extract_if(.., |it| it.path().is_ident("valid")) {
        let read = attribute.parse_nested_meta(|key| {
            constraints.push(Constraint::read(&key)?);
            Ok(())
        });
        errors.take(read);
    }
    constraints
}

impl Constraint {
    fn read(key: &ParseNestedMeta<'_>) -> Result<Self> {
        let at = key.path.span();
        let name = key.path.get_ident().map(Ident::to_string).unwrap_or_default();
        let kind = match name.as_str() {
            "length" if key.input.peek(syn::token::Paren) => {
                let range;
                parenthesized!(range in key.input);
                Kind::Length(length(range.parse()?)?)
            }
            "length" => Kind::Length(length(key.value()?.parse()?)?),
            "regex" => Kind::Regex(pattern(key.value()?.parse()?)?),
            "timezone" => Kind::Timezone(zone(key.value()?.parse()?)?),
            "predicate" => Kind::Predicate(key.value()?.parse()?),
            "with" => Kind::With(key.value()?.parse()?),
            "each" => Kind::Each(inner(key)?),
            "keys" => Kind::Keys(inner(key)?),
            "values" => Kind::Values(inner(key)?),
            name => match LIMITS.into_iter().find(|known| *known == name) {
                Some(name) => Kind::Limit(name, limit(name, key.value()?.parse()?)?),
                None => return Err(Error::new(at, KNOWN)),
            },
        };
        Ok(Self { at, kind })
    }

    /// A statement that checks `value`, which is a reference. In a list, `index` is the element's.
    fn check(&self, value: &Ident, ty: Option<&Type>, index: Option<&Ident>) -> TokenStream {
        let found = ours("found");
        let value = &Ident::new(&value.to_string(), value.span().located_at(self.at));
        let applied = |method: &str, function: &Expr| {
            let method = Ident::new(method, self.at);
            match (function, index.filter(|_| method == "with")) {
                (Expr::Closure(_), None) => quote!(#found.#method(#value, #function);),
                (_, None) => quote!(#found.#method(#value, |#value| #function(#value));),
                (Expr::Closure(_), Some(index)) => {
                    quote!(#found.with_index(#value, #index, #function);)
                }
                (_, Some(index)) => {
                    quote!(#found.with_index(#value, #index, |#value, #index| #function(#value, #index));)
                }
            }
        };
        match &self.kind {
            Kind::Limit(method, limit) => {
                let method = Ident::new(method, self.at);
                let limit = if ty.is_some_and(is_float) { fractional(limit) } else { quote!(#limit) };
                quote_spanned!(self.at=> #found.#method(#value, #limit);)
            }
            Kind::Length(range) => quote_spanned!(self.at=> #found.length(#value, #range);),
            Kind::Regex(pattern) => {
                let regex = Ident::new("PATTERN", Span::mixed_site());
                quote_spanned! {self.at=> {
                    static #regex: ::swill::validation::Pattern = ::swill::validation::Pattern::new(#pattern);
                    #found.regex(#value, &#regex);
                }}
            }
            Kind::Timezone(zone) => quote_spanned!(self.at=> #found.timezone(#value, #zone);),
            Kind::Predicate(function) => applied("predicate", function),
            Kind::With(function) => applied("with", function),
            Kind::Each(inner) => {
                let elements = match ty.map(plain) {
                    Some(Type::Tuple(tuple)) => {
                        let at = (0..tuple.elems.len()).map(syn::Index::from);
                        quote!([#(&#value.#at),*])
                    }
                    _ => quote!(#value),
                };
                let element = match ty.map(plain) {
                    Some(Type::Tuple(tuple)) => tuple.elems.first(),
                    Some(ty) => {
                        ["Vec", "VecDeque", "BTreeSet", "HashSet"].iter().find_map(|it| generic(ty, it))
                    }
                    None => None,
                };
                let index = ours("index");
                let inner = checks(inner, value, element, Some(&index));
                quote_spanned! {self.at=>
                    #found.each(#elements, |#found, #value, #index| { let _ = #index; #inner });
                }
            }
            Kind::Keys(inner) => {
                let inner = checks(inner, value, None, None);
                quote_spanned!(self.at=> #found.keys(#value, |#found, #value| { #inner });)
            }
            Kind::Values(inner) => {
                let inner = checks(inner, value, None, None);
                quote_spanned!(self.at=> #found.values(#value, |#found, #value| { #inner });)
            }
        }
    }

    /// A statement that writes this into a schema. Nothing, if a schema cannot say it.
    fn describe(&self) -> TokenStream {
        let schema = ours("schema");
        let inside = |method: &str, inner: &[Self]| {
            let (method, inner) = (Ident::new(method, Span::mixed_site()), inner.iter().map(Self::describe));
            quote!(#schema.#method(|#schema| { let _ = &#schema; #(#inner)* });)
        };
        match &self.kind {
            Kind::Limit(method, limit) => {
                let (method, limit) = (Ident::new(method, Span::mixed_site()), wide(limit));
                quote!(#schema.#method(#limit);)
            }
            Kind::Length(range) => quote!(#schema.length(#range);),
            Kind::Regex(pattern) => quote!(#schema.regex(#pattern);),
            Kind::Timezone(_) => quote!(#schema.date_time();),
            Kind::Predicate(_) | Kind::With(_) => TokenStream::new(),
            Kind::Each(inner) => inside("each", inner),
            Kind::Keys(inner) => inside("keys", inner),
            Kind::Values(inner) => inside("values", inner),
        }
    }
}

/// Statements that check a value, if it is an `Option` only when there is one.
pub(crate) fn checks(
    constraints: &[Constraint],
    value: &Ident,
    ty: Option<&Type>,
    index: Option<&Ident>,
) -> TokenStream {
    if let Some(inner) = ty.and_then(|ty| generic(ty, "Option")) {
        let checks = checks(constraints, value, Some(inner), index);
        return quote!(if let ::core::option::Option::Some(#value) = #value { #checks });
    }
    constraints.iter().map(|constraint| constraint.check(value, ty, index)).collect()
}

/// A closure that writes constraints into a schema. `None` if a schema can say nothing of them.
pub(crate) fn description(constraints: &[Constraint]) -> Option<TokenStream> {
    let described: TokenStream = constraints.iter().map(Constraint::describe).collect();
    let schema = ours("schema");
    (!described.is_empty()).then(|| {
        quote! {
            |#schema: &mut ::swill::schemars::Schema| {
                let mut #schema = ::swill::validation::Described::new(#schema);
                #described
            }
        }
    })
}

fn inner(key: &ParseNestedMeta<'_>) -> Result<Vec<Constraint>> {
    let mut constraints = Vec::new();
    key.parse_nested_meta(|key| {
        constraints.push(Constraint::read(&key)?);
        Ok(())
    })?;
    match constraints.is_empty() {
        true => Err(Error::new(
            key.path.span(),
            "nothing is asked of the elements: write what, as in `each(gt = 0)`",
        )),
        false => Ok(constraints),
    }
}

fn length(range: Expr) -> Result<Expr> {
    let message = "a length is a range, such as `2..6` (fewer than 6), `..=5` or `1..`";
    match &range {
        Expr::Lit(_) => Err(Error::new_spanned(range, message)),
        Expr::Range(it) if it.start.is_none() && it.end.is_none() => Err(Error::new_spanned(range, message)),
        Expr::Range(it) => match (it.start.as_deref().and_then(integer), it.end.as_deref().and_then(integer))
        {
            (Some(start), Some(end)) if start > end => {
                Err(Error::new_spanned(range, "no length is in this range: it ends before it starts"))
            }
            _ => Ok(range),
        },
        _ => Ok(range),
    }
}

fn pattern(text: LitStr) -> Result<LitStr> {
    match regex::Regex::new(&format!(r"\A(?:{})", text.value())) {
        Ok(_) => Ok(text),
        // Only what is wrong: the rest shows the pattern as it was not written.
        Err(error) => {
            let error = error.to_string();
            let why = error.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
            Err(Error::new_spanned(text, format!("this is no regular expression: {why}")))
        }
    }
}

fn zone(text: LitStr) -> Result<LitStr> {
    let value = text.value();
    let shape: Vec<_> = value.bytes().map(|it| if it.is_ascii_digit() { b'0' } else { it }).collect();
    match &*shape {
        b"Z" | b"+00:00" | b"-00:00" => Ok(text),
        _ => Err(Error::new_spanned(text, "a time zone is an offset from UTC, such as \"+01:00\" or \"Z\"")),
    }
}

fn limit(name: &str, limit: Expr) -> Result<Expr> {
    match &limit {
        Expr::Lit(ExprLit { lit: Lit::Str(_) | Lit::Bool(_) | Lit::Char(_), .. }) => {
            Err(Error::new_spanned(limit, format!("`{name}` takes a number")))
        }
        zero if name == "multiple_of" && integer(zero) == Some(0) => {
            Err(Error::new_spanned(limit, "only 0 is a multiple of 0"))
        }
        _ => Ok(limit),
    }
}

fn is_float(ty: &Type) -> bool {
    matches!(plain(ty), Type::Path(path) if path.path.is_ident("f64") || path.path.is_ident("f32"))
}

fn integer(expression: &Expr) -> Option<i128> {
    match expression {
        Expr::Lit(ExprLit { lit: Lit::Int(it), .. }) => it.base10_parse().ok(),
        Expr::Unary(ExprUnary { op: UnOp::Neg(_), expr, .. }) => integer(expr).map(|it: i128| -it),
        _ => None,
    }
}

/// An integer that is a limit of a float.
fn fractional(limit: &Expr) -> TokenStream {
    match limit {
        Expr::Lit(ExprLit { lit: Lit::Int(it), .. }) if it.suffix().is_empty() => {
            let float = LitFloat::new(&format!("{}.0", it.base10_digits()), it.span());
            quote!(#float)
        }
        Expr::Unary(ExprUnary { op: UnOp::Neg(minus), expr, .. }) => {
            let positive = fractional(expr);
            quote!(#minus #positive)
        }
        other => quote!(#other),
    }
}

/// A number that need not fit into the type of an integer that nobody has named.
fn wide(limit: &Expr) -> TokenStream {
    match limit {
        Expr::Lit(ExprLit { lit: Lit::Int(it), .. }) if it.suffix().is_empty() => {
            let suffix = if it.base10_parse::<i64>().is_ok() { "i64" } else { "u64" };
            let wide = LitInt::new(&format!("{}{suffix}", it.base10_digits()), it.span());
            quote!(#wide)
        }
        // Below zero there is one more: the lowest number.
        Expr::Unary(ExprUnary { op: UnOp::Neg(minus), expr, .. }) => match &**expr {
            Expr::Lit(ExprLit { lit: Lit::Int(it), .. }) if it.suffix().is_empty() => {
                let wide = LitInt::new(&format!("{}i64", it.base10_digits()), it.span());
                quote!(#minus #wide)
            }
            expr => {
                let positive = wide(expr);
                quote!(#minus #positive)
            }
        },
        other => quote!(#other),
    }
}

/// Whether a path ends in a name.
pub(crate) fn ends_in(path: &Path, name: &str) -> bool {
    path.segments.last().is_some_and(|segment| segment.ident == name)
}
