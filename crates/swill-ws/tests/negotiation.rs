//! `Sec-WebSocket-Extensions`, both ends of it.

use swill_ws::deflate::{Negotiated, Options, accept, check};

const ANYTHING: Options = Options {
    server_no_context_takeover: false,
    client_no_context_takeover: false,
    server_max_window_bits: 15,
    client_max_window_bits: 15,
};

/// What a server with these options answers to these headers; "" for nothing.
fn answer(options: &Options, headers: &[&str]) -> String {
    accept(headers.iter().copied(), options).map(|negotiated| negotiated.to_string()).unwrap_or_default()
}

#[test]
fn a_server_answers_offers() {
    let plain = "permessage-deflate";
    for (headers, expected) in [
        (&[][..], ""),
        (&[""], ""),
        (&["permessage-deflate"], plain),
        (&["Permessage-Deflate"], plain),
        (&["  permessage-deflate\t"], plain),
        (&[", ,permessage-deflate,"], plain),
        (&["permessage-bzip2", "x-webkit-deflate-frame, permessage-deflate"], plain),
        (&["foo; bar=\"a\", permessage-deflate"], plain),
        (
            &["permessage-deflate; server_no_context_takeover"],
            "permessage-deflate; server_no_context_takeover",
        ),
        (
            &["permessage-deflate ;client_no_context_takeover"],
            "permessage-deflate; client_no_context_takeover",
        ),
        (&["permessage-deflate; client_max_window_bits"], plain),
        (&["permessage-deflate; client_max_window_bits=10"], "permessage-deflate; client_max_window_bits=10"),
        (&["permessage-deflate; client_max_window_bits=8"], "permessage-deflate; client_max_window_bits=8"),
        (&["permessage-deflate; server_max_window_bits=9"], "permessage-deflate; server_max_window_bits=9"),
        (
            &["permessage-deflate; server_max_window_bits=\"12\""],
            "permessage-deflate; server_max_window_bits=12",
        ),
        (
            &["permessage-deflate; server_max_window_bits=\"1\\2\""],
            "permessage-deflate; server_max_window_bits=12",
        ),
        (&["permessage-deflate; server_max_window_bits = 15"], plain),
        // Declined, each for one reason.
        (&["permessage-deflate; server_max_window_bits=8"], ""),
        (&["permessage-deflate; server_max_window_bits"], ""),
        (&["permessage-deflate; server_max_window_bits=7"], ""),
        (&["permessage-deflate; server_max_window_bits=16"], ""),
        (&["permessage-deflate; server_max_window_bits=010"], ""),
        (&["permessage-deflate; server_max_window_bits=+9"], ""),
        (&["permessage-deflate; server_max_window_bits=x"], ""),
        (&["permessage-deflate; server_max_window_bits=\"\""], ""),
        (&["permessage-deflate; server_max_window_bits=99999999999999999999"], ""),
        (&["permessage-deflate; client_max_window_bits=7"], ""),
        (&["permessage-deflate; client_max_window_bits=16"], ""),
        (&["permessage-deflate; client_max_window_bits="], ""),
        (&["permessage-deflate; server_no_context_takeover=1"], ""),
        (&["permessage-deflate; client_no_context_takeover=\"x\""], ""),
        (&["permessage-deflate; unknown"], ""),
        (&["permessage-deflate; server_no_context_takeover; server_no_context_takeover"], ""),
        (&["permessage-deflate; client_no_context_takeover; client_no_context_takeover"], ""),
        (&["permessage-deflate; server_max_window_bits=10; server_max_window_bits=10"], ""),
        (&["permessage-deflate; client_max_window_bits; client_max_window_bits=10"], ""),
        (&["permessage-deflatex"], ""),
        (&["permessage-deflate=1"], ""),
        (&["permessage-deflate;"], ""),
        (&["permessage-deflate; =3"], ""),
        (&["permessage-deflate; a=\"unfinished"], ""),
        (&["permessage-deflate; a=\"two words\""], ""),
        (&["@, permessage-deflate"], ""),
        // The next offer counts.
        (&["permessage-deflate; server_max_window_bits=8, permessage-deflate"], plain),
        (
            &["permessage-deflate; unknown", "permessage-deflate; server_max_window_bits=10"],
            "permessage-deflate; server_max_window_bits=10",
        ),
        (&["permessage-deflate; x=\"a,b\", permessage-deflate"], ""),
        (
            &["permessage-deflate; client_max_window_bits=9, permessage-deflate"],
            "permessage-deflate; client_max_window_bits=9",
        ),
    ] {
        assert_eq!(answer(&ANYTHING, headers), expected, "{headers:?}");
    }
}

