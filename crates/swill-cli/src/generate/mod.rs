//! `swill generate`: typed clients from a description.
//!
//! The description is [read](reader) into a [model] that knows no language; each language has an emitter that writes the
//! model down.

mod enums;
mod errors;
mod fold;
mod model;
mod names;
mod python;
mod reader;
mod rust;
mod scalars;
mod text;
mod typescript;

use crate::{Error, Result, connection::Connection, output, source};
use clap::{Args, Subcommand};
use std::{
    io::Write,
    path::{Path, PathBuf},
};
use swill_proto::spec::Spec;

const AFTER_HELP: &str = "\
Examples:
  swill generate typescript localhost -o src/shop.ts     from a running server
  swill generate python shop.json -o shop.py             from a file, see `swill describe`
  swill generate rust shop.json -o src/shop.rs --check   is the file up to date? For CI";

/// Generates a typed client
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Generate {
    #[command(subcommand)]
    language: Language,
}

#[derive(Debug, Subcommand)]
enum Language {
    /// A module for the package `@swill/client`
    #[command(visible_alias = "ts")]
    Typescript {
        #[command(flatten)]
        files: Files,
        /// How integers of 64 bits are typed
        #[arg(long, default_value = "auto")]
        int64: typescript::Int64,
    },
    /// A module for the package `swill`
    #[command(visible_alias = "py")]
    Python {
        #[command(flatten)]
        files: Files,
    },
    /// A module for the crate `swill-client`
    #[command(visible_alias = "rs")]
    Rust {
        #[command(flatten)]
        files: Files,
        #[command(flatten)]
        options: rust::Options,
    },
}

/// What is read and written.
#[derive(Debug, Args)]
struct Files {
    /// The address of a server, a file with a description, or `-` for the standard input
    source: String,
    /// Writes to this file, in place of the standard output
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Writes nothing: fails if FILE is not what would be written
    #[arg(long, requires = "output")]
    check: bool,
    #[command(flatten)]
    connection: Connection,
}

impl Generate {
    pub(crate) async fn run(self) -> Result<()> {
        match self.language {
            Language::Typescript { files, int64 } => {
                let spec = files.load().await?;
                files.write(&spec, &reader::read(&spec), |model| typescript::emit(model, int64))
            }
            Language::Python { files } => {
                let spec = files.load().await?;
                files.write(&spec, &reader::read(&fold::fold(&spec)), python::emit)
            }
            Language::Rust { files, options } => {
                let spec = files.load().await?;
                files.write(&spec, &reader::read(&fold::fold(&spec)), |model| rust::emit(model, options))
            }
        }
    }
}

/// Computes the hashes that a description has not, as those of older servers.
fn sealed(mut spec: Spec) -> Spec {
    for at in 0..spec.procedures.len() {
        if spec.procedures[at].hash.is_empty() {
            spec.procedures[at].hash = spec.procedure_hash(&spec.procedures[at]);
        }
    }
    if spec.hash.is_empty() {
        spec.hash = spec.contract_hash();
    }
    spec
}

/// The clients of a description in TypeScript, Python and Rust.
#[cfg(feature = "unstable-fuzzing")]
pub(crate) fn everything(spec: &Spec) -> [String; 3] {
    let spec = sealed(spec.clone());
    let folded = reader::read(&fold::fold(&spec));
    [
        typescript::emit(&reader::read(&spec), typescript::Int64::default()),
        python::emit(&folded),
        rust::emit(&folded, rust::Options::default()),
    ]
}

impl Files {
    async fn load(&self) -> Result<Spec> {
        Ok(sealed(source::load(&self.source, &self.connection).await?))
    }

    /// Writes a client, or looks whether it has been written.
    fn write(
        &self,
        spec: &Spec,
        model: &model::Model,
        emit: impl FnOnce(&model::Model) -> String,
    ) -> Result<()> {
        if model.root.all().iter().all(|module| module.procedures.is_empty()) {
            let advice = match spec.procedures.is_empty() {
                true => "does the server have modules? `swill inspect SOURCE` shows what a description has",
                false => "those of the framework, `swill.…`, need no generated client",
            };
            return Err(Error::failed(format!("{} describes no procedures", self.source)).advice(advice));
        }
        for warning in &model.warnings {
            output::note(&format!("warning: {warning}"));
        }
        let program = emit(model);
        match &self.output {
            None => Ok(std::io::stdout().write_all(program.as_bytes())?),
            Some(path) if self.check => check(path, &program),
            Some(path) => std::fs::write(path, program)
                .map_err(|error| Error::failed(format!("{} cannot be written: {error}", path.display()))),
        }
    }
}

/// Whether a file is what would be written. If not, the error shows where they begin to differ.
fn check(path: &Path, program: &str) -> Result<()> {
    let advice = "generate it again, without `--check`";
    let there = std::fs::read_to_string(path).map_err(|error| {
        Error::failed(format!("{} cannot be read: {error}", path.display())).advice(advice)
    })?;
    let (mut old, mut new) = (there.lines(), program.lines());
    let mut line = 0;
    loop {
        line += 1;
        match (old.next(), new.next()) {
            (None, None) => break,
            (old, new) if old == new => {}
            (old, new) => {
                let shown = |mark: &str, line: Option<&str>| line.map(|it| format!("{mark} {it}"));
                let lines: Vec<_> = [shown("-", old), shown("+", new)].into_iter().flatten().collect();
                return Err(Error::failed(format!("{} is not up to date", path.display()))
                    .detail("line", line.to_string())
                    .detail("difference", lines.join("\n"))
                    .advice(advice));
            }
        }
    }
    match there == program {
        true => Ok(()),
        false => {
            Err(Error::failed(format!("{} differs in the ends of its lines", path.display())).advice(advice))
        }
    }
}
