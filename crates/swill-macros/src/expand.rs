//! Writes what could have been written by hand against the builder: see `swill::Procedure`.

use crate::{
    parse::{Argument, Module, Procedure},
    types::{error_of, generic, stream_item},
};
use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::{Ident, ReturnType, Type, spanned::Spanned};

pub(crate) fn module(module: &Module) -> TokenStream {
    let Module { block, .. } = module;
    let ty = &block.self_ty;
    let (generics, _, conditions) = block.generics.split_for_impl();
    let new = match &module.name {
        Some(name) => quote!(named(#name)),
        None => quote!(new()),
    };
    let doc = module.doc.iter();
    let (this, built) = (ours("this"), ours("module"));
    let procedures = module.procedures.iter().map(|it| {
        let (conditions, procedure) = (&it.conditions, procedure(it, &this));
        quote!(#(#conditions)* let #built = #built.procedure(#procedure);)
    });
    quote! {
        #block

        #[automatically_derived]
        #[allow(deprecated, clippy::all, clippy::pedantic, reason = "written by a macro")]
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
    let Procedure { signature, name, deadline, .. } = procedure;
    let method = &signature.ident;
    let (call, cx) = (ours("call"), ours("cx"));
    let (kind, span) = match &signature.output {
        ReturnType::Default => (quote!(_), at(method.span())),
        ReturnType::Type(_, ty) => (kind(ty), at(ty.span())),
    };
    let result = Ident::new("result", span);
    let send = quote_spanned!(span=> ::swill::Reply::<#kind>::send(#result, &#cx).await);

    let wire: Vec<_> = procedure.arguments.iter().filter_map(Argument::parameter).collect();
    let names = wire.iter().map(|it| &it.name);
    let (types, idents) = (wire.iter().map(|it| &it.ty), wire.iter().map(|it| &it.ident));
    let (input, pattern) = match procedure.arguments.iter().any(|it| it.stream().is_some()) {
        true => (quote!(#(#types)*), quote!(#(#idents)*)),
        false => (quote!((#(#types,)*)), quote!((#(#idents,)*))),
    };
    let arguments = procedure.arguments.iter().map(|argument| match argument {
        Argument::Wire(parameter) | Argument::Stream(parameter) => parameter.ident.to_token_stream(),
        Argument::Server(ty) => quote!(<#ty as ::swill::FromContext>::from_context(&#cx)?),
    });

    let answer = quote!(Self::#method(&#this, #(#arguments),*));
    let (before, answer) = if procedure.blocking {
        let run = quote!(move |#cx| ::swill::Result::<_>::Ok(#answer));
        (quote!(let (#cx, #result) = ::swill::blocking(#cx, #run).await;), quote!(#result??))
    } else if signature.asyncness.is_some() {
        (quote!(), quote!(#answer.await))
    } else {
        (quote!(), answer)
    };
    let doc = procedure.doc.iter();
    let parameter_docs = wire.iter().filter_map(|it| Some((&it.name, it.doc.as_ref()?)));
    let parameter_docs = parameter_docs.map(|(name, doc)| quote!(.parameter_doc(#name, #doc)));
    let deadline = deadline.iter();
    let errors = errors(&signature.output);
    let paths = procedure.paths.iter();

    // Where nothing can fail before the method, no `?` needs a block of its own, whose state every call would carry.
    let fails = procedure.blocking || procedure.arguments.iter().any(|it| matches!(it, Argument::Server(_)));
    let (asynchronous, awaited) = if fails { (quote!(async), quote!(.await)) } else { (quote!(), quote!()) };

    quote_spanned! {at(method.span())=> {
        let #this = ::std::sync::Arc::clone(&#this);
        ::swill::Procedure::new(#name, [#(#names),*], move |#call: ::swill::Call<#input>| {
            let #this = ::std::sync::Arc::clone(&#this);
            async move {
                let (#cx, #pattern) = #call.into_parts();
                #before
                let #result = #asynchronous {
                    let #result = #answer;
                    #send
                }
                #awaited;
                ::swill::Finished::new(#cx, #result)
            }
        })
        #(.doc(#doc))*
        #(#parameter_docs)*
        #(.path(#paths))*
        #(.describe_errors(#errors))*
        #(.deadline(::core::time::Duration::from_millis(#deadline)))*
    }}
}

/// Finds out at compile time which of the error types that can be seen in the signature describe themselves.
fn errors(output: &ReturnType) -> Vec<TokenStream> {
    let ReturnType::Type(_, ty) = output else { return vec![] };
    let answer = generic(ty, "Result").unwrap_or(ty);
    let item = stream_item(answer);
    let errors = [Some(&**ty), item].into_iter().flatten().filter_map(error_of);
    let described = errors.map(|error| {
        quote_spanned! {at(error.span())=> {
            #[allow(unused_imports, reason = "typed errors do not need it")]
            use ::swill::Undescribed as _;
            ::swill::ErrorsOf::<#error>::DESCRIBE
        }}
    });
    described.collect()
}

/// What kind of reply a type is. One that is written as a `Result` or a stream is sent as such, also if it could be sent
/// as a value, too.
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
pub(crate) fn ours(name: &str) -> Ident {
    Ident::new(name, Span::mixed_site())
}

/// Where errors are shown that come from what is written here.
pub(crate) fn at(user: Span) -> Span {
    Span::mixed_site().located_at(user)
}
