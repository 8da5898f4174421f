//! Settings from files and variables: what arrives, and what is said about what cannot.
#![cfg(feature = "config")]

#[path = "common/mod.rs"]
mod common;

use common::*;
use std::fs;
use swill::{App, Config, Limits, Readiness};

const LIMITS: &str = include_str!("../../../docs/limits.md");
const DOCUMENTATION: &str = include_str!("../../../docs/configuration.md");

/// Every limit of the table, by its name as a setting, and whether it is a time.
fn limits() -> Vec<(String, bool)> {
    let mut limits = vec![];
    let (settings, _) = LIMITS.split_once("Some limits are fixed").expect("a table of what can be set");
    for row in settings.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let (name, bounds, default) = (cells[1].trim_matches('`'), cells[2], cells[3]);
        if default.ends_with("per second") {
            limits.extend(["burst", "per_second"].map(|part| (format!("{name}.{part}"), false)));
        } else {
            limits.push((name.to_owned(), default.ends_with(" s") || bounds.starts_with("the time")));
        }
    }
    limits
}

/// What `Limits` shows of itself for a limit: `message: 1048576`.
fn shown(limits: &Limits, name: &str) -> String {
    let shown = format!("{limits:?}").replacen("Limits {", ",", 1);
    let (within, name) = match name.split_once('.') {
        Some((table, name)) => {
            let start = shown.find(&format!(", {table}: ")).expect("a table");
            let rest = &shown[start + table.len() + 4..];
            let open = rest.find('{').expect("a table");
            (format!(",{}", &rest[open + 1..rest.find('}').expect("an end")]), name)
        }
        None => (shown, name),
    };
    let start = within.find(&format!(", {name}: ")).unwrap_or_else(|| panic!("{name} is not in {within}"));
    let rest = &within[start + name.len() + 4..];
    rest[..rest.find([',', '}']).unwrap_or(rest.len())].trim().to_owned()
}

#[test]
fn every_limit_arrives_from_everywhere() {
    let names = limits();
    assert!(names.len() > 25, "the table of limits is not understood: {names:?}");
    for (name, is_time) in names {
        let (text, number, expected) =
            if is_time { ("\"12345ms\"", "12.345", "12.345s") } else { ("98765", "98765", "98765") };
        let check = |config: &Config, from: &str| {
            let shown = shown(config.limits(), &name);
            let optional = format!("Some({expected})");
            assert!(shown == expected || shown == optional, "{name} from {from}: {shown}");
            // Nothing else has changed.
            let back = Config::from_toml(&config.to_toml()).expect("it can be read again");
            assert_eq!(format!("{back:?}"), format!("{config:?}"));
        };
        let variable = format!("SWILL_LIMITS__{}", name.to_uppercase().replace('.', "__"));
        for value in [text, number] {
            check(&Config::from_toml(&format!("limits.{name} = {value}")).expect("it is fine"), "a line");
            let (table, key) =
                format!("limits.{name}").rsplit_once('.').map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
            check(&Config::from_toml(&format!("[{table}]\n{key} = {value}")).expect("it is fine"), "a table");
            let config = Config::builder().variables([(&variable, value)]).build().expect("it is fine");
            check(&config, &variable);
        }
        let unquoted = text.trim_matches('"');
        check(&Config::builder().variables([(&variable, unquoted)]).build().expect("it is fine"), "text");
        assert_ne!(shown(&Limits::default(), &name), expected);
    }
}

#[test]
fn the_documentation_shows_all_settings() {
    let (_, rest) = DOCUMENTATION.split_once("```toml\n").expect("a file in TOML");
    let (documented, _) = rest.split_once("```").expect("its end");
    assert_eq!(documented, Config::default().to_toml(), "docs/configuration.md is not what is so");
    let config = Config::from_toml(documented).expect("it can be used");
    assert_eq!(format!("{config:?}"), format!("{:?}", Config::default()));
}

#[test]
fn later_sources_count_more() {
    let folder = tempfile::tempdir().expect("a folder");
    let (one, two) = (folder.path().join("one.toml"), folder.path().join("two.toml"));
    fs::write(&one, "listen = \"a:1\"\nhosts = [\"a\"]\n[limits]\nmessage = \"1 KiB\"\ncalls = 1\n")
        .expect("a file");
    fs::write(&two, "listen = \"b:2\"\n[limits]\ncalls = 2\n").expect("a file");
    let config = Config::builder()
        .file(&one)
        .optional_file(folder.path().join("missing.toml"))
        .optional_file(&two)
        .variables([("SWILL_LIMITS__CALLS", "3"), ("PATH", "/bin"), ("SWILLS", "x")])
        .build()
        .expect("all of it is fine");
    assert_eq!(config.listen(), "b:2");
    for (name, expected) in [("calls", "3"), ("message", "1024"), ("batch", "1024")] {
        assert_eq!(shown(config.limits(), name), expected, "{name}");
    }
    let loaded = Config::load(&one).expect("it is fine");
    assert_eq!(loaded.listen(), "a:1");
}

