//! Settings from a file and from the environment.

mod settings;
mod value;

use crate::{App, Limits, Result, service::cannot_serve};
use serde::{Deserialize, Deserializer};
use settings::{SETTINGS, Setting, nearest};
use std::{
    collections::BTreeMap,
    ffi::OsString,
    fmt, fs, io,
    path::{Path, PathBuf},
    time::Duration,
};
use toml::de::DeTable;
use value::{Field, Value, fields};

/// What the name of a variable begins with.
const PREFIX: &str = "SWILL_";

/// What can be told a server without building it anew: where it listens, its limits, who may connect, certificates and
/// static files. Needs the feature `config`.
///
/// ```
/// use swill::{App, Config};
///
/// # fn main() -> swill::Result<()> {
/// let config = Config::builder()
///     .toml("listen = \"0.0.0.0:9000\"\n[limits]\nmessage = \"64 KiB\"\ngrace = \"5s\"\n")
///     .variables([("SWILL_LIMITS__MESSAGE", "128 KiB")])
///     .build()?;
/// assert_eq!(config.listen(), "0.0.0.0:9000");
/// let app = App::new().config(&config);
/// // … add modules, then `app.serve_configured().await`
/// # Ok(())
/// # }
/// ```
///
/// What comes later counts more: defaults, the sources in the order in which they are added, and then what the program
/// itself says to the [`App`] after [`App::config`]. All settings with their defaults are in
/// `docs/configuration.md`; [`to_toml`](Self::to_toml) writes those in force.
///
/// As a part of another program's configuration it can be deserialized, from the same names.
#[derive(Clone, Debug)]
pub struct Config {
    listen: String,
    compression: bool,
    debug: bool,
    /// `None`: as the build says.
    docs: Option<bool>,
    log_calls: bool,
    health: String,
    readiness: String,
    notice: Duration,
    origins: Vec<String>,
    hosts: Vec<String>,
    static_files: BTreeMap<String, Folder>,
    limits: Limits,
    certificate: Option<PathBuf>,
    key: Option<PathBuf>,
}

/// Static files, as they are configured.
#[derive(Clone, Debug, Default)]
struct Folder {
    folder: String,
    cache: Duration,
    index: Option<String>,
    fallback: Option<String>,
    precompressed: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:8000".to_owned(),
            compression: false,
            debug: false,
            docs: None,
            log_calls: false,
            health: String::new(),
            readiness: String::new(),
            notice: Duration::ZERO,
            origins: Vec::new(),
            hosts: Vec::new(),
            static_files: BTreeMap::new(),
            limits: Limits::default(),
            certificate: None,
            key: None,
        }
    }
}

impl Config {
    /// What a file says, and above it the environment: the variables `SWILL_…`.
    ///
    /// # Errors
    ///
    /// The file cannot be read, or something in it or in a variable makes no sense.
    pub fn load(file: impl AsRef<Path>) -> Result<Self, ConfigError> {
        Self::builder().file(file).env().build()
    }

    /// Only what a text in TOML says.
    ///
    /// # Errors
    ///
    /// Something in it makes no sense.
    pub fn from_toml(text: &str) -> Result<Self, ConfigError> {
        Self::builder().toml(text).build()
    }

    /// Defaults, to which sources are added.
    pub fn builder() -> ConfigBuilder {
        ConfigBuilder { config: Self::default(), wrong: None }
    }

    /// Where the server listens: an address and a port. `127.0.0.1:8000`.
    pub fn listen(&self) -> &str {
        &self.listen
    }

    /// The limits.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// All settings as they are, with comments, as a file that gives the same again.
    pub fn to_toml(&self) -> String {
        let mut text = String::new();
        let mut table = "";
        for Setting { name, about, show, .. } in SETTINGS {
            let (its, name) = name.rsplit_once('.').unwrap_or(("", name));
            if its != table {
                table = its;
                text.push_str(&format!("\n[{table}]\n"));
            }
            text.push_str(&format!("# {about}\n{name} = {}\n", show(self)));
        }
        text
    }

    /// Sets what fields of a table say; `within` is the table's name with a dot.
    fn apply(&mut self, table: Vec<Field>, within: &str, place: &Place<'_>) -> Result<(), ConfigError> {
        for Field { name, at, value } in table {
            let full = format!("{within}{name}");
            let wrong = |why: String| place.wrong(at, &full, why);
            let inner = format!("{full}.");
            match (SETTINGS.iter().find(|setting| setting.name == full), value) {
                // One entry after the other, each with its line.
                (Some(setting), Value::Table(entries)) if !entries.is_empty() => {
                    for entry in entries {
                        let at = entry.at.or(at);
                        let wrong = |why: String| place.wrong(at, &full, why);
                        (setting.set)(self, Value::Table(vec![entry])).map_err(wrong)?;
                    }
                }
                (Some(setting), value) => (setting.set)(self, value).map_err(wrong)?,
                (None, Value::Table(fields)) if is_table(&inner) => self.apply(fields, &inner, place)?,
                (None, _) if is_table(&inner) => return Err(wrong("this is a table".to_owned())),
                (None, _) => return Err(wrong(unknown(&full))),
            }
        }
        Ok(())
    }

