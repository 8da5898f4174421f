//! Calls in both directions over one JSON-RPC connection: the client asks for a room to be painted, and while that call
//! runs the server tells the client how far it is and asks it for colours, for which the client asks the server how large
//! a wall is.
//!
//! `cargo run --example both_ways` does all of it in one program, and ends.

#![expect(clippy::print_stdout, reason = "it shows what happens")]

use swill::{App, Peer, Value};
use swill_client::{Client, Protocol};

/// Paints rooms, but leaves the colours to whoever owns them.
struct Painter;

#[swill::module]
impl Painter {
    /// Paints the walls of a room. Returns what it looks like.
    async fn paint(&self, peer: &Peer, walls: Vec<String>) -> swill::Result<Vec<String>> {
        // All questions in one message; the answers come in their order.
        let mut questions = peer.batch().notify("progress", ("choosing colours",));
        for wall in &walls {
            questions = questions.call("colour", (wall,));
        }
        let mut painted = Vec::new();
        for (wall, colour) in walls.iter().zip(questions.send().await?) {
            let colour: Value = colour?;
            painted.push(format!("{wall}: {}", colour.as_str().unwrap_or("white")));
            peer.notify("progress", (format!("painted the {wall} wall"),)).await?;
        }
        // Or one question by itself.
        let happy: bool = peer.call("happy", (&painted,)).await?;
        if happy { Ok(painted) } else { Err(swill::Error::new(409, "the owner wants it otherwise")) }
    }

    /// How high a wall is, in centimetres.
    async fn height(&self, wall: String) -> u32 {
        if wall == "north" { 320 } else { 250 }
    }
}

#[tokio::main]
async fn main() -> swill::Result<()> {
    let server = App::new().module(Painter).bind("127.0.0.1:0").await?;
    let url = format!("ws://{}/ws", server.local_addr());
    let shutdown = server.shutdown_handle();
    let running = tokio::spawn(server.run());

    let client = Client::builder(&url)
        .protocol(Protocol::JsonRpc)
        // A notification: nobody waits for what it returns.
        .handle("progress", async |(step,): (String,)| {
            println!("the painter says: {step}");
            Ok(())
        })
        // A call of the server, for which the client calls the server.
        .handle_with("colour", async |client: Client, (wall,): (String,)| {
            let height: u32 = client.call("height", &wall).await?;
            Ok(if height > 300 { "red" } else { "yellow" })
        })
        .handle("happy", async |(walls,): (Vec<String>,)| Ok(walls.len() == 2))
        .connect()
        .await?;

    // In JSON-RPC a single parameter that is a list goes into a list of parameters.
    let room: Vec<String> = client.call("paint", (["north", "south"],)).await?;
    println!("the room is painted, {}", room.join(", "));

    client.close().await;
    shutdown.shutdown();
    running.await?
}
