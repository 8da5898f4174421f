//! The macros of Swill. They are used, and documented, as `swill::module`, `swill::Error` and `swill::validate`.

#![forbid(unsafe_code)]

mod error;
mod expand;
mod parse;
mod types;
mod validate;

use proc_macro::TokenStream;

// Documented at its re-export, where its examples can see `swill`.
#[allow(missing_docs, reason = "see above")]
#[proc_macro_attribute]
pub fn module(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let mut errors = parse::Errors::default();
    let item = proc_macro2::TokenStream::from(item);
    let expanded = match parse::module(arguments.into(), item.clone(), &mut errors) {
        Some(module) => expand::module(&module),
        None => item,
    };
    let errors = errors.into_compile_errors();
    quote::quote!(#expanded #errors).into()
}

// Documented at its re-export, too.
#[allow(missing_docs, reason = "see above")]
#[proc_macro_derive(Error, attributes(error))]
pub fn derive_error(item: TokenStream) -> TokenStream {
    let mut errors = parse::Errors::default();
    let expanded = error::derive(item.into(), &mut errors);
    let errors = errors.into_compile_errors();
    quote::quote!(#expanded #errors).into()
}

// Documented at its re-export, too.
#[allow(missing_docs, reason = "see above")]
#[proc_macro_attribute]
pub fn validate(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let mut errors = parse::Errors::default();
    let item = proc_macro2::TokenStream::from(item);
    let expanded = validate::validate(arguments.into(), item.clone(), &mut errors);
    let errors = errors.into_compile_errors();
    quote::quote!(#expanded #errors).into()
}
