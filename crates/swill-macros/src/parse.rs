//! Reads an `impl` block. What is wrong with it is collected, and the rest is read on, so that one look at the compiler
//! shows everything. Takes off what rustc would not understand: `#[swill(...)]`, and docs on arguments.

use crate::{
    types::{borrows, doc, generic, plain, stream_item},
    validate::constraint::{self, Constraint},
};
use proc_macro2::TokenStream;
use quote::ToTokens;
use std::fmt::Display;
use syn::{
    Attribute, Error, Expr, FnArg, GenericParam, Ident, ImplItem, ImplItemFn, Item, ItemImpl, LitStr, Pat,
    PatType, ReceiverKind, Result, ReturnType, Safety, Signature, Token, Type,
    ext::IdentExt,
    meta::ParseNestedMeta,
    parse::{Parse, Parser},
    punctuated::Punctuated,
};

/// A block without what only this macro understands, and what that said.
pub(crate) struct Module {
    pub(crate) block: ItemImpl,
    pub(crate) name: Option<LitStr>,
    pub(crate) doc: Option<TokenStream>,
    pub(crate) procedures: Vec<Procedure>,
}

/// A method that becomes a procedure.
pub(crate) struct Procedure {
    pub(crate) signature: Signature,
    pub(crate) name: LitStr,
    pub(crate) doc: Option<TokenStream>,
    pub(crate) conditions: Vec<Attribute>,
    pub(crate) arguments: Vec<Argument>,
    pub(crate) blocking: bool,
    pub(crate) deadline: Option<u64>,
    pub(crate) paths: Vec<LitStr>,
    /// Which metadata, its key, what it means.
    pub(crate) metadata: Vec<(Ident, LitStr, LitStr)>,
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
    /// What it is if it is left out, if it may be: `None` inside for the type's own default.
    pub(crate) default: Option<Option<Expr>>,
    pub(crate) constraints: Vec<Constraint>,
}

/// What `#[swill(...)]` says.
#[derive(Default)]
struct Keys {
    name: Option<LitStr>,
    deadline: Option<u64>,
    paths: Vec<LitStr>,
    metadata: Vec<(Ident, LitStr, LitStr)>,
    blocking: bool,
    skip: bool,
    default: Option<Option<Expr>>,
}

/// All that is wrong with a block.
#[derive(Default)]
pub(crate) struct Errors(Vec<Error>);

const GENERIC: &str = "a procedure cannot be generic: write the one type that comes over the wire";

pub(crate) fn module(arguments: TokenStream, item: TokenStream, errors: &mut Errors) -> Option<Module> {
    let mut keys = Keys::default();
    let parser = syn::meta::parser(|key| keys.read(&key, "a module has the key", &["name"]));
    errors.take(parser.parse2(arguments));

    let mut block = errors.take(syn::parse2(item).and_then(|item| match item {
        Item::Impl(ItemImpl { trait_: Some((path, _)), .. }) => {
            wrong(path, "the block of a trait cannot be a module: write an `impl` block of the type itself")
        }
        Item::Impl(block) => Ok(block),
        other => wrong(other, "`#[swill::module]` goes on the `impl` block whose methods are the procedures"),
    }))?;

    let mut procedures: Vec<Procedure> = Vec::new();
    for item in &mut block.items {
        let ImplItem::Fn(method) = item else { continue };
        let Some(procedure) = procedure(method, errors) else { continue };
        // Under different conditions, a name may well come twice.
        let mut twins = procedures.iter().filter(|_| procedure.conditions.is_empty());
        if twins.any(|twin| twin.conditions.is_empty() && twin.name.value() == procedure.name.value()) {
            errors.add(&procedure.name, "another procedure of this module has this name: rename one");
        }
        procedures.push(procedure);
    }
    Some(Module { name: keys.name, doc: doc(&block.attrs), block, procedures })
}