    /// What holds between settings.
    fn check(&self) -> Result<(), ConfigError> {
        let missing = match (&self.certificate, &self.key) {
            (Some(_), None) => ("tls.key", "it is missing: there is a certificate"),
            (None, Some(_)) => ("tls.certificate", "it is missing: there is a key"),
            _ => return Ok(()),
        };
        Err(ConfigError { place: missing.0.to_owned(), why: missing.1.to_owned() })
    }
}

/// Whether settings begin so.
fn is_table(name: &str) -> bool {
    SETTINGS.iter().any(|setting| setting.name.starts_with(name))
}

fn unknown(name: &str) -> String {
    match nearest(name) {
        Some(nearest) => format!("there is no such setting; did you mean `{nearest}`?"),
        None => "there is no such setting".to_owned(),
    }
}

/// Under the same names as in a file.
impl<'de> Deserialize<'de> for Config {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde::de::Error;
        let Value::Table(fields) = Value::deserialize(deserializer)? else {
            return Err(D::Error::custom("settings are a table"));
        };
        let mut config = Self::default();
        config.apply(fields, "", &Place::Nowhere).map_err(D::Error::custom)?;
        config.check().map_err(D::Error::custom)?;
        Ok(config)
    }
}

/// Collects a [`Config`] from sources. Of several errors the first is told.
#[derive(Debug)]
#[must_use = "a builder does nothing until `build`"]
pub struct ConfigBuilder {
    config: Config,
    wrong: Option<ConfigError>,
}

impl ConfigBuilder {
    /// Adds a TOML file. A relative path begins at the working directory of the process, as do the paths in the file.
    pub fn file(self, path: impl AsRef<Path>) -> Self {
        let path = path.as_ref();
        match fs::read_to_string(path) {
            Ok(text) => self.document(&path.display().to_string(), &text),
            Err(error) => self.unreadable(path, &error),
        }
    }

    /// Adds a TOML file if it is there.
    pub fn optional_file(self, path: impl AsRef<Path>) -> Self {
        match fs::metadata(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => self,
            _ => self.file(path),
        }
    }

    /// Adds a text in TOML.
    pub fn toml(self, text: &str) -> Self {
        self.document("TOML", text)
    }

    /// Adds the variables of the environment that begin with `SWILL_`: `SWILL_LISTEN`, `SWILL_LIMITS__MESSAGE`,
    /// `SWILL_LIMITS__METADATA__KEYS`. Two underscores go into a table.
    ///
    /// A value is TOML if it can be, else text; lists can be written with commas. A variable for which there is no
    /// setting is an error if it looks like one that there is; others are left alone, with a warning, for systems like
    /// Kubernetes set such variables by themselves.
    pub fn env(self) -> Self {
        self.variables(std::env::vars_os())
    }

    /// Adds variables that come from elsewhere, as [`env`](Self::env) does.
    pub fn variables<N, V>(mut self, variables: impl IntoIterator<Item = (N, V)>) -> Self
    where
        N: Into<OsString>,
        V: Into<OsString>,
    {
        for (name, value) in variables {
            // A name that is not UTF-8 is not one of ours.
            let Ok(name) = name.into().into_string() else { continue };
            let Some(setting) = name.strip_prefix(PREFIX) else { continue };
            if let Err(error) = self.variable(&name, setting, value.into()) {
                self.wrong.get_or_insert(error);
            }
        }
        self
    }

    /// The settings.
    ///
    /// # Errors
    ///
    /// A file cannot be read, or something in a source makes no sense. The error names file and line, or the variable.
    pub fn build(self) -> Result<Config, ConfigError> {
        if let Some(error) = self.wrong {
            return Err(error);
        }
        self.config.check()?;
        Ok(self.config)
    }

    fn document(mut self, name: &str, text: &str) -> Self {
        let place = Place::File { name, text };
        let applied = match DeTable::parse(text) {
            Ok(table) => self.config.apply(fields(table.get_ref()), "", &place),
            Err(error) => {
                let at = error.span().map(|span| span.start);
                Err(ConfigError { place: place.line(at), why: error.message().to_owned() })
            }
        };
        if let Err(error) = applied {
            self.wrong.get_or_insert(error);
        }
        self
    }

