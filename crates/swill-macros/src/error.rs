//! `#[derive(swill::Error)]`: reads an enum or a struct, and writes what could have been written by hand.

use crate::{
    expand::{at, ours},
    parse::{Errors, wrong},
    types::{doc, generic},
};
use proc_macro2::TokenStream;
use quote::{ToTokens, quote, quote_spanned};
use syn::{
    Attribute, Data, DeriveInput, Expr, Fields, Ident, LitStr, Result, Type, ext::IdentExt, spanned::Spanned,
};

/// One case of an error: a variant, or the whole struct.
struct Case {
    path: TokenStream,
    name: String,
    doc: Option<TokenStream>,
    code: Expr,
    message: LitStr,
    json_rpc_code: Option<Expr>,
    parameter: Option<LitStr>,
    named: bool,
    fields: Vec<Field>,
}

struct Field {
    /// Its name in the type; its place, if it has none.
    member: TokenStream,
    ident: Ident,
    ty: Type,
    role: Role,
}

#[derive(Clone, Copy, PartialEq)]
enum Role {
    Data,
    Skipped,
    Source,
}

/// What `#[error(...)]` says of a case.
#[derive(Default)]
struct Keys {
    code: Option<Expr>,
    message: Option<LitStr>,
    json_rpc_code: Option<Expr>,
    parameter: Option<LitStr>,
}

