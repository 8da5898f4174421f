//! Reads an `impl` block. What is wrong with it is collected, and the rest is read on, so that one look at the compiler
//! shows everything. Takes off what rustc would not understand: `#[swill(...)]`, and docs on arguments.

use proc_macro2::{TokenStream, TokenTree};
use quote::{ToTokens, quote};
use std::time::Duration;
use syn::{
    Attribute, Error, Expr, ExprLit, FnArg, GenericArgument, GenericParam, Ident, ImplItem, ImplItemFn, Item,
    ItemImpl, Lit, LitStr, Meta, Pat, PatType, PathArguments, ReceiverKind, ReturnType, Safety, Type,
    TypeParamBound, ext::IdentExt, meta::ParseNestedMeta, parse::Parser,
};

/// What is written about a whole block.
pub(crate) struct Module {
    pub(crate) name: Option<LitStr>,
    pub(crate) doc: Option<TokenStream>,
    pub(crate) procedures: Vec<Procedure>,
}

/// A method that becomes a procedure.
pub(crate) struct Procedure {
    pub(crate) method: Ident,
    pub(crate) name: LitStr,
    pub(crate) doc: Option<TokenStream>,
    pub(crate) conditions: Vec<Attribute>,
    pub(crate) arguments: Vec<Argument>,
    pub(crate) output: ReturnType,
    pub(crate) waits: bool,
    pub(crate) blocking: bool,
    pub(crate) deadline: Option<Duration>,
}

/// Owned arguments come over the wire, borrowed arguments come from the server.
pub(crate) enum Argument {
    Wire(Parameter),
    Stream(Parameter),
    Server(Type),
}

/// An argument that comes over the wire.
pub(crate) struct Parameter {
    pub(crate) ident: Ident,
    pub(crate) name: LitStr,
    pub(crate) doc: Option<TokenStream>,
    pub(crate) ty: Type,
}

/// The keys of `#[swill(...)]`, and which of them have a meaning in one place.
#[derive(Default)]
struct Keys {
    name: Option<LitStr>,
    deadline: Option<Duration>,
    blocking: bool,
    skip: bool,
}

/// All that is wrong with a block.
#[derive(Default)]
pub(crate) struct Errors(Option<Error>);

impl Errors {
    fn at(&mut self, tokens: impl ToTokens, message: impl std::fmt::Display) {
        self.push(Error::new_spanned(tokens, message));
    }

    fn push(&mut self, error: Error) {
        match &mut self.0 {
            Some(errors) => errors.combine(error),
            None => self.0 = Some(error),
        }
    }

    pub(crate) fn into_compile_errors(self) -> TokenStream {
        self.0.map(Error::into_compile_error).unwrap_or_default()
    }
}

pub(crate) fn module(
    arguments: TokenStream,
    item: TokenStream,
    errors: &mut Errors,
) -> Option<(ItemImpl, Module)> {
    let mut keys = Keys::default();
    let parser = syn::meta::parser(|key| keys.read(&key, "module", "`name = \"...\"`"));
    parser
        .parse2(arguments)
        .unwrap_or_else(|error| errors.push(error));

    let mut block = match syn::parse2(item) {
        Ok(Item::Impl(block)) => block,
        Ok(other) => {
            errors.at(
                other,
                "`#[swill::module]` goes on the `impl` block whose methods are the procedures",
            );
            return None;
        }
        Err(error) => {
            errors.push(error);
            return None;
        }
    };
    if let Some((path, _)) = &block.trait_ {
        errors.at(
            path,
            "the block of a trait cannot be a module: write an `impl` block of the type itself",
        );
        return None;
    }

    let mut procedures: Vec<Procedure> = Vec::new();
    for item in &mut block.items {
        let ImplItem::Fn(method) = item else { continue };
        let Some(procedure) = procedure(method, errors) else {
            continue;
        };
        // Under different conditions, a name may well come twice.
        let twin = procedures.iter().filter(|_| procedure.conditions.is_empty());
        if twin
            .clone()
            .any(|twin| twin.conditions.is_empty() && twin.name.value() == procedure.name.value())
        {
            let name = procedure.name.value();
            let message = "another procedure of this module has the name `{}`: give one of them its own";
            errors.at(&procedure.name, message.replace("{}", &name));
        }
        procedures.push(procedure);
    }
    let module = Module {
        name: keys.name,
        doc: doc(&block.attrs),
        procedures,
    };
    Some((block, module))
}