    fn variable(&mut self, variable: &str, name: &str, value: OsString) -> Result<(), ConfigError> {
        let name = name.to_lowercase().replace("__", ".");
        let place = Place::Variable(variable);
        let table = name.split_once('.').is_some_and(|(table, _)| is_table(&format!("{table}.")));
        let Some(setting) = SETTINGS.iter().find(|setting| setting.name == name) else {
            if !table && nearest(&name).is_none() {
                tracing::warn!(variable, "there is no such setting");
                return Ok(());
            }
            let meant = nearest(&name).map(|near| {
                let near = near.to_uppercase().replace('.', "__");
                format!("there is no such setting; did you mean `{PREFIX}{near}`?")
            });
            return Err(place.wrong(None, &name, meant.unwrap_or_else(|| unknown(&name))));
        };
        let Ok(text) = value.into_string() else {
            return Err(place.wrong(None, &name, "its value is not UTF-8".to_owned()));
        };
        (setting.set)(&mut self.config, Value::raw(&text)).map_err(|why| place.wrong(None, &name, why))
    }

    fn unreadable(mut self, path: &Path, error: &io::Error) -> Self {
        let place = path.display().to_string();
        let error = ConfigError { place, why: format!("the file cannot be read: {error}") };
        self.wrong.get_or_insert(error);
        self
    }
}

/// Where a setting comes from.
enum Place<'s> {
    File { name: &'s str, text: &'s str },
    Variable(&'s str),
    Nowhere,
}

impl Place<'_> {
    fn line(&self, at: Option<usize>) -> String {
        match (self, at) {
            (Self::File { name, text }, Some(at)) => {
                let before = text.as_bytes().iter().take(at);
                format!("{name}:{}", 1 + before.filter(|byte| **byte == b'\n').count())
            }
            (Self::File { name, .. }, None) => (*name).to_owned(),
            (Self::Variable(name), _) => (*name).to_owned(),
            (Self::Nowhere, _) => String::new(),
        }
    }

    fn wrong(&self, at: Option<usize>, setting: &str, why: String) -> ConfigError {
        let place = match self {
            Self::File { .. } => format!("{}: {setting}", self.line(at)),
            Self::Variable(_) => self.line(at),
            Self::Nowhere => setting.to_owned(),
        };
        ConfigError { place, why }
    }
}

/// What is wrong with settings, and where: `swill.toml:7: limits.message: …`, or `SWILL_LIMITS__MESSAGE: …`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    place: String,
    why: String,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.why)
    }
}

impl std::error::Error for ConfigError {}

impl App {
    /// Applies settings. What the program says afterwards takes their place. Needs the feature `config`. Apps that are
    /// [mounted](Self::mount) have limits, origins and hosts of their own, which it does not touch.
    ///
    /// Certificates are read at once; what is wrong with them is an error of [`serve`](Self::serve).
    #[must_use]
    pub fn config(mut self, config: &Config) -> Self {
        self = self.limits(config.limits.clone()).debug(config.debug).log_calls(config.log_calls);
        self.health.configure(&config.health, &config.readiness, config.notice);
        if config.compression {
            self = self.compression();
        }
        for origin in &config.origins {
            self = self.allow_origin(origin);
        }
        for host in &config.hosts {
            self = self.host(host);
        }
        #[cfg(feature = "docs")]
        self.docs.configure(config.docs);
        #[cfg(feature = "tls")]
        if let (Some(certificate), Some(key)) = (&config.certificate, &config.key) {
            self.tls = Some(crate::Tls::from_files(certificate, key));
        }
        #[cfg(feature = "files")]
        for (path, folder) in &config.static_files {
            self = self.static_files(path.clone(), folder.files());
        }
        self.listen = Some(config.listen.clone());
        self
    }

    /// As [`serve`](Self::serve), at the address that the [`Config`] says. Needs the feature `config`.
    ///
    /// # Errors
    ///
    /// As [`serve`](Self::serve).
    pub async fn serve_configured(mut self) -> Result<()> {
        let listen = self.listen.take().unwrap_or_else(|| Config::default().listen);
        let found = tokio::net::lookup_host(&listen).await.map(Vec::from_iter);
        let addresses = found.map_err(|error| {
            let text = format!("listen: `{listen}` is no host and port such as \"127.0.0.1:8000\": {error}");
            cannot_serve(io::Error::new(error.kind(), text))
        })?;
        self.serve(&*addresses).await
    }
}

#[cfg(feature = "files")]
impl Folder {
    fn files(&self) -> crate::StaticFiles {
        let mut files = crate::StaticFiles::new(&self.folder).cache(self.cache);
        if let Some(index) = &self.index {
            files = files.index(index);
        }
        if let Some(fallback) = &self.fallback {
            files = files.fallback(fallback);
        }
        if self.precompressed {
            files = files.precompressed();
        }
        files
    }
}