#[test]
fn variables_are_what_they_look_like() {
    for (name, value, line) in [
        ("SWILL_LISTEN", "0.0.0.0:80", "listen = \"0.0.0.0:80\""),
        ("SWILL_LISTEN", "\"[::]:80\"", "listen = \"[::]:80\""),
        ("SWILL_LISTEN", "8000", "listen = \"8000\""),
        ("SWILL_LISTEN", "a\nlimits = 1", "listen = \"a\\nlimits = 1\""),
        ("SWILL_DEBUG", "true", "debug = true"),
        ("SWILL_ORIGINS", "https://a, https://b", "origins = [\"https://a\", \"https://b\"]"),
        ("SWILL_ORIGINS", "[\"https://a\"]", "origins = [\"https://a\"]"),
        ("SWILL_ORIGINS", "*", "origins = [\"*\"]"),
        ("SWILL_HOSTS", "", "hosts = []"),
        ("SWILL_LIMITS__MESSAGE", "64 KiB", "message = \"64 KiB\""),
        ("SWILL_LIMITS__MESSAGE", "0x1_0000", "message = \"64 KiB\""),
        ("SWILL_LIMITS__GRACE", "1.5", "grace = \"1500ms\""),
        ("SWILL_LIMITS__DEADLINE", "none", "deadline = \"none\""),
    ] {
        let config = Config::builder().variables([(name, value)]).build().expect(value);
        assert!(config.to_toml().lines().any(|it| it == line), "{name}={value}: {}", config.to_toml());
    }
}

#[test]
fn what_is_wrong_is_told_with_its_place() {
    let message = "`many` is not a whole number, or a size such as \"64 KiB\"";
    for (text, error) in [
        ("[limits]\n\nmessage = \"many\"", format!("swill.toml:3: limits.message: {message}")),
        ("limits = { calls = 1,\n message = \"many\" }", format!("swill.toml:2: limits.message: {message}")),
        (
            "\n[limits]\nmesage = 1",
            "swill.toml:3: limits.mesage: there is no such setting; did you mean `limits.message`?".into(),
        ),
        ("message = 1", "swill.toml:1: message: there is no such setting; did you mean `limits.message`?".into()),
        ("[extra]\nthing = 1", "swill.toml:1: extra: there is no such setting".into()),
        ("limits = 3", "swill.toml:1: limits: this is a table".into()),
        ("listen = 8000", "swill.toml:1: listen: `8000` is not text".into()),
        ("debug = \"yes\"", "swill.toml:1: debug: `yes` is not `true` or `false`".into()),
        ("origins = \"*\"", "swill.toml:1: origins: `*` is not a list of texts".into()),
        ("origins = [1]", "swill.toml:1: origins: `1` is not text".into()),
        ("limits.calls = -1", "swill.toml:1: limits.calls: `-1` is not a whole number, or a size such as \"64 KiB\"".into()),
        ("limits.head = 100", "swill.toml:1: limits.head: it has to be 8 KiB at least".into()),
        ("limits.fragments = 4294967296", "swill.toml:1: limits.fragments: `4294967296` is not a number up to 4294967295".into()),
        (
            "limits.grace = \"soon\"",
            "swill.toml:1: limits.grace: `soon` is not a time such as \"10s\", \"250ms\", or a number of seconds".into(),
        ),
        ("limits.grace = -1.0", "swill.toml:1: limits.grace: `-1` is not a time such as \"10s\", \"250ms\", or a number of seconds".into()),
        ("limits.grace = inf", "swill.toml:1: limits.grace: `inf` is not a time such as \"10s\", \"250ms\", or a number of seconds".into()),
    ] {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("swill.toml");
        fs::write(&path, text).expect("a file");
        let told = Config::builder().file(&path).build().expect_err(text).to_string();
        let told = told.replace(&path.display().to_string(), "swill.toml");
        assert_eq!(told, error);
    }
    for (name, value, error) in [
        ("SWILL_LIMITS__MESSAGE", "many", format!("SWILL_LIMITS__MESSAGE: {message}")),
        (
            "SWILL_LIMITS__MESAGE",
            "1",
            "SWILL_LIMITS__MESAGE: there is no such setting; did you mean `SWILL_LIMITS__MESSAGE`?".into(),
        ),
        (
            "SWILL_LIMITS__NOTHING_LIKE_IT",
            "1",
            "SWILL_LIMITS__NOTHING_LIKE_IT: there is no such setting".into(),
        ),
        ("SWILL_LISTN", "a:1", "SWILL_LISTN: there is no such setting; did you mean `SWILL_LISTEN`?".into()),
        ("SWILL_DEBUG", "maybe", "SWILL_DEBUG: `maybe` is not `true` or `false`".into()),
    ] {
        let told = Config::builder().variables([(name, value)]).build().expect_err(name).to_string();
        assert_eq!(told, error);
    }
    let told = Config::from_toml("listen = \"a\"\nlisten = \"b\"").expect_err("twice").to_string();
    assert!(told.starts_with("TOML:2: "), "{told}");
    let told = Config::from_toml("[limits\n").expect_err("no TOML").to_string();
    assert!(told.starts_with("TOML:1: "), "{told}");
    let told = Config::load("no/such/swill.toml").expect_err("no file").to_string();
    assert!(told.starts_with("no/such/swill.toml: the file cannot be read: "), "{told}");
    // Kubernetes sets these for a service that is called `swill`.
    let theirs =
        [("SWILL_SERVICE_HOST", "10.0.0.1"), ("SWILL_PORT", "tcp://10.0.0.1:80"), ("SWILL_PORT_80_TCP", "x")];
    Config::builder().variables(theirs).build().expect("they are left alone");
}

