use crate::{Error, Result};

/// The URL that an address means, as a user writes it: see [`swill_client::url`].
///
/// # Errors
///
/// Another scheme, or no host.
pub(crate) fn url(address: &str) -> Result<String> {
    swill_client::url(address).map_err(|error| {
        let advice = "an address is a URL such as ws://localhost:8000/ws, or HOST[:PORT][/PATH]";
        Error::usage(error.message().to_owned()).advice(advice)
    })
}