/// Reads a method. `None` if it is to be skipped, or something is wrong with it.
fn procedure(method: &mut ImplItemFn, errors: &mut Errors) -> Option<Procedure> {
    let before = errors.0.len();
    let known = [
        "name",
        "path",
        "blocking",
        "deadline",
        "client_metadata",
        "leading_metadata",
        "trailing_metadata",
        "skip",
    ];
    let keys =
        errors.take(Keys::take_off(&mut method.attrs, "a method has the keys", &known)).unwrap_or_default();
    if keys.skip {
        return None;
    }
    let signature = &method.sig;
    let Signature { ident, asyncness, constness, abi, safety, generics, .. } = signature;
    if constness.is_some() || abi.is_some() || !matches!(safety, Safety::Default) {
        errors.add(ident, "a procedure is a plain `fn` or `async fn`; mark others with `#[swill(skip)]`");
    }
    for parameter in generics.params.iter().filter(|it| !matches!(it, GenericParam::Lifetime(_))) {
        errors.add(parameter, GENERIC);
    }
    match signature.receiver() {
        None => errors.add(ident, "a procedure takes `&self`; mark other functions with `#[swill(skip)]`"),
        Some(receiver) if !matches!(receiver.kind, ReceiverKind::Reference(_, _, None)) => {
            errors.add(receiver, "calls share the module by `&self`: put what changes into a lock or atomic");
        }
        Some(_) => {}
    }
    if keys.blocking && asyncness.is_some() {
        errors.add(asyncness, "an `async fn` waits without blocking: take `async` or `blocking` away");
    }
    errors.take(answer(&signature.output, keys.blocking));

    let inputs = method.sig.inputs.iter_mut();
    let arguments: Vec<_> = inputs
        .filter_map(|input| {
            let read = argument(input, errors);
            errors.take(read).flatten()
        })
        .collect();
    together(&arguments, errors);
    if errors.0.len() == before {
        name_parameters(&keys.paths, &arguments, errors);
    }
    let procedure = Procedure {
        signature: method.sig.clone(),
        name: keys.name.unwrap_or_else(|| name(&method.sig.ident)),
        doc: doc(&method.attrs),
        conditions: method.attrs.iter().filter(|it| it.path().is_ident("cfg")).cloned().collect(),
        arguments,
        blocking: keys.blocking,
        deadline: keys.deadline,
        paths: keys.paths,
        metadata: keys.metadata,
    };
    (errors.0.len() == before).then_some(procedure)
}

/// Reads an argument. `None` for `self`.
fn argument(input: &mut FnArg, errors: &mut Errors) -> Result<Option<Argument>> {
    let FnArg::Typed(PatType { attrs, pat, ty, .. }) = input else { return Ok(None) };
    let doc = doc(attrs);
    attrs.retain(|attribute| !attribute.path().is_ident("doc"));
    let keys = Keys::take_off(attrs, "an argument has the keys", &["name", "default"])?;
    let constraints = constraint::take_off(attrs, errors);
    if let Some(cfg) = attrs.iter().find(|attribute| attribute.path().is_ident("cfg")) {
        return wrong(cfg, "a procedure takes the same arguments everywhere: put this on the whole method");
    }
    let ty = plain(ty);
    match ty {
        Type::ImplTrait(_) => return wrong(ty, GENERIC),
        Type::Reference(reference) if reference.mutability.is_some() => {
            return wrong(ty, "the server lends `&T`, never `&mut T`: write `&`");
        }
        Type::Reference(reference) => match plain(&reference.elem) {
            Type::Path(path) if path.path.is_ident("str") => {
                return wrong(ty, "text that comes over the wire is owned: write `String`");
            }
            Type::Slice(_) => return wrong(ty, "a list that comes over the wire is owned: write `Vec<T>`"),
            lent if keys.default.is_none() && constraints.is_empty() => {
                return Ok(Some(Argument::Server(lent.clone())));
            }
            _ => return wrong(ty, "what the server lends has no default and no constraints"),
        },
        owned if borrows(owned.to_token_stream()) => {
            return wrong(
                ty,
                "what comes over the wire owns all it contains: write `String` for `&str`, `T` for `&T`",
            );
        }
        _ => {}
    }
    let ident = match &**pat {
        Pat::Ident(pattern) if pattern.by_ref.is_none() && pattern.subpat.is_none() => pattern.ident.clone(),
        _ => {
            return wrong(
                pat,
                "a parameter has a name for its callers: write `name: T` and take it apart inside",
            );
        }
    };
    let streams = generic(ty, "Streaming");
    if streams.is_some() && (keys.default.is_some() || !constraints.is_empty()) {
        return wrong(
            ty,
            "a stream has no default, and its items are checked by their type: write `#[swill::validate]` there",
        );
    }
    let name = keys.name.unwrap_or_else(|| name(&ident));
    let parameter = Parameter { name, ident, doc, ty: ty.clone(), default: keys.default, constraints };
    Ok(Some(match streams {
        Some(_) => Argument::Stream(parameter),
        None => Argument::Wire(parameter),
    }))
}