#[test]
fn settings_are_a_part_of_other_settings() {
    #[derive(Debug, serde::Deserialize)]
    struct Whole {
        name: String,
        server: Config,
    }
    let json = r#"{"name": "calc", "server": {"listen": "a:1", "limits": {"message": "2 KiB"}}}"#;
    let whole: Whole = serde_json::from_str(json).expect("it is fine");
    assert_eq!((&*whole.name, whole.server.listen()), ("calc", "a:1"));
    assert_eq!(shown(whole.server.limits(), "message"), "2048");
    let error = serde_json::from_str::<Config>(r#"{"limits": {"mesage": 1}}"#).expect_err("it is unknown");
    assert!(error.to_string().contains("limits.mesage: there is no such setting"), "{error}");
    let whole: Result<Whole, _> = toml::from_str("name = \"x\"\n[server.limits]\ncalls = true");
    let error = whole.expect_err("it is no number").to_string();
    assert!(error.contains("limits.calls: `true` is not a whole number"), "{error}");
}

#[tokio::test]
async fn what_is_configured_is_so() {
    let text = "listen = \"127.0.0.1:0\"\nhosts = [\"localhost\", \"swill.example\"]\n[limits]\nmessage = 1000\nhead = \"8 KiB\"";
    let config = Config::from_toml(text).expect("it is fine");
    let bound = Probe::new().app().config(&config).bind(config.listen()).await.expect("a free port");
    let address = bound.local_addr();
    let running = tokio::spawn(bound.run());
    let request = handshake("/", &[("Sec-WebSocket-Protocol", "swill/1")]);
    let (socket, response) = exchange(address, &request).await;
    assert_eq!(response.status, 101);
    let mut client = Client::new(socket, &response.body, PATIENCE);
    let _ = client.try_write(&frame(0x82, &[0; 1001])).await;
    assert_eq!(client.closed().await, Some(1009));
    let (_, response) = exchange(address, &request.replace("swill.example", "other.example")).await;
    assert_eq!(response.status, 421);
    running.abort();

    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let taken = taken.local_addr().expect("an address").to_string();
    for (listen, says) in
        [(&*taken, format!("cannot listen on {taken}: ")), ("here", "listen: `here` is no ".into())]
    {
        let config = Config::from_toml(&format!("listen = \"{listen}\"")).expect("it is text");
        let error = App::new().config(&config).serve_configured().await.expect_err("nobody can listen there");
        let why = error.source().expect("a cause").to_string();
        assert!(why.starts_with(&says), "{why}");
    }
    let error = App::new().bind("here").await.expect_err("there is no port");
    assert!(error.source().is_some_and(|why| why.to_string().starts_with("no host and port")), "{error:?}");
}

#[cfg(feature = "files")]
#[tokio::test]
async fn static_files_are_configured() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("start.html"), "home").expect("a file");
    fs::write(folder.path().join("a.css"), "css").expect("a file");
    let shown = serde_json::to_string(&folder.path().display().to_string()).expect("text");
    let text =
        format!("[static_files]\n\"/\" = {{ folder = {shown}, index = \"start.html\", cache = \"1h\" }}");
    let variable = format!("{{ \"/other\" = {shown} }}");
    let config = Config::builder().toml(&text).variables([("SWILL_STATIC_FILES", &variable)]).build();
    let server = serve(App::new().config(&config.expect("it is fine"))).await;
    for (path, body, cache) in [
        ("/", "home", "no-cache"),
        ("/a.css", "css", "public, max-age=3600"),
        ("/other/a.css", "css", "no-cache"),
    ] {
        let (_, response) =
            exchange(server.address, &format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n")).await;
        assert_eq!((response.text(), response.header("cache-control")), (body, Some(cache)), "{path}");
    }
    for (text, says) in [
        ("static_files = 1", "folders are a table"),
        ("static_files.\"/\" = 1", "`/`: `1` is not text"),
        ("static_files.\"/\" = {}", "it has no `folder`"),
        ("static_files.\"/\" = { folder = \"a\", cahce = 1 }", "`/`: cahce: there are folder, cache"),
    ] {
        let error = Config::from_toml(text).expect_err(text).to_string();
        assert!(error.contains(says), "{error}");
    }
    let told =
        Config::from_toml("[static_files]\n\"/\" = \"web\"\n\"/a\" = 5").expect_err("no folder").to_string();
    assert_eq!(told, "TOML:3: static_files: `/a`: `5` is not text");
}

