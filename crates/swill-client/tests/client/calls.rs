use crate::support::{
    CANCEL, END_OF_STREAM, ERROR, MESSAGE, METADATA, NIL, connected, connected_as, list, server,
};
use futures_util::{StreamExt, future::join_all};
use serde::{Deserialize, Serialize};
use swill_client::{Code, Limits, Value};

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Point {
    x: i32,
    y: i32,
}

#[tokio::test(start_paused = true)]
async fn parameters_are_written_as_serde_writes_them() {
    let (_server, mut peer, client) = connected().await;
    macro_rules! check {
        ($params:expr => $data:expr) => {
            let call = tokio::spawn({
                let client = client.clone();
                async move { client.call::<Value>("f", $params).await }
            });
            let request = peer.request().await;
            assert_eq!((request.kind, &*request.rpc, &request.metadata), (MESSAGE, "f", &None));
            assert_eq!(request.data, $data);
            peer.answer(request.seq, request.data.clone()).await;
            assert_eq!(call.await.unwrap().unwrap(), request.data);
        };
    }
    check!(() => NIL);
    check!(1 => Value::from(1));
    check!((1, 2) => list([1, 2]));
    check!((1,) => list([1]));
    check!(vec!["a", "b"] => list(["a", "b"]));
    check!(Point { x: 1, y: 2 } => Value::Map(vec![("x".into(), 1.into()), ("y".into(), 2.into())]));
    check!(Value::Extension(5, vec![1, 2]) => Value::Extension(5, vec![1, 2]));
    check!(Some("text") => Value::from("text"));
}

#[tokio::test(start_paused = true)]
async fn answers_are_typed_and_misfits_say_so() {
    let (_server, mut peer, client) = connected().await;
    let call = tokio::spawn({
        let client = client.clone();
        async move { client.call::<Point>("origin", ()).await }
    });
    let seq = peer.expect(MESSAGE, "origin").await;
    peer.answer(seq, Value::Map(vec![("x".into(), 0.into()), ("y".into(), 0.into())])).await;
    assert_eq!(call.await.unwrap().unwrap(), Point { x: 0, y: 0 });

    let call = tokio::spawn({
        let client = client.clone();
        async move { client.call::<Point>("origin", ()).await }
    });
    let seq = peer.expect(MESSAGE, "origin").await;
    peer.answer(seq, Value::Map(vec![("x".into(), 0.into()), ("y".into(), "north".into())])).await;
    let error = call.await.unwrap().unwrap_err();
    assert_eq!(error.code(), Code::INTERNAL);
    assert!(error.message().contains("Point at y"), "{error}");
    peer.expect_silence().await;
}

