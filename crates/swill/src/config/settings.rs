//! Every setting, once: its name, what it is for, how it is set and how it is written.

use super::{
    Config, Folder,
    value::{Field, Kind, Value, show_size},
};

/// A setting. Names are those of the file, with dots between the names of tables.
pub(super) struct Setting {
    pub(super) name: &'static str,
    pub(super) about: &'static str,
    pub(super) set: fn(&mut Config, Value) -> Result<(), String>,
    pub(super) show: fn(&Config) -> String,
}

/// A setting that is a field.
macro_rules! setting {
    ($name:literal, $($field:ident).+, $about:literal) => {
        Setting {
            name: $name,
            about: $about,
            set: |config, value| Kind::take(value).map(|value| config.$($field).+ = value),
            show: |config| config.$($field).+.show(),
        }
    };
}

/// A limit in bytes, and how many it has at least.
macro_rules! size {
    ($name:literal, $($field:ident).+, $least:expr, $about:literal) => {
        Setting {
            name: $name,
            about: $about,
            set: |config, value| {
                config.$($field).+ = at_least($least, Kind::take(value)?)?;
                Ok(())
            },
            show: |config| show_size(config.$($field).+),
        }
    };
}

/// In the order in which they are written: those of a table one after the other, those of none first.
pub(super) const SETTINGS: &[Setting] = &[
    setting!("listen", listen, "Where the server listens: an address and a port."),
    setting!("compression", compression, "Whether permessage-deflate is offered."),
    setting!("debug", debug, "Whether peers are told what unexpected errors say."),
    Setting {
        name: "docs",
        about: "Whether there is a docs page; \"debug\": in debug builds alone.",
        set: |config, value| {
            config.docs = Kind::take(value)?;
            needs("docs", cfg!(feature = "docs"), config.docs == Some(true))
        },
        show: |config| config.docs.show(),
    },
    setting!(
        "log_calls",
        log_calls,
        "Whether every call that has ended is logged, where a module does not say otherwise."
    ),
    setting!("health", health, "The path that answers as long as the process lives; empty: none."),
    setting!(
        "readiness",
        readiness,
        "The path that says whether more connections are wanted; empty: none, or the program's."
    ),
    setting!(
        "notice",
        notice,
        "The time for which a server that was told to end goes on, while readiness says no."
    ),
    setting!(
        "origins",
        origins,
        "Pages of these origins may connect, beside those of the same host; \"*\": all."
    ),
    setting!("hosts", hosts, "The names under which the server answers; none: all."),
    Setting {
        name: "static_files",
        about: "Folders of static files by their paths: { \"/\" = \"web\" }.",
        set: set_static_files,
        show: |config| {
            let entries = config
                .static_files
                .iter()
                .map(|(path, folder)| format!("{} = {}", path.show(), folder.show()));
            let entries: Vec<_> = entries.collect();
            if entries.is_empty() { "{}".to_owned() } else { format!("{{ {} }}", entries.join(", ")) }
        },
    },
    setting!(
        "limits.handshake",
        limits.handshake,
        "The opening handshake, and the head of any HTTP request."
    ),
    size!("limits.head", limits.head, 8 << 10, "Bytes of a request's head."),
    setting!("limits.headers", limits.headers, "Headers of a request."),
    setting!("limits.connections", limits.connections, "Connections of the server."),
    setting!(
        "limits.per_address",
        limits.per_address,
        "TCP connections of one address; \"none\": as many as there may be."
    ),
    size!("limits.budget", limits.budget, 0, "Bytes that all connections hold together."),
    size!("limits.message", limits.message, 0, "Bytes of a message."),
    setting!("limits.fragments", limits.fragments, "Frames of a message."),
    setting!("limits.empty_fragments", limits.empty_fragments, "Frames of a message that hold nothing."),
    size!("limits.answer", limits.answer, 0, "Bytes of an answer or of an item."),
    setting!("limits.calls", limits.calls, "Calls in flight on a connection."),
    setting!("limits.batch", limits.batch, "Calls in one message."),
    setting!("limits.asked", limits.asked, "Calls to a peer that wait for its answer."),
    setting!("limits.answer_within", limits.answer_within, "The time for a peer to answer a call."),
    setting!("limits.draining", limits.draining, "Calls that are over, while their caller's stream goes on."),
    size!("limits.stream_unread", limits.stream_unread, 0, "Bytes of one stream in that nobody has taken."),
    size!("limits.unread", limits.unread, 0, "The same of all streams of a connection together."),
    setting!(
        "limits.stream_stall",
        limits.stream_stall,
        "The time for which a full stream may take nothing."
    ),
    size!("limits.outbox", limits.outbox, 1, "Bytes that wait to be written."),
    setting!("limits.write_stall", limits.write_stall, "The time for which a peer may take nothing."),
    setting!("limits.ping_after", limits.ping_after, "Silence before a ping is sent."),
    setting!("limits.pong_within", limits.pong_within, "The time for anything to arrive after that ping."),
    setting!("limits.close", limits.close, "The time for the peer to answer a close."),
    setting!("limits.grace", limits.grace, "The time for calls in flight to end at the shutdown."),
    setting!("limits.deadline", limits.deadline, "The time for a call; \"none\": as long as it takes."),
    setting!("limits.files", limits.files, "Files of a folder that are looked up and read at the same time."),
    setting!("limits.metadata.keys", limits.metadata.keys, "Keys of the metadata that comes with a call."),
    size!("limits.metadata.bytes", limits.metadata.bytes, 0, "Bytes of that metadata."),
    setting!("limits.cancels.burst", limits.cancels.burst, "Cancellations at once."),
    setting!("limits.cancels.per_second", limits.cancels.per_second, "Cancellations per second."),
    setting!("limits.pings.burst", limits.pings.burst, "Pings at once."),
    setting!("limits.pings.per_second", limits.pings.per_second, "Pings per second."),
    Setting {
        name: "tls.certificate",
        about: "The chain of certificates, a PEM file; empty: no TLS.",
        set: |config, value| set_tls(&mut config.certificate, value),
        show: |config| config.certificate.show(),
    },
    Setting {
        name: "tls.key",
        about: "The private key that belongs to it, a PEM file.",
        set: |config, value| set_tls(&mut config.key, value),
        show: |config| config.key.show(),
    },
];