/// Looks at the arguments together: up to 12 parameters or one stream, and no name twice.
fn together(arguments: &[Argument], errors: &mut Errors) {
    let parameters: Vec<_> = arguments.iter().filter_map(Argument::parameter).collect();
    if let Some((stream, other)) = arguments.iter().find_map(Argument::stream).zip(parameters.get(1)) {
        let other = if other.ident == stream.ident { parameters[0] } else { other };
        let message = "a stream in comes alone: send this as its first item or as metadata, or make the items an `enum`";
        errors.add(&other.ident, message);
    }
    if let Some(surplus) = parameters.get(12) {
        errors.add(&surplus.ident, "a procedure takes up to 12 parameters: put some of them into a `struct`");
    }
    for (at, parameter) in parameters.iter().enumerate() {
        if parameters[..at].iter().any(|other| other.name.value() == parameter.name.value()) {
            errors.add(&parameter.name, "another parameter of this procedure has this name");
        }
    }
}

/// Looks whether paths name parameters that there are.
fn name_parameters(paths: &[LitStr], arguments: &[Argument], errors: &mut Errors) {
    let parameters: Vec<_> =
        arguments.iter().filter_map(Argument::parameter).map(|it| it.name.value()).collect();
    for path in paths {
        let text = path.value();
        // Two braces are one that is meant as it is.
        let parts = text.split("{{").flat_map(|part| part.split('{').skip(1));
        let names = parts.filter_map(|part| Some(part.split_once('}')?.0.trim_start_matches('*')));
        for name in names.filter(|name| !parameters.iter().any(|it| it == name)) {
            let known = match parameters.is_empty() {
                true => "it has none".to_owned(),
                false => format!("callers know `{}`", parameters.join("`, `")),
            };
            errors.add(path, &format!("the procedure has no parameter `{name}`: {known}"));
        }
    }
}

/// Looks at what is returned.
fn answer(output: &ReturnType, blocking: bool) -> Result<()> {
    let ReturnType::Type(_, ty) = output else { return Ok(()) };
    let value = generic(ty, "Result").unwrap_or(ty);
    match plain(generic(value, "Option").unwrap_or(value)) {
        Type::Reference(it) if it.lifetime.as_ref().is_none_or(|lifetime| lifetime.ident != "static") => {
            wrong(it, "an answer outlives the call, so it is owned: write `String` for `&str`, `T` for `&T`")
        }
        it @ Type::ImplTrait(_) if stream_item(it).is_none() => wrong(
            it,
            "an answer is a type with a name or an `impl Stream<Item = T>`; to wait, write `async fn`",
        ),
        it @ Type::ImplTrait(_) if blocking => wrong(
            it,
            "one blocking call cannot make a stream: use `tokio::task::spawn_blocking` inside the stream",
        ),
        _ => Ok(()),
    }
}

