//! `swill inspect` and `swill describe`.

use crate::support::{Server, output, run, run_command, swill};
use insta::assert_snapshot;
use serde_json::Value;

fn inspect(server: &Server, rest: &[&str]) -> String {
    output(&[&["inspect", &server.address], rest].concat(), "")
}

#[test]
fn an_app_is_shown_with_everything_that_can_be_called() {
    let server = Server::start();
    assert_snapshot!("app", inspect(&server, &[]));
    assert_snapshot!("module", inspect(&server, &["shop"]));
}

#[test]
fn a_procedure_is_shown_with_everything_about_it() {
    let server = Server::start();
    for name in ["add", "total", "multiply", "shop.order", "shop.greet", "plain.reverse"] {
        assert_snapshot!(name, inspect(&server, &[name]));
    }
}

#[test]
fn json_is_a_description_again() {
    let server = Server::start();
    let narrowed = inspect(&server, &["shop", "--json"]);
    let parsed: Value = serde_json::from_str(&narrowed).unwrap();
    let names: Vec<_> = parsed["procedures"].as_array().unwrap().iter().map(|it| &it["name"]).collect();
    assert_eq!(names, ["shop.order", "shop.greet"]);
    let mut types: Vec<_> = parsed["$defs"].as_object().unwrap().keys().collect();
    types.sort();
    assert_eq!(types, ["Kind", "Order"]);
    // It can be read where an address or a file can.
    assert_eq!(output(&["inspect", "-", "shop.greet"], &narrowed), inspect(&server, &["shop.greet"]));
    assert_eq!(inspect(&server, &["--json"]), output(&["describe", &server.address], ""));
}

#[test]
fn what_is_not_there_is_said() {
    let server = Server::start();
    for (arguments, code, message) in [
        (&["inspect", &server.address, "shop.ordr"][..], 1, "did you mean `shop.order`?"),
        (&["inspect", &server.address, "nothing"], 1, "lists what there is"),
        (&["inspect", "no-such-file.json"], 2, "no-such-file.json: "),
        (&["inspect", "Cargo.toml"], 2, "Cargo.toml is no description of an app"),
        (&["describe", "localhost:1"], 3, "no connection to ws://localhost:1/ws"),
    ] {
        let said = run(arguments, "");
        assert_eq!(said.code, code, "{arguments:?}: {}", said.err);
        assert!(said.err.contains(message), "{arguments:?}: {}", said.err);
    }
    let silent = Server::serve(|app| app.description(false));
    let said = run(&["inspect", &silent.address], "");
    assert_eq!(said.code, 1);
    assert!(said.err.contains("does not describe itself"), "{}", said.err);
}

#[test]
fn descriptions_come_in_every_form() {
    let server = Server::start();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("bakery.json");
    let file = file.to_str().unwrap();
    assert_eq!(output(&["describe", &server.address, "-o", file], ""), "");
    for (format, member, version) in
        [("swill", "swill", "1"), ("openrpc", "openrpc", "1.3.2"), ("asyncapi", "asyncapi", "3.0.0")]
    {
        let from_server = output(&["describe", &server.address, "--format", format], "");
        assert_eq!(output(&["describe", file, "--format", format], ""), from_server);
        let document: Value = serde_json::from_str(&from_server).unwrap();
        assert_eq!(document[member], version);
    }
    let over_json_rpc = output(&["describe", &server.address, "--protocol", "json-rpc"], "");
    assert_eq!(over_json_rpc, std::fs::read_to_string(file).unwrap());
}

#[test]
fn colours_are_for_those_who_want_them() {
    let server = Server::start();
    let arguments = ["inspect", &server.address, "add"];
    let coloured = |environment: &[(&str, &str)], more: &[&str]| {
        let mut command = swill(&[&arguments[..], more].concat());
        command.envs(environment.iter().copied());
        run_command(command, b"").out.contains('\x1b')
    };
    assert!(!coloured(&[], &[]), "the output is no terminal");
    assert!(coloured(&[("CLICOLOR_FORCE", "1")], &[]));
    assert!(coloured(&[], &["--color", "always"]));
    assert!(!coloured(&[("CLICOLOR_FORCE", "1")], &["--color", "never"]));
    assert!(!coloured(&[("NO_COLOR", "1")], &[]));
    assert!(
        coloured(&[("NO_COLOR", "1")], &["--color=always"]),
        "an argument says more than the environment"
    );
}

#[test]
fn scripts_complete_words_in_every_shell() {
    for (shell, sign) in [
        ("bash", "complete -F _swill"),
        ("zsh", "#compdef swill"),
        ("fish", "complete -c swill"),
        ("powershell", "Register-ArgumentCompleter"),
        ("elvish", "edit:completion:arg-completer[swill]"),
    ] {
        let script = output(&["completions", shell], "");
        assert!(script.contains(sign), "{shell}");
        for command in ["call", "inspect", "describe", "generate", "bench", "tap", "demo"] {
            assert!(script.contains(command), "{shell} does not know {command}");
        }
    }
    assert_eq!(run(&["completions", "tcsh"], "").code, 2);
}