#[cfg(not(feature = "files"))]
#[test]
fn static_files_need_their_feature() {
    let error = Config::from_toml("static_files.\"/\" = \"web\"").expect_err("there are none").to_string();
    assert!(error.contains("the feature `files`"), "{error}");
}

#[cfg(feature = "tls")]
#[tokio::test]
async fn certificates_are_configured() {
    let folder = tempfile::tempdir().expect("a folder");
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    let (certificate, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
    fs::write(&certificate, made.cert.pem()).expect("a file");
    fs::write(&key, made.signing_key.serialize_pem()).expect("a file");
    let (certificate, key) = (certificate.display().to_string(), key.display().to_string());
    let variables = [("SWILL_TLS__CERTIFICATE", &certificate), ("SWILL_TLS__KEY", &key)];
    let config = Config::builder().variables(variables).build().expect("it is fine");
    let server = serve(App::new().config(&config)).await;
    let (_, response) = exchange(server.address, "GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert!(response.text().contains("this port speaks TLS"), "{response:?}");

    let error = Config::builder().variables([variables[0]]).build().expect_err("there is no key").to_string();
    assert_eq!(error, "tls.key: it is missing: there is a certificate");
    let swapped = [("SWILL_TLS__CERTIFICATE", &key), ("SWILL_TLS__KEY", &certificate)];
    let config = Config::builder().variables(swapped).build().expect("it is not read yet");
    let error = App::new().config(&config).bind("127.0.0.1:0").await.expect_err("they are swapped");
    assert!(error.source().is_some_and(|cause| cause.to_string().contains("no certificate in")), "{error:?}");
}

#[cfg(not(feature = "docs"))]
#[test]
fn the_docs_page_needs_its_feature() {
    let error = Config::from_toml("docs = true").expect_err("there is none").to_string();
    assert!(error.contains("the feature `docs`"), "{error}");
    for setting in ["false", "\"debug\""] {
        Config::from_toml(&format!("docs = {setting}")).expect("nothing is asked for");
    }
}

#[cfg(not(feature = "tls"))]
#[test]
fn certificates_need_their_feature() {
    let error = Config::from_toml("tls.certificate = \"cert.pem\"").expect_err("there are none").to_string();
    assert!(error.contains("the feature `tls`"), "{error}");
}

#[tokio::test]
async fn health_is_asked_where_the_settings_say() {
    let config =
        Config::from_toml("health = \"/live\"\nreadiness = \"/ready\"\nnotice = \"5s\"\n").expect("it fits");
    let check =
        Readiness::new("/elsewhere").check("never", async || Err(swill::Error::new(503, "on purpose")));
    let server = serve(App::new().readiness(check).config(&config)).await;
    let status = async |path: &str| server.status(&format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n")).await;
    assert_eq!(status("/live").await, 200);
    assert_eq!(status("/ready").await, 503, "the program's check is asked there");
    assert_eq!(status("/elsewhere").await, 404);
    // Without such settings it is as the program says.
    let server = serve(App::new().health("/live").config(&Config::default())).await;
    assert_eq!(server.status("GET /live HTTP/1.1\r\nHost: a\r\n\r\n").await, 200);
}
