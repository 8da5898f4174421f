//! What is sent is held to its constraints, too.

use crate::common::serve;
use schemars::JsonSchema;
use serde::Serialize;
use swill::{Module, stream};

#[swill::validate]
#[derive(Clone, Serialize, JsonSchema)]
struct Small {
    #[valid(lt = 10)]
    number: i64,
}

#[tokio::test]
async fn an_answer_that_violates_its_own_type_is_an_error_of_the_server() {
    let small = |number| Small { number };
    let module = Module::new()
        .handle("one", ["number"], async move |number: i64| small(number))
        .handle("several", ["number"], async move |number: i64| vec![small(1), small(number)])
        .handle("items", ["to"], async move |to: i64| stream::iter((8..to).map(small)));
    let server = serve(swill::App::new().module(module)).await;
    let mut client = server.connect().await;
    assert!(client.call(1, "one", 9).await.is_ok());
    assert_eq!(client.refused(2, "one", 10).await, 500);
    assert_eq!(client.refused(3, "several", 10).await, 500);
    // The connection stays usable, and nothing of what was begun is left.
    assert!(client.call(4, "one", 9).await.is_ok());
    client.request(5, "items", 12).await;
    for _ in 8..10 {
        assert!(client.answer().await.result().is_ok());
    }
    assert_eq!(client.answer().await.code(), 500);
    client.goodbye().await;
}
