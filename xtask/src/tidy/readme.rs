//! What the README shows has to be what the examples are.

use super::Files;

/// The Rust programs in a Markdown text, without the lines that documentation hides.
pub(crate) fn programs(text: &str) -> Vec<String> {
    let mut programs = vec![];
    let mut program: Option<String> = None;
    for line in text.lines() {
        match &mut program {
            None if line.starts_with("```rust") => program = Some(String::new()),
            None => {}
            Some(_) if line == "```" => programs.extend(program.take()),
            Some(_) if line == "#" || line.starts_with("# ") => {}
            Some(program) => {
                program.push_str(line);
                program.push('\n');
            }
        }
    }
    programs
}

/// The first program is the server of the quick start, the second its client. Both are in `examples/quickstart.rs`,
/// word for word but for what is around them: imports, `main`, and how far lines are indented.
pub(super) fn shows_the_quick_start(files: &Files) -> Vec<String> {
    let programs = programs(files.get("README.md"));
    let [server, client, ..] = programs.as_slice() else {
        return vec!["README.md shows fewer than two Rust programs".into()];
    };
    let example = words(files.get("examples/quickstart.rs"));
    let module = server.split_once("struct Calc;").and_then(|(_, rest)| rest.split_once("#[tokio::main]"));
    let calls = client.split_once("connect(").and_then(|(_, rest)| rest.split_once('\n'));
    let calls = calls.and_then(|(_, rest)| rest.rsplit_once("client.close()"));
    let mut findings = vec![];
    for (what, part) in [("the server", module.map(|it| it.0)), ("the client", calls.map(|it| it.0))] {
        match part {
            None => findings.push(format!("{what} of the quick start is not recognised in README.md")),
            Some(part) if !example.contains(&words(part)) => {
                findings.push(format!("{what} in README.md is not the one in examples/quickstart.rs"));
            }
            Some(_) => {}
        }
    }
    findings
}

pub(super) fn names_examples(files: &Files) -> Vec<String> {
    let readme = files.get("README.md");
    let examples = files.rust("examples/").filter_map(|(path, _)| {
        let name = path.strip_prefix("examples/")?;
        let name = name.strip_suffix("/main.rs").or_else(|| name.strip_suffix(".rs"))?;
        (!name.contains('/') && name != "lib").then_some(name)
    });
    let unnamed = examples.filter(|name| !readme.contains(&format!("`{name}`")));
    unnamed.map(|name| format!("README.md does not name the example `{name}`")).collect()
}

/// The text with one blank between words.
fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const README: &str = "# Swill\n\n```rust,no_run\nuse swill::App;\n\nstruct Calc;\n\nimpl Calc { fn a() {} }\n\n\
        #[tokio::main]\nasync fn main() {}\n```\n\n```rust,no_run\n# hidden();\nlet client = Client::connect(url);\n\
        call(1);\nclient.close();\n```\n\n`quickstart`\n";
    const EXAMPLE: &str = "use x;\nstruct Calc;\n\nimpl Calc { fn a() {} }\n\n#[tokio::main]\nasync fn main() {\n    call(1);\n}\n";

    #[test]
    fn programs_are_found_without_hidden_lines() {
        let programs = programs(README);
        assert_eq!(programs.len(), 2);
        assert!(programs[1].starts_with("let client"));
    }

    #[test]
    fn a_readme_that_shows_another_program_is_found() {
        let findings = |example: &str| {
            shows_the_quick_start(&Files::of(&[("README.md", README), ("examples/quickstart.rs", example)]))
        };
        assert_eq!(findings(EXAMPLE), [""; 0]);
        for (part, other, who) in [("call(1)", "call(2)", "client"), ("fn a", "fn b", "server")] {
            let example = EXAMPLE.replace(part, other);
            let finding = format!("the {who} in README.md is not the one in examples/quickstart.rs");
            assert_eq!(findings(&example), [finding]);
        }
        assert_eq!(shows_the_quick_start(&Files::of(&[])).len(), 1);
    }

    #[test]
    fn an_example_that_is_not_named_is_found() {
        let files = Files::of(&[
            ("README.md", README),
            ("examples/lib.rs", ""),
            ("examples/quickstart.rs", ""),
            ("examples/other/main.rs", ""),
            ("examples/other/part.rs", ""),
        ]);
        assert_eq!(names_examples(&files), ["README.md does not name the example `other`"]);
    }
}