#[test]
fn a_server_asks_for_what_it_wants_as_far_as_it_may() {
    let options = Options {
        server_no_context_takeover: true,
        client_no_context_takeover: true,
        server_max_window_bits: 11,
        client_max_window_bits: 12,
    };
    let both = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";
    for (offer, expected) in [
        ("permessage-deflate", format!("{both}; server_max_window_bits=11")),
        (
            "permessage-deflate; client_max_window_bits",
            format!("{both}; server_max_window_bits=11; client_max_window_bits=12"),
        ),
        (
            "permessage-deflate; client_max_window_bits=15; server_max_window_bits=15",
            format!("{both}; server_max_window_bits=11; client_max_window_bits=12"),
        ),
        (
            "permessage-deflate; client_max_window_bits=10; server_max_window_bits=9",
            format!("{both}; server_max_window_bits=9; client_max_window_bits=10"),
        ),
    ] {
        assert_eq!(answer(&options, &[offer]), expected, "{offer}");
    }
}

#[test]
fn odd_options_count_as_the_nearest_possible() {
    let options = Options { server_max_window_bits: 0, client_max_window_bits: 255, ..ANYTHING };
    assert_eq!(
        answer(&options, &["permessage-deflate; client_max_window_bits"]),
        "permessage-deflate; server_max_window_bits=9"
    );
    assert_eq!(options.offer(), "permessage-deflate; server_max_window_bits=9; client_max_window_bits");
}

#[test]
fn a_client_reads_answers_strictly() {
    let nine = Options { server_max_window_bits: 9, client_max_window_bits: 12, ..ANYTHING };
    let forget = Options { server_no_context_takeover: true, client_no_context_takeover: true, ..ANYTHING };
    let all = Negotiated {
        server_no_context_takeover: false,
        client_no_context_takeover: false,
        server_max_window_bits: 15,
        client_max_window_bits: 15,
    };
    for (options, headers, expected) in [
        (ANYTHING, &[][..], Some(None)),
        (ANYTHING, &[""], Some(None)),
        (ANYTHING, &["permessage-deflate"], Some(Some(all))),
        (
            ANYTHING,
            &["permessage-deflate; server_no_context_takeover; client_no_context_takeover"],
            Some(Some(Negotiated {
                server_no_context_takeover: true,
                client_no_context_takeover: true,
                ..all
            })),
        ),
        (
            ANYTHING,
            &["permessage-deflate; server_max_window_bits=8; client_max_window_bits=8"],
            Some(Some(Negotiated { server_max_window_bits: 8, client_max_window_bits: 8, ..all })),
        ),
        (
            nine,
            &["permessage-deflate; server_max_window_bits=9"],
            Some(Some(Negotiated { server_max_window_bits: 9, client_max_window_bits: 12, ..all })),
        ),
        (
            forget,
            &["permessage-deflate; server_no_context_takeover"],
            Some(Some(Negotiated {
                server_no_context_takeover: true,
                client_no_context_takeover: true,
                ..all
            })),
        ),
        (nine, &["permessage-deflate"], None),
        (nine, &["permessage-deflate; server_max_window_bits=10"], None),
        (nine, &["permessage-deflate; server_max_window_bits=9; client_max_window_bits=13"], None),
        (forget, &["permessage-deflate"], None),
        (forget, &["permessage-deflate; client_no_context_takeover"], None),
        (ANYTHING, &["permessage-deflate; client_max_window_bits"], None),
        (ANYTHING, &["permessage-deflate; server_max_window_bits"], None),
        (ANYTHING, &["permessage-deflate; server_max_window_bits=16"], None),
        (ANYTHING, &["permessage-deflate; client_max_window_bits=7"], None),
        (ANYTHING, &["permessage-deflate; server_no_context_takeover=15"], None),
        (ANYTHING, &["permessage-deflate; server_no_context_takeover; server_no_context_takeover"], None),
        (ANYTHING, &["permessage-deflate; unknown"], None),
        (ANYTHING, &["permessage-bzip2"], None),
        (ANYTHING, &["permessage-deflate, permessage-deflate"], None),
        (ANYTHING, &["permessage-deflate", "permessage-deflate"], None),
        (ANYTHING, &["permessage-deflate", "other"], None),
        (ANYTHING, &["permessage-deflate; \"quoted\""], None),
        (ANYTHING, &["="], None),
    ] {
        assert_eq!(check(headers.iter().copied(), &options).ok(), expected, "{headers:?}");
    }
}

