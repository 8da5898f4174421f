//! Writes what could have been written by hand against the builder: see `swill::Procedure`.

use crate::{
    parse::{Argument, Module, Parameter, Procedure},
    types::{error_of, generic, stream_item},
    validate::constraint::{checks, description},
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
    let (types, idents) = (wire.iter().map(|it| wire_type(it)), wire.iter().map(|it| &it.ident));
    let (input, pattern) = match procedure.arguments.iter().any(|it| it.stream().is_some()) {
        true => (quote!(#(#types)*), quote!(#(#idents)*)),
        false => (quote!((#(#types,)*)), quote!((#(#idents,)*))),
    };
    let check = check(&wire, &input, &pattern);
    let new = Ident::new(if check.is_some() { "checked" } else { "new" }, at(method.span()));
    let check = check.iter();
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
    let parameter_schemas = wire.iter().filter_map(|it| schema(it));
    let defaults = wire.iter().filter_map(|it| {
        let (ident, default) = (&it.ident, default(it)?);
        Some(quote!(let #ident = #ident.or_else(|| #default);))
    });
    let deadline = deadline.iter();
    let errors = errors(&signature.output);
    let paths = procedure.paths.iter();
    let metadata = procedure.metadata.iter().map(|(which, name, doc)| quote!(#which(#name, #doc)));

    // Where nothing can fail before the method, no `?` needs a block of its own, whose state every call would carry.
    let fails = procedure.blocking || procedure.arguments.iter().any(|it| matches!(it, Argument::Server(_)));
    let (asynchronous, awaited) = if fails { (quote!(async), quote!(.await)) } else { (quote!(), quote!()) };

    quote_spanned! {at(method.span())=> {
        let #this = ::std::sync::Arc::clone(&#this);
        ::swill::Procedure::#new(#name, [#(#names),*], #(#check,)* move |#call: ::swill::Call<#input>| {
            let #this = ::std::sync::Arc::clone(&#this);
            async move {
                let (#cx, #pattern) = #call.into_parts();
                #(#defaults)*
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
        #(#parameter_schemas)*
        #(.path(#paths))*
        #(.#metadata)*
        #(.describe_errors(#errors))*
        #(.deadline(::core::time::Duration::from_millis(#deadline)))*
    }}
}

/// What a parameter is on the wire.
fn wire_type(parameter: &Parameter) -> TokenStream {
    let ty = &parameter.ty;
    match parameter.default {
        Some(_) => quote!(::swill::Given<#ty>),
        None => quote!(#ty),
    }
}

/// What a parameter is that was left out.
fn default(parameter: &Parameter) -> Option<TokenStream> {
    let ty = &parameter.ty;
    Some(match parameter.default.as_ref()? {
        Some(default) => quote!(#default),
        None => quote!(<#ty as ::core::default::Default>::default()),
    })
}

/// What is added to the schema of a parameter.
fn schema(parameter: &Parameter) -> Option<TokenStream> {
    let (name, ty, schema) = (&parameter.name, &parameter.ty, ours("schema"));
    let described = description(&parameter.constraints).map(|describe| {
        let own = ours("describe");
        quote!(let #own: fn(&mut ::swill::schemars::Schema) = #describe; #own(#schema);)
    });
    let default = default(parameter).map(|default| {
        let own = ours("default");
        let write =
            quote_spanned!(at(ty.span())=> ::swill::validation::Described::new(#schema).default(#own););
        quote!(let #own: #ty = #default; #write)
    });
    let amended = described.is_some() || default.is_some();
    let amend = quote!(|#schema: &mut ::swill::schemars::Schema| { #described #default });
    amended.then(|| quote!(.parameter_schema(#name, #amend)))
}

/// A closure that checks the parameters, if anything is asked of them.
fn check(wire: &[&Parameter], input: &TokenStream, pattern: &TokenStream) -> Option<TokenStream> {
    if wire.iter().all(|it| it.constraints.is_empty()) {
        return None;
    }
    let (found, value) = (ours("found"), ours("value"));
    let checks = wire.iter().filter(|it| !it.constraints.is_empty()).map(|it| {
        let (ident, name) = (&it.ident, &it.name);
        let checks = checks(&it.constraints, &value, Some(&it.ty), None);
        let checks = match it.default {
            Some(_) => quote!(if let ::core::option::Option::Some(#value) = &#ident.0 { #checks }),
            None => quote!({ let #value = #ident; #checks }),
        };
        quote!(#found.field(#name, &[], |#found| #checks);)
    });
    Some(quote! {
        |#[allow(unused_variables, reason = "not all of them have constraints")] #pattern: &#input,
         #found: &mut ::swill::validation::Findings<'_>| { #(#checks)* }
    })
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
