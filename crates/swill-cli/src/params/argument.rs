use crate::{Error, Result};
use std::io;
use tokio::io::AsyncReadExt;

/// Arguments as they were written, and the standard input if one of them asks for it.
#[derive(Debug)]
pub(crate) struct Arguments<'a> {
    pub(super) written: &'a [String],
    pub(super) input: Vec<u8>,
}

impl<'a> Arguments<'a> {
    /// Arguments beside which there is no standard input.
    #[cfg(feature = "unstable-fuzzing")]
    pub(crate) fn given(written: &'a [String]) -> Self {
        Self { written, input: Vec::new() }
    }

    /// Reads the standard input to its end if one of the arguments is `-`.
    ///
    /// # Errors
    ///
    /// It cannot be read.
    pub(crate) async fn read(written: &'a [String]) -> io::Result<Self> {
        let mut input = Vec::new();
        if written.iter().any(|argument| argument == "-") {
            tokio::io::stdin().read_to_end(&mut input).await?;
        }
        Ok(Self { written, input })
    }

    /// Reads an argument that stands alone.
    pub(super) fn alone(&self, argument: &str) -> Result<Argument> {
        match argument.strip_prefix('@') {
            Some(path) => file(path, Argument::Loose),
            None if argument == "-" => Ok(text_or_bytes(self.input.clone(), Argument::Loose)),
            None => Ok(Argument::Loose(argument.to_owned())),
        }
    }
}

/// An argument that was read: what it says, and how strictly it is to be taken.
#[derive(Debug)]
pub(super) enum Argument {
    /// JSON, or else text.
    Loose(String),
    /// Text, unless the description says otherwise.
    Text(String),
    /// JSON.
    Json(String),
    /// The content of a file that is no text.
    Bytes(Vec<u8>),
}

/// What stands behind the name in a pair.
#[derive(Clone, Copy, Debug)]
pub(super) enum Content<'a> {
    Text(&'a str),
    Json(&'a str),
}

/// Takes `name=text` or `name:=json` apart.
pub(super) fn split(argument: &str) -> Option<(&str, Content<'_>)> {
    let (name, text) = argument.split_once('=')?;
    let (name, content) = match name.strip_suffix(':') {
        Some(name) => (name, Content::Json(text)),
        None => (name, Content::Text(text)),
    };
    let mut letters = name.chars();
    let first = letters.next().is_some_and(|letter| letter.is_alphabetic() || letter == '_');
    let others = letters.all(|letter| letter.is_alphanumeric() || matches!(letter, '_' | '-' | '.'));
    (first && others).then_some((name, content))
}

pub(super) fn is_pair(argument: &str) -> bool {
    split(argument).is_some()
}

/// Reads what stands behind a name.
pub(super) fn read_named(content: Content<'_>) -> Result<Argument> {
    match content {
        Content::Text(text) => match text.strip_prefix('@') {
            Some(path) => file(path, Argument::Text),
            None => Ok(Argument::Text(text.to_owned())),
        },
        Content::Json(text) => match text.strip_prefix('@') {
            Some(path) => file(path, Argument::Json),
            None => Ok(Argument::Json(text.to_owned())),
        },
    }
}

fn file(path: &str, make: fn(String) -> Argument) -> Result<Argument> {
    let content = std::fs::read(path).map_err(|error| {
        Error::usage(format!("{path}: {error}")).advice("text that begins with @ is written as '\"@text\"'")
    })?;
    Ok(text_or_bytes(content, make))
}

fn text_or_bytes(content: Vec<u8>, make: fn(String) -> Argument) -> Argument {
    String::from_utf8(content).map_or_else(|error| Argument::Bytes(error.into_bytes()), make)
}
