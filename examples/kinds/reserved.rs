//! Names of modules, procedures and parameters that mean something else in some language.

use crate::echo;
use swill::Module;

pub(crate) fn module() -> Module {
    let import =
        Module::named("import").doc("A module in a module.").procedure(echo::<i32>("async", "A number."));
    Module::new()
        .doc("Names that are reserved somewhere.")
        .handle("delete", ["type"], async |from: String| from)
        .handle("lambda", ["self", "class", "def"], async |from: i32, class: i32, def: i32| {
            from + class + def
        })
        .procedure(echo::<String>("constructor", "Text."))
        .procedure(echo::<String>("client", "Text."))
        .procedure(echo::<String>("two-words", "Text."))
        .module(import)
}
