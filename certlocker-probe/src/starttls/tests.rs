use super::*;

/// What a server says after each thing that it hears; the first is its greeting.
fn converse(protocol: Protocol, server: &[&[u8]], size: usize) -> Result<Vec<Vec<u8>>, Failure> {
    let name = DnsName::parse("a.example").unwrap();
    let mut dialogue = Dialogue::new(protocol, Some(&name));
    let mut said = vec![dialogue.opening().say];
    let (last, before) = server.split_last().unwrap();
    for words in before {
        let mut say = Vec::new();
        for piece in words.chunks(size) {
            let reply = dialogue.receive(piece)?;
            assert!(!reply.begins, "{protocol} began too early");
            say.extend(reply.say);
        }
        said.push(say);
    }
    let mut begins = false;
    for piece in last.chunks(size) {
        let reply = dialogue.receive(piece)?;
        begins |= reply.begins;
        said.push(reply.say);
    }
    assert!(begins, "{protocol} did not begin");
    Ok(said)
}

const MYSQL_GREETING: &[u8] = b"\x27\x00\x00\x00\x0a8.0.1\x00\x01\x00\x00\x00abcdefgh\x00\xff\xff\x21\x02\x00\xff\xdf\x15\0\0\0\0\0\0\0\0\0\0\x00";
const TDS_ANSWER: &[u8] = &[
    4, 1, 0, 26, 0, 0, 1, 0, 0, 0, 11, 0, 6, 1, 0, 17, 0, 1, 255, 15, 0, 0, 0, 0, 0, 1,
];
const RDP_ANSWER: &[u8] = &[
    3, 0, 0, 19, 14, 0xd0, 0, 0, 0x12, 0x34, 0, 2, 0, 8, 0, 1, 0, 0, 0,
];
const LDAP_ANSWER: &[u8] = &[0x30, 12, 2, 1, 1, 0x78, 7, 0x0a, 1, 0, 4, 0, 4, 0];

/// Each protocol with the words of a server that agrees.
fn agreeing() -> Vec<(Protocol, Vec<&'static [u8]>)> {
    let features = b"<?xml version='1.0'?><stream:stream from='a.example'><stream:features>\
        <starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'><required/></starttls></stream:features>";
    let proceed = b"<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>";
    vec![
        (
            Protocol::Ftp,
            vec![b"220-hello\r\n this is\r\n220 me\r\n", b"234 go\r\n"],
        ),
        (
            Protocol::Imap,
            vec![
                b"* OK [CAPABILITY IMAP4rev1] hello\r\n",
                b"* 1 EXISTS\r\na OK go\r\n",
            ],
        ),
        (
            Protocol::Irc,
            vec![b":a.example NOTICE AUTH :*** Looking up\r\n:a.example 670 * :go\r\n"],
        ),
        (Protocol::Ldap, vec![LDAP_ANSWER]),
        (
            Protocol::Lmtp,
            vec![b"220 a\r\n", b"250-a\r\n250 STARTTLS\r\n", b"220 go\r\n"],
        ),
        (Protocol::Mssql, vec![TDS_ANSWER]),
        (Protocol::Mysql, vec![MYSQL_GREETING]),
        (Protocol::Nntp, vec![b"201 hello\r\n", b"382 go\r\n"]),
        (Protocol::Pop3, vec![b"+OK hello\r\n", b"+OK go\r\n"]),
        (Protocol::Postgres, vec![b"S"]),
        (Protocol::Rdp, vec![RDP_ANSWER]),
        (
            Protocol::Sieve,
            vec![
                b"\"SIEVE\" \"fileinto\"\r\n\"STARTTLS\"\r\nOK \"hello\"\r\n",
                b"OK\r\n",
            ],
        ),
        (
            Protocol::Smtp,
            vec![
                b"220 a ESMTP\r\n",
                b"250-a\r\n250-STARTTLS\r\n250 HELP\r\n",
                b"220 2.0.0 go\r\n",
            ],
        ),
        (
            Protocol::Telnet,
            vec![b"\xff\xfd\x18\xff\xfd\x2e", b"\xff\xfa\x2e\x01\xff\xf0"],
        ),
        (Protocol::Xmpp, vec![features, proceed]),
        (Protocol::XmppServer, vec![features, proceed]),
    ]
}

#[test]
fn every_protocol_reaches_tls_however_the_answers_are_cut() {
    let agreeing = agreeing();
    assert_eq!(agreeing.len() + 1, Protocol::all().count());
    for (protocol, server) in agreeing {
        for size in [1, 5, 4096] {
            converse(protocol, &server, size)
                .unwrap_or_else(|failure| panic!("{protocol}: {failure}"));
        }
    }
}