pub(crate) fn derive(input: TokenStream, errors: &mut Errors) -> Option<TokenStream> {
    let input: DeriveInput = errors.take(syn::parse2(input))?;
    if !input.generics.params.is_empty() {
        errors.add(&input.generics, "a typed error is not generic: write the types that it has");
    }
    let cases: Vec<_> = match &input.data {
        Data::Struct(data) => errors
            .take(case(input.ident.to_token_stream(), &input.ident, &input.attrs, &data.fields))
            .into_iter()
            .collect(),
        Data::Enum(data) => {
            if data.variants.is_empty() {
                errors.add(&input.ident, "an error has at least one variant");
            }
            let cases = data.variants.iter().filter_map(|it| {
                let (of, ident) = (&input.ident, &it.ident);
                errors.take(case(quote!(#of::#ident), ident, &it.attrs, &it.fields))
            });
            cases.collect()
        }
        Data::Union(_) => {
            errors.add(&input.ident, "an error is an enum or a struct");
            return None;
        }
    };
    errors.is_empty().then(|| expand(&input.ident, &cases))
}

fn case(path: TokenStream, ident: &Ident, attributes: &[Attribute], fields: &Fields) -> Result<Case> {
    let mut keys = Keys::default();
    const REQUIRED: &str =
        "an error has a code and a message: `#[error(code = 404, message = \"there is no such thing\")]`";
    for attribute in attributes.iter().filter(|it| it.path().is_ident("error")) {
        // Only the message, as other macros have it.
        if let Ok(message) = attribute.parse_args::<LitStr>() {
            return wrong(message, REQUIRED);
        }
        attribute.parse_nested_meta(|key| {
            let value = key.value();
            match key.path.get_ident().map(Ident::to_string).as_deref() {
                Some("code") => keys.code = Some(value?.parse()?),
                Some("message") => keys.message = Some(value?.parse()?),
                Some("jsonrpc_code") => keys.json_rpc_code = Some(value?.parse()?),
                Some("parameter") => keys.parameter = Some(value?.parse()?),
                _ => {
                    let known = "an error has the keys `code`, `message`, `jsonrpc_code`, `parameter`";
                    return wrong(&key.path, format!("unknown key: {known}"));
                }
            }
            Ok(())
        })?;
    }
    let (Some(code), Some(message)) = (keys.code, keys.message) else {
        return wrong(ident, REQUIRED);
    };
    let mut read = vec![];
    for (place, it) in fields.iter().enumerate() {
        let (member, ident) = match &it.ident {
            Some(ident) => (ident.to_token_stream(), ident.clone()),
            None => {
                let index = syn::Index::from(place);
                (index.to_token_stream(), Ident::new(&format!("field_{place}"), message.span()))
            }
        };
        read.push(Field { member, ident, ty: it.ty.clone(), role: role(&it.attrs)? });
    }
    if let Some(second) = read.iter().filter(|it| it.role == Role::Source).nth(1) {
        return wrong(&second.ty, "an error has one source");
    }
    Ok(Case {
        path,
        name: ident.unraw().to_string(),
        doc: doc(attributes),
        code,
        message,
        json_rpc_code: keys.json_rpc_code,
        parameter: keys.parameter,
        named: matches!(fields, Fields::Named(_)),
        fields: read,
    })
}

fn role(attributes: &[Attribute]) -> Result<Role> {
    let mut role = Role::Data;
    for attribute in attributes.iter().filter(|it| it.path().is_ident("error")) {
        attribute.parse_nested_meta(|key| {
            role = match key.path.get_ident().map(Ident::to_string).as_deref() {
                Some("skip") => Role::Skipped,
                Some("source") => Role::Source,
                _ => return wrong(&key.path, "unknown key: a field has the keys `skip`, `source`"),
            };
            Ok(())
        })?;
    }
    Ok(role)
}

fn expand(ident: &Ident, cases: &[Case]) -> TokenStream {
    let [error, message, formatter, generator] = ["error", "message", "formatter", "generator"].map(ours);
    let texts = cases.iter().map(|case| {
        let (pattern, text) = (case.pattern(), case.text());
        quote!(#pattern => ::core::write!(#formatter, #text),)
    });
    let told = cases.iter().map(|case| {
        let (pattern, told) = (case.pattern(), case.told(&message));
        quote!(#pattern => #told,)
    });
    let sources: Vec<_> = cases.iter().filter_map(Case::source).collect();
    let source = match sources.len() {
        0 => quote!(|_| ::core::option::Option::None),
        count => {
            let rest = (count < cases.len()).then(|| quote!(_ => ::core::option::Option::None,));
            quote!(|#error| {
                use ::swill::AsSource as _;
                match #error { #(#sources)* #rest }
            })
        }
    };
    let described = cases.iter().map(|case| case.described(&generator));
    quote! {
        #[automatically_derived]
        #[allow(unused_variables, clippy::all, clippy::pedantic, reason = "written by a macro")]
        impl ::core::fmt::Display for #ident {
            fn fmt(&self, #formatter: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                match self { #(#texts)* }
            }
        }

        #[automatically_derived]
        #[allow(unused_variables, clippy::all, clippy::pedantic, reason = "written by a macro")]
        impl ::core::convert::From<#ident> for ::swill::Error {
            fn from(#error: #ident) -> Self {
                let #message = ::std::string::ToString::to_string(&#error);
                let told = match &#error { #(#told)* };
                told.with_origin(#error, #source)
            }
        }

        #[automatically_derived]
        #[allow(unused_variables, clippy::all, clippy::pedantic, reason = "written by a macro")]
        impl ::swill::TypedError for #ident {
            fn describe(
                #generator: &mut ::swill::schemars::SchemaGenerator,
            ) -> ::std::vec::Vec<::swill::spec::ErrorSpec> {
                ::std::vec![#(#described),*]
            }
        }
    }
}

impl Case {
    /// Takes the fields apart: `Unknown { id }`, `Unreachable { 0: field_0 }`.
    fn pattern(&self) -> TokenStream {
        let (path, fields) = (&self.path, &self.fields);
        if self.named {
            let idents = fields.iter().map(|it| &it.ident);
            return quote!(#path { #(#idents),* });
        }
        let (members, idents) = (fields.iter().map(|it| &it.member), fields.iter().map(|it| &it.ident));
        quote!(#path { #(#members: #idents),* })
    }

    /// The message with names for fields that have none.
    fn text(&self) -> LitStr {
        if self.named {
            return self.message.clone();
        }
        let message = self.message.value();
        let mut text = String::with_capacity(message.len());
        let mut rest = message.chars().peekable();
        while let Some(letter) = rest.next() {
            text.push(letter);
            match rest.peek() {
                Some('{') if letter == '{' => text.extend(rest.next()),
                Some(digit) if letter == '{' && digit.is_ascii_digit() => text.push_str("field_"),
                _ => {}
            }
        }
        LitStr::new(&text, self.message.span())
    }

    fn data(&self) -> impl Iterator<Item = &Field> {
        self.fields.iter().filter(|it| it.role == Role::Data)
    }

    /// The error that the caller gets.
    fn told(&self, message: &Ident) -> TokenStream {
        let code = &self.code;
        let json_rpc_code = self.json_rpc_code.iter();
        let parameter = self.parameter.iter();
        let idents: Vec<_> = self.data().map(|it| &it.ident).collect();
        let data = match &idents[..] {
            [] => quote!(),
            _ if self.named => {
                let names = idents.iter().map(|it| it.unraw().to_string());
                quote!(#(.with_field(#names, #idents))*)
            }
            [one] => quote!(.with_data(#one)),
            many => quote!(.with_data((#(#many),*))),
        };
        quote! {
            ::swill::Error::new(#code, #message)
                #data
                #(.with_json_rpc_code(#json_rpc_code))*
                #(.with_parameter(#parameter))*
        }
    }

    /// The arm that finds the source.
    fn source(&self) -> Option<TokenStream> {
        let Field { member, ident, ty, .. } = self.fields.iter().find(|it| it.role == Role::Source)?;
        let (path, span) = (&self.path, at(ty.span()));
        let source = match generic(ty, "Option") {
            Some(_) => quote_spanned!(span=> #ident.as_ref().map(|it| it.as_source())),
            None => quote_spanned!(span=> ::core::option::Option::Some(#ident.as_source())),
        };
        let field = if self.named { quote!(#ident) } else { quote!(#member: #ident) };
        Some(quote!(#path { #field, .. } => #source,))
    }

    /// The case in the description.
    fn described(&self, generator: &Ident) -> TokenStream {
        let Self { name, code, message, .. } = self;
        let doc = self.doc.iter();
        let json_rpc_code = self.json_rpc_code.iter();
        let parameter = self.parameter.iter();
        let schema = |ty: TokenStream, span| quote_spanned!(at(span)=> #generator.subschema_for::<#ty>());
        let fields: Vec<_> = self.data().collect();
        let data = match &fields[..] {
            [] => quote!(),
            fields if self.named => {
                let names = fields.iter().map(|it| it.ident.unraw().to_string());
                let schemas = fields.iter().map(|it| schema(it.ty.to_token_stream(), it.ty.span()));
                quote!(#(.field(#names, #schemas))*)
            }
            [one] => {
                let schema = schema(one.ty.to_token_stream(), one.ty.span());
                quote!(.data(#schema))
            }
            many => {
                let types = many.iter().map(|it| &it.ty);
                let schema = schema(quote!((#(#types),*)), many[0].ty.span());
                quote!(.data(#schema))
            }
        };
        quote! {
            ::swill::spec::ErrorSpec::new(#name, #code, #message)
                #(.doc(#doc))*
                #(.json_rpc_code(#json_rpc_code))*
                #(.parameter(#parameter))*
                #data
        }
    }
}