#[test]
fn a_client_says_what_is_wrong_with_an_answer() {
    let ten = Options { server_max_window_bits: 10, client_max_window_bits: 10, ..ANYTHING };
    let forget = Options { server_no_context_takeover: true, ..ANYTHING };
    for (options, parameters, words) in [
        (forget, "", "server_no_context_takeover is missing"),
        (ten, "", "server_max_window_bits is missing"),
        (ten, "; server_max_window_bits=11", "server_max_window_bits is over the offer"),
        (ten, "; server_max_window_bits=9; client_max_window_bits=11", "client_max_window_bits is over"),
        (ANYTHING, "; server_max_window_bits", "server_max_window_bits without a value"),
        (ANYTHING, "; client_max_window_bits", "client_max_window_bits without a value"),
        (ANYTHING, "; client_max_window_bits=16", "window bits not from 8 to 15"),
        (ANYTHING, "; client_no_context_takeover=1", "context takeover with a value"),
        (ANYTHING, "; server_max_window_bits=9; server_max_window_bits=9", "doubled parameter"),
        (ANYTHING, "; wishes", "unknown parameter"),
        (ANYTHING, "-later", "an extension not offered"),
        (ANYTHING, ", permessage-deflate", "more than one extension"),
        (ANYTHING, ";;", "not a list of extensions"),
    ] {
        let said = check([format!("permessage-deflate{parameters}").as_str()], &options);
        let said = said.expect_err(parameters).to_string();
        assert!(said.contains(words), "{parameters}: {said}");
    }
}

#[test]
fn every_answer_of_ours_is_good_for_every_offer_of_ours() {
    for server in options() {
        for client in options() {
            let offer = client.offer();
            let negotiated = accept([offer.as_str()], &server).expect("compression is offered");
            let answer = negotiated.to_string();
            let agreed = check([answer.as_str()], &client).expect("a good answer").expect("compression");
            assert_eq!(agreed.server_no_context_takeover, negotiated.server_no_context_takeover);
            assert_eq!(agreed.server_max_window_bits, negotiated.server_max_window_bits);
            assert_eq!(agreed.client_max_window_bits, negotiated.client_max_window_bits);
            // The client may do more than it has to.
            assert!(agreed.client_no_context_takeover || !negotiated.client_no_context_takeover);
            assert_eq!(agreed.client_no_context_takeover, negotiated.client_no_context_takeover);
        }
    }
}

fn options() -> impl Iterator<Item = Options> {
    (0..36).map(|i| Options {
        server_no_context_takeover: i % 2 == 0,
        client_no_context_takeover: i / 2 % 2 == 0,
        server_max_window_bits: [9, 12, 15][i / 4 % 3],
        client_max_window_bits: [9, 12, 15][i / 12 % 3],
    })
}
