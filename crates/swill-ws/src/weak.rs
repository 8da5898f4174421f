//! Defences that can be switched off one by one, so that the abuse suite can show that it would notice.
//!
//! Only a build with `--cfg swill_weak` has the switches; its environment variable `SWILL_WEAK` names the defence that
//! is off. In any other build [`is_off`] is a constant, and nothing of this is left.

/// Whether this defence is switched off.
#[cfg(not(swill_weak))]
#[inline(always)]
pub(crate) const fn is_off(_defence: &str) -> bool {
    false
}

/// Whether this defence is switched off.
#[cfg(swill_weak)]
pub(crate) fn is_off(defence: &str) -> bool {
    static OFF: std::sync::LazyLock<Option<String>> =
        std::sync::LazyLock::new(|| std::env::var("SWILL_WEAK").ok());
    OFF.as_deref() == Some(defence)
}
