use crate::support::{END_OF_STREAM, MESSAGE, METADATA, NIL, connected, once};
use std::pin::pin;
use swill_client::Metadata;

fn said(key: &str) -> Option<Metadata> {
    Some(Metadata::from([(key, 1)]))
}

#[tokio::test(start_paused = true)]
async fn a_call_sends_and_receives_metadata_in_all_places() {
    let (_server, mut peer, client) = connected().await;
    let call = client.request("f").metadata([("ours", 1)]).call_with_metadata::<i32>(2);
    let (response, ()) = tokio::join!(call, async {
        let request = peer.request().await;
        assert_eq!((request.kind, request.metadata), (MESSAGE, said("ours")));
        peer.say_with(request.seq, 3, MESSAGE, said("leading"), said("trailing")).await;
    });
    let response = response.unwrap();
    assert_eq!(response.value, 3);
    assert_eq!((Some(response.leading), Some(response.trailing)), (said("leading"), said("trailing")));
}

#[tokio::test(start_paused = true)]
async fn leading_metadata_that_is_sent_at_once_belongs_to_the_answer() {
    let (_server, mut peer, client) = connected().await;
    let (response, ()) = tokio::join!(client.request("f").call_with_metadata::<i32>(()), async {
        let seq = peer.expect(MESSAGE, "f").await;
        peer.say_with(seq, NIL, METADATA, said("early"), None).await;
        // Only the first counts.
        peer.say_with(seq, NIL, METADATA, said("again"), None).await;
        peer.say_with(seq, 3, MESSAGE, said("late"), None).await;
    });
    let response = response.unwrap();
    assert_eq!((response.value, Some(response.leading)), (3, said("early")));
    assert!(response.trailing.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_stream_out_tells_leading_metadata_before_its_first_item() {
    let (_server, mut peer, client) = connected().await;
    let mut items = client.request("count").metadata([("ours", 1)]).stream::<u32>(()).await.unwrap();
    let request = peer.request().await;
    assert_eq!(request.metadata, said("ours"));
    {
        let mut leading = pin!(items.leading());
        assert!(once(leading.as_mut()).await.is_pending());
        peer.say_with(request.seq, NIL, METADATA, said("leading"), None).await;
        assert_eq!(Some(leading.await.clone()), said("leading"));
    }
    peer.answer(request.seq, 1).await;
    assert_eq!(items.next().await.unwrap().unwrap(), 1);
    peer.say_with(request.seq, NIL, END_OF_STREAM, None, said("trailing")).await;
    assert!(items.next().await.is_none());
    assert_eq!(items.trailing().cloned(), said("trailing"));
    assert_eq!(Some(items.leading().await.clone()), said("leading"));
}

#[tokio::test(start_paused = true)]
async fn leading_metadata_comes_with_the_first_item_or_with_the_end() {
    let (_server, mut peer, client) = connected().await;
    let mut items = client.stream::<u32>("count", ()).await.unwrap();
    let seq = peer.expect(MESSAGE, "count").await;
    peer.say_with(seq, 1, MESSAGE, said("first"), None).await;
    // After that, it is too late.
    peer.say_with(seq, 2, MESSAGE, said("second"), None).await;
    assert_eq!(Some(items.leading().await.clone()), said("first"));
    assert_eq!(items.next().await.unwrap().unwrap(), 1);
    assert_eq!(items.next().await.unwrap().unwrap(), 2);
    assert_eq!(Some(items.leading().await.clone()), said("first"));

    let mut items = client.stream::<u32>("count", ()).await.unwrap();
    let seq = peer.expect(MESSAGE, "count").await;
    peer.say_with(seq, NIL, END_OF_STREAM, said("leading"), said("trailing")).await;
    assert!(items.next().await.is_none());
    assert_eq!(Some(items.leading().await.clone()), said("leading"));
    assert_eq!(items.trailing().cloned(), said("trailing"));

    let mut items = client.stream::<u32>("count", ()).await.unwrap();
    let seq = peer.expect(MESSAGE, "count").await;
    peer.answer(seq, 1).await;
    assert!(items.leading().await.is_empty());

    let mut items = client.stream::<u32>("count", ()).await.unwrap();
    let seq = peer.expect(MESSAGE, "count").await;
    peer.fail(seq, 500, "no").await;
    assert!(items.leading().await.is_empty());
    assert!(items.next().await.unwrap().is_err());
}

#[tokio::test(start_paused = true)]
async fn a_stream_in_sends_and_receives_metadata() {
    let (_server, mut peer, client) = connected().await;
    let mut sender = client.request("total").metadata([("ours", 1)]).stream_in::<i32, i32>().await.unwrap();
    let request = peer.request().await;
    assert_eq!((request.kind, request.metadata), (METADATA, said("ours")));
    peer.say_with(request.seq, NIL, METADATA, said("leading"), None).await;
    assert_eq!(Some(sender.leading().await), said("leading"));
    sender.send(1).await.unwrap();
    let (response, ()) = tokio::join!(sender.finish_with_metadata(), async {
        peer.expect(MESSAGE, "total").await;
        peer.expect(END_OF_STREAM, "total").await;
        peer.say_with(request.seq, 1, MESSAGE, None, said("trailing")).await;
    });
    let response = response.unwrap();
    assert_eq!((response.value, Some(response.trailing)), (1, said("trailing")));
    assert!(response.leading.is_empty());
}

#[tokio::test(start_paused = true)]
async fn both_directions_have_metadata() {
    let (_server, mut peer, client) = connected().await;
    let (sender, mut items) =
        client.request("chat").metadata([("ours", 1)]).both::<i32, i32>().await.unwrap();
    let request = peer.request().await;
    assert_eq!((request.kind, request.metadata), (METADATA, said("ours")));
    peer.say_with(request.seq, 1, MESSAGE, said("leading"), None).await;
    peer.say_with(request.seq, NIL, END_OF_STREAM, None, said("trailing")).await;
    assert_eq!(Some(items.leading().await.clone()), said("leading"));
    assert_eq!(items.next().await.unwrap().unwrap(), 1);
    assert!(items.next().await.is_none());
    assert_eq!(items.trailing().cloned(), said("trailing"));
    drop(sender);
}

#[tokio::test(start_paused = true)]
async fn waiting_for_an_item_can_be_given_up_without_losing_it() {
    let (_server, mut peer, client) = connected().await;
    let mut items = client.stream::<u32>("count", ()).await.unwrap();
    let seq = peer.expect(MESSAGE, "count").await;
    for number in 0..20 {
        {
            let mut next = pin!(items.next());
            assert!(once(next.as_mut()).await.is_pending());
        }
        peer.answer(seq, number).await;
        assert_eq!(items.next().await.unwrap().unwrap(), number);
    }
}
