//! Who is calling: a hook looks at the opening handshake, refuses strangers, and puts the user into the connection, from
//! where procedures borrow it.
//!
//! The token comes as programs send it (`Authorization: Bearer`), as browsers can (a subprotocol entry
//! `swill.token.TOKEN`), or as a cookie that a login page has set. It never comes in the URL, which ends up in logs.

#![expect(clippy::print_stdout, reason = "it shows what happens")]

use std::collections::HashMap;
use swill::{App, Error, FromContext, Handshake, Hook, Result};
use swill_client::Client;

/// Who has connected.
#[derive(Clone)]
struct User {
    name: String,
    admin: bool,
}

/// Procedures may take `user: &User`.
impl FromContext for User {}

/// Knows tokens. A real one would look into a database, or check a signature.
struct Login {
    tokens: HashMap<&'static str, User>,
}

impl Login {
    fn new() -> Self {
        let user = |name: &str, admin| User { name: name.into(), admin };
        Self {
            tokens: HashMap::from([("ann-s3cr3t", user("ann", true)), ("ben-s3cr3t", user("ben", false))]),
        }
    }
}

impl Hook for Login {
    /// It only looks at connections: their calls take the short way.
    fn sees_calls(&self) -> bool {
        false
    }

    async fn before_connection(&self, handshake: &mut Handshake) -> Result<()> {
        let request = handshake.request();
        let token = request.token().or_else(|| request.cookie("session"));
        let user = token.and_then(|token| self.tokens.get(token)).cloned();
        // Nothing is said about what was wrong with the token, and the connection is never opened.
        handshake.insert(user.ok_or_else(|| Error::close_connection(401, "log in first"))?);
        Ok(())
    }
}

struct Desk;

#[swill::module]
impl Desk {
    /// Greets whoever has connected.
    async fn hello(&self, user: &User) -> String {
        format!("hello {}", user.name)
    }

    /// Only for some.
    async fn secret(&self, user: &User) -> Result<&'static str> {
        if !user.admin {
            return Err(Error::new(403, "only for admins"));
        }
        Ok("the cake is in the fridge")
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    let server = App::new().module(Desk).hook(Login::new()).bind("127.0.0.1:0").await?;
    let url = format!("ws://{}/ws", server.local_addr());
    let shutdown = server.shutdown_handle();
    let running = tokio::spawn(server.run());

    for (who, builder) in [
        ("nobody", Client::builder(&url)),
        ("a guess", Client::builder(&url).bearer("letmein")),
        ("ann", Client::builder(&url).bearer("ann-s3cr3t")),
        ("ben", Client::builder(&url).cookie("session", "ben-s3cr3t")),
        // What a browser does, which cannot set headers.
        ("ann in a browser", Client::builder(&url).subprotocols(["swill.1", "swill.token.ann-s3cr3t"])),
    ] {
        let client = match builder.connect().await {
            Ok(client) => client,
            Err(error) => {
                println!("{who}: refused with {}", error.code());
                continue;
            }
        };
        let hello: String = client.call("hello", ()).await?;
        println!("{who}: {hello}");
        match client.call::<String>("secret", ()).await {
            Ok(secret) => println!("{who}: {secret}"),
            Err(error) => println!("{who}: {} {}", error.code(), error.message()),
        }
        client.close().await;
    }

    shutdown.shutdown();
    running.await?
}