#[tokio::test(start_paused = true)]
async fn calls_run_at_the_same_time_and_answers_find_their_callers() {
    let (_server, mut peer, client) = connected().await;
    let answering = tokio::spawn(async move {
        let mut requests = Vec::new();
        for _ in 0..100 {
            requests.push(peer.request().await);
        }
        for request in requests.into_iter().rev() {
            peer.answer(request.seq, request.data).await;
        }
        peer
    });
    let answers = join_all((0..100).map(|number| client.call::<i32>("echo", number))).await;
    for (number, answer) in answers.into_iter().enumerate() {
        assert_eq!(answer.unwrap(), i32::try_from(number).unwrap());
    }
    answering.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn seqs_count_from_one_and_are_never_reused() {
    let (_server, mut peer, client) = connected().await;
    for expected in 1..=300 {
        let (answer, ()) = tokio::join!(client.call::<()>("f", ()), async {
            assert_eq!(peer.expect(MESSAGE, "f").await, expected);
            peer.answer(expected, NIL).await;
        });
        answer.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn errors_carry_code_message_and_data() {
    let (_server, mut peer, client) = connected().await;
    let (error, ()) = tokio::join!(client.call::<()>("f", ()), async {
        let seq = peer.expect(MESSAGE, "f").await;
        let data = list([1, 2]);
        let error = Value::Map(vec![
            ("code".into(), 418.into()),
            ("message".into(), "I am a teapot".into()),
            ("data".into(), data),
        ]);
        peer.say(seq, error, ERROR).await;
    });
    let error = error.unwrap_err();
    assert_eq!((error.code(), error.message()), (Code(418), "I am a teapot"));
    assert_eq!(error.data(), Some(&list([1, 2])));
    assert!(!error.outcome_unknown());
}

#[tokio::test(start_paused = true)]
async fn a_stream_out_yields_its_items_and_ends() {
    let (_server, mut peer, client) = connected().await;
    let mut items = client.stream::<u32>("count", 3).await.unwrap();
    let seq = peer.expect(MESSAGE, "count").await;
    for number in 0..3 {
        peer.answer(seq, number).await;
    }
    assert_eq!(items.next().await.unwrap().unwrap(), 0);
    assert_eq!(items.next().await.unwrap().unwrap(), 1);
    assert!(items.trailing().is_none());
    peer.say(seq, NIL, END_OF_STREAM).await;
    assert_eq!(items.next().await.unwrap().unwrap(), 2);
    assert!(items.next().await.is_none());
    assert!(items.next().await.is_none());
    assert!(items.trailing().unwrap().is_empty());
    drop(items);
    peer.expect_silence().await;
}

#[tokio::test(start_paused = true)]
async fn a_stream_out_that_fails_yields_the_error_after_its_items() {
    let (_server, mut peer, client) = connected().await;
    let mut items = client.stream::<u32>("count", 3).await.unwrap();
    let seq = peer.expect(MESSAGE, "count").await;
    peer.answer(seq, 7).await;
    peer.answer(seq, "no number").await;
    peer.answer(seq, 8).await;
    peer.fail(seq, 500, "out of numbers").await;
    assert_eq!(items.next().await.unwrap().unwrap(), 7);
    assert_eq!(items.next().await.unwrap().unwrap_err().code(), Code::INTERNAL);
    assert_eq!(items.next().await.unwrap().unwrap(), 8);
    assert_eq!(items.next().await.unwrap().unwrap_err().message(), "out of numbers");
    assert!(items.next().await.is_none());
    assert!(items.trailing().is_none());
}

#[tokio::test(start_paused = true)]
async fn a_stream_in_is_opened_filled_ended_and_answered() {
    let (_server, mut peer, client) = connected().await;
    let mut sender = client.request("total").stream_in::<i64, i64>().await.unwrap();
    // It is opened at once, without an item.
    let seq = peer.expect(METADATA, "total").await;
    for number in 1..=3 {
        sender.send(number).await.unwrap();
        let request = peer.request().await;
        assert_eq!((request.seq, request.kind, request.data), (seq, MESSAGE, number.into()));
    }
    let (sum, ()) = tokio::join!(sender.finish(), async {
        assert_eq!(peer.expect(END_OF_STREAM, "total").await, seq);
        peer.answer(seq, 6).await;
    });
    assert_eq!(sum.unwrap(), 6);
    peer.expect_silence().await;
}

#[tokio::test(start_paused = true)]
async fn a_stream_in_that_is_answered_early_drops_the_rest() {
    let (_server, mut peer, client) = connected().await;
    let mut sender = client.request("first").stream_in::<i64, i64>().await.unwrap();
    let seq = peer.expect(METADATA, "first").await;
    sender.send(1).await.unwrap();
    peer.expect(MESSAGE, "first").await;
    peer.answer(seq, 1).await;
    // The machine ends the stream, for the server keeps the call until it hears so.
    assert_eq!(peer.expect(END_OF_STREAM, "first").await, seq);
    sender.over().await;
    assert!(sender.is_over());
    sender.send(2).await.unwrap();
    assert_eq!(sender.finish().await.unwrap(), 1);
    peer.expect_silence().await;
}

#[tokio::test(start_paused = true)]
async fn a_stream_in_that_fails_early_says_why() {
    let (_server, mut peer, client) = connected().await;
    let mut sender = client.request("total").stream_in::<i64, i64>().await.unwrap();
    let seq = peer.expect(METADATA, "total").await;
    peer.fail(seq, 422, "too odd").await;
    peer.expect(END_OF_STREAM, "total").await;
    let error = sender.send(1).await.unwrap_err();
    assert_eq!((error.code(), error.message()), (Code::INVALID, "too odd"));
    assert_eq!(sender.finish().await.unwrap_err().message(), "too odd");
    peer.expect_silence().await;
}

#[tokio::test(start_paused = true)]
async fn both_directions_go_on_independently() {
    let (_server, mut peer, client) = connected().await;
    let (mut sender, mut items) = client.request("chat").both::<String, String>().await.unwrap();
    let seq = peer.expect(METADATA, "chat").await;
    peer.answer(seq, "welcome").await;
    assert_eq!(items.next().await.unwrap().unwrap(), "welcome");
    sender.send("hello".to_owned()).await.unwrap();
    assert_eq!(peer.request().await.data.as_str(), Some("hello"));
    sender.finish().await.unwrap();
    peer.expect(END_OF_STREAM, "chat").await;
    peer.answer(seq, "bye").await;
    peer.say(seq, NIL, END_OF_STREAM).await;
    let rest: Vec<_> = items.by_ref().map(Result::unwrap).collect().await;
    assert_eq!(rest, ["bye"]);
    peer.expect_silence().await;
}

#[tokio::test(start_paused = true)]
async fn the_server_may_end_its_half_first() {
    let (_server, mut peer, client) = connected().await;
    let (mut sender, mut items) = client.request("chat").both::<i32, i32>().await.unwrap();
    let seq = peer.expect(METADATA, "chat").await;
    peer.say(seq, NIL, END_OF_STREAM).await;
    assert!(items.next().await.is_none());
    peer.expect(END_OF_STREAM, "chat").await;
    sender.send(1).await.unwrap();
    sender.finish().await.unwrap();
    peer.expect_silence().await;
}

#[tokio::test(start_paused = true)]
async fn what_has_come_stays_when_the_sending_half_is_dropped_after_the_end() {
    let (_server, mut peer, client) = connected().await;
    for fails in [false, true] {
        let (sender, mut items) = client.request("chat").both::<i32, i32>().await.unwrap();
        let seq = peer.expect(METADATA, "chat").await;
        peer.answer(seq, 1).await;
        peer.answer(seq, 2).await;
        match fails {
            false => peer.say(seq, NIL, END_OF_STREAM).await,
            true => peer.fail(seq, 409, "enough").await,
        }
        peer.expect(END_OF_STREAM, "chat").await;
        assert!(sender.is_over());
        drop(sender);
        assert_eq!(items.next().await.unwrap().unwrap(), 1);
        assert_eq!(items.next().await.unwrap().unwrap(), 2);
        assert_eq!(items.next().await.map(|end| end.unwrap_err().code()), fails.then_some(Code::CONFLICT));
    }
    peer.expect_silence().await;
}

#[tokio::test(start_paused = true)]
async fn what_is_too_large_is_not_sent() {
    let (server, builder) = server();
    let (_server, mut peer, client) =
        connected_as((server, builder.limits(Limits::default().request(1000)))).await;
    let error = client.call::<()>("f", "x".repeat(1000)).await.unwrap_err();
    assert_eq!(error.code(), Code::TOO_LARGE);
    assert!(!error.outcome_unknown());
    let error = client.request("f").metadata([("k", "x".repeat(1000))]).call::<()>(()).await.unwrap_err();
    assert_eq!(error.code(), Code::TOO_LARGE);
    let error = client.call::<()>(&"f".repeat(256), ()).await.unwrap_err();
    assert_eq!(error.code(), Code::NOT_FOUND);

    // An item that is too large does not end the stream.
    let mut sender = client.request("join").stream_in::<String, ()>().await.unwrap();
    assert_eq!(sender.send("x".repeat(1000)).await.unwrap_err().code(), Code::TOO_LARGE);
    sender.send("x".to_owned()).await.unwrap();
    peer.expect(METADATA, "join").await;
    peer.expect(MESSAGE, "join").await;
    drop(sender);
    peer.expect(CANCEL, "join").await;
}

#[tokio::test(start_paused = true)]
async fn queued_calls_leave_in_one_write() {
    let (_server, mut peer, client) = connected().await;
    let calls: Vec<_> = (0..50)
        .map(|number| {
            let client = client.clone();
            tokio::spawn(async move { client.call::<i32>("echo", number).await })
        })
        .collect();
    // One read of the pipe brings all of them.
    let first = peer.request().await;
    assert_eq!(peer.queued(), 49);
    peer.answer(first.seq, first.data).await;
    for _ in 0..49 {
        let request = peer.request().await;
        peer.answer(request.seq, request.data).await;
    }
    for (number, call) in calls.into_iter().enumerate() {
        assert_eq!(call.await.unwrap().unwrap(), i32::try_from(number).unwrap());
    }
}
