//! Writes what could have been written by hand against the builder: see `swill::Procedure`.

use crate::parse::{Argument, Module, Procedure, generic, stream_item};
use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::{Ident, ItemImpl, LitStr, ReturnType, Type, spanned::Spanned};

pub(crate) fn module(block: &ItemImpl, module: &Module) -> TokenStream {
    let ty = &block.self_ty;
    let (generics, _, conditions) = block.generics.split_for_impl();
    let new = match &module.name {
        Some(name) => quote!(named(#name)),
        None => quote!(new()),
    };
    let doc = module.doc.iter();
    let this = ours("this");
    let built = ours("module");
    let procedures = module.procedures.iter().map(|it| {
        let (conditions, procedure) = (&it.conditions, procedure(it, &this));
        quote!(#(#conditions)* let #built = #built.procedure(#procedure);)
    });
    quote! {
        #block

        #[allow(deprecated, clippy::all, clippy::pedantic)]
        #[automatically_derived]
        impl #generics ::swill::IntoModule for #ty #conditions {
            fn into_module(self) -> ::swill::Module {
                let #this = ::std::sync::Arc::new(self);
                let #built = ::swill::Module::#new #(.doc(#doc))*;
                #(#procedures)*
                #built
            }
        }
    }
}

fn procedure(procedure: &Procedure, this: &Ident) -> TokenStream {
    let Procedure { method, name, .. } = procedure;
    let (call, cx, reply) = (ours("call"), ours("cx"), ours("reply"));

    let mut wire = Vec::new();
    let mut stream = None;
    for argument in &procedure.arguments {
        match argument {
            Argument::Wire(parameter) => wire.push(parameter),
            Argument::Stream(parameter) => stream = Some(parameter),
            Argument::Server(_) => {}
        }
    }
    let names: Vec<&LitStr> = stream.iter().chain(&wire).map(|it| &it.name).collect();
    let (input, pattern) = match stream {
        Some(stream) => (stream.ty.to_token_stream(), stream.ident.to_token_stream()),
        None => {
            let (types, idents) = (wire.iter().map(|it| &it.ty), wire.iter().map(|it| &it.ident));
            (quote!((#(#types,)*)), quote!((#(#idents,)*)))
        }
    };
    let arguments = procedure.arguments.iter().map(|argument| match argument {
        Argument::Wire(parameter) | Argument::Stream(parameter) => parameter.ident.to_token_stream(),
        Argument::Server(ty) => quote!(<#ty as ::swill::FromContext>::from_context(&#cx)?),
    });
    let answer = quote!(#this.#method(#(#arguments),*));
    let (before, answer) = match (procedure.blocking, procedure.waits) {
        (true, _) => (
            quote! {
                let (#cx, #reply) = ::swill::blocking(#cx, move |#cx| ::swill::Result::<_>::Ok(#answer)).await;
            },
            quote!(#reply??),
        ),
        (false, true) => (quote!(), quote!(#answer.await)),
        (false, false) => (quote!(), answer),
    };
    let send = send(&procedure.output);
    let doc = procedure.doc.iter();
    let deadline = procedure.deadline.map(|it| it.as_millis() as u64).into_iter();
    let parameter_docs = stream.iter().chain(&wire).filter_map(|it| {
        let (name, doc) = (&it.name, it.doc.as_ref()?);
        Some(quote!(.parameter_doc(#name, #doc)))
    });
    quote! {{
        let #this = ::std::sync::Arc::clone(&#this);
        ::swill::Procedure::new(#name, [#(#names),*], move |#call: ::swill::Call<#input>| {
            let #this = ::std::sync::Arc::clone(&#this);
            async move {
                let (#cx, #pattern) = #call.into_parts();
                #before
                let #reply = async {
                    let #reply = #answer;
                    #send(#reply, &#cx).await
                }
                .await;
                ::swill::Finished::new(#cx, #reply)
            }
        })
        #(.doc(#doc))*
        #(#parameter_docs)*
        #(.deadline(::core::time::Duration::from_millis(#deadline)))*
    }}
}

/// The function that sends an answer. A type that is written as a `Result` or a stream is one, also if it could be sent
/// as a value, too.
fn send(output: &ReturnType) -> TokenStream {
    let (kind, span) = match output {
        ReturnType::Default => (quote!(::swill::Plain), Span::mixed_site()),
        ReturnType::Type(_, ty) => (kind(ty), ty.span()),
    };
    quote_spanned!(span=> ::swill::Reply::<#kind>::send)
}

fn kind(ty: &Type) -> TokenStream {
    if let Some(ok) = generic(ty, "Result") {
        let kind = kind(ok);
        quote!(::swill::Fallible<#kind>)
    } else if let Some(item) = stream_item(ty) {
        let kind = kind(item);
        quote!(::swill::Streams<#kind>)
    } else {
        quote!(_)
    }
}

/// A name that no name of the user's can collide with.
fn ours(name: &str) -> Ident {
    Ident::new(name, Span::mixed_site())
}
