//! The program; see the library beside it.

fn main() -> std::process::ExitCode {
    swill_cli::main()
}
