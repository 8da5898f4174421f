//! The macro of Swill. It is used, and documented, as `swill::module`.

mod expand;
mod parse;
mod types;

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