#[test]
fn nothing_is_said_before_tls_but_what_the_protocol_asks() {
    let said = converse(
        Protocol::Smtp,
        &[b"220 a\r\n", b"250 a\r\n", b"220 go\r\n"],
        99,
    )
    .unwrap();
    assert_eq!(
        said,
        [&b""[..], b"EHLO probe.invalid\r\n", b"STARTTLS\r\n", b""]
    );
    let said = converse(Protocol::Postgres, &[b"S"], 99).unwrap();
    assert_eq!(said, [&[0, 0, 0, 8, 4, 210, 22, 47][..], b""]);
}

#[test]
fn a_refusal_is_told_in_the_words_of_the_server() {
    for (protocol, server, words) in [
        (
            Protocol::Ftp,
            vec![&b"220 a\r\n"[..], b"502 not here\r\n"],
            "502 not here",
        ),
        (
            Protocol::Imap,
            vec![b"* OK a\r\n", b"a BAD unknown\r\n"],
            "a BAD unknown",
        ),
        (
            Protocol::Imap,
            vec![b"* BYE too many\r\n"],
            "* BYE too many",
        ),
        (
            Protocol::Irc,
            vec![b":a 421 * STARTTLS :Unknown command\r\n"],
            ":a 421 * STARTTLS :Unknown command",
        ),
        (
            Protocol::Ldap,
            vec![&[0x30, 12, 2, 1, 1, 0x78, 7, 0x0a, 1, 2, 4, 0, 4, 0]],
            "result code 2",
        ),
        (
            Protocol::Mysql,
            vec![b"\x0b\x00\x00\x00\xff\x10\x04too many"],
            "too many",
        ),
        (
            Protocol::Pop3,
            vec![b"+OK a\r\n", b"-ERR no\r\n"],
            "-ERR no",
        ),
        (Protocol::Postgres, vec![b"N"], "N"),
        (
            Protocol::Rdp,
            vec![&[3, 0, 0, 19, 14, 0xd0, 0, 0, 0, 0, 0, 3, 0, 8, 0, 2, 0, 0, 0]],
            "negotiation failure 2",
        ),
        (
            Protocol::Sieve,
            vec![b"OK\r\n", b"NO \"no\"\r\n"],
            "NO \\\"no\\\"",
        ),
        (Protocol::Smtp, vec![b"554 go away\r\n"], "554 go away"),
        (
            Protocol::Smtp,
            vec![b"220 a\r\n", b"250 a\r\n", b"454 not now\r\n"],
            "454 not now",
        ),
        (
            Protocol::Xmpp,
            vec![b"<stream:features></stream:features>"],
            "features without starttls",
        ),
        (
            Protocol::Xmpp,
            vec![b"<stream:features/>"],
            "<stream:features/>",
        ),
    ] {
        let failure = converse(protocol, &server, 4096).unwrap_err();
        let Failure::StarttlsRefused { said } = &failure else {
            panic!("{protocol}: {failure}")
        };
        assert_eq!(said.replace('"', "\\\""), words, "{protocol}");
    }
}

#[test]
fn plain_text_after_the_agreement_is_refused() {
    for (protocol, server) in agreeing() {
        let mut server: Vec<Vec<u8>> = server.iter().map(|words| words.to_vec()).collect();
        server.last_mut().unwrap().extend_from_slice(b"MORE\r\n");
        let server: Vec<&[u8]> = server.iter().map(Vec::as_slice).collect();
        let failure = converse(protocol, &server, 4096).unwrap_err();
        assert_eq!(
            failure,
            Failure::Injected {
                said: "MORE".to_owned()
            },
            "{protocol}"
        );
    }
}

#[test]
fn another_protocol_on_the_port_is_recognised_as_none_of_this() {
    for (protocol, _) in agreeing() {
        if [
            Protocol::Telnet,
            Protocol::Irc,
            Protocol::Xmpp,
            Protocol::XmppServer,
            Protocol::Mysql,
            Protocol::Mssql,
        ]
        .contains(&protocol)
        {
            continue;
        }
        let failure = converse(protocol, &[b"HTTP/1.1 400 Bad Request\r\n\r\n"], 4096).unwrap_err();
        assert!(
            matches!(failure, Failure::Malformed { .. }),
            "{protocol}: {failure}"
        );
    }
}

#[test]
fn a_server_that_never_stops_is_cut_off() {
    for (protocol, _) in agreeing() {
        let mut dialogue = Dialogue::new(protocol, None);
        let failure = std::iter::repeat_n(b"250-and on\r\n", 10_000)
            .find_map(|words| dialogue.receive(words).err());
        assert!(failure.is_some(), "{protocol}");
    }
}
