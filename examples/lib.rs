//! Runnable programs: see the files beside this one.
//!
//! What the README and the guide show is compiled and run as the tests of this library.

/// The programs in the README compile.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

/// The programs of the guide, chapter by chapter. Those of `docs/validation.md` and `docs/testing.md` belong to `swill`.
#[cfg(doctest)]
mod guide {
    #[doc = include_str!("../docs/first-call.md")]
    struct FirstCall;
    #[doc = include_str!("../docs/parameters.md")]
    struct Parameters;
    #[doc = include_str!("../docs/streams.md")]
    struct Streams;
    #[doc = include_str!("../docs/errors.md")]
    struct Errors;
    #[doc = include_str!("../docs/context.md")]
    struct Context;
    #[doc = include_str!("../docs/rooms.md")]
    struct Rooms;
    #[doc = include_str!("../docs/hooks.md")]
    struct Hooks;
    #[doc = include_str!("../docs/authentication.md")]
    struct Authentication;
    #[doc = include_str!("../docs/modules.md")]
    struct Modules;
    #[doc = include_str!("../docs/both-ways.md")]
    struct BothWays;
    #[doc = include_str!("../docs/protocols.md")]
    struct Protocols;
    #[doc = include_str!("../docs/clients.md")]
    struct Clients;
    #[doc = include_str!("../docs/client-rust.md")]
    struct ClientRust;
    #[doc = include_str!("../docs/docs-page.md")]
    struct DocsPage;
    #[doc = include_str!("../docs/deployment.md")]
    struct Deployment;
    #[doc = include_str!("../docs/observability.md")]
    struct Observability;
    #[doc = include_str!("../docs/migration.md")]
    struct Migration;
    #[doc = include_str!("../docs/configuration.md")]
    struct Configuration;
    #[doc = include_str!("../docs/description.md")]
    struct Description;
}