/// Reads a method. `None` if it is none that could be called, or none that should be.
fn procedure(method: &mut ImplItemFn, errors: &mut Errors) -> Option<Procedure> {
    let known = "`name = \"...\"`, `blocking`, `deadline = \"5s\"` and `skip`";
    let keys = Keys::take(&mut method.attrs, "method", known, errors);
    if keys.skip {
        return None;
    }
    let signature = &mut method.sig;
    if signature.constness.is_some()
        || signature.abi.is_some()
        || !matches!(signature.safety, Safety::Default)
    {
        let message = "a procedure is a plain `fn` or `async fn`; mark other functions with `#[swill(skip)]`";
        errors.at(&signature.ident, message);
    }
    for parameter in &signature.generics.params {
        if !matches!(parameter, GenericParam::Lifetime(_)) {
            let message =
                "a procedure cannot be generic: what comes over the wire needs one type, so write that type";
            errors.at(parameter, message);
        }
    }
    if keys.blocking && signature.asyncness.is_some() {
        let message = "`blocking` moves a `fn` to the blocking pool; an `async fn` waits without blocking: take one away";
        errors.at(signature.asyncness, message);
    }
    if keys.blocking && kind_of_stream(&signature.output) {
        let message = "a stream out is not made by one blocking call: take `blocking` away, and use \
                       `tokio::task::spawn_blocking` inside the stream";
        errors.at(&signature.output, message);
    }
    answer(&signature.output, errors);

    match signature.receiver().map(|receiver| (receiver, &receiver.kind)) {
        Some((_, ReceiverKind::Reference(_, _, None))) => {}
        Some((receiver, ReceiverKind::Reference(..))) => {
            let message = "all calls share the module, so a procedure takes `&self`: keep what changes in a `Mutex` or an \
                           atomic";
            errors.at(receiver, message);
        }
        Some((receiver, _)) => errors.at(
            receiver,
            "all calls share the module, so a procedure takes `&self`",
        ),
        None => {
            let message =
                "a procedure takes `&self`; mark a function that is no procedure with `#[swill(skip)]`";
            errors.at(&signature.ident, message);
        }
    }
    let arguments: Vec<_> = signature
        .inputs
        .iter_mut()
        .filter_map(|input| argument(input, errors))
        .collect();
    together(&arguments, errors);

    let ident = &signature.ident;
    Some(Procedure {
        method: ident.clone(),
        name: keys
            .name
            .unwrap_or_else(|| LitStr::new(&ident.unraw().to_string(), ident.span())),
        doc: doc(&method.attrs),
        conditions: method
            .attrs
            .iter()
            .filter(|it| it.path().is_ident("cfg"))
            .cloned()
            .collect(),
        arguments,
        output: signature.output.clone(),
        waits: signature.asyncness.is_some(),
        blocking: keys.blocking,
        deadline: keys.deadline,
    })
}

