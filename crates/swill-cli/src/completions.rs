use crate::{Cli, Result};
use clap::{Args, CommandFactory};
use clap_complete::Shell;
use std::io::Write;

const AFTER_HELP: &str = "\
Examples:
  bash        swill completions bash > ~/.local/share/bash-completion/completions/swill
  zsh         swill completions zsh > ~/.zfunc/_swill        (with ~/.zfunc in $fpath)
  fish        swill completions fish > ~/.config/fish/completions/swill.fish
  PowerShell  swill completions powershell >> $PROFILE
  elvish      swill completions elvish >> ~/.config/elvish/rc.elv";

/// Prints a script that completes the words of this command in a shell
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Completions {
    /// The shell
    shell: Shell,
}

impl Completions {
    pub(crate) fn run(self) -> Result<()> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Cli::command(), "swill", &mut script);
        Ok(std::io::stdout().write_all(&script)?)
    }
}
