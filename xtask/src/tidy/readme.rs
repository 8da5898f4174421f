pub(crate) fn programs(_: &str) -> Vec<String> {
    vec![]
}
