//! The server that is put under pressure: a call of every kind, over every protocol, with the limits that users get.

use std::{path::PathBuf, time::Duration};
use swill::{
    App, Config, Limits, Peer, Protocol, Result, StaticFiles, Stream, Streaming, Value, dialect::Dialect,
    stream,
};

struct Numbers;

#[swill::module]
impl Numbers {
    /// The sum.
    async fn add(&self, a: i64, b: i64) -> i64 {
        a.wrapping_add(b)
    }

    /// The value itself.
    #[swill(path = "/")]
    async fn echo(&self, value: Value) -> Value {
        value
    }

    /// Waits so many milliseconds.
    async fn slow(&self, ms: u64) -> u64 {
        tokio::time::sleep(Duration::from_millis(ms)).await;
        ms
    }

    /// Keeps a thread busy for so many milliseconds.
    #[swill(blocking)]
    fn block(&self, ms: u64) -> u64 {
        std::thread::sleep(Duration::from_millis(ms));
        ms
    }

    /// Counts from zero, as fast as the numbers are taken.
    fn count(&self, n: u64) -> impl Stream<Item = u64> {
        stream::iter(0..n)
    }

    /// The sum of a stream.
    async fn total(&self, mut numbers: Streaming<i64>) -> Result<i64> {
        let mut sum = 0_i64;
        while let Some(number) = numbers.next().await {
            sum = sum.wrapping_add(number?);
        }
        Ok(sum)
    }

    /// Takes nothing of a stream, and never ends.
    async fn ignore(&self, values: Streaming<Value>) -> Result<()> {
        std::future::pending::<()>().await;
        drop(values);
        Ok(())
    }

    /// The sum so far, after each number of a stream.
    fn sums(&self, mut numbers: Streaming<i64>) -> impl Stream<Item = Result<i64>> {
        stream! {
            let mut sum = 0_i64;
            while let Some(number) = numbers.next().await {
                yield number.map(|number| {
                    sum = sum.wrapping_add(number);
                    sum
                });
            }
        }
    }

    /// Calls the caller back: doubles a number with its help.
    async fn doubled(&self, peer: &Peer, number: i64) -> Result<i64> {
        peer.call("double", (number,)).await
    }
}

/// The app with these limits: `swill/1` at `/ws`, and each of the other protocols at the path that is called after it.
pub fn app(limits: &Limits) -> App {
    let speaking = |protocol| App::new().protocols([protocol]).module(Numbers).limits(limits.clone());
    App::new()
        .limits(limits.clone())
        .mount("/ws", speaking(Protocol::swill()))
        .mount("/jsonrpc", speaking(Protocol::json_rpc()))
        .mount("/jsonrpc-msgpack", speaking(Protocol::json_rpc_msgpack()))
        .mount("/events", speaking(Protocol::events()))
        .mount("/webmesh", speaking(Protocol::webmesh(Dialect::HEAD_JSON)))
}

/// What the server is told: folders of static files and their paths; everything else comes from the environment.
#[derive(Debug, Default)]
pub struct Options {
    /// Paths and folders.
    pub files: Vec<(String, PathBuf)>,
    /// Worker threads; as many as there are cores if it is not said.
    pub threads: Option<usize>,
}

/// Serves an app until the process is told to end. Says `listening on ADDRESS` when it is ready.
///
/// # Errors
///
/// The settings in the environment are wrong, or it cannot listen.
#[expect(clippy::print_stdout, reason = "whoever started this program waits for the line")]
pub fn serve(app: impl FnOnce(&Limits) -> App, options: Options) -> crate::Result {
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_ansi(false)
        // Without this, a log that cannot be written would end the program.
        .log_internal_errors(false)
        .with_max_level(tracing_subscriber::filter::LevelFilter::INFO)
        .init();
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    if let Some(threads) = options.threads {
        runtime.worker_threads(threads);
    }
    let config = Config::builder().env().build()?;
    let mut app = app(config.limits()).config(&config);
    for (path, folder) in options.files {
        app = app.static_files(path, StaticFiles::new(folder));
    }
    runtime.enable_all().build()?.block_on(async {
        let server = app.bind(config.listen()).await.map_err(swill::Error::into_boxed)?;
        println!("listening on {}", server.local_addr());
        server.run().await.map_err(swill::Error::into_boxed)?;
        Ok(())
    })
}
