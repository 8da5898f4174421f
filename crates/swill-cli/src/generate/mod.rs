use crate::Result;
use clap::Args;

/// Generates a typed client
#[derive(Debug, Args)]
pub(crate) struct Generate {}

impl Generate {
    pub(crate) async fn run(self) -> Result<()> {
        Err(crate::Error::failed("this build has no generators"))
    }
}
