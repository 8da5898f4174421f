pub(crate) mod readme;
pub(crate) fn check(_: &std::path::Path) -> crate::Result<crate::report::Outcome> {
    crate::report::Outcome::passed()
}
