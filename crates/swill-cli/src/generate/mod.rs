//! `swill generate`: typed clients from a description.
//!
//! The description is [read](reader) into a [model] that knows no language; each language has an emitter that writes the
//! model down.

mod enums;
mod errors;
mod model;
mod names;
mod reader;

use crate::{Error, Result, connection::Connection, output, source};
use clap::{Args, ValueEnum};
use std::{io::Write, path::PathBuf};

/// Generates a typed client
#[derive(Debug, Args)]
pub(crate) struct Generate {
    source: String,
    #[command(flatten)]
    connection: Connection,
}

impl Generate {
    pub(crate) async fn run(self) -> Result<()> {
        let spec = source::load(&self.source, &self.connection).await?;
        let model = reader::read(&spec);
        model.warnings.iter().for_each(|text| output::note(text));
        println!("{model:#?}");
        Ok(())
    }
}
