use crate::Result;
use clap::Args;

/// Serves an app to try things with
#[derive(Debug, Args)]
pub(crate) struct Demo {}

impl Demo {
    pub(crate) async fn run(self) -> Result<()> {
        Err(crate::Error::failed("this build has no demo"))
    }
}
