//! Times as users write them.

use std::time::Duration;

/// Reads a number and its unit: `250ms`, `5s`, `1.5m`, `2h`. Without a unit it is seconds.
pub(crate) fn parse(text: &str) -> Result<Duration, String> {
    let digits = text.find(|letter: char| !letter.is_ascii_digit() && letter != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let seconds = match unit {
        "us" => 1e-6,
        "ms" => 1e-3,
        "" | "s" => 1.0,
        "m" | "min" => 60.0,
        "h" => 3600.0,
        _ => return Err(format!("`{unit}` is no unit of time: us, ms, s, m and h are")),
    };
    let number: f64 =
        number.parse().map_err(|_| "a time is a number and a unit, as in 250ms or 5s".to_owned())?;
    let time = Duration::try_from_secs_f64(number * seconds).map_err(|error| error.to_string())?;
    match time.as_nanos() {
        0 => Err("it has to be more than nothing".to_owned()),
        _ => Ok(time),
    }
}

/// Reads a time, or `none`.
pub(crate) fn parse_or_none(text: &str) -> Result<Limit, String> {
    match text {
        "none" => Ok(Limit(None)),
        text => parse(text).map(|time| Limit(Some(time))),
    }
}

/// A time after which something ends, if it ends at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limit(pub(crate) Option<Duration>);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_units() {
        for (text, expected) in [
            ("250ms", Duration::from_millis(250)),
            ("5s", Duration::from_secs(5)),
            ("5", Duration::from_secs(5)),
            ("1.5m", Duration::from_secs(90)),
            ("1h", Duration::from_secs(3600)),
            ("40us", Duration::from_micros(40)),
        ] {
            assert_eq!(parse(text), Ok(expected), "{text}");
        }
        for text in ["", "s", "-1s", "1.2.3s", "5d", "0s", "0", "99999999999999999999999h"] {
            assert!(parse(text).is_err(), "{text}");
        }
        assert_eq!(parse_or_none("none"), Ok(Limit(None)));
    }
}
