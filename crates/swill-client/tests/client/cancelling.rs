use crate::support::{
    CANCEL, END_OF_STREAM, MESSAGE, METADATA, NIL, Peer, Seen, connected, connected_as, once, server,
};
use std::{pin::pin, time::Duration};
use swill_client::{CancelReason, Code, Limits};
use tokio::time::{Instant, sleep, timeout};

#[tokio::test(start_paused = true)]
async fn a_call_without_an_answer_fails_after_thirty_seconds_and_is_cancelled() {
    let (_server, mut peer, client) = connected().await;
    let start = Instant::now();
    let (error, seq) = tokio::join!(client.call::<()>("f", ()), async {
        let seq = peer.expect(MESSAGE, "f").await;
        assert_eq!(peer.expect(CANCEL, "f").await, seq);
        seq
    });
    let error = error.unwrap_err();
    assert_eq!(error.code(), Code::DEADLINE);
    assert_eq!(error.cancel_reason(), Some(CancelReason::Deadline));
    assert!(!error.outcome_unknown());
    assert_eq!(start.elapsed().as_secs(), 30);

    // What still comes is ignored.
    peer.answer(seq, 1).await;
    let (answer, ()) = tokio::join!(client.call::<i32>("g", ()), async {
        let seq = peer.expect(MESSAGE, "g").await;
        peer.answer(seq, 2).await;
    });
    assert_eq!(answer.unwrap(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_call_has_a_deadline_of_its_own_or_none() {
    let (_server, mut peer, client) = connected().await;
    let start = Instant::now();
    let short = client.request("f").deadline(Duration::from_millis(300)).call::<()>(());
    let (error, ()) = tokio::join!(short, async {
        peer.expect(MESSAGE, "f").await;
        peer.expect(CANCEL, "f").await;
    });
    assert_eq!(error.unwrap_err().code(), Code::DEADLINE);
    assert_eq!(start.elapsed().as_millis() / 10, 30);

    let (answer, ()) = tokio::join!(client.request("f").deadline(None).call::<i32>(()), async {
        let seq = peer.expect(MESSAGE, "f").await;
        for _ in 0..360 {
            sleep(Duration::from_secs(10)).await;
            peer.ping().await;
        }
        peer.answer(seq, 1).await;
    });
    assert_eq!(answer.unwrap(), 1);
}

#[tokio::test(start_paused = true)]
async fn deadlines_pass_in_their_order() {
    let (_server, _peer, client) = connected().await;
    let start = Instant::now();
    let calls = (1..=20_u64).map(|number| {
        let (client, after) = (client.clone(), number * 7 % 20 + 1);
        tokio::spawn(async move {
            let call = client.request("f").deadline(Duration::from_secs(after));
            assert_eq!(call.call::<()>(()).await.unwrap_err().code(), Code::DEADLINE);
            assert_eq!(start.elapsed().as_secs(), after);
        })
    });
    for call in calls.collect::<Vec<_>>() {
        call.await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_out_may_be_quiet_unless_told_otherwise() {
    let (_server, mut peer, client) = connected().await;
    let mut items = client.stream::<i32>("watch", ()).await.unwrap();
    let seq = peer.expect(MESSAGE, "watch").await;
    for _ in 0..100 {
        sleep(Duration::from_secs(10)).await;
        peer.ping().await;
    }
    peer.answer(seq, 1).await;
    assert_eq!(items.next().await.unwrap().unwrap(), 1);

    // A deadline counts until the first thing comes.
    let deadline = Duration::from_secs(5);
    let mut late = client.request("late").deadline(deadline).stream::<i32>(()).await.unwrap();
    let mut item = client.request("item").deadline(deadline).stream::<i32>(()).await.unwrap();
    let mut leading = client.request("leading").deadline(deadline).stream::<i32>(()).await.unwrap();
    peer.expect(MESSAGE, "late").await;
    let seq = peer.expect(MESSAGE, "item").await;
    peer.answer(seq, 1).await;
    let other = peer.expect(MESSAGE, "leading").await;
    peer.say_with(other, NIL, METADATA, Some([("a", 1)].into()), None).await;
    assert_eq!(late.next().await.unwrap().unwrap_err().code(), Code::DEADLINE);
    assert!(late.next().await.is_none());
    peer.expect(CANCEL, "late").await;
    sleep(Duration::from_secs(10)).await;
    peer.say(seq, NIL, END_OF_STREAM).await;
    peer.say(other, NIL, END_OF_STREAM).await;
    assert_eq!(item.next().await.unwrap().unwrap(), 1);
    assert!(item.next().await.is_none());
    assert!(leading.next().await.is_none());
}

/// Lets time pass in which nothing happens but pings.
async fn pass(peer: &mut Peer, seconds: u64) {
    let pings = async { while peer.see().await == Seen::Ping {} };
    assert!(timeout(Duration::from_secs(seconds), pings).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn the_deadline_by_default_of_a_stream_in_counts_from_its_end() {
    let (_server, mut peer, client) = connected().await;
    for with_metadata in [false, true] {
        let mut sender = client.request("total").stream_in::<i32, i32>().await.unwrap();
        peer.expect(METADATA, "total").await;
        for number in 0..3 {
            pass(&mut peer, 100).await;
            sender.send(number).await.unwrap();
            peer.expect(MESSAGE, "total").await;
        }
        let start = Instant::now();
        let finish = async {
            if with_metadata {
                sender.finish_with_metadata().await.map(|response| response.value)
            } else {
                sender.finish().await
            }
        };
        let (error, ()) = tokio::join!(finish, async {
            let seq = peer.expect(END_OF_STREAM, "total").await;
            assert_eq!(peer.expect(CANCEL, "total").await, seq);
            assert_eq!(start.elapsed().as_secs(), 30);
            peer.answer(seq, 1).await;
        });
        assert_eq!(error.unwrap_err().code(), Code::DEADLINE);
    }
    // In time.
    let sender = client.request("total").stream_in::<i32, i32>().await.unwrap();
    peer.expect(METADATA, "total").await;
    pass(&mut peer, 100).await;
    let (sum, ()) = tokio::join!(sender.finish(), async {
        let seq = peer.expect(END_OF_STREAM, "total").await;
        pass(&mut peer, 29).await;
        peer.answer(seq, 6).await;
    });
    assert_eq!(sum.unwrap(), 6);
    peer.expect_silence().await;
}

#[tokio::test(start_paused = true)]
async fn a_stream_in_waits_for_a_connection_within_the_deadline_by_default() {
    let (_server, builder) = server();
    let client = builder.lazy().unwrap();
    let start = Instant::now();
    let mut sender = client.request("total").stream_in::<i32, i32>().await.unwrap();
    sender.send(1).await.unwrap();
    sleep(Duration::from_secs(5)).await;
    assert_eq!(sender.finish().await.unwrap_err().code(), Code::DEADLINE);
    assert_eq!(start.elapsed().as_secs(), 30);
}

#[tokio::test(start_paused = true)]
async fn a_deadline_of_its_own_counts_for_the_whole_of_a_stream_in() {
    let (_server, mut peer, client) = connected().await;
    let total = || client.request("total").deadline(Duration::from_secs(30)).stream_in::<i32, i32>();
    let mut sender = total().await.unwrap();
    peer.expect(METADATA, "total").await;
    for number in 0..3 {
        sender.send(number).await.unwrap();
        peer.expect(MESSAGE, "total").await;
        sleep(Duration::from_secs(9)).await;
    }
    let (error, ()) = tokio::join!(sender.finish(), async {
        peer.expect(END_OF_STREAM, "total").await;
        peer.expect(CANCEL, "total").await;
    });
    assert_eq!(error.unwrap_err().code(), Code::DEADLINE);

    let mut sender = total().await.unwrap();
    peer.expect(METADATA, "total").await;
    peer.expect(CANCEL, "total").await;
    assert_eq!(sender.send(1).await.unwrap_err().code(), Code::DEADLINE);
}

#[tokio::test(start_paused = true)]
async fn whatever_is_dropped_before_its_end_is_cancelled() {
    let (_server, mut peer, client) = connected().await;
    {
        let mut call = pin!(client.call::<()>("f", ()));
        assert!(once(call.as_mut()).await.is_pending());
        peer.expect(MESSAGE, "f").await;
    }
    peer.expect(CANCEL, "f").await;

    let items = client.stream::<i32>("f", ()).await.unwrap();
    let seq = peer.expect(MESSAGE, "f").await;
    peer.answer(seq, 1).await;
    drop(items);
    assert_eq!(peer.expect(CANCEL, "f").await, seq);

    let sender = client.request("f").stream_in::<i32, i32>().await.unwrap();
    peer.expect(METADATA, "f").await;
    drop(sender);
    peer.expect(CANCEL, "f").await;

    // Either half ends both.
    let (sender, mut items) = client.request("f").both::<i32, i32>().await.unwrap();
    let seq = peer.expect(METADATA, "f").await;
    peer.answer(seq, 1).await;
    assert_eq!(items.next().await.unwrap().unwrap(), 1);
    drop(sender);
    peer.expect(CANCEL, "f").await;
    assert_eq!(items.next().await.unwrap().unwrap_err().code(), Code::CANCELLED);
    assert!(items.next().await.is_none());

    let (mut sender, items) = client.request("f").both::<i32, i32>().await.unwrap();
    peer.expect(METADATA, "f").await;
    drop(items);
    peer.expect(CANCEL, "f").await;
    assert_eq!(sender.send(1).await.unwrap_err().code(), Code::CANCELLED);
    assert_eq!(sender.finish().await.unwrap_err().code(), Code::CANCELLED);

    // Once the sending half is finished, it has no say any more.
    let (sender, items) = client.request("f").both::<i32, i32>().await.unwrap();
    peer.expect(METADATA, "f").await;
    sender.finish().await.unwrap();
    peer.expect(END_OF_STREAM, "f").await;
    peer.expect_silence().await;
    drop(items);
    peer.expect(CANCEL, "f").await;
    peer.expect_silence().await;
}

#[tokio::test(start_paused = true)]
async fn what_is_dropped_before_it_was_sent_never_is() {
    let (_server, mut peer, client) = connected().await;
    {
        let mut call = pin!(client.call::<()>("f", ()));
        assert!(once(call.as_mut()).await.is_pending());
        // The connection's task has had no turn.
    }
    peer.expect_silence().await;
    // A future that nobody polls does nothing.
    drop(client.call::<()>("f", ()));
    peer.expect_silence().await;
}

#[tokio::test(start_paused = true)]
async fn calls_beyond_the_limit_wait_for_others_to_end() {
    let (server, builder) = server();
    let builder = builder.limits(Limits::default().calls(2));
    let (_server, mut peer, client) = connected_as((server, builder)).await;
    let call = |name: &'static str| {
        let client = client.clone();
        tokio::spawn(async move { client.call::<i32>(name, ()).await })
    };
    let (first, second, third) = (call("a"), call("b"), call("c"));
    let a = peer.expect(MESSAGE, "a").await;
    let b = peer.expect(MESSAGE, "b").await;
    peer.expect_silence().await;
    peer.answer(b, 2).await;
    let c = peer.expect(MESSAGE, "c").await;
    peer.expect_silence().await;
    first.abort();
    peer.expect(CANCEL, "a").await;
    let fourth = call("d");
    let d = peer.expect(MESSAGE, "d").await;
    // Waiting counts.
    let fifth = client.request("e").deadline(Duration::from_secs(3)).call::<()>(()).await;
    assert_eq!(fifth.unwrap_err().code(), Code::DEADLINE);
    peer.answer(c, 3).await;
    peer.fail(d, 500, "no").await;
    peer.answer(a, 1).await;
    assert_eq!(second.await.unwrap().unwrap(), 2);
    assert_eq!(third.await.unwrap().unwrap(), 3);
    assert!(fourth.await.unwrap().is_err());
    // All places are free again.
    let (sixth, seventh) = (call("f"), call("g"));
    for name in ["f", "g"] {
        let seq = peer.expect(MESSAGE, name).await;
        peer.answer(seq, 0).await;
    }
    sixth.await.unwrap().unwrap();
    seventh.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn who_has_waited_longest_is_next() {
    let (server, builder) = server();
    let (_server, mut peer, client) =
        connected_as((server, builder.limits(Limits::default().calls(1)))).await;
    let call = |name: String| {
        let client = client.clone();
        tokio::spawn(async move { client.call::<i32>(&name, ()).await })
    };
    let mut stream = client.request("in").stream_in::<i32, i32>().await.unwrap();
    let mut open = peer.expect(METADATA, "in").await;
    let mut waiting: Vec<_> = (0..20).map(|number| call(format!("call {number}"))).collect();
    peer.expect_silence().await;
    // Items pass calls that wait for the end of their stream.
    stream.send(1).await.unwrap();
    peer.expect(MESSAGE, "in").await;
    // One that gives up leaves its place to the next.
    waiting.remove(3).abort();
    let finished = tokio::spawn(stream.finish());
    peer.expect(END_OF_STREAM, "in").await;
    peer.answer(open, 0).await;
    for number in (0..20).filter(|number| *number != 3) {
        open = peer.expect(MESSAGE, &format!("call {number}")).await;
        if number == 10 {
            waiting.push(call("call late".into()));
        }
        peer.answer(open, 0).await;
    }
    open = peer.expect(MESSAGE, "call late").await;
    peer.answer(open, 0).await;
    assert_eq!(finished.await.unwrap().unwrap(), 0);
    for call in waiting {
        assert_eq!(call.await.unwrap().unwrap(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_that_waits_and_is_not_polled_holds_up_nobody() {
    let (server, builder) = server();
    let (_server, mut peer, client) =
        connected_as((server, builder.limits(Limits::default().calls(1)))).await;
    let first = tokio::spawn({
        let client = client.clone();
        async move { client.call::<i32>("first", ()).await }
    });
    let seq = peer.expect(MESSAGE, "first").await;
    // Somebody asks, and then does other things first.
    let mut idle = Box::pin(client.call::<i32>("idle", ()));
    let mut given_up = Box::pin(client.call::<i32>("given up", ()));
    assert!(once(idle.as_mut()).await.is_pending());
    assert!(once(given_up.as_mut()).await.is_pending());
    let last = tokio::spawn({
        let client = client.clone();
        async move { client.call::<i32>("last", ()).await }
    });
    peer.answer(seq, 1).await;
    assert_eq!(first.await.unwrap().unwrap(), 1);
    let seq = peer.expect(MESSAGE, "idle").await;
    peer.answer(seq, 2).await;
    peer.expect(MESSAGE, "given up").await;
    drop(given_up);
    peer.expect(CANCEL, "given up").await;
    let seq = peer.expect(MESSAGE, "last").await;
    peer.answer(seq, 3).await;
    assert_eq!(last.await.unwrap().unwrap(), 3);
    assert_eq!(idle.await.unwrap(), 2);
}

#[tokio::test(start_paused = true)]
async fn cancels_are_sent_no_faster_than_servers_bear() {
    let (_server, mut peer, client) = connected().await;
    let start = Instant::now();
    let driving = tokio::spawn(async move {
        for _ in 0..400 {
            let items = client.request("f").deadline(None).stream::<i32>(()).await.unwrap();
            sleep(Duration::from_millis(1)).await;
            drop(items);
        }
        client
    });
    let mut cancels: u32 = 0;
    while cancels < 400 {
        match peer.see().await {
            Seen::Request(request) if request.kind == CANCEL => cancels += 1,
            Seen::Request(_) => {}
            other => panic!("{other:?}"),
        }
        let bound = 200.0 + 50.0 * start.elapsed().as_secs_f64();
        assert!(f64::from(cancels) <= bound, "{cancels} after {:?}", start.elapsed());
    }
    assert!(start.elapsed() < Duration::from_secs(8), "{:?}", start.elapsed());
    let client = driving.await.unwrap();
    client.call::<()>("g", ()).await.unwrap_err();
}

#[tokio::test(start_paused = true)]
async fn a_late_cancel_is_not_sent_for_a_call_that_has_ended() {
    let (server, builder) = server();
    let builder = builder.limits(Limits::default().calls(1000));
    let (_server, mut peer, client) = connected_as((server, builder)).await;
    let mut streams = Vec::new();
    for _ in 0..200 {
        streams.push(client.stream::<i32>("f", ()).await.unwrap());
    }
    for _ in 0..200 {
        peer.expect(MESSAGE, "f").await;
    }
    drop(streams);
    for _ in 0..150 {
        peer.expect(CANCEL, "f").await;
    }
    for seq in 1..=200 {
        peer.say(seq, NIL, END_OF_STREAM).await;
    }
    // One or two may have been on their way.
    let mut more = 0;
    while let Ok(seen) = tokio::time::timeout(Duration::from_secs(5), peer.see()).await {
        assert!(matches!(seen, Seen::Request(request) if request.kind == CANCEL));
        more += 1;
    }
    assert!(more <= 2, "{more} late cancels");
}