fn argument(input: &mut FnArg, errors: &mut Errors) -> Option<Argument> {
    let FnArg::Typed(PatType { attrs, pat, ty, .. }) = input else {
        return None;
    };
    let keys = Keys::take(attrs, "argument", "`name = \"...\"`", errors);
    let doc = doc(attrs);
    attrs.retain(|attribute| !attribute.path().is_ident("doc"));
    if let Some(condition) = attrs.iter().find(|attribute| attribute.path().is_ident("cfg")) {
        errors.at(
            condition,
            "a procedure takes the same arguments everywhere: put `#[cfg(...)]` on the whole method",
        );
    }
    let ty = plain(ty);
    if let Type::Reference(reference) = ty {
        let message = match &*plain(&reference.elem) {
            _ if reference.mutability.is_some() => "the server lends `&T`, never `&mut T`: write `&`",
            Type::Path(path) if path.path.is_ident("str") => {
                "borrowed arguments come from the server; text that comes over the wire is owned: write `String`"
            }
            Type::Slice(_) => {
                "borrowed arguments come from the server; a list that comes over the wire is owned: write `Vec<T>`"
            }
            _ => return Some(Argument::Server((*reference.elem).clone())),
        };
        errors.at(ty, message);
        return None;
    }
    if let Type::ImplTrait(_) = ty {
        errors.at(
            ty,
            "a procedure cannot be generic: what comes over the wire needs one type, so write that type",
        );
        return None;
    }
    if borrows(ty.to_token_stream()) {
        let message = "this comes over the wire, so it has to own all it contains: write `String` for `&str` and \
                       `Cow<str>`, `Vec<T>` for `&[T]`, `T` for `&T`";
        errors.at(ty, message);
        return None;
    }
    let Pat::Ident(pattern) = &**pat else {
        errors.at(
            pat,
            "a parameter needs a name that callers can use: write `name: T` and take it apart inside",
        );
        return None;
    };
    if pattern.by_ref.is_some() || pattern.subpat.is_some() {
        errors.at(
            pattern,
            "a parameter is a plain name: write `name: T` and take it apart inside",
        );
        return None;
    }
    let ident = pattern.ident.clone();
    let name = keys
        .name
        .unwrap_or_else(|| LitStr::new(&ident.unraw().to_string(), ident.span()));
    let parameter = Parameter {
        ident,
        name,
        doc,
        ty: ty.clone(),
    };
    Some(match generic(ty, "Streaming") {
        Some(_) => Argument::Stream(parameter),
        None => Argument::Wire(parameter),
    })
}

/// Looks at the arguments together: parameters or one stream, and no name twice.
fn together(arguments: &[Argument], errors: &mut Errors) {
    let (mut streams, mut parameters): (Vec<&Parameter>, Vec<&Parameter>) = Default::default();
    for argument in arguments {
        match argument {
            Argument::Wire(parameter) => parameters.push(parameter),
            Argument::Stream(parameter) => streams.push(parameter),
            Argument::Server(_) => {}
        }
    }
    if let Some(second) = streams.get(1) {
        errors.at(
            &second.ty,
            "a procedure takes one stream: stream an `enum` of what the two would carry",
        );
    } else if let (Some(_), Some(parameter)) = (streams.first(), parameters.first()) {
        let message = "a procedure takes parameters or one `Streaming<T>`, not both: send this as the first item, or as \
                       metadata";
        errors.at(&parameter.ident, message);
    }
    if let Some(surplus) = parameters.get(12) {
        errors.at(
            &surplus.ident,
            "a procedure takes up to 12 parameters: put some of them into a `struct`",
        );
    }
    for (at, parameter) in parameters.iter().enumerate() {
        if parameters[..at]
            .iter()
            .any(|other| other.name.value() == parameter.name.value())
        {
            errors.at(
                &parameter.name,
                "another parameter of this procedure has the same name",
            );
        }
    }
}

/// Looks at what is returned.
fn answer(output: &ReturnType, errors: &mut Errors) {
    let ReturnType::Type(_, ty) = output else { return };
    let ty = plain(ty);
    let value = generic(ty, "Result").unwrap_or(ty);
    match plain(generic(value, "Option").unwrap_or(value)) {
        Type::Reference(reference) if reference.lifetime.as_ref().is_none_or(|it| it.ident != "static") => {
            errors.at(
                reference,
                "an answer outlives the call, so it is owned: write `String` for `&str`, `T` for `&T`",
            );
        }
        Type::ImplTrait(it) if stream_item(value).is_none() => {
            let message = "a procedure returns a type with a name, or `impl Stream<Item = T>`; one that waits is an \
                           `async fn`";
            errors.at(it, message);
        }
        _ => {}
    }
}

impl Keys {
    /// Takes `#[swill(...)]` off.
    fn take(attributes: &mut Vec<Attribute>, place: &str, known: &str, errors: &mut Errors) -> Self {
        let mut keys = Self::default();
        for attribute in attributes.extract_if(.., |attribute| attribute.path().is_ident("swill")) {
            let read = attribute.parse_nested_meta(|key| keys.read(&key, place, known));
            read.unwrap_or_else(|error| errors.push(error));
        }
        keys
    }

