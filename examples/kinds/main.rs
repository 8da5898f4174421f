//! Every kind of type there is, sent there and back: generated clients are tried against this program.

mod enums;
mod faults;
mod reserved;
mod streams;
mod structs;

use schemars::JsonSchema;
use serde::{Serialize, de::DeserializeOwned};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    num::NonZeroU32,
    time::Duration,
};
use swill::{App, Bytes, Handler, Module, Procedure, Value, spec::Info};

#[tokio::main]
#[expect(clippy::print_stdout, reason = "whoever started this program waits for the line")]
async fn main() -> swill::Result<()> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8000".into());
    let server = app().bind(&address).await?;
    println!("listening on {}", server.local_addr());
    server.run().await
}

fn app() -> App {
    App::new()
        .info(Info::new("Kinds", "1.0.0").description("Every kind of type, sent there and back."))
        .paths(["/ws"])
        .module(plain())
        .module(containers())
        .module(structs::module())
        .module(enums::module())
        .module(faults::Faults)
        .module(streams::Streams)
        .nest("class", reserved::module())
}

/// A procedure that answers with what it was given.
fn echo<T>(name: &'static str, doc: &'static str) -> Procedure
where
    T: DeserializeOwned + Serialize + JsonSchema + Send + 'static,
{
    Handler::procedure(async |value: T| value, name.into(), ["value"]).doc(doc)
}

fn plain() -> Module {
    Module::named("plain")
        .doc("Types without parts.")
        .procedure(echo::<bool>("flag", "Yes or no."))
        .procedure(echo::<i8>("tiny", "8 bits with a sign."))
        .procedure(echo::<u16>("port", "16 bits without a sign."))
        .procedure(echo::<i32>("int", "32 bits with a sign."))
        .procedure(echo::<i64>("long", "64 bits with a sign."))
        .procedure(echo::<u64>("size", "64 bits without a sign."))
        .procedure(echo::<NonZeroU32>("positive", "Never 0."))
        .procedure(echo::<f32>("single", "32 bits."))
        .procedure(echo::<f64>("double", "64 bits."))
        .procedure(echo::<char>("letter", "One letter."))
        .procedure(echo::<String>("text", "Text."))
        .procedure(echo::<Bytes>("bytes", "Bytes."))
        .procedure(echo::<()>("nothing", "No value at all."))
        .procedure(echo::<Value>("anything", "Whatever you like."))
        .procedure(echo::<chrono::DateTime<chrono::Utc>>("moment", "A date and a time."))
        .procedure(echo::<chrono::NaiveDate>("day", "A date."))
        .procedure(echo::<chrono::NaiveTime>("hour", "A time."))
        .procedure(echo::<uuid::Uuid>("uuid", "An id."))
        .procedure(echo::<Duration>("duration", "How long something takes."))
}

fn containers() -> Module {
    Module::named("containers")
        .doc("Types that hold others.")
        .procedure(echo::<Vec<i64>>("list", "Some, in order."))
        .procedure(echo::<BTreeSet<String>>("set", "Some, none of them twice."))
        .procedure(echo::<[u8; 3]>("array", "As many as there are colours."))
        .procedure(echo::<(String, i32, Option<bool>)>("tuple", "Three of different types."))
        .procedure(echo::<HashMap<String, structs::Point>>("by_name", "Points by their names."))
        .procedure(echo::<BTreeMap<u32, String>>("by_number", "Texts by their numbers."))
        .procedure(echo::<Option<i64>>("option", "A number or nothing."))
        .procedure(echo::<Vec<Option<Vec<Bytes>>>>("nested", "Lists in lists."))
        .procedure(echo::<structs::Page<structs::Point>>("points", "A page of points."))
        .procedure(echo::<structs::Page<String>>("words", "A page of words."))
}