impl Argument {
    pub(crate) fn parameter(&self) -> Option<&Parameter> {
        match self {
            Self::Wire(parameter) | Self::Stream(parameter) => Some(parameter),
            Self::Server(_) => None,
        }
    }

    pub(crate) fn stream(&self) -> Option<&Parameter> {
        self.parameter().filter(|_| matches!(self, Self::Stream(_)))
    }
}

impl Keys {
    /// Takes `#[swill(...)]` off.
    fn take_off(attributes: &mut Vec<Attribute>, place: &str, known: &[&str]) -> Result<Self> {
        let mut keys = Self::default();
        let taken: Vec<_> = attributes.extract_if(.., |it| it.path().is_ident("swill")).collect();
        for attribute in taken {
            attribute.parse_nested_meta(|key| keys.read(&key, place, known))?;
        }
        Ok(keys)
    }

    fn read(&mut self, key: &ParseNestedMeta<'_>, place: &str, known: &[&str]) -> Result<()> {
        match known.iter().find(|known| key.path.is_ident(known)) {
            Some(&"name") => {
                let name: LitStr = key.value()?.parse()?;
                if name.value().is_empty() {
                    return wrong(name, "a name has at least one letter");
                }
                self.name = Some(name);
            }
            Some(&"path") => {
                let path: LitStr = key.value()?.parse()?;
                if !path.value().starts_with('/') {
                    return wrong(path, "a path begins with a slash, such as \"/rooms/{room}\"");
                }
                self.paths.push(path);
            }
            Some(&"deadline") => self.deadline = Some(milliseconds(&key.value()?.parse()?)?),
            Some(&("client_metadata" | "leading_metadata" | "trailing_metadata")) => {
                let content;
                syn::parenthesized!(content in key.input);
                let which = key.path.require_ident()?;
                let texts: Punctuated<LitStr, Token![,]> =
                    content.parse_terminated(Parse::parse, Token![,])?;
                let mut texts = texts.into_iter();
                let (Some(name), Some(doc), None) = (texts.next(), texts.next(), texts.next()) else {
                    return wrong(
                        which,
                        format!("metadata has a key and a meaning: `{which}(\"key\", \"what it is\")`"),
                    );
                };
                self.metadata.push((which.clone(), name, doc));
            }
            Some(&"blocking") => self.blocking = true,
            Some(&"default") if key.input.peek(Token![=]) => self.default = Some(Some(key.value()?.parse()?)),
            Some(&"default") => self.default = Some(None),
            Some(_) => self.skip = true,
            None => return wrong(&key.path, format!("unknown key: {place} `{}`", known.join("`, `"))),
        }
        Ok(())
    }
}

fn milliseconds(text: &LitStr) -> Result<u64> {
    let value = text.value();
    let (number, unit) = value.split_at(value.bytes().take_while(u8::is_ascii_digit).count());
    let unit = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        _ => 0,
    };
    match number.parse::<u64>().ok().and_then(|number| number.checked_mul(unit)) {
        Some(milliseconds @ 1..) => Ok(milliseconds),
        _ => wrong(text, "a deadline is a whole number with `ms`, `s` or `m`, such as \"500ms\" or \"5s\""),
    }
}

/// How something is called on the wire that is not renamed.
fn name(ident: &Ident) -> LitStr {
    LitStr::new(&ident.unraw().to_string(), ident.span())
}

pub(crate) fn wrong<T>(tokens: impl ToTokens, message: impl Display) -> Result<T> {
    Err(Error::new_spanned(tokens, message))
}

impl Errors {
    pub(crate) fn add(&mut self, tokens: impl ToTokens, message: &str) {
        self.0.push(Error::new_spanned(tokens, message));
    }

    /// What was read, or else its error goes here.
    pub(crate) fn take<T>(&mut self, read: Result<T>) -> Option<T> {
        read.map_err(|error| self.0.push(error)).ok()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn into_compile_errors(self) -> TokenStream {
        self.0.into_iter().map(Error::into_compile_error).collect()
    }
}