    fn read(&mut self, key: &ParseNestedMeta<'_>, place: &str, known: &str) -> syn::Result<()> {
        let word = key.path.get_ident().map(Ident::to_string).unwrap_or_default();
        match word.as_str() {
            _ if !known.contains(&format!("`{word}")) || word.is_empty() => {
                let message = format!("unknown key `{word}`: a {place} knows {known}");
                return Err(Error::new_spanned(&key.path, message));
            }
            "name" => {
                let name: LitStr = key.value()?.parse()?;
                if name.value().is_empty() {
                    return Err(Error::new_spanned(name, "a name has at least one letter"));
                }
                self.name = Some(name);
            }
            "deadline" => self.deadline = Some(duration(&key.value()?.parse()?)?),
            "blocking" => self.blocking = true,
            _ => self.skip = true,
        }
        Ok(())
    }
}

fn duration(text: &LitStr) -> syn::Result<Duration> {
    let value = text.value();
    let digits = value.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = value.split_at(digits);
    let unit = match unit.trim_start() {
        "ms" => Some(1),
        "s" => Some(1_000),
        "m" => Some(60_000),
        _ => None,
    };
    let milliseconds = unit
        .zip(number.parse().ok())
        .and_then(|(unit, number): (u64, u64)| number.checked_mul(unit));
    match milliseconds {
        Some(milliseconds @ 1..) => Ok(Duration::from_millis(milliseconds)),
        _ => Err(Error::new_spanned(
            text,
            "a deadline is a whole number with `ms`, `s` or `m`, such as \"500ms\" or \"5s\"",
        )),
    }
}

/// The doc comments as one expression, which may contain `include_str!(..)`.
fn doc(attributes: &[Attribute]) -> Option<TokenStream> {
    let mut lines = Vec::new();
    for attribute in attributes
        .iter()
        .filter(|attribute| attribute.path().is_ident("doc"))
    {
        let Meta::NameValue(pair) = &attribute.meta else {
            continue;
        };
        lines.push(match &pair.value {
            Expr::Lit(ExprLit {
                lit: Lit::Str(text), ..
            }) => {
                let text = text.value();
                let text: Vec<_> = text
                    .lines()
                    .map(|line| line.strip_prefix(' ').unwrap_or(line).trim_end())
                    .collect();
                text.join("\n").into_token_stream()
            }
            other => other.to_token_stream(),
        });
    }
    match &*lines {
        [] => None,
        [line] => Some(line.clone()),
        lines => Some(quote!(::core::concat!(#(#lines),*))),
    }
}

/// A type without the invisible parentheses that a `macro_rules!` may have put around it.
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
    let last = path
        .path
        .segments
        .last()
        .filter(|segment| segment.ident == name)?;
    let PathArguments::AngleBracketed(generics) = &last.arguments else {
        return None;
    };
    generics.args.iter().find_map(|argument| match argument {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    })
}

/// `impl Stream<Item = T>` -> `T`
pub(crate) fn stream_item(ty: &Type) -> Option<&Type> {
    let Type::ImplTrait(it) = plain(ty) else {
        return None;
    };
    it.bounds.iter().find_map(|bound| {
        let TypeParamBound::Trait(bound) = bound else {
            return None;
        };
        let last = bound
            .path
            .segments
            .last()
            .filter(|segment| segment.ident == "Stream")?;
        let PathArguments::AngleBracketed(generics) = &last.arguments else {
            return None;
        };
        generics.args.iter().find_map(|argument| match argument {
            GenericArgument::AssocType(item) => Some(&item.ty),
            _ => None,
        })
    })
}

fn kind_of_stream(output: &ReturnType) -> bool {
    let ReturnType::Type(_, ty) = output else {
        return false;
    };
    stream_item(generic(ty, "Result").unwrap_or(ty)).is_some()
}

/// Whether a type contains a reference or a lifetime other than `'static`.
fn borrows(ty: TokenStream) -> bool {
    let mut quote = false;
    ty.into_iter().any(|token| match token {
        TokenTree::Group(group) => borrows(group.stream()),
        TokenTree::Punct(punct) => {
            quote = punct.as_char() == '\'';
            punct.as_char() == '&'
        }
        TokenTree::Ident(ident) => std::mem::take(&mut quote) && ident != "static",
        TokenTree::Literal(_) => false,
    })
}