fn at_least(least: usize, size: usize) -> Result<usize, String> {
    if size < least {
        return Err(format!("it has to be {} at least", show_size(least).trim_matches('"')));
    }
    Ok(size)
}

fn set_tls(setting: &mut Option<std::path::PathBuf>, value: Value) -> Result<(), String> {
    *setting = Kind::take(value)?;
    needs("tls", cfg!(feature = "tls"), setting.is_some())
}

fn needs(feature: &str, there: bool, wanted: bool) -> Result<(), String> {
    if wanted && !there {
        return Err(format!("this needs the feature `{feature}` of swill"));
    }
    Ok(())
}

fn set_static_files(config: &mut Config, value: Value) -> Result<(), String> {
    let Value::Table(fields) = (match value {
        Value::Raw(_, Some(value)) => *value,
        other => other,
    }) else {
        return Err("folders are a table, from paths to folders: { \"/\" = \"web\" }".to_owned());
    };
    needs("files", cfg!(feature = "files"), !fields.is_empty())?;
    for Field { name, value, .. } in fields {
        let folder = folder(value).map_err(|why| format!("`{name}`: {why}"))?;
        config.static_files.insert(name, folder);
    }
    Ok(())
}

fn folder(value: Value) -> Result<Folder, String> {
    let Value::Table(fields) = value else {
        return Ok(Folder { folder: String::take(value)?, ..Folder::default() });
    };
    let mut folder = Folder::default();
    for Field { name, value, .. } in fields {
        let set = match name.as_str() {
            "folder" => Kind::take(value).map(|it| folder.folder = it),
            "cache" => Kind::take(value).map(|it| folder.cache = it),
            "index" => Kind::take(value).map(|it| folder.index = Some(it)),
            "fallback" => Kind::take(value).map(|it| folder.fallback = Some(it)),
            "precompressed" => Kind::take(value).map(|it| folder.precompressed = it),
            _ => Err("there are folder, cache, index, fallback and precompressed".to_owned()),
        };
        set.map_err(|why| format!("{name}: {why}"))?;
    }
    if folder.folder.is_empty() {
        return Err("it has no `folder`".to_owned());
    }
    Ok(folder)
}

impl Folder {
    fn show(&self) -> String {
        let mut parts = vec![format!("folder = {}", self.folder.show())];
        if !self.cache.is_zero() {
            parts.push(format!("cache = {}", self.cache.show()));
        }
        let named = [("index", &self.index), ("fallback", &self.fallback)];
        parts.extend(named.iter().filter_map(|(name, it)| Some(format!("{name} = {}", it.as_ref()?.show()))));
        if self.precompressed {
            parts.push("precompressed = true".to_owned());
        }
        format!("{{ {} }}", parts.join(", "))
    }
}

/// The name most like one that there is not, if there is one that was probably meant.
pub(super) fn nearest(name: &str) -> Option<&'static str> {
    let likeness = |setting: &Setting| {
        let whole = distance(name, setting.name);
        // Who forgets a table means its setting.
        let last = setting.name.rsplit('.').next().unwrap_or_default();
        let stray = distance(name.rsplit('.').next().unwrap_or_default(), last) + 1;
        (whole.min(stray), setting.name)
    };
    let (distance, nearest) = SETTINGS.iter().map(likeness).min()?;
    (distance <= 1 + name.len() / 6).then_some(nearest)
}

/// How many letters have to be added, taken away or changed.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (at, letter) in one.chars().enumerate() {
        let mut before = row[0];
        row[0] = at + 1;
        for (column, its) in other.iter().enumerate() {
            let changed = before + usize::from(letter != *its);
            before = row[column + 1];
            row[column + 1] = changed.min(before + 1).min(row[column] + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_found() {
        for (name, expected) in [
            ("limits.mesage", Some("limits.message")),
            ("limits.messages", Some("limits.message")),
            ("limit.message", Some("limits.message")),
            ("message", Some("limits.message")),
            ("listn", Some("listen")),
            ("orgins", Some("origins")),
            ("tls.cert", None),
            ("port", None),
            ("service_host", None),
            ("completely.different", None),
        ] {
            assert_eq!(nearest(name), expected, "{name}");
        }
    }
}
